"""Reading by stencils finds what reading line by line finds, to the last byte and the last record."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.families.json_lines import JsonFamily as RealJsonFamily
from data.formats.families.json_lines import JsonLines
from data.formats.families.registry import all_families
from data.formats.interface import Family, FileFacts, Kind, Line, Place, Reader
from data.formats.lines import Pace
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, read_iso
from tests.data.formats.engine_fakes import FAMILIES, MARKS, NOW, Case, JsonFamily, JsonReader, read, rewrite, stamp

FAST = Pace(block=700, least=1, worth=1)
SLOW = Pace(fast=False, least=0)
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [
        BERLIN,
        None,
        ZoneInfo("UTC"),
        ZoneInfo("Australia/Lord_Howe"),
        ZoneInfo("America/St_Johns"),
        ZoneInfo("Asia/Gaza"),
    ]
)
NIGHTS = [read_iso("2026-10-25T00:00:00Z"), read_iso("2026-03-29T00:30:00Z"), read_iso("2026-04-04T14:30:00Z")]
TIMES = st.one_of(
    st.integers(NOW - 130 * DAY, NOW),
    st.integers(MARKS.cutoff - 5, MARKS.cutoff + 5),
    st.sampled_from(NIGHTS).flatmap(lambda night: st.integers(night - 2 * HOUR, night + 4 * HOUR)),
    st.integers(NOW - HOUR, NOW + 2 * DAY),
)
JSON_FORMS = ["%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.1234567Z"]
TEXT_FORMS = ["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S,123"]
BAD = [
    b'{"@t":"2026-13-01T00:00:00Z","@m":"month 13"}',
    b'{"@t":"2026-06-31T00:00:00Z","@m":"no such day"}',
    b'{"@t":"2026-06-30T24:00:00Z","@m":"midnight"}',
    b'{"@t":"2026-06-30T25:61:00Z","@m":"no such time"}',
    b'{"@t":"2026-06-30T23:59:60Z","@m":"leap"}',
    b'{"@t":"2026-06-3:T23:59:60Z","@m":"no digit"}',
    b'{"@t":"1999-06-30T00:00:00Z","@m":"before anything"}',
    b'{"@t":"2026-07-01T00:00:00Z","@t":"2026-08-01T00:00:00Z"}',
    b'{"@m":"no time"}',
    b"garbage",
    b"# directive",
    b"",
    b"   at Foo.Bar()",
    b"\tat Foo.Baz()",
    b"\0\0\0\0",
    b'\0\0{"@t":"2026-07-01T00:00:00Z"}',
    b"2026-07-01 00:00:00.5",
    b"2026-07-01 00:00:0x.123 text",
    b"\xef\xbb\xbf2026-07-01 00:00:00.500 text",
    b"20",
    b"x" * 900,
    b"2026-07-01 00:00:00.500 " + b"y" * 1500,
]


def json_line(instant: int, form: int, text: bytes) -> bytes:
    """Write an event."""
    return b'{"@t":"' + stamp(instant, JSON_FORMS[form]) + b'","@m":"' + text + b'"}'


def text_line(instant: int, form: int, text: bytes) -> bytes:
    """Write a line of a text log."""
    return stamp(instant, TEXT_FORMS[form]) + b" [INF] " + text


TEXTS = st.sampled_from([b"", b"a", b"hello @t", b'"@t"', b"r\xc3\xbcckw\xe4rts", b"z" * 80])
FORMS = st.sampled_from([0, 0, 0, 0, 0, 1, 2])


def contents(heads: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Make files of mostly good lines, long enough for stencils to be learned and used."""
    lines = st.one_of(heads, heads, heads, heads, heads, st.sampled_from(BAD))
    repeated = st.tuples(lines, st.sampled_from([1, 1, 1, 3, 30])).map(lambda pair: [pair[0]] * pair[1])
    return st.tuples(
        st.sampled_from([b"", b"\xef\xbb\xbf", b"\0\0\0"]),
        st.lists(repeated, min_size=1, max_size=60).map(lambda groups: [line for group in groups for line in group]),
        st.sampled_from([b"\n", b"\n", b"\r\n"]),
        st.sampled_from([b"\n", b"", b"\r\n", b"\n\0\0"]),
    ).map(lambda parts: parts[0] + parts[2].join(parts[1]) + parts[3])


