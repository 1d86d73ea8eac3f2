"""The sender over real HTTP: what is due arrives, as fast as Teams takes it, through every fault of the connector."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapter.connector import OutboundConnector, PooledConnectors
from bot.adapter.hosts import HostList
from bot.metrics import Metrics
from bot.outbox import STORE_SECONDS, Sender, SenderParts
from cards.elements import Card
from data.desk.delivery import Delivery, DeliveryState, Reference, Want
from data.desk.pace import Pace
from data.desk.retry import MAX_TRIES
from data.errors import AmbiguousError, StateError
from data.office.outbox import Outbox
from data.retention.instants import DAY, SECOND, Instant, instant_of
from data.stores.desk import DeskStores
from data.stores.memory_desk import MemoryDeskStores
from data.stores.tinydb_desk import open_desk
from tests.data.office.test_outbox import outbox_over
from tests.world import FakeClock, Fault, TeamsLimits, World

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass(kw_only=True)
class Drawing:
    """Draws cards that say whose they are; what is `gone` has none, what is `broken` cannot be drawn."""

    gone: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    drawn: list[tuple[str, str, str]] = field(default_factory=list)
    """Subject, recipient and place."""

    async def __call__(self, subject: str, recipient: str, place: Reference) -> tuple[Card, str] | None:
        """Draw one."""
        self.drawn.append((subject, recipient, place.conversation_id))
        if subject in self.broken:
            raise ZeroDivisionError
        if subject in self.gone:
            return None
        return {"type": "AdaptiveCard", "fallbackText": f"short {subject}", "body": []}, f"summary {subject}"


class Tokens:
    """The token port; gives none while `down`."""

    def __init__(self) -> None:
        self.calls = 0
        self.down = False

    async def get(self) -> str:
        """Give the token."""
        self.calls += 1
        if self.down:
            raise AmbiguousError
        return f"token-{self.calls}"

    def forget(self, token: str) -> None:
        """Drop a refused token."""


@dataclass(kw_only=True)
class Post:
    """A sender with everything around it."""

    world: World
    desk: DeskStores
    outbox: Outbox
    clock: FakeClock
    drawing: Drawing
    tokens: Tokens
    metrics: Metrics
    parts: SenderParts
    sender: Sender

    @property
    def now(self) -> Instant:
        """Tell the time."""
        return instant_of(self.clock.now())

    def refer(self, *recipients: str, url: str = "") -> None:
        """Let people be reached."""
        for one in recipients:
            found = Reference(id=one, conversation_id=f"a:{one}", service_url=url or self.world.service_url)
            self.outbox.refer(replace(found, used_at=self.now))

    def want(self, subject: str = "alert/1", recipient: str = "p-1", **changes: Any) -> None:
        """Want something urgent."""
        values = {"subject": subject, "recipient": recipient, "post": "1", "shown": "a", "urgent": True} | changes
        self.outbox.want([Want(**values)], self.now)

    def only(self, subject: str = "alert/1") -> Delivery:
        """Give the one delivery of a subject."""
        (found,) = self.outbox.report(subject)
        return found

    async def drain(self, *, longest: float = 2 * 86_400.0) -> float:
        """Pump until nothing waits that can go; time passes by the clock alone. Gives the seconds it took."""
        started = self.clock.monotonic()
        while self.clock.monotonic() - started < longest:
            pause = await self.sender.pump()
            open_ones = [one for one in self.desk.deliveries.all() if one.state is DeliveryState.WAITING]
            if not [one for one in open_ones if self.outbox.reference_of(one.recipient)]:
                return self.clock.monotonic() - started
            self.clock.advance(pause)
        raise TimeoutError

    def restart(self) -> None:
        """Let the process die and a new one begin."""
        self.outbox = outbox_over(self.desk)
        self.parts = replace(self.parts, outbox=self.outbox, pace=Pace())
        self.sender = Sender(self.parts)

    @property
    def methods(self) -> list[str]:
        """List what the connector was asked."""
        return [call.method for call in self.world.connector.calls]


OpenPost = Callable[..., AbstractAsyncContextManager[Post]]


@pytest.fixture
def open_post(world: World) -> OpenPost:
    """Give what opens a sender over stores, with the product's own connector client."""

    @asynccontextmanager
    async def open_one(desk: DeskStores | None = None) -> AsyncIterator[Post]:
        clock, metrics, tokens, drawing = FakeClock(), Metrics(), Tokens(), Drawing()
        stores = desk or MemoryDeskStores()
        outbox = outbox_over(stores)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            connectors = PooledConnectors(
                hosts=HostList(["127.0.0.1"]),
                token=tokens,
                session=session,
                observe=lambda outcome: metrics.outbound.labels(outcome).inc(),
            )
            parts = SenderParts(
                outbox=outbox,
                draw=drawing,
                connector=OutboundConnector(connectors),
                pace=Pace(),
                clock=clock,
                jitter=lambda: 0.0,
                metrics=metrics,
            )
            yield Post(
                world=world,
                desk=stores,
                outbox=outbox,
                clock=clock,
                drawing=drawing,
                tokens=tokens,
                metrics=metrics,
                parts=parts,
                sender=Sender(parts),
            )

    return open_one


