"""One random way through purges with the real services and the real audit, watched by somebody who trusts neither.

The witness keeps its own books: who said yes to what (by name, not by pseudonym), which holds are in force, what was
planned, what was acknowledged. It checks always-true properties of security.md 9; a `Machine` may lack a check.
"""

import contextlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from data.access import Actor, Permission, Role, permissions_of
from data.audit.disk import RESERVE_BYTES
from data.audit.entry import AuditEntry, Draft
from data.audit.keys import PUBLIC, Ed25519FileSigner, read_public
from data.audit.log import AuditLog
from data.audit.report import Verdict
from data.audit.verify import verify
from data.errors import ProcallError, RefusedError
from data.purge.clock_guard import ClockGuard
from data.purge.clock_trust import trust_clock
from data.purge.engine import Engine, check_whole, engine_of
from data.purge.holds import Wish
from data.purge.parts import PurgeParts
from data.purge.people import HOST_TENANT, Pseudonyms
from data.retention.hold import Hold
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of
from data.retention.request import RUNNING, WAITING, PurgeRequest, State
from data.retention.rule import Care, DataKind, RetentionRule
from data.retention.unit import Identity, Planned
from data.stores.interface import Person
from data.stores.memory_retention import MemoryRetentionStores
from tests.data.purge.heap import Heap
from tests.data.purge.lab import NOW, TENANT, Papers, silent
from tests.world import FakeClock

SOURCE = Heap.id
E = Role.EMPLOYEE
PEOPLE: Mapping[str, frozenset[Role]] = {
    "ann": frozenset({E, Role.ADMIN}),
    "ben": frozenset({E, Role.ADMIN}),
    "cid": frozenset({E, Role.ADMIN, Role.DPO}),
    "dee": frozenset({E, Role.DPO}),
    "eve": frozenset({E}),
}
CARES = (
    Care(max_share=1.0),
    Care(max_share=1.0, cooling_for=0),
    Care(max_share=1.0, approvals=2),
    Care(max_share=1.0, approval_roles=(Role.DPO,)),
    Care(max_share=1.0, approval_roles=(Role.ADMIN, Role.DPO), cooling_for=5 * MINUTE),
    Care(max_share=0.5, approvals=2, approval_roles=(Role.DPO,)),
)
RULE = RetentionRule(data_kind=DataKind.LOG)
LEAST_AGE = RULE.max_age - RULE.margin
ENDED = frozenset({State.WITHDRAWN, State.REJECTED, State.REVOKED, State.CANCELLED})


class Killed(BaseException):
    """The process has died; nothing in it runs on."""


class BrokenError(Exception):
    """An always-true property was not true."""


def must(true: object, what: str) -> None:
    """Say which property was broken."""
    if not true:
        raise BrokenError(what)


@dataclass(kw_only=True)
class Books:
    """What the witness knows of one request, by the names of people."""

    asked_by: str
    confirmed_by: str = ""
    said_yes: dict[str, str] = field(default_factory=dict)
    """Which digest each person has approved."""
    glass_broken: bool = False
    planned: frozenset[tuple[bytes, Identity]] = frozenset()
    starts: int = 0
    intents: int = 0
    """Batches that are intended and have no result yet."""
    acted: bool = False
    """Whether anything was ever intended."""


class Trail:
    """The audit, seen by the witness before anything becomes durable."""

    def __init__(self, log: AuditLog, world: "World") -> None:
        self._log, self._world = log, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, kind: str, actor: str = "system", about: str = "", data: Mapping[str, Any] | None = None,
               *, read_back: bool = False) -> AuditEntry:  # fmt: skip
        """Make an entry durable."""
        self._world.may_die()
        entry = self._log.append(kind, actor, about, data, read_back=read_back)
        self._world.recorded(kind, about, data or {})
        self._world.may_die()
        return entry

    def append_many(self, drafts: Sequence[Draft], *, allow_backward: bool = False) -> object:
        """Make several entries durable."""
        self._world.may_die()
        if self._world.machine.intents or drafts[0].kind != "purge.intent":
            self._log.append_many(drafts, allow_backward=allow_backward)
            for draft in drafts:
                self._world.recorded(draft.kind, draft.object, draft.data)
        self._world.may_die()
        return None


