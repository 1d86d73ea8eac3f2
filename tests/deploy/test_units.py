"""The units of systemd: sound, tight, and yet wide enough for a bot that serves and purges."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.domain import ROOT, need

UNITS = ROOT / "deploy" / "systemd"
SERVICES = ("procall-bot.service", "procall-watchdog.service")
EXPOSURE = {"procall-bot.service": 20, "procall-watchdog.service": 16}
"""Tenths of what `systemd-analyze security` gives at most; 100 is a service without any hardening."""
HARMLESS = {"mbind"}
"""What the filter refuses and the bot does without: OpenBLAS asks for a place for its memory."""


def settings_of(name: str) -> list[tuple[str, str]]:
    """Read the lines of a unit."""
    lines = (UNITS / name).read_text(encoding="utf-8").splitlines()
    return [(key, value) for key, mark, value in (line.partition("=") for line in lines) if mark and key[0] != "#"]


def analyze(*words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run systemd-analyze, which needs no systemd that runs."""
    need(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Give the units with a program that is there on every machine, since `verify` looks for it."""
    folder = tmp_path / "units"
    folder.mkdir()
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/procall-bot/.venv/bin/python", sys.executable)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.optional("systemd-analyze")
def test_units_are_sound(units: Path) -> None:
    """`systemd-analyze verify` has nothing to say, also with the drop-in; of a misspelt key, it has."""
    names = [path.name for path in units.iterdir() if path.suffix in {".service", ".timer"}]
    assert len(names) == 3
    drop_in = units / "procall-bot.service.d"
    drop_in.mkdir()
    (drop_in / "logs.conf").write_text((units / "logs.conf").read_text(encoding="utf-8"), encoding="utf-8")
    done = analyze("verify", *(f"./{name}" for name in names), cwd=units)
    assert (done.returncode, done.stderr) == (0, "")
    unit = units / "procall-bot.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectSystem=", "ProtectSystems="), encoding="utf-8")
    assert "ProtectSystems" in analyze("verify", "./procall-bot.service", cwd=units).stderr


@pytest.mark.optional("systemd-analyze")
@pytest.mark.parametrize("name", SERVICES)
def test_units_are_tight(name: str, units: Path) -> None:
    """The exposure is no larger than told; without its hardening the same unit is far over it."""
    words = ("security", "--offline=true", f"--threshold={EXPOSURE[name]}")
    assert analyze(*words, f"./{name}", cwd=units).returncode == 0
    hardening = r"^(?:Protect|Restrict|Private|System|NoNew|Cap|Memory|Lock).*\n"
    bare = re.sub(hardening, "", (units / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    (units / name).write_text(bare, encoding="utf-8")
    assert analyze(*words, f"./{name}", cwd=units).returncode != 0


@pytest.mark.parametrize("name", SERVICES)
def test_services_have_what_the_product_promises(name: str) -> None:
    """Own account, own state, no new rights, everything else read-only, no core dump, and settings from one place."""
    found = dict(settings_of(name))
    assert found["User"] == "procall-bot"
    expected = {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "LimitCORE": "0", "CapabilityBoundingSet": ""}
    assert {key: found[key] for key in expected} == expected
    assert "AF_NETLINK" not in found["RestrictAddressFamilies"]
    environment = {value for key, value in settings_of(name) if key == "Environment"}
    assert {
        "PROCALL_SETTINGS=/etc/procall-bot/settings.toml", "PROCALL_STATE__FOLDER=/var/lib/procall-bot",
    } <= environment  # fmt: skip
    assert ("ReadWritePaths" in found, found.get("StateDirectory", "")) == (
        False,
        "procall-bot" if name == "procall-bot.service" else "",
    )


def test_the_bot_may_still_see_and_delete() -> None:
    """Who writes a log stays visible, chown of the own files stays allowed, and the drop-in opens folders."""
    found = dict(settings_of("procall-bot.service"))
    assert {"ProtectProc", "ProcSubset", "PrivateUsers", "InaccessiblePaths"} & set(found) == set()
    filters = [value for key, value in settings_of("procall-bot.service") if key == "SystemCallFilter"]
    assert filters[-1].split()[0] == "@chown"
    assert dict(settings_of("logs.conf"))["ReadWritePaths"].startswith("/var/log/procall")


def test_the_watchdog_is_never_late() -> None:
    """The timer comes more often than the bot may be silent, and survives a failure."""
    found = dict(settings_of("procall-watchdog.timer"))
    assert found["OnUnitActiveSec"] == "5min"
    assert "Persistent" not in found


def sets_of_calls() -> Mapping[str, set[str]]:
    """Read the groups of system calls that systemd knows, each with those of the groups inside it."""
    groups: dict[str, list[str]] = {}
    current = ""
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            current = line.split()[0]
            groups[current] = []
        elif current and line.strip() and not line.strip().startswith("#"):
            groups[current].append(line.strip())

    def whole(name: str) -> set[str]:
        return {call for one in groups[name] for call in (whole(one) if one.startswith("@") else {one})}

    return {name: whole(name) for name in groups}


def allowed_calls(name: str) -> set[str]:
    """Work out what a unit's filter lets through: a list of what is allowed, changed line by line."""
    groups = sets_of_calls()
    allowed = set(groups["@default"])
    for value in (value for key, value in settings_of(name) if key == "SystemCallFilter"):
        words = value.removeprefix("~").split()
        calls = {call for word in words for call in groups.get(word, {word})}
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


@pytest.mark.optional("strace and systemd-analyze")
def test_a_bot_that_serves_and_purges_stays_inside_the_filter(tmp_path: Path) -> None:
    """Every system call of a preview, a purge with a rewrite, a watchdog and a bot in dev mode is in the filter.

    All of it under a ban on memory that can be written and run, which is what `MemoryDenyWriteExecute=` asks for.
    """
    need(shutil.which("strace"), "strace is not installed")
    allowed = allowed_calls("procall-bot.service")
    assert {"openat", "unlink", "fchown", "renameat2", "connect"} <= allowed
    assert {"mount", "ptrace", "reboot", "init_module", "setuid", "bpf"} & allowed == set(), "the control"
    trace = tmp_path / "trace"
    shown = traced(tmp_path, trace, "purge", "preview", "--dev", "ucserver-logs").stdout
    request, code = (re.search(rf"^{word}: +(\S+)", shown, re.MULTILINE) for word in ("request", "code"))
    assert request
    assert code
    words = ("--request", request[1], "--code", code[1], "--reason", "test")
    done = traced(tmp_path, trace, "purge", "run", "--dev", *words)
    assert "verdict:      PASS" in done.stdout
    assert "rewritten:    1 unit" in done.stdout
    traced(tmp_path, trace, "watchdog", "--dev")
    assert '"stopped"' in traced(tmp_path, trace, "serve", "--dev", seconds=12).stderr
    used = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", trace.read_text(encoding="utf-8", errors="replace"), re.MULTILINE))
    assert {"unlink", "unlinkat"} & used
    assert len(used) > 60
    assert used - allowed <= HARMLESS


BAN = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:  # PR_SET_MDWE, from Linux 6.3 on
    sys.stderr.write("no ban here\\n")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def traced(folder: Path, trace: Path, *words: str, seconds: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run a command of the product under the ban, its system calls written down; one that serves is told to stop."""
    timeout = ["timeout", "--signal=TERM", str(seconds)] if seconds else []
    command = [sys.executable, "-c", BAN, str(ROOT / "app.py"), *words]
    strace = ["strace", "--follow-forks", f"--output={trace}", "--output-append-mode", "--string-limit=0"]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    ports = {"PROCALL_SERVER__PORT": "0", "PROCALL_SERVER__OPS_PORT": "0"}
    return subprocess.run(
        [*timeout, *strace, *command],
        cwd=folder,
        env=environment | ports,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
