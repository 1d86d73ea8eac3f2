"""Reads a block of many lines at once: stencils judge what they fit, the reader all other lines, one by one.

What comes out is what the reader alone would have said; `tests/data/formats/test_fast_path.py` holds both against
each other. Rows are the lines of a block; each gets one of four marks, and what lies between two rows that need the
ladder's attention is entered as one batch.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from data.formats.batch import Batch
from data.formats.blocks import Block
from data.formats.interface import Kind, Line
from data.formats.lines import Lines
from data.formats.stencils import Base, Matcher, Stencil, base_of, enough, remember
from data.retention.instants import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_UNKNOWN: Final = 0
_HEAD: Final = 1
_CONTINUED: Final = 2
_SINGLE: Final = 3
"""A row that the ladder takes by itself: undated, a directive, not understood."""
_MANY = 64
"""Rows no stencil fits that are still counted one by one."""
_SAMPLE = 4096
_PUPILS = 32
"""Lines at the beginning of a block that are read slowly for want of a stencil."""
_FEW = 8
"""Heads in a row that are entered one by one."""
_LINE_FEED = 10
_CONTINUATION: Final = Line(kind=Kind.CONTINUATION)


def read_fast(lines: Lines, block: Block, start: int, *, again: bool) -> int:
    """Read whole lines of a block; gives the offset of the rest.

    A rest is left behind a directive, and `again`, where a new stencil was learned that may fit many lines below.
    """
    start = _taught(lines, block, start)
    if not lines.matchers or start >= block.size:
        return start
    rows = _Rows(lines, block, start)
    rows.fit()
    rows.ask(again=again)
    rows.enter()
    return rows.done


def _taught(lines: Lines, block: Block, at: int) -> int:
    """Read lines slowly until there is a stencil."""
    for _ in range(_PUPILS):
        if lines.matchers or at >= block.size:
            break
        end = block.data.find(b"\n", at, block.size) + 1 or block.size
        lines.single(block.data[at:end], block.base + at, block.base + end)
        at = end
    return at


def _never(stencils: list[Stencil], data: bytes, start: int) -> list[bytes]:
    """List the words that may not occur and might: none with a backslash or a tab where there is none."""
    words = {word for stencil in stencils for word in stencil.never}
    for rare in (b"\\", b"\t"):
        if data.find(rare, start) < 0:
            words = {word for word in words if rare not in word}
    return sorted(words)


class _Rows:
    """The lines of one block from an offset on, and what became of each."""

    def __init__(self, lines: Lines, block: Block, start: int) -> None:
        self._lines = lines
        self._base = block.base
        self._data = block.data
        self._bytes = np.frombuffer(block.data, np.uint8, block.size)
        ends = np.flatnonzero(self._bytes[start:] == _LINE_FEED) + (start + 1)
        if not len(ends) or ends[-1] < block.size:
            ends = np.append(ends, block.size)
        self._ends: Rows = ends
        self._starts: Rows = np.empty_like(ends)
        self._starts[0] = start
        self._starts[1:] = ends[:-1]
        self._marks = np.zeros(len(ends), np.uint8)
        self._lo: Rows = np.zeros(len(ends), np.int64)
        self._hi: Rows = np.zeros(len(ends), np.int64)
        self._singles: dict[int, Line] = {}
        self._used = len(ends)

    @property
    def done(self) -> int:
        """Give the offset up to which the block was read."""
        return int(self._ends[self._used - 1])

    # -- stencils -----------------------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Let the stencils judge what they fit, and the promise of the reader what continues."""
        matchers = list(self._lines.matchers)
        for matcher in matchers:
            rows = np.flatnonzero(self._marks == _UNKNOWN)
            if not len(rows):
                break
            self._fit(matcher, rows)
        stencils = [matcher.stencil for matcher in matchers]
        for once in {stencil.once for stencil in stencils} - {b""}:
            if not self._surely_once(once, stencils):
                counts = np.bincount(self._rows_with(once), minlength=len(self._starts))
                self._marks[(self._marks == _HEAD) & (counts != 1)] = _UNKNOWN
        for word in _never(stencils, self._data, int(self._starts[0])):
            rows = self._rows_with(word)
            self._marks[rows[self._marks[rows] == _HEAD]] = _UNKNOWN
        self._disbelieve()
        self._continue()

    def _fit(self, matcher: Matcher, rows: "Rows") -> None:
        every = len(rows) == len(self._starts)
        windows, found = self._windows(matcher.stencil, rows, every=every)
        fits, seen = matcher.match(self._data, windows)
        if found is not None:
            fits &= found
        if not fits.all():
            rows, seen, windows, every = rows[fits], seen[fits], windows[fits], False
        if not len(rows):
            return
        lo, hi, good = self._dated(matcher, seen, rows, windows)
        if good is not None:
            rows, lo, hi, every = rows[good], lo[good], hi[good], False
        if every:
            self._lo, self._hi = lo, hi
            self._marks[:] = _HEAD
        else:
            self._lo[rows], self._hi[rows], self._marks[rows] = lo, hi, _HEAD

    def _windows(self, stencil: Stencil, rows: "Rows", *, every: bool) -> "tuple[Rows, Mask | None]":
        """Find where the window of each row begins, and whether it has one."""
        starts = self._starts if every else self._starts[rows]
        if not stencil.anchor:
            return starts, None
        anchors = np.flatnonzero(self._bytes == stencil.anchor[0])
        if not len(anchors):
            return starts, np.zeros(len(starts), np.bool_)
        index = np.searchsorted(anchors, starts)
        windows: Rows = anchors[np.minimum(index, len(anchors) - 1)] + 1
        return windows, (index < len(anchors)) & (windows < (self._ends if every else self._ends[rows]))

    def _dated(
        self, matcher: Matcher, seen: "NDArray[np.uint8]", rows: "Rows", windows: "Rows"
    ) -> "tuple[Rows, Rows, Mask | None]":
        """Turn stamps into intervals; the mask leaves out what the reader must be asked about, None is nothing."""
        turns, keys = matcher.turns(seen)
        lengths = np.diff(turns, append=len(seen))
        bases = [
            self._meaning(matcher.stencil, key.tobytes(), length, (row, window))
            for key, length, row, window in zip(
                keys, lengths.tolist(), rows[turns].tolist(), windows[turns].tolist(), strict=True
            )
        ]
        fine = matcher.fine(seen)
        late = matcher.stencil.per_day and int(fine.max()) >= DAY  # 24:00:00, which is the reader's business
        if len(bases) == 1 and bases[0] is not None and not late:
            lo, hi = bases[0]
            return fine + lo, fine + hi, None
        los = np.repeat(np.array([base[0] if base else 0 for base in bases], np.int64), lengths)
        his = np.repeat(np.array([base[1] if base else 0 for base in bases], np.int64), lengths)
        good = None
        if late or None in bases:
            good = np.repeat(np.array([base is not None for base in bases]), lengths)
            good &= fine < (DAY if matcher.stencil.per_day else np.iinfo(np.int64).max)
        return fine + los, fine + his, good

    def _meaning(self, stencil: Stencil, key: bytes, length: int, place: tuple[int, int]) -> Base | None:
        """Tell what a coarse rest means; None where it is not known or not yet worth asking."""
        if key in stencil.known:
            return stencil.known[key]
        if not enough(stencil, key, length, self._lines.pace.worth):
            return None
        row, window = place
        base = base_of(stencil, self._lines.ask, self._raw(row), window - int(self._starts[row]))
        remember(stencil, key, base)
        return base

    def _surely_once(self, once: bytes, stencils: list[Stencil]) -> bool:
        """Tell whether plain counting shows that no head holds twice what it must hold once."""
        if any(stencil.once != once or stencil.fixed.count(once) != 1 for stencil in stencils):
            return False
        others = np.flatnonzero(self._marks != _HEAD).tolist()
        if len(others) > _MANY:
            return False
        heads = len(self._starts) - len(others)
        pair = self._rarest_pair(once)
        found = self._count(pair)
        # Every head holds the word in its fixed bytes; where the pair is not there more often, neither is the word.
        return found == heads + sum(self._raw(row).count(pair) for row in others)

    def _rarest_pair(self, word: bytes) -> bytes:
        """Choose the two neighbouring bytes of a word that seem to be the rarest."""
        start = int(self._starts[0])
        sample = self._data[start : start + _SAMPLE]
        return min((word[at : at + 2] for at in range(max(1, len(word) - 1))), key=sample.count)

    def _count(self, pair: bytes) -> int:
        """Count how often a pair of bytes, or a single one, stands in the rows."""
        start = int(self._starts[0])
        if len(pair) == 1:
            return int(np.count_nonzero(self._bytes[start:] == pair[0]))
        wanted = np.frombuffer(pair, np.uint16)[0]
        total = 0
        for offset in (start, start + 1):  # at even and at odd places: a pass over half as many elements each
            count = max(0, len(self._bytes) - offset) // 2
            total += int(np.count_nonzero(np.frombuffer(self._data, np.uint16, count, offset) == wanted))
        return total

    def _rows_with(self, word: bytes) -> "Rows":
        """List the rows in which a word occurs, as often as it does."""
        pair = self._rarest_pair(word)
        start = int(self._starts[0])
        if not self._count(pair):
            return np.empty(0, np.int64)
        places: Rows = np.flatnonzero(self._bytes[start:] == pair[0]) + (start - word.index(pair))
        places = places[(places >= start) & (places <= len(self._bytes) - len(word))]
        if not len(places):
            return places
        words: NDArray[np.bytes_] = np.ndarray(
            buffer=self._data, dtype=f"S{len(word)}", shape=(len(self._data) - len(word) + 1,), strides=(1,)
        )
        rows: Rows = np.searchsorted(self._starts, places[words[places] == word], side="right") - 1
        return rows

    def _disbelieve(self) -> None:
        """Leave stamps to the reader that cannot be true."""
        earliest, latest = self._lines.ladder.believed
        self._marks[(self._marks == _HEAD) & ((self._lo < earliest) | (self._lo > latest))] = _UNKNOWN

    def _continue(self) -> None:
        """Mark what begins as only a continuation does, under a head that a stencil has judged."""
        if not self._lines.continues:
            return
        rows = np.flatnonzero(self._marks == _UNKNOWN)
        if not len(rows):
            return
        table = np.zeros(256, np.bool_)
        table[list(self._lines.continues)] = True
        self._marks[rows[table[self._bytes[self._starts[rows]]]]] = _CONTINUED
        above = np.maximum.accumulate(np.where(self._marks != _CONTINUED, np.arange(len(self._marks)), -1))
        doubtful = (self._marks == _CONTINUED) & (self._marks[above] == _UNKNOWN) & (above >= 0)
        if not self._lines.ladder.under_head:
            doubtful |= (self._marks == _CONTINUED) & (above < 0)
        self._marks[doubtful] = _UNKNOWN

    # -- the reader ---------------------------------------------------------------------------------------------------

    def ask(self, *, again: bool) -> None:
        """Ask the reader about all other lines, in their order, up to the first directive or, `again`, new stencil."""
        known = len(self._lines.matchers)
        believed = self._lines.ladder.believes
        unknown = np.flatnonzero(self._marks == _UNKNOWN)
        heads = np.flatnonzero(self._marks == _HEAD)
        above = np.searchsorted(heads, unknown)
        asked, shown = 0, 0
        for row, count in zip(unknown.tolist(), above.tolist(), strict=True):
            if count > shown:
                self._lines.remind(self._raw(int(heads[count - 1])))
                shown = count
            line = self._lines.understood(self._raw(row))
            asked += 1
            if line.kind is Kind.CONTINUATION:
                self._marks[row] = _CONTINUED
            elif line.kind is Kind.HEAD and line.lo is not None and line.hi is not None and believed(line.lo):
                self._lo[row], self._hi[row], self._marks[row] = line.lo, line.hi, _HEAD
            else:
                self._single(row, line)
                if line.kind is Kind.DIRECTIVE:
                    self._used = row + 1
                    break
            if again and len(self._lines.matchers) > known and len(unknown) - asked > _MANY:
                self._used = row + 1
                break
        self._lines.count += self._used - asked
        if self._used == len(self._marks) and len(heads) > shown:
            self._lines.above = self._raw(int(heads[-1]))

    def _single(self, row: int, line: Line) -> None:
        self._marks[row] = _SINGLE
        self._singles[row] = line

    def _raw(self, row: int) -> bytes:
        return self._data[int(self._starts[row]) : int(self._ends[row])]

    # -- the ladder ---------------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Enter all rows on the ladder, in their order."""
        at = 0
        for row in np.flatnonzero(self._marks[: self._used] == _SINGLE).tolist():
            self._enter_rows(at, row)
            self._enter_row(row, self._singles[row])
            at = row + 1
        self._enter_rows(at, self._used)

    def _enter_rows(self, start: int, end: int) -> None:
        """Enter rows that are all dated heads or continuations."""
        heads = np.flatnonzero(self._marks[start:end] == _HEAD) + start
        first = int(heads[0]) if len(heads) > _FEW else end
        self._enter_each(start, first)
        if first == end:
            return
        at = 0
        for turn in self._doubted(heads, end):
            self._enter_batch(heads[at:turn], int(heads[turn]))
            at = turn + 1
            self._enter_each(int(heads[turn]), int(heads[at]) if at < len(heads) else end)
        self._enter_batch(heads[at:], end)

    def _doubted(self, heads: "Rows", end: int) -> list[int]:
        """List the heads, by their turn, below which there is more than the ladder believes."""
        trust = self._lines.ladder.trust
        if trust is None or len(heads) == end - int(heads[0]):
            return []
        last = np.append(heads[1:], end) - 1
        far = (last - heads > trust.lines) | (self._starts[last] - self._ends[heads] >= trust.bytes)
        return np.flatnonzero(far).tolist()

    def _enter_each(self, start: int, end: int) -> None:
        for row in range(start, end):
            self._enter_row(row, self._line(row))

    def _enter_batch(self, heads: "Rows", end: int) -> None:
        """Enter dated heads and all that is below them, up to a row."""
        if not len(heads):
            return
        first, last = int(heads[0]), int(heads[-1])
        whole = len(heads) == end - first
        self._lines.ladder.batch(
            Batch(
                starts=self._starts[heads] + self._base,
                end=int(self._ends[end - 1]) + self._base,
                lo=self._lo[first:end] if whole else self._lo[heads],
                hi=self._hi[first:end] if whole else self._hi[heads],
                head_end=int(self._ends[last]) + self._base,
                continuations=end - first - len(heads),
                below=end - last - 1,
            )
        )

    def _line(self, row: int) -> Line:
        if self._marks[row] == _CONTINUED:
            return _CONTINUATION
        return Line(kind=Kind.HEAD, lo=int(self._lo[row]), hi=int(self._hi[row]))

    def _enter_row(self, row: int, line: Line) -> None:
        self._lines.ladder.line(line, int(self._starts[row]) + self._base, int(self._ends[row]) + self._base)
