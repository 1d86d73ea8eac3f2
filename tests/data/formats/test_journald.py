"""journalctl -o export: an entry is one record, and no byte of a value is taken for a field."""

import re
import tempfile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.journald import JournaldFamily, JournaldReader
from data.formats.interface import FileFacts, Kind, Line, Reader
from data.formats.logs import LogReader
from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, DAY, read_iso

NOW = read_iso("2026-11-24T12:00:00Z")
CUTOFF = NOW - 90 * DAY
AT = read_iso("2026-11-23T08:00:00Z")
LATER = read_iso("2026-11-24T09:30:00Z")
UNDATED = Line(kind=Kind.HEAD)

instants = st.integers(BELIEVABLE + DAY, read_iso("2099-12-31T00:00:00Z"))


def opened(*sample: bytes, pin: str = "") -> Reader | None:
    """Open a file that begins with these lines."""
    facts = FileFacts(name=b"system.export", size=1, mtime=0, zone=ZoneInfo("Europe/Berlin"), pin=pin)
    return JournaldFamily().reader(facts, sample)


def dated(lo: int, hi: int | None = None) -> Line:
    """Make what a head with a time is."""
    return Line(kind=Kind.HEAD, lo=lo, hi=lo if hi is None else hi)


def entry(at: int, *fields: tuple[str, bytes], time: bytes = b"") -> bytes:
    """Write one entry as systemd does; a value with a line end is written with its length."""
    parts = [b"__CURSOR=s=1;i=2\n", time or b"__REALTIME_TIMESTAMP=%d\n" % at, b"__MONOTONIC_TIMESTAMP=5\n"]
    for name, value in fields:
        if b"\n" in value or value.startswith(b"\0"):
            parts.append(name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
        else:
            parts.append(name.encode() + b"=" + value + b"\n")
    return b"".join(parts) + b"\n"


def records(content: bytes) -> list[tuple[Line, bytes]]:
    """Read a content as the engine does: records with their final times and their bytes."""
    reader, found = JournaldReader(), list[tuple[Line, bytes]]()
    for raw in re.findall(rb"[^\n]*\n|[^\n]+", content):
        line = reader.line(raw.removesuffix(b"\n"))
        if line.kind is Kind.CONTINUATION and found:
            found[-1] = (found[-1][0], found[-1][1] + raw)
        else:
            found.append((line, raw))
        late = reader.late()
        if late is not None:
            found[-1] = (late, found[-1][1])
    return found


def test_an_entry_is_one_record_dated_by_its_realtime() -> None:
    """The time of reception counts, wherever it stands; what the program itself said of its time does not."""
    first = entry(AT, ("_SOURCE_REALTIME_TIMESTAMP", b"%d" % LATER), ("MESSAGE", b"hello"))
    second = entry(LATER, ("MESSAGE", b"x=1 __REALTIME_TIMESTAMP=5"))
    assert records(first + second) == [(dated(AT), first), (dated(LATER), second)]
    turned = b"__REALTIME_TIMESTAMP=%d\nMESSAGE=x\n\n" % AT
    assert records(turned + turned) == [(dated(AT), turned)] * 2


@pytest.mark.parametrize("length", [2, 9, 10, 11, 255, 256, 266, 2560, 2573, 2570, 65546, 657930])
def test_values_with_line_ends_are_counted_to_the_last_byte(length: int) -> None:
    """No byte of such a value is read as a field, even where its length itself holds a line end."""
    trap = b"\n\nCURSOR=s=9\n__REALTIME_TIMESTAMP=%d\n\nKEY\n" % (AT - 300 * DAY)
    value = (trap * (length // len(trap) + 1))[:length]
    first, second = entry(AT, ("MESSAGE", value), ("PRIORITY", b"6")), entry(LATER, ("MESSAGE", b"x"))
    assert len(value) == length
    assert records(first + second) == [(dated(AT), first), (dated(LATER), second)]


def test_a_wrong_count_makes_an_entry_undated() -> None:
    """Where bytes are missing, the entry has no time of its own any more, and reading begins anew at a next one."""
    first = entry(AT, ("MESSAGE", b"a\nb\nc"), ("PRIORITY", b"6"))
    second, third = entry(LATER), entry(LATER + 1)
    assert records(first + second + third) == [(dated(AT), first), (dated(LATER), second), (dated(LATER + 1), third)]
    found = records(first.replace(b"b\n", b"") + second + third)
    assert found[0][0] == UNDATED
    assert found[-1] == (dated(LATER + 1), third)


def test_an_entry_that_was_cut_off() -> None:
    """Cut off before its time an entry has none; behind it, it keeps it; a number cut short is not believed."""
    whole = entry(AT, ("MESSAGE", b"a\nb"))
    for end in range(1, len(whole)):
        found = records(whole[:end])
        complete = end >= whole.index(b"%d" % AT) + len(str(AT))
        odd = end == whole.index(b"a\nb") - 1  # the last byte of the length looks like a line end: it cannot be true
        expected = dated(AT) if complete and not odd else UNDATED
        assert [line for line, _ in found] == [expected], whole[:end]
    assert records(whole[:60] + b"=\n\n" + entry(LATER))[-1] == (dated(LATER), entry(LATER))


@pytest.mark.parametrize("time", [b"", b"x", b"-5", b"0", b"946684799999999", b"12345"])
def test_an_entry_without_a_believable_time_has_none(time: bytes) -> None:
    """What is no time in microseconds since 1970, or one before 2000, is not believed."""
    broken = entry(AT, time=b"__REALTIME_TIMESTAMP=%s\n" % time)
    assert [line for line, _ in records(broken + entry(LATER))] == [UNDATED, dated(LATER)]
    assert [line for line, _ in records(entry(AT, time=b"OTHER=1\n") + entry(LATER))] == [UNDATED, dated(LATER)]


def test_a_value_that_looks_like_an_entry_takes_the_time_away() -> None:
    """It may be the next entry, if bytes were lost: both together have no time; the one after them is read."""
    trap = b"x\n\n__CURSOR=s=9\n__REALTIME_TIMESTAMP=%d\n\nKEY\n" % (AT - 300 * DAY)
    first = entry(AT, ("MESSAGE", trap), ("PRIORITY", b"6"))
    assert records(first + entry(LATER)) == [(UNDATED, first), (dated(LATER), entry(LATER))]


@pytest.mark.parametrize("lost", range(1, 200, 3))
def test_lost_bytes_never_make_two_entries_one_old_one(lost: int) -> None:
    """However many bytes of a value are missing, no line of the next entry is dated by the one before alone."""
    first = entry(AT, ("MESSAGE", b"a\n" + b"b" * 300))
    second = entry(LATER, ("MESSAGE", b"hello"))
    found = records(first.replace(b"b" * lost, b"", 1) + second + entry(LATER + 1))
    assert b"".join(text for _, text in found).endswith(second + entry(LATER + 1))
    for line, text in found:
        if b"hello" in text and b"bbb" in text:
            assert line == UNDATED
        elif b"hello" in text:
            assert line in (UNDATED, dated(LATER))


def test_two_entries_without_a_blank_line_are_two() -> None:
    """The cursor stands first in an entry; two times in one entry make an interval."""
    assert records(entry(LATER)[:-1] + entry(AT)) == [(dated(LATER), entry(LATER)[:-1]), (dated(AT), entry(AT))]
    twice = entry(LATER, ("__REALTIME_TIMESTAMP", b"%d" % AT))
    assert records(twice) == [(dated(AT, LATER), twice)]


def test_a_field_that_is_none_breaks_the_entry() -> None:
    """Text within an entry takes its time away; text between entries is dated by its neighbours."""
    assert records(entry(AT)[:-1] + b"some text\n\n" + entry(LATER))[0][0] == UNDATED
    assert [line.kind for line, _ in records(entry(AT) + b"some text\n" + entry(LATER))] == [
        Kind.HEAD,
        Kind.UNPARSED,
        Kind.HEAD,
    ]


def test_a_length_beyond_all_measure_is_not_believed() -> None:
    """Where a length cannot be true, nobody knows where the value ends: nothing below it is understood."""
    broken = entry(AT)[:-1] + b"MESSAGE\n" + b"\xff" * 8 + b"x\n\n"
    found = records(entry(AT) + broken + entry(LATER))
    assert found[:2] == [(dated(AT), entry(AT)), (UNDATED, broken)]
    assert {line for line, _ in found[2:]} == {Line(kind=Kind.UNPARSED)}


def test_bytes_are_counted() -> None:
    """The engine is told that it must not take anything off the lines."""
    assert JournaldReader().raw


def test_what_is_of_the_family() -> None:
    """Entries of systemd are of the family; settings, JSON and text are not."""
    assert isinstance(opened(b"", b"__CURSOR=s=1"), JournaldReader)
    assert isinstance(opened(b"__REALTIME_TIMESTAMP=1"), JournaldReader)
    assert opened(b'{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1"}') is None
    assert opened(b"PATH=/usr/bin", b"MESSAGE=x") is None
    assert opened() is None
    assert isinstance(opened(b"x", pin="journald"), JournaldReader)


fields = st.tuples(st.sampled_from(["MESSAGE", "PRIORITY", "_COMM", "COREDUMP"]), st.binary(max_size=40))
entries = st.lists(st.tuples(instants, st.lists(fields, max_size=3)), min_size=1, max_size=4)


@given(entries)
def test_every_entry_has_its_instant_and_its_bytes(found: list[tuple[int, list[tuple[str, bytes]]]]) -> None:
    """Whatever values hold, each entry is one record with its own time and its own bytes."""
    written = [entry(at, *inside) for at, inside in found]
    expected = [(dated(at), text) for (at, _), text in zip(found, written, strict=True)]
    assert records(b"".join(written)) == expected


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"", b"MESSAGE", b"A=1", b"__CURSOR=1", b"\0" * 8])))
def test_random_lines_never_raise(lines: list[bytes]) -> None:
    """Whatever a file holds, each line gets a kind."""
    reader = JournaldReader()
    for line in lines:
        assert reader.line(line.replace(b"\n", b"")).kind in Kind
        late = reader.late()
        assert late is None or late.kind is Kind.HEAD
    opened(*lines)


