"""What a source of files lists and reads, and what it leaves alone with a reason (security.md, list FS)."""

import os
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import SourceError
from data.retention.residue import Code
from data.retention.unit import Unit
from data.sources.config import FilesConfig, Limits, open_root, why_not
from data.sources.files import FilesSource
from data.sources.walk import rules_of
from tests.data.sources.faults import NOBODY, as_nobody
from tests.data.sources.lab import OLD, FilesLab
from tests.data.sources.naive import naive_purge
from tests.domain import need


@pytest.fixture
def lab(tmp_path: Path) -> FilesLab:
    """Give a folder of logs with one old and one young unit."""
    made = FilesLab(tmp_path)
    made.old()
    made.young()
    return made


# -- the root ---------------------------------------------------------------------------------------------------------


def test_a_root_that_is_a_folder_is_accepted(lab: FilesLab) -> None:
    """The positive control of every refusal below."""
    lab.config.check_root()
    assert lab.source.probe().reachable


def test_a_root_that_does_not_exist_is_refused(lab: FilesLab) -> None:
    """The error names the source, the path and the reason (FS 04)."""
    config = replace(lab.config, root=lab.root / "none" / "deeper")
    with pytest.raises(SourceError, match=r"source lab: .*deeper: .*none does not exist"):
        config.check_root()


@pytest.mark.parametrize("below", ["", "service"])
def test_a_root_that_is_or_passes_a_link_is_refused(lab: FilesLab, below: str) -> None:
    """A link anywhere in the path of a root is refused; the folder it leads to is not (FS 04)."""
    (lab.root / "service").mkdir()
    link = lab.root.with_name("link")
    link.symlink_to(lab.root)
    with pytest.raises(SourceError, match="symbolic link"):
        replace(lab.config, root=link / below).check_root()
    replace(lab.config, root=link.resolve() / below).check_root()


def test_a_root_that_is_a_file_is_refused(lab: FilesLab) -> None:
    """A file is no root, and neither is a folder below a file."""
    for root in (lab.root / "old.log", lab.root / "old.log" / "deeper"):
        with pytest.raises(SourceError, match="not a folder"):
            replace(lab.config, root=root).check_root()


@pytest.mark.parametrize("root", ["/proc", "/proc/self/fd", "/sys/kernel", "/dev", "/dev/fd"])
def test_the_kernels_file_systems_are_refused(lab: FilesLab, root: str) -> None:
    """Nothing below /proc, /sys and /dev can be a source (FS 08)."""
    with pytest.raises(SourceError, match="kernel"):
        replace(lab.config, root=Path(root)).check_root()


def test_a_kernels_file_system_under_another_name_is_refused(lab: FilesLab) -> None:
    """A second mount of /proc is found out by its device (FS 08)."""
    need(os.geteuid() == 0, "mounting needs root")
    other = lab.root.with_name("other")
    other.mkdir()
    need(subprocess.run(["mount", "--bind", "/proc", str(other)], check=False).returncode == 0, "cannot bind /proc")
    try:
        with pytest.raises(SourceError, match="kernel"):
            replace(lab.config, root=other).check_root()
    finally:
        subprocess.run(["umount", "-l", str(other)], check=True)


@pytest.mark.parametrize("root", ["logs", "./logs", "../logs"])
def test_a_relative_root_is_refused(lab: FilesLab, root: str) -> None:
    """A path that depends on where the process stands is no root (FS 01)."""
    with pytest.raises(SourceError, match="absolute"):
        replace(lab.config, root=Path(root)).check_root()
    with pytest.raises(SourceError, match="absolute"):
        replace(lab.config, root=lab.root / ".." / "logs").check_root()


def test_the_bots_own_state_is_refused(lab: FilesLab) -> None:
    """A root that is, holds or lies in the bot's own state is refused; one beside it is not (FS 22)."""
    inside = lab.state / "audit"
    inside.mkdir()
    for root in (lab.state, inside, lab.state.parent):
        with pytest.raises(SourceError, match="own"):
            replace(lab.config, root=root).check_root()
    settings_file = lab.root / "settings.toml"
    settings_file.touch()
    with pytest.raises(SourceError, match="holds the bot's own"):
        replace(lab.config, forbidden=(settings_file,)).check_root()
    lab.config.check_root()


def nowhere(lab: FilesLab) -> tuple[Path, Path]:
    """Give paths at which surely nothing is: below a folder, and below a file."""
    (lab.root.parent / "file").touch()
    return lab.root.parent / "missing", lab.root.parent / "file" / "below"


