"""Every alarm of the watch can fire (P13), and does not where nothing is wrong; computed afresh each time."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from data.purge.holds import Wish
from data.retention.evidence import Marks
from data.retention.finding import Finding, FindingKind
from data.retention.hold import Hold
from data.retention.instants import BEGINNING, DAY, MINUTE
from data.retention.request import PurgeRequest, State, Step
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.worst_case import worst_case
from data.sources.interface import UNREADABLE, Capabilities, Measured, Probe, Reappeared, SourceSummary
from data.stores.interface import Mark
from data.stores.memory_retention import MemoryRetentionStores
from data.watch import Standing, Watch, Watched
from tests.data.purge.lab import ALICE, DORA, SOURCE, Lab, silent

NOW = 1_800_000_000_000_000
RULE = RetentionRule(data_kind=DataKind.LOG)
LIMIT = NOW - 90 * DAY


class FakeSource:
    """A source that says what a test wants to hear."""

    id = SOURCE
    config_digest = "0" * 64

    def __init__(self) -> None:
        self.summary = SourceSummary(units=1, records=1, lines=1, oldest=NOW - DAY, newest=NOW - DAY)
        self.reached = Probe(reachable=True)
        self.back = Reappeared()
        self.able = Capabilities(
            kind="fake", version="1", rewrites=True, conditional="identity", exact_counts=True, hides_first=False
        )

    def capabilities(self) -> Capabilities:
        """Tell what it can do."""
        return self.able

    def probe(self) -> Probe:
        """Look whether it is there."""
        return self.reached

    def summarise(self, marks: Marks) -> SourceSummary:
        """Say what it holds."""
        del marks
        return self.summary

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured]:
        """Give no unit."""
        del marks, fresh
        return iter(())

    def reappeared(self, marks: Marks, *, purged_until: int, purged_at: int) -> Reappeared:
        """Say what came back."""
        assert purged_until <= purged_at
        del marks
        return self.back


@pytest.fixture
def source() -> FakeSource:
    """Give a source where nothing is wrong."""
    return FakeSource()


@pytest.fixture
def stores() -> MemoryRetentionStores:
    """Give empty stores."""
    return MemoryRetentionStores()


def watch(source: Any, stores: MemoryRetentionStores, care: Care | None = None) -> Watch:
    """Watch one source."""
    return Watch(
        Watched(
            sources={SOURCE: source},
            rules={SOURCE: RULE},
            kin={SOURCE: frozenset({SOURCE})},
            care=care or Care(),
            holds=stores.holds,
            marks=stores.marks,
            requests=stores.requests,
        )
    )


def findings(looking: Watch, now: int) -> tuple[Finding, ...]:
    """Scan, and say what is not as it should be."""
    return looking.findings(looking.scan(now), now)


def kinds(found: tuple[Finding, ...]) -> set[FindingKind]:
    """List what was found."""
    return {finding.kind for finding in found}


def test_where_nothing_is_wrong_nothing_is_found(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """A healthy source gives no finding at all: the control beside every alarm below."""
    assert findings(watch(source, stores), NOW) == ()
    assert watch(source, stores).status(SOURCE, NOW).standing is Standing.OK


WRONG: dict[FindingKind, dict[str, Any]] = {
    FindingKind.DUE: {"expired_units": 1, "expired_records": 3},
    FindingKind.OVERDUE: {"expired_records": 3, "overdue_units": 1, "overdue_records": 3},
    FindingKind.UNDATABLE: {"undatable": 2},
    FindingKind.FUTURE: {"future": 2},
    FindingKind.DEAD: {"dead": 1},
    FindingKind.UNPARSED: {"lines": 100, "unparsed": 1},
    FindingKind.UNREADABLE: {"unreadable": 1},
}


@pytest.mark.parametrize("kind", WRONG)
def test_every_alarm_of_a_source_can_fire(source: FakeSource, stores: MemoryRetentionStores, kind: FindingKind) -> None:
    """Each thing that can be wrong with a source is found, with its count, and found again at the next look."""
    source.summary = dataclasses.replace(source.summary, **WRONG[kind])
    for _ in range(2):
        found = findings(watch(source, stores), NOW)
        assert kinds(found) == {kind}
        assert found[0].about == SOURCE
        assert found[0].count in WRONG[kind].values()


def test_what_is_overdue_because_somebody_writes_says_so(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Overdue records in a unit that is in use have another cause than those nobody has purged."""
    base = {"expired_records": 3, "overdue_units": 1, "overdue_records": 3}
    for active, cause in ((0, "not_purged"), (1, "active")):
        source.summary = dataclasses.replace(source.summary, **base, active_overdue=active, active=active)
        found = {finding.kind: finding for finding in findings(watch(source, stores), NOW)}
        assert found[FindingKind.OVERDUE].cause == cause


