"""Until when an alert may sleep, and what "snooze alert 17 until friday because ..." says, if it says it for certain.

An alert wakes in the morning of the day that is named. Pure; the words people use come with the sentences of the cards.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from babel.dates import get_day_names

from cards.alerts import LASTING
from cards.parts import Said
from data.desk.alert import Alert
from data.labels import Lang
from data.retention.finding import FindingKind
from data.retention.instants import DAY, Instant, datetime_of, instant_of

MORNING: Final = dt.time(8)
LONGEST_SLEEP: Final = 7
"""Days."""
_KEYS: Final = ("snooze.alert", "snooze.number", "snooze.until", "snooze.reason", "snooze.tomorrow", "snooze.next",
                "snooze.verb", "snooze.around")  # fmt: skip
_MARKS = " ,.;:!"
_SEEN = 500
"""Characters that are looked at."""
_PLAIN_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody typed; what could not be read for certain is empty."""

    number: str = ""
    until: Instant | None = None
    reason: str = ""


def morning_of(day: dt.date, zone: dt.tzinfo) -> Instant:
    """Give the instant at which an alert wakes that sleeps until a day."""
    return instant_of(dt.datetime.combine(day, MORNING, tzinfo=zone))


def day_named(text: str, zone: dt.tzinfo) -> Instant | None:
    """Read what a date field sends, ISO 8601; None for anything else."""
    found = _PLAIN_DAY.fullmatch(text)
    day = _date(*map(int, found.groups())) if found else None
    return None if day is None else morning_of(day, zone)


def days_to_sleep(alert: Alert, now: Instant, zone: dt.tzinfo) -> tuple[str, str] | None:
    """Give the first and the last day until which an alert may sleep; None where there is none before the limit."""
    if alert.kind in LASTING or alert.kind is FindingKind.OVERDUE:
        return None
    today = datetime_of(now).astimezone(zone).date()
    days = [today + dt.timedelta(days=ahead) for ahead in range(1, LONGEST_SLEEP + 1)]
    ends = now + LONGEST_SLEEP * DAY if alert.limit is None else min(now + LONGEST_SLEEP * DAY, alert.limit - 1)
    fit = [day for day in days if morning_of(day, zone) <= ends]
    return (fit[0].isoformat(), fit[-1].isoformat()) if fit else None


def read_wish(text: str, said: Mapping[Lang, Said], *, now: Instant, zone: dt.tzinfo) -> Wish:
    """Read a typed snooze: number, day and reason, each only if it can mean one thing; never raises.

    Both languages are read at once, for people mix them.
    """
    words = _Words(said.values())
    order, _, reason = _cut(words.reason, " ".join(text[:_SEEN].split()))
    numbers = {found["number"].lstrip("0") for found in words.number.finditer(order)}
    head, _, day = _cut(words.until, order)
    day = words.verb.sub("", day.rstrip(_MARKS)).strip(_MARKS)
    until = _day_of(day, words, datetime_of(now).astimezone(zone).date()) if words.only_ask(head) else None
    return Wish(
        number=numbers.pop() if len(numbers) == 1 else "",
        until=None if until is None else morning_of(until, zone),
        reason=reason.strip(" :,-–"),
    )


class _Words:
    """What people type around the three things, in all languages."""

    def __init__(self, said: Iterable[Said]) -> None:
        voices = list(said)
        listed = {key: [word for voice in voices for word in voice(key).split("|")] for key in _KEYS}
        alert, number, until, reason, tomorrow, following, verb = (_any_of(listed[key]) for key in _KEYS[:-1])
        self.number = re.compile(rf"\b{alert}\s*(?:{number}\s*|#\s*)?(?P<number>\d{{1,6}})\b", re.IGNORECASE)
        self.until = re.compile(rf"\b{until}\s", re.IGNORECASE)
        self.reason = re.compile(rf"(?:^|[\s,;.]){reason}(?:\s*:|\s)", re.IGNORECASE)
        self.tomorrow = re.compile(tomorrow, re.IGNORECASE)
        self.following = re.compile(rf"^{following}\s+", re.IGNORECASE)
        self.verb = re.compile(rf"\s+{verb}$", re.IGNORECASE)
        self.around = frozenset(listed["snooze.around"]) | frozenset(listed["snooze.verb"])
        self.weekdays = {
            name.lower(): number
            for voice in voices
            for number, name in get_day_names("wide", locale=voice.texts.lang.value).items()
        }

    def only_ask(self, head: str) -> bool:
        """Tell whether nothing stands before the day but the alert and words that ask for a snooze: no "not", say."""
        left = self.number.sub(" ", head, count=1).lower()
        return all(word.strip(_MARKS) in self.around for word in left.split() if word.strip(_MARKS))


def _any_of(words: Sequence[str]) -> str:
    longest_first = sorted(set(words), key=len, reverse=True)
    return f"(?:{'|'.join(re.escape(word) for word in longest_first)})"


def _cut(pattern: re.Pattern[str], text: str) -> tuple[str, str, str]:
    found = pattern.search(text)
    return (text[: found.start()], found.group(), text[found.end() :]) if found else (text, "", "")


def _day_of(text: str, words: _Words, today: dt.date) -> dt.date | None:
    """Read a day; None for one that is not wholly a day, lies behind, or could be two (a weekday that is today)."""
    if words.tomorrow.fullmatch(text):
        return today + dt.timedelta(days=1)
    named = words.following.sub("", text).lower()
    if named in words.weekdays:
        ahead = (words.weekdays[named] - today.weekday()) % 7
        near = named == text.lower()  # "next friday" means this week's to some, and the one after to others
        return today + dt.timedelta(days=ahead) if ahead and near else None
    if plain := _PLAIN_DAY.fullmatch(text):
        return _ahead(_date(*map(int, plain.groups())), today)
    if german := _GERMAN_DAY.fullmatch(f"{text}." if re.fullmatch(r"\d{1,2}\.\s?\d{1,2}", text) else text):
        day, month = int(german[1]), int(german[2])
        if german[3]:
            return _ahead(_date(int(german[3]), month, day), today)
        return next(
            (found for year in (today.year, today.year + 1) if (found := _ahead(_date(year, month, day), today))), None
        )
    return None


def _ahead(day: dt.date | None, today: dt.date) -> dt.date | None:
    return day if day is not None and day > today else None


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
