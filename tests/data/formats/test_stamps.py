"""Stamps of every form mean the instant written there, or an interval that holds it; nothing else is a stamp."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats import stamps
from data.formats.zones import ZoneClock
from data.retention.evidence import Span
from data.retention.instants import BEGINNING, DAY, HOUR, MINUTE, SECOND, instant_of, read_iso

BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59, 999_999))  # noqa: DTZ001  on the wall
ZONES = st.sampled_from(sorted(available_timezones()))
SLOW_SECONDS = 0.5

BY_ONE_ARGUMENT = (stamps.clf, stamps.http_date, stamps.tai64n, stamps.epoch)
BY_ZONE = (stamps.iso, stamps.asctime, stamps.slashed, stamps.hdfs, stamps.german, stamps.english, stamps.dashed)


def exactly(text: str) -> Span:
    """Give the one instant."""
    return Span(lo=read_iso(text), hi=read_iso(text))


def between(lo: str, hi: str) -> Span:
    """Give an interval from ISO texts."""
    return Span(lo=read_iso(lo), hi=read_iso(hi))


# -- ISO 8601 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23t08:00:00z", "2026-11-23T08:00:00Z"),
        ("2026-11-23 08:00:00 UTC", "2026-11-23T08:00:00Z"),
        ("2026-11-23_08:00:00", "2026-11-23T07:00:00Z"),
        ("2026-07-23 08:00:00", "2026-07-23T06:00:00Z"),
        ("2026-11-23 08:00:00.123 +01:00", "2026-11-23T07:00:00.123000Z"),
        ("2026-11-23 08:00:00.123 CET", "2026-11-23T07:00:00.123000Z"),
        ("2026-07-23 08:00:00.123 CEST", "2026-07-23T06:00:00.123000Z"),
        ("2026-11-23T08:00:00.1234567+0100", "2026-11-23T07:00:00.123456Z"),
        ("2026-11-23T08:00:00.999999999Z", "2026-11-23T08:00:00.999999Z"),
        ("2026-11-23T08:00:00.5-03:30", "2026-11-23T11:30:00.500000Z"),
        ("2026-11-23 08:00:00,123", "2026-11-23T07:00:00.123000Z"),
        ("2026-11-23T08:00:00+01", "2026-11-23T07:00:00Z"),
        ("2026-11-23T08:00:00-00:00", "2026-11-23T08:00:00Z"),
        ("2026-11-23T23:59:60Z", "2026-11-23T23:59:59.999999Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999999Z"),
        ("2026-11-23T24:00:00Z", "2026-11-24T00:00:00Z"),
        ("2026-12-31 24:00:00.000+00:00", "2027-01-01T00:00:00Z"),
        ("20261123T080000Z", "2026-11-23T08:00:00Z"),
        ("20261123T080000.25+0100", "2026-11-23T07:00:00.250000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_iso_means_the_instant_written(text: str, instant: str) -> None:
    """Every form of ISO 8601 with seconds that logs use is one instant; what is finer than microseconds is cut."""
    assert stamps.iso(text.encode(), BERLIN) == exactly(instant)


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("2026-11-23T08:00Z", "2026-11-23T08:00:00Z", "2026-11-23T08:00:59.999999Z"),
        ("2026-11-23 08:00", "2026-11-23T07:00:00Z", "2026-11-23T07:00:59.999999Z"),
        ("2026-11-23 24:00", "2026-11-23T23:00:00Z", "2026-11-23T23:00:59.999999Z"),
        ("2026-11-23", "2026-11-22T23:00:00Z", "2026-11-23T22:59:59.999999Z"),
        ("20261123", "2026-11-22T23:00:00Z", "2026-11-23T22:59:59.999999Z"),
        ("2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:59.999999Z"),
        ("2026-03-29 02:30:00", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"),
    ],
)
def test_what_is_not_exact_is_an_interval(text: str, lo: str, hi: str) -> None:
    """Minutes and days are as wide as they are; the repeated and the skipped hour have both readings."""
    assert stamps.iso(text.encode(), BERLIN) == between(lo, hi)


def test_an_unknown_zone_is_26_hours_wide() -> None:
    """From 14 h before to 12 h after the wall time; a stamp with an offset does not care."""
    assert stamps.iso(b"2026-11-23 08:00:00") == between("2026-11-22T18:00:00Z", "2026-11-23T20:00:00Z")
    assert stamps.iso(b"2026-11-23 08:00:00Z") == exactly("2026-11-23T08:00:00Z")


@pytest.mark.parametrize(
    "text",
    (
        "2026-W47-1 2026-W47-1T08:00:00Z 2026-327 2026327T080000Z 2026-02-29T08:00:00Z 2026-13-01 2026-11-31 2026-00-10"
        " 0000-01-01T00:00:00Z 2026-11-23T25:00:00Z 2026-11-23T24:00:01Z 2026-11-23T08:60:00Z 2026-11-23T08:00:61Z"
        " 2026-11-23T08:00:00+24:00 2026-11-23T08:00:00+01:60 2026-11-23T08:00:00.Z 2026-11-23T08:00:00.1234567890Z"
        " 2026-11-23T8:00:00Z 26-11-23T08:00:00Z 2026-11-23T08 2026-11-23T08:00:00Zx x2026-11-23T08:00:00Z"
        " 2026/11/23T08:00:00Z 2026-11-23T08:00:00+1 1732435200 T Z"
    ).split(),
)
def test_what_is_no_iso_stamp_is_none(text: str) -> None:
    """Week and ordinal dates, dates that do not exist and anything with more or less around it are no stamps."""
    assert stamps.iso(text.encode(), BERLIN) is None
    assert stamps.iso(b"2024-02-29T08:00:00Z", BERLIN) is not None, "the positive control"


@given(
    MOMENTS,
    st.sampled_from([b"T", b" ", b"t", b"_"]),
    st.sampled_from(["+01:00", " +01:00", "+0100", " +0100", "-09:30", "+14:00", "-12:00", "Z", " UTC"]),
    st.sampled_from([".", ","]),
)
def test_iso_round_trip(moment: datetime, mark: bytes, offset: str, point: str) -> None:
    """Any instant written with any offset is read back to the microsecond."""
    digits = offset.strip().replace(":", "")
    zone = UTC if digits in ("Z", "UTC") else datetime.strptime(digits, "%z").tzinfo
    text = moment.strftime(f"%Y-%m-%d@%H:%M:%S{point}%f").encode().replace(b"@", mark) + offset.encode()
    instant = instant_of(moment.replace(tzinfo=zone))
    assert stamps.iso(text) == Span(lo=instant, hi=instant)


# -- zones ------------------------------------------------------------------------------------------------------------


def changes_of(zone: ZoneInfo) -> list[datetime]:
    """Find the instants of 2026, to the quarter of an hour, after which the offset is another."""
    found, quarter = [], timedelta(minutes=15)
    day, end = datetime(2025, 12, 30, tzinfo=UTC), datetime(2027, 1, 3, tzinfo=UTC)
    while day < end:
        if (day + timedelta(days=1)).astimezone(zone).utcoffset() != day.astimezone(zone).utcoffset():
            steps = [day + step * quarter for step in range(97)]
            pairs = itertools.pairwise(steps)
            found += [a for a, b in pairs if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]
        day += timedelta(days=1)
    return found


def test_every_zone_over_its_changes_of_2026() -> None:
    """Around every change of every zone's clock the true instant of a naive stamp lies inside its interval (P11)."""
    changed = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        clock = ZoneClock(zone)
        for change in changes_of(zone):
            changed += 1
            for minutes in range(-150, 151, 10):
                true = change + timedelta(minutes=minutes, seconds=7)
                wall = true.astimezone(zone)
                span = stamps.iso(wall.strftime("%Y-%m-%d %H:%M:%S").encode(), clock)
                assert span is not None
                assert span.lo <= instant_of(true) <= span.hi, (name, true)
                assert span.hi - span.lo <= 2 * HOUR
                day = stamps.iso(wall.strftime("%Y-%m-%d").encode(), clock)
                assert day is not None
                assert day.lo <= instant_of(true) <= day.hi, (name, true)
    assert changed > 200, "the positive control: many zones change their clocks"


