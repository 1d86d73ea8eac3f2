"""Buckets of S3 as a source: a unit is one version of one object, deleted whole, under the engine's own condition."""

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from data.clock import Clock
from data.errors import SourceError, StateError
from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BEGINNING, MINUTE, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.connector import Around, Connector, Named
from data.sources.interface import (
    Acted,
    Capabilities,
    Copy,
    Guard,
    Measured,
    Probe,
    Reappeared,
    Release,
    Skipped,
    SourceSummary,
)
from data.sources.object_readings import Known, Readings, opened
from data.sources.planning import is_wholly_old
from data.sources.s3_client import Address, Bucket, Patience, S3Error, clock_of, date_of
from data.sources.s3_deletion import Deletion, can_lock, is_held, is_versioned, outcome_of, recovered, verified
from data.sources.s3_lifecycle import copies_of, own_retention
from data.sources.s3_listing import Version, all_versions, encoded, head, identity_of, is_odd, place_in
from data.sources.s3_options import S3Options
from data.sources.s3_reading import ReadsObjects
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

KIND: Final = "s3"
VERSION: Final = "1"
READER: Final = "1"
"""Changed whenever objects are judged otherwise than before, so that nothing that was read before is relied on."""
QUIET: Final = "quiet"
_TOGETHER: Final = 200
"""Units whose first sighting is noted at once."""
_MEGABYTE: Final = 1 << 20


