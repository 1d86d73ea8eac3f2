"""Logs that Debian's logrotate has rolled, packed or truncated, with dates in their names: each is read as it is."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from data.formats.names import roll_key
from data.retention.instants import DAY, HOUR, SECOND, Instant, datetime_of, instant_of
from tests.real_writers.judged import (
    WARNING,
    Wrote,
    aged,
    content_of,
    cut,
    judge,
    naive,
    pieces,
    read,
    rewritten,
    spread,
)
from tests.real_writers.programs import PATIENCE, FakeTime, logrotate, nginx, program, python_logs, until

NOW = instant_of(datetime(2026, 11, 24, 18, 0, tzinfo=UTC))
WEEKLY = 4
"""How many of the faked days go into one file."""


def runs_of(instants: list[Instant]) -> list[list[Instant]]:
    """Part the faked days into those of one file each."""
    return [instants[first : first + WEEKLY] for first in range(0, len(instants), WEEKLY)]


def records_of(path: Path, lines: dict[bytes, Instant]) -> list[Wrote]:
    """Say what a rolled file holds, by the mark that each line carries."""
    found = []
    for line in pieces(content_of(path), lambda _: True):
        marks = [at for mark, at in lines.items() if mark in line]
        assert len(marks) == 1, line
        found.append(Wrote(lo=marks[0], hi=marks[0], content=line))
    return found


def holds(path: Path, mark: bytes) -> bool:
    """Tell whether a log holds something."""
    return mark in path.read_bytes()


@pytest.mark.parametrize(
    "packing",
    [("compress",), ("compress", "compresscmd {zstd}", "compressext .zst", "compressoptions -q"), ("nocompress",)],
    ids=["gz", "zst", "plain"],
)
def test_nginx_rolled_by_logrotate(tmp_path: Path, packing: tuple[str, ...]) -> None:
    """Over four months every request is in exactly one file, rolled or not, and each is read right at every cutoff."""
    options = [option.format(zstd=program("zstd")) for option in packing]
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    clock = FakeTime(tmp_path, spread(NOW)[0])
    lines: dict[bytes, Instant] = {}
    with nginx(tmp_path, logs, clock.environment) as server:
        for run in runs_of(spread(NOW)):
            for at in run:
                clock.set(at)
                mark = b"/page/%d " % at
                assert server.get(mark.decode().strip()) == 200
                until(partial(holds, logs / "access.log", mark), "nginx does not log")  # it answers first
                lines[mark] = cut(at, SECOND)
            if run[-1] != spread(NOW)[-1]:
                aged(logs / "access.log", run[-1])
                logrotate(clock, tmp_path, logs, "create 0600", "nosharedscripts", *options)
                until((logs / "access.log").exists, "logrotate makes no new file")
                server.reopen()
                assert server.get("/missing/0") == 404  # it answers again: it has heard the signal
                until(partial(holds, logs / "access.log", b"missing"), "nginx writes elsewhere")
                (logs / "access.log").write_bytes(b"")
    aged(logs / "access.log", spread(NOW)[-1])
    rolled = sorted(logs.glob("access.log*"))
    assert len(rolled) == len(runs_of(spread(NOW)))
    assert len({roll_key(path.name.encode()) for path in rolled}) == 1, "they are one roll set"
    assert b"".join(content_of(path) for path in rolled).count(b"\n") == len(spread(NOW))
    for path in rolled:
        judge(path, records_of(path, lines), family="access", now=NOW)


APPENDING = """
import sys
log = open(sys.argv[1], sys.argv[2], buffering=0)
for line in sys.stdin.buffer:
    log.write(line)
    print(flush=True)
