"""Dangers of plain tables: exactly the planned rows go, in one transaction each, and nothing undatable ever."""

import datetime as dt
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from data.clock import SystemClock
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, datetime_of, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Planned
from data.sources.interface import Measured, Release
from tests.data.sources.lab import FREE
from tests.data.sources.postgres_lab import RowsLab

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def lab(dsn: str, tmp_path: Path) -> Iterator[RowsLab]:
    """Give a plain table of its own to every test."""
    lab = RowsLab(dsn, tmp_path)
    yield lab
    lab.close()


def outcomes(lab: RowsLab, planned: list[Planned]) -> list[tuple[Code, str, int]]:
    """Delete with nothing in the way; give code, reason and rows of each."""
    return [(done.code, done.reason, done.records) for done in lab.delete(planned)]


def count(lab: RowsLab) -> int:
    """Count all rows."""
    ((found,),) = lab.run("SELECT count(*) FROM {table}")
    return int(found)


# -- what nobody can date ---------------------------------------------------------------------------------------------


def test_what_is_no_time_is_never_deleted(lab: RowsLab) -> None:
    """NULL, both infinities, 1970 and the far future are undatable and stay; an old row beside them goes."""
    lab.old(count=1)
    for stamp in (None, "infinity", "-infinity", "1970-01-01Z", "9999-12-31Z", "0044-03-15 BC"):
        lab.run("INSERT INTO {table} VALUES ({stamp}, 'odd')", stamp=stamp)
    reading = lab.measured()["undated.log"].reading
    assert (reading.records, reading.undatable, reading.expired.records, reading.future) == (6, 6, 0, 2)
    assert outcomes(lab, lab.plan()) == [(Code.DELETED, "", 1)]
    assert count(lab) == 6


def test_a_unit_of_undatable_rows_has_an_identity(lab: RowsLab) -> None:
    """What cannot be dated can be looked at all the same, as a control that must stay."""
    lab.undated()
    unit = lab.measured()["undated.log"].unit
    found = lab.source.identity(unit)
    assert (found.inode, found.size) == (unit.identity.inode, unit.identity.size)
    lab.run("DELETE FROM {table}")
    assert lab.source.identity(unit) is None


def test_a_name_that_is_none_of_ours_leads_to_nothing(lab: RowsLab) -> None:
    """A unit is a day as it is written here; anything else has no identity and no deletion."""
    lab.old()
    (row,) = lab.source.source.plan([m for m in lab.pg.measure(lab.marks) if isinstance(m, Measured)], lab.marks)
    for name in (b"2025-11-22T01", b"2025-11-2", b"'; DROP TABLE x; --", b"\xff", b"undated", b"2025-13-01"):
        other = replace(row, unit=replace(row.unit, name=name))
        assert name == b"undated" or lab.pg.identity(other.unit) is None
        assert [done.code for done in lab.pg.delete([other], guard=FREE)] == [Code.DRIFTED]
    assert [done.code for done in lab.pg.delete([row], guard=FREE)] == [Code.DELETED]


# -- between preview and purge ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {table} SET {column} = now() WHERE message = 'record 1'",
        "UPDATE {table} SET {column} = {column} + interval '1 microsecond' WHERE message = 'record 1'",
        "UPDATE {table} SET {column} = NULL WHERE message = 'record 1'",
        "UPDATE {table} SET message = 'record 9' WHERE message = 'record 1'",
        "DELETE FROM {table} WHERE message = 'record 1'",
        "INSERT INTO {table} SELECT * FROM {table} WHERE message = 'record 1'",
        "ALTER TABLE {table} ADD COLUMN more text DEFAULT 'x'",
    ],
)
def test_rows_that_changed_are_left_alone(lab: RowsLab, change: str) -> None:
    """Moved, changed, removed, doubled or widened since the preview: none of the unit's rows goes."""
    lab.old()
    planned = lab.plan()
    lab.run(change)
    before = count(lab)
    assert outcomes(lab, planned) == [(Code.DRIFTED, "", 0)]
    assert count(lab) == before
    assert lab.source.recover(planned[0], guard=FREE).code is Code.DRIFTED


