"""A container to try a source of blobs on: units of given ages, and everything that can happen to them.

Azure sets the time of the last change itself. So the lab's clock is a day ahead: everything uploaded now is at rest.
"""

import datetime as dt
import uuid
from pathlib import Path

from azure.storage.blob import BlobServiceClient, ContainerClient

from data.clock import SystemClock
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.azure_blob import BlobSource
from data.sources.blob_options import BlobOptions
from data.sources.blob_reading import ReadsLogs
from data.sources.blob_service import API_VERSION, PAGE, Patience
from data.sources.connector import Around, Named
from data.sources.interface import Acted, Measured, Skipped
from tests.data.sources.lab import FREE, OLD, YOUNG, is_old
from tests.data.sources.reader import line_at
from tests.world import FakeClock

HASTY = Patience(attempts=3, first_pause=0.01, longest_pause=2.0, altogether=5.0)


class BlobLab:
    """One source over a container of its own, at a moment that stands still."""

    def __init__(
        self,
        folder: Path,
        connection_string: str,
        *,
        behind: str = "",
        reads: ReadsLogs | None = None,
        page: int = PAGE,
        **options: object,
    ) -> None:
        """Make the container; `behind` is the connection string the source gets where something stands in between."""
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.secret = folder / "connection"
        self.secret.write_text(behind or connection_string, encoding="utf-8")
        self.clock = FakeClock(SystemClock().now().replace(microsecond=0) + dt.timedelta(days=1))
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        self.account = BlobServiceClient.from_connection_string(connection_string, api_version=API_VERSION)
        name = f"lab-{uuid.uuid4().hex}"
        self.container: ContainerClient = self.account.create_container(name)
        self.options = BlobOptions(connection_string_file=self.secret, container=name, **options)
        self.reads, self.page = reads, page
        self.source = self.fresh()

    def fresh(self) -> BlobSource:
        """Make the source anew, as after a restart."""
        named = Named(id="lab", title="Lab", data_kind="log")
        around = Around(clock=self.clock, state=self.state)
        return BlobSource(named, self.options, around, reads=self.reads, patience=HASTY, page=self.page)

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> str:
        """Make a unit of which everything may go."""
        return self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> str:
        """Make a unit of which nothing may go."""
        return self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> str:
        """Make a unit that holds two old records and two young ones."""
        return self.write(name, [self.now - age for age in (OLD, OLD - HOUR, YOUNG, YOUNG - HOUR)])

    def undated(self, name: str = "undated.log") -> str:
        """Make a unit that nobody can date: a record is later than its last change, so that this proves nothing."""
        return self.put(name, line_at(self.now - HOUR) + b"\x00\x01 nobody knows\n")

    def write(self, name: str, instants: list[Instant]) -> str:
        """Make a unit of records of these instants."""
        return self.put(name, b"".join(line_at(at, f"record {number}") for number, at in enumerate(instants)))

    def put(self, name: str, content: bytes, *, appended: bool = False) -> str:
        """Upload a blob."""
        kind = "AppendBlob" if appended else "BlockBlob"
        self.container.upload_blob(name, content, blob_type=kind, overwrite=True)
        return name

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a unit get another record."""
        self.put(name, (self.content(name) or b"") + line_at(self.now - YOUNG, "late"))

    def swap(self, name: str) -> None:
        """Put another unit of the same name and size in the place of one."""
        self.put(name, (self.content(name) or b"").replace(b"record", b"Record"))

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.container.delete_blob(name)

    def occupy(self, name: str) -> None:
        """Let somebody lease a unit, without a trace in its content."""
        self.container.get_blob_client(name).acquire_lease(60)

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.container.delete_container()

    def foreign(self) -> str:
        """Put something there that is no unit; give the reason it is skipped for."""
        self.container.get_blob_client("disk.log").create_page_blob(512)
        return "page_blob"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        client = self.container.get_blob_client(name)
        return client.download_blob().readall() if client.exists() else None

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there."""
        return self.source.identity(row.unit) is not None

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        lines = (self.content(name) or b"").splitlines(keepends=True)
        return b"".join(line for line in lines if not is_old(line, self.marks.cutoff))

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {unit.unit.name.decode(): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> dict[str, str]:
        """Measure, and give what is no unit with its reason."""
        found = self.source.measure(self.marks)
        return {unit.name.decode(): unit.reason for unit in found if isinstance(unit, Skipped)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, in the order of a manifest."""
        chosen = [unit for unit in self.measured().values() if unit.reading.expired.records]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: (row.lo, row.unit.name))

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        return list(self.source.delete(planned, guard=FREE))

    def purge(self) -> dict[str, Acted]:
        """Plan and delete, by name."""
        planned = self.plan()
        return {row.unit.name.decode(): done for row, done in zip(planned, self.delete(planned), strict=True)}
