"""Local files are a source like any other: the conformance suite, with a reader of the tests' own and the real one."""

from pathlib import Path

import pytest

from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from tests.data.sources.conformance import SourceConformance
from tests.data.sources.lab import FilesLab
from tests.data.sources.reader import LineReader


class TestFiles(SourceConformance):
    """Files, with a reader of the tests' own."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> FilesLab:
        """Give a folder of its own to every test."""
        return FilesLab(tmp_path, reader=LineReader())


class TestFilesWithoutRewrite(SourceConformance):
    """Files whose records may not be cut out."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> FilesLab:
        """Give a folder of its own to every test."""
        return FilesLab(tmp_path, reader=LineReader(), rewrite=False)


class TestFilesAndFormats(SourceConformance):
    """Files, with the product's own reader."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> FilesLab:
        """Give a folder of its own to every test."""
        return FilesLab(tmp_path, reader=LogReader(all_families()))
