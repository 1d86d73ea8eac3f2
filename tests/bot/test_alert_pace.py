"""An alert leaves within five minutes of becoming due, by the mere passing of time and after a look (issue 4)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.jobs import Job, JobKind, JobQueue
from bot.schedule import LEAST_PAUSE_SECONDS, ROUND_SECONDS, Schedule, Surroundings
from data.desk.delivery import Delivery, Reference
from data.office.facts import countdown_of
from data.office.office import Office, office_of
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant
from data.stores.interface import Mark
from tests.data.purge.lab import DORA, SOURCE, Lab
from tests.desk import open_office

WITHIN = 5 * MINUTE
BETWEEN = round((ROUND_SECONDS + LEAST_PAUSE_SECONDS) * SECOND)
"""The longest that a schedule at rest waits between two rounds."""


@dataclass(kw_only=True)
class Watchman:
    """A schedule whose rounds the test makes, with the clock in its hand."""

    lab: Lab
    office: Office
    jobs: JobQueue
    schedule: Schedule

    def look(self) -> None:
        """Look at the sources, as the job does."""
        self.schedule.do(Job(kind=JobKind.LOOK))

    def round(self) -> None:
        """Make a round."""
        self.schedule.round(self.lab.now)

    def leaving(self) -> list[Delivery]:
        """List the alerts on a countdown that go out now."""
        alerts = {
            f"alert/{it.id}" for it in self.office.alerts.all() if it.kind in {FindingKind.DUE, FindingKind.OVERDUE}
        }
        return [one for one in self.office.outbox.due(self.lab.now) if one.subject in alerts]


@contextmanager
def watching(folder: Path, *ages: float) -> Iterator[Watchman]:
    """Open an office over a source with records of these ages in days; the officer can be reached."""
    lab = Lab(folder=folder)
    lab.write("app.log", ages)
    with open_office(lab) as opened:
        jobs = JobQueue(lab.clock)
        office = office_of(opened.office.parts, opened.engine, opened.office.watch, jobs=jobs, seal=opened.office.seal)
        around = Surroundings(
            beat=lambda _now: None,
            audit_broken=lambda: False,
            credential_ends=lambda: None,
            finish_lesson=lambda _ticket: None,
            unfinished_lessons=lambda: (),
            zone=ZoneInfo("Europe/Berlin"),
            digest_weekday=0,
        )
        dora = opened.engine.parts.people.of(DORA)
        office.outbox.refer(Reference(id=dora, conversation_id="a:dora", service_url="https://smba/", used_at=lab.now))
        yield Watchman(lab=lab, office=office, jobs=jobs, schedule=Schedule(office, jobs, lab.clock, around))


def due_at(watchman: Watchman, warn_days: tuple[int, ...]) -> Instant:
    """Find the instant from which the last look makes an alert due, to the microsecond."""
    board = watchman.jobs.board()
    assert board is not None
    (status,) = board.statuses

    def is_due(at: Instant) -> bool:
        return countdown_of(status, now=at, warn_days=warn_days, mark=Mark(source=SOURCE)) is not None

    early, late = watchman.lab.now, watchman.lab.now + 20 * HOUR
    assert not is_due(early)
    assert is_due(late)
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if is_due(middle) else (middle, late)
    return late


@given(shift=st.integers(0, BETWEEN - 1))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_time_alone_makes_an_alert_leave_within_five_minutes(
    shift: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody looks again, and wherever a rests' end falls: the alert leaves with the next round, and not before."""
    with watching(tmp_path_factory.mktemp("pace"), 1.0) as watchman:
        watchman.look()
        (status,) = watchman.jobs.board().statuses  # type: ignore[union-attr]
        # A look counts for 26 hours: let the last one be half a day before the first stage.
        oldest = watchman.lab.now - DAY
        first_stage = oldest + status.max_age - status.worst.to_act - 14 * DAY
        watchman.lab.pause(first_stage - watchman.lab.now - 12 * HOUR)
        watchman.look()
        due = due_at(watchman, (14, 7, 2))
        watchman.lab.pause(due - shift - 1 - watchman.lab.now)
        rounds: list[Instant] = []
        while not watchman.leaving():
            rounds.append(watchman.lab.now)
            watchman.round()
            if not watchman.leaving():
                watchman.lab.pause(BETWEEN)
        assert rounds[0] < due <= rounds[-1] <= due + BETWEEN <= due + WITHIN
        assert len(rounds) == 2


def test_what_a_look_finds_leaves_with_the_round_it_wakes(tmp_path: Path) -> None:
    """The end of a look wakes the schedule; the round it makes lets the alert out, without any time passing."""
    with watching(tmp_path, 1.0) as watchman:
        watchman.look()
        watchman.round()
        assert watchman.leaving() == []
        watchman.lab.write("old.log", [95.0])
        watchman.round()
        assert watchman.leaving() == [], "the control: nobody has looked"
        woken = threading.Event()
        watchman.jobs.wake = woken.set
        watchman.look()
        watchman.jobs.done(Job(kind=JobKind.LOOK))
        assert woken.is_set()
        watchman.round()
        assert len(watchman.leaving()) == 1
