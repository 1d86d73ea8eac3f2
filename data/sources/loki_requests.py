"""Remembers which deletions were asked of Loki, because it forgets one that was cancelled, and says how they stand.

What Loki itself lists decides; what is remembered only tells that something is missing from that list.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.retention.instants import MINUTE, Instant
from data.retention.unit import Planned
from data.sources.loki_api import Listed
from data.sources.loki_windows import TICK, Window, surely_apart
from data.sources.state import own_file
from data.sources.tombstones import REMEMBERED

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, place INTEGER NOT NULL, ends INTEGER NOT NULL, asked_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_place ON requests (place);
"""
_PATIENCE: Final = 10.0
CLOCKS: Final = MINUTE
"""How far Loki's clock may be from ours while anything is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A deletion that this source asked for."""

    id: str
    place: int
    ends: Instant
    asked_at: Instant


class Requests:
    """What one source has asked for; ids and places, no selector."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remember(self, asked: Remembered) -> None:
        """Remember a request durably, and forget what is 400 days old. Raises `StateError`."""
        with self._connected() as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)",
                (asked.id, asked.place, asked.ends, asked.asked_at),
            )
            connection.execute("DELETE FROM requests WHERE asked_at < ?", (asked.asked_at - REMEMBERED,))

    def last(self, place: int) -> Remembered | None:
        """Give what was last asked for at a place; None if nothing was. Raises `StateError`."""
        with self._connected() as connection:
            row = connection.execute(
                "SELECT id, place, ends, asked_at FROM requests WHERE place = ? ORDER BY asked_at DESC, id LIMIT 1",
                (place,),
            ).fetchone()
        return None if row is None else Remembered(id=row[0], place=row[1], ends=row[2], asked_at=row[3])

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
    """How it stands with the deletion of a window, in words that are also reasons why nothing may be done now."""

    NONE = ""
    PENDING = "deletion_pending"
    """Asked for, and there is still time for it."""
    STUCK = "deletion_stuck"
    """Asked for, and not begun after all the time it may take."""
    FOREIGN = "deletion_of_others"
    """Somebody else asked for something that may reach into this window, and it has not been done."""
    CANCELLED = "deletion_cancelled"
    """This source asked for it, and Loki no longer knows: somebody took it back."""


class Asked:
    """The deletion requests of one tenant at one moment."""

    def __init__(
        self, listed: Sequence[Listed], *, selectors: Sequence[str], memory: Requests, now: Instant, delay: int
    ) -> None:
        """`delay` is how long a deletion may take until its lines can no longer be seen."""
        self._own: dict[str, list[Listed]] = {selector: [] for selector in selectors}
        self._others: list[Listed] = []
        self._ids = {one.id for one in listed}
        for one in listed:
            self._own.get(one.query, self._others).append(one)
        self._memory, self._now, self._delay = memory, now, delay

    def standing(self, window: Window, place: int) -> Standing:
        """Tell how it stands with one window; raises `StateError`."""
        mine = [one for one in self._own[window.selector] if _overlaps(one, window)]
        late = [one for one in mine if not one.processed and one.created + self._delay + CLOCKS < self._now]
        if late:
            return Standing.STUCK
        if any(one.created + self._delay + CLOCKS >= self._now for one in mine):
            return Standing.PENDING
        if any(not one.processed and _overlaps(one, window) and _may_meet(one, window) for one in self._others):
            return Standing.FOREIGN
        last = self._memory.last(place)
        return Standing.CANCELLED if last is not None and last.id not in self._ids else Standing.NONE

    def made_for(self, row: Planned, window: Window) -> Listed | None:
        """Find the request for exactly this row that was made after its preview; None if there is none."""
        begins, ends = bounds(row, window)
        since = row.now - CLOCKS
        for one in self._own[window.selector]:
            if (one.begins, one.ends) == (begins, ends) and one.created >= since:
                return one
        return None


def bounds(row: Planned, window: Window) -> tuple[Instant, Instant]:
    """Give what is asked for, both ends inclusive: never later than a tick before the cutoff."""
    return window.begins, min(window.ends, row.cutoff - TICK)


def _overlaps(one: Listed, window: Window) -> bool:
    """Tell whether a request reaches into a window by more than the tick that both share with a neighbour."""
    return one.begins < window.ends and one.ends > window.begins


def _may_meet(one: Listed, window: Window) -> bool:
    """Tell whether somebody else's request may name the same streams; what is not understood may."""
    try:
        return not surely_apart(one.query, window.selector)
    except ValueError:
        return True
