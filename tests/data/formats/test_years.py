"""The year that a stamp does not name is found, or both possible years are covered: nothing is deleted too early."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.formats.years import Yearless, YearWalk, glog, month_first
from data.retention.evidence import Span
from data.retention.instants import BEGINNING, DAY, HOUR, MINUTE, datetime_of, instant_of, read_iso

ZULU = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
YEAR = 365 * DAY


def stamp(text: str) -> Yearless:
    """Read `Nov  3 09:23:38`."""
    found = month_first(text.encode())
    assert found is not None, text
    return found


def walked(texts: Iterable[str], mtime: str, *, prepared: bool = True) -> list[tuple[str, str]]:
    """Give first and last day of the intervals of a file's stamps."""
    found = [stamp(f"{text} 12:00:00") for text in texts]
    walk = YearWalk(read_iso(mtime), ZULU)
    if prepared:
        walk.prepare(found)
    spans = [walk.span(one) for one in found]
    return [(day_of(span.lo), day_of(span.hi)) for span in spans if span]


def day_of(instant: int) -> str:
    """Give the date of an instant."""
    return datetime_of(instant).date().isoformat()


def once(*days: str) -> list[tuple[str, str]]:
    """Give intervals of one day each."""
    return [(day, day) for day in days]


# -- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "month", "day"),
    [("Nov  3", 11, 3), ("Nov 03", 11, 3), ("Nov 3", 11, 3), ("Mär 23", 3, 23), ("août 15", 8, 15), ("Okt. 9", 10, 9)],
)
def test_month_first_is_read_in_three_languages(text: str, month: int, day: int) -> None:
    """A padded day, an unpadded one, English, German and French months, in UTF-8 and Latin-1."""
    for encoding in ("utf-8", "latin-1"):
        found = month_first(f"{text} 09:23:38.5".encode(encoding))
        assert found == Yearless(month=month, day=day, since=9 * HOUR + 23 * MINUTE + 38_500_000)


def test_what_is_no_yearless_stamp_is_none() -> None:
    """A day no year has, a month nobody knows, an hour no clock shows are no stamps; 29 February is one."""
    assert month_first(b"Feb 29 09:23:38") is not None
    assert month_first(b"Feb 30 09:23:38") is None
    assert month_first(b"Foo 03 09:23:38") is None
    assert month_first(b"Nov 03 25:23:38") is None
    assert month_first(b"Nov 03 09:23:38 host") is None
    assert glog(b"1123 08:00:00.123456") == Yearless(month=11, day=23, since=8 * HOUR + 123_456)
    assert glog(b"1323 08:00:00.123456") is None
    assert glog(b"1131 08:00:00.123456") is None


@given(st.binary(max_size=40), st.integers(), st.booleans())
def test_nothing_raises(text: bytes, mtime: int, starts: bool) -> None:
    """Whatever text and whatever time of change come in, the walk gives an interval or None."""
    month_first(text)
    glog(text)
    period = Span(lo=mtime, hi=mtime + DAY)
    for walk in (YearWalk(mtime, None), YearWalk(mtime, BERLIN, period, starts=starts)):
        for one in (
            Yearless(month=2, day=29, since=0),
            Yearless(month=12, day=31, since=DAY),
            Yearless(month=1, day=1, since=0),
        ):
            span = walk.span(one)
            assert span is None or span.lo <= span.hi


# -- by the last change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prepared", [True, False])
def test_a_new_year_in_the_file(prepared: bool) -> None:
    """Changed on 2 January: the lines of December above are of the year before, prepared or not."""
    found = walked(["Dec 30", "Dec 31", "Jan  1", "Jan  2"], "2027-01-02T13:00:00Z", prepared=prepared)
    assert found == once("2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02")


@pytest.mark.parametrize("prepared", [True, False])
def test_an_ordinary_year(prepared: bool) -> None:
    """Lines up to the last change are of its year, later ones of the year before."""
    found = walked(["Nov 20", "Feb  3", "Jun  5"], "2026-06-05T13:00:00Z", prepared=prepared)
    assert found == once("2025-11-20", "2026-02-03", "2026-06-05")


def test_leap_days_are_only_in_leap_years() -> None:
    """29 February is of the last leap year, over 2100 too, which is none."""
    assert walked(["Feb 29"], "2024-03-01T00:00:00Z") == once("2024-02-29")
    assert walked(["Feb 29"], "2027-03-01T00:00:00Z") == once("2024-02-29")
    assert walked(["Feb 29"], "2024-02-27T00:00:00Z") == once("2020-02-29")
    assert walked(["Feb 29"], "2103-03-01T00:00:00Z") == once("2096-02-29")


