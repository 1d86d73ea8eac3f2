"""Shows the lines of a content to its reader: each one, or where stencils fit only those that no stencil fits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from data.formats.blocks import BLOCK, Block, Part
from data.formats.detect import judge, later
from data.formats.encoding import LONGEST_LINE, Encoding
from data.formats.held import Held
from data.formats.interface import Kind, LateReader, Line, LocatingReader, RawReader, Reader
from data.formats.ladder import Ladder, Trust
from data.formats.stencils import Matcher, learn

_MOST_STENCILS = 32
_MOST_LESSONS = 256
"""Heads that are looked at for a new stencil, in one content."""
_MOST_TURNS = 16
"""How often reading fast begins anew in a block: behind a directive, or with a new stencil."""
_LEAST: Final = 32 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a content is read; but for what is believed and shown, the same is found whatever it says."""

    block: int = BLOCK
    """Bytes read at once."""
    longest: int = LONGEST_LINE
    """Bytes of a line that a reader is shown."""
    least: int = _LEAST
    """Blocks smaller than this are not worth the preparations for reading fast; smaller files are read at once."""
    worth: int = 16
    """Lines of one hour for which it pays to ask the reader what their date means."""
    fast: bool = True
    trust: Trust = field(default_factory=Trust)
    """How far below a head continuations are believed, of readers that guess."""


class ReadsFast(Protocol):
    """Judges as many lines of a block as it can at once, and tells where it stopped; see `fast.py`."""

    def __call__(self, lines: "Lines", block: Block, start: int, *, again: bool) -> int:
        """Judge lines from `start` on; `again` says that it will be asked once more for the rest."""
        ...


class Lines:
    """Reads the blocks of one content in their order and enters every line on the ladder."""

    def __init__(
        self,
        reader: Reader,
        another: Callable[[], Reader | None],
        encoding: Encoding,
        ladder: Ladder,
        pace: Pace,
        load_fast: "Callable[[], ReadsFast]",
    ) -> None:
        self._load_fast = load_fast
        self.ladder = ladder
        self.matchers: list[Matcher] = []
        self.count = 0
        self.unparsed = 0
        self._reader = reader
        self._encoding = encoding
        self.pace = pace
        self._another = another
        self._asked: Reader | None = None
        self.above = b""
        """The last head that was judged without the reader, where it has not been shown to it since."""
        self._lessons = _MOST_LESSONS
        self._held = Held(ladder)
        self._late = cast("LateReader", reader) if hasattr(reader, "late") else None
        counts = encoding.width == 1 and getattr(reader, "raw", False)
        self._counts = cast("RawReader", reader) if counts else None
        self._teaches: LocatingReader | None = None
        self.continues: bytes = b""
        if pace.fast and encoding.width == 1 and hasattr(reader, "locate") and self._late is None:
            self._teaches = cast("LocatingReader", reader)
            self.continues = getattr(reader, "continues", b"")

    def block(self, block: Block) -> None:
        """Read one block."""
        if block.part is Part.MORE:
            self._held.more(block.base, block.base + len(block.data))
            self._skip(len(block.data.removesuffix(b"\n")), late=True)
        elif block.part is Part.LONG:
            self.single(block.data, block.base - block.lead, block.base + len(block.data))
        elif self._teaches is not None and block.size >= self.pace.least and not block.lead:
            read_fast = self._load_fast()
            if self._asked is None:
                self._asked = self._another()
            at = 0
            for turn in range(_MOST_TURNS):
                at = read_fast(self, block, at, again=turn < _MOST_TURNS - 1)
                if at >= block.size:
                    return
            self.slowly(block, at)
        else:
            self.slowly(block, 0)

    def slowly(self, block: Block, start: int) -> None:
        """Show every line of a block from `start` on to the reader."""
        data, base = block.data, block.base
        lead = block.lead
        at = start
        for end in self._encoding.ends(data, start, block.size):
            self.single(data[at:end], base + at - lead, base + end)
            at, lead = end, 0
        if lead:
            self.single(b"", base - lead, base)

    def single(self, raw: bytes, start: int, end: int) -> None:
        """Show one line to the reader and enter it."""
        self._skip(end - start - len(raw), late=True)
        line = self.understood(raw)
        if self._late is None:
            self.ladder.line(line, start, end)
            return
        self._held.line(line, start, end)
        self._redate()

    def finish(self) -> None:
        """Enter what is held back."""
        self._held.release()

    def understood(self, raw: bytes) -> Line:
        """Show one line to the reader, and learn from it."""
        if self.above:
            self.remind(self.above)
        text = self._encoding.text(raw) if self._counts is None else raw.removesuffix(b"\n")
        length, text = len(text), text[: self.pace.longest]
        line = judge(self._reader, text)
        self._skip(length - len(text))
        self.count += 1
        if line.kind is Kind.UNPARSED:
            self.unparsed += 1
        elif line.kind is Kind.DIRECTIVE:
            self._forget(text)
        elif self._asked is not None and line.kind is Kind.HEAD and line.lo is not None:
            self._learn(raw, text)
        return line

    def remind(self, raw: bytes) -> None:
        """Show the reader the head above the next line, for it may remember that."""
        self.above = b""
        judge(self._reader, self._encoding.text(raw)[: self.pace.longest])

    def ask(self, line: bytes) -> Line:
        """Ask about a made-up line, without the reader of the content noticing."""
        return Line(kind=Kind.UNPARSED) if self._asked is None else judge(self._asked, self._encoding.text(line))

    def _skip(self, count: int, *, late: bool = False) -> None:
        """Tell a reader that counts bytes of those that it is not shown; it may know more of the record then."""
        if self._counts is not None and count:
            self._counts.skipped(count)
            if late:
                self._redate()

    def _redate(self) -> None:
        found = None if self._late is None else later(self._late)
        if found is not None:
            self._held.redate(found)

    def _learn(self, raw: bytes, text: bytes) -> None:
        if self._teaches is None or not self._lessons or len(self.matchers) >= _MOST_STENCILS:
            return
        self._lessons -= 1
        place = self._teaches.locate(text)
        if place is None or not raw.startswith(text):
            return
        known = {matcher.stencil.form for matcher in self.matchers}
        for stencil in learn(raw, place):
            if stencil.form not in known:
                self.ask(raw)
                self.matchers.append(Matcher(stencil))

    def _forget(self, text: bytes) -> None:
        """After a directive lines may mean something else."""
        self.matchers.clear()
        self._lessons = _MOST_LESSONS
        if self._asked is not None:
            judge(self._asked, text)
