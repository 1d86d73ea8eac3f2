"""What the name of a blob says: which blob, snapshot or version is meant, and the period that its path stands for.

App Service writes to `<app>/2026/11/23/08/...`, diagnostic settings write to `.../y=2026/m=11/d=23/h=08/m=00/PT1H.json`
(learn.microsoft.com, "Resource logs in Azure Storage"); both count in UTC.
"""

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from data.formats.interface import Zone
from data.formats.names import period
from data.formats.zones import wall
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE, DAY, HOUR, Instant

LATE: Final = DAY
"""How much older than its path a record may be: both layouts name the hour in which a record came in, not its own."""

_DIAGNOSTIC: Final = re.compile(
    rb"(?:^|/)y=(?P<year>20\d\d)/m=(?P<month>\d\d?)/d=(?P<day>\d\d?)(?:/h=(?P<hour>\d\d?))?(?=/)"
)
_APP_SERVICE: Final = re.compile(
    rb"(?:^|/)(?P<year>20\d\d)/(?P<month>0[1-9]|1[0-2])/(?P<day>0[1-9]|[12]\d|3[01])(?:/(?P<hour>[01]\d|2[0-3]))?(?=/)"
)
_HOURS: Final = 24
_MARK: Final = b"\0"
"""Stands in front of what is no plain blob: Azure takes no NUL in the name of a blob."""
_KINDS: Final = {b"snapshot": "snapshot", b"version": "version"}
_PARTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A blob, or a snapshot or an earlier version of it."""

    blob: str
    snapshot: str = ""
    version: str = ""

    @property
    def is_copy(self) -> bool:
        """Tell whether it is a snapshot or an earlier version, which nobody can write to."""
        return bool(self.snapshot or self.version)

    def name(self) -> bytes:
        """Give the name of the unit.

        A copy sorts before all blobs of the same age, and so it is deleted first: Azure refuses to delete a blob that
        has snapshots.
        """
        blob = self.blob.encode("utf-8", "surrogatepass")
        if not self.is_copy:
            return blob
        kind, moment = ("snapshot", self.snapshot) if self.snapshot else ("version", self.version)
        return b"%s%s%s%s%s%s" % (_MARK, kind.encode(), _MARK, moment.encode(), _MARK, blob)


def place_named(name: bytes) -> Place:
    """Give what the name of a unit means; raises `ValueError` for one that `Place.name` did not write."""
    if not name.startswith(_MARK):
        return Place(blob=name.decode("utf-8", "surrogatepass"))
    parts = name[len(_MARK) :].split(_MARK, _PARTS - 1)
    if len(parts) != _PARTS or parts[0] not in _KINDS or not parts[1]:
        message = "this names no blob"
        raise ValueError(message)
    kind, moment, blob = parts
    return Place(blob=blob.decode("utf-8", "surrogatepass"), **{_KINDS[kind]: moment.decode()})


def matcher_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Compile patterns for the last part of a name; fnmatch makes them free of backtracking."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))


def last_part(blob: str) -> str:
    """Give what stands after the last slash."""
    return blob.rpartition("/")[2]


def period_of(name: bytes, zone: Zone, now: Instant) -> Span | None:
    """Give the interval in which the records of a blob came in, by its path and its own name; None where none says so.

    Where several dates stand in it, the interval covers them all; a day that does not exist or is yet to come says
    nothing.
    """
    folder, slash, _ = name.rpartition(b"/")
    found = [*_DIAGNOSTIC.finditer(folder + slash), *_APP_SERVICE.finditer(folder + slash)]
    spans = [span for span in map(_span, found) if span is not None and span.hi >= BELIEVABLE and span.lo <= now + DAY]
    named = period(name, zone, now)
    if not spans:
        return named
    spans += [] if named is None else [named]
    return Span(lo=min(span.lo for span in spans), hi=max(span.hi for span in spans))


def _span(found: "re.Match[bytes]") -> Span | None:
    fields = {key: int(value) for key, value in found.groupdict().items() if value is not None}
    start, hour = wall(fields["year"], fields["month"], fields["day"]), fields.get("hour")
    if start is None or (hour is not None and hour >= _HOURS):
        return None
    begin, length = (start, DAY) if hour is None else (start + hour * HOUR, HOUR)
    return Span(lo=begin - LATE, hi=begin + length - 1)
