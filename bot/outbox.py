"""The sender: takes what is due from the outbox, draws it as it is now, sends it and notes what came of it.

It asks before it sends: the pace of each conversation and of all, hosts that do not answer, the list of hosts the bot
may speak to. Each attempt is marked before it goes out and noted right after, several in one write; the disk is waited
for in threads, the event loop never.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

import structlog

from bot.metrics import Metrics
from bot.translate import write_card
from cards.elements import Card
from data.clock import Clock
from data.desk.delivery import Delivery, Reference
from data.desk.delivery_steps import Result, Step, step_of
from data.desk.pace import Breaker, Pace
from data.desk.retry import Outcome, pause_of
from data.errors import (
    AmbiguousError,
    DeliveryError,
    ForbiddenError,
    GoneError,
    RejectedError,
    StateError,
    ThrottledError,
)
from data.office.outbox import Outbox
from data.retention.instants import SECOND, Instant, instant_of

T = TypeVar("T")

AT_ONCE = 8
"""How many calls are out at the same time."""
IDLE_SECONDS = 60.0
"""After which it is looked again, though nobody has said that anything was changed."""
LONGEST_SLEEP = 300.0
QUEUE_SECONDS = 5.0
"""How long what was found due is worked off before it is looked again: looking costs with all that is kept."""
STORE_SECONDS = 30.0
"""After which a store that could not be written is tried again; nothing is sent meanwhile."""
NOTHING = "nothing"
SHORT_FORM = "short_form"

Draw = Callable[[str, str, Reference], Awaitable[tuple[Card, str] | None]]
"""Draws the present card of a subject for a recipient at a place, with its summary; None if nothing is to be shown."""

Due = tuple[Delivery, Reference]
"""A delivery, and where its next step takes place."""

_SILENT = frozenset({Outcome.NOT_SENT, Outcome.UNKNOWN, Outcome.UNAUTHORIZED})
"""Outcomes after which the whole host is asked less."""

_NOT_ASKED = frozenset({Outcome.NOT_DRAWN, Outcome.FOREIGN_HOST})
_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (ForbiddenError, Outcome.FOREIGN_HOST),
    (ThrottledError, Outcome.THROTTLED),
    (GoneError, Outcome.GONE),
    (RejectedError, Outcome.REJECTED),
    (AmbiguousError, Outcome.UNKNOWN),
)

_log = structlog.get_logger(__name__)


class Connector(Protocol):
    """Where messages go out."""

    async def post(self, reference: Reference, activity: Mapping[str, Any]) -> str:
        """Send an activity and give its id; raises `DeliveryError`, `ForbiddenError` for a host not allowed."""
        ...

    async def put(self, reference: Reference, activity_id: str, activity: Mapping[str, Any]) -> None:
        """Replace an activity sent before; raises as `post` does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderParts:
    """What the sender works with."""

    outbox: Outbox
    draw: Draw
    connector: Connector
    pace: Pace
    clock: Clock
    jitter: Callable[[], float]
    """Gives a number from 0 up to 1."""
    metrics: Metrics


