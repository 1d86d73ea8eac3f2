"""Who may speak to the bot: AUTH 01 to 36 of the security list, each refusal beside the request that is accepted.

The bot is the real one; keys, tokens and servers are those of `tests/world.py`.
"""

import asyncio
import hashlib
import hmac
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from botframework.connector.auth import EmulatorValidation
from cryptography.hazmat.primitives import hashes

from bot import doctor
from bot.adapter.authentication import GuardedAuthentication
from bot.adapter.cloud_adapter import HardenedAdapter
from bot.adapter.hosts import HostList
from bot.adapter.keys import FRESH_SECONDS, KEEP_SECONDS, PAUSE_SECONDS, SigningKeys
from bot.adapter.tokens import (
    LEEWAY_SECONDS,
    LONGEST_SECONDS,
    ProvenToken,
    TokenVerifier,
    _claimed_service_url,
    _unverified_claims,
    read_bearer,
)
from bot.gate import Gate
from bot.handler import Handler
from bot.identity import Directory
from bot.logs import PersonHash
from bot.seen import Seen
from bot.server import Edge
from data.clock import SystemClock
from data.errors import KeysUnavailableError, UnauthenticatedError
from tests.world import (
    ADMIN,
    APP_ID,
    APP_SECRET,
    FOREIGN_TENANT,
    ISSUER,
    OUTGOING_TOKEN,
    SILENCE,
    TENANT,
    Answer,
    FakeClock,
    Fault,
    KeyServer,
    LiveBot,
    RsaKey,
    StartBot,
    World,
    as_they_are,
    rsa_signature,
    running_bot,
)

ROOT = Path(__file__).parents[2]
TEN_YEARS = 10 * 365 * 24 * 3600
SKILL_APP = "5111aaaa-2222-4333-8444-555555555555"
SDK_ISSUERS = tuple(EmulatorValidation.TO_BOT_FROM_EMULATOR_TOKEN_VALIDATION_PARAMETERS.issuer)
"""Every issuer besides the connector's that the stock SDK would believe."""

MintToken = Callable[[World], str]
Body = Mapping[str, Any]


def now() -> int:
    """Tell the time that the running bot reads its tokens by."""
    return int(SystemClock().now().timestamp())


def check_refused(answer: Answer, world: World, status: int = 401) -> None:
    """Check a refusal: this status, a short plain answer, and nothing sent to anybody."""
    assert answer.status == status, answer
    assert set(answer.json()) == {"error"}
    assert len(answer.body) < 100
    assert world.outbound == 0


async def check_accepted(bot: LiveBot, world: World, body: Body | None = None, token: str = "") -> None:
    """Check the positive control: the same request as it should be is answered with one card."""
    answer = await bot.post(body or world.message(), token=token or world.token())
    assert answer.status == 201, answer
    assert len(world.connector.accepted) == 1


async def check_heard(bot: LiveBot, world: World, **fields: Any) -> None:
    """Check a positive control that must not be answered: a reaction passes the gate and nothing is sent."""
    answer = await bot.post(world.message(type="messageReaction", **fields), token=claiming(world, fields))
    assert answer.status == 201, answer
    assert world.outbound == 0


def claiming(world: World, fields: Body) -> str:
    """Mint a token whose service URL is the one of the body."""
    return world.token(service_url=fields.get("serviceUrl", world.service_url))


# -- AUTH 01 to 04 and 31: what must not start ------------------------------------------------------------------------

SERVABLE = {
    "PROCALL_TEAMS__APP_ID": APP_ID,
    "PROCALL_TEAMS__TENANT_ID": TENANT,
    "PROCALL_TEAMS__APP_SECRET": APP_SECRET,
    "PROCALL_SERVER__PORT": "0",
    "PROCALL_SERVER__OPS_PORT": "0",
}
STARTS: dict[str, tuple[dict[str, str], str, list[str], str]] = {
    # id: environment, settings.toml, arguments, sentence
    "01 no settings at all": ({"PROCALL_TEAMS__APP_ID": ""}, "", [], "teams.app_id: is missing"),
    "01 empty app id in the file": ({}, '[teams]\napp_id = ""', [], "teams.app_id: is missing"),
    "02 blank app id": ({"PROCALL_TEAMS__APP_ID": " "}, "", [], "teams.app_id: must be an object id"),
    "02 app id is no id": ({"PROCALL_TEAMS__APP_ID": "my-bot"}, "", [], "teams.app_id: must be an object id"),
    "02 no tenant": ({"PROCALL_TEAMS__TENANT_ID": ""}, "", [], "teams.tenant_id: is missing"),
    "02 no credential": ({"PROCALL_TEAMS__APP_SECRET": ""}, "", [], "teams.certificate_file: is missing"),
    "03 misspelt key": ({}, '[teams]\naap_id = "x"', [], "teams.aap_id: unknown key"),
    "03 misspelt section": ({}, '[team]\napp_id = "x"', [], "team: unknown key"),
    "04 dev on every address": ({"PROCALL_SERVER__HOST": "0.0.0.0"}, "", ["--dev"], "loopback only"),  # noqa: S104
    "04 dev with open ops port": ({"PROCALL_SERVER__OPS_HOST": "::"}, "", ["--dev"], "loopback only"),
    "31 validation switched off": ({}, "[teams]\nvalidate_authority = false", [], "teams.validate_authority: unknown"),
    "31 own login address": ({}, '[teams]\nto_channel_from_bot_login_url = "https://x.example"', [], "unknown key"),
    "31 channel service": ({"PROCALL_TEAMS__CHANNEL_SERVICE": "x"}, "", [], "teams.channel_service: unknown key"),
    "31 keys without TLS": (
        {"PROCALL_TEAMS__OPENID_METADATA_URL": "http://login.botframework.com/keys"},
        "",
        [],
        "teams.openid_metadata_url: must begin with https://",
    ),
}


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[int, str]]:
    """Try every start that must fail, a few at a time; gives exit code and what was said."""
    found: dict[str, tuple[int, str]] = {}
    waiting = iter(STARTS.items())
    while batch := list(itertools.islice(waiting, 4)):
        running = {name: _start(tmp_path_factory.mktemp("start"), *how[:3]) for name, how in batch}
        for name, process in running.items():
            _, said = process.communicate(timeout=60)
            found[name] = process.returncode, said
    return found


def _start(folder: Path, environment: Mapping[str, str], toml: str, arguments: list[str]) -> subprocess.Popen[str]:
    (folder / "settings.toml").write_text(toml, encoding="utf-8")
    base = {key: value for key, value in os.environ.items() if not key.startswith("PROCALL_")}
    given = SERVABLE if not toml.startswith("[teams]\napp_id") else SERVABLE | {"PROCALL_TEAMS__APP_ID": ""}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "serve", *arguments],
        cwd=folder,
        env=base | given | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", STARTS)
