"""A source in memory, as simple as can be, that tells a witness of everything it is made to do."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.interface import Acted, Capabilities, Copy, Guard, Measured, Probe, Reappeared

RECORD_BYTES = 10


class Witness(Protocol):
    """Whoever looks on while units are deleted."""

    def interlude(self) -> None:
        """Let anything happen before the next unit's commit; may end the process."""
        ...

    def goes(self, planned: Planned, present: Identity, records: Iterable[Instant]) -> None:
        """See that records go by a row."""
        ...

    def gone(self) -> None:
        """Let anything happen after a unit's commit; may end the process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What lies under one name: an inode and when each of its records was written."""

    inode: int
    records: tuple[Instant, ...]
    born: Instant


class Heap:
    """Units by name; every change of one gives it a new identity."""

    id = "app-logs"
    config_digest = "0" * 64

    def __init__(self, witness: Witness, *, careful: bool = True) -> None:
        self._witness = witness
        self._careful = careful
        """Whether a unit is compared with what was planned before it goes."""
        self._inodes = 0
        self.units: dict[bytes, Held] = {}

    def write(self, name: bytes, records: Iterable[Instant], *, born: Instant) -> None:
        """Put a unit there, in place of what was there."""
        self._inodes += 1
        self.units[name] = Held(inode=self._inodes, records=tuple(records), born=born)

    # -- what a source is ---------------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """Tell what it can do."""
        return Capabilities(
            kind="heap", version="1", rewrites=True, conditional="identity", exact_counts=True, hides_first=False
        )

    def probe(self) -> Probe:
        """Say that it is there."""
        return Probe(reachable=True)

    def list_units(self) -> Iterator[Unit]:
        """List the units."""
        return (self._unit(name) for name in tuple(self.units))

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured]:
        """Read the units."""
        del fresh
        for name in tuple(self.units):
            born = self.units[name].born
            reading = reading_of(self.units[name].records, marks)
            yield Measured(unit=self._unit(name), reading=reading, first_seen=born, born=born)

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Remember nothing."""
        del marks, purged_until, purged_at
        return Reappeared()

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember nothing."""
        del rows, at

    def identity(self, unit: Unit) -> Identity | None:
        """Tell what stands at a unit's place."""
        return self._unit(unit.name).identity if unit.name in self.units else None

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind units to what they are."""
        for found in batch:
            old = [at for at in self.units[found.unit.name].records if at < marks.cutoff]
            kept = found.reading.records - len(old)
            yield Planned(
                unit=found.unit,
                action=Action.REWRITE if kept else Action.DELETE,
                records=len(old),
                bytes=len(old) * RECORD_BYTES,
                lo=min(old),
                hi=max(old),
                kept_bytes=kept * RECORD_BYTES,
                kept_records=kept,
                cutoff=marks.cutoff,
                now=marks.now,
            )

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Take away what still is what was planned."""
        for planned in batch:
            self._witness.interlude()
            with guard(planned) as prevented:
                acted = Acted(code=prevented) if prevented else self._act(planned)
            self._witness.gone()
            yield acted

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of a row."""
        del guard
        present = self.identity(planned.unit)
        if present is None:
            return Acted(code=Code.ABSENT, records=planned.records, bytes=planned.bytes)
        if present == planned.unit.identity:
            return None
        rewritten = planned.action is Action.REWRITE and min(self.units[planned.unit.name].records) >= planned.cutoff
        return Acted(code=Code.REWRITTEN if rewritten else Code.DRIFTED)

    def verify(self, planned: Planned) -> Code | None:
        """Look whether a row has held."""
        return Code.FAILED if self.identity(planned.unit) == planned.unit.identity else None

    def holds_native(self, unit: Unit) -> bool:
        """Protect nothing by itself."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """Know of no copies."""
        return ()

    # -- how ----------------------------------------------------------------------------------------------------------

    def _unit(self, name: bytes) -> Unit:
        held = self.units[name]
        size = len(held.records) * RECORD_BYTES
        return Unit(
            name=name, identity=Identity(device=1, inode=held.inode, size=size, mtime_ns=1, ctime_ns=held.inode)
        )

    def _act(self, planned: Planned) -> Acted:
        present = self.identity(planned.unit)
        if present is None:
            return Acted(code=Code.TARGET_ABSENT)
        if self._careful and present != planned.unit.identity:
            return Acted(code=Code.DRIFTED)
        held = self.units[planned.unit.name]
        whole = planned.action is Action.DELETE
        goes = [at for at in held.records if whole or at < planned.cutoff]
        self._witness.goes(planned, present, goes)
        if whole:
            del self.units[planned.unit.name]
            return Acted(code=Code.DELETED, records=planned.records, bytes=planned.bytes)
        self.write(planned.unit.name, [at for at in held.records if at >= planned.cutoff], born=held.born)
        return Acted(code=Code.REWRITTEN, records=planned.records, bytes=planned.bytes)


def reading_of(records: Sequence[Instant], marks: Marks) -> Reading:
    """Count records that are all exactly dated."""
    old = [at for at in records if at < marks.cutoff]
    return Reading(
        family="heap",
        confidence=1.0,
        encoding="utf-8",
        lines=len(records),
        records=len(records),
        bytes=len(records) * RECORD_BYTES,
        lowest_lo=min(records),
        highest_lo=max(records),
        lowest_hi=min(records),
        highest_hi=max(records),
        expired=Tally(records=len(old), bytes=len(old) * RECORD_BYTES),
        overdue=sum(at < marks.limit for at in records),
        oldest_kept=min((at for at in records if at >= marks.cutoff), default=None),
        youngest_expired=max(old, default=None),
        evidence={Evidence.OWN: len(records)},
    )
