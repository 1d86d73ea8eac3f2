"""Purges in chat: who may press what, what a second, an old or a copied button does, and what never happens.

The AZ numbers are those of security.md, section 8.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.elements import Card, visible_text
from cards.purge import RequestView
from cards.verbs import Verb
from data.access import Actor, Permission, Role
from data.desk.delivery import ADMIN_CHANNEL
from data.labels import Lang, Outcome
from data.office.parts import Doing
from data.purge.holds import Wish
from data.questions.commands import Command
from data.retention.instants import DAY, HOUR, MINUTE
from data.retention.request import CLOSED, PurgeRequest, State
from data.retention.rule import Care, DataKind
from dialogs.face import Viewer
from dialogs.purge import NEEDS, PurgeTalk
from dialogs.purge_face import offers_of, stamp_of
from dialogs.turn import Reply, Turn, TurnKind
from tests.data.purge.lab import ALICE, BOB, DORA, EVE, SOURCE, Lab, person, silent
from tests.desk import OpenOffice, buttons, chat_of, open_office, press, say

CARL = person("carl", Role.ADMIN)
GUEST = Actor(tenant_id="elsewhere", object_id="alice", roles=frozenset({Role.EMPLOYEE}))
NOBODY = Actor(tenant_id=ALICE.tenant_id, object_id="", roles=frozenset())
CHANNEL = "19:admins@thread.tacv2"
SEALED = (
    Verb.PURGE_CONFIRM,
    Verb.PURGE_APPROVE,
    Verb.PURGE_REJECT,
    Verb.PURGE_REVOKE,
    Verb.PURGE_WITHDRAW,
    Verb.PURGE_CANCEL,
)
ODD_IDS: tuple[object, ...] = (
    7,
    ["id-0001"],
    "x" * 1_000_000,
    None,
    "../",
    {"id": "id-0001"},
    "",
    "id-9999",
    "ıd-0001",
)


@dataclass(kw_only=True)
class Room:
    """Where people talk to the dialog on purges."""

    office: OpenOffice
    talk: PurgeTalk

    async def says(self, who: Actor, command: Command, text: str, **where: Any) -> Reply:
        """Let somebody give a command."""
        return await self.talk.commands()[command](say(who, text, **where), Lang.EN)

    async def presses(self, who: Actor, card: Card, verb: Verb, **typed: Any) -> Reply:
        """Let somebody press a button of a card."""
        return await self.turns(press(who, card, verb, **typed))

    async def turns(self, turn: Turn) -> Reply:
        """Answer a pressed button."""
        return await self.talk.verbs()[turn.verb](turn, Lang.EN)

    async def sees(self, who: Actor, request_id: str = "id-0001") -> Card:
        """Draw the card that somebody has in his own chat."""
        shown = await self.talk.faces()["request"](request_id, self.office.viewer(who))
        assert shown is not None
        return shown

    async def sees_in_channel(self, request_id: str = "id-0001") -> Card:
        """Draw the card of the admin channel."""
        everybody = Actor(tenant_id=ALICE.tenant_id, object_id="", roles=ALICE.roles)
        viewer = Viewer(actor=everybody, recipient=ADMIN_CHANNEL, place=CHANNEL, lang=Lang.EN, personal=False)
        shown = await self.talk.faces()["request"](request_id, viewer)
        assert shown is not None
        return shown

    async def previewed(self) -> Card:
        """Let Alice ask for a preview, and give her card once it is made."""
        await self.says(ALICE, Command.PURGE_START, f"purge {SOURCE}")
        self.office.chores.do_previews()
        return await self.sees(ALICE)

    async def confirmed(self) -> Card:
        """Let Alice confirm a new preview, and give Bob's card."""
        return await self.confirmed_from(await self.previewed())

    async def confirmed_from(self, card: Card) -> Card:
        """Let Alice confirm on her card, and give Bob's."""
        reply = await self.presses(ALICE, card, Verb.PURGE_CONFIRM, code=self.request().code)
        assert reply.outcome == Verb.PURGE_CONFIRM
        return await self.sees(BOB)

    async def approved(self) -> PurgeRequest:
        """Let Bob approve."""
        await self.presses(BOB, await self.confirmed(), Verb.PURGE_APPROVE)
        return self.request()

    async def done(self) -> PurgeRequest:
        """Let the purge run to its end."""
        await self.approved()
        self.office.lab.pause(HOUR)
        return self.office.engine.runner.run("id-0001", progress=silent)

    def request(self, request_id: str = "id-0001") -> PurgeRequest:
        """Give the stored request."""
        return self.office.engine.purges.get(request_id)

    def audit(self, kind: str = "") -> list[Mapping[str, Any]]:
        """List what the audit says, of one kind."""
        entries = self.office.engine.parts.audit.entries()
        return [
            {"by": entry.actor, "about": entry.object, **entry.data} for entry in entries if kind in {"", entry.kind}
        ]

    def attempts(self) -> list[str]:
        """List the reasons of the refused attempts."""
        return [entry["reason"] for entry in self.audit("attempt.refused")]

    def files(self) -> dict[str, bytes]:
        """Give every log as it is."""
        return {path.name: path.read_bytes() for path in sorted(self.office.lab.root.iterdir())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for a lab."""
    return tmp_path / "lab"


def lab_in(folder: Path, **fields: Any) -> Lab:
    """Make a lab with an old, a half-old and a young file."""
    lab = Lab(folder=folder, **fields)
    lab.roles["carl"] = CARL.roles
    lab.write("old.log", [100, 99])
    lab.write("mixed.log", [95, 10])
    lab.write("young.log", [5, 4, 3])
    return lab


@pytest.fixture
def room(folder: Path) -> Iterator[Room]:
    """Give an office with one source, and the dialog over it."""
    with open_office(lab_in(folder)) as office:
        yield Room(office=office, talk=PurgeTalk(office.desk))


def read(reply: Reply) -> str:
    """Give what a person reads."""
    assert reply.card is not None
    return visible_text(dict(reply.card))


def offered(card: Mapping[str, Any]) -> set[str]:
    """List the verbs a card offers."""
    return set(buttons(card))


# -- the whole loop ---------------------------------------------------------------------------------------------------


async def test_from_the_typed_order_to_the_proof(room: Room) -> None:
    """Order, preview, code, second person, waiting time, deletion, result: each step shows on the one card."""
    begun = await room.says(ALICE, Command.PURGE_START, "purge app-logs")
    assert (begun.outcome, begun.topics, begun.subject) == (Outcome.COMMAND, ("purge_start",), "request/id-0001")
    assert "Preview in the making" in read(begun)
    assert room.office.chores.previews == ["id-0001"]
    room.office.chores.do_previews()
    card = await room.sees(ALICE)
    assert "Nothing has been deleted yet" in visible_text(card)
    assert room.request().code in visible_text(card)
    reply = await room.presses(ALICE, card, Verb.PURGE_CONFIRM, code=room.request().code.lower())
    assert room.request().state is State.AWAITING_SECOND
    assert offered(reply.card or {}) == {Verb.PURGE_WITHDRAW}
    reply = await room.presses(BOB, await room.sees(BOB), Verb.PURGE_APPROVE)
    assert room.request().state is State.COOLING
    assert reply.subject == "request/id-0001"
    room.office.lab.pause(HOUR)
    room.office.engine.runner.run("id-0001", progress=silent)
    shown = visible_text(await room.sees(DORA))
    assert "Passed" in shown
    assert sorted(room.files()) == ["mixed.log", "young.log"]
    assert room.attempts() == []
    assert room.office.chores.changes >= 3


async def test_a_preview_deletes_nothing_and_promises_only_what_it_knows(room: Room) -> None:
    """The card says how much, of what, until when, what it cannot see, and whose logs these are."""
    before = room.files()
    room.office.chores.look()
    shown = visible_text(await room.previewed())
    for piece in ("3 (43% of the source)", "1 as a whole, 1 in part", "Backups, snapshots", "your company’s", "2.7",
                  "never the call journal", "At worst, records in this source get"):  # fmt: skip
        assert piece in shown.replace("company's", "company’s"), piece
    assert room.files() == before
    assert ".log" not in shown


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [EVE, GUEST, NOBODY], ids=["employee", "other tenant", "nobody"])
@pytest.mark.parametrize("command", [c for c in NEEDS if c.value.startswith(("purge", "audit"))])
async def test_employees_guests_and_nobody_are_refused_friendly_and_on_record(
    room: Room, who: Actor, command: Command
) -> None:
    """AZ-01, AZ-02, AZ-05, AZ-06: the card says who could do it or that nobody is recognised; nothing is begun."""
    reply = await room.says(who, command, "purge app-logs")
    assert reply.outcome == "refused"
    assert ("administrators" in read(reply)) == bool(who.object_id)
    assert room.office.engine.purges.newest() == ()
    assert room.office.chores.previews == []
    assert room.attempts() == ["not_allowed" if who.object_id else "nobody"]


async def test_a_name_is_no_authority(room: Room) -> None:
    """AZ-03, AZ-04: somebody else's id, in whatever spelling of the same words, has no role; the admin's own has."""
    twin = replace(ALICE, object_id="alice-2", roles=frozenset({Role.EMPLOYEE}))
    assert (await room.says(twin, Command.PURGE_START, "purge app-logs")).outcome == "refused"
    assert (await room.says(ALICE, Command.PURGE_START, "purge app-logs")).outcome == Outcome.COMMAND


async def test_a_role_that_was_taken_away_counts_at_once(room: Room) -> None:
    """AZ-07: a button made for an admin is refused to the same person without the role, with it it works."""
    card = await room.confirmed()
    former = replace(BOB, roles=frozenset({Role.EMPLOYEE}))
    assert (await room.presses(former, card, Verb.PURGE_APPROVE)).outcome == "refused"
    assert room.request().approvals == ()
    assert (await room.presses(BOB, card, Verb.PURGE_APPROVE)).outcome == Verb.PURGE_APPROVE


async def test_a_dpo_approves_and_cancels_but_asks_for_no_purge(room: Room) -> None:
    """AZ-25: what only admins may is refused to a DPO and says so; what both may works for a DPO."""
    for reply in (
        await room.says(DORA, Command.PURGE_START, "purge app-logs"),
        await room.turns(_unsealed(DORA, Verb.PURGE_PREVIEW, SOURCE)),
        await room.turns(_unsealed(DORA, Verb.PURGE_MENU, "1")),
    ):
        assert reply.outcome == "refused"
        assert "administrators" in read(reply)
    assert room.attempts() == ["not_allowed"] * 3
    await room.confirmed()
    assert (await room.presses(DORA, await room.sees(DORA), Verb.PURGE_APPROVE)).outcome == Verb.PURGE_APPROVE
    assert (await room.says(DORA, Command.PURGE_CANCEL, "cancel the purge")).outcome == Outcome.COMMAND
    assert room.request().state is State.CANCELLED


async def test_nobody_approves_a_purge_of_their_own(room: Room) -> None:
    """AZ-13: the requester's card has no such button; a press in the channel, where all see it, is refused."""
    await room.confirmed()
    assert Verb.PURGE_APPROVE not in offered(await room.sees(ALICE))
    card = await room.sees_in_channel()
    reply = await room.turns(press(ALICE, card, Verb.PURGE_APPROVE, place=CHANNEL, personal=False))
    assert reply.outcome == "refused"
    assert "second person" in read(reply)
    assert (room.request().approvals, room.attempts()) == ((), ["own_request"])


async def test_only_the_requester_confirms_and_withdraws(room: Room) -> None:
    """AZ-09: with somebody else's id, seal and code nobody confirms or withdraws, in any place; the requester does."""
    card = await room.previewed()
    code = room.request().code
    for place in (chat_of(BOB), chat_of(ALICE)):
        for verb in (Verb.PURGE_CONFIRM, Verb.PURGE_WITHDRAW):
            assert (await room.turns(press(BOB, card, verb, place=place, code=code))).outcome == "refused"
    assert room.request().state is State.PREVIEWED
    assert room.attempts() == ["foreign", "foreign", "not_the_requester", "not_the_requester"]
    await room.presses(ALICE, card, Verb.PURGE_CONFIRM, code=code)
    assert room.request().state is State.AWAITING_SECOND


def _unsealed(who: Actor, verb: Verb, name: object, *, personal: bool = True) -> Turn:
    turn = say(who, "", personal=personal)
    return replace(turn, kind=TurnKind.ACTION, verb=verb, data={"id": name, "lang": "en"})


# -- buttons that do not fit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", SEALED)
@pytest.mark.parametrize("name", ODD_IDS, ids=[f"odd{number}" for number in range(len(ODD_IDS))])
async def test_odd_ids_do_nothing(room: Room, verb: Verb, name: object) -> None:
    """AZ-10: a number, a list, a megabyte, null, a path, an unknown id: a friendly card, an entry, no change."""
    await room.confirmed()
    before = room.request()
    for data in ({"id": name, "n": "a" * 8 + "." + "b" * 16}, {"id": name, "n": name}, {"id": name}, {}):
        reply = await room.turns(replace(_unsealed(BOB, verb, name), data=data))
        assert reply.outcome == "refused"
        assert len(json.dumps(reply.card)) < 4_000
    assert room.request() == before
    assert set(room.attempts()) == {"unknown"}


@pytest.mark.parametrize("verb", [Verb.PURGE_SHOW, Verb.PURGE_PREVIEW])
@pytest.mark.parametrize("name", ODD_IDS, ids=[f"odd{number}" for number in range(len(ODD_IDS))])
async def test_odd_ids_of_what_needs_no_seal_do_nothing(room: Room, verb: Verb, name: object) -> None:
    """AZ-10: looking and previewing take known ids only; the known ones work."""
    reply = await room.turns(_unsealed(ALICE, verb, name))
    assert reply.outcome == "refused"
    assert room.office.engine.purges.newest() == ()
    await room.turns(_unsealed(ALICE, Verb.PURGE_PREVIEW, SOURCE))
    assert "app-logs" in read(await room.turns(_unsealed(ALICE, Verb.PURGE_SHOW, "id-0001")))


async def test_what_else_a_button_carries_is_not_read(room: Room) -> None:
    """AZ-12: role, approve, path and count in the data change nothing; the press does what its verb says."""
    card = await room.confirmed()
    extra = {"role": "dpo", "approve": True, "path": "/etc", "count": 0, "digest": "0" * 64, "state": "cooling"}
    turn = press(EVE, card, Verb.PURGE_APPROVE, place=chat_of(BOB))
    assert (await room.turns(replace(turn, data={**turn.data, **extra}))).outcome == "refused"
    turn = press(BOB, card, Verb.PURGE_APPROVE)
    await room.turns(replace(turn, data={**turn.data, **extra}))
    assert [approval.digest for approval in room.request().approvals] == [room.request().digest]


async def test_a_changed_seal_is_refused_and_recorded(room: Room) -> None:
    """AZ-14: one letter of the seal changed, another verb under it, or none at all: refused, recorded, no change."""
    card = await room.confirmed()
    good = press(BOB, card, Verb.PURGE_APPROVE)
    seal = good.data["n"]
    changed = [
        seal[:-1] + ("a" if seal[-1] != "a" else "b"),
        ("b" if seal[0] != "b" else "c") + seal[1:],
        "",
        None,
        5,
        seal + "x",
        [seal],
    ]
    turns = [replace(good, data={**good.data, "n": n}) for n in changed]
    turns.append(replace(good, verb=Verb.PURGE_REJECT.value))
    for turn in turns:
        reply = await room.turns(turn)
        assert reply.outcome == "refused"
        assert "does not belong here" in read(reply)
    assert room.request().state is State.AWAITING_SECOND
    assert room.attempts() == ["foreign"] * len(turns)
    assert (await room.turns(good)).outcome == Verb.PURGE_APPROVE


async def test_the_seal_of_one_request_opens_no_other(room: Room) -> None:
    """AZ-16: the data of one card with the id of another is refused; each with its own id works."""
    first = await room.confirmed()
    await room.presses(BOB, first, Verb.PURGE_REJECT, reason="")
    await room.previewed()
    second = room.request("id-0002")
    await room.presses(ALICE, await room.sees(ALICE, "id-0002"), Verb.PURGE_CONFIRM, code=second.code)
    mixed = press(BOB, first, Verb.PURGE_APPROVE)
    reply = await room.turns(replace(mixed, data={**mixed.data, "id": "id-0002"}))
    assert (reply.outcome, room.request("id-0002").approvals) == ("refused", ())
    card = await room.sees(BOB, "id-0002")
    assert (await room.presses(BOB, card, Verb.PURGE_APPROVE)).outcome == Verb.PURGE_APPROVE


async def test_a_forwarded_card_is_refused(room: Room) -> None:
    """AZ-19: a card copied into another chat is refused there, for whomever; at home it works."""
    card = await room.confirmed()
    for who, place in ((CARL, chat_of(CARL)), (BOB, "19:somewhere@thread.v2"), (DORA, chat_of(DORA))):
        assert (await room.turns(press(who, card, Verb.PURGE_APPROVE, place=place))).outcome == "refused"
    assert room.attempts() == ["foreign"] * 3
    assert (await room.presses(BOB, card, Verb.PURGE_APPROVE)).outcome == Verb.PURGE_APPROVE


async def _to_rejected(room: Room) -> None:
    await room.presses(DORA, await room.sees(DORA), Verb.PURGE_REJECT, reason="too early")


async def _to_expired(room: Room) -> None:
    room.office.lab.pause(25 * HOUR)
    room.office.engine.purges._make_room(SOURCE, "p-x", room.office.lab.now)


async def _to_done(room: Room) -> None:
    await room.presses(CARL, await room.sees(CARL), Verb.PURGE_APPROVE)
    room.office.lab.pause(HOUR)
    room.office.engine.runner.run("id-0001", progress=silent)


@pytest.mark.parametrize("ending", [_to_rejected, _to_expired, _to_done])
async def test_an_old_card_shows_the_present_state_and_changes_nothing(room: Room, ending: Any) -> None:
    """AZ-17: after a rejection, an expiry or the end, each old button answers with the request as it now is."""
    own = await room.previewed()
    others = await room.confirmed_from(own)
    alices = await room.sees(ALICE)
    await ending(room)
    before, entries = room.request(), len(room.audit())
    for who, card in ((ALICE, own), (ALICE, alices), (BOB, others)):
        for verb in sorted(offered(card) & set(SEALED)):
            reply = await room.presses(who, card, Verb(verb), code=before.code, reason="x")
            assert reply.outcome == "stale"
            assert "out of date" in read(reply)
            assert reply.subject == "request/id-0001"
    assert room.request() == before
    assert len(room.audit()) == entries


async def test_a_card_from_before_an_older_store_came_back_does_nothing(room: Room) -> None:
    """AZ-18: after a restart over an older copy of the store a later card is stale; nothing is approved or executed."""
    card = await room.previewed()
    older = room.request()
    await room.presses(ALICE, card, Verb.PURGE_CONFIRM, code=older.code)
    later = await room.sees(BOB)
    shelf = room.office.lab.stores.requests._shelf
    shelf.replace(replace(older, version=room.request().version))
    again = Room(office=room.office, talk=PurgeTalk(room.office.desk))
    assert (await again.presses(BOB, later, Verb.PURGE_APPROVE)).outcome == "stale"
    assert again.request().state is State.PREVIEWED


async def test_a_second_press_of_the_same_button_shows_the_present_state(room: Room) -> None:
    """AZ-15: the first press counts, each further one of the same button is stale."""
    card = await room.confirmed()
    assert (await room.presses(BOB, card, Verb.PURGE_APPROVE)).outcome == Verb.PURGE_APPROVE
    before = room.request()
    for _ in range(3):
        reply = await room.presses(BOB, card, Verb.PURGE_APPROVE)
        assert reply.outcome == "stale"
        assert "waiting time running" in read(reply)
    assert room.request() == before


# -- at the same time -------------------------------------------------------------------------------------------------


async def test_fifty_presses_at_once_approve_once(room: Room) -> None:
    """AZ-20: fifty presses of one button give one approval, one entry, and forty-nine present cards."""
    turn = press(BOB, await room.confirmed(), Verb.PURGE_APPROVE)
    replies = await asyncio.gather(*(room.turns(turn) for _ in range(50)))
    assert sorted(reply.outcome for reply in replies) == [Verb.PURGE_APPROVE] + ["stale"] * 49
    assert len(room.request().approvals) == 1
    assert len(room.audit("request.cooling")) == 1
    assert room.attempts() == []


async def test_fifty_presses_in_several_processes_approve_once(room: Room) -> None:
    """AZ-20: where no lock is shared the store's compare-and-set lets one through; the others change nothing."""
    turn = press(BOB, await room.confirmed(), Verb.PURGE_APPROVE)
    talks = [PurgeTalk(room.office.desk) for _ in range(50)]
    replies = await asyncio.gather(*(talk.verbs()[Verb.PURGE_APPROVE](turn, Lang.EN) for talk in talks))
    outcomes = [reply.outcome for reply in replies]
    assert outcomes.count(Verb.PURGE_APPROVE) == 1
    assert set(outcomes) <= {Verb.PURGE_APPROVE, "stale", "refused"}
    assert len(room.request().approvals) == 1


@pytest.mark.parametrize("shared", [True, False])
async def test_of_yes_and_no_at_once_exactly_one_counts(room: Room, shared: bool) -> None:
    """AZ-21: approved and rejected in the same instant, one of them takes effect and both see the same state."""
    await room.confirmed()
    yes = press(BOB, await room.sees(BOB), Verb.PURGE_APPROVE)
    no = press(DORA, await room.sees(DORA), Verb.PURGE_REJECT, reason="wait")
    talks = [room.talk, room.talk if shared else PurgeTalk(room.office.desk)]
    replies = await asyncio.gather(
        *(talk.verbs()[turn.verb](turn, Lang.EN) for talk, turn in zip(talks, (yes, no), strict=True))
    )
    done = [reply.outcome for reply in replies if reply.outcome in {Verb.PURGE_APPROVE, Verb.PURGE_REJECT}]
    assert len(done) == 1
    state = room.request().state
    assert state is (State.COOLING if done == [Verb.PURGE_APPROVE] else State.REJECTED)
    assert len(room.request().approvals) == (state is State.COOLING)


async def test_fifty_orders_at_once_begin_one_preview(room: Room) -> None:
    """AZ-20, FE-10: fifty presses of the preview button leave one open request; the rest are shown the open one."""
    turn = _unsealed(ALICE, Verb.PURGE_PREVIEW, SOURCE)
    replies = await asyncio.gather(*(room.turns(turn) for _ in range(50)))
    outcomes = [reply.outcome for reply in replies]
    assert sorted(outcomes) == [Verb.PURGE_PREVIEW] + ["stale"] * 49
    assert [request.id for request in room.office.engine.purges.newest() if request.state not in CLOSED] == ["id-0001"]
    assert room.office.chores.previews == ["id-0001"]


async def test_a_double_click_on_preview_is_one_preview(room: Room) -> None:
    """AZ-15: a second press within seconds shows the preview just made; later it makes a new one, with a new code."""
    await room.previewed()
    turn = _unsealed(ALICE, Verb.PURGE_PREVIEW, SOURCE)
    again = await room.turns(turn)
    assert (again.outcome, again.subject) == ("stale", "request/id-0001")
    room.office.lab.pause(MINUTE)
    assert (await room.turns(turn)).subject == "request/id-0002"
    assert room.request().state is State.SUPERSEDED


async def test_looking_writes_nothing(room: Room) -> None:
    """AZ-22: sixty people looking at a card, a list or the menu store nothing and leave no entry."""
    await room.confirmed()
    before, entries = room.request(), len(room.audit())
    turns = [
        _unsealed(ALICE, verb, name)
        for verb, name in ((Verb.PURGE_SHOW, "id-0001"), (Verb.PURGE_LIST, "all.1"), (Verb.PURGE_MENU, "1"))
    ]
    replies = await asyncio.gather(*(room.turns(turn) for turn in turns for _ in range(20)))
    await asyncio.gather(*(room.sees(who) for who in (ALICE, BOB, DORA) for _ in range(20)))
    assert {reply.outcome for reply in replies} == {"shown", Verb.PURGE_LIST, Verb.PURGE_MENU}
    assert (room.request(), len(room.audit())) == (before, entries)


# -- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [c for c in NEEDS if c.value.startswith(("purge", "audit"))])
async def test_groups_are_sent_to_the_personal_chat(room: Room, command: Command) -> None:
    """AZ-23: in a group chat or a meeting each purge command points to the personal chat and does nothing."""
    await room.confirmed()
    before = room.request()
    reply = await room.says(ALICE, command, f"purge app-logs {before.code}", personal=False, place="19:group@thread.v2")
    assert reply.outcome == "elsewhere"
    assert "personal chat" in read(reply)
    assert room.request() == before


@pytest.mark.parametrize("verb", [v for v in SEALED if v not in {Verb.PURGE_APPROVE, Verb.PURGE_REJECT}])
async def test_only_approving_and_rejecting_work_in_a_channel(room: Room, verb: Verb) -> None:
    """AZ-23: the other buttons point to the personal chat where others read along; approving there works."""
    await room.confirmed()
    seal = room.office.office.seal.make(verb, "request/id-0001", stamp_of(room.request()), CHANNEL)
    turn = replace(say(ALICE, "", personal=False, place=CHANNEL), verb=verb, data={"id": "id-0001", "n": seal})
    assert (await room.turns(turn)).outcome == "elsewhere"
    card = await room.sees_in_channel()
    assert offered(card) == {Verb.PURGE_APPROVE, Verb.PURGE_REJECT}
    reply = await room.turns(press(BOB, card, Verb.PURGE_APPROVE, place=CHANNEL, personal=False))
    assert reply.outcome == Verb.PURGE_APPROVE


async def test_no_card_names_a_file_or_a_person(room: Room) -> None:
    """AZ-24: from preview to result no card, in a channel or a chat, holds a file name, a log text or somebody's id."""
    cards = [await room.previewed()]
    await room.presses(ALICE, cards[0], Verb.PURGE_CONFIRM, code=room.request().code)
    cards += [await room.sees(BOB), await room.sees_in_channel()]
    await room.presses(BOB, cards[1], Verb.PURGE_APPROVE)
    cards += [await room.sees(DORA), await room.sees_in_channel()]
    room.office.lab.pause(HOUR)
    room.office.engine.runner.run("id-0001", progress=silent)
    cards += [await room.sees(ALICE), await room.sees_in_channel()]
    for card in cards:
        told = json.dumps(card)
        assert not re.search(r"(?:old|mixed|young)\.log|seen 0|\bp-[0-9a-f]{20}\b|alice|bob\b", told)
    assert "(43% of the source)" in visible_text(cards[2]), "the positive control"


# -- typed commands ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["purge ../app-logs", "purge app-logs;rm", "purge $(app-logs)", "purge app-logs%00", "purge *.log",
     "purge billing-logs", "purge `app-logs`", "purge /var/log/app-logs", "purge app-logs|x", "purge " + "x/" * 5_000],
)  # fmt: skip
async def test_what_looks_like_a_path_or_another_source_starts_nothing(room: Room, text: str) -> None:
    """AZ-31: anything but a known id leads to the list, even where there is only one source; the id itself starts."""
    reply = await room.says(ALICE, Command.PURGE_START, text)
    assert "no source of this name" in read(reply)
    assert room.office.engine.purges.newest() == ()
    assert (await room.turns(_unsealed(ALICE, Verb.PURGE_PREVIEW, text[6:]))).outcome == "refused"
    assert room.office.engine.purges.newest() == ()
    reply = await room.presses(ALICE, dict(reply.card or {}), Verb.PURGE_PREVIEW)
    assert reply.outcome == Verb.PURGE_PREVIEW


