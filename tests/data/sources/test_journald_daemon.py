"""A real journald writes while its archives are purged: it loses nothing, and nobody who reads along notices."""

import shutil
import subprocess
from pathlib import Path

from data.clock import SystemClock
from data.retention.evidence import Marks
from data.retention.instants import HOUR, instant_of
from data.retention.residue import Code
from data.sources.activity import written_files
from data.sources.config import FilesConfig
from data.sources.interface import Measured
from data.sources.journald import INCLUDE, JournaldSource
from tests.data.sources.journald_lab import running_journald, stamps_by_journalctl, told, until
from tests.data.sources.lab import FREE
from tests.domain import need


def marks_now() -> Marks:
    """Give marks by which everything that was written up to now is old."""
    now = instant_of(SystemClock().now())
    return Marks(cutoff=now + HOUR, limit=now, now=now)


def messages(folder: Path) -> list[str]:
    """Give the messages of the tests that journalctl shows, in their order."""
    command = ["journalctl", "--directory", folder, "--output=cat", "--no-pager", "--identifier=lab"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def measured(source: JournaldSource) -> dict[str, Measured]:
    """Measure, by the last part of the name."""
    found = source.measure(marks_now(), fresh=True)
    return {one.unit.name.decode().rpartition("/")[2]: one for one in found if isinstance(one, Measured)}


def test_a_running_journald_keeps_what_it_writes(tmp_path: Path) -> None:
    """Its archive goes, its active file stays and is written to further; what it says of the header is what we read.

    A `journalctl --follow` that has the archive open neither hinders the purge nor loses sight of what comes.
    """
    need(shutil.which("journalctl"), "journalctl is the control")
    clock = SystemClock()
    state, write = tmp_path / "state", "logger --socket /run/systemd/journal/dev-log --tag lab "
    state.mkdir()
    with running_journald(tmp_path) as (files, shell):
        told(shell, f"{write} first; journalctl --sync; journalctl --rotate")
        told(shell, f"{write} second; journalctl --sync; journalctl --rotate")  # which closes the archive before it
        told(shell, f"{write} third; journalctl --sync")
        config = FilesConfig(id="lab", title="", data_kind="log", root=files, include=INCLUDE, quiet=0)
        source = JournaldSource(config, clock=clock, state=state, look=written_files)
        follow = ["journalctl", "--directory", files, "--follow", "--output=cat", "--lines=all", "--identifier=lab"]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            assert [reader.stdout.readline().strip() for _ in range(3)] == ["first", "second", "third"]
            found = measured(source)
            assert found["system.journal"].active == "open"
            assert found["system.journal"].reading.undatable == 0
            archive, held = sorted((one for name, one in found.items() if "@" in name), key=lambda one: one.unit.name)
            assert {one.reading.family for one in (archive, held)} == {"journald archived"}
            assert archive.active == "", "journald itself may have the last one open until it rotates again"
            shown = stamps_by_journalctl("--file", files / archive.unit.name.decode())
            reading = archive.reading
            assert (len(shown), min(shown), max(shown)) == (reading.records, reading.lowest_lo, reading.highest_hi)
            rows = [row for row in source.plan([archive, found["system.journal"]], marks_now()) if row is not None]
            assert [row.unit.name for row in rows] == [archive.unit.name]
            assert [done.code for done in source.delete(rows, guard=FREE)] == [Code.DELETED]
            assert source.verify(rows[0]) is None
            told(shell, f"{write} fourth; journalctl --sync")
            assert reader.stdout.readline().strip() == "fourth"
            inodes = {str(archive.unit.identity.inode)}
            descriptors = Path(f"/proc/{reader.pid}/fd")
            for _ in until():
                if inodes.isdisjoint(str(path.stat().st_ino) for path in descriptors.iterdir()):
                    break
            reader.terminate()
        assert messages(files) == ["second", "third", "fourth"]
        told(shell, "journalctl --rotate")
        left = [one for one in measured(source).values() if not one.active]
        assert held.unit.name in [one.unit.name for one in left], "rotated once more, it may go as well"
