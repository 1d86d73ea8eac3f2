"""Whole conversations through the router, without HTTP: what comes in, which card goes out, and what never happens."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cards.elements import visible_text
from cards.verbs import Verb
from data.access import Actor, Role
from data.catalogue.model import Catalogue
from data.knowledge import Knowledge
from data.labels import Lang, Outcome
from data.questions.commands import STATE_CHANGING, Command
from data.stores.memory import MemoryFeedbackStore
from dialogs.purge import NEEDS
from dialogs.router import MOST_ANSWERS, Router
from dialogs.turn import Reply, Turn, TurnKind
from tests.domain import actor, fresh_router, make_router, said
from tests.world import FakeClock

SLOW_SECONDS = 0.2
ANSWERS = {Outcome.ANSWER, Outcome.NOT_IN_TERMS}


class Bot:
    """The router with its store, and short ways to speak to it."""

    def __init__(self, built: Router) -> None:
        self.feedback = MemoryFeedbackStore()
        self.router = fresh_router(built, self.feedback, FakeClock())

    async def says(self, text: str, who: Actor | None = None, **fields: Any) -> Reply:
        """Answer a message."""
        return await self._turn(TurnKind.MESSAGE, who, text=text, **fields)

    async def pressed(self, verb: str, data: Mapping[str, Any], who: Actor | None = None, **fields: Any) -> Reply:
        """Answer a pressed button."""
        return await self._turn(TurnKind.ACTION, who, verb=verb, data=data, **fields)

    async def searched(self, text: str, **fields: Any) -> Reply:
        """Answer a search."""
        return await self._turn(TurnKind.SEARCH, None, text=text, **fields)

    async def welcomes(self, who: Actor | None = None, **fields: Any) -> Reply:
        """Answer an installation."""
        return await self._turn(TurnKind.WELCOME, who, **fields)

    async def _turn(self, kind: TurnKind, who: Actor | None, **fields: Any) -> Reply:
        turn = Turn(kind=kind, actor=who or actor(), **({"conversation": "one"} | fields))
        return await self.router.reply(turn)


@pytest.fixture
def bot(built_router: Router) -> Bot:
    """Give a bot that has talked to nobody yet, with the shipped settings."""
    return Bot(built_router)


def shown(reply: Reply) -> str:
    """Give what a person reads."""
    assert reply.card is not None
    return visible_text(dict(reply.card))


def buttons(reply: Reply) -> list[Mapping[str, Any]]:
    """List the buttons of a reply."""
    found: list[Mapping[str, Any]] = []

    def walk(items: list[Mapping[str, Any]]) -> None:
        for item in items:
            found.extend(item.get("actions", ()))
            walk(item.get("items", []))

    walk((reply.card or {}).get("body", []))
    return found


# -- every kind of turn -----------------------------------------------------------------------------------------------


async def test_a_question_is_answered_with_its_clause(bot: Bot) -> None:
    """An answer shows topic, clause and version, and says so in the reply's own fields."""
    reply = await bot.says("wie lange werden stack traces gespeichert")
    assert (reply.outcome, reply.topics, reply.clauses, reply.lang) == (
        Outcome.ANSWER,
        ("diagnostics",),
        ("2.7",),
        Lang.DE,
    )
    assert "90 Tagen" in shown(reply)
    assert "Ziffer 2.7" in shown(reply)
    assert 0 < reply.confidence <= 1


async def test_a_silent_topic_says_so(bot: Bot) -> None:
    """Where the terms are silent the card says that, names the way to the DPO and gives no number of days."""
    reply = await bot.says("wie lange wird mein anrufjournal gespeichert")
    assert (reply.outcome, reply.topics) == (Outcome.NOT_IN_TERMS, ("journal",))
    assert said("answer.label_not_in_terms") in shown(reply)
    assert "Datenschutzbeauftragte" in shown(reply)
    assert "90" not in shown(reply)


