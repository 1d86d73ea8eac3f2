"""A standing rule: purges by itself, because an admin approved and a DPO acknowledged exactly that version of it.

Changing or switching it off needs the same two people (purge.md 6.7). The steps stand in `standing_steps.py`.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from data.retention.canonical import digest_of
from data.retention.instants import Instant


@unique
class StandingState(StrEnum):
    """Where a version of a rule stands."""

    PROPOSED = "proposed"
    """Proposed by an admin; waits for another admin."""
    APPROVED = "approved"
    """Approved by an admin; waits for a DPO."""
    ACTIVE = "active"
    STOPPING = "stopping"
    """Still active; somebody asked to switch it off, which needs the other role's yes."""
    STOPPED = "stopped"
    REJECTED = "rejected"
    REPLACED = "replaced"
    """A newer version has become active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingStep:
    """One line of a rule's story."""

    state: StandingState
    at: Instant
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """One version of the standing rule of one source; people are pseudonyms."""

    id: str
    """`source.number`: every version is kept."""
    source: str
    number: int
    """Version of the rule, from 1."""
    every_days: int
    """Days between two runs."""
    at_minute: int
    """Minute of the day in UTC from which a run is due."""
    max_share: float
    """Largest share of the source's records that one run may take by itself."""
    max_records: int
    """Most records that one run may take by itself."""
    state: StandingState
    proposed_by: str
    approved_by: str = ""
    acknowledged_by: str = ""
    stop_asked_by: str = ""
    proposed_at: Instant
    last_run_at: Instant | None = None
    """When a run was last begun, whatever came of it."""
    last_request: str = ""
    last_problem: str = ""
    """Why the last run could not be done, in a stable word; "" if it could."""
    story: tuple[StandingStep, ...] = ()
    version: int = 0

    @property
    def digest(self) -> str:
        """Give a digest of what was approved and acknowledged."""
        return digest_of(
            {
                "id": self.id,
                "source": self.source,
                "every_days": self.every_days,
                "at_minute": self.at_minute,
                "max_share": f"{self.max_share:.6f}",
                "max_records": self.max_records,
            },
        )

    @property
    def runs(self) -> bool:
        """Tell whether it purges by itself now."""
        return self.state in {StandingState.ACTIVE, StandingState.STOPPING}

    @property
    def face(self) -> str:
        """Give a stamp that changes with everything its card shows."""
        return f"{self.state}-{len(self.story)}"
