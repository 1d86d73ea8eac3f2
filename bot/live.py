"""What the bot knows at this moment: a release swaps it for something newer, between two turns."""

from cards.elements import Card
from dialogs.face import Viewer
from dialogs.router import Router
from dialogs.turn import Reply, Turn


class LiveRouter:
    """Gives every turn to the newest router."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def swap(self, router: Router) -> None:
        """Answer with this one from now on."""
        self._router = router

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
