"""Numbers, amounts of data, instants and durations as each language writes them."""

from collections.abc import Callable
from typing import Final

from data.labels import Lang
from data.retention.instants import datetime_of, read_iso

Say = Callable[..., str]
"""Gives the sentence of a key in one language, filled in."""

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_STEP: Final = 1000
_NAMES: Final = ("B", "kB", "MB", "GB", "TB", "PB")


class Figures:
    """Writes plain values of a document for people."""

    def __init__(self, lang: Lang) -> None:
        self._thousands, self._point = (".", ",") if lang is Lang.DE else (",", ".")
        self._date = "%d.%m.%Y" if lang is Lang.DE else "%Y-%m-%d"

    def number(self, number: int) -> str:
        """Write a whole number with separators."""
        return f"{number:,}".replace(",", self._thousands)

    def size(self, count: int) -> str:
        """Write an amount of bytes with three digits or so and a decimal unit."""
        step = 0
        while count >= _STEP ** (step + 1) and step < len(_NAMES) - 1:
            step += 1
        if not step:
            return f"{count} B"
        tenths = count * 10 // _STEP**step
        return f"{self.number(tenths // 10)}{self._point}{tenths % 10} {_NAMES[step]}"

    def instant(self, text: str | None) -> str:
        """Write an instant of a document in UTC, to the last digit that was recorded; a dash for none."""
        if text is None:
            return "–"
        moment = datetime_of(read_iso(text))
        fraction = f"{moment:%f}".rstrip("0")
        return f"{moment:{self._date}}, {moment:%H:%M:%S}{self._point + fraction if fraction else ''} UTC"

    def day(self, text: str) -> str:
        """Write the day of an instant, in UTC."""
        return f"{datetime_of(read_iso(text)):{self._date}}"

    def period(self, seconds: int, say: Say) -> str:
        """Write a duration in days where it is whole days, else in hours, rounded down."""
        if seconds % _DAY:
            return say("certificate.hours", count=self.number(seconds // _HOUR))
        days = seconds // _DAY
        return say("certificate.day") if days == 1 else say("certificate.days", count=self.number(days))
