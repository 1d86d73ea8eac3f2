"""Encodings, line ends and what crashes leave: bytes stay what they are, and their records are still understood."""

import hashlib
import os
import tempfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats.interface import Tally
from data.formats.lines import Pace
from data.formats.logs import LogReader
from data.retention.evidence import Evidence
from data.retention.instants import DAY
from tests.data.formats.engine_fakes import FAMILIES, MARKS, NOW, Case, event, read, rewrite

OLD, YOUNG = event(100, "grün alt"), event(1, "grün jung")


def encoded(name: str, content: bytes) -> bytes:
    """Write a text as that encoding does, with its mark where it has one."""
    text = content.decode()
    written = {
        "utf-8": text.encode(),
        "utf-8-bom": text.encode("utf-8-sig"),
        "utf-16-le-bom": b"\xff\xfe" + text.encode("utf-16-le"),
        "utf-16-be-bom": b"\xfe\xff" + text.encode("utf-16-be"),
        "utf-16-le": text.encode("utf-16-le"),
        "windows-1252": text.encode("cp1252"),
    }
    return written[name]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["utf-8", "utf-8-bom", "utf-16-le-bom", "utf-16-be-bom", "utf-16-le", "windows-1252"])
def test_every_encoding_is_read_and_kept(name: str, end: str) -> None:
    """Old lines go, young ones and the mark stay byte for byte, whatever the encoding and the line end."""
    lines = (OLD + YOUNG + b"  at Foo()\n" + OLD).replace(b"\n", end.encode())
    reading = read(Case(encoded(name, lines)))
    assert reading.encoding == ("utf-8" if name == "windows-1252" else name)
    assert (reading.records, reading.lines, reading.expired.records, reading.confidence) == (3, 4, 2, 1.0)
    assert reading.bytes == len(encoded(name, lines))
    kept, done, written = rewrite(Case(encoded(name, lines)))
    assert kept == done
    assert written == encoded(name, (YOUNG + b"  at Foo()\n").replace(b"\n", end.encode()))
    assert kept.sha256 == hashlib.sha256(written).hexdigest()
    assert kept.kept_bytes == len(written)


@given(st.binary(max_size=3000), st.sampled_from([1, 7, 64]))
@settings(max_examples=200)
def test_any_bytes_are_read_alike_however_they_come(content: bytes, block: int) -> None:
    """No bytes crash the engine; neither the size of blocks nor that of long lines loses one."""
    case = Case(content + b"\n" + YOUNG, pin="jsonl")
    reading = read(case, pace=Pace(block=block))
    assert reading == read(case)
    assert reading.bytes == len(case.content)
    kept, done, written = rewrite(case, pace=Pace(block=block))
    assert kept == done
    assert written == rewrite(case)[2]


@given(
    st.lists(st.sampled_from([OLD, YOUNG, b"?\n", b"  more\n", b"\n", b"\0\0\0", b"z" * 50 + b"\n"]), max_size=20),
    st.sampled_from(["utf-8", "utf-16-le-bom", "utf-16-be-bom"]),
    st.sampled_from([2, 5, 33]),
    st.sampled_from([40, 60, 1000]),
)
@settings(max_examples=150)
def test_long_lines_and_blocks_change_nothing(lines: list[bytes], name: str, block: int, longest: int) -> None:
    """Where blocks end does not matter, for short lines and for lines that are shown to readers only in part."""
    case = Case(encoded(name, b"".join([YOUNG, *lines])), pin="jsonl")
    paces = [Pace(block=size, longest=longest) for size in (block, 1 << 20)]
    first, second = (read(case, pace=pace) for pace in paces)
    assert first == second
    assert rewrite(case, pace=paces[0]) == rewrite(case, pace=paces[1])


def test_nuls_belong_to_the_record_behind_them() -> None:
    """A run of NUL, as truncation under a writer leaves it, goes and stays with the line that follows it."""
    hole = b"\0" * 5000
    reading = read(Case(hole + OLD + YOUNG))
    assert reading.expired == Tally(records=1, bytes=len(hole + OLD))
    assert rewrite(Case(hole + YOUNG + hole + OLD))[2] == hole + YOUNG
    assert rewrite(Case(OLD + hole + b"\n" + YOUNG))[2] == YOUNG, "a line of NUL belongs to the record above"


