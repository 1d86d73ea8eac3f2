"""Partitions as units: a partition goes as a whole, by detaching and dropping it, or not at all.

It is bound to its oid, its bounds, its file node and the content of its rows, all checked under a lock that keeps
writers away until it has gone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg import sql

from data.retention.evidence import Marks
from data.retention.instants import Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Planned, Unit
from data.sources.interface import Acted, Skipped
from data.sources.postgres_figures import Seen, between, counting, figures_of, identity_of, only
from data.sources.postgres_session import TABLE_IN_USE, Connection, Query, Server, one
from data.sources.postgres_table import Named, Table, lock

_PAGE: Final = 500
_TRIES: Final = 3
_UPPER: Final = re.compile(r" TO \('([^']+)'\)$")
_ENTRIES: Final = """
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text,
    coalesce(pg_relation_filenode(c.oid), 0)::bigint, coalesce(pg_get_expr(c.relpartbound, 0), ''),
    i.inhdetachpending
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = {parent} AND {which} ORDER BY c.oid LIMIT {most}
"""
"""The bounds are written without naming their table: with it the server would wait for a lock on each."""
_DETACHED: Final = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND starts_with(c.relname, {prefix})
AND (SELECT array_agg(ROW(a.attname, a.atttypid)::text ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    = (SELECT array_agg(ROW(a.attname, a.atttypid)::text ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = {parent} AND a.attnum > 0 AND NOT a.attisdropped)
ORDER BY c.oid
"""
_LOCKS: Final = """
SELECT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'relation' AND l.database = {database} AND l.relation = {oid}
    AND l.pid IS DISTINCT FROM pg_backend_pid() AND {which})
"""
_WRITES: Final = sql.SQL("l.granted AND l.mode = 'RowExclusiveLock'").format()
_WAITS: Final = sql.SQL("NOT l.granted").format()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    oid: int
    schema: str
    name: str
    kind: str
    node: int
    bounds: str
    detaching: bool

    @property
    def spelled(self) -> sql.Identifier:
        """Spell its name in SQL."""
        return sql.Identifier(self.schema, self.name)


