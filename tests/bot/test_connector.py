"""How the bot answers when the connector is unwell: attempts as security.md 5.2 says, and never a 5xx of its own."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.utils import format_datetime

import aiohttp
import pytest
from botbuilder.core import TurnContext
from botbuilder.schema import ConversationAccount, ConversationReference

from bot.adapter.activity import WireActivity
from bot.adapter.authentication import GuardedAuthentication
from bot.adapter.cloud_adapter import HardenedAdapter
from bot.adapter.connector import ATTEMPTS, LONGEST_PAUSE, Conversations, PooledConnectors, pause_seconds
from bot.adapter.hosts import HostList
from data.errors import AmbiguousError, DeliveryError, ForbiddenError, GoneError, RejectedError, ThrottledError
from tests.world import APP_ID, FakeClock, Fault, LiveBot, StartBot, World

pytestmark = pytest.mark.asyncio(loop_scope="session")


class CountingToken:
    """The token port: a new word after each refusal; `calls` counts who asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.forgotten: list[str] = []

    async def get(self) -> str:
        """Give the token."""
        self.calls += 1
        return f"token-{len(self.forgotten)}"

    def forget(self, token: str) -> None:
        """Drop a refused token."""
        self.forgotten.append(token)


class Bench:
    """The bot's connector client alone, with what it was seen to do."""

    def __init__(self, conversations: Conversations, token: CountingToken, outcomes: Counter[str]) -> None:
        self.conversations = conversations
        self.token = token
        self.outcomes = outcomes

    async def send(self, conversation: str = "a:1", activity: str = "") -> str | None:
        """Write into a conversation, or answer an activity."""
        message = WireActivity({"attachments": []}, type="message")
        if activity:
            return (await self.conversations.reply_to_activity(conversation, activity, message)).id
        return (await self.conversations.send_to_conversation(conversation, message)).id

    async def update(self) -> str | None:
        """Replace an activity."""
        message = WireActivity({"attachments": []}, type="message")
        return (await self.conversations.update_activity("a:1", "f:1", message)).id


OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture
def open_bench(world: World) -> OpenBench:
    """Give what builds a connector client with a time-out of its own, for the world's connector or another address."""

    @asynccontextmanager
    async def open_one(*, url: str = "", seconds: float = 5.0) -> AsyncIterator[Bench]:
        token, outcomes = CountingToken(), Counter[str]()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as session:
            conversations = Conversations(
                service_url=url or world.service_url,
                session=session,
                token=token,
                observe=lambda outcome: outcomes.update([outcome]),
            )
            yield Bench(conversations, token, outcomes)

    return open_one


