"""The steps of a standing rule, who may take them, and when it runs: pure, on any dates and people."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.access import Role
from data.desk.standing import StandingRule, StandingState
from data.desk.standing_steps import (
    NOTHING_TO_DO,
    Problem,
    StandingLimits,
    acknowledge,
    approve,
    ask_stop,
    carried_by,
    confirm_stop,
    in_force,
    next_run,
    people_hold,
    problem_of,
    propose,
    ran,
    reject,
    replaced,
    yeses_of,
)
from data.errors import RefusedError
from data.retention.instants import DAY, HOUR, MINUTE, Instant
from data.retention.request import STANDING_RULE, State, Step
from data.retention.rule import Care
from tests.data.stores.things import NOW, a_request

CARE = Care()
LIMITS = StandingLimits(every_days=1, at_minute=180, max_share=0.3, max_records=1000)
ADMIN, DPO = frozenset({Role.ADMIN}), frozenset({Role.DPO})
NEW_YEAR = 20_454 * DAY


def proposed(*existing: StandingRule, limits: StandingLimits = LIMITS, now: Instant = NOW) -> StandingRule:
    """Give a proposal of Alice's."""
    return propose(existing, "app", limits, by="p-alice", now=now, care=CARE)


def active(*existing: StandingRule, limits: StandingLimits = LIMITS, now: Instant = NOW) -> StandingRule:
    """Give a rule that all three have agreed to."""
    return acknowledge(approve(proposed(*existing, limits=limits, now=now), by="p-bob", now=now), by="p-dora", now=now)


def refused(reason: str, step: Callable[[], Any]) -> None:
    """Check that a step is refused for this reason."""
    with pytest.raises(RefusedError) as found:
        step()
    assert found.value.reason == reason


# -- agreeing ---------------------------------------------------------------------------------------------------------


def test_three_people_make_a_rule() -> None:
    """An admin proposes, another approves, a DPO acknowledges; only then it runs, and its story says who."""
    first = proposed()
    second = approve(first, by="p-bob", now=NOW + 1)
    third = acknowledge(second, by="p-dora", now=NOW + 2)
    assert [rule.runs for rule in (first, second, third)] == [False, False, True]
    assert [step.by for step in third.story] == ["p-alice", "p-bob", "p-dora"]
    assert first.id == "app.1"
    assert first.digest == third.digest, "what was agreed to did not change on the way"
    assert [(yes.by, yes.at, yes.digest) for yes in yeses_of(third)] == [
        ("p-alice", NOW, third.digest), ("p-bob", NOW + 1, third.digest), ("p-dora", NOW + 2, third.digest),
    ]  # fmt: skip


def test_nobody_agrees_twice() -> None:
    """Neither the proposer approves, nor proposer or approver acknowledges, nor nobody; a further person does."""
    rule = proposed()
    refused("own_rule", lambda: approve(rule, by="p-alice", now=NOW))
    refused("nobody", lambda: approve(rule, by="", now=NOW))
    rule = approve(rule, by="p-bob", now=NOW)
    for name in ("p-alice", "p-bob"):
        refused("own_rule", lambda name=name: acknowledge(rule, by=name, now=NOW))
    assert acknowledge(rule, by="p-dora", now=NOW).runs


def test_steps_out_of_turn_are_refused() -> None:
    """Acknowledging before approving, approving twice, stopping what does not run: refused; in turn they are not."""
    first, running = proposed(), active()
    refused("rule_state", lambda: acknowledge(first, by="p-dora", now=NOW))
    refused("rule_state", lambda: ask_stop(first, by="p-bob", now=NOW))
    refused("rule_state", lambda: replaced(first, by="p-dora", now=NOW))
    refused("rule_state", lambda: approve(running, by="p-carl", now=NOW))
    refused("rule_state", lambda: reject(running, by="p-carl", now=NOW))
    ended = reject(first, by="p-bob", now=NOW)
    assert ended.state is StandingState.REJECTED
    refused("rule_state", lambda: approve(ended, by="p-bob", now=NOW))
    assert replaced(running, by="p-dora", now=NOW).state is StandingState.REPLACED


