"""The connector client: replies and updates over one pooled session, with time-outs and an honest retry rule.

Cures D7, D8, F10 and F11. msrest is not used, so its retry list (70 % of a stock turn's CPU) never runs.

Retry rule for chat answers: a 429 and a connection that was never made are retried within the turn;
an outcome nobody knows (412, 5xx, time-out, reset) is never repeated for a POST, because sending is not idempotent;
a PUT may be repeated. A 401 renews the token once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import stamina
import structlog
from botbuilder.schema import Activity, ResourceResponse
from botframework.connector.auth.connector_factory import ConnectorFactory

from bot.adapter.activity import read_resource, write_activity
from bot.adapter.hosts import HostList
from data.desk.delivery import Reference
from data.errors import AmbiguousError, DeliveryError, ForbiddenError, GoneError, RejectedError, ThrottledError

CONNECT_SECONDS = 3.0
CALL_SECONDS = 10.0
LONGEST_PAUSE = 5.0
"""A longer Retry-After cannot be waited for: Teams gives a turn 15 seconds."""
ATTEMPTS = 3
FIRST_WAIT = 0.2

Header = Callable[[], Awaitable[str]]
Observe = Callable[[str], None]
"""Told the outcome of each outbound call, as a stable word."""

_log = structlog.get_logger(__name__)


class _PauseError(DeliveryError):
    """The connector asked for a pause that a turn can afford."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class _NotSentError(DeliveryError):
    """No connection could be made, so nothing was sent."""


class _UnknownOutcomeError(AmbiguousError):
    """It is not known whether the activity arrived."""


class TokenSource:
    """Where a connector gets its Authorization header; the anonymous one of dev mode gives none."""

    async def get(self) -> str:
        """Give the bearer token, or nothing."""
        return ""

    def forget(self, token: str) -> None:
        """Drop a refused token."""


class Conversations:
    """The connector calls this product makes; three have the names `CloudAdapterBase` knows."""

    def __init__(
        self,
        *,
        service_url: str,
        session: aiohttp.ClientSession,
        token: Any,
        observe: Observe,
    ) -> None:
        self._base = service_url.rstrip("/")
        self._session = session
        self._token = token
        self._observe = observe

    async def reply_to_activity(self, conversation_id: str, activity_id: str, activity: Activity) -> ResourceResponse:
        """Answer an activity."""
        path = f"/v3/conversations/{_segment(conversation_id)}/activities/{_segment(activity_id)}"
        return read_resource(await self._call("POST", path, activity))

    async def send_to_conversation(self, conversation_id: str, activity: Activity) -> ResourceResponse:
        """Write into a conversation."""
        path = f"/v3/conversations/{_segment(conversation_id)}/activities"
        return read_resource(await self._call("POST", path, activity))

    async def update_activity(self, conversation_id: str, activity_id: str, activity: Activity) -> ResourceResponse:
        """Replace an activity sent before."""
        path = f"/v3/conversations/{_segment(conversation_id)}/activities/{_segment(activity_id)}"
        return read_resource(await self._call("PUT", path, activity))

    async def member(self, conversation_id: str, member_id: str) -> Mapping[str, Any]:
        """Ask who a member of a conversation is; raises `DeliveryError`."""
        path = f"/v3/conversations/{_segment(conversation_id)}/members/{_segment(member_id)}"
        answer = await self._try("GET", path, b"")
        return answer if isinstance(answer, dict) else {}

    async def once(self, method: str, conversation_id: str, activity_id: str, wire: Mapping[str, Any]) -> str:
        """Write into a conversation (POST) or replace an activity (PUT) without a turn; gives the activity's id.

        One attempt, because the outbox repeats by its own rules: a token that cannot be had and a connection that was
        not made are a plain `DeliveryError`, throttling of any length a `ThrottledError` with its seconds.
        """
        path = f"/v3/conversations/{_segment(conversation_id)}/activities"
        if method == "PUT":
            path += f"/{_segment(activity_id)}"
        body = orjson.dumps({**wire, "conversation": {"id": conversation_id}})
        try:
            token = await self._token.get()
        except AmbiguousError as error:
            raise _NotSentError from error
        try:
            return read_resource(await self._try(method, path, body, token)).id or ""
        except _PauseError as error:
            raise ThrottledError(error.seconds) from None

    async def _call(self, method: str, path: str, activity: Activity) -> object:
        body = orjson.dumps(write_activity(activity))
        try:
            return await self._try(method, path, body)
        except _REPEATABLE[method] as error:
            # Only now: a retry context for every call would cost more than the call.
            return await self._repeat(method, path, body, error)

    async def _repeat(self, method: str, path: str, body: bytes, first: DeliveryError) -> object:
        """Try again after what the first failure asks for, with the attempts and the time that are left."""
        await asyncio.sleep(first.seconds if isinstance(first, _PauseError) else FIRST_WAIT)

        def pause(error: Exception) -> bool | float:
            return error.seconds if isinstance(error, _PauseError) else isinstance(error, _REPEATABLE[method])

        try:
            async for attempt in stamina.retry_context(
                on=pause,
                attempts=ATTEMPTS - 1,
                timeout=CALL_SECONDS,
                wait_initial=2 * FIRST_WAIT,
                wait_max=2.0,
                wait_jitter=0.3,
            ):
                with attempt:
                    return await self._try(method, path, body)
        except _PauseError as error:
            raise ThrottledError(error.seconds) from None
        return None

    async def _try(self, method: str, path: str, body: bytes, token: str | None = None) -> object:
        token = await self._token.get() if token is None else token
        status, answer, retry_after = await self._request(method, path, body, token)
        if status == HTTPStatus.UNAUTHORIZED and token:
            self._token.forget(token)
            status, answer, retry_after = await self._request(method, path, body, await self._token.get())
        self._observe(f"{status // 100}xx" if status != HTTPStatus.TOO_MANY_REQUESTS else "429")
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        raise _error_of(status, retry_after)

    async def _request(self, method: str, path: str, body: bytes, token: str) -> tuple[int, object, str]:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                return response.status, _json(await response.read()), response.headers.get("Retry-After", "")
        except aiohttp.ClientConnectorError as error:
            self._observe("not_sent")
            raise _NotSentError from error
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError) as error:
            self._observe("unknown")
            raise _UnknownOutcomeError from error