@pytest.mark.parametrize(("text", "told"), [
    ("delete logs older than 30 days", True), ("lösche logs älter als 90 tage", True), ("delete old logs", False),
    ("delete logs older than 83 days", False), ("purge app-logs older than two weeks", True),
])  # fmt: skip
async def test_another_period_than_the_rule_s_is_said_to_be_fixed(room: Room, text: str, told: bool) -> None:
    """Whoever names another age is told that the rule fixes the cutoff, and the cutoff stays the rule's."""
    reply = await room.says(ALICE, Command.PURGE_START, text)
    assert ("You named another period" in read(reply)) == told
    assert room.request().cutoff == room.office.lab.rule.marks(room.office.lab.now).cutoff
    room.office.chores.do_previews()
    assert "The cutoff is set by the rule: 83 days" in visible_text(await room.sees(ALICE))


async def test_several_sources_are_listed_by_id(folder: Path) -> None:
    """Where there are several sources, an order without a name lists them with what is due; a name starts directly."""
    lab = lab_in(folder)
    with open_office(lab) as office:
        sources = dict(office.engine.parts.sources)
        for number in range(19):
            sources[f"more-{number}"] = sources[SOURCE]
        parts = replace(office.engine.parts, sources=sources)
        engine = replace(office.engine, parts=parts)
        desk = replace(office.desk, office=replace(office.office, engine=engine))
        room = Room(office=office, talk=PurgeTalk(desk))
        office.chores.look()
        reply = await room.says(ALICE, Command.PURGE_START, "delete the old logs")
        assert read(reply).count("Not looked at yet") == 7
        assert "Due: 3 records" in read(reply) or "Past the limit" in read(reply)
        pages = [reply]
        while Verb.PURGE_MENU in buttons(dict(pages[-1].card or {})):
            pages.append(await room.presses(ALICE, dict(pages[-1].card or {}), Verb.PURGE_MENU))
        assert len(pages) == 3
        assert "more-18" in read(pages[-1])
        assert office.engine.purges.newest() == ()
        assert "Preview in the making" in read(await room.says(ALICE, Command.PURGE_START, "purge app-logs"))


