"""Every step that people take: who may, when, in which order, and what nobody may at any time."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from data.access import Actor, Role
from data.errors import ConflictError, RefusedError, SettingsError, SourceError, UnknownError
from data.purge.engine import Engine
from data.purge.holds import Wish
from data.retention.request import PurgeRequest, State
from data.retention.rule import Care, check_approvable
from tests.data.purge.lab import ALICE, BOB, DAY, DORA, EVE, HOST, HOUR, MINUTE, SOURCE, Lab, person, silent

CARL = person("carl", Role.ADMIN)


def refused(reason: str, work: Callable[[], object]) -> None:
    """Expect a refusal for exactly this reason."""
    with pytest.raises(RefusedError) as found:
        work()
    assert found.value.reason == reason


def previewed(lab: Lab, engine: Engine) -> PurgeRequest:
    """Preview a source with one old and one young file."""
    if not any(lab.root.iterdir()):
        lab.write("old.log", [100, 99])
        lab.write("young.log", [5, 4])
    return engine.purges.preview(ALICE, SOURCE, silent)


# -- preview ----------------------------------------------------------------------------------------------------------


def test_a_preview_counts_what_would_go_and_deletes_nothing(lab: Lab) -> None:
    """Old records are selected, young ones kept, the code is bound to the scope, and every file is still there."""
    lab.write("old.log", [100, 99])
    lab.write("mixed.log", [90, 10, 9])
    lab.write("young.log", [5])
    with lab.engine() as engine:
        request = previewed(lab, engine)
    preview = request.preview
    assert request.state is State.PREVIEWED
    assert (preview.selected.units, preview.selected.records, preview.rewritten_units) == (2, 3, 1)
    assert (preview.kept.units, preview.kept.records) == (2, 3)
    assert preview.kept.oldest == lab.now - 10 * DAY
    assert len(request.code) == 9
    assert len(list(lab.root.iterdir())) == 3
    assert request.expires_at == lab.now + 30 * MINUTE


def test_the_cutoff_is_frozen_in_whole_seconds(lab: Lab) -> None:
    """The cutoff is now minus period plus margin, cut to whole seconds, and waiting does not move it."""
    lab.clock.advance(0.75)
    with lab.engine() as engine:
        request = previewed(lab, engine)
        lab.pause(10 * MINUTE)
        assert engine.purges.get(request.id).cutoff == request.cutoff
    assert request.cutoff == (request.created_at - 83 * DAY) // 1_000_000 * 1_000_000


def test_an_unknown_source_is_named(lab: Lab) -> None:
    """A source that the settings do not name is bad input, however it is spelled; the known one works."""
    with lab.engine() as engine:
        for name in ("other", "../x", "app-logs; rm", "'--", "x" * 10_000, "app\nlogs", "%00", "*"):
            with pytest.raises(UnknownError, match="app-logs"):
                engine.purges.preview(ALICE, name, silent)
        assert previewed(lab, engine).source == SOURCE


def test_a_source_that_is_gone_is_an_error_and_no_request(lab: Lab) -> None:
    """A root that does not exist gives an error naming the source, and no request is left open."""
    lab.folder.mkdir()
    with lab.engine() as engine:
        lab.root.rmdir()
        with pytest.raises(SourceError, match="app-logs"):
            engine.purges.preview(ALICE, SOURCE, silent)
        assert engine.purges.newest() == ()


def test_only_admins_ask_for_purges(lab: Lab) -> None:
    """An employee and a DPO are refused, and nothing is stored; an admin is not."""
    with lab.engine() as engine:
        for actor in (EVE, DORA, Actor(tenant_id="t", object_id="", roles=frozenset({Role.EMPLOYEE}))):
            refused("not_allowed", lambda actor=actor: engine.purges.preview(actor, SOURCE, silent))
        assert engine.purges.newest() == ()
        assert previewed(lab, engine).state is State.PREVIEWED


def test_a_second_request_for_a_source_is_refused_with_the_first_named(lab: Lab) -> None:
    """While one request is on its way another is refused (FE-10); an own preview that was not confirmed gives way."""
    with lab.engine() as engine:
        first = previewed(lab, engine)
        second = previewed(lab, engine)
        assert engine.purges.get(first.id).state is State.SUPERSEDED
        engine.purges.confirm(ALICE, second.id, second.code)
        with pytest.raises(RefusedError, match=second.id) as found:
            engine.purges.preview(BOB, SOURCE, silent)
        assert found.value.reason == "already_open"
        engine.purges.withdraw(ALICE, second.id)
        assert engine.purges.preview(BOB, SOURCE, silent).state is State.PREVIEWED


# -- confirm and approve ----------------------------------------------------------------------------------------------


def test_the_way_to_approval(lab: Lab) -> None:
    """The requester confirms with the code, another person approves, the cooling begins."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        request = engine.purges.confirm(ALICE, request.id, request.code)
        assert request.state is State.AWAITING_SECOND
        request = engine.purges.approve(BOB, request.id, request.digest)
        assert request.state is State.COOLING
        assert request.cooling_until == lab.now + 15 * MINUTE