# -- what arrives -----------------------------------------------------------------------------------------------------


async def test_a_message_arrives_with_its_card(open_post: OpenPost, world: World) -> None:
    """One POST into the stored conversation, with the present card, its summary and the bot's token; noted as sent."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        await post.drain()
        (call,) = world.connector.calls
        assert (call.method, call.authorization) == ("POST", "Bearer token-1")
        assert call.path.endswith("/v3/conversations/a:p-1/activities")
        assert (call.body["type"], call.body["summary"]) == ("message", "summary alert/1")
        assert call.body["attachments"][0]["content"]["fallbackText"] == "short alert/1"
        told = post.only()
        assert (told.state, told.activity_id, told.conversation_id) == (DeliveryState.SENT, "sent-1", "a:p-1")
        assert post.drawing.drawn == [("alert/1", "p-1", "a:p-1")]
        await post.drain()
        assert post.methods == ["POST"]


async def test_a_new_face_changes_the_card_where_it_stands(open_post: OpenPost, world: World) -> None:
    """A changed `shown` is one PUT on the card that is there, even if the person is now reached elsewhere."""
    async with open_post() as post:
        post.refer("p-1")
        post.outbox.posted(
            Want(subject="alert/1", recipient="p-1", post="1", shown="a", urgent=True),
            conversation_id="a:group",
            activity_id="f:9",
            now=post.now,
        )
        post.want(shown="b")
        await post.drain()
        (call,) = world.connector.calls
        assert call.method == "PUT"
        assert call.path.endswith("/v3/conversations/a:group/activities/f:9")
        assert call.body["id"] == "f:9"
        assert post.drawing.drawn == [("alert/1", "p-1", "a:group")]


async def test_before_a_new_message_the_old_card_changes(open_post: OpenPost, world: World) -> None:
    """A changed `post` first puts the present card over the old one, then sends a new one, a second later."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        await post.drain()
        post.want(post="2", shown="b")
        seconds = await post.drain()
        assert post.methods == ["POST", "PUT", "POST"]
        assert world.connector.calls[1].path.endswith("/activities/sent-1")
        assert post.only().activity_id == "sent-3"
        assert seconds == pytest.approx(2, abs=0.01), "one second behind the first message, one behind the change"