def test_the_latest_year_up_to_a_day_after_the_last_change() -> None:
    """A stamp up to a day later than the last change, by a clock that is ahead, is of its year; a later one is not."""
    assert walked(["Jun  6"], "2026-06-05T13:00:00Z") == once("2026-06-06")
    assert walked(["Jun  7"], "2026-06-05T11:00:00Z") == once("2025-06-07")


def test_without_jumps_the_place_of_a_stamp_does_not_matter() -> None:
    """Only a walk that was shown jumps gives the same stamp different years: the engine may ask in any order else."""
    days = [f"{month} {day:02}" for _ in range(2) for month in ENGLISH for day in (1, 6, 11, 16, 21, 26)]
    found = [stamp(f"{day} 12:00:00") for day in days]
    walk = YearWalk(read_iso("2026-12-27T00:00:00Z"), ZULU)
    walk.prepare(found[72:])
    assert walk.is_steady
    assert [walk.span(one) for one in found] == [walk.span(one) for one in found[::-1]][::-1]
    walk.prepare(found)
    assert not walk.is_steady


def test_a_file_longer_than_a_year_is_walked_backwards() -> None:
    """Where the stamps fall back by almost a year the lines above are a year older, if the file is seen as a whole."""
    year = [f"{month} {day:02}" for month in ENGLISH for day in (*range(1, 29, 3), 30) if (month, day) != ("Feb", 30)]
    found = walked(year * 2, "2026-12-31T00:00:00Z")
    assert [found[place] for place in (0, len(year) - 1)] == once("2025-01-01", "2025-12-30")
    assert [found[place] for place in (len(year), -1)] == once("2026-01-01", "2026-12-30")
    late = walked(year * 2, "2026-12-31T00:00:00Z", prepared=False)
    assert late[0] == ("2026-01-01", "2026-01-01"), "who does not see the whole file takes the later year: never early"


def test_a_doubtful_jump_covers_both_years() -> None:
    """A jump back over a gap of months may be disorder: what stands above lasts as long as in the later year."""
    found = walked(["Sep 20", "Oct  3", "Jan  9", "Oct 30"], "2026-11-01T00:00:00Z")
    assert found == [("2025-09-20", "2026-09-20"), ("2025-10-03", "2026-10-03"), *once("2026-01-09", "2026-10-30")]


def test_disorder_is_no_jump() -> None:
    """Lines a few days or weeks out of order, over the new year too, keep their years."""
    assert walked(["Jun 20", "Jun  5", "Jun 20"], "2026-07-01T00:00:00Z") == once(
        "2026-06-20", "2026-06-05", "2026-06-20"
    )
    days = ["Dec 31", "Jan  1", "Dec 31", "Jan  1"]
    assert walked(days, "2027-01-02T00:00:00Z") == once("2026-12-31", "2027-01-01", "2026-12-31", "2027-01-01")


def test_a_shuffled_file_covers_both_years() -> None:
    """Where stamps jump all the time no year can be told: the later one counts for deletion, the earlier for alarms."""
    found = walked(["Sep 20", "Jan  9"] * 10, "2026-11-01T00:00:00Z")
    assert set(found) == {("2025-09-20", "2026-09-20"), ("2025-01-09", "2026-01-09")}


# -- by the file's name -----------------------------------------------------------------------------------------------


def in_period(text: str, mtime: str, first: str, last: str, *, starts: bool = False) -> tuple[str, str]:
    """Give the days of one stamp in a file that names a period."""
    period = Span(lo=read_iso(f"{first}T00:00:00Z"), hi=read_iso(f"{last}T23:59:59Z"))
    span = YearWalk(read_iso(mtime), ZULU, period, starts=starts).span(stamp(f"{text} 12:00:00"))
    assert span is not None
    return day_of(span.lo), day_of(span.hi)


def test_the_period_in_the_name_decides() -> None:
    """A stamp inside the period is of its year, whenever the file was changed."""
    assert in_period("Nov 20", "2026-11-24T00:00:00Z", "2025-11-20", "2025-11-20") == ("2025-11-20", "2025-11-20")
    assert in_period("Jan  1", "2026-11-24T00:00:00Z", "2025-12-01", "2025-12-31") == ("2026-01-01", "2026-01-01")


def test_what_is_outside_the_period_covers_all_possible_years() -> None:
    """A stamp near the period is dated around it; where the last change allows a later year, both are covered."""
    assert in_period("Nov 18", "2026-11-22T06:00:00Z", "2026-11-22", "2026-11-22") == ("2026-11-18", "2026-11-18")
    assert in_period("Nov 10", "2026-11-24T00:00:00Z", "2025-11-20", "2025-11-20") == ("2025-11-10", "2026-11-10")


