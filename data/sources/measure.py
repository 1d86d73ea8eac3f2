"""Reads what is in a tree, file by file, and says which files must not be touched now."""

import os
from collections.abc import Iterator
from dataclasses import replace

from data.formats.names import roll_key
from data.retention.evidence import Marks
from data.retention.instants import Instant
from data.retention.residue import Code
from data.retention.unit import Identity, Unit
from data.sources.activity import GROWING, NEWEST, OPEN, QUIET, OpenFiles, RollSets
from data.sources.config import FilesConfig
from data.sources.delete import outcome_of
from data.sources.interface import Measured, Skipped
from data.sources.opening import FILE, identity_of, is_same, refused
from data.sources.reading import ReadsLogs, look_at, to_instant
from data.sources.walk import Folder, Found, Rules


class Measuring:
    """One pass over a source with fixed marks."""

    def __init__(
        self, *, config: FilesConfig, reader: ReadsLogs, rules: Rules, marks: Marks, opened: OpenFiles
    ) -> None:
        self._config = config
        self._reader = reader
        self._rules = rules
        self._marks = marks
        self._opened = opened

    def folder(self, folder: Folder) -> Iterator[Measured | Skipped]:
        """Measure every file of one folder: first its roll sets, then one file after the other."""
        limits = self._config.limits
        sets = RollSets(now=self._marks.now, quiet=self._config.quiet, most=limits.roll_sets)
        for found in folder.files():
            if isinstance(found, Found):
                sets.add(roll_key(folder.name_of(found.leaf)), to_instant(found.stat.st_mtime_ns))
        for found in folder.files():
            if isinstance(found, Skipped):
                yield found
                continue
            measured = self.read(folder, found)
            if measured is not None:
                yield self.judged(measured, sets) if isinstance(measured, Measured) else measured

    def judged(self, measured: Measured, sets: RollSets) -> Measured:
        """Add why a file must not be touched now."""
        identity = measured.unit.identity
        mtime = to_instant(identity.mtime_ns)
        active = measured.active or self.busy(identity, mtime)
        if not active and sets.is_newest(roll_key(measured.unit.name), mtime):
            active = NEWEST
        return replace(measured, active=active)

    def read(self, folder: Folder, found: Found) -> Measured | Skipped | None:
        """Read one file; None if it has gone since it was listed."""
        name = folder.name_of(found.leaf)
        try:
            descriptor = os.open(found.leaf, FILE, dir_fd=folder.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _unreadable(name, error)
        try:
            now = os.fstat(descriptor)
            reason = refused(now, device=self._rules.device, uids=self._rules.uids)
            if reason:
                return Skipped(name=name, code=Code.SKIPPED, reason=reason)
            look = look_at(descriptor, name, config=self._config, reader=self._reader, marks=self._marks)
        except OSError as error:
            return _unreadable(name, error)
        finally:
            os.close(descriptor)
        grew = look.changed or not is_same(now, identity_of(found.stat))
        unit = Unit(name=name, identity=look.identity)
        return Measured(unit=unit, reading=look.reading, active=GROWING if grew else "")

    def busy(self, identity: Identity, mtime: Instant) -> str:
        """Tell whether somebody has a file open or changed it a moment ago; "" if not."""
        if (identity.device, identity.inode) in self._opened.places:
            return OPEN
        return QUIET if mtime > self._marks.now - self._config.quiet else ""


def _unreadable(name: bytes, error: OSError) -> Skipped:
    outcome = outcome_of(error)
    code = Code.SKIPPED if outcome.code is Code.DRIFTED else outcome.code
    reason = {Code.SKIPPED: "not_a_file", Code.DENIED: "denied"}.get(code, outcome.reason)
    return Skipped(name=name, code=code, reason=reason)
