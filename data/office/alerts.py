"""The alerts of the office: opened, made louder and resolved by the facts; acknowledged and snoozed by people."""

from collections.abc import Iterable

from data.access import Actor
from data.desk.alert import Alert
from data.office.parts import OfficeParts
from data.retention.finding import Finding
from data.retention.instants import Instant
from data.watch import SourceStatus


class AlertService:
    """The steps of alerts; each is in the audit before it is stored."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts

    def all(self) -> tuple[Alert, ...]:
        """List all alerts, oldest number first."""
        return tuple(sorted(self._parts.desk.alerts.all(), key=lambda alert: int(alert.id)))

    def get(self, alert_id: str) -> Alert:
        """Give an alert; raises `UnknownError`."""
        return self._parts.desk.alerts.get(alert_id)

    def review(self, findings: Iterable[Finding], statuses: Iterable[SourceStatus], now: Instant) -> tuple[Alert, ...]:
        """Compare the alerts with the facts of this moment; gives those that changed. Cheap enough for every minute."""
        raise NotImplementedError

    def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        """Say that somebody has seen it; raises `RefusedError`, `UnknownError`."""
        raise NotImplementedError

    def snooze(self, actor: Actor, alert_id: str, *, until: Instant, reason: str) -> Alert:
        """Put an alert off with a reason, never past the limit; raises `RefusedError`, `UnknownError`."""
        raise NotImplementedError

    def escalate(self, actor: Actor, alert_id: str) -> Alert:
        """Send an alert to the next people now; raises `RefusedError`, `UnknownError`."""
        raise NotImplementedError
