"""Tables of log records in PostgreSQL: partitions that are dropped, or rows that are deleted (purge.md 2.5, 8.1).

After a DELETE rows are invisible and not gone: VACUUM has to run, and new rows have to be written over their places.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Final

import psycopg
from psycopg import sql

from data.clock import Clock
from data.errors import SourceError, StateError
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, HOUR, MINUTE, Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.connector import Around, Connector
from data.sources.connector import Named as Said
from data.sources.interface import (
    Acted,
    Capabilities,
    Copy,
    Guard,
    Measured,
    Probe,
    Reappeared,
    Release,
    Skipped,
    SourceSummary,
)
from data.sources.postgres_deletion import Deletion, refused, unreached
from data.sources.postgres_figures import Seen
from data.sources.postgres_options import KIND, VERSION, PostgresOptions, can_meet, digest_of, named_of
from data.sources.postgres_partitions import Partitions
from data.sources.postgres_rows import Rows
from data.sources.postgres_session import Connection, Server, UnreachedError, kind_of, one, outcome_of
from data.sources.postgres_table import REFUSALS, ROWS, RefusedTableError, Table, locked, look_up
from data.sources.postgres_upkeep import RETENTION, is_vacuumed, partman, vacuumed_at
from data.sources.sightings import Sightings
from data.sources.sums import sum_of
from data.sources.tombstones import Tombstones

_NOTED: Final = 500
_CLOCK: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_UNREACHED: Final = {
    "no_dsn": "its dsn_file cannot be read or is empty",
    "wrong_dsn": "its dsn_file holds no DSN",
    "unreachable": "its server cannot be reached",
    "too_many_connections": "its server has no connection left",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why nothing can be read: a stable word, and a sentence that holds nothing of the DSN."""

    reason: str
    explained: str


