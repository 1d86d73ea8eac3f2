"""Which columns of a table tell the time: those that the header names, or those that hold nothing but stamps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from data.formats.families.json_keys import TIME_KEYS, Dating
from data.formats.families.table_rows import SEPARATORS, Row

NAMES: Final = tuple(dict.fromkeys(key.lower() for key in TIME_KEYS))
"""Names of time columns without regard to capitals; the first that is there and can be believed decides."""
ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "zeitstempel": "timestamp",
        "time stamp": "timestamp",
        "datum/uhrzeit": "datetime",
        "datum und uhrzeit": "datetime",
        "datum uhrzeit": "datetime",
        "date/time": "datetime",
        "date and time": "datetime",
        "date time": "datetime",
        "timegenerated [utc]": "timegenerated",
        "datum": "date",
        "zeit": "time",
        "uhrzeit": "time",
    },
)
"""What German exports, Excel and the event viewer call them."""

_MAY_NAME: Final = re.compile(
    b"(?i)(?<![a-z0-9_@])(?:"
    + b"|".join(re.escape(name.encode("ascii")) for name in (*NAMES, *ALIASES))
    + b")(?![a-z0-9_])"
)
"""A name of a time column that stands by itself."""
_UNNAMED: Final = "stamp"
_LEAST_ROWS: Final = 3
_LEAST_COLUMNS: Final = 3
_WITHOUT_HEADER: Final = (b"\t", b";", b",")
_NUMBER: Final = re.compile(r"[0-9.,+-]*")
_FRACTION: Final = re.compile(r"[0-9]{1,9}(?: .*)?", re.DOTALL)
_SEPARATOR_LINE: Final = re.compile(rb'"?sep=(.)"?[ \t]*', re.IGNORECASE)
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How the rows of a table are to be read."""

    separator: bytes
    count: int
    times: tuple[tuple[int, str], ...]
    """Columns that may hold the time, with their names."""
    names: tuple[str, ...] = NAMES
    """The order in which these names decide."""
    header: bytes = b""
    """The line itself; b"" where there is none."""
    titles: frozenset[str] = frozenset()
    """The words of the header, in small letters."""

    def resembles(self, row: Row) -> bool:
        """Tell whether at least half of a row's cells are words of the header: a header again, of a joined file."""
        words = {cell.lower() for cell in row.cells if cell}
        return bool(words) and 2 * len(words & self.titles) >= len(words)

    def trusts(self, count: int) -> bool:
        """Tell whether the time columns of a row of so many cells are what they should be.

        Too few cells: it was cut off, perhaps within the last one. Too many: a separator stood somewhere without
        quotes, and only the first columns are where they belong.
        """
        if count == self.count:
            return True
        places = [index for index, _ in self.times]
        if count < self.count:
            return max(places) < count - 1
        return places == list(range(len(places)))


def separator_line(line: bytes) -> bool:
    """Tell whether a line is Excel's `sep=;`."""
    return _SEPARATOR_LINE.fullmatch(line.strip()) is not None


def by_header(line: bytes) -> Columns | None:
    """Read a line as a header, with any separator; None where it names no time among at least two columns."""
    marks = b"" if line[:1].isdigit() else bytes(mark for mark in SEPARATORS if mark in line)
    if not marks or not _MAY_NAME.search(line):
        return None
    found = [_named(line, bytes([mark])) for mark in marks]
    sure = [columns for columns in found if columns is not None]
    return max(sure, key=lambda columns: columns.count, default=None)


def by_stamps(lines: Sequence[bytes], dating: Dating) -> Columns | None:
    """Find columns that hold a stamp in every row; the first row may name them in words nobody knows."""
    for separator in _WITHOUT_HEADER:
        if any(line.count(separator) < _LEAST_COLUMNS - 1 for line in lines):
            continue
        rows = [Row.of(line, separator) for line in lines]
        if len(rows) < _LEAST_ROWS or len(rows[0].cells) < _LEAST_COLUMNS:
            continue
        if not all(row.sound and len(row.cells) == len(rows[0].cells) for row in rows):
            continue
        found = _stamped(rows, dating)
        if found:
            header = b"" if _is_stamp(rows[0].cells[found[0]], dating) else lines[0]
            times = tuple((index, _UNNAMED) for index in found)
            return Columns(separator=separator, count=len(rows[0].cells), times=times, names=(_UNNAMED,), header=header)
    return None


def is_heading(row: Row) -> bool:
    """Tell whether a row may be a header: different short words, none of them a number, none empty but at the end."""
    cells = [cell.lower() for cell in row.cells]
    while cells and not cells[-1]:
        cells.pop()
    short = all(cell and len(cell) <= _LONGEST_NAME and not cell[0].isdigit() for cell in cells)
    return bool(cells) and row.sound and short and len(set(cells)) == len(cells)


def _named(line: bytes, separator: bytes) -> Columns | None:
    row = Row.of(line, separator)
    if not is_heading(row) or len(row.cells) < len(("time", "text")):
        return None
    names = [ALIASES.get(cell.lower(), cell.lower()) for cell in row.cells]
    times = tuple((index, name) for index, name in enumerate(names) if name in NAMES)
    titles = frozenset(cell.lower() for cell in row.cells if cell)
    return Columns(separator=separator, count=len(names), times=times, header=line, titles=titles) if times else None


def _stamped(rows: list[Row], dating: Dating) -> list[int]:
    found = []
    for index in range(len(rows[0].cells)):
        cells = [row.cells[index] for row in rows]
        cells = cells if _is_stamp(cells[0], dating) else cells[1:]
        if all(_is_stamp(cell, dating) for cell in cells) and not _is_cut(rows, index):
            found.append(index)
    return found


def _is_stamp(cell: str, dating: Dating) -> bool:
    if _NUMBER.fullmatch(cell):
        return False
    return dating.of_named({_UNNAMED: [cell]}, (_UNNAMED,)) is not None


def _is_cut(rows: list[Row], index: int) -> bool:
    """Tell whether the comma behind a column rather stands before its milliseconds: a text log, not a table."""
    return all(index + 1 < len(row.cells) and _FRACTION.fullmatch(row.cells[index + 1]) for row in rows[1:])
