"""The weekly report adds up the facts: every figure is that of the data, and a week has one beginning and one end."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState
from data.errors import StateError
from data.office.digest import SHORT_HEAD, Digest, Week, digest_of, week_at, week_named, witness_of, worst_first
from data.retention.finding import FindingKind
from data.retention.hold import Hold
from data.retention.instants import BEGINNING, DAY, HOUR, datetime_of, instant_of
from data.retention.request import CLOSED, OPEN, Gone, Preview, PurgeRequest, Selected, State, Step
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.verdict import Verdict
from data.retention.worst_case import worst_case
from data.sources.interface import SourceSummary
from data.watch import SourceStatus, Standing
from tests.data.purge.lab import Lab
from tests.world import FakeClock

BERLIN = ZoneInfo("Europe/Berlin")
NOW = instant_of(dt.datetime(2026, 12, 20, 12, tzinfo=dt.UTC))
RULE = RetentionRule(data_kind=DataKind.LOG)
ENDED = sorted(CLOSED | {State.PENDING_PHYSICAL})


def week(name: str = "2026-W51") -> Week:
    """Give a week."""
    found = week_named(name, BERLIN)
    assert found is not None
    return found


def status(name: str, standing: Standing, *, age: float | None = 10, **changes: object) -> SourceStatus:
    """Make what a look at a source found."""
    oldest = None if age is None else NOW - round(age * DAY)
    return SourceStatus(
        source=name,
        standing=standing,
        summary=SourceSummary(units=1, records=1, oldest=oldest),
        held=0,
        marks=RULE.marks(NOW),
        max_age=RULE.max_age,
        worst=worst_case(RULE, Care(), interval=DAY, bucket_span=0),
        **changes,
    )


def request(
    number: int = 1,
    *,
    verdict: str = "PASS",
    state: State = State.CLOSED_CLEAN,
    at: int = NOW - DAY,
    age: float = 85,
    certificate: str = "id-1.json",
    records: int = 5,
) -> PurgeRequest:
    """Make a purge that has come to an end."""
    return PurgeRequest(
        id=f"id-{number}",
        source="a",
        data_kind=DataKind.LOG,
        state=state,
        requester="p-1",
        created_at=at - HOUR,
        preview=Preview(selected=Selected(units=1, records=5, oldest=at - round(age * DAY))),
        gone=Gone(records=records),
        verdict=verdict,
        certificate=certificate,
        story=(Step(state=state, at=at, by="system"),),
    )


def hold(number: int, *, review: int, released: bool = False) -> Hold:
    """Make a hold."""
    return Hold(id=f"h-{number}", sources=(), reason="x", placed_by="p-1", placed_at=NOW - DAY, review_at=review,
                released_at=NOW if released else None)  # fmt: skip


def alert(number: int, state: AlertState = AlertState.OPEN, *, opened: int = NOW, changed: int = NOW) -> Alert:
    """Make an alert."""
    return Alert(id=str(number), kind=FindingKind.DUE, about="a", state=state, opened_at=opened, changed_at=changed)


def card(number: int, state: DeliveryState, attempts: int = 0) -> Delivery:
    """Make a delivery."""
    return Delivery(id=f"alert/1@p-{number}", subject="alert/1", recipient=f"p-{number}", urgent=True, post="1",
                    shown="1", state=state, attempts=attempts)  # fmt: skip


def digest(
    statuses: Sequence[SourceStatus] = (),
    alerts: Sequence[Alert] = (),
    requests: Sequence[PurgeRequest] = (),
    holds: Sequence[Hold] = (),
    cards: Sequence[Delivery] = (),
) -> Digest:
    """Add the week up."""
    return digest_of(statuses, alerts, requests, holds, cards, week(), now=NOW)


# -- weeks ------------------------------------------------------------------------------------------------------------


@given(now=st.integers(NOW - 25 * 365 * DAY, NOW + 70 * 365 * DAY))
def test_every_instant_lies_in_the_week_it_names(now: int) -> None:
    """A week named by an instant holds it, can be read back from its id, and meets the next one without a gap."""
    found = week_at(now, BERLIN)
    assert found.holds(now)
    assert week_named(found.id, BERLIN) == found
    following = week_at(found.ends, BERLIN)
    assert following.begins == found.ends
    assert following.id != found.id
    assert not found.holds(found.ends)


def test_a_week_is_one_of_its_readers() -> None:
    """Midnight of Berlin begins it, in winter and in summer; the week of the clock change is an hour longer."""
    assert datetime_of(week("2026-W51").begins) == dt.datetime(2026, 12, 13, 23, tzinfo=dt.UTC)
    assert datetime_of(week("2026-W29").begins) == dt.datetime(2026, 7, 12, 22, tzinfo=dt.UTC)
    longer = week("2026-W43")
    assert longer.ends - longer.begins == 7 * DAY + HOUR


@given(name=st.one_of(st.text(max_size=12), st.from_regex(r"\d{4}-W\d\d", fullmatch=True)))
def test_whatever_is_no_week_is_none(name: str) -> None:
    """No text makes the reader fail; what it takes for a week is written in just that way."""
    found = week_named(name, BERLIN)
    assert found is None or found.id == name
    assert week_named("2026-W53", BERLIN) is not None, "2026 has 53 weeks"
    assert week_named("2025-W53", BERLIN) is None


# -- figures ----------------------------------------------------------------------------------------------------------


def test_in_time_is_what_is_known_to_be() -> None:
    """A source counts as in time if it is fine or due; overdue and unknown ones do not."""
    found = digest([status(standing.value, standing) for standing in Standing])
    assert found.in_time == 2
    assert len(found.sources) == 4
    assert found.needs == {"overdue": 1, "unknown": 1}


@given(st.permutations([
    status("late", Standing.OVERDUE, age=95), status("later", Standing.OVERDUE, age=99),
    status("blind", Standing.UNKNOWN, age=None), status("due", Standing.DUE, age=85),
    status("fine", Standing.OK, age=3), status("empty", Standing.OK, age=None),
]))  # fmt: skip
def test_the_worst_comes_first(statuses: list[SourceStatus]) -> None:
    """Whatever the order of the settings: overdue before unknown before due before fine, the least time left first."""
    assert [one.source for one in worst_first(statuses)] == ["later", "late", "blind", "due", "fine", "empty"]
    assert [line.source for line in digest(statuses).sources] == ["later", "late", "blind", "due", "fine", "empty"]


def test_ages_are_measured_at_the_look() -> None:
    """Age and days left of the oldest record add up to the longest age; what nobody knows stays unknown."""
    known, dateless, empty = digest(
        [
            status("a", Standing.DUE, age=85),
            replace(status("b", Standing.OK), summary=SourceSummary(units=1, oldest=BEGINNING)),
            replace(status("c", Standing.OK), summary=SourceSummary()),
        ]
    ).sources
    assert known.age == 85 * DAY
    assert (known.age or 0) + (known.left or 0) == known.max_age
    assert (dateless.age, dateless.left, dateless.oldest, dateless.empty) == (None, None, None, False)
    assert (empty.age, empty.empty) == (None, True)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("certificate", ["", "id-1.json"])
def test_certificates_are_counted_for_what_earns_one(verdict: Verdict, certificate: str) -> None:
    """PASS earns a certificate and lacks it if there is none; PENDING may have to wait for it; others get a report."""
    found = digest(requests=[request(verdict=verdict, certificate=certificate)])
    earns = verdict is Verdict.PASS or (verdict is Verdict.PENDING and bool(certificate))
    assert found.due_certificates == earns
    assert found.certificates == (earns and bool(certificate))
    assert found.needs.get("certificates", 0) == (earns and not certificate)
    assert found.needs.get("purges", 0) == (verdict in {Verdict.FAIL, Verdict.UNKNOWN})
    if verdict is Verdict.PENDING and not certificate:
        assert found.purges[0].document == "awaited"
    if earns and certificate:
        assert found.purges[0].document == ("issued" if verdict is Verdict.PASS else "provisional")


def test_only_purges_that_ended_in_the_week_count() -> None:
    """The first instant of the week belongs to it, the last to the next; open and never executed ones do not count."""
    this = week()
    ends = [this.begins - 1, this.begins, this.ends - 1, this.ends]
    found = digest(requests=[request(number, at=at) for number, at in enumerate(ends)])
    assert [line.request for line in found.purges] == ["id-1", "id-2"]
    for state in State:
        counted = digest(requests=[request(state=state)]).purges
        assert bool(counted) == (state in ENDED)
        assert not digest(requests=[request(state=state, verdict="")]).purges
    assert State.EXECUTING in OPEN


def test_a_purge_is_late_if_something_had_passed_the_limit() -> None:
    """What was removed before its limit was in time; a purge that removed nothing is never late."""
    for age, records, in_time in ((85, 5, True), (95, 5, False), (95, 0, True)):
        line = digest([status("a", Standing.OK)], requests=[request(age=age, records=records)]).purges[0]
        assert line.in_time == in_time


def test_alerts_holds_and_deliveries_are_those_of_now() -> None:
    """Open alerts by state, those opened and settled in the week, holds in force and past review, cards given up."""
    old = week().begins - 1
    found = digest(
        alerts=[
            alert(1),
            alert(2, AlertState.ACKNOWLEDGED, opened=old),
            alert(3, AlertState.SNOOZED),
            alert(4, AlertState.RESOLVED, opened=old),
            alert(5, AlertState.RESOLVED, opened=old, changed=old),
        ],
        holds=[hold(1, review=NOW), hold(2, review=NOW - 1), hold(3, review=NOW - 1, released=True)],
        cards=[card(1, DeliveryState.DEAD), card(2, DeliveryState.WAITING), card(3, DeliveryState.WAITING, 1),
               card(4, DeliveryState.SENT)],
    )  # fmt: skip
    assert dict(found.alerts) == {AlertState.OPEN: 1, AlertState.ACKNOWLEDGED: 1, AlertState.SNOOZED: 1}
    assert (found.opened, found.settled) == (2, 1)
    assert (found.holds, found.review) == (2, 1)
    assert (found.dead, found.waiting) == (1, 1)
    assert found.needs == {"alerts": 1, "holds": 1, "deliveries": 1}


def test_a_calm_week_needs_nothing() -> None:
    """Sources in order, a proven purge and handled alerts leave nothing to look at."""
    found = digest([status("a", Standing.OK)], [alert(1, AlertState.ACKNOWLEDGED)], [request()], [hold(1, review=NOW)])
    assert found.needs == {}
    assert found.certificates == found.due_certificates == 1


# -- the witness ------------------------------------------------------------------------------------------------------


def test_the_witness_is_the_newest_entry(tmp_path: Path) -> None:
    """Number, time and hash belong to one entry, after each append and after the log was opened anew."""
    clock = FakeClock(dt.datetime(2026, 12, 20, 12, tzinfo=dt.UTC))

    def opened() -> AuditLog:
        return AuditLog(tmp_path / "audit", clock=clock, signer=Ed25519FileSigner(tmp_path / "keys"))

    seen = set()
    for number in range(3):
        log = opened()
        entry = log.append("test.said", data={"number": number, "share": 0.1, "word": "ä"})
        witness = witness_of(log)
        assert (witness.seq, witness.at) == (entry.seq, entry.at)
        assert log.head.startswith(witness.head)
        assert len(witness.head) == SHORT_HEAD
        seen.add(witness.head)
        log.close()
        again = opened()
        assert again.head.startswith(witness_of(again).head)
        again.close()
    assert len(seen) == 3


def test_a_head_of_another_entry_is_never_shown(tmp_path: Path) -> None:
    """Where head and last entry do not belong together nothing is said, rather than something wrong."""
    lab = Lab(folder=tmp_path)
    with lab.engine() as engine:
        audit = engine.parts.audit

        class Torn:
            """An audit whose head is that of another entry."""

            last = audit.last
            head = "0" * 64

        assert witness_of(audit).seq == audit.last.seq, "the positive control"
        with pytest.raises(StateError):
            witness_of(Torn())
