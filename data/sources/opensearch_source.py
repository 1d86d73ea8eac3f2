"""OpenSearch and Elasticsearch as a source: a unit is one index; its age is what its documents say, nothing else."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, ParamSpec, TypeVar

from data.errors import SourceError
from data.formats.interface import Reading
from data.retention.evidence import Marks
from data.retention.instants import MINUTE, SECOND, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
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
from data.sources.opensearch_api import Ages, Index, Listed, SearchApi, State
from data.sources.opensearch_names import grammar_of, reading_pattern
from data.sources.opensearch_retention import own_retention
from data.sources.opensearch_told import SearchTold, authorization_of
from data.sources.opensearch_units import (
    digest_of,
    name_of,
    outcome_of,
    reading_of,
    tag_of,
    undated,
    unit_of,
    unread,
    uuid_of,
)
from data.sources.planning import is_wholly_old
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

KIND: Final = "opensearch"
VERSION: Final = "1"
_OLDEST: Final = {"opensearch": 1, "elasticsearch": 7}
_DATES: Final = frozenset({"date", "date_nanos"})
_HOLDING: Final = frozenset({"read_only", "read_only_allow_delete", "metadata"})
_T = TypeVar("_T")
_P = ParamSpec("_P")


class SearchSource:
    """The indices of one cluster whose names fit; `state` is a folder of the bot's own."""

    def __init__(
        self, named: Named, options: SearchTold, around: Around, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._named, self._options, self._clock = named, options, around.clock
        proof = authorization_of(
            user=options.user, password_file=options.password_file, api_key_file=options.api_key_file
        )
        ca_file = str(options.ca_file) if options.ca_file else ""
        self._api = SearchApi(options.url, authorization=proof, ca_file=ca_file, wait=wait)
        self._grammars = tuple(map(grammar_of, options.indices))
        self._expressions = tuple(sorted(set(map(reading_pattern, options.indices))))
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
            "indices": told.indices,
            "control": told.control,
            "timestamp_field": told.timestamp_field,
            "quiet_minutes": told.quiet_minutes,
            "write_block_holds": told.write_block_holds,
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=False,
            conditional="uuid",
            exact_counts=True,
            hides_first=False,
            clock="engine",
        )

    def probe(self) -> Probe:
        """Look whether the cluster answers, what it is, and how far its clock is from ours."""
        try:
            product, major = self._api.product()
            before = self._now()
            its = self._api.clock() + SECOND // 2
            offset = its - (before + self._now()) // 2
            self._api.listed(self._expressions[0])
        except ApiError as error:
            return self._unusable(error.reason, f"it cannot be used: {error}")
        offset = 0 if abs(offset) <= SECOND else offset
        if major < _OLDEST[product]:
            return self._unusable("too_old", f"{product} {major} is older than what was tried", offset)
        kept = own_retention(self._api, product, self._expressions)
        return Probe(reachable=True, clock_offset=offset, own_retention=kept)

    # -- looking ------------------------------------------------------------------------------------------------------

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List the indices whose names fit. Raises `SourceError`."""
        for found in self._indices():
            if isinstance(found, Skipped):
                yield found
            else:
                state = self._asked(self._api.state, found.name)
                yield unit_of(found, state)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Ask anew, whether `fresh` or not. Raises `SourceError`, `StateError`."""
        del fresh
        now = self._now()
        for index in self._indices():
            if isinstance(index, Skipped):
                yield index
                continue
            state = self._asked(self._api.state, index.name)
            unit = unit_of(index, state)
            reading = self._reading(index, state, marks)
            quiet = self._options.quiet_minutes * MINUTE
            busy = reading.highest_hi is not None and reading.highest_hi + quiet > now
            seen = self._sightings.note([unit], now=now)
            yield Measured(
                unit=unit,
                reading=reading,
                active="write_alias" if index.writable else "quiet" if busy else "",
                first_seen=seen.get(unit.identity.inode),
                born=index.created,
            )

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`, `StateError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count old documents in indices that came later or were purged. Raises `SourceError`, `StateError`."""
        late = resurrected = 0
        for measured in self.measure(replace(marks, cutoff=purged_until)):
            if isinstance(measured, Skipped) or not measured.reading.expired.records:
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
        """Tell what stands under a name now; None if there surely is nothing. Raises `SourceError`."""
        index = self._asked(self._present, name_of(unit))
        if index is None:
            return None
        state = self._asked(self._api.state, index.name)
        now = self._now()
        ages = self._asked(self._ages, index.name, Marks(cutoff=now, limit=now, now=now))
        return unit_of(index, state, digest_of(ages)).identity

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind indices to their uuid and to the last operation on each of their shards. Raises `SourceError`.

        Everything that was written is made visible to the search first, or a young document might not be seen.
        """
        for measured in batch:
            yield None if measured.active else self._asked(self._bound, measured, marks)

    def _bound(self, measured: Measured, marks: Marks) -> Planned | None:
        name = name_of(measured.unit)
        index = self._present(name)
        if index is None or self._untouchable(index) is not None:
            return None
        self._api.refresh(name)
        before = self._api.state(name)
        reading, ages = self._judged(name, before, marks)
        after = self._api.state(name)
        same = before.sequence == after.sequence and unit_of(index, after).identity.tag == measured.unit.identity.tag
        if not same or not is_wholly_old(reading) or reading.youngest_expired is None:
            return None
        return Planned(
            unit=unit_of(index, after, digest_of(ages)),
            action=Action.DELETE,
            records=reading.expired.records,
            bytes=after.bytes,
            lo=reading.youngest_expired if reading.lowest_lo is None else reading.lowest_lo,
            hi=reading.youngest_expired,
            cutoff=marks.cutoff,
            now=marks.now,
        )

    # -- deleting -----------------------------------------------------------------------------------------------------

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete indices that still are what was planned; one outcome each, in order, never raises."""
        for row in batch:
            try:
                yield self._act(row, guard)
            except ApiError as error:
                yield outcome_of(error)

    def _act(self, row: Planned, guard: Guard) -> Acted:
        name = name_of(row.unit)
        changed = self._changed(row, name)
        if changed is not None:
            return changed
        state = self._api.state(name)
        if row.unit.identity.tag != tag_of(uuid_of(row), state):
            return Acted(code=Code.DRIFTED)
        with guard(row) as prevented:
            if prevented is not None:
                return Acted(code=prevented)
            changed = self._changed(row, name)  # the engine deletes by name only: this is as near as one can look
            return changed if changed is not None else self._commit(row, name)

    def _commit(self, row: Planned, name: str) -> Acted:
        done = Acted(code=Code.DELETED, bytes=row.bytes, records=row.records)
        try:
            self._api.delete(name)
        except ApiError as error:
            if error.reason == "missing":
                return Acted(code=Code.TARGET_ABSENT)
            if error.status and error.reason not in {"broken", "unacknowledged"}:
                raise
            if self._present(name) is not None:
                return Acted(code=Code.FAILED, reason=error.reason if error.status else "no_answer")
            return replace(done, code=Code.ABSENT, reason=error.reason)
        return done

    def _changed(self, row: Planned, name: str) -> Acted | None:
        """Tell why an index is not, or no longer, what may be deleted; None where it is. Raises `ApiError`."""
        if not any(grammar.fullmatch(name) for grammar in self._grammars):
            return Acted(code=Code.UNSUPPORTED, reason="not_ours")
        index = self._present(name)
        if index is None:
            return Acted(code=Code.TARGET_ABSENT)
        if index.uuid != uuid_of(row):
            return Acted(code=Code.DRIFTED)
        return self._untouchable(index)

    def _untouchable(self, index: Index) -> Acted | None:
        if index.hidden or index.data_stream:
            return Acted(code=Code.UNSUPPORTED, reason="data_stream" if index.data_stream else "hidden")
        if self._holding(index):
            return Acted(code=Code.HELD_NATIVE, reason="index_block")
        return Acted(code=Code.ACTIVE, reason="write_alias") if index.writable else None

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell whether a crash came before or after a deletion: the index is there, or it is not."""
        del guard  # nothing is half done
        name = name_of(planned.unit)
        try:
            index = self._present(name)
            if index is None:
                return Acted(code=Code.ABSENT, bytes=planned.bytes, records=planned.records)
            same = tag_of(index.uuid, self._api.state(name)) == planned.unit.identity.tag
        except ApiError as error:
            return outcome_of(error)
        return None if same else Acted(code=Code.DRIFTED)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def verify(self, planned: Planned) -> Code | None:
        """Look whether the cluster resolves the name or lists the uuid; None if neither, beside a name that must be."""
        name, uuid = name_of(planned.unit), uuid_of(planned)
        try:
            resolved = self._api.resolved([name, self._options.control])
            listed = self._api.listed(f"{name}*")
        except ApiError as error:
            return outcome_of(error).code
        if self._options.control not in resolved:
            return Code.UNREACHABLE
        if any(one.uuid == uuid for one in listed.values()):
            return Code.FAILED
        return Code.FAILED if name in resolved and name not in listed else None

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell that an index that is deleted has left the cluster."""
        del rows, removed_at
        return Release.RELEASED

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether a block of the engine protects an index. Raises `SourceError`."""
        index = self._asked(self._present, name_of(unit))
        return index is not None and self._holding(index)

    def copies(self) -> tuple[Copy, ...]:
        """List what a deletion does not reach: snapshots, followers in other clusters, nodes that are away."""
        return (Copy(kind="snapshots"), Copy(kind="followers"), Copy(kind="absent_nodes"))

    # -- the way to it ------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        return instant_of(self._clock.now())

    def _holding(self, index: Index) -> bool:
        return bool(index.blocks & (_HOLDING | {"write"} if self._options.write_block_holds else _HOLDING))

    def _present(self, name: str) -> Index | None:
        """Describe one index; None only where a name that must be there is seen. Raises `ApiError`."""
        found = self._api.described(name, exact=True)
        if found:
            if set(found) != {name}:
                raise ApiError("broken")
            return found[name]
        if self._options.control not in self._api.resolved([self._options.control]):
            raise ApiError("no_control")
        return None

    def _indices(self) -> Iterator[Index | Skipped]:
        """Give the indices whose names fit, and those nobody may touch or can read. Raises `SourceError`."""
        listed, described = self._both_listings()
        if not listed and not self._asked(self._api.resolved, [self._options.control]):
            raise SourceError(f"source {self.id}: no index, and not even the control: the answer proves nothing")
        for name in sorted(listed):
            if any(grammar.fullmatch(name) for grammar in self._grammars):
                yield unread(listed[name], described[name]) or described[name]
            else:
                yield Skipped(name=name.encode(), code=Code.SKIPPED, reason="other_name")

    def _both_listings(self) -> tuple[dict[str, Listed], dict[str, Index]]:
        """List in two ways, expression by expression; raises `SourceError` where they go on differing."""
        listed: dict[str, Listed] = {}
        described: dict[str, Index] = {}
        for expression in self._expressions:  # one by one: an engine takes only so long an address
            for _ in range(2):  # once may be an index that was made or deleted in between
                these = self._asked(self._api.listed, expression)
                those = self._asked(self._api.described, expression)
                if {(one.name, one.uuid) for one in these.values()} == {(one.name, one.uuid) for one in those.values()}:
                    break
            else:
                raise SourceError(f"source {self.id}: two listings of the same indices differ")
            listed |= these
            described |= those
        return listed, described

    def _reading(self, index: Index, state: State, marks: Marks) -> Reading:
        return self._asked(self._judged, index.name, state, marks)[0]

    def _judged(self, name: str, state: State, marks: Marks) -> tuple[Reading, Ages]:
        ages = self._ages(name, marks)
        return reading_of(ages, state), ages

    def _ages(self, name: str, marks: Marks) -> Ages:
        """Ask how old an index is; where its time is mapped as something else, nobody knows. Raises `ApiError`."""
        kind = self._api.field_type(name, self._options.timestamp_field)
        ages = self._api.ages(name, self._options.timestamp_field, marks) if kind in _DATES else None
        if ages is not None:
            return ages
        total = self._api.state(name).documents
        return undated(total)

    def _asked(self, ask: Callable[_P, _T], *args: _P.args, **more: _P.kwargs) -> _T:
        """Ask, and let a failure say which source it is of. Raises `SourceError`."""
        try:
            return ask(*args, **more)
        except ApiError as error:
            raise SourceError(f"source {self.id}: it cannot be read: {error}") from error

    def _unusable(self, reason: str, why: str, offset: int = 0) -> Probe:
        return Probe(reachable=False, reason=reason, explained=f"source {self.id}: {why}", clock_offset=offset)
