"""An alert: one thing that is not as it should be, until somebody or something ends it (peers.md 3, no. 8).

Every step is pure and checked. An alert is closed only by the facts, never by a person: people acknowledge or snooze
it, and it comes back. The steps stand in `alert_steps.py`.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from data.retention.finding import FindingKind
from data.retention.instants import Instant

LOUD: Final = frozenset({"opened", "worse", "reminded", "escalated", "woken"})
"""The steps of which people are told by a message of its own."""


@unique
class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody has seen it; it comes back when it gets worse, or after a while."""
    SNOOZED = "snoozed"
    """Put off with a reason until an instant, never past the limit."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStep:
    """One line of an alert's story."""

    what: str
    """A stable word: opened, worse, reminded, escalated, acknowledged, snoozed, woken, resolved."""
    at: Instant
    by: str = "system"
    role: str = ""
    """The role in which somebody acted, for the card; "" where nobody did."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One numbered alert; people are pseudonyms."""

    id: str
    """Its number, decimal: what people name it by, and by which a second copy is known for one."""
    kind: FindingKind
    about: str
    """Id of the source, request, hold or rule."""
    source: str = ""
    """Id of the source, where there is one."""
    data_kind: str = ""
    count: int = 0
    since: Instant | None = None
    limit: Instant | None = None
    """When the oldest record passes the limit of clause 2.7; None where no limit is in sight."""
    start_by: Instant | None = None
    """When a purge must have been started to be done by the limit, if people take all the time they have."""
    cause: str = ""
    """The likely cause, in a stable word."""
    stage: int = -1
    """The days until `start_by` that were reached last (14, 7, 2; 0 once it has passed); -1: nothing counts down."""
    level: int = 0
    """Whom it has reached: 0 the first DPO and the DPO channel, 1 all DPOs, 2 the admins too."""
    state: AlertState = AlertState.OPEN
    opened_at: Instant
    changed_at: Instant
    """When somebody, or the facts, last changed it."""
    quiet_until: Instant | None = None
    """Until when it keeps quiet: snoozed or acknowledged; None if it does not, or acknowledged for good."""
    story: tuple[AlertStep, ...] = ()
    version: int = 0

    @property
    def key(self) -> str:
        """Give what it is about: there is one alert at a time for each key that is not resolved."""
        return f"{self.kind}/{self.about}"

    @property
    def calls(self) -> str:
        """Give a stamp that changes with everything that deserves a message of its own."""
        return next((f"{step.what}-{step.at}" for step in reversed(self.story) if step.what in LOUD), "")

    @property
    def face(self) -> str:
        """Give a stamp that changes with everything its card shows."""
        return f"{self.state}-{len(self.story)}-{self.count}"
