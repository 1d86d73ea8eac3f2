"""Instants as whole microseconds since 1970-01-01 UTC: exact, cheap to compare by the million, never naive."""

from datetime import UTC, datetime, timedelta
from typing import Final

Instant = int
"""Microseconds since the Unix epoch, UTC."""

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
"""A day is 24 h of elapsed time, never a calendar day (purge.md 6.2)."""

BEGINNING: Final = -62_135_596_800 * SECOND
"""0001-01-01: stands for "nobody knows how far back"."""
BELIEVABLE: Final = 946_684_800 * SECOND
"""2000-01-01: a stamp before it is not believed (purge.md 6.2)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def instant_of(moment: datetime) -> Instant:
    """Turn an aware datetime into an instant; raises `ValueError` for a naive one."""
    if moment.tzinfo is None:
        message = "a naive datetime names no instant"
        raise ValueError(message)
    return (moment - _EPOCH) // _TICK


def datetime_of(instant: Instant) -> datetime:
    """Turn an instant into an aware datetime in UTC."""
    return _EPOCH + instant * _TICK


def iso(instant: Instant) -> str:
    """Write an instant as ISO 8601 in UTC with `Z`; the fraction is left out where it is nought."""
    return datetime_of(instant).isoformat().replace("+00:00", "Z")


def read_iso(text: str) -> Instant:
    """Read what `iso` wrote; raises `ValueError`."""
    return instant_of(datetime.fromisoformat(text))


def whole_seconds(instant: Instant) -> Instant:
    """Cut an instant down to whole seconds."""
    return instant // SECOND * SECOND