async def test_a_card_that_is_gone_does_not_stop_the_message(open_post: OpenPost, world: World) -> None:
    """404 on a PUT leads to a POST, for a new face as for a new post; the person can still be reached."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        await post.drain()
        for changes in ({"shown": "b"}, {"post": "2", "shown": "c"}):
            world.connector.calls.clear()
            world.connector.faults.append(Fault(status=404))
            post.want(**changes)
            await post.drain()
            assert post.methods == ["PUT", "POST"]
        assert post.outbox.reference_of("p-1") is not None
        assert post.only().state is DeliveryState.SENT


async def test_what_is_over_ends_quietly(open_post: OpenPost, world: World) -> None:
    """Nothing to show any more: no call, and the delivery has ended; one that is not over is sent."""
    async with open_post() as post:
        post.refer("p-1")
        post.drawing.gone.add("alert/1")
        post.want()
        post.want("alert/2")
        await post.drain()
        assert len(world.connector.calls) == 1
        assert (post.only().state, post.only().error) == (DeliveryState.SENT, "nothing")


async def test_one_card_that_cannot_be_drawn_stops_no_other(open_post: OpenPost) -> None:
    """It is tried again and dead after ten times, the others are sent at once."""
    async with open_post() as post:
        post.refer("p-1")
        post.drawing.broken.add("alert/1")
        post.want()
        post.want("alert/2")
        await post.sender.pump()
        post.clock.advance(1)
        await post.sender.pump()
        assert post.only("alert/2").state is DeliveryState.SENT
        await post.drain()
        dead = post.only()
        assert (dead.state, dead.error, dead.attempts) == (DeliveryState.DEAD, "not_drawn", MAX_TRIES)


# -- faults -----------------------------------------------------------------------------------------------------------

UNKNOWN = {
    "408": Fault(status=408),
    "412": Fault(status=412),
    "500_accepted": Fault(status=500, accepted=True),
    "502": Fault(status=502),
    "503": Fault(status=503),
    "504_accepted": Fault(status=504, accepted=True),
    "reset": Fault(reset=True),
    "reset_accepted": Fault(reset=True, accepted=True),
}


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN)
async def test_only_what_must_arrive_is_sent_twice(fault: Fault, open_post: OpenPost, world: World) -> None:
    """RL-09, RL-10: an outcome nobody knows is repeated if urgent, and marked; otherwise it ends."""
    async with open_post() as post:
        post.refer("p-1")
        for subject, urgent, calls in (("alert/1", True, 2), ("ticket/1", False, 1)):
            world.connector.calls.clear()
            world.connector.faults.append(fault)
            post.want(subject, urgent=urgent)
            await post.drain()
            assert len(world.connector.calls) == calls
            told = post.only(subject)
            assert (told.state, told.maybe_twice) == (DeliveryState.SENT, urgent)
            assert told.error == ("" if urgent else "unknown")
            assert told.activity_id == ("sent-2" if urgent else "")


@pytest.mark.parametrize("fault", UNKNOWN.values(), ids=UNKNOWN)
async def test_a_change_in_place_is_always_repeated(fault: Fault, open_post: OpenPost, world: World) -> None:
    """A PUT of unknown outcome goes again, urgent or not, and is no second copy."""
    async with open_post() as post:
        post.refer("p-1")
        post.want(urgent=False)
        await post.drain()
        world.connector.faults.append(fault)
        post.want(urgent=False, shown="b")
        await post.drain()
        assert post.methods == ["POST", "PUT", "PUT"]
        assert (post.only().told_shown, post.only().maybe_twice) == ("b", False)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 5), ("0", 5), ("60", 60), ("86400", 900), ("Wed, 21 Oct 2026 07:28:00 GMT", 5), ("x", 5)],
)
async def test_throttling_is_obeyed(header: str, seconds: float, open_post: OpenPost, world: World) -> None:
    """RL-08: the same message is not sent before its time, another to that conversation neither, one to others is."""
    async with open_post() as post:
        post.refer("p-1", "p-2")
        post.want()
        world.connector.faults.append(Fault(status=429, headers={"Retry-After": header}))
        await post.sender.pump()
        post.want("alert/2")
        post.want("alert/3", "p-2")
        await post.sender.pump()
        assert [call.path.split("/")[4] for call in world.connector.calls] == ["a:p-1", "a:p-2"]
        started = post.clock.monotonic()
        while post.only().state is not DeliveryState.SENT:
            post.clock.advance(await post.sender.pump())
        assert seconds <= post.clock.monotonic() - started < seconds + 2
        assert post.metrics.outbound.labels("429")._value.get() == 1


async def test_a_refused_token_is_renewed_once_and_then_told(open_post: OpenPost, world: World) -> None:
    """RL-11: one renewal a try; health is red until the connector takes a token again, and nothing is lost."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        world.connector.faults.extend([Fault(status=401)] * 2)
        await post.sender.pump()
        assert (len(world.connector.calls), post.tokens.calls) == (2, 2)
        assert (post.sender.problem, post.only().error) == ("connector_token", "unauthorized")
        world.connector.faults.append(Fault(status=401))
        await post.drain()
        assert post.sender.problem == ""
        assert (post.only().state, post.only().maybe_twice) == (DeliveryState.SENT, False)
        assert len(world.connector.calls) == 4


async def test_without_a_token_nothing_has_arrived(open_post: OpenPost, world: World) -> None:
    """No identity platform is no reason to call a delivery done or maybe sent, urgent or not."""
    async with open_post() as post:
        post.refer("p-1")
        post.want("ticket/1", urgent=False)
        post.tokens.down = True
        await post.sender.pump()
        assert (world.connector.calls, post.only("ticket/1").error) == ([], "not_sent")
        post.tokens.down = False
        await post.drain()
        assert (post.only("ticket/1").state, post.only("ticket/1").maybe_twice) == (DeliveryState.SENT, False)


