"""Draws what the outbox sends, at the moment it is sent: for a person with the roles of now, or for a channel."""

from bot.live import LiveRouter
from cards.elements import Card
from data.access import Actor, Role
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Reference
from data.labels import Lang
from data.office.parts import actor_behind
from data.purge.parts import PurgeParts
from dialogs.face import Viewer

_ROOMS = {DPO_CHANNEL: Role.DPO, ADMIN_CHANNEL: Role.ADMIN}


class Drawing:
    """Turns subject and recipient into a card."""

    def __init__(self, router: LiveRouter, parts: PurgeParts) -> None:
        self._router = router
        self._parts = parts

    async def __call__(self, subject: str, recipient: str, reference: Reference) -> tuple[Card, str] | None:
        """Give a card and its summary; None where there is nothing to show to this recipient (any more)."""
        actor = self._actor(recipient)
        if actor is None:
            return None
        viewer = Viewer(
            actor=actor,
            recipient=recipient,
            place=reference.conversation_id,
            lang=Lang(reference.lang) if reference.lang in set(Lang) else Lang.DE,
            personal=recipient not in _ROOMS,
        )
        card = await self._router.draw(subject, viewer)
        return None if card is None else (card, str(card["fallbackText"]))

    def _actor(self, recipient: str) -> Actor | None:
        room = _ROOMS.get(recipient)
        if room is not None:
            return Actor(tenant_id="", object_id="", roles=frozenset({Role.EMPLOYEE, room}))
        return actor_behind(self._parts, recipient)
