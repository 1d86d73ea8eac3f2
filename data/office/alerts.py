"""The alerts of the office: opened, made louder and resolved by the facts; acknowledged and snoozed by people."""

from collections.abc import Iterable, Mapping

from data.access import Actor, Permission, Role
from data.audit.entry import SYSTEM, Draft
from data.desk.alert import Alert, AlertState
from data.desk.alert_steps import (
    LASTING,
    acknowledge,
    escalate,
    follow,
    is_over,
    open_alert,
    persisting,
    resolve,
    snooze,
)
from data.desk.fact import Fact, slot_of
from data.errors import ConflictError, RefusedError, StateError, UnknownError
from data.office.audience import wider
from data.office.facts import Look, look_at
from data.office.parts import OfficeParts
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, MINUTE, Instant
from data.retention.words import one_line
from data.watch import SourceStatus

KEEP_RESOLVED = 180 * DAY
"""How long a resolved alert is kept; the audit keeps that there was one."""
LEASE_GRACE = 30 * MINUTE
"""How long after its lease a purge still counts as under way: the verification does not renew it."""
LONGEST_REASON = 500
AUDIT = "audit"
"""What an alert is about where a step could not be recorded."""
_OF_PURGES = frozenset({FindingKind.LATE, FindingKind.RESURRECTED})


