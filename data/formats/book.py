"""Where the judged records of a file are entered: adds them up, and says which bytes go and which stay.

Whether a record goes is decided here and nowhere else: reading, preview and rewriting share it (purge.md 6.2).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.formats.interface import Tally
from data.retention.evidence import Evidence, Marks, Span
from data.retention.instants import Instant

if TYPE_CHECKING:
    from data.formats.batch import Batch

Run = tuple[int, int, bool]
"""Bytes of a content from, to, and whether they go."""


class Range:
    """The lowest and the highest of many instants."""

    __slots__ = ("highest", "lowest")

    def __init__(self) -> None:
        self.lowest: Instant | None = None
        self.highest: Instant | None = None

    def add(self, lowest: Instant, highest: Instant) -> None:
        """Widen it."""
        if self.lowest is None or lowest < self.lowest:
            self.lowest = lowest
        if self.highest is None or highest > self.highest:
            self.highest = highest


@dataclass(slots=True, kw_only=True)
class Side:
    """The records that go, or those that stay."""

    records: int
    bytes: int
    los: Range
    his: Range

    def tally(self) -> Tally:
        """Give how much."""
        return Tally(records=self.records, bytes=self.bytes)


class Book:
    """Adds up one file; with `runs` it also lists what goes and stays, in the order of each content."""

    def __init__(self, marks: Marks, *, runs: bool = False) -> None:
        self._marks = marks
        self._runs: list[Run] | None = [] if runs else None
        self._last: tuple[Side | None, bool] = (None, False)
        self.goes = Side(records=0, bytes=0, los=Range(), his=Range())
        self.stays = Side(records=0, bytes=0, los=Range(), his=Range())
        self.overdue = 0
        self.continuations = 0
        self.evidence: Counter[Evidence] = Counter()

    @property
    def records(self) -> int:
        """Count all records."""
        return self.goes.records + self.stays.records

    def keep(self, start: int, end: int) -> None:
        """Enter bytes that belong to no record and always stay."""
        self._last = (None, False)
        self._run(start, end, goes=False)

    def record(self, start: int, end: int, span: Span, evidence: Evidence) -> None:
        """Enter one record, or its first line."""
        self.waited([(start, end, False)], 1, span, evidence)

    def extend(self, start: int, end: int) -> None:
        """Enter more bytes of what was entered last."""
        side, goes = self._last
        if side is not None:
            side.bytes += end - start
        self._run(start, end, goes=goes)

    def waited(self, pieces: Iterable[Run], records: int, span: Span | None, evidence: Evidence) -> None:
        """Enter records that share one interval, and the bytes among them that stay in any case; None: undatable."""
        goes = span is not None and span.hi < self._marks.cutoff
        side = self.goes if goes else self.stays
        side.records += records
        if span is not None:
            side.los.add(span.lo, span.lo)
            side.his.add(span.hi, span.hi)
            self.overdue += records * (span.lo < self._marks.limit)
        self.evidence[Evidence.NONE if span is None else evidence] += records
        for start, end, stays in pieces:
            if not stays:
                side.bytes += end - start
            self._last = (None, False) if stays else (side, goes)
            self._run(start, end, goes=goes and not stays)

    def batch(self, batch: "Batch") -> None:
        """Enter many dated records that follow each other without a gap."""
        goes = batch.hi < self._marks.cutoff
        self.overdue += int((batch.lo < self._marks.limit).sum())
        self.evidence[Evidence.OWN] += len(batch.lo)
        self.continuations += batch.continuations
        for side, chosen in ((self.goes, goes), (self.stays, ~goes)):
            part = batch.of(chosen)
            if part.records:
                side.records += part.records
                side.bytes += part.bytes
                side.los.add(*part.los)
                side.his.add(*part.his)
        last = bool(goes[-1])
        self._last = (self.goes if last else self.stays, last)
        if self._runs is not None:
            self._runs.extend(batch.runs(goes))

    def drain(self) -> list[Run]:
        """Give and forget the ranges entered so far."""
        found, self._runs = self._runs or [], []
        return found

    def _run(self, start: int, end: int, *, goes: bool) -> None:
        runs = self._runs
        if runs is None:
            return
        if runs and runs[-1][1] == start and runs[-1][2] == goes:
            runs[-1] = (runs[-1][0], end, goes)
        else:
            runs.append((start, end, goes))
