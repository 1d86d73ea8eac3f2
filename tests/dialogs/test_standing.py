"""Standing rules in chat: who sees which card and button, what each press does, every refusal, in both languages."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cards.elements import MAX_CARD_CHARS, Card, visible_text
from cards.verbs import Verb
from data.access import Actor, Role
from data.desk.standing import StandingRule, StandingState
from data.desk.standing_steps import Problem
from data.labels import Lang
from data.office.parts import RoleHolders
from data.office.standing import StandingService
from data.retention.instants import DAY, MINUTE
from dialogs.desk import Desk
from dialogs.face import Viewer
from dialogs.standing import StandingDialog
from dialogs.turn import Reply, Turn, TurnKind
from tests.data.purge.lab import Lab, silent
from tests.desk import ALICE, BOB, DORA, EVE, SOURCE, OpenOffice, buttons, chat_of, open_office, press

FILLED = {"source": SOURCE, "every": "7", "minute": "120", "share": "0.5", "records": "1000"}
BOTH = pytest.mark.parametrize("lang", Lang)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Give a lab with an old file and a young one."""
    made = Lab(folder=tmp_path / "lab")
    made.write("old.log", [100])
    made.write("young.log", [3, 2])
    return made


@pytest.fixture
def office(lab: Lab) -> Iterator[OpenOffice]:
    """Give an office over the lab."""
    with open_office(lab) as opened:
        yield opened


class Chat:
    """People who press buttons of standing rules."""

    def __init__(self, office: OpenOffice, lang: Lang = Lang.EN) -> None:
        self.office, self.lang = office, lang
        self.dialog = StandingDialog(office.desk)

    async def asks(self, actor: Actor, verb: Verb, **data: Any) -> Reply:
        """Press an unsealed button, or send anything."""
        turn = Turn(
            kind=TurnKind.ACTION,
            actor=actor,
            conversation="c",
            verb=verb.value,
            data={"lang": self.lang.value, **data},
            place=chat_of(actor),
        )
        return await self.dialog.verbs()[verb](turn, self.lang)

    async def presses(self, actor: Actor, shown: Mapping[str, Any] | None, verb: Verb, **typed: str) -> Reply:
        """Press a button of a card."""
        assert shown is not None
        turn = press(actor, dict(shown), verb.value, **typed)
        return await self.dialog.verbs()[verb](turn, self.lang)

    async def sees(self, actor: Actor, rule_id: str = f"{SOURCE}.1") -> Card:
        """Give the card that somebody has of a rule."""
        shown = await self.dialog.faces()["standing"](rule_id, self.office.viewer(actor, self.lang))
        assert shown is not None
        return shown

    async def proposes(self, actor: Actor = ALICE, **changed: str) -> Reply:
        """Open the form and send it."""
        form = await self.asks(actor, Verb.STANDING_FORM)
        return await self.presses(actor, form.card, Verb.STANDING_PROPOSE, **{**FILLED, **changed})

    async def agrees(self) -> StandingRule:
        """Take a rule through all three."""
        proposed = await self.proposes()
        rule_id = proposed.subject.partition("/")[2]
        await self.presses(BOB, await self.sees(BOB, rule_id), Verb.STANDING_APPROVE)
        await self.presses(DORA, await self.sees(DORA, rule_id), Verb.STANDING_ACKNOWLEDGE)
        return self.rules.get(rule_id)

    @property
    def rules(self) -> StandingService:
        """Give the service."""
        return self.office.office.standing

    def attempts(self) -> list[tuple[str, str]]:
        """Give what was refused, as the audit has it: verb and reason."""
        entries = self.office.engine.parts.audit.entries()
        return [(str(e.data["what"]), str(e.data["reason"])) for e in entries if e.kind == "attempt.refused"]

    def says(self, reply: Reply, key: str) -> bool:
        """Tell whether a reply's card holds a sentence."""
        assert reply.card is not None
        return self.office.desk.said[self.lang](key) in visible_text(dict(reply.card))


# -- the way of a rule ------------------------------------------------------------------------------------------------


