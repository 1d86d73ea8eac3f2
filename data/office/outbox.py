"""The outbox: what each recipient should have got, what is due to be sent, and what became of it (security.md 5.2).

It is level-based: the same wants again are no change, and nothing is lost or piles up while nobody can be reached.
Every change is a compare-and-set and done again on the fresh state where somebody was faster.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from data.desk.delivery import Delivery, DeliveryState, Reference, Want, delivery_id
from data.desk.delivery_steps import (
    Result,
    Step,
    got,
    hurried,
    is_due,
    marked,
    recovered,
    settled,
    shown_in_reply,
    unreachable,
    wanted,
)
from data.desk.retry import Outcome
from data.errors import ConflictError, UnknownError
from data.office.parts import OfficeParts
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, MINUTE, Instant

T = TypeVar("T")

KEPT = 90 * DAY
"""How long references nobody used and deliveries that have ended are kept."""
UNDELIVERED_AFTER = 15 * MINUTE
"""After which an urgent message that nobody has got is something to be told (security.md 5.2)."""
OUTBOX = "outbox"
REFERENCES = "references"
"""What the findings are about: the whole, so that an alert that nobody gets does not lead to another one."""
_ROUNDS = 50
_ENDED = frozenset({DeliveryState.SENT, DeliveryState.DEAD})


class Outbox:
    """The bookkeeping of deliveries and references; sends nothing itself."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts
        self._deliveries = parts.desk.deliveries
        self._references = parts.desk.references

    # -- what should arrive ------------------------------------------------------------------------------------------

    def want(self, wants: Iterable[Want], now: Instant) -> int:
        """Note what should arrive; again is no change. Tells how many deliveries are now waiting that were not."""
        asked = {delivery_id(want.subject, want.recipient): want for want in wants}

        def once() -> int:
            present = self._present(asked)
            steps = [(present.get(key), wanted(present.get(key), want, now)) for key, want in asked.items()]
            self._deliveries.add_all(after for before, after in steps if before is None)
            self._deliveries.replace_all(after for before, after in steps if before is not None and before != after)
            return sum(_waits(after) and not (before and _waits(before)) for before, after in steps)

        return _until_undisturbed(once)

    def posted(self, want: Want, *, conversation_id: str, activity_id: str, now: Instant) -> Delivery:
        """Note a card that was sent as a reply: it is the live card of its subject from now on."""

        def once() -> Delivery:
            present = self._deliveries.find(delivery_id(want.subject, want.recipient))
            shown = shown_in_reply(present, want, conversation_id=conversation_id, activity_id=activity_id, now=now)
            return self._deliveries.add(shown) if present is None else self._deliveries.replace(shown)

        return _until_undisturbed(once)

    # -- sending -----------------------------------------------------------------------------------------------------

    def due(self, now: Instant) -> tuple[Delivery, ...]:
        """List what should be sent now, the most urgent first; what can reach nobody waits, and says so if urgent."""
        reachable = {reference.id for reference in self._references.all()}
        waiting = [one for one in self._deliveries.all() if _waits(one)]
        silent = [one for one in waiting if one.recipient not in reachable and unreachable(one) != one]
        self._change({one.id: unreachable for one in silent})
        ready = (one for one in waiting if one.recipient in reachable and is_due(one, now))
        return tuple(sorted(ready, key=lambda one: (not one.urgent, one.since, one.id)))

    def next_after(self, now: Instant) -> Instant | None:
        """Tell when the next delivery falls due that is not yet; None if there is none."""
        later = (one.next_at for one in self._deliveries.all() if _waits(one) and not is_due(one, now))
        return min(later, default=None)

    def sending(self, deliveries: Iterable[Delivery], now: Instant) -> tuple[Delivery, ...]:
        """Mark what is about to go out, before it does; gives those that still can and are now marked."""
        seen = {one.id: one for one in deliveries}

        def once() -> tuple[Delivery, ...]:
            present = self._present(seen)
            return self._deliveries.replace_all(
                marked(one, now)
                for key, one in seen.items()
                if present.get(key) == one and self.reference_of(one.recipient)
            )

        return _until_undisturbed(once)

    def settle(self, results: Iterable[Result], *, now: Instant, jitter: Callable[[], float]) -> tuple[Delivery, ...]:
        """Note what came of attempts; a place that cannot be written to any more is forgotten, unless it is new."""
        done = {result.marked.id: result for result in results}
        changed = self._change({key: _settling(result, now, jitter()) for key, result in done.items()})
        for result in done.values():
            if result.outcome is Outcome.GONE and result.step is Step.POST:
                reference = self.reference_of(result.marked.recipient)
                if reference and reference.conversation_id == result.conversation_id:
                    self._references.remove(reference.id)
        return changed

    def hurry(self, now: Instant) -> int:
        """Let everything be tried now that waits because nobody answered: the outage is over. Tells how many.

        What is urgent and was given up meanwhile begins anew, where nothing can have arrived.
        """
        late = (one.id for one in self._deliveries.all() if hurried(one, now) != one)
        return len(self._change({key: lambda one: hurried(one, now) for key in late}))

    def recover(self, now: Instant) -> int:
        """Take up what a crash left in the middle; to be called once, before anything is sent. Tells how many."""
        left = (one.id for one in self._deliveries.all() if one.state is DeliveryState.SENDING)
        return len(self._change({key: lambda one: recovered(one, now) for key in left}))

    # -- where people are reached ------------------------------------------------------------------------------------

    def refer(self, reference: Reference) -> None:
        """Note where a recipient can be reached; what is known already is written again once a day at most."""

        def once() -> None:
            present = self.reference_of(reference.id)
            if present is None:
                self._references.add(reference)
            elif not _same_place(present, reference) or reference.used_at - present.used_at >= DAY:
                self._references.replace(replace(reference, version=present.version))

        _until_undisturbed(once)

    def unrefer(self, recipient: str, now: Instant) -> None:
        """Forget where a recipient can be reached (SC-11); what waits says so, and goes at once if they come back."""
        if self.reference_of(recipient) is not None:
            self._references.remove(recipient)
        waiting = (one.id for one in self._deliveries.all() if one.recipient == recipient and _waits(one))
        self._change({key: lambda one: replace(unreachable(one), next_at=min(one.next_at, now)) for key in waiting})

    def forget(self, recipient: str) -> int:
        """Forget a recipient with all deliveries; tells how many there were (security.md SC-10)."""
        if self.reference_of(recipient) is not None:
            self._references.remove(recipient)
        return self._deliveries.remove_all(one.id for one in self._deliveries.all() if one.recipient == recipient)

    def reference_of(self, recipient: str) -> Reference | None:
        """Tell where a recipient can be reached."""
        return self._references.find(recipient)

    # -- what people have to know ------------------------------------------------------------------------------------

    def report(self, subject: str) -> tuple[Delivery, ...]:
        """Give what became of a subject at each recipient."""
        return tuple(one for one in self._deliveries.all() if one.subject == subject)

    def dead(self) -> tuple[Delivery, ...]:
        """List what was given up, with the reason."""
        return tuple(one for one in self._deliveries.all() if one.state is DeliveryState.DEAD)

    def undelivered(self, now: Instant, after: int = UNDELIVERED_AFTER) -> tuple[Delivery, ...]:
        """List the urgent deliveries of subjects that nobody has got for so long, or that were given up."""
        by_subject: dict[str, list[Delivery]] = {}
        for one in self._deliveries.all():
            if one.urgent:
                by_subject.setdefault(one.subject, []).append(one)
        return tuple(
            one
            for all_of_it in by_subject.values()
            if not any(got(one) for one in all_of_it) and _is_late(all_of_it, now, after)
            for one in all_of_it
        )

    def findings(
        self, now: Instant, *, after: int = UNDELIVERED_AFTER, alive: Callable[[str], bool] = lambda _subject: True
    ) -> tuple[Finding, ...]:
        """Tell what has reached nobody, of subjects that still matter, and whether somebody changed an address."""
        late = [one for one in self.undelivered(now, after) if alive(one.subject)]
        forged = [one for one in self.dead() if one.error == Outcome.FOREIGN_HOST]
        found = []
        if late:
            found.append(_finding(OUTBOX, late, cause=max(one.error for one in late)))
        if forged:
            found.append(_finding(REFERENCES, forged, cause=Outcome.FOREIGN_HOST.value))
        return tuple(found)

    def tidy(self, now: Instant, *, keep: Collection[str] = ()) -> int:
        """Remove references nobody used and deliveries that ended, both 90 days ago; tells how many.

        `keep` are the ids of deliveries that are wanted still: removed, they would be sent once more.
        """
        old = [one.id for one in self._references.all() if one.used_at <= now - KEPT]
        gone = self._references.remove_all(old)
        reachable = {reference.id for reference in self._references.all()}
        left = (one for one in self._deliveries.all() if one.id not in keep)
        ended = [one.id for one in left if _is_over(one, reachable) and _last(one) <= now - KEPT]
        return gone + self._deliveries.remove_all(ended)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _present(self, keys: Collection[str]) -> Mapping[str, Delivery]:
        found = {key: self._deliveries.find(key) for key in keys}
        return {key: one for key, one in found.items() if one is not None}

    def _change(self, steps: Mapping[str, Callable[[Delivery], Delivery]]) -> tuple[Delivery, ...]:
        """Take each delivery that is still there one step further, in one write; gives those that changed."""

        def once() -> tuple[Delivery, ...]:
            present = self._present(steps)
            after = {key: steps[key](one) for key, one in present.items()}
            return self._deliveries.replace_all(one for key, one in after.items() if one != present[key])

        return _until_undisturbed(once)