@pytest.mark.parametrize("text", ["ja", "confirm", "yes, do it", "confirm the purge", "ich bestätige den Löschlauf"])
async def test_a_bare_yes_confirms_nothing(room: Room, text: str) -> None:
    """Without the code nothing is confirmed: the answer is the card with the code, and its field."""
    await room.previewed()
    reply = await room.says(ALICE, Command.PURGE_CONFIRM, text)
    assert room.request().state is State.PREVIEWED
    assert "I need the code" in read(reply)
    assert room.request().code in read(reply)
    assert Verb.PURGE_CONFIRM in buttons(dict(reply.card or {}))


@pytest.mark.parametrize("how", ["bestätige {code}", "confirm {code}", "{code}", "yes, the code is {code}!"])
async def test_the_typed_code_confirms(room: Room, how: str) -> None:
    """The code in a sentence confirms exactly the preview it belongs to, however it is spelled."""
    await room.previewed()
    code = room.request().code
    spelled = [code, code.lower(), code.replace("-", ""), code.replace("-", " ")]
    text = how.format(code=spelled[len(how) % 4])
    assert (await room.says(ALICE, Command.PURGE_CONFIRM, text)).outcome == Outcome.COMMAND
    assert room.request().state is State.AWAITING_SECOND


@pytest.mark.parametrize("typed", ["", "AAAA-AAAA", "0", "ＡＡＡＡ-ＡＡＡＡ", "РURG-E234", "x" * 1_000])
async def test_a_wrong_code_keeps_the_card_usable(room: Room, typed: str) -> None:
    """A wrong code confirms nothing and is recorded; the card comes back with its field, and the right code works."""
    card = await room.previewed()
    reply = await room.presses(ALICE, card, Verb.PURGE_CONFIRM, code=typed)
    assert (reply.outcome, room.request().state) == ("refused", State.PREVIEWED)
    assert "code is not right" in read(reply)
    assert room.attempts() == ["wrong_code"]
    again = await room.presses(ALICE, dict(reply.card or {}), Verb.PURGE_CONFIRM, code=room.request().code)
    assert again.outcome == Verb.PURGE_CONFIRM


