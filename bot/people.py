"""Who is what now: from the settings for people of the tenant, from the machine for whoever sits at it."""

from collections.abc import Callable

from bot.identity import DEV_ADMINS, DEV_DPOS, DEV_TENANT, Directory
from bot.settings import Settings
from data.access import Role
from data.certificate.model import Office
from data.purge.people import HOST_TENANT, Pseudonyms
from data.retention.rule import Care, check_approvable
from data.stores.interface import Person

RolesOf = Callable[[Person], frozenset[Role]]


def directory_of(settings: Settings, *, dev: bool) -> Directory:
    """Build what knows who is more than an employee."""
    return Directory(
        tenant_id=DEV_TENANT if dev else settings.teams.tenant_id,
        admins=(*settings.roles.admins, *(DEV_ADMINS if dev else ())),
        dpos=(*settings.roles.dpos, *(DEV_DPOS if dev else ())),
    )


def roles_source(directory: Directory) -> RolesOf:
    """Give what tells a person's roles as they are now; the host's operator counts as an admin."""

    def roles_of(person: Person) -> frozenset[Role]:
        if person.tenant_id == HOST_TENANT:
            return frozenset({Role.EMPLOYEE, Role.ADMIN})
        return directory.roles_of(person.tenant_id, person.object_id)

    return roles_of


def check_people(settings: Settings, care: Care) -> None:
    """Refuse roles under which no purge could ever be approved; raises `SettingsError` (security.md FE-08)."""
    admins, dpos = ({name.lower() for name in named} for named in (settings.roles.admins, settings.roles.dpos))
    check_approvable(care, admins=admins, dpos=dpos)


def office_of(people: Pseudonyms, roles_of: RolesOf) -> Callable[[str], Office]:
    """Give what tells as what somebody acted, for the certificate."""

    def office(pseudonym: str) -> Office:
        person = people.find(pseudonym)
        if person is None:
            return Office.FORGOTTEN
        if person.tenant_id == HOST_TENANT:
            return Office.HOST
        roles = roles_of(person)
        return Office.DPO if Role.DPO in roles and Role.ADMIN not in roles else Office.ADMIN

    return office
