"""Deletes or rewrites files that still are exactly what was previewed, and nothing else (purge.md 6.8)."""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from data.retention.instants import Instant
from data.retention.residue import DONE, Code
from data.retention.unit import Action, Planned
from data.sources.activity import LooksAtOpenFiles, OpenFiles
from data.sources.config import FilesConfig
from data.sources.exactly import aside_name, unlink_exactly
from data.sources.interface import Acted, Guard
from data.sources.opening import Folders, edge_digest, is_same, open_file, refused
from data.sources.reading import ReadsLogs
from data.sources.rewrite import Rewriting

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_OTHER_NOW: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EXDEV, errno.EISDIR})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_USE: Final = frozenset({errno.EBUSY, errno.ETXTBSY, errno.EAGAIN})
_MOST_UNFLUSHED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the world was like when a batch began."""

    now: Instant
    open: OpenFiles
    look: LooksAtOpenFiles
    """Looks again."""
    uids: frozenset[int]
    device: int


def outcome_of(error: OSError) -> Acted:
    """Give the code for a system's error, with its name as the reason."""
    number = error.errno or 0
    reason = errno.errorcode.get(number, "unknown")
    if number in _GONE:
        return Acted(code=Code.TARGET_ABSENT)
    if number in _OTHER_NOW:
        return Acted(code=Code.DRIFTED, reason=reason)
    if number in _NOT_ALLOWED:
        return Acted(code=Code.DENIED, reason=reason)
    if number in _IN_USE:
        return Acted(code=Code.LOCKED, reason=reason)
    return Acted(code=Code.FAILED, reason=reason)


class Deletion:
    """One batch: what it touches is flushed to the disk before the first outcome is told."""

    def __init__(self, root: int, moment: Moment, *, config: FilesConfig, reader: ReadsLogs, guard: Guard) -> None:
        self._folders = Folders(root, depth=config.limits.depth)
        self._moment = moment
        self._config = config
        self._reader = reader
        self._guard = guard
        self._unflushed: dict[bytes, int] = {}
        self._failed: dict[bytes, str] = {}

    def run(self, batch: Sequence[Planned]) -> Iterator[Acted]:
        """Act on each unit in order, then give one outcome for each, in the same order; never raises `OSError`."""
        try:
            outcomes = [self._act(planned) for planned in batch]
        finally:
            self._flush()
            self._folders.close()
        for planned, outcome in zip(batch, outcomes, strict=True):
            broken = self._failed.get(_folder_of(planned)) if outcome.code in DONE else None
            yield replace(outcome, code=Code.FAILED, reason=f"{broken}_flush") if broken else outcome

    def _act(self, planned: Planned) -> Acted:
        try:
            folder, leaf = self._folders.of(planned.unit.name)
            descriptor = open_file(folder, leaf)
        except OSError as error:
            return outcome_of(error)
        try:
            return self._act_on(planned, folder, leaf, descriptor)
        except OSError as error:
            return outcome_of(error)
        except ValueError:  # of the reader
            return Acted(code=Code.FAILED, reason="unreadable")
        finally:
            os.close(descriptor)

    def _act_on(self, planned: Planned, folder: int, leaf: bytes, descriptor: int) -> Acted:
        identity, moment = planned.unit.identity, self._moment
        found = os.fstat(descriptor)
        if not is_same(found, identity) or edge_digest(descriptor, found.st_size) != identity.digest:
            return Acted(code=Code.DRIFTED)
        reason = refused(found, device=moment.device, uids=moment.uids)
        if reason:
            return Acted(code=Code.SKIPPED, reason=reason)
        if (found.st_dev, found.st_ino) in moment.open.places:
            return Acted(code=Code.ACTIVE, reason="open")
        if found.st_mtime_ns > (moment.now - self._config.quiet) * 1000:
            return Acted(code=Code.ACTIVE, reason="quiet")
        if planned.action is Action.REWRITE:
            rewriting = Rewriting(folder, leaf, config=self._config, reader=self._reader)
            in_use = partial(self._in_use, identity.device, identity.inode)
            outcome = rewriting.run(planned, descriptor, guard=self._guard, in_use=in_use)
        else:
            outcome = self._unlink(planned, folder, leaf)
        if outcome.code in DONE:
            self._touch(planned, folder)
        return outcome

    def _unlink(self, planned: Planned, folder: int, leaf: bytes) -> Acted:
        prevented = self._guard(planned)
        if prevented is not None:
            return Acted(code=prevented)
        outcome = unlink_exactly(folder, leaf, aside_name(planned), planned.unit.identity)
        if outcome.code is Code.DELETED:
            return Acted(code=Code.DELETED, bytes=planned.bytes, records=planned.records)
        return outcome

    def _in_use(self, device: int, inode: int) -> bool:
        return (device, inode) in self._moment.look().places

    def _touch(self, planned: Planned, folder: int) -> None:
        path = _folder_of(planned)
        if path in self._unflushed:
            return
        if len(self._unflushed) >= _MOST_UNFLUSHED:
            self._flush()
        self._unflushed[path] = os.dup(folder)

    def _flush(self) -> None:
        """Flush every touched folder, noting errors. A failed flush is not tried again (security.md 4.3)."""
        while self._unflushed:
            path, folder = self._unflushed.popitem()
            try:
                os.fsync(folder)
            except OSError as error:
                self._failed[path] = errno.errorcode.get(error.errno or 0, "unknown")
            finally:
                os.close(folder)


def _folder_of(planned: Planned) -> bytes:
    return planned.unit.name.rpartition(b"/")[0]
