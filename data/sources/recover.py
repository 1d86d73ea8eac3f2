"""What a crash left behind, and whether what was done has held: looked at afresh, through descriptors of its own."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Final

from data.retention.residue import Code
from data.retention.unit import Action, Planned
from data.sources.config import FilesConfig
from data.sources.exactly import aside_name, is_content, look, part_name, put_back
from data.sources.interface import Acted
from data.sources.kernel import exchange
from data.sources.opening import Folders, edge_digest, full_digest, identity_of, is_same, open_file
from data.sources.reading import ReadsLogs, facts_of
from data.sources.rewrite import marks_of

_PLACE: Final = "folder_gone"


def recover(root: int, planned: Planned, *, config: FilesConfig) -> Acted | None:
    """Tell what became of an intended action and clear what it left; None if it has not happened. Raises `OSError`."""
    with Folders(root, depth=config.limits.depth) as folders:
        try:
            folder, leaf = folders.of(planned.unit.name)
        except (FileNotFoundError, NotADirectoryError):
            return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records, reason=_PLACE)
        outcome = _recover_in(folder, leaf, planned)
        os.fsync(folder)
        return outcome


def _recover_in(folder: int, leaf: bytes, planned: Planned) -> Acted | None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part_name(planned), dir_fd=folder)
    return (_rewritten if planned.action is Action.REWRITE else _deleted)(folder, leaf, planned)


def _deleted(folder: int, leaf: bytes, planned: Planned) -> Acted | None:
    gone = Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records)
    aside = aside_name(planned)
    left = look(folder, aside)
    if left is None:
        if look(folder, leaf) is None:
            return gone
        return None if _is_planned(folder, leaf, planned) else Acted(code=Code.DRIFTED)
    if not is_content(left, planned.unit.identity):
        return put_back(folder, leaf, aside)
    os.unlink(aside, dir_fd=folder)
    return gone


def _rewritten(folder: int, leaf: bytes, planned: Planned) -> Acted | None:
    aside = aside_name(planned)
    left, found = look(folder, aside), look(folder, leaf)
    if found is not None and _is_planned(folder, leaf, planned):
        if left is not None:  # complete, but never in place: the ctime of the original would tell
            os.unlink(aside, dir_fd=folder)
        return None
    if found is not None and _begins_with_kept(folder, leaf, planned):
        if left is not None and not is_content(left, planned.unit.identity):
            exchange(folder, aside, leaf)  # caught in a race: neither ours nor what was planned
            return _without_copy(folder, aside, planned, Acted(code=Code.DRIFTED))
        if left is not None:
            os.unlink(aside, dir_fd=folder)
        return Acted(code=Code.REWRITTEN, bytes=planned.bytes, records=planned.records)
    outcome = Acted(code=Code.TARGET_ABSENT if found is None else Code.DRIFTED)
    return outcome if left is None else _without_copy(folder, aside, planned, outcome)


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
        found = os.fstat(descriptor)
        identity = planned.unit.identity
        return is_same(found, identity) and edge_digest(descriptor, found.st_size) == identity.digest
    finally:
        os.close(descriptor)


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
