"""Instants are exact: no moment is lost, gained or shifted on the way through them."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.retention.instants import (
    BEGINNING,
    BELIEVABLE,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    datetime_of,
    instant_of,
    iso,
    read_iso,
    whole_seconds,
)

END = instant_of(dt.datetime.max.replace(tzinfo=dt.UTC))
INSTANTS = st.integers(BEGINNING, END)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
FIRST, LAST = (datetime_of(edge).replace(tzinfo=None) for edge in (BEGINNING + 2 * DAY, END - 2 * DAY))
MOMENTS = st.datetimes(min_value=FIRST, max_value=LAST, timezones=OFFSETS, allow_imaginary=False)


@given(INSTANTS)
def test_an_instant_survives_the_way_there_and_back(instant: int) -> None:
    """Every microsecond from year 1 to year 9999 is the same instant as a datetime and as a text."""
    assert instant_of(datetime_of(instant)) == instant
    assert read_iso(iso(instant)) == instant
    assert iso(instant).endswith("Z")
    assert datetime_of(instant).utcoffset() == dt.timedelta(0)


@given(MOMENTS, MOMENTS)
def test_instants_are_ordered_as_moments_are(one: dt.datetime, other: dt.datetime) -> None:
    """Comparing and subtracting instants is comparing and subtracting moments, whatever their offsets."""
    assert (instant_of(one) < instant_of(other)) is (one < other)
    assert (instant_of(one) == instant_of(other)) is (one == other)
    assert instant_of(one) - instant_of(other) == (one - other) // dt.timedelta(microseconds=1)


@given(MOMENTS)
def test_a_text_with_an_offset_is_the_same_instant(moment: dt.datetime) -> None:
    """A stamp is read by its offset, not by its digits."""
    assert read_iso(moment.isoformat()) == instant_of(moment)


@given(INSTANTS)
def test_whole_seconds_are_cut_never_rounded_up(instant: int) -> None:
    """A cutoff cut to seconds is never later than what it was cut from, before 1970 too, and cutting twice is once."""
    cut = whole_seconds(instant)
    assert cut % SECOND == 0
    assert 0 <= instant - cut < SECOND
    assert whole_seconds(cut) == cut
    assert "." not in iso(cut)


@given(st.datetimes(min_value=FIRST, max_value=LAST))
def test_a_naive_moment_names_no_instant(moment: dt.datetime) -> None:
    """A datetime or a text without an offset is refused; with one it is taken."""
    with pytest.raises(ValueError, match="naive"):
        instant_of(moment)
    with pytest.raises(ValueError, match="naive"):
        read_iso(moment.isoformat())
    assert instant_of(moment.replace(tzinfo=dt.UTC)) == read_iso(moment.isoformat() + "Z")


def test_the_units_are_microseconds() -> None:
    """The constants are what they say, and a known moment is where it belongs."""
    assert (SECOND, MINUTE, HOUR, DAY) == (1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000)
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(BEGINNING) == "0001-01-01T00:00:00Z"
    assert iso(BELIEVABLE) == "2000-01-01T00:00:00Z"
    assert iso(1) == "1970-01-01T00:00:00.000001Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"


def test_a_day_is_elapsed_time() -> None:
    """Over the night the clocks go back 90 days are an hour shorter than 90 dates (purge.md 6.2)."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    now = dt.datetime(2026, 11, 23, 12, tzinfo=berlin)
    dates = instant_of(now) - instant_of(now - dt.timedelta(days=90))
    assert dates - 90 * DAY == HOUR


@given(st.sampled_from(sorted(zoneinfo.available_timezones())), INSTANTS)
def test_a_moment_in_any_zone_is_the_same_instant(zone: str, instant: int) -> None:
    """Seen in any zone, also in the hour that a clock shows twice, a moment stays the instant it was."""
    if BEGINNING + 2 * DAY < instant < END - 2 * DAY:
        assert instant_of(datetime_of(instant).astimezone(zoneinfo.ZoneInfo(zone))) == instant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "2026-02-29T00:00:00Z", "Z"])
def test_what_is_no_stamp_is_refused(text: str) -> None:
    """A text that names no instant is a `ValueError`; one that does is read."""
    with pytest.raises(ValueError, match=r".+"):
        read_iso(text)
    assert read_iso("2028-02-29T00:00:00Z") == instant_of(dt.datetime(2028, 2, 29, tzinfo=dt.UTC))
