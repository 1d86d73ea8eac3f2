"""The bot's own token: how often it is fetched, how it is renewed, and what really goes to the identity platform."""

import asyncio
import datetime as dt
import threading
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from bot.adapter.credentials import (
    EARLY_SECONDS,
    LATE_SECONDS,
    AcquireToken,
    OutboundToken,
    authority_with_tenant,
    managed_identity_source,
    read_certificate,
    read_secret,
    secret_source,
)
from data.errors import AmbiguousError, SettingsError
from tests.world import APP_ID, TENANT, FakeAuthority, FakeClock, PrivateCa, RsaKey, RsaKeys, serving

SCOPE = "https://api.botframework.com/.default"
LIFETIME = 3600


class FakeIdentity:
    """The port `AcquireToken`: a new token for each call, `failure` or `answer` instead, after `gate` opens."""

    def __init__(self) -> None:
        self.calls = 0
        self.threads: set[int] = set()
        self.failure: Exception | None = None
        self.answer: Mapping[str, Any] | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> Mapping[str, Any]:
        """Acquire a token."""
        self.calls += 1
        number = self.calls
        self.threads.add(threading.get_ident())
        assert self.gate.wait(5)
        if self.failure:
            raise self.failure
        return self.answer if self.answer is not None else {"access_token": f"token-{number}", "expires_in": LIFETIME}


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that the test sets."""
    return FakeClock()


@pytest.fixture
def identity() -> FakeIdentity:
    """Give an identity platform that is well."""
    return FakeIdentity()


@pytest.fixture
def token(identity: FakeIdentity, clock: FakeClock) -> OutboundToken:
    """Give a token that was never fetched."""
    return OutboundToken(acquire=identity, clock=clock)


async def renewal_under_way(token: OutboundToken) -> None:
    """Wait for the renewal in the background, if there is one, however it ends."""
    if token._renewal is not None:
        await asyncio.wait([token._renewal])
        await asyncio.sleep(0)


# -- how often, and when -------------------------------------------------------------------------------------------


async def test_token_is_fetched_once(token: OutboundToken, identity: FakeIdentity) -> None:
    """The first answer costs one call to the identity platform, all later ones none (D2, F9)."""
    assert [await token.get() for _ in range(100)] == ["token-1"] * 100
    assert identity.calls == 1


async def test_fetching_leaves_the_event_loop_alone(token: OutboundToken, identity: FakeIdentity) -> None:
    """The blocking call is made on another thread while the loop runs on."""
    identity.gate.clear()
    caller = asyncio.create_task(token.get())
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not caller.done()
    identity.gate.set()
    assert await caller == "token-1"
    assert threading.get_ident() not in identity.threads


async def test_fifty_parallel_callers_cause_one_call(token: OutboundToken, identity: FakeIdentity) -> None:
    """Everybody who needs the first token waits for the same one."""
    identity.gate.clear()
    callers = [asyncio.create_task(token.get()) for _ in range(50)]
    await asyncio.sleep(0)
    identity.gate.set()
    assert await asyncio.gather(*callers) == ["token-1"] * 50
    assert identity.calls == 1


async def test_token_is_renewed_ahead_in_the_background(
    token: OutboundToken, identity: FakeIdentity, clock: FakeClock
) -> None:
    """Ten minutes before its end the old token is given at once and a new one is fetched beside it."""
    await token.get()
    clock.advance(LIFETIME - EARLY_SECONDS)
    assert await token.get() == "token-1"
    await renewal_under_way(token)
    assert identity.calls == 1
    clock.advance(1)
    identity.gate.clear()
    async with asyncio.timeout(1):
        assert [await token.get() for _ in range(5)] == ["token-1"] * 5
    identity.gate.set()
    await renewal_under_way(token)
    assert identity.calls == 2
    assert await token.get() == "token-2"


@pytest.mark.parametrize(("left", "given"), [(LATE_SECONDS, "token-1"), (LATE_SECONDS - 1, "token-2"), (0, "token-2")])
async def test_token_about_to_end_is_not_used(token: OutboundToken, clock: FakeClock, left: float, given: str) -> None:
    """With less than half a minute left the caller waits for the new token."""
    await token.get()
    clock.advance(LIFETIME - left)
    assert await token.get() == given
    await renewal_under_way(token)


async def test_failed_fetch_is_told_and_tried_again(token: OutboundToken, identity: FakeIdentity) -> None:
    """Without a token the caller gets an `AmbiguousError`, and the next caller's attempt is a new one."""
    identity.failure = ConnectionError("no route")
    for _ in range(2):
        with pytest.raises(AmbiguousError):
            await token.get()
    assert identity.calls == 2
    identity.failure = None
    assert await token.get() == "token-3"