@pytest.fixture
def closed_port() -> int:
    """Give a loopback port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def throttled(retry_after: str | None) -> Fault:
    """Build a 429."""
    return Fault(status=429, headers={} if retry_after is None else {"Retry-After": retry_after})


# -- whole turns ----------------------------------------------------------------------------------------------------

NOT_REPEATED: Mapping[str, tuple[Fault, str]] = {
    "400": (Fault(status=400), "RejectedError"),
    "403": (Fault(status=403), "GoneError"),
    "404": (Fault(status=404), "GoneError"),
    "408": (Fault(status=408), "_UnknownOutcomeError"),
    "412": (Fault(status=412), "_UnknownOutcomeError"),
    "413": (Fault(status=413), "RejectedError"),
    "429_for_a_day": (throttled("86400"), "ThrottledError"),
    "429_just_too_long": (throttled(str(LONGEST_PAUSE + 1)), "ThrottledError"),
    "500": (Fault(status=500), "_UnknownOutcomeError"),
    "500_accepted": (Fault(status=500, accepted=True), "_UnknownOutcomeError"),
    "502_accepted": (Fault(status=502, accepted=True), "_UnknownOutcomeError"),
    "503_accepted": (Fault(status=503, accepted=True), "_UnknownOutcomeError"),
    "503_with_a_pause": (Fault(status=503, headers={"Retry-After": "0"}), "_UnknownOutcomeError"),
    "504_accepted": (Fault(status=504, accepted=True), "_UnknownOutcomeError"),
    "reset": (Fault(reset=True), "_UnknownOutcomeError"),
    "reset_accepted": (Fault(reset=True, accepted=True), "_UnknownOutcomeError"),
    "redirect": (Fault(status=302, headers={"Location": "/elsewhere"}), "RejectedError"),
    "permanent_redirect": (Fault(status=308, headers={"Location": "/elsewhere"}), "RejectedError"),
}


@pytest.mark.parametrize(("fault", "error"), NOT_REPEATED.values(), ids=NOT_REPEATED)
async def test_answer_that_may_have_arrived_is_not_repeated(
    fault: Fault, error: str, unlucky_bot: LiveBot, world: World
) -> None:
    """One attempt where a second is useless or would say it twice; Teams gets no 5xx, and the next turn is answered."""
    failed = unlucky_bot.parts.metrics.failed.labels(error)
    before = failed._value.get()
    world.connector.faults.append(fault)
    assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert [call.method for call in world.connector.calls] == ["POST"]
    assert failed._value.get() == before + 1
    assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert len(world.connector.calls) == 2


PAUSES: Mapping[str, tuple[str | None, float]] = {
    "none": (None, 1.0),
    "0": ("0", 0.0),
    "1": ("1", 1.0),
    "date": (format_datetime(FakeClock().now(), usegmt=True), 1.0),
    "garbage": ("soon", 1.0),
}


@pytest.mark.parametrize(("retry_after", "pause"), PAUSES.values(), ids=PAUSES)
async def test_throttled_answer_is_repeated_after_the_pause(
    retry_after: str | None, pause: float, unlucky_bot: LiveBot, world: World
) -> None:
    """A 429 is repeated within the turn, not before the pause asked for; a date or garbage counts as a second."""
    world.connector.faults.append(throttled(retry_after))
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert loop.time() - started >= pause
    assert len(world.connector.calls) == 2
    assert len(world.connector.accepted) == 1
    assert world.connector.calls[0].body == world.connector.calls[1].body


async def test_throttling_is_given_up(unlucky_bot: LiveBot, world: World) -> None:
    """A connector that throttles for ever gets so many attempts, and Teams no error."""
    world.connector.faults.extend([throttled("0")] * 10)
    assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert len(world.connector.calls) == ATTEMPTS


async def test_updated_card_is_repeated(unlucky_bot: LiveBot, world: World) -> None:
    """Replacing a card twice does no harm, so an unknown outcome of a PUT is repeated."""
    world.connector.faults.extend([Fault(status=503, accepted=True), Fault(reset=True)])
    submitted = world.message(text="", value={"verb": "show_help"}, replyToId="f:card")
    assert (await unlucky_bot.post(submitted, token=world.token())).status == 201
    assert [call.method for call in world.connector.calls] == ["PUT"] * 3
    assert all(call.path.endswith("/activities/f:card") for call in world.connector.calls)


async def test_refused_token_is_renewed_once(start_bot: StartBot, world: World) -> None:
    """After a 401 the bot fetches a new token and tries once more with it."""
    async with start_bot() as bot:
        world.connector.faults.append(Fault(status=401))
        assert (await bot.post(world.message(), token=world.token())).status == 201
        assert world.authority.token_calls == 2
        first, second = (call.authorization for call in world.connector.calls)
        assert first != second
        assert len(world.connector.accepted) == 1
        await bot.post(world.message(), token=world.token())
        assert world.connector.calls[-1].authorization == second
        assert world.authority.token_calls == 2


async def test_refused_tokens_are_not_tried_for_ever(start_bot: StartBot, world: World) -> None:
    """A second 401 in the same turn is the end of it: two calls, two tokens."""
    async with start_bot() as bot:
        world.connector.faults.extend([Fault(status=401)] * 10)
        assert (await bot.post(world.message(), token=world.token())).status == 201
        assert len(world.connector.calls) == 2
        assert world.authority.token_calls == 2


async def test_without_a_token_nothing_is_sent(start_bot: StartBot, world: World) -> None:
    """While the identity platform refuses, messages get no answer but no 5xx either, and buttons work all the same."""
    async with start_bot() as bot:
        world.authority.status = 401
        assert (await bot.post(world.message(), token=world.token())).status == 201
        assert world.connector.calls == []
        assert (await bot.post(world.invoke(), token=world.token())).json()["statusCode"] == 200
        world.authority.status = 200
        assert (await bot.post(world.message(), token=world.token())).status == 201
        assert len(world.connector.accepted) == 1


async def test_redirect_is_not_followed(unlucky_bot: LiveBot, world: World) -> None:
    """A connector that sends the bot elsewhere does not get its token sent there."""
    elsewhere = f"{world.key_server.base}/thief"
    world.connector.faults.append(Fault(status=307, headers={"Location": elsewhere}))
    assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert world.key_server.strays == []
    assert len(world.connector.calls) == 1


async def test_answer_without_json_is_enough(unlucky_bot: LiveBot, world: World) -> None:
    """A connector that says 2xx and nothing readable has taken the activity: it is not sent twice."""
    for body in (b"", b"<html>", b"[]", b'{"id": 7}'):
        world.connector.faults.append(Fault(status=201, body=body, accepted=True))
        assert (await unlucky_bot.post(world.message(), token=world.token())).status == 201
    assert len(world.connector.calls) == 4


async def test_slow_connector_delays_nobody_else(unlucky_bot: LiveBot, world: World) -> None:
    """While one answer hangs at the connector, others are answered."""
    gate = asyncio.Event()
    world.connector.faults.append(Fault(until=gate, accepted=True))
    slow = asyncio.create_task(unlucky_bot.post(world.message(), token=world.token()))
    await world.connector.wait_for(1)
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(unlucky_bot.post(world.message(), token=world.token()) for _ in range(20)))
    assert {answer.status for answer in answers} == {201}
    assert not slow.done()
    gate.set()
    assert (await slow).status == 201


async def test_many_turns_share_few_connections(start_bot: StartBot, world: World) -> None:
    """A hundred turns in a row need one connection to the connector (the stock SDK opens one a turn: D7)."""
    token = world.token()
    async with start_bot() as bot:
        for _ in range(100):
            assert (await bot.post(world.message(), token=token)).status == 201
    assert len(world.connector.calls) == 100
    assert len(world.connector.connections) == 1


async def test_second_turn_asks_the_identity_platform_nothing(start_bot: StartBot, world: World) -> None:
    """The first answer costs the identity calls, all later ones none (D2, F9)."""
    async with start_bot() as bot:
        await bot.post(world.message(), token=world.token())
        first = len(world.authority.calls)
        assert world.authority.token_calls == 1
        for _ in range(10):
            await bot.post(world.message(), token=world.token())
        assert len(world.authority.calls) == first
        assert len(world.connector.accepted) == 11


# -- the client alone -----------------------------------------------------------------------------------------------


async def test_time_out_is_not_repeated(open_bench: OpenBench, world: World) -> None:
    """A connector slower than the bot waits has perhaps taken the message: one attempt, outcome unknown."""
    gate = asyncio.Event()
    world.connector.faults.append(Fault(until=gate, accepted=True))
    async with open_bench(seconds=0.2) as bench:
        with pytest.raises(AmbiguousError):
            await bench.send()
        gate.set()
        assert len(world.connector.calls) == 1
        assert bench.outcomes == {"unknown": 1}
        assert await bench.send() == "sent-2"


async def test_update_that_timed_out_is_repeated(open_bench: OpenBench, world: World) -> None:
    """A card's replacement is sent again after a time-out."""
    gate = asyncio.Event()
    world.connector.faults.append(Fault(until=gate))
    async with open_bench(seconds=0.3) as bench:
        assert await bench.update() == "sent-2"
        gate.set()
    assert [call.method for call in world.connector.calls] == ["PUT", "PUT"]