def test_a_row_whose_time_is_changed_while_it_is_deleted_stays(lab: RowsLab) -> None:
    """The deletion waits for the change, sees that the row is young now, and undoes everything."""
    lab.old()
    planned = lab.plan()
    writer = lab.another()
    writer.execute(lab.text("UPDATE {table} SET {column} = now() WHERE message = 'record 1'"))
    committing = threading.Thread(target=lambda: (time.sleep(0.3), writer.commit()))
    committing.start()
    assert outcomes(lab, planned) == [(Code.DRIFTED, "", 0)]
    committing.join()
    assert count(lab) == 3


def test_young_rows_may_come_into_a_unit_that_is_cut(lab: RowsLab) -> None:
    """A row after the cutoff that came since the preview is none of the planned ones: they go, it stays."""
    lab.mixed()
    (row,) = lab.plan()
    assert (row.action, row.records, row.kept_records) == (Action.REWRITE, 2, 2)
    lab.insert([lab.marks.cutoff], text="late")
    assert outcomes(lab, [row]) == [(Code.REWRITTEN, "", 2)]
    assert lab.source.verify(row) is None
    assert count(lab) == 3


def test_a_lost_young_row_is_noticed(lab: RowsLab) -> None:
    """Where a row that had to stay has gone after the cut, the verification fails."""
    lab.mixed()
    (row,) = lab.plan()
    lab.delete([row])
    assert lab.source.verify(row) is None
    lab.run("DELETE FROM {table} WHERE {column} >= {cutoff}", cutoff=datetime_of(lab.marks.cutoff))
    assert lab.source.verify(row) is Code.DRIFTED


def test_a_table_of_the_same_name_is_another_one(lab: RowsLab) -> None:
    """A table with the same rows that took the name since the preview is not touched."""
    lab.old()
    planned = lab.plan()
    lab.run("ALTER TABLE {table} RENAME TO away")
    lab.run(
        "CREATE TABLE {table} AS SELECT * FROM {away}", away=psycopg.sql.Identifier(*(lab.options.table_schema, "away"))
    )
    assert outcomes(lab, planned) == [(Code.DRIFTED, "", 0)]
    assert count(lab) == 3


