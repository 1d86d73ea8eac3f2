"""Manifests on the disk: sorted in bounded memory, believed to the last byte or not at all."""

import os
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import StateError
from data.retention.manifest import order_of, row_of
from data.retention.merkle import merkle_root
from data.retention.unit import Planned
from data.stores.manifest_files import ManifestFiles
from tests.data.stores.things import a_row, rows


@pytest.fixture
def saved(tmp_path: Path) -> tuple[ManifestFiles, Path, str]:
    """Give a store with one manifest of three rows, its file and its root."""
    files = ManifestFiles(tmp_path / "manifests")
    root, _ = files.save("r-1", map(a_row, range(3)))
    return files, tmp_path / "manifests" / "r-1.jsonl", root


@pytest.mark.parametrize("chunk", [1, 2_000, 100_000])
def test_chunks_do_not_matter(tmp_path: Path, chunk: int) -> None:
    """However little is sorted at once, even so little that chunks of chunks are merged, the file is the same."""
    listed = random.Random(1).sample([a_row(number) for number in range(700)], 700)  # noqa: S311  no secrets
    root, size = ManifestFiles(tmp_path, chunk=chunk).save("r-1", listed)
    ordered = [row_of(planned) for planned in sorted(listed, key=order_of)]
    assert (root, size) == (merkle_root(ordered).hex(), 700)
    assert (tmp_path / "r-1.jsonl").read_bytes().splitlines() == ordered
    assert [path.name for path in tmp_path.iterdir()] == ["r-1.jsonl"]


@settings(max_examples=60)
@given(listed=st.lists(rows(), max_size=20))
def test_any_rows_are_sorted_by_the_one_order(tmp_path_factory: pytest.TempPathFactory, listed: list[Planned]) -> None:
    """For names of any bytes and instants of any sign, the lines on the disk are in the order of the manifest."""
    files = ManifestFiles(tmp_path_factory.mktemp("m"), chunk=500)
    root, _ = files.save("r-1", listed)
    read = list(files.load("r-1", root=root))
    assert [order_of(planned) for planned in read] == sorted(map(order_of, listed))
    assert sorted(map(row_of, read)) == sorted(map(row_of, listed))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Saving and reading three times as many rows takes the same memory, and less than the rows themselves."""

    def peak(count: int) -> int:
        files = ManifestFiles(tmp_path, chunk=64 << 10)
        tracemalloc.start()
        root, _ = files.save("r-1", map(a_row, range(count)))
        read = sum(1 for _ in files.load("r-1", root=root))
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert read == count
        return found

    few, many = peak(7_000), peak(21_000)
    assert many < few * 1.2
    assert many < (tmp_path / "r-1.jsonl").stat().st_size


@settings(max_examples=80)
@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    """Whichever bit of the file flips, not one row is given."""
    folder = tmp_path_factory.mktemp("bits")
    files = ManifestFiles(folder)
    root, _ = files.save("r-1", [a_row(1), a_row(2)])
    content = bytearray((folder / "r-1.jsonl").read_bytes())
    content[at % len(content)] ^= 1 << bit
    (folder / "r-1.jsonl").write_bytes(bytes(content))
    with pytest.raises(StateError, match="not the one that was approved"):
        files.load("r-1", root=root)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no end": lambda content: content[:-1],
    "row less": lambda content: content[: content.rindex(b"\n", 0, -1) + 1],
    "row more": lambda content: content + row_of(a_row(9)) + b"\n",
    "row twice": lambda content: content + content.splitlines(keepends=True)[-1],
    "other order": lambda content: b"".join(reversed(content.splitlines(keepends=True))),
    "blank line": lambda content: content + b"\n",
    "one endless line": lambda content: content + b"x" * 200_000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_changed_manifest_is_refused(saved: tuple[ManifestFiles, Path, str], damage: str) -> None:
    """A manifest that is not exactly what was saved gives no row; put right, it gives all."""
    files, path, root = saved
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))
    with pytest.raises(StateError, match="request r-1 is not the one that was approved; nothing is deleted"):
        files.load("r-1", root=root)
    path.write_bytes(content)
    assert len(list(files.load("r-1", root=root))) == 3


def test_a_change_between_checking_and_reading_is_noticed(saved: tuple[ManifestFiles, Path, str]) -> None:
    """What is swapped or changed after it was checked gives no row either."""
    files, path, root = saved
    untouched, swapped = files.load("r-1", root=root), files.load("r-1", root=root)
    assert next(untouched).records == 3
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    with pytest.raises(StateError, match="was changed while it was read"):
        next(swapped)
    files.save("r-1", map(a_row, range(3)))
    changed = files.load("r-1", root=root)
    with path.open("r+b") as file:
        file.write(b"[")
    with pytest.raises(StateError, match="was changed while it was read"):
        next(changed)
    untouched.close()  # type: ignore[attr-defined]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither a link in the place of a manifest nor one in the place of the folder is read, written or emptied."""
    elsewhere = ManifestFiles(tmp_path / "elsewhere")
    root, _ = elsewhere.save("r-1", [a_row()])
    outside = tmp_path / "elsewhere" / "r-1.jsonl"
    content = outside.read_bytes()
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    linked = ManifestFiles(tmp_path / "linked")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "r-1.jsonl").symlink_to(outside)
    own = ManifestFiles(tmp_path / "own")
    for files in (linked, own):
        with pytest.raises(StateError, match="cannot be read"):
            files.load("r-1", root=root)
    with pytest.raises(StateError, match="not written"):
        linked.save("r-1", [a_row(2)])
    with pytest.raises(StateError, match="not removed"):
        linked.discard("r-1")
    own.save("r-1", [a_row(2)])
    assert outside.read_bytes() == content
    assert not (tmp_path / "own" / "r-1.jsonl").is_symlink()
    assert list(elsewhere.load("r-1", root=root)) == [a_row()]


def test_a_pipe_in_the_place_of_a_manifest_does_not_hang(tmp_path: Path) -> None:
    """A pipe is read as what it is: nothing that was approved."""
    os.mkfifo(tmp_path / "r-1.jsonl")
    root, _ = ManifestFiles(tmp_path).save("r-2", [a_row()])
    with pytest.raises(StateError, match="not the one that was approved"):
        ManifestFiles(tmp_path).load("r-1", root=root)
    assert list(ManifestFiles(tmp_path).load("r-2", root=root)) == [a_row()]


def test_what_a_crash_left_is_replaced_or_removed(saved: tuple[ManifestFiles, Path, str]) -> None:
    """A half-written file beside a manifest does no harm, and is gone after the next change."""
    files, path, root = saved
    left = path.with_name("r-1.jsonl.new")
    left.write_bytes(b"half")
    assert len(list(files.load("r-1", root=root))) == 3
    files.save("r-1", [a_row()])
    assert not left.exists()
    left.write_bytes(b"half")
    files.discard("r-1")
    assert list(path.parent.iterdir()) == []
