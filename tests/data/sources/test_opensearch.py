"""The dangers of OpenSearch and Elasticsearch: names, dates of making, half answers, and what a search does not see."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.errors import SourceError
from data.retention.instants import DAY, HOUR, MINUTE, SECOND
from data.retention.residue import Code
from data.retention.unit import Planned
from data.retention.verdict import Verdict, judge
from data.sources.interface import UNREADABLE
from data.sources.opensearch import CONNECTOR, SearchOptions
from data.sources.opensearch_names import grammar_of
from tests.data.sources.judging import controls_of, looked
from tests.data.sources.lab import asking
from tests.data.sources.opensearch_fake import Doc, FakeSearch
from tests.data.sources.opensearch_lab import SearchLab
from tests.data.sources.served import Fault, Served, serving
from tests.world import FakeClock

PAGE = Path(__file__).parents[3] / "docs" / "sources" / "opensearch.md"


@pytest.fixture
def fake() -> FakeSearch:
    """Give a cluster."""
    return FakeSearch(clock=FakeClock())


@pytest.fixture
def served(fake: FakeSearch) -> Iterator[Served]:
    """Serve it."""
    with serving(fake.answer) as served:
        yield served


@pytest.fixture
def lab(tmp_path: Path, served: Served, fake: FakeSearch) -> SearchLab:
    """Give a source over it."""
    return SearchLab(tmp_path, served, fake)


def codes(lab: SearchLab, planned: list[Planned]) -> list[tuple[Code, str]]:
    """Delete, and give what became of each."""
    return [(done.code, done.reason) for done in lab.delete(planned)]


# -- names and ages ---------------------------------------------------------------------------------------------------


def test_only_whole_names_are_ours(lab: SearchLab) -> None:
    """A name that fits in part, has a month 13 or a counter behind it, is none of ours and stays."""
    names = ["shop-2025.11.01", "shop-2025.13.01", "shop-2025.11.01-000002", "shop-2025.11.1", "xshop-2025.11.01"]
    for name in names:
        lab.old(name)
    assert [row.unit.name for row in lab.plan()] == [b"shop-2025.11.01"]
    lab.delete(lab.plan())
    assert sorted(lab.fake.indices) == sorted([".control", *names[1:]])
    assert set(lab.skipped().values()) == {"other_name"}


def test_age_is_neither_name_nor_date_of_making(lab: SearchLab) -> None:
    """An old name with young documents stays; one made today that holds old documents goes."""
    lab.young("shop-2020.01.01").created = (lab.now - 900 * DAY) // 1000
    lab.old("shop-2026.03.01").created = lab.now // 1000
    assert [row.unit.name for row in lab.plan()] == [b"shop-2026.03.01"]


def test_a_document_a_search_does_not_see_keeps_the_index(lab: SearchLab) -> None:
    """Written and not refreshed, a young document is in no count; it is made visible before anything is planned."""
    index = lab.old()
    index.docs.append(Doc(at=lab.now // 1000, seen=False))
    index.operations += 1
    assert lab.measured()["old.log"].reading.expired.records == 3
    assert lab.plan() == []
    assert index.docs[-1].seen
    index.docs.pop()
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]


@pytest.mark.parametrize("at", [None, 0, 915_148_799_000])
def test_a_document_nobody_can_date_keeps_its_index(lab: SearchLab, at: int | None) -> None:
    """Without a time, at the epoch, or before 2000: undatable, and the index stays; without it the index goes."""
    index = lab.old()
    lab.fake.make("old.log", [at])
    reading = lab.measured()["old.log"].reading
    assert (reading.records, reading.undatable, reading.expired.records) == (4, 1, 3)
    assert reading.lowest_lo == (lab.now - 100 * DAY) // 1000 * 1000
    assert lab.plan() == []
    index.docs.pop()
    assert len(lab.plan()) == 1


def test_a_document_from_the_future_keeps_its_index(lab: SearchLab) -> None:
    """Ten minutes ahead and more is not believed, and not old either."""
    lab.old()
    lab.fake.make("old.log", [(lab.now + HOUR) // 1000])
    reading = lab.measured()["old.log"].reading
    assert (reading.future, reading.undatable) == (1, 0)
    assert lab.plan() == []


@pytest.mark.parametrize("kind", ["keyword", "long", ""])
def test_a_time_that_is_mapped_as_something_else_dates_nothing(lab: SearchLab, kind: str) -> None:
    """A keyword sorts as text and a number has no unit: everything is undatable."""
    lab.old().field_type = kind
    assert lab.measured()["old.log"].reading.undatable == 3
    assert lab.plan() == []
    lab.fake.indices["old.log"].field_type = "date_nanos"
    assert len(lab.plan()) == 1


def test_an_index_still_written_to_by_its_dates_waits(lab: SearchLab) -> None:
    """A document younger than the quiet time makes an index active."""
    lab.write("young.log", [lab.now - 30 * MINUTE])
    lab.write("other.log", [lab.now - 2 * HOUR])
    assert {name: one.active for name, one in lab.measured().items()} == {"young.log": "quiet", "other.log": ""}


# -- who writes and who protects --------------------------------------------------------------------------------------


def test_a_write_index_is_protected(lab: SearchLab) -> None:
    """Flagged, or alone behind an alias: writers reach it. One of several behind an alias to read by: they do not."""
    lab.old().aliases["write"] = {"is_write_index": True}
    lab.old("other.log").aliases["write"] = {"is_write_index": False}
    lab.old("old-1.log").aliases["alone"] = {}
    lab.old("old-2.log").aliases["read"] = {}
    lab.young().aliases["read"] = {}
    active = {name: one.active for name, one in lab.measured().items()}
    assert active == {
        "old.log": "write_alias",
        "other.log": "",
        "old-1.log": "write_alias",
        "old-2.log": "",
        "young.log": "",
    }
    assert [row.unit.name for row in lab.plan()] == [b"old-2.log", b"other.log"]
    assert codes(lab, lab.plan()) == [(Code.DELETED, ""), (Code.DELETED, "")]


def test_what_changes_under_the_guard_is_seen(lab: SearchLab) -> None:
    """The engine deletes by name: uuid and aliases are looked at once more right before it, inside the guard."""
    lab.old("old-0.log")
    lab.old("old-1.log")
    lab.old("old-2.log")

    def guard(row: Planned) -> None:
        name = row.unit.name.decode()
        if name == "old-0.log":
            lab.swap(name)
        elif name == "old-1.log":
            lab.occupy(name)

    outcomes = lab.source.delete(lab.plan(), guard=asking(guard))
    assert [done.code for done in outcomes] == [Code.DRIFTED, Code.ACTIVE, Code.DELETED]
    assert sorted(lab.fake.indices) == [".control", "old-0.log", "old-1.log"]


@pytest.mark.parametrize("block", ["read_only", "read_only_allow_delete", "metadata", "write"])
def test_a_block_of_the_engine_is_a_hold(lab: SearchLab, block: str) -> None:
    """A blocked index is held by the engine: said so beforehand, and not deleted where the block came later."""
    lab.old()
    lab.old("other.log")
    planned = lab.plan()
    lab.fake.indices["old.log"].settings[f"index.blocks.{block}"] = "true"
    assert [lab.source.holds_native(row.unit) for row in planned] == [True, False]
    assert codes(lab, planned) == [(Code.HELD_NATIVE, "index_block"), (Code.DELETED, "")]
    assert [row.unit.name for row in lab.plan()] == []
    lab.fake.indices["old.log"].settings[f"index.blocks.{block}"] = "false"
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]


def test_a_write_block_may_be_routine(tmp_path: Path, served: Served, fake: FakeSearch) -> None:
    """Where policies make old indices read-only, the operator may say that a write block is no hold."""
    lab = SearchLab(tmp_path, served, fake, write_block_holds=False)
    lab.old().settings["index.blocks.write"] = "true"
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]


def test_the_engine_may_refuse_by_a_block(lab: SearchLab) -> None:
    """A block of the whole cluster is found by the deletion only: held by the engine, not denied to us."""
    lab.old()
    planned = lab.plan()
    lab.fake.indices["old.log"].settings["index.blocks.read_only"] = "true"
    lab.fake.lie = _without_blocks
    assert codes(lab, planned) == [(Code.HELD_NATIVE, "blocked")]


def _without_blocks(method: str, path: str, document: Any) -> Any:
    del method, path
    for one in document.values() if isinstance(document, dict) else ():
        if isinstance(one, dict) and "settings" in one:
            one["settings"] = {key: value for key, value in one["settings"].items() if "blocks" not in key}
    return document


def test_a_snapshot_being_taken_locks(lab: SearchLab) -> None:
    """While a snapshot is taken an index cannot be deleted: locked, and gone at the next try."""
    lab.old().snapshotting = True
    assert codes(lab, lab.plan()) == [(Code.LOCKED, "snapshot_in_progress")]
    lab.fake.indices["old.log"].snapshotting = False
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "close"}, "closed"),
        ({"health": "red"}, "red"),
        ({"settings": {"index.hidden": "true"}}, "hidden"),
        ({"data_stream": "shop"}, "data_stream"),
    ],
)
def test_what_nobody_can_read_or_may_touch_is_told(lab: SearchLab, change: dict[str, Any], reason: str) -> None:
    """Closed, red, hidden, or of a data stream: named with its reason, counted as unread, and never planned."""
    lab.old()
    planned = lab.plan()
    for key, value in change.items():
        setattr(lab.fake.indices["old.log"], key, value)
    assert lab.skipped() == {"old.log": reason}
    assert lab.source.summarise(lab.marks).unreadable == 1
    assert lab.plan() == []
    if reason in {"hidden", "data_stream"}:
        assert codes(lab, planned) == [(Code.UNSUPPORTED, reason)]


# -- half answers -----------------------------------------------------------------------------------------------------


def _search(**changes: Any) -> Any:
    def lie(method: str, path: str, document: Any) -> Any:
        del method
        return document | changes if path.endswith("_search") else document

    return lie


def _shards(**changes: Any) -> Any:
    return _search(_shards={"total": 2, "successful": 2, "failed": 0} | changes)


def _cat(method: str, path: str, document: Any) -> Any:
    del method
    return document[1:] if "/_cat/indices" in path else document


def _doubled(method: str, path: str, document: Any) -> Any:
    del method
    return document * 2 if "/_cat/indices" in path else document


def _other_uuid(method: str, path: str, document: Any) -> Any:
    del method
    return [row | {"uuid": "x"} for row in document] if "/_cat/indices" in path else document


def _no_sequence(method: str, path: str, document: Any) -> Any:
    del method
    if "_stats" in path:
        for one in document["indices"].values():
            one["shards"] = {"0": []}
    return document


LIES = {
    "timed_out": _search(timed_out=True),
    "shards_failed": _shards(failed=1),
    "shards_missing": _shards(successful=1),
    "no_shards": _shards(total=0, successful=0),
    "lower_bound": _search(hits={"total": {"value": 3, "relation": "gte"}}),
    "terminated": _search(terminated_early=True),
    "no_aggregations": _search(aggregations={}),
    "half_listed": _cat,
    "listed_twice": _doubled,
    "other_uuid": _other_uuid,
    "no_primary": _no_sequence,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_half_an_answer_is_no_answer(lab: SearchLab, lie: Any) -> None:
    """An answer of some shards, a lower bound, a listing that lacks something: an error, never a smaller number."""
    lab.old()
    lab.young()
    assert len(lab.measured()) == 2
    lab.fake.lie = lie
    with pytest.raises(SourceError):
        lab.measured()


def test_away_in_the_middle_is_no_shorter_list(lab: SearchLab, served: Served) -> None:
    """A cluster that goes away after some answers makes the whole look fail."""
    lab.old()
    lab.young()
    served.faults.append(Fault(method="POST", path="_search", times=-1, skip=1))
    with pytest.raises(SourceError, match="unreachable"):
        list(lab.source.measure(lab.marks))


def test_absence_counts_only_beside_what_must_be_there(lab: SearchLab) -> None:
    """A cluster without the control has lost more than our index: nothing is called gone, nothing verified."""
    lab.old()
    planned = lab.plan()
    lab.fake.indices.clear()
    with pytest.raises(SourceError, match="control"):
        lab.measured()
    with pytest.raises(SourceError, match="no_control"):
        lab.source.identity(planned[0].unit)
    assert codes(lab, planned) == [(Code.FAILED, "no_control")]
    assert lab.source.verify(planned[0]) is Code.UNREACHABLE
    lab.fake.make(".control")
    assert lab.measured() == {}
    assert lab.source.identity(planned[0].unit) is None
    assert codes(lab, planned) == [(Code.TARGET_ABSENT, "")]
    assert lab.source.verify(planned[0]) is None


def test_a_verification_finds_the_index_by_its_uuid(lab: SearchLab) -> None:
    """The deletion was acknowledged and the index is there all the same; a new one of its name is another."""
    index = lab.old()
    planned = lab.plan()
    assert codes(lab, planned) == [(Code.DELETED, "")]
    lab.fake.indices["old.log"] = index
    assert lab.source.verify(planned[0]) is Code.FAILED
    lab.swap("old.log")
    assert lab.source.verify(planned[0]) is None


def test_the_verdict_is_a_pass_and_can_be_a_failure(lab: SearchLab) -> None:
    """By the product's own judgement: PASS, an incident where a young index has gone too, FAIL for what came back."""
    index = lab.old()
    lab.young()
    rows = lab.plan()
    lab.controls = controls_of(lab)
    lab.delete(rows)
    assert judge(looked(lab, rows).verification) is Verdict.PASS
    lab.fake.indices["old.log"] = index
    assert judge(looked(lab, rows).verification) is Verdict.FAIL
    lab.remove("old.log")
    lab.remove("young.log")
    found = looked(lab, rows).verification
    assert (found.controls_lost, judge(found)) == (1, Verdict.FAIL)