async def test_an_unclear_question_is_asked_back_and_the_button_answers(bot: Bot) -> None:
    """A question that may mean two things offers both; each button gives the answer to its own."""
    asked = await bot.says("wie lange werden logs gespeichert")
    assert (asked.outcome, asked.options) == (Outcome.CLARIFY, ("journal", "diagnostics"))
    for button in buttons(asked):
        reply = await bot.pressed(button["verb"], button["data"])
        assert reply.topics == (button["data"]["id"],)
        assert reply.outcome in ANSWERS


async def test_what_is_not_the_subject_is_said_and_examples_are_offered(bot: Bot) -> None:
    """A foreign subject is refused honestly, with examples that work."""
    reply = await bot.says("wie wird das wetter morgen")
    assert (reply.outcome, reply.topics) == (Outcome.OUT_OF_SCOPE, ())
    for button in buttons(reply):
        assert (await bot.pressed(button["verb"], button["data"])).outcome in ANSWERS


async def test_a_new_person_is_welcomed_in_the_language_of_teams(bot: Bot) -> None:
    """The welcome comes without a question, in the language of the person's Teams."""
    for locale in Lang:
        reply = await bot.welcomes(locale=locale)
        assert (reply.outcome, reply.lang) == (Outcome.HELP, locale)
        assert said("help.welcome_title", locale) in shown(reply)


async def test_a_message_without_text_is_answered_politely(bot: Bot) -> None:
    """A picture or a voice message gets help, and is told why (IN-14)."""
    reply = await bot.says("")
    assert reply.outcome == Outcome.HELP
    assert said("help.empty") in shown(reply)
    assert said("help.empty") not in shown(await bot.says("hilfe"))


async def test_a_failure_is_told_with_its_number(bot: Bot) -> None:
    """A person whose turn failed reads that nothing was changed, and the number to give to IT, in their language."""
    turn = Turn(kind=TurnKind.MESSAGE, actor=actor(), conversation="one", text="x", locale=Lang.EN)
    reply = bot.router.failed(turn, reference="0a1b2c3d")
    assert "0a1b2c3d" in shown(reply)
    assert said("error.body", Lang.EN) in shown(reply)
    await bot.says("wer bekommt meine push daten")
    assert said("error.body") in shown(bot.router.failed(turn, reference="1"))


async def test_the_help_button_gives_help(bot: Bot) -> None:
    """The help verb works from any card."""
    assert (await bot.pressed(Verb.SHOW_HELP, {})).outcome == Outcome.HELP


# -- languages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", Lang)
@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("kann mein chef meine chats lesen", Lang.DE),
        ("can my boss read my chats", Lang.EN),
        ("wo find ich die privacy notice fürs handy", Lang.DE),
    ],
)
async def test_the_text_decides_the_language(bot: Bot, text: str, lang: Lang, locale: Lang) -> None:
    """Somebody is answered in the language they write, whatever their Teams speaks."""
    reply = await bot.says(text, locale=locale)
    assert (reply.lang, (reply.card or {})["lang"]) == (lang, lang)


@pytest.mark.parametrize("locale", Lang)
async def test_without_words_the_language_of_teams_holds(bot: Bot, locale: Lang) -> None:
    """A bare sign is answered in the language of the person's Teams."""
    assert (await bot.says("👍", locale=locale)).lang is locale


async def test_an_asked_for_language_wins(bot: Bot) -> None:
    """Who says which language to answer in gets it."""
    assert (await bot.says("wer bekommt meine push daten", lang=Lang.EN)).lang is Lang.EN


@pytest.mark.parametrize("lang", Lang)
async def test_a_button_keeps_the_language_of_its_card(bot: Bot, lang: Lang) -> None:
    """A pressed button answers in the card's language, not in that of Teams."""
    other = Lang.EN if lang is Lang.DE else Lang.DE
    reply = await bot.pressed(Verb.SHOW_TOPIC, {"id": "push", "lang": lang.value}, locale=other)
    assert reply.lang is lang
    assert (await bot.pressed(Verb.SHOW_TOPIC, {"id": "push"}, locale=other)).lang is other


