"""OTLP/JSON: a line is a batch, as old as the oldest and as young as the youngest thing inside."""

import json
import tempfile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.otlp import OtlpFamily, OtlpReader
from data.formats.interface import FileFacts, Kind, Line, Reader
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
LATER = read_iso("2026-11-24T09:30:00Z")

Item = dict[str, Any]
"""A JSON object."""

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    facts = FileFacts(name=b"otel.json", size=1, mtime=0, zone=ZoneInfo("Europe/Berlin"), pin=pin)
    return OtlpFamily().reader(facts, sample)


def line_of(message: object) -> Line:
    """Read one message alone."""
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return OtlpReader(None).line(text)


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


def nanos(instant: int) -> str:
    """Write an instant as OTLP does."""
    return f"{instant}123"


def spans(*items: Item) -> Item:
    """Make a message of spans."""
    resource = {"attributes": [{"key": "startTimeUnixNano", "value": {"stringValue": nanos(LATER + DAY)}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {}, "spans": list(items)}]}]}


def logs(*items: Item) -> Item:
    """Make a message of log records."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [item]}]} for item in items]}


def points(kind: str, *items: Item) -> Item:
    """Make a message of data points."""
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", kind: {"dataPoints": list(items)}}]}]}]}


def test_spans_go_from_the_first_start_to_the_last_end() -> None:
    """A batch of spans covers them all, and events inside; attributes of that name are no time."""
    first: Item = {"startTimeUnixNano": nanos(AT), "endTimeUnixNano": nanos(AT + 5)}
    assert line_of(spans(first)) == dated(AT, AT + 5)
    second: Item = {"startTimeUnixNano": nanos(AT + 9), "endTimeUnixNano": nanos(LATER)}
    assert line_of(spans(first, second)) == dated(AT, LATER)
    event: Item = {"events": [{"timeUnixNano": nanos(LATER + 7), "name": "exception"}]}
    assert line_of(spans(first | event, second)) == dated(AT, LATER + 7)


def test_log_records_have_their_own_time_or_that_of_the_observer() -> None:
    """`timeUnixNano` counts; where it is missing or nought, `observedTimeUnixNano`."""
    seen: Item = {"observedTimeUnixNano": nanos(LATER)}
    assert line_of(logs({"timeUnixNano": nanos(AT)} | seen)) == dated(AT)
    unsets: list[Item] = [{}, {"timeUnixNano": "0"}, {"timeUnixNano": 0}, {"timeUnixNano": None}, {"timeUnixNano": ""}]
    for unset in unsets:
        assert line_of(logs(unset | seen)) == dated(LATER)
    assert line_of(logs({"timeUnixNano": nanos(AT)} | seen, seen)) == dated(AT, LATER)


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponentialHistogram", "summary"])
def test_data_points_are_dated_by_when_they_were_taken(kind: str) -> None:
    """Of a data point `timeUnixNano` counts; when its counter began to count is no event."""
    point: Item = {"startTimeUnixNano": nanos(AT - 400 * DAY), "timeUnixNano": nanos(AT), "asInt": "1"}
    assert line_of(points(kind, point)) == dated(AT)
    assert line_of(points(kind, point, {"timeUnixNano": nanos(LATER)})) == dated(AT, LATER)


@pytest.mark.parametrize("value", [f"{AT}123", int(f"{AT}123"), f"{AT}000"])
def test_text_and_number_mean_the_same(value: object) -> None:
    """Nanoseconds are cut to microseconds, whether they are text (as the standard says) or a number."""
    assert line_of(logs({"timeUnixNano": value})) == dated(AT)


@pytest.mark.parametrize("value", ["x", True, -1, [], {}, "946684799999999999", str(AT)])
def test_what_is_no_time(value: object) -> None:
    """A batch without any believable time is a record without one; microseconds are no nanoseconds."""
    assert line_of(logs({"timeUnixNano": value})) == Line(kind=Kind.HEAD)
    assert line_of({"resourceLogs": []}) == Line(kind=Kind.HEAD)


def test_other_lines() -> None:
    """Other objects are dated as JSON lines are, text by its neighbours; a blank line belongs to what is above."""
    assert line_of({"timestamp": "2026-11-23T08:00:00Z"}) == dated(AT)
    assert line_of({"message": "x"}) == Line(kind=Kind.HEAD)
    assert line_of(b'{"resourceLogs":[') == Line(kind=Kind.UNPARSED)
    assert line_of(b"   at App.Main()") == Line(kind=Kind.UNPARSED)
    assert line_of(b"") == Line(kind=Kind.CONTINUATION)


def test_only_batches_are_of_the_family() -> None:
    """One batch in the sample is enough; without one it is another family, unless it is pinned."""
    assert isinstance(opened(b"starting", json.dumps(logs({})).encode()), OtlpReader)
    for name in ("resourceSpans", "resourceLogs", "resourceMetrics"):
        assert opened(b'{"%s":[]}' % name.encode()) is not None
    assert opened(b'{"message":"resourceLogs"}') is None
    assert opened() is None
    assert isinstance(opened(b"text", pin="otlp"), OtlpReader)


def test_deep_batches_are_read_to_the_ground() -> None:
    """Values may be nested as deep as JSON can be read; deeper ones are not understood, and nothing is raised."""
    deep: Item = {"timeUnixNano": nanos(AT)}
    for _ in range(300):
        deep = {"values": [deep]}
    assert line_of({"resourceLogs": deep}) == dated(AT)
    assert line_of(b'{"resourceLogs":' + b"[" * 100_000).kind is Kind.UNPARSED


@given(st.lists(instants, min_size=1, max_size=6), st.sampled_from(["span", "log", "point"]))
def test_the_interval_holds_every_instant_exactly(found: list[int], kind: str) -> None:
    """Whatever is inside a batch, its interval begins with the first and ends with the last instant."""
    if kind == "span":
        message = spans(*({"startTimeUnixNano": nanos(one), "endTimeUnixNano": nanos(one)} for one in found))
    elif kind == "log":
        message = logs(*({"observedTimeUnixNano": nanos(one)} for one in found))
    else:
        message = points("sum", *({"timeUnixNano": nanos(one)} for one in found))
    assert line_of(message) == dated(min(found), max(found))


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda tail: b'{"resourceSpans":[{' + tail))
def test_random_lines_never_raise(line: bytes) -> None:
    """Whatever a file holds, each line gets a kind."""
    assert line_of(line).kind in Kind
    opened(line)


def kept(content: bytes) -> bytes:
    """Let the engine rewrite a file, and give what it keeps."""
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"))
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(content)
        file.flush()
        marks = Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW)
        LogReader([OtlpFamily()]).rewrite(file.fileno(), target.fileno(), known, marks)
        target.seek(0)
        return target.read()


def test_a_rewrite_keeps_batches_with_anything_young() -> None:
    """A batch goes when all of it is old."""
    old, new = {"timeUnixNano": nanos(CUTOFF - 1)}, {"timeUnixNano": nanos(CUTOFF)}
    lines = [json.dumps(logs(*items)).encode() + b"\n" for items in ([old, old], [old, new], [new, old], [old])]
    assert kept(b"".join(lines)) == lines[1] + lines[2]
