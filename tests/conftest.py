"""Fixtures for everybody: the world outside once per session, well and forgetful again before each test."""

import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from bot.server import Edge
from data.stores.postgres.database import Database
from data.stores.postgres.migrations import migrate
from tests.postgres import database_of, new_database, server
from tests.world import (
    LiveBot,
    PrivateCa,
    RsaKeys,
    StartBot,
    World,
    make_ca,
    make_keys,
    running_bot,
    running_world,
    train_into,
)

settings.register_profile("procall", deadline=None, database=None, print_blob=True)
settings.load_profile("procall")


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


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a state folder that holds a trained model, if the shipped one does not fit the catalogue."""
    folder = tmp_path_factory.mktemp("trained")
    train_into(folder)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the DSN of a PostgreSQL server on which databases may be made and dropped."""
    with server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def migrated(postgres: str) -> Iterator[str]:
    """Give the name of a database with the newest schema and nothing in it, to be copied."""
    with new_database(postgres) as dsn:
        migrate(dsn)
        yield database_of(dsn)


@pytest.fixture
def dsn(postgres: str, migrated: str) -> Iterator[str]:
    """Give the DSN of a database with the newest schema and nothing in it."""
    with new_database(postgres, template=migrated) as found:
        yield found


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    """Give such a database, connected."""
    found = Database(dsn)
    yield found
    found.close()


def copy_model(trained: Path, folder: Path) -> None:
    """Give a state folder the trained model, if there is one."""
    for model in trained.glob("model.npz"):
        shutil.copy(model, folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_bot(session_world: World, trained: Path) -> AsyncIterator[LiveBot]:
    """Start the bot once; tests use `bot`."""
    session_world.reset()
    async with running_bot(session_world.settings(trained)) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session_unlucky_bot(
    session_world: World, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveBot]:
    """Start a second bot once; tests use `unlucky_bot`."""
    folder = tmp_path_factory.mktemp("unlucky")
    copy_model(trained, folder)
    session_world.reset()
    async with running_bot(session_world.settings(folder)) as found:
        yield found


@pytest.fixture
def world(session_world: World) -> Iterator[World]:
    """Give the world, well and forgetful."""
    session_world.reset()
    yield session_world
    session_world.reset()


@pytest.fixture
def bot(session_bot: LiveBot, world: World) -> LiveBot:
    """Give the bot that all tests share; who changes its keys, token or files, or asks `/livez`, takes `start_bot`."""
    del world
    return session_bot


@pytest.fixture
def new_state(tmp_path: Path, trained: Path) -> Callable[[], Path]:
    """Give what makes empty state folders, with the trained model where one is needed."""
    numbers = itertools.count(1)

    def make() -> Path:
        folder = tmp_path / f"state-{next(numbers)}"
        folder.mkdir(mode=0o700)
        copy_model(trained, folder)
        return folder

    return make


@pytest.fixture
def unlucky_bot(session_unlucky_bot: LiveBot, world: World) -> LiveBot:
    """Give the bot for turns that fail at the connector: the figures of `bot` say that none ever did."""
    del world
    return session_unlucky_bot


@pytest.fixture
def start_bot(world: World, new_state: Callable[[], Path]) -> StartBot:
    """Give what starts a bot of the test's own, with settings of its own; takes about a second."""

    def start(
        *,
        fetch_keys: bool = True,
        edge: Callable[[Any], Edge] | None = None,
        **sections: dict[str, object],
    ) -> AbstractAsyncContextManager[LiveBot]:
        return running_bot(world.settings(new_state(), **sections), fetch_keys=fetch_keys, edge=edge)

    return start
