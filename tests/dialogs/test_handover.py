"""The hand-over as people press it: forms, tickets, answers, drafts; who sees what, and what changes nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cards.ask import Contact
from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.handover import Shown, asker_card, draft_card, list_card, officer_card
from cards.texts import load_texts
from cards.verbs import Verb
from data.access import Actor, Role
from data.catalogue.loader import load_catalogue
from data.catalogue.model import Catalogue
from data.desk.delivery import DPO_CHANNEL
from data.desk.draft_steps import draft
from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState
from data.desk.ticket_steps import LONGEST_ANSWER, LONGEST_QUESTION, RIGHTS, open_ticket
from data.knowledge import Knowledge
from data.labels import Lang
from data.office.teaching import TeachingParts, TeachingService
from data.questions.corpus import load_corpus
from data.questions.understand import Label
from data.retention.instants import DAY
from dialogs.ask import AskDialog
from dialogs.face import Viewer
from dialogs.handover import HandoverDialog, Lessons
from dialogs.turn import Reply, Turn, TurnKind
from tests.desk import ALICE, BOB, DORA, EVE, Lab, OpenOffice, buttons, chat_of, open_office, press
from tests.domain import said

WORDS = "Wer sieht meine geheime Liste? [klick](https://boese.example) <at>alle</at>"
REPLY = "Nur Sie selbst.\nUnd sonst **niemand**."
MALLORY = replace(EVE, object_id="mallory")
DAVE = replace(DORA, object_id="dave")
GUEST = Actor(tenant_id="elsewhere", object_id="")


@dataclass(kw_only=True)
class Counter:
    """An open office with a hand-over, and short ways to use it."""

    room: OpenOffice
    catalogue: Catalogue
    overlay: Path | None
    begun: list[str] = field(default_factory=list)
    swapped: list[Knowledge] = field(default_factory=list)

    def __post_init__(self) -> None:
        knowledge = Knowledge(catalogue=self.catalogue, corpus=load_corpus(), model=None)  # type: ignore[arg-type]
        self.teaching = TeachingService(
            TeachingParts(
                office=self.room.office.parts,
                overlay=self.overlay,
                work=self.room.lab.folder / "teaching",
                load=lambda overlay, _cache: replace(knowledge, catalogue=load_catalogue(overlay=overlay)),
                asker=lambda _: lambda _: {"outcome": "not_in_terms", "topics": ["journal"], "answer": ""},
                present=lambda: self.swapped[-1] if self.swapped else knowledge,
                swap=self.swapped.append,
                questions=lambda: (),
                plain=str,
            )
        )
        self.dialog = HandoverDialog(
            self.room.desk, lambda: self.catalogue, Lessons(service=self.teaching, releases=self)
        )

    def finish(self, ticket_id: str) -> None:
        """Take note of what is to be done in the background."""
        self.begun.append(ticket_id)

    async def does(self, turn: Turn, lang: Lang = Lang.EN) -> Reply:
        """Answer a press."""
        return await self.dialog.verbs()[turn.verb](turn, lang)

    async def opens(self, verb: str, who: Actor = EVE, *, about: str = "journal.retention", **fields: Any) -> Reply:
        """Open a form from an answer."""
        turn = Turn(
            kind=TurnKind.ACTION, actor=who, conversation="c", verb=verb, data={"id": about, "lang": "en"},
            place=chat_of(who), **fields,
        )  # fmt: skip
        return await self.does(turn)

    async def asks(self, who: Actor = EVE, words: str = WORDS) -> Ticket:
        """Send a question and give its ticket."""
        form = shown(await self.opens(Verb.HAND_OVER, who))
        await self.does(press(who, form, Verb.HAND_OVER_SEND, question=words))
        return self.ticket()

    async def claims(self, who: Actor = EVE, right: str = "15", words: str = WORDS) -> Ticket:
        """Send a rights request and give its ticket."""
        form = shown(await self.opens(Verb.RIGHTS_FORM, who, about="rights"))
        await self.does(press(who, form, Verb.RIGHTS_ASK, right=right, words=words))
        return self.ticket()

    async def answers(self, ticket: Ticket, words: str = REPLY, who: Actor = DORA) -> Reply:
        """Answer a ticket."""
        return await self.does(press(who, await self.sees(ticket, who), Verb.TICKET_ANSWER, answer=words))

    async def drafts(self, ticket: Ticket, topic: str = "journal") -> Reply:
        """Make a draft of an answered ticket."""
        card = await self.sees(ticket, DORA)
        return await self.does(press(DORA, card, Verb.DRAFT_MAKE, topic=topic, phrasing="wer sieht das", words=""))

    def ticket(self, number: str = "") -> Ticket:
        """Give the ticket as it is stored; the last one where none is named."""
        tickets = self.room.office.tickets
        return tickets.get(number) if number else tickets.all()[-1]

    async def face(self, ticket: Ticket, who: Actor, **fields: Any) -> Card | None:
        """Draw a ticket for somebody, as the outbox does."""
        viewer = replace(self.room.viewer(who), **fields)
        return await self.dialog.faces()["ticket"](ticket.id, viewer)

    async def sees(self, ticket: Ticket, who: Actor) -> Card:
        """Draw a ticket for somebody whom it concerns."""
        card = await self.face(ticket, who)
        assert card is not None
        return card

    def attempts(self) -> list[str]:
        """List the refused attempts that the audit knows, by reason."""
        entries = self.room.engine.parts.audit.entries()
        return [str(entry.data["reason"]) for entry in entries if entry.kind == "attempt.refused"]


@pytest.fixture
def counter(tmp_path: Path, catalogue: Catalogue) -> Iterator[Counter]:
    """Give an open counter."""
    (tmp_path / "own").mkdir()
    with open_office(Lab(folder=tmp_path / "lab")) as room:
        yield Counter(room=room, catalogue=catalogue, overlay=tmp_path / "own")


def shown(reply: Reply) -> Card:
    """Give the card of a reply."""
    assert reply.card is not None
    return dict(reply.card)


def reads(card: Card | Mapping[str, Any] | None) -> str:
    """Give what a person reads."""
    return visible_text(dict(card or {}))


def verbs(card: Card | None) -> set[str]:
    """List the verbs a card offers."""
    return set(buttons(card or {}))


def inputs(card: Card) -> list[Mapping[str, Any]]:
    """List the fields of a card."""
    found: list[Mapping[str, Any]] = []

    def walk(items: list[Mapping[str, Any]]) -> None:
        for item in items:
            found.extend([item] if str(item["type"]).startswith("Input.") else [])
            walk(item.get("items", []))

    walk(card["body"])
    return found


# -- sending a question ------------------------------------------------------------------------------------------------


async def test_the_form_says_what_is_sent_and_kept(counter: Counter) -> None:
    """The form holds an empty field, the topic that did not help, how long words are kept; nothing is stored."""
    reply = await counter.opens(Verb.HAND_OVER)
    text = reads(reply.card)
    assert "90 days" in text
    assert counter.catalogue.topics["journal"].title[Lang.EN] in text
    assert [("value" in found, found["label"]) for found in inputs(shown(reply))] == [(False, "Your question")]
    assert counter.room.office.tickets.all() == ()


async def test_a_question_becomes_a_ticket_and_comes_back_answered(counter: Counter) -> None:
    """The asker sees number and state; the officer the words, escaped, language and topic; the asker the answer."""
    form = shown(await counter.opens(Verb.HAND_OVER))
    reply = await counter.does(press(EVE, form, Verb.HAND_OVER_SEND, question=WORDS))
    ticket = counter.ticket()
    assert (reply.subject, ticket.topic, ticket.lang) == (f"ticket/{ticket.id}", "journal.retention", "en")
    assert f"no. {ticket.id}" in reads(reply.card)
    assert "Received" in reads(reply.card)
    assert counter.room.chores.changes == 1
    officer = await counter.sees(ticket, DORA)
    assert "geheime Liste" in reads(officer)
    assert "](https" not in reads(officer).replace("\\]\\(", "")
    assert "<at" not in reads(officer).replace("\\<", "")
    assert counter.catalogue.topics["journal"].title[Lang.EN] in reads(officer)
    taken = await counter.does(press(DORA, officer, Verb.TICKET_TAKE))
    assert "Being worked on" in reads(taken.card)
    await counter.answers(ticket)
    back = await counter.sees(ticket, EVE)
    assert "Nur Sie selbst." in reads(back)
    assert "\\*\\*niemand\\*\\*" in reads(back)
    assert verbs(back) == {Verb.TICKET_CLOSE, Verb.TICKET_LIST}
    closed = await counter.does(press(EVE, back, Verb.TICKET_CLOSE))
    assert counter.ticket(ticket.id).state is TicketState.CLOSED
    assert Verb.TICKET_CLOSE not in verbs(shown(closed))


async def test_the_same_form_opens_one_ticket(counter: Counter) -> None:
    """A doubled press shows the ticket of the first one; a new form opens another."""
    form = shown(await counter.opens(Verb.HAND_OVER))
    for _ in range(3):
        reply = await counter.does(press(EVE, form, Verb.HAND_OVER_SEND, question=WORDS))
    assert len(counter.room.office.tickets.all()) == 1
    assert "already sent this" in reads(reply.card)
    await counter.asks()
    assert len(counter.room.office.tickets.all()) == 2


@pytest.mark.parametrize(("verb", "send"), [("hand_over", "hand_over_send"), ("rights_form", "rights_ask")])
async def test_a_form_from_elsewhere_sends_nothing(counter: Counter, verb: str, send: str) -> None:
    """A form that was copied, or whose seal was changed, opens nothing and leaves an attempt in the audit."""
    form = shown(await counter.opens(verb))
    copied = press(MALLORY, form, send, question=WORDS, right="15")
    forged = press(EVE, form, send, question=WORDS, right="15", n="aaaaaaaa.bbbbbbbbbbbbbbbb")
    moved = press(EVE, form, send, question=WORDS, right="15", id="push")
    for turn in (copied, forged, moved):
        reply = await counter.does(turn)
        assert (reply.outcome, reads(reply.card)) == ("refused", said("pressed.foreign", Lang.EN))
    assert counter.room.office.tickets.all() == ()
    assert counter.attempts() == ["foreign"] * 3
    await counter.does(press(EVE, form, send, question=WORDS, right="15"))
    assert len(counter.room.office.tickets.all()) == 1


async def test_nothing_is_handed_over_where_others_read(counter: Counter) -> None:
    """In a group the form is not shown, and a form is not taken; the person is sent to the personal chat."""
    for verb in (Verb.HAND_OVER, Verb.RIGHTS_FORM, Verb.TICKET_LIST):
        reply = await counter.opens(verb, personal=False)
        assert reply.outcome == "elsewhere"
        assert inputs(shown(reply)) == []
    form = shown(await counter.opens(Verb.HAND_OVER))
    reply = await counter.does(press(EVE, form, Verb.HAND_OVER_SEND, question=WORDS, personal=False))
    assert (reply.outcome, counter.room.office.tickets.all()) == ("elsewhere", ())


async def test_guests_hand_nothing_over(counter: Counter) -> None:
    """Somebody without an id in this organisation gets no form."""
    for verb in (Verb.HAND_OVER, Verb.RIGHTS_FORM):
        assert (await counter.opens(verb, GUEST)).outcome == "refused"
    assert (await counter.opens(Verb.HAND_OVER, EVE)).outcome == "handover_form"


async def test_an_empty_question_is_refused(counter: Counter) -> None:
    """A form without words opens nothing and says that the text is missing."""
    form = shown(await counter.opens(Verb.HAND_OVER))
    for words in ("", "   ", "\u200b"):
        reply = await counter.does(press(EVE, form, Verb.HAND_OVER_SEND, question=words))
        assert said("refused.no_text", Lang.EN) in reads(reply.card)
    assert counter.room.office.tickets.all() == ()


@pytest.mark.parametrize("about", ["", "no_such", "journal.no_such", "../x", "none", "a" * 100])
async def test_any_name_on_a_button_opens_a_form(counter: Counter, about: str) -> None:
    """A button that names no topic opens the form without one."""
    form = shown(await counter.opens(Verb.HAND_OVER, about=about))
    await counter.does(press(EVE, form, Verb.HAND_OVER_SEND, question=WORDS))
    assert counter.ticket().topic == ""


# -- rights requests ---------------------------------------------------------------------------------------------------


async def test_a_request_says_who_decides_and_by_when(counter: Counter) -> None:
    """The form names the company as controller with clause 2.2, says that the bot decides nothing, and the month."""
    reply = await counter.opens(Verb.RIGHTS_FORM, about="rights")
    text = reads(reply.card)
    for part in ("controller", "clause 2.2", "one month", "Art. 12(3)", "not this bot"):
        assert part in text
    choice = next(found for found in inputs(shown(reply)) if found["type"] == "Input.ChoiceSet")
    assert [option["value"] for option in choice["choices"]] == list(RIGHTS)


async def test_a_request_becomes_a_ticket_with_a_due_date(counter: Counter) -> None:
    """A request is due in a month, shown to both; without words it is a request all the same."""
    ticket = await counter.claims(right="17", words="")
    assert (ticket.kind, ticket.right, ticket.question) == (TicketKind.RIGHTS, "17", "")
    for who in (EVE, DORA):
        assert "Art. 17" in reads(await counter.sees(ticket, who))
    assert "left" in reads(await counter.sees(ticket, DORA))
    counter.room.lab.pause(40 * DAY)
    assert "Overdue" in reads(await counter.sees(ticket, DORA))
    assert "Overdue" not in reads(await counter.sees(ticket, EVE))


async def test_a_request_without_a_right_is_refused(counter: Counter) -> None:
    """Whatever stands in the choice but a right opens nothing."""
    form = shown(await counter.opens(Verb.RIGHTS_FORM, about="rights"))
    for right in ("", "19", "99"):
        reply = await counter.does(press(EVE, form, Verb.RIGHTS_ASK, right=right, words=WORDS))
        assert said("refused.no_right", Lang.EN) in reads(reply.card)
    assert counter.room.office.tickets.all() == ()


async def test_an_officer_is_not_offered_to_close_an_open_request(counter: Counter) -> None:
    """A waiting request has no closing button for officers; with an answer it has; a question has one at once."""
    request = await counter.claims()
    assert Verb.TICKET_CLOSE not in verbs(await counter.sees(request, DORA))
    await counter.answers(request)
    assert Verb.TICKET_CLOSE in verbs(await counter.sees(request, DORA))
    assert Verb.TICKET_CLOSE in verbs(await counter.sees(await counter.asks(), DORA))


# -- who sees what -----------------------------------------------------------------------------------------------------


async def test_each_viewer_sees_their_own_face(counter: Counter) -> None:
    """Others see nothing, admins and channels no word, the asker and officers the words."""
    ticket = await counter.asks()
    assert await counter.face(ticket, MALLORY) is None
    assert await counter.face(replace(ticket, id="999"), DORA) is None
    for who, fields in ((BOB, {}), (DORA, {"personal": False, "recipient": DPO_CHANNEL})):
        card = await counter.face(ticket, who, **fields)
        assert f"no. {ticket.id}" in reads(card)
        assert "geheim" not in json.dumps(card)
        assert verbs(card) == set()
    assert await counter.face(ticket, EVE, personal=False) is None
    for who in (EVE, DORA):
        assert "geheim" in reads(await counter.face(ticket, who))


async def test_somebody_elses_ticket_is_as_unknown_as_none(counter: Counter) -> None:
    """Whoever asks for the number of another's ticket gets the same answer as for one that never was."""
    ticket = await counter.asks()
    for number in (ticket.id, "999"):
        reply = await counter.opens(Verb.TICKET_SHOW, MALLORY, about=number)
        assert said("refused.unknown", Lang.EN) in reads(reply.card)
        assert "geheim" not in json.dumps(reply.card)
    assert "geheim" in reads((await counter.opens(Verb.TICKET_SHOW, EVE, about=ticket.id)).card)
    assert counter.attempts() == ["unknown", "unknown"]


