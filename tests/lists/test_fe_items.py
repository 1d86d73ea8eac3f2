"""Items of the FE list (security.md 8): what four eyes have to see, where the tests of the steps do not say it.

Number of approvals, people and what is purged are the host's settings, read at the start; nobody can change them in
chat. So FE-17, 18 and 19 are about what a changed file is worth for requests that are under way.
"""

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.access import Role
from data.audit.keys import PUBLIC, read_public
from data.audit.report import Verdict
from data.audit.verify import verify
from data.errors import ClockError, RefusedError
from data.purge.clock_trust import trust_clock
from data.retention.manifest import row_of
from data.retention.merkle import merkle_root
from data.retention.request import State
from data.retention.rule import Care
from data.retention.scope import code_of
from data.retention.unit import Action, Identity, Planned, Unit
from tests.crash.driver import Crashes, Outcome, run_points
from tests.crash.scenario_purge import opened
from tests.data.purge.lab import ALICE, BOB, DORA, EVE, HOUR, MINUTE, SOURCE, Lab, person, silent
from tests.data.purge.test_purge_runs import Watched, files_of
from tests.domain import ROOT
from tests.lists.scenario_vote import prepare, vote
from tests.test_retention_cli import BAD_INPUT, DONE, Site

VOTE = Path(__file__).with_name("scenario_vote.py")


def refusal(lab: Lab, request_id: str) -> str:
    """Run a request that must not run; give the reason."""
    with lab.engine() as engine, pytest.raises(RefusedError) as found:
        engine.runner.run(request_id, progress=silent)
    return str(found.value.reason)


# -- FE-11 ------------------------------------------------------------------------------------------------------------


def vote_is_whole(folder: Path, outcome: Outcome) -> None:
    """The vote is there with all it says or not at all; what was acknowledged is there; the audit knew it first."""
    assert not outcome.error, outcome.error
    name = (folder / "request").read_text()
    with opened(folder, minutes=6) as (lab, engine):
        request = lab.stores.requests.get(name)
        said = [entry for entry in engine.parts.audit.entries(name) if entry.kind == "request.cooling"]
    assert (request.state, len(request.approvals)) in {(State.AWAITING_SECOND, 0), (State.COOLING, 1)}
    assert "cooling" not in outcome.acks or request.state is State.COOLING
    assert len(said) >= len(request.approvals)
    assert all(entry.data["digest"] == request.digest for entry in said)
    if request.state is State.AWAITING_SECOND:
        assert vote(folder, minutes=7) == "cooling", "the vote can be repeated"
    else:
        assert request.approvals[0].by == said[-1].actor
    report = verify(folder / "state" / "audit", public_key=read_public(folder / "state" / "keys" / PUBLIC))
    assert report.verdict is Verdict.INTACT, report.findings


def test_a_vote_is_there_whole_or_not_at_all(shim: Path, memory: Path) -> None:
    """Killed or failed at every call between the vote and the stored state: whole or absent, never half (FE-11)."""
    with Crashes(shim, VOTE) as crashes:
        report = run_points(crashes, memory, setup=prepare, check=vote_is_whole, most=50)
    report.must_be_clean()
    assert report.by_mode.keys() >= {"BEFORE", "AFTER", "LOSE", "FULL", "BROKEN"}
    assert report.killed > 10


# -- FE-13 ------------------------------------------------------------------------------------------------------------


