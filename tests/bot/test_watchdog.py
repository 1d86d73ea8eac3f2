"""The watchdog says from outside when the bot no longer watches, sends or records (RL-16)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import app as application  # noqa: TID251  the command as app.py builds it
from bot.console import build_cli
from bot.heartbeat import FILE, beat, last_beat
from bot.watchdog import SILENT_AFTER, UNSENT_AFTER, delivery_troubles, schedule_troubles, troubles_of
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.clock import SystemClock
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState, delivery_id
from data.opening import EmbeddedKeeping
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant_of
from data.stores.tinydb_desk import open_desk, read_desk
from data.stores.tinydb_retention import open_retention
from tests.world import FakeClock

NOW: Instant = instant_of(SystemClock().now())


def delivery(subject: str = "alert/1", **fields: object) -> Delivery:
    """Make an urgent delivery that has just begun to wait."""
    made = Delivery(id=delivery_id(subject, "p-1"), subject=subject, recipient="p-1", urgent=True, post="1", shown="1",
                    since=NOW)  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def alert(state: AlertState) -> Alert:
    """Make alert 1."""
    return Alert(id="1", kind=FindingKind.OVERDUE, about="app-logs", state=state, opened_at=NOW, changed_at=NOW)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give the state folder of a bot that is well: stores, a sealed audit, a round just finished."""
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    retention, desk = open_retention(folder), open_desk(folder)
    desk.deliveries.add(delivery())
    audit = AuditLog(folder / "audit", clock=SystemClock(), signer=Ed25519FileSigner(folder / "keys"))
    for number in range(5):
        audit.append("request.created", "p-1", f"r-{number}")
    audit.checkpoint()
    beat(folder, NOW)
    yield folder  # all of it is held open, as by a bot that runs
    for part in (audit, desk, retention):
        part.close()


def codes(folder: Path, now: Instant = NOW) -> list[str]:
    """List what is found."""
    return [one.code for one in troubles_of(folder, now, EmbeddedKeeping(folder=folder, clock=FakeClock()))]


# -- the heartbeat ----------------------------------------------------------------------------------------------------


@given(instants=st.lists(st.integers(0, 4_000_000_000 * SECOND), min_size=1, max_size=5))
def test_the_last_beat_is_the_one_that_is_told(
    tmp_path_factory: pytest.TempPathFactory, instants: list[Instant]
) -> None:
    """Whatever instants are noted, the last one is read back to the microsecond; nothing else is left in the folder."""
    folder = tmp_path_factory.mktemp("beat")
    assert last_beat(folder) is None
    for instant in instants:
        assert beat(folder, instant)
    assert last_beat(folder) == instants[-1]
    assert [path.name for path in folder.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"at": 5}', b'{"at": "x"}', b'{"at": "2026-01-01"}', b"\xff"]
)
def test_a_beat_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """Half a note, or something else, is no beat and no error."""
    (tmp_path / FILE).write_bytes(content)
    assert last_beat(tmp_path) is None
    assert beat(tmp_path, NOW)
    assert last_beat(tmp_path) == NOW


def test_a_disk_that_takes_no_note_stops_nobody(tmp_path: Path) -> None:
    """Where nothing can be written the schedule goes on, and the watchdog finds it silent."""
    assert not beat(tmp_path / "missing", NOW)
    assert last_beat(tmp_path / "missing") is None


# -- every alarm ------------------------------------------------------------------------------------------------------


def test_a_bot_that_is_well_raises_no_alarm(folder: Path) -> None:
    """The positive control of all alarms below, while another process holds every lock."""
    assert codes(folder) == []


@given(ago=st.integers(-2 * HOUR, 2 * HOUR))
def test_the_schedule_is_silent_after_a_quarter_of_an_hour(ago: int) -> None:
    """A round up to 15 minutes old is well, an older one is not, one of the future is the clock's fault."""
    found = [one.code for one in schedule_troubles(NOW - ago, NOW)]
    expected = ["silent"] if ago > SILENT_AFTER else ["clock"] if ago < -MINUTE else []
    assert found == expected


def test_a_schedule_that_never_ran_is_told(folder: Path) -> None:
    """Without any round there is an alarm, so that a bot that never started is not taken for a quiet one."""
    (folder / FILE).unlink()
    assert codes(folder) == ["never"]


