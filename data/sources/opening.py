"""Opening by descriptors only: each part of a path below the one before, no link followed, nothing that could hang."""

import hashlib
import os
import stat
from collections import OrderedDict
from typing import Final, Protocol, Self

from data.retention.unit import Identity

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
"""O_NONBLOCK: a FIFO that takes the place of a file must not make us wait."""
EDGE: Final = 64 * 1024
"""Bytes at each end of a file that its identity covers."""
_RUNS: Final = 0o6111
"""Set-user-id, set-group-id, executable by anybody: no log has such a mode."""
_BLOCK: Final = 1024 * 1024


class Stat(Protocol):
    """What the product reads of a stat result."""

    @property
    def st_mode(self) -> int:
        """Give kind and mode."""
        ...

    @property
    def st_ino(self) -> int:
        """Give the inode."""
        ...

    @property
    def st_dev(self) -> int:
        """Give the device."""
        ...

    @property
    def st_nlink(self) -> int:
        """Give how many names the inode has."""
        ...

    @property
    def st_uid(self) -> int:
        """Give the owner."""
        ...

    @property
    def st_size(self) -> int:
        """Give the size."""
        ...

    @property
    def st_mtime_ns(self) -> int:
        """Give the last change of the content."""
        ...

    @property
    def st_ctime_ns(self) -> int:
        """Give the last change of the inode, which nobody can set."""
        ...


class Folders:
    """Open folders below a root; the ones used last stay open, so that the next file in them costs no walk."""

    def __init__(self, root: int, *, keep: int = 64, depth: int = 32) -> None:
        self._root = root
        self._device = os.fstat(root).st_dev
        self._keep = keep
        self._depth = depth
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every folder but the root, which is the caller's."""
        while self._open:
            os.close(self._open.popitem()[1])

    def of(self, name: bytes) -> tuple[int, bytes]:
        """Open the folder a unit lies in; give its descriptor and the last part of the name. Raises `OSError`."""
        path, _, leaf = name.rpartition(b"/")
        if not leaf or leaf in {b".", b".."}:
            raise NotADirectoryError(20, "no name of a file")
        if not path:
            return self._root, leaf
        found = self._open.get(path)
        if found is None:
            found = self._walk(path)
            if len(self._open) >= self._keep:
                os.close(self._open.popitem(last=False)[1])
            self._open[path] = found
        else:
            self._open.move_to_end(path)
        return found, leaf

    def _walk(self, path: bytes) -> int:
        parts = path.split(b"/")
        if len(parts) > self._depth or not {b"", b".", b".."}.isdisjoint(parts):
            raise NotADirectoryError(20, "no path below the root")
        here = os.dup(self._root)
        for part in parts:
            try:
                below = os.open(part, FOLDER, dir_fd=here)
            finally:
                os.close(here)
            here = below
            if os.fstat(here).st_dev != self._device:
                os.close(here)
                raise OSError(18, "another file system")
        return here


def open_file(folder: int | None, leaf: bytes | str) -> int:
    """Open a file for reading: no link is followed, nobody waited for, its atime left alone where that is allowed.

    Raises `OSError`.
    """
    try:
        return os.open(leaf, _FILE | os.O_NOATIME, dir_fd=folder)
    except PermissionError:  # of a file that is somebody else's
        return os.open(leaf, _FILE, dir_fd=folder)


def identity_of(found: Stat, digest: str = "") -> Identity:
    """Give the identity of what a stat result describes."""
    return Identity(
        device=found.st_dev,
        inode=found.st_ino,
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        ctime_ns=found.st_ctime_ns,
        digest=digest,
    )


def is_same(found: Stat, identity: Identity) -> bool:
    """Tell whether a stat result describes this identity, the digest aside."""
    return (
        found.st_ino == identity.inode
        and found.st_size == identity.size
        and found.st_mtime_ns == identity.mtime_ns
        and found.st_ctime_ns == identity.ctime_ns
        and found.st_dev == identity.device
    )


def edge_digest(descriptor: int, size: int) -> str:
    """Hash the first and the last 64 KiB of a file, or all of one of at most 128 KiB; raises `OSError`."""
    head = os.pread(descriptor, EDGE, 0)
    if size <= EDGE:
        return hashlib.sha256(head).hexdigest()
    hashed = hashlib.sha256(head)
    start = max(EDGE, size - EDGE)
    hashed.update(os.pread(descriptor, size - start, start))
    return hashed.hexdigest()


def full_digest(descriptor: int, most: int | None = None) -> tuple[str, int]:
    """Hash a file, or its first bytes, in constant memory; give the digest and how many. Raises `OSError`."""
    hashed, at = hashlib.sha256(), 0
    while block := os.pread(descriptor, _BLOCK if most is None else min(_BLOCK, most - at), at):
        hashed.update(block)
        at += len(block)
    return hashed.hexdigest(), at


def refused(found: Stat, *, device: int, uids: frozenset[int]) -> str:
    """Tell why something is no unit, in a stable word; "" where it may be one (security.md FS 02 to 14)."""
    mode = found.st_mode
    if not stat.S_ISREG(mode):
        return "symlink" if stat.S_ISLNK(mode) else "not_a_file"
    if found.st_nlink != 1:
        return "hard_linked"
    if found.st_dev != device:
        return "other_device"
    if mode & _RUNS:
        return "setuid_or_executable"
    return "" if found.st_uid in uids else "foreign_owner"
