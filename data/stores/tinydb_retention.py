"""The embedded retention stores: one file for all documents, one file for each manifest, no server.

Documents live in memory and are written through as a whole, so that each change is atomic; beside them there are small
indexes, so that neither `get` nor `open_of` grows with what was ever stored. New requests are refused where the file
would get too large; steps of existing ones, holds, marks and people never are: they finish or prevent a deletion.
"""

import bisect
from pathlib import Path

from data.retention.hold import Hold
from data.retention.request import OPEN, PurgeRequest
from data.stores.atomic_storage import AtomicStorage, load_document
from data.stores.common import (
    check_request_id,
    hold_codec,
    hold_order,
    mark_codec,
    person_codec,
    raised,
    request_codec,
    request_order,
    tick_codec,
)
from data.stores.interface import Mark, Person, Tick
from data.stores.manifest_files import ManifestFiles
from data.stores.snapshot import SnapshotStorage
from data.stores.tinydb_file import Ceilings, EmbeddedFile, Table, VersionedTable

_FILE = "retention.json"
_MANIFESTS = "manifests"
_LAST = "last"


class TinyRetentionStores:
    """All of them, over one file; use `open_retention` or `read_retention`."""

    def __init__(self, file: EmbeddedFile, manifests: ManifestFiles) -> None:
        self._file = file
        self.requests = TinyRequestStore(file)
        self.holds = TinyHoldStore(file)
        self.marks = TinyMarkStore(file)
        self.people = TinyPersonStore(file)
        self.ticks = TinyTickStore(file)
        self.manifests = manifests

    def close(self) -> None:
        """Let another process have them."""
        self._file.close()


def open_retention(folder: Path, *, ceilings: Ceilings | None = None) -> TinyRetentionStores:
    """Open the stores in a state folder for this process alone.

    Raises `StateError` where another process has them, or where what is stored cannot be trusted.
    """
    storage = AtomicStorage(folder / _FILE)
    try:
        file = EmbeddedFile(storage, ceilings or Ceilings())
        stores = TinyRetentionStores(file, ManifestFiles(folder / _MANIFESTS))
    except BaseException:
        storage.close()
        raise
    file.warn_if_large()
    return stores


def read_retention(folder: Path) -> TinyRetentionStores:
    """Show the stores as they are at this moment, without a lock and without changing anything; raises `StateError`."""
    storage = SnapshotStorage(load_document(folder / _FILE))
    return TinyRetentionStores(EmbeddedFile(storage, Ceilings()), ManifestFiles(folder / _MANIFESTS, read_only=True))


class TinyRequestStore:
    """Keeps requests, with an index of the open ones by source and of all by age."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self._table = VersionedTable(Table(file, "requests", request_codec()), what="request")
        self._open: dict[str, set[str]] = {}
        self._order: list[tuple[int, str]] = []
        self._failures = -1
        with file.reading():
            self._index()

    def add(self, request: PurgeRequest) -> PurgeRequest:
        """Keep a new request and give it back with its version; raises `ConflictError` if its id is taken."""
        check_request_id(request.id)
        with self._file.changing():
            self._index()
            if not self._table.knows(request.id):
                self._file.check_room()
            added = self._table.add(request)
            place = request_order(added)
            at = bisect.bisect_left(self._order, place)
            if self._order[at : at + 1] != [place]:  # it is there where an addition of unknown outcome is repeated
                self._order.insert(at, place)
            return self._file_away(added)

    def get(self, request_id: str) -> PurgeRequest:
        """Give the present state of a request; raises `UnknownError`."""
        with self._file.reading():
            return self._table.get(request_id)

    def replace(self, request: PurgeRequest) -> PurgeRequest:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        with self._file.changing():
            self._index()
            return self._file_away(self._table.replace(request))

    def open_of(self, source: str) -> tuple[PurgeRequest, ...]:
        """List the open requests of a source, oldest first."""
        with self._file.reading():
            self._index()
            return tuple(sorted(map(self._table.get, self._open.get(source, ())), key=request_order))

    def newest(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        with self._file.reading():
            self._index()
            return tuple(self._table.get(request_id) for _, request_id in self._order[: -most - 1 : -1])

    def _index(self) -> None:
        """Read everything again where a change failed; else there is nothing to do."""
        if self._failures == self._file.failures:
            return
        failures = self._file.failures
        self._open.clear()
        self._order.clear()
        for request in self._table.all():
            self._order.append(request_order(request))
            self._file_away(request)
        self._order.sort()
        self._failures = failures

    def _file_away(self, request: PurgeRequest) -> PurgeRequest:
        mine = self._open.setdefault(request.source, set())
        if request.state in OPEN:
            mine.add(request.id)
        else:
            mine.discard(request.id)
        return request


class TinyHoldStore:
    """Keeps holds; the revision is the sum of their versions, so that it needs no place of its own."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self._table = VersionedTable(Table(file, "holds", hold_codec()), what="hold")
        self._revision: int | None = None
        self.all()

    def add(self, hold: Hold) -> Hold:
        """Keep a new hold and give it back with its version; raises `ConflictError` if its id is taken."""
        with self._file.changing():
            self._revision = None
            return self._table.add(hold)

    def get(self, hold_id: str) -> Hold:
        """Give a hold; raises `UnknownError`."""
        with self._file.reading():
            return self._table.get(hold_id)

    def replace(self, hold: Hold) -> Hold:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        with self._file.changing():
            self._revision = None
            return self._table.replace(hold)

    def all(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        with self._file.reading():
            return tuple(sorted(self._table.all(), key=hold_order))

    @property
    def revision(self) -> int:
        """Give a number that grows with every change of any hold; cheap enough to ask before each deletion."""
        with self._file.reading():
            if self._revision is None:
                self._revision = sum(hold.version for hold in self._table.all())
            return self._revision


class TinyMarkStore:
    """Keeps marks by source."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self._table = Table(file, "marks", mark_codec())
        self._table.check()

    def mark_of(self, source: str) -> Mark:
        """Give a source's mark; an empty one if it never was purged."""
        with self._file.reading():
            return self._table.find(source) or Mark(source=source)

    def raise_mark(self, mark: Mark) -> Mark:
        """Store a mark; `purged_until` never goes back, whatever is given. Raises `StateError`."""
        with self._file.changing():
            return self._table.put(mark.source, raised(self.mark_of(mark.source), mark))


class TinyPersonStore:
    """Keeps people by pseudonym."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self._table = Table(file, "people", person_codec())
        self._table.check()

    def remember(self, person: Person) -> None:
        """Keep a person; again is no change. Raises `StateError`."""
        with self._file.changing():
            if self._table.find(person.pseudonym) is None:
                self._table.put(person.pseudonym, person)

    def find(self, pseudonym: str) -> Person | None:
        """Give the person, or None if unknown or forgotten."""
        with self._file.reading():
            return self._table.find(pseudonym)

    def forget(self, pseudonym: str) -> bool:
        """Forget a person for good, in the generation before too; tells whether somebody was known."""
        with self._file.changing():
            known = self._table.remove(pseudonym)
            self._file.write_again()
            return known


class TinyTickStore:
    """Keeps the last tick."""

    def __init__(self, file: EmbeddedFile) -> None:
        self._file = file
        self._table = Table(file, "ticks", tick_codec())
        self._table.check()

    def last(self) -> Tick | None:
        """Give the last tick, or None if there never was one."""
        with self._file.reading():
            return self._table.find(_LAST)

    def put(self, tick: Tick) -> None:
        """Store a tick. Raises `StateError`."""
        with self._file.changing():
            self._table.put(_LAST, tick)
