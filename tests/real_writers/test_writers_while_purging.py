"""Real writers roll, truncate and reopen their logs while the product purges them: no young line is ever lost."""

import gzip
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest

from data.clock import SystemClock
from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import DAY, SECOND, datetime_of, instant_of
from data.retention.residue import DONE, Code
from data.sources.config import FilesConfig
from data.sources.files import FilesSource
from data.sources.interface import Measured
from tests.real_writers.programs import (
    HERE,
    LOGROTATE,
    PATIENCE,
    FakeTime,
    Nginx,
    nginx,
    plain_environment,
    program,
    until,
)

OLD = 100 * DAY
KEPT = 83 * DAY
KEEPS_OPEN = """
import sys
log = open(sys.argv[1], "ab", buffering=0)
for line in sys.stdin.buffer:
    log.write(line)
    print(flush=True)
"""
OPENS_FOR_EACH_LINE = """
import sys
for line in sys.stdin.buffer:
    with open(sys.argv[1], "ab") as log:
        log.write(line)
    print(flush=True)
"""


def source_of(folder: Path) -> FilesSource:
    """Build a source that waits for nobody: the races are wanted."""
    config = FilesConfig(
        id="raced", title="Raced", data_kind="log", root=folder, include=("*.log*",), quiet=0, rewrite=True
    )
    return FilesSource(config, reader=LogReader(all_families()), clock=SystemClock())