@pytest.mark.parametrize("which", ["a link to itself", "a name nobody can look up"])
def test_a_root_that_nobody_can_tell_from_the_bots_own_is_refused(lab: FilesLab, which: str) -> None:
    """Where the bot's own cannot be looked at, no root is known to be another one; a missing own folder is (FS 22)."""
    own = lab.root.parent / ("loop" if "link" in which else "n" * 300)
    if "link" in which:
        own.symlink_to(own)
    blind = replace(lab.config, forbidden=(own,))
    with pytest.raises(SourceError, match="cannot be told from the bot's own"):
        blind.check_root()
    assert why_not(blind)[0] == "denied"
    assert FilesSource(blind, reader=lab.reader, clock=lab.clock).probe().reachable is False
    replace(lab.config, forbidden=nowhere(lab)).check_root()


@pytest.mark.parametrize("which", ["a link to itself", "a name nobody can look up"])
def test_a_walk_that_cannot_tell_the_bots_own_is_refused(lab: FilesLab, which: str) -> None:
    """The walk knows the bot's own folders by sight, so it does not begin where it cannot see one; else it does."""
    own = lab.root.parent / ("loop" if "link" in which else "n" * 300)
    if "link" in which:
        own.symlink_to(own)
    descriptor = open_root(lab.config)
    try:
        with pytest.raises(SourceError, match="cannot tell logs from the bot's own"):
            rules_of(replace(lab.config, forbidden=(lab.state, own)), descriptor)
        missing = replace(
            lab.config, forbidden=(lab.state, lab.root.parent / "missing", lab.root / "old.log" / "below")
        )
        assert len(rules_of(missing, descriptor).own) == 1
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(("mode", "word"), [(0o700, "denied"), (0o755, "")])
def test_a_folder_of_the_bot_that_may_not_be_looked_at_refuses_the_root(lab: FilesLab, mode: int, word: str) -> None:
    """An account that may not look into the folder above the bot's own gets no root; one that may gets it."""
    need(os.geteuid() == 0, "becoming somebody else needs root")
    above = lab.root.parent / "above"
    (above / "own").mkdir(parents=True)
    above.chmod(mode)
    lab.config = replace(lab.config, forbidden=(above / "own",))
    assert as_nobody(lambda: {"reason": lab.source.probe().reason}, lab) == {"reason": word}


@pytest.mark.parametrize("pattern", ["", "a/b*.log", "x" * 201, "a\0b"])
def test_a_pattern_that_cannot_be_meant_is_refused(lab: FilesLab, pattern: str) -> None:
    """A pattern has no slash and at most 200 characters."""
    with pytest.raises(SourceError, match="include"):
        replace(lab.config, include=(pattern,))
    assert replace(lab.config, include=("x" * 200,)).include


def test_a_pattern_cannot_be_made_slow(tmp_path: Path) -> None:
    """The worst pattern against the worst name is a matter of milliseconds (FS 28): this would run for years."""
    config = FilesConfig(id="x", title="", data_kind="log", root=tmp_path, include=("*a" * 100,))
    assert not config.matcher().match("a" * 250 + "b")


# -- what is no unit --------------------------------------------------------------------------------------------------


def test_links_are_counted_and_not_followed(lab: FilesLab, tmp_path: Path) -> None:
    """A link to a file or to a folder is skipped; what it leads to is neither listed nor touched (FS 02, 03)."""
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim.log"
    victim.write_bytes((lab.root / "old.log").read_bytes())
    lab.aged(victim, lab.now - OLD)
    (lab.root / "file.log").symlink_to(victim)
    (lab.root / "folder").symlink_to(outside)
    assert lab.skipped() == {"file.log": "symlink", "folder": "symlink"}
    assert lab.purge().keys() == {"old.log"}
    assert victim.exists()


def test_a_hard_link_is_skipped(lab: FilesLab, tmp_path: Path) -> None:
    """A file with two names is not ours to judge (FS 05); the naive executor removes one of them."""
    os.link(lab.root / "old.log", tmp_path / "second-name")
    assert lab.skipped() == {"old.log": "hard_linked"}
    assert lab.purge() == {}
    naive_purge(lab.root, lab.marks.cutoff)
    assert not (lab.root / "old.log").exists()


