"""What `make run` does: it starts everything, says what to open, and leaves nothing behind."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.local_teams import ROOT

PATIENCE = 180.0
FREE_PORTS = ("--port", "0", "--ops-port", "0", "--playground-port", "0")


@pytest.fixture(name="folder")
def _folder(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path / "var" / "dev")
    return tmp_path


@contextmanager
def running(folder: Path, *options: str, path: str | None = None) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the program behind `make run` until it has said how to stop it; gives what it said."""
    command = [sys.executable, "-m", "tests.e2e.run", "--folder", str(folder), *FREE_PORTS, *options]
    env = None if path is None else {"PATH": path}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        try:
            for line in process.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            yield process, said
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def answers(url: str) -> bool:
    """Tell whether an address answers."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:  # noqa: S310  loopback
            return bool(response.status == 200)
    except urllib.error.URLError:
        return False


@pytest.mark.optional("playground")
def test_everything_starts_and_ctrl_c_stops_it(folder: Path, chromium: str) -> None:
    """One address for each of the four people and two of the bot answer until Ctrl-C, and none of them after it."""
    del chromium
    with running(folder) as (process, said):
        urls = re.findall(r"http://[\w.]+:\d+[/\w]*", said)
        before = [answers(url) for url in urls]
    assert len(urls) == 6
    assert all(before)
    assert not any(answers(url) for url in urls)
    assert process.returncode == 0


def test_without_node_the_bot_can_be_asked_over_http(folder: Path) -> None:
    """Where Node.js is not, the printed request is answered with a card in the response itself."""
    with running(folder, path="/nowhere") as (process, said):
        found = re.search(r"curl -s (\S+) .* -d '(.*)'", said)
        assert found is not None
        request = urllib.request.Request(found[1], found[2].encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310  loopback
            reply = json.load(response)
    assert "Node.js is not here" in said
    assert "Ziffer 2.6" in json.dumps(reply["activities"][0]["attachments"][0]["content"], ensure_ascii=False)
    assert process.returncode == 0


@pytest.mark.parametrize("option", ["--port", "--ops-port"])
def test_taken_port_is_named(folder: Path, option: str) -> None:
    """A port that another program holds is named in one sentence, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(folder, option, str(port), path="/nowhere") as (process, said):
            pass
    setting = option.removeprefix("--").replace("-", "_").upper()
    assert f"Port {port} cannot be used" in said
    assert f"make run {setting}=" in said
    assert process.returncode == 1