def both(case: Case, families: tuple[Family, ...] = FAMILIES, fast: Pace = FAST) -> None:
    """Hold both ways against each other, and the way of small files too."""
    slow = read(case, families=families, pace=SLOW)
    assert read(case, families=families, pace=fast) == slow
    assert read(case, families=families) == slow
    assert rewrite(case, families=families, pace=fast) == rewrite(case, families=families, pace=SLOW)


@settings(max_examples=80)
@given(contents(st.builds(json_line, TIMES, FORMS, TEXTS)), st.sampled_from([257, 700, 5000]))
def test_events_are_judged_alike(content: bytes, block: int) -> None:
    """JSON lines, good and bad, out of order and doubled, give the same either way, wherever blocks end."""
    both(Case(content), fast=replace(FAST, block=block))


@settings(max_examples=80)
@given(contents(st.builds(text_line, TIMES, FORMS, TEXTS)), ZONES, st.sampled_from([257, 700, 5000]))
def test_text_is_judged_alike(content: bytes, zone: ZoneInfo | None, block: int) -> None:
    """Text with stamps of a zone, over nights on which clocks change, gives the same either way."""
    both(Case(content, zone=zone), fast=replace(FAST, block=block))


@pytest.mark.parametrize(
    ("zone", "nights"),
    [
        ("Europe/Berlin", ("2026-03-28", "2025-10-25")),
        ("Australia/Lord_Howe", ("2026-04-04", "2025-10-04")),
        ("America/St_Johns", ("2026-03-07", "2025-11-01")),
        ("Africa/Cairo", ("2026-04-23", "2025-10-29")),
    ],
)
def test_every_minute_of_a_changing_night_means_the_same(zone: str, nights: tuple[str, str]) -> None:
    """Over both changes of the clock each minute means the same to both; days of stencils end where clocks change."""
    lines = [
        text_line(read_iso(f"{night}T00:00:00Z") + step * MINUTE + step % 7 * SECOND, 0, b"x")
        for night in nights
        for step in range(2 * 24 * 60)
    ]
    both(Case(b"\n".join(lines) + b"\n", zone=ZoneInfo(zone)), fast=Pace(block=1 << 16, least=1))


HOSTILE = [
    b'{"@t":"2026-07-01T24:00:00.000000Z","@m":"midnight"}',
    b'{"@t":"2026-07-01T24:30:00.000000Z","@m":"no such time"}',
    b'{"@t":"2026-07-01T29:30:00.000000Z","@m":"no such hour"}',
    b'{"@t":"2026-07-01T23:60:00.000000Z","@m":"no such minute"}',
    b'{"@t":"2026-07-01T23:59:60.000000Z","@m":"leap"}',
    b'{"@t":"2026-07-01T12:60:00.000000Z","@m":"no such minute"}',
    b'{"@t":"2026-07-01T12:30:61.000000Z","@m":"no such second"}',
    b'{"@t":"2026-07-01T23:5:59.0000000Z","@m":"no digit"}',
    b'{"@t":"2026-07-01T23:59:59.0000000Z","@m":"another form"}',
    b'{"@t":"2026-07-01T23:59:59.000000+02:00","@m":"another offset"}',
    b'{"@t":"2026-07-01T23:59:59.000000Z","@t":"2026-07-02T23:59:59.000000Z"}',
    b'{"@t":"2026-07-32T23:59:59.000000Z","@m":"no such day"}',
    b'{"@t":"2026-07-01T23:59:59.000000Z","never":1}',
]


@pytest.mark.parametrize("line", HOSTILE)
@pytest.mark.parametrize("times", [1, 3])
def test_one_hostile_line_in_a_day_of_good_ones_is_found(line: bytes, times: int) -> None:
    """Each line that nearly fits a stencil in full use is given to the reader, wherever it stands."""
    start = read_iso("2026-07-01T00:00:00Z")
    good = [json_line(start + step * MINUTE, 0, b"x") for step in range(1000)]
    for place in (500, 998, 1000)[:times]:
        good.insert(place, line)
    both(Case(b"\n".join(good) + b"\n"), families=(StrictFamily(),), fast=Pace(block=1 << 16, least=1))


