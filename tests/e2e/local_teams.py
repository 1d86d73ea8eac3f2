"""The bot in dev mode and a pretended Teams (the Agents Playground), started on this machine and stopped again.

For `make run` and for the end-to-end tests; standard library only.
"""

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIG = HERE / "playground" / ".m365agentsplayground.yml"
LOOPBACK_ONLY = HERE / "playground" / "loopback.cjs"
_CLI = HERE / "node_modules" / "@microsoft" / "m365agentsplayground" / "cli.js"
_BOT_LISTENS = re.compile(r'"action": "listening", "port": (?P<port>\d+), "ops_port": (?P<ops_port>\d+)')
_PLAYGROUND_LISTENS = re.compile(r"^Listening on (?P<port>\d+)$")
_START_SECONDS = 180.0
_STOP_SECONDS = 25.0
_POLL_SECONDS = 0.05
_TAIL = 15


class StartError(Exception):
    """Something did not start; the message is a sentence for the person in front of the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One of the four sample people."""

    id: str
    role: str


EMPLOYEE = Person(id="29:employee", role="employee")
ADMIN = Person(id="29:admin-1", role="admin")
PEOPLE = (
    EMPLOYEE,
    ADMIN,
    Person(id="29:admin-2", role="second admin"),
    Person(id="29:dpo", role="data protection officer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Where the bot answers."""

    messages: str
    ops: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """Where one person chats."""

    person: Person
    name: str
    url: str


class Child:
    """A program started here: what it writes, kept in a file, and its end."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path) -> None:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log = log
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the program that started it, which then stops it in order
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: re.Pattern[str], *, name: str) -> re.Match[str]:
        """Wait for a line; raises `StartError` with the last lines if the program ends or says nothing like it."""
        deadline = time.monotonic() + _START_SECONDS
        seen: list[str] = []
        with suppress(queue.Empty):
            while (line := self._lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
                if found := pattern.search(line.rstrip("\n")):
                    return found
                seen.append(line)
        self.stop()
        said = "".join(seen[-_TAIL:]).strip() or "It said nothing."
        message = f"{name} did not start:\n{said}"
        raise StartError(message)

    def wait_until_answers(self, url: str, *, name: str) -> None:
        """Wait until an address answers; raises `StartError` if the program ends before."""
        deadline = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(url, timeout=_START_SECONDS):  # noqa: S310  loopback
                return
            time.sleep(_POLL_SECONDS)
        self.stop()
        message = f"{name} does not answer at {url}; see {self._log}"
        raise StartError(message)

    def stop(self) -> int:
        """Ask it to finish what is under way; end it when it takes too long."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        return self.process.returncode

    def _read(self) -> None:
        output: IO[str] | None = self.process.stdout
        if output is None:
            return
        with output, self._log.open("w", encoding="utf-8") as log:
            for line in output:
                log.write(line)
                log.flush()
                self._lines.put(line)
        self._lines.put(None)


def read_config() -> dict[str, Any]:
    """Read who is in the pretended Teams."""
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    found: dict[str, Any] = json.loads("\n".join(line for line in lines if not line.startswith("#")))
    return found


def config_of(person: Person, *, chat: str = "") -> dict[str, Any]:
    """Make a person the one who chats; each has a personal chat of their own, or the one that is named."""
    config = read_config()
    everybody = {one["id"]: one for one in (config["currentUser"], *config["users"])}
    config["currentUser"] = everybody.pop(person.id)
    config["users"] = list(everybody.values())
    config["personalChat"]["id"] += "-" + (chat or person.id.removeprefix("29:"))
    return config


def object_id_of(person: Person) -> str:
    """Give the Entra object id of a person."""
    return str(config_of(person)["currentUser"]["aadObjectId"])


def missing_for_playground() -> str:
    """Say what keeps the Playground from starting; "" when nothing does."""
    if shutil.which("node") is None:
        return "Node.js is not here"
    return "" if _CLI.is_file() else f"the packages of {HERE.relative_to(ROOT)} are not installed (npm ci failed?)"


def check_port_free(port: int, *, setting: str) -> None:
    """Refuse a port that another program holds; raises `StartError`. Port 0 is always free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"Port {port} cannot be used ({error.strerror}). Stop the other program, or choose: {setting}=..."
            raise StartError(message) from None


@contextmanager
def running_bot(logs: Path, *, port: int = 0, ops_port: int = 0, folder: Path = ROOT) -> Iterator[Bot]:
    """Run the bot in dev mode until the block ends; it is ready when the block begins."""
    settings = {"PROCALL_SERVER__PORT": str(port), "PROCALL_SERVER__OPS_PORT": str(ops_port)}
    command = [sys.executable, str(ROOT / "app.py"), "serve", "--dev"]
    bot = Child(command, env=settings, folder=folder, log=logs / "bot.log")
    try:
        where = bot.wait_for(_BOT_LISTENS, name="The bot")
        yield Bot(
            messages=f"http://127.0.0.1:{where['port']}/api/messages",
            ops=f"http://127.0.0.1:{where['ops_port']}",
        )
    finally:
        bot.stop()


@contextmanager
def running_playground(
    bot: Bot,
    person: Person,
    logs: Path,
    *,
    port: int = 0,
    chat: str = "",
) -> Iterator[Playground]:
    """Run the Playground for one person until the block ends: no telemetry, no browser, loopback only."""
    node = shutil.which("node") or "node"
    name = person.id.removeprefix("29:")
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = config_of(person, chat=chat)
    file = logs / f"{name}.yml"
    file.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    env = {
        "TEAMSAPPTESTER_BROWSER": "none",
        "M365_AGENTS_PLAYGROUND_CONFIG_PATH": str(file),
        "M365_AGENTS_PLAYGROUND_LOGFILE": str(logs / f"{name}.details.log"),
    }
    command = [node, "--require", str(LOOPBACK_ONLY), str(_CLI), "start", "--dt"]
    command += ["-e", bot.messages, "-c", "msteams", "-p", str(port)]
    child = Child(command, env=env, folder=logs, log=logs / f"{name}.log")
    try:
        url = f"http://localhost:{child.wait_for(_PLAYGROUND_LISTENS, name='The Playground')['port']}"
        child.wait_until_answers(f"{url}/_internal/v1/testConfig", name="The Playground")
        yield Playground(person=person, name=config["currentUser"]["name"], url=url)
    finally:
        child.stop()
