"""The connector's signing keys: fetched without blocking, refreshed at once on rotation, kept through an outage.

Cures of F7 and F8 (D3, D4): the stock SDK fetches with a blocking call and no time-out, and rejects rotated keys for
up to 24 hours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from data.clock import Clock
from data.errors import KeysUnavailableError

FetchJson = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Fetches a JSON object from an address; raises any `Exception` when it cannot."""

FRESH_SECONDS = 24 * 3600
KEEP_SECONDS = 5 * 24 * 3600
PAUSE_SECONDS = 5.0
"""Shortest time between two refreshes that strangers can cause."""
FETCH_SECONDS = 3.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One public key and the channels it may speak for."""

    kid: str
    key: Any
    endorsements: frozenset[str]


class SigningKeys:
    """The key set behind an OpenID document."""

    def __init__(self, *, url: str, fetch: FetchJson, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._refresh: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Tell whether there are keys that are young enough to be trusted."""
        return self._age() <= KEEP_SECONDS

    def peek(self, kid: str) -> SigningKey | None:
        """Find a trusted key without ever fetching."""
        return self._keys.get(kid) if self.usable else None

    async def find(self, kid: str) -> SigningKey | None:
        """Find a key; an unknown one causes at most one refresh in five seconds.

        Raises `KeysUnavailableError` when no key set can be had at all.
        """
        key = self.peek(kid)
        if key is not None:
            if self._age() > FRESH_SECONDS:
                self._start_refresh()
            return key
        await self._wait_for_refresh()
        if not self.usable:
            raise KeysUnavailableError("no_keys")
        return self._keys.get(kid)

    async def prefetch(self) -> bool:
        """Fetch the keys before anybody needs them; tells whether there are any now."""
        await self._wait_for_refresh(free=True)
        return self.usable

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock.monotonic() - self._fetched_at

    async def _wait_for_refresh(self, *, free: bool = False) -> None:
        refresh = self._start_refresh(free=free)
        if refresh is not None:
            # Shielded: a caller that gives up must not take the refresh of all the others with it.
            await asyncio.shield(refresh)

    def _start_refresh(self, *, free: bool = False) -> asyncio.Task[None] | None:
        """Join the refresh under way or start one; strangers can start one in five seconds."""
        if self._refresh is not None:
            return self._refresh
        now = self._clock.monotonic()
        if not free:
            if self._tried_at is not None and now - self._tried_at < PAUSE_SECONDS:
                return None
            self._tried_at = now
        self._refresh = asyncio.create_task(self._load())
        self._refresh.add_done_callback(self._forget_refresh)
        return self._refresh

    def _forget_refresh(self, _: asyncio.Task[None]) -> None:
        self._refresh = None

    async def _load(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                document = await self._fetch(self._url)
                keys = read_key_set(await self._fetch(_text(document, "jwks_uri")))
        except Exception as error:  # noqa: BLE001  whatever the network or the document does, the old keys stay
            _log.warning("signing keys not refreshed", action="keys_refresh_failed", error=type(error).__name__)
            return
        self._keys = keys
        self._fetched_at = self._clock.monotonic()
        _log.info("signing keys refreshed", action="keys_refreshed", count=len(keys))


def read_key_set(document: Mapping[str, Any]) -> Mapping[str, SigningKey]:
    """Read the RSA signature keys of a JWKS document (RFC 7517); raises `ValueError` when there is none."""
    entries = document.get("keys")
    found = {}
    for entry in entries if isinstance(entries, list) else ():
        key = _read_key(entry)
        if key:
            found[key.kid] = key
    if not found:
        message = "no usable key in the key set"
        raise ValueError(message)
    return found


def _read_key(entry: Any) -> SigningKey | None:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    kid, endorsements = entry.get("kid"), entry.get("endorsements", [])
    if not isinstance(kid, str) or not kid or not isinstance(endorsements, list):
        return None
    try:
        key = PyJWK.from_dict(entry, algorithm="RS256").key
    except (PyJWTError, ValueError, TypeError):
        return None
    return SigningKey(kid=kid, key=key, endorsements=frozenset(e for e in endorsements if isinstance(e, str)))


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        message = f"no {key} in the OpenID document"
        raise ValueError(message)  # noqa: TRY004  it is the document that is wrong, not a caller's type
    return value
