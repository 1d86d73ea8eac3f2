"""Deletes what a manifest names, batch by batch: intent durable, act, result durable (purge.md 6.8).

Every row is acted on at most once. After a crash the intents without a result are looked up at their places; what had
not happened is done, what had happened is counted, and nothing is guessed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

from data.audit.entry import AuditEntry, Draft
from data.errors import RefusedError, StateError
from data.purge.parts import Progress, PurgeParts
from data.retention.hold import Hold, covering
from data.retention.instants import MINUTE, Instant
from data.retention.request import PurgeRequest, State
from data.retention.residue import DONE, Code
from data.retention.unit import Planned
from data.sources.interface import Acted, Source

BATCH = 500
"""Rows between two durable entries (security.md 4.2)."""
LEASE_FOR = 5 * MINUTE


@dataclass(slots=True, kw_only=True)
class Tallies:
    """What has become of the rows so far; rows that are not in `others` were deleted."""

    codes: Counter[str] = field(default_factory=Counter)
    others: dict[int, Code] = field(default_factory=dict)
    """By row number: what became of a row that was not simply deleted."""
    left: set[bytes] = field(default_factory=set)
    """Names of the units that are still there."""
    records: int = 0
    size: int = 0
    """Bytes that are gone."""
    lo: Instant | None = None
    hi: Instant | None = None

    def count(self, number: int, planned: Planned, code: Code) -> None:
        """Add one outcome."""
        self.codes[code.value] += 1
        if code is not Code.DELETED:
            self.others[number] = code
        if code not in DONE:
            self.left.add(planned.unit.name)
            return
        self.records += planned.records
        self.size += planned.bytes
        self.lo = planned.lo if self.lo is None else min(self.lo, planned.lo)
        self.hi = planned.hi if self.hi is None else max(self.hi, planned.hi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the audit says of this request's batches, by the number of their first row."""

    results: Mapping[int, Mapping[int, Code]]
    """What became of each row, by row number; rows that are not named were deleted."""
    intended: frozenset[int]
    """Batches with an intent and no result."""
    rows: Mapping[int, int]
    """How many rows each batch has."""


