"""The product with everything kept in PostgreSQL: command line and bot as processes and people use them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from data.retention.request import State
from tests.conftest import copy_model
from tests.lists.live import ADMIN, DPO, SECOND_ADMIN, living, read, write_logs
from tests.postgres import execute, new_database
from tests.test_retention_cli import BAD_INPUT, DONE, FAILED, Site
from tests.world import World

DSN = "PROCALL_STATE__POSTGRES_DSN"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give an empty machine."""
    return Site(tmp_path)


def asked(site: Site, dsn: str, *arguments: str) -> dict[str, Any]:
    """Run a command over the database that must succeed, and read its JSON."""
    done = site(*arguments, "--json", env={DSN: dsn})
    assert (done.returncode, done.stderr) == (DONE, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_purge_from_preview_to_audit(site: Site, dsn: str) -> None:
    """Preview, purge, hold and audit work as with a state folder, and the folder holds none of it."""
    site.write("old.log", [120, 119])
    site.write("young.log", [5])
    preview = asked(site, dsn, "purge", "preview", "app-logs")
    done = asked(
        site, dsn, "purge", "run", "--request", preview["request"], "--code", preview["code"], "--reason", "test"
    )
    assert (done["verdict"], done["deleted"]["records"]) == ("PASS", 2)
    assert sorted(path.name for path in site.logs.iterdir()) == ["young.log"]
    assert asked(site, dsn, "audit", "verify")["verdict"] == "intact"
    assert [one["request"] for one in asked(site, dsn, "purge", "list")["requests"]] == [preview["request"]]
    assert not (site.folder / "var" / "retention.json").exists()
    assert not list((site.folder / "var").glob("audit/*"))
    assert site("hold", "add", "app-logs", "--reason", "case 7", env={DSN: dsn}).returncode == DONE
    assert len(asked(site, dsn, "hold", "list")["holds"]) == 1


def test_an_altered_audit_is_found(site: Site, dsn: str) -> None:
    """`audit verify` reads the database: exit 0 for a whole log, 1 for one that its owner has altered."""
    site.write("old.log", [120])
    asked(site, dsn, "purge", "preview", "app-logs")
    assert site("audit", "verify", env={DSN: dsn}).returncode == DONE
    execute(dsn, "ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_stay")
    execute(dsn, "UPDATE audit_entries SET line = replace(convert_from(line, 'UTF8'), 'app-logs', 'web-logs')::bytea")
    assert site("audit", "verify", env={DSN: dsn}).returncode == FAILED


def test_migrate_says_what_it_did(site: Site, postgres: str) -> None:
    """An empty database is refused with the cure; `migrate` applies all once; without a DSN it says what is missing."""
    with new_database(postgres) as empty:
        refused = site("scan", env={DSN: empty})
        assert refused.returncode == FAILED
        assert "app.py migrate" in refused.stderr
        first, second = (site("migrate", env={DSN: empty}) for _ in range(2))
        assert "applied: 0001 stores" in first.stdout
        assert "up to date" in second.stdout
        assert site("scan", env={DSN: empty}).returncode == DONE
    nothing = site("migrate")
    assert nothing.returncode == BAD_INPUT
    assert DSN in nothing.stderr


def test_a_server_that_is_away_is_an_error_without_secrets(site: Site) -> None:
    """Where the server does not answer a command fails, deletes nothing, and shows nothing of the DSN."""
    site.write("old.log", [120])
    done = site("purge", "preview", "app-logs", env={DSN: "postgresql://u:hunter2@127.0.0.1:1/planted"})
    assert done.returncode == FAILED
    assert "cannot be reached" in done.stderr
    assert not {"hunter2", "planted"} & set(re.findall(r"\w+", done.stdout + done.stderr))
    assert (site.logs / "old.log").exists()


def test_a_state_folder_is_moved_once(site: Site, dsn: str) -> None:
    """Requests, holds and audit are the same afterwards; the folder is no longer used, and no copy overwrites."""
    site.write("old.log", [120, 119])
    site.write("young.log", [5])
    site.purge()
    assert site("hold", "add", "app-logs", "--reason", "case 7").returncode == DONE
    before = {what: site.json(*what.split()) for what in ("purge list", "hold list", "audit verify")}
    copied = site("state", "copy", env={DSN: dsn})
    assert (copied.returncode, copied.stderr) == (DONE, "")
    assert "audit" in copied.stdout
    after = {what: asked(site, dsn, *what.split()) for what in ("purge list", "hold list", "audit verify")}
    assert after["purge list"] == before["purge list"]
    assert after["hold list"] == before["hold list"]
    assert after["audit verify"]["verdict"] == "intact"
    assert after["audit verify"]["entries"] >= before["audit verify"]["entries"]
    forgotten = site("purge", "preview", "app-logs")
    assert forgotten.returncode == FAILED
    assert "was moved" in forgotten.stderr
    again = site("state", "copy", env={DSN: dsn})
    assert again.returncode == FAILED
    site.write("more.log", [130])
    assert asked(site, dsn, "purge", "preview", "app-logs")["selected"]["records"] == 0, "the hold protects"


def test_nothing_is_copied_into_a_database_that_holds_something(site: Site, dsn: str) -> None:
    """A database that is in use takes no second state, and the folder can still be used."""
    site.write("old.log", [120])
    site.json("purge", "preview", "app-logs")
    other = Site(site.folder / "other")
    other.folder.mkdir()
    asked(other, dsn, "hold", "list")
    assert other("hold", "add", "--reason", "case 8", env={DSN: dsn}).returncode == DONE
    refused = site("state", "copy", env={DSN: dsn})
    assert refused.returncode == FAILED
    assert "not empty" in refused.stderr
    assert site.json("purge", "list")["requests"]


async def test_the_whole_loop_in_chat(world: World, trained: Path, tmp_path: Path, dsn: str) -> None:
    """Preview, code, second person, cooling, purge and certificate, with a DPO who is alerted: all over PostgreSQL."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    async with living(world, state, write_logs(tmp_path / "logs"), cooling=0, dsn=dsn) as live:
        card, _ = await live.waiting()
        await live.chat(SECOND_ADMIN).presses(card, "purge_approve")
        done = await live.until(State.CLOSED_CLEAN, State.CLOSED_WITH_RESIDUE, State.CLOSED_FAILED)
        assert done.state is State.CLOSED_CLEAN
        assert "Finished" in read(await live.chat(ADMIN).says("status of the purge"))
        assert live.office.parts.desk.alerts.all()
        assert read(await live.chat(DPO).says("open alerts"))
    assert execute(dsn, "SELECT count(*) FROM requests WHERE NOT is_open") == [(1,)]
    async with living(world, state, tmp_path / "logs", dsn=dsn) as live:
        assert live.requests()[0].id == done.id, "another start finds everything"