def test_unsafe_settings_stop_the_start(name: str, starts: Mapping[str, tuple[int, str]]) -> None:
    """A bot whose settings would let strangers in exits with code 2 and a sentence that names the setting."""
    code, said = starts[name]
    assert code == 2
    assert STARTS[name][3] in said
    assert "Traceback" not in said
    assert APP_SECRET not in said


# -- a bot in a process of its own: the positive control of the starts, and AUTH 33 -----------------------------------


class ServedBot:
    """`python app.py serve` in a process of its own, with everything it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []
        self.port = 0

    async def start(self) -> None:
        """Wait until it listens."""
        async with asyncio.timeout(120):
            while not self.port:
                line = await self._line()
                assert line, "".join(self.lines)
                if '"listening"' in line:
                    self.port = int(line.partition('"port": ')[2].partition(",")[0])

    async def stop(self) -> int:
        """Ask it to stop and read the rest of its log; gives the exit code."""
        self._process.terminate()
        while await self._line():
            pass
        return await self._process.wait()

    async def _line(self) -> str:
        assert self._process.stderr
        line = (await self._process.stderr.readline()).decode()
        self.lines.append(line)
        return line


@pytest_asyncio.fixture(loop_scope="session")
async def served(world: World, new_state: Callable[[], Path], tmp_path: Path) -> AsyncIterator[ServedBot]:
    """Serve from the command line with the settings that the refused starts were one step away from."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "app.py"),
        "serve",
        cwd=tmp_path,
        env=os.environ
        | SERVABLE
        | {
            "PROCALL_STATE__FOLDER": str(new_state()),
            "PROCALL_TEAMS__OPENID_METADATA_URL": world.key_server.url,
            "PROCALL_TEAMS__AUTHORITY_URL": world.authority.url,
            "PROCALL_TEAMS__SERVICE_URL_HOSTS": '["127.0.0.1"]',
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    found = ServedBot(process)
    await found.start()
    yield found
    if process.returncode is None:
        await found.stop()


async def test_logs_hold_no_token_secret_name_or_text(served: ServedBot, bot: LiveBot, world: World) -> None:
    """After a thousand mixed requests nothing secret and nothing personal stands in the log of a served bot (33)."""
    url = f"http://127.0.0.1:{served.port}/api/messages"
    good = world.token()
    sent = [
        good,
        world.token(world.keys.attacker),
        world.token(aud=FOREIGN_TENANT),
        "eyJhbGciOiJub25lIn0.e30.",
        "kaputt",
    ]
    for number in range(1000):
        token = sent[number % len(sent)]
        body = world.message(f"Geheime Frage von Karl-Egon: Kennwort Xyzzy{number}")
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        if number % 50 == 0:
            world.connector.faults.append(Fault(status=500))
        answer = await bot.request("POST", url, json=body, headers=headers)
        assert answer.status == (201 if token == good else 401)
    assert await served.stop() == 0
    log = "".join(served.lines)
    assert log.count('"turn answered"') == 200  # the log does tell of the turns
    assert log.count('"request refused"') == 800
    for secret in (*sent[:4], APP_SECRET, OUTGOING_TOKEN, "Bearer", "Karl-Egon", "Xyzzy", "Mustermann", "29:person"):
        assert secret not in log


# -- AUTH 05 to 14, 18 to 21: tokens that prove nothing ---------------------------------------------------------------


def hs256(world: World) -> Callable[[bytes], bytes]:
    """Sign with the channel's public key as if it were a shared secret."""
    return lambda data: hmac.new(world.keys.channel.public_pem(), data, hashlib.sha256).digest()


def emulator(version: str, **claims: Any) -> MintToken:
    """Mint what Entra gives to a holder of the app's secret, signed with the best key there is."""
    app = {"appid": APP_ID} if version == "1.0" else {"azp": APP_ID}
    issuer = (
        f"https://sts.windows.net/{TENANT}/" if version == "1.0" else f"https://login.microsoftonline.com/{TENANT}/v2.0"
    )
    return lambda world: world.token(**({"iss": issuer, "ver": version} | app | claims))


def headed(**header: Any) -> MintToken:
    """Mint a token that is right but for its header."""
    return lambda world: world.token(header=header)


def claimed(**claims: Any) -> MintToken:
    """Mint a token that is right but for its claims."""
    return lambda world: world.token(**claims)


NEVER_FETCHES: dict[str, MintToken] = {
    "05 other audience": claimed(aud="1b2c3d4e-2222-4333-8444-5555abcdef56"),
    "05 no audience": claimed(aud=SILENCE),
    "05 audience null": claimed(aud=None),
    "05 empty audience": claimed(aud=""),
    "05 list of audiences": claimed(aud=[APP_ID]),
    "05 object as audience": claimed(aud={"id": APP_ID}),
    "05 upper-case audience": claimed(aud=APP_ID.upper()),
    "05 longer audience": claimed(aud=f"{APP_ID} "),
    "06 none": lambda world: world.token(header={"alg": "none"}, sign=lambda _: b""),
    "06 None": lambda world: world.token(header={"alg": "None"}, sign=lambda _: b""),
    "06 none with a signature": headed(alg="none"),
    "06 no algorithm": headed(alg=SILENCE),
    "06 algorithm null": headed(alg=None),
    "06 list of algorithms": headed(alg=["RS256"]),
    "07 HS256 with the public key": lambda world: world.token(header={"alg": "HS256"}, sign=hs256(world)),
    "08 RS384": lambda world: world.token(
        header={"alg": "RS384"}, sign=rsa_signature(world.keys.channel, hashes.SHA384)
    ),
    "08 RS512": lambda world: world.token(
        header={"alg": "RS512"}, sign=rsa_signature(world.keys.channel, hashes.SHA512)
    ),
    "08 PS256": lambda world: world.token(header={"alg": "PS256"}, sign=rsa_signature(world.keys.channel, pss=True)),
    "08 lower-case rs256": headed(alg="rs256"),
    "09 unknown critical extension": headed(crit=["x-procall"], **{"x-procall": True}),
    "09 known critical extension": headed(crit=["b64"], b64=True),
    "09 payload not encoded": headed(b64=False),
    "09 empty list of critical extensions": headed(crit=[]),
    "10 expired": claimed(exp=0),
    "11 no expiry": claimed(exp=SILENCE),
    "11 expiry null": claimed(exp=None),
    "11 expiry as text": lambda world: world.token(exp=str(now() + 3600)),
    "11 expiry as fraction": lambda world: world.token(exp=now() + 3600.5),
    "11 expiry true": claimed(exp=True),
    "11 expiry in a list": lambda world: world.token(exp=[now() + 3600]),
    "11 expiry in ten years": claimed(lifetime=TEN_YEARS),
    "11 expiry of three hundred digits": claimed(exp=10**300),
    "11 expiry negative": claimed(exp=-1),
    "11 not before as text": lambda world: world.token(nbf=str(now())),
    "11 not before tomorrow": lambda world: world.token(nbf=now() + 86400),
    "11 issued tomorrow": lambda world: world.token(iat=now() + 86400),
    "11 issued at true": claimed(iat=True),
    "13 no key id": headed(kid=SILENCE),
    "13 key id null": headed(kid=None),
    "13 empty key id": headed(kid=""),
    "13 key id a number": headed(kid=7),
    "13 key id a list": headed(kid=["channel-key"]),
    "13 key id an object": headed(kid={"channel-key": 1}),
    "13 long key id": headed(kid="x" * 1000),
    "18 emulator v1": emulator("1.0"),
    "18 emulator v2": emulator("2.0"),
    "18 emulator v1 without audience": emulator("1.0", aud=SILENCE),
    "18 emulator v2 without audience": emulator("2.0", aud=SILENCE),
    "18 emulator v3": emulator("2.0", ver="3.1"),
    "19 the bot's own outgoing token": lambda world: world.token(
        iss="https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/", aud=ISSUER, appid=APP_ID, ver="1.0"
    ),
    "19 the bot's own outgoing token for itself": emulator("1.0", idtyp="app"),
    "20 no issuer": claimed(iss=SILENCE),
    "20 issuer null": claimed(iss=None),
    "20 list of issuers": claimed(iss=[ISSUER]),
    "20 issuer with a slash": claimed(iss=f"{ISSUER}/"),
    "20 upper-case issuer": claimed(iss=ISSUER.upper()),
    "20 issuer by http": claimed(iss="http://api.botframework.com"),
    "20 part of the issuer": claimed(iss="https://api.botframework"),
    "20 issuer of another cloud": claimed(iss="https://api.botframework.us"),
    **{f"20 {issuer}": claimed(iss=issuer) for issuer in SDK_ISSUERS},
    "21 skill v1": emulator("1.0", appid=SKILL_APP),
    "21 skill v2": emulator("2.0", azp=SKILL_APP),
    "21 skill without issuer": emulator("1.0", appid=SKILL_APP, iss=SILENCE),
    "empty": lambda _: ".",
    "two parts": lambda world: world.token().rpartition(".")[0],
    "four parts": lambda world: f"{world.token()}.x",
    "header is no JSON": lambda world: "x" + world.token(),
    "claims are no JSON": lambda world: world.token().replace(".", ".x", 1),
    "claims are a list": lambda world: ".".join([world.token().split(".")[0], "W10", "AAAA"]),
    "header is a list": lambda world: ".".join(["W10", *world.token().split(".")[1:]]),
}
MAY_FETCH: dict[str, MintToken] = {
    "08 RS256 by name, PS256 by signature": lambda world: world.token(sign=rsa_signature(world.keys.channel, pss=True)),
    "08 RS256 by name, RS512 by signature": lambda world: world.token(
        sign=rsa_signature(world.keys.channel, hashes.SHA512)
    ),
    "07 RS256 by name, HS256 by signature": lambda world: world.token(sign=hs256(world)),
    "06 no signature": lambda world: world.token(sign=lambda _: b""),
    "09 attacker's key by jku": lambda world: world.token(
        world.keys.attacker, header={"kid": "his-key", "jku": f"{world.key_server.base}/stray/keys"}
    ),
    "09 attacker's key by x5u": lambda world: world.token(
        world.keys.attacker, header={"x5u": f"{world.key_server.base}/stray/cert"}
    ),
    "09 attacker's key in the header": lambda world: world.token(
        world.keys.attacker, header={"jwk": world.keys.attacker.jwk()}
    ),
    "12 foreign key of the same name": lambda world: world.token(world.keys.attacker),
    "12 signature of another token": lambda world: (
        world.token(text=1).rpartition(".")[0] + "." + world.token().rpartition(".")[2]
    ),
    "13 path as key id": headed(kid="../../x"),
    "13 unknown key id": headed(kid="channel-key2"),
    "13 upper-case key id": headed(kid="CHANNEL-KEY"),
    "14 key that is not endorsed": lambda world: world.token(world.keys.unendorsed),
    "14 key that is not endorsed, endorsed by its token": lambda world: world.token(
        world.keys.unendorsed, header={"endorsements": ["msteams"]}, endorsements=["msteams"]
    ),
}


@pytest.mark.parametrize("name", NEVER_FETCHES)
async def test_token_that_claims_the_wrong_things_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """A token that says the wrong things is refused with 401, asks nobody outside, and causes no key to be fetched."""
    answer = await bot.post(world.message(), token=NEVER_FETCHES[name](world))
    check_refused(answer, world)
    assert world.key_server.fetches == 0
    await check_accepted(bot, world)


async def test_wrong_claims_under_an_unknown_key_fetch_nothing(start_bot: StartBot, world: World) -> None:
    """A stranger cannot make the bot fetch keys by a token that it would refuse anyway; a right one may (17)."""
    async with start_bot() as bot:
        world.key_server.reset()
        for claims in ({"aud": "other"}, {"iss": "other"}, {"exp": 0}, {"exp": SILENCE}):
            token = world.token(header={"kid": "stranger"}, **claims)
            check_refused(await bot.post(world.message(), token=token), world)
        assert world.key_server.fetches == 0
        check_refused(await bot.post(world.message(), token=world.token(header={"kid": "stranger"})), world)
        assert world.key_server.documents == 1


@pytest.mark.parametrize("name", MAY_FETCH)
async def test_token_of_a_wrong_key_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """A token that no endorsed key of the key set signed is refused with 401; only the key set is ever asked."""
    answer = await bot.post(world.message(), token=MAY_FETCH[name](world))
    check_refused(answer, world)
    assert world.key_server.strays == []
    assert world.key_server.documents <= 1
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "mint",
    [
        headed(jku="http://127.0.0.1:9/keys", x5u="http://127.0.0.1:9/cert"),
        headed(typ=SILENCE),
        claimed(nbf=SILENCE),
        lambda world: world.token(iat=now()),
        lambda world: world.token(nbf=now() + LEEWAY_SECONDS - 30),
        lambda world: world.token(serviceurl=SILENCE, serviceUrl=world.service_url),
        claimed(lifetime=30 - LEEWAY_SECONDS),
        claimed(lifetime=LONGEST_SECONDS - 60),
    ],
    ids=["addresses ignored", "no type", "no nbf", "iat", "clock behind", "claim's other spelling", "299 s", "26 h"],
)
async def test_token_within_the_rules_is_accepted(mint: MintToken, bot: LiveBot, world: World) -> None:
    """What the protocol leaves free, and a clock that is off by less than five minutes, does not keep anybody out."""
    await check_accepted(bot, world, token=mint(world))
    assert world.key_server.fetches == 0


