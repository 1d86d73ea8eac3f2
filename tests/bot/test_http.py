"""What the message port does with requests that are not as they should be: HTTP 01 to 18 of the security list.

Every request here carries a token that is accepted, so that nothing but the request itself can be refused.
"""

import asyncio
import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.adapter.json_body import MAX_BYTES, read_json_object
from bot.server import BODY_SECONDS
from data.errors import MalformedError
from tests.world import SILENCE, TENANT, Answer, LiveBot, StartBot, World

JSON = ("Content-Type", "application/json")


# -- a client that says exactly what it is told -----------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Line:
    """A bare connection to the message port."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> Answer:
        """Read one whole answer."""
        async with asyncio.timeout(BODY_SECONDS + 5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.title(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        return Answer(status=int(head[0].split(" ")[1]), headers=headers, body=body)

    async def ended(self) -> bool:
        """Tell whether the bot has closed the connection, and said nothing more."""
        async with asyncio.timeout(5):
            return await self.reader.read() == b""

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


async def call(bot: LiveBot, stack: AsyncExitStack) -> Line:
    """Connect to the message port until the stack ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bot.port)
    line = Line(reader=reader, writer=writer)
    stack.push_async_callback(line.close)
    return line


def head_of(world: World, *headers: tuple[str, str], path: str = "/api/messages", method: str = "POST") -> bytes:
    """Write the head of a request with a good token."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bot.example", f"Authorization: Bearer {world.token()}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


def whole(world: World, body: bytes, *headers: tuple[str, str]) -> bytes:
    """Write a request with a good token and its length."""
    return head_of(world, JSON, ("Content-Length", str(len(body))), *headers) + body


def encoded(body: object) -> bytes:
    """Write JSON."""
    return json.dumps(body).encode()


async def exchange(bot: LiveBot, data: bytes) -> Answer:
    """Send bytes on a connection of their own and read one answer."""
    async with AsyncExitStack() as stack:
        line = await call(bot, stack)
        await line.say(data)
        return await line.hear()


def check_refused(answer: Answer, world: World, *statuses: int) -> None:
    """Check that a request was refused with a short plain answer, and nobody was told."""
    assert answer.status in statuses, answer
    assert len(answer.body) < 1000
    assert b"Traceback" not in answer.body
    assert b'File "' not in answer.body
    assert world.outbound == 0


async def check_accepted(bot: LiveBot, world: World) -> None:
    """Check the positive control: the request as it should be is answered."""
    answer = await bot.post(world.message(), token=world.token())
    assert answer.status == 201, answer
    assert len(world.connector.accepted) == 1


# -- 01, 02, 13: what a body says it is -------------------------------------------------------------------------------

MEDIA: dict[str, list[tuple[str, str]]] = {
    "01 none": [],
    "02 text": [("Content-Type", "text/plain")],
    "02 form": [("Content-Type", "application/x-www-form-urlencoded")],
    "02 file upload": [("Content-Type", "multipart/form-data; boundary=x")],
    "02 JSON of another kind": [("Content-Type", "application/problem+json")],
    "02 JSON as text": [("Content-Type", "text/json")],
    "02 nonsense": [("Content-Type", "application")],
    "02 empty": [("Content-Type", "")],
    "02 any": [("Content-Type", "*/*")],
    "11 UTF-16 by name": [("Content-Type", "application/json; charset=utf-16")],
    "11 Latin-1 by name": [("Content-Type", "application/json; charset=iso-8859-1")],
    "11 unknown charset": [("Content-Type", "application/json; charset=klingon")],
    "13 gzip": [JSON, ("Content-Encoding", "gzip")],
    "13 deflate": [JSON, ("Content-Encoding", "deflate")],
    "13 br": [JSON, ("Content-Encoding", "br")],
    "13 zstd": [JSON, ("Content-Encoding", "zstd")],
    "13 twice": [JSON, ("Content-Encoding", "gzip, gzip")],
    "13 identity and gzip": [JSON, ("Content-Encoding", "identity, gzip")],
    "13 unknown": [JSON, ("Content-Encoding", "x")],
}


@pytest.mark.parametrize("name", MEDIA)
async def test_anything_but_plain_json_is_unsupported(name: str, bot: LiveBot, world: World) -> None:
    """A good message under another media type, charset or encoding is 415."""
    body = encoded(world.message())
    request = head_of(world, *MEDIA[name], ("Content-Length", str(len(body)))) + body
    check_refused(await exchange(bot, request), world, 415)
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "application/json; charset=utf-8")],
        [("Content-Type", "application/json;charset=UTF8")],
        [("Content-Type", "Application/JSON")],
        [("content-type", "application/json; charset=utf-8; odata=verbose")],
        [JSON, ("Content-Encoding", "identity")],
        [JSON, ("Content-Encoding", "Identity")],
    ],
    ids=["charset", "short charset", "capitals", "more parameters", "identity", "identity in capitals"],
)
async def test_plain_json_is_accepted_in_every_spelling(
    headers: list[tuple[str, str]], bot: LiveBot, world: World
) -> None:
    """All spellings of JSON in UTF-8 without an encoding are accepted (01, 02, 13)."""
    body = encoded(world.message())
    answer = await exchange(bot, head_of(world, *headers, ("Content-Length", str(len(body)))) + body)
    assert answer.status == 201
    assert len(world.connector.accepted) == 1


# -- 03 to 05, 07 to 11: bodies that are no JSON object ---------------------------------------------------------------


def spliced(value: str) -> Callable[[World], bytes]:
    """Build a good message with one more field whose JSON is given as text."""
    return lambda world: encoded(world.message())[:-1] + f', "extra": {value}}}'.encode()


def recoded(codec: str) -> Callable[[World], bytes]:
    """Build a good message in another encoding."""
    return lambda world: json.dumps(world.message("Frage: Übertragung?"), ensure_ascii=False).encode(codec)


def nested(depth: int) -> str:
    """Write lists in lists."""
    return "[" * depth + "]" * depth


NOT_JSON: dict[str, Callable[[World], bytes]] = {
    "03 brace": lambda _: b"{",
    "03 nothing": lambda _: b"",
    "03 blank": lambda _: b" \r\n",
    "03 cut": lambda world: encoded(world.message())[:-1],
    "03 something behind": lambda world: encoded(world.message()) + b"x",
    "03 two objects": lambda world: encoded(world.message()) * 2,
    "03 single quotes": lambda world: encoded(world.message()).replace(b'"', b"'"),
    "03 comma behind": lambda world: encoded(world.message())[:-1] + b",}",
    "03 comment": lambda world: b"/**/" + encoded(world.message()),
    "03 control character": spliced('"\x01"'),
    "03 zero byte": lambda world: encoded(world.message()) + b"\0",
    "04 null": lambda _: b"null",
    "04 list": lambda _: b"[]",
    "04 list with a message": lambda world: encoded([world.message()]),
    "04 number": lambda _: b"1",
    "04 text": lambda _: b'"x"',
    "04 true": lambda _: b"true",
    "04 message as text": lambda world: encoded(json.dumps(world.message())),
    "05 empty object": lambda _: b"{}",
    "07 33 deep": spliced(nested(32)),
    "07 33 deep, objects": spliced('{"a":' * 32 + "1" + "}" * 32),
    "07 1,000 deep": spliced(nested(1000)),
    "07 100,000 deep": spliced(nested(100_000)),
    "07 100,000 deep, never closed": lambda _: b"[" * 100_000,
    "07 40,000 deep, objects": spliced('{"a":' * 40_000 + "1" + "}" * 40_000),
    "08 5,000 digits": spliced("9" * 5000),
    "08 65 digits": spliced("9" * 65),
    "08 5,000 digits behind the point": spliced("0." + "9" * 5000),
    "09 NaN": spliced("NaN"),
    "09 Infinity": spliced("Infinity"),
    "09 -Infinity": spliced("-Infinity"),
    "09 infinity by exponent": spliced("1e999"),
    "09 -infinity by exponent": spliced("-1e999"),
    "10 duplicate key": lambda world: encoded(world.message())[:-1] + b', "text": "x"}',
    "10 duplicate key, same value": lambda world: encoded(world.message())[:-1] + b', "type": "message"}',
    "10 duplicate key, escaped": lambda world: encoded(world.message())[:-1] + b', "t\\u0065xt": "x"}',
    "10 duplicate key below": spliced('{"a": 1, "a": 2}'),
    "10 duplicate key in a list": spliced('[{"a": 1, "a": 2}]'),
    "11 invalid UTF-8": lambda world: encoded(world.message())[:-1] + b', "x": "\xff\xfe"}',
    "11 overlong UTF-8": lambda world: encoded(world.message())[:-1] + b', "x": "\xc0\xaf"}',
    "11 half a character": lambda world: encoded(world.message())[:-1] + b', "x": "\xc3"}',
    "11 surrogate in UTF-8": lambda world: encoded(world.message())[:-1] + b', "x": "\xed\xa0\x80"}',
    "11 Latin-1": recoded("latin-1"),
    "11 UTF-16": recoded("utf-16"),
    "11 UTF-16 without a mark": recoded("utf-16-le"),
    "11 UTF-32": recoded("utf-32"),
    "11 byte-order mark": recoded("utf-8-sig"),
    "11 lone surrogate": spliced('"\\ud800"'),
    "11 lone surrogate in capitals": spliced('"\\uDFFF"'),
    "11 lone surrogate as key": spliced('{"\\udc00": 1}'),
    "11 surrogates in the wrong order": spliced('"\\udc00\\ud800"'),
}


@pytest.mark.parametrize("name", NOT_JSON)
async def test_body_that_is_no_json_object_is_malformed(name: str, bot: LiveBot, world: World) -> None:
    """A body that is not one strict JSON object is 400, whatever the parser would make of it."""
    check_refused(await bot.post(NOT_JSON[name](world), token=world.token()), world, 400)
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "value",
    [
        nested(31),
        '{"a":' * 31 + "1" + "}" * 31,
        "9" * 64,
        "1.5e300",
        "-0.0",
        '"\\ud83d\\ude00"',
        '"\\\\ud800"',
        '[{"a": 1}, {"a": 1}]',
    ],
    ids=[
        "32 deep",
        "32 deep, objects",
        "64 digits",
        "large",
        "minus zero",
        "surrogate pair",
        "escaped back-slash",
        "twins",
    ],
)
async def test_odd_but_valid_json_is_accepted(value: str, bot: LiveBot, world: World) -> None:
    """What JSON allows within the limits is accepted (07 to 11)."""
    assert (await bot.post(spliced(value)(world), token=world.token())).status == 201
    assert len(world.connector.accepted) == 1


@pytest.mark.parametrize("body", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 40_000, b'{"a":' + b"9" * 200_000 + b"}"])
def test_hostile_json_costs_little(body: bytes) -> None:
    """The worst bodies that fit are refused within a tenth of a second of computing (07, 08)."""
    before = time.process_time()
    with pytest.raises(MalformedError):
        read_json_object(body)
    assert time.process_time() - before < 0.1


# -- 06, 15, 16: JSON that is no activity -----------------------------------------------------------------------------


WRONG: tuple[object, ...] = (1, 1.5, True, [], ["x"], {}, {"id": {}})
WRONG_OBJECT: tuple[object, ...] = (1, True, "x", "", [], [{}])
FIELDS: dict[str, tuple[str, object]] = {
    **{f"06 type {value!r}": ("type", value) for value in (*WRONG, None, "")},
    "06 no type": ("type", SILENCE),
    "06 long type": ("type", "x" * 1025),
    **{
        f"15 {field} {value!r}": (field, value)
        for field in ("id", "text", "name", "locale", "replyToId", "serviceUrl", "channelId", "action", "deliveryMode")
        for value in WRONG
    },
    **{
        f"15 {field} {value!r}": (field, value)
        for field in ("from", "recipient", "conversation")
        for value in WRONG_OBJECT
    },
    **{
        f"15 {field}'s id {value!r}": (field, {"id": value})
        for field in ("from", "recipient", "conversation")
        for value in (1, [], {}, True, "x" * 1025)
    },
    **{f"15 person {value!r}": ("from", {"id": "29:x", "aadObjectId": value}) for value in (1, [], {}, True)},
    **{f"15 person's name {value!r}": ("from", {"id": "29:x", "name": value}) for value in (1, [], {}, True)},
    **{f"15 person's role {value!r}": ("from", {"id": "29:x", "role": value}) for value in (1, [], {}, True)},
    "15 no conversation": ("conversation", SILENCE),
    "15 conversation null": ("conversation", None),
    "15 conversation without id": ("conversation", {"tenantId": TENANT}),
    "15 conversation's type": ("conversation", {"id": "a:1", "conversationType": 1}),
    "15 conversation's tenant": ("conversation", {"id": "a:1", "tenantId": ["x"]}),
    "15 conversation's group": ("conversation", {"id": "a:1", "isGroup": "yes"}),
    **{
        f"15 {field} {value!r}": (field, value)
        for field in ("attachments", "entities", "membersAdded")
        for value in (1, "x", True, {}, [1], [None], ["x"], [[]], [{}, 1])
    },
    **{
        f"16 {field} {value!r}": (field, value)
        for field in ("timestamp", "localTimestamp")
        for value in (
            "yesterday",
            "",
            "0000-01-01T00:00:00Z",
            "99999-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:01:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00+99:00",
            "2026-01-01",
            "20260101T000000Z",
            "2026-W01-1T00:00:00Z",
            "2026-01-01T00:00:00Z\n",
            "\uff12026-01-01T00:00:00Z",
            "2026-01-01T00:00:00." + "1" * 2000,
            1767225600,
            ["2026-01-01T00:00:00Z"],
            {},
            True,
        )
    },
}


@pytest.mark.parametrize("name", FIELDS)
async def test_field_of_the_wrong_shape_is_malformed(name: str, bot: LiveBot, world: World) -> None:
    """A field of an activity that has the wrong type or shape is 400."""
    field, value = FIELDS[name]
    check_refused(await bot.post(world.message(**{field: value}), token=world.token()), world, 400)
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "fields",
    [
        {"timestamp": "2026-03-02T10:11:12Z"},
        {"timestamp": "2026-03-02T10:11:12.1234567+05:30", "localTimestamp": "2026-03-02t10:11:12z"},
        {"timestamp": SILENCE, "localTimestamp": None},
        {"attachments": None, "entities": None, "membersAdded": None},
        {"attachments": [{}], "entities": [{}]},
        {"id": None, "locale": None, "name": None},
        {"id": "x" * 1024},
        {"from": SILENCE},
        {"from": {}, "recipient": {}},
        {"recipient": None},
        {"value": [1, {"a": None}], "unknown": {"field": [True]}},
        {"text": None},
        {"text": "x" * 100_000},
    ],
    ids=lambda fields: ",".join(f"{key}={str(value)[:20]}" for key, value in fields.items()),
)
async def test_field_that_may_be_missing_or_odd_is_accepted(
    fields: Mapping[str, Any], bot: LiveBot, world: World
) -> None:
    """What Teams may leave out or add keeps nobody from an answer (06, 15, 16)."""
    assert (await bot.post(world.message(**fields), token=world.token())).status == 201
    assert len(world.connector.accepted) == 1


ODD_INVOKES: dict[str, dict[str, Any]] = {
    "no value": {"value": SILENCE},
    "value null": {"value": None},
    "value a list": {"value": []},
    "value a text": {"value": "x"},
    "action missing": {"value": {}},
    "action a text": {"value": {"action": "show_help"}},
    "action a list": {"value": {"action": [1]}},
    "action of another type": {"value": {"action": {"type": "Action.Submit", "verb": "show_help"}}},
    "verb a list": {"value": {"action": {"verb": ["show_help"]}}},
    "verb an object": {"value": {"action": {"verb": {}}}},
    "data a list": {"value": {"action": {"verb": "show_topic", "data": [1]}}},
    "data's id a list": {
        "value": {"action": {"verb": "show_topic", "data": {"id": ["x"], "lang": ["de"], "from": {}}}}
    },
    "no name": {"name": SILENCE},
    "unknown name": {"name": "signin/verifyState"},
    "search without value": {"name": "composeExtension/query", "value": None},
    "search of another command": {"name": "composeExtension/query", "value": {"commandId": "x"}},
    "search with odd parameters": {
        "name": "composeExtension/query",
        "value": {"commandId": "findTopic", "parameters": [1, {"name": "query", "value": {}}, None]},
    },
    "no card": {"replyToId": SILENCE},
}


@pytest.mark.parametrize("name", ODD_INVOKES)
async def test_odd_invoke_is_answered_in_the_protocols_own_form(name: str, bot: LiveBot, world: World) -> None:
    """A button's press that makes no sense is answered with a card or a protocol error inside a 200, never a 5xx."""
    answer = await bot.post(world.invoke(**ODD_INVOKES[name]), token=world.token())
    assert answer.status == 200
    assert "type" in answer.json() or "composeExtension" in answer.json()
    assert world.connector.calls == []


