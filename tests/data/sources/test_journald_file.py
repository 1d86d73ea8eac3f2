"""The reader of journal files agrees with journalctl, and dates nothing that the file does not prove."""

import os
import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.formats.interface import FileFacts
from data.retention.evidence import Evidence, Marks
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, instant_of
from data.sources.journald_file import JournaldReader, State
from data.sources.planning import is_wholly_old
from tests.data.sources.journald_lab import (
    ENTRIES_AT,
    HEAD_AT,
    STATE_AT,
    TAIL_AT,
    TAIL_NUMBER_AT,
    JournalMaker,
    copied,
    header_by_journalctl,
    number,
    patch,
    reading_of,
    stamps_by_journalctl,
)
from tests.world import FakeClock

NOW = instant_of(FakeClock().now())
MARKS = Marks(cutoff=NOW - 83 * DAY, limit=NOW - 90 * DAY, now=NOW)
OLD, YOUNG = NOW - 100 * DAY, NOW - 10 * DAY
ORDERED = (OLD, OLD + HOUR, NOW - 60 * DAY, YOUNG)
HEADER = 264


def shapes() -> dict[str, list[int]]:
    """Give instants of files of several shapes: one entry, many, several at once, out of order."""
    rng = random.Random(5)  # noqa: S311  the same shapes each time
    return {
        "one": [OLD],
        "few": list(ORDERED),
        "same": [OLD, OLD, OLD],
        "backward": [YOUNG, OLD],
        "shuffled": [NOW - rng.randrange(200 * DAY) for _ in range(300)],
        "many": [NOW - 200 * DAY + place * MINUTE for place in range(5000)],
    }


@pytest.fixture
def made(journals: JournalMaker, tmp_path: Path) -> Path:
    """Give a file of four entries in their order, two of them old, as it is when archived."""
    return journals.put(tmp_path / "made.journal", ORDERED)


# -- the control ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", sorted(shapes()))
def test_reader_and_journalctl_agree(journals: JournalMaker, shape: str) -> None:
    """Count, head, tail, oldest and youngest are what journalctl says of header and entries."""
    instants = shapes()[shape]
    file = journals.made(instants)
    reading = reading_of(file, MARKS)
    assert header_by_journalctl(file) == (reading.records, instants[0], instants[-1])
    shown = stamps_by_journalctl("--file", file)
    assert sorted(shown) == sorted(instants)
    assert (reading.lowest_lo, reading.highest_hi) == (min(shown), max(shown))
    assert reading.expired.records == sum(at < MARKS.cutoff for at in shown)
    assert reading.overdue == sum(at < MARKS.limit for at in shown)
    assert reading.oldest_kept == min((at for at in shown if at >= MARKS.cutoff), default=None)
    assert reading.youngest_expired == max((at for at in shown if at < MARKS.cutoff), default=None)
    assert (reading.damaged, reading.undatable, reading.evidence) == ("", 0, {Evidence.OWN: len(shown)})


@pytest.mark.parametrize(
    "environment",
    [
        {"SYSTEMD_JOURNAL_COMPACT": "0"},
        {"SYSTEMD_JOURNAL_COMPACT": "0", "SYSTEMD_JOURNAL_KEYED_HASH": "0"},
        {"SYSTEMD_JOURNAL_COMPRESS": "lz4"},
        {"SYSTEMD_JOURNAL_COMPRESS": "xz"},
    ],
    ids=lambda environment: " ".join(environment.values()),
)
def test_every_form_of_file_is_read_alike(journals: JournalMaker, environment: dict[str, str]) -> None:
    """Whether compact or not, hashed and compressed in whatever way: the entries are the same."""
    instants, text = shapes()["shuffled"], "x" * 2000
    file = journals.made(instants, text, **environment)
    reading = reading_of(file, MARKS)
    assert (reading.records, reading.lowest_lo, reading.highest_hi) == (300, min(instants), max(instants))
    assert header_by_journalctl(file)[0] == 300


def test_the_tail_is_not_taken_for_the_youngest(journals: JournalMaker) -> None:
    """Where a clock was set back the entry written last is old, and the file is not: its header alone would mislead."""
    file = journals.made((YOUNG, OLD))
    assert header_by_journalctl(file)[2] == OLD
    reading = reading_of(file, MARKS)
    assert (reading.highest_hi, reading.expired.records) == (YOUNG, 1)
    assert not is_wholly_old(reading)
    assert is_wholly_old(reading_of(journals.made((OLD + HOUR, OLD)), MARKS))


