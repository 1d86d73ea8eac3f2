"""The dangers of Log Analytics: accepted is not done, hidden is not gone, and nobody lists what was asked."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.errors import SourceError
from data.retention.instants import DAY, HOUR, MINUTE, SECOND
from data.retention.residue import Code
from data.retention.unit import Planned
from data.retention.verdict import Verdict, judge
from data.sources.interface import UNREADABLE, Release
from data.sources.log_analytics import CONNECTOR, WorkspaceOptions, credential_of
from data.sources.log_analytics_days import Stretch, filters_of
from data.sources.log_analytics_told import SecretCredential
from tests.data.sources.judging import controls_of, looked
from tests.data.sources.lab import FREE, OLD, asking
from tests.data.sources.log_analytics_fake import RESOURCE, TICK, WORKSPACE, FakeWorkspace
from tests.data.sources.log_analytics_lab import WorkspaceLab, fake_at, table_of
from tests.data.sources.served import Fault, Served, serving

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "log-analytics.md"
PURGE = "/purge"
QUERY = "/query"


@pytest.fixture
def fake() -> FakeWorkspace:
    """Give an engine."""
    return fake_at()


@pytest.fixture
def served(fake: FakeWorkspace) -> Iterator[Served]:
    """Serve it."""
    with serving(fake.answer) as served:
        yield served


@pytest.fixture
def lab(tmp_path: Path, served: Served, fake: FakeWorkspace) -> WorkspaceLab:
    """Give a source over it."""
    return WorkspaceLab(tmp_path, served, fake)


@pytest.fixture
def cutting(tmp_path: Path, served: Served, fake: FakeWorkspace) -> WorkspaceLab:
    """Give a source that may cut the cutoff's day."""
    return WorkspaceLab(tmp_path, served, fake, rewrite=True)


@pytest.fixture
def marking(tmp_path: Path, served: Served, fake: FakeWorkspace) -> WorkspaceLab:
    """Give a source that deletes by the Delete Data API."""
    return WorkspaceLab(tmp_path, served, fake, method="delete-data", physical_days=365)


def posted(served: Served) -> list[str]:
    """Give what was asked to be deleted."""
    return [path for method, path in served.asked if method == "POST" and QUERY not in path]


def operation_of(lab: WorkspaceLab) -> str:
    """Give the path of the one deletion that Azure has taken."""
    (made,) = lab.fake.operations
    subscription = RESOURCE.partition("/resourceGroups")[0]
    return f"{subscription}/providers/Microsoft.OperationalInsights/locations/west/operationstatuses/{made}"


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_a_purge_always_names_both_ends(lab: WorkspaceLab) -> None:
    """Table, `>=` its midnight and `<` the next one are sent, and nothing that lies outside is in their reach."""
    lab.old()
    lab.ask(lab.plan())
    (made,) = lab.fake.operations.values()
    day = lab.day("old.log", lab.now - 100 * DAY)
    assert made.table == table_of("old.log")
    assert made.filters == filters_of(day.whole())
    assert [one["operator"] for one in made.filters] == [">=", "<"]
    assert [one["value"][10:] for one in made.filters] == ["T00:00:00.000000Z"] * 2


def test_nothing_is_deleted_before_somebody_has_tried_it(tmp_path: Path, served: Served, fake: FakeWorkspace) -> None:
    """That both ends of a purge hold is documented nowhere: untried, everything is counted and nothing asked for."""
    lab = WorkspaceLab(tmp_path, served, fake, tried=False)
    lab.old()
    lab.young()
    rows = lab.plan()
    assert [(done.code, done.reason) for done in lab.source.delete(rows, guard=FREE)] == [(Code.UNSUPPORTED, "untried")]
    assert posted(served) == []
    lab.options = lab.options.model_copy(update={"tried": True})
    assert [done.code for done in lab.fresh().delete(rows, guard=FREE)] == [Code.DELETED]


def test_no_filter_is_made_of_an_empty_stretch() -> None:
    """A stretch that ends where it begins is no request at all; one of a microsecond is."""
    assert len(filters_of(Stretch(table="T", begins=5, ends=6))) == 2
    with pytest.raises(ValueError, match="empty"):
        filters_of(Stretch(table="T", begins=5, ends=5))


def test_the_cut_ends_right_before_the_cutoff(cutting: WorkspaceLab) -> None:
    """A row at the cutoff stays, one a tenth of a microsecond earlier goes: Azure's finest tick."""
    cutoff = cutting.marks.cutoff
    cutting.write("edge.log", [cutoff - SECOND, cutoff - 1, cutoff, cutoff + 1])
    cutting.rows("edge.log")[1].at = cutoff * TICK - 1
    (row,) = cutting.plan()
    assert (row.records, row.kept_records, row.hi) == (2, 2, cutoff - 1)
    assert [done.code for done in cutting.delete([row])] == [Code.REWRITTEN]
    assert cutting.content("edge.log") == b"row 2\nrow 3\n"
    assert cutting.source.verify(row) is None