# -- asking -----------------------------------------------------------------------------------------------------------


def test_indices_are_deleted_by_exactly_their_names(lab: SearchLab, served: Served) -> None:
    """One name in each deletion, no wildcard, no list, no `_all`; the engine's own safety does not mind."""
    lab.old()
    lab.old("other.log")
    lab.delete(lab.plan())
    deleted = [path.partition("?")[0] for method, path in served.asked if method == "DELETE"]
    assert deleted == ["/old.log", "/other.log"]
    assert all("expand_wildcards=none" in path for method, path in served.asked if method == "DELETE")


def test_a_name_that_is_none_of_ours_is_not_even_asked_for(lab: SearchLab, served: Served) -> None:
    """A row of another name, a wildcard for instance, is refused before any request."""
    lab.old()
    (row,) = lab.plan()
    before = len(served.asked)
    for name in (b"*", b"_all", b"old.log,young.log", b"old.log*", b".control", b"old\xff.log"):
        wrong = replace(row, unit=replace(row.unit, name=name))
        assert codes(lab, [wrong]) == [(Code.UNSUPPORTED, "not_ours")]
    assert len(served.asked) == before


def test_no_answer_means_looking_again(lab: SearchLab, served: Served) -> None:
    """The connection is cut: what has gone was this deletion's doing, what is there has failed."""
    lab.old()
    lab.old("other.log")
    served.faults.append(Fault(method="DELETE", path="/old.log", after=True))
    served.faults.append(Fault(method="DELETE", path="/other.log"))
    assert codes(lab, lab.plan()) == [(Code.ABSENT, "unreachable"), (Code.FAILED, "no_answer")]
    assert sorted(lab.fake.indices) == [".control", "other.log"]


