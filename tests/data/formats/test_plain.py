"""Text logs: a record begins with a stamp of the file's own form and holds every line up to the next such head."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.plain import ALIASES, PlainFamily
from data.formats.interface import Kind
from data.retention.evidence import Span
from data.retention.instants import instant_of
from tests.data.formats.reading import (
    BERLIN,
    CONTINUED,
    UNPARSED,
    continues_as_promised,
    facts,
    keeps_its_promises,
    knows,
    lines_of,
    read,
    reader_of,
)

TEXT = PlainFamily()
ZULU = ZoneInfo("UTC")
EIGHT, NINE = "2026-11-23T07:00:00Z", "2026-11-23T08:00:00Z"
SLOW_SECONDS = 1.0

SERILOG = """
2026-11-23 08:00:00.123 +01:00 [INF] Line 1 of the client is registered at the server
2026-11-23 08:00:00.456 +01:00 [ERR] The window could not be opened
System.InvalidOperationException: The list is empty
 ---> System.IO.IOException: The pipe has been ended
   at Estos.Sample.Pipe.Read(Byte[] buffer) in C:\\build\\Pipe.cs:line 214
   --- End of inner exception stack trace ---
   at Estos.Sample.Window.Open() in C:\\build\\Window.cs:line 17
--- End of stack trace from previous location ---

   at Estos.Sample.Program.Main()
2026-11-23 09:00:00.000 +01:00 [INF] Line 1 was given back
"""
JAVA = """
2026-11-23 08:00:00,000 ERROR [main] org.example.Sip - Call leg was not found
java.lang.IllegalStateException: no leg
\tat org.example.Sip.leg(Sip.java:77)
Caused by: java.io.IOException: closed
\tat org.example.Net.read(Net.java:12)
\t... 12 more
2026-11-23 09:00:00,000 INFO  [main] org.example.Sip - started
"""
PYTHON = """
2026-11-23 08:00:00,000 - procall.sync - ERROR - the address book did not answer
Traceback (most recent call last):
  File "sync.py", line 12, in run
    answer = ask(book)
TimeoutError: 30 s

During handling of the above exception, another exception occurred:

