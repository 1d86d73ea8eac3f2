"""Inbound tokens: the claims of a proven connector token, or a refusal (F4 to F8, AUTH list).

Only the Bot Connector's own tokens count. Emulator tokens, skill tokens and the bot's own outgoing tokens have other
issuers and are refused, whoever signed them.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.exceptions import PyJWTError
from jwt.types import Options

from bot.adapter.keys import SigningKey, SigningKeys
from data.clock import Clock
from data.errors import UnauthenticatedError

LEEWAY_SECONDS = 300
LONGEST_SECONDS = 26 * 3600
"""A token that says it is valid for longer is not the connector's."""
MAX_TOKEN = 8 * 1024
MAX_KID = 256
CHANNEL = "msteams"

_ONLY_SIGNATURE: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenToken:
    """The claims of a token whose signature, issuer and audience were checked."""

    kid: str
    expires_at: int
    service_url: str
    claims: Mapping[str, Any]


class TokenVerifier:
    """Checks `Authorization` headers; remembers up to 1,024 proven tokens and re-checks expiry and key each time."""

    def __init__(self, *, app_id: str, issuer: str, keys: SigningKeys, clock: Clock, remember: int = 1024) -> None:
        self._app_id = app_id
        self._issuer = issuer
        self._keys = keys
        self._clock = clock
        self._remember = remember
        self._proven: OrderedDict[str, ProvenToken] = OrderedDict()

    async def verify(self, header: str) -> ProvenToken:
        """Check a header; raises `UnauthenticatedError` or `KeysUnavailableError`."""
        token = read_bearer(header)
        proven = self._proven.get(token)
        if proven is None:
            proven = await self._prove(token)
            self._proven[token] = proven
            if len(self._proven) > self._remember:
                self._proven.popitem(last=False)
        self._recheck(proven, token)
        return proven

    async def _prove(self, token: str) -> ProvenToken:
        kid = _read_kid(token)
        # Cheap checks first: a token that claims the wrong things never causes a key to be fetched.
        self._check_claims(_unverified_claims(token))
        key = await self._keys.find(kid)
        if key is None:
            raise UnauthenticatedError("unknown_key")
        claims = _verified_claims(token, key)
        self._check_claims(claims)
        return ProvenToken(
            kid=kid,
            expires_at=claims["exp"],
            service_url=_claimed_service_url(claims),
            claims=claims,
        )

    def _recheck(self, proven: ProvenToken, token: str) -> None:
        key = self._keys.peek(proven.kid)
        expired = proven.expires_at + LEEWAY_SECONDS <= self._clock.now().timestamp()
        if key is None or expired:
            self._proven.pop(token, None)
            raise UnauthenticatedError("expired" if expired else "revoked_key")
        if CHANNEL not in key.endorsements:
            raise UnauthenticatedError("not_endorsed")

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        expires_at = claims.get("exp")
        if claims.get("iss") != self._issuer:
            raise UnauthenticatedError("wrong_issuer")
        if claims.get("aud") != self._app_id:
            raise UnauthenticatedError("wrong_audience")
        if type(expires_at) is not int:
            raise UnauthenticatedError("no_expiry")
        if expires_at + LEEWAY_SECONDS <= now:
            raise UnauthenticatedError("expired")
        if expires_at - now > LONGEST_SECONDS:
            raise UnauthenticatedError("expires_too_late")
        for name in ("nbf", "iat"):
            instant = claims.get(name)
            if instant is not None and (type(instant) not in (int, float) or instant - LEEWAY_SECONDS > now):
                raise UnauthenticatedError("not_yet_valid")


def read_bearer(header: str) -> str:
    """Take the token out of an `Authorization` header (RFC 6750); raises `UnauthenticatedError`."""
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer" or not token or len(token) > MAX_TOKEN or not token.isascii() or " " in token:
        raise UnauthenticatedError("no_bearer_token" if not header else "bad_header")
    return token


def _read_kid(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError):
        raise UnauthenticatedError("not_a_token") from None
    kid = header.get("kid")
    if header.get("alg") != "RS256":
        raise UnauthenticatedError("wrong_algorithm")
    if "crit" in header or "b64" in header:
        raise UnauthenticatedError("critical_extension")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        raise UnauthenticatedError("no_key_id")
    return kid


def _unverified_claims(token: str) -> Mapping[str, Any]:
    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except (PyJWTError, ValueError, RecursionError):
        raise UnauthenticatedError("not_a_token") from None


def _verified_claims(token: str, key: SigningKey) -> Mapping[str, Any]:
    # Issuer, audience and times are checked by `_check_claims` against the injected clock; here only the signature.
    try:
        return dict(jwt.decode(token, key.key, algorithms=["RS256"], options=_ONLY_SIGNATURE))
    except (PyJWTError, ValueError, RecursionError):
        raise UnauthenticatedError("bad_signature") from None


def _claimed_service_url(claims: Mapping[str, Any]) -> str:
    value = claims.get("serviceurl", claims.get("serviceUrl"))
    if not isinstance(value, str) or not value:
        raise UnauthenticatedError("no_service_url")
    return value
