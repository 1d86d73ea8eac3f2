"""What the made-up logs really hold: the measure that everything which reads them is held against."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from data.retention.instants import Instant, iso

TRUTH_FILE: Final = "truth.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueRecord:
    """One record as it was written."""

    file: str
    """Path below the folder of the samples, with `/`."""
    line: int
    """Number of its first line, from 1."""
    lines: int
    start: int
    """Offset of its first byte; in an archive, of what is inside."""
    end: int
    """Offset after its last byte, line end included."""
    at: Instant
    """When it was written."""
    lo: Instant
    """The earliest instant its text allows: the first reading of a naive stamp, the start of its first span."""
    hi: Instant
    """The latest instant its text allows."""
    kind: str
    """`log`, `trace`, `exception` or `stack_trace`."""

    def as_json(self) -> str:
        """Write it as one line of the truth file, without the line end; `lo` and `hi` only where they differ."""
        span = "" if self.lo == self.hi else f', "lo": "{iso(self.lo)}", "hi": "{iso(self.hi)}"'
        return (
            f'{{"file": "{self.file}", "line": {self.line}, "lines": {self.lines}, "start": {self.start}, '
            f'"end": {self.end}, "at": "{iso(self.at)}", "kind": "{self.kind}"{span}}}'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much of a source."""

    units: int = 0
    """Files that hold at least one such record."""
    whole: int = 0
    """Files that hold nothing but such records."""
    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTruth:
    """What one source holds."""

    id: str
    files: tuple[str, ...]
    records: tuple[TrueRecord, ...]
    bytes: int
    """Bytes of content; of an archive, of what is inside."""

    def expired(self, cutoff: Instant) -> Count:
        """Count the records that surely are older than the cutoff (purge.md 6.2: strict)."""
        return self._count(record for record in self.records if record.hi < cutoff)

    def overdue(self, limit: Instant) -> Count:
        """Count the records that may be older than the limit (purge.md 6.2)."""
        return self._count(record for record in self.records if record.lo < limit)

    def of_file(self, file: str) -> tuple[TrueRecord, ...]:
        """List the records of one file in their order."""
        return tuple(record for record in self.records if record.file == file)

    def _count(self, chosen: Iterable[TrueRecord]) -> Count:
        found: dict[str, int] = {}
        size = 0
        for record in chosen:
            found[record.file] = found.get(record.file, 0) + 1
            size += record.end - record.start
        held: dict[str, int] = {}
        for record in self.records:
            held[record.file] = held.get(record.file, 0) + 1
        whole = sum(1 for file, number in found.items() if number == held[file])
        return Count(units=len(found), whole=whole, records=sum(found.values()), bytes=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What all sample sources hold."""

    sources: tuple[SourceTruth, ...]

    def source(self, source_id: str) -> SourceTruth:
        """Give what one source holds; raises `KeyError`."""
        for source in self.sources:
            if source.id == source_id:
                return source
        raise KeyError(source_id)

    @property
    def records(self) -> int:
        """Count all records."""
        return sum(len(source.records) for source in self.sources)

    @property
    def bytes(self) -> int:
        """Sum the bytes of all content."""
        return sum(source.bytes for source in self.sources)

    def expired(self, cutoff: Instant) -> Count:
        """Count the records of all sources that surely are older than the cutoff."""
        return _sum(source.expired(cutoff) for source in self.sources)

    def overdue(self, limit: Instant) -> Count:
        """Count the records of all sources that may be older than the limit."""
        return _sum(source.overdue(limit) for source in self.sources)


def _sum(counts: Iterable[Count]) -> Count:
    units = whole = records = size = 0
    for count in counts:
        units, whole = units + count.units, whole + count.whole
        records, size = records + count.records, size + count.bytes
    return Count(units=units, whole=whole, records=records, bytes=size)
