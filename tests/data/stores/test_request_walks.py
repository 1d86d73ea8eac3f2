"""Random walks over requests: nothing is ever executed without the yes of the people it needs (FE-21).

200,000 steps in the suite; `PROCALL_WALK_STEPS=1000000` takes a million.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RefusedError
from data.retention.hold import ask_release, check_hold
from data.retention.instants import DAY, MINUTE
from data.retention.request import (
    CLOSED,
    OPEN,
    RUNNING,
    STANDING_RULE,
    STEPS,
    WAITING,
    Approval,
    Kept,
    Preview,
    PurgeRequest,
    Selected,
    State,
    approve,
    break_glass,
    confirm,
    move,
    stand,
    start,
)
from data.retention.rule import Care
from data.retention.scope import code_of
from tests.data.stores.things import NOW, a_hold, a_request

STEPS_TO_TAKE = int(os.environ.get("PROCALL_WALK_STEPS", "200000"))
PEOPLE = ["", "p-1", "p-2", "p-3", "p-4", "p-5"]
DIGESTS = ["ab" * 32, "cd" * 32]
RULES = ["12" * 32, "34" * 32]
REASONS = ["", "  ", "\u200b", "-", "fire in the archive"]


class Walk:
    """One request on a random way, with everything that could go wrong on it."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.care = Care(approvals=dice.choice([1, 1, 2, 2, 3, 5]))
        self.now = NOW
        self.request = a_request(
            state=State.PREVIEWED,
            digest=DIGESTS[0],
            requester=dice.choice(["p-1", "p-1", STANDING_RULE]),
            expires_at=NOW + self.care.confirm_for,
            preview=Preview(selected=Selected(records=dice.choice([0, 1, 2, 3, 4, 5])), kept=Kept(records=4)),
        )
        self.said_yes: set[str] = set()
        self.glass_broken = False
        self.agreed: set[str] = set()
        """Whose yes the standing rule had that the request was let run by."""
        self.fence = 0

    def step(self) -> str:
        """Try one thing; give its name if it changed the request."""
        self.now += self.dice.choice([0] * 30 + [MINUTE] * 9 + [10 * MINUTE, DAY // 4, 2 * DAY, -MINUTE])
        acts = [self.approve, self.approve, self.approve, self.confirm, self.break_glass, self.start, self.move]
        acts += [self.stand] * 2
        act = self.dice.choice(acts)
        before = self.request
        try:
            self.request = act()
        except RefusedError:
            return "refused"
        self.check(before, act)
        return act.__name__ if self.request is not before else "no change"

    def confirm(self) -> PurgeRequest:
        """Confirm as anybody, with any code."""
        return confirm(self.request, by=self.person(), code=self.code(), now=self.now, care=self.care)

    def approve(self) -> PurgeRequest:
        """Approve as anybody, for any scope."""
        by, digest = self.person(), self.dice.choice([DIGESTS[0]] * 4 + [DIGESTS[1], ""])
        given = approve(
            self.request,
            by=by,
            digest=digest,
            now=self.now,
            care=self.care,
            cooling_for=self.dice.choice([0, self.care.cooling_for]),
        )
        assert digest == self.request.digest
        self.said_yes.add(by)
        return given

    def break_glass(self) -> PurgeRequest:
        """Break the glass, with any code and reason; rarely, or nothing else would ever happen."""
        reason = self.dice.choice(REASONS if self.dice.random() < 0.2 else REASONS[:4])
        broken = break_glass(
            self.request, by=self.person(), code=self.code(), reason=reason, now=self.now, care=self.care
        )
        assert any(character.isalnum() for character in reason)
        self.glass_broken = True
        return broken

    def stand(self) -> PurgeRequest:
        """Let a standing rule carry it that anybody has agreed to, this version or another, once or twice."""
        digests = [self.dice.choice([RULES[0]] * 7 + [RULES[1], ""]) for _ in range(self.dice.choice([2, 3, 3, 4]))]
        yeses = tuple(Approval(by=self.person(), at=NOW, digest=digest) for digest in digests)
        rule = self.dice.choice([f"app.1:{RULES[0]}"] * 6 + [f":{RULES[0]}", RULES[0], "app.1:", ""])
        stood = stand(self.request, rule=rule, yeses=yeses, now=self.now, care=self.care,
                      cooling_for=self.dice.choice([0, DAY]))  # fmt: skip
        self.agreed = {yes.by for yes in yeses if yes.digest == RULES[0]} - {"", STANDING_RULE}
        return stood

    def start(self) -> PurgeRequest:
        """Start as one of two executors."""
        holder = self.dice.choice(["executor-1", "executor-2"])
        return start(self.request, holder=holder, now=self.now, lease_for=MINUTE, care=self.care)

    def move(self) -> PurgeRequest:
        """Try any step of the table and any other; those that end the way are tried rarely."""
        state = self.dice.choice(list(State))
        if state in CLOSED and self.dice.random() < 0.9:
            raise RefusedError("not_today")
        return move(self.request, state, by=self.person(), now=self.now)

    def person(self) -> str:
        """Give anybody, the requester more often than others."""
        return self.dice.choice([*PEOPLE, "p-1", "p-1"])

    def code(self) -> str:
        """Give the right code in some form, or another one."""
        right = code_of(DIGESTS[0])
        return self.dice.choice([right, right, right.lower(), right.replace("-", " "), code_of(DIGESTS[1]), ""])

    def check(self, before: PurgeRequest, act: Callable[[], PurgeRequest]) -> None:
        """Hold the step against what must never happen."""
        after = self.request
        if after.state is not before.state:
            assert after.state in STEPS[before.state]
            assert after.story[:-1] == before.story
        if after.state in RUNNING:
            others = self.said_yes - {after.requester, ""}
            ruled = after.requester == STANDING_RULE and len(self.agreed) >= 3
            assert self.glass_broken or ruled or len(others) >= self.care.approvals, "nobody agreed to this"
            assert bool(after.standing) == bool(self.agreed)
            assert after.break_glass == self.glass_broken
            assert not after.break_glass or any(character.isalnum() for character in after.reason)
        if before.state in WAITING and after.state in RUNNING:
            assert act.__name__ == "start"
            assert before.cooling_until <= self.now <= before.expires_at
            assert before.preview.share <= self.care.max_share
        if after.standing:
            assert not after.confirmed_by
            return self.check_fence(before)
        yeses = [approval.by for approval in after.approvals]
        assert set(yeses) <= self.said_yes - {after.requester, ""}
        assert len(set(yeses)) == len(yeses), "somebody was counted twice"
        return self.check_fence(before)

    def check_fence(self, before: PurgeRequest) -> None:
        """Hold a new lease against the last one."""
        after = self.request
        if after.lease != before.lease:
            assert after.lease.fence == self.fence + 1
            self.fence = after.lease.fence


def test_nothing_is_executed_without_the_people_it_needs() -> None:
    """On 200,000 random steps with random people, clocks, codes and scopes the rule of the second person holds."""
    seed = random.SystemRandom().randrange(1 << 32)
    dice = random.Random(seed)  # noqa: S311  no secrets
    taken: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    carried = 0
    for _ in range(0, STEPS_TO_TAKE, 25):
        walk = Walk(dice)
        for _ in range(25):
            try:
                taken[walk.step()] += 1
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}: {walk.request}") from error
            reached[walk.request.state] += 1
            carried += bool(walk.request.standing) and walk.request.state in RUNNING
    assert taken.keys() >= {"confirm", "approve", "break_glass", "stand", "start", "move", "refused"}
    assert reached[State.EXECUTING] > 20, "the walks must come as far as deletion"
    assert reached[State.COOLING] > 20
    assert carried > 20, "and standing rules have to carry some"


def previewed(care: Care) -> PurgeRequest:
    """Give a request that waits for its requester."""
    return a_request(state=State.PREVIEWED, digest=DIGESTS[0], expires_at=NOW + care.confirm_for)


def agreed(care: Care, *approvers: str) -> PurgeRequest:
    """Give a request that was confirmed and approved by these people, a minute apart."""
    request = confirm(previewed(care), by="p-1", code=code_of(DIGESTS[0]), now=NOW, care=care)
    for minutes, by in enumerate(approvers, start=1):
        request = approve(request, by=by, digest=DIGESTS[0], now=NOW + minutes * MINUTE, care=care, cooling_for=0)
    return request


@pytest.mark.parametrize("state", sorted(WAITING - {State.PREVIEWED} | {State.EXECUTING}))
@pytest.mark.parametrize("begun", sorted(WAITING))
def test_a_plain_step_never_stands_for_a_yes(begun: State, state: State) -> None:
    """What needs somebody's yes cannot be reached by a plain step, from wherever; withdrawing can."""
    request = replace(previewed(Care()), state=begun)
    with pytest.raises(RefusedError) as refused:
        move(request, state, by="p-1", now=NOW)
    assert refused.value.reason == "wrong_state"
    assert move(request, State.WITHDRAWN, by="p-1", now=NOW).state is State.WITHDRAWN


def test_a_paused_purge_goes_on_by_a_plain_step() -> None:
    """What was allowed once may pause and go on without another yes."""
    care = Care()
    running = start(agreed(care, "p-2"), holder="e", now=NOW + MINUTE, lease_for=MINUTE, care=care)
    paused = move(running, State.PAUSED, by="p-1", now=NOW + MINUTE)
    assert move(paused, State.EXECUTING, by="p-1", now=NOW + MINUTE).state is State.EXECUTING


def carried(care: Care, **changes: Any) -> PurgeRequest:
    """Give a preview of a standing rule's, let run by the yes of three people."""
    request = replace(previewed(care), **({"requester": STANDING_RULE} | changes))
    yeses = tuple(Approval(by=by, at=NOW - DAY, digest=RULES[0]) for by in ("p-1", "p-2", "p-3"))
    return stand(request, rule=f"app.1:{RULES[0]}", yeses=yeses, now=NOW, care=care, cooling_for=0)


def test_a_standing_rule_carries_what_it_began() -> None:
    """A purge that a rule began starts at once on its yeses; what somebody asked for, and a stale preview, do not."""
    care = Care()
    running = start(carried(care), holder="e", now=NOW, lease_for=MINUTE, care=care)
    assert (running.state, running.confirmed_by, running.break_glass) == (State.EXECUTING, "", False)
    for changes, reason in (
        ({"requester": "p-1"}, "not_the_requester"),
        ({"state": State.PREVIEWING}, "wrong_state"),
        ({"expires_at": NOW - 1}, "expired"),
        ({"preview": Preview(selected=Selected(records=2), kept=Kept(records=1))}, "blast_limit"),
    ):
        with pytest.raises(RefusedError) as refused:
            carried(care, **changes)
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    "tampered", [{"standing": ""}, {"standing": f"app.1:{RULES[1]}"}, {"requester": "p-1"}, {"approvals": ()}]
)
def test_a_request_that_was_tampered_with_does_not_start(tampered: dict[str, Any]) -> None:
    """Without rule, digest, beginning or yeses the start is refused, though the state says approved."""
    care = Care()
    request = replace(carried(care), **tampered)
    with pytest.raises(RefusedError) as refused:
        start(request, holder="e", now=NOW, lease_for=MINUTE, care=care)
    assert refused.value.reason == "not_approved"


