"""Standing rules in an office over real files: agreed to, run, kept from running, told, and switched off."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.access import Actor, Role
from data.desk.standing import StandingRule, StandingState
from data.desk.standing_steps import NOTHING_TO_DO, Problem, Terms, carried_by
from data.errors import ClockError, ProcallError, RefusedError, SourceError, UnknownError
from data.office.parts import RoleHolders
from data.office.standing import StandingService, check_enough, wants_of_standing
from data.purge.holds import Wish
from data.retention.finding import FindingKind
from data.retention.instants import DAY, HOUR, MINUTE, Instant
from data.retention.request import RUNNING, STANDING_RULE, PurgeRequest, State
from data.retention.rule import Care
from data.stores.memory_desk import MemoryDeskStores
from tests.data.purge.lab import HOST, Lab, person, silent
from tests.desk import ALICE, BOB, DORA, EVE, SOURCE, OpenOffice, open_office

TERMS = Terms(every_days=1, at_minute=0, max_share=1.0, max_records=100)
CARL = person("carl", Role.ADMIN)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Give a lab with an old file and a young one."""
    made = Lab(folder=tmp_path / "lab")
    made.write("old.log", [100, 95])
    made.write("young.log", [3, 2])
    return made


@pytest.fixture
def office(lab: Lab) -> Iterator[OpenOffice]:
    """Give an office over the lab."""
    with open_office(lab) as opened:
        yield opened


def rules_of(office: OpenOffice) -> StandingService:
    """Give the service."""
    return office.office.standing


def agreed(office: OpenOffice, terms: Terms = TERMS) -> StandingRule:
    """Give a rule in force: Alice proposed it, Bob approved it, Dora acknowledged it."""
    rule = rules_of(office).propose(ALICE, SOURCE, terms)
    rules_of(office).approve(BOB, rule.id)
    return rules_of(office).acknowledge(DORA, rule.id)


def next_day(office: OpenOffice) -> None:
    """Let the time come at which a rule of midnight runs, a minute after it."""
    office.lab.pause(DAY - office.lab.now % DAY + MINUTE)


def authorised(office: OpenOffice) -> PurgeRequest:
    """Do what the schedule does until the engine's turn: begin what is due, make its preview, let it through."""
    runs = rules_of(office).runs
    (rule,) = runs.due(office.lab.now)
    request = runs.begin(rule.id)
    office.engine.purges.fill(request.id, silent)
    return runs.authorise(request.id)


def causes(office: OpenOffice) -> list[str]:
    """Give the causes of the findings of this moment."""
    found = rules_of(office).runs.findings(office.lab.now)
    assert all((one.kind, one.about, one.count) == (FindingKind.STANDING_BLOCKED, SOURCE, 1) for one in found)
    return [one.cause for one in found]


def kinds(office: OpenOffice, about: str) -> list[str]:
    """Give what the audit says about something, in order."""
    return [entry.kind for entry in office.engine.parts.audit.entries(about)]


def refused(reason: str, step: Callable[[], Any]) -> None:
    """Check that a step is refused for this reason."""
    with pytest.raises(RefusedError) as found:
        step()
    assert found.value.reason == reason


# -- agreeing ---------------------------------------------------------------------------------------------------------


def test_a_rule_purges_by_itself_once_three_have_agreed(office: OpenOffice, lab: Lab) -> None:
    """Begun by nobody, carried by the three, without cooling; old files go, young ones stay, the audit has it all."""
    rule = agreed(office)
    assert rules_of(office).runs.due(lab.now) == ()
    next_day(office)
    stood = authorised(office)
    assert (stood.state, stood.requester, stood.cooling_until) == (State.APPROVED, STANDING_RULE, lab.now)
    assert stood.standing == carried_by(rule)
    done = office.engine.runner.run(stood.id, progress=silent)
    assert (done.state, done.verdict, done.results) == (State.CLOSED_CLEAN, "PASS", {"deleted": 1})
    assert sorted(path.name for path in lab.root.iterdir()) == ["young.log"]
    assert kinds(office, rule.id) == [
        "standing.proposed", "standing.approved", "standing.active", "standing.begun",
    ]  # fmt: skip
    assert causes(office) == []
    after = rules_of(office).get(rule.id)
    assert (after.last_request, after.last_problem) == (done.id, "")
    assert rules_of(office).runs.due(lab.now) == ()
    people = [office.engine.parts.people.name(who) for who in (ALICE, BOB, DORA)]
    assert [yes.by for yes in lab.papers.written[0].request.approvals] == people


