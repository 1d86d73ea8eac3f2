"""The scan index: what was read of which file, so that an unchanged file need not be read again.

It is a cache in one SQLite file. Whoever deletes it loses no more than the knowledge when a file was first seen. One
process writes it at a time; another one, such as a scan beside the running bot, works on a copy of its own.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import BEGINNING, MINUTE, Instant
from data.retention.unit import Identity, Unit
from data.sources.interface import Measured
from data.sources.state import connected, is_damage, locked

SCHEMA: Final = 2
BATCH: Final = 20_000
"""Files after which what was read is made durable."""

_LARGEST: Final = 2**63 - 1
"""The largest number the file takes."""
_TOLERANCE: Final = 10 * MINUTE
_EVIDENCE: Final = tuple(Evidence)
_NUMBERS: Final = (
    ("family", "TEXT"),
    ("confidence", "REAL"),
    ("encoding", "TEXT"),
    ("lines", "INTEGER"),
    ("records", "INTEGER"),
    ("bytes", "INTEGER"),
    ("lowest_lo", "INTEGER"),
    ("highest_lo", "INTEGER"),
    ("lowest_hi", "INTEGER"),
    ("highest_hi", "INTEGER"),
    ("expired_records", "INTEGER"),
    ("expired_bytes", "INTEGER"),
    ("overdue", "INTEGER"),
    ("oldest_kept", "INTEGER"),
    ("youngest_expired", "INTEGER"),
    ("unparsed", "INTEGER"),
    ("future", "INTEGER"),
    ("undatable", "INTEGER"),
    ("damaged", "TEXT"),
    ("mtime_refuted", "INTEGER"),
    *((f"evidence_{kind}", "INTEGER") for kind in _EVIDENCE),
)
_BORN: Final = "born"
_DERIVED: Final = ("expired_records", "expired_bytes", "mtime_refuted", *(f"evidence_{kind}" for kind in _EVIDENCE))
_PLAIN: Final = tuple(name for name, _ in _NUMBERS if name not in _DERIVED)
_PLACE: Final = ("folder", "leaf", "inode", "size", "mtime_ns", "ctime_ns", "roll", "first_seen")
_MARKS: Final = ("cutoff", "limit_at", "now_at")
_COLUMNS: Final = (*_PLACE, *_MARKS, _BORN, *(name for name, _ in _NUMBERS))
_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS rolls (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    folder INTEGER NOT NULL, leaf BLOB NOT NULL,
    {", ".join(f"{name} INTEGER NOT NULL" for name in (*_PLACE[2:], *_MARKS))},
    {_BORN} INTEGER, {", ".join(f"{name} {kind}" for name, kind in _NUMBERS)},
    PRIMARY KEY (folder, leaf)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_inode ON files (inode);
"""
_VALID: Final = f"""(
    future = 0 AND (now_at <= :now OR highest_lo IS NULL OR highest_lo <= :now + {_TOLERANCE})
    AND (cutoff = :cutoff
        OR ((youngest_expired IS NULL OR youngest_expired < :cutoff)
            AND (oldest_kept IS NULL OR oldest_kept >= :cutoff)))
    AND (limit_at = :limit OR lowest_lo IS NULL
        OR lowest_lo >= max(:limit, limit_at) OR highest_lo < min(:limit, limit_at))
)"""
"""Whether the counts of a file are the same at other marks: no record changes sides, none was from the future.

Between the youngest record that may go and the oldest one that stays any cutoff counts alike; the limit needs all
records on one side of both limits.
"""


SPAN: Final = f"(CASE WHEN lowest_lo > {BEGINNING} THEN highest_hi - lowest_lo ELSE 0 END)"
"""Microseconds that the dated records of a file span; 0 where its beginning is not known."""
_ROWS: Final = """
SELECT leaf, inode, size, mtime_ns, ctime_ns, roll, VALID + 2 * (expired_records > 0) + 4 * (overdue > 0), SPAN
FROM files WHERE folder = :folder
""".replace("VALID", _VALID).replace("SPAN", SPAN)
_ROW: Final = f"{_ROWS} AND leaf = :leaf"
_PUT: Final = "INSERT OR REPLACE INTO files (COLUMNS) VALUES (PLACES)".replace(
    "PLACES", ", ".join(f":{column}" for column in _COLUMNS)
).replace("COLUMNS", ", ".join(_COLUMNS))
_FULL: Final = "SELECT COLUMNS FROM files WHERE folder = ? AND leaf = ?".replace("COLUMNS", ", ".join(_COLUMNS))
_FIRST_SEEN: Final = """
SELECT min(first_seen) FROM files WHERE
    (inode = :inode AND mtime_ns = :mtime_ns AND size = :size)
    OR (folder = :folder AND leaf = :leaf AND (mtime_ns = :mtime_ns OR (inode = :inode AND size <= :size)))
"""
"""The same unit: renamed it keeps all but its name, rewritten its name and mtime, written on its name and inode. An
inode alone says nothing: a new file often gets that of a deleted one."""
_ID_OF: Final = {
    "folders": ("SELECT id FROM folders WHERE path = ?", "INSERT INTO folders (path) VALUES (?) RETURNING id"),
    "rolls": ("SELECT id FROM rolls WHERE key = ?", "INSERT INTO rolls (key) VALUES (?) RETURNING id"),
}

