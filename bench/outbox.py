"""What the outbox costs: 1,000 proactive messages through the embedded store, beside a plain loop that posts the same.

    python bench/outbox.py [--messages N] [--conversations N] [--rounds N] [--folder FOLDER]

Everything is real but Teams and the waiting: HTTP on loopback, the product's sender, pace and connector client, a
store that flushes to the disk before and after what goes out in one second, 25 messages at most. Where the pace says
wait, the clock is put forward instead: what is measured is the work. The plain loop keeps no books: what it has sent
nobody knows after a crash. Read the ratios; the folder should lie on a real disk.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import aiohttp  # noqa: E402
import orjson  # noqa: E402
from microsoft import FakeMicrosoft  # noqa: E402

from bot.adapter.connector import OutboundConnector, PooledConnectors  # noqa: E402
from bot.adapter.hosts import HostList  # noqa: E402
from bot.metrics import Metrics  # noqa: E402
from bot.outbox import AT_ONCE, IDLE_SECONDS, Sender, SenderParts  # noqa: E402
from bot.translate import write_card  # noqa: E402
from cards.elements import Card, text  # noqa: E402
from data.clock import SystemClock  # noqa: E402
from data.desk.delivery import Delivery, DeliveryState, Reference, Want  # noqa: E402
from data.desk.pace import Pace  # noqa: E402
from data.office.outbox import Outbox  # noqa: E402
from data.office.parts import OfficeParts, RoleHolders  # noqa: E402
from data.retention.instants import instant_of  # noqa: E402
from data.stores.tinydb_desk import open_desk  # noqa: E402

BEAT = 0.002
CARD: Card = {
    "type": "AdaptiveCard",
    "version": "1.5",
    "fallbackText": "Hinweis 17",
    "body": [text(f"Zeile {number} eines Hinweises, wie ihn Menschen lesen.") for number in range(25)],
}


class SkippingClock(SystemClock):
    """A clock that is put forward instead of waiting."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> datetime:
        """Tell the wall time."""
        return super().now() + timedelta(seconds=self._skipped)

    def monotonic(self) -> float:
        """Tell seconds since some fixed moment."""
        return super().monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Put it forward."""
        self._skipped += seconds


class Token:
    """A token that is always there."""

    async def get(self) -> str:
        """Give it."""
        return "bench"

    def forget(self, token: str) -> None:
        """Never happens here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One round of one way."""

    seconds: float
    cpu: float
    blocked: float
    """Longest time the event loop was late, seconds."""


async def timed(work: Callable[[], Awaitable[None]]) -> Figure:
    """Do something, and watch the event loop meanwhile."""
    late = 0.0

    async def beat() -> None:
        nonlocal late
        while True:
            asleep = time.perf_counter()
            await asyncio.sleep(BEAT)
            late = max(late, time.perf_counter() - asleep - BEAT)

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    figure = Figure(seconds=time.perf_counter() - wall, cpu=time.process_time() - cpu, blocked=late)
    beating.cancel()
    with suppress(asyncio.CancelledError):
        await beating
    return figure


async def draw(_subject: str, _recipient: str, _place: Reference) -> tuple[Card, str]:
    """Give the same card for everybody: drawing is measured elsewhere."""
    return CARD, "Hinweis 17"


async def by_outbox(session: aiohttp.ClientSession, url: str, plan: argparse.Namespace, folder: Path) -> Figure:
    """Send everything through the product's outbox, from the first mark to the last note."""
    clock, desk = SkippingClock(), open_desk(folder)
    outbox = Outbox(OfficeParts(engine=None, desk=desk, holders=lambda: RoleHolders(admins=(), dpos=())))  # type: ignore[arg-type]
    now = instant_of(clock.now())
    people = [f"p-{number}" for number in range(plan.conversations)]
    desk.references.add_all(
        Reference(id=person, conversation_id=f"a:{person}", service_url=url, used_at=now) for person in people
    )
    outbox.want(
        (
            Want(subject=f"alert/{number}", recipient=people[number % len(people)], post="1", shown="a", urgent=True)
            for number in range(plan.messages)
        ),
        now,
    )
    connectors = PooledConnectors(
        hosts=HostList(["127.0.0.1"]), token=Token(), session=session, observe=lambda _outcome: None
    )
    sender = Sender(
        SenderParts(
            outbox=outbox,
            draw=draw,
            connector=OutboundConnector(connectors),
            pace=Pace(),
            clock=clock,
            jitter=lambda: 0.0,
            metrics=Metrics(),
        ),
    )

    async def work() -> None:
        while (pause := await sender.pump()) < IDLE_SECONDS:
            clock.skip(pause)

    figure = await timed(work)
    check(desk.deliveries.all())
    desk.close()
    return figure


async def by_loop(session: aiohttp.ClientSession, url: str, plan: argparse.Namespace) -> Figure:
    """Post the same with aiohttp and nothing else, as many at once."""
    calls = asyncio.Semaphore(AT_ONCE)

    async def post(number: int) -> None:
        async with calls:
            conversation = f"a:p-{number % plan.conversations}"
            body = orjson.dumps(write_card(CARD, summary="Hinweis 17") | {"conversation": {"id": conversation}})
            headers = {"Content-Type": "application/json", "Authorization": "Bearer bench"}
            address = f"{url.rstrip('/')}/v3/conversations/{conversation}/activities"
            async with session.post(address, data=body, headers=headers) as response:
                assert response.status < 300
                await response.read()

    async def work() -> None:
        await asyncio.gather(*(post(number) for number in range(plan.messages)))

    return await timed(work)


def check(deliveries: Sequence[Delivery]) -> None:
    """Refuse a measurement in which not everything arrived."""
    open_ones = [one.id for one in deliveries if one.state is not DeliveryState.SENT]
    if open_ones:
        raise RuntimeError(f"{len(open_ones)} messages were not sent")


async def measure(plan: argparse.Namespace) -> dict[str, list[Figure]]:
    """Let both ways send in turns, to the same connector."""
    figures: dict[str, list[Figure]] = {"outbox": [], "loop": []}
    async with FakeMicrosoft() as microsoft, aiohttp.ClientSession() as session:
        for _ in range(plan.rounds):
            microsoft.clear()
            figures["loop"].append(await by_loop(session, microsoft.service_url, plan))
            with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
                figures["outbox"].append(await by_outbox(session, microsoft.service_url, plan, Path(folder)))
            if microsoft.clear().replies != 2 * plan.messages:
                raise RuntimeError("the connector did not get every message")
    return figures


def report(figures: dict[str, list[Figure]], messages: int) -> None:
    """Print the medians, and each round against its neighbour."""
    labels = {"loop": "plain aiohttp loop", "outbox": "outbox, embedded store"}
    print(f"{messages} proactive messages, {AT_ONCE} at once\n")
    print(f"{'':24}{'seconds':>9}{'messages/s':>12}{'CPU s':>8}{'loop late ms':>14}")
    for name, label in labels.items():
        seconds = statistics.median(one.seconds for one in figures[name])
        cpu = statistics.median(one.cpu for one in figures[name])
        late = max(one.blocked for one in figures[name]) * 1_000
        print(f"{label:24}{seconds:9.2f}{messages / seconds:12.0f}{cpu:8.2f}{late:14.1f}")
    pairs = list(zip(figures["outbox"], figures["loop"], strict=True))
    wall = statistics.median(mine.seconds / its.seconds for mine, its in pairs)
    print(f"\noutbox against loop: {wall:.1f} x the time; Teams allows 50 a second, the pace 25")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--conversations", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = parsed()
    report(asyncio.run(measure(chosen)), chosen.messages)