async def test_employees_list_their_own_tickets_only(counter: Counter) -> None:
    """An employee lists the own tickets; officers what waits, the soonest due first."""
    question, request = await counter.asks(), await counter.claims()
    other = await counter.asks(MALLORY)
    mine = reads((await counter.opens(Verb.TICKET_LIST)).card)
    assert (f"no. {question.id}" in mine, f"no. {request.id}" in mine, f"no. {other.id}" in mine) == (True, True, False)
    officers = reads((await counter.opens(Verb.TICKET_LIST, DORA)).card)
    assert officers.index(f"no. {request.id}") < officers.index(f"no. {question.id}")
    assert f"no. {other.id}" in officers
    assert "Nothing is open" in reads((await counter.opens(Verb.TICKET_LIST, BOB)).card)


async def test_no_card_names_a_person_and_no_button_carries_more_than_an_id(counter: Counter) -> None:
    """Neither object ids nor pseudonyms are on any card; a button has id, seal and language."""
    ticket = await counter.asks()
    await counter.answers(ticket)
    await counter.drafts(ticket)
    for who in (EVE, DORA, BOB):
        card = await counter.sees(ticket, who)
        assert not re.search(r"\bp-[0-9a-f]{20}|\beve\b|\bdora\b", json.dumps(card))
        for button in buttons(card).values():
            assert set(button["data"]) <= {"id", "n", "lang"}


