"""What the server itself does with old rows: pg_partman's retention, and whether VACUUM has been there."""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from data.retention.instants import Instant
from data.sources.interface import UNREADABLE
from data.sources.postgres_session import Connection, one
from data.sources.postgres_table import Table

RETENTION: Final = "pg_partman.retention"
_CONFIGS: Final = """
SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'part_config' AND c.relkind = 'r' AND 3 = (
    SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
    AND a.attname IN ('parent_table', 'retention', 'retention_keep_table'))
ORDER BY c.oid
"""
_CONFIG: Final = """
SELECT retention::text, retention_keep_table FROM {config}
WHERE parent_table::text = {name} AND retention IS NOT NULL
"""
_DAYS: Final = """
SELECT (extract(year FROM i) * 366 + extract(month FROM i) * 31 + extract(day FROM i)
    + ceil((extract(hour FROM i) * 3600 + extract(minute FROM i) * 60 + extract(second FROM i)) / 86400))::bigint::text
FROM (SELECT {retention}::interval AS i) AS said
"""
"""The most days that an interval can mean: a month has at most 31, a year 366."""
_VACUUMED: Final = """
SELECT n_dead_tup = 0 AND greatest(last_vacuum, last_autovacuum) IS NOT NULL
FROM pg_stat_all_tables WHERE relid = {oid}
"""
_VACUUMED_AT: Final = """
SELECT (extract(epoch FROM greatest(last_vacuum, last_autovacuum)) * 1000000)::bigint
FROM pg_stat_all_tables WHERE relid = {oid}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partman:
    """What pg_partman is told to do with old partitions of a table."""

    days: str = ""
    """After how many days, or `UNREADABLE`; "" where it has no say."""
    keeps: bool = False
    """Whether it only detaches them: the rows stay, in tables of their own."""


def partman(connection: Connection, table: Table) -> Partman:
    """Read pg_partman's own settings for a table, wherever its schema is; ends the transaction where it may not read.

    Raises `psycopg.Error` where the session is over.
    """
    name = f"{table.named.schema}.{table.named.table}"
    for (schema,) in connection.execute(sql.SQL(_CONFIGS).format()).fetchall():
        try:
            query = sql.SQL(_CONFIG).format(config=sql.Identifier(schema, "part_config"), name=name)
            found = connection.execute(query).fetchone()
            if found is not None:
                return Partman(days=_days(connection, found[0]), keeps=bool(found[1]))
        except psycopg.errors.OperationalError:
            raise
        except psycopg.Error:  # no right to read, or a text that is no interval
            connection.rollback()
            return Partman(days=UNREADABLE)
    return Partman()


def _days(connection: Connection, retention: str) -> str:
    if retention.strip().isdecimal():  # of partitions by number: says nothing of time
        return UNREADABLE
    return str(one(connection, sql.SQL(_DAYS).format(retention=retention))[0])


def is_vacuumed(connection: Connection, table: Table) -> bool:
    """Tell whether, as far as the server counts, VACUUM has removed every dead row; raises `psycopg.Error`."""
    found = connection.execute(sql.SQL(_VACUUMED).format(oid=table.oid)).fetchone()
    return bool(found and found[0])


def vacuumed_at(connection: Connection, table: Table) -> Instant | None:
    """Tell when VACUUM last ended, by the server's clock; None if the server knows of none. Raises `psycopg.Error`.

    Rows that a transaction could still see then have stayed all the same: the statistics do not tell of which age.
    """
    found = connection.execute(sql.SQL(_VACUUMED_AT).format(oid=table.oid)).fetchone()
    return found[0] if found else None