def test_neighbouring_days_keep_their_rows(lab: WorkspaceLab) -> None:
    """Of three days in a row only the planned one goes, to the row."""
    night = (lab.now - 100 * DAY) // DAY * DAY
    for instants in ([night - 1], [night, night + DAY - 1], [night + DAY]):
        lab.write("old.log", instants)
    rows = [row for row in lab.bare().plan(list(lab.bare().measure(lab.marks)), lab.marks) if row is not None]
    assert [row.records for row in rows] == [1, 2, 1]
    assert [done.code for done in lab.bare().delete([rows[1]], guard=FREE)] == [Code.DELETED]
    lab.settle()
    assert [row.at // TICK for row in lab.rows("old.log")] == [night - 1, night + DAY]


@settings(max_examples=25, deadline=None)
@given(
    ticks=st.lists(st.integers(min_value=-DAY * TICK, max_value=DAY * TICK), min_size=1, max_size=8), cuts=st.booleans()
)
def test_nothing_young_ever_goes_and_everything_old_is_planned(ticks: list[int], *, cuts: bool) -> None:
    """Whatever tenth of a microsecond around the cutoff rows lie at: with cutting exactly the old ones go.

    Without, those of days of which everything is old; and never one that is young.
    """
    fake = fake_at()
    with serving(fake.answer) as own, TemporaryDirectory() as folder:
        lab = WorkspaceLab(Path(folder), own, fake, rewrite=cuts)
        cutoff = lab.marks.cutoff * TICK
        for number, tick in enumerate(ticks):
            lab.write("old.log", [lab.marks.cutoff])
            lab.rows("old.log")[number].at = cutoff + tick
        source = lab.bare()
        rows = [row for row in source.plan(list(source.measure(lab.marks)), lab.marks) if row is not None]
        assert {done.code for done in source.delete(rows, guard=FREE)} <= {Code.DELETED, Code.REWRITTEN}
        lab.settle()
        left = sorted(row.at - cutoff for row in lab.rows("old.log"))
        midnight = cutoff // (DAY * TICK) * DAY * TICK
        stays = [
            tick
            for tick in ticks
            if tick >= 0 or (not cuts and cutoff + tick >= midnight and any(other >= 0 for other in whole(ticks, lab)))
        ]
        assert left == sorted(stays)
        assert [source.verify(row) for row in rows] == [None] * len(rows)


def whole(ticks: list[int], lab: WorkspaceLab) -> list[int]:
    """Give those that lie on the cutoff's own day."""
    cutoff, day = lab.marks.cutoff * TICK, DAY * TICK
    return [tick for tick in ticks if (cutoff + tick) // day == cutoff // day]


# -- accepted is not done ---------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_pending_and_not_asked_again(lab: WorkspaceLab, served: Served) -> None:
    """Until Azure says that it is done the day counts as being deleted: not planned again, not failed, not gone."""
    lab.old()
    planned = lab.plan()
    assert [(done.code, done.reason) for done in lab.ask(planned)] == [(Code.DELETED, "requested")]
    assert lab.measured()["old.log"].active == "deletion_pending"
    assert lab.plan() == []
    assert lab.source.verify(planned[0]) is None
    assert lab.source.capabilities().physical_delay == 31 * DAY
    assert [done.code for done in lab.ask(planned)] == [Code.ACTIVE]
    assert len(posted(served)) == 1
    found = lab.source.reappeared(lab.marks, purged_until=lab.marks.cutoff, purged_at=lab.marks.now)
    assert (found.late, found.resurrected) == (0, 0)


def test_storage_is_released_when_azure_says_so(lab: WorkspaceLab) -> None:
    """Not while the purge is pending, and nobody knows while Azure is away or has forgotten it."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    lab.ask(rows)
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.WAITING
    lab.settle()
    assert lab.fresh().released(iter(rows), removed_at=lab.now) is Release.RELEASED
    lab.old("purged.log")
    more = [row for row in lab.plan() if row.unit.name == b"purged.log"]
    assert lab.source.released(iter(more), removed_at=lab.now) is Release.UNKNOWN
    lab.ask(more)
    lab.lose()
    assert lab.source.released(iter(more), removed_at=lab.now) is Release.UNKNOWN


def test_a_purge_that_is_never_done_is_told(lab: WorkspaceLab) -> None:
    """Pending after all the time it may take: told, failed, waited for, and not asked for again and again."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    next(iter(lab.fake.operations.values())).stuck = True
    lab.fake.advance(31 * DAY + 5 * MINUTE)
    assert list(lab.skipped().values()) == ["deletion_stuck"]
    assert lab.measured()["old.log"].active == "deletion_stuck"
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert lab.source.released(iter(planned), removed_at=lab.now) is Release.WAITING
    assert lab.plan() == []


def test_an_operation_that_azure_forgets_is_told(lab: WorkspaceLab) -> None:
    """Whether it was done nobody knows then: rows that are still there count, and may be asked for again."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    lab.fake.operations.clear()
    assert lab.source.released(iter(planned), removed_at=lab.now) is Release.UNKNOWN
    assert list(lab.skipped().values()) == ["deletion_forgotten"]
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert lab.fresh().recover(planned[0], guard=FREE) is None
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]


def test_an_operation_that_azure_does_not_know_yet_is_asked_for_again(lab: WorkspaceLab, served: Served) -> None:
    """A 404 right after the request is not the last word: known a moment later, it is pending, and then done."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    served.faults.append(Fault(method="GET", path="/operations/", status=404))
    assert lab.source.released(iter(planned), removed_at=lab.now) is Release.UNKNOWN
    assert lab.source.released(iter(planned), removed_at=lab.now) is Release.WAITING
    lab.settle()
    assert lab.source.released(iter(planned), removed_at=lab.now) is Release.RELEASED


def test_a_later_purge_of_the_same_day_excuses_nothing(cutting: WorkspaceLab) -> None:
    """A cut is done, and a late row lies before it: the purge of the whole day, still pending, hides no failure."""
    cutting.mixed()
    (first,) = cutting.plan()
    cutting.delete([first])
    assert cutting.source.verify(first) is None
    cutting.fake.push(table_of("mixed.log"), [cutting.marks.cutoff - HOUR], "late")
    cutting.marks = replace(cutting.marks, cutoff=cutting.marks.cutoff + 2 * DAY, now=cutting.now + 3 * DAY)
    (second,) = cutting.plan()
    assert [done.code for done in cutting.ask([second])] == [Code.DELETED]
    assert cutting.source.verify(first) is Code.FAILED
    assert cutting.source.verify(second) is None


def test_rows_that_come_after_the_request_are_found(lab: WorkspaceLab) -> None:
    """A purge reaches what was there when it was asked for: what comes later stays, and is not called gone."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    lab.fake.advance(HOUR)
    lab.drift("old.log")
    lab.settle()
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert [row.records for row in lab.plan()] == [1]


def test_the_verdict_is_pending_until_it_is_a_failure(lab: WorkspaceLab) -> None:
    """By the product's own judgement: PENDING while it may still come and when it is gone, FAIL for what is there."""
    lab.old()
    lab.young()
    rows = lab.plan()
    lab.controls = controls_of(lab)
    lab.ask(rows)
    assert judge(looked(lab, rows).verification) is Verdict.PENDING
    lab.settle()
    found = looked(lab, rows).verification
    assert (found.still_there, found.old_left, found.controls, found.controls_lost) == (0, 0, 1, 0)
    assert judge(found) is Verdict.PENDING
    lab.old()
    assert judge(looked(lab, rows).verification) is Verdict.FAIL


def test_young_rows_that_vanish_are_an_incident(cutting: WorkspaceLab) -> None:
    """Whatever filters mean to Azure: young rows of a cut day and of a control are counted again afterwards."""
    cutting.mixed()
    cutting.young()
    rows = cutting.plan()
    cutting.controls = controls_of(cutting)
    cutting.delete(rows)
    assert judge(looked(cutting, rows).verification) is Verdict.PENDING
    cutting.remove("mixed.log")
    assert cutting.source.verify(rows[0]) is Code.DRIFTED
    cutting.remove("young.log")
    found = looked(cutting, rows).verification
    assert (found.controls_lost, judge(found)) == (1, Verdict.FAIL)


# -- hidden is not gone -----------------------------------------------------------------------------------------------


def test_marked_rows_are_released_when_their_retention_is_over(marking: WorkspaceLab) -> None:
    """Delete Data hides rows within minutes; stored they are until the table's total retention is over."""
    marking.old()
    rows = marking.plan()
    assert [done.code for done in marking.ask(rows)] == [Code.DELETED]
    assert marking.source.released(iter(rows), removed_at=marking.now) is Release.WAITING
    marking.fake.advance(10 * MINUTE)
    assert marking.measured() == {}
    assert len(marking.rows("old.log")) == 3
    assert marking.source.verify(rows[0]) is None
    assert marking.source.released(iter(rows), removed_at=marking.now) is Release.WAITING
    marking.fake.advance((365 - 100 + 2) * DAY)
    assert marking.rows("old.log") == []
    assert marking.source.released(iter(rows), removed_at=marking.now) is Release.RELEASED
    marking.fake.tables[table_of("old.log")].total_days = None
    assert marking.source.released(iter(rows), removed_at=marking.now) is Release.UNKNOWN


def test_a_deletion_that_fails_is_told_and_may_be_asked_for_again(marking: WorkspaceLab) -> None:
    """Azure says `Failed`: the day is told, counts as not deleted, and is planned again."""
    marking.old()
    rows = marking.plan()
    marking.ask(rows)
    marking.fake.fails = True
    marking.fake.advance(10 * MINUTE)
    assert list(marking.skipped().values()) == ["deletion_failed"]
    assert marking.source.verify(rows[0]) is Code.FAILED
    assert marking.source.recover(rows[0], guard=FREE) is None
    assert [row.unit.name for row in marking.plan()] == [b"old.log"]


def test_where_a_deletion_stands_is_asked_of_the_configured_address_only(marking: WorkspaceLab, served: Served) -> None:
    """Azure's answer names a whole address; only its path is taken, and a strange one is no answer."""
    marking.old()
    marking.old("other.log")
    rows = marking.plan()
    served.faults.append(
        Fault(method="POST", path="deleteData", status=202, headers={"Azure-AsyncOperation": "https://evil.example/x"})
    )
    outcomes = [(done.code, done.reason) for done in marking.ask(rows)]
    assert outcomes == [(Code.FAILED, "no_answer"), (Code.DELETED, "requested")]
    marking.measured()
    assert ("GET", f"{operation_of(marking)}?api-version=2023-09-01") in served.asked


def test_marking_must_be_waited_for_as_long_as_rows_are_stored(
    tmp_path: Path, served: Served, fake: FakeWorkspace
) -> None:
    """The probe refuses a `physical_days` that is shorter than what the tables keep."""
    lab = WorkspaceLab(tmp_path, served, fake, method="delete-data", physical_days=90)
    probe = lab.source.probe()
    assert (probe.reachable, probe.reason) == (False, "physical_days")
    assert "365" in probe.explained
    for table in lab.fake.tables.values():
        table.days = table.total_days = 90
    assert lab.source.probe().reachable


# -- asking -----------------------------------------------------------------------------------------------------------


def test_no_answer_is_no_deletion(lab: WorkspaceLab, served: Served) -> None:
    """The connection is cut: nobody knows whether it was taken, so it is not said; asking again does no harm."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    served.faults += [Fault(method="POST", path=PURGE, after=True), Fault(method="POST", path=PURGE)]
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [(Code.FAILED, "no_answer")] * 2
    assert len(lab.fake.operations) == 1
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED] * 2
    lab.settle()
    assert [lab.source.verify(row) for row in rows] == [None, None]


def test_a_crash_after_asking_is_recovered_from_what_was_written_down(lab: WorkspaceLab, served: Served) -> None:
    """Killed between the answer and the result: found, not asked again. One that was not answered is asked again."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    list(lab.source.delete(rows[:1], guard=FREE))
    served.faults.append(Fault(method="POST", path=PURGE, after=True))
    list(lab.source.delete(rows[1:], guard=FREE))
    found = [lab.fresh().recover(row, guard=FREE) for row in rows]
    assert found[0] is not None
    assert (found[0].code, found[0].reason, found[0].records) == (Code.ABSENT, "requested", 3)
    assert found[1] is None
    assert len(posted(served)) == 2


@pytest.mark.parametrize("status", [200, 202, 500, 503])
def test_an_answer_that_cannot_be_read_is_none(lab: WorkspaceLab, served: Served, status: int) -> None:
    """Taken or not, nobody knows: it is neither said to be deleted nor forgotten that it was asked."""
    lab.old()
    rows = lab.plan()
    served.faults.append(Fault(method="POST", path=PURGE, status=status, after=True))
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [(Code.FAILED, "no_answer")]
    lab.settle()
    assert [done.code for done in lab.ask(rows)] == [Code.TARGET_ABSENT]


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


def test_a_kill_on_either_side_of_the_request_is_recovered(lab: WorkspaceLab) -> None:
    """Killed before the request nothing was asked, and it is asked for; killed after it nothing is asked again."""
    lab.old()
    rows = lab.plan()

    @contextmanager
    def before(_: Planned) -> Iterator[None]:
        raise Killed
        yield

    @contextmanager
    def after(_: Planned) -> Iterator[None]:
        yield
        raise Killed

    for guard, asked, code in ((before, 0, None), (after, 1, Code.ABSENT)):
        with pytest.raises(Killed):
            list(lab.fresh().delete(rows, guard=guard))
        assert len(lab.fake.operations) == asked
        found = lab.fresh().recover(rows[0], guard=FREE)
        assert (found and found.code) == code


def test_no_answer_is_looked_after_outside_of_the_guard(lab: WorkspaceLab, served: Served) -> None:
    """While nobody answers, holds can be placed: only the request itself stands inside the guard."""
    lab.old()
    rows = lab.plan()
    served.faults.append(Fault(method="POST", path=PURGE))
    inside: list[list[tuple[str, str]]] = []

    @contextmanager
    def guard(_: Planned) -> Iterator[None]:
        before = len(served.asked)
        yield
        inside.append(served.asked[before:])

    outcomes = list(lab.source.delete(rows, guard=guard))
    assert [(done.code, done.reason) for done in outcomes] == [(Code.FAILED, "no_answer")]
    assert [len(asked) for asked in inside] == [1]
    assert served.asked[-1][1].endswith(QUERY)


def test_an_older_request_for_the_same_day_is_no_recovery(lab: WorkspaceLab) -> None:
    """What was asked for before the preview proves nothing about this one."""
    lab.old()
    lab.delete(lab.plan())
    lab.marks = replace(lab.marks, now=lab.now + 5 * DAY)
    lab.old()
    (row,) = lab.plan()
    assert lab.source.recover(row, guard=FREE) is None
    assert lab.source.released(iter([row]), removed_at=lab.now) is Release.UNKNOWN


def test_throttling_is_waited_out_within_limits_and_outside_of_the_guard(lab: WorkspaceLab, served: Served) -> None:
    """Two refusals with a pause are waited out; a third one is the outcome, and nothing was asked for."""
    lab.old()
    rows = lab.plan()
    busy = Fault(method="POST", path=PURGE, status=429, headers={"Retry-After": "7"}, times=2)
    served.faults.append(busy)
    inside: list[int] = []

    @contextmanager
    def guard(_: Planned) -> Iterator[None]:
        before = len(lab.waited)
        yield None
        inside.append(len(lab.waited) - before)

    assert [done.code for done in lab.source.delete(rows, guard=guard)] == [Code.DELETED]
    assert (lab.waited, inside) == ([7.0, 7.0], [0, 0, 0])
    lab.old("other.log")
    busy.times = 3
    chosen = [row for row in lab.plan() if row.unit.name == b"other.log"]
    assert [(done.code, done.reason) for done in lab.ask(chosen)] == [(Code.RATE_LIMITED, "throttled")]
    assert len(lab.fake.operations) == 1
    busy.times, busy.headers = 1, {"Retry-After": "600"}
    assert [done.code for done in lab.ask(chosen)] == [Code.RATE_LIMITED]
    assert [done.code for done in lab.ask(chosen)] == [Code.DELETED]


def test_a_busy_query_is_asked_again_within_limits(lab: WorkspaceLab, served: Served) -> None:
    """The client of Azure repeats nothing by itself: two refusals are waited out, three are none's answer."""
    lab.old()
    busy = Fault(method="POST", path=QUERY, status=429, headers={"Retry-After": "3"}, times=2)
    served.faults.append(busy)
    assert list(lab.measured()) == ["old.log"]
    assert lab.waited == [3.0, 3.0]
    busy.times = 3
    with pytest.raises(SourceError, match="throttled"):
        lab.measured()


@pytest.mark.parametrize(("method", "most"), [("purge", 50), ("delete-data", 10)])
def test_no_more_is_asked_in_an_hour_than_azure_takes(
    tmp_path: Path, served: Served, fake: FakeWorkspace, method: str, most: int
) -> None:
    """The 51st purge of an hour, the 11th deletion, is not sent; an hour later it is."""
    lab = WorkspaceLab(tmp_path, served, fake, method=method, physical_days=365)
    for number in range(most + 1):
        lab.write("old.log", [lab.now - OLD - number * DAY])
    rows = [row for row in lab.bare().plan(list(lab.bare().measure(lab.marks)), lab.marks) if row is not None]
    assert len(rows) == most + 1
    outcomes = [(done.code, done.reason) for done in lab.bare().delete(rows, guard=FREE)]
    assert outcomes == [(Code.DELETED, "requested")] * most + [(Code.RATE_LIMITED, "hourly_limit")]
    assert len(posted(served)) == most
    lab.clock.advance(3601)
    assert [done.code for done in lab.bare().delete(rows[-1:], guard=FREE)] == [Code.DELETED]


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (401, Code.DENIED, "denied"),
        (403, Code.DENIED, "denied"),
        (409, Code.LOCKED, "conflict"),
        (400, Code.FAILED, "refused"),
        (302, Code.FAILED, "refused"),
    ],
)
def test_refusals_are_named(lab: WorkspaceLab, served: Served, status: int, code: Code, reason: str) -> None:
    """No right, a lock on the workspace, a request that Azure rejects: nothing was done, and the next one may be."""
    lab.old()
    rows = lab.plan()
    served.faults.append(Fault(method="POST", path=PURGE, status=status, headers={"Location": served.url}))
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [(code, reason)]
    assert lab.fake.operations == {}
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