async def test_a_typed_code_of_somebody_else_s_preview_confirms_nothing(room: Room) -> None:
    """AZ-09: Bob types the code of Alice's preview: nothing of his is there to confirm."""
    await room.previewed()
    reply = await room.says(BOB, Command.PURGE_CONFIRM, f"confirm {room.request().code}")
    assert room.request().state is State.PREVIEWED
    assert "no preview of yours" in read(reply)


async def test_a_typed_yes_never_approves(room: Room) -> None:
    """An approver who types yes, with or without the code, gets the card to press, and nothing is approved."""
    await room.confirmed()
    for text in ("approve the purge", f"approve {room.request().code}"):
        reply = await room.says(DORA, Command.PURGE_CONFIRM, text)
        assert "only with the button" in read(reply)
        assert Verb.PURGE_APPROVE in buttons(dict(reply.card or {}))
    assert room.request().approvals == ()


async def test_a_typed_wrong_code_is_recorded(room: Room) -> None:
    """What can only be a code and fits no preview is refused and recorded."""
    await room.previewed()
    reply = await room.says(ALICE, Command.PURGE_CONFIRM, "confirm 2345-6789")
    assert (reply.outcome, room.attempts()) == ("refused", ["wrong_code"])
    assert room.request().state is State.PREVIEWED


