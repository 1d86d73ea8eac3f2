"""Dangers of a PostgreSQL server as a source: away, replaced, crowded, a replica, or no answer after a commit."""

import os
import signal
import socket
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql
from pydantic import ValidationError

from bot.source_settings import SourceSettings
from data.clock import SystemClock
from data.errors import SourceError
from data.retention.instants import DAY, MINUTE
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.connector import Around, Named, connector_of
from data.sources.interface import UNREADABLE
from data.sources.postgres import CONNECTOR
from data.sources.postgres_options import PostgresOptions
from data.sources.postgres_table import REFUSALS
from tests.data.sources.lab import FREE, asking
from tests.data.sources.postgres_lab import SCHEMA, TABLE, PartitionsLab, PostgresLab, RowsLab
from tests.domain import ROOT
from tests.postgres import Cluster, new_database, running_cluster


@pytest.fixture
def rows(dsn: str, tmp_path: Path) -> Iterator[RowsLab]:
    """Give a plain table of its own to every test."""
    lab = RowsLab(dsn, tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def partitions(dsn: str, tmp_path: Path) -> Iterator[PartitionsLab]:
    """Give a partitioned table of its own to every test."""
    lab = PartitionsLab(dsn, tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def either(request: pytest.FixtureRequest) -> PostgresLab:
    """Give a table of the layout that the test names."""
    found: PostgresLab = request.getfixturevalue(request.param)
    return found


both = pytest.mark.parametrize("either", ["rows", "partitions"], indirect=True)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Give a server of its own, to be killed."""
    with running_cluster() as found:
        yield found


# -- what can be no source --------------------------------------------------------------------------------------------

PLAIN = "CREATE TABLE {t} (at timestamptz, message text)"
RANGES = PLAIN + " PARTITION BY RANGE (at)"
KEYED = "CREATE TABLE {t} (at timestamptz PRIMARY KEY)"
FAR = "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w"
REFUSED = [
    ("rows", "missing", "SELECT 1"),
    ("rows", "not_a_table", "CREATE VIEW {t} AS SELECT now() AS at"),
    ("rows", "not_a_table", "CREATE MATERIALIZED VIEW {t} AS SELECT now() AS at"),
    (
        "rows",
        "not_a_table",
        FAR + "; CREATE FOREIGN TABLE {t} (at timestamptz) SERVER s",
    ),
    ("rows", "not_a_table", "CREATE SEQUENCE {t}"),
    ("partitions", "not_partitioned", PLAIN),
    ("rows", "is_partitioned", RANGES),
    ("rows", "has_children", PLAIN + "; CREATE TABLE {u} () INHERITS ({t})"),
    ("rows", "no_column", 'CREATE TABLE {t} ("At" timestamptz)'),
    ("rows", "not_a_time", "CREATE TABLE {t} (at text)"),
    ("rows", "not_a_time", "CREATE TABLE {t} (at date)"),
    ("rows", "no_zone", "CREATE TABLE {t} (at timestamp)"),
    ("partitions", "not_by_time", PLAIN + " PARTITION BY HASH (at)"),
    ("partitions", "not_by_time", PLAIN + " PARTITION BY RANGE (message)"),
    ("partitions", "not_by_time", PLAIN + " PARTITION BY RANGE (at, message)"),
    ("partitions", "not_by_time", PLAIN + " PARTITION BY RANGE (date_trunc('day', at, 'UTC'))"),
    (
        "rows",
        "reaches_others",
        KEYED + "; CREATE TABLE {u} (at timestamptz REFERENCES {t} ON DELETE CASCADE)",
    ),
    (
        "rows",
        "delete_trigger",
        PLAIN
        + "; CREATE TRIGGER g BEFORE DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    ("rows", "delete_trigger", PLAIN + "; CREATE RULE r AS ON DELETE TO {t} DO INSTEAD NOTHING"),
]


@pytest.mark.parametrize(("layout", "reason", "definition"), REFUSED)
def test_what_can_be_no_source_says_why(dsn: str, tmp_path: Path, layout: str, reason: str, definition: str) -> None:
    """A view, another column, another layout, far-reaching keys and triggers: each is refused by its own word."""
    names = {"t": sql.Identifier("public", "t"), "u": sql.Identifier("public", "u")}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in definition.split("; "):
            connection.execute(sql.SQL(statement).format(**names))  # type: ignore[arg-type]
    (tmp_path / "dsn").write_text(dsn)
    options = {"dsn_file": tmp_path / "dsn", "table": "t", "time_column": "at", "layout": layout}
    source = CONNECTOR.build(
        Named(id="lab", title="", data_kind="log"),
        PostgresOptions(**options),
        Around(clock=SystemClock(), state=tmp_path),
    )
    probe = source.probe()
    assert (probe.reachable, probe.reason) == (False, reason)
    assert probe.explained.startswith("source lab: table public.t ")
    with pytest.raises(SourceError, match="table public"):
        list(source.list_units())


def test_every_refusal_is_tried() -> None:
    """Each word by which a table is refused has a test that makes it happen."""
    elsewhere = {"own_state", "row_security", "replica"}
    assert {reason for _, reason, _ in REFUSED} | elsewhere == set(REFUSALS)


def test_the_bots_own_tables_are_no_source(rows: RowsLab) -> None:
    """No table of the bot's own schema, as the migrations of today make it, can be a source."""
    own = [name for (name,) in rows.run("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")]
    assert len(own) > 15
    found = {name: rows.make(table_schema="public", table=name).probe().reason for name in own}
    assert found == dict.fromkeys(own, "own_state")
    assert rows.source.probe().reachable


@both
def test_rows_that_a_policy_hides_are_not_believed_away(either: PostgresLab) -> None:
    """Row-level security would shorten the listing of this role: refused; whom no policy binds sees everything."""
    either.old()
    either.run("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    role = either.role("GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}")
    either.run("CREATE POLICY p ON {table} USING (false)")
    planned = either.plan()
    assert len(planned) == 1
    either.as_role(role)
    assert either.source.probe().reason == "row_security"
    with pytest.raises(SourceError, match="row-level security"):
        list(either.source.measure(either.marks))
    assert [(done.code, done.reason) for done in either.delete(planned)] == [(Code.UNREACHABLE, "row_security")]
    assert either.source.verify(planned[0]) is Code.UNREACHABLE


def test_a_policy_on_one_partition_makes_it_unreadable(partitions: PartitionsLab) -> None:
    """Where the policy is the partition's own, the server refuses to shorten the answer, and that is said."""
    partitions.old()
    partitions.young()
    role = partitions.role("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}")
    partitions.run("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY", name=partitions.partition("old.log"))
    partitions.as_role(role)
    summary = partitions.source.summarise(partitions.marks)
    assert (summary.units, summary.unreadable, dict(summary.skipped)) == (1, 1, {"denied": 1})


# -- the server away, full, replaced ----------------------------------------------------------------------------------


@both
def test_a_table_that_may_not_be_read_is_no_empty_one(either: PostgresLab) -> None:
    """Without SELECT the source is unreachable and unknown, never empty."""
    either.old()
    either.as_role(either.role())
    assert either.source.probe().reason == "denied"
    with pytest.raises(SourceError):
        list(either.source.list_units())


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no_dsn"), ("host=db password=hunter2 nonsense", "wrong_dsn"), ("password=hunter2 port=x", "unreachable")],
)
def test_a_dsn_is_never_repeated(rows: RowsLab, text: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """An empty, a broken and a senseless DSN have stable words, and nothing of them is said anywhere."""
    rows.old()
    planned = rows.plan()
    rows.dsn_file.write_text(text)
    probe = rows.source.probe()
    with pytest.raises(SourceError) as error:
        list(rows.source.list_units())
    (acted,) = rows.delete(planned)
    assert (probe.reason, acted.code) == (reason, Code.UNREACHABLE)
    said = f"{probe} {error.value} {error.value.__cause__} {acted} {rows.options!r} {rows.pg!r} {caplog.text}"
    assert "hunter2" not in said
    rows.dsn_file.unlink()
    assert rows.source.probe().reason == "no_dsn"


def test_a_wrong_password_is_not_repeated(rows: RowsLab) -> None:
    """A server that refuses the role is unreachable, and neither name nor password is in what is said."""
    rows.dsn_file.write_text(conninfo.make_conninfo(rows.dsn, user="nobody_here", password="hunter2"))
    probe = rows.source.probe()
    assert probe.reason == "unreachable"
    assert "hunter2" not in repr(probe)
    assert "nobody_here" not in repr(probe)


def test_a_full_server_is_asked_a_few_times(rows: RowsLab) -> None:
    """Where the role has no connection left, the outcome is a limit and no absence; a free one is enough."""
    rows.old()
    role = rows.role("GRANT SELECT, DELETE ON {table} TO {role}", limit=1)
    rows.as_role(role)
    planned = rows.plan()
    with psycopg.connect(conninfo.make_conninfo(rows.dsn, user=role)):
        assert [(done.code, done.reason) for done in rows.delete(planned)] == [
            (Code.RATE_LIMITED, "too_many_connections")
        ]
        assert rows.source.probe().reason == "too_many_connections"
    assert [done.code for done in rows.delete(planned)] == [Code.DELETED]


def test_a_connection_that_comes_free_in_time_is_taken(rows: RowsLab) -> None:
    """The few retries are worth it: a server that was full for a moment is reached."""
    role = rows.role("GRANT SELECT ON {table} TO {role}", limit=1)
    rows.as_role(role)
    holder = psycopg.connect(conninfo.make_conninfo(rows.dsn, user=role))
    freeing = threading.Timer(0.4, holder.close)
    freeing.start()
    assert rows.source.probe().reachable
    freeing.join()


@both
def test_another_database_with_the_same_rows_is_another_place(either: PostgresLab) -> None:
    """A DSN that leads to a copy of the database since the preview deletes nothing there."""
    either.old()
    planned = either.plan()
    either.connection.close()
    with new_database(either.dsn) as copy:
        either.dsn_file.write_text(copy)
        with psycopg.connect(copy, autocommit=True) as connection:
            connection.execute(either.text("CREATE SCHEMA {schema}"))
            connection.execute(either.text(either.definition()))
        assert [(done.code, done.reason) for done in either.delete(planned)] == [(Code.DRIFTED, "other_database")]
        assert either.source.recover(planned[0], guard=FREE).code is Code.DRIFTED
        assert either.source.verify(planned[0]) is Code.UNREACHABLE
    either.connection = either.another(autocommit=True)
    either.dsn_file.write_text(either.dsn)
    assert [done.code for done in either.delete(planned)] == [Code.DELETED]


def test_a_replica_is_no_source(cluster: Cluster, tmp_path: Path) -> None:
    """A server in recovery is refused by name; once promoted it is a source."""
    lab = RowsLab(cluster.dsn(), tmp_path)
    lab.old()
    planned = lab.plan()
    lab.close()
    cluster.stop()
    (cluster._data / "standby.signal").touch()
    cluster.start()
    assert lab.source.probe().reason == "replica"
    with pytest.raises(SourceError, match="primary"):
        list(lab.source.measure(lab.marks))
    assert [(done.code, done.reason) for done in lab.delete(planned)] == [(Code.UNREACHABLE, "replica")]
    cluster._run("pg_ctl", "-w", "promote")
    assert [done.code for done in lab.delete(planned)] == [Code.DELETED]


@pytest.mark.parametrize("kind", [RowsLab, PartitionsLab])
def test_a_server_killed_in_the_middle_leaves_whole_units(cluster: Cluster, tmp_path: Path, kind: Any) -> None:
    """Killed before a commit: that unit and those after it are all there when the server is back, and go then."""
    lab = kind(cluster.dsn(), tmp_path)
    for number in range(4):
        lab.old(f"old-{number}.log")
    planned = lab.plan()
    lab.close()

    def guard(row: Planned) -> Code | None:
        if row.unit.name == b"old-1.log":
            with psycopg.connect(lab.dsn) as looking:
                pids = looking.execute(
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                ).fetchall()
            cluster.kill()
            for (pid,) in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)  # a child would go on for a moment, and the commit might arrive
        return None

    found = [done.code for done in lab.source.delete(planned, guard=asking(guard))]
    assert found == [Code.DELETED, Code.FAILED, Code.UNREACHABLE, Code.UNREACHABLE]
    with suppress(FileNotFoundError):
        (cluster._data / "postmaster.pid").unlink()
    _started(cluster)
    lab.connection = psycopg.connect(lab.dsn, autocommit=True)
    left = [lab.source.recover(row, guard=FREE) for row in planned]
    assert [acted and acted.code for acted in left] == [Code.ABSENT, None, None, None]
    assert [done.code for done in lab.delete(planned[1:])] == [Code.DELETED] * 3
    assert [lab.source.verify(row) for row in planned] == [None] * 4
    lab.connection.close()


def _started(cluster: Cluster) -> None:
    """Start a killed server; its children may need a moment to end."""
    for _ in range(50):
        with suppress(Exception):
            cluster.start()
            return
    cluster.start()


# -- the answer lost --------------------------------------------------------------------------------------------------


@both
def test_a_session_cut_before_the_commit_has_done_nothing(either: PostgresLab) -> None:
    """A session that the server ends under the guard leaves the unit; the next one has a new session."""
    for number in range(3):
        either.old(f"old-{number}.log")
    planned = either.plan()

    def guard(row: Planned) -> Code | None:
        if row.unit.name == b"old-1.log":
            either.run(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'procall-nex-privacy-bot' AND datname = current_database()"
            )
        return None

    found = list(either.source.delete(planned, guard=asking(guard)))
    assert [done.code for done in found] == [Code.DELETED, Code.FAILED, Code.DELETED]
    assert found[1].reason == "not_committed"
    assert either.content("old-1.log")


@both
def test_a_lost_answer_to_a_commit_is_looked_up(either: PostgresLab) -> None:
    """The commit arrives and its answer does not: the server is asked what became of the transaction."""
    either.old()
    either.old("other.log")
    planned = either.plan()
    info = either.connection.info
    with wire(info.port) as cut:
        either.dsn_file.write_text(conninfo.make_conninfo(either.dsn, port=cut.port))

        def guard(row: Planned) -> Code | None:
            cut.deaf = row.unit.name == b"old.log"
            return None

        found = list(either.source.delete(planned, guard=asking(guard)))
    assert [(done.code, done.reason) for done in found] == [(Code.ABSENT, "committed"), (Code.DELETED, "")]
    assert either.content("old.log") is None
    either.dsn_file.write_text(either.dsn)
    assert [either.source.verify(row) for row in planned] == [None, None]


@both
def test_a_lost_answer_that_nobody_can_look_up_is_a_failure(either: PostgresLab) -> None:
    """Where the server is away afterwards, nobody claims that the unit was deleted, although it was."""
    either.old()
    planned = either.plan()
    with wire(either.connection.info.port) as cut:
        either.dsn_file.write_text(conninfo.make_conninfo(either.dsn, port=cut.port))

        def guard(_: Planned) -> Code | None:
            cut.deaf = True
            either.lose()
            return None

        found = list(either.source.delete(planned, guard=asking(guard)))
    assert [(done.code, done.reason) for done in found] == [(Code.FAILED, "no_answer")]
    either.dsn_file.write_text(either.dsn)
    assert either.source.recover(planned[0], guard=FREE).code is Code.ABSENT


@both
def test_a_guard_that_raises_leaves_everything(either: PostgresLab) -> None:
    """What the guard raises is passed on; the unit stays and nothing is left locked."""
    either.old()
    planned = either.plan()

    def guard(_: Planned) -> Code | None:
        raise KeyError("stores")

    with pytest.raises(KeyError):
        list(either.source.delete(planned, guard=asking(guard)))
    assert [done.code for done in either.delete(planned)] == [Code.DELETED]


class Wire:
    """A way to the server that can stop to bring answers back."""

    def __init__(self, port: int) -> None:
        self.server = port
        self.deaf = False
        """From now on the next answer is swallowed, and that way is cut."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Take whoever comes."""
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.server))
            threading.Thread(target=self.carry, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, True), daemon=True).start()

    def carry(self, source: socket.socket, target: socket.socket, back: bool) -> None:
        """Carry one direction until it ends or is cut."""
        with suppress(OSError):
            while data := source.recv(65536):
                if back and self.deaf:
                    self.deaf = False
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def wire(port: int) -> Iterator[Wire]:
    """Give such a way for a while."""
    found = Wire(port)
    try:
        yield found
    finally:
        found.listener.close()


