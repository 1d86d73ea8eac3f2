"""What is done after a message could not be sent: the whole table of security.md 5.2, and what holds for all of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.desk.retry import LONGEST_PAUSE, MAX_TRIES, WINDOW, Decision, Failure, Next, Outcome, decide
from data.retention.instants import DAY, MINUTE, SECOND

NOW = 20_000 * DAY
MAYBE = (Outcome.THROTTLED, Outcome.NOT_SENT, Outcome.UNAUTHORIZED, Outcome.NOT_DRAWN)
"""Nothing has arrived for certain, and it may be another time."""


def failure(outcome: Outcome, **changes: Any) -> Failure:
    """Make the first failure of an urgent message."""
    return Failure(**({"outcome": outcome, "urgent": True, "attempts": 1, "first_at": NOW} | changes))


def judged(outcome: Outcome, **changes: Any) -> Decision:
    """Judge it, without chance."""
    return decide(failure(outcome, **changes), now=NOW, jitter=0.0)


@pytest.mark.parametrize("urgent", [True, False])
@pytest.mark.parametrize("put", [True, False])
@pytest.mark.parametrize("outcome", MAYBE)
def test_what_has_not_arrived_is_tried_again(outcome: Outcome, put: bool, urgent: bool) -> None:
    """Throttled, no connection, no token, no card: again, urgent or not, and never as a second copy."""
    assert judged(outcome, put=put, urgent=urgent) == Decision(next=Next.AGAIN, at=NOW + 5 * SECOND)


def test_an_unknown_outcome_is_repeated_only_where_it_must_arrive() -> None:
    """RL-09, RL-10: an urgent message is repeated and marked, another is not, and a change in place always may be."""
    assert judged(Outcome.UNKNOWN) == Decision(next=Next.AGAIN, at=NOW + 5 * SECOND, maybe_twice=True)
    assert judged(Outcome.UNKNOWN, urgent=False) == Decision(next=Next.ENOUGH)
    for urgent in (True, False):
        assert judged(Outcome.UNKNOWN, urgent=urgent, put=True) == Decision(next=Next.AGAIN, at=NOW + 5 * SECOND)


@pytest.mark.parametrize("urgent", [True, False])
def test_who_is_gone_is_written_to_no_more(urgent: bool) -> None:
    """RL-12: a place that takes no message is dropped; a card that is gone is sent anew."""
    assert judged(Outcome.GONE, urgent=urgent).next is Next.DROP
    assert judged(Outcome.GONE, urgent=urgent, put=True) == Decision(next=Next.ANEW, at=NOW)


@pytest.mark.parametrize("urgent", [True, False])
def test_what_is_wrong_is_given_up(urgent: bool) -> None:
    """A rejected message, in its short form too, is dead; one that was only to be changed before a new one is not."""
    assert judged(Outcome.REJECTED, urgent=urgent).next is Next.DEAD
    assert judged(Outcome.REJECTED, urgent=urgent, put=True).next is Next.DEAD
    assert judged(Outcome.REJECTED, urgent=urgent, put=True, owed=True) == Decision(next=Next.ANEW, at=NOW)


@pytest.mark.parametrize("put", [True, False])
def test_a_changed_address_is_never_tried_again(put: bool) -> None:
    """RL-13: what somebody has changed in the store is no matter of patience."""
    assert judged(Outcome.FOREIGN_HOST, put=put).next is Next.DEAD


@pytest.mark.parametrize(
    ("asked", "waited"), [(0, 5), (1, 5), (5, 5), (60, 60), (899, 899), (900, 900), (901, 900), (86_400, 900)]
)
def test_a_pause_is_kept_and_cut_to_a_quarter_of_an_hour(asked: float, waited: int) -> None:
    """RL-08: never sooner than asked, fifteen minutes at most, and a little later by chance."""
    assert judged(Outcome.THROTTLED, retry_after=asked).at == NOW + waited * SECOND
    late = decide(failure(Outcome.THROTTLED, retry_after=asked), now=NOW, jitter=0.999)
    assert NOW + waited * SECOND < late.at < NOW + waited * SECOND * 5 // 4


def test_the_tenth_try_is_the_last() -> None:
    """RL-10: nine failures are followed by another try, the tenth by none, whatever was asked."""
    assert judged(Outcome.UNKNOWN, attempts=MAX_TRIES - 1).next is Next.AGAIN
    assert judged(Outcome.UNKNOWN, attempts=MAX_TRIES) == Decision(next=Next.DEAD, maybe_twice=True)
    assert judged(Outcome.NOT_SENT, attempts=MAX_TRIES) == Decision(next=Next.DEAD)


def test_what_is_not_urgent_grows_stale() -> None:
    """After a day nobody needs it; an urgent message has its ten tries, however long the bot was down between them."""
    day_ago = NOW - WINDOW
    assert judged(Outcome.NOT_SENT, urgent=False, attempts=2, first_at=day_ago).next is Next.DEAD
    assert judged(Outcome.NOT_SENT, urgent=False, attempts=2, first_at=day_ago + 1).next is Next.AGAIN
    assert judged(Outcome.NOT_SENT, attempts=2, first_at=day_ago).next is Next.AGAIN


@given(
    outcome=st.sampled_from((*MAYBE, Outcome.UNKNOWN)),
    jitters=st.lists(st.floats(0, 1, exclude_max=True), min_size=MAX_TRIES, max_size=MAX_TRIES),
    retry_after=st.floats(0, 10_000_000),
)
def test_ten_tries_lie_within_a_day_and_outlive_a_night(
    outcome: Outcome, jitters: list[float], retry_after: float
) -> None:
    """Whatever chance and the connector say: each wait is longer, ten tries take 13 to 24 hours, then it is over."""
    now, waits = NOW, []
    for attempts, jitter in enumerate(jitters, start=1):
        tried = failure(outcome, attempts=attempts, retry_after=retry_after)
        decision = decide(tried, now=now, jitter=jitter)
        if decision.next is Next.DEAD:
            break
        waits.append(decision.at - now)
        now = decision.at
    assert len(waits) == MAX_TRIES - 1
    assert 13 * 60 * MINUTE < now - NOW < DAY
    assert all(wait >= min(round(retry_after * SECOND), LONGEST_PAUSE) for wait in waits)


@given(
    outcome=st.sampled_from(Outcome),
    urgent=st.booleans(),
    put=st.booleans(),
    owed=st.booleans(),
    attempts=st.integers(1, 100),
    age=st.integers(0, 10 * DAY),
    retry_after=st.floats(0, 10_000_000),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_nothing_urgent_ends_quietly_and_nothing_is_blindly_sent_twice(**of: Any) -> None:
    """For every failure: urgent never ends without people being told; a second copy is only risked if urgent."""
    jitter, age = of.pop("jitter"), of.pop("age")
    tried = Failure(first_at=NOW - age, **of)
    decision = decide(tried, now=NOW, jitter=jitter)
    assert not (tried.urgent and decision.next is Next.ENOUGH)
    if decision.maybe_twice:
        assert tried.urgent
        assert not tried.put
        assert tried.outcome is Outcome.UNKNOWN
    if decision.next in {Next.AGAIN, Next.ANEW}:
        assert NOW <= decision.at < NOW + DAY
