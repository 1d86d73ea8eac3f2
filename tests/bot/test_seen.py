"""What was answered once is not answered again: in time, at the same time, and after a failure (security.md 5.1)."""

import asyncio

import pytest

from bot.seen import KEEP_AT_MOST, KEEP_SECONDS, Seen
from tests.world import FakeClock


class Work:
    """Counts how often it is done; waits for `gate`, and fails as often as `failures` says."""

    def __init__(self, *, failures: int = 0, open_gate: bool = True) -> None:
        self.done = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self._failures = failures
        if open_gate:
            self.gate.set()

    async def __call__(self) -> int:
        """Do it once more."""
        self.done += 1
        self.begun.set()
        await self.gate.wait()
        if self.done <= self._failures:
            raise LookupError(str(self.done))
        return self.done


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that the test sets."""
    return FakeClock()


@pytest.fixture
def seen(clock: FakeClock) -> Seen[int]:
    """Give an empty memory."""
    return Seen(clock)


async def test_second_time_gives_the_first_result(seen: Seen[int]) -> None:
    """The work of one key is done once and its result given again; another key has work of its own."""
    work = Work()
    assert await seen.once("a", work) == (1, False)
    assert await seen.once("a", work) == (1, True)
    assert await seen.once("b", work) == (2, False)


async def test_fifty_at_the_same_time_do_the_work_once(seen: Seen[int]) -> None:
    """Who comes while the work is under way waits for it and gets the same result."""
    work = Work(open_gate=False)
    callers = [asyncio.create_task(seen.once("a", work)) for _ in range(50)]
    await work.begun.wait()
    work.gate.set()
    results = await asyncio.gather(*callers)
    assert work.done == 1
    assert results.count((1, False)) == 1
    assert results.count((1, True)) == 49


async def test_failure_is_forgotten(seen: Seen[int]) -> None:
    """Work that failed is tried again by the next delivery, and what worked then is kept."""
    work = Work(failures=1)
    with pytest.raises(LookupError):
        await seen.once("a", work)
    assert await seen.once("a", work) == (2, False)
    assert await seen.once("a", work) == (2, True)


async def test_failure_reaches_everybody_who_waits(seen: Seen[int]) -> None:
    """Who waited for work that failed is told so, and does not hang."""
    work = Work(failures=1, open_gate=False)
    callers = [asyncio.create_task(seen.once("a", work)) for _ in range(5)]
    await work.begun.wait()
    work.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [LookupError] * 5
    assert work.done == 1


async def test_cancelled_work_is_forgotten(seen: Seen[int]) -> None:
    """A first delivery that is cut off leaves nothing behind: nobody hangs, and the next delivery does the work."""
    cut_off = Work(open_gate=False)
    first = asyncio.create_task(seen.once("a", cut_off))
    await cut_off.begun.wait()
    waiting = asyncio.create_task(seen.once("a", cut_off))
    await asyncio.sleep(0)
    first.cancel()
    results = await asyncio.gather(first, waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError] * 2
    assert await seen.once("a", Work()) == (1, False)


async def test_waiting_caller_that_gives_up_does_not_stop_the_work(seen: Seen[int]) -> None:
    """A repetition that is cut off takes the result from nobody else."""
    work = Work(open_gate=False)
    first = asyncio.create_task(seen.once("a", work))
    await work.begun.wait()
    second = asyncio.create_task(seen.once("a", work))
    third = asyncio.create_task(seen.once("a", work))
    await asyncio.sleep(0)
    second.cancel()
    work.gate.set()
    assert await first == (1, False)
    assert await third == (1, True)


async def test_result_is_kept_for_a_quarter_of_an_hour(seen: Seen[int], clock: FakeClock) -> None:
    """A repetition after fifteen minutes is still one; a second later the key is new."""
    work = Work()
    await seen.once("a", work)
    clock.advance(KEEP_SECONDS)
    assert await seen.once("a", work) == (1, True)
    clock.advance(1)
    assert await seen.once("a", work) == (2, False)


async def test_repetition_does_not_lengthen_the_time(seen: Seen[int], clock: FakeClock) -> None:
    """The time counts from the first delivery, so a key that keeps coming is not kept for ever."""
    work = Work()
    await seen.once("a", work)
    clock.advance(KEEP_SECONDS - 1)
    await seen.once("a", work)
    clock.advance(2)
    assert await seen.once("a", work) == (2, False)


async def test_memory_is_bounded(seen: Seen[int]) -> None:
    """However many keys come, only so many are kept; the oldest go first."""
    work = Work()
    for number in range(KEEP_AT_MOST + 10):
        await seen.once(str(number), work)
    assert len(seen._results) <= KEEP_AT_MOST + 1
    assert (await seen.once("0", work))[1] is False
    assert (await seen.once(str(KEEP_AT_MOST + 9), work))[1] is True
