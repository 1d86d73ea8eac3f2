"""What the bot stores about one person, and forgetting it as far as its duties allow (security.md 6, SC-10).

The pseudonym stays in audit, requests and rules, so that the evidence holds; what goes is all that leads to a person:
who stands behind the pseudonym, where somebody can be written to, what was sent there, and the words of tickets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from data.access import Actor, Role
from data.desk.standing import StandingRule, StandingState
from data.desk.ticket import TicketKind, TicketState
from data.errors import RefusedError
from data.office.parts import OfficeParts
from data.purge.forgetting import open_requests_of, requests_of, unlink
from data.retention.canonical import digest_of
from data.retention.instants import Instant
from data.stores.interface import Person

ROLE: Final = "role"
REQUEST: Final = "request"
STANDING: Final = "standing"
"""Why somebody cannot be forgotten wholly now, in stable words."""

_ENDED: Final = frozenset({StandingState.STOPPED, StandingState.REJECTED, StandingState.REPLACED})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTicket:
    """One of somebody's tickets."""

    number: str
    kind: TicketKind
    state: TicketState
    words: bool
    """Whether the words are still kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Everything that is stored about one person, as counts, words and days."""

    pseudonym: str
    linked: bool
    """Whether it is stored who stands behind the pseudonym."""
    reachable: bool
    """Whether it is stored where the person can be written to."""
    used_at: Instant | None
    requests: int
    """Purges the person asked for or confirmed."""
    approvals: int
    holds: int
    alerts: int
    standing: int
    handled: int
    """Tickets of others that the person took, answered or drafted from."""
    tickets: tuple[KeptTicket, ...]
    """The person's own tickets, newest first."""
    deliveries: int
    roles: tuple[Role, ...]
    """Roles of this moment beyond that of an employee."""
    binds: tuple[str, ...]
    """Why the person cannot be unlinked now: `role`, `request`, `standing`; () if nothing does."""

    @property
    def forgettable(self) -> bool:
        """Tell whether forgetting would change anything."""
        words = any(ticket.words for ticket in self.tickets)
        sent = (self.reachable or self.deliveries > 0) and ROLE not in self.binds
        return words or sent or (self.linked and not self.binds)

    @property
    def face(self) -> str:
        """Give a stamp that changes with everything that forgetting would mean."""
        words = sorted(ticket.number for ticket in self.tickets if ticket.words)
        goes = {"linked": self.linked, "reachable": self.reachable, "words": words, "binds": sorted(self.binds)}
        return digest_of({**goes, "deliveries": self.deliveries})


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was forgotten, and why something stays."""

    words: int
    """Tickets that lost their words."""
    deliveries: int
    reference: bool
    linked: bool
    """Whether it was stored who stands behind the pseudonym, and is no more."""
    binds: tuple[str, ...]


def stored_about(parts: OfficeParts, actor: Actor) -> Stored:
    """Collect what is stored about somebody, changing nothing; raises `RefusedError` for nobody in particular."""
    if not actor.object_id:
        raise RefusedError("nobody", "somebody without an id has nothing stored here")
    name = parts.engine.people.name(actor)
    desk, stores = parts.desk, parts.engine.stores
    reference = desk.references.find(name)
    requests = requests_of(parts.engine, name)
    tickets = sorted(desk.tickets.all(), key=lambda ticket: int(ticket.id), reverse=True)
    roles = _roles(parts, actor, name)
    return Stored(
        pseudonym=name,
        linked=stores.people.find(name) is not None,
        reachable=reference is not None,
        used_at=reference.used_at if reference else None,
        requests=sum(name in {request.requester, request.confirmed_by} for request in requests),
        approvals=sum(approval.by == name for request in requests for approval in request.approvals),
        holds=sum(name in {hold.placed_by, hold.release_asked_by, hold.released_by} for hold in stores.holds.all()),
        alerts=sum(any(step.by == name for step in alert.story) for alert in desk.alerts.all()),
        standing=sum(name in _people_of(rule) for rule in desk.standing.all()),
        handled=sum(
            ticket.asker != name
            and name in {ticket.answered_by, ticket.drafted_by, *(step.by for step in ticket.story)}
            for ticket in tickets
        ),
        tickets=tuple(
            KeptTicket(number=ticket.id, kind=ticket.kind, state=ticket.state, words=bool(ticket.question))
            for ticket in tickets
            if ticket.asker == name
        ),
        deliveries=sum(delivery.recipient == name for delivery in desk.deliveries.all()),
        roles=roles,
        binds=_binds(parts, name, roles),
    )  # fmt: skip


def forget_all(
    parts: OfficeParts, actor: Actor, *, forget_words: Callable[[str], int], cut_logs: Callable[[], None]
) -> Forgotten:
    """Forget somebody as far as that can be done now; may be repeated, also after a crash in between.

    `forget_words` takes the words out of somebody's tickets and tells in how many; `cut_logs` makes the hashes of the
    logs meaningless. Who holds a role stays linked and reachable, because alerts must arrive and roles are checked
    again at execution; who is part of an open request or a rule that is not ended stays linked until it is.
    Raises `RefusedError` for nobody in particular, `StateError`.
    """
    before = stored_about(parts, actor)
    name, binds = before.pseudonym, before.binds
    recorded = {"stays": " ".join(binds), "tickets": len(before.tickets), "deliveries": before.deliveries}
    parts.engine.audit.append("person.forgotten", name, name, recorded)
    words = forget_words(name)
    deliveries, reference = (0, False) if ROLE in binds else _unreach(parts, name)
    parts.desk.tickets.scrub()  # the generation before must not keep the words either
    linked = not binds and unlink(parts.engine, name)
    cut_logs()
    return Forgotten(words=words, deliveries=deliveries, reference=reference, linked=linked, binds=binds)


def _unreach(parts: OfficeParts, name: str) -> tuple[int, bool]:
    desk = parts.desk
    sent = [delivery.id for delivery in desk.deliveries.all() if delivery.recipient == name]
    return sum(map(desk.deliveries.remove, sent)), desk.references.remove(name)


def _roles(parts: OfficeParts, actor: Actor, name: str) -> tuple[Role, ...]:
    person = Person(pseudonym=name, tenant_id=actor.tenant_id, object_id=actor.object_id)
    held = parts.engine.roles_of(person) - {Role.EMPLOYEE}
    return tuple(role for role in Role if role in held)


def _binds(parts: OfficeParts, name: str, roles: tuple[Role, ...]) -> tuple[str, ...]:
    rules = (rule for rule in parts.desk.standing.all() if rule.state not in _ENDED)
    found = {
        ROLE: bool(roles),
        REQUEST: bool(open_requests_of(parts.engine, name)),
        STANDING: any(name in _people_of(rule) for rule in rules),
    }
    return tuple(word for word, true in found.items() if true)


def _people_of(rule: StandingRule) -> frozenset[str]:
    steps = (step.by for step in rule.story)
    return frozenset({rule.proposed_by, rule.approved_by, rule.acknowledged_by, rule.stop_asked_by, *steps})
