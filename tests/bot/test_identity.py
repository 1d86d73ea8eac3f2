"""Roles come from the Entra object id and the tenant alone; names and mail are never authority (AZ-01..05)."""

from collections.abc import Mapping
from typing import Any

import pytest

from bot.gate import Gate
from bot.identity import Directory
from data.access import Permission, Role
from data.errors import ForbiddenError
from tests.world import ADMIN, DPO, EMPLOYEE, FOREIGN_TENANT, TENANT, LiveBot, World, message

SERVICE_URL = "https://smba.example/teams/"


BOTH = "aaaaaaaa-0000-4000-8000-0000000000b0"


@pytest.fixture
def directory() -> Directory:
    """Give a directory with one admin, one DPO and one person who is both."""
    return Directory(tenant_id=TENANT.upper(), admins=[ADMIN.upper(), BOTH], dpos=[DPO, BOTH])


def said_by(sender: object, **fields: Any) -> Mapping[str, Any]:
    """Build a message from somebody."""
    return message("purge app-logs", service_url=SERVICE_URL, **{"from": sender}, **fields)


PEOPLE = {
    "employee": (EMPLOYEE, {Role.EMPLOYEE}),
    "admin": (ADMIN, {Role.EMPLOYEE, Role.ADMIN}),
    "admin_in_capitals": (ADMIN.upper(), {Role.EMPLOYEE, Role.ADMIN}),
    "dpo": (DPO, {Role.EMPLOYEE, Role.DPO}),
    "both": (BOTH, {Role.EMPLOYEE, Role.ADMIN, Role.DPO}),
}


@pytest.mark.parametrize(("object_id", "roles"), PEOPLE.values(), ids=PEOPLE)
def test_role_follows_the_object_id(object_id: str, roles: set[Role], directory: Directory) -> None:
    """Everybody is an employee; the settings' lists make some more, whatever the case of the letters."""
    actor = directory.actor_of(said_by({"aadObjectId": object_id, "name": "irrelevant"}))
    assert actor.roles == roles
    assert (actor.tenant_id, actor.object_id) == (TENANT, object_id.lower())


PRETENDERS: Mapping[str, object] = {
    "same_name_as_the_admin": {"aadObjectId": EMPLOYEE, "name": "Anna Admin"},
    "same_mail_as_the_admin": {"aadObjectId": EMPLOYEE, "email": "admin@example.com", "userPrincipalName": "admin@x"},
    "calls_himself_admin": {"aadObjectId": EMPLOYEE, "role": "admin", "userRole": "admin", "roles": ["admin"]},
    "admin_as_id": {"aadObjectId": EMPLOYEE, "id": ADMIN},
    "admin_as_teams_id": {"aadObjectId": EMPLOYEE, "id": f"29:{ADMIN}"},
    "admin_in_other_spelling": {"aadObjectId": EMPLOYEE, "AadObjectId": ADMIN, "objectId": ADMIN, "oid": ADMIN},
    "admin_in_properties": {"aadObjectId": EMPLOYEE, "properties": {"aadObjectId": ADMIN}},
}


@pytest.mark.parametrize("sender", PRETENDERS.values(), ids=PRETENDERS)
def test_pretender_stays_an_employee(sender: object, directory: Directory) -> None:
    """Names, mail addresses, claimed roles and other ids give no right (AZ-03, AZ-04); the object id does."""
    actor = directory.actor_of(said_by(sender))
    assert actor.roles == {Role.EMPLOYEE}
    assert not actor.may(Permission.RUN_PURGE)
    assert directory.actor_of(said_by({"aadObjectId": ADMIN})).may(Permission.RUN_PURGE)


