"""A project of a self-hosted Sentry as a source: a unit is what its web API can delete, an issue or an attachment."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

from data.errors import SourceError
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit, place_of
from data.sources.connector import Around, Named
from data.sources.http_api import ApiError
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
from data.sources.sentry_api import SentryApi
from data.sources.sentry_shelves import Attachments, Issues, Shelf
from data.sources.sentry_units import KIND, Listed, outcome_of, reading_of, row_of, unit_of
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

VERSION: Final = "1"
ISSUES: Final = "issues"
_REFUSING: Final = range(300, 500)
"""Statuses by which Sentry says that it has done nothing."""
_P = ParamSpec("_P")
_T = TypeVar("_T")


class SentryTold(Protocol):
    """What an operator said of a source; see `sentry.SentryOptions`."""

    @property
    def url(self) -> str:
        """Give the address."""
        ...

    @property
    def organisation(self) -> str:
        """Give the slug of the organisation."""
        ...

    @property
    def project(self) -> str:
        """Give the slug of the project."""
        ...

    @property
    def token_file(self) -> Path:
        """Give the file with the token."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """Give the file with certificates."""
        ...

    @property
    def units(self) -> str:
        """Tell whether issues or attachments are meant."""
        ...

    @property
    def look_back_days(self) -> int:
        """Tell how far back is looked."""
        ...

    @property
    def quiet_hours(self) -> int:
        """Tell how long an issue is written to after its last event."""
        ...

    @property
    def physical_hours(self) -> int:
        """Tell how long a deletion may take."""
        ...


class SentrySource:
    """The issues of one project, or their attachments; `state` is a folder of the bot's own."""

    def __init__(
        self, named: Named, options: SentryTold, around: Around, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._named, self._options, self._clock = named, options, around.clock
        self._api = SentryApi(
            options.url,
            options.organisation,
            options.project,
            token_file=options.token_file,
            ca_file=str(options.ca_file) if options.ca_file else "",
            wait=wait,
        )
        issues = Issues(self._api, look_back=options.look_back_days * DAY, now=self._now)
        self._shelf: Shelf = issues if options.units == ISSUES else Attachments(self._api, issues)
        self._sightings = Sightings(around.state / f"{named.id}.seen.sqlite")
        self._tombstones = Tombstones(around.state / f"{named.id}.purged.sqlite")
        self._place = place_of(KIND, options.organisation, options.project)

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._named.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        told = self._options
        deciding = {
            "connector": f"{KIND} {VERSION}",
            "id": self._named.id,
            "data_kind": self._named.data_kind,
            "url": told.url,
            "organisation": told.organisation,
            "project": told.project,
            "units": told.units,
            "look_back_days": told.look_back_days,
            "quiet_hours": told.quiet_hours,
            "physical_hours": told.physical_hours,
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=False,
            conditional="recount",
            exact_counts=True,
            hides_first=self._options.units == ISSUES,
            physical_delay=self._options.physical_hours * HOUR,
            clock="engine",
        )

    def probe(self) -> Probe:
        """Look whether Sentry answers, at its clock, and at its own retention where an administrator asks."""
        try:
            project, offset = self._api.project(self._now)
            next(iter(self._shelf.listed(project)), None)
        except ApiError as error:
            why = f"source {self.id}: it cannot be used: {error}"
            return Probe(reachable=False, reason=error.reason, explained=why)
        try:
            kept = str(self._api.retention_days())
        except ApiError:  # only an administrator of the whole installation may read it
            kept = UNREADABLE
        return Probe(reachable=True, clock_offset=offset, own_retention={"SENTRY_EVENT_RETENTION_DAYS": kept})

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there. Raises `SourceError`."""
        for found in self._listed():
            yield found if isinstance(found, Skipped) else unit_of(found, place=self._place)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Ask anew, whether `fresh` or not. Raises `SourceError`, `StateError`."""
        del fresh
        now = self._now()
        for found in self._listed():
            if isinstance(found, Skipped):
                yield found
                continue
            ages = self._asked(self._shelf.ages, found, marks)
            unit = unit_of(found, place=self._place)
            quiet = ages.highest.hi + self._options.quiet_hours * HOUR > now
            seen = self._sightings.note([unit], now=now)
            yield Measured(
                unit=unit,
                reading=reading_of(found, ages, marks),
                active="quiet" if quiet else "",
                first_seen=seen.get(unit.identity.inode),
            )

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`, `StateError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count old records of what came later or was purged. Raises `SourceError`, `StateError`."""
        late = resurrected = 0
        then = replace(marks, cutoff=purged_until)
        for measured in self.measure(then):
            if isinstance(measured, Skipped) or not measured.reading.expired.records:
                continue
            listed = self._asked(self._shelf.find, measured.unit.name.decode())
            digest = "" if listed is None else self._asked(self._shelf.ages, listed, then).digest
            if digest and self._tombstones.purged(digest) is not None:
                resurrected += measured.reading.expired.records
            elif measured.first_seen is None or measured.first_seen >= purged_at:
                late += measured.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed. Raises `StateError`."""
        self._tombstones.remember(rows, at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell what stands under a name now; None if there surely is nothing. Raises `SourceError`."""
        listed = self._asked(self._present, unit.name.decode("ascii", "backslashreplace"))
        if listed is None:
            return None
        now = self._now()
        ages = self._asked(self._shelf.ages, listed, Marks(cutoff=now, limit=now, now=now))
        return unit_of(listed, place=self._place, ages=ages).identity

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind what is wholly old to exactly its records now; one answer each, in order. Raises `SourceError`."""
        for measured in batch:
            yield self._asked(self._bound, measured, marks)

    def _bound(self, measured: Measured, marks: Marks) -> Planned | None:
        listed = self._present(measured.unit.name.decode("ascii", "backslashreplace"))
        if listed is None or listed.skipped or measured.active or measured.reading.future:
            return None
        ages, reading = self._shelf.ages(listed, marks), measured.reading
        same = (ages.gone, ages.highest.hi) == (reading.expired.records, reading.highest_hi)
        return row_of(listed, ages, marks, place=self._place) if same else None

    # -- deleting -----------------------------------------------------------------------------------------------------

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete what still is what was planned; one outcome each, in order, never raises."""
        for row in batch:
            try:
                yield self._act(row, guard)
            except ApiError as error:
                yield outcome_of(error)

    def _act(self, row: Planned, guard: Guard) -> Acted:
        """Delete one, within the guard, and wait outside of it where Sentry wants that; raises `ApiError`."""
        name = row.unit.name.decode("ascii", "backslashreplace")
        for tried in count(1):
            changed = self._changed(row, name)
            if changed is not None:
                return Acted(code=changed)
            with guard(row) as prevented:
                if prevented is not None:
                    return Acted(code=prevented)
                try:
                    return self._commit(row, name)
                except ApiError as error:
                    refused = error
            if not self._api.pause_after(refused, tried):
                raise refused
        raise AssertionError  # never reached; said for the type checker

    def _commit(self, row: Planned, name: str) -> Acted:
        """Ask for a deletion; raises `ApiError` where Sentry has not taken it."""
        done = Acted(code=Code.DELETED, bytes=row.bytes, records=row.records)
        try:
            self._shelf.delete(name)
        except ApiError as error:
            if error.reason == "missing":
                return Acted(code=Code.TARGET_ABSENT)
            if error.status in _REFUSING:
                raise
            if self._present(name) is not None:
                return Acted(code=Code.FAILED, reason="no_answer")
            return replace(done, code=Code.ABSENT, reason="no_answer")
        return done

    def _changed(self, row: Planned, name: str) -> Code | None:
        """Tell why something is not, or no longer, what was planned; None where it is. Raises `ApiError`."""
        listed = self._present(name)
        if listed is None:
            return Code.TARGET_ABSENT
        ages = self._shelf.ages(listed, Marks(cutoff=row.cutoff, limit=row.cutoff, now=row.now))
        whole = not (ages.young or listed.skipped) and ages.highest.hi < row.cutoff
        return None if whole and ages.digest == row.unit.identity.digest else Code.DRIFTED

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell whether a crash came before or after a deletion: it is there, or it is not."""
        del guard  # nothing is half done
        try:
            changed = self._changed(planned, planned.unit.name.decode("ascii", "backslashreplace"))
        except ApiError as error:
            return outcome_of(error)
        if changed is Code.TARGET_ABSENT:
            return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records)
        return None if changed is None else Acted(code=changed)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def verify(self, planned: Planned) -> Code | None:
        """Look whether Sentry still answers for it or lists it; None if neither, beside the project that must be."""
        name = planned.unit.name.decode("ascii", "backslashreplace")
        try:
            gone = self._present(name) is None
        except ApiError as error:
            return Code.UNREACHABLE if error.reason in {"other_project", "missing"} else outcome_of(error).code
        return None if gone else Code.FAILED

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether nothing of it is answered by its own id any more, which hides nothing; never raises."""
        del removed_at
        try:
            self._api.project(self._now)
            waits = any(self._shelf.stored(row) for row in rows if row.action is Action.DELETE)
        except ApiError:
            return Release.UNKNOWN
        return Release.WAITING if waits else Release.RELEASED

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether Sentry itself protects something: it has no such thing."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """List what a deletion does not reach, or not at once."""
        kinds = ("clickhouse_parts", "postgres_dead_rows", "kafka", "transactions_and_replays", "integrations")
        return tuple(Copy(kind=kind) for kind in kinds)

    # -- the way to it ------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _present(self, name: str) -> Listed | None:
        """Look at one thing; None only where the project itself is seen. Raises `ApiError`."""
        found = self._shelf.find(name)
        if found is None:
            self._api.project(self._now)
        return found

    def _listed(self) -> Iterator[Listed | Skipped]:
        """Give all that is there, beside the project that must be seen. Raises `SourceError`."""
        try:
            project, _ = self._api.project(self._now)
            for found in self._shelf.listed(project):
                if found.skipped:
                    yield Skipped(name=found.name.encode(), code=Code.UNSUPPORTED, reason=found.skipped)
                else:
                    yield found
        except ApiError as error:
            raise self._broken(error) from error

    def _asked(self, ask: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
        """Ask, and let a failure say which source it is of. Raises `SourceError`."""
        try:
            return ask(*args, **more)
        except ApiError as error:
            raise self._broken(error) from error

    def _broken(self, error: ApiError) -> SourceError:
        return SourceError(f"source {self.id}: it cannot be read: {error}")
