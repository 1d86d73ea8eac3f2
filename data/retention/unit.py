"""Units: the smallest thing a connector deletes, what is at its place, and what a purge would do with it."""

from dataclasses import dataclass
from enum import StrEnum, unique
from hashlib import sha256

from data.retention.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One thing a connector can delete; its name is bytes because file names are."""

    name: bytes
    identity: "Identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which content stands at a place: any change of it makes another identity.

    Device and inode name the place itself, for as long as it stands and whatever it is called; a connector whose engine
    has no such numbers derives them (`place_of`).
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    digest: str = ""
    """SHA-256 over the first and last 64 KiB, hexadecimal; "" where only listed, not planned."""
    tag: str = ""
    """The engine's own name of exactly this content, by which it deletes conditionally: an ETag, a version, an oid with
    its bounds; "" where the numbers say it all."""

    def same_place(self, other: "Identity") -> bool:
        """Tell whether everything but the digest agrees."""
        return (self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns, self.tag) == (
            other.device,
            other.inode,
            other.size,
            other.mtime_ns,
            other.ctime_ns,
            other.tag,
        )


def place_of(*names: str | bytes) -> int:
    """Give a number of 63 bits for a place that an engine knows by names only: equal for equal names, never else."""
    digest = sha256()
    for name in names:
        part = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else name
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return int.from_bytes(digest.digest()[:8], "big") >> 1


@unique
class Action(StrEnum):
    """What a purge does with a unit."""

    DELETE = "delete"
    REWRITE = "rewrite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One row of a manifest: a unit, bound to its content, and what is to happen with it."""

    unit: Unit
    action: Action
    records: int
    """Records that go."""
    bytes: int
    """Bytes that go."""
    lo: Instant
    hi: Instant
    """The interval of all records that go."""
    kept_bytes: int = 0
    kept_records: int = 0
    kept_digest: str = ""
    """SHA-256 of the whole file as it will be after a rewrite."""
    ranges: tuple[tuple[int, int], ...] = ()
    """The bytes that stay, each from (inclusive) and to (exclusive); () where a rewrite has to judge the file again."""
    cutoff: Instant = 0
    """Records whose interval ends before it go."""
    now: Instant = 0
    """When the preview looked; the rewrite judges future stamps as the preview did."""
