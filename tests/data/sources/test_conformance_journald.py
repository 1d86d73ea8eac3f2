"""Folders of journal files are a source like any other: the conformance suite over files that systemd itself made."""

from pathlib import Path

import pytest

from tests.data.sources.conformance import SourceConformance
from tests.data.sources.journald_lab import JournaldLab, JournalMaker


class TestJournald(SourceConformance):
    """Archived journal files; nothing is cut out of one, so a mixed file stays."""

    @pytest.fixture
    def lab(self, tmp_path: Path, journals: JournalMaker) -> JournaldLab:
        """Give a folder of its own to every test."""
        return JournaldLab(tmp_path, journals)