2026-11-23 09:00:00,000 - procall.sync - INFO - again
"""


@pytest.mark.parametrize(
    ("text", "records"), [(SERILOG, [0, 1, 10]), (JAVA, [0, 6]), (PYTHON, [0, 8])], ids=["serilog", "java", "python"]
)
def test_traces_belong_to_the_record_above(text: str, records: list[int]) -> None:
    """Stack traces of .NET, Java and Python, inner exceptions and blank lines continue the record."""
    found = read(TEXT, text)
    assert [index for index, line in enumerate(found) if line != CONTINUED] == records
    assert found[-1] == NINE


HEADS = [
    ("serilog", "2026-11-23 08:00:00.000 +01:00 [INF] x", EIGHT),
    ("nlog", "2026-11-23 08:00:00.0000|INFO|procall.Sip|x", EIGHT),
    ("log4net", "2026-11-23 08:00:00,000 [1] INFO  procall.Sip - x", EIGHT),
    ("log4net thread", "2026-11-23 08:00:00,000 -15 INFO x", EIGHT),
    ("spring", "2026-11-23 08:00:00.000  INFO 1 --- [main] o.e.Sip : x", EIGHT),
    ("spring 3", "2026-11-23T08:00:00.000+01:00  INFO 1 --- [main] o.e.Sip : x", EIGHT),
    ("jul", "Nov 23, 2026 8:00:00 AM org.example.Sip leg", EIGHT),
    ("jul 24", "Nov 23, 2026, 08:00:00 org.example.Sip leg", EIGHT),
    ("german", "23.11.2026 08:00:00 Start", EIGHT),
    ("german ms", "23.11.2026 08:00:00,000;INFO;Start", EIGHT),
    ("brackets", "[2026-11-23T07:00:00Z] x", EIGHT),
    ("brackets local", "[2026-11-23 08:00:00] production.ERROR: x", EIGHT),
    ("go", "2026/11/23 08:00:00 main.go:12: x", EIGHT),
    ("level", "INFO 2026-11-23 08:00:00,000 x", EIGHT),
    ("level colon", "ERROR: 2026-11-23 08:00:00 x", EIGHT),
    ("level dash", "WARN - 2026-11-23 08:00:00 --> x", EIGHT),
    ("level brackets", "[INFO] 2026-11-23 08:00:00 x", EIGHT),
    ("level both", "[INFO ] [2026-11-23 08:00:00] x", EIGHT),
    ("dropwizard", "INFO  [2026-11-23 08:00:00,000] org.example.Sip: x", EIGHT),
    ("ruby", "I, [2026-11-23T08:00:00.000000 #77]  INFO -- : x", EIGHT),
    ("tomcat", "23-Nov-2026 08:00:00.000 INFO [main] x", EIGHT),
    ("php", "[23-Nov-2026 07:00:00 UTC] PHP Warning:  x", EIGHT),
    ("log4j date", "23 Nov 2026 08:00:00,000 INFO x", EIGHT),
    ("openvpn", "Mon Nov 23 08:00:00 2026 x", EIGHT),
    ("postgresql", "2026-11-23 07:00:00.000 UTC [77] LOG:  x", EIGHT),
    ("postgresql cet", "2026-11-23 08:00:00.000 CET [77] LOG:  x", EIGHT),
    ("minute", "2026-11-23 08:00 x", f"{EIGHT} 2026-11-23T07:00:59.999999Z"),
    ("repeated hour", "2026-10-25 02:30:00 x", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z"),
]


@pytest.mark.parametrize(("head", "instant"), [head[1:] for head in HEADS], ids=[head[0] for head in HEADS])
def test_heads_of_every_writer(head: str, instant: str) -> None:
    """A head of every writer is known, dated and continued by what is no head."""
    assert read(TEXT, f"{head}\n   at somewhere\nand more\n\n{head}") == [instant, *[CONTINUED] * 3, instant]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing dated here\nnor here",
        "   2026-11-23 08:00:00 indented",
        "seen at 2026-11-23 08:00:00",
        "ERROR:root:no time",
        "2026-02-30 08:00:00 no such day",
        "2026-11-23 only a day",
        "08:00:00,000 only a time",
        '{"t":"2026-11-23T08:00:00Z"}',
        "#Fields: date time\n2026-11-23 08:00:00",
        "2026/11/23 08:00:00 [error] 12#12: *1 nginx",
        "[Sun Dec 04 04:47:44 2005] [error] apache",
        "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] x",
        "Nov  3 09:23:38 host cron[1]: x",
    ],
)
def test_other_texts_are_not_taken(text: str) -> None:
    """What has no dated head at the beginning of a line, or is surely of another family, is not this family's."""
    assert not knows(TEXT, text)
    assert knows(TEXT, "2026-11-23 08:00:00 x"), "the positive control"


def test_a_pin_is_obeyed() -> None:
    """Where the operator fixed the family, or a name for it, it reads whatever the first lines are."""
    text = "nothing dated\n2026-11-23 08:00:00 x\nmore"
    for pin in ("text", *ALIASES):
        assert read(TEXT, text, facts(pin=pin)) == [UNPARSED, EIGHT, CONTINUED]
    reader = TEXT.reader(facts(pin="text"), ())
    assert reader is not None
    assert [reader.line(line).kind for line in lines_of(text)] == [Kind.UNPARSED, Kind.HEAD, Kind.CONTINUATION]


def test_a_quoted_date_begins_no_record() -> None:
    """A date in the message, or an older one of a foreign form at the beginning of a line, continues the record."""
    text = """
2026-11-23 08:00:00.000 +01:00 [ERR] The contract says
since 2020-01-01 00:00:00.000 +01:00 [INF] it was so
 2020-01-01 00:00:00.000 +01:00 [INF] indented
2020-01-01 00:00:00 is when it began
[2020-01-01 00:00:00.000 +01:00] in brackets
01.01.2020 00:00:00 in German
2026-11-23 09:00:00.000 +01:00 [INF] next
"""
    assert read(TEXT, text) == [EIGHT, *[CONTINUED] * 5, NINE]


