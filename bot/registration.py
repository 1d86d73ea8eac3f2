"""What a bot needs of its registration: keys to know others by, a credential of its own, authorities to trust."""

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from bot.adapter.clouds import cloud_of
from bot.adapter.credentials import (
    authority_with_tenant,
    managed_identity_source,
    read_certificate,
    read_secret,
    secret_source,
)
from bot.adapter.hosts import HostList
from bot.adapter.keys import SigningKeys
from bot.settings import LOOPBACK_HOSTS, Settings
from data.clock import Clock
from data.errors import SettingsError


def signing_keys(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> SigningKeys:
    """Build the source of the connector's signing keys, over the shared session."""

    async def fetch(url: str) -> Mapping[str, Any]:
        if not url.startswith("https://") and not HostList(LOOPBACK_HOSTS).allows(url):
            message = "key sets come by https"
            raise ValueError(message)
        async with session.get(url, allow_redirects=False) as response:
            response.raise_for_status()
            document: Mapping[str, Any] = await response.json(content_type=None)
            return document

    return SigningKeys(url=settings.teams.openid_metadata_url, fetch=fetch, clock=clock)


def token_source(settings: Settings) -> Callable[[], Mapping[str, Any]]:
    """Build what acquires the bot's own token: by managed identity, certificate or secret."""
    teams = settings.teams
    cloud = cloud_of(teams.openid_metadata_url)
    if teams.app_type == "UserAssignedMSI":
        return managed_identity_source(app_id=teams.app_id, resource=cloud.resource)

    def credential() -> object:
        if teams.certificate_file:
            return read_certificate(teams.certificate_file)
        return read_secret(teams.app_secret.get_secret_value(), teams.app_secret_file)

    return secret_source(
        app_id=teams.app_id,
        authority=authority_with_tenant(teams.authority_url, teams.tenant_id),
        scope=cloud.scope,
        read_credential=credential,
    )


def check_servable(settings: Settings, *, dev: bool) -> None:
    """Refuse settings a bot must not be started with; raises `SettingsError`."""
    if dev:
        hosts = {settings.server.host, settings.server.ops_host}
        if hosts - LOOPBACK_HOSTS:
            message = f"server.host: dev mode listens on loopback only, not on {settings.server.host}"
            raise SettingsError(message)
        return
    teams = settings.teams
    missing = [
        reason
        for value, reason in (
            (teams.app_id, "teams.app_id: is missing; without it anybody could claim to be anybody (try --dev)"),
            (teams.tenant_id, "teams.tenant_id: is missing; it says whose people may speak"),
            (
                teams.app_type == "UserAssignedMSI"
                or teams.certificate_file
                or teams.app_secret_file
                or teams.app_secret.get_secret_value(),
                "teams.certificate_file: is missing, and so is PROCALL_TEAMS__APP_SECRET",
            ),
        )
        if not value
    ]
    if missing:
        raise SettingsError("\n".join(missing))
    if teams.app_type == "SingleTenant":
        if teams.certificate_file:
            read_certificate(teams.certificate_file)
        else:
            read_secret(teams.app_secret.get_secret_value(), teams.app_secret_file)


def trusted_authorities() -> ssl.SSLContext:
    """The machine's certificate authorities, and the operator's own where the usual variables name one."""
    context = ssl.create_default_context()
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and Path(bundle).is_file():
        context.load_verify_locations(bundle)
    return context
