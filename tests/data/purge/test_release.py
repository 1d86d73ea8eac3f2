"""Purges of engines that release storage late: a provisional proof, a second look, and only then a final one."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents import Documents
from cards.texts import load_texts
from data.audit.keys import Ed25519FileSigner
from data.certificate.model import Office
from data.errors import RefusedError, SourceError
from data.purge.engine import Engine, engine_of
from data.retention.evidence import Marks
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, Instant
from data.retention.release import LATE_AFTER, Aged, aged, is_due, is_late, next_look
from data.retention.request import PurgeRequest, State
from data.retention.rule import DataKind
from data.retention.unit import Planned
from data.retention.verdict import Verdict
from data.sources.interface import Capabilities, Measured, Release, Skipped
from data.watch import Watch, Watched
from tests.data.purge.lab import SOURCE, Lab, silent

DELAY = 30 * DAY


@dataclass(kw_only=True)
class Slow:
    """Stands before a source and makes its engine one that releases storage 30 days late, or as the test wants."""

    source: Any = None
    release: Release = Release.RELEASED
    asked: list[tuple[list[bytes], Instant]] = field(default_factory=list)
    blind: bool = False
    dies: bool = False
    requested: bool = False
    digest: str = ""

    def __call__(self, source: Any) -> Any:
        """Stand before it."""
        self.source = source
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)

    @property
    def config_digest(self) -> str:
        """Give the source's own, or that of another configuration."""
        return self.digest or str(self.source.config_digest)

    def capabilities(self) -> Capabilities:
        """Tell of the delay."""
        return replace(self.source.capabilities(), physical_delay=DELAY, requested=self.requested)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Measure, unless the engine cannot be reached."""
        if self.blind:
            raise SourceError("not reached")
        yield from self.source.measure(marks, fresh=fresh)

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Say what the test wants."""
        if self.dies:
            raise KeyboardInterrupt
        self.asked.append(([row.unit.name for row in rows], removed_at))
        return self.release


@pytest.fixture
def slow() -> Slow:
    """Give the engine."""
    return Slow()


@pytest.fixture
def lab(tmp_path: Path, slow: Slow) -> Lab:
    """Give a source with old files and young ones behind such an engine."""
    made = Lab(folder=tmp_path / "lab", watch_source=slow)
    made.write("a.log", [100])
    made.write("b.log", [95])
    made.write("young.log", [1])
    return made


def findings(lab: Lab, engine: Engine) -> list[tuple[FindingKind, str]]:
    """Give what is wrong with the records."""
    parts = engine.parts
    watched = Watched(sources=parts.sources, rules=parts.rules, kin=parts.kin, care=parts.care,
                      holds=parts.stores.holds, marks=parts.stores.marks, requests=parts.stores.requests)  # fmt: skip
    return [(one.kind, one.cause) for one in Watch(watched).findings_of_records(lab.now)]


@contextmanager
def waiting(lab: Lab) -> Iterator[tuple[Engine, PurgeRequest]]:
    """Give the engine and a purge that waits for its release."""
    waits = lab.purge()
    assert (waits.state, waits.verdict) == (State.PENDING_PHYSICAL, "PENDING")
    with lab.engine() as engine:
        yield engine, waits


def again(engine: Engine, request: PurgeRequest) -> PurgeRequest:
    """Look once more."""
    return engine.runner.run(request.id, progress=silent)


def test_the_proof_is_provisional_until_the_storage_is_released(lab: Lab, slow: Slow) -> None:
    """Deleted is L2, and the certificate says so and when it will be more; the second look makes it final, at L3."""
    with waiting(lab) as (engine, waits):
        first = lab.papers.written[-1]
        assert (first.released, first.release_at) == (False, waits.release_at)
        assert waits.release_at == first.ended_at + DELAY
        assert engine.runner.released(lab.now) == ()
        with pytest.raises(RefusedError, match="waits until") as refused:
            again(engine, waits)
        assert refused.value.reason == "not_released"
        assert slow.asked == []
        lab.pause(DELAY)
        assert [one.id for one in engine.runner.released(lab.now)] == [waits.id]
        closed = again(engine, waits)
        assert (closed.state, closed.verdict) == (State.CLOSED_CLEAN, "PASS")
        assert slow.asked == [([b"a.log", b"b.log"], first.ended_at)]
        last = lab.papers.written[-1]
        assert (last.released, last.release_at, last.ended_at) == (True, None, first.ended_at)
        assert (last.records, last.results) == (first.records, first.results)
        assert closed.certificate
        assert len(lab.papers.written) == 2
        assert (engine.runner.released(lab.now), findings(lab, engine)) == ((), [])


