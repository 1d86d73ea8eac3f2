"""JSON over many lines: objects that were printed prettily, and files that are one array.

Both are dated late (`interface.LateReader`): the time stands below the line that begins the record.
"""

import re
from typing import Final

from data.formats.families.json_keys import Dating, Objects, covering
from data.formats.interface import Kind, Line, Zone
from data.retention.evidence import Span

_MOST_BYTES: Final = 1 << 20
_PADDING: Final = b" \t\r\n\0\xef\xbb\xbf"
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_OPENS: Final = re.compile(rb'\{[ \t\r]*(?:"|$)')
_NEXT: Final = re.compile(rb"[ \t]*\},[ \t]*\{[ \t\r]*")
_OPENING: Final = b"[{"


class DocumentReader:
    """Reads objects over many lines; the next one begins with `{` in the first column, even if one was cut off.

    An object that is not closed within 1 MiB has no time of its own; what stands behind that is not understood.
    """

    __slots__ = ("_dating", "_depth", "_late", "_objects", "_parts", "_size")

    def __init__(self, zone: Zone) -> None:
        self._dating, self._objects = Dating(zone), Objects()
        self._depth = self._size = 0
        self._parts: list[bytes] = []
        self._late: Line | None = None

    def line(self, line: bytes) -> Line:
        """Understand one line."""
        self._late = None
        if self._depth > 0 and not line.startswith(b"{"):
            return self._inside(line)
        text = line.strip(_PADDING)
        self._depth, self._size, self._parts = 0, 0, []
        if not text:
            return Line(kind=Kind.CONTINUATION)
        if not _OPENS.match(text):
            return Line(kind=Kind.UNPARSED)
        self._take(text)
        return Line(kind=Kind.HEAD) if self._depth > 0 else self._whole()

    def late(self) -> Line | None:
        """Date the object that the line just read closed."""
        return self._late

    def _inside(self, line: bytes) -> Line:
        self._take(line)
        if self._size > _MOST_BYTES:
            self._depth, self._parts = 0, []
            return Line(kind=Kind.UNPARSED)
        if self._depth <= 0:
            whole = self._whole()
            self._late = whole if whole.kind is Kind.HEAD else None
        return Line(kind=Kind.CONTINUATION)

    def _take(self, line: bytes) -> None:
        self._depth += growth(line)
        self._size += len(line) + 1
        self._parts.append(line)

    def _whole(self) -> Line:
        members = self._objects.read(b"\n".join(self._parts).strip(_PADDING).removesuffix(b","))
        self._parts = []
        if not isinstance(members, tuple):
            return Line(kind=Kind.UNPARSED)
        found = self._dating.of_object(members)
        if found is None or found.span is None:
            return Line(kind=Kind.HEAD)
        return Line(kind=Kind.HEAD, lo=found.span.lo, hi=found.span.hi)


class ArrayReader:
    """Reads a file that is one array of objects: a single record, for no line can be cut out of it without breaking it.

    Its interval is that over all of its objects so far; as long as one is not complete, or once one names no time, it
    has none.
    """

    __slots__ = ("_covered", "_dating", "_depth", "_late", "_objects", "_parts", "_size", "_unknown")

    def __init__(self, zone: Zone) -> None:
        self._dating, self._objects = Dating(zone), Objects()
        self._depth = self._size = 0
        self._parts: list[bytes] = []
        self._covered: Span | None = None
        self._unknown = False
        self._late: Line | None = None

    def line(self, line: bytes) -> Line:
        """Understand one line; `[` in the first column begins anew."""
        self._late = None
        text = line.strip(_PADDING)
        if self._depth > 0 and not line.startswith(b"["):
            self._take(text)
            return Line(kind=Kind.CONTINUATION)
        self._depth, self._size, self._parts = 0, 0, []
        if not text:
            return Line(kind=Kind.CONTINUATION)
        if not text.startswith(b"["):
            return Line(kind=Kind.UNPARSED)
        self._covered, self._unknown, self._depth = None, False, 1
        self._take(text[1:])
        return Line(kind=Kind.HEAD)

    def late(self) -> Line | None:
        """Date the array by what was read of it."""
        return self._late

    def _take(self, text: bytes) -> None:
        if _NEXT.fullmatch(text):  # as Jackson prints it: the end of one object and the beginning of the next
            self._part(b"}")
            text = b"{"
        self._part(text)
        found = None if self._unknown or self._parts else self._covered
        self._late = Line(kind=Kind.HEAD) if found is None else Line(kind=Kind.HEAD, lo=found.lo, hi=found.hi)

    def _part(self, text: bytes) -> None:
        self._depth += growth(text)
        self._size += len(text) + 1
        self._unknown |= self._size > _MOST_BYTES
        if not self._unknown:
            self._parts.append(text)
        if self._depth > 1:
            return
        chunk = b"\n".join(self._parts).strip(_PADDING)
        self._parts, self._size = [], 0
        chunk = (chunk.removesuffix(b"]") if self._depth <= 0 else chunk).strip(_PADDING + b",")
        if chunk:
            self._add(self._objects.read(b"[" + chunk + b"]"))

    def _add(self, items: object) -> None:
        span = self._dating.of_all(items) if isinstance(items, list) else None
        self._unknown |= span is None
        if span is not None:
            self._covered = span if self._covered is None else covering((self._covered, span))


def growth(line: bytes) -> int:
    """Count by how many brackets a line of JSON opens more than it closes; brackets in strings are text."""
    brackets = _STRINGS.sub(b"", line).translate(None, _NO_BRACKETS)
    return sum(1 if bracket in _OPENING else -1 for bracket in brackets)
