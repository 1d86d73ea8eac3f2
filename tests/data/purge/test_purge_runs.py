"""What a purge does once it runs: exactly the manifest, holds first, resumable, judged from both sides."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from data.errors import ClockError, RefusedError, SourceError, StateError
from data.purge.clock_trust import trust_clock
from data.purge.holds import Wish
from data.retention.request import State
from data.retention.residue import Code
from data.retention.unit import Planned
from data.sources.interface import Acted, Guard, Source
from tests.data.purge.lab import ALICE, BOB, DAY, DORA, HOST, MINUTE, SOURCE, Lab, ages_in, set_mtime, silent


class Between:
    """Stands between the engine and a source and lets a test happen at the worst moment."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.before_commit: Callable[[Planned], None] = lambda _: None
        self.after_listing: Callable[[], None] = lambda: None
        self.acted: list[Planned] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete, with the test's own business just before each unit's guard."""
        return self._source.delete(batch, guard=self._around(guard))

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Recover, with the same in between."""
        return self._source.recover(planned, guard=self._around(guard))

    def _around(self, guard: Guard) -> Guard:
        @contextmanager
        def both(planned: Planned) -> Iterator[Code | None]:
            self.before_commit(planned)
            with guard(planned) as code:
                if code is None:
                    self.acted.append(planned)
                yield code

        return both


@dataclass
class Watched:
    """Gives the `Between` of a lab, once its engine is open."""

    lab: Lab
    found: list[Between] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lab.watch_source = self._put

    def _put(self, source: Source) -> Source:
        self.found.append(Between(source))
        return self.found[-1]

    @property
    def between(self) -> Between:
        """Give the newest one."""
        return self.found[-1]


@pytest.fixture
def watched(lab: Lab) -> Watched:
    """Put a test between the engine and the source."""
    return Watched(lab)


def files_of(lab: Lab) -> set[str]:
    """List the files below the root."""
    return {path.relative_to(lab.root).as_posix() for path in lab.root.rglob("*") if path.is_file()}


def many(lab: Lab, count: int) -> None:
    """Write so many old files and one young one."""
    for number in range(count):
        lab.write(f"old-{number:03}x.log", [100 + number / 100])
    lab.write("young.log", [1, 2])


# -- the whole way ----------------------------------------------------------------------------------------------------


def test_old_records_go_and_young_ones_stay(lab: Lab) -> None:
    """A whole purge removes old files, cuts old records out of mixed ones, keeps the rest, and closes clean."""
    lab.write("a/old.log", [100, 99])
    lab.write("mixed.log", [90, 10, 84, 9], text="Grüße")
    lab.write("young.log", [5, 4])
    before = (lab.root / "mixed.log").stat()
    request = lab.purge()
    assert (request.state, request.verdict) == (State.CLOSED_CLEAN, "PASS")
    assert files_of(lab) == {"mixed.log", "young.log"}
    assert ages_in(lab.root / "mixed.log", request.created_at) == [10, 9]
    after = (lab.root / "mixed.log").stat()
    assert (after.st_mtime_ns, after.st_mode, after.st_uid) == (before.st_mtime_ns, before.st_mode, before.st_uid)
    assert request.results == {"deleted": 1, "rewritten": 1}
    assert request.gone.records == 4


def test_a_second_purge_finds_nothing_to_do(lab: Lab) -> None:
    """Running the whole thing again changes nothing: nothing is selected, nothing is deleted, and that is a PASS."""
    many(lab, 3)
    lab.purge()
    left = files_of(lab)
    again = lab.purge()
    assert again.preview.selected.units == 0
    assert (again.verdict, files_of(lab)) == ("PASS", left)


def test_an_empty_source_can_be_purged(lab: Lab) -> None:
    """Nothing there is nothing to do."""
    assert lab.purge().verdict == "PASS"


def test_a_record_at_the_cutoff_stays(lab: Lab) -> None:
    """The cutoff is exclusive: a record exactly there stays, one a microsecond older goes."""
    tick = 1 / 86_400_000_000
    lab.write("edge.log", [83 + tick, 83, 83 - tick])
    request = lab.purge_at_once()
    assert ages_in(lab.root / "edge.log", request.created_at) == [83, 83]
    assert request.gone.records == 1


