"""A chat with the bot as a person has it: what they type, press and see, through `browser.cjs`."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.local_teams import HERE, ROOT

ARTEFACTS = ROOT / "artefacts"


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

    def do(self, command: str, **parameters: Any) -> Any:
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


class Room:
    """One person's window among several that are open at once; cards may come at any time."""

    def __init__(self, browser: Browser, name: str) -> None:
        self._browser, self._name = browser, name

    def say(self, text: str) -> None:
        """Send a message."""
        self._turn()
        self._browser.do("say", text=text)

    def find(self, *texts: str, patience: int = 30_000) -> Seen:
        """Wait until a card holds a text, or one of several, and give the last that does; patience in milliseconds."""
        self._turn()
        found = self._browser.do("find", text=list(texts) if len(texts) > 1 else texts[0], patience=patience)
        return Seen(cards=found["cards"], text=found["text"], buttons=tuple(found["buttons"]))

    def press(self, title: str, *, on: str, fields: Mapping[str, str] | None = None) -> None:
        """Press a button of the last card that holds `on`, after filling in fields by their labels."""
        self._turn()
        self._browser.do("pressOn", text=on, title=title, fields=dict(fields or {}))

    def keep_picture(self, name: str, *, of: str) -> None:
        """Keep a picture of the last card that holds a text, and of the window."""
        self._turn()
        ARTEFACTS.mkdir(exist_ok=True)
        paths = {"card": str(ARTEFACTS / f"{name}.png"), "window": str(ARTEFACTS / f"{name}.window.png")}
        self._browser.do("shootCard", text=of, **paths)

    def _turn(self) -> None:
        self._browser.do("turn", name=self._name)
