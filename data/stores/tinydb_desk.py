"""The embedded stores of the desk: one file of their own, so that a message does not rewrite the purge requests."""

from collections.abc import Iterable
from pathlib import Path
from typing import Generic

from data.stores.atomic_storage import AtomicStorage, load_document
from data.stores.codec import Codec
from data.stores.common import V
from data.stores.desk import alert_codec, delivery_codec, reference_codec, standing_codec, ticket_codec
from data.stores.snapshot import SnapshotStorage
from data.stores.tinydb_file import Ceilings, EmbeddedFile, Table, VersionedTable

_FILE = "desk.json"


class TinyShelf(Generic[V]):
    """Values of one table, changed by compare-and-set."""

    def __init__(self, file: EmbeddedFile, name: str, codec: Codec[V], *, what: str) -> None:
        self._file = file
        self._table = Table(file, name, codec)
        self._table.check()
        self._versioned = VersionedTable(self._table, what=what)

    def add(self, value: V) -> V:
        """Keep a new value and give it back with its version; raises `ConflictError`, `StateError`."""
        with self._file.changing():
            return self._versioned.add(value)

    def find(self, key: str) -> V | None:
        """Give a value, or None."""
        with self._file.reading():
            return self._table.find(key)

    def get(self, key: str) -> V:
        """Give a value; raises `UnknownError`."""
        with self._file.reading():
            return self._versioned.get(key)

    def replace(self, value: V) -> V:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        with self._file.changing():
            return self._versioned.replace(value)

    def remove(self, key: str) -> bool:
        """Remove a value for good, from the generation before too; tells whether it was there."""
        with self._file.changing():
            known = self._table.remove(key)
            self._file.write_again()
            return known

    def add_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Add several, all or none, in one write; raises `ConflictError` if an id is taken, `StateError`."""
        with self._file.changing():
            return self._versioned.add_all(tuple(values))

    def replace_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Store the next states of several, all or none, in one write; raises `ConflictError`, `UnknownError`."""
        with self._file.changing():
            return self._versioned.replace_all(tuple(values))

    def remove_all(self, keys: Iterable[str]) -> int:
        """Remove several for good, from the generation before too; tells how many were there."""
        with self._file.changing():
            known = self._table.remove_all(set(keys))
            if known:
                self._file.write_again()
            return known

    def all(self) -> tuple[V, ...]:
        """List all values, by id."""
        with self._file.reading():
            return tuple(sorted(self._table.all(), key=lambda value: value.id))

    def scrub(self) -> None:
        """Make the generation before hold nothing that the present one does not; raises `StateError`."""
        with self._file.changing():
            self._file.write_again()


class TinyDeskStores:
    """All of them, over one file; use `open_desk` or `read_desk`."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self.alerts = TinyShelf(file, "alerts", alert_codec(), what="alert")
        self.deliveries = TinyShelf(file, "deliveries", delivery_codec(), what="delivery")
        self.references = TinyShelf(file, "references", reference_codec(), what="reference")
        self.tickets = TinyShelf(file, "tickets", ticket_codec(), what="ticket")
        self.standing = TinyShelf(file, "standing", standing_codec(), what="standing rule")

    def close(self) -> None:
        """Let another process have them."""
        self._file.close()


def open_desk(folder: Path) -> TinyDeskStores:
    """Open the desk's stores in a state folder for this process alone; raises `StateError`."""
    storage = AtomicStorage(folder / _FILE)
    try:
        return TinyDeskStores(EmbeddedFile(storage, Ceilings()))
    except BaseException:
        storage.close()
        raise


def read_desk(folder: Path) -> TinyDeskStores:
    """Show the desk as it is at this moment, without a lock and without changing anything; raises `StateError`."""
    return TinyDeskStores(EmbeddedFile(SnapshotStorage(load_document(folder / _FILE)), Ceilings()))