@BOTH
async def test_three_people_agree_by_pressing(office: OpenOffice, lang: Lang) -> None:
    """Form, proposal, approval, acknowledgement: each press shows the next state, and the rule runs at the end."""
    chat = Chat(office, lang)
    proposed = await chat.proposes()
    assert proposed.subject == f"standing/{SOURCE}.1"
    assert chat.says(proposed, "standing.state_proposed")
    assert chat.says(proposed, "standing.waits_proposed")
    approved = await chat.presses(BOB, await chat.sees(BOB), Verb.STANDING_APPROVE)
    assert chat.says(approved, "standing.waits_approved")
    active = await chat.presses(DORA, await chat.sees(DORA), Verb.STANDING_ACKNOWLEDGE)
    assert chat.says(active, "standing.state_active")
    (rule,) = chat.rules.all()
    assert (rule.every_days, rule.at_minute, rule.max_share, rule.max_records) == (7, 120, 0.5, 1000)
    assert rule.runs
    assert office.chores.changes == 3, "each change is told to the outbox"
    assert chat.attempts() == []


@BOTH
async def test_two_roles_switch_it_off_by_pressing(office: OpenOffice, lang: Lang) -> None:
    """A DPO asks, an admin agrees; the card names the role that is missing, and who asked has no button for it."""
    chat = Chat(office, lang)
    rule = await chat.agrees()
    asked = await chat.presses(DORA, await chat.sees(DORA), Verb.STANDING_STOP)
    said = office.desk.said[lang]
    missing = said("standing.waits_stopping", roles=said("roles.admin"))
    assert asked.card is not None
    assert missing in visible_text(dict(asked.card))
    assert Verb.STANDING_STOP not in buttons(await chat.sees(DORA))
    assert chat.rules.get(rule.id).runs
    await chat.presses(BOB, await chat.sees(BOB), Verb.STANDING_STOP)
    assert chat.rules.get(rule.id).state is StandingState.STOPPED


async def test_a_no_ends_a_proposal_and_keeps_a_rule(office: OpenOffice) -> None:
    """Rejecting ends what is proposed; the same button on a rule that is to be switched off lets it go on."""
    chat = Chat(office)
    await chat.proposes()
    title = buttons(await chat.sees(ALICE))[Verb.STANDING_REJECT]["title"]
    assert title == office.desk.said[Lang.EN]("standing.button_withdraw")
    await chat.presses(DORA, await chat.sees(DORA), Verb.STANDING_REJECT)
    assert chat.rules.all()[0].state is StandingState.REJECTED
    rule = await chat.agrees()
    await chat.presses(ALICE, await chat.sees(ALICE, rule.id), Verb.STANDING_STOP)
    await chat.presses(DORA, await chat.sees(DORA, rule.id), Verb.STANDING_REJECT)
    assert chat.rules.get(rule.id).state is StandingState.ACTIVE


async def test_a_new_version_is_proposed_from_the_old_ones_card(office: OpenOffice) -> None:
    """The form has the terms in force filled in; until all agree the old card says that one waits."""
    chat = Chat(office)
    rule = await chat.agrees()
    form = await chat.presses(ALICE, await chat.sees(ALICE), Verb.STANDING_FORM)
    filled = {item["id"]: item.get("value") for item in (form.card or {})["body"] if "id" in item}
    assert filled == {"source": SOURCE, "every": "7", "minute": "120", "share": "0.5", "records": 1000}
    await chat.presses(ALICE, form.card, Verb.STANDING_PROPOSE, **{**FILLED, "every": "1"})
    assert office.desk.said[Lang.EN]("standing.waits_successor", number="2") in visible_text(await chat.sees(BOB))
    new = chat.rules.all()[-1]
    await chat.presses(BOB, await chat.sees(BOB, new.id), Verb.STANDING_APPROVE)
    await chat.presses(DORA, await chat.sees(DORA, new.id), Verb.STANDING_ACKNOWLEDGE)
    assert chat.rules.get(rule.id).state is StandingState.REPLACED
    assert office.desk.said[Lang.EN]("standing.state_replaced") in visible_text(await chat.sees(BOB, rule.id))


# -- buttons that do not fit ------------------------------------------------------------------------------------------


