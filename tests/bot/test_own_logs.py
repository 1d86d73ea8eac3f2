"""The bot's own log lines: kept a file a day, dated, gone after 90 days, and never in a turn's way (SC-12)."""

import datetime as dt
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

import app as application  # noqa: TID251  the source is built as app.py builds it
from bot.logs import PersonHash, configure_logs, load_person_key
from bot.own_logs import FOLDER, DailyLog, keep_lines, own_logs_settings, with_own_logs
from bot.settings import Settings
from bot.source_settings import OWN_LOGS, SourceSettings
from data.errors import StateError
from data.formats.families.json_lines import JsonFamily
from data.purge.engine import Engine
from tests.data.formats.reading import read
from tests.data.purge.lab import HOST, silent
from tests.domain import ROOT
from tests.world import EMPLOYEE, TENANT, FakeClock

TODAY = "bot-2026-03-02.jsonl"


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands at noon of 2 March 2026."""
    return FakeClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of the logs, which is not there yet."""
    return tmp_path / "state" / FOLDER


@pytest.fixture
def quiet() -> Iterator[None]:
    """Set the logs of the process up as they were, after the test."""
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


# -- writing ----------------------------------------------------------------------------------------------------------


def test_a_line_lies_in_the_file_of_its_day_and_is_private(folder: Path, clock: FakeClock) -> None:
    """Each UTC day has a file; folder and file are the service's own, whatever the umask says."""
    old = os.umask(0)
    try:
        log = DailyLog(folder, clock)
        log.write("one\n")
        clock.advance(86_400)
        log.write("two\n")
    finally:
        os.umask(old)
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {TODAY: "one\n", "bot-2026-03-03.jsonl": "two\n"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert log.lost == 0


def test_a_restart_goes_on_in_the_same_file(folder: Path, clock: FakeClock) -> None:
    """Two processes one after the other, or at once, add lines and take none away."""
    first, second = DailyLog(folder, clock), DailyLog(folder, clock)
    for number in range(10):
        (first if number % 2 else second).write(f"{number}\n")
    first.close()
    first.write("10\n")
    assert (folder / TODAY).read_text().split() == [str(number) for number in range(11)]


def test_lines_of_many_threads_are_whole(folder: Path, clock: FakeClock) -> None:
    """Lines written at the same time do not mix."""
    log = DailyLog(folder, clock)
    threads = [Thread(target=lambda word=word: [log.write(f"{word * 50}\n") for _ in range(50)]) for word in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (folder / TODAY).read_text().splitlines()
    assert len(lines) == 200
    assert all(re.fullmatch(r"a{50}|b{50}|c{50}|d{50}", line) for line in lines)


@tries(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.floats(-200_000, 400_000), st.text(st.characters(exclude_categories=["Cs"])))))
def test_no_line_is_lost_or_doubled_however_time_goes(tmp_path: Path, moves: list[tuple[float, str]]) -> None:
    """Whatever the clock does, backwards too, every line is in exactly one file, that of its day."""
    clock = FakeClock()
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    log = DailyLog(folder, clock)
    expected: dict[str, str] = {}
    for seconds, text in moves:
        clock.jump(seconds)
        line = json.dumps(text) + "\n"
        assert log.write(line) == len(line)
        name = f"bot-{clock.now():%Y-%m-%d}.jsonl"
        expected[name] = expected.get(name, "") + line
    log.close()
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} if moves else {}
    assert found == expected


# -- losing a line, never a turn --------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["folder is a file", "file is a folder", "file is a link", "file is a pipe"])
def test_what_cannot_be_written_is_counted_and_not_raised(folder: Path, clock: FakeClock, broken: str) -> None:
    """A place that takes no line costs the line only; a link is not followed; once it is well, lines come again."""
    target = folder.parent / "victim"
    folder.parent.mkdir(parents=True)
    if broken == "folder is a file":
        folder.touch()
    else:
        folder.mkdir()
        {
            "file is a folder": (folder / TODAY).mkdir,
            "file is a link": lambda: (folder / TODAY).symlink_to(target),
            "file is a pipe": lambda: os.mkfifo(folder / TODAY),
        }[broken]()
    log = DailyLog(folder, clock)
    assert log.write("lost\n") == 5
    assert log.lost == 1
    assert not target.exists()
    if folder.is_dir():
        place = folder / TODAY
        place.rmdir() if place.is_dir() else place.unlink()
    else:
        folder.unlink()
    log.write("kept\n")
    assert (folder / TODAY).read_text() == "kept\n"
    assert log.lost == 1


def test_a_flood_is_cut_off_until_the_next_day(folder: Path, clock: FakeClock) -> None:
    """One day takes so many bytes and no more; the next day begins anew."""
    log = DailyLog(folder, clock, most=100)
    for _ in range(50):
        log.write("123456789\n")
    assert (folder / TODAY).stat().st_size == 100
    assert log.lost == 40
    clock.advance(86_400)
    log.write("next\n")
    assert (folder / "bot-2026-03-03.jsonl").read_text() == "next\n"


