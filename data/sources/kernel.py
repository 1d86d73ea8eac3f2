"""System calls that the standard library does not offer: birth times, and renames that replace nothing or exchange."""

import ctypes
import errno
import functools
import os
import struct
from typing import Final

from data.retention.instants import SECOND, Instant

_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_SIZE: Final = 256
_STATX_BTIME_AT: Final = 80
_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_NS: Final = 1000
_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


def birth_of(descriptor: int) -> Instant | None:
    """Tell when a file was made (statx); None where the file system or the system library does not tell."""
    libc = _libc()
    if not hasattr(libc, "statx"):
        return None
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    if libc.statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, buffer) != 0:
        return None
    (mask,) = struct.unpack_from("=I", buffer)
    if not mask & _STATX_BTIME:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _STATX_BTIME_AT)
    return int(seconds) * SECOND + int(nanoseconds) // _NS


def move_aside(folder: int, old: bytes, new: bytes) -> bool:
    """Rename within a folder unless the new name is taken; False where the file system cannot. Raises `OSError`."""
    return _rename(folder, old, new, _NOREPLACE)


def exchange(folder: int, one: bytes, other: bytes) -> bool:
    """Exchange two names of a folder in one step; False where the file system cannot. Raises `OSError`."""
    return _rename(folder, one, other, _EXCHANGE)


def _rename(folder: int, old: bytes, new: bytes, flags: int) -> bool:
    libc = _libc()
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(folder, old, folder, new, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), old)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
