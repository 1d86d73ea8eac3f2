"""Items of AZ and IN that only the whole bot can show: real HTTP, real tokens, the real office and its schedule."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.patience import BURST, Patience
from cards.verbs import Verb
from data.labels import Lang
from data.retention.request import State
from tests.conftest import copy_model
from tests.domain import said
from tests.lists.live import (
    ADMIN,
    DPO,
    EMPLOYEE,
    SECOND_ADMIN,
    SOURCE,
    Chat,
    Live,
    card_of,
    living,
    read,
    write_logs,
)
from tests.world import BOT_ID, FOREIGN_TENANT, TENANT, FakeClock, World

FIFTY = 50
Prepared = tuple[Chat, Mapping[str, Any], Verb, dict[str, str]]
"""Who presses which button of which card, and what he types."""


@pytest.fixture
async def live(world: World, new_state: Callable[[], Path], tmp_path: Path) -> AsyncIterator[Live]:
    """Give a bot at work with one source that has something old in it."""
    async with living(world, new_state(), write_logs(tmp_path / "logs")) as found:
        yield found


# -- one effect, one answer (AZ-20) -----------------------------------------------------------------------------------


async def _preview(live: Live) -> Prepared:
    return live.chat(ADMIN), await live.chat(ADMIN).says("purge the logs of nowhere-logs"), Verb.PURGE_PREVIEW, {}


async def _confirm(live: Live) -> Prepared:
    card, request = await live.previewed()
    return live.chat(ADMIN), card, Verb.PURGE_CONFIRM, {"code": request.code}


async def _approve(live: Live) -> Prepared:
    card, _ = await live.waiting()
    return live.chat(SECOND_ADMIN), card, Verb.PURGE_APPROVE, {}


async def _reject(live: Live) -> Prepared:
    card, _ = await live.waiting()
    return live.chat(SECOND_ADMIN), card, Verb.PURGE_REJECT, {"reason": "not now"}


async def _withdraw(live: Live) -> Prepared:
    card, _ = await live.previewed()
    return live.chat(ADMIN), card, Verb.PURGE_WITHDRAW, {}


async def _hold(live: Live) -> Prepared:
    form = await live.chat(DPO).says(f"set a hold on {SOURCE}")
    return live.chat(DPO), form, Verb.HOLD_PLACE, {"source": SOURCE, "reason": "Case 4711"}


async def _hand_over(live: Live) -> Prepared:
    chat = live.chat(EMPLOYEE)
    form = await chat.presses(await chat.says("how is the weather"), Verb.HAND_OVER)
    return chat, form, Verb.HAND_OVER_SEND, {"question": "Who reads my voicemail?"}


BUTTONS: Mapping[str, Callable[[Live], Awaitable[Prepared]]] = {
    "preview": _preview,
    "confirm": _confirm,
    "approve": _approve,
    "reject": _reject,
    "withdraw": _withdraw,
    "hold": _hold,
    "hand over": _hand_over,
}


EFFECTS: Mapping[str, tuple[str, ...]] = {
    "preview": ("request.created", "request.previewed"),
    "confirm": ("request.awaiting_second",),
    "approve": ("request.cooling",),
    "reject": ("request.rejected",),
    "withdraw": ("request.withdrawn",),
    "hold": ("hold.placed", "hold.in_force"),
    "hand over": ("ticket.opened",),
}
"""What a button leaves in the audit when it is pressed once."""


def effects(live: Live) -> Counter[str]:
    """Count what the audit says by kind, but for alerts, which come by themselves."""
    kinds = (entry.kind for entry in live.office.parts.engine.audit.entries())
    return Counter(kind for kind in kinds if not kind.startswith("alert."))


@pytest.mark.parametrize("how", ["once", "clicks", "redeliveries"])
@pytest.mark.parametrize("button", BUTTONS)
async def test_fifty_presses_over_http_are_one_effect_and_one_answer_each(live: Live, button: str, how: str) -> None:
    """AZ-20: fifty clicks at once, or the same click delivered fifty times, do what one click does (the control)."""
    chat, card, verb, typed = await BUTTONS[button](live)
    before = effects(live)
    body = chat.pressing(card, verb, **typed)
    count = 1 if how == "once" else FIFTY
    bodies = [body | ({"id": f"f:click-{number}"} if how == "clicks" else {}) for number in range(count)]
    answers = await asyncio.gather(*(chat.sends(one) for one in bodies))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    if button == "preview":
        await live.until(State.PREVIEWED)
    assert effects(live) - before == Counter(EFFECTS[button])
    assert (len(live.office.parts.engine.stores.holds.all()), len(list(live.office.parts.desk.tickets.all()))) == (
        int(button == "hold"),
        int(button == "hand over"),
    )


async def test_copies_of_a_card_approve_once(live: Live) -> None:
    """AZ-15, 20: the same button on 25 copies of the card, at once: one approval, 24 are shown what is now."""
    card, _ = await live.waiting()
    chat = live.chat(SECOND_ADMIN)
    bodies = [chat.pressing(card, Verb.PURGE_APPROVE, on=f"copy-{number}") for number in range(25)]
    answers = await asyncio.gather(*(chat.sends(one) for one in bodies))
    texts = Counter("Your approval is noted" in read(card_of(answer)) for answer in answers)
    assert texts == {True: 1, False: 24}
    assert all("The purge is approved" in read(card_of(answer)) for answer in answers)
    assert (len(live.requests()[0].approvals), live.audit("attempt.refused")) == (1, [])


@pytest.mark.parametrize("same", [True, False], ids=["redeliveries", "orders"])
async def test_fifty_orders_over_http_begin_one_purge(live: Live, same: bool) -> None:
    """AZ-20: one order delivered fifty times is answered once; fifty orders are answered, and begin one request."""
    chat = live.chat(ADMIN)
    order = live.world.message(f"purge {SOURCE}", **chat.fields())
    bodies = [order if same else order | {"id": f"f:order-{number}"} for number in range(FIFTY)]
    answers = await asyncio.gather(*(chat.sends(one) for one in bodies))
    assert {answer.status for answer in answers} == {201}
    assert len(live.requests()) == 1
    calls = live.world.connector.calls
    answered = [call for call in calls if call.method == "POST" and "/activities/f:" in call.path]
    assert len(answered) == (1 if same else FIFTY)


async def test_looking_again_shows_what_is_now(live: Live) -> None:
    """AZ-17, 22: a button that only looks is pressed twice on one card; the second time it shows the present state."""
    chat = live.chat(ADMIN)
    await live.previewed()
    listed = await chat.says("purge status")
    first = await chat.presses(listed, Verb.PURGE_SHOW)
    assert Verb.PURGE_WITHDRAW in json.dumps(first)
    await live.chat(SECOND_ADMIN).says("cancel the purge")
    assert live.requests()[0].state is State.WITHDRAWN
    second = await chat.presses(listed, Verb.PURGE_SHOW)
    assert Verb.PURGE_WITHDRAW not in json.dumps(second)


# -- who (AZ-01 to 06, 25) --------------------------------------------------------------------------------------------


async def test_over_http_roles_are_those_of_the_settings(live: Live) -> None:
    """AZ-01 to 04, 25: whatever somebody claims in body or button, the settings say by object id who may."""
    card, _ = await live.waiting()
    claims: dict[str, Any] = {
        "name": "Second Admin",
        "role": "user",
        "userPrincipalName": "admin@beispiel.example",
        "roles": ["admin"],
        "properties": {"role": "admin"},
    }
    own = {**live.chat(SECOND_ADMIN).pressing(card, Verb.PURGE_APPROVE)}
    before = live.requests()
    for who in (EMPLOYEE, "", "admin", f"{SECOND_ADMIN}0", SECOND_ADMIN.replace("-", "")):
        sender = own["from"] | claims | {"aadObjectId": who}
        answer = await live.chat(who).sends(own | {"from": sender, "replyToId": f"for {who}"})
        assert answer.status == 200
        assert "Your approval is noted" not in read(card_of(answer))
    assert live.requests() == before
    assert [entry["reason"] for entry in live.audit("attempt.refused")] == ["not_allowed"] + ["nobody"] * 4
    upper = own["from"] | {"aadObjectId": SECOND_ADMIN.upper()}
    assert "Your approval is noted" in read(card_of(await live.chat(SECOND_ADMIN).sends(own | {"from": upper})))


@pytest.mark.parametrize("who", [DPO, ADMIN], ids=["dpo", "admin"])
async def test_over_http_each_role_does_its_own(live: Live, who: str) -> None:
    """AZ-25: an admin orders purges and a DPO does not; a DPO handles requests on data and an admin does not."""
    refused = "Your role does not allow this"
    purge, tickets = await live.chat(who).says(f"purge {SOURCE}"), None
    answer = await live.chat(who).sends(
        live.world.invoke(Verb.TICKET_LIST, {"id": "1", "lang": "en"}, **live.chat(who).fields())
    )
    tickets = card_of(answer)
    assert (refused in read(purge)) is (who == DPO)
    assert len(live.requests()) == (who == ADMIN)
    assert (refused in read(tickets)) is (who == ADMIN) or "Nothing" in read(tickets)


async def test_over_http_nobody_of_another_tenant_presses_anything(live: Live) -> None:
    """AZ-05, 06: the second admin's object id in another tenant, or in two at once, is 403 and writes nothing.

    The connector's token does not name a tenant (F4): it is the body's, and must be the one of the settings.
    """
    card, _ = await live.waiting()
    before = live.stored()
    own = live.chat(SECOND_ADMIN)
    press = own.pressing(card, Verb.PURGE_APPROVE)
    foreign = Chat(bot=live.bot, world=live.world, who=SECOND_ADMIN, tenant=FOREIGN_TENANT)
    mixed = press | {"channelData": {"tenant": {"id": FOREIGN_TENANT}}}
    for body in (press | foreign.fields(), mixed):
        assert (await own.sends(body)).status == 403
    assert (await live.bot.post(press, token="wrong")).status == 401
    assert live.stored() == before
    assert "Your approval is noted" in read(card_of(await own.sends(press)))


# -- odd presses (AZ-10, 11) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    ["__init__", "__class__", "__proto__", "constructor", "toString", "reply", "_act", "PURGE_APPROVE",
     "purge_approve ", "purge_approve\0", "purge.approve", "рurge_approve", "", None, 7, ["purge_approve"],
     {"verb": "purge_approve"},
     "x" * 100_000],
    ids=lambda verb: repr(verb)[:20],
)  # fmt: skip
async def test_a_verb_that_is_none_presses_nothing(live_shared: tuple[Live, Any], verb: object) -> None:
    """AZ-11: with every dialog at work, what is no verb of ours gets the card on unknown buttons, and does nothing."""
    live, card = live_shared
    chat = live.chat(SECOND_ADMIN)
    press = chat.pressing(card, Verb.PURGE_APPROVE, on=f"odd {verb!r}"[:60])
    press["value"]["action"]["verb"] = verb
    before = live.stored()
    answer = await chat.sends(press)
    assert answer.status == 200
    assert "button" in read(card_of(answer))
    assert len(answer.body) < 5_000
    assert live.stored() == before


@pytest.fixture(scope="module")
async def live_shared(
    session_world: World, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Live, Any]]:
    """Give one bot for all odd presses, with a request that waits for approval, and the approver's card."""
    folder = tmp_path_factory.mktemp("live")
    state = folder / "state"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    session_world.reset()
    async with living(session_world, state, write_logs(folder / "logs")) as found:
        card, _ = await found.waiting()
        yield found, card
        shown = await found.chat(SECOND_ADMIN).presses(card, Verb.PURGE_APPROVE, on="in the end")
        assert "Your approval is noted" in read(shown), "the control: the same button, unchanged, works"


