"""Files that are being written, or soon will be, are never touched; a dead service's last file is (purge.md 6.4)."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.retention.instants import DAY, HOUR, MINUTE, SECOND
from data.retention.residue import Code
from data.sources.activity import LONGEST_INTERVAL, REMEMBERED, RollSets, open_files
from tests.data.sources.lab import OLD, FilesLab
from tests.data.sources.naive import naive_purge
from tests.domain import need

NOW = 1_800_000_000 * SECOND
QUIET = 15 * MINUTE


@pytest.fixture
def lab(tmp_path: Path) -> FilesLab:
    """Give an empty folder of logs, on a machine whose processes are really looked at."""
    return FilesLab(tmp_path, look=open_files)


# -- open -------------------------------------------------------------------------------------------------------------


def test_a_file_another_process_has_open_is_not_touched(lab: FilesLab) -> None:
    """Open for writing or reading: skipped as active at preview and at the act (FS 21); the naive one removes it."""
    path = lab.old()
    planned = lab.plan()
    with path.open("ab") as opened:
        holder = subprocess.Popen(["sleep", "30"], stdout=opened)
    try:
        assert lab.measured()["old.log"].active == "open"
        assert lab.plan() == []
        (done,) = lab.delete(planned)
        assert (done.code, done.reason) == (Code.ACTIVE, "open")
        naive_purge(lab.root, lab.marks.cutoff)
        assert not path.exists()
    finally:
        holder.kill()
        holder.wait()


def test_a_closed_file_is_free_again(lab: FilesLab) -> None:
    """The control: when the process has ended the same file goes."""
    path = lab.old()
    with path.open("ab") as opened:
        holder = subprocess.Popen(["sleep", "30"], stdout=opened)
    holder.kill()
    holder.wait()
    assert lab.purge()["old.log"].code is Code.DELETED


def test_a_file_opened_under_another_name_counts(lab: FilesLab) -> None:
    """What a process has open is told by device and inode: a renamed file is still found."""
    path = lab.old("app.log")
    with path.open("ab") as opened:
        holder = subprocess.Popen(["sleep", "30"], stdout=opened)
    try:
        path.rename(lab.root / "app.log.1")
        assert lab.measured()["app.log.1"].active == "open"
    finally:
        holder.kill()
        holder.wait()


def test_our_own_descriptors_do_not_count(lab: FilesLab) -> None:
    """What this very process has open, as the reader does, makes nothing active."""
    path = lab.old()
    with path.open("rb"):
        assert lab.measured()["old.log"].active == ""


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    """Where processes are hidden from us, the look says that it is not complete."""
    assert open_files(tmp_path / "none").complete is False
    hidden = tmp_path / "proc" / "1"
    (hidden / "fd").mkdir(parents=True)
    assert open_files(tmp_path / "proc").complete is True
    need(os.geteuid() == 0, "becoming somebody else needs root")
    (hidden / "fd").chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        os._exit(0 if open_files(tmp_path / "proc").complete is False else 1)
    assert os.waitpid(child, 0)[1] == 0


# -- quiet, growing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "active"), [(15 * MINUTE - SECOND, "quiet"), (15 * MINUTE, "")])
def test_the_quiet_time_is_exact(lab: FilesLab, age: int, active: str) -> None:
    """A file that changed less than the quiet time ago is active; one that changed exactly so long ago is not."""
    path = lab.old()
    lab.aged(path, lab.now - age)
    assert lab.measured()["old.log"].active == active


def test_a_change_in_the_future_is_active(lab: FilesLab) -> None:
    """A file whose mtime lies ahead of us counts as being written: nothing is known of its rest (FS 19)."""
    path = lab.old()
    lab.aged(path, lab.now + DAY)
    assert lab.measured()["old.log"].active == "quiet"


def test_a_file_that_was_touched_to_look_old_is_read(lab: FilesLab) -> None:
    """An mtime of 1970 does not make young records old (FS 19); the naive executor believes it."""
    path = lab.young()
    os.utime(path, (0, 0))
    assert lab.plan() == []
    naive_purge(lab.root, lab.marks.cutoff)
    assert not path.exists()


# -- the newest of a roll set -----------------------------------------------------------------------------------------


def test_the_newest_of_a_living_set_is_active(lab: FilesLab) -> None:
    """Of a set that rolls weekly the newest, a few days old, is kept for its writer; its elders go."""
    for number, age in enumerate((5 * DAY, 12 * DAY, 19 * DAY)):
        path = lab.old(f"app.log.{number}" if number else "app.log")
        lab.aged(path, lab.now - age)
    found = {name: unit.active for name, unit in lab.measured().items()}
    assert found == {"app.log": "newest", "app.log.1": "", "app.log.2": ""}
    assert sorted(lab.purge()) == ["app.log.1", "app.log.2"]


def test_the_newest_of_a_dead_set_goes(lab: FilesLab) -> None:
    """A daily set that has been silent for 80 days is dead: nobody will ever roll its last file, so it may go."""
    for number in range(3):
        path = lab.old(f"app.log.{number}" if number else "app.log")
        lab.aged(path, lab.now - (80 + number) * DAY)
    assert {unit.active for unit in lab.measured().values()} == {""}
    assert lab.source.summarise(lab.marks).dead == 1
    assert len(lab.purge()) == 3


def test_a_long_pause_does_not_keep_a_set_alive_for_ever() -> None:
    """A set that once paused for 50 days is dead after 62 days of silence, before anything in it is 90 days old."""
    sets = RollSets(now=NOW, quiet=QUIET, most=10)
    for age in (70 * DAY, 120 * DAY):
        sets.add(1, NOW - age)
    assert not sets.is_newest(1, NOW - 70 * DAY)
    sets = RollSets(now=NOW, quiet=QUIET, most=10)
    for age in (61 * DAY, 111 * DAY):
        sets.add(1, NOW - age)
    assert sets.is_newest(1, NOW - 61 * DAY), "the control"


def test_a_set_whose_newest_file_is_open_is_not_dead(lab: FilesLab) -> None:
    """A silent service that still has its log open is not reported as dead, only its file as active."""
    path = lab.old()
    assert lab.source.summarise(lab.marks).dead == 1
    with path.open("ab") as opened:
        holder = subprocess.Popen(["sleep", "30"], stdout=opened)
    try:
        summary = lab.source.summarise(lab.marks)
        assert (summary.dead, summary.active) == (0, 1)
    finally:
        holder.kill()
        holder.wait()


def test_sets_of_other_folders_and_services_do_not_mix(lab: FilesLab) -> None:
    """The newest is told per folder and per service: a busy neighbour does not make a dead set alive or the reverse."""
    for folder, age in (("one", 3 * DAY), ("two", 80 * DAY)):
        for number in range(2):
            lab.aged(lab.old(f"{folder}/app.log.{number}"), lab.now - age - number * 7 * DAY)
    lab.aged(lab.old("one/other.log"), lab.now - 2 * DAY)
    found = {name for name, unit in lab.measured().items() if unit.active}
    assert found == {"one/app.log.0"}


@given(
    mtimes=st.lists(st.integers(0, 200 * DAY), min_size=1, max_size=30),
    seed=st.randoms(use_true_random=False),
)
def test_only_the_newest_can_be_newest_in_any_order(mtimes: list[int], seed: object) -> None:
    """In whatever order files are listed the same ones are active, all of them newest; 62 days of silence are death."""
    shuffled = list(mtimes)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (RollSets(now=NOW, quiet=QUIET, most=10) for _ in range(2))
    for age in mtimes:
        one.add(1, NOW - age)
    for age in shuffled:
        other.add(1, NOW - age)
    newest = NOW - min(mtimes)
    for age in mtimes:
        active = one.is_newest(1, NOW - age)
        assert active == other.is_newest(1, NOW - age)
        assert not active or NOW - age == newest
    assert one.alive() == other.alive()
    assert one.alive().units == sum(one.is_newest(1, NOW - age) for age in mtimes)
    if min(mtimes) > 2 * LONGEST_INTERVAL:
        assert one.alive().units == 0


@given(interval=st.integers(HOUR, 31 * DAY), silent=st.integers(QUIET, 90 * DAY))
def test_a_set_is_alive_for_twice_its_interval(interval: int, silent: int) -> None:
    """With an even interval the newest is active exactly while the silence is below twice that interval."""
    sets = RollSets(now=NOW, quiet=QUIET, most=10)
    for number in range(REMEMBERED):
        sets.add(7, NOW - silent - number * interval)
    assert sets.is_newest(7, NOW - silent) is (silent < 2 * interval)


def test_sets_beyond_the_limit_count_as_newest() -> None:
    """Where more sets are found than can be told apart, a recent file of an unknown set is left alone."""
    sets = RollSets(now=NOW, quiet=QUIET, most=1)
    sets.add(1, NOW - DAY)
    sets.add(2, NOW - DAY)
    assert sets.is_newest(1, NOW - DAY) is False, "a single file has no interval: the quiet time decides"
    assert sets.is_newest(2, NOW - DAY) is True
    assert sets.is_newest(2, NOW - 63 * DAY) is False
    assert sets.alive().units == 1


def test_active_files_with_overdue_records_are_counted(lab: FilesLab) -> None:
    """A file in use that holds records past the limit is counted: somebody has to roll it."""
    lab.old()
    lab.occupy("old.log")
    lab.young()
    summary = lab.source.summarise(lab.marks)
    assert (summary.active, summary.active_overdue, summary.overdue_units) == (1, 1, 1)
    lab.aged(lab.root / "old.log", lab.now - OLD)
    assert lab.source.summarise(lab.marks).active_overdue == 0