@pytest.mark.parametrize("typed", ["", "AAAA-AAAA", "0", "lösche", "ＡＡＡＡ-ＡＡＡＡ"])
def test_a_wrong_code_confirms_nothing(lab: Lab, typed: str) -> None:
    """A code that is not the one of this scope is refused; the right one, in small letters and blanks, is not."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        refused("wrong_code", lambda: engine.purges.confirm(ALICE, request.id, typed))
        spelled = request.code.lower().replace("-", " ")
        assert engine.purges.confirm(ALICE, request.id, spelled).state is State.AWAITING_SECOND


def test_a_code_of_another_request_confirms_nothing(lab: Lab) -> None:
    """Two previews of the same files have different codes, and neither opens the other."""
    with lab.engine() as engine:
        first = previewed(lab, engine)
        second = previewed(lab, engine)
        assert first.code != second.code
        refused("wrong_code", lambda: engine.purges.confirm(ALICE, second.id, first.code))


def test_nobody_approves_his_own_request(lab: Lab) -> None:
    """The requester's approval is refused (FE-01), whatever his roles; another one's is not."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        both = replace(ALICE, roles=frozenset(Role))
        refused("own_request", lambda: engine.purges.approve(both, request.id, request.digest))
        assert engine.purges.approve(DORA, request.id, request.digest).state is State.COOLING


def test_one_person_approves_once(lab: Lab) -> None:
    """Where two must approve, two presses of one person count once (FE-02)."""
    lab.care = Care(approvals=2, max_share=1.0)
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        for _ in range(2):
            assert engine.purges.approve(BOB, request.id, request.digest).state is State.AWAITING_SECOND
        assert engine.purges.approve(DORA, request.id, request.digest).state is State.COOLING


def test_an_approval_of_another_scope_is_refused(lab: Lab) -> None:
    """Whoever approves names the digest he saw; any other one is refused."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        refused("other_scope", lambda: engine.purges.approve(BOB, request.id, "0" * 64))


@pytest.mark.parametrize(("late", "accepted"), [(-1, True), (0, True), (1, False)])
def test_a_confirmation_expires_to_the_microsecond(lab: Lab, late: int, accepted: bool) -> None:
    """Up to the end of the half hour the code is good, a microsecond later it is not (FE-05)."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        lab.pause(lab.care.confirm_for + late)
        if accepted:
            assert engine.purges.confirm(ALICE, request.id, request.code).state is State.AWAITING_SECOND
            return
        refused("expired", lambda: engine.purges.confirm(ALICE, request.id, request.code))
        assert engine.purges.get(request.id).state is State.EXPIRED


