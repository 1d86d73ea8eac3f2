"""The dangers of Sentry: it deletes issues, not events, looks back 90 days unasked, and hides before it removes."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.errors import SourceError
from data.retention.instants import MINUTE, SECOND, Instant
from data.retention.residue import Code
from data.retention.verdict import Verdict, judge
from data.sources.http_api import ApiError
from data.sources.interface import UNREADABLE, Measured, Release
from data.sources.sentry import CONNECTOR, SentryOptions
from data.sources.sentry_units import moment_of
from tests.data.sources.judging import controls_of, looked
from tests.data.sources.lab import FREE, OLD, YOUNG, asking
from tests.data.sources.sentry_fake import FakeSentry
from tests.data.sources.sentry_lab import SentryLab, fake_at
from tests.data.sources.served import Fault, Served, serving

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "sentry.md"


@pytest.fixture
def fake() -> FakeSentry:
    """Give an engine."""
    return fake_at()


@pytest.fixture
def served(fake: FakeSentry) -> Iterator[Served]:
    """Serve it."""
    with serving(fake.answer) as served:
        yield served


@pytest.fixture
def lab(tmp_path: Path, served: Served, fake: FakeSentry) -> SentryLab:
    """Give a source of issues over it."""
    return SentryLab(tmp_path, served, fake)


@pytest.fixture
def files(tmp_path: Path, served: Served, fake: FakeSentry) -> SentryLab:
    """Give a source of attachments over it."""
    return SentryLab(tmp_path, served, fake, units="attachments")


def deleted(served: Served) -> list[str]:
    """Give what was asked to be deleted."""
    return [path for method, path in served.asked if method == "DELETE"]


# -- issues are deleted, not events -----------------------------------------------------------------------------------


def test_a_mixed_issue_is_never_deleted_whole(lab: SentryLab, served: Served) -> None:
    """One event a second before the cutoff and one at it: the issue stays, and its old event is counted as such."""
    cutoff = lab.marks.cutoff
    lab.write("edge.log", [cutoff - SECOND, cutoff])
    lab.write("old.log", [cutoff - 2 * SECOND, cutoff - SECOND])
    found = lab.measured()
    assert (found["edge.log"].reading.records, found["edge.log"].reading.expired.records) == (2, 1)
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]
    assert list(lab.source.plan([found["edge.log"]], lab.marks)) == [None]
    lab.delete(lab.plan())
    assert len(deleted(served)) == 1
    assert lab.content("edge.log") is not None


def test_a_young_event_since_the_preview_saves_its_issue(lab: SentryLab, served: Served) -> None:
    """What Sentry's lists say of the last event comes late; the events themselves are asked right before."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    issue = lab.issues["old.log"]
    times = [one.at for one in issue.events]
    issue.told = (min(times), max(times), len(times))
    lab.fake.event(issue, lab.now - MINUTE)
    assert lab.measured()["old.log"].active == "quiet"
    assert [done.code for done in lab.ask(rows)] == [Code.DRIFTED, Code.DELETED]
    assert len(deleted(served)) == 1
    assert lab.source.recover(rows[0], guard=FREE) is not None


def test_what_a_list_says_of_a_young_event_counts_too(lab: SentryLab) -> None:
    """Where only the list knows of a young event the issue is kept: hints are believed in one direction."""
    lab.old()
    times = [one.at for one in lab.issues["old.log"].events]
    lab.issues["old.log"].told = (min(times), lab.now - YOUNG, 4)
    assert lab.plan() == []
    assert lab.measured()["old.log"].reading.expired.records == 3


def test_every_list_is_asked_with_both_ends(lab: SentryLab, served: Served) -> None:
    """Sentry looks back 90 days where nobody says how far: events older than that would not be seen."""
    lab.old()
    lab.issues["old.log"].resolved = True
    assert lab.measured()["old.log"].reading.expired.records == 3
    lists = [path for _, path in served.asked if "/issues/?" in path or "/events/?" in path]
    assert lists
    assert all("start=" in path and "end=" in path for path in lists)
    assert all("query=&" in path for path in lists if "/issues/?" in path)