@given(waits=st.integers(0, 3 * HOUR), urgent=st.booleans(), told=st.booleans(), state=st.sampled_from(DeliveryState),
       resolved=st.booleans())  # fmt: skip
def test_an_urgent_message_is_missed_after_half_an_hour_or_when_given_up(
    waits: int, urgent: bool, told: bool, state: DeliveryState, resolved: bool
) -> None:
    """Only what is urgent, has not arrived and still matters is told: at once when given up, else after 30 minutes."""
    one = delivery(since=NOW - waits, urgent=urgent, told_post="1" if told else "", state=state)
    alerts = [alert(AlertState.RESOLVED if resolved else AlertState.OPEN)]
    found = [trouble.code for trouble in delivery_troubles([one], alerts, NOW)]
    matters = urgent and not told and not resolved
    dead = matters and state is DeliveryState.DEAD
    late = matters and not dead and waits > UNSENT_AFTER
    assert found == ["dead"] * dead + ["unsent"] * late


def test_a_delivery_names_its_subject_and_no_person(folder: Path) -> None:
    """What is printed names the alert, the reason and the minutes, never a recipient."""
    desk = read_desk(folder)
    waiting = [replace(one, error="throttled", since=NOW - 2 * HOUR) for one in desk.deliveries.all()]
    [trouble] = delivery_troubles(waiting, (), NOW)
    assert "alert/1; throttled" in trouble.found
    assert "120 minutes" in trouble.found
    assert "p-1" not in trouble.found + trouble.cure


def test_a_broken_audit_is_told(folder: Path) -> None:
    """One byte of one entry changed, and one cut off behind a checkpoint, are alarms that name the place."""
    [epoch] = (folder / "audit").glob("audit-*.jsonl")
    whole = epoch.read_bytes()
    epoch.write_bytes(whole.replace(b'"r-3"', b'"r-4"'))
    assert codes(folder) == ["audit_broken"]
    epoch.write_bytes(b"\n".join(whole.split(b"\n")[:-3]) + b"\n")
    assert codes(folder) == ["audit_broken"]
    epoch.write_bytes(whole)
    assert codes(folder) == []


def test_an_audit_nobody_vouches_for_is_told_too(folder: Path) -> None:
    """Without its checkpoints nobody can say that the audit is whole: that is no silence."""
    (folder / "audit" / "checkpoints.jsonl").write_bytes(b"")
    assert codes(folder) == ["audit_not_checkable"]


@pytest.mark.parametrize("name", ["desk.json", "retention.json"])
def test_a_damaged_store_is_told(folder: Path, name: str) -> None:
    """A store that cannot be read is an alarm, not a crash of the watchdog."""
    path = folder / name
    path.write_bytes(b"{}" + path.read_bytes()[1:] if path.exists() else b"{}")
    assert codes(folder) == ["state"]


def test_several_troubles_are_all_told(folder: Path) -> None:
    """One trouble hides no other."""
    (folder / "desk.json").write_bytes(b"")
    assert codes(folder, NOW + DAY) == ["silent", "state"]


# -- the command ------------------------------------------------------------------------------------------------------


def run(*options: str) -> tuple[int, str]:
    """Run the command in this process."""
    done = CliRunner().invoke(build_cli(application.Application()), ["watchdog", *options])
    return done.exit_code, done.output


def test_the_command_tells_and_exits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0 and one word while all is well; 1, what and what to do when not; the same as JSON."""
    monkeypatch.chdir(folder.parent)
    monkeypatch.delenv("PROCALL_SETTINGS", raising=False)
    assert run() == (0, "well\n")
    code, output = run("--json")
    assert (code, json.loads(output)["ok"], json.loads(output)["troubles"]) == (0, True, [])
    (folder / FILE).unlink()
    code, output = run()
    assert code == 1
    assert output.startswith("never: ")
    assert "\n  do: " in output
    code, output = run("--json")
    [told] = json.loads(output)["troubles"]
    assert (code, told["code"], set(told)) == (1, "never", {"code", "found", "do"})


def test_the_command_makes_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no state at all there is an alarm, and still no state afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROCALL_SETTINGS", raising=False)
    assert run("--dev")[0] == 1
    assert list(tmp_path.iterdir()) == []