# -- clock and the server's own retention -----------------------------------------------------------------------------


def test_the_clock_of_the_server_is_read(rows: RowsLab) -> None:
    """A clock that is months away is told as such, and our own machine's as nearly the same."""
    far = rows.source.probe().clock_offset
    ours = rows.clock.now()
    ((theirs,),) = rows.run("SELECT clock_timestamp()")
    assert abs(far - (theirs - ours).total_seconds() * 1e6) < MINUTE
    assert abs(far) > DAY
    near = CONNECTOR.build(rows.named, rows.options, Around(clock=SystemClock(), state=rows.state)).probe()
    assert abs(near.clock_offset) < MINUTE


@pytest.mark.parametrize(
    ("retention", "days"),
    [
        ("90 days", "90"),
        ("3 months", "93"),
        ("1 year 2 days", "368"),
        ("36:00:00", "2"),
        ("1 month 1 hour", "32"),
        ("5000000", UNREADABLE),
        ("soon", UNREADABLE),
        (None, ""),
    ],
)
def test_the_retention_of_pg_partman_is_read(partitions: PartitionsLab, retention: str | None, days: str) -> None:
    """Its setting is told in whole days, at most; what is no time is unreadable, and none is none."""
    _partman(partitions, retention)
    assert partitions.source.probe().own_retention == ({"pg_partman.retention": days} if days else {})
    assert partitions.measured() == {}