# -- 12 to 14: size and speed -----------------------------------------------------------------------------------------


async def test_body_at_the_limit_is_accepted_and_above_it_too_large(bot: LiveBot, world: World) -> None:
    """256 KiB pass; one byte more is 413 before it is parsed (12)."""
    body = encoded(world.message()).ljust(MAX_BYTES)
    check_refused(await bot.post(body + b" ", token=world.token()), world, 413)
    check_refused(await bot.post(b"{" * (257 * 1024), token=world.token()), world, 413)
    assert (await bot.post(body, token=world.token())).status == 201


async def test_announced_size_is_refused_before_the_body_comes(bot: LiveBot, world: World) -> None:
    """A length above the limit is 413 without waiting for a single byte (12)."""
    check_refused(await exchange(bot, head_of(world, JSON, ("Content-Length", str(10**12)))), world, 413)
    await check_accepted(bot, world)


def chunked(*chunks: bytes) -> bytes:
    """Write chunks as HTTP/1.1 does, without the last one."""
    return b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)


async def test_chunks_that_never_end_are_cut_off_at_the_limit(bot: LiveBot, world: World) -> None:
    """A body without a length is read up to the limit only, then 413 (12)."""
    head = head_of(world, JSON, ("Transfer-Encoding", "chunked"))
    check_refused(await exchange(bot, head + chunked(*[b" " * 8192] * 33)), world, 413)
    body = encoded(world.message())
    answer = await exchange(bot, head + chunked(body[:10], body[10:20], body[20:]) + b"0\r\n\r\n")
    assert answer.status == 201


