"""JSON logs: every key and value form is read as what it means, and no broken, nested or odd line misleads."""

import json
import string
import tempfile
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.formats.families.json_documents import ArrayReader, DocumentReader
from data.formats.families.json_keys import HOLDERS, TIME_KEYS
from data.formats.families.json_lines import JsonFamily, JsonLines
from data.formats.interface import FileFacts, Kind, Line, Place, Reader, Reading
from data.formats.lines import Pace
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, HOUR, MINUTE, SECOND, datetime_of, iso, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
LATER = read_iso("2026-11-24T09:30:00Z")
BERLIN = ZoneInfo("Europe/Berlin")
STAMP = "2026-11-23T08:00:00Z"
LATER_STAMP = "2026-11-24T09:30:00Z"

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, zone: ZoneInfo | None = BERLIN, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    return JsonFamily().reader(FileFacts(name=b"app.json", size=1, mtime=0, zone=zone, pin=pin), sample)


def lines_reader() -> JsonLines:
    """Give the reader of one object a line."""
    return JsonLines(BERLIN)


def line_of(text: str | bytes) -> Line:
    """Read one line alone."""
    return lines_reader().line(text if isinstance(text, bytes) else text.encode())


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


def records(*lines: bytes) -> list[tuple[Line, int]]:
    """Read a file as the engine does: the records with their final times, and how many lines each has."""
    reader = opened(*lines)
    assert reader is not None
    found: list[tuple[Line, int]] = []
    for line in lines:
        kind = reader.line(line)
        if kind.kind is Kind.CONTINUATION and found:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((kind, 1))
        late = reader.late() if isinstance(reader, ArrayReader | DocumentReader) else None
        if late is not None:
            found[-1] = (late, found[-1][1])
    return found


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", TIME_KEYS)
def test_every_key_is_known(key: str) -> None:
    """Each of the keys of purge.md 7.1 dates its object, as text and as a number; a foreign key does not."""
    assert line_of(json.dumps({"level": "INFO", key: STAMP, "x": 1})) == dated(AT)
    assert line_of(json.dumps({"level": "INFO", key: AT // SECOND})) == dated(AT)
    assert line_of(json.dumps({"level": "INFO", f"{key}x": STAMP})) == Line(kind=Kind.HEAD)


def test_the_keys_are_those_of_the_law() -> None:
    """The keys and their order are what purge.md 7.1 lists."""
    assert " ".join(TIME_KEYS) == (
        "@t Timestamp timestamp @timestamp time ts t datetime date eventTime TimeGenerated timeUnixNano"
        " __REALTIME_TIMESTAMP"
    )


@pytest.mark.parametrize(("first", "second"), list(combinations(TIME_KEYS, 2)))
def test_of_two_keys_the_first_in_precedence_decides(first: str, second: str) -> None:
    """Whichever of two keys stands first in the line, the list decides."""
    assert line_of(json.dumps({first: STAMP, second: LATER_STAMP})) == dated(AT)
    assert line_of(json.dumps({second: LATER_STAMP, first: STAMP})) == dated(AT)


@pytest.mark.parametrize(
    "useless",
    [None, "", "soon", "12ms", 12, 0, -1, True, [], {}, [STAMP], "1999-12-31T23:59:59Z", "08:00:00", "x" * 5000],
)
def test_a_key_without_a_believable_time_leaves_the_decision_to_the_next(useless: object) -> None:
    """What is no time, or one before 2000, neither dates nor hides the key after it."""
    assert line_of(json.dumps({"@t": useless, "timestamp": STAMP})) == dated(AT)
    assert line_of(json.dumps({"@t": useless})) == Line(kind=Kind.HEAD)


def test_one_key_twice_gives_the_interval_over_both() -> None:
    """Duplicates are not resolved by chance: the record lies between them; a third that is no time makes it undated."""
    assert line_of(f'{{"ts":"{LATER_STAMP}","ts":"{STAMP}"}}') == dated(AT, LATER)
    assert line_of(f'{{"ts":"{STAMP}","ts":"{STAMP}"}}') == dated(AT)
    assert line_of(f'{{"ts":"{STAMP}","ts":null}}') == dated(AT)
    assert line_of(f'{{"ts":"{STAMP}","ts":"soon"}}') == Line(kind=Kind.HEAD)


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("key", ["time", "@timestamp", "ts", "timeUnixNano"])
def test_a_time_one_level_below_counts(holder: str, key: str) -> None:
    """`log.time` and its like date, nested or dotted; the object's own time goes before; two levels are too deep."""
    assert line_of(json.dumps({"m": "x", holder: {"a": 1, key: STAMP}})) == dated(AT)
    assert line_of(json.dumps({"m": "x", f"{holder}.{key}": STAMP})) == dated(AT)
    assert line_of(json.dumps({holder: {key: LATER_STAMP}, "__REALTIME_TIMESTAMP": STAMP})) == dated(AT)
    assert line_of(json.dumps({holder: {"deeper": {key: STAMP}}})) == Line(kind=Kind.HEAD)
    assert line_of(json.dumps({"other": {key: STAMP}})) == Line(kind=Kind.HEAD)


@pytest.mark.parametrize("key", ["Time", "TIMESTAMP", "DateTime", "EventTime", "timeStamp", "asctime", "timeMillis"])
def test_other_capitals_count_last(key: str) -> None:
    """A key in other capitals dates where no listed key does."""
    assert line_of(json.dumps({key: STAMP})) == dated(AT)
    assert line_of(json.dumps({key: LATER_STAMP, "timeUnixNano": STAMP})) == dated(AT)


def test_an_escaped_key_is_that_key() -> None:
    r"""`\u0040t` spells `@t`, so it goes before `timestamp`, and no fast way may be taken around it."""
    line = f'{{"timestamp":"{STAMP}","\\u0040t":"{LATER_STAMP}"}}'.encode()
    assert line_of(line) == dated(LATER)
    assert lines_reader().locate(line) is None
    assert lines_reader().locate(line.replace(b"\\u0040t", b"at")) is not None


def test_a_batch_of_records_lies_between_its_members() -> None:
    """`{"records": [..]}` is one record over all of them; one without a time leaves the whole undated."""
    batch = {"records": [{"time": LATER_STAMP}, {"time": STAMP}]}
    assert line_of(json.dumps(batch)) == dated(AT, LATER)
    batch["records"].append({"m": "x"})
    assert line_of(json.dumps(batch)) == Line(kind=Kind.HEAD)


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "lo", "hi"),
    [
        ('"2026-11-23T08:00:00Z"', AT, AT),
        ('"2026-11-23T09:00:00+01:00"', AT, AT),
        ('"2026-11-23 09:00:00.000 +01:00"', AT, AT),
        ('"2026-11-23T08:00:00.1234567Z"', AT + 123_456, AT + 123_456),
        ('"2026-11-23T09:00:00"', AT, AT),
        ('"2026-11-23 09:00:00,5"', AT + 500_000, AT + 500_000),
        ('"2026-11-23"', AT - 9 * HOUR, AT + 15 * HOUR - 1),
        ('"2026-10-25T02:30:00"', read_iso("2026-10-25T00:30:00Z"), read_iso("2026-10-25T01:30:00Z")),
        ('"23.11.2026 09:00:00"', AT, AT),
        ('"23.11.2026 09:00"', AT, AT + MINUTE - 1),
        ('"2026/11/23 09:00:00"', AT, AT),
        ('"Mon, 23 Nov 2026 08:00:00 GMT"', AT, AT),
        ('"23/Nov/2026:09:00:00 +0100"', AT, AT),
        ('"Mon Nov 23 09:00:00 2026"', AT, AT),
        ('"20261123090000"', AT, AT),
        ("20261123090000123", AT + 123_000, AT + 123_000),
        ("1795420800", AT, AT),
        ('"1795420800"', AT, AT),
        ("1795420800123", AT + 123_000, AT + 123_000),
        ("1795420800123456", AT + 123_456, AT + 123_456),
        ("1795420800123456789", AT + 123_456, AT + 123_456),
        ("1795420800.1234567", AT + 123_456, AT + 123_456),
        ("1.7954208e9", AT, AT),
        ("1.7954208E+09", AT, AT),
        ("1795420800.9999999", AT + 999_999, AT + 999_999),
        (r'"\/Date(1795420800123)\/"', AT + 123_000, AT + 123_000),
        ('"/Date(1795420800123+0100)/"', AT + 123_000, AT + 123_000),
        ('{"$date":"2026-11-23T08:00:00Z"}', AT, AT),
        ('{"$date":{"$numberLong":"1795420800123"}}', AT + 123_000, AT + 123_000),
        ('{"seconds":1795420800,"nanos":5000000}', AT + 5000, AT + 5000),
        ('{"epochSecond":1795420800,"nanoOfSecond":123456789}', AT + 123_456, AT + 123_456),
    ],
)
def test_every_form_of_value(value: str, lo: int, hi: int) -> None:
    """Each form that writers use means the instants it names, exactly."""
    assert line_of(f'{{"a":1,"timestamp":{value}}}') == dated(lo, hi)


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-1795420800", "17954208", '"23.11.20"', '{"seconds":"x","nanos":1}', "1" * 400, "1e400"],
)
def test_what_is_no_time(value: str) -> None:
    """Numbers of no believable magnitude, cut-off days and strange constants date nothing, and nothing breaks."""
    assert line_of(f'{{"a":1,"timestamp":{value}}}') == Line(kind=Kind.HEAD)


