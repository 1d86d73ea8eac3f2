"""What the bot does by itself: rounds every few seconds, a look at the sources every hour, and jobs in threads.

Everything is level-based: a round looks at the stores and does what is due, so a round that was missed, or a process
that was killed between any two steps, is made up for by the next one.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.jobs import Job, JobKind, JobQueue, LeavingError
from data.clock import Clock
from data.desk.alert import AlertState
from data.desk.delivery import Want
from data.errors import ClockError, ProcallError, RefusedError
from data.office.alerts import AUDIT
from data.office.office import Office
from data.office.parts import Board
from data.office.wants import all_wants, digest_wants, still_wanted
from data.purge.clock_guard import ENGINE_OFFSET
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, Instant, datetime_of, instant_of
from data.retention.release import is_due
from data.retention.request import OPEN, RUNNING, PurgeRequest, State
from data.watch import SourceStatus, findings_of

ROUND_SECONDS = 20.0
"""Longest pause between two rounds; an alert leaves within minutes of becoming due."""
LEAST_PAUSE_SECONDS = 0.2
LOOK_EVERY = HOUR
VERIFY_EVERY = DAY
CHECK_EVERY = HOUR
"""How often the clock is judged, and old things are removed if it can be trusted."""
TRY_AGAIN = 10 * MINUTE
"""After how long a purge is tried again that could not be run."""
WORKERS = 2
LEAVE_SECONDS = 10.0
DIGEST_HOUR = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the schedule looks at besides office and sources."""

    beat: Callable[[Instant], object]
    """Notes that a round has ended, for the watchdog."""
    audit_broken: Callable[[], bool]
    """Verifies the whole audit."""
    credential_ends: Callable[[], Instant | None]
    """Tells when the bot's certificate runs out, where it has one."""
    finish_lesson: Callable[[str], object]
    """Checks and releases, or takes back, what somebody has asked for."""
    unfinished_lessons: Callable[[], Iterable[str]]
    """Lists what a restart left unfinished, by ticket."""
    zone: ZoneInfo
    digest_weekday: int


