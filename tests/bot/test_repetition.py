"""Teams delivers slow activities again, up to four times, some under a new id: one answer, one effect (P10)."""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.adapter.cloud_adapter import invoke_response
from bot.server import Edge
from data.stores.interface import FeedbackCount
from data.stores.tinydb_store import TinyFeedbackStore
from dialogs.turn import Reply, Turn
from tests.world import ADMIN, Fault, LiveBot, StartBot, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEEDBACK = {"id": "recording", "lang": "de"}

CountFeedback = Callable[[], Awaitable[tuple[FeedbackCount, ...]]]


@pytest.fixture
def count_feedback(tmp_path: Path) -> CountFeedback:
    """Give what reads the counts that the stopped bot of `start_bot` left behind."""

    async def count() -> tuple[FeedbackCount, ...]:
        store = TinyFeedbackStore(tmp_path / "state-1" / "feedback.json")
        try:
            return await store.counts()
        finally:
            store.close()

    return count


def repeated(bot: LiveBot) -> float:
    """Tell how many repetitions the bot has noticed."""
    return float(bot.parts.metrics.repeated._value.get())


async def test_message_delivered_four_times_is_answered_once(bot: LiveBot, world: World) -> None:
    """The same message, four times in a row, gets one answer; the next message gets its own."""
    message, token, before = world.message(), world.token(), repeated(bot)
    statuses = [(await bot.post(message, token=token)).status for _ in range(4)]
    assert statuses == [201] * 4
    assert len(world.connector.calls) == 1
    assert repeated(bot) == before + 3
    await bot.post(message | {"id": "f:another"}, token=token)
    assert len(world.connector.calls) == 2


async def test_fifty_deliveries_at_once_are_answered_once(bot: LiveBot, world: World) -> None:
    """Fifty parallel deliveries of one message get one answer, and each a good HTTP answer."""
    message, token = world.message(), world.token()
    answers = await asyncio.gather(*(bot.post(message, token=token) for _ in range(50)))
    assert {answer.status for answer in answers} == {201}
    assert len(world.connector.calls) == 1


async def test_delivery_while_the_first_is_under_way_is_answered_once(unlucky_bot: LiveBot, world: World) -> None:
    """A repetition that comes while the connector is slow waits for the first and says nothing of its own."""
    gate, message, token = asyncio.Event(), world.message(), world.token()
    world.connector.faults.append(Fault(until=gate, accepted=True))
    first = asyncio.create_task(unlucky_bot.post(message, token=token))
    await world.connector.wait_for(1)
    second = asyncio.create_task(unlucky_bot.post(message, token=token))
    other = await unlucky_bot.post(world.message(), token=token)
    assert other.status == 201
    gate.set()
    assert [(await answer).status for answer in (first, second)] == [201, 201]
    assert len(world.connector.calls) == 2


async def test_repetition_with_another_time_is_one(bot: LiveBot, world: World) -> None:
    """A repetition may have another timestamp and a fresh token; it is the conversation and the id that count."""
    message = world.message()
    await bot.post(message, token=world.token())
    await bot.post(message | {"timestamp": "2026-03-02T10:12:00Z"}, token=world.token(lifetime=1800))
    assert len(world.connector.calls) == 1


async def test_same_id_in_another_conversation_is_no_repetition(bot: LiveBot, world: World) -> None:
    """Ids are unique within a conversation only."""
    message, token = world.message(), world.token()
    other = message | {"conversation": message["conversation"] | {"id": "a:another"}}
    await bot.post(message, token=token)
    await bot.post(other, token=token)
    assert len(world.connector.calls) == 2


async def test_message_without_an_id_is_always_answered(bot: LiveBot, world: World) -> None:
    """Where nothing tells deliveries apart, an answer too many is better than none."""
    message = {key: value for key, value in world.message().items() if key != "id"}
    for _ in range(2):
        assert (await bot.post(message, token=world.token())).status == 201
    assert len(world.connector.calls) == 2


async def test_answer_that_may_have_arrived_is_not_given_again(unlucky_bot: LiveBot, world: World) -> None:
    """When nobody knows whether the first answer arrived, a redelivery does not say it a second time."""
    message, token = world.message(), world.token()
    world.connector.faults.append(Fault(status=503, accepted=True))
    for _ in range(3):
        assert (await unlucky_bot.post(message, token=token)).status == 201
    assert len(world.connector.calls) == 1
    assert len(world.connector.accepted) == 1


