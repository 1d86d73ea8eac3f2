"""What is due, overdue, undatable, dead, late, resurrected or drifting: computed afresh each time, from the facts.

Level-based: nothing here remembers what it said before, so a lost alert comes again with the next look.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from data.errors import SourceError, StateError
from data.retention.evidence import Marks
from data.retention.finding import Finding, FindingKind
from data.retention.hold import Hold, covering
from data.retention.instants import BEGINNING, DAY, Instant
from data.retention.release import is_late
from data.retention.request import PurgeRequest, State
from data.retention.rule import Care, RetentionRule
from data.retention.verdict import Verdict
from data.retention.worst_case import WorstCase, worst_case
from data.sources.interface import UNREADABLE, UNSEEN, Measured, Source, SourceSummary
from data.stores.interface import HoldStore, MarkStore, RequestStore

SCAN_EVERY = DAY
"""How often the sources are looked at; part of the worst-case age."""
SHORT_OF_TRUST = 0.995
"""Share of understood lines below which a source's dates are not trusted (purge.md 6.7)."""


@unique
class Standing(StrEnum):
    """How a source stands against the rule."""

    OK = "ok"
    DUE = "due"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source as it is now."""

    source: str
    standing: Standing
    summary: SourceSummary
    held: int
    """Units that a hold protects."""
    marks: Marks
    max_age: int
    worst: WorstCase
    reason: str = ""
    """Why the source could not be read, in a stable word."""
    explained: str = ""
    """The same in a sentence that names source and place."""

    @property
    def days_left(self) -> float | None:
        """Give the days until the oldest record passes the limit; negative where it has; None if nothing is known."""
        oldest = self.summary.oldest
        if oldest is None or oldest == BEGINNING:
            return None
        return round((oldest - self.marks.limit) / DAY, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the watch looks at; values and read-only stores."""

    sources: Mapping[str, Source]
    rules: Mapping[str, RetentionRule]
    kin: Mapping[str, frozenset[str]]
    """By source id: itself and every source that can reach the same files."""
    care: Care
    holds: HoldStore
    marks: MarkStore
    requests: RequestStore


