"""Rounds and jobs: what is due gets done whatever else fails, nothing is tried in a storm, no blindness is silent."""

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import pytest

from bot.jobs import Job, JobKind, JobQueue
from bot.schedule import CHECK_EVERY, LOOK_EVERY, ROUND_SECONDS, TRY_AGAIN, Schedule, Surroundings
from data.desk.alert import Alert
from data.desk.delivery import Reference
from data.desk.seal import Seal
from data.desk.standing_steps import Problem, StandingLimits, acknowledge, approve, propose
from data.errors import StateError
from data.office.office import Office, office_of
from data.purge.engine import engine_of
from data.retention.evidence import Marks
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant
from data.retention.request import PurgeRequest, State
from data.retention.rule import DataKind
from data.sources.interface import Probe, Reappeared
from data.stores.interface import Mark
from tests.data.office.bureau import Bureau, FakeSource, open_bureau

ROUND = round(ROUND_SECONDS * SECOND)


@dataclass(kw_only=True)
class Around:
    """What surrounds the schedule, as a test wants it."""

    beats: list[Instant] = field(default_factory=list)
    broken: Callable[[], bool] = lambda: False
    lessons: list[str] = field(default_factory=list)
    """Tickets whose release is never finished."""
    tried: list[str] = field(default_factory=list)

    def finish(self, ticket: str) -> None:
        """Fail to finish a lesson."""
        self.tried.append(ticket)
        raise StateError("the disk is full")


@dataclass(kw_only=True)
class Shift:
    """A schedule over a bureau; its jobs are done in turn."""

    bureau: Bureau
    office: Office
    jobs: JobQueue
    around: Around
    schedule: Schedule

    def restart(self) -> None:
        """Begin a new process over the same stores."""
        self.office, self.jobs, self.schedule = _staffed(self.bureau, self.around)

    def work(self) -> list[JobKind]:
        """Do every job that waits; tells which there were."""
        done = []
        while self.jobs.waiting:
            job = self.jobs.next()
            assert job is not None
            try:
                self.schedule.do(job)
            finally:
                self.jobs.done(job)
            done.append(job.kind)
        return done

    def round(self) -> list[JobKind]:
        """Make a round, do the jobs, and make a round on what they have found; tells which jobs there were."""
        self.schedule.safe_round()
        done = self.work()
        self.schedule.safe_round()
        return done

    def open_alerts(self, kind: FindingKind) -> list[Alert]:
        """List the unresolved alerts of a kind."""
        return self.bureau.unresolved(kind)

    def told(self, alert: Alert) -> set[str]:
        """Tell who is to hear of an alert."""
        return {one.recipient for one in self.office.outbox.report(f"alert/{alert.id}")}


def _staffed(bureau: Bureau, around: Around) -> tuple[Office, JobQueue, Schedule]:
    jobs = JobQueue(bureau.clock)
    engine = engine_of(bureau.parts.engine, holder="executor")
    office = office_of(bureau.parts, engine, bureau.watch, jobs=jobs, seal=Seal(b"s" * 32))
    surroundings = Surroundings(
        beat=around.beats.append,
        audit_broken=lambda: around.broken(),  # noqa: PLW0108  a test changes it
        credential_ends=lambda: None,
        finish_lesson=around.finish,
        unfinished_lessons=lambda: around.lessons,
        zone=ZoneInfo("Europe/Berlin"),
        digest_weekday=0,
    )
    return office, jobs, Schedule(office, jobs, bureau.clock, surroundings)


@contextmanager
def at_work(*names: str) -> Iterator[Shift]:
    """Open a bureau with a schedule."""
    with open_bureau(names or ("app-logs",), start=dt.datetime(2026, 12, 1, 6, tzinfo=dt.UTC)) as bureau:
        around = Around()
        office, jobs, schedule = _staffed(bureau, around)
        yield Shift(bureau=bureau, office=office, jobs=jobs, around=around, schedule=schedule)


