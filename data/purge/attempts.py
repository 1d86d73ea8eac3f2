"""Records that somebody tried what he may not: each refused destructive attempt leaves an entry (AZ-01)."""

from data.access import Actor
from data.purge.parts import PurgeParts


def record_attempt(parts: PurgeParts, actor: Actor, *, what: str, about: str, reason: str) -> None:
    """Record a refused attempt: which verb, on what, and why in a stable word; raises `StateError`."""
    by = parts.people.of(actor) if actor.object_id else "nobody"
    parts.audit.append("attempt.refused", by, about[:80], {"what": what[:40], "reason": reason[:40]})