def kept(content: bytes) -> bytes:
    """Let the engine rewrite a file, and give what it keeps."""
    known = FileFacts(name=b"x.log", size=len(content), mtime=NOW, zone=ZoneInfo("Europe/Berlin"))
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(content)
        file.flush()
        marks = Marks(cutoff=CUTOFF, limit=CUTOFF, now=NOW)
        LogReader([JournaldFamily()]).rewrite(file.fileno(), target.fileno(), known, marks)
        target.seek(0)
        return target.read()


def test_a_rewrite_keeps_young_entries() -> None:
    """Old entries go with all their bytes, whatever their values pretend to be; young ones stay as they are."""
    trap = b"x\n\nCURSOR=s=9\n__REALTIME_TIMESTAMP=%d\n\n" % (CUTOFF - DAY)
    old, new = entry(CUTOFF - 1, ("MESSAGE", b"a\nb")), entry(CUTOFF, ("MESSAGE", trap))
    assert kept(old + new + old + new) == new + new


@pytest.mark.parametrize("length", [60, 266, 2573, 2570, 68109])
def test_no_value_makes_a_young_entry_go(length: int) -> None:
    """Whatever line ends a value and its length hold, no byte of a young entry is taken for one of an old entry."""
    trap = b"\r\n\n\n__CURSOR=s=9\n__REALTIME_TIMESTAMP=%d\nMESSAGE=x\n\n" % (CUTOFF - DAY)
    value = (trap + b"\0\r\nx" * length)[:length]
    old, new = entry(CUTOFF - 1, ("MESSAGE", b"a\nb")), entry(CUTOFF, ("MESSAGE", value))
    assert kept(old + new + new).endswith(new + new)
    assert kept(old + old) == b""
