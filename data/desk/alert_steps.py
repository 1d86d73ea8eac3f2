"""What can happen to an alert, each step pure and checked, and how often it calls (security.md 3, peers.md 3 no. 8).

An alert fails towards being loud. Whoever has seen it gets quiet for a while, the less the nearer the limit, and once
the limit has passed for one day at most: nobody can prolong a quiet time before the alert has called again.
"""

from dataclasses import replace
from typing import Final

from data.desk.alert import LOUD, Alert, AlertState, AlertStep
from data.desk.fact import COUNTDOWN, Fact, stage_at
from data.errors import RefusedError
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, Instant
from data.retention.words import says_something

LONGEST_QUIET: Final = 7 * DAY
SHORTEST_QUIET: Final = 12 * HOUR
"""How long an acknowledgement lasts at least before the limit, so that somebody can get something done."""
TIGHT_QUIET: Final = DAY
"""How long anything keeps quiet at most once the limit has passed, or where it may have passed unseen."""
NEAR: Final = 3 * DAY
OVERDUE_PACE: Final = 4 * HOUR
LONGEST_STORY: Final = 60
"""Steps that an alert keeps: its opening and the latest; the audit has all of them."""
EVERYBODY: Final = 2
"""The level that reaches DPOs and admins."""

BLIND: Final = frozenset(
    {
        FindingKind.UNREADABLE,
        FindingKind.AUDIT_BROKEN,
        FindingKind.CLOCK_BLOCKED,
        FindingKind.STANDING_BLOCKED,
        FindingKind.NOT_DELIVERED,
    }
)
"""Behind these a limit may pass without anybody seeing it."""
LASTING: Final = frozenset({FindingKind.BREAK_GLASS, FindingKind.OVER_DELETION})
"""Cannot be undone: they stay until somebody has acknowledged them, and are then quiet for good (FE-20)."""
_AT_ONCE: Final = LASTING | {FindingKind.AUDIT_BROKEN}
_QUIET: Final = frozenset({AlertState.ACKNOWLEDGED, AlertState.SNOOZED})
_QUIETING: Final = frozenset({"acknowledged", "snoozed"})


def open_alert(fact: Fact, *, number: int, now: Instant, source: str = "", data_kind: str = "") -> Alert:
    """Open an alert under a number that nobody has had."""
    alert = Alert(
        id=str(number),
        kind=fact.kind,
        about=fact.about,
        source=source,
        data_kind=data_kind,
        level=EVERYBODY if fact.kind in _AT_ONCE else 0,
        opened_at=now,
        changed_at=now,
    )
    return _step(_told(alert, fact), "opened", now=now)


def follow(alert: Alert, fact: Fact, *, now: Instant, escalate_after: int) -> Alert:
    """Bring an unresolved alert up to this moment, by one step at most that calls; the same one if nothing changed."""
    if is_worse(alert, fact):
        return worsen(alert, fact, now=now)
    alert = refresh(alert, fact, now=now)
    if alert.state in _QUIET:
        return wake(alert, now=now) if _has_slept(alert, now) else alert
    if alert.level < EVERYBODY:
        silent = not 0 <= now - _unanswered_since(alert) < pace_of(alert, now, escalate_after)
        return escalate(alert, now=now) if silent else alert
    silent = not 0 <= now - _last_call(alert) < pace_of(alert, now, escalate_after)
    return remind(alert, now=now) if silent else alert


def persisting(alert: Alert, warn_days: tuple[int, ...], now: Instant) -> Fact:
    """Give the fact behind an alert where nobody could look: as it was known, with the time that has passed."""
    kind, stage = alert.kind, alert.stage
    if kind in COUNTDOWN:
        kind = FindingKind.OVERDUE if is_overdue(alert, now) else kind
        reached = None if alert.start_by is None else stage_at(alert.start_by, warn_days, now)
        stage = 0 if kind is FindingKind.OVERDUE else stage if reached is None else min(stage, reached)
    return Fact(
        kind=kind,
        about=alert.about,
        count=max(alert.count, int(kind is FindingKind.OVERDUE)),
        since=alert.since,
        cause=alert.cause,
        limit=alert.limit,
        start_by=alert.start_by,
        stage=stage,
    )


