"""What an activity means to the dialogs, and what a reply looks like to Teams (D12, D14, AZ-27 to AZ-29)."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.translate import (
    CARD_TYPE,
    Ignored,
    addressed_text,
    conversation_id,
    locale_of,
    read_turn,
    write_card,
    write_invoke,
    write_invoke_error,
)
from data.access import Actor, Role
from data.labels import Lang
from data.questions.normalise import MAX_CHARS
from dialogs.turn import Found, Reply, Turn, TurnKind
from tests.world import BOT_ID, EMPLOYEE, SILENCE, TENANT, invoke, message

SERVICE_URL = "https://smba.example/teams/"
ACTOR = Actor(tenant_id=TENANT, object_id=EMPLOYEE, roles=frozenset({Role.EMPLOYEE}))
CHANNEL = {"id": "19:channel@thread.tacv2;messageid=1", "conversationType": "channel", "isGroup": True}
GROUP = {"id": "19:group@thread.v2", "conversationType": "groupChat", "isGroup": True}


def said(text: object, *mentions: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Build a message with mentions."""
    return message(text, service_url=SERVICE_URL, **({"entities": list(mentions)} | fields))  # type: ignore[arg-type]


def mention(text: object = "<at>ProCall</at>", *, of: str = BOT_ID, name: str = "ProCall") -> dict[str, Any]:
    """Build the entity that goes with a mention."""
    return {"type": "mention", "text": text, "mentioned": {"id": of, "name": name}}


def turn_of(wire: Mapping[str, Any]) -> Turn:
    """Read an activity that the bot must take."""
    found = read_turn(wire, ACTOR)
    assert isinstance(found, Turn)
    return found


def reason_of(wire: Mapping[str, Any]) -> str:
    """Read an activity that the bot must leave alone."""
    found = read_turn(wire, ACTOR)
    assert isinstance(found, Ignored)
    return found.reason


AT = "<at>ProCall</at>"
MENTIONS: Mapping[str, tuple[str, list[Mapping[str, Any]], str]] = {
    "product_of_the_same_name": (f"{AT} was speichert ProCall NEX?", [mention()], "was speichert ProCall NEX?"),
    "mention_at_the_end": (f"was speichert ProCall NEX? {AT}", [mention()], "was speichert ProCall NEX?"),
    "mention_in_the_middle": (f"was {AT} speichert ProCall?", [mention()], "was speichert ProCall?"),
    "mentioned_twice": (f"{AT} hallo {AT}", [mention(), mention()], "hallo"),
    "numbered_mention": (
        '<at id="0">ProCall</at> was speichert ProCall?',
        [mention('<at id="0">ProCall</at>')],
        "was speichert ProCall?",
    ),
    "bot_called_bot": ("<at>Bot</at> robot Bots", [mention("<at>Bot</at>", name="Bot")], "robot Bots"),
    "name_with_signs": ("<at>P(.*)+</at> hallo", [mention("<at>P(.*)+</at>")], "hallo"),
    "hard_spaces": (f"{AT}&nbsp;was&nbsp;speichert\u00a0 ProCall?", [mention()], "was speichert ProCall?"),
    "entities_of_html": (f"{AT} Logs &amp; Traces &lt;3", [mention()], "Logs & Traces <3"),
    "only_the_mention": (AT, [mention()], ""),
    "line_breaks": (f"{AT}\r\n\nwas\tspeichert\nProCall?", [mention()], "was speichert ProCall?"),
    "mention_of_somebody_else": (f"frag {AT} hallo", [mention(of="29:other")], f"frag {AT} hallo"),
    "mention_without_text": ("ProCall hallo", [mention(None)], "ProCall hallo"),
    "mention_with_odd_text": ("ProCall hallo", [mention(["ProCall"])], "ProCall hallo"),
    "no_mention": ("was speichert ProCall?", [], "was speichert ProCall?"),
}


@pytest.mark.parametrize(("text", "mentions", "meant"), MENTIONS.values(), ids=MENTIONS)
def test_mention_of_the_bot_is_cut_and_nothing_else(text: str, mentions: list[Mapping[str, Any]], meant: str) -> None:
    """The entity's own words are cut once a mention; the product's name in the question stays (D12)."""
    assert addressed_text(said(text, *mentions)) == meant
    assert turn_of(said(text, *mentions)).text == meant


