"""Moves an embedded state into PostgreSQL: all of it or nothing, compared before it counts.

The embedded state stays as it was, and is marked so that nobody goes on with it by mistake: two states that both go on
would each tell half of the story.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from psycopg.types.json import Json

from data.audit.checkpoint import checkpoint_line
from data.audit.keys import Signer
from data.audit.reading import epoch_files, lines_of, open_plain, read_checkpoints, read_entry, scan_epoch
from data.clock import Clock
from data.errors import StateError
from data.opening import MOVED, EmbeddedKeeping
from data.retention.canonical import canonical
from data.retention.instants import instant_of, iso
from data.retention.request import OPEN
from data.stores.atomic_storage import load_document
from data.stores.codec import Codec
from data.stores.common import hold_codec, mark_codec, person_codec, request_codec
from data.stores.desk import alert_codec, delivery_codec, reference_codec, standing_codec, ticket_codec
from data.stores.durable import write_durably
from data.stores.postgres.database import Connection, Database
from data.stores.postgres.migrations import check_schema
from data.stores.postgres.statements import load_statements, statement

_BLOCK: Final = 1_000
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One table of the embedded files, and the one of the database that takes it up."""

    file: str
    name: str
    table: str
    codec: Codec[Any]
    key: str = "id"
    versioned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """How much of one kind was copied, and the digest that both sides have."""

    what: str
    count: int
    digest: str


def _tables() -> tuple[_Table, ...]:
    rest, desk = "retention.json", "desk.json"
    return (
        _Table(file=rest, name="requests", table="requests", codec=request_codec()),
        _Table(file=rest, name="holds", table="holds", codec=hold_codec()),
        _Table(file=rest, name="marks", table="marks", codec=mark_codec(), key="source", versioned=False),
        _Table(file=rest, name="people", table="people", codec=person_codec(), key="pseudonym", versioned=False),
        _Table(file=desk, name="alerts", table="alerts", codec=alert_codec()),
        _Table(file=desk, name="deliveries", table="deliveries", codec=delivery_codec()),
        _Table(file=desk, name="references", table="conversations", codec=reference_codec()),
        _Table(file=desk, name="tickets", table="tickets", codec=ticket_codec()),
        _Table(file=desk, name="standing", table="standing_rules", codec=standing_codec()),
    )


def copy_state(folder: Path, dsn: str, *, clock: Clock, signer: Signer) -> tuple[Copied, ...]:
    """Copy a state folder into an empty database with the newest schema, and mark the folder as moved.

    Nobody may use the folder meanwhile. Clock ticks are not copied: each machine keeps its own. Raises `StateError`
    where the state is not whole, the database is not empty, or what arrived is not what was sent; then nothing was
    copied.
    """
    with EmbeddedKeeping(folder=folder, clock=clock).open(signer), closing(Database(dsn)) as database:
        check_schema(database)
        with database.transaction() as connection:
            copied = tuple(_Copying(folder, connection).everything())
        write_durably(folder / MOVED, canonical({"at": iso(instant_of(clock.now()))}))
    return copied


