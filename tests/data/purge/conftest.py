"""A lab for each test."""

from pathlib import Path

import pytest

from tests.data.purge.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Give an empty lab: no file, nothing stored, Alice and Bob admins, Dora the data protection officer."""
    return Lab(folder=tmp_path / "lab")
