"""Microsoft's side, on loopback: signing keys, OpenID document, token endpoint, and a connector that takes all replies.

Written on bare asyncio protocols, so that it costs the measuring process next to nothing.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from data.clock import SystemClock

ISSUER = "https://api.botframework.com"
KID = "bench-key"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BEARER = re.compile(rb"\r\nauthorization: *bearer \S", re.IGNORECASE)


@dataclass(slots=True)
class Counts:
    """What arrived since the last `clear`."""

    replies: int = 0
    """Connector calls that carried the bot's own token."""
    posts: int = 0
    """Of these, messages that answer nothing."""
    refused: int = 0
    """Connector calls without one."""
    identity: int = 0
    """Calls to the identity platform: discovery and tokens."""
    keys: int = 0
    """Fetches of the OpenID document and of the signing keys."""
    paths: Counter[str] = field(default_factory=Counter)
    last: bytes = b""
    """The body of the last reply."""


class FakeMicrosoft:
    """One port for everything a bot talks to."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._server: asyncio.Server | None = None
        self.counts = Counts()
        self.url = ""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Peer(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()

    @property
    def openid_url(self) -> str:
        """The address of the OpenID document."""
        return f"{self.url}/openid"

    @property
    def service_url(self) -> str:
        """The address replies go to."""
        return f"{self.url}/amer/"

    def token(self, app_id: str) -> str:
        """Sign a connector token as Teams sends it: for one service URL, for an hour."""
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": app_id,
            "nbf": now - 60,
            "exp": now + 3600,
            "serviceurl": self.service_url,
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KID})

    def clear(self) -> Counts:
        """Begin to count anew; gives what was counted before."""
        counts, self.counts = self.counts, Counts()
        return counts

    def answer(self, head: bytes, body: bytes) -> bytes:
        """Answer one request."""
        path = head.split(b" ", 2)[1].decode("ascii", "replace").partition("?")[0]
        if "/v3/conversations/" in path:
            self.counts.last = body
            if not _BEARER.search(head):
                self.counts.refused += 1
                return _response(401, b"{}")
            self.counts.replies += 1
            self.counts.posts += head.startswith(b"POST") and path.endswith("/activities")
            return _TAKEN
        self.counts.paths[path] += 1
        if path in ("/openid", "/keys"):
            self.counts.keys += 1
            return _response(200, json.dumps(self._openid() if path == "/openid" else self._keys()).encode())
        self.counts.identity += 1
        if path.endswith("/.well-known/openid-configuration"):
            return _response(200, json.dumps(self._authority(path.split("/")[1])).encode())
        if path.endswith("/token"):
            token = {"token_type": "Bearer", "access_token": "bench.outgoing.token", "expires_in": 86_399}
            return _response(200, json.dumps(token).encode())
        return _response(404, b"{}")

    def _openid(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _keys(self) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": KID, "use": "sig", "endorsements": ["msteams"]}]}

    def _authority(self, tenant: str) -> dict[str, Any]:
        # MSAL speaks of https only and our credentials turn that into http for loopback.
        base = f"{self.url.replace('http:', 'https:')}/{tenant}"
        return {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }


class _Peer(asyncio.Protocol):
    """One connection of the bot under test."""

    def __init__(self, microsoft: FakeMicrosoft) -> None:
        self._microsoft = microsoft
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, mark, rest = self._buffer.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not mark or len(rest) < size:
                return
            self._buffer = rest[size:]
            self._transport.write(self._microsoft.answer(head, rest[:size]))


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_TAKEN = _response(200, b'{"id":"1700000000000"}')
