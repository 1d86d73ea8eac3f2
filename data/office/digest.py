"""The weekly report: what a week came to and how things stand, added up from the facts and from nothing else.

Figures are of two kinds: what happened within the week (purges, alerts opened and settled), and what is so now
(sources, holds, open alerts, deliveries). Nothing is remembered from the report before.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from data.audit.entry import line_of
from data.audit.trail import AuditTrail
from data.desk.alert import Alert, AlertState
from data.desk.delivery import Delivery, DeliveryState
from data.errors import StateError
from data.retention.hold import Hold
from data.retention.instants import BEGINNING, Instant, datetime_of, instant_of
from data.retention.request import CLOSED, PurgeRequest, State
from data.retention.rule import LONGEST_AGE
from data.retention.verdict import Verdict
from data.watch import SourceStatus, Standing

SHORT_HEAD: Final = 16
"""Hexadecimal digits of the head that people compare: 64 bits."""
_TRIES: Final = 10_000
_WEEK: Final = re.compile(r"(2\d{3})-W(\d\d)")
_GOOD: Final = frozenset({Verdict.PASS, Verdict.PENDING})
_WORST_FIRST: Final = (Standing.OVERDUE, Standing.UNKNOWN, Standing.DUE, Standing.OK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """One ISO week in the zone of its readers: from Monday's first instant, up to the next Monday's."""

    id: str
    """`2026-W48`."""
    begins: Instant
    ends: Instant

    def holds(self, at: Instant) -> bool:
        """Tell whether something happened in this week."""
        return self.begins <= at < self.ends


def week_named(name: str, zone: dt.tzinfo) -> Week | None:
    """Read the id of a week; None for anything that is not one, such as a 53rd week of a year that has 52."""
    found = _WEEK.fullmatch(name)
    if found is None:
        return None
    try:
        monday = dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        return None
    return Week(id=name, begins=_midnight(monday, zone), ends=_midnight(monday + dt.timedelta(days=7), zone))


def week_at(now: Instant, zone: dt.tzinfo) -> Week:
    """Give the week an instant lies in."""
    today = datetime_of(now).astimezone(zone).date()
    year, number, _ = today.isocalendar()
    monday = today - dt.timedelta(days=today.weekday())
    return Week(
        id=f"{year}-W{number:02}",
        begins=_midnight(monday, zone),
        ends=_midnight(monday + dt.timedelta(days=7), zone),
    )


def _midnight(day: dt.date, zone: dt.tzinfo) -> Instant:
    return instant_of(dt.datetime.combine(day, dt.time(), tzinfo=zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLine:
    """How one source stood at the last look."""

    source: str
    standing: Standing
    oldest: Instant | None
    """None where nothing is there, or nobody knows how old it is."""
    age: int | None
    """Age of the oldest record in microseconds."""
    left: int | None
    """Microseconds until it passes the limit; negative where it has."""
    max_age: int
    empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeLine:
    """One purge that ended in the week with a verdict."""

    request: str
    source: str
    at: Instant
    verdict: Verdict
    records: int
    in_time: bool
    """Whether nothing of what it removed had passed the limit."""
    document: str
    """`issued`, `provisional`, `missing`, `awaited` where the engine has still to do it, or `report` where the verdict
    earns no certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A week in figures."""

    week: Week
    looked_at: Instant | None
    """When the sources were looked at; None if they were not."""
    sources: tuple[SourceLine, ...]
    """The most urgent first."""
    purges: tuple[PurgeLine, ...]
    """In the order they ended."""
    alerts: Mapping[AlertState, int] = field(default_factory=dict)
    """Alerts that are not settled, by state."""
    opened: int = 0
    settled: int = 0
    holds: int = 0
    """Holds in force."""
    review: int = 0
    """Of these, past their review date."""
    dead: int = 0
    """Cards given up."""
    waiting: int = 0
    """Cards that were tried in vain and are tried again."""

    @property
    def in_time(self) -> int:
        """Count the sources in which nothing is past the limit and everything could be read."""
        return sum(line.standing in {Standing.OK, Standing.DUE} for line in self.sources)

    @property
    def oldest(self) -> Instant | None:
        """Give the oldest record of all sources."""
        return min((line.oldest for line in self.sources if line.oldest is not None), default=None)

    @property
    def due_certificates(self) -> int:
        """Count the purges of the week whose verdict earns a certificate."""
        return sum(line.verdict in _GOOD and line.document != "awaited" for line in self.purges)

    @property
    def certificates(self) -> int:
        """Count the certificates there are of these, provisional ones included."""
        return sum(line.document in {"issued", "provisional"} for line in self.purges)

    @property
    def needs(self) -> Mapping[str, int]:
        """Count what somebody should look at, by a stable word; empty in a calm week."""
        standings = Counter(line.standing for line in self.sources)
        counted = {
            "overdue": standings[Standing.OVERDUE],
            "unknown": standings[Standing.UNKNOWN],
            "alerts": self.alerts.get(AlertState.OPEN, 0),
            "purges": sum(line.verdict not in _GOOD for line in self.purges),
            "certificates": self.due_certificates - self.certificates,
            "holds": self.review,
            "deliveries": self.dead,
        }
        return {word: count for word, count in counted.items() if count}


def digest_of(
    statuses: Iterable[SourceStatus],
    alerts: Iterable[Alert],
    requests: Iterable[PurgeRequest],
    holds: Iterable[Hold],
    deliveries: Iterable[Delivery],
    week: Week,
    *,
    now: Instant,
) -> Digest:
    """Add a week up; pure. `now` decides which holds are past their review date."""
    seen, told, held = tuple(statuses), tuple(alerts), [hold for hold in holds if hold.active]
    ages = {status.source: status.max_age for status in seen}
    purges = [_purge_line(request, ages) for request in requests if _ended_in(request, week)]
    sent = tuple(deliveries)
    return Digest(
        week=week,
        looked_at=max((status.marks.now for status in seen), default=None),
        sources=tuple(_source_line(status) for status in worst_first(seen)),
        purges=tuple(sorted(purges, key=lambda line: (line.at, line.request))),
        alerts=Counter(alert.state for alert in told if alert.state is not AlertState.RESOLVED),
        opened=sum(week.holds(alert.opened_at) for alert in told),
        settled=sum(alert.state is AlertState.RESOLVED and week.holds(alert.changed_at) for alert in told),
        holds=len(held),
        review=sum(now > hold.review_at for hold in held),
        dead=sum(delivery.state is DeliveryState.DEAD for delivery in sent),
        waiting=sum(delivery.state is DeliveryState.WAITING and delivery.attempts > 0 for delivery in sent),
    )


def worst_first(statuses: Iterable[SourceStatus]) -> tuple[SourceStatus, ...]:
    """Order sources by how urgent they are: overdue, unknown, due, fine; within each by the days left."""

    def urgency(status: SourceStatus) -> tuple[int, float, str]:
        left = status.days_left
        return _WORST_FIRST.index(status.standing), float("inf") if left is None else left, status.source

    return tuple(sorted(statuses, key=urgency))


def _source_line(status: SourceStatus) -> SourceLine:
    found = status.summary.oldest
    oldest = None if found == BEGINNING else found
    return SourceLine(
        source=status.source,
        standing=status.standing,
        oldest=oldest,
        age=None if oldest is None else status.marks.now - oldest,
        left=None if oldest is None else oldest - status.marks.limit,
        max_age=status.max_age,
        empty=not status.reason and not status.summary.units,
    )


def _ended_in(request: PurgeRequest, week: Week) -> bool:
    """Tell whether a purge came to a verdict in the week; one that was never carried out has none."""
    ended = request.state in CLOSED or request.state is State.PENDING_PHYSICAL
    return bool(ended and request.verdict and request.story and week.holds(request.story[-1].at))


def _purge_line(request: PurgeRequest, ages: Mapping[str, int]) -> PurgeLine:
    at, verdict = request.story[-1].at, Verdict(request.verdict)
    oldest = request.preview.selected.oldest
    late = bool(request.gone.records) and (oldest is None or oldest < at - ages.get(request.source, LONGEST_AGE))
    good = "provisional" if verdict is Verdict.PENDING else "issued"
    lacks = "awaited" if verdict is Verdict.PENDING else "missing"
    earned = "report" if verdict not in _GOOD else good if request.certificate else lacks
    return PurgeLine(
        request=request.id,
        source=request.source,
        at=at,
        verdict=verdict,
        records=request.gone.records,
        in_time=not late,
        document=earned,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """The head of the audit, to be kept outside of it: a log that was cut or rewritten no longer leads to it."""

    seq: int
    at: Instant
    head: str
    """The first digits of the hash of the newest entry."""


def witness_of(audit: AuditTrail) -> Witness:
    """Read number, time and hash of one and the same entry while others are appended; raises `StateError`.

    The hash is the audit's own; the entry's line only tells whether both belong together (security.md 4.2).
    """
    for _ in range(_TRIES):
        last, head = audit.last, audit.head
        if sha256(line_of(last)).hexdigest() == head:
            return Witness(seq=last.seq, at=last.at, head=head[:SHORT_HEAD])
    raise StateError("the head of the audit does not fit its last entry")
