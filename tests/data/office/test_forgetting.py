"""What is stored about one person is told and forgotten, in every file, and the audit verifies afterwards (SC-10)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.access import Actor, Role
from data.audit.keys import read_public
from data.audit.report import Verdict
from data.audit.verify import verify
from data.desk.alert import Alert, AlertStep
from data.desk.delivery import Delivery, Reference, delivery_id
from data.desk.standing import StandingRule, StandingState
from data.desk.ticket import Ticket, TicketKind, TicketState
from data.errors import RefusedError, StateError
from data.office.own_data import Forgotten, Stored, forget_all, stored_about
from data.office.parts import OfficeParts
from data.purge.forgetting import forget_person
from data.purge.holds import Wish
from data.retention.finding import FindingKind
from data.retention.instants import DAY
from data.retention.request import State
from data.stores.tinydb_desk import open_desk
from data.stores.tinydb_retention import open_retention
from tests.data.purge.lab import HOST, SOURCE, TENANT, silent
from tests.desk import ALICE, BOB, DORA, Lab, OpenOffice, open_office

MIA = Actor(
    tenant_id=TENANT,
    object_id="5f0c2a1e-77aa-4b6b-9f59-1d2c3b4a5e6f",
    roles=frozenset({Role.EMPLOYEE, Role.ADMIN}),
)
CHAT = "a:1pk8Mia-personal-chat-7Q2x"
WORDS = "Wer hat am Dienstag meine Logs gelesen? gez. Mia Musterfrau"
ADMIN = frozenset({Role.EMPLOYEE, Role.ADMIN})


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Give an empty lab in which Mia is an admin."""
    lab = Lab(folder=tmp_path / "state")
    lab.roles[MIA.object_id] = ADMIN
    return lab


@contextmanager
def on_disk(lab: Lab) -> Iterator[OpenOffice]:
    """Open an office whose stores are files in the lab's folder, as in production."""
    lab.folder.mkdir(exist_ok=True)
    lab.stores = retention = open_retention(lab.folder)
    desk = open_desk(lab.folder)
    try:
        with open_office(lab, desk=desk) as opened:
            yield opened
    finally:
        desk.close()
        retention.close()


def forget_words(parts: OfficeParts, name: str) -> int:
    """Take the words out of somebody's tickets, as the service of tickets does."""
    mine = [ticket for ticket in parts.desk.tickets.all() if ticket.asker == name and ticket.question]
    for ticket in mine:
        parts.desk.tickets.replace(replace(ticket, question="", answer=""))
    return len(mine)


def forget(opened: OpenOffice, who: Actor = MIA, cuts: list[str] | None = None) -> Forgotten:
    """Forget somebody."""
    parts, cut = opened.office.parts, (cuts if cuts is not None else [])
    return forget_all(
        parts, who, forget_words=lambda name: forget_words(parts, name), cut_logs=lambda: cut.append("cut")
    )


def about(opened: OpenOffice, who: Actor = MIA) -> Stored:
    """Tell what is stored."""
    return stored_about(opened.office.parts, who)


def live(opened: OpenOffice) -> str:
    """Let Mia leave a trace of every kind, all of it over; gives her pseudonym."""
    engine, desk, now = opened.engine, opened.office.parts.desk, opened.lab.now
    opened.lab.write("app.log", [120, 119, 3])
    request = engine.purges.preview(MIA, SOURCE, silent)
    engine.purges.withdraw(MIA, request.id)
    engine.holds.place(MIA, Wish(sources=(SOURCE,), reason="court", review_at=now + 5 * DAY))
    name = engine.parts.people.name(MIA)
    desk.references.add(Reference(id=name, conversation_id=CHAT, service_url="https://smba.example/", used_at=now))
    for subject in ("alert/1", "ticket/1"):
        desk.deliveries.add(
            Delivery(
                id=delivery_id(subject, name),
                subject=subject,
                recipient=name,
                urgent=True,
                post="1",
                shown="1",
                conversation_id=CHAT,
                activity_id="f:1",
            )
        )
    step = AlertStep(what="acknowledged", at=now, by=name)
    desk.alerts.add(Alert(id="1", kind=FindingKind.OVERDUE, about=SOURCE, opened_at=now, changed_at=now, story=(step,)))
    desk.tickets.add(
        Ticket(
            id="1",
            kind=TicketKind.QUESTION,
            asker=name,
            lang="de",
            question=WORDS,
            opened_at=now,
            changed_at=now,
            answer="Niemand, Frau Musterfrau.",
            state=TicketState.ANSWERED,
        )
    )
    return name


def rule(name: str, state: StandingState, now: int) -> StandingRule:
    """Make a standing rule that Mia approved."""
    return StandingRule(
        id=f"{SOURCE}.1",
        source=SOURCE,
        number=1,
        every_days=7,
        at_minute=60,
        max_share=0.5,
        max_records=10,
        state=state,
        proposed_by="p-other",
        approved_by=name,
        proposed_at=now,
    )


