"""Makes the bot's role in PostgreSQL, once, or gives it its new password; run as the role that owns the database.

The role has no right of its own: `python app.py migrate --grant-to bot` gives it what it needs, and nothing that could
change or delete an entry of the audit. The owner's DSN comes as PROCALL_STATE__POSTGRES_DSN, as for `migrate`; the
password from the file that BOT_PASSWORD_FILE names, or from BOT_PASSWORD where secrets come by environment.
"""

import os
import sys
from pathlib import Path

import psycopg
from psycopg import sql


def main() -> int:
    """Make the role or change its password; exit code 1 where the server does not take it, 2 where nothing is given."""
    named = os.environ.get("BOT_PASSWORD_FILE", "")
    password = Path(named).read_text(encoding="utf-8").strip() if named else os.environ.get("BOT_PASSWORD", "")
    dsn = os.environ.get("PROCALL_STATE__POSTGRES_DSN", "")
    if not password or not dsn:
        sys.stderr.write("PROCALL_STATE__POSTGRES_DSN and BOT_PASSWORD_FILE or BOT_PASSWORD are needed\n")
        return 2
    role = sql.Identifier(os.environ.get("BOT_ROLE", "bot"))
    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = %s", [os.environ.get("BOT_ROLE", "bot")]
            ).fetchone()
            command = (
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}") if found else sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            )
            connection.execute(command.format(role, sql.Literal(password)))
    except psycopg.Error as error:
        sys.stderr.write(f"the role was not made: {type(error).__name__}\n")  # its message may hold the password
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
