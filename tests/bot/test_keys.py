"""The connector's signing keys: rotation, outage, hanging servers, floods; with a fake clock (F7, F8, D3, D4)."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bot.adapter.keys import FETCH_SECONDS, FRESH_SECONDS, KEEP_SECONDS, PAUSE_SECONDS, SigningKeys, read_key_set
from data.errors import KeysUnavailableError
from tests.world import FakeClock, RsaKeys

DOCUMENT = "https://keys.example/openid"
KEY_SET = "https://keys.example/keys"


class FakeKeys:
    """The port `FetchJson`: gives what is published, fails while `down`, and waits for `gate`."""

    def __init__(self, *published: Mapping[str, Any]) -> None:
        self.published = list(published)
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[str] = []

    @property
    def refreshes(self) -> int:
        """Count the refreshes begun."""
        return self.asked.count(DOCUMENT)

    async def __call__(self, url: str) -> Mapping[str, Any]:
        """Fetch a document."""
        self.asked.append(url)
        await self.gate.wait()
        if self.down:
            raise ConnectionResetError
        return {"jwks_uri": KEY_SET} if url == DOCUMENT else {"keys": self.published}


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that the test sets."""
    return FakeClock()


@pytest.fixture
def source(rsa_keys: RsaKeys) -> FakeKeys:
    """Give a source that publishes the channel's key."""
    return FakeKeys(rsa_keys.channel.jwk())


@pytest.fixture
def signing_keys(source: FakeKeys, clock: FakeClock) -> SigningKeys:
    """Give keys that were never fetched."""
    return SigningKeys(url=DOCUMENT, fetch=source, clock=clock)


async def refresh_under_way(keys: SigningKeys) -> None:
    """Wait for the refresh in the background, if there is one."""
    if keys._refresh is not None:
        await asyncio.shield(keys._refresh)


async def test_first_find_fetches_and_later_ones_do_not(signing_keys: SigningKeys, source: FakeKeys) -> None:
    """A known key is fetched once; asking again costs nothing."""
    for _ in range(3):
        key = await signing_keys.find("channel-key")
        assert key is not None
        assert key.endorsements == {"msteams", "skype"}
    assert source.asked == [DOCUMENT, KEY_SET]


async def test_rotated_key_is_found_at_once(
    signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock, rsa_keys: RsaKeys
) -> None:
    """A new key is accepted by one refresh as soon as it is published, and a withdrawn one is not any more."""
    await signing_keys.find("channel-key")
    source.published = [rsa_keys.rotated.jwk()]
    clock.advance(PAUSE_SECONDS)
    assert await signing_keys.find("rotated-key") is not None
    assert source.refreshes == 2
    assert signing_keys.peek("channel-key") is None


async def test_strangers_cause_one_refresh_in_five_seconds(
    signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock
) -> None:
    """A thousand unknown keys at once cause one refresh; after five seconds the next may (AUTH-17)."""
    await signing_keys.find("channel-key")
    clock.advance(PAUSE_SECONDS)
    found = await asyncio.gather(*(signing_keys.find(f"unknown-{number}") for number in range(1000)))
    assert set(found) == {None}
    assert source.refreshes == 2
    clock.advance(PAUSE_SECONDS - 0.1)
    await signing_keys.find("unknown")
    assert source.refreshes == 2
    clock.advance(0.1)
    await signing_keys.find("unknown")
    assert source.refreshes == 3


async def test_failed_refreshes_are_limited_too(signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock) -> None:
    """While the key server is down, each request does not ask it again (the stock SDK blocks on every one)."""
    source.down = True
    for _ in range(20):
        with pytest.raises(KeysUnavailableError):
            await signing_keys.find("channel-key")
    assert source.refreshes == 1
    source.down = False
    clock.advance(PAUSE_SECONDS)
    assert await signing_keys.find("channel-key") is not None


@pytest.mark.parametrize(("age", "usable"), [(KEEP_SECONDS, True), (KEEP_SECONDS + 1, False)])
async def test_last_good_keys_live_five_days(
    signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock, age: float, usable: bool
) -> None:
    """Keys outlive an outage of the key server by five days, and not longer."""
    await signing_keys.find("channel-key")
    source.down = True
    clock.advance(age)
    assert signing_keys.usable is usable
    assert (signing_keys.peek("channel-key") is not None) is usable
    if usable:
        assert await signing_keys.find("channel-key") is not None
    else:
        with pytest.raises(KeysUnavailableError):
            await signing_keys.find("channel-key")
    await refresh_under_way(signing_keys)


