"""Whatever call a whole purge dies or fails at: nothing young is lost, it can be ended, and the audit verifies (P4)."""

from pathlib import Path

import pytest

from data.audit.keys import PUBLIC, read_public
from data.audit.report import Verdict
from data.audit.verify import verify
from data.errors import RefusedError
from data.retention.request import CLOSED, State
from tests.crash.driver import ALL_MODES, KILLS, Crashes, Outcome, all_points, kill_at_random, run_points
from tests.crash.scenario_purge import AGES, OLD, finish, opened, prepare
from tests.data.purge.lab import ages_in

SCRIPT = Path(__file__).parent / "scenario_purge.py"
GOOD = {State.CLOSED_CLEAN, State.CLOSED_WITH_RESIDUE}
YOUNG_OF_MIXED = [10.0, 9.0]


def young_is_there(folder: Path) -> None:
    """No young record is missing, and no file holds half of one."""
    with opened(folder, minutes=30) as (lab, _):
        start = lab.now - 30 * 60_000_000
    logs = folder / "logs"
    assert ages_in(logs / "young.log", start) == list(AGES["young.log"])
    whole = {tuple(ages_in(path, start)) for path in logs.iterdir() if path.name.startswith((".procall", "mixed"))}
    assert whole & {tuple(YOUNG_OF_MIXED), AGES["mixed.log"]}


def audit_is_intact(folder: Path) -> None:
    """The audit verifies against its key."""
    public = read_public(folder / "state" / "keys" / PUBLIC)
    report = verify(folder / "state" / "audit", public_key=public)
    assert report.verdict is Verdict.INTACT, report.findings


def look(folder: Path, outcome: Outcome) -> None:
    """Start anew until the request is closed; then everything old is gone unless its file could not be deleted."""
    young_is_there(folder)
    audit_is_intact(folder)
    with opened(folder, minutes=31) as (lab, _):
        request = lab.stores.requests.get((folder / "request").read_text())
    if request.state not in CLOSED:
        request = finish(folder, minutes=32)
    young_is_there(folder)
    audit_is_intact(folder)
    left = {path.name for path in (folder / "logs").iterdir()}
    if outcome.killed:
        assert request.state in GOOD, f"{request.state} {dict(request.results)}"
        assert left == {"mixed.log", "young.log"}, left
        assert request.gone.records == 3 * len(OLD) + 2
    assert request.state in CLOSED
    assert Path(request.certificate).exists()
    gone = request.results.get("deleted", 0) + request.results.get("absent", 0) + request.results.get("rewritten", 0)
    assert (request.verdict == "PASS") == (gone == len(OLD) + 1), dict(request.results)


def test_a_purge_survives_every_call(shim: Path, tmp_path: Path) -> None:
    """Killed before, in the middle of and after each call, or failed by each: the next start ends it, rightly."""
    with Crashes(shim, SCRIPT) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=look, modes=ALL_MODES, most=60)
    report.must_be_clean()
    assert report.killed > 12


def test_a_purge_survives_random_kills(shim: Path, tmp_path: Path) -> None:
    """Killed at any moment, by the clock and not by the call, a purge is ended by the next start."""
    with Crashes(shim, SCRIPT) as crashes:
        report = kill_at_random(
            crashes, tmp_path, setup=prepare, check=look, rounds=200 if all_points() else 30, longest=0.12
        )
    report.must_be_clean()
    assert report.killed > 5


def test_the_test_can_tell(shim: Path, tmp_path: Path) -> None:
    """A purge whose check expects it to be complete without a second start fails at the same points."""

    def complete(folder: Path, outcome: Outcome) -> None:
        del outcome
        with opened(folder, minutes=31) as (lab, _):
            assert lab.stores.requests.get((folder / "request").read_text()).state in GOOD

    with Crashes(shim, SCRIPT) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=complete, modes=KILLS, most=10)
    assert len(report.failures) >= 5


def test_the_positive_control(tmp_path: Path) -> None:
    """Undisturbed, the purge closes clean and cannot be run again."""
    prepare(tmp_path)
    request = finish(tmp_path, minutes=20)
    assert request.state is State.CLOSED_CLEAN
    with pytest.raises(RefusedError, match="closed"):
        finish(tmp_path, minutes=21)
