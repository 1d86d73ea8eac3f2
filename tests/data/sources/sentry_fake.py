"""A Sentry as its sources describe it (purge.md 2.6), with a clock that a test moves.

Lists look back 90 days where nobody says how far, never further than the retention, and come in pages with a `Link`.
An issue's deletion is accepted: it is hidden at once with all its events, and removed later by a worker; until then an
event is still answered by its own id. An event for a hidden issue makes a new issue. First, last and count of an issue
are told late. Single events cannot be deleted; attachments can. A list of issues that is deleted without ids loses all.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from aiohttp import web

from data.retention.instants import DAY, HOUR, SECOND, Instant, datetime_of, instant_of, read_iso
from tests.world import FakeClock

ORGANISATION, PROJECT, NUMBER = "shop", "till", "7"
DEFAULT = 90 * DAY
_BASE = f"/api/0/organizations/{ORGANISATION}"
_PROJECT = f"/api/0/projects/{ORGANISATION}/{PROJECT}"


@dataclass(slots=True, kw_only=True)
class Event:
    """One event."""

    id: str
    at: Instant


@dataclass(slots=True, kw_only=True)
class Attachment:
    """One file of one event."""

    id: str
    event: str
    at: Instant
    content: bytes


@dataclass(slots=True, kw_only=True)
class Issue:
    """One issue of any state."""

    id: str
    events: list[Event] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    category: str = "error"
    resolved: bool = False
    hidden: Instant | None = None
    """When its deletion was asked for."""
    told: tuple[Instant, Instant, int] | None = None
    """First, last and count as the lists have them, where they are late."""


@dataclass(slots=True, kw_only=True)
class FakeSentry:
    """The installation; `answer` is what an HTTP server is given."""

    clock: FakeClock
    issues: dict[str, Issue] = field(default_factory=dict)
    token: str = "token"
    administrator: bool = True
    retention: int = 400
    page: int = 2
    takes: int = HOUR
    stuck: bool = False
    """Whether nothing works off what was asked for."""
    skew: int = 0
    numbers: int = 100
    lost_everything: bool = False
    lie: Callable[[str, Any], Any] | None = None
    """Changes an answer before it is sent: path and document."""
    links: Callable[[str], str] = str
    """Changes a Link header before it is sent."""
    lock: Any = field(default_factory=threading.RLock)

    def now(self) -> Instant:
        """Tell its own time."""
        return instant_of(self.clock.now()) + self.skew

    def issue(self) -> Issue:
        """Make an issue."""
        self.numbers += 1
        made = self.issues[str(self.numbers)] = Issue(id=str(self.numbers))
        return made

    def event(self, issue: Issue, at: Instant, text: str = "") -> Event:
        """Take an event in; its id is known again when a backup is restored."""
        made = Event(id=sha256(f"{at} {text} {len(issue.events)}".encode()).hexdigest()[:32], at=at)
        issue.events.append(made)
        return made

    def attach(self, issue: Issue, event: Event, content: bytes) -> Attachment:
        """Take a file in."""
        self.numbers += 1
        made = Attachment(id=str(self.numbers), event=event.id, at=event.at, content=content)
        issue.attachments.append(made)
        return made

    def advance(self, span: int) -> None:
        """Let time pass, and the worker do what is due."""
        self.clock.advance(span / SECOND)
        with self.lock:
            done = [
                one for one in self.issues.values() if one.hidden is not None and one.hidden + self.takes <= self.now()
            ]
            for one in [] if self.stuck else done:
                del self.issues[one.id]

    def seen(self) -> list[Issue]:
        """Give the issues that are not hidden, the youngest first."""
        return sorted((one for one in self.issues.values() if one.hidden is None), key=lambda one: -int(one.id))

    # -- what it says -------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        with self.lock:
            response = self._answered(request)
        response.headers["Date"] = formatdate(self.now() / SECOND, usegmt=True)
        return response

    def _answered(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"detail": "Invalid token"}, status=401)
        path = request.path
        if path == "/api/0/internal/options/":
            told = {"system.event-retention-days": {"value": self.retention, "field": {}}}
            return self._told(path, told) if self.administrator else web.json_response({}, status=403)
        if path.startswith(f"{_BASE}/issues/"):
            return self._about_issues(request, path.removeprefix(f"{_BASE}/issues/").strip("/").split("/"))
        if path == f"{_PROJECT}/":
            return self._told(path, {"id": NUMBER, "slug": PROJECT})
        if path.startswith(f"{_PROJECT}/events/"):
            return self._about_events(request, path.removeprefix(f"{_PROJECT}/events/").strip("/").split("/"))
        return web.json_response({"detail": "not found"}, status=404)

    def _about_issues(self, request: web.Request, parts: list[str]) -> web.Response:  # noqa: PLR0911  a table of paths
        if parts == [""]:
            if request.method == "DELETE":
                self.lost_everything = True
                self.issues.clear()
                return web.Response(status=204)
            return self._listed(request)
        found = self.issues.get(parts[0])
        if found is None or found.hidden is not None:
            return web.json_response({"detail": "The requested resource does not exist"}, status=404)
        if request.method == "DELETE" and len(parts) == 1:
            found.hidden = self.now()
            return web.Response(status=202)
        if len(parts) == 1:
            return self._told(request.path, self._issue(found, found.events))
        if parts[1] == "attachments":
            return self._paged(
                request, [_attachment(one) for one in sorted(found.attachments, key=lambda one: -one.at)]
            )
        since, until = self._window(request)
        events = sorted((one for one in found.events if since <= one.at < until), key=lambda one: (-one.at, one.id))
        return self._paged(request, [_event(one) for one in events])

    def _about_events(self, request: web.Request, parts: list[str]) -> web.Response:
        for issue in self.issues.values():
            if len(parts) == 1:
                if any(one.id == parts[0] for one in issue.events):
                    return self._told(request.path, {"id": parts[0], "groupID": issue.id})
                continue
            for one in issue.attachments:
                if [one.event, "attachments", one.id] == parts:
                    if request.method == "DELETE":
                        issue.attachments.remove(one)
                        return web.Response(status=204)
                    return self._told(request.path, _attachment(one))
        return web.json_response({"detail": "not found"}, status=404)

    def _listed(self, request: web.Request) -> web.Response:
        if request.query.get("project") != NUMBER:
            return web.json_response({"detail": "no access"}, status=403)
        since, until = self._window(request)
        unresolved = "query" not in request.query
        found = []
        for one in self.seen():
            inside = [event for event in one.events if since <= event.at < until]
            if inside and not (unresolved and one.resolved):
                found.append(self._issue(one, inside))
        return self._paged(request, found)

    def _window(self, request: web.Request) -> tuple[Instant, Instant]:
        if not {"start", "end"} <= request.query.keys():
            return self.now() - DEFAULT, self.now()
        since, until = (read_iso(f"{request.query[name]}+00:00") for name in ("start", "end"))
        return max(since, self.now() - self.retention * DAY), until

    def _issue(self, one: Issue, events: list[Event]) -> dict[str, Any]:
        first, last, count = one.told or (min(e.at for e in events), max(e.at for e in events), len(events))
        return {
            "id": one.id,
            "count": str(count),
            "firstSeen": _time(first),
            "lastSeen": _time(last),
            "issueCategory": one.category,
            "status": "resolved" if one.resolved else "unresolved",
        }

    def _paged(self, request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
        size = min(int(request.query.get("limit", "100")), self.page)
        first = int(request.query.get("cursor", "0:0:0").split(":")[1])
        more = "true" if first + size < len(rows) else "false"
        response = self._told(request.path, rows[first : first + size])
        url = f"<http://sentry{request.path}?cursor=0>"
        link = f'{url}; rel="previous"; results="false"; cursor="0:{max(0, first - size)}:1", '
        response.headers["Link"] = self.links(f'{link}{url}; rel="next"; results="{more}"; cursor="0:{first + size}:0"')
        return response

    def _told(self, path: str, document: Any) -> web.Response:
        return web.json_response(document if self.lie is None else self.lie(path, json.loads(json.dumps(document))))


def _event(one: Event) -> dict[str, Any]:
    return {"id": one.id, "eventID": one.id, "dateCreated": _time(one.at)}


def _attachment(one: Attachment) -> dict[str, Any]:
    return {
        "id": one.id,
        "event_id": one.event,
        "name": "dump.txt",
        "size": len(one.content),
        "sha1": sha256(one.content).hexdigest()[:40],
        "dateCreated": datetime_of(one.at).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _time(instant: Instant) -> str:
    return datetime_of(instant).strftime("%Y-%m-%dT%H:%M:%SZ")
