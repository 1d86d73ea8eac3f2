"""Only what was previewed goes, whatever happens to it, to its name or to the machine (security.md, list FS)."""

import errno
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import SourceError
from data.formats.interface import FileFacts, Kept, Reading
from data.retention.evidence import Marks
from data.retention.instants import DAY, SECOND
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.activity import OpenFiles
from data.sources.delete import outcome_of
from data.sources.exactly import Taken, aside_name, part_name, remove, take
from data.sources.interface import Acted
from data.sources.opening import edge_digest, identity_of
from tests.data.sources.faults import as_nobody, fill
from tests.data.sources.lab import FREE, OLD, YOUNG, FilesLab, asking, is_old
from tests.data.sources.naive import naive_delete, naive_plan
from tests.data.sources.reader import LineReader, line_at
from tests.domain import need


@pytest.fixture
def lab(tmp_path: Path) -> FilesLab:
    """Give a folder of logs with three old units and a young one."""
    made = FilesLab(tmp_path)
    for name in ("a.log", "b.log", "c.log"):
        made.old(name)
    made.young()
    return made


def codes(lab: FilesLab, planned: list[Planned]) -> dict[str, Code]:
    """Delete, and give the code of each unit."""
    return {os.fsdecode(row.unit.name): done.code for row, done in zip(planned, lab.delete(planned), strict=True)}


# -- what is there is not what was previewed --------------------------------------------------------------------------


def test_a_newer_file_of_the_same_name_stays(lab: FilesLab) -> None:
    """A file replaced between plan and act is another inode and stays (FS 16); the naive executor removes it."""
    planned, naive = lab.plan(), naive_plan(lab.root, lab.marks.cutoff)
    lab.young("new")
    (lab.root / "new").rename(lab.root / "a.log")
    assert codes(lab, planned) == {"a.log": Code.DRIFTED, "b.log": Code.DELETED, "c.log": Code.DELETED}
    assert (lab.root / "a.log").exists()
    naive_delete(lab.root, [path for path in naive if path.exists()])
    assert not (lab.root / "a.log").exists()


def test_a_file_rewritten_in_place_stays(lab: FilesLab) -> None:
    """The same inode, truncated and filled with as many young bytes, mtime set back: its ctime tells (FS 18)."""
    planned, naive = lab.plan(), naive_plan(lab.root, lab.marks.cutoff)
    path = lab.root / "a.log"
    before = path.stat()
    young = b"".join(line_at(lab.now - DAY, f"record {number}") for number in range(3))
    with path.open("r+b") as file:
        file.write(young)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    assert codes(lab, planned)["a.log"] is Code.DRIFTED
    assert path.read_bytes() == young
    naive_delete(lab.root, [path for path in naive if path.exists()])
    assert not path.exists()


def test_a_file_that_grows_in_the_very_last_moment_stays(lab: FilesLab) -> None:
    """A line added while the guard is asked, by a writer who has kept it open, keeps the file (FS 20)."""
    planned = lab.plan()

    def guard(row: Planned) -> Code | None:
        if row.unit.name == b"a.log":
            lab.drift(os.fsdecode(aside_name(row)))
        return None

    outcomes = [done.code for done in lab.source.delete(planned, guard=asking(guard))]
    assert outcomes == [Code.DRIFTED, Code.DELETED, Code.DELETED]
    assert (lab.root / "a.log").read_bytes().count(b"late") == 1


def test_a_change_in_the_very_last_moment_that_hides_itself_is_seen(lab: FilesLab) -> None:
    """Rewritten in place while the guard is asked, size and mtime as before: the ctime still tells."""
    planned = lab.plan()[:1]
    path = lab.root / "a.log"

    def guard(row: Planned) -> Code | None:
        aside = lab.root / os.fsdecode(aside_name(row))
        before, content = aside.stat(), aside.read_bytes()
        with aside.open("r+b") as file:
            file.write(content.replace(b"record", b"RECORD"))
        os.utime(aside, ns=(before.st_atime_ns, before.st_mtime_ns))
        return None

    assert [done.code for done in lab.source.delete(planned, guard=asking(guard))] == [Code.DRIFTED]
    assert b"RECORD" in path.read_bytes()


def test_a_clock_that_was_set_back_protects(lab: FilesLab) -> None:
    """At the act the quiet time is held against the clock again: for one that went back the files are too fresh."""
    planned = lab.plan()
    lab.clock.advance(-100 * 86_400)
    assert {done.reason for done in lab.delete(planned)} == {"quiet"}
    lab.clock.advance(100 * 86_400)
    assert {done.code for done in lab.delete(planned)} == {Code.DELETED}


