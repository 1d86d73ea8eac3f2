"""The stores of the retention engine in PostgreSQL."""

from collections.abc import Mapping

from psycopg.types.json import Json

from data.retention.hold import Hold
from data.retention.request import OPEN, PurgeRequest
from data.stores.codec import Codec
from data.stores.common import (
    check_request_id,
    hold_codec,
    hold_order,
    mark_codec,
    person_codec,
    raised,
    request_codec,
    tick_codec,
)
from data.stores.interface import Mark, Person, Tick
from data.stores.postgres.database import Database
from data.stores.postgres.manifests import PostgresManifests
from data.stores.postgres.shelf import PostgresShelf
from data.stores.postgres.statements import load_statements, statement


class PostgresRetentionStores:
    """All of them, over one database, which whoever opened it closes; `host` names the machine whose clock ticks."""

    def __init__(self, database: Database, *, host: str) -> None:
        texts = load_statements()
        self.requests = PostgresRequestStore(database, texts)
        self.holds = PostgresHoldStore(database, texts)
        self.marks = PostgresMarkStore(database, texts)
        self.people = PostgresPersonStore(database, texts)
        self.ticks = PostgresTickStore(database, texts, host=host)
        self.manifests = PostgresManifests(database, texts)

    def close(self) -> None:
        """Do nothing: the database is not ours to close."""


class PostgresRequestStore:
    """Keeps requests; what is listed is found by an index, however many there are."""

    def __init__(self, database: Database, texts: Mapping[str, str]) -> None:
        self._database, self._codec = database, request_codec()
        self._shelf = PostgresShelf(database, texts, "requests", self._codec, what="request", found_by=_found_by)
        self._open_of, self._newest = statement(texts, "open_of"), statement(texts, "newest")

    def add(self, request: PurgeRequest) -> PurgeRequest:
        """Keep a new request and give it back with its version; raises `ConflictError` if its id is taken."""
        check_request_id(request.id)
        return self._shelf.add(request)

    def get(self, request_id: str) -> PurgeRequest:
        """Give the present state of a request; raises `UnknownError`."""
        return self._shelf.get(request_id)

    def replace(self, request: PurgeRequest) -> PurgeRequest:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        return self._shelf.replace(request)

    def open_of(self, source: str) -> tuple[PurgeRequest, ...]:
        """List the open requests of a source, oldest first."""
        rows = self._database.rows(self._open_of, {"source": source})
        return tuple(self._codec.decode(row[0]) for row in rows)

    def newest(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        return tuple(self._codec.decode(row[0]) for row in self._database.rows(self._newest, {"most": most}))


def _found_by(request: PurgeRequest) -> Mapping[str, object]:
    return {"source": request.source, "is_open": request.state in OPEN, "created_at": request.created_at}


class PostgresHoldStore:
    """Keeps holds; the revision is the sum of their versions, so that it needs no place of its own."""

    def __init__(self, database: Database, texts: Mapping[str, str]) -> None:
        self._database = database
        self._shelf = PostgresShelf(database, texts, "holds", hold_codec(), what="hold")
        self._revision = statement(texts, "revision")

    def add(self, hold: Hold) -> Hold:
        """Keep a new hold and give it back with its version; raises `ConflictError` if its id is taken."""
        return self._shelf.add(hold)

    def get(self, hold_id: str) -> Hold:
        """Give a hold; raises `UnknownError`."""
        return self._shelf.get(hold_id)

    def replace(self, hold: Hold) -> Hold:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        return self._shelf.replace(hold)

    def all(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        return tuple(sorted(self._shelf.all(), key=hold_order))

    @property
    def revision(self) -> int:
        """Give a number that grows with every change of any hold; cheap enough to ask before each deletion."""
        found: int = self._database.rows(self._revision)[0][0]
        return found


class PostgresMarkStore:
    """Keeps marks by source."""

    def __init__(self, database: Database, texts: Mapping[str, str]) -> None:
        self._database, self._codec = database, mark_codec()
        self._find = statement(texts, "find", table="marks", key="source")
        self._locked = statement(texts, "find_locked", table="marks", key="source")
        self._put_new = statement(texts, "put_new", table="marks", key="source")
        self._put = statement(texts, "put", table="marks", key="source")

    def mark_of(self, source: str) -> Mark:
        """Give a source's mark; an empty one if it never was purged."""
        found = self._database.rows(self._find, {"id": source})
        return self._codec.decode(found[0][0]) if found else Mark(source=source)

    def raise_mark(self, mark: Mark) -> Mark:
        """Store a mark; `purged_until` never goes back, whatever is given. Raises `StateError`."""
        empty = Json(self._codec.encode(Mark(source=mark.source)))
        with self._database.transaction() as connection:
            connection.execute(
                self._put_new.sql, {"id": mark.source, "document": empty}
            )  # so that there is a row to lock
            (present,) = connection.execute(self._locked.sql, {"id": mark.source}).fetchall()
            document = self._codec.encode(raised(self._codec.decode(present[0]), mark))
            connection.execute(self._put.sql, {"id": mark.source, "document": Json(document)})
        return self._codec.decode(document)


class PostgresPersonStore:
    """Keeps people by pseudonym."""

    def __init__(self, database: Database, texts: Mapping[str, str]) -> None:
        self._database, self._codec = database, person_codec()
        self._find = statement(texts, "find", table="people", key="pseudonym")
        self._put_new = statement(texts, "put_new", table="people", key="pseudonym")
        self._remove = statement(texts, "remove", table="people", key="pseudonym")

    def remember(self, person: Person) -> None:
        """Keep a person; again is no change. Raises `StateError`."""
        document = Json(self._codec.encode(person))
        self._database.run(self._put_new, {"id": person.pseudonym, "document": document})

    def find(self, pseudonym: str) -> Person | None:
        """Give the person, or None if unknown or forgotten."""
        found = self._database.rows(self._find, {"id": pseudonym})
        return self._codec.decode(found[0][0]) if found else None

    def forget(self, pseudonym: str) -> bool:
        """Forget a person for good; tells whether somebody was known."""
        return self._database.run(self._remove, {"ids": [pseudonym]}) > 0


class PostgresTickStore:
    """Keeps the last tick of each machine: a clock is compared with itself, never with that of another machine."""

    def __init__(self, database: Database, texts: Mapping[str, str], *, host: str) -> None:
        self._database, self._host = database, host
        self._codec: Codec[Tick] = tick_codec()
        self._find = statement(texts, "find", table="ticks", key="host")
        self._put = statement(texts, "put", table="ticks", key="host")

    def last(self) -> Tick | None:
        """Give this machine's last tick, or None if there never was one."""
        found = self._database.rows(self._find, {"id": self._host})
        return self._codec.decode(found[0][0]) if found else None

    def put(self, tick: Tick) -> None:
        """Store a tick. Raises `StateError`."""
        self._database.run(self._put, {"id": self._host, "document": Json(self._codec.encode(tick))})
