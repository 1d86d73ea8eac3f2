"""One server under test: `python bench/targets.py raw|echo|turn|work|stock`, driven by lines on its standard input.

It writes `{"port": ...}` when it serves. `begin` and `end` are answered with the CPU seconds used so far; `end` also
with the longest time the event loop was blocked in between. It stops when its input ends.
"""

import asyncio
import cProfile
import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROBE_SECONDS = 0.01
TOO_LATE = 0.05
POOL = 100


def say(text: str | None) -> str:
    """Give the words of the echo, the same for every server."""
    return f"You said: {text}"


# -- raw: what the work costs without any framework -------------------------------------------------------------------


@asynccontextmanager
async def raw() -> AsyncIterator[int]:
    """Check the token with PyJWT, answer over a pooled session; nothing else."""
    import aiohttp
    import jwt
    from aiohttp import web

    app_id = os.environ["BENCH_APP_ID"]
    outgoing = {"Authorization": "Bearer bench.outgoing.token", "Content-Type": "application/json; charset=utf-8"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=POOL)) as session:
        async with session.get(os.environ["BENCH_OPENID_URL"]) as response:
            address = (await response.json())["jwks_uri"]
        async with session.get(address) as response:
            keys = {entry["kid"]: jwt.PyJWK(entry).key for entry in (await response.json())["keys"]}

        async def messages(request: web.Request) -> web.Response:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            key = keys[jwt.get_unverified_header(token)["kid"]]
            jwt.decode(token, key, algorithms=["RS256"], audience=app_id, issuer="https://api.botframework.com")
            activity = json.loads(await request.read())
            conversation = activity["conversation"]["id"]
            reply = {
                "type": "message",
                "text": say(activity["text"]),
                "replyToId": activity["id"],
                "serviceUrl": activity["serviceUrl"],
                "channelId": activity["channelId"],
                "conversation": {"id": conversation},
                "from": {"id": activity["recipient"]["id"]},
                "recipient": {"id": activity["from"]["id"]},
            }
            url = f"{activity['serviceUrl']}v3/conversations/{conversation}/activities/{activity['id']}"
            async with session.post(url, data=json.dumps(reply, ensure_ascii=False).encode(), headers=outgoing) as sent:
                await sent.json()
            return web.Response(status=201)

        async with _served(messages) as port:
            yield port


# -- echo: our adapter, with next to no logic -------------------------------------------------------------------------


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """Serve our hardened adapter with an edge, a gate, real token checks and own credentials, and answer by echo."""
    import aiohttp
    from botbuilder.core import TurnContext

    from bot.adapter.activity import WireActivity
    from bot.adapter.authentication import GuardedAuthentication
    from bot.adapter.cloud_adapter import HardenedAdapter
    from bot.adapter.clouds import PUBLIC
    from bot.adapter.connector import PooledConnectors
    from bot.adapter.credentials import OutboundToken, authority_with_tenant, secret_source
    from bot.adapter.hosts import HostList
    from bot.adapter.keys import SigningKeys
    from bot.adapter.tokens import TokenVerifier
    from bot.gate import Gate
    from bot.logs import configure_logs
    from bot.metrics import Metrics
    from bot.server import Address, Edge, Health, listening
    from bot.settings import load_settings
    from data.clock import SystemClock

    class Echo:
        async def on_turn(self, context: TurnContext) -> None:
            await context.send_activity(WireActivity({}, type="message", text=say(context.activity.text)))

    configure_logs()
    teams, clock, metrics = load_settings().teams, SystemClock(), Metrics()
    hosts = HostList(teams.service_url_hosts)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=POOL)) as session:

        async def fetch(url: str) -> dict[str, Any]:
            async with session.get(url) as response:
                document: dict[str, Any] = await response.json()
                return document

        keys = SigningKeys(url=teams.openid_metadata_url, fetch=fetch, clock=clock)
        acquire = secret_source(
            app_id=teams.app_id,
            authority=authority_with_tenant(teams.authority_url, teams.tenant_id),
            scope=PUBLIC.scope,
            read_credential=teams.app_secret.get_secret_value,
        )
        authentication = GuardedAuthentication(
            app_id=teams.app_id,
            verifier=TokenVerifier(app_id=teams.app_id, issuer=PUBLIC.issuer, keys=keys, clock=clock),
            gate=Gate(tenant_id=teams.tenant_id, channels=("msteams",), allows_url=hosts.allows),
            connectors=PooledConnectors(
                hosts=hosts,
                token=OutboundToken(acquire=acquire, clock=clock),
                session=session,
                observe=lambda outcome: metrics.outbound.labels(outcome).inc(),
            ),
        )
        edge = Edge(adapter=HardenedAdapter(authentication), handler=Echo(), metrics=metrics)
        await keys.prefetch()
        anywhere = Address(host="127.0.0.1", port=0)
        async with listening(edge, Health([], metrics), metrics, public=anywhere, ops=anywhere) as where:
            yield where.port


