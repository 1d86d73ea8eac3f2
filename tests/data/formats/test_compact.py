"""Short stamps at the beginning of a line: glog, epoch, TAI64N, HDFS and Spark."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.compact import GlogFamily, GlogReader, epoch, hdfs, spark, tai64n
from data.formats.interface import Family, Kind
from data.retention.evidence import Span
from data.retention.instants import SECOND, instant_of
from tests.data.formats.reading import (
    CONTINUED,
    DIRECTIVE,
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

ZULU = ZoneInfo("UTC")
GLOG = "I1123 08:00:00.123456   123 pipe.cc:77] opened"
SQUID = "1795420800.123    456 192.0.2.7 TCP_MISS/200 512 GET http://nex.example/ - DIRECT/192.0.2.9 text/html"
TAI = "@400000006b03f2a5075bcd15 started"
HDFS = "261123 080000 143 INFO dfs.DataNode$PacketResponder: Received block"
SPARK = "26/11/23 08:00:00 INFO executor.Executor: Running task"
SLOW_SECONDS = 1.0


def families() -> list[tuple[Family, str]]:
    """Give every family with a line of its own."""
    return [(GlogFamily(), GLOG), (epoch(), SQUID), (tai64n(), TAI), (hdfs(), HDFS), (spark(), SPARK)]


def test_glog() -> None:
    """Heads without a year, with one and with an epoch; its own header lines are kept; traces continue."""
    text = f"""
Log file created at: 2026/11/23 08:00:00
Running on machine: ucs1
Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg
{GLOG}
    @     0x7f  main
E20261123 08:00:00.123456   123 pipe.cc:77] with a year
W0000 00:00:1795417200.123456     123 early.cc:7] before the start
F1131 08:00:00.123456   123 pipe.cc:77] no such day
more
"""
    head = "2026-11-23T07:00:00.123456Z"
    assert read(GlogFamily(), text) == [*[DIRECTIVE] * 3, head, CONTINUED, head, head, UNPARSED, UNPARSED]


def test_the_year_of_glog() -> None:
    """The file's own first line tells the year, over a new year too; without it the last change does."""
    header = "Log file created at: 2024/12/30 08:00:00\n"
    december, january = GLOG.replace("1123", "1231"), GLOG.replace("1123", "0101")
    known = facts(zone=ZULU, mtime="2025-01-01T09:00:00Z")
    assert read(GlogFamily(), header + december + "\n" + january, known)[1:] == [
        "2024-12-31T08:00:00.123456Z",
        "2025-01-01T08:00:00.123456Z",
    ]
    touched = facts(zone=ZULU, mtime="2026-11-24T09:00:00Z")
    late = GLOG.replace("1123", "1230")
    assert read(GlogFamily(), header + late, touched)[1:] == ["2024-12-30T08:00:00.123456Z"]
    both = "2024-12-31T08:00:00.123456Z 2025-12-31T08:00:00.123456Z"
    assert read(GlogFamily(), header + december, touched)[1:] == [both]
    assert read(GlogFamily(), december, touched) == ["2025-12-31T08:00:00.123456Z"]


def test_a_long_file_of_glog_can_be_prepared() -> None:
    """A reader that was shown all lines first knows that those above a jump are a year older."""
    days = [f"{month:02}{day:02}" for month in (*range(10, 13), *range(1, 12)) for day in (1, 6, 11, 16, 21, 26)]
    lines = lines_of("\n".join(GLOG.replace("1123", day) for day in days))
    reader = reader_of(GlogFamily(), b"\n".join(lines), facts(zone=ZULU, mtime="2026-11-26T09:00:00Z"))
    assert isinstance(reader, GlogReader)
    reader.prepare(lines)
    assert [said(reader, line)[:10] for line in lines][:: len(lines) - 1] == ["2025-10-01", "2026-11-26"]


@pytest.mark.parametrize(
    ("line", "instant"),
    [
        (SQUID, "2026-11-23T08:00:00.123000Z"),
        ("1795420800 x", "2026-11-23T08:00:00Z"),
        ("1795420800.123456 x", "2026-11-23T08:00:00.123456Z"),
        ("1795420800123 x", "2026-11-23T08:00:00.123000Z"),
        ("1795420800123456|x", "2026-11-23T08:00:00.123456Z"),
        ("1795420800123456789\tx", "2026-11-23T08:00:00.123456Z"),
        ("[1795420800.5] x", "2026-11-23T08:00:00.500000Z"),
    ],
)
def test_epoch_in_the_first_column(line: str, instant: str) -> None:
    """Seconds, milli-, micro- and nanoseconds, with decimals, in a bracket too."""
    assert read(epoch(), line) == [instant]
    assert read(epoch(), f"{line}\n{line}\nrubbish\n more")[1:] == [instant, UNPARSED, CONTINUED]


def test_numbers_that_are_no_times_make_no_epoch_log() -> None:
    """Counters, phone numbers and times nobody believes are not taken; nor is one time among many other lines."""
    assert not knows(epoch(), "42 x\n43 y")
    assert not knows(epoch(), "4915112345678 called\n4915112345679 called")
    assert not knows(epoch(), "123456789 x")
    assert not knows(epoch(), "1795420800 x\ny\nz")
    assert not knows(epoch(), "1795420800x")
    assert knows(epoch(), "1795420800 x\ny"), "the positive control"


