"""logfmt: `time=2026-11-23T08:00:00Z level=info msg="it works"`, as Go programs write it (purge.md 7.1)."""

import re
from typing import Final

from data.formats.families.json_keys import Dated, Dating, Named
from data.formats.families.json_lines import head
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import Clocks, Where

KEYS: Final = ("time", "ts", "t", "timestamp", "datetime", "at")
"""Names of the event's own time; the first that is there and can be believed decides."""

_PAIR: Final = re.compile(rb'(?<![^ \t])([^ \t"=]{1,256})=(?:"((?:[^"\\]++|\\.?)*+)"?|([^ \t"]*))')
_TIMED: Final = re.compile(rb"(?<![^ \t])(?:" + "|".join(KEYS).encode("ascii") + rb")=")
_QUOTED: Final = 2
_BEGINS: Final = re.compile(rb"[A-Za-z_@][\w.@/-]{0,255}=")
_ESCAPED: Final = re.compile(r"\\(.)")
_LONGEST_PREFIX: Final = 96


class LogfmtFamily:
    """Lines of `key=value` pairs."""

    id: Final = "logfmt"
    begins: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_@"

    def __init__(self) -> None:
        self._clocks = Clocks()

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader; None where no line names its time."""
        likely = [line for line in sample if _TIMED.search(line)]
        if not likely and facts.pin != self.id:
            return None
        reader = LogfmtReader(self._clocks.of(facts.zone))
        known = facts.pin == self.id or any(reader.line(line).lo is not None for line in likely)
        return reader if known else None


class LogfmtReader:
    """Reads one record a line; an indented or blank line belongs to the record above."""

    __slots__ = ("_dating",)

    guesses: Final = True

    continues: Final = b" \t"
    """First bytes of a line that can only belong to the record above."""

    def __init__(self, where: Where) -> None:
        self._dating = Dating(where)

    def line(self, line: bytes) -> Line:
        """Understand one line; one that does not begin with a key is dated by its neighbours."""
        if not line.strip() or line[:1] in self.continues:
            return Line(kind=Kind.CONTINUATION)
        if not _BEGINS.match(line):
            return Line(kind=Kind.UNPARSED)
        found = self._find(line)
        return head(None if found is None else found.span)

    def locate(self, line: bytes) -> Place | None:
        """Tell where the deciding stamp stands: its key must be there once, and none that would go before it."""
        found = self._find(line) if _BEGINS.match(line) else None
        if found is None or found.span is None or not found.key:
            return None
        pair = next(pair for pair in _PAIR.finditer(line) if pair[1] == found.key.encode("ascii"))
        start, end = pair.span(pair.lastindex or 0)
        never = tuple(
            blank + key.encode("ascii") + b"="
            for key in KEYS[: KEYS.index(found.key) + 1]
            for blank in (b" ", b"\t")
            if pair.start() == 0 or key != found.key or blank != line[pair.start() - 1 : pair.start()]
        )
        once = b"" if pair.start() == 0 else line[pair.start() - 1 : pair.end(1) + 1]
        if start > _LONGEST_PREFIX or any(token in line for token in never) or (once and line.count(once) != 1):
            return None
        return Place(start=start, end=end, once=once, never=never)

    def _find(self, line: bytes) -> Dated | None:
        named: Named = {}
        for pair in _PAIR.finditer(line):
            key = pair[1].decode("latin-1")
            if key in KEYS:
                named.setdefault(key, []).append(_text(pair))
        return self._dating.of_named(named, KEYS)


def _text(pair: re.Match[bytes]) -> str:
    value: bytes = pair[pair.lastindex or 1]
    text = value.decode("latin-1")
    return _ESCAPED.sub(r"\1", text) if pair.lastindex == _QUOTED else text
