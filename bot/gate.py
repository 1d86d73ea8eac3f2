"""Who may speak at all: channel, service URL and tenant of a proven caller.

The body of an activity is not signed; the token proves the connector and its service URL. Everything here is read from
the body as it came, because the SDK's model loses the tenant (F3).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from data.errors import ForbiddenError, MalformedError, UnauthenticatedError


class Gate:
    """Refuses callers; admits by returning."""

    def __init__(self, *, tenant_id: str, channels: Iterable[str], allows_url: Callable[[str], bool]) -> None:
        self._tenant_id = tenant_id.lower()
        self._channels = frozenset(channels)
        self._allows_url = allows_url

    def __call__(self, wire: Mapping[str, Any], proven_service_url: str | None) -> None:
        """Check one activity; raises `UnauthenticatedError`, `ForbiddenError` or `MalformedError`.

        `proven_service_url` is the claim of the checked token, None in dev mode where there are no tokens.
        """
        self._check_channel(wire)
        self._check_service_url(wire, proven_service_url)
        self._check_tenant(wire)
        conversation = wire.get("conversation")
        if not isinstance(conversation, dict) or not conversation.get("id"):
            raise MalformedError("no_conversation")

    def _check_channel(self, wire: Mapping[str, Any]) -> None:
        channel = wire.get("channelId")
        if not isinstance(channel, str) or channel not in self._channels:
            raise UnauthenticatedError("wrong_channel")

    def _check_service_url(self, wire: Mapping[str, Any], proven: str | None) -> None:
        url = wire.get("serviceUrl")
        if not isinstance(url, str) or not url:
            raise UnauthenticatedError("no_service_url")
        if proven is not None and url != proven:
            raise UnauthenticatedError("service_url_mismatch")
        if not self._allows_url(url):
            raise UnauthenticatedError("service_url_not_allowed")

    def _check_tenant(self, wire: Mapping[str, Any]) -> None:
        tenants = tenants_of(wire)
        if not tenants:
            raise ForbiddenError("no_tenant")
        if tenants != {self._tenant_id}:
            raise ForbiddenError("foreign_tenant")


def tenants_of(wire: Mapping[str, Any]) -> frozenset[str]:
    """Collect every tenant the body names; raises `UnauthenticatedError` where one cannot be read.

    Teams puts it into `channelData.tenant.id` and, not always, into `conversation.tenantId`.
    """
    found = []
    if "channelData" in wire:
        found.append(_channel_tenant(wire["channelData"]))
    conversation = wire.get("conversation")
    if isinstance(conversation, dict) and conversation.get("tenantId") is not None:
        found.append(conversation["tenantId"])
    if not all(isinstance(tenant, str) for tenant in found):
        raise UnauthenticatedError("bad_tenant")
    return frozenset(tenant.lower() for tenant in found if tenant)


def _channel_tenant(channel_data: object) -> str:
    if not isinstance(channel_data, dict):
        raise UnauthenticatedError("bad_channel_data")
    tenant = channel_data.get("tenant")
    if tenant is None:
        return ""
    if not isinstance(tenant, dict) or not isinstance(tenant.get("id"), str):
        raise UnauthenticatedError("bad_tenant")
    return str(tenant["id"])