def test_unacknowledged_means_looking_again(lab: SearchLab) -> None:
    """Gone from the cluster's state while some node has not said so: looked at, and called gone."""
    lab.old()
    lab.fake.acknowledges = False
    assert codes(lab, lab.plan()) == [(Code.ABSENT, "unacknowledged")]


def test_throttling_is_waited_out_within_limits(lab: SearchLab, served: Served) -> None:
    """Two refusals are waited out; a third one is the outcome, and nothing was deleted."""
    lab.old()
    lab.old("other.log")
    planned = lab.plan()
    busy = Fault(method="DELETE", path="", status=429, times=2)
    served.faults.append(busy)
    assert codes(lab, planned[:1]) == [(Code.DELETED, "")]
    assert lab.waited == [1.0, 2.0]
    busy.times = 3
    assert codes(lab, planned[1:]) == [(Code.RATE_LIMITED, "throttled")]
    assert lab.content("other.log") is not None


def test_missing_rights_are_named(lab: SearchLab, served: Served) -> None:
    """Who may not delete is told so; who may not read makes the source unreadable."""
    lab.old()
    planned = lab.plan()
    served.faults.append(Fault(method="DELETE", path="", status=403))
    assert codes(lab, planned) == [(Code.DENIED, "denied")]
    served.faults.append(Fault(method="POST", path="_refresh", status=403))
    with pytest.raises(SourceError, match="denied"):
        lab.plan()