def test_half_a_line_spoils_no_other(folder: Path, clock: FakeClock) -> None:
    """Behind what a crash or a full disk left of a line the next one begins on a line of its own."""
    folder.mkdir(parents=True)
    (folder / TODAY).write_text('{"a": 1}\n{"b"')
    log = DailyLog(folder, clock)
    log.write('{"c": 3}\n')
    log.write('{"d": 4}\n')
    assert (folder / TODAY).read_text() == '{"a": 1}\n{"b"\n{"c": 3}\n{"d": 4}\n'


def test_a_file_that_was_deleted_is_made_anew(folder: Path, clock: FakeClock) -> None:
    """Lines written after somebody removed the file are not written into nowhere."""
    log = DailyLog(folder, clock)
    log.write("one\n")
    (folder / TODAY).unlink()
    log.write("two\n")
    assert (folder / TODAY).read_text() == "two\n"


@pytest.mark.usefixtures("quiet")
def test_both_places_get_every_line_and_the_allow_list_holds(folder: Path, clock: FakeClock) -> None:
    """What goes to standard error is what is kept: libraries' lines too, and neither holds a text or a token."""
    stream, log = io.StringIO(), DailyLog(folder, clock)
    configure_logs(stream, kept=log)
    structlog.configure(cache_logger_on_first_use=False)
    structlog.get_logger("test").info("turn answered", action="turn", text="planted", reason="Bearer planted-token")
    logging.getLogger("aiohttp.server").warning("planted %s", "planted")
    kept = (folder / TODAY).read_text()
    assert kept == stream.getvalue()
    assert len(kept.splitlines()) == 2
    assert "planted" not in kept


@pytest.mark.usefixtures("quiet")
def test_a_broken_log_costs_no_line_elsewhere(folder: Path, clock: FakeClock) -> None:
    """Where nothing can be kept, standard error still gets every line, and logging raises nothing."""
    folder.parent.mkdir(parents=True)
    folder.touch()
    stream, log = io.StringIO(), DailyLog(folder, clock)
    configure_logs(stream, kept=log)
    structlog.configure(cache_logger_on_first_use=False)
    structlog.get_logger("test").info("turn answered", action="turn")
    assert "turn answered" in stream.getvalue()
    assert log.lost == 1


# -- dated, and gone --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quiet")
def test_every_line_is_dated_exactly(folder: Path, clock: FakeClock) -> None:
    """The reader of JSON logs gives each line the instant in its own stamp, to the microsecond."""
    configure_logs(io.StringIO(), kept=DailyLog(folder, clock))
    structlog.configure(cache_logger_on_first_use=False)
    log = structlog.get_logger("test")
    log.info("listening", action="listening", port=3978, ops_port=3979, mode="dev")
    log.warning("2019-01-01T00:00:00Z", action="turn", reason='{"time": "2019-01-01"}', count=1_500_000_000)
    log.error("turn failed", error="ValueError", topics=["date", "time"], seconds=0.5, where="timestamp")
    logging.getLogger("msal.token_cache").warning("anything")
    text = (folder / TODAY).read_text()
    stamps = [json.loads(line)["timestamp"] for line in text.splitlines()]
    assert len(stamps) == 4
    expected = [dt.datetime.fromisoformat(stamp) for stamp in stamps]
    assert [dt.datetime.fromisoformat(found) for found in read(JsonFamily(), text)] == expected


def state_of(tmp_path: Path) -> tuple[Settings, Path]:
    """Give a state folder with own logs of three days, and settings that name no source."""
    state = tmp_path / "state"
    folder = state / FOLDER
    folder.mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    now = time.time()  # noqa: TID251  the engine of app.py reads the real clock
    for age in (100, 91, 5):
        at = dt.datetime.fromtimestamp(now - age * 86_400, dt.UTC)
        stamps = [at.isoformat().replace("+00:00", "Z")] * 3
        path = folder / f"bot-{at:%Y-%m-%d}.jsonl"
        path.write_text("".join(json.dumps({"event": "turn answered", "timestamp": s}) + "\n" for s in stamps))
        os.utime(path, (at.timestamp(), at.timestamp()))
    return Settings(state={"folder": str(state)}, purge={"max_share": 1.0}), state


def purge(engine: Engine) -> object:
    """Preview and run a purge of the bot's own logs, as the host's operator."""
    request = engine.purges.preview(HOST, OWN_LOGS, silent)
    assert request.preview.selected.records == 6
    assert request.preview.kept.records == 3
    assert request.preview.evidence == {"own": 6}, "each line by its own stamp"
    engine.purges.break_glass(HOST, request.id, request.code, "own logs")
    return engine.runner.run(request.id, progress=silent)


def test_own_logs_older_than_the_limit_are_gone(tmp_path: Path) -> None:
    """SC-12: what is past the limit is selected and deleted by a purge like any other; the rest stays."""
    settings, state = state_of(tmp_path)
    before = sorted(path.name for path in (state / FOLDER).iterdir())
    with application.open_engine(settings, state, dev=False) as engine:
        done = purge(engine)
    assert done.verdict == "PASS"  # type: ignore[attr-defined]
    assert sorted(path.name for path in (state / FOLDER).iterdir()) == before[2:]


