"""A fake Loki to try a source on: units of given ages, and everything that can happen to them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.connector import Around, Named
from data.sources.files import selects
from data.sources.interface import Acted, Measured, Skipped
from data.sources.loki import LokiOptions
from data.sources.loki_source import LokiSource
from data.sources.loki_windows import Window
from tests.data.sources.lab import FREE, OLD, YOUNG
from tests.data.sources.loki_fake import FakeLoki, Line, Request
from tests.data.sources.renamed import Renamed
from tests.data.sources.served import Served
from tests.world import FakeClock

NAMES = (
    *("old.log", "young.log", "mixed.log", "other.log", "edge.log", "late.log", "undated.log", "purged.log"),
    *("shipped.log", "old-0.log", "old-1.log", "old-2.log"),
)
CONTROL = '{app="heartbeat"}'


def selector_of(name: str) -> str:
    """Give the selector of the stream that stands for a name."""
    return f'{{app="shop", file="{name}"}}'


class LokiLab:
    """One source over one fake, at a moment that stands still until something is deleted."""

    def __init__(self, folder: Path, served: Served, fake: FakeLoki, **options: Any) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.served, self.fake, self.clock = served, fake, fake.clock
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        told = {
            "url": served.url,
            "selectors": tuple(map(selector_of, NAMES)),
            "control": CONTROL,
            "look_back_days": 180,
        }
        self.options = LokiOptions(**(told | options))
        self.names: dict[bytes, bytes] = {}
        self.waited: list[float] = []
        self.controls: list[Planned] = []
        fake.push({"app": "heartbeat"}, [self.now + hour * HOUR for hour in range(-96, 240, 6)])
        self.source = self.fresh()

    def fresh(self) -> Renamed:
        """Make the source anew, as after a restart."""
        return Renamed(self.bare(), lambda: self.names)

    def bare(self) -> LokiSource:
        """Make the source anew, under its own names."""
        named = Named(id="lab", title="Lab", data_kind="log")
        around = Around(clock=self.clock, state=self.state)
        return LokiSource(named, self.options, around, wait=self.waited.append)

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> None:
        """Make a unit of which everything may go."""
        self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> None:
        """Make a unit of which nothing may go."""
        self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> None:
        """Make a unit that holds two old records and two young ones, on one day, around the cutoff."""
        cutoff = self.marks.cutoff
        self.write(name, [cutoff - 2 * HOUR, cutoff - HOUR, cutoff + HOUR, cutoff + 2 * HOUR])

    def undated(self, name: str = "undated.log") -> None:
        """Make a unit whose time nobody believes: Loki has no line without one, only such as lie ahead."""
        self.write(name, [self.now + 8 * HOUR])

    def write(self, name: str, instants: list[Instant]) -> None:
        """Make a unit of records of these instants."""
        self.fake.push({"app": "shop", "file": name}, instants)
        window = Window(selector=selector_of(name), day=(instants[0] - 1) // DAY)
        self.names[window.name] = name.encode()

    def lines(self, name: str) -> list[Line]:
        """Give what is stored of a unit."""
        return self.fake.streams.get(frozenset({("app", "shop"), ("file", name)}), [])

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a late line arrive in the middle of a unit."""
        first = self.lines(name)[0].at // 1000
        self.fake.push({"app": "shop", "file": name}, [first + MINUTE], "late")

    def swap(self, name: str) -> None:
        """Put as many lines of the same size in the place of those there are, an hour earlier."""
        for line in self.lines(name):
            line.at -= HOUR * 1000

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.lines(name).clear()

    def occupy(self, name: str) -> None:
        """Let somebody else ask for a deletion that reaches into the unit and is not begun."""
        at = self.lines(name)[0].at // 1_000_000
        self.fake.requests.append(
            Request(
                id="foreign", query=f'{{file="{name}"}}', begins=at - 1000, ends=at + 1000, created=self.now, stuck=True
            )
        )

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.served.stop()

    def foreign(self) -> str:
        """Put lines where nobody looks any more; give the reason they are skipped for."""
        self.fake.push({"app": "shop", "file": "old.log"}, [self.now - 190 * DAY])
        return "beyond_look_back"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        kept = self._stored(name, -1)
        return kept or None

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        return self._stored(name, self.marks.cutoff * 1000)

    def _stored(self, name: str, since: int) -> bytes:
        now = self.fake.now()
        there = [line for line in self.lines(name) if line.removed is None or line.removed > now]
        return b"".join(line.text.encode() for line in there if line.at >= since)

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there."""
        return self.content(os.fsdecode(row.unit.name)) is not None

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {os.fsdecode(unit.unit.name): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> dict[str, str]:
        """Measure, and give what is told beside the units, with its reason."""
        found = self.source.measure(self.marks)
        return {os.fsdecode(one.name): one.reason for one in found if isinstance(one, Skipped)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        chosen = [one for one in self.measured().values() if selects(one, rewrite=self.options.rewrite)]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way, and wait until Loki has done it."""
        outcomes = self.ask(planned)
        self.settle()
        return outcomes

    def ask(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way; what was asked for is not done yet."""
        return list(self.source.delete(planned, guard=FREE))

    def settle(self) -> None:
        """Wait for as long as a deletion may take."""
        self.fake.advance(self.options.physical_hours * HOUR + 5 * MINUTE)


def fake_at(clock: FakeClock | None = None, **more: Any) -> FakeLoki:
    """Make an engine of its own."""
    return FakeLoki(clock=clock or FakeClock(), **more)


Bare = Callable[[], LokiSource]
