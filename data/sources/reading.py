"""What a source of files asks of whoever reads logs, and how it asks: through an open descriptor, before and after."""

import os
from dataclasses import dataclass
from typing import Protocol

from data.formats.interface import FileFacts, Kept, Reading
from data.retention.evidence import Marks
from data.retention.instants import Instant
from data.retention.unit import Identity
from data.sources.config import FilesConfig
from data.sources.kernel import birth_of
from data.sources.opening import identity_of

_NS = 1000


class ReadsLogs(Protocol):
    """Reads logs of any family; the same descriptor, facts and marks give the same result."""

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Judge every record. Raises `OSError`."""
        ...

    def kept(self, fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Tell what a rewrite would keep. Raises `OSError`."""
        ...

    def rewrite(self, fd: int, target_fd: int, facts: FileFacts, marks: Marks) -> Kept:
        """Write what stays, verbatim, and tell what it was. Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A file read to its end."""

    identity: Identity
    reading: Reading
    changed: bool
    """Whether it changed while it was read."""
    born: Instant | None
    """When it was made, where the file system tells."""


def look_at(descriptor: int, name: bytes, *, config: FilesConfig, reader: ReadsLogs, marks: Marks) -> Look:
    """Read an open file and look at it again afterwards. Raises `OSError`."""
    before = identity_of(os.fstat(descriptor))
    born = birth_of(descriptor)
    reading = reader.read(descriptor, _facts(name, before, config, born), marks)
    after = identity_of(os.fstat(descriptor))
    return Look(identity=before, reading=reading, changed=before != after, born=born)


def facts_of(descriptor: int, name: bytes, identity: Identity, config: FilesConfig) -> FileFacts:
    """Give what is known of an open file besides its content."""
    return _facts(name, identity, config, birth_of(descriptor))


def _facts(name: bytes, identity: Identity, config: FilesConfig, birth: Instant | None) -> FileFacts:
    mtime = to_instant(identity.mtime_ns)
    return FileFacts(
        name=name,
        size=identity.size,
        mtime=mtime,
        birth=birth if birth is not None and birth <= mtime else None,  # a copy with its old mtime proves no birth
        zone=config.zone,
        pin=config.pin,
    )


def to_instant(nanoseconds: int) -> Instant:
    """Give a file's time as an instant, rounded up: the later end of an interval is the safe one."""
    return -(-nanoseconds // _NS)
