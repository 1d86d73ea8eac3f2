"""Entra object id and tenant to an Actor with roles; names, mail addresses and card data are never authority."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from data.access import Actor, Role

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

DEV_TENANT = "00000000-0000-4000-8000-00000000d0e5"
DEV_EMPLOYEE = "00000000-0000-4000-8000-0000000000e1"
DEV_ADMINS = ("00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2")
DEV_DPOS = ("00000000-0000-4000-8000-0000000000d1",)


class Directory:
    """Knows who is more than an employee."""

    def __init__(self, *, tenant_id: str, admins: Iterable[str], dpos: Iterable[str]) -> None:
        self._tenant_id = tenant_id.lower()
        self._roles: dict[str, frozenset[Role]] = {}
        for role, people in ((Role.ADMIN, admins), (Role.DPO, dpos)):
            for person in people:
                self._roles[person.lower()] = self._roles.get(person.lower(), frozenset({Role.EMPLOYEE})) | {role}
        self._guests: frozenset[str] = frozenset()

    def note_guest(self, object_id: str, *, guest: bool) -> None:
        """Remember what Teams says of somebody: a guest holds no role, whatever the settings say (security.md 2.1)."""
        self._guests = self._guests | {object_id} if guest else self._guests - {object_id}

    def roles_of(self, tenant_id: str, object_id: str) -> frozenset[Role]:
        """Tell what somebody is now; nobody of another tenant is anything."""
        if tenant_id.lower() != self._tenant_id:
            return frozenset()
        return self._held(object_id.lower())

    def actor_of(self, wire: Mapping[str, Any]) -> Actor:
        """Tell who sent an activity that has passed the gate; without an object id nobody in particular."""
        sender = wire.get("from")
        object_id = sender.get("aadObjectId") if isinstance(sender, dict) else None
        if not isinstance(object_id, str) or not _GUID.fullmatch(object_id.lower()):
            return Actor(tenant_id=self._tenant_id, object_id="")
        object_id = object_id.lower()
        return Actor(
            tenant_id=self._tenant_id,
            object_id=object_id,
            roles=self._held(object_id),
        )

    def _held(self, object_id: str) -> frozenset[Role]:
        if object_id in self._guests:
            return frozenset({Role.EMPLOYEE})
        return self._roles.get(object_id, frozenset({Role.EMPLOYEE}))
