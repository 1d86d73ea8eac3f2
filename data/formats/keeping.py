"""Copies what stays of a file to its new place, and knows the digest of all that was written."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

from data.formats.blocks import BLOCK, gathered
from data.formats.book import Book, Run, known
from data.formats.interface import MOST_RANGES, Kept
from data.retention.evidence import Span


class Sink:
    """Takes the bytes of the resulting file in their order; without a descriptor it only counts and hashes."""

    def __init__(self, target: int | None) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self._ranges: list[tuple[int, int]] = []
        self.size = 0

    @property
    def sha256(self) -> str:
        """Give the digest so far, hexadecimal."""
        return self._hash.hexdigest()

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Give what was copied of the file, neighbours merged; () where there is too much to tell."""
        return tuple(self._ranges) if len(self._ranges) <= MOST_RANGES else ()

    def write(self, data: bytes) -> None:
        """Append bytes; raises `OSError`."""
        self._hash.update(data)
        self.size += len(data)
        if self._target is not None:
            view = memoryview(data)
            while view:
                view = view[os.write(self._target, view) :]

    def copy(self, descriptor: int, runs: Sequence[Run]) -> None:
        """Append those ranges of an open file that stay.

        What is hashed is what is written, even if somebody changes the file meanwhile: so no copy inside the kernel.
        """
        stays = [(start, end) for start, end, goes in _joined(runs) if not goes]
        for start, end in stays:
            self._note(start, end)
        for chunk in gathered(_pieces(descriptor, stays), BLOCK // 4):
            self.write(chunk)

    def _note(self, start: int, end: int) -> None:
        ranges = self._ranges
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], end)
        elif start < end and len(ranges) <= MOST_RANGES:  # one too many says that there are too many
            ranges.append((start, end))


def of_runs(runs: Iterable[Run], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give the bytes that stay of a content that can only be read once; `runs` cover it without a gap."""
    chunk, at = b"", 0
    for start, end, goes in runs:
        done = start
        while done < end:
            while done >= at + len(chunk):
                at += len(chunk)
                chunk = next(chunks)
            upto = min(end, at + len(chunk))
            if not goes:
                yield chunk[done - at : upto - at]
            done = upto
    for _ in chunks:
        message = "the content changed while it was read"
        raise OSError(message)


def kept_of(book: Book, sink: Sink, damaged: str) -> Kept:
    """Sum up."""
    goes = book.goes
    lo, hi = known(goes.lowest_lo), known(goes.highest_hi)
    return Kept(
        kept_bytes=sink.size,
        kept_records=book.stays.records,
        sha256=sink.sha256,
        gone=goes.tally(),
        span=None if lo is None or hi is None else Span(lo=lo, hi=hi),
        damaged=damaged,
        ranges=() if damaged else sink.ranges,
    )


def _pieces(descriptor: int, ranges: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Read ranges of a file, many small ones at once; ends early where the file does."""
    chunk, at = b"", 0
    for start, end in ranges:
        done = start
        while done < end:
            if not at <= done < at + len(chunk):
                chunk, at = os.pread(descriptor, min(BLOCK, ranges[-1][1] - done), done), done
                if not chunk:
                    return
            yield chunk[done - at : end - at]
            done = min(end, at + len(chunk))


def _joined(runs: Sequence[Run]) -> Iterator[Run]:
    """Join neighbours of a kind: fewer and longer reads."""
    if not runs:
        return
    start, end, goes = runs[0]
    for run in runs[1:]:
        if run[0] == end and run[2] == goes:
            end = run[1]
        else:
            yield start, end, goes
            start, end, goes = run
    yield start, end, goes
