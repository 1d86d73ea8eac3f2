"""Holds in chat: one person places, two release, and every button is judged by what is stored, never by the card."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.elements import Card, visible_text
from cards.hold import ALL
from cards.verbs import Verb
from data.access import Actor, Role
from data.audit.entry import AuditEntry
from data.desk.alert import Alert
from data.errors import RefusedError
from data.labels import Lang
from data.questions.commands import Command
from data.retention.finding import FindingKind
from data.retention.hold import END, Hold
from data.retention.instants import BEGINNING, DAY, datetime_of
from data.retention.request import State
from dialogs.face import Viewer
from dialogs.holds import PAGE, HoldDialog, instant_at, named_in
from dialogs.turn import Reply, Turn
from tests.cards.test_rules import (
    fits_the_schema,
    has_no_placeholder_left,
    is_small,
    labels_its_buttons,
    names_nobody,
    opens_https_only,
    says_what_it_is,
    wraps_every_text,
)
from tests.data.purge.lab import person, silent
from tests.desk import ALICE, BOB, DORA, EVE, SOURCE, Lab, OpenOffice, buttons, chat_of, open_office, press, say
from tests.domain import said

RULES = (fits_the_schema, says_what_it_is, is_small, has_no_placeholder_left, names_nobody,
         labels_its_buttons, opens_https_only, wraps_every_text)  # fmt: skip
GOOD = {"source": SOURCE, "reason": "audit 2026", "case": "K-7", "review": "2027-01-15"}
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenOffice]:
    """Give an office over a lab with one old and one young file."""
    lab = Lab(folder=tmp_path / "lab")
    lab.write("old.log", [100])
    lab.write("young.log", [5, 4])
    with open_office(lab) as office:
        yield office


class Chat:
    """The dialog of holds, and short ways to speak to it."""

    def __init__(self, opened: OpenOffice) -> None:
        self.opened = opened
        self.dialog = HoldDialog(opened.desk)

    async def presses(self, turn: Turn, lang: Lang = Lang.EN) -> Reply:
        """Hear a button."""
        return await self.dialog.verbs()[turn.verb](turn, lang)

    async def says(self, who: Actor, text: str, command: Command, lang: Lang = Lang.EN) -> Reply:
        """Hear a command."""
        return await self.dialog.commands()[command](say(who, text), lang)

    async def form(self, who: Actor = DORA, text: str = "place a hold", lang: Lang = Lang.EN) -> Card:
        """Give somebody the form."""
        return card_of(await self.says(who, text, Command.HOLD_SET, lang))

    async def placed(self, who: Actor = DORA, **typed: str) -> Hold:
        """Let somebody place a hold by the form."""
        reply = await self.presses(press(who, await self.form(who), Verb.HOLD_PLACE, **{**GOOD, **typed}))
        assert reply.outcome == "hold_placed"
        return self.holds[-1]

    async def face(self, hold: Hold, who: Actor) -> Card:
        """Draw a hold as somebody sees it now."""
        shown = await self.dialog.faces()["hold"](hold.id, self.opened.viewer(who))
        assert shown is not None
        return shown

    @property
    def holds(self) -> tuple[Hold, ...]:
        """List what is stored."""
        return self.opened.engine.holds.all()

    def audit(self, kind: str) -> list[AuditEntry]:
        """List the entries of a kind."""
        return [entry for entry in self.opened.engine.parts.audit.entries() if entry.kind == kind]


@pytest.fixture
def chat(opened: OpenOffice) -> Chat:
    """Give the dialog over the office."""
    return Chat(opened)


def card_of(reply: Reply) -> Card:
    """Give the card of a reply, which follows the rules of all cards."""
    assert reply.card is not None
    card = dict(reply.card)
    assert [problem for rule in RULES for problem in rule(card)] == []
    return card


def inputs(card: Card) -> dict[str, dict[str, Any]]:
    """Collect the fields of a card by id."""
    return {item["id"]: item for item in card["body"] if item["type"].startswith("Input.")}


def old_files(chat: Chat) -> set[str]:
    """List the files that are there."""
    return {path.name for path in chat.opened.lab.root.iterdir()}


# -- placing ----------------------------------------------------------------------------------------------------------


async def test_a_hold_is_placed_in_two_steps_and_protects_at_once(chat: Chat) -> None:
    """Form and button, by one person: an approved purge of the source deletes nothing; without the hold it would."""
    engine, lab = chat.opened.engine, chat.opened.lab
    request = engine.purges.preview(ALICE, SOURCE, silent)
    request = engine.purges.confirm(ALICE, request.id, request.code)
    engine.purges.approve(BOB, request.id, request.digest)
    reply = await chat.presses(press(DORA, await chat.form(), Verb.HOLD_PLACE, **GOOD))
    (hold,) = chat.holds
    assert (hold.sources, hold.reason, hold.case) == ((SOURCE,), "audit 2026", "K-7")
    assert (hold.begins, hold.ends, hold.placed_by) == (BEGINNING, END, chat.opened.desk.name(DORA))
    assert reply.subject == f"hold/{hold.id}"
    assert chat.opened.chores.changes == 1
    lab.pause(lab.care.cooling_for)
    with pytest.raises(RefusedError):
        engine.runner.run(request.id, progress=silent)
    assert old_files(chat) == {"old.log", "young.log"}
    assert engine.purges.get(request.id).state is State.SUPERSEDED


@pytest.mark.parametrize("lang", Lang)
async def test_the_card_says_what_a_hold_does_and_when_it_is_reviewed(chat: Chat, lang: Lang) -> None:
    """It beats everything, what it protects stays when the days are over and is then alerted, and it has a review."""
    turn = press(DORA, await chat.form(lang=lang), Verb.HOLD_PLACE, **GOOD)
    shown = visible_text(card_of(await chat.presses(turn, lang)))
    assert "90" in shown
    for key in ("hold.placed_now", "hold.effect", "hold.review_ahead", "terms.clause_2_7"):
        assert said(key, lang) in shown
    assert "15.01.2027" in shown or "15 Jan 2027" in shown


async def test_the_form_offers_every_source_and_a_month(chat: Chat) -> None:
    """All sources and each one can be chosen, every field has a label, the review lies within 90 days, 30 by itself."""
    fields = inputs(await chat.form())
    assert [choice["value"] for choice in fields["source"]["choices"]] == [SOURCE, ALL]
    assert fields.keys() == {"source", "reason", "case", "review", "from", "to"}
    assert all(field["label"].strip() for field in fields.values())
    review = fields["review"]
    assert (review["min"], review["value"], review["max"]) == ("2026-12-21", "2027-01-19", "2027-03-20")
    for day in (review["min"], review["max"]):
        await chat.placed(review=day)


@pytest.mark.parametrize(("text", "source"), [
    (f"hold on the {SOURCE} please", SOURCE), (f"Löschsperre für {SOURCE.upper()}", SOURCE), ("place a hold", ""),
    (f"a hold on x{SOURCE}", ""), (f"a hold on {SOURCE}-2", ""),
])  # fmt: skip
async def test_a_source_that_the_text_names_is_chosen_already(chat: Chat, text: str, source: str) -> None:
    """Whoever names a source finds it chosen; a longer word that holds its name is another."""
    assert inputs(await chat.form(text=text))["source"].get("value", "") == source


async def test_a_button_on_an_alert_chooses_the_alerts_source(chat: Chat) -> None:
    """A form that is opened from an alert, or from a source, has its source chosen; any other id chooses nothing."""
    now = chat.opened.engine.parts.guard.now()
    alert = Alert(id="17", kind=FindingKind.DUE, about=SOURCE, source=SOURCE, opened_at=now, changed_at=now)
    chat.opened.office.parts.desk.alerts.add(alert)
    listed = card_of(await chat.says(DORA, "holds", Command.HOLD_RELEASE))
    for name, chosen in (("17", SOURCE), (SOURCE, SOURCE), ("18", ""), ("../x", "")):
        form = card_of(await chat.presses(press(DORA, listed, Verb.HOLD_FORM, id=name)))
        assert inputs(form)["source"].get("value", "") == chosen


async def test_a_hold_on_everything_and_a_range(chat: Chat) -> None:
    """Every source can be held at once; the last day of a range is held to its end, in the time zone of the cards."""
    hold = await chat.placed(source=ALL, **{"from": "2026-01-01", "to": "2026-06-30"})
    assert hold.sources == ()
    assert datetime_of(hold.begins).astimezone(BERLIN) == dt.datetime(2026, 1, 1, tzinfo=BERLIN)
    assert datetime_of(hold.ends).astimezone(BERLIN) == dt.datetime(2026, 7, 1, tzinfo=BERLIN)
    shown = visible_text(await chat.face(hold, BOB))
    assert "1 Jan 2026 to 30 Jun 2026" in shown
    assert said("hold.all_sources", Lang.EN) in shown


@pytest.mark.parametrize(("wrong", "reason"), [
    ({"reason": ""}, "no_reason"), ({"reason": " \u200b - "}, "no_reason"), ({"to": "9999-12-31"}, "bad_date"),
    ({"review": "2026-12-20"}, "bad_review_date"), ({"review": "2027-03-21"}, "bad_review_date"),
    ({"review": "tomorrow"}, "bad_date"),
    ({"from": "2026-06-02", "to": "2026-06-01"}, "empty_range"), ({"from": "0001-01-01"}, "bad_date"),
    ({"review": ""}, ""),
])  # fmt: skip
async def test_a_slip_brings_the_form_back_with_what_was_typed(chat: Chat, wrong: dict[str, str], reason: str) -> None:
    """What can be put right is asked again, with a sentence on top and nothing lost; put right, it is placed."""
    typed = {**GOOD, **wrong}
    reply = await chat.presses(press(DORA, await chat.form(), Verb.HOLD_PLACE, **typed))
    if not reason:
        assert reply.outcome == "hold_placed"
        return
    form = card_of(reply)
    assert said(f"refused.{reason}", Lang.EN) in visible_text(form)
    assert chat.holds == ()
    assert inputs(form)["case"]["value"] == "K-7"
    assert chat.audit("attempt.refused") == [], "a slip is no attempt"
    again = await chat.presses(press(DORA, form, Verb.HOLD_PLACE, **GOOD))
    assert again.outcome == "hold_placed"


SOURCES_NOBODY_HAS = [
    "",
    "x; rm -rf /",
    "$(reboot)",
    "a\nb",
    "%00",
    "../app-logs",
    "app-*",
    "' OR 1=1 --",
    "x" * 10_240,
]


@pytest.mark.parametrize("source", SOURCES_NOBODY_HAS)
async def test_az_31_a_source_that_is_none_is_unknown(chat: Chat, source: str) -> None:
    """Whatever stands in the field of the source is compared with what there is, and means nothing else (AZ-31)."""
    reply = await chat.presses(press(DORA, await chat.form(), Verb.HOLD_PLACE, **{**GOOD, "source": source}))
    assert reply.outcome == "refused"
    assert said("refused.unknown_source", Lang.EN) in visible_text(card_of(reply))
    assert chat.holds == ()
    await chat.placed()


async def test_az_12_what_else_a_button_carries_means_nothing(chat: Chat) -> None:
    """Roles, people, paths and counts in the data of a button change nothing (AZ-12)."""
    turn = press(DORA, await chat.form(), Verb.HOLD_PLACE, **GOOD, role="admin", placed_by="p-1", sources="other",
                 released_by="p-2", path="/etc")  # fmt: skip
    assert (await chat.presses(turn)).outcome == "hold_placed"
    (hold,) = chat.holds
    assert (hold.sources, hold.placed_by, hold.active) == ((SOURCE,), chat.opened.desk.name(DORA), True)


@pytest.mark.parametrize("value", [7, ["a"], None, {"a": 1}, True, "\x00", "x" * 1_000_000])
async def test_az_10_odd_values_place_nothing_wrong(chat: Chat, value: object) -> None:
    """Values of any type where text is expected are no text: the form comes again, or a plain refusal (AZ-10)."""
    turn = press(DORA, await chat.form(), Verb.HOLD_PLACE, **{**GOOD, "reason": value, "case": value})  # type: ignore[arg-type]
    reply = await chat.presses(turn)
    card_of(reply)
    assert all(len(hold.reason) <= 200 and len(hold.case) <= 80 for hold in chat.holds)
    assert (reply.outcome == "hold_placed") == (isinstance(value, str) and "x" in value)


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nobody", [EVE, Actor(tenant_id=ALICE.tenant_id, object_id="")], ids=["employee", "nobody"])
async def test_az_01_an_employee_places_and_releases_nothing(chat: Chat, nobody: Actor) -> None:
    """Without the role every verb and command is refused in a card, recorded, and changes nothing (AZ-01, AZ-02)."""
    hold = await chat.placed()
    form, face = await chat.form(), await chat.face(hold, BOB)
    turns = [press(nobody, form, Verb.HOLD_PLACE, place=chat_of(DORA), **GOOD), press(nobody, form, Verb.HOLD_LIST),
             press(nobody, face, Verb.HOLD_RELEASE, place=chat_of(BOB))]  # fmt: skip
    for turn in turns:
        assert (await chat.presses(turn)).outcome == "refused"
    for command in (Command.HOLD_SET, Command.HOLD_RELEASE):
        assert (await chat.says(nobody, "hold", command)).outcome == "refused"
    assert chat.holds == (hold,)
    assert len(chat.audit("attempt.refused")) == 5
    viewer = Viewer(actor=nobody, recipient="p-x", place="a:x", lang=Lang.EN)
    assert await chat.dialog.faces()["hold"](hold.id, viewer) is None


async def test_az_23_holds_are_for_the_personal_chat(chat: Chat) -> None:
    """Where others read along neither form nor list is shown, and nothing is placed (AZ-23)."""
    turn = press(DORA, await chat.form(), Verb.HOLD_PLACE, personal=False, **GOOD)
    assert (await chat.presses(turn)).outcome == "elsewhere"
    for command in (Command.HOLD_SET, Command.HOLD_RELEASE):
        reply = await chat.dialog.commands()[command](say(DORA, "hold", personal=False), Lang.EN)
        assert reply.outcome == "elsewhere"
    assert chat.holds == ()


async def test_a_channel_sees_neither_reason_nor_buttons(chat: Chat) -> None:
    """The card in a channel says that a hold is in force and nothing of the case; in private it says why (AZ-24)."""
    hold = await chat.placed(reason="strictly confidential")
    viewer = Viewer(actor=person("", Role.DPO), recipient="channel-dpo", place="19:x", lang=Lang.EN, personal=False)
    shown = await chat.dialog.faces()["hold"](hold.id, viewer)
    assert shown is not None
    assert buttons(shown) == {}
    assert "confidential" not in json.dumps(shown)
    assert "K-7" not in json.dumps(shown)
    assert "confidential" in visible_text(await chat.face(hold, ALICE))


# -- seals ------------------------------------------------------------------------------------------------------------


async def test_az_15_a_form_makes_one_hold(chat: Chat) -> None:
    """The form that has led to a hold leads to no other: the list comes back; a new form does (AZ-15)."""
    turn = press(DORA, await chat.form(), Verb.HOLD_PLACE, **GOOD)
    await chat.presses(turn)
    again = await chat.presses(turn)
    assert said("pressed.stale", Lang.EN) in visible_text(card_of(again))
    assert len(chat.holds) == 1
    await chat.placed()
    assert len(chat.holds) == 2


async def test_somebody_elses_hold_spoils_no_form(chat: Chat) -> None:
    """Protecting data does not fail because another person protected some meanwhile."""
    form = await chat.form(DORA)
    await chat.placed(BOB)
    assert (await chat.presses(press(DORA, form, Verb.HOLD_PLACE, **GOOD))).outcome == "hold_placed"


async def test_az_20_fifty_clicks_at_once_place_one_hold(chat: Chat) -> None:
    """The same click 50 times in parallel has one effect (AZ-20)."""
    turn = press(DORA, await chat.form(), Verb.HOLD_PLACE, **GOOD)
    replies = await asyncio.gather(*(chat.presses(turn) for _ in range(50)))
    assert [reply.outcome for reply in replies].count("hold_placed") == 1
    assert len(chat.holds) == 1


async def test_az_20_fifty_releases_at_once_are_one(chat: Chat) -> None:
    """50 parallel clicks of one person ask once; of two people they release once (AZ-20)."""
    hold = await chat.placed()
    ask = press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE)
    await asyncio.gather(*(chat.presses(ask) for _ in range(50)))
    assert (chat.holds[0].active, len(chat.audit("hold.released"))) == (True, 0)
    release = press(BOB, await chat.face(chat.holds[0], BOB), Verb.HOLD_RELEASE)
    await asyncio.gather(*(chat.presses(release) for _ in range(50)))
    assert not chat.holds[0].active


async def foreign(chat: Chat, turn: Turn) -> None:
    """Expect that a button is refused as not belonging here, and recorded."""
    before = chat.holds
    reply = await chat.presses(turn)
    assert reply.outcome == "refused"
    assert chat.holds == before
    assert chat.audit("attempt.refused")[-1].data["reason"] == "foreign"


async def test_az_14_a_changed_seal_is_refused_and_recorded(chat: Chat) -> None:
    """A seal with one letter changed, without a seal, or of another type is none (AZ-14); the right one is."""
    form = await chat.form()
    seal = buttons(form)[Verb.HOLD_PLACE]["data"]["n"]
    for wrong in (seal[:-1] + ("a" if seal[-1] != "a" else "b"), "", seal.upper(), 7):
        await foreign(chat, press(DORA, form, Verb.HOLD_PLACE, **{**GOOD, "n": wrong}))
    assert (await chat.presses(press(DORA, form, Verb.HOLD_PLACE, **GOOD))).outcome == "hold_placed"


async def test_az_16_the_seal_of_one_hold_is_none_of_another(chat: Chat) -> None:
    """The data of one card with the id of another is refused (AZ-16), and a form's seal releases nothing."""
    one, two = await chat.placed(), await chat.placed()
    face = await chat.face(one, BOB)
    await foreign(chat, press(BOB, face, Verb.HOLD_RELEASE, id=two.id))
    placing = buttons(await chat.form(BOB))[Verb.HOLD_PLACE]["data"]["n"]
    await foreign(chat, press(BOB, face, Verb.HOLD_RELEASE, n=placing))
    assert (await chat.presses(press(BOB, face, Verb.HOLD_RELEASE))).outcome == "release_asked"


