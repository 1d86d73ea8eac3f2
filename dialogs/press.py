"""Sealed buttons: made for a viewer and a state, judged when they are pressed (design 3.4)."""

from collections.abc import Callable
from typing import Any

from cards.verbs import Verb
from data.desk.seal import Fit, Seal
from dialogs.face import Viewer
from dialogs.turn import Turn

Press = Callable[[Verb], dict[str, Any]]
"""Gives the data of a sealed button."""


def presses(seal: Seal, viewer: Viewer, *, subject: str, stamp: str) -> Press:
    """Give what makes the data of buttons on one card: the subject's id, the seal, the language, nothing else."""
    name = subject.partition("/")[2]

    def press(verb: Verb) -> dict[str, Any]:
        sealed = seal.make(verb.value, subject, stamp, viewer.place)
        return {"id": name, "n": sealed, "lang": viewer.lang.value}

    return press


def judge_press(seal: Seal, turn: Turn, *, subject: str, stamp: str) -> Fit:
    """Tell whether a pressed button was made by this bot, here, and for the present state of its subject."""
    return seal.judge(turn.data.get("n"), verb=turn.verb, subject=subject, stamp=stamp, place=turn.place)


def pressed_id(turn: Turn) -> str:
    """Give the id a button names; "" for anything that cannot be one."""
    value = turn.data.get("id")
    plain = isinstance(value, str) and 0 < len(value) <= 60 and value.isascii()  # noqa: PLR2004  longer than any id
    return str(value) if plain and all(c.isalnum() or c in "-._" for c in str(value)) else ""


def typed(turn: Turn, field: str, *, most: int) -> str:
    """Give what somebody typed into a field of a card, cut to so many characters; "" for anything but text."""
    value = turn.data.get(field)
    return value[:most] if isinstance(value, str) else ""
