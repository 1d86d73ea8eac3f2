"""What is wrong at one moment and how long there is left: the side of an alert that only the facts can change."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from data.retention.finding import FindingKind
from data.retention.instants import DAY, Instant

COUNTDOWN: Final = frozenset({FindingKind.DUE, FindingKind.OVERDUE})
"""The two ends of one countdown: the same alert goes from the one to the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that is not as it should be, now."""

    kind: FindingKind
    about: str
    count: int = 0
    since: Instant | None = None
    cause: str = ""
    limit: Instant | None = None
    """When the oldest record passes the limit; None where no limit is in sight."""
    start_by: Instant | None = None
    """When a purge must have been started to be done by the limit."""
    stage: int = -1
    """Days of the countdown that are reached; -1 where nothing counts down."""

    @property
    def slot(self) -> str:
        """Give what it is told by: there is one unresolved alert at a time for each."""
        return slot_of(self.kind, self.about)


def slot_of(kind: FindingKind, about: str) -> str:
    """Give the slot of a kind: due and overdue share one."""
    return f"countdown/{about}" if kind in COUNTDOWN else f"{kind}/{about}"


def stage_at(start_by: Instant, warn_days: Iterable[int], now: Instant) -> int | None:
    """Give the stage that is reached: 0 once the last moment to start has come, None before the first warning."""
    if now >= start_by:
        return 0
    return min((days for days in warn_days if start_by - now <= days * DAY), default=None)


def counted(
    *, about: str, count: int, oldest: Instant, limit: Instant, start_by: Instant, stage: int | None, now: Instant
) -> Fact | None:
    """Make the fact of a countdown; None before its first stage.

    A record is overdue once its limit has passed, whatever was seen when somebody looked last.
    """
    late = now > limit
    if not late and stage is None:
        return None
    return Fact(
        kind=FindingKind.OVERDUE if late else FindingKind.DUE,
        about=about,
        count=max(count, int(late)),
        since=oldest,
        limit=limit,
        start_by=start_by,
        stage=0 if late else stage or 0,
    )
