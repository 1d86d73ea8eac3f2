"""Cuts old records out of one file: aside, flushed, checked, then in one step into its place (purge.md 6.4)."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from data.retention.evidence import Marks
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.config import FilesConfig
from data.sources.copying import Following, copy
from data.sources.exactly import aside_name, look, part_name, replace_exactly
from data.sources.interface import Acted, Guard
from data.sources.reading import ReadsLogs, facts_of

_ASIDE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOATIME
_MODE: Final = 0o600
_NO_ATTRIBUTES: Final = frozenset({errno.ENOTSUP, errno.ENODATA})
_OTHERS: Final = ("security.", "trusted.")
"""Attributes that only the system itself may give; a new file gets its own."""


class Rewriting:
    """The rewrite of one file in an open folder."""

    def __init__(self, folder: int, leaf: bytes, *, config: FilesConfig, reader: ReadsLogs) -> None:
        self._folder = folder
        self._leaf = leaf
        self._config = config
        self._reader = reader
        self._written: int | None = None

    def run(self, planned: Planned, descriptor: int, *, guard: Guard, in_use: Callable[[], bool]) -> Acted:
        """Rewrite an open file that is what was planned; whatever goes wrong, the original stays. Raises `OSError`."""
        part, complete = part_name(planned), aside_name(planned)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=self._folder)
        target = os.open(part, _ASIDE, _MODE, dir_fd=self._folder)
        try:
            outcome = self._write(planned, descriptor, target)
            if outcome is None:
                _rename(self._folder, part, complete)
                self._written = planned.kept_bytes
                outcome = self._commit(planned, complete, guard, in_use)
            return outcome
        finally:
            self._clear(complete if self._written is not None else part, target)
            os.close(target)

    def _write(self, planned: Planned, descriptor: int, target: int) -> Acted | None:
        """Write what stays and make it durable; an outcome only where it is not what was promised."""
        with Following(target) as written:
            if planned.ranges:
                copy(descriptor, target, planned.ranges, written)
            else:
                facts = facts_of(descriptor, planned.unit.name, planned.unit.identity, self._config)
                self._reader.rewrite(descriptor, target, facts, marks_of(planned))
            reason = dress(descriptor, target)
            if reason:
                return Acted(code=Code.FAILED, reason=reason)
            os.fsync(target)
            if written.digest() != (planned.kept_digest, planned.kept_bytes):
                return Acted(code=Code.FAILED, reason="kept_differs")
            return None

    def _commit(self, planned: Planned, temporary: bytes, guard: Guard, in_use: Callable[[], bool]) -> Acted:
        with guard(planned) as prevented:
            if prevented is not None:
                return Acted(code=prevented)
            outcome = replace_exactly(self._folder, self._leaf, temporary, planned.unit.identity, in_use=in_use)
        if outcome.code is Code.REWRITTEN:
            return Acted(code=Code.REWRITTEN, bytes=planned.bytes, records=planned.records)
        return outcome

    def _clear(self, temporary: bytes, target: int) -> None:
        """Remove our own temporary file if it is still there, and only if it holds nothing but what we wrote."""
        ours, found = os.fstat(target), look(self._folder, temporary)
        if found is None or found.st_ino != ours.st_ino:
            return
        if self._written in {None, found.st_size}:  # else somebody added to it in the moment it had its name
            os.unlink(temporary, dir_fd=self._folder)


def _rename(folder: int, part: bytes, complete: bytes) -> None:
    if look(folder, complete) is not None:
        raise OSError(errno.EEXIST, "a leftover of an earlier run is in the way")
    os.rename(part, complete, src_dir_fd=folder, dst_dir_fd=folder)


def marks_of(planned: Planned) -> Marks:
    """Give the instants a preview judged by, so that a rewrite judges alike."""
    return Marks(cutoff=planned.cutoff, limit=planned.cutoff, now=planned.now)


def dress(source: int, target: int) -> str:
    """Give a file the owner, mode, attributes and times of another; a stable word where it fails. Raises `OSError`."""
    wanted = os.fstat(source)
    with contextlib.suppress(PermissionError):
        os.fchown(target, wanted.st_uid, wanted.st_gid)
    os.fchmod(target, stat.S_IMODE(wanted.st_mode))
    _copy_attributes(source, target)
    os.utime(target, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))
    has = os.fstat(target)
    if (has.st_uid, has.st_gid) != (wanted.st_uid, wanted.st_gid):
        return "owner"
    if has.st_mode != wanted.st_mode:
        return "mode"
    return "" if has.st_mtime_ns == wanted.st_mtime_ns else "mtime"


def _copy_attributes(source: int, target: int) -> None:
    try:
        names = os.listxattr(source)
    except OSError as error:
        if error.errno in _NO_ATTRIBUTES:
            return
        raise
    for name in names:
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as error:
            refused = isinstance(error, PermissionError) and name.startswith(_OTHERS)
            if not refused and error.errno not in _NO_ATTRIBUTES:
                raise
