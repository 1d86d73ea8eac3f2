"""The retention rule of clause 2.7, and how careful a purge under it has to be."""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.errors import SettingsError
from data.retention.canonical import digest_of
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, whole_seconds

LONGEST_AGE = 90 * DAY
"""Clause 2.7: at the latest after 90 days."""


@unique
class DataKind(StrEnum):
    """What a source may hold: the four kinds that clause 2.7 names, and nothing else."""

    LOG = "log"
    TRACE = "trace"
    EXCEPTION = "exception"
    STACK_TRACE = "stack_trace"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """How long records of one kind may live; durations in microseconds."""

    data_kind: DataKind
    max_age: int = LONGEST_AGE
    margin: int = 7 * DAY
    id: str = "clause-2.7"
    version: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.max_age <= LONGEST_AGE:
            message = "retention.max_age_days: between 1 and 90 days, as clause 2.7 says"
            raise SettingsError(message)
        if not 0 <= self.margin < self.max_age:
            message = "retention.margin_days: must be smaller than max_age_days"
            raise SettingsError(message)

    @property
    def digest(self) -> str:
        """Give a digest that changes with anything the rule says."""
        return digest_of(
            {
                "id": self.id,
                "version": self.version,
                "data_kind": self.data_kind.value,
                "max_age": self.max_age,
                "margin": self.margin,
            },
        )

    def marks(self, now: Instant) -> Marks:
        """Give cutoff and limit at an instant: `now - (P - M)` in whole seconds, and `now - P` (purge.md 6.2)."""
        return Marks(cutoff=whole_seconds(now - self.max_age + self.margin), limit=now - self.max_age, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How careful a purge is; durations in microseconds."""

    approvals: int = 1
    """Distinct people besides the requester; never none."""
    confirm_for: int = 30 * MINUTE
    approve_for: int = 24 * HOUR
    execute_for: int = 24 * HOUR
    """How long after the cooling an approved purge may still start."""
    cooling_for: int = 15 * MINUTE
    max_share: float = 0.5
    """Largest share of a source's records one purge may take."""

    def __post_init__(self) -> None:
        if self.approvals < 1:
            message = "purge.approvals: at least one other person must approve"
            raise SettingsError(message)
        if not 0 < self.max_share <= 1:
            message = "purge.max_share: larger than 0, at most 1"
            raise SettingsError(message)

    @property
    def digest(self) -> str:
        """Give a digest that changes with anything said here."""
        return digest_of(
            {
                "approvals": self.approvals,
                "confirm_for": self.confirm_for,
                "approve_for": self.approve_for,
                "execute_for": self.execute_for,
                "cooling_for": self.cooling_for,
                "max_share": f"{self.max_share:.6f}",
            },
        )


def check_approvable(care: Care, *, admins: int, approvers: int) -> None:
    """Refuse a configuration in which a request could never be approved; raises `SettingsError` (security.md FE-08).

    `approvers` counts everybody who may approve, `admins` those who may ask for a purge.
    """
    if admins and approvers - 1 < care.approvals:
        message = (
            f"purge.approvals: {care.approvals} besides the requester must approve, "
            f"but roles name only {approvers} people who may"
        )
        raise SettingsError(message)
