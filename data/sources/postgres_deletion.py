"""Deletes one unit in one transaction, which is committed under the guard or undone; after a lost answer it asks."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

import psycopg
from psycopg import sql

from data.retention.instants import Instant
from data.retention.residue import DONE, Code
from data.retention.unit import Planned
from data.sources.interface import Acted, Guard
from data.sources.postgres_session import TABLE_IN_USE, Connection, Server, UnreachedError, has_ended, one, outcome_of
from data.sources.postgres_table import Named, RefusedTableError, Table, look_up

CROWDED: Final = "too_many_connections"
_WAITS: Final = 2
_TRANSACTION: Final = "SELECT pg_current_xact_id()::text"


class Removes(Protocol):
    """How units of one layout are deleted."""

    def remove(self, connection: Connection, table: Table, planned: Planned, now: Instant) -> Acted:
        """Delete a unit that still is what was planned, uncommitted; raises `psycopg.Error`."""
        ...


class Deletion:
    """One batch in one session; a new session where that one is lost."""

    def __init__(self, server: Server, named: Named, layout: Removes, *, guard: Guard, now: Instant) -> None:
        self._server = server
        self._named = named
        self._layout = layout
        self._guard = guard
        self._now = now
        self._connection: Connection | None = None

    def run(self, batch: Sequence[Planned]) -> Iterator[Acted]:
        """Give one outcome for each unit, in order; raises only what the guard raises, and then nothing has happened.

        Once no session can be had any more, or the table was in use twice running, the rest of the batch is not tried:
        whoever waits to lock a table lets everybody else wait behind.
        """
        gone: Acted | None = None
        waited = 0
        try:
            for planned in batch:
                if gone is None:
                    gone = self._connected()
                acted = gone or self._one(planned)
                waited = waited + 1 if acted.reason == TABLE_IN_USE else 0
                if waited == _WAITS:
                    gone = acted
                yield acted
        finally:
            self._close()

    def _connected(self) -> Acted | None:
        if self._connection is None:
            try:
                self._connection = self._server.connect()
            except UnreachedError as error:
                return unreached(error)
        return None

    def _one(self, planned: Planned) -> Acted:
        connection = self._connection
        assert connection is not None  # noqa: S101  `_connected` came before
        transaction = ""
        try:
            done = self._removed(connection, planned)
            if done.code not in DONE:
                return self._undone(connection, done)
            number = str(one(connection, sql.SQL(_TRANSACTION).format())[0])
            with self._guard(planned) as prevented:
                if prevented is None:
                    transaction = number
                    connection.commit()
                    return done
            return self._undone(connection, Acted(code=prevented))
        except RefusedTableError as error:
            return self._undone(connection, refused(error))
        except psycopg.Error as error:
            if has_ended(connection, error):
                return self._lost(transaction, error)
            return self._undone(connection, outcome_of(error))

    def _removed(self, connection: Connection, planned: Planned) -> Acted:
        self._server.begin(connection)
        table = look_up(connection, self._named)
        if table.server != planned.unit.identity.device:
            return Acted(code=Code.DRIFTED, reason="other_database")
        return self._layout.remove(connection, table, planned, self._now)

    def _lost(self, transaction: str, error: psycopg.Error) -> Acted:
        """Tell what became of a unit after the session broke: before the commit was sent surely nothing."""
        self._close()
        if not transaction:
            return Acted(code=Code.FAILED, reason=error.sqlstate or "session_lost")
        committed = self._server.was_committed(transaction)
        if committed:
            return Acted(code=Code.ABSENT, reason="committed")
        return Acted(code=Code.FAILED, reason="no_answer" if committed is None else "not_committed")

    def _undone(self, connection: Connection, acted: Acted) -> Acted:
        try:
            connection.rollback()
        except psycopg.Error:  # the session is over, and with it the transaction
            self._close()
        return acted

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def unreached(error: UnreachedError) -> Acted:
    """Give the outcome where no session can be had."""
    return Acted(code=Code.RATE_LIMITED if error.reason == CROWDED else Code.UNREACHABLE, reason=error.reason)


def refused(error: RefusedTableError) -> Acted:
    """Give the outcome where the table is none that may be touched: as good as not there."""
    return Acted(code=Code.UNREACHABLE, reason=error.reason)
