"""The outbox keeps every promise while people change their minds, connectors fail and processes die."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.desk.delivery import Delivery, DeliveryState, Reference, Want, delivery_id
from data.desk.delivery_steps import Result, Step, step_of
from data.desk.retry import MAX_TRIES, Outcome
from data.errors import StateError
from data.office.outbox import KEPT, UNDELIVERED_AFTER, Outbox
from data.office.parts import OfficeParts, RoleHolders
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant
from data.stores.desk import DeskStores
from data.stores.memory_desk import MemoryDeskStores
from data.stores.tinydb_desk import open_desk, read_desk

NOW = 20_000 * DAY
PEOPLE = ("p-1", "p-2", "channel-dpo")


def outbox_over(desk: DeskStores) -> Outbox:
    """Open an outbox over stores; of the office it needs nothing else."""
    return Outbox(OfficeParts(engine=None, desk=desk, holders=lambda: RoleHolders(admins=(), dpos=())))  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "tinydb"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskStores]:
    """Give empty stores of each kind."""
    found: DeskStores = MemoryDeskStores() if request.param == "memory" else open_desk(tmp_path)
    yield found
    found.close()


@pytest.fixture
def outbox(desk: DeskStores) -> Outbox:
    """Give an outbox in which everybody can be reached."""
    found = outbox_over(desk)
    for person in PEOPLE:
        found.refer(reference(person))
    return found


def reference(recipient: str = "p-1", **changes: Any) -> Reference:
    """Give where somebody is reached."""
    plain = Reference(id=recipient, conversation_id=f"a:{recipient}", service_url="https://x.test/", used_at=NOW)
    return replace(plain, **changes)


def want(subject: str = "alert/1", recipient: str = "p-1", **changes: Any) -> Want:
    """Want something urgent."""
    return Want(**({"subject": subject, "recipient": recipient, "post": "1", "shown": "a", "urgent": True} | changes))


def send(outbox: Outbox, now: Instant, outcome: Outcome | None = None, **changes: Any) -> tuple[Delivery, ...]:
    """Try everything that is due, all with the same outcome."""
    return tuple(
        one
        for marked in outbox.sending(outbox.due(now), now)
        for one in outbox.settle([result_of(marked, outcome, **changes)], now=now, jitter=lambda: 0.0)
    )


def result_of(marked: Delivery, outcome: Outcome | None = None, **changes: Any) -> Result:
    """Say what came of an attempt."""
    plain = Result(
        marked=marked,
        step=step_of(marked),
        outcome=outcome,
        conversation_id=f"a:{marked.recipient}",
        activity_id=f"f:{marked.id}-{marked.post}" if outcome is None else "",
    )
    return replace(plain, **changes)


def only(outbox: Outbox, subject: str = "alert/1") -> Delivery:
    """Give the one delivery of a subject."""
    (found,) = outbox.report(subject)
    return found


# -- what should arrive -----------------------------------------------------------------------------------------------


def test_wanting_again_is_no_change(outbox: Outbox) -> None:
    """Two recipients are two deliveries; the same wants again, even twice in one call, change nothing."""
    wants = [want(), want(recipient="p-2"), want()]
    assert outbox.want(wants, NOW) == 2
    before = outbox.report("alert/1")
    assert [one.id for one in before] == ["alert/1@p-1", "alert/1@p-2"]
    assert outbox.want(wants, NOW + HOUR) == 0
    assert outbox.report("alert/1") == before


def test_a_new_post_is_a_new_message_and_a_new_face_only_a_change(outbox: Outbox) -> None:
    """A changed `shown` waits for a change in place, a changed `post` for a message after the old card has changed."""
    outbox.want([want()], NOW)
    assert step_of(only(outbox)) is Step.POST
    send(outbox, NOW)
    assert only(outbox).state is DeliveryState.SENT
    assert outbox.due(NOW) == ()
    assert outbox.want([want(shown="b")], NOW + HOUR) == 1
    assert step_of(only(outbox)) is Step.PUT
    send(outbox, NOW + HOUR)
    told = only(outbox)
    assert (told.told_post, told.told_shown, told.activity_id) == ("1", "b", "f:alert/1@p-1-1")
    assert outbox.want([want(post="2", shown="c")], NOW + 2 * HOUR) == 1
    assert step_of(only(outbox)) is Step.PUT
    send(outbox, NOW + 2 * HOUR)
    assert (step_of(only(outbox)), only(outbox).told_post) == (Step.POST, "1")
    assert outbox.due(NOW + 2 * HOUR) == (only(outbox),)
    send(outbox, NOW + 2 * HOUR)
    told = only(outbox)
    assert (told.state, told.told_post, told.told_shown) == (DeliveryState.SENT, "2", "c")
    assert told.activity_id == "f:alert/1@p-1-2"


def test_what_nobody_knows_to_have_a_card_is_not_changed_in_place(outbox: Outbox) -> None:
    """Where no activity is known, a new face is noted and nothing is sent; a new post is."""
    outbox.want([want(urgent=False)], NOW)
    send(outbox, NOW, Outcome.UNKNOWN)
    assert only(outbox).error == "unknown"
    assert outbox.want([want(shown="b", urgent=False)], NOW) == 0
    assert outbox.due(NOW) == ()
    assert outbox.want([want(post="2", shown="b", urgent=False)], NOW) == 1


def test_what_is_wanted_during_the_sending_is_not_lost(outbox: Outbox) -> None:
    """A change between mark and note stays wanted, whether the attempt arrived or not."""
    for outcome in (None, Outcome.NOT_SENT):
        subject = f"alert/{outcome}"
        outbox.want([want(subject)], NOW)
        (marked,) = outbox.sending(outbox.due(NOW), NOW)
        assert outbox.want([want(subject, post="2", shown="b")], NOW) == 0
        outbox.settle([result_of(marked, outcome)], now=NOW, jitter=lambda: 0.0)
        waiting = only(outbox, subject)
        assert waiting.state is DeliveryState.WAITING
        assert (waiting.post, waiting.told_post) == ("2", "" if outcome else "1")
        send(outbox, NOW + HOUR)
        send(outbox, NOW + HOUR)
        assert (only(outbox, subject).told_post, only(outbox, subject).told_shown) == ("2", "b")


def test_a_card_shown_in_a_reply_is_the_live_one(outbox: Outbox) -> None:
    """A reply makes or takes over the delivery: nothing is sent, and the next change is made where the reply stands."""
    shown = outbox.posted(want("request/1"), conversation_id="a:here", activity_id="f:9", now=NOW)
    assert (shown.state, shown.activity_id, shown.conversation_id) == (DeliveryState.SENT, "f:9", "a:here")
    outbox.want([want()], NOW)
    outbox.posted(want(), conversation_id="a:here", activity_id="f:10", now=NOW)
    assert outbox.due(NOW) == ()
    assert outbox.want([want(shown="b")], NOW) == 1
    assert (step_of(only(outbox)), only(outbox).activity_id) == (Step.PUT, "f:10")


def test_a_reply_during_a_failing_attempt_is_enough(outbox: Outbox) -> None:
    """Who got the card as a reply while sending it failed does not get it again."""
    outbox.want([want()], NOW)
    (marked,) = outbox.sending(outbox.due(NOW), NOW)
    outbox.posted(want(), conversation_id="a:here", activity_id="f:10", now=NOW)
    outbox.settle([result_of(marked, Outcome.NOT_SENT)], now=NOW, jitter=lambda: 0.0)
    assert only(outbox).state is DeliveryState.SENT


# -- what is due ------------------------------------------------------------------------------------------------------


def test_urgent_goes_first_then_who_waits_longest(outbox: Outbox) -> None:
    """The order is urgent before others, then by waiting time; what is not due yet is not listed."""
    outbox.want([want("ticket/1", urgent=False)], NOW)
    outbox.want([want("alert/2")], NOW + 2)
    outbox.want([want("alert/1")], NOW + 1)
    assert [one.subject for one in outbox.due(NOW + 2)] == ["alert/1", "alert/2", "ticket/1"]
    send(outbox, NOW + 2, Outcome.NOT_SENT)
    assert outbox.due(NOW + 2) == ()
    assert outbox.next_after(NOW + 2) == NOW + 2 + 5 * SECOND
    assert len(outbox.due(NOW + 2 + 5 * SECOND)) == 3


def test_who_cannot_be_reached_is_seen(outbox: Outbox) -> None:
    """Without a reference an urgent delivery waits and says so, another waits silently; a reference sets them free."""
    outbox.want([want(recipient="p-9"), want("ticket/1", recipient="p-9", urgent=False)], NOW)
    for _ in range(2):
        assert outbox.due(NOW) == ()
    assert (only(outbox).error, only(outbox, "ticket/1").error) == ("no_reference", "")
    outbox.refer(reference("p-9"))
    assert len(outbox.due(NOW)) == 2


def test_only_what_still_waits_is_marked(outbox: Outbox) -> None:
    """What somebody changed or marked since it was read, or whose recipient has gone, is left out, the rest marked."""
    outbox.want([want(), want("alert/2"), want("alert/3"), want("alert/4"), want("alert/5", "p-2")], NOW)
    due = outbox.due(NOW)
    outbox.unrefer("p-2", NOW)
    outbox.want([want("alert/2", shown="b")], NOW)
    outbox.sending([due[2]], NOW)
    assert [one.subject for one in outbox.sending(due, NOW)] == ["alert/1", "alert/4"]


# -- failures ---------------------------------------------------------------------------------------------------------


def test_ten_failures_are_a_dead_letter_with_its_reason(outbox: Outbox) -> None:
    """An urgent delivery that fails ten times is dead and listed; a new post wakes it, a new face does not."""
    outbox.want([want()], NOW)
    now, tries = NOW, 0
    while only(outbox).state is not DeliveryState.DEAD:
        send(outbox, now, Outcome.UNKNOWN)
        now, tries = max(now, only(outbox).next_at), tries + 1
    assert tries == MAX_TRIES
    assert [(one.id, one.error, one.maybe_twice) for one in outbox.dead()] == [("alert/1@p-1", "unknown", True)]
    assert outbox.want([want(shown="b")], now) == 0
    assert outbox.want([want(post="2", shown="b")], now) == 1
    (fresh,) = outbox.due(now)
    assert (fresh.attempts, fresh.maybe_twice, fresh.error) == (0, False, "")


def test_a_dropped_place_is_forgotten_unless_it_is_new(outbox: Outbox) -> None:
    """403 and 404 drop the reference (RL-12): urgent waits for another place, the rest is dead, others go on."""
    outbox.want([want(), want("ticket/1", urgent=False), want("alert/2", recipient="p-2")], NOW)
    first, second, third = outbox.sending(outbox.due(NOW), NOW)
    outbox.settle([result_of(first, Outcome.GONE)], now=NOW, jitter=lambda: 0.0)
    assert outbox.reference_of("p-1") is None
    assert (only(outbox).state, only(outbox).error) == (DeliveryState.WAITING, "gone")
    outbox.refer(reference(conversation_id="a:new"))
    outbox.settle([result_of(third, Outcome.GONE)], now=NOW, jitter=lambda: 0.0)
    assert outbox.reference_of("p-1") == replace(reference(conversation_id="a:new"), version=1)
    assert (only(outbox, "ticket/1").state, only(outbox, "ticket/1").error) == (DeliveryState.DEAD, "gone")
    outbox.settle([result_of(second)], now=NOW, jitter=lambda: 0.0)
    assert [one.id for one in outbox.due(NOW)] == ["alert/1@p-1"]


def test_a_card_that_is_gone_is_sent_anew(outbox: Outbox) -> None:
    """A change in place that finds no card leads to a new message, and the place is kept."""
    outbox.want([want()], NOW)
    send(outbox, NOW)
    outbox.want([want(shown="b")], NOW)
    send(outbox, NOW, Outcome.GONE)
    assert outbox.reference_of("p-1") is not None
    (again,) = outbox.due(NOW)
    assert (step_of(again), again.activity_id) == (Step.POST, "")


def test_an_outage_that_is_over_is_caught_up_at_once(outbox: Outbox) -> None:
    """What waits because nobody answered goes at once when somebody does; what was throttled keeps its pause."""
    outbox.want([want("alert/1"), want("alert/2"), want("alert/3")], NOW)
    marked = outbox.sending(outbox.due(NOW), NOW)
    failed = zip(marked, (Outcome.NOT_SENT, Outcome.UNKNOWN, Outcome.THROTTLED), strict=True)
    outbox.settle([result_of(one, why, retry_after=600) for one, why in failed], now=NOW, jitter=lambda: 0.0)
    assert outbox.due(NOW + SECOND) == ()
    assert outbox.hurry(NOW + SECOND) == 2
    assert [one.subject for one in outbox.due(NOW + SECOND)] == ["alert/1", "alert/2"]


@pytest.mark.parametrize(("outcome", "again"), [(Outcome.NOT_SENT, 1), (Outcome.UNAUTHORIZED, 1), (Outcome.UNKNOWN, 0)])
def test_what_died_of_an_outage_begins_anew(outbox: Outbox, outcome: Outcome, again: int) -> None:
    """Urgent and never left: it has ten tries again after the outage; what may have arrived, or can wait, has not."""
    outbox.want([want(), want("ticket/1", urgent=False)], NOW)
    now = NOW
    for _ in range(MAX_TRIES):
        send(outbox, now, outcome)
        now += DAY
    assert {one.state for one in outbox.dead()} == {DeliveryState.DEAD}
    assert outbox.hurry(now) == again
    assert [(one.subject, one.attempts) for one in outbox.due(now)] == [("alert/1", 0)][:again]


# -- crashes ----------------------------------------------------------------------------------------------------------


def crashed(outbox: Outbox, *wants: Want) -> None:
    """Crash between the mark and the note."""
    outbox.want(wants, NOW)
    outbox.sending(outbox.due(NOW), NOW)


def test_a_crash_loses_nothing_urgent_and_repeats_nothing_else(outbox: Outbox) -> None:
    """RL-14: urgent goes once more and says so; of the rest nobody knows, and it is not repeated; changes are."""
    outbox.want([want("alert/9")], NOW)
    send(outbox, NOW)
    crashed(outbox, want(), want("ticket/1", urgent=False), want("alert/9", shown="b"))
    assert outbox.recover(NOW + HOUR) == 3
    assert outbox.recover(NOW + HOUR) == 0
    assert [(one.subject, one.maybe_twice) for one in outbox.due(NOW + HOUR)] == [("alert/1", True), ("alert/9", False)]
    ended = only(outbox, "ticket/1")
    assert (ended.state, ended.error, ended.told_post) == (DeliveryState.SENT, "unknown", "1")


def test_a_crash_forgets_nothing_that_was_wanted_meanwhile(outbox: Outbox) -> None:
    """What was wanted between the mark and the crash is sent, urgent or not; nothing is called a second copy."""
    crashed(outbox, want("ticket/1", urgent=False))
    outbox.want([want("ticket/1", urgent=False, post="2", shown="b")], NOW)
    outbox.recover(NOW)
    assert [(one.post, one.maybe_twice) for one in outbox.due(NOW)] == [("2", False)]


def test_ended_attempts_do_not_recover(outbox: Outbox) -> None:
    """The control: what was noted before the crash stays as it was."""
    outbox.want([want()], NOW)
    send(outbox, NOW)
    assert outbox.recover(NOW) == 0
    assert only(outbox).state is DeliveryState.SENT


# -- references -------------------------------------------------------------------------------------------------------


def test_a_known_place_is_written_once_a_day(outbox: Outbox) -> None:
    """The same place is noted again after a day, another place or language at once."""
    assert outbox.reference_of("p-1") == replace(reference(), version=1)
    outbox.refer(reference(used_at=NOW + DAY - 1))
    assert outbox.reference_of("p-1") == replace(reference(), version=1)
    outbox.refer(reference(used_at=NOW + DAY))
    assert outbox.reference_of("p-1") == replace(reference(used_at=NOW + DAY), version=2)
    outbox.refer(reference(used_at=NOW + DAY, lang="en"))
    outbox.refer(reference(used_at=NOW + DAY, conversation_id="a:new"))
    assert outbox.reference_of("p-1") == replace(reference(used_at=NOW + DAY, conversation_id="a:new"), version=4)


def test_uninstalling_forgets_the_place(outbox: Outbox) -> None:
    """SC-11: the reference is gone at once, what waits says so and goes at once when they come back."""
    outbox.want([want()], NOW)
    send(outbox, NOW, Outcome.NOT_SENT)
    outbox.unrefer("p-1", NOW)
    outbox.unrefer("p-1", NOW)
    assert outbox.reference_of("p-1") is None
    assert outbox.reference_of("p-2") is not None
    assert (only(outbox).error, outbox.due(NOW)) == ("no_reference", ())
    outbox.refer(reference())
    assert len(outbox.due(NOW)) == 1


def test_a_clock_that_was_ahead_puts_no_message_off(tmp_path: Path) -> None:
    """What was wanted, or put off, by a clock a day ahead is due once it is right; an honest pause is kept."""
    desk = open_desk(tmp_path)
    outbox = outbox_over(desk)
    outbox.refer(reference())
    outbox.want([want()], NOW + DAY)
    assert [one.subject for one in outbox.due(NOW)] == ["alert/1"]
    assert outbox.next_after(NOW) is None
    assert outbox.findings(NOW), "nobody knows for how long it has been waiting"
    send(outbox, NOW, Outcome.NOT_SENT)
    assert outbox.due(NOW) == ()
    assert outbox.next_after(NOW) == only(outbox).next_at
    desk.close()


def test_a_forgotten_person_leaves_nothing(tmp_path: Path) -> None:
    """SC-10: neither pseudonym nor conversation of a forgotten person is in any file of the desk; others stay."""
    desk = open_desk(tmp_path)
    outbox = outbox_over(desk)
    for person in ("p-1", "p-2"):
        outbox.refer(reference(person))
    outbox.want([want(), want("ticket/1"), want(recipient="p-2")], NOW)
    send(outbox, NOW)
    files = list(tmp_path.glob("desk.json*"))
    assert all(b"p-1" in path.read_bytes() for path in files if path.suffix == ".json")
    assert outbox.forget("p-1") == 2
    desk.close()
    assert [path.name for path in files if b"p-1" in path.read_bytes()] == []
    assert all(b"p-2" in path.read_bytes() for path in (tmp_path / "desk.json", tmp_path / "desk.json.1"))


def test_what_is_ninety_days_old_is_removed(outbox: Outbox) -> None:
    """References nobody used and ended or unreachable deliveries go after 90 days, what waits for its time stays."""
    outbox.want([want("ticket/1", urgent=False), want("alert/2", recipient="p-9")], NOW)
    send(outbox, NOW)
    outbox.refer(reference("p-2", used_at=NOW + DAY))
    outbox.want([want("alert/3", recipient="p-2")], NOW)
    assert outbox.tidy(NOW + KEPT - 1) == 0
    assert outbox.tidy(NOW + KEPT) == 4
    assert outbox.reference_of("p-2") is not None
    assert outbox.reference_of("p-1") is None
    assert (outbox.report("ticket/1"), outbox.report("alert/2")) == ((), ())
    assert only(outbox, "alert/3").state is DeliveryState.WAITING


# -- what people have to know -----------------------------------------------------------------------------------------


def test_an_alert_that_nobody_got_is_found(outbox: Outbox) -> None:
    """RL-16: after 15 minutes without anybody having it there is one finding for all; one recipient is enough."""
    outbox.want([want(), want(recipient="p-2"), want("ticket/1", urgent=False), want("alert/2", recipient="p-9")], NOW)
    outbox.due(NOW)
    assert outbox.findings(NOW + UNDELIVERED_AFTER - 1) == ()
    (found,) = outbox.findings(NOW + UNDELIVERED_AFTER)
    assert (found.kind, found.about, found.count, found.since) == (FindingKind.NOT_DELIVERED, "outbox", 2, NOW)
    assert found.cause == "no_reference"
    outbox.sending(outbox.due(NOW), NOW)
    for one in outbox.report("alert/1"):
        outbox.settle([result_of(one)], now=NOW, jitter=lambda: 0.0)
        break
    assert [one.subject for one in outbox.undelivered(NOW + UNDELIVERED_AFTER)] == ["alert/2"]
    assert outbox.findings(NOW + DAY, alive=lambda subject: subject != "alert/2") == ()
    assert outbox.undelivered(NOW + 20 * MINUTE, 30 * MINUTE) == ()


def test_a_message_given_up_is_found_at_once(outbox: Outbox) -> None:
    """Once no recipient is left to be tried, nobody waits for the quarter of an hour."""
    outbox.want([want()], NOW)
    send(outbox, NOW, Outcome.REJECTED)
    assert [one.about for one in outbox.findings(NOW)] == ["outbox"]
    outbox.want([want(recipient="p-2")], NOW)
    assert outbox.findings(NOW) == ()


def test_a_changed_address_is_found_even_where_others_got_it(outbox: Outbox) -> None:
    """RL-13: who changed a stored address is an alarm of its own; a plain dead letter is none."""
    outbox.want([want(urgent=False), want("ticket/2", urgent=False)], NOW)
    marked = outbox.sending(outbox.due(NOW), NOW)
    outbox.settle([result_of(marked[1], Outcome.REJECTED)], now=NOW, jitter=lambda: 0.0)
    assert outbox.findings(NOW) == ()
    outbox.settle([result_of(marked[0], Outcome.FOREIGN_HOST)], now=NOW, jitter=lambda: 0.0)
    (found,) = outbox.findings(NOW)
    assert (found.about, found.cause, found.count) == ("references", "foreign_host", 1)


def test_others_may_change_the_same_delivery(desk: DeskStores) -> None:
    """Somebody who is always faster ends in an error, somebody who is faster once in nothing."""
    outbox = outbox_over(desk)
    outbox.want([want()], NOW)
    faster = Faster(desk, times=1)
    assert outbox_over(faster).want([want(post="2")], NOW) == 0
    assert only(outbox).post == "2"
    with pytest.raises(StateError):
        outbox_over(Faster(desk, times=1_000)).want([want(post="3")], NOW)


class Faster:
    """Stores in which somebody else changes the delivery just before we do, so many times."""

    def __init__(self, desk: DeskStores, *, times: int) -> None:
        self._desk, self._left = desk, times
        self.deliveries = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk if name == "references" else self._desk.deliveries, name)

    def replace_all(self, values: Any) -> Any:
        """Be overtaken."""
        if self._left:
            self._left -= 1
            present = self._desk.deliveries.get("alert/1@p-1")
            self._desk.deliveries.replace(replace(present, sent_at=self._left))
        return self._desk.deliveries.replace_all(values)


def test_a_reader_sees_the_outbox(tmp_path: Path) -> None:
    """The command line can report while the bot runs, and cannot change anything."""
    desk = open_desk(tmp_path)
    outbox_over(desk).want([want()], NOW)
    seen = outbox_over(read_desk(tmp_path))
    assert only(seen).state is DeliveryState.WAITING
    with pytest.raises(StateError):
        seen.want([want(post="2")], NOW)
    desk.close()


# -- whatever happens -------------------------------------------------------------------------------------------------

SUBJECTS = ("alert/1", "alert/2", "ticket/1")
Act = Callable[["Story"], None]


class Story:
    """An outbox, a world that gets messages, and a notebook of what was wanted and what arrived."""

    def __init__(self) -> None:
        self.now = NOW
        self.desk = MemoryDeskStores()
        self.outbox = outbox_over(self.desk)
        self.stamps = dict.fromkeys(SUBJECTS, 0)
        self.arrived: dict[str, list[str]] = {}
        """By delivery, the posts that people saw, in order."""
        self.unknown: Counter[tuple[str, str]] = Counter()
        """How many attempts there were of which nobody knows, by delivery and post."""

    def want(self, subject: str, *, post: bool) -> None:
        """Want the subject at two recipients, with a new post or only a new face."""
        self.stamps[subject] += 1 if post else 0
        for recipient in ("p-1", "p-2"):
            wanted = want(
                subject,
                recipient,
                post=str(self.stamps[subject]),
                shown=str(self.now),
                urgent=subject.startswith("alert"),
            )
            self.outbox.want([wanted], self.now)

    def attempt(self, outcome: Outcome | None, *, arrives: bool, crash: bool) -> None:
        """Try what is due; what is not known may have arrived; a crash comes before anything is noted."""
        marked = self.outbox.sending(self.outbox.due(self.now), self.now)
        for one in marked:
            unknown = crash or outcome is Outcome.UNKNOWN
            if step_of(one) is Step.POST and (arrives if unknown else outcome is None):
                self.arrived.setdefault(one.id, []).append(one.post)
            if step_of(one) is Step.POST and unknown:
                self.unknown[one.id, one.post] += 1
        if crash:
            self.outbox = outbox_over(self.desk)
            self.outbox.recover(self.now)
        else:
            self.outbox.settle([result_of(one, outcome) for one in marked], now=self.now, jitter=lambda: 0.0)

    def check(self) -> None:
        """Check what must hold at every moment."""
        found = self.desk.deliveries.all()
        assert len({(one.subject, one.recipient) for one in found}) == len(found)
        for one in found:
            assert one.id == delivery_id(one.subject, one.recipient)
            assert int(one.told_post or 0) <= int(one.post) <= self.stamps[one.subject]
            assert int(one.told_shown or 0) <= int(one.shown) <= self.now
            assert not (one.state is DeliveryState.SENT and one.urgent and one.told_post != one.post)
            if one.state is DeliveryState.SENT and one.urgent:
                assert one.post in self.arrived.get(one.id, [])
        for key, posts in self.arrived.items():
            for post, copies in Counter(posts).items():
                assert copies <= 1 + self.unknown[key, post], "a copy without a reason"
                present = self.desk.deliveries.get(key)
                assert copies == 1 or present.post != post or present.maybe_twice, "a copy that is not marked"


actions = st.one_of(
    st.builds(
        lambda subject, post: lambda story: story.want(subject, post=post), st.sampled_from(SUBJECTS), st.booleans()
    ),
    st.builds(
        lambda outcome, arrives, crash: lambda story: story.attempt(outcome, arrives=arrives, crash=crash),
        st.sampled_from((None, None, *(set(Outcome) - {Outcome.GONE, Outcome.REJECTED, Outcome.FOREIGN_HOST}))),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        lambda who, known: (
            lambda story: story.outbox.refer(reference(who)) if known else story.outbox.unrefer(who, story.now)
        ),
        st.sampled_from(("p-1", "p-2")),
        st.booleans(),
    ),
    st.builds(
        lambda seconds: lambda story: setattr(story, "now", story.now + seconds * SECOND), st.integers(1, 30_000)
    ),
)


@settings(max_examples=200)
@given(st.lists(actions, max_size=40))
def test_nothing_urgent_is_lost_whatever_happens(acts: list[Act]) -> None:
    """Random wants, failures, crashes and people coming and going: one delivery a pair, told never ahead of wanted.

    At the end everybody comes back and the network is well: every urgent message that is not listed as dead arrives.
    """
    story = Story()
    for act in acts:
        act(story)
        story.check()
    for person in ("p-1", "p-2"):
        story.outbox.refer(reference(person))
    for _ in range(3):
        story.now += DAY
        story.attempt(None, arrives=True, crash=False)
        story.check()
    dead = {one.id for one in story.outbox.dead()}
    for one in story.desk.deliveries.all():
        if one.urgent and one.id not in dead:
            assert one.state is DeliveryState.SENT
            assert story.arrived[one.id][-1] == one.post
