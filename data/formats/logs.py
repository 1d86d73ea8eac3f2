"""Reads one log file, whatever its format, encoding or packing, and says what a rewrite would keep of it.

    reader = LogReader(all_families())
    reading = reader.read(descriptor, facts, marks)             # what it holds
    kept = reader.kept(descriptor, facts, marks)                # what a rewrite would leave, nothing written
    kept = reader.rewrite(descriptor, target, facts, marks)     # the same, written

All three judge every record by the same code. Files are read by `pread` up to `facts.size`: the position of the
descriptor does not matter and does not move, and a file that grows or shrinks meanwhile does no harm.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from data.formats.archives import DamagedError, Member, kind_of, members
from data.formats.blocks import FileBytes, gathered
from data.formats.book import Book, Run, known
from data.formats.detect import SAMPLE, Candidates, family_of
from data.formats.interface import ArchiveLimits, Family, FileFacts, Kept, Reading
from data.formats.keeping import Sink, kept_of, of_runs
from data.formats.ladder import bounds_of
from data.formats.lines import Pace
from data.formats.names import period
from data.formats.packing import ZipPacker, pack_stream
from data.formats.scan import Content, Totals, scan
from data.formats.zones import Clocks
from data.retention.evidence import Evidence, Marks

Judged = tuple[Book, Totals]
Take = Callable[[list[Run]], None]


class LogReader:
    """Reads log files of the families it is given; of equals the first one wins."""

    def __init__(
        self, families: Sequence[Family], *, limits: ArchiveLimits | None = None, pace: Pace | None = None
    ) -> None:
        self._families = Candidates(families)
        self._clocks = Clocks()
        self._limits = limits or ArchiveLimits()
        self._pace = pace or Pace()

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Judge every record; raises `ValueError` for a pin that is no family, `OSError` where reading fails."""
        facts, head, kind = self._opened(fd, facts)
        if not kind:
            return _reading(*self._plain(fd, facts, marks, head))
        judged = self._archive(fd, facts, marks, kind)
        return _reading(*judged[0])

    def kept(self, fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Tell what `rewrite` would write, to the last byte; raises as `read`."""
        return self._kept(fd, facts, marks, Sink(None))

    def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Write what is kept to `target_fd`; makes nothing durable; raises as `read`.

        Kept lines of a plain file stay as they are to the last byte. An archive is packed anew; members of which no
        record stays are left out of a zip. A file that cannot be read to its end is kept or dropped as a whole.
        """
        return self._kept(fd, facts, marks, Sink(target_fd))

    def _opened(self, fd: int, facts: FileFacts) -> tuple[FileFacts, bytes, str]:
        """Tell whose id the pin is, read the beginning, and tell which kind of archive the file is."""
        if facts.pin:
            facts = replace(facts, pin=family_of(self._families.families, facts.pin).id)
        head = os.pread(fd, min(SAMPLE, facts.size), 0)
        return facts, head, kind_of(head)

    # -- plain files --------------------------------------------------------------------------------------------------

    def _plain(
        self,
        fd: int,
        facts: FileFacts,
        marks: Marks,
        head: bytes,
        write: Take | None = None,
        damaged: str = "",
    ) -> Judged:
        """Judge a file that is no archive, or a damaged one as a whole."""
        book, totals = Book(marks, runs=write is not None), Totals(damaged=damaged)
        middle = max(SAMPLE, facts.size // 2) // 2 * 2
        between = min(SAMPLE // 4, facts.size - middle)
        content = Content(
            facts=facts,
            bounds=bounds_of(facts, marks, self._clocks.of(facts.zone), archived=bool(damaged)),
            head=head,
            middle=os.pread(fd, between, middle) if between > 0 else b"",
            whole=len(head) == facts.size < min(SAMPLE, self._pace.least, self._pace.longest),
            chunks=lambda: FileBytes(fd, facts.size, block=self._pace.block),
            opaque=bool(damaged),
        )
        for _ in scan(content, self._families, book, totals, self._pace):
            if write is not None:
                write(book.drain())
        if totals.bytes < facts.size and not damaged:
            totals.damaged = "shrunk"
        return book, totals

    # -- archives -----------------------------------------------------------------------------------------------------

    def _archive(self, fd: int, facts: FileFacts, marks: Marks, kind: str) -> tuple[Judged, list[bool]]:
        """Judge an archive, and tell which members stay; where it is damaged, the whole is one undated record."""
        book, totals, stay = Book(marks), Totals(), []
        try:
            for member in members(fd, facts.size, kind, self._limits):
                before = book.goes.records, book.stays.records
                for _ in self._member(member, facts, marks, book, totals):
                    pass
                gone, left = book.goes.records - before[0], book.stays.records - before[1]
                stay.append(not gone or bool(left))
        except DamagedError as error:
            return self._plain(fd, facts, marks, b"", damaged=error.word), []
        return (book, totals), stay

    def _member(self, member: Member, facts: FileFacts, marks: Marks, book: Book, totals: Totals) -> Iterator[None]:
        own = _facts_of(member, facts, marks)
        opened = gathered(member.open(), self._pace.block // 4)
        first = next(opened, b"")
        content = Content(
            facts=own,
            bounds=bounds_of(own, marks, self._clocks.of(own.zone), archived=True),
            head=first[:SAMPLE],
            middle=b"",
            chunks=lambda: gathered(member.open(), self._pace.block // 4),
        )
        return scan(content, self._families, book, totals, self._pace)

    def _runs(self, member: Member, facts: FileFacts, marks: Marks) -> Iterator[Run]:
        book = Book(marks, runs=True)
        for _ in self._member(member, facts, marks, book, Totals()):
            yield from book.drain()

    # -- what is kept -------------------------------------------------------------------------------------------------

    def _kept(self, fd: int, facts: FileFacts, marks: Marks, sink: Sink) -> Kept:
        facts, head, kind = self._opened(fd, facts)
        if not kind:
            book, totals = self._plain(fd, facts, marks, head, lambda runs: sink.copy(fd, runs))
            return kept_of(book, sink, totals.damaged)
        (book, totals), stay = self._archive(fd, facts, marks, kind)
        if totals.damaged:
            book, totals = self._plain(fd, facts, marks, b"", lambda runs: sink.copy(fd, runs), totals.damaged)
            return kept_of(book, sink, totals.damaged)
        judged = members(fd, facts.size, kind, self._limits)
        copied = members(fd, facts.size, kind, self._limits)
        if kind == "zip":
            packer = ZipPacker(sink.write)
            for stays, one, other in zip(stay, judged, copied, strict=True):
                if stays:
                    packer.add(other, of_runs(self._runs(one, facts, marks), other.open()))
            packer.close()
        else:
            for one, other in zip(judged, copied, strict=True):
                pack_stream(kind, of_runs(self._runs(one, facts, marks), other.open()), sink.write)
        return kept_of(book, sink, "")


def _facts_of(member: Member, facts: FileFacts, marks: Marks) -> FileFacts:
    """Give what is known of a member: its own name may name a period, else the archive's does."""
    named = period(member.name, facts.zone, marks.now) is not None
    return FileFacts(
        name=facts.name + b"/" + member.name if named else facts.name,
        size=facts.size if member.info is None else member.info.file_size,
        mtime=facts.mtime,
        zone=facts.zone,
        pin=facts.pin,
        named=None if named else facts.named,
    )


def _reading(book: Book, totals: Totals) -> Reading:
    goes, stays = book.goes, book.stays
    evidence = {Evidence.OWN: book.own, Evidence.CONTINUATION: book.continuations, **book.evidence}
    return Reading(
        family=totals.family,
        confidence=_confidence(totals),
        encoding=totals.encoding,
        lines=totals.lines,
        records=book.records,
        bytes=totals.bytes,
        lowest_lo=known(min(goes.lowest_lo, stays.lowest_lo)),
        highest_lo=known(max(goes.highest_lo, stays.highest_lo)),
        lowest_hi=known(min(goes.lowest_hi, stays.lowest_hi)),
        highest_hi=known(max(goes.highest_hi, stays.highest_hi)),
        expired=goes.tally(),
        overdue=book.overdue,
        oldest_kept=known(stays.lowest_hi),
        youngest_expired=known(goes.highest_hi),
        evidence={kind: count for kind, count in evidence.items() if count},
        unparsed=totals.unparsed,
        future=totals.future,
        undatable=book.evidence[Evidence.NONE],
        damaged=totals.damaged,
        mtime_refuted=totals.refuted,
    )


def _confidence(totals: Totals) -> float:
    if totals.bytes == 0 and not totals.damaged:
        return 1.0  # nothing is left unexplained
    return totals.explained / totals.lines if totals.lines else 0.0
