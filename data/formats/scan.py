"""Reads one content from its beginning to its end and enters every record into a book."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from data.formats.blocks import blocks
from data.formats.book import Book
from data.formats.detect import NOBODY, choose
from data.formats.encoding import Encoding, detect
from data.formats.interface import Family, FileFacts, Kind, Line
from data.formats.ladder import Bounds, Ladder
from data.formats.lines import Lines, Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is read: a plain file, or one member of an archive."""

    facts: FileFacts
    bounds: Bounds
    head: bytes
    """The first bytes, which tell encoding and family."""
    middle: bytes
    """Bytes from the middle, for the family; may be empty."""
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


def scan(content: Content, families: Sequence[Family], book: Book, totals: Totals, pace: Pace) -> Iterator[None]:
    """Read a content; pauses after each block, so that the caller may look into the book."""
    encoding = detect(content.head)
    choice, reader = NOBODY, None
    if not content.opaque:
        choice = choose(families, content.facts, encoding, content.head, content.middle)
        reader = choice.reader(content.facts)
    if not totals.contents:
        totals.family, totals.encoding = choice.id, encoding.name if reader is not None else ""
    ladder = Ladder(content.bounds, content.facts, book)
    if reader is None:
        yield from _as_one(content, ladder, totals)
    else:
        lines = Lines(reader, lambda: choice.reader(content.facts), encoding, ladder, pace)
        yield from _by_lines(content, encoding, lines, book, totals)
    ladder.finish()
    totals.contents += 1
    totals.future += ladder.future
    totals.refuted = totals.refuted or ladder.refuted
    yield


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


def _by_lines(content: Content, encoding: Encoding, lines: Lines, book: Book, totals: Totals) -> Iterator[None]:
    at = encoding.mark
    if encoding.mark:
        book.keep(0, encoding.mark)
    for block in blocks(content.chunks(), encoding):
        lines.block(block)
        at = block.base + len(block.data)
        yield
    totals.bytes += at
    totals.lines += lines.count
    totals.unparsed += lines.unparsed
    totals.explained += lines.count - lines.unparsed