async def test_refused_delivery_is_not_remembered(bot: LiveBot, world: World) -> None:
    """A delivery that was refused at the gate does not stop the proper one after it."""
    message = world.message()
    assert (await bot.post(message, token="wrong")).status == 401
    assert (await bot.post(message | {"channelId": "webchat"}, token=world.token())).status == 401
    assert world.connector.calls == []
    assert (await bot.post(message, token=world.token())).status == 201
    assert len(world.connector.calls) == 1


class BrokenOnce:
    """A router that breaks down wholly in its first turn, apology and all, and works ever after."""

    def __init__(self, router: Any) -> None:
        self._router = router
        self.turns = 0

    async def reply(self, turn: Turn) -> Reply:
        """Decide."""
        self.turns += 1
        if self.turns == 1:
            raise LookupError
        return await self._router.reply(turn)  # type: ignore[no-any-return]

    def failed(self, turn: Turn, *, reference: str) -> Reply:
        """Apologise."""
        del turn, reference
        raise LookupError


@pytest.mark.parametrize("kind", ["message", "invoke"])
async def test_failed_first_attempt_is_tried_again(kind: str, start_bot: StartBot, world: World) -> None:
    """A turn that died leaves nothing behind: its redelivery is answered, once."""

    def breaking(parts: Any) -> Edge:
        handler = parts.edge._handler
        handler._router = BrokenOnce(handler._router)
        return parts.edge  # type: ignore[no-any-return]

    async with start_bot(edge=breaking) as bot:
        body = world.message() if kind == "message" else world.invoke()
        await bot.post(body, token=world.token())
        assert world.connector.calls == []
        answers = [await bot.post(body, token=world.token()) for _ in range(3)]
        assert {answer.status for answer in answers} == {201 if kind == "message" else 200}
        assert len({answer.body for answer in answers}) == 1
        assert len(world.connector.calls) == (1 if kind == "message" else 0)


@pytest.mark.parametrize("renumbered", [False, True], ids=["same_id", "new_id"])
@pytest.mark.parametrize("together", [False, True], ids=["in_a_row", "at_once"])
async def test_pressed_button_counts_once(
    renumbered: bool, together: bool, start_bot: StartBot, world: World, count_feedback: CountFeedback
) -> None:
    """A press delivered again, under its own id or a new one, gives the same card and counts once."""
    press, token = world.invoke("feedback_yes", FEEDBACK), world.token()
    deliveries = [press | ({"id": f"f:again-{number}"} if renumbered else {}) for number in range(5)]
    async with start_bot() as bot:
        if together:
            answers = await asyncio.gather(*(bot.post(body, token=token) for body in deliveries))
        else:
            answers = [await bot.post(body, token=token) for body in deliveries]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].json()["value"]["type"] == "AdaptiveCard"
    [count] = await count_feedback()
    assert (count.answer, count.helpful, count.not_helpful) == ("recording", 1, 0)


async def test_what_is_remembered_of_a_press_is_bytes() -> None:
    """A remembered answer is its JSON: thousands of cards as objects would stop the loop while garbage is collected."""
    card = {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "gelöscht"}] * 500}
    kept = invoke_response({"statusCode": 200, "value": card}).value
    assert json.loads(kept.body)["value"] == card
    assert not gc.is_tracked(kept.body)
    assert gc.is_tracked(card), "the control: what it was made of is"


async def test_other_presses_count_for_themselves(
    start_bot: StartBot, world: World, count_feedback: CountFeedback
) -> None:
    """Another person, another card, another chat or another button is another press."""
    press, token = world.invoke("feedback_yes", FEEDBACK), world.token()
    other_verb = world.invoke("feedback_no", FEEDBACK)["value"]
    async with start_bot() as bot:
        for change in (
            {},
            {"from": press["from"] | {"aadObjectId": ADMIN}},
            {"replyToId": "another-card"},
            {"conversation": press["conversation"] | {"id": "a:another"}},
            {"value": other_verb},
        ):
            assert (await bot.post(press | change | {"id": f"f:{change}"}, token=token)).status == 200
    [count] = await count_feedback()
    assert (count.helpful, count.not_helpful) == (4, 1)