def test_only_single_issues_are_ever_deleted(lab: SentryLab, served: Served) -> None:
    """The list's own deletion, which without ids takes a thousand issues, is never asked for."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    for name in (b"issue/", b"issue/?id=1", b"../issues/", b"attachment/1/2"):
        strange = replace(rows[0], unit=replace(rows[0].unit, name=name))
        assert [done.code for done in lab.bare().delete([strange], guard=FREE)] == [Code.TARGET_ABSENT]
    assert deleted(served) == []
    lab.delete(rows)
    assert not lab.fake.lost_everything
    assert len(deleted(served)) == 2
    assert all(re.fullmatch(r"/api/0/organizations/shop/issues/\d+/", path) for path in deleted(served))


def test_a_merged_issue_is_not_the_one_that_was_planned(lab: SentryLab, served: Served) -> None:
    """Sentry answers for a merged issue with the one it went into: that one was never previewed."""
    lab.old()
    lab.old("other.log")
    row = lab.plan()[0]
    other = lab.issues["other.log"].id
    lab.fake.lie = lambda path, document: (
        document | {"id": other} if re.fullmatch(r".*/issues/\d+/", path) else document
    )
    assert [done.code for done in lab.ask([row])] == [Code.TARGET_ABSENT]
    assert deleted(served) == []


AGES = st.lists(st.integers(min_value=-3, max_value=3), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(all_ages=st.lists(AGES, min_size=1, max_size=4))
def test_nothing_young_ever_goes_and_everything_planned_is_old(all_ages: list[list[int]]) -> None:
    """Whatever seconds around the cutoff events lie at: exactly the issues of old events only are deleted."""
    fake = fake_at()
    with serving(fake.answer) as own, TemporaryDirectory() as folder:
        lab = SentryLab(Path(folder), own, fake)
        made = [(fake.issue(), ages) for ages in all_ages]
        for issue, ages in made:
            for age in ages:
                fake.event(issue, lab.marks.cutoff + age * SECOND)
        measured = [one for one in lab.source.measure(lab.marks) if isinstance(one, Measured)]
        rows = [row for row in lab.source.plan(measured, lab.marks) if row is not None]
        assert {done.code for done in lab.ask(rows)} <= {Code.DELETED}
        young = {issue.id for issue, ages in made if max(ages) >= 0}
        assert young == {one.id for one in fake.seen()}
        counted = {one.unit.name.decode(): one.reading.expired.records for one in measured}
        assert counted == {f"issue/{issue.id}": sum(age < 0 for age in ages) for issue, ages in made}


# -- hidden is not gone -----------------------------------------------------------------------------------------------


def test_what_is_hidden_is_released_when_its_events_are_gone(lab: SentryLab) -> None:
    """Accepted means hidden; as long as an event is answered by its own id the worker has not done it."""
    lab.old()
    rows = lab.plan()
    lab.fake.stuck = True
    assert [done.code for done in lab.delete(rows)] == [Code.DELETED]
    assert lab.measured() == {}
    assert lab.source.verify(rows[0]) is None
    assert lab.bare().capabilities().hides_first
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.WAITING
    lab.fake.stuck = False
    lab.fake.advance(MINUTE)
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.RELEASED
    lab.lose()
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.UNKNOWN


def test_the_verdict_is_pending_until_it_is_a_failure(lab: SentryLab) -> None:
    """By the product's own judgement: PENDING when gone, FAIL where an issue is there again or a young one is not."""
    lab.old()
    lab.young()
    lab.mixed()
    rows = lab.plan()
    lab.controls = controls_of(lab)
    lab.ask(rows)
    found = looked(lab, rows).verification
    assert (found.still_there, found.old_left, found.controls, found.controls_lost) == (0, 0, 1, 0)
    assert judge(found) is Verdict.PENDING
    lab.issues["old.log"].hidden = None
    assert judge(looked(lab, rows).verification) is Verdict.FAIL
    lab.issues["old.log"].hidden = lab.now
    lab.remove("young.log")
    assert looked(lab, rows).verification.controls_lost == 1


# -- attachments ------------------------------------------------------------------------------------------------------


def attached(lab: SentryLab) -> dict[str, str]:
    """Make a mixed issue with an old file, one at the cutoff and a young one; give the names of their units."""
    lab.mixed()
    issue, cutoff = lab.issues["mixed.log"], lab.marks.cutoff
    made = {}
    for name, at in {"old": lab.now - OLD, "edge": cutoff, "before": cutoff - 1, "young": lab.now - YOUNG}.items():
        found = lab.fake.attach(issue, issue.events[0], name.encode())
        found.at = at
        made[name] = f"attachment/{found.event}/{found.id}"
    return made


