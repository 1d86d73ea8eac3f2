"""Containers of Azure Blob Storage as a source: a unit is a blob, a snapshot or an earlier version; ETags decide."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from data.errors import SourceError
from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BEGINNING, DAY, MINUTE, SECOND, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit, place_of
from data.sources.blob_delete import Deletion, recover, verify
from data.sources.blob_lifecycle import lifecycle_of
from data.sources.blob_names import last_part, matcher_of, place_named
from data.sources.blob_options import BlobOptions, account_of, may_meet
from data.sources.blob_reading import How, Listed, Reader, ReadsLogs, digest_of, identity_of, unit_of
from data.sources.blob_service import PAGE, BlobError, BlobService, Entry, Patience
from data.sources.connector import Around, Connector, Named
from data.sources.index import SCHEMA, opened
from data.sources.interface import (
    UNREADABLE,
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
from data.sources.planning import is_wholly_old
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

KIND: Final = "azure-blob"
VERSION: Final = "1"
_LONGEST_KEPT: Final = 365
"""Days for which Azure keeps deleted blobs at most: what is taken for true where nobody could tell."""
_MIB: Final = 1 << 20
_ROWS_IN_MEMORY: Final = 50_000
_IN_VAIN: Final = 3
"""Units in a row that could not be deleted because Azure was away or too busy, after which a batch is given up."""
_WHY: Final = {
    "missing": "there is no such container",
    "denied": "Azure does not let the bot in",
    "unreachable": "Azure does not answer",
    "throttled": "Azure is too busy",
}


class BlobSource:
    """The blobs of one container below one prefix."""

    def __init__(
        self,
        named: Named,
        options: BlobOptions,
        around: Around,
        *,
        reads: ReadsLogs | None = None,
        patience: Patience | None = None,
        page: int = PAGE,
    ) -> None:
        """Raise `SettingsError` where the account cannot be named; ask nobody anything."""
        client = account_of(options)
        self._named, self._options, self._clock = named, options, around.clock
        self._service = BlobService(client, options.container, patience=patience or Patience(), page=page)
        self._reads: ReadsLogs = reads or LogReader(all_families())
        self._include = matcher_of(options.include)
        self._index = around.state / f"{named.id}.index.sqlite"
        self._tombstones = Tombstones(around.state / f"{named.id}.purged.sqlite")
        self._how = How(
            source=named.id,
            device=place_of(str(client.account_name), str(client.primary_hostname).lower(), options.container),
            zone=ZoneInfo(options.zone) if options.zone else None,
            pin=options.format,
            quiet=options.quiet_minutes * MINUTE,
            largest=options.largest_mib * _MIB,
            folder=around.state,
        )
        self._kept_days: int | None = None
        self._asked = False

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._named.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        deciding = {
            "connector": f"{KIND} {VERSION}",
            "id": self.id,
            "data_kind": self._named.data_kind,
            "place": self._how.device,
            "selects": self._options.model_dump(include={"prefix", "include", "zone", "format", "quiet_minutes"}),
            "largest": self._how.largest,
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    # -- the engine ---------------------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do; how long Azure keeps what was deleted is asked once, and at each probe."""
        if not self._asked:
            self._look_at_soft_delete()
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=False,
            conditional="etag",
            exact_counts=True,
            hides_first=False,
            physical_delay=self._days_kept() * DAY,
            clock="azure",
        )

    def probe(self) -> Probe:
        """Look whether the container can be listed, at the clock of Azure and at what deletes or keeps beside us."""
        before = self._now()
        try:
            date = self._service.date()
        except BlobError as error:
            return Probe(reachable=False, reason=error.reason, explained=self._explained(error))
        offset = instant_of(date) + SECOND // 2 - (before + self._now()) // 2  # the header tells whole seconds
        self._look_at_soft_delete()
        days = UNREADABLE if self._kept_days is None else str(self._kept_days)
        stated = self._kept_days is None and self._options.soft_delete_days is not None
        own = {"soft_delete": str(self._options.soft_delete_days) if stated else days}
        return Probe(reachable=True, clock_offset=offset, own_retention={**own, **lifecycle_of(self._options)})

    def _look_at_soft_delete(self) -> None:
        self._asked = True
        try:
            self._kept_days = self._service.kept_days()
        except BlobError:
            self._kept_days = None

    def _days_kept(self) -> int:
        """Tell for how many days deleted blobs are kept; the longest there is where nobody knows."""
        if self._kept_days is not None:
            return self._kept_days
        stated = self._options.soft_delete_days
        return _LONGEST_KEPT if stated is None else stated

    def copies(self) -> tuple[Copy, ...]:
        """List known copies that a purge does not reach: what Azure keeps of a blob after it was deleted."""
        self._look_at_soft_delete()
        days = self._days_kept()
        known = self._kept_days is not None or self._options.soft_delete_days is not None
        kind = "soft_delete" if known else "soft_delete_unknown"
        return (Copy(kind=kind, expires=self._now() + days * DAY),) if days else ()

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether the days for which Azure keeps a deleted blob are over, by its present setting."""
        del rows
        self._look_at_soft_delete()
        days = self._days_kept()
        over = not days or self._now() >= removed_at + days * DAY
        if not over and self._kept_days is None and self._options.soft_delete_days is None:
            return Release.UNKNOWN
        return Release.RELEASED if over else Release.WAITING

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether Azure itself protects a unit: as it was listed, else by asking. Raises `SourceError`."""
        if isinstance(unit, Listed):
            return unit.held
        try:
            return self._service.is_held() or self._service.look(place_named(unit.name)).holds(self._now())
        except (BlobError, ValueError) as error:
            if isinstance(error, BlobError) and error.reason == "absent":
                return False
            raise self._trouble(error) from None

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there now, in bounded memory. Raises `SourceError`."""
        try:
            now = self._now()
            for entry in self._entries():
                yield entry if isinstance(entry, Skipped) else unit_of(entry, self._how, now)
        except BlobError as error:
            raise self._trouble(error) from None

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Read what is there, unchanged blobs from the scan index unless `fresh`. Raises `SourceError`."""
        valid_for = f"{SCHEMA} {KIND} {VERSION} {self.config_digest}"
        try:
            all_held = self._service.is_held()
            with opened(self._index, marks, valid_for=valid_for, rows_in_memory=_ROWS_IN_MEMORY) as index:
                reader = Reader(self._service, self._reads, self._how, index, fresh=fresh)
                for found in reader.measure(self._entries()):
                    yield _held(found) if all_held and isinstance(found, Measured) else found
        except BlobError as error:
            raise self._trouble(error) from None

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` would give. Raises `SourceError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count records older than the last purge's cutoff. Raises `SourceError`, `StateError`."""
        late = resurrected = 0
        for found in self.measure(replace(marks, cutoff=purged_until)):
            if isinstance(found, Skipped) or not found.reading.expired.records:
                continue
            digest = self._digest(found.unit)
            if digest and self._tombstones.purged(digest) is not None:
                resurrected += found.reading.expired.records
            elif found.first_seen is None or found.first_seen >= purged_at:
                late += found.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed. Raises `StateError`."""
        self._tombstones.remember(rows, at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none. Raises `SourceError`."""
        try:
            return identity_of(self._service.look(place_named(unit.name)), self._how.device)
        except (BlobError, ValueError) as error:
            if isinstance(error, BlobError) and error.reason == "absent":
                return None
            raise self._trouble(error) from None

    # -- deleting -----------------------------------------------------------------------------------------------------

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind deletions to exactly the present content; None for what has changed or may not go as a whole.

        Raises `SourceError`.
        """
        for measured in batch:
            fit = not measured.active and is_wholly_old(measured.reading)
            yield self._planned(measured, marks) if fit else None

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete units that still are what was planned, in this order; one outcome each, never raises."""
        deletion, in_vain = Deletion(self._service, guard, self._now), 0
        for planned in batch:
            if in_vain < _IN_VAIN:
                done = deletion.run(planned)
                in_vain = in_vain + 1 if done.code in {Code.UNREACHABLE, Code.RATE_LIMITED} else 0
            yield done

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended action, and end it under the guard; None if it has not happened."""
        return recover(self._service, planned, guard, self._now)

    def verify(self, planned: Planned) -> Code | None:
        """Look by a listing whether a deletion has held; None if so, else what is wrong."""
        return verify(self._service, planned)

    # -- within -------------------------------------------------------------------------------------------------------

    def _entries(self) -> Iterator[Entry | Skipped]:
        for entry in self._service.entries(self._options.prefix):
            if not self._include.match(last_part(entry.place.blob)):
                continue
            if entry.is_page:  # a disk of a machine: whatever it is, it is no log
                yield Skipped(name=entry.place.name(), code=Code.SKIPPED, reason="page_blob")
            else:
                yield entry

    def _planned(self, measured: Measured, marks: Marks) -> Planned | None:
        digest = self._digest(measured.unit)
        if not digest:
            return None
        reading, identity = measured.reading, replace(measured.unit.identity, digest=digest)
        return Planned(
            unit=Unit(name=measured.unit.name, identity=identity),
            action=Action.DELETE,
            records=reading.expired.records,
            bytes=identity.size,
            lo=BEGINNING if reading.lowest_lo is None else reading.lowest_lo,
            hi=BEGINNING if reading.youngest_expired is None else reading.youngest_expired,
            cutoff=marks.cutoff,
            now=marks.now,
        )

    def _digest(self, unit: Unit) -> str:
        """Hash exactly the content that a unit's identity names; "" where it has gone. Raises `SourceError`."""
        try:
            return digest_of(self._service, place_named(unit.name), unit.identity)
        except BlobError as error:
            if error.reason in {"absent", "changed"}:
                return ""
            raise self._trouble(error) from None

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _explained(self, error: BlobError | ValueError) -> str:
        reason = error.reason if isinstance(error, BlobError) else "no_blob"
        why = _WHY.get(reason, f"Azure gave an answer that cannot be used ({reason})")
        return f"source {self.id}: container {self._options.container}: {why}"

    def _trouble(self, error: BlobError | ValueError) -> SourceError:
        return SourceError(self._explained(error))


def _held(found: Measured) -> Measured:
    unit = found.unit
    return replace(found, unit=Listed(name=unit.name, identity=unit.identity, held=True))


CONNECTOR: Final = Connector(kind=KIND, options=BlobOptions, build=BlobSource, meet=may_meet)
__all__ = ["CONNECTOR", "BlobSource"]