def test_date_and_time_apart_are_one_stamp() -> None:
    """A day in `date` and a time of day in `time` are one instant in the file's zone; a whole stamp needs no help."""
    assert line_of('{"date":"2026-11-23","time":"09:00:00"}') == dated(AT)
    assert line_of('{"time":"09:00:00.25","date":"23.11.2026"}') == dated(AT + 250_000)
    assert line_of('{"date":"2026-11-23","time":"08:00:00Z"}') == dated(AT)
    assert line_of('{"date":"2026-11-23","time":"never"}') == dated(AT - 9 * HOUR, AT + 15 * HOUR - 1)
    assert line_of(f'{{"date":"2026-11-20","time":"{STAMP}"}}') == dated(AT)


def written(instant: int) -> list[str]:
    """Write an instant as JSON values in the ways of the writers."""
    moment = datetime_of(instant)
    local = moment.astimezone(BERLIN)
    micro = instant % SECOND
    texts = [
        moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        local.isoformat(sep=" ", timespec="microseconds"),
        f"{local:%Y-%m-%dT%H:%M:%S.%f}7{local:%z}",
        f"{local:%Y-%m-%d %H:%M:%S},{micro:06}",
        f"{local:%d.%m.%Y %H:%M:%S},{micro:06}",
        f"{moment:%Y-%m-%d}",
        f"{local:%d.%m.%Y %H:%M}",
    ]
    numbers = [f"{instant // SECOND}.{micro:06}", f"{instant // SECOND}.{micro:06}9", f"{instant}", f"{instant}123"]
    return [*(json.dumps(text) for text in texts), *numbers, *(f'"{number}"' for number in numbers)]