async def test_az_19_a_card_in_another_chat_is_refused(chat: Chat) -> None:
    """A form or a hold that was forwarded does nothing where it was forwarded to (AZ-19)."""
    hold = await chat.placed()
    await foreign(chat, press(BOB, await chat.form(DORA), Verb.HOLD_PLACE, **GOOD))
    await foreign(chat, press(BOB, await chat.face(hold, DORA), Verb.HOLD_RELEASE))


@pytest.mark.parametrize("name", ["", "no-such-hold", "../x", "x" * 61, 7, None, ["a"]])
async def test_az_10_a_hold_that_is_none_is_released_by_nobody(chat: Chat, name: object) -> None:
    """An id that is unknown, odd or of another type gives a card and changes nothing (AZ-10)."""
    hold = await chat.placed()
    turn = press(BOB, await chat.face(hold, BOB), Verb.HOLD_RELEASE, id=name)  # type: ignore[arg-type]
    assert (await chat.presses(turn)).outcome == "refused"
    assert chat.holds == (hold,)


# -- releasing --------------------------------------------------------------------------------------------------------


async def test_two_people_release_and_the_card_shows_who_is_missing(chat: Chat) -> None:
    """The first asks and is told that another is missing, the second releases; both see the hold as it is."""
    hold = await chat.placed()
    assert Verb.HOLD_RELEASE in buttons(await chat.face(hold, DORA))
    reply = await chat.presses(press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE))
    assert reply.outcome == "release_asked"
    assert said("hold.asked_by_you", Lang.EN) in visible_text(card_of(reply))
    assert Verb.HOLD_RELEASE not in buttons(card_of(reply)), "the same person has nothing more to press"
    assert chat.holds[0].active
    other = await chat.face(hold, BOB)
    assert said("hold.asked_by_other", Lang.EN) in visible_text(other)
    assert buttons(other)[Verb.HOLD_RELEASE]["style"] == "destructive"
    done = await chat.presses(press(BOB, other, Verb.HOLD_RELEASE))
    assert done.outcome == "hold_released"
    assert said("hold.effect_released", Lang.EN) in visible_text(card_of(done))
    assert not chat.holds[0].active
    assert buttons(card_of(done)).keys() == {Verb.HOLD_LIST}


