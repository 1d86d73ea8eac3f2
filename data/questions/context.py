"""What was just talked about: kept for minutes, for each conversation, in memory only, and never with a name."""

from collections import OrderedDict
from dataclasses import dataclass

from data.clock import Clock
from data.labels import Lang
from data.questions.commands import Command

REMEMBER_SECONDS = 10 * 60
REMEMBER_AT_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The last understood question of a conversation."""

    lang: Lang
    topic: str = ""
    even: str = ""
    """The normalised question, for what the next one leaves out."""
    options: tuple[str, ...] = ()
    """Topics the bot has just asked the person to choose from."""
    command: Command | None = None


class Contexts:
    """The contexts of all running conversations, the oldest forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Context]] = OrderedDict()

    def recall(self, conversation: str) -> Context | None:
        """Give what was talked about, if that was not long ago."""
        found = self._kept.get(conversation)
        if found is None or self._clock.monotonic() - found[0] > REMEMBER_SECONDS:
            return None
        return found[1]

    def remember(self, conversation: str, context: Context) -> None:
        """Keep what is being talked about."""
        now = self._clock.monotonic()
        self._kept[conversation] = (now, context)
        self._kept.move_to_end(conversation)
        self.sweep()

    def sweep(self) -> None:
        """Drop what is too old or too much; called now and then, so that nothing outlives its minutes."""
        now = self._clock.monotonic()
        while self._kept and (
            len(self._kept) > REMEMBER_AT_MOST or now - next(iter(self._kept.values()))[0] > REMEMBER_SECONDS
        ):
            self._kept.popitem(last=False)

    def forget(self, conversation: str) -> None:
        """Drop a conversation."""
        self._kept.pop(conversation, None)
