"""The audit log in PostgreSQL: one chain for all processes, only ever added to, found out when it was not."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from data.audit.entry import Draft
from data.audit.keys import Ed25519FileSigner
from data.audit.postgres_log import AuditRows, PostgresAuditLog
from data.audit.report import FlawCode, Verdict
from data.audit.verify import verify
from data.errors import ClockError, StateError
from data.stores.postgres.database import Database
from data.stores.postgres.migrations import migrate
from tests.data.audit.making import NOON
from tests.postgres import execute
from tests.world import FakeClock

SILENT = "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_stay"
"""What only the owner of the table can do."""


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that the test sets."""
    return FakeClock(NOON)


@pytest.fixture
def signer(tmp_path: Path) -> Ed25519FileSigner:
    """Give the installation's key."""
    return Ed25519FileSigner(tmp_path / "keys")


@pytest.fixture
def log(database: Database, clock: FakeClock, signer: Ed25519FileSigner) -> Iterator[PostgresAuditLog]:
    """Give a log that has just begun."""
    found = PostgresAuditLog(database, clock=clock, signer=signer)
    yield found
    found.close()


def verified(database: Database, folder: Path, signer: Ed25519FileSigner) -> set[FlawCode]:
    """Verify what is in the database as `audit verify` does, and give what was found."""
    folder.mkdir()
    AuditRows(database).write_files(folder)
    report = verify(folder, public_key=signer.public)
    found = {flaw.code for flaw in report.findings}
    assert (report.verdict is Verdict.INTACT) == (not found)
    return found


def test_entries_are_there_for_everybody(database: Database, clock: FakeClock, log: PostgresAuditLog) -> None:
    """What one process records, another reads at once, and goes on from; an object is found by exactly its name."""
    other = PostgresAuditLog(database, clock=clock, signer=None)
    first = log.append("purge.intent", "p-7f3k", "r-1", {"units": 2}, read_back=True)
    assert other.last == first
    second = other.append("purge.done", "p-7f3k", "r-10")
    assert (second.seq, second.prev) == (first.seq + 1, log_head_before(database, second.seq))
    assert [entry.kind for entry in log.entries("r-1")] == ["purge.intent"]
    assert [entry.kind for entry in log.entries()] == ["audit.opened", "purge.intent", "purge.done"]
    assert (log.size, log.head) == (other.size, other.head)


def log_head_before(database: Database, seq: int) -> str:
    """Give the hash of the entry before one, computed from the stored bytes."""
    (line,) = [bytes(row[2]) for row in _rows(database) if row[0] == seq - 1]
    return sha256(line).hexdigest()


def _rows(database: Database) -> list[tuple[int, int, bytes]]:
    with database.connection() as connection:
        return connection.execute("SELECT seq, epoch, line FROM audit_entries ORDER BY seq").fetchall()  # type: ignore[return-value]


def test_processes_and_threads_make_one_chain(
    dsn: str, clock: FakeClock, signer: Ed25519FileSigner, tmp_path: Path
) -> None:
    """Four processes with four threads each record 400 things: one chain, none twice, none missing, and it verifies."""
    with closing(Database(dsn, most=4)) as one, closing(Database(dsn, most=4)) as two:
        logs = [PostgresAuditLog(database, clock=clock, signer=signer) for database in (one, two, one, two)]
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: logs[n % 4].append("purge.result", object=f"r-{n % 7}"), range(400)))
        assert [entry.seq for entry in logs[0].entries()] == list(range(1, 402))
        assert sum(entry.kind == "purge.result" for entry in logs[0].entries()) == 400
        logs[1].checkpoint()
        assert verified(one, tmp_path / "files", signer) == set()


def test_several_entries_are_recorded_together_or_not_at_all(log: PostgresAuditLog) -> None:
    """One draft that may not stand in an audit keeps the others out; without it they are all there."""
    good = Draft(kind="purge.result", object="r-1")
    with pytest.raises(ValueError, match="kind"):
        log.append_many([good, Draft(kind="NO KIND")])
    assert log.size == 1
    assert [entry.seq for entry in log.append_many([good, good])] == [2, 3]


def test_a_new_year_begins_a_new_epoch(
    database: Database, clock: FakeClock, log: PostgresAuditLog, signer: Ed25519FileSigner, tmp_path: Path
) -> None:
    """The first entry of a year says how the one before closed, whoever records it; all of it verifies."""
    other = PostgresAuditLog(database, clock=clock, signer=signer)
    log.append("purge.done", object="r-1")
    clock.advance((dt.datetime(2027, 1, 1, 0, 0, 1, tzinfo=dt.UTC) - NOON).total_seconds())
    entry = other.append("purge.done", object="r-2")
    assert entry.seq == 4
    assert AuditRows(database).epochs() == (2026, 2027)
    assert log.append("purge.done", object="r-3").seq == 5
    log.checkpoint()
    assert verified(database, tmp_path / "files", signer) == set()


