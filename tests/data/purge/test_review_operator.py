"""A review's claims on the command line: real processes, as an attacker and as a clumsy operator would use them."""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.domain import need
from tests.test_retention_cli import BAD_INPUT, DONE, REFUSED, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a machine with one old and one young log."""
    made = Site(tmp_path)
    made.write("old.log", [100])
    made.write("young.log", [1])
    return made


def old_is_there(site: Site) -> bool:
    """Tell whether the old log has survived."""
    return (site.logs / "old.log").exists()


def purge(site: Site, source: str = "app-logs") -> "subprocess.CompletedProcess[str]":
    """Preview and run, whatever comes of it."""
    preview = site("purge", "preview", source, "--json")
    if preview.returncode != DONE:
        return preview
    found = json.loads(preview.stdout)
    return site("purge", "run", "--request", found["request"], "--code", found["code"], "--reason", "test", "--json")


# -- holds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pretend", ["4242", ""])
def test_one_person_is_not_two_by_an_environment_variable(site: Site, pretend: str) -> None:
    """Whoever sets SUDO_UID is still the same person: a hold is not released by one human at one terminal."""
    if Path("/proc/self/loginuid").read_text(encoding="ascii").strip() != str(2**32 - 1):
        need(None, "an account whose login the system does not tell")
    placed = site.json("hold", "add", "app-logs", "--reason", "case")
    assert site("hold", "release", placed["id"]).returncode == DONE
    again = site("hold", "release", placed["id"], env={"SUDO_UID": pretend})
    assert again.returncode == REFUSED, again.stdout


@pytest.mark.parametrize("overlapping", [True, False])
def test_a_hold_protects_a_file_whatever_source_reaches_it(site: Site, overlapping: bool) -> None:
    """Two sources over one folder do not get round a hold: the second is refused, or the file stays."""
    site.configure()
    settings = site.folder / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    block = text[text.index("[[sources]]") :].replace('"app-logs"', '"other"')
    block = block if overlapping else block.replace(str(site.logs), str(elsewhere))
    settings.write_text(text + block, encoding="utf-8")
    site("hold", "add", "app-logs", "--reason", "case")
    done = purge(site, "other")
    assert old_is_there(site)
    assert overlapping or done.returncode == DONE, done.stderr


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_hold_holds_wherever_the_command_is_called_from(site: Site, elsewhere: bool) -> None:
    """With PROCALL_SETTINGS the state folder is the same from every working folder; a hold is not lost by `cd`."""
    site.json("hold", "add", "app-logs", "--reason", "case")
    with tempfile.TemporaryDirectory() as other:
        where = other if elsewhere else str(site.folder)
        env = site.environment({"PROCALL_SETTINGS": str(site.folder / "settings.toml")})

        def call(*arguments: str) -> Any:
            return subprocess.run(
                site.command(*arguments), cwd=where, env=env, capture_output=True, encoding="utf-8", check=False
            )

        found = json.loads(call("purge", "preview", "app-logs", "--json").stdout)
        call("purge", "run", "--request", found["request"], "--code", found["code"], "--reason", "test")
    assert old_is_there(site)


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_store_beside_a_living_audit_deletes_nothing(site: Site, lost: bool) -> None:
    """Where the audit knows of a hold and the store has vanished, nothing is purged as if there had never been one."""
    site.json("hold", "add", "app-logs", "--reason", "case")
    if lost:
        for path in (site.folder / "var").glob("retention.json*"):
            path.unlink()
    purge(site)
    assert old_is_there(site)


@pytest.mark.parametrize("erased", [True, False])
def test_an_erased_audit_is_noticed(site: Site, erased: bool) -> None:
    """Where the store knows of purges and the audit of nothing, the evidence was taken away: no new audit is begun."""
    site.purge()
    if erased:
        shutil.rmtree(site.folder / "var" / "audit")
    site.write("old.log", [100])
    assert (purge(site).returncode == DONE) is not erased
    assert old_is_there(site) is erased


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-14:00", "2026-12-31T23:59:59-14:00"])
def test_a_hold_that_cannot_be_shown_is_not_taken(site: Site, end: str) -> None:
    """An end beyond the last year is bad input; otherwise no list of holds could be shown any more."""
    done = site("hold", "add", "--reason", "case", "--to", end)
    assert done.returncode in {DONE, BAD_INPUT}
    assert site("hold", "list", "--json").returncode == DONE


# -- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["desk-procall-logs", "procall-logs"])
def test_every_source_id_that_the_settings_take_can_be_certified(site: Site, name: str) -> None:
    """A source whose purge could never be certified is refused by the settings, not after everything was deleted."""
    site.configure(id=name)
    done = purge(site, name)
    assert (done.returncode == DONE) is not old_is_there(site), done.stderr[-300:]


def test_an_empty_young_file_is_no_doubt(tmp_path: Path) -> None:
    """A log that was just rolled and is still empty holds nothing that could be lost: the purge is a PASS."""
    site = Site(tmp_path)
    site.write("old.log", [100])
    site.write("app.log", [])
    _, done = site.purge()
    assert done["verdict"] == "PASS"


# -- what is not looked at --------------------------------------------------------------------------------------------


def executable(path: Path) -> None:
    """Give a log the mode that every file on a mounted Windows share has."""
    path.chmod(0o755)


def linked(path: Path) -> None:
    """Give a log a second name outside the root."""
    os.link(path, path.parent.parent / "second")


def foreign(path: Path) -> None:
    """Give a log to an account that the settings do not name."""
    if os.geteuid():
        need(None, "the right to give files away")
    os.chown(path, 4242, -1)


def deep(path: Path) -> None:
    """Put a log further down than a walk goes."""
    below = path.parent.joinpath(*["d"] * 34)
    below.mkdir(parents=True)
    path.rename(below / path.name)


def aside(path: Path) -> None:
    """Leave a log under the name at which a crash, or a name that was taken, has left it."""
    path.rename(path.with_name(".procall-0123456789abcdef.tmp"))


@pytest.mark.parametrize("hide", [executable, linked, foreign, deep, aside, lambda _: None])
def test_a_log_that_is_not_looked_at_is_never_ok(site: Site, hide: Callable[[Path], None]) -> None:
    """A source of which a matching file was left unread is `unknown` or worse, in the JSON too: never silently late."""
    hide(site.logs / "old.log")
    (source,) = site.json("scan")["sources"]
    assert source["state"] in {"unknown", "overdue"}


# -- robustness -------------------------------------------------------------------------------------------------------


def no_traceback(done: "subprocess.CompletedProcess[str]") -> bool:
    """Tell whether a command ended with a sentence."""
    return "Traceback" not in done.stderr


@pytest.mark.parametrize("taken", [True, False])
def test_a_scan_beside_another_one_works(site: Site, taken: bool) -> None:
    """While another process has the scan index a scan works on a copy, with the state folder as shipped, `var`."""
    assert site("scan").returncode == DONE
    (lock,) = (site.folder / "var" / "sources").glob("*.index.sqlite.lock")
    with lock.open("rb") as held:
        if taken:
            fcntl.flock(held, fcntl.LOCK_EX)
        done = site("scan")
    assert no_traceback(done), done.stderr[-200:]
    assert done.returncode == DONE


def test_a_damaged_index_is_made_anew(site: Site) -> None:
    """The scan index is a cache: with garbage in the middle of its file a scan works all the same."""
    for number in range(200):
        site.write(f"app-{number}.log", [10])
    assert site("scan").returncode == DONE
    (index,) = (site.folder / "var" / "sources").glob("*.index.sqlite")
    content = bytearray(index.read_bytes())
    content[4096 * 8 :] = b"A" * (len(content) - 4096 * 8)
    index.write_bytes(content)
    done = site("scan")
    assert no_traceback(done), done.stderr[-200:]
    assert done.returncode == DONE


@pytest.mark.parametrize("stamp", [10**19, 10**18])
def test_one_odd_file_time_does_not_blind_a_source(site: Site, stamp: int) -> None:
    """A file whose last change lies beyond the year 2262 does not keep all other files from being seen."""
    os.utime(site.logs / "young.log", ns=(stamp, stamp))
    done = site("scan", "--json")
    assert no_traceback(done), done.stderr[-200:]
    assert json.loads(done.stdout)["sources"][0]["overdue"]["units"] == 1


@pytest.mark.parametrize(("field", "value"), [("root", "/var/\0log"), ("format", "nosuch"), ("id", "-logs")])
def test_settings_that_cannot_be_used_are_bad_input(site: Site, field: str, value: str) -> None:
    """A root with a NUL, a format nobody knows, an id that no certificate can hold: exit code 2, naming the field."""
    site.configure(**{field: value})
    done = site("scan")
    assert (done.returncode, no_traceback(done)) == (BAD_INPUT, True), done.stderr[-200:]
    site.configure()
    assert site("scan").returncode == DONE