def test_the_guard_is_asked_after_the_last_look(lab: WorkspaceLab, served: Served) -> None:
    """Whatever has to be known is known before; inside the guard only the deletion itself is asked for."""
    lab.old()
    rows = lab.plan()

    def guard(_: Planned) -> None:
        assert posted(served) == []
        served.asked.clear()

    assert [done.code for done in lab.source.delete(rows, guard=asking(guard))] == [Code.DELETED]
    assert [path.partition("?")[0] for _, path in served.asked] == [f"{RESOURCE}/purge"]


def test_a_plan_that_cannot_be_purged_is_seen_at_the_last_moment(lab: WorkspaceLab, served: Served) -> None:
    """A table that was changed to Basic since the preview is left alone; names that are none of ours too."""
    lab.old()
    (row,) = lab.plan()
    lab.fake.tables[table_of("old.log")].plan = "Basic"
    assert [(done.code, done.reason) for done in lab.ask([row])] == [(Code.UNSUPPORTED, "plan")]
    other = replace(row, unit=replace(row.unit, name=b"Other@2026-01-01"))
    assert [done.reason for done in lab.ask([other])] == ["not_ours"]
    assert lab.source.verify(other) is Code.FAILED
    assert posted(served) == []


# -- half answers -----------------------------------------------------------------------------------------------------