def test_a_rotation_in_the_middle_costs_nothing_young(lab: FilesLab) -> None:
    """Rolled by rename or by copy and truncate, only planned inodes go (FS 17); the naive one loses the new file."""
    lab.old("app.log.1")
    planned, naive = lab.plan(), naive_plan(lab.root, lab.marks.cutoff)
    (lab.root / "app.log.1").rename(lab.root / "app.log.2")
    lab.young("app.log.1")
    assert codes(lab, planned)["app.log.1"] is Code.DRIFTED
    assert (lab.root / "app.log.1").exists()
    assert (lab.root / "app.log.2").exists(), "renamed since: not what was previewed under this name"
    naive_delete(lab.root, [path for path in naive if path.exists()])
    assert not (lab.root / "app.log.1").exists()


def test_a_second_name_or_a_new_mode_since_the_preview_protects(lab: FilesLab) -> None:
    """A hard link made, or a file made executable, after the preview is a change like any other."""
    planned = lab.plan()
    os.link(lab.root / "a.log", lab.root / "second.name")
    (lab.root / "b.log").chmod(0o755)
    assert codes(lab, planned) == {"a.log": Code.DRIFTED, "b.log": Code.DRIFTED, "c.log": Code.DELETED}


def test_a_link_in_the_place_of_a_file_or_folder_is_not_followed(lab: FilesLab, tmp_path: Path) -> None:
    """A file or a folder replaced by a link after the preview has drifted; what the link leads to stays."""
    lab.old("service/app.log")
    planned = lab.plan()
    outside = tmp_path / "outside"
    (lab.root / "service").rename(outside)
    (lab.root / "service").symlink_to(outside)
    (lab.root / "a.log").rename(outside / "a.log")
    (lab.root / "a.log").symlink_to(outside / "a.log")
    found = codes(lab, planned)
    assert found["a.log"] is Code.DRIFTED
    assert found["service/app.log"] in {Code.DRIFTED, Code.TARGET_ABSENT}
    assert sorted(path.name for path in outside.iterdir()) == ["a.log", "app.log"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_stays(lab: FilesLab, make: Callable[[Path], None]) -> None:
    """What is no file any more has drifted: nobody waits for a pipe, and nothing is taken away."""
    planned = lab.plan()
    lab.remove("a.log")
    make(lab.root / "a.log")
    assert codes(lab, planned) == {"a.log": Code.DRIFTED, "b.log": Code.DELETED, "c.log": Code.DELETED}
    assert (lab.root / "a.log").exists()
    assert [done and done.code for done in (lab.source.recover(planned[0], guard=FREE),)] == [Code.DRIFTED]


def test_a_forged_plan_cannot_leave_the_root(lab: FilesLab, tmp_path: Path) -> None:
    """A name with `..`, an absolute one or an empty one opens nothing (FS 01)."""
    victim = tmp_path / "victim.log"
    victim.write_bytes((lab.root / "a.log").read_bytes())
    planned = lab.plan()[0]
    for name in (b"../victim.log", os.fsencode(victim), b"", b"..", b"a.log/..", b"./a.log", b"x//a.log"):
        forged = replace(planned, unit=replace(planned.unit, name=name))
        assert [done.code for done in lab.delete([forged])] == [Code.TARGET_ABSENT]
    assert victim.exists()
    assert (lab.root / "a.log").exists()
    assert codes(lab, [planned]) == {"a.log": Code.DELETED}


def test_the_digest_is_looked_at(lab: FilesLab) -> None:
    """Where everything a stat tells agrees and the content does not, the file stays."""
    planned = lab.plan()[0]
    forged = replace(planned, unit=replace(planned.unit, identity=replace(planned.unit.identity, digest="0" * 64)))
    assert codes(lab, [forged]) == {"a.log": Code.DRIFTED}
    assert codes(lab, [planned]) == {"a.log": Code.DELETED}


@settings(max_examples=30)
@given(
    size=st.sampled_from([0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000]), at=st.integers(0, 2**31)
)
def test_a_change_at_either_end_changes_the_digest(
    tmp_path_factory: pytest.TempPathFactory, size: int, at: int
) -> None:
    """Any byte of the first and the last 64 KiB counts, and of a file of up to 128 KiB any byte at all."""
    path = tmp_path_factory.mktemp("edge") / "file"
    content = bytearray(b"x" * size)
    path.write_bytes(content)
    before = digest_at(path)
    if not size:
        assert before == digest_at(path)
        return
    place = at % size
    content[place] = ord("y")
    path.write_bytes(content)
    covered = place < 65_536 or place >= size - 65_536
    assert (digest_at(path) != before) is covered


def digest_at(path: Path) -> str:
    """Give the digest of a file's ends."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return edge_digest(descriptor, path.stat().st_size)
    finally:
        os.close(descriptor)


# -- two steps --------------------------------------------------------------------------------------------------------


def test_what_is_opened_before_it_loses_its_name_is_given_back(tmp_path: Path) -> None:
    """Of a batch exactly the file that somebody had opened by the time all were aside gets its name back."""
    opened: list[OpenFiles] = []
    lab = FilesLab(tmp_path, look=lambda: opened.pop() if opened else OpenFiles())
    for name in ("a.log", "b.log", "c.log"):
        lab.old(name)
    planned, content = lab.plan(), lab.content("b.log")
    place = (planned[1].unit.identity.device, planned[1].unit.identity.inode)
    opened += [OpenFiles(places=frozenset({place})), OpenFiles()]  # the last one first: none when the batch begins
    assert codes(lab, planned) == {"a.log": Code.DELETED, "b.log": Code.ACTIVE, "c.log": Code.DELETED}
    assert {path.name: path.read_bytes() for path in lab.root.iterdir()} == {"b.log": content}


@pytest.mark.parametrize("taken", [True, False])
def test_what_is_held_gets_its_name_back_unless_it_was_taken(lab: FilesLab, taken: bool) -> None:
    """A held file has its name again; where that was taken meanwhile it stays aside, and every look says so."""
    planned, content = lab.plan()[:1], lab.content("a.log")

    def guard(_: Planned) -> Code | None:
        if taken:
            lab.young("a.log")
        return Code.HELD

    (done,) = lab.source.delete(planned, guard=asking(guard))
    aside = lab.root / os.fsdecode(aside_name(planned[0]))
    assert (done.code, done.reason) == ((Code.FAILED, "kept_aside") if taken else (Code.HELD, ""))
    assert (aside if taken else lab.root / "a.log").read_bytes() == content
    assert lab.skipped() == ({aside.name: "set_aside"} if taken else {})
    assert lab.source.summarise(lab.marks).skipped == ({"set_aside": 1} if taken else {})


def test_a_guard_that_raises_leaves_every_file_its_name(lab: FilesLab) -> None:
    """Whatever breaks in the middle of a batch, what has not gone yet stands under its name when the error arrives."""
    planned = lab.plan()

    def guard(row: Planned) -> Code | None:
        if row.unit.name == b"b.log":
            raise KeyError
        return None

    with pytest.raises(KeyError):
        list(lab.source.delete(planned, guard=asking(guard)))
    assert {path.name for path in lab.root.iterdir()} == {"b.log", "c.log", "young.log"}
    found = [lab.fresh().recover(row, guard=FREE) for row in planned]
    assert [done.code if done else None for done in found] == [Code.ABSENT, Code.DELETED, Code.DELETED]


def test_a_batch_of_many_folders_and_rewrites_keeps_its_order(tmp_path: Path) -> None:
    """More folders than may be open at once, rewrites between deletions: guarded, done and told in the order given."""
    lab = FilesLab(tmp_path)
    for number in range(150):
        (lab.mixed if number % 40 == 0 else lab.old)(f"d{number:03}/x.log")
    planned, asked = lab.plan(), []

    def guard(row: Planned) -> Code | None:
        asked.append(row)
        return Code.HELD if row.unit.name.startswith(b"d07") else None

    outcomes = [done.code for done in lab.source.delete(planned, guard=asking(guard))]
    expected = [
        Code.HELD if number // 10 == 7 else Code.REWRITTEN if number % 40 == 0 else Code.DELETED
        for number in range(150)
    ]
    assert outcomes == expected
    assert asked == planned
    assert len(list(lab.root.rglob("*.log"))) == 10 + 4


def test_a_plan_answers_for_every_unit_in_its_order(lab: FilesLab) -> None:
    """Of a batch what has changed, has gone, is in use or holds nothing old is answered by None, the rest by a row."""
    lab.old("d.log")
    found = lab.measured()
    lab.drift("a.log")
    lab.remove("b.log")
    batch = [found["a.log"], found["c.log"], found["b.log"], found["young.log"], replace(found["d.log"], active="open")]
    rows = list(lab.source.plan(batch, lab.marks))
    assert [row and row.unit.name for row in rows] == [None, b"c.log", None, None, None]
    lab.lose()
    with pytest.raises(SourceError):
        list(lab.source.plan(batch, lab.marks))


# -- the machine says no ----------------------------------------------------------------------------------------------


def test_a_refusal_of_the_system_is_an_outcome(lab: FilesLab) -> None:
    """Without the right to write, outcomes say `denied` with the system's word, and nothing is raised (FS 12)."""
    need(os.geteuid() == 0, "becoming somebody else needs root")
    lab.config = replace(lab.config, owners=(0,))
    planned = lab.plan()

    def act() -> dict[str, str]:
        outcomes = zip(planned, lab.delete(planned), strict=True)
        return {os.fsdecode(row.unit.name): f"{done.code} {done.reason}" for row, done in outcomes}

    assert set(as_nobody(act, lab).values()) == {"denied EACCES"}
    assert set(codes(lab, planned).values()) == {Code.DELETED}, "the control: with the right it works"


@pytest.mark.parametrize("flag", ["i", "a"])
def test_a_file_the_file_system_protects_stays(lab: FilesLab, flag: str) -> None:
    """An immutable or append-only file is `denied`, keeps its name, and the rest goes on (FS 12)."""
    need(os.geteuid() == 0, "setting attributes needs root")
    path = lab.root / "b.log"
    done = subprocess.run(["chattr", f"+{flag}", str(path)], check=False, capture_output=True)
    need(done.returncode == 0, "this file system has no such attribute")
    try:
        planned = lab.plan()
        assert codes(lab, planned) == {"a.log": Code.DELETED, "b.log": Code.DENIED, "c.log": Code.DELETED}
        assert path.exists()
        assert lab.fresh().recover(planned[1], guard=FREE) is None
    finally:
        subprocess.run(["chattr", f"-{flag}", str(path)], check=True)
    assert lab.purge()["b.log"].code is Code.DELETED


def test_a_folder_nothing_may_leave_keeps_its_files(lab: FilesLab) -> None:
    """In an immutable folder not even the moving aside works; every outcome is `denied` (FS 12)."""
    need(os.geteuid() == 0, "setting attributes needs root")
    planned = lab.plan()
    done = subprocess.run(["chattr", "+i", str(lab.root)], check=False, capture_output=True)
    need(done.returncode == 0, "this file system has no such attribute")
    try:
        assert set(codes(lab, planned).values()) == {Code.DENIED}
    finally:
        subprocess.run(["chattr", "-i", str(lab.root)], check=True)
    assert set(codes(lab, planned).values()) == {Code.DELETED}


def test_a_read_only_file_system_is_said(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """EROFS is `denied` with its name; mounted writable again, the same plan still holds (FS 12)."""
    mounted(tmp_path / "logs", "size=256k")
    lab = FilesLab(tmp_path)
    lab.old()
    planned = lab.plan()
    subprocess.run(["mount", "-o", "remount,ro", str(lab.root)], check=True)
    (done,) = lab.delete(planned)
    assert (done.code, done.reason) == (Code.DENIED, "EROFS")
    subprocess.run(["mount", "-o", "remount,rw", str(lab.root)], check=True)
    assert codes(lab, planned) == {"old.log": Code.DELETED}


def test_a_full_disk_does_not_stop_whole_deletions(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """On a file system without a free byte old files still go, which is what frees it (FS 29)."""
    mounted(tmp_path / "logs", "size=128k")
    lab = FilesLab(tmp_path)
    lab.old()
    planned = lab.plan()
    fill(lab.root)
    assert codes(lab, planned) == {"old.log": Code.DELETED}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, Code.TARGET_ABSENT),
        (errno.ELOOP, Code.DRIFTED),
        (errno.EACCES, Code.DENIED),
        (errno.EPERM, Code.DENIED),
        (errno.EROFS, Code.DENIED),
        (errno.EBUSY, Code.LOCKED),
        (errno.ETXTBSY, Code.LOCKED),
        (errno.ENOSPC, Code.FAILED),
        (errno.EIO, Code.FAILED),
        (99999, Code.FAILED),
    ],
)
def test_every_error_has_a_code(number: int, code: Code) -> None:
    """Errors of the system map to codes of purge.md 6.8; unknown ones are failures."""
    assert outcome_of(OSError(number, "said")).code is code


