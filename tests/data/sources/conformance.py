"""What every source must do, whatever is behind it: a connector brings a lab and inherits this suite.

class TestPostgres(SourceConformance):
@pytest.fixture
def lab(self) -> SourceLab: ...
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import pytest

from data.clock import SystemClock
from data.errors import SourceError
from data.formats.interface import Reading
from data.retention.evidence import Marks
from data.retention.instants import BEGINNING, SECOND, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Planned, Unit
from data.sources.interface import Acted, Measured, Release, Skipped, Source, SourceSummary
from tests.data.sources.lab import FREE, asking


class SourceLab(Protocol):
    """A place behind one connector, and everything that can happen there."""

    @property
    def source(self) -> Source:
        """Give the source."""
        ...

    @property
    def marks(self) -> Marks:
        """Give the marks that old and young are told by."""
        ...

    def fresh(self) -> Source:
        """Make the source anew, as after a restart."""
        ...

    def old(self, name: str = ..., count: int = ...) -> object:
        """Make a unit of which everything may go."""
        ...

    def young(self, name: str = ..., count: int = ...) -> object:
        """Make a unit of which nothing may go."""
        ...

    def mixed(self, name: str = ...) -> object:
        """Make a unit with old and young records."""
        ...

    def undated(self, name: str = ...) -> object:
        """Make a unit that nobody can date."""
        ...

    def write(self, name: str, instants: list[Instant]) -> object:
        """Make a unit of records of these instants."""
        ...

    def drift(self, name: str) -> None:
        """Change a unit so that only a careful look tells."""
        ...

    def swap(self, name: str) -> None:
        """Put another unit in the place of one."""
        ...

    def remove(self, name: str) -> None:
        """Take a unit away."""
        ...

    def occupy(self, name: str) -> None:
        """Let somebody write to a unit just now."""
        ...

    def lose(self) -> None:
        """Make the whole place unreachable."""
        ...

    def foreign(self) -> str:
        """Put something there that is no unit; give the reason it is skipped for."""
        ...

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        ...

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        ...

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        ...

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there, under its name or set aside."""
        ...

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        ...

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        ...


