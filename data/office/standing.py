"""The standing rules of the office: proposed, approved, acknowledged, run when they are due, switched off by two."""

from data.access import Actor
from data.desk.standing import StandingRule
from data.office.parts import OfficeParts
from data.retention.instants import Instant


class StandingService:
    """The steps of standing rules; each is in the audit before it is stored."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts

    def all(self) -> tuple[StandingRule, ...]:
        """List all versions of all rules, by source and number."""
        return tuple(sorted(self._parts.desk.standing.all(), key=lambda rule: (rule.source, rule.number)))

    def get(self, rule_id: str) -> StandingRule:
        """Give one version of a rule; raises `UnknownError`."""
        return self._parts.desk.standing.get(rule_id)

    def due(self, now: Instant) -> tuple[StandingRule, ...]:
        """List the rules whose next run should have begun."""
        raise NotImplementedError

    def propose(
        self, actor: Actor, source: str, *, every_days: int, at_minute: int, max_share: float, max_records: int
    ) -> StandingRule:
        """Propose a rule, or a new version of one; raises `RefusedError`, `UnknownError`."""
        raise NotImplementedError