def test_a_busy_name_is_locked(lab: FilesLab) -> None:
    """A file that somebody has mounted something over is another device and stays; EBUSY is never raised (FS 12)."""
    need(os.geteuid() == 0, "mounting needs root")
    planned = lab.plan()
    (lab.root / "other").write_bytes(b"mounted over\n")
    subprocess.run(["mount", "--bind", str(lab.root / "other"), str(lab.root / "a.log")], check=True)
    try:
        assert codes(lab, planned)["a.log"] in {Code.LOCKED, Code.DRIFTED}
    finally:
        subprocess.run(["umount", "-l", str(lab.root / "a.log")], check=True)
    assert (lab.root / "a.log").exists()


# -- crashes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("survived", [0, 1, 2, 3])
def test_a_kill_between_any_two_files_is_resumed(lab: FilesLab, survived: int) -> None:
    """Killed before the k-th unlink, the resume finds k gone and deletes the others, aside by then, once (FS 30)."""
    planned = lab.plan()
    child = os.fork()
    if child == 0:
        left = [survived]

        def guard(_: Planned) -> Code | None:
            if not left[0]:
                os._exit(9)
            left[0] -= 1
            return None

        list(lab.source.delete(planned, guard=asking(guard)))
        os._exit(9)
    os.waitpid(child, 0)
    source = lab.fresh()
    found = [source.recover(row, guard=FREE) for row in planned]
    assert [done.code if done else None for done in found] == [Code.ABSENT] * 3
    assert {path.name for path in lab.root.iterdir()} == {"young.log"}


