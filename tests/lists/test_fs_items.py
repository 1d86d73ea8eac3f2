"""Items of the FS list (security.md 8) that only a whole purge can show, from preview to verdict.

Beside each stands what most scripts would do, and it falls. `PROCALL_MANY_FILES=1000000` takes as many files as the
list names.
"""

import contextlib
import gzip
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.audit.entry import AuditEntry
from data.audit.reading import read_audit
from data.errors import SourceError
from data.purge.engine import Engine
from data.retention.request import PurgeRequest, State
from data.retention.unit import Planned
from data.sources.config import FilesConfig
from data.sources.interface import Measured
from data.sources.kernel import exchange
from tests.crash.driver import Crashes, Mode, Point
from tests.crash.scenario_purge import OLD, opened, prepare
from tests.crash.test_crash_purge import SCRIPT, look
from tests.data.purge.lab import ALICE, BOB, DAY, HOST, SOURCE, Lab, record, set_mtime, silent
from tests.data.purge.test_purge_runs import Watched, files_of
from tests.data.sources.faults import fill
from tests.data.sources.naive import naive_plan, naive_purge
from tests.data.sources.test_races import runs, swapping
from tests.domain import ROOT, need
from tests.test_retention_cli import FAILED, Site

MANY_FILES = int(os.environ.get("PROCALL_MANY_FILES", "3000"))
LEAST_RACES = 20
MIB = 1 << 20


def host_request(engine: Engine) -> PurgeRequest:
    """Preview as the host's operator, and break the glass: no time passes, no second person is needed."""
    request = engine.purges.preview(HOST, SOURCE, silent)
    return engine.purges.break_glass(HOST, request.id, request.code, "test")


def following_purge(root: Path, lab: Lab) -> None:
    """Purge as a script does that follows links and asks nothing but the name and the last change."""
    cutoff = lab.now - 83 * DAY
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            path = Path(folder, name).resolve()
            if ".log" in name and path.exists() and path.stat().st_mtime * 1_000_000 < cutoff:
                path.unlink()


# -- what is no log of ours -------------------------------------------------------------------------------------------


def to_a_file(root: Path, victim: Path) -> None:
    """Link a name to the victim (FS-02)."""
    (root / "link.log").symlink_to(victim)


def to_a_folder(root: Path, victim: Path) -> None:
    """Link a name to the folder of the victim (FS-03)."""
    (root / "folder").symlink_to(victim.parent)


def hard(root: Path, victim: Path) -> None:
    """Give the victim a second name (FS-05)."""
    os.link(victim, root / "hard.log")


def fifo(root: Path, victim: Path) -> None:
    """Put a pipe there that would hang whoever opens it (FS-06)."""
    os.mkfifo(root / "pipe.log")
    os.utime(root / "pipe.log", (0, 0))
    del victim


def endpoint(root: Path, victim: Path) -> None:
    """Put a socket there (FS-06)."""
    os.mknod(root / "socket.log", stat.S_IFSOCK | 0o600)
    os.utime(root / "socket.log", (0, 0))
    del victim


def program(root: Path, victim: Path) -> None:
    """Put a program there that looks like a log (FS-14)."""
    shutil.copy2(victim, root / "tool.log")
    (root / "tool.log").chmod(0o4755)


FOREIGN: list[Callable[[Path, Path], None]] = [to_a_file, to_a_folder, hard, fifo, endpoint, program]


@pytest.mark.parametrize("put", FOREIGN, ids=lambda put: str(put.__name__))
def test_a_whole_purge_removes_nothing_but_logs_of_its_own(lab: Lab, put: Callable[[Path, Path], None]) -> None:
    """Links, second names, pipes, sockets, programs survive a whole purge (FS-02, 03, 05, 06, 14); a script's do not.

    An old log beside them goes both times: the purge ran.
    """
    victim = lab.write("../outside/victim.log", [100], quiet_for=100 * DAY)
    lab.write("old.log", [100])
    lab.write("young.log", [5])
    put(lab.root, victim)
    before = everything(lab.folder)
    with lab.engine() as engine:
        request = engine.runner.run(host_request(engine).id, progress=silent)
    assert request.results["deleted"] == 1
    assert before - everything(lab.folder) == {"logs/old.log"}
    lab.write("old.log", [100], quiet_for=100 * DAY)
    following_purge(lab.root, lab)
    assert len(before - everything(lab.folder)) > 1, "the naive executor has to fall"


