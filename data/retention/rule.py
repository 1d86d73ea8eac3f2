"""The retention rule of clause 2.7, and how careful a purge under it has to be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from data.access import Permission, Role, permissions_of
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
    approval_roles: tuple[Role, ...] = ()
    """Roles that must be among the approvers; each approver stands for one of them at most."""

    def __post_init__(self) -> None:
        if self.approvals < 1:
            message = "purge.approvals: at least one other person must approve"
            raise SettingsError(message)
        if not 0 < self.max_share <= 1:
            message = "purge.max_share: larger than 0, at most 1"
            raise SettingsError(message)
        for role in self.approval_roles:
            if Permission.APPROVE_PURGE not in permissions_of((role,)):
                message = f"purge.approval_roles: {role} may not approve at all"
                raise SettingsError(message)

    @property
    def needed(self) -> int:
        """Give how many distinct people besides the requester must approve: enough for every role that has to."""
        return max(self.approvals, len(self.approval_roles))

    @property
    def digest(self) -> str:
        """Give a digest that changes with anything said here.

        Roles are part of it only where some have to approve: what people said yes to before there were any stays valid.
        """
        roles = sorted(role.value for role in self.approval_roles)
        return digest_of(
            {
                "approvals": self.approvals,
                "confirm_for": self.confirm_for,
                "approve_for": self.approve_for,
                "execute_for": self.execute_for,
                "cooling_for": self.cooling_for,
                "max_share": f"{self.max_share:.6f}",
                **({"approval_roles": roles} if roles else {}),
            },
        )


def lacking(roles: Sequence[Role], people: Sequence[Collection[Role]]) -> tuple[Role, ...]:
    """Give the roles that stay uncovered if each person stands for one of his own at most; as few as there can be."""
    stands_for: dict[int, int] = {}
    """Place of a role by place of the person: a bipartite matching, made larger by one path at a time."""

    def cover(role: int, tried: set[int]) -> bool:
        for person, own in enumerate(people):
            if roles[role] in own and person not in tried:
                tried.add(person)
                if person not in stands_for or cover(stands_for[person], tried):
                    stands_for[person] = role
                    return True
        return False

    return tuple(role for place, role in enumerate(roles) if not cover(place, set()))


def may_suffice(care: Care, approvers: Sequence[Collection[Role]]) -> bool:
    """Tell whether the approvals that are still to come can cover every role that is still lacking."""
    return len(lacking(care.approval_roles, approvers)) <= care.needed - len(approvers)


def check_approvable(care: Care, *, admins: Collection[str], dpos: Collection[str]) -> None:
    """Refuse a configuration in which what some admin asks for could never be approved; raises `SettingsError`.

    People are ids. Whoever asks does not count, and nobody counts twice (security.md FE-08, purge.md 6.7).
    """
    everybody = set(admins) | set(dpos)
    for requester in sorted(admins):
        others = [_roles_of(one, admins, dpos) for one in sorted(everybody - {requester})]
        if len(others) < care.needed:
            setting = "approvals" if care.needed == care.approvals else "approval_roles"
            message = (
                f"purge.{setting}: {_persons(care.needed)} besides the requester must approve, but roles.admins and "
                f"roles.dpos name only {_persons(len(everybody))} in all, and nobody approves a purge of his own: "
                f"name {care.needed + 1 - len(everybody)} more, or ask for fewer"
            )
            raise SettingsError(message)
        for role in lacking(care.approval_roles, others):
            named = f"roles.{role}s"
            message = (
                f"purge.approval_roles: {_why_lacking(role, requester, admins, dpos)}: "
                f'name another person in {named}, or take "{role}" out of purge.approval_roles'
            )
            raise SettingsError(message)


def _roles_of(person: str, admins: Collection[str], dpos: Collection[str]) -> frozenset[Role]:
    return frozenset(role for role, named in ((Role.ADMIN, admins), (Role.DPO, dpos)) if person in named)


def _why_lacking(role: Role, requester: str, admins: Collection[str], dpos: Collection[str]) -> str:
    named = set(admins if role is Role.ADMIN else dpos)
    if not named:
        return f"roles.{role}s names nobody"
    if role is Role.ADMIN and len(named) == 1:
        return "roles.admins names only one person, who cannot approve a purge of his own"
    if role is Role.DPO and requester in named and len(named) == 1:
        return "the only person in roles.dpos is in roles.admins too, and cannot approve a purge of his own"
    return f"roles.{role}s names too few people: the requester does not count, and nobody stands for two roles"


def _persons(number: int) -> str:
    return "one person" if number == 1 else f"{number} people"
