"""What the office is made of, handed in by `app.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from data.access import Actor
from data.purge.parts import PurgeParts
from data.retention.instants import HOUR, Instant
from data.stores.desk import DeskStores
from data.watch import SourceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHolders:
    """Who has a role now, by pseudonym, in the order of the settings."""

    admins: tuple[str, ...]
    dpos: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeParts:
    """Everything the office works with."""

    engine: PurgeParts
    desk: DeskStores
    holders: Callable[[], RoleHolders]
    """Asked every time: roles change."""
    warn_days: tuple[int, ...] = (14, 7, 2)
    escalate_after: int = 24 * HOUR
    """Silence after which an alert goes to the next people, in microseconds."""
    channels: frozenset[str] = frozenset()
    """Which of `channel-dpo` and `channel-admin` there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The last look at the sources."""

    at: Instant
    statuses: tuple[SourceStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """How far a job is."""

    phase: str
    done: int
    total: int


class Jobs(Protocol):
    """Long work in the background; asked from the event loop, never blocks it."""

    def preview(self, request_id: str) -> None:
        """Make a preview whose request has begun."""
        ...

    def look(self) -> None:
        """Look at the sources soon."""
        ...

    def changed(self) -> None:
        """Tell that something was changed of which somebody may have to be told."""
        ...

    def doing(self, request_id: str) -> Doing | None:
        """Tell how far a preview or purge is; None where nothing is under way in this process."""
        ...

    def board(self) -> Board | None:
        """Give the last look at the sources; None before the first has ended."""
        ...


def actor_behind(parts: PurgeParts, pseudonym: str) -> Actor | None:
    """Give somebody with the roles of this moment, or None for somebody unknown or forgotten."""
    person = parts.people.find(pseudonym)
    if person is None:
        return None
    return Actor(tenant_id=person.tenant_id, object_id=person.object_id, roles=parts.roles_of(person))
