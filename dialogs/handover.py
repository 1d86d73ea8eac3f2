"""The hand-over: questions and GDPR requests go to a person and come back answered, and answers teach the bot."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cards.elements import Card
from cards.handover import (
    OWN_ENTRY,
    Shown,
    asker_card,
    brief_card,
    draft_card,
    list_card,
    officer_card,
    question_form,
    rights_form,
)
from cards.verbs import Verb
from data.access import Actor, Permission
from data.catalogue.model import Catalogue
from data.desk.draft_steps import LONGEST_PHRASING
from data.desk.seal import Fit
from data.desk.ticket import DraftState, Ticket
from data.desk.ticket_steps import LONGEST_ANSWER, LONGEST_QUESTION
from data.errors import UnknownError
from data.labels import Lang
from data.office.teaching import Releases, TeachingService
from data.office.tickets import TicketService
from data.questions.commands import Command
from data.questions.understand import Label
from dialogs.desk import Desk
from dialogs.face import Act, Viewer
from dialogs.press import pressed_id, presses, typed
from dialogs.turn import Reply, Turn

_NO_TOPIC = "none"
_RIGHTS_FORM = "rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What the hand-over needs to teach the bot."""

    service: TeachingService
    releases: Releases


class HandoverDialog:
    """Everything about tickets and drafts; the state is the stored ticket."""

    def __init__(self, desk: Desk, catalogue: Callable[[], Catalogue], lessons: Lessons) -> None:
        self._desk, self._catalogue, self._lessons = desk, catalogue, lessons

    @property
    def _tickets(self) -> TicketService:
        return self._desk.office.tickets

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each verb."""
        return {
            Verb.HAND_OVER: self._question_form,
            Verb.HAND_OVER_SEND: self._send_question,
            Verb.RIGHTS_FORM: self._rights_form,
            Verb.RIGHTS_ASK: self._send_request,
            Verb.TICKET_SHOW: self._show,
            Verb.TICKET_LIST: self._list,
            Verb.TICKET_TAKE: self._take,
            Verb.TICKET_ANSWER: self._answer,
            Verb.TICKET_CLOSE: self._close,
            Verb.DRAFT_MAKE: self._make_draft,
            Verb.DRAFT_RELEASE: self._release,
            Verb.DRAFT_DISCARD: self._discard,
        }

    def commands(self) -> Mapping[Command, Act]:
        """Give what answers each typed command: none, the grammar has no word for tickets."""
        return {}

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give what draws a ticket for a viewer."""
        return {"ticket": self.face}

    async def face(self, ticket_id: str, viewer: Viewer) -> Card | None:
        """Draw the present card of a ticket; None for whoever it does not concern."""
        ticket = await self._desk.call(lambda: self._desk.office.parts.desk.tickets.find(ticket_id))
        return self._drawn(ticket, viewer) if ticket else None

    # -- forms --------------------------------------------------------------------------------------------------------

    async def _question_form(self, turn: Turn, lang: Lang) -> Reply:
        label = self._known(pressed_id(turn).partition("+")[0])
        return await self._form(turn, lang, Verb.HAND_OVER, label or _NO_TOPIC)

    async def _rights_form(self, turn: Turn, lang: Lang) -> Reply:
        return await self._form(turn, lang, Verb.RIGHTS_FORM, _RIGHTS_FORM)

    async def _form(self, turn: Turn, lang: Lang, verb: Verb, name: str) -> Reply:
        async def work() -> Reply:
            if not turn.actor.object_id:
                return await self._desk.refuse(turn, lang, what=verb, about=name, reason="nobody")
            viewer = self._desk.viewer(turn, lang)
            stamp = await self._count(viewer.recipient)
            press = presses(self._desk.office.seal, viewer, subject=f"form/{name}", stamp=stamp)
            said = self._desk.said[lang]
            rights = verb is Verb.RIGHTS_FORM
            shown = rights_form(said, press) if rights else question_form(said, press, topic=self._title(name, lang))
            return Reply(card=shown, outcome="handover_form", lang=lang)

        return await self._desk.guarded(turn, lang, what=verb, about=name, needs=Permission.ASK, work=work)

    async def _send_question(self, turn: Turn, lang: Lang) -> Reply:
        question, name = typed(turn, "question", most=LONGEST_QUESTION), pressed_id(turn)
        topic = self._known(name)
        return await self._open(turn, lang, name, lambda: self._tickets.ask(turn.actor, lang, question, topic=topic))

    async def _send_request(self, turn: Turn, lang: Lang) -> Reply:
        words, right = typed(turn, "words", most=LONGEST_QUESTION), typed(turn, "right", most=2)
        return await self._open(
            turn, lang, pressed_id(turn), lambda: self._tickets.claim(turn.actor, lang, words, right=right)
        )

    async def _open(self, turn: Turn, lang: Lang, name: str, make: Callable[[], Ticket]) -> Reply:
        """Open a ticket from a form: pressing the same form again shows what the first press has opened."""

        async def work() -> Reply:
            viewer = self._desk.viewer(turn, lang)
            fit = self._desk.fit(turn, subject=f"form/{name}", stamp=await self._count(viewer.recipient))
            if fit is Fit.FOREIGN:
                return await self._desk.refuse(turn, lang, what=turn.verb, about=name, reason="foreign")
            if fit is Fit.STALE:
                own = await self._desk.call(lambda: self._tickets.of(viewer.recipient))
                if not own:
                    raise UnknownError("there is no ticket of this person")
                return self._reply(own[-1], viewer, note="handover.again")
            ticket = await self._desk.call(make)
            self._desk.office.jobs.changed()
            return self._reply(ticket, viewer)

        return await self._desk.guarded(turn, lang, what=turn.verb, about=name, needs=Permission.ASK, work=work)

    # -- tickets ------------------------------------------------------------------------------------------------------

    async def _show(self, turn: Turn, lang: Lang) -> Reply:
        name = pressed_id(turn)

        async def work() -> Reply:
            return self._reply(await self._desk.call(lambda: self._tickets.get(name)), self._desk.viewer(turn, lang))

        return await self._desk.guarded(turn, lang, what=turn.verb, about=name, needs=Permission.ASK, work=work)

    async def _list(self, turn: Turn, lang: Lang) -> Reply:
        async def work() -> Reply:
            viewer = self._desk.viewer(turn, lang)
            officer = turn.actor.may(Permission.HANDLE_TICKET)
            found = await self._desk.call(self._tickets.all)
            shown = _to_do(found) if officer else [t for t in reversed(found) if t.asker == viewer.recipient]
            return Reply(card=list_card(self._desk.said[lang], shown, mine=not officer), outcome="tickets", lang=lang)

        return await self._desk.guarded(turn, lang, what=turn.verb, about="list", needs=Permission.ASK, work=work)

    async def _take(self, turn: Turn, lang: Lang) -> Reply:
        actor, name = turn.actor, pressed_id(turn)
        return await self._step(turn, lang, Permission.HANDLE_TICKET, lambda: self._tickets.take(actor, name))

    async def _answer(self, turn: Turn, lang: Lang) -> Reply:
        actor, name, words = turn.actor, pressed_id(turn), typed(turn, "answer", most=LONGEST_ANSWER)
        return await self._step(turn, lang, Permission.HANDLE_TICKET, lambda: self._tickets.answer(actor, name, words))

    async def _close(self, turn: Turn, lang: Lang) -> Reply:
        actor, name = turn.actor, pressed_id(turn)
        return await self._step(turn, lang, Permission.ASK, lambda: self._tickets.close(actor, name))

    # -- drafts -------------------------------------------------------------------------------------------------------

    async def _make_draft(self, turn: Turn, lang: Lang) -> Reply:
        actor, name = turn.actor, pressed_id(turn)
        topic = typed(turn, "topic", most=60)
        question, words = typed(turn, "phrasing", most=LONGEST_PHRASING), typed(turn, "words", most=LONGEST_ANSWER)

        def work() -> Ticket:
            answer = words.strip() or self._tickets.get(name).answer
            chosen = "" if topic == OWN_ENTRY else topic
            return self._lessons.service.draft(actor, name, topic=chosen, question=question, answer=answer)

        return await self._step(turn, lang, Permission.HANDLE_TICKET, work)

    async def _release(self, turn: Turn, lang: Lang) -> Reply:
        actor, name = turn.actor, pressed_id(turn)
        return await self._step(
            turn, lang, Permission.RELEASE_DRAFT, lambda: self._lessons.service.release(actor, name)
        )

    async def _discard(self, turn: Turn, lang: Lang) -> Reply:
        actor, name = turn.actor, pressed_id(turn)
        return await self._step(
            turn, lang, Permission.RELEASE_DRAFT, lambda: self._lessons.service.discard(actor, name)
        )

    # -- what they share ----------------------------------------------------------------------------------------------

    async def _step(self, turn: Turn, lang: Lang, needs: Permission, step: Callable[[], Ticket]) -> Reply:
        """Take a step if the button fits the ticket as it is now, and show the ticket."""
        name = pressed_id(turn)

        async def work() -> Reply:
            viewer = self._desk.viewer(turn, lang)
            ticket = await self._desk.call(lambda: self._tickets.get(name))
            fit = self._desk.fit(turn, subject=f"ticket/{name}", stamp=ticket.face)
            if fit is Fit.FOREIGN:
                return await self._desk.refuse(turn, lang, what=turn.verb, about=name, reason="foreign")
            if fit is Fit.STALE:
                return self._reply(ticket, viewer, note="pressed.stale")
            changed = await self._desk.call(step)
            if changed.draft in {DraftState.CHECKING, DraftState.WITHDRAWING}:
                self._lessons.releases.finish(changed.id)
            self._desk.office.jobs.changed()
            return self._reply(changed, viewer)

        return await self._desk.guarded(turn, lang, what=turn.verb, about=name, needs=needs, work=work)

    def _reply(self, ticket: Ticket, viewer: Viewer, *, note: str = "") -> Reply:
        """Show a ticket; somebody else's is as unknown as one that never was. Raises `UnknownError`."""
        shown = self._drawn(ticket, viewer, note=note)
        if shown is None:
            raise UnknownError(f"there is no ticket {ticket.id!r}")
        return Reply(card=shown, outcome="ticket", lang=viewer.lang, subject=f"ticket/{ticket.id}")

    def _drawn(self, ticket: Ticket, viewer: Viewer, *, note: str = "") -> Card | None:
        said, actor = self._desk.said[viewer.lang], viewer.actor
        shown = self._shown(ticket, viewer, note)
        if not viewer.personal:
            return brief_card(said, shown) if _concerns(actor) else None
        if actor.may(Permission.HANDLE_TICKET):
            return officer_card(said, shown)
        if viewer.recipient and viewer.recipient == ticket.asker:
            return asker_card(said, shown)
        if not _concerns(actor):
            return None
        return brief_card(said, shown) if ticket.draft is DraftState.NONE else draft_card(said, shown)

    def _shown(self, ticket: Ticket, viewer: Viewer, note: str) -> Shown:
        topics = self._catalogue().topics
        teachable = viewer.actor.may(Permission.HANDLE_TICKET) and self._lessons.service.possible
        titles = sorted((topic.title[viewer.lang], name) for name, topic in topics.items()) if teachable else []
        return Shown(
            ticket=ticket,
            press=presses(self._desk.office.seal, viewer, subject=f"ticket/{ticket.id}", stamp=ticket.face),
            now=self._desk.office.parts.engine.guard.now(),
            topic=self._title(ticket.topic, viewer.lang),
            taught=self._title(ticket.draft_topic, viewer.lang),
            topics=[(name, title) for title, name in titles],
            note=note,
            drafter=bool(viewer.recipient) and viewer.recipient == ticket.drafted_by,
        )

    def _known(self, name: str) -> str:
        """Give a label that a button names, if there is such a topic and such an aspect; "" otherwise."""
        label = Label.of(name)
        topic = self._catalogue().topics.get(label.topic)
        return name if topic is not None and (not label.aspect or label.aspect in topic.aspects) else ""

    def _title(self, name: str, lang: Lang) -> str:
        topic = self._catalogue().topics.get(Label.of(name).topic)
        return topic.title[lang] if topic is not None else ""

    async def _count(self, asker: str) -> str:
        """Give a stamp that changes with every ticket of an asker, so that a form opens one ticket only."""
        return f"{len(await self._desk.call(lambda: self._tickets.of(asker)))}"


def _concerns(actor: Actor) -> bool:
    return actor.may(Permission.HANDLE_TICKET) or actor.may(Permission.RELEASE_DRAFT)


def _to_do(tickets: Sequence[Ticket]) -> list[Ticket]:
    """List what waits for the officers: what is due soonest first, then drafts that wait for a second person."""
    waiting = [ticket for ticket in tickets if ticket.waits]
    waiting.sort(key=lambda ticket: (ticket.due_at is None, ticket.due_at or ticket.opened_at))
    return [*waiting, *(ticket for ticket in tickets if ticket.draft is DraftState.DRAFTED and not ticket.waits)]