@given(instants, st.sampled_from(TIME_KEYS))
def test_the_interval_always_holds_the_instant(instant: int, key: str) -> None:
    """However an instant is written, the interval that is read holds it."""
    for value in written(instant):
        zone = ZoneInfo("UTC") if "-" in value and len(value) == len('"2026-11-23"') else BERLIN
        line = JsonLines(zone).line(f'{{"level":"x","{key}":{value}}}'.encode())
        assert line.lo is not None, value
        assert line.hi is not None, value
        assert line.lo <= instant <= line.hi, value


# -- lines that are no object -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "   at App.Main() in x.cs:line 3",
        "Traceback (most recent call last):",
        "x",
        "null",
        "1795420800",
        '"text"',
        "[]",
    ],
)
def test_text_between_the_lines_is_dated_by_its_neighbours(text: str) -> None:
    """Whatever is no object is not understood."""
    assert line_of(text) == Line(kind=Kind.UNPARSED)


def test_blank_lines_belong_to_the_record_above() -> None:
    """A blank line, or what a truncation leaves of one, is a continuation."""
    assert [line_of(text).kind for text in ("", "  \t", "\0\0\0")] == [Kind.CONTINUATION] * 3


def test_what_stands_around_an_object_does_no_harm() -> None:
    """NULs of a truncation, record separators, carriage returns and commas of an array are no part of the object."""
    for text in (f'\0\0\0{{"t":"{STAMP}"}}', f'\x1e{{"t":"{STAMP}"}}', f'  {{"t":"{STAMP}"}}\r', f'{{"t":"{STAMP}"}},'):
        assert line_of(text) == dated(AT)
    assert line_of(b'{"m":"gr\xfc\xdfe","t":"%s"}' % STAMP.encode()) == dated(AT)


