"""Dangers of partitioned tables: nothing goes that is not, under the lock that drops it, exactly what was previewed."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from data.errors import SourceError
from data.retention.instants import DAY, HOUR, datetime_of
from data.retention.residue import Code
from data.sources import postgres_partitions
from data.sources.interface import Measured, Skipped
from data.sources.postgres_deletion import Deletion
from data.sources.postgres_partitions import Partitions
from data.sources.postgres_session import Server
from data.sources.postgres_table import look_up
from tests.data.sources.lab import FREE
from tests.data.sources.postgres_lab import SCHEMA, TABLE, PartitionsLab


@pytest.fixture
def lab(dsn: str, tmp_path: Path) -> Iterator[PartitionsLab]:
    """Give a partitioned table of its own to every test."""
    lab = PartitionsLab(dsn, tmp_path)
    yield lab
    lab.close()


def codes(lab: PartitionsLab, planned: list) -> list[tuple[Code, str]]:
    """Delete with nothing in the way; give code and reason of each."""
    return [(done.code, done.reason) for done in lab.delete(planned)]


def skips(lab: PartitionsLab) -> dict[bytes, tuple[Code, str]]:
    """Measure; give what is no unit."""
    found = lab.source.measure(lab.marks)
    return {one.name: (one.code, one.reason) for one in found if isinstance(one, Skipped)}


# -- the default partition --------------------------------------------------------------------------------------------


def test_the_default_partition_is_counted_and_never_dropped(lab: PartitionsLab) -> None:
    """Old rows in the default partition are counted as overdue and beyond reach, however old all of them are."""
    lab.run("CREATE TABLE {name} PARTITION OF {table} DEFAULT", name=lab.partition("rest"))
    lab.insert([lab.now - 200 * DAY, lab.now - 201 * DAY])
    lab.old()
    found = lab.measured()["rest"]
    assert (found.active, found.reading.expired.records, found.reading.overdue) == ("default", 2, 2)
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]
    summary = lab.source.summarise(lab.marks)
    assert (summary.active, summary.active_overdue, summary.overdue_records) == (1, 1, 5)
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]
    assert lab.run("SELECT count(*) FROM {table}") == [(2,)]


def test_rows_of_the_default_partition_go_as_those_of_a_plain_table(lab: PartitionsLab) -> None:
    """A second source of layout `rows` that names the default partition reaches what the first one cannot."""
    lab.run("CREATE TABLE {name} PARTITION OF {table} DEFAULT", name=lab.partition("rest"))
    lab.insert([lab.now - 200 * DAY, lab.now - 10 * DAY])
    second = lab.make(table="rest", layout="rows")
    units = [one for one in second.measure(lab.marks) if isinstance(one, Measured)]
    rows = [row for row in second.plan(units, lab.marks) if row is not None]
    assert [done.code for done in second.delete(rows, guard=FREE)] == [Code.DELETED]
    assert [unit.reading.records for unit in lab.measured().values()] == [1]


def test_a_null_time_lies_in_the_default_partition_and_is_undatable(lab: PartitionsLab) -> None:
    """A row without a time cannot be anywhere else, and is counted."""
    lab.run("CREATE TABLE {name} PARTITION OF {table} DEFAULT", name=lab.partition("rest"))
    lab.run("INSERT INTO {table} VALUES (NULL, 'when?')")
    assert lab.measured()["rest"].reading.undatable == 1


# -- between preview and purge ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE {table} DETACH PARTITION {name}",
        "ALTER TABLE {name} RENAME TO other",
        "VACUUM FULL {name}",
        "UPDATE {name} SET message = 'another text'",
        "ALTER TABLE {name} ADD CONSTRAINT c CHECK (message <> ''); TRUNCATE {name}",
    ],
)
def test_a_partition_that_changed_is_left_alone(lab: PartitionsLab, change: str) -> None:
    """Detached, renamed, written anew, changed or emptied since the preview: it stays, and one beside it goes."""
    lab.old()
    lab.old("other.log")
    planned = lab.plan()
    for statement in change.split("; "):
        lab.run(statement, name=lab.partition("old.log"))
    assert codes(lab, planned) == [(Code.DRIFTED, ""), (Code.DELETED, "")]
    assert lab.survives(planned[0])
    assert lab.source.recover(planned[0], guard=FREE).code is Code.DRIFTED


def test_a_partition_with_other_bounds_is_another_one(lab: PartitionsLab) -> None:
    """Attached again with wider bounds, the same table with the same rows is not what was previewed."""
    lab.old()
    planned = lab.plan()
    first, end = lab.bounds("old.log")
    lab.run("ALTER TABLE {table} DETACH PARTITION {name}", name=lab.partition("old.log"))
    lab.run(
        "ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({end})",
        name=lab.partition("old.log"),
        first=datetime_of(first),
        end=datetime_of(end + HOUR),
    )
    assert codes(lab, planned) == [(Code.DRIFTED, "")]


def test_a_new_partition_of_a_dropped_ones_name_stays(lab: PartitionsLab) -> None:
    """After somebody's own drop a new partition of the name and with the very rows is not ours to drop."""
    lab.old()
    planned = lab.plan()
    lab.remove("old.log")
    lab.old()
    assert codes(lab, planned) == [(Code.TARGET_ABSENT, "")] or codes(lab, planned) == [(Code.DRIFTED, "")]
    assert lab.content("old.log")


