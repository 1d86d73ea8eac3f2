"""What a whole source holds, added up unit by unit: for engines that are asked anew each time."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from data.formats.interface import Reading
from data.retention.instants import Instant
from data.sources.interface import Measured, Skipped, SourceSummary
from data.sources.summary import Noticed


@dataclass(slots=True, kw_only=True)
class _Sums:
    counts: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    noticed: Noticed = field(default_factory=Noticed)
    oldest: Instant | None = None
    newest: Instant | None = None
    longest: int = 0

    def take(self, found: Measured) -> None:
        """Add one unit."""
        reading = found.reading
        self.counts.update(_counts_of(found))
        self.evidence.update({kind.value: count for kind, count in reading.evidence.items()})
        self.oldest = _least(self.oldest, reading.lowest_lo)
        self.newest = _most(self.newest, reading.highest_hi)
        span = span_of(reading)
        self.longest = max(self.longest, span)
        if found.active:
            self.noticed.busy(overdue=reading.overdue > 0, span=span)


def sum_of(found: Iterable[Measured | Skipped], *, dead: int = 0) -> SourceSummary:
    """Add up what a source's `measure` gives, in bounded memory; `dead` counts what only the source can know."""
    sums = _Sums()
    for one in found:
        if isinstance(one, Skipped):
            sums.noticed.skip(one)
        else:
            sums.take(one)
    noticed = sums.noticed
    return SourceSummary(
        **sums.counts,
        oldest=sums.oldest,
        newest=sums.newest,
        active=noticed.active,
        active_overdue=noticed.active_overdue,
        dead=dead,
        longest_span=sums.longest,
        longest_active_span=noticed.active_span,
        evidence={kind: count for kind, count in sums.evidence.items() if count},
        skipped=dict(noticed.skipped),
        unreadable=noticed.unreadable,
    )


def span_of(reading: Reading) -> int:
    """Give the microseconds between the oldest and the youngest record of a unit; 0 where none is dated."""
    if reading.lowest_lo is None or reading.highest_hi is None:
        return 0
    return reading.highest_hi - reading.lowest_lo


def _counts_of(found: Measured) -> dict[str, int]:
    reading = found.reading
    return {
        "units": 1,
        "records": reading.records,
        "bytes": found.unit.identity.size,
        "expired_units": int(reading.expired.records > 0),
        "expired_records": reading.expired.records,
        "expired_bytes": _expired_bytes(found),
        "overdue_units": int(reading.overdue > 0),
        "overdue_records": reading.overdue,
        "future": reading.future,
        "undatable": reading.undatable,
        "unparsed": reading.unparsed,
        "lines": reading.lines,
        "damaged": int(bool(reading.damaged)),
    }


def _expired_bytes(found: Measured) -> int:
    """Tell how many bytes where it is stored would go: of an archive, the share of its content that is expired."""
    size, reading = found.unit.identity.size, found.reading
    if 0 < reading.records == reading.expired.records and not reading.undatable:
        return size
    return math.floor(size * reading.expired.bytes / reading.bytes + 0.5) if reading.bytes else 0


def _least(one: Instant | None, other: Instant | None) -> Instant | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _most(one: Instant | None, other: Instant | None) -> Instant | None:
    return max((value for value in (one, other) if value is not None), default=None)
