"""The hardened adapter: `CloudAdapterBase.process_activity` behind an own edge, never `CloudAdapter.process`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.core.cloud_adapter_base import CloudAdapterBase

from bot.adapter.activity import WireActivity, read_activity, write_activity
from bot.adapter.authentication import GuardedAuthentication

INVOKE_RESPONSE = CloudAdapterBase._INVOKE_RESPONSE_KEY  # noqa: SLF001  the SDK has no public name for it
Logic = Callable[[TurnContext], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """Status and JSON body of the answer to one request; `body` is empty for none."""

    status: int
    body: bytes = b""


class HardenedAdapter(CloudAdapterBase):
    """Takes one parsed body and one Authorization header, and gives one HTTP answer."""

    def __init__(self, authentication: GuardedAuthentication) -> None:
        super().__init__(authentication)
        self.authentication = authentication

    async def handle(self, wire: Mapping[str, Any], auth_header: str, logic: Logic) -> HttpAnswer:
        """Run one turn; raises a `CallerError` for a refusal, before anything else has happened."""
        activity = read_activity(wire)
        # Kept by reference: the base class only fills its own result for invokes, and drops buffered replies' cards.
        seen: list[TurnContext] = []

        async def remember(context: TurnContext) -> None:
            seen.append(context)
            await logic(context)

        answer = await self.process_activity(auth_header, activity, remember)
        if activity.delivery_mode == "expectReplies" and seen and activity.type != "invoke":
            replies = [write_activity(reply) for reply in seen[0].buffered_reply_activities]
            return HttpAnswer(status=200, body=_encode({"activities": replies}))
        return _invoke_answer(answer) if activity.type == "invoke" else HttpAnswer(status=201)

    def _process_turn_results(self, context: TurnContext) -> InvokeResponse | None:
        # The base class serialises buffered replies with msrest, which loses card content built by hand.
        if context.activity.type != "invoke":
            return None
        answer = context.turn_state.get(INVOKE_RESPONSE)
        return answer.value if answer else None


def invoke_response(body: Mapping[str, Any], status: int = 200) -> WireActivity:
    """Wrap the answer to an invoke in the activity the adapter looks for.

    It is written at once: answers are remembered for redeliveries, and thousands of cards, of hundreds of objects each,
    would be walked through by the garbage collector while the event loop waits.
    """
    return WireActivity({}, type="invokeResponse", value=InvokeResponse(status=status, body=_encode(body)))


def _invoke_answer(answer: InvokeResponse | None) -> HttpAnswer:
    if answer is None:
        return HttpAnswer(status=200, body=b"{}")
    return HttpAnswer(status=int(answer.status), body=answer.body or b"{}")


def _encode(body: object) -> bytes:
    return orjson.dumps(body)