def test_a_partition_that_covers_now_is_active(lab: PartitionsLab) -> None:
    """A partition that may still be written to is never touched, though all it holds is old."""
    lab.insert([lab.now - 88 * DAY], lab.attach("wide", lab.now - 90 * DAY, lab.now + 30 * DAY))
    lab.old()
    assert lab.measured()["wide"].active == "covers_now"
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]


def test_an_endless_partition_is_active(lab: PartitionsLab) -> None:
    """A partition without an upper bound covers now, and holds `infinity`, which is no time."""
    lab.run(
        "CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({first}) TO (MAXVALUE)",
        name=lab.partition("endless"),
        first=datetime_of(lab.now - 200 * DAY),
    )
    lab.run("INSERT INTO {table} VALUES ('infinity', 'never')")
    found = lab.measured()["endless"]
    assert (found.active, found.reading.undatable, found.reading.future) == ("covers_now", 1, 1)


def test_minus_infinity_is_no_age(lab: PartitionsLab) -> None:
    """A row at `-infinity` is before every cutoff and all the same undatable: its partition is mixed, and stays."""
    lab.run(
        "CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM (MINVALUE) TO ({end})",
        name=lab.partition("first"),
        end=datetime_of(lab.now - 200 * DAY),
    )
    lab.run("INSERT INTO {table} VALUES ('-infinity', 'ever')")
    lab.insert([lab.now - 201 * DAY])
    lab.old()
    reading = lab.measured()["first"].reading
    assert (reading.records, reading.expired.records, reading.undatable) == (2, 1, 1)
    assert [row.unit.name for row in lab.plan()] == [b"old.log"]


# -- locks ------------------------------------------------------------------------------------------------------------


def test_a_table_in_use_is_locked_and_not_asked_for_ever(lab: PartitionsLab) -> None:
    """While somebody reads the whole table nothing is dropped, and after two tries nobody has to wait behind us."""
    for number in range(4):
        lab.old(f"old-{number}.log")
    planned = lab.plan()
    reader = lab.another()
    reader.execute(lab.text("SELECT count(*) FROM {table}"))
    assert codes(lab, planned) == [(Code.LOCKED, "table_in_use")] * 4
    reader.rollback()
    assert codes(lab, planned) == [(Code.DELETED, "")] * 4


def test_a_locked_partition_is_locked(lab: PartitionsLab) -> None:
    """A lock on one partition keeps that one: unread while it lasts, and not deleted."""
    lab.old()
    lab.old("other.log")
    planned = lab.plan()
    somebody = lab.another()
    somebody.execute(lab.text("LOCK TABLE ONLY {name} IN ACCESS EXCLUSIVE MODE", name=lab.partition("old.log")))
    assert skips(lab) == {b"old.log": (Code.FAILED, "locked")}
    assert codes(lab, planned) == [(Code.LOCKED, "lock_timeout"), (Code.DELETED, "")]


def test_a_writer_by_way_of_the_table_is_seen(lab: PartitionsLab) -> None:
    """An open transaction that inserts into an old partition makes it active, and the table stays in use by it."""
    lab.old()
    lab.old("other.log")
    planned = lab.plan()
    writer = lab.another()
    writer.execute(lab.text("INSERT INTO {table} VALUES ({at}, 'late')", at=datetime_of(lab.bounds("old.log")[0])))
    assert codes(lab, planned) == [(Code.ACTIVE, "open"), (Code.LOCKED, "table_in_use")]