@pytest.mark.parametrize(
    ("claim", "offset", "accepted"),
    [
        ("exp", 1 - LEEWAY_SECONDS, True),
        ("exp", -LEEWAY_SECONDS, False),
        ("exp", -1 - LEEWAY_SECONDS, False),
        ("exp", LONGEST_SECONDS, True),
        ("exp", LONGEST_SECONDS + 1, False),
        ("nbf", LEEWAY_SECONDS, True),
        ("nbf", LEEWAY_SECONDS + 1, False),
        ("iat", LEEWAY_SECONDS, True),
        ("iat", LEEWAY_SECONDS + 1, False),
    ],
)
async def test_limits_of_time_hold_to_the_second(claim: str, offset: int, accepted: bool, world: World) -> None:
    """Five minutes of leeway, and 26 hours of life, are exact (10, 11)."""
    clock = FakeClock()
    instant = int(clock.now().timestamp())
    token = world.token(**({"exp": instant + 600, "nbf": instant} | {claim: instant + offset}))
    assert await proves(verifier_of(world, clock), token) is accepted


async def test_proven_token_is_checked_again_each_time(world: World) -> None:
    """A token that was accepted before is refused as soon as it has expired (10)."""
    clock = FakeClock()
    verifier = verifier_of(world, clock)
    token = world.token(exp=int(clock.now().timestamp()) + 60, nbf=SILENCE)
    assert await proves(verifier, token)
    clock.advance(60 + LEEWAY_SECONDS - 1)
    assert await proves(verifier, token)
    clock.advance(1)
    assert not await proves(verifier, token)


