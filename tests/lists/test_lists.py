"""The lists of `items.py` are complete, and every test they name is there."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.domain import ROOT
from tests.lists.items import ALL, AZ, BAD_INPUT, CR, FE, FS, FS_ITEMS, HERE, IN, REAL_FAULTS, RL, STEPS, P


@cache
def functions_of(path: str) -> frozenset[str]:
    """List the tests of a module, those in classes too; none where there is no such module."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def gone(mapping: Mapping[str, tuple[str, ...]]) -> list[str]:
    """List entries that name no test that is there, and items without any."""
    dangling = [
        f"{item}: {entry}"
        for item, entries in mapping.items()
        for entry in entries
        if entry.rpartition("::")[2] not in functions_of(entry.rpartition("::")[0])
    ]
    return dangling + [f"{item}: no test" for item, entries in mapping.items() if not entries]


@pytest.mark.parametrize(
    ("listed", "prefix", "count", "width"),
    [
        (AZ, "AZ-", 31, 2),
        (FS, "FS-", 30, 2),
        (FE, "FE-", 21, 2),
        (IN, "IN-", 16, 2),
        (RL, "RL-", 30, 2),
        (CR, "CR-", 24, 2),
        (P, "P", 13, 1),
    ],
    ids=["AZ", "FS", "FE", "IN", "RL", "CR", "P"],
)
def test_every_item_of_a_list_is_there(
    listed: Mapping[str, tuple[str, ...]], prefix: str, count: int, width: int
) -> None:
    """All 152 items of these lists of security.md 8, and the 13 properties, are in the lists, in order."""
    assert list(listed) == [f"{prefix}{number:0{width}}" for number in range(1, count + 1)]


def test_every_item_names_tests_that_are_there() -> None:
    """No entry dangles and no item is without one; what is renamed or removed is noticed here."""
    assert gone(ALL) == []
    assert len(BAD_INPUT) == 11
    assert len(REAL_FAULTS) == 8


@pytest.mark.parametrize("entry", [f"{FS_ITEMS}::test_nobody_wrote", "tests/nowhere.py::test_a_no_ends_it", "test_x"])
def test_a_dangling_entry_is_found(entry: str) -> None:
    """The control: a test that nobody wrote, or in a module that is not there, and an item without tests are named."""
    assert gone({"X-01": (f"{STEPS}::test_a_no_ends_it",)}) == []
    assert gone({"X-01": (f"{STEPS}::test_a_no_ends_it", entry)}) == [f"X-01: {entry}"]
    assert gone({"X-01": ()}) == ["X-01: no test"]


@pytest.mark.parametrize(
    "path", sorted(path.name for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_lists.py")
)
def test_every_test_of_this_folder_is_for_an_item(path: str) -> None:
    """What is written here is written for an item of a list, and stands there."""
    named = {entry for entries in ALL.values() for entry in entries}
    assert {f"{HERE}/{path}::{name}" for name in functions_of(f"{HERE}/{path}")} <= named
