"""Random ways through purges with the real services and the real audit: what must always be true is (FE-21).

100,000 steps in the suite; `PROCALL_WALK_STEPS=1000000` takes a million.
"""

import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from data.retention.request import State
from tests.data.purge.lab import in_memory
from tests.data.purge.walking import BrokenError, Machine, World

STEPS = int(os.environ.get("PROCALL_WALK_STEPS", "100000"))
LENGTH = 150
"""Steps of one world."""


def walk(dice: random.Random, steps: int, machine: Machine) -> tuple[Counter[str], Counter[str]]:
    """Take so many steps in worlds that begin anew; gives what was done, and to which states requests came."""
    done: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    for _ in range(0, steps, LENGTH):
        with tempfile.TemporaryDirectory(dir=in_memory(), prefix="walk-") as folder:
            world = World(dice, Path(folder), machine)
            for _ in range(LENGTH):
                done[world.step()] += 1
            world.close()
            moves += world.moves
    return done, moves


def test_what_must_always_be_true_is_true_on_any_way() -> None:
    """On 100,000 random steps with lost roles, changed settings, clocks set back and crashes nothing is broken."""
    seed = random.SystemRandom().randrange(1 << 32)
    try:
        done, moves = walk(random.Random(seed), STEPS, Machine())  # noqa: S311  no secrets
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    assert done.total() >= STEPS
    often = STEPS // 2000
    for outcome in ("approve", "confirm", "run", "release", "killed", "restart", "change_roles", "change_care",
                    "refused role_lost", "refused wrong_role", "refused own_request", "refused superseded",
                    "refused expired", "refused backwards"):  # fmt: skip
        assert done[outcome] > often, f"seed {seed}: {outcome} is tried too rarely to mean anything"
    for state in (State.COOLING, State.EXECUTING, State.CLOSED_CLEAN, State.CLOSED_WITH_RESIDUE, State.SUPERSEDED):
        assert moves[state] > often, f"seed {seed}: requests come to {state} too rarely"


@pytest.mark.parametrize(
    ("machine", "broken"),
    [
        (Machine(live_roles=False), "P2"),
        (Machine(one_name=False), "P2|P3"),
        (Machine(fresh_holds=False), "P8: something held"),
        (Machine(durable=False), "P5"),
        (Machine(intents=False), "P1"),
        (Machine(careful=False), "P3|P8"),
        (Machine(finishes=False), "P5|P10"),
        (Machine(honest=False), "P6"),
    ],
    ids=[
        "roles remembered",
        "two names",
        "stale holds",
        "not durable",
        "no intents",
        "careless source",
        "never finished",
        "audit rewritten",
    ],
)
def test_a_machine_that_lacks_one_check_is_caught(machine: Machine, broken: str) -> None:
    """The control: with any one check taken out, the walk finds the property that it kept."""
    with pytest.raises(BrokenError, match=broken):
        walk(random.Random(7), 60_000, machine)  # noqa: S311  no secrets
