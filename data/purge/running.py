"""Runs an approved purge to its end: lease, last checks, execution, verification, certificate."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from threading import Lock

from data.access import Permission, permissions_of
from data.audit.entry import Draft
from data.errors import RefusedError
from data.purge.executor import LEASE_FOR, Executor, Tallies
from data.purge.parts import Outcome, Progress, PurgeParts, Written, roles_behind, store_step
from data.purge.service import changed_since, controls_of, scope_of, spared_of
from data.purge.verification import Expected, Looked, unresolved_of, verify
from data.retention.evidence import Marks
from data.retention.hold import covering
from data.retention.instants import DAY, Instant
from data.retention.release import aged, check_due, ended_at, is_due, next_look
from data.retention.request import RUNNING, Gone, PurgeRequest, State, check_share, move, start
from data.retention.residue import DONE, Code
from data.retention.rule import lacking
from data.retention.unit import Planned
from data.retention.verdict import GOES_ON, Verdict, closing_state, judge
from data.sources.interface import Release
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

    def released(self, now: Instant) -> tuple[PurgeRequest, ...]:
        """List requests whose storage should be released by now: running them again looks once more."""
        opened = self._parts.stores.requests.open_of
        return tuple(one for source in self._parts.sources for one in opened(source) if is_due(one, now))

    def _run(self, request_id: str, progress: Progress, stop: Callable[[], bool], by: str) -> PurgeRequest:
        parts = self._parts
        source = parts.sources.get(parts.stores.requests.get(request_id).source)
        offset = source.probe().clock_offset if source else 0
        parts.audit.make_room()
        now = parts.guard.check(last_entry=parts.audit.last.at, engine_offset=offset)
        request = parts.stores.requests.get(request_id)
        if request.state is State.PENDING_PHYSICAL:
            check_due(request, now)
            if self._elsewhere(request):
                return self._move(request, State.CLOSED_UNVERIFIED, now, reason="superseded")
            request = self._move(request, State.VERIFYING, now)
        if request.state in RUNNING:
            self._same_place(request)
        else:
            self._last_look(request, now)
        request = self._take(request, now, by)
        executor = Executor(parts, request, stop=stop, progress=progress)
        tallies = executor.run()
        request = parts.stores.requests.get(request_id)
        if request.lease.fence != executor.request.lease.fence:
            raise RefusedError("fenced", f"somebody else executes {request_id} now")
        if executor.stopped and request.state is State.EXECUTING:
            request = self._move(request, State.STOPPING, parts.guard.now())
        request = self._move(request, State.VERIFYING, parts.guard.now())
        looked = self._verify(request, tallies, progress)
        if request.release_at and judge(looked.verification) in GOES_ON:
            return self._wait_on(request, judge(looked.verification))
        return self._close(request, tallies, looked)

    def _elsewhere(self, request: PurgeRequest) -> bool:
        """Tell whether the place that was approved is not configured any more."""
        source = self._parts.sources.get(request.source)
        return source is None or source.config_digest != request.config_digest

    def _same_place(self, request: PurgeRequest) -> None:
        """Refuse to go on at another place than the one that was approved."""
        if self._elsewhere(request):
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

        now = self._parts.guard.now()
        if not request.release_at:
            source.remember_purged(done(), at=now)
        spared = [row.unit for row in stores.manifests.load(spared_of(request.id), root=request.preview.spared)]
        left = tallies.left | {unit.name for unit in spared}
        doubtful = any(tallies.codes[code.value] for code in DOUBTFUL)
        holds = [hold for hold in stores.holds.all() if hold.active or hold.id in request.preview.holds]
        kept = covering([replace(hold, released_at=None) for hold in holds], self._parts.kin[request.source])
        controls = stores.manifests.load(controls_of(request.id), root=request.preview.controls)
        present, mark = self._parts.rules[request.source].marks(now), stores.marks.mark_of(request.source)
        since = aged(request, present, purged_until=mark.purged_until)
        return verify(
            Expected(
                source=source,
                marks=Marks(cutoff=request.cutoff, limit=request.limit, now=now),
                holds=kept,
                done=done,
                rows=request.preview.rows,
                left=left,
                spared={(unit.identity.device, unit.identity.inode) for unit in spared},
                doubtful=doubtful,
                controls=since.still_young(controls) if request.release_at else controls,
                unresolved=unresolved_of(tallies.codes),
                since=request.created_at,
                physical_delay=self._delay(request, done),
                kept_may_be_gone=bool(request.release_at) and since.kept_may_be_gone,
                any_young=bool(request.release_at and request.preview.kept.units),
            ),
            progress,
        )

    def _delay(self, request: PurgeRequest, done: Callable[[], Iterator[Planned]]) -> int:
        """Give how long the engine still needs to release the storage: what it says itself, once its time has come."""
        source = self._parts.sources[request.source]
        if not request.release_at:
            return source.capabilities().physical_delay
        released = source.released(done(), removed_at=ended_at(request)) is Release.RELEASED
        return 0 if released else DAY

    def _wait_on(self, request: PurgeRequest, verdict: Verdict) -> PurgeRequest:
        """Go on waiting for the release; the provisional certificate stands, and nothing is proved meanwhile."""
        parts, now = self._parts, self._parts.guard.now()
        waits = move(request, State.PENDING_PHYSICAL, by="system", now=now, reason=verdict.value)
        data = {"digest": request.digest, "verdict": verdict.value}
        waits = replace(waits, expires_at=next_look(request, now))
        return store_step(
            parts, waits, lambda: parts.audit.append(f"request.{waits.state}", "system", request.id, data)
        )

    def _close(self, request: PurgeRequest, tallies: Tallies, looked: Looked) -> PurgeRequest:
        parts = self._parts
        mark = parts.stores.marks.mark_of(request.source)
        outcome = self._outcome(request, tallies, looked)
        written = self._written(outcome, previous=mark.certificate)
        verdict = written.verdict
        residue = sum(count for code, count in outcome.results.items() if Code(code) not in DONE)
        partial = bool(tallies.codes[Code.STOPPED.value] or looked.verification.unresolved)
        state = closing_state(verdict, residue=residue, partial=partial)
        waits = outcome.release_at if state is State.PENDING_PHYSICAL else None
        now = parts.guard.now()
        closed = replace(
            move(request, state, by="system", now=now, reason=verdict.value),
            results=outcome.results,
            lost=looked.verification.controls_lost + looked.verification.wrongly_rewritten,
            gone=Gone(records=tallies.records, bytes=tallies.size),
            verdict=verdict.value,
            certificate=written.path,
            release_at=waits or request.release_at,
            expires_at=waits or request.expires_at,
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
        at = None if request.release_at else now  # a second look purges nothing
        parts.stores.marks.raise_mark(
            Mark(source=request.source, purged_until=until, purged_at=at, certificate=written.digest)
        )
        return parts.stores.requests.replace(closed)

    def _written(self, outcome: Outcome, *, previous: str) -> Written:
        """Write the document; none where the deletion was only asked for, for it would say what is not so yet."""
        asked = self._parts.sources[outcome.request.source].capabilities().requested
        if asked and outcome.verdict is Verdict.PENDING:
            return Written(path="", digest="", verdict=outcome.verdict)
        return self._parts.documents.write(outcome, previous=previous)

    def _outcome(self, request: PurgeRequest, tallies: Tallies, looked: Looked) -> Outcome:
        numbers = [entry.seq for entry in self._parts.audit.entries(request.id)]
        verdict, ended = judge(looked.verification), ended_at(request)
        delay = looked.verification.physical_delay if verdict is Verdict.PENDING else 0
        return Outcome(
            request=request,
            verdict=verdict,
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
            released=bool(request.release_at) and not looked.verification.physical_delay,
            release_at=ended + delay if delay else None,
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
