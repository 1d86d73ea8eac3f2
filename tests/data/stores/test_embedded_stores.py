"""What the embedded retention stores promise beyond the contract: one process, one file, ceilings, a lockless view."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from data.errors import StateError
from data.retention.request import State
from data.stores.atomic_storage import AtomicStorage
from data.stores.interface import Mark, Person, RetentionStores, Tick
from data.stores.tinydb_file import Ceilings
from data.stores.tinydb_retention import open_retention, read_retention
from tests.data.stores.things import NOW, a_hold, a_request, a_row
from tests.domain import need

FILE = "retention.json"


@pytest.fixture
def open_stores(tmp_path: Path) -> Iterator[RetentionStores]:
    """Give open stores in `tmp_path`."""
    stores = open_retention(tmp_path)
    yield stores
    stores.close()


def test_a_second_opening_waits_for_the_first(tmp_path: Path, open_stores: RetentionStores) -> None:
    """While the stores are open nobody else gets them; after they were closed everybody does."""
    open_stores.requests.add(a_request())
    with pytest.raises(StateError, match="another process uses this state folder"):
        open_retention(tmp_path)
    open_stores.close()
    again = open_retention(tmp_path)
    assert again.requests.get("r-1") == replace(a_request(), version=1)
    again.close()


def test_everybody_may_look_while_the_bot_runs(tmp_path: Path, open_stores: RetentionStores) -> None:
    """A view needs no lock, shows what is stored at that moment, manifests too, and stays as it is."""
    added = open_stores.requests.add(a_request())
    open_stores.holds.add(a_hold())
    root, _ = open_stores.manifests.save("r-1", [a_row()])
    view = read_retention(tmp_path)
    open_stores.requests.replace(replace(added, state=State.PREVIEWING))
    assert view.requests.open_of("app") == (added,)
    assert view.holds.revision == 1
    assert list(view.manifests.load("r-1", root=root)) == [a_row()]
    assert read_retention(tmp_path).requests.get("r-1").state is State.PREVIEWING
    view.close()


def test_a_view_changes_nothing(tmp_path: Path, open_stores: RetentionStores) -> None:
    """Every change through a view is refused, and the same changes through the stores go through."""
    request = open_stores.requests.add(a_request())
    open_stores.people.remember(Person(pseudonym="p-1", tenant_id="t", object_id="o"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    view = read_retention(tmp_path)
    for attempt in changes(view, request):
        with pytest.raises(StateError, match="opened for reading only"):
            attempt()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert view.people.find("p-1") is not None, "what was refused is not shown as done either"
    for attempt in changes(open_stores, request):
        attempt()


def changes(stores, request):  # noqa: ANN001, ANN201  a list of things to try
    """List one change of each kind."""
    return [
        lambda: stores.requests.add(a_request("r-2")),
        lambda: stores.requests.replace(request),
        lambda: stores.holds.add(a_hold()),
        lambda: stores.marks.raise_mark(Mark(source="app")),
        lambda: stores.people.remember(Person(pseudonym="p-2", tenant_id="t", object_id="o")),
        lambda: stores.people.forget("p-1"),
        lambda: stores.ticks.put(Tick(wall=NOW, boot="b", elapsed=1)),
        lambda: stores.manifests.save("r-1", [a_row()]),
        lambda: stores.manifests.discard("r-1"),
    ]


def test_looking_at_nothing_makes_nothing(tmp_path: Path) -> None:
    """Where there is no state yet a view is empty, and no folder and no file comes into being."""
    view = read_retention(tmp_path / "none")
    assert view.requests.newest() == ()
    assert view.ticks.last() is None
    with pytest.raises(StateError):
        view.manifests.load("r-1", root="")
    assert list(tmp_path.iterdir()) == []


# -- ceilings ---------------------------------------------------------------------------------------------------------


def test_a_full_file_takes_no_new_request_but_finishes_old_ones(tmp_path: Path) -> None:
    """At the ceiling a new request is refused, naming the way out; what finishes or prevents a deletion never is."""
    stores = open_retention(tmp_path, ceilings=Ceilings(large=2, full=4))
    for number in range(4):
        request = stores.requests.add(a_request(f"r-{number}"))
    with pytest.raises(StateError, match=r"holds 4 documents.*PostgreSQL: state\.postgres_dsn"):
        stores.requests.add(a_request("r-9"))
    request = stores.requests.replace(replace(request, state=State.PREVIEWING))
    stores.holds.add(a_hold())
    stores.people.remember(Person(pseudonym="p-2", tenant_id="t", object_id="o"))
    stores.marks.raise_mark(Mark(source="app", purged_until=1))
    stores.ticks.put(Tick(wall=NOW, boot="b", elapsed=1))
    stores.close()
    wider = open_retention(tmp_path, ceilings=Ceilings(large=2, full=9))
    assert wider.requests.get("r-3") == request
    assert wider.requests.add(a_request("r-9")).version == 1
    wider.close()


def test_a_large_file_is_told(tmp_path: Path) -> None:
    """From the first ceiling on each new request and each start write one line in the log; below it none does."""
    with capture_logs() as lines:
        stores = open_retention(tmp_path, ceilings=Ceilings(large=2, full=9))
        stores.requests.add(a_request("r-1"))
        stores.requests.add(a_request("r-2"))
        assert lines == []
        stores.requests.add(a_request("r-3"))
        stores.close()
        open_retention(tmp_path, ceilings=Ceilings(large=3, full=9)).close()
    assert [(line["action"], line["count"], line["log_level"]) for line in lines] == [
        ("store_large", 2, "warning"),
        ("store_large", 3, "warning"),
    ]


def test_the_ceilings_are_those_of_the_design() -> None:
    """Unasked, the warning comes at 5,000 documents and the refusal at 20,000."""
    assert Ceilings() == Ceilings(large=5_000, full=20_000)


# -- what is on the disk ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0, 0o777])
def test_files_are_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Files are for the owner only and the owner can use them, under the widest and the narrowest umask."""
    before = os.umask(umask)
    try:
        stores = open_retention(tmp_path / "a" / "b")
        stores.requests.add(a_request())
        stores.requests.add(a_request("r-2"))
        stores.manifests.save("r-1", [a_row()])
        stores.close()
    finally:
        os.umask(before)
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {
        "a": 0o700,
        "a/b": 0o700,
        "a/b/manifests": 0o700,
        "a/b/manifests/r-1.jsonl": 0o600,
        "a/b/retention.json": 0o600,
        "a/b/retention.json.1": 0o600,
        "a/b/retention.json.lock": 0o600,
    }


