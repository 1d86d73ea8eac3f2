"""Backups as docs/operations.md has them made and put back: with real `pg_dump` and `pg_restore`, and by copying."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from data.retention.request import State
from tests.conftest import copy_model
from tests.lists.live import ADMIN, DPO, SECOND_ADMIN, living, read, write_logs
from tests.postgres import execute, new_database, program
from tests.test_docs import OPERATIONS, part
from tests.test_postgres import DSN, asked
from tests.test_retention_cli import DONE, FAILED, Site
from tests.world import World


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give an empty machine."""
    return Site(tmp_path)


def run(*command: str) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def dump(dsn: str, file: Path) -> Path:
    """Back a database up, as the operations page says."""
    run(program("pg_dump"), "--format=custom", f"--file={file}", dsn)
    return file


def restore(file: Path, dsn: str) -> None:
    """Put a backup into an empty database, as the operations page says: all of it or nothing."""
    run(program("pg_restore"), "--exit-on-error", "--single-transaction", f"--dbname={dsn}", str(file))


def contents(dsn: str) -> dict[str, tuple[int, str]]:
    """Give rows and digest of every table."""
    tables = execute(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    query = "SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY t::text COLLATE \"C\"), '')) FROM {} t"
    return {name: execute(dsn, query.format(name))[0] for (name,) in tables}  # type: ignore[misc]


def backed_up() -> list[str]:
    """List what the operations page says belongs into a backup of the state folder."""
    found = re.search(r"^\*\*Copy\*\* (.+)$", part(OPERATIONS, "Backup"), re.MULTILINE)
    assert found
    return re.findall(r"`([^`]+)`", found[1])


def copy(state: Path, backup: Path, names: Iterable[str]) -> Path:
    """Copy parts of a state folder, where they are there."""
    backup.mkdir(mode=0o700, exist_ok=True)
    for name in names:
        for source in state.glob(name):
            target = backup / source.relative_to(state)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copy2(source, target)
    return backup


def verdict(site: Site, environment: Mapping[str, str]) -> str:
    """Verify an audit by the command line."""
    return str(json.loads(site("audit", "verify", "--json", env=environment).stdout)["verdict"])


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


async def test_a_dumped_database_serves_again(
    world: World, trained: Path, tmp_path: Path, dsn: str, postgres: str
) -> None:
    """Dumped while the bot is at work and restored elsewhere: the same rows, an intact audit, a bot that goes on."""
    state, logs = tmp_path / "state", tmp_path / "logs"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    async with living(world, state, write_logs(logs), cooling=0, dsn=dsn) as live:
        card, _ = await live.waiting()
        await live.chat(SECOND_ADMIN).presses(card, "purge_approve")
        done = await live.until(State.CLOSED_CLEAN)
        assert read(await live.chat(DPO).says("open alerts"))
        dump(dsn, tmp_path / "meanwhile")
    file = dump(dsn, tmp_path / "dump")
    folder = copy(state, tmp_path / "other", backed_up())
    copy_model(trained, folder)
    with new_database(postgres, template="template0") as other, new_database(postgres, template="template0") as third:
        restore(file, other)
        assert contents(other) == contents(dsn)
        assert all(
            contents(other)[table][0] for table in ("requests", "alerts", "deliveries", "audit_entries", "people")
        )
        restore(tmp_path / "meanwhile", third)
        assert contents(third)["requests"][0] == contents(dsn)["requests"][0]
        assert verdict(Site(tmp_path), {DSN: other, "PROCALL_STATE__FOLDER": str(folder)}) == "intact"
        (logs / "old-0.log").write_bytes((write_logs(tmp_path / "more") / "old-1.log").read_bytes())
        async with living(world, folder, logs, cooling=0, dsn=other) as live:
            assert live.requests()[0] == done, "what was there is there"
            assert "Finished" in read(await live.chat(ADMIN).says("status of the purge"))
            await live.previewed()
            assert live.requests()[0].id != done.id, "and it goes on"


def test_what_protects_the_audit_is_restored_too(dsn: str, postgres: str, tmp_path: Path, site: Site) -> None:
    """In a restored database the audit takes no change from its owner either, and takes new entries."""
    site.write("old.log", [120])
    asked(site, dsn, "purge", "preview", "app-logs")
    with new_database(postgres, template="template0") as other:
        restore(dump(dsn, tmp_path / "dump"), other)
        for change in ("DELETE FROM audit_entries", "UPDATE audit_entries SET epoch = 1", "TRUNCATE audit_checkpoints"):
            with pytest.raises(Exception, match="only ever added to"):
                execute(other, change)
        before = asked(site, other, "audit", "verify")["entries"]
        assert site("hold", "add", "app-logs", "--reason", "case 7", env={DSN: other}).returncode == DONE
        assert asked(site, other, "audit", "verify")["entries"] > before


def test_an_old_dump_is_found_by_a_checkpoint_kept_elsewhere(
    dsn: str, postgres: str, tmp_path: Path, site: Site
) -> None:
    """An old database is whole in itself, so nothing refuses it; the checkpoint that somebody kept says what it is."""
    site.write("old.log", [120])
    site.write("young.log", [5])
    assert (
        site("hold", "add", "app-logs", "--reason", "case 7", "--to", "2020-01-01", env={DSN: dsn}).returncode == DONE
    )
    file = dump(dsn, tmp_path / "dump")
    preview = asked(site, dsn, "purge", "preview", "app-logs")
    words = ("--request", preview["request"], "--code", preview["code"], "--reason", "test")
    assert asked(site, dsn, "purge", "run", *words)["verdict"] == "PASS"
    assert site("audit", "export", "a.zip", env={DSN: dsn}).returncode == DONE
    kept = tmp_path / "mail.txt"
    kept.write_bytes(bytes(execute(dsn, "SELECT line FROM audit_checkpoints ORDER BY number DESC LIMIT 1")[0][0]))
    assert site("audit", "verify", "--checkpoint", "mail.txt", env={DSN: dsn}).returncode == DONE
    with new_database(postgres, template="template0") as old:
        restore(file, old)
        assert asked(site, old, "audit", "verify")["verdict"] == "intact"
        found = site("audit", "verify", "--checkpoint", "mail.txt", "--json", env={DSN: old})
        assert found.returncode == FAILED
        assert "rolled_back" in found.stdout
        assert asked(site, old, "purge", "list")["requests"] == [], "it knows nothing of what has happened since"
        again = asked(site, old, "purge", "preview", "app-logs")
        assert again["selected"]["records"] == 0, "what was purged is gone all the same, and nothing young is due"


def test_logs_that_come_back_with_a_restore_are_told_and_purged_again(
    dsn: str, postgres: str, tmp_path: Path, site: Site
) -> None:
    """The restore guard: a purged file from a backup of the logs is named as come back, is overdue, and goes again."""
    old = site.write("old.log", [120])
    site.write("young.log", [5])
    backup = old.read_bytes()
    preview = asked(site, dsn, "purge", "preview", "app-logs")
    words = ("--request", preview["request"], "--code", preview["code"], "--reason", "test")
    assert asked(site, dsn, "purge", "run", *words)["verdict"] == "PASS"
    assert "resurrected" not in site("scan", env={DSN: dsn}).stdout, "the control"
    file = dump(dsn, tmp_path / "dump")
    back = site.write("old.log", [120])
    written = back.stat()
    back.write_bytes(backup)
    os.utime(back, (written.st_atime, written.st_mtime))  # as a backup keeps it; else it would count as being written
    with new_database(postgres, template="template0") as other:
        restore(file, other)
        told = site("scan", env={DSN: other}).stdout
        assert "overdue" in told
        assert "resurrected: app-logs: 1" in told
        again = asked(site, other, "purge", "preview", "app-logs")
        assert again["selected"]["records"] == 1
        words = ("--request", again["request"], "--code", again["code"], "--reason", "restored")
        assert asked(site, other, "purge", "run", *words)["verdict"] == "PASS"
        assert asked(site, other, "audit", "verify")["verdict"] == "intact"
    assert sorted(path.name for path in site.logs.iterdir()) == ["young.log"]


# -- the embedded state -----------------------------------------------------------------------------------------------


async def test_a_copied_state_folder_serves_again(world: World, trained: Path, tmp_path: Path) -> None:
    """Exactly what the operations page names, copied while the bot is stopped, is all that another machine needs."""
    state, logs = tmp_path / "state", tmp_path / "logs"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    async with living(world, state, write_logs(logs), cooling=0) as live:
        card, _ = await live.waiting()
        await live.chat(SECOND_ADMIN).presses(card, "purge_approve")
        done = await live.until(State.CLOSED_CLEAN)
        before = live.stored()
        certificates = sorted(path.name for path in (state / "certificates").iterdir())
    folder = copy(state, tmp_path / "other", backed_up())
    copy_model(trained, folder)
    assert verdict(Site(tmp_path), {"PROCALL_STATE__FOLDER": str(folder)}) == "intact"
    async with living(world, folder, logs) as live:
        assert live.requests()[0] == done
        assert live.stored()[3:5] == before[3:5]
        assert sorted(path.name for path in (folder / "certificates").iterdir()) == certificates
        assert "Finished" in read(await live.chat(ADMIN).says("status of the purge"))


def test_an_old_store_beside_a_newer_audit_is_refused(site: Site) -> None:
    """`retention.json` alone from an older backup: what was previewed or held since is missed, and nothing runs."""
    site.write("old.log", [120])
    site.json("purge", "preview", "app-logs")
    state = site.folder / "var"
    old = (state / "retention.json").read_bytes()
    assert site("hold", "add", "app-logs", "--reason", "case 7").returncode == DONE
    new = (state / "retention.json").read_bytes()
    (state / "retention.json").write_bytes(old)
    refused = site("purge", "preview", "app-logs")
    assert refused.returncode == FAILED
    assert "hold.in_force" in refused.stderr
    assert "old copy" in refused.stderr
    (state / "retention.json").write_bytes(new)
    assert site.json("purge", "preview", "app-logs")["selected"]["records"] == 0, "the control: the hold protects"


def test_an_old_store_that_only_lost_a_release_is_not_noticed(site: Site) -> None:
    """What the page warns of: nobody was previewed or held since, so the released hold is back, and protects."""
    site.write("old.log", [120])
    assert site("hold", "add", "app-logs", "--reason", "case 7").returncode == DONE
    state = site.folder / "var"
    old = (state / "retention.json").read_bytes()
    hold = site.json("hold", "list")["holds"][0]["id"]
    assert site("hold", "release", hold).returncode == DONE
    (state / "retention.json").write_bytes(old)
    assert site.json("purge", "preview", "app-logs")["selected"]["records"] == 0
    assert not site.json("hold", "list")["holds"][0]["release_asked_by"]


def test_an_audit_of_another_backup_is_refused(site: Site) -> None:
    """Without its audit, or with an older one beside its checkpoints, the state is refused; put back, it works."""
    site.write("old.log", [120])
    site.json("purge", "preview", "app-logs")
    audit = site.folder / "var" / "audit"
    old = copy(audit, site.folder / "old", ["audit-*.jsonl"])
    site.purge()
    new = copy(audit, site.folder / "new", ["*.jsonl"])
    copy(old, audit, ["*.jsonl"])
    refused = site("purge", "preview", "app-logs")
    assert refused.returncode == FAILED
    assert "do not agree" in refused.stderr
    shutil.rmtree(audit)
    erased = site("purge", "preview", "app-logs")
    assert erased.returncode == FAILED
    assert "erased" in erased.stderr
    shutil.rmtree(audit)
    copy(new, audit, ["*.jsonl"])
    assert site.json("audit", "verify")["verdict"] == "intact"
    assert site.json("purge", "preview", "app-logs")["request"]


@pytest.mark.parametrize("lost", ["people.key", "audit.key"])
def test_a_backup_without_a_key_is_refused(site: Site, lost: str) -> None:
    """Keys belong to the backup: without one of them nothing starts that changes something, and with it it does."""
    site.write("old.log", [120])
    site.json("purge", "preview", "app-logs")
    key = site.folder / "var" / "keys" / lost
    content = key.read_bytes()
    key.unlink()
    assert site("purge", "preview", "app-logs").returncode == FAILED
    key.write_bytes(content)
    key.chmod(0o600)
    assert site.json("purge", "preview", "app-logs")["request"]


def test_a_backup_without_any_key_of_the_audit_is_not_refused_but_told(site: Site) -> None:
    """What the page warns of: a new key is made, and from then on nobody vouches for the audit, which is said."""
    site.write("old.log", [120])
    site.json("purge", "preview", "app-logs")
    assert verdict(site, {}) == "intact"
    for half in ("audit.key", "audit.pub"):
        (site.folder / "var" / "keys" / half).unlink()
    site.json("purge", "preview", "app-logs")
    assert verdict(site, {}) == "not_checkable"
    assert "audit_not_checkable" in site("watchdog").stdout


async def test_the_watchdog_of_a_restored_copy_says_only_that_nobody_serves(
    world: World, trained: Path, tmp_path: Path
) -> None:
    """The drill: over a good copy the watchdog complains of the missing rounds alone."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    async with living(world, state, write_logs(tmp_path / "logs")) as live:
        await live.looked()
    folder = copy(state, tmp_path / "other", backed_up())
    found = Site(tmp_path)("watchdog", "--json", env={"PROCALL_STATE__FOLDER": str(folder)})
    codes = re.findall(r'"code": "([a-z_]+)"', found.stdout)
    assert set(codes) - {"unsent", "dead"} == {"never"}
