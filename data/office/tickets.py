"""The tickets of the office: questions on their way to a person and back, and requests of data subjects."""

from data.access import Actor
from data.desk.ticket import Ticket
from data.labels import Lang
from data.office.parts import OfficeParts
from data.retention.instants import Instant


class TicketService:
    """The steps of tickets; the audit records that they happened, never what was said."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts

    def all(self) -> tuple[Ticket, ...]:
        """List all tickets, oldest number first."""
        return tuple(sorted(self._parts.desk.tickets.all(), key=lambda ticket: int(ticket.id)))

    def get(self, ticket_id: str) -> Ticket:
        """Give a ticket; raises `UnknownError`."""
        return self._parts.desk.tickets.get(ticket_id)

    def ask(self, actor: Actor, lang: Lang, question: str, *, topic: str) -> Ticket:
        """Send a question on; raises `RefusedError`."""
        raise NotImplementedError

    def claim(self, actor: Actor, lang: Lang, words: str, *, right: str) -> Ticket:
        """Claim a right under Art. 15-22 GDPR; raises `RefusedError`."""
        raise NotImplementedError

    def review(self, now: Instant) -> tuple[Ticket, ...]:
        """Remind of tickets whose day comes near; gives those that changed."""
        raise NotImplementedError

    def forget(self, pseudonym: str) -> int:
        """Forget somebody's words in every ticket; tells in how many."""
        raise NotImplementedError
