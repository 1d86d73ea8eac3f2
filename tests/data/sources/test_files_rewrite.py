"""Cutting old records out of a file: atomic, verbatim, and everything else about the file stays as it was."""

import contextlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SourceError
from data.formats.interface import FileFacts, Kept
from data.retention.evidence import Marks
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.activity import OpenFiles, open_files
from data.sources.exactly import aside_name, part_name
from data.sources.kernel import exchange
from tests.data.sources.faults import NOBODY, as_nobody, fill
from tests.data.sources.lab import FREE, OLD, YOUNG, FilesLab, asking, is_old
from tests.data.sources.reader import LineReader, line_at
from tests.domain import need


@pytest.fixture
def lab(tmp_path: Path) -> FilesLab:
    """Give a folder with one file that holds old and young records."""
    made = FilesLab(tmp_path)
    made.mixed()
    return made


def names(lab: FilesLab) -> set[str]:
    """List everything in the root, leftovers too."""
    return {path.name for path in lab.root.iterdir()}


# -- what stays as it was ---------------------------------------------------------------------------------------------


def test_owner_mode_and_times_are_kept(lab: FilesLab) -> None:
    """After a rewrite the file has another inode and the same owner, group, mode, mtime and atime."""
    path = lab.root / "mixed.log"
    if os.geteuid() == 0:
        os.chown(path, 0, NOBODY)
    path.chmod(0o640)
    before, expected = path.stat(), lab.expected("mixed.log")
    os.utime(path, ns=(before.st_mtime_ns - 5_000_000_123, before.st_mtime_ns))
    before = path.stat()
    assert lab.purge()["mixed.log"].code is Code.REWRITTEN
    after = path.stat()
    assert path.read_bytes() == expected
    assert after.st_ino != before.st_ino
    same = ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_atime_ns")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert names(lab) == {"mixed.log"}


def test_attributes_are_kept(lab: FilesLab) -> None:
    """Extended attributes of the file go over to the new one."""
    path = lab.root / "mixed.log"
    try:
        os.setxattr(path, "user.origin", b"app-17")
    except OSError:
        need(None, "this file system has no extended attributes")
    lab.purge()
    assert os.getxattr(path, "user.origin") == b"app-17"


def test_access_lists_are_kept(lab: FilesLab) -> None:
    """An access control list is part of who may read: it goes over to the new file."""
    path = lab.root / "mixed.log"
    done = subprocess.run(["setfacl", "-m", f"u:{NOBODY}:r", str(path)], check=False, capture_output=True)
    need(done.returncode == 0, "no access control lists here")
    before = os.getxattr(path, "system.posix_acl_access")
    lab.purge()
    assert os.getxattr(path, "system.posix_acl_access") == before


def test_an_owner_that_cannot_be_kept_keeps_the_file(lab: FilesLab) -> None:
    """A process that may not give files away fails, and neither the file nor the folder is changed."""
    need(os.geteuid() == 0, "becoming somebody else needs root")
    lab.root.chmod(0o777)
    lab.config = replace(lab.config, owners=(0,))
    planned, before = lab.plan(), lab.content("mixed.log")

    def act() -> dict[str, str]:
        (done,) = lab.delete(planned)
        return {"done": f"{done.code} {done.reason}"}

    assert as_nobody(act, lab) == {"done": "failed owner"}
    assert lab.content("mixed.log") == before
    assert names(lab) == {"mixed.log"}