def test_a_waiting_writer_is_not_driven_into_a_deadlock(lab: PartitionsLab) -> None:
    """Who waits for the partition has the table in use: the purge gives way, and the writer gets through."""
    lab.old()
    (row,) = lab.plan()
    server = Server(lab.dsn_file, lock_seconds=1)
    waiting = threading.Thread(target=lambda: lab.insert([lab.bounds("old.log")[0]]))
    with closing(server.connect()) as ours:
        server.begin(ours)
        table = look_up(ours, lab.pg._named)
        entry = lab.pg._layout._entry(ours, table, b"old.log")
        ours.execute(lab.text("LOCK TABLE ONLY {name} IN SHARE ROW EXCLUSIVE MODE", name=entry.spelled))
        waiting.start()
        somebody = lab.another(autocommit=True)
        while not somebody.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'").fetchall():
            pass
        done = postgres_partitions._dropped(ours, table, entry, row)
        ours.rollback()
    waiting.join()
    assert (done.code, done.reason) == (Code.LOCKED, "wanted")
    assert lab.measured()["old.log"].reading.records == 4


def test_two_purges_at_once_drop_everything_once(lab: PartitionsLab) -> None:
    """Two bots with the same manifest: every partition is dropped by exactly one of them, and no deadlock is left."""
    for number in range(6):
        lab.old(f"old-{number}.log")
    planned = lab.plan()
    outcomes: list[list[Code]] = []

    def purge(rows: list) -> None:
        outcomes.append([done.code for done in lab.make().delete(rows, guard=FREE)])

    threads = [threading.Thread(target=purge, args=(planned,)), threading.Thread(target=purge, args=(planned,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [pair.count(Code.DELETED) for pair in zip(*outcomes, strict=True)] == [1] * 6
    assert {code for codes_of in outcomes for code in codes_of} <= {Code.DELETED, Code.TARGET_ABSENT, Code.LOCKED}


# -- rights and others' objects ---------------------------------------------------------------------------------------


def test_who_may_only_read_deletes_nothing(lab: PartitionsLab) -> None:
    """With SELECT alone everything is measured and nothing dropped; the owner may drop."""
    lab.old()
    lab.as_role(lab.role("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"))
    assert codes(lab, lab.plan()) == [(Code.DENIED, "denied")]
    owner = lab.role("GRANT CREATE ON SCHEMA {schema} TO {role}")
    for name in (TABLE, "old.log"):
        lab.run("ALTER TABLE {name} OWNER TO {role}", name=lab.partition(name), role=sql.Identifier(owner))
    lab.as_role(owner)
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]


def test_a_partition_that_may_not_be_read_is_said_to_be_one(lab: PartitionsLab) -> None:
    """A partition of somebody else's is counted as unreadable and never left out of the listing in silence."""
    lab.old()
    lab.young()
    role = lab.role("GRANT SELECT ON {table} TO {role}")
    lab.run("GRANT SELECT ON {name} TO {role}", name=lab.partition("young.log"), role=sql.Identifier(role))
    lab.as_role(role)
    assert skips(lab) == {b"old.log": (Code.DENIED, "denied")}
    assert lab.source.summarise(lab.marks).unreadable == 1


def test_a_foreign_key_keeps_what_it_needs(lab: PartitionsLab) -> None:
    """A partition with a referenced row is not dropped, one without is, and the key stays as it was."""
    lab.old()
    lab.old("other.log")
    lab.run("ALTER TABLE {table} ADD UNIQUE ({column})")
    ((kept,),) = lab.run("SELECT min({column}) FROM {name}", name=lab.partition("old.log"))
    lab.run("CREATE TABLE {name} (at timestamptz REFERENCES {table} ({column}))", name=lab.partition("notes"))
    lab.run("INSERT INTO {name} VALUES ({kept})", name=lab.partition("notes"), kept=kept)
    assert codes(lab, lab.plan()) == [(Code.FAILED, "foreign_key"), (Code.DELETED, "")]
    assert lab.content("old.log")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        lab.run("INSERT INTO {name} VALUES (now())", name=lab.partition("notes"))


def test_a_view_on_a_partition_keeps_it(lab: PartitionsLab) -> None:
    """What depends on a partition is not dropped with it."""
    lab.old()
    lab.run("CREATE VIEW {view} AS SELECT * FROM {name}", view=lab.partition("v"), name=lab.partition("old.log"))
    assert codes(lab, lab.plan()) == [(Code.FAILED, "depended_on")]
    lab.run("DROP VIEW {view}", view=lab.partition("v"))
    assert codes(lab, lab.plan()) == [(Code.DELETED, "")]


def test_what_is_no_ordinary_partition_is_named(lab: PartitionsLab) -> None:
    """Nested and foreign partitions are no units, and nobody claims to know what they hold."""
    lab.old()
    bounds = [datetime_of(lab.now - days * DAY) for days in (300, 200, 190)]
    lab.run(
        "CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({a}) TO ({b}) PARTITION BY LIST (message)",
        name=lab.partition("nested"), a=bounds[0], b=bounds[1],
    )  # fmt: skip
    lab.run("CREATE FOREIGN DATA WRAPPER w")
    lab.run("CREATE SERVER s FOREIGN DATA WRAPPER w")
    lab.run(
        "CREATE FOREIGN TABLE {name} PARTITION OF {table} FOR VALUES FROM ({a}) TO ({b}) SERVER s",
        name=lab.partition("far"), a=bounds[1], b=bounds[2],
    )  # fmt: skip
    assert skips(lab) == {b"nested": (Code.FAILED, "nested"), b"far": (Code.FAILED, "foreign_table")}
    assert list(lab.measured()) == ["old.log"]


def test_a_partition_in_another_schema_has_its_schema_in_its_name(lab: PartitionsLab) -> None:
    """Names do not collide across schemas, and lead back to the partition they were made for."""
    lab.old()
    other = sql.Identifier('o"ther', "old.log")
    lab.run("CREATE SCHEMA {other}", other=sql.Identifier('o"ther'))
    first = lab.now // DAY * DAY - 200 * DAY
    lab.run(
        "CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({a}) TO ({b})",
        name=other, a=datetime_of(first), b=datetime_of(first + DAY),
    )  # fmt: skip
    lab.insert([first], other)
    planned = lab.plan()
    assert [row.unit.name for row in planned] == [b'"o""ther"."old.log"', b"old.log"]
    assert codes(lab, planned[:1]) == [(Code.DELETED, "")]
    assert lab.content("old.log")


# -- listings ---------------------------------------------------------------------------------------------------------


def test_a_long_listing_goes_page_by_page(lab: PartitionsLab) -> None:
    """Partitions are asked for in pages, so that a million of them need no more memory than a few."""
    lab.pg._layout = Partitions(lab.pg._server, lab.pg._named, quiet=0, page=2)
    for number in range(5):
        lab.old(f"old-{number}.log")
    assert sorted(lab.measured()) == [f"old-{number}.log" for number in range(5)]


def test_a_table_replaced_in_the_middle_is_not_believed(lab: PartitionsLab) -> None:
    """A listing during which the table was renamed and made anew is an error and no shorter list."""
    lab.pg._layout = Partitions(lab.pg._server, lab.pg._named, quiet=0, page=1)
    lab.old()
    lab.old("other.log")
    found = lab.source.list_units()
    next(found)
    lab.run("ALTER TABLE {table} RENAME TO away")
    lab.run(lab.definition())
    with pytest.raises(SourceError, match="replaced"):
        list(found)
    assert [unit.name for unit in lab.source.list_units() if not isinstance(unit, Skipped)] == []


def test_verification_finds_the_rows_under_another_oid(lab: PartitionsLab) -> None:
    """The same rows, readable through the table in another partition, are not gone, whatever the catalogue says."""
    lab.old()
    planned = lab.plan()
    lab.swap("old.log")
    lab.run("UPDATE {name} SET message = replace(message, 'Record', 'record')", name=lab.partition("old.log"))
    assert lab.source.verify(planned[0]) is Code.FAILED
    lab.remove("old.log")
    assert lab.source.verify(planned[0]) is None


def test_a_partition_of_now_is_dropped_by_no_clock_of_a_purge(lab: PartitionsLab) -> None:
    """A planned partition that covers the moment of the purge is active then, whatever the preview thought."""
    lab.old()
    (row,) = lab.plan()
    deletion = Deletion(lab.pg._server, lab.pg._named, lab.pg._layout, guard=FREE, now=lab.now - 101 * DAY)
    assert [(done.code, done.reason) for done in deletion.run([row])] == [(Code.ACTIVE, "covers_now")]
    assert SCHEMA
