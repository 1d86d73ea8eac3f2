"""The authentication object with the gate inside: who is refused here never gets a connector (F2)."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from botbuilder.schema import Activity
from botframework.connector.auth import BotFrameworkAuthentication, ClaimsIdentity
from botframework.connector.auth.authenticate_request_result import AuthenticateRequestResult
from botframework.connector.auth.connector_factory import ConnectorFactory

from bot.adapter.activity import WireActivity
from bot.adapter.tokens import TokenVerifier
from data.errors import UnauthenticatedError

Gate = Callable[[Mapping[str, Any], str | None], None]
"""Told the activity as it came and the service URL of the proven token (None in dev mode); raises to refuse."""


class GuardedAuthentication(BotFrameworkAuthentication):
    """Proves the caller by his token, then asks the gate; dev mode has a gate but no tokens."""

    def __init__(
        self, *, app_id: str, verifier: TokenVerifier | None, gate: Gate, connectors: ConnectorFactory
    ) -> None:
        self._app_id = app_id
        self._verifier = verifier
        self._gate = gate
        self._connectors = connectors

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        """Check token and gate; raises a `CallerError` to refuse."""
        if not isinstance(activity, WireActivity):
            raise UnauthenticatedError("not_from_the_edge")
        claims: dict[str, Any] = {"aud": self._app_id, "appid": self._app_id}
        if self._verifier is None:
            self._gate(activity.wire, None)
        else:
            proven = await self._verifier.verify(auth_header)
            self._gate(activity.wire, proven.service_url)
            claims = dict(proven.claims)
        result = AuthenticateRequestResult()
        result.audience = self._app_id
        result.claims_identity = ClaimsIdentity(claims, self._verifier is not None)
        result.connector_factory = self._connectors
        return result

    async def authenticate_streaming_request(self, auth_header: str, channel_id_header: str) -> NoReturn:
        """Refuse: the streaming door of the SDK checks neither service URL nor claims."""
        del auth_header, channel_id_header
        raise UnauthenticatedError("streaming")

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:
        """Give the one pooled factory, for proactive messages too."""
        del claims_identity
        return self._connectors

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:
        """Give nothing: this product signs nobody in, and the SDK would build a client for each turn."""
        del claims_identity
