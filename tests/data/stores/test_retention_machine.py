"""Whatever is done in whatever order, the embedded stores say what their twin in memory says, restarts included."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from data.errors import ProcallError
from data.retention.hold import Hold
from data.retention.request import PurgeRequest, State
from data.stores.interface import Mark, Person, RetentionStores, Tick
from data.stores.memory_retention import MemoryRetentionStores
from data.stores.tinydb_retention import open_retention, read_retention
from tests.data.stores.things import a_hold, a_request, a_row, instants, texts

IDS = st.sampled_from(["r-1", "r-2", "r-3", "no id"])
SOURCES = st.sampled_from(["app", "web"])


class Twins(RuleBasedStateMachine):
    """Does everything to both, and compares every answer and every error."""

    requests: Bundle[PurgeRequest] = Bundle("requests")
    holds: Bundle[Hold] = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.memory: RetentionStores = MemoryRetentionStores()
        self.embedded: RetentionStores = open_retention(self.folder)
        self.roots = {"r-1": "", "r-2": "", "r-3": ""}

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.embedded.close()
        shutil.rmtree(self.folder)

    def both(self, act: Callable[[RetentionStores], Any]) -> Any:
        """Do something to both; give what both answered, None for an error of both."""
        answers = []
        for stores in (self.memory, self.embedded):
            try:
                answers.append((act(stores), ""))
            except ProcallError as error:
                answers.append((None, type(error).__name__))
        assert answers[0] == answers[1]
        return answers[0][0]

    @rule(target=requests, name=IDS, source=SOURCES, created=instants, state=st.sampled_from(State), reason=texts)
    def add_request(self, name: str, source: str, created: int, state: State, reason: str) -> PurgeRequest:
        """Add a request; its id may be taken or odd."""
        request = a_request(name, source=source, created_at=created, state=state, reason=reason)
        return self.both(lambda stores: stores.requests.add(request)) or request

    @rule(target=requests, request=requests, state=st.sampled_from(State), until=st.integers(0, 2**63))
    def replace_request(self, request: PurgeRequest, state: State, until: int) -> PurgeRequest:
        """Change a request from whatever version was seen once; an instant may be too large to store."""
        changed = replace(request, state=state, expires_at=until)
        return self.both(lambda stores: stores.requests.replace(changed)) or request

    @rule(target=holds, name=IDS, placed=instants, sources=st.lists(SOURCES, max_size=2).map(tuple))
    def add_hold(self, name: str, placed: int, sources: tuple[str, ...]) -> Hold:
        """Place a hold; its id may be taken."""
        hold = a_hold(name, placed_at=placed, sources=sources)
        return self.both(lambda stores: stores.holds.add(hold)) or hold

    @rule(target=holds, hold=holds, reason=texts)
    def replace_hold(self, hold: Hold, reason: str) -> Hold:
        """Change a hold from whatever version was seen once."""
        return self.both(lambda stores: stores.holds.replace(replace(hold, reason=reason))) or hold

    @rule(source=SOURCES, until=st.none() | instants, certificate=texts)
    def raise_mark(self, source: str, until: int | None, certificate: str) -> None:
        """Raise a mark, or try to lower it."""
        self.both(
            lambda stores: stores.marks.raise_mark(Mark(source=source, purged_until=until, certificate=certificate))
        )

    @rule(pseudonym=IDS, object_id=texts)
    def remember(self, pseudonym: str, object_id: str) -> None:
        """Remember a person."""
        person = Person(pseudonym=pseudonym, tenant_id="t", object_id=object_id)
        self.both(lambda stores: stores.people.remember(person))

    @rule(pseudonym=IDS)
    def forget(self, pseudonym: str) -> None:
        """Forget a person."""
        self.both(lambda stores: stores.people.forget(pseudonym))

    @rule(wall=instants, blocked=texts)
    def tick(self, wall: int, blocked: str) -> None:
        """Tick."""
        self.both(lambda stores: stores.ticks.put(Tick(wall=wall, boot="b", elapsed=1, blocked=blocked)))

    @rule(name=IDS, numbers=st.lists(st.integers(0, 50), max_size=5))
    def save_manifest(self, name: str, numbers: list[int]) -> None:
        """Save a manifest."""
        saved = self.both(lambda stores: stores.manifests.save(name, map(a_row, numbers)))
        if saved is not None:
            self.roots[name] = saved[0]

    @rule(name=IDS)
    def discard_manifest(self, name: str) -> None:
        """Discard a manifest."""
        self.both(lambda stores: stores.manifests.discard(name))

    @rule()
    def restart(self) -> None:
        """Close the embedded stores and open them again."""
        self.embedded.close()
        self.embedded = open_retention(self.folder)

    @invariant()
    def they_agree(self) -> None:
        """Everything that can be read is the same, for a reader without the lock too."""
        real = self.embedded
        for embedded in (real, read_retention(self.folder)):
            self.embedded = embedded
            for name in ("r-1", "r-2", "r-3", "no id"):
                self.both(lambda stores, name=name: stores.requests.get(name))
                self.both(lambda stores, name=name: stores.holds.get(name))
                self.both(lambda stores, name=name: stores.people.find(name))
                root = self.roots.get(name, "")
                self.both(lambda stores, name=name, root=root: list(stores.manifests.load(name, root=root)))
            for source in ("app", "web"):
                self.both(lambda stores, source=source: stores.requests.open_of(source))
                self.both(lambda stores, source=source: stores.marks.mark_of(source))
            self.both(lambda stores: (stores.requests.newest(), stores.requests.newest(most=1)))
            self.both(lambda stores: (stores.holds.all(), stores.holds.revision))
            self.both(lambda stores: stores.ticks.last())
        self.embedded = real


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
