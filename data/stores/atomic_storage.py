"""A TinyDB storage that survives any crash: written aside, flushed to the disk, renamed, the last generation kept.

TinyDB's own JSON storage writes in place; 36 of 150 random kills left it unreadable (F12). This one never changes a
file that is being relied on. One process at a time: a lock file is held for the life of the storage.
"""

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import orjson
from tinydb.storages import Storage

from data.errors import StateError
from data.stores.durable import flush_folder, make_folder, write_durably

_MARK = b"\n#sha256 "
_LOCK_MODE = 0o600
_OTHERS_WRITE = 0o022

Document = dict[str, dict[str, Any]]
"""Tables by name, each with its rows by id."""


class AtomicStorage(Storage):
    """One JSON document in one file, with a checksum behind it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.read_only = ""
        """Why nothing is written any more, with the way out; "" while all is well. Only a restart ends it."""
        self.unsure = False
        """Whether the last write may or may not outlive a power cut; the next one that goes through settles it."""
        self._lock = _take_lock(path.with_name(f"{path.name}.lock"))
        try:
            for left_over in (self._aside, self._old):
                left_over.unlink(missing_ok=True)
            self._document = load_document(path)
        except (OSError, StateError) as error:
            self.close()
            raise _as_state_error(error, f"{path}: cannot be used") from error
        self._stale = False

    def read(self) -> Document | None:
        """Give the document; None where there is none yet. It is not a copy: change it only to `write` it.

        Raises `StateError` where a write has failed and the file cannot be read again either.
        """
        if self._stale:
            found = load_document(self._path)
            if found is None and self._document is not None:
                message = f"{self._path}: is gone"
                raise StateError(message)
            self._document, self._stale = found, False
        return self._document

    def write(self, data: Document) -> None:
        """Make the document durable; raises `StateError`, and then `read` gives what the file holds.

        An error of fsync is never tried again, because the kernel may have dropped the data and then reports success
        (security.md 4.3): the storage is read-only from then on. An error after the rename leaves it unknown whether
        the new document outlives a power cut: `unsure` is set, and writing it again is safe.
        """
        self._stale = True  # TinyDB has changed what it was given to read
        self.check_writable()
        try:
            self._replace(_content_of(data))
        except (OSError, TypeError) as error:
            message = f"{self._path.name}: not written: {_cause(error)}"
            raise StateError(message) from error
        self._document = data
        self._stale = self.unsure = False

    def check_writable(self) -> None:
        """Raise `StateError` where nothing is written any more."""
        if self.read_only:
            message = f"{self._path.name}: not written: {self.read_only}"
            raise StateError(message)

    def close(self) -> None:
        """Let another process have the file; nothing is written any more, for it would be written over that one's."""
        self.read_only = self.read_only or "it was closed"
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def _aside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.new")

    @property
    def _old(self) -> Path:
        return self._path.with_name(f"{self._path.name}.old")

    def _replace(self, content: bytes) -> None:
        """Put the content in the file's place; the file has its name at every moment."""
        write_durably(self._aside, content, on_sync_error=self._fall_silent)
        if self._path.exists():
            self._old.unlink(missing_ok=True)
            os.link(self._path, self._old)
            self._old.replace(self._path.with_name(f"{self._path.name}.1"))
            self._old.unlink(missing_ok=True)  # still there where a crash left both names to the same file
        self.unsure = True
        self._aside.replace(self._path)
        flush_folder(self._path.parent)

    def _fall_silent(self, error: OSError) -> None:
        self.read_only = f"the disk failed to flush ({error.strerror}); restart when the disk is well"


def load_document(path: Path) -> Document | None:
    """Read a document without a lock, checked to the last bit; None where there never was one.

    Raises `StateError` for a file that is empty, damaged, missing beside its older generation, no plain file, another
    owner's or writable for others. A writer in another process never disturbs: it replaces the file as a whole.
    """
    try:
        content = _read_private(path)
    except FileNotFoundError:
        if not path.with_name(f"{path.name}.1").exists():
            return None
        message = f"{path}: is missing; the generation before it is {path.name}.1: check it and put it in its place"
        raise StateError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise StateError(message) from error
    body = content.rpartition(_MARK)[0]
    if content != _sealed(body):
        message = (
            f"{path}: is empty or damaged; the generation before it is {path.name}.1: check it and put it in its place"
        )
        raise StateError(message)
    document: Document = orjson.loads(body)
    return document


def _content_of(document: Document) -> bytes:
    return _sealed(orjson.dumps(document))


def _sealed(body: bytes) -> bytes:
    return b"%b%b%b\n" % (body, _MARK, hashlib.sha256(body).hexdigest().encode())


def _read_private(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            message = f"{path}: is no plain file"
            raise StateError(message)
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
            message = f"{path}: belongs to somebody else or may be written by others; nothing in it can be trusted"
            raise StateError(message)
        return file.read()


def _take_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        make_folder(path.parent)
        descriptor = os.open(path, flags, _LOCK_MODE)
    except OSError as error:
        message = f"{path}: cannot be opened: {error.strerror}"
        raise StateError(message) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(descriptor, _LOCK_MODE)  # whatever the umask was
    except BlockingIOError:
        os.close(descriptor)
        message = f"{path}: another process uses this state folder"
        raise StateError(message) from None
    except OSError as error:
        os.close(descriptor)
        message = f"{path}: cannot be locked: {error.strerror}"
        raise StateError(message) from error
    return descriptor


def _cause(error: Exception) -> str:
    return error.strerror or "unknown error" if isinstance(error, OSError) else str(error)


def _as_state_error(error: Exception, what: str) -> StateError:
    return error if isinstance(error, StateError) else StateError(f"{what}: {_cause(error)}")