# -- who is addressed (AZ-22, 27 to 29) -------------------------------------------------------------------------------


def card_dicts(value: object) -> list[Mapping[str, Any]]:
    """Find every object inside a card."""
    if isinstance(value, Mapping):
        return [value, *(found for inner in value.values() for found in card_dicts(inner))]
    return [found for inner in value for found in card_dicts(inner)] if isinstance(value, list) else []


async def test_no_card_refreshes_by_itself(live_shared: tuple[Live, Any]) -> None:
    """AZ-22: no card asks Teams to press anything for its sixty readers; what changes is pushed by the outbox."""
    live, approving = live_shared
    texts = ("help", "purge status", "which logs are overdue?", "set a hold on app-logs", "how is the weather")
    cards = [approving, *[await live.chat(who).says(text) for who in (EMPLOYEE, ADMIN, DPO) for text in texts]]
    assert [card for card in cards if any("refresh" in found for found in card_dicts(card))] == []
    assert any("refresh" in found for found in card_dicts({"body": [{"refresh": {}}]})), "the control"


GROUP = {"id": "19:team@thread.tacv2", "conversationType": "channel", "isGroup": True, "tenantId": "unset"}
ME = {"type": "mention", "mentioned": {"id": BOT_ID, "name": "Privacy Bot"}, "text": "<at>Privacy Bot</at>"}
NOT_ME = {"type": "mention", "mentioned": {"id": "29:somebody", "name": "Privacy Bot"}, "text": "<at>Privacy Bot</at>"}


