"""Azure Log Analytics is a source like any other: the conformance suite, against a faithful fake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.data.sources.conformance import SourceConformance, SourceLab
from tests.data.sources.log_analytics_lab import WorkspaceLab, fake_at
from tests.data.sources.served import serving


class TestLogAnalytics(SourceConformance):
    """Days as a whole, by the purge."""

    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[WorkspaceLab]:
        """Give an engine of its own to every test."""
        fake = fake_at()
        with serving(fake.answer) as served:
            yield WorkspaceLab(tmp_path, served, fake, **self.options)

    def test_an_undatable_unit_is_never_planned(self, lab: SourceLab) -> None:
        """Azure stamps every row, so none is undatable; one that lies ahead is not believed and never planned."""
        lab.undated()
        lab.old()
        found = lab.measured()
        assert found["undated.log"].reading.future == 1
        assert [row.unit.name for row in lab.plan()] == [b"old.log"]
        batch = [found["undated.log"], found["old.log"], found["undated.log"]]
        rows = list(lab.source.plan(batch, lab.marks))
        assert [row.unit.name if row else None for row in rows] == [None, b"old.log", None]


class TestLogAnalyticsWithRewrite(TestLogAnalytics):
    """The day in which the cutoff falls is cut there."""

    options: ClassVar[dict[str, Any]] = {"rewrite": True}


class TestLogAnalyticsDeleteData(TestLogAnalytics):
    """By the Delete Data API, which hides rows and leaves them stored."""

    options: ClassVar[dict[str, Any]] = {"method": "delete-data", "rewrite": True, "physical_days": 365}
