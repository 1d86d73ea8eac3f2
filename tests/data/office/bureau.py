"""An office over sources that only exist in memory: real watch, alerts, stores and audit, and a clock of the test's."""

import bisect
import datetime as dt
import itertools
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from data.access import Role
from data.audit.entry import AuditEntry
from data.audit.keys import Ed25519FileSigner
from data.audit.log import AuditLog
from data.desk.alert import Alert, AlertState
from data.desk.delivery import ADMIN_CHANNEL, DPO_CHANNEL
from data.errors import SourceError, StateError
from data.office.alerts import AlertService
from data.office.parts import OfficeParts, RoleHolders
from data.purge.clock_guard import ClockGuard
from data.purge.parts import PurgeParts
from data.purge.people import Pseudonyms
from data.retention.evidence import Marks
from data.retention.finding import Finding, FindingKind
from data.retention.instants import DAY, Instant, instant_of
from data.retention.rule import Care, DataKind, RetentionRule
from data.sources.interface import Capabilities, Measured, Probe, Reappeared, SourceSummary
from data.stores.interface import Mark, Person
from data.stores.memory_desk import MemoryDeskStores
from data.stores.memory_retention import MemoryRetentionStores
from data.watch import SourceStatus, Watch, Watched
from tests.data.purge.lab import ALICE, BOB, DORA, Papers, in_memory, person
from tests.world import FakeClock

DIRK = person("dirk", Role.DPO)
LIMIT = 90 * DAY
CHANNELS = frozenset({DPO_CHANNEL, ADMIN_CHANNEL})
ABLE = Capabilities(
    kind="fake", version="1", rewrites=True, conditional="identity", exact_counts=True, hides_first=False
)
QUIETING = {"acknowledged", "snoozed"}
LOUD = {"opened", "worse", "reminded", "escalated", "woken"}


class FakeSource:
    """A source whose records are instants, oldest first, each with the moment at which it came."""

    config_digest = "0" * 64

    def __init__(self, name: str) -> None:
        self.id = name
        self.records: list[Instant] = []
        self.came: dict[Instant, Instant] = {}
        self.trouble = ""
        """`missing`: cannot be reached; `broken`: fails while it is read."""
        self.undatable = 0

    def write(self, at: Instant, *, now: Instant) -> None:
        """Let a record of some time arrive."""
        bisect.insort(self.records, at)
        self.came[at] = now

    def purge(self, until: Instant) -> None:
        """Lose what is older than a cutoff."""
        del self.records[: bisect.bisect_left(self.records, until)]

    def capabilities(self) -> Capabilities:
        """Tell what it can do."""
        return ABLE

    def probe(self) -> Probe:
        """Look whether it is there."""
        return Probe(reachable=self.trouble != "missing", reason="missing" if self.trouble == "missing" else "")

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what is there."""
        if self.trouble:
            raise SourceError("it broke while it was read")
        expired = bisect.bisect_left(self.records, marks.cutoff)
        overdue = bisect.bisect_left(self.records, marks.limit)
        return SourceSummary(
            units=1,
            records=len(self.records),
            lines=len(self.records),
            oldest=self.records[0] if self.records else None,
            newest=self.records[-1] if self.records else None,
            expired_units=int(expired > 0),
            expired_records=expired,
            overdue_units=int(overdue > 0),
            overdue_records=overdue,
            undatable=self.undatable,
        )

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured]:
        """Give no unit."""
        del marks, fresh
        return iter(())

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count what came after the purge although it is older."""
        del marks
        old = self.records[: bisect.bisect_left(self.records, purged_until)]
        return Reappeared(late=sum(self.came[at] > purged_at for at in old))


