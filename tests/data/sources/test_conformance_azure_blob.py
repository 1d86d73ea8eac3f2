"""Containers of Azure Blob Storage are a source like any other: the conformance suite against Azurite."""

from pathlib import Path

import pytest

from tests.azurite.server import Azurite
from tests.data.sources.azure_blob_lab import BlobLab
from tests.data.sources.conformance import SourceConformance
from tests.data.sources.reader import LineReader


class TestAzureBlob(SourceConformance):
    """Block blobs, with the product's own reader."""

    @pytest.fixture
    def lab(self, tmp_path: Path, azurite: Azurite) -> BlobLab:
        """Give a container of its own to every test."""
        return BlobLab(tmp_path, azurite.connection_string())


class TestAzureBlobAndAReaderOfTheTests(SourceConformance):
    """Block blobs, with a reader of the tests' own."""

    @pytest.fixture
    def lab(self, tmp_path: Path, azurite: Azurite) -> BlobLab:
        """Give a container of its own to every test."""
        return BlobLab(tmp_path, azurite.connection_string(), reads=LineReader())


class AppendLab(BlobLab):
    """A container of append blobs."""

    def put(self, name: str, content: bytes, *, appended: bool = True) -> str:
        """Upload an append blob."""
        return super().put(name, content, appended=appended)


class TestAppendBlobs(SourceConformance):
    """Append blobs."""

    @pytest.fixture
    def lab(self, tmp_path: Path, azurite: Azurite) -> BlobLab:
        """Give a container of its own to every test."""
        return AppendLab(tmp_path, azurite.connection_string())