@BOTH
async def test_a_button_of_an_earlier_state_changes_nothing(office: OpenOffice, lang: Lang) -> None:
    """Pressed again, or after somebody else, it is answered with the present card and a word on why."""
    chat = Chat(office, lang)
    await chat.proposes()
    old = await chat.sees(BOB)
    await chat.presses(BOB, old, Verb.STANDING_APPROVE)
    before = chat.rules.all()
    for verb in (Verb.STANDING_APPROVE, Verb.STANDING_REJECT):
        again = await chat.presses(BOB, old, verb)
        assert again.outcome == "stale"
        assert chat.says(again, "pressed.stale")
        assert chat.says(again, "standing.state_approved")
    assert chat.rules.all() == before


@BOTH
async def test_a_form_proposes_once(office: OpenOffice, lang: Lang) -> None:
    """The same form sent twice makes one proposal; the second is answered with a fresh form."""
    chat = Chat(office, lang)
    form = await chat.asks(ALICE, Verb.STANDING_FORM)
    await chat.presses(ALICE, form.card, Verb.STANDING_PROPOSE, **FILLED)
    again = await chat.presses(ALICE, form.card, Verb.STANDING_PROPOSE, **FILLED)
    assert chat.says(again, "pressed.stale")
    assert len(chat.rules.all()) == 1


@BOTH
async def test_a_button_from_elsewhere_is_refused_and_recorded(office: OpenOffice, lang: Lang) -> None:
    """Forwarded, altered, of another verb, or without a seal: nothing happens, and the attempt is in the audit."""
    chat = Chat(office, lang)
    await chat.proposes()
    shown, form = await chat.sees(BOB), await chat.asks(ALICE, Verb.STANDING_FORM)
    data = buttons(shown)[Verb.STANDING_APPROVE]["data"]
    forged = [
        await chat.presses(DORA, shown, Verb.STANDING_REJECT),  # Bob's card in Dora's chat
        await chat.asks(BOB, Verb.STANDING_STOP, **data),
        await chat.asks(BOB, Verb.STANDING_APPROVE, **{**data, "n": data["n"][:-1] + "_"}),
        await chat.asks(BOB, Verb.STANDING_APPROVE, id=data["id"]),
        await chat.presses(BOB, form.card, Verb.STANDING_PROPOSE, **FILLED),
    ]
    assert all(chat.says(reply, "pressed.foreign") and reply.outcome == "refused" for reply in forged)
    assert [reason for _, reason in chat.attempts()] == ["foreign"] * 5
    assert [rule.state for rule in chat.rules.all()] == [StandingState.PROPOSED]


async def test_an_odd_id_is_no_rule(office: OpenOffice) -> None:
    """Whatever a button names that is no rule is refused; a rule's own id is shown."""
    chat = Chat(office)
    await chat.proposes()
    for odd in ("app-logs.9", "../x", "", 7, None, ["app-logs.1"], "x" * 5000):
        assert (await chat.asks(BOB, Verb.STANDING_APPROVE, id=odd)).outcome == "refused"
        assert await chat.dialog.faces()["standing"](str(odd), office.viewer(BOB)) is None
    assert (await chat.asks(BOB, Verb.STANDING_LIST, id="app-logs.1")).outcome == "standing"
    assert (await chat.asks(BOB, Verb.STANDING_LIST, which="app-logs.1")).outcome == "standing"


# -- refusals ---------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_role_that_may_not_is_refused_each_step(office: OpenOffice, lang: Lang) -> None:
    """Employees may nothing, DPOs neither propose nor approve, admins acknowledge nothing: said, and in the audit."""
    chat = Chat(office, lang)
    await chat.proposes()
    verbs = list(chat.dialog.verbs())
    for verb in verbs:
        assert chat.says(await chat.asks(EVE, Verb(verb), id="app-logs.1"), "refused.not_allowed")
    for verb in (Verb.STANDING_FORM, Verb.STANDING_PROPOSE, Verb.STANDING_APPROVE):
        assert chat.says(await chat.asks(DORA, verb, id="app-logs.1"), "refused.not_allowed")
    assert len(chat.attempts()) == len(verbs) + 3
    chat.rules.approve(BOB, "app-logs.1")
    card = await forged_for(chat, ALICE, Verb.STANDING_ACKNOWLEDGE)
    assert chat.says(await chat.asks(ALICE, Verb.STANDING_ACKNOWLEDGE, **card), "refused.dpo_only")
    assert not chat.rules.get("app-logs.1").runs


