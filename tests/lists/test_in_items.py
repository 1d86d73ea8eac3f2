"""Items of the IN list (security.md 8): what people type, name and paste, from the text to the store and the card."""

import json
import random
import unicodedata
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import app as application  # noqa: TID251  the router as the product builds it
from bot.settings import Settings
from bot.source_settings import SourceSettings
from cards.elements import MAX_CARD_CHARS, escape
from cards.verbs import Verb
from data.access import Actor, Role
from data.knowledge import Knowledge
from data.labels import Lang
from data.questions.commands import STATE_CHANGING
from data.questions.context import Contexts
from data.questions.normalise import normalise, words_of
from data.questions.understand import Understanding
from data.retention.request import State
from data.stores.memory import MemoryFeedbackStore
from dialogs.holds import HoldDialog
from dialogs.purge import PurgeTalk
from dialogs.retention import RetentionDialog
from dialogs.router import Router
from dialogs.standing import StandingDialog
from dialogs.turn import Reply, Turn, TurnKind
from tests.conftest import copy_model
from tests.data.test_commands import ORDERS
from tests.desk import ALICE, BOB, DORA, EVE, SOURCE, OpenOffice, open_office, press, say
from tests.domain import answers_of, knowledge, understanding, understood  # noqa: F401  fixtures
from tests.domain import built_router as built_router  # noqa: PLC0414  a fixture
from tests.lists.live import DPO, EMPLOYEE, Live, living, read, write_logs
from tests.world import FakeClock, World

TRICKS = {
    "IN-01": "[click](javascript:alert(1))",
    "IN-02": "<img src=x onerror=alert(1)>",
    "IN-03": "<at>All</at>",
    "IN-04": "${secret} {{DATE(2026-01-01, SHORT)}}",
    "IN-05": "a\u202eb\u2066c\u200bd",
}
LOOK_ALIKES = str.maketrans("ABCEHIJKMOPSTXYZ", "АВСЕНІЈКМОРЅТХҮΖ")
WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789"}


@dataclass(kw_only=True)
class Talk:
    """The router with every dialog that purges or protects, over an office."""

    office: OpenOffice
    router: Router

    async def says(self, who: Actor, text: str) -> Reply:
        """Let somebody write something."""
        return await self.router.reply(say(who, text))

    async def turns(self, turn: Turn) -> Reply:
        """Answer a turn."""
        return await self.router.reply(turn)

    async def previewed(self) -> str:
        """Let Alice ask for a purge; gives the code of its preview."""
        await self.says(ALICE, f"purge {SOURCE}")
        self.office.chores.do_previews()
        return self.office.engine.purges.newest()[0].code

    def states(self) -> list[State]:
        """List the states of all requests, newest first."""
        return [request.state for request in self.office.engine.purges.newest()]

    def stored(self) -> tuple[object, ...]:
        """Give everything that may change, but for the record of who was refused a look."""
        parts = self.office.office.parts
        files = sorted((path.name, path.read_bytes()) for path in self.office.lab.root.iterdir())
        entries = [entry.kind for entry in parts.engine.audit.entries() if entry.kind != "attempt.refused"]
        return (
            tuple(self.office.engine.purges.newest()),
            tuple(parts.engine.stores.holds.all()),
            tuple(parts.desk.standing.all()),
            tuple(entries),
            tuple(files),
        )


@pytest.fixture
def talk(lab: Any, knowledge: Knowledge) -> Iterator[Talk]:  # noqa: F811  a fixture
    """Give an office with an old and a young file, and who talks for it."""
    lab.write("old.log", [100, 99])
    lab.write("young.log", [5])
    with open_office(lab) as office:
        dialogs = (
            PurgeTalk(office.desk),
            HoldDialog(office.desk),
            RetentionDialog(office.desk, titles={}),
            StandingDialog(office.desk),
        )
        router = application.build_router(
            knowledge, Settings(), MemoryFeedbackStore(), contexts=Contexts(FakeClock()), banner=False, dialogs=dialogs
        )
        yield Talk(office=office, router=router)


# -- names from outside (IN-01 to 05) ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def tricky(session_world: World, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """Give a live bot whose sources have the titles of the tricks."""
    folder = tmp_path_factory.mktemp("tricky")
    state = folder / "state"
    state.mkdir(mode=0o700)
    copy_model(trained, state)
    sources = [
        SourceSettings(id=item.lower(), kind="files", data_kind="log", title=title, root=str(write_logs(folder / item)))
        for item, title in TRICKS.items()
    ]
    session_world.reset()
    async with living(session_world, state, folder / "IN-01", sources=sources) as found:
        await found.looked()
        yield found