@pytest.mark.parametrize("status", [403, 404])
async def test_who_has_removed_the_bot_is_left_alone(status: int, open_post: OpenPost, world: World) -> None:
    """RL-12, SC-11: the reference is dropped, nothing more is sent there, the next recipient gets the alert."""
    async with open_post() as post:
        post.refer("p-1", "p-2")
        post.want()
        post.want("alert/2")
        world.connector.faults.append(Fault(status=status))
        await post.drain()
        assert post.outbox.reference_of("p-1") is None
        assert len(world.connector.calls) == 1
        assert [one.about for one in post.outbox.findings(post.now + 900 * SECOND)] == ["outbox"]
        post.want(recipient="p-2")
        post.want("alert/2", recipient="p-2")
        await post.drain()
        assert [call.path.split("/")[4] for call in world.connector.calls] == ["a:p-1", "a:p-2", "a:p-2"]
        assert post.outbox.findings(post.now + 900 * SECOND) == ()


@pytest.mark.parametrize("status", [400, 413])
async def test_what_is_rejected_goes_in_its_short_form(status: int, open_post: OpenPost, world: World) -> None:
    """A card the connector does not take is sent as its plain text, once; if that is rejected too it is dead."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        world.connector.faults.append(Fault(status=status))
        await post.drain()
        first, second = world.connector.calls
        assert "attachments" in first.body
        assert second.body == {
            "type": "message",
            "textFormat": "plain",
            "text": "short alert/1",
            "conversation": {"id": "a:p-1"},
        }
        assert (post.only().state, post.only().error) == (DeliveryState.SENT, "short_form")
        world.connector.faults.extend([Fault(status=status)] * 2)
        post.want("alert/2")
        await post.drain()
        assert (post.only("alert/2").state, post.only("alert/2").error) == (DeliveryState.DEAD, "rejected")
        assert len(world.connector.calls) == 4


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "https://127.0.0.1.evil.example/", "http://x@127.0.0.1/", "ftp://127.0.0.1/", ""]
)
async def test_a_changed_address_gets_neither_message_nor_token(url: str, open_post: OpenPost, world: World) -> None:
    """RL-13: no token is fetched and nothing sent; it is dead, and a finding; a good address beside it is served."""
    async with open_post() as post:
        post.refer("p-1", "p-2")
        stored = post.desk.references.get("p-1")
        post.desk.references.replace(replace(stored, service_url=url))
        post.want()
        await post.drain()
        assert (post.tokens.calls, world.outbound) == (0, 0)
        assert (post.only().state, post.only().error) == (DeliveryState.DEAD, "foreign_host")
        assert "references" in {one.about for one in post.outbox.findings(post.now)}
        post.want("alert/2", "p-2")
        await post.drain()
        assert len(world.connector.calls) == 1


async def test_ten_tries_of_a_message_that_never_arrives(open_post: OpenPost, world: World) -> None:
    """RL-10: a connector that fails all day is asked ten times for one message, within 24 hours, then it is dead."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        world.connector.faults.extend([Fault(status=503)] * 20)
        seconds = await post.drain()
        assert len(world.connector.calls) == MAX_TRIES
        assert 0.5 * 86_400 < seconds < 86_400
        assert (post.only().state, post.only().maybe_twice) == (DeliveryState.DEAD, True)


# -- pace -------------------------------------------------------------------------------------------------------------


async def test_a_thousand_messages_meet_no_429(open_post: OpenPost, world: World) -> None:
    """1,000 messages to 300 conversations through a connector with Teams' own limits: all arrive, none is refused."""
    async with open_post() as post:
        limits = world.connector.limits = TeamsLimits(post.clock.monotonic)
        people = [f"p-{number}" for number in range(300)]
        post.refer(*people)
        wants = [
            Want(subject=f"alert/{number}", recipient=people[number % 300], post="1", shown="a", urgent=number % 2 == 0)
            for number in range(1_000)
        ]
        assert post.outbox.want(wants, post.now) == 1_000
        seconds = await post.drain()
        assert limits.refused == 0
        assert len(world.connector.calls) == 1_000
        assert {one.state for one in post.desk.deliveries.all()} == {DeliveryState.SENT}
        assert seconds == pytest.approx(40, abs=2), "25 a second"
        assert post.metrics.deliveries.labels("sent")._value.get() == 1_000


