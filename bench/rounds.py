"""What a round of the schedule costs: 20 sources, 200 open deliveries, and 0, 1,000 or 5,000 stored requests.

    python bench/rounds.py [--rounds N] [--profile REQUESTS]

Everything is real: the stores on the disk, the sources, the services, the heartbeat. A round is made every 20 seconds
and after every change, in a thread of the process that answers people, so its CPU is time in which they wait. `stamps
of a card` is what a reply costs whose card changes later. The goals are of this project, and no test.
"""

import argparse
import cProfile
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from load import APP_ID, TENANT  # noqa: E402

from app import open_office  # noqa: E402, TID251  the bench measures what app.py builds
from bot.heartbeat import beat  # noqa: E402
from bot.jobs import Job, JobKind  # noqa: E402
from bot.people import directory_of  # noqa: E402
from bot.schedule import Schedule, Surroundings  # noqa: E402
from bot.settings import Settings  # noqa: E402
from data.clock import SystemClock  # noqa: E402
from data.desk.alert import Alert, AlertStep  # noqa: E402
from data.desk.delivery import Delivery, delivery_id  # noqa: E402
from data.office.office import Office  # noqa: E402
from data.office.wants import stamps_of  # noqa: E402
from data.retention.finding import FindingKind  # noqa: E402
from data.retention.instants import DAY, HOUR, Instant, instant_of  # noqa: E402
from data.retention.request import Approval, Preview, PurgeRequest, Selected, State, Step  # noqa: E402
from data.retention.rule import DataKind  # noqa: E402
from data.stores.atomic_storage import AtomicStorage  # noqa: E402
from data.stores.common import request_codec  # noqa: E402
from data.stores.desk import alert_codec, delivery_codec  # noqa: E402

