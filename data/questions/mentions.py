"""What a typed command names: a source by its id, a code, a number of days. Pure, and never more than it says.

A source is only ever a whole id of the settings (security.md 2.3, AZ-31): nothing that looks like a path, and nothing
that merely holds an id, names one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_TEXT = 2_000
"""Characters that are looked at; what lies beyond names nothing."""
_AROUND = ".,:;!?\"'()[]{}<>„“”‚‘’«»"
"""Punctuation around a word."""
_PATHLIKE = frozenset("/\\%*$;|&`=")
_NAMELIKE = re.compile(r"\w+(?:[-_.]\w+)+")
_KIND = re.compile(r"(?:logs?|traces?|exceptions?|stacktraces?|crash(?:es)?)\d*")
_GROUPS = re.compile(r"(?<!\w)(?=([A-Za-z0-9]{4})(?:\s?[-\u2010-\u2015]\s?|\s)?([A-Za-z0-9]{4})(?!\w))")
_AGE = re.compile(
    r"(?<![\w.,-])(\d{1,4}|[a-zäöüß]{1,12})[\s-]{0,2}"
    r"(?:(tage?n?|days?|d)|(wochen?|weeks?)|(monat(?:en?)?|months?)|(jahre?n?|years?))(?!\w)"
)
_ALERTS = re.compile(r"(?<!\w)(?:alarm|alert|hinweis|(?:frist)?warnung)", re.IGNORECASE)
_UNIT_DAYS = (1, 7, 30, 365)
_NUMBERS = {
    "ein": 1, "eine": 1, "einem": 1, "einen": 1, "einer": 1, "one": 1, "a": 1, "zwei": 2, "two": 2, "drei": 3,
    "three": 3, "vier": 4, "four": 4, "fünf": 5, "five": 5, "sechs": 6, "six": 6, "sieben": 7, "seven": 7, "acht": 8,
    "eight": 8, "zehn": 10, "ten": 10, "vierzehn": 14, "fourteen": 14, "zwanzig": 20, "twenty": 20, "dreißig": 30,
    "dreissig": 30, "thirty": 30, "sechzig": 60, "sixty": 60, "neunzig": 90, "ninety": 90, "hundert": 100,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """What a text names."""

    sources: tuple[str, ...] = ()
    """Known ids, in the order of the text, each once."""
    unknown: bool = False
    """Whether something is named that looks like a source or a path, and is none."""
    codes: tuple[str, ...] = ()
    """Everything that could be a code, as it was typed; most of it is two short words."""
    claims_code: bool = False
    """Whether one of them can hardly be anything but a code."""
    days: int | None = None
    """The first age that is named; months count 30 days, years 365."""

    @property
    def source(self) -> str:
        """Give the one source that is named; "" for none, for several, and where something unknown is named too."""
        return self.sources[0] if len(self.sources) == 1 and not self.unknown else ""


def mentioned(text: str, sources: Iterable[str]) -> Mentions:
    """Find what a text names; `sources` are the ids that there are. Never raises."""
    seen = text[:LONGEST_TEXT]
    known = frozenset(sources)
    tokens = [token.strip(_AROUND) for token in seen.replace(",", " ").split()]
    codes = _codes_of(seen)
    return Mentions(
        sources=tuple(dict.fromkeys(token.lower() for token in tokens if token.lower() in known)),
        unknown=any(_names_something(token) for token in tokens if token.lower() not in known),
        codes=codes,
        claims_code=any(_hardly_a_word(code) for code in codes),
        days=_days_of(seen.lower()),
    )


def _names_something(token: str) -> bool:
    """Tell whether a token looks like a path, or like the name of some place of logs."""
    if not _PATHLIKE.isdisjoint(token):
        return True
    last = re.split(r"[-_.]", token.lower())[-1]
    return bool(_NAMELIKE.fullmatch(token) and _KIND.fullmatch(last))


def _codes_of(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{first}-{second}" for first, second in _GROUPS.findall(text)))


def _hardly_a_word(code: str) -> bool:
    return any(letter.isdigit() for letter in code) or code == code.upper()


def _days_of(text: str) -> int | None:
    for found in _AGE.finditer(text):
        number = int(found[1]) if found[1].isdecimal() else _NUMBERS.get(found[1])
        if number is not None:
            return number * next(days for days, unit in zip(_UNIT_DAYS, found.groups()[1:], strict=True) if unit)
    return None


def mentions_alerts(text: str) -> bool:
    """Tell whether a text speaks of alerts."""
    return bool(_ALERTS.search(text[:LONGEST_TEXT]))
