"""The evidence ladder: each rung, what beats it, and a plain model of the rules held against the engine."""

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.formats.interface import Family, Tally
from data.retention.evidence import Evidence
from data.retention.instants import BEGINNING, DAY, HOUR, MINUTE, Instant, read_iso
from tests.data.formats.engine_fakes import MARKS, NOW, Case, JsonFamily, event, read, rewrite, stamp

ONLY: tuple[Family, ...] = (JsonFamily(),)
SKEW = 10 * MINUTE


def test_a_record_at_the_cutoff_stays() -> None:
    """Strictly before the cutoff goes, exactly at it stays, and a continuation goes with its head."""
    before = b'{"@t":"' + stamp(MARKS.cutoff - 1) + b'"}\n  more\n'
    exactly = b'{"@t":"' + stamp(MARKS.cutoff) + b'"}\n  more\n'
    kept, _, written = rewrite(Case(before + exactly))
    assert written == exactly
    assert kept.gone == Tally(records=1, bytes=len(before))
    reading = read(Case(before + exactly))
    assert (reading.youngest_expired, reading.oldest_kept) == (MARKS.cutoff - 1, MARKS.cutoff)
    assert reading.evidence == {Evidence.OWN: 2, Evidence.CONTINUATION: 2}


def test_overdue_is_strict_too() -> None:
    """A record exactly at the limit is not overdue; one tick before it is."""
    lines = [b'{"@t":"' + stamp(MARKS.limit - tick) + b'"}\n' for tick in (0, 1)]
    assert read(Case(lines[0])).overdue == 0
    assert read(Case(lines[0] + lines[1])).overdue == 1


def test_between_two_neighbours_both_bound() -> None:
    """What is not understood is as old as the older and as young as the younger of its neighbours."""
    old, young = event(100), event(10)
    assert read(Case(old + b"?\n" + old)).expired.records == 3
    assert read(Case(old + b"?\n" + young)).expired.records == 1
    assert read(Case(young + b"?\n" + old)).expired.records == 1
    reading = read(Case(old + b"?\n" + young))
    assert reading.evidence == {Evidence.OWN: 2, Evidence.NEIGHBOURS: 1}
    assert (reading.unparsed, reading.overdue, reading.confidence) == (1, 2, 2 / 3)


def test_lines_before_the_first_head_are_one_record() -> None:
    """A rolled file may begin in the middle of a record: it is as young as the first dated one, and no younger."""
    case = Case(b"  at Foo()\n  at Bar()\n" + event(100), birth=NOW - 95 * DAY)
    reading = read(case)
    assert (reading.records, reading.expired.records) == (2, 2)
    assert reading.evidence == {Evidence.OWN: 1, Evidence.NEIGHBOURS: 1, Evidence.CONTINUATION: 1}
    assert reading.lowest_lo == BEGINNING, "a birth after the first record proves nothing"
    assert read(replace(case, birth=NOW - 101 * DAY)).lowest_lo == NOW - 101 * DAY


def test_lines_after_the_last_dated_one_are_bounded_by_the_mtime() -> None:
    """What follows the last dated record was written before the file was last changed."""
    old = replace(Case(event(100) + b"?\n"), mtime=NOW - 84 * DAY)
    assert read(old).expired.records == 2
    young = replace(old, mtime=NOW - HOUR)
    assert read(young).expired.records == 1
    assert read(young).evidence == {Evidence.OWN: 1, Evidence.MTIME: 1}


def test_a_name_that_fits_the_records_bounds_what_follows_them() -> None:
    """In a copied file the period of the name counts, unless the dated records show that it is not theirs."""
    day = stamp(NOW - 100 * DAY, "%Y%m%d")
    copied = Case(event(100) + b"?\n", name=b"app" + day + b".log")
    assert read(copied).expired.records == 2
    assert read(copied).evidence == {Evidence.OWN: 1, Evidence.NAME: 1}
    appended = replace(copied, content=event(100) + event(90) + b"?\n")
    assert read(appended).expired.records == 2
    assert read(appended).evidence == {Evidence.OWN: 2, Evidence.MTIME: 1}


def test_a_refuted_mtime_proves_nothing() -> None:
    """A dated record later than the mtime by more than ten minutes shows that somebody set the mtime back."""
    case = Case(event(90) + event(100) + b"?\n", mtime=NOW - 90 * DAY - SKEW)
    assert read(case).mtime_refuted is False
    assert read(case).undatable == 0
    refuted = read(replace(case, mtime=NOW - 90 * DAY - SKEW - 1))
    assert (refuted.mtime_refuted, refuted.undatable, refuted.expired.records) == (True, 1, 2)


@pytest.mark.parametrize("mtime", [0, read_iso("1999-12-31T23:59:59Z"), NOW + SKEW + 1])
def test_an_unbelievable_mtime_proves_nothing(mtime: Instant) -> None:
    """A file without a date whose mtime is before 2000 or in the future is undatable: never expired, never overdue."""
    reading = read(Case(b"no date\n", mtime=mtime))
    assert (reading.undatable, reading.expired.records, reading.overdue) == (1, 0, 0)
    assert reading.lowest_lo is None
    assert read(Case(b"no date\n", mtime=read_iso("2000-01-01T00:00:00Z"))).expired.records == 1


