"""Kills or fails a scenario at every state-changing system call, and checks what is left.

A *scenario* is a small script with one function::

    def run(folder: Path, ack: Callable[[object], None], task: str) -> None: ...

It does its work below `folder` and calls `ack(word)` after each promise that was kept (a call that returned). What was
acknowledged before the end is given to the check, whatever happened later. `task` tells scripts with variants which one
to run; it is any text.

`run_points` runs it once to count the calls (`Crashes.trace`), then once for every pair of call and `Mode`, each time
in a fresh folder that `setup` fills, in a fork of one process that has imported the script already. After each run
`resume` (if there is one) mends what a restart would mend, in the test's own process, then `check` looks at what is
there and raises for anything wrong. All failures are gathered in the `Report`, so that a test of a naive version can
say how many there are::

    with Crashes(shim, SCRIPT) as crashes:
        report = run_points(crashes, tmp_path, setup=fill, check=look, resume=open_and_recover, most=200)
    report.must_be_clean()

`most` bounds the number of points (spread over all of them by a fixed seed); `PROCALL_ALL_POINTS=1` runs all.
`kill_at_random` kills a scenario at random moments: one that never ends in one folder, or one that ends in fresh ones.
`undurable` reads a trace and names what was not flushed to the disk when something was acknowledged: kills alone cannot
show that, because the kernel still has the data.

The shim is built by the fixture `shim` in conftest.py. The calls must be the same in each run of a task: no random
names of varying number, no threads that race. Everything that writes has to go through the C library.
"""

import json
import os
import random
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, unique
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.domain import ROOT

_PATIENCE = 120
"""Seconds after which a silent runner is taken for dead."""


@unique
class Mode(IntEnum):
    """What happens at the chosen call; the numbers are those of shim.c."""

    COUNT = 0
    BEFORE = 1
    """Killed before it."""
    HALF = 2
    """Killed after half of the data was written."""
    AFTER = 3
    """Killed after it."""
    FULL = 4
    """It fails with ENOSPC and the program goes on."""
    BROKEN = 5
    """It fails with EIO and the program goes on."""
    SHORT = 6
    """Only half of the data is taken, which is no error."""
    BROKEN_AFTER = 7
    """It happens and EIO is reported all the same."""
    LOSE = 8
    """Power cut before it: data that no fsync followed are gone from the files, their names stay."""


