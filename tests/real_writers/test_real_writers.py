"""Logs of real programs (nginx, rsyslog, Python's and Java's own loggers), written over 120 days.

They run on a faked clock; Java is told the instants, since its machine starts too slowly on one.
The product must find each record, its instant and its bytes; what was written is known from the programs' own order.
"""

import json
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from data.retention.evidence import Evidence
from data.retention.instants import DAY, SECOND, Instant, instant_of
from tests.real_writers.judged import aged, cut, exact, judge, naive, read, rewritten, spread, wrote
from tests.real_writers.programs import FakeTime, java_classes, java_logs, nginx, python_logs, rsyslog, until

NOW = instant_of(datetime(2026, 11, 24, 18, 0, tzinfo=UTC))
NEW_YEAR = instant_of(datetime(2027, 2, 10, 6, 0, tzinfo=UTC))
MILLI = 1000


def in_seconds(at: Instant) -> tuple[Instant, Instant]:
    """Give the interval of an exact stamp in whole seconds."""
    return exact(cut(at, SECOND))


def naive_seconds(at: Instant) -> tuple[Instant, Instant]:
    """Give the interval of German wall time in whole seconds."""
    return naive(cut(at, SECOND))


def naive_millis(at: Instant) -> tuple[Instant, Instant]:
    """Give the interval of German wall time in milliseconds."""
    return naive(cut(at, MILLI))


def test_the_faked_days_are_what_they_should_be() -> None:
    """They lie on both sides of cutoff and limit, and two have the same wall time in the night of 25 October."""
    found = spread(NOW)
    assert found == sorted(set(found))
    assert NOW - 120 * DAY - DAY < found[0] < NOW - 90 * DAY < NOW - 83 * DAY < found[-1] < NOW
    assert sum(naive(at)[0] < naive(at)[1] for at in found) == 2


def has_lines(path: Path, number: int) -> bool:
    """Tell whether a log has so many lines."""
    return path.read_bytes().count(b"\n") == number


# -- nginx ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Instant]]:
    """Let nginx write both its logs: two pages a day, the second is missing."""
    folder = tmp_path_factory.mktemp("nginx")
    clock = FakeTime(folder, spread(NOW)[0])
    with nginx(folder, folder, clock.environment) as server:
        for number, at in enumerate(spread(NOW)):
            clock.set(at)
            assert server.get(f"/page/{number}?since=2026-01-01T00:00:00Z") == 200
            assert server.get(f"/missing/{number}") == 404
            until(partial(has_lines, folder / "epoch.log", 2 * number + 2), "nginx does not log")  # it answers first
    for path in folder.glob("*.log"):
        aged(path, spread(NOW)[-1])
    return folder, spread(NOW)


def test_nginx_access_log(web: tuple[Path, list[Instant]]) -> None:
    """Every request of the combined format is a record at its second, whatever date its path or agent names."""
    folder, instants = web
    path = folder / "access.log"
    records = wrote(path, lambda _: True, [at for at in instants for _ in range(2)], in_seconds)
    judge(path, records, family="access", now=NOW)


def test_nginx_error_log(web: tuple[Path, list[Instant]]) -> None:
    """Every fault is a record at its German wall time; in the repeated hour it has both readings."""
    folder, instants = web
    path = folder / "error.log"
    judge(path, wrote(path, lambda _: True, instants, naive_seconds), family="nginx_error", now=NOW)


def test_nginx_json_log(web: tuple[Path, list[Instant]]) -> None:
    """A log format that operators set for JSON: the agent's text holds a date too, and is not taken for the time."""
    folder, instants = web
    path = folder / "object.log"
    twice = [at for at in instants for _ in range(2)]
    judge(path, wrote(path, lambda _: True, twice, in_seconds), family="jsonl", now=NOW)


def test_nginx_log_with_epoch_first(web: tuple[Path, list[Instant]]) -> None:
    """A log format that begins with seconds since 1970 and milliseconds."""
    folder, instants = web
    path = folder / "epoch.log"
    twice = [cut(at, MILLI) for at in instants for _ in range(2)]
    judge(path, wrote(path, lambda _: True, twice), family="epoch", now=NOW)


# -- rsyslog ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Instant]]:
    """Let rsyslog write three formats, over a turn of the year."""
    folder = tmp_path_factory.mktemp("rsyslog")
    instants = spread(NEW_YEAR)
    clock = FakeTime(folder, instants[0])
    with rsyslog(folder, clock.environment) as log:
        for number, at in enumerate(instants):
            clock.set(at)
            log(f"Anruf {number} für »Müller« seit Nov  3 09:23:38\nzweite Zeile")
    for path in folder.glob("rfc*.log"):
        aged(path, instants[-1])
    return folder, instants


def test_rsyslog_traditional_file(system: tuple[Path, list[Instant]]) -> None:
    """RFC 3164: no year, no zone; the year comes from the file's mtime, over New Year too."""
    folder, instants = system
    path = folder / "rfc3164.log"
    judge(path, wrote(path, lambda _: True, instants, naive_seconds), family="syslog", now=NEW_YEAR)


def test_rsyslog_file_with_rfc3339_stamps(system: tuple[Path, list[Instant]]) -> None:
    """Debian's present form: RFC 3339 stamps with microseconds and offset."""
    folder, instants = system
    path = folder / "rfc3339.log"
    judge(path, wrote(path, lambda _: True, instants), family="syslog", now=NEW_YEAR)


def test_rsyslog_protocol_23(system: tuple[Path, list[Instant]]) -> None:
    """RFC 5424 with priority and version."""
    folder, instants = system
    path = folder / "rfc5424.log"
    judge(path, wrote(path, lambda _: True, instants), family="syslog5424", now=NEW_YEAR)


