"""What a crash left behind, and whether what was done has held: looked at afresh, through descriptors of its own."""

import contextlib
import errno
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned
from data.sources.activity import OPEN
from data.sources.config import FilesConfig
from data.sources.delete import Deletion, Moment, settled
from data.sources.exactly import Taken, aside_name, is_content, look, part_name, put_back
from data.sources.interface import Acted, Guard
from data.sources.kernel import exchange
from data.sources.opening import Folders, edge_digest, full_digest, identity_of, open_file
from data.sources.planning import is_wholly_old
from data.sources.reading import ReadsLogs, facts_of
from data.sources.rewrite import marks_of

_PLACE: Final = "folder_gone"


class Recovery:
    """What becomes of one unit after a crash; what was begun is committed under the guard, or undone."""

    def __init__(self, root: int, moment: Moment, *, config: FilesConfig, reader: ReadsLogs, guard: Guard) -> None:
        self._root = root
        self._moment = moment
        self._config = config
        self._reader = reader
        self._guard = guard

    def run(self, planned: Planned) -> Acted | None:
        """Tell what became of an intended action and end it; None if it has not happened. Raises `OSError`."""
        with Folders(self._root, depth=self._config.limits.depth) as folders:
            try:
                folder, leaf = folders.of(planned.unit.name)
            except (FileNotFoundError, NotADirectoryError):
                return replace(_gone(planned), reason=_PLACE)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part_name(planned), dir_fd=folder)
            outcome = (self._rewritten if planned.action is Action.REWRITE else self._deleted)(folder, leaf, planned)
            os.fsync(folder)
            return outcome

    def _deleted(self, folder: int, leaf: bytes, planned: Planned) -> Acted | None:
        aside = aside_name(planned)
        left = look(folder, aside)
        if left is None:
            found = look(folder, leaf)
            if found is None:
                return _gone(planned)
            return None if _is_planned(folder, leaf, planned) else self._given_back(folder, leaf, planned)
        if not is_content(left, planned.unit.identity):
            return put_back(folder, leaf, aside, Acted(code=Code.DRIFTED))
        taken = Taken(folder, leaf, aside, planned.unit.identity, left.st_ctime_ns)
        outcome = settled(planned, taken, self._moment.look().places, self._guard)
        return _gone(planned) if outcome.code is Code.DELETED else outcome

    def _given_back(self, folder: int, leaf: bytes, planned: Planned) -> Acted:
        """Delete a file that has changed in nothing but its ctime, as one does that got its name back.

        A ctime also changes with the content, so all of it is judged again.
        """
        descriptor = _opened(folder, leaf)
        if descriptor is None:
            return Acted(code=Code.DRIFTED)
        try:
            then, now = planned.unit.identity, _identity(descriptor)
            if now != replace(then, ctime_ns=now.ctime_ns) or os.fstat(descriptor).st_nlink != 1:
                return Acted(code=Code.DRIFTED)
            facts = facts_of(descriptor, planned.unit.name, now, self._config)
            reading = self._reader.read(descriptor, facts, marks_of(planned))
        finally:
            os.close(descriptor)
        if not is_wholly_old(reading) or reading.records != planned.records:
            return Acted(code=Code.DRIFTED)
        again = Deletion(self._root, self._moment, config=self._config, reader=self._reader, guard=self._guard)
        return next(again.run([planned], identity=now))

    def _rewritten(self, folder: int, leaf: bytes, planned: Planned) -> Acted | None:
        aside = aside_name(planned)
        left, found = look(folder, aside), look(folder, leaf)
        if found is not None and _is_planned(folder, leaf, planned):
            if left is not None:  # complete, but never in place: the ctime of the original would tell
                os.unlink(aside, dir_fd=folder)
            return None
        if found is not None and _begins_with_kept(folder, leaf, planned):
            done = Acted(code=Code.REWRITTEN, bytes=planned.bytes, records=planned.records)
            return done if left is None else self._exchanged(folder, leaf, planned, done)
        outcome = Acted(code=Code.TARGET_ABSENT if found is None else Code.DRIFTED)
        return outcome if left is None else _without_copy(folder, aside, planned, outcome)

    def _exchanged(self, folder: int, leaf: bytes, planned: Planned, done: Acted) -> Acted:
        """End a rewrite that has its place while what was there before still stands aside."""
        aside, identity = aside_name(planned), planned.unit.identity
        used = (identity.device, identity.inode) in self._moment.look().places
        with self._guard(planned) as code:
            ours = is_content(os.stat(aside, dir_fd=folder, follow_symlinks=False), identity)
            if code is None and ours and not used:
                os.unlink(aside, dir_fd=folder)
                return done
        exchange(folder, aside, leaf)
        outcome = Acted(code=Code.DRIFTED)  # caught in a race: neither ours nor what was planned
        if ours:
            outcome = Acted(code=Code.ACTIVE, reason=OPEN) if code is None else Acted(code=code)
        return _without_copy(folder, aside, planned, outcome)


