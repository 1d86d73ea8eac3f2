"""Runs a purge that was approved before, from the first intent to the certificate, over real files, stores and audit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from data.errors import ProcallError
from data.retention.instants import HOUR
from data.retention.request import RUNNING, PurgeRequest
from data.stores.tinydb_retention import open_retention
from tests.data.purge.lab import NOW, Lab, silent
from tests.world import FakeClock

OLD, MIXED, YOUNG = "old.log", "mixed.log", "young.log"
AGES = {OLD: [120.0, 110, 100], "older.log": [150.0, 140], MIXED: [120.0, 100, 60, 50], YOUNG: [60.0, 50, 40]}
REQUEST = "id-0001"


def lab_of(folder: Path, *, hours: int) -> Lab:
    """Open the place some hours after the purge was approved; its stores have to be closed again."""
    clock = FakeClock(NOW)
    clock.advance(hours * HOUR / 1_000_000)
    return Lab(folder=folder, clock=clock, stores=open_retention(folder / "state"))


def prepare(folder: Path) -> None:
    """Write the logs, and take the purge to the end of its cooling."""
    lab = lab_of(folder, hours=0)
    for name, ages in AGES.items():
        lab.write(name, ages)
    with lab.engine() as engine:
        assert lab.approved(engine).id == REQUEST
    lab.stores.close()


def finish(folder: Path, *, hours: int) -> PurgeRequest:
    """Run the purge, or what a crash has left of it, and give the request as it is then."""
    lab = lab_of(folder, hours=hours)
    try:
        with lab.engine() as engine:
            request = lab.stores.requests.get(REQUEST)
            if request.state in RUNNING or not request.results:
                engine.runner.run(REQUEST, progress=silent)
        return lab.stores.requests.get(REQUEST)
    finally:
        lab.stores.close()


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Run the purge once; what stops it is told."""
    del task
    try:
        request = finish(folder, hours=1)
    except ProcallError as error:
        ack(f"stopped {type(error).__name__}")
    else:
        ack(f"closed {request.state} {replace(request, story=()).verdict}")
