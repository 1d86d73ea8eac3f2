"""Removes or replaces exactly one inode, whatever happens to its name meanwhile.

Between a last look and an unlink somebody may put a younger file under the same name: logrotate does just that. So the
file is first moved to a name nobody else knows, looked at there, and moved back if it is not the one that was meant.
"""

import errno
import hashlib
import os
from collections.abc import Callable

from data.retention.residue import Code
from data.retention.unit import Identity, Planned
from data.sources.interface import Acted
from data.sources.kernel import exchange, move_aside
from data.sources.opening import Stat, is_same


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


def unlink_exactly(folder: int, leaf: bytes, aside: bytes, identity: Identity) -> Acted:
    """Unlink a name if the planned inode stands there. Raises `OSError`, and then it still has its name."""
    if not is_same(os.stat(leaf, dir_fd=folder, follow_symlinks=False), identity):
        return Acted(code=Code.DRIFTED)
    if not _moved(folder, leaf, aside):
        os.unlink(leaf, dir_fd=folder)
        return Acted(code=Code.DELETED)
    if not is_content(os.stat(aside, dir_fd=folder, follow_symlinks=False), identity):
        return put_back(folder, leaf, aside)
    try:
        os.unlink(aside, dir_fd=folder)
    except OSError:
        put_back(folder, leaf, aside)
        raise
    return Acted(code=Code.DELETED)


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


def put_back(folder: int, leaf: bytes, aside: bytes) -> Acted:
    """Give a file its name again; where the name is taken, it stays aside, and that is said. Raises `OSError`."""
    try:
        move_aside(folder, aside, leaf)
    except FileExistsError:
        return Acted(code=Code.FAILED, reason="kept_aside")
    return Acted(code=Code.DRIFTED)


def _moved(folder: int, leaf: bytes, aside: bytes) -> bool:
    try:
        return move_aside(folder, leaf, aside)
    except FileExistsError:
        raise OSError(errno.EEXIST, "a leftover of an earlier run is in the way") from None
