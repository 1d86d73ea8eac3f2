"""The evidence ladder: gives every record its interval, in the order of the file (purge.md 6.3).

Records without a believable stamp wait until the next dated record, or the end of the file, tells what bounds them.

Decision: the period in a file's name bounds undated records from above by its end and a day, or by the file's mtime
where that is later, but not by more than 31 days. For Python's TimedRotatingFileHandler names a file a day early after
a change of the clocks, and weekly or monthly files that are named for their beginning are written to for up to a month.
A file that was changed later than that was copied or restored: there the name decides.

Decision: where a reader only guesses that lines belong to the head above them, it is believed for 1,000 lines or 1 MiB.
What stands below that is an undated record of its own, up to the next head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.formats.book import Book
from data.formats.interface import FileFacts, Kind, Line
from data.formats.names import LONGEST_ROLL, period
from data.formats.zones import Where
from data.retention.evidence import Evidence, Marks, Span
from data.retention.instants import BEGINNING, BELIEVABLE, DAY, MINUTE, Instant

if TYPE_CHECKING:
    from data.formats.batch import Batch

SKEW = 10 * MINUTE
"""What two clocks may be apart before one of them is not believed."""
_MISNAMED = DAY
"""How much later than its name says a file may have been begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far below a head lines are believed to belong to it, where their reader only guesses so."""

    lines: int = 1000
    bytes: int = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of all records of a file before the first one is read."""

    named: Span | None
    """The period in the file's name, and what a file of that name may hold besides (see above)."""
    birth: Instant
    """Nothing in the file is older; BEGINNING where nobody knows."""
    mtime: Instant | None
    """Nothing in the file is younger; None where the file's own time cannot be believed."""
    earliest: Instant
    """Own stamps before it are not believed."""
    latest: Instant
    """Own stamps after it are from the future."""

    @property
    def floor(self) -> Instant:
        """Give the instant before which nothing was written."""
        return self.named.lo if self.named else self.birth

    @property
    def ceiling(self) -> Instant | None:
        """Give the instant after which nothing was written; a name that begins a day after the mtime beats it."""
        if self.named and self.mtime is not None and self.named.lo > self.mtime + DAY:
            return max(self.named.hi, self.mtime)
        return self.mtime


def bounds_of(facts: FileFacts, marks: Marks, where: Where, *, archived: bool = False) -> Bounds:
    """Work out a file's bounds; an archive was made after what is in it, so its birth tells nothing.

    `where` is the zone of the dates in its name.
    """
    mtime = facts.mtime if BELIEVABLE <= facts.mtime <= marks.now + SKEW else None
    named = facts.named or period(facts.name, where, marks.now)
    copied = facts.birth is None or facts.birth > facts.mtime or facts.birth < BELIEVABLE
    return Bounds(
        named=None if named is None else _widened(named, mtime),
        birth=BEGINNING if copied or archived or facts.birth is None else facts.birth,
        mtime=mtime,
        earliest=BELIEVABLE,
        latest=min(max(facts.mtime, marks.now) + SKEW, marks.now + DAY),
    )


def _widened(named: Span, mtime: Instant | None) -> Span:
    """Give what a file may hold that is named for a period."""
    hi = named.hi + _MISNAMED
    if mtime is not None and mtime <= named.hi + LONGEST_ROLL:
        hi = max(hi, mtime)
    return Span(lo=named.lo, hi=hi)


