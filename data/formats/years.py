"""Stamps without a year, and the walk that finds it (purge.md 6.2, `Year missing`).

A stamp is dated in the latest year that is not after the file's last change plus a day. A file that is longer than a
year then seems to jump back by almost a year where it crosses that date; every such jump means that all above it is a
year earlier. Jumps below are only known to who has seen the whole file: `prepare` may be given all stamps before the
first is asked for. Without it, or where a jump may be disorder, the later year bounds the record: never too early.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from data.formats.stamps import CLOCK, month_of
from data.formats.zones import LATEST, Where, clock_of, time_of_day, wall
from data.retention.evidence import Span
from data.retention.instants import BEGINNING, DAY, Instant, datetime_of

MONTH_FIRST: Final = rb"([A-Za-z\x80-\xff]{3,9}\.?) ([ \d]?\d) " + CLOCK
"""`Nov  3 09:23:38`: six groups."""

_MONTH_FIRST = re.compile(MONTH_FIRST)
_GLOG = re.compile(rb"(\d\d)(\d\d) " + CLOCK)
_YEAR = 365 * DAY
_HALF = _YEAR // 2
_NEAR = 3 * DAY
"""How far the lines around a jump may be apart for nobody to doubt it."""
_LATE = 7 * DAY
"""How late a line may be for a jump forward to be taken for its lateness; more than `_NEAR`, so that jumps add up."""
_LONGEST = 3
"""Jumps after which a file is not long but out of order."""
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LEAPS = 8
"""29 February comes back after eight years at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yearless:
    """A date without a year, and microseconds since its midnight."""

    month: int
    day: int
    since: int


def month_first(text: bytes) -> Yearless | None:
    """Read `Nov  3 09:23:38[.fff]` of RFC 3164, with a German or French month too."""
    found = _MONTH_FIRST.fullmatch(text)
    return yearless(found.groups()) if found else None


def glog(text: bytes) -> Yearless | None:
    """Read `1123 08:00:00.123456` of glog, without the letter before it."""
    found = _GLOG.fullmatch(text)
    return yearless(found.groups()) if found else None


def yearless(groups: Sequence[bytes]) -> Yearless | None:
    """Read what `MONTH_FIRST` took apart: month, day, hour, minute, second, fraction or None."""
    month, day, hour, minute, second, fraction = groups
    number = int(month) if month.isdigit() else month_of(month)
    micro = int(fraction.ljust(6, b"0")[:6]) if fraction else 0
    since = time_of_day(int(hour), int(minute), int(second), micro)
    if since is None or not 1 <= number <= len(_LENGTHS) or not 1 <= int(day) <= _LENGTHS[number - 1]:
        return None
    return Yearless(month=number, day=int(day), since=since)


class YearWalk:
    """Gives the stamps of one file, in their order, the interval of the years they may be from; never raises."""

    def __init__(self, mtime: Instant, where: Where, period: Span | None = None, *, starts: bool = False) -> None:
        """Know when the file was last changed and the period it names; `starts` where that is only its beginning."""
        self._mtime = max(BEGINNING, min(mtime, LATEST - DAY))
        self._newest = datetime_of(self._mtime + DAY).year + 1
        self._clock = clock_of(where)
        self._period = period
        self._starts = starts
        self._years: dict[tuple[int, int], tuple[int, int]] = {}
        self._all, self._above = _Jumps(), _Jumps()

    def prepare(self, stamps: Iterable[Yearless]) -> None:
        """Look at all stamps of the file, or at the last ones, before the first is asked for."""
        self._all = _Jumps()
        if self.is_named:
            return
        for stamp in stamps:
            span = self._in_year(stamp, self._candidates(stamp)[1])
            if span is not None:
                self._all.see(span.lo)

    @property
    def is_named(self) -> bool:
        """Tell whether the file names its period, which tells more than the order of its lines."""
        return self._period is not None

    @property
    def is_steady(self) -> bool:
        """Tell whether the same stamp always gets the same interval, wherever in the file it stands."""
        return self._all.possible == 0

    def span(self, stamp: Yearless) -> Span | None:
        """Give the interval of the next stamp; None where its date exists in no year."""
        candidates = first, last = self._candidates(stamp)
        latest = self._in_year(stamp, last)
        if latest is None:
            return None
        if self._all.possible:
            self._above.see(latest.lo)
            first, last = self._walked(first, last)
        return latest if first == last == candidates[1] else self._covering(stamp, first, last)

    def _walked(self, first: int, last: int) -> tuple[int, int]:
        if self._all.possible > _LONGEST:
            return first - 1, last
        possible = max(0, self._all.possible - self._above.possible)
        certain = max(0, self._all.certain - self._above.certain)
        return first - possible, last - min(certain, possible)

    def _covering(self, stamp: Yearless, first: int, last: int) -> Span | None:
        lowest, highest = self._back(stamp, first), self._back(stamp, last)
        if lowest is None or highest is None:
            return None
        return Span(lo=min(lowest.lo, highest.lo), hi=highest.hi)

    def _back(self, stamp: Yearless, year: int) -> Span | None:
        """Give the stamp in a year, or in the last before it that has such a day."""
        return next((span for back in range(_LEAPS + 1) if (span := self._in_year(stamp, year - back))), None)

    def _candidates(self, stamp: Yearless) -> tuple[int, int]:
        """Give the first and the last year the stamp may be from, by the file's name and its last change."""
        day = stamp.month, stamp.day
        known = self._years.get(day)
        if known is not None:
            return known
        years = self._search(stamp)
        ends = (Yearless(month=stamp.month, day=stamp.day, since=since) for since in (0, DAY))
        if all(self._search(end) == years for end in ends):
            self._years[day] = years
        return years

    def _search(self, stamp: Yearless) -> tuple[int, int]:
        latest = next((year for year in self._range() if self._at(stamp, year) <= self._mtime + DAY), 0)
        if self._period is None:
            return latest, latest
        lowest, highest = self._period.lo - DAY, self._period.hi + DAY
        inside = [year for year in self._range() if lowest <= self._at(stamp, year) <= highest]
        if inside:
            return inside[-1], inside[0]
        if not self._starts:
            lowest -= _YEAR
        near = [year for year in self._range() if lowest <= self._at(stamp, year) <= highest + _YEAR and year <= latest]
        return min([latest, *near]), latest

    def _range(self) -> range:
        oldest = self._newest - _LEAPS - 2
        newest = self._newest
        if self._period is not None:
            bounds = [
                datetime_of(max(BEGINNING, min(bound, LATEST))).year for bound in (self._period.lo, self._period.hi)
            ]
            oldest, newest = min(oldest, bounds[0] - 2), max(newest, bounds[1] + 2)
        return range(newest, oldest, -1)

    def _at(self, stamp: Yearless, year: int) -> Instant:
        span = self._in_year(stamp, year)
        return LATEST if span is None else span.lo

    def _in_year(self, stamp: Yearless, year: int) -> Span | None:
        moment = wall(year, stamp.month, stamp.day, stamp.since)
        return None if moment is None else self._clock.span(moment)


class _Jumps:
    """Counts where the stamps of a file, each in its latest year, fall back by almost a year."""

    def __init__(self) -> None:
        self.possible = 0
        self.certain = 0
        self._last: Instant | None = None

    def see(self, now: Instant) -> None:
        last, self._last = self._last, now
        if last is None:
            return
        if now < last - _HALF:
            self.possible += 1
            self.certain += now + _YEAR - last <= _NEAR
        elif now > last + _HALF and 0 <= last + _YEAR + DAY - now <= _LATE:
            self.possible -= 1  # only a late line from before the jump
            self.certain -= 1
