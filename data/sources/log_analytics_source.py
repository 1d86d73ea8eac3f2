"""Azure Log Analytics as a source: a unit is one day of one table; deletion is asked for and takes up to 30 days."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from data.errors import SourceError, StateError
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit, place_of
from data.sources.connector import Around, Named
from data.sources.http_api import ApiError
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
from data.sources.log_analytics_api import Progress, WorkspaceApi
from data.sources.log_analytics_days import (
    Day,
    asked_of,
    day_of,
    fingerprint,
    reading_of,
    row_of,
    total_of,
    unit_of,
)
from data.sources.log_analytics_jobs import Standing
from data.sources.log_analytics_looking import (
    ANALYTICS,
    Deletions,
    Looking,
    outcome_behind,
    outcome_of,
    own_retention,
    released_of,
)
from data.sources.log_analytics_told import A_HOUR, DELETE_DATA, GivesTokens, WorkspaceTold
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

KIND: Final = "log-analytics"
VERSION: Final = "1"
_REFUSING: Final = range(300, 500)
"""Statuses by which Azure says that it has done nothing."""
_BUSY: Final = frozenset({Standing.PENDING, Standing.STUCK})
_TOLD: Final = frozenset({Standing.STUCK, Standing.FAILED, Standing.FORGOTTEN})


class WorkspaceSource:
    """Some tables of one workspace; `state` is a folder of the bot's own."""

    def __init__(
        self,
        named: Named,
        options: WorkspaceTold,
        around: Around,
        credential: GivesTokens,
        *,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._named, self._options, self._clock = named, options, around.clock
        self._delay = options.physical_days * DAY
        self._api = WorkspaceApi(options, credential, wait=wait)
        self._looking = Looking(self._api, options, named.id, now=self._now)
        self._deletions = Deletions(
            self._api, around.state / f"{named.id}.jobs.sqlite", now=self._now, delay=self._delay
        )
        self._sightings = Sightings(around.state / f"{named.id}.seen.sqlite")
        self._tombstones = Tombstones(around.state / f"{named.id}.purged.sqlite")
        self._workspace = place_of(KIND, options.workspace_id.lower())

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
            "workspace_id": told.workspace_id,
            "resource_id": told.resource_id,
            "tables": told.tables,
            "control": told.control,
            "method": told.method,
            "rewrite": told.rewrite,
            "settle_hours": told.settle_hours,
            "physical_days": told.physical_days,
            "query_url": told.query_url,
            "management_url": told.management_url,
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=self._options.rewrite,
            conditional="recount",
            exact_counts=True,
            hides_first=False,
            physical_delay=self._delay,
            requested=True,
            bucket_span=DAY,
            clock="engine",
        )

    def probe(self) -> Probe:
        """Look whether Azure answers, at its clock, and at the retention of workspace and tables."""
        try:
            offset, workspace = self._api.clock_and_retention(self._now)
            kept = {table: self._api.kept(table) for table in self._options.tables}
        except ApiError as error:
            return self._unusable(error.reason, f"it cannot be used: {error}")
        if all(one.plan != ANALYTICS for one in kept.values()):
            return self._unusable("plan", "none of its tables has the plan Analytics: nothing can be purged", offset)
        longest = max((one.total_days or 0 for one in kept.values()), default=0)
        if self._options.method == DELETE_DATA and longest > self._options.physical_days:
            least = f"physical_days must be {longest} or more: what is only marked stays stored until then"
            return self._unusable("physical_days", least, offset)
        return Probe(reachable=True, clock_offset=offset, own_retention=own_retention(kept, workspace))

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List the days that hold rows. Raises `SourceError`."""
        for found in self._looking.days():
            if isinstance(found, Skipped):
                yield found
            else:
                day, held = found
                yield unit_of(day, held, workspace=self._workspace)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Count anew, whether `fresh` or not. Raises `SourceError`, `StateError`."""
        del fresh
        now = self._now()
        for found in self._looking.days():
            if isinstance(found, Skipped):
                yield found
                continue
            day, counted = found
            standing = self._standing(place_of(day.name))
            if standing in _TOLD:
                yield Skipped(name=day.name, code=Code.LOCKED, reason=standing.value)
            split = self._looking.split(day, counted, marks)
            if not split.held.rows:  # all of it has gone in the meantime
                continue
            unit = unit_of(day, split.held, workspace=self._workspace)
            settling = "settling" if day.ends + self._options.settle_hours * HOUR > now else ""
            seen = self._sightings.note([unit], now=now)
            yield Measured(
                unit=unit,
                reading=reading_of(split),
                active=standing.value if standing in _BUSY else settling,
                first_seen=seen.get(unit.identity.inode),
            )

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`, `StateError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count old rows in days that nothing is being done about. Raises `SourceError`, `StateError`."""
        late = resurrected = 0
        for measured in self.measure(replace(marks, cutoff=purged_until)):
            if isinstance(measured, Skipped) or measured.active or not measured.reading.expired.records:
                continue
            identity = self.identity(measured.unit)
            if identity is not None and self._tombstones.purged(identity.digest) is not None:
                resurrected += measured.reading.expired.records
            elif measured.first_seen is None or measured.first_seen >= purged_at:
                late += measured.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed. Raises `StateError`."""
        self._tombstones.remember(rows, at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell what a day holds now; None if it surely holds nothing. Raises `SourceError`."""
        day = day_of(unit.name, self._options.tables)
        hours = self._looking.hours(day) if day is not None else []
        if day is None or not hours:
            return None
        return unit_of(day, total_of(hours), workspace=self._workspace, hours=hours).identity

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind days to the rows each of their hours has now; one answer each, in order. Raises `SourceError`."""
        for measured in batch:
            yield self._bound(measured, marks)

    def _bound(self, measured: Measured, marks: Marks) -> Planned | None:
        day = day_of(measured.unit.name, self._options.tables)
        if day is None or measured.active or not measured.reading.expired.records or measured.reading.future:
            return None
        hours = self._looking.hours(day)
        held = total_of(hours)
        if not hours or unit_of(day, held, workspace=self._workspace).identity != measured.unit.identity:
            return None
        split = self._looking.split(day, held, marks)
        if split.held != held or not split.gone.rows or split.ahead:
            return None
        row = row_of(day, hours, marks, split, workspace=self._workspace)
        return row if row.action is Action.DELETE or self._options.rewrite else None

    # -- deleting -----------------------------------------------------------------------------------------------------

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Ask for the deletion of days that still are what was planned; one outcome each, in order, never raises.

        What is given as deleted has been asked for, and Azure has taken it; its rows go within 30 days
        (`physical_delay`).
        """
        for row in batch:
            try:
                yield self._act(row, guard)
            except ApiError as error:
                yield outcome_of(error)
            except (SourceError, StateError) as error:
                yield outcome_behind(error)

    def _act(self, row: Planned, guard: Guard) -> Acted:
        """Delete one day; raises `ApiError`, `SourceError`, `StateError`."""
        day = day_of(row.unit.name, self._options.tables)
        if day is None or (row.action is Action.REWRITE and not self._options.rewrite):
            return Acted(code=Code.UNSUPPORTED, reason="not_ours")
        prevented = self._prevented(row, day)
        return self._guarded(row, day, guard) if prevented is None else prevented

    def _prevented(self, row: Planned, day: Day) -> Acted | None:
        """Tell why a day is not, or no longer, what may be deleted; None where it is. Raises as `_act` does."""
        if not self._options.tried:
            return Acted(code=Code.UNSUPPORTED, reason="untried")
        standing = self._deletions.standing(row.unit.identity.inode)
        if standing in _BUSY:
            return Acted(code=Code.ACTIVE, reason=standing.value)
        if not self._looking.may_be_purged(day):
            return Acted(code=Code.UNSUPPORTED, reason="plan")
        hours = self._looking.hours(day)
        if fingerprint(day, hours) != row.unit.identity.digest:
            return Acted(code=Code.DRIFTED if hours else Code.TARGET_ABSENT)
        if self._deletions.jobs.count_since(self._now() - HOUR) >= A_HOUR[self._options.method]:
            return Acted(code=Code.RATE_LIMITED, reason="hourly_limit")
        return None

    def _guarded(self, row: Planned, day: Day, guard: Guard) -> Acted:
        """Ask within the guard; wait, and look where no answer came, outside of it. Raises as `_act` does."""
        for tried in count(1):
            with guard(row) as prevented:
                if prevented is not None:
                    return Acted(code=prevented)
                try:
                    return self._ask(row, day)
                except ApiError as error:
                    refused = error
            if refused.status not in _REFUSING:  # nobody knows whether it was taken, and a purge takes its time
                gone = not self._looking.hours(day)
                return Acted(code=Code.TARGET_ABSENT if gone else Code.FAILED, reason="no_answer")
            if not self._api.pause_after(refused, tried):
                raise refused
        raise AssertionError  # never reached; said for the type checker

    def _ask(self, row: Planned, day: Day) -> Acted:
        """Ask for a deletion; raises `ApiError` where Azure has not, or not surely, taken it, and `StateError`."""
        stretch, jobs = asked_of(row, day), self._deletions.jobs
        number = jobs.intend(row.unit.identity.inode, stretch.begins, stretch.ends, at=self._now())
        try:
            operation = self._api.ask_deletion(stretch)
        except ApiError as error:
            if error.status in _REFUSING:
                jobs.refused(number)
            raise
        jobs.asked(number, operation)
        return _done(row, Code.REWRITTEN if row.action is Action.REWRITE else Code.DELETED)

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell whether a crash came before or after a deletion was asked for.

        Where it came between the question and the answer, nobody knows: it is asked for again then, with the same
        bounds, which removes nothing more.
        """
        del guard  # nothing is half done
        day = day_of(planned.unit.name, self._options.tables)
        if day is None:
            return Acted(code=Code.UNSUPPORTED, reason="not_ours")
        place = planned.unit.identity.inode
        try:
            made = self._deletions.made_for(place, asked_of(planned, day), since=planned.now)
            if made is not None and made.progress in {Progress.PENDING, Progress.DONE}:
                return _done(planned, Code.REWRITTEN if planned.action is Action.REWRITE else Code.ABSENT)
            hours = self._looking.hours(day)
        except ApiError as error:
            return outcome_of(error)
        except (SourceError, StateError) as error:
            return outcome_behind(error)
        if not hours:
            return Acted(code=Code.TARGET_ABSENT)
        return None if fingerprint(day, hours) == planned.unit.identity.digest else Acted(code=Code.DRIFTED)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def verify(self, planned: Planned) -> Code | None:
        """Look through the query API, beside rows that must be seen; None if the old are gone and the young are not.

        As long as the deletion is under way and has its time, rows that are still seen prove nothing: the verdict is
        then that of the physical delay, never a PASS.
        """
        day = day_of(planned.unit.name, self._options.tables)
        if day is None:
            return Code.FAILED
        stretch, place = asked_of(planned, day), planned.unit.identity.inode
        try:
            found = self._looking.seen({"old": stretch, "rest": day.since(stretch.ends)})
            if planned.action is Action.REWRITE and found["rest"].rows < planned.kept_records:
                return Code.DRIFTED
            if not found["old"].rows:
                return None
            made = self._deletions.made_for(place, stretch, since=planned.now)
            waits = self._deletions.standing_of(made) is Standing.PENDING  # not that of a later one for the same day
        except ApiError as error:
            return outcome_of(error).code
        except (SourceError, StateError):
            return Code.UNREACHABLE
        return None if waits else Code.FAILED

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether Azure says of every deletion that it is done; never raises."""
        del removed_at  # each deletion is known by its own id
        answer = Release.RELEASED
        try:
            for row in rows:
                day = day_of(row.unit.name, self._options.tables)
                one = Release.UNKNOWN if day is None else self._released(row, day)
                if one is Release.UNKNOWN:
                    return one
                answer = one if one is Release.WAITING else answer
        except (ApiError, SourceError, StateError):
            return Release.UNKNOWN
        return answer

    def _released(self, row: Planned, day: Day) -> Release:
        stretch = asked_of(row, day)
        job = self._deletions.made_for(row.unit.identity.inode, stretch, since=row.now)
        marked = self._options.method == DELETE_DATA and job is not None and job.progress is Progress.DONE
        kept = self._api.kept(day.table) if marked else None
        return released_of(job, told=self._options, kept=kept, hi=stretch.ends, now=self._now())

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether Azure itself protects a day: it has no such thing for rows; a lock on the workspace refuses."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """List what a deletion does not reach: exports, search results, and what is kept besides the tables."""
        return (
            Copy(kind="data_export"),
            Copy(kind="search_and_restore_tables"),
            Copy(kind="long_term_retention"),
            Copy(kind="snapshot_debugger"),
        )

    # -- the way to it ------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _standing(self, place: int) -> Standing:
        try:
            return self._deletions.standing(place)
        except ApiError as error:
            raise SourceError(f"source {self.id}: how a deletion stands cannot be read: {error}") from error

    def _unusable(self, reason: str, why: str, offset: int = 0) -> Probe:
        return Probe(reachable=False, reason=reason, explained=f"source {self.id}: {why}", clock_offset=offset)


def _done(row: Planned, code: Code) -> Acted:
    return Acted(code=code, bytes=row.bytes, records=row.records, reason="requested")
