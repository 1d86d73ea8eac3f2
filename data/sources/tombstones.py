"""Remembers what was purged, by digest, so that data that come back are told from data that come late.

A record older than a past purge's cutoff that was first seen after it is late; one that had been purged has been
resurrected, by a restored backup for instance (purge.md 6.10).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.retention.instants import DAY, Instant
from data.retention.unit import Planned
from data.sources.state import is_damage, own_file

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS contents (digest TEXT PRIMARY KEY, purged_at INTEGER NOT NULL) WITHOUT ROWID;
"""
_PATIENCE: Final = 10.0
REMEMBERED: Final = 400 * DAY
"""How long a purged content is known again: a backup that is older than that is the operator's to explain."""


class Tombstones:
    """The purged contents of one source; no text and no name, only digests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remember(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember units that were deleted or rewritten, durably, and forget what is 400 days old.

        A damaged file is put aside: what it held is lost, and a purge is not. Raises `StateError`.
        """
        try:
            with self._connected() as connection:
                connection.execute("PRAGMA quick_check(1)").fetchall()
                connection.execute("SELECT max(purged_at) FROM contents").fetchall()
        except StateError as error:
            if not isinstance(error.__cause__, sqlite3.Error) or not is_damage(error.__cause__):
                raise
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
        values = ((row.unit.identity.digest, at) for row in rows)
        with self._connected() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?)", values)
            connection.execute("DELETE FROM contents WHERE purged_at < ?", (at - REMEMBERED,))

    def purged(self, digest: str) -> Instant | None:
        """Tell when this very content was last purged, under whatever name; None if never. Raises `StateError`."""
        with self._connected() as connection:
            found = connection.execute("SELECT max(purged_at) FROM contents WHERE digest = ?", (digest,)).fetchone()
        return None if found[0] is None else int(found[0])

    def forget_before(self, instant: Instant) -> None:
        """Forget units that were purged before an instant. Raises `StateError`."""
        with self._connected() as connection, connection:
            connection.execute("DELETE FROM contents WHERE purged_at < ?", (instant,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            own_file(self._path)
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self._path.name}: what was purged cannot be remembered: {error}") from error