def test_a_file_without_dates_is_as_old_as_its_name_says() -> None:
    """The period in the name comes before the mtime: a restored copy is as old as what it holds."""
    case = Case(b"no date\n", name=b"x/app-2026-03-01.log", mtime=NOW - HOUR)
    reading = read(case)
    assert (reading.expired.records, reading.evidence) == (1, {Evidence.NAME: 1})
    assert read(replace(case, name=b"x/app.log")).expired.records == 0


END = read_iso("2026-08-11T22:00:00Z") - 1
"""The last instant of 11 August in Berlin."""


@pytest.mark.parametrize(
    ("mtime", "last"),
    [
        (END - 5 * HOUR, END + DAY),
        (END + DAY - 1, END + DAY),
        (END + DAY + 1, END + DAY + 1),
        (END + 31 * DAY, END + 31 * DAY),
        (END + 31 * DAY + 1, END + DAY),
        (NOW - HOUR, END + DAY),
        (0, END + DAY),
        (NOW + SKEW + 1, END + DAY),
    ],
)
@pytest.mark.parametrize("dated", [b"", event(104)])
def test_a_named_file_may_be_a_day_late_or_written_for_a_month(mtime: Instant, last: Instant, dated: bytes) -> None:
    """The name bounds undated records by its end and a day, or the mtime up to a month later; a copy's mtime does not.

    So it is below dated records that the name fits too.
    """
    case = Case(dated + b"no date\n", name=b"app-2026-08-11.log", mtime=mtime)
    reading = read(case)
    assert reading.evidence[Evidence.NAME] == 1
    assert reading.highest_hi == last
    gone = [read(case, replace(MARKS, cutoff=cutoff)).expired.records for cutoff in (last, last + 1)]
    assert gone == [bool(dated), bool(dated) + 1]


def test_a_file_that_logrotate_named_may_hold_a_month() -> None:
    """Rolled monthly, it holds undated records from a month before its name: they may be overdue as early."""
    rolled = Case(b"no date\n", name=b"app.log-20260811", mtime=END)
    assert read(rolled).lowest_lo == END + 1 - 32 * DAY
    assert read(replace(rolled, name=b"app-20260811.log")).lowest_lo == END + 1 - DAY


def test_without_a_name_birth_and_mtime_bound() -> None:
    """The mtime bounds from above and the birth from below; a copy's birth, later than its mtime, says nothing."""
    case = Case(b"no date\n", mtime=NOW - 84 * DAY, birth=NOW - 85 * DAY)
    assert (read(case).expired.records, read(case).overdue) == (1, 0)
    assert read(replace(case, birth=NOW)).overdue == 1
    assert read(replace(case, birth=NOW)).lowest_lo == BEGINNING
    assert read(replace(case, mtime=MARKS.cutoff)).expired.records == 0


def test_a_stamp_of_the_future_is_not_believed() -> None:
    """A stamp more than ten minutes after both now and the mtime is counted and dated by its neighbours."""
    future = event(-1, "later")
    reading = read(Case(event(100) + future + event(99)))
    assert (reading.future, reading.expired.records) == (1, 3)
    assert reading.evidence[Evidence.NEIGHBOURS] == 1
    near = b'{"@t":"' + stamp(NOW + SKEW) + b'"}\n'
    assert read(Case(event(100) + near + event(99))).future == 0


def test_a_stamp_before_2000_is_not_believed() -> None:
    """1970 is what a broken clock says: such a record is dated by its neighbours."""
    reading = read(Case(event(10) + b'{"@t":"1970-01-01T00:00:00Z"}\n' + event(9)))
    assert (reading.future, reading.expired.records, reading.evidence[Evidence.NEIGHBOURS]) == (0, 0, 1)


def test_directives_always_stay() -> None:
    """A directive belongs to no record: it stays where everything around it goes, and what follows it has no head."""
    case = Case(b"#Fields: a\n" + event(100) + b"#Fields: b\n  more\n" + event(99))
    kept, _, written = rewrite(case)
    assert written == b"#Fields: a\n#Fields: b\n"
    assert (kept.kept_records, kept.gone.records) == (0, 3)


def test_an_empty_file_holds_nothing() -> None:
    """No bytes: no records, nothing expired, nothing unexplained."""
    reading = read(Case(b""))
    assert (reading.records, reading.bytes, reading.confidence, reading.evidence) == (0, 0, 1.0, {})


# -- the model --------------------------------------------------------------------------------------------------------


@dataclass
class Part:
    """A record or a directive of the model."""

    content: bytes
    lo: Instant | None = None
    hi: Instant | None = None
    stays: bool = False
    lines: int = 0