async def test_one_person_alone_never_releases(chat: Chat) -> None:
    """Whoever asked cannot release by the old button, by the other's, nor by asking again; another person can."""
    hold = await chat.placed()
    before = await chat.face(hold, DORA)
    await chat.presses(press(DORA, before, Verb.HOLD_RELEASE))
    stale = await chat.presses(press(DORA, before, Verb.HOLD_RELEASE))
    assert stale.outcome == "stale"
    others = await chat.face(hold, BOB)
    await foreign(chat, press(DORA, others, Verb.HOLD_RELEASE))
    assert chat.holds[0].active
    assert (await chat.presses(press(BOB, others, Verb.HOLD_RELEASE))).outcome == "hold_released"


async def test_az_17_an_old_card_shows_what_is_now(chat: Chat) -> None:
    """A button from before somebody asked does not release, although it once asked: another state, another meaning."""
    hold = await chat.placed()
    before = await chat.face(hold, BOB)
    await chat.presses(press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE))
    reply = await chat.presses(press(BOB, before, Verb.HOLD_RELEASE))
    assert reply.outcome == "stale"
    assert said("pressed.stale", Lang.EN) in visible_text(card_of(reply))
    assert chat.holds[0].active, "he pressed to ask, not to release"
    assert (await chat.presses(press(BOB, card_of(reply), Verb.HOLD_RELEASE))).outcome == "hold_released"