def test_seeing_nothing_proves_nothing_without_the_control(lab: WorkspaceLab) -> None:
    """Where not even the control's rows are seen no look, no deletion and no verification believes the answer."""
    lab.old()
    (row,) = lab.plan()
    usage = lab.fake.tables["Usage"].rows
    kept, usage[:] = list(usage), []
    with pytest.raises(SourceError, match="no_control"):
        lab.measured()
    with pytest.raises(SourceError, match="no_control"):
        lab.source.identity(row.unit)
    assert [(done.code, done.reason) for done in lab.ask([row])] == [(Code.FAILED, "no_control")]
    assert lab.source.verify(row) is Code.UNREACHABLE
    usage[:] = kept
    assert [done.code for done in lab.ask([row])] == [Code.DELETED]


def _rows(document: Any) -> list[list[Any]]:
    found: list[list[Any]] = document["tables"][0]["rows"]
    return found


def _partial(document: Any) -> Any:
    return document | {"error": {"code": "PartialError", "message": "x"}}


def _no_tables(_: Any) -> Any:
    return {"tables": []}


def _two_tables(document: Any) -> Any:
    return {"tables": document["tables"] * 2}


def _columns(document: Any) -> Any:
    document["tables"][0]["columns"].reverse()
    return document


def _twice(document: Any) -> Any:
    _rows(document).append(_rows(document)[0])
    return document


