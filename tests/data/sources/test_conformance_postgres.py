"""Tables of PostgreSQL are a source like any other: the conformance suite, against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.retention.residue import Code
from tests.data.sources.conformance import SourceConformance
from tests.data.sources.postgres_lab import PartitionsLab, RowsLab


class TestPartitions(SourceConformance):
    """A partitioned table: its partitions have the names that the suite speaks of."""

    @pytest.fixture
    def lab(self, dsn: str, tmp_path: Path) -> Iterator[PartitionsLab]:
        """Give a database of its own to every test."""
        lab = PartitionsLab(dsn, tmp_path)
        yield lab
        lab.close()


class TestRows(SourceConformance):
    """A plain table: its days have the names that the suite speaks of."""

    @pytest.fixture
    def lab(self, dsn: str, tmp_path: Path) -> Iterator[RowsLab]:
        """Give a database of its own to every test."""
        lab = RowsLab(dsn, tmp_path)
        yield lab
        lab.close()

    def test_every_unit_is_listed_once_and_nothing_else(self, lab: RowsLab) -> None:  # type: ignore[override]
        """A plain table holds nothing but rows, so nothing is skipped; rows without a time are a unit of their own."""
        lab.old()
        lab.young()
        lab.undated()
        found = [unit.name for unit in lab.source.list_units()]
        assert sorted(found) == [b"old.log", b"undated.log", b"young.log"]

    def test_what_is_in_use_is_not_touched(self, lab: RowsLab) -> None:  # type: ignore[override]
        """A change that is not committed cannot be seen: the unit is measured as it was, and its deletion is locked."""
        lab.old()
        lab.old("other.log")
        planned = lab.plan()
        lab.occupy("old.log")
        assert not lab.measured()["old.log"].active
        assert [(done.code, done.reason) for done in lab.delete(planned)] == [
            (Code.LOCKED, "lock_timeout"),
            (Code.DELETED, ""),
        ]
        assert lab.content("old.log") is not None


class TestRowsWithoutRewrite(TestRows):
    """A plain table whose units go as a whole or not at all."""

    @pytest.fixture
    def lab(self, dsn: str, tmp_path: Path) -> Iterator[RowsLab]:
        """Give a database of its own to every test."""
        lab = RowsLab(dsn, tmp_path, rewrite=False)
        yield lab
        lab.close()
