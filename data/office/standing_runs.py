"""The runs of standing rules: begun when they are due, held against the limits of the rule, told when they fail.

A rule must not wait for people, so whatever keeps one from running is told at once, and again until it has run
(security.md 3, "Two failure directions"). A run is a purge request like any other: previewed first, then checked,
executed and verified by the same engine.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from data.access import Role
from data.audit.entry import SYSTEM, AuditEntry, Draft
from data.desk.standing import StandingRule
from data.desk.standing_steps import (
    NOTHING_TO_DO,
    Problem,
    carried_by,
    in_force,
    next_run,
    people_hold,
    problem_of,
    ran,
    yeses_of,
)
from data.errors import ClockError, ProcallError, RefusedError, SourceError, StateError, UnknownError
from data.office.parts import OfficeParts
from data.purge.people import Pseudonyms
from data.purge.service import PurgeService
from data.retention.finding import Finding, FindingKind
from data.retention.instants import HOUR, Instant
from data.retention.request import BLOCKING, PurgeRequest, State
from data.stores.interface import Person

LATE = HOUR
"""How long a run may be due, or a step of it may take, before it is told."""
_WORDS: Mapping[str, Problem] = {
    "already_open": Problem.ALREADY_OPEN,
    "blast_limit": Problem.BLAST_LIMIT,
    "expired": Problem.CHANGED,
    "superseded": Problem.CHANGED,
    "clock_backwards": Problem.CLOCK,
    "role_lost": Problem.ROLE_LOST,
    "not_in_audit": Problem.NOT_IN_AUDIT,
}


_ENDS = ("standing.rejected", "standing.stopped", "standing.replaced")


class StandingRuns:
    """What is due, what is under way, and what is in the way."""

    def __init__(self, parts: OfficeParts, purges: PurgeService) -> None:
        self._parts = parts
        self._purges = purges
        self._unstored: dict[str, tuple[Instant, Problem]] = {}
        """By rule, what could not be noted because audit or store could not be written; told all the same."""

    # -- looking ------------------------------------------------------------------------------------------------------

    def problem(self, rule: StandingRule) -> str:
        """Give why a rule's last run came to no purge, as a word of `Problem`; "" where it did, or had nothing to."""
        held = self._unstored.get(rule.id)
        return held[1].value if held else problem_of(rule, self._last(rule))

    def next_run(self, rule: StandingRule, now: Instant) -> Instant | None:
        """Give when a rule runs next; None where it is not in force."""
        active = self._in_force().get(rule.source)
        if active is None or active.id != rule.id:
            return None
        held = self._unstored.get(rule.id)
        tried = replace(rule, last_run_at=held[0]) if held else rule
        return next_run(tried, now, self.problem(rule))

    def due(self, now: Instant) -> tuple[StandingRule, ...]:
        """List the rules whose next run should have begun, each once; what is under way is not begun again."""
        return tuple(
            rule
            for rule in self._in_force().values()
            if not self._under_way(rule) and (self.next_run(rule, now) or 0) <= now
        )

    def open_runs(self) -> tuple[PurgeRequest, ...]:
        """List the runs that have begun and deleted nothing yet, also after a restart, oldest first.

        PREVIEWING ones are to be filled, PREVIEWED ones to be authorised, APPROVED ones to be run after their cooling.
        """
        stores, sources = self._parts.engine.stores, self._parts.engine.sources
        found = (request for source in sources for request in stores.requests.open_of(source))
        waits = {State.PREVIEWING, State.PREVIEWED, State.APPROVED}
        return tuple(request for request in found if request.by_rule and request.state in waits)

    def findings(self, now: Instant) -> tuple[Finding, ...]:
        """Say of each rule in force what keeps it from purging; about the source, so that a new version is no news."""
        found: list[Finding] = []
        for rule in self._in_force().values():
            problem, since = self._trouble(rule, now)
            if problem:
                found.append(
                    Finding(kind=FindingKind.STANDING_BLOCKED, about=rule.source, count=1, since=since, cause=problem)
                )
        return tuple(found)

    def _trouble(self, rule: StandingRule, now: Instant) -> tuple[str, Instant | None]:
        if rule.source not in self._parts.engine.sources:
            return Problem.SOURCE_MISSING, None
        if not self._people_hold(rule):
            return Problem.ROLE_LOST, None
        problem = self.problem(rule)
        if problem:
            return problem, rule.last_run_at
        request = self._last(rule)
        if request is not None and request.state in {State.PREVIEWING, State.PREVIEWED, State.APPROVED}:
            since = max(request.story[-1].at, request.cooling_until)
            return (Problem.STUCK, since) if now - since > LATE else ("", None)
        slot = self.next_run(rule, now)
        late = slot is not None and now - slot > LATE and not self._under_way(rule)
        return (Problem.NOT_RUN, slot) if late else ("", None)

    # -- running ------------------------------------------------------------------------------------------------------

    def begin(self, rule_id: str) -> PurgeRequest:
        """Begin the preview of a rule's run; whatever is in the way is noted and raised.

        Raises `RefusedError`, `ClockError`, `SourceError`, `StateError`, `UnknownError`.
        """
        rule = self._parts.desk.standing.get(rule_id)
        if self._in_force().get(rule.source) != rule:
            raise RefusedError("rule_ended", f"the standing rule {rule_id} is not in force")
        try:
            if not self._people_hold(rule):
                raise RefusedError("role_lost", f"somebody who agreed to {rule_id} no longer may")
            if not agreed_in_audit(rule, self._parts.engine.audit.entries(rule_id)):
                raise RefusedError("not_in_audit", f"the audit does not bear out the standing rule {rule_id}")
            request = self._purges.begin_standing(rule.source)
            noted = ran(rule, at=request.created_at, request=request.id, problem=self.problem(rule))
            self._store(noted, "standing.begun", {"request": request.id})
        except (ProcallError, OSError) as error:
            self._blocked(rule, _problem(error), request="")
            raise
        self._unstored.pop(rule_id, None)
        return request

    def authorise(self, request_id: str) -> PurgeRequest:
        """Let the preview of a rule's run go on to deletion if it keeps to the rule; otherwise close it, and say why.

        Gives the request APPROVED, or as it was closed. Raises `StateError`, `UnknownError`.
        """
        rule = next((rule for rule in self._in_force().values() if rule.last_request == request_id), None)
        if rule is None:
            return self._purges.give_up(request_id, "rule_ended")
        try:
            return self._authorise(rule, request_id)
        except (StateError, OSError):
            self._unstored[rule.id] = (self._parts.engine.guard.now(), Problem.STATE)
            raise

    def _authorise(self, rule: StandingRule, request_id: str) -> PurgeRequest:
        request = self._purges.get(request_id)
        why = self._against(rule, request)
        if why:
            closed = self._purges.give_up(request_id, why)
            self._settled(rule, "" if why == NOTHING_TO_DO else why)
            return closed
        try:
            stood = self._purges.stand(request_id, carried_by(rule), yeses_of(rule))
        except RefusedError as error:
            problem = _problem(error)
            if self._purges.get(request_id).state is State.PREVIEWED:
                self._purges.give_up(request_id, problem)
            self._blocked(rule, problem, request=request_id)
            return self._purges.get(request_id)
        self._settled(rule, "")
        return stood

    def _against(self, rule: StandingRule, request: PurgeRequest) -> str:
        """Give what speaks against this run, in a stable word; "" if nothing does."""
        selected, share = request.preview.selected, request.preview.share
        checks = {
            Problem.ROLE_LOST.value: not self._people_hold(rule),
            NOTHING_TO_DO: not (selected.units or selected.records),
            Problem.OVER_SHARE.value: share > rule.max_share,
            Problem.OVER_RECORDS.value: selected.records > rule.max_records,
        }
        return next((word for word, holds in checks.items() if holds), "")

    def _settled(self, rule: StandingRule, problem: str) -> None:
        if problem:
            self._blocked(rule, Problem(problem), request=rule.last_request)
        elif rule.last_problem:
            self._store(replace(rule, last_problem=""), "standing.unblocked")

    def _blocked(self, rule: StandingRule, problem: Problem, *, request: str) -> None:
        """Note what is in the way; where even that cannot be written it is kept in mind, and told."""
        now = self._parts.engine.guard.now()
        try:
            at = now if not request or rule.last_run_at is None else rule.last_run_at
            noted = ran(rule, at=at, request=request, problem=problem)
            self._store(noted, "standing.blocked", {"problem": problem.value})
            self._unstored.pop(rule.id, None)
        except (ProcallError, OSError):
            self._unstored[rule.id] = (now, problem)

    # -- shared -------------------------------------------------------------------------------------------------------

    def _last(self, rule: StandingRule) -> PurgeRequest | None:
        try:
            return self._purges.get(rule.last_request) if rule.last_request else None
        except UnknownError:
            return None

    def _under_way(self, rule: StandingRule) -> bool:
        request = self._last(rule)
        return request is not None and request.state in BLOCKING

    def _in_force(self) -> dict[str, StandingRule]:
        return in_force(self._parts.desk.standing.all())

    def _people_hold(self, rule: StandingRule) -> bool:
        return people_hold(rule, roles_behind(self._parts.engine.people, self._parts.engine.roles_of))

    def _store(self, rule: StandingRule, kind: str, data: Mapping[str, object] | None = None) -> StandingRule:
        return store_step(self._parts, rule, kind, by=SYSTEM, data=data)


