"""Short sessions with the PostgreSQL server of a source: known settings, and what goes wrong in stable words.

No message holds the address or anything else of the DSN: it may carry a password.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from data.retention.residue import Code
from data.sources.interface import Acted

Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]
Query = sql.Composed

_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "search_path": "pg_catalog, pg_temp",  # no function or operator of somebody else's schema is ever called
        "row_security": "off",  # a listing that a policy would shorten is an error instead (a half listing)
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "lc_monetary": "C",
        "statement_timeout": "30min",
        "idle_in_transaction_session_timeout": "120s",
        "synchronous_commit": "on",  # an acknowledged deletion is on the disk
    }
)
"""What every transaction is set to, whatever role, database or a pooler in between have for defaults.

The forms of output are fixed because rows are told apart by the hash of their text.
"""
_CONNECT: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "connect_timeout": 5,
        "client_encoding": "UTF8",
        "application_name": "procall-nex-privacy-bot",
        "keepalives": 1,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "prepare_threshold": None,  # hardly a statement comes twice, and a pooler would not know it again
        "tcp_user_timeout": 40_000,  # a server that has vanished without a word is noticed
    }
)
TABLE_IN_USE: Final = "table_in_use"
"""A whole table could not be locked in time: somebody has had it in use for longer than that."""
_PAUSES: Final = (0.2, 0.5, 1.0)
_CROWDED: Final = re.compile(r"too many (?:clients|connections)|connection slots")
"""How a full server words its refusal; libpq gives no code for it. In another language it counts as unreachable."""
_LOST: Final = ("08", "57P")
"""Classes of errors after which the session is over."""
_OUTCOMES: Final[Mapping[str, tuple[Code, str]]] = MappingProxyType(
    {
        "55P03": (Code.LOCKED, "lock_timeout"),
        "40P01": (Code.LOCKED, "deadlock"),
        "42501": (Code.DENIED, "denied"),
        "25006": (Code.DENIED, "read_only"),
        "23503": (Code.FAILED, "foreign_key"),
        "23001": (Code.FAILED, "foreign_key"),
        "2BP01": (Code.FAILED, "depended_on"),
        "57014": (Code.FAILED, "canceled"),
        "53100": (Code.FAILED, "disk_full"),
        "53300": (Code.RATE_LIMITED, "too_many_connections"),
        "42P01": (Code.TARGET_ABSENT, ""),
    }
)


class UnreachedError(Exception):
    """No session could be had; the reason is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        """`no_dsn`, `wrong_dsn`, `unreachable` or `too_many_connections`."""


class Server:
    """How a source reaches its server: by a DSN that is read from its file for every session."""

    def __init__(self, dsn_file: Path, *, lock_seconds: int, pause: Callable[[float], None] = time.sleep) -> None:
        self._dsn_file = dsn_file
        self._lock = f"{lock_seconds}s"
        self._pause = pause

    def connect(self) -> Connection:
        """Open a session, with a few retries; raises `UnreachedError`. The caller closes it."""
        reason = "unreachable"
        for pause in (0.0, *_PAUSES):
            self._pause(pause)
            try:
                return psycopg.connect(self._dsn(), **_CONNECT, row_factory=tuple_row)
            except psycopg.ProgrammingError:  # the text of the file is no DSN; the error may quote it
                raise UnreachedError("wrong_dsn") from None
            except psycopg.OperationalError as error:
                reason = "too_many_connections" if _CROWDED.search(str(error)) else "unreachable"
        raise UnreachedError(reason)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a session that can change nothing, in a first transaction. Raises `UnreachedError`, `psycopg.Error`."""
        with closing(self.connect()) as connection:
            connection.read_only = True
            self.begin(connection)
            yield connection

    def begin(self, connection: Connection) -> None:
        """Begin a transaction, and end the one before without its changes; raises `psycopg.Error`."""
        connection.rollback()
        wanted = {**_SETTINGS, "lock_timeout": self._lock}
        calls = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in wanted.items()]
        connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)))

    def was_committed(self, transaction: str) -> bool | None:
        """Ask in a new session whether a transaction was committed; None where nobody can tell."""
        for pause in (0.0, *_PAUSES):
            self._pause(pause)
            try:
                with self.reading() as connection:
                    (state,) = one(connection, sql.SQL("SELECT pg_xact_status({}::xid8)").format(transaction))
            except (UnreachedError, psycopg.Error):
                return None
            if state != "in progress":
                return {"committed": True, "aborted": False}.get(state)
        return None

    def _dsn(self) -> str:
        try:
            text = self._dsn_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise UnreachedError("no_dsn") from None
        if not text:
            raise UnreachedError("no_dsn")
        return text


def one(connection: Connection, query: Query) -> Row:
    """Run a query that gives exactly one row; raises `psycopg.Error`."""
    found = connection.execute(query).fetchone()
    if found is None:
        raise psycopg.DataError("no row where there is always one")
    return found


def has_ended(connection: Connection, error: psycopg.Error) -> bool:
    """Tell whether a session is over, so that an error says nothing of what became of its last statement."""
    return connection.closed or connection.broken or (error.sqlstate or "").startswith(_LOST)


def outcome_of(error: psycopg.Error) -> Acted:
    """Give the code for what the server said, with a stable word or its own five characters as the reason."""
    state = error.sqlstate or ""
    code, reason = _OUTCOMES.get(state, (Code.FAILED, state or "no_answer"))
    return Acted(code=code, reason=reason)


def kind_of(error: psycopg.Error) -> str:
    """Name the kind of trouble, such as `InsufficientPrivilege (42501)`, and nothing that was in a row or a DSN."""
    return f"{type(error).__name__} ({error.sqlstate})" if error.sqlstate else type(error).__name__
