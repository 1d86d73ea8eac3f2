"""The export format of systemd's log, `journalctl -o export` (systemd: JOURNAL_EXPORT_FORMATS; purge.md 7.1).

An entry is a block of `KEY=value` lines between blank lines. A value that holds line ends follows a line with the key
alone: eight bytes of length, lowest first, then so many bytes. Lines are what the engine feeds, so these bytes are
counted down; the length itself may hold a line end. The time stands below the first line: the entry is dated late.
`journalctl -o json` is the business of `json_lines`.
"""

import re
from typing import Final

from data.formats.encoding import bare
from data.formats.families.json_keys import covering
from data.formats.interface import FileFacts, Kind, Line, Reader
from data.formats.stamps import epoch
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE

_PAIR: Final = re.compile(rb"([A-Z0-9_]{1,256})=")
_KEY: Final = re.compile(rb"[A-Z0-9_]{1,256}")
_TIME: Final = b"__REALTIME_TIMESTAMP"
_CURSOR: Final = b"__CURSOR="
_LENGTH: Final = 8
_LARGEST: Final = 768 << 20
"""No field of systemd is larger (DATA_SIZE_MAX)."""


class JournaldFamily:
    """Entries as `journalctl -o export` writes them."""

    id: Final = "journald"
    begins: Final = b"_"

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader; None where no entry begins as systemd begins them."""
        begins = any(line.startswith((_CURSOR, _TIME + b"=")) for line in sample)
        return JournaldReader() if begins or facts.pin == self.id else None


class JournaldReader:
    """Reads one entry as one record.

    Where the count of bytes does not end at a line end, for the file was cut off there, the entry has no time, and
    reading begins anew at the next `__CURSOR=`, which stands first in every entry. A value that holds what looks like
    the beginning of an entry may as well be the next entry: with it, an entry has no time. Where a length itself cannot
    be true nobody knows where its value ends: nothing below is understood.
    """

    __slots__ = ("_broken", "_buffer", "_inside", "_late", "_left", "_lost", "_open", "_span", "_was_blank")

    raw: Final = True
    """Bytes are counted: see `interface.RawReader`."""

    def __init__(self) -> None:
        self._open = self._broken = self._lost = False
        self._inside = False
        """Whether the line read last was one of a value."""
        self._was_blank = False
        """Whether the line above, within a value, is blank."""
        self._buffer: bytes | None = None
        """What was read of a length; None outside of one."""
        self._left = 0
        """Bytes of a value that are still to come, its line end included."""
        self._span: Span | None = None
        self._late: Line | None = None

    def line(self, line: bytes) -> Line:
        """Understand one line."""
        self._late = None
        self._inside = bool(self._left) or self._buffer is not None
        if self._inside:
            self._swallow(line)
            return Line(kind=Kind.CONTINUATION)
        line = bare(line).removesuffix(b"\r")
        if self._lost:
            return Line(kind=Kind.UNPARSED if line else Kind.CONTINUATION)
        if not line:
            self._open = self._open and self._broken
            return Line(kind=Kind.CONTINUATION)
        if line.startswith(_CURSOR):
            self._open = False
        if self._open:
            self._field(line)
            return Line(kind=Kind.CONTINUATION)
        return self._begin(line)

    def late(self) -> Line | None:
        """Date the entry by the line that names its time; take the time away where the entry proves broken."""
        return self._late

    def skipped(self, count: int) -> None:
        """Count bytes that are not shown; a length among them makes all below unknown."""
        if self._buffer is not None:
            self._lost = True
            self._break()
        elif self._left or self._inside:
            self._left -= count
            if self._left < 0:
                self._break()

    def _begin(self, line: bytes) -> Line:
        self._broken, self._span = False, None
        if not _PAIR.match(line) and not _KEY.fullmatch(line):
            return Line(kind=Kind.UNPARSED)
        self._open = True
        self._field(line)
        dated, self._late = self._late, None
        return dated or Line(kind=Kind.HEAD)

    def _field(self, line: bytes) -> None:
        if self._broken:
            return
        if _KEY.fullmatch(line):
            self._buffer = b""
            return
        pair = _PAIR.match(line)
        if pair is None:
            self._break()
        elif pair[1] == _TIME:
            span = epoch(line[pair.end() :], "us")
            if span is None or span.lo < BELIEVABLE:
                self._break()
                return
            self._span = span if self._span is None else covering((self._span, span))
            self._late = Line(kind=Kind.HEAD, lo=self._span.lo, hi=self._span.hi)

    def _swallow(self, line: bytes) -> None:
        if self._buffer is None:
            self._left -= len(line) + 1
            if self._was_blank and line.startswith(_CURSOR):
                self._broken, self._late = True, Line(kind=Kind.HEAD)
            self._was_blank = not line
        else:
            self._buffer += line + b"\n"
            if len(self._buffer) < _LENGTH:
                return
            size = int.from_bytes(self._buffer[:_LENGTH], "little")
            self._lost = size > _LARGEST
            self._left, self._buffer = size + 1 - (len(self._buffer) - _LENGTH), None
        if self._left < 0 or self._lost:
            self._break()

    def _break(self) -> None:
        self._broken, self._left, self._buffer = True, 0, None
        self._late = Line(kind=Kind.HEAD)