# -- stale, foreign, forbidden -----------------------------------------------------------------------------------------


async def test_an_old_button_shows_the_present_state(counter: Counter) -> None:
    """A card from before the answer answers nothing again: the present card comes with a word on it."""
    ticket = await counter.asks()
    old = await counter.sees(ticket, DORA)
    await counter.answers(ticket)
    before = counter.ticket(ticket.id)
    for verb in (Verb.TICKET_TAKE, Verb.TICKET_ANSWER, Verb.TICKET_CLOSE):
        reply = await counter.does(press(DORA, old, verb, answer="Etwas anderes"))
        assert said("pressed.stale", Lang.EN) in reads(reply.card)
        assert "Nur Sie selbst." in reads(reply.card)
    assert counter.ticket(ticket.id) == before


async def test_a_copied_button_does_nothing(counter: Counter) -> None:
    """An officer's card in another's hands is refused by role, a colleague's copy by its seal; both are recorded."""
    ticket = await counter.asks()
    card = await counter.sees(ticket, DORA)
    forbidden = await counter.does(press(MALLORY, card, Verb.TICKET_ANSWER, answer="x"))
    assert said("refused.not_allowed", Lang.EN) in reads(forbidden.card)
    copied = await counter.does(press(DAVE, card, Verb.TICKET_ANSWER, answer="x"))
    assert reads(copied.card) == said("pressed.foreign", Lang.EN)
    assert counter.attempts() == ["not_allowed", "foreign"]
    assert counter.ticket(ticket.id) == ticket
    await counter.answers(ticket, who=DAVE)
    assert counter.ticket(ticket.id).state is TicketState.ANSWERED


