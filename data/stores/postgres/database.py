"""One PostgreSQL database: a pool of connections, transactions, and what goes wrong in this product's own errors.

No message holds the address or anything else of the DSN: it may carry a password.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.abc import Params
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from data.errors import StateError
from data.stores.postgres.statements import Statement, load_statements, statement

Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

MOST_CONNECTIONS: Final = 8
WAIT_SECONDS: Final = 5.0
"""How long a caller waits for a connection before the database counts as not reachable."""

_SESSION: Final[Mapping[str, str]] = {
    "application_name": "procall-nex-privacy-bot",
    "TimeZone": "UTC",
    "client_encoding": "UTF8",
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "120s",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
}
"""What every session is set to, whatever role or database have for defaults: an acknowledged change is on the disk."""


class Database:
    """A pool of connections to one database; usable from several threads."""

    def __init__(self, dsn: str, *, most: int = MOST_CONNECTIONS, wait: float = WAIT_SECONDS) -> None:
        """Connect; raises `StateError` where the DSN is wrong or the server does not answer."""
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            dsn,
            min_size=1,
            max_size=most,
            open=False,
            timeout=wait,
            max_idle=300.0,
            reconnect_timeout=wait,
            kwargs={"autocommit": True, "row_factory": tuple_row, "connect_timeout": max(2, int(wait))},
            configure=_configure,
            check=ConnectionPool.check_connection,
            name="procall",
        )
        texts = load_statements()
        self._check_fence, self._clock = statement(texts, "check_fence"), statement(texts, "clock")
        self.fence = 0
        """The number by which this process holds the database; 0 where it need not hold it to change something."""
        with told("cannot be reached"):
            try:
                self._pool.open(wait=True, timeout=wait)
            except BaseException:
                self._pool.close()
                raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do several things, all or none; raises `StateError`, after which nobody knows whether they were done."""
        with told("did not do what it was asked"), self._pool.connection() as connection, connection.transaction():
            if self.fence and not connection.execute(self._check_fence.sql, {"fence": self.fence}).fetchall():
                message = "another process has taken over this database: this one changes nothing more"
                raise StateError(message)
            yield connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Give a connection on which each statement is a transaction of its own; raises `StateError`."""
        with told("did not do what it was asked"), self._pool.connection() as connection:
            yield connection

    def rows(self, statement: Statement, params: Params | None = None) -> list[Row]:
        """Run one statement and give its rows; raises `StateError`."""
        with self.connection() as connection:
            return connection.execute(statement.sql, params).fetchall()

    def run(self, statement: Statement, params: Params | None = None) -> int:
        """Run one statement that changes something and tell how many rows it touched; raises `StateError`."""
        with self.transaction() as connection:
            return connection.execute(statement.sql, params).rowcount

    def now(self) -> int:
        """Ask the server for its time, in microseconds since 1970; raises `StateError`."""
        found: int = self.rows(self._clock)[0][0]
        return found

    def close(self) -> None:
        """Give all connections back."""
        self._pool.close()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what the driver raises into a `StateError` that names the kind of trouble and nothing of the DSN."""
    try:
        yield
    except (PoolTimeout, PoolClosed) as error:
        message = "the database cannot be reached: no connection in time"
        raise StateError(message) from error
    except psycopg.Error as error:
        message = f"the database {what}: {_kind_of(error)}"
        raise StateError(message) from error


def _kind_of(error: psycopg.Error) -> str:
    """Give PostgreSQL's own name of the trouble, as `insufficient_privilege`, or that of the driver's error."""
    if error.sqlstate is None:
        return type(error).__name__
    return f"{psycopg.errors.lookup(error.sqlstate).__name__} ({error.sqlstate})"


def _configure(connection: Connection) -> None:
    for name, value in _SESSION.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