SOURCES = 20
PEOPLE = 10
SUBJECTS = 20
STORED = (0, 1_000, 5_000)
ROUND_MS, REPLY_MS = 100.0, 10.0
"""Goals: CPU of a round, and of noting a reply's card, with whatever is stored."""
_STORY = (State.PREVIEWING, State.PREVIEWED, State.AWAITING_SECOND, State.COOLING, State.EXECUTING, State.VERIFYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What was measured with so many stored requests; milliseconds."""

    stored: int
    first: float
    """CPU of the first round, which opens what is not known yet."""
    cpu: float
    wall: float
    longest: float
    note: float
    """CPU of `stamps_of`."""
    written: int
    """How often desk and requests were written by the rounds measured."""


def past_request(number: int, now: Instant) -> PurgeRequest:
    """Make a request that was closed days ago, with the story of a purge that went well."""
    at = now - DAY - number * HOUR
    steps = tuple(Step(state=state, at=at + place, by="p-0") for place, state in enumerate(_STORY))
    ended = Step(state=State.CLOSED_CLEAN, at=at + HOUR, by="system")
    return PurgeRequest(
        id=f"{number:016x}",
        source=f"logs-{number % SOURCES}",
        data_kind=DataKind.LOG,
        state=State.CLOSED_CLEAN,
        requester="p-0",
        created_at=at,
        cutoff=at - 83 * DAY,
        digest="d" * 64,
        preview=Preview(selected=Selected(units=100, records=1_000, bytes=100_000), rows=100, root="r" * 64),
        approvals=(Approval(by="p-1", at=at, digest="d" * 64),),
        results={"deleted": 100},
        verdict="PASS",
        certificate=f"{number:016x}.json",
        story=(*steps, ended),
        version=8,
    )


def open_alert(number: int, now: Instant) -> Alert:
    """Make an alert that somebody was told of."""
    return Alert(
        id=f"{number}",
        kind=FindingKind.UNDATABLE,
        about=f"logs-{number % SOURCES}",
        source=f"logs-{number % SOURCES}",
        count=3,
        opened_at=now - HOUR,
        changed_at=now - HOUR,
        story=(AlertStep(what="opened", at=now - HOUR),),
        version=1,
    )


def open_delivery(number: int, now: Instant) -> Delivery:
    """Make a delivery that waits for somebody who cannot be reached."""
    subject, recipient = f"alert/{number // PEOPLE + 1}", f"p-{number % PEOPLE}"
    return Delivery(
        id=delivery_id(subject, recipient),
        subject=subject,
        recipient=recipient,
        urgent=False,
        post="opened",
        shown="open",
        since=now - HOUR,
        next_at=now + DAY,
        version=1,
    )


def write_state(folder: Path, stored: int, now: Instant) -> None:
    """Write the stores as months of use would leave them."""
    requests, alerts, deliveries = request_codec(), alert_codec(), delivery_codec()
    change(folder / "retention.json", {"requests": map(requests.encode, (past_request(n, now) for n in range(stored)))})
    change(
        folder / "desk.json",
        {
            "alerts": map(alerts.encode, (open_alert(n + 1, now) for n in range(SUBJECTS))),
            "deliveries": map(deliveries.encode, (open_delivery(n, now) for n in range(SUBJECTS * PEOPLE))),
        },
    )


def change(path: Path, tables: dict[str, Iterable[dict[str, Any]]]) -> None:
    """Write tables of documents in one go."""
    storage = AtomicStorage(path)
    new = {name: {row["id"]: row for row in rows} for name, rows in tables.items()}
    storage.write({**(storage.read() or {}), **new})
    storage.close()


def settings_of(folder: Path) -> Settings:
    """Give the settings of a bot with many sources."""
    roots = [folder / "logs" / f"logs-{number}" for number in range(SOURCES)]
    for root in roots:
        root.mkdir(parents=True)
    return Settings(
        teams={"app_id": APP_ID, "tenant_id": TENANT, "app_secret": "bench"},
        roles={"admins": [guid(1), guid(2)], "dpos": [guid(3)]},
        state={"folder": str(folder / "state")},
        sources=[{"id": r.name, "kind": "files", "data_kind": "log", "root": str(r)} for r in roots],
    )


def guid(number: int) -> str:
    """Name a person."""
    return f"00000000-0000-4000-8000-{number:012x}"


@contextmanager
def scheduled(stored: int) -> Iterator[tuple[Office, Schedule, Path]]:
    """Open an office with so many stored requests, and its schedule."""
    with tempfile.TemporaryDirectory(prefix="rounds-") as name:
        folder = Path(name).resolve()
        settings, state = settings_of(folder), folder / "state"
        directory = directory_of(settings, dev=False)
        with open_office(settings, state, directory, dev=False) as (office, _):
            office.parts.engine.audit.append("request.created", "p-0", past_request(0, 0).id, {})
        write_state(state, stored, instant_of(SystemClock().now()))
        with open_office(settings, state, directory, dev=False) as (office, jobs):
            around = Surroundings(
                beat=lambda now: beat(state, now),
                audit_broken=lambda: False,
                credential_ends=lambda: None,
                finish_lesson=lambda _ticket: None,
                unfinished_lessons=tuple,
                zone=ZoneInfo("Europe/Berlin"),
                digest_weekday=0,
            )
            schedule = Schedule(office, jobs, SystemClock(), around)
            for kind in (JobKind.LOOK, JobKind.AUDIT):
                schedule.do(Job(kind=kind))
            yield office, schedule, state


def cost_of(stored: int, rounds: int) -> Cost:
    """Measure rounds in which nothing has happened, as nearly all are."""
    with scheduled(stored) as (office, schedule, state):
        first, _ = timed(lambda: schedule.round(instant_of(SystemClock().now())))
        before = written(state)
        found = [timed(lambda: schedule.round(instant_of(SystemClock().now()))) for _ in range(rounds)]
        changed = written(state) - before
        now = instant_of(SystemClock().now())
        notes = [timed(lambda: stamps_of(office.parts, now, "alert/7", "p-1"))[0] for _ in range(rounds)]
        return Cost(
            stored=stored,
            first=first,
            cpu=statistics.median(cpu for cpu, _ in found),
            wall=statistics.median(wall for _, wall in found),
            longest=max(wall for _, wall in found),
            note=statistics.median(notes),
            written=changed,
        )


def written(state: Path) -> int:
    """Tell a number that changes where a store was written: a new file is another one, and younger."""
    return sum((state / name).stat().st_mtime_ns for name in ("desk.json", "retention.json"))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Do something; gives milliseconds of CPU and of wall time."""
    began, used = time.perf_counter(), time.thread_time()
    work()
    return 1000 * (time.thread_time() - used), 1000 * (time.perf_counter() - began)


def print_profile(stored: int, rounds: int) -> None:
    """Print where the time of rounds goes."""
    with scheduled(stored) as (_, schedule, _):
        schedule.round(instant_of(SystemClock().now()))
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(rounds):
            schedule.round(instant_of(SystemClock().now()))
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


def report(costs: Iterable[Cost]) -> None:
    """Print the table with the goals."""
    print("\n| stored requests | first round, CPU ms | round, CPU ms | wall ms | longest"
          " | stamps of a card, CPU ms | stores | met |")  # fmt: skip
    print("|---" * 8 + "|")
    for cost in costs:
        quiet = "not written" if not cost.written else "WRITTEN"
        fits = cost.cpu < ROUND_MS and cost.note < REPLY_MS and not cost.written
        print(
            f"| {cost.stored:,} | {cost.first:.1f} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.longest:.1f}"
            f" | {cost.note:.3f} | {quiet} | {'yes' if fits else 'NO'} |"
        )
    print(
        f"\ngoals: round < {ROUND_MS:.0f} ms CPU, reply < {REPLY_MS:.0f} ms CPU, nothing written where nothing changed"
    )


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--profile", type=int, metavar="REQUESTS", help="profile rounds with so many stored instead")
    arguments = parser.parse_args()
    if arguments.profile is not None:
        print_profile(arguments.profile, arguments.rounds)
        return 0
    report([cost_of(stored, arguments.rounds) for stored in STORED])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
