"""Purges whose engine releases storage later than it deletes: when they are looked at again, and what counts then.

The first look, right after the purge, proves that the old is gone for readers and that nothing young is. The second one
proves that the storage is released too; only then is there a final certificate (purge.md 6.8, levels L2 and L3).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data.errors import RefusedError
from data.retention.evidence import Marks
from data.retention.instants import DAY, Instant
from data.retention.request import PurgeRequest, State
from data.retention.unit import Planned

LATE_AFTER = 2 * DAY
"""After which storage that was not released in time is told to the data protection officers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """What may have been removed rightly since a purge, so that its absence says nothing against that purge."""

    young_from: Instant
    """A control is looked at again only if all of it is younger than this."""
    kept_may_be_gone: bool
    """Whether the records that a rewriting kept may have been old enough for somebody else since."""

    def still_young(self, controls: Iterable[Planned]) -> Iterator[Planned]:
        """Leave the controls that have to be there even now."""
        return (control for control in controls if control.lo >= self.young_from)


def aged(request: PurgeRequest, marks: Marks, *, purged_until: Instant | None) -> Aged:
    """Judge by how far the source was purged since, and by the rule as it is now; `marks` are those of this moment."""
    purged = request.cutoff if purged_until is None else purged_until
    return Aged(
        young_from=max(purged, marks.cutoff),
        kept_may_be_gone=max(purged, marks.limit) > request.cutoff,
    )


def is_due(request: PurgeRequest, now: Instant) -> bool:
    """Tell whether a request waits for its second look and the time for it has come."""
    return request.state is State.PENDING_PHYSICAL and now >= request.expires_at


def check_due(request: PurgeRequest, now: Instant) -> None:
    """Refuse a second look before its time: it could only say what is known. Raises `RefusedError`."""
    if not is_due(request, now):
        raise RefusedError("not_released", f"request {request.id} waits until its storage should be released")


def next_look(request: PurgeRequest, now: Instant) -> Instant:
    """Give when to look once more: a day later at first, then ever more rarely."""
    return now + DAY + max(0, now - request.release_at)


def ended_at(request: PurgeRequest) -> Instant:
    """Give when the deletion was over and the first look began."""
    return next(step.at for step in request.story if step.state is State.VERIFYING)


def is_late(request: PurgeRequest, now: Instant) -> bool:
    """Tell whether the storage should long have been released."""
    return (
        bool(request.release_at) and request.state is State.PENDING_PHYSICAL and now > request.release_at + LATE_AFTER
    )