def test_message_without_text_is_an_empty_question() -> None:
    """A picture or a voice message has no text, and is no failure."""
    assert turn_of(said(SILENCE)).text == ""
    assert turn_of(said(None)).text == ""


def test_quoted_text_is_not_answered() -> None:
    """What somebody quotes arrives as an attachment and is not part of the question."""
    quote = {"contentType": "text/html", "content": "<blockquote>purge app-logs</blockquote><p>was ist das?</p>"}
    assert turn_of(said("was ist das?", attachments=[quote])).text == "was ist das?"


@pytest.mark.parametrize(
    "conversation", [CHANNEL, GROUP, {"id": "19:x", "isGroup": True}], ids=["channel", "chat", "old"]
)
def test_group_talk_is_none_of_the_bots_business(conversation: Mapping[str, Any]) -> None:
    """In a group only a mention of the bot by its id addresses it; typed angle brackets or others' mentions do not."""
    assert reason_of(said("purge app-logs", conversation=conversation)) == "not_addressed"
    assert reason_of(said("<at>ProCall</at> purge app-logs", conversation=conversation)) == "not_addressed"
    other = mention(of="28:other-bot")
    assert reason_of(said("<at>ProCall</at> purge app-logs", other, conversation=conversation)) == "not_addressed"
    assert turn_of(said("<at>ProCall</at> hallo", other, mention(), conversation=conversation)).kind is TurnKind.MESSAGE


@pytest.mark.parametrize(
    "sender",
    [{"id": "28:other-bot"}, {"id": "29:x", "role": "bot"}, {"id": BOT_ID, "aadObjectId": EMPLOYEE}],
    ids=["bot_id", "bot_role", "itself"],
)
@pytest.mark.parametrize("kind", ["message", "invoke", "installationUpdate"])
def test_other_bots_are_not_answered(sender: Mapping[str, Any], kind: str) -> None:
    """Two bots never talk to each other, whatever they send (AZ-29); a person is answered."""
    fields = {"type": kind, "name": "adaptiveCard/action", "action": "add"}
    assert reason_of(said("purge app-logs", **fields, **{"from": sender})) == "from_a_bot"
    turn_of(said("purge app-logs", **fields, **{"from": {"id": "29:x", "role": "user", "aadObjectId": EMPLOYEE}}))


OTHER_TYPES = ("messageUpdate", "messageDelete", "messageReaction", "typing", "event", "endOfConversation", "trace")


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_edited_message_is_no_new_one(kind: str) -> None:
    """An edit that turns a question into a command does nothing (AZ-28), and neither do reactions and the like."""
    assert reason_of(said("purge app-logs", type=kind)) == kind
    assert turn_of(said("purge app-logs")).text == "purge app-logs"


@pytest.mark.parametrize("kind", ["made-up", "", None, 7, ["message"], {"type": "message"}, "MESSAGE"], ids=repr)
def test_unknown_type_has_one_name(kind: object) -> None:
    """A type nobody knows is ignored under one stable word, never under the caller's."""
    assert reason_of(said("hallo", type=kind)) == "unknown_type"


TEAM = {"id": "19:team@thread.tacv2", "conversationType": "channel"}
JOINS: Mapping[str, tuple[Mapping[str, Any], TurnKind | None]] = {
    "app_installed": ({"type": "installationUpdate", "action": "add"}, TurnKind.WELCOME),
    "app_removed": ({"type": "installationUpdate", "action": "remove"}, TurnKind.FAREWELL),
    "app_upgraded": ({"type": "installationUpdate", "action": "add-upgrade"}, None),
    "bot_added": ({"type": "conversationUpdate", "membersAdded": [{"id": "29:x"}, {"id": BOT_ID}]}, TurnKind.WELCOME),
    "person_added": ({"type": "conversationUpdate", "membersAdded": [{"id": "29:x"}]}, None),
    "new_member_of_a_team": (
        {"type": "conversationUpdate", "membersAdded": [{"id": "29:x"}, {"id": "29:y"}], "conversation": TEAM},
        TurnKind.WELCOME,
    ),
    "member_left_a_team": (
        {"type": "conversationUpdate", "membersRemoved": [{"id": "29:x"}], "conversation": TEAM},
        None,
    ),
    "nobody_added": ({"type": "conversationUpdate"}, None),
    "bot_removed": ({"type": "conversationUpdate", "membersRemoved": [{"id": BOT_ID}]}, None),
}


