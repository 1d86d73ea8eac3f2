"""What several cards say the same way: instants, amounts, the standing in the terms, and fields to fill in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_percent

from cards.elements import Element, execute, subtle
from cards.texts import Texts
from cards.verbs import Verb
from data.catalogue.model import TERMS_VERSION
from data.certificate.figures import Figures
from data.retention.instants import DAY, SECOND, Instant, datetime_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The sentences of one language, and how that language writes times and numbers."""

    texts: Texts
    zone: ZoneInfo
    banner: bool = False
    """Whether cards carry the banner of dev mode."""

    def __call__(self, key: str, **values: str) -> str:
        """Give a sentence."""
        return self.texts(key, **values)

    @property
    def _locale(self) -> str:
        return "de_DE" if self.texts.lang.value == "de" else "en_GB"

    def when(self, instant: Instant | None) -> str:
        """Write an instant with day, time and zone; a dash for none."""
        if instant is None:
            return "–"
        # No "24. Nov.": a number with a full stop and a blank would begin a list in Markdown.
        pattern = "dd.MM.y, HH:mm zzz" if self.texts.lang.value == "de" else "d MMM y, HH:mm zzz"
        return format_datetime(datetime_of(instant).astimezone(self.zone), pattern, locale=self._locale)

    def day(self, instant: Instant | None) -> str:
        """Write the day of an instant; a dash for none."""
        if instant is None:
            return "–"
        return format_date(datetime_of(instant).astimezone(self.zone).date(), "medium", locale=self._locale)

    def span(self, microseconds: int) -> str:
        """Write a duration in its largest unit: "3 Tage", "2 hours"."""
        seconds = abs(microseconds) // SECOND
        return str(format_timedelta(seconds, granularity="second", threshold=1.2, locale=self._locale))

    def days(self, microseconds: int) -> str:
        """Write a duration in whole days, rounded towards zero."""
        return str(format_timedelta(abs(microseconds) // DAY * 86_400, granularity="day", threshold=1e9,
                                    locale=self._locale))  # fmt: skip

    def number(self, number: int) -> str:
        """Write a whole number."""
        return Figures(self.texts.lang).number(number)

    def share(self, share: float) -> str:
        """Write a share from 0 to 1 in per cent."""
        return str(format_percent(share, locale=self._locale))

    def size(self, count: int) -> str:
        """Write an amount of bytes with a decimal unit."""
        return Figures(self.texts.lang).size(count)


def standing_in_terms(said: Said) -> list[Element]:
    """Say under every purge and alert what clause 2.7 says, whom it binds, and whose logs these are."""
    return [subtle(said("terms.clause_2_7", version=TERMS_VERSION)), subtle(said("terms.whose"))]


def field(name: str, label: str, **options: Any) -> Element:
    """A line to type into; `label` is read out by screen readers too."""
    return {"type": "Input.Text", "id": name, "label": label, **options}


def day_field(name: str, label: str, *, least: str, most: str, value: str = "") -> Element:
    """A day to pick; days are ISO 8601."""
    return {"type": "Input.Date", "id": name, "label": label, "min": least, "max": most,
            **({"value": value} if value else {})}  # fmt: skip


def choice_field(
    name: str, label: str, choices: Iterable[tuple[str, str]], *, value: str = "", many: bool = False
) -> Element:
    """Something to choose from `(value, title)` pairs."""
    return {
        "type": "Input.ChoiceSet",
        "id": name,
        "label": label,
        "style": "compact",
        "choices": [{"title": title, "value": worth} for worth, title in choices],
        **({"isMultiSelect": True} if many else {}),
        **({"value": value} if value else {}),
    }


def button(title: str, verb: Verb, data: Mapping[str, Any], *, style: str = "default", tooltip: str = "") -> Element:
    """A button that comes back, with `positive` or `destructive` style where it matters."""
    made = execute(title, verb, data, tooltip=tooltip)
    if style != "default":
        made["style"] = made["fallback"]["style"] = style
    return made
