"""Rows of cells with quotes (RFC 4180), in linear time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SEPARATORS: Final = b"\t;,|"
"""What may stand between cells, the likeliest first."""

_QUOTED: Final = re.compile(rb' *"((?:[^"]++|"")*+)("?)')
_REST: Final = re.compile(rb'(?:[^"]++|"")*+("?)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one row, without their quotes and the blanks around them."""

    cells: tuple[str, ...]
    sound: bool
    """Whether every quote was closed, directly before a separator or the end."""

    @classmethod
    def of(cls, text: bytes, separator: bytes) -> "Row":
        """Split the text of a row; never raises."""
        if b'"' not in text:
            return cls(
                cells=tuple(map(str.strip, text.decode("latin-1").split(separator.decode("latin-1")))), sound=True
            )
        cells, sound = [], True
        for cell, fine in _split(text, separator):
            cells.append(cell.decode("latin-1").strip())
            sound = sound and fine
        return cls(cells=tuple(cells), sound=sound)


def goes_on(line: bytes, separator: bytes, *, inside: bool) -> bool:
    """Tell whether a quoted cell is open at the end of a line; `inside`: one was open at its beginning."""
    if b'"' not in line:
        return inside
    at = 0
    if inside:
        rest = _REST.match(line)
        if rest is None or not rest[1]:
            return True
        at = _next(line, separator, rest.end())
    while 0 <= at < len(line):
        quoted = _QUOTED.match(line, at)
        if quoted is not None and not quoted[2]:
            return True
        at = _next(line, separator, at if quoted is None else quoted.end())
    return False


def _split(text: bytes, separator: bytes) -> Iterator[tuple[bytes, bool]]:
    at = 0
    while at >= 0:
        quoted = _QUOTED.match(text, at)
        following = _next(text, separator, at if quoted is None else quoted.end())
        end = following - 1 if following >= 0 else len(text)
        if quoted is None:
            yield text[at:end], True
        else:
            yield quoted[1].replace(b'""', b'"'), bool(quoted[2]) and not text[quoted.end() : end].strip()
        at = following


def _next(text: bytes, separator: bytes, at: int) -> int:
    """Give where the next cell begins; -1 behind the last one."""
    found = text.find(separator, at)
    return -1 if found < 0 else found + 1
