"""The script that makes the bot's role, against a real PostgreSQL, before `migrate` and a bot that works with it."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from tests.domain import ROOT
from tests.postgres import execute, new_database
from tests.test_postgres import DSN, asked
from tests.test_retention_cli import DONE, Site

ROLES = ROOT / "deploy" / "postgres" / "roles.py"
PASSWORD = "planted-passw'ord-9Z"


@pytest.fixture
def role(postgres: str) -> Iterator[str]:
    """Give the name of a role that is not there, and see that it is not there afterwards either."""
    name = f"bot_{secrets.token_hex(4)}"
    yield name
    execute(postgres, f'DROP ROLE IF EXISTS "{name}"')


def make(dsn: str, role: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the script."""
    return subprocess.run(
        [sys.executable, str(ROLES)],
        env={"PATH": "", DSN: dsn, "BOT_ROLE": role} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_role_schema_and_bot_in_this_order(role: str, postgres: str, tmp_path: Path) -> None:
    """As the compose file does it: the role, the schema with its grants, then a bot that adds to the audit only."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    site = Site(tmp_path)
    site.write("old.log", [120])
    with new_database(postgres, template="template0") as owner:
        first = make(owner, role, BOT_PASSWORD_FILE=str(tmp_path / "password"))
        assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
        assert site("migrate", "--grant-to", role, env={DSN: owner}).returncode == DONE
        bot = conninfo.make_conninfo(owner, user=role)
        assert asked(site, bot, "purge", "preview", "app-logs")["selected"]["records"] == 1
        assert asked(site, bot, "audit", "verify")["verdict"] == "intact"
        for change in ("DELETE FROM audit_entries", "TRUNCATE audit_entries", "DROP TABLE audit_entries"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                execute(bot, change)


def test_a_second_time_changes_the_password_only(role: str, postgres: str) -> None:
    """Rotation: the same role with another password, and no right that it had not."""
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = %s"
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
    assert make(postgres, role, BOT_PASSWORD=PASSWORD).returncode == 0
    before = execute(postgres, stored, [role])
    assert execute(postgres, rights, [role]) == [(False, False, False, False, True)]
    assert make(postgres, role, BOT_PASSWORD=PASSWORD + "2").returncode == 0
    assert execute(postgres, stored, [role]) != before
    assert execute(postgres, rights, [role]) == [(False, False, False, False, True)]


def test_what_goes_wrong_shows_no_password(role: str, postgres: str) -> None:
    """Nothing given is exit code 2, a server that is away is 1, and neither says anything of the password."""
    assert make(postgres, role).returncode == 2
    away = make(f"postgresql://o:{PASSWORD}@127.0.0.1:1/x", role, BOT_PASSWORD=PASSWORD)
    assert away.returncode == 1
    assert "OperationalError" in away.stderr
    assert "planted" not in away.stdout + away.stderr