def test_settings_of_pg_partman_that_may_not_be_read_are_said_to_be_there(partitions: PartitionsLab) -> None:
    """No right to its settings is not the same as no settings."""
    partitions.as_role(partitions.role("GRANT SELECT ON {table} TO {role}"))
    assert partitions.source.probe().own_retention == {}
    _partman(partitions, "90 days")
    assert partitions.source.probe().own_retention == {"pg_partman.retention": UNREADABLE}


def test_partitions_that_pg_partman_only_detaches_are_a_copy(partitions: PartitionsLab) -> None:
    """By default it keeps the tables it detaches: they are named among the copies."""
    _partman(partitions, "90 days")
    assert "detached_partitions" in [copy.kind for copy in partitions.source.copies()]
    partitions.run("UPDATE partman.part_config SET retention_keep_table = false")
    assert [copy.kind for copy in partitions.source.copies()] == ["write_ahead_log", "replicas", "backups"]
    partitions.lose()
    assert [copy.kind for copy in partitions.source.copies()] == ["write_ahead_log", "replicas", "backups"]


def _partman(lab: PartitionsLab, retention: str | None) -> None:
    lab.run("CREATE SCHEMA partman")
    lab.run(
        "CREATE TABLE partman.part_config (parent_table text PRIMARY KEY, retention text, "
        "retention_schema text, retention_keep_table boolean NOT NULL DEFAULT true)"
    )
    lab.run(
        "INSERT INTO partman.part_config VALUES ({name}, {retention})", name=f"{SCHEMA}.{TABLE}", retention=retention
    )


