"""What a clock on the wall of a zone means: a naive local time to the interval of instants it may stand for.

`ZoneClock(zone)` remembers the offsets of the hours it was asked for, so that a million lines of one day cost one look
into the zone; `wall` and `time_of_day` read calendar fields without any zone.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final, cast
from zoneinfo import ZoneInfo

from data.retention.evidence import Span
from data.retention.instants import BEGINNING, DAY, HOUR, MINUTE, SECOND, Instant

Wall = int
"""Microseconds since 1970-01-01 00:00 on some wall: an instant once its zone is known."""

LATEST: Final = 253_402_300_800 * SECOND - 1
"""The last microsecond of the year 9999."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  a time on the wall, on purpose
_EPOCH_IN_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EASTMOST = 14 * HOUR
_WESTMOST = -12 * HOUR
_TICK = timedelta(microseconds=1)
_MOST_REMEMBERED = 4096
_MOST_CLOCKS = 64
_LEAP = 60
_MIDNIGHT = 24


class ZoneClock:
    """Tells what wall times of one zone mean (purge.md 6.2, naive local stamps); None is unknown: -12 h to +14 h."""

    __slots__ = ("_known", "zone")

    def __init__(self, zone: ZoneInfo | None) -> None:
        self.zone = zone
        self._known: dict[int, tuple[int, int]] = {}

    def span(self, first: Wall, last: Wall | None = None) -> Span:
        """Give the interval that a wall time, or all from `first` to `last`, may stand for, in either folding."""
        east, west = self.offsets(first)
        if last is not None:
            west = self.offsets(last)[1]
            return between(first - east, last - west)
        return between(first - east, first - west)

    def offsets(self, wall: Wall) -> tuple[int, int]:
        """Give the most and the least that this wall may be ahead of UTC, in microseconds."""
        if self.zone is None:
            return _EASTMOST, _WESTMOST
        hour = wall // HOUR
        known = self._known.get(hour)
        if known is not None:
            return known
        start = self._look(hour * HOUR)
        if start[0] != start[1] or self._look(hour * HOUR + HOUR - 1) != start:
            return self._look(wall)  # the offset changes within or around this hour: every wall time has its own
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[hour] = start
        return start

    def _look(self, wall: Wall) -> tuple[int, int]:
        inside = max(BEGINNING, min(wall, LATEST))
        moment = (_EPOCH + inside * _TICK).replace(tzinfo=self.zone)
        readings = [cast("timedelta", moment.replace(fold=fold).utcoffset()) // _TICK for fold in (0, 1)]
        return max(readings), min(readings)


Where = ZoneInfo | ZoneClock | None
"""The zone of naive stamps, or the clock made for it once (much faster for many stamps)."""


class Clocks:
    """Keeps the clock of each zone, so that many small files of one zone share what it remembers."""

    __slots__ = ("_clocks",)

    def __init__(self) -> None:
        self._clocks: dict[ZoneInfo | None, ZoneClock] = {}

    def of(self, zone: ZoneInfo | None) -> ZoneClock:
        """Give the clock of a zone."""
        found = self._clocks.get(zone)
        if found is None:
            if len(self._clocks) >= _MOST_CLOCKS:
                self._clocks.clear()
            found = self._clocks[zone] = ZoneClock(zone)
        return found


def clock_of(where: Where) -> ZoneClock:
    """Give the clock of a zone."""
    return where if isinstance(where, ZoneClock) else ZoneClock(where)


def between(lo: Instant, hi: Instant) -> Span:
    """Give an interval, kept inside the years 1 to 9999."""
    if lo >= BEGINNING and hi <= LATEST:
        return Span(lo=lo, hi=hi)
    return Span(lo=max(BEGINNING, min(lo, LATEST)), hi=max(BEGINNING, min(hi, LATEST)))


def wall(year: int, month: int, day: int, since_midnight: int = 0) -> Wall | None:
    """Give the wall time of a date and so many microseconds after its midnight; None for a date that does not exist."""
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * DAY + since_midnight
    except (ValueError, OverflowError):
        return None


def instant_of(text: bytes) -> Instant | None:
    """Read the same with an offset right behind it."""
    try:
        since = datetime.fromisoformat(text.decode("ascii")) - _EPOCH_IN_UTC
    except ValueError:
        return None
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def wall_of(text: bytes) -> Wall | None:
    """Read `2026-11-23?08:00:00[.fff]`; more digits than six are cut; None where a field is out of its range."""
    try:
        since = datetime.fromisoformat(text.decode("ascii")) - _EPOCH
    except ValueError:
        return None
    return since.days * DAY + since.seconds * SECOND + since.microseconds


def time_of_day(hour: int, minute: int, second: int = 0, micro: int = 0) -> int | None:
    """Give microseconds since midnight: `:60` is :59.999999, `24:00` the next midnight (purge.md 6.2); else None."""
    if second == _LEAP:
        second, micro = 59, 999_999
    if hour == _MIDNIGHT:
        return DAY if minute == second == micro == 0 else None
    if 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= micro < SECOND:  # noqa: PLR2004
        return hour * HOUR + minute * MINUTE + second * SECOND + micro
    return None