def _until_undisturbed(work: Callable[[], T]) -> T:
    """Do something on the fresh state until nobody is faster; raises `ConflictError` if somebody always is."""
    for _ in range(_ROUNDS):
        with suppress(ConflictError, UnknownError):
            return work()
    return work()


def _settling(result: Result, now: Instant, jitter: float) -> Callable[[Delivery], Delivery]:
    return lambda one: settled(one, result, now=now, jitter=jitter)


def _waits(delivery: Delivery) -> bool:
    return delivery.state is DeliveryState.WAITING


def _same_place(one: Reference, other: Reference) -> bool:
    return replace(one, used_at=0, version=0) == replace(other, used_at=0, version=0)


def _is_late(deliveries: Iterable[Delivery], now: Instant, after: int) -> bool:
    open_ones = [one for one in deliveries if one.state is not DeliveryState.DEAD]
    # What has been waiting since the future was put there by a clock that was ahead.
    return not open_ones or not -MINUTE <= now - min(one.since for one in open_ones) < after


def _is_over(delivery: Delivery, reachable: Collection[str]) -> bool:
    return delivery.state in _ENDED or (_waits(delivery) and delivery.recipient not in reachable)


def _last(delivery: Delivery) -> Instant:
    """Give when something last happened to a delivery."""
    return max(delivery.since, delivery.next_at, delivery.sent_at or 0)


def _finding(about: str, deliveries: Collection[Delivery], *, cause: str) -> Finding:
    return Finding(
        kind=FindingKind.NOT_DELIVERED,
        about=about,
        count=len({one.subject for one in deliveries}),
        since=min(one.since for one in deliveries),
        cause=cause,
    )
