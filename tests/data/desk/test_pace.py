"""Messages go out as fast as Teams takes them and no faster, and a host that is silent is left in peace."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.desk.pace import OVERALL, PER_CONVERSATION, Breaker, Pace
from tests.world import TeamsLimits

HOUR = 3_600.0


def sent_in(seconds: float, conversations: int, **limits: Any) -> list[tuple[str, float]]:
    """Send as fast as the pace allows to so many conversations in turn; give where and when."""
    pace, now, sent = Pace(**limits), 0.0, []
    names = itertools.cycle(f"a:{number}" for number in range(conversations))
    for name in names:
        now += pace.wait(name, now)
        if now > seconds:
            return sent
        pace.take(name, now)
        sent.append((name, now))
    return sent


def refused(sent: list[tuple[str, float]]) -> int:
    """Count what Teams would have refused."""
    now = 0.0
    limits = TeamsLimits(lambda: now)
    for name, now in sent:  # noqa: B007  the limits look at it
        limits.refuses(name)
    return limits.refused


def test_one_conversation_gets_what_is_allowed() -> None:
    """In two hours exactly 2 x 1,700, none of which Teams refuses; the hour is what binds."""
    sent = sent_in(2 * HOUR - 0.5, 1)
    assert len(sent) == 2 * 1_700
    assert refused(sent) == 0


def test_many_conversations_share_what_is_allowed() -> None:
    """25 a second over 300 conversations, none of which Teams refuses."""
    sent = sent_in(59.5, 300)
    assert len(sent) == 60 * 25
    assert refused(sent) == 0


@pytest.mark.parametrize(
    ("limits", "conversations"),
    [({"per_conversation": ((9, 2.0),)}, 1), ({"per_conversation": ((61, 30.0),)}, 1), ({"overall": ((51, 1.0),)}, 60)],
)
def test_one_more_would_be_refused(limits: dict[str, Any], conversations: int) -> None:
    """The control: Teams refuses what is only a little faster, so the limits of the test bite."""
    assert refused(sent_in(120, conversations, **limits)) > 0


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.floats(0, 40), st.one_of(st.none(), st.floats(0, 900))),
        min_size=1,
        max_size=200,
    )
)
def test_no_window_ever_holds_too_many(asked: list[tuple[int, float, float | None]]) -> None:
    """However requests and pauses come, no window of any length has more than it may, and no pause is broken."""
    pace, now = Pace(), 0.0
    taken: list[tuple[str, float]] = []
    paused: dict[str, float] = {}
    for number, later, pause in asked:
        now += later
        name = f"a:{number}"
        if pause is not None:
            pace.pause(name, now, pause)
            paused[name] = max(paused.get(name, 0.0), now + pause)
        if pace.wait(name, now) == 0:
            assert now >= paused.get(name, 0.0) - 1e-6
            pace.take(name, now)
            taken.append((name, now))
    for name in {name for name, _ in taken}:
        times = [at for who, at in taken if who == name]
        for most, window in PER_CONVERSATION:
            assert all(later - first > window - 1e-5 for first, later in zip(times, times[most:], strict=False))
    most, window = OVERALL[0]
    times = [at for _, at in taken]
    assert all(later - first > window - 1e-5 for first, later in zip(times, times[most:], strict=False))


def test_memory_is_bounded() -> None:
    """After 100,000 conversations, each paused once, only those of the last hour are remembered."""
    pace = Pace(overall=((1_000_000, 1.0),))
    for number in range(100_000):
        pace.take(f"a:{number}", number)
        if number % 100 == 0:
            pace.pause(f"a:{number}", number, 10)
    assert len(pace) <= HOUR + 3


def test_a_pause_holds_one_conversation_only() -> None:
    """Who asked for peace gets it, others do not wait; a shorter pause does not end a longer one."""
    pace = Pace()
    pace.pause("a:1", 0, 60)
    pace.pause("a:1", 0, 5)
    assert pace.wait("a:1", 10) == 50
    assert pace.wait("a:2", 10) == 0
    assert pace.wait("a:1", 60) == 0


def test_a_silent_host_is_asked_less_and_less() -> None:
    """After three failures 2 s, then twice as long each time, five minutes at most; an answer ends it."""
    breaker, now = Breaker(), 0.0
    waits = []
    for _ in range(14):
        breaker.failed("h", now)
        waits.append(breaker.wait("h", now))
        now += breaker.wait("h", now)
    assert waits == [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    assert breaker.open("h")
    assert not breaker.open("other")
    assert breaker.wait("other", now) == 0
    assert breaker.worked("h")
    assert not breaker.open("h")
    assert breaker.wait("h", now) == 0
    assert not breaker.worked("h"), "it was well"


def test_what_fails_together_counts_once() -> None:
    """Twenty calls that were out when the host fell silent do not make the pause twenty times longer."""
    breaker = Breaker()
    for _ in range(20):
        breaker.failed("h", 0.0)
    assert breaker.wait("h", 0.0) == 2
