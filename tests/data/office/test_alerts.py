"""The alerts of the office, over real watch, stores and audit: raised, made louder and resolved by the facts alone."""

import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.access import Actor
from data.desk.alert import Alert, AlertState
from data.desk.alert_steps import EVERYBODY
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL
from data.errors import ConflictError, ProcallError, RefusedError, StateError, UnknownError
from data.office.alerts import AlertService
from data.office.audience import reached, wants_of_alert, wider
from data.office.parts import RoleHolders
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, HOUR, MINUTE
from data.retention.request import Lease, PurgeRequest, State
from data.retention.rule import Care, DataKind
from tests.data.office.bureau import CHANNELS, LIMIT, Bureau, open_bureau, quiet_for
from tests.data.purge.lab import ALICE, DORA, EVE, Lab, silent
from tests.desk import open_office

APP = "app-logs"
LEAD = Care().confirm_for + Care().approve_for + Care().cooling_for + Care().execute_for


@pytest.fixture
def bureau() -> Iterator[Bureau]:
    """Give an office over one empty source."""
    with open_bureau() as opened:
        yield opened


def write(bureau: Bureau, *ages: int, source: str = APP) -> None:
    """Let records of some ages arrive."""
    for age in ages:
        bureau.sources[source].write(bureau.now - age, now=bureau.now)


def last(alert: Alert) -> str:
    """Name the last step."""
    return alert.story[-1].what


def refusal(act: Callable[[], object]) -> str:
    """Do what is refused, and give the reason."""
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.reason


# -- the countdown ----------------------------------------------------------------------------------------------------


def test_young_records_are_no_alert(bureau: Bureau) -> None:
    """The control beside all others: a source whose oldest record is two months old raises nothing, twice."""
    write(bureau, 60 * DAY, DAY)
    assert bureau.again() == bureau.again() == ()
    assert bureau.alerts.all() == ()


