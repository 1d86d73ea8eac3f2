"""The steps of an alert, one by one: what is quiet for how long, what calls again, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.desk.alert import Alert, AlertState
from data.desk.alert_steps import (
    BLIND,
    LASTING,
    acknowledge,
    escalate,
    follow,
    is_over,
    open_alert,
    pace_of,
    persisting,
    remind,
    resolve,
    snooze,
    wake,
    worsen,
)
from data.desk.fact import Fact, counted, slot_of, stage_at
from data.errors import RefusedError
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, Instant

NOW = 1_800_000_000_000_000
WARN = (14, 7, 2)
LEAD = 2 * DAY
PACE = 24 * HOUR


def due(left: int, *, now: Instant = NOW, count: int = 5) -> Fact:
    """Make the countdown of a source whose oldest record passes the limit after so many microseconds."""
    limit = now + left
    start_by = limit - LEAD
    stage = stage_at(start_by, WARN, now)
    fact = counted(
        about="app-logs", count=count, oldest=limit - 90 * DAY, limit=limit, start_by=start_by, stage=stage, now=now
    )
    assert fact
    return fact


def plain(kind: FindingKind, count: int = 3) -> Fact:
    """Make a fact without a countdown."""
    return Fact(kind=kind, about="app-logs", count=count)


def opened(fact: Fact) -> Alert:
    """Open an alert now."""
    return open_alert(fact, number=1, now=NOW)


def seen(alert: Alert, at: Instant = NOW) -> Alert:
    """Let a DPO acknowledge it."""
    return acknowledge(alert, by="p-1", role="dpo", now=at)


def put_off(alert: Alert, until: Instant, *, at: Instant = NOW, reason: str = "holiday") -> Alert:
    """Let a DPO snooze it."""
    return snooze(alert, until=until, reason=reason, by="p-1", role="dpo", now=at)


def last(alert: Alert) -> str:
    """Name the last step."""
    return alert.story[-1].what


def refusal(act: Any) -> str:
    """Do what is refused, and give the reason."""
    with pytest.raises(RefusedError) as caught:
        act()
    return caught.value.reason


# -- the countdown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "stage"),
    [(14 * DAY + 1, None), (14 * DAY, 14), (7 * DAY + 1, 14), (7 * DAY, 7), (2 * DAY, 2), (1, 2), (0, 0), (-DAY, 0)],
)
def test_the_countdown_has_stages(left: int, stage: int | None) -> None:
    """Each warning is reached at exactly so many days before the last moment to start, and the last is 0."""
    assert stage_at(NOW + left, WARN, NOW) == stage


def test_days_are_counted_to_the_start() -> None:
    """Nine days before the limit, with two days of approvals, there are seven days left to start."""
    assert due(9 * DAY).stage == 7
    assert due(9 * DAY + 1).stage == 14


def test_due_becomes_overdue_one_tick_after_the_limit() -> None:
    """At the limit a record is due, a microsecond later it is overdue, whatever was counted before."""
    assert due(0).kind is FindingKind.DUE
    late = due(-1, count=0)
    assert (late.kind, late.count, late.stage) == (FindingKind.OVERDUE, 1, 0)


def test_due_and_overdue_are_one_alert() -> None:
    """Both ends of a countdown share a slot; other kinds have one each."""
    assert due(DAY).slot == due(-DAY).slot == slot_of(FindingKind.DUE, "app-logs")
    assert plain(FindingKind.LATE).slot != due(DAY).slot


# -- getting louder ---------------------------------------------------------------------------------------------------


def test_the_next_stage_calls_again() -> None:
    """From 14 to 7 days and from due to overdue people are told again; within a stage they are not."""
    alert = opened(due(16 * DAY))
    fact = due(16 * DAY)
    assert follow(alert, fact, now=NOW, escalate_after=PACE) is alert
    nearer = follow(alert, due(9 * DAY), now=NOW + HOUR, escalate_after=PACE)
    assert (last(nearer), nearer.stage) == ("worse", 7)
    late = follow(nearer, due(-1), now=NOW + 2 * HOUR, escalate_after=PACE)
    assert (last(late), late.kind, late.stage) == ("worse", FindingKind.OVERDUE, 0)
    assert len({alert.calls, nearer.calls, late.calls}) == 3


@pytest.mark.parametrize(("count", "loud"), [(4, False), (5, False), (6, True)])
def test_twice_as_many_call_again(count: int, loud: bool) -> None:
    """What is twice as much calls again; a few more only change the card."""
    alert = seen(opened(plain(FindingKind.UNDATABLE, 3)))
    after = follow(alert, plain(FindingKind.UNDATABLE, count), now=NOW + HOUR, escalate_after=PACE)
    assert (last(after) == "worse") is loud
    assert (after.state is AlertState.OPEN) is loud
    assert after.count == count
    assert after.face != alert.face


@pytest.mark.parametrize(
    ("fact", "pace"),
    [
        (plain(FindingKind.LATE), PACE),
        (due(16 * DAY), PACE),
        (due(4 * DAY), PACE // 2),
        (due(-1), 4 * HOUR),
        (Fact(kind=FindingKind.OVERDUE, about="app-logs", count=1, stage=0), 4 * HOUR),
    ],
)
def test_silence_escalates(fact: Fact, pace: int) -> None:
    """Nobody answers: all DPOs, then the admins, then everybody again and again, the faster the nearer the limit."""
    alert = opened(fact)
    assert pace_of(alert, NOW, PACE) == pace
    told, now = [], NOW
    for _ in range(5):
        assert follow(alert, fact, now=now + pace - 1, escalate_after=PACE) is alert
        now += pace
        alert = follow(alert, fact, now=now, escalate_after=PACE)
        told.append((last(alert), alert.level))
    assert told == [("escalated", 1), ("escalated", 2), ("reminded", 2), ("reminded", 2), ("reminded", 2)]


def test_a_short_escalation_stays_short_beyond_the_limit() -> None:
    """Who has set less than four hours of silence keeps them."""
    assert pace_of(opened(due(-1)), NOW, HOUR) == HOUR


def test_becoming_worse_does_not_put_the_escalation_off() -> None:
    """An alert that gets worse every hour still goes to the next people after a day without an answer."""
    alert, now = opened(plain(FindingKind.UNDATABLE, 1)), NOW
    for hour in range(1, 25):
        now = NOW + hour * HOUR
        alert = follow(alert, plain(FindingKind.UNDATABLE, 2**hour), now=now, escalate_after=PACE)
        assert last(alert) == "worse"
    alert = follow(alert, plain(FindingKind.UNDATABLE, 2**24), now=now + MINUTE, escalate_after=PACE)
    assert last(alert) == "escalated"


@pytest.mark.parametrize("kind", [FindingKind.OVER_DELETION, FindingKind.BREAK_GLASS, FindingKind.AUDIT_BROKEN])
def test_the_worst_is_told_to_everybody_at_once(kind: FindingKind) -> None:
    """Over-deletion, a broken glass and a broken audit start where others end; a late file does not."""
    assert opened(plain(kind)).level == 2
    assert opened(plain(FindingKind.LATE)).level == 0


def test_reminders_do_not_pile_up() -> None:
    """A year of reminders keeps the story short, and each of them calls all the same."""
    alert, calls = opened(due(-1)), set()
    for number in range(2000):
        alert = remind(alert, now=NOW + number * 4 * HOUR)
        calls.add(alert.calls)
    assert [step.what for step in alert.story] == ["opened", "reminded", "reminded"]
    assert (alert.story[1].at, alert.story[2].at) == (NOW, NOW + 1999 * 4 * HOUR)
    assert len(calls) == 2000


def test_a_clock_that_went_back_silences_nothing() -> None:
    """Ten years before the alert was opened, or acknowledged, it calls."""
    fact = plain(FindingKind.LATE)
    past = NOW - 3650 * DAY
    assert last(follow(opened(fact), fact, now=past, escalate_after=PACE)) == "escalated"
    assert last(follow(seen(opened(fact)), fact, now=past, escalate_after=PACE)) == "woken"


# -- quiet for a while ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "quiet"),
    [
        (plain(FindingKind.LATE), 7 * DAY),
        (due(16 * DAY), 7 * DAY),
        (due(6 * DAY), 2 * DAY),
        (due(2 * DAY + HOUR), 12 * HOUR),
        (due(3 * HOUR), 3 * HOUR),
        (due(-1), DAY),
        (plain(FindingKind.UNREADABLE), DAY),
        (plain(FindingKind.AUDIT_BROKEN), DAY),
    ],
)
def test_an_acknowledgement_wears_off(fact: Fact, quiet: int) -> None:
    """The nearer the limit the sooner it comes back; beyond it, or where nobody can see it, within a day."""
    alert = seen(opened(fact))
    assert alert.quiet_until == NOW + quiet
    before = follow(alert, fact, now=NOW + quiet - 1, escalate_after=PACE)
    assert before is alert
    assert last(follow(alert, fact, now=NOW + quiet, escalate_after=PACE)) == "woken"


def test_an_acknowledgement_ends_with_the_next_stage() -> None:
    """Whoever has seen "7 days" is told of "2 days" all the same."""
    alert, then = seen(opened(due(5 * DAY))), NOW + DAY
    assert alert.quiet_until == NOW + 3 * DAY // 2
    after = follow(alert, due(4 * DAY, now=then), now=then, escalate_after=PACE)
    assert (after.state, last(after), after.quiet_until) == (AlertState.OPEN, "worse", None)


def test_acknowledging_again_prolongs_nothing() -> None:
    """A second press, even of somebody else and after the quiet time, changes nothing until it has called again."""
    alert = seen(opened(due(-1)))
    for at in (NOW, NOW + 23 * HOUR, NOW + 30 * HOUR):
        assert acknowledge(alert, by="p-2", role="admin", now=at) is alert
    woken = wake(alert, now=NOW + DAY)
    assert seen(woken, NOW + DAY).quiet_until == NOW + 2 * DAY


def test_the_story_tells_who_in_which_role() -> None:
    """Who acted stands in the story by pseudonym and role, a snooze with its reason."""
    alert = put_off(seen(opened(due(9 * DAY))), NOW + DAY)
    step = alert.story[-1]
    assert (step.what, step.by, step.role, step.reason) == ("snoozed", "p-1", "dpo", "holiday")
    assert alert.story[0].role == ""


def test_a_snooze_sleeps_through_stages_but_not_through_the_last_moment() -> None:
    """Put off to Monday it keeps quiet at "2 days", and calls when one would have to start."""
    alert = put_off(opened(due(8 * DAY)), NOW + 7 * DAY)
    then, end = NOW + 5 * DAY, NOW + 6 * DAY
    asleep = follow(alert, due(3 * DAY, now=then), now=then, escalate_after=PACE)
    assert (asleep.state, asleep.stage, last(asleep)) == (AlertState.SNOOZED, 2, "snoozed")
    assert last(follow(asleep, due(2 * DAY, now=end), now=end, escalate_after=PACE)) == "worse"


def test_a_snooze_ends_when_it_was_said_to() -> None:
    """At that instant it calls again, not before."""
    fact = due(9 * DAY)
    alert = put_off(opened(fact), NOW + DAY)
    assert follow(alert, fact, now=NOW + DAY - 1, escalate_after=PACE) is alert
    assert last(follow(alert, fact, now=NOW + DAY, escalate_after=PACE)) == "woken"


def test_a_snooze_shrinks_with_the_limit() -> None:
    """Where older records turn up, it ends before their limit, not before the one it was checked against."""
    alert = put_off(opened(due(16 * DAY)), NOW + 7 * DAY)
    older = replace(due(16 * DAY), limit=NOW + 3 * DAY)
    assert follow(alert, older, now=NOW, escalate_after=PACE).quiet_until == NOW + 3 * DAY - 1


@pytest.mark.parametrize(
    ("fact", "until", "reason", "refused"),
    [
        (due(3 * DAY), 3 * DAY, "why", "past_limit"),
        (due(3 * DAY), 3 * DAY - 1, "why", ""),
        (due(-1), HOUR, "why", "past_limit"),
        (Fact(kind=FindingKind.OVERDUE, about="a", count=1, stage=0), HOUR, "why", "past_limit"),
        (due(3 * DAY), DAY, " -\u200b- ", "no_reason"),
        (due(3 * DAY), DAY, "", "no_reason"),
        (due(3 * DAY), 0, "why", "not_ahead"),
        (due(16 * DAY), 7 * DAY, "why", ""),
        (due(16 * DAY), 7 * DAY + 1, "why", "too_long"),
        (plain(FindingKind.LATE), 7 * DAY + 1, "why", "too_long"),
        (plain(FindingKind.UNREADABLE), DAY, "why", ""),
        (plain(FindingKind.UNREADABLE), DAY + 1, "why", "too_long"),
        (plain(FindingKind.BREAK_GLASS), HOUR, "why", "cannot_wait"),
        (plain(FindingKind.OVER_DELETION), HOUR, "why", "cannot_wait"),
    ],
)
def test_what_can_be_put_off(fact: Fact, until: int, reason: str, refused: str) -> None:
    """With a reason, up to seven days, to before the limit; where nobody sees the limit, for a day."""
    alert = opened(fact)
    if refused:
        assert refusal(lambda: put_off(alert, NOW + until, reason=reason)) == refused
    else:
        assert put_off(alert, NOW + until, reason=reason).state is AlertState.SNOOZED


@pytest.mark.parametrize("kind", sorted(BLIND))
def test_one_quiet_time_after_the_other_is_one_quiet_time(kind: FindingKind) -> None:
    """Acknowledged and then put off, what may hide a passed limit is quiet for a day from the first press."""
    alert = seen(opened(plain(kind)))
    assert refusal(lambda: put_off(alert, NOW + DAY + 1, at=NOW + 20 * HOUR)) == "too_long"
    assert put_off(alert, NOW + DAY, at=NOW + 20 * HOUR).quiet_until == NOW + DAY


@pytest.mark.parametrize("kind", sorted(LASTING))
def test_what_cannot_be_undone_is_quiet_for_good_once_acknowledged(kind: FindingKind) -> None:
    """A year later an acknowledged break of the glass has not called again; one that got worse has."""
    alert = seen(opened(plain(kind)))
    assert follow(alert, plain(kind), now=NOW + 365 * DAY, escalate_after=PACE) is alert
    assert last(follow(alert, plain(kind, 4), now=NOW + DAY, escalate_after=PACE)) == "worse"


# -- ends -------------------------------------------------------------------------------------------------------------


def test_a_resolved_alert_takes_no_step() -> None:
    """Whoever presses an old button is told that it is settled."""
    alert = resolve(opened(due(DAY)), now=NOW)
    for act in (
        lambda: seen(alert),
        lambda: put_off(alert, NOW + HOUR),
        lambda: escalate(alert, now=NOW),
        lambda: resolve(alert, now=NOW),
    ):
        assert refusal(act) == "already_resolved"


def test_escalating_ends_at_everybody() -> None:
    """Twice by hand, then there is nobody left; a quiet alert is awake again."""
    alert = escalate(seen(opened(due(9 * DAY))), now=NOW, by="p-1", role="dpo")
    assert (alert.level, alert.state, alert.quiet_until) == (1, AlertState.OPEN, None)
    alert = escalate(alert, now=NOW)
    assert refusal(lambda: escalate(alert, now=NOW)) == "all_reached"


def test_a_countdown_that_begins_anew_is_another_alert() -> None:
    """After a purge the alert is over although younger records are due; a clock set back does not end it."""
    late = opened(due(-DAY))
    assert is_over(late, due(6 * DAY))
    assert is_over(opened(due(DAY)), due(6 * DAY))
    assert not is_over(opened(due(6 * DAY)), due(DAY))
    same = replace(due(6 * DAY), limit=late.limit)
    assert not is_over(late, same)
    assert not is_over(opened(plain(FindingKind.LATE)), plain(FindingKind.LATE))


@given(left=st.integers(-5 * DAY, 16 * DAY), later=st.integers(0, 30 * DAY))
def test_the_countdown_goes_on_without_a_look(left: int, later: int) -> None:
    """What nobody has looked at again counts down to exactly where a new look at the same records would put it."""
    alert, now = opened(due(left)), NOW + later
    assert alert.limit is not None
    again = due(alert.limit - now, now=now)
    assert persisting(alert, WARN, now) == again


@given(
    fact=st.one_of(
        st.integers(-5 * DAY, 16 * DAY).map(due), st.sampled_from(FindingKind).map(plain).filter(lambda f: f.stage < 0)
    ),
    presses=st.lists(st.tuples(st.sampled_from(["ack", "snooze"]), st.integers(0, 3 * DAY), st.integers(1, 8 * DAY))),
)
def test_no_snooze_passes_the_limit(fact: Fact, presses: list[tuple[str, int, int]]) -> None:
    """However often it is pressed, what is snoozed ends before the limit and within seven days."""
    alert, now = opened(fact), NOW
    for what, pause, ahead in presses:
        now += pause
        try:
            alert = seen(alert, now) if what == "ack" else put_off(alert, now + ahead, at=now)
        except RefusedError:
            continue
        if alert.state is AlertState.SNOOZED and alert.story[-1].at == now:
            assert alert.quiet_until is not None
            assert now < alert.quiet_until <= now + 7 * DAY
            assert alert.limit is None or alert.quiet_until < alert.limit


def test_worsening_takes_over_the_figures() -> None:
    """The number, the limit and the cause of the moment stand on the alert afterwards."""
    fact = replace(due(-DAY), cause="active", count=9)
    alert = worsen(opened(due(DAY)), fact, now=NOW)
    assert (alert.count, alert.limit, alert.cause, alert.kind) == (9, fact.limit, "active", FindingKind.OVERDUE)