async def forged_for(chat: Chat, actor: Actor, verb: Verb) -> dict[str, Any]:
    """Give the data of a genuine button that the card of this person would not show."""
    rule = chat.rules.all()[-1]
    seal = chat.office.office.seal
    return {"id": rule.id, "n": seal.make(verb.value, f"standing/{rule.id}", rule.face, chat_of(actor))}


@BOTH
@pytest.mark.parametrize(
    ("actor", "verb", "reason"),
    [
        (ALICE, Verb.STANDING_APPROVE, "own_rule"),
        (DORA, Verb.STANDING_ACKNOWLEDGE, "rule_state"),
        (BOB, Verb.STANDING_STOP, "rule_state"),
    ],
)
async def test_a_step_that_is_not_his_turn_is_explained(
    office: OpenOffice, lang: Lang, actor: Actor, verb: Verb, reason: str
) -> None:
    """Even with a genuine seal the service refuses what does not fit person or state, with a sentence of its own."""
    chat = Chat(office, lang)
    await chat.proposes()
    answer = await chat.asks(actor, verb, **await forged_for(chat, actor, verb))
    assert chat.says(answer, f"refused.{reason}")
    assert chat.attempts() == [(verb, reason)]
    assert chat.rules.all()[0].state is StandingState.PROPOSED


@BOTH
async def test_the_wrong_second_person_cannot_switch_it_off(office: OpenOffice, lang: Lang) -> None:
    """Neither the one who asked nor another of the same role; and a rule that is off is not switched off again."""
    chat = Chat(office, lang)
    rule = await chat.agrees()
    await chat.presses(ALICE, await chat.sees(ALICE), Verb.STANDING_STOP)
    for actor, reason in ((ALICE, "own_stop"), (BOB, "same_role")):
        answer = await chat.asks(actor, Verb.STANDING_STOP, **await forged_for(chat, actor, Verb.STANDING_STOP))
        assert chat.says(answer, f"refused.{reason}")
    assert chat.rules.get(rule.id).runs


@BOTH
@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"every": "0"}, "refused.bad_interval"),
        ({"every": "31"}, "refused.bad_interval"),
        ({"every": "-1"}, "refused.bad_interval"),
        ({"every": "7.5"}, "refused.bad_interval"),
        ({"minute": "1440"}, "refused.bad_time"),
        ({"minute": ""}, "refused.bad_time"),
        ({"share": "0"}, "refused.bad_share"),
        ({"share": "nan"}, "refused.bad_share"),
        ({"share": "1.1"}, "refused.bad_share"),
        ({"share": "0,5"}, "refused.bad_share"),
        ({"records": "0"}, "refused.bad_records"),
        ({"records": "many"}, "refused.bad_records"),
        ({"records": "٣"}, "refused.bad_records"),
        ({"records": "9" * 400}, "refused.bad_records"),
        ({"source": "other"}, "refused.unknown"),
        ({"source": ""}, "refused.unknown"),
    ],
)
async def test_what_the_form_cannot_mean_is_refused(
    office: OpenOffice, lang: Lang, changed: dict[str, str], key: str
) -> None:
    """Each field that holds nonsense has its sentence, and nothing is proposed."""
    chat = Chat(office, lang)
    assert chat.says(await chat.proposes(**changed), key)
    assert chat.rules.all() == ()


async def test_a_second_proposal_for_a_source_waits(office: OpenOffice) -> None:
    """While one waits for its yeses another is refused; after a no it is taken."""
    chat = Chat(office)
    await chat.proposes()
    assert chat.says(await chat.proposes(BOB), "refused.already_proposed")
    await chat.presses(BOB, await chat.sees(BOB), Verb.STANDING_REJECT)
    assert (await chat.proposes(BOB)).subject == f"standing/{SOURCE}.2"


