"""Syslog: every line is a record; the year of the old form is found, the new forms are read as they are."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.syslog import Syslog5424Family, Syslog5424Reader, SyslogFamily, SyslogReader
from data.formats.interface import Kind
from data.retention.evidence import Span
from data.retention.instants import instant_of
from tests.data.formats.reading import (
    BERLIN,
    CONTINUED,
    UNDATED,
    UNPARSED,
    continues_as_promised,
    facts,
    keeps_its_promises,
    knows,
    lines_of,
    read,
    reader_of,
    said,
)

OLD, NEW = SyslogFamily(), Syslog5424Family()
ZULU = ZoneInfo("UTC")
SLOW_SECONDS = 1.0


@pytest.mark.parametrize(
    ("line", "instant"),
    [
        ("Nov  3 09:23:38 ucs1 cron[812]: session opened", "2026-11-03T08:23:38Z"),
        ("<34>Nov  3 09:23:38 ucs1 su: failed", "2026-11-03T08:23:38Z"),
        ("Nov 03 09:23:38 ucs1 kernel: [    0.0] booted", "2026-11-03T08:23:38Z"),
        ("Jul  3 09:23:38.250 ucs1 app: x", "2026-07-03T07:23:38.250000Z"),
        ("Mär  3 09:23:38 ucs1 app: x", "2026-03-03T08:23:38Z"),
        ("Mai  3 09:23:38 ucs1 app: x", "2026-05-03T07:23:38Z"),
        ("Okt 30 09:23:38 ucs1 app: x", "2026-10-30T08:23:38Z"),
        ("Dez 30 09:23:38 ucs1 app: x", "2025-12-30T08:23:38Z"),
        ("août 15 09:23:38 ucs1 app: x", "2026-08-15T07:23:38Z"),
        ("Oct 25 02:30:00 ucs1 app: x", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z"),
        ("Nov  3 2025 09:23:38 asa1 : %ASA-5-1: x", "2025-11-03T08:23:38Z"),
        ("2026-11-23T08:00:00.123456+01:00 ucs1 cron[812]: x", "2026-11-23T07:00:00.123456Z"),
        ("<13>2026-11-23T07:00:00Z ucs1 app: x", "2026-11-23T07:00:00Z"),
    ],
)
def test_heads_of_both_forms(line: str, instant: str) -> None:
    """Padded days, priorities, three languages in UTF-8 and Latin-1, and the form with a year."""
    assert read(OLD, line) == [instant]
    if "-" not in line[:6]:
        assert read(OLD, line.encode("latin-1")) == [instant]


def test_both_forms_in_one_file() -> None:
    """A file that was written over an upgrade of rsyslog holds both forms."""
    text = "Nov  3 09:23:38 ucs1 a: x\n2026-11-03T09:23:39+01:00 ucs1 a: x\n\tmore\nno stamp\nFeb 30 01:00:00 ucs1 a: x"
    expected = ["2026-11-03T08:23:38Z", "2026-11-03T08:23:39Z", CONTINUED, UNPARSED, UNPARSED]
    assert read(OLD, text) == expected


def test_december_above_january() -> None:
    """In a file changed on 2 January the lines of December are of the year before."""
    text = "Dec 31 23:59:59 ucs1 a: x\nJan  1 00:00:01 ucs1 a: x"
    known = facts(mtime="2027-01-02T10:00:00Z", zone=ZULU)
    assert read(OLD, text, known) == ["2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z"]


def test_the_name_tells_the_year() -> None:
    """A file that names its day is of that year, whenever it was touched; one without a name is not."""
    text = "Nov 19 09:00:00 ucs1 a: x"
    assert read(OLD, text, facts("syslog-20251120", zone=ZULU)) == ["2025-11-19T09:00:00Z"]
    assert read(OLD, text, facts("syslog.1", zone=ZULU)) == ["2026-11-19T09:00:00Z"]


def test_a_file_longer_than_a_year_can_be_prepared() -> None:
    """A reader that was shown all lines first knows that those above a jump are a year older."""
    text = "\n".join(f"{month} {day:02} 09:00:00 h a: x" for month in ("Nov", "Dec") for day in range(1, 31))
    text += "\n" + "\n".join(f"Jan {day:02} 09:00:00 h a: x" for day in range(1, 31)) + "\nJun 01 09:00:00 h a: x"
    text += "\nNov 01 09:00:00 h a: x\nNov 20 09:00:00 h a: x"
    lines = lines_of(text)
    reader = reader_of(OLD, text, facts(zone=ZULU))
    assert isinstance(reader, SyslogReader)
    assert said(reader, lines[0]) == "2026-11-01T09:00:00Z", "never early without it"
    fresh = reader_of(OLD, text, facts(zone=ZULU))
    assert isinstance(fresh, SyslogReader)
    fresh.prepare(lines)
    found = [said(fresh, line) for line in lines]
    assert found[0] == "2025-11-01T09:00:00Z"
    assert found[-1] == "2026-11-20T09:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "Nov 23, 2026 8:00:00 AM org.example.Sip",
        "Feb 30 09:23:38 host app: x",
        "2026-11-23T08:00:00.123+01:00 ERROR org.example.Sip: x",
        "2026-11-23T08:00:00Z no colon",
        "2026-11-23 08:00:00 host app: x",
        "<34>1 2003-10-11T22:14:15.003Z host su - ID47 - x",
        '{"t":"Nov  3 09:23:38"}',
    ],
)
def test_other_texts_are_not_taken(text: str) -> None:
    """What begins with no stamp, another stamp, or a stamp and a level is not syslog's."""
    assert not knows(OLD, text)
    assert knows(OLD, "Nov  3 09:23:38 host app: x"), "the positive control"
    assert reader_of(OLD, text, facts(pin="syslog")), "unless the operator fixed it"


