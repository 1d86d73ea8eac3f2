"""What a verification of the audit log says: a verdict, and what is wrong at which entry."""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final


@unique
class Verdict(StrEnum):
    """How the log was found."""

    INTACT = "intact"
    BROKEN = "broken"
    NOT_CHECKABLE = "not_checkable"


@unique
class FlawCode(StrEnum):
    """What can be wrong with a log, each in one stable word."""

    GAP = "gap"
    """Entries are missing; named by the first of them."""
    ALTERED = "altered"
    """This entry is not what it was."""
    OUT_OF_ORDER = "out_of_order"
    """This entry stands behind later ones."""
    DUPLICATE_SEQ = "duplicate_seq"
    """This entry is there twice."""
    FORK = "fork"
    """Two different entries go on from the same one."""
    CUT_TAIL = "cut_tail"
    """The log is shorter than a checkpoint beside it."""
    BAD_SIGNATURE = "bad_signature"
    """A checkpoint is damaged, or was not signed by the key it names."""
    REWRITTEN = "rewritten"
    """The chain is whole, but it is not the one that a checkpoint was signed over."""
    ROLLED_BACK = "rolled_back"
    """The log is older than a checkpoint kept off the host."""
    NO_CHECKPOINT = "no_checkpoint"
    """No checkpoint vouches for any entry that is here."""
    NO_KEY = "no_key"
    """No public key was given, so that no signature was checked."""
    UNKNOWN_KEY = "unknown_key"
    """A checkpoint was signed by another key than the one given."""
    UNSEALED = "unsealed"
    """More entries behind the last checkpoint than there can be if none is missing: only a chain vouches for them."""
    UNREADABLE = "unreadable"
    """A file could not be read."""
    TOO_OLD = "too_old"
    """The checkpoint kept off the host is of an epoch that is no longer here."""
    TORN_LAST_LINE = "torn_last_line"
    """A crash left half an entry that nobody was told of: no flaw."""
    CLOCK_BACKWARDS = "clock_backwards"
    """The time of this entry is before the one ahead of it: a warning."""
    EPOCHS_GONE = "epochs_gone"
    """Earlier epochs are not here: a warning."""


WARNINGS: Final = frozenset({FlawCode.TORN_LAST_LINE, FlawCode.CLOCK_BACKWARDS, FlawCode.EPOCHS_GONE})
"""Findings with which a log is still intact."""
UNCHECKED: Final = frozenset(
    {
        FlawCode.NO_CHECKPOINT,
        FlawCode.NO_KEY,
        FlawCode.UNKNOWN_KEY,
        FlawCode.UNSEALED,
        FlawCode.UNREADABLE,
        FlawCode.TOO_OLD,
    },
)
"""Findings that leave open whether the log is intact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFlaw:
    """One thing that was found."""

    code: FlawCode
    seq: int | None = None
    """The entry it is about."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a verification says."""

    verdict: Verdict
    findings: tuple[AuditFlaw, ...]
    """In the order found; of very many only the first."""
    more: int
    """How many further findings are left out."""
    first: int
    """The sequence number of the first entry that is here; 0 where there is none."""
    size: int
    """The sequence number of the last entry."""
    head: str
    """SHA-256 of the last line, in hex."""
    epochs: tuple[int, ...]
    checkpoints: int
    """How many genuine checkpoints agree with the log."""
    sealed: int
    """The last entry that such a checkpoint vouches for."""


def verdict_of(codes: frozenset[FlawCode]) -> Verdict:
    """Judge a log by what was found: what is broken outweighs what could not be checked."""
    if codes - WARNINGS - UNCHECKED:
        return Verdict.BROKEN
    return Verdict.NOT_CHECKABLE if codes & UNCHECKED else Verdict.INTACT