@given(MOMENTS, ZONES)
def test_a_naive_stamp_holds_its_instant_in_any_zone(moment: datetime, name: str) -> None:
    """Any instant, written as the clocks of any zone show it, lies inside the interval of that zone and of none."""
    true = moment.replace(tzinfo=UTC)
    wall = true.astimezone(ZoneInfo(name))
    text = wall.strftime("%Y-%m-%d %H:%M:%S.%f").encode().rjust(26, b"0")
    for zone in (ZoneInfo(name), None):
        span = stamps.iso(text, zone)
        assert span is not None
        assert span.lo <= instant_of(true) <= span.hi


@given(st.lists(MOMENTS, min_size=1, max_size=20), ZONES)
def test_a_clock_that_remembers_says_the_same(moments: list[datetime], name: str) -> None:
    """What a zone's clock remembered of other hours never changes an answer."""
    clock = ZoneClock(ZoneInfo(name))
    for moment in moments:
        fields = moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
        fresh = stamps.local(*fields, where=ZoneInfo(name))
        assert stamps.local(*fields, where=clock) == stamps.local(*fields, where=clock) == fresh


def test_calendar_fields_that_do_not_exist_are_none() -> None:
    """A day, an hour or a second that no clock shows is no time; the leap second and 24:00 are."""
    assert stamps.local(2026, 2, 29) is None
    assert stamps.local(2026, 1, 1, 24, 1) is None
    assert stamps.local(2026, 1, 1, -1) is None
    assert stamps.local(10**30, 1, 1) is None
    assert stamps.local(2024, 2, 29, 24, 0, where=BERLIN) == exactly("2024-02-29T23:00:00Z")
    assert stamps.local(2024, 2, 29, 0, 59, 60, where=BERLIN) == exactly("2024-02-28T23:59:59.999999Z")


