"""The standing rules of the office: proposed, approved and acknowledged by three people, switched off by two."""

from collections.abc import Callable

from data.access import Actor, Permission, Role
from data.desk.delivery import Want
from data.desk.standing import StandingRule, StandingState
from data.desk.standing_steps import (
    Terms,
    acknowledge,
    approve,
    ask_stop,
    carried_by,
    confirm_stop,
    in_force,
    people_hold,
    propose,
    reject,
    replaced,
)
from data.errors import RefusedError, UnknownError
from data.office.parts import OfficeParts, RoleHolders
from data.office.standing_runs import StandingRuns, record_step, roles_behind, store_step
from data.purge.people import Pseudonyms
from data.purge.service import PurgeService
from data.retention.instants import DAY, Instant
from data.stores.desk import Shelf
from data.stores.interface import Person

TOLD_FOR = 7 * DAY
"""How long the end of a rule is news."""


class StandingService:
    """The steps of standing rules; each is in the audit before it is stored."""

    def __init__(self, parts: OfficeParts, purges: PurgeService) -> None:
        self._parts = parts
        self.runs = StandingRuns(parts, purges)
        """What is due, what is under way, and what is in the way."""

    # -- looking ------------------------------------------------------------------------------------------------------

    def all(self) -> tuple[StandingRule, ...]:
        """List all versions of all rules, by source and number."""
        return tuple(sorted(self._parts.desk.standing.all(), key=lambda rule: (rule.source, rule.number)))

    def get(self, rule_id: str) -> StandingRule:
        """Give one version of a rule; raises `UnknownError`."""
        return self._parts.desk.standing.get(rule_id)

    # -- agreeing -----------------------------------------------------------------------------------------------------

    def propose(self, actor: Actor, source: str, terms: Terms) -> StandingRule:
        """Propose a rule, or a new version of one; raises `RefusedError`, `UnknownError`."""
        self._allow(actor, Permission.RUN_PURGE)
        engine = self._parts.engine
        if source not in engine.sources:
            raise UnknownError(f"there is no source {source[:40]!r}")
        by, now = engine.people.of(actor), self._now()
        check_enough(self._parts.holders(), by)
        proposed = propose(self.all(), source, terms, by=by, now=now, care=engine.care)
        limits = {
            "every_days": proposed.every_days,
            "at_minute": proposed.at_minute,
            "max_share": proposed.max_share,
            "max_records": proposed.max_records,
        }
        record_step(self._parts, proposed, "standing.proposed", by=by, data={"digest": proposed.digest, **limits})
        return self._parts.desk.standing.add(proposed)

    def approve(self, actor: Actor, rule_id: str) -> StandingRule:
        """Approve a proposal, as another admin; raises `RefusedError`, `UnknownError`."""
        self._allow(actor, Permission.RUN_PURGE)
        by = self._parts.engine.people.of(actor)
        return self._store(approve(self.get(rule_id), by=by, now=self._now()), "standing.approved", by)

    def acknowledge(self, actor: Actor, rule_id: str) -> StandingRule:
        """Acknowledge an approved proposal, as a DPO; it runs from here on, and the version before does not."""
        self._allow_dpo(actor)
        by, now = self._parts.engine.people.of(actor), self._now()
        acknowledged = acknowledge(self.get(rule_id), by=by, now=now)
        if not people_hold(acknowledged, self._roles_of):
            raise RefusedError("role_lost", f"somebody who agreed to {rule_id} no longer may")
        active = self._store(acknowledged, "standing.active", by)
        for old in self.all():
            if old.source == active.source and old.number < active.number and old.runs:
                self._store(replaced(old, by=by, now=now), "standing.replaced", by)
        return active

    def reject(self, actor: Actor, rule_id: str) -> StandingRule:
        """Say no to a proposal, or to switching a rule off; any admin or DPO may. Raises `RefusedError`."""
        self._allow(actor, Permission.HANDLE_ALERT)
        by, rule = self._parts.engine.people.of(actor), self.get(rule_id)
        said = reject(rule, by=by, now=self._parts.engine.guard.now())
        return self._store(said, "standing.rejected" if said.state is StandingState.REJECTED else "standing.kept", by)

    def stop(self, actor: Actor, rule_id: str) -> StandingRule:
        """Ask to switch a rule off or, as somebody of the other role, do so; raises `RefusedError`, `UnknownError`."""
        step = self.ask_stop if self.get(rule_id).state is StandingState.ACTIVE else self.confirm_stop
        return step(actor, rule_id)

    def ask_stop(self, actor: Actor, rule_id: str) -> StandingRule:
        """Ask to switch a rule off, as an admin or DPO; it goes on until another one agrees."""
        self._allow(actor, Permission.HANDLE_ALERT)
        by = self._parts.engine.people.of(actor)
        asked = ask_stop(self.get(rule_id), by=by, now=self._parts.engine.guard.now())
        return self._store(asked, "standing.stop_asked", by)

    def confirm_stop(self, actor: Actor, rule_id: str) -> StandingRule:
        """Switch a rule off that somebody of the other role has asked to; raises `RefusedError`, `UnknownError`."""
        self._allow(actor, Permission.HANDLE_ALERT)
        by, rule = self._parts.engine.people.of(actor), self.get(rule_id)
        said = confirm_stop(
            rule,
            by=by,
            roles=actor.roles,
            asker_roles=self._roles_of(rule.stop_asked_by),
            now=self._parts.engine.guard.now(),
        )
        return self._store(
            said, "standing.stopped" if said.state is StandingState.STOPPED else "standing.stop_asked", by
        )

    # -- shared -------------------------------------------------------------------------------------------------------

    def _roles_of(self, name: str) -> frozenset[Role]:
        return roles_behind(self._parts.engine.people, self._parts.engine.roles_of)(name)

    def _store(self, rule: StandingRule, kind: str, by: str) -> StandingRule:
        return store_step(self._parts, rule, kind, by=by)

    def _now(self) -> Instant:
        return self._parts.engine.guard.check(last_entry=self._parts.engine.audit.last.at)

    def _allow(self, actor: Actor, permission: Permission) -> None:
        if not actor.may(permission):
            raise RefusedError("not_allowed", "your role does not allow this")

    def _allow_dpo(self, actor: Actor) -> None:
        if Role.DPO not in actor.roles:
            raise RefusedError("dpo_only", "only a data protection officer acknowledges a standing rule")