class StrictFamily(JsonFamily):
    """JSON lines: `"never"` takes the time away, what is indented continues heads only, `again` repeats the head."""

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give such a reader."""
        del facts, sample
        return StrictReader()


class StrictReader:
    """Reads what StrictFamily says; remembers whether the line above was a head or continued one."""

    continues = b" \t"

    def __init__(self) -> None:
        self._inner = JsonReader()
        self._under = False
        self._last = Line(kind=Kind.HEAD)

    def line(self, line: bytes) -> Line:
        """Understand a line."""
        found = self._inner.line(line)
        if b'"never"' in line:
            found = Line(kind=Kind.HEAD)
        if line == b"again":
            return self._last
        if found.kind is Kind.CONTINUATION and not self._under:
            return Line(kind=Kind.UNPARSED)
        if found.lo is not None:
            self._last = found
        self._under = found.kind in (Kind.HEAD, Kind.CONTINUATION)
        return found

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands, and what may not be there."""
        place = self._inner.locate(line)
        return None if place is None else replace(place, never=(b'"never"',))


PIECES = st.sampled_from([b"  more", b"\tmore", b"garbage", b"again", b'{"x":"never"}', b"good", b"good", b"#d"])


@settings(max_examples=60)
@given(st.lists(PIECES, max_size=60))
@example([b"good"] * 20 + [b"again"] * 9 + [b"good"] * 20)
def test_what_continues_does_so_under_heads_only(kinds: list[bytes]) -> None:
    """The promise about first bytes is used below a head and nowhere else."""
    start = MARKS.cutoff - 50 * MINUTE
    good = [json_line(start + step * MINUTE, 0, b"x") for step in range(40 + len(kinds))]
    lines = good[:40] + [good[40 + at] if kind == b"good" else kind for at, kind in enumerate(kinds)]
    both(Case(b"\n".join(lines)), families=(StrictFamily(),))


def test_a_reader_is_reminded_of_the_head_above_in_another_block() -> None:
    """Wherever a block ends, the line behind it is understood by the head before it."""
    start = MARKS.cutoff - 50 * MINUTE
    lines = [json_line(start + step * MINUTE, 0, b"x") for step in range(70)]
    lines.insert(51, b"again")  # behind the first head that stays
    for block in range(600, 800, 8):
        case = Case(b"\n".join(lines))
        assert read(case, families=(StrictFamily(),), pace=replace(FAST, block=block)).expired.records == 50


def test_stencils_are_in_use() -> None:
    """The positive control: of ten thousand lines the reader is asked about few."""
    asked = [0]

    class Counting:
        """Counts what the reader is asked."""

        id = "jsonl"

        def reader(self, facts: object, sample: object) -> object:
            """Wrap the reader of the fake."""
            inner = FAMILIES[0].reader(facts, sample)  # type: ignore[arg-type]

            class Reader:
                """Counts."""

                continues = b" \t"

                def line(self, line: bytes) -> object:
                    """Count and pass on."""
                    asked[0] += 1
                    return inner.line(line)  # type: ignore[union-attr]

                def locate(self, line: bytes) -> object:
                    """Pass on."""
                    return inner.locate(line)  # type: ignore[union-attr]

            return Reader()

    lines = [json_line(NOW - 100 * DAY + step * MINUTE, 0, b"x") for step in range(10_000)]
    reading = read(Case(b"\n".join(lines)), families=(Counting(),))  # type: ignore[arg-type]
    assert reading.records == 10_000
    assert asked[0] < 2_000