@pytest.mark.parametrize(("at", "future"), [(NOW + DAY, 1), (0x7FFF_FFFF_FFFF_FFFF, 1), (5 * SECOND, 0)])
def test_a_stamp_that_nobody_believes_dates_nothing(journals: JournalMaker, made: Path, at: int, future: int) -> None:
    """An entry from the future, or from before 2000, is undatable, so its file stays; the others are dated."""
    file = copied(journals.made((OLD, OLD + HOUR)), made)
    assert is_wholly_old(reading_of(file, MARKS))
    place = file.read_bytes().rindex(number(OLD))  # in the object of the entry, not in the header
    for where in (place, HEAD_AT):
        patch(file, where, number(at))
    reading = reading_of(file, MARKS)
    assert (reading.records, reading.undatable, reading.future, reading.damaged) == (2, 1, future, "")
    assert reading.expired.records == 1
    assert not is_wholly_old(reading)


def test_a_file_without_entries_holds_nothing(journals: JournalMaker, made: Path) -> None:
    """A file that was just begun has no record, and there is nothing to delete."""
    copied(journals.made((OLD,)), made)
    content = made.read_bytes()
    second = HEADER + -(-int.from_bytes(content[HEADER + 8 : HEADER + 16], "little") // 8) * 8
    for at, value in ((136, second), (144, 2), (ENTRIES_AT, 0), (HEAD_AT, 0), (TAIL_AT, 0)):
        patch(made, at, number(value))
    reading = reading_of(made, MARKS)
    assert (reading.records, reading.undatable, reading.damaged) == (0, 0, "")
    assert not is_wholly_old(reading)


# -- what does not hold together --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "content", "word"),
    [
        (0, b"LPKSHHRX", "no_signature"),
        (12, b"\x3c\0\0\0", "unsupported"),
        (STATE_AT, b"\x03", "header"),
        (88, number(200), "header"),
        (88, number(265), "header"),
        (88, number(1 << 62), "truncated"),
        (88, number(1024), "truncated"),
        (96, number(1 << 63), "truncated"),
        (96, number(8), "header"),
        (136, number(0), "header"),
        (136, number(HEADER), "objects"),
        (136, number((1 << 64) - 8), "header"),
        (144, number(0), "header"),
        (144, number(1 << 40), "objects"),
        (ENTRIES_AT, number(0), "entries"),
        (ENTRIES_AT, number(3), "entries"),
        (ENTRIES_AT, number(5), "entries"),
        (ENTRIES_AT, number(1 << 50), "header"),
        (TAIL_NUMBER_AT, number(5), "entries"),
        (168, number(2), "entries"),
        (HEAD_AT, number(0), "header"),
        (HEAD_AT, number(OLD + 1), "entries"),
        (TAIL_AT, number(OLD + HOUR), "entries"),
        (HEADER, b"\0", "objects"),
        (HEADER, b"\x09", "objects"),
        (HEADER + 8, number(0), "objects"),
        (HEADER + 8, number(1 << 60), "objects"),
    ],
)
def test_what_contradicts_itself_is_undatable(made: Path, at: int, content: bytes, word: str) -> None:
    """Each number that decides is held against another: one that lies makes the file undatable, and says where."""
    assert reading_of(made, MARKS).damaged == ""
    patch(made, at, content)
    reading = reading_of(made, MARKS)
    assert (reading.damaged, reading.undatable, reading.records) == (word, 1, 1)
    assert (reading.lowest_lo, reading.highest_hi, reading.expired.records) == (None, None, 0)


@pytest.mark.parametrize("size", [0, 7, 199, HEADER, 100_000, 3_000_000])
def test_a_truncated_file_is_undatable(made: Path, size: int) -> None:
    """Whatever is cut off, nothing is known of the rest."""
    with made.open("r+b") as file:
        file.truncate(size)
    reading = reading_of(made, MARKS)
    assert reading.damaged in {"no_signature", "truncated"}
    assert reading.undatable == 1


def test_a_later_header_is_read_as_far_as_it_is_known(made: Path) -> None:
    """Flags that are compatible by definition, and states that differ, change nothing of what is read."""
    before = reading_of(made, MARKS)
    patch(made, 8, b"\xff\xff\xff\xff")
    assert reading_of(made, MARKS) == before
    patch(made, STATE_AT, bytes([State.OFFLINE]))
    assert reading_of(made, MARKS).family == "journald offline"
    assert before.family == "journald archived"


