"""Archives: streams their content, with limits on how much may come out of how little.

What kind an archive is, its first bytes say, never its name. Concatenated members are one content (RFC 1952 2.2).
"""

import bz2
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from data.errors import ProcallError
from data.formats.blocks import FileBytes
from data.formats.interface import ArchiveLimits

_MAGIC: Final = (
    ("gz", b"\x1f\x8b\x08"),
    ("zst", b"\x28\xb5\x2f\xfd"),
    ("zip", b"PK\x03\x04"),
    ("zip", b"PK\x05\x06"),
    ("bz2", b"BZh"),
    ("xz", b"\xfd7zXZ\0"),
)
_MAGIC_BYTES: Final = bytes({magic[0] for _, magic in _MAGIC})
_TAR_MAGIC = b"ustar"
_TAR_MAGIC_AT = 257
_PIECE = 64 << 10
_ZST_PIECE = 1 << 10
"""Zstandard cannot be asked for less than all that follows from its input: small inputs bound it."""
_MOST_AT_ONCE = 1 << 20
_MOST_MEMORY: Final = 128 << 20
"""Bytes of window or dictionary an archive may ask for."""
_ENCRYPTED = 0x1


class DamagedError(ProcallError):
    """The archive cannot be read to its end."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word
        """`truncated`, `garbage`, `encrypted`, `nested`, `too_large` or `unsupported`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One content of an archive."""

    name: bytes
    """"" in an archive whose content has no name."""
    open: Callable[[], Iterator[bytes]]
    """Gives all its bytes, each time from the beginning; may raise `DamagedError`."""
    info: zipfile.ZipInfo | None = None


def kind_of(head: bytes) -> str:
    """Tell by its first bytes which kind of archive a file is: `gz`, `zst`, `zip`, `bz2`, `xz`; "" for none."""
    if head[:1] not in _MAGIC_BYTES:  # nearly every file
        return ""
    for kind, magic in _MAGIC:
        if head.startswith(magic):
            return kind
    return ""


def members(descriptor: int, size: int, kind: str, limits: ArchiveLimits) -> Iterator[Member]:
    """Open an archive; raises `DamagedError`, here or while a member is read."""
    most = min(limits.content_bytes, max(size * limits.ratio, limits.free_bytes))
    if kind == "zip":
        yield from _zip_members(descriptor, size, limits, most)
    else:
        yield Member(name=b"", open=lambda: _checked(_counted(_stream(descriptor, size, kind), most)))


def _counted(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Pass chunks on, up to the most that may come."""
    for chunk in chunks:
        most -= len(chunk)
        if most < 0:
            raise DamagedError("too_large")
        yield chunk


def _checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Refuse a content that is itself an archive: it is not entered."""
    head, first = b"", True
    for chunk in chunks:
        if first:
            head += chunk
            if len(head) <= _TAR_MAGIC_AT + len(_TAR_MAGIC):
                continue
            first = False
            yield _no_archive(head)
        else:
            yield chunk
    if first and head:
        yield _no_archive(head)


def _no_archive(head: bytes) -> bytes:
    if kind_of(head) or head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        raise DamagedError("nested")
    return head


def _stream(descriptor: int, size: int, kind: str) -> Iterator[bytes]:
    """Unpack a stream format, member after member."""
    unpacker, piece = _UNPACKERS[kind], _ZST_PIECE if kind == "zst" else _PIECE
    opened = unpacker()
    fresh = False
    for data in _pieces(descriptor, size, piece):
        rest = data
        while rest:
            if opened.eof:
                rest = rest.lstrip(b"\0") if fresh or kind != "xz" else rest
                if not rest:
                    break
                opened = unpacker()
            yield from _fed(opened, rest, kind)
            rest = opened.unused_data if opened.eof else b""
            fresh = opened.eof
    if not opened.eof:
        raise DamagedError("truncated")


def _fed(opened: Any, data: bytes, kind: str) -> Iterator[bytes]:
    """Feed one piece; a deflated or packed stream is asked for a bounded amount at a time where it can be."""
    try:
        if kind == "zst":
            yield opened.decompress(data)
            return
        yield opened.decompress(data, _MOST_AT_ONCE)
        if kind == "gz":
            while opened.unconsumed_tail and not opened.eof:
                yield opened.decompress(opened.unconsumed_tail, _MOST_AT_ONCE)
        else:
            while not opened.eof and not opened.needs_input:
                yield opened.decompress(b"", _MOST_AT_ONCE)
    except MemoryError as error:
        raise DamagedError("too_large") from error
    except lzma.LZMAError as error:
        raise DamagedError("too_large" if "emory" in str(error) else "garbage") from error
    except (zlib.error, OSError, EOFError, ValueError) as error:
        raise DamagedError("garbage") from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # the library is imported only where such an archive is met
            raise
        raise DamagedError("garbage") from error


def _pieces(descriptor: int, size: int, piece: int) -> Iterator[bytes]:
    for chunk in FileBytes(descriptor, size):
        for at in range(0, len(chunk), piece):
            yield chunk[at : at + piece]


def _gz() -> Any:
    return zlib.decompressobj(wbits=31)


def _zst() -> Any:
    import zstandard  # heavy, and rarely needed

    return zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY).decompressobj()


def _xz() -> Any:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)


_UNPACKERS: Final[dict[str, Callable[[], Any]]] = {"gz": _gz, "zst": _zst, "bz2": bz2.BZ2Decompressor, "xz": _xz}


class _Bytes(io.RawIOBase):
    """The first `size` bytes of an open file as a stream of its own, which never moves the file's position."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, max(0, min(len(buffer), self._size - self._at)), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _zip_members(descriptor: int, size: int, limits: ArchiveLimits, most: int) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(io.BufferedReader(_Bytes(descriptor, size)))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DamagedError("truncated" if "not a zip file" in str(error) else "garbage") from error
    infos = archive.infolist()
    if len(infos) > limits.members or sum(info.file_size for info in infos) > most:
        raise DamagedError("too_large")  # no member gives more than its entry says
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise DamagedError("encrypted")
    for info in infos:
        yield Member(name=os.fsencode(info.filename), open=partial(_zip_content, archive, info), info=info)


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    return _checked(_zip_chunks(archive, info))


def _zip_chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    if info.is_dir():
        return
    try:
        with archive.open(info) as member:
            while chunk := member.read(_PIECE):
                yield chunk
    except NotImplementedError as error:
        raise DamagedError("unsupported") from error
    except EOFError as error:
        raise DamagedError("truncated") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError, RuntimeError) as error:
        raise DamagedError("garbage") from error
