"""What a whole source holds, added up inside the scan index: no value is made for each file."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from data.retention.evidence import Evidence
from data.retention.residue import Code
from data.sources.activity import RollSets
from data.sources.index import SPAN, Index
from data.sources.interface import Skipped, SourceSummary

_EVIDENCE: Final = tuple(Evidence)
_GOES: Final = """CASE WHEN 0 < records AND records = expired_records AND undatable = 0 THEN size
    WHEN bytes > 0 THEN CAST(round(1.0 * size * expired_bytes / bytes) AS INTEGER) ELSE 0 END"""
"""Bytes where a file is stored that would go: of an archive, the share of its content that is expired."""
_SUMS: Final = (
    "count(*)",
    "total(records)",
    "total(size)",
    "total(expired_records > 0)",
    "total(expired_records)",
    f"total({_GOES})",
    "total(overdue > 0)",
    "total(overdue)",
    "total(future)",
    "total(undatable)",
    "total(unparsed)",
    "total(lines)",
    "total(damaged != '')",
    f"coalesce(max({SPAN}), 0)",
    *(f"total(evidence_{kind})" for kind in _EVIDENCE),
)
_SUM: Final = "SELECT min(lowest_lo), max(highest_hi), SUMS FROM files".replace("SUMS", ", ".join(_SUMS))


@dataclass(slots=True, kw_only=True)
class Noticed:
    """What a walk notices that does not stand in the index."""

    active: int = 0
    active_overdue: int = 0
    active_span: int = 0
    dead: int = 0
    unreadable: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def skip(self, found: Skipped) -> None:
        """Count something that is no unit, or one that cannot be read."""
        self.skipped[found.reason] += 1
        self.unreadable += found.code is not Code.SKIPPED

    def busy(self, *, overdue: bool, span: int) -> None:
        """Count a unit that must not be touched now."""
        self.active += 1
        self.active_overdue += overdue
        self.active_span = max(self.active_span, span)

    def rolls(self, sets: RollSets) -> None:
        """Count what the roll sets of a folder say."""
        alive = sets.alive()
        self.active += alive.units
        self.active_overdue += alive.overdue
        self.active_span = max(self.active_span, alive.span)
        self.dead += sets.dead()


def add_up(index: Index, noticed: Noticed) -> SourceSummary | None:
    """Add up what an index holds that has just been brought up to date; None where it cannot be relied on."""
    found = index.ask(_SUM)
    if index.broken:
        return None
    oldest, newest, *sums = found[0]
    counts = [int(value) for value in sums]
    evidence = zip(_EVIDENCE, counts[-len(_EVIDENCE) :], strict=True)
    return SourceSummary(
        units=counts[0],
        records=counts[1],
        bytes=counts[2],
        oldest=oldest,
        newest=newest,
        expired_units=counts[3],
        expired_records=counts[4],
        expired_bytes=counts[5],
        overdue_units=counts[6],
        overdue_records=counts[7],
        active=noticed.active,
        active_overdue=noticed.active_overdue,
        dead=noticed.dead,
        future=counts[8],
        undatable=counts[9],
        unparsed=counts[10],
        lines=counts[11],
        damaged=counts[12],
        longest_span=counts[13],
        longest_active_span=noticed.active_span,
        evidence={kind.value: count for kind, count in evidence if count},
        skipped=dict(noticed.skipped),
        unreadable=noticed.unreadable,
    )