def test_who_was_forgotten_is_in_no_file(tmp_path: Path, open_stores: RetentionStores) -> None:
    """After a person was forgotten no file holds the object id, the generation before included (SC-10)."""
    open_stores.people.remember(Person(pseudonym="p-1", tenant_id="t", object_id="secret-oid"))
    holding = [path.name for path in tmp_path.iterdir() if b"secret-oid" in path.read_bytes()]
    assert holding == [FILE]
    assert open_stores.people.forget("p-1")
    assert [path.name for path in tmp_path.iterdir() if b"secret-oid" in path.read_bytes()] == []


@pytest.mark.parametrize("table", ["requests", "holds", "marks", "people", "ticks"])
def test_a_document_of_another_version_is_told_when_opened(tmp_path: Path, table: str) -> None:
    """A document with an unknown field is refused at the start, by a view too; without it the start goes through."""
    stores = open_retention(tmp_path)
    stores.requests.add(a_request())
    stores.holds.add(a_hold())
    stores.marks.raise_mark(Mark(source="app"))
    stores.people.remember(Person(pseudonym="p-1", tenant_id="t", object_id="o"))
    stores.ticks.put(Tick(wall=NOW, boot="b", elapsed=1))
    stores.close()
    storage = AtomicStorage(tmp_path / FILE)
    document = storage.read() or {}
    (row,) = document[table].values()
    row["colour"] = "red"
    storage.write(document)
    storage.close()
    for opening in (open_retention, read_retention):
        with pytest.raises(StateError, match="unknown to this version: colour"):
            opening(tmp_path)
    (tmp_path / f"{FILE}.1").replace(tmp_path / FILE)
    open_retention(tmp_path).close()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """A state file that somebody else could have written is refused, by a view too; a private one is read (SC-13)."""
    stores = open_retention(tmp_path)
    stores.requests.add(a_request())
    stores.close()
    (tmp_path / FILE).chmod(mode)
    for opening in (open_retention, read_retention):
        with pytest.raises(StateError, match="may be written by others"):
            opening(tmp_path)
    (tmp_path / FILE).chmod(0o600)
    open_retention(tmp_path).close()


def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """A state file of another owner is refused, whatever its mode; our own is read (SC-13)."""
    need(os.geteuid() == 0, "only root can give a file away")
    stores = open_retention(tmp_path)
    stores.requests.add(a_request())
    stores.close()
    os.chown(tmp_path / FILE, 12345, -1)
    with pytest.raises(StateError, match="belongs to somebody else"):
        open_retention(tmp_path)
    os.chown(tmp_path / FILE, os.geteuid(), -1)
    open_retention(tmp_path).close()


def test_a_pipe_in_the_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    """What is no plain file is refused at once."""
    os.mkfifo(tmp_path / FILE, 0o600)
    with pytest.raises(StateError, match="is no plain file"):
        open_retention(tmp_path)
    (tmp_path / FILE).unlink()
    open_retention(tmp_path).close()


def test_a_file_that_vanished_is_no_first_start(tmp_path: Path) -> None:
    """Where the file is gone but its older generation is there, holds could be forgotten: the start is refused."""
    stores = open_retention(tmp_path)
    stores.holds.add(a_hold())
    stores.holds.add(a_hold("h-2"))
    stores.close()
    (tmp_path / FILE).unlink()
    for opening in (open_retention, read_retention):
        with pytest.raises(StateError, match=r"is missing; the generation before it is retention\.json\.1"):
            opening(tmp_path)
    (tmp_path / f"{FILE}.1").replace(tmp_path / FILE)
    stores = open_retention(tmp_path)
    assert [hold.id for hold in stores.holds.all()] == ["h-1"]
    stores.close()


def test_a_state_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made is a `StateError` with its path."""
    (tmp_path / "state").write_text("x")
    with pytest.raises(StateError, match="state"):
        open_retention(tmp_path / "state" / "deeper")


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    """Where a change does not fit it is refused, answers stay what is on the disk, and small changes still go."""
    stores = open_retention(small_disk)
    added = stores.requests.add(a_request())
    with pytest.raises(StateError, match="No space left"):
        stores.requests.add(a_request("r-2", reason="x" * 70_000))
    with pytest.raises(StateError, match="No space left"):
        stores.requests.replace(replace(added, reason="x" * 70_000))
    with pytest.raises(StateError, match="No space left"):
        stores.manifests.save("r-1", map(a_row, range(1000)))
    assert stores.requests.newest() == stores.requests.open_of("app") == (added,)
    assert stores.requests.replace(replace(added, reason="short")).version == 2
    stores.manifests.save("r-1", [a_row()])
    stores.close()
