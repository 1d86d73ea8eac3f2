"""The cards around the answers: help and welcome, a recognised command, an error."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cards.elements import Card, Element, actions, card, execute, heading, subtle, text
from cards.texts import Texts
from cards.verbs import Verb

_MOST_IN_A_ROW: Final = 4
"""Teams leaves out what stands behind the sixth button of a row; two even rows are easier to read than six and two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A topic offered as an example."""

    id: str
    title: str


def help_card(
    texts: Texts,
    examples: Sequence[Example],
    *,
    roles: Sequence[str] = (),
    welcome: bool = False,
    before: str = "",
    doors: Sequence[Verb] = (),
    banner: bool = False,
) -> Card:
    """Say what can be asked; `roles` are the sections this person may see, `before` the key of what is said first.

    `doors` are what this person can look at with one press.
    """
    title = texts("help.welcome_title" if welcome else "help.title")
    body: list[Element] = []
    if before:
        body.append(text(texts(before), weight="Bolder"))
    body += [heading(title), text(texts("help.body")), text(texts("help.how"))]
    body.append(actions(_show(texts, example) for example in examples))
    if roles:
        body.append(text(texts("help.your_role"), weight="Bolder", separator=True))
        for role in roles:
            body += [text(texts(f"help.{role}")), subtle(texts(f"help.examples_{role}"))]
    if doors:
        body += [actions(row) for row in _rows(texts, doors)]
    said = f"{texts(before)} " if before else ""
    return card(texts, body, summary=f"{said}{title}. {texts('help.body')}", banner=banner)


def command_card(texts: Texts, command: str, *, allowed: bool, roles: Iterable[str], banner: bool = False) -> Card:
    """Say that a command was recognised and who may give it."""
    title = texts("command.title", name=texts(f"commands.{command}"))
    names = ", ".join(texts(f"roles.{role}") for role in roles)
    said = texts("command.later") if allowed else texts("command.refused", roles=names)
    return card(
        texts,
        [heading(title), text(said), subtle(texts("command.limit"))],
        summary=f"{title}. {said}",
        banner=banner,
    )


def error_card(texts: Texts, *, reference: str = "", unknown_button: bool = False, banner: bool = False) -> Card:
    """Say that something went wrong, that nothing was changed, and what to do."""
    said = texts("error.unknown_button" if unknown_button else "error.body")
    body = [heading(texts("error.title")), text(said)]
    if reference:
        body.append(subtle(texts("error.reference", reference=reference)))
    return card(texts, body, summary=f"{texts('error.title')}. {said}", banner=banner)


def _rows(texts: Texts, doors: Sequence[Verb]) -> Iterable[list[Element]]:
    """Give the buttons to all doors in rows that Teams shows whole."""
    made = [execute(texts(f"help.door_{door}"), door, {"lang": texts.lang.value}) for door in doors]
    return (made[start : start + _MOST_IN_A_ROW] for start in range(0, len(made), _MOST_IN_A_ROW))


def _show(texts: Texts, example: Example) -> Element:
    return execute(example.title, Verb.SHOW_TOPIC, {"id": example.id, "lang": texts.lang.value})