async def test_too_few_people_are_told_before_they_try(office: OpenOffice) -> None:
    """With a single admin nobody could approve, so nothing is proposed; with two it is."""
    name = office.engine.parts.people.name(ALICE)
    alone = replace(office.office.parts, holders=lambda: RoleHolders(admins=(name,), dpos=("p-2",)))
    service = StandingService(alone, office.engine.purges)
    lonely = Chat(office)
    lonely.dialog = StandingDialog(Desk(office=replace(office.office, standing=service), said=office.desk.said))
    assert lonely.says(await lonely.proposes(), "refused.too_few")
    assert (await Chat(office).proposes()).subject


async def test_a_clock_that_jumped_lets_nobody_agree(office: OpenOffice, lab: Lab) -> None:
    """No yes on a clock that nobody trusts; a no is taken."""
    chat = Chat(office)
    await chat.proposes()
    lab.clock.jump(86_400)
    shown = await chat.sees(BOB)
    assert chat.says(await chat.presses(BOB, shown, Verb.STANDING_APPROVE), "refused.jumped")
    await chat.presses(BOB, shown, Verb.STANDING_REJECT)
    assert chat.rules.all()[0].state is StandingState.REJECTED


@BOTH
async def test_a_group_is_no_place_for_rules(office: OpenOffice, lang: Lang) -> None:
    """In a channel every press is sent to the personal chat, and the card there has no button (AZ-23)."""
    chat = Chat(office, lang)
    await chat.proposes()
    card = await chat.sees(BOB)
    turn = press(BOB, card, Verb.STANDING_APPROVE, personal=False)
    answer = await chat.dialog.verbs()[Verb.STANDING_APPROVE](turn, lang)
    assert chat.says(answer, "pressed.elsewhere")
    admins = Actor(tenant_id=BOB.tenant_id, object_id="", roles=BOB.roles)
    channel = Viewer(actor=admins, recipient="channel-admin", place="19:x", lang=lang, personal=False)
    shown = await chat.dialog.faces()["standing"]("app-logs.1", channel)
    assert shown is not None
    assert buttons(shown) == {}
    assert chat.rules.all()[0].state is StandingState.PROPOSED


# -- what is shown ----------------------------------------------------------------------------------------------------


async def test_everybody_sees_the_buttons_of_his_turn(office: OpenOffice) -> None:
    """Who can take the next step has its button, the others have not, and employees see no card at all."""
    chat = Chat(office)
    yes = {Verb.STANDING_APPROVE, Verb.STANDING_ACKNOWLEDGE, Verb.STANDING_REJECT, Verb.STANDING_STOP}

    async def offered() -> list[set[Verb]]:
        return [yes & {Verb(verb) for verb in buttons(await chat.sees(who))} for who in (ALICE, BOB, DORA)]

    no = {Verb.STANDING_REJECT}
    await chat.proposes()
    assert await offered() == [no, no | {Verb.STANDING_APPROVE}, no]
    chat.rules.approve(BOB, "app-logs.1")
    assert await offered() == [no, no, no | {Verb.STANDING_ACKNOWLEDGE}]
    chat.rules.acknowledge(DORA, "app-logs.1")
    assert await offered() == [{Verb.STANDING_STOP}] * 3
    chat.rules.stop(DORA, "app-logs.1")
    assert await offered() == [no | {Verb.STANDING_STOP}, no | {Verb.STANDING_STOP}, no]
    chat.rules.stop(ALICE, "app-logs.1")
    assert await offered() == [set(), set(), set()]
    assert await chat.dialog.faces()["standing"]("app-logs.1", office.viewer(EVE)) is None


async def test_somebody_with_both_roles_acknowledges_only_as_a_third(office: OpenOffice, lab: Lab) -> None:
    """An admin who is a DPO too and has approved is offered no acknowledgement of the same rule."""
    chat = Chat(office)
    both = replace(BOB, roles=BOB.roles | {Role.DPO})
    lab.roles[BOB.object_id] = both.roles
    await chat.proposes()
    assert Verb.STANDING_APPROVE in buttons(await chat.sees(both))
    chat.rules.approve(both, "app-logs.1")
    assert Verb.STANDING_ACKNOWLEDGE not in buttons(await chat.sees(both))
    assert Verb.STANDING_ACKNOWLEDGE in buttons(await chat.sees(DORA))


