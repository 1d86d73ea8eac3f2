"""The world around the bot, on loopback: Microsoft's key server, identity platform and connector, and Teams itself.

Everything is real but its owner: real RSA keys, real tokens, real HTTP, and the bot as `app.py` builds it.
"""

import asyncio
import base64
import datetime as dt
import ipaddress
import itertools
import json
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

import app as application  # noqa: TID251  the one place where the tests build the product
from bot.server import Address, Edge, listening
from bot.settings import Settings
from data.access import Actor

APP_ID = "1b2c3d4e-2222-4333-8444-5555abcdef55"
APP_SECRET = "planted-client-secret-7Q2x"
TENANT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
FOREIGN_TENANT = "99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee"
EMPLOYEE = "aaaaaaaa-0000-4000-8000-000000000001"
ADMIN = "aaaaaaaa-0000-4000-8000-0000000000a1"
DPO = "aaaaaaaa-0000-4000-8000-0000000000d1"
ISSUER = "https://api.botframework.com"
BOT_ID = f"28:{APP_ID}"
OUTGOING_TOKEN = "outgoing-token"
SILENCE = object()
"""As a claim or field: leave it out."""

Sign = Callable[[bytes], bytes]

_numbers = itertools.count(1)


# -- keys and tokens ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaKey:
    """A key pair with the name and the channels that the key server gives it."""

    kid: str
    endorsements: tuple[str, ...]
    private: rsa.RSAPrivateKey

    def jwk(self) -> dict[str, Any]:
        """Give the public half as an entry of a key set."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        entry = {"kty": "RSA", "use": "sig", "kid": self.kid, "n": public["n"], "e": public["e"]}
        return entry | ({"endorsements": list(self.endorsements)} if self.endorsements else {})

    def public_pem(self) -> bytes:
        """Give the public half as PEM, as an attacker would download it."""
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class RsaKeys:
    """All key pairs of the world; only `channel` and `unendorsed` are published at first."""

    channel: RsaKey
    unendorsed: RsaKey
    attacker: RsaKey
    rotated: RsaKey


def make_keys() -> RsaKeys:
    """Make the key pairs; the attacker gives his own the name of the channel's."""

    def make(kid: str, *endorsements: str) -> RsaKey:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return RsaKey(kid=kid, endorsements=endorsements, private=private)

    return RsaKeys(
        channel=make("channel-key", "msteams", "skype"),
        unendorsed=make("unendorsed-key"),
        attacker=make("channel-key", "msteams"),
        rotated=make("rotated-key", "msteams"),
    )


def mint(
    key: RsaKey,
    *,
    service_url: object = SILENCE,
    lifetime: float = 3600,
    header: Mapping[str, Any] | None = None,
    sign: Sign | None = None,
    **claims: Any,
) -> str:
    """Sign a connector token; any claim or header may be overridden, or left out with `SILENCE`."""
    now = int(time.time())  # noqa: TID251  tokens are read by the real clock
    body = {
        "iss": ISSUER,
        "aud": APP_ID,
        "nbf": now - 3600,
        "exp": now + int(lifetime),
        "serviceurl": service_url,
    } | claims
    head = {"alg": "RS256", "typ": "JWT", "kid": key.kid} | dict(header or {})
    signed = f"{_part(_spoken(head))}.{_part(_spoken(body))}"
    signature = (sign or rsa_signature(key))(signed.encode())
    return f"{signed}.{_encode(signature)}"


def rsa_signature(key: RsaKey, algorithm: Any = hashes.SHA256, *, pss: bool = False) -> Sign:
    """Sign as RS256 does, or with another hash, or as PS256 does."""
    kind = padding.PSS(padding.MGF1(algorithm()), algorithm.digest_size) if pss else padding.PKCS1v15()
    return lambda data: key.private.sign(data, kind, algorithm())