def test_each_step_is_in_the_audit_before_it_is_stored(lab: Lab) -> None:
    """Where the store fails after the audit the entry is there, and the rule is as it was; a later try succeeds."""
    with open_office(lab) as office:
        rule = rules_of(office).propose(ALICE, SOURCE, TERMS)
        stale = rules_of(office).get(rule.id)
        rules_of(office).approve(BOB, rule.id)
        assert kinds(office, rule.id) == ["standing.proposed", "standing.approved"]
        with pytest.raises(ProcallError):
            office.office.parts.desk.standing.replace(stale)
        entry = next(iter(office.engine.parts.audit.entries(rule.id)))
        assert entry.data == {
            "digest": rule.digest, "every_days": 1, "at_minute": 0, "max_share": 1.0, "max_records": 100,
        }  # fmt: skip


def test_only_the_right_roles_agree(office: OpenOffice) -> None:
    """Employees and DPOs propose nothing, DPOs approve nothing, admins acknowledge nothing; the right ones do."""
    service = rules_of(office)
    for who in (EVE, DORA):
        refused("not_allowed", lambda who=who: service.propose(who, SOURCE, TERMS))
    rule = service.propose(ALICE, SOURCE, TERMS)
    refused("own_rule", lambda: service.approve(ALICE, rule.id))
    refused("not_allowed", lambda: service.approve(DORA, rule.id))
    refused("not_allowed", lambda: service.reject(EVE, rule.id))
    service.approve(BOB, rule.id)
    refused("dpo_only", lambda: service.acknowledge(BOB, rule.id))
    refused("dpo_only", lambda: service.acknowledge(HOST, rule.id))
    assert service.acknowledge(DORA, rule.id).runs
    with pytest.raises(UnknownError):
        service.propose(ALICE, "no-such", TERMS)


def test_a_role_lost_on_the_way_counts_no_more(office: OpenOffice, lab: Lab) -> None:
    """An approver who is no admin any more has not agreed when the DPO acknowledges; with the role back he has."""
    rule = rules_of(office).propose(ALICE, SOURCE, TERMS)
    rules_of(office).approve(BOB, rule.id)
    lab.roles[BOB.object_id] = frozenset({Role.EMPLOYEE})
    refused("role_lost", lambda: rules_of(office).acknowledge(DORA, rule.id))
    del lab.roles[BOB.object_id]
    assert rules_of(office).acknowledge(DORA, rule.id).runs


def test_a_rule_that_nobody_could_agree_to_is_not_proposed() -> None:
    """It takes another admin and a DPO, two people besides the proposer (FE-08)."""
    for admins, dpos in ((("a",), ("d",)), (("a", "b"), ()), (("a", "b"), ("b",)), (("a", "b"), ("a",))):
        refused("too_few", lambda admins=admins, dpos=dpos: check_enough(RoleHolders(admins=admins, dpos=dpos), "a"))
    check_enough(RoleHolders(admins=("a", "b"), dpos=("d",)), "a")
    check_enough(RoleHolders(admins=("a", "b", "c"), dpos=("b",)), "a")


def test_a_new_version_takes_over_only_when_all_have_agreed(office: OpenOffice, lab: Lab) -> None:
    """Until then the old one runs; then it is replaced, and only the new one is due."""
    old = agreed(office)
    new = rules_of(office).propose(BOB, SOURCE, replace(TERMS, max_records=50))
    rules_of(office).approve(ALICE, new.id)
    next_day(office)
    assert [rule.id for rule in rules_of(office).runs.due(lab.now)] == [old.id]
    rules_of(office).acknowledge(DORA, new.id)
    assert rules_of(office).get(old.id).state is StandingState.REPLACED
    next_day(office)
    assert [rule.id for rule in rules_of(office).runs.due(lab.now)] == [new.id]
    refused("rule_ended", lambda: rules_of(office).runs.begin(old.id))