NOBODIES: Mapping[str, object] = {
    "no_object_id": {"id": "29:x", "name": "Anna Admin"},
    "empty": {"aadObjectId": ""},
    "no_guid": {"aadObjectId": "admin"},
    "list": {"aadObjectId": [ADMIN]},
    "object": {"aadObjectId": {"id": ADMIN}},
    "number": {"aadObjectId": 7},
    "null": {"aadObjectId": None},
    "spaces": {"aadObjectId": f" {ADMIN} "},
    "line_end": {"aadObjectId": f"{ADMIN}\n"},
    "braces": {"aadObjectId": f"{{{ADMIN}}}"},
    "other_digits": {"aadObjectId": ADMIN.replace("0", "\u0660")},
    "sender_is_text": ADMIN,
    "sender_is_list": [{"aadObjectId": ADMIN}],
    "no_sender": None,
}


@pytest.mark.parametrize("sender", NOBODIES.values(), ids=NOBODIES)
def test_person_without_an_object_id_has_public_answers_only(sender: object, directory: Directory) -> None:
    """Who has no readable object id may ask and nothing else, not even as an employee (AZ-02)."""
    actor = directory.actor_of(said_by(sender))
    assert (actor.tenant_id, actor.object_id, actor.roles) == (TENANT, "", frozenset())
    assert [permission for permission in Permission if actor.may(permission)] == [Permission.ASK]


def test_dpo_may_not_purge_and_admin_may_not_more_than_listed(directory: Directory) -> None:
    """The DPO sees, holds and handles alerts but deletes nothing; an employee only asks (AZ-25)."""
    dpo = directory.actor_of(said_by({"aadObjectId": DPO}))
    assert not dpo.may(Permission.RUN_PURGE)
    assert dpo.may(Permission.PLACE_HOLD)
    employee = directory.actor_of(said_by({"aadObjectId": EMPLOYEE}))
    assert [permission for permission in Permission if employee.may(permission)] == [Permission.ASK]


def test_admin_of_another_tenant_does_not_pass_the_gate() -> None:
    """The admin's object id in another tenant is nobody here; in ours he passes (AZ-05)."""
    gate = Gate(tenant_id=TENANT, channels=("msteams",), allows_url=lambda _: True)
    sender = {"aadObjectId": ADMIN}
    gate(said_by(sender), SERVICE_URL)
    foreign = said_by(
        sender,
        channelData={"tenant": {"id": FOREIGN_TENANT}},
        conversation={"id": "a:1", "tenantId": FOREIGN_TENANT},
    )
    with pytest.raises(ForbiddenError):
        gate(foreign, SERVICE_URL)


def card_text(world: World) -> str:
    """Give all that the last card says."""
    return str(world.connector.accepted[-1]["attachments"][0]["content"])


@pytest.mark.asyncio(loop_scope="session")
async def test_admin_of_another_tenant_is_refused_by_the_bot(bot: LiveBot, world: World) -> None:
    """A proven connector's message for the admin's id in another tenant is 403 and nothing goes out (AZ-05)."""
    sender = {"id": "29:a", "name": "Anna Admin", "aadObjectId": ADMIN}
    conversation = {"id": "a:foreign", "conversationType": "personal", "tenantId": FOREIGN_TENANT}
    foreign = world.message(
        "Logs löschen",
        **{"from": sender, "conversation": conversation, "channelData": {"tenant": {"id": FOREIGN_TENANT}}},
    )
    assert (await bot.post(foreign, token=world.token())).status == 403
    assert world.outbound == 0
    assert (await bot.post(world.message("Logs löschen", **{"from": sender}), token=world.token())).status == 201
    assert len(world.connector.accepted) == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_same_command_is_refused_to_the_admins_namesake(bot: LiveBot, world: World) -> None:
    """The admin's namesake with his mail address is told that he may not; the admin himself is not (AZ-01, AZ-03)."""
    texts = {}
    for who, object_id in (("namesake", EMPLOYEE), ("nobody", None), ("admin", ADMIN)):
        sender = {"id": "29:a", "name": "Anna Admin", "email": "admin@example.com", "aadObjectId": object_id}
        await bot.post(world.message("starte die Löschung der Logs", **{"from": sender}), token=world.token())
        texts[who] = card_text(world)
    assert all("Das ging nicht" in texts[who] for who in ("namesake", "nobody"))
    assert "Das ging nicht" not in texts["admin"]
