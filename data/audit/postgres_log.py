"""The audit log in PostgreSQL: one chain for all processes, inserted and never changed (security.md 4.2).

Whoever appends holds the log's lock from the look at the last entry to the commit, so sequence numbers are in the order
of the commits, and no reader ever sees a gap. The lines are byte for byte those of the files, so one verifier does.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any, Final

from data.audit.chain import ACKNOWLEDGED, Chain, begin_chain
from data.audit.checkpoint import (
    CHECKPOINT_EVERY,
    CHECKPOINTS,
    Checkpoint,
    checkpoint_line,
    checkpoint_of,
    contradiction_of,
    is_genuine,
    seal_chain,
)
from data.audit.entry import SYSTEM, AuditEntry, Draft
from data.audit.keys import Signer
from data.audit.reading import epoch_path, is_opening, read_entry, scan_lines
from data.clock import Clock
from data.errors import StateError
from data.retention.instants import Instant, datetime_of, instant_of
from data.stores.postgres.database import Connection, Database, Row
from data.stores.postgres.statements import Statement, load_statements, statement

_WHERE: Final = "the audit log in the database"
_LOCK: Final = 0x50524F43414C01
"""The key of the advisory lock: no other part of the product uses it."""
_BLOCK: Final = 2_000


class AuditRows:
    """The log's rows, to look at: nothing is locked, changed or verified."""

    def __init__(self, database: Database) -> None:
        self._database, self._texts = database, load_statements()
        self._about, self._since, self._of_epoch, self._seals = (
            self._statement(name) for name in ("audit_about", "audit_since", "audit_of_epoch", "seals_since")
        )

    def entries(self, object: str = "") -> Iterator[AuditEntry]:  # noqa: A002  the word of the entry's own field
        """Stream the entries forward as they were when asked, or only those about one object; raises `StateError`."""
        until = self.size
        source = self._paged(self._about, object=object) if object else self._paged(self._since)
        for row in source:
            if row[0] > until:
                return
            yield read_entry(_WHERE, bytes(row[-1]))

    @property
    def size(self) -> int:
        """How many entries there ever were; raises `StateError`."""
        found: int = self._database.rows(self._statement("audit_size"))[0][0]
        return found

    def epochs(self) -> tuple[int, ...]:
        """List the epochs, oldest first; raises `StateError`."""
        return tuple(row[0] for row in self._database.rows(self._statement("audit_epochs")))

    def lines(self, epoch: int) -> Iterator[bytes]:
        """Stream the lines of an epoch with their newlines; raises `StateError`."""
        return (bytes(row[1]) + b"\n" for row in self._paged(self._of_epoch, epoch=epoch))

    def seals(self) -> Iterator[bytes]:
        """Stream the lines of the checkpoints with their newlines; raises `StateError`."""
        number = 0
        while rows := self._database.rows(self._seals, {"number": number, "most": _BLOCK}):
            yield from (bytes(row[1]) + b"\n" for row in rows)
            number = rows[-1][0]

    def last_seal(self) -> Checkpoint | None:
        """Give the last checkpoint; None where there is none or the last line is none; raises `StateError`."""
        found = self._database.rows(self._statement("last_seal"))
        try:
            return checkpoint_of(bytes(found[0][0])) if found else None
        except ValueError as error:
            message = f"{_WHERE}: a line is no checkpoint; ask `audit verify`"
            raise StateError(message) from error

    def write_files(self, folder: Path) -> None:
        """Write the log as the files that verify, export and prove work on; raises `StateError` and `OSError`.

        Checkpoints first: one that is signed meanwhile must not speak of entries that are not there.
        """
        with (folder / CHECKPOINTS).open("wb") as file:
            file.writelines(self.seals())
        for epoch in self.epochs():
            with epoch_path(folder, epoch).open("wb") as file:
                file.writelines(self.lines(epoch))

    def _statement(self, name: str) -> Statement:
        return statement(self._texts, name)

    def _paged(self, found: Statement, **params: object) -> Iterator[Row]:
        seq = 0
        while rows := self._database.rows(found, params | {"seq": seq, "most": _BLOCK}):
            yield from rows
            seq = rows[-1][0]