def test_a_line_that_was_cut_off() -> None:
    """Cut off before its time it is not understood; behind it, it is dated by it, as the fast way would do."""
    whole = f'{{"l":1,"ts":"{STAMP}","m":"hello"}}'
    assert line_of(whole) == dated(AT)
    for end in range(1, len(whole)):
        expected = dated(AT) if end >= whole.index(STAMP) + len(STAMP) + 1 else Line(kind=Kind.UNPARSED)
        assert line_of(whole[:end]) == expected, whole[:end]


@pytest.mark.parametrize(
    "text",
    ['{"x":{"ts":"%s","y', '{"log":{"ts":"%s"},"y', '["ts","%s"', '{"a":["ts":"%s","y', '{"a":"x","b" "ts":"%s","y'],
)
def test_a_cut_off_line_with_its_time_further_inside(text: str) -> None:
    """In a line that is no JSON any more only a member of the object itself dates it."""
    assert line_of(text % STAMP) == Line(kind=Kind.UNPARSED)


def test_a_number_that_was_cut_off_is_no_time() -> None:
    """Digits may be missing where the line ends within a number."""
    whole = '{"l":1,"ts":1795420800123,"m":"hello"}'
    assert line_of(whole) == dated(AT + 123_000)
    for end in range(1, whole.index(",", 8) + 1):
        assert line_of(whole[:end]) == Line(kind=Kind.UNPARSED), whole[:end]


@pytest.mark.parametrize("opening", ["[", "{", '{"a":', '{"a":[', "[{"])
def test_deep_nesting_does_not_break_the_reader(opening: str) -> None:
    """Brackets 100,000 deep are not understood, closed or not, and nothing is raised."""
    bomb = opening * 100_000
    closing = {"[": "]", "{": "}"}
    closed = bomb + "1" + "".join(closing.get(char, "") for char in reversed(bomb))
    for text in (bomb, closed, f'{{"a":{closed}}}'):
        assert line_of(text).kind is Kind.UNPARSED
        for reader in (DocumentReader(None), ArrayReader(None)):
            assert reader.line(text.encode()).kind in Kind
            reader.late()


# -- one object over many lines ---------------------------------------------------------------------------------------


def pretty(members: dict[str, object]) -> list[bytes]:
    """Print an object over many lines."""
    return json.dumps(members, indent=2).encode().split(b"\n")


def test_a_pretty_object_is_one_record() -> None:
    """The record goes from `{` to its own `}` and has the time of its member, wherever that stands."""
    first = pretty(
        {"a": {"b": ["}}", "]", '"{'], "time": STAMP, "c\\": "\\"}, "tail": {"time": LATER_STAMP}, "time": STAMP}
    )
    second = pretty({"time": LATER_STAMP})
    assert records(*first, *second) == [(dated(AT), len(first)), (dated(LATER), len(second))]
    assert isinstance(opened(*first), DocumentReader)


def test_a_pretty_object_that_was_cut_off_ends_at_the_next_one() -> None:
    """A cut-off object has no time of its own and does not swallow the next."""
    first, second = pretty({"time": STAMP, "x": 1}), pretty({"time": LATER_STAMP})
    assert records(*first[:-1], *second) == [(Line(kind=Kind.HEAD), len(first) - 1), (dated(LATER), len(second))]


def test_text_between_pretty_objects_is_not_understood() -> None:
    """Between two objects everything but blank lines is dated by its neighbours; one-line objects are read too."""
    first = pretty({"time": STAMP})
    found = records(*first, b"", b"   at App.Main()", *first, f'{{"time":"{LATER_STAMP}"}}'.encode())
    assert [line for line, _ in found] == [dated(AT), Line(kind=Kind.UNPARSED), dated(AT), dated(LATER)]


def test_an_object_without_end_stops_being_read() -> None:
    """After 1 MiB nothing is taken for a part of the object any more; the next object is read."""
    reader = opened(b"{", b'  "a": 1')
    assert isinstance(reader, DocumentReader)
    kinds = [reader.line(line).kind for line in (b"{", *[b'  "a": "' + b"x" * 1000 + b'",'] * 1100, b"  x")]
    assert kinds[:2] == [Kind.HEAD, Kind.CONTINUATION]
    assert kinds[-1] is Kind.UNPARSED
    kinds = [reader.line(line).kind for line in (b"{", b' "time": "2026-11-23T08:00:00Z"', b"}")]
    assert kinds == [Kind.HEAD, Kind.CONTINUATION, Kind.CONTINUATION]
    assert reader.late() == dated(AT)


