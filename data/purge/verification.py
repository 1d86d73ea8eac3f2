"""Looks again, by another way than the executor: nothing old left, nothing young lost (purge.md 6.8)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.errors import SourceError
from data.purge.parts import Progress
from data.purge.preview import judged
from data.retention.evidence import Marks
from data.retention.hold import Hold
from data.retention.instants import Instant
from data.retention.residue import DONE, RESPECTED, Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.retention.verdict import Verification
from data.sources.interface import Measured, Skipped, Source

_BLIND = frozenset({Code.DENIED, Code.UNREACHABLE, Code.FAILED})
_NOT_LOOKED = frozenset({Code.DENIED, Code.UNREACHABLE, Code.RATE_LIMITED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A verification, and the oldest record that is still there."""

    verification: Verification
    oldest_left: Instant | None
    unread: int


@dataclass(slots=True, kw_only=True)
class _ActedOn:
    """What became of the units that a purge removed or rewrote; counts."""

    still: int = 0
    wrong: int = 0
    whole: int = 0
    """Rewritten units in which the kept records are seen."""
    blind: int = 0


@dataclass(slots=True, kw_only=True)
class _Rescan:
    complete: bool = True
    old: int = 0
    late: int = 0
    unread: int = 0
    young: int = 0
    oldest: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What there should be after a purge."""

    source: Source
    marks: Marks
    """Those of the request: the same cutoff, whatever time it is now."""
    holds: Sequence[Hold]
    """Those that protect now, and those that did at the preview."""
    done: Callable[[], Iterator[Planned]]
    """Gives the rows that were deleted or rewritten."""
    rows: int
    left: Collection[bytes]
    """Names of units that were left for a reason of their own, at the preview or at the execution."""
    spared: Collection[tuple[int, int]]
    """Device and inode of units that were left at the preview: a rotation may have renamed them since."""
    doubtful: bool
    """Whether a planned unit was gone without this purge having surely deleted it: it may be there in another form."""
    controls: Iterable[Planned]
    unresolved: int
    since: Instant
    """When the preview was made: what was first seen later came late."""
    physical_delay: int
    """Microseconds until the engine should have released the storage, from now on."""
    kept_may_be_gone: bool = False
    """Whether records that were kept in rewritten units may have been removed rightly since."""
    any_young: bool = False
    """Whether any young unit that is there serves as control, those of the preview having aged, and one is needed."""


def verify(expected: Expected, progress: Progress) -> Looked:
    """Look at every unit that was acted on, at everything that is left, and at the young units that had to stay."""
    source = expected.source
    acted = _acted_on(expected, progress)
    rescan = _rescan(expected, progress)
    seen, lost = _controls(source, expected.controls)
    controls = seen + acted.whole + (rescan.young if expected.any_young else 0)
    found = Verification(
        looked=rescan.complete and not acted.blind and bool(controls or not expected.any_young),
        still_there=acted.still,
        wrongly_rewritten=acted.wrong,
        old_left=rescan.old,
        late=rescan.late,
        controls=controls,
        controls_lost=lost,
        unresolved=expected.unresolved,
        physical_delay=expected.physical_delay,
    )
    return Looked(verification=found, oldest_left=rescan.oldest, unread=rescan.unread)


def _acted_on(expected: Expected, progress: Progress) -> _ActedOn:
    """Look at every unit that was acted on; one that could not be looked at is neither gone nor still there."""
    told = _ActedOn()
    for number, planned in enumerate(expected.done()):
        if number % 500 == 0:
            progress("verify", number, expected.rows)
        rewritten = planned.action is Action.REWRITE
        found = expected.source.verify(planned)
        fine = found is None or (rewritten and expected.kept_may_be_gone and found is Code.DRIFTED)
        blind = found in _NOT_LOOKED
        told.blind += blind
        told.still += not (fine or blind or rewritten)
        told.wrong += rewritten and not (fine or blind)
        told.whole += rewritten and fine
    return told


def _rescan(expected: Expected, progress: Progress) -> _Rescan:
    """Read the whole source anew, past the scan index: old records count against the purge unless they may stay."""
    found = _Rescan()
    try:
        for number, seen in enumerate(expected.source.measure(expected.marks, fresh=True)):
            if number % 500 == 0:
                progress("verify", number, 0)
            if isinstance(seen, Skipped):
                found.complete = found.complete and seen.code not in _BLIND
                found.unread += seen.code in _BLIND
            else:
                _weigh(found, seen, expected)
    except SourceError:
        found.complete = False
    return found


def _weigh(found: _Rescan, seen: Measured, expected: Expected) -> None:
    reading = seen.reading
    if reading.lowest_lo is not None:
        found.oldest = reading.lowest_lo if found.oldest is None else min(found.oldest, reading.lowest_lo)
        found.young += reading.lowest_lo >= expected.marks.cutoff
    identity = seen.unit.identity
    if seen.unit.name in expected.left or (identity.device, identity.inode) in expected.spared:
        return
    decided = judged(expected.source, seen, expected.marks, expected.holds)[0]
    if decided is None or isinstance(decided, Code):
        return
    if _came_after(seen, expected.since) and not expected.doubtful:
        found.late += reading.expired.records
    else:
        found.old += reading.expired.records


def _came_after(seen: Measured, since: Instant) -> bool:
    """Tell whether a unit surely was not there at the preview: never seen, and made later."""
    return seen.first_seen is not None and seen.born is not None and min(seen.first_seen, seen.born) > since


def _controls(source: Source, controls: Iterable[Planned]) -> tuple[int, int]:
    """Count the young units that are still there, and those that are not.

    One that its own writer has made longer, or a rotation has given another name, is there; one that became shorter
    is lost; one in whose place something else stands proves nothing.
    """
    seen = lost = 0
    moved: list[Identity] = []
    for control in controls:
        then, now = control.unit.identity, source.identity(control.unit)
        if now is not None and _grown_from(then, now):
            seen += 1
        else:
            moved.append(then)
            lost += now is None or (then.device, then.inode) == (now.device, now.inode)
    if moved:
        there = {
            (unit.identity.device, unit.identity.inode): unit.identity.size
            for unit in source.list_units()
            if isinstance(unit, Unit)
        }
        found = sum(there.get((then.device, then.inode), -1) >= then.size for then in moved)
        seen, lost = seen + found, max(0, lost - found)
    return seen, lost


def _grown_from(then: Identity, now: Identity) -> bool:
    return (then.device, then.inode) == (now.device, now.inode) and now.size >= then.size


def unresolved_of(codes: Mapping[str, int]) -> int:
    """Count the units whose old records should be gone and are not, for no reason that may stand."""
    fine = {code.value for code in RESPECTED | DONE | {Code.TARGET_ABSENT}}
    return sum(count for code, count in codes.items() if code not in fine)
