"""JSON logs: one object a line, and the files that only look like it (purge.md 7.1).

What the form of the file is, the sample tells:

- one object a line, with or without a comma behind it: `JsonLines` understands each line by itself;
- objects over many lines, `{` alone before each: see `json_documents.py`;
- one array around everything: no record can be cut out of it, so it is a single record; see `json_documents.py`.
"""

import re
from typing import Final

from data.formats.families.json_documents import ArrayReader, DocumentReader
from data.formats.families.json_keys import TIME_KEYS, Dating, Moments, Objects
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import Clocks, Where
from data.retention.evidence import Span

PADDING: Final = b" \t\r\n\0\x1e\xef\xbb\xbf"
"""What may stand around an object: blanks, a run of NUL after a truncation, a record separator (RFC 7464), a BOM."""
CONTAINERS: Final = frozenset({"resourceSpans", "resourceLogs", "resourceMetrics"})
"""Members by which OTLP is known: a line with one of them is a whole batch, and another family's business."""

_LONGEST_PREFIX: Final = 96
_VALUE: Final = re.compile(rb'[ \t]*:[ \t]*(?:"([^"\\]*)"|([0-9][0-9.eE+-]*)(?=[ \t,}]))')
_ARRAY: Final = re.compile(rb'\[[ \t]*(?:\{[ \t]*(?:"|\}|$)|\]|$)')


class JsonFamily:
    """Logs in JSON; their times are in the order of `json_keys.TIME_KEYS`."""

    id: Final = "jsonl"
    begins: Final = b"{[" + PADDING

    def __init__(self) -> None:
        self._clocks = Clocks()
        self._objects = Objects()

    aliases: Final = ("json", "ndjson", "clef")

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give the reader for the form that the sample has; None where no line begins an object."""
        lines = [text for line in sample if (text := line.strip(PADDING))]
        pinned = facts.pin == self.id
        if not pinned and not any(text.startswith((b"{", b"[")) for text in lines):
            return None
        if lines and _ARRAY.match(lines[0]) and (lines[0] != b"[" or lines[1:2] == [] or lines[1][:1] in b"{]"):
            return ArrayReader(facts.zone)
        flush = [line.rstrip(PADDING) for line in sample if line.startswith(b"{")]
        if flush.count(b"{") * 2 > len(flush):
            return DocumentReader(facts.zone)
        objects = self._objects
        begun = (text for text in lines if text.startswith(b"{"))
        whole = (found for text in begun if isinstance(found := objects.read(text.removesuffix(b",")), tuple))
        if pinned or any(not CONTAINERS.intersection(key for key, _ in found) for found in whole):
            return JsonLines(self._clocks.of(facts.zone), objects)
        return None


class JsonLines:
    """Reads one object a line; remembers nothing, so that any line may be judged without the others."""

    __slots__ = ("_dating", "_moments", "_objects")

    def __init__(self, where: Where, objects: Objects | None = None) -> None:
        self._dating, self._moments, self._objects = Dating(where), Moments(where), objects or Objects()

    def line(self, line: bytes) -> Line:
        """Understand one line: an object is a head; anything else but a blank is dated by its neighbours.

        A line that was cut off behind its own time is a head too: what `locate` promises holds for it.
        """
        text = line.strip(PADDING)
        if not text:
            return Line(kind=Kind.CONTINUATION)
        if not text.startswith(b"{"):
            return Line(kind=Kind.UNPARSED)
        members = self._objects.read(text.removesuffix(b","))
        if isinstance(members, tuple):
            found = self._dating.of_object(members)
            return head(None if found is None else found.span)
        rest = self._cut_off(line)
        return Line(kind=Kind.UNPARSED) if rest is None else head(rest)

    def locate(self, line: bytes) -> Place | None:
        r"""Tell where the deciding stamp stands, if it is a member of the object itself and stands near the beginning.

        The key must be there once, and none that would go before it, nor an escape (`\u0040t`) that could spell one.
        """
        members = self._objects.read(line.rstrip(PADDING).removesuffix(b","))
        found = self._dating.of_object(members) if isinstance(members, tuple) else None
        if found is None or found.span is None or not found.key:
            return None
        return self._place(line, found.key)

    def _cut_off(self, line: bytes) -> Span | None:
        key = next((key for key in TIME_KEYS if _token(key) in line), "")
        place = self._place(line, key) if key else None
        return None if place is None else self._moments.of_text(line[place.start : place.end].decode("latin-1"))

    def _place(self, line: bytes, key: str) -> Place | None:
        token, never = _token(key), _goes_before(key)
        at = line.find(token)
        value = _VALUE.match(line, at + len(token))
        if value is None or line.count(token) != 1 or any(word in line for word in never):
            return None
        start, end = value.span(value.lastindex or 0)
        if start > _LONGEST_PREFIX or not line.startswith(b"{") or not self._is_outermost(line[:at]):
            return None
        return Place(start=start, end=end, once=token, never=never)

    def _is_outermost(self, before: bytes) -> bool:
        return isinstance(self._objects.read(before + b'"":0}'), tuple)


def head(span: Span | None) -> Line:
    """Make the line that begins a record, with its time where it has one."""
    return Line(kind=Kind.HEAD) if span is None else Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)


def _token(key: str) -> bytes:
    return b'"%s"' % key.encode("ascii")


def _goes_before(key: str) -> tuple[bytes, ...]:
    """List what would take the decision from a key: keys before it, and the beginnings of escapes of their letters."""
    keys = TIME_KEYS[: TIME_KEYS.index(key) + 1]
    escapes = sorted({b"\\u00%x" % (ord(letter) >> 4) for name in keys for letter in name})
    return (*map(_token, keys[:-1]), *escapes)
