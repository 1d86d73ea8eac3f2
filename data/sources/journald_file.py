"""Reads systemd's journal files as far as it has to: how many entries one holds, and when each was taken down.

    reader = JournaldReader()
    reading = reader.read(descriptor, facts, marks)

A file is a header and, behind it, objects without a gap: data, fields, hash tables, and one object for each entry with
its time in it (systemd: JOURNAL_FILE_FORMAT). All of them are passed once, from the first to the last, in bounded
memory. The header alone proves nothing about what lies between: its tail is the entry written last, which is not the
youngest one where a clock was set back or several machines were written to one file. So a file is dated only where both
agree: number of objects and of entries, numbers and times of the first entry and the last. Any other file is undatable.
Nothing here follows an offset that the file names, so no file can lead the reader in circles or out of the file.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, unique
from struct import Struct
from typing import Final

from data.formats.interface import FileFacts, Kept, Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import BELIEVABLE, MINUTE, Instant

READER_VERSION: Final = "1"
SIGNATURE: Final = b"LPKSHHRH"
ENTRY: Final = 3
"""The type of an object that is an entry."""

_HEADER: Final = Struct("<8sIIB7x16s16s16s16sQQQQQQQQQQQQQQ")
"""From the signature to `tail_entry_realtime`; what later versions put behind it says nothing of time."""
_SMALLEST_HEADER: Final = 208
"""Of systemd 187; 264 bytes since 252, 272 since 254."""
_KNOWN_FLAGS: Final = 0b11111
"""Incompatible flags: XZ, LZ4, keyed hash, zstd, compact. None of them moves the head of an object or the time in it;
what an unknown one changes nobody knows."""
_OBJECT: Final = Struct("<BB6xQ")
_STAMPS: Final = Struct("<16xQQ")
"""Number and time (microseconds since 1970, UTC) of an entry."""
_HEAD_OF_ENTRY: Final = 32
_SMALLEST_ENTRY: Final = 64
_TYPES: Final = range(1, 8)
_WORD: Final = 8
_BLOCK: Final = 256 * 1024
_TOLERANCE: Final = 10 * MINUTE
"""A later stamp than so long after now is not believed (purge.md 6.2)."""
_ATTEMPTS: Final = 5


@unique
class State(IntEnum):
    """What the file says of its writer."""

    OFFLINE = 0
    """Closed, or not written to for a while: its writer may come back to it."""
    ONLINE = 1
    """Being written to, or left so by a crash."""
    ARCHIVED = 2
    """Nothing will be written to it any more."""


class DamagedJournalError(Exception):
    """A file that is no journal file, or none that holds together; the word says where."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word
        """A stable word: `no_signature`, `unsupported`, `header`, `truncated`, `objects`, `entries`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says."""

    state: State
    start: int
    """Where the first object begins: the size of the header."""
    end: int
    """Where the last object has ended at the latest."""
    last: int
    """Where the last object begins; 0 where there is none."""
    objects: int
    entries: int
    head_number: int
    tail_number: int
    head: Instant
    """When the first entry was taken down; 0 where there is none."""
    tail: Instant
    """When the last one was; not necessarily the youngest."""


def family_of(state: State) -> str:
    """Give what a reading names as the family of a file in this state."""
    return f"journald {state.name.lower()}"


def header_of(content: bytes, size: int) -> Header:
    """Understand the first 200 bytes of a file of so many bytes; raises `DamagedJournalError`."""
    if len(content) < _HEADER.size or not content.startswith(SIGNATURE):
        raise DamagedJournalError("no_signature")
    found = _HEADER.unpack_from(content)
    flags, state, (start, arena, *_tables) = found[2], found[3], found[8:14]
    last, objects, entries, tail_number, head_number, _array, head, tail = found[14:]
    if flags & ~_KNOWN_FLAGS:
        raise DamagedJournalError("unsupported")
    if state not in tuple(State) or start < _SMALLEST_HEADER or start % _WORD:
        raise DamagedJournalError("header")
    if start + arena > size:
        raise DamagedJournalError("truncated")
    header = Header(
        state=State(state),
        start=start,
        end=start + arena,
        last=last,
        objects=objects,
        entries=entries,
        head_number=head_number,
        tail_number=tail_number,
        head=head,
        tail=tail,
    )
    if not _holds_together(header):
        raise DamagedJournalError("header")
    return header


def _holds_together(header: Header) -> bool:
    """Tell whether the numbers of a header can all be true."""
    if not header.objects:
        return not header.last and not header.entries
    inside = header.start <= header.last < header.end and header.last % _WORD == 0
    if not header.entries:
        return inside
    return inside and header.entries <= header.objects and header.head > 0 and header.head_number <= header.tail_number


