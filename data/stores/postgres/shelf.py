"""Versioned values in a table, changed by compare-and-set: the database compares, so that no process can be fooled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic

from psycopg.types.json import Json

from data.stores.codec import Codec
from data.stores.common import V, check_distinct, overtaken, taken, unknown
from data.stores.postgres.database import Connection, Database, Row
from data.stores.postgres.statements import statement


class PostgresShelf(Generic[V]):
    """Values by id; `found_by` gives the columns beside the document, where there are any."""

    def __init__(
        self,
        database: Database,
        texts: Mapping[str, str],
        table: str,
        codec: Codec[V],
        *,
        what: str,
        found_by: Callable[[V], Mapping[str, object]] | None = None,
    ) -> None:
        self._database, self._codec, self._what = database, codec, what
        self._found_by = found_by or (lambda _: {})
        ending = "_request" if found_by else ""
        self._add = statement(texts, f"add{ending}", table=table)
        self._replace = statement(texts, f"replace{ending}", table=table)
        self._version = statement(texts, "version", table=table)
        self._find, self._remove, self._all = (
            statement(texts, name, table=table, key="id") for name in ("find", "remove", "all")
        )

    def add(self, value: V) -> V:
        """Keep a new value and give it back with its version; raises `ConflictError` if its id is taken."""
        return self.add_all([value])[0]

    def find(self, key: str) -> V | None:
        """Give a value, or None."""
        if "\0" in key:  # which no text in the database can hold
            return None
        found = self._database.rows(self._find, {"id": key})
        return self._decoded(found[0]) if found else None

    def get(self, key: str) -> V:
        """Give a value; raises `UnknownError`."""
        found = self.find(key)
        if found is None:
            raise unknown(self._what, key)
        return found

    def replace(self, value: V) -> V:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        return self.replace_all([value])[0]

    def remove(self, key: str) -> bool:
        """Remove a value for good; tells whether it was there."""
        return self.remove_all([key]) > 0

    def add_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Add several, all or none; raises `ConflictError` if an id is taken, `StateError`."""
        new = tuple(values)
        check_distinct(new, what=self._what)
        kept = self._next(new, first=True)
        with self._database.transaction() as connection:
            for value in _in_order(kept):
                if not connection.execute(self._add.sql, self._params(value)).fetchall():
                    raise taken(self._what, value.id)
        return kept

    def replace_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Store the next states of several, all or none; raises `ConflictError`, `UnknownError`, `StateError`."""
        new = tuple(values)
        check_distinct(new, what=self._what)
        kept = self._next(new, first=False)
        with self._database.transaction() as connection:
            for value in _in_order(kept):
                read = value.version - 1
                if not connection.execute(self._replace.sql, self._params(value) | {"version": read}).fetchall():
                    raise self._refused(connection, value.id, read)
        return kept

    def remove_all(self, keys: Iterable[str]) -> int:
        """Remove several for good; tells how many were there."""
        wanted = sorted({key for key in keys if "\0" not in key})
        return self._database.run(self._remove, {"ids": wanted}) if wanted else 0

    def all(self) -> tuple[V, ...]:
        """List all values, by id."""
        return tuple(map(self._decoded, self._database.rows(self._all)))

    def scrub(self) -> None:
        """Do nothing: a removed row is out of sight at once; when it is off the disk is the database's affair."""

    def _refused(self, connection: Connection, key: str, read: int) -> Exception:
        stored = connection.execute(self._version.sql, {"id": key}).fetchall()
        return overtaken(self._what, key, read=read, stored=stored[0][0]) if stored else unknown(self._what, key)

    def _next(self, values: Sequence[V], *, first: bool) -> tuple[V, ...]:
        """Give values as they will be stored, which is as they will be read again; raises `StateError`."""
        return tuple(
            self._codec.decode(self._codec.encode(value) | {"version": 1 if first else value.version + 1})
            for value in values
        )

    def _params(self, value: V) -> dict[str, object]:
        return {"id": value.id, "document": Json(self._codec.encode(value)), **self._found_by(value)}

    def _decoded(self, row: Row) -> V:
        return self._codec.decode(row[0])


def _in_order(values: Sequence[V]) -> list[V]:
    """Give values in the order of their ids: two that change the same rows wait for each other, and never in a ring."""
    return sorted(values, key=lambda value: value.id)