# -- buttons ----------------------------------------------------------------------------------------------------------


async def test_one_leads_to_the_next_and_back(bot: Bot) -> None:
    """A related topic opens with a way back to where one came from."""
    first = await bot.says("wer bekommt meine push daten")
    link = next(button for button in buttons(first) if button["data"].get("from"))
    second = await bot.pressed(link["verb"], link["data"])
    back = buttons(second)[0] if buttons(second)[0].get("verb") else buttons(second)[1]
    assert back["title"].startswith(said("answer.back"))
    third = await bot.pressed(back["verb"], back["data"])
    assert third.topics == first.topics


async def test_a_question_after_a_button_follows_on_from_it(bot: Bot) -> None:
    """What a button showed is what is being talked about."""
    await bot.pressed(Verb.SHOW_TOPIC, {"id": "voicemail", "lang": "de"})
    assert (await bot.says("und wie lange bleibt das gespeichert?")).topics == ("voicemail",)
    assert (await bot.says("und wie lange bleibt das gespeichert?", conversation="other")).topics != ("voicemail",)


ODD_IDS: Mapping[str, Any] = {
    "missing": None,
    "number": 7,
    "zero": 0,
    "true": True,
    "list": ["push"],
    "object": {"id": "push"},
    "megabyte": "x" * 1_000_000,
    "megabyte of topics": "push+" * 200_000,
    "path": "../",
    "path to a topic": "../push",
    "dunder": "__init__",
    "class": "push.__class__",
    "null": "push\0",
    "empty": "",
    "plus": "+",
    "unknown topic": "pushh",
    "unknown aspect": "push.nothing",
    "half known": "push+pushh",
    "two topics": "push+journal",
    "command": "purge_start",
    "other label": "?command.purge_start",
    "capitals": "PUSH",
    "space": " push",
}


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize("verb", [Verb.SHOW_TOPIC, Verb.SHOW_STATUS, Verb.FEEDBACK_YES, Verb.FEEDBACK_NO])
async def test_an_odd_id_presses_nothing(bot: Bot, verb: Verb, odd: str) -> None:
    """AZ-10, AZ-16: an id that no card of ours carries for that verb is an unknown button, and has no effect."""
    if odd == "two topics" and verb in (Verb.FEEDBACK_YES, Verb.FEEDBACK_NO):
        pytest.skip("feedback on an answer to two questions names both")
    for who in (actor(), actor(Role.ADMIN)):
        reply = await bot.pressed(verb, {"id": ODD_IDS[odd], "lang": "de"}, who)
        assert reply.outcome == "unknown_button"
        assert said("error.unknown_button") in shown(reply)
        assert len(json.dumps(reply.card)) < 5_000
    assert await bot.feedback.counts() == ()


async def test_the_right_id_presses_something(bot: Bot) -> None:
    """The positive control: the same verbs with the ids of our cards work."""
    assert (await bot.pressed(Verb.SHOW_TOPIC, {"id": "push"})).outcome in ANSWERS
    assert (await bot.pressed(Verb.SHOW_TOPIC, {"id": "push.optout"})).outcome in ANSWERS
    assert (await bot.pressed(Verb.SHOW_STATUS, {"id": "purge_status"})).outcome == Outcome.COMMAND
    assert (await bot.pressed(Verb.FEEDBACK_YES, {"id": "push"})).outcome in ANSWERS
    assert len(await bot.feedback.counts()) == 1


@pytest.mark.parametrize(
    "verb",
    ["", "purge", "purge_confirm", "__init__", "reply", "_act", "show_topic ", "SHOW_TOPIC", "x" * 100_000, "\0"],
)
async def test_an_unknown_verb_does_nothing(bot: Bot, verb: str) -> None:
    """AZ-11: a verb we never offered gives the unknown-button card."""
    for who in (actor(), actor(Role.ADMIN, Role.DPO)):
        reply = await bot.pressed(verb, {"id": "push"}, who)
        assert reply.outcome == "unknown_button"
    assert await bot.feedback.counts() == ()