def test_two_purges_at_once_delete_everything_once(lab: RowsLab) -> None:
    """Two bots with the same manifest: every unit is deleted by exactly one of them."""
    for number in range(6):
        lab.old(f"old-{number}.log")
    planned = lab.plan()
    found: list[list[Code]] = []

    def purge() -> None:
        found.append([done.code for done in lab.fresh().delete(planned, guard=FREE)])

    threads = [threading.Thread(target=purge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [pair.count(Code.DELETED) for pair in zip(*found, strict=True)] == [1] * 6
    assert count(lab) == 0


# -- what the engine has to say ---------------------------------------------------------------------------------------


def test_a_foreign_key_keeps_what_it_needs(lab: RowsLab) -> None:
    """A day with a referenced row stays whole, also where the key is checked only at the commit; others go."""
    lab.old()
    lab.old("other.log")
    lab.run("ALTER TABLE {table} ADD PRIMARY KEY ({column})")
    notes = psycopg.sql.Identifier(lab.options.table_schema, "notes")
    lab.run("CREATE TABLE {notes} (at timestamptz REFERENCES {table} DEFERRABLE INITIALLY DEFERRED)", notes=notes)
    lab.run("INSERT INTO {notes} SELECT max({column}) FROM {table}", notes=notes)
    assert outcomes(lab, lab.plan()) == [(Code.FAILED, "foreign_key", 0), (Code.DELETED, "", 3)]
    lab.run("TRUNCATE {notes}", notes=notes)
    assert outcomes(lab, lab.plan()) == [(Code.DELETED, "", 3)]


def test_who_may_only_read_deletes_nothing(lab: RowsLab) -> None:
    """With SELECT alone everything is measured and nothing deleted; with DELETE it goes."""
    lab.old()
    role = lab.role("GRANT SELECT ON {table} TO {role}")
    lab.as_role(role)
    assert outcomes(lab, lab.plan()) == [(Code.DENIED, "denied", 0)]
    lab.run("GRANT DELETE ON {table} TO {role}", role=psycopg.sql.Identifier(role))
    assert outcomes(lab, lab.plan()) == [(Code.DELETED, "", 3)]


def test_a_database_that_may_only_be_read_is_left_alone(lab: RowsLab) -> None:
    """A server that was set to read only, as a full one is, deletes nothing and says why."""
    lab.old()
    planned = lab.plan()
    name = psycopg.sql.Identifier(lab.connection.info.dbname)
    lab.run("ALTER DATABASE {name} SET default_transaction_read_only = on", name=name)
    assert outcomes(lab, planned) == [(Code.DENIED, "read_only", 0)]
    lab.run("ALTER DATABASE {name} RESET default_transaction_read_only", name=name)
    assert outcomes(lab, planned) == [(Code.DELETED, "", 3)]


def test_dead_rows_are_named_until_vacuum_has_run(lab: RowsLab) -> None:
    """After a deletion the rows are invisible and not gone: that is a copy with a name, and the purge is pending."""
    lab.old()
    lab.young()
    lab.delete(lab.plan())
    kinds = [copy.kind for copy in lab.source.copies()]
    assert kinds == ["dead_tuples", "freed_pages", "write_ahead_log", "replicas", "backups"]
    able = lab.source.capabilities()
    assert (able.physical_delay, able.hides_first) == (DAY, True)
    lab.run("VACUUM {table}")
    lab.run("SELECT pg_stat_force_next_flush()")
    assert "dead_tuples" not in [copy.kind for copy in lab.source.copies()]
    assert lab.make(release_days=9).capabilities().physical_delay == 9 * DAY


def test_storage_is_released_once_vacuum_has_run_since(lab: RowsLab) -> None:
    """A VACUUM before the deletion releases nothing; one after it does; a server that is away says nothing."""
    lab.old()
    lab.run("VACUUM {table}")
    planned = lab.plan()
    removed_at = instant_of(SystemClock().now())
    lab.delete(planned)
    asked = {"removed_at": removed_at - 2 * MINUTE}
    lab.run("SELECT pg_stat_force_next_flush()")
    assert lab.source.released(iter(planned), removed_at=removed_at + MINUTE) is Release.WAITING
    lab.run("VACUUM {table}")
    lab.run("SELECT pg_stat_force_next_flush()")
    assert lab.source.released(iter(planned), **asked) is Release.RELEASED
    lab.lose()
    assert lab.source.released(iter(planned), **asked) is Release.UNKNOWN


def test_what_came_late_into_a_purged_day_is_late(lab: RowsLab) -> None:
    """A day stays a day: other rows in a purged one came late, the very rows are a restore."""
    lab.old()
    planned = lab.plan()
    lab.measured()
    lab.delete(planned)
    lab.source.remember_purged(planned, at=lab.marks.now + HOUR)
    asked = {"purged_until": lab.marks.cutoff, "purged_at": lab.marks.now + HOUR}
    lab.insert([lab.days["old.log"]], text="late")
    found = lab.fresh().reappeared(lab.marks, **asked)
    assert (found.late, found.resurrected) == (1, 0)
    lab.run("TRUNCATE {table}")
    lab.old()
    found = lab.fresh().reappeared(lab.marks, **asked)
    assert (found.late, found.resurrected) == (0, 3)


def test_the_cut_rows_of_a_day_are_known_again(lab: RowsLab) -> None:
    """Of a day that was cut it is the rows that went that count: restored beside what stayed they are known."""
    lab.mixed()
    planned = lab.plan()
    lab.delete(planned)
    lab.source.remember_purged(planned, at=lab.marks.now)
    asked = {"purged_until": lab.marks.cutoff, "purged_at": lab.marks.now}
    assert lab.source.reappeared(lab.marks, **asked).resurrected == 0
    lab.insert([lab.marks.cutoff - 2 * HOUR, lab.marks.cutoff - HOUR])
    assert lab.source.reappeared(lab.marks, **asked).resurrected == 2


# -- time -------------------------------------------------------------------------------------------------------------


def test_the_zone_of_the_server_changes_nothing(lab: RowsLab) -> None:
    """Whatever zone and forms a database has for defaults, the same rows are the same units with the same tags."""
    lab.old()
    lab.mixed()
    before, planned = lab.measured(), lab.plan()
    name = psycopg.sql.Identifier(lab.connection.info.dbname)
    lab.run("ALTER DATABASE {name} SET TimeZone = 'Pacific/Kiritimati'", name=name)
    lab.run("ALTER DATABASE {name} SET DateStyle = 'German'", name=name)
    assert lab.measured() == before
    assert [done.code for done in lab.delete(planned)] == [Code.REWRITTEN, Code.DELETED]


@pytest.mark.parametrize("hours", [1, 6, 24])
def test_a_unit_may_be_some_hours(lab: RowsLab, hours: int) -> None:
    """A unit is a day or a part of one; the same rows go, whatever its length."""
    lab.insert([lab.marks.cutoff + offset * HOUR for offset in range(-30, 30)])
    source = lab.make(bucket_hours=hours)
    units = [one for one in source.measure(lab.marks) if isinstance(one, Measured)]
    rows = [row for row in source.plan(units, lab.marks) if row is not None]
    assert sum(row.records for row in rows) == 30
    assert {done.code for done in source.delete(rows, guard=FREE)} <= {Code.DELETED, Code.REWRITTEN}
    ((kept, first),) = lab.run("SELECT count(*), min({column}) FROM {table}")
    assert (kept, first) == (30, datetime_of(lab.marks.cutoff))
    assert [source.verify(row) for row in rows] == [None] * len(rows)


def test_the_newest_unit_is_active(lab: RowsLab) -> None:
    """Rows of the hours that have not ended yet are never touched, whatever the cutoff."""
    lab.insert([lab.now - 13 * HOUR, lab.now - HOUR])
    marks = Marks(cutoff=lab.now, limit=lab.now, now=lab.now)
    found = {one.unit.name: one for one in lab.pg.measure(marks) if isinstance(one, Measured)}
    assert {name: one.active for name, one in found.items()} == {b"2026-03-01": "", b"2026-03-02": "newest"}
    rows = [row for row in lab.pg.plan(list(found.values()), marks) if row is not None]
    assert [row.unit.name for row in rows] == [b"2026-03-01"]


class WallLab(RowsLab):
    """A plain table whose stamps name no zone: they are Berlin's."""

    def definition(self) -> str:
        """Give the statement that makes the table."""
        return "CREATE TABLE {table} ({column} timestamp, message text)"


@pytest.mark.parametrize("minutes", range(-180, 181, 20))
def test_a_wall_time_goes_only_if_both_its_readings_are_old(dsn: str, tmp_path: Path, minutes: int) -> None:
    """Around the change of clocks a row without a zone goes only where its later reading is before the cutoff.

    And at most a day around the change some rows stay that could have gone: never more than an hour too long.
    """
    lab = WallLab(dsn, tmp_path, zone="Europe/Berlin")
    change = instant_of(dt.datetime(2025, 10, 26, 1, tzinfo=dt.UTC))
    cutoff = change + minutes * MINUTE
    marks = Marks(cutoff=cutoff, limit=cutoff - 7 * DAY, now=lab.now)
    walls = [dt.datetime(2025, 10, 26) + dt.timedelta(minutes=10 * step) for step in range(-30, 60)]  # noqa: DTZ001
    for wall in walls:
        lab.run("INSERT INTO {table} VALUES ({wall}, 'w')", wall=wall)
    units = [one for one in lab.pg.measure(marks) if isinstance(one, Measured)]
    rows = [row for row in lab.pg.plan(units, marks) if row is not None]
    assert all(row.hi < cutoff for row in rows)
    assert {done.code for done in lab.pg.delete(rows, guard=FREE)} <= {Code.DELETED, Code.REWRITTEN}
    left = {row[0] for row in lab.run("SELECT {column} FROM {table}")}
    for wall in walls:
        latest = max(instant_of(wall.replace(tzinfo=BERLIN, fold=fold)) for fold in (0, 1))
        assert wall in left or latest < cutoff
        assert wall not in left or latest >= cutoff - HOUR
    lab.close()


def test_a_record_at_the_cutoff_stays_to_the_microsecond(lab: RowsLab) -> None:
    """One microsecond before the cutoff goes; the cutoff itself stays."""
    lab.insert([lab.marks.cutoff - 1, lab.marks.cutoff, lab.marks.cutoff + SECOND])
    lab.days["edge.log"] = lab.marks.cutoff // DAY * DAY
    assert outcomes(lab, lab.plan()) == [(Code.REWRITTEN, "", 1)]
    assert lab.run("SELECT min({column}) FROM {table}") == [(datetime_of(lab.marks.cutoff),)]
