"""The naive version of an audit log: lines appended by the standard library, flushed to nothing."""

from collections.abc import Callable
from pathlib import Path


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Append one line for each letter."""
    with (folder / "audit.jsonl").open("a") as log:
        for number, _ in enumerate(task, start=1):
            log.write(f'{{"seq":{number},"kind":"purge.intent"}}\n')
            log.flush()
            ack(f"entry {number}")
