"""The steps of a delivery, pure: wanted, marked, arrived, failed, recovered after a crash (security.md 5.2)."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from data.desk.delivery import Delivery, DeliveryState, Want, delivery_id
from data.desk.retry import LONGEST_AHEAD, Failure, Next, Outcome, decide
from data.retention.instants import Instant

NO_REFERENCE = "no_reference"
UNANSWERED = "unknown"
"""Sent, and nobody knows whether it arrived."""
_UNREACHABLE = frozenset({NO_REFERENCE, Outcome.GONE.value})
_NEVER_LEFT = frozenset({Outcome.NOT_SENT.value, Outcome.UNAUTHORIZED.value})
_OUTAGE = _NEVER_LEFT | {Outcome.UNKNOWN.value}


class Step(Enum):
    """What a delivery needs next."""

    POST = auto()
    PUT = auto()
    """Change the card that is there; where a message is owed too, this comes first, so that no old button remains."""
    NOTHING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one attempt."""

    marked: Delivery
    """The delivery as it was marked before the attempt."""
    step: Step
    outcome: Outcome | None = None
    """None where it arrived."""
    retry_after: float = 0.0
    conversation_id: str = ""
    activity_id: str = ""
    note: str = ""
    """A stable word on how it arrived, where that is worth telling: nothing, short_form."""


def step_of(delivery: Delivery) -> Step:
    """Tell what a delivery needs next."""
    if delivery.activity_id and delivery.told_shown != delivery.shown:
        return Step.PUT
    return Step.POST if delivery.told_post != delivery.post else Step.NOTHING


def is_due(delivery: Delivery, now: Instant) -> bool:
    """Tell whether a waiting delivery should be tried now; a clock that was ahead puts nothing off."""
    return not now < delivery.next_at <= now + LONGEST_AHEAD


def got(delivery: Delivery) -> bool:
    """Tell whether the recipient has got the message that is wanted now."""
    return delivery.told_post == delivery.post


def wanted(present: Delivery | None, want: Want, now: Instant) -> Delivery:
    """Give a delivery after somebody wanted something; the same one where it is known already."""
    if present is None:
        return Delivery(
            id=delivery_id(want.subject, want.recipient),
            subject=want.subject,
            recipient=want.recipient,
            urgent=want.urgent,
            post=want.post,
            shown=want.shown,
            since=now,
            next_at=now,
        )
    if (present.post, present.shown, present.urgent) == (want.post, want.shown, want.urgent):
        return present
    new = replace(present, post=want.post, shown=want.shown, urgent=want.urgent)
    another = present.post != want.post
    if present.state is DeliveryState.SENDING:
        # No attempts: what is on its way is not what is wanted now, which a crash must not forget.
        return replace(new, attempts=0) if another else new
    if present.state is DeliveryState.WAITING:
        return _fresh(new, now, since=present.since, error=present.error) if another else new
    if step_of(new) is Step.NOTHING or (present.state is DeliveryState.DEAD and not another and not got(new)):
        return new
    return _fresh(new, now, since=now, maybe_twice=present.maybe_twice and not another)


def marked(delivery: Delivery, now: Instant) -> Delivery:
    """Give a delivery whose next attempt is about to go out."""
    return replace(
        delivery,
        state=DeliveryState.SENDING,
        attempts=delivery.attempts + 1,
        tried_at=now if delivery.tried_at is None else delivery.tried_at,
    )


def settled(present: Delivery, result: Result, *, now: Instant, jitter: float) -> Delivery:
    """Give a delivery after an attempt; what was wanted meanwhile stays wanted."""
    if result.outcome is None:
        return _arrived(present, result, now)
    if present.state is not DeliveryState.SENDING:
        return present  # a reply has shown the card meanwhile
    return _failed(present, result, result.outcome, now=now, jitter=jitter)


def recovered(delivery: Delivery, now: Instant) -> Delivery:
    """Give a delivery that a crash left in the middle: urgent ones are repeated, of others nobody knows."""
    if delivery.state is not DeliveryState.SENDING:
        return delivery
    again = replace(delivery, state=DeliveryState.WAITING, next_at=now)
    if step_of(delivery) is not Step.POST or delivery.attempts == 0:
        return again
    return replace(again, maybe_twice=True, error=UNANSWERED) if delivery.urgent else _enough(delivery, delivery, now)