def _part(values: Mapping[str, Any]) -> str:
    return _encode(json.dumps(values).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _spoken(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not SILENCE}


# -- activities -----------------------------------------------------------------------------------------------------


def message(text: str = "Wie lange werden Logs gespeichert?", *, service_url: str, **fields: Any) -> dict[str, Any]:
    """Build a message as Teams sends it, in a conversation of its own; `SILENCE` leaves a field out."""
    number = next(_numbers)
    body = {
        "type": "message",
        "id": f"f:{number}",
        "timestamp": "2026-03-02T10:11:12.1234567Z",
        "localTimestamp": "2026-03-02T11:11:12.1234567+01:00",
        "channelId": "msteams",
        "serviceUrl": service_url,
        "from": {"id": f"29:person-{number}", "name": "Erika Mustermann", "aadObjectId": EMPLOYEE},
        "conversation": {"id": f"a:chat-{number}", "conversationType": "personal", "tenantId": TENANT},
        "recipient": {"id": BOT_ID, "name": "Privacy Bot"},
        "entities": [{"type": "clientInfo", "locale": "de-DE", "country": "DE", "platform": "Windows"}],
        "channelData": {"tenant": {"id": TENANT}},
        "locale": "de-DE",
        "text": text,
        "textFormat": "plain",
        "attachments": [],
    } | fields
    return _spoken(body)


def invoke(
    verb: str = "show_help",
    data: Mapping[str, Any] | None = None,
    *,
    service_url: str,
    **fields: Any,
) -> dict[str, Any]:
    """Build the press of a card's button (Universal Action) as Teams sends it."""
    value = {"action": {"type": "Action.Execute", "verb": verb, "data": dict(data or {})}, "trigger": "manual"}
    body = message(service_url=service_url, text=SILENCE, attachments=SILENCE, textFormat=SILENCE)
    return _spoken(
        body
        | {"type": "invoke", "name": "adaptiveCard/action", "value": value, "replyToId": f"card-{next(_numbers)}"}
        | fields,
    )


# -- servers --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(app: web.Application, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve an application on a free loopback port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
        for _ in range(3):
            await asyncio.sleep(0)  # transports close one round of the loop later


class KeyServer:
    """Serves an OpenID document and a key set; `fault` breaks both until `reset`."""

    FAULTS = ("500", "garbage", "empty", "hang", "reset", "html", "list", "no_jwks_uri", "redirect")

    def __init__(self, keys: RsaKeys) -> None:
        self._keys = keys
        self._base = ""
        self.reset()

    def reset(self) -> None:
        """Be well again and publish the first keys; the counters start anew."""
        self.published: list[RsaKey] = [self._keys.channel, self._keys.unendorsed]
        self.fault = ""
        self.documents = 0
        self.key_sets = 0
        self.strays: list[str] = []

    @property
    def fetches(self) -> int:
        """Count the requests of all kinds."""
        return self.documents + self.key_sets + len(self.strays)

    @property
    def url(self) -> str:
        """Give the address of the OpenID document."""
        return f"{self._base}/v1/.well-known/openidconfiguration"

    @property
    def base(self) -> str:
        """Give the address of the server."""
        return self._base

    @asynccontextmanager
    async def running(self) -> AsyncIterator["KeyServer"]:
        """Serve until the block ends."""
        app = web.Application()
        app.router.add_get("/v1/.well-known/openidconfiguration", self._document)
        app.router.add_get("/keys", self._key_set)
        app.router.add_route("*", "/{anything:.*}", self._stray)
        async with serving(app) as port:
            self._base = f"http://127.0.0.1:{port}"
            yield self

    async def _document(self, request: web.Request) -> web.StreamResponse:
        self.documents += 1
        document = {
            "issuer": ISSUER,
            "jwks_uri": f"{self._base}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        if self.fault == "no_jwks_uri":
            del document["jwks_uri"]
        return await self._broken(request) or web.json_response(document)

    async def _key_set(self, request: web.Request) -> web.StreamResponse:
        self.key_sets += 1
        keys = [] if self.fault == "empty" else [key.jwk() for key in self.published]
        return await self._broken(request) or web.json_response({"keys": keys})

    async def _stray(self, request: web.Request) -> web.StreamResponse:
        self.strays.append(request.path)
        return web.json_response({"keys": [self._keys.attacker.jwk()]})

    async def _broken(self, request: web.Request) -> web.StreamResponse | None:
        if self.fault == "500":
            return web.Response(status=500)
        if self.fault == "garbage":
            return web.Response(body=b'{"jwks_uri": \xff\xfe', content_type="application/json")
        if self.fault == "html":
            return web.Response(text="<html>Sign in to the Wi-Fi</html>", content_type="text/html")
        if self.fault == "list":
            return web.json_response([1, 2, 3])
        if self.fault == "redirect":
            return web.Response(status=302, headers={"Location": f"{self._base}/stray/keys"})
        if self.fault == "hang":
            await asyncio.sleep(3600)
        if self.fault == "reset" and request.transport:
            request.transport.abort()
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that somebody outside got from the bot."""

    method: str
    path: str
    body: Any
    authorization: str
    accepted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the connector does with one request; `accepted` tells whether people see the activity all the same."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    until: asyncio.Event | None = None
    reset: bool = False
    accepted: bool = False


TEAMS_LIMITS = ((7, 1.0), (8, 2.0), (60, 30.0), (1_800, 3_600.0))
"""Messages of one bot in one conversation, and within how many seconds (teams-and-botbuilder.md 2.1)."""
TEAMS_LIMIT = (50, 1.0)
"""Messages of one bot in one tenant."""


class TeamsLimits:
    """Counts messages as Teams does, by a clock of the test's own, and says no to one too many."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._threads: dict[str, list[float]] = {}
        self._all: list[float] = []
        self.refused = 0

    def refuses(self, thread: str) -> bool:
        """Count one message, and tell whether it is one too many; what is refused is not counted."""
        now, seen = self._seconds(), self._threads.setdefault(thread, [])
        full = any(len(seen) >= most and seen[-most] > now - window for most, window in TEAMS_LIMITS)
        most, window = TEAMS_LIMIT
        if full or (len(self._all) >= most and self._all[-most] > now - window):
            self.refused += 1
            return True
        seen.append(now)
        self._all.append(now)
        return False


class FakeConnector:
    """Takes activities as the Bot Connector does and remembers each; `faults` are used up one a request."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Forget all requests and be well again."""
        self.limits: TeamsLimits | None = None
        self.calls: list[Call] = []
        self.faults: deque[Fault] = deque()
        self.members: dict[str, str] = {}
        """What Teams says of a member (`userRole`), by id within Teams; nothing of others."""
        self.asked: list[str] = []
        """Members the bot asked about."""
        self.connections: set[object] = set()
        self._came = asyncio.Event()

    @property
    def accepted(self) -> list[Any]:
        """Give the activities that people see."""
        return [call.body for call in self.calls if call.accepted]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeConnector"]:
        """Serve until the block ends."""
        app = web.Application()
        app.router.add_get("/{base:.*}/v3/conversations/{conversation}/members/{member}", self._tell)
        app.router.add_route("*", "/{anything:.*}", self._take)
        async with serving(app) as port:
            self.url = f"http://127.0.0.1:{port}/teams/"
            yield self

    async def _tell(self, request: web.Request) -> web.Response:
        """Say who a member is."""
        member = request.match_info["member"]
        self.asked.append(member)
        role = self.members.get(member)
        return web.json_response({"id": member, **({"userRole": role} if role else {})})

    async def wait_for(self, count: int) -> None:
        """Wait until so many requests have come; raises `TimeoutError` after five seconds."""
        async with asyncio.timeout(5):
            while len(self.calls) < count:
                self._came.clear()
                await self._came.wait()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.connections.add(request.transport.get_extra_info("peername") if request.transport else None)
        body = await request.read()
        fault = self.faults.popleft() if self.faults else Fault(accepted=True)
        if self.limits and self.limits.refuses(request.path.partition("/conversations/")[2].partition("/")[0]):
            fault = Fault(status=429, headers={"Retry-After": "1"})
        self.calls.append(
            Call(
                method=request.method,
                path=request.raw_path,
                body=json.loads(body) if body else None,
                authorization=request.headers.get("Authorization", ""),
                accepted=fault.accepted,
            ),
        )
        self._came.set()
        await asyncio.sleep(fault.delay)
        if fault.until:
            await fault.until.wait()
        if fault.reset and request.transport:
            request.transport.abort()
        answer = json.dumps({"id": f"sent-{len(self.calls)}"}).encode() if fault.body is None else fault.body
        return web.Response(
            status=fault.status,
            headers=fault.headers,
            body=answer,
            content_type="application/json",
        )


class FakeAuthority:
    """The identity platform: gives a new bearer token for each request, over TLS; `status` other than 200 refuses."""

    def __init__(self) -> None:
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Forget all requests and be well again."""
        self.calls: list[Call] = []
        self.status = 200
        self.expires_in = 3600
        self.hold: asyncio.Event | None = None

    @property
    def token_calls(self) -> int:
        """Count the requests for a token."""
        return sum(call.path.endswith("/token") for call in self.calls)

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None) -> AsyncIterator["FakeAuthority"]:
        """Serve until the block ends; without TLS by plain http."""
        app = web.Application()
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._document)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        app.on_response_prepare.append(_close_afterwards)
        async with serving(app, tls=tls) as port:
            self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
            yield self

    async def _document(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        base = f"{self.url}/{request.match_info['tenant']}"
        return web.json_response(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            },
        )

    async def _token(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        if self.status != 200:
            return web.json_response({"error": "invalid_client", "error_description": "no"}, status=self.status)
        token = f"{OUTGOING_TOKEN}-{next(_numbers)}"
        return web.json_response({"token_type": "Bearer", "access_token": token, "expires_in": self.expires_in})

    async def _note(self, request: web.Request) -> None:
        form = dict(await request.post()) if request.method == "POST" else None
        authorization = request.headers.get("Authorization", "")
        self.calls.append(Call(method=request.method, path=request.path, body=form, authorization=authorization))
        if self.hold:
            await self.hold.wait()


async def _close_afterwards(_: web.Request, response: web.StreamResponse) -> None:
    # MSAL's client keeps its connections for ever; a TLS server that is taken down would wait for them.
    response.headers["Connection"] = "close"
    response.force_close()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateCa:
    """A certificate authority of the test's own: its certificate, and a server's certificate with key."""

    certificate: Path
    server: Path

    def server_context(self) -> ssl.SSLContext:
        """Give what a TLS server on loopback needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def make_ca(folder: Path) -> PrivateCa:
    """Make the authority and a certificate for 127.0.0.1 and localhost; valid for a day."""
    ca_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    server_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251  OpenSSL reads certificates by the real clock

    def certificate(name: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    ca = certificate(ca_name, ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))],
    )
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = certificate(server_name, server_key).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    private = server_key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    found = PrivateCa(certificate=folder / "ca.pem", server=folder / "server.pem")
    found.certificate.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    found.server.write_bytes(private + server.sign(ca_key, hashes.SHA256()).public_bytes(pem))
    return found


