"""What can become of a unit in a purge, each in one stable word (purge.md 6.8)."""

from enum import StrEnum, unique
from typing import Final


@unique
class Code(StrEnum):
    """The final code of a unit; all but the first three are residue."""

    DELETED = "deleted"
    REWRITTEN = "rewritten"
    ABSENT = "absent"
    """Gone, and an intent of this very request says that it was this request."""
    TARGET_ABSENT = "target_absent"
    """Gone, but not by this request."""
    HELD = "held"
    HELD_NATIVE = "held_native"
    ACTIVE = "active"
    DRIFTED = "drifted"
    """No longer what was previewed."""
    LOCKED = "locked"
    DENIED = "denied"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED = "unsupported"
    """Old and young records in one unit, and records cannot be cut out of it."""
    DAMAGED = "damaged"
    FAILED = "failed"
    SKIPPED = "skipped"
    """No unit at all: a link, a device, another file system."""
    STOPPED = "stopped"
    """Not reached before somebody stopped the purge."""


DONE: Final = frozenset({Code.DELETED, Code.REWRITTEN, Code.ABSENT})
"""Codes by which this request has removed what it was to remove."""
RESPECTED: Final = frozenset({Code.HELD, Code.HELD_NATIVE, Code.ACTIVE, Code.UNSUPPORTED})
"""Codes whose old records may remain without the purge having failed (purge.md 6.11, P2)."""