async def test_without_pace_teams_says_no(open_post: OpenPost, world: World) -> None:
    """The control: the same connector refuses who sends as fast as possible; and all the same everything arrives."""
    async with open_post() as post:
        limits = world.connector.limits = TeamsLimits(post.clock.monotonic)
        fast = ((10_000, 1.0),)
        post.sender = Sender(replace(post.parts, pace=Pace(per_conversation=fast, overall=fast)))
        people = [f"p-{number}" for number in range(60)]
        post.refer(*people)
        for person in people:
            post.want(recipient=person)
        await post.drain()
        assert limits.refused > 0
        assert {one.state for one in post.outbox.report("alert/1")} == {DeliveryState.SENT}


async def test_one_conversation_gets_its_messages_in_order(open_post: OpenPost, world: World) -> None:
    """Urgent first, then by age, one a second, never two at the same time."""
    async with open_post() as post:
        post.refer("p-1")
        for number in range(5):
            post.want(f"ticket/{number}", urgent=False)
            post.clock.advance(0.001)
        post.want("alert/1")
        assert await post.drain() == pytest.approx(5, abs=0.1)
        said = [call.body["summary"].removeprefix("summary ") for call in world.connector.calls]
        assert said == ["alert/1", *(f"ticket/{number}" for number in range(5))]


class Wire:
    """A connector without HTTP that is down until a moment, with Teams' limits; counts what people see."""

    def __init__(self, clock: FakeClock, *, down_until: float = 0.0) -> None:
        self.limits = TeamsLimits(clock.monotonic)
        self.seen: Counter[str] = Counter()
        self.tried = 0
        self._clock, self._down_until = clock, down_until

    async def post(self, reference: Reference, activity: Any) -> str:
        """Take a message."""
        await self._take(reference)
        self.seen[f"{activity['summary']}@{reference.id}"] += 1
        return f"f:{self.seen.total()}"

    async def put(self, reference: Reference, activity_id: str, activity: Any) -> None:
        """Take a change."""
        del activity_id, activity
        await self._take(reference)

    async def _take(self, reference: Reference) -> None:
        self.tried += 1
        if self._clock.monotonic() < self._down_until:
            raise AmbiguousError
        assert not self.limits.refuses(reference.conversation_id), "Teams says 429"


async def test_a_day_without_network_is_caught_up_within_limits(open_post: OpenPost) -> None:
    """RL-15: 10,000 urgent deliveries after 24 h of outage: all arrive once, no 429, and the outage was no storm."""
    async with open_post() as post:
        wire = Wire(post.clock, down_until=86_400.0)
        post.sender = Sender(replace(post.parts, connector=wire))
        people = [f"p-{number}" for number in range(50)]
        post.refer(*people)
        post.outbox.want(
            (
                Want(subject=f"alert/{number}", recipient=person, post="1", shown="a", urgent=True)
                for number in range(200)
                for person in people
            ),
            post.now,
        )
        while post.clock.monotonic() < 86_400.0:
            # Three times slower than it may: each look at 10,000 takes its time, and the tests are to be quick.
            post.clock.advance(max(900.0, await post.sender.pump()) if wire.tried > 40 else await post.sender.pump())
        assert wire.tried < 500, "a silent host is left in peace"
        while wire.seen.total() < 10_000 and post.clock.monotonic() < 90_000.0:
            post.clock.advance(await post.sender.pump())
        assert post.clock.monotonic() < 86_400 + 300 + 450
        assert len(wire.seen) == 10_000
        assert set(wire.seen.values()) == {1}
        assert wire.limits.refused == 0


# -- crashes and stores -----------------------------------------------------------------------------------------------


class CrashError(BaseException):
    """The process dies."""


