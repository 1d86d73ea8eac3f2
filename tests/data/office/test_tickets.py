"""The service of tickets over real audit and stores: who may what, what the audit holds, who is told, what goes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.access import Actor
from data.desk.delivery import DPO_CHANNEL
from data.desk.draft_steps import draft
from data.desk.ticket import Ticket, TicketState
from data.desk.ticket_steps import CLOSES_AFTER, KEPT_AFTER
from data.errors import RefusedError, UnknownError
from data.labels import Lang
from data.office.parts import RoleHolders
from data.office.tickets import MOST_WAITING, TicketService, wants_of_ticket
from data.retention.instants import DAY, HOUR
from data.stores.tinydb_desk import open_desk
from tests.desk import ALICE, BOB, DORA, EVE, Lab, OpenOffice, open_office

WORDS = "wer sieht meine geheime liste"
SECRET = "geheim"
HOLDERS = RoleHolders(admins=("p-alice", "p-bob"), dpos=("p-dora", "p-dave"))
NOBODY = Actor(tenant_id=EVE.tenant_id, object_id="")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[OpenOffice]:
    """Give an office with the embedded stores, as a process has them."""
    (tmp_path / "desk").mkdir()
    stores = open_desk(tmp_path / "desk")
    with open_office(Lab(folder=tmp_path / "lab"), desk=stores) as found:
        yield found
    stores.close()


def service(room: OpenOffice) -> TicketService:
    """Give the service."""
    return room.office.tickets


def asked(room: OpenOffice, who: Actor = EVE) -> Ticket:
    """Let somebody ask."""
    return service(room).ask(who, Lang.DE, WORDS, topic="journal")


def refused(reason: str, step: object) -> None:
    """Expect a refusal."""
    with pytest.raises(RefusedError) as caught:
        step()  # type: ignore[operator]
    assert caught.value.reason == reason


def kinds(room: OpenOffice, number: str) -> list[str]:
    """List the kinds of audit entries about a ticket."""
    return [entry.kind for entry in room.engine.parts.audit.entries(number) if entry.kind.startswith("ticket.")]


def test_tickets_are_numbered_and_come_back_whole(room: OpenOffice) -> None:
    """Numbers count on across both kinds; what was stored is what was opened; the list is in order of number."""
    opened = [asked(room), service(room).claim(EVE, Lang.EN, "", right="15"), *(asked(room) for _ in range(9))]
    assert [ticket.id for ticket in service(room).all()] == [str(n) for n in range(1, 12)]
    assert [service(room).get(ticket.id) for ticket in opened] == opened
    assert service(room).of(opened[0].asker) == service(room).all()
    assert service(room).of("p-other") == ()


def test_the_audit_holds_number_and_kind_and_no_word(room: OpenOffice) -> None:
    """Every step leaves an entry, and no entry holds what was said; the store does, as the positive control."""
    ticket = asked(room)
    service(room).take(DORA, ticket.id)
    service(room).answer(DORA, ticket.id, f"Eine {SECRET}e Antwort")
    service(room).close(EVE, ticket.id)
    assert kinds(room, ticket.id) == ["ticket.opened", "ticket.taken", "ticket.answered", "ticket.closed"]
    assert SECRET in service(room).get(ticket.id).question
    lines = b"".join(path.read_bytes() for path in (room.lab.folder / "audit").glob("*.jsonl"))
    assert b"ticket.opened" in lines
    assert SECRET.encode() not in lines
    data = [entry.data for entry in room.engine.parts.audit.entries(ticket.id)]
    assert all(dict(found) == {"kind": "question"} for found in data)


def test_only_officers_take_and_answer(room: OpenOffice) -> None:
    """Employees and admins are refused by the service itself, a data protection officer is not."""
    ticket = asked(room)
    for who in (EVE, ALICE):
        refused("not_allowed", lambda who=who: service(room).take(who, ticket.id))
        refused("not_allowed", lambda who=who: service(room).answer(who, ticket.id, "x"))
    assert kinds(room, ticket.id) == ["ticket.opened"]
    assert service(room).take(DORA, ticket.id).state is TicketState.TAKEN
    assert service(room).answer(DORA, ticket.id, "x").state is TicketState.ANSWERED


def test_somebody_elses_ticket_is_unknown(room: OpenOffice) -> None:
    """Whoever is neither asker nor officer cannot close a ticket, and does not learn that there is one."""
    ticket = asked(room)
    for who in (BOB, replace(EVE, object_id="mallory")):
        with pytest.raises(UnknownError):
            service(room).close(who, ticket.id)
    assert service(room).close(EVE, ticket.id).state is TicketState.CLOSED


def test_nobody_in_particular_can_ask(room: OpenOffice) -> None:
    """A guest without an id is refused and leaves no ticket."""
    refused("nobody", lambda: asked(room, NOBODY))
    refused("nobody", lambda: service(room).claim(NOBODY, Lang.DE, "", right="15"))
    assert service(room).all() == ()


def test_nobody_floods_the_officers(room: OpenOffice) -> None:
    """After so many waiting tickets the next is refused; one that is closed makes room, others are not concerned."""
    first, *_ = [asked(room) for _ in range(MOST_WAITING)]
    refused("too_many_tickets", lambda: asked(room))
    assert asked(room, BOB).id == str(MOST_WAITING + 1)
    service(room).close(EVE, first.id)
    assert asked(room).id == str(MOST_WAITING + 2)


def test_a_review_reminds_closes_and_forgets_in_time(room: OpenOffice) -> None:
    """The review reminds of a request until it is answered, closes it later, and drops its words in the end."""
    request = service(room).claim(EVE, Lang.DE, WORDS, right="17")
    assert service(room).review(room.lab.now) == ()
    room.lab.clock.advance((request.due_at - room.lab.now - 14 * DAY) / 1_000_000)  # type: ignore[operator]
    assert [ticket.id for ticket in service(room).review(room.lab.now)] == [request.id]
    assert service(room).review(room.lab.now) == ()
    room.lab.pause(40 * DAY)
    for _ in range(3):  # overdue: every day anew
        assert len(service(room).review(room.lab.now)) == 1
        room.lab.pause(DAY + HOUR)
    service(room).answer(DORA, request.id, "Erledigt")
    assert service(room).review(room.lab.now) == ()
    room.lab.pause(CLOSES_AFTER)
    assert [ticket.state for ticket in service(room).review(room.lab.now)] == [TicketState.CLOSED]
    room.lab.pause(KEPT_AFTER)
    assert [ticket.question + ticket.answer for ticket in service(room).review(room.lab.now)] == [""]
    assert service(room).review(room.lab.now) == ()
    assert kinds(room, request.id)[-2:] == ["ticket.closed", "ticket.forgotten"]


def test_forgetting_takes_the_words_from_the_disk(room: OpenOffice, tmp_path: Path) -> None:
    """Whoever is forgotten has no word left in any ticket nor in the store's files; others keep theirs."""
    mine, other = asked(room), service(room).ask(BOB, Lang.DE, "bleibt stehen", topic="")
    service(room).answer(DORA, mine.id, f"Eine {SECRET}e Antwort")
    assert service(room).forget(mine.asker) == 1
    assert service(room).forget(mine.asker) == 0
    assert service(room).get(other.id).question == "bleibt stehen"
    gone = service(room).get(mine.id)
    assert (gone.question, gone.answer, gone.state) == ("", "", TicketState.CLOSED)
    present = (tmp_path / "desk" / "desk.json").read_bytes()
    assert b"bleibt stehen" in present
    assert SECRET.encode() not in present