def test_a_stencil_learned_in_a_block_is_used_in_it() -> None:
    """Of lines of four forms in turn, in one block, few are shown to the reader, and all are judged alike."""
    levels = [b"info", b"warn", b"error", b"debug"]
    lines = [
        b'{"level":"%s","ts":%d.%03d,"msg":"x"}' % (levels[step % 4], (NOW - 100 * DAY) // SECOND + step, step % 1000)
        for step in range(20_000)
    ]
    case = Case(b"\n".join(lines) + b"\n")
    asked = [0]

    class Counting(RealJsonFamily):
        """Counts what its readers are asked."""

        def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
            """Wrap a reader."""
            inner = super().reader(facts, sample)
            assert isinstance(inner, JsonLines)

            class Counted(JsonLines):
                """Counts."""

                def line(self, line: bytes) -> Line:
                    """Count and pass on."""
                    asked[0] += 1
                    return inner.line(line)

            return Counted(facts.zone)

    pace = Pace(block=1 << 21)
    assert read(case, families=(Counting(),), pace=pace).expired.records == 20_000
    assert asked[0] < 1_000
    both(case, families=all_families(), fast=pace)


def test_behind_a_directive_reading_fast_begins_anew() -> None:
    """Directives here and there in a block, more of them than reading fast begins anew, change nothing."""
    start = NOW - 100 * DAY
    for every in (50, 400):
        lines = [json_line(start + step * MINUTE, 0, b"x") for step in range(2_000)]
        lines = [part for step, line in enumerate(lines) for part in ([b"#d", line] if step % every == 9 else [line])]
        both(Case(b"\n".join(lines) + b"\n"), fast=Pace(block=1 << 20, least=1))


REAL_HEADS = {
    "serilog": "%Y-%m-%d %H:%M:%S.%f +00:00 [INF] something happened",
    "nlog": "%Y-%m-%d %H:%M:%S.1234|INFO|Some.Logger|text",
    "log4net": "%Y-%m-%d %H:%M:%S,123 [1] INFO  Some.Logger - text",
    "access": '10.0.0.1 - - [%d/%b/%Y:%H:%M:%S +0000] "GET / HTTP/1.1" 200 12',
    "apache_error": "[%a %b %d %H:%M:%S.%f %Y] [core:error] [pid 1] text",
    "nginx_error": "%Y/%m/%d %H:%M:%S [error] 12#12: *1 text",
    "jsonl": '{"@t":"%Y-%m-%dT%H:%M:%S.%f0Z","@mt":"text"}',
    "timestamp": '{"level":"info","timestamp":"%Y-%m-%dT%H:%M:%S.%fZ","message":"text"}',
    "syslog5424": "<34>1 %Y-%m-%dT%H:%M:%S.%fZ host prog 1 ID - text",
    "syslog": "%Y-%m-%dT%H:%M:%S.%f+00:00 host prog[1]: text",
    "logfmt": "time=%Y-%m-%dT%H:%M:%SZ level=info msg=text",
    "spark": "%y/%m/%d %H:%M:%S INFO executor.Executor: text",
    "hdfs": "%y%m%d %H%M%S 143 INFO dfs.DataNode: text",
    "w3c": "%Y-%m-%d %H:%M:%S 10.0.0.1 GET /",
    "rfc3164": "%b %d %H:%M:%S host prog[1]: text",
    "epoch": "%s.123 12 10.0.0.1 TCP_MISS/200",
}
FOREIGN = [b"   at Foo.Bar()", b"", b"2026-07-01 09:00:00 quoted", b"}", b"oops", b'{"time":"2026-07-01T00:00:00Z"}']


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(REAL_HEADS)),
    st.lists(st.tuples(st.integers(0, 100 * DAY), st.sampled_from([1, 20])), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(FOREIGN)), max_size=8),
    ZONES,
)
def test_the_families_of_the_product_are_judged_alike(
    name: str, ages: list[tuple[int, int]], strange: list[tuple[int, bytes]], zone: ZoneInfo | None
) -> None:
    """The promises that the shipped readers give with their places hold."""
    form = REAL_HEADS[name]
    times = sorted((NOW - age + step * 61 * SECOND for age, count in ages for step in range(count)))
    lines = [stamp(time, form.replace("%s", str(time // SECOND))) + b" %d" % index for index, time in enumerate(times)]
    for place, line in strange:
        lines.insert(min(place, len(lines)), line)
    if name == "w3c":
        lines[:0] = [b"#Version: 1.0", b"#Fields: date time c-ip cs-method cs-uri-stem"]
    both(Case(b"\n".join(lines) + b"\n", zone=zone), families=all_families())


def test_blocks_hold_every_byte_once() -> None:
    """What is read of a long file with ranges that go and stay covers it without a gap."""
    lines = [json_line(NOW - (100 - step % 50) * DAY, 0, b"x" * (step % 90)) for step in range(3_000)]
    content = b"\n".join(lines)
    kept, done, written = rewrite(Case(content), pace=Pace(block=4096, least=1))
    expected = [
        line for line, step in zip(lines, range(3_000), strict=True) if NOW - (100 - step % 50) * DAY >= MARKS.cutoff
    ]
    assert kept == done
    assert written.rstrip(b"\n").split(b"\n") == expected
