"""Tables of one embedded file: documents in memory, every change on the disk before it is acknowledged."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from tinydb import TinyDB
from tinydb.table import Document

from data.errors import StateError
from data.stores.atomic_storage import AtomicStorage
from data.stores.codec import Codec
from data.stores.common import V, check_distinct, overtaken, taken, unknown
from data.stores.snapshot import SnapshotStorage

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """How many documents one file may hold: every change writes all of them (security.md 4.4)."""

    large: int = 5_000
    """From here on the log says that PostgreSQL would be better."""
    full: int = 20_000
    """From here on new requests are refused."""


class EmbeddedFile:
    """One file with several tables, used by one thread at a time."""

    def __init__(self, storage: AtomicStorage | SnapshotStorage, ceilings: Ceilings) -> None:
        self._storage, self._ceilings = storage, ceilings
        self._database = TinyDB(storage=lambda: storage)
        self._lock = threading.RLock()
        self._tables: list[Any] = []
        self.doubtful: tuple[str, str] | None = None
        """Table and id of the last change of which nobody knows whether it was kept; a repeat of it is no conflict."""
        self.failures = 0
        """How many changes have failed: after each, indexes beside the documents have to be made anew."""

    def table(self, name: str) -> Any:
        """Give a table whose documents have texts for ids."""
        table: Any = self._database.table(name)
        table.document_id_class = str
        self._tables.append(table)
        return table

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep others out for a moment."""
        with self._lock:
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep others out, after making sure that everything readable is on the disk. Raises `StateError`."""
        with self._lock:
            self._storage.check_writable()
            if self._storage.unsure:
                self.write_again()
            yield

    def write_again(self) -> None:
        """Write the present state once more: the generation before it then is the same. Raises `StateError`."""
        try:
            self._storage.write(self._storage.read() or {})
        except StateError:
            self.failures += 1
            raise

    @property
    def unsure(self) -> bool:
        """Tell whether the last change may or may not have been kept."""
        return self._storage.unsure

    def close(self) -> None:
        """Let another process have the file."""
        with self._lock:
            self._database.close()

    def check_room(self) -> None:
        """Refuse one document more where there are too many, and warn long before; raises `StateError`."""
        if len(self) >= self._ceilings.full:
            message = (
                f"the embedded store holds {len(self)} documents and takes no new request; requests under way can be "
                "finished. Keep the state in PostgreSQL: state.postgres_dsn"
            )
            raise StateError(message)
        self.warn_if_large()

    def warn_if_large(self) -> None:
        """Say in the log that PostgreSQL would be better, if so."""
        if len(self) >= self._ceilings.large:
            import structlog  # rarely needed, and slow to load

            log = structlog.get_logger(__name__)
            log.warning("the embedded store is large", action="store_large", count=len(self))

    def __len__(self) -> int:
        return sum(len(table) for table in self._tables)


class Table(Generic[T]):
    """One table as values of one type by id, each read once. The caller holds the file's lock.

    What was read is kept beside the documents: a round looks at a thousand requests, and nothing can change them but
    this class. A value is forgotten before it is changed, and all are where a change of the file has failed.
    """

    def __init__(self, file: EmbeddedFile, name: str, codec: Codec[T]) -> None:
        self._file, self._name, self._codec = file, name, codec
        self._table = file.table(name)
        self._values: dict[str, T] = {}
        self._failures = file.failures

    def find(self, key: str) -> T | None:
        """Give a value, or None; one look-up, however many there are."""
        known = self._known().get(key)
        if known is not None:
            return known
        row = self._table.get(doc_id=key)
        return None if row is None else self._value(key, row)

    def all(self) -> Iterator[T]:
        """Walk through all values."""
        known = self._known()
        for row in self._table:
            yield known[row.doc_id] if row.doc_id in known else self._value(row.doc_id, row)

    def check(self) -> None:
        """Read everything once, so that what cannot be read is told when the file is opened; raises `StateError`."""
        for _ in self.all():
            pass

    def put(self, key: str, value: T) -> T:
        """Store a value under its id, whether new or not, and give it as it is stored. Raises `StateError`."""
        row = self._codec.encode(value)
        if self._table.contains(doc_id=key):
            self._write(key, [key], lambda: self._table.update(row, doc_ids=[key]))
        else:
            self._write(key, [key], lambda: self._table.insert(Document(row, doc_id=key)))  # type: ignore[arg-type]
        return self._value(key, row)

    def insert_all(self, values: Mapping[str, T]) -> tuple[T, ...]:
        """Store values under ids that are not there, in one write. Raises `StateError`."""
        rows = {key: self._codec.encode(value) for key, value in values.items()}
        documents = [Document(row, doc_id=key) for key, row in rows.items()]  # type: ignore[arg-type]
        if documents:
            self._write("", rows, lambda: self._table.insert_multiple(documents))
        return tuple(self._value(key, row) for key, row in rows.items())

    def update_all(self, values: Mapping[str, T]) -> tuple[T, ...]:
        """Store values under ids that are there, in one write. Raises `StateError`."""
        rows = {key: self._codec.encode(value) for key, value in values.items()}
        keys = iter(rows)
        if rows:
            # TinyDB walks through the ids in the order given, and does not say at which one it is.
            update = partial(self._table.update, lambda row: row.update(rows[next(keys)]), doc_ids=list(rows))
            self._write("", rows, update)
        return tuple(self._value(key, row) for key, row in rows.items())

    def remove_all(self, keys: Iterable[str]) -> int:
        """Remove values in one write; tells how many were there. Raises `StateError`."""
        known = [key for key in keys if self._table.contains(doc_id=key)]
        if known:
            self._write("", known, lambda: self._table.remove(doc_ids=known))
        return len(known)

    def remove(self, key: str) -> bool:
        """Remove a value; tells whether it was there. Raises `StateError`."""
        known = bool(self._table.contains(doc_id=key))
        if known:
            self._write(key, [key], lambda: self._table.remove(doc_ids=[key]))
        return known

    def doubts(self, key: str) -> bool:
        """Tell whether nobody knows if the last change of this value was kept."""
        return self._file.doubtful == (self._name, key)

    def _known(self) -> dict[str, T]:
        """Give what was read already; nothing where the file may hold something else by now."""
        if self._failures != self._file.failures:
            self._values.clear()
            self._failures = self._file.failures
        return self._values

    def _value(self, key: str, row: Mapping[str, Any]) -> T:
        value = self._known()[key] = self._codec.decode(row)
        return value

    def _write(self, key: str, changed: Iterable[str], change: Callable[[], object]) -> None:
        for name in changed:
            self._values.pop(name, None)
        try:
            change()
        except StateError:
            self._file.failures += 1
            if self._file.unsure:
                self._file.doubtful = (self._name, key)
            raise
        self._file.doubtful = None


class VersionedTable(Generic[V]):
    """Values changed by compare-and-set. The caller holds the file's lock."""

    def __init__(self, table: Table[V], *, what: str) -> None:
        self._table, self._what = table, what

    def add(self, value: V) -> V:
        """Store a new value as version 1; raises `ConflictError` if its id is taken, `StateError`."""
        new: V = replace(value, version=1)  # type: ignore[type-var]
        present = self._table.find(value.id)
        if present is None:
            return self._table.put(value.id, new)
        if self._table.doubts(value.id) and present == new:
            return present
        raise taken(self._what, value.id)

    def get(self, key: str) -> V:
        """Give a value; raises `UnknownError`."""
        found = self._table.find(key)
        if found is None:
            raise unknown(self._what, key)
        return found

    def replace(self, value: V) -> V:
        """Store the next version; raises `ConflictError`, `UnknownError`, `StateError`."""
        new: V = replace(value, version=value.version + 1)  # type: ignore[type-var]
        present = self.get(value.id)
        if present.version == value.version:
            return self._table.put(value.id, new)
        if self._table.doubts(value.id) and present == new:
            return present
        raise overtaken(self._what, value.id, read=value.version, stored=present.version)

    def add_all(self, values: Sequence[V]) -> tuple[V, ...]:
        """Store new values as version 1, all or none; raises `ConflictError` if an id is taken, `StateError`."""
        check_distinct(values, what=self._what)
        for value in values:
            if self._table.find(value.id) is not None:
                raise taken(self._what, value.id)
        return self._table.insert_all({value.id: replace(value, version=1) for value in values})  # type: ignore[type-var]

    def replace_all(self, values: Sequence[V]) -> tuple[V, ...]:
        """Store the next versions, all or none; raises `ConflictError`, `UnknownError`, `StateError`."""
        check_distinct(values, what=self._what)
        for value in values:
            present = self.get(value.id)
            if present.version != value.version:
                raise overtaken(self._what, value.id, read=value.version, stored=present.version)
        return self._table.update_all({value.id: replace(value, version=value.version + 1) for value in values})  # type: ignore[type-var]

    def knows(self, key: str) -> bool:
        """Tell whether there is a value."""
        return self._table.find(key) is not None

    def all(self) -> Iterator[V]:
        """Walk through all values."""
        return self._table.all()
