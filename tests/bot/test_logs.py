"""Logs tell what happened, never who or what was said: planted secrets must not come out (SC-07, SC-08)."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog

from bot.logs import ALLOWED, PersonHash, configure_logs, load_person_key
from tests.world import APP_SECRET, EMPLOYEE, TENANT, StartBot, World

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJwbGFudGVkIn0.c2lnbmF0dXJl"
BEARERS = (TOKEN, f"Bearer {TOKEN}", "Bearer planted-opaque-token", "bearer planted-opaque-token", f"x={TOKEN};y")
NAMES = ("Erika Mustermann", "erika@example.com", EMPLOYEE, "29:1aB-planted", "+49 30 123456", "Hans Wörst")
SECRETS = ("planted-client-secret", "postgresql://u:planted@db/x", "-----BEGIN PRIVATE KEY-----", "planted-header")
SPEECH = ("Wer hat mich gestern angerufen?", "planted question", '{"verb": "planted"}')
PLANTED = (*NAMES, *SECRETS, *SPEECH)
FORBIDDEN_FIELDS = (
    "text", "value", "name", "mail", "upn", "from_", "recipient", "authorization", "Authorization", "header", "headers",
    "token", "access_token", "secret", "app_secret", "password", "dsn", "claims", "body", "activity", "card", "data",
    "exc_info", "exception", "stack", "object_id", "aadObjectId", "tenant", "user", "url", "service_url", "message",
)  # fmt: skip

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Send all logs of the process through the product's own set-up into a text, until the test ends."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, handlers, level = structlog.get_config(), root.handlers[:], root.level
    configure_logs(stream, level=logging.DEBUG)
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines(output: io.StringIO) -> Lines:
    """Give what reads the lines written so far, each of which must be one JSON object."""
    return lambda: [json.loads(line) for line in output.getvalue().splitlines()]


def fail(error: Exception) -> NoReturn:
    """Raise."""
    raise error


def test_forbidden_fields_are_not_on_the_list() -> None:
    """The table of this test and the allow-list of the product have nothing in common."""
    assert not ALLOWED & set(FORBIDDEN_FIELDS)
    assert len(PLANTED) * len(FORBIDDEN_FIELDS) + len(BEARERS) * len(ALLOWED) > 100


@pytest.mark.parametrize("planted", [*PLANTED, *BEARERS])
def test_field_that_is_not_allowed_is_dropped(planted: str, output: io.StringIO, lines: Lines) -> None:
    """Whatever is bound to a line under another name than the listed ones does not come out; the listed one does."""
    log = structlog.get_logger("test")
    log.info("something happened", action="planted_test", **dict.fromkeys(FORBIDDEN_FIELDS, planted))
    log.warning("nested", **{field: {"deep": [planted, {planted: planted}]} for field in FORBIDDEN_FIELDS})
    assert planted not in output.getvalue()
    assert planted not in json.dumps(lines(), ensure_ascii=False)
    assert lines()[0]["action"] == "planted_test"
    assert set(lines()[0]) == {"event", "level", "timestamp", "action"}


@pytest.mark.parametrize("field", sorted(ALLOWED - {"timestamp", "level", "event"}))
@pytest.mark.parametrize("planted", BEARERS)
def test_token_in_an_allowed_field_is_blotted_out(field: str, planted: str, output: io.StringIO, lines: Lines) -> None:
    """A token does not come out of a listed field either, plain or nested; another word does."""
    log = structlog.get_logger("test")
    log.info("event", **{field: planted})
    log.info("event", **{field: ["harmless", planted, [planted], {"deep": planted}]})
    assert TOKEN not in output.getvalue()
    assert "planted-opaque-token" not in output.getvalue()
    assert lines()[1][field][0] == "harmless"


@pytest.mark.parametrize("planted", BEARERS)
def test_token_in_the_event_is_blotted_out(planted: str, output: io.StringIO, lines: Lines) -> None:
    """A sentence with a token in it loses the token and keeps the rest."""
    structlog.get_logger("test").info(f"before {planted} after")
    assert TOKEN not in output.getvalue()
    assert "planted-opaque-token" not in output.getvalue()
    assert lines()[0]["event"].startswith("before ")


@pytest.mark.parametrize("planted", [*PLANTED, *BEARERS])
def test_exception_of_our_own_loggers_says_nothing(planted: str, output: io.StringIO, lines: Lines) -> None:
    """Neither message nor traceback of an exception comes out."""
    log = structlog.get_logger("test")
    try:
        fail(PermissionError(planted))
    except PermissionError as error:
        log.exception("turn failed", action="turn_failed", error=type(error).__name__)
        log.warning("turn failed", exc_info=error)
        log.warning("turn failed", exc_info=True, stack_info=True)
    assert planted not in output.getvalue()
    assert "Traceback" not in output.getvalue()
    assert lines()[0]["error"] == "PermissionError"


@pytest.mark.parametrize("name", ["msal.token_cache", "aiohttp.server", "asyncio", "urllib3.connectionpool", "msrest"])
@pytest.mark.parametrize("planted", [*PLANTED, *BEARERS])
def test_library_says_where_and_nothing_else(name: str, planted: str, output: io.StringIO, lines: Lines) -> None:
    """Of a library's line its logger, level and error class come out, never its sentence, arguments or extras."""
    log = logging.getLogger(name)
    log.warning("sent %s to %s", planted, planted, extra={"text": planted, "reason": planted})
    log.warning(planted, stack_info=True)
    try:
        fail(ValueError(planted))
    except ValueError:
        log.exception(planted)
    assert planted not in output.getvalue()
    assert [line["logger"] for line in lines()] == [name] * 3
    assert [line["level"] for line in lines()] == ["warning", "warning", "error"]
    assert lines()[2]["error"] == "ValueError"