"""


@pytest.mark.parametrize("mode", ["ab", "wb"])
def test_copytruncate_under_a_writer(tmp_path: Path, mode: str) -> None:
    """A writer that appends goes on at the start; one that does not leaves a run of NUL, which belongs to its line."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    path, instants = logs / "app.log", spread(NOW)
    clock = FakeTime(tmp_path, instants[0])
    written: list[bytes] = []
    command = [sys.executable, "-I", "-c", APPENDING, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin
        assert writer.stdout
        for number, at in enumerate(instants):
            if number == len(instants) // 2:
                aged(path, instants[number - 1])
                clock.set(instants[number - 1])
                logrotate(clock, tmp_path, logs, "copytruncate", "nocompress")
                assert path.stat().st_size == 0
            shown = datetime_of(at).isoformat(timespec="milliseconds")
            written.append(f"{shown} INFO line {number}\n".encode())
            writer.stdin.write(written[-1])
            writer.stdin.flush()
            writer.stdout.readline()
        writer.stdin.close()
    [rolled] = logs.glob("app.log-*")
    aged(path, instants[-1])
    half = len(instants) // 2
    assert path.read_bytes().startswith(b"\0") == (mode == "wb")
    assert path.read_bytes().lstrip(b"\0") == b"".join(written[half:])
    for file, part in ((rolled, instants[:half]), (path, instants[half:])):
        contents = file.read_bytes().splitlines(keepends=True)
        exact = [
            Wrote(lo=cut(at, 1000), hi=cut(at, 1000), content=line) for at, line in zip(part, contents, strict=True)
        ]
        judge(file, exact, family="text", now=NOW)


def test_what_has_no_time_of_its_own_goes_by_the_day_it_was_rolled(tmp_path: Path) -> None:
    """Undated logs under a dated name: never deleted before all of it is old, and overdue at the latest a day late."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    rolled_at = NOW - 100 * DAY
    clock = FakeTime(tmp_path, rolled_at)
    log = python_logs(clock, logs, "undated", [rolled_at - 5 * 3600 * SECOND, rolled_at])
    aged(log, rolled_at)
    clock.set(rolled_at)
    logrotate(clock, tmp_path, logs, "nocreate", "compress")
    [path] = logs.glob("python-undated.log-*.gz")
    assert path.name == f"python-undated.log-{datetime_of(rolled_at):%Y%m%d}.gz"
    end = naive(instant_of(datetime(2026, 8, 16, 22, 0, tzinfo=UTC)))[0]
    assert datetime_of(rolled_at).date().isoformat() == "2026-08-16"
    kept = read(path, cutoff=rolled_at, now=NOW)
    assert kept.expired.records == 0 < kept.records
    assert rewritten(path, cutoff=rolled_at, now=NOW) == content_of(path)
    gone = read(path, cutoff=end + DAY + SECOND, now=NOW)
    assert gone.expired.records == gone.records
    late = read(path, cutoff=rolled_at + WARNING, now=NOW)
    assert late.overdue == late.records


@pytest.mark.parametrize("style", ["daily-plain", "daily-undated"])
def test_python_rolling_each_midnight(tmp_path: Path, style: str) -> None:
    """TimedRotatingFileHandler names a file after its day, and after a change of the clocks after the day before.

    Where nothing else dates a record, the name may not make it older than it is: never gone before its own time, gone
    two days after it, overdue in time.
    """
    instants = [NOW - days * DAY - 10 * HOUR for days in (110, 95, 91, 83, 20, 2, 0)]
    log = python_logs(FakeTime(tmp_path, instants[0]), tmp_path, style, instants)
    paths = sorted(tmp_path.glob(f"{log.name}*"))
    assert len(paths) == len(instants)
    assert len({roll_key(path.name.encode()) for path in paths}) == 1, "they are one roll set"
    misnamed = 0
    for path in paths:
        content = path.read_bytes()
        [number] = {int(found) for found in re.findall(rb"Anruf (\d+)", content)}
        at, rolled = instants[number], path != log
        aged(path, at)
        misnamed += rolled and not path.name.endswith(datetime_of(at).date().isoformat())
        assert rewritten(path, cutoff=at, now=NOW) == content, path.name
        assert rewritten(path, cutoff=at + (SECOND if style == "daily-plain" else 2 * DAY), now=NOW) == b"", path.name
        late = read(path, cutoff=at + WARNING + 1, now=NOW)
        assert late.overdue == late.records
    assert misnamed == 1, "the positive control: Python does name one wrongly"


def test_faked_programs_see_the_faked_time(tmp_path: Path) -> None:
    """A program started with the clock's environment sees its time to the microsecond; without it, another one."""
    at = NOW - 100 * DAY + 123_456
    clock = FakeTime(tmp_path, at)
    command = [sys.executable, "-I", "-c", "import time; print(time.time_ns() // 1000)"]
    faked = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE, env=clock.environment).stdout
    real = subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE).stdout
    assert int(faked) == at
    assert abs(int(real) - at) > DAY