def test_a_file_that_names_its_beginning_holds_nothing_older() -> None:
    """With `starts` a stamp is of the first year after the beginning, and of later ones the last change allows."""
    assert in_period("Aug  3", "2026-08-03T13:00:00Z", "2026-06-01", "2026-06-01", starts=True)[0] == "2026-08-03"
    assert in_period("Aug  3", "2026-08-03T13:00:00Z", "2026-06-01", "2026-06-01")[0] == "2025-08-03"
    both = in_period("Aug  3", "2027-09-03T13:00:00Z", "2026-06-01", "2026-06-01", starts=True)
    assert both == ("2026-08-03", "2027-08-03")


# -- never early ------------------------------------------------------------------------------------------------------


MOMENTS = st.datetimes(datetime(2003, 1, 1), datetime(2090, 12, 31))  # noqa: DTZ001  made aware below


@given(
    MOMENTS,
    st.lists(st.integers(0, 200 * 24), min_size=1, max_size=30),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Adak", None]),
    st.booleans(),
)
@example(datetime(2027, 1, 2), [40, 30, 20, 0], "UTC", True)  # noqa: DTZ001
def test_the_true_instant_is_never_after_the_interval(
    end: datetime, ages: list[int], zone: str | None, prepared: bool
) -> None:
    """An ordered file of up to 200 days, in any zone: every true instant lies inside its interval (P1, P11)."""
    last = end.replace(tzinfo=UTC)
    instants = [last - timedelta(hours=age) for age in sorted(ages, reverse=True)]
    where = ZoneInfo(zone) if zone else None
    walls = [instant.astimezone(where or ZoneInfo("Asia/Tokyo")) for instant in instants]
    stamps = [stamp(f"{ENGLISH[wall.month - 1]} {wall.day:2} {wall:%H:%M:%S}") for wall in walls]
    walk = YearWalk(instant_of(last) + HOUR, where)
    if prepared:
        walk.prepare(stamps)
    for instant, one in zip(instants, stamps, strict=True):
        span = walk.span(one)
        assert span is not None
        assert span.lo <= instant_of(instant.replace(microsecond=0)) <= span.hi
        assert span.hi - span.lo <= YEAR + 2 * DAY


@given(MOMENTS, st.lists(st.integers(1, 60), min_size=1, max_size=40), st.integers(0, 800), st.integers(0, 50))
def test_any_ordered_file_is_never_dated_too_early(end: datetime, gaps: list[int], touched: int, seen: int) -> None:
    """Files of any length, changed any time later, seen whole, in part or not: no end of an interval is early."""
    instants = [end.replace(tzinfo=UTC, hour=12, minute=0, second=0, microsecond=0)]
    for gap in gaps:
        instants.insert(0, instants[0] - timedelta(days=gap))
    stamps = [stamp(f"{ENGLISH[instant.month - 1]} {instant.day:2} 12:00:00") for instant in instants]
    walk = YearWalk(instant_of(instants[-1]) + touched * DAY, ZULU)
    walk.prepare(stamps[-seen:] if seen else [])
    for instant, one in zip(instants, stamps, strict=True):
        span = walk.span(one)
        assert span is not None
        assert span.hi >= instant_of(instant)
        assert span.hi > BEGINNING


@given(MOMENTS, st.lists(st.integers(1, 60), min_size=1, max_size=17))
def test_an_ordered_file_seen_whole_is_dated_right(end: datetime, gaps: list[int]) -> None:
    """Up to three years without a gap of half a year, seen whole and not touched: every true instant is inside."""
    instants = [end.replace(tzinfo=UTC, hour=12, minute=0, second=0, microsecond=0)]
    for gap in gaps:
        instants.insert(0, instants[0] - timedelta(days=gap))
    stamps = [stamp(f"{ENGLISH[instant.month - 1]} {instant.day:2} 12:00:00") for instant in instants]
    walk = YearWalk(instant_of(instants[-1]), ZULU)
    walk.prepare(stamps)
    spans = [walk.span(one) for one in stamps]
    for instant, span in zip(instants, spans, strict=True):
        assert span is not None
        assert span.lo <= instant_of(instant) <= span.hi


@given(MOMENTS, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40), st.booleans())
def test_disorder_never_dates_too_early(end: datetime, steps: list[tuple[int, int]], often: bool) -> None:
    """Lines that come up to a month late, in a file of any length seen whole: no end of an interval is early."""
    newest = end.replace(tzinfo=UTC, hour=12, minute=0, second=0, microsecond=0)
    instants, at = [newest], newest
    for gap, late in steps:
        at -= timedelta(days=gap)
        instants.insert(0, at - timedelta(days=late if often or late % 5 == 0 else 0))
    stamps = [stamp(f"{ENGLISH[instant.month - 1]} {instant.day:2} 12:00:00") for instant in instants]
    walk = YearWalk(instant_of(newest), ZULU)
    walk.prepare(stamps)
    for instant, one in zip(instants, stamps, strict=True):
        span = walk.span(one)
        assert span is not None
        assert span.hi >= instant_of(instant)