def test_a_foreign_stamp_that_is_later_is_never_taken_for_old() -> None:
    """It may be quoted or another writer's: neither head nor part of the record above, but dated by its neighbours."""
    text = "2026-11-23 08:00:00.000 +01:00 [INF] a\n2026-11-23 08:30:00 b\n[2026-12-24 08:00:00] c"
    assert read(TEXT, text) == [EIGHT, UNPARSED, UNPARSED]


@pytest.mark.parametrize("quoted", ["2020-05-01 00:00:00", "2031-05-01 00:00:00", "[2020-05-01T00:00:00Z]"])
def test_more_quoted_dates_than_heads(quoted: str) -> None:
    """Rows of old or future dates below each head never become the form of the file, however many they are."""
    lines = []
    for minute in range(10, 40):
        lines += [f"2026-11-23 08:{minute}:00,000 [1] INFO  Book - read these:", *[f"{quoted};row"] * 3]
    found = read(TEXT, "\n".join(lines))
    assert found[::4] == [f"2026-11-23T07:{minute}:00Z" for minute in range(10, 40)]
    assert set(found) - set(found[::4]) <= {CONTINUED, UNPARSED}


def test_two_writers_in_one_file() -> None:
    """Where a fifth of the heads have another form and are in order with the others, both are the file's own."""
    lines = []
    for minute in range(30):
        lines += [f"2026-11-23 08:{minute:02}:00 x", "y"]
        lines += [f"[2026-11-23T07:{minute:02}:30Z] x"] if minute % 2 else []
    found = read(TEXT, "\n".join(lines))
    assert found.count(CONTINUED) == 30
    assert len([line for line in found if line.endswith("30Z")]) == 15
    found = read(TEXT, "\n".join([*lines, "[2020-11-23T07:00:00Z] quoted"]))
    assert (found.count(CONTINUED), found.count(UNPARSED)) == (31, 15), "one that is older makes all of them doubtful"


def test_undated_heads_and_lines_above_the_first_are_unparsed() -> None:
    """They are records of their own, dated by their neighbours."""
    text = "rest of a record\n2026-11-23 08:00:00 x\nERROR:root:no time\n[WRN] no time\n2026-02-30 08:00:00 x\nrest"
    assert read(TEXT, text) == [UNPARSED, EIGHT, UNPARSED, UNPARSED, UNPARSED, CONTINUED]


def test_summer_time_changes_no_form() -> None:
    """Offsets and zone names of summer and winter are one form."""
    text = "2026-10-24 08:00:00 +0200 x\n2026-10-26 08:00:00 +0100 x"
    assert read(TEXT, text) == ["2026-10-24T06:00:00Z", "2026-10-26T07:00:00Z"]
    text = "2026-10-24 08:00:00 CEST x\n2026-10-26 08:00:00 CET x"
    assert read(TEXT, text) == ["2026-10-24T06:00:00Z", "2026-10-26T07:00:00Z"]


def test_another_order_of_two_digit_years_is_never_early() -> None:
    """A date whose year has two digits lasts as long as the latest it could mean before the file's last change."""
    wide = "2023-11-26T07:00:00Z 2026-11-23T07:00:00Z"
    assert read(TEXT, "23/11/26 08:00:00 x") == [wide]
    assert read(TEXT, "26.11.23 08:00:00 x") == [wide]
    assert read(TEXT, "23.11.26 08:00:00 x") == [EIGHT]
    assert read(TEXT, "26/11/23 08:00:00 x") == [EIGHT]


