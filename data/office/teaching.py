"""Teaching: an answer of a data protection officer becomes something the bot knows, once a second person releases it.

A release changes the operator's overlay, so it is tried first: the bot as it would be answers all validation questions
and the new phrasing. Only then the file is put in place, and the bot goes on with what it has learnt.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from data.access import Actor, Permission
from data.desk.draft_steps import begin_release, begin_withdrawal, discard, draft, fail, released, withdrawn
from data.desk.ticket import DraftState, Ticket
from data.errors import CatalogueError, ConflictError, RefusedError, UnknownError
from data.knowledge import Knowledge
from data.labels import Lang, Outcome
from data.office.overlay import (
    Change,
    apply_change,
    staged,
    with_entry,
    with_phrasing,
    without_entry,
    without_phrasing,
)
from data.office.parts import OfficeParts
from data.questions.validation import Ask, Question, judge_all, made_worse
from data.retention.instants import Instant

LONGEST_TITLE = 100
_ANSWERS = frozenset({Outcome.ANSWER, Outcome.NOT_IN_TERMS})


class Releases(Protocol):
    """Long work in the background: `TeachingService.finish`; asked from the event loop, never blocks it."""

    def finish(self, ticket_id: str) -> None:
        """Check and release, or take back, what somebody has asked for; half a minute and more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TeachingParts:
    """Everything that teaching works with."""

    office: OfficeParts
    overlay: Path | None
    """The operator's folder; None where there is none, and nothing can be taught."""
    work: Path
    """A folder of the bot's own, where a release is tried."""
    load: Callable[[Path, Path], Knowledge]
    """Loads the knowledge with an overlay; a model it has to train lies in the second folder afterwards."""
    asker: Callable[[Knowledge], Ask]
    """Builds what answers questions exactly as the bot would with this knowledge."""
    present: Callable[[], Knowledge]
    """Gives what the bot knows now."""
    swap: Callable[[Knowledge], None]
    """Lets the bot go on with another knowledge at once."""
    questions: Callable[[], Sequence[Question]]
    """Gives the validation questions."""
    plain: Callable[[str], str]
    """Makes words that somebody typed harmless where catalogue texts may hold links and formats."""
    model: Path | None = None
    """Where a trained model is looked for at the next start."""