VALID: Final = 1
"""What is known of the file holds at the present marks."""
EXPIRED: Final = 2
"""The file holds records that may go."""
OVERDUE: Final = 4
"""The file holds overdue records."""

Known = tuple[bytes, int, int, int, int, int, int, int]
"""Last part of the name, inode, size, mtime_ns, ctime_ns, roll set, flags as above, span."""


class Rows:
    """What is known of the files of one folder."""

    def __init__(self, index: "Index", folder: int, *, most: int) -> None:
        self.folder = folder
        self._index = index
        marks = index.marks
        self._asked = {"cutoff": marks.cutoff, "limit": marks.limit, "now": marks.now, "folder": folder}
        ((count,),) = index.ask("SELECT count(*) FROM files WHERE folder = ?", (folder,)) or ((0,),)
        self._loaded: dict[bytes, Known] | None = None
        if count <= most:
            self._loaded = {row[0]: row for row in index.ask(_ROWS, self._asked)}

    def get(self, leaf: bytes) -> Known | None:
        """Give what is known of a file; None where nothing is."""
        if self._loaded is not None:
            return self._loaded.get(leaf)
        found = self._index.ask(_ROW, {**self._asked, "leaf": leaf})
        return found[0] if found else None

    def seen(self, leaf: bytes) -> None:
        """Take note that a file is there."""
        if self._loaded is not None:
            self._loaded.pop(leaf, None)
        else:
            self._index.ask("INSERT OR IGNORE INTO seen VALUES (?)", (leaf,))

    def forget_unseen(self) -> None:
        """Forget files of which nobody took note."""
        if self._loaded is None:
            self._index.sweeps = True
            self._index.ask(
                "DELETE FROM files WHERE folder = ? AND leaf NOT IN (SELECT leaf FROM seen)", (self.folder,)
            )
            self._index.ask("DELETE FROM seen")
            return
        self._index.sweeps |= bool(self._loaded)
        for leaf in self._loaded:
            self._index.ask("DELETE FROM files WHERE folder = ? AND leaf = ?", (self.folder, leaf))


