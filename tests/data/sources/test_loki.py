"""The dangers of Loki: what it reports is not what has happened, and what it shows is not what it holds."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.errors import SourceError
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, datetime_of, iso
from data.retention.residue import Code
from data.retention.unit import Planned
from data.retention.verdict import Verdict, judge
from data.sources.interface import UNREADABLE, Release
from data.sources.loki import CONNECTOR, LokiOptions
from data.sources.loki_api import block, periods, span_of
from data.sources.loki_windows import matched_exactly
from tests.data.sources.judging import controls_of, looked
from tests.data.sources.lab import FREE, asking
from tests.data.sources.loki_fake import FakeLoki, Request
from tests.data.sources.loki_lab import CONTROL, LokiLab, fake_at, selector_of
from tests.data.sources.served import Fault, Served, serving

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "loki.md"
DELETE = "/loki/api/v1/delete"


@pytest.fixture
def fake() -> FakeLoki:
    """Give an engine."""
    return fake_at()


@pytest.fixture
def served(fake: FakeLoki) -> Iterator[Served]:
    """Serve it."""
    with serving(fake.answer) as served:
        yield served


@pytest.fixture
def lab(tmp_path: Path, served: Served, fake: FakeLoki) -> LokiLab:
    """Give a source over it."""
    return LokiLab(tmp_path, served, fake)


@pytest.fixture
def cutting(tmp_path: Path, served: Served, fake: FakeLoki) -> LokiLab:
    """Give a source that may cut the cutoff's day."""
    return LokiLab(tmp_path, served, fake, rewrite=True)