async def test_a_role_that_was_lost_counts_at_once(counter: Counter) -> None:
    """The officer's own card is worth nothing once the role is gone."""
    ticket = await counter.asks()
    card = await counter.sees(ticket, DORA)
    former = replace(DORA, roles=frozenset({Role.EMPLOYEE}))
    assert (await counter.does(press(former, card, Verb.TICKET_TAKE))).outcome == "refused"
    assert counter.ticket(ticket.id).state is TicketState.OPEN
    await counter.does(press(DORA, card, Verb.TICKET_TAKE))
    assert counter.ticket(ticket.id).state is TicketState.TAKEN


async def test_garbage_in_a_press_is_refused(counter: Counter) -> None:
    """Whatever a client sends instead of id, seal and text, nothing is changed and the person gets a card."""
    ticket = await counter.asks()
    for verb in counter.dialog.verbs():
        for data in ({}, {"id": 5, "n": None}, {"id": ticket.id, "n": "x" * 25}, {"id": "../../etc", "n": ["a"]}):
            turn = Turn(kind=TurnKind.ACTION, actor=DORA, conversation="c", verb=verb, data=data, place=chat_of(DORA))
            assert (await counter.does(turn)).card is not None
    assert counter.ticket(ticket.id) == ticket


# -- drafts ------------------------------------------------------------------------------------------------------------