def test_few_odd_lines_are_no_alarm(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Below half a per cent of lines not understood the dates are trusted."""
    source.summary = dataclasses.replace(source.summary, lines=1000, unparsed=5)
    assert findings(watch(source, stores), NOW) == ()


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({}, Standing.OK),
        ({"expired_records": 1}, Standing.DUE),
        ({"undatable": 1}, Standing.UNKNOWN),
        ({"unreadable": 1, "expired_records": 1}, Standing.UNKNOWN),
        ({"overdue_records": 1, "undatable": 1}, Standing.OVERDUE),
    ],
)
def test_the_standing_of_a_source(
    source: FakeSource, stores: MemoryRetentionStores, fields: Mapping[str, int], standing: Standing
) -> None:
    """Known to be overdue comes before not known, and that before due."""
    source.summary = dataclasses.replace(source.summary, **fields)
    assert watch(source, stores).status(SOURCE, NOW).standing is standing


def test_a_source_that_cannot_be_reached_is_unknown(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Nobody takes silence for order."""
    source.reached = Probe(reachable=False, reason="missing")
    status = watch(source, stores).status(SOURCE, NOW)
    assert (status.standing, status.reason) == (Standing.UNKNOWN, "missing")
    assert kinds(findings(watch(source, stores), NOW)) == {FindingKind.UNREADABLE}


@pytest.mark.parametrize(("back", "kind"), [("late", FindingKind.LATE), ("resurrected", FindingKind.RESURRECTED)])
def test_old_records_that_come_back_are_found(
    source: FakeSource, stores: MemoryRetentionStores, back: str, kind: FindingKind
) -> None:
    """After a purge, what is older than its cutoff is late or resurrected; before the first purge it is neither."""
    source.back = Reappeared(**{back: 4})
    assert findings(watch(source, stores), NOW) == ()
    stores.marks.raise_mark(Mark(source=SOURCE, purged_until=NOW - 83 * DAY, purged_at=NOW - DAY))
    (found,) = findings(watch(source, stores), NOW)
    assert (found.kind, found.count) == (kind, 4)


@pytest.mark.parametrize(("days", "drifts"), [("90", False), ("91", True), ("keep", False)])
def test_an_engine_that_keeps_longer_drifts(
    source: FakeSource, stores: MemoryRetentionStores, days: str, drifts: bool
) -> None:
    """The engine's own retention above the rule is drift; at the rule it is not."""
    source.reached = Probe(reachable=True, own_retention={"maxage": days})
    assert kinds(findings(watch(source, stores), NOW)) == ({FindingKind.DRIFTING} if drifts else set())


def test_retention_settings_that_nobody_can_read_are_drift(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Settings that are there and cannot be read may keep anything: said once, beside what could be read."""
    source.reached = Probe(reachable=True, own_retention={"a": "30", "b": UNREADABLE, "c": UNREADABLE})
    (found,) = findings(watch(source, stores), NOW)
    assert (found.kind, found.count, found.cause) == (FindingKind.DRIFTING, 1, "unreadable")
    source.reached = Probe(reachable=True, own_retention={"a": "30", "b": "30", "c": "30"})
    assert findings(watch(source, stores), NOW) == ()


def hold(**fields: Any) -> Hold:
    """Make a hold on everything."""
    usual: dict[str, Any] = {
        "id": "hold-1", "sources": (), "reason": "case", "placed_by": "p-1", "placed_at": NOW - DAY,
        "review_at": NOW + DAY,
    }  # fmt: skip
    return Hold(**usual | fields)


def test_a_hold_past_its_review_alerts_and_stays(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Past its review date a hold is found and still in force; before, and once released, it is not found."""
    stores.holds.add(hold(id="young"))
    stores.holds.add(hold(id="released", review_at=NOW - 1, released_at=NOW, released_by="p-2"))
    assert findings(watch(source, stores), NOW) == ()
    stores.holds.add(hold(id="old", review_at=NOW - 1))
    (found,) = findings(watch(source, stores), NOW)
    assert (found.kind, found.about) == (FindingKind.HOLD_REVIEW, "old")
    assert stores.holds.get("old").active


def request(state: State, **fields: Any) -> PurgeRequest:
    """Make a request in some state."""
    usual: dict[str, Any] = {
        "id": f"request-{state.value.replace('_', '-')}", "source": SOURCE, "data_kind": DataKind.LOG, "state": state,
        "requester": "p-1", "created_at": NOW - DAY, "story": (Step(state=state, at=NOW, by="system"),),
    }  # fmt: skip
    return PurgeRequest(**usual | fields)


@pytest.mark.parametrize("state", State)
def test_purges_that_went_wrong_are_found(source: FakeSource, stores: MemoryRetentionStores, state: State) -> None:
    """A failed, partial, unverified or interrupted purge is found; one that is closed well or waits is not."""
    stores.requests.add(request(state))
    failed = {State.CLOSED_FAILED, State.CLOSED_PARTIAL, State.CLOSED_UNVERIFIED, State.PREVIEW_FAILED}
    running = {State.EXECUTING, State.PAUSED, State.STOPPING, State.VERIFYING}
    expected = {FindingKind.PURGE_FAILED} if state in failed else set()
    expected |= {FindingKind.PURGE_INTERRUPTED} if state in running else set()
    assert kinds(findings(watch(source, stores), NOW)) == expected


def test_breaking_the_glass_is_found(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """The DPO hears of every purge that one person ran alone."""
    stores.requests.add(request(State.CLOSED_CLEAN, break_glass=True))
    assert kinds(findings(watch(source, stores), NOW)) == {FindingKind.BREAK_GLASS}


# -- worst case -------------------------------------------------------------------------------------------------------


def test_the_worst_case_adds_up_and_names_its_biggest_part() -> None:
    """Period less margin, scan interval, confirmation, approval, cooling, start; the biggest part is named."""
    care = Care(approve_for=2 * DAY)
    found = worst_case(RULE, care, interval=DAY // 2, bucket_span=0)
    assert found.age == 83 * DAY + DAY // 2 + 30 * MINUTE + 2 * DAY + 15 * MINUTE + DAY
    assert found.biggest == "approval"


def test_a_worst_case_beyond_the_limit_is_found(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Where approvals may take longer than the margin, the limit cannot be kept, and that is said beforehand."""
    assert findings(watch(source, stores, Care(approve_for=4 * DAY)), NOW) == ()
    (found,) = findings(watch(source, stores, Care(approve_for=14 * DAY)), NOW)
    assert (found.kind, found.cause) == (FindingKind.TOO_OLD_AT_WORST, "approval")


def test_without_rewriting_a_unit_adds_its_span(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """Where records cannot be cut out, the oldest one waits for the youngest of its unit."""
    source.summary = dataclasses.replace(source.summary, longest_span=30 * DAY)
    assert watch(source, stores).status(SOURCE, NOW).worst.days < 90
    source.able = dataclasses.replace(source.able, rewrites=False)
    status = watch(source, stores).status(SOURCE, NOW)
    assert status.worst.days > 110
    assert status.worst.biggest == "unit_span"


def test_days_left_count_down_to_the_limit(source: FakeSource, stores: MemoryRetentionStores) -> None:
    """The oldest record's age against 90 days; nothing where nobody knows it."""
    for oldest, left in ((NOW - 80 * DAY, 10.0), (NOW - 95 * DAY, -5.0), (None, None), (BEGINNING, None)):
        source.summary = dataclasses.replace(source.summary, oldest=oldest)
        assert watch(source, stores).status(SOURCE, NOW).days_left == left


# -- on real files ----------------------------------------------------------------------------------------------------


def lab_watch(lab: Lab) -> Watch:
    """Watch a lab's source."""
    with lab.engine() as engine:
        parts = engine.parts
    return Watch(
        Watched(
            sources=parts.sources,
            rules=parts.rules,
            kin=parts.kin,
            care=parts.care,
            holds=lab.stores.holds,
            marks=lab.stores.marks,
            requests=lab.stores.requests,
        )
    )


def test_a_restored_file_is_resurrected_and_a_new_one_late(lab: Lab) -> None:
    """What was purged and comes back is resurrected; old records never seen before are late; young ones neither."""
    old = lab.write("old.log", [100, 99])
    lab.write("young.log", [1])
    kept = old.read_bytes()
    lab.purge()
    assert findings(lab_watch(lab), lab.now) == ()
    old.write_bytes(kept)
    lab.pause(DAY)
    lab.write("late.log", [101, 102, 103], text="late")
    found = {finding.kind: finding.count for finding in findings(lab_watch(lab), lab.now)}
    assert found[FindingKind.RESURRECTED] == 2
    assert found[FindingKind.LATE] == 3
    assert found[FindingKind.OVERDUE] == 5


def test_held_units_are_counted(lab: Lab) -> None:
    """A scan says how many units a hold protects, whatever their age; others are not counted."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    assert lab_watch(lab).status(SOURCE, lab.now).held == 0
    with lab.engine() as engine:
        wish = Wish(sources=(SOURCE,), reason="case", review_at=lab.now + DAY, begins=lab.now - 120 * DAY)
        engine.holds.place(DORA, dataclasses.replace(wish, ends=lab.now - 50 * DAY))
    assert lab_watch(lab).status(SOURCE, lab.now).held == 1


def test_a_dead_service_is_found(lab: Lab) -> None:
    """A file that nobody has written to for months and nobody will ever roll is named; a living set is not."""
    lab.write("living.log", [1, 0.5], quiet_for=MINUTE)
    assert FindingKind.DEAD not in kinds(findings(lab_watch(lab), lab.now))
    lab.write("dead.log", [100, 99], quiet_for=99 * DAY)
    assert FindingKind.DEAD in kinds(findings(lab_watch(lab), lab.now))


def test_a_scan_changes_nothing(lab: Lab) -> None:
    """Looking is free: files, requests and audit are as before."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)
        before = engine.parts.audit.head
    found = lab_watch(lab)
    found.scan(lab.now)
    findings(found, lab.now)
    with lab.engine() as engine:
        assert engine.parts.audit.head == before
        assert (lab.root / "old.log").exists()
