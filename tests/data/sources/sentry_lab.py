"""A fake Sentry to try a source on: units of given ages, and everything that can happen to them."""

import os
from pathlib import Path
from typing import Any

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.connector import Around, Named
from data.sources.files import selects
from data.sources.interface import Acted, Measured, Skipped
from data.sources.sentry import SentryOptions
from data.sources.sentry_source import SentrySource
from tests.data.sources.lab import FREE, OLD, YOUNG
from tests.data.sources.renamed import Renamed
from tests.data.sources.sentry_fake import ORGANISATION, PROJECT, FakeSentry, Issue
from tests.data.sources.served import Served
from tests.world import FakeClock


class SentryLab:
    """One source over one fake, at a moment that stands still until something is deleted."""

    def __init__(self, folder: Path, served: Served, fake: FakeSentry, **options: Any) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.secret = folder / "token"
        self.secret.write_text(f"{fake.token}\n")
        self.served, self.fake, self.clock = served, fake, fake.clock
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        told = {"url": served.url, "organisation": ORGANISATION, "project": PROJECT, "token_file": self.secret}
        self.options = SentryOptions(**(told | options))
        self.issues: dict[str, Issue] = {}
        self.waited: list[float] = []
        self.controls: list[Planned] = []
        self.source = self.fresh()

    def fresh(self) -> Renamed:
        """Make the source anew, as after a restart."""
        return Renamed(self.bare(), self.names)

    def bare(self) -> SentrySource:
        """Make the source anew, under its own names."""
        named = Named(id="lab", title="Lab", data_kind="exception")
        return SentrySource(named, self.options, Around(clock=self.clock, state=self.state), wait=self.waited.append)

    def names(self) -> dict[bytes, bytes]:
        """Give for each of the engine's names the one that tests use."""
        return {f"issue/{issue.id}".encode(): name.encode() for name, issue in self.issues.items()}

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> None:
        """Make a unit of which everything may go."""
        self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> None:
        """Make a unit of which nothing may go."""
        self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> None:
        """Make a unit that holds two old records and two young ones."""
        self.write(name, [self.now - age for age in (OLD, OLD - HOUR, YOUNG, YOUNG - HOUR)])

    def undated(self, name: str = "undated.log") -> None:
        """Make a unit whose time nobody believes: Sentry has no event without one, only such as lie ahead."""
        self.write(name, [self.now + 8 * HOUR])

    def write(self, name: str, instants: list[Instant]) -> None:
        """Make a unit of records of these instants."""
        issue = self.fake.issue()
        for at in instants:
            self.fake.event(issue, at)
        self.issues[name] = issue

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a late event arrive in the middle of a unit."""
        issue = self.issues[name]
        self.fake.event(issue, issue.events[0].at + MINUTE, "late")

    def swap(self, name: str) -> None:
        """Put as many other events of the same times in the place of those there are."""
        issue = self.issues[name]
        times = [one.at for one in issue.events]
        issue.events.clear()
        for at in times:
            self.fake.event(issue, at, "other")

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.fake.issues.pop(self.issues[name].id)

    def occupy(self, name: str) -> None:
        """Let an event arrive just now."""
        self.fake.event(self.issues[name], self.now - MINUTE)

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.served.stop()

    def foreign(self) -> str:
        """Put an issue there that holds no error; give the reason it is skipped for."""
        issue = self.fake.issue()
        issue.category = "feedback"
        self.fake.event(issue, self.now - OLD)
        return "category_feedback"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now; None where there is none."""
        issue = self.fake.issues.get(self.issues[name].id) if name in self.issues else None
        return None if issue is None or issue.hidden is not None else repr(issue.events).encode()

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay: all of it, for nothing can be cut out."""
        return self.content(name) or b""

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there."""
        return self.content(os.fsdecode(row.unit.name)) is not None

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {os.fsdecode(unit.unit.name): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> list[str]:
        """Measure, and give the reasons of what is told beside the units."""
        return [one.reason for one in self.source.measure(self.marks) if isinstance(one, Skipped)]

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        chosen = [one for one in self.measured().values() if selects(one, rewrite=False)]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way, and wait until Sentry has done it."""
        outcomes = self.ask(planned)
        self.fake.advance(self.fake.takes + MINUTE)
        return outcomes

    def ask(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way; what was asked for is hidden, and not done yet."""
        return list(self.source.delete(planned, guard=FREE))


def fake_at(clock: FakeClock | None = None, **more: Any) -> FakeSentry:
    """Make an installation of its own."""
    return FakeSentry(clock=clock or FakeClock(), **more)