def holding(folder: Path, *words: str) -> set[str]:
    """List the files of a folder that hold one of some words, in any case."""
    wanted = [word.lower().encode() for word in words]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files if any(word in path.read_bytes().lower() for word in wanted)}


# -- everything is told -----------------------------------------------------------------------------------------------


def test_every_trace_is_told_by_kind(lab: Lab) -> None:
    """Whatever somebody left behind is counted under its kind, and nothing of others is."""
    with on_disk(lab) as opened:
        name = live(opened)
        opened.office.parts.desk.standing.add(rule(name, StandingState.STOPPED, lab.now))
        stored = about(opened)
        other = about(opened, BOB)
    assert stored.pseudonym == name
    assert stored.linked
    assert stored.reachable
    assert stored.used_at == lab.now
    counted = (stored.requests, stored.approvals, stored.holds, stored.alerts, stored.standing, stored.deliveries)
    assert counted == (1, 0, 1, 1, 1, 2)
    assert [(ticket.number, ticket.words) for ticket in stored.tickets] == [("1", True)]
    assert stored.roles == (Role.ADMIN,)
    assert (other.requests, other.holds, other.alerts, other.tickets, other.deliveries) == (0, 0, 0, (), 0)


def test_asking_leaves_no_trace(lab: Lab) -> None:
    """Whoever only asks what is stored is not remembered for it, and nothing is written."""
    stranger = replace(MIA, object_id="77777777-0000-4000-8000-000000000001", roles=frozenset({Role.EMPLOYEE}))
    with on_disk(lab) as opened:
        size = len(list(opened.engine.parts.audit.entries()))
        stored = about(opened, stranger)
        assert len(list(opened.engine.parts.audit.entries())) == size
        assert opened.engine.parts.people.find(stored.pseudonym) is None
    assert not stored.linked
    assert not stored.forgettable
    assert holding(lab.folder, stranger.object_id) == set()


def test_nobody_in_particular_is_refused(lab: Lab) -> None:
    """Without an object id nobody can be told apart; somebody with one is answered."""
    with on_disk(lab) as opened:
        with pytest.raises(RefusedError, match="without an id") as refused:
            about(opened, replace(MIA, object_id=""))
        assert about(opened).pseudonym
    assert refused.value.reason == "nobody"


# -- everything goes --------------------------------------------------------------------------------------------------


def test_no_file_leads_to_a_forgotten_person(lab: Lab) -> None:
    """SC-10: neither object id, chat nor words stand in any file afterwards, the generations before included."""
    cuts: list[str] = []
    with on_disk(lab) as opened:
        name = live(opened)
        assert holding(lab.folder, MIA.object_id) == {"retention.json", "retention.json.1"}
        assert holding(lab.folder, CHAT) == {"desk.json", "desk.json.1"}
        assert holding(lab.folder, WORDS) >= {"desk.json"}
        lab.roles[MIA.object_id] = frozenset({Role.EMPLOYEE})
        done = forget(opened, cuts=cuts)
        assert holding(lab.folder, MIA.object_id, CHAT, WORDS, "Musterfrau") == set()
        assert len(holding(lab.folder, name)) >= 3, "the pseudonym stays: the positive control of the search"
    assert holding(lab.folder, MIA.object_id, CHAT, WORDS, "Musterfrau") == set()
    assert cuts == ["cut"]
    assert (done.words, done.deliveries, done.reference, done.linked, done.binds) == (1, 2, True, True, ())


def test_the_audit_verifies_and_the_stores_open_after_forgetting(lab: Lab) -> None:
    """SC-10: forgetting breaks no chain and no store; the entry says that it happened, not to whom."""
    with on_disk(lab) as opened:
        live(opened)
        lab.roles[MIA.object_id] = frozenset()
        forget(opened)
        [entry] = [one for one in opened.engine.parts.audit.entries() if one.kind == "person.forgotten"]
        assert entry.data == {"stays": "", "tickets": 1, "deliveries": 2}
        opened.engine.parts.audit.checkpoint()
    with on_disk(lab) as again:
        assert not about(again).forgettable
        assert about(again).requests == 1, "what was done stays told, under the pseudonym"
    report = verify(lab.folder / "audit", public_key=read_public(lab.folder / "keys" / "audit.pub"))
    assert report.verdict is Verdict.INTACT


def test_forgetting_again_changes_nothing_more(lab: Lab) -> None:
    """A doubled press, or one after a crash in between, forgets nothing twice and raises nothing."""
    with on_disk(lab) as opened:
        live(opened)
        lab.roles[MIA.object_id] = frozenset()
        forget(opened)
        again = forget(opened)
    assert (again.words, again.deliveries, again.reference, again.linked) == (0, 0, False, False)


def test_nothing_goes_where_the_audit_cannot_be_written(lab: Lab) -> None:
    """Without a durable entry nothing is forgotten: the order is audit first, then the stores."""
    with on_disk(lab) as opened:
        live(opened)
        opened.engine.parts.audit.close()  # type: ignore[attr-defined]
        with pytest.raises(StateError):
            forget(opened)
        assert about(opened).reachable
        assert about(opened).tickets[0].words


