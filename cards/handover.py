"""The cards of the hand-over: the forms, a ticket as its asker, an officer or a channel sees it, drafts, and lists."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cards.elements import Card, Element, actions, card, container, escape, execute, facts, heading, subtle, text
from cards.parts import Said, button, choice_field, field
from cards.verbs import Verb
from data.catalogue.model import TERMS_VERSION
from data.desk.draft_steps import LONGEST_PHRASING, can_be_drafted
from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState
from data.desk.ticket_steps import KEPT_AFTER, LONGEST_ANSWER, LONGEST_QUESTION
from data.retention.instants import DAY, Instant

Press = Callable[[Verb], Mapping[str, Any]]
"""Gives the data of a sealed button."""
OWN_ENTRY = "own"
"""What is chosen instead of a topic to make an entry of its own."""
MOST_LISTED = 6
_EXCERPT = 400
"""Characters of a question that are shown where the card holds much else."""
_ROOM = 6000
"""Characters of JSON that an answer may take: all 2,000 of any that people write."""
_NARROW = 1500
"""The same for an answer that stands beside a draft."""
_MOST_LINES = 15
"""Paragraphs of a text that are shown as such; the rest follows in one."""

_STATES = {
    TicketState.OPEN: "handover.state_open",
    TicketState.TAKEN: "handover.state_taken",
    TicketState.ANSWERED: "handover.state_answered",
    TicketState.CLOSED: "handover.state_closed",
}
_DRAFTS = {
    DraftState.NONE: "handover.draft_none",
    DraftState.DRAFTED: "handover.draft_drafted",
    DraftState.CHECKING: "handover.draft_checking",
    DraftState.RELEASED: "handover.draft_released",
    DraftState.WITHDRAWING: "handover.draft_withdrawing",
    DraftState.DISCARDED: "handover.draft_discarded",
}
_PROBLEMS = {
    "overlay_unreadable": "handover.problem_unreadable",
    "overlay_unwritable": "handover.problem_unwritable",
    "no_overlay": "refused.no_overlay",
}
_RIGHTS = {
    "15": "handover.right_15",
    "16": "handover.right_16",
    "17": "handover.right_17",
    "18": "handover.right_18",
    "20": "handover.right_20",
    "21": "handover.right_21",
    "22": "handover.right_22",
}
_LANGUAGES = {"de": "handover.lang_de", "en": "handover.lang_en"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A ticket with what its card needs beside it."""

    ticket: Ticket
    press: Press
    now: Instant
    topic: str = ""
    """Title of the topic whose answer did not help."""
    taught: str = ""
    """Title of the topic that a draft gives a phrasing to; "" for an entry of its own."""
    topics: Sequence[tuple[str, str]] = ()
    """Ids and titles of what a phrasing can be given to; () where nothing can be taught."""
    note: str = ""
    """Key of a sentence that is said first."""
    drafter: bool = False
    """Whether the viewer wrote the draft, and so cannot release it."""

    @property
    def drafted(self) -> bool:
        """Tell whether there is a draft to be shown."""
        return self.ticket.draft not in {DraftState.NONE, DraftState.DISCARDED}


# -- forms ------------------------------------------------------------------------------------------------------------


def question_form(said: Said, press: Press, *, topic: str = "") -> Card:
    """Let somebody write what is sent on: exactly this and nothing else."""
    body = [
        heading(said("handover.form_title")),
        text(said("handover.form_body")),
        *([subtle(said("handover.form_topic", topic=topic))] if topic else []),
        field(
            "question",
            said("handover.form_field"),
            isMultiline=True,
            isRequired=True,
            errorMessage=said("handover.form_missing"),
            maxLength=LONGEST_QUESTION,
        ),
        subtle(_kept(said)),
        actions(
            [button(said("handover.form_send"), Verb.HAND_OVER_SEND, press(Verb.HAND_OVER_SEND), style="positive")]
        ),
    ]
    return _card(said, body, said("handover.form_title"))


def rights_form(said: Said, press: Press) -> Card:
    """Let somebody claim a right: which one, who receives it, who decides, and by when an answer is due."""
    body = [
        heading(said("handover.rights_title")),
        text(said("handover.rights_body")),
        text(said("handover.rights_deadline")),
        choice_field(
            "right",
            said("handover.rights_field"),
            [(right, said(key)) for right, key in _RIGHTS.items()],
        )
        | {"isRequired": True, "errorMessage": said("handover.rights_missing")},
        field("words", said("handover.rights_words"), isMultiline=True, maxLength=LONGEST_QUESTION),
        subtle(said("handover.rights_who", version=TERMS_VERSION)),
        subtle(_kept(said)),
        actions([button(said("handover.rights_send"), Verb.RIGHTS_ASK, press(Verb.RIGHTS_ASK), style="positive")]),
    ]
    return _card(said, body, said("handover.rights_title"))


# -- a ticket ---------------------------------------------------------------------------------------------------------


