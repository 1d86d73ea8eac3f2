"""An admin and a DPO have to approve, each by a person of their own: at the approval and once more at the execution."""

from collections.abc import Iterator

import pytest

from data.access import Actor, Role
from data.errors import RefusedError
from data.purge.engine import Engine
from data.retention.request import PurgeRequest, State
from data.retention.rule import Care
from tests.data.purge.lab import ALICE, BOB, DORA, SOURCE, Lab, person, silent

CARL = person("carl", Role.ADMIN)
ADMIN_AND_DPO = (Role.ADMIN, Role.DPO)


@pytest.fixture
def engine(lab: Lab) -> Iterator[Engine]:
    """Give an engine that asks for the yes of an admin and of a DPO, and one old file to purge."""
    lab.care = Care(approval_roles=ADMIN_AND_DPO, max_share=1.0)
    lab.roles = {"carl": CARL.roles}
    lab.write("old.log", [100])
    with lab.engine() as opened:
        yield opened


def confirmed(engine: Engine) -> PurgeRequest:
    """Take a purge to where it waits for approvals."""
    request = engine.purges.preview(ALICE, SOURCE, silent)
    return engine.purges.confirm(ALICE, request.id, request.code)


def agree(engine: Engine, who: Actor, request: PurgeRequest) -> PurgeRequest:
    """Approve exactly what was previewed."""
    return engine.purges.approve(who, request.id, request.digest)


def reason_of(error: pytest.ExceptionInfo[RefusedError]) -> str:
    """Give the stable word of a refusal."""
    return str(error.value.reason)


@pytest.mark.parametrize("order", [(BOB, DORA), (DORA, BOB)], ids=["admin first", "DPO first"])
def test_one_of_each_role_is_enough_in_either_order(lab: Lab, engine: Engine, order: tuple[Actor, Actor]) -> None:
    """With the first yes it waits on, with the other role's it cools, and then it runs."""
    request = confirmed(engine)
    assert agree(engine, order[0], request).state is State.AWAITING_SECOND
    assert agree(engine, order[1], request).state is State.COOLING
    lab.pause(lab.care.cooling_for)
    assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_second_person_of_the_same_role_is_refused(engine: Engine) -> None:
    """Two admins are not an admin and a DPO: the second changes nothing, and the DPO completes it."""
    request = confirmed(engine)
    before = agree(engine, BOB, request)
    with pytest.raises(RefusedError) as refused:
        agree(engine, CARL, request)
    assert reason_of(refused) == "wrong_role"
    assert engine.purges.get(request.id) == before
    assert agree(engine, DORA, request).state is State.COOLING


def test_somebody_with_both_roles_stands_for_one_of_them(lab: Lab, engine: Engine) -> None:
    """An admin who is DPO too counts once; who comes beside him may be either, but somebody has to."""
    lab.roles |= {"dora": frozenset({Role.EMPLOYEE, Role.ADMIN, Role.DPO})}
    request = confirmed(engine)
    assert agree(engine, DORA, request).state is State.AWAITING_SECOND
    assert agree(engine, CARL, request).state is State.COOLING


@pytest.mark.parametrize("now_is", [Role.ADMIN, Role.EMPLOYEE])
def test_a_role_that_changes_before_the_execution_prevents_it(lab: Lab, engine: Engine, now_is: Role) -> None:
    """The DPO who approved is one no longer, though perhaps an admin: nothing runs until somebody puts that right."""
    request = confirmed(engine)
    agree(engine, BOB, request)
    agree(engine, DORA, request)
    lab.pause(lab.care.cooling_for)
    lab.roles |= {"dora": frozenset({Role.EMPLOYEE, now_is})}
    with pytest.raises(RefusedError) as refused:
        engine.runner.run(request.id, progress=silent)
    assert reason_of(refused) == "role_lost"
    assert (lab.root / "old.log").exists()
    del lab.roles["dora"]
    assert engine.runner.run(request.id, progress=silent).verdict == "PASS"


def test_a_role_lost_between_two_approvals_is_said(lab: Lab, engine: Engine) -> None:
    """The admin who approved is none any more: the DPO's yes is not taken, and is once he is again."""
    request = confirmed(engine)
    agree(engine, BOB, request)
    lab.roles |= {"bob": frozenset({Role.EMPLOYEE})}
    with pytest.raises(RefusedError) as refused:
        agree(engine, DORA, request)
    assert reason_of(refused) == "role_lost"
    del lab.roles["bob"]
    assert agree(engine, DORA, request).state is State.COOLING


@pytest.mark.parametrize("later", [ADMIN_AND_DPO, (Role.DPO,), ()])
def test_other_roles_after_a_restart_supersede(lab: Lab, later: tuple[Role, ...]) -> None:
    """Which roles approve is part of what people said yes to: a change of it supersedes, a restart alone does not."""
    lab.care = Care(approval_roles=ADMIN_AND_DPO, max_share=1.0)
    lab.write("old.log", [100])
    with lab.engine() as engine:
        request = confirmed(engine)
        agree(engine, BOB, request)
    lab.care = Care(approval_roles=later, max_share=1.0)
    with lab.engine() as engine:
        if later == ADMIN_AND_DPO:
            assert agree(engine, DORA, request).state is State.COOLING
            return
        with pytest.raises(RefusedError) as refused:
            agree(engine, DORA, request)
        assert reason_of(refused) == "superseded"


def test_the_same_yes_twice_is_one(engine: Engine) -> None:
    """A repeated approval changes neither the stored request nor the audit; another person's does."""
    request = confirmed(engine)
    once = agree(engine, BOB, request)
    size = engine.parts.audit.last.seq
    assert agree(engine, BOB, request) == once
    assert engine.parts.audit.last.seq == size
    agree(engine, DORA, request)
    assert engine.parts.audit.last.seq == size + 1