async def test_a_crash_between_sending_and_noting(open_post: OpenPost, world: World, tmp_path: Path) -> None:
    """RL-14: after a restart one more copy at most, and marked; nothing urgent is lost, others are not sent again."""
    async with open_post(open_desk(tmp_path)) as post:
        people = [f"p-{number}" for number in range(10)]
        post.refer(*people)
        for number, person in enumerate(people):
            post.want(recipient=person, urgent=number % 2 == 0)

        def die(*_: Any, **__: Any) -> None:
            raise CrashError

        dying = replace(post.parts, outbox=Dying(post.outbox, die))
        with suppress(CrashError):
            await Sender(dying).pump()
        await asyncio.sleep(0)
        assert {one.state for one in post.outbox.report("alert/1")} == {DeliveryState.SENDING}
        post.restart()
        await post.drain()
        copies = Counter(call.path.split("/")[4] for call in world.connector.calls)
        for one in post.outbox.report("alert/1"):
            assert one.state is DeliveryState.SENT
            assert one.maybe_twice is one.urgent
            assert copies[f"a:{one.recipient}"] in ({1, 2} if one.urgent else {0, 1})
        post.desk.close()


class Dying:
    """An outbox that cannot note what came of anything."""

    def __init__(self, outbox: Outbox, settle: Callable[..., Any]) -> None:
        self._outbox = outbox
        self.settle = settle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)


async def test_what_could_not_be_noted_is_noted_before_anything_is_sent(open_post: OpenPost, world: World) -> None:
    """A store that cannot be written: health is red, nothing is sent twice or anew; well again, everything goes on."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        post.want("alert/2")
        full = True

        def settle(*args: Any, **options: Any) -> Any:
            if full:
                raise StateError
            return post.outbox.settle(*args, **options)

        post.sender = Sender(replace(post.parts, outbox=Dying(post.outbox, settle)))
        for _ in range(3):
            assert await post.sender.pump() == STORE_SECONDS
            assert post.sender.problem == "outbox_store"
            assert len(world.connector.calls) == 1
            post.clock.advance(STORE_SECONDS)
        assert [one.state for one in post.desk.deliveries.all()] == [DeliveryState.SENDING, DeliveryState.WAITING]
        full = False
        await post.drain()
        assert post.sender.problem == ""
        assert len(world.connector.calls) == 2
        assert {one.state for one in post.desk.deliveries.all()} == {DeliveryState.SENT}


async def test_the_sender_runs_until_it_is_stopped(open_post: OpenPost, world: World) -> None:
    """Woken it looks at once, stopped it ends after the calls that are out, which are noted."""
    async with open_post() as post:
        post.refer("p-1", "p-2")
        running = asyncio.create_task(post.sender.run())
        post.want()
        post.sender.wake()
        await world.connector.wait_for(1)
        let_go = asyncio.Event()
        world.connector.faults.append(Fault(accepted=True, until=let_go))
        post.want("alert/2", "p-2")
        post.sender.wake()
        await world.connector.wait_for(2)
        post.sender.stop()
        let_go.set()
        async with asyncio.timeout(5):
            await running
        assert {one.state for one in post.desk.deliveries.all()} == {DeliveryState.SENT}


async def test_nothing_ends_the_sender(open_post: OpenPost, world: World) -> None:
    """An error nobody has thought of is logged, and the sender goes on when it is over."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        recover, failed = post.outbox.recover, threading.Event()

        def fail_once(now: Instant) -> int:
            if not failed.is_set():
                failed.set()
                raise ZeroDivisionError
            return recover(now)

        broken = Dying(post.outbox, post.outbox.settle)
        broken.recover = fail_once  # type: ignore[attr-defined]
        sender = Sender(replace(post.parts, outbox=broken))
        running = asyncio.create_task(sender.run())
        assert await asyncio.to_thread(failed.wait, 5)
        sender.wake()
        await world.connector.wait_for(1)
        sender.stop()
        await running


async def test_calls_at_the_same_time_are_few(open_post: OpenPost, world: World) -> None:
    """However many are due, at most eight calls are out at once, and they are out together."""
    async with open_post() as post:
        people = [f"p-{number}" for number in range(20)]
        post.refer(*people)
        for person in people:
            post.want(recipient=person)
        let_go = asyncio.Event()
        world.connector.faults.extend([Fault(accepted=True, until=let_go)] * 20)
        pumping = asyncio.create_task(post.sender.pump())
        await world.connector.wait_for(8)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(world.connector.calls) == 8
        let_go.set()
        await pumping
        assert len(world.connector.calls) == 20


async def test_a_long_gone_day_is_not_forgotten(open_post: OpenPost) -> None:
    """A bot that was off for three days sends what waits at once."""
    async with open_post() as post:
        post.refer("p-1")
        post.want()
        post.clock.advance(3 * DAY / SECOND)
        post.restart()
        assert await post.drain() == 0
        assert post.only().state is DeliveryState.SENT
