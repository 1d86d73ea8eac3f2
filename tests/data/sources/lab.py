"""A folder of logs to try a source of files on: units of given ages, and everything that can happen to them."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of, whole_seconds
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.activity import LooksAtOpenFiles, OpenFiles
from data.sources.config import FilesConfig
from data.sources.files import FilesSource, selects
from data.sources.interface import Acted, Guard, Measured, Skipped
from data.sources.reading import ReadsLogs
from tests.data.sources.reader import LineReader, line_at
from tests.world import FakeClock

OLD = 100 * DAY
YOUNG = 10 * DAY


def nothing_open() -> OpenFiles:
    """See no process at all, so that a test does not depend on the machine."""
    return OpenFiles()


class FilesLab:
    """One source of files in a folder of its own, at a moment that stands still."""

    def __init__(
        self, folder: Path, *, reader: ReadsLogs | None = None, look: LooksAtOpenFiles = nothing_open, **config: object
    ) -> None:
        self.root, self.state = folder / "logs", folder / "state"
        self.root.mkdir(exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.clock = FakeClock()
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        basic = FilesConfig(id="lab", title="Lab", data_kind="log", root=self.root, forbidden=(self.state,))
        self.config = replace(basic, **config)
        self.reader = reader or LineReader()
        self.look = look
        self.source = self.fresh()

    def fresh(self) -> FilesSource:
        """Make the source anew, as after a restart."""
        return FilesSource(self.config, reader=self.reader, clock=self.clock, state=self.state, look=self.look)

    # -- units --------------------------------------------------------------------------------------------------------

    def old(self, name: str = "old.log", count: int = 3) -> Path:
        """Make a unit of which everything may go."""
        return self.write(name, [self.now - OLD + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> Path:
        """Make a unit of which nothing may go."""
        return self.write(name, [self.now - YOUNG + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> Path:
        """Make a unit that holds two old records and two young ones."""
        ages = (OLD, OLD - HOUR, YOUNG, YOUNG - HOUR)
        return self.write(name, [self.now - age for age in ages])

    def undated(self, name: str = "undated.log") -> Path:
        """Make a unit that nobody can date."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(line_at(self.now - YOUNG) + b"\x00\x01 nobody knows\n")
        return self.aged(path, self.now - OLD)  # a record is younger than that: the mtime proves nothing

    def write(self, name: str, instants: list[Instant]) -> Path:
        """Make a unit of records of these instants, last changed with the latest."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line_at(at, f"record {number}") for number, at in enumerate(instants)))
        return self.aged(path, max(instants))

    @staticmethod
    def aged(path: Path, mtime: Instant) -> Path:
        """Set a file's last change."""
        os.utime(path, ns=(mtime * 1000, mtime * 1000))
        return path

    # -- what happens to them -----------------------------------------------------------------------------------------

    def drift(self, name: str) -> None:
        """Let a unit get another record, with the mtime it had."""
        path = self.root / name
        before = path.stat()
        with path.open("ab") as file:
            file.write(line_at(self.now - YOUNG, "late"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def swap(self, name: str) -> None:
        """Put another unit of the same name, size and mtime in the place of one."""
        path = self.root / name
        before, content = path.stat(), path.read_bytes()
        other = path.with_name(f".{path.name}.swap")
        other.write_bytes(content.replace(b"record", b"Record"))
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)

    def remove(self, name: str) -> None:
        """Take a unit away."""
        (self.root / name).unlink()

    def occupy(self, name: str) -> None:
        """Let somebody write to a unit just now, without a trace in its content."""
        self.aged(self.root / name, self.now - MINUTE)

    def lose(self) -> None:
        """Make the whole place unreachable."""
        self.root.rename(self.root.with_name("elsewhere"))

    def foreign(self) -> str:
        """Put something there that is no unit; give the reason it is skipped for."""
        (self.root / "link.log").symlink_to(self.root / "young.log")
        return "symlink"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there, under its name or set aside."""
        return any(path.stat().st_ino == row.unit.identity.inode for path in self.root.rglob("*"))

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        lines = (self.root / name).read_bytes().splitlines(keepends=True)
        return b"".join(line for line in lines if not is_old(line, self.marks.cutoff))

    # -- what people do -----------------------------------------------------------------------------------------------

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {os.fsdecode(unit.unit.name): unit for unit in found if isinstance(unit, Measured)}

    def skipped(self) -> dict[str, str]:
        """Measure, and give what is no unit with its reason."""
        found = self.source.measure(self.marks)
        return {os.fsdecode(unit.name): unit.reason for unit in found if isinstance(unit, Skipped)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        chosen = [unit for unit in self.measured().values() if selects(unit, rewrite=self.config.rewrite)]
        planned = [row for row in self.source.plan(chosen, self.marks) if row is not None]
        return sorted(planned, key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        return list(self.source.delete(planned, guard=FREE))

    def purge(self) -> dict[str, Acted]:
        """Plan and delete, by name."""
        planned = self.plan()
        return {os.fsdecode(row.unit.name): done for row, done in zip(planned, self.delete(planned), strict=True)}


def asking(answer: Callable[[Planned], Code | None]) -> Guard:
    """Make a guard of a function that says yes or no."""

    @contextmanager
    def guard(planned: Planned) -> Iterator[Code | None]:
        yield answer(planned)

    return guard


FREE = asking(lambda _: None)
"""Prevents nothing."""


def is_old(line: bytes, cutoff: Instant) -> bool:
    """Tell by its text whether a line of the lab is before the cutoff: ISO stamps of one length sort as texts."""
    stamp = line.partition(b'{"@t":"')[2].partition(b'"')[0]
    return bool(stamp) and stamp < line_at(cutoff).partition(b'{"@t":"')[2].partition(b'"')[0]


def digest_of(content: bytes) -> str:
    """Hash a content as a manifest does."""
    return hashlib.sha256(content).hexdigest()
