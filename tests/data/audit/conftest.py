"""Fixtures of the audit log's tests."""

from pathlib import Path

import pytest

from tests.data.audit.making import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Give a fresh state folder."""
    return Installation(state=tmp_path)
