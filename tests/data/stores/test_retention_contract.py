"""The retention stores keep one promise on every engine."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import ConflictError, StateError, UnknownError
from data.retention.hold import ask_release
from data.retention.instants import DAY
from data.retention.manifest import order_of
from data.retention.request import OPEN, State, Step
from data.retention.unit import Planned
from data.stores.interface import Mark, Person, RetentionStores, Tick
from data.stores.memory_retention import MemoryRetentionStores
from data.stores.tinydb_retention import open_retention
from tests.data.stores.things import NOW, a_hold, a_request, a_row, rows

OUTSIDE = ("", "../r-1", "r/1", "R-1", "r_1", "r.1", "ü", "r-1\n", "a" * 41, "r\x00")


# -- requests ---------------------------------------------------------------------------------------------------------


def test_empty_stores_hold_nothing(stores: RetentionStores) -> None:
    """At first there is nothing to list, nothing to find and nothing remembered."""
    assert stores.requests.newest() == ()
    assert stores.requests.open_of("app") == ()
    assert stores.holds.all() == ()
    assert stores.holds.revision == 0
    assert stores.marks.mark_of("app") == Mark(source="app")
    assert stores.people.find("p-1") is None
    assert stores.ticks.last() is None


def test_a_request_comes_back_as_it_was_stored(stores: RetentionStores) -> None:
    """What was added is found under its id, as version 1; an unknown id is told."""
    added = stores.requests.add(a_request())
    assert added == replace(a_request(), version=1)
    assert stores.requests.get("r-1") == added
    with pytest.raises(UnknownError, match="r-2"):
        stores.requests.get("r-2")


def test_an_id_is_taken_once(stores: RetentionStores) -> None:
    """A second request or hold of the same id is refused and changes nothing; one with another id is not."""
    stores.requests.add(a_request())
    stores.holds.add(a_hold())
    with pytest.raises(ConflictError, match="r-1 is there already"):
        stores.requests.add(a_request(requester="p-2"))
    with pytest.raises(ConflictError, match="h-1 is there already"):
        stores.holds.add(a_hold(reason="other"))
    assert stores.requests.get("r-1").requester == "p-1"
    assert stores.holds.get("h-1").reason == "case 7"
    stores.requests.add(a_request("r-2"))
    stores.holds.add(a_hold("h-2"))


def test_every_change_raises_the_version(stores: RetentionStores) -> None:
    """Versions count up by one, whatever version the caller claims for a new one."""
    request = stores.requests.add(a_request(version=41))
    for version in (1, 2, 3):
        assert request.version == version
        request = stores.requests.replace(replace(request, reason=f"version {version + 1}"))
    assert stores.requests.get("r-1") == request


def test_who_read_an_older_version_is_refused(stores: RetentionStores) -> None:
    """A change on an older, or not yet existing, version is a conflict and changes nothing; a fresh one goes."""
    old = stores.requests.add(a_request())
    new = stores.requests.replace(replace(old, reason="first"))
    for version in (0, old.version, new.version + 1):
        with pytest.raises(ConflictError, match=f"read version {version}, stored is {new.version}"):
            stores.requests.replace(replace(new, reason="second", version=version))
    assert stores.requests.get("r-1").reason == "first"
    assert stores.requests.replace(replace(new, reason="second")).version == new.version + 1


def test_the_same_change_twice_is_a_conflict(stores: RetentionStores) -> None:
    """Two people who make the very same change from the same version: the second one has to look again."""
    old = stores.requests.add(a_request())
    stores.requests.replace(replace(old, reason="same"))
    with pytest.raises(ConflictError):
        stores.requests.replace(replace(old, reason="same"))


def test_what_was_never_added_cannot_be_replaced(stores: RetentionStores) -> None:
    """A change of something unknown is told as such and adds nothing."""
    with pytest.raises(UnknownError):
        stores.requests.replace(a_request())
    with pytest.raises(UnknownError):
        stores.holds.replace(a_hold())
    assert stores.requests.newest() == ()


@pytest.mark.parametrize("state", State)
def test_open_requests_are_those_that_can_still_do_something(stores: RetentionStores, state: State) -> None:
    """A request is listed as open exactly while its state is an open one, after additions and after changes."""
    stores.requests.add(a_request("added", state=state))
    changed = stores.requests.add(a_request("changed", created_at=NOW + 1))
    stores.requests.replace(replace(changed, state=state))
    listed = [request.id for request in stores.requests.open_of("app")]
    assert listed == (["added", "changed"] if state in OPEN else [])


def test_lists_are_ordered(stores: RetentionStores) -> None:
    """Open requests come oldest first and of their source only; the newest come first and not more than asked."""
    for number in (3, 1, 4, 2, 5):
        source = "other" if number == 4 else "app"
        stores.requests.add(a_request(f"r-{number}", created_at=NOW + number, source=source))
    stores.requests.add(a_request("r-0", created_at=NOW + 5))
    assert [found.id for found in stores.requests.open_of("app")] == ["r-1", "r-2", "r-3", "r-0", "r-5"]
    assert [found.id for found in stores.requests.open_of("other")] == ["r-4"]
    assert [found.id for found in stores.requests.newest()] == ["r-5", "r-0", "r-4", "r-3", "r-2", "r-1"]
    assert [found.id for found in stores.requests.newest(most=2)] == ["r-5", "r-0"]
    assert stores.requests.newest(most=0) == ()


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_odd_request_id_is_refused_everywhere(stores: RetentionStores, name: str) -> None:
    """No id can be anything but a plain name of a file; a plain one works."""
    for attempt in (
        lambda: stores.requests.add(a_request(name)),
        lambda: stores.manifests.save(name, [a_row()]),
        lambda: list(stores.manifests.load(name, root="")),
        lambda: stores.manifests.discard(name),
    ):
        with pytest.raises(UnknownError):
            attempt()
    stores.requests.add(a_request("a" * 40))


def test_what_cannot_be_stored_the_same_is_refused(stores: RetentionStores) -> None:
    """A value that would not come back the same is refused, with the request and the field, and nothing is stored."""
    broken = a_request(story=(Step(state=State.DRAFT, at=1, by="p", reason="\ud800"),))
    with pytest.raises(StateError, match=r"request r-1: story\[0\]: reason"):
        stores.requests.add(broken)
    with pytest.raises(StateError, match="request r-1: cutoff"):
        stores.requests.add(a_request(cutoff=2**63))
    assert stores.requests.newest() == ()
    added = stores.requests.add(a_request(cutoff=2**63 - 1))
    with pytest.raises(StateError, match="reason"):
        stores.requests.replace(replace(added, reason="\udcff"))
    assert stores.requests.get("r-1") == added


def test_of_fifty_threads_exactly_one_wins_each_version(stores: RetentionStores) -> None:
    """Fifty threads change one request at once, three rounds: one succeeds in each, the others are told."""
    stores.requests.add(a_request())
    gate = Barrier(50, timeout=30)

    def change(number: int) -> list[int]:
        won = []
        for _ in range(3):
            gate.wait()
            read = stores.requests.get("r-1")
            gate.wait()
            try:
                won.append(stores.requests.replace(replace(read, confirmed_by=f"p-{number}")).version)
            except ConflictError:
                continue
        return won

    with ThreadPoolExecutor(50) as pool:
        won = sorted(version for versions in pool.map(change, range(50)) for version in versions)
    assert won == [2, 3, 4]
    assert stores.requests.get("r-1").version == 4


# -- holds ------------------------------------------------------------------------------------------------------------


def test_the_revision_grows_with_every_change_of_a_hold(stores: RetentionStores) -> None:
    """Adding, asking for release and releasing raise it; reading, refusals and changes of requests do not."""
    seen = [stores.holds.revision]
    asked = stores.holds.replace(ask_release(stores.holds.add(a_hold()), by="p-1", now=NOW))
    seen.append(stores.holds.revision)
    stores.holds.replace(ask_release(asked, by="p-2", now=NOW))
    seen.append(stores.holds.revision)
    stores.holds.add(a_hold("h-2"))
    seen.append(stores.holds.revision)
    assert seen == sorted(set(seen))
    stores.holds.all()
    stores.requests.add(a_request())
    with pytest.raises(ConflictError):
        stores.holds.add(a_hold())
    assert stores.holds.revision == seen[-1]


def test_holds_are_kept_for_ever_oldest_first(stores: RetentionStores) -> None:
    """Released holds stay in the list, which goes by when they were placed."""
    for number in (2, 3, 1):
        stores.holds.add(a_hold(f"h-{number}", placed_at=NOW + number, sources=("app", "web")))
    second = stores.holds.get("h-2")
    released = stores.holds.replace(replace(second, released_by="p-2", released_at=NOW))
    assert [hold.id for hold in stores.holds.all()] == ["h-1", "h-2", "h-3"]
    assert stores.holds.all()[1] == released
    assert not released.active


# -- marks, people, ticks ---------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(instants=st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=1, max_size=5), source=st.integers())
def test_a_mark_never_goes_back(stores: RetentionStores, instants: list[int | None], source: int) -> None:
    """Whatever is given in whatever order, the largest instant stays."""
    name = f"source{source}"
    before = stores.marks.mark_of(name).purged_until
    for instant in instants:
        stored = stores.marks.raise_mark(Mark(source=name, purged_until=instant))
        assert stored == stores.marks.mark_of(name)
    known = [instant for instant in (before, *instants) if instant is not None]
    assert stores.marks.mark_of(name).purged_until == (max(known) if known else None)


def test_a_mark_forgets_nothing(stores: RetentionStores) -> None:
    """An empty field of a newer mark leaves what was known; a filled one replaces it; other sources are untouched."""
    stores.marks.raise_mark(Mark(source="app", purged_until=5, purged_at=9, certificate="ab"))
    assert stores.marks.raise_mark(Mark(source="app", purged_until=4)) == Mark(
        source="app", purged_until=5, purged_at=9, certificate="ab"
    )
    assert stores.marks.raise_mark(Mark(source="app", purged_at=11, certificate="cd")) == Mark(
        source="app", purged_until=5, purged_at=11, certificate="cd"
    )
    assert stores.marks.mark_of("web") == Mark(source="web")


def test_a_person_can_be_forgotten(stores: RetentionStores) -> None:
    """Who was remembered is found until forgotten; remembering twice keeps the first; forgetting tells the truth."""
    person = Person(pseudonym="p-1", tenant_id="t", object_id="o")
    stores.people.remember(person)
    stores.people.remember(replace(person, object_id="other"))
    assert stores.people.find("p-1") == person
    assert stores.people.forget("p-1")
    assert stores.people.find("p-1") is None
    assert not stores.people.forget("p-1")
    stores.people.remember(person)
    assert stores.people.find("p-1") == person


def test_forgetting_a_person_leaves_requests_alone(stores: RetentionStores) -> None:
    """A request still names the pseudonym after its person was forgotten."""
    stores.people.remember(Person(pseudonym="p-1", tenant_id="t", object_id="o"))
    added = stores.requests.add(a_request())
    stores.people.forget("p-1")
    assert stores.requests.get("r-1") == added


def test_the_last_tick_is_kept(stores: RetentionStores) -> None:
    """The tick put last is the last one, also if its clock stands before the others."""
    for wall in (NOW, NOW + DAY, NOW - DAY):
        tick = Tick(wall=wall, boot="b", elapsed=wall, blocked="jump")
        stores.ticks.put(tick)
        assert stores.ticks.last() == tick


# -- manifests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 20_000])
def test_a_manifest_comes_back_in_order(stores: RetentionStores, count: int) -> None:
    """However the rows were listed, root and order are the same, and every row comes back."""
    listed = [a_row(number) for number in range(count)]
    mixed = random.Random(3).sample(listed, count)  # noqa: S311  no secrets
    root, size = stores.manifests.save("r-1", iter(listed))
    assert (root, size) == stores.manifests.save("r-2", iter(mixed))
    assert size == count
    assert list(stores.manifests.load("r-2", root=root)) == sorted(listed, key=order_of)


def test_a_manifest_is_believed_with_its_own_root_only(stores: RetentionStores) -> None:
    """With another root, or where there is none, not one row is given; with its own root it is."""
    root, _ = stores.manifests.save("r-1", [a_row(1), a_row(2)])
    other, _ = stores.manifests.save("r-2", [a_row(1), a_row(3)])
    for request_id, wanted in (("r-1", other), ("r-1", ""), ("r-1", root.upper()), ("r-9", root)):
        with pytest.raises(StateError, match=request_id):
            stores.manifests.load(request_id, root=wanted)
    assert len(list(stores.manifests.load("r-1", root=root))) == 2


def test_a_manifest_can_be_discarded(stores: RetentionStores) -> None:
    """A discarded manifest is gone, the others are not, and discarding again is no error."""
    root, _ = stores.manifests.save("r-1", [a_row()])
    stores.manifests.save("r-2", [a_row()])
    stores.manifests.discard("r-1")
    stores.manifests.discard("r-1")
    with pytest.raises(StateError, match="r-1"):
        stores.manifests.load("r-1", root=root)
    assert list(stores.manifests.load("r-2", root=root)) == [a_row()]


def test_a_manifest_can_be_saved_again(stores: RetentionStores) -> None:
    """A preview that was begun anew replaces the manifest as a whole."""
    old, _ = stores.manifests.save("r-1", [a_row(1), a_row(2)])
    new, _ = stores.manifests.save("r-1", [a_row(3)])
    with pytest.raises(StateError):
        stores.manifests.load("r-1", root=old)
    assert list(stores.manifests.load("r-1", root=new)) == [a_row(3)]


def test_rows_that_cannot_be_listed_leave_the_manifest_before(stores: RetentionStores) -> None:
    """Where the listing breaks off, nothing is stored and what was there is still there."""

    def broken() -> Iterator[Planned]:
        yield a_row(1)
        raise UnknownError

    root, _ = stores.manifests.save("r-1", [a_row(7)])
    with pytest.raises(UnknownError):
        stores.manifests.save("r-1", broken())
    assert list(stores.manifests.load("r-1", root=root)) == [a_row(7)]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RetentionStores, RetentionStores]]:
    """Give one store of each kind for a property that compares them."""
    embedded = open_retention(tmp_path_factory.mktemp("twins"))
    yield MemoryRetentionStores(), embedded
    embedded.close()


@settings(max_examples=60)
@given(listed=st.lists(rows(), max_size=12), order=st.randoms(use_true_random=False))
def test_the_root_depends_on_the_rows_only(
    twins: tuple[RetentionStores, RetentionStores], listed: list[Planned], order: random.Random
) -> None:
    """P7: for any rows in any order both engines give the same root and the same rows."""
    mixed = list(listed)
    order.shuffle(mixed)
    memory, embedded = twins
    root, size = memory.manifests.save("r-1", listed)
    assert embedded.manifests.save("r-1", mixed) == (root, size)
    assert list(embedded.manifests.load("r-1", root=root)) == list(memory.manifests.load("r-1", root=root))
