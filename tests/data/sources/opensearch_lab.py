"""A fake cluster to try a source on: indices of given ages, and everything that can happen to them."""

import os
from pathlib import Path
from typing import Any

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.connector import Around, Named
from data.sources.files import selects
from data.sources.interface import Acted, Measured, Skipped
from data.sources.opensearch import SearchOptions
from data.sources.opensearch_source import SearchSource
from tests.data.sources.lab import FREE, OLD, YOUNG
from tests.data.sources.opensearch_fake import Doc, FakeIndex, FakeSearch
from tests.data.sources.served import Served

NAMES = ("old.log", "young.log", "mixed.log", "other.log", "edge.log", "late.log", "undated.log", "purged.log")
PATTERNS = (*NAMES, "shipped.log", "old-{number}.log", "shop-{year}.{month}.{day}")


class SearchLab:
    """One source over one fake, at a moment that stands still."""

    def __init__(self, folder: Path, served: Served, fake: FakeSearch, **options: Any) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.served, self.fake = served, fake
        self.now: Instant = instant_of(fake.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        self.options = SearchOptions(**{"url": served.url, "indices": PATTERNS, "control": ".control"} | options)
        self.waited: list[float] = []
        self.controls: list[Planned] = []
        fake.make(".control")
        self.source = self.fresh()

    def fresh(self) -> SearchSource:
        """Make the source anew, as after a restart."""
        named = Named(id="lab", title="Lab", data_kind="log")
        around = Around(clock=self.fake.clock, state=self.state)
        return SearchSource(named, self.options, around, wait=self.waited.append)

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> FakeIndex:
        """Make a unit of which everything may go."""
        return self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> FakeIndex:
        """Make a unit of which nothing may go."""
        return self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> FakeIndex:
        """Make a unit that holds two old records and two young ones."""
        ages = (OLD, OLD - HOUR, YOUNG, YOUNG - HOUR)
        return self.write(name, [self.now - age for age in ages])

    def undated(self, name: str = "undated.log") -> FakeIndex:
        """Make a unit with a document that has no time."""
        index = self.write(name, [self.now - OLD])
        self.fake.make(name, [None], "nobody knows")
        return index

    def write(self, name: str, instants: list[Instant]) -> FakeIndex:
        """Make a unit of records of these instants."""
        return self.fake.make(name, [at // 1000 for at in instants])

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a unit get another record that no search sees yet."""
        index = self.fake.indices[name]
        index.docs.append(Doc(at=(self.now - OLD) // 1000, text="late\n", seen=False))
        index.operations += 1

    def swap(self, name: str) -> None:
        """Delete an index and make one of the same name and content."""
        before = self.fake.indices.pop(name)
        self.fake.make(name, [doc.at for doc in before.docs], "Line")

    def remove(self, name: str) -> None:
        """Take a unit away."""
        del self.fake.indices[name]

    def occupy(self, name: str) -> None:
        """Let writers reach a unit through an alias."""
        self.fake.indices[name].aliases["shop-write"] = {"is_write_index": True}

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.served.stop()

    def foreign(self) -> str:
        """Make an index whose name fits in part only; give the reason it is skipped for."""
        self.fake.make("old.log-backup", [self.now // 1000])
        return "other_name"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        index = self.fake.indices.get(name)
        return None if index is None else b"".join(doc.text.encode() for doc in index.docs)

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        docs = self.fake.indices[name].docs
        return b"".join(doc.text.encode() for doc in docs if doc.at is None or doc.at * 1000 >= self.marks.cutoff)

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there."""
        return self.content(os.fsdecode(row.unit.name)) is not None

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {os.fsdecode(unit.unit.name): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> dict[str, str]:
        """Measure, and give what is no unit with its reason."""
        found = self.source.measure(self.marks)
        return {os.fsdecode(one.name): one.reason for one in found if isinstance(one, Skipped)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        chosen = [one for one in self.measured().values() if selects(one, rewrite=False)]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        return list(self.source.delete(planned, guard=FREE))