class TeachingService:
    """The steps of drafts; each is in the audit before it is stored."""

    def __init__(self, parts: TeachingParts) -> None:
        self._parts = parts
        self._one = Lock()
        """One release at a time: the next one is tried on top of it."""

    @property
    def possible(self) -> bool:
        """Tell whether there is an overlay to write to."""
        return self._parts.overlay is not None

    def unfinished(self) -> tuple[str, ...]:
        """List the tickets whose release or withdrawal has begun: after a restart they are to be finished."""
        under_way = {DraftState.CHECKING, DraftState.WITHDRAWING}
        return tuple(ticket.id for ticket in self._parts.office.desk.tickets.all() if ticket.draft in under_way)

    def draft(self, actor: Actor, ticket_id: str, *, topic: str, question: str, answer: str) -> Ticket:
        """Draft a phrasing of a topic, or with topic "" an entry of its own; raises `RefusedError`, `UnknownError`."""
        by = self._allowed(actor, Permission.HANDLE_TICKET)
        if topic and topic not in self._parts.present().catalogue.topics:
            raise UnknownError("there is no such topic")
        ticket = self._get(ticket_id)
        step = draft(ticket, by=by, topic=topic, question=question, answer=answer, now=self._now())
        return self._change(step, "teaching.drafted", by)

    def release(self, actor: Actor, ticket_id: str) -> Ticket:
        """Say as a second person that a draft may become live, so that `finish` checks it; raises `RefusedError`."""
        by = self._allowed(actor, Permission.RELEASE_DRAFT)
        return self._change(begin_release(self._get(ticket_id), by=by, now=self._now()), "teaching.checking", by)

    def discard(self, actor: Actor, ticket_id: str) -> Ticket:
        """Drop a draft, or let `finish` take back what is live; raises `RefusedError`, `UnknownError`."""
        by = self._allowed(actor, Permission.RELEASE_DRAFT)
        ticket = self._get(ticket_id)
        if ticket.draft is DraftState.RELEASED:
            return self._change(begin_withdrawal(ticket, by=by, now=self._now()), "teaching.withdrawing", by)
        return self._change(discard(ticket, by=by, now=self._now()), "teaching.discarded", by)

    def finish(self, ticket_id: str) -> Ticket:
        """Do what `release` or `discard` has begun; a problem goes back to the draft. Once more is no change.

        Takes as long as training: call it in the background. Raises `StateError`, `UnknownError`.
        """
        with self._one:
            ticket = self._get(ticket_id)
            if ticket.draft not in {DraftState.CHECKING, DraftState.WITHDRAWING}:
                return ticket
            try:
                self._make_live(ticket)
            except RefusedError as error:
                problem = str(error) if error.reason == "validation_failed" else error.reason
            except CatalogueError:
                problem = "overlay_unreadable"
            except OSError:
                problem = "overlay_unwritable"
            else:
                done = released if ticket.draft is DraftState.CHECKING else withdrawn
                return self._store(ticket_id, lambda found: done(found, now=self._now()))
            self._record("teaching.failed", "system", ticket, {})
            return self._store(ticket_id, lambda found: fail(found, problem=problem, now=self._now()))

    def check(self, ticket: Ticket, knowledge: Knowledge) -> None:
        """Hold what the bot would know against the validation questions and the new phrasing.

        Raises `RefusedError("validation_failed")` that names the questions.
        """
        parts = self._parts
        questions = parts.questions()
        ask = parts.asker(knowledge)
        bad = list(made_worse(judge_all(questions, parts.asker(parts.present())), judge_all(questions, ask)))
        got = ask({"turns": [ticket.draft_question], "role": "employee"})
        if got["outcome"] not in _ANSWERS or list(got["topics"])[:1] != [topic_of(ticket)]:
            bad.insert(0, "phrasing")
        if bad:
            raise RefusedError("validation_failed", ", ".join(bad))

    def _make_live(self, ticket: Ticket) -> None:
        parts, overlay = self._parts, self._overlay()
        teaches = ticket.draft is DraftState.CHECKING
        change = self._change_for(ticket, overlay)
        with staged(overlay, change, work=parts.work) as copy:
            knowledge = parts.load(copy, copy.parent)
            if teaches:
                self.check(ticket, knowledge)
            if self._get(ticket.id).draft is not ticket.draft:
                raise RefusedError("draft_state", "the ticket was forgotten meanwhile")
            kind, by = ("teaching.released", ticket.released_by) if teaches else ("teaching.withdrawn", "system")
            self._record(kind, by, ticket, {"digest": change.digest})
            apply_change(overlay, change)
            if parts.model is not None:
                with suppress(OSError):  # without it the next start trains once more
                    (copy.parent / "model.npz").replace(parts.model)
        parts.swap(knowledge)

    def _change_for(self, ticket: Ticket, overlay: Path) -> Change:
        topic, teaches = topic_of(ticket), ticket.draft is DraftState.CHECKING
        if ticket.draft_topic:
            change = with_phrasing if teaches else without_phrasing
            return change(overlay, topic, ticket.lang, ticket.draft_question)
        return with_entry(overlay, topic, self._entry(ticket)) if teaches else without_entry(overlay, topic)

    def _entry(self, ticket: Ticket) -> Mapping[str, Any]:
        """Write an entry that is shown as an answer of the operator's own; both languages have the same words."""
        title = self._parts.plain(ticket.draft_question[:LONGEST_TITLE])
        words = "\n\n".join(self._parts.plain(line) for line in ticket.draft_answer.splitlines())
        return {
            "group": "own",
            "outcome": Outcome.ANSWER.value,
            "title": {lang.value: title for lang in Lang},
            "answer": {lang.value: words for lang in Lang},
            "phrasings": {ticket.lang: [ticket.draft_question]},
        }

    def _overlay(self) -> Path:
        if self._parts.overlay is None:
            raise RefusedError("no_overlay", "catalogue.overlay names no folder")
        return self._parts.overlay

    def _allowed(self, actor: Actor, permission: Permission) -> str:
        if not actor.may(permission):
            raise RefusedError("not_allowed", "your role does not allow this")
        self._overlay()
        return self._parts.office.engine.people.of(actor)

    def _store(self, ticket_id: str, step: Callable[[Ticket], Ticket]) -> Ticket:
        """Store the last step, whatever else was changed meanwhile; a ticket that was forgotten keeps its state."""
        while True:
            try:
                return self._parts.office.desk.tickets.replace(step(self._get(ticket_id)))
            except ConflictError:
                continue
            except RefusedError:
                return self._get(ticket_id)

    def _change(self, ticket: Ticket, kind: str, by: str) -> Ticket:
        self._record(kind, by, ticket, {})
        return self._parts.office.desk.tickets.replace(ticket)

    def _record(self, kind: str, by: str, ticket: Ticket, data: Mapping[str, object]) -> None:
        what = "phrasing" if ticket.draft_topic else "entry"
        self._parts.office.engine.audit.append(kind, by, ticket.id, {"what": what, **data})

    def _get(self, ticket_id: str) -> Ticket:
        return self._parts.office.desk.tickets.get(ticket_id)

    def _now(self) -> Instant:
        return self._parts.office.engine.guard.now()


def topic_of(ticket: Ticket) -> str:
    """Give the id of the topic that a draft teaches."""
    return ticket.draft_topic or f"own_{ticket.id}"