class Deaf:
    """An audit that can be told to record nothing any more."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self.deaf = False

    def __getattr__(self, name: str) -> Any:
        if self.deaf and name.startswith("append"):
            raise StateError("the disk is full")
        return getattr(self._audit, name)


@dataclass(kw_only=True)
class Bureau:
    """The office, and what the last look at its sources said."""

    clock: FakeClock
    sources: dict[str, FakeSource]
    parts: OfficeParts
    watch: Watch
    audit: Deaf
    alerts: AlertService
    holders: RoleHolders
    statuses: tuple[SourceStatus, ...] = ()
    more: list[Finding] = field(default_factory=list)
    """What other parts of the bot have found."""

    @property
    def now(self) -> Instant:
        """Tell the time."""
        return instant_of(self.clock.now())

    @property
    def marks(self) -> Any:
        """Give the store of the marks."""
        return self.parts.engine.stores.marks

    def pause(self, microseconds: int) -> None:
        """Let time pass."""
        self.clock.advance(microseconds / 1_000_000)

    def look(self) -> None:
        """Look at all sources."""
        self.statuses = self.watch.scan(self.now)

    def review(self) -> tuple[Alert, ...]:
        """Compare the alerts with the last look."""
        found = (*self.watch.findings(self.statuses, self.now), *self.more)
        return self.alerts.review(found, self.statuses, self.now)

    def again(self) -> tuple[Alert, ...]:
        """Look and review."""
        self.look()
        return self.review()

    def after(self, microseconds: int, *, look: bool = True) -> tuple[Alert, ...]:
        """Let time pass, and review after a new look or without one."""
        self.pause(microseconds)
        return self.again() if look else self.review()

    def restart(self) -> None:
        """Begin a new process over the same stores."""
        self.alerts = AlertService(self.parts)

    def purge(self, source: str) -> None:
        """Purge a source with proof: what is past the cutoff is gone, and the mark says so."""
        cutoff = self.parts.engine.rules[source].marks(self.now).cutoff
        self.sources[source].purge(cutoff)
        self.marks.raise_mark(Mark(source=source, purged_until=cutoff, purged_at=self.now))

    def unresolved(self, kind: FindingKind | None = None) -> list[Alert]:
        """List the alerts that are not resolved."""
        found = (alert for alert in self.alerts.all() if alert.state is not AlertState.RESOLVED)
        return [alert for alert in found if kind in {None, alert.kind}]

    def only(self) -> Alert:
        """Give the one alert that is not resolved."""
        (alert,) = self.unresolved()
        return alert

    def recorded(self, alert: Alert) -> list[AuditEntry]:
        """List what the audit says of an alert."""
        return list(self.audit.entries(f"alert/{alert.id}"))


@contextmanager
def open_bureau(
    names: Iterable[str] = ("app-logs",),
    *,
    start: dt.datetime = dt.datetime(2026, 12, 1, 6, tzinfo=dt.UTC),
    care: Care | None = None,
    margin: int = 7 * DAY,
) -> Iterator[Bureau]:
    """Open an office over empty sources."""
    clock, stores, audit_folder = (
        FakeClock(start),
        MemoryRetentionStores(),
        tempfile.TemporaryDirectory(dir=in_memory()),
    )
    sources: dict[str, Any] = {name: FakeSource(name) for name in names}
    rules = {name: RetentionRule(data_kind=DataKind.LOG, margin=margin) for name in sources}
    kin = {name: frozenset({name}) for name in sources}
    care, numbers = care or Care(), itertools.count(1)
    with audit_folder as place:
        log = AuditLog(Path(place) / "audit", clock=clock, signer=Ed25519FileSigner(Path(place) / "keys"))
        audit = Deaf(log)
        engine = PurgeParts(
            sources=sources,
            rules=rules,
            kin=kin,
            care=care,
            stores=stores,
            audit=audit,
            guard=ClockGuard(clock, stores.ticks),
            people=Pseudonyms(b"k" * 32, stores.people),
            roles_of=_roles_of,
            documents=Papers(),
            commit=Lock(),
            stops=set(),
            new_id=lambda: f"id-{next(numbers):04}",
        )
        names_of = engine.people.of
        holders = RoleHolders(admins=(names_of(ALICE), names_of(BOB)), dpos=(names_of(DORA), names_of(DIRK)))
        parts = OfficeParts(engine=engine, desk=MemoryDeskStores(), holders=lambda: bureau.holders, channels=CHANNELS)
        watched = Watched(
            sources=sources,
            rules=rules,
            kin=kin,
            care=care,
            holds=stores.holds,
            marks=stores.marks,
            requests=stores.requests,
        )
        bureau = Bureau(
            clock=clock,
            sources=sources,
            parts=parts,
            watch=Watch(watched),
            audit=audit,
            alerts=AlertService(parts),
            holders=holders,
        )
        try:
            yield bureau
        finally:
            log.close()


def _roles_of(someone: Person) -> frozenset[Role]:
    return next((who.roles for who in (ALICE, BOB, DORA, DIRK) if who.object_id == someone.object_id), frozenset())


def quiet_for(alert: Alert, now: Instant) -> int:
    """Count how long somebody has kept an alert from calling, in microseconds: found from its story alone."""
    since = None
    for step in alert.story:
        if step.what in LOUD:
            since = None
        elif step.what in QUIETING and since is None:
            since = step.at
    return 0 if since is None else now - since