class Partitions:
    """The partitions of one table."""

    def __init__(self, server: Server, named: Named, *, quiet: int, page: int = _PAGE) -> None:
        self._server = server
        self._named = named
        self._quiet = quiet
        self._page = page

    # -- looking ------------------------------------------------------------------------------------------------------

    def seen(self, connection: Connection, table: Table, marks: Marks) -> Iterator[Seen | Skipped]:
        """Look at every partition in a transaction of its own, in bounded memory; raises `psycopg.Error`."""
        last = 0
        while page := _entries(connection, table, sql.SQL("c.oid > {}").format(last), most=self._page):
            for entry in page:
                found = self._looked(connection, table, entry, marks)
                if found is not None:
                    yield found
            last = page[-1].oid
        self._server.begin(connection)
        named = self._named
        query = sql.SQL(_DETACHED).format(schema=named.schema, prefix=f"{named.table}_", parent=table.oid)
        for schema, name in connection.execute(query).fetchall():
            yield Skipped(name=self._name_of(schema, name), code=Code.SKIPPED, reason="set_aside")

    def find(self, connection: Connection, table: Table, name: bytes, marks: Marks) -> Seen | None:
        """Look at the partition of this name; None where none is. Raises `psycopg.Error`."""
        entry = self._entry(connection, table, name)
        if entry is None or _unfit(entry):
            return None
        lock(connection, entry.spelled, "ACCESS SHARE")
        return self._counted(connection, table, name, marks, now=marks.now)

    def _looked(self, connection: Connection, table: Table, entry: _Entry, marks: Marks) -> Seen | Skipped | None:
        """Look at a partition whatever it is called by now; None where it is none any more."""
        for _ in range(_TRIES):
            name, unfit = self._name_of(entry.schema, entry.name), _unfit(entry)
            if unfit:
                return Skipped(name=name, code=Code.FAILED, reason=unfit)
            self._server.begin(connection)
            try:
                found = self.find(connection, table, name, marks)
            except psycopg.errors.UndefinedTable:
                found = None
            except psycopg.errors.LockNotAvailable:
                return Skipped(name=name, code=Code.FAILED, reason="locked")
            except psycopg.errors.InsufficientPrivilege:
                return Skipped(name=name, code=Code.DENIED, reason="denied")
            if found is not None and found.unit.identity.inode == entry.oid:
                return found
            self._server.begin(connection)
            again = _entries(connection, table, sql.SQL("c.oid = {}").format(entry.oid))
            if not again:
                return None
            entry = again[0]
        return Skipped(name=self._name_of(entry.schema, entry.name), code=Code.FAILED, reason="renamed")

    def _counted(self, connection: Connection, table: Table, name: bytes, marks: Marks, *, now: Instant) -> Seen | None:
        """Count what a locked partition holds."""
        entry = self._entry(connection, table, name)
        if entry is None or _unfit(entry):
            return None
        figures = figures_of(one(connection, counting(table, marks, only(entry.spelled))))
        tag = f"partition {entry.oid} {entry.node} {entry.bounds} {figures.all}"
        unit = Unit(name=name, identity=identity_of(table, place=entry.oid, figures=figures, tag=tag))
        return Seen(unit=unit, figures=figures, goes=tag, active=self._active(connection, table, entry, now))

    def _active(self, connection: Connection, table: Table, entry: _Entry, now: Instant) -> str:
        if entry.oid == table.default:
            return "default"
        if _end_of(table, entry.bounds, otherwise=now) > now - self._quiet:
            return "covers_now"
        return "open" if _is_locked(connection, table, entry.oid, _WRITES) else ""

    def _entry(self, connection: Connection, table: Table, name: bytes) -> _Entry | None:
        schema, relation = self._parts_of(name)
        found = _entries(connection, table, sql.SQL("n.nspname = {} AND c.relname = {}").format(schema, relation))
        return found[0] if found else None

    # -- deleting -----------------------------------------------------------------------------------------------------

    def remove(self, connection: Connection, table: Table, planned: Planned, now: Instant) -> Acted:
        """Detach and drop a partition that still is what was planned, uncommitted; raises `psycopg.Error`."""
        identity = planned.unit.identity
        entry = self._entry(connection, table, planned.unit.name)
        if entry is None and not _exists(connection, identity.inode):
            return Acted(code=Code.TARGET_ABSENT)
        if entry is None or planned.action is not Action.DELETE or _unfit(entry) or entry.oid != identity.inode:
            return Acted(code=Code.DRIFTED)
        if _is_locked(connection, table, entry.oid, _WRITES):
            return Acted(code=Code.ACTIVE, reason="open")
        # Keeps writers and other purges away; the parent is not locked yet, so the table goes on working meanwhile.
        lock(connection, entry.spelled, "SHARE ROW EXCLUSIVE")
        marks = Marks(cutoff=planned.cutoff, limit=planned.cutoff, now=planned.now)
        found = self._counted(connection, table, planned.unit.name, marks, now=now)
        if found is None or found.goes != identity.tag or not found.figures.wholly_old():
            return Acted(code=Code.DRIFTED)
        if found.active:
            return Acted(code=Code.ACTIVE, reason=found.active)
        return _dropped(connection, table, entry, planned)

    def left(self, connection: Connection, table: Table, planned: Planned) -> Acted | None:
        """Tell what a crash left of a removal; None where nothing has happened. Raises `psycopg.Error`."""
        identity = planned.unit.identity
        if not _exists(connection, identity.inode):
            return Acted(code=Code.ABSENT)
        marks = Marks(cutoff=planned.cutoff, limit=planned.cutoff, now=planned.now)
        found = self.find(connection, table, planned.unit.name, marks)
        return None if found is not None and found.goes == identity.tag else Acted(code=Code.DRIFTED)

    def verify(self, connection: Connection, table: Table, planned: Planned) -> Code | None:
        """Look by oid in the catalogue, and for the same rows through the parent; raises `psycopg.Error`.

        The parent was just found, so its being empty means something.
        """
        if _exists(connection, planned.unit.identity.inode):
            return Code.FAILED
        marks = Marks(cutoff=planned.cutoff, limit=planned.cutoff, now=planned.now)
        where = between(table, table.surely_before(planned.lo), table.maybe_before(planned.hi) + 1)
        whole = sql.SQL("{}").format(table.spelled)
        content = figures_of(one(connection, counting(table, marks, whole, where))).all
        return Code.FAILED if planned.unit.identity.tag.endswith(f" {content}") else None

    # -- names --------------------------------------------------------------------------------------------------------

    def _name_of(self, schema: str, name: str) -> bytes:
        """Name a partition: by its bare name beside its parent, else with its schema, in quotes."""
        if schema == self._named.schema and not name.startswith('"'):
            return name.encode()
        quoted = [part.replace('"', '""') for part in (schema, name)]
        return f'"{quoted[0]}"."{quoted[1]}"'.encode()

    def _parts_of(self, name: bytes) -> tuple[str, str]:
        """Read back schema and name; a name that was not made here leads to nothing."""
        text = name.decode("utf-8", "replace").replace("\0", "")
        if not text.startswith('"'):
            return self._named.schema, text
        found = re.fullmatch(r'"((?:[^"]|"")*)"\."((?:[^"]|"")*)"', text, re.DOTALL)
        schema, relation = found.groups() if found else ("", "")
        return schema.replace('""', '"'), relation.replace('""', '"')


