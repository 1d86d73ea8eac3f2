"""Guests hold no role, whatever the settings say (security.md 2.1, AZ-06); also over real HTTP."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest_asyncio

from bot.guests import KNOWN_SECONDS, Guests
from bot.identity import Directory
from data.access import Role
from data.errors import DeliveryError
from tests.world import ADMIN, DPO, TENANT, FakeClock, LiveBot, StartBot, World

SERVICE = "https://smba.trafficmanager.net/emea/"


def written_by(person: str) -> dict[str, Any]:
    """Give as much of an activity as the look needs."""
    return {
        "from": {"id": f"29:{person}", "aadObjectId": person},
        "conversation": {"id": "a:1"},
        "serviceUrl": SERVICE,
    }


class Roster:
    """What Teams says of members, by their id within Teams; raises for one it does not know."""

    def __init__(self, **roles: str) -> None:
        self.roles, self.asked = roles, 0

    async def __call__(self, service_url: str, conversation: str, member: str) -> Mapping[str, Any]:
        """Say who somebody is."""
        assert (service_url, conversation) == (SERVICE, "a:1")
        self.asked += 1
        if member not in self.roles:
            raise DeliveryError
        return {"id": member, "userRole": self.roles[member]}


def directory() -> Directory:
    """Give a directory with one admin and one DPO."""
    return Directory(tenant_id=TENANT, admins=(ADMIN,), dpos=(DPO,))


async def test_a_guest_loses_the_role_everywhere_and_gets_it_back() -> None:
    """What Teams says counts for the turn and for the check at execution, until it says something else."""
    known, clock, roster = directory(), FakeClock(), Roster(**{f"29:{ADMIN}": "guest", f"29:{DPO}": "user"})
    guests, wire = Guests(known, roster, clock), written_by(ADMIN)
    assert (await guests.look(wire, known.actor_of(wire))).roles == {Role.EMPLOYEE}
    assert known.roles_of(TENANT, ADMIN) == {Role.EMPLOYEE}
    officer = written_by(DPO)
    assert Role.DPO in (await guests.look(officer, known.actor_of(officer))).roles, "the positive control"
    roster.roles[f"29:{ADMIN}"] = "user"
    clock.advance(KNOWN_SECONDS)
    assert Role.ADMIN in (await guests.look(wire, known.actor_of(wire))).roles


async def test_teams_is_asked_once_in_five_minutes_and_never_about_employees() -> None:
    """A look costs one call in five minutes for whoever has a role, and none for anybody else."""
    known, clock, roster = directory(), FakeClock(), Roster(**{f"29:{ADMIN}": "user"})
    guests = Guests(known, roster, clock)
    for person in (ADMIN, ADMIN, "aaaaaaaa-0000-4000-8000-000000000001", ADMIN):
        wire = written_by(person)
        await guests.look(wire, known.actor_of(wire))
    assert roster.asked == 1
    clock.advance(KNOWN_SECONDS)
    await guests.look(written_by(ADMIN), known.actor_of(written_by(ADMIN)))
    assert roster.asked == 2


async def test_where_teams_says_nothing_the_settings_stand() -> None:
    """A connector that fails, or says no role, takes nobody's role away."""
    known, clock = directory(), FakeClock()
    wire = written_by(ADMIN)
    assert Role.ADMIN in (await Guests(known, Roster(), clock).look(wire, known.actor_of(wire))).roles
    silent = Roster(**{f"29:{ADMIN}": ""})
    assert Role.ADMIN in (await Guests(known, silent, clock).look(wire, known.actor_of(wire))).roles


@pytest_asyncio.fixture(loop_scope="session")
async def fresh_bot(start_bot: StartBot) -> AsyncIterator[LiveBot]:
    """Start a bot that has asked about nobody yet."""
    async with start_bot() as found:
        yield found


async def test_a_guest_with_an_entry_in_the_settings_is_refused_a_purge(fresh_bot: LiveBot, world: World) -> None:
    """AZ-06: the admin's words do nothing where Teams calls the admin a guest; the DPO, who is none, is heard."""
    world.connector.members = {f"29:{ADMIN}": "guest"}
    sender = {"id": f"29:{ADMIN}", "aadObjectId": ADMIN, "name": "Somebody"}
    await fresh_bot.post(world.message("purge app-logs", **{"from": sender}), token=world.token())
    officer = {"id": f"29:{DPO}", "aadObjectId": DPO, "name": "Somebody else"}
    await fresh_bot.post(world.message("which logs are overdue?", **{"from": officer}), token=world.token())
    await world.connector.wait_for(2)
    refused, shown = (str(body["attachments"][0]["content"]) for body in world.connector.accepted[:2])
    assert "Your role does not allow this" in refused or "Dafür reicht Ihre Rolle nicht" in refused
    assert "Your role does not allow this" not in shown
    assert world.connector.asked == [f"29:{ADMIN}", f"29:{DPO}"]
