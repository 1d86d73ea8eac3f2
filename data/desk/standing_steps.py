"""The steps and the times of a standing rule: pure, each checked (purge.md 6.7; security.md 3).

Three people stand behind a rule: an admin proposes it, another admin approves it, a DPO acknowledges it. An admin and a
DPO together switch it off. A newer version takes its place only when it has all three, too.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

from data.access import Permission, Role, permissions_of
from data.desk.standing import StandingRule, StandingState, StandingStep
from data.errors import RefusedError
from data.retention.instants import DAY, HOUR, MINUTE, Instant
from data.retention.request import BLOCKING, STANDING_RULE, Approval, PurgeRequest, State
from data.retention.rule import Care

LONGEST_EVERY: Final = 30
"""Days: the margin of the retention rule is a matter of days, so a rule that runs more rarely is none."""
_LAST_MINUTE: Final = 24 * 60 - 1
MOST_RECORDS: Final = 10**15
NOTHING_TO_DO: Final = "nothing_to_do"
"""Why a run ends that found nothing old: the one end without a purge that is no problem."""


@unique
class Problem(StrEnum):
    """Why a standing rule did not purge when it should have."""

    NOT_RUN = "not_run"
    """It was due, and nothing began."""
    STUCK = "stuck"
    """It began, and did not get on for an hour."""
    SOURCE_MISSING = "source_missing"
    UNREACHABLE = "unreachable"
    CLOCK = "clock"
    ALREADY_OPEN = "already_open"
    STATE = "state"
    """Audit or store could not be written."""
    ROLE_LOST = "role_lost"
    """One of the three people no longer has the role, or was forgotten."""
    NOT_IN_AUDIT = "not_in_audit"
    """The audit does not know it as agreed to, or knows its end: the store was altered, or is an old copy."""
    OVER_SHARE = "over_share"
    OVER_RECORDS = "over_records"
    BLAST_LIMIT = "blast_limit"
    """It would have taken more than any purge may."""
    CHANGED = "changed"
    """Holds, rule or configuration changed after the preview."""
    PREVIEW_FAILED = "preview_failed"
    STOPPED_BY_HAND = "stopped_by_hand"
    """Somebody took this one run back before it deleted anything."""
    OTHER = "other"


_OF_STATE: Final[Mapping[State, Problem]] = {
    State.PREVIEW_FAILED: Problem.PREVIEW_FAILED,
    State.EXPIRED: Problem.CHANGED,
    State.SUPERSEDED: Problem.CHANGED,
    State.WITHDRAWN: Problem.STOPPED_BY_HAND,
    State.REJECTED: Problem.STOPPED_BY_HAND,
    State.REVOKED: Problem.STOPPED_BY_HAND,
    State.CANCELLED: Problem.STOPPED_BY_HAND,
}
_NEEDS_PEOPLE: Final = frozenset({Problem.OVER_SHARE, Problem.OVER_RECORDS, Problem.BLAST_LIMIT, Problem.NOT_IN_AUDIT})
"""Trying again within the hour changes nothing; a day later somebody may have purged by hand."""


# -- agreeing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingLimits:
    """What a rule does by itself, and how much of it."""

    every_days: int
    at_minute: int
    """Minute of the day in UTC."""
    max_share: float
    max_records: int


def propose(
    existing: Iterable[StandingRule], source: str, limits: StandingLimits, *, by: str, now: Instant, care: Care
) -> StandingRule:
    """Propose the first rule of a source, or its next version; `existing` are all rules. Raises `RefusedError`."""
    _check_name(by)
    check_limits(limits, care)
    versions = [rule for rule in existing if rule.source == source]
    if any(rule.state in {StandingState.PROPOSED, StandingState.APPROVED} for rule in versions):
        raise RefusedError("already_proposed", f"a standing rule for {source} waits for somebody's yes already")
    number = max((rule.number for rule in versions), default=0) + 1
    return StandingRule(
        id=f"{source}.{number}",
        source=source,
        number=number,
        every_days=limits.every_days,
        at_minute=limits.at_minute,
        max_share=round(limits.max_share, 6),
        max_records=limits.max_records,
        state=StandingState.PROPOSED,
        proposed_by=by,
        proposed_at=now,
        story=(StandingStep(state=StandingState.PROPOSED, at=now, by=by),),
    )


def check_limits(limits: StandingLimits, care: Care) -> None:
    """Refuse what no rule may do by itself; raises `RefusedError`."""
    if not 1 <= limits.every_days <= LONGEST_EVERY:
        raise RefusedError("bad_interval", f"a standing rule runs every 1 to {LONGEST_EVERY} days")
    if not 0 <= limits.at_minute <= _LAST_MINUTE:
        raise RefusedError("bad_time", f"the time of day is a minute from 0 to {_LAST_MINUTE}")
    if not (0 < limits.max_share <= care.max_share and round(limits.max_share, 6) > 0):
        raise RefusedError("bad_share", f"the share is larger than 0, at most purge.max_share ({care.max_share})")
    if not 1 <= limits.max_records <= MOST_RECORDS:
        raise RefusedError("bad_records", f"a standing rule takes 1 to {MOST_RECORDS} records at once")


def approve(rule: StandingRule, *, by: str, now: Instant) -> StandingRule:
    """Let another admin say yes; then a DPO has to. Raises `RefusedError`."""
    _check_yes(rule, StandingState.PROPOSED, by, now, others={rule.proposed_by})
    return replace(_step(rule, StandingState.APPROVED, by=by, now=now), approved_by=by)


def acknowledge(rule: StandingRule, *, by: str, now: Instant) -> StandingRule:
    """Let a DPO who has no part in it yet say yes; from here on it purges by itself. Raises `RefusedError`."""
    _check_yes(rule, StandingState.APPROVED, by, now, others={rule.proposed_by, rule.approved_by})
    return replace(_step(rule, StandingState.ACTIVE, by=by, now=now), acknowledged_by=by)


def _check_yes(rule: StandingRule, state: StandingState, by: str, now: Instant, *, others: set[str]) -> None:
    _check_state(rule, state)
    _check_name(by)
    if by in others:
        raise RefusedError("own_rule", "whoever has agreed to a standing rule already is no further person")
    if now < rule.story[-1].at:
        raise RefusedError("clock_backwards", "the clock stands before the last step of this rule")


def reject(rule: StandingRule, *, by: str, now: Instant) -> StandingRule:
    """Say no to a proposal, or to switching a rule off, which then goes on. Raises `RefusedError`."""
    _check_name(by)
    if rule.state is StandingState.STOPPING:
        return replace(_step(rule, StandingState.ACTIVE, by=by, now=now), stop_asked_by="")
    _check_state(rule, StandingState.PROPOSED, StandingState.APPROVED)
    return _step(rule, StandingState.REJECTED, by=by, now=now)


def replaced(rule: StandingRule, *, by: str, now: Instant) -> StandingRule:
    """End a version whose successor has become active. Raises `RefusedError`."""
    _check_state(rule, StandingState.ACTIVE, StandingState.STOPPING)
    return _step(rule, StandingState.REPLACED, by=by, now=now)


# -- switching off ----------------------------------------------------------------------------------------------------


def ask_stop(rule: StandingRule, *, by: str, now: Instant) -> StandingRule:
    """Ask to switch a rule off; until somebody of the other role agrees it goes on. Raises `RefusedError`."""
    _check_state(rule, StandingState.ACTIVE)
    _check_name(by)
    return replace(_step(rule, StandingState.STOPPING, by=by, now=now), stop_asked_by=by)


def confirm_stop(
    rule: StandingRule, *, by: str, roles: frozenset[Role], asker_roles: frozenset[Role], now: Instant
) -> StandingRule:
    """Switch a rule off: of the two people one is an admin and the other a DPO, both now. Raises `RefusedError`.

    Where the first has lost the role, the second takes that place, and somebody else has to agree.
    """
    _check_state(rule, StandingState.STOPPING)
    _check_name(by)
    if by == rule.stop_asked_by:
        raise RefusedError("own_stop", "switching a standing rule off takes a second person")
    if not asker_roles & {Role.ADMIN, Role.DPO}:
        return replace(_step(rule, StandingState.STOPPING, by=by, now=now), stop_asked_by=by)
    both = ((Role.ADMIN in asker_roles and Role.DPO in roles), (Role.DPO in asker_roles and Role.ADMIN in roles))
    if not any(both):
        raise RefusedError("same_role", "of the two who switch a standing rule off one is an admin, the other a DPO")
    return _step(rule, StandingState.STOPPED, by=by, now=now)


# -- who, and whether -------------------------------------------------------------------------------------------------


def in_force(rules: Iterable[StandingRule]) -> dict[str, StandingRule]:
    """Give, by source, the version that purges by itself now.

    Only the newest that was ever acknowledged can: what it replaced never comes back, whatever a crash has left.
    """
    newest: dict[str, StandingRule] = {}
    for rule in rules:
        if rule.acknowledged_by and (rule.source not in newest or newest[rule.source].number < rule.number):
            newest[rule.source] = rule
    return {source: rule for source, rule in newest.items() if rule.runs}


def carried_by(rule: StandingRule) -> str:
    """Give what a purge carries that a rule stands for: its id and the digest of what was agreed to."""
    return f"{rule.id}:{rule.digest}"


def yeses_of(rule: StandingRule) -> tuple[Approval, ...]:
    """Give whose yes a rule carries, and when it was given."""
    at = {step.by: step.at for step in reversed(rule.story)}
    people = (rule.proposed_by, rule.approved_by, rule.acknowledged_by)
    return tuple(Approval(by=name, at=at.get(name, rule.proposed_at), digest=rule.digest) for name in people if name)


def people_hold(rule: StandingRule, roles_of: Callable[[str], frozenset[Role]]) -> bool:
    """Tell whether the three are three people, and each still has the role it took."""
    admins = (rule.proposed_by, rule.approved_by)
    if len({*admins, rule.acknowledged_by} - {""}) != len(admins) + 1:
        return False
    may = all(Permission.RUN_PURGE in permissions_of(roles_of(name)) for name in admins)
    return may and Role.DPO in roles_of(rule.acknowledged_by)


# -- when -------------------------------------------------------------------------------------------------------------


def ran(rule: StandingRule, *, at: Instant, request: str, problem: str) -> StandingRule:
    """Note that a run was begun, with its request if it came to one, and what is in its way."""
    return replace(rule, last_run_at=at, last_request=request, last_problem=problem)


def next_run(rule: StandingRule, now: Instant, problem: str = "") -> Instant:
    """Give when a rule that is in force should run next; an instant that has passed means now.

    Its time of day, so many days after the day of its last run; many missed days are one run (RL-24). After a problem
    it tries again within the hour, or the day where only people can help. A last run in the future was a wrong clock's.
    """
    begun = next((step.at for step in rule.story if step.state is StandingState.ACTIVE), rule.proposed_at)
    last = rule.last_run_at
    if (begun if last is None else last) > now:
        return now
    if last is None:
        return _slot_before(begun - 1, rule.at_minute) + DAY
    regular = _slot_before(last, rule.at_minute) + rule.every_days * DAY
    if not problem or problem == Problem.STOPPED_BY_HAND:
        return regular
    return min(regular, last + (DAY if problem in _NEEDS_PEOPLE else HOUR))


def _slot_before(instant: Instant, minute: int) -> Instant:
    """Give the last time of day, at the instant or before it."""
    offset = minute * MINUTE
    return (instant - offset) // DAY * DAY + offset


def problem_of(rule: StandingRule, request: PurgeRequest | None) -> str:
    """Give why the last run came to no purge, or ""; `request` is the run's, where it had one.

    What was wrong before is said until a run is let through: an attempt alone mends nothing.
    """
    if request is None or request.state in BLOCKING:
        return rule.last_problem
    last = request.story[-1]
    if request.state is State.WITHDRAWN and last.by == STANDING_RULE:
        return "" if last.reason == NOTHING_TO_DO else last.reason
    found = _OF_STATE.get(request.state)
    return found.value if found else ""


# -- shared -----------------------------------------------------------------------------------------------------------


def _step(rule: StandingRule, state: StandingState, *, by: str, now: Instant) -> StandingRule:
    # Saying no needs no trustworthy clock; a yes is checked before.
    at = max(now, rule.story[-1].at)
    return replace(rule, state=state, story=(*rule.story, StandingStep(state=state, at=at, by=by)))


def _check_state(rule: StandingRule, *states: StandingState) -> None:
    if rule.state not in states:
        raise RefusedError("rule_state", f"the standing rule {rule.id} is {rule.state}: this is not possible now")


def _check_name(by: str) -> None:
    if not by:
        raise RefusedError("nobody", "nobody in particular cannot agree to anything")
