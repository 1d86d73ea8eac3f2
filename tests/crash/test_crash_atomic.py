"""The atomic storage after errors of the disk: no second fsync, no guess, no half state (CR 03-05, security.md 4.3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.stores.atomic_storage import AtomicStorage
from tests.crash.driver import Call, Crashes, Mode, Outcome, point_at, run_points

SCENARIO = Path(__file__).with_name("scenario_atomic.py")


@pytest.fixture
def crashes(shim: Path) -> Iterator[Crashes]:
    """Give a process that runs the scenario."""
    with Crashes(shim, SCENARIO) as found:
        yield found


def disturbed(crashes: Crashes, arena: Path, *, op: str, path: str, mode: Mode, task: str = "") -> Outcome:
    """Run the scenario with the second call of a kind disturbed, in `arena/run`."""
    for name in ("dry", "run"):
        (arena / name).mkdir()
    trace = crashes.trace(arena / "dry", task=task)
    point = point_at(trace, 2, Call(op=op, path=path), mode, task=task)
    outcome = crashes.run(arena / "run", task=task, point=point, traced=True)
    assert not outcome.error, outcome.error
    return outcome


def test_undisturbed_everything_is_written(crashes: Crashes, arena: Path) -> None:
    """The positive control: three writes, three answers."""
    outcome = crashes.run(arena)
    assert [ack for ack in outcome.acks if ack.startswith("did")] == ["did 1", "did 2", "did 3"]
    assert outcome.acks[-1] == "is 3 writable sure"


@pytest.mark.parametrize("mode", [Mode.BROKEN, Mode.FULL, Mode.BROKEN_AFTER])
def test_a_failed_fsync_is_never_tried_again(crashes: Crashes, arena: Path, mode: Mode) -> None:
    """CR-04: after one failed fsync of the file nothing is written or flushed any more, and what was there is read."""
    outcome = disturbed(crashes, arena, op="fsync", path="one.json.new", mode=mode)
    assert outcome.acks[1] == "is 1 writable sure"
    assert outcome.acks[2].startswith("refused 2: one.json: not written: ")
    assert outcome.acks[3] == outcome.acks[5] == "is 1 read-only sure"
    assert outcome.acks[4].startswith("refused 3: one.json: not written: the disk failed to flush")
    calls = [(call.op, call.path) for call in outcome.trace]
    failed = [place for place, call in enumerate(calls) if call == ("fsync", "one.json.new")][1]
    after = [call for call in calls[failed + 1 :] if call[0] != "note"]
    assert after == [("unlink", "one.json.new")], "only what is half written is dropped"
    storage = AtomicStorage(arena / "run" / "one.json")
    assert storage.read() == {"t": {"n": {"number": 1}}}
    storage.write({"t": {}})
    storage.close()


@pytest.mark.parametrize("mode", [Mode.BROKEN, Mode.BROKEN_AFTER])
def test_an_error_after_the_rename_leaves_it_open(crashes: Crashes, arena: Path, mode: Mode) -> None:
    """CR-05: where the folder cannot be flushed the write is refused as unsure, shown as it is, and can be repeated."""
    outcome = disturbed(crashes, arena, op="fsync", path=".", mode=mode, task="again")
    assert outcome.acks[2].startswith("refused 2: one.json: not written")
    assert outcome.acks[3:] == ("did 2", "is 2 writable sure", "did 3", "is 3 writable sure")


def test_an_unsure_write_is_settled_by_the_next(crashes: Crashes, arena: Path) -> None:
    """CR-05: without a repeat the storage says that it is unsure until another write has gone through."""
    outcome = disturbed(crashes, arena, op="fsync", path=".", mode=Mode.BROKEN)
    assert outcome.acks[3:] == ("is 2 writable unsure", "did 3", "is 3 writable sure")


@pytest.mark.parametrize(("op", "path"), [("open", "one.json.new"), ("write", "one.json.new")])
def test_a_full_disk_is_no_reason_to_stop_for_good(crashes: Crashes, arena: Path, op: str, path: str) -> None:
    """CR-03: where there is no room one write is refused and the old state shown; the next one goes through."""
    outcome = disturbed(crashes, arena, op=op, path=path, mode=Mode.FULL)
    assert outcome.acks[2:] == (
        "refused 2: one.json: not written: No space left on device",
        "is 1 writable sure",
        "did 3",
        "is 3 writable sure",
    )


def test_every_call_leaves_a_whole_document(crashes: Crashes, arena: Path) -> None:
    """CR-01, 02: disturbed at every call, the file holds the last write that was acknowledged or the one after it."""

    def check(folder: Path, outcome: Outcome) -> None:
        storage = AtomicStorage(folder / "one.json")
        found = (storage.read() or {"t": {"n": {"number": 0}}})["t"]["n"]["number"]
        storage.close()
        last = max([0, *(int(ack.split()[1]) for ack in outcome.acks if ack.startswith("did"))])
        tried = 3 if outcome.done and not outcome.error else last + 1
        assert last <= found <= tried

    run_points(crashes, arena, check=check, most=150).must_be_clean()