def _entries(connection: Connection, table: Table, which: Query, *, most: int = 1) -> list[_Entry]:
    query = sql.SQL(_ENTRIES).format(parent=table.oid, which=which, most=most)
    keys = ("oid", "schema", "name", "kind", "node", "bounds", "detaching")
    return [_Entry(**dict(zip(keys, row, strict=True))) for row in connection.execute(query).fetchall()]


def _unfit(entry: _Entry) -> str:
    """Tell why a partition can be no unit, and nobody knows what it holds; "" where it can."""
    if entry.detaching:
        return "detaching"
    return {"r": "", "p": "nested", "f": "foreign_table"}.get(entry.kind, "not_a_table")


def _end_of(table: Table, bounds: str, *, otherwise: Instant) -> Instant:
    """Give the instant before which everything in a partition lies; `otherwise` where its bounds tell none."""
    found = _UPPER.search(bounds)
    if found is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(found.group(1))
    except ValueError:  # `infinity`, or a year that Python does not know
        return otherwise
    return table.latest(instant_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))


def _exists(connection: Connection, oid: int) -> bool:
    return bool(one(connection, sql.SQL("SELECT EXISTS (SELECT FROM pg_class WHERE oid = {})").format(oid))[0])


def _dropped(connection: Connection, table: Table, entry: _Entry, planned: Planned) -> Acted:
    """Detach and drop a partition that is locked and known."""
    if _is_locked(connection, table, entry.oid, _WAITS):
        # Whoever waits for this partition may have the parent in use: waiting for that would be a deadlock.
        return Acted(code=Code.LOCKED, reason="wanted")
    try:
        lock(connection, table.spelled, "ACCESS EXCLUSIVE")
        # Detached first: so foreign keys that lead here are checked for rows, and refuse only where there are any.
        connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(table.spelled, entry.spelled))
    except psycopg.errors.LockNotAvailable:
        return Acted(code=Code.LOCKED, reason=TABLE_IN_USE)
    connection.execute(sql.SQL("DROP TABLE {}").format(entry.spelled))
    return Acted(code=Code.DELETED, bytes=planned.bytes, records=planned.records)


def _is_locked(connection: Connection, table: Table, oid: int, which: Query) -> bool:
    query = sql.SQL(_LOCKS).format(database=table.database, oid=oid, which=which)
    return bool(one(connection, query)[0])
