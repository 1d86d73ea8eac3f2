"""Tells the format family of a content by trying every family on a sample of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from data.formats.encoding import Encoding, is_binary
from data.formats.interface import Family, FileFacts, Kind, Line, Reader

SAMPLE: Final = 64 << 10
"""Bytes looked at, at the beginning and again in the middle."""

_HEAD_LINES = 200
_MIDDLE_LINES = 100
_LEAST = 0.1
"""The least share of lines that a family must explain to be believed at all."""
_FAULTS: Final = (ValueError, ArithmeticError, LookupError, RecursionError)
"""What a reader may stumble over in a line made to hurt it: numbers of 5,000 digits, brackets 100,000 deep."""
_CONTINUATION: Final = Line(kind=Kind.CONTINUATION)
_UNPARSED: Final = Line(kind=Kind.UNPARSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The family of a content; no family means that the content is one record as a whole."""

    family: Family | None
    id: str
    sample: tuple[bytes, ...]

    def reader(self, facts: FileFacts) -> Reader | None:
        """Give a fresh reader."""
        return None if self.family is None else self.family.reader(facts, self.sample)


NOBODY: Final = Choice(family=None, id="", sample=())


def choose(
    families: Sequence[Family], facts: FileFacts, encoding: Encoding, head: bytes, middle: bytes = b""
) -> Choice:
    """Choose the family that explains most of the sample, the first of equals; raises `ValueError` for a wrong pin.

    `head` is the beginning of the content, byte order mark included; `middle` is a piece from its middle.
    """
    lines = sample_lines(head[encoding.mark :], encoding, whole=len(head) < SAMPLE)[:_HEAD_LINES]
    sample = tuple(lines)
    if facts.pin:
        return _pinned(families, facts.pin, sample)
    if is_binary(head or middle, encoding):
        return Choice(family=None, id="", sample=sample)
    lines += sample_lines(middle, encoding, whole=False)[1 : _MIDDLE_LINES + 1]
    best, found = _LEAST, None
    for family in families:
        score = _score(family.reader(facts, sample), lines)
        if score > best:
            best, found = score, family
        if best >= 1:
            break  # no later family can be better
    return Choice(family=found, id=found.id if found else "", sample=sample)


def judge(reader: Reader, text: bytes) -> Line:
    """Ask a reader about a line; blank lines continue, and what a reader stumbles over is not understood."""
    try:
        line = reader.line(text)
    except _FAULTS:
        line = _UNPARSED
    if line.kind is Kind.UNPARSED and not text.strip():
        return _CONTINUATION
    return line


def sample_lines(data: bytes, encoding: Encoding, *, whole: bool) -> list[bytes]:
    """Cut a sample into the lines shown to readers; without its last line, unless it is the whole content."""
    cut = len(data) if whole else encoding.last_end(data) or len(data)
    ends = [0, *encoding.ends(data[:cut])]
    return [encoding.text(data[start:end]) for start, end in pairwise(ends)]


def _pinned(families: Sequence[Family], pin: str, sample: tuple[bytes, ...]) -> Choice:
    for family in families:
        if family.id == pin:
            return Choice(family=family, id=pin, sample=sample)
    message = f"no format family {pin!r}; there are: {', '.join(family.id for family in families)}"
    raise ValueError(message)


def _score(reader: Reader | None, lines: Sequence[bytes]) -> float:
    """Give the share of lines explained: a continuation proves half of what a head does, an undated head less."""
    if reader is None:
        return 0
    weight, counted, begun = 0.0, 0, False
    for text in lines:
        line = judge(reader, text)
        if not text.strip():
            continue
        counted += 1
        begun = begun or line.kind in (Kind.HEAD, Kind.DIRECTIVE)
        weight += _WEIGHTS[line.kind] * (1 if line.kind is not Kind.HEAD or line.lo is not None else _UNDATED)
    return weight / counted if begun else 0


_WEIGHTS: Final = {Kind.HEAD: 1.0, Kind.DIRECTIVE: 1.0, Kind.CONTINUATION: 0.5, Kind.UNPARSED: 0.0}
_UNDATED: Final = 0.75
