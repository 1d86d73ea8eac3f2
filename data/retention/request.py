"""A stored request for a purge and every step it can take: pure, each step checked (purge.md 6.5, security.md 3)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from data.access import Role
from data.errors import RefusedError
from data.retention.instants import Instant
from data.retention.rule import Care, DataKind, may_suffice
from data.retention.scope import code_of, same_code
from data.retention.words import says_something


@unique
class State(StrEnum):
    """Where a request stands."""

    DRAFT = "draft"
    PREVIEWING = "previewing"
    PREVIEWED = "previewed"
    PREVIEW_FAILED = "preview_failed"
    AWAITING_SECOND = "awaiting_second"
    APPROVED = "approved"
    COOLING = "cooling"
    EXECUTING = "executing"
    PAUSED = "paused"
    STOPPING = "stopping"
    VERIFYING = "verifying"
    PENDING_PHYSICAL = "pending_physical"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    CLOSED_CLEAN = "closed_clean"
    CLOSED_WITH_RESIDUE = "closed_with_residue"
    CLOSED_PARTIAL = "closed_partial"
    CLOSED_FAILED = "closed_failed"
    CLOSED_UNVERIFIED = "closed_unverified"


WAITING: Final = frozenset({State.PREVIEWED, State.AWAITING_SECOND, State.APPROVED, State.COOLING})
"""Nothing was deleted yet, and something still may be."""
RUNNING: Final = frozenset({State.EXECUTING, State.PAUSED, State.STOPPING, State.VERIFYING})
"""Something may have been deleted: these go on after a crash."""
BLOCKING: Final = WAITING | RUNNING | {State.DRAFT, State.PREVIEWING}
"""Keeps another purge of the same source from beginning."""
OPEN: Final = BLOCKING | {State.PENDING_PHYSICAL}
"""Not at its end; what waits for its physical end is in nobody's way."""
CLOSED: Final = frozenset(State) - OPEN
NOBODY: Final[Mapping[str, Collection[Role]]] = MappingProxyType({})
"""The roles of nobody: where a role has to approve, an approver of unknown roles does not count."""
_NEEDS_A_YES: Final = frozenset({State.AWAITING_SECOND, State.APPROVED, State.COOLING})
STANDING_RULE: Final = "standing"
"""Stands as requester where a standing rule began the purge: no pseudonym of a person can be this word."""
STANDING_PEOPLE: Final = 3
"""Whose yes a standing rule carries: who proposed it, who approved it, who acknowledged it."""

_VERIFIED: Final = frozenset(state for state in State if state.startswith("closed_"))