# -- one array --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f'[\n{{"t":"{STAMP}"}},\n{{"t":"{LATER_STAMP}"}}\n]',
        f'[{{"t":"{STAMP}"}},\n{{"t":"{LATER_STAMP}"}}]',
        f'[{{"t":"{LATER_STAMP}"}},{{"t":"{STAMP}"}}]',
        f'[\n  {{\n    "t": "{STAMP}"\n  }},\n  {{\n    "t": "{LATER_STAMP}"\n  }}\n]',
        f'[ {{\n  "t" : "{STAMP}"\n}}, {{\n  "t" : "{LATER_STAMP}"\n}} ]',
    ],
)
def test_an_array_is_one_record_over_all_its_objects(text: str) -> None:
    """No line can be cut out of an array without breaking it: it is one record from its oldest to its youngest."""
    lines = text.encode().split(b"\n")
    assert records(*lines) == [(dated(AT, LATER), len(lines))]


@pytest.mark.parametrize("strange", ['{"m":"x"}', "1", "null", "{", '{"t":"2026-11', '"'])
def test_an_array_with_an_undated_object_is_undated(strange: str) -> None:
    """One object without a time, or one not complete, may be younger than all others; without it there is a time."""
    lines = ["[", f'{{"t":"{STAMP}"}},', f'{{"t":"{STAMP}"}},']
    assert records(*(line.encode() for line in lines)) == [(dated(AT), 3)]
    assert records(*(line.encode() for line in [*lines, strange])) == [(Line(kind=Kind.HEAD), 4)]


def test_two_arrays_in_a_file_are_two_records() -> None:
    """An array that was begun again, even after one that was cut off, is a record of its own."""
    first, second = [b"[", b'{"t":"%s"},' % STAMP.encode()], [b"[", b'{"t":"%s"}' % LATER_STAMP.encode(), b"]"]
    assert records(*first, *second, b"text") == [(dated(AT), 2), (dated(LATER), 3), (Line(kind=Kind.UNPARSED), 1)]


# -- which files are of the family ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ([b'{"a":1}'], JsonLines),
        ([b"starting", b'{"a":1}'], JsonLines),
        ([b'{"a":1}', b"{"], JsonLines),
        ([b"{", b'  "a": 1', b"}"], DocumentReader),
        ([b"[", b'  {"a":1},'], ArrayReader),
        ([b'[{"a":1},'], ArrayReader),
        ([], None),
        ([b"text", b""], None),
        ([b"[2026-11-23 08:00:00] INFO x"], None),
        ([b"[", b"text"], None),
        ([b'["2026-11-23","x"]'], None),
        ([b'{"resourceLogs":[]}'], None),
        ([b"time=2026-11-23T08:00:00Z level=info"], None),
    ],
)
def test_the_sample_tells_the_form(sample: list[bytes], expected: type | None) -> None:
    """What a file is, its first lines say; text, syslog, logfmt and OTLP are other families' business."""
    found = opened(*sample)
    assert found is None if expected is None else isinstance(found, expected)


def test_a_pin_is_obeyed() -> None:
    """Where the operator fixed the family, lines are read even if the sample shows none."""
    assert opened(b"text") is None
    assert isinstance(opened(b"text", pin="jsonl"), JsonLines)


# -- the promise of a place -------------------------------------------------------------------------------------------


