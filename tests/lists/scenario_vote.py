"""One vote: Bob approves what awaits him, and is told that he has."""

from collections.abc import Callable
from pathlib import Path

from data.errors import StateError
from tests.crash.scenario_purge import opened
from tests.data.purge.lab import ALICE, BOB, SOURCE, silent


def prepare(folder: Path) -> None:
    """Take a purge to where it awaits its second person."""
    with opened(folder) as (lab, engine):
        lab.write("old.log", [100])
        lab.write("young.log", [5])
        request = engine.purges.preview(ALICE, SOURCE, silent)
        engine.purges.confirm(ALICE, request.id, request.code)
        (folder / "request").write_text(request.id)


def vote(folder: Path, *, minutes: float) -> str:
    """Approve as Bob, so many minutes later; give the state it led to."""
    with opened(folder, minutes=minutes) as (lab, engine):
        request = lab.stores.requests.get((folder / "request").read_text())
        return str(engine.purges.approve(BOB, request.id, request.digest).state)


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Vote, and acknowledge it; what could not be kept is no vote."""
    del task
    try:
        ack(vote(folder, minutes=5))
    except StateError:
        ack("refused")
