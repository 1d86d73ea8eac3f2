"""How a log's bytes become lines that readers understand: marks, widths, line ends, runs of NUL.

Readers get lines in which ASCII is ASCII: UTF-8, Windows-1252 and their like pass as they are, UTF-16 is turned into
UTF-8. Offsets always count bytes of the content.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

UTF8_MARK: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 4 << 20
"""Bytes of a line that a reader is shown; what follows in the same line is kept or goes with it, unseen."""

BEFORE: Final = (b"\0", b"\xef")
"""How a line begins of which a reader is shown less."""
_SAMPLE_UNITS = 2048
_MOSTLY = 0.7
_RARELY = 0.1
_CONTROL: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
_BINARY_SHARE = 0.1
_CONTAINERS: Final = (b"SQLite format 3\0", b"ElfFile\0", b"LPKSHHRH", b"\x7fELF", b"%PDF-", b"PAR1", b"MZ\x90\0")
"""Binary files that hold readable text between their pages: cutting lines out of them would destroy them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """One way of writing text."""

    name: str
    """`utf-8`, `utf-8-bom`, `utf-16-le`, `utf-16-le-bom`, `utf-16-be-bom`; `utf-8` stands for all that extend ASCII."""
    mark: int
    """Bytes of the byte order mark at the beginning."""
    width: int
    """Bytes of one unit: 1 or 2."""
    line_feed: bytes
    codec: str

    def text(self, line: bytes) -> bytes:
        """Turn the bytes of one line into what a reader is shown: no line end, no NULs or mark before it."""
        if self.width == 1:
            shown = line.removesuffix(b"\n").removesuffix(b"\r")
            return bare(shown) if shown[:1] in BEFORE else shown
        shown = line.decode(self.codec, "replace").encode("utf-8", "replace")
        return bare(shown.removesuffix(b"\n").removesuffix(b"\r"))

    def texts(self, data: bytes) -> list[bytes]:
        """Cut whole lines, the last of which may lack its end, into what a reader is shown of each: see `text`."""
        if self.width != 1:
            ends = [0, *self.ends(data)]
            return [self.text(data[start:end]) for start, end in pairwise(ends)]
        lines = data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if b"\r" in data:
            lines = [line.removesuffix(b"\r") for line in lines]
        if b"\0" in data or b"\xef" in data:
            lines = [bare(line) if line[:1] in BEFORE else line for line in lines]
        return lines

    def last_end(self, data: bytes | bytearray, start: int = 0) -> int:
        """Give where the last complete line ends; `start` if there is none (`start` stands between two units)."""
        found = len(data)
        while (found := data.rfind(self.line_feed, start, found)) >= 0:
            if (found - start) % self.width == 0:
                return found + self.width
            found += self.width - 1
        return start

    def ends(self, data: bytes, start: int = 0, stop: int | None = None) -> list[int]:
        """List where lines end from `start`, where one begins, to `stop`; what has no line end there is one too."""
        stop = len(data) if stop is None else stop
        if self.width == 1:
            return _ends(data, start, stop)
        found, at = [], data.find(self.line_feed, start, stop)
        while at >= 0:
            if (at - start) % self.width == 0:
                found.append(at + self.width)
                at += self.width
            else:
                at += 1
            at = data.find(self.line_feed, at, stop)
        if start < stop and (not found or found[-1] < stop):
            found.append(stop)
        return found


def _ends(data: bytes, start: int, stop: int) -> list[int]:
    found = []
    at = start
    while (at := data.find(b"\n", at, stop) + 1) > 0:
        found.append(at)
    if start < stop and (not found or found[-1] < stop):
        found.append(stop)
    return found


def bare(line: bytes) -> bytes:
    """Take off what a truncated or concatenated file leaves before a line: NULs and a byte order mark."""
    return line.lstrip(b"\0").removeprefix(UTF8_MARK)


def detect(sample: bytes) -> Encoding:
    """Tell how a file is written by its first bytes."""
    if sample.startswith(UTF8_MARK):
        return Encoding(name="utf-8-bom", mark=3, width=1, line_feed=b"\n", codec="utf-8")
    if sample.startswith(b"\xff\xfe") and not sample.startswith(b"\xff\xfe\0\0"):
        return Encoding(name="utf-16-le-bom", mark=2, width=2, line_feed=b"\n\0", codec="utf-16-le")
    if sample.startswith(b"\xfe\xff"):
        return Encoding(name="utf-16-be-bom", mark=2, width=2, line_feed=b"\0\n", codec="utf-16-be")
    if _is_bare_utf16(sample):
        return Encoding(name="utf-16-le", mark=0, width=2, line_feed=b"\n\0", codec="utf-16-le")
    return Encoding(name="utf-8", mark=0, width=1, line_feed=b"\n", codec="utf-8")


def is_binary(sample: bytes, encoding: Encoding) -> bool:
    """Tell whether the content is no text: a known container, or more control characters than any text has."""
    if sample.startswith(_CONTAINERS):
        return True
    if encoding.width != 1:
        return False
    if len(sample.translate(None, _CONTROL)) == len(sample):
        return False
    text = b"\n".join(line.lstrip(b"\0") for line in sample.split(b"\n"))
    return len(text) - len(text.translate(None, _CONTROL)) > _BINARY_SHARE * len(text)


def _is_bare_utf16(sample: bytes) -> bool:
    """UTF-16 without a mark, as PowerShell's `>>` leaves it: nearly every second byte is NUL, hardly any first one."""
    head = sample[: 2 * _SAMPLE_UNITS]
    if b"\0" not in head:
        return False
    units = len(head) // 2
    if units == 0:
        return False
    second, first = head[1::2].count(0), head[0::2].count(0)
    return second > _MOSTLY * units and first < _RARELY * units
