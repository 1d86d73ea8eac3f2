"""Remembers what was read of objects that do not change, so that none is fetched twice; a cache, never in the way.

An object is known by its place and the engine's own tag of its content. What was counted of it holds at other marks as
long as no record changes sides. Whoever deletes the file loses nothing but time.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from data.formats.interface import Reading
from data.retention.evidence import Marks
from data.retention.instants import MINUTE
from data.retention.unit import Identity
from data.sources.state import connected, locked

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (
    place INTEGER PRIMARY KEY, tag TEXT NOT NULL, digest TEXT NOT NULL, reading TEXT NOT NULL,
    cutoff INTEGER NOT NULL, limit_at INTEGER NOT NULL, now_at INTEGER NOT NULL, seen INTEGER NOT NULL
);
"""
_TOLERANCE: Final = 10 * MINUTE
_BATCH: Final = 500
_READING: Final = TypeAdapter(Reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of one object."""

    reading: Reading
    digest: str


@contextmanager
def opened(path: Path, marks: Marks, *, valid_for: str) -> Iterator["Readings"]:
    """Open what was read under the same configuration; another configuration begins anew."""

    def prepare(connection: sqlite3.Connection) -> None:
        connection.executescript(_TABLES)
        found = connection.execute("SELECT value FROM about WHERE key = 'valid_for'").fetchone()
        if found is None or found[0] != valid_for:
            connection.execute("DELETE FROM readings")
            connection.execute("INSERT OR REPLACE INTO about VALUES ('valid_for', ?)", (valid_for,))

    with locked(path) as own, closing(connected(path, own=own, prepare=prepare)) as connection:
        yield Readings(connection, marks)


class Readings:
    """What one pass over a source knows from those before it."""

    def __init__(self, connection: sqlite3.Connection, marks: Marks) -> None:
        self._connection = connection
        self._marks = marks
        self._broken = False
        self._waiting = 0
        found = self._rows("SELECT coalesce(max(seen), 0) FROM readings", ())
        self._number = found[0][0] + 1 if found else 1

    def get(self, identity: Identity) -> Known | None:
        """Give what was read of exactly this content, if it holds at these marks."""
        query = "SELECT digest, reading, cutoff, limit_at, now_at FROM readings WHERE place = ? AND tag = ?"
        for digest, text, cutoff, limit, now in self._rows(query, (identity.inode, identity.tag)):
            try:
                reading = _READING.validate_json(text)
            except ValidationError:
                return None
            if holds(reading, Marks(cutoff=cutoff, limit=limit, now=now), self._marks):
                self._do("UPDATE readings SET seen = ? WHERE place = ?", (self._number, identity.inode))
                return Known(reading=reading, digest=digest)
        return None

    def put(self, identity: Identity, known: Known) -> None:
        """Remember what was read just now."""
        text = _READING.dump_json(known.reading).decode()
        marks = self._marks
        row = (identity.inode, identity.tag, known.digest, text, marks.cutoff, marks.limit, marks.now, self._number)
        self._do("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def finish(self) -> None:
        """Forget what this pass did not meet: it went through the whole source."""
        self._do("DELETE FROM readings WHERE seen < ?", (self._number,))
        self._commit()

    def _do(self, statement: str, values: tuple[object, ...]) -> None:
        if self._broken:
            return
        try:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN")
            self._connection.execute(statement, values)
            self._waiting += 1
        except sqlite3.Error:
            self._broken = True
        if self._waiting >= _BATCH:
            self._commit()

    def _commit(self) -> None:
        self._waiting = 0
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._broken = True

    def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if self._broken:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error:
            self._broken = True
            return []


def holds(reading: Reading, then: Marks, now: Marks) -> bool:
    """Tell whether what was counted at other marks is what would be counted now."""
    if reading.future or (now.now < then.now and (reading.highest_lo or 0) > now.now + _TOLERANCE):
        return False
    if then.cutoff != now.cutoff and not (
        (reading.youngest_expired is None or reading.youngest_expired < now.cutoff)
        and (reading.oldest_kept is None or reading.oldest_kept >= now.cutoff)
    ):
        return False
    if then.limit == now.limit or reading.lowest_lo is None or reading.highest_lo is None:
        return True
    return reading.lowest_lo >= max(then.limit, now.limit) or reading.highest_lo < min(then.limit, now.limit)