def test_two_at_once_delete_once(lab: SearchLab) -> None:
    """Of two executions of the same row one deletes, the other finds nothing, even between its look and its act."""
    lab.old()
    planned = lab.plan()

    def guard(_: Planned) -> None:
        if "old.log" in lab.fake.indices:
            first.extend(done.code for done in lab.fresh().delete(planned, guard=asking(lambda _: None)))

    first: list[Code] = []
    second = [done.code for done in lab.source.delete(planned, guard=asking(guard))]
    assert (first, second) == ([Code.DELETED], [Code.TARGET_ABSENT])


def test_merging_is_no_loss(lab: SearchLab) -> None:
    """Segments are merged and bytes become fewer: a young unit that is looked at again has not become smaller."""
    lab.young()
    (unit,) = [one.unit for one in lab.measured().values()]
    lab.fake.indices["young.log"].merged = 5
    now = lab.source.identity(unit)
    assert now is not None
    assert (now.inode, now.size >= unit.identity.size) == (unit.identity.inode, True)


# -- the cluster ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "version", "reason"),
    [
        ("opensearch", "3.2.0", ""),
        ("opensearch", "1.3.0", ""),
        ("elasticsearch", "9.1.0", ""),
        ("elasticsearch", "7.10.2", ""),
        ("elasticsearch", "6.8.0", "too_old"),
        ("elasticsearch", "x", "broken"),
    ],
)
def test_the_product_is_looked_at(lab: SearchLab, product: str, version: str, reason: str) -> None:
    """OpenSearch from 1, Elasticsearch from 7; anything else that answers is refused."""
    lab.fake.product, lab.fake.version = product, version
    probe = lab.source.probe()
    assert (probe.reachable, probe.reason) == (not reason, reason)
    lab.fake.lie = lambda _, path, document: {"version": {"number": "1.0"}} if path == "/" else document
    assert lab.source.probe().reason == "other_product"


