"""The two things that Sentry's web API can delete: an issue with all its events, and an attachment of one event.

It cannot delete a single event. So an issue with a young event is never deleted; its old attachments can be.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from data.retention.evidence import Marks
from data.retention.instants import DAY, SECOND, Instant
from data.retention.unit import Planned
from data.sources.http_api import ApiError
from data.sources.sentry_api import SentryApi
from data.sources.sentry_units import Ages, Listed, Moment, digest_of, moment_of, witness_of

_AHEAD: Final = 2 * DAY
"""How far past now is looked: a clock of a client may be ahead."""


class Shelf(Protocol):
    """One kind of thing in one project."""

    def listed(self, project: str) -> Iterator[Listed]:
        """List all; raises `ApiError`."""
        ...

    def find(self, name: str) -> Listed | None:
        """Look at one; None where it is not there, or is none of these. Raises `ApiError`."""
        ...

    def ages(self, listed: Listed, marks: Marks) -> Ages:
        """Tell how old its records are; raises `ApiError`."""
        ...

    def delete(self, name: str) -> None:
        """Ask once for its deletion; raises `ApiError`."""
        ...

    def stored(self, row: Planned) -> bool:
        """Tell whether something of it is still answered, past what hides it; raises `ApiError`."""
        ...


class Issues:
    """Issues: error groups of any state."""

    def __init__(self, api: SentryApi, *, look_back: int, now: Callable[[], Instant]) -> None:
        self._api, self._look_back, self._now = api, look_back, now

    def listed(self, project: str) -> Iterator[Listed]:
        """List the issues that have an event in the time that is looked back; raises `ApiError`."""
        for told in self._api.issues(project, since=self._since(), until=self._until()):
            yield _issue(told)

    def find(self, name: str) -> Listed | None:
        """Look at one issue; raises `ApiError`."""
        kind, _, issue = name.partition("/")
        told = self._api.issue(issue) if kind == "issue" and issue.isdecimal() else None
        if told is None:
            return None
        found = _issue(told)
        if found.name != name:  # an issue that was merged is answered by the one it was merged into
            return None
        return found

    def ages(self, listed: Listed, marks: Marks) -> Ages:
        """Read every event that may be old, and look for one that is not. Raises `ApiError`.

        What the list says of first and last is a hint only: it is told late. Both ends are asked a second wider than
        meant, and judged here.
        """
        issue, cutoff = listed.name.partition("/")[2], marks.cutoff
        young = next(self._moments(issue, cutoff - SECOND, self._until(), lambda one: one.hi >= cutoff), None)
        old = list(self._moments(issue, self._since(), cutoff + SECOND, lambda one: one.hi < cutoff))
        moments = [moment for _, moment in old] + ([young[1]] if young is not None else [])
        lowest = min([*moments, listed.first], key=lambda one: one.lo)
        highest = max([*moments, listed.last], key=lambda one: one.hi)
        last = max(old, key=lambda one: (one[1].hi, one[0]), default=None)
        kept = max(1, listed.count - len(old)) if young is not None or highest.hi >= cutoff else 0
        return Ages(
            gone=len(old),
            overdue=sum(moment.lo < marks.limit for _, moment in old),
            young=kept,
            lowest=lowest,
            highest=highest,
            last_gone=last[1] if last is not None else None,
            witness=last[0] if last is not None else "",
            digest=digest_of([(name, moment.lo) for name, moment in old]),
        )

    def delete(self, name: str) -> None:
        """Ask for the deletion of an issue; raises `ApiError`."""
        self._api.delete_issue(name.partition("/")[2])

    def stored(self, row: Planned) -> bool:
        """Tell whether the issue, or its youngest event by its own id, is still answered; raises `ApiError`."""
        if self.find(row.unit.name.decode()) is not None:
            return True
        witness = witness_of(row)
        return bool(witness) and self._api.event(witness) is not None

    def _moments(
        self, issue: str, since: Instant, until: Instant, fits: Callable[[Moment], bool]
    ) -> Iterator[tuple[str, Moment]]:
        for told in self._api.events(issue, since=since, until=until):
            name, moment = str(told.get("eventID") or told["id"]), moment_of(told.get("dateCreated"))
            if not since - SECOND <= moment.lo <= until + SECOND:
                raise ApiError("broken")
            if fits(moment):
                yield name, moment

    def _since(self) -> Instant:
        return self._now() - self._look_back

    def _until(self) -> Instant:
        return self._now() + _AHEAD


class Attachments:
    """Attachments of the events of all issues: each one file, as old as Sentry says that it came."""

    def __init__(self, api: SentryApi, issues: Issues) -> None:
        self._api, self._issues = api, issues

    def listed(self, project: str) -> Iterator[Listed]:
        """List them issue by issue; raises `ApiError`."""
        for issue in self._issues.listed(project):
            for told in self._api.attachments(issue.name.partition("/")[2]):
                yield _attachment(told, str(told.get("event_id") or ""))

    def find(self, name: str) -> Listed | None:
        """Look at one attachment; raises `ApiError`."""
        kind, event, number = (*name.split("/"), "", "")[:3]
        if kind != "attachment" or not event.isalnum() or not number.isdecimal():
            return None
        told = self._api.attachment(event, number)
        return _attachment(told, event) if told is not None else None

    def ages(self, listed: Listed, marks: Marks) -> Ages:
        """Judge by the time at which it came; asks nobody."""
        old = listed.last.hi < marks.cutoff
        return Ages(
            gone=int(old),
            overdue=int(old and listed.first.lo < marks.limit),
            young=int(not old),
            lowest=listed.first,
            highest=listed.last,
            last_gone=listed.last if old else None,
            witness="",
            digest=digest_of([(f"{listed.name} {listed.mark}", listed.first.lo)]),
        )

    def delete(self, name: str) -> None:
        """Ask for the deletion of an attachment; raises `ApiError`."""
        _, event, number = name.split("/")
        self._api.delete_attachment(event, number)

    def stored(self, row: Planned) -> bool:
        """Tell whether it is still answered; raises `ApiError`."""
        return self.find(row.unit.name.decode()) is not None


def _issue(told: Mapping[str, Any]) -> Listed:
    try:
        number, count = str(told["id"]), int(str(told["count"]))
        category = str(told.get("issueCategory") or "error")
        first, last = moment_of(told["firstSeen"]), moment_of(told["lastSeen"])
    except (KeyError, ValueError) as error:
        raise ApiError("broken") from error
    if not number.isdecimal() or count < 0 or first.lo > last.hi:
        raise ApiError("broken")
    other = "" if category == "error" else f"category_{category if category.isalnum() else 'unknown'}"
    return Listed(name=f"issue/{number}", first=first, last=last, count=count, size=count, skipped=other)


def _attachment(told: Mapping[str, Any], event: str) -> Listed:
    try:
        number, size = str(told["id"]), told["size"]
        came, checksum = moment_of(told["dateCreated"]), str(told.get("sha1") or "-")
    except KeyError as error:
        raise ApiError("broken") from error
    if not number.isdecimal() or not event.isalnum() or not checksum.isascii() or not isinstance(size, int) or size < 0:
        raise ApiError("broken")
    return Listed(name=f"attachment/{event}/{number}", first=came, last=came, count=1, size=size, mark=checksum)
