"""The scan index saves reading and changes nothing: not by other marks, other files, damage, or another process."""

import fcntl
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.clock import SystemClock
from data.errors import StateError
from data.formats.interface import FileFacts, Reading
from data.retention.evidence import Marks
from data.retention.instants import DAY, SECOND, instant_of
from data.sources.config import Limits
from data.sources.files import FilesSource
from data.sources.interface import Measured
from data.sources.tombstones import Tombstones
from tests.data.sources.conformance import added_up, without_sets
from tests.data.sources.lab import OLD, YOUNG, FilesLab
from tests.data.sources.reader import LineReader, line_at
from tests.domain import need


class CountingReader(LineReader):
    """Remembers what it was asked to read."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
        """Read, and remember the name."""
        self.asked.append(facts.name)
        return super().read(fd, facts, marks)

    def since(self) -> list[bytes]:
        """Give what was read since the last question."""
        asked, self.asked = sorted(self.asked), []
        return asked


@pytest.fixture
def reader() -> CountingReader:
    """Give a reader that counts."""
    return CountingReader()


@pytest.fixture
def lab(tmp_path: Path, reader: CountingReader) -> FilesLab:
    """Give a folder with one unit of each kind."""
    made = FilesLab(tmp_path, reader=reader)
    made.old()
    made.mixed()
    made.young()
    return made


ALL = [b"mixed.log", b"old.log", b"young.log"]


def test_an_unchanged_file_is_read_once(lab: FilesLab, reader: CountingReader) -> None:
    """A second look, by either way and after a restart, reads nothing; a fresh one reads everything."""
    lab.measured()
    assert reader.since() == ALL
    lab.measured()
    lab.source.summarise(lab.marks)
    lab.source = lab.fresh()
    lab.measured()
    assert reader.since() == []
    lab.measured(fresh=True)
    assert reader.since() == ALL


@pytest.mark.parametrize("happening", ["drift", "swap", "occupy"])
def test_a_changed_file_is_read_again(lab: FilesLab, reader: CountingReader, happening: str) -> None:
    """Any change of size, inode, mtime or ctime has exactly that file read again."""
    lab.source.summarise(lab.marks)
    reader.since()
    getattr(lab, happening)("old.log")
    lab.source.summarise(lab.marks)
    assert reader.since() == [b"old.log"]


def test_another_reader_or_configuration_reads_everything(lab: FilesLab, reader: CountingReader) -> None:
    """What was read by another version of the reader or under another configuration is not relied on."""
    lab.measured()
    reader.since()
    newer = FilesSource(lab.config, reader=reader, clock=lab.clock, state=lab.state, reader_version="2", look=lab.look)
    list(newer.measure(lab.marks))
    assert reader.since() == ALL
    lab.config = replace(lab.config, pin="jsonl")
    lab.source = lab.fresh()
    lab.measured()
    assert reader.since() == ALL


def test_a_new_cutoff_reads_only_what_it_can_change(lab: FilesLab, reader: CountingReader) -> None:
    """A later cutoff reads a file again only where a record lies between the two."""
    lab.measured()
    reader.since()
    lab.marks = replace(lab.marks, cutoff=lab.marks.cutoff + DAY, now=lab.marks.now + DAY)
    lab.measured()
    assert reader.since() == []
    lab.marks = replace(lab.marks, cutoff=lab.now - YOUNG + SECOND, now=lab.marks.now + DAY)
    assert lab.measured()["young.log"].reading.expired.records == 1
    assert reader.since() == [b"mixed.log", b"young.log"]


def test_a_file_with_stamps_from_the_future_is_read_again(lab: FilesLab) -> None:
    """What was not believed because it lay ahead may be believed later: such a file is read at every look."""

    class Dreaming(CountingReader):
        def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
            return replace(super().read(fd, facts, marks), future=int(facts.name == b"young.log"))

    reader = Dreaming()
    lab.reader = reader
    lab.source = lab.fresh()
    lab.source.summarise(lab.marks)
    reader.since()
    assert lab.source.summarise(lab.marks).future == 1
    assert reader.since() == [b"young.log"]


@settings(max_examples=25)
@given(
    units=st.lists(st.lists(st.integers(-4, 4), min_size=1, max_size=4), min_size=1, max_size=4),
    looks=st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=5),
)
def test_the_index_never_changes_a_count(
    tmp_path_factory: pytest.TempPathFactory, units: list[list[int]], looks: list[tuple[int, int]]
) -> None:
    """At any marks, in any order, a look through the index says what reading everything afresh says, and so its sum."""
    lab = FilesLab(tmp_path_factory.mktemp("index"))
    for number, seconds in enumerate(units):
        lab.write(f"{number}.log", [lab.marks.cutoff + second * SECOND for second in seconds])
    lab.undated()
    for cutoff, limit in looks:
        at = lab.marks.cutoff
        marks = replace(lab.marks, cutoff=at + cutoff * SECOND, limit=at + limit * SECOND)
        bare = FilesSource(lab.config, reader=lab.reader, clock=lab.clock, look=lab.look)
        known = [unit for unit in lab.source.measure(marks) if isinstance(unit, Measured)]
        fresh = [unit for unit in bare.measure(marks) if isinstance(unit, Measured)]
        assert known == [replace(unit, first_seen=lab.now) for unit in fresh]
        assert without_sets(lab.source.summarise(marks)) == added_up(fresh)


def test_the_sum_holds_with_sets_skips_and_growth(lab: FilesLab) -> None:
    """Living sets, dead ones, links and busy files: the fast sum equals the slow one, on the first look and later."""
    for number in range(4):
        lab.aged(lab.old(f"alive/app.log.{number}"), lab.now - 5 * DAY - number * 7 * DAY)
        lab.aged(lab.old(f"dead/app.log.{number}"), lab.now - 80 * DAY - number * DAY)
    lab.foreign()
    lab.occupy("young.log")
    os.mkfifo(lab.root / "fifo.log")
    for _ in range(2):
        summary = lab.source.summarise(lab.marks)
        assert without_sets(summary) == added_up(lab.source.measure(lab.marks))
        assert summary.active == 2
        assert summary.skipped == {"symlink": 1, "not_a_file": 1}


def test_what_has_gone_is_forgotten(lab: FilesLab) -> None:
    """Removed files and folders leave the sum; a file that comes back is counted again."""
    lab.old("deep/down.log")
    assert lab.source.summarise(lab.marks).units == 4
    lab.remove("deep/down.log")
    (lab.root / "deep").rmdir()
    lab.remove("old.log")
    assert lab.source.summarise(lab.marks).units == 2
    lab.old("old.log")
    assert lab.source.summarise(lab.marks).units == 3


def test_first_seen_survives_renames_and_rewrites(lab: FilesLab) -> None:
    """When a unit was first seen is remembered over restarts, a rename and our own rewrite; a new file is new."""
    lab.measured()
    first = lab.now
    lab.marks = replace(lab.marks, now=lab.now + DAY)
    (lab.root / "old.log").rename(lab.root / "old.log.1")
    lab.purge()
    lab.young("new.log")
    found = {name: unit.first_seen for name, unit in lab.measured().items()}
    assert found == {"mixed.log": first, "young.log": first, "new.log": first + DAY}


def test_a_damaged_index_is_made_anew(lab: FilesLab, reader: CountingReader) -> None:
    """A file that is no database is replaced: it was a cache, and everything is read again."""
    before = lab.measured()
    index = lab.state / "lab.index.sqlite"
    assert index.exists()
    index.write_bytes(b"no database at all" * 1000)
    reader.since()
    assert lab.measured() == before
    assert reader.since() == ALL


def test_a_scan_beside_a_running_one_works_on_a_copy(lab: FilesLab, reader: CountingReader) -> None:
    """While another process holds the index, a scan reads what is known, writes nothing, and says the same."""
    summary = lab.source.summarise(lab.marks)
    reader.since()
    before = (lab.state / "lab.index.sqlite").read_bytes()
    with (lab.state / "lab.index.sqlite.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert lab.source.summarise(lab.marks) == summary
        assert reader.since() == []
        lab.old("new.log")
        assert lab.source.summarise(lab.marks).units == summary.units + 1
    assert (lab.state / "lab.index.sqlite").read_bytes() == before


def test_a_look_that_is_not_finished_forgets_nothing(lab: FilesLab, reader: CountingReader) -> None:
    """A measure that its caller stops keeps what it has read, and what it had not come to yet."""
    lab.measured()
    reader.since()
    half = lab.source.measure(lab.marks)
    next(half)
    half.close()
    lab.measured()
    assert reader.since() == []


def test_without_a_state_folder_everything_is_read(lab: FilesLab, reader: CountingReader) -> None:
    """The index is a convenience: without it every look reads everything and says the same."""
    bare = FilesSource(lab.config, reader=reader, clock=lab.clock, look=lab.look)
    first = list(bare.measure(lab.marks))
    assert reader.since() == ALL
    assert list(bare.measure(lab.marks)) == first
    assert reader.since() == ALL


def test_a_file_that_grows_while_it_is_read_is_active(lab: FilesLab) -> None:
    """A file that changes between two looks is `growing`, and is read again at the next look."""

    class Slow(LineReader):
        def read(self, fd: int, facts: FileFacts, marks: Marks) -> Reading:
            reading = super().read(fd, facts, marks)
            if facts.name == b"old.log" and not grown:
                grown.append(1)
                lab.drift("old.log")
            return reading

    grown: list[int] = []
    lab.reader = Slow()
    lab.source = lab.fresh()
    assert lab.measured()["old.log"].active == "growing"
    again = lab.measured()["old.log"]
    assert (again.active, again.reading.records) == ("", 4)


# -- what goes wrong with the index -----------------------------------------------------------------------------------


def index_of(lab: FilesLab) -> Path:
    """Give the file of the index."""
    return lab.state / "lab.index.sqlite"


@pytest.mark.parametrize("first", [1, 2, 8])
def test_garbage_in_the_middle_of_the_index_costs_reading_only(
    lab: FilesLab, reader: CountingReader, first: int
) -> None:
    """With any part of its file overwritten an index is made anew, and what is said is what it was, whoever asks."""
    for number in range(300):
        lab.young(f"app-{number}x.log")

    def held() -> dict[str, Measured]:
        return {name: replace(unit, first_seen=None) for name, unit in lab.measured().items()}

    before, whole = held(), lab.source.summarise(lab.marks)
    for ask, expected in ((held, before), (lambda: lab.source.summarise(lab.marks), whole)):
        content = bytearray(index_of(lab).read_bytes())
        assert len(content) > 4096 * 10
        content[4096 * first :] = b"A" * (len(content) - 4096 * first)
        index_of(lab).write_bytes(content)
        assert ask() == expected
        held()
        reader.since()
        assert (held(), reader.since()) == (before, []), "the control: it is an index again"


def test_an_index_that_breaks_in_the_middle_of_a_look_is_done_without(lab: FilesLab) -> None:
    """Damaged while rows are asked for one by one, the index knows nothing more, and every unit is still told, once."""
    for number in range(300):
        lab.young(f"d{number % 3}/app-{number}x.log")
    lab.config = replace(lab.config, limits=Limits(rows_in_memory=0))
    lab.source = lab.fresh()
    before = lab.measured()
    looking = lab.source.measure(lab.marks)
    found = [next(looking)]
    size = index_of(lab).stat().st_size
    index_of(lab).write_bytes(b"A" * size)
    found += looking
    units = [unit for unit in found if isinstance(unit, Measured)]
    assert sorted(os.fsdecode(unit.unit.name) for unit in units) == sorted(before)
    assert all(
        replace(unit, first_seen=None) == replace(before[os.fsdecode(unit.unit.name)], first_seen=None)
        for unit in units
    )


def test_a_full_disk_below_the_index_costs_reading_only(tmp_path: Path, mounted: Callable[[Path, str], None]) -> None:
    """Where the index cannot grow, a look and a sum are as without one."""
    mounted(tmp_path / "state", "size=64k,mode=700")
    lab = FilesLab(tmp_path)
    for number in range(600):
        lab.old(f"app-{number}x.log")
    assert len(lab.measured()) == 600
    assert lab.source.summarise(lab.marks).expired_units == 600
    assert len(lab.plan()) == 600


def test_an_odd_file_time_hides_nothing(lab: FilesLab) -> None:
    """A last change that no 64-bit number of nanoseconds holds keeps neither its file nor others from being seen."""
    path = lab.root / "young.log"
    os.utime(path, ns=(10**19, 10**19))
    need(path.stat().st_mtime_ns == 10**19, "this file system knows no such time")
    for _ in range(2):
        assert lab.measured()["old.log"].reading.expired.records == 3
        assert lab.source.summarise(lab.marks).units == 3


def test_state_is_readable_by_nobody_else(lab: FilesLab) -> None:
    """Index, lock and memory of purges are 0600 from the start, and again where somebody has opened them."""
    for _ in range(2):
        lab.measured()
        lab.source.remember_purged(lab.plan(), at=lab.now)
        modes = {path.name: path.stat().st_mode & 0o777 for path in lab.state.iterdir()}
        assert len(modes) == 3
        assert set(modes.values()) == {0o600}
        index_of(lab).chmod(0o644)


def test_names_of_what_has_gone_leave_the_index(lab: FilesLab) -> None:
    """After a file has gone and a look has been made, no byte of its name is left, nor of its folder's."""
    lab.old("anna-schmidt/berta-meier.log")
    lab.measured()
    assert b"berta-meier" in index_of(lab).read_bytes()
    lab.remove("anna-schmidt/berta-meier.log")
    (lab.root / "anna-schmidt").rmdir()
    lab.source.summarise(lab.marks)
    assert not [name for name in (b"berta-meier", b"anna-schmidt") if name in index_of(lab).read_bytes()]


