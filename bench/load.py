"""The load generator: messages as Teams sends them, over connections kept open, as fast as asked for or at a rate."""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

APP_ID = "5a3e1c64-0000-4000-8000-000000000b07"
TENANT = "7d1f0b4e-0000-4000-8000-0000000007e9"
PEOPLE = 1000
_OPENINGS = {"de": ("", "Hallo, ", "moin ", "kurze Frage: ", "hi "), "en": ("", "Hi, ", "hello ", "quick question: ")}
_ENDINGS = {"de": ("", " danke", " ?", " :)"), "en": ("", " thanks", " ?", " :)")}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a conversation."""

    text: str
    lang: str
    conversation: int


def conversations(questions: Sequence[dict[str, Any]]) -> Iterator[Said]:
    """Ask every question for ever, each time worded a little differently and in a conversation of its own."""
    numbers = itertools.count()
    for wording in itertools.count():
        for question in questions:
            conversation, lang = next(numbers), question["lang"]
            opening = _OPENINGS[lang][wording // 4 % len(_OPENINGS[lang])]
            first, *more = question["turns"]
            yield Said(text=opening + first + _ENDINGS[lang][wording % 4], lang=lang, conversation=conversation)
            for text in more:
                yield Said(text=text, lang=lang, conversation=conversation)


class Requests:
    """Raw HTTP requests, each with a new activity id."""

    def __init__(self, *, service_url: str, tokens: Sequence[str], questions: Sequence[dict[str, Any]]) -> None:
        self._service_url = service_url
        self._tokens = itertools.cycle(tokens)
        self._said = conversations(questions)
        self._numbers = itertools.count(1)

    def __iter__(self) -> "Requests":
        return self

    def __next__(self) -> bytes:
        body = json.dumps(self._activity(next(self._numbers), next(self._said)), ensure_ascii=False).encode()
        head = (
            f"POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {next(self._tokens)}\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _activity(self, number: int, said: Said) -> dict[str, Any]:
        person = f"00000000-0000-4000-8000-{said.conversation % PEOPLE:012x}"
        country = "DE" if said.lang == "de" else "US"
        return {
            "type": "message",
            "id": str(1_700_000_000_000 + number),
            "timestamp": "2026-11-02T08:15:30.1234567Z",
            "localTimestamp": "2026-11-02T09:15:30.1234567+01:00",
            "localTimezone": "Europe/Berlin",
            "serviceUrl": self._service_url,
            "channelId": "msteams",
            "from": {"id": f"29:{person}", "name": "Erika Beispiel", "aadObjectId": person},
            "conversation": {
                "conversationType": "personal",
                "tenantId": TENANT,
                "id": f"a:bench-{said.conversation}",
            },
            "recipient": {"id": f"28:{APP_ID}", "name": "Privacy Bot"},
            "textFormat": "plain",
            "locale": f"{said.lang}-{country}",
            "text": said.text,
            "attachments": [{"contentType": "text/html", "content": f"<p>{len(said.text)}</p>"}],
            "entities": [
                {
                    "type": "clientInfo",
                    "locale": f"{said.lang}-{country}",
                    "country": country,
                    "platform": "Windows",
                    "timezone": "Europe/Berlin",
                },
            ],
            "channelData": {"tenant": {"id": TENANT}},
        }


@dataclass(slots=True)
class Load:
    """What came of one phase."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return len(self.milliseconds)

    @property
    def bad(self) -> int:
        """How many answers were no success, or never came."""
        return sum(count for status, count in self.statuses.items() if status // 100 != 2)

    def add(self, other: "Load") -> None:
        """Take another phase of the same kind in."""
        self.seconds += other.seconds
        self.milliseconds += other.milliseconds
        self.statuses += other.statuses

    def percentile(self, share: float) -> float:
        """Give the milliseconds within which a share of the requests was answered."""
        ordered = sorted(self.milliseconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Finish the request when its answer is whole."""
        self._buffer += data
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = _LENGTH.search(head)
        if len(rest) >= (int(length[1]) if length else 0) and self._answer:
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))
            self._answer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Count an answer that never came as status 0."""
        del exc
        if self._answer:
            self._answer.set_result(0)
            self._answer = None

    def ask(self, request: bytes) -> Awaitable[int]:
        """Send a request; gives the status of its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


async def flat_out(port: int, requests: Requests, *, connections: int, seconds: float) -> Load:
    """Keep so many requests under way for so many seconds; each connection sends one at least."""
    loop = asyncio.get_running_loop()
    load, end = Load(), loop.time() + seconds

    async def work(connection: Connection) -> None:
        now = loop.time()
        while True:
            began = now
            status = await connection.ask(next(requests))
            now = loop.time()
            load.milliseconds.append(1000 * (now - began))
            load.statuses[status] += 1
            if now >= end:
                return

    load.seconds = await _run(port, connections, work)
    return load


async def steady(port: int, requests: Requests, *, rate: int, seconds: float) -> Load:
    """Send at a fixed rate, whatever the answers do; time counts from when a request was due."""
    loop = asyncio.get_running_loop()
    load, numbers, begin = Load(), itertools.count(), loop.time() + 0.05

    async def work(connection: Connection) -> None:
        while (number := next(numbers)) < rate * seconds:
            due = begin + number / rate
            await asyncio.sleep(max(due - loop.time(), 0))
            status = await connection.ask(next(requests))
            load.milliseconds.append(1000 * (loop.time() - due))
            load.statuses[status] += 1

    load.seconds = await _run(port, 64, work)
    return load


async def _run(port: int, connections: int, work: Callable[[Connection], Awaitable[None]]) -> float:
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    began = loop.time()
    await asyncio.gather(*(work(connection) for connection in opened))
    seconds = loop.time() - began
    for connection in opened:
        connection.close()
    return seconds
