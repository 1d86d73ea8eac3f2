"""OpenSearch and Elasticsearch are sources like any other: the conformance suite, real client, faithful fake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.sources.conformance import SourceConformance
from tests.data.sources.opensearch_fake import FakeSearch
from tests.data.sources.opensearch_lab import SearchLab
from tests.data.sources.served import serving
from tests.world import FakeClock


class TestOpenSearch(SourceConformance):
    """OpenSearch."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[SearchLab]:
        """Give a cluster of its own to every test."""
        fake = FakeSearch(clock=FakeClock())
        with serving(fake.answer) as served:
            yield SearchLab(tmp_path, served, fake)


class TestElasticsearch(SourceConformance):
    """Elasticsearch, through the same client."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[SearchLab]:
        """Give a cluster of its own to every test."""
        fake = FakeSearch(clock=FakeClock(), product="elasticsearch", version="9.1.0")
        with serving(fake.answer) as served:
            yield SearchLab(tmp_path, served, fake)
