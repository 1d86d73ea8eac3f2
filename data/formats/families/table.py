"""CSV and its like: rows of cells, dated by the columns that the header names (purge.md 7.1; RFC 4180).

A quoted cell may go over many lines: the row is dated late. No row can be judged without those above it, for a quote
may be open: there is no `locate`.
"""

from typing import Final

from data.formats.families.json_keys import Dated, Dating, Moments, Named
from data.formats.families.json_lines import head
from data.formats.families.table_columns import Columns, by_header, by_stamps, separator_line
from data.formats.families.table_rows import Row, goes_on
from data.formats.interface import FileFacts, Kind, Line, Reader, Zone

_MOST_TITLES: Final = 5
"""Lines at the beginning among which the header is looked for: exports like to have a title."""
_MOST_BYTES: Final = 1 << 20
_MOST_LINES: Final = 2000


class TableFamily:
    """Comma, semicolon, tab or bar between the cells; with a header, or with stamps in the same column of every row."""

    id: Final = "csv"
    aliases: Final = ("tsv",)

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader; None where neither a header nor the rows tell which column is the time."""
        dating = Dating(facts.zone)
        lines = [line.removeprefix(b"\xef\xbb\xbf") for line in sample if line.strip() and not separator_line(line)]
        named = (by_header(line) for line in lines[:_MOST_TITLES])
        columns = next((found for found in named if found is not None), None) or by_stamps(lines, dating)
        return None if columns is None else TableReader(facts.zone, columns)


class TableReader:
    """Reads one row as one record; a header is a directive, the first one or any further one.

    As long as a quote is open, rows may be hidden behind it that are younger: the row has no time until it is closed. A
    quote that does not close within 2,000 lines or 1 MiB was no quote: its row has no time, and reading begins anew.
    """

    __slots__ = ("_columns", "_dating", "_late", "_lines", "_moments", "_parts", "_size")

    def __init__(self, zone: Zone, columns: Columns) -> None:
        self._dating, self._moments = Dating(zone), Moments(zone)
        self._columns = columns
        self._parts: list[bytes] = []
        self._size = self._lines = 0
        self._late: Line | None = None

    def line(self, line: bytes) -> Line:
        """Understand one line."""
        self._late = None
        if self._parts:
            return self._inside(line)
        if not line.strip():
            return Line(kind=Kind.CONTINUATION)
        if separator_line(line):
            return Line(kind=Kind.DIRECTIVE)
        if goes_on(line, self._columns.separator, inside=False):
            self._parts, self._size, self._lines = [line], len(line), 1
            found = self._find(Row.of(line, self._columns.separator))
            return head(None if found is None else found.span)
        row = Row.of(line, self._columns.separator)
        return self._row(row, line)

    def late(self) -> Line | None:
        """Date the row that the line just read ended."""
        return self._late

    def _inside(self, line: bytes) -> Line:
        self._parts.append(line)
        self._size += len(line) + 1
        self._lines += 1
        if self._size > _MOST_BYTES or self._lines > _MOST_LINES:
            self._parts = []
            return Line(kind=Kind.UNPARSED)
        self._late = Line(kind=Kind.HEAD)
        if not goes_on(line, self._columns.separator, inside=True):
            row = Row.of(b"\n".join(self._parts), self._columns.separator)
            self._parts = []
            found = self._find(row) if row.sound and len(row.cells) == self._columns.count else None
            self._late = head(None if found is None else found.span)
        return Line(kind=Kind.CONTINUATION)

    def _row(self, row: Row, line: bytes) -> Line:
        found = self._find(row) if row.sound else None
        if found is not None:
            return head(found.span)
        if line == self._columns.header:
            return Line(kind=Kind.DIRECTIVE)
        again = by_header(line) if self._columns.resembles(row) else None
        if again is not None:
            self._columns = again
            return Line(kind=Kind.DIRECTIVE)
        return Line(kind=Kind.HEAD if row.sound and len(row.cells) == self._columns.count else Kind.UNPARSED)

    def _find(self, row: Row) -> Dated | None:
        if not self._columns.trusts(len(row.cells)):
            return None
        if len(self._columns.times) == 1:
            span = self._moments.of_text(row.cells[self._columns.times[0][0]])
            return None if span is None else Dated(span=span)
        named: Named = {}
        for index, name in self._columns.times:
            named.setdefault(name, []).append(row.cells[index])
        return self._dating.of_named(named, self._columns.names)
