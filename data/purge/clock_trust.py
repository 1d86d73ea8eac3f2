"""Lets a person say that a clock which had jumped is right again; the only way out of a block."""

from data.access import Actor, Permission
from data.errors import RefusedError
from data.purge.parts import PurgeParts
from data.retention.instants import Instant
from data.retention.request import WAITING, State, move
from data.retention.words import one_line

LONGEST_REASON = 200


def trust_clock(parts: PurgeParts, actor: Actor, reason: str) -> Instant:
    """Take the present time for right; needs a reason, and is recorded. Raises `RefusedError`, `ClockError`."""
    if not actor.may(Permission.RUN_PURGE):
        raise RefusedError("not_allowed", "your role does not allow this")
    why = one_line(reason, most=LONGEST_REASON)
    if not why:
        raise RefusedError("no_reason", "trusting a clock needs a reason")
    by = parts.people.of(actor)
    parts.audit.acknowledge_clock(by)
    parts.audit.append("clock.trusted", by, "", {"reason": why})
    now = parts.guard.acknowledge()
    for source in parts.sources:
        for request in parts.stores.requests.open_of(source):
            if request.state in WAITING:  # its deadlines were reckoned by the other clock
                parts.audit.append("request.superseded", by, request.id, {"digest": request.digest})
                parts.stores.requests.replace(move(request, State.SUPERSEDED, by=by, now=now, reason="clock"))
    return now