@pytest.mark.parametrize(("who", "state"), [(ALICE, State.WITHDRAWN), (BOB, State.REJECTED), (DORA, State.REJECTED)])
async def test_a_typed_cancel_ends_the_open_request(room: Room, who: Actor, state: State) -> None:
    """The requester withdraws, another admin or a DPO ends it; with nothing open that is said."""
    assert "No purge request is open" in read(await room.says(who, Command.PURGE_CANCEL, "cancel the purge"))
    await room.confirmed()
    await room.says(who, Command.PURGE_CANCEL, "cancel the purge")
    assert room.request().state is state
    assert "No purge request is open" in read(await room.says(who, Command.PURGE_CANCEL, "cancel the purge"))


async def test_cancelling_never_guesses(room: Room) -> None:
    """A cancel that names another source ends nothing but lists; while a preview is made there is nothing to end."""
    await room.says(ALICE, Command.PURGE_START, "purge app-logs")
    assert "nothing to cancel" in read(await room.says(ALICE, Command.PURGE_CANCEL, "cancel"))
    room.office.chores.do_previews()
    reply = await room.says(ALICE, Command.PURGE_CANCEL, "cancel the purge of billing-logs")
    assert "open the one you mean" in read(reply)
    assert room.request().state is State.PREVIEWED


