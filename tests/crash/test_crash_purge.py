"""Whatever call the machine dies or fails at during a whole purge, it ends with exactly the old records gone (P1-P5)."""

from pathlib import Path

from data.audit.keys import Ed25519FileSigner
from data.audit.report import Verdict
from data.audit.verify import verify
from data.errors import ProcallError
from data.retention.instants import instant_of
from data.retention.request import CLOSED, PurgeRequest, State
from data.retention.residue import DONE
from tests.crash.driver import FAULTS, KILLS, Crashes, Outcome, run_points
from tests.crash.scenario_purge import AGES, MIXED, YOUNG, finish, prepare
from tests.data.purge.lab import NOW, ages_in

SCENARIO = Path(__file__).with_name("scenario_purge.py")
CUTOFF_DAYS = 83


def safe(folder: Path) -> None:
    """Whatever has happened: every young record is there, in order, and the audit is not broken."""
    young = [age for age in AGES[MIXED] if age < CUTOFF_DAYS]
    there = [ages_in(path, instant_of(NOW)) for path in (folder / "logs").iterdir()]
    assert AGES[YOUNG] in there
    assert any(ages in (AGES[MIXED], young) for ages in there)
    report = verify(folder / "audit", public_key=Ed25519FileSigner(folder / "keys").public)
    assert report.verdict is not Verdict.BROKEN, report.findings


def ended(folder: Path) -> PurgeRequest:
    """Restart until the request is closed: once is enough after a crash, and once more must change nothing."""
    first = finish(folder, hours=2)
    files = {path.name: path.read_bytes() for path in (folder / "logs").iterdir()}
    assert finish(folder, hours=3) == first
    assert {path.name: path.read_bytes() for path in (folder / "logs").iterdir()} == files
    return first


def look_after_a_kill(folder: Path, outcome: Outcome) -> None:
    """A restart ends it cleanly: exactly what was planned is gone, counted once, and the audit is intact."""
    assert not outcome.error, outcome.error
    safe(folder)
    request = ended(folder)
    assert (request.state, request.verdict) == (State.CLOSED_CLEAN, "PASS")
    assert sum(request.results.values()) == 3
    assert request.results.keys() <= set(DONE)
    assert request.gone.records == 7
    assert {path.name for path in (folder / "logs").iterdir()} == {MIXED, YOUNG}
    safe(folder)


def look_after_a_fault(folder: Path, outcome: Outcome) -> None:
    """A restart comes to an end, whatever it is called; what it says is gone is gone, and nothing young is."""
    assert not outcome.error, outcome.error
    safe(folder)
    try:
        request = ended(folder)
    except ProcallError:
        safe(folder)
        raise
    assert request.state in CLOSED
    names = {path.name for path in (folder / "logs").iterdir()}
    if request.state is State.CLOSED_CLEAN:
        assert names == {MIXED, YOUNG}
    assert names <= {*AGES} or request.state is not State.CLOSED_CLEAN
    gone = sum(count for code, count in request.results.items() if code in DONE)
    assert gone <= 3
    safe(folder)


def test_a_killed_purge_ends_as_if_nothing_had_happened(shim: Path, tmp_path: Path) -> None:
    """Killed before, in the middle of and after every call, and in a power cut: the restart ends with PASS."""
    with Crashes(shim, SCENARIO) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=look_after_a_kill, modes=KILLS, most=60)
    report.must_be_clean()
    assert report.killed > 40


def test_a_purge_on_a_failing_disk_harms_nothing_young(shim: Path, tmp_path: Path) -> None:
    """With ENOSPC, EIO or a short write at every call nothing young is lost, and a restart comes to an end."""
    with Crashes(shim, SCENARIO) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=look_after_a_fault, modes=FAULTS, most=60)
    report.must_be_clean()