def entries_of(descriptor: int, header: Header) -> Iterator[tuple[int, Instant]]:
    """Give number and time of every entry, in the order written, by passing every object.

    Raises `DamagedJournalError` where the objects do not follow each other up to the last one, `OSError`.
    """
    at, base, block, passed = header.start, 0, b"", 0
    last, end = header.last, header.end
    while header.objects:
        offset = at - base
        if offset + _HEAD_OF_ENTRY > len(block):
            base, offset = at, 0
            block = os.pread(descriptor, min(_BLOCK, end - at), at)
            if len(block) < _OBJECT.size:
                raise DamagedJournalError("truncated")
        kind, _, size = _OBJECT.unpack_from(block, offset)
        if kind not in _TYPES or size < _OBJECT.size or size > end - at:
            raise DamagedJournalError("objects")
        if kind == ENTRY:
            if size < _SMALLEST_ENTRY or offset + _HEAD_OF_ENTRY > len(block):
                raise DamagedJournalError("objects")
            yield _STAMPS.unpack_from(block, offset)
        passed += 1
        if at >= last:
            break
        at += (size + _WORD - 1) // _WORD * _WORD
        if at > last:
            raise DamagedJournalError("objects")
    if passed != header.objects:
        raise DamagedJournalError("objects")


class JournaldReader:
    """Judges every entry of a journal file by its own time; a file that does not hold together is one undatable record.

    The time of an entry is when journald took it down (`__REALTIME_TIMESTAMP`), which is never before it happened.
    """

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Judge every entry. Raises `OSError`.

        A file that is being written to can look torn: then it is read again, a few times.
        """
        for _ in range(_ATTEMPTS):
            content = os.pread(fd, _HEADER.size, 0)
            try:
                header = header_of(content, facts.size)
                return _judged(fd, header, facts, marks)
            except DamagedJournalError as error:
                word = error.word
                if os.pread(fd, _HEADER.size, 0) == content:
                    break
        return _undatable(facts, word)

    def kept(self, fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Refuse: raises `ValueError`, for entries refer to each other's data and cannot be cut out."""
        del fd, facts, marks
        raise ValueError("a journal file is kept or deleted as a whole")

    def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Refuse: raises `ValueError`, as `kept` does."""
        del fd, target_fd, facts, marks
        raise ValueError("a journal file is kept or deleted as a whole")


class _Sums:
    """Adds up stamps against marks."""

    __slots__ = ("expired", "future", "highest", "lowest", "oldest_kept", "overdue", "undated", "youngest_expired")

    def __init__(self) -> None:
        self.expired = self.overdue = self.future = self.undated = 0
        self.lowest: Instant | None = None
        self.highest: Instant | None = None
        self.oldest_kept: Instant | None = None
        self.youngest_expired: Instant | None = None

    def take(self, at: Instant, marks: Marks) -> None:
        """Add one entry; a stamp that nobody can believe dates nothing."""
        if not BELIEVABLE <= at <= marks.now + _TOLERANCE:
            self.undated += 1
            self.future += at > marks.now
            return
        if self.lowest is None or at < self.lowest:
            self.lowest = at
        if self.highest is None or at > self.highest:
            self.highest = at
        self.overdue += at < marks.limit
        if at < marks.cutoff:
            self.expired += 1
            if self.youngest_expired is None or at > self.youngest_expired:
                self.youngest_expired = at
        elif self.oldest_kept is None or at < self.oldest_kept:
            self.oldest_kept = at


def _judged(fd: int, header: Header, facts: FileFacts, marks: Marks) -> Reading:
    """Judge a file whose header is understood; raises `DamagedJournalError` where its entries say something else."""
    sums, records, number, first, tail = _Sums(), 0, 0, (0, 0), (0, 0)
    for found in entries_of(fd, header):
        if found[0] <= number:
            raise DamagedJournalError("entries")
        number = found[0]
        records += 1
        if records == 1:
            first = found
        if records == header.entries:
            tail = found
        elif records > header.entries and (header.state is not State.ONLINE or records > header.entries + 1):
            raise DamagedJournalError("entries")
        if records > header.entries and not found[1]:  # begun, and its writer has not come to the time
            records -= 1
            continue
        sums.take(found[1], marks)
    said = (header.head_number, header.head), (header.tail_number, header.tail)
    if records < header.entries or (header.entries and said != (first, tail)):
        raise DamagedJournalError("entries")
    return _reading(sums, records, header, facts)


def _reading(sums: _Sums, records: int, header: Header, facts: FileFacts) -> Reading:
    dated = records - sums.undated
    evidence = {Evidence.OWN: dated, Evidence.NONE: sums.undated}
    return Reading(
        family=family_of(header.state),
        confidence=dated / records if records else 1.0,
        encoding="",
        lines=records,
        records=records,
        bytes=facts.size,
        lowest_lo=sums.lowest,
        highest_lo=sums.highest,
        lowest_hi=sums.lowest,
        highest_hi=sums.highest,
        expired=Tally(records=sums.expired, bytes=facts.size * sums.expired // records if records else 0),
        overdue=sums.overdue,
        oldest_kept=sums.oldest_kept,
        youngest_expired=sums.youngest_expired,
        evidence={kind: count for kind, count in evidence.items() if count},
        future=sums.future,
        undatable=sums.undated,
    )


def _undatable(facts: FileFacts, word: str) -> Reading:
    """Give the reading of a file of which nobody knows what it holds."""
    return Reading(
        family="",
        confidence=0.0,
        encoding="",
        lines=1,
        records=1,
        bytes=facts.size,
        lowest_lo=None,
        highest_lo=None,
        lowest_hi=None,
        highest_hi=None,
        expired=Tally(),
        overdue=0,
        oldest_kept=None,
        youngest_expired=None,
        evidence={Evidence.NONE: 1},
        unparsed=1,
        undatable=1,
        damaged=word,
    )
