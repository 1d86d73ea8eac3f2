"""From the last look at the sources to what is wrong at this moment: time goes on where nobody has looked again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from data.desk.fact import COUNTDOWN, Fact, counted, slot_of, stage_at
from data.retention.finding import Finding, FindingKind
from data.retention.instants import BEGINNING, DAY, HOUR, Instant
from data.stores.interface import Mark
from data.watch import SourceStatus

LOOK_LASTS = 26 * HOUR
"""How long a look at a source counts: the sources are looked at daily, and a look takes its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is wrong now, and what was seen well enough to say that something is no longer wrong."""

    facts: Mapping[str, Fact]
    """By slot."""
    seen: frozenset[str]
    """Sources that were read, and not too long ago."""
    forgetful: frozenset[str]
    """Of these, sources whose memory of purges could not be read."""
    looked: bool
    """Whether there was a look at all."""


def look_at(
    findings: Iterable[Finding],
    statuses: Iterable[SourceStatus],
    *,
    now: Instant,
    warn_days: tuple[int, ...],
    mark_of: Callable[[str], Mark],
    since: Mapping[str, Instant],
) -> Look:
    """Say what is wrong at this moment.

    `mark_of` tells of a source's last proven purge, `since` from when each source should have been looked at.
    """
    latest = {status.source: status for status in statuses}
    found = tuple(findings)
    facts: dict[str, Fact] = {}
    for finding in found:
        if finding.kind not in COUNTDOWN:
            facts.setdefault(slot_of(finding.kind, finding.about), _plain(finding))
    for status in latest.values():
        counting = countdown_of(status, now=now, warn_days=warn_days, mark=mark_of(status.source))
        if counting is not None:
            facts[counting.slot] = counting
    unread = {about: cause for about, began in since.items() for cause in [_unread(latest.get(about), began, now)]}
    for about, cause in unread.items():
        if cause:
            fact = Fact(kind=FindingKind.UNREADABLE, about=about, count=1, cause=cause)
            facts[fact.slot] = fact
    return Look(
        facts=facts,
        seen=frozenset(about for about, cause in unread.items() if about in latest and not cause),
        forgetful=frozenset(finding.about for finding in found if finding.cause == "memory_of_purges"),
        looked=bool(latest),
    )


def countdown_of(status: SourceStatus, *, now: Instant, warn_days: tuple[int, ...], mark: Mark) -> Fact | None:
    """Give where the countdown of a source stands, from its oldest record; None where nobody has to be told.

    Days are counted to the last moment at which a purge must have started (peers.md 3, no. 8). After a proven purge
    the margin's records are left on purpose: then only stages count that another purge would lift the source out of,
    and only while there is something to purge. Else every source would be under alert for ever.
    """
    summary, oldest = status.summary, status.summary.oldest
    if oldest is None or oldest == BEGINNING:
        return _undated_countdown(status)
    limit, lead = oldest + status.max_age, status.worst.to_act
    start_by = limit - lead
    cutoff = status.marks.cutoff + (now - status.marks.now)
    stage = stage_at(start_by, warn_days, now)
    if _is_purged(mark, oldest, looked_at=status.marks.now):
        slack = status.marks.cutoff - status.marks.limit - lead
        useful = (days for days in warn_days if days * DAY < slack)
        stage = stage_at(start_by, useful, now) if oldest < cutoff else None
    count = summary.overdue_records or summary.expired_records
    return counted(
        about=status.source, count=count, oldest=oldest, limit=limit, start_by=start_by, stage=stage, now=now
    )


def _is_purged(mark: Mark, oldest: Instant, *, looked_at: Instant) -> bool:
    """Tell whether what is there is what a proven purge left, as far as anybody has looked since."""
    if mark.purged_until is None:
        return False
    return oldest >= mark.purged_until or (mark.purged_at is not None and mark.purged_at >= looked_at)


def _undated_countdown(status: SourceStatus) -> Fact | None:
    """Nobody knows how old the oldest record is: what is overdue or due is so at once."""
    summary, about = status.summary, status.source
    if summary.overdue_records:
        return Fact(kind=FindingKind.OVERDUE, about=about, count=summary.overdue_records, stage=0)
    if summary.expired_records:
        return Fact(kind=FindingKind.DUE, about=about, count=summary.expired_records, stage=0)
    return None


def _unread(status: SourceStatus | None, began: Instant, now: Instant) -> str:
    """Tell why a source counts as not looked at, or ""."""
    if status is not None and status.reason:
        return status.reason
    looked_at = began if status is None else status.marks.now
    return "not_looked" if now - looked_at > LOOK_LASTS else ""


def _plain(finding: Finding) -> Fact:
    return Fact(
        kind=finding.kind,
        about=finding.about,
        count=finding.count,
        since=finding.since,
        cause=finding.cause,
    )