def _text(document: Any) -> Any:
    _rows(document)[0][2] = "3"
    return document


def _null(document: Any) -> Any:
    _rows(document)[0][3] = None
    return document


def _fraction(document: Any) -> Any:
    _rows(document)[0][2] = 2.5
    return document


def _foreign_part(document: Any) -> Any:
    _rows(document)[0][0] = "other"
    return document


def _short(document: Any) -> Any:
    _rows(document)[0].pop()
    return document


def _no_document(_: Any) -> Any:
    return []


LIES = [
    _partial,
    _no_tables,
    _two_tables,
    _columns,
    _twice,
    _text,
    _null,
    _fraction,
    _foreign_part,
    _short,
    _no_document,
]


@pytest.mark.parametrize("lie", LIES, ids=[one.__name__.strip("_") for one in LIES])
def test_half_an_answer_is_no_answer(lab: WorkspaceLab, lie: Any) -> None:
    """Whatever lacks something or has too much is an error, for a look and for a deletion; the truth is none."""
    lab.old()
    lab.young()
    rows = lab.plan()
    lab.fake.lie = lambda path, document: lie(document) if path.endswith(QUERY) else document
    with pytest.raises(SourceError):
        lab.measured()
    assert {done.code for done in lab.ask(rows)} == {Code.FAILED}
    assert lab.fake.operations == {}
    lab.fake.lie = None
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


