"""A whole purge, approved before: execution with intents and results, verification, certificate, closing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fpdf  # noqa: F401  every run renders certificates: it is loaded once, before the forks

from bot.documents import Documents
from cards.texts import load_texts
from data.audit.keys import Ed25519FileSigner
from data.certificate.model import Office
from data.purge.engine import Engine
from data.retention.instants import DAY
from data.retention.request import PurgeRequest
from data.stores.tinydb_retention import open_retention
from tests.data.purge.lab import ALICE, BOB, NOW, SOURCE, Lab, silent
from tests.world import FakeClock

OLD = tuple(f"old-{number}.log" for number in range(3))
AGES = {**dict.fromkeys(OLD, (100.0, 99.0, 98.0)), "mixed.log": (90.0, 10.0, 89.0, 9.0), "young.log": (5.0, 4.0)}


@contextmanager
def opened(folder: Path, *, minutes: float = 0) -> Iterator[tuple[Lab, Engine]]:
    """Open the engine over a folder, as a process does that starts so many minutes after noon."""
    clock = FakeClock(NOW)
    clock.advance(minutes * 60)
    stores = open_retention(folder / "state")
    try:
        lab = Lab(folder=folder / "state", logs=folder / "logs", stores=stores, clock=clock)
        lab.papers = Documents(  # type: ignore[assignment]  the real ones
            folder=folder / "state" / "certificates",
            signer=Ed25519FileSigner(folder / "state" / "keys"),
            texts=load_texts(),
            controller="Beispiel GmbH",
            sources={SOURCE: lab.source()},
            rules={SOURCE: lab.rule},
            office_of=lambda _: Office.ADMIN,
            known=(),
            version="0.2.0",
        )
        with lab.engine() as engine:
            yield lab, engine
    finally:
        stores.close()


def prepare(folder: Path) -> None:
    """Write the files, and take a purge of them to its last approval."""
    with opened(folder) as (lab, engine):
        for name, ages in AGES.items():
            lab.write(name, ages, quiet_for=DAY)
        request = engine.purges.preview(ALICE, SOURCE, silent)
        request = engine.purges.confirm(ALICE, request.id, request.code)
        request = engine.purges.approve(BOB, request.id, request.digest)
        (folder / "request").write_text(request.id)


def finish(folder: Path, *, minutes: float) -> PurgeRequest:
    """Run the purge from wherever it stands."""
    with opened(folder, minutes=minutes) as (_, engine):
        return engine.runner.run((folder / "request").read_text(), progress=silent)


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Run the purge for the first time."""
    del task
    done = finish(folder, minutes=20)
    ack(f"{done.state} {done.verdict}")