async def test_a_running_purge_is_stopped_from_the_chat(room: Room) -> None:
    """Cancel while files are being deleted stops before the next one, and the card says what became of the rest."""
    await room.approved()
    room.office.lab.pause(HOUR)
    card: list[Card] = []

    def watch(phase: str, _done: int, _total: int) -> None:
        if phase == "execute" and not card:
            card.append({})
            room.office.engine.purges.cancel(DORA, "id-0001")

    ended = room.office.engine.runner.run("id-0001", progress=watch)
    assert ended.state is State.CLOSED_PARTIAL
    shown = visible_text(await room.sees(ALICE))
    assert "Not reached before the purge was stopped" in shown
    assert "ask for a new preview" in shown


async def test_status_and_proofs_are_listed(room: Room) -> None:
    """The status lists every request with its state, the proofs only what has a document; both open the card."""
    await room.done()
    await room.says(ALICE, Command.PURGE_START, "purge app-logs")
    status = await room.says(DORA, Command.PURGE_STATUS, "purge status")
    assert "Finished" in read(status)
    assert "Preview in the making" in read(status)
    proofs = await room.says(DORA, Command.AUDIT_SHOW, "show the proof of deletion")
    assert "Preview in the making" not in read(proofs)
    card = await room.presses(DORA, dict(proofs.card or {}), Verb.PURGE_SHOW)
    assert "Passed" in read(card)
    assert card.subject == "request/id-0001"


