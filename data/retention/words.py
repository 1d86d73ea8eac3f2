"""Words that people give as a reason: one plain line, nothing that a terminal or a card would obey."""

import unicodedata

from data.errors import RefusedError


def one_line(text: str, *, most: int) -> str:
    """Give the text on one line, without control and format characters, cut to so many characters.

    Raises `RefusedError` for a text that is none: bytes that are no UTF-8 arrive as lone surrogates.
    """
    if any(unicodedata.category(letter) == "Cs" for letter in text):
        raise RefusedError("bad_text", "the text is not valid UTF-8")
    plain = "".join(" " if letter.isspace() else letter for letter in unicodedata.normalize("NFC", text))
    shown = "".join(letter for letter in plain if unicodedata.category(letter) not in {"Cc", "Cf", "Co", "Cn"})
    return " ".join(shown.split())[:most].rstrip()


def says_something(reason: str) -> bool:
    """Tell whether a reason holds a letter or a digit: blanks, dashes and invisible characters give no reason."""
    return any(character.isalnum() for character in reason)
