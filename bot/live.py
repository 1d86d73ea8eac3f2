"""What the bot knows at this moment: a release swaps it for something newer, between two turns."""

from collections.abc import Callable

from cards.elements import Card
from data.knowledge import Knowledge
from dialogs.face import Viewer
from dialogs.router import Router
from dialogs.turn import Reply, Turn


class LiveRouter:
    """Gives every turn to the router over the newest knowledge."""

    def __init__(self, knowledge: Knowledge, build: Callable[[Knowledge], Router]) -> None:
        self._knowledge = knowledge
        self._build = build
        self._router = build(knowledge)

    def present(self) -> Knowledge:
        """Give what the bot knows now."""
        return self._knowledge

    def swap(self, knowledge: Knowledge) -> None:
        """Answer from this knowledge from now on; what was under way ends with the old one."""
        router = self._build(knowledge)
        self._knowledge, self._router = knowledge, router

    async def reply(self, turn: Turn) -> Reply:
        """Decide what goes back."""
        return await self._router.reply(turn)

    async def draw(self, subject: str, viewer: Viewer) -> Card | None:
        """Draw the present card of a subject for somebody."""
        return await self._router.draw(subject, viewer)

    def too_many(self, turn: Turn) -> Reply:
        """Ask somebody to write more slowly."""
        return self._router.too_many(turn)

    def failed(self, turn: Turn, *, reference: str) -> Reply:
        """Say that answering went wrong."""
        return self._router.failed(turn, reference=reference)