def test_the_middle_shows_what_a_banner_hides() -> None:
    """A file that begins with a long banner is known by its middle; one that is all banner is nobody's."""
    banner = b"Welcome to the machine\n" * 4000
    assert read(Case(banner + (OLD + YOUNG) * 2000)).family == "jsonl"
    assert read(Case(banner)).family == ""


def test_a_hole_larger_than_any_line_is_skipped() -> None:
    """NULs do not count against the length of the line behind them."""
    pace = Pace(block=64, longest=200)
    reading = read(Case(b"\0" * 3000 + OLD + YOUNG), pace=pace)
    assert (reading.expired.records, reading.unparsed, reading.lines) == (1, 0, 2)


def test_a_missing_last_line_end_is_not_added() -> None:
    """The last line may lack its end, and does so afterwards."""
    assert rewrite(Case(OLD + YOUNG.rstrip()))[2] == YOUNG.rstrip()
    assert rewrite(Case(YOUNG + OLD.rstrip()))[2] == YOUNG


def test_concatenated_files_keep_their_marks() -> None:
    """A byte order mark in the middle, from files put together, hides no line."""
    mark = b"\xef\xbb\xbf"
    assert rewrite(Case(mark + OLD + mark + YOUNG))[2] == mark + mark + YOUNG


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 300,
        b"SQLite format 3\0" + OLD * 50,
        b"\x7fELF" + b"\0" * 5000 + OLD,
        b"\xff\xd8\xff\xe0" * 90,
    ],
)
def test_binary_files_are_one_record(content: bytes) -> None:
    """Nothing is cut out of a file that is no text, even if lines of a log stand in it."""
    case = Case(content, mtime=NOW - 84 * DAY)
    reading = read(case)
    assert (reading.family, reading.confidence, reading.records) == ("", 0.0, 1)
    assert reading.evidence == {Evidence.MTIME: 1}
    assert reading.expired == Tally(records=1, bytes=len(content))
    assert rewrite(case)[2] == b""
    assert rewrite(replace(case, mtime=NOW))[2] == content


def test_a_wrong_pin_is_refused_with_the_names_there_are() -> None:
    """A pin that is no family is an error that lists them; a right one is accepted."""
    with pytest.raises(ValueError, match="no format family 'xml'; there are: jsonl, text"):
        read(Case(YOUNG, pin="xml"))
    assert read(Case(YOUNG, pin="jsonl")).family == "jsonl"


def test_a_file_that_shrinks_is_reported() -> None:
    """A file shorter than it was said to be is read as far as it goes, and is called shrunk."""
    with tempfile.TemporaryFile() as file:
        file.write(OLD + YOUNG)
        file.flush()
        facts = Case(b"").facts(size=len(OLD + YOUNG) + 1)
        assert LogReader(FAMILIES).read(file.fileno(), facts, MARKS).damaged == "shrunk"
        assert LogReader(FAMILIES).kept(file.fileno(), facts, MARKS).damaged == "shrunk"
        exact = Case(b"").facts(size=len(OLD + YOUNG))
        assert LogReader(FAMILIES).read(file.fileno(), exact, MARKS).damaged == ""


def test_a_file_that_grows_is_read_to_its_known_size() -> None:
    """What is appended after the look is neither read nor copied, and the position of the descriptor is nobody's."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as target:
        file.write(OLD + YOUNG + YOUNG)
        file.flush()
        facts = Case(b"").facts(size=len(OLD + YOUNG))
        os.lseek(file.fileno(), 3, os.SEEK_SET)
        assert LogReader(FAMILIES).read(file.fileno(), facts, MARKS).records == 2
        LogReader(FAMILIES).rewrite(file.fileno(), target.fileno(), facts, MARKS)
        assert os.pread(target.fileno(), 1000, 0) == YOUNG
        assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 3
