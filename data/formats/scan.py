"""Reads one content from its beginning to its end and enters every record into a book."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from data.formats.blocks import Part, blocks
from data.formats.book import Book
from data.formats.detect import NOBODY, Candidates, choose, judge
from data.formats.encoding import Encoding, detect
from data.formats.interface import FileFacts, Kind, Line, PreparedReader, Reader
from data.formats.ladder import Bounds, Ladder
from data.formats.lines import Lines, Pace, ReadsFast


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is read: a plain file, or one member of an archive."""

    facts: FileFacts
    bounds: Bounds
    head: bytes
    """The first bytes, which tell encoding and family."""
    middle: bytes
    """Bytes from the middle, for the family; may be empty."""
    whole: bool = False
    """Whether the head is all there is."""
    opaque: bool = False
    """Whether it is one record whatever it looks like: a damaged archive."""
    chunks: Callable[[], Iterable[bytes]]
    """Gives all bytes from the beginning."""


@dataclass(slots=True, kw_only=True)
class Totals:
    """What is counted besides the records, over all contents of a file."""

    family: str = ""
    encoding: str = ""
    lines: int = 0
    bytes: int = 0
    explained: int = 0
    unparsed: int = 0
    future: int = 0
    refuted: bool = False
    damaged: str = ""
    contents: int = 0


def scan(content: Content, families: Candidates, book: Book, totals: Totals, pace: Pace) -> Iterator[None]:
    """Read a content; pauses after each block, so that the caller may look into the book."""
    encoding = detect(content.head)
    choice = NOBODY
    if not content.opaque:
        choice = choose(families, content.facts, encoding, content.head, content.middle, whole=content.whole)
    if not totals.contents:
        totals.family, totals.encoding = choice.id, encoding.name if choice.family is not None else ""
    reader = choice.reader(content.facts) if choice.judged is None else None
    guesses = choice.guesses if reader is None else getattr(reader, "guesses", False)
    ladder = Ladder(content.bounds, content.facts, book, pace.trust if guesses else None)
    judged: Sequence[Line] | None = choice.judged
    if reader is not None and choice.complete and not hasattr(reader, "late"):
        judged = _judged(reader, choice.sample)
    if judged is not None:
        _at_once(content, encoding, judged, (ladder, book), totals)
    elif reader is not None:
        if hasattr(reader, "prepare"):
            cast("PreparedReader", reader).prepare(_texts(content, encoding, pace, getattr(reader, "turns", 0)))
        lines = Lines(reader, lambda: choice.reader(content.facts), encoding, ladder, pace, _load_fast)
        yield from _by_lines(content, encoding, lines, book, totals, pace)
    else:
        yield from _as_one(content, ladder, totals)
    ladder.finish()
    totals.contents += 1
    totals.future += ladder.future
    totals.refuted = totals.refuted or ladder.refuted
    yield


def _judged(reader: Reader, lines: tuple[bytes, ...]) -> list[Line]:
    """Understand every line of a small content."""
    if hasattr(reader, "prepare"):
        cast("PreparedReader", reader).prepare(lines)
    return [judge(reader, text) for text in lines]


def _at_once(
    content: Content, encoding: Encoding, judged: Sequence[Line], entered: tuple[Ladder, Book], totals: Totals
) -> None:
    """Enter the lines of a small content, which were all understood when its family was found."""
    ladder, book = entered
    start = encoding.mark
    if start:
        book.keep(0, start)
    ladder.lines(judged, encoding.ends(content.head, start), start)
    unparsed = sum(1 for line in judged if line.kind is Kind.UNPARSED)
    totals.bytes += len(content.head)
    totals.lines += len(judged)
    totals.unparsed += unparsed
    totals.explained += len(judged) - unparsed


def _as_one(content: Content, ladder: Ladder, totals: Totals) -> Iterator[None]:
    """Take a content nobody understands as one undated record."""
    at = 0
    for chunk in content.chunks():
        end = at + len(chunk)
        if at:
            ladder.more(at, end)
        else:
            ladder.line(Line(kind=Kind.UNPARSED), at, end)
        at = end
    totals.bytes += at
    yield


def _load_fast() -> ReadsFast:
    from data.formats.fast import read_fast  # heavy, and not needed for a small file

    return read_fast


def _by_lines(
    content: Content, encoding: Encoding, lines: Lines, book: Book, totals: Totals, pace: Pace
) -> Iterator[None]:
    at = encoding.mark
    if encoding.mark:
        book.keep(0, encoding.mark)
    for block in blocks(content.chunks(), encoding, longest=pace.longest):
        lines.block(block)
        at = block.base + block.size
        yield
    lines.finish()
    totals.bytes += at
    totals.lines += lines.count
    totals.unparsed += lines.unparsed
    totals.explained += lines.count - lines.unparsed


def _texts(content: Content, encoding: Encoding, pace: Pace, same: int) -> Iterator[bytes]:
    """Give all lines as a reader is shown them, or the first of neighbours that begin with the same bytes."""
    quickly = same > 0 and pace.fast and encoding.width == 1
    for block in blocks(content.chunks(), encoding, longest=pace.longest):
        if block.part is Part.LINES and quickly and block.size >= pace.least:
            from data.formats.turns import turns  # heavy, and not needed for a small file

            for raw in turns(block, same):
                yield encoding.text(raw)[: pace.longest]
        elif block.part is Part.LINES:
            start = 0
            for end in encoding.ends(block.data, 0, block.size):
                yield encoding.text(block.data[start:end])[: pace.longest]
                start = end
        elif block.part is Part.LONG:
            yield encoding.text(block.data)[: pace.longest]
