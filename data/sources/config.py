"""What a source of local files is told, and whether the folder it names may be one at all."""

import fnmatch
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data.errors import SourceError
from data.formats.interface import Zone
from data.retention.instants import MINUTE
from data.sources.opening import FOLDER

VERSION: Final = "1"
LONGEST_PATTERN: Final = 200
_KERNEL: Final = ("/proc", "/sys", "/dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a walk goes."""

    depth: int = 32
    """Folders below the root."""
    rows_in_memory: int = 200_000
    """Rows of one folder that the scan index holds at once; above it they are asked for one by one."""
    roll_sets: int = 100_000
    """Roll sets of one folder that are told apart; what is beyond counts as the newest of its set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConfig:
    """One `[[sources]]` block of kind `files`; raises `SourceError` for a pattern that cannot be matched."""

    id: str
    title: str
    data_kind: str
    root: Path
    include: tuple[str, ...] = ("*.log*",)
    """Patterns (fnmatch, case counts) for the last part of a name."""
    zone: Zone = None
    pin: str = ""
    rewrite: bool = True
    quiet: int = 15 * MINUTE
    """Microseconds without a change before a file counts as at rest."""
    owners: tuple[int, ...] = ()
    """Owners of files besides this process and the owner of the root."""
    forbidden: tuple[Path, ...] = ()
    """The bot's own state, settings and code: a root inside or around them is refused."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.include:
            raise SourceError(f"source {self.id}: include: names no pattern")
        for pattern in self.include:
            if not pattern or "/" in pattern or "\0" in pattern or len(pattern) > LONGEST_PATTERN:
                shown = pattern[:LONGEST_PATTERN]
                reason = f"must have 1 to {LONGEST_PATTERN} characters and no slash"
                raise SourceError(f"source {self.id}: include: {shown!r}: {reason}")
        if self.quiet < 0:
            raise SourceError(f"source {self.id}: quiet_minutes: must not be negative")

    def matcher(self) -> re.Pattern[str]:
        """Compile the patterns; fnmatch makes them free of backtracking (security.md FS 28)."""
        return re.compile("|".join(fnmatch.translate(pattern) for pattern in self.include))

    def digest(self) -> str:
        """Hash everything that decides what is selected; the title and the deny-list do not."""
        zone = self.zone.key if self.zone else None
        deciding = {
            "connector": f"files {VERSION}",
            "id": self.id,
            "data_kind": self.data_kind,
            "root": os.fsencode(self.root).hex(),
            "include": self.include,
            "zone": zone,
            "pin": self.pin,
            "rewrite": self.rewrite,
            "quiet": self.quiet,
            "owners": sorted(self.owners),
            "depth": self.limits.depth,
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()

    def check_root(self) -> None:
        """Refuse a root that may not be a source; raises `SourceError` naming source, path and why."""
        os.close(open_root(self))


class _RefusedError(Exception):
    """A root that may not be one; the reason is a stable word."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason
        self.why = why


def open_root(config: FilesConfig) -> int:
    """Open the root folder, part by part; the caller closes it. Raises `SourceError`."""
    try:
        return _open_checked(config)
    except _RefusedError as refused:
        raise SourceError(f"source {config.id}: {config.root}: {refused.why}") from None


def why_not(config: FilesConfig) -> tuple[str, str]:
    """Tell why the root cannot be used, in a stable word and in a sentence; both are "" where it can."""
    try:
        os.close(_open_checked(config))
    except _RefusedError as refused:
        return refused.reason, f"source {config.id}: {config.root}: {refused.why}"
    return "", ""


def _open_checked(config: FilesConfig) -> int:
    root = config.root
    if not root.is_absolute() or ".." in root.parts:
        raise _RefusedError("not_absolute", "must be an absolute path without '..'")
    if any(root.is_relative_to(kernel) for kernel in _KERNEL):
        raise _RefusedError("kernel", "lies in the kernel's own file systems")
    descriptor, above = _descend(root)
    try:
        _refuse_kernel(descriptor)
        _refuse_own(descriptor, above, config.forbidden)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _descend(root: Path) -> tuple[int, set[tuple[int, int]]]:
    """Open part by part; give the folder and which folders it and those above it are."""
    here, passed = os.open("/", FOLDER), Path("/")
    above = {_place(os.fstat(here))}
    for number, part in enumerate(root.parts[1:], start=2):
        passed /= part
        flags = FOLDER if number == len(root.parts) else FOLDER | os.O_PATH  # passing through needs no right to read
        try:
            below = os.open(part, flags, dir_fd=here)
        except OSError as error:
            raise _explain(here, part, passed, error) from None
        finally:
            os.close(here)
        here = below
        above.add(_place(os.fstat(here)))
    return here, above


def _explain(here: int, part: str, passed: Path, error: OSError) -> _RefusedError:
    try:
        found = os.stat(part, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        return _RefusedError("missing", f"{passed} does not exist")
    except OSError:
        return _RefusedError("denied", f"{passed} cannot be opened: {error.strerror}")
    if stat.S_ISLNK(found.st_mode):
        return _RefusedError("link", f"{passed} is a symbolic link; name the folder it leads to")
    if not stat.S_ISDIR(found.st_mode):
        return _RefusedError("not_a_folder", f"{passed} is not a folder")
    return _RefusedError("denied", f"{passed} cannot be opened: {error.strerror}")


def _refuse_kernel(descriptor: int) -> None:
    """Refuse a kernel file system that is mounted elsewhere too."""
    device, whole = os.fstat(descriptor).st_dev, Path("/").stat().st_dev
    for kernel in _KERNEL:
        try:
            its = Path(kernel).stat().st_dev
        except OSError:
            continue
        if its == device != whole:
            raise _RefusedError("kernel", "lies in the kernel's own file systems")


def _refuse_own(descriptor: int, above: set[tuple[int, int]], forbidden: tuple[Path, ...]) -> None:
    here = _place(os.fstat(descriptor))
    for path in forbidden:
        real = Path(os.path.realpath(path))
        try:
            own, around = place_of(real), [place_of(folder) for folder in real.parents]
        except OSError as error:  # what nobody can look at might be the root itself
            raise _RefusedError("denied", f"cannot be told from the bot's own {real}: {error.strerror}") from None
        if own in above:
            raise _RefusedError("own_state", f"lies in the bot's own {real}")
        if here in around:
            raise _RefusedError("own_state", f"holds the bot's own {real}")


def place_of(path: Path) -> tuple[int, int] | None:
    """Tell device and inode of a path, links followed; None where nothing is. Raises `OSError` if nobody can tell."""
    try:
        return _place(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _place(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
