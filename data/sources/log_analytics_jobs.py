"""Remembers which deletions were asked of Log Analytics: Azure lists none, and tells only of one whose id is known.

What is about to be asked is written down before: the requests of an hour are counted, whatever became of them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.retention.instants import MINUTE, Instant
from data.sources.log_analytics_api import Progress
from data.sources.state import own_file
from data.sources.tombstones import REMEMBERED

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, place INTEGER NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL,
    asked_at INTEGER NOT NULL, operation TEXT NOT NULL DEFAULT '', progress TEXT NOT NULL DEFAULT 'pending'
);
CREATE INDEX IF NOT EXISTS by_place ON jobs (place);
CREATE INDEX IF NOT EXISTS by_time ON jobs (asked_at);
"""
_SELECT: Final = "SELECT number, place, begins, ends, asked_at, operation, progress FROM jobs"
_PATIENCE: Final = 10.0
CLOCKS: Final = MINUTE
"""How much longer than it may take a deletion is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A deletion that this source has asked for, or was about to ask for."""

    number: int
    place: int
    begins: Instant
    ends: Instant
    asked_at: Instant
    operation: str
    """The path by which Azure tells how it stands; "" where no answer came."""
    progress: Progress
    """As it was last told."""


class Jobs:
    """What one source has asked for; paths of operations and places, no name of a table."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def intend(self, place: int, begins: Instant, ends: Instant, *, at: Instant) -> int:
        """Write down what is about to be asked, durably, and forget what is 400 days old; raises `StateError`."""
        with self._connected() as connection, connection:
            connection.execute("DELETE FROM jobs WHERE asked_at < ?", (at - REMEMBERED,))
            cursor = connection.execute(
                "INSERT INTO jobs (place, begins, ends, asked_at) VALUES (?, ?, ?, ?)", (place, begins, ends, at)
            )
            return int(cursor.lastrowid or 0)

    def asked(self, number: int, operation: str) -> None:
        """Remember that Azure has taken it, and how it calls it; raises `StateError`."""
        self._do("UPDATE jobs SET operation = ? WHERE number = ?", operation, number)

    def refused(self, number: int) -> None:
        """Forget what Azure has not taken; raises `StateError`."""
        self._do("DELETE FROM jobs WHERE number = ?", number)

    def told(self, number: int, progress: Progress) -> None:
        """Remember how it stands; raises `StateError`."""
        self._do("UPDATE jobs SET progress = ? WHERE number = ?", progress.value, number)

    def last(self, place: int) -> Job | None:
        """Give what Azure last took for a place; None if nothing. Raises `StateError`."""
        return self._one("WHERE place = ? AND operation != '' ORDER BY number DESC LIMIT 1", place)

    def made_for(self, place: int, begins: Instant, ends: Instant, *, since: Instant) -> Job | None:
        """Give what Azure took for exactly this stretch, since then; None if nothing. Raises `StateError`."""
        where = "WHERE place = ? AND begins = ? AND ends = ? AND asked_at >= ? AND operation != ''"
        return self._one(f"{where} ORDER BY number DESC LIMIT 1", place, begins, ends, since)

    def count_since(self, instant: Instant) -> int:
        """Count what was asked since then, answered or not; raises `StateError`."""
        with self._connected() as connection:
            row = connection.execute("SELECT count(*) FROM jobs WHERE asked_at > ?", (instant,)).fetchone()
        return int(row[0])

    def _one(self, where: str, *values: int) -> Job | None:
        with self._connected() as connection:
            row = connection.execute(f"{_SELECT} {where}", values).fetchone()
        if row is None:
            return None
        number, place, begins, ends, asked_at, operation, progress = row
        return Job(
            number=number,
            place=place,
            begins=begins,
            ends=ends,
            asked_at=asked_at,
            operation=operation,
            progress=Progress(progress),
        )

    def _do(self, statement: str, *values: int | str) -> None:
        with self._connected() as connection, connection:
            connection.execute(statement, values)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            own_file(self._path)
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self._path.name}: what was asked for cannot be remembered: {error}") from error


@unique
class Standing(StrEnum):
    """How it stands with the deletion of a day, in words that are also reasons why nothing may be done now."""

    NONE = ""
    PENDING = "deletion_pending"
    """Asked for, and there is still time for it."""
    STUCK = "deletion_stuck"
    """Asked for, and not done after all the time it may take."""
    FAILED = "deletion_failed"
    """Azure says so; it may be asked for again."""
    FORGOTTEN = "deletion_forgotten"
    """Azure no longer knows it, and rows are still there; it may be asked for again."""


def standing_of(job: Job | None, *, now: Instant, delay: int) -> Standing:
    """Tell how it stands by what was last told of a job."""
    if job is None or job.progress is Progress.DONE:
        return Standing.NONE
    if job.progress is Progress.PENDING:
        return Standing.PENDING if job.asked_at + delay + CLOCKS >= now else Standing.STUCK
    return Standing.FAILED if job.progress is Progress.FAILED else Standing.FORGOTTEN