async def test_one_more_click_makes_a_draft_and_a_second_person_releases_it(counter: Counter) -> None:
    """The officer drafts on the answered card; the admin sees the draft without the asker's words and releases it."""
    ticket = await counter.asks()
    assert Verb.DRAFT_MAKE not in verbs(await counter.sees(ticket, DORA))
    await counter.answers(ticket)
    reply = await counter.drafts(ticket)
    assert counter.ticket(ticket.id).draft is DraftState.DRAFTED
    assert Verb.DRAFT_RELEASE not in verbs(shown(reply))
    admin = await counter.sees(ticket, ALICE)
    assert "wer sieht das" in reads(admin)
    assert "geheim" not in json.dumps(admin)
    checking = await counter.does(press(ALICE, admin, Verb.DRAFT_RELEASE))
    assert "Being checked" in reads(checking.card)
    assert (counter.begun, checking.subject) == ([ticket.id], f"ticket/{ticket.id}")
    counter.teaching.finish(ticket.id)
    assert "Released" in reads(await counter.sees(ticket, ALICE))
    assert "wer sieht das" in counter.swapped[-1].catalogue.topics["journal"].general.phrasings[Lang.EN]
    back = await counter.does(press(ALICE, await counter.sees(ticket, ALICE), Verb.DRAFT_DISCARD))
    assert counter.begun == [ticket.id] * 2
    assert "Being taken back" in reads(back.card)
    counter.teaching.finish(ticket.id)
    assert counter.ticket(ticket.id).draft is DraftState.DISCARDED


