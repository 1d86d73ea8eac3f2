"""Which roles have to approve: who covers them, and which configurations could never be satisfied (FE-08)."""

import contextlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.access import Role
from data.errors import RefusedError, SettingsError
from data.retention.instants import MINUTE
from data.retention.request import PurgeRequest, State, approve, confirm, start
from data.retention.rule import Care, check_approvable, lacking, may_suffice
from data.retention.scope import code_of
from tests.data.stores.things import NOW, a_request

ADMIN, DPO = Role.ADMIN, Role.DPO
DIGEST = "ab" * 32
ROLES = st.lists(st.sampled_from([ADMIN, DPO]), max_size=4)
PEOPLE = st.lists(st.frozensets(st.sampled_from([ADMIN, DPO, Role.EMPLOYEE])), max_size=5)
NAMES = ("a", "b", "c", "d")
NAMED = st.frozensets(st.sampled_from(NAMES))


def most_covered(roles: Sequence[Role], people: Sequence[frozenset[Role]]) -> int:
    """Count by trying every assignment of people to roles how many roles can be covered at once."""
    padded = [*people, *[frozenset[Role]()] * len(roles)]
    return max(
        sum(role in own for role, own in zip(roles, chosen, strict=True))
        for chosen in itertools.permutations(padded, len(roles))
    )


@given(roles=ROLES, people=PEOPLE.filter(lambda people: len(people) < 4))
def test_no_more_roles_are_left_uncovered_than_must_be(roles: list[Role], people: list[frozenset[Role]]) -> None:
    """The matching is as good as the best of all assignments, each person standing for one role."""
    assert len(lacking(roles, people)) == len(roles) - most_covered(roles, people)


def test_one_person_with_both_roles_stands_for_one() -> None:
    """Somebody who is admin and DPO covers one of the two; with another admin beside him both are covered."""
    both = frozenset({ADMIN, DPO})
    assert lacking((ADMIN, DPO), [both]) == (DPO,)
    assert lacking((ADMIN, DPO), [both, frozenset({ADMIN})]) == ()
    assert lacking((ADMIN, DPO), [frozenset({ADMIN}), both]) == ()
    assert lacking((ADMIN, ADMIN), [both, frozenset({DPO})]) == (ADMIN,)


# -- one request ------------------------------------------------------------------------------------------------------


def confirmed(care: Care) -> PurgeRequest:
    """Give a request that waits for approvals."""
    request = a_request(state=State.PREVIEWED, digest=DIGEST, expires_at=NOW + care.confirm_for)
    return confirm(request, by="p-1", code=code_of(DIGEST), now=NOW, care=care)


def agree(request: PurgeRequest, by: str, care: Care, roles: dict[str, frozenset[Role]]) -> PurgeRequest:
    """Approve as somebody, with the roles of this moment."""
    return approve(request, by=by, digest=DIGEST, now=NOW, care=care, cooling_for=MINUTE, roles=roles)


@given(
    wanted=ROLES, approvals=st.integers(1, 4), people=PEOPLE.map(lambda people: dict(zip(NAMES, people, strict=False)))
)
def test_the_last_approval_leaves_no_role_uncovered(
    wanted: list[Role], approvals: int, people: dict[str, frozenset[Role]]
) -> None:
    """Whoever approves in whatever order: what gets as far as cooling has enough people, and every role among them."""
    care = Care(approvals=approvals, approval_roles=tuple(wanted))
    request = confirmed(care)
    for name in people:
        if request.state is not State.AWAITING_SECOND:
            break
        with contextlib.suppress(RefusedError):
            request = agree(request, name, care, people)
    given_by = [people[approval.by] for approval in request.approvals]
    assert may_suffice(care, given_by)
    if request.state is State.COOLING:
        assert len(given_by) == care.needed >= approvals
        assert lacking(wanted, given_by) == ()