def test_the_countdown_fires_from_the_passing_of_time(bureau: Bureau) -> None:
    """After one look, and none after it that day, each stage opens or worsens the alert at its very moment."""
    write(bureau, LIMIT - LEAD - 14 * DAY - HOUR)
    bureau.look()
    assert bureau.review() == ()
    (alert,) = bureau.after(HOUR, look=False)
    assert (alert.kind, alert.stage, alert.id, alert.source, alert.data_kind) == (FindingKind.DUE, 14, "1", APP, "log")
    assert alert.limit == bureau.now + LEAD + 14 * DAY
    stages = []
    for _ in range(18 * 24):
        for changed in bureau.after(HOUR, look=bureau.now // HOUR % 24 == 0):
            stages += [(changed.kind, changed.stage)] if last(changed) == "worse" else []
    assert stages == [(FindingKind.DUE, 7), (FindingKind.DUE, 2), (FindingKind.DUE, 0), (FindingKind.OVERDUE, 0)]
    assert bureau.only().id == "1"


def test_seven_days_means_seven_days_to_start() -> None:
    """With two weeks for approvals the same warning comes two weeks earlier."""
    with open_bureau(care=Care(approve_for=14 * DAY)) as slow:
        write(slow, LIMIT - 20 * DAY)
        slow.again()
        (alert,) = slow.unresolved(FindingKind.DUE)
        assert alert.stage == 7
        assert alert.limit is not None
        assert alert.start_by is not None
        assert alert.limit - alert.start_by == 14 * DAY + LEAD - Care().approve_for


def test_a_proven_purge_ends_the_countdown(bureau: Bureau) -> None:
    """What the margin leaves is no alert although it is six days from the limit; without the proof it is one."""
    write(bureau, 91 * DAY, 84 * DAY, 82 * DAY)
    (alert,) = bureau.again()
    assert alert.kind is FindingKind.OVERDUE
    bureau.sources[APP].purge(bureau.now - 83 * DAY)
    over, younger = bureau.again()
    assert (over.id, over.state, younger.stage) == ("1", AlertState.RESOLVED, 7)
    bureau.purge(APP)
    (ended,) = bureau.again()
    assert (ended.id, last(ended)) == ("2", "resolved")


def test_after_a_purge_the_countdown_begins_again_in_time(bureau: Bureau) -> None:
    """A source that is purged and written to daily is quiet for some days, and called two days before the start."""
    for age in range(100):
        write(bureau, age * DAY)
    bureau.purge(APP)
    quiet = 0
    while not bureau.after(HOUR):
        quiet += HOUR
        if bureau.now // HOUR % 24 == 0:
            write(bureau, 0)
    alert = bureau.only()
    assert (alert.kind, alert.stage) == (FindingKind.DUE, 2)
    assert alert.start_by is not None
    assert 2 * DAY - HOUR <= alert.start_by - bureau.now <= 2 * DAY
    assert quiet >= 2 * DAY


def test_a_source_that_is_purged_daily_is_no_alert(bureau: Bureau) -> None:
    """Purged each noon and looked at each morning it raises nothing for a month; without the purges something comes."""
    for age in range(1, 100):
        write(bureau, age * DAY)
    bureau.purge(APP)
    for hour in range(1, 30 * 24):
        if hour % 24 == 0:
            write(bureau, 0)
        assert bureau.after(HOUR, look=hour % 24 == 8) == ()
        if hour % 24 == 12:
            bureau.purge(APP)
    for _ in range(4 * 24):
        bureau.after(HOUR)
    assert bureau.only().kind is FindingKind.DUE


def test_where_the_margin_is_too_small_there_is_an_alert_all_the_same() -> None:
    """With half a day of margin and two days of approvals a purge must start as soon as anything can go."""
    with open_bureau(margin=DAY // 2) as tight:
        write(tight, 100 * DAY, 89 * DAY)
        tight.purge(APP)
        assert {alert.kind for alert in tight.again()} == {FindingKind.TOO_OLD_AT_WORST}
        (alert,) = tight.after(13 * HOUR)
        assert (alert.kind, alert.stage) == (FindingKind.DUE, 0)


def test_late_records_are_overdue_at_once(bureau: Bureau) -> None:
    """What arrives a hundred days old is overdue with the next look, and late too after a purge."""
    write(bureau, 100 * DAY)
    bureau.purge(APP)
    assert bureau.again() == ()
    bureau.pause(HOUR)
    write(bureau, 100 * DAY)
    assert {alert.kind for alert in bureau.again()} == {FindingKind.OVERDUE, FindingKind.LATE}


# -- what cannot be seen ----------------------------------------------------------------------------------------------


def test_a_memory_of_purges_that_cannot_be_read_resolves_nothing(bureau: Bureau) -> None:
    """What came late stays told while nobody can know it again; with the memory back it ends."""
    late = Finding(kind=FindingKind.LATE, about=APP, count=3)
    lost = Finding(kind=FindingKind.UNREADABLE, about=APP, count=1, cause="memory_of_purges")
    bureau.more = [late]
    bureau.again()
    bureau.more = [lost]
    bureau.again()
    assert {alert.kind for alert in bureau.unresolved()} == {FindingKind.LATE, FindingKind.UNREADABLE}
    bureau.more = []
    bureau.again()
    assert bureau.unresolved() == []


@pytest.mark.parametrize("trouble", ["missing", "broken"])
def test_a_look_that_could_not_read_resolves_nothing(bureau: Bureau, trouble: str) -> None:
    """The overdue alert stays and goes on calling while the source is away, with an alert of its own for that."""
    write(bureau, 91 * DAY)
    bureau.sources[APP].undatable = 3
    bureau.again()
    bureau.sources[APP].trouble = trouble
    for _ in range(6):
        bureau.after(5 * HOUR)
    kinds = {FindingKind.OVERDUE, FindingKind.UNDATABLE, FindingKind.UNREADABLE}
    assert {alert.kind for alert in bureau.unresolved()} == kinds
    assert [last(alert) for alert in bureau.unresolved(FindingKind.OVERDUE)] == ["reminded"]
    bureau.sources[APP].trouble = ""
    bureau.sources[APP].undatable = 0
    bureau.purge(APP)
    bureau.again()
    assert bureau.unresolved() == []


def test_the_countdown_goes_on_while_the_source_is_away(bureau: Bureau) -> None:
    """A source that was due when it went away becomes overdue without anybody seeing it."""
    write(bureau, 87 * DAY)
    bureau.again()
    bureau.sources[APP].trouble = "missing"
    for _ in range(4):
        bureau.after(DAY)
    (alert,) = bureau.unresolved(FindingKind.OVERDUE)
    assert (alert.id, alert.stage, alert.count) == ("1", 0, 1)


def test_an_old_look_is_an_alert(bureau: Bureau) -> None:
    """After 26 hours without a look nobody knows anything; up to then a look counts, and a new one resolves it."""
    write(bureau, DAY)
    bureau.look()
    assert bureau.after(26 * HOUR, look=False) == ()
    (alert,) = bureau.after(1, look=False)
    assert (alert.kind, alert.cause, alert.about) == (FindingKind.UNREADABLE, "not_looked", APP)
    (resolved,) = bureau.again()
    assert (resolved.id, last(resolved)) == (alert.id, "resolved")


def test_no_look_at_all_is_an_alert(bureau: Bureau) -> None:
    """A process that has never got a look for 26 hours says so for every source, and resolves nothing meanwhile."""
    bureau.more = [Finding(kind=FindingKind.CREDENTIAL_EXPIRING, about="app", count=5)]
    bureau.again()
    bureau.statuses, bureau.more = (), []
    bureau.restart()
    assert bureau.review() == ()
    assert bureau.after(26 * HOUR, look=False)[0].kind is FindingKind.CREDENTIAL_EXPIRING  # escalated, not resolved
    bureau.pause(1)
    assert [alert.kind for alert in bureau.review()] == [FindingKind.UNREADABLE]
    assert len(bureau.unresolved()) == 2


def test_a_source_that_is_no_longer_configured_is_not_forgotten(bureau: Bureau) -> None:
    """Taking an overdue source out of the settings ends its alert only once somebody has acknowledged it."""
    write(bureau, 91 * DAY)
    bureau.again()
    bureau.parts = dataclasses.replace(
        bureau.parts, engine=dataclasses.replace(bureau.parts.engine, sources={}, rules={})
    )
    bureau.restart()
    assert [last(alert) for alert in bureau.alerts.review((), (), bureau.now + DAY)] == ["escalated"]
    bureau.alerts.acknowledge(DORA, "1")
    assert [last(alert) for alert in bureau.alerts.review((), (), bureau.now + DAY)] == ["resolved"]


# -- other findings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(set(FindingKind) - {FindingKind.DUE, FindingKind.OVERDUE}))
def test_every_finding_opens_an_alert_once(bureau: Bureau, kind: FindingKind) -> None:
    """Each kind opens one alert at once, stays one, and ends when it is found no more (and seen, where it must be)."""
    write(bureau, DAY)
    bureau.more = [Finding(kind=kind, about="r-1", count=2)]
    (alert,) = bureau.again()
    assert (alert.kind, alert.stage, alert.count) == (kind, -1, 2)
    assert bureau.again() == ()
    bureau.more = []
    lasting = kind in {FindingKind.BREAK_GLASS, FindingKind.OVER_DELETION}
    assert [last(found) for found in bureau.again()] == ([] if lasting else ["resolved"])


def test_a_broken_glass_stays_until_a_dpo_acknowledges_it(bureau: Bureau) -> None:
    """It outlives its finding, no admin can end or put it off, and once a DPO has seen it it never comes back."""
    found = Finding(kind=FindingKind.BREAK_GLASS, about="r-1", count=1)
    bureau.more = [found]
    bureau.again()
    assert refusal(lambda: bureau.alerts.acknowledge(ALICE, "1")) == "needs_dpo"
    until = bureau.now + HOUR
    assert refusal(lambda: bureau.alerts.snooze(DORA, "1", until=until, reason="later")) == "cannot_wait"
    bureau.more = []
    assert bureau.again() == ()
    bureau.more = [found]
    bureau.alerts.acknowledge(DORA, "1")
    for _ in range(400):
        assert bureau.after(DAY) == ()
    bureau.more = []
    assert [last(alert) for alert in bureau.again()] == ["resolved"]


def test_without_a_dpo_an_admin_acknowledges_a_broken_glass(bureau: Bureau) -> None:
    """Nobody is asked for who is not there."""
    bureau.more = [Finding(kind=FindingKind.BREAK_GLASS, about="r-1", count=1)]
    bureau.again()
    bureau.holders = dataclasses.replace(bureau.holders, dpos=())
    assert bureau.alerts.acknowledge(ALICE, "1").state is AlertState.ACKNOWLEDGED


def test_a_purge_that_is_running_is_not_interrupted(bureau: Bureau) -> None:
    """Under its lease, and for half an hour of verification after it, a purge runs; then it is interrupted."""
    request = PurgeRequest(
        id="r-1",
        source=APP,
        data_kind=DataKind.LOG,
        state=State.VERIFYING,
        requester="p-1",
        created_at=bureau.now,
        lease=Lease(holder="executor", fence=1, until=bureau.now + 5 * MINUTE),
    )
    bureau.parts.engine.stores.requests.add(request)
    assert bureau.again() == ()
    assert bureau.after(35 * MINUTE - 1) == ()
    (alert,) = bureau.after(1)
    assert (alert.kind, alert.about, alert.source) == (FindingKind.PURGE_INTERRUPTED, "r-1", APP)


# -- numbers and records ----------------------------------------------------------------------------------------------


def test_a_trouble_that_comes_back_gets_a_new_number(bureau: Bureau) -> None:
    """What was resolved stays resolved; the same trouble is another alert, also after a restart."""
    for number in range(1, 4):
        bureau.sources[APP].trouble = "missing"
        assert [alert.id for alert in bureau.again()] == [str(number)]
        bureau.sources[APP].trouble = ""
        assert [last(alert) for alert in bureau.again()] == ["resolved"]
        bureau.restart()


def test_resolved_alerts_are_forgotten_but_no_number_is_given_twice(bureau: Bureau) -> None:
    """After 180 days only the newest number is left, in the store; the audit still knows the others."""
    for _ in range(2):
        bureau.sources[APP].trouble = "missing"
        bureau.again()
        bureau.sources[APP].trouble = ""
        bureau.again()
    first = bureau.alerts.get("1")
    bureau.after(180 * DAY)
    assert len(bureau.alerts.all()) == 2
    bureau.after(1)
    assert [alert.id for alert in bureau.alerts.all()] == ["2"]
    assert len(bureau.recorded(first)) == 2
    bureau.sources[APP].trouble = "missing"
    assert [alert.id for alert in bureau.again()] == ["3"]


def test_every_step_is_in_the_audit(bureau: Bureau) -> None:
    """The audit tells the story of an alert step by step, with figures and words, and without the typed reason."""
    write(bureau, 80 * DAY)
    bureau.again()
    bureau.alerts.snooze(DORA, "1", until=bureau.now + DAY, reason="on holiday")
    bureau.after(DAY)
    bureau.alerts.acknowledge(ALICE, "1")
    bureau.alerts.escalate(DORA, "1")
    bureau.purge(APP)
    bureau.sources[APP].records.clear()
    bureau.again()
    alert = bureau.alerts.get("1")
    told = bureau.recorded(alert)
    assert [entry.kind for entry in told] == [f"alert.{step.what}" for step in alert.story]
    assert [entry.actor for entry in told] == [step.by for step in alert.story]
    assert told[0].data == {"kind": "due", "about": APP, "count": 0, "stage": 14, "level": 0}
    assert "holiday" not in str([entry.data for entry in told])


def test_an_audit_that_records_nothing_is_told_and_silences_nothing(bureau: Bureau) -> None:
    """With a full disk alerts are raised all the same, with one about the audit; nothing is resolved or pressed."""
    write(bureau, 91 * DAY)
    bureau.audit.deaf = True
    assert {alert.kind for alert in bureau.again()} == {FindingKind.OVERDUE, FindingKind.AUDIT_BROKEN}
    with pytest.raises(StateError):
        bureau.alerts.acknowledge(DORA, "1")
    assert bureau.alerts.get("1").state is AlertState.OPEN
    bureau.purge(APP)
    for _ in range(8):
        bureau.after(4 * HOUR)
    assert [(alert.id, last(alert)) for alert in bureau.unresolved()] == [("1", "reminded"), ("2", "reminded")]
    bureau.audit.deaf = False
    bureau.again()
    assert bureau.unresolved() == []


def test_who_was_overtaken_changes_nothing(bureau: Bureau) -> None:
    """A review leaves what somebody else has just changed to the next one; a press is refused."""
    write(bureau, 91 * DAY)
    bureau.again()
    shelf = bureau.parts.desk.alerts
    old = shelf.get("1")
    shelf.replace(old)
    with pytest.raises(ConflictError):
        shelf.replace(old)
    assert bureau.again() == ()


# -- people -----------------------------------------------------------------------------------------------------------


def test_only_who_handles_alerts_may_press(bureau: Bureau) -> None:
    """An employee is refused and nothing changes; a DPO may, and the alert tells the role, not the name."""
    write(bureau, 80 * DAY)
    bureau.again()
    before = bureau.alerts.get("1")
    acts = (
        lambda who: bureau.alerts.acknowledge(who, "1"),
        lambda who: bureau.alerts.snooze(who, "1", until=bureau.now + DAY, reason="holiday"),
        lambda who: bureau.alerts.escalate(who, "1"),
    )
    for act in acts:
        assert refusal(lambda act=act: act(EVE)) == "not_allowed"  # type: ignore[misc]
    assert bureau.alerts.get("1") == before
    for act in acts:
        after = act(DORA)
        assert after.story[-1].role == "dpo"
        assert after.story[-1].by == bureau.parts.engine.people.name(DORA)
    assert bureau.alerts.acknowledge(ALICE, "1").story[-1].role == "admin"


def test_an_unknown_alert_is_unknown(bureau: Bureau) -> None:
    """A number that nobody has given, or none at all, is refused by name."""
    for number in ("7", "", "x", "1/../2"):
        with pytest.raises(UnknownError):
            bureau.alerts.acknowledge(DORA, number)


# -- whom it reaches --------------------------------------------------------------------------------------------------

HOLDERS = RoleHolders(admins=("a-1", "a-2"), dpos=("d-1", "d-2"))


@pytest.mark.parametrize(
    ("level", "holders", "channels", "expected"),
    [
        (0, HOLDERS, CHANNELS, (DPO_CHANNEL, "d-1")),
        (1, HOLDERS, CHANNELS, (DPO_CHANNEL, "d-1", "d-2")),
        (2, HOLDERS, CHANNELS, (DPO_CHANNEL, "d-1", "d-2", "a-1", "a-2", ADMIN_CHANNEL)),
        (0, HOLDERS, frozenset(), ("d-1",)),
        (0, RoleHolders(admins=("a-1",), dpos=()), CHANNELS, (DPO_CHANNEL, "a-1", ADMIN_CHANNEL)),
        (2, RoleHolders(admins=("b", "a-1"), dpos=("b",)), frozenset(), ("b", "a-1")),
        (2, RoleHolders(admins=(), dpos=()), frozenset(), ()),
    ],
)
def test_whom_an_alert_reaches(
    bureau: Bureau, level: int, holders: RoleHolders, channels: frozenset[str], expected: tuple[str, ...]
) -> None:
    """One DPO, all DPOs, everybody; without a DPO everybody at once; each person once; nobody only if there is none."""
    write(bureau, 80 * DAY)
    bureau.again()
    alert = dataclasses.replace(bureau.only(), level=level)
    assert reached(alert, holders, channels) == expected
    wants = wants_of_alert(alert, holders, channels)
    assert [want.recipient for want in wants] == list(expected)
    assert all(want.urgent and want.subject == "alert/1" for want in wants)


@pytest.mark.parametrize(
    ("dpos", "expected"),
    [(("d-1",), EVERYBODY), (("d-1", "d-2"), 1), ((), EVERYBODY)],
    ids=["one DPO: the admins", "two DPOs: the second", "no DPO: nobody new is left"],
)
def test_an_escalation_reaches_somebody_new(bureau: Bureau, dpos: tuple[str, ...], expected: int) -> None:
    """Where all DPOs know already, the next level is that of the admins: a call to the same people helps nobody."""
    write(bureau, 80 * DAY)
    bureau.again()
    before = bureau.only()
    holders = RoleHolders(admins=("a-1",), dpos=dpos)
    after = wider(before, dataclasses.replace(before, level=1), holders, frozenset())
    assert after.level == expected
    assert dpos == () or set(reached(after, holders, frozenset())) > set(reached(before, holders, frozenset()))
    assert wider(before, before, holders, frozenset()) == before


def test_each_call_is_a_message_and_each_change_a_card(bureau: Bureau) -> None:
    """An escalation changes what is posted, an acknowledgement only what is shown."""
    write(bureau, 80 * DAY)
    bureau.again()
    stamps = []
    for act in (
        bureau.only,
        lambda: bureau.alerts.acknowledge(DORA, "1"),
        lambda: bureau.alerts.escalate(DORA, "1"),
    ):
        bureau.pause(MINUTE)
        want = wants_of_alert(act(), HOLDERS, CHANNELS)[0]
        stamps.append((want.post, want.shown))
    (post, shown), (same, changed), (called, again) = stamps
    assert post == same != called
    assert len({shown, changed, again}) == 3


# -- with the real engine ---------------------------------------------------------------------------------------------


def test_a_real_purge_ends_a_real_alert(tmp_path: Path) -> None:
    """Old files are overdue for the office over real files; a purge with everybody's yes ends the alert."""
    lab = Lab(folder=tmp_path / "lab")
    lab.write("old.log", [100, 99, 1])
    with open_office(lab) as opened:
        chores, office = opened.chores, opened.office

        def review() -> list[tuple[str, FindingKind, str]]:
            chores.look()
            assert chores.seen
            found = office.watch.findings(chores.seen.statuses, lab.now)
            changed = office.alerts.review(found, chores.seen.statuses, lab.now)
            return [(alert.id, alert.kind, last(alert)) for alert in changed]

        assert review() == [("1", FindingKind.OVERDUE, "opened")]
        assert office.alerts.get("1").count == 2
        opened.engine.runner.run(lab.approved(opened.engine).id, progress=silent)
        assert review() == [("1", FindingKind.OVERDUE, "resolved")]


# -- any order --------------------------------------------------------------------------------------------------------

presses = st.one_of(
    st.tuples(st.just("ack"), st.integers(0, 3)),
    st.tuples(st.just("snooze"), st.tuples(st.integers(0, 3), st.integers(1, 200))),
    st.tuples(st.just("escalate"), st.integers(0, 3)),
)
events = st.one_of(
    st.tuples(st.just("old"), st.integers(80, 100)),
    st.tuples(st.just("purge"), st.booleans()),
    st.tuples(st.just("away"), st.sampled_from(["", "missing", "broken"])),
    st.tuples(st.just("undatable"), st.integers(0, 9)),
    st.tuples(st.just("restart"), st.just(0)),
)
passing = st.tuples(st.just("pass"), st.tuples(st.integers(1, 30), st.booleans()))
steps = st.lists(st.one_of(presses, presses, passing, passing, events), min_size=10, max_size=50)
"""Time passes with a look at its end or without one; presses go to one of the alerts that are not resolved."""


class Observer:
    """Watches an office step by step, and says what must always be true."""

    def __init__(self, bureau: Bureau) -> None:
        self.bureau = bureau
        self.seen: dict[str, Alert] = {}

    def check(self) -> None:
        """Look at every alert after a review."""
        present = self.bureau.alerts.all()
        slots = Counter(alert.about + alert.kind for alert in present if alert.state is not AlertState.RESOLVED)
        assert max(slots.values(), default=1) == 1
        for alert in present:
            self.check_story(alert)
            known = self.seen.get(alert.id)
            if known is not None:
                assert known.opened_at == alert.opened_at
                assert known.state is not AlertState.RESOLVED or known == alert
                if known.state is not AlertState.RESOLVED and alert.state is AlertState.RESOLVED:
                    self.check_end()
            else:
                assert int(alert.id) == len(self.seen) + 1
            self.seen[alert.id] = alert
        self.check_overdue()

    def check_story(self, alert: Alert) -> None:
        """A story begins once, goes forward, and ends with what the state says."""
        whats = [step.what for step in alert.story]
        assert whats[0] == "opened"
        assert whats.count("opened") == 1
        assert [step.at for step in alert.story] == sorted(step.at for step in alert.story)
        assert ("resolved" in whats[:-1], whats[-1] == "resolved") == (False, alert.state is AlertState.RESOLVED)
        ends = {"acknowledged": AlertState.ACKNOWLEDGED, "snoozed": AlertState.SNOOZED, "resolved": AlertState.RESOLVED}
        assert alert.state is ends.get(whats[-1], AlertState.OPEN)
        if alert.state is AlertState.SNOOZED:
            assert alert.quiet_until is not None
            assert alert.limit is None or alert.quiet_until < alert.limit
            assert alert.quiet_until <= alert.story[-1].at + 7 * DAY

    def check_end(self) -> None:
        """Nothing ends unless the source was read, and not too long ago."""
        (status,) = self.bureau.statuses
        assert not status.reason
        assert self.bureau.now - status.marks.now <= 26 * HOUR

    def check_overdue(self) -> None:
        """An overdue source, and one that cannot be read, has an alert that is quiet for a day at most."""
        bureau = self.bureau
        for status in bureau.statuses:
            unknown = status.reason or bureau.now - status.marks.now > 26 * HOUR
            kinds = {FindingKind.UNREADABLE} if unknown else set()
            oldest = status.summary.oldest
            kinds |= {FindingKind.OVERDUE} if oldest is not None and oldest < bureau.now - LIMIT else set()
            for kind in kinds:
                (alert,) = bureau.unresolved(kind)
                assert quiet_for(alert, bureau.now) < DAY
                assert bureau.now - max(step.at for step in alert.story) <= DAY


def act(bureau: Bureau, what: str, how: object, people: Iterator[Actor]) -> None:
    """Do one step of a random sequence."""
    source, alerts, who = bureau.sources[APP], bureau.alerts, next(people)
    if what == "old":
        write(bureau, int(str(how)) * DAY)
    elif what == "purge":
        bureau.purge(APP) if how else source.records.clear()
    elif what == "away":
        source.trouble = str(how)
    elif what == "undatable":
        source.undatable = int(str(how))
    elif what == "restart":
        bureau.restart()
    else:
        place, hours = how if isinstance(how, tuple) else (how, 0)
        open_ones = bureau.unresolved()
        number = open_ones[int(place) % len(open_ones)].id if open_ones else "1"
        press(alerts, who, what, number, until=bureau.now + hours * HOUR)


def press(alerts: AlertService, who: Actor, what: str, number: str, *, until: int) -> None:
    """Press one button."""
    if what == "ack":
        alerts.acknowledge(who, number)
    elif what == "snooze":
        alerts.snooze(who, number, until=until, reason="holiday")
    else:
        alerts.escalate(who, number)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(age=st.sampled_from((75, 82, 87, 89, 91)), steps=steps)
def test_whatever_people_press_an_overdue_source_calls(age: int, steps: list[tuple[str, object]]) -> None:
    """In any order of looks, presses, purges, outages and restarts: see `Observer`."""
    with open_bureau() as bureau:
        observer, people = Observer(bureau), itertools.cycle((DORA, ALICE))
        write(bureau, age * DAY)
        bureau.again()
        for what, how in steps:
            if isinstance(how, tuple) and what == "pass":
                for left in reversed(range(how[0])):
                    bureau.after(HOUR, look=how[1] and not left)
                    observer.check()
                continue
            before = bureau.alerts.all()
            try:
                act(bureau, what, how, people)
            except ProcallError:
                assert bureau.alerts.all() == before
            assert sum(alert.state is AlertState.RESOLVED for alert in bureau.alerts.all()) == sum(
                alert.state is AlertState.RESOLVED for alert in before
            )
            bureau.review()
            observer.check()


hushing = st.one_of(
    st.tuples(st.just("ack"), st.integers(0, 1)),
    st.tuples(st.just("snooze"), st.tuples(st.integers(0, 1), st.integers(1, 26))),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(away=st.booleans(), presses=st.lists(st.tuples(hushing, st.integers(1, 23)), min_size=6, max_size=20))
def test_nobody_hushes_up_a_passed_limit(away: bool, presses: list[tuple[tuple[str, object], int]]) -> None:
    """No order of acknowledgements and snoozes keeps an overdue or unreadable source quiet for more than a day."""
    with open_bureau() as bureau:
        observer, people = Observer(bureau), itertools.cycle((DORA, ALICE))
        write(bureau, 91 * DAY)
        bureau.again()
        bureau.sources[APP].trouble = "missing" if away else ""
        bureau.again()
        for (what, how), hours in presses:
            with contextlib.suppress(RefusedError):
                act(bureau, what, how, people)
            for _ in range(hours):
                bureau.after(HOUR)
                observer.check()
                assert all(quiet_for(alert, bureau.now) < DAY for alert in bureau.unresolved())
