"""Remembers what was purged, by name and digest, so that data that come back are told from data that come late.

A record older than a past purge's cutoff that was first seen after it is late; one that had been purged has been
resurrected, by a restored backup for instance (purge.md 6.10).
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.retention.instants import Instant
from data.retention.unit import Planned

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS purged (
    name BLOB NOT NULL, digest TEXT NOT NULL, purged_at INTEGER NOT NULL, PRIMARY KEY (name, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS purged_by_digest ON purged (digest);
"""
_PATIENCE: Final = 10.0


class Tombstones:
    """The purged units of one source; no text of any log, only names and digests."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remember(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember units that were deleted or rewritten, durably. Raises `StateError`."""
        values = ((row.unit.name, row.unit.identity.digest, at) for row in rows)
        with self._connected() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO purged VALUES (?, ?, ?)", values)

    def purged(self, digest: str) -> Instant | None:
        """Tell when this very content was last purged, under whatever name; None if never. Raises `StateError`."""
        with self._connected() as connection:
            found = connection.execute("SELECT max(purged_at) FROM purged WHERE digest = ?", (digest,)).fetchone()
        return None if found[0] is None else int(found[0])

    def forget_before(self, instant: Instant) -> None:
        """Forget units that were purged before an instant. Raises `StateError`."""
        with self._connected() as connection, connection:
            connection.execute("DELETE FROM purged WHERE purged_at < ?", (instant,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLE)
                yield connection
        except sqlite3.Error as error:
            raise StateError(f"{self._path.name}: what was purged cannot be remembered: {error}") from error
