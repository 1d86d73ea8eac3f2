"""Every step of a purge that people take: preview, confirm, approve, reject, withdraw, cancel, stop, break the glass.

Each step reads the stored request, checks role, state, time and scope, makes the audit entry durable, and only then
stores the next state by compare-and-set. Deleting is done in `running.py`, under the lease taken here.
"""

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from data.access import Actor, Permission
from data.audit.entry import Draft
from data.errors import RefusedError, SourceError, StateError, UnknownError
from data.purge.parts import Progress, PurgeParts, roles_behind, store_step
from data.purge.preview import Sums, plan_source, preview_of
from data.retention.hold import covering, holds_digest, recently_released
from data.retention.instants import DAY, Instant
from data.retention.request import (
    BLOCKING,
    CLOSED,
    RUNNING,
    STANDING_RULE,
    WAITING,
    Approval,
    PurgeRequest,
    State,
    approve,
    break_glass,
    check_code,
    check_fresh,
    confirm,
    move,
    stand,
)
from data.retention.scope import Scope
from data.retention.words import one_line
from data.sources.interface import Source

LONGEST_REASON = 500
KEEP_MANIFESTS = 90 * DAY
"""How long the list of what a purge touched is kept; the audit and the certificate stay."""


class PurgeService:
    """The steps; synchronous, called from one thread at a time or several: conflicts are refused, never merged."""

    def __init__(self, parts: PurgeParts) -> None:
        self._parts = parts
        self._making: set[str] = set()
        """Ids of previews that are being made in this process."""
        self._beginning = Lock()
        """Held while it is seen that a source has no open request and one is stored: a second one waits for it."""

    # -- looking ------------------------------------------------------------------------------------------------------

    def get(self, request_id: str) -> PurgeRequest:
        """Give a request; raises `UnknownError`."""
        return self._parts.stores.requests.get(request_id)

    def newest(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        return self._parts.stores.requests.newest(most=most)

    def expire(self) -> tuple[PurgeRequest, ...]:
        """End every request whose present step has run out; gives them."""
        now = self._parts.guard.now()
        late = [one for one in self.newest(most=1000) if one.state in WAITING and now > one.expires_at]
        return tuple(
            self._step(move(one, State.EXPIRED, by="system", now=now), "system", any_clock=True) for one in late
        )

    # -- asking -------------------------------------------------------------------------------------------------------

    def preview(self, actor: Actor, source_id: str, progress: Progress) -> PurgeRequest:
        """Find what a purge of a source would do, and store it bound to exactly that; deletes nothing.

        Raises `UnknownError`, `SourceError`, `RefusedError` (another request is open), `ClockError`, `StateError`.
        """
        return self.fill(self.begin(actor, source_id).id, progress)

    def begin(self, actor: Actor, source_id: str) -> PurgeRequest:
        """Begin a preview: check everything that takes no time, and store the request; raises as `preview` does."""
        self._allow(actor, Permission.RUN_PURGE)
        return self._begin(source_id, self._parts.people.of(actor))

    def begin_standing(self, source_id: str) -> PurgeRequest:
        """Begin the preview of a standing rule's run; nobody in particular asks for it. Raises as `preview` does."""
        return self._begin(source_id, STANDING_RULE)

    def _begin(self, source_id: str, requester: str) -> PurgeRequest:
        source = self._source(source_id)
        now = self._reach(source)
        with self._beginning:
            return self._open(source, requester, now)

    def _open(self, source: Source, requester: str, now: Instant) -> PurgeRequest:
        self._tidy(now)
        self._make_room(source.id, requester, now)
        request = self._draft(source, requester, now)
        self._audit("request.created", requester, request.id, {"source": source.id, "cutoff": request.cutoff})
        self._making.add(request.id)
        try:
            return self._parts.stores.requests.add(request)
        except BaseException:
            self._making.discard(request.id)
            raise

    def fill(self, request_id: str, progress: Progress) -> PurgeRequest:
        """Make the preview of a request that has begun, also after a restart; raises as `preview` does."""
        request = self.get(request_id)
        if request.state is not State.PREVIEWING:
            raise RefusedError("wrong_state", f"request {request_id} is {request.state}: its preview is made already")
        self._making.add(request_id)
        try:
            source = self._source(request.source)
            self._reach(source)
            return self._fill(request, source, progress)
        except (SourceError, StateError, OSError, RefusedError, UnknownError):
            failed = move(request, State.PREVIEW_FAILED, by=request.requester, now=self._parts.guard.now())
            self._step(failed, request.requester, any_clock=True)
            raise
        finally:
            self._making.discard(request_id)

    def _reach(self, source: Source) -> Instant:
        """Give the time after a look at the source and at all clocks; raises `SourceError`, `ClockError`."""
        reached = source.probe()
        if not reached.reachable:
            raise SourceError(reached.explained or f"source {source.id}: cannot be read: {reached.reason}")
        return self._parts.guard.check(last_entry=self._parts.audit.last.at, engine_offset=reached.clock_offset)

    def _draft(self, source: Source, requester: str, now: Instant) -> PurgeRequest:
        rule, care = self._parts.rules[source.id], self._parts.care
        marks = rule.marks(now)
        able = source.capabilities()
        drafted = PurgeRequest(
            id=self._parts.new_id(),
            source=source.id,
            data_kind=rule.data_kind,
            state=State.DRAFT,
            requester=requester,
            created_at=now,
            cutoff=marks.cutoff,
            limit=marks.limit,
            expires_at=now + care.confirm_for,
            rule_digest=rule.digest,
            care_digest=care.digest,
            holds_digest=holds_digest(self._parts.stores.holds.all(), self._parts.kin[source.id]),
            config_digest=source.config_digest,
            connector=f"{able.kind}-{able.version}",
        )
        return move(drafted, State.PREVIEWING, by=requester, now=now)

    def _fill(self, request: PurgeRequest, source: Source, progress: Progress) -> PurgeRequest:
        holds = covering(self._parts.stores.holds.all(), self._parts.kin[source.id])
        sums = Sums()
        rows = plan_source(source, self._parts.rules[source.id].marks(request.created_at), holds, sums, progress)
        manifests = self._parts.stores.manifests
        root, count = manifests.save(request.id, rows)
        controls, _ = manifests.save(controls_of(request.id), sums.controls)
        spared, _ = manifests.save(spared_of(request.id), sums.spared)
        now = self._parts.guard.now()
        until = now + self._parts.care.confirm_for
        preview = preview_of(sums, root=root, rows=count, controls=controls, spared=spared, expires_at=until)
        filled = replace(request, preview=preview, expires_at=until)
        filled = replace(filled, digest=scope_of(filled).digest)
        moved = move(filled, State.PREVIEWED, by=request.requester, now=now)
        selected = moved.preview.selected
        shown = {
            "digest": moved.digest,
            "root": root,
            "units": selected.units,
            "records": selected.records,
            "bytes": selected.bytes,
            "residue": dict(moved.preview.residue),
        }
        return self._step(moved, request.requester, shown)

    def _make_room(self, source_id: str, requester: str, now: Instant) -> None:
        """See that no other request of this source is open: what has run out or was never confirmed gives way."""
        for other in self._parts.stores.requests.open_of(source_id):
            if other.state in WAITING and now > other.expires_at:
                self._step(move(other, State.EXPIRED, by="system", now=now), "system")
            elif other.state is State.PREVIEWED and other.requester == requester:
                self._step(move(other, State.SUPERSEDED, by=requester, now=now, reason="new_preview"), requester)
            elif other.state in {State.DRAFT, State.PREVIEWING} and other.id not in self._making:
                # Its process has died: this one alone can use the stores.
                self._step(move(other, State.PREVIEW_FAILED, by="system", now=now), "system")
            elif other.state in BLOCKING:
                message = f"request {other.id} on {source_id} is {other.state}: finish or cancel it first"
                raise RefusedError("already_open", message)

    def _tidy(self, now: Instant) -> None:
        """Drop manifests that nobody needs any more: they hold file names."""
        for request in self._parts.stores.requests.newest(most=1000):
            never_ran = request.state in CLOSED and not request.results
            if never_ran or (request.state in CLOSED and now - request.story[-1].at > KEEP_MANIFESTS):
                self._parts.stores.manifests.discard(request.id)
                self._parts.stores.manifests.discard(controls_of(request.id))
                self._parts.stores.manifests.discard(spared_of(request.id))

    # -- saying yes ---------------------------------------------------------------------------------------------------

    def confirm(self, actor: Actor, request_id: str, code: str) -> PurgeRequest:
        """Confirm a preview with its code; then somebody else has to approve."""
        self._allow(actor, Permission.RUN_PURGE)
        now, by = self._now(), self._parts.people.of(actor)
        request = self._current(request_id, now)
        return self._step(confirm(request, by=by, code=code, now=now, care=self._parts.care), by)

    def approve(self, actor: Actor, request_id: str, digest: str) -> PurgeRequest:
        """Approve exactly one scope; the last approval needed starts the cooling. Again by the same person: no change.

        Raises `RefusedError`, also where a certain role has to approve and this person has not got it.
        """
        self._allow(actor, Permission.APPROVE_PURGE)
        now, by = self._now(), self._parts.people.of(actor)
        request = self._current(request_id, now)
        care = self._parts.care
        released = recently_released(self._parts.stores.holds.all(), self._parts.kin[request.source], now=now)
        cooling = DAY if released else care.cooling_for
        roles = {name: roles_behind(self._parts, name) for name in (*(yes.by for yes in request.approvals), by)}
        given = approve(request, by=by, digest=digest, now=now, care=care, cooling_for=cooling, roles=roles)
        return request if given is request else self._step(given, by)

    def break_glass(self, actor: Actor, request_id: str, code: str, reason: str) -> PurgeRequest:
        """Let the operator of the host run a preview alone; audited, and alerted to the DPO by the watch."""
        self._allow(actor, Permission.RUN_PURGE)
        now, by = self._now(), self._parts.people.of(actor)
        request = self._current(request_id, now)
        if request.state in RUNNING | {State.APPROVED, State.COOLING}:
            # Approved in chat, or interrupted: the host may go on with exactly that, and needs its code all the same.
            check_code(request, code)
            return request
        if recently_released(self._parts.stores.holds.all(), self._parts.kin[request.source], now=now):
            message = f"a hold on {request.source} was released within the last 24 h: nobody purges it alone before"
            raise RefusedError("hold_released", message)
        why = one_line(reason, most=LONGEST_REASON)
        broken = break_glass(request, by=by, code=code, reason=why, now=now, care=self._parts.care)
        return self._step(broken, by, {"digest": broken.digest, "break_glass": True})

    def stand(self, request_id: str, rule: str, yeses: tuple[Approval, ...]) -> PurgeRequest:
        """Let a standing rule's preview run without further people; the caller has checked that rule and its limits.

        Without cooling, but for a day after the release of a hold (purge.md 6.5). Raises `RefusedError`, `ClockError`.
        """
        now = self._now()
        request = self._current(request_id, now)
        released = recently_released(self._parts.stores.holds.all(), self._parts.kin[request.source], now=now)
        cooling = DAY if released else 0
        stood = stand(request, rule=rule, yeses=yeses, now=now, care=self._parts.care, cooling_for=cooling)
        return self._step(stood, STANDING_RULE, {"digest": stood.digest, "standing": rule})

    # -- saying no ----------------------------------------------------------------------------------------------------

    def reject(self, actor: Actor, request_id: str, reason: str) -> PurgeRequest:
        """Reject what awaits approval; one no ends it."""
        self._allow(actor, Permission.APPROVE_PURGE)
        return self._end(actor, request_id, State.REJECTED, reason)

    def withdraw(self, actor: Actor, request_id: str, reason: str = "") -> PurgeRequest:
        """Take one's own request back, at any time before it runs."""
        self._allow(actor, Permission.RUN_PURGE)
        if self.get(request_id).requester != self._parts.people.of(actor):
            raise RefusedError("not_the_requester", "only whoever asked for the purge withdraws it; others cancel it")
        return self._end(actor, request_id, State.WITHDRAWN, reason)

    def revoke(self, actor: Actor, request_id: str, reason: str = "") -> PurgeRequest:
        """Take one's own approval back before it runs."""
        self._allow(actor, Permission.APPROVE_PURGE)
        by = self._parts.people.of(actor)
        request = self.get(request_id)
        if by not in {approval.by for approval in request.approvals}:
            raise RefusedError("not_the_approver", "only whoever approved takes the approval back")
        waits = request.state is State.AWAITING_SECOND
        return self._end(actor, request_id, State.REJECTED if waits else State.REVOKED, reason)

    def cancel(self, actor: Actor, request_id: str, reason: str = "") -> PurgeRequest:
        """End a request that has not begun, or stop one that runs before its next unit; any admin or DPO may."""
        self._allow(actor, Permission.APPROVE_PURGE)
        state = self.get(request_id).state
        ends = {
            State.PREVIEWED: State.WITHDRAWN,
            State.AWAITING_SECOND: State.REJECTED,
            State.APPROVED: State.CANCELLED,
            State.COOLING: State.CANCELLED,
            State.EXECUTING: State.STOPPING,
            State.PAUSED: State.STOPPING,
        }
        if state not in ends:
            raise RefusedError("wrong_state", f"request {request_id} is {state}: there is nothing to cancel")
        return self._end(actor, request_id, ends[state], reason)

    def give_up(self, request_id: str, reason: str) -> PurgeRequest:
        """Take a standing rule's own preview back, for a reason in a stable word; raises `RefusedError`."""
        if not self.get(request_id).by_rule:
            raise RefusedError("not_the_requester", "only whoever asked for the purge withdraws it; others cancel it")
        return self._end_as(STANDING_RULE, request_id, State.WITHDRAWN, reason)

    def _end(self, actor: Actor, request_id: str, state: State, reason: str) -> PurgeRequest:
        return self._end_as(self._parts.people.of(actor), request_id, state, reason)

    def _end_as(self, by: str, request_id: str, state: State, reason: str) -> PurgeRequest:
        # Saying no needs no trustworthy clock.
        now = self._parts.guard.now()
        request = self.get(request_id)
        now = max(now, request.story[-1].at)
        ended = move(request, state, by=by, now=now, reason=one_line(reason, most=LONGEST_REASON))
        stored = self._step(ended, by, any_clock=True)
        if state is State.STOPPING:
            self._parts.stops.add(request_id)
        return stored

    # -- shared -------------------------------------------------------------------------------------------------------

    def _current(self, request_id: str, now: Instant) -> PurgeRequest:
        """Give a request that still means what was previewed; supersedes or expires it otherwise, and refuses."""
        request = self.get(request_id)
        if request.state in WAITING and now > request.expires_at:
            self._step(move(request, State.EXPIRED, by="system", now=now), "system")
            raise RefusedError("expired", f"request {request_id} has expired; ask for a new preview")
        changed = changed_since(request, self._parts)
        if request.state in WAITING and changed:
            self._step(move(request, State.SUPERSEDED, by="system", now=now, reason=changed), "system")
            raise RefusedError("superseded", f"{changed} changed after the preview of {request_id}; ask for a new one")
        check_fresh(request, now)
        return request

    def _step(
        self, request: PurgeRequest, by: str, data: Mapping[str, object] | None = None, *, any_clock: bool = False
    ) -> PurgeRequest:
        kind = f"request.{request.state}"
        draft = Draft(kind=kind, actor=by, object=request.id, data=data or {"digest": request.digest})
        return store_step(
            self._parts, request, lambda: self._parts.audit.append_many([draft], allow_backward=any_clock)
        )

    def _audit(self, kind: str, by: str, about: str, data: Mapping[str, object]) -> None:
        self._parts.audit.append(kind, by, about, data)

    def _now(self) -> Instant:
        return self._parts.guard.check(last_entry=self._parts.audit.last.at)

    def _allow(self, actor: Actor, permission: Permission) -> None:
        if not actor.may(permission):
            raise RefusedError("not_allowed", "your role does not allow this")

    def _source(self, source_id: str) -> Source:
        if source_id not in self._parts.sources:
            known = ", ".join(sorted(self._parts.sources)) or "none"
            raise UnknownError(f"there is no source {source_id[:40]!r}; the settings name: {known}")
        return self._parts.sources[source_id]


def scope_of(request: PurgeRequest) -> Scope:
    """Give everything that people say yes to."""
    return Scope(
        request=request.id,
        source=request.source,
        rule_digest=request.rule_digest,
        care_digest=request.care_digest,
        cutoff=request.cutoff,
        root=request.preview.root,
        holds_digest=request.holds_digest,
        connector=request.connector,
        config_digest=request.config_digest,
        requester=request.requester,
        created_at=request.created_at,
        expires_at=request.preview.expires_at,
    )


def controls_of(request_id: str) -> str:
    """Name the list of young units that a request must leave alone."""
    return f"{request_id}-controls"


def spared_of(request_id: str) -> str:
    """Name the list of units that hold old records and were left on purpose when the preview was made."""
    return f"{request_id}-spared"


def changed_since(request: PurgeRequest, parts: PurgeParts) -> str:
    """Name what changed since the preview so that its approval means nothing any more, or give ""."""
    source = parts.sources.get(request.source)
    if source is None:
        return "source"
    able = source.capabilities()
    compared = {
        "rule": (request.rule_digest, parts.rules[source.id].digest),
        "care": (request.care_digest, parts.care.digest),
        "holds": (request.holds_digest, holds_digest(parts.stores.holds.all(), parts.kin[source.id])),
        "configuration": (request.config_digest, source.config_digest),
        "connector": (request.connector, f"{able.kind}-{able.version}"),
    }
    return next((name for name, (then, now) in compared.items() if then != now), "")