def test_two_roles_switch_it_off(office: OpenOffice, lab: Lab) -> None:
    """An admin asks, it goes on; another admin is refused, a DPO's yes ends it, and it is never due again (FE-19)."""
    rule = agreed(office)
    assert rules_of(office).stop(ALICE, rule.id).state is StandingState.STOPPING
    refused("same_role", lambda: rules_of(office).stop(BOB, rule.id))
    refused("not_allowed", lambda: rules_of(office).stop(EVE, rule.id))
    next_day(office)
    assert rules_of(office).runs.due(lab.now), "it goes on until both have agreed"
    assert rules_of(office).stop(DORA, rule.id).state is StandingState.STOPPED
    assert rules_of(office).runs.due(lab.now) == ()
    assert causes(office) == []
    assert kinds(office, rule.id)[-2:] == ["standing.stop_asked", "standing.stopped"]


def test_a_no_keeps_it_on(office: OpenOffice) -> None:
    """Whoever declines the switching off lets it go on; a proposal ends with one no."""
    rule = agreed(office)
    rules_of(office).stop(ALICE, rule.id)
    assert rules_of(office).reject(DORA, rule.id).state is StandingState.ACTIVE
    other = rules_of(office).propose(ALICE, SOURCE, TERMS)
    assert rules_of(office).reject(DORA, other.id).state is StandingState.REJECTED
    assert kinds(office, other.id)[-1] == "standing.rejected"


# -- running ----------------------------------------------------------------------------------------------------------


def test_three_days_of_sleep_are_one_run(office: OpenOffice, lab: Lab) -> None:
    """A bot that slept over three slots runs once, and not again before the next (RL-24)."""
    agreed(office)
    next_day(office)
    lab.pause(3 * DAY)
    stood = authorised(office)
    office.engine.runner.run(stood.id, progress=silent)
    begun = []
    for _ in range(24):
        lab.pause(HOUR)
        begun += rules_of(office).runs.due(lab.now)
        if begun:
            break
    assert len(begun) == 1
    assert lab.now % DAY < HOUR + MINUTE


def test_nothing_old_is_a_quiet_end(office: OpenOffice, lab: Lab) -> None:
    """A run that finds nothing ends without a purge and without a finding; with an old file the next one purges."""
    (lab.root / "old.log").unlink()
    agreed(office)
    next_day(office)
    ended = authorised(office)
    assert (ended.state, ended.story[-1].reason) == (State.WITHDRAWN, NOTHING_TO_DO)
    assert causes(office) == []
    lab.write("old.log", [120])
    next_day(office)
    assert authorised(office).state is State.APPROVED


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (replace(TERMS, max_records=1), Problem.OVER_RECORDS),
        (replace(TERMS, max_share=0.49), Problem.OVER_SHARE),
    ],
)
def test_more_than_the_rule_allows_is_left_to_people(
    office: OpenOffice, lab: Lab, terms: Terms, problem: Problem
) -> None:
    """Over its limits nothing is deleted, the request is closed with the reason, and the DPO is told at once."""
    rule = agreed(office, terms)
    next_day(office)
    ended = authorised(office)
    assert (ended.state, ended.story[-1].reason) == (State.WITHDRAWN, problem)
    assert causes(office) == [problem]
    assert rules_of(office).get(rule.id).last_problem == problem
    assert (lab.root / "old.log").exists()
    lab.pause(HOUR + MINUTE)
    assert rules_of(office).runs.due(lab.now) == (), "people have to look, a try each hour changes nothing"
    lab.pause(DAY)
    assert rules_of(office).runs.due(lab.now)


def test_exactly_what_the_rule_allows_is_purged(office: OpenOffice) -> None:
    """The control: two of four records are half of the source, and both limits allow exactly that."""
    agreed(office, replace(TERMS, max_records=2, max_share=0.5))
    next_day(office)
    assert authorised(office).state is State.APPROVED


def test_the_limit_of_every_purge_binds_a_rule_too(lab: Lab) -> None:
    """A rule that was agreed to when purge.max_share was larger takes no more than it allows now."""
    desk = MemoryDeskStores()
    with open_office(lab, desk=desk) as office:
        agreed(office)
        next_day(office)
    lab.care = Care(max_share=0.4)
    with open_office(lab, desk=desk) as office:
        ended = authorised(office)
        assert ended.state is State.WITHDRAWN
        assert causes(office) == [Problem.BLAST_LIMIT]


