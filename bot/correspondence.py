"""Who can be written to where, and which cards are alive: noted after each turn, never before its answer.

References are kept of people with a role, of whoever has a card that will change, and of the configured channels; of
nobody else (data minimisation: whoever only asks is not written to).
"""

import asyncio
from collections.abc import Mapping

import structlog

from data.access import Role
from data.clock import Clock
from data.desk.delivery import Reference, Want
from data.errors import ProcallError
from data.office.office import Office
from data.office.wants import post_of
from data.retention.instants import DAY, Instant, instant_of
from dialogs.turn import Reply, Turn, TurnKind

_log = structlog.get_logger(__name__)


class Correspondence:
    """Keeps references and live cards up to date."""

    def __init__(self, office: Office, *, channels: Mapping[str, str], clock: Clock) -> None:
        self._office = office
        self._channels = channels
        """Recipient by conversation id."""
        self._clock = clock
        self._known: dict[str, tuple[str, str, str, int]] = {}
        """What was noted of each recipient, so that a turn need not ask the store."""

    async def note(self, turn: Turn, reply: Reply, activity_id: str) -> None:
        """Note what a turn tells about its person, and the card that answered it; never raises into the turn."""
        try:
            await self._note(turn, reply, activity_id)
        except ProcallError as error:
            _log.warning("correspondence not noted", action="not_noted", error=type(error).__name__)

    async def _note(self, turn: Turn, reply: Reply, activity_id: str) -> None:
        recipient = self._recipient(turn)
        if not recipient or not turn.place:
            return
        now = instant_of(self._clock.now())
        if turn.kind is TurnKind.FAREWELL:
            self._known.pop(recipient, None)
            await asyncio.to_thread(self._office.outbox.unrefer, recipient, now)
            return
        if not turn.personal or reply.subject or turn.actor.roles & {Role.ADMIN, Role.DPO}:
            await self._refer(turn, recipient, reply.lang.value)
        if reply.subject and activity_id:
            await asyncio.to_thread(self._keep, reply.subject, recipient, turn.place, activity_id, now)
            self._office.jobs.changed()

    def _keep(self, subject: str, recipient: str, place: str, activity_id: str, now: Instant) -> None:
        post = post_of(self._office.parts, now, subject, recipient)
        # What the card shows may have changed since it was drawn, so it counts as showing nothing: one update follows.
        want = Want(subject=subject, recipient=recipient, post=post, shown="")
        self._office.outbox.posted(want, conversation_id=place, activity_id=activity_id, now=now)

    async def _refer(self, turn: Turn, recipient: str, lang: str) -> None:
        now = instant_of(self._clock.now())
        said = (turn.place, turn.service_url, lang, now // DAY)
        if self._known.get(recipient) == said:
            return
        if turn.personal:
            await asyncio.to_thread(self._office.parts.engine.people.of, turn.actor)
        reference = Reference(
            id=recipient,
            conversation_id=turn.place,
            service_url=turn.service_url,
            lang=lang,
            used_at=now,
        )
        await asyncio.to_thread(self._office.outbox.refer, reference)
        self._known[recipient] = said
        self._office.jobs.changed()

    def _recipient(self, turn: Turn) -> str:
        if not turn.personal:
            return self._channels.get(turn.place, "")
        return self._office.parts.engine.people.name(turn.actor) if turn.actor.object_id else ""
