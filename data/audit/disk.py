"""What the audit log asks of the disk: files that only grow, one process at a time, and room put by for a full disk."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from data.errors import StateError
from data.stores.durable import flush_folder

RESERVE_BYTES: Final = 4 << 20
"""How much room is put by: 4 MiB, some ten thousand entries."""

_MODE: Final = 0o600
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_BLOCK: Final = 1 << 16
_SAFE: Final = os.O_NOFOLLOW | os.O_CLOEXEC


class AppendOnlyFile:
    """A file that this process alone lets grow; what `append` has acknowledged is on the disk.

    A failed flush is never tried again: the kernel may have dropped the pages and say yes the second time
    (security.md 4.3). The file then takes nothing more until it is opened anew.
    """

    def __init__(self, path: Path, *, make_room: Callable[[], bool]) -> None:
        """Open or make the file; `make_room` is asked once the disk is full; raises `StateError`."""
        self.path = path
        self.broken = ""
        """Why nothing more can be written; "" while it can."""
        self._make_room = make_room
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFE, _MODE)
        except OSError as error:
            raise _unusable(path, error) from error
        self.size = os.fstat(self._descriptor).st_size
        if not self.size:
            self._must(lambda: flush_folder(path.parent))

    def check(self) -> None:
        """Raise `StateError` where nothing more can be written, or somebody else changed the file."""
        if not self.broken:
            found = os.fstat(self._descriptor)
            if found.st_nlink == 0 or found.st_size != self.size:
                self.broken = "was changed by somebody else"
        if self.broken:
            message = f"{self.path}: {self.broken}; nothing more is recorded until it is opened anew"
            raise StateError(message)

    def append(self, content: bytes) -> None:
        """Write all of it and flush it to the disk; raises `StateError`.

        Then it is not there; or, where already written and not flushed, it may be, and nothing follows on it.
        """
        self.check()
        try:
            self._write(content)
        except OSError as error:
            self._take_back(error)
            raise _unusable(self.path, error) from error
        self._must(lambda: os.fdatasync(self._descriptor))
        self.size += len(content)

    def cut(self, size: int) -> None:
        """Drop what stands behind the first `size` bytes, durably; raises `StateError`."""
        self._must(lambda: os.ftruncate(self._descriptor, size))
        self._must(lambda: os.fsync(self._descriptor))
        self.size = size

    def drop_torn(self) -> int:
        """Drop what stands behind the last newline, durably, and tell how many bytes that was.

        Raises `StateError` and `OSError`.
        """
        content = self.path.read_bytes()
        good = content.rfind(b"\n") + 1
        if good < len(content):
            self.cut(good)
        return len(content) - good

    def read_back(self, content: bytes) -> None:
        """Look whether the file of this name ends with these bytes; raises `StateError` where it does not."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | _SAFE)
            try:
                found = os.pread(descriptor, len(content) + 1, self.size - len(content))
            finally:
                os.close(descriptor)
        except OSError as error:
            self.broken = "cannot be read back"
            raise _unusable(self.path, error) from error
        if found != content:
            self.broken = "does not hold what was written"
            self.check()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                if error.errno not in _FULL or not self._make_room():
                    raise

    def _take_back(self, error: OSError) -> None:
        """Leave no half of a line behind; where even that fails, or the device is ill, nothing more is written."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.broken = "holds half an entry"
        if error.errno not in _FULL:
            self.broken = "could not be written"

    def _must(self, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as error:
            self.broken = "could not be flushed to the disk"
            raise _unusable(self.path, error) from error


class Reserve:
    """A file of written blocks that is given up when the disk is full, so that a purge can still be recorded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def used(self) -> bool:
        """Whether there is no reserve now."""
        try:
            return os.lstat(self._path).st_size < RESERVE_BYTES
        except OSError:
            return True

    def fill(self) -> bool:
        """Put the room by where it is not; False where the disk does not give it."""
        if not self.used:
            return True
        try:
            self._path.unlink(missing_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, _MODE)
            try:
                for _ in range(RESERVE_BYTES // _BLOCK):
                    os.write(descriptor, os.urandom(_BLOCK))  # a hole or a block of noughts may take no room
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
        return not self.used

    def release(self) -> bool:
        """Give the room back to the disk; False where there was none."""
        try:
            os.unlink(self._path)  # noqa: PTH108  every call of the log is a plain one of os, so that faults can be put in
            flush_folder(self._path.parent)
        except OSError:
            return False
        return True


def take_lock(path: Path) -> int:
    """Hold a lock file until the descriptor is closed; raises `StateError` where another process does."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _SAFE, _MODE)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        message = f"{path}: another process uses this audit log"
        raise StateError(message) from None
    return descriptor


def _unusable(path: Path, error: OSError) -> StateError:
    return StateError(f"{path}: the audit log cannot be used: {error.strerror}")