def test_a_file_that_appears_after_the_approval_is_not_purged(lab: Lab) -> None:
    """An old file nobody has seen when people said yes stays, and is told (FE-13); its elder goes."""
    lab.write("seen.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.write("unseen.log", [100])
        request = engine.runner.run(request.id, progress=silent)
    assert files_of(lab) == {"unseen.log"}
    assert request.results == {"deleted": 1}
    looked = lab.papers.written[-1].verification
    assert looked.late + looked.old_left == 1, "and it is not passed over"


# -- FE-15 ------------------------------------------------------------------------------------------------------------


def rows_of(names: Iterable[bytes]) -> list[bytes]:
    """Write rows that differ in nothing but their names."""
    same = Identity(device=1, inode=2, size=3, mtime_ns=4, ctime_ns=5, digest="0" * 64)
    return [
        row_of(Planned(unit=Unit(name=name, identity=same), action=Action.DELETE, records=1, bytes=1, lo=0, hi=1))
        for name in sorted(names)
    ]


def naive_digest(names: Iterable[bytes]) -> str:
    """Hash a plan as a script does: the names, one a line, what cannot be decoded replaced."""
    text = "\n".join(name.decode(errors="replace") for name in sorted(names))
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([b"a.log\nb.log"], [b"a.log", b"b.log"]),
        ([b"\xff.log"], [b"\xfe.log"]),
        ([b"a", b"b\nc"], [b"a\nb", b"c"]),
    ],
)
def test_odd_names_make_no_two_plans_alike(one: list[bytes], other: list[bytes]) -> None:
    """Plans that look the same to a naive hash, by newlines or bytes that are no text, have other roots (FE-15)."""
    assert naive_digest(one) == naive_digest(other), "the naive digest has to fall"
    assert merkle_root(rows_of(one)) != merkle_root(rows_of(other))
    assert merkle_root(rows_of(one)) == merkle_root(rows_of(reversed(one)))


NAMES = st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: b"/" not in name), max_size=5, unique=True)


@given(one=NAMES, other=NAMES)
def test_other_names_are_another_plan(one: list[bytes], other: list[bytes]) -> None:
    """Two plans have the same root exactly if they name the same units (FE-15)."""
    same = merkle_root(rows_of(one)) == merkle_root(rows_of(other))
    assert same is (set(one) == set(other))


def test_a_file_with_a_newline_is_another_scope_than_two_files(tmp_path: Path) -> None:
    """With real files too the code that people see is another one (FE-15), and both scopes can be confirmed."""
    codes = set()
    for number, names in enumerate((["a.log\nb.log"], ["a.log", "b.log"])):
        lab = Lab(folder=tmp_path / f"{number}")
        for name in names:
            lab.write(name, [100])
        with lab.engine() as engine:
            request = engine.purges.preview(ALICE, SOURCE, silent)
            assert request.preview.selected.units == len(names)
            codes.add(code_of(request.digest))
            assert engine.purges.confirm(ALICE, request.id, request.code).state is State.AWAITING_SECOND
    assert len(codes) == 2