class S3Source:
    """The objects below one prefix of one bucket, every version of them."""

    def __init__(self, named: Named, options: S3Options, around: Around, *, patience: Patience | None = None) -> None:
        self._named, self._options = named, options
        self._clock: Clock = around.clock
        address = Address(
            bucket=options.bucket,
            region=options.region,
            endpoint=options.endpoint,
            owner=options.owner,
            credentials_file=options.credentials_file,
            ca_file=options.ca_file,
        )
        self._bucket = Bucket(address, patience=patience)
        self._objects = ReadsObjects(
            bucket=self._bucket,
            reader=LogReader(all_families()),
            folder=around.state,
            zone=ZoneInfo(options.zone) if options.zone else None,
            pin=options.format,
            largest=options.largest_mb * _MEGABYTE,
        )
        self._included = re.compile("|".join(fnmatch.translate(pattern) for pattern in options.include))
        self._readings = around.state / f"{named.id}.readings.sqlite"
        self._tombstones = Tombstones(around.state / f"{named.id}.purged.sqlite")
        self._sightings = Sightings(around.state / f"{named.id}.seen.sqlite")

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._named.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        told = self._options.model_dump(mode="json", exclude={"credentials_file", "ca_file"})
        deciding = {"connector": f"{KIND} {VERSION}", "id": self.id, "data_kind": self._named.data_kind, **told}
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=False,
            conditional="version or etag",
            exact_counts=True,
            hides_first=False,
            clock="engine",
        )

    def close(self) -> None:
        """Give all connections back."""
        self._bucket.close()

    # -- looking ------------------------------------------------------------------------------------------------------

    def probe(self) -> Probe:
        """Look whether the bucket can be listed, and at its clock and its own retention settings."""
        try:
            answer = self._bucket.ask("list_object_versions", Prefix=self._options.prefix, MaxKeys=1)
            offset = self._offset(date_of(answer))
            if offset is None:
                return Probe(reachable=False, reason="no_clock", explained=self._sentence(S3Error("no_clock")))
            return Probe(
                reachable=True,
                clock_offset=offset,
                own_retention=own_retention(self._bucket, self._options.prefix, versioned=is_versioned(self._bucket)),
            )
        except S3Error as error:
            reason = "missing" if error.reason == "no_bucket" else error.reason
            offset = self._offset(error.date) or 0
            return Probe(reachable=False, reason=reason, explained=self._sentence(error), clock_offset=offset)

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List every version that is there now, in bounded memory. Raises `SourceError`."""
        with self._asking():
            for found in all_versions(self._bucket, self._options.prefix):
                if self._is_ours(found):
                    yield self._skipped(found) or found.unit(self._bucket.name)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Read what is there, content that was read before from memory unless `fresh`. Raises `SourceError`."""
        valid_for = f"{READER} {self.config_digest}"
        with self._asking(), opened(self._readings, marks, valid_for=valid_for) as readings:
            listed = filter(self._is_ours, all_versions(self._bucket, self._options.prefix))
            while batch := list(islice(listed, _TOGETHER)):
                yield from self._together(batch, marks, readings, fresh=fresh)
            readings.finish()
        with suppress(StateError):
            self._sightings.tidy(marks.now)

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count records older than the last purge's cutoff. Raises `SourceError`, `StateError`.

        A content that was purged, under whatever key and version, has been resurrected; one that was written or first
        seen since is late.
        """
        late = resurrected = 0
        for measured in self.measure(replace(marks, cutoff=purged_until)):
            if isinstance(measured, Skipped) or not measured.reading.expired.records:
                continue
            if self._tombstones.purged(measured.unit.identity.digest) is not None:
                resurrected += measured.reading.expired.records
            elif measured.first_seen is None or measured.first_seen >= purged_at:
                late += measured.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed. Raises `StateError`."""
        self._tombstones.remember(rows, at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none. Raises `SourceError`."""
        with self._asking():
            return self._identity(unit, versioned=is_versioned(self._bucket))

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell that a version that is deleted has left the bucket."""
        del rows, removed_at
        return Release.RELEASED

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether Object Lock protects a version, by retention of either mode or legal hold. Raises `SourceError`.

        Where the bot may not read the lock of a version it counts as held.
        """
        with self._asking():
            return can_lock(self._bucket) and is_held(self._bucket, place_in(unit), now=self._now())

    def copies(self) -> tuple[Copy, ...]:
        """Name parts of uploads that never ended, and replicas; what could not be looked at is named as such."""
        return copies_of(self._bucket, self._options.prefix)

    # -- deleting -----------------------------------------------------------------------------------------------------

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind deletions to exactly the present content; one answer each, in order. Raises `SourceError`."""
        with self._asking():
            versioned = is_versioned(self._bucket)
            for measured in batch:
                yield self._bound(measured, marks, versioned=versioned)

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete versions that still are what was planned; one outcome each, in order."""
        now = self._now()
        rested = now - self._options.quiet_minutes * MINUTE
        yield from Deletion(bucket=self._bucket, guard=guard, now=now, rested=rested).run(batch)

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended deletion; a request is done or not, so there is nothing to end."""
        del guard
        try:
            return recovered(self._bucket, planned)
        except S3Error as error:
            return outcome_of(error)

    def verify(self, planned: Planned) -> Code | None:
        """Look in a listing of the key's versions, never by fetching; None if the content is gone."""
        try:
            return verified(self._bucket, planned)
        except S3Error as error:
            return outcome_of(error).code
        except SourceError:
            return Code.FAILED

    # -- parts --------------------------------------------------------------------------------------------------------

    def _is_ours(self, found: Version) -> bool:
        return self._included.match(found.key.rsplit("/", 1)[-1]) is not None

    def _skipped(self, found: Version) -> Skipped | None:
        """Say why something is no unit, or None where it is one."""
        name = encoded(found.key)
        if is_odd(found.key):
            return Skipped(name=name, code=Code.UNSUPPORTED, reason="odd_name")
        if found.marker:
            return Skipped(name=name, code=Code.SKIPPED, reason="delete_marker")
        if found.key.endswith("/") and not found.size:
            return Skipped(name=name, code=Code.SKIPPED, reason="folder")
        return None

    def _together(
        self, batch: Sequence[Version], marks: Marks, readings: Readings, *, fresh: bool
    ) -> Iterator[Measured | Skipped]:
        """Measure some versions, and note that they were seen before they are read."""
        units = [(found, self._skipped(found) or found.unit(self._bucket.name)) for found in batch]
        seen: dict[int, Instant] = {}
        with suppress(StateError):  # then nobody knows, and what is old counts as late or as left
            seen.update(self._sightings.note([one for _, one in units if isinstance(one, Unit)], now=marks.now))
        for found, one in units:
            if isinstance(one, Skipped):
                yield one
                continue
            first = seen.get(one.identity.inode)
            known: Known | Skipped | None = None if fresh else readings.get(one.identity)
            if known is None:
                known = self._objects.read(found, one, marks, seen=first)
                if isinstance(known, Known):
                    readings.put(one.identity, known)
            if isinstance(known, Skipped):
                yield known
            elif known is not None:
                yield self._measured(found, one, known, marks, first)

    def _measured(self, found: Version, unit: Unit, known: Known, marks: Marks, seen: Instant | None) -> Measured:
        return Measured(
            unit=replace(unit, identity=replace(unit.identity, digest=known.digest)),
            reading=known.reading,
            active=QUIET if found.modified > marks.now - self._options.quiet_minutes * MINUTE else "",
            first_seen=None if seen is None else max(seen, found.modified),  # never before it was written
            born=found.modified,
        )

    def _bound(self, measured: Measured, marks: Marks, *, versioned: bool) -> Planned | None:
        reading, identity = measured.reading, measured.unit.identity
        if measured.active or not is_wholly_old(reading):
            return None
        now = self._identity(measured.unit, versioned=versioned)
        if now is None or not now.same_place(identity):
            return None
        return Planned(
            unit=measured.unit,
            action=Action.DELETE,
            records=reading.expired.records,
            bytes=identity.size,
            lo=BEGINNING if reading.lowest_lo is None else reading.lowest_lo,
            hi=BEGINNING if reading.youngest_expired is None else reading.youngest_expired,
            cutoff=marks.cutoff,
            now=marks.now,
        )

    def _identity(self, unit: Unit, *, versioned: bool) -> Identity | None:
        found = head(self._bucket, place_in(unit), versioned=versioned)
        return None if found is None else identity_of(self._bucket.name, found)

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _offset(self, date: str) -> int | None:
        """Tell how many microseconds the engine's clock is ahead of ours, as far as whole seconds tell."""
        theirs = clock_of(date)
        return None if theirs is None else theirs - self._now()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Name the source in whatever goes wrong. Raises `SourceError`."""
        try:
            yield
        except S3Error as error:
            raise SourceError(self._sentence(error)) from None
        except OSError as error:
            raise SourceError(f"source {self.id}: nothing can be read into the state folder: {error}") from None
        except SourceError as error:
            raise SourceError(f"source {self.id}: bucket {self._bucket.name}: {error}") from None

    def _sentence(self, error: S3Error) -> str:
        return f"source {self.id}: bucket {self._bucket.name}: {error}"


def _meet(one: S3Options, other: S3Options) -> bool:
    """Tell whether two sources can reach the same objects; one bucket may have several addresses."""
    nested = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    return one.bucket == other.bucket and nested


def _build(named: Named, options: Any, around: Around) -> S3Source:
    return S3Source(named, options, around)


CONNECTOR: Final = Connector(kind=KIND, options=S3Options, build=_build, meet=_meet)