@pytest.mark.parametrize("item", TRICKS)
async def test_a_title_from_outside_is_shown_literally(tricky: Live, item: str) -> None:
    """IN-01 to 05: a source's title is text on the card that a person reads as it is: no link, no mention, no template.

    The control is a plain word of the same card, which is not changed.
    """
    tricky.world.connector.reset()
    message = tricky.world.message("which logs are overdue?", **tricky.chat(DPO).fields())
    await tricky.chat(DPO).sends(message)
    [call] = [call for call in tricky.world.connector.calls if message["id"] in call.path]
    shown = read(call.body["attachments"][0]["content"])
    assert escape(TRICKS[item]) in shown
    assert TRICKS[item] not in json.dumps(call.body, ensure_ascii=False)
    assert [one for one in call.body.get("entities") or () if one.get("type") == "mention"] == []
    assert "Overview of retention" in shown


# -- typed codes and words (IN-06, 07) --------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", [LOOK_ALIKES, WIDE], ids=["look-alikes", "wide"])
@pytest.mark.parametrize("how", ["typed", "pressed"])
async def test_a_code_in_other_letters_confirms_nothing(talk: Talk, letters: Any, how: str) -> None:
    """IN-06: the code in letters that only look like it is refused, typed or in the field; in small ones it works."""
    for _ in range(20):
        code = await talk.previewed()
        fake = code.translate(letters)
        if fake != code:
            break
        talk.office.lab.pause(60_000_000)
    card = (await talk.says(ALICE, "confirm the purge")).card
    assert card is not None
    for typed, state in ((fake, State.PREVIEWED), (code.lower(), State.AWAITING_SECOND)):
        if how == "typed":
            await talk.says(ALICE, f"confirm the purge {typed}")
        else:
            await talk.turns(press(ALICE, card, Verb.PURGE_CONFIRM, code=typed))
        assert talk.states()[0] is state


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_an_order_means_the_same_in_every_form(understanding: Understanding, form: Any) -> None:  # noqa: F811
    """IN-07: composed or decomposed, shouted with SS for ß, or typed with a Turkish capital I: the same order."""
    for command, texts in ORDERS.items():
        for text in texts:
            plain = understood(understanding, text, role=Role.ADMIN).command
            assert plain is command
            for same in (text, text.upper(), text.upper().replace("I", "\u0130")):
                assert understood(understanding, unicodedata.normalize(form, same), role=Role.ADMIN).command is plain


def test_command_words_are_ascii(understanding: Understanding) -> None:  # noqa: F811
    """IN-07: a dotless i is another letter: what has one in its command word is no order; with the dot it is."""
    for text in ("confirm the purge", "abort the deletion run"):
        command = understood(understanding, text, role=Role.ADMIN).command
        assert command in STATE_CHANGING
        assert understood(understanding, text.replace("i", "\u0131"), role=Role.ADMIN).command not in STATE_CHANGING


# -- much and odd (IN-08, 12) -----------------------------------------------------------------------------------------


def size(card: Any) -> int:
    """Count a card's characters as they go over the wire."""
    return len(json.dumps(card, ensure_ascii=False).encode("utf-16-le")) // 2


@pytest.mark.parametrize("letter", ["x", "<", "a\u202e", "\U0001f600", "\u00e4 "], ids=ascii)
async def test_fifty_kilobytes_stay_within_a_card(tricky: Live, letter: str) -> None:
    """IN-08: a question of 50 KB to the DPO, and what comes back of it, fits on every card that shows it."""
    asking, text = tricky.chat(EMPLOYEE), (letter * 50_000)[:50_000]
    form = await asking.presses(await asking.says("how is the weather"), Verb.HAND_OVER, on=f"form {letter!a}")
    sent = await asking.presses(form, Verb.HAND_OVER_SEND, on=f"send {letter!a}", question=text)
    tickets = await tricky.chat(DPO).sends(
        tricky.world.invoke(Verb.TICKET_LIST, {"id": "1", "lang": "en"}, **tricky.chat(DPO).fields())
    )
    listed = tickets.json()["value"]
    shown = await tricky.chat(DPO).presses(listed, Verb.TICKET_SHOW, on=f"list {letter!a}")
    for card in (form, sent, listed, shown):
        assert 200 < size(card) <= MAX_CARD_CHARS


async def test_three_hundred_sources_are_leafed_through(talk: Talk) -> None:
    """IN-08: a list of more than a card holds has pages, each within the limit."""
    sources = talk.office.engine.parts.sources
    assert isinstance(sources, dict)
    sources.update({f"source-{number:03}-{'x' * 28}": sources[SOURCE] for number in range(300)})
    seen, number = set[str](), 1
    while True:
        turn = say(ALICE, "")
        turn = replace(turn, kind=TurnKind.ACTION, verb=Verb.PURGE_MENU, data={"id": str(number), "lang": "en"})
        card = (await talk.turns(turn)).card
        assert card is not None
        assert size(card) <= MAX_CARD_CHARS
        names = {one["data"]["id"] for one in _executes(card) if one["verb"] == Verb.PURGE_PREVIEW}
        seen |= names
        if not any(one["data"]["id"] == str(number + 1) for one in _executes(card)):
            break
        number += 1
    assert seen == set(sources)
    assert number > 1