@pytest.mark.parametrize(("late", "accepted"), [(-1, True), (1, False)])
def test_an_approval_expires(lab: Lab, late: int, accepted: bool) -> None:
    """The second person has a day, and not a microsecond more."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        lab.pause(24 * HOUR + late)
        if accepted:
            assert engine.purges.approve(BOB, request.id, request.digest).state is State.COOLING
        else:
            refused("expired", lambda: engine.purges.approve(BOB, request.id, request.digest))


def test_an_approved_purge_expires_too(lab: Lab) -> None:
    """A purge that nobody started within its window needs a new request (FE-06)."""
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.pause(lab.care.execute_for)
        refused("expired", lambda: engine.runner.run(request.id, progress=silent))
    assert len(list(lab.root.iterdir())) == 0 or (lab.root / "old.log").exists()


def test_a_no_ends_it(lab: Lab) -> None:
    """After a rejection an approval is refused, after an approval a rejection is too late and cancelling is not."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        assert engine.purges.reject(DORA, request.id, "not now").state is State.REJECTED
        refused("wrong_state", lambda: engine.purges.approve(BOB, request.id, request.digest))
        second = lab.approved(engine)
        refused("wrong_state", lambda: engine.purges.reject(DORA, second.id, "too late"))
        assert engine.purges.cancel(DORA, second.id, "stop").state is State.CANCELLED
        refused("wrong_state", lambda: engine.runner.run(second.id, progress=silent))


def test_requester_and_approver_can_step_back(lab: Lab) -> None:
    """The requester withdraws, the approver takes his yes back; nobody does so for another."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        refused("not_the_requester", lambda: engine.purges.withdraw(BOB, request.id))
        assert engine.purges.withdraw(ALICE, request.id).state is State.WITHDRAWN
        second = lab.approved(engine)
        refused("not_the_approver", lambda: engine.purges.revoke(DORA, second.id))
        assert engine.purges.revoke(BOB, second.id).state is State.REVOKED


# -- what changes in between ------------------------------------------------------------------------------------------


def changed_rule(lab: Lab) -> None:
    """Shorten the period."""
    lab.rule = replace(lab.rule, max_age=60 * DAY)


def changed_care(lab: Lab) -> None:
    """Ask for one more approval."""
    lab.care = replace(lab.care, approvals=2)


def changed_source(lab: Lab) -> None:
    """Configure the source otherwise."""
    lab.rewrite = False


@pytest.mark.parametrize("change", [changed_rule, changed_care, changed_source])
@pytest.mark.parametrize("approved", [False, True], ids=["previewed", "approved"])
def test_a_change_of_rule_care_or_source_supersedes(lab: Lab, change: Callable[[Lab], None], approved: bool) -> None:
    """What was previewed under other rules is worth nothing any more (FE-14), at confirmation and at execution."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine) if approved else previewed(lab, engine)
    change(lab)
    with lab.engine() as engine:
        if approved:
            refused("superseded", lambda: engine.runner.run(request.id, progress=silent))
        else:
            refused("superseded", lambda: engine.purges.confirm(ALICE, request.id, request.code))
        assert engine.purges.get(request.id).state is State.SUPERSEDED
    assert (lab.root / "old.log").exists()


