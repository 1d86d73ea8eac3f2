"""Deletes or rewrites files that still are exactly what was previewed, and nothing else (purge.md 6.8)."""

import contextlib
import errno
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from data.retention.instants import Instant
from data.retention.residue import DONE, Code
from data.retention.unit import Action, Identity, Planned
from data.sources.activity import OPEN, QUIET, LooksAtOpenFiles, OpenFiles
from data.sources.config import FilesConfig
from data.sources.exactly import Taken, aside_name, give_back, remove, take
from data.sources.interface import Acted, Guard
from data.sources.opening import Folders, edge_digest, is_same, open_file, refused
from data.sources.reading import ReadsLogs
from data.sources.rewrite import Rewriting

_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_OTHER_NOW: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EXDEV, errno.EISDIR, errno.ESPIPE})
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_USE: Final = frozenset({errno.EBUSY, errno.ETXTBSY, errno.EAGAIN})
_MOST_UNFLUSHED: Final = 256
_MOST_FOLDERS: Final = 64
"""Open at once: what was taken from a folder goes back into this very folder, whatever has become of its name."""


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
    """One batch: what it touches is flushed to the disk before the first outcome is told.

    Whole files go in two steps. All of them lose their names; then one look tells which somebody has open, and nobody
    can open one any more; then each is removed under its guard, or gets its name back.
    """

    def __init__(self, root: int, moment: Moment, *, config: FilesConfig, reader: ReadsLogs, guard: Guard) -> None:
        self._folders = Folders(root, keep=_MOST_FOLDERS, depth=config.limits.depth)
        self._moment = moment
        self._config = config
        self._reader = reader
        self._guard = guard
        self._at_rest = (moment.now - config.quiet) * 1000
        self._unflushed: dict[bytes, int] = {}
        self._failed: dict[bytes, str] = {}

    def run(self, batch: Sequence[Planned], *, identity: Identity | None = None) -> Iterator[Acted]:
        """Act on each unit in order, then give one outcome for each, in the same order; never raises `OSError`.

        A batch of one may be bound to another identity than what was planned.
        """
        outcomes: list[Acted] = []
        try:
            for rows in _stretches(batch):
                if rows[0].action is Action.REWRITE:
                    outcomes.append(self._rewrite(rows[0]))
                else:
                    outcomes += self._remove([(row, identity or row.unit.identity) for row in rows])
        finally:
            self._flush()
            self._folders.close()
        if not self._failed:
            yield from outcomes
            return
        for planned, outcome in zip(batch, outcomes, strict=True):
            broken = self._failed.get(_folder_of(planned)) if outcome.code in DONE else None
            yield replace(outcome, code=Code.FAILED, reason=f"{broken}_flush") if broken else outcome

    def _remove(self, rows: Sequence[tuple[Planned, Identity]]) -> list[Acted]:
        """Remove whole files that lie in few enough folders; whatever the guard raises, none is left aside."""
        outcomes: list[Acted] = []
        found: list[Taken | Acted] = []
        try:
            for planned, identity in rows:
                found.append(self._take(planned, identity))
            used = self._moment.look().places if any(isinstance(one, Taken) for one in found) else frozenset()
            for (planned, _), one in zip(rows, found, strict=True):
                outcomes.append(one if isinstance(one, Acted) else settled(planned, one, used, self._guard))
        except BaseException:
            for one in found[len(outcomes) :]:
                if isinstance(one, Taken):
                    with contextlib.suppress(OSError):
                        give_back(one, Acted(code=Code.STOPPED))
            raise
        finally:  # now, not before: what is touched may be flushed at any time
            touched = {
                one.folder: planned for (planned, _), one in zip(rows, found, strict=False) if isinstance(one, Taken)
            }
            for folder, planned in touched.items():
                self._touch(planned, folder)
        return outcomes

    def _take(self, planned: Planned, identity: Identity) -> Taken | Acted:
        try:
            folder, leaf = self._folders.of(planned.unit.name)
            descriptor = open_file(folder, leaf)
        except OSError as error:
            return outcome_of(error)
        try:
            refused = self._refused(descriptor, identity)
            if refused is not None:
                return refused
            return take(folder, leaf, aside_name(planned), identity)
        except OSError as error:
            return outcome_of(error)
        finally:
            os.close(descriptor)

    def _rewrite(self, planned: Planned) -> Acted:
        identity = planned.unit.identity
        try:
            folder, leaf = self._folders.of(planned.unit.name)
            descriptor = open_file(folder, leaf)
        except OSError as error:
            return outcome_of(error)
        try:
            refused = self._refused(descriptor, identity)
            if refused is not None:
                return refused
            in_use = partial(self._in_use, identity.device, identity.inode)
            rewriting = Rewriting(folder, leaf, config=self._config, reader=self._reader)
            try:
                return rewriting.run(planned, descriptor, guard=self._guard, in_use=in_use)
            finally:
                self._touch(planned, folder)
        except OSError as error:
            return outcome_of(error)
        except ValueError:  # of the reader
            return Acted(code=Code.FAILED, reason="unreadable")
        finally:
            os.close(descriptor)

    def _refused(self, descriptor: int, identity: Identity) -> Acted | None:
        """Tell why an open file must not be touched; the last look at it is the last thing done. Raises `OSError`."""
        digest = edge_digest(descriptor, identity.size)
        found = os.fstat(descriptor)
        if digest != identity.digest or not is_same(found, identity):
            return Acted(code=Code.DRIFTED)
        reason = refused(found, device=self._moment.device, uids=self._moment.uids)
        if reason:
            return Acted(code=Code.SKIPPED, reason=reason)
        if (found.st_dev, found.st_ino) in self._moment.open.places:
            return Acted(code=Code.ACTIVE, reason=OPEN)
        if found.st_mtime_ns > self._at_rest:
            return Acted(code=Code.ACTIVE, reason=QUIET)
        return None

    def _in_use(self, device: int, inode: int) -> bool:
        return (device, inode) in self._moment.look().places

    def _touch(self, planned: Planned, folder: int) -> None:
        path = _folder_of(planned)
        if path in self._unflushed:
            return
        if len(self._unflushed) >= _MOST_UNFLUSHED:
            self._flush()
        try:
            self._unflushed[path] = os.dup(folder)
        except OSError as error:
            self._failed[path] = errno.errorcode.get(error.errno or 0, "unknown")

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


