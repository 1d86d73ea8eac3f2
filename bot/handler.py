"""One turn: hears an activity, has it decided, sends the card; and always says something, even when it fails."""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from botbuilder.core import TurnContext
from botbuilder.schema import Activity

from bot.adapter.activity import WireActivity
from bot.adapter.cloud_adapter import INVOKE_RESPONSE, invoke_response
from bot.correspondence import Correspondence
from bot.identity import Directory
from bot.live import LiveRouter
from bot.logs import PersonHash
from bot.metrics import Metrics
from bot.seen import Seen
from bot.telemetry import Trace, Untraced
from bot.translate import Ignored, read_turn, write_card, write_invoke, write_invoke_error
from cards.verbs import LOOKS
from data.access import Actor
from data.errors import DeliveryError
from dialogs.turn import Reply, Turn, TurnKind

TYPING_AFTER_SECONDS = 1.0
NOTHING_DONE = frozenset({"rate_limited", "refused", "error"})
"""Outcomes of a press that did nothing: what stood in its way may be gone when the button is pressed again."""

Repetitions = Seen[Activity | None]
"""Remembers the answers to invokes; other activities have none."""

_log = structlog.get_logger(__name__)


class Handler:
    """The bot's logic for one turn."""

    def __init__(
        self,
        *,
        router: LiveRouter,
        directory: Directory,
        metrics: Metrics,
        person: PersonHash,
        seen: Repetitions,
        patience: Callable[[str], bool],
        look: Callable[[Mapping[str, Any], Actor], Awaitable[Actor]],
        correspondence: Correspondence | None = None,
        trace: Trace | None = None,
    ) -> None:
        """`patience` tells whether somebody may be answered now, `look` gives an actor with the roles of now."""
        self._router = router
        self._directory = directory
        self._metrics = metrics
        self._person = person
        self._seen = seen
        self._patience = patience
        self._look = look
        self._correspondence = correspondence
        self._trace = trace or Untraced()
        self._typing: set[asyncio.Task[None]] = set()

    async def on_turn(self, context: TurnContext) -> None:
        """Answer one activity once, however often it is delivered."""
        wire = context.activity.wire
        turn = read_turn(wire, await self._look(wire, self._directory.actor_of(wire)))
        if isinstance(turn, Ignored):
            await self._ignore(context, turn)
            return
        key = _repetition_key(context.activity, turn)
        if not key:
            await self._answer(context, turn)
            return

        async def work() -> Activity | None:
            reply = await self._answer(context, turn)
            if turn.kind is TurnKind.ACTION and reply.outcome in NOTHING_DONE:
                self._seen.forget(key)
            answer: Activity | None = context.turn_state.get(INVOKE_RESPONSE)
            return answer

        answer, repeated = await self._seen.once(key, work)
        if repeated:
            self._metrics.repeated.inc()
            if answer is not None:
                await context.send_activity(answer)

    async def _answer(self, context: TurnContext, turn: Turn) -> Reply:
        with self._trace.span("turn", kind=turn.kind.value) as span:
            reply = await self._answer_now(context, turn)
            span.mark(outcome=reply.outcome, lang=reply.lang.value)
        return reply

    async def _answer_now(self, context: TurnContext, turn: Turn) -> Reply:
        started = time.perf_counter()
        with self._typing_when_slow(context, turn):
            reply = await self._decide(turn)
        sent = ""
        try:
            sent = await self._send(context, turn, reply)
        except DeliveryError as error:
            # Told to the operator, not to the connector: a failed request would be delivered and answered again.
            self._metrics.failed_turn(error)
            _log.warning("reply not delivered", action="not_delivered", error=type(error).__name__)
        self._note(turn, reply, time.perf_counter() - started)
        if self._correspondence is not None:
            await self._correspondence.note(turn, reply, sent)
        return reply

    async def _ignore(self, context: TurnContext, ignored: Ignored) -> None:
        self._metrics.ignored.labels(ignored.reason).inc()
        if context.activity.type == "invoke":
            # An answer in the protocol's own form: silence would show people "unable to reach app".
            error = write_invoke_error("BadRequest", "This bot does not know this request.")
            await context.send_activity(invoke_response(error))

    async def _decide(self, turn: Turn) -> Reply:
        if not self._patience(f"{turn.actor.tenant_id}/{turn.actor.object_id or turn.place}"):
            self._metrics.refused.labels("rate_limited").inc()
            return self._router.too_many(turn)
        try:
            return await self._router.reply(turn)
        except Exception as error:  # noqa: BLE001  the last resort of a turn: tell the person, the log and the metrics
            reference = secrets.token_hex(4)
            self._metrics.failed_turn(error)
            _log.error("turn failed", action="turn_failed", error=type(error).__name__, reference=reference)
            return self._router.failed(turn, reference=reference)

    async def _send(self, context: TurnContext, turn: Turn, reply: Reply) -> str:
        """Send the answer; gives the id of the card that shows it now, "" where there is none."""
        activity = context.activity
        if activity.type == "invoke":
            await context.send_activity(invoke_response(write_invoke(reply, activity.name or "")))
            return activity.reply_to_id or ""
        if reply.card is not None:
            message = WireActivity(write_card(reply.card, summary=str(reply.card["fallbackText"])), type="message")
            if turn.kind is TurnKind.ACTION and activity.reply_to_id:
                # A submitted card (a client without Universal Actions) changes in place as well.
                message.id = activity.reply_to_id
                await context.update_activity(message)
                return str(activity.reply_to_id)
            answer = await context.send_activity(message)
            return str(answer.id or "") if answer else ""
        return ""

    @contextmanager
    def _typing_when_slow(self, context: TurnContext, turn: Turn) -> Iterator[None]:
        """Show one typing indicator, if deciding takes more than a second."""
        if turn.kind is not TurnKind.MESSAGE:
            yield
            return

        def start() -> None:
            task = asyncio.ensure_future(self._send_typing(context))
            self._typing.add(task)
            task.add_done_callback(self._typing.discard)

        timer = asyncio.get_running_loop().call_later(TYPING_AFTER_SECONDS, start)
        try:
            yield
        finally:
            timer.cancel()

    async def _send_typing(self, context: TurnContext) -> None:
        try:
            await context.send_activity(WireActivity({}, type="typing"))
        except DeliveryError as error:
            _log.info("typing indicator not sent", action="typing_failed", error=type(error).__name__)

    def _note(self, turn: Turn, reply: Reply, seconds: float) -> None:
        self._metrics.turns.labels(reply.outcome, reply.lang.value).inc()
        for topic in reply.topics:
            self._metrics.topics.labels(topic).inc()
        self._metrics.seconds.observe(seconds)
        _log.info(
            "turn answered",
            action="turn",
            kind=turn.kind.value,
            outcome=reply.outcome,
            lang=reply.lang.value,
            person=self._person(turn.actor.tenant_id, turn.actor.object_id),
        )


def _repetition_key(activity: Activity, turn: Turn) -> str:
    """Tell deliveries of the same thing apart from different things; "" where that cannot be told.

    A pressed button is known by what was pressed on which card: its redelivery may have a new id. One that only shows
    something is known by its own id: pressed again, it shows what is there by then.
    Installing the bot is told twice, by two kinds of activity, and welcomed once.
    """
    if turn.kind is TurnKind.WELCOME:
        return f"welcome/{turn.conversation}"
    changes = turn.verb not in LOOKS
    if changes and activity.type == "invoke" and activity.reply_to_id and isinstance(activity.value, dict):
        pressed = json.dumps(activity.value.get("action"), sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(pressed.encode()).hexdigest()
        return f"press/{turn.conversation}/{activity.reply_to_id}/{digest}"
    return f"activity/{turn.conversation}/{activity.id}" if activity.id else ""