async def test_a_role_that_was_lost_releases_nothing(chat: Chat) -> None:
    """The second person's role is asked at the press, not taken from the card (AZ-07)."""
    hold = await chat.placed()
    await chat.presses(press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE))
    face = await chat.face(hold, BOB)
    demoted = person("bob")
    assert (await chat.presses(press(demoted, face, Verb.HOLD_RELEASE))).outcome == "refused"
    assert chat.holds[0].active
    assert (await chat.presses(press(BOB, face, Verb.HOLD_RELEASE))).outcome == "hold_released"


async def test_past_its_review_a_hold_stays_and_says_so(chat: Chat) -> None:
    """After the review date the card says that the hold still applies, the watch alerts, and it protects on."""
    hold = await chat.placed()
    assert said("hold.review_past", Lang.EN) not in visible_text(await chat.face(hold, BOB))
    chat.opened.lab.pause(40 * DAY)
    assert said("hold.review_past", Lang.EN) in visible_text(await chat.face(hold, BOB))
    assert said("hold.list_late", Lang.EN) in visible_text(
        card_of(await chat.says(BOB, "list holds", Command.HOLD_RELEASE))
    )
    watch, now = chat.opened.office.watch, chat.opened.engine.parts.guard.now()
    assert FindingKind.HOLD_REVIEW in {finding.kind for finding in watch.findings(watch.scan(now), now)}
    assert chat.holds[0].covers(SOURCE, now - 100 * DAY, now - 100 * DAY)


