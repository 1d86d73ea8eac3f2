"""Tells from outside whether the bot still watches, sends and records: the second channel of its alarms (RL-16).

It reads what lies on the disk, takes no lock and needs nothing of the bot but its files, so that it works when the bot
does not. What it finds is for the operator of the host: a timer mails or pages what it prints.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.audit_report import check_audit
from bot.heartbeat import last_beat
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState
from data.errors import StateError
from data.kept import Keeping
from data.retention.instants import MINUTE, Instant, iso

SILENT_AFTER: Final = 15 * MINUTE
"""Without a finished round of the schedule."""
UNSENT_AFTER: Final = 30 * MINUTE
"""Without an urgent message having arrived (RL-16)."""
_SLACK: Final = MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is not as it should be."""

    code: str
    """A stable word."""
    found: str
    """What was found, in a sentence."""
    cure: str
    """What to do about it."""


def troubles_of(folder: Path, now: Instant, keeping: Keeping) -> tuple[Trouble, ...]:
    """Look at a state folder and at what is kept; never raises for what it finds there."""
    return (*schedule_troubles(last_beat(folder), now), *_stores(keeping, now), *_audit(keeping, folder / "keys"))


def schedule_troubles(last: Instant | None, now: Instant) -> Iterator[Trouble]:
    """Tell whether the schedule has finished a round lately."""
    cure = "see whether the bot runs (systemctl status, /readyz) and what its log says; restart it"
    if last is None:
        yield Trouble(code="never", found="the schedule has never finished a round here", cure=cure)
    elif last > now + _SLACK:
        found = f"the schedule's last round is in the future: {iso(last)}; it is {iso(now)}"
        yield Trouble(code="clock", found=found, cure="set the clock of this machine right, then look again")
    elif now - last > SILENT_AFTER:
        found = f"the schedule has finished no round for {(now - last) // MINUTE} minutes, since {iso(last)}"
        yield Trouble(code="silent", found=found, cure=cure)


def delivery_troubles(deliveries: Iterable[Delivery], alerts: Iterable[Alert], now: Instant) -> Iterator[Trouble]:
    """Tell which urgent messages have not arrived; what an alert said that is resolved need not arrive any more."""
    over = {f"alert/{alert.id}" for alert in alerts if alert.state is AlertState.RESOLVED}
    urgent = [one for one in deliveries if one.urgent and one.post != one.told_post and one.subject not in over]
    dead = [one for one in urgent if one.state is DeliveryState.DEAD]
    late = [one for one in urgent if one.state is not DeliveryState.DEAD and now - one.since > UNSENT_AFTER]
    tell = "tell the data protection officers yourself, now; then look for not_delivered in the log"
    if dead:
        yield Trouble(code="dead", found=f"{_counted(dead)} could not be delivered and was given up", cure=tell)
    if late:
        longest = max(now - one.since for one in late) // MINUTE
        found = f"{_counted(late)} has been waiting for up to {longest} minutes"
        yield Trouble(code="unsent", found=found, cure=tell)


def _counted(deliveries: list[Delivery]) -> str:
    named = ", ".join(sorted({one.subject for one in deliveries})[:5])
    reasons = ", ".join(sorted({one.error for one in deliveries if one.error})[:3])
    return f"urgent: {len(deliveries)} ({named}{'; ' + reasons if reasons else ''})"


def _stores(keeping: Keeping, now: Instant) -> Iterator[Trouble]:
    cure = "run the watchdog as the bot's own account; if that is so, see “Damage” in docs/operations.md"
    try:
        with keeping.show() as shown:
            yield from delivery_troubles(shown.desk.deliveries.all(), shown.desk.alerts.all(), now)
    except StateError as error:
        yield Trouble(code="state", found=str(error), cure=cure)


def _audit(keeping: Keeping, keys: Path) -> Iterator[Trouble]:
    cure = "purge nothing; keep a copy of the state as it is; run: python app.py audit verify"
    try:
        with keeping.audit_files() as audit:
            if not audit.exists():
                return  # nothing was ever to be recorded here
            report = check_audit(audit, keys, checkpoint=None, key=None)
    except StateError as error:
        yield Trouble(code="audit_not_checkable", found=str(error), cure=cure)
        return
    if report.exit_code:
        word = report.as_json()["verdict"]
        yield Trouble(code=f"audit_{word}", found="; ".join(report.sentences()[:3]), cure=cure)