# -- FE-16 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [0, 10])
def test_a_clock_set_back_does_not_make_an_approval_last(lab: Lab, back: int) -> None:
    """Whoever sets the clock back by hours to approve after a day is refused by the clock (FE-16)."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        engine.purges.confirm(ALICE, request.id, request.code)
        lab.pause(20 * HOUR)
        if back:
            lab.clock.jump(-back * 3600)
            lab.pause(back * HOUR)
            with pytest.raises(ClockError):
                engine.purges.approve(BOB, request.id, request.digest)
            assert engine.purges.get(request.id).state is State.AWAITING_SECOND
        else:
            assert engine.purges.approve(BOB, request.id, request.digest).state is State.COOLING
    assert (lab.root / "old.log").exists()


def test_trusting_a_clock_that_was_set_back_does_not_make_an_approval_last(lab: Lab) -> None:
    """40 hours after the confirmation nobody approves, whatever the wall clock was set to and trusted as (FE-16)."""
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        engine.purges.confirm(ALICE, request.id, request.code)
        lab.pause(20 * HOUR)
        lab.clock.jump(-19 * 3600)
        lab.pause(20 * HOUR)
        trust_clock(engine.parts, ALICE, "it is right")
        with pytest.raises(RefusedError):
            engine.purges.approve(BOB, request.id, request.digest)


# -- FE-17, 18, 19 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lowered", [True, False])
def test_a_lower_number_of_approvals_is_worth_nothing_to_what_is_under_way(lab: Lab, lowered: bool) -> None:
    """Two approvals were asked for and one is there: a restart that asks for one only supersedes (FE-17).

    Without the change the second person's yes completes it.
    """
    lab.care = Care(approvals=2, max_share=1.0)
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        engine.purges.confirm(ALICE, request.id, request.code)
        engine.purges.approve(BOB, request.id, request.digest)
    if lowered:
        lab.care = replace(lab.care, approvals=1)
        assert refusal(lab, request.id) in {"superseded", "wrong_state"}
        with lab.engine() as engine:
            with pytest.raises(RefusedError) as found:
                engine.purges.approve(DORA, request.id, request.digest)
            assert found.value.reason == "superseded"
            assert engine.purges.get(request.id).state is State.SUPERSEDED
        assert (lab.root / "old.log").exists()
        return
    with lab.engine() as engine:
        assert engine.purges.approve(DORA, request.id, request.digest).state is State.COOLING
        lab.pause(lab.care.cooling_for + MINUTE)
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_number_lowered_after_the_last_approval_supersedes_too(lab: Lab) -> None:
    """What was approved under two is not run under one: the number is part of what people said yes to (FE-17)."""
    lab.care = Care(approvals=2, max_share=1.0)
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine, approvers=(BOB, DORA))
    lab.care = replace(lab.care, approvals=1)
    assert refusal(lab, request.id) == "superseded"
    assert (lab.root / "old.log").exists()


@pytest.mark.parametrize("stays", [True, False])
def test_an_approver_who_was_added_for_one_purge_carries_nothing(lab: Lab, stays: bool) -> None:
    """Roles are asked anew: who was given one to approve and lost it again is no second person (FE-18)."""
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = engine.purges.preview(ALICE, SOURCE, silent)
        engine.purges.confirm(ALICE, request.id, request.code)
        with pytest.raises(RefusedError) as found:
            engine.purges.approve(EVE, request.id, request.digest)
        assert found.value.reason == "not_allowed", "before somebody adds her"
        added = person("eve", Role.ADMIN)
        lab.roles = {"eve": added.roles}
        request = engine.purges.approve(added, request.id, request.digest)
        said = [entry for entry in engine.parts.audit.entries(request.id) if entry.kind == "request.cooling"]
        assert [entry.actor for entry in said] == [request.approvals[0].by], "and it is on record who it was"
    lab.pause(lab.care.cooling_for + MINUTE)
    lab.roles = lab.roles if stays else {}
    if not stays:
        assert refusal(lab, request.id) == "role_lost"
        assert (lab.root / "old.log").exists()
        return
    with lab.engine() as engine:
        assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


@pytest.mark.parametrize("setting", ["[audit]\nenabled = false", "[retention]\naudit = false", "audit = false", ""])
def test_the_audit_cannot_be_switched_off(tmp_path: Path, setting: str) -> None:
    """There is no setting that does without the audit: a key that tries is refused by name (FE-19)."""
    site = Site(tmp_path, settings=setting)
    site.write("old.log", [100])
    done = site("purge", "preview", "app-logs", "--json")
    assert done.returncode == (BAD_INPUT if setting else DONE)
    assert not setting or "audit" in done.stderr
    assert (tmp_path / "var" / "audit").exists() is not bool(setting)


# -- FE-20 ------------------------------------------------------------------------------------------------------------


def calls_of(name: str, *folders: str) -> set[str]:
    """List the modules that call a method of this name."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_only_the_command_line_breaks_the_glass() -> None:
    """Nothing that hears Teams calls it: the host's console does, and nothing else (FE-20)."""
    assert calls_of("break_glass", "bot", "dialogs", "cards") == {"bot/purge_console.py"}


def test_a_clock_is_trusted_by_those_who_may(lab: Lab) -> None:
    """A jump is accepted by an admin with a reason, not by an employee, and nothing is previewed before (FE-16)."""
    with lab.engine() as engine:
        engine.purges.preview(ALICE, SOURCE, silent)
        lab.clock.jump(86_400)
        with pytest.raises(ClockError):
            engine.purges.preview(ALICE, SOURCE, silent)
        with pytest.raises(RefusedError) as found:
            trust_clock(engine.parts, EVE, "because")
        assert found.value.reason == "not_allowed"
        trust_clock(engine.parts, ALICE, "time server")
        assert engine.purges.preview(ALICE, SOURCE, silent).state is State.PREVIEWED


def test_what_appeared_goes_with_the_next_yes(lab: Lab) -> None:
    """The control for FE-13: the file that was left is planned by the next preview, and goes with the next yes."""
    watched = Watched(lab)
    lab.write("seen.log", [100])
    with lab.engine() as engine:
        request = lab.approved(engine)
        lab.write("unseen.log", [100])
        engine.runner.run(request.id, progress=silent)
        assert [row.unit.name for row in watched.between.acted] == [b"seen.log"]
    assert lab.purge().results == {"deleted": 1}
    assert files_of(lab) == set()
