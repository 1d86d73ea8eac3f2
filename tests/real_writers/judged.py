"""Holds what the product makes of a real log against what its writer is known to have written."""

import gzip
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from data.formats.families.registry import all_families
from data.formats.interface import FileFacts, Reading
from data.formats.logs import LogReader
from data.retention.evidence import Evidence, Marks
from data.retention.instants import DAY, HOUR, SECOND, Instant, iso
from data.samples.moments import readings
from tests.real_writers.programs import BERLIN, program

WARNING: Final = 7 * DAY
"""How far the limit lies before the cutoff in these tests."""
TICK: Final = SECOND // 64
"""A fraction of a second that libfaketime, which reckons with floating point, keeps exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """One record a program has written."""

    lo: Instant
    hi: Instant
    content: bytes


def exact(at: Instant) -> tuple[Instant, Instant]:
    """Give the interval of a stamp that names its instant."""
    return at, at


def cut(at: Instant, unit: Instant) -> Instant:
    """Cut an instant to the precision a program writes."""
    return at // unit * unit


def spread(now: Instant) -> list[Instant]:
    """Give instants over 120 days, some in the night the clocks of 2026 went back, with fractions, in order."""
    night = now // DAY * DAY - 30 * DAY + 30 * 60 * SECOND  # 2026-10-25 00:30 UTC for the `now` of these tests
    days = [now - days * DAY - days * 87 * TICK for days in (120, 111, 97, 91, 90, 84, 83, 82, 60, 31, 14, 3, 1)]
    return sorted([*days, night + 250_000, night + HOUR + 500_000, now - 90 * DAY, now - 83 * DAY])


def pieces(content: bytes, is_head: Callable[[bytes], bool]) -> list[bytes]:
    """Part a log into its records, each from a head to the next."""
    found: list[bytes] = []
    for line in content.splitlines(keepends=True):
        if is_head(line):
            found.append(line)
        else:
            found[-1] += line
    return found


def wrote(
    path: Path,
    is_head: Callable[[bytes], bool],
    instants: Sequence[Instant],
    span: Callable[[Instant], tuple[Instant, Instant]] = exact,
) -> list[Wrote]:
    """Say what a program wrote: one record for each instant, with the interval that its stamp allows."""
    records = pieces(content_of(path), is_head)
    assert len(records) == len(instants), f"{path.name}: the writer itself wrote something else"
    spans = [span(at) for at in instants]
    return [Wrote(lo=lo, hi=hi, content=record) for (lo, hi), record in zip(spans, records, strict=True)]


def naive(at: Instant) -> tuple[Instant, Instant]:
    """Give the interval of German wall time without an offset."""
    return readings(at)


def content_of(path: Path) -> bytes:
    """Give what a log holds, unpacked."""
    if path.suffix == ".zst":
        return subprocess.run([program("zstd"), "-dcq", str(path)], check=True, capture_output=True).stdout
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def aged(path: Path, at: Instant) -> None:
    """Set when a file was last changed to what the faked clock said then: file systems do not believe libfaketime."""
    os.utime(path, ns=(at * 1000, at * 1000))


def facts_of(path: Path) -> FileFacts:
    """Give what a source would know of a file."""
    found = path.stat()
    return FileFacts(
        name=path.name.encode(), size=found.st_size, mtime=found.st_mtime_ns // 1000, zone=ZoneInfo(BERLIN)
    )


def read(path: Path, *, cutoff: Instant, now: Instant) -> Reading:
    """Let the product read a log."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        marks = Marks(cutoff=cutoff, limit=cutoff - WARNING, now=now)
        return LogReader(all_families()).read(descriptor, facts_of(path), marks)
    finally:
        os.close(descriptor)


def rewritten(path: Path, *, cutoff: Instant, now: Instant) -> bytes:
    """Let the product write what it would keep of a log, and give that, unpacked."""
    target = path.with_name(f"{path.stem}.kept{path.suffix}")
    descriptor = os.open(path, os.O_RDONLY)
    aside = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        reader, marks = LogReader(all_families()), Marks(cutoff=cutoff, limit=cutoff - WARNING, now=now)
        told = reader.kept(descriptor, facts_of(path), marks)
        done = reader.rewrite(descriptor, aside, facts_of(path), marks)
    finally:
        os.close(descriptor)
        os.close(aside)
    assert done == told
    assert done.kept_bytes == target.stat().st_size
    kept = content_of(target)
    target.unlink()
    return kept


def judge(
    path: Path, records: Sequence[Wrote], *, family: str, now: Instant, evidence: Evidence = Evidence.OWN
) -> None:
    """Hold everything the product says of a log against what was written, at every cutoff that makes a difference."""
    edges = {edge + step for record in records for edge in (record.lo, record.hi) for step in (0, SECOND)}
    cut_at = -1
    for cutoff in sorted({cut(edge, SECOND) for edge in edges} | {now - 83 * DAY}):
        reading = read(path, cutoff=cutoff, now=now)
        said = f"{path.name} at {iso(cutoff)}: {reading}"
        gone = [record for record in records if record.hi < cutoff]
        assert (reading.family, reading.confidence, reading.damaged) == (family, 1.0, ""), said
        assert (reading.records, reading.bytes) == (len(records), len(content_of(path))), said
        assert (reading.unparsed, reading.future, reading.undatable, reading.mtime_refuted) == (0, 0, 0, False), said
        assert reading.evidence[evidence] == len(records), said
        assert reading.lowest_lo == min(record.lo for record in records), said
        assert reading.highest_lo == max(record.lo for record in records), said
        assert reading.lowest_hi == min(record.hi for record in records), said
        assert reading.highest_hi == max(record.hi for record in records), said
        assert reading.expired.records == len(gone), said
        assert reading.expired.bytes == sum(len(record.content) for record in gone), said
        assert reading.overdue == sum(record.lo < cutoff - WARNING for record in records), said
        if cut_at == len(gone):
            continue  # the same records stay as before
        cut_at = len(gone)
        stays = b"".join(record.content for record in records if record.hi >= cutoff)
        assert rewritten(path, cutoff=cutoff, now=now) == stays, said
