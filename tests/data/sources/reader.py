"""A small reader of one form of logs, for tests that are about files and not about formats."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from data.formats.interface import FileFacts, Kept, Reading, Tally
from data.retention.evidence import Evidence, Marks, Span
from data.retention.instants import Instant, iso, read_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    line: bytes
    at: Instant | None


def line_at(at: Instant, text: str = "seen") -> bytes:
    """Write one record as the reader, and the real one, understand it."""
    return f'{{"@t":"{iso(at)}","@m":"{text}"}}\n'.encode()


class LineReader:
    """Reads JSON lines that begin with `@t`; everything else is undatable and stays."""

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Judge every record."""
        records = list(_records(fd))
        times = [record.at for record in records if record.at is not None]
        expired = [record for record in records if record.at is not None and record.at < marks.cutoff]
        undated = len(records) - len(times)
        return Reading(
            family="lines",
            confidence=1.0,
            encoding="utf-8",
            lines=len(records),
            records=len(records),
            bytes=facts.size,
            lowest_lo=min(times, default=None),
            highest_lo=max(times, default=None),
            lowest_hi=min(times, default=None),
            highest_hi=max(times, default=None),
            expired=Tally(records=len(expired), bytes=sum(len(record.line) for record in expired)),
            overdue=sum(at < marks.limit for at in times),
            oldest_kept=min((at for at in times if at >= marks.cutoff), default=None),
            youngest_expired=max((at for at in times if at < marks.cutoff), default=None),
            evidence={kind: count for kind, count in _evidence(len(times), undated) if count},
            unparsed=undated,
            undatable=undated,
        )

    def kept(self, fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Tell what would stay."""
        del facts
        return _kept(fd, _staying(fd, marks))

    def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Write what stays."""
        del facts
        staying = _staying(fd, marks)
        content = memoryview(b"".join(record.line for record in staying))
        while content:
            content = content[os.write(target_fd, content) :]
        return _kept(fd, staying)


def _evidence(dated: int, undated: int) -> list[tuple[Evidence, int]]:
    return [(Evidence.OWN, dated), (Evidence.NONE, undated)]


def _staying(fd: int, marks: Marks) -> list[_Record]:
    return [record for record in _records(fd) if record.at is None or record.at >= marks.cutoff]


def _kept(fd: int, staying: list[_Record]) -> Kept:
    content = b"".join(record.line for record in staying)
    everything = list(_records(fd))
    gone = Tally(records=len(everything) - len(staying), bytes=sum(len(r.line) for r in everything) - len(content))
    going = [record.at for record in everything if record.at is not None and record not in staying]
    return Kept(
        kept_bytes=len(content),
        kept_records=len(staying),
        sha256=hashlib.sha256(content).hexdigest(),
        gone=gone,
        span=Span(lo=min(going), hi=max(going)) if going else None,
    )


def _records(fd: int) -> Iterator[_Record]:
    parts, at = [], 0
    while block := os.pread(fd, 1 << 20, at):
        parts.append(block)
        at += len(block)
    for line in b"".join(parts).splitlines(keepends=True):
        head, mark, rest = line.partition(b'{"@t":"')
        try:
            yield _Record(line=line, at=read_iso(rest.partition(b'"')[0].decode()) if mark and not head else None)
        except ValueError:
            yield _Record(line=line, at=None)
