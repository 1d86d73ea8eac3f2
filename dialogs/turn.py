"""Turn and Reply: the two values that cross the border between the bot and the dialogs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from data.access import Actor
from data.labels import Lang


@unique
class TurnKind(StrEnum):
    """What came in."""

    MESSAGE = "message"
    ACTION = "action"
    SEARCH = "search"
    WELCOME = "welcome"
    FAREWELL = "farewell"
    """The app was taken away: nobody is to be written to here any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing somebody said or pressed, without anything of Teams."""

    kind: TurnKind
    actor: Actor
    conversation: str
    """Which conversation this belongs to; an opaque key."""
    text: str = ""
    verb: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    locale: Lang = Lang.DE
    """Language of the person's Teams, for where the text does not tell."""
    lang: Lang | None = None
    """Language to answer in, where the asker said so; the text tells otherwise."""
    cut: bool = False
    """Whether the text was longer than what is read."""
    place: str = ""
    """Id of the conversation: what seals and references are bound to."""
    personal: bool = True
    """Whether nobody else reads along."""
    service_url: str = ""
    """Where the conversation is reached, as the gate has let it pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One search result: the card to insert and its line in the list."""

    card: Mapping[str, Any]
    preview: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back: a card, or search results."""

    card: Mapping[str, Any] | None = None
    found: tuple[Found, ...] = ()
    outcome: str = ""
    """What became of the turn, for metrics: a word of the label contract or of the actions."""
    topics: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    confidence: float = 1.0
    lang: Lang = Lang.DE
    subject: str = ""
    """What the card shows, if it is to change in place when that changes: `request/3f2a`, `alert/17`."""
