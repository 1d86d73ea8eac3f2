"""The ranges of `Kept`: they are what a rewrite would leave, so that it can be copied without judging again."""

import gzip
import hashlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.families.registry import all_families
from data.formats.interface import MOST_RANGES, Kept
from data.formats.lines import Pace
from data.retention.instants import DAY, Instant
from tests.data.formats.engine_fakes import MARKS, Case, event, rewrite, stamp

MARK = b"\xef\xbb\xbf"
OLD, YOUNG = event(100), event(10)


def text(instant: Instant) -> bytes:
    """Write a record of two lines, its zone named."""
    return stamp(instant, "%Y-%m-%d %H:%M:%S.%f +00:00 [INF] x") + b"\n   at Foo.Bar()\n"


LINES = st.lists(st.sampled_from([OLD, YOUNG, b"?\n", b"\n", b"   at Foo()\n", event(83, "x" * 900)]), max_size=60)


@settings(max_examples=80)
@given(
    st.sampled_from([b"", MARK, b"\0\0"]),
    LINES,
    st.sampled_from([b"", b"no end", text(MARKS.cutoff - DAY)]),
    st.sampled_from([64, 700, 1 << 20]),
)
@example(MARK, [OLD, YOUNG, OLD], b"", 64)
@example(b"", [], b"", 64)
def test_the_ranges_are_the_bytes_of_the_digest(mark: bytes, lines: list[bytes], end: bytes, block: int) -> None:
    """Put together, the ranges are what is written, to the last byte; they are in order and apart from each other."""
    content = mark + b"".join(lines) + end
    kept, done, written = rewrite(Case(content), pace=Pace(block=block, least=1, worth=1), families=all_families())
    assert kept == done
    holds(kept, content, written)


def holds(kept: Kept, content: bytes, written: bytes) -> None:
    """Hold the ranges against the content and what was written of it."""
    together = b"".join(content[start:end] for start, end in kept.ranges)
    assert together == written
    assert (hashlib.sha256(together).hexdigest(), len(together)) == (kept.sha256, kept.kept_bytes)
    edges = [edge for pair in kept.ranges for edge in pair]
    assert edges == sorted(set(edges)), "merged where adjacent, none empty"


def test_the_ranges_of_a_file_with_a_mark() -> None:
    """The byte order mark stays, with what stands behind it where that stays."""
    size = len(OLD)
    assert rewrite(Case(MARK + OLD + YOUNG))[0].ranges == ((0, 3), (3 + size, 3 + size + len(YOUNG)))
    assert rewrite(Case(MARK + YOUNG + OLD + OLD))[0].ranges == ((0, 3 + len(YOUNG)),)
    assert rewrite(Case(YOUNG))[0].ranges == ((0, len(YOUNG)),)
    assert rewrite(Case(OLD))[0].ranges == ()


def test_too_many_ranges_are_none() -> None:
    """As many ranges as there may be are told; one more, and none is: the file has to be judged again."""
    content = (OLD + YOUNG) * MOST_RANGES
    kept, _, written = rewrite(Case(content))
    assert len(kept.ranges) == MOST_RANGES
    holds(kept, content, written)
    kept, done, written = rewrite(Case(content + OLD + YOUNG))
    assert (kept.ranges, kept) == ((), done)
    assert written == YOUNG * (MOST_RANGES + 1)


def test_what_is_whole_has_no_ranges() -> None:
    """A file that is cut short while it is read answers as a whole, and so does an archive."""
    case = Case(gzip.compress(OLD + YOUNG), name=b"app.log.gz")
    kept, done, written = rewrite(case)
    assert (kept.ranges, kept) == ((), done)
    assert gzip.decompress(written) == YOUNG
    broken = rewrite(Case(case.content[:-9], name=b"app.log.gz"))[0]
    assert (broken.damaged, broken.ranges, broken.kept_bytes) == ("truncated", (), len(case.content) - 9)