class Executor:
    """Executes one request under its lease."""

    def __init__(
        self,
        parts: PurgeParts,
        request: PurgeRequest,
        *,
        stop: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self._parts = parts
        self._request = request
        self._source: Source = parts.sources[request.source]
        self._stop = stop
        self._progress = progress
        self._revision = -1
        self._holds: tuple[Hold, ...] = ()
        self.stopped = False

    @property
    def request(self) -> PurgeRequest:
        """Give the request with its present lease."""
        return self._request

    def run(self) -> Tallies:
        """Work through the manifest; raises `StateError` and then nothing more is deleted."""
        request, tallies = self._request, Tallies()
        past = past_of(self._parts.audit.entries(request.id))
        rows = self._parts.stores.manifests.load(request.id, root=request.preview.root)
        for first, batch in _batches(rows):
            self._progress("execute", first, request.preview.rows)
            if past.rows.get(first, len(batch)) != len(batch):
                message = f"the audit of {request.id} was written by another version: its batches have another size"
                raise StateError(message)
            if first in past.results:
                codes = [past.results[first].get(first + place, Code.DELETED) for place in range(len(batch))]
            else:
                codes = self._batch(first, batch, recover=first in past.intended)
            for place, (planned, code) in enumerate(zip(batch, codes, strict=True)):
                tallies.count(first + place, planned, code)
        self._progress("execute", request.preview.rows, request.preview.rows)
        return tallies

    def _batch(self, first: int, batch: Sequence[Planned], *, recover: bool) -> list[Code]:
        if self._asked_to_stop() and not recover:
            return [Code.STOPPED] * len(batch)
        self._hold_lease()
        outcomes: dict[int, Acted] = {}
        if recover:
            found = [(place, self._source.recover(planned, guard=self._guard)) for place, planned in enumerate(batch)]
            outcomes.update((place, acted) for place, acted in found if acted is not None)
        else:
            self._record("purge.intent", {"first": first, "rows": len(batch)}, already_done=False)
        places = [place for place in range(len(batch)) if place not in outcomes]
        acted = self._source.delete([batch[place] for place in places], guard=self._guard)
        outcomes.update(zip(places, acted, strict=True))
        ordered = [outcomes[place] for place in range(len(batch))]
        self._record("purge.recovered" if recover else "purge.result", result_data(first, ordered), already_done=True)
        return [acted.code for acted in ordered]

    @contextmanager
    def _guard(self, planned: Planned) -> Iterator[Code | None]:
        """Look at the stop switch and the holds, and let nothing change about them until this unit's commit is over."""
        with self._parts.commit:
            yield self._prevented(planned)

    def _prevented(self, planned: Planned) -> Code | None:
        if self.stopped or self._stop() or self._request.id in self._parts.stops:
            self.stopped = True
            return Code.STOPPED
        holds = self._parts.stores.holds
        if holds.revision != self._revision:
            self._revision = holds.revision
            self._holds = covering(holds.all(), self._parts.kin[self._request.source])
        if any(hold.covers(self._request.source, planned.lo, planned.hi) for hold in self._holds):
            return Code.HELD
        return None

    def _asked_to_stop(self) -> bool:
        stored = self._parts.stores.requests.get(self._request.id)
        if stored.lease.fence != self._request.lease.fence:
            raise RefusedError(
                "fenced", f"somebody else executes {self._request.id} now; this one deletes nothing more"
            )
        self._request = stored
        self.stopped = self.stopped or stored.state is not State.EXECUTING or self._stop()
        return self.stopped

    def _hold_lease(self) -> None:
        now = self._parts.guard.now()
        if self._request.lease.until - now < LEASE_FOR // 2:
            lease = replace(self._request.lease, until=now + LEASE_FOR)
            self._request = self._parts.stores.requests.replace(replace(self._request, lease=lease))

    def _record(self, kind: str, data: Mapping[str, object], *, already_done: bool) -> None:
        draft = Draft(kind=kind, object=self._request.id, data=data)
        self._parts.audit.append_many([draft], allow_backward=already_done)


def result_data(first: int, outcomes: Sequence[Acted]) -> dict[str, object]:
    """Write what became of a batch: counts, and the rows that were not simply deleted, by number."""
    others = [
        [first + place, acted.code.value, acted.reason]
        for place, acted in enumerate(outcomes)
        if acted.code is not Code.DELETED
    ]
    counts = Counter(acted.code.value for acted in outcomes)
    return {"first": first, "rows": len(outcomes), "counts": dict(sorted(counts.items())), "others": others}


def past_of(entries: Iterable[AuditEntry]) -> Past:
    """Read back what a request's batches have come to."""
    results: dict[int, dict[int, Code]] = {}
    intended: set[int] = set()
    rows: dict[int, int] = {}
    for entry in entries:
        if entry.kind == "purge.intent":
            intended.add(entry.data["first"])
            rows[entry.data["first"]] = entry.data["rows"]
        elif entry.kind in {"purge.result", "purge.recovered"}:
            intended.discard(entry.data["first"])
            results[entry.data["first"]] = {number: Code(code) for number, code, _ in entry.data["others"]}
    return Past(results=results, intended=frozenset(intended), rows=rows)


def left_over(parts: PurgeParts, request: PurgeRequest, *, most: int = 20) -> tuple[tuple[bytes, Code], ...]:
    """Name up to so many planned units that are still there, and why; for whoever sits at the machine."""
    past = past_of(parts.audit.entries(request.id))
    codes = {number: code for batch in past.results.values() for number, code in batch.items() if code not in DONE}
    if not codes:
        return ()
    rows = enumerate(parts.stores.manifests.load(request.id, root=request.preview.root))
    return tuple(islice(((row.unit.name, codes[number]) for number, row in rows if number in codes), most))


def _batches(rows: Iterator[Planned]) -> Iterator[tuple[int, list[Planned]]]:
    first = 0
    while batch := list(islice(rows, BATCH)):
        yield first, batch
        first += len(batch)
