"""The shelves of the desk keep one promise on every engine, for everything that lies on them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.desk.alert import Alert, AlertStep
from data.desk.delivery import Delivery, Reference
from data.desk.standing import StandingRule, StandingState, StandingStep
from data.desk.ticket import Ticket, TicketKind, TicketStep
from data.errors import ConflictError, StateError, UnknownError
from data.retention.finding import FindingKind
from data.stores.desk import DeskStores, Shelf
from data.stores.memory_desk import MemoryDeskStores
from data.stores.postgres.desk import PostgresDeskStores
from data.stores.tinydb_desk import open_desk, read_desk
from tests.data.stores.things import NOW, texts

ENGINES = ("memory", "tinydb", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One kind of value: where it lies, one of them, and a field that is a text."""

    shelf: str
    make: Callable[..., Any]
    field: str


def an_alert(key: str = "1", **changes: Any) -> Alert:
    """Make an alert with a story."""
    story = (AlertStep(what="opened", at=NOW), AlertStep(what="snoozed", at=NOW, by="p-1", reason="später"))
    plain = Alert(id=key, kind=FindingKind.DUE, about="app", opened_at=NOW, changed_at=NOW, limit=NOW, story=story)
    return replace(plain, **changes)


def a_delivery(key: str = "1", **changes: Any) -> Delivery:
    """Make a delivery that was sent."""
    plain = Delivery(id=key, subject="alert/1", recipient="p-1", urgent=True, post="1", shown="a", sent_at=NOW)
    return replace(plain, **changes)


def a_reference(key: str = "1", **changes: Any) -> Reference:
    """Make a reference."""
    return replace(Reference(id=key, conversation_id="a:1", service_url="https://x.test/", used_at=NOW), **changes)


def a_ticket(key: str = "1", **changes: Any) -> Ticket:
    """Make a ticket with a story."""
    plain = Ticket(
        id=key,
        kind=TicketKind.RIGHTS,
        asker="p-1",
        lang="de",
        question="Was ist über mich gespeichert?",
        right="15",
        due_at=NOW,
        opened_at=NOW,
        changed_at=NOW,
        story=(TicketStep(what="opened", at=NOW),),
    )
    return replace(plain, **changes)


def a_rule(key: str = "1", **changes: Any) -> StandingRule:
    """Make a standing rule with a story."""
    plain = StandingRule(
        id=key,
        source="app",
        number=1,
        every_days=7,
        at_minute=120,
        max_share=0.5,
        max_records=1_000,
        state=StandingState.PROPOSED,
        proposed_by="p-1",
        proposed_at=NOW,
        story=(StandingStep(state=StandingState.PROPOSED, at=NOW, by="p-1"),),
    )
    return replace(plain, **changes)


