"""W3C extended logs: fields are found by their names, which may change at any line; times are UTC."""

import tempfile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.w3c import W3cFamily, W3cReader
from data.formats.interface import FileFacts, Kind, Line, Reader, Reading
from data.formats.lines import Pace
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, HOUR, MINUTE, SECOND, datetime_of, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
IIS = "#Fields: date time s-ip cs-method cs-uri-stem sc-status"

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    facts = FileFacts(name=b"u_ex261123.log", size=1, mtime=0, zone=ZoneInfo("Europe/Berlin"), pin=pin)
    return W3cFamily().reader(facts, sample)


def read(*lines: str) -> list[Line]:
    """Read the lines of one file."""
    reader = W3cReader()
    return [reader.line(line.encode()) for line in lines]


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


UNDATED = Line(kind=Kind.HEAD)
DIRECTIVE = Line(kind=Kind.DIRECTIVE)


def test_an_iis_log() -> None:
    """Lines with `#` are directives, all others records; the zone of the source does not matter: IIS writes UTC."""
    head = ["#Software: Microsoft Internet Information Services 10.0", "#Version: 1.0", "#Date: 2026-11-23 08:00:00"]
    found = read(*head, IIS, "2026-11-23 08:00:00 10.0.0.1 GET / 200", "2026-11-23 08:00:01 10.0.0.1 GET /x 404")
    assert found == [DIRECTIVE] * 4 + [dated(AT), dated(AT + SECOND)]
    reader = opened(IIS.encode())
    assert reader is not None
    assert reader.line(IIS.encode()) == DIRECTIVE
    assert reader.line(b"2026-11-23 08:00:00 10.0.0.1 GET / 200") == dated(AT)


@pytest.mark.parametrize(
    ("fields", "row"),
    [
        ("date time x", "2026-11-23 08:00:00 1"),
        ("time x date", "08:00:00 1 2026-11-23"),
        ("x time y date", "a 08:00:00 b 2026-11-23"),
        ("date\ttime\tx", "2026-11-23\t08:00:00\ta b"),
        ("x\ty\tdate\ttime", "\t\t2026-11-23\t08:00:00"),
        ("cs(User-Agent) date time", '"Mozilla 5.0 ""x"" y" 2026-11-23 08:00:00'),
        ("date time x", '"2026-11-23" "08:00:00" 1'),
        ("date-time,client-ip,x", "2026-11-23T08:00:00.000Z,10.0.0.1,y"),
        ("x-timestamp x", "1795420800 1"),
        ("x-timestamp x", "2026-11-23T09:00:00+01:00 1"),
        ("DATE Time x", "2026-11-23 08:00:00 1"),
        ("date time date-time", "2026-11-20 01:02:03 2026-11-23T08:00:00Z"),
        ("date  time   x", "2026-11-23   08:00:00 1"),
    ],
)
def test_fields_are_found_by_their_names(fields: str, row: str) -> None:
    """Wherever date and time stand, whatever separates or quotes them."""
    assert read(f"#Fields: {fields}", row) == [DIRECTIVE, dated(AT)]


def test_fractions_are_exact() -> None:
    """Fractions of a second are cut to microseconds."""
    assert read("#Fields: date time", "2026-11-23 08:00:00.1234567")[1] == dated(AT + 123_456)
    assert read("#Date: 2026-11-23 08:00:00", "#Fields: time", "08:00:00.25")[2] == dated(AT + 250_000)


def test_fields_may_change_at_any_line() -> None:
    """A new `#Fields:` holds from its line on."""
    found = read("#Fields: date time x", "2026-11-23 08:00:00 1", "#Fields: x time date", "1 08:00:01 2026-11-23")
    assert found == [DIRECTIVE, dated(AT), DIRECTIVE, dated(AT + SECOND)]
    assert read("#Fields: date time x", "1 08:00:01 2026-11-23")[1] == UNDATED


def test_without_a_date_column_the_directive_names_the_day() -> None:
    """`#Date:` gives the day, a clock that goes back the next one; without `#Date:` there is no time."""
    found = read(
        "#Date: 2026-11-23 08:00:00", "#Fields: time x", "08:00:00 1", "07:59:30 1", "23:59:59 1", "00:00:01 1"
    )
    assert found[2:] == [
        dated(AT),
        dated(AT - 30 * SECOND),
        dated(AT + 16 * HOUR - SECOND),
        dated(AT + 16 * HOUR + SECOND),
    ]
    assert read("#Date: 2026-11-23 23:59:00", "#Fields: time", "00:00:30")[2] == dated(AT + 16 * HOUR + 30 * SECOND)
    assert read("#Fields: time x", "08:00:00 1")[1] == UNDATED
    assert read("#Date: yesterday", "#Fields: time x", "08:00:00 1")[2] == UNDATED


@pytest.mark.parametrize(
    "row",
    ["- - 1", "2026-13-01 08:00:00 1", "2026-11-23 25:00:00 1", "2026-11-2", "23.11.2026 08:00:00 x", "x", "1 2 3"],
)
def test_a_row_without_a_believable_time_is_a_record_without_one(row: str) -> None:
    """Such a row is dated by what the engine knows besides."""
    assert read("#Fields: date time x", row)[1] == UNDATED


