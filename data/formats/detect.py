"""Tells the format family of a content by trying every family on a sample of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from data.formats.encoding import Encoding, is_binary
from data.formats.interface import Family, FileFacts, Kind, LateReader, Line, PreparedReader, Reader

SAMPLE: Final = 64 << 10
"""Bytes looked at, at the beginning and again in the middle."""

_MOST_REMEMBERED = 1024
_HEAD_LINES = 200
_MIDDLE_LINES = 100
_LEAST = 0.1
"""The least share of lines that a family must explain to be believed at all."""
_UNDATED = 0.75
_CONTINUES = 0.5
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
    judged: tuple[Line, ...] | None = None
    """What the family says of every line, where the sample was the whole content and needs no second look."""

    guesses: bool = False
    """Whether the reader that said so only guesses what continues."""
    complete: bool = False
    """Whether the sample is every line there is."""

    def reader(self, facts: FileFacts) -> Reader | None:
        """Give a fresh reader."""
        return None if self.family is None else self.family.reader(facts, self.sample)


class Candidates:
    """Families, of which those are asked that a sample may be of (`begins`); remembers which."""

    def __init__(self, families: Sequence[Family]) -> None:
        self.families = tuple(families)
        self._known: dict[frozenset[int], tuple[Family, ...]] = {}

    def of(self, sample: Sequence[bytes]) -> tuple[Family, ...]:
        """Give the families that may know a sample, in their order."""
        firsts = frozenset([line[0] for line in sample if line])
        found = self._known.get(firsts)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = tuple(family for family in self.families if _may_begin(family, firsts))
            self._known[firsts] = found
        return found


def _may_begin(family: Family, firsts: frozenset[int]) -> bool:
    begins: bytes | None = getattr(family, "begins", None)
    return begins is None or not firsts.isdisjoint(begins)


NOBODY: Final = Choice(family=None, id="", sample=())


def choose(
    families: Sequence[Family] | Candidates,
    facts: FileFacts,
    encoding: Encoding,
    head: bytes,
    middle: bytes = b"",
    *,
    whole: bool = False,
) -> Choice:
    """Choose the family that explains most of the sample, the first of equals; raises `ValueError` for a wrong pin.

    `head` is the beginning of the content, byte order mark included, or the `whole` of it; `middle` is a piece from its
    middle.
    """
    lines = sample_lines(head[encoding.mark :], encoding, whole=whole or len(head) < SAMPLE)
    whole = whole and len(lines) <= _HEAD_LINES
    del lines[_HEAD_LINES:]
    between = sample_lines(middle, encoding, whole=False)[1 : _MIDDLE_LINES + 1] if middle else []
    sample = (*lines, *between)
    if facts.pin:
        family = family_of(families.families if isinstance(families, Candidates) else families, facts.pin)
        return Choice(family=family, id=family.id, sample=sample, complete=whole)
    if is_binary(head or middle, encoding):
        return NOBODY
    found = _best(families, facts, sample, whole=whole)
    if found.family is not None or not between:
        return found
    # Where the beginning is a banner, or one line longer than any sample, the middle shows what the file is.
    return _best(families, facts, tuple(between))


def _best(
    families: Sequence[Family] | Candidates,
    facts: FileFacts,
    sample: tuple[bytes, ...],
    *,
    whole: bool = False,
) -> Choice:
    """Try every family on a sample of lines; `whole` where there are no others."""
    best, found, judged, guesses = _LEAST, None, None, False
    for family in families.of(sample) if isinstance(families, Candidates) else families:
        reader = family.reader(facts, sample)
        if reader is None:
            continue
        said = [judge(reader, text) for text in sample]
        score = _score(said, sample)
        if score > best:
            best, found, judged = score, family, said if whole and _is_final(reader, sample) else None
            guesses = getattr(reader, "guesses", False)
        if best >= 1:
            break  # no later family can be better
    return Choice(
        family=found,
        id=found.id if found else "",
        sample=sample,
        judged=None if judged is None else tuple(judged),
        guesses=guesses,
        complete=whole,
    )


def _is_final(reader: Reader, lines: Sequence[bytes]) -> bool:
    """Tell whether what a reader has said of all lines there are is all that there is to say."""
    if hasattr(reader, "prepare"):
        cast("PreparedReader", reader).prepare(lines)
        return getattr(reader, "is_steady", False)
    return not hasattr(reader, "late")


def judge(reader: Reader, text: bytes) -> Line:
    """Ask a reader about a line; blank lines continue, and what a reader stumbles over is not understood."""
    try:
        line = reader.line(text)
    except _FAULTS:
        line = _UNPARSED
    if line.kind is Kind.UNPARSED and not text.strip():
        return _CONTINUATION
    return line


def later(reader: LateReader) -> Line | None:
    """Ask a reader whether it now knows more of the record; what it stumbles over has no time."""
    try:
        return reader.late()
    except _FAULTS:
        return Line(kind=Kind.HEAD)


def sample_lines(data: bytes, encoding: Encoding, *, whole: bool) -> list[bytes]:
    """Cut a sample into the lines shown to readers; without its last line, unless it is the whole content."""
    cut = len(data) if whole else encoding.last_end(data) or len(data)
    return encoding.texts(data[:cut])


def pins_of(family: Family) -> tuple[str, ...]:
    """List the words by which a family may be pinned: its id, and other names for it where it has any."""
    return (family.id, *getattr(family, "aliases", ()))


def family_of(families: Sequence[Family], pin: str) -> Family:
    """Give the family that a pin stands for; raises `ValueError`, which names all pins, where there is none."""
    for family in families:
        if pin in pins_of(family):
            return family
    known = ", ".join(name for family in families for name in pins_of(family))
    message = f"no format family {pin!r}; there are: {known}"
    raise ValueError(message)


def _score(said: Sequence[Line], lines: Sequence[bytes]) -> float:
    """Give the share of lines explained: a continuation proves half of what a head does, an undated head less."""
    if said and all(line.lo is not None and line.kind is Kind.HEAD for line in said):
        return 1
    weight, counted, begun = 0.0, 0, False
    for line, text in zip(said, lines, strict=True):
        kind = line.kind
        if kind is Kind.HEAD:
            begun = True
            weight += 1 if line.lo is not None else _UNDATED
        elif kind is Kind.DIRECTIVE:
            begun = True
            weight += 1
        elif kind is Kind.CONTINUATION:
            if not text.strip():
                continue
            weight += _CONTINUES
        counted += 1
    return weight / counted if begun else 0