def test_an_entry_that_is_just_being_written_is_seen(made: Path) -> None:
    """In a file that is online the header may be one entry behind: it is counted; in an archived one that is damage."""
    for at, value in ((ENTRIES_AT, 3), (TAIL_NUMBER_AT, 3), (TAIL_AT, ORDERED[2])):
        patch(made, at, number(value))
    assert reading_of(made, MARKS).damaged == "entries"
    patch(made, STATE_AT, bytes([State.ONLINE]))
    reading = reading_of(made, MARKS)
    assert (reading.records, reading.highest_hi, reading.damaged) == (4, YOUNG, "")
    patch(made, made.read_bytes().rindex(number(YOUNG)), number(0))
    assert reading_of(made, MARKS).records == 3


def test_nothing_can_be_cut_out(made: Path) -> None:
    """Asked for a rewrite the reader refuses."""
    descriptor = os.open(made, os.O_RDONLY)
    try:
        facts = FileFacts(name=b"made.journal", size=made.stat().st_size, mtime=YOUNG)
        with pytest.raises(ValueError, match="as a whole"):
            JournaldReader().kept(descriptor, facts, MARKS)
        with pytest.raises(ValueError, match="as a whole"):
            JournaldReader().rewrite(descriptor, descriptor, facts, MARKS)
    finally:
        os.close(descriptor)


# -- fuzz -------------------------------------------------------------------------------------------------------------

FUZZ = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def loose(journals: JournalMaker, tmp_path: Path) -> Path:
    """Give a file that a fuzz test may change, of old entries and a young one."""
    return journals.put(tmp_path / "loose.journal", ORDERED)


@pytest.fixture
def places(loose: Path) -> list[int]:
    """List the bytes of that file that mean something: its header, and what is not nought."""
    content = loose.read_bytes()
    return [*range(HEADER), *(HEADER + found.start() for found in re.finditer(rb"[^\0]", content[HEADER:]))]


@FUZZ
@given(seed=st.integers(0, 2**32), bit=st.integers(0, 7), count=st.integers(1, 3))
def test_flipped_bits_never_make_a_young_file_old(
    loose: Path, places: list[int], seed: int, bit: int, count: int
) -> None:
    """No flip raises; a file whose last entry is young stays, whatever is flipped in it."""
    rng = random.Random(seed)  # noqa: S311  places to flip
    chosen = {rng.choice(places): b"" for _ in range(count)}
    with loose.open("rb") as file:
        for at in chosen:
            file.seek(at)
            chosen[at] = file.read(1)
    for at, was in chosen.items():
        patch(loose, at, bytes([was[0] ^ (1 << bit)]))
    try:
        reading = reading_of(loose, MARKS)
        assert not is_wholly_old(reading)
        assert reading.records in {1, 4}
        assert bool(reading.damaged) == (reading.undatable == 1 and reading.records == 1)
    finally:
        for at, was in chosen.items():
            patch(loose, at, was)
    assert reading_of(loose, MARKS).damaged == ""


@settings(FUZZ, max_examples=40)
@given(size=st.integers(0, 9_000_000))
def test_no_length_raises_or_dates(loose: Path, journals: JournalMaker, size: int) -> None:
    """Cut off or made longer anywhere: a file is read whole or not at all."""
    whole = journals.put(loose, ORDERED).stat().st_size
    with loose.open("r+b") as file:
        file.truncate(size)
    assert (reading_of(loose, MARKS).damaged == "") == (size >= whole)


@FUZZ
@given(
    fields=st.dictionaries(
        st.sampled_from([8, 88, 96, 104, 136, 144, ENTRIES_AT, TAIL_NUMBER_AT, 168, 176, HEAD_AT, TAIL_AT, HEADER + 8]),
        st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 300), st.integers(3_700_000, 8_400_000)),
        min_size=1,
    )
)
def test_absurd_numbers_in_a_header_never_raise(loose: Path, fields: dict[int, int]) -> None:
    """Sizes and offsets of any value: no exception, no loop, no young file that counts as old."""
    with loose.open("rb") as file:
        content = file.read(HEADER + 16)
    for at, value in fields.items():
        patch(loose, at, number(value))
    try:
        assert not is_wholly_old(reading_of(loose, MARKS))
    finally:
        patch(loose, 0, content)


@given(content=st.binary(max_size=2000))
def test_any_bytes_are_undatable(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Bytes that are no journal file, behind the right signature or not, are never dated."""
    file = tmp_path_factory.getbasetemp() / "any.journal"
    for head in (b"", b"LPKSHHRH"):
        file.write_bytes(head + content)
        reading = reading_of(file, MARKS)
        assert (reading.expired.records, reading.lowest_lo) == (0, None)