def settled(planned: Planned, taken: Taken, used: Container[tuple[int, int]], guard: Guard) -> Acted:
    """Remove for good what was taken if the guard lets it and nobody has it open, else give it its name back.

    Raises only what the guard raises, and then nothing has happened.
    """
    with guard(planned) as code:
        if code is None and (taken.identity.device, taken.identity.inode) not in used:
            return _removed(planned, taken)
    try:
        return give_back(taken, Acted(code=Code.ACTIVE, reason=OPEN) if code is None else Acted(code=code))
    except OSError as error:
        return outcome_of(error)


def _removed(planned: Planned, taken: Taken) -> Acted:
    try:
        outcome = remove(taken)
    except OSError as error:
        return outcome_of(error)
    if outcome.code is not Code.DELETED:
        return outcome
    return Acted(code=Code.DELETED, bytes=planned.bytes, records=planned.records)


def _stretches(batch: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Cut a batch into single rewrites and rows of whole files in as few folders as may stay open."""
    rows: list[Planned] = []
    folders: set[bytes] = set()
    for planned in batch:
        folder = _folder_of(planned)
        alone = planned.action is Action.REWRITE
        if rows and (alone or (folder not in folders and len(folders) >= _MOST_FOLDERS)):
            yield rows
            rows, folders = [], set()
        if alone:
            yield [planned]
            continue
        rows.append(planned)
        folders.add(folder)
    if rows:
        yield rows


def _folder_of(planned: Planned) -> bytes:
    return planned.unit.name.rpartition(b"/")[0]
