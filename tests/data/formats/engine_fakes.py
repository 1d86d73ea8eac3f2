"""Two small families and a way to read bytes, for the tests of the engine."""

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from data.formats.interface import Family, FileFacts, Kept, Kind, Line, Place, Reader, Reading
from data.formats.logs import LogReader
from data.formats.zones import ZoneClock, wall
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant, read_iso

NOW = read_iso("2026-11-23T12:00:00Z")
MARKS = Marks(cutoff=NOW - 83 * DAY, limit=NOW - 90 * DAY, now=NOW)
_JSON = re.compile(rb'"@t":"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?Z"')
_TEXT = re.compile(rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:[.,](\d{1,7}))? ")


def stamp_of(match: "re.Match[bytes]") -> Instant | None:
    """Give the wall time of a match, or None for one that does not exist."""
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = int((match[7] or b"0").ljust(6, b"0")[:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    second, fraction = (59, 999_999) if second == 60 else (second, fraction)
    return wall(year, month, day, hour * HOUR + minute * MINUTE + second * SECOND + fraction)


@dataclass(frozen=True)
class JsonFamily:
    """JSON lines with `@t` in UTC; `#` begins a directive, a blank continues."""

    id: str = "jsonl"

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader that offers places."""
        del facts, sample
        return JsonReader()


class JsonReader:
    """Reads what JsonFamily says."""

    continues = b" \t"

    def line(self, line: bytes) -> Line:
        """Understand a line."""
        if line.startswith(b"#"):
            return Line(kind=Kind.DIRECTIVE)
        if line.startswith((b" ", b"\t")):
            return Line(kind=Kind.CONTINUATION)
        found = _JSON.findall(line)
        match = _JSON.search(line)
        if not line.startswith(b"{") or match is None or len(found) != 1 or line.count(b'"@t":') != 1:
            return Line(kind=Kind.HEAD if line.startswith(b"{") and line.endswith(b"}") else Kind.UNPARSED)
        instant = stamp_of(match)
        return Line(kind=Kind.HEAD, lo=instant, hi=instant)

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp is, if it stands first."""
        match = _JSON.search(line)
        if match is None or match.start() != 1:
            return None
        return Place(start=match.start(1), end=match.end() - 1, once=b'"@t":')


@dataclass(frozen=True)
class TextFamily:
    """Lines that begin with a naive stamp; everything else continues."""

    id: str = "text"
    places: bool = True

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader for the zone of the facts."""
        del sample
        return TextReader(ZoneClock(facts.zone))


class TextReader:
    """Reads what TextFamily says."""

    continues = b" \t"

    def __init__(self, clock: ZoneClock) -> None:
        self._clock = clock

    def line(self, line: bytes) -> Line:
        """Understand a line."""
        match = _TEXT.match(line)
        if match is None:
            return Line(kind=Kind.CONTINUATION)
        local = stamp_of(match)
        if local is None:
            return Line(kind=Kind.CONTINUATION)
        span = self._clock.span(local)
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp is."""
        match = _TEXT.match(line)
        return None if match is None else Place(start=0, end=match.end() - 1)


FAMILIES: tuple[Family, ...] = (JsonFamily(), TextFamily())


@dataclass(frozen=True)
class Case:
    """A file to be read: content and what else is known of it."""

    content: bytes
    name: bytes = b"app.log"
    mtime: Instant = NOW - HOUR
    birth: Instant | None = None
    zone: ZoneInfo | None = field(default_factory=lambda: ZoneInfo("Europe/Berlin"))
    pin: str = ""

    def facts(self, size: int | None = None) -> FileFacts:
        """Give the facts."""
        length = len(self.content) if size is None else size
        return FileFacts(name=self.name, size=length, mtime=self.mtime, birth=self.birth, zone=self.zone, pin=self.pin)


def read(case: Case, marks: Marks = MARKS, families: Sequence[Family] = FAMILIES, **more: Any) -> Reading:
    """Read a content through a real file."""
    with tempfile.TemporaryFile() as file:
        file.write(case.content)
        file.flush()
        return LogReader(families, **more).read(file.fileno(), case.facts(), marks)


def rewrite(
    case: Case, marks: Marks = MARKS, families: Sequence[Family] = FAMILIES, **more: Any
) -> tuple[Kept, Kept, bytes]:
    """Preview a rewrite and do it: what was previewed, what was done, what the new file holds."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(case.content)
        file.flush()
        reader = LogReader(families, **more)
        kept = reader.kept(file.fileno(), case.facts(), marks)
        done = reader.rewrite(file.fileno(), target.fileno(), case.facts(), marks)
        return kept, done, os.pread(target.fileno(), 1 << 30, 0)


def stamp(instant: Instant, form: str = "%Y-%m-%dT%H:%M:%S.%fZ") -> bytes:
    """Write an instant in UTC."""
    moment = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (moment + __import__("datetime").timedelta(microseconds=instant)).strftime(form).encode()


def event(days_ago: float, text: str = "hello", end: bytes = b"\n") -> bytes:
    """Write one JSON line that many days before now."""
    return b'{"@t":"' + stamp(NOW - int(days_ago * DAY)) + b'","@m":"' + text.encode() + b'"}' + end


def write(path: Path, content: bytes) -> Path:
    """Make a file."""
    path.write_bytes(content)
    return path