def check_enough(holders: RoleHolders, proposer: str) -> None:
    """Refuse a proposal that nobody could agree to: it takes another admin and a DPO; raises `RefusedError`."""
    admins, dpos = set(holders.admins) - {proposer}, set(holders.dpos) - {proposer}
    if not any(admin != dpo for admin in admins for dpo in dpos):
        raise RefusedError("too_few", "a standing rule takes two admins and a data protection officer, three people")


def rule_carries(
    rules: Shelf[StandingRule], people: Pseudonyms, roles_of: Callable[[Person], frozenset[Role]]
) -> Callable[[str], bool]:
    """Give what tells the engine whether a rule, as `id:digest`, is in force and its people have their roles."""
    roles = roles_behind(people, roles_of)

    def carries(carried: str) -> bool:
        active = (rule for rule in in_force(rules.all()).values() if carried_by(rule) == carried)
        rule = next(active, None)
        return rule is not None and people_hold(rule, roles)

    return carries


def wants_of_standing(rule: StandingRule, holders: RoleHolders, now: Instant) -> tuple[Want, ...]:
    """Say who should have a rule's card: the proposer and the admins, the DPOs once it is their turn, all of an end.

    An end is told for a week: whoever becomes admin later is spared what is long over.
    """
    ended = not rule.runs and rule.state not in {StandingState.PROPOSED, StandingState.APPROVED}
    if ended and now - rule.story[-1].at > TOLD_FOR:
        return ()
    loud = max((n for n, step in enumerate(rule.story) if step.state is not StandingState.REPLACED), default=0)
    state = rule.story[loud].state
    agreed = bool(rule.approved_by)
    admins = dict.fromkeys((rule.proposed_by, *holders.admins), 0 if state is StandingState.APPROVED else loud)
    dpos = dict.fromkeys(holders.dpos, loud) if agreed else {}
    return tuple(
        Want(
            subject=f"standing/{rule.id}",
            recipient=name,
            post=f"{post}",
            shown=f"{rule.face}-{rule.last_run_at or 0}-{rule.last_problem}",
            urgent=state in {StandingState.STOPPING, StandingState.STOPPED},
        )
        for name, post in (admins | dpos).items()
    )
