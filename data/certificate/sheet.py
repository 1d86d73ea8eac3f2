"""What can be put on a sheet of paper, as values: knows neither purges nor the library that draws.

The core fonts hold what Windows-1252 holds, which is all of our sentences; any other letter is shown as its code point.
"""

from dataclasses import dataclass
from typing import Final

Colour = tuple[int, int, int]

GREEN: Final[Colour] = (22, 101, 72)
AMBER: Final[Colour] = (161, 84, 8)
RED: Final[Colour] = (160, 28, 28)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A label and its value."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Labels and values below each other."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with a head; figures stand right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    figures: tuple[int, ...] = ()
    """Columns of figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph."""

    text: str
    mono: bool = False
    bullet: bool = False


Block = Rows | Table | Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What stands at the head of the first page, and at the foot of each."""

    product: str
    title: str
    state: str
    id: str
    lead: str
    colour: Colour
    tiles: tuple[tuple[str, str], ...]
    """Value and label."""
    page: str
    """Sentence for the foot with `{page}` and `{pages}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file inside the PDF."""

    name: str
    content: bytes


def printable(text: str) -> str:
    """Give a text with every letter that the core fonts lack shown as its code point."""
    return "".join(_letter(letter) for letter in text)


def _letter(letter: str) -> str:
    try:
        known = letter.encode("cp1252")
    except UnicodeEncodeError:
        return f"<U+{ord(letter):04X}>"
    return letter if known >= b" " and known != b"\x7f" else f"<U+{ord(letter):04X}>"
