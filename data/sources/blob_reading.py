"""Reads blobs: streamed into a nameless file of the bot's own, judged there by the reader of logs, known by ETag."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from data.errors import SourceError
from data.formats.interface import FileFacts, Reading, Tally, Zone
from data.formats.ladder import bounds_of
from data.formats.zones import Clocks
from data.retention.evidence import Evidence, Marks, Span
from data.retention.instants import BEGINNING, BELIEVABLE, Instant
from data.retention.residue import Code
from data.retention.unit import Identity, Unit, place_of
from data.sources.activity import GROWING, QUIET
from data.sources.blob_names import Place, period_of
from data.sources.blob_service import BlobError, BlobService, Entry
from data.sources.index import VALID, Index, Known, Rows
from data.sources.interface import Measured, Skipped

TOO_LARGE: Final = "too_large"


class ReadsLogs(Protocol):
    """Reads logs of any family through an open descriptor."""

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Judge every record. Raises `OSError`, `ValueError`."""
        ...


@dataclass(frozen=True, slots=True)
class Listed(Unit):
    """A unit as a listing shows it."""

    held: bool = False
    """Whether Azure itself protected it when it was listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How blobs are read."""

    source: str
    device: int
    """Stands for account and container."""
    zone: Zone
    pin: str
    quiet: int
    """Microseconds without a change before a blob counts as at rest."""
    largest: int
    """Bytes above which a blob is not read."""
    folder: Path
    """Where there is room for the content of one blob at a time."""


def unit_of(entry: Entry, how: How, now: Instant) -> Listed:
    """Give the unit that a listed blob is."""
    return Listed(name=entry.place.name(), identity=identity_of(entry, how.device), held=entry.holds(now))


def identity_of(entry: Entry, device: int) -> Identity:
    """Give the identity of what stands at a place: its ETag changes with any change of content or properties."""
    return Identity(
        device=device,
        inode=place_of(device.to_bytes(8, "big"), entry.place.name()),
        size=entry.size,
        mtime_ns=entry.modified * 1000,
        ctime_ns=place_of(entry.etag, entry.version_id),  # the scan index knows no tag: this number stands for it
        tag=tag_of(entry),
    )


def tag_of(entry: Entry) -> str:
    """Give the ETag, and the version where the account keeps some."""
    return f"{entry.etag} {entry.version_id}" if entry.version_id else entry.etag


def digest_of(service: BlobService, place: Place, identity: Identity) -> str:
    """Hash size, first and last 64 KiB of exactly this content: a restored copy has them again. Raises `BlobError`.

    Of a blob in the archive tier nothing can be read: there the ETag stands for the content, and a copy that is put
    back is not known again.
    """
    etag = identity.tag.partition(" ")[0]
    hashed = hashlib.sha256(b"%d:" % identity.size)
    try:
        for part in service.edges(place, etag, identity.size):
            hashed.update(part)
    except BlobError as error:
        if error.reason != "archived":
            raise
        hashed.update(etag.encode())
    return hashed.hexdigest()


