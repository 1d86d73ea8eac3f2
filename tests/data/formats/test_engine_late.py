"""Readers that date a record below its first line, and those that must see the whole file first."""

import gzip
import io
import zipfile
from zoneinfo import ZoneInfo

from data.formats.families.registry import all_families
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