# -- the list ---------------------------------------------------------------------------------------------------------


async def test_the_list_names_who_is_missing_first_and_has_pages(chat: Chat) -> None:
    """Holds that wait for a second person come first; no more than a page at once, each with a button of its own."""
    for number in range(PAGE + 2):
        await chat.placed(reason=f"reason {number} " + "*[x](y)" * 20)
    last = chat.holds[-1]
    await chat.presses(press(DORA, await chat.face(last, DORA), Verb.HOLD_RELEASE))
    first_page = card_of(await chat.says(BOB, "release a hold", Command.HOLD_RELEASE))
    text = visible_text(first_page)
    assert text.count("reason ") == PAGE
    assert text.index(f"reason {PAGE + 1}") < text.index("reason 0")
    more = next(one for one in every_button(first_page) if one["verb"] == Verb.HOLD_LIST)
    turn = press(BOB, first_page, Verb.HOLD_LIST, id=more["data"]["id"])
    second_page = card_of(await chat.presses(turn))
    assert visible_text(second_page).count("reason ") == 2
    for odd in ("999", "x", "-1"):
        shown = card_of(await chat.presses(press(BOB, first_page, Verb.HOLD_LIST, id=odd)))
        assert visible_text(shown).count("reason ") == PAGE
    releases = [one["data"]["id"] for one in every_button(first_page) if one["verb"] == Verb.HOLD_RELEASE]
    assert len(set(releases)) == PAGE