def test_a_file_left_aside_is_finished(lab: FilesLab) -> None:
    """Killed between the moving aside and the unlink: recovery removes the planned file and says `absent`."""
    planned = lab.plan()[0]
    (lab.root / "a.log").rename(lab.root / os.fsdecode(aside_name(planned)))
    assert lab.source.verify(planned) is Code.FAILED, "the old data are still there"
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert (found.code, found.records) == (Code.ABSENT, 3)
    assert lab.source.verify(planned) is None


@pytest.mark.parametrize("used", [True, False])
def test_a_no_after_a_crash_saves_what_was_left_aside(tmp_path: Path, used: bool) -> None:
    """Held, or opened before it lost its name, a file that a crash left aside gets its name back and is not deleted."""
    opened = [OpenFiles()]
    lab = FilesLab(tmp_path, look=lambda: opened[-1])
    content = lab.old("a.log").read_bytes()
    planned = lab.plan()[0]
    (lab.root / "a.log").rename(lab.root / os.fsdecode(aside_name(planned)))
    if used:
        opened.append(OpenFiles(places=frozenset({(planned.unit.identity.device, planned.unit.identity.inode)})))
    found = lab.fresh().recover(planned, guard=FREE if used else asking(lambda _: Code.HELD))
    assert found is not None
    assert found.code is (Code.ACTIVE if used else Code.HELD)
    assert {path.name: path.read_bytes() for path in lab.root.iterdir()} == {"a.log": content}