@BOTH
async def test_the_card_says_what_it_will_do(office: OpenOffice, lab: Lab, lang: Lang) -> None:
    """Age, interval, time in UTC and on the wall, limits, next and last run, trouble, and the clause underneath."""
    chat = Chat(office, lang)
    await chat.agrees()
    said = office.desk.said[lang]
    shown = visible_text(await chat.sees(DORA))
    assert said("standing.does", age="83 Tage" if lang is Lang.DE else "83 days") in shown
    assert said("standing.every_days", days="7") in shown
    assert said("standing.time", utc="02:00", local="03:00") in shown
    assert said("standing.last_none") in shown
    assert said("terms.whose") in shown
    next_run = chat.rules.runs.next_run(chat.rules.all()[0], lab.now)
    assert said.when(next_run) in shown
    lab.pause(2 * DAY)
    assert said("standing.next_now") in visible_text(await chat.sees(DORA))
    theirs = office.engine.purges.preview(ALICE, SOURCE, silent)
    with pytest.raises(Exception, match=theirs.id):
        chat.rules.runs.begin("app-logs.1")
    assert said(f"standing.problem_{Problem.ALREADY_OPEN}") in visible_text(await chat.sees(DORA))


@BOTH
async def test_the_list_has_a_row_for_each_source(office: OpenOffice, lang: Lang) -> None:
    """A source without a rule says so; later its rule's state stands there, and one can be chosen."""
    chat = Chat(office, lang)
    empty = await chat.asks(DORA, Verb.STANDING_LIST)
    assert chat.says(empty, "standing.list_none")
    assert buttons(empty.card or {}) == {}
    await chat.agrees()
    full = await chat.asks(ALICE, Verb.STANDING_LIST)
    assert chat.says(full, "standing.state_active")
    assert set(buttons(full.card or {})) == {Verb.STANDING_LIST, Verb.STANDING_FORM}
    one = await chat.presses(ALICE, full.card, Verb.STANDING_LIST, which="app-logs.1")
    assert one.subject == "standing/app-logs.1"


@BOTH
async def test_cards_are_small_labelled_and_name_nobody(office: OpenOffice, lab: Lab, lang: Lang) -> None:
    """Within 28 KB, each field with a label, no pseudonym, no path, and a button carries id, seal and language only."""
    chat = Chat(office, lang)
    form = await chat.asks(ALICE, Verb.STANDING_FORM)
    proposed = await chat.proposes()
    people = [office.engine.parts.people.name(who) for who in (ALICE, BOB, DORA)]
    lists = await chat.asks(ALICE, Verb.STANDING_LIST)
    for shown in (form.card, proposed.card, lists.card, await chat.sees(BOB)):
        written = json.dumps(shown, ensure_ascii=False)
        assert len(written) < MAX_CARD_CHARS
        assert not [word for word in (*people, "alice", str(lab.root), "old.log") if word in written]
        fields = [item for item in (shown or {})["body"] if str(item["type"]).startswith("Input.")]
        assert all(item["label"] for item in fields)
        for made in buttons(shown or {}).values():
            assert set(made["data"]) <= {"id", "n", "lang"}
    assert len([item for item in (form.card or {})["body"] if "label" in item]) == 5


async def test_the_next_run_names_no_passed_time(office: OpenOffice, lab: Lab) -> None:
    """A rule that has run says when, and when it runs next, a minute later."""
    chat = Chat(office)
    rule = await chat.agrees()
    lab.pause(DAY - lab.now % DAY + 2 * 60 * MINUTE + MINUTE)
    request = chat.rules.runs.begin(rule.id)
    office.engine.purges.fill(request.id, silent)
    office.engine.runner.run(chat.rules.runs.authorise(request.id).id, progress=silent)
    said = office.desk.said[Lang.EN]
    shown = visible_text(await chat.sees(DORA))
    assert said.when(request.created_at) in shown
    assert said.when(lab.now - MINUTE + 7 * DAY) in shown