def test_nobody_in_particular_is_no_second_person() -> None:
    """A yes from somebody without a name is refused; one with a name counts."""
    care = Care(approvals=2)
    request = agreed(care, "p-2")
    with pytest.raises(RefusedError) as refused:
        approve(request, by="", digest=DIGESTS[0], now=NOW + MINUTE, care=care, cooling_for=0)
    assert refused.value.reason == "own_request"
    assert approve(request, by="p-3", digest=DIGESTS[0], now=NOW + MINUTE, care=care, cooling_for=0).state is (
        State.APPROVED
    )


def test_a_clock_set_back_between_two_approvals_is_noticed() -> None:
    """FE-16: an approval before the one that came earlier is refused; one after it counts."""
    care = Care(approvals=2)
    request = agreed(care, "p-2")
    with pytest.raises(RefusedError) as refused:
        approve(request, by="p-3", digest=DIGESTS[0], now=NOW + MINUTE - 1, care=care, cooling_for=0)
    assert refused.value.reason == "clock_backwards"
    approve(request, by="p-3", digest=DIGESTS[0], now=NOW + MINUTE, care=care, cooling_for=0)


@given(reason=st.text(st.sampled_from(" \t\n\u200b\u2060\u00ad\u202e-.,!?*\U0001f525")))
def test_an_invisible_reason_is_no_reason(reason: str) -> None:
    """Blanks, dashes and what nobody can see give no reason to break the glass or to hold; a word does."""
    care = Care()
    code = code_of(DIGESTS[0])
    with pytest.raises(RefusedError, match="needs a reason"):
        break_glass(previewed(care), by="host", code=code, reason=reason, now=NOW, care=care)
    with pytest.raises(RefusedError, match="needs a reason"):
        check_hold(a_hold(reason=reason))
    said = f"{reason}fire{reason}"
    check_hold(a_hold(reason=said))
    assert "fire" in break_glass(previewed(care), by="host", code=code, reason=said, now=NOW, care=care).reason


def test_a_hold_is_released_by_two_people_with_names() -> None:
    """One asks, another one releases; the same again, and nobody in particular, are refused."""
    asked = ask_release(a_hold(), by="p-1", now=NOW)
    for by, reason in (("p-1", "same_person"), ("", "nobody")):
        with pytest.raises(RefusedError) as refused:
            ask_release(asked, by=by, now=NOW)
        assert refused.value.reason == reason
    released = ask_release(asked, by="p-2", now=NOW)
    assert not released.active
    with pytest.raises(RefusedError) as again:
        ask_release(released, by="p-3", now=NOW)
    assert again.value.reason == "already_released"


def test_every_state_is_open_or_closed_and_closed_ones_stay() -> None:
    """No step leads out of a closed state, and every open one but the first can be reached."""
    assert frozenset(State) == OPEN | CLOSED
    assert not CLOSED & STEPS.keys()
    assert OPEN - {State.DRAFT} <= {after for states in STEPS.values() for after in states}
