"""What is done after a message could not be sent: one table, pure (security.md 5.2).

Sending has no key, so an outcome nobody knows is repeated only where twice is better than never; changing a card in
place may always be repeated. Ten tries of one message spread over most of a day, so that an outage of a night is
outlived.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto, unique
from typing import Final

from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant

MAX_TRIES: Final = 10
WINDOW: Final = DAY
"""Within which the tries of one message lie; what is not urgent is given up after it, however few they were."""
LONGEST_PAUSE: Final = 15 * MINUTE
"""A longer Retry-After is cut to this."""
FIRST_WAIT: Final = 5 * SECOND
LONGEST_WAIT: Final = 4 * HOUR
_GROWTH: Final = 4
_SPREAD: Final = 4
"""The jitter makes a wait longer by at most one part in so many."""
LONGEST_AHEAD: Final = LONGEST_WAIT + LONGEST_WAIT // _SPREAD
"""What is to be tried later than so far ahead was put off by a clock that was ahead."""


@unique
class Outcome(StrEnum):
    """How an attempt failed."""

    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    """No connection was made, or no token could be had: nothing has arrived for certain."""
    UNKNOWN = "unknown"
    """It may have arrived: 408, 412, 5xx, a time-out, a connection that broke."""
    UNAUTHORIZED = "unauthorized"
    """The connector does not take the bot's token, nor a renewed one."""
    GONE = "gone"
    """Blocked, removed, or no longer there."""
    REJECTED = "rejected"
    """Found wrong or too large, in its short form too."""
    FOREIGN_HOST = "foreign_host"
    """The stored address is none that the bot may speak to: somebody has changed it."""
    NOT_DRAWN = "not_drawn"
    """The card could not be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that failed."""

    outcome: Outcome
    urgent: bool
    attempts: int
    """How many there have been for this message, this one included."""
    first_at: Instant
    """When the first of them was."""
    put: bool = False
    """Whether a card was to be changed in place."""
    owed: bool = False
    """Whether a message of its own was to follow the change."""
    retry_after: float = 0.0
    """Seconds the connector asked to wait; 0 for none."""


class Next(Enum):
    """What is done next."""

    AGAIN = auto()
    ANEW = auto()
    """The card is gone: a new one is sent."""
    DROP = auto()
    """This recipient cannot be reached here any more: the next one has to be told."""
    DEAD = auto()
    """Given up, and people are told."""
    ENOUGH = auto()
    """Nobody knows whether it arrived, and it may be asked for again: given up quietly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done after a failure, and when."""

    next: Next
    at: Instant = 0
    """When to try again, for `AGAIN` and `ANEW`."""
    maybe_twice: bool = False
    """Whether the repeat may be a second copy."""


def decide(failure: Failure, *, now: Instant, jitter: float) -> Decision:
    """Tell what to do after a failed attempt; `jitter` is a number from 0 up to 1 (security.md 5.2, RL-08 to 13)."""
    outcome = failure.outcome
    if outcome is Outcome.FOREIGN_HOST:
        return Decision(next=Next.DEAD)
    if outcome is Outcome.GONE:
        return Decision(next=Next.ANEW, at=now) if failure.put else Decision(next=Next.DROP)
    if outcome is Outcome.REJECTED:
        return Decision(next=Next.ANEW, at=now) if failure.put and failure.owed else Decision(next=Next.DEAD)
    blind = outcome is Outcome.UNKNOWN and not failure.put
    if blind and not failure.urgent:
        return Decision(next=Next.ENOUGH)
    if failure.attempts >= MAX_TRIES or (not failure.urgent and now - failure.first_at >= WINDOW):
        return Decision(next=Next.DEAD, maybe_twice=blind)
    return Decision(next=Next.AGAIN, at=now + _wait(failure, jitter), maybe_twice=blind)


def pause_of(retry_after: float) -> int:
    """Give the pause that is kept for a Retry-After in seconds, in microseconds: what was asked, 15 minutes at most."""
    return min(round(retry_after * SECOND), LONGEST_PAUSE)


def _wait(failure: Failure, jitter: float) -> int:
    """Give how long to wait, never shorter than the connector asked; longer by chance, so that not all come at once."""
    grown: int = min(FIRST_WAIT * _GROWTH ** (failure.attempts - 1), LONGEST_WAIT)
    wait = max(grown, pause_of(failure.retry_after))
    return wait + round(wait * jitter / _SPREAD)
