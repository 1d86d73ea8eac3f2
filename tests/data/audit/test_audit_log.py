"""The log records before it answers, takes nothing it could not stand by, and stops where it cannot record."""

import contextlib
import datetime as dt
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.audit.disk import RESERVE_BYTES, AppendOnlyFile, Reserve
from data.audit.entry import GENESIS, LONGEST_LINE, SHAPE, AuditEntry, Draft, entry_of, line_of
from data.audit.log import AuditLog
from data.audit.reading import read_audit
from data.audit.report import FlawCode, Verdict
from data.errors import ClockError, StateError
from data.retention.instants import SECOND, instant_of
from tests.data.audit.making import NOON, Installation, found
from tests.domain import ROOT, need
from tests.world import FakeClock

WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def log(installation: Installation) -> Iterator[AuditLog]:
    """Give a fresh log that is closed after the test."""
    opened = installation.open()
    yield opened
    opened.close()


# -- what is recorded -------------------------------------------------------------------------------------------------


def test_an_entry_is_on_the_disk_before_the_answer(installation: Installation, log: AuditLog) -> None:
    """What append gives back is the last line of the file, hashed over its bytes, and no other line changed."""
    before = installation.epoch.read_bytes()
    entry = log.append("request.confirmed", "p-7f3k", "r-1", {"records": 12, "share": 0.25, "codes": ["held"]})
    content = installation.epoch.read_bytes()
    assert content.startswith(before)
    line = content[len(before) :]
    assert entry_of(line[:-1]) == entry
    assert line == line_of(entry) + b"\n"
    assert entry.prev == sha256(before.splitlines()[-1]).hexdigest()
    assert log.head == sha256(line[:-1]).hexdigest()
    assert (entry.seq, log.size, log.last) == (2, 2, entry)
    assert (entry.at, entry.actor, entry.object) == (instant_of(NOON), "p-7f3k", "r-1")


def test_a_log_begins_with_how_it_was_opened(log: AuditLog) -> None:
    """The first entry has nothing before it and gives the log a name of its own."""
    assert (log.last.kind, log.last.seq, log.last.prev, log.last.actor) == ("audit.opened", 1, GENESIS, "system")
    assert log.last.data == {"head": GENESIS, "size": 0, "origin": log.last.data["origin"]}
    assert len(log.last.data["origin"]) == 16


def test_files_are_for_the_owner_only(installation: Installation, log: AuditLog) -> None:
    """Log, checkpoints, lock and reserve have mode 0600, the folder 0700; the reserve is made of written blocks."""
    log.append("purge.intent")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in installation.folder.iterdir()}
    assert set(modes) == {"audit-2026.jsonl", "checkpoints.jsonl", "audit.lock", "audit.reserve"}
    assert set(modes.values()) == {"0o600"}
    assert installation.folder.stat().st_mode & 0o777 == 0o700
    assert (installation.folder / "audit.reserve").stat().st_blocks * 512 >= RESERVE_BYTES


def test_many_entries_are_recorded_in_order_or_not_at_all(installation: Installation, log: AuditLog) -> None:
    """Of a list that holds something unfit nothing is recorded; a fit one is there in full, and none is none."""
    before = installation.epoch.read_bytes()
    with pytest.raises(ValueError, match="short"):
        log.append_many([Draft(kind="purge.items"), Draft(kind="purge.items", data={"line": "ERROR\n  at x"})])
    assert (installation.epoch.read_bytes(), log.size) == (before, 1)
    added = log.append_many([Draft(kind="purge.items", object=f"r-{number}") for number in range(5)])
    assert [entry.seq for entry in added] == [2, 3, 4, 5, 6]
    assert tuple(installation.entries()[1:]) == added
    assert log.append_many([]) == ()
    assert installation.verify().verdict is Verdict.INTACT