def test_a_clock_that_went_back_records_nothing(clock: FakeClock, log: PostgresAuditLog) -> None:
    """More than 5 s behind the last entry nothing is recorded until somebody trusts the clock; 5 s are forgiven."""
    last = log.append("purge.done", object="r-1")
    clock.advance(-5)
    assert log.append("purge.done", object="r-2").at == last.at
    clock.advance(-1)
    with pytest.raises(ClockError):
        log.append("purge.done", object="r-3")
    log.acknowledge_clock("p-7f3k")
    assert log.append("purge.done", object="r-3").at < last.at


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entries SET line = '\\x7b7d' WHERE seq = 1",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_checkpoints SET line = '\\x7b7d'",
        "TRUNCATE audit_checkpoints",
        "SET session_replication_role = replica; DELETE FROM audit_entries",
    ],
)
def test_the_audit_is_only_ever_added_to(dsn: str, log: PostgresAuditLog, change: str) -> None:
    """Not even the owner changes a line by mistake; adding one is what everybody may."""
    size = log.size
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(dsn, change)
    assert log.append("purge.done", object="r-1").seq == size + 1


def test_the_bots_own_role_cannot_change_the_audit(dsn: str, clock: FakeClock, signer: Ed25519FileSigner) -> None:
    """With the rights of `migrate --grant-to` the bot records and reads; it has no right to change or drop anything."""
    execute(dsn, "DO $$ BEGIN CREATE ROLE plain_bot LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    migrate(dsn, grant_to="plain_bot")
    own = conninfo.make_conninfo(dsn, user="plain_bot")
    with closing(Database(own)) as database:
        log = PostgresAuditLog(database, clock=clock, signer=signer)
        assert log.append("purge.done", object="r-1").seq == 2
    for change in (
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET object = ''",
        "TRUNCATE audit_entries",
        SILENT,
        "DROP TABLE audit_entries",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(own, change)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE audit_entries SET line = replace(convert_from(line, 'UTF8'), 'r-2', 'r-9')::bytea WHERE seq = 3",
         FlawCode.ALTERED),
        ("DELETE FROM audit_entries WHERE seq = 3", FlawCode.GAP),
        ("DELETE FROM audit_entries WHERE seq > 3", FlawCode.CUT_TAIL),
    ],
)  # fmt: skip
def test_what_the_owner_does_behind_the_triggers_is_found(
    database: Database,
    dsn: str,
    log: PostgresAuditLog,
    signer: Ed25519FileSigner,
    clock: FakeClock,
    tmp_path: Path,
    change: str,
    code: FlawCode,
) -> None:
    """A line that was altered, taken out or cut off is found by `verify`, and no process begins on such a log."""
    for number in range(1, 5):
        log.append("purge.done", object=f"r-{number}")
    log.checkpoint()
    assert verified(database, tmp_path / "before", signer) == set()
    execute(dsn, SILENT)
    execute(dsn, change)
    assert code in verified(database, tmp_path / "after", signer)
    with pytest.raises(StateError, match="audit"):
        PostgresAuditLog(database, clock=clock, signer=signer)


def test_a_line_that_does_not_go_on_stops_the_process_that_sees_it(dsn: str, log: PostgresAuditLog) -> None:
    """A forged row behind the last one is not taken up: nothing more is recorded after it."""
    log.append("purge.done", object="r-1")
    execute(dsn, "INSERT INTO audit_entries SELECT seq + 1, epoch, object, line FROM audit_entries WHERE seq = 2")
    with pytest.raises(StateError, match="not whole at entry 3"):
        log.append("purge.done", object="r-2")


def test_a_database_that_is_away_records_nothing(dsn: str, clock: FakeClock, log: PostgresAuditLog) -> None:
    """Where the connection is cut in the middle nothing counts as recorded; afterwards the log goes on."""
    execute(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                 "AND pid <> pg_backend_pid()")  # fmt: skip
    assert log.append("purge.done", object="r-1").seq == 2  # a connection that was cut is replaced
    with closing(Database(dsn)) as gone:
        closed = PostgresAuditLog(gone, clock=clock, signer=None)
    with pytest.raises(StateError, match="cannot be reached"):
        closed.append("purge.done", object="r-2")