@pytest.mark.parametrize(("fields", "kind"), JOINS.values(), ids=JOINS)
def test_bot_introduces_itself_when_somebody_comes(fields: Mapping[str, Any], kind: TurnKind | None) -> None:
    """The bot greets whoever installs it or joins its team, once for all of them (D17), and notes a removal."""
    found = read_turn(said(SILENCE, **fields), ACTOR)
    assert (found.kind if isinstance(found, Turn) else None) == kind


@pytest.mark.parametrize(
    ("locale", "lang"),
    [
        ("de-DE", "de"),
        ("de", "de"),
        ("DE-at", "de"),
        ("en-US", "en"),
        ("fr-FR", "en"),
        ("", "en"),
        (None, "de"),
        (7, "de"),
    ],
)
def test_locale_gives_the_language(locale: object, lang: str) -> None:
    """German Teams get German, others English; where Teams says nothing, German."""
    assert locale_of({"locale": locale}) == Lang(lang)
    assert turn_of(said("hallo", locale=locale)).locale == Lang(lang)


def test_pressed_button_carries_verb_and_data() -> None:
    """A Universal Action's verb and data reach the dialog as they are."""
    turn = turn_of(invoke("show_topic", {"id": "recording"}, service_url=SERVICE_URL))
    assert (turn.kind, turn.verb, turn.data) == (TurnKind.ACTION, "show_topic", {"id": "recording"})


def test_submitted_card_is_a_pressed_button() -> None:
    """A client without Universal Actions sends a message without text whose value holds verb and data."""
    value = {"verb": "show_topic", "id": "recording"}
    turn = turn_of(said(SILENCE, value=value))
    assert (turn.kind, turn.verb, turn.data) == (TurnKind.ACTION, "show_topic", value)


ODD_ACTIONS: Mapping[str, object] = {
    "no_value": None,
    "list": [],
    "text": "show_topic",
    "no_action": {},
    "action_text": {"action": "show_topic"},
    "action_null": {"action": None},
    "verb_list": {"action": {"verb": ["show_topic"], "data": []}},
    "verb_number": {"action": {"verb": 7, "data": "x"}},
    "old_submit": {"action": {"type": "Action.Submit", "data": {"verb": 1}}},
}


@pytest.mark.parametrize("value", ODD_ACTIONS.values(), ids=ODD_ACTIONS)
def test_odd_action_is_an_unknown_button(value: object) -> None:
    """A malformed action is a button without a verb, for the dialog to answer; never a failure (F14)."""
    turn = turn_of(invoke(service_url=SERVICE_URL, value=value))
    assert (turn.kind, turn.verb) == (TurnKind.ACTION, "")
    assert isinstance(turn.data, dict)


SEARCHES: Mapping[str, tuple[object, str]] = {
    "query": ([{"name": "query", "value": " Logs\u200b "}], "Logs"),
    "initial_run": ([{"name": "initialRun", "value": "true"}], ""),
    "none": (None, ""),
    "odd": (["x", None, {"name": "query", "value": 7}], ""),
}


@pytest.mark.parametrize(("parameters", "text"), SEARCHES.values(), ids=SEARCHES)
def test_search_box_asks_its_text(parameters: object, text: str) -> None:
    """The message extension's search gives the text typed, or nothing."""
    wire = invoke(
        service_url=SERVICE_URL,
        name="composeExtension/query",
        value={"commandId": "findTopic", "parameters": parameters},
    )
    turn = turn_of(wire)
    assert (turn.kind, turn.text) == (TurnKind.SEARCH, text)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("composeExtension/query", {"commandId": "other"}, "unknown_search"),
        ("composeExtension/query", None, "unknown_invoke"),
        ("task/fetch", {}, "unknown_invoke"),
        ("made-up", {}, "unknown_invoke"),
        (None, None, "unknown_invoke"),
    ],
)
def test_unknown_invoke_is_ignored_under_a_stable_word(name: object, value: object, reason: str) -> None:
    """An invoke for something else is none of the bot's business."""
    assert reason_of(invoke(service_url=SERVICE_URL, name=name, value=value)) == reason


