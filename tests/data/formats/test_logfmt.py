"""logfmt: the keys of a line are found whatever is quoted around them, and decide in their order."""

import tempfile
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.formats.families.logfmt import KEYS, LogfmtFamily, LogfmtReader
from data.formats.interface import FileFacts, Kind, Line, Place, Reader, Reading
from data.formats.lines import Pace
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, HOUR, SECOND, datetime_of, iso, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
LATER = read_iso("2026-11-24T09:30:00Z")
STAMP = "2026-11-23T08:00:00Z"
LATER_STAMP = "2026-11-24T09:30:00Z"

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    facts = FileFacts(name=b"app.log", size=1, mtime=0, zone=ZoneInfo("Europe/Berlin"), pin=pin)
    return LogfmtFamily().reader(facts, sample)


def reader() -> LogfmtReader:
    """Give a reader for Berlin."""
    return LogfmtReader(ZoneInfo("Europe/Berlin"))


def line_of(text: str | bytes) -> Line:
    """Read one line alone."""
    return reader().line(text if isinstance(text, bytes) else text.encode())


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_known(key: str) -> None:
    """Each key dates its line, first or last, plain or quoted; a longer key of that ending does not."""
    assert line_of(f"{key}={STAMP} level=info") == dated(AT)
    assert line_of(f'level=info msg="a b" {key}="{STAMP}"') == dated(AT)
    assert line_of(f"level=info response_{key}={STAMP} x.{key}={STAMP}") == Line(kind=Kind.HEAD)


@pytest.mark.parametrize(("first", "second"), list(pairwise(KEYS)))
def test_of_two_keys_the_first_in_precedence_decides(first: str, second: str) -> None:
    """Whichever of two keys stands first in the line, the list decides."""
    assert line_of(f"{first}={STAMP} {second}={LATER_STAMP}") == dated(AT)
    assert line_of(f"{second}={LATER_STAMP} {first}={STAMP}") == dated(AT)
    assert line_of(f"{first}=12ms {second}={STAMP}") == dated(AT)


def test_one_key_twice_gives_the_interval_over_both() -> None:
    """Duplicates are not resolved by chance; one of them that is no time leaves the line undated."""
    assert line_of(f"ts={LATER_STAMP} a=1 ts={STAMP}") == dated(AT, LATER)
    assert line_of(f"ts={STAMP} a=1 ts=soon") == Line(kind=Kind.HEAD)


@pytest.mark.parametrize(
    ("value", "lo", "hi"),
    [
        (STAMP, AT, AT),
        ("2026-11-23T09:00:00.123456789+01:00", AT + 123_456, AT + 123_456),
        ('"2026-11-23 09:00:00"', AT, AT),
        ('"23.11.2026 09:00:00"', AT, AT),
        ("1795420800", AT, AT),
        ("1795420800.1234567", AT + 123_456, AT + 123_456),
        ("1.7954208001e+09", AT + 100_000, AT + 100_000),
        ("1795420800123", AT + 123_000, AT + 123_000),
        ("2026-11-23", AT - 9 * HOUR, AT + 15 * HOUR - 1),
        ('"Mon, 23 Nov 2026 08:00:00 GMT"', AT, AT),
        (r'"2026-11-23T08:00:00\Z"', AT, AT),
    ],
)
def test_every_form_of_value(value: str, lo: int, hi: int) -> None:
    """Each form that writers use means the instants it names, exactly."""
    assert line_of(f"level=info time={value} msg=x") == dated(lo, hi)


@pytest.mark.parametrize(
    "text",
    [
        f'level=info msg="said time={STAMP} ok"',
        f'level=info msg="a \\" time={STAMP} \\" b"',
        f'level=info msg="never closed time={STAMP}',
        f'level=info msg="x"time={STAMP}',
        "level=info time= msg=x",
        'level=info time="" msg=x',
        "level=info time=never",
        f"level=info time ={STAMP}",
    ],
)
def test_what_is_quoted_or_empty_is_no_time(text: str) -> None:
    """A stamp inside a quoted text, or a value that is none, does not date the line."""
    assert line_of(text) == Line(kind=Kind.HEAD)


def test_other_lines() -> None:
    """Indented and blank lines belong to the record above; what begins without a key is dated by its neighbours."""
    for text in ("", "  ", "\tat main.go:3", "  x=1"):
        assert line_of(text) == Line(kind=Kind.CONTINUATION)
    for text in ("goroutine 1 [running]:", "panic: x", "=", f'"time={STAMP}', "\xff\xfe"):
        assert line_of(text) == Line(kind=Kind.UNPARSED)


def test_what_is_of_the_family() -> None:
    """A line with a time in the sample is needed; settings files and text are other families' business."""
    assert isinstance(opened(b"starting", f"ts={STAMP} x=1".encode()), LogfmtReader)
    assert opened(b"a=b", b"c=d") is None
    assert opened(b"2026-11-23 08:00:00 INFO time=x") is None
    assert opened() is None
    assert isinstance(opened(b"a=b", pin="logfmt"), LogfmtReader)


def test_long_lines_take_linear_time() -> None:
    """Lines made to hurt regular expressions are read like others."""
    for text in ("a=" + '"\\' * 200_000, "a=1 " * 200_000, "a" * 500_000, 'a="' + '\\"' * 200_000, '"' * 500_000):
        assert line_of(text).lo is None