def everything(folder: Path) -> set[str]:
    """List all names of logs below a folder, links and pipes too, not following any."""
    found = (Path(where, name) for where, folders, names in os.walk(folder) for name in [*names, *folders])
    return {path.relative_to(folder).as_posix() for path in found if ".log" in path.name or path.is_symlink()}


def test_a_program_among_the_logs_is_an_alarm(tmp_path: Path) -> None:
    """A file that could be run is not purged in silence: the scan says that something was not looked at (FS-14)."""
    site = Site(tmp_path)
    path = site.write("tool.log", [100])
    assert [source["state"] for source in site.json("scan")["sources"]] == ["overdue"], "the control: seen and judged"
    path.chmod(0o4755)
    done = site("scan", "--json")
    assert [source["state"] for source in json.loads(done.stdout)["sources"]] == ["unknown"]


# -- many files -------------------------------------------------------------------------------------------------------

MANY = """
import itertools, os, sys
from pathlib import Path
from data.stores.tinydb_retention import open_retention
from tests.data.purge.lab import HOST, SOURCE, Lab, silent
from tests.data.purge.test_purge_runs import Watched

folder, die_at = Path(sys.argv[1]), int(sys.argv[2])
stores = open_retention(folder / "state")
lab = Lab(folder=folder / "state", logs=folder / "logs", stores=stores)
watched, seen = Watched(lab), itertools.count(1)
with lab.engine() as engine:
    interrupted = engine.runner.interrupted()
    if not interrupted:
        found = engine.purges.preview(HOST, SOURCE, silent)
        interrupted = (engine.purges.break_glass(HOST, found.id, found.code, "test"),)
    watched.between.before_commit = lambda _: os._exit(9) if next(seen) == die_at else None
    done = engine.runner.run(interrupted[0].id, progress=silent)
status = Path("/proc/self/status").read_text()
memory = int(status.split("VmHWM:")[1].split()[0]) // 1024
print(done.verdict, sum(done.results.values()), done.gone.records, memory)
"""