_REPEATABLE: Mapping[str, tuple[type[DeliveryError], ...]] = {
    "POST": (_PauseError, _NotSentError),
    "PUT": (_PauseError, _NotSentError, _UnknownOutcomeError),
}
"""What may be tried again: sending is not idempotent, replacing is."""


class PooledConnector:
    """What `CloudAdapterBase` calls a connector client."""

    def __init__(self, conversations: Conversations) -> None:
        self.conversations = conversations


class PooledConnectors(ConnectorFactory):
    """One connector per service URL over one shared session; a host that is not allowed never gets one."""

    def __init__(self, *, hosts: HostList, token: Any, session: aiohttp.ClientSession, observe: Observe) -> None:
        self._hosts = hosts
        self._token = token
        self._session = session
        self._observe = observe
        self._connectors: dict[str, PooledConnector] = {}

    async def create(self, service_url: str, audience: str) -> PooledConnector:
        """Give the connector of a service URL; raises `ForbiddenError` before any token is touched."""
        del audience
        if not self._hosts.allows(service_url):
            raise ForbiddenError("service_url_not_allowed")
        connector = self._connectors.get(service_url)
        if connector is None:
            connector = PooledConnector(
                Conversations(
                    service_url=service_url,
                    session=self._session,
                    token=self._token,
                    observe=self._observe,
                ),
            )
            self._connectors[service_url] = connector
        return connector


class OutboundConnector:
    """What the outbox sends with: posts and replaces without a turn, at a stored address that is checked first."""

    def __init__(self, connectors: PooledConnectors) -> None:
        self._connectors = connectors

    async def post(self, reference: Reference, activity: Mapping[str, Any]) -> str:
        """Send an activity and give its id; raises `DeliveryError`, and `ForbiddenError` before a token is touched."""
        connector = await self._connectors.create(reference.service_url, "")
        return await connector.conversations.once("POST", reference.conversation_id, "", activity)

    async def put(self, reference: Reference, activity_id: str, activity: Mapping[str, Any]) -> None:
        """Replace an activity sent before; raises as `post` does."""
        connector = await self._connectors.create(reference.service_url, "")
        await connector.conversations.once(
            "PUT", reference.conversation_id, activity_id, {**activity, "id": activity_id}
        )

    async def member(self, service_url: str, conversation_id: str, member_id: str) -> Mapping[str, Any]:
        """Ask who a member of a conversation is; raises `DeliveryError`, `ForbiddenError` for a host not allowed."""
        connector = await self._connectors.create(service_url, "")
        return await connector.conversations.member(conversation_id, member_id)


def pause_seconds(retry_after: str) -> float:
    """Read a Retry-After header (RFC 9110 10.2.3) as seconds; a date or nonsense counts as one second."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return 1.0
    return seconds if 0 <= seconds < float("inf") else 1.0


def _error_of(status: int, retry_after: str) -> DeliveryError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = pause_seconds(retry_after)
        return _PauseError(seconds) if seconds <= LONGEST_PAUSE else ThrottledError(seconds)
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return GoneError()
    if (
        status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.PRECONDITION_FAILED)
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return _UnknownOutcomeError()
    return RejectedError(status)


def _segment(value: str) -> str:
    if value in (".", ".."):
        raise RejectedError  # cannot be quoted: the HTTP client would walk up the path
    return quote(value, safe=":@;=,+!*'()$~-._")


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body) if body else None
    except ValueError:
        return None
