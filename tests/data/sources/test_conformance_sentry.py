"""Sentry is a source like any other: the conformance suite, against a faithful fake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.sources.conformance import SourceConformance, SourceLab
from tests.data.sources.sentry_lab import SentryLab, fake_at
from tests.data.sources.served import serving


class TestSentry(SourceConformance):
    """Issues as a whole, in pages of two."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[SentryLab]:
        """Give an engine of its own to every test."""
        fake = fake_at()
        with serving(fake.answer) as served:
            yield SentryLab(tmp_path, served, fake)

    def test_an_undatable_unit_is_never_planned(self, lab: SourceLab) -> None:
        """Sentry dates every event, so none is undatable; one that lies ahead is not believed and never planned."""
        lab.undated()
        lab.old()
        found = lab.measured()
        assert found["undated.log"].reading.future == 1
        assert [row.unit.name for row in lab.plan()] == [b"old.log"]
        batch = [found["undated.log"], found["old.log"], found["undated.log"]]
        rows = list(lab.source.plan(batch, lab.marks))
        assert [row.unit.name if row else None for row in rows] == [None, b"old.log", None]
