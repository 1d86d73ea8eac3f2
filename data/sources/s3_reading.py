"""Reads one version of an object with the product's own reader of logs: fetched once, kept nowhere.

The reader works on a file, so the content goes to a nameless one in the bot's own folder and is gone when it is closed.
Memory stays bounded whatever an object's size. The fetch is bound to version and ETag: nothing else is ever read.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from data.formats.interface import FileFacts, Zone
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import SECOND, Instant
from data.retention.residue import Code
from data.retention.unit import Unit
from data.sources.interface import Skipped
from data.sources.object_periods import dated_name
from data.sources.object_readings import Known
from data.sources.opening import edge_digest
from data.sources.s3_client import Bucket, S3Error, told
from data.sources.s3_listing import NULL, Version, encoded, versions_of

_PIECE: Final = 1 << 20
_GONE: Final = "missing"
_UNREADABLE: Final = {
    "refused": (Code.DAMAGED, "encrypted"),  # what S3 says of a content whose key only the customer has (SSE-C)
    "archived": (Code.DAMAGED, "archived"),
    "denied": (Code.DENIED, "denied"),
    "changed": (Code.ACTIVE, "changing"),
    "conflict": (Code.ACTIVE, "changing"),
    "broken": (Code.FAILED, "broken"),
    _GONE: (Code.FAILED, "broken"),  # while it is still listed
}
"""What is said of one object that cannot be read while the bucket can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadsObjects:
    """How objects of one source are read."""

    bucket: Bucket
    reader: LogReader
    folder: Path
    """Where a content is while it is read."""
    zone: Zone
    pin: str
    largest: int
    """Bytes above which an object is not fetched."""

    def read(self, found: Version, unit: Unit, marks: Marks, *, seen: Instant | None) -> Known | Skipped | None:
        """Read a version, first seen then; None if it has gone since it was listed.

        Raises `S3Error`, `SourceError`, `OSError`.
        """
        if found.size > self.largest:
            return Skipped(name=unit.name, code=Code.DAMAGED, reason="too_large")
        try:
            with self._spooled(found) as file:
                return self._judged(file, found, marks, marks.now if seen is None else seen)
        except S3Error as error:
            if error.reason == _GONE and not self._is_listed(found):
                return None
            if error.reason not in _UNREADABLE:
                raise
            code, reason = _UNREADABLE[error.reason]
            return Skipped(name=unit.name, code=code, reason=reason)
        except ValueError:  # of the reader: one object must not end the whole look
            return Skipped(name=unit.name, code=Code.DAMAGED, reason="unreadable")

    def _is_listed(self, found: Version) -> bool:
        """Tell whether a version that cannot be fetched is there all the same: not every way to S3 takes every key."""
        there = versions_of(self.bucket, found.key)
        return any((one.version, one.etag, one.marker) == (found.version, found.etag, False) for one in there)

    def _judged(self, file: IO[bytes], found: Version, marks: Marks, seen: Instant) -> Known:
        written = found.modified + SECOND - 1  # the later end of the second is the safe one
        facts = FileFacts(
            name=dated_name(encoded(found.key), self.zone, marks.now),
            size=found.size,
            mtime=max(written, seen) if found.in_parts else written,
            zone=self.zone,
            pin=self.pin,
        )
        reading = self.reader.read(file.fileno(), facts, marks)
        return Known(reading=reading, digest=edge_digest(file.fileno(), found.size))

    @contextmanager
    def _spooled(self, found: Version) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(dir=self.folder, buffering=0) as file:
            self.bucket.patiently(lambda: self._fetch(found, file), {"throttled", "unreachable", "broken"})
            yield file

    def _fetch(self, found: Version, file: IO[bytes]) -> None:
        """Fetch the whole content, from the start each time; a short one is none."""
        os.ftruncate(file.fileno(), 0)
        file.seek(0)
        which = {} if found.version == NULL else {"VersionId": found.version}
        answer = self.bucket.once("get_object", Key=found.key, IfMatch=f'"{found.etag}"', **which)
        length = 0
        body: Any = answer["Body"]
        with closing(body):
            while piece := _piece_of(body):
                length += len(piece)
                if length > found.size:
                    raise S3Error("broken", code="longer")
                file.write(piece)
        if length != found.size:
            raise S3Error("broken", code="shorter")


def _piece_of(body: Any) -> bytes:
    with told():
        piece: bytes = body.read(_PIECE)
    return piece
