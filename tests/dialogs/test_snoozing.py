"""A snooze that is typed is read only if it can mean one thing, and nothing sleeps past its limit."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.alerts import LASTING
from cards.parts import Said
from cards.texts import load_texts
from data.desk.alert import Alert
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, Instant, datetime_of, instant_of
from dialogs.snoozing import LONGEST_SLEEP, Wish, day_named, days_to_sleep, morning_of, read_wish

BERLIN = ZoneInfo("Europe/Berlin")
SAID = {lang: Said(texts=texts, zone=BERLIN) for lang, texts in load_texts().items()}
SUNDAY = instant_of(dt.datetime(2026, 12, 20, 12, tzinfo=dt.UTC))
INSTANTS = st.integers(SUNDAY - 400 * DAY, SUNDAY + 400 * DAY)


def read(text: str, now: Instant = SUNDAY) -> Wish:
    """Read what was typed."""
    return read_wish(text, SAID, now=now, zone=BERLIN)


def alert(limit: Instant | None = None, kind: FindingKind = FindingKind.DUE) -> Alert:
    """Make an alert."""
    return Alert(id="17", kind=kind, about="a", limit=limit, opened_at=0, changed_at=0)


@pytest.mark.parametrize(
    ("text", "day", "reason"),
    [
        ("snooze alert 17 bis freitag grund Urlaub bis Montag", "2026-12-25", "Urlaub bis Montag"),
        ("Hinweis 17 bis Freitag zurückstellen, Grund: wartet auf IT", "2026-12-25", "wartet auf IT"),
        ("Bitte stelle den Hinweis Nr. 17 bis zum 3.1. zurück, weil Betriebsferien sind", "2027-01-03",
         "Betriebsferien sind"),
        ("snooze alert #17 until 2026-12-24 because see alert 12", "2026-12-24", "see alert 12"),
        ("SNOOZE ALERT 0017 UNTIL TOMORROW BECAUSE X", "2026-12-21", "X"),
        ("verschiebe Alarm 17 auf den 24.12.2026, Begründung: x", "", "x"),
        ("Alarm 17 auf morgen verschieben wegen Wartung", "2026-12-21", "Wartung"),
    ],
)  # fmt: skip
def test_plain_words_are_read(text: str, day: str, reason: str) -> None:
    """Number, day and reason of everyday sentences in both languages, and mixed."""
    wish = read(text)
    assert wish.number == "17"
    assert wish.reason == reason
    assert wish.until == (morning_of(dt.date.fromisoformat(day), BERLIN) if day else None)


@pytest.mark.parametrize(
    "text",
    [
        "snooze alert 17 until sunday because x",
        "snooze alert 17 until next friday because x",
        "snooze alert 17 until friday or monday because x",
        "snooze alert 17 until 30.2. because x",
        "snooze alert 17 until 2026-12-20 because x",
        "snooze alert 17 until 24.12.2025 because x",
        "snooze alert 17 until 12/24 because x",
        "snooze alert 17 until friday not because x",
        "do not snooze alert 17 until friday because x",
        "don't snooze alert 17 until friday because x",
        "never snooze alert 17 until friday because x",
        "Hinweis 17 nicht bis Freitag zurückstellen, Grund: x",
        "ich habe Hinweis 17 bis Freitag gelesen, weil x",
        "snooze alert 17 because of holiday until friday",
        "alert 17",
    ],
)
def test_what_could_mean_another_thing_is_not_read(text: str) -> None:
    """Today's weekday, "next", two days, a day that is past or none, a negation: no day is taken from it."""
    assert read(text).until is None
    assert read("snooze alert 17 until friday because x").until is not None, "the positive control"


@pytest.mark.parametrize(
    "text", ["snooze 17 until friday because x", "snooze alert 17 and alert 18 until friday because x", "", "alert -1"]
)
def test_no_number_or_two_are_none(text: str) -> None:
    """An alert is named by one number behind its word."""
    assert read(text).number == ""


@given(text=st.text(max_size=300), now=INSTANTS)
def test_no_text_makes_it_fail(text: str, now: Instant) -> None:
    """Whatever is typed: an empty wish, or one that lies ahead."""
    for words in (text, f"snooze alert 17 until {text} because {text}"):
        wish = read(words, now)
        assert wish.until is None or wish.until > now
        assert wish.number == "" or wish.number.isdecimal()


@given(now=INSTANTS, ahead=st.integers(1, 6))
def test_a_weekday_is_the_next_one(now: Instant, ahead: int) -> None:
    """A weekday means the next day of that name, and wakes the alert in the morning, clock change or not."""
    day = datetime_of(now).astimezone(BERLIN).date() + dt.timedelta(days=ahead)
    until = read(f"snooze alert 17 until {day:%A} because x", now).until
    assert until == morning_of(day, BERLIN)
    assert datetime_of(until).astimezone(BERLIN).time() == dt.time(8)


@given(now=INSTANTS, away=st.integers(-3 * DAY, 30 * DAY) | st.none(), kind=st.sampled_from(FindingKind))
def test_no_day_that_is_offered_lies_past_the_limit(now: Instant, away: int | None, kind: FindingKind) -> None:
    """First and last day wake the alert ahead of now and before the limit, and no day between was left out."""
    limit = None if away is None else now + away
    found = days_to_sleep(alert(limit, kind), now, BERLIN)
    if found is None:
        tomorrow = datetime_of(now).astimezone(BERLIN).date() + dt.timedelta(days=1)
        near = limit is not None and morning_of(tomorrow, BERLIN) >= limit
        assert near or kind in LASTING or kind is FindingKind.OVERDUE
        return
    least, most = (day_named(day, BERLIN) for day in found)
    assert least is not None
    assert most is not None
    assert now < least <= most <= now + LONGEST_SLEEP * DAY
    assert limit is None or most < limit
    further = morning_of(dt.date.fromisoformat(found[1]) + dt.timedelta(days=1), BERLIN)
    assert further > now + LONGEST_SLEEP * DAY or (limit is not None and further >= limit)


def test_what_cannot_be_put_off_offers_no_day() -> None:
    """Past the limit, and for what cannot be undone, there is no day; a countdown with time left has some."""
    assert days_to_sleep(alert(SUNDAY + 5 * DAY), SUNDAY, BERLIN) == ("2026-12-21", "2026-12-25")
    assert days_to_sleep(alert(SUNDAY + HOUR), SUNDAY, BERLIN) is None
    assert days_to_sleep(replace(alert(), kind=FindingKind.OVERDUE), SUNDAY, BERLIN) is None
    for kind in LASTING:
        assert days_to_sleep(replace(alert(), kind=kind), SUNDAY, BERLIN) is None


@given(st.text(max_size=20))
def test_a_date_field_is_read_strictly(text: str) -> None:
    """Only a whole day of the calendar is one, whatever a client sends."""
    found = day_named(text, BERLIN)
    assert found is None or datetime_of(found).astimezone(BERLIN).date().isoformat() == text
    assert day_named("2026-12-24", BERLIN) == morning_of(dt.date(2026, 12, 24), BERLIN)