def hurried(delivery: Delivery, now: Instant) -> Delivery:
    """Give a delivery after an outage has ended: what waits is tried now, what died of it begins anew if urgent."""
    if delivery.state is DeliveryState.WAITING and delivery.error in _OUTAGE and delivery.next_at > now:
        return replace(delivery, next_at=now)
    if delivery.state is DeliveryState.DEAD and delivery.urgent and delivery.error in _NEVER_LEFT:
        return _fresh(delivery, now, since=delivery.since)
    return delivery


def shown_in_reply(
    present: Delivery | None, want: Want, *, conversation_id: str, activity_id: str, now: Instant
) -> Delivery:
    """Give a delivery after a reply has shown its card: that is the live one from now on."""
    return replace(
        wanted(present, want, now),
        told_post=want.post,
        told_shown=want.shown,
        activity_id=activity_id,
        conversation_id=conversation_id,
        state=DeliveryState.SENT,
        sent_at=now,
        attempts=0,
        tried_at=None,
        error="",
        maybe_twice=False,
    )


def unreachable(delivery: Delivery) -> Delivery:
    """Give a waiting delivery whose recipient can be reached nowhere: an urgent one says so."""
    if not delivery.urgent or delivery.error in _UNREACHABLE:
        return delivery
    return replace(delivery, error=NO_REFERENCE)


def _arrived(present: Delivery, result: Result, now: Instant) -> Delivery:
    sent = replace(present, told_shown=result.marked.shown, sent_at=now)
    if result.step is not Step.PUT:
        sent = replace(
            sent,
            told_post=result.marked.post,
            activity_id=result.activity_id,
            conversation_id=result.conversation_id,
        )
    return _after(sent, now, error=result.note)


def _failed(present: Delivery, result: Result, outcome: Outcome, *, now: Instant, jitter: float) -> Delivery:
    tried = result.marked
    failure = Failure(
        outcome=outcome,
        urgent=present.urgent,
        attempts=tried.attempts,
        first_at=now if tried.tried_at is None else tried.tried_at,
        put=result.step is Step.PUT,
        owed=not got(present),
        retry_after=result.retry_after,
    )
    decision = decide(failure, now=now, jitter=jitter)
    waiting = replace(
        present,
        state=DeliveryState.WAITING,
        attempts=tried.attempts,
        next_at=decision.at,
        error=outcome.value,
        maybe_twice=present.maybe_twice or decision.maybe_twice,
    )
    match decision.next:
        case Next.AGAIN:
            return waiting
        case Next.ANEW:
            return replace(waiting, activity_id="", told_post="", since=present.since if failure.owed else now)
        case Next.DROP if present.urgent:
            return replace(waiting, next_at=now)
        case Next.ENOUGH:
            return _enough(present, tried, now)
        case _:
            return replace(waiting, state=DeliveryState.DEAD)


def _enough(present: Delivery, tried: Delivery, now: Instant) -> Delivery:
    """Count as sent what may have arrived; its card is known to nobody and cannot change in place."""
    sent = replace(present, told_post=tried.post, told_shown=tried.shown, activity_id="", sent_at=now)
    return _after(sent, now, error=UNANSWERED)


def _after(sent: Delivery, now: Instant, *, error: str) -> Delivery:
    if step_of(sent) is Step.NOTHING:
        return replace(sent, state=DeliveryState.SENT, attempts=0, tried_at=None, error=error)
    waiting = replace(sent, state=DeliveryState.WAITING)
    return _fresh(waiting, now, since=now if sent.told_post == sent.post else sent.since, maybe_twice=sent.maybe_twice)


def _fresh(delivery: Delivery, now: Instant, *, since: Instant, error: str = "", maybe_twice: bool = False) -> Delivery:
    return replace(
        delivery,
        state=DeliveryState.WAITING,
        attempts=0,
        tried_at=None,
        since=since,
        next_at=now,
        error=error,
        maybe_twice=maybe_twice,
    )
