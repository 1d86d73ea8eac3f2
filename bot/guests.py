"""Asks Teams whether somebody with a role is a guest of the tenant: guests never hold one (security.md 2.1, AZ-06).

Only a plain yes takes the role away, for the turn and for every check at execution. Where Teams says nothing, or cannot
be asked, the settings stand: they name each person by object id, and what words Teams uses here is known from its
schema only (`userRole`), not from a real tenant.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bot.identity import Directory
from data.access import Actor, Role
from data.clock import Clock
from data.errors import CallerError, DeliveryError

KNOWN_SECONDS = 300.0
"""How long an answer is believed; roles are to be known for five minutes at most."""
PATIENCE_SECONDS = 2.0
_GUESTS = frozenset({"guest", "anonymous"})

Member = Callable[[str, str, str], Awaitable[Mapping[str, Any]]]
"""Gives what the connector knows of a member: service URL, conversation, id within Teams. Raises `DeliveryError`."""

_log = structlog.get_logger(__name__)


class Guests:
    """Looks, every five minutes at most, at whoever has a role and writes."""

    def __init__(self, directory: Directory, member: Member, clock: Clock) -> None:
        self._directory, self._member, self._clock = directory, member, clock
        self._asked: dict[str, float] = {}

    async def look(self, wire: Mapping[str, Any], actor: Actor) -> Actor:
        """Give the actor with the roles of this moment."""
        now = self._clock.monotonic()
        known = now - self._asked.get(actor.object_id, -KNOWN_SECONDS) < KNOWN_SECONDS
        # Somebody who was found a guest has no role any more and is looked at again, too.
        if not actor.object_id or known or (actor.object_id not in self._asked and actor.roles <= {Role.EMPLOYEE}):
            return actor
        self._asked[actor.object_id] = now
        guest = await self._is_guest(wire)
        if guest is not None:
            self._directory.note_guest(actor.object_id, guest=guest)
        return self._directory.actor_of(wire)

    async def _is_guest(self, wire: Mapping[str, Any]) -> bool | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                sender, conversation = wire["from"]["id"], wire["conversation"]["id"]
                said = (await self._member(str(wire["serviceUrl"]), str(conversation), str(sender))).get("userRole")
        except (DeliveryError, CallerError, TimeoutError, KeyError, TypeError) as error:
            _log.info("member not known", action="member_unknown", error=type(error).__name__)
            return None
        return said.lower() in _GUESTS if isinstance(said, str) and said else None