def late_request(shift: Shift) -> PurgeRequest:
    """Store a request that has run out."""
    now = shift.bureau.now
    request = PurgeRequest(
        id="late",
        source="app-logs",
        data_kind=DataKind.LOG,
        state=State.PREVIEWED,
        requester="p-somebody",
        created_at=now - HOUR,
        expires_at=now - MINUTE,
    )
    return shift.bureau.parts.engine.stores.requests.add(request)


class Bug(FakeSource):
    """A source whose connector has a bug that no port of ours has foreseen."""

    def probe(self) -> Probe:
        """Fail in a way of its own."""
        raise RuntimeError("a bug")


class Forgetful(FakeSource):
    """A source that fails unforeseen when it is asked what has come back."""

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Fail in a way of its own."""
        del marks, purged_until, purged_at
        raise RuntimeError("a bug")


# -- a round -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wait", "kinds"), [(0, [JobKind.RUN]), (HOUR, [])], ids=["due", "not yet"])
def test_what_waits_for_its_storage_is_looked_at_again_in_time(wait: int, kinds: list[JobKind]) -> None:
    """A purge whose storage should be released is run once more by itself, however many came after it; none before."""
    with at_work() as shift:
        requests, now = shift.bureau.parts.engine.stores.requests, shift.bureau.now
        late = late_request(shift)
        requests.replace(replace(late, state=State.PENDING_PHYSICAL, release_at=now + wait, expires_at=now + wait))
        for number in range(1001):
            requests.add(replace(late, id=f"r-{number}", state=State.CLOSED_CLEAN, created_at=now + number))
        shift.schedule.safe_round()
        asked = []
        while shift.jobs.waiting:
            job = shift.jobs.next()
            assert job is not None
            asked += [job.kind] if job.about == late.id else []
        assert asked == kinds


def test_a_step_that_cannot_be_recorded_keeps_no_alert_from_being_told() -> None:
    """Where a request cannot be ended because the audit takes nothing, everybody is told that the audit is broken."""
    with at_work() as shift:
        shift.round()
        late_request(shift)
        shift.bureau.audit.deaf = True
        shift.bureau.sources["app-logs"].write(shift.bureau.now - 100 * DAY, now=shift.bureau.now)
        shift.bureau.pause(LOOK_EVERY)
        shift.round()
        (overdue,), (broken,) = shift.open_alerts(FindingKind.OVERDUE), shift.open_alerts(FindingKind.AUDIT_BROKEN)
        assert shift.told(overdue)
        assert shift.told(broken)


def test_a_round_in_which_something_failed_is_no_heartbeat() -> None:
    """The watchdog hears of a step that always fails; with an audit that takes entries again the heart beats."""
    with at_work() as shift:
        shift.round()
        late_request(shift)
        beats = len(shift.around.beats)
        shift.bureau.audit.deaf = True
        shift.round()
        assert len(shift.around.beats) == beats
        shift.bureau.audit.deaf = False
        shift.round()
        assert len(shift.around.beats) > beats


def standing(shift: Shift) -> None:
    """Let three people whom nobody knows agree to a rule that is due by now."""
    now = shift.bureau.now
    limits = StandingLimits(every_days=1, at_minute=0, max_share=0.5, max_records=1000)
    rule = propose([], "app-logs", limits, by="p-one", now=now, care=shift.bureau.parts.engine.care)
    rule = acknowledge(approve(rule, by="p-two", now=now), by="p-three", now=now)
    shift.bureau.parts.desk.standing.add(rule)
    shift.bureau.pause(DAY)


def test_a_standing_rule_that_cannot_begin_keeps_nobody_from_being_told() -> None:
    """A rule whose people have lost their roles is told as blocked, and is not tried again before its time."""
    with at_work() as shift:
        standing(shift)
        assert JobKind.BEGIN in shift.round()
        (blocked,) = shift.open_alerts(FindingKind.STANDING_BLOCKED)
        assert blocked.cause == Problem.ROLE_LOST
        assert shift.told(blocked)
        shift.bureau.pause(ROUND)
        assert JobKind.BEGIN not in shift.round()
        shift.bureau.pause(HOUR)
        assert JobKind.BEGIN in shift.round()


def test_a_round_never_waits_for_a_source() -> None:
    """A source that keeps silent, on a mount that hangs, say, is asked by jobs only: rounds and alerts go on."""
    with at_work() as shift:
        standing(shift)
        shift.bureau.sources["app-logs"].__class__ = Bug  # a round that asked it would fail
        shift.schedule.safe_round()
        assert shift.around.beats
        assert shift.jobs.busy("app-logs.1")


# -- looking -------------------------------------------------------------------------------------------------------


def test_a_source_that_fails_unforeseen_blinds_nobody_for_the_others() -> None:
    """A bug in one source's connector is an alert about that source; what is overdue elsewhere is told all the same."""
    with at_work("app-logs", "web-logs") as shift:
        shift.bureau.sources["app-logs"].__class__ = Bug
        shift.bureau.sources["web-logs"].write(shift.bureau.now - 100 * DAY, now=shift.bureau.now)
        shift.round()
        assert [alert.about for alert in shift.open_alerts(FindingKind.OVERDUE)] == ["web-logs"]
        assert [alert.about for alert in shift.open_alerts(FindingKind.UNREADABLE)] == ["app-logs"]


