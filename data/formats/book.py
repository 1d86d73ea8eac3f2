"""Where the judged records of a file are entered: adds them up, and says which bytes go and which stay.

Whether a record goes is decided here and nowhere else: reading, preview and rewriting share it (purge.md 6.2).
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from data.formats.interface import Tally
from data.retention.evidence import Evidence, Marks, Span
from data.retention.instants import Instant

if TYPE_CHECKING:
    from data.formats.batch import Batch

Run = tuple[int, int, bool]
"""Bytes of a content from, to, and whether they go."""


_FAR: Final = 1 << 62
"""Beyond every instant: where no record has been entered yet."""


class Side:
    """The records that go, or those that stay."""

    __slots__ = ("bytes", "highest_hi", "highest_lo", "lowest_hi", "lowest_lo", "records")

    def __init__(self) -> None:
        self.records = 0
        self.bytes = 0
        self.lowest_lo = self.lowest_hi = _FAR
        self.highest_lo = self.highest_hi = -_FAR

    def add(self, lo: Instant, hi: Instant) -> None:
        """Widen what the intervals of the records cover."""
        self.lowest_lo = min(self.lowest_lo, lo)
        self.highest_lo = max(self.highest_lo, lo)
        self.lowest_hi = min(self.lowest_hi, hi)
        self.highest_hi = max(self.highest_hi, hi)

    def tally(self) -> Tally:
        """Give how much."""
        return Tally(records=self.records, bytes=self.bytes)


class Book:
    """Adds up one file; with `runs` it also lists what goes and stays, in the order of each content."""

    def __init__(self, marks: Marks, *, runs: bool = False) -> None:
        self._cutoff = marks.cutoff
        self._limit = marks.limit
        self._runs: list[Run] | None = [] if runs else None
        self._last: Side | None = None
        self.goes = Side()
        self.stays = Side()
        self.overdue = 0
        self.continuations = 0
        self.own = 0
        self.evidence: Counter[Evidence] = Counter()
        """Records by evidence, but those that have a time of their own."""

    @property
    def records(self) -> int:
        """Count all records."""
        return self.goes.records + self.stays.records

    def keep(self, start: int, end: int) -> None:
        """Enter bytes that belong to no record and always stay."""
        self._last = None
        if self._runs is not None:
            self._run(start, end, goes=False)

    def record(self, start: int, end: int, lo: Instant, hi: Instant) -> None:
        """Enter one record with a time of its own, or its first line."""
        goes = hi < self._cutoff
        side = self._last = self.goes if goes else self.stays
        side.records += 1
        side.bytes += end - start
        side.add(lo, hi)
        self.own += 1
        if lo < self._limit:
            self.overdue += 1
        if self._runs is not None:
            self._run(start, end, goes=goes)

    def extend(self, start: int, end: int) -> None:
        """Enter more bytes of what was entered last."""
        side = self._last
        if side is not None:
            side.bytes += end - start
        if self._runs is not None:
            self._run(start, end, goes=side is self.goes)

    def waited(self, pieces: Iterable[Run], records: int, span: Span | None, evidence: Evidence) -> None:
        """Enter records that share one interval, and the bytes among them that stay in any case; None: undatable."""
        goes = span is not None and span.hi < self._cutoff
        side = self.goes if goes else self.stays
        side.records += records
        if span is not None:
            side.add(span.lo, span.hi)
            self.overdue += records * (span.lo < self._limit)
        self.evidence[Evidence.NONE if span is None else evidence] += records
        for start, end, stays in pieces:
            if not stays:
                side.bytes += end - start
            self._last = None if stays else side
            if self._runs is not None:
                self._run(start, end, goes=goes and not stays)

    def batch(self, batch: "Batch") -> None:
        """Enter many dated records that follow each other without a gap."""
        goes = batch.hi < self._cutoff
        self.overdue += batch.before(self._limit)
        self.own += len(batch.lo)
        self.continuations += batch.continuations
        for side, part in zip((self.goes, self.stays), batch.shares(goes), strict=True):
            if part is not None:
                side.records += part.records
                side.bytes += part.bytes
                side.add(part.los[0], part.his[0])
                side.add(part.los[1], part.his[1])
        self._last = self.goes if goes[-1] else self.stays
        if self._runs is not None:
            self._runs.extend(batch.runs(goes))

    def drain(self) -> list[Run]:
        """Give and forget the ranges entered so far."""
        found, self._runs = self._runs or [], []
        return found

    def _run(self, start: int, end: int, *, goes: bool) -> None:
        runs = self._runs
        if runs and runs[-1][1] == start and runs[-1][2] == goes:
            runs[-1] = (runs[-1][0], end, goes)
        elif runs is not None:
            runs.append((start, end, goes))


def known(instant: Instant) -> Instant | None:
    """Give one of a side's instants, or None where no record has one."""
    return None if abs(instant) == _FAR else instant