def test_entries_are_streamed_as_they_were_when_asked(log: AuditLog) -> None:
    """All entries or those of one object, forward; what is added while reading is not among them."""
    for number in range(6):
        log.append("purge.result", "p-1", f"r-{number % 2}", {"object": "r-1", "unit": number})
    stream = log.entries()
    first = next(stream)
    log.append("purge.result", "p-1", "r-1")
    assert [first.seq, *(entry.seq for entry in stream)] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry.seq for entry in log.entries(object="r-1")] == [3, 5, 7, 8]
    assert list(log.entries("r")) == []


@settings(max_examples=40)
@given(object_=st.text(max_size=40), other=st.text(max_size=40))
def test_an_object_is_found_by_exactly_its_name(
    tmp_path_factory: pytest.TempPathFactory, object_: str, other: str
) -> None:
    """Whatever characters an id has, its entries are found, and only they."""
    if not (object_ and object_.isprintable() and other.isprintable()):
        return
    log = Installation(state=tmp_path_factory.mktemp("log")).open(signed=False)
    log.append("hold.placed", object=object_)
    log.append("hold.placed", object=other)
    wanted = [2, 3] if other == object_ else [2]
    assert [entry.seq for entry in log.entries(object_)] == wanted
    log.close()


def test_a_view_needs_no_lock(installation: Installation, log: AuditLog) -> None:
    """A log in use can be looked at; a folder without a log has no entries."""
    log.append("hold.placed", "p-1", "h-1")
    view = read_audit(installation.folder)
    assert (view.last, view.size, view.head) == (log.last, 2, log.head)
    assert [entry.kind for entry in view.entries("h-1")] == ["hold.placed"]
    assert [checkpoint.size for checkpoint in view.checkpoints()] == [1]
    empty = read_audit(installation.state / "none")
    assert (empty.last, empty.size, empty.head, list(empty.entries()), list(empty.checkpoints())) == (
        None,
        0,
        GENESIS,
        [],
        [],
    )


def test_what_cannot_be_read_is_said(installation: Installation) -> None:
    """A line that is no entry, or a link in place of the log, is a `StateError`, not an end of the log."""
    installation.fill(3)
    whole = installation.epoch.read_bytes()
    view = read_audit(installation.folder)
    installation.epoch.write_bytes(whole + b"{}\n")
    with pytest.raises(StateError, match="cannot be read"):
        list(view.entries())
    with pytest.raises(StateError, match="cannot be read"):
        _ = view.last
    installation.epoch.write_bytes(whole)
    assert view.size == len(list(view.entries())) == 4
    for path in (installation.epoch, installation.checkpoints):
        path.symlink_to(path.rename(installation.state / path.name))
    for ask in (view.entries, view.checkpoints):
        with pytest.raises(StateError, match="cannot be read"):
            list(ask())
    with pytest.raises(StateError, match="cannot be read"):
        _ = view.head


def test_a_log_needs_a_folder(installation: Installation) -> None:
    """Where the log's folder cannot be made, or its place is taken by a file, the log is refused."""
    installation.folder.write_bytes(b"")
    with pytest.raises(StateError, match="cannot be used"):
        installation.open()
    installation.folder.unlink()
    installation.open().close()


@settings(max_examples=15)
@given(st.lists(st.dictionaries(WORDS, VALUES, max_size=3), max_size=5))
def test_whatever_may_be_recorded_verifies(
    tmp_path_factory: pytest.TempPathFactory, many: list[dict[str, Any]]
) -> None:
    """No number or word that is taken makes a log that is not called whole, however JSON libraries spell it."""
    one = Installation(state=tmp_path_factory.mktemp("log"))
    log = one.open()
    for data in [*many, {"n": 1e16, "m": 1e-7, "k": 2**63 - 1, "z": -0.0, "w": "é\u2260🙂", "é": 1, "z" * 9: [5e-324]}]:
        with contextlib.suppress(ValueError):
            log.append("tick.tock", data=data)
    log.checkpoint()
    log.close()
    report = one.verify()
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())
    assert [entry.seq for entry in one.entries()] == list(range(1, report.size + 1))


