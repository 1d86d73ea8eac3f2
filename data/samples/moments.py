"""When the made-up people work: instants over the days, and how a clock on a German wall shows them."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from data.retention.instants import Instant, datetime_of, instant_of
from data.samples.dice import Dice

ZONE: Final = "Europe/Berlin"
_TICK: Final = 1000
"""Stamps have whole milliseconds."""
_OFFICE: Final = (0.30, 0.78)
"""The share of a day from a quarter past seven to a quarter to seven in the evening."""


def local(at: Instant) -> datetime:
    """Give the time a clock in Germany shows."""
    return datetime_of(at).astimezone(ZoneInfo(ZONE))


def readings(at: Instant) -> tuple[Instant, Instant]:
    """Give the earliest and the latest instant that the same German wall time without an offset may mean."""
    shown = local(at)
    both = sorted((instant_of(shown.replace(fold=0)), instant_of(shown.replace(fold=1))))
    return both[0], both[1]


def days_between(start: Instant, end: Instant) -> list[tuple[Instant, Instant]]:
    """List the German calendar days that touch the time from start to end, as instants of their midnights."""
    day, last = local(start).date(), local(end).date()
    found = []
    while day <= last:
        found.append((_midnight(day), _midnight(day + timedelta(days=1))))
        day += timedelta(days=1)
    return found


def moments(dice: Dice, start: Instant, end: Instant, per_day: int) -> list[Instant]:
    """Give instants in order, about so many a working day, none before start and none after end."""
    found = []
    for midnight, following in days_between(start, end):
        weekend = local(midnight).weekday() > 4  # noqa: PLR2004  Saturday and Sunday
        for _ in range(max(per_day // 6, 1) if weekend else per_day):
            share = dice.below(1_000_000) / 1_000_000
            if not dice.share(15):
                share = _OFFICE[0] + share * (_OFFICE[1] - _OFFICE[0])
            at = (midnight + int(share * (following - midnight))) // _TICK * _TICK
            if start <= at <= end:
                found.append(at)
    return sorted(found)


def nightly(start: Instant, end: Instant, hours: float) -> list[Instant]:
    """Give one instant in each night, so many elapsed hours after midnight, between start and end."""
    after = int(hours * 3600) * 1_000_000
    return [at for midnight, _ in days_between(start, end) if start <= (at := midnight + after) <= end]


def _midnight(day: date) -> Instant:
    return instant_of(datetime.combine(day, time(), tzinfo=ZoneInfo(ZONE)))