def test_an_open_request_of_people_is_in_the_way_and_told(office: OpenOffice, lab: Lab) -> None:
    """While somebody's own purge is open the rule cannot run; it says so at once and tries again within the hour."""
    rule = agreed(office)
    next_day(office)
    theirs = office.engine.purges.preview(ALICE, SOURCE, silent)
    refused("already_open", lambda: rules_of(office).runs.begin(rule.id))
    assert causes(office) == [Problem.ALREADY_OPEN]
    assert rules_of(office).runs.due(lab.now) == ()
    office.engine.purges.withdraw(ALICE, theirs.id)
    lab.pause(HOUR)
    assert causes(office) == [Problem.ALREADY_OPEN], "an attempt is needed before it is over"
    assert authorised(office).state is State.APPROVED
    assert causes(office) == []


def test_a_source_that_cannot_be_read_is_told_at_once(office: OpenOffice, lab: Lab) -> None:
    """The run is noted with its problem; with the source back the next try goes through."""
    rule = agreed(office)
    next_day(office)
    lab.root.rename(lab.folder / "away")
    with pytest.raises(SourceError):
        rules_of(office).runs.begin(rule.id)
    assert causes(office) == [Problem.UNREACHABLE]
    assert kinds(office, rule.id)[-1] == "standing.blocked"
    (lab.folder / "away").rename(lab.folder / "logs")
    lab.pause(HOUR)
    assert authorised(office).state is State.APPROVED


def test_a_clock_that_jumped_is_told_at_once(office: OpenOffice, lab: Lab) -> None:
    """Nothing runs on a clock nobody trusts, and that is said, though the audit may not go back."""
    rule = agreed(office)
    next_day(office)
    lab.clock.jump(3 * 86_400)
    with pytest.raises(ClockError):
        rules_of(office).runs.begin(rule.id)
    assert causes(office) == [Problem.CLOCK]


def test_a_rule_that_nobody_begins_is_told_after_an_hour(office: OpenOffice, lab: Lab) -> None:
    """A schedule that stands still is noticed by the rule itself: not at its time, but an hour after it."""
    agreed(office)
    next_day(office)
    assert causes(office) == []
    lab.pause(HOUR)
    assert causes(office) == [Problem.NOT_RUN]


def test_a_run_that_gets_stuck_is_told(office: OpenOffice, lab: Lab) -> None:
    """A preview that is still not made after an hour is told, and known as unfinished for whoever goes on with it."""
    rule = agreed(office)
    next_day(office)
    request = rules_of(office).runs.begin(rule.id)
    assert [one.id for one in rules_of(office).runs.open_runs()] == [request.id]
    assert rules_of(office).runs.due(lab.now) == ()
    assert causes(office) == []
    lab.pause(HOUR + MINUTE)
    assert causes(office) == [Problem.STUCK]


@pytest.mark.parametrize("who", [ALICE, BOB, DORA])
def test_a_role_lost_stops_the_rule_and_is_told_before_it_is_due(office: OpenOffice, lab: Lab, who: Actor) -> None:
    """Without one of the three nothing is begun, and the DPO knows at once; with the role back it runs."""
    rule = agreed(office)
    lab.roles[who.object_id] = frozenset({Role.EMPLOYEE})
    assert causes(office) == [Problem.ROLE_LOST]
    next_day(office)
    refused("role_lost", lambda: rules_of(office).runs.begin(rule.id))
    del lab.roles[who.object_id]
    lab.pause(HOUR)
    assert authorised(office).state is State.APPROVED


def test_a_forgotten_person_stands_behind_no_rule(office: OpenOffice) -> None:
    """Whoever was forgotten has no role any more as far as a rule knows."""
    agreed(office)
    assert causes(office) == []
    office.engine.parts.stores.people.forget(office.engine.parts.people.name(DORA))
    assert causes(office) == [Problem.ROLE_LOST]


def test_a_source_that_is_gone_from_the_settings_is_told(lab: Lab) -> None:
    """A rule whose source nobody configures any more cannot run; that is no quiet end."""
    desk = MemoryDeskStores()
    with open_office(lab, desk=desk) as office:
        rule = agreed(office)
    with open_office(lab, desk=desk) as office:
        gone = replace(office.office.parts, engine=replace(office.engine.parts, sources={}))
        runs = StandingService(gone, office.engine.purges).runs
        assert [one.cause for one in runs.findings(lab.now)] == [Problem.SOURCE_MISSING]
        assert rules_of(office).runs.findings(lab.now) == ()
        assert rule.source == SOURCE


