"""The Adaptive Card elements this product uses, as functions: version 1.5, every text escaped where it is foreign."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cards.texts import Texts
from cards.verbs import Verb

Element = dict[str, Any]
Card = dict[str, Any]

MAX_CARD_CHARS = 28 * 1024 // 2
"""28 KB counted as UTF-16."""
_FOREIGN_LENGTH = 200
_MARKDOWN = re.compile(r"([\\`*_\[\]()<>#~|{}!$]|&(?=#?\w+;))")
_HIDDEN = {"Cf", "Cc", "Co", "Cs", "Cn"}
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks by their category, but nobody sees them."""


def escape(foreign: str, *, longest: int = _FOREIGN_LENGTH) -> str:
    """Make text from outside harmless inside a TextBlock: no Markdown, no mentions, no hidden characters, one line."""
    visible = "".join(
        f"[U+{ord(char):04X}]"
        if char in _BLANK or (unicodedata.category(char) in _HIDDEN and char not in "\t\r\n")
        else char
        for char in unicodedata.normalize("NFC", foreign)
    )
    line = " ".join(visible.split())
    if len(line) > longest:
        line = line[: longest - 1] + "…"
    # A full stop or plus behind a leading number, and a leading dash, would make a list.
    return re.sub(r"^(\d*)([.+-])", r"\1\\\2", _MARKDOWN.sub(r"\\\1", line))


def text(content: str, **options: Any) -> Element:
    """A paragraph that wraps."""
    return {"type": "TextBlock", "text": content, "wrap": True, **options}


def heading(content: str) -> Element:
    """The title of a card, announced as one by screen readers."""
    return text(content, size="Large", weight="Bolder", style="heading")


def subtle(content: str) -> Element:
    """Small print."""
    return text(content, size="Small", isSubtle=True, spacing="Small")


def facts(rows: Sequence[tuple[str, str]]) -> Element:
    """A table of two columns."""
    return {"type": "FactSet", "facts": [{"title": title, "value": value} for title, value in rows]}


def container(items: Iterable[Element], **options: Any) -> Element:
    """A group of elements."""
    return {"type": "Container", "items": list(items), **options}


def actions(buttons: Iterable[Element]) -> Element:
    """A row of buttons inside the card."""
    return {"type": "ActionSet", "actions": list(buttons)}


def execute(title: str, verb: Verb, data: Mapping[str, Any], *, tooltip: str = "") -> Element:
    """A button that comes back to the bot; clients without Universal Actions submit the same data."""
    button = {"title": title, **({"tooltip": tooltip} if tooltip else {})}
    return {
        "type": "Action.Execute",
        "verb": verb.value,
        "data": dict(data),
        **button,
        "fallback": {"type": "Action.Submit", "data": {"verb": verb.value, **data}, **button},
    }


def open_url(title: str, url: str) -> Element:
    """A button that opens a web page."""
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def card(texts: Texts, body: Iterable[Element], *, summary: str, banner: bool) -> Card:
    """A whole card; `summary` is what clients show that cannot show cards."""
    items = list(body)
    if banner:
        warning = text(texts("common.dev_banner"), size="Small", weight="Bolder", color="Attention")
        items.insert(0, container([warning], style="attention", bleed=True))
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "lang": texts.lang.value,
        "fallbackText": summary,
        "body": items,
    }


def visible_text(shown: Card) -> str:
    """Give what a person reads on a card, in order, without its buttons."""
    lines: list[str] = []
    _collect(shown.get("body", []), lines)
    return "\n".join(lines)


def _collect(items: Iterable[Mapping[str, Any]], lines: list[str]) -> None:
    for item in items:
        if item["type"] == "TextBlock":
            lines.append(item["text"])
        elif item["type"] == "FactSet":
            lines.extend(f"{row['title']}: {row['value']}" for row in item["facts"])
        else:
            _collect(item.get("items", []), lines)
