"""Whatever call the machine dies or fails at, the audit log verifies and holds what it acknowledged (CR 09, 10, 12)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from data.audit.keys import Ed25519FileSigner
from data.audit.report import Verdict
from data.audit.verify import verify
from data.clock import SystemClock
from tests.crash.driver import ALL_MODES, Crashes, Outcome, kill_at_random, run_points, undurable
from tests.crash.scenario_audit import SteadyClock, open_log

HERE = Path(__file__).parent
AUDIT = HERE / "scenario_audit.py"
NAIVE = HERE / "scenario_plain_log.py"


@pytest.fixture
def keys(arena: Path) -> Ed25519FileSigner:
    """Make the key that signs, beside the folders that are disturbed."""
    return Ed25519FileSigner(arena / "keys")


@pytest.fixture
def look(keys: Ed25519FileSigner) -> Callable[[Path, Outcome], None]:
    """Give the check: before and after a restart nothing is broken, and the next entry goes through."""

    def check(folder: Path, outcome: Outcome) -> None:
        assert not outcome.error, outcome.error
        before = verify(folder / "audit", public_key=keys.public)
        assert before.verdict is not Verdict.BROKEN, before.findings
        log = open_log(folder, SteadyClock())
        try:
            there = {entry.seq: entry.kind for entry in log.entries()}
            numbers = [int(ack.split()[1]) for ack in outcome.acks if ack.startswith("entry")]
            assert all(there[number] in {"purge.intent", "purge.items"} for number in numbers)
            sealed = [int(ack.split()[1]) for ack in outcome.acks if ack.startswith("sealed")]
            after = log.append("purge.done", "p-1", "r-1")
            log.checkpoint()
        finally:
            log.close()
        report = verify(folder / "audit", public_key=keys.public)
        assert report.verdict is Verdict.INTACT, report.findings
        assert before.sealed >= max(sealed, default=0)
        assert report.size == after.seq

    return check


def test_the_audit_log_survives_every_call(shim: Path, arena: Path, look: Callable[[Path, Outcome], None]) -> None:
    """Appends and checkpoints, killed or failed at every call: the log verifies, nothing acknowledged is lost."""
    with Crashes(shim, AUDIT) as crashes:
        report = run_points(crashes, arena, check=look, tasks=["aaac", "bca", "cabc"], most=150)
    report.must_be_clean()
    assert len(report.by_mode) == len(ALL_MODES)


def test_an_acknowledged_entry_is_flushed(shim: Path, arena: Path, keys: Ed25519FileSigner) -> None:
    """At each acknowledgement no data and no name of the log waits for an fsync."""
    assert keys.public
    folder = arena / "log"
    folder.mkdir()
    with Crashes(shim, AUDIT) as crashes:
        trace = crashes.trace(folder, task="aabca")
    assert undurable(trace) == []
    assert sum(call.op == "note" for call in trace) == 5


def test_the_naive_log_falls(shim: Path, arena: Path) -> None:
    """A log that only appends loses what it acknowledged in a power cut, and cannot be read after half a line."""

    def check(folder: Path, outcome: Outcome) -> None:
        lines = (folder / "audit.jsonl").read_text().splitlines()
        assert len([json.loads(line) for line in lines]) >= len(outcome.acks)

    with Crashes(shim, NAIVE) as crashes:
        report = run_points(crashes, arena, check=check, tasks=["aaa"])
    assert any("LOSE" in failure for failure in report.failures)
    assert any("HALF" in failure and "JSONDecodeError" in failure for failure in report.failures)


def test_two_hundred_kills_while_recording(shim: Path, arena: Path, keys: Ed25519FileSigner) -> None:
    """After each of 200 kills at random moments the log verifies and is at least as long as was acknowledged."""
    longest = 0

    def check(folder: Path, outcome: Outcome) -> None:
        nonlocal longest
        longest = max([longest, *(int(ack.split()[1]) for ack in outcome.acks)])
        if (folder / "audit").exists():
            report = verify(folder / "audit", public_key=keys.public)
            assert report.verdict is not Verdict.BROKEN, report.findings
            assert report.size >= longest

    with Crashes(shim, AUDIT) as crashes:
        for seed in range(8):  # a fresh log each, because verifying reads all of it
            folder, longest = arena / f"log-{seed}", 0
            folder.mkdir()
            kill_at_random(crashes, folder, check=check, rounds=25, task="*", seed=seed).must_be_clean()
            assert longest > 25
            open_log(folder, SystemClock()).close()
