"""Something the data protection officer has to know: one fact, without memory of whether it was told before."""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.retention.instants import Instant


@unique
class FindingKind(StrEnum):
    """What the data protection officer has to know."""

    DUE = "due"
    OVERDUE = "overdue"
    UNREADABLE = "unreadable"
    UNDATABLE = "undatable"
    DEAD = "dead"
    LATE = "late"
    RESURRECTED = "resurrected"
    DRIFTING = "drifting"
    UNPARSED = "unparsed"
    FUTURE = "future"
    HOLD_REVIEW = "hold_review"
    HELD_PAST_LIMIT = "held_past_limit"
    PURGE_FAILED = "purge_failed"
    OVER_DELETION = "over_deletion"
    PURGE_INTERRUPTED = "purge_interrupted"
    RELEASE_LATE = "release_late"
    """Deleted, but the storage was not released in time, or nobody could see whether it was."""
    BREAK_GLASS = "break_glass"
    TOO_OLD_AT_WORST = "too_old_at_worst"
    AUDIT_BROKEN = "audit_broken"
    CLOCK_BLOCKED = "clock_blocked"
    CREDENTIAL_EXPIRING = "credential_expiring"
    STANDING_BLOCKED = "standing_blocked"
    """A standing rule that should have purged and could not."""
    NOT_DELIVERED = "not_delivered"
    """An alert that reached nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    kind: FindingKind
    about: str
    """Id of the source, request or hold."""
    count: int = 0
    since: Instant | None = None
    """Since when, or by when, as far as it is known."""
    cause: str = ""
    """The likely cause, in a stable word."""