def every_button(card: Card) -> list[dict[str, Any]]:
    """List the buttons of a card that come back, in order."""
    found: list[dict[str, Any]] = []

    def walk(value: Any) -> None:
        for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
            if isinstance(inner, dict) and inner.get("type") == "Action.Execute":
                found.append(inner)
            walk(inner)

    walk(card["body"])
    return found


async def test_an_empty_list_says_so_and_counts_what_was_released(chat: Chat) -> None:
    """Without a hold the list says that there is none; released ones are counted, and a new one can be placed."""
    empty = card_of(await chat.says(BOB, "release the hold", Command.HOLD_RELEASE))
    assert said("hold.list_none", Lang.EN) in visible_text(empty)
    assert said("hold.list_released", Lang.EN) not in visible_text(empty)
    hold = await chat.placed()
    await chat.presses(press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE))
    await chat.presses(press(BOB, await chat.face(hold, BOB), Verb.HOLD_RELEASE))
    assert said("hold.list_released", Lang.EN) in visible_text(
        card_of(await chat.says(BOB, "release the hold", Command.HOLD_RELEASE))
    )


async def test_a_hold_that_the_text_names_is_shown(chat: Chat) -> None:
    """Naming a hold opens it; naming none, or two, opens the list."""
    one, two = await chat.placed(), await chat.placed()
    reply = await chat.says(BOB, f"release hold {one.id.upper()}", Command.HOLD_RELEASE)
    assert (reply.subject, reply.outcome) == (f"hold/{one.id}", "hold")
    for text in ("release hold", f"release {one.id} and {two.id}"):
        assert (await chat.says(BOB, text, Command.HOLD_RELEASE)).outcome == "hold_list"