async def test_remembered_tokens_are_bounded(world: World) -> None:
    """The verifier remembers no more tokens than it was told to, and still proves the ones it forgot."""
    clock = FakeClock()
    verifier = verifier_of(world, clock, remember=3)
    expiry = int(clock.now().timestamp()) + 600
    tokens = [world.token(exp=expiry, nbf=SILENCE, jti=str(number)) for number in range(10)]
    for token in tokens:
        assert await proves(verifier, token)
    assert len(verifier._proven) == 3
    assert await proves(verifier, tokens[0])


class FakeKeyServer:
    """A key server without a network: counts, and gives what `published` holds or fails."""

    def __init__(self, *published: RsaKey) -> None:
        self.published = list(published)
        self.fetches = 0
        self.well = True

    async def __call__(self, url: str) -> Mapping[str, Any]:
        """Give the document or the key set."""
        self.fetches += url == "https://keys.example/document"
        await asyncio.sleep(0)
        if not self.well:
            raise ConnectionError
        if url == "https://keys.example/document":
            return {"jwks_uri": "https://keys.example/set"}
        return {"keys": [key.jwk() for key in self.published]}


def keys_of(server: FakeKeyServer, clock: FakeClock) -> SigningKeys:
    """Build the product's key set on a fake server."""
    return SigningKeys(url="https://keys.example/document", fetch=server, clock=clock)


def verifier_of(world: World, clock: FakeClock, *, remember: int = 1024) -> TokenVerifier:
    """Build the product's verifier on a fake clock."""
    keys = keys_of(FakeKeyServer(world.keys.channel), clock)
    return TokenVerifier(app_id=APP_ID, issuer=ISSUER, keys=keys, clock=clock, remember=remember)


async def proves(verifier: TokenVerifier, token: str) -> bool:
    """Tell whether a token is accepted."""
    try:
        await verifier.verify(f"Bearer {token}")
    except UnauthenticatedError:
        return False
    return True


# -- AUTH 15 to 17 and 34: the keys -----------------------------------------------------------------------------------


async def test_rotated_key_is_accepted_at_once_and_the_revoked_one_no_more(start_bot: StartBot, world: World) -> None:
    """A new key is learned within one refresh (15); after it the old key's tokens are refused, known ones too (16)."""
    async with start_bot() as bot:
        old, unseen = world.token(), world.token(jti="never shown before the rotation")
        await check_accepted(bot, world, token=old)
        world.reset()
        world.key_server.published = [world.keys.rotated]
        await check_accepted(bot, world, token=world.token(world.keys.rotated))
        assert (world.key_server.documents, world.key_server.key_sets) == (1, 1)
        for token in (old, unseen):
            world.connector.reset()
            check_refused(await bot.post(world.message(), token=token), world)
        await check_accepted(bot, world, token=world.token(world.keys.rotated))


async def test_key_that_loses_its_endorsement_speaks_no_more(world: World) -> None:
    """A known token is refused once its key is no longer endorsed for Teams (14, 16)."""
    clock = FakeClock()
    server = FakeKeyServer(world.keys.channel)
    keys = keys_of(server, clock)
    verifier = TokenVerifier(app_id=APP_ID, issuer=ISSUER, keys=keys, clock=clock)
    token = world.token(exp=int(clock.now().timestamp()) + 600, nbf=SILENCE)
    assert await proves(verifier, token)
    server.published = [RsaKey(kid="channel-key", endorsements=("skype",), private=world.keys.channel.private)]
    assert await keys.prefetch()
    assert not await proves(verifier, token)


async def test_strangers_cause_one_refresh_in_five_seconds(world: World) -> None:
    """The first unknown key id refreshes at once, a thousand more within five seconds never; later ones may again."""
    clock, server = FakeClock(), FakeKeyServer(world.keys.channel)
    keys = keys_of(server, clock)
    assert await keys.prefetch()
    assert server.fetches == 1
    assert await keys.find("stranger") is None
    assert server.fetches == 2
    for number in range(1000):
        clock.advance((PAUSE_SECONDS - 0.1) / 1000)
        assert await keys.find(f"stranger-{number}") is None
    assert server.fetches == 2
    clock.advance(0.2)
    assert await keys.find("stranger") is None
    assert server.fetches == 3
    assert await keys.find("channel-key") is not None


async def test_strangers_at_once_share_one_refresh(world: World) -> None:
    """A hundred unknown key ids at the same instant wait for the same refresh, and find a key that it brings."""
    clock, server = FakeClock(), FakeKeyServer(world.keys.channel)
    keys = keys_of(server, clock)
    assert await keys.prefetch()
    server.published.append(world.keys.rotated)
    found = await asyncio.gather(*(keys.find("rotated-key") for _ in range(100)))
    assert {key.kid for key in found if key} == {"rotated-key"}
    assert None not in found
    assert server.fetches == 2


