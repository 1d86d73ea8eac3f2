"""Files and folders that are on the disk when the call returns, private whatever the umask says (security.md 4.3)."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_AT_ONCE = 1 << 20
"""Bytes that are gathered before they are written."""


def make_folder(folder: Path) -> None:
    """Make a private folder and those above it, each durable; an existing one stays as it is. Raises `OSError`."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=_FOLDER_MODE)
        folder.chmod(_FOLDER_MODE)
        flush_folder(folder.parent)


def write_durably(
    path: Path, content: bytes, *, on_sync_error: Callable[[OSError], None] = lambda _: None, folder: int | None = None
) -> None:
    """Write a new file and flush it; after an error nothing is left of it. Raises `OSError`.

    `on_sync_error` hears of a failed fsync, which is worse than any other error: it must not be tried again.
    """
    write_parts_durably(path, (content,), on_sync_error=on_sync_error, folder=folder)


def write_parts_durably(
    path: Path,
    parts: Iterable[bytes],
    *,
    on_sync_error: Callable[[OSError], None] = lambda _: None,
    folder: int | None = None,
) -> None:
    """Write a new file from parts in bounded memory, as `write_durably` does; `folder` is an open folder or None."""
    with suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, _FILE_MODE, dir_fd=folder)
    try:
        os.fchmod(descriptor, _FILE_MODE)
        _write_all(descriptor, parts)
        _sync(descriptor, on_sync_error)
    except BaseException:
        with suppress(OSError):  # what is left over is removed before the next write
            os.unlink(path, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, parts: Iterable[bytes]) -> None:
    gathered: list[bytes] = []
    size = 0
    for part in parts:
        gathered.append(part)
        size += len(part)
        if size >= _AT_ONCE:
            _write(descriptor, b"".join(gathered))
            gathered, size = [], 0
    _write(descriptor, b"".join(gathered))


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(descriptor: int, on_error: Callable[[OSError], None]) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        on_error(error)
        raise