def test_a_memory_of_purges_that_fails_unforeseen_hides_nothing_of_the_source() -> None:
    """Where only the comparison with earlier purges has a bug, what is overdue there is told beside it."""
    with at_work() as shift:
        source, now = shift.bureau.sources["app-logs"], shift.bureau.now
        shift.bureau.marks.raise_mark(Mark(source="app-logs", purged_until=now - 95 * DAY, purged_at=now - DAY))
        source.__class__ = Forgetful
        source.write(now - 91 * DAY, now=now)
        shift.round()
        assert shift.open_alerts(FindingKind.OVERDUE)
        assert [alert.cause for alert in shift.open_alerts(FindingKind.UNREADABLE)] == ["memory_of_purges"]


def test_sources_are_looked_at_again_after_a_clock_that_was_ahead_is_set_right() -> None:
    """A look of next year does not keep the bot from looking until then."""
    with at_work() as shift:
        shift.bureau.clock.jump(365 * 86_400)
        assert JobKind.LOOK in shift.round()
        shift.bureau.clock.jump(-365 * 86_400)
        shift.bureau.sources["app-logs"].write(shift.bureau.now - 100 * DAY, now=shift.bureau.now)
        shift.bureau.pause(ROUND)
        assert {JobKind.LOOK, JobKind.AUDIT} <= set(shift.round())
        assert shift.open_alerts(FindingKind.OVERDUE)


# -- the audit -----------------------------------------------------------------------------------------------------


def test_a_verification_that_fails_is_told_and_not_tried_in_a_storm() -> None:
    """An audit that cannot be verified counts as broken; it is tried again after a while, not with every round."""
    with at_work() as shift:
        shift.around.broken = _failing
        assert JobKind.AUDIT in shift.round()
        assert shift.open_alerts(FindingKind.AUDIT_BROKEN)
        shift.bureau.pause(ROUND)
        assert JobKind.AUDIT not in shift.round()
        shift.around.broken = lambda: False
        shift.bureau.pause(TRY_AGAIN)
        assert JobKind.AUDIT in shift.round()
        assert not shift.open_alerts(FindingKind.AUDIT_BROKEN)


def test_a_broken_audit_stays_told_over_a_restart_until_it_was_verified() -> None:
    """A new process has not verified anything yet: it ends no alert on the audit before it has."""
    with at_work() as shift:
        shift.around.broken = lambda: True
        shift.round()
        (before,) = shift.open_alerts(FindingKind.AUDIT_BROKEN)
        shift.restart()
        shift.schedule.safe_round()
        shift.schedule.do(Job(kind=JobKind.LOOK))
        shift.schedule.safe_round()
        assert [alert.id for alert in shift.open_alerts(FindingKind.AUDIT_BROKEN)] == [before.id]
        shift.around.broken = lambda: False
        shift.schedule.do(Job(kind=JobKind.AUDIT))
        shift.schedule.safe_round()
        assert not shift.open_alerts(FindingKind.AUDIT_BROKEN)


