"""Numbered migrations: applied in order, each in a transaction of its own, each remembered with the digest of its text.

A migration may say `-- serves from: N`: code that knows the schema only up to N still works on it, so that machines can
be brought up to date one after the other. Without that line only code that knows the migration serves on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

from data.errors import StateError
from data.stores.postgres.database import WAIT_SECONDS, Connection, Database, told
from data.stores.postgres.statements import load_statements, statement

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_SERVES_FROM: Final = re.compile(r"^-- serves from: (\d+)$", re.MULTILINE)
_LOCK: Final = 0x50524F43414C02
"""The key of the advisory lock that keeps two migrations apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """Give the SHA-256 of the text, in hex: a migration that was applied is never changed."""
        return sha256(self.text.encode("utf-8")).hexdigest()

    @property
    def serves_from(self) -> int:
        """Give the number of the oldest schema whose code works on this one."""
        found = _SERVES_FROM.search(self.text)
        return int(found[1]) if found else self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A migration as the database remembers it."""

    number: int
    digest: str
    serves_from: int


def known_migrations() -> tuple[Migration, ...]:
    """Read the migrations of this version, in order; raises `ValueError` where a number is missing."""
    folder = files("data.stores.postgres").joinpath("migrations")
    found = tuple(
        Migration(number=int(match[1]), name=match[2], text=entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda one: one.name)
        if (match := _NAME.fullmatch(entry.name))
    )
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        message = "migrations: a number is missing or stands twice"
        raise ValueError(message)
    return found


def migrate(dsn: str, *, migrations: Sequence[Migration] | None = None, grant_to: str = "") -> tuple[Migration, ...]:
    """Bring a database up to date and give the migrations that were applied; none where it was.

    `grant_to` names the role that the bot itself signs in with: it gets what it needs and cannot change the audit.
    Two that migrate at once wait for each other. Raises `StateError`, also for a database that is newer than this code.
    """
    wanted = known_migrations() if migrations is None else migrations
    with told("was not migrated"), psycopg.connect(dsn, autocommit=True, connect_timeout=int(WAIT_SECONDS)) as found:
        texts = load_statements()
        found.execute(statement(texts, "lock_session").sql, {"lock": _LOCK})
        found.execute(statement(texts, "make_schema_migrations").sql)
        applied = _applied(found)
        _refuse_foreign(applied, wanted)
        new = tuple(wanted[len(applied) :])
        for migration in new:
            _apply(found, migration)
        if grant_to:
            _grant(found, grant_to)
        return new


def check_schema(database: Database, *, migrations: Sequence[Migration] | None = None) -> None:
    """Refuse to work on a schema that this code does not know; raises `StateError` that says what to do."""
    known = known_migrations() if migrations is None else migrations
    with database.connection() as connection:
        there = connection.execute(statement(load_statements(), "has_schema").sql).fetchall()[0][0]
        applied = _applied(connection) if there else ()
    _refuse_foreign(applied, known)
    if len(applied) < len(known):
        message = (
            f"the database has schema {len(applied)}, this version needs {len(known)}: "
            "run `python app.py migrate` with a role that may change the schema"
        )
        raise StateError(message)


def _refuse_foreign(applied: Sequence[Applied], known: Sequence[Migration]) -> None:
    for there, ours in zip(applied, known, strict=False):
        if there.digest != ours.digest:
            message = f"the database was brought to schema {there.number} by another text than this version has"
            raise StateError(message)
    newest = applied[-1] if applied else None
    if newest and newest.number > len(known) and newest.serves_from > len(known):
        message = (
            f"the database has schema {newest.number}, this version knows {len(known)} and cannot work on it: "
            "install the version that migrated it"
        )
        raise StateError(message)


def _applied(connection: Connection) -> tuple[Applied, ...]:
    rows = connection.execute(statement(load_statements(), "schema_migrations").sql).fetchall()
    return tuple(Applied(number=number, digest=digest, serves_from=serves) for number, digest, serves in rows)


def _apply(connection: Connection, migration: Migration) -> None:
    params = {
        "number": migration.number,
        "name": migration.name,
        "digest": migration.digest,
        "serves_from": migration.serves_from,
    }
    with connection.transaction():
        connection.execute(sql.SQL(migration.text))
        connection.execute(statement(load_statements(), "note_migration").sql, params)


def _grant(connection: Connection, role: str) -> None:
    for part in load_statements()["grant"].split(";"):
        connection.execute(sql.SQL(part).format(role=sql.Identifier(role)))