def test_its_clock_is_compared(lab: SearchLab) -> None:
    """A minute and more off is told, less than a second is not."""
    assert lab.source.probe().clock_offset == 0
    lab.fake.skew = 90 * SECOND
    assert abs(lab.source.probe().clock_offset - 90 * SECOND) <= SECOND


def _state(name: str, *, deletes: bool = False, to: str = "", **conditions: str) -> dict[str, Any]:
    return {
        "name": name,
        "actions": [{"delete": {}}] if deletes else [],
        "transitions": [{"state_name": to, "conditions": conditions}] if to else [],
    }


def test_its_own_retention_is_read(lab: SearchLab) -> None:
    """ISM: the age at which a state that deletes is entered; a policy that deletes nothing is none."""
    lab.old().policy = "keep"
    lab.young().policy = "hot"
    lab.fake.policies = {
        "keep": {"states": [_state("hot", to="gone", min_index_age="2400h"), _state("gone", deletes=True)]},
        "hot": {"states": [_state("hot", to="warm", min_index_age="1d"), _state("warm")]},
    }
    assert lab.source.probe().own_retention == {"policy_keep": "100"}
    lab.fake.policies["keep"]["states"][0]["transitions"][0]["conditions"] = {"min_size": "50gb"}
    assert lab.source.probe().own_retention == {"policy_keep": UNREADABLE}
    del lab.fake.policies["keep"]
    assert lab.source.probe().own_retention == {"policy_keep": UNREADABLE}
    lab.fake.plugins = False
    assert lab.source.probe().own_retention == {}


def test_the_policies_of_elasticsearch_are_read(lab: SearchLab, served: Served) -> None:
    """ILM: the age of the phase that deletes; where nobody may read it, that is said."""
    lab.fake.product, lab.fake.version = "elasticsearch", "9.1.0"
    lab.old().policy = "keep"
    lab.young().policy = "hot"
    lab.fake.policies = {"keep": {"phases": {"hot": {}, "delete": {"min_age": "91d"}}}, "hot": {"phases": {"hot": {}}}}
    assert lab.source.probe().own_retention == {"policy_keep": "91"}
    served.faults.append(Fault(method="GET", path="_ilm", status=403))
    assert lab.source.probe().own_retention == {"policies": UNREADABLE}


