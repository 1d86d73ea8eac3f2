"""Copies ranges of a file inside the kernel, while a second thread hashes what has arrived."""

import errno
import hashlib
import os
from collections.abc import Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Final, Self

_PIECE: Final = 16 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
_CANNOT: Final = frozenset({errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF})
"""Errors of a file system, or a cage around the process, that does not know the call."""


class Following:
    """Hashes a file that is being written, behind its writer; use it in a `with` statement.

    It reads what stands in the file, not what was meant to: one hash is proof of both.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ends: SimpleQueue[int | None] = SimpleQueue()
        self._hash = hashlib.sha256()
        self._size = 0
        self._error: OSError | None = None
        self._thread = Thread(target=self._run, name="hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def reached(self, end: int) -> None:
        """Tell up to which byte the file is written."""
        self._ends.put(end)

    def digest(self) -> tuple[str, int]:
        """Give the digest of the whole file, hexadecimal, and its size, after the last write. Raises `OSError`."""
        self.reached(os.fstat(self._descriptor).st_size)
        self._end()
        if self._error is not None:
            raise self._error
        return self._hash.hexdigest(), self._size

    def _end(self) -> None:
        self._ends.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (end := self._ends.get()) is not None:
                while self._size < end:
                    block = os.pread(self._descriptor, min(_BLOCK, end - self._size), self._size)
                    if not block:
                        break
                    self._hash.update(block)
                    self._size += len(block)
        except OSError as error:
            self._error = error


def copy(source: int, target: int, ranges: Sequence[tuple[int, int]], written: Following) -> None:
    """Write ranges of one file one after the other into an empty one. Raises `OSError`."""
    at = 0
    for start, end in ranges:
        done = start
        while done < end:
            count = _piece(source, target, min(_PIECE, end - done), done, at)
            if not count:
                raise OSError(errno.ESTALE, "the file has become shorter")
            done += count
            at += count
            written.reached(at)


def _piece(source: int, target: int, count: int, start: int, at: int) -> int:
    try:
        return os.copy_file_range(source, target, count, start, at)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    return os.pwrite(target, os.pread(source, min(count, _BLOCK), start), at)
