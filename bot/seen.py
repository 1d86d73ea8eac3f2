"""Which activities were answered already: Teams delivers slow ones again, up to four times."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from data.clock import Clock

KEEP_SECONDS = 15 * 60
KEEP_AT_MOST = 50_000

T = TypeVar("T")


class Seen(Generic[T]):
    """Runs the work of one key once; whoever comes again, even meanwhile, gets the same result."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._results: OrderedDict[str, tuple[float, asyncio.Future[T]]] = OrderedDict()

    async def once(self, key: str, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Do the work, or give the result of the time before; tells whether it was a repetition.

        Work that fails is forgotten, so that the next delivery tries again.
        """
        self.sweep()
        known = self._results.get(key)
        if known is not None:
            return await asyncio.shield(known[1]), True
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._results[key] = (self._clock.monotonic(), result)
        try:
            value = await work()
        except BaseException as error:
            self._results.pop(key, None)
            if isinstance(error, Exception):
                result.set_exception(error)
                result.exception()  # read, so that nobody waiting is no complaint
            else:
                result.cancel()
            raise
        result.set_result(value)
        return value, False

    def forget(self, key: str) -> None:
        """Let the next one who comes do the work anew; whoever waits already still gets this result."""
        self._results.pop(key, None)

    def sweep(self) -> None:
        """Drop what is too old or too much."""
        horizon = self._clock.monotonic() - KEEP_SECONDS
        while self._results:
            _, (at, _) = next(iter(self._results.items()))
            if at >= horizon and len(self._results) <= KEEP_AT_MOST:
                return
            self._results.popitem(last=False)
