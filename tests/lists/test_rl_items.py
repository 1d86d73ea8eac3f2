"""Items of the RL list (security.md 8) about sending, where the tests of the sender do not say it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest

from bot.adapter.connector import OutboundConnector, PooledConnectors, TokenSource
from bot.adapter.hosts import HostList
from bot.metrics import Metrics
from bot.outbox import Sender, SenderParts
from cards.elements import Card
from data.desk.delivery import DeliveryState, Reference, Want
from data.desk.pace import Pace
from data.office.outbox import Outbox
from data.retention.instants import instant_of
from data.stores.memory_desk import MemoryDeskStores
from data.stores.tinydb_desk import open_desk
from tests.data.office.test_outbox import outbox_over
from tests.domain import ROOT
from tests.world import FakeClock, Fault, World, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

SENDING = Path(__file__).with_name("scenario_sending.py")
MESSAGES = 60


async def draw(subject: str, _recipient: str, _place: Reference) -> tuple[Card, str]:
    """Draw a card that shows its number."""
    return {"type": "AdaptiveCard", "fallbackText": subject, "body": []}, subject


def sender_over(outbox: Outbox, session: aiohttp.ClientSession, clock: FakeClock) -> Sender:
    """Put a sender over an outbox."""
    hosts, token = HostList(["127.0.0.1"]), TokenSource()
    connectors = PooledConnectors(hosts=hosts, token=token, session=session, observe=lambda _outcome: None)
    return Sender(
        SenderParts(
            outbox=outbox,
            draw=draw,
            connector=OutboundConnector(connectors),
            pace=Pace(),
            clock=clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
        )
    )


def want_at(outbox: Outbox, clock: FakeClock, *urls: str, urgent: bool = True) -> None:
    """Want one alert at recipients who are reached at these addresses."""
    now = instant_of(clock.now())
    for number, url in enumerate(urls):
        name = f"p-{number}"
        outbox.refer(Reference(id=name, conversation_id=f"a:{name}", service_url=url, used_at=now))
        outbox.want([Want(subject="alert/1", recipient=name, post="1", shown="a", urgent=urgent)], now)


async def test_a_connector_that_hangs_holds_up_nobody_else(world: World) -> None:
    """RL-02: calls that hang end with our time-out, and those to a host that is well are noted before (control)."""
    clock, outbox = FakeClock(), outbox_over(MemoryDeskStores())
    never = asyncio.Event()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as session:
        sender = sender_over(outbox, session, clock)
        world.connector.faults.extend([Fault(until=never)] * 3)
        want_at(outbox, clock, *[world.service_url] * 6)
        pumping = asyncio.create_task(sender.pump())
        await world.connector.wait_for(6)
        async with asyncio.timeout(5):
            while [one.state for one in outbox.report("alert/1")].count(DeliveryState.SENT) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0)  # nothing tells when a thread has written
        assert not pumping.done(), "three calls still hang, and the others are noted"
        async with asyncio.timeout(5):
            await pumping
        states = Counter((one.state, one.error) for one in outbox.report("alert/1"))
        assert states == {(DeliveryState.SENT, ""): 3, (DeliveryState.WAITING, "unknown"): 3}
        never.set()


async def test_every_broken_connection_is_one_of_our_outcomes(world: World) -> None:
    """RL-03: no port, no name, no TLS, a reset, half an answer: each is classified, none crashes, the next is sent."""
    clock, outbox = FakeClock(), outbox_over(MemoryDeskStores())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/"

        async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            writer.close()

        server = await asyncio.start_server(half, "127.0.0.1", 0)
        half_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        plain_as_tls = world.service_url.replace("http:", "https:")
        async with server, aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            sender = sender_over(outbox, session, clock)
            want_at(outbox, clock, nobody, plain_as_tls, half_url, world.service_url)
            await sender.pump()
        found = [(one.state, one.error) for one in outbox.report("alert/1")]
        waiting, sent = DeliveryState.WAITING, DeliveryState.SENT
        assert found == [(waiting, "not_sent"), (waiting, "not_sent"), (waiting, "unknown"), (sent, "")]


async def test_a_killed_sender_loses_nothing_urgent(tmp_path: Path) -> None:
    """RL-14, by kill -9 of a real process: urgent arrives once or twice, the rest at most once, the store is whole.

    The process is killed after 1, 20 and 41 messages have come; then another one sends what is left.
    """
    for number, killed_after in enumerate((1, 20, 41)):
        folder = tmp_path / f"state-{number}"
        folder.mkdir(mode=0o700)
        came: Counter[str] = Counter()
        enough = asyncio.Event()
        app = aiohttp.web.Application()

        async def take(request: aiohttp.web.Request, came: Counter[str] = came, limit: int = killed_after,
                       enough: asyncio.Event = enough) -> aiohttp.web.Response:  # fmt: skip
            came[json.loads(await request.read())["summary"]] += 1
            if came.total() >= limit:
                enough.set()
            return aiohttp.web.json_response({"id": f"f:{came.total()}"})

        app.router.add_route("*", "/{anything:.*}", take)
        async with serving(app) as port:
            command = (sys.executable, str(SENDING), str(folder), f"http://127.0.0.1:{port}/", str(MESSAGES))
            environment = os.environ | {"PYTHONPATH": str(ROOT)}
            first = await asyncio.create_subprocess_exec(*command, env=environment)
            async with asyncio.timeout(60):
                await enough.wait()
            first.send_signal(signal.SIGKILL)
            await first.wait()
            assert came.total() < MESSAGES, "killed in the middle"
            second = await asyncio.create_subprocess_exec(*command, env=environment)
            async with asyncio.timeout(60):
                assert await second.wait() == 0
        desk = open_desk(folder)
        for one in desk.deliveries.all():
            assert one.state is DeliveryState.SENT
            assert came[one.subject] in ({1, 2} if one.urgent else {0, 1})
            assert came[one.subject] < 2 or one.maybe_twice, "a second copy is marked"
            assert came[one.subject] == 1 or one.maybe_twice or one.error == "unknown"
        desk.close()
