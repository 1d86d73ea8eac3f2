"""The shipped in-memory twin of every store, for tests and for trying the bot."""

from dataclasses import replace

from data.labels import Lang
from data.stores.interface import FeedbackCount


class MemoryFeedbackStore:
    """Counts feedback until the process ends."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, Lang], FeedbackCount] = {}

    async def add(self, answer: str, lang: Lang, *, helpful: bool) -> None:
        """Count one more."""
        count = self._counts.get((answer, lang), FeedbackCount(answer=answer, lang=lang))
        if helpful:
            count = replace(count, helpful=count.helpful + 1)
        else:
            count = replace(count, not_helpful=count.not_helpful + 1)
        self._counts[answer, lang] = count

    async def counts(self) -> tuple[FeedbackCount, ...]:
        """List all counts, by answer and language."""
        return tuple(self._counts[key] for key in sorted(self._counts))
