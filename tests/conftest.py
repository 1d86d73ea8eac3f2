"""Fixtures for everybody: the world outside once per session, well and forgetful again before each test."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.world import LiveBot, PrivateCa, RsaKeys, StartBot, World, make_ca, make_keys, running_bot, running_world


@pytest.fixture(scope="session")
def rsa_keys() -> RsaKeys:
    """Make the key pairs once: they are what takes longest."""
    return make_keys()


@pytest.fixture(scope="session")
def private_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateCa]:
    """Make a certificate authority that the whole process trusts, as an operator would by the usual variables."""
    ca = make_ca(tmp_path_factory.mktemp("ca"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(ca.certificate))
        patch.setenv("REQUESTS_CA_BUNDLE", str(ca.certificate))
        yield ca


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_world(rsa_keys: RsaKeys, private_ca: PrivateCa) -> AsyncIterator[World]:
    """Start the servers once; tests use `world`."""
    async with running_world(rsa_keys, private_ca) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_bot(session_world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveBot]:
    """Start the bot once; tests use `bot`."""
    session_world.reset()
    async with running_bot(session_world.settings(tmp_path_factory.mktemp("state"))) as found:
        yield found


@pytest.fixture
def world(session_world: World) -> Iterator[World]:
    """Give the world, well and forgetful."""
    session_world.reset()
    yield session_world
    session_world.reset()


@pytest.fixture
def bot(session_bot: LiveBot, world: World) -> LiveBot:
    """Give the bot that all tests share; who changes its keys, its token or its files takes `start_bot`."""
    del world
    return session_bot


@pytest.fixture
def start_bot(world: World, tmp_path: Path) -> StartBot:
    """Start a bot of the test's own: `async with start_bot() as bot`; takes about a second."""
    numbers = itertools.count(1)

    def start(*, fetch_keys: bool = True, **sections: dict[str, object]) -> object:
        settings = world.settings(tmp_path / f"state-{next(numbers)}", **sections)
        return running_bot(settings, fetch_keys=fetch_keys)

    return start