def test_the_source_is_there_once_the_folder_is(tmp_path: Path) -> None:
    """Before the bot has kept a line there is no such source; after it there is one, behind all others."""
    other = SourceSettings(id="app-logs", kind="files", data_kind="log", root=str(tmp_path))
    assert with_own_logs((other,), tmp_path) == (other,)
    (tmp_path / FOLDER).mkdir()
    assert [source.id for source in with_own_logs((other,), tmp_path)] == ["app-logs", OWN_LOGS]


@pytest.mark.usefixtures("quiet")
def test_the_first_process_watches_its_own_logs(tmp_path: Path, clock: FakeClock) -> None:
    """Where nothing was ever logged, the source is there as soon as lines are kept: before the engine is built."""
    assert with_own_logs((), tmp_path) == ()
    keep_lines(tmp_path, clock)
    assert [source.id for source in with_own_logs((), tmp_path)] == [OWN_LOGS]


def test_no_operator_can_take_the_id_or_reach_into_the_state(tmp_path: Path) -> None:
    """The id is the bot's own, and a root inside the state is refused to everybody else; the bot's own is accepted."""
    settings, state = state_of(tmp_path)
    taken = {"id": OWN_LOGS, "kind": "files", "data_kind": "log", "root": str(tmp_path)}
    with pytest.raises(ValueError, match="bot-logs: the bot's own logs have this id"):
        Settings(sources=[taken])
    inside = SourceSettings(id="sly", kind="files", data_kind="log", root=str(state / FOLDER))
    named = (inside, own_logs_settings(state / FOLDER))
    sources, kin = application.build_sources(settings, named, state, dev=False)
    assert (sources["sly"].probe().reachable, sources["sly"].probe().reason) == (False, "own_state")
    assert sources[OWN_LOGS].probe().reachable
    assert kin[OWN_LOGS] >= {"sly"}, "a hold on one protects what the other could reach"


def test_a_state_folder_behind_a_link_is_read_too(tmp_path: Path) -> None:
    """Where the operator has put a link on the way to the state folder, its own logs are still a source."""
    _, state = state_of(tmp_path)
    (tmp_path / "link").symlink_to(state)
    settings = Settings(state={"folder": str(tmp_path / "link")}, purge={"max_share": 1.0})
    with application.open_engine(settings, tmp_path / "link", dev=False) as engine:
        assert purge(engine).verdict == "PASS"  # type: ignore[attr-defined]


def test_a_serving_bot_keeps_its_lines_and_scan_finds_them(tmp_path: Path) -> None:
    """`serve --dev` writes its lines into the state folder, and `scan --dev` lists them as a source."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
    env = clean | {"PROCALL_SERVER__PORT": "0", "PROCALL_SERVER__OPS_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(ROOT / "app.py")]
    with subprocess.Popen([*command, "serve", "--dev"], cwd=tmp_path, env=env, stderr=subprocess.PIPE) as bot:
        assert bot.stderr is not None
        said = iter(bot.stderr.readline, b"")
        assert any(b'"listening"' in line for line in said)
        bot.send_signal(signal.SIGTERM)
        rest = bot.stderr.read()
        assert bot.wait(30) == 0
    [kept] = (tmp_path / "var" / "dev" / FOLDER).iterdir()
    assert b"stopped" in rest
    assert [json.loads(line)["action"] for line in kept.read_text().splitlines()][-1] == "stopped"
    assert kept.stat().st_mode & 0o777 == 0o600
    scan = subprocess.run([*command, "scan", "--dev", "--json"], cwd=tmp_path, env=env, capture_output=True, check=True)
    [own] = [source for source in json.loads(scan.stdout)["sources"] if source["id"] == OWN_LOGS]
    assert (own["units"], own["undatable"], own["unparsed"]) == (1, 0, 0)
    assert own["records"] == len(kept.read_text().splitlines())


# -- the link to a person ---------------------------------------------------------------------------------------------


def test_a_renewed_key_cuts_old_lines_off(tmp_path: Path) -> None:
    """After the key was renewed the same person has another hash, in this process and the next."""
    person = PersonHash(load_person_key(tmp_path))
    before, old = person(TENANT, EMPLOYEE), (tmp_path / "person.key").read_bytes()
    person.renew(tmp_path)
    assert person(TENANT, EMPLOYEE) != before
    assert PersonHash(load_person_key(tmp_path))(TENANT, EMPLOYEE) == person(TENANT, EMPLOYEE)
    assert [path.name for path in tmp_path.iterdir()] == ["person.key"]
    assert (tmp_path / "person.key").read_bytes() != old
    assert (tmp_path / "person.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_cannot_be_renewed_is_told(tmp_path: Path) -> None:
    """A disk that takes no new key raises, and the old hashes go on, so that nobody believes they were cut off."""
    person = PersonHash(load_person_key(tmp_path / "state"))
    before = person(TENANT, EMPLOYEE)
    with pytest.raises(StateError, match=r"person\.key"):
        person.renew(tmp_path / "missing")
    assert person(TENANT, EMPLOYEE) == before