def test_when_a_file_was_made_is_told(lab: FilesLab) -> None:
    """The birth that the file system tells is given, read or remembered, also of a file with an older mtime."""
    before = instant_of(SystemClock().now()) - SECOND
    lab.old("copied.log")
    for _ in range(2):
        born = lab.measured()["copied.log"].born
        need(born is not None, "this file system tells no births")
        assert born is not None
        assert before < born < before + 60 * SECOND


# -- what was purged --------------------------------------------------------------------------------------------------


def test_what_was_purged_is_remembered_by_its_content(lab: FilesLab) -> None:
    """A purged content is known again under any name and after a restart; what was purged long ago can be forgotten."""
    planned = lab.plan()
    stones = Tombstones(lab.state / "stones.sqlite")
    stones.remember(planned, at=lab.now)
    known = planned[0].unit.identity.digest
    again = Tombstones(lab.state / "stones.sqlite")
    assert again.purged(known) == lab.now
    assert again.purged("0" * 64) is None
    again.forget_before(lab.now)
    assert again.purged(known) == lab.now
    again.forget_before(lab.now + 1)
    assert again.purged(known) is None


def test_tombstones_hold_no_text(lab: FilesLab) -> None:
    """What is remembered of a purged file is a digest: nothing of its lines, nor its name."""
    path = lab.root / "secret.log"
    path.write_bytes(line_at(lab.now - OLD, "PERSONAL-DATA"))
    lab.aged(path, lab.now - OLD)
    lab.source.remember_purged(lab.plan(), at=lab.now)
    for kept in lab.state.iterdir():
        assert b"PERSONAL-DATA" not in kept.read_bytes()
    assert b"secret" not in (lab.state / "lab.purged.sqlite").read_bytes()