def test_a_hold_after_the_preview_supersedes(lab: Lab) -> None:
    """A hold placed on the source after the preview ends the request; one on another source's records would not."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.holds.place(DORA, Wish(sources=(SOURCE,), reason="case", review_at=lab.now + 30 * DAY))
        refused("superseded", lambda: engine.purges.confirm(ALICE, request.id, request.code))


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_role_that_is_lost_before_execution_prevents_it(lab: Lab, who: str) -> None:
    """Requester and approver must still have their roles when it runs (FE-03, FE-04); then it runs."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.roles = {who: frozenset({Role.EMPLOYEE})}
        refused("role_lost", lambda: engine.runner.run(request.id, progress=silent))
        assert (lab.root / "old.log").exists()
        lab.roles = {}
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_forgotten_person_has_no_role(lab: Lab) -> None:
    """Somebody whose pseudonym was erased no longer stands behind an approval."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        assert lab.stores.people.forget(request.approvals[0].by)
        refused("role_lost", lambda: engine.runner.run(request.id, progress=silent))


def test_an_old_version_is_a_conflict(lab: Lab) -> None:
    """Whoever changes a request that somebody else has changed in between is told so, and changes nothing."""
    with lab.engine() as engine:
        request = previewed(lab, engine)
        engine.purges.confirm(ALICE, request.id, request.code)
        with pytest.raises(ConflictError):
            lab.stores.requests.replace(request)


# -- limits and the glass ---------------------------------------------------------------------------------------------


def test_a_purge_that_takes_too_much_is_refused(lab: Lab) -> None:
    """More than the largest share of the source cannot be confirmed nor run by breaking the glass."""
    lab.care = Care(max_share=0.5)
    lab.write("old.log", [100, 99, 98])
    lab.write("young.log", [1, 2])
    with lab.engine() as engine:
        request = previewed(lab, engine)
        assert request.preview.share == pytest.approx(0.6)
        refused("blast_limit", lambda: engine.purges.confirm(ALICE, request.id, request.code))
        refused("blast_limit", lambda: engine.purges.break_glass(HOST, request.id, request.code, "urgent"))
    lab.care = Care(max_share=0.6)
    with lab.engine() as engine:
        request = previewed(lab, engine)
        assert engine.purges.confirm(ALICE, request.id, request.code).state is State.AWAITING_SECOND


def test_breaking_the_glass_needs_code_and_reason(lab: Lab) -> None:
    """The host's operator runs a preview alone with code and reason; without either nothing happens."""
    with lab.engine() as engine:
        request = engine.purges.preview(HOST, SOURCE, silent)
        refused("no_reason", lambda: engine.purges.break_glass(HOST, request.id, request.code, "  "))
        refused("wrong_code", lambda: engine.purges.break_glass(HOST, request.id, "AAAA-AAAA", "urgent"))
        broken = engine.purges.break_glass(HOST, request.id, request.code, "urgent")
        assert (broken.state, broken.break_glass, broken.reason) == (State.APPROVED, True, "urgent")
        kinds = [entry.kind for entry in engine.parts.audit.entries(request.id)]
    assert kinds == ["request.created", "request.previewed", "request.approved"]


@pytest.mark.parametrize("approvals", [0, -1])
def test_a_purge_without_approval_cannot_be_configured(approvals: int) -> None:
    """Nought or fewer approvals are refused (FE-09); one is not."""
    with pytest.raises(SettingsError):
        Care(approvals=approvals)
    assert Care(approvals=1).approvals == 1


@pytest.mark.parametrize(("approvers", "fits"), [(1, False), (2, False), (3, True)])
def test_a_request_that_nobody_could_approve_cannot_be_configured(approvers: int, fits: bool) -> None:
    """Two approvals need three people: the requester's own does not count (FE-08)."""
    care, people = Care(approvals=2), ["a", "b", "c"][:approvers]
    if fits:
        check_approvable(care, admins=people[:1], dpos=people[1:])
    else:
        with pytest.raises(SettingsError, match="approvals"):
            check_approvable(care, admins=people[:1], dpos=people[1:])


def test_every_step_is_in_the_audit_before_it_is_stored(lab: Lab) -> None:
    """The audit tells the whole story of a request, by pseudonym, with the digest that was approved (FE-12)."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        engine.runner.run(request.id, progress=silent)
        entries = list(engine.parts.audit.entries(request.id))
    kinds = [entry.kind for entry in entries]
    assert kinds[:5] == [
        "request.created", "request.previewed", "request.awaiting_second", "request.cooling", "purge.started",
    ]  # fmt: skip
    assert kinds[5:] == ["purge.intent", "purge.result", "request.verifying", "request.closed"]
    assert all("alice" not in entry.actor and "bob" not in entry.actor for entry in entries)
    approval = entries[3]
    assert approval.data["digest"] == request.digest
    known = lab.stores.people.find(approval.actor)
    assert known is not None
    assert known.object_id == "bob"
