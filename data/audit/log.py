"""The audit log: append-only, each entry chained to the last, on the disk before anybody is told (security.md 4.2).

One file a year (an epoch). The first entry of an epoch holds head and size of the one before, so old epochs can be
deleted without breaking the rest. What cannot be recorded must not be done: every failure is a `StateError`.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, Final

from data.audit.chain import ACKNOWLEDGED, Chain, begin_chain
from data.audit.checkpoint import (
    CHECKPOINT_EVERY,
    CHECKPOINTS,
    Checkpoint,
    checkpoint_line,
    contradiction_of,
    is_genuine,
    seal_chain,
)
from data.audit.disk import RESERVE_BYTES, AppendOnlyFile, Reserve, take_lock
from data.audit.entry import SYSTEM, AuditEntry, Draft
from data.audit.keys import Signer
from data.audit.reading import epoch_files, epoch_path, read_checkpoints, read_entries, scan_epoch
from data.clock import Clock
from data.errors import StateError
from data.retention.instants import Instant, datetime_of, instant_of
from data.stores.durable import make_folder

_LOG: Final = "log"

TORN: Final = "audit.torn"
"""The kind of the entry that tells how many bytes of an unfinished line were cut off."""


class AuditLog:
    """The log of one installation, open for one process; usable from several threads."""

    def __init__(self, folder: Path, *, clock: Clock, signer: Signer | None) -> None:
        """Open or begin the log of a folder.

        Raises `StateError` where the log is not whole or shorter than its checkpoints, or another process has it.
        """
        self._folder, self._clock, self._signer = folder, clock, signer
        self._guard = RLock()
        self._reserve = Reserve(folder / "audit.reserve")
        self._files: dict[str, AppendOnlyFile] = {}
        self._chain = begin_chain(self._year())
        self._last: AuditEntry  # from the moment the log is open
        self._sealed: Checkpoint | None = None
        try:
            make_folder(folder)
        except OSError as error:
            message = f"{folder}: the audit log cannot be used: {error.strerror}"
            raise StateError(message) from error
        self._lock = take_lock(folder / "audit.lock")
        try:
            self._open()
        except OSError as error:
            self.close()
            message = f"{folder}: the audit log cannot be used: {error.strerror}"
            raise StateError(message) from error
        except BaseException:
            self.close()
            raise

    # -- what it knows ------------------------------------------------------------------------------------------------

    @property
    def last(self) -> AuditEntry:
        """The latest entry; there always is one, since a log begins by recording that it was opened."""
        return self._last

    @property
    def size(self) -> int:
        """How many entries there ever were: the sequence number of the last."""
        return self._chain.size

    @property
    def head(self) -> str:
        """SHA-256 of the last line, in hex."""
        return self._chain.head

    @property
    def unsealed(self) -> int:
        """How many entries came after the last checkpoint."""
        return self.size - (self._sealed.size if self._sealed else 0)

    @property
    def reserve_used(self) -> bool:
        """Whether the room put by for a full disk is gone: no purge should be begun before `refill_reserve`."""
        return self._reserve.used

    def entries(self, object: str = "") -> Iterator[AuditEntry]:  # noqa: A002  the word of the entry's own field
        """Stream the entries forward as they were when asked, or only those about one object; raises `StateError`."""
        return read_entries(self._folder, object, until=self.size)

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
        """Record several things with one flush to the disk: all of them are there, or none counts.

        `read_back` looks whether the file really holds them now. Where the wall time is behind the last entry by up
        to 5 s the entry gets the last one's time; by more, `ClockError` is raised, or with `allow_backward` (for what
        has already been done and must be told) the entry says what the clock says, and `verify` warns. Raises
        `ValueError` for what may not stand in an audit, and `StateError`: then nothing counts as recorded, though where
        the disk failed to flush it may still be found after the next start.
        """
        with self._guard:
            at = self._time(allow_backward=allow_backward)
            self._roll(at)
            added = self._write(self._file(), self._chain, drafts, at)
            if read_back:
                self._file().read_back(b"".join(line for line, _ in added))
            if self.unsealed >= CHECKPOINT_EVERY:
                self._try_checkpoint()
            return tuple(entry for _, entry in added)

    def acknowledge_clock(self, actor: str) -> AuditEntry:
        """Record that somebody looked at a clock that had jumped and trusts it now: the next entries may follow it."""
        return self.append(ACKNOWLEDGED, actor, allow_backward=True)

    def checkpoint(self) -> Checkpoint:
        """Sign what the log is now, keep that beside it and give it; the last one where nothing has come since.

        Raises `StateError` where there is no key or the disk does not take it.
        """
        with self._guard:
            if self._sealed is not None and self._sealed.size == self.size:
                return self._sealed
            if self._signer is None:
                raise StateError("the audit log has no key to sign checkpoints with")
            made = seal_chain(self._signer, self._chain, instant_of(self._clock.now()))
            self._files[CHECKPOINTS].append(checkpoint_line(made) + b"\n")
            self._sealed = made
            return made

    def make_room(self) -> bool:
        """Give the reserve up where the disk is full, so that stores can note what a purge must note."""
        with self._guard:
            return self._free() < RESERVE_BYTES and self._reserve.release()

    def refill_reserve(self) -> bool:
        """Put the room for a full disk by again; False where the disk still does not give it."""
        with self._guard:
            return self._free() >= 2 * RESERVE_BYTES and self._reserve.fill()

    def _free(self) -> int:
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        """Let another process have the log; nothing is written."""
        with self._guard:
            for file in self._files.values():
                file.close()
            self._files.clear()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    # -- how ----------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._files[CHECKPOINTS] = seals = self._append_only(CHECKPOINTS)
        seals.drop_torn()
        self._sealed = self._last_checkpoint()
        torn = self._take_up()
        self._reserve.fill()
        if self._chain.first > self._chain.size:
            self._begin(self._chain, self._time(allow_backward=True))
        if torn:
            self.append(TORN, data={"bytes": torn}, allow_backward=True)
        if self._sealed is None or self.unsealed >= CHECKPOINT_EVERY:
            self._try_checkpoint()

    def _last_checkpoint(self) -> Checkpoint | None:
        last: Checkpoint | None = None
        for found in read_checkpoints(self._folder):
            if found is None:
                raise self._contradiction("a line is no checkpoint")
            last = found
        signer = self._signer
        if last and signer and last.key == signer.key_id and not is_genuine(last, signer.public):
            raise self._contradiction("the last signature is false")
        return last

    def _take_up(self) -> int:
        """Take the chain up where the newest epoch leaves it, cut off what is torn, tell how many bytes that was."""
        torn = 0
        epochs = list(epoch_files(self._folder).items())
        if epochs:
            newest, path = epochs[-1]
            scanned = scan_epoch(path, sealed=self._sealed)
            self._chain = scanned.chain or self._before(epochs[:-1]).next_epoch(newest)
            self._files[_LOG] = file = self._append_only(path.name)
            torn = scanned.torn
            if torn:
                file.cut(scanned.good)
        self._refuse_contradiction()
        if self._chain.last is not None:
            self._last = self._chain.last
        return torn

    def _refuse_contradiction(self) -> None:
        found = contradiction_of(self._sealed, self._chain) if self._sealed else ""
        if found:
            raise self._contradiction(found)

    def _before(self, epochs: list[tuple[int, Path]]) -> Chain:
        """Give the chain that an epoch without entries goes on from."""
        if not epochs:
            return begin_chain(self._year())
        chain = scan_epoch(epochs[-1][1], sealed=self._sealed).chain
        if chain is None:
            raise self._contradiction(f"{epochs[-1][1].name} is empty")
        return chain

    def _roll(self, at: Instant) -> None:
        """Go on in a new file where a new year has begun."""
        year = datetime_of(at).year
        if year > self._chain.epoch:
            self._file().check()  # an entry that may be there, unacknowledged, must not be passed over in a new file
            self._try_checkpoint()
            self._begin(self._chain.next_epoch(year), at)

    def _begin(self, chain: Chain, at: Instant) -> None:
        file = self._append_only(epoch_path(self._folder, chain.epoch).name)
        try:
            if file.size:
                raise self._contradiction(f"{file.path.name} is not empty")
            self._write(file, chain, [chain.opening()], at)
        except StateError:
            file.close()
            raise
        before = self._files.get(_LOG)
        if before is not None:
            before.close()
        self._files[_LOG], self._chain = file, chain
        self._try_checkpoint()

    def _write(
        self, file: AppendOnlyFile, chain: Chain, drafts: Iterable[Draft], at: Instant
    ) -> list[tuple[bytes, AuditEntry]]:
        added = chain.lines(drafts, at)
        file.append(b"".join(line for line, _ in added))
        for line, entry in added:
            chain.grow(line, entry)
            self._last = entry
        return added

    def _try_checkpoint(self) -> None:
        """Sign what is there, if that can be done; if not, `unsealed` tells, and the next entries try again."""
        if self._signer is not None:
            with contextlib.suppress(StateError):
                self.checkpoint()

    def _time(self, *, allow_backward: bool) -> Instant:
        return self._chain.time_for(instant_of(self._clock.now()), allow_backward=allow_backward)

    def _year(self) -> int:
        return self._clock.now().year

    def _file(self) -> AppendOnlyFile:
        found = self._files.get(_LOG)
        if found is None:
            raise StateError("the audit log is not open")
        return found

    def _append_only(self, name: str) -> AppendOnlyFile:
        return AppendOnlyFile(self._folder / name, make_room=self._reserve.release)

    def _contradiction(self, what: str) -> StateError:
        return StateError(f"{self._folder / CHECKPOINTS} and the log do not agree: {what}; ask `audit verify`")