def test_a_clock_that_went_back_gives_no_yes_and_still_a_no() -> None:
    """A yes before the proposal is refused, a no is taken; the story never goes back."""
    rule = proposed()
    refused("clock_backwards", lambda: approve(rule, by="p-bob", now=NOW - 1))
    assert reject(rule, by="p-bob", now=NOW - 1).story[-1].at == NOW


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"every_days": 0}, "bad_interval"),
        ({"every_days": 31}, "bad_interval"),
        ({"at_minute": -1}, "bad_time"),
        ({"at_minute": 1440}, "bad_time"),
        ({"max_share": 0.0}, "bad_share"),
        ({"max_share": -0.1}, "bad_share"),
        ({"max_share": 1e-9}, "bad_share"),
        ({"max_share": 0.500001}, "bad_share"),
        ({"max_share": float("nan")}, "bad_share"),
        ({"max_share": float("inf")}, "bad_share"),
        ({"max_records": 0}, "bad_records"),
        ({"max_records": 2**63}, "bad_records"),
    ],
)
def test_limits_are_checked(changed: dict[str, Any], reason: str) -> None:
    """What is out of bounds is refused by a word of its own."""
    refused(reason, lambda: proposed(limits=replace(LIMITS, **changed)))


@pytest.mark.parametrize(
    "changed", [{"every_days": 1}, {"every_days": 30}, {"at_minute": 0}, {"at_minute": 1439}, {"max_share": 0.5},
                {"max_records": 1}],
)  # fmt: skip
def test_the_last_allowed_limits_are_taken(changed: dict[str, Any]) -> None:
    """The control: the bounds themselves are fine, and every limit is part of what is agreed to."""
    rule = proposed(limits=replace(LIMITS, **changed))
    assert all(getattr(rule, name) == value for name, value in changed.items())
    assert (rule.digest == proposed().digest) is (replace(LIMITS, **changed) == LIMITS)


# -- the next version, and switching off ------------------------------------------------------------------------------


def test_a_new_version_waits_while_the_old_one_goes_on() -> None:
    """One proposal a source; the old version runs until the new one is acknowledged, and never again after that."""
    old = active()
    new = proposed(old, limits=replace(LIMITS, every_days=7))
    assert (new.id, in_force([old, new])) == ("app.2", {"app": old})
    refused("already_proposed", lambda: proposed(old, new))
    new = acknowledge(approve(new, by="p-bob", now=NOW), by="p-dora", now=NOW)
    # A crash may leave the old one marked as active: it is not in force all the same, not even when the new one ends.
    assert in_force([old, new]) == {"app": new}
    stopped = confirm_stop(ask_stop(new, by="p-bob", now=NOW), by="p-dora", roles=DPO, asker_roles=ADMIN, now=NOW)
    assert in_force([old, stopped]) == {}
    assert proposed(old, stopped).id == "app.3"


def test_switching_off_takes_an_admin_and_a_dpo() -> None:
    """One asks and it goes on; the same person, and another of the same role, are refused; the other role ends it."""
    asked = ask_stop(active(), by="p-bob", now=NOW)
    assert asked.runs
    both = ADMIN | DPO
    refused("own_stop", lambda: confirm_stop(asked, by="p-bob", roles=both, asker_roles=both, now=NOW))
    refused("same_role", lambda: confirm_stop(asked, by="p-alice", roles=ADMIN, asker_roles=ADMIN, now=NOW))
    refused("nobody", lambda: confirm_stop(asked, by="", roles=DPO, asker_roles=ADMIN, now=NOW))
    stopped = confirm_stop(asked, by="p-dora", roles=DPO, asker_roles=ADMIN, now=NOW)
    assert (stopped.state, stopped.runs) == (StandingState.STOPPED, False)
    by_dpo = ask_stop(active(), by="p-dora", now=NOW)
    assert not confirm_stop(by_dpo, by="p-bob", roles=ADMIN, asker_roles=DPO, now=NOW).runs


def test_who_lost_the_role_does_not_count_for_switching_off() -> None:
    """Where the first of the two has no role any more, the second only takes that place; a third one ends it."""
    asked = ask_stop(active(), by="p-bob", now=NOW)
    again = confirm_stop(asked, by="p-dora", roles=DPO, asker_roles=frozenset(), now=NOW)
    assert (again.state, again.stop_asked_by) == (StandingState.STOPPING, "p-dora")
    assert again.face != asked.face
    assert not confirm_stop(again, by="p-alice", roles=ADMIN, asker_roles=DPO, now=NOW).runs


