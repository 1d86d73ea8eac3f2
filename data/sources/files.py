"""Local log files as a source: everything by descriptors, nothing outside the root, nothing that is in use."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from data.clock import Clock
from data.errors import SourceError
from data.retention.evidence import Marks
from data.retention.instants import Instant, instant_of
from data.retention.residue import Code
from data.retention.unit import Identity, Planned, Unit
from data.sources.activity import LooksAtOpenFiles, open_files
from data.sources.config import VERSION, FilesConfig, open_root, why_not
from data.sources.delete import Deletion, Moment, outcome_of
from data.sources.index import SCHEMA, opened
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
from data.sources.logrotate import longest_kept, rotations
from data.sources.measure import Measuring
from data.sources.opening import Folders, edge_digest, identity_of, open_file
from data.sources.planning import Planning, is_wholly_old
from data.sources.reading import ReadsLogs, to_instant
from data.sources.recover import Recovery, verify
from data.sources.tombstones import Tombstones
from data.sources.walk import Folder, Found, rules_of, walk


class FilesSource:
    """The files below one folder.

    `state` is a folder of the bot's own for the scan index, for what was purged, and to read the file system's clock;
    without one every look reads everything. `rotation` is the folder of logrotate's settings. `reader_version` changes
    whenever the reader judges otherwise than before, so that nothing it read before is relied on.
    """

    def __init__(
        self,
        config: FilesConfig,
        *,
        reader: ReadsLogs,
        clock: Clock,
        state: Path | None = None,
        rotation: Path | None = None,
        reader_version: str = "1",
        look: LooksAtOpenFiles = open_files,
    ) -> None:
        self._config = config
        self._reader = reader
        self._clock = clock
        self._state = state
        self._index = None if state is None else state / f"{config.id}.index.sqlite"
        self._tombstones = None if state is None else Tombstones(state / f"{config.id}.purged.sqlite")
        self._rotation = rotation
        self._reader_version = reader_version
        self._look = look

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._config.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        return self._config.digest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return Capabilities(
            kind="files",
            version=VERSION,
            rewrites=self._config.rewrite,
            conditional="identity",
            exact_counts=True,
            hides_first=False,
        )

    def probe(self) -> Probe:
        """Look whether the root can be used, and how far the file system's clock is from ours."""
        reason, explained = why_not(self._config)
        rotation = () if self._rotation is None else rotations(self._config.root, self._rotation)
        return Probe(
            reachable=not reason,
            reason=reason,
            explained=explained,
            clock_offset=self._clock_offset(),
            own_retention=longest_kept(rotation),
        )

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there now, in bounded memory. Raises `SourceError`."""
        root = open_root(self._config)
        try:
            for folder in walk(root, rules_of(self._config, root)):
                if isinstance(folder, Skipped):
                    yield folder
                    continue
                for found in folder.files():
                    yield found if isinstance(found, Skipped) else _unit(folder, found)
        finally:
            os.close(root)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Read what is there, unchanged files from the scan index unless `fresh`. Raises `SourceError`."""
        with self._measuring(marks, fresh=fresh, index=self._index) as (root, measuring):
            yield from measuring.measure(root)

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` would give, without making a value of each unit. Raises `SourceError`."""
        for index in (self._index, None):  # where the file breaks, once more without it
            with self._measuring(marks, fresh=False, index=index) as (root, measuring):
                found = measuring.summarise(root)
            if found is not None:
                return found
        raise SourceError(f"source {self.id}: there is no room for a scan index")

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count records older than the last purge's cutoff (purge.md 6.10). Raises `SourceError`, `StateError`.

        What was purged before, under whatever name, has been resurrected; what was first seen since is late; what had
        been seen before and was not purged was held or active, and is neither.
        """
        late = resurrected = 0
        for measured in self.measure(replace(marks, cutoff=purged_until)):
            if isinstance(measured, Skipped) or not measured.reading.expired.records:
                continue
            identity = self.identity(measured.unit)
            if identity is not None and self._tombstones and self._tombstones.purged(identity.digest) is not None:
                resurrected += measured.reading.expired.records
            elif measured.first_seen is None or measured.first_seen >= purged_at:
                late += measured.reading.expired.records
        return Reappeared(late=late, resurrected=resurrected)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed; without a state folder nothing is remembered. Raises `StateError`."""
        if self._tombstones is not None:
            self._tombstones.remember(rows, at=at)

    @contextmanager
    def _measuring(self, marks: Marks, *, fresh: bool, index: Path | None) -> Iterator[tuple[int, Measuring]]:
        root = open_root(self._config)
        try:
            rules = rules_of(self._config, root)
            valid_for = f"{SCHEMA} {self._reader_version} {self.config_digest} {rules.device} {sorted(rules.uids)}"
            most = self._config.limits.rows_in_memory
            with opened(index, marks, valid_for=valid_for, rows_in_memory=most) as known:
                yield (
                    root,
                    Measuring(
                        config=self._config,
                        reader=self._reader,
                        rules=rules,
                        index=known,
                        opened=self._look(),
                        fresh=fresh,
                    ),
                )
        finally:
            os.close(root)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none. Raises `SourceError`."""
        with self._places() as folders:
            return self._identity(folders, unit.name)

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind what would happen to units to exactly their present content; one answer each, in order.

        None for a unit that has changed since it was measured, and where nothing in it may be deleted. Raises
        `SourceError` where the root cannot be used.
        """
        with self._places() as folders:
            planning = Planning(folders, marks, config=self._config, reader=self._reader)
            for measured in batch:
                yield planning.bind(measured) if selects(measured, rewrite=self._config.rewrite) else None

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete or rewrite units that still are what was planned; one outcome each, in order; never raises `OSError`.

        All of the batch is done, and durable, before the first outcome is given: take them all.
        """
        try:
            root = open_root(self._config)
        except SourceError:
            reason, _ = why_not(self._config)
            yield from (Acted(code=Code.UNREACHABLE, reason=reason) for _ in batch)
            return
        try:
            deletion = Deletion(root, self._moment(root), config=self._config, reader=self._reader, guard=guard)
            yield from deletion.run(batch)
        finally:
            os.close(root)

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended action, and end it under the guard; None if it has not happened."""
        try:
            root = open_root(self._config)
        except SourceError:
            return Acted(code=Code.UNREACHABLE, reason=why_not(self._config)[0])
        try:
            recovery = Recovery(root, self._moment(root), config=self._config, reader=self._reader, guard=guard)
            return recovery.run(planned)
        except OSError as error:
            return outcome_of(error)
        except ValueError:  # of the reader
            return Acted(code=Code.FAILED, reason="unreadable")
        finally:
            os.close(root)

    def _moment(self, root: int) -> Moment:
        rules = rules_of(self._config, root)
        return Moment(
            now=instant_of(self._clock.now()),
            open=self._look(),
            look=self._look,
            uids=rules.uids,
            device=rules.device,
        )

    def verify(self, planned: Planned) -> Code | None:
        """Look by path whether an action has held; None if so, else what is wrong."""
        try:
            return verify(self._config.root, planned, config=self._config, reader=self._reader)
        except OSError as error:
            return outcome_of(error).code

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell that a file's storage is released with its last name."""
        del rows, removed_at
        return Release.RELEASED

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether the file system itself protects a unit: never; an immutable file says so when it is deleted."""
        del unit
        return False

    def copies(self) -> tuple[Copy, ...]:
        """List known copies: none; whether snapshots or backups of the file system exist is not known here."""
        return ()

    @contextmanager
    def _places(self) -> Iterator[Folders]:
        """Open the root for looks at single units. Raises `SourceError`."""
        root = open_root(self._config)
        try:
            with Folders(root, depth=self._config.limits.depth) as folders:
                yield folders
        finally:
            os.close(root)

    def _identity(self, folders: Folders, name: bytes) -> Identity | None:
        try:
            folder, leaf = folders.of(name)
            descriptor = open_file(folder, leaf)
        except OSError as error:
            if outcome_of(error).code in {Code.TARGET_ABSENT, Code.DRIFTED}:
                return None
            raise SourceError(f"source {self.id}: {_shown(name)}: {error.strerror}") from error
        try:
            found = os.fstat(descriptor)
            return identity_of(found, edge_digest(descriptor, found.st_size))
        finally:
            os.close(descriptor)

    def _clock_offset(self) -> int:
        """Tell how many microseconds the file system's clock is ahead of ours; 0 where there is no scratch folder."""
        if self._state is None:
            return 0
        try:
            with tempfile.TemporaryFile(dir=self._state) as made:
                made.write(b"?")
                made.flush()
                return to_instant(os.fstat(made.fileno()).st_mtime_ns) - instant_of(self._clock.now())
        except OSError:
            return 0


def selects(measured: Measured, *, rewrite: bool) -> bool:
    """Tell whether a purge may touch a unit at all: it holds old records, nobody uses it, and mixed ones may be cut."""
    if measured.active or not measured.reading.expired.records:
        return False
    return rewrite or is_wholly_old(measured.reading)


def _unit(folder: Folder, found: Found) -> Unit:
    return Unit(name=folder.name_of(found.leaf), identity=identity_of(found.stat))


def _shown(name: bytes) -> str:
    """Show a name so that nothing in it can mislead: ASCII, everything else escaped."""
    return ascii(name.decode("utf-8", "backslashreplace"))[1:-1]
