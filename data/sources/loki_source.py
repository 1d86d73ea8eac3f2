"""Grafana Loki as a source: a unit is one day of one stream selector; deletion is asked for and takes its time."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from data.errors import SourceError, StateError
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
from data.sources.loki_api import Settings
from data.sources.loki_looking import LokiTold, Looking, api_of
from data.sources.loki_requests import Asked, Remembered, Requests, Standing, bounds
from data.sources.loki_windows import (
    NANO,
    Stretch,
    Window,
    fingerprint,
    reading_of,
    row_of,
    total_of,
    unit_of,
    window_of,
)
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

KIND: Final = "loki"
VERSION: Final = "1"
_BUSY: Final = frozenset({Standing.PENDING, Standing.STUCK, Standing.FOREIGN})
_TOLD: Final = frozenset({Standing.STUCK, Standing.CANCELLED})


class LokiSource:
    """Some streams of one tenant; `state` is a folder of the bot's own."""

    def __init__(
        self, named: Named, options: LokiTold, around: Around, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._named, self._options, self._clock = named, options, around.clock
        self._api = api_of(options, wait)
        self._looking = Looking(self._api, options, named.id, now=self._now)
        self._delay = options.physical_hours * HOUR
        self._engine = place_of(KIND, options.tenant)
        self._requests = Requests(around.state / f"{named.id}.requests.sqlite")
        self._sightings = Sightings(around.state / f"{named.id}.seen.sqlite")
        self._tombstones = Tombstones(around.state / f"{named.id}.purged.sqlite")

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
            "delete_url": told.delete_url,
            "tenant": told.tenant,
            "selectors": told.selectors,
            "control": told.control,
            "rewrite": told.rewrite,
            "look_back_days": told.look_back_days,
            "settle_hours": told.settle_hours,
            "physical_hours": told.physical_hours,
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
        """Look whether Loki answers, can delete, and how far its clock is from ours."""
        try:
            offset = self._api.clock_offset(self._now)
            self._api.listed()
        except ApiError as error:
            off = error.reason == "missing" and error.status
            return self._unusable("deletion_off" if off else error.reason, f"it cannot be used: {error}")
        try:
            settings = self._api.settings()
        except ApiError:  # a gateway that lets nobody see the settings: nothing is known of them then
            return Probe(reachable=True, clock_offset=offset, own_retention={"retention_period": UNREADABLE})
        if settings.mode in {"disabled", "filter-only"} or settings.enforced is False:
            why = f"deletion_mode is {settings.mode!r}" if settings.enforced else "retention_enabled is false"
            return self._unusable("deletion_off", f"{why}: nothing would be removed from its storage", offset)
        if settings.delay is not None and settings.delay + HOUR > self._delay:
            least = -(-(settings.delay + HOUR) // HOUR)
            return self._unusable(
                "physical_hours", f"by its own settings physical_hours must be {least} or more", offset
            )
        return Probe(reachable=True, clock_offset=offset, own_retention=own_retention(settings))

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List the days that hold lines. Raises `SourceError`."""
        for found in self._looking.windows():
            if isinstance(found, Skipped):
                yield found
            else:
                window, held = found
                yield unit_of(window, held, engine=self._engine)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Count anew, whether `fresh` or not. Raises `SourceError`, `StateError`."""
        del fresh
        asked, now = self._asked(), self._now()
        for found in self._looking.windows():
            if isinstance(found, Skipped):
                yield found
                continue
            window, held = found
            unit = unit_of(window, held, engine=self._engine)
            standing = asked.standing(window, unit.identity.inode)
            if standing in _TOLD:
                yield Skipped(name=unit.name, code=Code.LOCKED, reason=standing.value)
            settling = "settling" if window.ends + self._options.settle_hours * HOUR > now else ""
            split = self._looking.split(window, held, marks)
            seen = self._sightings.note([unit], now=now)
            yield Measured(
                unit=unit,
                reading=reading_of(window, held, marks, split),
                active=standing.value if standing in _BUSY else settling,
                first_seen=seen.get(unit.identity.inode),
            )

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`, `StateError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count old lines in days that nothing is being done about. Raises `SourceError`, `StateError`."""
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
        window = window_of(unit.name, self._options.selectors)
        if window is None:
            return None
        hours = self._looking.look(window)
        return unit_of(window, total_of(hours), engine=self._engine, hours=hours).identity if hours else None

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind days to the lines each of their hours has now; one answer each, in order. Raises `SourceError`."""
        for measured in batch:
            window = window_of(measured.unit.name, self._options.selectors)
            if window is None or measured.active or not measured.reading.expired.records or measured.reading.future:
                yield None
                continue
            hours = self._looking.look(window)
            held = total_of(hours)
            if unit_of(window, held, engine=self._engine).identity != measured.unit.identity:
                yield None
                continue
            row = row_of(window, hours, marks, self._looking.split(window, held, marks), engine=self._engine)
            if not row.records:
                yield None
                continue
            yield row if row.action is Action.DELETE or self._options.rewrite else None

    # -- deleting -----------------------------------------------------------------------------------------------------

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Ask for the deletion of days that still are what was planned; one outcome each, in order, never raises.

        What is given as deleted has been asked for, and Loki lists it with exactly these bounds; its lines go when the
        cancel period and a compaction have passed (`physical_delay`).
        """
        for row in batch:
            try:
                yield self._act(row, guard)
            except ApiError as error:
                yield outcome_of(error)
            except (SourceError, StateError) as error:
                yield _outcome(error)

    def _act(self, row: Planned, guard: Guard) -> Acted:
        window = window_of(row.unit.name, self._options.selectors)
        if window is None or (row.action is Action.REWRITE and not self._options.rewrite):
            return Acted(code=Code.UNSUPPORTED, reason="not_ours")
        standing = self._asked().standing(window, row.unit.identity.inode)
        if standing in _BUSY:
            return Acted(code=Code.ACTIVE, reason=standing.value)
        hours = self._looking.look(window)
        if not hours:
            return Acted(code=Code.TARGET_ABSENT)
        if fingerprint(window, hours) != row.unit.identity.digest:
            return Acted(code=Code.DRIFTED)
        with guard(row) as prevented:
            return Acted(code=prevented) if prevented is not None else self._ask(row, window)

    def _ask(self, row: Planned, window: Window) -> Acted:
        """Ask for a deletion, and believe only what Loki lists afterwards; raises `ApiError`."""
        begins, ends = bounds(row, window)
        given, silent = "", False
        try:
            given = self._api.ask_deletion(window.selector, begins=begins, ends=ends)
        except ApiError as error:
            if error.status and error.reason != "broken":
                raise
            silent = True
        found = self._asked().made_for(row, window)
        if found is None:
            return Acted(code=Code.FAILED, reason=self._take_back(given) if given else "no_answer")
        return self._done(row, found.id, looked_up=silent)

    def _take_back(self, request: str) -> str:
        """Take back what Loki made of a request if it is not what was asked for; give how that went, in a word."""
        try:
            self._api.cancel(request)
        except ApiError:
            return "other_bounds_not_taken_back"
        return "other_bounds"

    def _done(self, row: Planned, request: str, *, looked_up: bool = False) -> Acted:
        place, now = row.unit.identity.inode, self._now()
        self._requests.remember(Remembered(id=request, place=place, ends=row.hi, asked_at=now))
        rewritten = row.action is Action.REWRITE
        code = Code.REWRITTEN if rewritten else Code.ABSENT if looked_up else Code.DELETED
        return Acted(code=code, bytes=row.bytes, records=row.records, reason="requested")

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell whether a crash came before or after a deletion was asked for: Loki's own list says it."""
        del guard  # nothing is half done: a request is listed, or it is not
        window = window_of(planned.unit.name, self._options.selectors)
        if window is None:
            return Acted(code=Code.UNSUPPORTED, reason="not_ours")
        try:
            found = self._asked().made_for(planned, window)
            if found is not None:
                return self._done(planned, found.id, looked_up=True)
            hours = self._looking.look(window)
        except ApiError as error:
            return outcome_of(error)
        except (SourceError, StateError) as error:
            return _outcome(error)
        if not hours:
            return Acted(code=Code.TARGET_ABSENT)
        same = fingerprint(window, hours) == planned.unit.identity.digest
        return None if same else Acted(code=Code.DRIFTED)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def verify(self, planned: Planned) -> Code | None:
        """Look through the queriers, at an instant nobody asked for before, beside lines that must be seen; None if so.

        As long as the request stands in Loki's list and has its time, lines that are still seen prove nothing: the
        verdict is then that of the physical delay, never a PASS.
        """
        window = window_of(planned.unit.name, self._options.selectors)
        if window is None:
            return Code.FAILED
        begins, ends = bounds(planned, window)
        old = Stretch(selector=window.selector, after=begins * NANO, until=ends * NANO)
        rest = Stretch(selector=window.selector, after=old.until, until=window.ends * NANO)
        try:
            found = self._looking.seen({"old": old, "rest": rest})
            asked = self._asked()
            if planned.action is Action.REWRITE and found["rest"].lines < planned.kept_records:
                return Code.DRIFTED
            if not found["old"].lines:
                return None
            pending = asked.standing(window, planned.unit.identity.inode) is Standing.PENDING
            return None if pending and asked.made_for(planned, window) is not None else Code.FAILED
        except ApiError as error:
            return outcome_of(error).code
        except (SourceError, StateError):
            return Code.UNREACHABLE

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether Loki has done every deletion that was asked for, and has had the time to compact since."""
        del removed_at
        try:
            asked = self._asked()
            waits = any(self._waits(row, asked) for row in rows)
        except (SourceError, StateError):
            return Release.UNKNOWN
        return Release.WAITING if waits else Release.RELEASED

    def _waits(self, row: Planned, asked: Asked) -> bool:
        window = window_of(row.unit.name, self._options.selectors)
        if window is None:
            return True
        found = asked.made_for(row, window)
        return found is not None and (not found.processed or found.created + self._delay > self._now())

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether Loki itself protects a day: it has no such thing."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """List what a deletion does not reach at once, or not at all."""
        return (
            Copy(kind="chunk_cache", expires=self._now() + self._delay),
            Copy(kind="ingester_wal"),
            Copy(kind="bucket_versions"),
        )

    # -- the way to it ------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _asked(self) -> Asked:
        """Ask how the deletions stand; raises `SourceError`."""
        try:
            listed = self._api.listed()
        except ApiError as error:
            raise SourceError(f"source {self.id}: its deletion requests cannot be read: {error}") from error
        return Asked(
            listed, selectors=self._options.selectors, memory=self._requests, now=self._now(), delay=self._delay
        )

    def _unusable(self, reason: str, why: str, offset: int = 0) -> Probe:
        return Probe(reachable=False, reason=reason, explained=f"source {self.id}: {why}", clock_offset=offset)


def own_retention(settings: Settings) -> dict[str, str]:
    """Give what Loki itself removes by age, in days, rounded up; nothing where it keeps for ever: that is no rule."""
    if settings.period is None:
        return {"retention_period": UNREADABLE}
    told = {"retention_period": _days(settings.period)} if settings.period else {}
    longest = max(settings.streams, default=0)
    return told | ({"retention_stream": _days(longest)} if longest else {})


def _days(span: int) -> str:
    return str(-(-span // DAY))


_CODES: Final = {
    "unreachable": Code.UNREACHABLE,
    "denied": Code.DENIED,
    "missing": Code.UNSUPPORTED,
    "throttled": Code.RATE_LIMITED,
}


def outcome_of(error: ApiError) -> Acted:
    """Tell what an error of Loki means for a unit."""
    return Acted(code=_CODES.get(error.reason, Code.FAILED), reason=error.reason)


def _outcome(error: SourceError | StateError) -> Acted:
    """Tell what an error of this source means for a unit, by what was behind it."""
    behind = error.__cause__
    return outcome_of(behind) if isinstance(behind, ApiError) else Acted(code=Code.FAILED, reason="no_state")
