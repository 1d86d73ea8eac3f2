"""What families share whose records are lines that begin with one kind of stamp."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import ZoneClock
from data.retention.evidence import Span

CONTINUATION = Line(kind=Kind.CONTINUATION)
UNPARSED = Line(kind=Kind.UNPARSED)
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
    read: Callable[[bytes, ZoneClock], Span | None]
    rest: Line = UNPARSED
    """What a line is that is no head, does not begin with a blank and stands below a head."""
    share: float = 0.0
    """The least share of the lines of the sample that must be sure."""
    anchor: bytes = b""
    """The byte whose first occurrence precedes the stamp, where what stands before it changes from line to line."""

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader, or None where too few lines are surely of this family."""
        clock = ZoneClock(facts.zone)
        written = [line for line in sample if line.strip()]
        sure = sum(self._is_sure(line, clock) for line in written)
        if facts.pin == self.id or (sure and sure >= len(written) * self.share):
            return HeadReader(self, clock)
        return None

    def _is_sure(self, line: bytes, clock: ZoneClock) -> bool:
        found = self.head.match(line)
        return bool(found and self.sure.match(line) and self.read(found[1], clock))


class HeadReader:
    """Reads one file of such a family."""

    __slots__ = ("_begun", "_clock", "_family")

    def __init__(self, family: HeadFamily, clock: ZoneClock) -> None:
        self._family = family
        self._clock = clock
        self._begun = False

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        found = self._family.head.match(line)
        if found is None:
            return rest_of(line, self._family.rest, begun=self._begun)
        span = self._family.read(found[1], self._clock)
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


def rest_of(line: bytes, rest: Line, *, begun: bool) -> Line:
    """Tell what a line is that begins no record: an indented or blank one belongs to the record above."""
    if not begun:
        return UNPARSED
    return CONTINUATION if not line or line[:1] in INDENTS else rest
