"""Which family a content is of: short cuts change no answer, and the middle of a file counts too."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats.detect import Candidates, choose
from data.formats.encoding import detect
from data.formats.families.registry import all_families
from data.formats.interface import Family
from data.formats.lines import Pace
from data.retention.evidence import Evidence
from data.retention.instants import DAY, HOUR, MINUTE
from tests.data.formats.engine_fakes import NOW, Case, read, stamp
from tests.data.formats.reading import facts

BEGINNINGS = [
    b'{"@t":"2026-11-01T00:00:00Z"}',
    b' {"time":"2026-11-01T00:00:00Z"}',
    b'\0\0{"ts":1790000000}',
    b'[{"ts":1790000000}]',
    b'{"resourceLogs":[{"timeUnixNano":"1790000000000000000"}]}',
    b'{"\\u0072esourceLogs":[]}',
    b"__CURSOR=s=1",
    b"#Fields: date time",
    b"\xef\xbb\xbf#Version: 1.0",
    b"2026-11-01 00:00:00 10.0.0.1",
    b"<34>1 2026-11-01T00:00:00Z host app 1 ID - x",
    b"12 <34>1 2026-11-01T00:00:00Z host app 1 ID - x",
    b'192.0.2.7 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5',
    b"[Sun Oct 04 04:47:44 2026] [error] x",
    b"2026/11/01 08:00:00 [error] 12#12: *1 x",
    b"Nov  1 09:23:38 host prog[1]: x",
    b"<34>Nov  1 09:23:38 host prog[1]: x",
    b"Nov  1 2026 09:23:38: %ASA-1-1: x",
    b"2026-11-01T08:00:00.123456+01:00 host prog[1]: x",
    b"I1101 08:00:00.123456  123 file.cc:1] x",
    b"@400000006900000000000000 x",
    b"261101 080000 143 INFO dfs.DataNode: x",
    b"26/11/01 08:00:00 INFO executor.Executor: x",
    b"INFO  [2026-11-01 08:00:00,123] x",
    b"01.11.2026 08:00:00 x",
    b"time=2026-11-01T08:00:00Z level=info",
    b"level=info ts=1790000000",
    b"date;level;text",
    b"01.11.2026 08:00:00;a;b",
    b"Zeitstempel\tb",
    b'"Time" , "b"',
    b"1790000000.123    456 192.0.2.7 TCP_MISS/200",
    b"   at Foo.Bar()",
    b"",
    b"plain words",
    b"timeout, x=1",
]


class Plain:
    """A family that hides by what its lines begin."""

    def __init__(self, family: Family) -> None:
        self.id = family.id
        self.reader = family.reader


@settings(max_examples=300)
@given(st.lists(st.sampled_from(BEGINNINGS), min_size=1, max_size=8))
def test_families_that_are_not_asked_would_not_have_known_the_file(lines: list[bytes]) -> None:
    """Leaving out families by the first bytes of the lines changes no choice; each left out gives no reader."""
    content = b"\n".join(lines) + b"\n"
    every = [Plain(family) for family in all_families()]
    short = choose(Candidates(all_families()), facts(), detect(content), content, whole=True)
    full = choose(every, facts(), detect(content), content, whole=True)
    assert (short.id, short.judged) == (full.id, full.judged)
    asked = {family.id for family in Candidates(all_families()).of(lines)}
    assert [f.id for f in all_families() if f.id not in asked and f.reader(facts(), tuple(lines)) is not None] == []


def test_few_families_are_asked() -> None:
    """The positive control: for a line that begins with a bracket most families are left out."""
    assert len(Candidates(all_families()).of([BEGINNINGS[0]])) < len(all_families()) / 2


@pytest.mark.parametrize("fast", [True, False])
def test_a_form_that_begins_in_the_middle_is_known(fast: bool) -> None:
    """A writer that changed its form on the way, as after an update, is understood in both."""
    old = [stamp(NOW - 100 * DAY + step * MINUTE, "%Y-%m-%d %H:%M:%S,%f [1] INFO x") for step in range(2000)]
    new = [stamp(NOW - 50 * DAY + step * MINUTE, "[%d.%m.%Y %H:%M:%S] opened") for step in range(4000)]
    case = Case(b"\n".join(old + new) + b"\n", mtime=NOW - HOUR)
    reading = read(case, families=all_families(), pace=Pace(fast=fast))
    assert reading.evidence == {Evidence.OWN: 6000}
    assert reading.expired.records == 2000
