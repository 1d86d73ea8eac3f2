"""Deletes one old file and cuts the old records out of another, as planned before; a young file stands beside them."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import DAY, Instant, instant_of, iso
from data.retention.manifest import planned_of, row_of
from data.retention.rule import DataKind, RetentionRule
from data.retention.unit import Planned
from data.sources.activity import OpenFiles
from data.sources.config import FilesConfig
from data.sources.files import FilesSource
from data.sources.interface import Measured

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
NOW: Instant = instant_of(_NOW)
MIXED, OLD, YOUNG = "mixed.log", "old.log", "young.log"


class StillClock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Tell the time."""
        return _NOW

    def monotonic(self) -> float:
        """Tell nothing."""
        return 0.0


def lines(oldest: int, youngest: int) -> bytes:
    """Write records of these ages, one a day, each with something that is found again."""
    return b"".join(
        b'{"@t":"%b","@m":"day %d","pad":"%b"}\n' % (iso(NOW - day * DAY).encode(), day, b"x" * 300)
        for day in range(oldest, youngest - 1, -1)
    )


CONTENT = {MIXED: lines(120, 40), OLD: lines(120, 100), YOUNG: lines(60, 41)}
CUTOFF_DAYS = 83


def kept_of_mixed() -> bytes:
    """Give what must be left of the mixed file: everything that is not older than the cutoff."""
    return lines(CUTOFF_DAYS, 40)


def source_of(folder: Path) -> FilesSource:
    """Give the source of the files below a folder."""
    config = FilesConfig(id="app", title="App", data_kind="log", root=folder / "logs")
    return FilesSource(config, reader=LogReader(all_families()), clock=StillClock(), look=OpenFiles)


def marks() -> Marks:
    """Give the marks of clause 2.7 with its margin."""
    return RetentionRule(data_kind=DataKind.LOG).marks(NOW)


def prepare(folder: Path) -> None:
    """Write the files as their service left them 40 days ago, and the plan of what is to happen with them."""
    logs = folder / "logs"
    logs.mkdir()
    last = (_NOW - timedelta(days=40)).timestamp()
    for name, content in CONTENT.items():
        (logs / name).write_bytes(content)
        os.utime(logs / name, (last, last))
    source = source_of(folder)
    found = [unit for unit in source.measure(marks(), fresh=True) if isinstance(unit, Measured)]
    planned = [row for row in source.plan(found, marks()) if row is not None]
    (folder / "plan").write_bytes(b"\n".join(map(row_of, planned)))


def plan_of(folder: Path) -> list[Planned]:
    """Read the plan."""
    return [planned_of(row) for row in (folder / "plan").read_bytes().split(b"\n")]


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Do what was planned, and acknowledge each outcome."""
    del task
    plan = plan_of(folder)
    for planned, acted in zip(plan, source_of(folder).delete(plan, guard=lambda _: nullcontext()), strict=True):
        ack(f"{planned.unit.name.decode()} {acted.code}")