def test_without_rewriting_a_mixed_file_waits(lab: Lab) -> None:
    """Where records cannot be cut out, a mixed file stays whole and is reported, and the purge is no failure."""
    lab.rewrite = False
    lab.write("old.log", [100])
    lab.write("mixed.log", [90, 10])
    request = lab.purge()
    assert (request.state, request.verdict) == (State.CLOSED_WITH_RESIDUE, "PASS")
    assert request.results == {"deleted": 1, "unsupported": 1}
    assert files_of(lab) == {"mixed.log"}


def test_what_is_being_written_is_never_touched(lab: Lab) -> None:
    """A file that was changed a minute ago is left, however old its records are; the quiet one goes."""
    lab.write("busy.log", [100, 99], quiet_for=MINUTE)
    lab.write("quiet.log", [100, 99])
    request = lab.purge_at_once()
    assert request.results == {"active": 1, "deleted": 1}
    assert files_of(lab) == {"busy.log"}
    assert request.verdict == "PASS"


# -- holds ------------------------------------------------------------------------------------------------------------


def hold(lab: Lab, **fields: Any) -> Wish:
    """Wish for a hold on the source."""
    return Wish(sources=(SOURCE,), reason="case 7", review_at=lab.now + 30 * DAY, **fields)


def test_a_hold_beats_everything(lab: Lab) -> None:
    """Held records stay, also when the glass is broken; what the hold does not cover goes."""
    lab.write("held.log", [95])
    lab.write("free.log", [120])
    with lab.engine() as engine:
        engine.holds.place(DORA, hold(lab, begins=lab.now - 100 * DAY))
        request = engine.purges.preview(HOST, SOURCE, silent)
        assert request.preview.residue == {"held": 1}
        engine.purges.break_glass(HOST, request.id, request.code, "urgent")
        request = engine.runner.run(request.id, progress=silent)
    assert files_of(lab) == {"held.log"}
    assert (request.state, request.verdict) == (State.CLOSED_WITH_RESIDUE, "PASS")


@pytest.mark.parametrize("at", range(4))
def test_a_hold_placed_at_any_moment_protects_what_is_left(lab: Lab, watched: Watched, at: int) -> None:
    """A hold placed before a unit's commit protects it and all later ones, in the middle of a run (P6, FS-23)."""
    many(lab, 4)
    with lab.engine() as engine:
        request = lab.approved(engine)
        seen = iter(range(100))

        def place(_: Planned) -> None:
            if next(seen) == at:
                engine.holds.place(DORA, hold(lab))

        watched.between.before_commit = place
        request = engine.runner.run(request.id, progress=silent)
    assert len(watched.between.acted) == at
    assert request.results == {code: n for code, n in {"deleted": at, "held": 4 - at}.items() if n}
    assert len(files_of(lab)) == 4 - at + 1
    assert request.verdict == "PASS"


def test_releasing_a_hold_takes_two_people_and_a_day(lab: Lab) -> None:
    """One person asks, another releases; a purge within a day of it cools for a whole day."""
    many(lab, 1)
    with lab.engine() as engine:
        placed = engine.holds.place(DORA, hold(lab))
        assert engine.holds.release(DORA, placed.id).active
        with pytest.raises(RefusedError) as found:
            engine.holds.release(DORA, placed.id)
        assert found.value.reason == "same_person"
        assert not engine.holds.release(BOB, placed.id).active
        request = engine.purges.preview(ALICE, SOURCE, silent)
        assert request.preview.selected.units == 1
        request = engine.purges.confirm(ALICE, request.id, request.code)
        request = engine.purges.approve(BOB, request.id, request.digest)
        assert request.cooling_until == lab.now + DAY


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"reason": "  "}, "no_reason"),
        ({"review_at": 0}, "bad_review_date"),
        ({"begins": 5, "ends": 5}, "empty_range"),
    ],
)
def test_a_hold_that_nobody_could_answer_for_is_refused(lab: Lab, fields: dict[str, Any], reason: str) -> None:
    """Without a reason, with a review date out of the next 90 days or an empty range there is no hold."""
    usual = {"sources": (SOURCE,), "reason": "case", "review_at": lab.now + 30 * DAY}
    with lab.engine() as engine:
        with pytest.raises(RefusedError) as found:
            engine.holds.place(DORA, Wish(**usual | fields))
        assert found.value.reason == reason
        assert engine.holds.all() == ()
        assert engine.holds.place(DORA, Wish(**usual)).active