# -- by the facts -----------------------------------------------------------------------------------------------------


def is_worse(alert: Alert, fact: Fact) -> bool:
    """Tell whether people have to be told again: overdue now, the next stage, or at least twice as many.

    A snooze sleeps through the stages that its reason has foreseen, but never through the last moment to start.
    """
    if fact.kind is not alert.kind:
        return fact.kind is FindingKind.OVERDUE
    if alert.kind in COUNTDOWN:
        nearer = 0 <= fact.stage < alert.stage
        return nearer and (alert.state is not AlertState.SNOOZED or fact.stage == 0)
    if alert.kind in LASTING:
        return fact.count > alert.count
    return 0 < 2 * alert.count <= fact.count


def is_over(alert: Alert, fact: Fact) -> bool:
    """Tell whether the records that a countdown was about are gone, and the fact is about younger ones."""
    if alert.kind not in COUNTDOWN or fact.limit is None:
        return False
    eased = fact.stage > alert.stage or (alert.kind is FindingKind.OVERDUE and fact.kind is FindingKind.DUE)
    return eased and (alert.limit is None or fact.limit > alert.limit)


def worsen(alert: Alert, fact: Fact, *, now: Instant) -> Alert:
    """Tell that it has become worse; whoever had acknowledged or snoozed it is called again."""
    woken = replace(_told(alert, fact), kind=fact.kind, state=AlertState.OPEN, quiet_until=None)
    return _step(woken, "worse", now=now)


def refresh(alert: Alert, fact: Fact, *, now: Instant) -> Alert:
    """Take over figures that nobody is called for; the same alert if there are none."""
    fresh = _told(alert, fact)
    if fresh.state is AlertState.SNOOZED and fresh.limit is not None and fresh.quiet_until is not None:
        fresh = replace(fresh, quiet_until=min(fresh.quiet_until, fresh.limit - 1))
    return alert if fresh == alert else replace(fresh, changed_at=now)


def remind(alert: Alert, *, now: Instant) -> Alert:
    """Call everybody again; of many reminders in a row the story keeps the first and the last."""
    if [step.what for step in alert.story[-2:]] == ["reminded", "reminded"]:
        alert = replace(alert, story=alert.story[:-1])
    return _step(alert, "reminded", now=now)


def wake(alert: Alert, *, now: Instant) -> Alert:
    """Call again after a quiet time."""
    return _step(replace(alert, state=AlertState.OPEN, quiet_until=None), "woken", now=now)


def resolve(alert: Alert, *, now: Instant) -> Alert:
    """End it, because it is so no longer; raises `RefusedError` for one that has ended."""
    _check_unresolved(alert)
    return _step(replace(alert, state=AlertState.RESOLVED, quiet_until=None), "resolved", now=now)


# -- by people --------------------------------------------------------------------------------------------------------


def acknowledge(alert: Alert, *, by: str, role: str, now: Instant) -> Alert:
    """Say that somebody has seen it; one that is quiet already stays as it is. Raises `RefusedError`."""
    _check_unresolved(alert)
    if alert.state in _QUIET:
        return alert
    quiet = replace(alert, state=AlertState.ACKNOWLEDGED, quiet_until=_acknowledged_until(alert, now))
    return _step(quiet, "acknowledged", now=now, by=by, role=role)


def snooze(alert: Alert, *, until: Instant, reason: str, by: str, role: str, now: Instant) -> Alert:
    """Put it off with a reason, for seven days at most and to an instant before the limit; raises `RefusedError`."""
    _check_unresolved(alert)
    if alert.kind in LASTING:
        raise RefusedError("cannot_wait", f"alert {alert.id} can be acknowledged, but not put off")
    if not says_something(reason):
        raise RefusedError("no_reason", "putting an alert off needs a reason")
    if is_overdue(alert, now) or (alert.limit is not None and until >= alert.limit):
        raise RefusedError("past_limit", f"alert {alert.id} cannot be put off beyond the limit")
    if until <= now:
        raise RefusedError("not_ahead", "an alert is put off to a time that is still to come")
    began = _quiet_since(alert) if alert.state in _QUIET else now
    if until > (began + TIGHT_QUIET if alert.kind in BLIND else now + LONGEST_QUIET):
        raise RefusedError("too_long", f"alert {alert.id} cannot be put off for so long")
    asleep = replace(alert, state=AlertState.SNOOZED, quiet_until=until)
    return _step(asleep, "snoozed", now=now, by=by, role=role, reason=reason)


