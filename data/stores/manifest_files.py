"""Manifests as files: one row a line, in order, sorted in bounded memory, believed only with the right Merkle root."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from data.errors import StateError
from data.retention.manifest import planned_of
from data.retention.merkle import MerkleTree, leaf_hash
from data.retention.unit import Planned
from data.stores.common import check_request_id
from data.stores.durable import make_folder, write_parts_durably
from data.stores.manifest_rows import CHUNK_BYTES, sorted_rows

_LONGEST_ROW: Final = 1 << 16
_ROWS_AT_ONCE: Final = 256
_PAUSE_SECONDS: Final = 0.0005
"""Hashing row after row never waits for a disk: without a pause whoever answers people got the interpreter too seldom
and was 200 ms late beside 200,000 rows."""


class ManifestFiles:
    """Manifests below one folder."""

    def __init__(self, folder: Path, *, read_only: bool = False, chunk: int = CHUNK_BYTES) -> None:
        """Use a folder, which is made when it is needed; `chunk` bytes of rows are sorted in memory at once."""
        self._folder, self._read_only, self._chunk = folder, read_only, chunk

    def save(self, request_id: str, rows: Iterable[Planned]) -> tuple[str, int]:
        """Sort and store rows in bounded memory; gives their Merkle root, hexadecimal, and their number.

        An earlier manifest of the request is replaced as a whole. Raises `StateError`.
        """
        name = self._writable(request_id)
        tree = MerkleTree()
        with _told(request_id, "not written"), ExitStack() as stack:
            make_folder(self._folder)
            folder = stack.enter_context(_opened(self._folder))
            lines = (row + b"\n" for row in sorted_rows(rows, tree, stack, folder=self._folder, chunk=self._chunk))
            write_parts_durably(Path(f"{name}.new"), lines, folder=folder)
            os.replace(f"{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        return tree.root().hex(), tree.size

    def load(self, request_id: str, *, root: str) -> Iterator[Planned]:
        """Read the rows in order; raises `StateError` before the first if they are not exactly what was saved."""
        name = _name_of(request_id)
        with _told(request_id, "cannot be read"), self._reading(name) as file:
            checked = _identity(file)
            found = _root_of(file)
        if found != root:
            message = f"the manifest of request {request_id} is not the one that was approved; nothing is deleted"
            raise StateError(message)
        return self._rows(request_id, checked)

    def discard(self, request_id: str) -> None:
        """Remove a manifest that is no longer needed: it holds file names. Again is no change. Raises `StateError`."""
        name = self._writable(request_id)
        with _told(request_id, "not removed"), suppress(FileNotFoundError), _opened(self._folder) as folder:
            removed = [_remove(found, folder) for found in (f"{name}.new", name)]
            if any(removed):
                os.fsync(folder)

    def _rows(self, request_id: str, checked: tuple[int, ...]) -> Iterator[Planned]:
        with _told(request_id, "cannot be read"), self._reading(_name_of(request_id)) as file:
            if _identity(file) != checked:
                message = f"the manifest of request {request_id} was changed while it was read; nothing is deleted"
                raise StateError(message)
            for row in file:
                yield planned_of(row)

    @contextmanager
    def _reading(self, name: str) -> Iterator[IO[bytes]]:
        with _opened(self._folder) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as file:
            yield file

    def _writable(self, request_id: str) -> str:
        if self._read_only:
            message = "the state was opened for reading only: another process may be using it"
            raise StateError(message)
        return _name_of(request_id)


def _name_of(request_id: str) -> str:
    check_request_id(request_id)
    return f"{request_id}.jsonl"


@contextmanager
def _told(request_id: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"the manifest of request {request_id}: {what}: {error.strerror}"
        raise StateError(message) from error


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove(name: str, folder: int) -> bool:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _identity(file: IO[bytes]) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _root_of(file: IO[bytes]) -> str:
    """Give the root over the rows; "" where the content could not have been written by `save`."""
    tree = MerkleTree()
    for number, row in enumerate(iter(lambda: file.readline(_LONGEST_ROW), b"")):
        if not row.endswith(b"\n"):
            return ""
        tree.add(leaf_hash(row[:-1]))
        if number % _ROWS_AT_ONCE == 0:
            time.sleep(_PAUSE_SECONDS)
    return tree.root().hex()