class Schedule:
    """Does what is due."""

    def __init__(
        self,
        office: Office,
        jobs: JobQueue,
        clock: Clock,
        around: Surroundings,
        *,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """`told` is called on the event loop after each round: something may be due to be sent."""
        self._office, self._jobs, self._clock, self._around = office, jobs, clock, around
        self._told = told
        self._source_findings: tuple[Finding, ...] = ()
        self._verified_at: Instant | None = None
        self._audit_broken = False
        self._not_before: dict[Job, Instant] = {}
        """Jobs that failed, and when they are tried again."""
        self._clock_blocked = ""
        self._checked_at: Instant | None = None
        self._poked = asyncio.Event()
        self._threads: list[threading.Thread] = []
        self._rounding = threading.Lock()
        self._beginning = threading.Lock()
        """Held while the threads are made: whoever ends the schedule must see all of them or none."""
        self._left = False

    # -- running ------------------------------------------------------------------------------------------------------

    async def keep_going(self) -> None:
        """Make rounds until cancelled."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._poked.set)

        with self._beginning:
            if self._left:  # stopped while it was starting
                return
            self._jobs.wake = wake
            self._threads = [threading.Thread(target=self._work, daemon=True, name=f"job-{n}") for n in range(WORKERS)]
            for thread in self._threads:
                thread.start()
        while True:
            self._poked.clear()
            await asyncio.to_thread(self.safe_round)
            self._told()
            await asyncio.sleep(LEAST_PAUSE_SECONDS)
            try:
                async with asyncio.timeout(ROUND_SECONDS):
                    await self._poked.wait()
            except TimeoutError:
                continue

    def leave(self) -> None:
        """Let the jobs stop where they are and the round end, and wait a moment for them."""
        self._left = True
        if self._rounding.acquire(timeout=LEAVE_SECONDS):
            self._rounding.release()
        with self._beginning:
            self._jobs.wake = lambda: None
        self._jobs.leave(workers=len(self._threads))
        for thread in self._threads:
            thread.join(timeout=LEAVE_SECONDS)

    def _work(self) -> None:
        while (job := self._jobs.next()) is not None:
            try:
                self.do(job)
            except LeavingError:
                return
            finally:
                self._jobs.done(job)

    # -- rounds -------------------------------------------------------------------------------------------------------

    def safe_round(self) -> None:
        """Make a round; what goes wrong is told to the operator, and the next round tries again."""
        with self._rounding:
            if not self._left:
                self._guarded_round()

    def _guarded_round(self) -> None:
        try:
            self.round(instant_of(self._clock.now()))
        except Exception as error:  # noqa: BLE001  the last resort of the schedule: it must never end
            _log.error("round failed", action="round_failed", error=type(error).__name__)

    def round(self, now: Instant) -> None:
        """Do and note everything that is due at this moment; the heart beats only if nothing has failed.

        What fails keeps nothing else from being done: an audit that takes no entry must not keep anybody from hearing
        of just that.
        """
        judges = self._checked_at is None or not 0 <= now - self._checked_at < CHECK_EVERY
        steps = (
            *([self._judge_clock] if judges else []),
            self._look_around,
            self._end_late,
            self._go_on_all,
            self._begin_rules,
            self._take_up_lessons,
            self._review,
            self._office.tickets.review,
            self._want,
            *([self._tidy] if judges else []),
        )
        went_well = [self._done(step, now) for step in steps]
        if all(went_well):
            self._around.beat(now)

    def _done(self, step: Callable[[Instant], object], now: Instant) -> bool:
        """Take a step of a round, and tell whether it went well; if not, the next round tries again."""
        try:
            step(now)
        except Exception as error:  # noqa: BLE001  one step must not keep the others from being taken
            _log.error("round failed", action="round_failed", step=step.__name__.strip("_"), error=type(error).__name__)
            return False
        return True

    def _look_around(self, now: Instant) -> None:
        board = self._jobs.board()
        # What was done in the future was done by a clock that was ahead, and counts for nothing.
        if board is None or not 0 <= now - board.at < LOOK_EVERY:
            self._ask(Job(kind=JobKind.LOOK), now)
        if self._verified_at is None or not 0 <= now - self._verified_at < VERIFY_EVERY:
            self._ask(Job(kind=JobKind.AUDIT), now)

    def _end_late(self, _: Instant) -> None:
        self._office.engine.purges.expire()

    def _go_on_all(self, now: Instant) -> None:
        engine = self._office.engine
        for request in (*engine.purges.newest(most=1000), *engine.runner.released(now)):
            try:
                self._go_on(request, now)
            except (ProcallError, OSError) as error:  # noted by the service; other requests have to go on
                self._put_off(_job_of(request), error)

    def _begin_rules(self, now: Instant) -> None:
        for rule in self._office.runs.due(now):
            self._ask(Job(kind=JobKind.BEGIN, about=rule.id), now)

    def _take_up_lessons(self, now: Instant) -> None:
        for ticket in self._around.unfinished_lessons():
            self._ask(Job(kind=JobKind.TEACH, about=ticket), now)

    def _ask(self, job: Job, now: Instant) -> None:
        """Queue a job, unless it has failed just now: a round follows each end of a job, so that would be a storm."""
        if not self._waits(job, now):
            self._jobs.add(job)

    def _waits(self, job: Job, now: Instant) -> bool:
        until = self._not_before.get(job)
        return until is not None and until - TRY_AGAIN <= now < until

    def _review(self, now: Instant) -> None:
        board = self._jobs.board()
        self._office.alerts.review(self._findings(now), board.statuses if board else (), now)

    def _want(self, now: Instant) -> None:
        wants = all_wants(self._office.parts, now, self._jobs.shown())
        self._office.outbox.want([*wants, *self._digest(now)], now)

    def _judge_clock(self, now: Instant) -> None:
        """See whether the clock can be trusted, long before a purge has to know."""
        parts = self._office.parts.engine
        try:
            parts.guard.check(last_entry=parts.audit.last.at)
        except ClockError as error:
            self._clock_blocked = error.reason
        else:
            # What a storage's clock says is known only where that storage is asked.
            self._clock_blocked = self._clock_blocked if self._clock_blocked == ENGINE_OFFSET else ""
        self._checked_at = now

    def _tidy(self, now: Instant) -> None:
        """Remove what is no longer needed, last: a card that has to lose somebody's words is still known.

        Never by a clock that has jumped: it would forget where everybody can be reached.
        """
        if not self._clock_blocked:
            self._office.outbox.tidy(now, keep=still_wanted(self._office.parts, now))

    def _go_on(self, request: PurgeRequest, now: Instant) -> None:
        job = _job_of(request)
        if request.state not in OPEN or self._jobs.busy(request.id) or self._waits(job, now):
            return
        ready = request.state in {State.APPROVED, State.COOLING} and now >= request.cooling_until
        if ready or request.state in RUNNING or request.state is State.PREVIEWING or is_due(request, now):
            self._jobs.add(job)
        elif request.state is State.PREVIEWED and request.by_rule:
            self._office.runs.authorise(request.id)

    def _findings(self, now: Instant) -> list[Finding]:
        office = self._office
        found = [*self._source_findings, *office.watch.findings_of_records(now), *office.runs.findings(now)]
        found += office.outbox.findings(now, alive=self._matters)
        found += self._audit_findings()
        if self._clock_blocked:
            found.append(Finding(kind=FindingKind.CLOCK_BLOCKED, about="clock", count=1, cause=self._clock_blocked))
        ends = self._around.credential_ends()
        if ends is not None and ends - now < 30 * DAY:
            days = max(0, (ends - now) // DAY)
            found.append(Finding(kind=FindingKind.CREDENTIAL_EXPIRING, about="credential", count=days, since=ends))
        return found

    def _audit_findings(self) -> list[Finding]:
        """Say that the audit is broken; what was told of it before stays told until this process has verified it."""
        if self._audit_broken:
            return [Finding(kind=FindingKind.AUDIT_BROKEN, about=AUDIT, count=1)]
        told = [] if self._verified_at is not None else self._office.alerts.all()
        return [
            Finding(kind=alert.kind, about=alert.about, count=alert.count, since=alert.since, cause=alert.cause)
            for alert in told
            if alert.kind is FindingKind.AUDIT_BROKEN and alert.state is not AlertState.RESOLVED
        ]

    def _matters(self, subject: str) -> bool:
        """Tell whether something that reached nobody still has to; that nobody was reached is no news of its own."""
        kind, _, name = subject.partition("/")
        alert = self._office.parts.desk.alerts.find(name) if kind == "alert" else None
        return alert is None or (alert.state is not AlertState.RESOLVED and alert.kind is not FindingKind.NOT_DELIVERED)

    def _digest(self, now: Instant) -> list[Want]:
        local = datetime_of(now).astimezone(self._around.zone)
        begins = local - timedelta(days=(local.weekday() - self._around.digest_weekday) % 7)
        if local.date() == begins.date() and local.hour < DIGEST_HOUR:
            return []
        year, week, _ = begins.isocalendar()
        return digest_wants(f"{year}-W{week:02}", self._office.parts.holders(), self._office.parts.channels)

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def do(self, job: Job) -> None:
        """Do one job to its end; whatever goes wrong with it is noted, and tried again by a later round."""
        work = {
            JobKind.BEGIN: self._begin,
            JobKind.PREVIEW: self._preview,
            JobKind.RUN: self._run,
            JobKind.TEACH: self._teach,
            JobKind.LOOK: self._look,
            JobKind.AUDIT: self._verify,
        }[job.kind]
        try:
            work(job.about)
            self._not_before.pop(job, None)
        except ClockError as error:
            self._clock_blocked = error.reason
            self._put_off(job, error)
        except Exception as error:  # noqa: BLE001  the last resort of a job: its thread must go on
            self._put_off(job, error)

    def _put_off(self, job: Job, error: Exception) -> None:
        self._not_before[job] = instant_of(self._clock.now()) + TRY_AGAIN
        reason = error.reason if isinstance(error, RefusedError) else ""
        _log.warning(
            "job not done", action="job_failed", kind=job.kind.value, error=type(error).__name__, reason=reason
        )

    def _begin(self, rule_id: str) -> None:
        if any(rule.id == rule_id for rule in self._office.runs.due(instant_of(self._clock.now()))):
            self._office.runs.begin(rule_id)

    def _preview(self, request_id: str) -> None:
        self._office.engine.purges.fill(request_id, self._jobs.reporter(request_id))
        self._clock_blocked = ""

    def _run(self, request_id: str) -> None:
        self._office.engine.runner.run(request_id, progress=self._jobs.reporter(request_id))
        self._clock_blocked = ""
        self._jobs.look()

    def _teach(self, ticket_id: str) -> None:
        self._around.finish_lesson(ticket_id)

    def _look(self, _: str) -> None:
        now = instant_of(self._clock.now())
        seen = [self._look_at(source, now) for source in self._office.parts.engine.sources]
        self._source_findings = tuple(finding for _, findings in seen for finding in findings)
        self._jobs.put_up(Board(at=now, statuses=tuple(status for status, _ in seen)))

    def _look_at(self, source: str, now: Instant) -> tuple[SourceStatus, Sequence[Finding]]:
        """Look at one source; what goes wrong with it must not make anybody blind for the others."""
        watch = self._office.watch
        try:
            status = watch.status(source, now)
        except Exception as error:  # noqa: BLE001  whatever a connector does
            _log.error("source not looked at", action="look_failed", error=type(error).__name__)
            status = watch.unread(source, now)
        try:
            return status, watch.findings_of_sources([status])
        except Exception as error:  # noqa: BLE001  what the look itself has found is told all the same
            _log.error("source not compared", action="look_failed", error=type(error).__name__)
            lost = Finding(kind=FindingKind.UNREADABLE, about=source, count=1, cause="memory_of_purges")
            return status, [*findings_of(status), lost]

    def _verify(self, _: str) -> None:
        try:
            self._audit_broken = self._around.audit_broken()
        except Exception:
            self._audit_broken = True  # what nobody can verify proves nothing
            raise
        self._verified_at = instant_of(self._clock.now())


def _job_of(request: PurgeRequest) -> Job:
    return Job(kind=JobKind.PREVIEW if request.state is State.PREVIEWING else JobKind.RUN, about=request.id)
