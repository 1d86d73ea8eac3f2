"""Serves a fake engine on loopback, in a thread of its own, so that a synchronous client meets real HTTP."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to some requests instead of an answer."""

    method: str
    path: str
    """How the path ends or what it holds."""
    status: int = 0
    """What is answered; 0 cuts the connection."""
    headers: dict[str, str] | None = None
    times: int = 1
    """How often; -1 always."""
    after: bool = False
    """Whether what was asked is done all the same: nobody is told."""
    skip: int = 0
    """How many such requests get by before."""

    def meets(self, request: web.Request) -> bool:
        """Tell whether it is this request's turn, and count it."""
        if request.method != self.method or self.path not in request.path or not self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Served:
    """An engine behind HTTP: `faults` are looked at first, `asked` remembers what came."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        """Give the address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, at the same port as before where there was one."""
        if not self._thread.is_alive():
            self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Go away: connections are refused."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
            self._runner = None

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        fault = next((one for one in self.faults if one.meets(request)), None)
        if fault is None:
            return await self._handler(request)
        if fault.after:
            await self._handler(request)
        if fault.status:
            return web.Response(status=fault.status, headers=fault.headers, text="fault")
        if request.transport is not None:
            request.transport.close()
        return web.Response()


@contextmanager
def serving(handler: Handler) -> Iterator[Served]:
    """Serve until the end of the block."""
    served = Served(handler)
    served.start()
    try:
        yield served
    finally:
        with suppress(RuntimeError):
            served.end()