def agreed_in_audit(rule: StandingRule, entries: Iterable[AuditEntry]) -> bool:
    """Tell whether the last that the audit says on a rule is that exactly this was agreed to, and no end of it.

    So a store that was altered, or put back from a backup, makes no rule run that people have not agreed to or ended.
    """
    turns = [entry for entry in entries if entry.kind in {"standing.active", *_ENDS}]
    return bool(turns) and turns[-1].kind == "standing.active" and turns[-1].data.get("digest") == rule.digest


def roles_behind(people: Pseudonyms, roles_of: Callable[[Person], frozenset[Role]]) -> Callable[[str], frozenset[Role]]:
    """Give what tells the roles somebody has now, by pseudonym; none for somebody who was forgotten."""

    def roles(name: str) -> frozenset[Role]:
        person = people.find(name)
        return roles_of(person) if person else frozenset()

    return roles


def record_step(parts: OfficeParts, rule: StandingRule, kind: str, *, by: str, data: Mapping[str, object]) -> None:
    """Make the audit entry of a step of a rule durable; raises `StateError`."""
    draft = Draft(kind=kind, actor=by, object=rule.id, data=data)
    parts.engine.audit.append_many([draft], allow_backward=True)


def store_step(
    parts: OfficeParts, rule: StandingRule, kind: str, *, by: str, data: Mapping[str, object] | None = None
) -> StandingRule:
    """Record a step of a rule, then store it; raises `StateError`, `ConflictError`."""
    record_step(parts, rule, kind, by=by, data=data or {"digest": rule.digest})
    return parts.desk.standing.replace(rule)


def _problem(error: Exception) -> Problem:
    if isinstance(error, ClockError):
        return Problem.CLOCK
    if isinstance(error, RefusedError):
        return _WORDS.get(error.reason, Problem.OTHER)
    kinds = ((SourceError, Problem.UNREACHABLE), (UnknownError, Problem.SOURCE_MISSING), (StateError, Problem.STATE),
             (OSError, Problem.STATE))  # fmt: skip
    return next((problem for kind, problem in kinds if isinstance(error, kind)), Problem.OTHER)