def in_a_process(script: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a script in a process of its own, so that its memory is its own."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_many_files_need_bounded_memory_and_can_be_resumed(memory: Path) -> None:
    """Thousands of files in less than 200 MB, by processes one of which dies in the middle (FS-11); none twice."""
    made = Lab(folder=memory / "state", logs=memory / "logs")
    content = record(made.now - 100 * DAY, "seen")
    for number in range(MANY_FILES):
        path = made.root / f"{number % 100:02}" / f"old-{number}x.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        set_mtime(path, made.now - DAY)
    made.write("young.log", [1])
    (memory / "state").mkdir()
    died = in_a_process(MANY, memory, MANY_FILES // 2)
    assert died.returncode == 9, died.stderr
    left = len(files_of(made))
    assert 1 < left <= MANY_FILES // 2 + 2, "it died in the middle"
    done = in_a_process(MANY, memory, 0)
    assert done.returncode == 0, done.stderr
    verdict, units, records, most = done.stdout.split()
    assert (verdict, int(units), int(records)) == ("PASS", MANY_FILES, MANY_FILES)
    assert files_of(made) == {"young.log"}
    assert int(most) < 200


# -- what the machine refuses -----------------------------------------------------------------------------------------


def test_one_file_the_system_refuses_leaves_a_partial_purge(tmp_path: Path) -> None:
    """One immutable file of three: the others go, the purge is partial, FAIL and exit code 1 (FS-12); mended, 0."""
    need(os.geteuid() == 0, "setting attributes needs root")
    site = Site(tmp_path)
    refused, *_ = [site.write(name, [100]) for name in ("b.log", "a.log", "c.log")]
    site.write("young.log", [1])
    made = subprocess.run(["chattr", "+i", str(refused)], check=False, capture_output=True)
    need(made.returncode == 0, "this file system has no such attribute")
    try:
        found = site.json("purge", "preview", "app-logs")
        command = ("purge", "run", "--request", found["request"], "--code", found["code"], "--reason", "test", "--json")
        done = site(*command)
        told = json.loads(done.stdout)
        assert (done.returncode, told["verdict"]) == (FAILED, "FAIL")
        assert (told["deleted"]["units"], told["residue"]) == (2, {"denied": 1})
        assert site.json("purge", "show", found["request"])["state"] == "closed_partial"
        assert {path.name for path in site.logs.iterdir()} == {"b.log", "young.log"}
    finally:
        subprocess.run(["chattr", "-i", str(refused)], check=True)
    _, mended = site.purge()
    assert (mended["verdict"], mended["deleted"]["units"]) == ("PASS", 1)


def test_a_read_only_disk_leaves_everything_and_says_so(
    lab: Lab, tmp_path: Path, mounted: Callable[[Path, str], None]
) -> None:
    """A disk that became read-only after the approval: all is residue, nothing is a PASS, nothing is raised (FS-12)."""
    mounted(tmp_path / "disk", "size=1m")
    lab.logs = tmp_path / "disk" / "logs"
    for name in ("a.log", "b.log"):
        lab.write(name, [100])
    lab.write("mixed.log", [100, 1])
    with lab.engine() as engine:
        request = lab.approved(engine)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        request = engine.runner.run(request.id, progress=silent)
        assert (request.state, request.verdict) == (State.CLOSED_PARTIAL, "FAIL")
        assert request.results == {"denied": 3}
        subprocess.run(["mount", "-o", "remount,rw", str(tmp_path / "disk")], check=True)
        assert engine.runner.run(host_request(engine).id, progress=silent).verdict == "PASS"
    assert files_of(lab) == {"mixed.log"}


# -- races ------------------------------------------------------------------------------------------------------------


def can_exchange(folder: Path) -> bool:
    """Tell whether two names can be exchanged here."""
    (folder / "one").touch()
    (folder / "two").touch()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return exchange(descriptor, b"one", b"two")
    finally:
        os.close(descriptor)


def test_a_folder_swapped_during_whole_purges_leads_nowhere(lab: Lab, tmp_path: Path) -> None:
    """A folder and a link exchanged without pause while purge after purge runs: the victim survives (FS-15).

    The naive executor falls in the same race; and ours deletes: the folder's own old logs do go.
    """
    need(can_exchange(tmp_path), "this file system cannot exchange names")
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "app.log"
    lab.write("service/app.log", [100])
    (lab.root / "link").symlink_to(outside)
    gone = [0]

    def prepare_race() -> None:
        for folder in ("service", "link"):
            with contextlib.suppress(OSError):
                lab.write(f"{folder}/app.log", [100], quiet_for=100 * DAY)
        victim.write_bytes(record(lab.now - 100 * DAY, "somebody else's"))
        set_mtime(victim, lab.now - 100 * DAY)

    def naive() -> bool:
        prepare_race()
        with contextlib.suppress(OSError):
            naive_purge(lab.root, lab.now - 83 * DAY)
        return not victim.exists()

    with swapping(lab.root, "service", "link"):
        assert runs(naive, 20) == -1, "the naive executor has to fall"
    with lab.engine() as engine:

        def ours() -> bool:
            prepare_race()
            with contextlib.suppress(SourceError):  # exchanged while it was measured
                request = engine.runner.run(host_request(engine).id, progress=silent)
                gone[0] += request.results.get("deleted", 0)
            return not victim.exists()

        with swapping(lab.root, "service", "link"):
            assert runs(ours, enough=lambda count: count > LEAST_RACES and gone[0] > 0) > LEAST_RACES
    assert gone[0] > 0


@pytest.mark.parametrize("at", range(3))
def test_a_folder_swapped_at_the_worst_moment_leads_nowhere(lab: Lab, tmp_path: Path, at: int) -> None:
    """Just before the commit of any unit its folder becomes a link to a folder with the very same files (FS-15)."""
    outside = tmp_path / "outside"
    for name in ("a.log", "b.log", "c.log"):
        lab.write(f"service/{name}", [100], quiet_for=100 * DAY)
    naive = naive_plan(lab.root, lab.now - 83 * DAY)
    shutil.copytree(lab.root / "service", outside)
    watched = Watched(lab)
    seen = iter(range(9))

    def swap(_: Planned) -> None:
        if next(seen) == at:
            (lab.root / "service").rename(lab.folder / "real")
            (lab.root / "service").symlink_to(outside)

    with lab.engine() as engine:
        request = host_request(engine)
        watched.between.before_commit = swap
        request = engine.runner.run(request.id, progress=silent)
    assert len(list(outside.iterdir())) == 3
    assert request.verdict != "PASS" or not any((lab.folder / "real").iterdir())
    (lab.root / "service").unlink()
    (lab.folder / "real").rename(lab.root / "service")
    shutil.rmtree(lab.root / "service")
    (lab.root / "service").symlink_to(outside)
    with contextlib.suppress(OSError):
        for path in naive:
            path.unlink()
    assert list(outside.iterdir()) == [], "a plan of paths has to fall"


# -- ages -------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.lists(st.sampled_from([0, 1, 30, 82.9, 83, 83.000001, 84, 89, 90, 91, 400]), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    ),
    touched=st.sampled_from([1, 100, 20_000]),
)
def test_nothing_younger_than_the_cutoff_is_ever_planned(memory: Path, files: list[list[float]], touched: int) -> None:
    """Whatever ages mix, and whatever the files' own times claim, no row reaches to the cutoff (FS-24).

    A row that cuts records out promises exactly the young ones; and what is old everywhere is planned.
    """
    lab = Lab(folder=Path(tempfile.mkdtemp(dir=memory)) / "lab")
    for number, ages in enumerate(files):
        lab.write(f"{number}.log", ages, quiet_for=touched * DAY)
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        rows = {row.unit.name: row for row in lab.stores.manifests.load(request.id, root=request.preview.root)}
    assert all(row.hi < request.cutoff for row in rows.values())
    for number, ages in enumerate(files):
        old = [age for age in ages if lab.now - round(age * DAY) < request.cutoff]
        row = rows.get(b"%d.log" % number)
        assert (row is not None) == bool(old)
        assert row is None or (row.records, row.kept_records) == (len(old), len(ages) - len(old))
        assert row is None or (row.action.value == "delete") == (len(old) == len(ages))


# -- archives and long lines ------------------------------------------------------------------------------------------

MEASURED = """
import sys
from pathlib import Path
from data.stores.tinydb_retention import open_retention
from tests.data.purge.lab import HOST, SOURCE, Lab, silent

folder = Path(sys.argv[1])
lab = Lab(folder=folder / "state", logs=folder / "logs", stores=open_retention(folder / "stores"))
with lab.engine() as engine:
    found = engine.purges.preview(HOST, SOURCE, silent)
    engine.purges.break_glass(HOST, found.id, found.code, "test")
    done = engine.runner.run(found.id, progress=silent)
status = Path("/proc/self/status").read_text()
print(done.verdict, dict(done.results), int(status.split("VmHWM:")[1].split()[0]) // 1024, sep="|")
"""
NAIVE_READER = """
import gzip, sys
from pathlib import Path
for path in Path(sys.argv[1], "logs").iterdir():
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        for line in file:
            pass
status = Path("/proc/self/status").read_text()
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def measured(folder: Path) -> tuple[str, str, int]:
    """Purge in a process of its own; give verdict, results and the most memory it had, in MiB."""
    done = in_a_process(MEASURED, folder)
    assert done.returncode == 0, done.stderr
    verdict, results, memory = done.stdout.strip().split("|")
    return verdict, results, int(memory)


def naive_memory(folder: Path) -> int:
    """Read all logs line by line in a process of its own; give the most memory it had, in MiB."""
    return int(in_a_process(NAIVE_READER, folder).stdout)


def test_a_bomb_goes_by_age_and_is_never_unpacked(memory: Path) -> None:
    """200 KB that unpack to 200 MiB: the old one goes as a whole, the young one stays, memory is bounded (FS-25)."""
    made = Lab(folder=memory / "state", logs=memory / "logs")
    bomb = gzip.compress(record(made.now - 100 * DAY, "old") + b"x" * (200 * MIB))
    assert len(bomb) < 256 << 10
    for name, days in (("old.log.gz", 99), ("young.log.gz", 5)):
        (made.root / name).write_bytes(bomb)
        set_mtime(made.root / name, made.now - days * DAY)
    assert naive_memory(memory) > 200, "reading it line by line has to fall"
    verdict, results, most = measured(memory)
    assert (verdict, results) == ("PASS", "{'damaged': 1, 'deleted': 1}")
    assert files_of(made) == {"young.log.gz"}
    assert most < 200


@pytest.mark.parametrize("filler", [b"x", b"\0"], ids=["text", "hole"])
def test_a_line_without_end_needs_no_memory(memory: Path, filler: bytes) -> None:
    """One line of 256 MiB, of text or a hole: memory stays below 200 MB, what is young stays (FS-27); others go."""
    made = Lab(folder=memory / "state", logs=memory / "logs")
    path = made.write("long.log", [100])
    with path.open("r+b") as file:
        file.write(record(made.now - 100 * DAY, "x")[:-3])
        if filler == b"\0":
            file.truncate(256 * MIB)
            file.seek(0, os.SEEK_END)
        for _ in range(256 if filler != b"\0" else 0):
            file.write(filler * MIB)
        file.write(b'"}\n' + record(made.now - 5 * DAY, "young"))
    set_mtime(path, made.now - 5 * DAY)
    made.write("old.log", [100])
    assert naive_memory(memory) > 256, "reading it line by line has to fall"
    verdict, _, most = measured(memory)
    assert verdict == "PASS"
    assert most < 200
    assert files_of(made) == {"long.log"}
    assert path.read_bytes()[-200:].endswith(record(made.now - 5 * DAY, "young"))


def truncated(content: bytes) -> bytes:
    """Cut an archive short."""
    return content[: len(content) // 2]


def garbage(content: bytes) -> bytes:
    """Leave only the first bytes of an archive."""
    return content[:10] + bytes(range(256))


def nested(content: bytes) -> bytes:
    """Pack an archive once more."""
    return gzip.compress(content, mtime=0)


def encrypted(content: bytes) -> bytes:
    """Give a zip of which somebody else has the pass phrase: each header says so."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("app.log", gzip.decompress(content))
    return (
        made.getvalue()
        .replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0")
        .replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
    )


@pytest.mark.parametrize("damage", [truncated, garbage, nested, encrypted], ids=lambda damage: str(damage.__name__))
def test_a_damaged_archive_goes_by_age_alone(lab: Lab, damage: Callable[[bytes], bytes]) -> None:
    """An archive nobody can read is named, goes when it is old, stays when it is young (FS-26); a sound one is cut."""
    content = gzip.compress(record(lab.now - 100 * DAY, "old") + record(lab.now - 5 * DAY, "young"))
    for name, days, packed in (
        ("old.log.gz", 99, damage(content)),
        ("young.log.gz", 5, damage(content)),
        ("sound.log.gz", 5, content),
        ("row.log.gz", 5, gzip.compress(record(lab.now - 100 * DAY, "old")) + gzip.compress(b"")),
    ):
        (lab.root / name).write_bytes(packed)
        set_mtime(lab.root / name, lab.now - days * DAY)
    found = [unit for unit in lab.source().measure(lab.rule.marks(lab.now)) if isinstance(unit, Measured)]
    assert {unit.unit.name for unit in found if unit.reading.damaged} == {b"old.log.gz", b"young.log.gz"}
    request = lab.purge_at_once()
    assert request.results == {"damaged": 1, "deleted": 2, "rewritten": 1}
    assert files_of(lab) == {"young.log.gz", "sound.log.gz"}
    assert (lab.root / "young.log.gz").read_bytes() == damage(content)
    assert gzip.decompress((lab.root / "sound.log.gz").read_bytes()) == record(lab.now - 5 * DAY, "young")


# -- patterns ---------------------------------------------------------------------------------------------------------


def test_no_pattern_of_the_settings_is_a_regular_expression(tmp_path: Path) -> None:
    """What would run for ever as a regular expression is only a name with odd letters in it (FS-28)."""
    evil = "(a+)+$"
    slow = f"import re; re.match({evil!r}, {'a' * 40 + '!'!r})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", slow], check=False, timeout=2)
    config = FilesConfig(id="x", title="", data_kind="log", root=tmp_path, include=(evil,))
    assert not config.matcher().match("a" * 250 + "!")
    assert config.matcher().match(evil)