async def test_the_drafters_own_release_is_refused(counter: Counter) -> None:
    """A release button made for somebody else is foreign to the drafter; the service refuses as well."""
    ticket = await counter.asks()
    await counter.answers(ticket)
    await counter.drafts(ticket)
    other = press(DAVE, await counter.sees(ticket, DAVE), Verb.DRAFT_RELEASE)
    assert (await counter.does(replace(other, actor=DORA))).outcome == "refused"
    assert counter.ticket(ticket.id).draft is DraftState.DRAFTED
    await counter.does(other)
    assert counter.ticket(ticket.id).draft is DraftState.CHECKING


async def test_an_own_entry_takes_the_answer_from_above(counter: Counter) -> None:
    """Without words of its own the entry has the answer that was given; a failed check is shown with its questions."""
    ticket = await counter.asks()
    await counter.answers(ticket)
    await counter.drafts(ticket, topic="own")
    assert counter.ticket(ticket.id).draft_answer == REPLY
    assert "answer of your company" in reads(await counter.sees(ticket, ALICE))
    await counter.does(press(ALICE, await counter.sees(ticket, ALICE), Verb.DRAFT_RELEASE))
    counter.teaching.finish(ticket.id)
    assert said("handover.problem_phrasing", Lang.EN) in reads(await counter.sees(ticket, ALICE))
    dropped = await counter.does(press(DORA, await counter.sees(ticket, DORA), Verb.DRAFT_DISCARD))
    assert Verb.DRAFT_MAKE in verbs(shown(dropped))


async def test_without_an_overlay_nobody_is_offered_to_teach(counter: Counter) -> None:
    """Where no folder is set the answered card offers no draft, and a forced one says which setting is missing."""
    bare = Counter(room=counter.room, catalogue=counter.catalogue, overlay=None)
    ticket = await counter.asks()
    await counter.answers(ticket)
    offered = await counter.sees(ticket, DORA)
    assert Verb.DRAFT_MAKE in verbs(offered)
    assert Verb.DRAFT_MAKE not in verbs(await bare.sees(ticket, DORA))
    reply = await bare.does(press(DORA, offered, Verb.DRAFT_MAKE, topic="journal", phrasing="x", words=""))
    assert "catalogue.overlay" in reads(reply.card)


# -- the cards ---------------------------------------------------------------------------------------------------------


def a_ticket(words: str, *, right: str = "") -> Ticket:
    """Make a ticket."""
    kind = TicketKind.RIGHTS if right else TicketKind.QUESTION
    return open_ticket(number=12345, kind=kind, asker="p-1", lang="de", question=words, now=0, right=right)


