"""Packs what is kept of an archive: the same content always gives the same bytes on the same machine."""

import bz2
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from data.formats.archives import Member

_LEVEL = 6
_ZST_LEVEL = 3
_GZIP = 31
"""zlib's word for a gzip header: with mtime 0 and without a name."""


def pack_stream(kind: str, chunks: Iterable[bytes], write: Callable[[bytes], object]) -> None:
    """Pack one content as one member of a `gz`, `zst`, `bz2` or `xz`."""
    packer = _PACKERS[kind]()
    for chunk in chunks:
        if packed := packer.compress(chunk):
            write(packed)
    write(packer.flush())


class ZipPacker:
    """Writes an archive of several members without ever going back in it."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._archive = zipfile.ZipFile(io.BufferedWriter(_Forward(write)), "w")

    def add(self, member: Member, chunks: Iterable[bytes]) -> None:
        """Write a member with its name, date, attributes and way of packing."""
        source = member.info
        if source is None:
            message = "a member of a zip archive has its entry"
            raise TypeError(message)
        info = zipfile.ZipInfo(source.filename, source.date_time)
        info.compress_type, info.comment = source.compress_type, source.comment
        info.create_system, info.external_attr = source.create_system, source.external_attr
        info.extra = _without_sizes(source.extra)
        info.file_size = source.file_size  # tells whether the member needs the large form; what is kept is no larger
        with self._archive.open(info, "w", force_zip64=source.file_size >= zipfile.ZIP64_LIMIT) as target:
            for chunk in chunks:
                target.write(chunk)

    def close(self) -> None:
        """Write the directory of the archive."""
        stream = self._archive.fp
        self._archive.close()
        if stream is not None:
            stream.flush()


class _Forward(io.RawIOBase):
    """A stream that can only be written to."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._write = write

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)


def _without_sizes(extra: bytes) -> bytes:
    """Leave out the sizes of a large member (header 1): they are written anew."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        end = at + 4 + int.from_bytes(extra[at + 2 : at + 4], "little")
        if extra[at : at + 2] != b"\x01\0":
            kept += extra[at:end]
        at = end
    return kept


def _zst() -> Any:
    import zstandard  # heavy, and rarely needed

    return zstandard.ZstdCompressor(level=_ZST_LEVEL, write_checksum=True).compressobj()


_PACKERS: Final[dict[str, Callable[[], Any]]] = {
    "gz": lambda: zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP),
    "zst": _zst,
    "bz2": bz2.BZ2Compressor,
    "xz": lzma.LZMACompressor,
}