def test_what_cannot_be_noted_is_told_all_the_same(lab: Lab) -> None:
    """Where even the audit cannot be written the problem is kept in mind and told, and not tried every minute."""
    with open_office(lab) as office:
        rule = agreed(office)
        next_day(office)
        broken = replace(
            office.office.parts, engine=replace(office.engine.parts, audit=Deaf(office.engine.parts.audit))
        )
        runs = StandingService(broken, office.engine.purges).runs
        office.engine.purges.preview(ALICE, SOURCE, silent)
        refused("already_open", lambda: runs.begin(rule.id))
        assert [one.cause for one in runs.findings(lab.now)] == [Problem.ALREADY_OPEN]
        assert runs.due(lab.now) == ()
        assert rules_of(office).get(rule.id).last_problem == ""
        lab.pause(HOUR)
        assert runs.due(lab.now)


class Deaf:
    """An audit that takes nothing more."""

    def __init__(self, audit: Any) -> None:
        self._audit = audit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._audit, name)

    def append_many(self, *_args: object, **_options: object) -> object:
        """Refuse."""
        raise OSError("no space left on device")


# -- holds, and between the yes and the deletion ----------------------------------------------------------------------


def wish(now: Instant) -> Wish:
    """Give a hold on everything."""
    return Wish(sources=(), reason="case 7", review_at=now + 30 * DAY)


def test_a_hold_beats_a_rule(office: OpenOffice, lab: Lab) -> None:
    """Under a hold there is nothing to do; a hold placed after the yes supersedes the run; nothing is deleted."""
    agreed(office)
    next_day(office)
    stood = authorised(office)
    office.engine.holds.place(DORA, wish(lab.now))
    refused("superseded", lambda: office.engine.runner.run(stood.id, progress=silent))
    assert (lab.root / "old.log").exists()
    assert causes(office) == [Problem.CHANGED]
    lab.pause(HOUR)
    assert authorised(office).story[-1].reason == NOTHING_TO_DO
    assert (lab.root / "old.log").exists()


def test_a_released_hold_makes_a_rule_wait_a_day(office: OpenOffice, lab: Lab) -> None:
    """Within 24 h of a release the run cools for a day, in which anybody may cancel it; then it deletes."""
    hold = office.engine.holds.place(DORA, wish(lab.now))
    agreed(office)
    next_day(office)
    office.engine.holds.release(ALICE, hold.id)
    office.engine.holds.release(DORA, hold.id)
    stood = authorised(office)
    assert stood.cooling_until == lab.now + DAY
    refused("cooling", lambda: office.engine.runner.run(stood.id, progress=silent))
    assert causes(office) == [], "a wait that has its reason is no trouble"
    lab.pause(DAY)
    assert office.engine.runner.run(stood.id, progress=silent).verdict == "PASS"


def test_anybody_may_cancel_a_run_and_that_is_told(office: OpenOffice, lab: Lab) -> None:
    """A DPO takes one run back; nothing is deleted, the finding says so, and the rule waits for its next time."""
    agreed(office)
    next_day(office)
    stood = authorised(office)
    office.engine.purges.cancel(DORA, stood.id)
    refused("wrong_state", lambda: office.engine.runner.run(stood.id, progress=silent))
    assert causes(office) == [Problem.STOPPED_BY_HAND]
    lab.pause(HOUR + MINUTE)
    assert rules_of(office).runs.due(lab.now) == ()
    next_day(office)
    assert authorised(office).state is State.APPROVED
    assert causes(office) == []


@pytest.mark.parametrize("end", ["stopped", "replaced", "role_lost", "tampered"])
def test_a_rule_that_ended_carries_nothing_more(office: OpenOffice, lab: Lab, end: str) -> None:
    """Between the yes and the start the rule may end: then nothing is deleted, and the request is closed."""
    rule = agreed(office)
    next_day(office)
    stood = authorised(office)
    if end == "stopped":
        rules_of(office).stop(ALICE, rule.id)
        rules_of(office).stop(DORA, rule.id)
    elif end == "replaced":
        new = rules_of(office).propose(ALICE, SOURCE, TERMS)
        rules_of(office).approve(BOB, new.id)
        rules_of(office).acknowledge(DORA, new.id)
    elif end == "role_lost":
        lab.roles[DORA.object_id] = frozenset({Role.EMPLOYEE})
    else:
        shelf = office.office.parts.desk.standing
        shelf.replace(replace(shelf.get(rule.id), max_records=10**9))
    refused("rule_ended", lambda: office.engine.runner.run(stood.id, progress=silent))
    assert office.engine.purges.get(stood.id).state is State.SUPERSEDED
    assert (lab.root / "old.log").exists()