async def test_refused_connection_is_tried_again(open_bench: OpenBench, closed_port: int) -> None:
    """Where no connection could be made nothing was sent, so it is tried again; then the caller is told."""
    async with open_bench(url=f"http://127.0.0.1:{closed_port}/") as bench:
        with pytest.raises(DeliveryError) as caught:
            await bench.send()
    assert not isinstance(caught.value, AmbiguousError)
    assert bench.outcomes == {"not_sent": ATTEMPTS}


OUTCOMES: Mapping[int, type[DeliveryError]] = {
    400: RejectedError,
    403: GoneError,
    404: GoneError,
    405: RejectedError,
    408: AmbiguousError,
    412: AmbiguousError,
    413: RejectedError,
    500: AmbiguousError,
    502: AmbiguousError,
    503: AmbiguousError,
    504: AmbiguousError,
    599: AmbiguousError,
}


@pytest.mark.parametrize(("status", "error"), OUTCOMES.items(), ids=str)
async def test_status_becomes_an_error_of_ours(
    status: int, error: type[DeliveryError], open_bench: OpenBench, world: World
) -> None:
    """Every refusal of the connector is an error of our own tree (D8), and none of the SDK's or of HTTP's."""
    async with open_bench() as bench:
        world.connector.faults.append(Fault(status=status))
        with pytest.raises(error):
            await bench.send()
        assert len(world.connector.calls) == 1
        assert await bench.send() == "sent-2"


async def test_long_throttling_is_told_as_such(open_bench: OpenBench, world: World) -> None:
    """Throttling that outlasts the turn, at once or after all attempts, is a `ThrottledError`."""
    async with open_bench() as bench:
        for faults in ([throttled("900")], [throttled("0")] * ATTEMPTS):
            world.connector.faults.extend(faults)
            with pytest.raises(ThrottledError):
                await bench.send()
    assert len(world.connector.calls) == 1 + ATTEMPTS
    assert bench.outcomes == {"429": 1 + ATTEMPTS}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), ("1", 1), ("2.5", 2.5), ("86400", 86400), ("-1", 1), ("nan", 1), ("inf", 1), ("", 1), ("soon", 1)],
)
async def test_pause_is_read_in_every_spelling(header: str, seconds: float) -> None:
    """A Retry-After is seconds; what cannot be read is one second."""
    assert pause_seconds(header) == seconds


