"""Store and audit have to belong together: what was erased is noticed, a clock that was put right is not that."""

import shutil

import pytest

from data.errors import StateError
from data.purge.clock_trust import trust_clock
from data.purge.engine import check_whole
from tests.data.purge.lab import ALICE, HOUR, SOURCE, Lab, silent


def previewed(lab: Lab) -> None:
    """Leave one request behind."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)


def test_a_store_with_its_own_audit_is_whole(lab: Lab) -> None:
    """The control: before the first request, and after it, nothing is missing."""
    with lab.engine() as engine:
        check_whole(engine.parts)
    previewed(lab)
    with lab.engine() as engine:
        check_whole(engine.parts)


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_an_audit_that_was_erased_is_noticed(lab: Lab, hours: int) -> None:
    """A new audit under old requests is refused, whatever the clock says when it begins."""
    previewed(lab)
    shutil.rmtree(lab.folder / "audit")
    lab.clock.jump(hours * 3600)
    with lab.engine() as engine, pytest.raises(StateError, match="the audit was erased"):
        check_whole(engine.parts)


def test_a_clock_put_back_by_a_second_is_no_erased_audit(lab: Lab) -> None:
    """A request made in the second in which a time server put the first clock right is in its audit all the same."""
    with lab.engine() as engine:
        assert engine.parts.audit.last.seq == 1
    lab.clock.jump(-2)
    previewed(lab)
    with lab.engine() as engine:
        check_whole(engine.parts)


def test_a_clock_that_began_in_the_future_is_no_erased_audit(lab: Lab) -> None:
    """Where the clock was far ahead at first, was put right and trusted, the first request prevents no later start."""
    lab.clock.jump(9000 * 3600)
    with lab.engine() as engine:
        engine.parts.guard.check(last_entry=None)
    lab.clock.jump(-9000 * 3600)
    lab.pause(HOUR)
    with lab.engine() as engine:
        trust_clock(engine.parts, ALICE, "the battery was empty")
    previewed(lab)
    with lab.engine() as engine:
        check_whole(engine.parts)