class Ladder:
    """Takes the lines of one content in order and enters every record into a book."""

    def __init__(self, bounds: Bounds, facts: FileFacts, book: Book, trust: Trust | None = None) -> None:
        """Know the file; without `trust` every continuation is believed."""
        self._bounds = bounds
        self.trust = trust
        self._below = 0
        """Continuations below the last head with a time."""
        self._head_end = 0
        self._refuting = facts.mtime + SKEW
        self._book = book
        self._before: tuple[Instant, Instant] | None = None
        self._waiting = Waiting()
        self._open = False
        self.future = 0
        self.refuted = False

    @property
    def under_head(self) -> bool:
        """Tell whether what was entered last is a dated record."""
        return self._open and not self._waiting.records

    @property
    def believed(self) -> tuple[Instant, Instant]:
        """Give between which instants a record's own stamp must begin to be believed."""
        return self._bounds.earliest, self._bounds.latest

    def believes(self, lo: Instant) -> bool:
        """Tell whether a record's own stamp may be true."""
        return self._bounds.earliest <= lo <= self._bounds.latest

    def lines(self, lines: Sequence[Line], ends: Sequence[int], start: int) -> None:
        """Enter lines of the content that follow each other without a gap."""
        earliest, latest = self.believed
        head, dated, enter = Kind.HEAD, self._dated, self.line
        for line, end in zip(lines, ends, strict=True):
            lo, hi = line.lo, line.hi
            if lo is not None and hi is not None and earliest <= lo <= latest and line.kind is head:
                dated(lo, hi, start, end)
            else:
                enter(line, start, end)
            start = end

    def line(self, line: Line, start: int, end: int) -> None:
        """Enter one line of the content, which occupies the bytes from `start` to `end`."""
        kind, lo, hi = line.kind, line.lo, line.hi
        if kind is Kind.HEAD and lo is not None and hi is not None:
            if self._bounds.earliest <= lo <= self._bounds.latest:
                self._dated(lo, hi, start, end)
                return
            self.future += lo > self._bounds.latest
        if kind is Kind.CONTINUATION:
            self._continued(start, end)
        elif kind is Kind.DIRECTIVE:
            self._open = False
            if self._waiting.records:
                self._waiting.add(start, end, stays=True)
            else:
                self._book.keep(start, end)
        else:
            self._undated(start, end)

    def more(self, start: int, end: int) -> None:
        """Lengthen the line entered last."""
        if self._waiting.records:
            self._waiting.add(start, end, stays=not self._open)
            return
        self._book.extend(start, end)
        if not self._below:
            self._head_end = end

    def count_continuations(self, lines: int) -> None:
        """Count lines that were entered together with the head above them."""
        self._book.continuations += lines

    def batch(self, batch: "Batch") -> None:
        """Enter many dated records at once: exactly what `line` would do with each."""
        if self._waiting.records:
            self._settle(int(batch.lo[0]), int(batch.hi[0]))
        self._before = int(batch.lo[-1]), int(batch.hi[-1])
        self.refuted = self.refuted or int(batch.lo.max()) > self._refuting
        self._open = True
        self._below, self._head_end = batch.below, batch.head_end
        self._book.batch(batch)

    def finish(self) -> None:
        """Decide about what still waits at the end of the content."""
        if not self._waiting.records:
            return
        ceiling = None if self.refuted else self._bounds.ceiling
        before, named = self._before, self._bounds.named
        if before is not None and named is not None and before[1] <= named.hi:
            # The name is right about the dated records, so it is about these; the mtime may be that of a copy.
            self._release(Span(lo=min(before[0], named.lo), hi=max(before[1], named.hi)), Evidence.NAME)
        elif before is not None:
            span = None if ceiling is None else Span(lo=before[0], hi=max(before[1], ceiling))
            self._release(span, Evidence.MTIME)
        elif named is not None:
            self._release(named, Evidence.NAME)
        elif ceiling is not None:
            self._release(Span(lo=self._bounds.birth, hi=ceiling), Evidence.MTIME)
        else:
            self._release(None, Evidence.NONE)

    def _dated(self, lo: Instant, hi: Instant, start: int, end: int) -> None:
        if self._waiting.records:
            self._settle(lo, hi)
        self._before = lo, hi
        if lo > self._refuting:
            self.refuted = True
        self._open = True
        self._below, self._head_end = 0, end
        self._book.record(start, end, lo, hi)

    def _undated(self, start: int, end: int) -> None:
        self._open = True
        self._waiting.records += 1
        self._waiting.add(start, end, stays=False)

    def _continued(self, start: int, end: int) -> None:
        trust = self.trust
        if not self._open:
            self._undated(start, end)
        elif self._waiting.records or trust is None:
            self._book.continuations += 1
            self.more(start, end)
        elif self._below >= trust.lines or start - self._head_end >= trust.bytes:
            self._undated(start, end)
        else:
            self._below += 1
            self._book.continuations += 1
            self._book.extend(start, end)

    def _settle(self, lo: Instant, hi: Instant) -> None:
        """Date what waits by the dated record that follows it, and the one before it."""
        before, floor = self._before, self._bounds.floor
        if before is not None:
            span = Span(lo=min(before[0], lo), hi=max(before[1], hi))
        else:
            span = Span(lo=floor if floor <= lo else BEGINNING, hi=hi)
        self._release(span, Evidence.NEIGHBOURS)

    def _release(self, span: Span | None, evidence: Evidence) -> None:
        self._book.waited(self._waiting.pieces, self._waiting.records, span, evidence)
        self._waiting = Waiting()


class Waiting:
    """Undated records in a row and the directives among them, as ranges; neighbours of a kind are one range."""

    __slots__ = ("pieces", "records")

    def __init__(self) -> None:
        self.records = 0
        self.pieces: list[tuple[int, int, bool]] = []

    def add(self, start: int, end: int, *, stays: bool) -> None:
        """Append a range."""
        if self.pieces and self.pieces[-1][1:] == (start, stays):
            start = self.pieces.pop()[0]
        self.pieces.append((start, end, stays))
