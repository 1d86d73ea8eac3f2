"""The whole loop, cranked by hand: look, alert, preview, code, second person, cooling, purge, certificate, messages.

Everything is what the bot has (schedule, office, engine, stores on the disk) but the threads: jobs are done in turn, so
that each run makes the same calls. Teams is a file beside the folder: a line for each message that arrived.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import fpdf  # noqa: F401  every run renders certificates: it is loaded once, before the forks

from bot.jobs import JobQueue
from bot.schedule import Schedule, Surroundings
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Reference
from data.desk.delivery_steps import Result, Step, step_of
from data.office.office import Office, office_of
from data.retention.instants import DAY
from data.retention.request import State
from data.stores.tinydb_desk import open_desk
from tests.crash.scenario_purge import opened
from tests.data.purge.lab import ALICE, BOB, DORA, SOURCE, Lab
from tests.desk import open_office

AGES = {"old.log": (100.0, 99.0, 98.0), "mixed.log": (90.5, 10.0, 89.0, 9.0), "young.log": (5.0, 4.0)}
ROUNDS = 14
EVERY = 10.0
"""Minutes between two rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crank:
    """One process of the bot."""

    lab: Lab
    office: Office
    schedule: Schedule
    jobs: JobQueue
    teams: Path

    def turn(self) -> None:
        """Let everything happen once that is due: a round, jobs, messages, and what people do with their cards."""
        self.schedule.round(self.lab.now)
        while self.jobs.waiting:
            job = self.jobs.next()
            assert job is not None
            try:
                self.schedule.do(job)
            finally:
                self.jobs.done(job)
        self._act()
        self.schedule.round(self.lab.now)
        self._send()

    def _act(self) -> None:
        """Do what Alice, Bob and Dora would do, who answer every card at once."""
        engine = self.office.engine
        requests = engine.purges.newest()
        if not requests:
            engine.purges.begin(ALICE, SOURCE)
            return
        request = requests[0]
        if request.state is State.PREVIEWED:
            engine.purges.confirm(ALICE, request.id, request.code)
        elif request.state is State.AWAITING_SECOND:
            engine.purges.approve(BOB, request.id, request.digest)
        elif request.state in {State.EXPIRED, State.PREVIEW_FAILED, State.SUPERSEDED}:
            engine.purges.begin(ALICE, SOURCE)

    def _send(self) -> None:
        """Send what is due: the world outside has it before the bot knows that it has."""
        outbox, now = self.office.outbox, self.lab.now
        for marked in outbox.sending(outbox.due(now), now):
            step = step_of(marked)
            if step is Step.POST:
                with self.teams.open("a", encoding="utf-8") as arrived:
                    arrived.write(f"{marked.subject} {marked.recipient} {marked.post} {marked.maybe_twice}\n")
            result = Result(marked=marked, step=step, conversation_id="a:somewhere", activity_id=f"card-{marked.id}")
            outbox.settle([result], now=now, jitter=lambda: 0.5)


@contextmanager
def cranked(folder: Path, *, minutes: float) -> Iterator[Crank]:
    """Open everything over a folder, as a process does that starts so many minutes after noon."""
    with opened(folder, minutes=minutes) as (lab, engine):
        lab.numbers = itertools.count(int(minutes) * 1000 + 1)  # no two processes make the same id
        desk = open_desk(folder / "state")
        try:
            with open_office(lab, desk=desk, given=engine) as opened_office:
                yield _crank(folder, lab, opened_office.office)
        finally:
            desk.close()


def _crank(folder: Path, lab: Lab, office: Office) -> Crank:
    jobs = JobQueue(lab.clock)
    office = office_of(office.parts, office.engine, office.watch, jobs=jobs, seal=office.seal)
    around = Surroundings(
        beat=lambda _now: None,
        audit_broken=lambda: False,
        credential_ends=lambda: None,
        finish_lesson=lambda _ticket: None,
        unfinished_lessons=lambda: (),
        zone=ZoneInfo("Europe/Berlin"),
        digest_weekday=0,
    )
    office.outbox.recover(lab.now)
    return Crank(
        lab=lab,
        office=office,
        schedule=Schedule(office, jobs, lab.clock, around),
        jobs=jobs,
        teams=folder.with_name(f"{folder.name}.teams"),
    )


def prepare(folder: Path) -> None:
    """Write the files, and let everybody have a chat with the bot."""
    folder.with_name(f"{folder.name}.teams").unlink(missing_ok=True)
    with cranked(folder, minutes=0) as crank:
        for name, ages in AGES.items():
            crank.lab.write(name, ages, quiet_for=DAY)
        people = crank.office.engine.parts.people
        for name in (*map(people.of, (ALICE, BOB, DORA)), DPO_CHANNEL, ADMIN_CHANNEL):
            crank.office.outbox.refer(
                Reference(
                    id=name,
                    conversation_id=f"a:{name}",
                    service_url="https://smba.trafficmanager.net/emea/",
                    used_at=crank.lab.now,
                )
            )


def turn_until_quiet(folder: Path, *, first: float, ack: Callable[[object], None] = lambda _: None) -> None:
    """Crank so often that everything has come to its end if nothing goes wrong."""
    with cranked(folder, minutes=first) as crank:
        for number in range(ROUNDS):
            crank.turn()
            crank.lab.pause(int(EVERY * 60_000_000))
            ack(number)


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Crank from the beginning."""
    del task
    turn_until_quiet(folder, first=1, ack=ack)
