"""A ticket: a question the bot could not answer, or a request under Art. 15-22 GDPR, on its way to a person and back.

The asker's words are kept because the asker has sent them on with a click; they go when the ticket is forgotten.
The steps stand in `ticket_steps.py`.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.retention.instants import Instant


@unique
class TicketKind(StrEnum):
    """What somebody wants."""

    QUESTION = "question"
    RIGHTS = "rights"
    """A request of a data subject: to be answered within one month (Art. 12(3) GDPR)."""


@unique
class TicketState(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    TAKEN = "taken"
    """A data protection officer works on it."""
    ANSWERED = "answered"
    CLOSED = "closed"


@unique
class DraftState(StrEnum):
    """What became of the draft that teaches the bot."""

    NONE = "none"
    DRAFTED = "drafted"
    CHECKING = "checking"
    """Released by a second person; held against the validation questions before it is live."""
    RELEASED = "released"
    WITHDRAWING = "withdrawing"
    """Live, and being taken back."""
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketStep:
    """One line of a ticket's story."""

    what: str
    """A stable word: opened, taken, answered, reminded, drafted, checking, failed, released, withdrawing, discarded,
    closed, forgotten."""
    at: Instant
    by: str = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One numbered ticket; people are pseudonyms."""

    id: str
    """Its number, decimal."""
    kind: TicketKind
    asker: str
    lang: str
    question: str
    """The asker's words; "" once they are forgotten."""
    topic: str = ""
    """Topic and aspect of the answer that did not help, if there was one."""
    right: str = ""
    """Article of the right that is claimed: "15" to "22"."""
    due_at: Instant | None = None
    state: TicketState = TicketState.OPEN
    answer: str = ""
    answered_by: str = ""
    draft: DraftState = DraftState.NONE
    drafted_by: str = ""
    draft_topic: str = ""
    """Topic that the question is a phrasing of; "" makes the answer an entry of its own."""
    draft_question: str = ""
    """The question as it is to be learnt, written by the drafter so that it tells nothing of anybody."""
    draft_answer: str = ""
    """The answer of an entry of its own; "" for a phrasing."""
    draft_problem: str = ""
    """Why the draft could not be released, in stable words or ids of questions; "" if nothing is known against it."""
    released_by: str = ""
    opened_at: Instant
    changed_at: Instant
    story: tuple[TicketStep, ...] = ()
    version: int = 0

    @property
    def forgotten(self) -> bool:
        """Tell whether the words of asker and answer are gone for good."""
        return any(step.what == "forgotten" for step in self.story)

    @property
    def waits(self) -> bool:
        """Tell whether the asker still waits for an answer."""
        return self.state in {TicketState.OPEN, TicketState.TAKEN}

    @property
    def face(self) -> str:
        """Give a stamp that changes with everything its card shows."""
        return f"{self.state}-{self.draft}-{len(self.story)}"
