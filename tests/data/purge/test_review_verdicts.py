"""A review's claims on verdicts and resumes: nothing is proved that was not seen, and what was seen is no blame."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from data.audit.entry import AuditEntry
from data.errors import ProcallError
from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.purge.clock_trust import trust_clock
from data.purge.engine import engine_of
from data.purge.holds import Wish
from data.retention.evidence import Marks
from data.retention.hold import Hold
from data.retention.request import State
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.activity import open_files
from data.sources.config import FilesConfig
from data.sources.exactly import aside_name
from data.sources.files import FilesSource
from data.sources.interface import Acted, Guard, Measured, Source
from tests.data.purge.lab import ALICE, BOB, DAY, DORA, HOST, HOUR, MINUTE, SOURCE, InTime, Lab, set_mtime, silent


class Hooked:
    """Stands between the engine and a source: calls a test's own function before each unit's guard."""

    def __init__(self, source: Source, hooks: "Hooks") -> None:
        self._source = source
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete, with the hook just before each unit's guard."""
        return self._source.delete(batch, guard=self._around(guard))

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Recover, with the same hook."""
        return self._source.recover(planned, guard=self._around(guard))

    def _around(self, guard: Guard) -> Guard:
        @contextmanager
        def both(planned: Planned) -> Iterator[Code | None]:
            self._hooks.before(planned)
            with guard(planned) as code:
                yield code

        return both


@dataclass
class Hooks:
    """What a test does in the middle of a run."""

    lab: Lab
    before: Callable[[Planned], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self.lab.watch_source = lambda source: Hooked(source, self)


class CrashError(Exception):
    """Stands for the process's death."""


def crash_at(number: int) -> Callable[[Planned], None]:
    """Die just before the so-many-th commit."""
    seen = iter(range(1000))

    def die(_: Planned) -> None:
        if next(seen) == number:
            raise CrashError

    return die


def pack(path: Path) -> None:
    """Do what logrotate does with `compress`: a new file with the same content and times, and the old one gone."""
    found = path.stat()
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(found.st_mtime_ns, found.st_mtime_ns))
    path.unlink()


def hold_all(lab: Lab) -> Wish:
    """Wish for a hold on everything."""
    return Wish(sources=(SOURCE,), reason="case 7", review_at=lab.now + 30 * DAY)


# -- verdicts that are too good ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [True, False])
def test_a_stopped_purge_is_no_pass(lab: Lab, stop: bool) -> None:
    """PASS says that nothing old is left (P2): a purge stopped before its first unit has proved no such thing."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    with lab.engine() as engine:
        request = lab.approved(engine)
        request = engine.runner.run(request.id, progress=silent, stop=lambda: stop)
        mark = engine.parts.stores.marks.mark_of(SOURCE)
    assert (lab.root / "old.log").exists() is stop
    assert (request.verdict == "PASS") is not stop
    assert (mark.purged_until is None) is stop


@pytest.mark.parametrize("packed", [True, False])
def test_a_planned_file_that_was_compressed_meanwhile_is_no_pass(lab: Lab, packed: bool) -> None:
    """What was selected and only changed its name and form before the run is not late, and is not gone: no PASS."""
    old = lab.write("old.log", [100])
    lab.write("young.log", [1])
    with lab.engine() as engine:
        request = lab.approved(engine)
        if packed:
            pack(old)
        request = engine.runner.run(request.id, progress=silent)
    assert (lab.root / "old.log.gz").exists() is packed
    assert (request.verdict == "PASS") is not packed, request.results


@pytest.mark.parametrize("packed", [True, False])
def test_a_resume_claims_nothing_that_was_compressed_meanwhile(lab: Lab, packed: bool) -> None:
    """After a crash, a unit that was never reached and that logrotate has compressed since is not this purge's."""
    lab.write("a-old.log", [101])
    last = lab.write("b-old.log", [100])
    lab.write("young.log", [1])
    hooks = Hooks(lab, before=crash_at(1))
    with lab.engine() as engine:
        request = lab.approved(engine)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    hooks.before = lambda _: None
    if packed:
        pack(last)
    with lab.engine() as engine:
        request = engine.runner.run(request.id, progress=silent)
    assert (lab.root / "b-old.log.gz").exists() is packed
    assert (request.verdict == "PASS") is not packed, request.results