# -- what happens meanwhile -------------------------------------------------------------------------------------------


def test_a_file_that_changes_after_the_approval_is_left(lab: Lab) -> None:
    """A planned file that grew, was replaced or touched is reported as drifted and stays (FE-13); the others go."""
    for name in ("grown.log", "replaced.log", "fine.log"):
        lab.write(name, [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        with (lab.root / "grown.log").open("ab") as file:
            file.write(b'{"@t":"2026-12-20T11:00:00Z","@m":"late"}\n')
        set_mtime(lab.root / "grown.log", lab.now - DAY)
        (lab.root / "replaced.log").unlink()
        lab.write("replaced.log", [1])
        request = engine.runner.run(request.id, progress=silent)
    assert request.results == {"deleted": 1, "drifted": 2}
    assert files_of(lab) == {"grown.log", "replaced.log"}
    assert request.state is State.CLOSED_PARTIAL
    assert request.verdict == "FAIL"


def test_a_file_that_vanished_is_noted(lab: Lab) -> None:
    """A planned file that somebody else deleted is named so, and counts as nobody's deletion of ours."""
    many(lab, 2)
    with lab.engine() as engine:
        request = lab.approved(engine)
        (lab.root / "old-000x.log").unlink()
        request = engine.runner.run(request.id, progress=silent)
    assert request.results == {"deleted": 1, "target_absent": 1}
    assert request.verdict == "PASS"


def test_stopping_leaves_the_rest(lab: Lab) -> None:
    """A stop is honoured before the next unit: what is done stays done, the rest is left and reported."""
    many(lab, 5)
    with lab.engine() as engine:
        request = lab.approved(engine)
        asked = iter([False, False, False, True])
        request = engine.runner.run(request.id, progress=silent, stop=lambda: next(asked, True))
    assert request.state is State.CLOSED_PARTIAL
    assert request.results["deleted"] + request.results["stopped"] == 5
    assert request.results["stopped"] >= 2
    assert len(files_of(lab)) == request.results["stopped"] + 1


def test_two_executors_one_acts(lab: Lab, watched: Watched) -> None:
    """While one executor runs a request, another one is refused (P12)."""
    many(lab, 2)
    with lab.engine() as engine:
        request = lab.approved(engine)

        def second(_: Planned) -> None:
            with pytest.raises(RefusedError) as found:
                engine.runner.run(request.id, progress=silent)
            assert found.value.reason == "leased"

        watched.between.before_commit = second
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_fenced_executor_deletes_nothing_more(lab: Lab, watched: Watched) -> None:
    """An executor whose lease another one has taken stops at its next batch (FE, RL-20)."""
    many(lab, 3)
    with lab.engine() as engine:
        request = lab.approved(engine)

        def take(_: Planned) -> None:
            stored = lab.stores.requests.get(request.id)
            raised = type(stored.lease)(holder="other", fence=stored.lease.fence + 1, until=lab.now + DAY)
            lab.stores.requests.replace(replace(stored, lease=raised))
            watched.between.before_commit = lambda _: None

        watched.between.before_commit = take
        with pytest.raises(RefusedError) as found:
            engine.runner.run(request.id, progress=silent)
        assert found.value.reason == "fenced"


# -- crashes ----------------------------------------------------------------------------------------------------------


class CrashError(Exception):
    """Stands for the process's death."""


def crash_at(number: int) -> Callable[[Planned], None]:
    """Die just before the so-many-th commit."""
    seen = iter(range(10_000))

    def die(_: Planned) -> None:
        if next(seen) == number:
            raise CrashError

    return die


@pytest.mark.parametrize("number", range(5))
def test_after_a_crash_the_purge_is_finished(lab: Lab, watched: Watched, number: int) -> None:
    """Dead before any commit, the next process finishes the rest, counts each unit once, and the audit verifies."""
    many(lab, 5)
    with lab.engine() as engine:
        request = lab.approved(engine)
        watched.between.before_commit = crash_at(number)
        with pytest.raises(CrashError):
            engine.runner.run(request.id, progress=silent)
    with lab.engine() as engine:
        assert [found.id for found in engine.runner.interrupted()] == [request.id]
        done = engine.runner.run(request.id, progress=silent)
        assert engine.runner.interrupted() == ()
    assert done.verdict == "PASS"
    assert done.results.get("deleted", 0) + done.results.get("absent", 0) == 5
    assert files_of(lab) == {"young.log"}
    assert done.gone.records == 5


def test_no_evidence_no_purge(lab: Lab) -> None:
    """Where the opening entry cannot be made durable nothing is deleted (CR-23); with room again it runs."""
    many(lab, 2)
    with lab.engine() as engine:
        request = lab.approved(engine)
        engine.parts.audit.close()
        with pytest.raises(StateError):
            engine.runner.run(request.id, progress=silent)
    assert len(files_of(lab)) == 3
    with lab.engine() as engine:
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_manifest_that_was_tampered_with_deletes_nothing(lab: Lab) -> None:
    """Rows that are not the approved ones are refused by their Merkle root, before the first deletion."""
    many(lab, 2)
    with lab.engine() as engine:
        request = lab.approved(engine)
        rows = list(lab.stores.manifests.load(request.id, root=request.preview.root))
        lab.stores.manifests.discard(request.id)
        lab.stores.manifests.save(request.id, [*rows, rows[0]])
        with pytest.raises(StateError):
            engine.runner.run(request.id, progress=silent)
    assert len(files_of(lab)) == 3


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 40, 365])
def test_a_clock_that_jumped_forward_deletes_nothing(lab: Lab, days: int) -> None:
    """With a clock that jumped nothing is previewed or deleted until somebody says that it is right (P10, RL-23)."""
    lab.write("young.log", [60])
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)
        lab.clock.jump(days * 86_400)
        for _ in range(2):
            with pytest.raises(ClockError) as found:
                engine.purges.preview(ALICE, SOURCE, silent)
            assert found.value.reason == "jumped"
        with pytest.raises(RefusedError):
            trust_clock(engine.parts, ALICE, " ")
        trust_clock(engine.parts, ALICE, "time server was wrong before")
        assert engine.purges.preview(ALICE, SOURCE, silent).state is State.PREVIEWED


