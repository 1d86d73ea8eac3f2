"""The bot's own token: one identity call in about an hour, never on the event loop (cures D2, F9)."""

import asyncio
import os
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from msal import ConfidentialClientApplication, ManagedIdentityClient, UserAssignedManagedIdentity

from data.clock import Clock
from data.errors import AmbiguousError, SettingsError
from data.retention.instants import Instant, instant_of

AcquireToken = Callable[[], Mapping[str, Any]]
"""Blocks until the identity platform has answered; the answer is MSAL's."""

FETCH_SECONDS = 10.0
EARLY_SECONDS = 600.0
"""Seconds before expiry at which a new token is fetched in the background."""
LATE_SECONDS = 30.0
"""A token with less than this left is not used any more."""

_log = structlog.get_logger(__name__)


class OutboundToken:
    """Hands out the bot's bearer token, renews it ahead of its expiry, one renewal at a time."""

    def __init__(self, *, acquire: AcquireToken, clock: Clock) -> None:
        self._acquire = acquire
        self._clock = clock
        self._token = ""
        self._expires_at = float("-inf")
        self._renewal: asyncio.Task[None] | None = None

    async def get(self) -> str:
        """Give the current token; raises `AmbiguousError` when the identity platform gives none."""
        left = self._expires_at - self._clock.monotonic()
        if left < EARLY_SECONDS:
            renewal = self._start_renewal()
            if left < LATE_SECONDS:
                await asyncio.shield(renewal)
        return self._token

    def forget(self, token: str) -> None:
        """Drop a token that the connector refused, unless it was renewed meanwhile."""
        if token == self._token:
            self._expires_at = float("-inf")

    def _start_renewal(self) -> asyncio.Task[None]:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._forget_renewal)
        return self._renewal

    def _forget_renewal(self, renewal: asyncio.Task[None]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # read, so that a failed renewal in the background is not reported as forgotten

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                answer = await asyncio.to_thread(self._acquire)
        except Exception as error:  # noqa: BLE001  MSAL and requests raise what they like
            _log.warning("token not renewed", action="token_failed", error=type(error).__name__)
            message = "The identity platform gave no token."
            raise AmbiguousError(message) from None
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            # MSAL's error description holds ids and claims; only its code goes into the log.
            _log.warning("token refused", action="token_refused", error=str(answer.get("error", "unknown"))[:64])
            message = "The identity platform refused the bot's credentials."
            raise AmbiguousError(message)
        self._token = token
        self._expires_at = self._clock.monotonic() + _seconds(lifetime)


def _seconds(lifetime: object) -> float:
    try:
        seconds = float(str(lifetime))
    except ValueError:
        return 300.0
    return seconds if isfinite(seconds) else 300.0


class _LoopbackHttp:
    """MSAL's HTTP client: with time-outs, with the operator's own CA, and plain http for loopback hosts only."""

    def __init__(self, *, plain_host: str) -> None:
        self._session = requests.Session()
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        self._plain = f"https://{plain_host}/" if plain_host else ""

    def get(self, url: str, **options: Any) -> requests.Response:
        response = self._session.get(self._address(url), timeout=FETCH_SECONDS, **options)
        if self._plain and response.content:
            # MSAL refuses a token endpoint with http; `post` turns the address back.
            announced, wanted = self._address(self._plain).encode(), self._plain.encode()
            response._content = response.content.replace(announced, wanted)  # noqa: SLF001  it has no public setter
        return response

    def post(self, url: str, **options: Any) -> requests.Response:
        return self._session.post(self._address(url), timeout=FETCH_SECONDS, **options)

    def close(self) -> None:
        self._session.close()

    def _address(self, url: str) -> str:
        # MSAL speaks of https only; the settings allow http for a loopback authority.
        if self._plain and url.startswith(self._plain):
            return "http" + url.removeprefix("https")
        return url


def authority_with_tenant(authority_url: str, tenant_id: str) -> str:
    """Add the tenant to an authority that has no path of its own."""
    return authority_url if urlsplit(authority_url).path.strip("/") else f"{authority_url.rstrip('/')}/{tenant_id}"


def secret_source(*, app_id: str, authority: str, scope: str, read_credential: Callable[[], Any]) -> AcquireToken:
    """Acquire by client secret or certificate, read anew for each renewal: rotation needs no restart."""
    parts = urlsplit(authority)
    http = _LoopbackHttp(plain_host=parts.netloc if parts.scheme == "http" else "")

    def acquire() -> Mapping[str, Any]:
        application = ConfidentialClientApplication(
            app_id,
            client_credential=read_credential(),
            authority=f"https://{parts.netloc}{parts.path}",
            instance_discovery=False,
            http_client=http,
        )
        return _answer(application.acquire_token_for_client(scopes=[scope]))

    return acquire


def managed_identity_source(*, app_id: str, resource: str) -> AcquireToken:
    """Acquire from the machine's own identity endpoint; there is no secret at all."""
    http = _LoopbackHttp(plain_host="")

    def acquire() -> Mapping[str, Any]:
        # A new client each time: the old one would give a token that the connector refused again, from its memory.
        client = ManagedIdentityClient(UserAssignedManagedIdentity(client_id=app_id), http_client=http)
        return _answer(client.acquire_token_for_client(resource=resource))

    return acquire


def read_secret(secret: str, secret_file: str) -> str:
    """Read the client secret from its file, or take the one from the environment; raises `SettingsError`."""
    if not secret_file:
        return secret
    try:
        return Path(secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        message = f"teams.app_secret_file: {secret_file}: cannot be read"
        raise SettingsError(message) from None


def read_certificate(path: str) -> Mapping[str, str]:
    """Read a PEM file with key and certificate in the form MSAL wants; raises `SettingsError`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        message = f"teams.certificate_file: {path}: cannot be read"
        raise SettingsError(message) from None
    begin = text.find("-----BEGIN CERTIFICATE-----")
    if begin < 0 or "PRIVATE KEY-----" not in text:
        message = f"teams.certificate_file: {path}: must hold a private key and a certificate in PEM form"
        raise SettingsError(message)
    try:
        load_pem_private_key(text.encode(), password=None)
        load_pem_x509_certificate(text[begin:].encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = f"teams.certificate_file: {path}: key or certificate is damaged, or the key has a pass phrase"
        raise SettingsError(message) from None
    return {"private_key": text, "public_certificate": text[begin:]}


def credential_ends(path: str) -> Instant | None:
    """Tell when the certificate in a PEM file runs out; None where there is none, or it cannot be read now."""
    try:
        text = Path(path).read_text(encoding="utf-8") if path else ""
        begin = text.find("-----BEGIN CERTIFICATE-----")
        found = load_pem_x509_certificate(text[begin:].encode()) if begin >= 0 else None
    except (OSError, ValueError):
        return None
    return None if found is None else instant_of(found.not_valid_after_utc)


def _answer(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