# -- who is told -------------------------------------------------------------------------------------------------------


def wants(ticket: Ticket, holders: RoleHolders = HOLDERS, channels: tuple[str, ...] = (DPO_CHANNEL,)) -> dict[str, str]:
    """Give the stamp of what deserves a message, by recipient."""
    return {want.recipient: want.post for want in wants_of_ticket(ticket, holders, channels)}


def test_all_officers_and_the_asker_have_the_ticket(room: OpenOffice) -> None:
    """Officers and asker have a card; only rights requests are urgent; the channel is not told of questions."""
    question, request = asked(room), service(room).claim(EVE, Lang.DE, "", right="15")
    for ticket, urgent in ((question, False), (request, True)):
        found = wants_of_ticket(ticket, HOLDERS, (DPO_CHANNEL,))
        assert {want.recipient for want in found} == {"p-dora", "p-dave", ticket.asker}
        assert {want.urgent for want in found} == {urgent}
        assert {want.shown for want in found} == {ticket.face}
        assert {want.subject for want in found} == {f"ticket/{ticket.id}"}


def test_the_asker_hears_of_the_answer_and_not_of_the_own_closing(room: OpenOffice) -> None:
    """An answer is a message to the asker; that somebody works on it, or the own closing, only changes the card."""
    ticket = asked(room)
    before = wants(ticket)
    taken = service(room).take(DORA, ticket.id)
    assert wants(taken) == before
    answered = service(room).answer(DORA, ticket.id, "Nur Sie.")
    assert wants(answered)[ticket.asker] != before[ticket.asker]
    assert wants(answered)["p-dora"] == before["p-dora"]
    closed = service(room).close(EVE, ticket.id)
    assert wants(closed) == wants(answered)
    other = asked(room)
    ended = service(room).close(DORA, other.id)
    assert wants(ended)[other.asker] != wants(other)[other.asker]


