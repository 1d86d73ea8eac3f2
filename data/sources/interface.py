"""The contract of a connector (purge.md section 5): every source keeps it, one conformance suite proves it.

Sources are synchronous and are called from one worker thread; nothing here knows Teams, requests or approvals.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Final, Protocol

from data.formats.interface import Reading
from data.retention.evidence import Marks
from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Identity, Planned, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a connector can do."""

    kind: str
    """`files`, later others."""
    version: str
    """Of the connector; part of the scope digest."""
    rewrites: bool
    """Whether single records can be cut out of a unit."""
    conditional: str
    """How a deletion is bound to what was previewed, in a word: `identity`."""
    exact_counts: bool
    hides_first: bool
    physical_delay: int = 0
    """Microseconds until the engine has released the storage."""
    requested: bool = False
    """Whether a deletion is only asked for and carried out later: until then everybody still sees what was to go, and
    there is no certificate, not even a provisional one. `physical_delay` is the time it may take."""
    bucket_span: int = 0
    """Microseconds one unit may span; 0 where records go one by one or it is not known."""
    clock: str = "host"


UNREADABLE: Final = "unreadable"
"""What an engine's own retention says where its settings are there and cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a look at the engine found."""

    reachable: bool
    reason: str = ""
    """A stable word where it is not reachable: `missing`, `denied`, `not_a_folder`, `link`."""
    explained: str = ""
    """The same in a sentence that names source and place."""
    clock_offset: int = 0
    """Microseconds the engine's clock is ahead of ours."""
    own_retention: Mapping[str, str] = field(default_factory=dict)
    """The engine's own retention settings, where it has any: name to days, or to `UNREADABLE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something below the root that is no unit, and why: a link, a device, another file system."""

    name: bytes
    code: Code
    reason: str
    """A stable word: `symlink`, `hard_linked`, `not_a_file`, `other_device`, `too_deep`, `denied`, `setuid` ..."""


UNSEEN: Final = frozenset(
    {"foreign_owner", "hard_linked", "setuid_or_executable", "too_deep", "denied", "other_device", "set_aside"}
)
"""Reasons for which something was skipped that may well hold old records: nobody knows, and that is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A unit and what it holds."""

    unit: Unit
    reading: Reading
    active: str = ""
    """Why the unit must not be touched now: `open`, `quiet`, `newest`, `growing`; "" where it may be."""
    first_seen: Instant | None = None
    """When a scan saw it first, as far as the index remembers."""
    born: Instant | None = None
    """When it was made, where the engine tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """Everything `measure` would say, added up; equal to the sum over it (a property test says so)."""

    units: int = 0
    records: int = 0
    bytes: int = 0
    oldest: Instant | None = None
    """Lowest begin of an interval; None where no record has one."""
    newest: Instant | None = None
    """Highest end of an interval."""
    expired_units: int = 0
    """Units with at least one expired record."""
    expired_records: int = 0
    expired_bytes: int = 0
    overdue_units: int = 0
    overdue_records: int = 0
    active: int = 0
    """Units that must not be touched now."""
    active_overdue: int = 0
    """Of these, units with overdue records: somebody has to roll them."""
    dead: int = 0
    """Roll sets whose newest unit nobody has open or has written to for longer than twice its interval and two days,
    and which holds expired records: nobody will ever roll it."""
    future: int = 0
    undatable: int = 0
    unparsed: int = 0
    lines: int = 0
    longest_span: int = 0
    """Microseconds between the oldest and the youngest record of the unit that spans most."""
    longest_active_span: int = 0
    """The same among the units that must not be touched now."""
    evidence: Mapping[str, int] = field(default_factory=dict)
    damaged: int = 0
    """Units whose content could not be read to its end."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Things that are no unit, by reason."""
    unreadable: int = 0
    """Units that could not be read at all: nobody knows what they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reappeared:
    """Old records that should not be there after a purge, counted by where they came from."""

    late: int = 0
    """In units first seen after the purge: a shipper that came late."""
    resurrected: int = 0
    """In units this source has purged before: a restore, or a copy put back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Another place where the same data lie, outside what a purge reaches."""

    kind: str
    expires: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What became of one planned unit."""

    code: Code
    bytes: int = 0
    records: int = 0
    reason: str = ""
    """A stable word or the name of the system's error (`EACCES`)."""


@unique
class Release(StrEnum):
    """Whether an engine has released the storage of what was deleted."""

    RELEASED = "released"
    WAITING = "waiting"
    UNKNOWN = "unknown"


Guard = Callable[[Planned], AbstractContextManager[Code | None]]
"""Entered around each unit's commit and nothing longer: None lets it happen, a code prevents it.

While it is entered no hold can be placed and no stop can come in between.
"""


class Source(Protocol):
    """One place behind one connector."""

    @property
    def id(self) -> str:
        """Give the id people use: lower-case letters, digits, hyphens."""
        ...

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        ...

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        ...

    def probe(self) -> Probe:
        """Look whether the engine is there, and at its clock and its own retention settings."""
        ...

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there now, in no particular order, in bounded memory. Raises `SourceError`."""
        ...

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Read what is there, unchanged units from the scan index unless `fresh`. Raises `SourceError`."""
        ...

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` would give, as fast as the scan index allows. Raises `SourceError`."""
        ...

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count records older than the last purge's cutoff (restore guard, purge.md 6.10). Raises `SourceError`."""
        ...

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember which units a purge removed, so that the restore guard knows them again."""
        ...

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none."""
        ...

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind what would happen to units to exactly their present content, expected digest of kept bytes included.

        One answer each, in order; None for a unit that has changed since it was measured. Raises `SourceError` where
        the source itself is gone.
        """
        ...

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete or rewrite units that still are what was planned, in this order; one outcome each, never raises."""
        ...

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended action, and end it; None if it has not happened at all.

        What was begun and not committed is committed only if the guard lets it, and else undone.
        """
        ...

    def verify(self, planned: Planned) -> Code | None:
        """Look by a second path whether an action has held; None if so, else what is wrong."""
        ...

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether the engine has released the storage of what was removed at this time; never raises.

        Asked where `physical_delay` is not 0, from that date on.
        """
        ...

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether the engine itself protects the unit; never lifted, never bypassed."""
        ...

    def copies(self) -> tuple[Copy, ...]:
        """List known copies that a purge does not reach."""
        ...