class Index:
    """An open scan index for one scan; made by `opened`.

    It never raises `sqlite3.Error`: where its file can no longer be read or written, it is `broken`, and from then on
    it knows nothing and keeps nothing, so that every file is read.
    """

    def __init__(self, connection: sqlite3.Connection, marks: Marks, *, rows_in_memory: int) -> None:
        self.marks = marks
        self.broken = False
        self.damaged = False
        """Whether it broke because its content is no index any more."""
        self._connection = connection
        self._most = rows_in_memory
        self._rolls: dict[bytes, int] = {}
        self._entered: set[int] = set()
        self._waiting = 0
        self.sweeps = False
        """Whether there may be roll sets without a file."""

    def ask(self, statement: str, values: Any = ()) -> list[Any]:
        """Run a statement and give its rows; none where the index is broken."""
        if self.broken:
            return []
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self.broken = True
            self.damaged = is_damage(error)
            return []

    def folder(self, path: bytes) -> Rows:
        """Give what is known of one folder."""
        folder = self._id("folders", path)
        self._entered.add(folder)
        self._rolls.clear()
        return Rows(self, folder, most=self._most)

    def roll(self, key: bytes) -> int:
        """Give the number of a roll set."""
        found = self._rolls.get(key)
        if found is None:
            found = self._rolls[key] = self._id("rolls", key)
        return found

    def put(self, rows: Rows, leaf: bytes, measured: Measured, roll: int) -> Instant | None:
        """Remember what a file holds; give when it was first seen, under this name or, renamed, under another."""
        found = measured.unit.identity
        place = {
            "folder": rows.folder,
            "leaf": leaf,
            "inode": min(found.inode, _LARGEST),  # what is clamped never agrees: such a file is read each time
            "size": found.size,
            "mtime_ns": min(found.mtime_ns, _LARGEST),
            "ctime_ns": min(found.ctime_ns, _LARGEST),
        }
        (seen,) = self.ask(_FIRST_SEEN, place) or ((None,),)
        first_seen = self.marks.now if seen[0] is None else min(int(seen[0]), self.marks.now)
        marks = (self.marks.cutoff, self.marks.limit, self.marks.now)
        values = (*place.values(), roll, first_seen, *marks, measured.born, *_numbers(measured.reading))
        self.ask(_PUT, dict(zip(_COLUMNS, values, strict=True)))
        self._waiting += 1
        if self._waiting >= BATCH:
            self._waiting = 0
            self.ask("COMMIT")
            self.ask("BEGIN IMMEDIATE")
        return None if self.broken else first_seen

    def full(self, rows: Rows, leaf: bytes, name: bytes, device: int) -> Measured | None:
        """Give what was read of a file that has not changed since; None where the index broke."""
        found = self.ask(_FULL, (rows.folder, leaf))
        if not found:
            return None
        values = dict(zip(_COLUMNS, found[0], strict=True))
        identity = Identity(
            device=device,
            inode=values["inode"],
            size=values["size"],
            mtime_ns=values["mtime_ns"],
            ctime_ns=values["ctime_ns"],
        )
        unit = Unit(name=name, identity=identity)
        return Measured(unit=unit, reading=_reading(values), first_seen=values["first_seen"], born=values[_BORN])

    def finish(self) -> None:
        """Forget folders that were not entered and the names of roll sets that are gone, after a scan to the end."""
        for (folder,) in self.ask("SELECT id FROM folders"):
            if folder not in self._entered:
                self.sweeps = True
                self.ask("DELETE FROM files WHERE folder = ?", (folder,))
                self.ask("DELETE FROM folders WHERE id = ?", (folder,))
        if self.sweeps:
            self.ask("DELETE FROM rolls WHERE id NOT IN (SELECT roll FROM files)")

    def close(self) -> None:
        """Keep what was read, which is true however the scan ended."""
        self.ask("COMMIT")
        self._connection.close()

    def _id(self, table: str, value: bytes) -> int:
        select, insert = _ID_OF[table]
        found = self.ask(select, (value,))
        if not found:
            self.sweeps = True
            found = self.ask(insert, (value,))
        return int(found[0][0]) if found else -1 - len(self._rolls)


@contextmanager
def opened(path: Path | None, marks: Marks, *, valid_for: str, rows_in_memory: int) -> Iterator[Index]:
    """Open the index for one scan: the file where it is free, a copy where another process has it, else an empty one.

    Whatever was read by another reader, configuration or device (`valid_for`) counts as not read. A file that is no
    index, or is found out to be none, is removed: it is a cache.
    """
    with locked(path) as own:
        index = Index(
            connected(path, own=own, prepare=partial(_prepare, valid_for)), marks, rows_in_memory=rows_in_memory
        )
        try:
            yield index
        finally:
            index.close()
            if index.damaged and own and path is not None:
                path.unlink(missing_ok=True)


def _prepare(valid_for: str, connection: sqlite3.Connection) -> None:
    """Make the tables of the present schema, and begin; what is there for something else counts as not read."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
        for table in ("about", "folders", "rolls", "files"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.executescript(f"{_TABLES} PRAGMA user_version = {SCHEMA};")
    connection.execute("CREATE TEMP TABLE seen (leaf BLOB PRIMARY KEY) WITHOUT ROWID")
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("SELECT value FROM about WHERE key = 'valid_for'").fetchone()
    if found is None or found[0] != valid_for:
        connection.execute("UPDATE files SET size = -1")
        connection.execute("INSERT OR REPLACE INTO about VALUES ('valid_for', ?)", (valid_for,))


def _numbers(reading: Reading) -> tuple[object, ...]:
    return (
        reading.family,
        reading.confidence,
        reading.encoding,
        reading.lines,
        reading.records,
        reading.bytes,
        reading.lowest_lo,
        reading.highest_lo,
        reading.lowest_hi,
        reading.highest_hi,
        reading.expired.records,
        reading.expired.bytes,
        reading.overdue,
        reading.oldest_kept,
        reading.youngest_expired,
        reading.unparsed,
        reading.future,
        reading.undatable,
        reading.damaged,
        int(reading.mtime_refuted),
        *(reading.evidence.get(kind, 0) for kind in _EVIDENCE),
    )


def _reading(values: dict[str, Any]) -> Reading:
    evidence = {kind: values[f"evidence_{kind}"] for kind in _EVIDENCE if values[f"evidence_{kind}"]}
    plain = {name: values[name] for name in _PLAIN}
    return Reading(
        **plain,
        expired=Tally(records=values["expired_records"], bytes=values["expired_bytes"]),
        mtime_refuted=bool(values["mtime_refuted"]),
        evidence=evidence,
    )