def test_a_table_that_is_not_there_is_no_empty_one(lab: WorkspaceLab) -> None:
    """A misspelt or dropped table makes the source unreadable; so does another table's description."""
    lab.old()
    described = {"name": "Other", "properties": {"plan": "Analytics", "retentionInDays": 9, "totalRetentionInDays": 9}}
    lab.fake.lie = lambda path, document: described if "/tables/" in path else document
    with pytest.raises(SourceError, match="broken"):
        lab.measured()
    lab.fake.lie = None
    del lab.fake.tables[table_of("young.log")]
    with pytest.raises(SourceError, match="missing"):
        lab.measured()


def test_away_from_the_start_nothing_is_known(lab: WorkspaceLab, served: Served) -> None:
    """Nobody answers: the probe says so, nothing is listed, deleted or verified; once back, all of it goes on."""
    lab.old()
    rows = lab.plan()
    served.stop()
    probe = lab.fresh().probe()
    assert (probe.reachable, probe.reason) == (False, "unreachable")
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.fresh().list_units())
    assert [done.code for done in lab.ask(rows)] == [Code.UNREACHABLE]
    assert lab.source.verify(rows[0]) is Code.UNREACHABLE
    served.start()
    assert lab.fresh().probe().reachable
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_look_sees_no_empty_workspace(lab: WorkspaceLab, served: Served, status: int) -> None:
    """Without the right to query or to read settings the source is unknown; with it, it is read."""
    lab.old()
    for method, path in (("POST", QUERY), ("GET", "/tables/")):
        served.faults.append(Fault(method=method, path=path, status=status))
        with pytest.raises(SourceError, match="denied"):
            lab.measured()
        assert list(lab.measured()) == ["old.log"]