def test_a_place_is_where_the_stamp_stands() -> None:
    """The place is the value without its quotes; what would contradict it must not be in the line."""
    for line, stamp in (
        (b"time=2026-11-23T08:00:00Z level=info", b"2026-11-23T08:00:00Z"),
        (b'time="2026-11-23T08:00:00Z" level=info', b"2026-11-23T08:00:00Z"),
        (b"level=info ts=1795420800.25 caller=x.go", b"1795420800.25"),
    ):
        place = reader().locate(line)
        assert place is not None
        assert line[place.start : place.end] == stamp
        assert keeps(line, place)


@pytest.mark.parametrize(
    "text",
    [
        f"ts={STAMP} ts={STAMP}",
        f"ts={STAMP} time=12ms",
        f'ts={STAMP} msg="a time=x"',
        f"msg={'x' * 100} ts={STAMP}",
        "level=info",
        "  x",
        "",
    ],
)
def test_no_place_where_there_is_no_promise(text: str) -> None:
    """Doubled, contradicted and distant stamps are read slowly."""
    assert reader().locate(text.encode()) is None


def keeps(line: bytes, place: Place) -> bool:
    """Tell whether a line meets the conditions of a place."""
    once = not place.once or line.count(place.once) == 1
    return once and not any(token in line for token in place.never)


words = st.sampled_from(
    [
        "a=1",
        'b="x y"',
        f"ts={STAMP}",
        f'time="{LATER_STAMP}"',
        "t=1",
        'c="',
        '"',
        "\\",
        "word",
        "x.time=3",
        "at=x",
        "=",
    ],
)
tails = st.lists(words | st.text(max_size=5), max_size=5).map(" ".join) | st.binary(max_size=20).map(repr)


@given(
    st.sampled_from(["", "level=info ", 'l="a b" ', "l=x\t"]),
    st.sampled_from(KEYS),
    st.tuples(instants, instants),
    st.tuples(tails, tails),
    st.booleans(),
)
def test_the_promise_of_a_place_holds(
    before: str,
    key: str,
    found: tuple[int, int],
    after: tuple[str, str],
    quoted: bool,
) -> None:
    """Any line with the same beginning, whatever follows the stamp, is read slowly as the stamp in that place."""
    quote = '"' if quoted else ""
    texts = [datetime_of(one // SECOND * SECOND).isoformat(timespec="seconds") for one in found]
    model, other = (
        f"{before}{key}={quote}{text}{quote} {tail}".replace("\n", "").encode()
        for text, tail in zip(texts, after, strict=True)
    )
    place = reader().locate(model)
    assume(place is not None)
    assert place is not None
    assert keeps(model, place)
    assume(keeps(other, place) and other.startswith(model[: place.start]))
    assume(other[place.end : place.end + 1] == model[place.end : place.end + 1])
    stamp = other[place.start : place.end].decode("latin-1")
    assume(stamp in (*texts, STAMP, LATER_STAMP))
    assert reader().line(other) == dated(read_iso(stamp))


@given(instants, st.sampled_from(KEYS))
def test_the_interval_always_holds_the_instant(instant: int, key: str) -> None:
    """However an instant is written, the interval that is read holds it."""
    moment = datetime_of(instant)
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    micro = instant % SECOND
    for value in (
        moment.isoformat(timespec="microseconds"),
        f'"{local:%Y-%m-%d %H:%M:%S}.{micro:06}7"',
        f"{local:%Y-%m-%dT%H:%M:%S},{micro:06}",
        f"{instant // SECOND}.{micro:06}9",
        f"{instant}",
        f"{local:%Y-%m-%d}",
    ):
        line = line_of(f'level=info msg="x y" {key}={value} a=1')
        assert line.lo is not None, value
        assert line.hi is not None, value
        assert line.lo <= instant <= line.hi, value


@given(st.binary(max_size=80) | tails.map(str.encode))
def test_random_lines_never_raise(line: bytes) -> None:
    """Whatever a file holds, each line gets a kind."""
    assert line_of(line).kind in Kind
    reader().locate(line)
    opened(line)


def reading(content: bytes, *, fast: bool = True) -> Reading:
    """Let the engine read a file, many lines at once or each by itself."""
    engine = LogReader([LogfmtFamily()], pace=Pace(block=4096, least=1, fast=fast))
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"), pin=LogfmtFamily.id)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return engine.read(file.fileno(), known, Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW))


@given(st.lists(st.tuples(st.integers(-3600, 3600), st.lists(words, max_size=3)), max_size=4), st.sampled_from(KEYS))
def test_the_engine_finds_the_same_fast_and_slowly(runs: list[tuple[int, list[str]]], key: str) -> None:
    """Reading many lines at once by their places gives to the last figure what reading each line gives."""
    lines: list[str] = []
    for start, noise in runs:
        stamps = [iso(CUTOFF + (start + at) * SECOND) for at in range(30)]
        lines += [f"{key}={stamp} level=info n={at}" for at, stamp in enumerate(stamps)]
        lines += ["  indented", f"{key}={stamps[0]} " + " ".join(noise), " ".join([*noise, f"{key}={stamps[0]}"])]
    content = "\n".join(lines).encode()
    assert reading(content) == reading(content, fast=False)
