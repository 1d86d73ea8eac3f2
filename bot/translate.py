"""An activity as it came to a Turn, a Reply to JSON for Teams; pure functions, no SDK."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data.access import Actor
from data.labels import Lang
from data.questions.normalise import MAX_CHARS, clean
from dialogs.turn import Reply, Turn, TurnKind

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
SEARCH_COMMAND = "findTopic"
_BOT_PREFIX = "28:"
_SPACES = re.compile(r"[\s\u00a0]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An activity that is none of the bot's business; `reason` is a stable word."""

    reason: str


def read_turn(wire: Mapping[str, Any], actor: Actor) -> Turn | Ignored:
    """Tell what an activity means to the dialogs; never raises."""
    kind = wire.get("type")
    if _is_bot(wire.get("from")):
        return Ignored(reason="from_a_bot")
    if kind == "message":
        return _message(wire, actor)
    if kind == "invoke":
        return _invoke(wire, actor)
    if _welcomes(wire):
        return _turn(TurnKind.WELCOME, wire, actor)
    if kind == "installationUpdate" and wire.get("action") in ("remove", "remove-upgrade"):
        return _turn(TurnKind.FAREWELL, wire, actor)
    return Ignored(reason=kind if isinstance(kind, str) and kind in _KNOWN_TYPES else "unknown_type")


def write_card(card: Mapping[str, Any], *, summary: str) -> dict[str, Any]:
    """Build a message that holds one card and no text: with both, Teams splits them and no id comes back."""
    return {
        "type": "message",
        "summary": summary[:1000],
        "attachments": [{"contentType": CARD_TYPE, "content": card}],
    }


def write_invoke(reply: Reply, name: str) -> dict[str, Any]:
    """Build the body that answers an invoke."""
    if name == "composeExtension/query":
        return {
            "composeExtension": {
                "type": "result",
                "attachmentLayout": "list",
                "attachments": [
                    {
                        "contentType": CARD_TYPE,
                        "content": found.card,
                        "preview": {"contentType": CARD_TYPE, "content": found.preview},
                    }
                    for found in reply.found
                ],
            },
        }
    return {"statusCode": 200, "type": CARD_TYPE, "value": reply.card}


def write_invoke_error(code: str, message: str) -> dict[str, Any]:
    """Build the body for an invoke that cannot be understood (Universal Actions, error form)."""
    return {"statusCode": 400, "type": "application/vnd.microsoft.error", "value": {"code": code, "message": message}}


def addressed_text(wire: Mapping[str, Any]) -> str:
    """Give the text without the mention of the bot: the entity's exact words, once (cure of D12)."""
    text = wire.get("text")
    text = text if isinstance(text, str) else ""
    for mention in _mentions_of_bot(wire):
        said = mention.get("text")
        if isinstance(said, str) and said:
            text = text.replace(said, " ", 1)
    return clean(_SPACES.sub(" ", html.unescape(text)))


def _message(wire: Mapping[str, Any], actor: Actor) -> Turn | Ignored:
    value = wire.get("value")
    if isinstance(value, dict) and not wire.get("text"):
        return _turn(TurnKind.ACTION, wire, actor, verb=value.get("verb"), data=value)
    if _in_group(wire) and not any(True for _ in _mentions_of_bot(wire)):
        return Ignored(reason="not_addressed")
    # Quoted text arrives in attachments only and is not answered.
    return _turn(TurnKind.MESSAGE, wire, actor, text=addressed_text(wire))


def _invoke(wire: Mapping[str, Any], actor: Actor) -> Turn | Ignored:
    name, value = wire.get("name"), wire.get("value")
    if name == "adaptiveCard/action":
        action = value.get("action") if isinstance(value, dict) else None
        if not isinstance(action, dict):
            return _turn(TurnKind.ACTION, wire, actor)
        return _turn(TurnKind.ACTION, wire, actor, verb=action.get("verb"), data=action.get("data"))
    if name == "composeExtension/query" and isinstance(value, dict):
        if value.get("commandId") == SEARCH_COMMAND:
            return _turn(TurnKind.SEARCH, wire, actor, text=_query(value.get("parameters")))
        return Ignored(reason="unknown_search")
    return Ignored(reason="unknown_invoke")


