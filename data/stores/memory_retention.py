"""The in-memory twin of the retention stores: as simple as can be, and the measure for every other engine.

It keeps only what its codecs let through, so it refuses what the others refuse.
"""

import threading
from collections.abc import Iterable, Iterator

from data.errors import StateError
from data.retention.hold import Hold
from data.retention.manifest import order_of, planned_of, row_of
from data.retention.merkle import merkle_root
from data.retention.request import OPEN, PurgeRequest
from data.retention.unit import Planned
from data.stores.common import (
    check_request_id,
    hold_codec,
    hold_order,
    mark_codec,
    person_codec,
    raised,
    request_codec,
    request_order,
    tick_codec,
)
from data.stores.interface import Mark, Person, Tick
from data.stores.memory_shelf import MemoryShelf


class MemoryRequestStore:
    """Keeps requests until the process ends."""

    def __init__(self) -> None:
        self._shelf = MemoryShelf(request_codec(), what="request")

    def add(self, request: PurgeRequest) -> PurgeRequest:
        """Keep a new request and give it back with its version; raises `ConflictError` if its id is taken."""
        check_request_id(request.id)
        return self._shelf.add(request)

    def get(self, request_id: str) -> PurgeRequest:
        """Give the present state of a request; raises `UnknownError`."""
        return self._shelf.get(request_id)

    def replace(self, request: PurgeRequest) -> PurgeRequest:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        return self._shelf.replace(request)

    def open_of(self, source: str) -> tuple[PurgeRequest, ...]:
        """List the open requests of a source, oldest first."""
        found = (request for request in self._shelf.all() if request.source == source and request.state in OPEN)
        return tuple(sorted(found, key=request_order))

    def newest(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        return tuple(sorted(self._shelf.all(), key=request_order, reverse=True)[:most])


class MemoryHoldStore:
    """Keeps holds until the process ends."""

    def __init__(self) -> None:
        self._shelf = MemoryShelf(hold_codec(), what="hold")

    def add(self, hold: Hold) -> Hold:
        """Keep a new hold and give it back with its version; raises `ConflictError` if its id is taken."""
        return self._shelf.add(hold)

    def get(self, hold_id: str) -> Hold:
        """Give a hold; raises `UnknownError`."""
        return self._shelf.get(hold_id)

    def replace(self, hold: Hold) -> Hold:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        return self._shelf.replace(hold)

    def all(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        return tuple(sorted(self._shelf.all(), key=hold_order))

    @property
    def revision(self) -> int:
        """Give a number that grows with every change of any hold: the sum of their versions."""
        return sum(hold.version for hold in self._shelf.all())


class MemoryMarkStore:
    """Keeps marks until the process ends."""

    def __init__(self) -> None:
        self._codec = mark_codec()
        self._lock = threading.Lock()
        self._marks: dict[str, Mark] = {}

    def mark_of(self, source: str) -> Mark:
        """Give a source's mark; an empty one if it never was purged."""
        return self._marks.get(source, Mark(source=source))

    def raise_mark(self, mark: Mark) -> Mark:
        """Store a mark; `purged_until` never goes back, whatever is given."""
        with self._lock:
            document = self._codec.encode(raised(self.mark_of(mark.source), mark))
            kept = self._marks[mark.source] = self._codec.decode(document)
            return kept


class MemoryPersonStore:
    """Keeps people until the process ends."""

    def __init__(self) -> None:
        self._codec = person_codec()
        self._people: dict[str, Person] = {}

    def remember(self, person: Person) -> None:
        """Keep a person; again is no change."""
        self._people.setdefault(person.pseudonym, self._codec.decode(self._codec.encode(person)))

    def find(self, pseudonym: str) -> Person | None:
        """Give the person, or None if unknown or forgotten."""
        return self._people.get(pseudonym)

    def forget(self, pseudonym: str) -> bool:
        """Forget a person; tells whether somebody was known."""
        return self._people.pop(pseudonym, None) is not None


class MemoryTickStore:
    """Keeps the last tick until the process ends."""

    def __init__(self) -> None:
        self._codec = tick_codec()
        self._tick: Tick | None = None

    def last(self) -> Tick | None:
        """Give the last tick, or None if there never was one."""
        return self._tick

    def put(self, tick: Tick) -> None:
        """Store a tick."""
        self._tick = self._codec.decode(self._codec.encode(tick))


class MemoryManifestStore:
    """Keeps manifests until the process ends."""

    def __init__(self) -> None:
        self._rows: dict[str, list[bytes]] = {}

    def save(self, request_id: str, rows: Iterable[Planned]) -> tuple[str, int]:
        """Sort and store rows; gives their Merkle root, hexadecimal, and their number."""
        check_request_id(request_id)
        kept = [row for _, row in sorted((order_of(planned), row_of(planned)) for planned in rows)]
        self._rows[request_id] = kept
        return merkle_root(kept).hex(), len(kept)

    def load(self, request_id: str, *, root: str) -> Iterator[Planned]:
        """Read the rows in order; raises `StateError` before the first if they are not exactly what was saved."""
        check_request_id(request_id)
        rows = self._rows.get(request_id)
        if rows is None or merkle_root(rows).hex() != root:
            message = f"the manifest of request {request_id} is missing or is not the one that was saved"
            raise StateError(message)
        return map(planned_of, tuple(rows))

    def discard(self, request_id: str) -> None:
        """Remove a manifest that is no longer needed; again is no change."""
        check_request_id(request_id)
        self._rows.pop(request_id, None)


class MemoryRetentionStores:
    """All of them together."""

    def __init__(self) -> None:
        self.requests = MemoryRequestStore()
        self.holds = MemoryHoldStore()
        self.marks = MemoryMarkStore()
        self.people = MemoryPersonStore()
        self.ticks = MemoryTickStore()
        self.manifests = MemoryManifestStore()

    def close(self) -> None:
        """Do nothing: what is in memory belongs to nobody else."""
