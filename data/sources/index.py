"""The scan index: what was read of which file, so that an unchanged file need not be read again.

It is a cache in one SQLite file. Whoever deletes it loses no more than the knowledge when a file was first seen. One
process writes it at a time; another one, such as a scan beside the running bot, works on a copy of its own.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import MINUTE, Instant
from data.retention.unit import Identity, Unit
from data.sources.interface import Measured

SCHEMA: Final = 1
BATCH: Final = 20_000
"""Files after which what was read is made durable."""

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
_DERIVED: Final = ("expired_records", "expired_bytes", "mtime_refuted", *(f"evidence_{kind}" for kind in _EVIDENCE))
_PLAIN: Final = tuple(name for name, _ in _NUMBERS if name not in _DERIVED)
_PLACE: Final = ("folder", "leaf", "inode", "size", "mtime_ns", "ctime_ns", "roll", "first_seen")
_MARKS: Final = ("cutoff", "limit_at", "now_at")
_COLUMNS: Final = (*_PLACE, *_MARKS, *(name for name, _ in _NUMBERS))
_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS folders (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS rolls (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS files (
    folder INTEGER NOT NULL, leaf BLOB NOT NULL,
    {", ".join(f"{name} INTEGER NOT NULL" for name in (*_PLACE[2:], *_MARKS))},
    {", ".join(f"{name} {kind}" for name, kind in _NUMBERS)},
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


_ROWS: Final = """
SELECT leaf, inode, size, mtime_ns, ctime_ns, roll, VALID + 2 * (expired_records > 0) + 4 * (overdue > 0)
FROM files WHERE folder = :folder
""".replace("VALID", _VALID)
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
    "folders": ("SELECT id FROM folders WHERE path = ?", "INSERT INTO folders (path) VALUES (?)"),
    "rolls": ("SELECT id FROM rolls WHERE key = ?", "INSERT INTO rolls (key) VALUES (?)"),
}

VALID: Final = 1
"""What is known of the file holds at the present marks."""
EXPIRED: Final = 2
"""The file holds records that may go."""
OVERDUE: Final = 4
"""The file holds overdue records."""

Known = tuple[bytes, int, int, int, int, int, int]
"""Last part of the name, inode, size, mtime_ns, ctime_ns, roll set, flags as above."""


class Rows:
    """What is known of the files of one folder."""

    def __init__(self, connection: sqlite3.Connection, folder: int, marks: Marks, *, most: int) -> None:
        self.folder = folder
        self._connection = connection
        self._asked = {"cutoff": marks.cutoff, "limit": marks.limit, "now": marks.now, "folder": folder}
        count = connection.execute("SELECT count(*) FROM files WHERE folder = ?", (folder,)).fetchone()[0]
        self._loaded: dict[bytes, Known] | None = None
        if count <= most:
            self._loaded = {row[0]: row for row in connection.execute(_ROWS, self._asked)}

    def get(self, leaf: bytes) -> Known | None:
        """Give what is known of a file; None where nothing is."""
        if self._loaded is not None:
            return self._loaded.get(leaf)
        found: Known | None = self._connection.execute(_ROW, {**self._asked, "leaf": leaf}).fetchone()
        return found

    def seen(self, leaf: bytes) -> None:
        """Take note that a file is there."""
        if self._loaded is not None:
            self._loaded.pop(leaf, None)
        else:
            self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?)", (leaf,))

    def forget_unseen(self) -> None:
        """Forget files of which nobody took note."""
        if self._loaded is None:
            self._connection.execute(
                "DELETE FROM files WHERE folder = ? AND leaf NOT IN (SELECT leaf FROM seen)", (self.folder,)
            )
            self._connection.execute("DELETE FROM seen")
            return
        gone = ((self.folder, leaf) for leaf in self._loaded)
        self._connection.executemany("DELETE FROM files WHERE folder = ? AND leaf = ?", gone)


class Index:
    """An open scan index for one scan; made by `opened`."""

    def __init__(self, connection: sqlite3.Connection, marks: Marks, *, rows_in_memory: int) -> None:
        self.connection = connection
        self.marks = marks
        self._most = rows_in_memory
        self._rolls: dict[bytes, int] = {}
        self._entered: set[int] = set()
        self._waiting = 0

    def folder(self, path: bytes) -> Rows:
        """Give what is known of one folder."""
        folder = self._id("folders", path)
        self._entered.add(folder)
        self._rolls.clear()
        return Rows(self.connection, folder, self.marks, most=self._most)

    def roll(self, key: bytes) -> int:
        """Give the number of a roll set."""
        found = self._rolls.get(key)
        if found is None:
            found = self._rolls[key] = self._id("rolls", key)
        return found

    def put(self, rows: Rows, leaf: bytes, measured: Measured, roll: int) -> Instant:
        """Remember what a file holds; give when it was first seen, under this name or, renamed, under another."""
        identity = measured.unit.identity
        first_seen = self._first_seen(rows.folder, leaf, identity)
        place = (rows.folder, leaf, identity.inode, identity.size, identity.mtime_ns, identity.ctime_ns, roll)
        marks = (self.marks.cutoff, self.marks.limit, self.marks.now)
        values = (*place, first_seen, *marks, *_numbers(measured.reading))
        self.connection.execute(_PUT, dict(zip(_COLUMNS, values, strict=True)))
        self._waiting += 1
        if self._waiting >= BATCH:
            self._waiting = 0
            self.connection.execute("COMMIT")
            self.connection.execute("BEGIN IMMEDIATE")
        return first_seen

    def full(self, rows: Rows, leaf: bytes, name: bytes, device: int) -> Measured:
        """Give what was read of a file that has not changed since."""
        found = self.connection.execute(_FULL, (rows.folder, leaf)).fetchone()
        values = dict(zip(_COLUMNS, found, strict=True))
        identity = Identity(
            device=device,
            inode=values["inode"],
            size=values["size"],
            mtime_ns=values["mtime_ns"],
            ctime_ns=values["ctime_ns"],
        )
        unit = Unit(name=name, identity=identity)
        return Measured(unit=unit, reading=_reading(values), first_seen=values["first_seen"])

    def forget(self, rows: Rows, leaf: bytes) -> None:
        """Forget a file that cannot be read any more."""
        self.connection.execute("DELETE FROM files WHERE folder = ? AND leaf = ?", (rows.folder, leaf))

    def finish(self) -> None:
        """Forget folders that were not entered, after a scan to the end."""
        for (folder,) in self.connection.execute("SELECT id FROM folders").fetchall():
            if folder not in self._entered:
                self.connection.execute("DELETE FROM files WHERE folder = ?", (folder,))
                self.connection.execute("DELETE FROM folders WHERE id = ?", (folder,))

    def _id(self, table: str, value: bytes) -> int:
        select, insert = _ID_OF[table]
        found = self.connection.execute(select, (value,)).fetchone()
        if found is None:
            return int(self.connection.execute(insert, (value,)).lastrowid or 0)
        return int(found[0])

    def _first_seen(self, folder: int, leaf: bytes, identity: Identity) -> Instant:
        asked = {
            "folder": folder,
            "leaf": leaf,
            "inode": identity.inode,
            "mtime_ns": identity.mtime_ns,
            "size": identity.size,
        }
        found = self.connection.execute(_FIRST_SEEN, asked).fetchone()
        return self.marks.now if found[0] is None else min(int(found[0]), self.marks.now)


@contextmanager
def opened(path: Path | None, marks: Marks, *, valid_for: str, rows_in_memory: int) -> Iterator[Index]:
    """Open the index for one scan: the file where it is free, a copy where another process has it, else an empty one.

    Whatever was read by another reader, configuration or device (`valid_for`) counts as not read. A file that is no
    index is replaced: it is a cache.
    """
    with _locked(path) as own:
        connection = _connected(path, own=own)
        with closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            _bind(connection, valid_for)
            try:
                yield Index(connection, marks, rows_in_memory=rows_in_memory)
            finally:
                connection.execute("COMMIT")  # what was read of a file is true however the scan ends


@contextmanager
def _locked(path: Path | None) -> Iterator[bool]:
    """Tell whether the file is ours for now."""
    if path is None:
        yield False
        return
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # a state folder that this process may only read
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        own = True
    except OSError:
        own = False
    try:
        yield own
    finally:
        os.close(descriptor)


def _connected(path: Path | None, *, own: bool) -> sqlite3.Connection:
    if path is not None and own:
        try:
            return _prepared(sqlite3.connect(path, isolation_level=None))
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            return _prepared(sqlite3.connect(path, isolation_level=None))
    private = sqlite3.connect("", isolation_level=None)
    if path is not None:
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as theirs:
                theirs.backup(private)
        except sqlite3.DatabaseError:
            private.close()
            private = sqlite3.connect("", isolation_level=None)
    return _prepared(private)


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.executescript(_TABLES)
        connection.execute("CREATE TEMP TABLE seen (leaf BLOB PRIMARY KEY) WITHOUT ROWID")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _bind(connection: sqlite3.Connection, valid_for: str) -> None:
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