# -- options ----------------------------------------------------------------------------------------------------------

GOOD = {"dsn_file": "dsn", "table": "logs", "time_column": "at", "layout": "rows"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dsn": "host=db password=hunter2"}, "dsn"),
        ({"table": ""}, "table"),
        ({"table": "x" * 64}, "63 bytes"),
        ({"time_column": "a\0b"}, "time_column"),
        ({"table_schema": "pg_catalog"}, "PostgreSQL's own"),
        ({"table_schema": "information_schema"}, "PostgreSQL's own"),
        ({"layout": "both"}, "layout"),
        ({"zone": "Europe/Atlantis"}, "no time zone"),
        ({"bucket_hours": 5}, "bucket_hours"),
        ({"release_days": 0}, "release_days"),
        ({"quiet_minutes": 0}, "quiet_minutes"),
        ({"lock_seconds": 0}, "lock_seconds"),
        ({"layout": "partitions", "rewrite": True}, "rewrite: means something for layout `rows` only"),
        ({"layout": "partitions", "release_days": 2}, "release_days: means something for layout `rows` only"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    """An unknown, unsafe or senseless option is named when the settings are read."""
    assert PostgresOptions(**GOOD)
    with pytest.raises(ValidationError) as error:
        PostgresOptions(**{**GOOD, **change})
    assert said in str(error.value)


def test_a_journal_is_no_source_in_a_table_either() -> None:
    """A table whose name says that it holds calls or chats can never be a source."""
    block = {"id": "x", "kind": "postgres", "data_kind": "log", **GOOD}
    assert SourceSettings(**block)
    with pytest.raises(ValidationError, match="never be a source"):
        SourceSettings(**{**block, "table": "call_journal"})


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {}, True),
        ({}, {"dsn_file": "another"}, True),
        ({}, {"table": "other"}, False),
        ({}, {"table_schema": "other"}, False),
        ({}, {"table": "logs_default", "layout": "partitions"}, True),
        ({"layout": "partitions"}, {"table": "other", "layout": "partitions"}, False),
    ],
)
def test_two_sources_meet_where_they_may_hold_the_same_rows(
    one: dict[str, Any], other: dict[str, Any], meet: bool
) -> None:
    """A table named twice, and a partitioned table beside a plain one, which may be its partition."""
    assert CONNECTOR.meet(PostgresOptions(**{**GOOD, **one}), PostgresOptions(**{**GOOD, **other})) is meet