KILLS = (Mode.BEFORE, Mode.HALF, Mode.AFTER, Mode.LOSE)
FAULTS = (Mode.FULL, Mode.BROKEN, Mode.SHORT, Mode.BROKEN_AFTER)
ALL_MODES = KILLS + FAULTS
_WRITES = {"write", "pwrite", "writev", "copy_file_range", "sendfile"}
_ONLY_WRITES = {Mode.HALF, Mode.SHORT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One counted call: what, where below the folder, and where to; `note` is an acknowledgement."""

    op: str
    path: str
    to: str = ""
    failed: bool = False
    """It returned an error of the machine's own: a folder that was there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a run was disturbed, and how."""

    task: str
    call: int
    """From 1."""
    mode: Mode
    what: Call

    def __str__(self) -> str:
        return f"{self.task or 'run'}: {self.mode.name} call {self.call} ({self.what.op} {self.what.path})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is known of one run."""

    task: str
    acks: tuple[str, ...]
    """What was acknowledged, in order."""
    killed: bool
    done: bool
    """Whether the scenario came to its end, by an error or not."""
    error: str = ""
    """The traceback of what the scenario raised."""
    trace: tuple[Call, ...] = ()
    point: Point | None = None


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of all points."""

    points: int = 0
    killed: int = 0
    failures: list[str] = field(default_factory=list)
    by_mode: Counter[str] = field(default_factory=Counter)

    def must_be_clean(self) -> None:
        """Fail with the first failures, if there are any, or if nothing was tried at all."""
        assert self.points > 0
        shown = "\n".join(self.failures[:8])
        assert not self.failures, f"{len(self.failures)} of {self.points} points failed, the first:\n{shown}"


Check = Callable[[Path, Outcome], None]


class Crashes:
    """One process that has imported a scenario and forks a child for each run; use it in a `with` statement."""

    def __init__(self, shim: Path, script: Path) -> None:
        self._shim, self._script = shim, script
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("runner.py")), str(self._script)],
            cwd=ROOT,
            env=os.environ | {"LD_PRELOAD": str(self._shim), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready\n", "the runner did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, folder: Path, *, task: str = "", point: Point | None = None, traced: bool = False) -> Outcome:
        """Run the scenario once, disturbed at a point or not at all."""
        order: dict[str, Any] = {"folder": str(folder), "task": task, "traced": traced, "call": 0, "mode": 0}
        if point is not None:
            order |= {"call": point.call, "mode": int(point.mode)}
        return self._order(order, point)

    def kill_after(self, folder: Path, *, acks: int, delay: float, task: str = "") -> Outcome:
        """Run the scenario and kill it some seconds after its n-th acknowledgement."""
        return self._order({"folder": str(folder), "task": task, "call": 0, "mode": 0, "after": acks, "delay": delay})

    def trace(self, folder: Path, *, task: str = "") -> tuple[Call, ...]:
        """Run the scenario undisturbed and list its calls; it must not raise."""
        outcome = self.run(folder, task=task, traced=True)
        assert not outcome.error, outcome.error
        assert outcome.done
        return outcome.trace

    def _order(self, order: dict[str, Any], point: Point | None = None) -> Outcome:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._answer())
        return Outcome(
            task=order["task"],
            acks=tuple(found["acks"]),
            killed=found["killed"],
            done=found["done"],
            error=found["error"],
            trace=tuple(
                Call(op=op[4:], path=path, to=to, failed=op.startswith("not")) for op, path, to in found["trace"]
            ),
            point=point,
        )

    def _answer(self) -> str:
        assert self._process.stdout is not None
        assert select.select([self._process.stdout], [], [], _PATIENCE)[0], "the runner says nothing"
        return self._process.stdout.readline()


def point_at(trace: Sequence[Call], number: int, what: Call, mode: Mode, *, task: str = "") -> Point:
    """Give the point at the n-th of the calls that are like this one."""
    calls = [call for call in trace if call.op != "note"]
    places = [place for place, call in enumerate(calls, start=1) if call == what]
    return Point(task=task, call=places[number - 1], mode=mode, what=what)


def run_points(
    crashes: Crashes,
    workspace: Path,
    *,
    check: Check,
    setup: Callable[[Path], None] = lambda _: None,
    resume: Callable[[Path], None] = lambda _: None,
    modes: Sequence[Mode] = ALL_MODES,
    tasks: Sequence[str] = ("",),
    most: int = 400,
) -> Report:
    """Run every task once for each call and mode, in fresh folders below `workspace`; see the module's docstring.

    The undisturbed run of each task is resumed and checked too, and its failure raises at once: it is the positive
    control.
    """
    points = []
    for number, task in enumerate(tasks):
        folder = _fresh(workspace, f"dry-{number}", setup)
        outcome = crashes.run(folder, task=task, traced=True)
        assert not outcome.error, outcome.error
        resume(folder)
        check(folder, outcome)
        shutil.rmtree(folder)
        points += list(_points_of(task, outcome.trace, modes))
    report = Report()
    for point in _spread(points, most):
        folder = _fresh(workspace, "point", setup)
        outcome = crashes.run(folder, task=point.task, point=point)
        report.points += 1
        report.killed += outcome.killed
        report.by_mode[point.mode.name] += 1
        try:
            resume(folder)
            check(folder, outcome)
        except Exception as error:  # noqa: BLE001  an unreadable store raises whatever it likes
            report.failures.append(f"{point}: {type(error).__name__}: {str(error)[:300]} (acks: {outcome.acks})")
        shutil.rmtree(folder, ignore_errors=True)
    return report


def kill_at_random(
    crashes: Crashes,
    folder: Path,
    *,
    check: Check,
    setup: Callable[[Path], None] | None = None,
    rounds: int = 200,
    longest: float = 0.004,
    task: str = "",
    seed: int = 9,
) -> Report:
    """Run a scenario and kill it at a random moment, as many times as asked; then `check` looks and raises.

    Each round is killed up to `longest` seconds after one of its first acknowledgements. Without `setup` all rounds go
    on in the same folder with a scenario that never ends: what was there before a round, the check has to remember.
    With it each round has a fresh folder below `folder`, and a scenario that ends sooner is no failure.
    """
    pick = random.Random(seed)  # noqa: S311  no secrets
    report = Report()
    for number in range(rounds):
        place = folder if setup is None else _fresh(folder, "round", setup)
        acks = pick.randint(0, 6) if setup is None else 0
        outcome = crashes.kill_after(place, acks=acks, delay=pick.random() * longest, task=task)
        assert not outcome.error, outcome.error
        report.points += 1
        report.killed += outcome.killed
        try:
            check(place, outcome)
        except Exception as error:  # noqa: BLE001  see above
            report.failures.append(f"round {number}: {type(error).__name__}: {str(error)[:300]}")
    return report


def undurable(trace: Sequence[Call]) -> list[str]:
    """Name what an acknowledgement promised though no fsync had followed: data of files, and names in folders.

    A name counts as flushed when its folder was flushed after it was made, changed or removed.
    """
    data: set[str] = set()
    names: dict[str, str] = {}
    found = []
    for call in trace:
        if call.failed:
            continue
        if call.op == "note":
            found += [f"{call.path}: data of {path}" for path in sorted(data)]
            found += [f"{call.path}: name {path}" for path in sorted(names)]
        elif call.op in _WRITES | {"ftruncate", "fallocate"}:
            data.add(call.path)
        elif call.op in {"fsync", "fdatasync"}:
            data.discard(call.path)
            names = {name: parent for name, parent in names.items() if parent != call.path}
        elif call.op in {"open", "unlink", "mkdir", "rmdir", "rename", "link", "symlink"}:
            _rename(call, data)
            for path in filter(None, (call.path if call.op != "link" else "", call.to)):
                names[path] = os.path.dirname(path) or "."  # noqa: PTH120  a text, no path of this machine
    return found


def _rename(call: Call, data: set[str]) -> None:
    if call.op == "unlink":
        data.discard(call.path)
    if call.op == "rename":
        data.discard(call.to)
        if call.path in data:
            data.remove(call.path)
            data.add(call.to)


def _fresh(workspace: Path, name: str, setup: Callable[[Path], None]) -> Path:
    folder = workspace / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    setup(folder)
    return folder


def _points_of(task: str, trace: Sequence[Call], modes: Sequence[Mode]) -> Iterator[Point]:
    calls = [call for call in trace if call.op != "note"]
    for number, call in enumerate(calls, start=1):
        if calls[number - 2 : number + 1] == [call] * 3 and not all_points():
            continue  # in the middle of a long row of equal writes
        for mode in modes:
            if mode not in _ONLY_WRITES or call.op in _WRITES:
                yield Point(task=task, call=number, mode=mode, what=call)


def _spread(points: Sequence[Point], most: int) -> Sequence[Point]:
    if all_points() or len(points) <= most:
        return points
    chosen = random.Random(7).sample(range(len(points)), most)  # noqa: S311  no secrets
    return [points[number] for number in sorted(chosen)]


def all_points() -> bool:
    """Tell whether nothing is to be sampled."""
    return os.environ.get("PROCALL_ALL_POINTS") == "1"
