"""Readers that must see the whole file are shown only where it turns to another day: they learn the same."""

from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.blocks import Block, Part
from data.formats.encoding import detect
from data.formats.families.registry import all_families
from data.formats.lines import Pace
from data.formats.turns import turns
from data.retention.instants import DAY, HOUR
from tests.data.formats.engine_fakes import NOW, Case, read, stamp

LINES = st.lists(
    st.sampled_from(
        [
            b"Nov  3 a",
            b"Nov  3 b",
            b"Nov  4 a",
            b"Nov",
            b"",
            b"\0\0\0\0\0\0\0Nov 3",
            b"\0\0\0\0\0\0\0Nov 4",
            b"\xef\xbb\xbfN",
        ]
    ),
    max_size=30,
)


@settings(max_examples=200)
@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.sampled_from([b"", b"\n"]), st.integers(1, 9), st.integers(0, 40))
@example([b"Nov  3"] * 3, b"\n", b"", 6, 0)
def test_the_first_of_every_run_is_shown(lines: list[bytes], end: bytes, last: bytes, length: int, more: int) -> None:
    """Of neighbours that begin alike, as a reader is shown them, the first is there; and nothing that is not."""
    content = end.join(lines) + last
    block = Block(Part.LINES, content + b"x" * more, 0, 0, len(content))
    encoding = detect(b"")
    texts = encoding.texts(content)
    found = [encoding.text(raw) for raw in turns(block, length)] if content else []

    def runs(shown: list[bytes]) -> list[bytes]:
        return [next(group) for _, group in groupby(shown, lambda text: text[:length])]

    assert runs(found) == runs(texts)


def test_only_where_a_log_turns_it_is_shown() -> None:
    """The positive control: of a thousand lines of a day one is shown."""
    content = b"Nov  3 a\n" * 1000 + b"Nov  4 a\n" * 1000
    assert [raw[:6] for raw in turns(Block(Part.LINES, content, 0), 6)] == [b"Nov  3", b"Nov  4"]


@pytest.mark.parametrize("form", ["%b %d %H:%M:%S host prog[1]: text", "I%m%d %H:%M:%S.%f 12 a.cc:7] text"])
@pytest.mark.parametrize("days", [300, 800])
def test_a_long_log_is_read_alike(form: str, days: int) -> None:
    """Over two New Years the years found fast are those found slowly, wherever blocks end."""
    lines = [stamp(NOW - HOUR - step * DAY // 3, form) for step in range(days * 3, 0, -1)]
    case = Case(b"\n".join(lines), zone=ZoneInfo("UTC"))
    slow = read(case, families=all_families(), pace=Pace(fast=False, least=0))
    assert slow.lowest_lo == NOW - HOUR - days * DAY
    for block in (700, 5000, 1 << 20):
        assert read(case, families=all_families(), pace=Pace(block=block, least=1, worth=1)) == slow
