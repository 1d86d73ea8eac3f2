"""Which files are being written, or soon will be, and so must not be touched (purge.md 6.4)."""

import bisect
import itertools
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from data.retention.instants import DAY, Instant

QUIET: Final = "quiet"
"""Changed less than the quiet time ago."""
OPEN: Final = "open"
"""Some process has it open."""
NEWEST: Final = "newest"
"""The newest of its roll set, and the service does not look dead."""
GROWING: Final = "growing"
"""Changed between two looks."""

REMEMBERED: Final = 8
"""Last changes of a roll set that its interval is read from."""
LONGEST_INTERVAL: Final = 31 * DAY
"""A longer roll interval is not inferred: a dead service's last file must still go before 90 days are over."""
FACTOR: Final = 2
DEAD_AFTER: Final = 2 * DAY
"""A set is not reported as dead before it has been silent for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFiles:
    """What the processes of this machine have open, as far as we may see."""

    places: frozenset[tuple[int, int]] = field(default_factory=frozenset)
    """Device and inode."""
    complete: bool = True
    """Whether every process could be looked at; where not, only the quiet time speaks for the hidden ones."""


LooksAtOpenFiles = Callable[[], OpenFiles]


def open_files(processes: Path = Path("/proc")) -> OpenFiles:
    """List what other processes have open, by device and inode, so that names and links do not matter."""
    return _opened(processes, lambda _: True)


def written_files(processes: Path = Path("/proc")) -> OpenFiles:
    """List what other processes have open to write to it: for files that outlive their readers' interest."""
    return _opened(processes, lambda descriptor: bool(descriptor.stat(follow_symlinks=False).st_mode & stat.S_IWUSR))


def _opened(processes: Path, counts: Callable[[os.DirEntry[str]], bool]) -> OpenFiles:
    """List what the descriptors of other processes lead to; the mode of a descriptor tells what it may do (proc(5))."""
    places: set[tuple[int, int]] = set()
    complete = True
    own = str(os.getpid())
    try:
        running = [path for path in processes.iterdir() if path.name.isdigit() and path.name != own]
    except OSError:
        return OpenFiles(complete=False)
    for process in running:
        try:
            with os.scandir(process / "fd") as descriptors:
                places.update(_places(descriptors, counts))
        except PermissionError:
            complete = False
        except OSError:  # it has ended
            continue
    return OpenFiles(places=frozenset(places), complete=complete)


def _places(
    descriptors: Iterable[os.DirEntry[str]], counts: Callable[[os.DirEntry[str]], bool]
) -> Iterable[tuple[int, int]]:
    for descriptor in descriptors:
        try:
            if not counts(descriptor):
                continue
            found = descriptor.stat()
        except OSError:  # closed since
            continue
        yield found.st_dev, found.st_ino


class Alive(NamedTuple):
    """Files that are the newest of a living set and are not active for another reason."""

    units: int
    overdue: int
    """Of these, files with overdue records."""
    span: int
    """Microseconds between the first and the last record of the one that spans most."""


class RollSets:
    """The roll sets of one folder: files that one writer fills one after the other."""

    def __init__(self, *, now: Instant, quiet: int, most: int) -> None:
        self._now = now
        self._quiet = quiet
        self._most = most
        self._sets: dict[int, _Set] = {}
        self._beyond = [0, 0, 0]
        self.floors: dict[int, Instant] = {}
        """By set: changes before it say nothing more, and need not be added."""

    def add(
        self,
        roll: int,
        mtime: Instant,
        *,
        busy: bool = False,
        opened: bool = False,
        expired: bool = False,
        overdue: bool = False,
        span: int = 0,
    ) -> None:
        """Take note of a file of a set: whether it is active for another reason, open, and what it holds."""
        known = self._sets.get(roll)
        if known is None:
            if len(self._sets) >= self._most:
                if not busy and mtime > self._now - FACTOR * LONGEST_INTERVAL:
                    self._beyond[0] += 1
                    self._beyond[1] += overdue
                    self._beyond[2] = max(self._beyond[2], span)
                return
            self._sets[roll] = _Set(mtime, busy=busy, opened=opened, expired=expired, overdue=overdue, span=span)
            return
        known.add(mtime, busy=busy, opened=opened, expired=expired, overdue=overdue, span=span)
        if known.full:
            self.floors[roll] = known.floor

    def is_newest(self, roll: int, mtime: Instant) -> bool:
        """Tell whether a file is the newest of its set and its writer may come back to it.

        The writer counts as dead when nothing has changed for twice the longest pause between the last eight changes,
        at most twice 31 days, and never less than the quiet time.
        """
        known = self._sets.get(roll)
        if known is None:
            return mtime > self._now - FACTOR * LONGEST_INTERVAL
        return mtime >= known.newest and self._lives(known)

    def alive(self) -> Alive:
        """Count the files of which `is_newest` holds and which were not active for another reason."""
        earliest = self._now - max(self._quiet, FACTOR * LONGEST_INTERVAL)
        living = [known for known in self._sets.values() if known.newest > earliest and self._lives(known)]
        return Alive(
            units=self._beyond[0] + sum(known.idle for known in living),
            overdue=self._beyond[1] + sum(known.idle_overdue for known in living),
            span=max([self._beyond[2], *(known.idle_span for known in living)]),
        )

    def dead(self) -> int:
        """Count the sets that nobody will roll any more and whose newest file holds records that may go."""
        return sum(
            known.expired and not known.opened and not self._lives(known, at_least=DEAD_AFTER)
            for known in self._sets.values()
        )

    def _lives(self, known: "_Set", at_least: int = 0) -> bool:
        patience = max(self._quiet, at_least, FACTOR * min(known.longest_pause(), LONGEST_INTERVAL))
        return known.newest > self._now - patience


class _Set:
    """The last changes of one roll set, and what is so of its newest files."""

    __slots__ = ("_last", "expired", "idle", "idle_overdue", "idle_span", "newest", "opened")

    def __init__(self, mtime: Instant, *, busy: bool, opened: bool, expired: bool, overdue: bool, span: int) -> None:
        self.newest = mtime
        self.idle = int(not busy)
        self.idle_overdue = int(overdue and not busy)
        self.idle_span = 0 if busy else span
        self.opened = opened
        self.expired = expired
        self._last = [mtime]

    @property
    def full(self) -> bool:
        """Tell whether an older change says nothing any more."""
        return len(self._last) >= REMEMBERED

    @property
    def floor(self) -> Instant:
        """Give the earliest change that is remembered."""
        return self._last[0]

    def add(self, mtime: Instant, *, busy: bool, opened: bool, expired: bool, overdue: bool, span: int) -> None:
        bisect.insort(self._last, mtime)
        if len(self._last) > REMEMBERED:
            del self._last[0]
        if mtime > self.newest:
            self.newest = mtime
            self.idle = self.idle_overdue = self.idle_span = 0
            self.opened = self.expired = False
        if mtime == self.newest:
            self.idle += not busy
            self.idle_overdue += overdue and not busy
            self.idle_span = max(self.idle_span, 0 if busy else span)
            self.opened |= opened
            self.expired |= expired

    def longest_pause(self) -> int:
        if len(self._last) == 1:  # most sets of a folder with a file for each event
            return 0
        return max((later - earlier for earlier, later in itertools.pairwise(self._last)), default=0)
