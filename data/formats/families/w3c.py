"""W3C extended logs, as IIS, HTTP.SYS, Exchange and content networks write them (purge.md 7.1).

Times are UTC whatever the zone of the source, as the W3C's working draft says; `#Fields:` may change at any line.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from data.formats.families.json_keys import Moments
from data.formats.families.json_lines import head
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.stamps import iso
from data.formats.zones import time_of_day
from data.retention.evidence import Span
from data.retention.instants import DAY, HOUR, SECOND, Instant

_MARK: Final = b"\xef\xbb\xbf"
_DIRECTIVE: Final = re.compile(rb"#([A-Za-z-]{1,40}):[ \t]*(.*)", re.DOTALL)
_CELL: Final = re.compile(rb'"((?:[^"]++|"")*+)"?[^ \t]*|[^ \t]+')
_CLOCK: Final = re.compile(rb"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_DATE: Final = re.compile(rb"\d{4}-\d\d-\d\d")
_WHOLE: Final = (b"date-time", b"datetime", b"x-timestamp", b"timestamp")
_STAMP: Final = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?(?= |$)")
_BACKWARDS: Final = HOUR
"""Rows may stand a little out of order; a larger step back is a new day."""
_KNOWN: Final = frozenset({b"date", b"time", *_WHOLE})


class W3cFamily:
    """Logs with `#Fields:`."""

    id: Final = "w3c"
    aliases: Final = ("iis",)
    begins: Final = b"#\xef"

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader; None where no line names the fields."""
        named = any(line.removeprefix(_MARK).startswith((b"#Fields:", b"#Version:")) for line in sample)
        return W3cReader() if named or facts.pin == self.id else None


class W3cReader:
    """Reads one record a line, by the fields that were named last."""

    __slots__ = ("_day", "_fields", "_last", "_moments", "_needed", "_separator")

    def __init__(self) -> None:
        self._moments = Moments(ZoneInfo("UTC"))
        self._fields: tuple[bytes, ...] = ()
        self._needed = 0
        self._separator = b" "
        self._day: Instant | None = None
        self._last: Instant = 0

    def line(self, line: bytes) -> Line:
        """Understand one line; rows above the first `#Fields:`, and of fields without a time, have no time."""
        if not line.strip():
            return Line(kind=Kind.CONTINUATION)
        if line.removeprefix(_MARK).startswith(b"#"):
            self._directive(line.removeprefix(_MARK))
            return Line(kind=Kind.DIRECTIVE)
        if not self._fields:
            return Line(kind=Kind.UNPARSED)
        return head(self._time(dict(zip(self._fields, self._cells(line), strict=False))))

    def locate(self, line: bytes) -> Place | None:
        """Tell where date and time stand, if they are the first two fields with a blank between them."""
        stamp = _STAMP.match(line)
        if stamp is None or self._separator != b" " or self._fields[:2] != (b"date", b"time"):
            return None
        return None if _KNOWN.intersection(self._fields[2:]) else Place(start=0, end=stamp.end())

    def _directive(self, line: bytes) -> None:
        found = _DIRECTIVE.match(line)
        if found is None:
            return
        name, value = found[1].lower(), found[2].strip()
        if name == b"fields":
            self._separator = b"\t" if b"\t" in value else b"," if b"," in value else b" "
            parts = value.split() if self._separator == b" " else value.split(self._separator)
            self._fields = tuple(part.strip().lower() for part in parts)
            self._needed = max((index + 1 for index, name in enumerate(self._fields) if name in _KNOWN), default=0)
        elif name == b"date":
            day, _, clock = value.partition(b" ")
            span = iso(day + b"T00:00:00Z") if _DATE.fullmatch(day) else None
            self._day = span.lo if span is not None else None
            self._last = _since_midnight(clock.strip()) or 0

    def _cells(self, line: bytes) -> Iterator[bytes]:
        count = self._needed
        if self._separator == b" ":
            return islice((found[0].strip(b'"') for found in _CELL.finditer(line)), count)
        return (cell.strip(b' "') for cell in line.split(self._separator, count))

    def _time(self, cells: dict[bytes, bytes]) -> Span | None:
        for name in _WHOLE:
            span = self._moments.of_text(cells[name].decode("latin-1")) if name in cells else None
            if span is not None:
                return span
        clock = cells.get(b"time", b"")
        if b"date" in self._fields:
            day = cells.get(b"date", b"")
            return self._moments.of_text(b" ".join((day, clock)).decode("latin-1")) if _DATE.fullmatch(day) else None
        return self._of_day(_since_midnight(clock))

    def _of_day(self, since: Instant | None) -> Span | None:
        """Put a time of day behind the day that `#Date:` named; a clock that goes back begins the next day."""
        if self._day is None or since is None:
            return None
        if since < self._last - _BACKWARDS:
            self._day += DAY
        self._last = since
        return Span(lo=self._day + since, hi=self._day + since)


def _since_midnight(clock: bytes) -> Instant | None:
    found = _CLOCK.fullmatch(clock)
    if found is None:
        return None
    hour, minute, second, fraction = found.groups()
    micro = int(fraction.ljust(6, b"0")[:6]) if fraction else 0
    return time_of_day(int(hour), int(minute), int(second), micro % SECOND)
