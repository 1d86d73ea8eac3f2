"""Binds what a purge would do to files to exactly their present content (purge.md 6.6)."""

import os

from data.formats.interface import Reading
from data.retention.evidence import Marks
from data.retention.instants import BEGINNING
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.config import FilesConfig
from data.sources.interface import Measured
from data.sources.opening import Folders, edge_digest, is_same, open_file
from data.sources.reading import ReadsLogs, facts_of


def is_wholly_old(reading: Reading) -> bool:
    """Tell whether everything in a file may go."""
    return 0 < reading.records == reading.expired.records and not reading.undatable


class Planning:
    """Plans units below one open root, with the marks of one preview."""

    def __init__(self, folders: Folders, marks: Marks, *, config: FilesConfig, reader: ReadsLogs) -> None:
        self._folders = folders
        self._marks = marks
        self._config = config
        self._reader = reader

    def bind(self, measured: Measured) -> Planned | None:
        """Plan one unit; None where it has changed since it was measured, or nothing in it may go."""
        try:
            folder, leaf = self._folders.of(measured.unit.name)
            descriptor = open_file(folder, leaf)
        except OSError:  # it could be read a moment ago: it has gone, or is another one, or somebody else's
            return None
        try:
            planned = self._bound(measured, descriptor)
            return planned if is_same(os.fstat(descriptor), measured.unit.identity) else None
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)

    def _bound(self, measured: Measured, descriptor: int) -> Planned | None:
        found, reading = measured.unit.identity, measured.reading
        unit = Unit(
            name=measured.unit.name,
            identity=Identity(
                device=found.device,
                inode=found.inode,
                size=found.size,
                mtime_ns=found.mtime_ns,
                ctime_ns=found.ctime_ns,
                digest=edge_digest(descriptor, found.size),
            ),
        )
        if not is_wholly_old(reading):
            return self._cut(unit, descriptor)
        return Planned(
            unit=unit,
            action=Action.DELETE,
            records=reading.expired.records,
            bytes=found.size,
            lo=BEGINNING if reading.lowest_lo is None else reading.lowest_lo,
            hi=BEGINNING if reading.youngest_expired is None else reading.youngest_expired,
            cutoff=self._marks.cutoff,
            now=self._marks.now,
        )

    def _cut(self, unit: Unit, descriptor: int) -> Planned | None:
        kept = self._reader.kept(descriptor, facts_of(descriptor, unit.name, unit.identity, self._config), self._marks)
        if kept.span is None:
            return None
        return Planned(
            unit=unit,
            action=Action.REWRITE,
            records=kept.gone.records,
            bytes=unit.identity.size - kept.kept_bytes,
            lo=kept.span.lo,
            hi=kept.span.hi,
            kept_bytes=kept.kept_bytes,
            kept_records=kept.kept_records,
            kept_digest=kept.sha256,
            ranges=kept.ranges,
            cutoff=self._marks.cutoff,
            now=self._marks.now,
        )