class SourceConformance:
    """The suite; each test gets a lab of its own from the fixture `lab`."""

    # -- looking ------------------------------------------------------------------------------------------------------

    def test_every_unit_is_listed_once_and_nothing_else(self, lab: SourceLab) -> None:
        """A listing names every unit once, and what is no unit with a reason."""
        lab.old()
        lab.young()
        reason = lab.foreign()
        found = list(lab.source.list_units())
        assert sorted(unit.name for unit in found if isinstance(unit, Unit)) == [b"old.log", b"young.log"]
        assert [unit.reason for unit in found if isinstance(unit, Skipped)] == [reason]

    def test_a_measure_says_what_may_go(self, lab: SourceLab) -> None:
        """Everything of an old unit may go, nothing of a young one, half of the mixed one."""
        lab.old()
        lab.young()
        lab.mixed()
        found = {name: unit.reading.expired.records for name, unit in lab.measured().items()}
        assert found == {"old.log": 3, "young.log": 0, "mixed.log": 2}

    def test_the_cutoff_is_strict(self, lab: SourceLab) -> None:
        """A record exactly at the cutoff stays; one a second before it goes; the limit is held in the same way."""
        lab.write("edge.log", [lab.marks.cutoff - SECOND, lab.marks.cutoff])
        lab.write("late.log", [lab.marks.limit - SECOND, lab.marks.limit])
        found = lab.measured()
        assert found["edge.log"].reading.expired.records == 1
        assert found["late.log"].reading.overdue == 1

    def test_a_second_look_says_the_same(self, lab: SourceLab) -> None:
        """The scan index changes nothing: a second look, a fresh one and one after a restart agree."""
        lab.old()
        lab.mixed()
        lab.undated()
        first = lab.measured()
        assert lab.measured() == first
        assert lab.measured(fresh=True) == first
        again = [unit for unit in lab.fresh().measure(lab.marks) if isinstance(unit, Measured)]
        assert {unit.unit.name.decode(): unit for unit in again} == first

    def test_a_summary_is_the_sum(self, lab: SourceLab) -> None:
        """Summing up gives what adding up every measured unit gives, at first and from the index."""
        lab.old()
        lab.young()
        lab.mixed()
        lab.undated()
        lab.foreign()
        lab.occupy("young.log")
        for _ in range(2):
            summary = lab.source.summarise(lab.marks)
            assert without_sets(summary) == added_up(lab.source.measure(lab.marks))
        assert summary.units == 4

    def test_an_undatable_unit_is_never_planned(self, lab: SourceLab) -> None:
        """What nobody can date is counted and left alone; a dated one beside it is planned."""
        lab.undated()
        lab.old()
        found = lab.measured()
        assert found["undated.log"].reading.undatable == 1
        assert [row.unit.name for row in lab.plan()] == [b"old.log"]
        batch = [found["undated.log"], found["old.log"], found["undated.log"]]
        rows = list(lab.source.plan(batch, lab.marks))
        assert [row.unit.name if row else None for row in rows] == [None, b"old.log", None]

    def test_identity_follows_the_content(self, lab: SourceLab) -> None:
        """A unit has one identity until it changes, another one afterwards, and none when it has gone."""
        lab.old()
        (unit,) = [unit for unit in lab.source.list_units() if isinstance(unit, Unit)]
        before = lab.source.identity(unit)
        assert before is not None
        assert before == lab.source.identity(unit)
        lab.drift("old.log")
        assert before != lab.source.identity(unit)
        lab.remove("old.log")
        assert lab.source.identity(unit) is None

    def test_what_it_says_of_itself_does_not_change(self, lab: SourceLab) -> None:
        """Id, capabilities and the digest of the configuration are the same after a restart."""
        again = lab.fresh()
        assert again.id == lab.source.id
        assert again.capabilities() == lab.source.capabilities()
        assert again.config_digest == lab.source.config_digest
        assert len(again.config_digest) == 64

    # -- deleting -----------------------------------------------------------------------------------------------------

    def test_a_purge_removes_exactly_what_is_old(self, lab: SourceLab) -> None:
        """Old units go; of the mixed one exactly the old records go; the young one is not touched."""
        lab.old()
        lab.young()
        lab.mixed()
        young, left = lab.content("young.log"), lab.expected("mixed.log")
        planned = lab.plan()
        outcomes = {row.unit.name: done for row, done in zip(planned, lab.delete(planned), strict=True)}
        assert lab.content("old.log") is None
        assert lab.content("young.log") == young
        assert outcomes[b"old.log"].code is Code.DELETED
        assert outcomes[b"old.log"].records == 3
        if lab.source.capabilities().rewrites:
            assert lab.content("mixed.log") == left
            assert outcomes[b"mixed.log"].code is Code.REWRITTEN
            assert outcomes[b"mixed.log"].records == 2
        else:
            assert b"mixed.log" not in outcomes

    def test_a_plan_says_what_will_be_left(self, lab: SourceLab) -> None:
        """The plan of a rewrite names size, records and digest of what is kept, and no cutoff but the preview's."""
        lab.mixed()
        lab.old()
        planned = {row.unit.name: row for row in lab.plan()}
        assert planned[b"old.log"].action is Action.DELETE
        assert planned[b"old.log"].cutoff == lab.marks.cutoff
        assert planned[b"old.log"].hi < lab.marks.cutoff
        if lab.source.capabilities().rewrites:
            row = planned[b"mixed.log"]
            assert (row.action, row.records, row.kept_records) == (Action.REWRITE, 2, 2)
            assert row.kept_bytes == len(lab.expected("mixed.log"))

    @pytest.mark.parametrize("name", ["old.log", "mixed.log"])
    @pytest.mark.parametrize("happening", ["drift", "swap"])
    def test_what_has_changed_is_left_alone(self, lab: SourceLab, name: str, happening: str) -> None:
        """A unit that is not what was previewed is not touched, and one beside it still is."""
        lab.old()
        lab.mixed()
        lab.old("other.log")
        planned = lab.plan()
        getattr(lab, happening)(name)
        now = lab.content(name)
        outcomes = {row.unit.name: done.code for row, done in zip(planned, lab.delete(planned), strict=True)}
        assert outcomes.get(name.encode(), Code.DRIFTED) is Code.DRIFTED
        assert outcomes[b"other.log"] is Code.DELETED
        assert lab.content(name) == now

    def test_what_has_gone_is_not_ours(self, lab: SourceLab) -> None:
        """A unit that somebody else removed is reported as such, and is not counted as deleted."""
        lab.old()
        planned = lab.plan()
        lab.remove("old.log")
        assert [(done.code, done.records) for done in lab.delete(planned)] == [(Code.TARGET_ABSENT, 0)]

    def test_a_guard_prevents_exactly_its_unit(self, lab: SourceLab) -> None:
        """A unit the guard forbids stays, with the guard's code; the others go on, in the order given."""
        for number in range(3):
            lab.old(f"old-{number}.log")
        planned = list(reversed(lab.plan()))
        held = planned[1].unit.name

        def guard(row: Planned) -> Code | None:
            assert lab.survives(row), "the guard is asked before the commit"
            asked.append(row.unit.name)
            return Code.HELD if row.unit.name == held else None

        asked: list[bytes] = []
        outcomes = [done.code for done in lab.source.delete(planned, guard=asking(guard))]
        assert outcomes == [Code.DELETED, Code.HELD, Code.DELETED]
        assert asked == [row.unit.name for row in planned]
        assert lab.content(held.decode()) is not None

    def test_a_guard_prevents_a_rewrite(self, lab: SourceLab) -> None:
        """A held mixed unit stays as it is, to the byte, and nothing is left beside it."""
        lab.mixed()
        before, planned = lab.content("mixed.log"), lab.plan()
        outcomes = [done.code for done in lab.source.delete(planned, guard=asking(lambda _: Code.HELD))]
        assert set(outcomes) <= {Code.HELD}
        assert lab.content("mixed.log") == before
        assert [unit.name for unit in lab.source.list_units()] == [b"mixed.log"]

    def test_what_is_in_use_is_not_touched(self, lab: SourceLab) -> None:
        """A unit somebody writes to is said to be active and not planned; one planned before is not deleted."""
        lab.old()
        lab.old("other.log")
        planned = lab.plan()
        lab.occupy("old.log")
        assert lab.measured()["old.log"].active
        assert [row.unit.name for row in lab.plan()] == [b"other.log"]
        codes = [done.code for done in lab.delete(planned)]
        assert codes[0] in {Code.ACTIVE, Code.DRIFTED}
        assert codes[1] is Code.DELETED
        assert lab.content("old.log") is not None

    def test_deleting_twice_changes_nothing_more(self, lab: SourceLab) -> None:
        """The same batch once more finds nothing to do and does no harm."""
        lab.old()
        lab.mixed()
        planned = lab.plan()
        lab.delete(planned)
        left = lab.content("mixed.log")
        assert {done.code for done in lab.delete(planned)} <= {Code.TARGET_ABSENT, Code.DRIFTED}
        assert lab.content("mixed.log") == left
        assert lab.plan() == [] or not lab.source.capabilities().rewrites

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def test_recovery_tells_what_has_happened(self, lab: SourceLab) -> None:
        """Before the act nothing has happened; after it, it has; after a change of somebody else's, it has drifted."""
        lab.old()
        lab.mixed()
        lab.old("other.log")
        planned = {row.unit.name: row for row in lab.plan()}
        assert [lab.fresh().recover(row, guard=FREE) for row in planned.values()] == [None] * len(planned)
        lab.drift("other.log")
        lab.delete(list(planned.values()))
        found = {name: lab.fresh().recover(row, guard=FREE) for name, row in planned.items()}
        codes = {name: done.code for name, done in found.items() if done is not None}
        assert codes.pop(b"mixed.log", Code.REWRITTEN) is Code.REWRITTEN
        assert codes == {b"old.log": Code.ABSENT, b"other.log": Code.DRIFTED}

    def test_a_verification_can_fail(self, lab: SourceLab) -> None:
        """Before the act a verification says that it has not held, after it that it has."""
        lab.old()
        lab.mixed()
        planned = lab.plan()
        assert {lab.source.verify(row) for row in planned} <= {Code.FAILED, Code.DRIFTED}
        lab.delete(planned)
        assert [lab.source.verify(row) for row in planned] == [None] * len(planned)

    def test_storage_is_released_at_once_or_after_the_delay_that_is_told(self, lab: SourceLab) -> None:
        """Right after a deletion storage is released where no delay was told, and not yet where one was."""
        lab.old("old.log")
        lab.young("young.log")
        planned = lab.plan()
        assert [done.code for done in lab.source.delete(planned, guard=FREE)] == [Code.DELETED]
        source = lab.source
        found = source.released(iter(planned), removed_at=instant_of(SystemClock().now()))
        assert (found is Release.RELEASED) == (not source.capabilities().physical_delay)

    def test_what_comes_back_is_told_from_what_comes_late(self, lab: SourceLab) -> None:
        """A unit that was purged and is restored is resurrected; an old one never seen before is late."""
        lab.old("purged.log")
        planned = lab.plan()
        lab.delete(planned)
        lab.source.remember_purged(planned, at=lab.marks.now)
        asked = {"purged_until": lab.marks.cutoff, "purged_at": lab.marks.now}
        found = lab.source.reappeared(lab.marks, **asked)
        assert (found.late, found.resurrected) == (0, 0)
        lab.old("purged.log")
        lab.old("shipped.log", count=2)
        found = lab.fresh().reappeared(lab.marks, **asked)
        assert (found.late, found.resurrected) == (2, 3)

    def test_a_lost_place_deletes_nothing_and_says_so(self, lab: SourceLab) -> None:
        """Where the place cannot be reached, probing says so, looking fails and every outcome is unreachable."""
        lab.old()
        planned = lab.plan()
        assert lab.source.probe().reachable
        lab.lose()
        probe = lab.source.probe()
        assert not probe.reachable
        assert probe.reason
        assert lab.source.id in probe.explained
        with pytest.raises(SourceError):
            list(lab.source.measure(lab.marks))
        assert [done.code for done in lab.delete(planned)] == [Code.UNREACHABLE]


