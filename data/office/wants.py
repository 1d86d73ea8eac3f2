"""Whom each thing concerns, and what their cards should show by now: recomputed from the stores, so nothing is lost."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from data.desk.alert import AlertState
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL, Delivery, Want, delivery_id
from data.desk.ticket_steps import closed_for
from data.office.audience import wants_of_alert
from data.office.parts import Doing, OfficeParts, RoleHolders
from data.office.standing import wants_of_standing
from data.office.tickets import wants_of_ticket
from data.retention.hold import Hold
from data.retention.instants import DAY, Instant
from data.retention.request import CLOSED, PurgeRequest, State
from data.stores.common import V

SEEN = "seen"
"""Stamp of a card that somebody asked for himself."""
TOLD_FOR = 7 * DAY
"""How long after its end a request or ticket is still told: whoever could not be reached before is told late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One subject: what its card shows now, and who should have it."""

    subject: str
    face: str
    wants: tuple[Want, ...]


def all_wants(parts: OfficeParts, now: Instant, doing: Mapping[str, Doing], *, newest: int = 200) -> list[Want]:
    """Give everything that should have arrived by now; whoever has a subject's card sees each change of it."""
    having: dict[str, list[Delivery]] = {}
    for delivery in parts.desk.deliveries.all():
        having.setdefault(delivery.subject, []).append(delivery)
    found: list[Want] = []
    for shown in subjects(parts, now, doing, newest=newest):
        found += shown.wants
        told = {want.recipient for want in shown.wants}
        found += [
            Want(subject=had.subject, recipient=had.recipient, post=had.post, shown=shown.face, urgent=had.urgent)
            for had in having.get(shown.subject, ())
            if had.recipient not in told
        ]
    return found


def subjects(
    parts: OfficeParts, now: Instant, doing: Mapping[str, Doing], *, newest: int = 200, only: str = ""
) -> Iterator[Shown]:
    """Walk through everything that has a card, or look at the one subject that is named."""
    holders, rooms = parts.holders(), parts.channels
    for request in _of("request", parts.engine.stores.requests.newest(most=newest), only):
        if request.state not in CLOSED or now - request.story[-1].at <= TOLD_FOR:
            under_way = doing.get(request.id)
            wants = wants_of_request(request, holders, rooms, under_way)
            yield Shown(subject=f"request/{request.id}", face=request_face(request, under_way), wants=wants)
    for hold in _of("hold", parts.engine.stores.holds.all(), only):
        yield Shown(subject=f"hold/{hold.id}", face=f"{hold.version}", wants=wants_of_hold(hold, holders, rooms))
    for alert in _of("alert", parts.desk.alerts.all(), only):
        # What is settled changes where it was told, and is news to nobody else.
        told = () if alert.state is AlertState.RESOLVED else wants_of_alert(alert, holders, rooms)
        yield Shown(subject=f"alert/{alert.id}", face=alert.face, wants=told)
    for ticket in _of("ticket", parts.desk.tickets.all(), only):
        # A closed one stays for its number only; told anew, it would come again whenever its deliveries are tidied.
        news = () if closed_for(ticket, now) > TOLD_FOR else wants_of_ticket(ticket, holders, rooms)
        yield Shown(subject=f"ticket/{ticket.id}", face=ticket.face, wants=news)
    for rule in _of("standing", parts.desk.standing.all(), only):
        yield Shown(subject=f"standing/{rule.id}", face=rule.face, wants=wants_of_standing(rule, holders, now))


def _of(kind: str, values: Iterable[V], only: str) -> Iterable[V]:
    """Give all values of a kind or, where one subject is named, that one: nothing is worked out of the others."""
    return (value for value in values if f"{kind}/{value.id}" == only) if only else values


def still_wanted(parts: OfficeParts, now: Instant) -> frozenset[str]:
    """Give the ids of the deliveries that would be wanted anew if they were not there any more."""
    shown = (want for found in subjects(parts, now, {}) for want in found.wants)
    return frozenset(delivery_id(want.subject, want.recipient) for want in shown)


def stamps_of(parts: OfficeParts, now: Instant, subject: str, recipient: str) -> tuple[str, str]:
    """Give the stamps of message and card that a recipient has who has just seen a subject's card as a reply."""
    for shown in subjects(parts, now, {}, only=subject):
        if shown.subject == subject:
            post = next((want.post for want in shown.wants if want.recipient == recipient), SEEN)
            face = next((want.shown for want in shown.wants if want.recipient == recipient), shown.face)
            return post, face
    return SEEN, ""


def wants_of_request(
    request: PurgeRequest, holders: RoleHolders, channels: frozenset[str], doing: Doing | None = None
) -> tuple[Want, ...]:
    """Give who should see a request: its requester; once it was confirmed, everybody who may approve it."""
    face = request_face(request, doing)
    subject, ended = f"request/{request.id}", request.state in CLOSED
    people = dict.fromkeys((*holders.admins, *holders.dpos))
    found: list[Want] = []
    if request.requester in people or request.requester.startswith("p-"):
        found.append(Want(subject=subject, recipient=request.requester, post="ended" if ended else "live", shown=face))
    asked = any(step.state is State.AWAITING_SECOND for step in request.story)
    alone = request.break_glass or request.by_rule
    if asked or (alone and ended and request.verdict):  # a rule that found nothing to do is no news
        others = [name for name in people if name != request.requester]
        rooms = [room for room in (ADMIN_CHANNEL, DPO_CHANNEL if alone else "") if room in channels]
        found += [Want(subject=subject, recipient=name, post="asked", shown=face) for name in (*others, *rooms)]
    return tuple(found)


def wants_of_hold(hold: Hold, holders: RoleHolders, channels: frozenset[str]) -> tuple[Want, ...]:
    """Give who should see a hold: everybody who may release it, once somebody has asked for that."""
    if not hold.active or not hold.release_asked_by:
        return ()
    people = dict.fromkeys((*holders.dpos, *holders.admins))
    others = [name for name in people if name != hold.release_asked_by]
    rooms = [room for room in (DPO_CHANNEL,) if room in channels]
    subject = f"hold/{hold.id}"
    return tuple(
        Want(subject=subject, recipient=name, post="asked", shown=f"{hold.version}") for name in (*others, *rooms)
    )


def request_face(request: PurgeRequest, doing: Doing | None = None) -> str:
    """Give a stamp that changes with everything a request's card shows; progress counts in twentieths."""
    step = f"{doing.phase}{doing.done * 20 // doing.total if doing.total else doing.done}" if doing else ""
    return f"{request.state}-{len(request.story)}-{len(request.approvals)}-{step}"


def digest_wants(week: str, holders: RoleHolders, channels: frozenset[str]) -> list[Want]:
    """Give who gets the digest of a week: every DPO and their channel."""
    rooms = [room for room in (DPO_CHANNEL,) if room in channels]
    return [Want(subject=f"digest/{week}", recipient=name, post=week, shown=week) for name in (*holders.dpos, *rooms)]
