"""People who talk to the real bot over HTTP, with real tokens, while everything behind it is at work."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.assembly import at_work
from bot.source_settings import SourceSettings
from cards.elements import visible_text
from data.office.office import Office
from data.retention.request import PurgeRequest, State
from tests.desk import buttons
from tests.test_retention_cli import DAY, line
from tests.world import ADMIN, DPO, EMPLOYEE, TENANT, Answer, LiveBot, World, running_bot

SECOND_ADMIN = "aaaaaaaa-0000-4000-8000-0000000000a2"
SOURCE = "app-logs"
PATIENCE = 20.0
"""Seconds within which something has to happen that happens by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """The personal chat of somebody with the bot."""

    bot: LiveBot
    world: World
    who: str
    place: str = ""
    """Another conversation than the own one."""
    tenant: str = TENANT

    def fields(self, **more: Any) -> dict[str, Any]:
        """Give what tells who speaks where."""
        where = {"id": self.place or f"a:{self.who}", "conversationType": "personal", "tenantId": self.tenant}
        return {
            "from": {"id": f"29:{self.who}", "name": "Erika Mustermann", "aadObjectId": self.who},
            "conversation": where,
            "channelData": {"tenant": {"id": self.tenant}},
            "locale": "en-GB",
        } | more

    async def says(self, text: str, **more: Any) -> Mapping[str, Any]:
        """Write something, and give the card that answers."""
        body = self.world.message(text, deliveryMode="expectReplies", **self.fields(**more))
        answer = await self.bot.post(body, token=self.world.token())
        assert answer.status == 200, answer.body
        [reply] = answer.json()["activities"]
        card: Mapping[str, Any] = reply["attachments"][0]["content"]
        return card

    async def presses(self, card: Mapping[str, Any], verb: str, *, on: str = "card-1", **typed: str) -> Any:
        """Press a button of a card, and give the card that takes its place."""
        answer = await self.sends(self.pressing(card, verb, on=on, **typed))
        assert answer.status == 200, answer.body
        assert answer.json()["type"] == "application/vnd.microsoft.card.adaptive"
        return answer.json()["value"]

    def pressing(self, card: Mapping[str, Any], verb: str, *, on: str = "card-1", **typed: str) -> dict[str, Any]:
        """Build the press of a button, which is new each time."""
        return self.world.invoke(verb, {**buttons(card)[verb]["data"], **typed}, **self.fields(replyToId=on))

    async def sends(self, body: Mapping[str, Any]) -> Answer:
        """Send something as it is, with a good token; what UTF-8 cannot hold goes as JSON's own escapes."""
        try:
            sent = json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            sent = json.dumps(body).encode()
        return await self.bot.post(sent, token=self.world.token())


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A bot at work, and what it does."""

    bot: LiveBot
    world: World
    office: Office
    logs: Path
    state: Path

    def chat(self, who: str, **where: str) -> Chat:
        """Let somebody talk to it."""
        return Chat(bot=self.bot, world=self.world, who=who, **where)

    def requests(self) -> Sequence[PurgeRequest]:
        """List the requests, newest first."""
        return self.office.engine.purges.newest()

    def audit(self, kind: str) -> list[Mapping[str, Any]]:
        """List the entries of one kind."""
        return [entry.data for entry in self.office.parts.engine.audit.entries() if entry.kind == kind]

    def stored(self) -> tuple[object, ...]:
        """Give everything that a press may change: requests, audit, alerts, rules, tickets, holds, files."""
        desk, stores = self.office.parts.desk, self.office.parts.engine.stores
        files = sorted((path.name, path.read_bytes()) for path in self.logs.iterdir())
        return (
            tuple(self.requests()),
            sum(1 for _ in self.office.parts.engine.audit.entries()),
            tuple(desk.standing.all()),
            tuple(desk.tickets.all()),
            tuple(stores.holds.all()),
            tuple(files),
        )

    async def looked(self) -> None:
        """Wait until the sources have been looked at; raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            while self.office.jobs.board() is None:  # noqa: ASYNC110  the schedule works in threads
                await asyncio.sleep(0.02)

    async def until(self, *states: State) -> PurgeRequest:
        """Wait until the newest request is in one of these states; raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            while not (found := self.requests()) or found[0].state not in states:  # noqa: ASYNC110  the schedule works in threads
                await asyncio.sleep(0.02)
        return found[0]

    async def previewed(self) -> tuple[Mapping[str, Any], PurgeRequest]:
        """Let the admin ask for a purge; gives his card once the preview is made."""
        await self.chat(ADMIN).says(f"purge {SOURCE}")
        request = await self.until(State.PREVIEWED)
        return await self.chat(ADMIN).says(f"confirm the purge of {SOURCE}"), request

    async def waiting(self) -> tuple[Mapping[str, Any], PurgeRequest]:
        """Let the admin confirm a purge; gives the second admin's card."""
        card, request = await self.previewed()
        await self.chat(ADMIN).presses(card, "purge_confirm", code=request.code)
        request = await self.until(State.AWAITING_SECOND)
        return await self.chat(SECOND_ADMIN).says("yes, confirm the purge"), request


def write_logs(folder: Path, *, old: int = 2) -> Path:
    """Write so many old files and a young one."""
    now = time.time()  # noqa: TID251  a real bot reads the real clock
    folder.mkdir(parents=True, exist_ok=True)
    for name, age in [*((f"old-{number}.log", 100.0) for number in range(old)), ("young.log", 5.0)]:
        path = folder / name
        path.write_text(line(now - age * DAY, "seen") * 3, encoding="utf-8")
        os.utime(path, (now - 2 * DAY, now - 2 * DAY))
    return folder


@asynccontextmanager
async def living(
    world: World, state: Path, logs: Path, *, cooling: int = 60, sources: Sequence[SourceSettings] = (), dsn: str = ""
) -> AsyncIterator[Live]:
    """Run the bot with one source or those given, two admins and a DPO, and everything that works by itself.

    With a DSN everything is kept in PostgreSQL.
    """
    settings = world.settings(
        state,
        roles={"admins": [ADMIN, SECOND_ADMIN], "dpos": [DPO]},
        purge={"max_share": 1.0, "cooling_minutes": cooling},
        state={"postgres_dsn": dsn},
    )
    source = SourceSettings(id=SOURCE, kind="files", data_kind="log", root=str(logs))
    settings = settings.model_copy(update={"sources": tuple(sources or (source,))})
    async with running_bot(settings) as bot, at_work(bot.parts):
        yield Live(bot=bot, world=world, office=bot.parts.schedule._office, logs=logs, state=state)


def read(card: Mapping[str, Any]) -> str:
    """Give what a person reads on a card."""
    return visible_text(dict(card))


def card_of(answer: Answer) -> Mapping[str, Any]:
    """Give the card that an invoke was answered with."""
    found: Mapping[str, Any] = answer.json()["value"]
    return found


__all__ = [
    "ADMIN", "DPO", "EMPLOYEE", "SECOND_ADMIN", "SOURCE", "Chat", "Live", "card_of", "living", "read", "write_logs",
]  # fmt: skip