async def test_failed_renewal_in_the_background_keeps_the_old_token(
    token: OutboundToken, identity: FakeIdentity, clock: FakeClock
) -> None:
    """An identity platform that is down for some minutes is noticed by nobody."""
    await token.get()
    identity.failure = ConnectionError()
    clock.advance(LIFETIME - EARLY_SECONDS + 1)
    for _ in range(3):
        assert await token.get() == "token-1"
        await renewal_under_way(token)
    identity.failure = None
    await token.get()
    await renewal_under_way(token)
    assert await token.get() == "token-5"


async def test_caller_that_gives_up_does_not_stop_the_fetch(token: OutboundToken, identity: FakeIdentity) -> None:
    """The first caller's end does not take the token from the others."""
    identity.gate.clear()
    first, second = asyncio.create_task(token.get()), asyncio.create_task(token.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    identity.gate.set()
    assert await second == "token-1"
    assert identity.calls == 1


async def test_refused_token_is_forgotten(token: OutboundToken, identity: FakeIdentity) -> None:
    """A token that the connector refused is not given again; one that was renewed meanwhile stays."""
    assert await token.get() == "token-1"
    token.forget("token-1")
    assert await token.get() == "token-2"
    token.forget("token-1")
    assert await token.get() == "token-2"
    assert identity.calls == 2


REFUSALS: Mapping[str, Mapping[str, Any]] = {
    "error": {"error": "invalid_client", "error_description": "AADSTS7000215 app 1b2c"},
    "nothing": {},
    "empty": {"access_token": "", "expires_in": 3600},
    "number": {"access_token": 7, "expires_in": 3600},
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
async def test_answer_without_a_token_is_a_failure(
    answer: Mapping[str, Any], token: OutboundToken, identity: FakeIdentity
) -> None:
    """What MSAL gives instead of a token is an `AmbiguousError` that repeats none of it."""
    identity.answer = answer
    with pytest.raises(AmbiguousError) as caught:
        await token.get()
    assert "AADSTS" not in str(caught.value)
    identity.answer = None
    assert await token.get() == "token-2"


@pytest.mark.parametrize(
    ("lifetime", "lives"),
    [(3600, 3600), ("3600", 3600), (3599.5, 3599), (None, 300), ("soon", 300), ([], 300), ("nan", 300)],
    ids=str,
)
async def test_lifetime_is_read_in_every_spelling(
    lifetime: object, lives: float, token: OutboundToken, identity: FakeIdentity, clock: FakeClock
) -> None:
    """A lifetime may be a number or its text; what cannot be read counts as five minutes."""
    identity.answer = {"access_token": "given", "expires_in": lifetime}
    assert await token.get() == "given"
    clock.advance(lives - LATE_SECONDS - 1)
    before = identity.calls
    assert await token.get() == "given"
    await renewal_under_way(token)
    assert identity.calls <= before + 1
    identity.failure = ConnectionError()
    clock.advance(lives)
    with pytest.raises(AmbiguousError):
        await token.get()


# -- secret and certificate files ----------------------------------------------------------------------------------


def test_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """The file wins over the variable, without the line end that editors leave; no file gives the variable."""
    path = tmp_path / "secret"
    path.write_text("from-file\n", encoding="utf-8")
    assert read_secret("from-variable", str(path)) == "from-file"
    assert read_secret("from-variable", "") == "from-variable"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"], ids=["missing", "not_text"])
def test_secret_file_that_cannot_be_read_is_refused(content: bytes | None, tmp_path: Path) -> None:
    """A secret file that is missing or no text is an error of the settings that names the field."""
    path = tmp_path / "secret"
    if content:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"teams\.app_secret_file"):
        read_secret("from-variable", str(path))


@pytest.fixture
def key_pem(rsa_keys: RsaKeys) -> str:
    """Give a private key as PEM."""
    return private_pem(rsa_keys.rotated, serialization.NoEncryption())


@pytest.fixture
def certificate_pem(rsa_keys: RsaKeys) -> str:
    """Give a self-signed certificate of that key as PEM."""
    return self_signed(rsa_keys.rotated).public_bytes(serialization.Encoding.PEM).decode()


def private_pem(key: RsaKey, encryption: serialization.KeySerializationEncryption) -> str:
    """Write a private key."""
    return key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def self_signed(key: RsaKey) -> x509.Certificate:
    """Make a certificate as an operator would with openssl."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bot")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2036, 1, 1, tzinfo=dt.UTC))
        .sign(key.private, hashes.SHA256())
    )


BAD_CERTIFICATES: Mapping[str, Callable[[str, str], str | bytes]] = {
    "only_key": lambda key, _: key,
    "only_certificate": lambda _, certificate: certificate,
    "empty": lambda *_: "",
    "not_text": lambda *_: b"\xff\xfe\x00",
    "garbled_key": lambda key, certificate: key.replace("MII", "!!!") + certificate,
    "garbled_certificate": lambda key, certificate: key + certificate.replace("MII", "!!!"),
}


@pytest.mark.parametrize("make", BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_bad_certificate_file_is_refused(
    make: Callable[[str, str], str | bytes], key_pem: str, certificate_pem: str, tmp_path: Path
) -> None:
    """A file without a readable key and certificate is an error of the settings; with both it is accepted."""
    path = tmp_path / "bot.pem"
    content = make(key_pem, certificate_pem)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=r"teams\.certificate_file") as caught:
        read_certificate(str(path))
    assert "BEGIN" not in str(caught.value)
    path.write_text(key_pem + certificate_pem, encoding="utf-8")
    assert set(read_certificate(str(path))) == {"private_key", "public_certificate"}


def test_encrypted_key_is_refused(rsa_keys: RsaKeys, certificate_pem: str, tmp_path: Path) -> None:
    """A key with a pass phrase, which nobody could type, is refused at the start and not in the first turn."""
    path = tmp_path / "bot.pem"
    key = private_pem(rsa_keys.rotated, serialization.BestAvailableEncryption(b"phrase"))
    path.write_text(key + certificate_pem, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"teams\.certificate_file"):
        read_certificate(str(path))


@pytest.mark.parametrize("path", ["missing.pem", "."], ids=["missing", "folder"])
def test_certificate_file_that_cannot_be_opened_is_refused(path: str, tmp_path: Path) -> None:
    """A missing file or a folder is an error of the settings that names the field."""
    with pytest.raises(SettingsError, match=r"teams\.certificate_file"):
        read_certificate(str(tmp_path / path))


def test_tenant_is_added_to_a_bare_authority() -> None:
    """An authority without a path gets the tenant; one with a path is left as it is."""
    assert authority_with_tenant("https://login.example", TENANT) == f"https://login.example/{TENANT}"
    assert authority_with_tenant("https://login.example/", TENANT) == f"https://login.example/{TENANT}"
    assert authority_with_tenant("https://login.example/other", TENANT) == "https://login.example/other"


# -- the real MSAL against a real server ---------------------------------------------------------------------------


@pytest.fixture
async def authority(private_ca: PrivateCa) -> AsyncIterator[FakeAuthority]:
    """Serve an identity platform over TLS with the operator's own authority."""
    async with FakeAuthority().running(private_ca.server_context()) as found:
        yield found


def source_of(authority: FakeAuthority, credential: Callable[[], Any]) -> AcquireToken:
    """Build the real source for this identity platform."""
    return secret_source(
        app_id=APP_ID,
        authority=authority_with_tenant(authority.url, TENANT),
        scope=SCOPE,
        read_credential=credential,
    )


def forms(authority: FakeAuthority) -> list[Mapping[str, str]]:
    """Give what was posted to the token endpoint."""
    return [call.body for call in authority.calls if call.path.endswith("/token")]


async def test_secret_buys_a_token_over_tls(authority: FakeAuthority, clock: FakeClock) -> None:
    """The real MSAL sends the client credentials grant for the bot's scope, through the private authority's TLS."""
    token = OutboundToken(acquire=source_of(authority, lambda: "planted-secret"), clock=clock)
    assert (await token.get()).startswith("outgoing-token")
    [form] = forms(authority)
    assert form["grant_type"] == "client_credentials"
    assert form["client_id"] == APP_ID
    assert form["client_secret"] == "planted-secret"
    assert SCOPE in form["scope"].split()
    assert all(call.path.startswith(f"/{TENANT}/") for call in authority.calls)
    before = len(authority.calls)
    await token.get()
    assert len(authority.calls) == before


@pytest.mark.usefixtures("private_ca")
async def test_secret_is_not_sent_to_an_untrusted_server(
    authority: FakeAuthority, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with a certificate nobody vouches for never sees the secret; the same one, trusted, does."""
    trusted = OutboundToken(acquire=source_of(authority, lambda: "planted-secret"), clock=clock)
    await trusted.get()
    seen = len(authority.calls)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    distrusted = OutboundToken(acquire=source_of(authority, lambda: "planted-secret"), clock=clock)
    with pytest.raises(AmbiguousError):
        await distrusted.get()
    assert len(authority.calls) == seen


async def test_changed_secret_file_is_used_without_restart(
    authority: FakeAuthority, clock: FakeClock, tmp_path: Path
) -> None:
    """The secret file is read again for each renewal, so rotation needs no restart (SC-14)."""
    path = tmp_path / "secret"
    path.write_text("first\n", encoding="utf-8")
    token = OutboundToken(acquire=source_of(authority, lambda: read_secret("", str(path))), clock=clock)
    await token.get()
    path.write_text("second\n", encoding="utf-8")
    clock.advance(LIFETIME)
    await token.get()
    assert [form["client_secret"] for form in forms(authority)] == ["first", "second"]


@pytest.mark.parametrize("order", ["key_first", "certificate_first"])
async def test_certificate_signs_an_assertion(
    order: str,
    authority: FakeAuthority,
    clock: FakeClock,
    key_pem: str,
    certificate_pem: str,
    tmp_path: Path,
    rsa_keys: RsaKeys,
) -> None:
    """With a certificate no secret is sent, but an assertion signed by its key (RFC 7523), in either order of PEM."""
    path = tmp_path / "bot.pem"
    text = key_pem + certificate_pem if order == "key_first" else certificate_pem + key_pem
    path.write_text(text, encoding="utf-8")
    token = OutboundToken(acquire=source_of(authority, lambda: read_certificate(str(path))), clock=clock)
    assert (await token.get()).startswith("outgoing-token")
    [form] = forms(authority)
    assert "client_secret" not in form
    assert "PRIVATE" not in str(form)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    head = jwt.get_unverified_header(form["client_assertion"])
    claims = jwt.decode(
        form["client_assertion"],
        rsa_keys.rotated.private.public_key(),
        algorithms=[head["alg"]],
        audience=f"{authority.url}/{TENANT}/oauth2/v2.0/token",
    )
    assert claims["iss"] == claims["sub"] == APP_ID
    [certificate] = x509.load_pem_x509_certificates(certificate_pem.encode())
    assert urlsafe_b64decode(head["x5t#S256"] + "==") == certificate.fingerprint(hashes.SHA256())


async def test_refusal_of_the_identity_platform_is_told(authority: FakeAuthority, clock: FakeClock) -> None:
    """A wrong secret is an `AmbiguousError`; when it is right again, the next call has a token."""
    token = OutboundToken(acquire=source_of(authority, lambda: "wrong"), clock=clock)
    authority.status = 401
    with pytest.raises(AmbiguousError):
        await token.get()
    assert authority.token_calls == 1
    authority.status = 200
    assert (await token.get()).startswith("outgoing-token")


async def test_plain_http_authority_on_loopback_works(clock: FakeClock) -> None:
    """An identity platform of a test bench on loopback may speak plain http, although MSAL knows https only."""
    async with FakeAuthority().running(None) as authority:
        token = OutboundToken(acquire=source_of(authority, lambda: "planted-secret"), clock=clock)
        assert (await token.get()).startswith("outgoing-token")
        assert forms(authority)[0]["client_secret"] == "planted-secret"


class IdentityEndpoint:
    """The managed identity of an App Service machine."""

    def __init__(self) -> None:
        self.asked: list[tuple[Mapping[str, str], str]] = []
        self.status = 200

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve until the block ends; gives the address."""
        app = web.Application()
        app.router.add_get("/msi/token", self._token)
        async with serving(app) as port:
            yield f"http://127.0.0.1:{port}/msi/token"

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append((dict(request.query), request.headers.get("X-IDENTITY-HEADER", "")))
        if self.status != 200:
            return web.json_response({"statusCode": self.status, "message": "no identity"}, status=self.status)
        expires_on = int(dt.datetime.now(dt.UTC).timestamp()) + 86400  # noqa: TID251  MSAL reads the real clock
        body = {"access_token": f"msi-token-{len(self.asked)}", "expires_on": str(expires_on), "token_type": "Bearer"}
        return web.json_response(
            {**body, "resource": request.query["resource"], "client_id": APP_ID},
            headers={"Connection": "close"},
        )


@pytest.fixture
async def machine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[IdentityEndpoint]:
    """Make this machine one with a managed identity."""
    endpoint = IdentityEndpoint()
    async with endpoint.running() as address:
        monkeypatch.setenv("IDENTITY_ENDPOINT", address)
        monkeypatch.setenv("IDENTITY_HEADER", "planted-header")
        yield endpoint


@pytest.fixture
def managed(clock: FakeClock) -> OutboundToken:
    """Give the token of a user-assigned managed identity."""
    acquire = managed_identity_source(app_id=APP_ID, resource="https://api.botframework.com")
    return OutboundToken(acquire=acquire, clock=clock)


async def test_managed_identity_gives_the_token(machine: IdentityEndpoint, managed: OutboundToken) -> None:
    """A user-assigned identity's token comes from the machine, for the bot's id and resource, once."""
    assert [await managed.get() for _ in range(3)] == ["msi-token-1"] * 3
    [(query, header)] = machine.asked
    assert query["resource"] == "https://api.botframework.com"
    assert query["client_id"] == APP_ID
    assert header == "planted-header"


async def test_refused_managed_token_is_fetched_anew(machine: IdentityEndpoint, managed: OutboundToken) -> None:
    """A managed token that the connector refused is not handed out again from MSAL's own memory."""
    assert await managed.get() == "msi-token-1"
    managed.forget("msi-token-1")
    assert await managed.get() == "msi-token-2"
    assert len(machine.asked) == 2


async def test_machine_without_the_identity_is_told(machine: IdentityEndpoint, managed: OutboundToken) -> None:
    """A machine that knows no such identity is an `AmbiguousError`, and works once the identity is assigned."""
    machine.status = 400
    with pytest.raises(AmbiguousError):
        await managed.get()
    machine.status = 200
    assert (await managed.get()).startswith("msi-token")