@pytest.mark.parametrize("forget", [True, False])
def test_a_lost_index_makes_no_old_file_late(lab: Lab, forget: bool) -> None:
    """Whoever deletes the scan index between preview and run turns no file that was there before into a late one."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    left = lab.write("left.log", [100], quiet_for=MINUTE)  # active at the preview, so not planned
    with lab.engine() as engine:
        request = lab.approved(engine)
        if forget:
            for path in (lab.folder / "sources").glob("*.index.sqlite*"):
                path.unlink()
        request = engine.runner.run(request.id, progress=silent)
    (outcome,) = lab.papers.written
    assert left.exists()
    assert outcome.verification.late == 0


@pytest.mark.parametrize("refused", [True, False])
def test_a_file_that_was_skipped_at_the_preview_is_not_late(lab: Lab, refused: bool) -> None:
    """An old file that was there at the preview, but executable then, is no late arrival when its mode is mended."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    odd = lab.write("odd.log", [100])
    odd.chmod(0o755 if refused else 0o644)
    with lab.engine() as engine:
        request = lab.approved(engine)
        odd.chmod(0o640)
        set_mtime(odd, lab.now - DAY)
        request = engine.runner.run(request.id, progress=silent)
    assert odd.exists()
    assert request.verdict != "PASS", request.results


@pytest.mark.parametrize("moved", [True, False])
def test_a_resume_over_another_folder_proves_nothing(lab: Lab, moved: bool) -> None:
    """A purge that a crash interrupted is not finished, nor proved, at another root than the one that was approved."""
    lab.write("a-old.log", [101])
    lab.write("b-old.log", [100])
    hooks = Hooks(lab, before=crash_at(1))
    with lab.engine() as engine:
        request = lab.approved(engine)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    hooks.before = lambda _: None
    here = lab.root
    if moved:
        lab.logs = lab.folder / "elsewhere"
    with lab.engine() as engine:
        if moved:
            with pytest.raises(ProcallError):
                engine.runner.run(request.id, progress=silent)
        else:
            assert engine.runner.run(request.id, progress=silent).verdict == "PASS"
    assert (here / "b-old.log").exists() is moved


@pytest.mark.parametrize("emptied", [True, False])
def test_a_young_file_that_was_emptied_in_place_is_lost(lab: Lab, emptied: bool) -> None:
    """A control proves something only if its content is there: one truncated to nothing while the purge ran is none."""
    lab.write("old.log", [100])
    young = lab.write("young.log", [1, 2, 3])
    hooks = Hooks(lab)

    def empty(_: Planned) -> None:
        if emptied:
            young.write_bytes(b"")

    hooks.before = empty
    request = lab.purge()
    assert (request.verdict == "PASS") is not emptied


# -- verdicts that are too bad ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("quiet_for", [MINUTE, HOUR])
def test_what_was_active_at_the_preview_is_residue_at_the_end(lab: Lab, quiet_for: int) -> None:
    """A file that was in use at the preview, and so was left, is residue; that it is quiet at the end is no failure."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    lab.write("busy.log", [100, 1], quiet_for=quiet_for)
    request = lab.purge()
    assert request.verdict == "PASS", request.results


@pytest.mark.parametrize("rolled", [True, False])
def test_what_was_active_and_then_rolled_is_residue_too(lab: Lab, rolled: bool) -> None:
    """A file in use at the preview that a rotation has given another name by the end is residue, no failure."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    busy = lab.write("busy.log", [100, 1], quiet_for=MINUTE)
    with lab.engine() as engine:
        request = lab.approved(engine)
        if rolled:
            busy.rename(busy.with_name("busy.log.1"))
        request = engine.runner.run(request.id, progress=silent)
    assert request.verdict == "PASS", request.results


@pytest.mark.parametrize("grows", [True, False])
def test_what_could_not_be_planned_is_no_pass(lab: Lab, grows: bool) -> None:
    """An old file that changed just while the preview bound it stays, and is neither held nor active: no PASS."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    odd = lab.write("odd.log", [100])

    class Growing(Hooked):
        """Lets a file change between its measuring and its planning."""

        def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
            """Plan."""
            if grows:
                os.utime(odd)
                set_mtime(odd, lab.now - DAY)
            return self._source.plan(batch, marks)

    lab.watch_source = lambda source: Growing(source, Hooks(Lab(folder=lab.folder)))
    request = lab.purge()
    assert odd.exists() is grows
    assert (request.verdict == "PASS") is not grows, request.preview.residue


# -- saying no, and holding -------------------------------------------------------------------------------------------


def test_cancelling_stops_before_the_next_unit(lab: Lab) -> None:
    """A cancel in the middle of a batch is honoured before the next unit, as a stop switch is (purge.md 6.5)."""
    for number in range(6):
        lab.write(f"old-{number}x.log", [100 + number])
    lab.write("young.log", [1])
    hooks = Hooks(lab)
    with lab.engine() as engine:
        request = lab.approved(engine)

        def cancel(_: Planned) -> None:
            hooks.before = lambda _: None
            engine.purges.cancel(DORA, request.id, "no")

        hooks.before = cancel
        request = engine.runner.run(request.id, progress=silent)
    assert request.results.get("deleted", 0) <= 1, request.results


@pytest.mark.parametrize("back", [0, HOUR])
def test_a_hold_needs_no_trustworthy_clock(lab: Lab, back: int) -> None:
    """Protecting data is possible also while the clock stands an hour behind the audit."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)
        lab.pause(-back)
        placed: Hold = engine.holds.place(DORA, hold_all(lab))
        assert placed.active


