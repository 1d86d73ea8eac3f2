"""What a dialog is to the rest: it hears verbs and commands, and shows its subjects to whoever may see them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cards.elements import Card
from data.access import Actor
from data.labels import Lang
from data.questions.commands import Command
from dialogs.turn import Reply, Turn

Act = Callable[[Turn, Lang], Awaitable[Reply]]
"""Answers one verb or command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who will see a card, and where."""

    actor: Actor
    """In a channel somebody without object id who has the roles of the channel's people."""
    recipient: str
    """Pseudonym, or the word of a channel."""
    place: str
    """Id of the conversation; seals are bound to it."""
    lang: Lang
    personal: bool = True


class Dialog(Protocol):
    """One part of what the bot can talk about."""

    def verbs(self) -> Mapping[str, Act]:
        """Give what answers each verb of this dialog."""
        ...

    def commands(self) -> Mapping[Command, Act]:
        """Give what answers each typed command of this dialog."""
        ...

    def faces(self) -> Mapping[str, Callable[[str, Viewer], Awaitable[Card | None]]]:
        """Give, by kind of subject (`request`, `alert`), what draws the present card of one for a viewer."""
        ...