def escalate(alert: Alert, *, now: Instant, by: str = "system", role: str = "") -> Alert:
    """Send it to the next people, quiet or not; raises `RefusedError` where it has reached everybody."""
    _check_unresolved(alert)
    if alert.level >= EVERYBODY:
        raise RefusedError("all_reached", f"alert {alert.id} has reached everybody already")
    louder = replace(alert, level=alert.level + 1, state=AlertState.OPEN, quiet_until=None)
    return _step(louder, "escalated", now=now, by=by, role=role)


# -- how loud ---------------------------------------------------------------------------------------------------------


def is_overdue(alert: Alert, now: Instant) -> bool:
    """Tell whether the limit has passed."""
    return alert.kind is FindingKind.OVERDUE or (alert.limit is not None and now > alert.limit)


def pace_of(alert: Alert, now: Instant, escalate_after: int) -> int:
    """Give the silence after which it calls again: half of it in the last three days, 4 h at most beyond the limit."""
    if is_overdue(alert, now):
        return min(escalate_after, OVERDUE_PACE)
    near = alert.start_by is not None and alert.start_by - now < NEAR
    return escalate_after // 2 if near else escalate_after


def _acknowledged_until(alert: Alert, now: Instant) -> Instant | None:
    if alert.kind in LASTING:
        return None
    if alert.kind in BLIND or is_overdue(alert, now):
        return now + TIGHT_QUIET
    if alert.limit is None or alert.start_by is None:
        return now + LONGEST_QUIET
    half = (alert.start_by - now) // 2
    return min(now + min(max(half, SHORTEST_QUIET), LONGEST_QUIET), alert.limit)


def _has_slept(alert: Alert, now: Instant) -> bool:
    """Tell whether a quiet time is over; a clock that stands before its beginning ends it too."""
    if alert.quiet_until is None:
        return False
    return not _quiet_since(alert) <= now < alert.quiet_until


def _quiet_since(alert: Alert) -> Instant:
    """Give the first moment at which somebody made it quiet after it had called last."""
    began = alert.changed_at
    for step in reversed(alert.story):
        if step.what in LOUD:
            break
        began = step.at if step.what in _QUIETING else began
    return began


def _unanswered_since(alert: Alert) -> Instant:
    """Give the moment from which nobody has answered: becoming worse again and again does not put it off."""
    since = alert.opened_at
    for step in reversed(alert.story):
        if step.what in _QUIETING:
            break
        since = step.at if step.what in LOUD else since
        if step.what == "escalated":
            break
    return since


def _last_call(alert: Alert) -> Instant:
    return next((step.at for step in reversed(alert.story) if step.what in LOUD), alert.opened_at)


def _told(alert: Alert, fact: Fact) -> Alert:
    return replace(
        alert,
        count=fact.count,
        since=fact.since,
        cause=fact.cause,
        limit=fact.limit,
        start_by=fact.start_by,
        stage=fact.stage,
    )


def _check_unresolved(alert: Alert) -> None:
    if alert.state is AlertState.RESOLVED:
        raise RefusedError("already_resolved", f"alert {alert.id} is settled already")


def _step(alert: Alert, what: str, *, now: Instant, by: str = "system", role: str = "", reason: str = "") -> Alert:
    step = AlertStep(what=what, at=now, by=by, role=role, reason=reason)
    latest = alert.story[1:] if len(alert.story) < LONGEST_STORY else alert.story[2:]
    return replace(alert, story=(*alert.story[:1], *latest, step), changed_at=now)