def test_the_ends_of_the_calendar_do_not_overflow() -> None:
    """.NET's smallest and largest date are stamps, kept inside the years 1 to 9999, in any zone."""
    for zone in (None, BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/Adak")):
        smallest = stamps.iso(b"0001-01-01T00:00:00.0000000", zone)
        largest = stamps.iso(b"9999-12-31T23:59:59.9999999", zone)
        assert smallest is not None
        assert largest is not None
        assert smallest.lo >= BEGINNING
        assert largest.hi < read_iso("9999-12-31T23:59:59Z") + SECOND


# -- since 1970 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "instant"),
    [
        (1_732_435_200, "", "2024-11-24T08:00:00Z"),
        (1_732_435_200_123, "", "2024-11-24T08:00:00.123000Z"),
        (1_732_435_200_123_456, "", "2024-11-24T08:00:00.123456Z"),
        (1_732_435_200_123_456_789, "", "2024-11-24T08:00:00.123456Z"),
        ("1732435200.123456", "", "2024-11-24T08:00:00.123456Z"),
        (b"1732435200.999999999", "", "2024-11-24T08:00:00.999999Z"),
        ("1732435200,5", "", "2024-11-24T08:00:00.500000Z"),
        (1_732_435_200.123456, "", "2024-11-24T08:00:00.123456Z"),
        ("1.7324352001234567e+09", "", "2024-11-24T08:00:00.123456Z"),
        ("1732435200123.5", "", "2024-11-24T08:00:00.123500Z"),
        (100_000_000, "", "1973-03-03T09:46:40Z"),
        (99_999_999_999, "", "5138-11-16T09:46:39Z"),
        (100_000_000_000, "", "1973-03-03T09:46:40Z"),
        (100_000_000_000_000, "", "1973-03-03T09:46:40Z"),
        (100_000_000_000_000_000, "", "1973-03-03T09:46:40Z"),
        (5, "s", "1970-01-01T00:00:05Z"),
        (1_732_435_200, "ms", "1970-01-21T01:13:55.200000Z"),
        ("1732435200123456789", "ns", "2024-11-24T08:00:00.123456Z"),
    ],
)
def test_numbers_are_read_by_their_magnitude(value: float | str | bytes, unit: str, instant: str) -> None:
    """Seconds, milli-, micro- and nanoseconds are told apart by size, unless the unit is given; decimals stay exact."""
    assert stamps.epoch(value, unit) == exactly(instant)


@pytest.mark.parametrize(
    "value",
    [
        *(0, 99_999_999, 10**20, 10**400, -1_732_435_200, True, 1e300, float("nan"), float("inf"), "", "1732435200x"),
        *("-1732435200", "1732435200.", "0x67", "1e99", " 1732435200", b"\xff", "١٧٣٢٤٣٥٢٠٠"),
    ],
)
def test_other_numbers_are_no_times(value: float | str | bytes) -> None:
    """Too small, too large, negative, no number: nothing is guessed."""
    assert stamps.epoch(value) is None
    assert stamps.epoch(1_732_435_200) is not None, "the positive control"
    assert stamps.epoch(1_732_435_200, "min") is None