@pytest.mark.parametrize("command", sorted(STATE_CHANGING), ids=str)
async def test_no_button_changes_state(bot: Bot, command: Command) -> None:
    """A made-up status button for a command that changes something is unknown, for an admin too."""
    reply = await bot.pressed(Verb.SHOW_STATUS, {"id": command.value}, actor(Role.ADMIN))
    assert reply.outcome == "unknown_button"


@pytest.mark.parametrize(
    "extra",
    [
        {"role": "admin"},
        {"approve": True},
        {"path": "/etc/passwd"},
        {"count": 10**9},
        {"verb": "purge_confirm"},
        {"actor": {"roles": ["admin"]}},
        {"__proto__": {"admin": True}},
        {"conversation": "other"},
    ],
    ids=lambda extra: next(iter(extra)),
)
async def test_extra_fields_are_ignored(bot: Bot, extra: Mapping[str, Any]) -> None:
    """AZ-12: what card data claims beside id and language changes nothing in the answer."""
    plain = await bot.pressed(Verb.SHOW_TOPIC, {"id": "push", "lang": "de"})
    assert await bot.pressed(Verb.SHOW_TOPIC, {"id": "push", "lang": "de", **extra}) == plain
    status = await bot.pressed(Verb.SHOW_STATUS, {"id": "purge_status", "lang": "de"})
    assert await bot.pressed(Verb.SHOW_STATUS, {"id": "purge_status", "lang": "de", **extra}) == status
    assert said("command.refused") in shown(status)


@pytest.mark.parametrize("lang", [None, 7, ["de"], {"de": 1}, "fr", "DE", "", "d" * 100_000])
async def test_an_odd_language_is_the_one_of_teams(bot: Bot, lang: object) -> None:
    """A language that is none of ours falls back; it never fails."""
    reply = await bot.pressed(Verb.SHOW_TOPIC, {"id": "push", "lang": lang}, locale=Lang.EN)
    assert (reply.outcome, reply.lang) == (Outcome.ANSWER, Lang.EN)