def test_a_process_that_knows_no_rules_runs_none(lab: Lab) -> None:
    """An engine without the desk, as the command line has it, refuses what only a rule carries."""
    with open_office(lab) as office:
        agreed(office)
        next_day(office)
        stood = authorised(office)
    lab.standing_runs = lambda _rule: False
    with lab.engine() as engine:
        refused("rule_ended", lambda: engine.runner.run(stood.id, progress=silent))
        assert (lab.root / "old.log").exists()


def test_a_preview_that_no_rule_knows_is_closed(lab: Lab) -> None:
    """A crash between request and rule leaves a preview that belongs to nobody: it is given up, never run."""
    with open_office(lab) as office:
        agreed(office)
        next_day(office)
        orphan = office.engine.purges.begin_standing(SOURCE)
    with open_office(lab) as office:
        (found,) = rules_of(office).runs.open_runs()
        assert found.id == orphan.id
        office.engine.purges.fill(found.id, silent)
        assert rules_of(office).runs.authorise(found.id).state is State.WITHDRAWN


def test_nobody_confirms_or_gives_up_for_the_other(office: OpenOffice) -> None:
    """A rule's preview cannot be confirmed by a person, nor a person's be carried or given up by a rule."""
    rule = agreed(office)
    next_day(office)
    begun = rules_of(office).runs.begin(rule.id)
    previewed = office.engine.purges.fill(begun.id, silent)
    refused("not_the_requester", lambda: office.engine.purges.confirm(ALICE, begun.id, previewed.code))
    refused("not_the_requester", lambda: office.engine.purges.withdraw(ALICE, begun.id))
    office.engine.purges.cancel(ALICE, begun.id)
    theirs = office.engine.purges.preview(ALICE, SOURCE, silent)
    refused("not_the_requester", lambda: office.engine.purges.stand(theirs.id, carried_by(rule), ()))
    refused("not_the_requester", lambda: office.engine.purges.give_up(theirs.id, "other"))


def test_no_walk_deletes_without_a_rule_in_force(tmp_path: Path) -> None:
    """On random steps of random people nothing is deleted by a rule that was not agreed to, or has ended (FE-21)."""
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)  # noqa: S311  no secrets
    deleted = 0
    for number in range(14):
        lab = Lab(folder=tmp_path / f"lab-{number}")
        lab.write("young.log", [1])
        with open_office(lab) as office:
            walk = Walk(office, dice)
            for _ in range(80):
                try:
                    deleted += walk.step()
                except ProcallError:
                    continue
            assert (lab.root / "young.log").exists(), seed
    assert deleted, f"the walks must come as far as deletion (seed {seed})"


class Walk:
    """Somebody does something with rules, or the schedule goes its round."""

    def __init__(self, office: OpenOffice, dice: random.Random) -> None:
        self.office, self.dice = office, dice

    def step(self) -> bool:
        """Try one thing; tells whether a rule has deleted something."""
        service = rules_of(self.office)
        rule_id = next((rule.id for rule in reversed(service.all())), "app-logs.1")
        if self.dice.random() < 0.4:
            return self.round()
        act, likely = self.dice.choice(
            [
                (lambda who: service.propose(who, SOURCE, TERMS), ALICE),
                (lambda who: service.approve(who, rule_id), BOB),
                (lambda who: service.acknowledge(who, rule_id), DORA),
                (lambda who: self.dice.random() < 0.2 and service.stop(who, rule_id), DORA),
                (lambda _who: self.office.lab.pause(self.dice.choice([HOUR, DAY])), ALICE),
            ]
        )
        act(self.dice.choice([likely] * 6 + [ALICE, BOB, DORA, EVE, CARL]))
        return False

    def round(self) -> bool:
        """Let the schedule begin what is due and go on with what has begun."""
        if not (self.office.lab.root / "old.log").exists():
            self.office.lab.write("old.log", [100])
        runs = rules_of(self.office).runs
        for rule in runs.due(self.office.lab.now):
            runs.begin(rule.id)
        for request in runs.open_runs():
            if request.state is State.PREVIEWING:
                self.office.engine.purges.fill(request.id, silent)
            elif request.state is State.PREVIEWED:
                runs.authorise(request.id)
            else:
                return self.run(request)
        return False

    def run(self, request: PurgeRequest) -> bool:
        """Run, and hold what happened against who had agreed."""
        active = [rule for rule in rules_of(self.office).all() if rule.runs]
        old = self.office.lab.root / "old.log"
        there = old.exists()
        self.office.engine.runner.run(request.id, progress=silent)
        gone = there and not old.exists()
        if gone:
            (rule,) = active
            assert len({rule.proposed_by, rule.approved_by, rule.acknowledged_by} - {""}) == 3
            assert request.standing == carried_by(rule)
            assert request.state not in RUNNING
        return gone


