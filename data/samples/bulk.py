"""Logs by the gigabyte and by the hundred thousand files, for the bench; what they hold is known exactly."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.retention.instants import DAY, HOUR, SECOND, Instant, iso
from data.samples.dice import Dice
from data.samples.truth import Count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Instants = NDArray[np.int64]
    Bytes = NDArray[np.uint8]

_CHUNK_LINES: Final = 4096
_FOLDER_FILES: Final = 1000
_MILLI: Final = 1000
_LINE_BYTES: Final = 200
_STAMP: Final = b'{"@t":"2026-01-01T00:00:00.000Z'
_STAMP_START: Final = 7
_NEARLY: Final = 2000
"""Milliseconds by which nearly ordered stamps stray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTruth:
    """What was written; every stamp is exact."""

    units: int
    records: int
    bytes: int
    _older: Callable[[Instant], Count]

    def expired(self, cutoff: Instant) -> Count:
        """Count the records before the cutoff."""
        return self._older(cutoff)

    def overdue(self, limit: Instant) -> Count:
        """Count the records before the limit."""
        return self._older(limit)


def write_tree(folder: Path, files: int, bytes_each: int, now: Instant, seed: int, *, days: int = 120) -> BulkTruth:
    """Write so many small JSONL files of exactly so many bytes, a thousand a folder, aged up to so many days.

    Each was last changed when its record says. Raises `ValueError` below 64 bytes and `FileExistsError`.
    """
    contents = _contents(bytes_each, now, days, Dice(seed, "tree"))
    for number in range(-(-files // _FOLDER_FILES)):
        below = folder / f"{number:05d}"
        below.mkdir(parents=True)
        descriptor = os.open(below, os.O_RDONLY | os.O_DIRECTORY)
        try:
            first = number * _FOLDER_FILES
            for file in range(first, min(first + _FOLDER_FILES, files)):
                at, content = contents[file % len(contents)]
                _write_small(descriptor, f"app-{file:07d}.jsonl", content, at * 1000)
        finally:
            os.close(descriptor)

    def older(than: Instant) -> Count:
        turns, rest = divmod(files, len(contents))
        number = sum(turns + (place < rest) for place, (at, _) in enumerate(contents) if at < than)
        return Count(units=number, whole=number, records=number, bytes=number * bytes_each)

    return BulkTruth(units=files, records=files, bytes=files * bytes_each, _older=older)


def write_jsonl(path: Path, size: int, now: Instant, seed: int, days: int = 120, *, order: str = "nearly") -> BulkTruth:
    """Write a JSONL file of about `size` bytes with ISO stamps over so many days, about 200 bytes a line.

    `order` is `sorted`, `nearly` (stamps stray by two seconds) or `shuffled`. Raises `ValueError` for another word
    and `FileExistsError`.
    """
    if order not in {"sorted", "nearly", "shuffled"}:
        raise ValueError(f"no order called {order!r}")
    template = _Template(Dice(seed, "jsonl"))
    lines = max(size // (template.size // _CHUNK_LINES), 1)

    def chunks() -> "Iterator[Instants]":
        return _instants(lines, now, seed, days, order)

    written = 0
    with path.open("xb", buffering=0) as file:
        for instants in chunks():
            content = template.filled(instants)
            written += len(content)
            view = memoryview(content)
            while view:
                view = view[file.write(view) :]
    os.utime(path, ns=(now * 1000, now * 1000))

    def older(than: Instant) -> Count:
        return _count(chunks(), template, than, whole=lines)

    return BulkTruth(units=1, records=lines, bytes=written, _older=older)


class _Template:
    """A chunk of lines of different length into which stamps are put by the thousand."""

    def __init__(self, dice: Dice) -> None:
        import numpy as np  # heavy, and only the bench makes gigabytes

        lines = [_line(dice) for _ in range(_CHUNK_LINES)]
        self.lengths = np.array([len(line) for line in lines], dtype=np.int64)
        self.ends = np.cumsum(self.lengths)
        self.size = int(self.ends[-1])
        self._buffer = np.frombuffer(b"".join(lines), dtype=np.uint8).copy()
        starts = self.ends - self.lengths + _STAMP_START
        self._dates = starts[:, None] + np.arange(10)
        self._times = starts[:, None] + np.arange(11, 19)
        self._millis = starts[:, None] + np.arange(20, 23)
        self._clock = _table(f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400))
        self._fractions = _table(f"{milli:03d}" for milli in range(_MILLI))

    def filled(self, instants: "Instants") -> bytes:
        """Give a chunk with these stamps, cut off after the last."""
        import numpy as np  # as above

        count = len(instants)
        day = instants // DAY
        first = int(day.min())
        dates = _table(iso(number * DAY)[:10] for number in range(first, int(day.max()) + 1))
        in_day = instants - day * DAY
        self._buffer[self._dates[:count]] = dates[day - first]
        self._buffer[self._times[:count]] = self._clock[in_day // SECOND]
        self._buffer[self._millis[:count]] = self._fractions[in_day % SECOND // _MILLI]
        return np.asarray(self._buffer[: self.ends[count - 1]]).tobytes()


def _line(dice: Dice) -> bytes:
    level = dice.pick(("Information", "Information", "Debug", "Warning"))
    text = dice.hexadecimal(16) + " Anruf »" + "x" * (dice.below(60) + 20) + f"« {dice.below(10_000)}"
    ending = f'","@l":"{level}","@m":"{text}","SourceContext":"Estos.ProCall.Calls","ThreadId":{dice.below(90)}}}\n'
    return _STAMP + ending.encode()


def _table(words: "Iterator[str]") -> "Bytes":
    import numpy as np  # as above

    rows = [word.encode("ascii") for word in words]
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), -1)


def _instants(lines: int, now: Instant, seed: int, days: int, order: str) -> "Iterator[Instants]":
    """Give the stamps of each chunk in turn: the same ones every time."""
    import numpy as np  # as above

    chance = np.random.default_rng(seed)
    start, span = (now - days * DAY) // _MILLI, days * DAY // _MILLI - 1
    for first in range(0, lines, _CHUNK_LINES):
        places = np.arange(first, min(first + _CHUNK_LINES, lines), dtype=np.int64)
        if order == "shuffled":
            millis = chance.integers(0, span, size=len(places), dtype=np.int64)
        else:
            millis = (places * (span / lines)).astype(np.int64)
        if order == "nearly":
            strayed = millis + chance.integers(-_NEARLY, _NEARLY, size=len(places), dtype=np.int64)
            millis = np.clip(strayed, 0, span)
        yield (start + millis) * _MILLI


def _count(chunks: "Iterator[Instants]", template: _Template, than: Instant, *, whole: int) -> Count:
    records = size = 0
    for instants in chunks:
        old = instants < than
        records += int(old.sum())
        size += int(template.lengths[: len(instants)][old].sum())
    return Count(units=int(records > 0), whole=int(records == whole), records=records, bytes=size)


def _contents(bytes_each: int, now: Instant, days: int, dice: Dice) -> list[tuple[Instant, bytes]]:
    """Make one content for each quarter of a day."""
    found = []
    for quarter in range(days * 4):
        at = (now - quarter * 6 * HOUR - (dice.below(5 * 3600) + 900) * SECOND) // _MILLI * _MILLI
        start = f'{{"@t":"{iso(at // SECOND * SECOND)[:-1]}.{at % SECOND // _MILLI:03d}Z","@m":"'.encode()
        padding = bytes_each - len(start) - len(b'"}\n')
        if padding < 1:
            raise ValueError(f"{bytes_each} bytes hold no record")
        found.append((at, start + b"x" * padding + b'"}\n'))
    return found


def _write_small(folder: int, name: str, content: bytes, changed_ns: int) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
    try:
        os.write(descriptor, content)
        os.utime(descriptor, ns=(changed_ns, changed_ns))
    finally:
        os.close(descriptor)
