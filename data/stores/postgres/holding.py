"""One process at a time holds the database, and one that has lost it without knowing changes nothing more.

A lock of the session tells a second process that somebody is there. It ends with the connection, which may break while
its process lives; so each holder also gets a number that only grows, and every transaction that changes something looks
whether the number is still the newest (a fencing token).
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from data.errors import StateError
from data.stores.postgres.database import WAIT_SECONDS, Database, told
from data.stores.postgres.statements import load_statements, statement

_LOCK: Final = 0x50524F43414C03
"""The key of the advisory lock: no other part of the product uses it."""


@contextmanager
def held(database: Database, dsn: str) -> Iterator[None]:
    """Let this process alone change what is stored; raises `StateError` where another one does."""
    texts = load_statements()
    with told("cannot be reached"):
        keeper = psycopg.connect(
            dsn, autocommit=True, connect_timeout=int(WAIT_SECONDS), keepalives_idle=30, keepalives_interval=10
        )
    with keeper:
        with told("did not do what it was asked"):
            mine = keeper.execute(statement(texts, "try_hold").sql, {"lock": _LOCK}).fetchall()[0][0]
            if not mine:
                message = "another process uses this database: stop it first, or let it do the work"
                raise StateError(message)
            fence = keeper.execute(statement(texts, "next_fence").sql, {"holder": secrets.token_hex(4)}).fetchall()[0][
                0
            ]
        database.fence = fence
        try:
            yield
        finally:
            database.fence = 0
