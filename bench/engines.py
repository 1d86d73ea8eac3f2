"""What a purge of other engines costs beside what a person would type: PostgreSQL tables, Azure Blob containers.

    python bench/engines.py [--rows N] [--blobs N] [--only postgres|blobs]

PostgreSQL is real (of the wheel, with fsync); the blobs lie in Azurite, the official emulator, which is far slower than
the service. `ours` is measure, plan, delete and verify with the product's connector, one unit after the other, each
bound to what was planned and looked at afterwards; the peers delete and look at nothing. Every way has a copy of the
same table, or a container of its own. Read the ratios. 100,000 blobs take
about half an hour, so 10,000 are the default.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from azure.storage.blob import BlobServiceClient, ContainerClient  # noqa: E402

from data.clock import SystemClock  # noqa: E402
from data.retention.evidence import Marks  # noqa: E402
from data.retention.instants import DAY, datetime_of, instant_of, whole_seconds  # noqa: E402
from data.retention.residue import DONE  # noqa: E402
from data.sources.azure_blob import BlobSource  # noqa: E402
from data.sources.blob_options import BlobOptions  # noqa: E402
from data.sources.blob_service import API_VERSION  # noqa: E402
from data.sources.connector import Around, Named  # noqa: E402
from data.sources.interface import Measured, Source  # noqa: E402
from data.sources.postgres import CONNECTOR  # noqa: E402
from data.sources.postgres_options import PostgresOptions  # noqa: E402
from tests.azurite.server import running_azurite  # noqa: E402
from tests.data.sources.lab import FREE  # noqa: E402
from tests.postgres import execute, new_database, running_cluster  # noqa: E402

OLD_DAYS, YOUNG_DAYS = 100, 20
BATCH = 5_000
"""Rows of a batched deletion by hand, as advice on the web has it."""
UNITS = 500
NAMED = Named(id="bench", title="Bench", data_kind="log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One way of deleting the same."""

    how: str
    seconds: float
    gone: int


def purge(source: Source, marks: Marks) -> int:
    """Measure, plan, delete and verify as the engine does; gives the records that are gone."""
    gone = 0
    found = [one for one in source.measure(marks) if isinstance(one, Measured) and one.reading.expired.records]
    waiting = iter(found)
    while batch := list(islice(waiting, UNITS)):
        rows = [row for row in source.plan(batch, marks) if row is not None]
        for row, acted in zip(rows, source.delete(rows, guard=FREE), strict=True):
            if acted.code not in DONE or source.verify(row) is not None:
                raise RuntimeError(f"{row.unit.name!r}: {acted.code}")
            gone += row.records
    return gone


def marks_now() -> Marks:
    """Give the marks of 83 and 90 days."""
    now = instant_of(SystemClock().now())
    return Marks(cutoff=whole_seconds(now - 83 * DAY), limit=now - 90 * DAY, now=now)


def timed(how: str, act: Callable[[], int]) -> Took:
    """Measure one way."""
    began = time.perf_counter()
    gone = act()
    return Took(how=how, seconds=time.perf_counter() - began, gone=gone)


def show(title: str, what: str, rows: list[Took]) -> None:
    """Print the ways beside each other, as multiples of the first."""
    print(f"\n{title}\n\n| way | s | {what}/s | against {rows[0].how} |\n|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.how} | {row.seconds:.2f} | {row.gone / row.seconds:,.0f} | {row.seconds / rows[0].seconds:.2f} x |"
        )


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def fill(dsn: str, rows: int, marks: Marks, *, partitioned: bool) -> None:
    """Make a table of so many old rows and a fifth of them young, by the day and in its order, as logs are written."""
    first = marks.cutoff // DAY * DAY - OLD_DAYS * DAY
    kind = "PARTITION BY RANGE (at)" if partitioned else ""
    execute(dsn, f"CREATE TABLE logs (at timestamptz NOT NULL, message text NOT NULL) {kind}")
    for day in range(OLD_DAYS + 1 + YOUNG_DAYS if partitioned else 0):
        begin, end = (datetime_of(first + (day + more) * DAY).isoformat() for more in (0, 1))
        execute(dsn, f"CREATE TABLE logs_{day:03} PARTITION OF logs FOR VALUES FROM ('{begin}') TO ('{end}')")
    for days, start in ((OLD_DAYS, first), (YOUNG_DAYS, first + (OLD_DAYS + 1) * DAY)):
        each = rows // OLD_DAYS
        execute(
            dsn,
            "INSERT INTO logs SELECT %s + make_interval(days => n / %s, secs => n %% %s * 86400.0 / %s), "
            "'request ' || n || ' was answered in ' || n %% 977 || ' ms' FROM generate_series(0, %s) n",
            (datetime_of(start), each, each, each, each * days - 1),
        )
    execute(dsn, "CREATE INDEX ON logs (at)")
    execute(dsn, "VACUUM ANALYZE logs")