STEPS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.DRAFT: frozenset({State.PREVIEWING}),
        State.PREVIEWING: frozenset({State.PREVIEWED, State.PREVIEW_FAILED}),
        State.PREVIEWED: frozenset(
            {State.AWAITING_SECOND, State.APPROVED, State.EXPIRED, State.SUPERSEDED, State.WITHDRAWN}
        ),
        State.AWAITING_SECOND: frozenset(
            {State.APPROVED, State.COOLING, State.EXPIRED, State.SUPERSEDED, State.WITHDRAWN, State.REJECTED}
        ),
        State.APPROVED: frozenset(
            {State.EXECUTING, State.REVOKED, State.CANCELLED, State.SUPERSEDED, State.EXPIRED, State.WITHDRAWN}
        ),
        State.COOLING: frozenset(
            {State.EXECUTING, State.REVOKED, State.CANCELLED, State.SUPERSEDED, State.EXPIRED, State.WITHDRAWN}
        ),
        State.EXECUTING: frozenset({State.EXECUTING, State.PAUSED, State.STOPPING, State.VERIFYING}),
        State.PAUSED: frozenset({State.EXECUTING, State.STOPPING}),
        State.STOPPING: frozenset({State.STOPPING, State.VERIFYING}),
        State.VERIFYING: _VERIFIED | {State.VERIFYING, State.PENDING_PHYSICAL},
        State.PENDING_PHYSICAL: frozenset({State.VERIFYING, State.CLOSED_UNVERIFIED}),
    }
)
"""Which state may follow which; whatever is not here cannot happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's yes to exactly one scope, or to one version of a standing rule."""

    by: str
    at: Instant
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a request's story."""

    state: State
    at: Instant
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """How much a preview selected."""

    units: int = 0
    records: int = 0
    bytes: int = 0
    oldest: Instant | None = None
    youngest: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays, and why."""

    units: int = 0
    records: int = 0
    bytes: int = 0
    oldest: Instant | None = None
    """Lowest end of an interval among the records that stay: the youngest kept neighbour of what goes."""
    held: int = 0
    active: int = 0
    future: int = 0
    undatable: int = 0
    unparsed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a purge would do, as shown to people and bound by the scope digest."""

    selected: Selected = Selected()
    rewritten_units: int = 0
    kept: Kept = Kept()
    residue: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, int] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    root: str = ""
    rows: int = 0
    controls: str = ""
    """Merkle root of the list of young units that are looked at before and after."""
    spared: str = ""
    """Merkle root of the list of units with old records that were left on purpose."""
    expires_at: Instant = 0
    """When the code stops being good for a confirmation."""
    confidence: float = 1.0
    """Share of the lines of the selected units that their families explain."""

    @property
    def share(self) -> float:
        """Give the selected share of the source's records, 0 to 1."""
        total = self.selected.records + self.kept.records
        return self.selected.records / total if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """How much a purge has removed."""

    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who executes, with a number that only grows: an older holder deletes nothing more."""

    holder: str = ""
    fence: int = 0
    until: Instant = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRequest:
    """One stored request with its whole story; people are pseudonyms."""

    id: str
    source: str
    data_kind: DataKind
    state: State
    requester: str
    created_at: Instant
    cutoff: Instant = 0
    limit: Instant = 0
    expires_at: Instant = 0
    """When the present step runs out; while a release is waited for, when it is looked at again."""
    release_at: Instant = 0
    """When the engine should have released the storage; 0 where it releases at once, or nothing was deleted yet."""
    rule_digest: str = ""
    care_digest: str = ""
    holds_digest: str = ""
    config_digest: str = ""
    connector: str = ""
    digest: str = ""
    """The scope digest."""
    preview: Preview = Preview()
    confirmed_by: str = ""
    approvals: tuple[Approval, ...] = ()
    break_glass: bool = False
    standing: str = ""
    """Id and digest of the standing rule that carries this purge, as `app-logs.1:digest`; "" where people do."""
    reason: str = ""
    cooling_until: Instant = 0
    lease: Lease = Lease()
    results: Mapping[str, int] = field(default_factory=dict)
    """Units by what became of them."""
    gone: Gone = Gone()
    lost: int = 0
    """Young units that were missing after the purge: an incident of its own."""
    verdict: str = ""
    certificate: str = ""
    story: tuple[Step, ...] = ()
    version: int = 0
    """Raised by the store with each change; a step on an older version is a conflict."""

    @property
    def code(self) -> str:
        """Give the code people see; "" before the preview is done."""
        return code_of(self.digest) if self.digest else ""

    @property
    def by_rule(self) -> bool:
        """Tell whether a standing rule began it, so that nobody in particular has asked for it."""
        return self.requester == STANDING_RULE


def move(request: PurgeRequest, state: State, *, by: str, now: Instant, reason: str = "") -> PurgeRequest:
    """Take one step of the table that needs nobody's yes; raises `RefusedError` for any other.

    What needs one goes through `confirm`, `approve`, `break_glass`, `stand` and `start`: no caller can leave it out.
    """
    if state in _NEEDS_A_YES or (state is State.EXECUTING and request.state in WAITING):
        raise RefusedError("wrong_state", f"request {request.id} cannot become {state} without the yes it needs")
    return _step(request, state, by=by, now=now, reason=reason)


def _step(request: PurgeRequest, state: State, *, by: str, now: Instant, reason: str = "") -> PurgeRequest:
    if state not in STEPS.get(request.state, frozenset()):
        now_is = "is finished; ask for a new preview" if request.state in CLOSED else f"cannot become {state} now"
        raise RefusedError("wrong_state", f"request {request.id} is {request.state}: it {now_is}")
    step = Step(state=state, at=now, by=by, reason=reason)
    return replace(request, state=state, story=(*request.story, step))


def check_fresh(request: PurgeRequest, now: Instant) -> None:
    """Refuse what has run out, or a clock that stands before the request was made; raises `RefusedError`."""
    steps, yeses = (step.at for step in request.story[-1:]), (approval.at for approval in request.approvals)
    if now < max((request.created_at, *steps, *yeses)):
        raise RefusedError("clock_backwards", "the clock stands before the last step of this request")
    if request.state in WAITING and now > request.expires_at:
        raise RefusedError("expired", f"request {request.id} has expired; ask for a new preview")


def check_code(request: PurgeRequest, typed: str) -> None:
    """Refuse a code that is not the one of exactly this scope; raises `RefusedError`."""
    if not request.digest or not same_code(typed, request.digest):
        raise RefusedError("wrong_code", f"this is not the code of request {request.id}; nothing was deleted")


def check_share(request: PurgeRequest, care: Care) -> None:
    """Refuse a purge that takes too much of a source at once; raises `RefusedError`."""
    if request.preview.share > care.max_share:
        share, most = round(request.preview.share * 100), round(care.max_share * 100)
        raise RefusedError(
            "blast_limit",
            f"request {request.id} would take {share} % of the records of {request.source}; "
            f"purge.max_share allows {most} %",
        )


def confirm(request: PurgeRequest, *, by: str, code: str, now: Instant, care: Care) -> PurgeRequest:
    """Let the requester say yes to exactly what was previewed; then somebody else has to."""
    check_fresh(request, now)
    check_code(request, code)
    check_share(request, care)
    if by != request.requester:
        raise RefusedError("not_the_requester", "whoever asked for the preview confirms it; others approve")
    moved = _step(request, State.AWAITING_SECOND, by=by, now=now)
    return replace(moved, confirmed_by=by, expires_at=now + care.approve_for)


def approve(
    request: PurgeRequest, *, by: str, digest: str, now: Instant, care: Care, cooling_for: int,
    roles: Mapping[str, Collection[Role]] = NOBODY,
) -> PurgeRequest:  # fmt: skip
    """Let another person say yes; with the last one needed the cooling begins.

    `roles` are those that the approvers, this one included, have now; looked at where certain roles have to approve.
    """
    check_fresh(request, now)
    if request.state is not State.AWAITING_SECOND:
        raise RefusedError("wrong_state", f"request {request.id} is {request.state}: nothing is to be approved")
    if not by or by in {request.requester, request.confirmed_by}:
        raise RefusedError("own_request", "nobody approves a purge of his own")
    if digest != request.digest:
        raise RefusedError("other_scope", "this approval is for another scope")
    if any(approval.by == by for approval in request.approvals):
        return request
    given = replace(request, approvals=(*request.approvals, Approval(by=by, at=now, digest=digest)))
    _check_cover(given, roles, care)
    if len(given.approvals) < care.needed:
        return given
    moved = _step(given, State.COOLING if cooling_for else State.APPROVED, by=by, now=now)
    until = now + cooling_for
    return replace(moved, cooling_until=until, expires_at=until + care.execute_for)


def _check_cover(given: PurgeRequest, roles: Mapping[str, Collection[Role]], care: Care) -> None:
    """Refuse an approval after which those still to come could not cover every role that has to approve."""
    held = [roles.get(approval.by, ()) for approval in given.approvals]
    if not may_suffice(care, held[:-1]):
        raise RefusedError("role_lost", f"somebody who approved {given.id} no longer has the role it takes")
    if not may_suffice(care, held):
        raise RefusedError("wrong_role", f"request {given.id} waits for an approval by another role")


def break_glass(request: PurgeRequest, *, by: str, code: str, reason: str, now: Instant, care: Care) -> PurgeRequest:
    """Let the host's operator run a preview alone: code and reason are needed, and it is marked for ever."""
    if not says_something(reason):
        raise RefusedError("no_reason", "breaking the glass needs a reason")
    check_fresh(request, now)
    check_code(request, code)
    check_share(request, care)
    moved = _step(request, State.APPROVED, by=by, now=now, reason="break_glass")
    return replace(
        moved,
        confirmed_by=by,
        break_glass=True,
        reason=reason.strip()[:500],
        cooling_until=now,
        expires_at=now + care.execute_for,
    )