def test_threads_can_record_at_the_same_time(installation: Installation, log: AuditLog) -> None:
    """Four threads record 25 things each: one whole chain of all of them."""
    threads = [
        threading.Thread(target=lambda name=name: [log.append("tick.tock", object=name) for _ in range(25)])
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.size == 101
    assert {name: sum(1 for _ in log.entries(name)) for name in "abcd"} == dict.fromkeys("abcd", 25)
    assert installation.verify().verdict is Verdict.INTACT


# -- what may stand in it ---------------------------------------------------------------------------------------------


class Word(StrEnum):
    """A word of a closed list."""

    HELD = "held"


@pytest.mark.parametrize(
    "data",
    [
        {"line": "2026-01-01 ERROR\n   at Main()"},
        {"line": "x" * 257},
        {"line": "tab\there"},
        {"line": "\ud800"},
        {"line": "\u202eright to left"},
        {"share": float("nan")},
        {"share": float("inf")},
        {"bytes": b"raw"},
        {"when": dt.date(2026, 1, 1)},
        {"set": {1}},
        {"big": 1 << 63},
        {1: "number for a key"},
        {"k" * 257: 1},
        {"deep": [[[[[[[1]]]]]]]},
        {"many": ["word"] * (LONGEST_LINE // 7)},
    ],
    ids=lambda data: next(iter(data)) if isinstance(next(iter(data)), str) else "key",
)
def test_what_is_no_number_or_short_word_is_refused(log: AuditLog, data: dict[str, Any]) -> None:
    """Lines of logs, odd numbers, objects and masses do not get into the audit; what is fit does, before and after."""
    with pytest.raises(ValueError, match=r"audit entry|short|fit"):
        log.append("purge.items", data=data)
    fit = {"word": Word.HELD, "w" * 256: "ü" * 256, "none": None, "yes": True, "n": -(1 << 62), "deep": [[{"a": 0.5}]]}
    assert log.append("purge.items", data=fit).data == fit


@pytest.mark.parametrize("kind", ["", "Purge", "purge.", ".intent", "purge intent", 'a"b', "purge..intent", "ä"])
def test_a_kind_is_a_dotted_word(log: AuditLog, kind: str) -> None:
    """A kind that is no dotted word of small letters is refused."""
    with pytest.raises(ValueError, match="no kind"):
        log.append(kind)
    assert log.append("purge.intent_2").kind == "purge.intent_2"


@pytest.mark.parametrize("actor", ["", 'p-"1', "p\\1", "p\n1", "p" * 257])
def test_an_actor_is_a_pseudonym(log: AuditLog, actor: str) -> None:
    """Nobody, quotation marks, control characters and long texts are no actor."""
    with pytest.raises(ValueError, match="audit entry"):
        log.append("purge.intent", actor)
    assert log.append("purge.intent", "p-7f3k").actor == "p-7f3k"


@given(data=st.dictionaries(WORDS, VALUES, max_size=4), object_=WORDS, seq=st.integers(1, 2**40))
def test_a_line_is_read_as_it_was_written(data: dict[str, Any], object_: str, seq: int) -> None:
    """Every entry that may be recorded comes back the same from its line, which has the one shape."""
    entry = AuditEntry(seq=seq, at=7, kind="a.b", actor="p-1", object=object_, data=data, prev="a" * 64)
    try:
        line = line_of(entry)
    except ValueError:  # too deep, or a character that cannot be printed
        return
    assert b"\n" not in line
    assert SHAPE.fullmatch(line)
    assert entry_of(line) == entry
    assert line_of(entry_of(line)) == line


@pytest.mark.parametrize(
    "change",
    [
        (b'"seq":5', b'"seq":5,"seq":6'),
        (b'"seq":5', b'"seq":true'),
        (b'"seq":5', b'"seq":"5"'),
        (b'"seq":5', b'"sec":5'),
        (b'"seq":5', b'"seq":5,"more":1'),
        (b'"data":{"n":1}', b'"data":[1]'),
        (b'"data":{"n":1}', b'"data":{"n":1,"n":1}'),
        (b'"data":{"n":1}', b'"data":{"n":NaN}'),
        (b'"data":{"n":1}', b'"data":' + b"[" * 100_000),
        (b'"object":"r-1"', b'"object":null'),
        (b'"at":"1970-', b'"at":"1970+'),
        (b'{"actor"', b'["actor"'),
        (b'"r-1"', b'"\xff"'),
    ],
)
def test_a_line_is_read_strictly(change: tuple[bytes, bytes]) -> None:
    """A key twice, missing or more, a wrong type, NaN or no UTF-8 is refused; the line without the change is read."""
    entry = AuditEntry(seq=5, at=7, kind="a.b", actor="p-1", object="r-1", data={"n": 1}, prev="a" * 64)
    line = line_of(entry)
    assert entry_of(line) == entry
    assert change[0] in line
    with pytest.raises(ValueError, match=r".+"):
        entry_of(line.replace(*change))


# -- who may write ----------------------------------------------------------------------------------------------------


def test_cr08_a_second_process_is_refused(installation: Installation, log: AuditLog) -> None:
    """CR-08: while one process has the log no other opens it; afterwards it does, and goes on where the first left."""
    code = (
        "import sys; from pathlib import Path; from data.audit.log import AuditLog\n"
        "from data.clock import SystemClock; from data.errors import StateError\n"
        "try: AuditLog(Path(sys.argv[1]), clock=SystemClock(), signer=None).close()\n"
        "except StateError as error: sys.exit(str(error))\n"
    )
    command = [sys.executable, "-c", code, str(installation.folder)]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "another process uses" in refused.stderr
    with pytest.raises(StateError, match="another process uses"):
        installation.open()
    log.close()
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert [entry.kind for entry in installation.entries()] == ["audit.opened"]


def test_a_closed_log_takes_nothing(log: AuditLog) -> None:
    """After close nothing is recorded, and closing twice does no harm."""
    log.append("purge.intent")
    log.close()
    log.close()
    with pytest.raises(StateError, match="not open"):
        log.append("purge.result")


def test_a_log_that_somebody_else_changed_takes_nothing_more(installation: Installation) -> None:
    """Bytes added, cut off or the file deleted under a running bot: the next entry is refused, and all after it."""
    for number, change in enumerate(
        [
            lambda path: path.write_bytes(path.read_bytes() + b"x"),
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
            lambda path: path.unlink(),
        ],
    ):
        one = Installation(state=installation.state / str(number))
        log = one.open()
        log.append("purge.intent")
        change(one.epoch)
        for _ in range(2):
            with pytest.raises(StateError, match="changed by somebody else"):
                log.append("purge.result")
        assert log.size == 2
        log.close()


def test_a_new_year_is_no_way_round_a_log_that_takes_nothing(installation: Installation) -> None:
    """An entry that may be in the old file is not passed over in a new one, which would be a fork."""
    installation.fill(2)
    log = installation.open()
    installation.epoch.write_bytes(installation.epoch.read_bytes() + b"x")
    installation.clock.advance(366 * 86_400)
    with pytest.raises(StateError, match="changed by somebody else"):
        log.append("purge.intent")
    assert installation.epoch.name == "audit-2026.jsonl"
    log.close()
    log = installation.open()
    log.append("purge.intent")
    log.close()
    assert installation.epoch.name == "audit-2027.jsonl", "the positive control"
    assert installation.verify().verdict is Verdict.INTACT


def test_a_new_epoch_begins_in_a_file_of_its_own(installation: Installation, log: AuditLog) -> None:
    """A file that already stands where the new year's is to be is not written to; the old epoch stays as it is."""
    log.append("purge.intent")
    before = installation.epoch.read_bytes()
    stranger = installation.folder / "audit-2027.jsonl"
    stranger.write_bytes(b"somebody was here\n")
    installation.clock.advance(366 * 86_400)
    with pytest.raises(StateError, match="is not empty"):
        log.append("purge.result")
    assert stranger.read_bytes() == b"somebody was here\n"
    assert (installation.folder / "audit-2026.jsonl").read_bytes() == before
    stranger.unlink()
    assert log.append("purge.result").seq == 4


def test_an_epoch_under_another_name_is_refused(installation: Installation) -> None:
    """A copy of an epoch under a later year, or an empty epoch between others, is no log to go on with."""
    installation.fill(3)
    copy = installation.folder / "audit-2027.jsonl"
    shutil.copy(installation.epoch, copy)
    with pytest.raises(StateError, match="different logs or epochs"):
        installation.open()
    report = installation.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.DUPLICATE_SEQ, 1) in found(report)
    copy.write_bytes(b"")
    (installation.folder / "audit-2028.jsonl").write_bytes(b"")
    with pytest.raises(StateError, match=r"audit-2027\.jsonl is empty"):
        installation.open()
    (installation.folder / "audit-2028.jsonl").unlink()
    installation.open().close()


def test_reading_back_finds_a_file_that_was_moved_away(installation: Installation, log: AuditLog) -> None:
    """A log that is no longer where it was is found by `read_back`, and takes nothing more."""
    installation.epoch.rename(installation.state / "moved.jsonl")
    with pytest.raises(StateError, match="cannot be used"):
        log.append("purge.intent", read_back=True)
    with pytest.raises(StateError, match="cannot be read back"):
        log.append("purge.intent")


def test_reading_back_finds_a_file_put_in_the_place_of_the_log(installation: Installation, log: AuditLog) -> None:
    """An entry that is not in the file of the log's name is no evidence: with `read_back` that is found at once."""
    assert log.append("purge.intent", read_back=True).seq == 2
    path = installation.epoch
    path.rename(installation.state / "moved.jsonl")
    path.write_bytes(b"another file\n")
    with pytest.raises(StateError, match="does not hold what was written"):
        log.append("purge.intent", read_back=True)
    with pytest.raises(StateError, match="does not hold what was written"):
        log.append("purge.intent")


# -- what a crash leaves ----------------------------------------------------------------------------------------------


def test_cr17_a_torn_line_is_cut_off_and_recorded(installation: Installation) -> None:
    """CR-17: half a line behind the last entry is cut off when the log is opened, and an entry says how long it was."""
    installation.fill(3)
    installation.open().close()
    assert [entry.kind for entry in installation.entries()][-1] == "purge.result", "no entry where nothing is torn"
    whole = installation.epoch.read_bytes()
    for torn in (b"{", whole.splitlines()[-1], bytes(37)):
        installation.epoch.write_bytes(whole + torn)
        log = installation.open()
        assert (log.last.kind, log.last.data, log.last.seq) == ("audit.torn", {"bytes": len(torn)}, 5)
        log.close()
        assert installation.epoch.read_bytes().startswith(whole)
        assert installation.verify().verdict is Verdict.INTACT


def test_a_torn_first_line_is_a_log_not_yet_begun(installation: Installation) -> None:
    """A crash in the very first entry leaves a log that begins anew, with a note of what was cut off."""
    installation.folder.mkdir(parents=True)
    (installation.folder / "audit-2026.jsonl").write_bytes(b'{"actor":"sys')
    log = installation.open()
    assert [(entry.seq, entry.kind) for entry in log.entries()] == [(1, "audit.opened"), (2, "audit.torn")]
    log.close()
    assert installation.verify().verdict is Verdict.INTACT


def test_a_log_that_is_not_whole_is_not_opened(installation: Installation) -> None:
    """A broken chain, another beginning or a false signature is refused at the start, naming the place."""
    installation.fill(8)
    whole, sealed = installation.epoch.read_bytes(), installation.checkpoints.read_bytes()
    lines = whole.splitlines(keepends=True)
    for content, where in [
        (whole.replace(b'"unit":3', b'"unit":4'), "at entry 6"),
        (b"".join(lines[:3] + lines[4:]), "at entry 4"),
        (b"".join(lines[1:]), "at entry 2"),
        (whole.replace(b'"unit":7', b'"unit":8'), "at entry 9"),
    ]:
        installation.epoch.write_bytes(content)
        with pytest.raises(StateError, match=f"not whole {where};"):
            installation.open()
    installation.epoch.write_bytes(whole)
    for content in (sealed + b"{}\n", sealed.replace(b'"signature":"', b'"signature":"A')):
        installation.checkpoints.write_bytes(content)
        with pytest.raises(StateError, match="do not agree"):
            installation.open()
    installation.checkpoints.write_bytes(sealed)
    installation.open().close()


def test_links_are_not_followed(installation: Installation) -> None:
    """A symbolic link in place of the log, the checkpoints or the lock is refused, and its target stays as it was."""
    installation.fill(1)
    for name in ("audit-2026.jsonl", "checkpoints.jsonl", "audit.lock"):
        path, target = installation.folder / name, installation.state / name
        path.rename(target)
        before = target.read_bytes()
        path.symlink_to(target)
        with pytest.raises(StateError, match="cannot be used"):
            installation.open()
        assert target.read_bytes() == before
        path.unlink()
        target.rename(path)
    installation.open().close()


# -- epochs -----------------------------------------------------------------------------------------------------------


def test_cr24_an_old_epoch_can_be_deleted(installation: Installation) -> None:
    """CR-24: each year has a file that begins with how the last closed; without the old ones the rest is whole."""
    for _ in range(3):
        installation.fill(4)
        installation.clock.advance(366 * 86_400)
    epochs = sorted(path.name for path in installation.folder.glob("audit-*.jsonl"))
    assert epochs == ["audit-2026.jsonl", "audit-2027.jsonl", "audit-2028.jsonl"]
    report = installation.verify()
    assert (report.verdict, report.findings, report.epochs) == (Verdict.INTACT, (), (2026, 2027, 2028))
    assert (report.first, report.size) == (1, 15)
    opening = [entry for entry in installation.entries() if entry.kind == "audit.opened"]
    assert [(entry.seq, entry.data["size"]) for entry in opening] == [(1, 0), (6, 5), (11, 10)]
    assert all(entry.data["head"] == entry.prev for entry in opening)
    (installation.folder / "audit-2026.jsonl").unlink()
    report = installation.verify()
    assert report.verdict is Verdict.INTACT
    assert found(report) == {(FlawCode.EPOCHS_GONE, 6)}
    log = installation.open()
    log.append("purge.intent")
    log.close()
    assert installation.verify().verdict is Verdict.INTACT


def test_an_epoch_taken_out_of_the_middle_is_a_gap(installation: Installation) -> None:
    """Only the oldest epochs may go: one missing in between is a gap, and so is a beginning cut off an epoch."""
    for _ in range(3):
        installation.fill(4)
        installation.clock.advance(366 * 86_400)
    middle = installation.folder / "audit-2027.jsonl"
    content = middle.read_bytes()
    middle.unlink()
    report = installation.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.GAP, 6) in found(report)
    middle.write_bytes(b"".join(content.splitlines(keepends=True)[1:]))
    (installation.folder / "audit-2026.jsonl").unlink()
    report = installation.verify()
    assert report.verdict is Verdict.BROKEN
    assert (FlawCode.GAP, 6) in found(report)


def test_a_crash_at_the_turn_of_the_year_loses_nothing(installation: Installation) -> None:
    """A new epoch whose file is empty, or whose first line is torn, is begun again from the end of the old one."""
    installation.fill(4)
    installation.clock.advance(366 * 86_400)
    for left in (b"", b'{"actor":"sy'):
        (installation.folder / "audit-2027.jsonl").write_bytes(left)
        log = installation.open()
        assert [entry.kind for entry in log.entries()][5] == "audit.opened"
        assert next(entry for entry in log.entries() if entry.seq == 6).data["size"] == 5
        log.close()
        assert installation.verify().verdict is Verdict.INTACT
        (installation.folder / "audit-2027.jsonl").unlink()
        lines = installation.checkpoints.read_bytes().splitlines(keepends=True)
        installation.checkpoints.write_bytes(b"".join(lines[:2]))


# -- time -------------------------------------------------------------------------------------------------------------


def test_nothing_is_recorded_while_the_clock_is_behind(installation: Installation, log: AuditLog) -> None:
    """More than 5 s behind the last entry nothing is recorded; up to 5 s the entry has the last one's time."""
    installation.clock.advance(100)
    last = log.append("purge.intent")
    installation.clock.advance(-5)
    assert log.append("purge.result").at == last.at
    installation.clock.advance(-0.001)
    before = installation.epoch.read_bytes()
    with pytest.raises(ClockError) as refused:
        log.append("purge.result")
    assert refused.value.reason == "clock_backward"
    assert installation.epoch.read_bytes() == before
    assert installation.verify().findings == ()
    installation.clock.advance(6)
    assert log.append("purge.result").at == last.at + 999_000


def test_what_has_been_done_can_be_told_whatever_the_clock_says(installation: Installation, log: AuditLog) -> None:
    """With `allow_backward` an entry tells the clock's time, verify warns, and other entries are still refused."""
    installation.clock.advance(100)
    last = log.append("purge.intent")
    installation.clock.advance(-50)
    assert log.append("purge.result", allow_backward=True).at == last.at - 50 * SECOND
    with pytest.raises(ClockError):
        log.append("purge.intent")
    log.close()
    report = installation.verify()
    assert report.verdict is Verdict.INTACT
    assert found(report) == {(FlawCode.CLOCK_BACKWARDS, 3)}
    reopened = installation.open()
    with pytest.raises(ClockError):
        reopened.append("purge.intent")
    reopened.close()


class TickingClock(FakeClock):
    """A clock that goes on a little whenever it is asked."""

    def now(self) -> dt.datetime:
        """Tell the wall time, a millisecond later each time."""
        self.advance(0.001)
        return super().now()


def test_times_go_forward_over_the_turn_of_the_year(installation: Installation) -> None:
    """A clock that moves while an epoch is being opened puts no entry before the one ahead of it."""
    installation.clock = TickingClock(NOON.replace(month=12, day=31, hour=23, minute=59, second=59))
    log = installation.open()
    for _ in range(10):
        installation.clock.advance(0.3)
        log.append("tick.tock")
    log.close()
    times = [entry.at for entry in installation.entries()]
    assert times == sorted(times)
    assert len(list(installation.folder.glob("audit-*.jsonl"))) == 2
    report = installation.verify()
    assert (report.verdict, report.findings) == (Verdict.INTACT, ())


def test_somebody_can_trust_the_clock_again(installation: Installation, log: AuditLog) -> None:
    """After a jump ahead that was put right, an acknowledgement lets the log go on, also after a restart."""
    installation.clock.advance(366 * 86_400)
    log.append("purge.intent")
    installation.clock.advance(-366 * 86_400)
    with pytest.raises(ClockError):
        log.append("purge.intent")
    assert log.acknowledge_clock("p-1").kind == "clock.acknowledged"
    assert log.append("purge.intent").at == instant_of(NOON)
    log.close()
    reopened = installation.open()
    assert reopened.append("purge.intent").seq == reopened.size == 6
    reopened.close()
    assert installation.verify().verdict is Verdict.INTACT


@settings(max_examples=30)
@given(st.lists(st.integers(-20, 20), max_size=12))
def test_times_never_go_back_by_themselves(tmp_path_factory: pytest.TempPathFactory, steps: list[int]) -> None:
    """However the clock jumps, the times of what is recorded never go back, and the log verifies without a warning."""
    one = Installation(state=tmp_path_factory.mktemp("log"))
    log = one.open()
    for step in steps:
        one.clock.advance(step)
        with contextlib.suppress(ClockError):
            log.append("tick.tock")
    times = [entry.at for entry in log.entries()]
    log.close()
    assert times == sorted(times)
    assert one.verify().findings == ()


# -- a disk that is full or ill ---------------------------------------------------------------------------------------


def test_a_flush_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    """CR-04: after a failed fdatasync (a pipe cannot be flushed) nothing more is taken; a file takes both entries."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    ill = AppendOnlyFile(pipe, make_room=lambda: False)
    with pytest.raises(StateError, match="cannot be used"):
        ill.append(b"one\n")
    assert os.read(reader, 100) == b"one\n"
    with pytest.raises(StateError, match="could not be flushed"):
        ill.append(b"two\n")
    with pytest.raises(BlockingIOError):
        os.read(reader, 100)
    ill.close()
    os.close(reader)
    well = AppendOnlyFile(tmp_path / "file", make_room=lambda: False)
    well.append(b"one\n")
    well.append(b"two\n")
    assert (tmp_path / "file").read_bytes() == b"one\ntwo\n"
    well.close()


def test_a_device_that_takes_no_bytes_is_not_asked_again(tmp_path: Path) -> None:
    """CR-03: where half an entry cannot be taken back, or the device is ill, nothing more is taken."""
    full = AppendOnlyFile(Path("/dev/full"), make_room=lambda: False)
    with pytest.raises(StateError, match="No space left"):
        full.append(b"one\n")
    assert full.broken == "holds half an entry"
    full.close()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    ill = AppendOnlyFile(pipe, make_room=lambda: False)
    os.close(reader)
    with pytest.raises(StateError, match="Broken pipe"):
        ill.append(b"one\n")
    with pytest.raises(StateError, match="could not be written"):
        ill.append(b"two\n")
    ill.close()


def test_a_log_can_put_its_reserve_by_again(installation: Installation, log: AuditLog) -> None:
    """A reserve that was given up is put by again on demand, and at the next start."""
    reserve = installation.folder / "audit.reserve"
    for again in (log.refill_reserve, lambda: log.close() or installation.open().close() or True):
        reserve.unlink()
        assert log.reserve_used
        assert again()
        assert reserve.stat().st_size == RESERVE_BYTES
    reserve.write_bytes(b"too small")
    assert Reserve(reserve).used
    assert not Reserve(installation.state / "none" / "audit.reserve").fill()


def test_a_reserve_is_given_up_once(tmp_path: Path) -> None:
    """The room put by can be released once, and be put by again."""
    reserve = Reserve(tmp_path / "audit.reserve")
    assert reserve.used
    assert reserve.fill()
    assert not reserve.used
    assert reserve.release()
    assert reserve.used
    assert not reserve.release()
    assert reserve.fill()


FULL_DISK = """
import os, sys
from pathlib import Path
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.audit.verify import verify
from data.clock import SystemClock
from data.errors import StateError

root = Path(sys.argv[1])
signer = Ed25519FileSigner(root / "keys")
log = AuditLog(root / "audit", clock=SystemClock(), signer=signer)
log.append("purge.intent")
assert not log.reserve_used
with (root / "old.log").open("wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(4096))
    except OSError:
        pass
count = 0
while not log.reserve_used:  # what is left of the last page, then the reserve
    log.append("purge.result", data={"unit": count, "word": "w" * 200})
    count += 1
assert not log.refill_reserve()
for number in range(200):
    log.append("purge.result", data={"unit": number, "word": "w" * 200})
try:
    while True:
        log.append("purge.result", data={"word": "w" * 200, "list": ["w" * 200] * 100})
except StateError as error:
    assert "No space left" in str(error), error
size = log.size
report = verify(root / "audit", public_key=signer.public)
assert report.verdict == "intact" and report.size == size, report
(root / "old.log").unlink()
assert log.append("purge.result").seq == size + 1
assert log.refill_reserve() and not log.reserve_used
log.checkpoint()
log.close()
report = verify(root / "audit", public_key=signer.public)
assert report.verdict == "intact" and not report.findings and report.sealed == size + 1, report
print("recorded on a full disk:", count)
"""


def test_cr23_a_full_disk_still_takes_what_a_purge_must_record(tmp_path: Path) -> None:
    """CR-03, CR-23: on a full disk the reserve lets entries through; then they are refused, and none is half there."""
    need(shutil.which("unshare"), "a small file system needs unshare")
    script = f'mount -t tmpfs -o size=20m none "{tmp_path}" && exec "{sys.executable}" -c "$CODE" "{tmp_path}"'
    command = ["unshare", "-rm", "sh", "-c", script]
    probe = subprocess.run([*command[:2], "mount", "-t", "tmpfs", "none", str(tmp_path)], check=False)
    need(probe.returncode == 0, "a small file system cannot be mounted here")
    environment = {**os.environ, "CODE": FULL_DISK, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recorded on a full disk" in done.stdout