def asker_card(said: Said, shown: Shown) -> Card:
    """Show a ticket to whoever asked: its state, the own words, and the answer as soon as there is one."""
    ticket = shown.ticket
    mine = said("handover.mine_rights" if ticket.kind is TicketKind.RIGHTS else "handover.mine", number=ticket.id)
    body = [*_head(said, shown, mine), facts(_rows(said, ticket)), *_words(said, ticket), *_answer(said, ticket)]
    if ticket.waits:
        body.append(subtle(said("handover.mine_later")))
    elif ticket.state is TicketState.CLOSED and not ticket.answer and not ticket.forgotten:
        body.append(text(said("handover.closed_unanswered")))
    offered = []
    if ticket.state is not TicketState.CLOSED:
        label = said("handover.withdraw" if ticket.waits else "handover.settled")
        offered.append(button(label, Verb.TICKET_CLOSE, shown.press(Verb.TICKET_CLOSE)))
    offered.append(_list_button(said))
    return _card(said, [*body, actions(offered)], mine)


def officer_card(said: Said, shown: Shown) -> Card:
    """Show a ticket to a data protection officer, with all that can be done about it."""
    ticket = shown.ticket
    title = _title(said, ticket)
    rows = [*_rows(said, ticket), (said("handover.language"), said(_LANGUAGES[ticket.lang]))]
    if shown.topic:
        rows.append((said("handover.topic"), shown.topic))
    body = [*_head(said, shown, title), *_late(said, shown), facts(rows)]
    body += [*_words(said, ticket, longest=LONGEST_QUESTION if ticket.waits else _EXCERPT)]
    body += _answer(said, ticket, room=_NARROW if shown.drafted else _ROOM)
    offered = []
    if ticket.state is TicketState.OPEN:
        offered.append(button(said("handover.take"), Verb.TICKET_TAKE, shown.press(Verb.TICKET_TAKE)))
    if ticket.waits:
        body.append(field("answer", said("handover.answer_field"), isMultiline=True, maxLength=LONGEST_ANSWER))
        body.append(subtle(said("handover.answer_hint")))
        data = shown.press(Verb.TICKET_ANSWER)
        offered.insert(0, button(said("handover.answer_send"), Verb.TICKET_ANSWER, data, style="positive"))
    if ticket.state is not TicketState.CLOSED and not (ticket.waits and ticket.kind is TicketKind.RIGHTS):
        offered.append(button(said("handover.close"), Verb.TICKET_CLOSE, shown.press(Verb.TICKET_CLOSE)))
    offered.append(_list_button(said))
    body.append(actions(offered))
    return _card(said, [*body, *_teaching(said, shown)], title)


def draft_card(said: Said, shown: Shown) -> Card:
    """Show a draft to an admin: what is to be learnt, never the words of whoever asked."""
    title = said("handover.draft_title", number=shown.ticket.id)
    return _card(said, [*_head(said, shown, title), *_draft(said, shown)], title)


def brief_card(said: Said, shown: Shown) -> Card:
    """Show that there is a ticket and how it stands, without any words: where others read along."""
    title = _title(said, shown.ticket)
    body = [*_head(said, shown, title), *_late(said, shown), facts(_rows(said, shown.ticket))]
    return _card(said, [*body, subtle(said("handover.brief_hint"))], title)


def list_card(said: Said, tickets: Sequence[Ticket], *, mine: bool) -> Card:
    """List tickets, each with a button that shows it."""
    title = said("handover.list_mine" if mine else "handover.list_title")
    body: list[Element] = [heading(title)]
    if not tickets:
        body.append(text(said("handover.list_none")))
    for ticket in tickets[:MOST_LISTED]:
        state = said(_STATES[ticket.state])
        line = said("handover.list_line", title=_title(said, ticket), state=state, day=said.day(ticket.opened_at))
        if ticket.due_at is not None and ticket.waits:
            line += " · " + said("handover.list_due", day=said.day(ticket.due_at))
        show = execute(said("handover.show", number=ticket.id), Verb.TICKET_SHOW, _plain(said, ticket.id))
        body.append(container([text(line), actions([show])], separator=True))
    if len(tickets) > MOST_LISTED:
        body.append(subtle(said("handover.list_more", count=said.number(len(tickets) - MOST_LISTED))))
    return _card(said, body, title)


# -- what they are made of --------------------------------------------------------------------------------------------


def _card(said: Said, body: Iterable[Element], summary: str) -> Card:
    return card(said.texts, body, summary=summary, banner=said.banner)