def test_a_place_is_where_the_stamp_stands() -> None:
    """The place of a text is inside its quotes, that of a number its digits; blanks after the colon are before it."""
    for line, stamp, never in (
        (b'{"@t":"2026-11-23T08:00:00Z","m":1}', b"2026-11-23T08:00:00Z", 0),
        (b'{"l":{"a":"b"}, "@t" : "2026-11-23T08:00:00Z"}', b"2026-11-23T08:00:00Z", 0),
        (b'{"l":1,"timestamp":1795420800.25}', b"1795420800.25", 2),
    ):
        place = lines_reader().locate(line)
        assert place is not None
        assert line[place.start : place.end] == stamp
        assert len([token for token in place.never if token.startswith(b'"')]) == never
        assert line.count(place.once) == 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"log":{"time":"2026-11-23T08:00:00Z"}}',
        b'{"date":"2026-11-23","time":"08:00:00"}',
        b'{"t":{"$date":"2026-11-23T08:00:00Z"}}',
        b'{"@t":"2026-11-23T08:00:00Z","@t":"2026-11-23T08:00:00Z"}',
        b'{"@t":null,"timestamp":"2026-11-23T08:00:00Z"}',
        b'{"a":"@t","@t":"2026-11-23T08:00:00Z"}',
        b'{"a":"' + b"x" * 96 + b'","@t":"2026-11-23T08:00:00Z"}',
        b' {"@t":"2026-11-23T08:00:00Z"}',
        b'{"a":1}',
        b"text",
        b"",
    ],
)
def test_no_place_where_there_is_no_promise(line: bytes) -> None:
    """Nested, divided, doubled, late or contradicted stamps are read slowly."""
    assert lines_reader().locate(line) is None


keys = st.sampled_from([*TIME_KEYS, "level", "msg", "a", "log"]) | st.text(string.ascii_letters + '"\\@ü', max_size=4)
stamps = instants.map(lambda instant: datetime_of(instant).isoformat(timespec="microseconds"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 2**40)
    | st.text(max_size=8)
    | stamps
    | st.sampled_from(['"@t"', '"t":']),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=4,
)
objects = st.lists(st.tuples(keys, values), max_size=4)


@st.composite
def json_texts(draw: st.DrawFn, members: st.SearchStrategy[list[tuple[str, object]]]) -> str:
    """Write an object with duplicates and blanks as they come."""
    colon, comma = draw(st.sampled_from([":", ": ", " : "])), draw(st.sampled_from([",", ", "]))
    ascii_only = draw(st.booleans())
    parts = [f"{json.dumps(k, ensure_ascii=ascii_only)}{colon}{json.dumps(v)}" for k, v in draw(members)]
    return "{" + comma.join(parts) + "}"


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Write an object that has a time near its beginning, mostly."""
    before = draw(st.lists(st.tuples(st.sampled_from(["l", "m", "log"]), values), max_size=1))
    key, instant = draw(st.sampled_from(TIME_KEYS)), draw(instants)
    value = draw(st.sampled_from([datetime_of(instant).isoformat(timespec="microseconds"), instant // SECOND]))
    after = draw(st.lists(st.tuples(st.sampled_from(["x", "y"]), values), max_size=2))
    return draw(json_texts(st.just([*before, (key, value), *after]))).encode()


def keeps(line: bytes, place: Place) -> bool:
    """Tell whether a line meets the conditions of a place."""
    return line.count(place.once) == 1 and not any(token in line for token in place.never)


@given(heads(), instants, st.data())
def test_the_promise_of_a_place_holds(model: bytes, instant: int, data: st.DataObject) -> None:
    """Any line with the same beginning, whatever follows the stamp, is read slowly as the stamp in that place."""
    reader = lines_reader()
    place = reader.locate(model)
    assume(place is not None)
    assert place is not None
    assert keeps(model, place)
    old = model[place.start : place.end]
    new = str(instant // SECOND) if old.isdigit() else datetime_of(instant).isoformat(timespec="microseconds")
    assume(len(new) == len(old))
    tail = data.draw(
        st.just(model[place.end + 1 :])
        | st.binary(max_size=30)
        | json_texts(objects).map(lambda text: ("," + text[1:]).encode())
        | json_texts(objects).map(lambda text: text[:-1].encode()),
    )
    line = model[: place.start] + new.encode() + model[place.end : place.end + 1] + tail
    assume(keeps(line, place))
    exact = instant // SECOND * SECOND if old.isdigit() else instant
    assert reader.line(line) == dated(exact)


def test_the_promise_is_often_given() -> None:
    """The positive control of the property above: the usual writers' lines have a place."""
    for line in (
        '{"@t":"2026-11-23T08:00:00.1234567Z","@mt":"Hello {Name}","Name":"x"}',
        '{"Timestamp":"2026-11-23T08:00:00.1234567+01:00","Level":"Information"}',
        '{"level":"info","ts":1795420800.123,"caller":"x.go:1","msg":"hi"}',
        '{"level":30,"time":1795420800123,"pid":1,"msg":"hi"}',
        '{"@timestamp":"2026-11-23T08:00:00.123Z","log.level":"INFO","message":"hi"}',
        '{"log":"hello\\n","stream":"stdout","time":"2026-11-23T08:00:00.123456789Z"}',
    ):
        assert lines_reader().locate(line.encode()) is not None, line