def _executes(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if value.get("type") == "Action.Execute" else []
        return own + [found for inner in value.values() for found in _executes(inner)]
    return [found for inner in value for found in _executes(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("odd", ["\ud800", "\udfff\ud800", "a\0\ud800b", "\0", "\0\1\x7f\u2028"], ids=ascii)
async def test_what_nobody_can_type_leaves_the_store_whole(tricky: Live, odd: str) -> None:
    """IN-12: lone surrogates are malformed, null characters are dropped; the state stays readable UTF-8."""
    asking = tricky.chat(EMPLOYEE)
    status = 400 if any("\ud800" <= char <= "\udfff" for char in odd) else 200
    form = await asking.presses(await asking.says("how is the weather"), Verb.HAND_OVER, on=f"form {odd!a}")
    question = {"question": f"who reads {odd} voicemail"}
    sent = await asking.sends(asking.pressing(form, Verb.HAND_OVER_SEND, on=f"send {odd!a}", **question))
    asked = tricky.world.message(f"who reads {odd} voicemail", deliveryMode="expectReplies", **asking.fields())
    assert (sent.status, (await asking.sends(asked)).status) == (status, status)
    files = [path for path in tricky.state.rglob("*") if path.suffix in {".json", ".jsonl", ".log"}]
    assert len(files) >= 5
    for path in files:
        assert "\0" not in path.read_text(encoding="utf-8")
    assert read(await tricky.chat(DPO).says("help"))


# -- nothing but a command commands (IN-13, 15) -----------------------------------------------------------------------


async def test_random_words_change_nothing_in_the_whole_bot(talk: Talk, knowledge: Knowledge) -> None:  # noqa: F811
    """IN-13: 3,000 random utterances of an admin with an open preview, from words of questions: nothing is changed.

    Words of orders are left out, but for one utterance in four, which begins as a question. The control is an order.
    """
    await talk.previewed()
    ordering = {word for texts in ORDERS.values() for text in texts for word in words_of(normalise(text))}
    known = {word for _, aspect in answers_of(knowledge.catalogue) for text in _phrasings(aspect) for word in
             words_of(normalise(text))}  # fmt: skip
    grammar = knowledge.corpus.grammar
    acts = (grammar._delete_, grammar._delete_any_, grammar._purge_, grammar._confirm_, grammar._cancel_,
            grammar._hold_, grammar._release_, grammar._snooze_)  # fmt: skip
    plain = sorted(word for word in known - ordering if not any(act.search(word) for act in acts))
    orders = sorted(ordering)
    assert len(plain) > 300
    dice = random.Random(20_261_124)  # noqa: S311  the same utterances each time
    before = talk.stored()
    for number in range(3_000):
        asks = number % 4 == 0
        words = ["warum", *dice.choices(orders, k=2)] if asks else []
        text = " ".join([*words, *dice.choices(plain, k=dice.randint(1, 12 - len(words)))])
        reply = await talk.says(dice.choice((ALICE, BOB, DORA, EVE)), text + ("?" if asks else ""))
        assert reply.card is not None
        assert set(reply.topics).isdisjoint(STATE_CHANGING), text
    assert talk.stored() == before
    await talk.says(BOB, f"cancel the purge of {SOURCE}")
    assert talk.stored() != before


def _phrasings(aspect: Any) -> list[str]:
    return [text for texts in aspect.phrasings.values() for text in texts]


@pytest.mark.parametrize(
    "text",
    [f"bitte purge die logs in {SOURCE}", f"please lösche the old logs of {SOURCE}", f"starte a purge for {SOURCE}"],
)
async def test_a_mixture_of_languages_is_as_safe_as_either(talk: Talk, text: str) -> None:
    """IN-15: an order in both languages at once is refused to an employee and previewed for an admin, and no more."""
    assert (await talk.says(EVE, text)).outcome == "refused"
    assert talk.states() == []
    await talk.says(ALICE, text)
    assert talk.states() == [State.PREVIEWING]


async def test_a_switch_of_language_confirms_nothing_by_itself(talk: Talk) -> None:
    """IN-15: after an English preview a German yes confirms nothing, the code in a German sentence does."""
    code = await talk.previewed()
    for text in ("ja", "ja, bestätige das", "yes bitte löschen", "ok mach das"):
        await talk.says(ALICE, text)
        assert talk.states()[0] is State.PREVIEWED
    assert (await talk.says(ALICE, f"ich bestätige den Löschlauf mit {code}")).lang is Lang.DE
    assert talk.states()[0] is State.AWAITING_SECOND
