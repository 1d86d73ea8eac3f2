"""What the table of a source is, and whether it may be one at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, LiteralString

from psycopg import sql

from data.formats.zones import ZoneClock
from data.retention.instants import HOUR, MINUTE, Instant, datetime_of
from data.retention.unit import place_of
from data.sources.postgres_session import Connection, Row, one

PARTITIONS: Final = "partitions"
ROWS: Final = "rows"
Layout = Literal["partitions", "rows"]

SKEW: Final = 10 * MINUTE
"""Stamps later than this after now are not believed (purge.md 6.2)."""
_AROUND: Final = range(-26, 27)
"""Hours in which a change of a zone's offset can matter to a wall time."""

_WITH_ZONE: Final = 1184
_WITHOUT_ZONE: Final = 1114
"""The types `timestamptz` and `timestamp`."""

_OWN: Final = frozenset(
    {"requests", "holds", "marks", "people", "ticks", "manifests", "manifest_rows", "alerts", "deliveries"}
    | {"conversations", "tickets", "standing_rules", "feedback", "holder", "schema_migrations"}
)
_OWN_PREFIXES: Final = ("audit_", "procrastinate_")

REFUSALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "does not exist",
        "not_a_table": "is no ordinary table: name the table behind a view, or use another connector",
        "own_state": "belongs to the bot itself",
        "not_partitioned": "is not partitioned; its layout is `rows`",
        "is_partitioned": "is partitioned; its layout is `partitions`",
        "has_children": "has tables that inherit from it, whose rows would be overlooked",
        "no_column": "has no column of the name in time_column",
        "not_a_time": "has a time_column that is neither timestamptz nor timestamp",
        "no_zone": "has a time_column without a time zone: say in zone where it was written",
        "not_by_time": "is not partitioned by ranges of exactly its time_column",
        "reaches_others": "has foreign keys leading to it that would change other tables (CASCADE, SET NULL)",
        "delete_trigger": "has a trigger or a rule on DELETE, whose effects nobody can foresee",
        "row_security": "has row-level security that may hide rows from this role",
        "replica": "lies on a replica; name the primary server",
    }
)
"""Why a table can be no source: a stable word, and how the sentence goes on."""


class RefusedTableError(Exception):
    """The table cannot be a source; the reason is one of `REFUSALS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an operator says of a table."""

    schema: str
    table: str
    column: str
    layout: Layout
    clock: ZoneClock | None
    """Of the zone in which stamps without one were written; None where none was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that may be a source, as it is now."""

    named: Named
    oid: int
    server: int
    """A number for the database on its cluster: the same name elsewhere is another place."""
    database: int
    default: int
    """Oid of the default partition; 0 where there is none."""
    column: sql.Identifier
    clock: ZoneClock | None
    """None where stamps are instants already."""

    @property
    def spelled(self) -> sql.Identifier:
        """Spell its name in SQL."""
        return sql.Identifier(self.named.schema, self.named.table)

    def surely_before(self, instant: Instant) -> int:
        """Give the stamp below which every stamp surely means a moment before the instant."""
        return instant + self._around(instant)[1]

    def maybe_before(self, instant: Instant) -> int:
        """Give the stamp below which every stamp lies that may mean a moment before the instant."""
        return instant + self._around(instant)[0]

    def own(self, stamp: int) -> sql.Literal:
        """Write a stamp as the column has it: an instant, or microseconds on a wall since 1970."""
        moment = datetime_of(stamp)
        return sql.Literal(moment if self.clock is None else moment.replace(tzinfo=None))

    def earliest(self, stamp: int) -> Instant:
        """Give the first instant that a stamp may mean."""
        return stamp - self._around(stamp)[0]

    def latest(self, stamp: int) -> Instant:
        """Give the last instant that a stamp may mean."""
        return stamp - self._around(stamp)[1]

    def _around(self, moment: int) -> tuple[int, int]:
        """Give the most and the least that a wall around this moment may be ahead of UTC.

        Near a change of clocks both sides count, so that an hour too much is kept and never one too little.
        """
        if self.clock is None:
            return 0, 0
        clock = self.clock
        found = [clock.offsets(moment + hours * HOUR) for hours in _AROUND]
        return max(east for east, _ in found), min(west for _, west in found)


