"""The HTTP faces: `POST /api/messages` for Teams, and the ops port; starting, draining and stopping."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler as HttpHandler
from botbuilder.core import TurnContext

from bot.adapter.cloud_adapter import HardenedAdapter, HttpAnswer
from bot.adapter.json_body import MAX_BYTES, read_json_object
from bot.handler import Handler
from bot.links import ROUTE, Downloads
from bot.metrics import Metrics
from data.errors import (
    CallerError,
    DeliveryError,
    MalformedError,
    SlowBodyError,
    StateError,
    TooLargeError,
    UnsupportedMediaError,
)

BODY_SECONDS = 10.0
DRAIN_SECONDS = 20.0
LINGER_SECONDS = 2.0
"""How long a refused body is still read, so that its sender sees the answer before the connection closes."""
LAG_LIMIT_SECONDS = 1.0
_LAG_STEP = 0.25
_LAG_WINDOW = 40

_log = structlog.get_logger(__name__)


class Ready(Protocol):
    """Something `/readyz` asks; "" when it is well, else a stable word for what is missing."""

    def __call__(self) -> str:
        """Name what is missing."""
        ...


class Edge:
    """Takes requests from strangers and gives an answer to each; nothing a caller sends can make it a 5xx of ours."""

    def __init__(self, *, adapter: HardenedAdapter, handler: Handler, metrics: Metrics) -> None:
        self._adapter = adapter
        self._handler = handler
        self._metrics = metrics

    async def messages(self, request: web.Request) -> web.Response:
        """Answer `POST /api/messages`."""
        try:
            body = await _read_body(request)
            answer = await self._adapter.handle(read_json_object(body), _authorization(request), self._logic)
        except CallerError as error:
            self._metrics.refused.labels(error.reason).inc()
            _log.info("request refused", action="refused", reason=error.reason, status=error.status)
            return web.json_response({"error": type(error).__name__.removesuffix("Error")}, status=error.status)
        except DeliveryError as error:
            # Without a token of its own the bot cannot answer; the caller did nothing wrong and must not repeat.
            self._metrics.failed_turn(error)
            _log.warning("turn not finished", action="not_delivered", error=type(error).__name__)
            answer = HttpAnswer(status=202)
        return web.Response(status=answer.status, body=answer.body, content_type="application/json")

    async def _logic(self, context: TurnContext) -> None:
        await self._handler.on_turn(context)


async def _read_body(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaError("content_encoding")
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaError("content_type")
    if (request.content_length or 0) > MAX_BYTES:
        raise TooLargeError("too_large")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise TooLargeError("too_large")
    except TimeoutError:
        raise SlowBodyError("slow_body") from None
    except (web.RequestPayloadError, ConnectionError, OSError):
        raise MalformedError("broken_body") from None
    return bytes(body)


def _authorization(request: web.Request) -> str:
    headers = request.headers.getall("Authorization", [])
    if len(headers) > 1:
        raise MalformedError("two_authorizations")
    return headers[0] if headers else ""


def public_app(edge: Edge, downloads: Downloads | None = None) -> web.Application:
    """Build the public application: one route, or two where there are downloads; every framework error as plain JSON.

    It names no version of anything.
    """
    app = web.Application(client_max_size=MAX_BYTES, middlewares=[_plain_errors])
    app.router.add_post("/api/messages", edge.messages)
    if downloads is not None:
        app.router.add_get(ROUTE, downloads.serve)  # HEAD too
    return app


@web.middleware
async def _plain_errors(request: web.Request, handler: HttpHandler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = web.json_response({"error": error.reason}, status=error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    response.headers["Server"] = "procall-privacy-bot"
    return response


class Health:
    """What `/livez` and `/readyz` tell; never asks Microsoft."""

    def __init__(self, checks: Sequence[Ready], metrics: Metrics) -> None:
        self._checks = checks
        self._metrics = metrics
        self.draining = False
        self._lags: list[float] = []

    def problems(self) -> list[str]:
        """Name everything that keeps the bot from answering."""
        found = [problem for check in self._checks if (problem := check())]
        return ["draining", *found] if self.draining else found

    def alive(self) -> bool:
        """Tell whether the event loop keeps up."""
        return max(self._lags, default=0.0) < LAG_LIMIT_SECONDS

    async def watch_loop(self) -> None:
        """Measure for ever how late the event loop is."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(_LAG_STEP)
            self._lags = [*self._lags[-_LAG_WINDOW + 1 :], loop.time() - before - _LAG_STEP]
            self._metrics.loop_lag.set(max(self._lags))


def ops_app(health: Health, metrics: Metrics) -> web.Application:
    """Build the application of the ops port."""

    async def livez(_: web.Request) -> web.Response:
        alive = health.alive()
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"alive": alive}, status=status)

    async def readyz(_: web.Request) -> web.Response:
        problems = health.problems()
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return web.json_response({"ready": not problems, "problems": problems}, status=status)

    async def show_metrics(_: web.Request) -> web.Response:
        metrics.ready.set(int(not health.problems()))
        return web.Response(body=metrics.render(), content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the bot listens now."""

    port: int
    ops_port: int


@asynccontextmanager
async def listening(
    edge: Edge,
    health: Health,
    metrics: Metrics,
    *,
    public: Address,
    ops: Address,
    downloads: Downloads | None = None,
) -> AsyncIterator[Listening]:
    """Serve until the block ends; then take no new requests, finish those under way, and stop.

    `downloads` are served where the bot has a public address.
    """
    runner = web.AppRunner(
        public_app(edge, downloads),
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=DRAIN_SECONDS,
        keepalive_timeout=75,
        lingering_time=LINGER_SECONDS,
    )
    ops_runner = web.AppRunner(ops_app(health, metrics), access_log=None, shutdown_timeout=1)
    watch = asyncio.create_task(health.watch_loop())
    try:
        ports = [await _start(runner, public), await _start(ops_runner, ops)]
        # What was built lives as long as the process: looking through it again and again stopped the loop for 50 ms.
        gc.collect()
        gc.freeze()
        yield Listening(port=ports[0], ops_port=ports[1])
    finally:
        health.draining = True
        await runner.cleanup()
        await ops_runner.cleanup()
        watch.cancel()
        gc.unfreeze()  # a process that goes on after a bot must be able to collect it


async def _start(runner: web.AppRunner, address: Address) -> int:
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port, reuse_address=True).start()
    except OSError as error:
        message = f"cannot listen on {address.host}:{address.port}: {error.strerror}"
        raise StateError(message) from None
    return int(runner.addresses[0][1])
