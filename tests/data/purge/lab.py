"""A place for purges to be tried: real files, the real reader, the real audit, stores and a clock of the test's own."""

import datetime as dt
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from data.access import Actor, Role
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.formats.families.registry import all_families
from data.formats.logs import LogReader
from data.purge.clock_guard import ClockGuard
from data.purge.engine import Engine, engine_of
from data.purge.parts import Outcome, PurgeParts, Written
from data.purge.people import Pseudonyms
from data.retention.canonical import digest_of
from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, MINUTE, Instant, instant_of, iso
from data.retention.request import PurgeRequest
from data.retention.rule import Care, DataKind, RetentionRule
from data.sources.activity import OpenFiles
from data.sources.config import FilesConfig
from data.sources.files import FilesSource
from data.sources.interface import Measured, Probe, Skipped, Source
from data.stores.interface import Person, RetentionStores
from data.stores.memory_retention import MemoryRetentionStores
from tests.world import FakeClock

NOW = dt.datetime(2026, 12, 20, 12, tzinfo=dt.UTC)
TENANT = "00000000-0000-4000-8000-0000000000f0"
SOURCE = "app-logs"


def person(name: str, *roles: Role) -> Actor:
    """Make somebody of the tenant."""
    return Actor(tenant_id=TENANT, object_id=name, roles=frozenset({Role.EMPLOYEE, *roles}))


ALICE = person("alice", Role.ADMIN)
BOB = person("bob", Role.ADMIN)
DORA = person("dora", Role.DPO)
EVE = person("eve")
HOST = Actor(tenant_id="host", object_id="uid-0", roles=frozenset({Role.EMPLOYEE, Role.ADMIN}))


def silent(_phase: str, _done: int, _total: int) -> None:
    """Report progress to nobody."""


@dataclass(kw_only=True)
class Papers:
    """Keeps outcomes instead of writing documents."""

    written: list[Outcome] = field(default_factory=list)

    def write(self, outcome: Outcome, *, previous: str) -> Written:
        """Take note."""
        self.written.append(outcome)
        digest = digest_of({"request": outcome.request.id, "previous": previous, "number": len(self.written)})
        return Written(path=f"{outcome.request.id}.json", digest=digest, verdict=outcome.verdict)


class InTime:
    """A source whose storage has the test's clock, not the machine's."""

    def __init__(self, source: Source, *, offset: int = 0, births: Mapping[tuple[int, int], Instant]) -> None:
        self._source = source
        self._offset = offset
        self._births = births

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def probe(self) -> Probe:
        """Look, and tell how far the storage's clock is ahead of the test's."""
        return replace(self._source.probe(), clock_offset=self._offset)

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Measure; a file was made when the test's clock says that the lab wrote it."""
        for found in self._source.measure(marks, fresh=fresh):
            if isinstance(found, Measured):
                identity = found.unit.identity
                yield replace(found, born=self._births.get((identity.device, identity.inode)))
            else:
                yield found