THINGS = (
    Thing(shelf="alerts", make=an_alert, field="cause"),
    Thing(shelf="deliveries", make=a_delivery, field="error"),
    Thing(shelf="references", make=a_reference, field="conversation_id"),
    Thing(shelf="tickets", make=a_ticket, field="answer"),
    Thing(shelf="standing", make=a_rule, field="last_problem"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An empty shelf and what may lie on it."""

    shelf: Shelf[Any]
    thing: Thing

    def make(self, key: str = "1", **changes: Any) -> Any:
        """Make a value that was never stored."""
        return self.thing.make(key, **changes)

    def changed(self, value: Any, text: str) -> Any:
        """Give the next state of a value."""
        return replace(value, **{self.thing.field: text})


@pytest.fixture(params=ENGINES)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskStores]:
    """Give the empty stores of each engine."""
    found: DeskStores = {
        "memory": MemoryDeskStores,
        "tinydb": lambda: open_desk(tmp_path),
        "postgres": lambda: PostgresDeskStores(request.getfixturevalue("database")),
    }[request.param]()
    yield found
    found.close()


@pytest.fixture(params=THINGS, ids=lambda thing: thing.shelf)
def kept(request: pytest.FixtureRequest, desk: DeskStores) -> Kept:
    """Give each shelf of each engine."""
    return Kept(shelf=getattr(desk, request.param.shelf), thing=request.param)


def test_an_empty_shelf_holds_nothing(kept: Kept) -> None:
    """At first there is nothing to list, to find or to remove, and an unknown id is told by name."""
    assert kept.shelf.all() == ()
    assert kept.shelf.find("1") is None
    assert not kept.shelf.remove("1")
    with pytest.raises(UnknownError, match="'1'"):
        kept.shelf.get("1")
    with pytest.raises(UnknownError, match="'1'"):
        kept.shelf.replace(kept.make())


def test_a_value_comes_back_as_it_was_stored(kept: Kept) -> None:
    """What was added is found, got and listed as version 1, whatever version it claimed."""
    added = kept.shelf.add(kept.make(version=41))
    assert added == kept.make(version=1)
    assert (kept.shelf.find("1"), kept.shelf.get("1"), kept.shelf.all()) == (added, added, (added,))


def test_values_are_listed_by_id(kept: Kept) -> None:
    """The order is that of the ids, not that of the adding."""
    for key in ("b", "c", "a"):
        kept.shelf.add(kept.make(key))
    assert [value.id for value in kept.shelf.all()] == ["a", "b", "c"]


def test_an_id_is_taken_once(kept: Kept) -> None:
    """A second value of the same id is a conflict and changes nothing; one with another id is not."""
    first = kept.shelf.add(kept.make())
    with pytest.raises(ConflictError, match="1 is there already"):
        kept.shelf.add(kept.changed(kept.make(), "other"))
    assert kept.shelf.get("1") == first
    kept.shelf.add(kept.make("2"))


def test_who_read_an_older_version_is_refused(kept: Kept) -> None:
    """Each change raises the version by one; one on another version is a conflict and changes nothing."""
    old = kept.shelf.add(kept.make())
    new = kept.shelf.replace(kept.changed(old, "first"))
    assert new == replace(kept.changed(old, "first"), version=2)
    for version in (0, 1, 3):
        with pytest.raises(ConflictError, match=f"read version {version}, stored is 2"):
            kept.shelf.replace(replace(kept.changed(new, "second"), version=version))
    assert kept.shelf.get("1") == new
    assert kept.shelf.replace(kept.changed(new, "third")).version == 3


def test_what_is_removed_may_come_again(kept: Kept) -> None:
    """Removing tells whether it was there; the id is free afterwards and begins at version 1."""
    kept.shelf.add(kept.make())
    assert kept.shelf.remove("1")
    assert not kept.shelf.remove("1")
    assert kept.shelf.find("1") is None
    assert kept.shelf.add(kept.make()).version == 1


def test_several_are_added_together_or_not_at_all(kept: Kept) -> None:
    """One id that is taken, or given twice, and none is added; otherwise all are, and nothing is no change."""
    kept.shelf.add(kept.make("b"))
    before = kept.shelf.all()
    for keys in ("abc", "aa"):
        with pytest.raises(ConflictError):
            kept.shelf.add_all(kept.make(key) for key in keys)
        assert kept.shelf.all() == before
    added = kept.shelf.add_all(kept.make(key, version=7) for key in "ca")
    assert added == (kept.make("c", version=1), kept.make("a", version=1))
    assert [value.id for value in kept.shelf.all()] == ["a", "b", "c"]
    assert kept.shelf.add_all(()) == ()


def test_several_are_changed_together_or_not_at_all(kept: Kept) -> None:
    """One stale version, unknown id or second change, and none is stored; otherwise all, each under its own id."""
    values = kept.shelf.add_all(kept.make(key) for key in "abc")
    changes = [kept.changed(value, f"now {value.id}") for value in reversed(values)]
    for wrong, error in (
        (replace(changes[1], version=2), ConflictError),
        (changes[0], ConflictError),
        (kept.make("d", version=1), UnknownError),
    ):
        with pytest.raises(error):
            kept.shelf.replace_all([*changes[:1], wrong, changes[2]])
        assert kept.shelf.all() == values
    assert kept.shelf.replace_all(changes) == tuple(replace(value, version=2) for value in changes)
    assert kept.shelf.all() == tuple(replace(kept.changed(value, f"now {value.id}"), version=2) for value in values)
    assert kept.shelf.replace_all(()) == ()


def test_several_are_removed_at_once(kept: Kept) -> None:
    """Those that are there go and are counted once, the others do not matter."""
    kept.shelf.add_all(kept.make(key) for key in "abc")
    assert kept.shelf.remove_all(["a", "c", "c", "x"]) == 2
    assert [value.id for value in kept.shelf.all()] == ["b"]
    assert kept.shelf.remove_all([]) == 0


def test_one_of_many_at_the_same_moment_wins(kept: Kept) -> None:
    """Eight threads change the same state: one does, seven are told, and the one's words are stored."""
    value = kept.shelf.add(kept.make())

    def change(number: int) -> str:
        try:
            kept.shelf.replace_all([kept.changed(value, f"by {number}")])
        except ConflictError:
            return ""
        return f"by {number}"

    with ThreadPoolExecutor(8) as pool:
        won = [words for words in pool.map(change, range(8)) if words]
    assert [getattr(kept.shelf.get("1"), kept.thing.field)] == won


def test_shelves_do_not_mix(desk: DeskStores) -> None:
    """The same id on every shelf names five different values, and removing one leaves the others."""
    for thing in THINGS:
        getattr(desk, thing.shelf).add(thing.make())
    desk.alerts.remove("1")
    assert [len(getattr(desk, thing.shelf).all()) for thing in THINGS] == [0, 1, 1, 1, 1]


def test_what_would_not_come_back_the_same_is_refused(kept: Kept) -> None:
    """Half a character or a number in place of a text is refused by every way in, and nothing is changed."""
    good = kept.shelf.add(kept.make())
    for wrong in ("\ud800", 7):
        for way in (
            lambda bad: kept.shelf.add(replace(bad, id="2")),
            lambda bad: kept.shelf.add_all([kept.make("2"), replace(bad, id="3")]),
            kept.shelf.replace,
            lambda bad: kept.shelf.replace_all([bad]),
        ):
            with pytest.raises(StateError):
                way(replace(good, **{kept.thing.field: wrong}))
    assert kept.shelf.all() == (good,)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.shelf)
def test_what_was_acknowledged_is_there_after_a_restart(thing: Thing, tmp_path: Path) -> None:
    """The embedded engine keeps every field over a restart, and a reader beside it sees the same and changes none."""
    desk = open_desk(tmp_path)
    shelf = getattr(desk, thing.shelf)
    shelf.add_all(thing.make(key) for key in "abc")
    shelf.replace_all([replace(value, **{thing.field: f"now {value.id}"}) for value in shelf.all()])
    shelf.remove_all(["b"])
    found = shelf.all()
    beside = getattr(read_desk(tmp_path), thing.shelf)
    assert beside.all() == found
    for change in (lambda: beside.add_all([thing.make("d")]), lambda: beside.remove_all(["a"])):
        with pytest.raises(StateError):
            change()
    desk.close()
    desk = open_desk(tmp_path)
    assert getattr(desk, thing.shelf).all() == found
    assert [value.version for value in found] == [2, 2]
    desk.close()


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.shelf)
def test_what_is_removed_is_in_no_file(thing: Thing, tmp_path: Path) -> None:
    """Removing for good means from the generation before too; what stays is in both."""
    desk = open_desk(tmp_path)
    shelf = getattr(desk, thing.shelf)
    shelf.add_all(thing.make(key, **{thing.field: f"planted-{key}"}) for key in ("x1", "x2", "x3"))
    shelf.remove("x1")
    shelf.remove_all(["x2"])
    desk.close()
    for path in (tmp_path / "desk.json", tmp_path / "desk.json.1"):
        content = path.read_bytes()
        assert b"planted-x3" in content
        assert not [key for key in (b"x1", b"x2") if b"planted-" + key in content]


