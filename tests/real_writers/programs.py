"""Starts real programs that write logs, in the foreground, on a clock of our own (libfaketime), and stops them."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.retention.instants import SECOND, Instant
from tests.domain import need

HERE: Final = Path(__file__).parent
BERLIN: Final = "Europe/Berlin"
PATIENCE: Final = 20.0
"""Seconds after which a program that does not answer has failed."""


class FakeTime:
    """A clock that stands still until it is set; every program started with its environment sees it."""

    def __init__(self, folder: Path, at: Instant) -> None:
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        need(libraries, "libfaketime is not installed")
        self.file = folder / "faked-time"
        self.environment = {
            "PATH": os.environ["PATH"],
            "LD_PRELOAD": str(libraries[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_FMT": "%s",
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "TZ": BERLIN,
            "LC_ALL": "C.UTF-8",
        }
        self.set(at)

    def set(self, at: Instant) -> None:
        """Move the clock; replaced at once, so that nobody reads half a time."""
        aside = self.file.with_suffix(".new")
        aside.write_text(seconds(at), encoding="ascii")
        aside.replace(self.file)


def seconds(at: Instant) -> str:
    """Write an instant as libfaketime reads it: seconds since 1970 with a fraction."""
    return f"{at // SECOND}.{at % SECOND:06d}\n"


def program(name: str) -> str:
    """Find a program of the machine."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    need(found, f"{name} is not installed")
    assert found
    return found


def plain_environment() -> dict[str, str]:
    """Give an environment in which programs see the real time."""
    return {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "TZ": BERLIN}


def until(met: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, what
        time.sleep(0.005)


@contextmanager
def running(
    command: Sequence[str], environment: dict[str, str], folder: Path, *, stop: int = signal.SIGKILL
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program in the foreground, and end it."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.send_signal(stop)
            process.wait(PATIENCE)


NGINX: Final = """
env FAKETIME_TIMESTAMP_FILE; env FAKETIME_FMT; env FAKETIME_NO_CACHE; env FAKETIME_DONT_FAKE_MONOTONIC;
env LD_PRELOAD; env NO_FAKE_STAT; env TZ;
daemon off; master_process off; pid {folder}/pid; error_log {logs}/error.log warn;
events {{ worker_connections 64; }}
http {{
    log_format object escape=json '{{"time":"$time_iso8601","agent":"$http_user_agent","request":"$request"}}';
    log_format epoch '$msec $remote_addr "$request" $status';
    access_log {logs}/access.log combined;
    access_log {logs}/object.log object;
    access_log {logs}/epoch.log epoch;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "ok"; }}
        location /missing {{ root {folder}/nowhere; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nginx:
    """A running web server."""

    port: int
    process: "subprocess.Popen[bytes]"

    def get(self, path: str) -> int:
        """Ask for a page; gives the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Connection": "close", "User-Agent": "ProCall [1/Jan/2020]"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def reopen(self) -> None:
        """Ask it to open its logs anew, as logrotate's script does."""
        self.process.send_signal(signal.SIGUSR1)


@contextmanager
def nginx(folder: Path, logs: Path, environment: dict[str, str]) -> Iterator[Nginx]:
    """Run nginx with both its logs in a folder."""
    executable = program("nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, logs=logs, port=port), encoding="utf-8")
    with running([executable, "-p", str(folder), "-c", str(config)], environment, folder) as process:
        until(lambda: _listens(port), "nginx does not listen")
        yield Nginx(port=port, process=process)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


RSYSLOG: Final = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" CreatePath="on" UseSysTimeStamp="off" IgnoreTimestamp="on")
action(type="omfile" file="{folder}/rfc3164.log" template="RSYSLOG_TraditionalFileFormat")
action(type="omfile" file="{folder}/rfc3339.log" template="RSYSLOG_FileFormat")
action(type="omfile" file="{folder}/rfc5424.log" template="RSYSLOG_SyslogProtocol23Format")
"""


@contextmanager
def rsyslog(folder: Path, environment: dict[str, str]) -> Iterator[Callable[[str], None]]:
    """Run rsyslog with three files of three formats; gives what logs a line through it, as logger(1) does."""
    executable, logger = program("rsyslogd"), program("logger")
    config = folder / "rsyslog.conf"
    config.write_text(RSYSLOG.format(folder=folder), encoding="utf-8")
    plain = plain_environment()
    sent = 0

    def log(text: str) -> None:
        nonlocal sent
        command = [logger, "-u", str(folder / "log"), "-t", "procall[77]", "-p", "user.err", text]
        subprocess.run(command, env=plain, check=True, timeout=PATIENCE)
        sent += 1
        for name in ("rfc3164", "rfc3339", "rfc5424"):
            until(lambda file=folder / f"{name}.log": _lines(file) == sent, "rsyslog does not write")

    with running([executable, "-n", "-i", str(folder / "pid"), "-f", str(config)], environment, folder):
        until((folder / "log").is_socket, "rsyslog does not listen")
        yield log


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def python_logs(clock: FakeTime, folder: Path, style: str, instants: Sequence[Instant]) -> Path:
    """Let Python's own logging write a record and a fault at each instant."""
    path = folder / f"python-{style}.log"
    command = [sys.executable, "-I", str(HERE / "python_writer.py"), style, str(path), *map(str, instants)]
    subprocess.run(command, env=clock.environment, check=True, timeout=PATIENCE)
    return path


def java_classes(folder: Path) -> Path:
    """Compile the Java program that writes logs."""
    plain = plain_environment()
    source = HERE / "java" / "LogWriter.java"
    subprocess.run([program("javac"), "-d", str(folder), str(source)], env=plain, check=True, timeout=60)
    return folder


def java_logs(classes: Path, folder: Path, *, language: str, form: str = "", instants: Sequence[Instant]) -> Path:
    """Let java.util.logging write a record and a fault at each instant; `form` "" is its own format."""
    path = folder / f"java-{language}.log"
    command = [program("java"), "-XX:TieredStopAtLevel=1", f"-Duser.language={language}", "-Dfile.encoding=UTF-8"]
    if form:
        command.append(f"-Djava.util.logging.SimpleFormatter.format={form}")
    command += ["-cp", str(classes), "LogWriter", str(path), *map(str, instants)]
    subprocess.run(command, env=plain_environment(), check=True, timeout=60)
    return path


LOGROTATE: Final = """
{logs}/*.log {{
    rotate 50
    dateext
    dateformat -%Y%m%d
    {options}
}}
"""


def logrotate(clock: FakeTime, folder: Path, logs: Path, *options: str) -> None:
    """Rotate every log of a folder now, by the faked clock."""
    config = folder / "logrotate.conf"
    config.write_text(LOGROTATE.format(logs=logs, options="\n    ".join(options)), encoding="utf-8")
    config.chmod(0o600)
    command = [program("logrotate"), "-f", "-s", str(folder / "state"), str(config)]
    subprocess.run(command, env=clock.environment, check=True, timeout=PATIENCE)
