"""Walks a tree folder by folder with open descriptors: no recursion, no link followed, one device, bounded memory."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from data.errors import SourceError
from data.retention.residue import Code
from data.sources.config import FilesConfig, place_of
from data.sources.interface import Skipped
from data.sources.opening import FOLDER, refused

LEFTOVER: Final = re.compile(r"\.procall-[0-9a-f]{16}\.(?:tmp|part)")
"""What a purge that runs, or did not come to its end, has set aside: never units, and yet they hold records."""


class Found(NamedTuple):
    """A file that may be a unit."""

    leaf: str
    """The last part of its name, undecodable bytes as surrogates."""
    stat: os.stat_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What makes a unit of a file."""

    device: int
    uids: frozenset[int]
    matches: Callable[[str], object]
    """Tells by the last part of the name."""
    depth: int
    own: frozenset[tuple[int, int]]
    """Folders and files of the bot's own, by device and inode."""


class Folder:
    """One open folder of the tree; may be used until the walk goes on."""

    def __init__(self, descriptor: int, path: bytes, rules: Rules) -> None:
        self.descriptor = descriptor
        self.path = path
        """Below the root; b"" for the root itself."""
        self.has_folders = False
        self._rules = rules

    def name_of(self, leaf: str) -> bytes:
        """Give the name of a unit in this folder."""
        last = os.fsencode(leaf)
        return self.path + b"/" + last if self.path else last

    def files(self) -> Iterator[Found | Skipped]:
        """List what may be units here and what is none; folders are only noticed."""
        try:
            for entry in self.entries():
                found = self.judge(entry)
                if found is not None:
                    yield found
        except OSError as error:
            yield Skipped(name=self.path, code=Code.DENIED, reason=_word(error))

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """List everything here, unjudged. Raises `OSError`."""
        # a descriptor of its own is read, so that two readers do not share one place
        own = os.open(".", FOLDER, dir_fd=self.descriptor)
        try:
            with os.scandir(own) as entries:
                yield from entries
        finally:
            os.close(own)

    def judge(self, entry: os.DirEntry[str]) -> Found | Skipped | None:
        """Tell what something here is; None where it is nothing of ours to speak of."""
        rules, leaf = self._rules, entry.name
        if entry.is_dir(follow_symlinks=False):
            self.has_folders = True
            return None
        if leaf.startswith(".procall-") and LEFTOVER.fullmatch(leaf):
            return Skipped(name=self.name_of(leaf), code=Code.SKIPPED, reason="set_aside")
        if not rules.matches(leaf) and not entry.is_symlink():
            return None
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since it was listed
            return None
        except OSError as error:
            return Skipped(name=self.name_of(leaf), code=Code.DENIED, reason=_word(error))
        reason = refused(found, device=rules.device, uids=rules.uids)
        if not reason and (found.st_dev, found.st_ino) in rules.own:
            reason = "own_state"
        return Skipped(name=self.name_of(leaf), code=Code.SKIPPED, reason=reason) if reason else Found(leaf, found)


def rules_of(config: FilesConfig, root: int) -> Rules:
    """Make the rules of a source whose root is open; raises `SourceError` where the bot's own cannot be told."""
    found = os.fstat(root)
    try:
        own = {place for place in map(place_of, config.forbidden) if place is not None}
    except OSError as error:  # what nobody can look at might be here, and would be taken for a log
        message = f"source {config.id}: cannot tell logs from the bot's own {error.filename}: {error.strerror}"
        raise SourceError(message) from None
    return Rules(
        device=found.st_dev,
        uids=frozenset({os.geteuid(), found.st_uid, *config.owners}),
        matches=config.matcher().match,
        depth=config.limits.depth,
        own=frozenset(own),
    )


def walk(root: int, rules: Rules) -> Iterator[Folder | Skipped]:
    """Give every folder from the root down and what was not entered; the caller owns the root's descriptor."""
    stack: list[tuple[Folder, Iterator[os.DirEntry[str]] | None]] = [(Folder(os.dup(root), b"", rules), None)]
    try:
        while stack:
            folder, below = stack[-1]
            if below is None:
                yield folder
                below = folder.entries() if folder.has_folders else iter(())
                stack[-1] = (folder, below)
            entered = _next_below(folder, below, rules, depth=len(stack))
            if isinstance(entered, Folder):
                stack.append((entered, None))
            elif entered is not None:
                yield entered
            else:
                stack.pop()
                os.close(folder.descriptor)
    finally:
        for folder, _ in stack:
            os.close(folder.descriptor)


def _next_below(
    folder: Folder, below: Iterator[os.DirEntry[str]], rules: Rules, *, depth: int
) -> Folder | Skipped | None:
    """Enter the next folder in a folder; None after the last."""
    try:
        for entry in below:
            if entry.is_dir(follow_symlinks=False):
                entered = _enter(folder, entry.name, folder.name_of(entry.name), rules, depth=depth)
                if entered is not None:
                    return entered
    except OSError as error:
        return Skipped(name=folder.path, code=Code.DENIED, reason=_word(error))
    return None


def _enter(above: Folder, leaf: str, name: bytes, rules: Rules, *, depth: int) -> Folder | Skipped | None:
    if depth > rules.depth:
        return Skipped(name=name, code=Code.SKIPPED, reason="too_deep")
    try:
        descriptor = os.open(leaf, FOLDER, dir_fd=above.descriptor)
    except FileNotFoundError:
        return None
    except NotADirectoryError:  # it was a folder a moment ago: a link or a file has taken its place
        return Skipped(name=name, code=Code.SKIPPED, reason="symlink")
    except OSError as error:
        return Skipped(name=name, code=Code.DENIED, reason=_word(error))
    found = os.fstat(descriptor)
    reason = "other_device" if found.st_dev != rules.device else ""
    if (found.st_dev, found.st_ino) in rules.own:
        reason = "own_state"
    if reason:
        os.close(descriptor)
        return Skipped(name=name, code=Code.SKIPPED, reason=reason)
    return Folder(descriptor, name, rules)


def _word(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "denied"
    return error.strerror.lower().replace(" ", "_") if error.strerror else "failed"
