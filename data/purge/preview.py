"""What a purge would do, found by the very code that does it, bound in a manifest (purge.md 6.6)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from data.purge.parts import Progress
from data.retention.decision import decide
from data.retention.evidence import Marks
from data.retention.hold import Hold
from data.retention.instants import BEGINNING, Instant
from data.retention.request import Kept, Preview, Selected
from data.retention.residue import RESPECTED, Code
from data.retention.unit import Action, Planned, Unit
from data.sources.interface import UNSEEN, Measured, Skipped, Source

BATCH = 500
"""Units that are bound to their content at a time."""
MOST_CONTROLS = 20
"""Young units that are looked at before and after, so that a loss would be noticed."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """Adds up while the units stream by."""

    selected_units: int = 0
    selected_records: int = 0
    selected_bytes: int = 0
    rewritten: int = 0
    lo: Instant | None = None
    hi: Instant | None = None
    units: int = 0
    records: int = 0
    bytes: int = 0
    oldest_kept: Instant | None = None
    held: int = 0
    active: int = 0
    future: int = 0
    undatable: int = 0
    unparsed: int = 0
    lines: int = 0
    understood: float = 0.0
    residue: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str] = field(default_factory=Counter)
    holds: set[str] = field(default_factory=set)
    controls: list[Planned] = field(default_factory=list)
    spared: list[Planned] = field(default_factory=list)


def plan_source(
    source: Source, marks: Marks, holds: Sequence[Hold], sums: Sums, progress: Progress
) -> Iterator[Planned]:
    """Walk through a source and give a row for each unit that may go; everything else is counted in `sums`."""
    waiting: list[Measured] = []
    for number, found in enumerate(source.measure(marks), start=1):
        if isinstance(found, Skipped):
            sums.residue[found.code] += found.code is not Code.SKIPPED or found.reason in UNSEEN
        elif _may_go(source, found, marks, holds, sums):
            waiting.append(found)
        if len(waiting) == BATCH:
            progress("preview", number, 0)
            yield from _planned(source, waiting, marks, sums)
            waiting = []
    yield from _planned(source, waiting, marks, sums)


def judged(
    source: Source, found: Measured, marks: Marks, holds: Sequence[Hold]
) -> tuple[Action | Code | None, tuple[str, ...]]:
    """Decide on one unit, and name the holds that protect it."""
    reading = found.reading
    expired = reading.expired.records
    lo = BEGINNING if reading.lowest_lo is None else reading.lowest_lo
    hi = marks.cutoff if reading.youngest_expired is None else reading.youngest_expired
    holding = tuple(hold.id for hold in holds if expired and hold.covers(source.id, min(lo, hi), hi))
    decided = decide(
        records=reading.records,
        expired=expired,
        active=bool(found.active),
        held=bool(holding),
        held_native=bool(expired) and source.holds_native(found.unit),
        rewrites=source.capabilities().rewrites,
    )
    return decided, holding


def _may_go(source: Source, found: Measured, marks: Marks, holds: Sequence[Hold], sums: Sums) -> bool:
    decided, holding = judged(source, found, marks, holds)
    if isinstance(decided, Action):
        return True
    if decided is None and found.reading.damaged:
        sums.residue[Code.DAMAGED] += 1
    elif decided is not None:
        _spare(found, decided, sums)
        sums.holds.update(holding)
        sums.held += decided is Code.HELD
    _count(found, None, sums)
    return False


def _planned(source: Source, batch: Sequence[Measured], marks: Marks, sums: Sums) -> Iterator[Planned]:
    for found, row in zip(batch, source.plan(batch, marks), strict=True):
        if row is None:
            _spare(found, Code.DRIFTED, sums)
        _count(found, row, sums)
        if row is not None:
            yield row


def _spare(found: Measured, code: Code, sums: Sums) -> None:
    sums.residue[code] += 1
    if code in RESPECTED:
        sums.spared.append(control_of(found.unit))


def _count(found: Measured, row: Planned | None, sums: Sums) -> None:
    reading = found.reading
    gone_records, gone_bytes = (row.records, row.bytes) if row else (0, 0)
    sums.active += bool(found.active)
    sums.future += reading.future
    sums.undatable += reading.undatable
    sums.unparsed += reading.unparsed
    sums.records += reading.records - gone_records
    sums.bytes += reading.bytes - gone_bytes
    kept = reading.oldest_kept if row or not reading.expired.records else reading.lowest_hi
    if kept is not None:
        sums.oldest_kept = kept if sums.oldest_kept is None else min(sums.oldest_kept, kept)
    if row is None:
        sums.units += 1
        if len(sums.controls) < MOST_CONTROLS:
            sums.controls.append(control_of(found.unit, found.reading.lowest_lo or 0))
        return
    sums.units += row.action is Action.REWRITE
    sums.rewritten += row.action is Action.REWRITE
    sums.selected_units += 1
    sums.selected_records += gone_records
    sums.selected_bytes += gone_bytes
    sums.lo = row.lo if sums.lo is None else min(sums.lo, row.lo)
    sums.hi = row.hi if sums.hi is None else max(sums.hi, row.hi)
    sums.lines += reading.lines
    sums.understood += reading.confidence * reading.lines
    sums.evidence.update({kind.value: count for kind, count in reading.evidence.items()})


def control_of(unit: Unit, lo: Instant = 0) -> Planned:
    """Write a unit that must stay in the form of a row, so that it can be kept beside the manifest.

    `lo` is when its oldest record may have been written: a second look weeks later asks whether it is young even then.
    """
    return Planned(unit=unit, action=Action.REWRITE, records=0, bytes=0, lo=lo, hi=lo)


def preview_of(sums: Sums, *, root: str, rows: int, controls: str, spared: str, expires_at: Instant) -> Preview:
    """Give what people see and what the scope digest binds."""
    return Preview(
        selected=Selected(
            units=sums.selected_units,
            records=sums.selected_records,
            bytes=sums.selected_bytes,
            oldest=None if sums.lo in {None, BEGINNING} else sums.lo,
            youngest=sums.hi,
        ),
        rewritten_units=sums.rewritten,
        kept=Kept(
            units=sums.units,
            records=sums.records,
            bytes=sums.bytes,
            oldest=sums.oldest_kept,
            held=sums.held,
            active=sums.active,
            future=sums.future,
            undatable=sums.undatable,
            unparsed=sums.unparsed,
        ),
        residue={str(code): count for code, count in sorted(sums.residue.items()) if count},
        evidence=dict(sorted(sums.evidence.items())),
        holds=tuple(sorted(sums.holds)),
        root=root,
        rows=rows,
        controls=controls,
        spared=spared,
        expires_at=expires_at,
        confidence=sums.understood / sums.lines if sums.lines else 1.0,
    )
