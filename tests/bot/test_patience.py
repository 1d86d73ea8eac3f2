"""One person's haste: a burst is answered, then so many a second; nobody else notices, and memory is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from bot import patience
from bot.patience import BURST, PER_SECOND, Patience
from tests.world import FakeClock


def test_a_burst_then_so_many_a_second() -> None:
    """Of 100 messages at once 30 are answered; a second later three more; after a quiet while a whole burst again."""
    clock = FakeClock()
    found = Patience(clock)
    assert sum(found.has("a") for _ in range(100)) == BURST
    clock.advance(1)
    assert sum(found.has("a") for _ in range(100)) == PER_SECOND
    clock.advance(3600)
    assert sum(found.has("a") for _ in range(100)) == BURST


def test_others_are_unaffected() -> None:
    """While one person has used up everything another is answered."""
    found = Patience(FakeClock())
    while found.has("a"):
        pass
    assert found.has("b")


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=200))
def test_no_window_has_more_than_it_may(pauses: list[float]) -> None:
    """However somebody spreads messages, no window of any length holds more than a burst and what it refills."""
    clock = FakeClock()
    found, answered = Patience(clock), []
    for pause in pauses:
        clock.advance(pause)
        if found.has("a"):
            answered.append(clock.monotonic())
    for first in range(len(answered)):
        for last in range(first, len(answered)):
            seconds = answered[last] - answered[first]
            assert last - first + 1 <= BURST + seconds * PER_SECOND + 1e-6


def test_memory_is_bounded() -> None:
    """Of more people than can be remembered the one who wrote longest ago is forgotten first."""
    found = Patience(FakeClock())
    for number in range(patience._MOST_PEOPLE + 5):
        found.has(f"p-{number}")
    assert len(found._left) == patience._MOST_PEOPLE
    assert "p-0" not in found._left