def by_statement(dsn: str, marks: Marks) -> int:
    """Delete in one statement."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute("DELETE FROM logs WHERE at < %s", [datetime_of(marks.cutoff)]).rowcount


def in_batches(dsn: str, marks: Marks) -> int:
    """Delete so many at a time, each batch a transaction."""
    text = "DELETE FROM logs WHERE ctid = ANY (ARRAY(SELECT ctid FROM logs WHERE at < %s LIMIT %s))"
    gone = 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        while found := connection.execute(text, [datetime_of(marks.cutoff), BATCH]).rowcount:
            gone += found
    return gone


def by_drop(dsn: str, _: Marks) -> int:
    """Drop the old partitions, counting nothing."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for day in range(OLD_DAYS):
            connection.execute(f"DROP TABLE logs_{day:03}")  # type: ignore[arg-type]  # our own text
    return 0


def ours(layout: str, folder: Path) -> Callable[[str, Marks], int]:
    """Purge with the product's connector."""

    def act(dsn: str, marks: Marks) -> int:
        state = Path(tempfile.mkdtemp(dir=folder))
        (state / "dsn").write_text(dsn)
        options = PostgresOptions(dsn_file=state / "dsn", table="logs", time_column="at", layout=layout)
        return purge(CONNECTOR.build(NAMED, options, Around(clock=SystemClock(), state=state)), marks)

    return act


def bench_postgres(rows: int) -> None:
    """Fill once for each layout, and give every way a copy."""
    marks = marks_now()
    with running_cluster({"fsync": "on", "full_page_writes": "on"}) as cluster, tempfile.TemporaryDirectory() as folder:
        for layout, ways in (
            ("rows", {"DELETE": by_statement, "batches by hand": in_batches, "ours": ours("rows", Path(folder))}),
            ("partitions", {"DROP by hand": by_drop, "ours": ours("partitions", Path(folder))}),
        ):
            took = []
            with new_database(cluster.dsn()) as filled:
                fill(filled, rows, marks, partitioned=layout == "partitions")
                for how, act in ways.items():
                    with copied(cluster.dsn(), filled) as dsn:
                        one = timed(how, lambda act=act, dsn=dsn: act(dsn, marks))
                        took.append(Took(how=how, seconds=one.seconds, gone=one.gone or rows))
            show(f"{rows:,} old rows of PostgreSQL, {layout}", "rows", took)


@contextmanager
def copied(server: str, filled: str) -> Iterator[str]:
    """Give a copy of a filled database, with its planner's statistics."""
    with new_database(server, template=psycopg.conninfo.conninfo_to_dict(filled)["dbname"]) as dsn:
        execute(dsn, "CHECKPOINT")
        yield dsn


# -- blobs ------------------------------------------------------------------------------------------------------------


def upload(account: BlobServiceClient, name: str, blobs: int, marks: Marks) -> ContainerClient:
    """Make a container of so many old blobs, by the hour as diagnostic settings lay them out, and one young."""
    container = account.create_container(name)
    for number in range(blobs):
        at = datetime_of(marks.cutoff - DAY - number % (24 * 300) * DAY // 24)
        place = f"y={at:%Y}/m={at:%m}/d={at:%d}/h={at:%H}/m=00/{number}.json"
        container.upload_blob(place, f'{{"time":"{at:%Y-%m-%dT%H:00:00Z}","message":"seen"}}\n'.encode())
    now = datetime_of(marks.now - DAY)
    container.upload_blob("young.json", f'{{"time":"{now:%Y-%m-%dT%H:00:00Z}","message":"seen"}}\n'.encode())
    return container


def bench_blobs(blobs: int) -> None:
    """Delete the same blobs by a plain loop of the SDK, and with the product's connector."""
    marks = marks_now()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with running_azurite(folder) as azurite:
            account = BlobServiceClient.from_connection_string(azurite.connection_string(), api_version=API_VERSION)
            secret = folder / "connection"
            secret.write_text(azurite.connection_string())
            plain = upload(account, "plain", blobs, marks)

            def loop() -> int:
                names = [found.name for found in plain.list_blobs() if found.name != "young.json"]
                for name in names:
                    plain.delete_blob(name)
                return len(names)

            took = [timed("list and delete, SDK", loop)]
            upload(account, "ours", blobs, marks)
            options = BlobOptions(connection_string_file=secret, container="ours", quiet_minutes=1)
            clock = SystemClock()
            source = BlobSource(NAMED, options, Around(clock=clock, state=folder))
            time.sleep(61)  # what was uploaded now is at rest after a minute
            took.append(timed("ours", lambda: purge(source, marks)))
    show(f"{blobs:,} blobs in Azurite", "blobs", took)


def main() -> None:
    """Run both parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--blobs", type=int, default=10_000)
    parser.add_argument("--only", choices=("postgres", "blobs"))
    options = parser.parse_args()
    if options.only != "blobs":
        bench_postgres(options.rows)
    if options.only != "postgres":
        bench_blobs(options.blobs)


if __name__ == "__main__":
    main()