@pytest.mark.parametrize(
    ("entities", "answers"), [([], 0), ([NOT_ME], 0), ([ME], 1)], ids=["typed", "of somebody else", "of the bot"]
)
async def test_only_a_real_mention_addresses_the_bot(
    live_shared: tuple[Live, Any], entities: list[Any], answers: int
) -> None:
    """AZ-27: the words of a mention without the entity, or with another id in it, are nobody's order."""
    live, _ = live_shared
    live.world.connector.reset()
    chat = live.chat(ADMIN)
    where = chat.fields()["conversation"] | GROUP | {"tenantId": chat.tenant}
    body = live.world.message("<at>Privacy Bot</at> purge app-logs", **chat.fields(conversation=where))
    before = live.requests()
    assert (await chat.sends(body | {"entities": entities})).status == 201
    assert len([call for call in live.world.connector.calls if "thread.tacv2" in call.path]) == answers
    assert live.requests() == before, "and even then a purge is for the personal chat (AZ-23)"


@pytest.mark.parametrize("what", ["edit", "bot", "application"])
async def test_edits_and_other_bots_order_nothing(live: Live, what: str) -> None:
    """AZ-28, 29: an edit into a command, and a message from a bot under the admin's id, begin nothing; a message does.

    Another application has an id that begins with 28: and no person's object id, or it has the role of a bot.
    """
    chat = live.chat(ADMIN)
    order = live.world.message(f"purge {SOURCE}", **chat.fields())
    sender = order["from"]
    odd: Mapping[str, dict[str, Any]] = {
        "edit": {"type": "messageUpdate", "channelData": order["channelData"] | {"eventType": "editMessage"}},
        "bot": {"from": sender | {"id": "28:another-bot"}},
        "application": {"from": sender | {"role": "bot"}},
    }
    assert (await chat.sends(order | odd[what])).status in (200, 201)
    assert live.requests() == ()
    assert [call for call in live.world.connector.calls if "/activities/f:" in call.path] == []
    assert (await chat.sends(order | {"id": "f:real"})).status == 201
    assert len(live.requests()) == 1