# -- Python -----------------------------------------------------------------------------------------------------------

DATED = {
    "plain": (rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ procall", naive_millis),
    "dashes": (rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - procall", naive_millis),
    "brackets": (rb"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] \[", naive_millis),
    "json": (rb"\{", in_seconds),
}


@pytest.mark.parametrize("style", DATED)
def test_python_logging(tmp_path: Path, style: str) -> None:
    """Each call is a record; tracebacks with a cause, and dates in their messages, belong to the record above."""
    head, span = DATED[style]
    instants = spread(NOW)
    path = python_logs(FakeTime(tmp_path, instants[0]), tmp_path, style, instants)
    aged(path, instants[-1])
    is_head = re.compile(head).match
    records = wrote(path, lambda line: bool(is_head(line)), [at for at in instants for _ in range(2)], span)
    assert b"RuntimeError" in records[1].content
    family = "jsonl" if style == "json" else "text"
    judge(path, records, family=family, now=NOW)


def test_python_logging_without_a_time(tmp_path: Path) -> None:
    """Python's basic format names no time: nothing is deleted before the file itself is old enough, then all."""
    instants = spread(NOW)
    path = python_logs(FakeTime(tmp_path, instants[0]), tmp_path, "undated", instants)
    aged(path, instants[-1])
    whole = path.read_bytes()
    early = read(path, cutoff=instants[-1], now=NOW)
    assert (early.expired.records, early.expired.bytes, early.evidence.get(Evidence.OWN, 0)) == (0, 0, 0)
    assert rewritten(path, cutoff=instants[-1], now=NOW) == whole
    late = read(path, cutoff=instants[-1] + SECOND, now=NOW)
    assert (late.expired.records, late.expired.bytes) == (late.records, len(whole))
    assert late.records > 0
    assert late.evidence[Evidence.MTIME] == late.records


# -- Java -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the Java program once."""
    return java_classes(tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="module")
def java(classes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Let java.util.logging write in two languages; beside each log lies the same as XML."""
    folder, instants = tmp_path_factory.mktemp("java"), spread(NOW)
    written = {language: java_logs(classes, folder, language=language, instants=instants) for language in ("de", "en")}
    for path in folder.glob("*.log*"):
        aged(path, instants[-1])
    return written


@pytest.mark.parametrize("language", ["de", "en"])
def test_java_util_logging(java: dict[str, Path], language: str) -> None:
    """SimpleFormatter writes a record over two lines, month names in the reader's language, causes below."""
    path, instants = java[language], spread(NOW)
    is_head = re.compile(rb"\S+ \d\d, 2026 \d+:\d\d:\d\d [AP]M LogWriter main").match
    twice = [at for at in instants for _ in range(2)]
    records = wrote(path, lambda line: bool(is_head(line)), twice, naive_seconds)
    assert b"Caused by: java.lang.NumberFormatException" in records[1].content
    judge(path, records, family="text", now=NOW)


def test_java_util_logging_with_iso_stamps(tmp_path: Path, classes: Path) -> None:
    """The format that most people set: ISO stamps with an offset at the start of one line, the fault below."""
    instants = spread(NOW)
    form = "%1$tFT%1$tT.%1$tL%1$tz %4$s %3$s - %5$s%6$s%n"
    path = java_logs(classes, tmp_path, language="de", form=form, instants=instants)
    aged(path, instants[-1])
    is_head = re.compile(rb"2026-\d\d-\d\dT").match
    twice = [cut(at, MILLI) for at in instants for _ in range(2)]
    judge(path, wrote(path, lambda line: bool(is_head(line)), twice), family="text", now=NOW)


def judge_safe(path: Path, records: list[bytes], instants: list[Instant]) -> None:
    """Hold the least that is promised of any content: nothing goes before its time, and everything once all is old."""
    for cutoff in sorted({cut(at, SECOND) + SECOND for at in instants[:-1]} - {cut(instants[-1], SECOND) + SECOND}):
        young = {record for record, at in zip(records, instants, strict=True) if at >= cutoff}
        left = rewritten(path, cutoff=cutoff, now=NOW)
        assert young
        assert all(record in left for record in young)
    late = read(path, cutoff=instants[-1] + SECOND, now=NOW)
    assert late.expired.bytes == path.stat().st_size


def test_java_xml_loses_nothing_young(java: dict[str, Path]) -> None:
    """Java's XML is no family of ours: whatever the product makes of it, no record goes before its own time."""
    instants = spread(NOW)
    path = java["en"].with_name(f"{java['en'].name}.xml")
    records = re.findall(rb"<record>.*?</record>\n", path.read_bytes(), re.DOTALL)
    judge_safe(path, records, [cut(at, MILLI) for at in instants for _ in range(2)])


def test_python_epoch_with_tracebacks_loses_nothing_young(tmp_path: Path) -> None:
    """Seconds since 1970 before few lines of many are hard to tell from any number: the least promised holds."""
    instants = spread(NOW)
    path = python_logs(FakeTime(tmp_path, instants[0]), tmp_path, "epoch", instants)
    aged(path, instants[-1])
    is_head = re.compile(rb"\d{10}\.\d{6} [A-Z]+ ").match
    records = wrote(path, lambda line: bool(is_head(line)), [at for at in instants for _ in range(2)])
    judge_safe(path, [record.content for record in records], [record.hi for record in records])


def test_python_json_is_json(tmp_path: Path) -> None:
    """The positive control for the writers: what they write is what they are said to write."""
    path = python_logs(FakeTime(tmp_path, NOW), tmp_path, "json", [NOW - 90 * DAY])
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [instant_of(datetime.fromisoformat(record["timestamp"])) for record in records] == [NOW - 90 * DAY] * 2