def parts_of(lines: list[tuple[str, Instant]]) -> list[Part]:
    """Cut generated lines into records."""
    parts: list[Part] = []
    for kind, instant in lines:
        if kind == "head":
            parts.append(Part(b'{"@t":"' + stamp(instant) + b'"}\n', instant, instant))
        elif kind == "undated":
            parts.append(Part(b'{"x":1}\n'))
        elif kind == "garbage":
            parts.append(Part(b"garbage\n"))
        elif kind == "directive":
            parts.append(Part(b"#directive\n", stays=True))
        elif parts and not parts[-1].stays:
            parts[-1].content += b"  more\n"
            parts[-1].lines += 1
        else:
            parts.append(Part(b"  more\n"))
    return parts


def judged(parts: list[Part], case: Case) -> list[tuple[Part, Instant, Instant, Evidence] | None]:
    """Apply purge.md 6.3 to each record, looking at the whole file every time; None for a directive."""
    believed = [
        part.lo is not None and read_iso("2000-01-01T00:00:00Z") <= part.lo <= max(case.mtime, NOW) + SKEW
        for part in parts
    ]
    refuted = any(
        ok and part.lo is not None and part.lo > case.mtime + SKEW for part, ok in zip(parts, believed, strict=True)
    )
    good_mtime = read_iso("2000-01-01T00:00:00Z") <= case.mtime <= NOW + SKEW and not refuted
    born = case.birth is not None and case.birth <= case.mtime
    birth = case.birth if born and case.birth is not None else BEGINNING
    found: list[tuple[Part, Instant, Instant, Evidence] | None] = []
    for index, part in enumerate(parts):
        above = [other for other, ok in zip(parts[:index], believed[:index], strict=True) if ok][-1:]
        below = [other for other, ok in zip(parts[index:], believed[index:], strict=True) if ok][:1]
        around = [other.lo for other in above + below if other.lo is not None]
        if part.stays:
            found.append(None)
        elif believed[index] and part.lo is not None:
            found.append((part, part.lo, part.lo, Evidence.OWN))
        elif above and below:
            found.append((part, min(around), max(around), Evidence.NEIGHBOURS))
        elif below:
            found.append((part, birth if birth <= around[0] else BEGINNING, around[0], Evidence.NEIGHBOURS))
        elif not good_mtime:
            found.append((part, 0, 0, Evidence.NONE))
        elif above:
            found.append((part, around[0], max(around[0], case.mtime), Evidence.MTIME))
        else:
            found.append((part, birth, case.mtime, Evidence.MTIME))
    return found


KINDS = st.sampled_from(["head"] * 6 + ["undated", "garbage", "directive", "more", "more"])
INSTANTS = st.one_of(
    st.integers(NOW - 130 * DAY, NOW),
    st.integers(MARKS.cutoff - 2, MARKS.cutoff + 2),
    st.sampled_from([0, NOW + 5 * MINUTE, NOW + HOUR, NOW + 3 * DAY]),
)
LINES = st.lists(st.tuples(KINDS, INSTANTS), min_size=1, max_size=25)
MTIMES = st.one_of(st.integers(NOW - 120 * DAY, NOW), st.sampled_from([0, NOW + HOUR, MARKS.cutoff, MARKS.cutoff - 1]))


@settings(max_examples=300)
@given(LINES, MTIMES, st.one_of(st.none(), st.integers(NOW - 140 * DAY, NOW)))
@example([("more", 0), ("directive", 0), ("more", 0), ("more", 0)], NOW - 100 * DAY, None)
@example([("garbage", 0), ("directive", 0), ("head", MARKS.cutoff - 1)], NOW, None)
def test_the_engine_is_the_model(lines: list[tuple[str, Instant]], mtime: Instant, birth: Instant | None) -> None:
    """Counts, intervals, evidence and kept bytes are those of a model that looks at the whole file for each record."""
    parts = parts_of(lines)
    case = Case(b"".join(part.content for part in parts), mtime=mtime, birth=birth, pin="jsonl")
    model = judged(parts, case)
    records = [entry for entry in model if entry is not None]
    dated = [entry for entry in records if entry[3] is not Evidence.NONE]
    goes = [entry for entry in dated if entry[2] < MARKS.cutoff]
    reading = read(case, families=ONLY)
    assert reading.records == len(records)
    assert reading.expired == Tally(records=len(goes), bytes=sum(len(entry[0].content) for entry in goes))
    assert reading.overdue == sum(entry[1] < MARKS.limit for entry in dated)
    evidence = Counter(entry[3] for entry in records)
    evidence[Evidence.CONTINUATION] = sum(part.lines for part in parts)
    assert reading.evidence == {kind: count for kind, count in evidence.items() if count}
    assert reading.undatable == len(records) - len(dated)
    assert (reading.lowest_lo, reading.highest_hi) == (
        min((entry[1] for entry in dated), default=None),
        max((entry[2] for entry in dated), default=None),
    )
    gone = [id(entry[0]) for entry in goes]
    kept, done, written = rewrite(case, families=ONLY)
    assert kept == done
    assert written == b"".join(part.content for part in parts if id(part) not in gone)