# -- one person's hundred messages (IN-16) ----------------------------------------------------------------------------


async def test_a_hundred_messages_of_one_person_delay_nobody_else(live: Live) -> None:
    """IN-16: of 100 messages at once a burst is answered and the rest asked to wait; others are answered as ever."""
    busy, other = live.chat(EMPLOYEE), live.chat(DPO)
    asked = "Which categories of data does ProCall NEX process?"
    bodies = [live.world.message(asked, deliveryMode="expectReplies", **busy.fields()) for _ in range(100)]
    answers, told = await asyncio.gather(
        asyncio.gather(*(busy.sends(body) for body in bodies)),
        asyncio.gather(*(other.says(asked) for _ in range(5))),
    )
    cards = [read(answer.json()["activities"][0]["attachments"][0]["content"]) for answer in answers]
    slower = said("refused.rate_limited", Lang.EN)
    answered = [text for text in cards if slower not in text]
    assert {answer.status for answer in answers} == {200}
    assert BURST <= len(answered) < 60
    assert len(set(answered)) == 1
    assert all(read(card) == answered[0] for card in told)


async def test_a_press_that_did_nothing_can_be_pressed_again(live: Live) -> None:
    """IN-16, RL-04: a button pressed too hastily, or by the wrong one, works when it is pressed again."""
    card, _ = await live.waiting()
    clock = FakeClock()
    patience = Patience(clock)
    live.bot.parts.edge._handler._patience = patience.has
    chat = live.chat(SECOND_ADMIN)
    while patience.has(f"{TENANT}/{SECOND_ADMIN}"):
        pass
    assert said("refused.rate_limited", Lang.EN) in read(await chat.presses(card, Verb.PURGE_APPROVE))
    assert live.requests()[0].approvals == ()
    for _ in range(2):
        stranger = chat.pressing(card, Verb.PURGE_APPROVE)
        stranger["from"]["aadObjectId"] = EMPLOYEE
        await chat.sends(stranger)
    assert [entry["reason"] for entry in live.audit("attempt.refused")] == ["not_allowed"] * 2
    clock.advance(10)
    assert "Your approval is noted" in read(await chat.presses(card, Verb.PURGE_APPROVE))
