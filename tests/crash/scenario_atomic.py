"""Three writes of the atomic storage; each is told as done or refused, with what the storage says of itself."""

from collections.abc import Callable
from pathlib import Path

from data.errors import StateError
from data.stores.atomic_storage import AtomicStorage


def run(folder: Path, ack: Callable[[object], None], task: str) -> None:
    """Write the numbers 1 to 3; with the task `again` each refused one once more."""
    storage = AtomicStorage(folder / "one.json")
    for number in (1, 2, 3):
        for _ in range(2 if task == "again" else 1):
            try:
                storage.write({"t": {"n": {"number": number}}})
            except StateError as error:
                ack(f"refused {number}: {error}")
            else:
                ack(f"did {number}")
                break
        read = (storage.read() or {}).get("t", {}).get("n", {}).get("number", 0)
        ack(f"is {read} {'read-only' if storage.read_only else 'writable'} {'unsure' if storage.unsure else 'sure'}")
    storage.close()
