"""Who can be written to where, and which cards are alive: noted after each turn, never before its answer.

References are kept of people with a role, of whoever has a card that will change, and of the configured channels; of
nobody else (data minimisation: whoever only asks is not written to).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from data.access import Role
from data.clock import Clock
from data.desk.delivery import DeliveryState, Reference, Want
from data.errors import ProcallError
from data.office.office import Office
from data.office.wants import stamps_of
from data.retention.instants import DAY, instant_of
from dialogs.own_data import FORGOTTEN
from dialogs.turn import Reply, Turn, TurnKind

READ_SECONDS = 60.0
"""How long the note on a card may stand before the card shows the plain present state."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card that has answered somebody: what it shows, whose it is, and where it is."""

    subject: str
    recipient: str
    place: str
    activity_id: str


class Correspondence:
    """Keeps references and live cards up to date."""

    def __init__(self, office: Office, *, channels: Mapping[str, str], clock: Clock) -> None:
        self._office = office
        self._channels = channels
        """Recipient by conversation id."""
        self._clock = clock
        self._known: dict[str, tuple[str, str, str, int]] = {}
        """What was noted of each recipient, so that a turn need not ask the store."""
        self._later: set[asyncio.TimerHandle] = set()
        """Cards to look at again; none once the bot ends: a timer of a minute would keep all of it alive so long."""
        self._looking: set[asyncio.Future[None]] = set()
        self._ended = False

    async def note(self, turn: Turn, reply: Reply, activity_id: str) -> None:
        """Note what a turn tells about its person, and the card that answered it; never raises into the turn."""
        try:
            await self._note(turn, reply, activity_id)
        except Exception as error:  # noqa: BLE001  the turn has been answered: what is noted of it must not fail it
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
        if reply.outcome == FORGOTTEN:
            self._known.pop(recipient, None)
            return
        if not turn.personal or reply.subject or turn.actor.roles & {Role.ADMIN, Role.DPO}:
            await self._refer(turn, recipient, reply.lang.value)
        if reply.subject and activity_id:
            await self._keep(
                Card(subject=reply.subject, recipient=recipient, place=turn.place, activity_id=activity_id)
            )
            self._office.jobs.changed()

    async def _keep(self, card: Card) -> None:
        """Note a card as the live one; what it shows is looked at once more when its note has been read.

        The answer may carry a note ("the code is not right"), so it is not overwritten at once; and the subject may
        have changed while the card was drawn, so it is brought up to date in the end.
        """
        shown = await asyncio.to_thread(self._note_card, card)
        if self._ended:
            return
        loop = asyncio.get_running_loop()
        self._later = {one for one in self._later if one.when() > loop.time()}
        self._later.add(loop.call_later(READ_SECONDS, self._look_again, card, shown))

    @property
    def waits(self) -> bool:
        """Tell whether a card is to be looked at again."""
        return bool(self._later)

    async def end(self) -> None:
        """Look at nothing more; what is being looked at is waited for."""
        self._ended = True  # turns under way are still answered and noted
        for one in self._later:
            one.cancel()
        self._later.clear()
        await asyncio.gather(*self._looking)

    def _note_card(self, card: Card) -> str:
        now = instant_of(self._clock.now())
        post, shown = stamps_of(self._office.parts, now, card.subject, card.recipient)
        self._say(card, post=post, shown=shown)
        return shown

    def _look_again(self, card: Card, shown: str) -> None:
        task = asyncio.ensure_future(asyncio.to_thread(self._doubt, card, shown))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    def _doubt(self, card: Card, shown: str) -> None:
        """Count the card as showing nothing, unless it was changed or replaced meanwhile."""
        try:
            for one in self._office.outbox.report(card.subject):
                same = one.recipient == card.recipient and one.activity_id == card.activity_id
                if same and one.told_shown == shown and one.state is DeliveryState.SENT:
                    self._say(card, post=one.told_post, shown="")
                    self._office.jobs.changed()
        except ProcallError as error:
            _log.warning("correspondence not noted", action="not_noted", error=type(error).__name__)

    def _say(self, card: Card, *, post: str, shown: str) -> None:
        want = Want(subject=card.subject, recipient=card.recipient, post=post, shown=shown)
        now = instant_of(self._clock.now())
        self._office.outbox.posted(want, conversation_id=card.place, activity_id=card.activity_id, now=now)

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
