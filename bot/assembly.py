"""Builds the face towards Teams out of settings and what `app.py` hands in: gate, adapter, handler, health."""

import asyncio
import gc
import importlib
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.adapter.authentication import GuardedAuthentication
from bot.adapter.cloud_adapter import HardenedAdapter
from bot.adapter.clouds import cloud_of
from bot.adapter.connector import CALL_SECONDS, CONNECT_SECONDS, OutboundConnector, PooledConnectors, TokenSource
from bot.adapter.credentials import OutboundToken
from bot.adapter.hosts import HostList
from bot.adapter.keys import SigningKeys
from bot.adapter.tokens import TokenVerifier
from bot.correspondence import Correspondence
from bot.drawing import Drawing
from bot.gate import Gate
from bot.guests import Guests
from bot.handler import Handler, Repetitions
from bot.identity import DEV_TENANT, Directory
from bot.jobs import JobQueue
from bot.links import Downloads
from bot.live import LiveRouter
from bot.logs import PersonHash
from bot.metrics import Metrics
from bot.outbox import Sender, SenderParts
from bot.patience import Patience
from bot.reception import channels_of
from bot.registration import signing_keys, token_source, trusted_authorities
from bot.schedule import Schedule, Surroundings
from bot.server import Edge, Health
from bot.settings import LOOPBACK_HOSTS, Settings
from data.clock import Clock, SystemClock
from data.desk.pace import Pace
from data.office.office import Office
from data.questions.context import Contexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that serves, built."""

    edge: Edge
    health: Health
    metrics: Metrics
    keys: SigningKeys | None
    sweep: Callable[[], None]
    """Drops what is remembered for minutes only."""
    sender: Sender
    schedule: Schedule
    correspondence: Correspondence
    downloads: Downloads | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the face towards Teams is put before."""

    office: Office
    jobs: JobQueue
    live: LiveRouter
    contexts: Contexts
    around: Surroundings
    downloads: Downloads | None
    person: PersonHash
    directory: Directory


@asynccontextmanager
async def outbound_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open the one session over which everything goes out."""
    timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
    connections = aiohttp.TCPConnector(limit=100, limit_per_host=50, ssl=trusted_authorities())
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=timeout, connector=connections, cookie_jar=jar) as session:
        yield session


def assemble(
    settings: Settings,
    inside: Inside,
    session: aiohttp.ClientSession,
    folder: Path,
    *,
    dev: bool,
) -> Parts:
    """Put everything that serves together."""
    clock, metrics, office = SystemClock(), Metrics(), inside.office
    keys = None if dev else signing_keys(settings, session, clock)
    hosts = HostList(LOOPBACK_HOSTS if dev else settings.teams.service_url_hosts)
    connectors = PooledConnectors(
        hosts=hosts,
        token=TokenSource() if dev else OutboundToken(acquire=token_source(settings), clock=clock),
        session=session,
        observe=lambda outcome: metrics.outbound.labels(outcome).inc(),
    )
    seen, outbound = Repetitions(clock), OutboundConnector(connectors)
    correspondence = Correspondence(office, channels=channels_of(settings), clock=clock)
    handler = Handler(
        router=inside.live,
        directory=inside.directory,
        look=Guests(inside.directory, outbound.member, clock).look,
        metrics=metrics,
        person=inside.person,
        seen=seen,
        patience=Patience(clock).has,
        correspondence=correspondence,
    )
    sender = _sender(inside, outbound, clock, metrics)

    def sweep() -> None:
        inside.contexts.sweep()
        seen.sweep()

    checks = [
        lambda: "" if keys is None or keys.usable else "signing_keys",
        lambda: _writable(folder),
        lambda: sender.problem,
    ]
    return Parts(
        edge=Edge(adapter=_adapter(settings, hosts, keys, connectors, dev=dev), handler=handler, metrics=metrics),
        health=Health(checks, metrics),
        metrics=metrics,
        keys=keys,
        sweep=sweep,
        sender=sender,
        schedule=Schedule(office, inside.jobs, clock, inside.around, told=sender.wake),
        correspondence=correspondence,
        downloads=inside.downloads,
    )


def _adapter(
    settings: Settings, hosts: HostList, keys: SigningKeys | None, connectors: PooledConnectors, *, dev: bool
) -> HardenedAdapter:
    """Build the adapter with the gate inside its authentication."""
    gate = Gate(
        tenant_id=DEV_TENANT if dev else settings.teams.tenant_id,
        channels=("msteams", "emulator") if dev else ("msteams",),
        allows_url=hosts.allows,
    )
    app_id, issuer = settings.teams.app_id, cloud_of(settings.teams.openid_metadata_url).issuer
    verifier = TokenVerifier(app_id=app_id, issuer=issuer, keys=keys, clock=SystemClock()) if keys else None
    return HardenedAdapter(
        GuardedAuthentication(app_id=app_id, verifier=verifier, gate=gate, connectors=connectors),
    )


def _sender(inside: Inside, outbound: OutboundConnector, clock: Clock, metrics: Metrics) -> Sender:
    """Build what sends the outbox."""
    return Sender(
        SenderParts(
            outbox=inside.office.outbox,
            draw=Drawing(inside.live, inside.office.parts.engine),
            connector=outbound,
            pace=Pace(),
            clock=clock,
            jitter=random.SystemRandom().random,
            metrics=metrics,
        )
    )


@asynccontextmanager
async def at_work(parts: Parts) -> AsyncIterator[None]:
    """Let everything happen that happens by itself, until the block ends; then what is under way is left orderly."""
    chores = [parts.schedule.keep_going(), parts.sender.run(), keep_tidy(parts.sweep), warm_up()]
    if parts.keys:
        chores.append(keep_fetching(parts.keys))
    tasks = [asyncio.create_task(chore) for chore in chores]
    try:
        yield
    finally:
        parts.sender.stop()
        await parts.correspondence.end()
        await asyncio.to_thread(parts.schedule.leave)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def warm_up() -> None:
    """Load what draws certificates before the first purge ends.

    Its thousands of objects, met by the collector in the middle of a purge, stopped the event loop for 75 ms.
    """
    gc.disable()
    try:
        await asyncio.to_thread(importlib.import_module, "data.certificate.paper")
    finally:
        gc.freeze()  # they live as long as the process, as what was built before does
        gc.enable()


async def keep_fetching(keys: SigningKeys) -> None:
    """Fetch the signing keys before the first turn, and again until there are some."""
    pause = 1.0
    while not await keys.prefetch():
        await asyncio.sleep(pause)
        pause = min(pause * 2, 60.0)


async def keep_tidy(sweep: Callable[[], None]) -> None:
    """Drop old contexts and repetitions every minute, also while nobody writes."""
    while True:
        await asyncio.sleep(60.0)
        sweep()


def _writable(folder: Path) -> str:
    return "" if os.access(folder, os.W_OK | os.X_OK) else "state_folder"