@pytest.mark.parametrize("come_from", [None, 7, ["push"], "x" * 100_000, "../", "__init__", "push+journal", "?help"])
async def test_an_odd_origin_leads_nowhere_strange(bot: Bot, come_from: object) -> None:
    """A made-up origin gives no way back, or one to a topic we know."""
    reply = await bot.pressed(Verb.SHOW_TOPIC, {"id": "journal", "lang": "de", "from": come_from})
    assert reply.topics == ("journal",)
    backs = [button["data"]["id"] for button in buttons(reply) if button["title"].startswith(said("answer.back"))]
    assert backs in ([], ["push"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    verb=st.one_of(st.sampled_from([verb.value for verb in Verb]), st.text(max_size=20)),
    data=st.dictionaries(st.sampled_from(["id", "lang", "from", "verb", "x"]), JSON, max_size=5),
)
async def test_any_card_data_gets_a_card(built_router: Router, verb: str, data: dict[str, Any]) -> None:
    """Whatever is pressed, a card comes back and nothing is counted but what a card of ours offered."""
    bot = Bot(built_router)
    reply = await bot.pressed(verb, data)
    assert reply.card is not None
    assert reply.outcome in {"unknown_button", Outcome.HELP, Outcome.COMMAND, *ANSWERS}
    assert not await bot.feedback.counts() or verb in (Verb.FEEDBACK_YES, Verb.FEEDBACK_NO)


# -- feedback ---------------------------------------------------------------------------------------------------------


async def test_feedback_counts_the_answer_and_not_the_person(bot: Bot) -> None:
    """Pressing yes and no counts for the answer; who pressed is nowhere in the store."""
    erika, otto = (actor(object_id=f"00000000-0000-4000-8000-00000000000{number}") for number in (2, 3))
    first = await bot.says("wer bekommt meine push daten", erika)
    yes, no = [button for button in buttons(first) if button.get("verb", "").startswith("feedback")]
    thanks = await bot.pressed(yes["verb"], yes["data"], erika)
    sorry = await bot.pressed(no["verb"], no["data"], otto)
    assert said("answer.feedback_thanks") in shown(thanks)
    assert said("answer.feedback_thanks_no") in shown(sorry)
    (count,) = await bot.feedback.counts()
    assert (count.answer.partition(".")[0], count.lang, count.helpful, count.not_helpful) == ("push", Lang.DE, 1, 1)
    assert not re.search("0000-0000|Erika", repr(vars(bot.feedback)))


async def test_after_thanks_the_answer_stays_and_the_buttons_go(bot: Bot) -> None:
    """The card after feedback still shows the answer, and cannot be counted twice by the same press on it."""
    first = await bot.says("wer bekommt meine push daten")
    yes = next(button for button in buttons(first) if button.get("verb") == Verb.FEEDBACK_YES)
    thanks = await bot.pressed(yes["verb"], yes["data"])
    assert thanks.topics == first.topics
    assert Verb.FEEDBACK_YES not in [button.get("verb") for button in buttons(thanks)]


async def test_feedback_on_two_answers_counts_both(bot: Bot) -> None:
    """An answer to two questions is counted for each."""
    await bot.pressed(Verb.FEEDBACK_NO, {"id": "push+journal.retention", "lang": "en"})
    assert [(count.answer, count.not_helpful) for count in await bot.feedback.counts()] == [
        ("journal.retention", 1),
        ("push", 1),
    ]
    many = "+".join(["push", "journal", "voicemail", "hosting"][: MOST_ANSWERS + 1])
    assert (await bot.pressed(Verb.FEEDBACK_NO, {"id": many})).outcome == "unknown_button"


# -- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "sections"),
    [
        pytest.param(actor(), set(), id="employee"),
        pytest.param(actor(Role.ADMIN), {"help.admin"}, id="admin"),
        pytest.param(actor(Role.DPO), {"help.dpo"}, id="dpo"),
        pytest.param(actor(Role.ADMIN, Role.DPO), {"help.admin", "help.dpo"}, id="both"),
        pytest.param(actor(object_id=""), set(), id="nobody in particular"),
    ],
)
async def test_help_shows_what_this_person_may_do(bot: Bot, who: Actor, sections: set[str]) -> None:
    """Each role sees its own section of the help and no other."""
    text = shown(await bot.says("hilfe", who))
    assert {section for section in ("help.admin", "help.dpo") if said(section) in text} == sections


ORDERS = {
    Command.PURGE_START: "starte den Löschlauf",
    Command.PURGE_CONFIRM: "Löschlauf bestätigen",
    Command.PURGE_CANCEL: "Löschlauf abbrechen",
    Command.PURGE_STATUS: "Läuft der Löschlauf noch?",
    Command.RETENTION_STATUS: "Welche Logs sind überfällig?",
    Command.AUDIT_SHOW: "Löschnachweis anzeigen",
    Command.HOLD_SET: "Löschsperre für die Server-Logs setzen",
    Command.HOLD_RELEASE: "Löschsperre aufheben",
    Command.ALERT_SNOOZE: "Hinweis zurückstellen",
}
ADMIN_ONLY = {Command.PURGE_START}


@pytest.mark.parametrize("command", Command)
async def test_a_command_is_for_those_who_may(bot: Bot, command: Command) -> None:
    """AZ-01, AZ-25: an employee is refused every command, a DPO the admins' own; who may reads that it comes later."""
    for who, may in (
        (actor(), False),
        (actor(object_id=""), False),
        (actor(Role.ADMIN), True),
        (actor(Role.DPO), command not in ADMIN_ONLY),
    ):
        reply = await bot.says(ORDERS[command], who, conversation=str(who))
        assert (reply.outcome, reply.topics) == (Outcome.COMMAND, (command.value,))
        assert (said("command.later") in shown(reply)) is may
        assert (said("command.refused") in shown(reply)) is not may


