"""Whatever call the machine dies or fails at, no young record of a file is lost and the purge can be ended (P1, P4)."""

from contextlib import nullcontext
from pathlib import Path

from data.retention.residue import DONE, Code
from data.retention.unit import Planned
from data.sources.interface import Acted
from tests.crash.driver import ALL_MODES, Crashes, Outcome, run_points
from tests.crash.scenario_files import CONTENT, MIXED, OLD, YOUNG, kept_of_mixed, plan_of, prepare, source_of

HERE = Path(__file__).parent
FILES = HERE / "scenario_files.py"
NAIVE = HERE / "scenario_naive_files.py"


def act_again(folder: Path, planned: Planned) -> Acted:
    """Do with one unit what a restarted executor does: recover, and act where nothing has happened."""
    source = source_of(folder)
    recovered = source.recover(planned, guard=lambda _: nullcontext())
    if recovered is not None:
        return recovered
    (acted,) = source.delete([planned], guard=lambda _: nullcontext())
    return acted


def look(folder: Path, outcome: Outcome) -> None:
    """Before a restart nothing young is missing anywhere; after it everything is as if nothing had happened.

    Only a file that could not be deleted may be left, whole: the next preview finds it.
    """
    assert not outcome.error, outcome.error
    logs = folder / "logs"
    assert (logs / YOUNG).read_bytes() == CONTENT[YOUNG]
    whole = {found.read_bytes() for found in logs.iterdir()}
    assert whole & {CONTENT[MIXED], kept_of_mixed()}, "neither the original nor the rewritten file is whole"
    done = {name: code for name, code in (ack.split() for ack in outcome.acks) if Code(code) in DONE}
    assert OLD not in done or not (logs / OLD).exists()
    assert MIXED not in done or (logs / MIXED).read_bytes() == kept_of_mixed()
    again = {planned.unit.name.decode(): act_again(folder, planned) for planned in plan_of(folder)}
    left = {name for name, acted in again.items() if acted.code not in DONE}
    assert left <= _given_back(outcome, again), again
    expected = {MIXED: kept_of_mixed(), YOUNG: CONTENT[YOUNG]} | {name: CONTENT[name] for name in left}
    assert {found.name: found.read_bytes() for found in logs.iterdir()} == expected
    assert all(
        (source_of(folder).verify(row) is None) == (row.unit.name.decode() not in left) for row in plan_of(folder)
    )


def _given_back(outcome: Outcome, again: dict[str, Acted]) -> set[str]:
    """Name what may be left: a file that was given its name back after an error is another one by its ctime."""
    failed = {ack.split()[0] for ack in outcome.acks if ack.split()[1] == Code.FAILED}
    return {name for name in failed if again[name].code is Code.DRIFTED}


def test_files_survive_every_call(shim: Path, tmp_path: Path) -> None:
    """A deletion and a rewrite, killed or failed at every call: nothing young lost, and a restart ends it cleanly."""
    with Crashes(shim, FILES) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=look, most=120)
    report.must_be_clean()
    assert len(report.by_mode) == len(ALL_MODES)
    assert report.killed > 20


def test_a_naive_rewrite_falls(shim: Path, tmp_path: Path) -> None:
    """Cutting a file in place loses young records at the same points: the test can tell."""

    def check(folder: Path, outcome: Outcome) -> None:
        del outcome
        left = (folder / "logs" / MIXED).read_bytes()
        assert left in {CONTENT[MIXED], kept_of_mixed()}

    with Crashes(shim, NAIVE) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=check, tasks=["rewrite"])
    assert {failure.split()[1] for failure in report.failures} >= {"AFTER", "HALF", "FULL", "LOSE"}


def test_a_naive_deletion_falls(shim: Path, tmp_path: Path) -> None:
    """A deletion that is noted afterwards is not noted at all where the machine dies in between."""

    def check(folder: Path, outcome: Outcome) -> None:
        del outcome
        done = folder / "done"
        noted = done.exists() and done.read_text() == f"{OLD}\n"
        assert noted or (folder / "logs" / OLD).exists(), "gone, and nobody knows why"

    with Crashes(shim, NAIVE) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=check, tasks=["delete"])
    assert len(report.failures) >= 3
