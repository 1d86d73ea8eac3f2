"""The atomic storage survives kills, full disks and damaged files, and is used by one process at a time."""

import itertools
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tinydb import TinyDB

from data.errors import StateError
from data.stores.atomic_storage import AtomicStorage, load_document
from tests.domain import ROOT

KILLS = 50
Run = Callable[..., "subprocess.Popen[str]"]

HOLDER = """
    storage = AtomicStorage(path)
    print("held", flush=True)
    sys.stdin.read()
"""
WRITER = """
    storage = AtomicStorage(path)
    document = storage.read() or {"counts": {"last": 0, "padding": "x" * 20000}}
    while True:
        document["counts"]["last"] += 1
        storage.write(document)
        print(document["counts"]["last"], flush=True)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Give what runs a script with the storage in a process of its own; all are killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def start(script: str, path: Path) -> "subprocess.Popen[str]":
        head = "import sys\nfrom pathlib import Path\nfrom data.stores.atomic_storage import AtomicStorage\n"
        command = [sys.executable, "-c", f"{head}path = Path(sys.argv[1])\n{textwrap.dedent(script)}", str(path)]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        kill(process)


def kill(process: "subprocess.Popen[str]") -> str:
    """Kill a process that a test started, if it still runs; give what it had printed."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    if process.stdout is None or process.stdout.closed:
        return ""
    out = process.stdout.read()  # `communicate` would pass over what was read ahead
    process.communicate()
    return out


@contextmanager
def opened(path: Path) -> Iterator[AtomicStorage]:
    """Hold a storage open for a moment."""
    storage = AtomicStorage(path)
    try:
        yield storage
    finally:
        storage.close()


def test_a_new_storage_is_empty_and_private(tmp_path: Path) -> None:
    """There is nothing to read at first; file, generations and lock are for the owner only."""
    path = tmp_path / "state" / "one.json"
    with opened(path) as storage:
        assert storage.read() is None
        storage.write({"t": {"1": {"a": "ü"}}})
        storage.write({"t": {"1": {"a": "ü", "b": 2}}})
        assert storage.read() == {"t": {"1": {"a": "ü", "b": 2}}}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {found.name for found in path.parent.iterdir()} == {"one.json", "one.json.1", "one.json.lock"}
    assert {found.stat().st_mode & 0o077 for found in path.parent.iterdir()} == {0}


def test_the_generation_before_is_kept(tmp_path: Path) -> None:
    """After each write the one before lies beside it, whole, and can be put in its place."""
    path = tmp_path / "one.json"
    with opened(path) as storage:
        for number in range(3):
            storage.write({"t": {"n": number}})
    path.with_name("one.json.1").replace(path)
    with opened(path) as storage:
        assert storage.read() == {"t": {"n": 1}}


