"""Forgets a person: the pseudonym stays in audit and requests, nobody can tell any more whose it was."""

from data.access import Actor, Permission
from data.errors import RefusedError
from data.purge.parts import PurgeParts


def forget_person(parts: PurgeParts, actor: Actor, *, tenant: str, object_id: str) -> bool:
    """Forget who stands behind a pseudonym; tells whether anybody was known. Raises `RefusedError`, `StateError`."""
    if not actor.may(Permission.RUN_PURGE):
        raise RefusedError("not_allowed", "your role does not allow this")
    by = parts.people.of(actor)
    name = parts.people.name(Actor(tenant_id=tenant, object_id=object_id))
    parts.audit.append("person.forgotten", by, name, {})
    return parts.stores.people.forget(name)