@given(st.integers(10**14, 10**17 - 1))
def test_one_instant_in_all_four_units(micros: int) -> None:
    """The same instant in seconds, ms, us and ns reads the same, as a number or as a text."""
    whole, rest = divmod(micros, SECOND)
    same = Span(lo=micros, hi=micros)
    assert stamps.epoch(micros) == same
    assert stamps.epoch(f"{whole}.{rest:06}", "s") == same
    assert stamps.epoch(f"{micros // 1000}.{micros % 1000:03}", "ms") == same
    assert stamps.epoch(f"{micros}999", "ns") == same


# -- other forms ------------------------------------------------------------------------------------------------------

FORMS: list[tuple[str, Callable[[bytes], Span | None], str, str]] = [
    ("clf", stamps.clf, "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"),
    ("http", stamps.http_date, "Mon, 23 Nov 2026 08:00:00 GMT", "2026-11-23T08:00:00Z"),
    ("mail", stamps.http_date, "23 Nov 2026 08:00:00 +0100 (CET)", "2026-11-23T07:00:00Z"),
    ("asctime", lambda text: stamps.asctime(text, BERLIN), "Sun Dec 04 04:47:44 2005", "2005-12-04T03:47:44Z"),
    ("padded", lambda text: stamps.asctime(text, BERLIN), "Sun Dec  4 04:47:44 2005", "2005-12-04T03:47:44Z"),
    (
        "2.4",
        lambda text: stamps.asctime(text, BERLIN),
        "Sun Dec 04 04:47:44.123456 2005",
        "2005-12-04T03:47:44.123456Z",
    ),
    ("date", lambda text: stamps.asctime(text, BERLIN), "Mon Nov 23 08:00:00 UTC 2026", "2026-11-23T08:00:00Z"),
    ("nginx", lambda text: stamps.slashed(text, BERLIN), "2026/11/23 08:00:00", "2026-11-23T07:00:00Z"),
    ("go", lambda text: stamps.slashed(text, BERLIN), "2026/11/23 08:00:00.123456", "2026-11-23T07:00:00.123456Z"),
    ("spark", lambda text: stamps.slashed(text, BERLIN), "17/06/09 20:10:40", "2017-06-09T18:10:40Z"),
    ("year 00", lambda text: stamps.slashed(text, BERLIN), "00/01/01 01:00:00", "2000-01-01T00:00:00Z"),
    ("year 99", lambda text: stamps.slashed(text, BERLIN), "99/01/01 01:00:00", "2099-01-01T00:00:00Z"),
    ("hdfs", lambda text: stamps.hdfs(text, BERLIN), "081109 203518", "2008-11-09T19:35:18Z"),
    ("hdfs 3", lambda text: stamps.hdfs(text, BERLIN), "081109 203518 143", "2008-11-09T19:35:18Z"),
    ("german", lambda text: stamps.german(text, BERLIN), "23.11.2026 08:00:00", "2026-11-23T07:00:00Z"),
    ("german ms", lambda text: stamps.german(text, BERLIN), "23.11.2026 08:00:00,123", "2026-11-23T07:00:00.123000Z"),
    ("german js", lambda text: stamps.german(text, BERLIN), "3.1.2026, 08:00:00", "2026-01-03T07:00:00Z"),
    ("german 26", lambda text: stamps.german(text, BERLIN), "23.11.26 08:00:00", "2026-11-23T07:00:00Z"),
    ("java", lambda text: stamps.english(text, BERLIN), "Nov 23, 2026 8:00:00 AM", "2026-11-23T07:00:00Z"),
    ("java pm", lambda text: stamps.english(text, BERLIN), "Nov 23, 2026 1:00:00 PM", "2026-11-23T12:00:00Z"),
    ("noon", lambda text: stamps.english(text, BERLIN), "Nov 23, 2026 12:00:00 PM", "2026-11-23T11:00:00Z"),
    ("midnight", lambda text: stamps.english(text, BERLIN), "Nov 23, 2026 12:00:00 AM", "2026-11-22T23:00:00Z"),
    ("java 20", lambda text: stamps.english(text, BERLIN), "Nov 23, 2026, 8:00:00\u202fAM", "2026-11-23T07:00:00Z"),
    ("java de", lambda text: stamps.english(text, BERLIN), "Dez. 23, 2026 1:00:00 nachm.", "2026-12-23T12:00:00Z"),
    ("24 h", lambda text: stamps.english(text, BERLIN), "März 2, 2026 13:00:00", "2026-03-02T12:00:00Z"),
    ("tomcat", lambda text: stamps.dashed(text, BERLIN), "23-Nov-2026 08:00:00.123", "2026-11-23T07:00:00.123000Z"),
    ("php", lambda text: stamps.dashed(text, BERLIN), "23-Nov-2026 08:00:00 UTC", "2026-11-23T08:00:00Z"),
    ("log4j", lambda text: stamps.dashed(text, BERLIN), "23 Nov 2026 08:00:00,123", "2026-11-23T07:00:00.123000Z"),
]