def test_what_is_no_file_is_skipped_and_does_not_hang(lab: FilesLab) -> None:
    """FIFOs and sockets are counted, folders entered, whatever they are called (FS 06); the naive one removes them."""
    os.mkfifo(lab.root / "fifo.log")
    folder = os.open(lab.root, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"/proc/self/fd/{folder}/socket.log")  # the path of a socket must be short
    os.close(folder)
    lab.old("folder.log/inside.log")
    assert lab.skipped() == {"fifo.log": "not_a_file", "socket.log": "not_a_file"}
    assert lab.purge().keys() == {"old.log", "folder.log/inside.log"}
    for name in ("fifo.log", "socket.log"):
        os.utime(lab.root / name, (0, 0))
    naive_purge(lab.root, lab.marks.cutoff)
    assert not (lab.root / "fifo.log").exists()


def test_another_file_system_is_not_entered(lab: FilesLab, mounted: Callable[[Path, str], None]) -> None:
    """A mount below the root is another device (FS 07); the naive executor purges it."""
    mounted(lab.root / "mounted", "size=256k")
    lab.old("mounted/other.log")
    assert lab.skipped() == {"mounted": "other_device"}
    assert lab.purge().keys() == {"old.log"}
    naive_purge(lab.root, lab.marks.cutoff)
    assert not (lab.root / "mounted" / "other.log").exists()


@pytest.mark.parametrize("mode", [0o755, 0o4644, 0o2644, 0o645])
def test_what_can_be_run_is_no_log(lab: FilesLab, mode: int) -> None:
    """A program, or a file that runs as somebody else, is skipped (FS 14); a plain mode is the control."""
    (lab.root / "old.log").chmod(mode)
    assert lab.skipped() == {"old.log": "setuid_or_executable"}
    (lab.root / "old.log").chmod(0o640)
    assert lab.skipped() == {}


def test_a_foreign_file_is_skipped_unless_its_owner_is_named(lab: FilesLab) -> None:
    """A file of somebody else is skipped by default, and taken where the settings name him (FS 13)."""
    need(os.geteuid() == 0, "changing owners needs root")
    os.chown(lab.root / "old.log", NOBODY, NOBODY)
    assert lab.skipped() == {"old.log": "foreign_owner"}
    trusting = replace(lab.config, owners=(NOBODY,))
    lab.config = trusting
    lab.source = lab.fresh()
    assert lab.skipped() == {}
    naive_purge(lab.root, lab.marks.cutoff)
    assert not (lab.root / "old.log").exists()


def test_our_own_leftovers_are_never_units(lab: FilesLab) -> None:
    """What a crashed rewrite left is no log, even where every name is included; a similar name is one."""
    lab.config = replace(lab.config, include=("*",))
    lab.source = lab.fresh()
    for name in (".procall-0123456789abcdef.tmp", ".procall-0123456789abcdef.part", ".procall-0123.tmp"):
        lab.old(name)
    assert lab.measured().keys() == {"old.log", "young.log", ".procall-0123.tmp"}


def test_the_bots_own_folder_is_not_entered_by_a_back_door(lab: FilesLab) -> None:
    """The bot's state, mounted below the root from the same device, is not entered (FS 22)."""
    need(os.geteuid() == 0, "mounting needs root")
    (lab.state / "audit.log").write_bytes((lab.root / "old.log").read_bytes())
    lab.aged(lab.state / "audit.log", lab.now - OLD)
    door = lab.root / "door"
    door.mkdir()
    subprocess.run(["mount", "--bind", str(lab.state), str(door)], check=True)
    try:
        assert lab.skipped() == {"door": "own_state"}
        assert lab.purge().keys() == {"old.log"}
        naive_purge(lab.root, lab.marks.cutoff)
        assert not (lab.state / "audit.log").exists()
    finally:
        subprocess.run(["umount", "-l", str(door)], check=True)


def test_a_folder_that_may_not_be_read_is_said(lab: FilesLab) -> None:
    """A folder or file we may not read is reported as denied, and the rest goes on (FS 12)."""
    need(os.geteuid() == 0, "becoming somebody else needs root")
    lab.old("closed/inside.log")
    (lab.root / "closed").chmod(0o700)
    (lab.root / "old.log").chmod(0o600)
    lab.config = replace(lab.config, owners=(0,))
    found = as_nobody(lambda: lab.skipped() | {"young.log": str("young.log" in lab.measured())}, lab)
    assert found == {"closed": "denied", "old.log": "denied", "young.log": "True"}


