"""The retention stores of each engine, empty, and a disk that is soon full."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.stores.interface import RetentionStores
from data.stores.memory_retention import MemoryRetentionStores
from data.stores.postgres.retention import PostgresRetentionStores
from data.stores.tinydb_retention import open_retention
from tests.domain import need


@pytest.fixture(params=["memory", "tinydb", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RetentionStores]:
    """Give empty stores of each kind."""
    found: RetentionStores = {
        "memory": MemoryRetentionStores,
        "tinydb": lambda: open_retention(tmp_path),
        "postgres": lambda: PostgresRetentionStores(request.getfixturevalue("database"), host="here"),
    }[request.param]()
    yield found
    found.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 64 KiB, where one may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    need(mounted, "a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