class _Copying:
    """One copy under way, in one transaction."""

    def __init__(self, folder: Path, connection: Connection) -> None:
        self._folder, self._connection, self._texts = folder, connection, load_statements()

    def everything(self) -> Iterator[Copied]:
        """Copy kind by kind; raises `StateError`."""
        for table in _tables():
            yield self._values(table)
        yield self._feedback()
        yield self._manifests()
        yield self._audit()
        yield self._checkpoints()

    def _values(self, table: _Table) -> Copied:
        found = load_document(self._folder / table.file) or {}
        documents = [found.get(table.name, {})[key] for key in sorted(found.get(table.name, {}))]
        self._empty(table.table)
        for document in documents:
            self._take(table, document)
        there = self._rows("all", table=table.table, key=table.key)
        return _same(table.name, map(canonical, documents), (canonical(row[0]) for row in there))

    def _take(self, table: _Table, document: Document) -> None:
        value = table.codec.decode(document)  # what this version cannot read is not carried along
        params = {"id": document[table.key], "document": Json(dict(document))}
        if not table.versioned:
            self._run("put_new", params, table=table.table, key=table.key)
        elif table.name == "requests":
            beside = {"source": value.source, "is_open": value.state in OPEN, "created_at": value.created_at}
            self._run("take_request", {**params, **beside, "version": value.version})
        else:
            self._run("take", {**params, "version": value.version}, table=table.table)

    def _feedback(self) -> Copied:
        found = (load_document(self._folder / "feedback.json") or {}).get("_default", {}).values()
        rows = sorted((row["answer"], row["lang"], row["helpful"], row["not_helpful"]) for row in found)
        self._empty("feedback")
        for row in rows:
            self._run("take_feedback", dict(zip(("answer", "lang", "helpful", "not_helpful"), row, strict=True)))
        there = self._rows("feedback")
        return _same("feedback", (repr(row).encode() for row in rows), (repr(tuple(row)).encode() for row in there))

    def _manifests(self) -> Copied:
        self._empty("manifests")
        paths = sorted((self._folder / "manifests").glob("*.jsonl"))
        sent, there = sha256(), sha256()
        for path in paths:
            (generation,) = self._rows("begin_manifest", {"request": path.stem})[0]
            into = statement(self._texts, "copy_manifest").sql
            with open_plain(path) as file, self._connection.cursor() as cursor, cursor.copy(into) as copy:
                copy.set_types(["int8", "int8", "bytea"])
                for place, line in enumerate(lines_of(file)):
                    copy.write_row((generation, place, line[:-1]))
                    sent.update(line)
            for row in self._paged("manifest_rows", "place", {"generation": generation}):
                there.update(bytes(row[0]) + b"\n")
        return _equal("manifests", len(paths), sent.hexdigest(), there.hexdigest())

    def _audit(self) -> Copied:
        self._empty("audit_entries")
        sent, count = sha256(), 0
        for epoch, path in epoch_files(self._folder / "audit").items():
            scan_epoch(path)
            with open_plain(path) as file:
                for line in lines_of(file):
                    entry = read_entry(path, line[:-1])
                    params = {"seq": entry.seq, "epoch": epoch, "object": entry.object, "line": line[:-1]}
                    self._run("audit_append", params)
                    sent.update(line)
                    count += 1
        there = sha256()
        seq = 0
        while rows := self._rows("audit_since", {"seq": seq, "most": _BLOCK}):
            for row in rows:
                there.update(bytes(row[2]) + b"\n")
            seq = rows[-1][0]
        return _equal("audit", count, sent.hexdigest(), there.hexdigest())

    def _checkpoints(self) -> Copied:
        self._empty("audit_checkpoints")
        found = list(read_checkpoints(self._folder / "audit"))
        lines = [checkpoint_line(one) for one in found if one is not None]
        if len(lines) != len(found):
            message = f"{self._folder}: a line of the checkpoints is none; ask `audit verify`"
            raise StateError(message)
        for line in lines:
            self._run("seal", {"line": line})
        there = self._rows("seals_since", {"number": 0, "most": len(lines) + 1})
        return _same("checkpoints", lines, (bytes(row[1]) for row in there))

    def _paged(self, name: str, place: str, params: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
        at = 0
        while rows := self._rows(name, {**params, place: at, "most": _BLOCK}):
            yield from rows
            at += len(rows)

    def _empty(self, table: str) -> None:
        if self._rows("count", table=table)[0][0]:
            message = f"the database is not empty: {table} holds something; copy into a new one"
            raise StateError(message)

    def _rows(self, name: str, params: Mapping[str, object] | None = None, **names: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement(self._texts, name, **names).sql, params).fetchall()

    def _run(self, name: str, params: Mapping[str, object], **names: str) -> None:
        self._connection.execute(statement(self._texts, name, **names).sql, params)


def _same(what: str, sent: Iterable[bytes], there: Iterable[bytes]) -> Copied:
    ours, theirs = _summed(sent), _summed(there)
    if ours[0] != theirs[0]:
        raise _differs(what)
    return _equal(what, ours[0], ours[1], theirs[1])


def _summed(parts: Iterable[bytes]) -> tuple[int, str]:
    digest, count = sha256(), 0
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
        count += 1
    return count, digest.hexdigest()


def _equal(what: str, count: int, sent: str, there: str) -> Copied:
    if sent != there:
        raise _differs(what)
    return Copied(what=what, count=count, digest=sent)


def _differs(what: str) -> StateError:
    return StateError(f"{what}: what arrived in the database is not what was sent; nothing was copied")
