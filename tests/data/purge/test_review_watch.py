"""A review's claims on people, clocks, documents and the watch."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import open_engine  # noqa: TID251  two processes, one after the other, as app.py builds them
from bot.settings import Settings
from data.access import Actor, Role
from data.errors import ClockError, ProcallError, RefusedError
from data.purge.holds import Wish
from data.purge.people import Pseudonyms
from data.retention.finding import FindingKind
from data.retention.instants import DAY
from data.retention.request import State
from data.stores.memory_retention import MemoryRetentionStores
from data.watch import Watch, Watched
from tests.data.purge.lab import ALICE, BOB, HOST, MINUTE, SOURCE, InTime, Lab, silent

TENANT = "00000000-0000-4000-8000-0000000000f0"
A1, A2 = "00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2"


def watch_of(lab: Lab, **fields: Any) -> Watch:
    """Build a watch over a lab's source."""
    usual: Mapping[str, Any] = {
        "sources": {SOURCE: InTime(lab.source(), births=lab.births)},
        "rules": {SOURCE: lab.rule},
        "kin": {SOURCE: frozenset({SOURCE})},
        "care": lab.care,
        "holds": lab.stores.holds,
        "marks": lab.stores.marks,
        "requests": lab.stores.requests,
    }
    return Watch(Watched(**{**usual, **fields}))


def kinds_of(lab: Lab) -> set[FindingKind]:
    """Give the kinds of what is found now."""
    watch = watch_of(lab)
    return {finding.kind for finding in watch.findings(watch.scan(lab.now), lab.now)}


# -- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [True, False])
def test_nobody_approves_his_own_request_after_the_key_was_lost(tmp_path: Path, lost: bool) -> None:
    """Without the key that pseudonyms are made with nobody can be told apart: no new one is made over known people."""
    logs = tmp_path / "logs"
    logs.mkdir()
    settings = Settings.model_validate(
        {
            "teams": {"tenant_id": TENANT},
            "roles": {"admins": [A1, A2]},
            "sources": [{"id": "app-logs", "kind": "files", "data_kind": "log", "root": str(logs)}],
        }
    )
    alice = Actor(tenant_id=TENANT, object_id=A1, roles=frozenset({Role.EMPLOYEE, Role.ADMIN}))
    state = tmp_path / "state"
    with open_engine(settings, state, dev=False) as engine:
        request = engine.purges.preview(alice, "app-logs", silent)
        request = engine.purges.confirm(alice, request.id, request.code)
    if lost:
        (state / "keys" / "people.key").unlink()
    with pytest.raises(ProcallError), open_engine(settings, state, dev=False) as engine:
        engine.purges.approve(alice, request.id, request.digest)


@pytest.mark.parametrize("lost", [True, False])
def test_nobody_releases_a_hold_alone_after_the_key_was_lost(tmp_path: Path, lost: bool) -> None:
    """Also where no purge was ever asked for: whoever asked for a release is not a second person with a new key."""
    (tmp_path / "logs").mkdir()
    source = {"id": "app-logs", "kind": "files", "data_kind": "log", "root": str(tmp_path / "logs")}
    settings = Settings.model_validate({"teams": {"tenant_id": TENANT}, "roles": {"dpos": [A1]}, "sources": [source]})
    dora = Actor(tenant_id=TENANT, object_id=A1, roles=frozenset({Role.EMPLOYEE, Role.DPO}))
    state = tmp_path / "state"
    with open_engine(settings, state, dev=False) as engine:
        review = engine.parts.guard.now() + DAY
        placed = engine.holds.place(dora, Wish(sources=(), reason="case", review_at=review))
        engine.holds.release(dora, placed.id)
    if lost:
        (state / "keys" / "people.key").unlink()
    with pytest.raises(ProcallError), open_engine(settings, state, dev=False) as engine:
        engine.holds.release(dora, placed.id)


def test_an_object_id_means_the_same_person_in_any_case() -> None:
    """The directory takes object ids in any case; so do the pseudonyms, or one person could be two."""
    people = Pseudonyms(b"k" * 32, MemoryRetentionStores().people)
    one = Actor(tenant_id=TENANT, object_id=A1)
    assert people.of(one) == people.of(replace(one, object_id=A1.upper()))
    assert people.of(one) != people.of(replace(one, object_id=A2))


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [0, 60])
def test_a_clock_that_a_reboot_put_far_ahead_deletes_nothing_young(lab: Lab, ahead: int) -> None:
    """A wrong date set at boot is no time that passed: what is 30 days old stays until somebody trusts it (P10)."""
    lab.write("old.log", [100])
    recent = lab.write("recent.log", [30])
    lab.write("young.log", [1])
    with lab.engine() as engine:
        engine.purges.preview(HOST, SOURCE, silent)
    lab.clock.reboot()
    lab.clock.jump(ahead * 86_400)
    try:
        lab.purge_at_once()
    except ClockError:
        assert ahead
    assert recent.exists()