async def test_parallel_callers_share_one_refresh(signing_keys: SigningKeys, source: FakeKeys) -> None:
    """Fifty callers that need the first keys wait for one refresh and all get theirs."""
    source.gate.clear()
    callers = [asyncio.create_task(signing_keys.find("channel-key")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.gate.set()
    assert None not in await asyncio.gather(*callers)
    assert source.refreshes == 1


async def test_caller_that_gives_up_does_not_stop_the_refresh(signing_keys: SigningKeys, source: FakeKeys) -> None:
    """The first caller's disconnection does not take the keys from the others."""
    source.gate.clear()
    first = asyncio.create_task(signing_keys.find("channel-key"))
    second = asyncio.create_task(signing_keys.find("channel-key"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert await second is not None
    assert source.refreshes == 1


async def test_stale_keys_are_renewed_in_the_background(
    signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock, rsa_keys: RsaKeys
) -> None:
    """After a day a known key is given at once, and the refresh goes on beside it."""
    await signing_keys.find("channel-key")
    clock.advance(FRESH_SECONDS)
    await signing_keys.find("channel-key")
    assert source.refreshes == 1
    clock.advance(1)
    source.published.append(rsa_keys.rotated.jwk())
    source.gate.clear()
    async with asyncio.timeout(0.5):
        assert await signing_keys.find("channel-key") is not None
    await asyncio.sleep(0)
    assert source.refreshes == 2
    assert signing_keys.peek("rotated-key") is None
    source.gate.set()
    await refresh_under_way(signing_keys)
    assert signing_keys.peek("rotated-key") is not None


async def test_clock_set_back_does_not_stop_refreshes(source: FakeKeys, rsa_keys: RsaKeys) -> None:
    """Ages are counted by the time that never jumps: a wall clock set back a year changes nothing (F7)."""

    class SetBack(FakeClock):
        def now(self) -> Any:
            return super().now().replace(year=2025)

    clock = SetBack()
    keys = SigningKeys(url=DOCUMENT, fetch=source, clock=clock)
    await keys.find("channel-key")
    source.published = [rsa_keys.rotated.jwk()]
    clock.advance(PAUSE_SECONDS)
    assert await keys.find("rotated-key") is not None


async def test_hanging_key_server_is_given_up_after_three_seconds(signing_keys: SigningKeys, source: FakeKeys) -> None:
    """A server that never answers costs a caller three seconds, not his life, and the loop runs on meanwhile."""
    source.gate.clear()
    loop = asyncio.get_running_loop()
    rounds = 0
    caller = asyncio.create_task(signing_keys.find("channel-key"))
    started = loop.time()
    while not caller.done():
        await asyncio.sleep(0.01)
        rounds += 1
    with pytest.raises(KeysUnavailableError):
        await caller
    assert FETCH_SECONDS == 3.0
    assert loop.time() - started < FETCH_SECONDS + 1
    assert rounds > 50


async def test_prefetch_tells_whether_there_are_keys(signing_keys: SigningKeys, source: FakeKeys) -> None:
    """The start asks as often as it likes: strangers' five seconds are not its own."""
    source.down = True
    assert await signing_keys.prefetch() is False
    source.down = False
    assert await signing_keys.prefetch() is True
    assert signing_keys.usable
    assert source.refreshes == 2


BAD_DOCUMENTS: Mapping[str, Any] = {
    "no_keys": {},
    "keys_no_list": {"keys": {"kid": "a"}},
    "empty": {"keys": []},
    "strings": {"keys": ["a", None, 1, [], {}]},
}


@pytest.mark.parametrize("document", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
async def test_key_set_without_a_usable_key_keeps_the_old_ones(
    document: Mapping[str, Any], signing_keys: SigningKeys, source: FakeKeys, clock: FakeClock
) -> None:
    """A key set with nothing in it is a failure, not the end of all keys."""
    await signing_keys.find("channel-key")
    with pytest.raises(ValueError, match="no usable key"):
        read_key_set(document)
    source.published = document.get("keys", [])
    clock.advance(PAUSE_SECONDS)
    assert await signing_keys.find("unknown") is None
    assert signing_keys.peek("channel-key") is not None


def elliptic_jwk() -> dict[str, Any]:
    """Make a key of another kind."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return {"kid": "other", "use": "sig", **json.loads(jwt.algorithms.ECAlgorithm.to_jwk(public))}


BAD_ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "encryption_key": {"use": "enc"},
    "symmetric": {"kty": "oct", "k": "c2VjcmV0"},
    "no_kid": {"kid": None},
    "number_kid": {"kid": 7},
    "empty_kid": {"kid": ""},
    "broken_modulus": {"n": "!!"},
    "no_exponent": {"e": None},
    "endorsed_by_a_string": {"endorsements": "msteams"},
}


@pytest.mark.parametrize("change", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_unusable_key_is_left_out(change: Mapping[str, Any], rsa_keys: RsaKeys) -> None:
    """One bad entry is left out, and the good one beside it is taken."""
    bad = {**rsa_keys.rotated.jwk(), **change}
    assert set(read_key_set({"keys": [bad, rsa_keys.channel.jwk()]})) == {"channel-key"}
    assert set(read_key_set({"keys": [rsa_keys.rotated.jwk(), rsa_keys.channel.jwk()]})) == {
        "channel-key",
        "rotated-key",
    }


def test_key_of_another_kind_is_left_out(rsa_keys: RsaKeys) -> None:
    """Only RSA keys sign for the connector."""
    assert set(read_key_set({"keys": [elliptic_jwk(), rsa_keys.channel.jwk()]})) == {"channel-key"}


def test_key_without_endorsements_speaks_for_nobody(rsa_keys: RsaKeys) -> None:
    """Missing endorsements mean no channel, not all of them (F6)."""
    found = read_key_set({"keys": [rsa_keys.unendorsed.jwk(), rsa_keys.channel.jwk()]})
    assert found["unendorsed-key"].endorsements == frozenset()
    assert "msteams" in found["channel-key"].endorsements
