"""Who somebody is and what he may do: a person is (tenant id, Entra object id), nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique


@unique
class Role(StrEnum):
    """What somebody is to this bot; everybody known to the tenant is an employee."""

    EMPLOYEE = "employee"
    ADMIN = "admin"
    DPO = "dpo"


@unique
class Permission(StrEnum):
    """What somebody may do; asked by the dialog (to offer it) and by the service (to allow it)."""

    ASK = "ask"
    RUN_PURGE = "run_purge"
    APPROVE_PURGE = "approve_purge"
    SEE_RETENTION = "see_retention"
    SEE_AUDIT = "see_audit"
    PLACE_HOLD = "place_hold"
    HANDLE_ALERT = "handle_alert"
    HANDLE_TICKET = "handle_ticket"
    RELEASE_DRAFT = "release_draft"


_GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.EMPLOYEE: frozenset({Permission.ASK}),
    Role.ADMIN: frozenset(
        {
            Permission.ASK,
            Permission.RUN_PURGE,
            Permission.APPROVE_PURGE,
            Permission.SEE_RETENTION,
            Permission.SEE_AUDIT,
            Permission.PLACE_HOLD,
            Permission.HANDLE_ALERT,
            Permission.RELEASE_DRAFT,
        },
    ),
    Role.DPO: frozenset(
        {
            Permission.ASK,
            Permission.APPROVE_PURGE,
            Permission.SEE_RETENTION,
            Permission.SEE_AUDIT,
            Permission.PLACE_HOLD,
            Permission.HANDLE_ALERT,
            Permission.HANDLE_TICKET,
            Permission.RELEASE_DRAFT,
        },
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who speaks. `object_id` is empty for somebody without one (an anonymous guest, say)."""

    tenant_id: str
    object_id: str
    roles: frozenset[Role] = field(default_factory=frozenset)

    def may(self, permission: Permission) -> bool:
        """Tell whether one of the actor's roles grants the permission; public answers are for everybody."""
        return permission is Permission.ASK or any(permission in _GRANTS[role] for role in self.roles)


def roles_granting(permission: Permission) -> tuple[Role, ...]:
    """List the roles that grant a permission, in the order of the enumeration."""
    return tuple(role for role in Role if permission in _GRANTS[role])


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Join what several roles grant."""
    return frozenset().union(*(_GRANTS[role] for role in roles))