def test_every_command_needs_a_permission() -> None:
    """No command was forgotten where permissions are asked."""
    assert set(NEEDS) == set(Command)


async def test_a_refusal_names_who_may(bot: Bot) -> None:
    """Who is refused reads whom to turn to, and that a purge never touches calls or what lies at estos."""
    text = shown(await bot.says("starte den Löschlauf"))
    assert said("roles.admin") in text
    assert said("command.limit") in text


@pytest.mark.parametrize("name", ["Admin", "Administrator", "admin@beispiel.example"])
async def test_what_somebody_says_of_himself_is_no_role(bot: Bot, name: str) -> None:
    """AZ-03, AZ-04: a claim in the text or in card data makes nobody an admin."""
    reply = await bot.says(f"ich bin {name}, starte den löschlauf")
    assert reply.outcome != Outcome.COMMAND or said("command.refused") in shown(reply)
    pressed = await bot.pressed(Verb.SHOW_STATUS, {"id": "purge_status", "lang": "de", "role": "admin", "name": name})
    assert said("command.refused") in shown(pressed)


async def test_somebody_without_object_id_gets_public_answers(bot: Bot) -> None:
    """AZ-02: without an object id everything public is answered, and nothing else is offered."""
    nobody = actor(object_id="")
    assert (await bot.says("wer bekommt meine push daten", nobody)).outcome == Outcome.ANSWER
    assert (await bot.says("hilfe", nobody, conversation="two")).outcome == Outcome.HELP
    assert said("command.refused") in shown(await bot.says("welche logs sind überfällig?", nobody))


@pytest.mark.parametrize("text", ["hilfe", "help", "was kannst du", "hallo"])
async def test_help_is_help_in_the_middle_of_a_conversation(bot: Bot, text: str) -> None:
    """Who asks for help gets help, whatever was spoken of before."""
    await bot.says("wer bekommt meine push daten")
    assert (await bot.says(text)).outcome == Outcome.HELP


async def test_an_admin_is_understood_as_one(bot: Bot) -> None:
    """Bare logs are program logs to an admin or a DPO, and may be call logs to an employee."""
    for role, outcome in ((Role.ADMIN, Outcome.ANSWER), (Role.DPO, Outcome.ANSWER), (Role.EMPLOYEE, Outcome.CLARIFY)):
        reply = await bot.says("wie lange werden logs gespeichert", actor(role), conversation=role.value)
        assert reply.outcome == outcome


# -- long, empty, many ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Wie lange werden die Traces gespeichert? " * 700, id="IN-09-28-KB"),
        pytest.param("1 " * 14_000, id="IN-10-ones"),
        pytest.param("one hundred and " * 1_750, id="IN-10-numbers"),
        pytest.param("a" * 28_000, id="IN-10-letters"),
        pytest.param("\U0001f600" * 5_000, id="IN-11-emojis"),
        pytest.param("a" + "\u0301" * 10_000, id="IN-11-combining"),
        pytest.param("und " * 7_000, id="ands"),
        pytest.param("push? " * 4_600, id="many-questions"),
        pytest.param("loesch log " * 2_500, id="many-orders"),
    ],
)
async def test_a_long_text_is_answered_in_time(bot: Bot, text: str) -> None:
    """28 KB of anything get a card within 200 ms."""
    await bot.says("hallo")
    started = time.process_time()
    reply = await bot.says(text)
    assert time.process_time() - started < SLOW_SECONDS
    assert reply.card is not None
    assert len(json.dumps(reply.card)) < 28 * 1024


async def test_a_cut_text_that_was_not_understood_says_so(bot: Bot) -> None:
    """Who sent too much reads that only the beginning was read; where it was understood it is just answered."""
    assert said("help.too_long") in shown(await bot.says("wie wird das wetter morgen", cut=True))
    assert said("help.too_long") not in shown(await bot.says("wer bekommt meine push daten", cut=True))