def test_old_attachments_of_a_mixed_issue_go_one_by_one(files: SentryLab) -> None:
    """To the microsecond at the cutoff; events and issue stay, and so does every young file."""
    names = attached(files)
    events = list(files.issues["mixed.log"].events)
    found = files.measured()
    assert {name: found[unit].reading.expired.records for name, unit in names.items()} == {
        "old": 1,
        "edge": 0,
        "before": 1,
        "young": 0,
    }
    rows = files.plan()
    assert {row.unit.name.decode() for row in rows} == {names["old"], names["before"]}
    assert [(done.code, done.records) for done in files.ask(rows)] == [(Code.DELETED, 1)] * 2
    assert {one.content for one in files.issues["mixed.log"].attachments} == {b"edge", b"young"}
    assert files.issues["mixed.log"].events == events
    assert [files.source.verify(row) for row in rows] == [None, None]
    assert files.source.released(iter(rows), removed_at=files.now) is Release.RELEASED
    assert {done.code for done in files.ask(rows)} == {Code.TARGET_ABSENT}


def test_another_file_under_the_same_number_is_left(files: SentryLab) -> None:
    """Its checksum is part of what was planned; a crash before the act has done nothing, one after it everything."""
    attached(files)
    rows = files.plan()
    assert [files.source.verify(row) for row in rows] == [Code.FAILED] * 2
    assert [files.fresh().recover(row, guard=FREE) for row in rows] == [None, None]
    files.issues["mixed.log"].attachments[0].content = b"other"
    outcomes = [done.code for done in files.ask(rows)]
    assert sorted(outcomes) == [Code.DELETED, Code.DRIFTED]
    gone = rows[outcomes.index(Code.DELETED)]
    done = files.fresh().recover(gone, guard=FREE)
    assert done is not None
    assert done.code is Code.ABSENT
    assert files.source.identity(gone.unit) is None


def test_an_attachment_that_names_no_event_is_no_unit_but_an_error(files: SentryLab) -> None:
    """Without the event its address cannot be made: the list is not believed."""
    attached(files)
    files.fake.lie = lambda path, document: (
        [{**one, "event_id": None} for one in document] if "attachments" in path else document
    )
    with pytest.raises(SourceError, match="broken"):
        files.measured()


# -- asking -----------------------------------------------------------------------------------------------------------


def test_no_answer_means_looking_again(lab: SentryLab, served: Served) -> None:
    """The connection is cut: what is hidden afterwards has been taken, what is still seen has not."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    served.faults += [Fault(method="DELETE", path="issues", after=True), Fault(method="DELETE", path="issues")]
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [
        (Code.ABSENT, "no_answer"),
        (Code.FAILED, "no_answer"),
    ]


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, Code.DENIED), (403, Code.DENIED), (400, Code.FAILED), (302, Code.FAILED), (404, Code.TARGET_ABSENT)],
)
def test_refusals_are_named(lab: SentryLab, served: Served, status: int, code: Code) -> None:
    """No right, a request that Sentry rejects, another place: nothing was done, and the next time it may be."""
    lab.old()
    rows = lab.plan()
    served.faults.append(Fault(method="DELETE", path="issues", status=status, headers={"Location": served.url}))
    assert [done.code for done in lab.ask(rows)] == [code]
    assert lab.content("old.log") is not None
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


def test_throttling_is_waited_out_within_limits(lab: SentryLab, served: Served) -> None:
    """Two refusals are waited out, outside of the guard and with another look before; a third one is the outcome."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    busy = Fault(method="DELETE", path="issues", status=429, headers={"Retry-After": "7"}, times=2)
    served.faults.append(busy)
    assert [done.code for done in lab.ask(rows[:1])] == [Code.DELETED]
    assert lab.waited == [7.0, 7.0]
    busy.times = 3
    assert [(done.code, done.reason) for done in lab.ask(rows[1:])] == [(Code.RATE_LIMITED, "throttled")]
    busy.times, busy.headers = 1, {"Retry-After": "600"}
    assert [done.code for done in lab.ask(rows[1:])] == [Code.RATE_LIMITED]
    served.faults.append(Fault(method="GET", path="issues", status=429, times=2))
    assert [done.code for done in lab.ask(rows[1:])] == [Code.DELETED]


