"""The tickets of the office: questions on their way to a person and back, and requests of data subjects."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock

from data.access import Actor, Permission
from data.desk.delivery import DPO_CHANNEL, Want
from data.desk.ticket import DraftState, Ticket, TicketKind
from data.desk.ticket_steps import (
    answer,
    close,
    closes_itself,
    forget,
    open_ticket,
    remind,
    reminder_due,
    take,
    words_are_due,
)
from data.errors import ConflictError, RefusedError, UnknownError
from data.labels import Lang
from data.office.parts import OfficeParts, RoleHolders
from data.retention.instants import Instant

MOST_WAITING = 20
"""Tickets of each kind that one person may have waiting."""


class TicketService:
    """The steps of tickets; the audit records that they happened, never what was said."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts
        self._numbers = Lock()

    def all(self) -> tuple[Ticket, ...]:
        """List all tickets, oldest number first."""
        return tuple(sorted(self._parts.desk.tickets.all(), key=lambda ticket: int(ticket.id)))

    def get(self, ticket_id: str) -> Ticket:
        """Give a ticket; raises `UnknownError`."""
        return self._parts.desk.tickets.get(ticket_id)

    def of(self, pseudonym: str) -> tuple[Ticket, ...]:
        """List the tickets of an asker, oldest number first."""
        return tuple(ticket for ticket in self.all() if ticket.asker == pseudonym)

    def ask(self, actor: Actor, lang: Lang, question: str, *, topic: str) -> Ticket:
        """Send a question on; raises `RefusedError`."""
        asker = self._parts.engine.people.of(actor)
        return self._open(
            lambda number, now: open_ticket(
                number=number, kind=TicketKind.QUESTION, asker=asker, lang=lang, question=question, now=now, topic=topic
            )
        )

    def claim(self, actor: Actor, lang: Lang, words: str, *, right: str) -> Ticket:
        """Claim a right under Art. 15-22 GDPR; raises `RefusedError`."""
        asker = self._parts.engine.people.of(actor)
        return self._open(
            lambda number, now: open_ticket(
                number=number, kind=TicketKind.RIGHTS, asker=asker, lang=lang, question=words, now=now, right=right
            )
        )

    def take(self, actor: Actor, ticket_id: str) -> Ticket:
        """Begin to work on one; raises `RefusedError`, `UnknownError`."""
        by = self._officer(actor)
        return self._change(take(self.get(ticket_id), by=by, now=self._now()), "ticket.taken", by)

    def answer(self, actor: Actor, ticket_id: str, text: str) -> Ticket:
        """Answer one, so that the asker reads it; raises `RefusedError`, `UnknownError`."""
        by = self._officer(actor)
        return self._change(answer(self.get(ticket_id), by=by, text=text, now=self._now()), "ticket.answered", by)

    def close(self, actor: Actor, ticket_id: str) -> Ticket:
        """Close one as its asker or as a data protection officer; raises `RefusedError`, `UnknownError`."""
        ticket, by = self.get(ticket_id), self._parts.engine.people.of(actor)
        if by != ticket.asker and not actor.may(Permission.HANDLE_TICKET):
            raise UnknownError(f"there is no ticket {ticket_id!r}")  # somebody else's ticket is nobody's business
        return self._change(close(ticket, by=by, now=self._now()), "ticket.closed", by)

    def review(self, now: Instant) -> tuple[Ticket, ...]:
        """Remind of tickets whose day comes near, close answered ones, drop old words; gives those that changed."""
        changed: list[Ticket] = []
        for ticket in self.all():
            for is_due, step, kind in _REVIEWS:
                if is_due(ticket, now):
                    with suppress(ConflictError):  # somebody is changing it just now; the next review looks again
                        changed.append(self._change(step(ticket, now), kind, "system"))
                    break
        return tuple(changed)

    def forget(self, pseudonym: str) -> int:
        """Forget somebody's words in every ticket; tells in how many. What was still open is closed with it."""
        found = [ticket for ticket in self.of(pseudonym) if not ticket.forgotten]
        for ticket in found:
            self._change(forget(ticket, now=self._now(), by=pseudonym), "ticket.forgotten", pseudonym)
        return len(found)

    def _open(self, make: Callable[[int, Instant], Ticket]) -> Ticket:
        with self._numbers:
            tickets = self.all()
            ticket = make(int(tickets[-1].id) + 1 if tickets else 1, self._now())
            waiting = sum(t.asker == ticket.asker and t.kind is ticket.kind and t.waits for t in tickets)
            if waiting >= MOST_WAITING:
                raise RefusedError("too_many_tickets", f"{waiting} tickets of this person are waiting already")
            self._record("ticket.opened", ticket.asker, ticket)
            return self._parts.desk.tickets.add(ticket)

    def _change(self, ticket: Ticket, kind: str, by: str) -> Ticket:
        self._record(kind, by, ticket)
        return self._parts.desk.tickets.replace(ticket)

    def _record(self, kind: str, by: str, ticket: Ticket) -> None:
        self._parts.engine.audit.append(kind, by, ticket.id, {"kind": ticket.kind.value})

    def _officer(self, actor: Actor) -> str:
        if not actor.may(Permission.HANDLE_TICKET):
            raise RefusedError("not_allowed", "your role does not allow this")
        return self._parts.engine.people.of(actor)

    def _now(self) -> Instant:
        return self._parts.engine.guard.now()


_REVIEWS = (
    (words_are_due, lambda ticket, now: forget(ticket, now=now), "ticket.forgotten"),
    (closes_itself, lambda ticket, now: close(ticket, by="system", now=now), "ticket.closed"),
    (reminder_due, remind, "ticket.reminded"),
)
"""What a review looks for, what it does then, and how the audit calls it."""


def wants_of_ticket(ticket: Ticket, holders: RoleHolders, channels: Iterable[str]) -> tuple[Want, ...]:
    """Tell who should have which card of a ticket.

    All data protection officers have it, and hear of it anew with each reminder and draft; where there are none, the
    admins. The asker hears of the answer, and of an end that somebody else has put to it. Admins see drafts, which they
    may release. The channel of the officers is told of a rights request that has to be reminded of, without any words.
    """
    subject, urgent = f"ticket/{ticket.id}", ticket.kind is TicketKind.RIGHTS

    def want(recipient: str, *loud: str, ended: int = 0) -> Want:
        calls = sum(step.what in loud for step in ticket.story) + ended
        return Want(subject=subject, recipient=recipient, post=f"{calls}", shown=ticket.face, urgent=urgent)

    officers = holders.dpos or holders.admins
    found = {name: want(name, "opened", "reminded", "drafted") for name in officers}
    if ticket.draft is not DraftState.NONE:
        found |= {name: want(name, "drafted") for name in holders.admins if name not in found}
    if urgent and DPO_CHANNEL in channels and any(step.what == "reminded" for step in ticket.story):
        found[DPO_CHANNEL] = want(DPO_CHANNEL, "reminded")
    left = any(step.what == "forgotten" and step.by == ticket.asker for step in ticket.story)
    if ticket.asker in found:
        found[ticket.asker] = want(ticket.asker, "opened", "reminded", "drafted", "answered")
    elif not left:
        ended = sum(step.what == "closed" and step.by not in {ticket.asker, "system"} for step in ticket.story)
        found[ticket.asker] = want(ticket.asker, "opened", "answered", ended=ended)
    return tuple(found.values())
