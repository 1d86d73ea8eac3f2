"""Removes or replaces exactly one inode, whatever happens to its name meanwhile.

Between a last look and an unlink somebody may put a younger file under the same name: logrotate does just that. So the
file is first moved to a name nobody else knows, looked at there, and moved back if it is not the one that was meant, or
if somebody has it open: from then on nobody can open it any more.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from typing import Final, NamedTuple

from data.retention.residue import Code
from data.retention.unit import Identity, Planned
from data.sources.interface import Acted
from data.sources.kernel import exchange, move_aside
from data.sources.opening import Stat, is_same

_DRIFTED: Final = Acted(code=Code.DRIFTED)
_DELETED: Final = Acted(code=Code.DELETED)


def aside_name(planned: Planned) -> bytes:
    """Give the name a unit has while it is moved aside; the same after a crash: it depends on what was planned only.

    What stands there may be somebody's own file, caught in a race: it is never removed unlooked at.
    """
    unit = planned.unit
    identity = unit.identity
    bound = b"%d:%b %d %d %d %d %d" % (
        len(unit.name),
        unit.name,
        identity.device,
        identity.inode,
        identity.size,
        identity.mtime_ns,
        identity.ctime_ns,
    )
    return b".procall-%b.tmp" % hashlib.sha256(bound).hexdigest()[:16].encode()


def part_name(planned: Planned) -> bytes:
    """Give the name of a rewrite that is not complete yet: what stands there is always ours."""
    return aside_name(planned).removesuffix(b".tmp") + b".part"


def is_content(found: Stat, identity: Identity) -> bool:
    """Tell whether this is the planned inode, unchanged; its ctime tells only of its renaming."""
    return (
        found.st_ino == identity.inode
        and found.st_dev == identity.device
        and found.st_size == identity.size
        and found.st_mtime_ns == identity.mtime_ns
        and found.st_nlink == 1
    )


def look(folder: int, leaf: bytes) -> os.stat_result | None:
    """Look at a name in a folder; None where there is none. Raises `OSError`."""
    try:
        return os.stat(leaf, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


class Taken(NamedTuple):
    """A file that has lost its name for now: nobody can open it by that any more."""

    folder: int
    leaf: bytes
    aside: bytes
    """Where it stands; its own name where the file system cannot rename without replacing."""
    identity: Identity
    ctime_ns: int
    """Since the moving aside."""


def take(folder: int, leaf: bytes, aside: bytes, identity: Identity) -> Taken | Acted:
    """Move a file aside if it is the planned inode, else give it its name back at once. Raises `OSError`."""
    try:
        moved = move_aside(folder, leaf, aside)
    except FileExistsError:
        raise OSError(errno.EEXIST, "a leftover of an earlier run is in the way") from None
    if not moved:
        return Taken(folder, leaf, leaf, identity, identity.ctime_ns)
    try:
        found = os.stat(aside, dir_fd=folder, follow_symlinks=False)
    except OSError:
        put_back(folder, leaf, aside, _DRIFTED)
        raise
    if not is_content(found, identity):
        return put_back(folder, leaf, aside, _DRIFTED)
    return Taken(folder, leaf, aside, identity, found.st_ctime_ns)


def remove(taken: Taken) -> Acted:
    """Unlink what was taken if nobody has touched it since, else give it its name back. Raises `OSError`."""
    found = os.stat(taken.aside, dir_fd=taken.folder, follow_symlinks=False)
    if found.st_ctime_ns != taken.ctime_ns or not is_content(found, taken.identity):
        return give_back(taken, _DRIFTED)
    try:
        os.unlink(taken.aside, dir_fd=taken.folder)
    except OSError:
        with contextlib.suppress(OSError):
            give_back(taken, _DRIFTED)
        raise
    return _DELETED


def give_back(taken: Taken, outcome: Acted) -> Acted:
    """Give what was taken its name again; the outcome, or that its name was taken meanwhile. Raises `OSError`."""
    if taken.aside == taken.leaf:
        return outcome
    return put_back(taken.folder, taken.leaf, taken.aside, outcome)


def replace_exactly(
    folder: int, leaf: bytes, temporary: bytes, identity: Identity, *, in_use: Callable[[], bool]
) -> Acted:
    """Put a temporary file in the place of the planned inode, and unlink that. Raises `OSError`.

    After the exchange nobody can open the old file by its name any more; who has it open then would write into
    nothing, so it is given back. Where it was not replaced, the temporary file is left to the caller.
    """
    if not is_same(os.stat(leaf, dir_fd=folder, follow_symlinks=False), identity):
        return Acted(code=Code.DRIFTED)
    if not exchange(folder, temporary, leaf):
        os.rename(temporary, leaf, src_dir_fd=folder, dst_dir_fd=folder)
        return Acted(code=Code.REWRITTEN)
    used = in_use()
    if is_content(os.stat(temporary, dir_fd=folder, follow_symlinks=False), identity) and not used:
        os.unlink(temporary, dir_fd=folder)
        return Acted(code=Code.REWRITTEN)
    exchange(folder, temporary, leaf)
    return Acted(code=Code.ACTIVE, reason="open") if used else Acted(code=Code.DRIFTED)


def put_back(folder: int, leaf: bytes, aside: bytes, outcome: Acted) -> Acted:
    """Give a file its name again; where the name is taken, it stays aside, and that is said. Raises `OSError`."""
    try:
        move_aside(folder, aside, leaf)
    except FileExistsError:
        return Acted(code=Code.FAILED, reason="kept_aside")
    return outcome