# -- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_log_that_no_verification_may_read_is_no_pass(lab: Lab, mode: int) -> None:
    """An old log that was skipped, at the preview and at the end, was not looked at: the purge proves nothing of it."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    lab.write("odd.log", [100]).chmod(mode)
    request = lab.purge()
    assert (lab.root / "odd.log").exists() is (mode == 0o755)
    assert (request.verdict == "PASS" and not request.results.get("skipped")) is (mode == 0o644), request.results


def test_no_name_of_a_file_outlives_its_manifest(lab: Lab) -> None:
    """Manifests are dropped after 90 days because their file names may name people; nothing else keeps them longer."""
    lab.write("anna-schmidt.log", [100])
    lab.write("young.log", [1])
    lab.purge()
    remembered = [path for path in (lab.folder / "sources").glob("*.sqlite") if b"anna-schmidt" in path.read_bytes()]
    lab.pause(100 * DAY)
    lab.write("young.log", [1])
    lab.purge()
    assert [path.name for path in remembered if b"anna-schmidt" in path.read_bytes()] == []


# -- the watch --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("span", "fine"), [(1, True), (60, False)])
def test_a_file_that_nobody_rolls_counts_in_the_worst_case(lab: Lab, span: int, fine: bool) -> None:
    """Nothing is cut out of a file in use: one that is written for 60 days makes its records that much older."""
    lab.write("app.log", range(span, -1, -1), quiet_for=MINUTE)
    status = watch_of(lab).status(SOURCE, lab.now)
    assert status.summary.active == 1
    assert (status.worst.age <= status.max_age) is fine


@pytest.mark.parametrize("waits", [True, False])
def test_the_worst_case_counts_how_long_an_approved_purge_may_wait(lab: Lab, waits: bool) -> None:
    """A purge may start as late as `execute_for` after its cooling; that time is part of the worst case."""
    lab.care = replace(lab.care, execute_for=DAY if waits else 0)
    worst = watch_of(lab).status(SOURCE, lab.now).worst
    care = lab.care
    people = care.confirm_for + care.approve_for + care.cooling_for + care.execute_for
    assert worst.age >= lab.rule.max_age - lab.rule.margin + DAY + people


def test_a_failed_purge_is_no_alarm_for_ever(lab: Lab) -> None:
    """An alarm about a failed purge ends when a later purge of the same source has come to a PASS."""
    old = lab.write("old.log", [100])
    lab.write("young.log", [1])
    with lab.engine() as engine:
        request = lab.approved(engine)
        old.write_bytes(old.read_bytes() * 2)
        request = engine.runner.run(request.id, progress=silent)
    assert request.verdict == "FAIL"
    assert FindingKind.PURGE_FAILED in kinds_of(lab)
    lab.pause(2 * DAY)
    assert lab.purge().verdict == "PASS"
    assert FindingKind.PURGE_FAILED not in kinds_of(lab)


def test_young_data_that_were_lost_are_told_as_such(lab: Lab) -> None:
    """A purge after which young data are missing is an incident of its own kind, not only a failed purge."""
    lab.write("old.log", [100])
    young = lab.write("young.log", [1])
    lab.write("other.log", [1])
    with lab.engine() as engine:
        request = lab.approved(engine)
        young.unlink()
        request = engine.runner.run(request.id, progress=silent)
    assert request.state is State.CLOSED_FAILED
    assert FindingKind.OVER_DELETION in kinds_of(lab)


def test_one_dead_mark_does_not_silence_the_watch(lab: Lab) -> None:
    """A damaged memory of what was purged is one finding of one source, not the end of all findings."""
    lab.write("old.log", [100])
    lab.write("young.log", [1])
    lab.purge()
    assert kinds_of(lab) == set()
    lab.write("old-again.log", [101])
    (memory,) = (lab.folder / "sources").glob("*.purged.sqlite")
    memory.write_bytes(b"garbage" * 1000)
    assert FindingKind.OVERDUE in kinds_of(lab)


# -- steps ------------------------------------------------------------------------------------------------------------


def test_an_approver_takes_the_first_of_two_approvals_back(lab: Lab) -> None:
    """Whoever approved takes it back while the second approval is still missing."""
    lab.care = replace(lab.care, approvals=2)
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        request = engine.purges.confirm(ALICE, request.id, request.code)
        engine.purges.approve(BOB, request.id, request.digest)
        assert engine.purges.revoke(BOB, request.id).state is not State.AWAITING_SECOND


def test_a_second_preview_does_not_kill_the_first(lab: Lab) -> None:
    """While one admin's preview is being made, another one's is refused and names it; the first comes to its end."""
    for number in range(600):
        lab.write(f"old-{number}x.log", [100])
    tried: list[str] = []
    with lab.engine() as engine:

        def meanwhile(_phase: str, _done: int, _total: int) -> None:
            if not tried:
                try:
                    engine.purges.preview(BOB, SOURCE, silent)
                    tried.append("made")
                except RefusedError as refused:
                    tried.append(refused.reason)

        request = engine.purges.preview(ALICE, SOURCE, meanwhile)
    assert tried == ["already_open"]
    assert request.state is State.PREVIEWED