class Reader:
    """One pass over a container with fixed marks, against an open scan index."""

    def __init__(self, service: BlobService, reads: ReadsLogs, how: How, index: Index, *, fresh: bool) -> None:
        self._service = service
        self._reads = reads
        self._how = how
        self._index = index
        self._marks = index.marks
        self._fresh = fresh
        self._clocks = Clocks()

    def measure(self, listed: Iterator[Entry | Skipped]) -> Iterator[Measured | Skipped]:
        """Measure blob by blob. Raises `BlobError`, `SourceError`."""
        rows = self._index.folder(b"")
        for entry in listed:
            found = entry if isinstance(entry, Skipped) else self._one(rows, entry)
            if found is not None:
                yield found
        rows.forget_unseen()
        self._index.finish()

    def _one(self, rows: Rows, entry: Entry) -> Measured | Skipped | None:
        """Take one blob from the index, or read it; None if it has gone since it was listed."""
        unit = unit_of(entry, self._how, self._marks.now)
        known = None if self._fresh else rows.get(unit.name)
        if known is not None and _agrees(known, unit.identity):
            remembered = self._index.full(rows, unit.name, unit.name, unit.identity.device)
            if remembered is not None:
                rows.seen(unit.name)
                return replace(remembered, unit=unit, active=self._active(entry))
        try:
            measured = self._read(unit, entry)
        except BlobError as error:
            if error.reason == "absent":
                return None
            if error.is_about_the_blob:
                return Skipped(name=unit.name, code=Code.DENIED, reason="denied")
            raise
        except ValueError:  # a family of formats that does not exist, say: one blob must not end the whole look
            return Skipped(name=unit.name, code=Code.DAMAGED, reason="unreadable")
        rows.seen(unit.name)
        first_seen = self._index.put(rows, unit.name, _for_the_index(measured), self._index.roll(b""))
        return replace(measured, first_seen=first_seen)

    def _active(self, entry: Entry) -> str:
        """Tell why a blob must not be touched now; "" where it may be. Nobody writes to snapshots and old versions."""
        if entry.place.is_copy:
            return ""
        return entry.busy or (QUIET if entry.modified > self._marks.now - self._how.quiet else "")

    def _read(self, unit: Listed, entry: Entry) -> Measured:
        """Read a blob; one that changes under the reading is looked at anew, and is growing."""
        try:
            reading, active = self._reading(entry), self._active(entry)
        except BlobError as error:
            if error.reason != "changed":
                raise
            entry = self._service.look(entry.place)
            unit = unit_of(entry, self._how, self._marks.now)
            reading, active = unread(self._facts(entry), self._marks, self._clocks, GROWING), GROWING
        return Measured(unit=unit, reading=reading, active=active, born=entry.created)

    def _reading(self, entry: Entry) -> Reading:
        facts = self._facts(entry)
        if entry.size > self._how.largest:
            return unread(facts, self._marks, self._clocks, TOO_LARGE)
        try:
            with tempfile.TemporaryFile(dir=self._how.folder) as file:
                try:
                    self._service.read_into(file, entry)
                except BlobError as error:
                    if error.reason != "archived":
                        raise
                    return unread(facts, self._marks, self._clocks, "archived")
                return self._reads.read(file.fileno(), facts, self._marks)
        except OSError as error:
            raise SourceError(f"source {self._how.source}: no room to read a blob: {error.strerror}") from error

    def _facts(self, entry: Entry) -> FileFacts:
        name = entry.place.blob.encode("utf-8", "surrogatepass")
        return FileFacts(
            name=name,
            size=entry.size,
            mtime=entry.modified,
            # A block blob is uploaded after its records were written; only what is appended to is not older than it.
            birth=entry.created if entry.is_append else None,
            zone=self._how.zone,
            pin=self._how.pin,
            named=period_of(name, self._how.zone, self._marks.now),
        )


def unread(facts: FileFacts, marks: Marks, clocks: Clocks, word: str) -> Reading:
    """Judge a blob that is not read as one record, by its path and its last change (purge.md 6.3, 4 and 5)."""
    bounds = bounds_of(facts, marks, clocks.of(facts.zone))
    span, evidence = _span_of(bounds.named, bounds.birth, bounds.mtime)
    tally = Tally(records=1, bytes=facts.size)
    expired = span is not None and span.hi < marks.cutoff
    return Reading(
        family="",
        confidence=0.0,
        encoding="",
        lines=0,
        records=1,
        bytes=facts.size,
        lowest_lo=span.lo if span else None,
        highest_lo=span.lo if span else None,
        lowest_hi=span.hi if span else None,
        highest_hi=span.hi if span else None,
        expired=tally if expired else Tally(),
        overdue=int(span is not None and span.lo < marks.limit),
        oldest_kept=span.hi if span and not expired else None,
        youngest_expired=span.hi if span and expired else None,
        evidence={evidence: 1},
        undatable=int(span is None),
        damaged=word,
    )


def _span_of(named: Span | None, birth: Instant, mtime: Instant | None) -> tuple[Span | None, Evidence]:
    """Give the interval of what nobody read: its last change bounds it always, whatever its path says."""
    if mtime is None:
        return None, Evidence.NONE
    if named is not None:
        return Span(lo=min(named.lo, mtime), hi=max(named.hi, mtime)), Evidence.NAME
    lo = birth if BELIEVABLE <= birth <= mtime else BEGINNING
    return Span(lo=lo, hi=mtime), Evidence.MTIME


def _for_the_index(measured: Measured) -> Measured:
    """Give what the index remembers: of a blob that nobody could read because it grew only that it was seen."""
    if measured.active != GROWING:
        return measured
    identity = replace(measured.unit.identity, ctime_ns=-1)
    return replace(measured, unit=replace(measured.unit, identity=identity))


def _agrees(known: Known, found: Identity) -> bool:
    """Tell whether a blob is as it was when it was read, and what was read of it holds at the present marks."""
    _, inode, size, mtime_ns, ctime_ns, _, flags, _ = known
    return bool(flags & VALID) and (inode, size, mtime_ns, ctime_ns) == (
        found.inode,
        found.size,
        found.mtime_ns,
        found.ctime_ns,
    )