# -- RFC 5424 ---------------------------------------------------------------------------------------------------------


def test_rfc_5424() -> None:
    """Stamps of RFC 3339, the nil stamp as an undated record, indented lines as continuations."""
    text = """
<34>1 2003-10-11T22:14:15.003Z ucs1.example.org su - ID47 - failed
<165>1 2026-11-23T08:00:00.000003+01:00 192.0.2.1 app 8710 - [a@32473 b="c"] x
<34>1 - ucs1 app - - - x
\tmore
rubbish
<34>1 2026-02-30T00:00:00Z ucs1 app - - - x
"""
    expected = ["2003-10-11T22:14:15.003000Z", "2026-11-23T07:00:00.000003Z", UNDATED, CONTINUED, UNPARSED, UNDATED]
    assert read(NEW, text) == expected


def test_counted_octets() -> None:
    """A line of several counted messages is as old as the first and lasts as long as the last; a nil one undates it."""
    one = "59 <34>1 2026-11-23T08:00:00Z ucs1 app 1 - - the first message"
    two = "44 <34>1 2026-11-23T09:00:00Z ucs1 a 1 - - x"
    nil = "24 <34>1 - ucs1 a 1 - - x"
    assert read(NEW, one) == ["2026-11-23T08:00:00Z"]
    assert read(NEW, one + two) == ["2026-11-23T08:00:00Z 2026-11-23T09:00:00Z"]
    assert read(NEW, one + nil) == [UNDATED]
    assert read(NEW, f"{one}\nthe rest of it{two}") == ["2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z"]


def test_only_rfc_5424_is_taken_as_such() -> None:
    """The old form, and a bare priority, are not RFC 5424."""
    assert not knows(NEW, "<34>Nov  3 09:23:38 host app: x")
    assert not knows(NEW, "<34>1 nothing")
    assert not knows(NEW, "")
    assert knows(NEW, "<34>1 - h a p m - x"), "the positive control"
    assert isinstance(reader_of(NEW, "", facts(pin="syslog5424")), Syslog5424Reader)


# -- both -------------------------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31))  # noqa: DTZ001  made aware below
NOISE = st.binary(max_size=60).filter(lambda noise: b"\n" not in noise)


@given(MOMENTS, NOISE)
def test_promises_hold(moment: datetime, noise: bytes) -> None:
    """Any stamp with a year in the located place is a head; what begins with a continuing byte is none (Place)."""
    instant = instant_of(moment.replace(tzinfo=UTC))
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00").encode()
    for family, head in (
        (OLD, b"2026-11-23T08:00:00.123456+00:00 ucs1 cron[812]: x"),
        (OLD, b"<13>2026-11-23T08:00:00.123456+00:00 ucs1 cron[812]: x"),
        (NEW, b"<34>1 2026-11-23T08:00:00.123456+00:00 ucs1 app - - - x"),
    ):
        reader = reader_of(family, head)
        keeps_its_promises(reader, head, stamp, Span(lo=instant, hi=instant))
        continues_as_promised(reader, noise)


def test_no_promise_where_the_place_does_not_tell() -> None:
    """Old stamps of a file with jumps, the nil stamp and counted octets depend on more than their place."""
    reader = reader_of(OLD, "Nov  3 09:23:38 h a: x")
    assert isinstance(reader, SyslogReader)
    assert reader.locate(b"Nov  3 09:23:38 h a: x") is not None, "the positive control"
    reader.prepare([b"Nov  3 09:23:38 h a: x", b"Jan  3 09:23:38 h a: x", b"Nov  3 09:23:38 h a: x"])
    assert reader.locate(b"Nov  3 09:23:38 h a: x") is None
    assert reader.locate(b"2026-11-23T08:00:00Z h a: x") is not None
    newer = reader_of(NEW, "<34>1 - h a p m - x")
    assert isinstance(newer, Syslog5424Reader)
    assert newer.locate(b"<34>1 - h a p m - x") is None
    assert newer.locate(b"59 <34>1 2026-11-23T08:00:00Z h a p m - x") is None
    assert newer.locate(b"<34>1 2026-11-23T08:00:00Z h a p m - x") is not None, "the positive control"


@given(st.lists(st.one_of(NOISE, NOISE.map(lambda noise: b"Nov  3 09:23:38 " + noise)), max_size=8))
def test_nothing_raises(lines: list[bytes]) -> None:
    """Whatever the lines are, and in whatever file, they are read."""
    for family, head in ((OLD, "Nov  3 09:23:38 h a: x"), (NEW, "<34>1 - h a p m - x")):
        family.reader(facts(), tuple(lines))
        for zone in (None, BERLIN):
            reader = reader_of(family, head, facts(zone=zone))
            assert all(reader.line(line).kind in Kind for line in lines)


@pytest.mark.parametrize(
    "piece", [b"<34>", b"1 ", b"9", b"Nov  3 09:23:38 ", b"12 <34>1 - ", b"a:", b"2026-11-23T08:00:00"]
)
def test_long_lines_take_no_time(piece: bytes) -> None:
    """A line of a megabyte is read in one pass, whatever it is made of."""
    line = piece * (1_000_000 // len(piece))
    for family, head in ((OLD, "Nov  3 09:23:38 h a: x"), (NEW, "<34>1 - h a p m - x")):
        start = time.process_time()
        reader_of(family, head).line(line)
        family.reader(facts(), (line,))
        assert time.process_time() - start < SLOW_SECONDS
