"""Who is told what by now: what is over does not come again when its deliveries are tidied."""

from collections.abc import Callable

from data.desk.delivery import Delivery, DeliveryState, Reference
from data.labels import Lang
from data.office.outbox import KEPT, Outbox
from data.office.tickets import TicketService
from data.office.wants import SEEN, all_wants, stamps_of, still_wanted, subjects
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, HOUR
from data.retention.request import State, Step
from tests.data.office.bureau import Bureau, open_bureau
from tests.data.office.test_outbox import result_of
from tests.data.purge.lab import DORA, EVE
from tests.data.stores.things import a_hold, a_request


def told(bureau: Bureau) -> list[Delivery]:
    """Let everything happen that a round does with deliveries, and send what is due; gives what was sent."""
    outbox = Outbox(bureau.parts)
    outbox.want(all_wants(bureau.parts, bureau.now, {}), bureau.now)
    sent = []
    while due := outbox.sending(outbox.due(bureau.now), bureau.now):
        outbox.settle([result_of(one) for one in due], now=bureau.now, jitter=lambda: 0.0)
        sent += due
    outbox.tidy(bureau.now, keep=still_wanted(bureau.parts, bureau.now))
    return sent


def with_chats(bureau: Bureau) -> None:
    """Let everybody have a chat with the bot, used just now."""
    people = (*bureau.holders.dpos, *bureau.holders.admins, bureau.parts.engine.people.of(EVE))
    for name in people:
        Outbox(bureau.parts).refer(
            Reference(id=name, conversation_id=f"a:{name}", service_url="https://smba/", used_at=bureau.now)
        )


def days(bureau: Bureau, count: int, then: Callable[[], object]) -> list[Delivery]:
    """Let days pass, on each of which somebody writes to the bot; gives all that was sent."""
    sent = []
    for _ in range(count):
        bureau.pause(DAY)
        with_chats(bureau)
        then()
        sent += told(bureau)
    return sent


def test_a_closed_ticket_is_not_told_again() -> None:
    """Neither asker nor officers get a message when its deliveries are tidied, nor when its words are forgotten."""
    with open_bureau() as bureau:
        with_chats(bureau)
        tickets = TicketService(bureau.parts)
        ticket = tickets.ask(EVE, Lang.EN, "who sees my calls", topic="")
        assert len(told(bureau)) == 1 + len(bureau.holders.dpos)
        tickets.answer(DORA, ticket.id, "nobody")
        told(bureau)
        tickets.close(EVE, ticket.id)
        told(bureau)
        later = days(bureau, 2 * KEPT // DAY + 30, lambda: tickets.review(bureau.now))
        assert tickets.get(ticket.id).forgotten
        assert {one.subject for one in later if one.told_post != one.post} == set()
        assert {one.told_shown == one.shown for one in later} == {False}, "the cards have lost the words in place"
        assert Outbox(bureau.parts).report(f"ticket/{ticket.id}") == ()


def test_what_lasts_and_was_acknowledged_is_not_told_again() -> None:
    """An acknowledged alert that stays for good keeps quiet for good; one that is open calls on."""
    with open_bureau() as bureau:
        with_chats(bureau)
        bureau.more = [Finding(kind=FindingKind.OVER_DELETION, about="request-1", count=1)]
        bureau.again()
        assert told(bureau)
        bureau.alerts.acknowledge(DORA, bureau.only().id)
        told(bureau)
        assert days(bureau, KEPT // DAY + 30, bureau.again) == []
        kept = {one.recipient for one in Outbox(bureau.parts).report("alert/1") if one.state is DeliveryState.SENT}
        assert kept == {*bureau.holders.dpos, *bureau.holders.admins}
        bureau.more.append(Finding(kind=FindingKind.BREAK_GLASS, about="request-2", count=1))
        bureau.pause(HOUR)
        bureau.again()
        assert {one.subject for one in told(bureau)} == {"alert/2"}


def test_the_stamps_of_one_subject_are_those_of_the_whole_walk() -> None:
    """Whoever has just seen a card has the stamps that a round would want of it, whatever its kind."""
    with open_bureau(("app-logs", "web-logs")) as bureau:
        bureau.more = [Finding(kind=FindingKind.UNDATABLE, about=name, count=1) for name in bureau.sources]
        bureau.again()
        tickets = TicketService(bureau.parts)
        for words in ("who sees my calls", "and my chats"):
            tickets.ask(EVE, Lang.EN, words, topic="")
        stores = bureau.parts.engine.stores
        stores.holds.add(a_hold("alert"))
        for name, state in (("1", State.PREVIEWED), ("2", State.AWAITING_SECOND), ("old", State.EXPIRED)):
            told_at = 0 if name == "old" else bureau.now
            story = (Step(state=state, at=told_at, by="p-1"),)
            stores.requests.add(a_request(name, state=state, story=story, requester=bureau.holders.admins[0]))
        seen = list(subjects(bureau.parts, bureau.now, {}))
        assert {shown.subject.partition("/")[0] for shown in seen} == {"request", "alert", "ticket", "hold"}
        people = (*bureau.holders.admins, *bureau.holders.dpos, bureau.parts.engine.people.of(EVE), "p-nobody")
        for shown in seen:
            wanted = {want.recipient: (want.post, want.shown) for want in shown.wants}
            for name in people:
                expected = wanted.get(name, (SEEN, shown.face))
                assert stamps_of(bureau.parts, bureau.now, shown.subject, name) == expected
        for gone in ("request/old", "request/none", "hold/1", "digest/2026-W49", "alert", ""):
            assert stamps_of(bureau.parts, bureau.now, gone, people[0]) == (SEEN, "")
