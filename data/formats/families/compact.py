"""Short stamps at the beginning of a line: glog, epoch, TAI64N, HDFS, Spark (purge.md 7.1)."""

import re
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

from data.formats import stamps
from data.formats.families.heads import INDENTS, UNPARSED, HeadFamily, rest_of
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.years import YearWalk, glog
from data.formats.zones import Clocks, ZoneClock
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE, DAY

_EPOCH = rb"\d{9,20}(?:\.\d{1,9})?"
_BELIEVED_UNTIL = BELIEVABLE + 36_525 * DAY
_GLOG = re.compile(
    rb"[IWEF](?:0000 00:00:(?P<epoch>\d{9,11}\.\d{1,9})"
    rb"|(?P<dated>(?P<year>20\d\d)?(?P<rest>\d{4} \d\d:\d\d:\d\d\.\d{1,9})))",
)
_DAY = 5
"""Bytes of `I1123`."""
_GLOG_SURE = re.compile(_GLOG.pattern + rb" {1,8}\d{1,20} [^\s:\]]{1,200}:\d{1,9}\]")
_GLOG_FACTS = re.compile(
    rb"(?:Log file created at|Running on machine|Application fingerprint|Binary|Running duration[^:]{0,40}"
    rb"|Log line format): ",
)
_CREATED = re.compile(rb"Log file created at: (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")


def epoch() -> HeadFamily:
    """Give the family `epoch`: seconds, ms, us or ns since 1970 in the first column, as squid has them."""
    return HeadFamily(
        id="epoch",
        head=re.compile(rb"\[?(" + _EPOCH + rb")"),
        sure=re.compile(rb"\[?" + _EPOCH + rb"(?:[ \t|,;:\]]|$)"),
        read=_believable_epoch,
        begins=b"[0123456789",
        share=0.5,
    )


def tai64n() -> HeadFamily:
    """Give the family `tai64n`: `@400000005...` of multilog and s6-log."""
    return HeadFamily(
        id="tai64n",
        head=re.compile(rb"(@[0-9A-Fa-f]{24})"),
        sure=re.compile(rb"@4[0-9A-Fa-f]{23}(?: |$)"),
        read=lambda text, _: stamps.tai64n(text),
        begins=b"@",
    )


def hdfs() -> HeadFamily:
    """Give the family `hdfs`: `081109 203518 143 INFO dfs.DataNode: ...`; Java's traces belong to the record above."""
    return HeadFamily(
        id="hdfs",
        head=re.compile(rb"(\d{6} \d{6})"),
        sure=re.compile(rb"\d{6} \d{6}(?: \d{1,10})? [A-Z]{3,8} "),
        read=stamps.hdfs,
        begins=b"0123456789",
        traces=True,
    )


def spark() -> HeadFamily:
    """Give the family `spark`: `17/06/09 20:10:40 INFO executor.Executor: ...`, with Java's traces."""
    return HeadFamily(
        id="spark",
        head=re.compile(rb"(\d\d/\d\d/\d\d \d\d:\d\d:\d\d)"),
        sure=re.compile(rb"\d\d/\d\d/\d\d \d\d:\d\d:\d\d [A-Z]{3,8} "),
        read=stamps.slashed,
        begins=b"0123456789",
        traces=True,
        orders=True,
    )


class GlogFamily:
    """Google's logging: `I1123 08:00:00.123456  123 file.cc:1] msg`, with or without a year."""

    id: Final = "glog"
    begins: Final = b"IWEF"

    def __init__(self) -> None:
        self._clocks = Clocks()

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader, or None where no line is surely glog's."""
        if facts.pin == self.id or any(_GLOG_SURE.match(line) for line in sample):
            return GlogReader(facts, sample, self._clocks.of(facts.zone))
        return None


class GlogReader:
    """Reads one file of glog; the year is that of the file's own first lines or of its last change."""

    __slots__ = ("_begun", "_clock", "_walk")

    guesses: Final = True
    turns: Final = _DAY

    def __init__(self, facts: FileFacts, sample: tuple[bytes, ...], clock: ZoneClock) -> None:
        self._clock = clock
        created = next((found[1] for line in sample[:5] if (found := _CREATED.match(line))), b"")
        began = stamps.slashed(created, self._clock)
        self._walk = YearWalk(facts.mtime, self._clock, began, starts=True)
        self._begun = False

    def prepare(self, lines: Iterable[bytes]) -> None:
        """Look at all lines of the file before the first is read, so that one longer than a year is understood."""
        if self._walk.is_named:
            return
        days = (
            next(group) for _, group in groupby(lines, itemgetter(slice(_DAY)))
        )  # more often than once a day nothing jumps
        found = (_GLOG.match(line) for line in days)
        dated = (glog(head["rest"]) for head in found if head and head["rest"] and not head["year"])
        self._walk.prepare(stamp for stamp in dated if stamp is not None)

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        found = _GLOG.match(line)
        if found is None:
            if _GLOG_FACTS.match(line):
                return Line(kind=Kind.DIRECTIVE)
            return rest_of(line, begun=self._begun, traces=True)
        span = self._read(found)
        if span is None:
            return UNPARSED
        self._begun = True
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)

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
        found = _GLOG.match(line)
        if found is None or not (found["epoch"] or self._walk.is_steady):
            return None
        return Place(start=found.start(found.lastgroup or 0), end=found.end(found.lastgroup or 0))

    def _read(self, found: "re.Match[bytes]") -> Span | None:
        if found["epoch"]:
            return stamps.epoch(found["epoch"], "s")
        rest = found["rest"]
        if found["year"]:
            return stamps.iso(b"-".join((found["year"], rest[:2], rest[2:])), self._clock)
        stamp = glog(rest)
        return None if stamp is None else self._walk.span(stamp)


def _believable_epoch(text: bytes, _: ZoneClock) -> Span | None:
    span = stamps.epoch(text)
    return span if span is not None and BELIEVABLE <= span.lo < _BELIEVED_UNTIL else None