# -- the bot --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot answered to one HTTP request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


class LiveBot:
    """The real bot behind real ports, and a client that speaks to it as the connector does."""

    def __init__(self, *, parts: Any, port: int, ops_port: int, session: aiohttp.ClientSession) -> None:
        self.parts = parts
        self.port = port
        self.ops_port = ops_port
        self._session = session

    @property
    def url(self) -> str:
        """Give the address of the message port's one route."""
        return f"http://127.0.0.1:{self.port}/api/messages"

    async def post(
        self,
        body: object,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send an activity (bytes go as they are) with a token."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return await self.request("POST", self.url, data=data, headers=sent | dict(headers or {}))

    async def ops(self, path: str) -> Answer:
        """Ask the ops port."""
        return await self.request("GET", f"http://127.0.0.1:{self.ops_port}{path}")

    async def request(self, method: str, url: str, **options: Any) -> Answer:
        """Send any request."""
        async with self._session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(status=response.status, headers=dict(response.headers), body=await response.read())


@asynccontextmanager
async def running_bot(
    settings: Settings,
    *,
    fetch_keys: bool = True,
    edge: Callable[[Any], Edge] | None = None,
) -> AsyncIterator[LiveBot]:
    """Start the bot as `serve` does, on free ports.

    With `fetch_keys` it has its keys before the first turn. `edge` may put another face before the built parts.
    """
    anywhere = Address(host="127.0.0.1", port=0)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
        application.built(settings, dev=False) as parts,
        listening(
            edge(parts) if edge else parts.edge,
            parts.health,
            parts.metrics,
            public=anywhere,
            ops=anywhere,
        ) as where,
    ):
        if fetch_keys and parts.keys:
            assert await parts.keys.prefetch(), "the key server of the test gave no keys"
        yield LiveBot(parts=parts, port=where.port, ops_port=where.ops_port, session=session)
    # aiohttp keeps the last 1,024 pairs of handler and application for the life of the process, and a bot with each.
    aiohttp.web_app._cached_build_middleware.cache_clear()


