"""Forgets a person: the pseudonym stays in audit and requests, nobody can tell any more whose it was."""

from typing import Final

from data.access import Actor, Permission
from data.errors import RefusedError
from data.purge.parts import PurgeParts
from data.retention.request import BLOCKING, PurgeRequest

_ALL: Final = 1_000_000
"""More requests than any store holds."""


def forget_person(parts: PurgeParts, actor: Actor, *, tenant: str, object_id: str) -> bool:
    """Forget who stands behind a pseudonym; tells whether anybody was known. Raises `RefusedError`, `StateError`."""
    if not actor.may(Permission.RUN_PURGE):
        raise RefusedError("not_allowed", "your role does not allow this")
    by = parts.people.of(actor)
    name = parts.people.name(Actor(tenant_id=tenant, object_id=object_id))
    parts.audit.append("person.forgotten", by, name, {})
    return unlink(parts, name)


def unlink(parts: PurgeParts, name: str) -> bool:
    """Forget who stands behind a pseudonym, in the generation before too; the caller has it in the audit already."""
    return parts.stores.people.forget(name)


def requests_of(parts: PurgeParts, name: str) -> tuple[PurgeRequest, ...]:
    """List every request that somebody asked for, confirmed or approved, newest first."""
    return tuple(request for request in parts.stores.requests.newest(most=_ALL) if name in _people_of(request))


def open_requests_of(parts: PurgeParts, name: str) -> tuple[PurgeRequest, ...]:
    """List those still to run: the roles of the people in them are checked again at execution (FE-03, FE-04)."""
    return tuple(request for request in requests_of(parts, name) if request.state in BLOCKING)


def _people_of(request: PurgeRequest) -> frozenset[str]:
    return frozenset({request.requester, request.confirmed_by, *(approval.by for approval in request.approvals)})
