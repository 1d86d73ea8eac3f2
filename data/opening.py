"""Opens everything that an installation keeps: in its state folder, or in PostgreSQL."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data.audit.keys import Signer
from data.audit.log import AuditLog
from data.audit.postgres_log import AuditRows, PostgresAuditLog
from data.clock import Clock
from data.errors import StateError
from data.kept import Kept, Shown
from data.retention.instants import SECOND, instant_of
from data.stores.interface import FeedbackStore
from data.stores.postgres.database import Database
from data.stores.postgres.desk import PostgresDeskStores
from data.stores.postgres.feedback import PostgresFeedbackStore
from data.stores.postgres.holding import held
from data.stores.postgres.migrations import check_schema
from data.stores.postgres.retention import PostgresRetentionStores
from data.stores.tinydb_desk import open_desk, read_desk
from data.stores.tinydb_retention import open_retention, read_retention
from data.stores.tinydb_store import TinyFeedbackStore

MOST_OFFSET: Final = 60 * SECOND
"""How far the clock of the database may be from ours (purge.md 6.2)."""
MOVED: Final = "moved.json"
"""The file by which a state folder says that everything was moved into a database."""
_AUDIT: Final = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedKeeping:
    """Everything in the state folder: no server, one process."""

    folder: Path
    clock: Clock

    @contextmanager
    def open(self, signer: Signer) -> Iterator[Kept]:
        """Open everything for this process alone; raises `StateError`."""
        if (self.folder / MOVED).exists():
            message = (
                f"{self.folder}: was moved into a database: set PROCALL_STATE__POSTGRES_DSN; whoever goes on with what "
                f"is here all the same, and loses what happened since, removes {MOVED}"
            )
            raise StateError(message)
        with ExitStack() as stack:
            retention = open_retention(self.folder)
            stack.callback(retention.close)
            desk = open_desk(self.folder)
            stack.callback(desk.close)
            audit = AuditLog(self.folder / _AUDIT, clock=self.clock, signer=signer)
            stack.callback(audit.close)
            yield Kept(retention=retention, desk=desk, audit=audit)

    @contextmanager
    def show(self) -> Iterator[Shown]:
        """Show what is there at this moment, without a lock and without changing anything; raises `StateError`."""
        with ExitStack() as stack:
            retention, desk = read_retention(self.folder), read_desk(self.folder)
            stack.callback(retention.close)
            stack.callback(desk.close)
            yield Shown(retention=retention, desk=desk)

    @contextmanager
    def feedback(self) -> Iterator[FeedbackStore]:
        """Open the counts of feedback; raises `StateError`."""
        feedback = TinyFeedbackStore(self.folder / "feedback.json")
        try:
            yield feedback
        finally:
            feedback.close()

    @contextmanager
    def audit_files(self) -> Iterator[Path]:
        """Give the folder of the audit's files."""
        yield self.folder / _AUDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresKeeping:
    """Everything in PostgreSQL; keys, certificates and the index of local files stay in the state folder."""

    dsn: str = field(repr=False)
    host: str
    """Names the machine: its clock is compared with itself."""
    clock: Clock

    @contextmanager
    def open(self, signer: Signer) -> Iterator[Kept]:
        """Open everything for this process alone; raises `StateError`."""
        with self._connected() as database, held(database, self.dsn):
            yield Kept(
                retention=PostgresRetentionStores(database, host=self.host),
                desk=PostgresDeskStores(database),
                audit=PostgresAuditLog(database, clock=self.clock, signer=signer),
            )

    @contextmanager
    def show(self) -> Iterator[Shown]:
        """Show what is there; nothing is locked and nothing changed. Raises `StateError`."""
        with self._connected() as database:
            yield Shown(retention=PostgresRetentionStores(database, host=self.host), desk=PostgresDeskStores(database))

    @contextmanager
    def feedback(self) -> Iterator[FeedbackStore]:
        """Open the counts of feedback; raises `StateError`."""
        with self._connected() as database:
            yield PostgresFeedbackStore(database)

    @contextmanager
    def audit_files(self) -> Iterator[Path]:
        """Write the audit as the files that verify, export and prove work on, for a moment; raises `StateError`."""
        with self._connected() as database, tempfile.TemporaryDirectory(prefix="procall-audit-") as name:
            folder = Path(name)
            try:
                AuditRows(database).write_files(folder)
            except OSError as error:
                message = f"the audit cannot be written to {folder.parent} to be looked at: {error.strerror}"
                raise StateError(message) from error
            yield folder

    @contextmanager
    def _connected(self) -> Iterator[Database]:
        database = Database(self.dsn)
        try:
            check_schema(database)
            offset = database.now() - instant_of(self.clock.now())
            if abs(offset) > MOST_OFFSET:
                message = f"the clock of the database is {offset / SECOND:+.0f} s from ours: set both right first"
                raise StateError(message)
            yield database
        finally:
            database.close()