def test_the_new_file_is_not_readable_by_others_before_its_time(lab: FilesLab) -> None:
    """While it is written the new file is 0600: nobody reads through it what the old one would not show."""
    modes: list[int] = []

    class Looking(LineReader):
        def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
            modes.append(os.fstat(target_fd).st_mode & 0o7777)
            return super().rewrite(fd, target_fd, facts, marks)

    lab.reader = Looking()
    lab.source = lab.fresh()
    lab.purge()
    assert modes == [0o600]


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_the_original(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """Without room for what is kept the rewrite fails with ENOSPC, the original stays, the leftover goes."""
    mounted(tmp_path / "logs", "size=64k")
    lab = FilesLab(tmp_path)
    lab.write("big.log", [lab.now - OLD] + [lab.now - YOUNG] * 500)
    planned, before = lab.plan(), lab.content("big.log")
    fill(lab.root)
    (done,) = lab.delete(planned)
    assert (done.code, done.reason) == (Code.FAILED, "ENOSPC")
    assert lab.content("big.log") == before
    assert names(lab) == {"big.log", "filler"}
    (lab.root / "filler").unlink()
    (done,) = lab.delete(planned)
    assert done.code is Code.REWRITTEN, "the control: with room it works"


def test_what_is_not_what_was_promised_is_not_put_in_place(lab: FilesLab) -> None:
    """If the rewrite comes to other bytes than the plan promised, it fails and the original stays."""
    planned, before = lab.plan(), lab.content("mixed.log")
    forged = [replace(row, kept_digest="0" * 64) for row in planned]
    (done,) = lab.delete(forged)
    assert (done.code, done.reason) == (Code.FAILED, "kept_differs")
    assert lab.content("mixed.log") == before
    assert names(lab) == {"mixed.log"}
    assert [done.code for done in lab.delete(planned)] == [Code.REWRITTEN]


class Ranging(LineReader):
    """Tells which bytes stay, and cannot write them itself."""

    def kept(self, fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Tell what stays, as ranges."""
        at, ranges = 0, []
        for line in os.pread(fd, facts.size, 0).splitlines(keepends=True):
            if not is_old(line, marks.cutoff):
                ranges.append((at, at + len(line)))
            at += len(line)
        return replace(super().kept(fd, facts, marks), ranges=tuple(ranges))

    def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Be asked for nothing."""
        raise ValueError((fd, target_fd, facts, marks))


def test_planned_ranges_are_copied_without_judging_again(lab: FilesLab) -> None:
    """Where the plan names the bytes that stay, they are copied as they are, and no reader is asked again."""
    lab.reader = Ranging()
    lab.source = lab.fresh()
    expected = lab.expected("mixed.log")
    assert lab.purge()["mixed.log"].code is Code.REWRITTEN
    assert (lab.content("mixed.log"), names(lab)) == (expected, {"mixed.log"})


@pytest.mark.parametrize("shift", [-1, 10**6])
def test_ranges_that_give_other_bytes_are_not_put_in_place(lab: FilesLab, shift: int) -> None:
    """Ranges that do not come to what was promised, or reach beyond the file, fail, and the original stays."""
    lab.reader = Ranging()
    lab.source = lab.fresh()
    planned, before = lab.plan(), lab.content("mixed.log")
    forged = [replace(row, ranges=tuple((start + shift, end + shift) for start, end in row.ranges)) for row in planned]
    (done,) = lab.delete(forged)
    assert (done.code, done.reason) == (Code.FAILED, "kept_differs" if shift < 0 else "ESTALE")
    assert (lab.content("mixed.log"), names(lab)) == (before, {"mixed.log"})
    assert [done.code for done in lab.delete(planned)] == [Code.REWRITTEN]


def test_a_line_written_in_the_very_last_moment_is_kept(lab: FilesLab) -> None:
    """A writer that adds a line when everything has been checked finds it in the file afterwards."""
    planned = lab.plan()

    def guard(_: Planned) -> Code | None:
        lab.drift("mixed.log")
        return None

    assert [done.code for done in lab.source.delete(planned, guard=asking(guard))] == [Code.DRIFTED]
    assert b"late" in (lab.content("mixed.log") or b"")
    assert names(lab) == {"mixed.log"}


def test_a_file_that_is_opened_meanwhile_is_given_back(tmp_path: Path) -> None:
    """A writer that opened the old file before the exchange keeps it, with its name: nothing it writes is lost."""
    opened: list[OpenFiles] = [OpenFiles()]
    lab = FilesLab(tmp_path, look=lambda: opened[-1])
    path = lab.mixed()
    planned, before = lab.plan(), lab.content("mixed.log")
    place = (path.stat().st_dev, path.stat().st_ino)

    def guard(_: Planned) -> Code | None:
        opened.append(OpenFiles(places=frozenset({place})))
        return None

    (done,) = lab.source.delete(planned, guard=asking(guard))
    assert (done.code, done.reason) == (Code.ACTIVE, "open")
    assert (path.stat().st_ino, lab.content("mixed.log")) == (place[1], before)
    assert names(lab) == {"mixed.log"}


def test_a_line_that_got_into_the_new_file_before_it_was_taken_back_is_kept(tmp_path: Path) -> None:
    """A line written to the new file while the old one is given back stays beside it: no young line is ever removed."""
    looks: list[int] = []

    def look() -> OpenFiles:
        looks.append(1)
        if len(looks) < 3:  # the first is the measure's, the second the batch's, the third the one after the exchange
            return OpenFiles()
        with (lab.root / "mixed.log").open("ab") as new:
            new.write(line_at(lab.now - YOUNG, "caught"))
        return OpenFiles(places=frozenset({place}))

    lab = FilesLab(tmp_path, look=look)
    found = lab.mixed().stat()
    place = (found.st_dev, found.st_ino)
    (planned,) = lab.plan()
    (done,) = lab.delete([planned])
    assert (done.code, done.reason) == (Code.ACTIVE, "open")
    assert b"caught" in (lab.root / os.fsdecode(aside_name(planned))).read_bytes()


def test_a_real_writer_that_has_the_file_open_is_seen(tmp_path: Path) -> None:
    """With a real process that holds the file open the unit is active, and free again when it has closed it."""
    lab = FilesLab(tmp_path, look=open_files)
    path = lab.mixed()
    with path.open("rb") as opened:
        holder = subprocess.Popen(["sleep", "30"], stdin=opened)
    try:
        assert lab.measured()["mixed.log"].active == "open"
    finally:
        holder.kill()
        holder.wait()
    assert lab.measured()["mixed.log"].active == ""
    assert lab.purge()["mixed.log"].code is Code.REWRITTEN


def test_a_hold_in_the_last_moment_leaves_nothing_behind(lab: FilesLab) -> None:
    """The guard is asked when the new file is complete; its refusal leaves the folder as it was."""
    before = lab.content("mixed.log")
    asked: list[set[str]] = []

    def guard(_: Planned) -> Code | None:
        asked.append(names(lab))
        return Code.HELD

    (done,) = lab.source.delete(lab.plan(), guard=asking(guard))
    assert done.code is Code.HELD
    assert len(asked[0]) == 2, "the complete new file waits beside the old one"
    assert (lab.content("mixed.log"), names(lab)) == (before, {"mixed.log"})


def test_a_writer_that_appends_all_the_time_loses_nothing(tmp_path: Path) -> None:
    """A writer opens, appends and closes without pause while the file is rewritten again and again; no line is lost."""
    lab = FilesLab(tmp_path, look=open_files)
    path = lab.write("busy.log", [lab.now - OLD])

    writer = os.fork()
    if writer == 0:  # a process of its own: what this one has open is not looked at
        for number in range(1000):
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.write(descriptor, line_at(lab.now - YOUNG, f"young {number}"))
            os.close(descriptor)
            with contextlib.suppress(FileNotFoundError):  # so that the quiet time does not protect it
                lab.aged(path, lab.now - YOUNG)
        os._exit(0)
    while os.waitpid(writer, os.WNOHANG) == (0, 0):
        with contextlib.suppress(SourceError):  # changed between measure and plan
            lab.delete(lab.plan())
    found = path.read_bytes()
    assert [number for number in range(1000) if b'"young %d"' % number not in found] == []


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_crash_while_writing_is_cleared(lab: FilesLab) -> None:
    """A half-written new file is removed by recovery, and nothing has happened to the unit."""
    (planned,) = lab.plan()
    (lab.root / os.fsdecode(part_name(planned))).write_bytes(b"half")
    before = lab.content("mixed.log")
    assert lab.fresh().recover(planned, guard=FREE) is None
    assert (lab.content("mixed.log"), names(lab)) == (before, {"mixed.log"})
    assert [done.code for done in lab.delete([planned])] == [Code.REWRITTEN]


def test_a_crash_before_the_exchange_is_cleared(lab: FilesLab) -> None:
    """A complete new file that never got its place is removed by recovery, and the unit can still be rewritten."""
    (planned,) = lab.plan()
    (lab.root / os.fsdecode(aside_name(planned))).write_bytes(lab.expected("mixed.log"))
    assert lab.fresh().recover(planned, guard=FREE) is None
    assert names(lab) == {"mixed.log"}


def test_a_crash_after_the_exchange_is_finished(lab: FilesLab) -> None:
    """Where the new file has its place and the old one still stands aside, recovery removes the old one."""
    (planned,) = lab.plan()
    expected = lab.expected("mixed.log")
    exchanged(lab, planned, expected)
    assert lab.source.verify(planned) is Code.FAILED, "the old records are still there"
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert (found.code, found.records) == (Code.REWRITTEN, 2)
    assert (lab.content("mixed.log"), names(lab)) == (expected, {"mixed.log"})
    assert lab.source.verify(planned) is None


@pytest.mark.parametrize("used", [True, False])
def test_a_no_after_the_exchange_gives_the_old_file_back(tmp_path: Path, used: bool) -> None:
    """Held, or opened before the exchange, the file that a crash left aside has its name again and is complete."""
    opened = [OpenFiles()]
    lab = FilesLab(tmp_path, look=lambda: opened[-1])
    before = lab.mixed().read_bytes()
    (planned,) = lab.plan()
    exchanged(lab, planned, lab.expected("mixed.log"))
    if used:
        opened.append(OpenFiles(places=frozenset({(planned.unit.identity.device, planned.unit.identity.inode)})))
    found = lab.fresh().recover(planned, guard=FREE if used else asking(lambda _: Code.HELD))
    assert found is not None
    assert found.code is (Code.ACTIVE if used else Code.HELD)
    assert (lab.content("mixed.log"), names(lab)) == (before, {"mixed.log"})


def test_a_crash_after_the_exchange_and_more_lines_is_finished(lab: FilesLab) -> None:
    """The same, when the service has written on since: its lines stay and the old records go."""
    (planned,) = lab.plan()
    expected = lab.expected("mixed.log")
    exchanged(lab, planned, expected)
    lab.drift("mixed.log")
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert found.code is Code.REWRITTEN
    assert (lab.content("mixed.log") or b"").startswith(expected)
    assert b"late" in (lab.content("mixed.log") or b"")
    assert names(lab) == {"mixed.log"}


def test_a_crash_that_caught_a_foreign_file_gives_it_back(lab: FilesLab) -> None:
    """Where somebody's own file was exchanged away in the last moment, recovery puts it back, to the byte."""
    (planned,) = lab.plan()
    expected = lab.expected("mixed.log")
    lab.swap("mixed.log")
    foreign = lab.content("mixed.log")
    exchanged(lab, planned, expected)
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert found.code is Code.DRIFTED
    assert (lab.content("mixed.log"), names(lab)) == (foreign, {"mixed.log"})


def exchanged(lab: FilesLab, planned: Planned, content: bytes) -> None:
    """Do what a rewrite does up to its exchange, and no further."""
    aside = aside_name(planned)
    (lab.root / os.fsdecode(aside)).write_bytes(content)
    folder = os.open(lab.root, os.O_RDONLY)
    assert exchange(folder, aside, b"mixed.log")
    os.close(folder)


def test_an_unknown_leftover_is_kept_and_said(lab: FilesLab) -> None:
    """What stands aside and is neither ours nor what was planned is never removed."""
    (planned,) = lab.plan()
    aside = lab.root / os.fsdecode(aside_name(planned))
    aside.write_bytes(b"somebody's")
    lab.drift("mixed.log")
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert (found.code, found.reason) == (Code.FAILED, "kept_aside")
    assert aside.read_bytes() == b"somebody's"


# -- the verification can fail ----------------------------------------------------------------------------------------


def test_a_verification_sees_old_records_that_came_back(lab: FilesLab) -> None:
    """A rewritten file that holds an old record again fails; a cut one has drifted; more young lines are fine."""
    (planned,) = lab.plan()
    lab.delete([planned])
    path = lab.root / "mixed.log"
    content = path.read_bytes()
    assert lab.source.verify(planned) is None
    path.write_bytes(content + line_at(lab.now - YOUNG))
    assert lab.source.verify(planned) is None
    path.write_bytes(content + line_at(lab.now - OLD))
    assert lab.source.verify(planned) is Code.FAILED
    path.write_bytes(content[1:])
    assert lab.source.verify(planned) is Code.DRIFTED
    path.unlink()
    assert lab.source.verify(planned) is Code.TARGET_ABSENT


# -- the property -----------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(lines=st.lists(st.tuples(st.booleans(), st.text(alphabet="aäß€ \\t'", max_size=20)), min_size=1, max_size=12))
def test_kept_bytes_are_identical(tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[bool, str]]) -> None:
    """P1: whatever the lines hold and however they mix, exactly the bytes of the young ones are left, in order."""
    lab = FilesLab(tmp_path_factory.mktemp("kept"))
    path = lab.root / "x.log"
    content = [(old, line_at(lab.now - (OLD if old else YOUNG), text)) for old, text in lines]
    path.write_bytes(b"".join(line for _, line in content))
    lab.aged(path, lab.now - YOUNG)
    lab.purge()
    young = b"".join(line for old, line in content if not old)
    assert (path.read_bytes() if path.exists() else b"") == young