def test_the_guard_is_asked_after_the_last_look(lab: SentryLab, served: Served) -> None:
    """Between guard and request nothing else is asked, so that no hold can slip in between."""
    lab.old()

    def guard(_: object) -> None:
        served.asked.clear()

    list(lab.source.delete(lab.plan(), guard=asking(guard)))
    assert [method for method, _ in served.asked] == ["DELETE"]


# -- half answers -----------------------------------------------------------------------------------------------------


def test_who_cannot_see_the_project_cannot_tell_what_is_gone(lab: SentryLab, served: Served) -> None:
    """A token that lost its project sees no issue either: neither absent nor verified nor released."""
    lab.old()
    rows = lab.plan()
    lab.fake.lie = lambda path, document: document | {"slug": "other"} if path.endswith("/till/") else document
    lab.remove("old.log")
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [(Code.FAILED, "other_project")]
    assert lab.source.verify(rows[0]) is Code.UNREACHABLE
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.UNKNOWN
    with pytest.raises(SourceError, match="other_project"):
        lab.measured()
    assert lab.source.probe().reason == "other_project"
    lab.fake.lie = None
    assert lab.source.verify(rows[0]) is None
    served.stop()
    assert lab.source.verify(rows[0]) is Code.UNREACHABLE


def _same(text: str) -> str:
    return re.sub(r'results="(true|false)"; cursor="0:\d+:0"', 'results="true"; cursor="0:0:0"', text)


def _no_link(_: str) -> str:
    return ""


@pytest.mark.parametrize("links", [_same, _no_link])
def test_a_list_that_does_not_end_is_no_list(lab: SentryLab, links: Any) -> None:
    """Pages that go round, and pages that do not say whether there are more."""
    for number in range(3):
        lab.old(f"old-{number}.log")
    rows = lab.plan()
    lab.fake.links = links
    with pytest.raises(SourceError, match="partial"):
        lab.measured()
    assert {done.code for done in lab.ask(rows)} == {Code.FAILED}
    lab.fake.links = str
    assert {done.code for done in lab.ask(rows)} == {Code.DELETED}


def _first(document: Any, **change: Any) -> Any:
    return [{**one, **change} for one in document] if isinstance(document, list) else document


LIES = {
    "no list": lambda _: {"detail": "x"},
    "twice": lambda document: document * 2,
    "no id": lambda document: _first(document, id=None),
    "a path as id": lambda document: _first(document, id="../1"),
    "no time": lambda document: _first(document, dateCreated="soon", firstSeen=None),
    "time elsewhere": lambda document: _first(
        document, dateCreated="1999-01-01T00:00:00Z", lastSeen="1999-01-01T00:00:00Z"
    ),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_half_an_answer_is_no_answer(lab: SentryLab, lie: Any) -> None:
    """Whatever lacks something or has too much is an error for a look and for a deletion; the truth is none."""
    lab.old()
    rows = lab.plan()
    lab.fake.lie = lambda path, document: lie(document) if path.endswith(("/issues/", "/events/")) else document
    with pytest.raises(SourceError):
        lab.measured()
    assert {done.code for done in lab.ask(rows)} == {Code.FAILED}
    lab.fake.lie = None
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


def test_away_in_the_middle_is_no_shorter_list(lab: SentryLab, served: Served) -> None:
    """A server that goes away after the first page makes the whole look fail."""
    for number in range(3):
        lab.old(f"old-{number}.log")
    served.faults.append(Fault(method="GET", path="/issues/", times=-1, skip=1))
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.source.list_units())


def test_what_holds_no_errors_is_told(lab: SentryLab) -> None:
    """Feedback and the like are not judged: they are told, and the source is not called clean."""
    assert lab.skipped() == []
    lab.foreign()
    assert lab.skipped() == ["category_feedback"]
    assert lab.source.summarise(lab.marks).unreadable == 1


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("1970-01-01T00:00:01Z", SECOND, 2 * SECOND - 1),
        ("1970-01-01T00:00:01.500000Z", 1_500_000, 1_500_000),
        ("1970-01-01T00:00:01+00:00", SECOND, 2 * SECOND - 1),
    ],
)
def test_a_time_to_the_second_is_an_interval(text: str, lo: Instant, hi: Instant) -> None:
    """What Sentry cuts off may have been anything up to the next second."""
    found = moment_of(text)
    assert (found.lo, found.hi) == (lo, hi)