HOSTILE_IDS = ("a/b", "a b", "a?b=c", "a#b", "a%2Fb", "../../x", "%2E%2E", "...", "ä", "a\\b", "a%")


@pytest.mark.parametrize("identity", HOSTILE_IDS, ids=repr)
async def test_id_stays_in_its_place_of_the_address(identity: str, open_bench: OpenBench, world: World) -> None:
    """No conversation or activity id, whatever is in it, leads to another address of the connector."""
    async with open_bench() as bench:
        await bench.send(identity, "f:1")
        await bench.send("a:1", identity)
    first, second = (call.path.split("/") for call in world.connector.calls)
    assert (first[1:4], first[5:]) == (["teams", "v3", "conversations"], ["activities", "f:1"])
    assert second[1:6] == ["teams", "v3", "conversations", "a:1", "activities"]
    assert len(second) == 7
    assert not {"?", "#"} & set("".join(first + second))


@pytest.mark.parametrize("identity", [".", ".."])
async def test_id_that_walks_up_the_address_is_refused(identity: str, open_bench: OpenBench, world: World) -> None:
    """An id of dots alone, which no quoting keeps in place, is not sent; one with a letter more is."""
    async with open_bench() as bench:
        with pytest.raises(RejectedError):
            await bench.send(identity, "f:1")
        with pytest.raises(RejectedError):
            await bench.send("a:1", identity)
        assert world.connector.calls == []
        await bench.send(f"{identity}x", "f:1")
        assert len(world.connector.calls) == 1


# -- where the token may go -----------------------------------------------------------------------------------------

FOREIGN_URLS = (
    "https://evil.example/",
    "https://smba.trafficmanager.net.evil.example/",
    "https://smba.trafficmanager.net@evil.example/",
    "http://smba.trafficmanager.net/",
    "https://smba.trafficmanager.net:8443/",
    "https://169.254.169.254/",
    "",
)


@pytest.fixture
def token() -> CountingToken:
    """Give a token that counts who asked."""
    return CountingToken()


@pytest.fixture
async def connectors(world: World, token: CountingToken) -> AsyncIterator[PooledConnectors]:
    """Give the connector factory for the world's connector."""
    del world
    hosts = HostList(["127.0.0.1", "smba.trafficmanager.net"])
    async with aiohttp.ClientSession() as session:
        yield PooledConnectors(hosts=hosts, token=token, session=session, observe=lambda _: None)


@pytest.mark.parametrize("url", FOREIGN_URLS, ids=repr)
async def test_foreign_service_url_gets_no_connector(
    url: str, connectors: PooledConnectors, token: CountingToken, world: World
) -> None:
    """For a host that is not listed there is no connector and no token; for a listed one there is (RL-13)."""
    with pytest.raises(ForbiddenError):
        await connectors.create(url, "audience")
    assert token.calls == 0
    connector = await connectors.create(world.service_url, "audience")
    await connector.conversations.send_to_conversation("a:1", WireActivity({}, type="message"))
    assert token.calls == 1


async def test_connector_is_made_once_for_a_service_url(connectors: PooledConnectors, world: World) -> None:
    """Turns of one service URL share one connector."""
    first = await connectors.create(world.service_url, "audience")
    assert await connectors.create(world.service_url, "other") is first


def reference(service_url: str) -> ConversationReference:
    """Build a stored conversation reference."""
    return ConversationReference(
        activity_id=None,
        channel_id="msteams",
        service_url=service_url,
        conversation=ConversationAccount(id="a:stored"),
        bot=None,
    )


async def test_stored_foreign_service_url_gets_no_token(
    connectors: PooledConnectors, token: CountingToken, world: World
) -> None:
    """A stored reference that somebody changed leads nowhere; an unchanged one gets to its conversation (RL-13)."""
    authentication = GuardedAuthentication(app_id=APP_ID, verifier=None, gate=lambda *_: None, connectors=connectors)
    adapter = HardenedAdapter(authentication)

    async def speak(context: TurnContext) -> None:
        await context.send_activity(WireActivity({"summary": "x"}, type="message"))

    with pytest.raises(ForbiddenError):
        await adapter.continue_conversation(reference("https://evil.example/"), speak, APP_ID)
    assert (token.calls, world.connector.calls) == (0, [])
    await adapter.continue_conversation(reference(world.service_url), speak, APP_ID)
    assert token.calls == 1
    assert world.connector.calls[0].path.startswith("/teams/v3/conversations/a:stored/activities")