def test_a_no_to_switching_off_lets_it_go_on() -> None:
    """It is active as before, and can be asked for again."""
    kept = reject(ask_stop(active(), by="p-bob", now=NOW), by="p-dora", now=NOW)
    assert (kept.state, kept.stop_asked_by) == (StandingState.ACTIVE, "")
    assert ask_stop(kept, by="p-dora", now=NOW).state is StandingState.STOPPING


def test_the_three_keep_their_roles() -> None:
    """A rule stands as long as two admins and a DPO stand behind it, each by the role it took."""
    rule = active()
    roles = {"p-alice": ADMIN, "p-bob": ADMIN, "p-dora": DPO}
    assert people_hold(rule, lambda name: roles[name])
    for name in roles:
        assert not people_hold(rule, lambda who, name=name: frozenset() if who == name else roles[who])
    assert not people_hold(rule, lambda name: (roles | {"p-dora": ADMIN})[name]), "an admin does not acknowledge"
    assert not people_hold(replace(rule, acknowledged_by="p-bob"), lambda _: ADMIN | DPO), "two are not three"


def any_step(dice: random.Random, rule: StandingRule, by: str, roles: Mapping[str, frozenset[Role]]) -> StandingRule:
    """Take any step of a rule, as somebody."""
    asker = roles.get(rule.stop_asked_by, frozenset())
    steps: list[Callable[[], StandingRule]] = [
        lambda: approve(rule, by=by, now=NOW),
        lambda: acknowledge(rule, by=by, now=NOW),
        lambda: ask_stop(rule, by=by, now=NOW),
        lambda: confirm_stop(rule, by=by, roles=roles[by], asker_roles=asker, now=NOW),
    ]
    return dice.choice(steps)()


def test_no_walk_makes_a_rule_run_without_three_people() -> None:
    """On random steps by random people a rule that runs has three, and one that stopped had an admin and a DPO."""
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)  # noqa: S311  no secrets
    roles = {"p-alice": ADMIN, "p-bob": ADMIN, "p-both": ADMIN | DPO, "p-dora": DPO, "": ADMIN | DPO}
    seen = set()
    for _ in range(600):
        rule = proposed()
        for _ in range(8):
            by = dice.choice(list(roles))
            try:
                rule = any_step(dice, rule, by, roles)
            except RefusedError:
                continue
            seen.add(rule.state)
            people = {rule.proposed_by, rule.approved_by, rule.acknowledged_by} - {""}
            assert not rule.runs or len(people) == 3, seed
            if rule.state is StandingState.STOPPED:
                one, other = roles[rule.stop_asked_by], roles[rule.story[-1].by]
                assert rule.stop_asked_by != rule.story[-1].by, seed
                assert {Role.ADMIN, Role.DPO} <= one | other, seed
    assert StandingState.STOPPED in seen, "the walks must come as far as that"


# -- when -------------------------------------------------------------------------------------------------------------


def test_the_first_run_is_at_its_next_time_of_day() -> None:
    """A rule of 03:00 acknowledged at 02:00 runs an hour later, at 04:00 a day later less an hour; at 03:00 at once."""
    for at, wait in ((2 * HOUR, HOUR), (4 * HOUR, 23 * HOUR), (3 * HOUR, 0)):
        assert next_run(active(now=NEW_YEAR + at), NEW_YEAR + at) == NEW_YEAR + at + wait


def test_days_of_sleep_are_one_run() -> None:
    """After three days asleep a daily rule is due once: after that run it waits for its time of day (RL-24)."""
    rule = ran(active(now=NEW_YEAR), at=NEW_YEAR + 3 * HOUR, request="r-1", problem="")
    awake = NEW_YEAR + 4 * DAY + 14 * HOUR
    assert next_run(rule, awake) <= awake
    after = ran(rule, at=awake, request="r-2", problem="")
    assert next_run(after, awake) == NEW_YEAR + 5 * DAY + 3 * HOUR


intervals = st.integers(1, 30)
minutes = st.integers(0, 1439)
moments = st.integers(NEW_YEAR, NEW_YEAR + 400 * DAY)