def test_a_reminder_reaches_officers_and_channel(room: OpenOffice) -> None:
    """A reminder is a message to every officer, and for rights requests one in the channel, where there is one."""
    request = service(room).claim(EVE, Lang.DE, "", right="15")
    room.lab.pause(40 * DAY)
    (late,) = service(room).review(room.lab.now)
    assert wants(late)["p-dora"] != wants(request)["p-dora"]
    assert DPO_CHANNEL in wants(late)
    assert DPO_CHANNEL not in wants(request)
    assert DPO_CHANNEL not in wants(late, channels=())
    assert wants(late)[request.asker] == wants(request)[request.asker]


def test_without_officers_the_admins_are_told(room: OpenOffice) -> None:
    """A ticket is never silent because nobody is a data protection officer."""
    assert set(wants(asked(room), RoleHolders(admins=("p-alice",), dpos=()))) == {
        "p-alice",
        service(room).get("1").asker,
    }


def test_a_draft_reaches_whoever_may_release_it(room: OpenOffice) -> None:
    """Admins hear of a ticket when there is a draft, and not before."""
    ticket = asked(room)
    answered = service(room).answer(DORA, ticket.id, "Nur Sie.")
    assert "p-bob" not in wants(answered)
    made = draft(answered, by="p-dora", topic="", question="wer", answer="Nur Sie.", now=room.lab.now)
    assert "p-bob" in wants(made)
    assert wants(made)["p-dave"] != wants(answered)["p-dave"]


def test_whoever_wanted_to_be_forgotten_is_not_written_to(room: OpenOffice) -> None:
    """After being forgotten on demand the asker gets nothing more; after the words went by age the card is changed."""
    ticket = asked(room)
    service(room).forget(ticket.asker)
    assert ticket.asker not in wants(service(room).get(ticket.id))
    other = asked(room, BOB)
    service(room).close(BOB, other.id)
    room.lab.pause(KEPT_AFTER)
    service(room).review(room.lab.now)
    assert service(room).get(other.id).forgotten
    assert other.asker in wants(service(room).get(other.id))


def test_an_asker_who_is_an_officer_has_one_card(room: OpenOffice) -> None:
    """An officer who asks is one recipient, and hears of the answer all the same."""
    ticket = asked(room, DORA)
    holders = RoleHolders(admins=(), dpos=(ticket.asker,))
    assert len(wants_of_ticket(ticket, holders, ())) == 1
    answered = service(room).answer(DORA, ticket.id, "Ich weiß es.")
    assert wants(answered, holders) != wants(ticket, holders)
