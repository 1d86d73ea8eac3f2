"""Files of a source's own state: SQLite, readable by nobody else, and never in the way of a scan."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

_MODE: Final = 0o600
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_PRIMARY: Final = 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether a file's content is at fault, and not the disk, another process or a missing right."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY in _DAMAGED or (not code and not isinstance(error, sqlite3.OperationalError))


def own_file(path: Path) -> None:
    """Make a file that only this account may read, if there is none, and take others' rights away. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, _MODE)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path | None) -> Iterator[bool]:
    """Tell whether a file is this process's for now."""
    if path is None:
        yield False
        return
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
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


def connected(path: Path | None, *, own: bool, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """Open a cache: its file where that is ours and works, a private copy where not, an empty one where all fails."""
    attempts: list[Callable[[], sqlite3.Connection]] = []
    if path is not None:
        file = path
        attempts = [lambda: _file(file)] * (2 if own else 0) + [lambda: _copied(file)]
    for attempt in attempts:
        try:
            return _prepared(attempt(), prepare)
        except sqlite3.Error as error:
            if own and path is not None and is_damage(error):
                _remove(path)
        except OSError:
            continue
    return _prepared(sqlite3.connect(":memory:", isolation_level=None), prepare)


def _file(path: Path) -> sqlite3.Connection:
    own_file(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA secure_delete = ON")  # names may name people: none is left in free pages
    return connection


def _copied(path: Path) -> sqlite3.Connection:
    private = sqlite3.connect("", isolation_level=None)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as theirs:
        theirs.backup(private)
    return private


def _prepared(connection: sqlite3.Connection, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    try:
        prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