def test_one_write_for_many(tmp_path: Path) -> None:
    """A thousand deliveries are added, and changed, with one new generation of the file each."""
    desk = open_desk(tmp_path)
    path = tmp_path / "desk.json"

    def generation() -> int:
        return path.stat().st_ino

    values = desk.deliveries.add_all(a_delivery(f"{number:04}") for number in range(1_000))
    first = generation()
    desk.deliveries.replace_all(replace(value, error="late") for value in values)
    second = generation()
    assert (tmp_path / "desk.json.1").stat().st_ino == first != second
    assert all(value.error == "late" for value in desk.deliveries.all())
    desk.close()


@given(data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.shelf)
def test_whatever_can_be_thought_of_comes_back(thing: Thing, data: st.DataObject, tmp_path_factory: Any) -> None:
    """Any text in any field, any id, and both engines give the same back."""
    value = thing.make(data.draw(texts))
    textual = [one.name for one in fields(value) if type(getattr(value, one.name)) is str and one.name != "id"]
    value = replace(value, **{name: data.draw(texts) for name in textual})
    desk = open_desk(tmp_path_factory.mktemp("desk"))
    embedded, memory = getattr(desk, thing.shelf), getattr(MemoryDeskStores(), thing.shelf)
    assert embedded.add_all([value]) == memory.add_all([value]) == (replace(value, version=1),)
    assert embedded.get(value.id) == memory.get(value.id)
    desk.close()