def test_the_documents_say_how_deep_the_deletion_has_gone(lab: Lab) -> None:
    """Provisional, level L2 and the date of the next one; then final, level L3, naming the first one."""
    signer = Ed25519FileSigner(lab.folder / "keys")
    with waiting(lab) as (engine, waits):
        writer = Documents(
            folder=lab.folder / "certificates", signer=signer, texts=load_texts(), controller="",
            sources=engine.parts.sources, rules=engine.parts.rules, office_of=lambda _: Office.ADMIN, known=(),
            version="1.0.0",
        )  # fmt: skip
        first = writer.write(lab.papers.written[0], previous="")
        lab.pause(DELAY)
        again(engine, waits)
        last = writer.write(lab.papers.written[1], previous=first.digest)
    provisional, final = (json.loads(Path(one.path).read_text(encoding="utf-8")) for one in (first, last))
    assert (first.verdict, last.verdict) == (Verdict.PENDING, Verdict.PASS)
    found = [(one["certificate"]["provisional"], one["certificate"]["purge"]["level"]) for one in (provisional, final)]
    assert found == [(True, "L2"), (False, "L3")]
    assert provisional["certificate"]["purge"]["next_level_at"]
    assert final["certificate"]["purge"]["next_level_at"] is None
    assert final["certificate"]["previous"] == first.digest


def test_what_was_only_asked_for_gets_no_document_before_it_is_done(lab: Lab, slow: Slow) -> None:
    """An engine that carries out a deletion later has deleted nothing yet: no certificate says so, not even for now."""
    slow.requested = True
    with waiting(lab) as (engine, waits):
        assert (waits.certificate, lab.papers.written) == ("", [])
        lab.pause(DELAY)
        closed = again(engine, waits)
        assert (closed.state, len(lab.papers.written)) == (State.CLOSED_CLEAN, 1)
        assert closed.certificate
        assert engine.parts.stores.marks.mark_of(SOURCE).certificate


def test_what_waits_is_in_nobodys_way(lab: Lab) -> None:
    """The next purge of the source begins and ends while the first one waits; each is looked at again in its time."""
    with waiting(lab) as (engine, waits):
        lab.write("c.log", [99])
        lab.pause(10 * DAY)
        second = engine.runner.run(lab.approved(engine).id, progress=silent)
        assert second.state is State.PENDING_PHYSICAL
        assert second.id != waits.id
        purged_at = engine.parts.stores.marks.mark_of(SOURCE).purged_at
        lab.pause(DELAY - 10 * DAY)
        assert [one.id for one in engine.runner.released(lab.now)] == [waits.id]
        assert again(engine, waits).state is State.CLOSED_CLEAN
        mark = engine.parts.stores.marks.mark_of(SOURCE)
        assert (mark.purged_until, mark.purged_at) == (second.cutoff, purged_at), "a second look purges nothing"
        lab.pause(10 * DAY)
        assert again(engine, second).state is State.CLOSED_CLEAN


@pytest.mark.parametrize("release", [Release.WAITING, Release.UNKNOWN])
def test_storage_that_is_not_released_is_told_and_waited_for(lab: Lab, slow: Slow, release: Release) -> None:
    """Nothing becomes final before the engine says so; after two days the officers hear of it; it ends by itself."""
    slow.release = release
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        kept = again(engine, waits)
        assert (kept.state, kept.verdict, kept.certificate) == (State.PENDING_PHYSICAL, "PENDING", waits.certificate)
        assert (len(lab.papers.written), findings(lab, engine)) == (1, [])
        assert engine.runner.released(lab.now) == ()
        lab.pause(LATE_AFTER + HOUR)
        assert findings(lab, engine) == [(FindingKind.RELEASE_LATE, "pending")]
        assert again(engine, waits).state is State.PENDING_PHYSICAL
        slow.release = Release.RELEASED
        lab.pause(4 * DAY)
        assert again(engine, waits).state is State.CLOSED_CLEAN
        assert findings(lab, engine) == []


def test_an_engine_that_cannot_be_looked_at_proves_nothing_and_ends_nothing(lab: Lab, slow: Slow) -> None:
    """UNKNOWN on the day of the second look is neither a proof nor a failure: it is tried again, and told when late."""
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        slow.blind = True
        assert again(engine, waits).state is State.PENDING_PHYSICAL
        lab.pause(LATE_AFTER + HOUR)
        assert findings(lab, engine) == [(FindingKind.RELEASE_LATE, "unknown")]
        slow.blind = False
        assert again(engine, waits).verdict == "PASS"


def test_what_is_back_at_the_second_look_is_a_failure(lab: Lab) -> None:
    """A deleted file that stands there again, with the very same records, makes no final certificate."""
    kept = (lab.root / "a.log").read_bytes()
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        (lab.root / "a.log").write_bytes(kept)
        lab.births.clear()  # nobody knows when it was made
        failed = again(engine, waits)
        assert (failed.state, failed.verdict) == (State.CLOSED_FAILED, "FAIL")
        assert (FindingKind.PURGE_FAILED, "closed_failed") in findings(lab, engine)


@pytest.mark.parametrize(("age", "lost"), [(60.0, 0), (1.0, 1)], ids=["aged", "still young"])
def test_only_what_is_still_young_can_be_missed(tmp_path: Path, slow: Slow, age: float, lost: int) -> None:
    """A young unit of the preview may be old a month later and rightly gone; one that is young even then may not."""
    lab = Lab(folder=tmp_path / "lab", watch_source=slow)
    lab.write("old.log", [100])
    lab.write("control.log", [age])
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        lab.write("new.log", [1])
        (lab.root / "control.log").unlink()
        ended = again(engine, waits)
        assert ended.lost == lost
        assert ended.verdict == ("FAIL" if lost else "PASS")