# -- turn: the product ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def turn() -> AsyncIterator[int]:
    """Serve the whole product, as `app.py` builds it in production."""
    import app  # noqa: TID251  the bench measures what app.py builds
    from bot.logs import configure_logs
    from bot.registration import check_servable
    from bot.server import Address, listening
    from bot.settings import load_settings

    configure_logs()
    settings = load_settings()
    check_servable(settings, dev=False)
    anywhere = Address(host="127.0.0.1", port=0)
    async with (
        app.built(settings, dev=False) as parts,
        listening(parts.edge, parts.health, parts.metrics, public=anywhere, ops=anywhere) as where,
    ):
        assert parts.keys
        await parts.keys.prefetch()
        yield where.port


# -- work: the product, and everything that happens by itself ----------------------------------------------------------


@asynccontextmanager
async def work() -> AsyncIterator[int]:
    """Serve the whole product as `serve` does, with its schedule and its sender at work."""
    import app  # noqa: TID251  the bench measures what app.py builds
    from bot.assembly import at_work
    from bot.logs import configure_logs
    from bot.server import Address, listening
    from bot.settings import load_settings

    configure_logs()
    anywhere = Address(host="127.0.0.1", port=0)
    async with (
        app.built(load_settings(), dev=False) as parts,
        listening(parts.edge, parts.health, parts.metrics, public=anywhere, ops=anywhere) as where,
    ):
        assert parts.keys
        await parts.keys.prefetch()
        async with at_work(parts):
            yield where.port


# -- stock: the SDK's own adapter -------------------------------------------------------------------------------------


@asynccontextmanager
async def stock() -> AsyncIterator[int]:
    """Serve the stock CloudAdapter; of the SDK only where keys come from and the bot's own token are replaced."""
    from botbuilder.core import ActivityHandler, TurnContext
    from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
    from botbuilder.schema import Activity
    from botframework.connector.auth import (
        AuthenticationConstants,
        ChannelValidation,
        MicrosoftAppCredentials,
        PasswordServiceClientCredentialFactory,
    )

    app_id = os.environ["BENCH_APP_ID"]
    ChannelValidation.open_id_metadata_endpoint = os.environ["BENCH_OPENID_URL"]
    AuthenticationConstants.TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL = os.environ["BENCH_OPENID_URL"]

    class Credentials(MicrosoftAppCredentials):
        def get_access_token(self, force_refresh: bool = False) -> str:  # noqa: FBT001, FBT002  the SDK's signature
            del force_refresh
            return "bench.outgoing.token"

    class Factory(PasswordServiceClientCredentialFactory):
        async def create_credentials(
            self,
            app_id: str,
            oauth_scope: str,
            login_endpoint: str,
            validate_authority: bool,  # noqa: FBT001  the SDK's signature
        ) -> Credentials:
            del login_endpoint, validate_authority
            return Credentials(app_id, self.password, self.tenant_id, oauth_scope)

    class Configuration:
        APP_ID = app_id

    class Bot(ActivityHandler):
        async def on_message_activity(self, turn_context: TurnContext) -> None:
            await turn_context.send_activity(Activity(type="message", text=say(turn_context.activity.text)))

    factory = Factory(app_id, "bench", os.environ["BENCH_TENANT"])
    adapter = CloudAdapter(ConfigurationBotFrameworkAuthentication(Configuration(), credentials_factory=factory))
    bot = Bot()
    async with _served(lambda request: adapter.process(request, bot)) as port:
        yield port


# -- serving and measuring --------------------------------------------------------------------------------------------