def test_an_approval_that_cannot_contribute_is_refused() -> None:
    """One of each is needed: a second admin is refused, the DPO completes it."""
    care = Care(approval_roles=(ADMIN, DPO))
    roles = {"p-2": frozenset({ADMIN}), "p-3": frozenset({ADMIN}), "p-4": frozenset({DPO})}
    once = agree(confirmed(care), "p-2", care, roles)
    assert once.state is State.AWAITING_SECOND
    with pytest.raises(RefusedError) as refused:
        agree(once, "p-3", care, roles)
    assert refused.value.reason == "wrong_role"
    assert agree(once, "p-4", care, roles).state is State.COOLING


def test_more_approvals_than_roles_leave_room_for_anybody() -> None:
    """Three approvals with a DPO among them: two admins may come first, the third has to be the DPO."""
    care = Care(approvals=3, approval_roles=(DPO,))
    roles = {name: frozenset({ADMIN}) for name in ("p-2", "p-3", "p-4")} | {"p-5": frozenset({DPO})}
    twice = agree(agree(confirmed(care), "p-2", care, roles), "p-3", care, roles)
    with pytest.raises(RefusedError) as refused:
        agree(twice, "p-4", care, roles)
    assert refused.value.reason == "wrong_role"
    assert agree(twice, "p-5", care, roles).state is State.COOLING


def test_a_role_that_an_earlier_approver_has_lost_is_said() -> None:
    """If the admin who approved is none any more, the DPO is told so and not that his role is the wrong one."""
    care = Care(approval_roles=(ADMIN, DPO))
    roles = {"p-2": frozenset({ADMIN}), "p-4": frozenset({DPO})}
    once = agree(confirmed(care), "p-2", care, roles)
    with pytest.raises(RefusedError) as refused:
        agree(once, "p-4", care, roles | {"p-2": frozenset({Role.EMPLOYEE})})
    assert refused.value.reason == "role_lost"
    assert agree(once, "p-4", care, roles).state is State.COOLING


def test_more_roles_than_approvals_raise_the_number() -> None:
    """Two roles need two people even where one approval was asked for; one is not enough to start."""
    care = Care(approvals=1, approval_roles=(ADMIN, DPO))
    assert care.needed == 2
    done = agree(agree(confirmed(care), "a", care, BOTH), "b", care, BOTH)
    assert start(done, holder="e", now=NOW + MINUTE, lease_for=MINUTE, care=care).state is State.EXECUTING
    lone = agree(confirmed(Care()), "a", Care(), BOTH)
    with pytest.raises(RefusedError) as refused:
        start(lone, holder="e", now=NOW + MINUTE, lease_for=MINUTE, care=care)
    assert refused.value.reason == "not_approved"


BOTH = {"a": frozenset({ADMIN}), "b": frozenset({DPO})}


def test_the_digest_of_care_knows_the_roles_where_there_are_any() -> None:
    """Without roles it is what it was before there were any; with them it changes, whatever their order."""
    assert Care().digest == Care(approval_roles=()).digest
    assert Care().digest == "bd8e420c490465e866c75ebadc0ac22c6ed1b2b460e3cd85e75cb2ff0ace2c50", (
        "what was approved before stays approved"
    )
    assert Care(approval_roles=(ADMIN, DPO)).digest == Care(approval_roles=(DPO, ADMIN)).digest
    digests = {Care(approval_roles=roles).digest for roles in ((), (DPO,), (ADMIN,), (ADMIN, DPO), (DPO, DPO))}
    assert len(digests) == 5


