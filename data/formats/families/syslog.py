"""Syslog in files: RFC 3164 without a year, the same with RFC 3339 stamps (Debian's rsyslog), and RFC 5424."""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

from data.formats import stamps
from data.formats.families.heads import INDENTS, UNPARSED, rest_of
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.names import period
from data.formats.years import MONTH_FIRST, Yearless, YearWalk, yearless
from data.formats.zones import Clocks, ZoneClock
from data.retention.evidence import Span

_DAY = 6
"""Bytes of `Nov  3`; a priority before it only makes it change more often."""
_PRI = rb"(?:<\d{1,3}>)?"
_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)?"
_OLD = re.compile(_PRI + rb"(?P<stamp>" + MONTH_FIRST + rb")(?: |:|$)")
_WITH_YEAR = re.compile(_PRI + rb"([A-Za-z\x80-\xff]{3,9}\.?) ([ \d]?\d) (\d{4}) (\d\d:\d\d:\d\d)")
_NEW = re.compile(_PRI + rb"(?P<stamp>" + _ISO + rb")")
_LIKELY = re.compile(_PRI + rb"(?:[A-Za-z\x80-\xff]{3,9}\.? [ \d]?\d |\d{4}-\d\d-\d\dT)")
"""What every line begins with that has a stamp, old or new."""
_TAG = rb" [\w.:%-]{1,255} [^\s:\[\]]{1,128}(?:\[\d{1,10}\])?: ?"
_LEVEL = rb"(?i: (?:trace|debug|info|information|warn|warning|error|fatal|critical|severe|notice)\b)"
_SURE_NEW = re.compile(_PRI + _ISO + rb"(?!" + _LEVEL + rb")" + _TAG)
_SURE_OLD = re.compile(_OLD.pattern + rb"\S")
_FRAME = rb"<\d{1,3}>\d{1,2} (?P<stamp>-(?= |$)|" + _ISO + rb")"
_5424 = re.compile(_FRAME)
_COUNTED = re.compile(rb"\d " + _FRAME)
_SURE_5424 = re.compile(rb"(?:\d{1,10} )?" + _FRAME + rb" \S+ \S+ \S+ \S+")


class SyslogFamily:
    """`Nov  3 09:23:38 host prog[1]: ...` and `2026-11-23T08:00:00.123456+01:00 host prog: ...`, also in one file."""

    id: Final = "syslog"
    aliases: Final = ("rfc3164", "rsyslog")

    def __init__(self) -> None:
        self._clocks = Clocks()

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader, or None where too few of the dated lines are surely syslog's."""
        pinned = facts.pin == self.id
        likely = [line for line in sample if _LIKELY.match(line)]
        if not likely and not pinned:
            return None
        stamped = {line: stamp for line in likely if (stamp := _yearless(line)) is not None}
        old = [bool(_WITH_YEAR.match(line)) or (line in stamped and _is_sure_old(line)) for line in likely]
        sure = sum(known or bool(_SURE_NEW.match(line)) for known, line in zip(old, likely, strict=True))
        dated = sum(known or bool(_NEW.match(line)) for known, line in zip(old, likely, strict=True))
        yearless = pinned or any(_OLD.match(line) for line in likely)
        known = pinned or (sure and sure * 2 >= dated)
        return SyslogReader(facts, self._clocks.of(facts.zone), stamped, yearless=yearless) if known else None


class SyslogReader:
    """Reads one file; the year is that of the period in its name or of its last change (purge.md 6.2)."""

    __slots__ = ("_begun", "_clock", "_stamped", "_walk", "_yearless")

    guesses: Final = True
    turns: Final = _DAY

    def __init__(self, facts: FileFacts, clock: ZoneClock, stamped: dict[bytes, Yearless], *, yearless: bool) -> None:
        """Know the file, the stamps of its first lines, and whether the old form is to be expected in it."""
        self._stamped = stamped
        self._clock = clock
        self._yearless = yearless
        named = facts.named or period(facts.name, clock, facts.mtime)
        self._walk = YearWalk(facts.mtime, self._clock, named)
        self._begun = False

    def prepare(self, lines: Iterable[bytes]) -> None:
        """Look at all lines of the file before the first is read, so that one longer than a year is understood."""
        if self._yearless and not self._walk.is_named:
            days = (
                next(group) for _, group in groupby(lines, itemgetter(slice(_DAY)))
            )  # more often than once a day nothing jumps
            dated = (_yearless(line) for line in days)
            self._walk.prepare(stamp for stamp in dated if stamp is not None)

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        known = self._stamped.pop(line, None) if self._stamped else None
        if known:
            return self._head(self._walk.span(known))
        old = _OLD.match(line)
        if old:
            stamp = yearless(old.groups()[1:])
            return self._head(None if stamp is None else self._walk.span(stamp))
        found = _NEW.match(line)
        if found:
            return self._head(stamps.iso(found["stamp"], self._clock))
        dated = _WITH_YEAR.match(line)
        if dated:
            month, day, year, clock = dated.groups()
            text = b"%s-%02d-%02d %s" % (year, stamps.month_of(month), int(day), clock)
            return self._head(stamps.iso(text, self._clock))
        return rest_of(line, begun=self._begun)

    @property
    def is_steady(self) -> bool:
        """Tell whether the file has no stamps of two years, so that preparing changed nothing."""
        return self._walk.is_steady

    @property
    def continues(self) -> bytes:
        """Give blank and tab."""
        return INDENTS

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands, if the same stamp means the same in the whole file."""
        found = _NEW.match(line) or (_OLD.match(line) if self._walk.is_steady else None)
        return None if found is None else Place(start=found.start("stamp"), end=found.end("stamp"))

    def _head(self, span: Span | None) -> Line:
        if span is None:
            return UNPARSED
        self._begun = True
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)


class Syslog5424Family:
    """`<34>1 2003-10-11T22:14:15.003Z host app 1 ID - ...`, with counted octets before it too (RFC 6587)."""

    id: Final = "syslog5424"
    aliases: Final = ("rfc5424",)
    begins: Final = b"<0123456789"

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader, or None where no line is surely of RFC 5424."""
        known = facts.pin == self.id or any(_SURE_5424.match(line) for line in sample)
        return Syslog5424Reader(facts) if known else None


class Syslog5424Reader:
    """Reads one file of RFC 5424; the nil stamp makes an undated record."""

    __slots__ = ("_begun", "_clock")

    guesses: Final = True

    def __init__(self, facts: FileFacts) -> None:
        self._clock = ZoneClock(facts.zone)
        self._begun = False

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when; several messages in one line live as long as the last."""
        found = _5424.match(line)
        frames = [found] if found else list(_COUNTED.finditer(line))
        if not frames:
            return rest_of(line, begun=self._begun)
        self._begun = True
        spans = [stamps.iso(frame["stamp"], self._clock) for frame in frames]
        known = [span for span in spans if span is not None]
        if len(known) < len(spans):
            return Line(kind=Kind.HEAD)
        return Line(kind=Kind.HEAD, lo=min(span.lo for span in known), hi=max(span.hi for span in known))

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands, if the line is one message."""
        found = _5424.match(line)
        if found is None or found["stamp"] == b"-":
            return None
        return Place(start=found.start("stamp"), end=found.end("stamp"))


def _is_sure_old(line: bytes) -> bool:
    return _SURE_OLD.match(line) is not None


def _yearless(line: bytes) -> Yearless | None:
    found = _OLD.match(line)
    return None if found is None else yearless(found.groups()[1:])