@pytest.mark.parametrize("changed", [True, False])
def test_what_was_given_back_before_a_crash_is_judged_again(lab: FilesLab, changed: bool) -> None:
    """Another ctime alone, as of a file given back, is no drift at a resume; a young line in its middle is."""
    path = lab.write("a.log", [lab.now - OLD] * 6000)
    planned = next(row for row in lab.plan() if row.unit.name == b"a.log")
    before, content = path.stat(), bytearray(path.read_bytes())
    assert len(content) > 4 * 65_536, "more than what the digest covers"
    young = line_at(lab.now - YOUNG, "record 3000")
    at = content.index(line_at(lab.now - OLD, "record 3000"))
    if changed:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(young)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_ctime_ns != before.st_ctime_ns
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert found.code is (Code.DRIFTED if changed else Code.DELETED)
    assert path.exists() is changed


def test_a_foreign_file_left_aside_gets_its_name_back(lab: FilesLab) -> None:
    """Killed after a young file was caught aside: recovery gives it its name back, to the byte."""
    planned = lab.plan()[0]
    (lab.root / "a.log").unlink()
    young = lab.young("caught").read_bytes()
    (lab.root / "caught").rename(lab.root / os.fsdecode(aside_name(planned)))
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert found.code is Code.DRIFTED
    assert (lab.root / "a.log").read_bytes() == young


