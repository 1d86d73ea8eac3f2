"""The naive version: TinyDB on its own JSON storage, which writes in place."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tinydb import TinyDB


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Insert one document for each letter; a shorter one for `s`."""
    database = TinyDB(folder / "retention.json")
    for number, letter in enumerate(task, start=1):
        with suppress(OSError):
            if letter == "s":
                database.update({"padding": ""})
            database.insert({"number": number, "padding": "x" * 5000})
            ack(number)