async def test_a_thousand_unknown_keys_do_not_become_a_thousand_fetches(start_bot: StartBot, world: World) -> None:
    """A flood of tokens with unknown keys is refused one by one with at most one fetch in five seconds (17)."""
    async with start_bot() as bot:
        world.key_server.reset()
        started = time.monotonic()
        for first in range(0, 1000, 50):
            tokens = [world.token(header={"kid": f"stranger-{first + number}"}) for number in range(50)]
            answers = await asyncio.gather(*(bot.post(world.message(), token=token) for token in tokens))
            assert {answer.status for answer in answers} == {401}
        most = 1 + (time.monotonic() - started) // PAUSE_SECONDS
        assert 1 <= world.key_server.documents <= most
        assert world.outbound == 0
        await check_accepted(bot, world)


async def test_waiting_for_keys_keeps_nobody_else_waiting(start_bot: StartBot, world: World) -> None:
    """While an unknown key waits for a key server that hangs, known callers are answered (17, 34)."""
    async with start_bot() as bot:
        world.key_server.fault = "hang"
        stranger = asyncio.ensure_future(bot.post(world.message(), token=world.token(world.keys.rotated)))
        while not world.key_server.fetches:
            await check_heard(bot, world)
        await check_accepted(bot, world)
        assert not stranger.done()
        world.connector.reset()
        assert (await stranger).status == 401


async def test_no_keys_is_unavailable_until_there_are_some(start_bot: StartBot, world: World) -> None:
    """A bot that can get no keys says 503, is not ready, and answers as soon as the key server is well (34)."""
    async with start_bot(fetch_keys=False) as bot:
        for fault in KeyServer.FAULTS:
            if fault == "hang":
                continue  # test_waiting_for_keys..., test_fetch_ends...
            world.key_server.fault = fault
            assert not await bot.parts.keys.prefetch(), fault
            check_refused(await bot.post(world.message(), token=world.token()), world, 503)
            ready = await bot.ops("/readyz")
            assert (ready.status, ready.json()) == (503, {"ready": False, "problems": ["signing_keys"]})
            assert (await bot.ops("/livez")).status == 200
        assert world.key_server.strays == []
        world.key_server.reset()
        assert await bot.parts.keys.prefetch()
        assert (await bot.ops("/readyz")).status == 200
        await check_accepted(bot, world)


async def test_bot_without_keys_gets_them_when_the_first_message_comes(start_bot: StartBot, world: World) -> None:
    """A message may come before the keys: it fetches them and is answered."""
    async with start_bot(fetch_keys=False) as bot:
        assert (await bot.ops("/readyz")).status == 503
        await check_accepted(bot, world)
        assert world.key_server.documents == 1


async def test_fetch_ends_after_three_seconds_when_the_key_server_hangs(start_bot: StartBot, world: World) -> None:
    """A message to a bot without keys is answered with 503 in little more than three seconds, the next at once (34)."""
    async with start_bot(fetch_keys=False) as bot:
        world.key_server.fault = "hang"
        async with asyncio.timeout(3.5):
            check_refused(await bot.post(world.message(), token=world.token()), world, 503)
        async with asyncio.timeout(1):
            check_refused(await bot.post(world.message(), token=world.token()), world, 503)
        world.key_server.reset()
        assert await bot.parts.keys.prefetch()
        await check_accepted(bot, world)


@pytest.mark.parametrize("fault", [fault for fault in KeyServer.FAULTS if fault != "hang"])
async def test_known_keys_outlive_a_broken_key_server(fault: str, bot: LiveBot, world: World) -> None:
    """Whatever the key server answers, the keys of before stay and their callers are answered (34)."""
    world.key_server.fault = fault
    assert await bot.parts.keys.prefetch()
    assert world.key_server.fetches >= 1
    check_refused(await bot.post(world.message(), token=world.token(world.keys.rotated)), world)
    await check_accepted(bot, world)


async def test_keys_are_trusted_for_five_days_without_a_key_server(world: World) -> None:
    """Keys are used for at most five days of outage, then nobody can be proven until there are new ones (34)."""
    clock, server = FakeClock(), FakeKeyServer(world.keys.channel)
    keys = keys_of(server, clock)
    assert await keys.prefetch()
    server.well = False
    clock.advance(KEEP_SECONDS)
    assert keys.usable
    assert keys.peek("channel-key") is not None
    clock.advance(1)
    assert not keys.usable
    assert keys.peek("channel-key") is None
    with pytest.raises(KeysUnavailableError):
        await keys.find("channel-key")
    server.well = True
    clock.advance(PAUSE_SECONDS)
    assert await keys.find("channel-key") is not None


async def test_keys_of_a_day_are_renewed_in_the_background(world: World) -> None:
    """After a day a known key is used at once and the key set renewed meanwhile."""
    clock, server = FakeClock(), FakeKeyServer(world.keys.channel)
    keys = keys_of(server, clock)
    assert await keys.prefetch()
    clock.advance(FRESH_SECONDS)
    assert await keys.find("channel-key") is not None
    assert keys._refresh is None
    clock.advance(1)
    server.published = [world.keys.rotated]
    assert await keys.find("channel-key") is not None
    assert await keys.prefetch()
    assert server.fetches == 2
    assert keys.peek("channel-key") is None
    assert keys.peek("rotated-key") is not None


# -- AUTH 22 to 25: the service URL -----------------------------------------------------------------------------------

CLAIM_ONLY, BODY_ONLY, BOTH = {"claim"}, {"body"}, {"claim", "body"}
MISMATCHES: dict[str, tuple[set[str], Callable[[str], object]]] = {
    "22 body elsewhere": (BODY_ONLY, lambda url: url.replace("/teams/", "/other/")),
    "22 claim elsewhere": (CLAIM_ONLY, lambda url: url.replace("/teams/", "/other/")),
    "22 body without the slash": (BODY_ONLY, lambda url: url.rstrip("/")),
    "22 body in other case": (BODY_ONLY, lambda url: url.replace("/teams/", "/Teams/")),
    "22 body in other scheme's case": (BODY_ONLY, lambda url: url.replace("http", "HTTP")),
    "22 claim in other case": (CLAIM_ONLY, lambda url: url.replace("/teams/", "/TEAMS/")),
    "22 body missing": (BODY_ONLY, lambda _: SILENCE),
    "22 body null": (BODY_ONLY, lambda _: None),
    "22 body empty": (BODY_ONLY, lambda _: ""),
    "22 claim missing": (CLAIM_ONLY, lambda _: SILENCE),
    "22 claim null": (CLAIM_ONLY, lambda _: None),
    "22 claim empty": (CLAIM_ONLY, lambda _: ""),
    "22 claim a list": (CLAIM_ONLY, lambda url: [url]),
    "22 both missing": (BOTH, lambda _: SILENCE),
    "22 both empty": (BOTH, lambda _: ""),
    "22 both null": (BOTH, lambda _: None),
}