def test_a_damaged_memory_is_an_error_until_the_next_purge(lab: FilesLab) -> None:
    """Asked, a damaged file of tombstones is an error; a purge puts it aside and remembers what it has done."""
    planned = lab.plan()
    path = lab.state / "stones.sqlite"
    path.write_bytes(b"garbage" * 1000)
    stones = Tombstones(path)
    with pytest.raises(StateError):
        stones.purged("0" * 64)
    stones.remember(planned, at=lab.now)
    assert stones.purged(planned[0].unit.identity.digest) == lab.now
    assert path.with_name("stones.sqlite.damaged").read_bytes() == b"garbage" * 1000


@pytest.mark.parametrize(("days", "known"), [(400, True), (401, False)])
def test_what_was_purged_long_ago_is_forgotten_by_the_next_purge(lab: FilesLab, days: int, known: bool) -> None:
    """A purge forgets what was purged more than 400 days before it."""
    first, second = lab.plan()
    stones = Tombstones(lab.state / "stones.sqlite")
    stones.remember([first], at=lab.now - days * DAY)
    stones.remember([second], at=lab.now)
    assert (stones.purged(first.unit.identity.digest) is not None) is known


def test_tombstones_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    """Where what was purged cannot be remembered, that is an error of the state and no silence."""
    with pytest.raises(StateError):
        Tombstones(tmp_path / "none" / "stones.sqlite").purged("0" * 64)