@pytest.mark.parametrize(("read", "text", "instant"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_other_forms_mean_the_instant_written(read: Callable[[bytes], Span | None], text: str, instant: str) -> None:
    """Each other form of stamp is the instant it says; with one more digit before it, it is no stamp."""
    assert read(text.encode()) == exactly(instant)
    assert read(b"1" + text.encode()) != exactly(instant)


def test_coarse_and_strange_forms_are_intervals() -> None:
    """A German day is a day, a minute a minute; a zone with an unknown name is 26 h wide."""
    day = stamps.german(b"23.11.2026", BERLIN)
    assert day == between("2026-11-22T23:00:00Z", "2026-11-23T22:59:59.999999Z")
    minute = stamps.german(b"23.11.2026 08:00", BERLIN)
    assert minute is not None
    assert minute.hi - minute.lo == MINUTE - 1
    strange = stamps.dashed(b"23-Nov-2026 08:00:00 Asia/Tokyo", BERLIN)
    assert strange == between("2026-11-22T18:00:00Z", "2026-11-23T20:00:00Z")


def test_days_that_do_not_exist_are_no_stamps_in_any_form() -> None:
    """30 February, 31 November, 29 February of an odd year, month 13 and hour 25 are no stamps."""
    assert stamps.clf(b"30/Feb/2026:08:00:00 +0100") is None
    assert stamps.clf(b"03/Xyz/2026:08:00:00 +0100") is None
    assert stamps.clf(b"03/Nov/2026:08:00:00 +9900") is None
    assert stamps.asctime(b"Sun Nov 31 08:00:00 2026") is None
    assert stamps.slashed(b"2026/02/29 08:00:00") is None
    assert stamps.slashed(b"2026/13/01 08:00:00") is None
    assert stamps.hdfs(b"261123 250000") is None
    assert stamps.german(b"31.11.2026") is None
    assert stamps.german(b"11.23.2026") is None
    assert stamps.english(b"Nov 23, 2026 13:00:00 PM") is None
    assert stamps.english(b"Nov 23, 2026 0:00:00 AM") is None
    assert stamps.dashed(b"31-Nov-2026 08:00:00") is None
    assert stamps.http_date(b"Mon, 31 Nov 2026 08:00:00 GMT") is None
    assert stamps.slashed(b"2024/02/29 08:00:00") is not None, "the positive control"


def test_tai_is_ten_to_37_seconds_ahead() -> None:
    """A TAI64N label holds the instant for a writer that knows leap seconds and for one that adds the old ten."""
    unix = read_iso("2026-11-23T08:00:00.123456Z")
    for leap in (10, 37):
        label = f"@{(1 << 62) + unix // SECOND + leap:016x}{unix % SECOND * 1000 + 789:08x}"
        span = stamps.tai64n(label.encode())
        assert span is not None
        assert span.lo <= unix <= span.hi
        assert span.hi - span.lo == 27 * SECOND
    assert stamps.tai64n(b"@400000006a2b3c4dffffffff") is None
    assert stamps.tai64n(b"@ffffffffffffffff00000000") is None
    assert stamps.tai64n(b"@00000000000000000000000a") is None


@given(MOMENTS, st.sampled_from([-12, -3.5, 0, 1, 5.75, 14]))
def test_round_trip_of_other_forms(moment: datetime, hours: float) -> None:
    """Any instant, written in any other form, is read back as exactly as the form can say it."""
    zone = timezone(timedelta(hours=hours))
    aware = moment.replace(tzinfo=zone)
    exact, second = instant_of(aware), instant_of(aware.replace(microsecond=0))
    month, weekday = ENGLISH[moment.month - 1], WEEKDAYS[moment.weekday()]
    offset = aware.strftime("%z")
    assert stamps.clf(moment.strftime(f"%d/{month}/%Y:%H:%M:%S {offset}").encode()) == Span(lo=second, hi=second)
    mail = moment.strftime(f"{weekday}, %d {month} %Y %H:%M:%S {offset}").encode()
    assert stamps.http_date(mail) == Span(lo=second, hi=second)
    utc = instant_of(moment.replace(tzinfo=UTC))
    naive = ZoneClock(ZoneInfo("UTC"))
    span = Span(lo=utc, hi=utc)
    assert stamps.asctime(moment.strftime(f"{weekday} {month} %d %H:%M:%S.%f %Y").encode(), naive) == span
    assert stamps.slashed(moment.strftime("%Y/%m/%d %H:%M:%S.%f").encode(), naive) == span
    assert stamps.slashed(moment.strftime("%y/%m/%d %H:%M:%S.%f").encode(), naive) == span
    assert stamps.german(moment.strftime("%d.%m.%Y %H:%M:%S,%f").encode(), naive) == span
    assert stamps.dashed(moment.strftime(f"%d-{month}-%Y %H:%M:%S.%f").encode(), naive) == span
    assert stamps.english(moment.strftime(f"{month} %d, %Y %I:%M:%S.%f %p").encode(), naive) == span
    assert stamps.epoch(f"{utc // SECOND}.{utc % SECOND:06}", "s") == span
    assert exact >= second


@pytest.mark.parametrize(
    ("name", "month"),
    [
        *(("Jan", 1), ("Mär", 3), ("März", 3), ("mrz", 3), ("Mai", 5), ("août", 8), ("Okt", 10), ("Dez.", 12)),
        *(("déc", 12), ("févr.", 2), ("SEPT", 9), ("", 0), ("Foo", 0), ("Ma", 0)),
    ],
)
def test_months_have_names_in_three_languages(name: str, month: int) -> None:
    """English, German and French names count, in UTF-8 and in Latin-1; others do not."""
    assert stamps.month_of(name.encode()) == stamps.month_of(name.encode("latin-1")) == month


# -- anything at all --------------------------------------------------------------------------------------------------

NOISE = st.one_of(
    st.binary(max_size=60),
    st.text(alphabet="0123456789-/.:,+TZ @abcdefNovDeMnär\t", max_size=50).map(str.encode),
)


@given(NOISE, st.sampled_from([None, BERLIN]))
def test_nothing_raises(text: bytes, zone: ZoneInfo | None) -> None:
    """Whatever comes in, every reader gives an interval or None."""
    read = [reader(text, zone) for reader in BY_ZONE] + [reader(text) for reader in BY_ONE_ARGUMENT]
    assert all(span is None or (BEGINNING <= span.lo <= span.hi) for span in read)


@given(st.one_of(st.integers(), st.floats(), st.text(), st.binary(), st.booleans()), st.sampled_from(["", "s", "ns"]))
def test_no_number_raises(value: float | str | bytes, unit: str) -> None:
    """Whatever number or text comes in, `epoch` gives an instant or None."""
    span = stamps.epoch(value, unit)
    assert span is None or span.lo == span.hi


@given(st.lists(st.integers(), min_size=7, max_size=7))
def test_no_calendar_field_raises(fields: list[int]) -> None:
    """Whatever calendar fields come in, `local` gives an interval or None."""
    year, month, day, hour, minute, second, micro = fields
    span = stamps.local(year, month, day, hour, minute, second, micro, BERLIN)
    assert span is None or span.hi - span.lo <= DAY


@pytest.mark.parametrize("piece", [b"2026-11-23 ", b"1", b"Nov ", b"23.", b":00", b"/", b" ", b"@4", b"Sun Dec "])
def test_long_texts_take_no_time(piece: bytes) -> None:
    """A megabyte of nearly a stamp is refused at once by every reader."""
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    assert all(reader(text, None) is None for reader in BY_ZONE)
    assert all(reader(text) is None for reader in BY_ONE_ARGUMENT)
    assert time.process_time() - start < SLOW_SECONDS


def test_a_date_of_the_standard_library_agrees() -> None:
    """Every day from 1999 to 2101 is the day the standard library says."""
    day, end = date(1999, 1, 1), date(2101, 12, 31)
    clock = ZoneClock(ZoneInfo("UTC"))
    while day <= end:
        span = stamps.iso(day.isoformat().encode(), clock)
        assert span is not None
        assert span.lo == (day - date(1970, 1, 1)).days * DAY
        day += timedelta(days=1)
