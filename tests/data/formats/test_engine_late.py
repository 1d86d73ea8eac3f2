"""Readers that date a record below its first line, and those that must see the whole file first."""

import gzip
import io
import zipfile
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.families.registry import all_families
from data.formats.lines import Pace
from data.retention.evidence import Evidence
from data.retention.instants import DAY, HOUR
from tests.data.formats.engine_fakes import NOW, Case, read, rewrite, stamp


def entry(days_ago: int) -> bytes:
    """Write an entry as `journalctl -o export` does."""
    micros = NOW - days_ago * DAY
    return b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=%d\nMESSAGE=hello\n\n" % micros


def printed(days_ago: int) -> bytes:
    """Write an object over many lines."""
    return b'{\n  "@t": "' + stamp(NOW - days_ago * DAY) + b'",\n  "@m": "hello"\n}\n'


def test_an_entry_is_dated_by_its_second_line() -> None:
    """Entries of systemd go and stay as a whole, with all their lines."""
    case = Case(entry(100) + entry(1) + entry(99))
    reading = read(case, families=all_families())
    assert (reading.family, reading.records, reading.expired.records, reading.lines) == ("journald", 3, 2, 12)
    assert rewrite(case, families=all_families())[2] == entry(1)


VALUES = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"a" * 90, b"MESSAGE=x\n"]), max_size=20
    ).map(b"".join),
)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from([100, 1]), VALUES), min_size=1, max_size=12),
    st.sampled_from([64, 700, 1 << 20]),
    st.sampled_from([40, 1 << 20]),
)
@example([(100, b"\r\n\r\n" * 9), (1, b""), (100, b"\0\0\n\xef\xbb\xbf\n"), (1, b"\r")], 700, 1 << 20)
@example([(100, b"\0" * 300 + b"\n" + b"\0" * 300), (1, b"x"), (100, b"y" * 300 + b"\n"), (1, b"y" * 99)], 64, 40)
def test_every_byte_of_a_value_counts(entries: list[tuple[int, bytes]], block: int, longest: int) -> None:
    """Carriage returns, NULs and marks in a binary value, and lines longer than any that is shown, shift nothing."""
    parts = [
        (days, entry(days)[:-1] + b"BINARY\n" + len(value).to_bytes(8, "little") + value + b"\n\n")
        for days, value in entries
        if b"__CURSOR" not in value
    ]
    case = Case(b"".join(content for _, content in parts), pin="journald")
    for pace in (Pace(block=block, longest=longest), Pace(block=block)):
        reading = read(case, families=all_families(), pace=pace)
        assert reading.evidence.get(Evidence.OWN, 0) == reading.records == len(parts)
        written = rewrite(case, families=all_families(), pace=pace)[2]
        assert written == b"".join(content for days, content in parts if days == 1)


def test_a_length_that_is_not_shown_is_none() -> None:
    """Where NULs beyond all measure stand for a length nobody knows where its value ends: nothing there is dated."""
    hole = entry(100)[:-1] + b"BINARY\n" + b"\0" * 500 + b"\n\n" + entry(1)
    reading = read(Case(hole, pin="journald"), families=all_families(), pace=Pace(block=64, longest=40))
    assert reading.evidence.get(Evidence.OWN, 0) == 0
    assert reading.expired.records == 0


def test_an_object_over_many_lines_is_one_record() -> None:
    """Pretty-printed JSON is cut between its objects; the last one is dated too."""
    case = Case(printed(100) + printed(1) + printed(100))
    reading = read(case, families=all_families())
    assert (reading.records, reading.expired.records) == (3, 2)
    assert rewrite(case, families=all_families())[2] == printed(1)


def test_a_year_is_found_by_looking_at_the_whole_file() -> None:
    """Stamps without a year, over a New Year and in an archive: each gets its own year, packed or not."""
    lines = [stamp(NOW - days * DAY, "%b %d %H:%M:%S") + b" host prog[1]: text\n" for days in range(420, 0, -1)]
    content = b"".join(lines)
    zone = ZoneInfo("UTC")
    plain = read(Case(content, zone=zone, mtime=NOW - HOUR), families=all_families())
    assert plain.family == "syslog"
    assert plain.expired.records == sum(days > 83 for days in range(420, 0, -1))
    assert plain.lowest_lo == NOW - 420 * DAY
    packed = read(Case(gzip.compress(content), zone=zone, mtime=NOW - HOUR), families=all_families())
    assert packed == plain
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("syslog", content)
    assert read(Case(target.getvalue(), zone=zone, mtime=NOW - HOUR), families=all_families()) == plain
