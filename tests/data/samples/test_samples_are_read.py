"""The product finds in the sample logs what their truth says, at every cutoff."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from data.formats.families.registry import all_families
from data.formats.interface import FileFacts, Reading
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, SECOND, Instant, instant_of
from data.samples.bulk import write_jsonl
from data.samples.moments import ZONE
from data.samples.procall import SAMPLE_SOURCES, write_samples
from data.samples.truth import SourceTruth, Truth

NOW = instant_of(datetime(2026, 11, 24, 18, 0, tzinfo=UTC))
CHANGE = instant_of(datetime(2026, 10, 25, 1, 0, tzinfo=UTC))
"""When the clocks went back."""
CUTOFFS = (NOW - 83 * DAY, NOW - 121 * DAY, NOW - 90 * DAY, NOW - 42 * DAY, NOW + DAY)
CUTOFFS += tuple(CHANGE + step for step in (-HOUR, -HOUR // 2, -HOUR // 2 + SECOND, 0, HOUR // 2, HOUR // 2 + SECOND))

NOONS = tuple(NOW - days * DAY - 6 * HOUR for days in (83, 90, 42))
"""Cutoffs in the middle of working days."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Give a folder of samples and what it holds."""
    folder = tmp_path_factory.mktemp("samples")
    return folder, write_samples(folder, now=NOW, seed=11, scale=0.4)


def opened(path: Path, name: str) -> tuple[int, FileFacts]:
    """Open a file, and give what a source would know of it."""
    found = path.stat()
    facts = FileFacts(name=name.encode(), size=found.st_size, mtime=found.st_mtime_ns // 1000, zone=ZoneInfo(ZONE))
    return os.open(path, os.O_RDONLY), facts


def read(path: Path, name: str, cutoff: Instant) -> Reading:
    """Let the product read a file."""
    descriptor, facts = opened(path, name)
    try:
        marks = Marks(cutoff=cutoff, limit=cutoff - 7 * DAY, now=NOW)
        return LogReader(all_families()).read(descriptor, facts, marks)
    finally:
        os.close(descriptor)


def kept(path: Path, name: str, cutoff: Instant, target: Path) -> bytes:
    """Let the product write what it would keep of a file, and give that, unpacked."""
    descriptor, facts = opened(path, name)
    aside = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        marks = Marks(cutoff=cutoff, limit=cutoff - 7 * DAY, now=NOW)
        LogReader(all_families()).rewrite(descriptor, aside, facts, marks)
    finally:
        os.close(descriptor)
        os.close(aside)
    content = target.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def of_cutoff(truth: SourceTruth, file: str, cutoff: Instant) -> tuple[int, int, int, int]:
    """Give records, expired records, their bytes and overdue records of a file."""
    records = truth.of_file(file)
    old = [record for record in records if record.hi < cutoff]
    late = [record for record in records if record.lo < cutoff - 7 * DAY]
    return len(records), len(old), sum(record.end - record.start for record in old), len(late)


@pytest.mark.parametrize("source_id", [source.id for source in SAMPLE_SOURCES])
def test_every_record_is_found_and_dated(samples: tuple[Path, Truth], source_id: str) -> None:
    """In each file of a source all records are found, none is doubtful, and at each cutoff the right ones are old."""
    folder, truth = samples
    source = truth.source(source_id)
    for file in source.files:
        for cutoff in CUTOFFS:
            reading = read(folder / file, file, cutoff)
            expected = of_cutoff(source, file, cutoff)
            found = reading.records, reading.expired.records, reading.expired.bytes, reading.overdue
            assert found == expected, f"{file}: {reading}"
            doubtful = reading.unparsed, reading.future, reading.undatable, reading.damaged, reading.mtime_refuted
            assert (reading.confidence, *doubtful) == (1.0, 0, 0, 0, "", False), f"{file}: {reading}"


@pytest.mark.parametrize("source_id", ["ucserver-logs", "web-logs", "desktop-logs", "mobile-traces"])
def test_a_rewrite_keeps_exactly_the_young_bytes(samples: tuple[Path, Truth], source_id: str, tmp_path: Path) -> None:
    """Of files with old and young records exactly the young ones stay, byte for byte, and a byte order mark."""
    folder, truth = samples
    source, mixed = truth.source(source_id), 0
    for file in source.files:
        content = (folder / file).read_bytes()
        content = gzip.decompress(content) if file.endswith(".gz") else content
        records = source.of_file(file)
        for cutoff in NOONS:
            stays = [content[record.start : record.end] for record in records if record.hi >= cutoff]
            if 0 < len(stays) < len(records):
                mixed += 1
                mark = content[: records[0].start]
                assert kept(folder / file, file, cutoff, tmp_path / "kept") == mark + b"".join(stays), file
    assert mixed >= 3


@pytest.mark.parametrize("order", ["sorted", "nearly", "shuffled"])
def test_bulk_logs_are_read_right(tmp_path: Path, order: str) -> None:
    """The big files of the bench give the same counts to the product as their truth, whatever their order."""
    path = tmp_path / "big.jsonl"
    truth = write_jsonl(path, 3_000_000, NOW, 5, order=order)
    for cutoff in CUTOFFS[:5]:
        reading = read(path, path.name, cutoff)
        expected = truth.expired(cutoff)
        assert (reading.records, reading.bytes) == (truth.records, truth.bytes)
        assert (reading.expired.records, reading.expired.bytes) == (expected.records, expected.bytes)
        assert reading.overdue == truth.overdue(cutoff - 7 * DAY).records
