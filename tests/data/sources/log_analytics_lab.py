"""A fake Log Analytics workspace to try a source on: units of given ages, and everything that can happen to them."""

import os
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of, whole_seconds
from data.retention.unit import Planned, place_of
from data.sources.connector import Around, Named
from data.sources.files import selects
from data.sources.interface import Acted, Measured, Skipped
from data.sources.log_analytics import WorkspaceOptions
from data.sources.log_analytics_days import Day
from data.sources.log_analytics_jobs import Jobs
from data.sources.log_analytics_source import WorkspaceSource
from tests.data.sources.lab import FREE, OLD, YOUNG
from tests.data.sources.log_analytics_fake import RESOURCE, TICK, WORKSPACE, FakeWorkspace, Operation, Row
from tests.data.sources.renamed import Renamed
from tests.data.sources.served import Served
from tests.world import FakeClock

NAMES = (
    *("old.log", "young.log", "mixed.log", "other.log", "edge.log", "late.log", "undated.log", "purged.log"),
    *("shipped.log", "old-0.log", "old-1.log", "old-2.log"),
)
CHEAP = "CheapLogs"


def table_of(name: str) -> str:
    """Give the table that stands for a name."""
    return "Shop_" + name.replace(".", "_").replace("-", "_")


class Tokens:
    """Microsoft Entra, as azure-identity would ask it: a token for each scope, or a refusal."""

    def __init__(self, fake: FakeWorkspace) -> None:
        self._fake = fake
        self.scopes: list[str] = []
        self.refuses = False

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Give a token for one scope."""
        if self.refuses:
            raise ClientAuthenticationError("AADSTS7000215: planted-secret")
        self.scopes += scopes
        return AccessToken(self._fake.tokens["localhost" in scopes[0]], 2**33)


class WorkspaceLab:
    """One source over one fake, at a moment that stands still until something is deleted."""

    def __init__(self, folder: Path, served: Served, fake: FakeWorkspace, **options: Any) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.served, self.fake, self.clock = served, fake, fake.clock
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        told = {
            "workspace_id": WORKSPACE,
            "resource_id": RESOURCE,
            "tables": (*map(table_of, NAMES), CHEAP),
            "query_url": served.url,
            "management_url": served.url.replace("127.0.0.1", "localhost"),
        }
        self.options = WorkspaceOptions(**(told | {"tried": True} | options))
        self.names: dict[bytes, bytes] = {}
        self.waited: list[float] = []
        self.controls: list[Planned] = []
        self.tokens = Tokens(fake)
        for table in self.options.tables:
            fake.tables[table]
        fake.push("Usage", [self.now + hour * HOUR for hour in range(-96, 24 * 60, 6)])
        self.source = self.fresh()

    def fresh(self) -> Renamed:
        """Make the source anew, as after a restart."""
        return Renamed(self.bare(), lambda: self.names)

    def bare(self) -> WorkspaceSource:
        """Make the source anew, under its own names."""
        named = Named(id="lab", title="Lab", data_kind="log")
        around = Around(clock=self.clock, state=self.state)
        return WorkspaceSource(named, self.options, around, self.tokens, wait=self.waited.append)

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
        """Make a unit whose time nobody believes: Azure has no row without one, only such as lie ahead."""
        self.write(name, [self.now + 8 * HOUR])

    def write(self, name: str, instants: list[Instant]) -> None:
        """Make a unit of records of these instants."""
        self.fake.push(table_of(name), instants)
        self.names[self.day(name, instants[0]).name] = name.encode()

    def day(self, name: str, instant: Instant) -> Day:
        """Give the day that an instant lies on."""
        return Day(table=table_of(name), number=instant // DAY)

    def rows(self, name: str) -> list[Row]:
        """Give what is stored of a unit."""
        return self.fake.tables[table_of(name)].rows

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a late row arrive in the middle of a unit."""
        self.fake.push(table_of(name), [self.rows(name)[0].at // TICK + MINUTE], "late")

    def swap(self, name: str) -> None:
        """Put as many rows of the same size in the place of those there are, an hour earlier."""
        for row in self.rows(name):
            row.at -= HOUR * TICK

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.rows(name).clear()

    def occupy(self, name: str) -> None:
        """Let an earlier deletion of the same day be under way."""
        day = self.day(name, self.rows(name)[0].at // TICK)
        jobs = Jobs(self.state / "lab.jobs.sqlite")
        number = jobs.intend(place_of(day.name), day.begins, day.begins + 1, at=self.now)
        made = Operation(
            id=f"purge-{name}",
            table=day.table,
            filters=[],
            asked=self.now,
            marks_only=False,
            status="pending",
            stuck=True,
        )
        self.fake.operations[made.id] = made
        jobs.asked(number, f"{RESOURCE}/operations/{made.id}")

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.served.stop()

    def foreign(self) -> str:
        """Let a table have a plan that nobody can query or purge; give the reason it is skipped for."""
        self.fake.tables[CHEAP].plan = "Basic"
        return "plan_basic"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        return self._stored(name, -1) or None

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        return self._stored(name, self.marks.cutoff * TICK)

    def _stored(self, name: str, since: int) -> bytes:
        return b"".join(row.text.encode() for row in self.rows(name) if row.at >= since and not row.hidden)

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
        """Delete with nothing in the way, and wait until Azure has done it."""
        outcomes = self.ask(planned)
        self.settle()
        return outcomes

    def ask(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way; what was asked for is not done yet."""
        return list(self.source.delete(planned, guard=FREE))

    def settle(self) -> None:
        """Wait for as long as this Azure takes."""
        self.fake.advance(self.fake.takes + MINUTE)


def fake_at(clock: FakeClock | None = None, **more: Any) -> FakeWorkspace:
    """Make a workspace of its own."""
    return FakeWorkspace(clock=clock or FakeClock(), **more)
