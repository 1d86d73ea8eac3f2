"""What one more costs: a request, an alert and an audit entry in PostgreSQL beside 1,000, 100,000 and 1,000,000 others.

    python bench/growth.py [--stored N N N] [--times N]

The server is real, of the wheel, without fsync: what a disk takes for a flush is the same however much is stored, and
would only hide what grows. The stored ones lie in the database as the product writes them, and the statistics of the
planner are fresh. Each figure is a median; the rounds over the three sizes alternate, so that a slower moment of the
machine meets all of them. `opening` is the time a start takes until the audit is known to be whole; it reads the epoch
of the year, and may grow.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rounds import open_alert, past_request  # noqa: E402

from data.audit.entry import Draft  # noqa: E402
from data.audit.keys import Ed25519FileSigner  # noqa: E402
from data.audit.postgres_log import PostgresAuditLog  # noqa: E402
from data.clock import SystemClock  # noqa: E402
from data.retention.instants import instant_of  # noqa: E402
from data.retention.request import PurgeRequest, State  # noqa: E402
from data.stores.postgres.database import Database  # noqa: E402
from data.stores.postgres.desk import PostgresDeskStores  # noqa: E402
from data.stores.postgres.migrations import migrate  # noqa: E402
from data.stores.postgres.retention import PostgresRetentionStores  # noqa: E402
from tests.postgres import execute, new_database, running_cluster  # noqa: E402

STORED = (1_000, 100_000, 1_000_000)
GOAL = 1.2
"""Most that one more may cost beside the most, as a multiple of what it costs beside the fewest."""
BATCH = 20_000
ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """One database with so many of everything in it."""

    stored: int
    database: Database
    stores: PostgresRetentionStores
    desk: PostgresDeskStores
    audit: PostgresAuditLog
    opening: float
    """Seconds until the audit was open."""


@contextmanager
def filled(server: str, stored: int, folder: Path) -> Iterator[Shelf]:
    """Give a database with so many requests, alerts and audit entries."""
    with new_database(server) as dsn:
        migrate(dsn)
        database = Database(dsn)
        signer = Ed25519FileSigner(folder / f"keys-{stored}")
        try:
            stores, desk = PostgresRetentionStores(database, host="bench"), PostgresDeskStores(database)
            first = PostgresAuditLog(database, clock=SystemClock(), signer=signer)
            for begin in range(0, stored, BATCH):
                size = min(BATCH, stored - begin)
                first.append_many(Draft(kind="bench", object=f"{begin + n:016x}") for n in range(size))
            stores.requests.add(past_request(0, instant_of(SystemClock().now())))
            desk.alerts.add(open_alert(0, instant_of(SystemClock().now())))
            _multiply(dsn, stored)
            began = time.perf_counter()
            audit = PostgresAuditLog(database, clock=SystemClock(), signer=signer)
            opening = time.perf_counter() - began
            yield Shelf(stored=stored, database=database, stores=stores, desk=desk, audit=audit, opening=opening)
        finally:
            database.close()


def _multiply(dsn: str, stored: int) -> None:
    """Copy the one request and the one alert, each under an id and an age of its own, with its document's."""
    execute(
        dsn,
        "INSERT INTO requests (id, version, source, is_open, created_at, document) "
        "SELECT to_char(n, 'FM0000000000000000'), version, 'logs-' || n % 20, false, created_at - n * 3600000000, "
        "replace(document::text, id, to_char(n, 'FM0000000000000000'))::json "
        f"FROM requests, generate_series(1, {stored - 1}) n",
    )
    execute(
        dsn,
        "INSERT INTO alerts (id, version, document) SELECT n::text, version, document::text::json "
        f"FROM alerts, generate_series(1000001, {1_000_000 + stored - 1}) n",
    )
    execute(dsn, "ANALYZE")


def actions(shelf: Shelf, numbers: Iterator[int]) -> Mapping[str, Callable[[], object]]:
    """Give what is measured, by name; each call adds or changes one."""
    now = instant_of(SystemClock().now())
    kept: list[PurgeRequest] = []

    def add_request() -> None:
        number = next(numbers)
        fresh = replace(past_request(0, now), id=f"n-{number:014x}", source=f"logs-{number % 20}")
        kept.append(shelf.stores.requests.add(replace(fresh, state=State.EXECUTING, created_at=now + number)))

    def step_request() -> None:
        request = kept.pop() if kept else shelf.stores.requests.newest(most=1)[0]
        shelf.stores.requests.replace(replace(request, state=State.CLOSED_CLEAN))

    return {
        "add a request": add_request,
        "a step of a request": step_request,
        "open requests of a source": lambda: shelf.stores.requests.open_of("logs-3"),
        "newest 100 requests": lambda: shelf.stores.requests.newest(most=100),
        "add an alert": lambda: shelf.desk.alerts.add(open_alert(10_000_000 + next(numbers), now)),
        "append to the audit": lambda: shelf.audit.append("bench", object="n-1"),
        "audit entries of one request": lambda: list(shelf.audit.entries(f"{7:016x}")),
    }


def measure(shelves: Sequence[Shelf], times: int) -> Mapping[str, Sequence[float]]:
    """Give the median milliseconds of each action beside each number of stored ones."""
    numbers = iter(range(1 << 40))
    found: dict[str, list[list[float]]] = {}
    for _ in range(ROUNDS):
        for place, shelf in enumerate(shelves):
            for name, act in actions(shelf, numbers).items():
                took = found.setdefault(name, [[] for _ in shelves])[place]
                for _ in range(times):
                    began = time.perf_counter()
                    act()
                    took.append((time.perf_counter() - began) * 1000)
    return {name: [statistics.median(took) for took in sizes] for name, sizes in found.items()}


def main() -> None:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", nargs="+", type=int, default=list(STORED))
    parser.add_argument("--times", type=int, default=60)
    options = parser.parse_args()
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        shelves = [stack.enter_context(filled(cluster.dsn(), size, Path(folder))) for size in options.stored]
        found = measure(shelves, options.times)
    header = " | ".join(f"{size:,}" for size in options.stored)
    print(
        f"one more beside so many stored ones, PostgreSQL, median ms\n\n| what | {header} | most against fewest | met |"
    )
    print("|---" * (len(options.stored) + 3) + "|")
    for name, sizes in found.items():
        ratio = sizes[-1] / sizes[0]
        shown = " | ".join(f"{size:.3f}" for size in sizes)
        print(f"| {name} | {shown} | {ratio:.2f} x | {'yes' if ratio <= GOAL else 'NO'} |")
    print("| opening the audit, s | " + " | ".join(f"{one.opening:.2f}" for one in shelves) + " | | no goal |")
    print(f"\ngoal: most against fewest <= {GOAL} x")


if __name__ == "__main__":
    main()