def test_without_anything_young_in_sight_nothing_is_proved(lab: Lab) -> None:
    """The positive control: a source that looks empty may be one that cannot be seen (purge.md 6.8)."""
    with waiting(lab) as (engine, waits):
        lab.pause(100 * DAY)
        (lab.root / "young.log").unlink()
        assert again(engine, waits).state is State.PENDING_PHYSICAL
        lab.write("new.log", [1])
        lab.pause(102 * DAY)
        assert again(engine, waits).verdict == "PASS"


def test_a_source_configured_otherwise_is_not_looked_at(lab: Lab, slow: Slow) -> None:
    """Another place says nothing about this purge: it ends without a final proof, and that is told."""
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        slow.digest = "1" * 64
        ended = again(engine, waits)
        assert (ended.state, ended.story[-1].reason) == (State.CLOSED_UNVERIFIED, "superseded")
        assert len(lab.papers.written) == 1
        assert (FindingKind.PURGE_FAILED, "closed_unverified") in findings(lab, engine)


def test_a_source_taken_out_of_the_settings_ends_its_purge_unverified(lab: Lab) -> None:
    """Nobody can look any more: that is an end of its own, not a proof and not a wait without end."""
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        without = engine_of(replace(engine.parts, sources={}), holder="executor")
        ended = again(without, waits)
        assert (ended.state, ended.story[-1].reason) == (State.CLOSED_UNVERIFIED, "superseded")


def test_a_second_look_that_died_is_made_again(lab: Lab, slow: Slow) -> None:
    """A process that ends in the middle of the second look leaves a request that the next one looks at to its end."""
    slow.dies = True
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        with pytest.raises(KeyboardInterrupt):
            again(engine, waits)
        assert [one.id for one in engine.runner.interrupted()] == [waits.id]
    slow.dies = False
    lab.pause(10 * MINUTE)
    with lab.engine() as engine:
        closed = again(engine, waits)
        assert (closed.state, len(lab.papers.written)) == (State.CLOSED_CLEAN, 2)
        assert [step.state for step in closed.story].count(State.EXECUTING) == 1


def test_nobody_deletes_at_the_second_look(lab: Lab) -> None:
    """An old file that came after the purge stays: the second look only looks."""
    with waiting(lab) as (engine, waits):
        lab.pause(DELAY)
        late = lab.write("late.log", [120])
        assert again(engine, waits).state is State.CLOSED_CLEAN
        assert late.exists()
        assert lab.papers.written[-1].verification.late == 1


# -- the rules --------------------------------------------------------------------------------------------------------


INSTANTS = st.integers(0, 1 << 52)


def pending(release_at: Instant, expires_at: Instant) -> PurgeRequest:
    """Make a request that waits."""
    return PurgeRequest(id="r-1", source=SOURCE, data_kind=DataKind.LOG, state=State.PENDING_PHYSICAL,
                        requester="p-1", created_at=0, release_at=release_at, expires_at=expires_at)  # fmt: skip


@given(release_at=st.integers(1, 1 << 50), days=st.integers(0, 4000))
def test_a_release_that_does_not_come_is_looked_for_ever_more_rarely(release_at: Instant, days: int) -> None:
    """The next look is ahead by a day at least, and ten years of waiting take fewer than twenty looks."""
    request, looks, now = pending(release_at, release_at), 0, release_at
    while now <= release_at + days * DAY:
        assert is_due(request, now)
        request = replace(request, expires_at=next_look(request, now))
        assert request.expires_at >= now + DAY
        assert not is_due(request, now)
        now, looks = request.expires_at, looks + 1
    assert looks < 20


@given(release_at=st.integers(1, 1 << 50), now=INSTANTS)
def test_late_is_two_days_after_the_promised_date_whatever_was_tried(release_at: Instant, now: Instant) -> None:
    """Looks in vain move no date; what is closed, or released at once, is never late."""
    request = pending(release_at, now)
    assert is_late(request, now) is (now > release_at + LATE_AFTER)
    assert not is_late(replace(request, state=State.CLOSED_CLEAN), now)
    assert not is_late(replace(request, release_at=0), now)


@given(cutoff=INSTANTS, later=st.none() | INSTANTS, now_cutoff=INSTANTS, now_limit=INSTANTS)
def test_only_purges_and_limits_since_excuse_what_is_gone(
    cutoff: Instant, later: Instant | None, now_cutoff: Instant, now_limit: Instant
) -> None:
    """Nothing younger than the last purge and than the rule allows is excused; kept records only by a later one."""
    request = replace(pending(1, 1), cutoff=cutoff)
    found = aged(request, Marks(cutoff=now_cutoff, limit=now_limit, now=1 << 52), purged_until=later)
    purged = cutoff if later is None else later
    assert found == Aged(young_from=max(purged, now_cutoff), kept_may_be_gone=purged > cutoff or now_limit > cutoff)