class PostgresAuditLog:
    """The log of one installation, open for any number of processes; usable from several threads."""

    def __init__(self, database: Database, *, clock: Clock, signer: Signer | None) -> None:
        """Open or begin the log. Raises `StateError` where it is not whole or shorter than its checkpoints."""
        self._database, self._clock, self._signer = database, clock, signer
        self._rows = AuditRows(database)
        texts = load_statements()
        self._lock, self._append, self._since, self._seal = (
            statement(texts, name) for name in ("lock_changes", "audit_append", "audit_since", "seal")
        )
        self._guard = RLock()
        self._sealed = self._last_checkpoint()
        self._chain = self._take_up()
        found = contradiction_of(self._sealed, self._chain) if self._sealed else ""
        if found:
            message = f"{_WHERE}: the checkpoints and the log do not agree: {found}; ask `audit verify`"
            raise StateError(message)
        if self._chain.size == 0:
            self.append_many(())
        if self._sealed is None or self.unsealed >= CHECKPOINT_EVERY:
            self._try_checkpoint()

    # -- what it knows ------------------------------------------------------------------------------------------------

    @property
    def last(self) -> AuditEntry:
        """The latest entry of any process; there always is one, since a log begins by recording that it was opened."""
        last = self._present().last
        if last is None:
            message = f"{_WHERE}: holds no entry"
            raise StateError(message)
        return last

    @property
    def size(self) -> int:
        """How many entries there ever were: the sequence number of the last."""
        return self._present().size

    @property
    def head(self) -> str:
        """SHA-256 of the last line, in hex."""
        return self._present().head

    @property
    def unsealed(self) -> int:
        """How many entries came after the last checkpoint this process knows."""
        return self._chain.size - (self._sealed.size if self._sealed else 0)

    @property
    def reserve_used(self) -> bool:
        """Never: room for a full disk is the database's affair."""
        return False

    def entries(self, object: str = "") -> Iterator[AuditEntry]:  # noqa: A002  the word of the entry's own field
        """Stream the entries forward as they were when asked, or only those about one object; raises `StateError`."""
        return self._rows.entries(object)

    # -- what it does -------------------------------------------------------------------------------------------------

    def append(
        self,
        kind: str,
        actor: str = SYSTEM,
        object: str = "",  # noqa: A002  the word of the entry's own field
        data: Mapping[str, Any] | None = None,
        *,
        read_back: bool = False,
        allow_backward: bool = False,
    ) -> AuditEntry:
        """Record one thing, durably, before it is answered; see `append_many`."""
        draft = Draft(kind=kind, actor=actor, object=object, data=data or {})
        return self.append_many([draft], read_back=read_back, allow_backward=allow_backward)[0]

    def append_many(
        self, drafts: Iterable[Draft], *, read_back: bool = False, allow_backward: bool = False
    ) -> tuple[AuditEntry, ...]:
        """Record several things in one transaction: all of them are there, or none counts.

        `read_back` looks with another connection whether the table really holds them now. Clocks are judged as in
        `AuditLog.append_many`. Raises `ValueError` for what may not stand in an audit, `ClockError`, and `StateError`:
        then nothing counts as recorded, though where the connection broke it may still be found later.
        """
        wanted = tuple(drafts)
        with self._guard:
            with self._database.transaction() as connection:
                connection.execute(self._lock.sql, {"lock": _LOCK})
                chain = self._caught_up(connection, self._chain.copy())
                at = chain.time_for(instant_of(self._clock.now()), allow_backward=allow_backward)
                chain, opened = self._rolled(connection, chain, at)
                added = self._write(connection, chain, wanted, at)
            self._chain = chain
            if read_back:
                self._read_back(added)
            if opened or self.unsealed >= CHECKPOINT_EVERY:
                self._try_checkpoint()
            return tuple(entry for _, entry in added)

    def acknowledge_clock(self, actor: str) -> AuditEntry:
        """Record that somebody looked at a clock that had jumped and trusts it now: the next entries may follow it."""
        return self.append(ACKNOWLEDGED, actor, allow_backward=True)

    def checkpoint(self) -> Checkpoint:
        """Sign what the log is now, keep that beside it and give it; the last one where nothing has come since.

        Raises `StateError` where there is no key or the database does not take it.
        """
        if self._signer is None:
            raise StateError("the audit log has no key to sign checkpoints with")
        with self._guard:
            with self._database.transaction() as connection:
                connection.execute(self._lock.sql, {"lock": _LOCK})
                chain = self._caught_up(connection, self._chain.copy())
                sealed = self._rows.last_seal()
                if sealed is None or sealed.size != chain.size:
                    sealed = seal_chain(self._signer, chain, instant_of(self._clock.now()))
                    connection.execute(self._seal.sql, {"line": checkpoint_line(sealed)})
            self._chain, self._sealed = chain, sealed
            return sealed

    def make_room(self) -> bool:
        """Do nothing: room for a full disk is the database's affair."""
        return False

    def refill_reserve(self) -> bool:
        """Do nothing; there is nothing to refill."""
        return True

    def close(self) -> None:
        """Do nothing: the database is not ours to close, and nothing is locked."""

    # -- how ----------------------------------------------------------------------------------------------------------

    def _last_checkpoint(self) -> Checkpoint | None:
        last, signer = self._rows.last_seal(), self._signer
        if last and signer and last.key == signer.key_id and not is_genuine(last, signer.public):
            message = f"{_WHERE}: the last signature is false; ask `audit verify`"
            raise StateError(message)
        return last

    def _take_up(self) -> Chain:
        """Take the chain up where the newest epoch leaves it, every link of that epoch checked."""
        epochs = self._rows.epochs()
        if not epochs:
            return begin_chain(self._clock.now().year)
        chain = scan_lines(self._rows.lines(epochs[-1]), epoch=epochs[-1], where=_WHERE, sealed=self._sealed).chain
        if chain is None:
            message = f"{_WHERE}: epoch {epochs[-1]} is empty; ask `audit verify`"
            raise StateError(message)
        return chain

    def _present(self) -> Chain:
        """Give the chain as it stands in the database now."""
        with self._guard, self._database.connection() as connection:
            self._chain = self._caught_up(connection, self._chain)
            return self._chain

    def _caught_up(self, connection: Connection, chain: Chain) -> Chain:
        """Take up what other processes have appended; raises `StateError` for a line that does not go on."""
        while rows := connection.execute(self._since.sql, {"seq": chain.size, "most": _BLOCK}).fetchall():
            for seq, epoch, line in rows:
                chain = _taken_up(chain, seq, epoch, bytes(line))
        return chain

    def _rolled(self, connection: Connection, chain: Chain, at: Instant) -> tuple[Chain, bool]:
        """Begin the log, or a new epoch where a new year has begun."""
        year = datetime_of(at).year
        if chain.last is not None and year <= chain.epoch:
            return chain, False
        if chain.last is not None:
            chain = chain.next_epoch(year)
        self._write(connection, chain, [chain.opening()], at)
        return chain, True

    def _write(
        self, connection: Connection, chain: Chain, drafts: Iterable[Draft], at: Instant
    ) -> list[tuple[bytes, AuditEntry]]:
        added = chain.lines(drafts, at)
        if added:
            rows = [
                {"seq": entry.seq, "epoch": chain.epoch, "object": entry.object, "line": line[:-1]}
                for line, entry in added
            ]
            connection.cursor().executemany(self._append.sql, rows)
        for line, entry in added:
            chain.grow(line, entry)
        return added

    def _read_back(self, added: list[tuple[bytes, AuditEntry]]) -> None:
        if not added:
            return
        first = added[0][1].seq
        found = self._database.rows(self._since, {"seq": first - 1, "most": len(added)})
        if [bytes(row[2]) + b"\n" for row in found] != [line for line, _ in added]:
            message = f"{_WHERE}: does not hold what was written to it"
            raise StateError(message)

    def _try_checkpoint(self) -> None:
        """Sign what is there, if that can be done; if not, `unsealed` tells, and the next entries try again."""
        if self._signer is not None:
            with contextlib.suppress(StateError):
                self.checkpoint()


def _taken_up(chain: Chain, seq: int, epoch: int, line: bytes) -> Chain:
    entry = read_entry(_WHERE, line)
    goes_on = entry.seq == seq == chain.size + 1 and entry.prev == chain.head
    if epoch != chain.epoch or chain.last is None:
        goes_on = goes_on and is_opening(entry) and epoch >= chain.epoch
        chain = chain.next_epoch(epoch)
        chain.origin = str(entry.data.get("origin", ""))
    if not goes_on:
        message = f"{_WHERE}: is not whole at entry {seq} (sha256 {sha256(line).hexdigest()[:16]}); ask `audit verify`"
        raise StateError(message)
    chain.grow(line + b"\n", entry)
    return chain