def posted(served: Served) -> list[str]:
    """Give what was asked to be deleted."""
    return [query for method, query in served.asked if method == "POST"]


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_a_deletion_always_names_its_end(lab: LokiLab, served: Served) -> None:
    """Start and end of the day are sent, in milliseconds, and the end is never left to Loki."""
    lab.old()
    lab.ask(lab.plan())
    day = datetime_of((lab.now - 100 * DAY) // DAY * DAY).date().isoformat()
    (query,) = posted(served)
    assert f"start={day}T00%3A00%3A00.000Z" in query
    assert "end=" in query
    (request,) = lab.fake.requests
    assert request.ends - request.begins == DAY // 1000


def test_the_cut_ends_a_tick_before_the_cutoff(cutting: LokiLab) -> None:
    """Loki's window takes its end in: a line exactly at the cutoff stays, one a tick earlier goes."""
    cutoff = cutting.marks.cutoff
    cutting.write("edge.log", [cutoff - SECOND, cutoff - 1000, cutoff, cutoff + 1])
    (row,) = cutting.plan()
    assert (row.records, row.kept_records) == (2, 2)
    assert [done.code for done in cutting.delete([row])] == [Code.REWRITTEN]
    assert cutting.fake.requests[0].ends * 1000 == cutoff - 1000
    assert cutting.content("edge.log") == b"line 2\nline 3\n"
    assert cutting.source.verify(row) is None


def test_what_lies_between_the_last_tick_and_the_cutoff_waits(cutting: LokiLab) -> None:
    """A line younger than the last tick before the cutoff cannot be named by milliseconds: it is not called old."""
    cutoff = cutting.marks.cutoff
    cutting.write("edge.log", [cutoff - 999, cutoff])
    assert cutting.measured()["edge.log"].reading.expired.records == 0
    assert cutting.plan() == []


def test_neighbouring_days_keep_their_lines(lab: LokiLab) -> None:
    """Of three days in a row only the planned one goes, to the line."""
    noon = (lab.now - 100 * DAY) // DAY * DAY
    lab.write("old.log", [noon - 1, noon])
    lab.write("old.log", [noon + 1, noon + DAY])
    lab.write("old.log", [noon + DAY + 1, noon + DAY + 1000])
    rows = [row for row in lab.bare().plan(list(lab.bare().measure(lab.marks)), lab.marks) if row is not None]
    assert [row.records for row in rows] == [2, 2, 2]
    middle = rows[1]
    assert middle.lo == noon
    assert [done.code for done in lab.bare().delete([middle], guard=FREE)] == [Code.DELETED]
    lab.settle()
    left = [line.at // 1000 for line in lab.lines("old.log") if line.removed is None]
    assert left == [noon - 1, noon + DAY + 1, noon + DAY + 1000]


def test_a_hold_on_the_shared_tick_covers_both_days(lab: LokiLab) -> None:
    """The interval of a row begins with its day, because the deletion does, whenever its first line was written."""
    lab.old()
    (row,) = lab.plan()
    assert row.lo == row.lo // DAY * DAY
    assert row.lo < row.hi < lab.marks.cutoff


# -- processed is not gone --------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_pending_and_not_asked_again(lab: LokiLab, served: Served) -> None:
    """Until its time is over the day counts as being deleted: not planned again, not failed, never called gone."""
    lab.old()
    planned = lab.plan()
    assert [(done.code, done.reason) for done in lab.ask(planned)] == [(Code.DELETED, "requested")]
    assert lab.measured()["old.log"].active == "deletion_pending"
    assert lab.source.verify(planned[0]) is None
    assert lab.source.capabilities().physical_delay == 48 * HOUR
    assert [done.code for done in lab.ask(planned)] == [Code.ACTIVE]
    assert len(posted(served)) == 1
    lab.fake.advance(25 * HOUR)
    assert lab.fake.requests[0].processed
    assert lab.measured()["old.log"].active == "deletion_pending"
    found = lab.source.reappeared(lab.marks, purged_until=lab.marks.cutoff, purged_at=lab.marks.now)
    assert (found.late, found.resurrected) == (0, 0)


def test_processed_without_effect_is_found_out(lab: LokiLab) -> None:
    """Lines still in an ingester are not reached: processed, and there all the same; later the day may go again."""
    lab.fake.push({"app": "shop", "file": "old.log"}, [lab.now - 100 * DAY], shipped=False)
    lab.old("other.log")
    rows = [row for row in lab.bare().plan(list(lab.bare().measure(lab.marks)), lab.marks) if row is not None]
    outcomes = list(lab.bare().delete(rows, guard=FREE))
    lab.settle()
    assert all(request.processed for request in lab.fake.requests)
    assert {done.code for done in outcomes} == {Code.DELETED}
    assert sorted(str(lab.bare().verify(row)) for row in rows) == ["None", "failed"]
    assert [row.records for row in lab.plan()] == [1]


def test_the_cache_answers_longer_than_the_storage(lab: LokiLab) -> None:
    """Removed from the storage and still answered for: a look in between says neither gone nor failed."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    lab.fake.advance(24 * HOUR + 2 * MINUTE + 10 * MINUTE + 2 * HOUR + 5 * MINUTE)
    assert lab.content("old.log") is None
    assert lab.measured()["old.log"].reading.records == 3
    assert lab.source.verify(planned[0]) is None
    lab.fake.advance(HOUR)
    assert "old.log" not in lab.measured()
    assert lab.source.verify(planned[0]) is None


def test_an_empty_answer_after_a_restart_proves_nothing(lab: LokiLab) -> None:
    """For a minute Loki answers with nothing at all: no look, no deletion and no verification believes it."""
    lab.old()
    planned = lab.plan()
    lab.fake.restart()
    with pytest.raises(SourceError, match="no_control"):
        lab.measured()
    with pytest.raises(SourceError, match="no_control"):
        lab.source.identity(planned[0].unit)
    assert [(done.code, done.reason) for done in lab.ask(planned)] == [(Code.FAILED, "no_control")]
    assert lab.source.verify(planned[0]) is Code.UNREACHABLE
    assert lab.source.recover(planned[0], guard=FREE) is not None
    lab.fake.advance(2 * MINUTE)
    assert lab.source.recover(planned[0], guard=FREE) is None
    assert [done.code for done in lab.ask(planned)] == [Code.DELETED]


def test_lines_that_must_be_seen_must_be_old_enough(lab: LokiLab) -> None:
    """Fresh lines lie in an ingester and prove nothing about the storage."""
    lab.old()
    lab.fake.streams[frozenset({("app", "heartbeat")})].clear()
    lab.fake.push({"app": "heartbeat"}, [lab.now - HOUR])
    with pytest.raises(SourceError, match="no_control"):
        lab.measured()


def test_a_cancelled_request_is_told(lab: LokiLab) -> None:
    """Loki forgets a request that somebody takes back; this source does not."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    lab.fake.requests.clear()
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert list(lab.skipped().values()) == ["deletion_cancelled"]
    assert lab.source.summarise(lab.marks).unreadable == 1
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]


def test_a_request_that_is_never_begun_is_told(lab: LokiLab) -> None:
    """Received and nothing more, after all the time it may take: told, failed, and not asked for again and again."""
    lab.old()
    planned = lab.plan()
    lab.ask(planned)
    lab.fake.requests[0].stuck = True
    lab.settle()
    assert list(lab.skipped().values()) == ["deletion_stuck"]
    assert lab.measured()["old.log"].active == "deletion_stuck"
    assert lab.source.verify(planned[0]) is Code.FAILED
    assert lab.plan() == []


def test_the_request_of_somebody_else_is_waited_for(lab: LokiLab) -> None:
    """A foreign request that may reach the same lines keeps the day; one for other streams does not."""
    lab.old()
    at = lab.lines("old.log")[0].at // 1_000_000
    lab.fake.requests.append(Request(id="1", query='{app="till"}', begins=at, ends=at + 1, created=lab.now))
    assert not lab.measured()["old.log"].active
    lab.fake.requests.append(Request(id="2", query='{app=~"s.*"} |= "x"', begins=at, ends=at + 1, created=lab.now))
    assert lab.measured()["old.log"].active == "deletion_of_others"


def test_the_verdict_is_pending_until_it_is_a_failure(lab: LokiLab) -> None:
    """By the product's own judgement: PENDING while it may still come, PENDING when gone, FAIL for what stayed."""
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


def test_storage_is_released_when_loki_has_done_and_compacted_it(lab: LokiLab) -> None:
    """Nothing is released while a request stands undone or caches may hold its lines; unread, nobody knows."""
    lab.old()
    rows = lab.plan()
    lab.ask(rows)
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.WAITING
    lab.settle()
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.RELEASED
    lab.lose()
    assert lab.source.released(iter(rows), removed_at=lab.now) is Release.UNKNOWN


def test_young_lines_that_vanish_are_an_incident(cutting: LokiLab) -> None:
    """Seen once on a real server: after a restart the young lines beside cut ones were not answered for any more."""
    cutting.mixed()
    cutting.young()
    rows = cutting.plan()
    cutting.controls = controls_of(cutting)
    cutting.delete(rows)
    assert judge(looked(cutting, rows).verification) is Verdict.PENDING
    cutting.remove("mixed.log")
    assert cutting.source.verify(rows[0]) is Code.DRIFTED
    assert judge(looked(cutting, rows).verification) is Verdict.FAIL
    cutting.remove("young.log")
    assert looked(cutting, rows).verification.controls_lost == 1


# -- asking ------------------------------------------------------------------------------------------------------------


def test_no_answer_means_looking_at_the_list(lab: LokiLab, served: Served) -> None:
    """The connection is cut: what Loki lists has been asked for, what it does not list has not."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    served.faults.append(Fault(method="POST", path=DELETE, after=True))
    served.faults.append(Fault(method="POST", path=DELETE))
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [
        (Code.ABSENT, "requested"),
        (Code.FAILED, "no_answer"),
    ]
    assert len(lab.fake.requests) == 1


def test_other_bounds_than_asked_for_are_taken_back(lab: LokiLab) -> None:
    """A Loki that makes a longer window of it is not believed: the request is cancelled at once."""
    lab.old()
    lab.fake.shift_end = 1
    assert [(done.code, done.reason) for done in lab.ask(lab.plan())] == [(Code.FAILED, "other_bounds")]
    assert lab.fake.requests == []
    lab.settle()
    assert lab.content("old.log") is not None


def test_an_older_loki_names_no_id(lab: LokiLab) -> None:
    """Before version 3 the answer has no id: the list has."""
    lab.fake.names_ids = False
    lab.old()
    planned = lab.plan()
    assert [done.code for done in lab.ask(planned)] == [Code.DELETED]
    assert lab.source.verify(planned[0]) is None


def test_a_crash_after_asking_is_recovered_from_the_list(lab: LokiLab, served: Served) -> None:
    """Killed between the request and the result: the request is found, not made again; a row not asked for is done."""
    lab.old()
    lab.old("other.log")
    rows = lab.plan()
    list(lab.source.delete(rows[:1], guard=FREE))
    (lab.state / "lab.requests.sqlite").unlink()
    found = [lab.fresh().recover(row, guard=FREE) for row in rows]
    assert found[0] is not None
    assert (found[0].code, found[0].reason) == (Code.ABSENT, "requested")
    assert found[1] is None
    assert len(posted(served)) == 1


def test_an_older_request_for_the_same_day_is_no_recovery(lab: LokiLab) -> None:
    """A request from before the preview proves nothing about this one."""
    lab.old()
    (row,) = lab.plan()
    begins = row.lo // 1000
    lab.fake.requests.append(
        Request(
            id="1",
            query=selector_of("old.log"),
            begins=begins,
            ends=begins + DAY // 1000,
            created=lab.now - 30 * DAY,
            processed=True,
        )
    )
    assert lab.source.recover(row, guard=FREE) is None


def test_throttling_is_waited_out_within_limits(lab: LokiLab, served: Served) -> None:
    """Two refusals with a pause are waited out; a third one is the outcome, and nothing was asked for."""
    lab.old()
    rows = lab.plan()
    busy = Fault(method="POST", path=DELETE, status=429, headers={"Retry-After": "7"}, times=2)
    served.faults.append(busy)
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]
    assert lab.waited == [7.0, 7.0]
    lab.old("other.log")
    busy.times = 3
    chosen = [row for row in lab.plan() if row.unit.name == b"other.log"]
    assert [(done.code, done.reason) for done in lab.ask(chosen)] == [(Code.RATE_LIMITED, "throttled")]
    assert len(lab.fake.requests) == 1
    busy.times, busy.headers = 1, {"Retry-After": "600"}
    assert [done.code for done in lab.ask(chosen)] == [Code.RATE_LIMITED]


def test_missing_rights_are_named(lab: LokiLab, served: Served) -> None:
    """Who may not delete is told so."""
    lab.old()
    rows = lab.plan()
    served.faults.append(Fault(method="POST", path=DELETE, status=403, times=-1))
    assert [(done.code, done.reason) for done in lab.ask(rows)] == [(Code.DENIED, "denied")]


def test_the_guard_is_asked_after_the_last_look(lab: LokiLab, served: Served) -> None:
    """Between guard and request nothing else is asked, so that no hold can slip in between."""
    lab.old()

    def guard(_: Planned) -> None:
        before.append(len(served.asked))

    before: list[int] = []
    list(lab.source.delete(lab.plan(), guard=asking(guard)))
    assert served.asked[before[0]][0] == "POST"


# -- half answers ------------------------------------------------------------------------------------------------------


def _drop(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"] = []
    return document


def _warn(path: str, document: Any) -> Any:
    return document | {"warnings": ["a part did not answer"]} if path.endswith("query_range") else document


def _twice(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"] *= 2
    return document


def _not_a_number(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"][0]["values"][0][1] = "NaN"
    return document


def _half_a_line(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"][0]["values"][0][1] = "1.5"
    return document


def _elsewhere(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"][0]["values"][0][0] += 1
    return document


def _no_bytes(path: str, document: Any) -> Any:
    if path.endswith("query_range"):
        document["data"]["result"].pop()
    return document


def _no_list(path: str, document: Any) -> Any:
    return {"requests": []} if path == DELETE else document


def _no_status(path: str, document: Any) -> Any:
    return [{"request_id": "1"}] if path == DELETE else document


LIES = [_drop, _warn, _twice, _not_a_number, _half_a_line, _elsewhere, _no_bytes, _no_list, _no_status]


@pytest.mark.parametrize("lie", LIES, ids=[one.__name__.strip("_") for one in LIES])
def test_half_an_answer_is_no_answer(lab: LokiLab, lie: Any) -> None:
    """Whatever lacks something or has too much is an error, for a look and for a deletion, and the truth is none."""
    lab.old()
    lab.young()
    rows = lab.plan()
    only_lines = lab.fake
    only_lines.lie = lambda path, document: lie(path, document) if _has_lines(path, document) else document
    with pytest.raises(SourceError):
        lab.measured()
    assert {done.code for done in lab.ask(rows)} == {Code.FAILED}
    assert lab.fake.requests == []
    only_lines.lie = None
    assert [done.code for done in lab.ask(rows)] == [Code.DELETED]


def _has_lines(path: str, document: Any) -> bool:
    return path == DELETE or bool(document["data"]["result"])


def test_away_in_the_middle_is_no_shorter_list(lab: LokiLab, served: Served) -> None:
    """A server that goes away after some answers makes the whole look fail."""
    lab.old()
    lab.young()
    served.faults.append(Fault(method="GET", path="query_range", times=-1, skip=5))
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.source.list_units())


def test_lines_before_the_look_back_are_told(lab: LokiLab) -> None:
    """What nobody looks at any more is said to be unseen: the source is not called clean."""
    lab.foreign()
    summary = lab.source.summarise(lab.marks)
    assert summary.skipped == {"beyond_look_back": 1}
    assert summary.unreadable == 1


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("mode", "disabled", "denied"),
        ("mode", "filter-only", "deletion_off"),
        ("retention_enabled", False, "deletion_off"),
        ("cancel_period", 72 * HOUR, "physical_hours"),
    ],
)
def test_a_loki_that_cannot_delete_is_refused(lab: LokiLab, setting: str, value: Any, reason: str) -> None:
    """A Loki that would hide or keep what it is asked to delete is no source, and the probe says why."""
    assert lab.source.probe().reachable
    setattr(lab.fake, setting, value)
    probe = lab.source.probe()
    assert (probe.reachable, probe.reason) == (False, reason)
    assert "lab" in probe.explained


def test_its_own_retention_is_read(lab: LokiLab) -> None:
    """Days are rounded up, the longest of all streams counts, for ever is no rule, hidden settings are unreadable."""
    assert lab.source.probe().own_retention == {"retention_period": "31"}
    lab.fake.retention_period, lab.fake.streams_keep = "2161h", ("24h", "2400h")
    assert lab.source.probe().own_retention == {"retention_period": "91", "retention_stream": "100"}
    lab.fake.retention_period, lab.fake.streams_keep = "0s", ()
    assert lab.source.probe().own_retention == {}
    lab.fake.config_hidden = True
    assert lab.source.probe().own_retention == {"retention_period": UNREADABLE}


def test_its_clock_is_compared(lab: LokiLab) -> None:
    """The clock of the Date header: a minute and more off is told, less than a second is not."""
    assert lab.source.probe().clock_offset == 0
    lab.fake.skew = 90 * SECOND
    assert abs(lab.source.probe().clock_offset - 90 * SECOND) <= SECOND
    lab.fake.skew = -90 * SECOND
    assert abs(lab.source.probe().clock_offset + 90 * SECOND) <= SECOND


def test_settings_are_read_whatever_stands_around_them() -> None:
    """Values of the first level of a block only; lists and deeper blocks do not confuse it."""
    text = "a: 1\n"
    text += (
        "limits_config:\n    x:\n        deletion_mode: no\n    deletion_mode: yes\n    list:\n    - deletion_mode: 1\n"
    )
    assert block(text, "limits_config")["deletion_mode"] == "yes"
    assert block(text, "") == {"a": "1"}
    assert block(text, "compactor") == {}
    assert periods("r:\n  retention_stream:\n  - period: 1d\n    selector: x\n  - period: 48h\n  other: 3\n") == (
        DAY,
        2 * DAY,
    )
    assert [span_of(one) for one in ("1h30m0s", "31d", "0s", "0", "soon", "")] == [
        90 * MINUTE,
        31 * DAY,
        0,
        0,
        None,
        None,
    ]


def test_the_tenant_and_the_token_go_along(tmp_path: Path) -> None:
    """Every request names the tenant and proves itself; the secret is in no message and no repr."""
    secret = tmp_path / "token"
    secret.write_text("s3cr3t-token\n")
    fake = fake_at(tenant="shop", token="s3cr3t-token")
    with serving(fake.answer) as served:
        lab = LokiLab(tmp_path, served, fake, tenant="shop", token_file=secret)
        lab.old()
        assert [done.code for done in lab.delete(lab.plan())] == [Code.DELETED]
        other = LokiLab(tmp_path, served, fake, tenant="till", token_file=secret)
        with pytest.raises(SourceError, match="no_control"):
            other.measured()
        secret.write_text("wr0ng\n")
        probe = lab.source.probe()
        assert (probe.reachable, probe.reason) == (False, "denied")
        secret.write_text("two\nlines\n")
        assert lab.source.probe().reason == "no_secret"
        told = f"{probe} {lab.options!r} {lab.bare().config_digest}"
        assert "wr0ng" not in told
        assert "s3cr3t" not in told


GOOD: dict[str, Any] = {"url": "https://loki.example.com", "selectors": ['{app="shop"}'], "control": CONTROL}


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"url": "http://loki.example.com"}, "https"),
        ({"url": "https://name:word@loki.example.com"}, "without a name"),
        ({"url": ""}, "url"),
        ({"delete_url": "ftp://x"}, "https"),
        ({"selectors": []}, "selectors"),
        ({"selectors": ['{app="shop"} |= "x"']}, "braces"),
        ({"selectors": ['{app=~".*"}']}, "fix at least one"),
        ({"selectors": ['{app=""}']}, "fix at least one"),
        ({"selectors": ["{}"]}, "fix at least one"),
        ({"selectors": ['{app="shop"}', '{app="shop", level="debug"}']}, "same stream"),
        ({"selectors": ['{app="a"}', '{level="b"}']}, "same stream"),
        ({"control": "heartbeat"}, "braces"),
        ({"tenant": "a|b"}, "tenant"),
        ({"tenant": "a\r\nX: y"}, "tenant"),
        ({"user": "me"}, "password_file"),
        ({"user": "me", "password_file": "p", "token_file": "t"}, "token_file"),
        ({"token": "secret"}, "token"),
        ({"look_back_days": 90}, "look_back_days"),
        ({"physical_hours": 0}, "physical_hours"),
    ],
)
def test_senseless_options_are_refused(change: dict[str, Any], about: str) -> None:
    """What is unsafe or means nothing is refused at load, by name; the same options without it are fine."""
    LokiOptions(**GOOD)
    with pytest.raises(ValidationError, match=re.escape(about)):
        LokiOptions(**(GOOD | change))


def test_selectors_are_understood_to_the_letter() -> None:
    """Braces, commas and quotes inside of values change nothing."""
    assert matched_exactly(r'{app="a}, b=\"c", level!~"x|y", env = "prod" }') == {"app": r"a}, b=\"c", "env": "prod"}


def test_one_tenant_is_one_place() -> None:
    """Two sources of one tenant may reach the same lines, whatever their addresses; those of two tenants do not."""
    one, other = LokiOptions(**GOOD), LokiOptions(**(GOOD | {"url": "https://gateway.example.com"}))
    assert CONNECTOR.meet(one, other)
    assert not CONNECTOR.meet(one, LokiOptions(**(GOOD | {"tenant": "b"})))


def test_the_page_for_operators_has_a_block_that_loads() -> None:
    """The example of the page is one that the settings take."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source,) = tomllib.loads(text)["sources"]
    assert isinstance(SourceSettings(**source).options, LokiOptions)


def test_copies_are_named(lab: LokiLab) -> None:
    """Cache, write-ahead log and versions of the bucket are said to exist, the cache with its end."""
    assert {copy.kind for copy in lab.source.copies()} == {"chunk_cache", "ingester_wal", "bucket_versions"}
    ends = {copy.kind: copy.expires for copy in lab.source.copies()}
    assert ends["chunk_cache"] is not None
    assert iso(ends["chunk_cache"]) == "2026-03-04T12:00:00Z"
