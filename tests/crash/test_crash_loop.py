"""Killed between any two steps of the loop: the request goes on, every alert arrives, audit and outbox agree."""

from pathlib import Path

from data.desk.alert import AlertState
from data.desk.delivery import DeliveryState
from data.retention.instants import instant_of
from data.retention.request import CLOSED
from tests.crash.driver import KILLS, Crashes, Outcome, all_points, kill_at_random, run_points
from tests.crash.scenario_loop import AGES, EVERY, ROUNDS, cranked, prepare, turn_until_quiet
from tests.crash.test_crash_purge import GOOD, audit_is_intact
from tests.data.purge.lab import NOW, ages_in

SCRIPT = Path(__file__).parent / "scenario_loop.py"
SECOND_START = 1 + (ROUNDS + 1) * EVERY


def arrived(folder: Path) -> list[list[str]]:
    """Read what arrived in Teams: subject, recipient, stamp, whether it may be there twice."""
    teams = folder.with_name(f"{folder.name}.teams")
    return [line.split(" ") for line in teams.read_text().splitlines()] if teams.exists() else []


def look(folder: Path, outcome: Outcome) -> None:
    """Start anew and crank until all is quiet; then look at files, request, alerts, messages and audit."""
    del outcome
    audit_is_intact(folder)
    turn_until_quiet(folder, first=SECOND_START)
    audit_is_intact(folder)
    logs, start = folder / "logs", instant_of(NOW)
    assert ages_in(logs / "young.log", start) == list(AGES["young.log"])
    assert not (logs / "old.log").exists()
    assert ages_in(logs / "mixed.log", start) == [10.0, 9.0]
    with cranked(folder, minutes=SECOND_START + 1000) as crank:
        requests = crank.office.engine.purges.newest()
        assert all(request.state in CLOSED for request in requests), [request.state for request in requests]
        assert sum(request.state in GOOD for request in requests) == 1
        alerts = crank.office.alerts.all()
        told = [entry for entry in crank.office.parts.engine.audit.entries() if entry.kind == "alert.opened"]
        assert {entry.object for entry in told} == {f"alert/{alert.id}" for alert in alerts}, "audit and alerts agree"
        assert alerts
        subjects = {subject for subject, *_ in arrived(folder)}
        assert {f"alert/{alert.id}" for alert in alerts} <= subjects, "every alert has arrived"
        assert all(alert.state is AlertState.RESOLVED for alert in alerts), [a.kind for a in alerts]
        waiting = [one for one in crank.office.parts.desk.deliveries.all() if one.state is not DeliveryState.SENT]
        assert not waiting
    doubled_only_where_said(folder)


def doubled_only_where_said(folder: Path) -> None:
    """A message that arrived twice is one whose sender died in between, and the second copy says so."""
    copies: dict[tuple[str, str, str], list[str]] = {}
    for subject, recipient, post, twice in arrived(folder):
        copies.setdefault((subject, recipient, post), []).append(twice)
    assert copies
    unsaid = [key for key, said in copies.items() if len(said) > 1 and "True" not in said[1:]]
    assert not unsaid, unsaid


def test_the_positive_control(tmp_path: Path) -> None:
    """Undisturbed, the loop ends with one clean purge, its alerts sent and resolved."""
    folder = tmp_path / "whole"
    folder.mkdir()
    prepare(folder)
    turn_until_quiet(folder, first=1)
    look(folder, Outcome(task="", acks=(), killed=False, done=True))


def test_the_loop_survives_kills_at_any_call(shim: Path, tmp_path: Path) -> None:
    """Killed before, in the middle of and after a call, or by a power cut: the next start ends the loop rightly."""
    with Crashes(shim, SCRIPT) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=look, modes=KILLS, most=40)
    report.must_be_clean()
    assert report.killed > 20


def test_the_loop_survives_random_kills(shim: Path, tmp_path: Path) -> None:
    """Killed at any moment of the clock, the loop is ended by the next start."""
    with Crashes(shim, SCRIPT) as crashes:
        report = kill_at_random(
            crashes, tmp_path, setup=prepare, check=look, rounds=100 if all_points() else 15, longest=0.6
        )
    report.must_be_clean()
    assert report.killed > 5


def test_the_test_can_tell(shim: Path, tmp_path: Path) -> None:
    """Without a second start the same looks fail at the same points."""

    def complete(folder: Path, outcome: Outcome) -> None:
        del outcome
        with cranked(folder, minutes=SECOND_START) as crank:
            requests = crank.office.engine.purges.newest()
            assert any(request.state in GOOD for request in requests)

    with Crashes(shim, SCRIPT) as crashes:
        report = run_points(crashes, tmp_path, setup=prepare, check=complete, modes=KILLS, most=10)
    assert len(report.failures) >= 5