def test_a_foreign_file_whose_name_is_taken_is_kept_and_said(lab: FilesLab) -> None:
    """Where the name is taken again, the caught file stays aside and the outcome says so; nothing is overwritten."""
    planned = lab.plan()[0]
    (lab.root / "a.log").unlink()
    aside = lab.root / os.fsdecode(aside_name(planned))
    lab.young("caught").rename(aside)
    lab.young("a.log")
    found = lab.fresh().recover(planned, guard=FREE)
    assert found is not None
    assert (found.code, found.reason) == (Code.FAILED, "kept_aside")
    assert aside.exists()
    assert (lab.root / "a.log").exists()


def test_a_leftover_in_the_way_is_not_overwritten(lab: FilesLab) -> None:
    """A file that stands where a unit would be moved aside to is not touched; the unit fails and keeps its name."""
    planned = lab.plan()[0]
    aside = lab.root / os.fsdecode(aside_name(planned))
    aside.write_bytes(b"somebody's")
    (done,) = lab.delete([planned])
    assert (done.code, done.reason) == (Code.FAILED, "EEXIST")
    assert aside.read_bytes() == b"somebody's"
    assert (lab.root / "a.log").exists()


def test_what_turns_out_to_be_another_file_gets_its_name_back(lab: FilesLab) -> None:
    """A file that is found to be another one only after it was moved aside is moved back, not unlinked."""
    path = lab.root / "a.log"
    planned, content = lab.plan()[0], path.read_bytes()
    os.link(path, lab.root / "second.name")  # what the look after the moving aside finds out
    identity = identity_of(path.stat())
    folder = os.open(lab.root, os.O_RDONLY)
    try:
        done = take(folder, b"a.log", aside_name(planned), identity)
        assert isinstance(done, Acted)
        assert done.code is Code.DRIFTED
        assert path.read_bytes() == content
        (lab.root / "second.name").unlink()
        taken = take(folder, b"a.log", aside_name(planned), identity_of(path.stat()))
        assert isinstance(taken, Taken), "the control"
        assert remove(taken).code is Code.DELETED
    finally:
        os.close(folder)


def test_a_reader_that_fails_costs_one_unit(lab: FilesLab) -> None:
    """A file the reader cannot judge is `failed` at the act and unreadable at a look; the rest goes on."""

    class Failing(LineReader):
        def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
            if facts.name == b"b.log":
                raise ValueError
            return super().read(fd, facts, marks)

        def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
            raise ValueError((fd, target_fd, facts, marks))

    lab.mixed()
    planned = lab.plan()
    lab.reader = Failing()
    lab.source = lab.fresh()
    assert codes(lab, planned) == dict.fromkeys(("a.log", "b.log", "c.log"), Code.DELETED) | {"mixed.log": Code.FAILED}
    assert {path.name for path in lab.root.iterdir()} == {"mixed.log", "young.log"}
    lab.old("b.log")
    assert lab.skipped() == {"b.log": "unreadable"}
    assert lab.source.summarise(lab.marks).unreadable == 1


def test_names_aside_depend_on_the_plan_only(lab: FilesLab) -> None:
    """The same plan gives the same name after a restart; another content or another unit gives another one."""
    first, second, _ = lab.plan()
    assert aside_name(first) == aside_name(lab.plan()[0])
    assert len({aside_name(first), part_name(first), aside_name(second)}) == 3
    lab.drift("a.log")
    lab.aged(lab.root / "a.log", lab.now - OLD)
    (again,) = (unit for name, unit in lab.measured().items() if name == "a.log")
    changed = replace(first, unit=replace(first.unit, identity=again.unit.identity))
    assert aside_name(changed) != aside_name(first)


# -- the property -----------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(
    units=st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=6), min_size=1, max_size=5),
    rewrite=st.booleans(),
)
def test_no_record_at_or_after_the_cutoff_ever_disappears(
    tmp_path_factory: pytest.TempPathFactory, units: list[list[int]], rewrite: bool
) -> None:
    """P1: over all units young records stay, to the byte and in order; with rewriting every old one goes (P2)."""
    lab = FilesLab(tmp_path_factory.mktemp("p1"), rewrite=rewrite)
    before: dict[Path, bytes] = {}
    for number, seconds in enumerate(units):
        path = lab.write(f"unit-{number}.log", [lab.marks.cutoff + second * SECOND for second in seconds])
        before[path] = path.read_bytes()
    lab.purge()
    for path, content in before.items():
        lines = content.splitlines(keepends=True)
        young = b"".join(line for line in lines if not is_old(line, lab.marks.cutoff))
        after = path.read_bytes() if path.exists() else b""
        mixed = bool(young) and young != content
        assert after == (content if mixed and not rewrite else young)
