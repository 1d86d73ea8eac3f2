"""Shows lines to the reader of a family, and says in short what it made of them."""

import re
from zoneinfo import ZoneInfo

from data.formats.interface import ContinuingReader, Family, FileFacts, Kind, Reader
from data.retention.evidence import Span
from data.retention.instants import iso, read_iso

BERLIN = ZoneInfo("Europe/Berlin")
CHANGED = "2026-11-24T12:00:00Z"
CONTINUED, UNPARSED, DIRECTIVE, UNDATED = "continued", "unparsed", "directive", "undated"


def facts(name: str = "app.log", mtime: str = CHANGED, zone: ZoneInfo | None = BERLIN, pin: str = "") -> FileFacts:
    """Give the facts of a file in Berlin, last changed on 24 November 2026."""
    return FileFacts(name=name.encode(), size=1, mtime=read_iso(mtime), zone=zone, pin=pin)


def lines_of(text: str | bytes) -> tuple[bytes, ...]:
    """Cut a text into lines, as the engine does."""
    return tuple((text if isinstance(text, bytes) else text.encode()).strip(b"\n").split(b"\n"))


def reader_of(family: Family, text: str | bytes, known: FileFacts | None = None) -> Reader:
    """Give the reader that the family has for a text; the family must know it."""
    reader = family.reader(known or facts(), lines_of(text))
    assert reader is not None, f"{family.id} does not know its own"
    return reader


def knows(family: Family, text: str | bytes, known: FileFacts | None = None) -> bool:
    """Tell whether a family takes a text for its own."""
    return family.reader(known or facts(), lines_of(text)) is not None


def read(family: Family, text: str | bytes, known: FileFacts | None = None) -> list[str]:
    """Tell what each line is: `continued`, `unparsed`, `undated`, `directive`, or the instant or interval of a head."""
    reader = reader_of(family, text, known)
    return [said(reader, line) for line in lines_of(text)]


def said(reader: Reader, line: bytes) -> str:
    """Tell what one line is."""
    found = reader.line(line)
    if found.kind is not Kind.HEAD:
        return {Kind.CONTINUATION: CONTINUED, Kind.UNPARSED: UNPARSED, Kind.DIRECTIVE: DIRECTIVE}[found.kind]
    if found.lo is None or found.hi is None:
        return UNDATED
    return iso(found.lo) if found.lo == found.hi else f"{iso(found.lo)} {iso(found.hi)}"


def keeps_its_promises(reader: Reader, line: bytes, other_stamp: bytes, span: Span) -> bytes:
    """Check what `locate` promised: with another stamp of its form the line is a head and means it; give the first."""
    located: ContinuingReader = reader  # type: ignore[assignment]  # every reader here offers it
    place = located.locate(line)
    assert place is not None, line
    before, after = line[: place.start], line[place.end :]
    if place.anchor:
        assert line.find(place.anchor) == place.start - 1
        before = bytes(byte ^ 1 if chr(byte).isdigit() else byte for byte in before)
    for rest in (after, after[:1] + b"\xff 2020-01-01 00:00:00 [INFO] ]["):
        found = reader.line(before + other_stamp + rest)
        assert (found.kind, found.lo, found.hi) == (Kind.HEAD, span.lo, span.hi), before + other_stamp + rest
    return line[place.start : place.end]


def continues_as_promised(reader: Reader, noise: bytes) -> None:
    """Check that under a head a line that begins with a continuing byte is a continuation, whatever follows."""
    continues = getattr(reader, "continues", b"")
    for byte in re.findall(rb"(?s).", continues):
        assert reader.line(byte + noise).kind is Kind.CONTINUATION, byte + noise