def test_libraries_chatter_is_left_out(output: io.StringIO) -> None:
    """Below a warning libraries say nothing at all: MSAL and aiohttp would tell addresses."""
    logging.getLogger("msal").info("planted")
    logging.getLogger("aiohttp.access").debug("planted")
    assert output.getvalue() == ""
    logging.getLogger("msal").warning("planted")
    assert output.getvalue() != ""


def test_long_value_is_cut(lines: Lines) -> None:
    """A value of any length makes a short line."""
    structlog.get_logger("test").info("x" * 10_000, reason="y" * 10_000, topics=["z"] * 10_000)
    [line] = lines()
    assert len(json.dumps(line)) < 1000


def test_line_break_does_not_make_a_second_line(output: io.StringIO) -> None:
    """Nobody can forge a line of the log."""
    structlog.get_logger("test").info("a", reason='x"}\n{"event": "forged"}')
    assert len(output.getvalue().splitlines()) == 1


# -- people ---------------------------------------------------------------------------------------------------------


def test_person_is_a_stable_keyed_hash() -> None:
    """The same person is the same under one key; another key, person or tenant gives something else."""
    person = PersonHash(b"k" * 32)
    known = person(TENANT, EMPLOYEE)
    assert known == PersonHash(b"k" * 32)(TENANT, EMPLOYEE)
    assert (
        len({known, PersonHash(b"l" * 32)(TENANT, EMPLOYEE), person(TENANT, TENANT), person(EMPLOYEE, EMPLOYEE)}) == 4
    )
    assert len(known) == 16
    assert int(known, 16) >= 0
    assert EMPLOYEE[:8] not in known


def test_nobody_in_particular_has_no_hash() -> None:
    """Somebody without an object id is "", so that all of them are not one person."""
    assert PersonHash(b"k" * 32)(TENANT, "") == ""


def test_key_of_people_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """The key is 32 random bytes that only the service's account can read, and stays the same."""
    old = os.umask(0)
    try:
        key = load_person_key(tmp_path / "var" / "state")
    finally:
        os.umask(old)
    path = tmp_path / "var" / "state" / "person.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(key) == 32
    assert load_person_key(path.parent) == key
    path.unlink()
    assert load_person_key(path.parent) != key


def test_half_made_key_is_not_used(tmp_path: Path) -> None:
    """A key file that a crash left empty is made anew: with an empty key anybody could tell who is who."""
    (tmp_path / "person.key").touch(mode=0o600)
    assert len(load_person_key(tmp_path)) == 32


# -- the live bot ---------------------------------------------------------------------------------------------------


@pytest.mark.asyncio(loop_scope="session")
async def test_whole_turns_leave_no_trace_of_people(
    output: io.StringIO, lines: Lines, world: World, start_bot: StartBot
) -> None:
    """Answered, refused and failed turns leave lines, but no name, text, id, token or secret in them (AUTH-33)."""
    sender = {"id": "29:1aB-planted", "name": "Erika Mustermann", "aadObjectId": EMPLOYEE}
    token = world.token()
    async with start_bot() as bot:
        for number in range(40):
            text = f"Wie lange werden Logs von Hans Wörst gespeichert? planted question {number}"
            assert (await bot.post(world.message(text, **{"from": sender}), token=token)).status == 201
        assert (await bot.post(world.message("planted question"), token=token + "x")).status == 401
        assert (await bot.post(world.message(SPEECH[0], channelData={"tenant": {"id": "planted"}}), token=token)).status
        world.authority.status = 401
    text = output.getvalue()
    sent = {call.authorization for call in world.connector.calls}
    assert sum(line.get("action") == "turn" for line in lines()) == 40
    assert len({line["person"] for line in lines() if "person" in line}) == 1
    secrets = {token, APP_SECRET, *(value.removeprefix("Bearer ") for value in sent)}
    assert [planted for planted in (*PLANTED, *secrets, TENANT, "Hans") if planted in text] == []
