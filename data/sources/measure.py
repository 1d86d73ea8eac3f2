"""Reads what is in a tree, file by file, and says which files must not be touched now."""

import os
from collections.abc import Iterator
from dataclasses import replace

from data.formats.interface import Reading
from data.formats.names import roll_key
from data.retention.instants import BEGINNING, Instant
from data.retention.residue import Code
from data.retention.unit import Unit
from data.sources.activity import GROWING, NEWEST, OPEN, QUIET, OpenFiles, RollSets
from data.sources.config import FilesConfig
from data.sources.delete import outcome_of
from data.sources.index import EXPIRED, OVERDUE, VALID, Index, Known, Rows
from data.sources.interface import Measured, Skipped, SourceSummary
from data.sources.opening import identity_of, is_same, open_file, refused
from data.sources.reading import ReadsLogs, look_at, to_instant
from data.sources.summary import Noticed, add_up
from data.sources.walk import Folder, Found, Rules, walk


class Measuring:
    """One pass over a source with fixed marks, against an open index."""

    def __init__(
        self, *, config: FilesConfig, reader: ReadsLogs, rules: Rules, index: Index, opened: OpenFiles, fresh: bool
    ) -> None:
        self._config = config
        self._reader = reader
        self._rules = rules
        self._index = index
        self._marks = index.marks
        self._opened = opened
        self._inodes = frozenset(inode for _, inode in opened.places)
        self._fresh = fresh

    def measure(self, root: int) -> Iterator[Measured | Skipped]:
        """Measure file by file."""
        for folder in walk(root, self._rules):
            if isinstance(folder, Skipped):
                yield folder
                continue
            rows, sets = self._survey(folder)
            for found in folder.files():
                measured = found if isinstance(found, Skipped) else self._one(folder, rows, found)
                if isinstance(measured, Measured):
                    yield self._judged(measured, sets)
                elif measured is not None:
                    yield measured
            rows.forget_unseen()
        self._index.finish()

    def summarise(self, root: int) -> SourceSummary | None:
        """Bring the index up to date and add up what it holds, making no value of unchanged files; None if it broke."""
        noticed = Noticed()
        for folder in walk(root, self._rules):
            if isinstance(folder, Skipped):
                noticed.skip(folder)
            else:
                self._tally(folder, noticed)
        self._index.finish()
        return add_up(self._index, noticed)

    def _survey(self, folder: Folder) -> tuple[Rows, RollSets]:
        """Look at all files of a folder once, to know which is the newest of its set."""
        whole = self._index.broken
        rows, sets = self._index.folder(folder.path), self._sets()
        for found in folder.files():
            if isinstance(found, Found):
                leaf = os.fsencode(found.leaf)
                known = rows.get(leaf)
                roll = self._index.roll(roll_key(folder.name_of(found.leaf))) if known is None else known[5]
                sets.add(roll, to_instant(found.stat.st_mtime_ns))
        # sets may be split where the index broke in the middle: then it knows nothing any more, and all is seen alike
        return (rows, sets) if whole == self._index.broken else self._survey(folder)

    def _sets(self) -> RollSets:
        return RollSets(now=self._marks.now, quiet=self._config.quiet, most=self._config.limits.roll_sets)

    def _one(self, folder: Folder, rows: Rows, found: Found) -> Measured | Skipped | None:
        """Take one file from the index, or read it."""
        leaf = os.fsencode(found.leaf)
        known = rows.get(leaf)
        if known is not None and not self._fresh and agrees(known, found.stat, self._rules.device):
            rows.seen(leaf)
            full = self._index.full(rows, leaf, folder.name_of(found.leaf), found.stat.st_dev)
            if full is not None:
                return full
        return self._read(folder, rows, found)

    def _read(self, folder: Folder, rows: Rows, found: Found) -> Measured | Skipped | None:
        """Read one file and remember what it holds; None if it has gone since it was listed."""
        measured = self._open_and_read(folder, found)
        if isinstance(measured, Measured):
            leaf = os.fsencode(found.leaf)
            rows.seen(leaf)
            first_seen = self._index.put(rows, leaf, measured, self._index.roll(roll_key(measured.unit.name)))
            return replace(measured, first_seen=first_seen)
        return measured

    def _open_and_read(self, folder: Folder, found: Found) -> Measured | Skipped | None:
        name = folder.name_of(found.leaf)
        try:
            descriptor = open_file(folder.descriptor, found.leaf)
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
        except ValueError:  # a family of formats that does not exist, say: one file must not end the whole look
            return Skipped(name=name, code=Code.DAMAGED, reason="unreadable")
        finally:
            os.close(descriptor)
        grew = look.changed or not is_same(now, identity_of(found.stat))
        unit = Unit(name=name, identity=look.identity)
        return Measured(unit=unit, reading=look.reading, active=GROWING if grew else "", born=look.born)

    def _judged(self, measured: Measured, sets: RollSets) -> Measured:
        """Add why a file must not be touched now."""
        identity = measured.unit.identity
        mtime = to_instant(identity.mtime_ns)
        active = measured.active or self._busy(identity.inode, identity.device, mtime)
        if not active and sets.is_newest(self._index.roll(roll_key(measured.unit.name)), mtime):
            active = NEWEST
        return replace(measured, active=active)

    def _busy(self, inode: int, device: int, mtime: Instant) -> str:
        """Tell whether somebody has a file open or changed it a moment ago; "" if not."""
        if inode in self._inodes and (device, inode) in self._opened.places:
            return OPEN
        return QUIET if mtime > self._marks.now - self._config.quiet else ""

    def _tally(self, folder: Folder, noticed: Noticed) -> None:
        """Bring one folder up to date in the index; most files of most scans take the short way."""
        rows, sets = self._index.folder(folder.path), self._sets()
        floors, device, fresh = sets.floors, self._rules.device, self._fresh
        settled = self._marks.now - self._config.quiet
        try:
            for entry in folder.entries():
                known = rows.get(entry.name.encode("utf-8", "surrogateescape"))
                try:
                    current = known is not None and agrees(known, entry.stat(follow_symlinks=False), device)
                except OSError:
                    current = False
                if known is None or fresh or not current:
                    self._tally_slowly(folder, rows, sets, noticed, entry)
                    continue
                rows.seen(known[0])
                mtime = -(-known[3] // 1000)
                if known[1] in self._inodes or mtime > settled:
                    busy = self._busy(known[1], device, mtime)
                    self._notice(sets, noticed, known[5], mtime, busy, known[6], known[7])
                elif mtime >= floors.get(known[5], mtime):
                    flags = known[6]
                    expired, overdue = bool(flags & EXPIRED), bool(flags & OVERDUE)
                    sets.add(known[5], mtime, expired=expired, overdue=overdue, span=known[7])
        except OSError as error:
            noticed.skip(_unreadable(folder.path, error))
        rows.forget_unseen()
        noticed.rolls(sets)

    def _tally_slowly(
        self, folder: Folder, rows: Rows, sets: RollSets, noticed: Noticed, entry: os.DirEntry[str]
    ) -> None:
        found = folder.judge(entry)
        measured = self._read(folder, rows, found) if isinstance(found, Found) else found
        if isinstance(measured, Measured):
            identity, reading = measured.unit.identity, measured.reading
            mtime = to_instant(identity.mtime_ns)
            busy = measured.active or self._busy(identity.inode, identity.device, mtime)
            flags = EXPIRED * (reading.expired.records > 0) + OVERDUE * (reading.overdue > 0)
            roll = self._index.roll(roll_key(measured.unit.name))
            self._notice(sets, noticed, roll, mtime, busy, flags, span_of(reading))
        elif measured is not None:
            noticed.skip(measured)
            if isinstance(found, Found):  # cannot be read, and yet may be what its service writes to
                roll = self._index.roll(roll_key(folder.name_of(found.leaf)))
                sets.add(roll, to_instant(found.stat.st_mtime_ns), busy=True)

    def _notice(
        self, sets: RollSets, noticed: Noticed, roll: int, mtime: Instant, busy: str, flags: int, span: int
    ) -> None:
        expired, overdue = bool(flags & EXPIRED), bool(flags & OVERDUE)
        if busy:
            noticed.busy(overdue=overdue, span=span)
        sets.add(roll, mtime, busy=bool(busy), opened=busy == OPEN, expired=expired, overdue=overdue, span=span)


def agrees(known: Known, found: os.stat_result, device: int) -> bool:
    """Tell whether a file is as it was when it was read, and what was read of it holds at the present marks.

    Its mode, owner and links are too: they cannot change without its ctime.
    """
    _, inode, size, mtime_ns, ctime_ns, _, flags, _ = known
    return (
        bool(flags & VALID)
        and mtime_ns == found.st_mtime_ns
        and inode == found.st_ino
        and size == found.st_size
        and ctime_ns == found.st_ctime_ns
        and device == found.st_dev
    )


def span_of(reading: Reading) -> int:
    """Tell how many microseconds the dated records of a file span; 0 where its beginning is not known."""
    first, last = reading.lowest_lo, reading.highest_hi
    return last - first if first is not None and last is not None and first > BEGINNING else 0


def _unreadable(name: bytes, error: OSError) -> Skipped:
    outcome = outcome_of(error)
    code = Code.SKIPPED if outcome.code is Code.DRIFTED else outcome.code
    reason = {Code.SKIPPED: "not_a_file", Code.DENIED: "denied"}.get(code, outcome.reason)
    return Skipped(name=name, code=code, reason=reason)
