"""The sample generator: the truth file says where every record of every file stands, and the files agree."""

import gzip
import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.retention.instants import BELIEVABLE, DAY, HOUR, SECOND, Instant, instant_of, iso, read_iso
from data.samples.bulk import write_jsonl, write_tree
from data.samples.dice import Dice
from data.samples.moments import local, moments, readings
from data.samples.procall import SAMPLE_SOURCES, write_samples
from data.samples.truth import TRUTH_FILE, Truth

NOW = instant_of(datetime(2026, 11, 24, 18, 0, tzinfo=UTC))
CUTOFF, LIMIT = NOW - 83 * DAY, NOW - 90 * DAY


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Give a folder of samples and what it holds."""
    folder = tmp_path_factory.mktemp("samples")
    return folder, write_samples(folder, now=NOW, seed=7, scale=0.3)


def content_of(path: Path) -> bytes:
    """Give what a file holds, unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def encoding_of(content: bytes) -> str:
    """Tell how the samples wrote this content."""
    if content.startswith(b"\xff\xfe"):
        return "utf-16-le"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def test_every_byte_of_every_file_belongs_to_one_true_record(samples: tuple[Path, Truth]) -> None:
    """The records of the truth cover each file without gap or overlap, from line 1, and no file is left out."""
    folder, truth = samples
    for source in truth.sources:
        for file in source.files:
            content = content_of(folder / file)
            ends, line = (2 if content.startswith(b"\xff\xfe") else 0), 1
            for record in source.of_file(file):
                assert (record.start, record.line) == (ends, line)
                text = content[record.start : record.end].decode(encoding_of(content))
                assert text.count("\n") == record.lines
                ends, line = record.end, line + record.lines
            assert ends == len(content)
    told = {file for source in truth.sources for file in source.files}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there - {TRUTH_FILE} == told


def test_every_true_instant_stands_in_its_record(samples: tuple[Path, Truth]) -> None:
    """The first line of a record shows the instant that the truth gives it, read here by other means."""
    folder, truth = samples
    for source in truth.sources:
        for file in source.files:
            content = content_of(folder / file)
            for record in source.of_file(file):
                text = content[record.start : record.end].decode(encoding_of(content))
                assert record.at in shown_instants(text.splitlines()[0]), text


