"""The steps of a draft, pure: an answered question becomes a lesson for the bot when a second person releases it."""

from dataclasses import replace
from typing import Final

from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState, TicketStep
from data.desk.ticket_steps import LONGEST_ANSWER, paragraphs
from data.errors import RefusedError
from data.retention.instants import Instant
from data.retention.words import one_line

LONGEST_PHRASING: Final = 200


def can_be_drafted(ticket: Ticket) -> bool:
    """Tell whether it may teach: a question that was answered, whose words are still there, without a draft."""
    answered = ticket.state in {TicketState.ANSWERED, TicketState.CLOSED} and bool(ticket.answer)
    return ticket.kind is TicketKind.QUESTION and answered and ticket.draft in {DraftState.NONE, DraftState.DISCARDED}


def draft(ticket: Ticket, *, by: str, topic: str, question: str, answer: str, now: Instant) -> Ticket:
    """Write a draft: a phrasing of a topic, or with topic "" an entry of its own; raises `RefusedError`."""
    if not can_be_drafted(ticket):
        raise RefusedError("draft_state", "no draft can be made of this ticket now")
    words = one_line(question, most=LONGEST_PHRASING)
    own = "" if topic else paragraphs(answer, most=LONGEST_ANSWER)
    if not words or not (topic or own):
        raise RefusedError("no_text", "a draft needs words")
    return _step(
        replace(
            ticket,
            draft=DraftState.DRAFTED,
            drafted_by=by,
            draft_topic=topic,
            draft_question=words,
            draft_answer=own,
            draft_problem="",
            released_by="",
        ),
        "drafted",
        now,
        by,
    )


def begin_release(ticket: Ticket, *, by: str, now: Instant) -> Ticket:
    """Let a second person release it, so that it is checked; raises `RefusedError`."""
    _check(ticket, DraftState.DRAFTED)
    if by == ticket.drafted_by:
        raise RefusedError("own_draft", "nobody releases a draft of their own")
    return _step(replace(ticket, draft=DraftState.CHECKING, released_by=by, draft_problem=""), "checking", now, by)


def fail(ticket: Ticket, *, problem: str, now: Instant) -> Ticket:
    """Put it back, because it could not be released or taken back; raises `RefusedError`."""
    _check(ticket, DraftState.CHECKING, DraftState.WITHDRAWING)
    back = DraftState.DRAFTED if ticket.draft is DraftState.CHECKING else DraftState.RELEASED
    return _step(replace(ticket, draft=back, draft_problem=problem[:200]), "failed", now, "system")


def released(ticket: Ticket, *, now: Instant) -> Ticket:
    """Note that it is live; raises `RefusedError`."""
    _check(ticket, DraftState.CHECKING)
    return _step(replace(ticket, draft=DraftState.RELEASED), "released", now, ticket.released_by)


def discard(ticket: Ticket, *, by: str, now: Instant) -> Ticket:
    """Drop a draft that was never live, whoever wrote it; raises `RefusedError`."""
    _check(ticket, DraftState.DRAFTED)
    return _step(replace(ticket, draft=DraftState.DISCARDED, draft_problem=""), "discarded", now, by)


def begin_withdrawal(ticket: Ticket, *, by: str, now: Instant) -> Ticket:
    """Begin to take a live lesson back: one person is enough for the safe direction; raises `RefusedError`."""
    _check(ticket, DraftState.RELEASED)
    return _step(replace(ticket, draft=DraftState.WITHDRAWING, draft_problem=""), "withdrawing", now, by)


def withdrawn(ticket: Ticket, *, now: Instant) -> Ticket:
    """Note that it is no longer live; raises `RefusedError`."""
    _check(ticket, DraftState.WITHDRAWING)
    bare = replace(ticket, draft_question="", draft_answer="") if ticket.forgotten else ticket
    return _step(replace(bare, draft=DraftState.DISCARDED), "discarded", now, "system")


def _check(ticket: Ticket, *states: DraftState) -> None:
    if ticket.draft not in states:
        raise RefusedError("draft_state", f"the draft is {ticket.draft}")


def _step(ticket: Ticket, what: str, now: Instant, by: str) -> Ticket:
    return replace(ticket, changed_at=now, story=(*ticket.story, TicketStep(what=what, at=now, by=by)))
