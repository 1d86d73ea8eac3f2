"""The naive version: the old file removed, the mixed one cut in place, and a note of what was done afterwards."""

from collections.abc import Callable
from pathlib import Path

from tests.crash.scenario_files import MIXED, OLD, kept_of_mixed


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Delete and rewrite."""
    logs = folder / "logs"
    if task == "rewrite":
        (logs / MIXED).write_bytes(kept_of_mixed())
        ack(f"{MIXED} rewritten")
    else:
        (logs / OLD).unlink()
        with (folder / "done").open("a") as done:
            done.write(f"{OLD}\n")
        ack(f"{OLD} deleted")
