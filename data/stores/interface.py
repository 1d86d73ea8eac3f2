"""What a store promises, whatever engine is behind it.

Feedback is counted on the event loop, so its store is asynchronous. The stores of the retention engine are synchronous:
they are used by the thread that purges, and by the command line. Every change of a stored request or hold is a
compare-and-set on its version: whoever read an older one gets `ConflictError` and has to look again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from data.labels import Lang
from data.retention.hold import Hold
from data.retention.instants import Instant
from data.retention.request import PurgeRequest
from data.retention.unit import Planned


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackCount:
    """How often an answer was called helpful and not helpful; who said so is not known."""

    answer: str
    """Topic, or topic and aspect with a full stop between."""
    lang: Lang
    helpful: int = 0
    not_helpful: int = 0


class FeedbackStore(Protocol):
    """Counts feedback."""

    async def add(self, answer: str, lang: Lang, *, helpful: bool) -> None:
        """Count one more; durable when it returns. Raises `StateError`."""
        ...

    async def counts(self) -> tuple[FeedbackCount, ...]:
        """List all counts, by answer and language."""
        ...


class RequestStore(Protocol):
    """Keeps every purge request for ever; none is removed."""

    def add(self, request: PurgeRequest) -> PurgeRequest:
        """Keep a new request and give it back with its version; raises `ConflictError` if its id is taken."""
        ...

    def get(self, request_id: str) -> PurgeRequest:
        """Give the present state of a request; raises `UnknownError`."""
        ...

    def replace(self, request: PurgeRequest) -> PurgeRequest:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        ...

    def open_of(self, source: str) -> tuple[PurgeRequest, ...]:
        """List the open requests of a source, oldest first."""
        ...

    def newest(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        ...


class HoldStore(Protocol):
    """Keeps every hold for ever, released ones too."""

    def add(self, hold: Hold) -> Hold:
        """Keep a new hold and give it back with its version; raises `ConflictError` if its id is taken."""
        ...

    def get(self, hold_id: str) -> Hold:
        """Give a hold; raises `UnknownError`."""
        ...

    def replace(self, hold: Hold) -> Hold:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        ...

    def all(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        ...

    @property
    def revision(self) -> int:
        """Give a number that grows with every change of any hold; cheap enough to ask before each deletion."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is remembered of a source for the restore guard and the clock guard."""

    source: str
    purged_until: Instant | None = None
    """Largest cutoff of a purge that was verified: nothing older may be there."""
    purged_at: Instant | None = None
    certificate: str = ""
    """Digest of the source's last certificate; the next one names it."""


class MarkStore(Protocol):
    """Keeps one mark for each source."""

    def mark_of(self, source: str) -> Mark:
        """Give a source's mark; an empty one if it never was purged."""
        ...

    def raise_mark(self, mark: Mark) -> Mark:
        """Store a mark; `purged_until` never goes back, whatever is given."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who stands behind a pseudonym; the only place that knows, so that a person can be forgotten."""

    pseudonym: str
    tenant_id: str
    object_id: str


class PersonStore(Protocol):
    """Keeps who stands behind the pseudonyms of requests, holds and audit."""

    def remember(self, person: Person) -> None:
        """Keep a person; again is no change."""
        ...

    def find(self, pseudonym: str) -> Person | None:
        """Give the person, or None if unknown or forgotten."""
        ...

    def forget(self, pseudonym: str) -> bool:
        """Forget a person for good; tells whether somebody was known. Audit and requests stay valid."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """When the product last looked at its clocks: by the wall, and by one that never jumps within one boot."""

    wall: Instant
    boot: str
    """Id of the machine's boot."""
    elapsed: int
    """Microseconds since the boot, sleep included."""
    blocked: str = ""
    """Why deletion is blocked until somebody acknowledges; "" if it is not."""


class TickStore(Protocol):
    """Keeps the last tick."""

    def last(self) -> Tick | None:
        """Give the last tick, or None if there never was one."""
        ...

    def put(self, tick: Tick) -> None:
        """Store a tick."""
        ...


class ManifestStore(Protocol):
    """Keeps the manifests of requests: large, written once, read in order."""

    def save(self, request_id: str, rows: Iterable[Planned]) -> tuple[str, int]:
        """Sort and store rows in bounded memory; gives their Merkle root, hexadecimal, and their number."""
        ...

    def load(self, request_id: str, *, root: str) -> Iterator[Planned]:
        """Read the rows in order; raises `StateError` before the first if they are not exactly what was saved."""
        ...

    def discard(self, request_id: str) -> None:
        """Remove a manifest that is no longer needed: it holds file names."""
        ...


class RetentionStores(Protocol):
    """The stores of the retention engine, opened together and closed together."""

    @property
    def requests(self) -> RequestStore:
        """Give the requests."""
        ...

    @property
    def holds(self) -> HoldStore:
        """Give the holds."""
        ...

    @property
    def marks(self) -> MarkStore:
        """Give the marks."""
        ...

    @property
    def people(self) -> PersonStore:
        """Give the people."""
        ...

    @property
    def ticks(self) -> TickStore:
        """Give the last tick."""
        ...

    @property
    def manifests(self) -> ManifestStore:
        """Give the manifests."""
        ...

    def close(self) -> None:
        """Let another process have them."""
        ...
