"""What the name of a file says about its period and its roll set."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.names import period, roll_key
from data.retention.evidence import Span
from data.retention.instants import DAY, HOUR, MINUTE, instant_of, read_iso
from tests.data.formats.engine_fakes import NOW

UTC = ZoneInfo("UTC")


def span(start: str, length: int) -> Span:
    """Make the interval of a period."""
    first = read_iso(start)
    return Span(lo=first, hi=first + length - 1)


@pytest.mark.parametrize(
    ("name", "start", "length"),
    [
        (b"app20261101.log", "2026-11-01T00:00:00Z", DAY),
        (b"app20261101_001.log", "2026-11-01T00:00:00Z", DAY),
        (b"app-2026-11-01.log", "2026-11-01T00:00:00Z", DAY),
        (b"app.2026-11-01.7.log", "2026-11-01T00:00:00Z", DAY),
        (b"app_2026_11_01.log.gz", "2026-11-01T00:00:00Z", DAY),
        (b"2026.11.01 app.log", "2026-11-01T00:00:00Z", DAY),
        (b"u_ex261101.log", "2026-11-01T00:00:00Z", DAY),
        (b"app202610.log", "2026-10-01T00:00:00Z", 31 * DAY),
        (b"app-2026-10.log", "2026-10-01T00:00:00Z", 31 * DAY),
        (b"app-2025-12.log", "2025-12-01T00:00:00Z", 31 * DAY),
        (b"app2026110108.log", "2026-11-01T08:00:00Z", HOUR),
        (b"app202611010805.log", "2026-11-01T08:05:00Z", MINUTE),
        (b"app-2026-11-01_08.log", "2026-11-01T08:00:00Z", HOUR),
        (b"app-2026-11-01T08-05.log", "2026-11-01T08:05:00Z", MINUTE),
        (b"2020-01-01/app-20261101.log", "2026-11-01T00:00:00Z", DAY),
        (b"app-20261101.1.log", "2026-11-01T00:00:00Z", DAY),
    ],
)
def test_a_date_in_a_name_is_a_period(name: bytes, start: str, length: int) -> None:
    """Each way of writing a date gives the period from its beginning to its last microsecond."""
    assert period(name, UTC, NOW) == span(start, length)


@pytest.mark.parametrize(
    "name",
    [
        b"app.log",
        b"app.log.1",
        b"app-20261301.log",
        b"app-20260231.log",
        b"app-120261101.log",
        b"app-202611011.log",
        b"app-19991231.log",
        b"app-20271123.log",
        b"app-2026.log",
        b"20261101/app.log",
        b"v2026.10.log",
        b"\xff\xfe.log",
        b"",
    ],
)
def test_what_is_no_plausible_date_is_no_period(name: bytes) -> None:
    """Longer numbers, days that do not exist, other centuries, the future, versions and folders tell nothing."""
    assert period(name, UTC, NOW) is None


@pytest.mark.parametrize(
    "name", [b"app.log-20261101", b"app.log-20261101.gz", b"app-20261101.gz", b"app.log-2026110108"]
)
def test_logrotate_names_the_day_after(name: bytes) -> None:
    """A file that logrotate named after the day it was rolled holds what came before, of up to a month."""
    found = period(name, UTC, NOW)
    assert found is not None
    hours = 8 if name.endswith(b"08") else 0
    assert found.lo == read_iso("2026-11-01T00:00:00Z") + hours * HOUR - 31 * DAY
    assert found.hi == read_iso("2026-11-01T09:00:00Z" if hours else "2026-11-02T00:00:00Z") - 1


def test_two_dates_are_covered_both() -> None:
    """From the earlier to the end of the later."""
    assert period(b"app-20261101-20261105.log", UTC, NOW) == span("2026-11-01T00:00:00Z", 5 * DAY)


def test_the_day_of_a_zone_is_as_long_as_it_was() -> None:
    """25 hours when the clocks go back; without a zone every day that it may have been anywhere."""
    berlin = period(b"app-20261025.log", ZoneInfo("Europe/Berlin"), NOW)
    assert berlin == span("2026-10-24T22:00:00Z", 25 * HOUR)
    assert period(b"app-20261025.log", None, NOW) == span("2026-10-24T10:00:00Z", DAY + 26 * HOUR)


FIRST, LAST = datetime.fromisoformat("2000-01-02"), datetime.fromisoformat("2026-11-20")


@given(st.datetimes(FIRST, LAST), st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y%m%d%H"]))
def test_what_was_written_in_its_period_lies_in_it(moment: datetime, form: str) -> None:
    """A file named after the moment of its first record has a period that holds it, in any zone of Europe."""
    zone = ZoneInfo("Europe/Berlin")
    found = period(b"x" + moment.strftime(form).encode() + b".log", zone, NOW)
    assert found is not None
    instant = instant_of(moment.replace(tzinfo=zone))
    assert found.lo <= instant <= found.hi
    later = instant_of((moment + timedelta(days=2)).replace(tzinfo=zone))
    assert not found.lo <= later <= found.hi


@pytest.mark.parametrize(
    "names",
    [
        (b"app.log", b"app.log.1", b"app.log.12.gz", b"app.log-20261101", b"app.log-20261101.gz", b"app.1.log"),
        (b"x/app20261101.log", b"x/app20261102.log", b"x/app20261102_001.log", b"x/app20261103_012.log.zst"),
        (b"app-2026-11-01.log", b"app-2026-11-02.log", b"app-2026-11-02.1.log"),
        (b"app-2026110108.log", b"app-2026110109.log.zip"),
        (b"u_ex261101.log", b"u_ex261102.log"),
        (b"app.2026-11-01", b"app.2026-11-02", b"app"),
        (b"syslog", b"syslog.1", b"syslog.2.gz"),
    ],
)
def test_files_of_one_roll_set_share_a_key(names: tuple[bytes, ...]) -> None:
    """Dates, counters and suffixes of archives do not matter."""
    assert len({roll_key(name) for name in names}) == 1, {roll_key(name) for name in names}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"app.log", b"web.log"),
        (b"x/app.log", b"y/app.log"),
        (b"2026/app.log", b"2025/app.log"),
        (b"app.log", b"app.err"),
        (b"app1.log", b"app2.log"),
        (b"node-a.log", b"node-b.log"),
        (b"app-error-20261101.log", b"app-20261101.log"),
        (b"http2.log", b"http3.log"),
    ],
)
def test_other_files_have_other_keys(one: bytes, other: bytes) -> None:
    """Names that differ in more than what a roll changes are different sets."""
    assert roll_key(one) != roll_key(other)
    assert roll_key(one) == roll_key(one + b".1")
