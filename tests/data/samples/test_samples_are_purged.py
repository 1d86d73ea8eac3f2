"""A purge of the sample sources takes exactly what their truth calls old, and leaves what is in use."""

import gzip
import os
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import DAY, instant_of
from data.retention.residue import DONE
from data.samples.procall import SAMPLE_SOURCES, SampleSource, write_samples
from data.samples.truth import SourceTruth, TrueRecord
from data.sources.config import FilesConfig
from data.sources.files import FilesSource, selects
from data.sources.interface import Measured
from tests.world import FakeClock

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
AT = instant_of(NOW)
MARKS = Marks(cutoff=AT - 83 * DAY, limit=AT - 90 * DAY, now=AT)
WRITTEN_NOW = {"ucserver/ucserver.log"}
"""Samples that hold old records and are being written."""


def source_of(sample: SampleSource, folder: Path) -> FilesSource:
    """Build a source over samples as the application does."""
    config = FilesConfig(
        id=sample.id,
        title=sample.title,
        data_kind=sample.data_kind,
        root=folder / sample.root,
        include=sample.include,
        zone=ZoneInfo(sample.zone),
    )
    return FilesSource(config, reader=LogReader(all_families()), clock=FakeClock(NOW))


def measured(source: FilesSource) -> list[Measured]:
    """Measure every unit; the samples hold nothing that must be skipped."""
    found = list(source.measure(MARKS, fresh=True))
    units = [unit for unit in found if isinstance(unit, Measured)]
    assert len(units) == len(found), found
    return units


def contents(folder: Path, truth: SourceTruth) -> dict[str, bytes]:
    """Give what the files of a source hold, unpacked, of those that are there."""
    there = {file: (folder / file).read_bytes() for file in truth.files if (folder / file).exists()}
    return {file: gzip.decompress(held) if file.endswith(".gz") else held for file, held in there.items()}


def stays(record: TrueRecord) -> bool:
    """Tell whether a purge leaves a record."""
    return record.hi >= MARKS.cutoff or record.file in WRITTEN_NOW


@pytest.mark.parametrize("sample", SAMPLE_SOURCES, ids=lambda sample: sample.id)
def test_exactly_the_old_records_go(tmp_path: Path, sample: SampleSource) -> None:
    """What a source counts is the truth, and after its purge every file holds its young records and nothing else."""
    truth = write_samples(tmp_path, now=AT, seed=5, scale=0.3).source(sample.id)
    before, source = contents(tmp_path, truth), source_of(sample, tmp_path)
    units = measured(source)
    assert {os.fsdecode(unit.unit.name) for unit in units} == {
        file.removeprefix(f"{sample.root}/") for file in truth.files
    }
    assert sum(unit.reading.records for unit in units) == len(truth.records)
    assert sum(unit.reading.expired.records for unit in units) == truth.expired(MARKS.cutoff).records
    assert sum(unit.reading.overdue for unit in units) == truth.overdue(MARKS.limit).records
    planned = [row for row in source.plan([unit for unit in units if selects(unit, rewrite=True)], MARKS) if row]
    done = list(source.delete(planned, guard=lambda _: nullcontext()))
    assert {acted.code for acted in done} <= DONE, done
    assert sum(acted.records for acted in done) == sum(not stays(record) for record in truth.records) > 0
    after = contents(tmp_path, truth)
    for file in truth.files:
        records = truth.of_file(file)
        mark = before[file][: records[0].start]
        left = b"".join(before[file][record.start : record.end] for record in records if stays(record))
        assert after.get(file, b"") == (mark + left if left else b""), file
    assert [unit for unit in measured(source) if selects(unit, rewrite=True)] == []


def test_what_is_being_written_is_reported_as_active(tmp_path: Path) -> None:
    """The server's running log holds old records and is left; the roll beside it, changed days ago, is not."""
    truth = write_samples(tmp_path, now=AT, seed=5, scale=0.3).source("ucserver-logs")
    [sample] = [sample for sample in SAMPLE_SOURCES if sample.id == truth.id]
    found = {os.fsdecode(unit.unit.name): unit for unit in measured(source_of(sample, tmp_path))}
    assert found["ucserver.log"].active
    assert found["ucserver.log"].reading.expired.records > 0
    assert not found["ucserver.1.log"].active
    assert not found["ctiserver.log"].active
