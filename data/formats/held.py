"""Holds a record back until its end, for readers that date it below its first line (`interface.LateReader`)."""

from data.formats.interface import Kind, Line
from data.formats.ladder import Ladder


class Held:
    """The record that is being read, before it is entered on the ladder; only as a range, whatever its size."""

    __slots__ = ("_continuations", "_end", "_head", "_ladder", "_start")

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._head: Line | None = None
        self._start = self._end = self._continuations = 0

    def line(self, line: Line, start: int, end: int) -> None:
        """Take one line."""
        if self._head is not None and line.kind is Kind.CONTINUATION:
            self._end = end
            self._continuations += 1
            return
        self.release()
        if line.kind is Kind.HEAD:
            self._head, self._start, self._end = line, start, end
        else:
            self._ladder.line(line, start, end)

    def more(self, start: int, end: int) -> None:
        """Lengthen the line taken last."""
        if self._head is None:
            self._ladder.more(start, end)
        else:
            self._end = end

    def redate(self, line: Line) -> None:
        """Replace what is known of the time of the record."""
        if self._head is not None:
            self._head = line

    def release(self) -> None:
        """Enter the record as it is now known."""
        if self._head is None:
            return
        head, self._head = self._head, None
        self._ladder.line(head, self._start, self._end)
        self._ladder.count_continuations(self._continuations)
        self._continuations = 0
