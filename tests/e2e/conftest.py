"""The real bot, the real Playground and a real browser: started once, and a chat of its own for each test."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.chat import Browser, Chat, Room
from tests.e2e.local_teams import EMPLOYEE, Bot, Person, missing_for_playground, running_bot, running_playground


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find the browser; skip, or fail where everything is required, when it or the Playground is missing."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    reason = missing_for_playground() or ("" if found else "Chromium is not here")
    if reason and os.environ.get("PROCALL_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    if reason or found is None:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Start Chromium once."""
    found = Browser(chromium)
    yield found
    found.close()


@pytest.fixture(scope="session")
def dev_bot(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """Start `python app.py serve --dev` once, in a folder of its own."""
    folder = tmp_path_factory.mktemp("dev-bot")
    shutil.copytree(trained, folder / "var" / "dev")
    with running_bot(folder / "logs", folder=folder) as found:
        yield found


@pytest.fixture
def chat_as(browser: Browser, dev_bot: Bot, tmp_path: Path) -> Iterator[Callable[[Person], Chat]]:
    """Give what opens the pretended Teams as somebody, freshly started."""
    with ExitStack() as stack:

        def open_chat(person: Person) -> Chat:
            playground = stack.enter_context(running_playground(dev_bot, person, tmp_path, chat=secrets.token_hex(4)))
            browser.do("open", url=playground.url)
            return Chat(browser)

        yield open_chat


@pytest.fixture
def chat(chat_as: Callable[[Person], Chat]) -> Chat:
    """Open the pretended Teams as the employee."""
    return chat_as(EMPLOYEE)


@pytest.fixture
def rooms(browser: Browser, chromium: str, trained: Path, tmp_path: Path) -> Iterator[Callable[[Person], Room]]:
    """Give what opens the pretended Teams as somebody, beside the others that are open already.

    Each test has a bot of its own: in Teams somebody has one chat with the bot for ever, and what was sent to a chat of
    another test would be missing here.
    """
    del chromium
    folder = tmp_path / "bot"
    shutil.copytree(trained, folder / "var" / "dev")
    with ExitStack() as stack:
        bot = stack.enter_context(running_bot(folder / "logs", folder=folder))

        def open_room(person: Person) -> Room:
            playground = stack.enter_context(running_playground(bot, person, tmp_path))
            browser.do("open", url=playground.url, name=person.id)
            return Room(browser, person.id)

        yield open_room