def test_a_row_that_was_cut_off_lies_within_what_is_left() -> None:
    """A stamp without its end is no stamp, or an interval that holds the whole one."""
    whole = "2026-11-23 08:00:00"
    found = read("#Fields: date time x", *(whole[:end] for end in range(1, len(whole) + 1)))[1:]
    assert [line for line in found if line != UNDATED] == [
        dated(AT - 8 * HOUR, AT + 16 * HOUR - 1),
        dated(AT - 8 * HOUR, AT + 16 * HOUR - 1),
        dated(AT, AT + MINUTE - 1),
        dated(AT),
    ]


def test_other_lines() -> None:
    """Rows above the first `#Fields:` are not understood; blank lines belong to the record above."""
    assert read("2026-11-23 08:00:00 1", "", "#", "#Remark: x", "# x") == [
        Line(kind=Kind.UNPARSED),
        Line(kind=Kind.CONTINUATION),
        DIRECTIVE,
        DIRECTIVE,
        DIRECTIVE,
    ]
    assert W3cReader().line(b"\xef\xbb\xbf#Fields: date time") == DIRECTIVE


def test_what_is_of_the_family() -> None:
    """A file that names its fields or its version is of the family; comments alone are not enough."""
    assert isinstance(opened(b"#Version: 1.0"), W3cReader)
    assert isinstance(opened(b"\xef\xbb\xbf" + IIS.encode()), W3cReader)
    assert opened(b"# a comment", b"2026-11-23 08:00:00 1") is None
    assert opened() is None
    assert isinstance(opened(b"x", pin="w3c"), W3cReader)


def test_a_place_is_where_date_and_time_stand() -> None:
    """Only where date and time are the first two fields, and nothing could contradict them."""
    row = b"2026-11-23 08:00:00.5 10.0.0.1"
    for fields, expected in (
        ("date time x", True),
        ("time date x", False),
        ("x date time", False),
        ("date time date-time", False),
        ("date time x date", False),
        ("date\ttime", False),
    ):
        reader = W3cReader()
        reader.line(f"#Fields: {fields}".encode())
        place = reader.locate(row)
        assert (place is not None) is expected, fields
        if place is not None:
            assert row[place.start : place.end] == b"2026-11-23 08:00:00.5"
            assert (place.once, place.never) == (b"", ())
    assert W3cReader().locate(row) is None


@given(instants, st.binary(max_size=30))
def test_the_promise_of_a_place_holds(instant: int, tail: bytes) -> None:
    """Any row that begins with a stamp and a blank is dated by it, whatever follows."""
    moment = f"{datetime_of(instant):%Y-%m-%d %H:%M:%S} "
    reader = W3cReader()
    reader.line(IIS.encode())
    assert reader.locate(b"2026-11-23 08:00:00 10.0.0.1 GET / 200") is not None
    assert reader.line(moment.encode() + tail) == dated(instant // SECOND * SECOND)


@given(st.lists(instants, min_size=1, max_size=5), st.permutations(["date", "time", "a", "b"]))
def test_every_row_has_its_instant(found: list[int], fields: list[str]) -> None:
    """Whatever the order of the fields, each row means the second it names."""
    rows = []
    for one in found:
        cells = {"date": f"{datetime_of(one):%Y-%m-%d}", "time": f"{datetime_of(one):%H:%M:%S}", "a": '"x y"', "b": "-"}
        rows.append(" ".join(cells[field] for field in fields))
    assert read("#Fields: " + " ".join(fields), *rows)[1:] == [dated(one // SECOND * SECOND) for one in found]


@given(instants, st.lists(st.integers(1, 20 * 60), max_size=8))
def test_a_clock_alone_is_followed_over_midnight(start: int, steps: list[int]) -> None:
    """Without a date column the days are counted, as long as rows are less than a day apart."""
    start = start // SECOND * SECOND
    found = [start]
    for step in steps:
        found.append(found[-1] + step * MINUTE)
    head = [f"#Date: {datetime_of(start):%Y-%m-%d %H:%M:%S}", "#Fields: time x"]
    assert read(*head, *(f"{datetime_of(one):%H:%M:%S} 1" for one in found))[2:] == [dated(one) for one in found]


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: b"#Fields: " + tail)))
def test_random_lines_never_raise(lines: list[bytes]) -> None:
    """Whatever a file holds, each line gets a kind."""
    reader = W3cReader()
    for line in (*lines, b"#Date: 2026-11-23", b"#Fields: date time", *lines, b"#Fields: time", *lines):
        assert reader.line(line).kind in Kind
        reader.locate(line)
    opened(*lines)


def reading(content: bytes, *, fast: bool = True) -> Reading:
    """Let the engine read a file, many lines at once or each by itself."""
    engine = LogReader([W3cFamily()], pace=Pace(block=4096, least=1, fast=fast))
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"), pin=W3cFamily.id)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return engine.read(file.fileno(), known, Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW))


@given(
    st.lists(
        st.tuples(
            st.integers(-3600, 3600),
            st.sampled_from(
                ["#Fields: date time x", "#Fields: x date time", "#Fields: date time date-time", "#Remark: x"]
            ),
        ),
        max_size=5,
    ),
)
def test_the_engine_finds_the_same_fast_and_slowly(runs: list[tuple[int, str]]) -> None:
    """Reading many rows at once gives what reading each row gives, even where the fields change between them."""
    lines = ["#Fields: date time x"]
    for start, directive in runs:
        lines += [f"{datetime_of(CUTOFF + (start + at) * SECOND):%Y-%m-%d %H:%M:%S} 1" for at in range(30)]
        lines += [directive, "- - 1", "2026-11-20 08:00:00"]
    content = "\n".join(lines).encode()
    assert reading(content) == reading(content, fast=False)