@pytest.mark.parametrize("foreign_text", ["[click](javascript:alert(1))", "<at>All</at>", "${x}", "a\u202eb\u200b c"])
async def test_a_reason_stays_text(chat: Chat, foreign_text: str) -> None:
    """What somebody typed as reason or case makes no link, no mention and no template on any card (IN-01 to IN-05)."""
    hold = await chat.placed(reason=foreign_text, case=foreign_text)
    for shown in (await chat.face(hold, BOB), card_of(await chat.says(BOB, "holds", Command.HOLD_RELEASE))):
        text = json.dumps(shown["body"], ensure_ascii=False)
        assert foreign_text not in text
        assert not set(text) & {"\u202e", "\u200b"}


async def test_no_card_names_anybody(chat: Chat) -> None:
    """Neither object ids nor pseudonyms stand on a card, and its buttons carry id, seal and language only."""
    hold = await chat.placed()
    await chat.presses(press(DORA, await chat.face(hold, DORA), Verb.HOLD_RELEASE))
    for shown in (
        await chat.face(hold, BOB),
        await chat.form(),
        card_of(await chat.says(BOB, "x", Command.HOLD_RELEASE)),
    ):
        assert not {
            who for who in ("dora", "bob", "p-") if f'"{who}' in json.dumps(shown) or f" {who}" in json.dumps(shown)
        }
        assert all(one["data"].keys() <= {"id", "n", "lang"} for one in every_button(shown))


# -- days and names ---------------------------------------------------------------------------------------------------


@given(
    st.dates(), st.sampled_from([BERLIN, ZoneInfo("UTC"), ZoneInfo("Pacific/Apia"), ZoneInfo("America/Los_Angeles")])
)
def test_a_day_begins_at_its_own_midnight(day: dt.date, zone: ZoneInfo) -> None:
    """Whatever the day and zone: an instant within what a hold can say, at midnight there unless cut to that range."""
    found = instant_at(day.isoformat(), zone)
    assert BEGINNING <= found <= END
    if BEGINNING < found < END and dt.date(1900, 1, 1) < day < dt.date(2100, 1, 1):
        shown = datetime_of(found).astimezone(zone)
        # A day whose midnight was skipped by a change of the clocks begins at the first moment there is.
        assert shown.date() == day or shown.date() == day - dt.timedelta(days=1)
        assert instant_at(day.isoformat(), zone, days_later=1) >= found


@given(st.text(max_size=12).filter(lambda text: not text.replace("-", "").isdigit()))
def test_what_is_no_day_is_refused(text: str) -> None:
    """Anything but a day is a refusal with a stable word, never an error of the language."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        with pytest.raises(RefusedError) as refused:
            instant_at(text, BERLIN)
        assert refused.value.reason == "bad_date"


NAMES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True), min_size=1, max_size=4, unique=True)


@given(NAMES, st.data())
def test_a_name_is_found_only_as_a_word_of_its_own(names: list[str], data: st.DataObject) -> None:
    """A text that holds exactly one of the names as a word gives it; glued to other letters it gives none."""
    name = data.draw(st.sampled_from(names))
    assert named_in(f"hold on {name.upper()}, please!", [name]) == name
    assert named_in(f"hold on q{name}q", [name]) == ""
    found = named_in(f"!! {name} ??", names)
    assert found == name
