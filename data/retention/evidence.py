"""When a record was written, as an interval, and what that rests on (purge.md 6.1 to 6.3)."""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.retention.instants import Instant


@unique
class Evidence(StrEnum):
    """The ladder: the first rung that applies gives the interval."""

    OWN = "own"
    """The record's own time stamp."""
    CONTINUATION = "continuation"
    """A line that belongs to the dated record above it; counted by lines."""
    NEIGHBOURS = "neighbours"
    """Between two dated records of the same file."""
    NAME = "name"
    """The period in the file's name."""
    MTIME = "mtime"
    """Not later than the file's last change, not earlier than its birth."""
    NONE = "none"
    """Undatable: never deleted, alerted when first seen + limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A closed interval of instants; `lo == hi` where the time is exact."""

    lo: Instant
    hi: Instant

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            message = "an interval begins before it ends"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The two instants that records are held against."""

    cutoff: Instant
    """A record may go if its interval ends before this; whole seconds, strict."""
    limit: Instant
    """A record is overdue if its interval begins before this."""
    now: Instant
    """When the looking began: later stamps than ten minutes after it are not believed."""