@pytest.mark.parametrize("text", [None, 5, "", "yesterday"])
def test_what_is_no_time_is_an_error(text: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(ApiError):
        moment_of(text)


# -- settings ---------------------------------------------------------------------------------------------------------


def test_its_own_retention_is_read_where_an_administrator_asks(lab: SentryLab) -> None:
    """SENTRY_EVENT_RETENTION_DAYS stands in the options of the installation; for all others it is unreadable."""
    assert lab.source.probe().own_retention == {"SENTRY_EVENT_RETENTION_DAYS": "400"}
    lab.fake.administrator = False
    assert lab.source.probe().own_retention == {"SENTRY_EVENT_RETENTION_DAYS": UNREADABLE}
    lab.fake.administrator = True
    lab.fake.lie = lambda path, document: {} if path.endswith("options/") else document
    assert lab.source.probe().own_retention == {"SENTRY_EVENT_RETENTION_DAYS": UNREADABLE}
    assert lab.source.probe().reachable


def test_its_clock_is_compared(lab: SentryLab) -> None:
    """The clock of the Date header: a minute and more off is told, less than a second is not."""
    assert lab.source.probe().clock_offset == 0
    for skew in (90 * SECOND, -90 * SECOND):
        lab.fake.skew = skew
        assert abs(lab.source.probe().clock_offset - skew) <= SECOND


def test_the_token_comes_from_its_file_and_is_said_nowhere(lab: SentryLab) -> None:
    """Read anew for each request; a wrong one is a refusal that does not name it."""
    lab.old()
    lab.secret.write_text("wr0ng\n")
    probe = lab.source.probe()
    assert (probe.reachable, probe.reason) == (False, "denied")
    with pytest.raises(SourceError, match="denied"):
        lab.measured()
    lab.secret.write_text("two\nlines\n")
    assert lab.source.probe().reason == "no_secret"
    assert "wr0ng" not in f"{probe} {lab.options!r} {lab.bare().config_digest}"
    lab.secret.write_text(lab.fake.token)
    assert lab.source.probe().reachable


GOOD: dict[str, Any] = {
    "url": "https://sentry.example.com",
    "organisation": "shop",
    "project": "till",
    "token_file": "token",
}


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"url": "http://sentry.example.com"}, "https"),
        ({"organisation": "../shop"}, "organisation"),
        ({"project": ""}, "project"),
        ({"project": "7"}, "number"),
        ({"project": "till/events"}, "project"),
        ({"units": "events"}, "units"),
        ({"look_back_days": 90}, "look_back_days"),
        ({"physical_hours": 0}, "physical_hours"),
        ({"token": "secret"}, "token"),
    ],
)
def test_senseless_options_are_refused(change: dict[str, Any], about: str) -> None:
    """What is unsafe or means nothing is refused at load, by name; the same options without it are fine."""
    SentryOptions(**GOOD)
    with pytest.raises(ValidationError, match=re.escape(about)):
        SentryOptions(**(GOOD | change))


def test_one_project_is_one_place() -> None:
    """Issues and attachments of one project are the same records: a hold on one protects from both."""
    one = SentryOptions(**GOOD)
    assert CONNECTOR.meet(one, SentryOptions(**(GOOD | {"units": "attachments", "url": "https://other.example.com"})))
    assert not CONNECTOR.meet(one, SentryOptions(**(GOOD | {"project": "web"})))


def test_the_page_for_operators_has_a_block_that_loads() -> None:
    """The example of the page is one that the settings take."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for source in tomllib.loads(text)["sources"]:
        assert isinstance(SourceSettings(**source).options, SentryOptions)


def test_copies_are_named(lab: SentryLab) -> None:
    """What a deletion does not reach is said to exist; nothing is protected by Sentry itself."""
    assert {"clickhouse_parts", "postgres_dead_rows"} <= {copy.kind for copy in lab.source.copies()}
    lab.old()
    assert not lab.source.holds_native(lab.plan()[0].unit)
