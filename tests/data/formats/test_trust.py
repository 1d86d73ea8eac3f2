"""How far below a head lines are believed to belong to it, where a reader only guesses so."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.families.registry import all_families
from data.formats.interface import Reading, Tally
from data.formats.ladder import Trust
from data.formats.lines import Pace
from data.retention.evidence import Evidence
from data.retention.instants import DAY, MINUTE
from tests.data.formats.engine_fakes import MARKS, NOW, Case, read, rewrite, stamp

SMALL = Trust(lines=3, bytes=40)
FAST = Pace(block=700, least=1, worth=1, trust=SMALL)
SLOW = Pace(fast=False, least=0, trust=SMALL)
HEAD = "%Y-%m-%d %H:%M:%S.%f +00:00 [INF] x"
BELOW = [
    b"   at Foo.Bar()\n",
    b"\tat Foo.Baz()\n",
    b"\n",
    b"more of it\n",
    b"z" * 45 + b"\n",
    b"   " + b"y" * 1500 + b"\n",
]


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(-40, 40), st.lists(st.sampled_from(BELOW), max_size=9)), min_size=1, max_size=50),
    st.sampled_from([257, 700, 1 << 20]),
    st.sampled_from([200, 1 << 20]),
)
@example([(-1, [])] * 30 + [(-1, BELOW[:4] * 2)] + [(1, [])] * 30, 1 << 20, 1 << 20)
@example([(-1, BELOW[:1] * 200)] * 3, 700, 1 << 20)
@example([(-1, BELOW[:2])] * 60 + [(1, [])], 700, 1 << 20)
def test_what_is_far_below_a_head_is_a_record_of_its_own(
    groups: list[tuple[int, list[bytes]]], block: int, longest: int
) -> None:
    """Read fast, slowly or at once, the records are those of a model, and what is kept is what the model keeps."""
    records = [record for days, below in groups for record in parted(head(days), below)]
    ends = [days for days, _ in groups[1:]]
    gone, kept, index = Tally(), b"", -1
    for content, days in records:
        index += days is not None
        latest = (
            groups[index][0]
            if days is not None
            else max(groups[index][0], *ends[index : index + 1], *after(index, ends))
        )
        if latest < 0:
            gone = Tally(records=gone.records + 1, bytes=gone.bytes + len(content))
        else:
            kept += content
    case = Case(b"".join(content for content, _ in records), pin="text")
    for pace in (replace(FAST, block=block, longest=longest), replace(SLOW, longest=longest)):
        reading = read(case, families=all_families(), pace=pace)
        assert (reading.records, reading.expired) == (len(records), gone)
        assert rewrite(case, families=all_families(), pace=pace)[2] == kept
    unpinned = replace(case, pin="")
    assert read(unpinned, families=all_families(), pace=FAST) == read(unpinned, families=all_families(), pace=SLOW)
    assert read(unpinned, families=all_families(), pace=Pace(trust=SMALL)) == read(
        unpinned, families=all_families(), pace=SLOW
    )


def after(index: int, ends: list[int]) -> list[int]:
    """Tell what bounds a record below the last head: the file's mtime, which is young."""
    return [40] if index >= len(ends) else []


def head(days: int) -> bytes:
    """Write a head so many days from the cutoff."""
    return stamp(MARKS.cutoff + days * DAY + MINUTE, HEAD) + b"\n"


def parted(first: bytes, below: list[bytes]) -> list[tuple[bytes, int | None]]:
    """Part a head and what is below it into what is believed, and the rest."""
    taken = 0
    while taken < len(below) and taken < SMALL.lines and sum(map(len, below[:taken])) < SMALL.bytes:
        taken += 1
    rest = b"".join(below[taken:])
    whole = first + b"".join(below[:taken])
    return [(whole, 0), (rest, None)] if rest else [(whole, 0)]


def long_trace(lines: int, width: int, families: str = "text") -> Reading:
    """Read an old record with many lines, and a young one below."""
    content = head(-10) * 20 + (b" " * (width - 1) + b"\n") * lines + head(10)
    return read(Case(content, pin=families), families=all_families())


@pytest.mark.parametrize(
    ("lines", "width", "records"), [(1000, 10, 21), (1001, 10, 22), (16, 1 << 16, 21), (17, 1 << 16, 22)]
)
def test_a_thousand_lines_or_a_mebibyte_are_believed(lines: int, width: int, records: int) -> None:
    """Up to there they go with their head; what is below is dated by its neighbours, and stays with the younger."""
    reading = long_trace(lines, width)
    assert (reading.records, reading.expired.records) == (records, 20)
    assert reading.evidence.get(Evidence.NEIGHBOURS, 0) == records - 21
    assert reading.expired.bytes == len(head(-10)) * 20 + min(1000, lines, (1 << 20) // width) * width


def test_an_object_may_be_as_long_as_it_is() -> None:
    """Where the form itself tells where a record ends nobody guesses: a long printed object goes as a whole."""
    lines = b"".join(b'  "k%d": 1,\n' % number for number in range(3000))
    content = b'{\n  "@t": "' + stamp(NOW - 100 * DAY) + b'",\n' + lines + b'  "x": 1\n}\n'
    reading = read(Case(content), families=all_families())
    assert (reading.records, reading.expired.records) == (1, 1)
