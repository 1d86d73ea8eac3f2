"""Whatever call the machine dies or fails at, the stores are readable and hold what they promised (CR 01-06, 09)."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tinydb import TinyDB

from data.retention.manifest import order_of, row_of
from data.retention.merkle import merkle_root
from data.stores.interface import RetentionStores
from data.stores.tinydb_retention import open_retention
from tests.crash.driver import ALL_MODES, Call, Crashes, Mode, Outcome, kill_at_random, point_at, run_points, undurable
from tests.crash.scenario_stores import FIRST, planned_rows

HERE = Path(__file__).parent
STORES = HERE / "scenario_stores.py"
NAIVE = HERE / "scenario_json_storage.py"
LOAD = HERE / "scenario_load.py"
SEQUENCES = ["".join(letters) for length in (1, 2, 3) for letters in itertools.product("arhm", repeat=length)]
OTHERS = ["p", "pf", "x", "xx", "pfp", "xaf", "fpx"]
ROOT_OF_ROWS = merkle_root(row_of(row) for row in sorted(planned_rows(), key=order_of)).hex()


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[Path], None]:
    """Give what fills a folder with one request, as a bot had it before the crash."""
    template = tmp_path / "template"
    stores = open_retention(template)
    stores.requests.add(FIRST)
    stores.close()

    def fill(folder: Path) -> None:
        shutil.copytree(template, folder, dirs_exist_ok=True)

    return fill


def look(folder: Path, outcome: Outcome) -> None:
    """Open the stores as after a restart: acknowledged changes are there, and the next one goes through."""
    assert not outcome.error, outcome.error
    stores = open_retention(folder)
    try:
        for ack in outcome.acks:
            if ack != "not opened":
                _check_promise(stores, folder, *ack.split(), outcome.task)
        stores.requests.add(replace(FIRST, id="new"))
    finally:
        stores.close()
    assert {found.name for found in folder.iterdir()} <= {
        "retention.json", "retention.json.1", "retention.json.lock", "manifests",
    }  # fmt: skip


def _check_promise(stores: RetentionStores, folder: Path, letter: str, number: str, task: str) -> None:
    later = {n for n, other in enumerate(task, start=1) if other == letter and n > int(number)}
    if letter == "a":
        assert stores.requests.get(f"r-{number}").version == 1
    elif letter == "r":
        assert stores.requests.get("r-0").confirmed_by in {f"p-{n}" for n in (int(number), *later)}
    elif letter == "h":
        assert stores.holds.get(f"h-{number}").active
    elif letter == "m":
        assert (stores.marks.mark_of("app").purged_until or 0) >= int(number)
    elif letter == "p" and "f" not in task[int(number) :]:
        assert stores.people.find("p-1") is not None
    elif letter == "f" and "p" not in task[int(number) :]:
        assert not any(b"secret" in found.read_bytes() for found in folder.rglob("*") if found.is_file())
    elif letter == "x":
        assert len(list(stores.manifests.load(f"x-{number}", root=ROOT_OF_ROWS))) == len(planned_rows())


def test_the_stores_survive_every_sequence_at_every_call(
    shim: Path, arena: Path, filled: Callable[[Path], None]
) -> None:
    """All sequences of up to three changes, killed or failed at every call: 0 unreadable, 0 promises broken."""
    with Crashes(shim, STORES) as crashes:
        report = run_points(crashes, arena, setup=filled, check=look, tasks=SEQUENCES, most=500)
    report.must_be_clean()
    assert report.killed > 150
    assert len(report.by_mode) == len(ALL_MODES)


def test_people_and_manifests_survive_every_call(shim: Path, arena: Path, filled: Callable[[Path], None]) -> None:
    """Who was forgotten is in no file any more, and a manifest is there whole or not at all, at every call."""
    with Crashes(shim, STORES) as crashes:
        run_points(crashes, arena, setup=filled, check=look, tasks=OTHERS, most=200).must_be_clean()


def test_a_first_start_survives_every_call(shim: Path, arena: Path) -> None:
    """Killed at any call of the first start ever, the next start is a first start again, or goes on."""
    with Crashes(shim, STORES) as crashes:
        run_points(crashes, arena, check=look, tasks=["a", "mh"], most=150).must_be_clean()


@pytest.mark.parametrize("letter", "arhmpf")
def test_a_change_of_unknown_outcome_can_be_repeated(
    shim: Path, arena: Path, filled: Callable[[Path], None], letter: str
) -> None:
    """CR-05: where nobody knows whether a change was kept, the same change again is no conflict and is acknowledged."""
    for name in ("dry", "run"):
        (arena / name).mkdir()
        filled(arena / name)
    with Crashes(shim, STORES) as crashes:
        trace = crashes.trace(arena / "dry", task=letter)
        point = point_at(trace, 1, Call(op="fsync", path="."), Mode.BROKEN, task=letter)
        outcome = crashes.run(arena / "run", task=letter, point=point, traced=True)
    assert outcome.acks == (f"{letter} 1",)
    assert sum(call.op == "fsync" and call.path == "." for call in outcome.trace) >= 2, (
        "flushed again before the answer"
    )
    look(arena / "run", outcome)


def test_what_is_acknowledged_is_flushed(shim: Path, arena: Path, filled: Callable[[Path], None]) -> None:
    """At each acknowledgement no data and no name waits for an fsync; the naive version shows that this is noticed."""
    filled(arena)
    with Crashes(shim, STORES) as crashes:
        trace = crashes.trace(arena, task="arhmpfx")
    assert sum(call.op == "note" for call in trace) == 7
    assert undurable(trace) == []
    naive = arena / "naive"
    naive.mkdir()
    with Crashes(shim, NAIVE) as crashes:
        assert undurable(crashes.trace(naive, task="a"))


def test_the_naive_storage_falls(shim: Path, arena: Path) -> None:
    """The same points make TinyDB's own JSON storage unreadable or forgetful: the test can tell."""

    def read(folder: Path, outcome: Outcome) -> None:
        with TinyDB(folder / "retention.json") as database:
            there = {row["number"] for row in database.all()}
        assert {int(ack) for ack in outcome.acks} <= there

    with Crashes(shim, NAIVE) as crashes:
        report = run_points(crashes, arena, check=read, tasks=["aaa", "aas"], most=300)
    assert len(report.failures) >= 5
    assert any("JSONDecodeError" in failure for failure in report.failures)


def test_two_hundred_kills_under_load(shim: Path, arena: Path, filled: Callable[[Path], None]) -> None:
    """After each of 200 kills at random moments the store holds the last acknowledged version, or the one after it."""
    filled(arena)
    last = 1

    def check(folder: Path, outcome: Outcome) -> None:
        nonlocal last
        acknowledged = max([last, *map(int, outcome.acks)])
        stores = open_retention(folder)
        try:
            last = stores.requests.get(FIRST.id).version
        finally:
            stores.close()
        assert acknowledged <= last <= acknowledged + 1

    with Crashes(shim, LOAD) as crashes:
        report = kill_at_random(crashes, arena, check=check)
    report.must_be_clean()
    assert report.killed == 200
    assert last > 200
