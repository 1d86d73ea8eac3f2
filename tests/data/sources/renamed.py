"""Gives units the names the conformance suite uses, where an engine's own names are of another form."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from data.retention.evidence import Marks
from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Identity, Planned, Unit
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
    Source,
    SourceSummary,
)


class Renamed:
    """A source under other names of units; everything else is the source's own."""

    def __init__(self, source: Source, names: Callable[[], Mapping[bytes, bytes]]) -> None:
        """`names` gives for each of the engine's names the one to show, as they are now."""
        self.source, self._names = source, names

    @property
    def id(self) -> str:
        """Give its id."""
        return self.source.id

    @property
    def config_digest(self) -> str:
        """Give its digest."""
        return self.source.config_digest

    def capabilities(self) -> Capabilities:
        """Give what it can do."""
        return self.source.capabilities()

    def probe(self) -> Probe:
        """Look."""
        return self.source.probe()

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List."""
        return (self._shown(one) if isinstance(one, Unit) else one for one in self.source.list_units())

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Measure."""
        for one in self.source.measure(marks, fresh=fresh):
            yield replace(one, unit=self._shown(one.unit)) if isinstance(one, Measured) else one

    def summarise(self, marks: Marks) -> SourceSummary:
        """Sum up."""
        return self.source.summarise(marks)

    def reappeared(self, marks: Marks, **asked: Any) -> Reappeared:
        """Look for what came back."""
        return self.source.reappeared(marks, **asked)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember."""
        self.source.remember_purged((self._own_row(row) for row in rows), at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Identify."""
        return self.source.identity(self._own(unit))

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Plan."""
        own = [replace(one, unit=self._own(one.unit)) for one in batch]
        for row in self.source.plan(own, marks):
            yield row if row is None else replace(row, unit=self._shown(row.unit))

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete."""
        return self.source.delete([self._own_row(row) for row in batch], guard=self._guard(guard))

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Recover."""
        return self.source.recover(self._own_row(planned), guard=self._guard(guard))

    def verify(self, planned: Planned) -> Code | None:
        """Verify."""
        return self.source.verify(self._own_row(planned))

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Ask for the storage."""
        return self.source.released((self._own_row(row) for row in rows), removed_at=removed_at)

    def holds_native(self, unit: Unit) -> bool:
        """Ask for holds."""
        return self.source.holds_native(self._own(unit))

    def copies(self) -> tuple[Copy, ...]:
        """List copies."""
        return self.source.copies()

    def _guard(self, guard: Guard) -> Guard:
        @contextmanager
        def shown(planned: Planned) -> Iterator[Code | None]:
            with guard(replace(planned, unit=self._shown(planned.unit))) as prevented:
                yield prevented

        return shown

    def _shown(self, unit: Unit) -> Unit:
        return replace(unit, name=self._names().get(unit.name, unit.name))

    def _own(self, unit: Unit) -> Unit:
        own = {shown: name for name, shown in self._names().items()}
        return replace(unit, name=own.get(unit.name, unit.name))

    def _own_row(self, row: Planned) -> Planned:
        return replace(row, unit=self._own(row.unit))