class AlertService:
    """The steps of alerts; each is in the audit before it is stored."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts
        self._expected: dict[str, Instant] = {}
        """By source: from when this process has been waiting for a look at it."""

    def all(self) -> tuple[Alert, ...]:
        """List all alerts, oldest number first."""
        return tuple(sorted(self._parts.desk.alerts.all(), key=lambda alert: int(alert.id)))

    def get(self, alert_id: str) -> Alert:
        """Give an alert; raises `UnknownError`."""
        return self._parts.desk.alerts.get(alert_id)

    # -- by the facts -------------------------------------------------------------------------------------------------

    def review(self, findings: Iterable[Finding], statuses: Iterable[SourceStatus], now: Instant) -> tuple[Alert, ...]:
        """Compare the alerts with the facts of this moment; gives those that changed. Cheap enough for every minute.

        Findings and statuses are those of the last look. Where none is young enough that is an alert of its own, and
        nothing is resolved. What somebody else changed meanwhile is left to the next review. Raises `StateError`.
        """
        look = self._look(findings, statuses, now)
        present = self.all()
        numbers = max((int(alert.id) for alert in present), default=0)
        facts, changed = dict(look.facts), []
        deaf = False
        for alert in present:
            if alert.state is AlertState.RESOLVED:
                self._forget_old(alert, numbers, now)
                continue
            slot = slot_of(alert.kind, alert.about)
            stored, recorded = self._renew(alert, facts.get(slot), look, now)
            if not any(after.state is AlertState.RESOLVED for after in stored):
                facts.pop(slot, None)
            deaf |= not recorded
            changed += stored
        for fact in facts.values():
            numbers += 1
            stored, recorded = self._open(fact, numbers, now)
            deaf |= not recorded
            changed += stored
        if deaf:
            changed += self._tell_of_audit(now)
        return tuple(changed)

    def _look(self, findings: Iterable[Finding], statuses: Iterable[SourceStatus], now: Instant) -> Look:
        parts = self._parts
        for source in parts.engine.sources:
            self._expected.setdefault(source, now)
        return look_at(
            (finding for finding in findings if not self._is_under_way(finding, now)),
            (status for status in statuses if status.source in parts.engine.sources),
            now=now,
            warn_days=parts.warn_days,
            mark_of=parts.engine.stores.marks.mark_of,
            since=self._expected,
        )

    def _is_under_way(self, finding: Finding, now: Instant) -> bool:
        """Tell whether a purge that looks interrupted is just running."""
        if finding.kind is not FindingKind.PURGE_INTERRUPTED:
            return False
        try:
            return now < self._parts.engine.stores.requests.get(finding.about).lease.until + LEASE_GRACE
        except UnknownError:
            return False

    def _renew(self, alert: Alert, fact: Fact | None, look: Look, now: Instant) -> tuple[list[Alert], bool]:
        """Take the step that is due, if any; what cannot be recorded as over goes on."""
        known = fact or persisting(alert, self._parts.warn_days, now)
        goes_on = self._wider(alert, follow(alert, known, now=now, escalate_after=self._parts.escalate_after))
        over = fact is not None and alert.about in look.seen and is_over(alert, fact)
        if not over and not (fact is None and self._may_end(alert, look)):
            return self._keep(alert, goes_on)
        ended = resolve(alert, now=now)
        if self._tried_to_record(ended):
            return self._store(ended), True
        return self._keep(alert, goes_on)[0], False

    def _may_end(self, alert: Alert, look: Look) -> bool:
        """Tell whether what is not found any more is over: only if somebody could have found it."""
        acknowledged = alert.state is AlertState.ACKNOWLEDGED
        if alert.kind in LASTING and not acknowledged:
            return False
        if not alert.source or alert.source != alert.about:
            return look.looked or not self._parts.engine.sources
        if alert.about not in self._parts.engine.sources:
            return acknowledged  # nobody looks at it any more, and somebody has to know
        blind = alert.kind in _OF_PURGES and alert.about in look.forgetful
        return alert.about in look.seen and not blind

    def _open(self, fact: Fact, number: int, now: Instant) -> tuple[list[Alert], bool]:
        source, data_kind = self._place_of(fact.about)
        alert = open_alert(fact, number=number, now=now, source=source, data_kind=data_kind)
        recorded = self._tried_to_record(alert)
        try:
            return [self._parts.desk.alerts.add(alert)], recorded
        except ConflictError:
            return [], recorded

    def _keep(self, before: Alert, after: Alert) -> tuple[list[Alert], bool]:
        """Store a step that goes on with an alert, recorded or not: nothing may keep it from getting louder."""
        if after is before:
            return [], True
        recorded = after.story == before.story or self._tried_to_record(after)
        return self._store(after), recorded

    def _store(self, after: Alert) -> list[Alert]:
        try:
            return [self._parts.desk.alerts.replace(after)]
        except (ConflictError, UnknownError):
            return []

    def _tell_of_audit(self, now: Instant) -> list[Alert]:
        """Get loud about an audit that records nothing: the other alerts have been raised without it."""
        fact = Fact(kind=FindingKind.AUDIT_BROKEN, about=AUDIT, count=1, since=now, cause="not_recorded")
        present = self.all()
        if any(alert.state is not AlertState.RESOLVED and alert.key == fact.slot for alert in present):
            return []
        return self._open(fact, max((int(alert.id) for alert in present), default=0) + 1, now)[0]

    def _forget_old(self, alert: Alert, newest: int, now: Instant) -> None:
        """Remove what was resolved long ago; the newest number stays, so that none is given twice."""
        if now - alert.changed_at > KEEP_RESOLVED and int(alert.id) < newest:
            self._parts.desk.alerts.remove(alert.id)

    def _place_of(self, about: str) -> tuple[str, str]:
        """Give source and kind of data behind a source, a request or a standing rule; "" where there are none."""
        engine = self._parts.engine
        source = about
        if about not in engine.sources:
            rule = self._parts.desk.standing.find(about)
            source = rule.source if rule else self._source_of_request(about)
        return source, engine.rules[source].data_kind.value if source in engine.rules else ""

    def _source_of_request(self, about: str) -> str:
        try:
            return self._parts.engine.stores.requests.get(about).source
        except UnknownError:
            return ""

    # -- by people ----------------------------------------------------------------------------------------------------

    def acknowledge(self, actor: Actor, alert_id: str) -> Alert:
        """Say that somebody has seen it; raises `RefusedError`, `UnknownError`, `StateError`.

        What cannot be undone is for a data protection officer to acknowledge, where there is one (FE-20).
        """
        role = self._role_of(actor)
        alert = self.get(alert_id)
        if alert.kind in LASTING and role is not Role.DPO and self._parts.holders().dpos:
            raise RefusedError("needs_dpo", f"alert {alert.id} is for a data protection officer to acknowledge")
        by = self._parts.engine.people.of(actor)
        return self._act(alert, acknowledge(alert, by=by, role=role.value, now=self._now()), by)

    def snooze(self, actor: Actor, alert_id: str, *, until: Instant, reason: str) -> Alert:
        """Put an alert off with a reason, never past the limit; raises `RefusedError`, `UnknownError`, `StateError`."""
        role = self._role_of(actor)
        alert = self.get(alert_id)
        by = self._parts.engine.people.of(actor)
        why = one_line(reason, most=LONGEST_REASON)
        asleep = snooze(alert, until=until, reason=why, by=by, role=role.value, now=self._now())
        return self._act(alert, asleep, by, {"until": until})

    def escalate(self, actor: Actor, alert_id: str) -> Alert:
        """Send an alert to the next people now; raises `RefusedError`, `UnknownError`, `StateError`."""
        role = self._role_of(actor)
        alert = self.get(alert_id)
        by = self._parts.engine.people.of(actor)
        return self._act(alert, self._wider(alert, escalate(alert, by=by, role=role.value, now=self._now())), by)

    def _wider(self, before: Alert, after: Alert) -> Alert:
        return wider(before, after, self._parts.holders(), self._parts.channels)

    def _act(self, before: Alert, after: Alert, by: str, more: Mapping[str, object] | None = None) -> Alert:
        if after is before:
            return before
        self._record(after, by, more or {})
        return self._parts.desk.alerts.replace(after)

    def _role_of(self, actor: Actor) -> Role:
        """Give the role in which somebody acts; raises `RefusedError` for somebody who may not."""
        if not actor.may(Permission.HANDLE_ALERT):
            raise RefusedError("not_allowed", "your role does not allow this")
        return Role.DPO if Role.DPO in actor.roles else Role.ADMIN

    # -- shared -------------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        # Nothing here deletes anything, so a clock that cannot be trusted must not keep an alert from being handled.
        return self._parts.engine.guard.now()

    def _tried_to_record(self, alert: Alert) -> bool:
        try:
            self._record(alert, SYSTEM, {})
        except StateError:
            return False
        return True

    def _record(self, alert: Alert, by: str, more: Mapping[str, object]) -> None:
        data = {
            "kind": alert.kind.value,
            "about": alert.about,
            "count": alert.count,
            "stage": alert.stage,
            "level": alert.level,
        }
        kind = f"alert.{alert.story[-1].what}"
        draft = Draft(kind=kind, actor=by, object=f"alert/{alert.id}", data={**data, **more})
        self._parts.engine.audit.append_many([draft], allow_backward=True)
