"""Runs an approved purge to its end: lease, last checks, execution, verification, certificate."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Lock

from data.access import Permission, permissions_of
from data.audit.entry import Draft
from data.errors import RefusedError
from data.purge.executor import LEASE_FOR, Executor, Tallies
from data.purge.parts import Outcome, Progress, PurgeParts, roles_behind, store_step
from data.purge.service import changed_since, controls_of, scope_of, spared_of
from data.purge.verification import Expected, Looked, unresolved_of, verify
from data.retention.evidence import Marks
from data.retention.hold import covering
from data.retention.instants import Instant
from data.retention.request import RUNNING, Gone, PurgeRequest, State, check_share, move, start
from data.retention.residue import DONE, Code
from data.retention.rule import lacking
from data.retention.unit import Planned
from data.retention.verdict import Verdict, closing_state, judge
from data.stores.interface import Mark

DOUBTFUL = (Code.ABSENT, Code.TARGET_ABSENT, Code.DRIFTED)
"""Codes of planned units that may be there in another form: renamed, or packed by a rotation."""
NEVER: Callable[[], bool] = bool
"""A stop switch that nobody presses."""


class PurgeRunner:
    """Executes requests, one at a time each; what a crash interrupted goes on when it is run again."""

    def __init__(self, parts: PurgeParts, *, holder: str) -> None:
        self._parts = parts
        self._holder = holder
        self._running: set[str] = set()
        self._lock = Lock()

    def run(
        self, request_id: str, *, progress: Progress, stop: Callable[[], bool] = NEVER, by: str = "system"
    ) -> PurgeRequest:
        """Run a request to its verdict; `by` is who started it, by pseudonym.

        Raises `RefusedError`, `ClockError`, `SourceError`, `StateError`.
        """
        with self._lock:
            if request_id in self._running:
                raise RefusedError("leased", f"request {request_id} is being executed already")
            self._running.add(request_id)
            self._parts.stops.discard(request_id)
        try:
            return self._run(request_id, progress, stop, by)
        finally:
            with self._lock:
                self._running.discard(request_id)

    def interrupted(self) -> tuple[PurgeRequest, ...]:
        """List requests that a crash left in the middle: running them again finishes them."""
        return tuple(
            request
            for source in self._parts.sources
            for request in self._parts.stores.requests.open_of(source)
            if request.state in RUNNING
        )

    def _run(self, request_id: str, progress: Progress, stop: Callable[[], bool], by: str) -> PurgeRequest:
        parts = self._parts
        source = parts.sources.get(parts.stores.requests.get(request_id).source)
        offset = source.probe().clock_offset if source else 0
        parts.audit.make_room()
        now = parts.guard.check(last_entry=parts.audit.last.at, engine_offset=offset)
        request = parts.stores.requests.get(request_id)
        if request.state in RUNNING:
            self._same_place(request)
        else:
            self._last_look(request, now)
        request = self._take(request, now, by)
        executor = Executor(parts, request, stop=stop, progress=progress)
        tallies = executor.run()
        ended = parts.guard.now()
        request = parts.stores.requests.get(request_id)
        if request.lease.fence != executor.request.lease.fence:
            raise RefusedError("fenced", f"somebody else executes {request_id} now")
        if executor.stopped and request.state is State.EXECUTING:
            request = self._move(request, State.STOPPING, ended)
        request = self._move(request, State.VERIFYING, ended)
        looked = self._verify(request, tallies, progress)
        return self._close(request, tallies, looked, ended=ended)

    def _same_place(self, request: PurgeRequest) -> None:
        """Refuse to go on at another place than the one that was approved."""
        source = self._parts.sources.get(request.source)
        if source is None or source.config_digest != request.config_digest:
            message = (
                f"source {request.source} is configured otherwise than when {request.id} began; put that back first"
            )
            raise RefusedError("superseded", message)

    def _last_look(self, request: PurgeRequest, now: Instant) -> None:
        """Check once more what was checked when people said yes: roles, rules, holds, scope, share."""
        changed = changed_since(request, self._parts)
        if changed:
            reason = f"{changed} changed after the preview of {request.id}; nothing was deleted"
            if request.state in {State.APPROVED, State.COOLING}:
                self._move(request, State.SUPERSEDED, now, reason=changed)
            raise RefusedError("superseded", reason)
        if scope_of(request).digest != request.digest:
            raise RefusedError("other_scope", f"request {request.id} is not what was previewed; nothing was deleted")
        check_share(request, self._parts.care)
        if request.break_glass:
            return
        if request.standing:
            self._ask_rule(request, now)
            return
        for permission, people in (
            (Permission.RUN_PURGE, {request.requester, request.confirmed_by}),
            (Permission.APPROVE_PURGE, {approval.by for approval in request.approvals}),
        ):
            for name in people - {""}:
                person = self._parts.people.find(name)
                if person is None or permission not in permissions_of(self._parts.roles_of(person)):
                    raise RefusedError("role_lost", f"somebody who said yes to {request.id} no longer may")
        held = [roles_behind(self._parts, approval.by) for approval in request.approvals]
        if lacking(self._parts.care.approval_roles, held):
            raise RefusedError("role_lost", f"a role that has to approve {request.id} is no longer among those who did")

    def _ask_rule(self, request: PurgeRequest, now: Instant) -> None:
        """Refuse and close a purge whose standing rule no longer carries it: switched off, replaced, or a role lost."""
        if not self._parts.standing_runs(request.standing):
            self._move(request, State.SUPERSEDED, now, reason="standing_rule")
            raise RefusedError("rule_ended", f"the standing rule behind {request.id} no longer carries it")

    def _take(self, request: PurgeRequest, now: Instant, by: str) -> PurgeRequest:
        parts = self._parts
        taken = start(
            request,
            holder=self._holder,
            now=now,
            lease_for=LEASE_FOR,
            care=parts.care,
            take_over=parts.exclusive,
        )
        resumed = request.state in RUNNING
        data = {"digest": request.digest, "root": request.preview.root, "fence": taken.lease.fence}
        parts.audit.refill_reserve()
        # No evidence, no purge: the opening entry is read back before anything is deleted (purge.md 6.8).
        kind = "purge.resumed" if resumed else "purge.started"
        return store_step(parts, taken, lambda: parts.audit.append(kind, by, request.id, data, read_back=True))

    def _verify(self, request: PurgeRequest, tallies: Tallies, progress: Progress) -> Looked:
        stores, source = self._parts.stores, self._parts.sources[request.source]

        def done() -> Iterator[Planned]:
            rows = stores.manifests.load(request.id, root=request.preview.root)
            return (row for number, row in enumerate(rows) if tallies.others.get(number, Code.DELETED) in DONE)

        source.remember_purged(done(), at=self._parts.guard.now())
        spared = [row.unit for row in stores.manifests.load(spared_of(request.id), root=request.preview.spared)]
        left = tallies.left | {unit.name for unit in spared}
        doubtful = any(tallies.codes[code.value] for code in DOUBTFUL)
        holds = [hold for hold in stores.holds.all() if hold.active or hold.id in request.preview.holds]
        kept = covering([replace(hold, released_at=None) for hold in holds], self._parts.kin[request.source])
        return verify(
            Expected(
                source=source,
                marks=Marks(cutoff=request.cutoff, limit=request.limit, now=self._parts.guard.now()),
                holds=kept,
                done=done,
                rows=request.preview.rows,
                left=left,
                spared={(unit.identity.device, unit.identity.inode) for unit in spared},
                doubtful=doubtful,
                controls=stores.manifests.load(controls_of(request.id), root=request.preview.controls),
                unresolved=unresolved_of(tallies.codes),
                since=request.created_at,
            ),
            progress,
        )

    def _close(self, request: PurgeRequest, tallies: Tallies, looked: Looked, *, ended: Instant) -> PurgeRequest:
        parts = self._parts
        mark = parts.stores.marks.mark_of(request.source)
        outcome = self._outcome(request, tallies, looked, ended=ended)
        written = parts.documents.write(outcome, previous=mark.certificate)
        verdict = written.verdict
        residue = sum(count for code, count in outcome.results.items() if Code(code) not in DONE)
        partial = bool(tallies.codes[Code.STOPPED.value] or looked.verification.unresolved)
        state = closing_state(verdict, residue=residue, partial=partial)
        now = parts.guard.now()
        closed = replace(
            move(request, state, by="system", now=now, reason=verdict.value),
            results=outcome.results,
            lost=looked.verification.controls_lost + looked.verification.wrongly_rewritten,
            gone=Gone(records=tallies.records, bytes=tallies.size),
            verdict=verdict.value,
            certificate=written.path,
        )
        data = {
            "state": state.value,
            "verdict": verdict.value,
            "results": dict(outcome.results),
            "records": tallies.records,
            "bytes": tallies.size,
            "document": written.digest,
        }
        told = Draft(kind="request.closed", object=request.id, data=data)
        parts.audit.append_many([told], allow_backward=True)
        parts.audit.checkpoint()
        until = request.cutoff if verdict in {Verdict.PASS, Verdict.PENDING} else None
        parts.stores.marks.raise_mark(
            Mark(source=request.source, purged_until=until, purged_at=now, certificate=written.digest)
        )
        return parts.stores.requests.replace(closed)

    def _outcome(self, request: PurgeRequest, tallies: Tallies, looked: Looked, *, ended: Instant) -> Outcome:
        numbers = [entry.seq for entry in self._parts.audit.entries(request.id)]
        return Outcome(
            request=request,
            verdict=judge(looked.verification),
            results=_joined(tallies.codes, request.preview.residue),
            records=tallies.records,
            size=tallies.size,
            lo=tallies.lo,
            hi=tallies.hi,
            verification=looked.verification,
            started_at=next(step.at for step in request.story if step.state is State.EXECUTING),
            ended_at=ended,
            verified_at=self._parts.guard.now(),
            audit_first=numbers[0],
            audit_last=numbers[-1],
            audit_head=self._parts.audit.head,
            oldest_left=looked.oldest_left,
            looked_at=sum(tallies.codes[code.value] for code in DONE),
        )

    def _move(self, request: PurgeRequest, state: State, now: Instant, *, reason: str = "") -> PurgeRequest:
        if request.state is state:
            return request
        parts, kind, data = self._parts, f"request.{state}", {"digest": request.digest}
        moved = move(request, state, by="system", now=now, reason=reason)
        return store_step(parts, moved, lambda: parts.audit.append(kind, "system", request.id, data))


def _joined(executed: Mapping[str, int], previewed: Mapping[str, int]) -> dict[str, int]:
    joined = dict(previewed)
    for code, count in executed.items():
        joined[code] = joined.get(code, 0) + count
    return dict(sorted(joined.items()))
