"""The real bot, the real Playground and a real browser: started once, and a chat of its own for each test."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.local_teams import (
    HERE,
    PEOPLE,
    ROOT,
    Bot,
    Person,
    missing_for_playground,
    running_bot,
    running_playground,
)

ARTEFACTS = ROOT / "artefacts"
EMPLOYEE, ADMIN = PEOPLE[0], PEOPLE[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stands on the last card, and how many cards there are."""

    cards: int
    text: str
    buttons: tuple[str, ...]


class Browser:
    """Headless Chromium, driven by `browser.cjs`."""

    def __init__(self, chromium: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "browser.cjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.do("launch", chromium=chromium)

    def do(self, command: str, **parameters: str) -> Any:
        """Carry out one command; a failed one is a failed test that tells what the page showed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **parameters}) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline() or '{"error": "the browser has ended"}')
        if "error" in found:
            pytest.fail(f"{found['error']}\n--- the page showed:\n{found.get('shown', '')}")
        return found["answer"]

    def close(self) -> None:
        """End the browser."""
        self._process.communicate(timeout=30)


class Chat:
    """One person's chat with the bot, which begins with the bot's greeting."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.greeting = self.see("ProCall NEX")

    def say(self, text: str, *, expect: str) -> Seen:
        """Send a message and wait for the card that holds `expect`."""
        self._browser.do("say", text=text)
        return self.see(expect)

    def press(self, title: str, *, expect: str) -> Seen:
        """Press a button of the last card and wait until the last card holds `expect`."""
        self._browser.do("press", title=title)
        return self.see(expect)

    def see(self, text: str) -> Seen:
        """Wait until the last card holds a text."""
        found = self._browser.do("see", text=text)
        return Seen(cards=found["cards"], text=found["text"], buttons=tuple(found["buttons"]))

    def keep_picture(self, name: str) -> None:
        """Keep the last card, and the window around it, as pictures."""
        ARTEFACTS.mkdir(exist_ok=True)
        self._browser.do("shoot", card=str(ARTEFACTS / f"{name}.png"), window=str(ARTEFACTS / f"{name}.window.png"))


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