@dataclass(kw_only=True)
class Lab:
    """One source below a folder, and everything that purges it."""

    folder: Path
    logs: Path | None = None
    """Where the logs lie, if not below the folder."""
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    stores: RetentionStores = field(default_factory=MemoryRetentionStores)
    care: Care = field(default_factory=lambda: Care(max_share=1.0))
    rule: RetentionRule = field(default_factory=lambda: RetentionRule(data_kind=DataKind.LOG))
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)
    papers: Papers = field(default_factory=Papers)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    births: dict[tuple[int, int], Instant] = field(default_factory=dict)
    """When the lab wrote each file, by device and inode."""
    rewrite: bool = True
    offset: int = 0
    """Microseconds the storage's clock is ahead."""
    watch_source: Callable[[Source], Source] = lambda source: source
    """Lets a test stand between the engine and the source."""
    standing_runs: Callable[[str], bool] = lambda _rule: False
    """Tells whether a standing rule carries a purge; an office that is opened over the lab tells by its own rules."""

    @property
    def root(self) -> Path:
        """Give the folder of the logs."""
        found = self.logs or self.folder / "logs"
        found.mkdir(parents=True, exist_ok=True)
        return found

    @property
    def now(self) -> Instant:
        """Tell the time."""
        return instant_of(self.clock.now())

    def write(self, name: str, ages: Iterable[float], *, quiet_for: int = DAY, text: str = "seen") -> Path:
        """Write one record for each age in days, in that order; the file has been quiet for a day."""
        lines = [record(self.now - round(age * DAY), f"{text} {number}") for number, age in enumerate(ages)]
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(lines))
        set_mtime(path, self.now - quiet_for)
        found = path.stat()
        self.births[found.st_dev, found.st_ino] = self.now
        return path

    def source(self) -> FilesSource:
        """Build the source as the settings would."""
        config = FilesConfig(
            id=SOURCE,
            title="App logs",
            data_kind="log",
            root=self.root,
            include=("*.log*",),
            rewrite=self.rewrite,
        )
        state = self.folder / "sources"
        state.mkdir(parents=True, exist_ok=True)
        reader = LogReader(all_families())
        return FilesSource(config, reader=reader, clock=self.clock, state=state, look=_nobody)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Open the engine, as a process would; what it knows before is what the stores and the audit hold."""
        self.folder.mkdir(exist_ok=True)
        audit = AuditLog(self.folder / "audit", clock=self.clock, signer=Ed25519FileSigner(self.folder / "keys"))
        try:
            parts = PurgeParts(
                sources={SOURCE: self.watch_source(InTime(self.source(), offset=self.offset, births=self.births))},
                rules={SOURCE: self.rule},
                kin={SOURCE: frozenset({SOURCE})},
                care=self.care,
                stores=self.stores,
                audit=audit,
                guard=ClockGuard(self.clock, self.stores.ticks),
                people=Pseudonyms(b"k" * 32, self.stores.people),
                roles_of=self.roles_of,
                documents=self.papers,
                commit=Lock(),
                stops=set(),
                new_id=lambda: f"id-{next(self.numbers):04}",
                standing_runs=self.carried,
            )
            yield engine_of(parts, holder="executor")
        finally:
            audit.close()

    def roles_of(self, someone: Person) -> frozenset[Role]:
        """Tell somebody's roles now."""
        usual = {who.object_id: who.roles for who in (ALICE, BOB, DORA, EVE, HOST)}
        return self.roles.get(someone.object_id, usual.get(someone.object_id, frozenset()))

    def carried(self, rule: str) -> bool:
        """Tell whether a standing rule carries a purge now."""
        return self.standing_runs(rule)

    def pause(self, microseconds: int) -> None:
        """Let time pass."""
        self.clock.advance(microseconds / 1_000_000)

    def approved(self, engine: Engine, *, approvers: Iterable[Actor] = (BOB,)) -> PurgeRequest:
        """Take a purge of the source to the end of its cooling."""
        request = engine.purges.preview(ALICE, SOURCE, silent)
        request = engine.purges.confirm(ALICE, request.id, request.code)
        for approver in approvers:
            request = engine.purges.approve(approver, request.id, request.digest)
        self.pause(self.care.cooling_for + MINUTE)
        return request

    def purge_at_once(self) -> PurgeRequest:
        """Purge the source as the host's operator, without any time passing."""
        with self.engine() as engine:
            request = engine.purges.preview(HOST, SOURCE, silent)
            engine.purges.break_glass(HOST, request.id, request.code, "test")
            return engine.runner.run(request.id, progress=silent)

    def purge(self) -> PurgeRequest:
        """Purge the source with everybody's yes, and give the closed request."""
        with self.engine() as engine:
            return engine.runner.run(self.approved(engine).id, progress=silent)


def in_memory() -> str | None:
    """Give a folder in memory, where there is one: tests that flush a thousand times need not wait for a disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def record(at: Instant, text: str) -> bytes:
    """Write a record as Serilog's compact form does."""
    return json.dumps({"@t": iso(at), "@m": text}, separators=(",", ":")).encode() + b"\n"


def set_mtime(path: Path, at: Instant) -> None:
    """Set when a file was changed last."""
    os.utime(path, ns=(at * 1000, at * 1000))


def ages_in(path: Path, now: Instant) -> list[float]:
    """Read back how many days old the records of a file are."""
    found = [json.loads(line)["@t"] for line in path.read_bytes().splitlines()]
    return [round((now - instant_of(dt.datetime.fromisoformat(text))) / DAY, 6) for text in found]


def _nobody() -> OpenFiles:
    return OpenFiles()


__all__ = [
    "ALICE", "BOB", "DAY", "DORA", "EVE", "HOST", "HOUR", "MINUTE", "NOW", "SOURCE",
    "Lab", "Papers", "ages_in", "in_memory", "person", "record", "set_mtime", "silent",
]  # fmt: skip