def resident_bytes() -> int:
    """Tell how much memory the process uses."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Pack 200 MiB of nothing into 200 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()


@pytest.mark.parametrize("headers", [[("Content-Encoding", "gzip")], []], ids=["announced", "not announced"])
async def test_gzip_bomb_is_not_unpacked(
    headers: list[tuple[str, str]], bomb: bytes, bot: LiveBot, world: World
) -> None:
    """A small body that unpacks to 200 MiB is refused and costs less than 20 MB (13)."""
    assert len(bomb) < MAX_BYTES
    before = resident_bytes()
    check_refused(await exchange(bot, whole(world, bomb, *headers)), world, 400, 415)
    assert resident_bytes() - before < 20_000_000
    await check_accepted(bot, world)


async def test_compressed_message_is_refused_even_if_small(bot: LiveBot, world: World) -> None:
    """A good message in gzip is 415, the same message as it is is answered (13)."""
    body = encoded(world.message())
    request = whole(world, gzip.compress(body), ("Content-Encoding", "gzip"))
    check_refused(await exchange(bot, request), world, 415)
    assert (await exchange(bot, whole(world, body))).status == 201


async def test_slow_body_is_cut_off_after_ten_seconds(bot: LiveBot, world: World) -> None:
    """A body of one byte a second is 408 after ten seconds; meanwhile everybody else is answered (14)."""
    body = encoded(world.message())
    async with AsyncExitStack() as stack:
        line = await call(bot, stack)
        await line.say(head_of(world, JSON, ("Content-Length", str(len(body)))))
        answer = asyncio.ensure_future(line.hear())
        started = time.monotonic()
        for byte in body:
            await line.say(bytes([byte]))
            done, _ = await asyncio.wait([answer], timeout=1)
            if done:
                break
        assert BODY_SECONDS - 1 < time.monotonic() - started < BODY_SECONDS + 2
        check_refused(await answer, world, 408)
        assert await line.ended()
    await check_accepted(bot, world)


async def test_body_in_pieces_is_accepted(bot: LiveBot, world: World) -> None:
    """A body that comes in pieces within the time is answered (14)."""
    body = encoded(world.message())
    async with AsyncExitStack() as stack:
        line = await call(bot, stack)
        await line.say(head_of(world, JSON, ("Content-Length", str(len(body)))))
        for start in range(0, len(body), 100):
            await line.say(body[start : start + 100])
            await asyncio.sleep(0)
        assert (await line.hear()).status == 201


async def test_caller_that_hangs_up_harms_nobody(bot: LiveBot, world: World) -> None:
    """A connection that ends in the middle of head or body has no effect, and the next caller is answered."""
    body = encoded(world.message())
    request = whole(world, body)
    for length in (1, 20, len(request) - len(body), len(request) - len(body) + 10, len(request) - 1):
        async with AsyncExitStack() as stack:
            line = await call(bot, stack)
            await line.say(request[:length])
    assert world.outbound == 0
    await check_accepted(bot, world)


# -- 17, 18: connections ----------------------------------------------------------------------------------------------


async def test_five_hundred_idle_connections_leave_room(bot: LiveBot, world: World) -> None:
    """With 500 connections that say nothing, or half a head, a message is still answered (17)."""
    async with AsyncExitStack() as stack:
        for number in range(500):
            line = await call(bot, stack)
            if number % 2:
                await line.say(b"POST /api/messages HTTP/1.1\r\nHost: ")
        await check_accepted(bot, world)
        assert (await bot.ops("/readyz")).status == 200


SMUGGLED = b"0\r\n\r\n"
SMUGGLES: dict[str, list[tuple[str, str]]] = {
    "length and chunks": [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
    "chunks and length": [("Transfer-Encoding", "chunked"), ("Content-Length", "5")],
    "two lengths": [("Content-Length", "5"), ("Content-Length", "6")],
    "two lengths in one": [("Content-Length", "5, 6")],
    "signed length": [("Content-Length", "+5")],
    "negative length": [("Content-Length", "-5")],
    "hexadecimal length": [("Content-Length", "0x5")],
    "length with an underline": [("Content-Length", "0_5")],
    "length in other digits": [("Content-Length", "\u0665")],
    "length no number": [("Content-Length", "five")],
    "chunks in another coding": [("Transfer-Encoding", "xchunked")],
    "chunked, then identity": [("Transfer-Encoding", "chunked, identity")],
    "chunked twice": [("Transfer-Encoding", "chunked, chunked")],
    "chunked with a tab": [("Transfer-Encoding", "\x0bchunked"), ("Content-Length", "5")],
    "blank before the colon": [("Content-Length ", "5")],
    "blank before the name": [(" Content-Length", "5")],
    "zero byte in a name": [("X\0Y", "5"), ("Content-Length", "5")],
    "zero byte in a value": [("X", "5\x005"), ("Content-Length", "5")],
    "carriage return in a value": [("X", "5\rY: 5"), ("Content-Length", "5")],
}


@pytest.mark.parametrize("name", SMUGGLES)
async def test_ambiguous_framing_is_malformed(name: str, bot: LiveBot, world: World) -> None:
    """A request whose end two readers could see at two places is 400 and nothing behind it is served (18)."""
    async with AsyncExitStack() as stack:
        line = await call(bot, stack)
        hidden = whole(world, encoded(world.message()))
        await line.say(head_of(world, JSON, *SMUGGLES[name]) + SMUGGLED + hidden)
        check_refused(await line.hear(), world, 400)
        assert await line.ended()
        assert world.outbound == 0
    await check_accepted(bot, world)


BROKEN_CHUNKS = {
    "no number": b"x\r\n{}\r\n0\r\n\r\n",
    "negative": b"-2\r\n{}\r\n0\r\n\r\n",
    "underline": b"0_2\r\n{}\r\n0\r\n\r\n",
    "too short": b"1\r\n{}\r\n0\r\n\r\n",
    "too long": b"3\r\n{}\r\n0\r\n\r\n",
    "0x": b"0x2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
async def test_broken_chunks_are_malformed(name: str, bot: LiveBot, world: World) -> None:
    """Chunks whose sizes are wrong are 400 (18)."""
    request = head_of(world, JSON, ("Transfer-Encoding", "chunked")) + BROKEN_CHUNKS[name]
    check_refused(await exchange(bot, request), world, 400)
    await check_accepted(bot, world)


async def test_pipelined_requests_are_answered_in_turn(bot: LiveBot, world: World) -> None:
    """Two good requests and a refused one sent at once are answered one after the other (18)."""
    good, other = encoded(world.message()), encoded(world.message())
    async with AsyncExitStack() as stack:
        line = await call(bot, stack)
        await line.say(whole(world, good) + whole(world, b"[]") + whole(world, other))
        assert [(await line.hear()).status for _ in range(3)] == [201, 400, 201]
    assert len(world.connector.accepted) == 2


NO_REQUESTS = {
    "nonsense": b"hello\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + bytes(100),
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "long address": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
    "header without a colon": b"POST /api/messages HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "odd method": b"PO(ST /api/messages HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", NO_REQUESTS)
async def test_what_is_no_http_is_malformed(name: str, bot: LiveBot, world: World) -> None:
    """Bytes that are no HTTP request are 400, and the answer tells nothing of the inside."""
    check_refused(await exchange(bot, NO_REQUESTS[name]), world, 400)
    await check_accepted(bot, world)


# -- what else can be asked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/messages/", "/api/messages/x", "/API/messages", "//api/messages", "/api/messages%00", "/livez",
     "/readyz", "/metrics", "/api/../api/messages2", "/.env", "/api/messages;x=1"],
)  # fmt: skip
async def test_public_port_serves_one_address_only(path: str, bot: LiveBot, world: World) -> None:
    """Every other address of the public port is 404, the ops port's too."""
    body = encoded(world.message())
    request = head_of(world, JSON, ("Content-Length", str(len(body))), path=path) + body
    check_refused(await exchange(bot, request), world, 404)
    get = await exchange(bot, head_of(world, path=path, method="GET"))
    assert get.status == 404
    await check_accepted(bot, world)


async def test_answers_do_not_tell_what_serves_them(bot: LiveBot, world: World) -> None:
    """Neither a good nor a refused answer names library or version."""
    answers = [
        await bot.post(world.message(), token=world.token()),
        await bot.post(world.message()),
        await bot.request("GET", bot.url),
        await bot.request("GET", f"http://127.0.0.1:{bot.port}/nowhere"),
    ]
    for answer in answers:
        told = f"{answer.headers} {answer.body!r}".lower()
        assert "python" not in told
        assert "aiohttp" not in told


async def test_ops_port_tells_health_and_figures_and_takes_no_messages(start_bot: StartBot, world: World) -> None:
    """The ops port has three addresses to read, and no door for messages."""
    async with start_bot() as bot:  # the shared bot's loop stands still between tests, which it rightly calls a lag
        assert (await bot.ops("/livez")).json() == {"alive": True}
        assert (await bot.ops("/readyz")).json() == {"ready": True, "problems": []}
        await check_accepted(bot, world)
        assert b'procall_turns_total{lang="de"' in (await bot.ops("/metrics")).body
        answer = await bot.request("POST", f"http://127.0.0.1:{bot.ops_port}/api/messages", json=world.message())
        assert answer.status == 404