def test_away_in_the_middle_is_no_shorter_list(lab: WorkspaceLab, served: Served) -> None:
    """A server that goes away after some answers makes the whole look fail."""
    lab.old()
    lab.young()
    served.faults.append(Fault(method="POST", path=QUERY, times=-1, skip=3))
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.source.list_units())


def test_a_state_nobody_knows_is_no_state(lab: WorkspaceLab) -> None:
    """A word for an operation's state that was never heard makes the source unreadable, not the deletion done."""
    lab.old()
    rows = lab.plan()
    lab.ask(rows)
    next(iter(lab.fake.operations.values())).status = "half-done"
    with pytest.raises(SourceError, match="stands"):
        lab.measured()
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.UNKNOWN


# -- settings ---------------------------------------------------------------------------------------------------------


def test_its_own_retention_is_read(lab: WorkspaceLab) -> None:
    """Workspace and tables, long-term retention included; what Azure does not say is unreadable."""
    table = lab.fake.tables[table_of("old.log")]
    table.days, table.total_days = 30, 730
    found = lab.source.probe().own_retention
    assert (found["workspace"], found["table_Shop_old_log"], found["table_Shop_young_log"]) == ("90", "730", "365")
    assert len(found) == 1 + len(lab.options.tables)
    lab.fake.retention = table.total_days = 30
    found = lab.source.probe().own_retention
    assert (found["workspace"], found["table_Shop_old_log"]) == ("30", "30")
    lab.fake.retention = table.total_days = None
    found = lab.source.probe().own_retention
    assert (found["workspace"], found["table_Shop_old_log"]) == (UNREADABLE, UNREADABLE)


def test_what_no_query_can_see_is_told(lab: WorkspaceLab) -> None:
    """Rows in long-term retention are out of sight: the table is told, the source is not called clean."""
    assert lab.skipped() == {}
    lab.fake.tables[table_of("old.log")].days = 30
    assert lab.skipped() == {"Shop_old_log": "long_term"}
    assert lab.source.summarise(lab.marks).unreadable == 1


def test_a_workspace_that_cannot_be_purged_is_refused(lab: WorkspaceLab) -> None:
    """None of the tables has the right plan, or the two ids name two workspaces: no source, and the probe says why."""
    assert lab.source.probe().reachable
    for table in lab.fake.tables.values():
        table.plan = "Auxiliary"
    assert lab.source.probe().reason == "plan"
    lab.fake.tables[table_of("old.log")].plan = "Analytics"
    assert lab.source.probe().reachable
    lab.fake.lie = lambda path, document: (
        document | {"properties": {"customerId": WORKSPACE[::-1]}} if path == RESOURCE else document
    )
    assert lab.source.probe().reason == "other_workspace"


def test_its_clock_is_compared(lab: WorkspaceLab) -> None:
    """The clock of the Date header: a minute and more off is told, less than a second is not."""
    assert lab.source.probe().clock_offset == 0
    for skew in (90 * SECOND, -90 * SECOND):
        lab.fake.skew = skew
        assert abs(lab.source.probe().clock_offset - skew) <= SECOND


