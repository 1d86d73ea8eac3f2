"""Somebody exchanges names while files are being deleted: what was not previewed survives (F13, FS 15).

Each race runs against the naive executor first, which must fall: else the race would prove nothing. Set
PROCALL_RACE_SECONDS for a longer run than the suite's.
"""

import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.clock import SystemClock
from data.errors import SourceError
from data.retention.residue import Code
from data.sources.activity import open_files
from data.sources.kernel import exchange
from tests.data.sources.lab import OLD, YOUNG, FilesLab
from tests.data.sources.naive import naive_purge, naive_rewrite
from tests.data.sources.reader import line_at
from tests.domain import need

SECONDS = float(os.environ.get("PROCALL_RACE_SECONDS", "2"))


@pytest.fixture
def lab(tmp_path: Path) -> FilesLab:
    """Give a folder of logs in a file system that can exchange names."""
    made = FilesLab(tmp_path)
    (tmp_path / "one").touch()
    (tmp_path / "two").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    able = exchange(folder, b"one", b"two")
    os.close(folder)
    need(able, "this file system cannot exchange names")
    return made


@contextlib.contextmanager
def swapping(folder: Path, one: str, other: str) -> Iterator[None]:
    """Exchange two names without pause in a process of its own."""
    child = os.fork()
    if child == 0:
        descriptor = os.open(folder, os.O_RDONLY)
        first, second = os.fsencode(one), os.fsencode(other)
        while os.getppid() != 1:
            with contextlib.suppress(OSError):
                exchange(descriptor, first, second)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def runs(act: Callable[[], bool], seconds: float = SECONDS, *, enough: Callable[[int], bool] = lambda _: True) -> int:
    """Act again and again for some time, or until it says that it has fallen; give how often it stood.

    On a busy machine it goes on, up to twenty times as long, until it has met enough to say something.
    """
    clock = SystemClock()
    began, count = clock.monotonic(), 0
    while clock.monotonic() < began + seconds or (not enough(count) and clock.monotonic() < began + 20 * seconds):
        if act():
            return -1
        count += 1
    return count


def test_a_folder_exchanged_with_a_link_leads_nowhere(lab: FilesLab, tmp_path: Path) -> None:
    """A folder that is a link to somebody else's folder every other moment: nothing there is ever removed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (lab.root / "link").symlink_to(outside)
    victim = outside / "app.log"

    def prepare() -> None:
        for folder in ("service", "link"):
            with contextlib.suppress(OSError):
                lab.old(f"{folder}/app.log")
        victim.write_bytes(b"somebody else's\n")
        lab.aged(victim, 0)

    def naive() -> bool:
        prepare()
        with contextlib.suppress(OSError):
            naive_purge(lab.root, lab.marks.cutoff)
        return not victim.exists()

    def ours() -> bool:
        prepare()
        planned = []
        with contextlib.suppress(SourceError):
            planned = lab.plan()
        lab.delete(planned)
        return not victim.exists()

    prepare()
    with swapping(lab.root, "service", "link"):
        assert runs(naive, 20) == -1, "the naive executor has to fall"
        assert runs(ours, enough=lambda count: count > 50) > 50


def test_a_file_exchanged_with_a_young_one_is_not_the_one_that_goes(lab: FilesLab) -> None:
    """Two names exchanged without pause, an old file and a young one: only the old inode ever goes."""
    young = lab.young("young.log").stat().st_ino
    counts = dict.fromkeys(Code, 0)

    def here() -> set[int]:
        found = set()
        for path in lab.root.iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(path.stat().st_ino)
        return found

    def naive() -> bool:
        lab.old("stale.log")
        with swapping(lab.root, "stale.log", "young.log"), contextlib.suppress(OSError):
            naive_purge(lab.root, lab.marks.cutoff)
        return young not in here()

    def ours() -> bool:
        lab.old("stale.log")
        planned = lab.plan()
        with swapping(lab.root, "stale.log", "young.log"):
            for _ in range(20):
                for done in lab.delete(planned):
                    counts[done.code] += 1
        restore()
        return young not in here()

    def restore() -> None:
        """Give the young file its own name again."""
        for path in list(lab.root.iterdir()):
            if path.stat().st_ino == young and path.name != "young.log":
                path.replace(lab.root / "young.log")

    assert runs(naive, 20) == -1, "the naive executor has to fall"
    restore_or_make(lab)
    young = (lab.root / "young.log").stat().st_ino
    assert runs(ours, enough=lambda count: count > 10 and counts[Code.DRIFTED] > 0) > 10
    assert counts[Code.DRIFTED] > 0


def test_a_service_that_writes_and_rolls_meanwhile_loses_no_young_line(tmp_path: Path) -> None:
    """A service appends, rolls by rename and begins anew, each file with an old line in it, while it is purged.

    Whatever is deleted or rewritten in between, every young line is there at the end, once; a naive rewrite loses some.
    """
    (tmp_path / "naive").mkdir()
    naive = FilesLab(tmp_path / "naive")
    while_it_writes(naive, lambda: [naive_rewrite(log, naive.marks.cutoff) for log in naive.root.glob("app.log*")])
    assert lost(naive) != [], "the naive executor has to fall"
    lab, rewritten = FilesLab(tmp_path, look=open_files), [0]

    def purge() -> None:
        with contextlib.suppress(SourceError):  # changed between measure and plan
            rewritten[0] += sum(done.code is Code.REWRITTEN for done in lab.delete(lab.plan()))

    while_it_writes(lab, purge)
    assert lost(lab) == []
    assert rewritten[0] > 0
    assert {log.name for log in lab.root.iterdir() if log.name.startswith(".")} == set()


LINES = int(1500 * SECONDS)


def while_it_writes(lab: FilesLab, act: Callable[[], object]) -> None:
    """Act again and again while a service writes numbered young lines and rolls every fifty, and once more after."""
    path = lab.root / "app.log"
    service = os.fork()
    if service == 0:
        for number in range(LINES):
            if number % 50 == 0 and path.exists():
                path.rename(lab.root / f"app.log.{number}")
            begin = [line_at(lab.now - OLD, f"old {number}")] if number % 50 == 0 else []
            with path.open("ab") as log:
                log.write(b"".join([*begin, line_at(lab.now - YOUNG, f"young {number}")]))
            with contextlib.suppress(FileNotFoundError):  # else the quiet time would protect it
                lab.aged(path, lab.now - YOUNG)
        os._exit(0)
    while os.waitpid(service, os.WNOHANG) == (0, 0):
        act()
    act()


def lost(lab: FilesLab) -> list[int]:
    """List the young lines that are not there exactly once."""
    left = b"".join(log.read_bytes() for log in lab.root.iterdir())
    counts = Counter(int(number) for number in re.findall(rb'"young (\d+)"', left))
    return [number for number in range(LINES) if counts[number] != 1]


def restore_or_make(lab: FilesLab) -> None:
    """Begin afresh with a young file."""
    for path in lab.root.iterdir():
        path.unlink()
    lab.young("young.log")
