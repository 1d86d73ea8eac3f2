"""Remembers when each unit of a source was first seen, for engines that do not tell; no names, only places."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.retention.instants import DAY, Instant
from data.retention.unit import Unit
from data.sources.state import own_file

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS places (place INTEGER PRIMARY KEY, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL);
"""
_PATIENCE: Final = 10.0
_FORGOTTEN: Final = 30 * DAY
"""After how long without being seen a place is forgotten."""


class Sightings:
    """When the units of one source were first seen, by the place that their identity names."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, units: Sequence[Unit], *, now: Instant) -> Mapping[int, Instant]:
        """Note that units are there, and give for each place when it was first seen. Raises `StateError`."""
        places = [unit.identity.inode for unit in units]
        with self._connected() as connection, connection:
            connection.executemany(
                "INSERT INTO places VALUES (?, ?, ?) ON CONFLICT (place) DO UPDATE SET last_seen = excluded.last_seen",
                ((place, now, now) for place in places),
            )
            marks = ", ".join("?" * len(places))
            found = connection.execute(
                f"SELECT place, first_seen FROM places WHERE place IN ({marks})",  # noqa: S608  only question marks
                places,
            )
            return dict(found.fetchall())

    def tidy(self, now: Instant) -> None:
        """Forget places that were not seen for 30 days. Raises `StateError`."""
        with self._connected() as connection, connection:
            connection.execute("DELETE FROM places WHERE last_seen < ?", (now - _FORGOTTEN,))

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            own_file(self._path)
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection:
                connection.executescript(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self._path.name}: what was seen cannot be remembered: {error}") from error
