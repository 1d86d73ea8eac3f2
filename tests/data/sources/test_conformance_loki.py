"""Grafana Loki is a source like any other: the conformance suite, against a faithful fake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.sources.conformance import SourceConformance, SourceLab
from tests.data.sources.loki_lab import LokiLab, fake_at
from tests.data.sources.served import serving


class TestLoki(SourceConformance):
    """Days as a whole."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[LokiLab]:
        """Give an engine of its own to every test."""
        fake = fake_at()
        with serving(fake.answer) as served:
            yield LokiLab(tmp_path, served, fake)

    def test_an_undatable_unit_is_never_planned(self, lab: SourceLab) -> None:
        """Loki stamps every line, so none is undatable; one that lies ahead is not believed and never planned."""
        lab.undated()
        lab.old()
        found = lab.measured()
        assert found["undated.log"].reading.future == 1
        assert [row.unit.name for row in lab.plan()] == [b"old.log"]
        batch = [found["undated.log"], found["old.log"], found["undated.log"]]
        rows = list(lab.source.plan(batch, lab.marks))
        assert [row.unit.name if row else None for row in rows] == [None, b"old.log", None]


class TestLokiWithRewrite(TestLoki):
    """The day in which the cutoff falls is cut there."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[LokiLab]:
        """Give an engine of its own to every test."""
        fake = fake_at()
        with serving(fake.answer) as served:
            yield LokiLab(tmp_path, served, fake, rewrite=True)
