"""Which indices a source names: a grammar with both ends fixed, never a wildcard. Asks nobody."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "year": "(?:19|20)[0-9]{2}",
        "month": "(?:0[1-9]|1[0-2])",
        "week": "(?:0[1-9]|[1-4][0-9]|5[0-3])",
        "day": "(?:0[1-9]|[12][0-9]|3[01])",
        "hour": "(?:[01][0-9]|2[0-3])",
        "number": "[0-9]{1,10}",
    }
)
_TOKEN: Final = re.compile(r"\{([a-z]+)\}|([a-z0-9._-]+)")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,250}")
FIXED: Final = 3
"""Characters that a name begins with before its first part that varies."""


def is_index_name(text: str) -> bool:
    """Tell whether this can be the name of a plain index: none that is hidden or the engine's own."""
    return _NAME.fullmatch(text) is not None and text not in {".", ".."}


def grammar_of(text: str) -> re.Pattern[str]:
    """Compile a name such as `shop-logs-{year}.{month}.{day}`; raises `ValueError`.

    What is fixed is fixed to the letter, so that a counter is never taken for a year and no name matches in part.
    """
    place, fixed = 0, ""
    pieces: list[str] = []
    for token in _TOKEN.finditer(text):
        if token.start() != place:
            break
        word, literal = token.groups()
        if word is not None and word not in _PARTS:
            raise ValueError(f"{text!r}: {{{word}}} is none of {', '.join('{' + name + '}' for name in _PARTS)}")
        if word is None and not any(piece.startswith(("(", "[")) for piece in pieces):
            fixed += literal
        pieces.append(_PARTS[word] if word is not None else re.escape(literal))
        place = token.end()
    if place != len(text) or not pieces:
        raise ValueError(f"{text!r}: only a-z, 0-9, dot, hyphen, underscore and parts such as {{year}}; no wildcards")
    if not is_index_name(fixed[:1] or "-"):
        raise ValueError(f"{text!r}: must begin with a letter or a digit: other indices are the engine's own or hidden")
    if len(fixed) < FIXED:
        raise ValueError(f"{text!r}: must begin with at least {FIXED} fixed characters")
    return re.compile("".join(pieces))


def reading_pattern(text: str) -> str:
    """Give the wider expression by which candidates are listed; nothing is ever deleted by it.

    It always ends in a wildcard: an engine calls it an error if a name without one is missing.
    """
    return re.sub(r"\*+", "*", re.sub(r"\{[a-z]+\}", "*", text) + "*")