@pytest.mark.parametrize("lang", Lang)
@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    words=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_QUESTION)
    | st.sampled_from("*\\\u3164").map(lambda char: char * LONGEST_QUESTION),
    reply=st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST_ANSWER)
    | st.sampled_from(["*", "\\", "\u3164", "a\n", "\\\n"]).map(lambda part: (part * LONGEST_ANSWER)[:LONGEST_ANSWER]),
)
def test_no_card_is_too_large_whatever_is_typed(counter: Counter, lang: Lang, words: str, reply: str) -> None:
    """The largest ticket fits: question, answer, every topic to choose from, in both languages."""
    topics = [(name, topic.title[lang]) for name, topic in counter.catalogue.topics.items()]
    answered = replace(a_ticket("x"), question=words, answer=reply or "x", state=TicketState.ANSWERED)
    own = draft(answered, by="p-2", topic="", question="x", answer="*" * LONGEST_ANSWER, now=0)
    own = replace(own, draft_question=words[:200], draft_answer=(reply + "*" * LONGEST_ANSWER)[:LONGEST_ANSWER])
    waiting = replace(a_ticket("x", right="15"), question=words)
    told = counter.room.desk.said[lang]
    for ticket in (answered, own, waiting, replace(own, answer="", question="")):
        view = Shown(
            ticket=ticket,
            press=lambda verb: {"id": "12345", "n": "a" * 25, "lang": verb.value[:2]},
            now=99 * DAY,
            topic=topics[0][1],
            topics=topics,
            note="pressed.stale",
        )
        for card in (officer_card(told, view), asker_card(told, view), draft_card(told, view)):
            assert len(json.dumps(card, ensure_ascii=False).encode("utf-16-le")) <= 2 * MAX_CARD_CHARS
    listed = list_card(told, [waiting] * 50, mine=False)
    assert len(json.dumps(listed, ensure_ascii=False)) <= MAX_CARD_CHARS


async def test_every_field_has_a_label_and_every_text_wraps(counter: Counter) -> None:
    """Screen readers hear what each field is for, and nothing is cut off, in both languages."""
    ticket = await counter.claims()
    question = await counter.asks()
    await counter.answers(question)
    for lang in Lang:
        viewer = replace(counter.room.viewer(DORA), lang=lang)
        made = [await counter.dialog.face(found.id, viewer) for found in (ticket, question)]
        for verb in (Verb.HAND_OVER, Verb.RIGHTS_FORM):
            turn = Turn(kind=TurnKind.ACTION, actor=EVE, conversation="c", verb=verb, data={}, place=chat_of(EVE))
            made.append(shown(await counter.does(turn, lang)))
        for card in made:
            assert card is not None
            assert card["lang"] == lang.value
            assert inputs(card)
            assert all(found["label"].strip() for found in inputs(card))
            texts = re.findall(r'"type": "TextBlock", "text": "(.*?)", "wrap": true', json.dumps(card))
            assert len(texts) == json.dumps(card).count('"TextBlock"')


def test_the_way_to_a_person_changes_no_answer(catalogue: Catalogue) -> None:
    """With people to hand over to, answers have more buttons and the same text; without, no button of it."""
    ways = {
        hands: AskDialog(
            catalogue=catalogue, texts=load_texts(), contact=Contact(), clarifying=load_corpus().clarifying,
            banner=False, hands_over=hands,
        )
        for hands in (True, False)
    }  # fmt: skip
    for topic in catalogue.topics.values():
        for aspect in ("", *topic.aspects):
            label = [Label(topic=topic.id, aspect=aspect)]
            cards = {hands: shown(dialog.answer(label, Lang.DE)) for hands, dialog in ways.items()}
            silent = topic.aspect(aspect).outcome == "not_in_terms"
            assert reads(cards[True]) == reads(cards[False])
            assert (Verb.HAND_OVER in verbs(cards[True])) == silent
            assert (Verb.RIGHTS_FORM in verbs(cards[True])) == (topic.id == "rights")
            assert not verbs(cards[False]) & {Verb.HAND_OVER, Verb.RIGHTS_FORM}
            disliked = shown(ways[True].answer(label, Lang.DE, thanked=False))
            assert Verb.HAND_OVER in verbs(disliked)


def test_a_viewer_without_a_name_is_no_asker(counter: Counter) -> None:
    """Nobody is taken for the asker because both are nameless."""
    ticket = replace(a_ticket("x"), asker="")
    viewer = Viewer(actor=GUEST, recipient="", place="a:guest", lang=Lang.EN)
    assert counter.dialog._drawn(ticket, viewer) is None
    assert counter.dialog._drawn(replace(ticket, asker="p-1"), replace(viewer, recipient="p-1")) is not None
