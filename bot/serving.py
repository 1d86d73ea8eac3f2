"""Runs the bot until it is told to stop."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog

from bot.assembly import Parts, at_work
from bot.registration import check_servable
from bot.server import Address, Listening, listening
from bot.settings import Settings


async def serve(
    settings: Settings,
    built: Callable[..., AbstractAsyncContextManager[Parts]],
    *,
    dev: bool,
    announce: Callable[[Listening], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    check_servable(settings, dev=dev)
    log = structlog.get_logger(__name__)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = settings.server
    async with (
        built(settings, dev=dev) as parts,
        listening(
            parts.edge,
            parts.health,
            parts.metrics,
            public=Address(host=server.host, port=server.port),
            ops=Address(host=server.ops_host, port=server.ops_port),
            downloads=parts.downloads,
        ) as where,
        at_work(parts),
    ):
        announce(where)
        await stop.wait()
        log.info("stopping", action="stopping")
    log.info("stopped", action="stopped")
