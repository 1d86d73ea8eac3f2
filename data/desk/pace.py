"""How fast messages may go out, so that Teams never has to say no: exact counts over sliding windows.

Teams allows a bot 7 messages in 1 s, 8 in 2 s, 60 in 30 s and 1,800 in an hour in one conversation, and 50 in 1 s
altogether (teams-and-botbuilder.md 2.1). We stay below, since answers in chats go the same way and are not counted
here. A window is exact where a bucket that refills would let nearly twice its size pass. Time is monotonic seconds.
"""

from collections import OrderedDict, deque
from typing import Final

PER_CONVERSATION: Final = ((1, 1.0), (50, 30.0), (1_700, 3_600.0))
"""So many within so many seconds, in one conversation."""
OVERALL: Final = ((25, 1.0),)
_HORIZON: Final = 3_600.0
_ENOUGH: Final = 1e-6
"""A wait shorter than this is none: sums of seconds are not exact."""

Limits = tuple[tuple[int, float], ...]


class Pace:
    """Counts what went out in the last hour, and pauses; memory is bounded by what may go out in an hour."""

    def __init__(self, *, per_conversation: Limits = PER_CONVERSATION, overall: Limits = OVERALL) -> None:
        self._per_conversation, self._overall = per_conversation, overall
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()
        """By conversation, the one written to last at the end."""
        self._all: deque[float] = deque(maxlen=max(count for count, _ in overall))
        self._paused: dict[str, float] = {}

    def wait(self, conversation: str, now: float) -> float:
        """Tell in how many seconds a message to a conversation may go out; 0 for now."""
        taken = self._taken.get(conversation, ())
        wait = max(
            self._paused.get(conversation, now) - now,
            _wait(taken, self._per_conversation, now),
            _wait(self._all, self._overall, now),
        )
        return wait if wait > _ENOUGH else 0.0

    def take(self, conversation: str, now: float) -> None:
        """Count one message that goes out now."""
        taken = self._taken.setdefault(conversation, deque(maxlen=max(count for count, _ in self._per_conversation)))
        taken.append(now)
        self._taken.move_to_end(conversation)
        self._all.append(now)
        while now - next(iter(self._taken.values()))[-1] > _HORIZON:
            self._taken.popitem(last=False)

    def pause(self, conversation: str, now: float, seconds: float) -> None:
        """Send nothing to a conversation for a while, because the connector asked for it."""
        self._paused = {key: until for key, until in self._paused.items() if until > now}
        self._paused[conversation] = max(self._paused.get(conversation, 0.0), now + seconds)

    def __len__(self) -> int:
        return len(self._taken) + len(self._paused)


class Breaker:
    """Tells when a host that does not answer is asked again: one attempt at a time, less and less often."""

    def __init__(self, *, after: int = 3, first: float = 2.0, longest: float = 300.0) -> None:
        self._after, self._first, self._longest = after, first, longest
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def wait(self, host: str, now: float) -> float:
        """Tell in how many seconds a host may be asked; 0 for now."""
        wait = self._until.get(host, now) - now
        return wait if wait > _ENOUGH else 0.0

    def open(self, host: str) -> bool:
        """Tell whether a host is asked one thing at a time."""
        return host in self._until

    def failed(self, host: str, now: float) -> None:
        """Note that a host did not answer; what was out already when it fell silent counts once."""
        if self.wait(host, now) > 0:
            return
        failures = self._failures[host] = self._failures.get(host, 0) + 1
        if failures >= self._after:
            self._until[host] = now + min(self._first * 2.0 ** min(failures - self._after, 30), self._longest)

    def worked(self, host: str) -> bool:
        """Note that a host answered; tells whether it had not before."""
        self._failures.pop(host, None)
        return self._until.pop(host, None) is not None


def _wait(taken: "deque[float] | tuple[float, ...]", limits: Limits, now: float) -> float:
    return max((taken[-count] + window - now for count, window in limits if len(taken) >= count), default=0.0)
