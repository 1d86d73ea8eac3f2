"""Cuts a stream of bytes into blocks of whole lines; a line without an end passes in pieces, in constant memory."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

from data.formats.encoding import LONGEST_LINE, Encoding

BLOCK: Final = 1 << 20
"""Bytes read at once."""
_WORTH = 16


@unique
class Part(IntEnum):
    """What a block holds."""

    LINES = 0
    """Whole lines; the last one of the content may lack its end."""
    LONG = 1
    """The beginning of a line too long to be shown whole."""
    MORE = 2
    """More of that line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a content."""

    part: Part
    data: bytes
    base: int
    """Offset of the first byte of `data` in the content."""
    lead: int = 0
    """Bytes of NUL before `data` that belong to its first line."""
    cut: int = -1
    """Where the block ends within `data`, which may hold the beginning of the next one; -1 is its whole length."""

    @property
    def size(self) -> int:
        """Count the bytes of the block."""
        return len(self.data) if self.cut < 0 else self.cut


def blocks(chunks: Iterable[bytes], encoding: Encoding, *, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """Cut a content behind its byte order mark into blocks; together they hold every byte once."""
    longest *= encoding.width  # so that what is shown of a line does not depend on where chunks end
    tail, base, lead, inside = b"", encoding.mark, 0, False
    again = chunks.again if isinstance(chunks, FileBytes) else None
    for chunk in _without(chunks, encoding.mark):
        data = tail + chunk if tail else chunk
        if inside:
            end, ended = _first_end(data, encoding)
            if end:
                yield Block(Part.MORE, data[:end], base)
            data, base, inside = data[end:], base + end, not ended
            if inside:
                tail = data
                continue
        cut = encoding.last_end(data)
        if cut:
            yield Block(Part.LINES, data, base, lead, cut)
            data, base, lead = data[cut:], base + cut, 0
            if again is not None and again(len(data)):
                data = b""
        if len(data) > longest:
            data, dropped = _without_nuls(data, encoding)
            base, lead = base + dropped, lead + dropped
            if len(data) > longest:
                whole = len(data) - len(data) % encoding.width
                yield Block(Part.LONG, data[:whole], base, lead)
                data, base, lead, inside = data[whole:], base + whole, 0, True
        tail = data
    if tail or lead:
        yield Block(Part.MORE if inside else Part.LINES, tail, base, lead)


class FileBytes:
    """The bytes of an open file up to a size, in chunks; never moves the file's position, ends early where it does."""

    def __init__(self, descriptor: int, size: int, start: int = 0, *, block: int = BLOCK) -> None:
        self._descriptor = descriptor
        self._size = size
        self._at = start
        self._block = block

    def __iter__(self) -> "FileBytes":
        return self

    def __next__(self) -> bytes:
        chunk = os.pread(self._descriptor, min(self._block, self._size - self._at), self._at)
        if not chunk:
            raise StopIteration
        self._at += len(chunk)
        return chunk

    def again(self, length: int) -> bool:
        """Let the next chunk begin with the last bytes once more, if there is more to come: cheaper than joining."""
        if length * _WORTH > self._block or self._at >= self._size:
            return False
        self._at -= length
        return True


def gathered(chunks: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Join small chunks, so that each is worth the effort of cutting it."""
    waiting: list[bytes] = []
    length = 0
    for chunk in chunks:
        waiting.append(chunk)
        length += len(chunk)
        if length >= least:
            yield b"".join(waiting)
            waiting, length = [], 0
    if length:
        yield b"".join(waiting)


def _without(chunks: Iterable[bytes], mark: int) -> Iterator[bytes]:
    for chunk in chunks:
        if mark:
            skipped = min(mark, len(chunk))
            mark -= skipped
            yield chunk[skipped:]
        else:
            yield chunk


def _first_end(data: bytes, encoding: Encoding) -> tuple[int, bool]:
    """Give where the first line ends; where it does not, the length in whole units."""
    at = data.find(encoding.line_feed)
    while at >= 0 and at % encoding.width:
        at = data.find(encoding.line_feed, at + 1)
    return (at + encoding.width, True) if at >= 0 else (len(data) - len(data) % encoding.width, False)


def _without_nuls(data: bytes, encoding: Encoding) -> tuple[bytes, int]:
    dropped = len(data) - len(data.lstrip(b"\0"))
    dropped -= dropped % encoding.width
    return data[dropped:], dropped