@given(every=intervals, minute=minutes, last=moments, looks=st.lists(st.integers(1, 3 * DAY), max_size=30))
def test_a_rule_never_rests_longer_than_its_days(every: int, minute: int, last: Instant, looks: list[int]) -> None:
    """From any run the next is due at its time of day, after at most so many days, and is begun once a slot."""
    limits = replace(LIMITS, every_days=every, at_minute=minute)
    rule = ran(active(limits=limits, now=NEW_YEAR), at=last, request="r", problem="")
    now = last
    for look in looks:
        now += look
        due = next_run(rule, now)
        assert rule.last_run_at is not None
        assert rule.last_run_at < due <= rule.last_run_at + every * DAY
        assert due % DAY == minute * MINUTE
        if due <= now:
            rule = ran(rule, at=now, request="r", problem="")
            assert next_run(rule, now) > now, "twice for one slot"


@given(every=intervals, minute=minutes, now=moments, ahead=st.integers(1, 800 * DAY))
def test_a_clock_that_was_ahead_makes_no_rule_late(every: int, minute: int, now: Instant, ahead: int) -> None:
    """A last run, or a beginning, that lies in the future was a wrong clock's: the rule is due now."""
    rule = active(limits=replace(LIMITS, every_days=every, at_minute=minute), now=NEW_YEAR)
    assert next_run(ran(rule, at=now + ahead, request="r", problem=""), now) == now
    begun = active(limits=replace(LIMITS, every_days=every, at_minute=minute), now=now + ahead)
    assert next_run(begun, now) == now


def test_a_beginning_in_the_future_is_tried_once_and_not_without_end() -> None:
    """A rule that was acknowledged by a clock that was ahead waits after a try like any other: no storm of entries."""
    begun = active(now=NEW_YEAR + 100 * DAY)
    tried = ran(begun, at=NEW_YEAR, request="", problem=Problem.CLOCK)
    assert next_run(begun, NEW_YEAR) == NEW_YEAR
    assert next_run(tried, NEW_YEAR + MINUTE, Problem.CLOCK) == NEW_YEAR + HOUR


def test_after_a_problem_it_tries_again_soon() -> None:
    """Within the hour where time helps, a day later where only people can, at its own time where people said no."""
    weekly = active(limits=replace(LIMITS, every_days=7), now=NEW_YEAR)
    rule = ran(weekly, at=NEW_YEAR + 3 * HOUR, request="", problem="")
    then = {problem: next_run(rule, NEW_YEAR + 4 * HOUR, problem) - (rule.last_run_at or 0) for problem in Problem}
    assert then[Problem.UNREACHABLE] == then[Problem.ROLE_LOST] == then[Problem.CHANGED] == HOUR
    assert then[Problem.OVER_SHARE] == then[Problem.OVER_RECORDS] == then[Problem.BLAST_LIMIT] == DAY
    assert then[Problem.STOPPED_BY_HAND] == 7 * DAY


def test_what_became_of_a_run_is_read_from_its_request() -> None:
    """An end before any deletion is a problem, nothing to do is none, and an open run mends nothing yet."""
    rule = ran(active(), at=NOW, request="r-1", problem=Problem.UNREACHABLE)

    def after(state: State, by: str = "p-bob", reason: str = "") -> str:
        story = (Step(state=state, at=NOW, by=by, reason=reason),)
        return problem_of(rule, a_request(state=state, requester=STANDING_RULE, story=story))

    assert after(State.PREVIEWING) == after(State.EXECUTING) == problem_of(rule, None) == Problem.UNREACHABLE
    assert after(State.WITHDRAWN, STANDING_RULE, NOTHING_TO_DO) == ""
    assert after(State.WITHDRAWN, STANDING_RULE, Problem.OVER_SHARE) == Problem.OVER_SHARE
    assert after(State.WITHDRAWN) == after(State.CANCELLED) == after(State.REVOKED) == Problem.STOPPED_BY_HAND
    assert after(State.SUPERSEDED) == after(State.EXPIRED) == Problem.CHANGED
    assert after(State.PREVIEW_FAILED) == Problem.PREVIEW_FAILED
    assert after(State.CLOSED_CLEAN) == after(State.CLOSED_FAILED) == ""


def test_a_purge_names_rule_and_digest() -> None:
    """What a purge carries changes with anything that was agreed to."""
    rule = active()
    assert carried_by(rule) == f"app.1:{rule.digest}"
    assert carried_by(replace(rule, max_records=1001)) != carried_by(rule)
