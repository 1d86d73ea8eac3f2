"""What a verification proves: PASS, PENDING, FAIL or UNKNOWN, and never one for another (purge.md 6.8)."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from data.retention.request import State


@unique
class Verdict(StrEnum):
    """The four verdicts."""

    PASS = "PASS"  # noqa: S105  not a password
    PENDING = "PENDING"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@unique
class Level(StrEnum):
    """How deep a deletion has gone; media sanitisation is never claimed."""

    REQUESTED = "L0"
    HIDDEN = "L1"
    REMOVED = "L2"
    RELEASED = "L3"
    EXPIRED = "L4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a second look found; counts."""

    looked: bool
    """Whether the source could be read to its end."""
    still_there: int = 0
    """Units that this purge removed and that are there all the same."""
    old_left: int = 0
    """Old records outside units whose residue is respected."""
    late: int = 0
    """Old records in units that were first seen after the preview."""
    wrongly_rewritten: int = 0
    controls: int = 0
    """Young units that were looked at before and after."""
    controls_lost: int = 0
    unresolved: int = 0
    """Units whose deletion failed for another reason than a hold, activity or an unsupported rewrite."""
    physical_delay: int = 0
    """Microseconds until the engine has released the storage."""


def judge(found: Verification) -> Verdict:
    """Give the verdict: not having looked is UNKNOWN, and no count of anything else mends that."""
    if found.controls_lost or found.wrongly_rewritten or found.still_there:
        return Verdict.FAIL
    if not found.looked:
        return Verdict.UNKNOWN
    if found.old_left or found.unresolved:
        return Verdict.FAIL
    return Verdict.PENDING if found.physical_delay else Verdict.PASS


GOES_ON: Final = frozenset({Verdict.PENDING, Verdict.UNKNOWN})
"""Verdicts of a second look that end nothing: the engine is not ready, or could not be looked at."""


def closing_state(verdict: Verdict, *, residue: int, partial: bool) -> State:
    """Give the state a request closes in; `partial` means stopped, or units that could not be deleted (FS-12)."""
    if verdict is Verdict.UNKNOWN:
        return State.CLOSED_UNVERIFIED
    if partial:
        return State.CLOSED_PARTIAL
    if verdict is Verdict.FAIL:
        return State.CLOSED_FAILED
    if verdict is Verdict.PENDING:
        return State.PENDING_PHYSICAL
    return State.CLOSED_WITH_RESIDUE if residue else State.CLOSED_CLEAN
