"""The steps of a ticket, pure: opened, taken, answered, reminded of, closed, forgotten.

A rights request is due one calendar month after it has come (Art. 12(3) GDPR). Reminders are level-based: what should
have been said by now, so that an outage loses none and brings no flood.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from data.desk.ticket import DraftState, Ticket, TicketKind, TicketState, TicketStep
from data.errors import RefusedError
from data.retention.instants import DAY, Instant, datetime_of, instant_of
from data.retention.words import one_line

RIGHTS: Final = ("15", "16", "17", "18", "20", "21", "22")
"""Articles of the GDPR that somebody can claim; Art. 19 is a duty that follows from three of them."""
REMIND_DAYS: Final = (14, 7, 2, 0)
"""Days before the due date on which the data protection officers are reminded; afterwards every day."""
QUESTION_EVERY: Final = 7 * DAY
"""How often they are reminded of a question that nobody has answered."""
CLOSES_AFTER: Final = 30 * DAY
"""An answered ticket that nobody closes is closed after this."""
KEPT_AFTER: Final = 90 * DAY
"""How long the words of a closed ticket are kept."""
LONGEST_QUESTION: Final = 1000
LONGEST_ANSWER: Final = 2000


def month_after(at: Instant) -> Instant:
    """Give the same time one calendar month later in UTC, on the month's last day where it has no such day."""
    moment = datetime_of(at)
    year, month = moment.year + moment.month // 12, moment.month % 12 + 1
    day = min(moment.day, monthrange(year, month)[1])
    return instant_of(moment.replace(year=year, month=month, day=day))


def open_ticket(
    *,
    number: int,
    kind: TicketKind,
    asker: str,
    lang: str,
    question: str,
    now: Instant,
    topic: str = "",
    right: str = "",
) -> Ticket:
    """Make a ticket; raises `RefusedError` for a question without words and for a right that nobody has."""
    words = one_line(question, most=LONGEST_QUESTION)
    if kind is TicketKind.QUESTION and not words:
        raise RefusedError("no_text", "a question needs words")
    if kind is TicketKind.RIGHTS and right not in RIGHTS:
        raise RefusedError("no_right", "there is no such right to claim")
    return Ticket(
        id=str(number),
        kind=kind,
        asker=asker,
        lang=lang,
        question=words,
        topic=topic[:80],
        right=right,
        due_at=month_after(now) if kind is TicketKind.RIGHTS else None,
        opened_at=now,
        changed_at=now,
        story=(TicketStep(what="opened", at=now, by=asker),),
    )


def take(ticket: Ticket, *, by: str, now: Instant) -> Ticket:
    """Let somebody work on it; raises `RefusedError` unless nobody does yet."""
    if ticket.state is TicketState.TAKEN:
        raise RefusedError("already_taken", "somebody works on it already")
    _check_waits(ticket)
    return _step(replace(ticket, state=TicketState.TAKEN), "taken", now, by)


def answer(ticket: Ticket, *, by: str, text: str, now: Instant) -> Ticket:
    """Answer it, whoever has taken it; raises `RefusedError` for an empty answer and for a second one."""
    _check_waits(ticket)
    words = paragraphs(text, most=LONGEST_ANSWER)
    if not words:
        raise RefusedError("no_text", "an answer needs words")
    return _step(replace(ticket, state=TicketState.ANSWERED, answer=words, answered_by=by), "answered", now, by)


def close(ticket: Ticket, *, by: str, now: Instant) -> Ticket:
    """Close it; raises `RefusedError` where it is closed, or where a rights request would end without an answer.

    Whoever does not act on a request has to say so and why (Art. 12(4) GDPR); only the asker may drop it.
    """
    if ticket.state is TicketState.CLOSED:
        raise RefusedError("ticket_closed", "it is closed already")
    if ticket.kind is TicketKind.RIGHTS and ticket.waits and by != ticket.asker:
        raise RefusedError("not_answered", "a rights request is closed with an answer only")
    return _step(replace(ticket, state=TicketState.CLOSED), "closed", now, by)


def reminder_due(ticket: Ticket, now: Instant) -> bool:
    """Tell whether the data protection officers should be reminded now: a stage has come since the last time."""
    latest = max(_stages(ticket, now), default=None)
    told = max((step.at for step in ticket.story if step.what == "reminded"), default=None)
    return latest is not None and (told is None or told < latest)


def remind(ticket: Ticket, now: Instant) -> Ticket:
    """Note that they are reminded."""
    return _step(ticket, "reminded", now, "system")


def closes_itself(ticket: Ticket, now: Instant) -> bool:
    """Tell whether it was answered so long ago that nobody will come back to it."""
    return ticket.state is TicketState.ANSWERED and now - _last(ticket, "answered") >= CLOSES_AFTER


def words_are_due(ticket: Ticket, now: Instant) -> bool:
    """Tell whether the words of a closed ticket have to go."""
    return ticket.state is TicketState.CLOSED and not ticket.forgotten and now - _last(ticket, "closed") >= KEPT_AFTER


def closed_for(ticket: Ticket, now: Instant) -> int:
    """Tell for how long nothing has happened to a closed ticket but the loss of its words; 0 for one that is open."""
    if ticket.state is not TicketState.CLOSED:
        return 0
    return now - max((step.at for step in ticket.story if step.what != "forgotten"), default=ticket.opened_at)


def forget(ticket: Ticket, *, now: Instant, by: str = "system") -> Ticket:
    """Drop asker's and answerer's words for good and close it; a draft that is not live goes with them.

    What was released stays: it is the company's own text, written to tell nothing of anybody.
    """
    live = ticket.draft in {DraftState.RELEASED, DraftState.WITHDRAWING}
    closed = ticket if ticket.state is TicketState.CLOSED else _step(ticket, "closed", now, by)
    bare = replace(closed, state=TicketState.CLOSED, question="", answer="", topic="")
    if not live:
        kept = DraftState.NONE if ticket.draft is DraftState.NONE else DraftState.DISCARDED
        bare = replace(bare, draft=kept, draft_question="", draft_answer="", draft_problem="")
    return _step(bare, "forgotten", now, by)


def paragraphs(text: str, *, most: int) -> str:
    """Give a text of several lines without empty ones and without what nobody sees; raises `RefusedError`."""
    lines = (one_line(line, most=most) for line in text.splitlines())
    return "\n".join(line for line in lines if line)[:most].rstrip()


def _check_waits(ticket: Ticket) -> None:
    if ticket.state is TicketState.CLOSED:
        raise RefusedError("ticket_closed", "it is closed already")
    if ticket.state is TicketState.ANSWERED:
        raise RefusedError("already_answered", "it is answered already")


def _stages(ticket: Ticket, now: Instant) -> Iterator[Instant]:
    """List the reminders that should have been given by now; of an endless series the last only."""
    if not ticket.waits:
        return
    if ticket.due_at is None:
        weeks = (now - ticket.opened_at) // QUESTION_EVERY
        if weeks > 0:
            yield ticket.opened_at + weeks * QUESTION_EVERY
        return
    yield from (at for days in REMIND_DAYS if ticket.opened_at < (at := ticket.due_at - days * DAY) <= now)
    if now > ticket.due_at:
        yield ticket.due_at + (now - ticket.due_at) // DAY * DAY


def _last(ticket: Ticket, what: str) -> Instant:
    return max((step.at for step in ticket.story if step.what == what), default=ticket.changed_at)


def _step(ticket: Ticket, what: str, now: Instant, by: str) -> Ticket:
    return replace(ticket, changed_at=now, story=(*ticket.story, TicketStep(what=what, at=now, by=by)))
