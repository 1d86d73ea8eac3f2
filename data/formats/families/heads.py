"""What families share whose records are lines that begin with one kind of stamp."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import Clocks, ZoneClock
from data.retention.evidence import Span
from data.retention.instants import DAY, Instant

Read = Callable[[bytes, ZoneClock], Span | None]
"""Reads a stamp; naive ones by the clock of a zone."""

CONTINUATION = Line(kind=Kind.CONTINUATION)
UNPARSED = Line(kind=Kind.UNPARSED)
_TWO_DIGITS = re.compile(rb"(\d\d)([/.])(\d\d)\2(\d\d)(?!\d)")
_TRACE = re.compile(
    rb"(?:Caused by|Suppressed|Wrapped by): |Traceback \(most recent|--- End of |During handling of "
    rb"|The above exception |Unhandled exception|Exception in thread|goroutine \d|\*\*\* "
    rb"|[\w.$`]{1,200}(?:Exception|Error|Warning)\b",
)
_FOREIGN = re.compile(
    rb"\{(?:\"|\s*\Z)|<\d{1,3}>\S|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |\[?\d{4}[-/]\d\d[-/]\d\d[T _]\d\d:\d\d"
    rb"|\[?\d{10}(?:\d{3}|\d{6})?(?:\.\d{1,9})?[\] ,;|\t]|@4[0-9A-Fa-f]{23}|(?:time|ts|t|level|lvl)="
    rb"|[\w:]\S{0,100} \S{1,100} [^\[]{0,200}\[\d\d/[A-Z][a-z]{2}/\d{4}:|[IWEF]\d{4} \d\d:\d\d:\d\d\.",
)
INDENTS: Final = b" \t"
"""What a line begins with that belongs to the record above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFamily:
    """Text lines whose heads match one pattern."""

    id: str
    head: "re.Pattern[bytes]"
    """What every head begins with; its first group is the stamp."""
    sure: "re.Pattern[bytes]"
    """What only lines of this family look like: some lines of the sample must."""
    read: Read
    traces: bool = False
    """Whether stack traces below a head are to be expected, which do not begin with a blank in every line."""
    share: float = 0.0
    """The least share of the lines of the sample that must be sure."""
    orders: bool = False
    """Whether other writers put day, month and two-digit year in another order."""
    anchor: bytes = b""
    """The byte whose first occurrence precedes the stamp, where what stands before it changes from line to line."""
    begins: bytes | None = None
    """See `interface.Family`."""
    clocks: Clocks = field(default_factory=Clocks, repr=False, compare=False)
    """What was learned of zones in other files."""
    aliases: tuple[str, ...] = ()
    """Other words by which settings may pin it."""

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader, or None where too few lines are surely of this family."""
        is_likely = self.sure.match
        likely = [line for line in sample if is_likely(line)]
        pinned = facts.pin == self.id
        if not likely and not pinned:
            return None
        clock = self.clocks.of(facts.zone)
        sure = sum(self._is_dated(line, clock) for line in likely)
        if pinned or (sure and sure >= sum(1 for line in sample if line.strip()) * self.share):
            return HeadReader(self, clock, facts.mtime + DAY)
        return None

    def _is_dated(self, line: bytes, clock: ZoneClock) -> bool:
        found = self.head.match(line)
        return found is not None and self.read(found[1], clock) is not None


class HeadReader:
    """Reads one file of such a family."""

    __slots__ = ("_begun", "_clock", "_family", "_latest")

    guesses: Final = True

    def __init__(self, family: HeadFamily, clock: ZoneClock, latest: Instant) -> None:
        self._family = family
        self._clock = clock
        self._latest = latest
        self._begun = False

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        found = self._family.head.match(line)
        if found is None:
            return rest_of(line, begun=self._begun, traces=self._family.traces)
        read, clock = self._family.read, self._clock
        span = in_any_order(read, found[1], clock, self._latest) if self._family.orders else read(found[1], clock)
        if span is None:
            return UNPARSED
        self._begun = True
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)

    @property
    def continues(self) -> bytes:
        """Give blank and tab, unless a head may begin with anything."""
        return b"" if self._family.anchor else INDENTS

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands in a head."""
        found = self._family.head.match(line)
        return None if found is None else Place(start=found.start(1), end=found.end(1), anchor=self._family.anchor)


def rest_of(line: bytes, *, begun: bool, traces: bool = False) -> Line:
    """Tell what a line is that begins no record: an indented or blank one belongs to the record above."""
    if not begun:
        return UNPARSED
    return CONTINUATION if not line or line[:1] in INDENTS or (traces and is_trace(line)) else UNPARSED


def is_trace(line: bytes) -> bool:
    """Tell whether a line is surely of a stack trace of .NET, Java, Python, Go or glog."""
    return not line or line[:1] in INDENTS or _TRACE.match(line) is not None


def is_foreign(line: bytes) -> bool:
    """Tell whether a line begins as records of other families do: another writer took over, or somebody is quoted."""
    return _FOREIGN.match(line) is not None


def in_any_order(read: Read, text: bytes, clock: ZoneClock, latest: Instant) -> Span | None:
    """Read a stamp; where its year has two digits, all later dates that it could mean last it until then.

    `23/11/26` is 2023 to Spark and 2026 in much of Europe, `23.11.26` the other way round in much of Asia. Orders that
    would make it later than `latest`, the file's last change and a day, are no doubt.
    """
    span = read(text, clock)
    found = _TWO_DIGITS.match(text)
    if span is None or found is None:
        return span
    first, mark, second, third = found.groups()
    rest = text[found.end() :]
    orders = ((third, second, first), (third, first, second), (second, first, third))
    others = [read(mark.join(order) + rest, clock) for order in orders]
    return Span(lo=span.lo, hi=max([span.hi, *(other.hi for other in others if other and other.lo <= latest)]))
