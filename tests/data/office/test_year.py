"""A simulated year over twenty sources: nothing is older than 90 days without an alert, on any day of it.

Data come late, services die, disks go away for a week, nobody looks for three days, there is no DPO for two weeks,
people are on holiday, answer nothing, or press whatever makes an alert quiet. Watch, stores, audit and alerts are real.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import pytest

from data.access import Actor
from data.desk.alert import Alert, AlertState
from data.desk.alert_steps import open_alert, resolve
from data.desk.fact import Fact
from data.errors import RefusedError
from data.office.alerts import AlertService
from data.office.audience import reached
from data.office.parts import OfficeParts, RoleHolders
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, HOUR, Instant, datetime_of
from data.retention.rule import Care
from data.watch import SourceStatus
from tests.data.office.bureau import CHANNELS, LIMIT, LOUD, Bureau, FakeSource, open_bureau, quiet_for
from tests.data.purge.lab import ALICE, DORA

STEP = 6 * HOUR
LEAD = Care().confirm_for + Care().approve_for + Care().cooling_for + Care().execute_for
LOOK_LASTS = 26 * HOUR
START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
NOBODY_LOOKS = range(200, 203)
NO_DPO = range(100, 114)
HOLIDAYS = ((12, 19, 31), (1, 1, 7), (8, 1, 14))
"""Month, first and last day: nobody is there."""
HABITS = ("standing", "prompt", "slow", "never", "quieted")
"""How a source is purged: daily by rule, when an alert comes, long after it, not at all, not at all and hushed up."""


class Alerts(Protocol):
    """What the year needs of the alerts."""

    def all(self) -> tuple[Alert, ...]:
        """List them."""
        ...

    def review(self, findings: Iterable[Finding], statuses: Iterable[SourceStatus], now: Instant) -> tuple[Alert, ...]:
        """Compare them with the facts."""
        ...

    def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        """Make one quiet."""
        ...

    def snooze(self, actor: Actor, alert_id: str, *, until: Instant, reason: str) -> Alert:
        """Put one off."""
        ...


@dataclass(kw_only=True)
class Year:
    """One year of one office."""

    bureau: Bureau
    alerts: Alerts
    again: Callable[[OfficeParts], Alerts]
    """Starts the process anew."""
    channels: frozenset[str] = CHANNELS
    chance: random.Random = field(default_factory=lambda: random.Random(20260901))  # noqa: S311  a replayable year
    known: dict[str, tuple[Instant | None, Instant]] = field(default_factory=dict)
    """By source: its oldest record when it could be read last, and when that was."""
    present: RoleHolders = field(default_factory=lambda: RoleHolders(admins=(), dpos=()))
    """Who has a role today."""
    unread: set[str] = field(default_factory=set)
    """Sources that could not be read at the last look."""
    looked_at: Instant = 0
    wrong: list[str] = field(default_factory=list)
    """What should never be."""
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> Instant:
        """Tell the time."""
        return self.bureau.now

    def live(self, days: int) -> None:
        """Let so many days pass, six hours at a time."""
        for source in self.bureau.sources.values():
            for age in range(self.chance.randrange(20, 100)):
                source.write(self.now - age * DAY - self.chance.randrange(DAY), now=self.now)
        self.looked_at = self.now
        for step in range(days * 4):
            day, hour = step // 4, step % 4 * 6
            self.bureau.pause(STEP)
            self.nature(day, hour)
            if hour == 6 and day not in NOBODY_LOOKS:
                self.look()
            self.review()
            self.check(day)
            self.people(day, hour)
            self.check(day)
            if day % 30 == 29 and hour == 0:
                self.alerts = self.again(self.bureau.parts)

    def nature(self, day: int, hour: int) -> None:
        """Let the sources live: what is written, comes late, dies, and goes away."""
        for number, source in enumerate(self.bureau.sources.values()):
            dead = number % 7 == 3 and day > 40 + number * 5
            if hour == 0 and not dead:
                source.write(self.now - self.chance.randrange(STEP), now=self.now)
            if hour == 6 and self.chance.random() < 0.01:
                source.write(self.now - self.chance.randrange(84 * DAY, 130 * DAY), now=self.now)
                self.happened["late"] += 1
            if hour == 18:
                self.go_away(source, day, number)
            if HABITS[number % 5] == "standing" and hour == 12 and not source.trouble:
                self.bureau.purge(source.id)
        self.present = replace(self.bureau.holders, dpos=()) if day in NO_DPO else self.bureau.holders

    def go_away(self, source: FakeSource, day: int, number: int) -> None:
        """Let a source be unreadable: each of them for a week once, and some for a day now and then."""
        week = range(30 + number * 15, 37 + number * 15)
        now_and_then = self.chance.random() < 0.01
        source.trouble = self.chance.choice(("missing", "broken")) if day in week or now_and_then else ""
        self.happened["away"] += bool(source.trouble)

    def look(self) -> None:
        """Look, and remember what could be seen."""
        self.bureau.look()
        self.looked_at = self.now
        self.unread = {source.id for source in self.bureau.sources.values() if source.trouble}
        for source in self.bureau.sources.values():
            if not source.trouble:
                self.known[source.id] = (source.records[0] if source.records else None, self.now)

    def review(self) -> None:
        """Compare the alerts with the last look."""
        found = self.bureau.watch.findings(self.bureau.statuses, self.now)
        for alert in self.alerts.review(found, self.bureau.statuses, self.now):
            self.happened[alert.story[-1].what] += 1

    def people(self, day: int, hour: int) -> None:
        """Let those answer who are told, are there, and can be bothered."""
        habits = {name: HABITS[number % 5] for number, name in enumerate(self.bureau.sources)}
        working = hour == 12 and not self.is_free()
        for alert in self.alerts.all():
            if alert.state is AlertState.RESOLVED:
                continue
            actor = ALICE if day in NO_DPO else DORA
            habit = habits.get(alert.about, "slow")
            if habit == "quieted":
                self.hush(actor, alert)
            elif working and self.chance.random() < {"prompt": 0.8, "slow": 0.1, "never": 0.2}.get(habit, 0.1):
                self.answer(actor, alert, habit)

    def is_free(self) -> bool:
        """Tell whether nobody works today."""
        today = datetime_of(self.now)
        away = any(today.month == month and first <= today.day <= end for month, first, end in HOLIDAYS)
        return today.weekday() >= 5 or away

    def answer(self, actor: Actor, alert: Alert, habit: str) -> None:
        """Do what somebody would: purge, acknowledge, or put it off."""
        source = self.bureau.sources[alert.about]
        if habit != "never" and not source.trouble and self.chance.random() < 0.5:
            self.bureau.purge(alert.about)
            self.happened["purged"] += 1
        elif self.chance.random() < 0.5:
            self.hush(actor, alert)
        else:
            self.alerts.acknowledge(actor, alert.id)
            self.happened["acknowledged"] += 1

    def hush(self, actor: Actor, alert: Alert) -> None:
        """Try everything that makes an alert quiet, the longest first."""
        for days in (7, 1):
            try:
                self.alerts.snooze(actor, alert.id, until=self.now + days * DAY, reason="later")
            except RefusedError:
                self.happened["refused"] += 1
            else:
                self.happened["snoozed"] += 1
                return
        self.alerts.acknowledge(actor, alert.id)
        self.happened["acknowledged"] += 1

    # -- what must be true --------------------------------------------------------------------------------------------

    def check(self, day: int) -> None:
        """Note everything that should not be."""
        unresolved = [alert for alert in self.alerts.all() if alert.state is not AlertState.RESOLVED]
        told = {(alert.kind, alert.about): alert for alert in unresolved}
        for alert in unresolved:
            if not reached(alert, self.present, self.channels):
                self.wrong.append(f"day {day}: nobody is told of {alert.key}")
        for name in self.bureau.sources:
            for kind in self.must_be_told(name):
                alert = told.get((kind, name))
                if alert is None:
                    self.wrong.append(f"day {day}: no alert {kind}/{name}")
                elif quiet_for(alert, self.now) > DAY:
                    self.wrong.append(f"day {day}: too quiet {alert.key}")
                elif self.now - max(step.at for step in alert.story if step.what in LOUD) > 2 * DAY:
                    self.wrong.append(f"day {day}: has not called {alert.key}")
            self.check_warned(name, day, told)

    def must_be_told(self, name: str) -> set[FindingKind]:
        """Give what there must be an alert for: found from the records, never from what watch or alerts say."""
        kinds = set()
        if name in self.unread or self.now - self.looked_at > LOOK_LASTS:
            kinds.add(FindingKind.UNREADABLE)
        oldest, at = self.known.get(name, (None, 0))
        if oldest is not None and oldest < self.now - LIMIT:
            seen_to_come = oldest <= at - LIMIT + LEAD
            if seen_to_come or name not in self.unread:
                kinds.add(FindingKind.OVERDUE)
        self.happened["overdue"] += FindingKind.OVERDUE in kinds
        return kinds

    def check_warned(self, name: str, day: int, told: dict[tuple[FindingKind, str], Alert]) -> None:
        """Nothing that could be seen to come passes the last moment to start without a warning."""
        oldest, _ = self.known.get(name, (None, 0))
        if oldest is None or name in self.unread or self.now < oldest + LIMIT - LEAD:
            return
        self.happened["past the start"] += 1
        if not any((kind, name) in told for kind in (FindingKind.DUE, FindingKind.OVERDUE)):
            self.wrong.append(f"day {day}: not warned {name}")


class Naive:
    """Alerts as one would write them first, each with one flaw; everything else it does right."""

    def __init__(self, parts: OfficeParts, flaw: str) -> None:
        self.parts, self.flaw = parts, flaw
        self.held: dict[str, Alert] = {}

    def all(self) -> tuple[Alert, ...]:
        """List them."""
        return tuple(self.held.values())

    def review(self, findings: Iterable[Finding], statuses: Iterable[SourceStatus], now: Instant) -> tuple[Alert, ...]:
        """Open what is found, and end what is found no more."""
        found = {f"{finding.kind}/{finding.about}": finding for finding in findings}
        unread = {status.source for status in statuses if status.reason}
        for alert in self.all():
            if alert.state is AlertState.RESOLVED:
                continue
            unseen = alert.about in unread and self.flaw != "forgets"
            if alert.key not in found and not unseen:
                self.held[alert.id] = resolve(alert, now=now)
            found.pop(alert.key, None)
        for finding in found.values():
            fact = Fact(kind=finding.kind, about=finding.about, count=finding.count)
            alert = open_alert(fact, number=len(self.held) + 1, now=now)
            self.held[alert.id] = alert
        return ()

    def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        """Make one quiet, for good where that is the flaw."""
        if self.flaw == "polite":
            service = AlertService(self.parts)
            self.parts.desk.alerts.remove(alert_id)
            self.parts.desk.alerts.add(self.held[alert_id])
            self.held[alert_id] = service.acknowledge(actor, alert_id)
        return self.held[alert_id]

    def snooze(self, actor: Actor, alert_id: str, *, until: Instant, reason: str) -> Alert:
        """Do not know how."""
        del until, reason
        return self.acknowledge(actor, alert_id)


def names() -> list[str]:
    """Name the twenty sources."""
    return [f"source-{number:02}" for number in range(20)]


def test_a_year_without_a_late_day_unsaid() -> None:
    """On each of 365 days, four times a day: overdue or unreadable means told, in time, to somebody, and not hushed."""
    with open_bureau(names(), start=START) as bureau:
        year = Year(bureau=bureau, alerts=bureau.alerts, again=AlertService)
        year.live(365)
    assert year.wrong == []
    assert min(year.happened[what] for what in ("late", "away", "purged", "acknowledged", "snoozed", "refused")) > 20
    assert min(year.happened[what] for what in ("opened", "worse", "escalated", "reminded", "woken", "resolved")) > 20
    assert min(year.happened[what] for what in ("overdue", "past the start")) > 1000


@pytest.mark.parametrize(
    ("flaw", "sign"), [("forgets", "no alert overdue"), ("polite", "too quiet overdue"), ("once", "has not called")]
)
def test_a_year_of_naive_alerts_is_found_out(flaw: str, sign: str) -> None:
    """The control: who resolves what cannot be read, stays quiet once acknowledged, or calls once, fails the year."""
    with open_bureau(names(), start=START) as bureau:
        naive = Naive(bureau.parts, flaw)
        year = Year(bureau=bureau, alerts=naive, again=lambda _: naive)
        year.live(90)
    assert any(sign in wrong for wrong in year.wrong)


def test_a_year_without_anybody_to_tell_is_found_out() -> None:
    """The control for the audience: where no role has a holder and there is no channel, the year says so."""
    with open_bureau(names()[:5], start=START) as bureau:
        bureau.holders = RoleHolders(admins=(), dpos=())
        year = Year(bureau=bureau, alerts=bureau.alerts, again=AlertService, channels=frozenset())
        year.live(30)
    assert any("nobody is told" in wrong for wrong in year.wrong)