class Watch:
    """Looks, and says what it sees."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def scan(self, now: Instant) -> tuple[SourceStatus, ...]:
        """Look at every source, in the order of the settings; one that cannot be read is `unknown`, never left out."""
        return tuple(self.status(source_id, now) for source_id in self._watched.sources)

    def status(self, source_id: str, now: Instant) -> SourceStatus:
        """Look at one source."""
        source, rule = self._watched.sources[source_id], self._watched.rules[source_id]
        marks = rule.marks(now)
        reached = source.probe()
        reason, explained, summary, held = reached.reason, reached.explained, SourceSummary(), 0
        if reached.reachable:
            try:
                summary = source.summarise(marks)
                held = held_units(source, marks, covering(self._watched.holds.all(), self._watched.kin[source_id]))
            except SourceError as error:
                reason, explained = "unreadable", str(error)
        return SourceStatus(
            source=source_id,
            standing=standing_of(summary, readable=not reason),
            summary=summary,
            held=held,
            marks=marks,
            max_age=rule.max_age,
            worst=self._worst(source, rule, summary, marks, reached.clock_offset),
            reason=reason,
            explained=explained,
        )

    def unread(self, source_id: str, now: Instant) -> SourceStatus:
        """Give a source of which a look has come to nothing, for a reason that nobody has foreseen; never raises."""
        rule, summary = self._watched.rules[source_id], SourceSummary()
        return SourceStatus(
            source=source_id,
            standing=standing_of(summary, readable=False),
            summary=summary,
            held=0,
            marks=rule.marks(now),
            max_age=rule.max_age,
            worst=worst_case(rule, self._watched.care, interval=SCAN_EVERY, bucket_span=0),
            reason="unreadable",
        )

    def requests(self, *, most: int = 100) -> tuple[PurgeRequest, ...]:
        """List requests, newest first."""
        return self._watched.requests.newest(most=most)

    def request(self, request_id: str) -> PurgeRequest:
        """Give one request; raises `UnknownError`."""
        return self._watched.requests.get(request_id)

    def holds(self) -> tuple[Hold, ...]:
        """List all holds, oldest first."""
        return self._watched.holds.all()

    def findings(self, scanned: Iterable[SourceStatus], now: Instant) -> tuple[Finding, ...]:
        """Say everything that is not as it should be after a scan, by source, then by request and hold."""
        return (*self.findings_of_sources(scanned), *self.findings_of_records(now))

    def findings_of_sources(self, scanned: Iterable[SourceStatus]) -> tuple[Finding, ...]:
        """Say what is wrong with the sources; looks at them once more, so it belongs to the scan."""
        found: list[Finding] = []
        for status in scanned:
            found += findings_of(status)
            if not status.reason:
                found += self._reappeared(status)
                found += drift(status, self._watched.sources[status.source].probe().own_retention)
        return tuple(found)

    def findings_of_records(self, now: Instant) -> tuple[Finding, ...]:
        """Say what is wrong with requests and holds; reads stores only, so it is cheap."""
        found: list[Finding] = []
        requests = self._watched.requests.newest(most=1000)
        mended = last_proofs(requests)
        found += [finding for request in requests for finding in of_request(request, mended.get(request.source))]
        found += [finding for request in self._waiting() for finding in of_release(request, now)]
        found += [finding for hold in self._watched.holds.all() for finding in of_hold(hold, now)]
        return tuple(found)

    def _waiting(self) -> Iterable[PurgeRequest]:
        """List the requests that are not at their end, however many others came after them."""
        return (request for source in self._watched.sources for request in self._watched.requests.open_of(source))

    def _reappeared(self, status: SourceStatus) -> Iterable[Finding]:
        mark = self._watched.marks.mark_of(status.source)
        if mark.purged_until is None or mark.purged_at is None:
            return
        until, at = mark.purged_until, mark.purged_at
        try:
            found = self._watched.sources[status.source].reappeared(status.marks, purged_until=until, purged_at=at)
        except (SourceError, StateError):
            yield Finding(kind=FindingKind.UNREADABLE, about=status.source, count=1, cause="memory_of_purges")
            return
        if found.late:
            yield Finding(kind=FindingKind.LATE, about=status.source, count=found.late, since=at, cause="late_shipper")
        if found.resurrected:
            yield Finding(
                kind=FindingKind.RESURRECTED, about=status.source, count=found.resurrected, since=at, cause="restore"
            )

    def _worst(
        self, source: Source, rule: RetentionRule, summary: SourceSummary, marks: Marks, offset: int
    ) -> WorstCase:
        able = source.capabilities()
        # Nothing is cut out of a unit in use, so its records wait as long as it is written.
        waiting = summary.longest_active_span if able.rewrites else summary.longest_span
        span = max(able.bucket_span, waiting)
        late_by = 0
        if summary.active_overdue and summary.oldest not in {None, BEGINNING}:
            late_by = marks.cutoff - (summary.oldest or 0) - span  # what the span explains is not counted twice
        return worst_case(
            rule,
            self._watched.care,
            interval=SCAN_EVERY,
            bucket_span=span,
            physical_delay=able.physical_delay,
            clock_error=abs(offset),
            late_by=late_by,
        )


def standing_of(summary: SourceSummary, *, readable: bool) -> Standing:
    """Judge a source: what is known to be overdue is said first, then what is not known, then what is due."""
    if summary.overdue_records:
        return Standing.OVERDUE
    if not readable or summary.undatable or summary.unreadable or unseen(summary):
        return Standing.UNKNOWN
    return Standing.DUE if summary.expired_records else Standing.OK


def unseen(summary: SourceSummary) -> int:
    """Count what was skipped although it may hold old records."""
    return sum(summary.skipped.get(reason, 0) for reason in UNSEEN)


def held_units(source: Source, marks: Marks, holds: Sequence[Hold]) -> int:
    """Count the units that hold a held record."""
    if not holds:
        return 0
    return sum(
        isinstance(found, Measured) and any(_covers(hold, source.id, found) for hold in holds)
        for found in source.measure(marks)
    )


def _covers(hold: Hold, source: str, found: Measured) -> bool:
    reading = found.reading
    if not reading.records:
        return False
    lo = BEGINNING if reading.lowest_lo is None else reading.lowest_lo
    hi = max(lo, hold.begins) if reading.highest_hi is None else reading.highest_hi
    return hold.covers(source, lo, hi)


def findings_of(status: SourceStatus) -> list[Finding]:
    """Say what is wrong with one source."""
    summary, about = status.summary, status.source
    since = None if summary.oldest == BEGINNING else summary.oldest
    counts = {
        FindingKind.UNREADABLE: (
            int(bool(status.reason)) or summary.unreadable or unseen(summary),
            status.reason or "denied" if summary.unreadable or status.reason else "skipped",
        ),
        FindingKind.OVERDUE: (summary.overdue_records, "active" if summary.active_overdue else "not_purged"),
        FindingKind.DUE: (0 if summary.overdue_records else summary.expired_records, ""),
        FindingKind.DEAD: (summary.dead, "archive_or_dead_service"),
        FindingKind.UNDATABLE: (summary.undatable, "no_stamp"),
        FindingKind.FUTURE: (summary.future, "wrong_clock"),
        FindingKind.UNPARSED: (_untrusted(summary), "unknown_format"),
        FindingKind.TOO_OLD_AT_WORST: (int(status.worst.age > status.max_age), status.worst.biggest),
        FindingKind.HELD_PAST_LIMIT: (status.held if summary.overdue_records else 0, "hold"),
    }
    return [
        Finding(kind=kind, about=about, count=count, since=since, cause=cause)
        for kind, (count, cause) in counts.items()
        if count
    ]


def _untrusted(summary: SourceSummary) -> int:
    trusted = not summary.lines or 1 - summary.unparsed / summary.lines >= SHORT_OF_TRUST
    return 0 if trusted else summary.unparsed


def drift(status: SourceStatus, own: Mapping[str, str]) -> list[Finding]:
    """Say where the engine's own retention would keep longer than the rule allows, or where nobody can tell."""
    found = [
        Finding(kind=FindingKind.DRIFTING, about=status.source, count=int(days), cause=name)
        for name, days in own.items()
        if days.isdecimal() and int(days) * DAY > status.max_age
    ]
    if UNREADABLE in own.values():
        found.append(Finding(kind=FindingKind.DRIFTING, about=status.source, count=1, cause=UNREADABLE))
    return found