def test_tai64n() -> None:
    """The label holds the instant, give or take leap seconds; a label out of range is not understood."""
    found = read(tai64n(), f"{TAI}\n@400000006b03f2a5ffffffff x\n more\nrubbish")
    lo, hi = found[0].split()
    assert (lo, hi) == ("2026-11-23T08:00:00.123456Z", "2026-11-23T08:00:27.123456Z")
    assert found[1:] == [UNPARSED, CONTINUED, UNPARSED]


def test_hdfs_and_spark() -> None:
    """Two-digit years are of this century; Java's traces belong to the record above."""
    for family, line in ((hdfs(), HDFS), (spark(), SPARK)):
        text = f"above\n{line}\njava.io.IOException: closed\n\tat a.b(C.java:1)\nCaused by: x\n\n{line}"
        assert read(family, text) == [UNPARSED, "2026-11-23T07:00:00Z", *[CONTINUED] * 4, "2026-11-23T07:00:00Z"]
    assert read(hdfs(), "081109 203518 143 INFO dfs.X: a") == ["2008-11-09T19:35:18Z"]
    assert read(spark(), f"{SPARK}\n17/06/31 20:10:40 INFO a: b") == ["2026-11-23T07:00:00Z", UNPARSED]


def test_another_order_of_two_digit_years_is_never_early() -> None:
    """What Spark means as 2023 may be a day of this month elsewhere: it lasts as long, if that is not in the future."""
    line = SPARK.replace("26/11/23", "23/11/26")
    wide, exact = "2023-11-26T07:00:00Z 2026-11-23T07:00:00Z", "2023-11-26T07:00:00Z"
    assert read(spark(), line, facts(mtime="2026-11-23T12:00:00Z")) == [wide]
    assert read(spark(), line, facts(mtime="2026-11-20T12:00:00Z")) == [exact]
    assert read(spark(), SPARK, facts(mtime="2030-01-01T00:00:00Z")) == ["2026-11-23T07:00:00Z"]


def test_each_takes_only_its_own() -> None:
    """Each family knows its own lines and nobody else's; a pin beats that."""
    others = [
        "",
        "x",
        "2026-11-23 08:00:00 x",
        "Nov  3 09:23:38 h a: x",
        "I1123 x",
        "@4000 x",
        "261123 x",
        "26/11/23 x",
    ]
    samples = [*(own for _, own in families()), *others]
    for family, own in families():
        assert [text for text in samples if knows(family, text)] == [own]
        assert all(knows(family, text, facts(pin=family.id)) for text in samples)


MOMENTS = st.datetimes(datetime(2001, 9, 10), datetime(2098, 12, 31))  # noqa: DTZ001  made aware below
NOISE = st.binary(max_size=60).filter(lambda noise: b"\n" not in noise)


@given(MOMENTS, NOISE)
def test_promises_hold(moment: datetime, noise: bytes) -> None:
    """Any stamp of the located form in the same place is a head; what begins with a continuing byte is none (Place)."""
    second = instant_of(moment.replace(tzinfo=UTC, microsecond=0))
    label = f"@{(1 << 62) + second // SECOND + 10:016x}00000000"
    for family, head, stamp in (
        (epoch(), SQUID, f"{second // SECOND:010}.000"),
        (epoch(), "1795420800123 x", f"{second // 1000:013}"),
        (tai64n(), TAI, label),
        (hdfs(), HDFS, f"{moment:%y%m%d %H%M%S}"),
        (spark(), SPARK, f"{moment:%y/%m/%d %H:%M:%S}"),
        (GlogFamily(), "W0000 00:00:1795417200.123456     123 early.cc:7] x", f"{second // SECOND:010}.000000"),
    ):
        reader = reader_of(family, head, facts(zone=ZULU, mtime="2001-01-01T00:00:00Z"))
        lo = second - 27 * SECOND if family.id == "tai64n" else second
        keeps_its_promises(reader, head.encode(), stamp.encode(), Span(lo=lo, hi=second))
        continues_as_promised(reader, noise)


def test_no_promise_where_the_place_does_not_tell() -> None:
    """Heads of glog in a file with jumps are located only where they need no year."""
    reader = reader_of(GlogFamily(), GLOG)
    assert isinstance(reader, GlogReader)
    assert reader.locate(GLOG.encode()) is not None, "the positive control"
    reader.prepare([GLOG.encode(), GLOG.replace("1123", "0123").encode(), GLOG.encode()])
    assert reader.locate(GLOG.encode()) is None
    assert reader.locate(b"I0000 00:00:1795417200.123456 1 a.cc:7] x") is not None


@given(st.lists(NOISE, max_size=8))
def test_nothing_raises(lines: list[bytes]) -> None:
    """Whatever the lines are, they are read, and the sample may be anything."""
    for family, own in families():
        family.reader(facts(), tuple(lines))
        reader = reader_of(family, own)
        assert all(reader.line(line).kind in Kind for line in lines)


@pytest.mark.parametrize("piece", [b"1", b"I1123 ", b"@4", b"261123 ", b"26/11/23 08:00:00 ", b"1795420800.", b" "])
def test_long_lines_take_no_time(piece: bytes) -> None:
    """A line of a megabyte is read in one pass, whatever it is made of."""
    line = piece * (1_000_000 // len(piece))
    for family, own in families():
        start = time.process_time()
        reader_of(family, own).line(line)
        family.reader(facts(), (line, GLOG.encode() + line))
        assert time.process_time() - start < SLOW_SECONDS