def purge(source: FilesSource) -> Counter[Code]:
    """Delete everything old that may be touched now, once; give what became of the units."""
    now = instant_of(SystemClock().now())
    marks = Marks(cutoff=(now - KEPT) // SECOND * SECOND, limit=now - 90 * DAY, now=now)
    found = [measured for measured in source.measure(marks, fresh=True) if isinstance(measured, Measured)]
    planned = [row for row in source.plan(found, marks) if row is not None]  # what has changed is for the next round
    return Counter(acted.code for acted in source.delete(planned, guard=lambda _: nullcontext()))


@contextmanager
def purging(source: FilesSource) -> Iterator[Counter[Code]]:
    """Purge again and again in a thread of its own, until the writers are done; once more when nobody races."""
    found: Counter[Code] = Counter()
    failed: list[BaseException] = []
    done = threading.Event()

    def again() -> None:
        try:
            while not done.is_set():
                found.update(purge(source))
        except BaseException as error:  # noqa: BLE001  raised again below
            failed.append(error)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join(PATIENCE)
    assert failed == []
    found.update(purge(source))


def lines_of(folder: Path, kind: str, names: str = "*") -> list[int]:
    """Give the numbers of all lines of a kind, in all files of such names."""
    found = []
    for path in folder.rglob(names):
        if path.is_file():
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            found += [int(number) for number in re.findall(rb"\bline[ /](\d+)[ /]%s\b" % kind.encode(), content)]
    return sorted(found)


def stamp(number: int, *, young: bool) -> bytes:
    """Write one numbered line as most programs do."""
    at = instant_of(SystemClock().now()) - (0 if young else OLD)
    shown = datetime_of(at).isoformat(timespec="milliseconds")
    return f"{shown} INFO line {number} {'young' if young else 'old'}\n".encode()


def stragglers(folder: Path) -> list[str]:
    """List what a purge has left beside the logs."""
    return [path.name for path in folder.rglob(".procall*")]


def test_a_rolling_python_handler(tmp_path: Path) -> None:
    """RotatingFileHandler renames hundreds of files at every roll; young lines stay, each once, and old ones go."""
    number = 5000
    command = [sys.executable, "-I", str(HERE / "rolling_writer.py"), str(tmp_path / "app.log")]
    command += [str(number), "4000", str(OLD // SECOND)]
    source = source_of(tmp_path)
    with purging(source) as codes, subprocess.Popen(command) as writer:
        assert writer.wait(60) == 0
    assert sum(codes[code] for code in DONE) > 0, codes
    assert lines_of(tmp_path, "young") == list(range(1, number, 2)), codes
    purge(source)
    newest = {match for match in lines_of(tmp_path, "old") if match >= number - 200}
    assert set(lines_of(tmp_path, "old")) == newest
    assert stragglers(tmp_path) == []


def rotate(folder: Path, logs: Path, *options: str) -> None:
    """Let logrotate roll every log of a folder."""
    config = folder / "logrotate.conf"
    plain = LOGROTATE.replace("dateext", "nodateext").replace("    dateformat -%Y%m%d\n", "").replace("50", "900")
    config.write_text(plain.format(logs=logs, options="\n    ".join(options)), encoding="utf-8")
    config.chmod(0o600)
    command = [program("logrotate"), "-f", "-s", str(folder / "state"), str(config)]
    done = subprocess.run(command, check=False, timeout=PATIENCE, env=plain_environment(), capture_output=True)
    assert done.returncode == 0 or b"No such file" in done.stderr or b"error: " in done.stderr, done.stderr


def turns(folder: Path, logs: Path, write: Callable[[int, bool], None], *options: str) -> tuple[Counter[Code], int]:
    """Write some lines and roll, forty times, while a purge runs; logrotate itself never races the writer."""
    number = 0
    with purging(source_of(logs)) as codes:
        for _ in range(40):
            for _ in range(20):
                write(number, bool(number % 2))
                number += 1
            rotate(folder, logs, *options)
    return codes, number


@contextmanager
def writer(path: Path, program_text: str) -> Iterator[Callable[[int, bool], None]]:
    """Run a program that appends what it is told, line by line; a process of its own, as the product expects it."""
    command = [sys.executable, "-I", "-c", program_text, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        told, heard = process.stdin, process.stdout

        def write(number: int, young: bool) -> None:
            told.write(stamp(number, young=young))
            told.flush()
            assert heard.readline()

        yield write
        told.close()


def test_logrotate_with_copytruncate(tmp_path: Path) -> None:
    """An appending writer keeps its file; what was copied away is purged; young lines stay, each once."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    with writer(logs / "app.log", KEEPS_OPEN) as write:
        codes, number = turns(tmp_path, logs, write, "copytruncate", "nocompress")
    assert sum(codes[code] for code in DONE) > 0, codes
    assert lines_of(logs, "young") == list(range(1, number, 2)), codes
    assert stragglers(logs) == []


def test_logrotate_with_create_and_compress(tmp_path: Path) -> None:
    """A writer that opens its file for every line; rolled ones are renamed and packed under the purge's hands."""
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    with writer(logs / "app.log", OPENS_FOR_EACH_LINE) as write:
        codes, number = turns(tmp_path, logs, write, "create 0600", "compress", "delaycompress")
    assert sum(codes[code] for code in DONE) > 0, codes
    assert lines_of(logs, "young") == list(range(1, number, 2)), codes
    assert stragglers(logs) == []


def test_nginx_reopening_its_logs(tmp_path: Path) -> None:
    """Nginx goes on writing to a renamed log until USR1: what it has open is left, what it has closed is purged.

    Its clock is set back for every second request, so that it writes old and young lines itself.
    """
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o700)
    clock, asked = FakeTime(tmp_path, instant_of(SystemClock().now())), 0

    def ask(server: Nginx) -> None:
        nonlocal asked
        for young in (False, True):
            clock.set(instant_of(SystemClock().now()) - (0 if young else OLD))
            assert server.get(f"/line/{asked}/{'young' if young else 'old'}") == 200
            until(partial(logged, logs, asked, young=young), "nginx does not log")
            asked += 1

    with nginx(tmp_path, logs, clock.environment) as server, purging(source_of(logs)) as codes:
        for turn in range(20):
            for _ in range(3):
                ask(server)
            (logs / "access.log").rename(logs / f"access.log.{turn}")
            for _ in range(2):
                ask(server)
            server.reopen()
            until((logs / "access.log").exists, "nginx does not reopen")
        ask(server)  # now the log that is open is the newest beyond doubt
        until(lambda: sum(codes[code] for code in DONE) > 0, "nothing is purged")
    assert lines_of(logs, "young", "access.log*") == list(range(1, asked, 2)), codes
    purge(source_of(logs))
    assert lines_of(logs, "old", "access.log.*") == []
    assert stragglers(logs) == []


def logged(logs: Path, number: int, *, young: bool) -> bool:
    """Tell whether a request stands in one of the logs that nginx may have open."""
    mark = f"/line/{number}/{'young' if young else 'old'} ".encode()
    newest = sorted(logs.glob("access.log*"), key=lambda path: path.stat().st_mtime_ns)[-2:]
    return any(mark in path.read_bytes() for path in newest)


def naive_purge(log: Path) -> None:
    """Cut old lines out as one would in an hour's work: write what stays aside, and rename it over the log."""
    aside = log.with_suffix(".aside")
    aside.write_bytes(b"".join(line for line in log.read_bytes().splitlines(keepends=True) if b" old" not in line))
    aside.replace(log)


@pytest.mark.parametrize("naive", [True, False])
def test_the_naive_way_loses_lines(tmp_path: Path, naive: bool) -> None:
    """Replacing a log under its writer loses what is written afterwards; the product leaves it alone."""
    log = tmp_path / "app.log"
    with writer(log, KEEPS_OPEN) as write:
        for number in range(10):
            write(number, bool(number % 2))
        if naive:
            naive_purge(log)
        else:
            assert purge(source_of(tmp_path)) == Counter()
        for number in range(10, 20):
            write(number, bool(number % 2))
    assert lines_of(tmp_path, "young") == list(range(1, 10 if naive else 20, 2))