def last_proofs(requests: Iterable[PurgeRequest]) -> dict[str, Instant]:
    """Give for each source when a purge last came to a PASS."""
    proofs: dict[str, Instant] = {}
    for request in requests:
        if request.verdict == Verdict.PASS and request.story:
            proofs[request.source] = max(proofs.get(request.source, 0), request.story[-1].at)
    return proofs


def of_request(request: PurgeRequest, mended: Instant | None = None) -> list[Finding]:
    """Say what is wrong with one purge; a failure ends with the source's next proof, a loss of young data does not."""
    last = request.story[-1].at if request.story else request.created_at
    found = []
    if request.lost:
        found.append(Finding(kind=FindingKind.OVER_DELETION, about=request.id, count=request.lost, since=last))
    if request.break_glass:
        found.append(Finding(kind=FindingKind.BREAK_GLASS, about=request.id, count=1, since=last))
    failed = {State.CLOSED_FAILED, State.CLOSED_UNVERIFIED, State.CLOSED_PARTIAL, State.PREVIEW_FAILED}
    if request.state in failed and (mended is None or mended <= last):
        found.append(
            Finding(kind=FindingKind.PURGE_FAILED, about=request.id, count=1, since=last, cause=request.state.value)
        )
    if request.state in {State.EXECUTING, State.VERIFYING, State.STOPPING, State.PAUSED}:
        found.append(Finding(kind=FindingKind.PURGE_INTERRUPTED, about=request.id, count=1, since=last))
    return found


def of_release(request: PurgeRequest, now: Instant) -> list[Finding]:
    """Say where an engine has not released its storage in time, or nobody could see whether it has."""
    if not is_late(request, now):
        return []
    cause = request.story[-1].reason.lower()
    return [Finding(kind=FindingKind.RELEASE_LATE, about=request.id, count=1, since=request.release_at, cause=cause)]


def of_hold(hold: Hold, now: Instant) -> list[Finding]:
    """Say where a hold is past its review date; it stays in force all the same."""
    if hold.active and now > hold.review_at:
        return [Finding(kind=FindingKind.HOLD_REVIEW, about=hold.id, count=1, since=hold.review_at)]
    return []