# -- nothing breaks ---------------------------------------------------------------------------------------------------


@given(
    st.lists(st.binary(max_size=60) | json_texts(objects).map(str.encode) | st.sampled_from([b"{", b"}", b"[", b"]"]))
)
def test_random_lines_never_raise(lines: list[bytes]) -> None:
    """Whatever a file holds, each line gets a kind, and an interval with both ends in order or none."""
    lines = [line.replace(b"\n", b"") for line in lines]
    for reader in (lines_reader(), DocumentReader(BERLIN), ArrayReader(None)):
        for line in lines:
            found = [reader.line(line)]
            if isinstance(reader, JsonLines):
                reader.locate(line)
            else:
                found += [late for late in (reader.late(),) if late is not None]
            for one in found:
                assert (one.lo is None) == (one.hi is None)
                assert one.lo is None or one.hi is None or one.lo <= one.hi
    opened(*lines)


@given(json_texts(objects))
def test_every_object_is_a_head(text: str) -> None:
    """An object is always the beginning of a record, whatever its members are called."""
    assert line_of(text).kind is Kind.HEAD


def reading(content: bytes, *, fast: bool = True) -> Reading:
    """Let the engine read a file, many lines at once or each by itself."""
    engine = LogReader([JsonFamily()], pace=Pace(block=4096, least=1, fast=fast))
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"), pin=JsonFamily.id)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return engine.read(file.fileno(), known, Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW))


near = st.integers(-2 * HOUR // SECOND, 2 * HOUR // SECOND).map(lambda seconds: CUTOFF + seconds * SECOND)


@st.composite
def mixed_lines(draw: st.DrawFn) -> bytes:
    """Write runs of lines of one writer around the cutoff, and among them whatever breaks a promise."""
    key = draw(st.sampled_from(["@t", "timestamp", "ts"]))
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(near)
        lines += [f'{{"{key}":"{datetime_of(start + at * SECOND):%Y-%m-%dT%H:%M:%S}Z","m":{at}}}' for at in range(30)]
        stamp = f"{datetime_of(draw(near)):%Y-%m-%dT%H:%M:%SZ}"
        lines += draw(
            st.lists(
                st.sampled_from(
                    [
                        f'{{"{key}":"{stamp}","\\u0040t":"2026-11-20T00:00:00Z"}}',
                        f'{{"{key}":"{stamp}","@t":"2026-11-20T00:00:00Z"}}',
                        f'{{"{key}":"{stamp}","x":{{"{key}":1}}}}',
                        f'{{"{key}":"{stamp}","x":"@t"}}',
                        f'{{"{key}":"{stamp}","x',
                        f'{{"{key}":"1999-12-31T00:00:00Z","time":"{stamp}"}}',
                        f'{{"{key}":"2027-12-31T00:00:00Z"}}',
                        f'{{"m":1,"{key}":"{stamp}"}}',
                        '{"m":1}',
                        "   at App.Main()",
                        "",
                    ],
                ),
                max_size=4,
            ),
        )
    return "\n".join(lines).encode()


@given(mixed_lines())
def test_the_engine_finds_the_same_fast_and_slowly(content: bytes) -> None:
    """Reading many lines at once by their places gives to the last figure what reading each line gives."""
    assert reading(content) == reading(content, fast=False)


def test_the_engine_takes_what_is_old() -> None:
    """Of objects over many lines whole records go; an array goes only as a whole."""
    both: list[dict[str, object]] = [{"time": iso(instant), "a": {"b": 1}} for instant in (CUTOFF - 1, CUTOFF)]
    old, new = both
    content = b"\n".join([*pretty(old), *pretty(new)])
    found = reading(content)
    assert (found.records, found.expired.records, found.expired.bytes) == (2, 1, len(json.dumps(old, indent=2)) + 1)
    assert reading(json.dumps([old, new], indent=2).encode()).expired.records == 0
    whole = json.dumps([old, old], indent=2).encode()
    assert reading(whole).expired.bytes == len(whole)