# -- what the card says -----------------------------------------------------------------------------------------------


async def test_documents_are_links_where_there_are_any_and_text_where_not(room: Room) -> None:
    """With a public address the card links PDF and JSON; without one it gives the main facts as text."""
    await room.done()
    assert room.request().digest in visible_text(await room.sees(DORA)).replace(" ", "")
    asked: list[tuple[str, Lang]] = []

    def documents(request_id: str, lang: Lang) -> dict[str, str]:
        asked.append((request_id, lang))
        return {"pdf": "https://bot.example/d/1", "json": "https://bot.example/d/2"}

    linked = PurgeTalk(replace(room.office.desk, documents=documents))
    card = await linked.faces()["request"]("id-0001", room.office.viewer(DORA, Lang.DE))
    assert card is not None
    urls = re.findall(r"https://bot\.example/d/\d", json.dumps(card))
    assert urls == ["https://bot.example/d/1", "https://bot.example/d/2"]
    assert asked == [("id-0001", Lang.DE)]
    assert room.request().digest not in visible_text(card).replace(" ", "")


async def test_progress_is_shown_while_work_is_under_way(room: Room) -> None:
    """How far it is stands in words and as a bar; without a total only what is done; after the end nothing of it."""
    await room.says(ALICE, Command.PURGE_START, "purge app-logs")
    room.office.chores.under_way["id-0001"] = Doing(phase="preview", done=12_000, total=0)
    assert "Looking: 12,000 so far" in visible_text(await room.sees(ALICE))
    room.office.chores.do_previews()
    assert "so far" not in visible_text(await room.sees(ALICE))
    await room.presses(ALICE, await room.sees(ALICE), Verb.PURGE_CONFIRM, code=room.request().code)
    await room.presses(BOB, await room.sees(BOB), Verb.PURGE_APPROVE)
    room.office.lab.pause(HOUR)
    seen: list[str] = []

    def watch(phase: str, done: int, total: int) -> None:
        room.office.chores.under_way["id-0001"] = Doing(phase=phase, done=done, total=total)
        if phase == "execute":
            drawn = asyncio.run_coroutine_threadsafe(room.sees(DORA), loop)
            seen.append(visible_text(drawn.result(10)))

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(room.office.engine.runner.run, "id-0001", progress=watch)
    assert any("Deleting: 0%, 0 of 2" in text for text in seen)
    assert any("█" * 20 in text for text in seen)
    assert "█" not in visible_text(await room.sees(DORA))


async def test_an_expired_confirmation_says_so_and_offers_the_next_step(room: Room) -> None:
    """After the half hour the card offers a new preview only; a press that comes too late is refused and ends it."""
    card = await room.previewed()
    room.office.lab.pause(31 * MINUTE)
    late = await room.sees(ALICE)
    assert "time ran out" in visible_text(late)
    assert offered(late) == {Verb.PURGE_WITHDRAW, Verb.PURGE_PREVIEW}
    reply = await room.presses(ALICE, card, Verb.PURGE_CONFIRM, code=room.request().code)
    assert (reply.outcome, room.request().state) == ("refused", State.EXPIRED)
    assert "new preview" in read(reply)
    assert room.attempts() == ["expired"]


async def test_a_hold_after_the_preview_overtakes_it(room: Room) -> None:
    """A hold that was placed meanwhile makes approvals impossible; the card says what has changed."""
    card = await room.confirmed()
    wish = Wish(sources=(SOURCE,), reason="case", review_at=room.office.lab.now + 10 * DAY)
    room.office.engine.holds.place(DORA, wish)
    reply = await room.presses(BOB, card, Verb.PURGE_APPROVE)
    assert (reply.outcome, room.request().state) == ("refused", State.SUPERSEDED)
    assert "the holds" in read(reply)


async def test_too_much_at_once_cannot_be_confirmed(folder: Path) -> None:
    """A purge beyond purge.max_share offers no confirmation; the typed code is refused as well."""
    with open_office(lab_in(folder, care=Care(max_share=0.2))) as office:
        room = Room(office=office, talk=PurgeTalk(office.desk))
        card = await room.previewed()
        assert "purge.max_share" in visible_text(card)
        assert offered(card) == {Verb.PURGE_WITHDRAW}
        reply = await room.says(ALICE, Command.PURGE_CONFIRM, f"confirm {room.request().code}")
        assert (reply.outcome, room.attempts()) == ("refused", ["blast_limit"])


async def test_an_empty_preview_offers_nothing_to_confirm(folder: Path) -> None:
    """Where nothing is old enough the card says so."""
    lab = Lab(folder=folder)
    lab.write("young.log", [5])
    with open_office(lab) as office:
        room = Room(office=office, talk=PurgeTalk(office.desk))
        card = await room.previewed()
        assert "nothing to delete" in visible_text(card)
        assert offered(card) == {Verb.PURGE_WITHDRAW}


async def test_two_approvals_are_counted_and_one_can_be_taken_back(folder: Path) -> None:
    """With two needed the card says how many are missing; who has approved can take it back, and that ends it."""
    with open_office(lab_in(folder, care=Care(max_share=1.0, approvals=2))) as office:
        room = Room(office=office, talk=PurgeTalk(office.desk))
        assert "2 approvals are missing" in visible_text(await room.confirmed())
        await room.presses(BOB, await room.sees(BOB), Verb.PURGE_APPROVE)
        assert "One approval is missing" in visible_text(await room.sees(DORA))
        mine = await room.sees(BOB)
        assert offered(mine) == {Verb.PURGE_REVOKE}
        await room.presses(BOB, mine, Verb.PURGE_REVOKE)
        assert room.request().state is State.REJECTED


