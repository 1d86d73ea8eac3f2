"""Buckets of S3 are a source like any other: the suite without versions, and with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.retention.residue import Code
from data.retention.unit import Unit
from tests.data.sources.conformance import SourceConformance, added_up, without_sets
from tests.data.sources.lab import FREE
from tests.data.sources.s3_lab import Engine, S3Lab


class TestS3(SourceConformance):
    """A bucket that never had versions."""

    @pytest.fixture
    def lab(self, tmp_path: Path, s3_engine: Engine) -> Iterator[S3Lab]:
        """Give a bucket of its own to every test."""
        found = S3Lab(tmp_path, s3_engine)
        yield found
        found.close()


class TestS3WithVersions(SourceConformance):
    """A bucket with versions, where what is written over stays: five steps of the suite mean another thing here."""

    @pytest.fixture
    def lab(self, tmp_path: Path, s3_engine: Engine) -> Iterator[S3Lab]:
        """Give a bucket of its own to every test."""
        found = S3Lab(tmp_path, s3_engine, versioned=True)
        yield found
        found.close()

    def test_a_summary_is_the_sum(self, lab: S3Lab) -> None:
        """Summing up gives what adding up gives, and what was written over is a unit of its own."""
        lab.old()
        lab.young()
        lab.mixed()
        lab.undated()
        lab.foreign()
        lab.occupy("young.log")
        for _ in range(2):
            summary = lab.source.summarise(lab.marks)
            assert without_sets(summary) == added_up(lab.source.measure(lab.marks))
        assert (summary.units, summary.active) == (5, 1)

    def test_identity_follows_the_content(self, lab: S3Lab) -> None:
        """A version has one identity for ever, whatever is written over it, and none when it has gone."""
        lab.old()
        (unit,) = [unit for unit in lab.source.list_units() if isinstance(unit, Unit)]
        before = lab.source.identity(unit)
        assert before is not None
        lab.drift("old.log")
        assert before == lab.source.identity(unit)
        assert len({unit.identity.tag for unit in lab.source.list_units() if isinstance(unit, Unit)}) == 2
        lab.remove("old.log")
        assert lab.source.identity(unit) is None

    @pytest.mark.parametrize("name", ["old.log", "mixed.log"])
    @pytest.mark.parametrize("happening", ["drift", "swap"])
    def test_what_has_changed_is_left_alone(self, lab: S3Lab, name: str, happening: str) -> None:
        """What was written over a planned version is not touched; the planned version itself goes, and only that."""
        lab.old()
        lab.mixed()
        lab.old("other.log")
        planned = lab.plan()
        getattr(lab, happening)(name)
        now = lab.content(name)
        assert [done.code for done in lab.delete(planned)] == [Code.DELETED, Code.DELETED]
        assert lab.content(name) == now
        assert len(lab.versions(name)) == (1 if name == "old.log" else 2)

    def test_what_is_in_use_is_not_touched(self, lab: S3Lab) -> None:
        """A version that was written just now is active; the one below it is at rest for good, and may go."""
        lab.old()
        lab.old("other.log")
        planned = lab.plan()
        lab.occupy("old.log")
        assert lab.measured()["old.log"].active
        assert [lab.source.identity(row.unit) for row in lab.plan()] == [lab.source.identity(r.unit) for r in planned]
        assert [done.code for done in lab.delete(planned)] == [Code.DELETED, Code.DELETED]
        assert lab.content("old.log") is not None

    def test_recovery_tells_what_has_happened(self, lab: S3Lab) -> None:
        """Before the act nothing has happened, after it, it has; what was written over a version changes neither."""
        lab.old()
        lab.old("other.log")
        planned = lab.plan()
        assert [lab.fresh().recover(row, guard=FREE) for row in planned] == [None, None]
        lab.drift("other.log")
        lab.delete(planned)
        found = [lab.fresh().recover(row, guard=FREE) for row in planned]
        assert [done.code for done in found if done is not None] == [Code.ABSENT, Code.ABSENT]
        assert lab.content("other.log") is not None