@pytest.mark.parametrize("text", ["\0", "wie\0 lange\ud800 werden traces gespeichert", "\ufeff\u200b", "\U000e0001"])
async def test_characters_nobody_types_do_no_harm(bot: Bot, text: str) -> None:
    """IN-12: null characters and lone surrogates are answered with a card that can be sent."""
    reply = await bot.says(text)
    assert json.dumps(reply.card, ensure_ascii=False).encode("utf-8")


async def test_foreign_text_is_never_on_a_card(bot: Bot) -> None:
    """What somebody types is not repeated to them: a card holds our words only."""
    for text in ("[click](javascript:x) push apple", "<at>All</at> wetter", "${x} löschlauf starten", "xyzzy4711"):
        reply = await bot.says(text)
        assert not re.search(r"javascript|<at>|\$\{x\}|xyzzy", json.dumps(reply.card))


# -- search -----------------------------------------------------------------------------------------------------------


async def test_a_search_finds_topics_with_cards_to_insert(bot: Bot) -> None:
    """A search gives topics, the likeliest first; their cards stand in a foreign chat, so none has a button of ours."""
    reply = await bot.searched("push nachrichten")
    assert (reply.outcome, reply.card) == ("search", None)
    assert reply.topics[0] == "push"
    assert 1 <= len(reply.found) == len(reply.topics) <= 6
    for found in reply.found:
        assert '"Action.Execute"' not in json.dumps(found.card)
        assert visible_text(dict(found.preview))


@pytest.mark.parametrize("text", ["", "   ", "我的数据", "👍", "x" * 28_000])
async def test_a_search_for_nothing_shows_examples(bot: Bot, text: str) -> None:
    """Before anything was typed, or where nothing fits, there are examples instead of an empty list."""
    assert len((await bot.searched(text)).found) >= 1


@pytest.mark.parametrize("text", ["löschlauf starten", "purge", "status?", "logs"])
async def test_a_search_never_finds_a_command(bot: Bot, catalogue: Catalogue, text: str) -> None:
    """A search shows topics only, whatever is typed."""
    reply = await bot.searched(text, locale=Lang.EN)
    assert set(reply.topics) <= set(catalogue.topics)
    assert reply.lang is Lang.EN


# -- conversations ----------------------------------------------------------------------------------------------------


async def test_conversations_do_not_mix(bot: Bot) -> None:
    """What one conversation is about means nothing in another."""
    await bot.says("werden anrufe aufgezeichnet?", conversation="a")
    assert (await bot.says("wie lange wird das gespeichert?", conversation="a")).topics == ("recording",)
    assert (await bot.says("wie lange wird das gespeichert?", conversation="b")).topics != ("recording",)


async def test_yes_after_a_purge_is_recognised_and_still_refused(bot: Bot) -> None:
    """A confirmation in chat is a command like any other: recognised, and refused to an employee."""
    await bot.says("starte den löschlauf")
    reply = await bot.says("ja")
    assert reply.topics == (Command.PURGE_CONFIRM.value,)
    assert said("command.refused") in shown(reply)
    assert (await bot.says("ja", conversation="other")).outcome != Outcome.COMMAND


async def test_a_banner_stands_on_every_card_of_dev_mode(knowledge: Knowledge) -> None:
    """In dev mode each card says that nothing on it is real; otherwise none does."""
    for banner in (True, False):
        router = make_router(knowledge, banner=banner)
        turns = [
            Turn(kind=TurnKind.MESSAGE, actor=actor(), conversation="one", text=text)
            for text in ("hilfe", "wer bekommt push daten", "wetter", "starte den löschlauf", "wie lange logs", "")
        ]
        turns.append(Turn(kind=TurnKind.ACTION, actor=actor(), conversation="one", verb="x"))
        turns.append(Turn(kind=TurnKind.WELCOME, actor=actor(), conversation="one"))
        for turn in turns:
            assert (said("common.dev_banner") in shown(await router.reply(turn))) is banner, turn.text
