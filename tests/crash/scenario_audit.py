"""Entries and checkpoints of the audit log: what was acknowledged must be there and verify after any crash.

Letters of the task: `a` appends an entry, `b` appends three with one flush, `c` signs a checkpoint; `*` goes on for
ever. The folder holds `keys`, which is made before, so that only the log itself is disturbed.
"""

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.audit.entry import Draft
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.clock import Clock, SystemClock
from data.errors import StateError


class SteadyClock:
    """A clock that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 24, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time."""
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        """Tell the same in seconds."""
        return self._now.timestamp()


def open_log(folder: Path, clock: Clock) -> AuditLog:
    """Open the log with the key that lies beside it."""
    return AuditLog(folder / "audit", clock=clock, signer=Ed25519FileSigner(folder.parent / "keys"))


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Do what the letters say; acknowledge the number and kind of the last entry, or the size a checkpoint has."""
    try:
        log = open_log(folder, SystemClock() if task == "*" else SteadyClock())
    except StateError:
        ack("refused")
        return
    letters: Iterable[str] = itertools.cycle("abc") if task == "*" else task
    for letter in letters:
        try:
            if letter == "c":
                ack(f"sealed {log.checkpoint().size}")
            elif letter == "a":
                ack(f"entry {log.append('purge.intent', 'p-1', 'r-1', {'count': 1}).seq}")
            else:
                drafts = [Draft(kind="purge.items", data={"unit": number}) for number in range(3)]
                ack(f"entry {log.append_many(drafts)[-1].seq}")
        except StateError:
            ack("refused")
    log.close()