def train_into(folder: Path) -> None:
    """Train the matcher into a folder where a bot with that state folder finds it; does nothing if none is needed."""
    application.read_knowledge(Settings(), cache=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything outside the bot, and what the bot's settings say about it."""

    keys: RsaKeys
    key_server: KeyServer
    connector: FakeConnector
    authority: FakeAuthority
    ca: PrivateCa

    def reset(self) -> None:
        """Make every server well and forgetful."""
        self.key_server.reset()
        self.connector.reset()
        self.authority.reset()

    @property
    def outbound(self) -> int:
        """Count what the bot sent to connector and identity platform."""
        return len(self.connector.calls) + len(self.authority.calls)

    @property
    def service_url(self) -> str:
        """Give the connector's address."""
        return self.connector.url

    def settings(self, folder: Path, **sections: Mapping[str, Any]) -> Settings:
        """Give the settings of a bot in this world; single fields of a section may be overridden."""
        values: dict[str, dict[str, Any]] = {
            "teams": {
                "app_id": APP_ID,
                "tenant_id": TENANT,
                "app_secret": APP_SECRET,
                "openid_metadata_url": self.key_server.url,
                "authority_url": self.authority.url,
                "service_url_hosts": ["127.0.0.1", "smba.trafficmanager.net"],
            },
            "roles": {"admins": [ADMIN], "dpos": [DPO]},
            "state": {"folder": str(folder)},
        }
        for section, fields in sections.items():
            values[section] = values.get(section, {}) | dict(fields)
        return Settings(**values)

    def token(self, key: RsaKey | None = None, **claims: Any) -> str:
        """Mint a token that the bot accepts, unless it is overridden."""
        return mint(key or self.keys.channel, **({"service_url": self.service_url} | claims))

    def message(self, text: str = "Wie lange werden Logs gespeichert?", **fields: Any) -> dict[str, Any]:
        """Build a message that the bot accepts, unless it is overridden."""
        return message(text, **({"service_url": self.service_url} | fields))

    def invoke(self, verb: str = "show_help", data: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Build a button's press that the bot accepts, unless it is overridden."""
        return invoke(verb, data, **({"service_url": self.service_url} | fields))


@asynccontextmanager
async def running_world(keys: RsaKeys, ca: PrivateCa) -> AsyncIterator[World]:
    """Start every server of the world."""
    key_server, connector, authority = KeyServer(keys), FakeConnector(), FakeAuthority()
    async with (
        key_server.running(),
        connector.running(),
        authority.running(ca.server_context()),
    ):
        yield World(keys=keys, key_server=key_server, connector=connector, authority=authority, ca=ca)


class FakeClock:
    """A clock that a test sets; both of its times move together."""

    def __init__(self, start: dt.datetime = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)) -> None:
        self._start = start
        self._passed = 0.0
        self._boot = "boot-1"

    def now(self) -> dt.datetime:
        """Tell the wall time."""
        return self._start + dt.timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Tell seconds since the start."""
        return self._passed

    def boot(self) -> str:
        """Give the id of the machine's boot."""
        return self._boot

    def since_boot(self) -> int:
        """Tell microseconds since the boot."""
        return round(self._passed * 1_000_000)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def jump(self, seconds: float) -> None:
        """Let the wall time jump, forward or back, while no time passes."""
        self._start += dt.timedelta(seconds=seconds)

    def reboot(self) -> None:
        """Start the machine anew."""
        self._boot += "'"


StartBot = Callable[..., Any]
"""What the fixture `start_bot` gives: `async with start_bot(fetch_keys=..., edge=..., **sections) as bot`."""


async def as_they_are(_wire: Mapping[str, Any], actor: Actor) -> Actor:
    """Look at nobody more closely: everybody has the roles that the directory knows."""
    return actor