def test_another_writer_that_takes_over_is_never_taken_for_old() -> None:
    """Lines that begin as records of other families are dated by their neighbours, not by the head above."""
    others = [
        '{"@t":"2026-11-23T08:00:00Z","@m":"x"}',
        "<13>1 - host app - - - x",
        "Nov 23 08:00:00 host app: x",
        "1795420800.123 x",
        '192.0.2.7 - - [23/Nov/2026:08:00:00 +0100] "GET / HTTP/1.1" 200 5',
        "time=2026-11-23T08:00:00Z level=info",
        "I1123 08:00:00.123456 1 a.cc:7] x",
        "@400000006b03f34b075bcd15 x",
    ]
    found = read(TEXT, "\n".join(["2026-01-23 08:00:00 x", "more", "", *others]))
    assert found == ["2026-01-23T07:00:00Z", CONTINUED, CONTINUED, *[UNPARSED] * len(others)]


def test_text_that_hardly_has_heads_is_not_as_old_as_them() -> None:
    """A dated banner above months of undated output dates nothing but its trace; many heads date their lines."""
    trace = ["   at x", "", "Caused by: y", "java.lang.Error: z"]
    lines = ["2026-01-23 08:00:00 started", *trace, *[f"line {number}" for number in range(50)]]
    assert read(TEXT, "\n".join(lines))[1:] == [*[CONTINUED] * 4, *[UNPARSED] * 50]
    assert set(read(TEXT, "\n".join(lines[:20]))[1:]) == {CONTINUED}, "the positive control"


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31))  # noqa: DTZ001  made aware below


@given(MOMENTS, st.binary(max_size=30).filter(lambda noise: b"\n" not in noise))
def test_promises_hold(moment: datetime, noise: bytes) -> None:
    """Any stamp of the located form in the same place is a head; what begins with a continuing byte is none (Place)."""
    instant = instant_of(moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000))
    millis = f"{moment.microsecond // 1000:03}"
    for head, form in (
        ("2026-11-23 08:00:00.123 +00:00 [INF] x", f"%Y-%m-%d %H:%M:%S.{millis} +00:00"),
        ("2026-11-23T08:00:00.123Z x", f"%Y-%m-%dT%H:%M:%S.{millis}Z"),
        ("INFO  [2026-11-23 08:00:00,123] x", f"%Y-%m-%d %H:%M:%S,{millis}"),
        ("[2026-11-23 08:00:00.123] x", f"%Y-%m-%d %H:%M:%S.{millis}"),
        ("2026/11/23 08:00:00.123 x", f"%Y/%m/%d %H:%M:%S.{millis}"),
        ("23.11.2026 08:00:00,123 x", f"%d.%m.%Y %H:%M:%S,{millis}"),
    ):
        reader = reader_of(TEXT, head, facts(zone=ZULU))
        stamp = moment.strftime(form).encode()
        keeps_its_promises(reader, head.encode(), stamp, Span(lo=instant, hi=instant))
        continues_as_promised(reader, noise)
        assert reader.line(stamp).kind is not Kind.DIRECTIVE


@given(st.lists(st.binary(max_size=80), max_size=10), st.sampled_from([None, BERLIN]))
def test_nothing_raises(lines: list[bytes], zone: ZoneInfo | None) -> None:
    """Whatever the lines are, a reader reads them, and the sample may be anything."""
    TEXT.reader(facts(zone=zone), tuple(lines))
    reader = reader_of(TEXT, "2026-11-23 08:00:00 x", facts(zone=zone))
    assert all(reader.line(line).kind in Kind for line in lines)


@pytest.mark.parametrize(
    "piece",
    [b"INFO ", b"[", b"2026-11-23 08:00:00.", b"1", b" ", b"Nov ", b"[INFO", b"ERROR:a.", b"Asia/", b"\xc3\xa4"],
)
def test_long_lines_take_no_time(piece: bytes) -> None:
    """A line of 4 MB is read in one pass, whatever it is made of."""
    reader = reader_of(TEXT, "2026-11-23 08:00:00 x")
    for line in (piece * (4_000_000 // len(piece)), b"23-Nov-2026 08:00:00 A" + piece * (4_000_000 // len(piece))):
        start = time.process_time()
        reader.line(line)
        assert time.process_time() - start < SLOW_SECONDS
