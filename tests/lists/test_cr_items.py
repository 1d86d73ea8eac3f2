"""Items of the CR list (security.md 8) for the whole engine: what a crash, a full or a sick disk does to a purge."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from data.audit.reading import read_audit
from data.errors import StateError
from data.purge.engine import Engine
from data.purge.parts import Outcome as Purged
from data.purge.parts import Written
from data.retention.request import State
from tests.crash.driver import Call, Crashes, Mode, Outcome, Point
from tests.crash.scenario_purge import AGES, OLD, opened, prepare
from tests.crash.test_crash_purge import SCRIPT, look
from tests.data.purge.lab import Lab, Papers, silent
from tests.data.purge.test_purge_runs import CrashError, Watched, crash_at, files_of
from tests.data.sources.faults import fill
from tests.domain import ROOT, need
from tests.test_retention_cli import DONE, FAILED, Site

UNDISTURBED = Outcome(task="", acks=(), killed=False, done=True)


def told(folder: Path) -> Counter[str]:
    """Count the entries of a purge's audit by kind."""
    return Counter(entry.kind for entry in read_audit(folder / "state" / "audit").entries())


# -- CR-10, 11 --------------------------------------------------------------------------------------------------------


def between(calls: list[Call]) -> tuple[range, range]:
    """Find the calls from the flushed intent to the first file that goes, and from the last one to the flushed result.

    Numbers from 1; both ends belong to the ranges.
    """
    acts = [place for place, call in enumerate(calls, start=1) if call.path.startswith("logs/") and not call.failed]
    first, last = acts[0], max(place for place in acts if calls[place - 1].op == "unlink")
    flushed = [place for place, call in enumerate(calls, start=1) if call.op == "fdatasync" and "audit-" in call.path]
    intent = max(place for place in flushed if place < first)
    result = min(place for place in flushed if place > last)
    return range(intent, first + 1), range(last, result + 1)


@pytest.mark.parametrize("ahead", [True, False], ids=["before the first unlink", "after the last one"])
def test_a_kill_at_either_end_of_a_batch_leaves_one_record(shim: Path, memory: Path, ahead: bool) -> None:
    """Dead between intent and first deletion (CR-10), or between the last one and the result (CR-11): one of each.

    The next start finishes it, one intent has one result, the request is closed once, and the counts are right.
    """
    dry = memory / "dry"
    dry.mkdir()
    prepare(dry)
    with Crashes(shim, SCRIPT) as crashes:
        calls = [call for call in crashes.trace(dry) if call.op != "note"]
        assert told(dry)["purge.result"] == told(dry)["purge.intent"] == 1, "the control: undisturbed"
        window = between(calls)[0 if ahead else 1]
        places = [(place, mode) for place in window for mode in (Mode.BEFORE, Mode.AFTER, Mode.LOSE)]
        for number, (place, mode) in enumerate(places[1:-2]):
            folder = memory / f"kill-{number}"
            folder.mkdir()
            prepare(folder)
            outcome = crashes.run(folder, point=Point(task="", call=place, mode=mode, what=calls[place - 1]))
            assert outcome.killed
            gone = len(OLD) - sum((folder / "logs" / name).exists() for name in OLD)
            assert gone == (0 if ahead else len(OLD)) or (ahead and mode is Mode.AFTER and gone == 1)
            look(folder, outcome)
            kinds = told(folder)
            assert kinds["purge.intent"] == 1
            assert kinds["purge.result"] + kinds["purge.recovered"] == 1
            assert kinds["request.closed"] == 1


class Dying(Papers):
    """Documents whose writer dies the first time."""

    def write(self, outcome: Purged, *, previous: str) -> Written:
        """Die before the first document is there, and keep the later ones."""
        if not self.written:
            self.written.append(outcome)
            raise CrashError
        return super().write(outcome, previous=previous)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_crash_after_the_recovery_records_nothing_twice(lab: Lab, at: int) -> None:
    """Dead in the middle of a batch, and dead again when it had been recovered: the third start counts once (CR-11)."""
    for number in range(4):
        lab.write(f"old-{number}x.log", [100, 99])
    lab.write("young.log", [1])
    lab.papers = Dying()
    watched = Watched(lab)
    with lab.engine() as engine:
        request = lab.approved(engine)
        watched.between.before_commit = crash_at(at)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    with lab.engine() as engine, pytest.raises(CrashError):
        engine.runner.run(request.id, progress=silent)
    assert files_of(lab) == {"young.log"}, "all is done, and nothing is closed"
    with lab.engine() as engine:
        done = engine.runner.run(request.id, progress=silent)
        kinds = Counter(entry.kind for entry in engine.parts.audit.entries(request.id))
    assert (kinds["purge.intent"], kinds["purge.recovered"], kinds["request.closed"]) == (1, 1, 1)
    assert (done.verdict, sum(done.results.values()), done.gone.records) == ("PASS", 4, 8)


