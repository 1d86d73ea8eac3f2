"""Records that a document of a purge was read through a link."""

from data.audit.entry import SYSTEM
from data.purge.parts import PurgeParts


def record_reading(parts: PurgeParts, request_id: str, *, kind: str) -> None:
    """Record which kind of document of which request was read; by whom a link does not tell. Raises `StateError`."""
    parts.audit.append("document.read", SYSTEM, request_id, {"kind": kind})