def shown_instants(line: str) -> set[Instant]:
    """Read the instants that a head line of the samples may mean."""
    if line.startswith('{"@t"'):
        return {read_iso(json.loads(line)["@t"])}
    if line.startswith('{"resourceSpans"'):
        ends = re.findall(r'"endTimeUnixNano":"(\d+)"', line)
        return {max(int(end) for end in ends) // 1000}
    if found := re.search(r"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]", line):
        return {instant_of(datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S %z"))}
    if found := re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) ([+-]\d\d:\d\d) \[", line):
        return {instant_of(datetime.fromisoformat(f"{found[1]}{found[2]}"))}
    naive = re.match(r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d(?:[.,]\d{3})?", line)
    assert naive
    shown = datetime.fromisoformat(naive[0].replace("/", "-").replace(",", "."))
    aware = shown.replace(tzinfo=local(NOW).tzinfo)
    return {instant_of(aware.replace(fold=fold)) for fold in (0, 1)}


def test_the_truth_file_says_what_the_truth_says(samples: tuple[Path, Truth]) -> None:
    """There is one line for each record, with the same figures."""
    folder, truth = samples
    lines = [json.loads(line) for line in (folder / TRUTH_FILE).read_text(encoding="utf-8").splitlines()]
    records = [record for source in truth.sources for record in source.records]
    assert len(lines) == len(records) == truth.records
    for line, record in zip(lines, records, strict=True):
        assert (line["file"], line["line"], line["lines"]) == (record.file, record.line, record.lines)
        assert (line["start"], line["end"], line["kind"]) == (record.start, record.end, record.kind)
        assert read_iso(line["at"]) == record.at
        assert read_iso(line.get("lo", line["at"])) == record.lo <= record.at <= record.hi


def test_the_counts_are_those_of_the_records(samples: tuple[Path, Truth]) -> None:
    """Expired counts ends before the cutoff, overdue counts beginnings before the limit; a source sums its files."""
    _, truth = samples
    every = [record for source in truth.sources for record in source.records]
    old = [record for record in every if record.hi < CUTOFF]
    late = [record for record in every if record.lo < LIMIT]
    found = truth.expired(CUTOFF)
    assert (found.records, found.bytes) == (len(old), sum(record.end - record.start for record in old))
    assert found.units == len({record.file for record in old})
    assert found.whole == found.units - len({r.file for r in old} & {r.file for r in every if r.hi >= CUTOFF})
    assert truth.overdue(LIMIT).records == len(late)
    assert 0 < len(late) < len(old) < len(every)
    assert truth.expired(NOW + DAY).records == truth.records
    edge = old[-1].hi
    assert truth.expired(edge + 1).records - truth.expired(edge).records == sum(record.hi == edge for record in every)
    assert truth.overdue(edge + 1).records - truth.overdue(edge).records == sum(record.lo == edge for record in every)
    assert truth.expired(edge).records == sum(record.hi < edge for record in every)
    assert truth.expired(NOW - 200 * DAY).records == 0
    with pytest.raises(KeyError):
        truth.source("journal")


def test_the_sources_of_dev_mode_are_those_that_were_written(samples: tuple[Path, Truth]) -> None:
    """Every sample source has files below its root that its patterns find, and all files of its truth."""
    folder, truth = samples
    assert {source.id for source in SAMPLE_SOURCES} == {source.id for source in truth.sources}
    for source in SAMPLE_SOURCES:
        root = folder / source.root
        found = {path for pattern in source.include for path in root.rglob(pattern) if path.is_file()}
        assert {path.relative_to(folder).as_posix() for path in found} == set(truth.source(source.id).files)
        assert {record.kind for record in truth.source(source.id).records} == {source.data_kind}


def test_a_file_was_last_changed_when_its_last_record_says(samples: tuple[Path, Truth]) -> None:
    """The mtime is the instant of the last record, or now for the files that are being written."""
    folder, truth = samples
    running = set()
    for source in truth.sources:
        for file in source.files:
            changed = (folder / file).stat().st_mtime_ns // 1000
            if changed == NOW:
                running.add(file)
            else:
                assert changed == source.of_file(file)[-1].at
    day = f"{local(NOW):%Y%m%d}"
    assert running == {
        f"desktop/ProCallDesktop{day}.log",
        f"mobile/logs/procall-mobile-{day}.clef",
        f"mobile/traces/otlp-{day}.jsonl",
        "web/access.log",
        "web/error.log",
        "ucserver/ucserver.log",
    }


def test_the_habits_that_make_logs_too_old_are_there(samples: tuple[Path, Truth]) -> None:
    """There is a mixed file in use, a mixed one at rest, an archive beyond the limit, a dead service, packed files."""
    folder, truth = samples
    server = truth.source("ucserver-logs")
    for mixed in ("ucserver/ucserver.log", "ucserver/ucserver.1.log"):
        ages = [record.hi < CUTOFF for record in server.of_file(mixed)]
        assert any(ages)
        assert not all(ages)
    assert all(record.hi < LIMIT for record in server.of_file("ucserver/ctiserver.log"))
    assert any(record.hi < LIMIT for record in server.records if "_archive" in record.file)
    assert sum(file.endswith(".gz") for file in truth.source("web-logs").files) > 20
    assert encoding_of((folder / "ucserver/ctiserver.log").read_bytes()) == "cp1252"
    assert encoding_of((folder / "ucserver/_archive/Export-Ereignisse.log").read_bytes()) == "utf-16-le"
    assert encoding_of((folder / "ucserver/ucserver.log").read_bytes()) == "utf-8"


def test_the_night_the_clocks_went_back_has_two_readings(samples: tuple[Path, Truth]) -> None:
    """What the server wrote without an offset at half past two on 25 October has an interval of one hour."""
    _, truth = samples
    wide = [record for record in truth.source("ucserver-logs").records if record.lo < record.hi]
    assert len(wide) >= 2
    for record in wide:
        assert record.hi - record.lo == HOUR
        assert record.at in {record.lo, record.hi}
        assert iso(record.at).startswith("2026-10-25T0")


def test_stack_traces_belong_to_their_record(samples: tuple[Path, Truth]) -> None:
    """Desktop records with an exception have several lines; inner exceptions and both languages occur."""
    folder, truth = samples
    desktop = truth.source("desktop-logs")
    long = [record for record in desktop.records if record.lines > 3]
    assert long
    assert all(record.lines > 3 for source in ("exceptions", "stack-traces") for record in truth.source(source).records)
    text = "".join((folder / file).read_text(encoding="utf-8") for file in truth.source("exceptions").files)
    for sign in (" ---> ", "   at ", "   bei ", "--- End of inner exception stack trace ---", "--- Ende der Stapel"):
        assert sign in text


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    """Two runs with one seed agree in every file; another seed does not."""
    runs = {"first": 3, "second": 3, "other": 4}
    written = {}
    for name, seed in runs.items():
        write_samples(tmp_path / name, now=NOW, seed=seed, days=10, scale=0.2)
        paths = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        written[name] = {path.relative_to(tmp_path / name): path.read_bytes() for path in paths}
    assert written["first"] == written["second"] != written["other"]


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    """A folder that already holds samples is refused and stays as it was; an empty one is taken."""
    write_samples(tmp_path, now=NOW, seed=1, days=3, scale=0.1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError):
        write_samples(tmp_path, now=NOW, seed=2, days=3, scale=0.1)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    (tmp_path / TRUTH_FILE).unlink()
    with pytest.raises(FileExistsError):
        write_samples(tmp_path, now=NOW, seed=2, days=3, scale=0.1)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: held for path, held in after.items() if path in before and path.name != TRUTH_FILE} == {
        path: held for path, held in before.items() if path.name != TRUTH_FILE
    }


def test_the_people_do_not_exist(samples: tuple[Path, Truth]) -> None:
    """Mail addresses lie under example domains, network addresses under documentation ranges."""
    folder, truth = samples
    mails, hosts = set(), set()
    for source in truth.sources:
        for file in source.files:
            content = content_of(folder / file)
            text = content.decode(encoding_of(content))
            mails |= set(re.findall(r"[\w.]+@([\w.]+\w)", text))
            hosts |= set(re.findall(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}(?![\d.])", text))
    assert mails == {"beispiel.example", "example.com"}
    versions = {"142.0.0", "9.2.1"}
    assert hosts - versions == {"192.0.2", "198.51.100", "203.0.113"}


@settings(max_examples=30, deadline=None)
@given(st.integers(BELIEVABLE, NOW), st.integers(0, 2**32), st.integers(1, 40))
def test_moments_keep_to_their_time(end: Instant, seed: int, days: int) -> None:
    """Whatever the time of the year, instants are in order, in whole milliseconds, none outside."""
    start = end - days * DAY
    found = moments(Dice(seed, "test"), start, end, 12)
    assert found == sorted(found)
    assert all(start <= at <= end and at % 1000 == 0 for at in found)


@given(st.integers(BELIEVABLE, NOW))
def test_readings_are_all_instants_with_the_same_wall_time(at: Instant) -> None:
    """Both ends of the interval show the same German wall time as the instant, and it is one of them."""
    lo, hi = readings(at)
    assert at in {lo, hi}
    assert hi - lo in {0, HOUR}
    assert local(lo).replace(tzinfo=None) == local(hi).replace(tzinfo=None) == local(at).replace(tzinfo=None)


@pytest.mark.parametrize("order", ["sorted", "nearly", "shuffled"])
def test_a_big_file_holds_what_its_truth_says(tmp_path: Path, order: str) -> None:
    """Lines, bytes and old lines, counted with json, are those of the truth; the order is the one asked for."""
    path = tmp_path / "big.jsonl"
    truth = write_jsonl(path, 2_000_000, NOW, 5, order=order)
    lines = path.read_bytes().splitlines(keepends=True)
    stamps = [read_iso(json.loads(line)["@t"]) for line in lines]
    assert truth.bytes == path.stat().st_size == sum(map(len, lines))
    assert abs(truth.bytes - 2_000_000) < 20_000
    assert truth.records == len(lines)
    for cutoff in (CUTOFF, LIMIT, stamps[100], stamps[-1] + 1, NOW - 121 * DAY):
        old = [len(line) for line, at in zip(lines, stamps, strict=True) if at < cutoff]
        found = truth.expired(cutoff)
        assert (found.records, found.bytes, found.units) == (len(old), sum(old), int(bool(old)))
        assert found.whole == (len(old) == len(lines))
    strays = max(earlier - later for earlier, later in pairwise(stamps))
    assert (strays <= 0, strays <= 4 * SECOND) == {
        "sorted": (True, True),
        "nearly": (True, True),  # at this size a line comes every twenty minutes
        "shuffled": (False, False),
    }[order]
    assert NOW - 120 * DAY <= min(stamps) <= max(stamps) < NOW


def test_an_unknown_order_is_refused(tmp_path: Path) -> None:
    """A word that is no order writes nothing; an order does."""
    with pytest.raises(ValueError, match="backwards"):
        write_jsonl(tmp_path / "big.jsonl", 1000, NOW, 1, order="backwards")
    assert list(tmp_path.iterdir()) == []
    write_jsonl(tmp_path / "big.jsonl", 1000, NOW, 1, order="sorted")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_tree_holds_what_its_truth_says(tmp_path: Path) -> None:
    """Files, bytes, ages and mtimes of a tree, counted with json, are those of the truth."""
    truth = write_tree(tmp_path / "tree", 2345, 150, NOW, 9)
    found = {}
    for path in (tmp_path / "tree").rglob("*.jsonl"):
        content = path.read_bytes()
        assert len(content) == 150
        found[path] = read_iso(json.loads(content)["@t"])
        assert path.stat().st_mtime_ns == found[path] * 1000
    assert len(found) == truth.units == truth.records == 2345
    assert truth.bytes == 2345 * 150
    for cutoff in (CUTOFF, LIMIT, NOW, min(found.values())):
        old = sum(at < cutoff for at in found.values())
        count = truth.overdue(cutoff)
        assert (count.units, count.records, count.bytes) == (old, old, old * 150)
    with pytest.raises(ValueError, match="hold no record"):
        write_tree(tmp_path / "tiny", 1, 40, NOW, 9)
