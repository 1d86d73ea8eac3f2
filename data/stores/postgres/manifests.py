"""Manifests in PostgreSQL: believed only with the right Merkle root, read in bounded memory, in order.

A manifest that is saved anew gets a new generation, so that nobody ever reads half of one and half of another.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from typing import Final

from data.errors import StateError
from data.retention.manifest import planned_of
from data.retention.merkle import MerkleTree, leaf_hash
from data.retention.unit import Planned
from data.stores.common import check_request_id
from data.stores.manifest_rows import sorted_rows
from data.stores.postgres.database import Connection, Database
from data.stores.postgres.statements import statement

_BLOCK: Final = 1_000
"""Rows that are read at once."""


class PostgresManifests:
    """Manifests by request."""

    def __init__(self, database: Database, texts: Mapping[str, str]) -> None:
        self._database = database
        self._discard, self._begin, self._copy, self._generation, self._rows = (
            statement(texts, name)
            for name in ("discard_manifest", "begin_manifest", "copy_manifest", "generation", "manifest_rows")
        )

    def save(self, request_id: str, rows: Iterable[Planned]) -> tuple[str, int]:
        """Sort and store rows in bounded memory; gives their Merkle root, hexadecimal, and their number.

        An earlier manifest of the request is replaced as a whole. Raises `StateError`.
        """
        check_request_id(request_id)
        tree = MerkleTree()
        with _told(request_id), ExitStack() as stack:
            ordered = sorted_rows(rows, tree, stack)
            first = next(ordered, None)  # everything is read and sorted before the database has to wait
            with self._database.transaction() as connection:
                self._store(connection, request_id, first, ordered)
        return tree.root().hex(), tree.size

    def load(self, request_id: str, *, root: str) -> Iterator[Planned]:
        """Read the rows in order; raises `StateError` before the first if they are not exactly what was saved."""
        check_request_id(request_id)
        generation = self._generation_of(request_id)
        tree, digests = MerkleTree(), []
        for block in self._blocks(generation):
            digests.append(_digest(block))
            for row in block:
                tree.add(leaf_hash(row))
        if generation is None or tree.root().hex() != root:
            message = f"the manifest of request {request_id} is not the one that was approved; nothing is deleted"
            raise StateError(message)
        return self._checked(request_id, generation, digests)

    def discard(self, request_id: str) -> None:
        """Remove a manifest that is no longer needed: it holds file names. Again is no change. Raises `StateError`."""
        check_request_id(request_id)
        self._database.run(self._discard, {"request": request_id})

    def _store(self, connection: Connection, request_id: str, first: bytes | None, others: Iterator[bytes]) -> None:
        connection.execute(self._discard.sql, {"request": request_id})
        (begun,) = connection.execute(self._begin.sql, {"request": request_id}).fetchall()
        with connection.cursor() as cursor, cursor.copy(self._copy.sql) as copy:
            copy.set_types(["int8", "int8", "bytea"])
            if first is not None:
                copy.write_row((begun[0], 0, first))
            for place, row in enumerate(others, 1):
                copy.write_row((begun[0], place, row))

    def _generation_of(self, request_id: str) -> int | None:
        found = self._database.rows(self._generation, {"request": request_id})
        return found[0][0] if found else None

    def _blocks(self, generation: int | None) -> Iterator[list[bytes]]:
        place = 0
        while True:
            params = {"generation": generation, "place": place, "most": _BLOCK}
            block = [bytes(row[0]) for row in self._database.rows(self._rows, params)]
            if not block:
                return
            yield block
            place += _BLOCK

    def _checked(self, request_id: str, generation: int, digests: list[bytes]) -> Iterator[Planned]:
        """Give the rows, each block only if it still is what was checked."""
        blocks = self._blocks(generation)
        for digest in digests:
            block = next(blocks, [])
            if _digest(block) != digest:
                message = f"the manifest of request {request_id} was changed while it was read; nothing is deleted"
                raise StateError(message)
            yield from map(planned_of, block)


def _digest(block: list[bytes]) -> bytes:
    digest = sha256()
    for row in block:
        digest.update(b"%d:" % len(row))
        digest.update(row)
    return digest.digest()


@contextmanager
def _told(request_id: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"the manifest of request {request_id}: not written: {error.strerror}"
        raise StateError(message) from error