def test_the_secret_goes_along_and_nowhere_else(tmp_path: Path) -> None:
    """Every request proves itself; the secret is in no message and no repr."""
    secret = tmp_path / "password"
    secret.write_text("s3cr3t-word\n")
    fake = FakeSearch(clock=FakeClock(), password="s3cr3t-word")
    with serving(fake.answer) as served:
        lab = SearchLab(tmp_path, served, fake, user="bot", password_file=secret)
        lab.old()
        assert codes(lab, lab.plan()) == [(Code.DELETED, "")]
        secret.unlink()
        probe = lab.source.probe()
        assert (probe.reachable, probe.reason) == (False, "no_secret")
        assert "s3cr3t" not in f"{probe} {lab.options!r} {lab.source.config_digest}"
        (tmp_path / "other").mkdir()
        nobody = SearchLab(tmp_path / "other", served, fake)
        assert nobody.source.probe().reason == "denied"


# -- settings ---------------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "url": "https://search.example.com:9200",
    "indices": ["shop-logs-{year}.{month}.{day}"],
    "control": "shop-settings",
}


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"url": "http://search.example.com"}, "https"),
        ({"url": "https://a:b@search.example.com"}, "without a name"),
        ({"indices": []}, "indices"),
        ({"indices": ["*"]}, "no wildcards"),
        ({"indices": ["shop-*"]}, "no wildcards"),
        ({"indices": ["_all"]}, "begin with a letter"),
        ({"indices": [".kibana"]}, "begin with a letter"),
        ({"indices": [".ds-shop-{number}"]}, "begin with a letter"),
        ({"indices": ["{year}"]}, "begin with a letter"),
        ({"indices": ["a-{number}"]}, "fixed characters"),
        ({"indices": ["shop-{any}"]}, "{any}"),
        ({"indices": ["Shop"]}, "no wildcards"),
        ({"indices": ["shop,till"]}, "no wildcards"),
        ({"control": "shop-logs-2026.01.01"}, "control"),
        ({"control": "shop*"}, "control"),
        ({"timestamp_field": "a b"}, "timestamp_field"),
        ({"user": "me"}, "password_file"),
        ({"user": "me", "password_file": "p", "api_key_file": "k"}, "api_key_file"),
        ({"password": "secret"}, "password"),
    ],
)
def test_senseless_options_are_refused(change: dict[str, Any], about: str) -> None:
    """What is unsafe or means nothing is refused at load, by name; the same options without it are fine."""
    SearchOptions(**GOOD)
    with pytest.raises(ValidationError, match=re.escape(about)):
        SearchOptions(**(GOOD | change))


def test_a_grammar_has_both_ends_fixed() -> None:
    """A counter is no year, a year no counter, and nothing may stand before or behind."""
    daily = grammar_of("shop-{year}.{month}.{day}")
    assert daily.fullmatch("shop-2026.02.28")
    for name in ("shop-0001.02.28", "shop-2026.02.288", "shop-2026x02.28", "shop-2026.02.32", "shop-2026.02.28\n"):
        assert not daily.fullmatch(name)
    assert grammar_of("shop-{year}-{number}").fullmatch("shop-2026-000012")


def test_two_clusters_may_be_one() -> None:
    """An address proves no other cluster: a hold on one source of this kind protects from all of them."""
    assert CONNECTOR.meet(SearchOptions(**GOOD), SearchOptions(**(GOOD | {"url": "https://other.example.com"})))


def test_the_page_for_operators_has_a_block_that_loads() -> None:
    """The example of the page is one that the settings take."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source,) = tomllib.loads(text)["sources"]
    assert isinstance(SourceSettings(**source).options, SearchOptions)


def test_copies_are_named(lab: SearchLab) -> None:
    """Snapshots, followers and absent nodes are said to be out of reach."""
    assert {copy.kind for copy in lab.source.copies()} == {"snapshots", "followers", "absent_nodes"}