# -- the configuration ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("care", "admins", "dpos", "says"),
    [
        (Care(), {"a"}, set(), "purge.approvals: one person besides the requester .* name only one person in all"),
        (Care(), {"a"}, {"a"}, "purge.approvals: .* name only one person in all, .* name 1 more"),
        (Care(approvals=2), {"a", "b"}, {"b"}, "purge.approvals: 2 people .* name only 2 people in all"),
        (Care(approvals=2), {"a"}, {"b"}, "purge.approvals: 2 people"),
        (Care(approval_roles=(ADMIN, DPO)), {"a"}, {"b"}, "purge.approval_roles: 2 people .* name 1 more"),
        (
            Care(approval_roles=(ADMIN,)),
            {"a"},
            {"d"},
            'roles.admins names only one person, .*: name another person in roles.admins, or take "admin" out',
        ),
        (Care(approval_roles=(ADMIN, DPO)), {"a"}, {"b", "c"}, "roles.admins names only one person"),
        (Care(approval_roles=(DPO,)), {"a", "b"}, set(), 'roles.dpos names nobody: .* take "dpo" out'),
        (Care(approval_roles=(DPO,)), {"a", "b"}, {"b"}, "only person in roles.dpos is in roles.admins too"),
        (Care(approval_roles=(DPO, DPO)), {"a", "b"}, {"c"}, "roles.dpos names too few people"),
        (Care(approval_roles=(ADMIN, DPO)), {"a", "b"}, {"a", "b"}, "purge.approval_roles: 2 people"),
    ],
)
def test_what_nobody_could_approve_is_refused(care: Care, admins: set[str], dpos: set[str], says: str) -> None:
    """Each configuration in which somebody's request could never be approved is refused with what to change (FE-08)."""
    with pytest.raises(SettingsError, match=says):
        check_approvable(care, admins=admins, dpos=dpos)


@pytest.mark.parametrize(
    ("care", "admins", "dpos"),
    [
        (Care(), {"a", "b"}, set()),
        (Care(), {"a"}, {"d"}),
        (Care(), {"a"}, {"a", "d"}),
        (Care(), set(), set()),
        (Care(approvals=5), set(), {"d"}),
        (Care(approvals=2), {"a", "b", "c"}, set()),
        (Care(approval_roles=(DPO,)), {"a"}, {"d"}),
        (Care(approval_roles=(ADMIN,)), {"a", "b"}, set()),
        (Care(approval_roles=(ADMIN, DPO)), {"a", "b"}, {"d"}),
        (Care(approval_roles=(ADMIN, DPO)), {"a", "b", "c"}, {"c", "d"}),
    ],
)
def test_what_can_be_approved_is_not_refused(care: Care, admins: set[str], dpos: set[str]) -> None:
    """One person more in the right role, or nobody who could ask at all, and there is nothing to refuse."""
    check_approvable(care, admins=admins, dpos=dpos)


@given(admins=NAMED, dpos=NAMED, roles=ROLES, approvals=st.integers(1, 3))
def test_a_configuration_is_refused_exactly_if_some_request_is_stuck(
    admins: frozenset[str], dpos: frozenset[str], roles: list[Role], approvals: int
) -> None:
    """Tried out: for every admin who may ask, some people must be able to take the request to its cooling."""
    care = Care(approvals=approvals, approval_roles=tuple(roles))
    holds = {
        name: frozenset(role for role, named in ((ADMIN, admins), (DPO, dpos)) if name in named)
        for name in sorted(admins | dpos)
    }

    def possible(requester: str) -> bool:
        others = [name for name in holds if name != requester]
        return any(
            lacking(roles, [holds[name] for name in chosen]) == ()
            for chosen in itertools.combinations(others, care.needed)
        )

    if all(map(possible, admins)):
        check_approvable(care, admins=admins, dpos=dpos)
    else:
        with pytest.raises(SettingsError, match=r"^purge\.approval(s|_roles): "):
            check_approvable(care, admins=admins, dpos=dpos)


def test_a_role_that_may_not_approve_cannot_be_asked_for() -> None:
    """An employee's approval is worth nothing, so no setting can ask for it; an admin's can be asked for."""
    with pytest.raises(SettingsError, match="approval_roles: employee may not approve"):
        Care(approval_roles=(Role.EMPLOYEE,))
    assert Care(approval_roles=(ADMIN,)).needed == 1