def stand(
    request: PurgeRequest, *, rule: str, yeses: tuple[Approval, ...], now: Instant, care: Care, cooling_for: int
) -> PurgeRequest:
    """Let a preview that a standing rule began run by the yeses that this rule has (purge.md 6.5, 6.7).

    `rule` is `id:digest`; each yes is to that digest, and nobody's counts twice. Raises `RefusedError`.
    """
    if not request.by_rule:
        raise RefusedError("not_the_requester", f"request {request.id} was asked for by somebody, not by a rule")
    check_fresh(request, now)
    if request.state is not State.PREVIEWED:
        raise RefusedError("wrong_state", f"request {request.id} is {request.state}: no rule can carry it now")
    check_share(request, care)
    stood = replace(request, standing=rule, approvals=yeses)
    if not _rule_agreed(stood):
        raise RefusedError("not_approved", f"not everybody whose yes it takes has agreed to the rule {rule}")
    moved = _step(stood, State.APPROVED, by=STANDING_RULE, now=now)
    until = now + cooling_for
    return replace(moved, cooling_until=until, expires_at=until + care.execute_for)


def _rule_agreed(request: PurgeRequest) -> bool:
    """Tell whether a standing rule began this request and carries it with the yes of everybody it takes."""
    rule, _, digest = request.standing.rpartition(":")
    people = {yes.by for yes in request.approvals if digest and yes.digest == digest}
    return request.by_rule and bool(rule) and len(people - {"", STANDING_RULE}) >= STANDING_PEOPLE