@pytest.mark.parametrize("seconds", [3600, 86_400, 365 * 86_400])
def test_a_clock_that_went_back_deletes_nothing(lab: Lab, seconds: int) -> None:
    """With a clock behind the audit an approved purge does not run (FE-16, RL-25); when it is right again it does."""
    many(lab, 1)
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.clock.jump(-seconds)
        with pytest.raises(ClockError):
            engine.runner.run(request.id, progress=silent)
        assert len(files_of(lab)) == 2
        lab.clock.jump(seconds)
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_sleep_and_reboot_are_no_jump(lab: Lab) -> None:
    """Three days of sleep, or a reboot, are time that passed: the clock is trusted."""
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)
        lab.pause(3 * DAY)
        engine.purges.preview(ALICE, SOURCE, silent)
        lab.clock.reboot()
        lab.clock.jump(3 * 86_400)
        assert engine.purges.preview(ALICE, SOURCE, silent).state is State.PREVIEWED


# -- verification -----------------------------------------------------------------------------------------------------


def purge_with(lab: Lab, watched: Watched, meddle: Callable[[Between], None]) -> Any:
    """Purge with a source that a test has meddled with."""
    with lab.engine() as engine:
        request = lab.approved(engine)
        meddle(watched.between)
        return engine.runner.run(request.id, progress=silent)