def added_up(found: Iterable[Measured | Skipped]) -> SourceSummary:
    """Add up a measure unit by unit, the slow way; what roll sets say is left out."""
    everything = list(found)
    units = [unit for unit in everything if isinstance(unit, Measured)]
    skips = [unit for unit in everything if isinstance(unit, Skipped)]
    readings = [unit.reading for unit in units]
    evidence: Counter[str] = Counter()
    for reading in readings:
        evidence.update({kind.value: count for kind, count in reading.evidence.items()})
    dated = _dated(readings)
    busy = _dated([unit.reading for unit in units if unit.active])
    return SourceSummary(
        units=len(units),
        records=sum(one.records for one in readings),
        bytes=sum(unit.unit.identity.size for unit in units),
        oldest=min((one.lowest_lo for one in readings if one.lowest_lo is not None), default=None),
        newest=max((one.highest_hi for one in readings if one.highest_hi is not None), default=None),
        expired_units=sum(one.expired.records > 0 for one in readings),
        expired_records=sum(one.expired.records for one in readings),
        expired_bytes=sum(_expired_bytes(unit) for unit in units),
        overdue_units=sum(one.overdue > 0 for one in readings),
        overdue_records=sum(one.overdue for one in readings),
        active=sum(bool(unit.active) for unit in units),
        active_overdue=sum(bool(unit.active) and unit.reading.overdue > 0 for unit in units),
        future=sum(one.future for one in readings),
        undatable=sum(one.undatable for one in readings),
        unparsed=sum(one.unparsed for one in readings),
        lines=sum(one.lines for one in readings),
        longest_span=max((last - first for first, last in dated), default=0),
        longest_active_span=max((last - first for first, last in busy), default=0),
        evidence=dict(evidence),
        damaged=sum(bool(one.damaged) for one in readings),
        skipped=dict(Counter(skip.reason for skip in skips)),
        unreadable=sum(skip.code is not Code.SKIPPED for skip in skips),
    )


def _expired_bytes(unit: Measured) -> int:
    """Tell how many bytes where it is stored would go: of an archive, the share of its content that is expired."""
    size, reading = unit.unit.identity.size, unit.reading
    if 0 < reading.records == reading.expired.records and not reading.undatable:
        return size
    return math.floor(size * reading.expired.bytes / reading.bytes + 0.5) if reading.bytes else 0


def _dated(readings: Iterable[Reading]) -> list[tuple[Instant, Instant]]:
    return [
        (one.lowest_lo, one.highest_hi)
        for one in readings
        if one.lowest_lo is not None and one.highest_hi is not None and one.lowest_lo > BEGINNING
    ]


def without_sets(summary: SourceSummary) -> SourceSummary:
    """Leave out what only roll sets tell."""
    return replace(summary, dead=0)
