"""How many messages one person may send at once: others must not wait for somebody who writes a hundred (IN-16)."""

from collections import OrderedDict

from data.clock import Clock

BURST = 30.0
PER_SECOND = 3.0
_MOST_PEOPLE = 20_000


class Patience:
    """A token bucket for each person."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has(self, person: str) -> bool:
        """Tell whether this person may be answered now, and count the message."""
        now = self._clock.monotonic()
        left, at = self._left.pop(person, (BURST, now))
        left = min(BURST, left + (now - at) * PER_SECOND)
        may = left >= 1
        self._left[person] = (left - 1 if may else left, now)
        if len(self._left) > _MOST_PEOPLE:
            self._left.popitem(last=False)
        return may