def _turn(
    kind: TurnKind,
    wire: Mapping[str, Any],
    actor: Actor,
    *,
    text: str = "",
    verb: object = "",
    data: object = None,
) -> Turn:
    return Turn(
        kind=kind,
        actor=actor,
        conversation=f"{actor.tenant_id}/{conversation_id(wire)}/{actor.object_id}",
        text=text,
        verb=verb if isinstance(verb, str) else "",
        data=data if isinstance(data, dict) else {},
        locale=locale_of(wire),
        cut=len(text) > MAX_CHARS,
        place=place_of(wire),
        personal=not _in_group(wire),
        service_url=str(wire.get("serviceUrl", "")),
    )


def place_of(wire: Mapping[str, Any]) -> str:
    """Give the conversation's id without the thread inside it: cards in a channel are answered from threads."""
    return conversation_id(wire).partition(";messageid=")[0]


def conversation_id(wire: Mapping[str, Any]) -> str:
    """Give the conversation's id; "" where there is none."""
    conversation = wire.get("conversation")
    found = conversation.get("id") if isinstance(conversation, dict) else None
    return found if isinstance(found, str) else ""


def locale_of(wire: Mapping[str, Any]) -> Lang:
    """Give the language of the person's Teams: German for de-* and where nothing is known, else English."""
    locale = wire.get("locale")
    entities = wire.get("entities")
    for entity in entities if isinstance(entities, list) else ():
        if not isinstance(locale, str) and isinstance(entity, dict) and entity.get("type") == "clientInfo":
            locale = entity.get("locale")
    return Lang.DE if not isinstance(locale, str) or locale.lower().startswith("de") else Lang.EN


def _query(parameters: object) -> str:
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, dict) and parameter.get("name") == "query" and isinstance(parameter.get("value"), str):
            return clean(parameter["value"])
    return ""


def _mentions_of_bot(wire: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    recipient = wire.get("recipient")
    bot_id = recipient.get("id") if isinstance(recipient, dict) else None
    entities = wire.get("entities")
    for entity in entities if isinstance(entities, list) else ():
        mentioned = entity.get("mentioned") if isinstance(entity, dict) and entity.get("type") == "mention" else None
        if bot_id and isinstance(mentioned, dict) and mentioned.get("id") == bot_id:
            yield entity


def _in_group(wire: Mapping[str, Any]) -> bool:
    conversation = wire.get("conversation")
    if not isinstance(conversation, dict):
        return False
    return conversation.get("conversationType") in ("channel", "groupChat") or conversation.get("isGroup") is True


def _is_bot(sender: object) -> bool:
    if not isinstance(sender, dict):
        return False
    identity = sender.get("id")
    return sender.get("role") == "bot" or (isinstance(identity, str) and identity.startswith(_BOT_PREFIX))


def _welcomes(wire: Mapping[str, Any]) -> bool:
    """Tell whether the bot has just come to somebody, or somebody to where the bot is: one welcome for all of them."""
    if wire.get("type") == "installationUpdate":
        return wire.get("action") == "add"
    if wire.get("type") != "conversationUpdate":
        return False
    recipient = wire.get("recipient")
    bot_id = recipient.get("id") if isinstance(recipient, dict) else None
    added = wire.get("membersAdded")
    members = [member.get("id") for member in (added if isinstance(added, list) else ()) if isinstance(member, dict)]
    return bool(bot_id) and (bot_id in members or (bool(members) and _in_group(wire)))


_KNOWN_TYPES = frozenset(
    {
        "conversationUpdate",
        "installationUpdate",
        "messageReaction",
        "messageUpdate",
        "messageDelete",
        "typing",
        "event",
        "endOfConversation",
        "trace",
        "handoff",
        "contactRelationUpdate",
    },
)