def test_each_address_gets_a_token_of_its_own_and_nobody_sees_it(lab: WorkspaceLab) -> None:
    """Two audiences; a refusal is said in a word, without what Entra or the file said."""
    lab.old()
    rows = lab.plan()
    assert set(lab.tokens.scopes) == {f"{url}/.default" for url in (lab.options.query_url, lab.options.management_url)}
    lab.tokens.refuses = True
    probe = lab.fresh().probe()
    assert (probe.reachable, probe.reason) == (False, "denied")
    assert "planted" not in f"{probe}"
    assert [done.code for done in lab.fresh().delete(rows, guard=FREE)] == [Code.DENIED]
    assert lab.fresh().verify(rows[0]) is Code.UNREACHABLE


class Made:
    """What azure-identity would have made."""

    def __init__(self, *told: str) -> None:
        self.told = told

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Give a token that says what it was made of."""
        return AccessToken(" ".join((*self.told, *scopes)), 1)


def test_the_secret_is_read_from_its_file_and_read_again(tmp_path: Path) -> None:
    """A replaced secret is used at once; one that cannot be read is a refusal that does not name it."""
    file = tmp_path / "secret"
    file.write_text("first\n")
    credential = SecretCredential("tenant", "client", file, Made)
    assert credential.get_token("scope").token == "tenant client first scope"
    file.write_text("second\n")
    assert credential.get_token("scope").token == "tenant client second scope"
    file.write_text("two\nlines\n")
    with pytest.raises(ClientAuthenticationError, match="cannot be read") as refused:
        credential.get_token("scope")
    assert "lines" not in str(refused.value)
    told = {"tenant_id": WORKSPACE, "client_id": WORKSPACE, "client_secret_file": file}
    assert isinstance(credential_of(WorkspaceOptions(**(GOOD | told))), SecretCredential)
    assert type(credential_of(WorkspaceOptions(**GOOD))).__name__ == "DefaultAzureCredential"


GOOD: dict[str, Any] = {"workspace_id": WORKSPACE, "resource_id": RESOURCE, "tables": ["AppTraces"]}


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"workspace_id": "shop-logs"}, "workspace_id"),
        ({"resource_id": "shop-logs"}, "resource_id"),
        ({"resource_id": f"{RESOURCE}/tables/x"}, "resource_id"),
        ({"tables": []}, "tables"),
        ({"tables": ["AppTraces", "apptraces"]}, "twice"),
        ({"tables": ["AppTraces | take 1"]}, "name of a table"),
        ({"tables": ["../x"]}, "name of a table"),
        ({"control": "Usage | take 1"}, "name of a table"),
        ({"method": "delete"}, "method"),
        ({"physical_days": 29}, "physical_days"),
        ({"settle_hours": 0}, "settle_hours"),
        ({"query_url": "http://api.example.com"}, "https"),
        ({"management_url": "https://x:y@example.com"}, "without a name"),
        ({"tenant_id": WORKSPACE}, "one needs the others"),
        ({"client_secret_file": "x"}, "one needs the others"),
        ({"client_secret": "secret"}, "client_secret"),
    ],
)
def test_senseless_options_are_refused(change: dict[str, Any], about: str) -> None:
    """What is unsafe or means nothing is refused at load, by name; the same options without it are fine."""
    WorkspaceOptions(**GOOD)
    with pytest.raises(ValidationError, match=re.escape(about)):
        WorkspaceOptions(**(GOOD | change))


def test_one_table_of_one_workspace_is_one_place() -> None:
    """Two sources that name a table of one workspace reach the same rows; of two tables or workspaces they do not."""
    one = WorkspaceOptions(**GOOD)
    assert CONNECTOR.meet(one, WorkspaceOptions(**(GOOD | {"tables": ["apptraces", "Other"]})))
    assert not CONNECTOR.meet(one, WorkspaceOptions(**(GOOD | {"tables": ["Other"]})))
    assert not CONNECTOR.meet(one, WorkspaceOptions(**(GOOD | {"workspace_id": "2" + WORKSPACE[1:]})))


def test_the_page_for_operators_has_a_block_that_loads() -> None:
    """The example of the page is one that the settings take."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source,) = tomllib.loads(text)["sources"]
    assert isinstance(SourceSettings(**source).options, WorkspaceOptions)


def test_copies_are_named(lab: WorkspaceLab) -> None:
    """What a purge does not reach is said to exist; nothing in a row is protected by Azure itself."""
    kinds = {copy.kind for copy in lab.source.copies()}
    assert kinds == {"data_export", "search_and_restore_tables", "long_term_retention", "snapshot_debugger"}
    lab.old()
    (row,) = lab.plan()
    assert not lab.source.holds_native(row.unit)