async def test_one_voice_counts_once(folder: Path) -> None:
    """FE-02: with two approvals needed, one person's second, third and fiftieth press leave one approval."""
    with open_office(lab_in(folder, care=Care(max_share=1.0, approvals=2))) as office:
        room = Room(office=office, talk=PurgeTalk(office.desk))
        turn = press(BOB, await room.confirmed(), Verb.PURGE_APPROVE)
        await asyncio.gather(*(room.turns(turn) for _ in range(50)))
        again = replace(turn, data={**turn.data, "n": _sealed(room, BOB, Verb.PURGE_APPROVE)})
        await room.turns(again)
        assert len(room.request().approvals) == 1
        assert room.request().state is State.AWAITING_SECOND
        await room.presses(DORA, await room.sees(DORA), Verb.PURGE_APPROVE)
        assert room.request().state is State.COOLING


def _sealed(room: Room, who: Actor, verb: Verb) -> str:
    return room.office.office.seal.make(verb, "request/id-0001", stamp_of(room.request()), chat_of(who))


async def test_a_late_yes_is_told_the_time_is_over(room: Room) -> None:
    """Whoever only says yes after the half hour reads that it is over, and is shown no code any more."""
    await room.previewed()
    room.office.lab.pause(31 * MINUTE)
    reply = await room.says(ALICE, Command.PURGE_CONFIRM, "ja")
    assert "time ran out" in read(reply)
    assert room.request().code not in read(reply)
    late = await room.says(ALICE, Command.PURGE_CONFIRM, room.request().code)
    assert (late.outcome, room.request().state) == ("refused", State.EXPIRED)


async def test_a_reason_for_no_is_shown_escaped_and_not_in_the_audit(room: Room) -> None:
    """What somebody writes as a reason is shown literally, to everybody; the audit holds none of it."""
    await room.confirmed()
    await room.presses(
        DORA, await room.sees(DORA), Verb.PURGE_REJECT, reason="[click](javascript:x) **now**\n<at>All</at>"
    )
    shown = visible_text(await room.sees(ALICE))
    assert "\\[click\\]" in shown
    assert "a data protection officer" in shown
    assert "javascript" not in json.dumps([{**entry} for entry in room.audit()])


async def test_an_unreachable_source_is_an_honest_refusal(room: Room) -> None:
    """A source that is not there gives a card that says so, and no request."""
    for path in room.office.lab.root.iterdir():
        path.unlink()
    room.office.lab.root.rmdir()
    reply = await room.says(ALICE, Command.PURGE_START, "purge app-logs")
    assert reply.outcome == "refused"
    assert "cannot be read" in read(reply)
    assert room.office.engine.purges.newest() == ()


async def test_who_may_not_see_gets_no_card(room: Room) -> None:
    """A face shows nothing to employees, and nothing for an unknown id; an admin sees it."""
    await room.previewed()
    draw = room.talk.faces()["request"]
    assert await draw("id-0001", room.office.viewer(EVE)) is None
    assert await draw("id-9999", room.office.viewer(ALICE)) is None
    assert await draw("id-0001", room.office.viewer(BOB)) is not None


# -- what is offered, for every state ---------------------------------------------------------------------------------


@given(
    state=st.sampled_from(State),
    roles=st.sets(st.sampled_from([Role.ADMIN, Role.DPO])),
    own=st.booleans(),
    voted=st.booleans(),
    run_out=st.booleans(),
    personal=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_no_state_offers_what_a_viewer_may_not(
    state: State, roles: set[Role], own: bool, voted: bool, run_out: bool, personal: bool
) -> None:
    """Nobody is offered their own approval, a second vote, or others' confirmation; in public only a vote."""
    request = PurgeRequest(id="r", source=SOURCE, data_kind=DataKind.LOG, state=state, requester="p-1", created_at=0)
    view = RequestView(request=request, own=own, voted=voted, run_out=run_out)
    actor = Actor(tenant_id="t", object_id="o", roles=frozenset({Role.EMPLOYEE, *roles}))
    offers = offers_of(view, Viewer(actor=actor, recipient="p-1", place="a", lang=Lang.EN, personal=personal))
    assert len(set(offers)) == len(offers) <= 5
    if own:
        assert not {Verb.PURGE_APPROVE, Verb.PURGE_REJECT} & set(offers)
    else:
        assert not {Verb.PURGE_CONFIRM, Verb.PURGE_WITHDRAW} & set(offers)
    if voted:
        assert Verb.PURGE_APPROVE not in offers
    if not personal:
        assert set(offers) <= {Verb.PURGE_APPROVE, Verb.PURGE_REJECT}
    if not roles:
        assert set(offers) <= {Verb.PURGE_SHOW}
    if not actor.may(Permission.RUN_PURGE):
        assert not {Verb.PURGE_CONFIRM, Verb.PURGE_WITHDRAW, Verb.PURGE_PREVIEW} & set(offers)
    if state in CLOSED:
        assert set(offers) <= {Verb.PURGE_PREVIEW}


async def test_withdrawing_cancelling_and_asking_again_work_from_the_card(room: Room) -> None:
    """Another admin may end an unconfirmed preview, an ended one offers a new preview, its requester withdraws it."""
    await room.previewed()
    assert offered(await room.sees(BOB)) == {Verb.PURGE_CANCEL}
    await room.presses(BOB, await room.sees(BOB), Verb.PURGE_CANCEL)
    assert room.request().state is State.WITHDRAWN
    again = await room.presses(ALICE, await room.sees(ALICE), Verb.PURGE_PREVIEW)
    assert again.subject == "request/id-0002"
    room.office.chores.do_previews()
    await room.presses(ALICE, await room.sees(ALICE, "id-0002"), Verb.PURGE_WITHDRAW)
    assert room.request("id-0002").state is State.WITHDRAWN
    assert offered(await room.sees(DORA)) == set()
    assert room.attempts() == []