def test_conversation_belongs_to_tenant_and_person() -> None:
    """Two people in one chat, or one person in two, never share what was said before."""
    chat, other_chat = said("a", conversation={"id": "a:1"}), said("a", conversation={"id": "a:2"})
    other_person = Actor(tenant_id=TENANT, object_id="aaaaaaaa-0000-4000-8000-000000000002")
    turns = [turn_of(chat), turn_of(other_chat), read_turn(chat, other_person), turn_of(chat)]
    keys = [turn.conversation for turn in turns if isinstance(turn, Turn)]
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]


def test_long_text_is_marked_as_cut() -> None:
    """A text beyond what is read for meaning is marked, one of just that length is not."""
    assert turn_of(said("a" * MAX_CHARS)).cut is False
    assert turn_of(said("a" * (MAX_CHARS + 1))).cut is True
    assert len(turn_of(said("a" * 100_000)).text) <= 4 * MAX_CHARS


# -- any JSON at all ------------------------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
ENTITY = JSON | st.fixed_dictionaries(
    {"type": st.just("mention")},
    optional={"text": JSON | st.just(AT), "mentioned": JSON | st.just({"id": BOT_ID})},
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "type": JSON | st.sampled_from(["message", "invoke", "conversationUpdate", "installationUpdate"]),
        "name": JSON | st.sampled_from(["adaptiveCard/action", "composeExtension/query"]),
        "text": JSON | st.just(f"{AT} hallo"),
        "from": JSON | st.fixed_dictionaries({"id": JSON, "role": JSON}),
        "recipient": JSON | st.fixed_dictionaries({"id": JSON | st.just(BOT_ID)}),
        "conversation": JSON | st.fixed_dictionaries({"id": JSON, "conversationType": JSON | st.just("channel")}),
        "entities": JSON | st.lists(ENTITY, max_size=3),
        "membersAdded": JSON | st.lists(st.fixed_dictionaries({"id": JSON}), max_size=2),
        "action": JSON,
        "locale": JSON,
        "value": JSON
        | st.fixed_dictionaries(
            {}, optional={"action": JSON, "verb": JSON, "commandId": JSON | st.just("findTopic"), "parameters": JSON}
        ),
    },
)


@given(wire=NEARLY | st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_any_json_object_is_read(wire: dict[str, Any]) -> None:
    """Whatever object a caller makes up, it is a turn or ignored, with values of the promised types; never raises."""
    found = read_turn(wire, ACTOR)
    conversation_id(wire)
    locale_of(wire)
    if isinstance(found, Turn):
        assert isinstance(found.text, str)
        assert isinstance(found.verb, str)
        assert isinstance(found.data, dict)
        assert found.actor is ACTOR
    else:
        assert isinstance(found.reason, str)


# -- towards Teams --------------------------------------------------------------------------------------------------


def test_card_goes_without_text() -> None:
    """A message holds the card and no text: with both, Teams splits them in two."""
    sent = write_card({"type": "AdaptiveCard"}, summary="s" * 5000)
    assert "text" not in sent
    assert sent["attachments"] == [{"contentType": CARD_TYPE, "content": {"type": "AdaptiveCard"}}]
    assert len(sent["summary"]) == 1000


def test_invoke_is_answered_in_the_protocols_form() -> None:
    """A pressed button gets its card, a search gets a list, an unknown one an error; all plain JSON (D14)."""
    card = {"type": "AdaptiveCard"}
    answer = write_invoke(Reply(card=card), "adaptiveCard/action")
    assert answer == {"statusCode": 200, "type": CARD_TYPE, "value": card}
    found = write_invoke(Reply(found=(Found(card=card, preview={"type": "x"}),)), "composeExtension/query")
    [attachment] = found["composeExtension"]["attachments"]
    assert attachment["preview"] == {"contentType": CARD_TYPE, "content": {"type": "x"}}
    error = write_invoke_error("BadRequest", "no")
    assert (error["statusCode"], error["value"]["code"]) == (400, "BadRequest")
    json.dumps([answer, found, error])
