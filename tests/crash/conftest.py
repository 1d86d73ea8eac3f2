"""The shim, built once for all crash tests, and a folder to crash in."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.domain import need

_FAST = Path("/dev/shm")  # noqa: S108  memory: an fsync costs nothing there, and a kill is the same


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that counts, kills and fails."""
    compiler = shutil.which("gcc") or ""
    need(compiler, "the crash shim is built by gcc")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(source)]
    subprocess.run([*command, "-ldl"], check=True)
    return library


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Path]:
    """Give an empty folder, in memory where the machine has such a place."""
    if not _FAST.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=_FAST, prefix="procall-crash-") as found:
        yield Path(found)