def test_the_digest_follows_what_is_selected() -> None:
    """Every option that decides what goes changes the digest; how long to wait does not."""
    around = Around(clock=SystemClock(), state=Path("state"))
    named = Named(id="lab", title="", data_kind="log")

    def digest(**change: Any) -> str:
        return str(CONNECTOR.build(named, PostgresOptions(**{**GOOD, **change}), around).config_digest)

    deciding = [{"table": "a"}, {"table_schema": "a"}, {"time_column": "a"}, {"zone": "UTC"}, {"bucket_hours": 1}]
    deciding += [{"rewrite": False}, {"quiet_minutes": 1}, {"dsn_file": "other"}, {"layout": "partitions"}]
    assert len({digest(), *(digest(**change) for change in deciding)}) == len(deciding) + 1
    assert digest(lock_seconds=9, release_days=3) == digest()


def test_the_page_for_operators_has_examples_that_load() -> None:
    """Each `[[sources]]` block of the page is taken as it stands."""
    page = (ROOT / "docs" / "sources" / "postgres.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in page.split("```toml\n")[1:]]
    sources = [block for text in blocks for block in tomllib.loads(text)["sources"]]
    assert {block["layout"] for block in sources} == {"partitions", "rows"}
    for block in sources:
        assert isinstance(SourceSettings(**block).options, PostgresOptions)
    for option in PostgresOptions.model_fields:
        assert f"`{option}`" in page
    for reason in REFUSALS:
        assert f"`{reason}`" in page
    assert connector_of("postgres") is CONNECTOR