# -- who is told ------------------------------------------------------------------------------------------------------

HOLDERS = RoleHolders(admins=("p-alice", "p-bob"), dpos=("p-dora",))


def test_whoever_has_to_agree_gets_the_card(office: OpenOffice, lab: Lab) -> None:
    """Admins while it is proposed, DPOs once it is approved; then both, anew for what is news to them."""
    names = [office.engine.parts.people.name(who) for who in (ALICE, BOB, DORA)]
    holders = RoleHolders(admins=(names[0], names[1]), dpos=(names[2],))

    def told() -> dict[str, str]:
        rule = rules_of(office).all()[-1]
        return {want.recipient: want.post for want in wants_of_standing(rule, holders, lab.now)}

    rule = rules_of(office).propose(ALICE, SOURCE, TERMS)
    first = told()
    assert list(first) == names[:2]
    rules_of(office).approve(BOB, rule.id)
    second = told()
    assert list(second) == names
    assert [second[name] for name in names[:2]] == [first[name] for name in names[:2]], "changed in place only"
    rules_of(office).acknowledge(DORA, rule.id)
    third = told()
    assert list(third) == names
    assert all(third[name] != first[name] for name in names[:2])
    assert third[names[2]] != second[names[2]]


def test_a_run_changes_the_card_in_place(office: OpenOffice, lab: Lab) -> None:
    """Beginning a run is no message of its own, but the card shows it."""
    agreed(office)
    before = wants_of_standing(rules_of(office).all()[0], HOLDERS, lab.now)
    next_day(office)
    authorised(office)
    after = wants_of_standing(rules_of(office).all()[0], HOLDERS, lab.now)
    assert [want.post for want in before] == [want.post for want in after]
    assert all(one.shown != other.shown for one, other in zip(before, after, strict=True))


def test_switching_off_is_urgent_and_old_ends_are_no_news(office: OpenOffice, lab: Lab) -> None:
    """It must arrive that somebody wants a rule off (FE-19); a week after the end nobody is told any more."""
    rule = agreed(office)
    assert not any(want.urgent for want in wants_of_standing(rule, HOLDERS, lab.now))
    asked = rules_of(office).stop(ALICE, rule.id)
    assert all(want.urgent for want in wants_of_standing(asked, HOLDERS, lab.now))
    ended = rules_of(office).stop(DORA, rule.id)
    assert wants_of_standing(ended, HOLDERS, lab.now + 6 * DAY)
    assert wants_of_standing(ended, HOLDERS, lab.now + 8 * DAY) == ()


def test_a_replaced_version_is_no_message_of_its_own(office: OpenOffice, lab: Lab) -> None:
    """The new version's card says it; the old card changes in place."""
    old = agreed(office)
    before = {want.recipient: want.post for want in wants_of_standing(old, HOLDERS, lab.now)}
    new = rules_of(office).propose(ALICE, SOURCE, TERMS)
    rules_of(office).approve(BOB, new.id)
    rules_of(office).acknowledge(DORA, new.id)
    replaced = rules_of(office).get(old.id)
    assert replaced.state is StandingState.REPLACED
    assert {want.recipient: want.post for want in wants_of_standing(replaced, HOLDERS, lab.now)} == before