def _flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "checksum cut off": lambda content: content.rpartition(b"\n#sha256 ")[0],
    "bit in the text": lambda content: _flip(content, 5),
    "bit in the checksum": lambda content: _flip(content, len(content) - 5),
    "zeros": lambda content: bytes(len(content)),
    "other file": lambda _: b'{"t": {"n": 1}}',
    "twice": lambda content: content + content[:-20],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: str) -> None:
    """A file that is not exactly what was written is never used, and the message says where the one before is."""
    path = tmp_path / "one.json"
    with opened(path) as storage:
        storage.write({"t": {"n": 1}})
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    with pytest.raises(StateError, match=r"one\.json: is empty or damaged.*one\.json\.1"):
        AtomicStorage(path)
    path.write_bytes(content)
    with opened(path) as storage:
        assert storage.read() == {"t": {"n": 1}}


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """CR-07: whichever bit of whichever byte flips, the file is refused; untouched it is read."""
    path = tmp_path / "one.json"
    document = {"t": {"1": {"answer": "push", "helpful": 3}}}
    with opened(path) as storage:
        storage.write(document)
    content = path.read_bytes()
    for at, bit in itertools.product(range(len(content)), range(8)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        with pytest.raises(StateError, match="damaged"):
            load_document(path)
    path.write_bytes(content)
    assert load_document(path) == document


@pytest.mark.parametrize("value", [2**64, "\ud800", {1, 2}])
def test_what_json_cannot_hold_changes_nothing(tmp_path: Path, value: object) -> None:
    """A document that cannot be written exactly is refused, and the one before stays."""
    path = tmp_path / "one.json"
    with opened(path) as storage:
        storage.write({"t": {"1": {"a": 1}}})
        with pytest.raises(StateError, match="not written"):
            storage.write({"t": {"1": {"a": value}}})
        assert storage.read() == {"t": {"1": {"a": 1}}}
    assert load_document(path) == {"t": {"1": {"a": 1}}}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link in the place of the file or of its lock is refused, and its target stays as it is."""
    target = tmp_path / "target"
    target.write_text("secret")
    (tmp_path / "one.json").symlink_to(target)
    with pytest.raises(StateError, match="cannot be read"):
        AtomicStorage(tmp_path / "one.json")
    assert target.read_text() == "secret"


def test_a_second_process_is_refused(tmp_path: Path, run: Run) -> None:
    """While one process has the file no other gets it; when the first is gone, even killed, the next one does."""
    path = tmp_path / "one.json"
    holder = run(HOLDER, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StateError, match="another process uses this state folder"):
        AtomicStorage(path)
    kill(holder)
    with opened(path) as storage:
        assert storage.read() is None


def test_the_same_process_is_refused_twice_too(tmp_path: Path) -> None:
    """Two storages on one file in one process would overwrite each other; the second has to wait for the first."""
    path = tmp_path / "one.json"
    with opened(path), pytest.raises(StateError, match="another process"):
        AtomicStorage(path)
    with opened(path) as storage:
        storage.write({})


def test_nothing_is_written_once_it_is_closed(tmp_path: Path) -> None:
    """A thread that outlives the closing must not write over what the next process has stored meanwhile."""
    path = tmp_path / "state.json"
    first = AtomicStorage(path)
    first.write({"t": {"1": {"by": "first"}}})
    first.close()
    second = AtomicStorage(path)
    second.write({"t": {"1": {"by": "second"}}})
    with pytest.raises(StateError, match="it was closed"):
        first.write({"t": {"1": {"by": "a late thread"}}})
    second.close()
    assert load_document(path) == {"t": {"1": {"by": "second"}}}


def test_a_refused_file_is_not_kept_locked(tmp_path: Path) -> None:
    """After a damaged file was refused, the repaired one opens in the same process."""
    path = tmp_path / "one.json"
    path.write_bytes(b"damaged")
    with pytest.raises(StateError, match="damaged"):
        AtomicStorage(path)
    path.unlink()
    with opened(path) as storage:
        assert storage.read() is None


def test_killed_at_any_moment_it_is_always_readable(tmp_path: Path, run: Run) -> None:
    """After each of 50 kills -9 the file is readable, holds what was acknowledged, and is at most one write ahead."""
    path = tmp_path / "one.json"
    pick = random.Random(50)  # noqa: S311  no secrets
    acknowledged = 0
    for _ in range(KILLS):
        writer = run(WRITER, path)
        assert writer.stdout is not None
        for line in itertools.islice(writer.stdout, pick.randint(1, 12)):
            acknowledged = int(line)
        rest = kill(writer).split("\n")
        acknowledged = max([acknowledged, *(int(line) for line in rest[:-1] if line)])
        with opened(path) as storage:
            document: Any = storage.read()
        assert acknowledged <= document["counts"]["last"] <= acknowledged + 1
        assert document["counts"]["padding"] == "x" * 20000
        acknowledged = document["counts"]["last"]
    assert acknowledged >= KILLS


def test_left_over_files_of_a_crash_do_no_harm(tmp_path: Path) -> None:
    """What a crash leaves half written beside the file is never read, and the next write goes through."""
    path = tmp_path / "one.json"
    with opened(path) as storage:
        storage.write({"t": {"n": 1}})
    for name in ("one.json.new", "one.json.old"):
        (tmp_path / name).write_bytes(b"half a")
    with opened(path) as storage:
        assert storage.read() == {"t": {"n": 1}}
        storage.write({"t": {"n": 2}})
    with opened(path) as storage:
        assert storage.read() == {"t": {"n": 2}}
    assert {found.name for found in tmp_path.iterdir()} == {"one.json", "one.json.1", "one.json.lock"}


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    """Where there is no room the write is refused, and what was there before is still there; with room it works."""
    path = small_disk / "one.json"
    with opened(path) as storage:
        storage.write({"t": {"n": 1}})
        with pytest.raises(StateError, match="not written: No space left"):
            storage.write({"t": {"n": 2, "padding": "x" * 100_000}})
        assert storage.read() == {"t": {"n": 1}}
    with opened(path) as storage:
        assert storage.read() == {"t": {"n": 1}}
        storage.write({"t": {"n": 2}})
        assert storage.read() == {"t": {"n": 2}}


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """A write into a folder that was taken away is a `StateError`, never an `OSError` of its own."""
    folder = tmp_path / "state"
    with opened(folder / "one.json") as storage:
        storage.write({})
        for found in folder.iterdir():
            found.unlink()
        folder.rmdir()
        with pytest.raises(StateError, match="not written"):
            storage.write({"t": {}})


def test_tinydb_works_on_it(tmp_path: Path) -> None:
    """The database above sees what it wrote, with ids as it expects them."""
    path = tmp_path / "one.json"
    with TinyDB(path, storage=AtomicStorage) as database:
        first = database.insert({"a": 1})
    with TinyDB(path, storage=AtomicStorage) as database:
        assert database.get(doc_id=first) == {"a": 1}
        assert database.insert({"a": 2}) == first + 1