@pytest.mark.parametrize("name", MISMATCHES)
async def test_service_url_of_token_and_body_must_be_the_same(name: str, bot: LiveBot, world: World) -> None:
    """The service URL must be in token and body, equal to the letter (22)."""
    where, change = MISMATCHES[name]
    changed = change(world.service_url)
    token = world.token(service_url=changed) if "claim" in where else world.token()
    body = world.message(serviceUrl=changed) if "body" in where else world.message()
    check_refused(await bot.post(body, token=token), world)
    await check_accepted(bot, world)


REAL_HOST = "smba.trafficmanager.net"
WRONG_HOSTS = {
    "23 http": f"http://{REAL_HOST}/emea/",
    "23 http on the https port": f"http://{REAL_HOST}:443/emea/",
    "23 ftp": f"ftp://{REAL_HOST}/emea/",
    "23 file": "file:///etc/passwd",
    "23 no scheme": f"//{REAL_HOST}/emea/",
    "23 host alone": REAL_HOST,
    "23 javascript": f"javascript://{REAL_HOST}/%0aalert(1)",
    "24 allowed host as user": f"https://{REAL_HOST}@evil.example/",
    "24 allowed host as user and password": f"https://{REAL_HOST}:443@evil.example/",
    "24 user at the allowed host": f"https://evil@{REAL_HOST}/",
    "24 empty user": f"https://@{REAL_HOST}/",
    "24 back-slash": f"https://evil.example\\@{REAL_HOST}/",
    "24 back-slash behind": f"https://{REAL_HOST}\\.evil.example/",
    "24 suffix": f"https://{REAL_HOST}.evil.example/",
    "24 prefix": f"https://evil-{REAL_HOST}/",
    "24 subdomain": f"https://evil.{REAL_HOST}/",
    "24 parent": "https://trafficmanager.net/",
    "24 in the path": f"https://evil.example/{REAL_HOST}",
    "24 in the query": f"https://evil.example?{REAL_HOST}",
    "24 in the fragment": f"https://evil.example#{REAL_HOST}",
    "24 query": f"https://{REAL_HOST}/?x=1",
    "24 fragment": f"https://{REAL_HOST}/#x",
    "24 other port": f"https://{REAL_HOST}:8443/",
    "24 port 80": f"https://{REAL_HOST}:80/",
    "24 port 0": f"https://{REAL_HOST}:0/",
    "24 port too large": f"https://{REAL_HOST}:65536/",
    "24 port no number": f"https://{REAL_HOST}:https/",
    "24 port negative": f"https://{REAL_HOST}:-443/",
    "24 trailing dot": f"https://{REAL_HOST}./",
    "24 two trailing dots": f"https://{REAL_HOST}../",
    "24 Cyrillic letter": "https://smb\u0430.trafficmanager.net/",
    "24 full-width letters": "https://\uff53mba.trafficmanager.net/",
    "24 full-width dot": "https://smba\uff0etrafficmanager.net/",
    "24 sharp s": "https://smba.trafficmanager.net\u00df/",
    "24 punycode": "https://xn--smb-5cd.trafficmanager.net/",
    "24 percent": "https://smba%2etrafficmanager.net/",
    "24 zero byte": f"https://{REAL_HOST}\x00.evil.example/",
    "24 new line": f"https://{REAL_HOST}\n.evil.example/",
    "24 tab in the host": "https://smba.traffic\tmanager.net/",
    "24 leading blank": f" https://{REAL_HOST}/",
    "24 trailing new line": f"https://{REAL_HOST}/\n",
    "24 IP literal": "https://52.112.0.1/",
    "24 IPv6 literal": "https://[2603:1037::1]/",
    "24 broken IPv6 literal": "https://[::1/",
    "24 IPv6 zone": "https://[fe80::1%25eth0]/",
    "24 no host": "https:///emea/",
    "24 only a port": "https://:443/",
    "25 localhost": "https://localhost/",
    "25 localhost by http": "http://localhost:8080/",
    "25 IPv6 loopback": "http://[::1]:8080/",
    "25 other loopback": "http://127.0.0.2/",
    "25 short loopback": "http://127.1/",
    "25 loopback as a number": "http://2130706433/",
    "25 loopback in hexadecimal": "http://0x7f000001/",
    "25 loopback in octal": "http://0177.0.0.1/",
    "25 mapped loopback": "http://[::ffff:127.0.0.1]/",
    "25 any address": "http://0.0.0.0/",
    "25 suffix to loopback": "http://127.0.0.1.evil.example/",
    "25 metadata": "http://169.254.169.254/",
    "25 metadata by https": "https://169.254.169.254/metadata/identity/oauth2/token",
}


@pytest.mark.parametrize("name", WRONG_HOSTS)
async def test_service_url_of_a_foreign_host_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """Even a proven token does not make the bot speak to a host that is not on its list (23, 24, 25)."""
    url = WRONG_HOSTS[name]
    check_refused(await bot.post(world.message(serviceUrl=url), token=world.token(service_url=url)), world)
    await check_heard(bot, world, serviceUrl=f"https://{REAL_HOST}/emea/")
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "url",
    [
        f"https://{REAL_HOST}",
        f"https://{REAL_HOST}:443/de/",
        f"https://{REAL_HOST.upper()}/",
        f"https://{REAL_HOST}/a/b",
    ],
)
async def test_service_url_of_an_allowed_host_is_heard(url: str, bot: LiveBot, world: World) -> None:
    """An allowed host is heard in every spelling that means the same host and port."""
    await check_heard(bot, world, serviceUrl=url)


class FailingRouter:
    """Answers no turn, but can say so."""

    def __init__(self, real: Any) -> None:
        self._real = real

    async def reply(self, turn: Any) -> Any:
        """Fail as a bug would."""
        message = f"bug with {turn.actor.object_id}"
        raise PermissionError(message)

    def failed(self, turn: Any, *, reference: str) -> Any:
        """Say it as the real router does."""
        return self._real.failed(turn, reference=reference)


def failing(parts: Any) -> Edge:
    """Put a handler that fails each turn behind the real adapter."""
    handler = Handler(
        router=FailingRouter(parts.edge._handler._router),
        directory=Directory(tenant_id=TENANT, admins=[ADMIN], dpos=[]),
        metrics=parts.metrics,
        person=PersonHash(b"key"),
        seen=Seen(SystemClock()),
        patience=lambda _: True,
        look=as_they_are,
    )
    return Edge(adapter=parts.edge._adapter, handler=handler, metrics=parts.metrics)


async def test_failed_turn_says_so_at_the_allowed_host_only(start_bot: StartBot, world: World) -> None:
    """When answering fails, the person gets a card at the proven address, and a stranger nothing (26)."""
    async with start_bot(edge=failing) as bot:
        url = "https://evil.example/"
        check_refused(await bot.post(world.message(serviceUrl=url), token=world.token(service_url=url)), world)
        await check_accepted(bot, world)
        said = str(world.connector.accepted)
        assert "AdaptiveCard" in said
        assert "bug with" not in said
        answer = await bot.post(world.invoke(), token=world.token())
        assert answer.status == 200
        assert answer.json()["type"] == "application/vnd.microsoft.card.adaptive"