def _gone(planned: Planned) -> Acted:
    return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records)


def _without_copy(folder: int, aside: bytes, planned: Planned, outcome: Acted) -> Acted:
    """Remove what stands aside if it is what we wrote, to the byte; else it stays, and that is said."""
    if _content(folder, aside) != (planned.kept_digest, planned.kept_bytes):
        return Acted(code=Code.FAILED, reason="kept_aside")
    os.unlink(aside, dir_fd=folder)
    return outcome


def _is_planned(folder: int, leaf: bytes, planned: Planned) -> bool:
    descriptor = _opened(folder, leaf)
    if descriptor is None:
        return False
    try:
        return _identity(descriptor) == planned.unit.identity
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> Identity:
    found = os.fstat(descriptor)
    return identity_of(found, edge_digest(descriptor, found.st_size))


def _begins_with_kept(folder: int, leaf: bytes, planned: Planned) -> bool:
    """Tell whether a file is the rewritten one; its service may have written on since."""
    return planned.kept_bytes > 0 and _content(folder, leaf, planned.kept_bytes) == (
        planned.kept_digest,
        planned.kept_bytes,
    )


def _content(folder: int, leaf: bytes, most: int | None = None) -> tuple[str, int]:
    descriptor = _opened(folder, leaf)
    if descriptor is None:
        return "", 0
    try:
        return full_digest(descriptor, most)
    finally:
        os.close(descriptor)


def _opened(folder: int, leaf: bytes) -> int | None:
    """Open what may be a file; None for a link. Raises `OSError` where it must not be opened."""
    try:
        return open_file(folder, leaf)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENOENT}:
            return None
        raise


def verify(root: Path, planned: Planned, *, config: FilesConfig, reader: ReadsLogs) -> Code | None:
    """Look by path, not by the executor's descriptors, whether an action has held; None if so. Raises `OSError`."""
    path = root / os.fsdecode(planned.unit.name)
    if any(os.path.lexists(path.with_name(name.decode())) for name in (aside_name(planned), part_name(planned))):
        return Code.FAILED
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None if planned.action is Action.DELETE else Code.TARGET_ABSENT
    if is_content(found, planned.unit.identity):
        return Code.FAILED
    if not stat.S_ISREG(found.st_mode):
        return Code.DRIFTED
    descriptor = open_file(None, os.fsencode(path))
    try:
        return _judge(descriptor, planned, config, reader)
    finally:
        os.close(descriptor)


def _judge(descriptor: int, planned: Planned, config: FilesConfig, reader: ReadsLogs) -> Code | None:
    facts = facts_of(descriptor, planned.unit.name, identity_of(os.fstat(descriptor)), config)
    still_old = reader.read(descriptor, facts, marks_of(planned)).expired.records
    if planned.action is Action.DELETE:  # somebody has put another file there, which is his right
        return Code.DRIFTED if still_old else None
    if full_digest(descriptor, planned.kept_bytes) != (planned.kept_digest, planned.kept_bytes):
        return Code.DRIFTED
    return Code.FAILED if still_old else None
