"""Fixtures that the lists share with the tests beside them: a lab, small file systems, the crash shim."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.conftest import shim
from tests.data.purge.conftest import lab
from tests.data.sources.conftest import mounted

__all__ = ["lab", "memory", "mounted", "shim"]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """Give an empty folder, in memory where it may be mounted: thousands of flushes cost nothing there.

    A folder below /dev will not do: no source may lie there.
    """
    folder = tmp_path / "memory"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", str(folder)]
    in_memory = os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    yield folder
    if in_memory:
        subprocess.run(["umount", "-l", str(folder)], check=True)