# -- AUTH 27 ----------------------------------------------------------------------------------------------------------


async def test_refusals_reach_nobody(start_bot: StartBot, world: World) -> None:
    """All refusals together make no call to connector or identity platform; the first accepted turn makes both (27)."""
    async with start_bot() as bot:
        world.key_server.reset()
        started = time.monotonic()
        for mint in (*NEVER_FETCHES.values(), *MAY_FETCH.values()):
            assert (await bot.post(world.message(), token=mint(world))).status == 401
        for url in WRONG_HOSTS.values():
            body = world.message(serviceUrl=url)
            assert (await bot.post(body, token=world.token(service_url=url))).status == 401
        for change, status in (*TENANTS.values(), *CHANNEL_DATA.values()):
            assert (await bot.post(world.message(**change), token=world.token())).status == status
        assert world.outbound == 0
        assert world.key_server.documents <= 1 + (time.monotonic() - started) // PAUSE_SECONDS
        await check_accepted(bot, world)
        assert world.authority.token_calls == 1
        assert world.connector.calls[0].authorization.startswith(f"Bearer {OUTGOING_TOKEN}")


# -- AUTH 28 and 29: the tenant ---------------------------------------------------------------------------------------


def chat(**fields: Any) -> dict[str, Any]:
    """Build a conversation."""
    return {"id": "a:chat", "conversationType": "personal"} | fields


TENANTS: dict[str, tuple[dict[str, Any], int]] = {
    "28 nowhere": ({"channelData": {}, "conversation": chat()}, 403),
    "28 no channel data": ({"channelData": SILENCE, "conversation": chat()}, 403),
    "28 empty everywhere": ({"channelData": {"tenant": {"id": ""}}, "conversation": chat(tenantId="")}, 403),
    "28 null everywhere": ({"channelData": {"tenant": None}, "conversation": chat(tenantId=None)}, 403),
    "28 foreign in both": (
        {"channelData": {"tenant": {"id": FOREIGN_TENANT}}, "conversation": chat(tenantId=FOREIGN_TENANT)},
        403,
    ),
    "28 foreign in the channel data": ({"channelData": {"tenant": {"id": FOREIGN_TENANT}}}, 403),
    "28 foreign in the channel data only": (
        {"channelData": {"tenant": {"id": FOREIGN_TENANT}}, "conversation": chat()},
        403,
    ),
    "28 foreign in the conversation": ({"conversation": chat(tenantId=FOREIGN_TENANT)}, 403),
    "28 foreign in the conversation only": (
        {"channelData": {}, "conversation": chat(tenantId=FOREIGN_TENANT)},
        403,
    ),
    "28 both tenants in one": ({"conversation": chat(tenantId=f"{TENANT},{FOREIGN_TENANT}")}, 403),
    "28 blank behind": ({"conversation": chat(tenantId=f"{TENANT} ")}, 403),
    "28 tenant by the SDK's name": ({"channelData": {}, "conversation": chat(tenantID=TENANT)}, 403),
    "28 tenant of the sender": (
        {"channelData": {}, "conversation": chat(), "from": {"id": "29:x", "tenantId": TENANT}},
        403,
    ),
}
CHANNEL_DATA: dict[str, tuple[dict[str, Any], int]] = {
    "29 text": ({"channelData": f'{{"tenant": {{"id": "{TENANT}"}}}}'}, 401),
    "29 list": ({"channelData": [{"tenant": {"id": TENANT}}]}, 401),
    "29 null": ({"channelData": None}, 401),
    "29 number": ({"channelData": 5}, 401),
    "29 true": ({"channelData": True}, 401),
    "29 tenant a text": ({"channelData": {"tenant": TENANT}}, 401),
    "29 tenant a list": ({"channelData": {"tenant": [TENANT]}}, 401),
    "29 tenant empty": ({"channelData": {"tenant": {}}}, 401),
    "29 tenant's id null": ({"channelData": {"tenant": {"id": None}}}, 401),
    "29 tenant's id a list": ({"channelData": {"tenant": {"id": [TENANT]}}}, 401),
    "29 tenant's id a number": ({"channelData": {"tenant": {"id": 1}}}, 401),
}


@pytest.mark.parametrize("name", TENANTS)
async def test_missing_foreign_or_conflicting_tenant_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """A proven message that does not name our tenant, and no other, is refused with 403 (28)."""
    change, status = TENANTS[name]
    check_refused(await bot.post(world.message(**change), token=world.token()), world, status)
    await check_accepted(bot, world)


@pytest.mark.parametrize("name", CHANNEL_DATA)
async def test_unreadable_channel_data_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """Channel data that cannot be read is refused with 401 (29)."""
    change, status = CHANNEL_DATA[name]
    check_refused(await bot.post(world.message(**change), token=world.token()), world, status)
    await check_accepted(bot, world)


@pytest.mark.parametrize(
    "change",
    [
        {"conversation": chat()},
        {"channelData": SILENCE},
        {"channelData": {}},
        {"channelData": {"tenant": None}},
        {"channelData": {"tenant": {"id": TENANT.upper()}}},
    ],
    ids=["in the channel data only", "no channel data", "in the conversation only", "null", "upper case"],
)
async def test_our_tenant_once_is_enough(change: Body, bot: LiveBot, world: World) -> None:
    """Our tenant in one of the two places is enough, in any case (28)."""
    await check_accepted(bot, world, world.message(**change))


@pytest.mark.parametrize("channel", ["emulator", "webchat", "directline", "skype", "MSTeams", "", None, SILENCE])
async def test_other_channels_are_refused(channel: object, bot: LiveBot, world: World) -> None:
    """Only Teams is heard, even by a key that is endorsed for more."""
    check_refused(await bot.post(world.message(channelId=channel), token=world.token()), world)
    await check_accepted(bot, world)


# -- AUTH 30, 32, 35 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_only_post_is_served(method: str, bot: LiveBot, world: World) -> None:
    """Any method but POST is 405, also with a token and an upgrade to a web socket (30)."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for headers in ({}, upgrade if method == "GET" else {}):
        sent = headers | {"Authorization": f"Bearer {world.token()}", "channelid": "msteams"}
        answer = await bot.request(method, bot.url, headers=sent)
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
    assert world.outbound == 0
    await check_accepted(bot, world)


async def test_streaming_has_no_door(bot: LiveBot) -> None:
    """The SDK's streaming authentication, which checks less, refuses always (30)."""
    with pytest.raises(UnauthenticatedError):
        await bot.parts.edge._adapter.authentication.authenticate_streaming_request("Bearer x", "msteams")