# -- the clock -----------------------------------------------------------------------------------------------------


def test_a_clock_that_has_jumped_forgets_nobody() -> None:
    """A clock half a year ahead is told, and does not remove where people are reached; a right one does."""
    with at_work() as shift:
        chat = Reference(id="p-1", conversation_id="a:1", service_url="https://smba/", used_at=shift.bureau.now)
        shift.office.outbox.refer(chat)
        shift.round()
        shift.bureau.clock.jump(180 * 86_400)
        shift.round()
        assert [alert.cause for alert in shift.open_alerts(FindingKind.CLOCK_BLOCKED)] == ["jumped"]
        assert shift.office.outbox.reference_of("p-1") is not None
        shift.restart()
        shift.schedule.safe_round()
        assert shift.open_alerts(FindingKind.CLOCK_BLOCKED), "a restart has judged the clock before it ends anything"
        shift.bureau.parts.engine.guard.acknowledge()
        shift.bureau.pause(CHECK_EVERY)
        shift.round()
        assert not shift.open_alerts(FindingKind.CLOCK_BLOCKED)
        assert shift.office.outbox.reference_of("p-1") is None


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_lesson_that_cannot_be_finished_is_not_tried_in_a_storm() -> None:
    """What fails is tried again after a while, however often rounds are made."""
    with at_work() as shift:
        shift.around.lessons = ["7"]
        for _ in range(5):
            shift.round()
            shift.bureau.pause(SECOND)
        assert shift.around.tried == ["7"]
        shift.bureau.pause(TRY_AGAIN)
        shift.round()
        assert shift.around.tried == ["7", "7"]


def test_what_waits_to_be_retried_does_not_wait_for_a_clock_that_was_ahead() -> None:
    """A lesson that failed while the clock was ahead is tried again once it is right."""
    with at_work() as shift:
        shift.around.lessons = ["7"]
        shift.bureau.clock.jump(365 * 86_400)
        shift.round()
        shift.bureau.clock.jump(-365 * 86_400)
        shift.bureau.pause(TRY_AGAIN)
        shift.round()
        assert shift.around.tried == ["7", "7"]


def test_what_changes_during_a_look_is_looked_at_once_more() -> None:
    """A purge that ends while a look is under way is followed by another look; looks of rounds are not doubled."""
    with at_work() as shift:
        shift.jobs.look()
        look = shift.jobs.next()
        assert look == Job(kind=JobKind.LOOK)
        shift.jobs.add(look)
        shift.jobs.done(look)
        assert not shift.jobs.waiting
        shift.jobs.look()
        assert shift.jobs.next() == look
        shift.jobs.look()
        assert not shift.jobs.waiting, "never two at a time"
        shift.jobs.done(look)
        assert shift.jobs.next() == look
        shift.jobs.done(look)
        assert not shift.jobs.waiting


def test_nothing_is_begun_once_the_process_is_to_end() -> None:
    """Jobs that wait stay undone after `leave`; one that came before it is handed out."""
    with at_work() as shift:
        shift.jobs.preview("one")
        assert shift.jobs.next() == Job(kind=JobKind.PREVIEW, about="one")
        shift.jobs.preview("two")
        shift.jobs.leave(workers=1)
        assert shift.jobs.next() is None


def _failing() -> bool:
    raise OSError("the disk cannot be read")


async def test_a_schedule_that_is_ended_while_it_begins_leaves_no_thread() -> None:
    """Ended before it begins it begins nothing; ended while it begins, over and over, all threads end with it."""
    with at_work() as shift:
        await asyncio.to_thread(shift.schedule.leave)
        await asyncio.wait_for(shift.schedule.keep_going(), 5)
    for _ in range(50):
        with at_work() as shift:
            going = asyncio.create_task(shift.schedule.keep_going())
            await asyncio.gather(asyncio.to_thread(shift.schedule.leave), asyncio.sleep(0))
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("job-")] == []