def pretend(batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
    """Say that everything was deleted, and delete nothing."""
    del guard
    return iter([Acted(code=Code.DELETED)] * len(batch))


def test_a_unit_that_is_still_there_fails(lab: Lab, watched: Watched) -> None:
    """A source that says deleted and has not is found out (lesson 2): FAIL, and no certificate."""
    many(lab, 2)

    def lie(between: Between) -> None:
        between.delete = pretend  # type: ignore[method-assign]

    request = purge_with(lab, watched, lie)
    assert (request.verdict, request.state) == ("FAIL", State.CLOSED_FAILED)
    assert lab.papers.written[-1].verification.still_there == 2


def test_young_data_that_is_lost_fails(lab: Lab, watched: Watched) -> None:
    """A young file that vanished while the purge ran is an incident (lesson 21): FAIL."""
    many(lab, 2)

    def lose(between: Between) -> None:
        between.before_commit = lambda _: (lab.root / "young.log").unlink(missing_ok=True)

    request = purge_with(lab, watched, lose)
    assert request.verdict == "FAIL"
    assert lab.papers.written[-1].verification.controls_lost == 1


def test_a_young_file_that_was_rotated_is_not_lost(lab: Lab, watched: Watched) -> None:
    """A young file that its service gave another name meanwhile is found under it."""
    many(lab, 2)

    def rotate(between: Between) -> None:
        def once(_: Planned) -> None:
            if (lab.root / "young.log").exists():
                (lab.root / "young.log").rename(lab.root / "young.log.1")

        between.before_commit = once

    assert purge_with(lab, watched, rotate).verdict == "PASS"


def test_a_source_that_cannot_be_read_again_is_unknown(lab: Lab, watched: Watched) -> None:
    """Who could not look does not know: UNKNOWN, never PASS."""
    many(lab, 2)

    def blind(between: Between) -> None:
        def refuse(*_: object, **__: object) -> Iterator[object]:
            message = "gone"
            raise SourceError(message)
            yield

        between.measure = refuse  # type: ignore[attr-defined]

    request = purge_with(lab, watched, blind)
    assert (request.verdict, request.state) == ("UNKNOWN", State.CLOSED_UNVERIFIED)


def test_old_records_that_came_late_are_counted_apart(lab: Lab, watched: Watched) -> None:
    """Old records in a file first seen after the preview are late, and do not make the purge a failure."""
    many(lab, 1)

    def ship(between: Between) -> None:
        between.before_commit = lambda _: None if (lab.root / "late.log").exists() else write_late(lab)

    request = purge_with(lab, watched, ship)
    assert request.verdict == "PASS"
    assert lab.papers.written[-1].verification.late == 1


def write_late(lab: Lab) -> None:
    """Ship an old record late."""
    lab.write("late.log", [99])


def test_the_mark_only_rises_with_a_proof(lab: Lab, watched: Watched) -> None:
    """A verified purge raises the source's mark to its cutoff; a failed one leaves it."""
    many(lab, 1)
    first = lab.purge()
    assert lab.stores.marks.mark_of(SOURCE).purged_until == first.cutoff
    lab.pause(DAY)
    lab.write("old.log", [100])

    def lie(between: Between) -> None:
        between.delete = pretend  # type: ignore[method-assign]

    assert purge_with(lab, watched, lie).verdict == "FAIL"
    assert lab.stores.marks.mark_of(SOURCE).purged_until == first.cutoff


def test_nothing_of_a_log_is_in_the_audit(lab: Lab) -> None:
    """Neither text nor file name of a log reaches the audit (P9)."""
    lab.write("Personalakte-Meier.log", [100], text="Frau Meier hat Fieber")
    lab.write("young.log", [1])
    lab.purge()
    content = b"".join(path.read_bytes() for path in (lab.folder / "audit").glob("*.jsonl"))
    assert b"Meier" not in content
    assert b"Fieber" not in content
    assert b"purge.result" in content, "the positive control"


def test_a_broken_engine_never_opens_twice(lab: Lab) -> None:
    """Two processes: the second one is refused by the audit's lock."""
    with lab.engine(), pytest.raises(StateError, match="another process"), lab.engine():
        pass