class PostgresSource:
    """One table; every look and every deletion is a short session of its own."""

    def __init__(self, said: Said, options: PostgresOptions, around: Around) -> None:
        self._said = said
        self._options = options
        self._named = named_of(options)
        self._clock: Clock = around.clock
        self._server = Server(options.dsn_file, lock_seconds=options.lock_seconds)
        quiet = options.quiet_minutes * MINUTE
        self._layout: Rows | Partitions = (
            Rows(self._named, hours=options.bucket_hours, quiet=quiet)
            if options.layout == ROWS
            else Partitions(self._server, self._named, quiet=quiet)
        )
        self._sightings = Sightings(around.state / f"{said.id}.seen.sqlite")
        self._tombstones = Tombstones(around.state / f"{said.id}.purged.sqlite")

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._said.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        return digest_of(self._said.id, self._said.data_kind, self._options)

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        rows, options = self._options.layout == ROWS, self._options
        return Capabilities(
            kind=KIND,
            version=VERSION,
            rewrites=rows and options.rewrite,
            conditional="content" if rows else "oid_bounds_content",
            exact_counts=True,
            hides_first=rows,
            physical_delay=options.release_days * DAY if rows else 0,
            bucket_span=options.bucket_hours * HOUR if rows and not options.rewrite else 0,
            clock="engine",
        )

    # -- looking ------------------------------------------------------------------------------------------------------

    def probe(self) -> Probe:
        """Look whether the table can be read, at the server's clock, and at pg_partman's settings."""
        try:
            with self._server.reading() as connection:
                table = locked(connection, self._named, "ACCESS SHARE")
                offset = self._offset(connection)
                own = partman(connection, table).days
        except (UnreachedError, RefusedTableError, psycopg.Error) as error:
            failure = self._failure(error)
            return Probe(reachable=False, reason=failure.reason, explained=failure.explained)
        return Probe(reachable=True, clock_offset=offset, own_retention={RETENTION: own} if own else {})

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there now, with the size of each unit's rows: all of them are read. Raises `SourceError`."""
        for _, found in self._seen(self._marks()):
            yield found if isinstance(found, Skipped) else found.unit

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Count what is there; the server is asked every time, whether `fresh` or not. Raises `SourceError`."""
        del fresh
        for _, _, found in self._measured(marks):
            yield found

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives. Raises `SourceError`."""
        return sum_of(self.measure(marks))

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count records older than the last purge's cutoff (purge.md 6.10). Raises `SourceError`, `StateError`.

        What was purged before has been resurrected; what was first seen since, or lies where a purge had removed
        everything that old, is late.
        """
        late = resurrected = 0
        for table, seen, found in self._measured(replace(marks, cutoff=purged_until)):
            if isinstance(found, Skipped) or seen is None or not found.reading.expired.records:
                continue
            purged = self._tombstones.purged
            if purged(seen.figures.expired.digest(table)) is not None:
                resurrected += found.reading.expired.records
            elif (
                found.first_seen is None
                or found.first_seen >= purged_at
                or purged(self._place_digest(found.unit.name)) is not None
            ):
                late += found.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed; of a plain table also where, for that place stays. Raises `StateError`."""
        self._tombstones.remember(self._remembered(rows), at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none. Raises `SourceError`."""
        with self._asked(), self._server.reading() as connection:
            table = locked(connection, self._named, "ACCESS SHARE")
            found = self._layout.find(connection, table, unit.name, self._marks())
            return None if found is None else replace(found.unit.identity, digest=found.figures.all.digest(table))

    def _measured(self, marks: Marks) -> Iterator[tuple[Table, Seen | None, Measured | Skipped]]:
        found = self._seen(marks)
        while noted := list(islice(found, _NOTED)):
            units = [seen.unit for _, seen in noted if isinstance(seen, Seen)]
            first = self._first_seen(units)
            for table, seen in noted:
                if isinstance(seen, Skipped):
                    yield table, None, seen
                    continue
                reading = seen.figures.reading(table, marks)
                first_seen = first.get(seen.unit.identity.inode)
                yield (
                    table,
                    seen,
                    Measured(unit=seen.unit, reading=reading, active=seen.active, first_seen=first_seen),
                )

    def _seen(self, marks: Marks) -> Iterator[tuple[Table, Seen | Skipped]]:
        """Look at everything; where the table was renamed or replaced meanwhile, nothing seen is believed."""
        with self._asked(), self._server.reading() as connection:
            table = locked(connection, self._named, "ACCESS SHARE")
            for found in self._layout.seen(connection, table, marks):
                yield table, found
            self._server.begin(connection)
            if look_up(connection, self._named).oid != table.oid:
                raise SourceError(f"source {self.id}: the table was replaced while it was read")

    def _first_seen(self, units: Sequence[Unit]) -> dict[int, Instant]:
        try:
            return dict(self._sightings.note(units, now=instant_of(self._clock.now()))) if units else {}
        except StateError:  # nobody knows then, and that is said
            return {}

    # -- deleting -----------------------------------------------------------------------------------------------------

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind what would happen to units to exactly their present rows; one answer each, in order.

        Raises `SourceError` where the table cannot be read any more.
        """
        with self._asked(), self._server.reading() as connection:
            for measured in batch:
                yield self._planned(connection, measured, marks)

    def _planned(self, connection: Connection, measured: Measured, marks: Marks) -> Planned | None:
        if measured.active or not measured.reading.expired.records:
            return None
        self._server.begin(connection)
        table = locked(connection, self._named, "ACCESS SHARE")
        try:
            found = self._layout.find(connection, table, measured.unit.name, marks)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable):
            return None
        if found is None or found.unit.identity != measured.unit.identity:
            return None
        row = found.planned(table, marks)
        fits = row is not None and (row.action is Action.DELETE or self.capabilities().rewrites)
        return row if fits else None

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete units that still are what was planned, in this order; one outcome each, never raises."""
        now = instant_of(self._clock.now())
        yield from Deletion(self._server, self._named, self._layout, guard=guard, now=now).run(batch)

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended action; a transaction leaves nothing half done, so nothing is ended."""
        del guard
        try:
            with self._server.reading() as connection:
                table = look_up(connection, self._named)
                if table.server != planned.unit.identity.device:
                    return Acted(code=Code.DRIFTED, reason="other_database")
                return self._layout.left(connection, table, planned)
        except (UnreachedError, RefusedTableError, psycopg.Error) as error:
            return self._outcome(error)

    def verify(self, planned: Planned) -> Code | None:
        """Look in a new session whether an action has held; None if so, else what is wrong."""
        try:
            with self._server.reading() as connection:
                table = locked(connection, self._named, "ACCESS SHARE")
                if table.server != planned.unit.identity.device:
                    return Code.UNREACHABLE
                return self._layout.verify(connection, table, planned)
        except (UnreachedError, RefusedTableError, psycopg.Error) as error:
            return self._outcome(error).code

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell whether a VACUUM has ended since the rows were removed; a partition's files go with it."""
        del rows
        if self._options.layout != ROWS:
            return Release.RELEASED
        try:
            with self._server.reading() as connection:
                table = look_up(connection, self._named)
                vacuumed = vacuumed_at(connection, table)
        except (UnreachedError, RefusedTableError, psycopg.Error):
            return Release.UNKNOWN
        since = vacuumed is not None and vacuumed > removed_at + MINUTE
        return Release.RELEASED if since else Release.WAITING

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether the server itself protects a unit: never; a foreign key says so when it is deleted."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """List copies that a purge does not reach; where the server cannot be asked, all that there may be."""
        vacuumed, detached = False, False
        try:
            with self._server.reading() as connection:
                table = look_up(connection, self._named)
                vacuumed = is_vacuumed(connection, table)
                detached = partman(connection, table).keeps
        except (UnreachedError, RefusedTableError, psycopg.Error):
            vacuumed = False
        rows = self._options.layout == ROWS
        kinds = {
            "dead_tuples": rows and not vacuumed,
            "freed_pages": rows,
            "detached_partitions": not rows and detached,
            "write_ahead_log": True,
            "replicas": True,
            "backups": True,
        }
        return tuple(Copy(kind=kind) for kind, there in kinds.items() if there)

    # -- what goes wrong ----------------------------------------------------------------------------------------------

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (UnreachedError, RefusedTableError, psycopg.Error) as error:
            raise SourceError(self._failure(error).explained) from None

    def _failure(self, error: Exception) -> _Failure:
        where = f"source {self.id}: table {_shown(self._named.schema)}.{_shown(self._named.table)}"
        if isinstance(error, UnreachedError):
            return _Failure(reason=error.reason, explained=f"{where}: {_UNREACHED[error.reason]}")
        if isinstance(error, RefusedTableError):
            return _Failure(reason=error.reason, explained=f"{where} {REFUSALS[error.reason]}")
        if isinstance(error, psycopg.Error):
            reason = outcome_of(error).reason or "changed"
            return _Failure(reason=reason, explained=f"{where} could not be read: {kind_of(error)}")
        raise error

    @staticmethod
    def _outcome(error: Exception) -> Acted:
        if isinstance(error, UnreachedError):
            return unreached(error)
        if isinstance(error, RefusedTableError):
            return refused(error)
        return outcome_of(error) if isinstance(error, psycopg.Error) else Acted(code=Code.FAILED)

    def _offset(self, connection: Connection) -> int:
        """Tell how many microseconds the server's clock is ahead of ours, less the way there and back."""
        before = instant_of(self._clock.now())
        (theirs,) = one(connection, sql.SQL(_CLOCK).format())
        return int(theirs) - (before + instant_of(self._clock.now())) // 2

    def _marks(self) -> Marks:
        """Give marks for a look that is not about age."""
        return Marks(cutoff=BELIEVABLE, limit=BELIEVABLE, now=instant_of(self._clock.now()))

    def _remembered(self, rows: Iterable[Planned]) -> Iterator[Planned]:
        for row in rows:
            yield row
            if self._options.layout == ROWS:
                place = replace(row.unit.identity, digest=self._place_digest(row.unit.name))
                yield replace(row, unit=replace(row.unit, identity=place))

    def _place_digest(self, name: bytes) -> str:
        parts = ("postgres place", self._named.schema, self._named.table)
        return sha256("\0".join(parts).encode("utf-8", "surrogatepass") + b"\0" + name).hexdigest()


def _shown(name: str) -> str:
    """Show a name so that nothing in it can mislead: ASCII, everything else escaped."""
    return ascii(name)[1:-1]


def _build(said: Said, options: PostgresOptions, around: Around) -> PostgresSource:
    return PostgresSource(said, options, around)


CONNECTOR: Final = Connector(kind=KIND, options=PostgresOptions, build=_build, meet=can_meet)
