"""What the purge is made of, handed in by `app.py`: it names no store, no source and no engine itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from data.access import Role
from data.audit.trail import AuditTrail
from data.errors import ConflictError
from data.purge.clock_guard import ClockGuard
from data.purge.people import Pseudonyms
from data.retention.instants import Instant
from data.retention.request import PurgeRequest
from data.retention.rule import Care, RetentionRule
from data.retention.verdict import Verdict, Verification
from data.sources.interface import Source
from data.stores.interface import Person, RetentionStores

Progress = Callable[[str, int, int], None]
"""Told `(phase, done, total)` while something long is under way; total is 0 where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an execution came to, for certificate and people."""

    request: PurgeRequest
    verdict: Verdict
    results: Mapping[str, int]
    """Units by code."""
    records: int
    size: int
    """Bytes that are gone."""
    lo: Instant | None
    hi: Instant | None
    """The interval of what is gone."""
    verification: Verification
    started_at: Instant
    ended_at: Instant
    verified_at: Instant
    audit_first: int
    audit_last: int
    audit_head: str
    oldest_left: Instant | None
    released: bool
    """Whether this is the second look, and the engine has released the storage."""
    release_at: Instant | None
    """When it should be released, where that is ahead."""
    looked_at: int
    """Units of the manifest that were looked at again."""


class DocumentWriter(Protocol):
    """Writes the certificate or the report of a purge."""

    def write(self, outcome: Outcome, *, previous: str) -> "Written":
        """Write the documents durably."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A document that lies on the disk."""

    path: str
    digest: str
    verdict: Verdict
    """What the document says: never better than what it was asked to say."""


def _no_rule_runs(_rule: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeParts:
    """Everything the purge works with."""

    sources: Mapping[str, Source]
    rules: Mapping[str, RetentionRule]
    """The rule of each source, by source id."""
    kin: Mapping[str, frozenset[str]]
    """By source id: itself and every source that can reach the same files."""
    care: Care
    stores: RetentionStores
    audit: AuditTrail
    guard: ClockGuard
    people: Pseudonyms
    roles_of: Callable[[Person], frozenset[Role]]
    """The roles somebody has now; asked at every step and again at execution."""
    documents: DocumentWriter
    commit: Lock
    """Held from a unit's last check to its commit: a hold that was placed protects, whatever runs."""
    exclusive: bool = True
    """Whether this process alone can use the stores, so that a lease of another one is a dead one's."""
    stepping: Lock = field(default_factory=Lock)
    """Held from a look at a request's version to the storing of its next state, with the audit entry in between."""
    stops: set[str]
    """Ids of requests that somebody asked to stop; looked at before each unit."""
    new_id: Callable[[], str]
    """Makes ids of requests and holds: lower-case letters, digits, hyphens."""
    standing_runs: Callable[[str], bool] = _no_rule_runs
    """Tells of a standing rule, as `id:digest`, whether it is in force and its people still have their roles; asked
    once more before a purge that it carries begins. Where nobody can tell, none is."""


def roles_behind(parts: PurgeParts, pseudonym: str) -> frozenset[Role]:
    """Give the roles that somebody has at this moment; none for somebody unknown or forgotten."""
    person = parts.people.find(pseudonym)
    return frozenset() if person is None else parts.roles_of(person)


def store_step(parts: PurgeParts, request: PurgeRequest, record: Callable[[], object]) -> PurgeRequest:
    """Record a step and store it, or neither where somebody was faster: the audit tells no step that did not happen.

    Raises `ConflictError`, `UnknownError`, `StateError`.
    """
    with parts.stepping:
        present = parts.stores.requests.get(request.id)
        if present.version != request.version:
            message = f"request {request.id} was changed by somebody else: now it is {present.state}"
            raise ConflictError(message)
        record()
        return parts.stores.requests.replace(request)