# -- what binds -------------------------------------------------------------------------------------------------------


def test_a_role_keeps_link_and_address(lab: Lab) -> None:
    """Who holds a role loses the words and the log link, but stays linked and reachable, and is told why."""
    with on_disk(lab) as opened:
        live(opened)
        done = forget(opened)
        stored = about(opened)
        assert holding(lab.folder, WORDS) == set(), "the words are gone from the generation before too"
    assert (done.words, done.deliveries, done.reference, done.linked) == (1, 0, False, False)
    assert done.binds == stored.binds == ("role",)
    assert (stored.linked, stored.reachable, stored.deliveries) == (True, True, 2)
    assert not stored.forgettable


def test_an_approver_of_an_open_request_stays_linked_and_it_runs(lab: Lab) -> None:
    """Forgetting cannot unlink who agreed to an open purge: roles are checked at execution, and the purge goes on."""
    lab.write("app.log", [120, 119, 3])
    with open_office(lab) as opened:
        request = lab.approved(opened.engine, approvers=(MIA,))
        forget(opened)
        assert "request" in about(opened).binds
        done = opened.engine.runner.run(request.id, progress=silent)
        assert done.verdict == "PASS"
        assert "request" not in about(opened).binds, "it binds only while it is open"


def test_an_unlinked_approver_would_have_stopped_the_purge(lab: Lab) -> None:
    """The positive control: with the link gone the same purge is refused, and nothing is deleted."""
    path = lab.write("app.log", [120, 119, 3])
    with open_office(lab) as opened:
        request = lab.approved(opened.engine, approvers=(MIA,))
        assert forget_person(opened.engine.parts, HOST, tenant=TENANT, object_id=MIA.object_id)
        with pytest.raises(RefusedError) as refused:
            opened.engine.runner.run(request.id, progress=silent)
    assert refused.value.reason == "role_lost"
    assert path.read_bytes().count(b"\n") == 3


def test_a_requester_who_lost_the_role_is_bound_until_the_request_ends(lab: Lab) -> None:
    """The request alone binds too, and only the link: the address goes at once."""
    lab.write("app.log", [120, 119, 3])
    with open_office(lab) as opened:
        request = opened.engine.purges.preview(MIA, SOURCE, silent)
        name = about(opened).pseudonym
        opened.office.parts.desk.references.add(Reference(id=name, conversation_id=CHAT, service_url="https://s/"))
        lab.roles[MIA.object_id] = frozenset()
        done = forget(opened)
        assert done.binds == ("request",)
        assert done.reference
        assert about(opened).linked
        ended = opened.engine.purges.cancel(ALICE, request.id)
        assert ended.state is State.WITHDRAWN
        assert forget(opened).linked
        assert not about(opened).linked


@pytest.mark.parametrize("state", StandingState)
def test_a_rule_binds_until_it_has_ended(lab: Lab, state: StandingState) -> None:
    """A rule that runs, or may yet run, keeps who agreed to it linked; one that has ended does not."""
    with open_office(lab) as opened:
        name = opened.engine.parts.people.of(MIA)
        lab.roles[MIA.object_id] = frozenset()
        opened.office.parts.desk.standing.add(rule(name, state, lab.now))
        over = state in {StandingState.STOPPED, StandingState.REJECTED, StandingState.REPLACED}
        assert about(opened).binds == (() if over else ("standing",))
        forget(opened)
        assert about(opened).linked is not over


def test_others_stay_as_they_are(lab: Lab) -> None:
    """Forgetting one person takes nothing from another."""
    with on_disk(lab) as opened:
        live(opened)
        name = opened.engine.parts.people.of(DORA)
        desk = opened.office.parts.desk
        desk.references.add(Reference(id=name, conversation_id="a:dora", service_url="https://s/"))
        before = about(opened, DORA)
        lab.roles[MIA.object_id] = frozenset()
        forget(opened)
        assert about(opened, DORA) == before
        assert desk.references.find(name) is not None


@given(
    linked=st.booleans(),
    reachable=st.booleans(),
    deliveries=st.integers(0, 2),
    binds=st.lists(st.sampled_from(["role", "request", "standing"]), unique=True),
)
def test_the_stamp_of_a_button_follows_what_would_go(
    linked: bool, reachable: bool, deliveries: int, binds: list[str]
) -> None:
    """Two people's states with the same stamp would lose the same: every fact that matters is in it."""
    base = Stored(
        pseudonym="p-1", linked=True, reachable=True, used_at=5, requests=0, approvals=0, holds=0, alerts=0,
        standing=0, handled=0, tickets=(), deliveries=1, roles=(), binds=(),
    )  # fmt: skip
    other = replace(base, linked=linked, reachable=reachable, deliveries=deliveries, binds=tuple(binds))
    same = (linked, reachable, deliveries, binds) == (True, True, 1, [])
    assert (other.face == base.face) is same
    assert replace(base, used_at=9, requests=7, pseudonym="p-2").face == base.face