def _kept(said: Said) -> str:
    return said("handover.form_kept", days=said.number(KEPT_AFTER // DAY))


def _title(said: Said, ticket: Ticket) -> str:
    return said("handover.rights" if ticket.kind is TicketKind.RIGHTS else "handover.question", number=ticket.id)


def _plain(said: Said, ticket_id: str) -> dict[str, str]:
    return {"id": ticket_id, "lang": said.texts.lang.value}


def _list_button(said: Said) -> Element:
    return execute(said("handover.list"), Verb.TICKET_LIST, _plain(said, "list"))


def _head(said: Said, shown: Shown, title: str) -> Iterable[Element]:
    if shown.note:
        yield container([text(said(shown.note))], style="warning")
    yield heading(title)


def _late(said: Said, shown: Shown) -> Iterable[Element]:
    due, waits = shown.ticket.due_at, shown.ticket.waits
    if due is not None and waits and shown.now > due:
        yield container([text(said("handover.overdue", day=said.day(due)), weight="Bolder")], style="attention")
    elif due is not None and waits:
        left = due - shown.now
        words = said("handover.due_in", days=said.days(left), day=said.day(due)) if left >= DAY else said(
            "handover.due_today", day=said.day(due)
        )  # fmt: skip
        yield text(words, weight="Bolder")


def _rows(said: Said, ticket: Ticket) -> list[tuple[str, str]]:
    rows = [
        (said("handover.state"), said(_STATES[ticket.state])),
        (said("handover.sent"), said.when(ticket.opened_at)),
    ]
    if ticket.right in _RIGHTS:
        rows.append((said("handover.right"), said(_RIGHTS[ticket.right])))
    if ticket.due_at is not None:
        rows.append((said("handover.due"), said.day(ticket.due_at)))
    return rows


def _words(said: Said, ticket: Ticket, *, longest: int = LONGEST_QUESTION) -> Iterable[Element]:
    if ticket.forgotten:
        yield subtle(said("handover.forgotten"))
    elif ticket.question:
        label = text(said("handover.words"), weight="Bolder", size="Small")
        yield container([label, text(escape(ticket.question, longest=longest))], style="emphasis")


def _answer(said: Said, ticket: Ticket, *, room: int = _ROOM) -> Iterable[Element]:
    if ticket.answer:
        yield text(said("handover.answer"), weight="Bolder")
        yield from _lines(ticket.answer, room=room)


def _lines(words: str, *, room: int = _ROOM) -> Iterable[Element]:
    """Show a text of several lines; what takes more room than the card has is cut, as a line of backslashes does."""
    taken = len(json.dumps(escape(words, longest=LONGEST_ANSWER), ensure_ascii=False))
    lines = words.splitlines()
    for line in (*lines[:_MOST_LINES], " ".join(lines[_MOST_LINES:])):
        if line:
            yield text(escape(line, longest=max(1, len(line) * min(room, taken) // taken)))


def _teaching(said: Said, shown: Shown) -> Iterable[Element]:
    """Offer to draft what the bot could learn from an answer, or show what became of the draft."""
    ticket = shown.ticket
    if shown.drafted:
        yield container(_draft(said, shown), separator=True)
    elif shown.topics and can_be_drafted(ticket):
        choices = [(OWN_ENTRY, said("handover.teach_own")), *shown.topics]
        yield container(
            [
                text(said("handover.teach_title"), weight="Bolder"),
                text(said("handover.teach_body")),
                choice_field("topic", said("handover.teach_topic"), choices, value=OWN_ENTRY),
                field(
                    "phrasing",
                    said("handover.teach_phrasing"),
                    value=ticket.question[:LONGEST_PHRASING],
                    maxLength=LONGEST_PHRASING,
                ),
                field("words", said("handover.teach_words"), isMultiline=True, maxLength=LONGEST_ANSWER),
                actions([button(said("handover.teach_make"), Verb.DRAFT_MAKE, shown.press(Verb.DRAFT_MAKE))]),
            ],
            separator=True,
        )


def _draft(said: Said, shown: Shown) -> Iterable[Element]:
    ticket = shown.ticket
    yield text(said("handover.draft"), weight="Bolder")
    yield text(said(_DRAFTS[ticket.draft]))
    if ticket.draft_problem:
        yield container([text(_problem(said, ticket.draft_problem))], style="warning")
    if ticket.draft_question:
        yield text(said("handover.draft_question", question=escape(ticket.draft_question)))
    if shown.taught:
        yield text(said("handover.draft_topic", topic=shown.taught))
    elif ticket.draft_answer:
        yield text(said("handover.draft_own"))
        if ticket.draft_answer != ticket.answer or not ticket.answer:
            yield container(_lines(ticket.draft_answer), style="emphasis")
    offered = list(_draft_buttons(said, shown))
    if offered:
        yield actions(offered)


def _draft_buttons(said: Said, shown: Shown) -> Iterable[Element]:
    state, press = shown.ticket.draft, shown.press
    if state is DraftState.DRAFTED and not shown.drafter:
        yield button(said("handover.release"), Verb.DRAFT_RELEASE, press(Verb.DRAFT_RELEASE), style="positive")
    if state is DraftState.DRAFTED:
        yield button(said("handover.discard"), Verb.DRAFT_DISCARD, press(Verb.DRAFT_DISCARD))
    if state is DraftState.RELEASED:
        yield button(said("handover.take_back"), Verb.DRAFT_DISCARD, press(Verb.DRAFT_DISCARD), style="destructive")


def _problem(said: Said, problem: str) -> str:
    if problem in _PROBLEMS:
        return said(_PROBLEMS[problem])
    first, _, rest = problem.partition(", ")
    if first != "phrasing":
        return said("handover.problem_questions", questions=escape(problem))
    own = said("handover.problem_phrasing")
    return f"{own} {said('handover.problem_questions', questions=escape(rest))}" if rest else own