class Sender:
    """Sends what is due, until it is stopped."""

    def __init__(self, parts: SenderParts) -> None:
        self._parts = parts
        self._breaker = Breaker()
        self._woken = asyncio.Event()
        self._calls = asyncio.Semaphore(AT_ONCE)
        self._unnoted: list[Result] = []
        """What was sent and could not be noted: noted before anything else is sent."""
        self._queue: Sequence[Due] = []
        self._hosts: Collection[str] = ()
        self._looked_at = 0.0
        self._following: Instant | None = None
        """When something falls due that is not in the queue."""
        self._recovered = self._stopping = self._hurry = self._stale = False
        self._store_failed = self._token_refused = False

    @property
    def problem(self) -> str:
        """Tell in a stable word why nothing goes out: outbox_store, connector_token; "" if all is well."""
        return "outbox_store" if self._store_failed else "connector_token" if self._token_refused else ""

    def wake(self) -> None:
        """Look at once for what is due; from the event loop."""
        self._stale = True
        self._woken.set()

    def stop(self) -> None:
        """End after the calls that are out."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, for ever, until `stop`."""
        while not self._stopping:
            try:
                pause = await self.pump()
            except Exception as error:  # noqa: BLE001  nothing may end the sending but the process itself
                _log.error("outbox failed", action="outbox_failed", error=type(error).__name__)
                pause = STORE_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            self._woken.clear()

    async def pump(self) -> float:
        """Send what may go out now, and tell in how many seconds there may be more."""
        try:
            await self._settle([])
            if not self._recovered:
                await self._store(lambda: self._parts.outbox.recover(self._now()))
                self._recovered = True
            pause = await self._round()
        except StateError as error:
            self._store_failed = True
            self._parts.metrics.store_failures.labels("outbox").inc()
            _log.error("outbox not written", action="outbox_store", error=type(error).__name__)
            return STORE_SECONDS
        self._store_failed = False
        return pause

    async def _round(self) -> float:
        outbox = self._parts.outbox
        if not self._queue or self._is_outdated():
            await self._look()
        chosen = self._choose()
        if not chosen:
            return self._pause()
        places = {one.id: place for one, place in chosen}
        self._queue = [due for due in self._queue if due[0].id not in places]
        marked = await self._store(lambda: outbox.sending([one for one, _ in chosen], self._now()))
        await self._send_all([(one, places[one.id]) for one in marked])
        if self._hurry:
            await self._store(lambda: outbox.hurry(self._now()))
            self._hurry, self._stale = False, True
        return 0.0

    def _is_outdated(self) -> bool:
        """Tell whether something may be due that is not in the queue."""
        old = self._parts.clock.monotonic() - self._looked_at >= QUEUE_SECONDS
        return self._stale or old or (self._following is not None and self._following <= self._now())

    async def _look(self) -> None:
        """Find out what is due, and when there will be more."""
        outbox, now = self._parts.outbox, self._now()

        def look() -> tuple[list[Due], Instant | None]:
            due = outbox.due(now)
            places = {name: outbox.reference_of(name) for name in {one.recipient for one in due}}
            silent = {place.service_url for place in places.values() if place and self._breaker.open(place.service_url)}
            found = ((one, places[one.recipient]) for one in due)
            queue = [(one, _place(one, known)) for one, known in found if known]
            if silent:
                # What was tried least goes first to a host that is silent, so that an outage uses up nobody's tries.
                queue.sort(key=lambda due: (not due[0].urgent, due[1].service_url in silent and due[0].attempts))
            return queue, outbox.next_after(now)

        self._stale = False
        self._queue, self._following = await self._store(look)
        self._hosts = {place.service_url for _, place in self._queue}
        self._looked_at = self._parts.clock.monotonic()
        self._parts.metrics.deliveries_due.set(len(self._queue))

    def _choose(self) -> Sequence[Due]:
        """Choose what may go out now: one for each conversation, so that order is kept, and one to a silent host."""
        chosen: list[Due] = []
        if not any(self._may_be_asked(host) for host in self._hosts):
            return chosen
        looked: set[str] = set()
        hosts: set[str] = set()
        for one, place in self._queue:
            conversation, host = place.conversation_id, place.service_url
            if conversation in looked:
                continue
            looked.add(conversation)
            if self._wait(place) > 0 or (host in hosts and self._breaker.open(host)):
                continue
            self._parts.pace.take(conversation, self._parts.clock.monotonic())
            hosts.add(host)
            chosen.append((one, place))
        return chosen

    def _may_be_asked(self, host: str) -> bool:
        return not self._breaker.wait(host, self._parts.clock.monotonic())

    def _pause(self) -> float:
        """Tell in how many seconds there may be something to send, where there is nothing now."""
        places = {(place.conversation_id, place.service_url): place for _, place in self._queue}
        waits = [self._wait(place) for place in places.values()] or [IDLE_SECONDS]
        if self._following is not None:
            waits.append(max(self._following - self._now(), 0) / SECOND)
        return min(*waits, LONGEST_SLEEP)

    def _wait(self, place: Reference) -> float:
        now = self._parts.clock.monotonic()
        return max(self._parts.pace.wait(place.conversation_id, now), self._breaker.wait(place.service_url, now))

    async def _send_all(self, marked: Sequence[Due]) -> None:
        """Send at the same time, and note what came of it as soon as anything has: all that has, in one write."""
        calls = {asyncio.create_task(self._send(one, place)) for one, place in marked}
        try:
            while calls:
                done, calls = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                await self._settle([call.result() for call in done])
        finally:
            for call in calls:
                call.cancel()

    async def _settle(self, results: Sequence[Result]) -> None:
        self._unnoted += results
        if self._unnoted:
            noted, parts = list(self._unnoted), self._parts
            await self._store(lambda: parts.outbox.settle(noted, now=self._now(), jitter=parts.jitter))
            self._unnoted.clear()

    async def _send(self, one: Delivery, place: Reference) -> Result:
        """Make one attempt; never raises."""
        async with self._calls:
            result = await self._attempt(one, place)
        self._learn(result, place)
        return result

    async def _attempt(self, one: Delivery, place: Reference) -> Result:
        step = step_of(one)
        blank = Result(marked=one, step=step, conversation_id=place.conversation_id)
        try:
            drawn = None if step is Step.NOTHING else await self._parts.draw(one.subject, one.recipient, place)
        except Exception as error:  # noqa: BLE001  one card that cannot be made must not stop the others
            _log.error("card not drawn", action="not_drawn", error=type(error).__name__)
            return replace(blank, outcome=Outcome.NOT_DRAWN)
        if drawn is None:
            return replace(blank, note=NOTHING)
        card, summary = drawn
        result = await self._call(blank, place, write_card(card, summary=summary))
        if result.outcome is not Outcome.REJECTED or step is Step.PUT:
            return result
        _log.error("card rejected", action="card_rejected")
        self._parts.pace.take(place.conversation_id, self._parts.clock.monotonic())
        short = {"type": "message", "textFormat": "plain", "text": str(card.get("fallbackText") or summary)}
        result = await self._call(blank, place, short)
        return result if result.outcome else replace(result, note=SHORT_FORM)

    async def _call(self, blank: Result, place: Reference, activity: Mapping[str, Any]) -> Result:
        try:
            if blank.step is Step.PUT:
                await self._parts.connector.put(place, blank.marked.activity_id, activity)
                return blank
            return replace(blank, activity_id=await self._parts.connector.post(place, activity))
        except (DeliveryError, ForbiddenError) as error:
            seconds = error.seconds if isinstance(error, ThrottledError) else 0.0
            return replace(blank, outcome=_outcome_of(error), retry_after=seconds)

    def _learn(self, result: Result, place: Reference) -> None:
        """Count an outcome, and let it slow down or speed up what follows."""
        now, outcome = self._parts.clock.monotonic(), result.outcome
        self._parts.metrics.deliveries.labels(outcome.value if outcome else result.note or "sent").inc()
        if outcome is Outcome.THROTTLED:
            self._parts.pace.pause(place.conversation_id, now, pause_of(result.retry_after) / SECOND)
        if outcome in _SILENT:
            self._breaker.failed(place.service_url, now)
            self._token_refused |= outcome is Outcome.UNAUTHORIZED
        elif result.note != NOTHING and outcome not in _NOT_ASKED:
            self._token_refused = False
            self._hurry |= self._breaker.worked(place.service_url)

    def _now(self) -> Instant:
        return instant_of(self._parts.clock.now())

    async def _store(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)


def _place(one: Delivery, reference: Reference) -> Reference:
    """Give where the next step takes place: a card that is there changes where it stands."""
    if step_of(one) is Step.PUT and one.conversation_id:
        return replace(reference, conversation_id=one.conversation_id)
    return reference


def _outcome_of(error: DeliveryError | ForbiddenError) -> Outcome:
    if isinstance(error, RejectedError) and error.status == HTTPStatus.UNAUTHORIZED:
        return Outcome.UNAUTHORIZED
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(error, kind)), Outcome.NOT_SENT)
