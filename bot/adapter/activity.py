"""JSON to SDK activities and back, by hand: checked field by field, without msrest's reflection.

Cures D6, D10, D11, D13 and most of the stock turn's CPU time. The body as it came stays in
`WireActivity.wire`, so that nothing the SDK's model forgets is lost.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self, TypeVar

from botbuilder.schema import Activity, ChannelAccount, ConversationAccount, ResourceResponse

from data.errors import MalformedError

T = TypeVar("T")

MAX_ID = 1024
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")


class WireActivity(Activity):
    """An activity with the JSON object it came from, or is to be sent as."""

    def __init__(self, wire: Mapping[str, Any], **fields: Any) -> None:
        super().__init__(**fields)
        self.wire = wire

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Copy the activity but share its JSON: `TurnContext` copies each outgoing activity, card and all."""
        copy: Self = _plain_copy(self)
        memo[id(self)] = copy
        return copy


class _Account(ChannelAccount):
    """An account that is copied cheaply: the SDK copies both sides of every reply."""

    def __copy__(self) -> Self:
        return _plain_copy(self)


class _Conversation(ConversationAccount):
    """A conversation that is copied cheaply."""

    def __copy__(self) -> Self:
        return _plain_copy(self)


def _plain_copy(original: T) -> T:
    copy: T = object.__new__(type(original))
    copy.__dict__.update(original.__dict__)
    return copy


def read_activity(wire: Mapping[str, Any]) -> WireActivity:
    """Check the shape of an activity and build the SDK's object; raises `MalformedError`."""
    _check_stamp(wire, "timestamp")
    _check_stamp(wire, "localTimestamp")
    _list_of_objects(wire, "attachments")
    _list_of_objects(wire, "entities")
    _list_of_objects(wire, "membersAdded")
    return WireActivity(
        wire,
        type=_required(wire, "type"),
        id=_string(wire, "id"),
        name=_string(wire, "name"),
        text=_string(wire, "text", longest=None),
        locale=_string(wire, "locale"),
        action=_string(wire, "action"),
        channel_id=_string(wire, "channelId"),
        service_url=_string(wire, "serviceUrl"),
        reply_to_id=_string(wire, "replyToId"),
        delivery_mode=_string(wire, "deliveryMode"),
        channel_data=wire.get("channelData"),
        value=wire.get("value"),
        conversation=_conversation(wire),
        from_property=_account(wire, "from"),
        recipient=_account(wire, "recipient"),
    )


def write_activity(activity: Activity) -> dict[str, Any]:
    """Turn an outgoing activity into JSON: the addressing from the SDK's fields, the content from `wire`."""
    wire = dict(activity.wire) if isinstance(activity, WireActivity) else {}
    wire["type"] = activity.type
    if activity.text is not None:
        wire["text"] = activity.text
    if activity.id:
        wire["id"] = activity.id
    if activity.reply_to_id:
        wire["replyToId"] = activity.reply_to_id
    if activity.service_url:
        wire["serviceUrl"] = activity.service_url
    if activity.channel_id:
        wire["channelId"] = activity.channel_id
    if activity.conversation:
        wire["conversation"] = {"id": activity.conversation.id}
    for key, account in (("from", activity.from_property), ("recipient", activity.recipient)):
        if account and account.id:
            wire[key] = {"id": account.id}
    return wire


def read_resource(wire: object) -> ResourceResponse:
    """Read the id the connector gave an activity; an answer without one is no error."""
    found = wire.get("id") if isinstance(wire, dict) else None
    return ResourceResponse(id=found if isinstance(found, str) else None)


def _required(wire: Mapping[str, Any], key: str) -> str:
    value = _string(wire, key)
    if not value:
        raise MalformedError("no_type")
    return value


def _string(wire: Mapping[str, Any], key: str, *, longest: int | None = MAX_ID) -> str | None:
    value = wire.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        raise MalformedError(f"bad_{key.lower()}")
    return value


def _object(wire: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    value = wire.get(key)
    if value is not None and not isinstance(value, dict):
        raise MalformedError(f"bad_{key.lower()}")
    return value


def _list_of_objects(wire: Mapping[str, Any], key: str) -> None:
    value = wire.get(key)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        raise MalformedError(f"bad_{key.lower()}")


def _account(wire: Mapping[str, Any], key: str) -> ChannelAccount | None:
    account = _object(wire, key)
    if account is None:
        return None
    _string(account, "name")
    return _Account(
        id=_string(account, "id"),
        aad_object_id=_string(account, "aadObjectId"),
        role=_string(account, "role"),
    )


def _conversation(wire: Mapping[str, Any]) -> ConversationAccount | None:
    conversation = _object(wire, "conversation")
    if conversation is None:
        return None
    is_group = conversation.get("isGroup")
    if is_group is not None and not isinstance(is_group, bool):
        raise MalformedError("bad_conversation")
    return _Conversation(
        id=_string(conversation, "id"),
        is_group=is_group,
        conversation_type=_string(conversation, "conversationType"),
        # The SDK expects `tenantID`, Teams sends `tenantId`: F3.
        tenant_id=_string(conversation, "tenantId"),
    )


def _check_stamp(wire: Mapping[str, Any], key: str) -> None:
    value = _string(wire, key)
    if value is None:
        return
    try:
        if not _STAMP.fullmatch(value):
            raise MalformedError(f"bad_{key.lower()}")
        datetime.fromisoformat(value.upper())
    except ValueError:
        raise MalformedError(f"bad_{key.lower()}") from None