@asynccontextmanager
async def _served(handler: Callable[..., Any]) -> AsyncIterator[int]:
    from aiohttp import web

    async def messages(request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        return response

    app = web.Application()
    app.router.add_post("/api/messages", messages)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class Blocked:
    """Watches how late a timer comes: the loop was blocked, waited for another thread, or the machine had no time.

    Told apart by the CPU of its own thread: what that does not explain is not the loop's own work.
    """

    def __init__(self) -> None:
        self.late: list[float] = []
        self.cpu = 0.0
        self.tidied = 0.0
        """The longest the cyclic garbage collector took, in seconds: it stops every thread."""
        self.places: Counter[str] = Counter()
        """Where the other threads were when the timer came too late: whoever held the interpreter is among them."""
        self._tidying = 0.0
        gc.callbacks.append(self._tidy)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def wall(self) -> float:
        """Give the longest delay in seconds."""
        return max(self.late, default=0.0)

    def begin(self) -> None:
        """Start watching."""
        self.late, self.cpu, self.tidied = [], 0.0, 0.0
        self.places.clear()
        self._next()

    def end(self) -> None:
        """Stop watching."""
        if self._timer:
            self._timer.cancel()

    def report(self) -> dict[str, Any]:
        """Give the longest delay, that by own CPU, the one that one in a thousand exceeds, how many are too long."""
        ordered = sorted(self.late) or [0.0]
        return {
            "blocked": ordered[-1],
            "blocked_cpu": self.cpu,
            "blocked_p999": ordered[min(int(0.999 * len(ordered)), len(ordered) - 1)],
            "blocked_often": sum(late > TOO_LATE for late in ordered),
            "blocked_tidied": self.tidied,
            "blocked_places": dict(self.places.most_common(12)),
        }

    def _next(self) -> None:
        loop = asyncio.get_running_loop()
        self._due, self._used = loop.time() + PROBE_SECONDS, time.thread_time()
        self._timer = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        late = asyncio.get_running_loop().time() - self._due
        self.late.append(late)
        if late > TOO_LATE:
            self.places.update(elsewhere())
        self.cpu = max(self.cpu, min(late, time.thread_time() - self._used))
        self._next()

    def _tidy(self, phase: str, _: object) -> None:
        if phase == "start":
            self._tidying = time.perf_counter()
        else:
            self.tidied = max(self.tidied, time.perf_counter() - self._tidying)


def elsewhere() -> Iterator[str]:
    """Tell where each other thread is that does something of ours: the three innermost places."""
    mine = threading.get_ident()
    for thread, frame in sys._current_frames().items():  # noqa: SLF001  there is no other way to see another thread
        found = places_of(frame)
        if thread != mine and not {place.partition(":")[0] for place in found} & {"queue.py", "thread.py"}:
            yield " > ".join(found)


def places_of(frame: FrameType | None) -> list[str]:
    """Name the three innermost places of a stack, without reading any source: that would be what is measured."""
    found: list[str] = []
    while frame is not None and len(found) < 3:
        found.insert(0, f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        frame = frame.f_back
    return found


class Control:
    """Answers the lines of the measuring process."""

    def __init__(self, profile: str) -> None:
        self._blocked = Blocked()
        self._profile = cProfile.Profile() if profile else None
        self._profile_path = profile

    def hear(self, word: str) -> None:
        """Carry out one line."""
        if word == "end":
            self._blocked.end()
            if self._profile:
                self._profile.disable()
                self._profile.dump_stats(self._profile_path)
        tell({"cpu": time.process_time(), **self._blocked.report()})
        if word == "begin":
            self._blocked.begin()
            if self._profile:
                self._profile.enable()


def tell(values: dict[str, Any]) -> None:
    """Write one line to the measuring process."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def serve(target: Callable[[], AbstractAsyncContextManager[int]]) -> None:
    """Serve until the input ends."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    control = Control(os.environ.get("BENCH_PROFILE", ""))

    def read() -> None:
        line = sys.stdin.readline()
        if line:
            control.hear(line.strip())
        else:
            done.set()

    async with target() as port:
        loop.add_reader(sys.stdin, read)
        tell({"port": port})
        await done.wait()
        loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    asyncio.run(serve({"raw": raw, "echo": echo, "turn": turn, "work": work, "stock": stock}[sys.argv[1]]))