async def test_same_activity_twice_has_one_effect(bot: LiveBot, world: World) -> None:
    """The same token with the same activity is answered once, delivered in turn or at the same time (32)."""
    token, body = world.token(), world.message()
    first = await bot.post(body, token=token)
    rest = await asyncio.gather(*(bot.post(body, token=token) for _ in range(5)))
    assert {answer.status for answer in (first, *rest)} == {201}
    assert len(world.connector.calls) == 1
    fresh = world.message()
    await asyncio.gather(*(bot.post(fresh, token=token) for _ in range(5)))
    assert len(world.connector.calls) == 2


WRONG_HEADERS: dict[str, Callable[[str], list[str]]] = {
    "none": lambda _: [],
    "empty": lambda _: [""],
    "35 two of the same": lambda token: [f"Bearer {token}", f"Bearer {token}"],
    "35 two, the second forged": lambda token: [f"Bearer {token}", "Bearer x.y.z"],
    "35 two, the second empty": lambda token: [f"Bearer {token}", ""],
    "35 two in one": lambda token: [f"Bearer {token}, Bearer {token}"],
    "35 tab for the blank": lambda token: [f"Bearer\t{token}"],
    "35 two blanks": lambda token: [f"Bearer  {token}"],
    "35 no blank": lambda token: [f"Bearer{token}"],
    "35 scheme alone": lambda _: ["Bearer"],
    "35 lower case": lambda token: [f"bearer {token}"],
    "35 upper case": lambda token: [f"BEARER {token}"],
    "35 Basic": lambda token: [f"Basic {token}"],
    "35 token alone": lambda token: [token],
    "35 something behind": lambda token: [f"Bearer {token} x"],
    "35 quotes": lambda token: [f'Bearer "{token}"'],
    "35 not ASCII": lambda token: [f"Bearer {token}\u00e4"],
    "35 7 KB": lambda _: ["Bearer " + "x" * 7000],
    "35 20 KB": lambda _: ["Bearer " + "x" * 20_000],
    "35 20 KB behind a token": lambda token: [f"Bearer {token}{'A' * 20_000}"],
    "13 key id of 10 KB": lambda _: [],  # its token is minted below
}


@pytest.mark.parametrize("name", WRONG_HEADERS)
async def test_wrong_authorization_header_is_refused(name: str, bot: LiveBot, world: World) -> None:
    """A header that is not exactly one bearer token is refused, without a fetch (13, 35)."""
    values = WRONG_HEADERS[name](world.token())
    if name.startswith("13"):
        values = [f"Bearer {world.token(header={'kid': 'x' * 10_000})}"]
    headers = [("Content-Type", "application/json"), *(("Authorization", value) for value in values)]
    answer = await bot.request("POST", bot.url, json=world.message(), headers=headers)
    assert answer.status in (400, 401)
    assert world.outbound == 0
    assert world.key_server.fetches == 0
    await check_accepted(bot, world)


# -- AUTH 36: a test of the test --------------------------------------------------------------------------------------


def open_door(parts: Any) -> Edge:
    """Put an adapter before the parts that proves nobody and refuses nobody."""
    real = parts.edge._adapter.authentication
    admit_all = GuardedAuthentication(app_id=APP_ID, verifier=None, gate=lambda *_: None, connectors=real._connectors)
    return Edge(adapter=HardenedAdapter(admit_all), handler=parts.edge._handler, metrics=parts.metrics)


def unproven(parts: Any) -> Edge:
    """Put an adapter before the parts that has the gate, as dev mode has, but asks nobody for a token."""
    real = parts.edge._adapter.authentication
    gate = Gate(tenant_id=TENANT, channels=("msteams",), allows_url=HostList(["127.0.0.1"]).allows)
    only_gate = GuardedAuthentication(app_id=APP_ID, verifier=None, gate=gate, connectors=real._connectors)
    return Edge(adapter=HardenedAdapter(only_gate), handler=parts.edge._handler, metrics=parts.metrics)


async def test_doctor_finds_a_safe_bot_safe(bot: LiveBot, world: World) -> None:
    """All the doctor's knocks at a real bot are answered as they should be."""
    assert [
        check
        for check in await doctor.knock(f"http://127.0.0.1:{bot.port}", world.settings(Path("unused")))
        if not check.ok
    ] == []


@pytest.mark.parametrize("edge", [open_door, unproven])
async def test_doctor_finds_an_open_door(edge: Callable[[Any], Edge], start_bot: StartBot, world: World) -> None:
    """Where tokens are not asked for, the doctor says so for each kind of wrong token (36)."""
    async with start_bot(edge=edge, teams={"service_url_hosts": ["127.0.0.1"]}) as bot:
        checks = {
            check.name: check.ok
            for check in await doctor.knock(f"http://127.0.0.1:{bot.port}", world.settings(Path("unused")))
        }
    assert [name for name, ok in checks.items() if not ok] == [name for name in checks if "token" in name]
    assert len(checks) == 4


class BelievingVerifier:
    """Checks what a token says, but not who signed it."""

    def __init__(self, real: TokenVerifier) -> None:
        self._real = real

    async def verify(self, header: str) -> Any:
        """Believe a token whose claims are right."""
        claims = _unverified_claims(read_bearer(header))
        self._real._check_claims(claims)
        return ProvenToken(kid="", expires_at=claims["exp"], service_url=_claimed_service_url(claims), claims=claims)


def believing(parts: Any) -> Edge:
    """Put an adapter before the parts that reads tokens without checking their signature."""
    real = parts.edge._adapter.authentication
    verifier: Any = BelievingVerifier(real._verifier)
    authentication = GuardedAuthentication(
        app_id=APP_ID, verifier=verifier, gate=real._gate, connectors=real._connectors
    )
    return Edge(adapter=HardenedAdapter(authentication), handler=parts.edge._handler, metrics=parts.metrics)


async def test_bot_that_checks_no_signature_believes_a_forged_token(start_bot: StartBot, world: World) -> None:
    """The broken bot of the next test is broken in the signature only: positive control of the test of the test."""
    async with start_bot(edge=believing) as bot:
        await check_accepted(bot, world, token=world.token(world.keys.attacker))
        world.reset()
        check_refused(await bot.post(world.message(), token=world.token(aud="other")), world)


async def test_doctor_finds_a_bot_that_checks_no_signature(start_bot: StartBot, world: World) -> None:
    """Where signatures are not checked, the doctor says that a forged token was accepted (36)."""
    async with start_bot(edge=believing) as bot:
        settings = world.settings(Path("unused"))
        checks = await doctor.examine(
            settings, url=f"http://127.0.0.1:{bot.port}", build=running_bot, check_servable=lambda *_, **__: None
        )
    forged = [check for check in checks if "forged" in check.name]
    assert [check.ok for check in forged] == [False]
