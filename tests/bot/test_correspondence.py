"""What is noted of cards ends with the bot."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path

from bot.correspondence import Correspondence
from tests.lists.live import living, write_logs
from tests.world import World


async def test_a_bot_that_has_ended_is_not_kept_by_its_cards(
    world: World, new_state: Callable[[], Path], tmp_path: Path
) -> None:
    """A card is looked at again after a minute; a bot that ends before it looks at nothing and leaves the memory."""

    async def once() -> weakref.ref[Correspondence]:
        async with living(world, new_state(), write_logs(tmp_path / "logs")) as live:
            await live.waiting()
            found = weakref.ref(live.bot.parts.correspondence)
            async with asyncio.timeout(10):  # the control: while it works a card is to be looked at
                while not live.bot.parts.correspondence.waits:  # noqa: ASYNC110  noted after the answer
                    await asyncio.sleep(0.01)
        return found

    ended = await once()
    gc.collect()
    assert ended() is None