@pytest.mark.parametrize("back", [0, HOUR])
def test_saying_no_needs_no_trustworthy_clock(lab: Lab, back: int) -> None:
    """Cancelling is possible also while the clock stands an hour behind the audit."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.pause(-back)
        assert engine.purges.cancel(DORA, request.id).state is State.CANCELLED


@pytest.mark.parametrize("released", [True, False])
def test_breaking_the_glass_waits_a_day_after_a_release(lab: Lab, released: bool) -> None:
    """Within 24 h of a hold's release nobody purges at once, not even by breaking the glass (purge.md 6.5)."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    with lab.engine() as engine:
        if released:
            placed = engine.holds.place(DORA, hold_all(lab))
            engine.holds.release(DORA, placed.id)
            engine.holds.release(BOB, placed.id)
        request = engine.purges.preview(HOST, SOURCE, silent)
        try:
            engine.purges.break_glass(HOST, request.id, request.code, "urgent")
            engine.runner.run(request.id, progress=silent)
        except ProcallError:
            assert released
    assert (lab.root / "old.log").exists() is released


@pytest.mark.parametrize("opens", [True, False])
def test_a_file_that_somebody_opens_during_the_batch_is_active(lab: Lab, opens: bool) -> None:
    """A service that opens its old log again while other units of the batch are deleted does not write into nothing."""
    lab.write("a-old.log", [101])
    again = lab.write("b-old.log", [100])
    lab.write("young.log", [1])
    hooks = Hooks(lab)
    config = FilesConfig(id=SOURCE, title="", data_kind="log", root=lab.root)
    reader = LogReader(all_families())
    real = FilesSource(config, reader=reader, clock=lab.clock, state=lab.folder, look=open_files)
    lab.watch_source = lambda _: Hooked(InTime(real, births=lab.births), hooks)
    writers: list[subprocess.Popen[bytes]] = []

    def begin(_: Planned) -> None:
        hooks.before = lambda _: None
        if opens:
            with again.open("ab") as file:
                writers.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=file))

    hooks.before = begin
    request = lab.purge()
    for writer in writers:
        writer.communicate(b"\n")
    assert again.exists() is opens, request.results


@pytest.mark.parametrize("no", ["hold", "cancel", ""])
def test_after_a_crash_a_no_protects_what_was_only_moved_aside(lab: Lab, no: str) -> None:
    """Dead between moving a file aside and unlinking it, a hold or a cancel that comes next still saves it (P6)."""
    old = lab.write("old.log", [100])
    lab.write("young.log", [1])
    content = old.read_bytes()
    rows: list[Planned] = []
    hooks = Hooks(lab)

    def die(planned: Planned) -> None:
        rows.append(planned)
        raise CrashError

    hooks.before = die
    with lab.engine() as engine:
        request = lab.approved(engine)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    old.rename(old.with_name(aside_name(rows[0]).decode()))  # as far as the dead process had come
    hooks.before = lambda _: None
    with lab.engine() as engine:
        if no == "hold":
            engine.holds.place(DORA, hold_all(lab))
        elif no:
            engine.purges.cancel(DORA, request.id, "no")
        engine.runner.run(request.id, progress=silent)
    left = [path for path in lab.root.iterdir() if path.read_bytes() == content]
    assert bool(left) is bool(no)


# -- resumes ----------------------------------------------------------------------------------------------------------


def test_an_interrupted_purge_of_a_removed_source_is_told(lab: Lab) -> None:
    """A source taken out of the settings after a crash gives an error of ours, not a KeyError."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    Hooks(lab, before=crash_at(0))
    with lab.engine() as engine:
        request = lab.approved(engine)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    with lab.engine() as engine:
        without = engine_of(replace(engine.parts, sources={}, rules={}), holder="executor")
        with pytest.raises(ProcallError):
            without.runner.run(request.id, progress=silent)


def test_trusting_a_clock_keeps_the_reason(lab: Lab) -> None:
    """The reason why somebody trusts a clock again is on record."""
    with lab.engine() as engine:
        trust_clock(engine.parts, HOST, "NTP repaired in ticket 4711")
        entries: list[AuditEntry] = list(engine.parts.audit.entries())
    assert any("4711" in repr(dict(entry.data)) for entry in entries)