# -- a full disk ------------------------------------------------------------------------------------------------------


def approved_in(folder: Path) -> str:
    """Take a purge of six hundred old files to its last approval, with logs, stores and audit below a folder."""
    with opened(folder) as (lab, engine):
        for number in range(600):
            lab.write(f"old-{number}.log", [100])
        lab.write("young.log", [1])
        request = engine.purges.preview(ALICE, SOURCE, silent)
        request = engine.purges.confirm(ALICE, request.id, request.code)
        return engine.purges.approve(BOB, request.id, request.digest).id


def test_a_full_log_disk_is_purged(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """Not a byte is free where the logs lie, and a whole purge of them is a PASS (FS-29)."""
    mounted(tmp_path / "logs", "size=6m")
    found = approved_in(tmp_path)
    fill(tmp_path / "logs")
    with opened(tmp_path, minutes=20) as (_, engine):
        assert engine.runner.run(found, progress=silent).verdict == "PASS"
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"young.log", "filler"}


def test_a_full_disk_that_holds_the_state_too_is_purged(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """Logs, stores and audit on one disk without a free byte: what the audit put by is enough to purge (FS-29)."""
    mounted(tmp_path / "disk", "size=24m")
    found = approved_in(tmp_path / "disk")
    fill(tmp_path / "disk")
    with opened(tmp_path / "disk", minutes=20) as (_, engine):
        assert engine.runner.run(found, progress=silent).verdict == "PASS"
    assert {path.name for path in (tmp_path / "disk" / "logs").iterdir()} == {"young.log"}


# -- kills ------------------------------------------------------------------------------------------------------------


def test_a_kill_at_every_unlink_is_resumed_exactly(shim: Path, memory: Path) -> None:
    """Killed before, after and by a power cut at each unlink of a log: the rest goes once, counts are exact (FS-30)."""
    (memory / "dry").mkdir()
    prepare(memory / "dry")
    with Crashes(shim, SCRIPT) as crashes:
        calls = [call for call in crashes.trace(memory / "dry") if call.op != "note"]
        places = [
            Point(task="", call=place, mode=mode, what=call)
            for place, call in enumerate(calls, start=1)
            for mode in (Mode.BEFORE, Mode.AFTER, Mode.LOSE)
            if call.op == "unlink" and call.path.startswith("logs/") and not call.failed
        ]
        assert len(places) == 3 * (len(OLD) + 1)
        for number, point in enumerate(places):
            folder = memory / f"kill-{number}"
            folder.mkdir()
            prepare(folder)
            outcome = crashes.run(folder, point=point)
            assert outcome.killed, point
            look(folder, outcome)
            counted = [entry.data["counts"] for entry in results_of(folder)]
            assert [sum(counts.values()) for counts in counted] == [len(OLD) + 1], point


def results_of(folder: Path) -> list[AuditEntry]:
    """Read what the audit says has become of the units, once for each batch."""
    entries = read_audit(folder / "state" / "audit").entries()
    return [entry for entry in entries if entry.kind in {"purge.result", "purge.recovered"}]