def start(
    request: PurgeRequest, *, holder: str, now: Instant, lease_for: int, care: Care, take_over: bool = False
) -> PurgeRequest:
    """Take the lease: from an approved request whose cooling is over, or from one whose executor has died.

    `take_over` says that the present holder is known to be dead, however long its lease still runs.
    """
    if request.state in RUNNING:
        if request.lease.holder and not take_over and now < request.lease.until:
            raise RefusedError("leased", f"request {request.id} is being executed already")
        return replace(request, lease=_next_lease(request, holder, now + lease_for))
    check_fresh(request, now)
    if request.state not in {State.APPROVED, State.COOLING}:
        raise RefusedError("wrong_state", f"request {request.id} is {request.state}: it cannot be executed")
    if now < request.cooling_until:
        raise RefusedError("cooling", f"request {request.id} is cooling; it can still be cancelled")
    distinct = {approval.by for approval in request.approvals if approval.digest == request.digest}
    distinct -= {request.requester, request.confirmed_by}
    if not (request.break_glass or _rule_agreed(request) or len(distinct) >= care.needed):
        raise RefusedError("not_approved", f"request {request.id} lacks approvals")
    moved = _step(request, State.EXECUTING, by=holder, now=now)
    return replace(moved, lease=_next_lease(request, holder, now + lease_for))


def _next_lease(request: PurgeRequest, holder: str, until: Instant) -> Lease:
    return Lease(holder=holder, fence=request.lease.fence + 1, until=until)
