"""What a store promises, whatever engine is behind it."""

from dataclasses import dataclass
from typing import Protocol

from data.labels import Lang


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackCount:
    """How often an answer was called helpful and not helpful; who said so is not known."""

    answer: str
    """Topic, or topic and aspect with a full stop between."""
    lang: Lang
    helpful: int = 0
    not_helpful: int = 0


class FeedbackStore(Protocol):
    """Counts feedback."""

    async def add(self, answer: str, lang: Lang, *, helpful: bool) -> None:
        """Count one more; durable when it returns. Raises `StateError`."""
        ...

    async def counts(self) -> tuple[FeedbackCount, ...]:
        """List all counts, by answer and language."""
        ...