_FACTS: Final = """
SELECT pg_is_in_recovery(), d.oid::bigint, c.oid::bigint, c.relkind::text, a.atttypid::bigint,
    p.partstrat::text, p.partnatts = 1 AND p.partattrs[0] = a.attnum, coalesce(p.partdefid::bigint, 0),
    EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid),
    EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid
        AND f.confdeltype IN ('c', 'n', 'd')),
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'
        AND (t.tgtype & 8) <> 0)
        OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '4' AND w.ev_enabled <> 'D'),
    EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname = 'audit_checkpoints'),
    coalesce(row_security_active(c.oid), false)
FROM pg_database d
LEFT JOIN pg_namespace n ON n.nspname = {schema}
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = {table}
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = {column} AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
WHERE d.datname = current_database()
"""


def look_up(connection: Connection, named: Named) -> Table:
    """Find the table under its name; raises `RefusedTableError`, `psycopg.Error`."""
    query = sql.SQL(_FACTS).format(schema=named.schema, table=named.table, column=named.column)
    found = one(connection, query)
    for reason in _refusals(named, found):
        raise RefusedTableError(reason)
    (_, database, oid, _, kind, _, _, default, *_) = found
    return Table(
        named=named,
        oid=oid,
        server=place_of(_cluster(connection), str(database)),
        database=database,
        default=default,
        column=sql.Identifier(named.column),
        clock=None if kind == _WITH_ZONE else named.clock,
    )


def _refusals(named: Named, found: Row) -> Iterator[str]:
    """Say what speaks against a table, the most telling first."""
    replica, _, oid, relkind, kind, strategy, by_time, _, children, cascades, triggers, ours, hidden = found
    rows = named.layout == ROWS
    own = named.table in _OWN or named.table.startswith(_OWN_PREFIXES)
    said = {
        "replica": replica,
        "missing": oid is None,
        "own_state": ours and own,
        "not_a_table": relkind not in {"r", "p"},
        "not_partitioned": not rows and relkind != "p",
        "is_partitioned": rows and relkind == "p",
        "has_children": rows and children,
        "no_column": kind is None,
        "not_a_time": kind not in {_WITH_ZONE, _WITHOUT_ZONE},
        "no_zone": kind == _WITHOUT_ZONE and named.clock is None,
        "not_by_time": not rows and not (strategy == "r" and by_time),
        "reaches_others": rows and cascades,
        "delete_trigger": rows and triggers,
        "row_security": hidden,
    }
    return (reason for reason, speaks_against in said.items() if speaks_against)


def _cluster(connection: Connection) -> str:
    """Give the number of the cluster; "" where this role may not ask for it."""
    may = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
    if not one(connection, sql.SQL(may).format())[0]:
        return ""
    return str(one(connection, sql.SQL("SELECT system_identifier FROM pg_control_system()").format())[0])


def locked(connection: Connection, named: Named, mode: LiteralString) -> Table:
    """Find the table and keep others from renaming or changing it; raises `RefusedTableError`, `psycopg.Error`."""
    look_up(connection, named)  # no view and nothing foreign is ever locked
    lock(connection, sql.Identifier(named.schema, named.table), mode)
    return look_up(connection, named)


def lock(connection: Connection, relation: sql.Identifier, mode: LiteralString) -> None:
    """Lock a table itself and none of its partitions until the transaction ends; raises `psycopg.Error`."""
    connection.execute(sql.SQL("LOCK TABLE ONLY {} IN {} MODE").format(relation, sql.SQL(mode)))
