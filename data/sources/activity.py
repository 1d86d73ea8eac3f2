"""Which files are being written, or soon will be, and so must not be touched (purge.md 6.4)."""

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

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
                places.update(_places(descriptors))
        except PermissionError:
            complete = False
        except OSError:  # it has ended
            continue
    return OpenFiles(places=frozenset(places), complete=complete)


def _places(descriptors: Iterable[os.DirEntry[str]]) -> Iterable[tuple[int, int]]:
    for descriptor in descriptors:
        try:
            found = descriptor.stat()
        except OSError:  # closed since
            continue
        yield found.st_dev, found.st_ino


class RollSets:
    """The roll sets of one folder: files that one writer fills one after the other."""

    def __init__(self, *, now: Instant, quiet: int, most: int) -> None:
        self._now = now
        self._quiet = quiet
        self._most = most
        self._sets: dict[object, _Set] = {}
        self._beyond = 0

    def add(self, key: object, mtime: Instant, *, counted: bool = False) -> None:
        """Take note of a file; keys are equal for files of one set; `counted` if it is active for another reason."""
        known = self._sets.get(key)
        if known is not None:
            known.add(mtime, counted=counted)
        elif len(self._sets) < self._most:
            self._sets[key] = _Set(mtime, counted=counted)
        elif mtime > self._now - FACTOR * LONGEST_INTERVAL:
            self._beyond += not counted

    def is_newest(self, key: object, mtime: Instant) -> bool:
        """Tell whether a file is the newest of its set and its writer may come back to it.

        The writer counts as dead when nothing has changed for twice the longest pause between the last eight changes,
        at most twice 31 days, and never less than the quiet time.
        """
        known = self._sets.get(key)
        if known is None:
            return mtime > self._now - FACTOR * LONGEST_INTERVAL
        return mtime >= known.newest and self._lives(known)

    def newest_alive(self) -> int:
        """Count the files of which `is_newest` holds and which were not counted for another reason."""
        return self._beyond + sum(known.uncounted for known in self._sets.values() if self._lives(known))

    def _lives(self, known: "_Set") -> bool:
        return known.newest > self._now - max(self._quiet, FACTOR * min(known.longest_pause(), LONGEST_INTERVAL))


class _Set:
    """The last changes of one roll set."""

    __slots__ = ("_last", "newest", "uncounted")

    def __init__(self, mtime: Instant, *, counted: bool) -> None:
        self.newest = mtime
        self.uncounted = int(not counted)
        self._last: list[Instant] | None = None  # most sets of a folder of single files never need one

    def add(self, mtime: Instant, *, counted: bool) -> None:
        if self._last is None:
            self._last = [self.newest]
        self._last.append(mtime)
        if mtime > self.newest:
            self.newest, self.uncounted = mtime, int(not counted)
        elif mtime == self.newest:
            self.uncounted += not counted
        if len(self._last) > 2 * REMEMBERED:
            self._last.sort(reverse=True)
            del self._last[REMEMBERED:]

    def longest_pause(self) -> int:
        last = sorted(self._last or (), reverse=True)[:REMEMBERED]
        return max((later - earlier for later, earlier in itertools.pairwise(last)), default=0)
