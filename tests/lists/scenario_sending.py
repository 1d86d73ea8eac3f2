"""A process that wants so many messages, sends them through the embedded store, and ends when all are sent.

Run with folder, address and number; a second run goes on where the first was killed. Nothing waits: where the pace says
so, the clock is put forward.
"""

import asyncio
import sys
from pathlib import Path

import aiohttp

from data.desk.delivery import DeliveryState, Reference, Want
from data.retention.instants import instant_of
from data.stores.tinydb_desk import open_desk
from tests.data.office.test_outbox import outbox_over
from tests.lists.test_rl_items import sender_over
from tests.world import FakeClock


async def main(folder: Path, url: str, count: int) -> None:
    """Want, send, end."""
    clock, desk = FakeClock(), open_desk(folder)
    outbox, now = outbox_over(desk), instant_of(clock.now())
    for number in range(5):
        outbox.refer(Reference(id=f"p-{number}", conversation_id=f"a:{number}", service_url=url, used_at=now))
    outbox.want(
        (
            Want(subject=f"s/{number}", recipient=f"p-{number % 5}", post="1", shown="a", urgent=number % 2 == 0)
            for number in range(count)
        ),
        now,
    )
    async with aiohttp.ClientSession() as session:
        sender = sender_over(outbox, session, clock)
        while any(one.state in {DeliveryState.WAITING, DeliveryState.SENDING} for one in desk.deliveries.all()):
            clock.advance(await sender.pump())
    desk.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