class Requests:
    """The request store, in which every change may be the last thing that happens."""

    def __init__(self, kept: Any, world: "World") -> None:
        self._kept, self._world = kept, world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)

    def replace(self, request: PurgeRequest) -> PurgeRequest:
        """Store the next state."""
        self._world.may_die()
        before = self._kept.get(request.id)
        stored: PurgeRequest = self._kept.replace(request)
        self._world.stored(before, stored)
        self._world.may_die()
        return stored

    def lose(self, request: PurgeRequest) -> None:
        """Fall back to an older state, as a disk does that lied about a flush."""
        self._kept._shelf._values[request.id] = request


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine checks; each may be taken out, so that the test of it can be tested."""

    live_roles: bool = True
    """Whether roles are asked at every step; else the first answer is believed for ever."""
    one_name: bool = True
    """Whether a person has one pseudonym, however the id is written."""
    fresh_holds: bool = True
    """Whether the executor notices that holds have changed."""
    durable: bool = True
    """Whether what was acknowledged is there after a crash."""
    intents: bool = True
    """Whether an intent is recorded before anything goes."""
    careful: bool = True
    """Whether the source looks that a unit still is what was planned."""
    finishes: bool = True
    """Whether a finished request stays finished; else it can begin anew."""
    honest: bool = True
    """Whether the audit stays as it was written."""


class LooseNames(Pseudonyms):
    """Takes the same person in another spelling for another one."""

    def name(self, actor: Actor) -> str:
        """Give a pseudonym of exactly this spelling."""
        return f"p-{actor.object_id.encode().hex():0<20}"


class StaleHolds:
    """A hold store whose revision never grows."""

    revision = 7

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept, name)


@dataclass(kw_only=True)
class Stores:
    """The stores as the engine sees them."""

    requests: Any
    holds: Any
    marks: Any
    people: Any
    ticks: Any
    manifests: Any

    def close(self) -> None:
        """Do nothing."""


class World:
    """People, a source, a clock and an engine that dies now and then."""

    def __init__(self, dice: random.Random, folder: Path, machine: Machine) -> None:
        self.dice, self.folder, self.machine = dice, folder, machine
        self.clock = FakeClock(NOW)
        self.behind = 0
        """Microseconds by which somebody has set the wall clock back."""
        self.roles = dict(PEOPLE)
        self.remembered: dict[str, frozenset[Role]] = {}
        self.care = dice.choice(CARES)
        self.heap = Heap(self, careful=machine.careful)
        self.memory = MemoryRetentionStores()
        self.requests = Requests(self.memory.requests, self)
        self.numbers = itertools.count(1)
        self.fuse: int | None = None
        """After how many durable changes the process dies; None for never."""
        self.books: dict[str, Books] = {}
        self.holds: dict[str, Hold] = {}
        """Holds that were acknowledged and not yet released."""
        self.acknowledged: dict[str, PurgeRequest] = {}
        self.touched: set[str] = set()
        """Ids of what was acknowledged last."""
        self.moves: Counter[str] = Counter()
        """How often requests have come to each state."""
        self.running = ""
        """Id of the request that is being executed."""
        self.asking = ""
        """Who is asking for a purge."""
        self.fresh = 0
        make_reserve(folder / "audit")
        for _ in range(4):
            self.files()
        self.log: AuditLog
        self.engine: Engine
        self.open()

    # -- the process --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the process: everything but disk and people is new."""
        self.fuse, self.running = None, ""
        self.log = AuditLog(self.folder / "audit", clock=self.clock, signer=Ed25519FileSigner(self.folder / "keys"))
        held = self.memory.holds if self.machine.fresh_holds else StaleHolds(self.memory.holds)
        names = Pseudonyms if self.machine.one_name else LooseNames
        memory = self.memory
        parts = PurgeParts(
            sources={SOURCE: self.heap},
            rules={SOURCE: RULE},
            kin={SOURCE: frozenset({SOURCE})},
            care=self.care,
            stores=Stores(requests=self.requests, holds=held, marks=memory.marks,
                          people=memory.people, ticks=memory.ticks, manifests=memory.manifests),
            audit=Trail(self.log, self),
            guard=ClockGuard(self.clock, memory.ticks),
            people=names(b"k" * 32, memory.people),
            roles_of=self.roles_of,
            documents=Papers(),
            commit=Lock(),
            stops=set(),
            new_id=lambda: f"id-{next(self.numbers):05}",
        )  # fmt: skip
        check_whole(parts)
        self.engine = engine_of(parts, holder=f"executor-{next(self.numbers)}")

    def crash(self) -> None:
        """End the process wherever it is, and look at what it left (P5, P6)."""
        self.log.close()
        if not self.machine.durable:
            for request in self.acknowledged.values():
                self.requests.lose(replace(request, story=request.story[:-1], version=request.version - 1))
        if not self.machine.honest:
            log = max((self.folder / "audit").iterdir(), key=lambda path: b'"audit.opened"' in path.read_bytes())
            log.write_bytes(log.read_bytes().replace(b'"audit.opened"', b'"audit.openee"', 1))
        self.check_audit()
        self.open()
        self.check_stored()

    def close(self) -> None:
        """End the process in good order, and look at the audit a last time."""
        self.log.close()
        self.check_audit()

    def may_die(self) -> None:
        """Die here, if it is time."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed

    def roles_of(self, person: Person) -> frozenset[Role]:
        """Tell somebody's roles: those of this moment, unless the machine remembers."""
        live = self.live(person.object_id.lower())
        return live if self.machine.live_roles else self.remembered.setdefault(person.object_id.lower(), live)

    def live(self, name: str) -> frozenset[Role]:
        """Tell the roles somebody really has."""
        return frozenset({E, Role.ADMIN}) if name == "host" else self.roles[name]

    @property
    def true_now(self) -> Instant:
        """Tell the time nobody has set."""
        return instant_of(self.clock.now()) + self.behind

    # -- the witness --------------------------------------------------------------------------------------------------

    def recorded(self, kind: str, about: str, data: Mapping[str, Any]) -> None:
        """Look at an entry that has just become durable, before anything comes of it."""
        if kind == "request.created":
            self.books[about] = Books(asked_by=self.asking)
        elif kind == "purge.started":
            books = self.books[about]
            books.starts += 1  # one that died before it was stored begins anew, as long as nothing has gone
            must(not books.acted, "P10: a purge was started twice")
            self.check_agreed(books, str(data["digest"]))
            self.running = about
        elif kind == "purge.resumed":
            must(self.books[about].starts, "P2: a purge was resumed that nobody had started")
            self.running = about
        elif kind == "purge.intent":
            must(self.running == about, "P2: an intent without a start")
            self.books[about].intents += 1
            self.books[about].acted = True
        elif kind in {"purge.result", "purge.recovered"}:
            self.books[about].intents = 0

    def check_agreed(self, books: Books, digest: str) -> None:
        """Hold a start against who has really said yes to exactly this, and may now (P2, P3)."""
        if books.glass_broken:
            return
        asking = {books.asked_by, books.confirmed_by}
        must(books.confirmed_by, "P2: nobody has confirmed")
        must(all(Permission.RUN_PURGE in permissions_of(self.live(name)) for name in asking), "P2: may not ask")
        yes = [name for name, approved in books.said_yes.items() if approved == digest and name not in asking]
        must(len(yes) == len(books.said_yes), "P3: somebody approved another scope, or his own purge")
        may = [self.live(name) for name in yes if Permission.APPROVE_PURGE in permissions_of(self.live(name))]
        must(len(may) >= max(self.care.approvals, len(self.care.approval_roles)), "P2: too few have agreed")
        must(covered(self.care.approval_roles, may), "P2: a role is missing among those who agreed")

    def goes(self, planned: Planned, present: Identity, records: Iterable[Instant]) -> None:
        """Look at records at the very moment they go (P1, P3, P8)."""
        books = self.books[self.running]
        must(books.intents, "P1: something went without an intent")
        must((planned.unit.name, planned.unit.identity) in books.planned, "P3: something went that was not planned")
        must(present == planned.unit.identity, "P3: something went that was not what had been planned")
        for at in records:
            must(at < self.true_now - LEAST_AGE, "P8: something young went")
            must(not any(hold.covers(SOURCE, at, at) for hold in self.holds.values()), "P8: something held went")

    def stored(self, before: PurgeRequest, after: PurgeRequest) -> None:
        """Look at each stored step: the story only grows."""
        must(after.story[: len(before.story)] == before.story, "P5: a story was rewritten")
        if after.state is not before.state:
            self.moves[after.state.value] += 1
        if after.state is State.PREVIEWED:
            rows = self.memory.manifests.load(after.id, root=after.preview.root)
            self.books[after.id].planned = frozenset((row.unit.name, row.unit.identity) for row in rows)
        names = [approval.by for approval in after.approvals]
        must(len(set(names)) == len(names), "P10: somebody was counted twice")
        must(all(yes.digest == after.digest for yes in after.approvals), "P3: a yes to another scope was kept")

    def check_stored(self) -> None:
        """See that everything acknowledged is there, or something that came after it (P5)."""
        self.check_acknowledged(self.acknowledged)
        held = {hold.id for hold in self.memory.holds.all() if hold.active}
        must(self.holds.keys() <= held, "P5: an acknowledged hold is gone")

    def check_acknowledged(self, names: Iterable[str]) -> None:
        """See that some acknowledged requests are there, as they were or later (P5)."""
        for known in map(self.acknowledged.__getitem__, names):
            present = self.memory.requests.get(known.id)
            must(present.version >= known.version, "P5: an acknowledged step is gone")
            must(present.version > known.version or present == known, "P5: an acknowledged step was changed")

    def check_audit(self) -> None:
        """See that the audit is whole (P6)."""
        report = verify(self.folder / "audit", public_key=read_public(self.folder / "keys" / PUBLIC))
        must(report.verdict is Verdict.INTACT, f"P6: the audit is {report.verdict}: {report.findings}")

    # -- while something is deleted -----------------------------------------------------------------------------------

    def interlude(self) -> None:
        """Let a hold, a cancellation or a change of roles come between two units; or the end."""
        self.may_die()
        if self.dice.random() < 0.15:
            act = self.dice.choice([self.place, self.place, self.cancel, self.change_roles])
            with contextlib.suppress(ProcallError):
                act()

    def gone(self) -> None:
        """Die between a unit's commit and its record, if it is time."""
        self.may_die()

    # -- steps --------------------------------------------------------------------------------------------------------

    def step(self) -> str:
        """Try one thing, then hold what is stored against the books; tells what became of it."""
        acts = self.acts()
        act = self.dice.choices(tuple(acts), tuple(acts.values()))[0]
        if act in (self.preview, self.confirm, self.approve, self.run, self.release) and self.dice.random() < 0.1:
            self.fuse = self.dice.randrange(15)
        try:
            act()
        except Killed:
            self.crash()
            return "killed"
        except ProcallError as error:
            outcome = f"refused {getattr(error, 'reason', type(error).__name__)}"
        else:
            outcome = act.__name__
        finally:
            self.fuse = None
        self.check_acknowledged(self.touched)
        return outcome

    def acts(self) -> dict[Callable[[], None], float]:
        """Weigh what may happen next, so that walks come as far as deletion and back."""
        weights = {
            self.preview: 2, self.confirm: 3, self.approve: 4, self.run: 3, self.wait: 4, self.reject: 0.4,
            self.withdraw: 0.4, self.revoke: 0.4, self.cancel: 0.4, self.break_glass: 0.4, self.place: 0.5,
            self.release: 3, self.change_roles: 3, self.change_care: 0.3, self.files: 2, self.restart: 0.4,
            self.set_clock: 1.5 if self.behind else 0.8,
        }  # fmt: skip
        newest = self.memory.requests.newest(most=1)
        state = newest[0].state if newest else State.CLOSED_CLEAN
        likely = {
            State.PREVIEWED: self.confirm, State.AWAITING_SECOND: self.approve, State.APPROVED: self.run,
            State.COOLING: self.dice.choice([self.wait, self.run]),
        }.get(state, self.run if state in RUNNING else self.preview)  # fmt: skip
        return weights | {likely: 40}

    def preview(self) -> None:
        """Ask for a purge as anybody."""
        name = self.somebody("ann", "ben", "cid")
        self.asking = name
        request = self.engine.purges.begin(self.actor(name), SOURCE)
        self.know(request)
        self.know(self.engine.purges.fill(request.id, silent))

    def confirm(self) -> None:
        """Confirm as anybody, mostly as the requester, with a code that is mostly right."""
        request = self.one()
        books = self.books[request.id]
        name = books.asked_by if self.dice.random() < 0.8 else self.somebody()
        code = request.code if self.dice.random() < 0.9 else "AAAA-AAAA"
        with self.saying(request, lambda stored: stored.confirmed_by, books, name):
            self.know(self.engine.purges.confirm(self.actor(name), request.id, code))
            books.confirmed_by = name

    def approve(self) -> None:
        """Approve as anybody, mostly what was previewed; the same again changes nothing (P10)."""
        request = self.one()
        name, books = self.somebody(), self.books[request.id]
        digest = request.digest if self.dice.random() < 0.95 else "ab" * 32
        actor = self.actor(name)
        with self.saying(request, lambda stored: stored.approvals, books, name, digest):
            stored = self.engine.purges.approve(actor, request.id, digest)
            books.said_yes[name] = digest
            self.know(stored)
        if self.dice.random() < 0.2:
            size = self.log.size
            with contextlib.suppress(RefusedError):
                self.engine.purges.approve(actor, request.id, digest)
            after = self.memory.requests.get(request.id)
            must(after.approvals == stored.approvals, "P10: the same approval had two effects")
            must(after == stored or after.state not in WAITING, "P10: the same approval changed the request again")
            must(self.log.size == size or after.state not in WAITING, "P10: the same approval was recorded twice")

    @contextlib.contextmanager
    def saying(self, request: PurgeRequest, of: Callable[[PurgeRequest], object], books: Books, name: str,
               digest: str = "") -> Any:  # fmt: skip
        """Note what somebody said if the process died after it was stored: then it counts, acknowledged or not."""
        try:
            yield
        except Killed:
            if of(self.memory.requests.get(request.id)) != of(request):
                if digest:
                    books.said_yes[name] = digest
                else:
                    books.confirmed_by = name
            raise

    def break_glass(self) -> None:
        """Run it alone, as the host's operator, with or without a reason."""
        request = self.one()
        if self.dice.random() < 0.5:
            return
        reason = self.dice.choice(["", " - ", "fire"])
        must(request.id in self.books, "a request out of nowhere")
        before = self.books[request.id].glass_broken
        self.books[request.id].glass_broken = True
        try:
            broken = self.engine.purges.break_glass(self.actor("host"), request.id, request.code, reason)
            must(reason == "fire" or not broken.break_glass or before, "P2: the glass was broken without a reason")
            self.know(broken)
        finally:
            self.books[request.id].glass_broken = self.memory.requests.get(request.id).break_glass

    def run(self) -> None:
        """Execute; while it runs, anything may come between. Again has no effect (P10)."""
        request = self.one()
        try:
            done = self.engine.runner.run(request.id, progress=silent)
            self.know(done)
            if not self.machine.finishes:
                self.requests.lose(replace(done, state=State.COOLING, expires_at=self.true_now + DAY))
        finally:
            self.running = ""

    def reject(self) -> None:
        """Say no."""
        request = self.one()
        self.know(self.engine.purges.reject(self.actor(self.somebody()), request.id, "no"))

    def withdraw(self) -> None:
        """Take a request back as anybody; only the requester can."""
        request, name = self.one(), self.somebody()
        self.know(self.engine.purges.withdraw(self.actor(name), request.id))
        must(name == self.books[request.id].asked_by, "P2: somebody else withdrew")

    def revoke(self) -> None:
        """Take an approval back as anybody; only who gave one can."""
        request, name = self.one(), self.somebody()
        self.know(self.engine.purges.revoke(self.actor(name), request.id))
        must(name in self.books[request.id].said_yes, "P2: somebody revoked what he had not approved")

    def cancel(self) -> None:
        """End it, or stop it while it runs."""
        self.know(self.engine.purges.cancel(self.actor(self.somebody()), self.one().id))

    def place(self) -> None:
        """Hold everything, or a part of the time."""
        begins = self.true_now - self.dice.choice([200, 120, 100]) * DAY
        wish = Wish(sources=self.dice.choice([(), (SOURCE,)]), reason="case", begins=begins,
                    ends=begins + self.dice.choice([5, 60, 300]) * DAY,
                    review_at=instant_of(self.clock.now()) + 30 * DAY)  # fmt: skip
        placed = self.engine.holds.place(self.actor(self.somebody()), wish)
        self.holds[placed.id] = placed

    def release(self) -> None:
        """Release a hold as anybody: it takes two who differ."""
        if not self.holds:
            return
        hold, name = self.dice.choice(sorted(self.holds.values(), key=lambda hold: hold.id)), self.somebody()
        asked = self.memory.holds.get(hold.id).release_asked_by
        actor = self.actor(name)
        try:
            released = self.engine.holds.release(actor, hold.id)
        except Killed:
            if not self.memory.holds.get(hold.id).active:
                del self.holds[hold.id]
            raise
        if not released.active:
            del self.holds[hold.id]
            must(asked, "P8: a hold was released by one person")
            must(self.machine.one_name is False or asked != self.engine.parts.people.name(actor), "P8: the same person")

    def wait(self) -> None:
        """Let time pass."""
        self.clock.advance(self.dice.choice([30, 120, 600, 1000, 1000, 2000, 6 * 3600, 86_500]))

    def set_clock(self) -> None:
        """Set the wall clock back; or put it right, and say so."""
        if self.behind:
            self.clock.jump(self.behind / 1_000_000)
            self.behind = 0
            trust_clock(self.engine.parts, self.actor(self.somebody("host")), "time server")
        elif self.dice.random() < 0.5:
            back = self.dice.choice([1, 3 * 3600, 40 * 86_400])
            self.clock.jump(-back)
            self.behind = back * 1_000_000

    def change_roles(self) -> None:
        """Give or take somebody's roles; most often put them back."""
        name = self.dice.choice(sorted(PEOPLE))
        usual = self.dice.random() < 0.6
        self.roles[name] = (
            PEOPLE[name] if usual else frozenset({E, *self.dice.choice([(), (Role.ADMIN,), (Role.DPO,)])})
        )

    def change_care(self) -> None:
        """Change the settings, which takes a restart."""
        self.care = self.dice.choice(CARES)
        self.crash()

    def restart(self) -> None:
        """End the process between two steps and start it anew."""
        self.crash()

    def files(self) -> None:
        """Let files come, grow and go."""
        now = self.true_now
        names = sorted(self.heap.units)
        if len(names) > 3 and self.dice.random() < 0.5:
            name = self.dice.choice(names)
            if self.dice.random() < 0.2:
                del self.heap.units[name]
            else:
                held = self.heap.units[name]
                self.heap.write(name, [*held.records, now], born=held.born)
        if len(self.heap.units) < 7:
            self.fresh += 1
            ages = self.dice.choice([(100,), (100, 90), (100, 5), (1,), (82, 1), (83.5,), (200, 3)])
            records = [now - round(age * DAY) for age in ages]
            self.heap.write(b"%d.log" % self.fresh, records, born=now - HOUR)

    # -- whom and which -----------------------------------------------------------------------------------------------

    def somebody(self, *rather: str) -> str:
        """Give anybody, or rather one of some."""
        return self.dice.choice(rather if rather and self.dice.random() < 0.8 else sorted(PEOPLE))

    def actor(self, name: str) -> Actor:
        """Make somebody as a turn would bring him: with his roles, or rarely with what he once had."""
        stale = self.dice.random() < 0.05
        roles = frozenset({E, Role.ADMIN, Role.DPO}) if stale else self.live(name)
        odd = self.dice.random() < 0.2
        return Actor(tenant_id=HOST_TENANT if name == "host" else TENANT, object_id=name.upper() if odd else name,
                     roles=roles)  # fmt: skip

    def one(self) -> PurgeRequest:
        """Give the newest request, or rarely an older one."""
        names = [request.id for request in reversed(self.memory.requests.newest())]
        if not names:
            raise RefusedError("nothing_yet")
        return self.memory.requests.get(names[-1] if self.dice.random() < 0.9 else self.dice.choice(names))

    def know(self, request: PurgeRequest) -> None:
        """Note what was acknowledged."""
        self.acknowledged[request.id] = request
        self.touched = {request.id}
        if request.state in RUNNING | WAITING | ENDED:
            must(request.id in self.books, "a request out of nowhere")


def make_reserve(folder: Path) -> None:
    """Put by the room for a full disk as a file with a hole: there are hundreds of worlds, and no disk to be full."""
    folder.mkdir(mode=0o700)
    with (folder / "audit.reserve").open("wb") as reserve:
        reserve.truncate(RESERVE_BYTES)


def covered(roles: Sequence[Role], people: Sequence[frozenset[Role]]) -> bool:
    """Tell by trying every assignment whether each role is held by a person of its own."""
    return any(
        all(role in own for role, own in zip(roles, chosen, strict=True))
        for chosen in itertools.permutations(people, len(roles))
    )
