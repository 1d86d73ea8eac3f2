"""Fixtures for sources: small file systems of their own."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.azurite.server import Azurite, running_azurite
from tests.data.sources.journald_lab import JournalMaker
from tests.data.sources.s3_lab import Engine, running_engine
from tests.domain import need


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, str], None]]:
    """Give what mounts a small file system of its own; needs root."""
    need(os.geteuid() == 0, "mounting needs root")
    made: list[Path] = []

    def mount(folder: Path, options: str) -> None:
        folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
        made.append(folder)

    yield mount
    for folder in reversed(made):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def journals(tmp_path_factory: pytest.TempPathFactory) -> JournalMaker:
    """Give what makes real journal files, each only once."""
    return JournalMaker(tmp_path_factory.mktemp("journals"))


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Start the emulator of Azure Blob Storage once."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as found:
        yield found


@pytest.fixture(scope="session")
def s3_session() -> Iterator[Engine]:
    """Start an S3 server once; tests use `s3_engine`."""
    with running_engine() as engine:
        yield engine


@pytest.fixture
def s3_engine(s3_session: Engine) -> Engine:
    """Give the S3 server, empty and in nobody's way."""
    s3_session.reset()
    return s3_session