# -- names and depth --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"new\nline.log",
        b"tab\t\x01\x7f.log",
        b"\xff\xfe invalid.log",
        "bidi \u202egol.log".encode(),
        "Prüfung-ß.log".encode(),
        b"x" * 251 + b".log",
        b" leading and trailing .log ",
        b"-rf.log",
        b"*.log",
    ],
    ids=repr,
)
def test_any_name_is_handled_as_bytes(lab: FilesLab, name: bytes) -> None:
    """Names that cannot be printed or decoded are listed, planned and deleted like others (FS 09)."""
    lab.old(os.fsdecode(name))
    assert name in [unit.name for unit in lab.source.list_units()]
    assert lab.purge()[os.fsdecode(name)].code is Code.DELETED
    assert not (lab.root / os.fsdecode(name)).exists()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.binary(min_size=1, max_size=200).filter(lambda name: not {0, 47} & set(name)))
def test_every_name_a_file_can_have_round_trips(tmp_path_factory: pytest.TempPathFactory, name: bytes) -> None:
    """Any name the kernel takes is listed exactly as it is and can be deleted."""
    lab = FilesLab(tmp_path_factory.mktemp("names"))
    lab.old(os.fsdecode(name + b".log"))
    assert [unit.name for unit in lab.source.list_units()] == [name + b".log"]
    assert [done.code for done in lab.purge().values()] == [Code.DELETED]


def test_errors_show_names_escaped(lab: FilesLab) -> None:
    """Nothing in a name can turn a line of an error around or break it (FS 09)."""
    need(os.geteuid() == 0, "becoming somebody else needs root")
    lab.config = replace(lab.config, owners=(0,))
    lab.young("evil\u202e\n.log").chmod(0o600)
    (unit,) = (unit for unit in lab.source.list_units() if isinstance(unit, Unit) and unit.name.startswith(b"evil"))

    def act() -> dict[str, str]:
        try:
            return {"identity": str(lab.source.identity(unit))}
        except SourceError as error:
            return {"error": str(error)}

    said = as_nobody(act, lab)["error"]
    assert said.isascii()
    assert "\n" not in said


def test_depth_has_a_limit_and_no_recursion(lab: FilesLab) -> None:
    """A tree of 5,000 folders is walked to the limit and no further, without a recursion error (FS 10)."""
    try:
        make_deep(lab.root, 5000)
        at_limit = "d/" * 32 + "deep.log"
        lab.old(at_limit)
        assert list(lab.skipped().values()) == ["too_deep"]
        assert lab.purge()[at_limit].code is Code.DELETED
        walk = f"import os; print(sum(1 for _ in os.walk({str(lab.root)!r})))"
        naive = subprocess.run([sys.executable, "-c", walk], check=False, capture_output=True)
        assert naive.returncode != 0 or int(naive.stdout) < 5001
    finally:
        subprocess.run(["rm", "-rf", str(lab.root)], check=True)  # deeper than shutil can go


def make_deep(root: Path, depth: int) -> None:
    """Make folders within folders, deeper than any path can say."""
    deepest = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=deepest)
        below = os.open("d", os.O_RDONLY, dir_fd=deepest)
        os.close(deepest)
        deepest = below
    os.close(deepest)


def test_many_files_need_little_memory(tmp_path: Path) -> None:
    """Listing 20,000 files holds none of them: the walk keeps at most a few at a time (FS 11)."""
    lab = FilesLab(tmp_path)
    folder = os.open(lab.root, os.O_RDONLY)
    for number in range(20_000):
        os.close(os.open(f"f{number}.log", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=folder))
    os.close(folder)
    tracemalloc.start()
    count = sum(1 for _ in lab.source.list_units())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 1_000_000


def test_descriptors_do_not_leak(lab: FilesLab) -> None:
    """Looking, stopping in the middle, planning and deleting leave as many descriptors open as before."""
    for number in range(5):
        lab.old(f"deep/er/{number}.log")
    lab.purge()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        lab.old(f"deep/er/{number}.log")
    lab.purge()
    lab.source.summarise(lab.marks)
    half = lab.source.measure(lab.marks)
    next(half)
    half.close()
    lab.source.probe()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_limits_of_the_index_do_not_change_what_is_said(tmp_path: Path) -> None:
    """A folder too large for the index's memory is measured row by row, with the same result."""
    lab = FilesLab(tmp_path)
    for number in range(6):
        lab.old(f"a/{number}.log")
        lab.young(f"young-{number}.log")
    first = lab.measured()
    whole = lab.source.summarise(lab.marks)
    lab.config = replace(lab.config, limits=Limits(rows_in_memory=3))
    lab.source = lab.fresh()
    assert lab.measured() == first
    assert lab.source.summarise(lab.marks) == whole
    lab.remove("a/3.log")
    assert lab.source.summarise(lab.marks).units == whole.units - 1