# -- CR-04, EIO by strace ---------------------------------------------------------------------------------------------

RUN = """
import sys
from pathlib import Path
from data.errors import ProcallError
from tests.crash.scenario_purge import finish
try:
    print(finish(Path(sys.argv[1]), minutes=20).state)
except ProcallError as error:
    print("refused", type(error).__name__, error)
"""


def traced(folder: Path, call: str, *, fail: int = 0) -> tuple[list[str], str]:
    """Run a purge under strace, with EIO from the so-many-th call of this name; give the files of all, and the answer.

    strace counts each name of a call by itself, so a run looks at one of `fsync` and `fdatasync` only.
    """
    out = folder.parent / f"{folder.name}.trace"
    inject = ["-e", f"inject={call}:error=EIO:when={fail}"] if fail else []
    tracer = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-o", str(out), "-e", f"trace={call}", *inject]
    done = subprocess.run(
        [*tracer, sys.executable, "-c", RUN, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    need("ptrace" not in done.stderr, "strace may not look at processes here")
    assert done.returncode == 0, done.stderr
    lines = out.read_text().splitlines()
    assert sum("(INJECTED)" in line for line in lines) == bool(fail), "exactly this one failed"
    return [found.group(1) for line in lines if (found := re.search(r"sync\(\d+<(.*?)>", line))], done.stdout


def test_an_audit_that_cannot_be_flushed_stops_the_purge(memory: Path) -> None:
    """The kernel itself reports EIO for a flush of the audit (CR-04): no further flush of it, nothing more deleted.

    Without opening entry or intent not one file goes; when the disk is well again the purge is ended.
    """
    need(shutil.which("strace"), "strace makes a flush fail")
    (memory / "dry").mkdir()
    prepare(memory / "dry")
    flushed, said = traced(memory / "dry", "fdatasync")
    assert said == "closed_clean\n"
    audits = [place for place, path in enumerate(flushed, start=1) if "audit-" in path]
    for entry, name in enumerate(("opening", "intent", "result"), start=1):
        folder = memory / name
        folder.mkdir()
        prepare(folder)
        flushed, said = traced(folder, "fdatasync", fail=audits[entry - 1])
        assert said.startswith("refused StateError"), said
        assert sum("audit-" in path for path in flushed) == entry, "it was not asked again"
        there = {path.name for path in (folder / "logs").iterdir()}
        assert there == ({"mixed.log", "young.log"} if name == "result" else set(AGES))
        look(folder, UNDISTURBED)
        assert opened_state(folder) is State.CLOSED_CLEAN


def opened_state(folder: Path) -> State:
    """Give the state in which a purge is."""
    with opened(folder, minutes=60) as (lab, _):
        return lab.stores.requests.get((folder / "request").read_text()).state


def test_a_store_that_cannot_be_flushed_deletes_nothing(memory: Path) -> None:
    """EIO from the flush of the store's new file (CR-04): the store falls silent, the purge is refused, old state."""
    need(shutil.which("strace"), "strace makes a flush fail")
    folder = memory / "sick"
    folder.mkdir()
    prepare(folder)
    before = (folder / "state" / "retention.json").read_bytes()
    flushed, said = traced(folder, "fsync", fail=1)
    assert "retention.json" in flushed[0]
    assert said.startswith("refused StateError"), said
    assert sum("retention.json" in path for path in flushed) == 1, "it was not asked again"
    assert (folder / "state" / "retention.json").read_bytes() == before
    assert {path.name for path in (folder / "logs").iterdir()} == set(AGES)
    look(folder, UNDISTURBED)
    assert opened_state(folder) is State.CLOSED_CLEAN


# -- CR-05 ------------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_flushed_leaves_a_purge_that_can_be_repeated(shim: Path, memory: Path) -> None:
    """EIO from every flush of a folder, of state or logs, in a whole purge (CR-05): the next run ends it rightly."""
    (memory / "dry").mkdir()
    prepare(memory / "dry")
    with Crashes(shim, SCRIPT) as crashes:
        calls = [call for call in crashes.trace(memory / "dry") if call.op != "note"]
        flushes = [place for place, call in enumerate(calls, start=1) if call.op == "fsync" and "." not in call.path]
        assert {calls[place - 1].path for place in flushes} >= {"state", "logs"}
        for place in flushes[:: max(1, len(flushes) // 12)]:
            folder = memory / f"eio-{place}"
            folder.mkdir()
            prepare(folder)
            point = Point(task="", call=place, mode=Mode.BROKEN, what=calls[place - 1])
            look(folder, crashes.run(folder, point=point))


# -- CR-06, 13 --------------------------------------------------------------------------------------------------------


def test_an_empty_state_file_is_no_first_start(tmp_path: Path) -> None:
    """A state file of no bytes: the start is refused with a hint, nothing is purged; put right, it goes on (CR-06)."""
    site = Site(tmp_path)
    site.write("old.log", [100])
    found = site.json("purge", "preview", "app-logs")
    run = ("purge", "run", "--request", found["request"], "--code", found["code"], "--reason", "test")
    state = tmp_path / "var" / "retention.json"
    content = state.read_bytes()
    state.write_bytes(b"")
    done = site(*run)
    assert done.returncode == FAILED
    assert "retention.json.1" in done.stderr, "it says where the generation before is"
    assert (site.logs / "old.log").exists()
    assert state.read_bytes() == b"", "and nothing was written over it"
    state.write_bytes(content)
    assert site(*run).returncode == DONE
    assert not (site.logs / "old.log").exists()


# -- CR-23 ------------------------------------------------------------------------------------------------------------


def test_a_full_audit_disk_refuses_purges_and_answers_questions(
    tmp_path: Path, mounted: Callable[[Path, str], None]
) -> None:
    """No byte for the audit, its reserve spent: preview and run are refused, a question is answered (CR-23)."""
    mounted(tmp_path / "var", "size=12m,mode=0700")
    site = Site(tmp_path)
    site.write("old.log", [100])
    found = site.json("purge", "preview", "app-logs")
    (tmp_path / "var" / "audit" / "audit.reserve").unlink()
    fill(tmp_path / "var")
    run = ("purge", "run", "--request", found["request"], "--code", found["code"], "--reason", "test")
    for command in (run, ("purge", "preview", "app-logs")):
        done = site(*command)
        assert (done.returncode, "Traceback" in done.stderr) == (FAILED, False), done.stderr
        assert "space" in done.stderr
    assert (site.logs / "old.log").exists()
    answer = site("ask", "--json", "Welche Daten werden beim Push verarbeitet?")
    assert json.loads(answer.stdout)["outcome"] == "answer"
    (tmp_path / "var" / "filler").unlink()
    assert site(*run).returncode == DONE, "with room again it runs"
    assert not (site.logs / "old.log").exists()


def exhaust(engine: Engine) -> None:
    """Record until nothing more can be: what is left of the file's last page takes a few entries."""
    while True:
        engine.parts.audit.append("test.filler", "system", "", {})


def test_a_full_audit_disk_deletes_nothing_even_if_the_stores_have_room(
    lab: Lab, mounted: Callable[[Path, str], None]
) -> None:
    """Only the audit is on the full disk: the opening entry cannot be made, so nothing goes (CR-23)."""
    lab.folder.mkdir()
    mounted(lab.folder / "audit", "size=8m,mode=0700")
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        (lab.folder / "audit" / "audit.reserve").unlink()
        fill(lab.folder / "audit")
        with pytest.raises(StateError, match="space"):
            exhaust(engine)
        with pytest.raises(StateError, match="space"):
            engine.runner.run(request.id, progress=silent)
        assert files_of(lab) == {"old.log"}
        (lab.folder / "audit" / "filler").unlink()
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"
    assert files_of(lab) == set()
