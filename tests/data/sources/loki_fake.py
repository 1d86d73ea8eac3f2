"""A Loki that behaves as the real one was seen to (purge.md 2.1 and 8.4), with a clock that a test moves.

Counts: LogQL ranges leave their beginning out and take their end in. Deletion: a request is `received`; with the first
compaction a minute after the cancel period it is `processed`; its window is inclusive at both ends; lines that still
lie in an ingester are not reached; the storage goes after a delay; queries are answered from the chunk cache for longer
still. A cancelled request leaves no trace. After a restart the cache is empty, and for a minute so is every answer.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant_of, read_iso
from tests.world import FakeClock

NANO = 1000
_TERM = re.compile(
    r"label_replace\(sum\((?P<how>count|bytes)_over_time\((?P<selector>\{.*?\})\[(?P<span>\w+)\]"
    r'(?: offset (?P<offset>-?\w+))?\)\), "part", "(?P<part>\w+)", "part", "\.\*"\)'
)
_MATCH = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_UNITS = {"ns": 1, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
LONGEST_QUERY = 30 * DAY + HOUR


@dataclass(slots=True, kw_only=True)
class Line:
    """One line of one stream."""

    at: int
    """Nanoseconds."""
    text: str
    shipped: bool = True
    removed: Instant | None = None
    """When the storage let it go; a cache may answer with it for longer."""
    deleting: Instant | None = None
    """When a compaction marked it."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A deletion request."""

    id: str
    query: str
    begins: int
    ends: int
    """Milliseconds, both inclusive."""
    created: Instant
    processed: bool = False
    stuck: bool = False


@dataclass(slots=True, kw_only=True)
class FakeLoki:
    """The engine; `answer` is what an HTTP server is given."""

    clock: FakeClock
    tenant: str = ""
    token: str = ""
    streams: dict[frozenset[tuple[str, str]], list[Line]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    cancel_period: int = DAY
    compaction: int = 10 * MINUTE
    delete_delay: int = 2 * HOUR
    cache: int = HOUR
    mode: str = "filter-and-delete"
    retention_enabled: bool = True
    retention_period: str = "31d"
    streams_keep: tuple[str, ...] = ()
    config_hidden: bool = False
    names_ids: bool = True
    """Whether a request's answer carries its id, as it does since version 3."""
    blind_until: Instant = 0
    skew: int = 0
    """Microseconds its clock is ahead."""
    lie: Callable[[str, Any], Any] | None = None
    """Changes an answer before it is sent: path and document."""
    shift_end: int = 0
    """Milliseconds by which it gets the end of a request wrong."""
    lock: Any = field(default_factory=threading.RLock)
    numbers: int = 0
    compacted: Instant = 0

    # -- what happens in it -------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """Tell its own time."""
        return instant_of(self.clock.now()) + self.skew

    def push(
        self, labels: dict[str, str], instants: list[Instant], text: str = "line", *, shipped: bool = True
    ) -> None:
        """Take lines in."""
        with self.lock:
            stream = self.streams.setdefault(frozenset(labels.items()), [])
            stream += [
                Line(at=at * NANO, text=f"{text} {number}\n", shipped=shipped) for number, at in enumerate(instants)
            ]

    def advance(self, span: int) -> None:
        """Let time pass, with all compactions that fall into it."""
        end = self.now() + span
        while True:
            following = max(self.compacted, self.now() - self.compaction) + self.compaction
            if following > end:
                break
            self.clock.advance((following - self.now()) / SECOND)
            self._compact()
        self.clock.advance((end - self.now()) / SECOND)

    def restart(self) -> None:
        """Lose all caches, and know nothing of the storage for a minute."""
        self.blind_until = self.now() + MINUTE
        for stream in self.streams.values():
            stream[:] = [line for line in stream if line.removed is None or line.removed > self.now()]

    def _compact(self) -> None:
        with self.lock:
            self.compacted = self.now()
            for request in self.requests:
                due = request.created + self.cancel_period + MINUTE <= self.now()
                if request.processed or request.stuck or not due:
                    continue
                request.processed = True
                for labels, stream in self.streams.items():
                    if not _matches(request.query, dict(labels)):
                        continue
                    for line in stream:
                        inside = request.begins * 1_000_000 <= line.at <= request.ends * 1_000_000
                        if inside and line.shipped and line.removed is None:
                            line.removed = self.now() + self.delete_delay

    def visible(self, selector: str, after: int, until: int) -> list[Line]:
        """Give the lines that queries see: what is stored, and what a cache still holds."""
        now = self.now()
        if now < self.blind_until:
            return []
        return [
            line
            for labels, stream in self.streams.items()
            if _matches(selector, dict(labels))
            for line in stream
            if after < line.at <= until and (line.removed is None or now < line.removed + self.cache)
        ]

    # -- what it says -------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        response = self._answered(request)
        response.headers["Date"] = formatdate(self.now() / SECOND, usegmt=True)
        return response

    def _answered(self, request: web.Request) -> web.Response:  # noqa: PLR0911  a table of paths
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401)
        if self.tenant and not request.headers.get("X-Scope-OrgID"):
            return web.Response(status=401, text="no org id")
        with self.lock:
            foreign = bool(self.tenant) and request.headers["X-Scope-OrgID"] != self.tenant
            if request.path == "/loki/api/v1/delete":
                return self._deletion(request, foreign=foreign)
            if request.path in {"/loki/api/v1/query", "/loki/api/v1/query_range"}:
                return self._query(request, foreign=foreign)
            if request.path == "/loki/api/v1/status/buildinfo":
                return web.json_response({"version": "3.7.8"})
            if request.path == "/config" and not self.config_hidden:
                return web.Response(text=self.settings())
            return web.Response(status=404)

    def settings(self) -> str:
        """Write the settings as the real one does: YAML in the order of its fields."""
        keep = "".join(
            f"  - period: {period}\n    priority: 1\n    selector: '{{app=\"x\"}}'\n" for period in self.streams_keep
        )
        return (
            "target: all\n"
            "limits_config:\n"
            "  max_query_length: 30d1h\n"
            f"  deletion_mode: {self.mode}\n"
            f"  retention_period: {self.retention_period}\n"
            + (f"  retention_stream:\n{keep}" if keep else "  retention_stream: []\n")
            + "compactor:\n"
            f"  compaction_interval: {_text(self.compaction)}\n"
            f"  retention_enabled: {str(self.retention_enabled).lower()}\n"
            f"  retention_delete_delay: {_text(self.delete_delay)}\n"
            f"  delete_request_cancel_period: {_text(self.cancel_period)}\n"
            "  ring:\n    kvstore:\n      store: inmemory\n"
        )

    def _deletion(self, request: web.Request, *, foreign: bool) -> web.Response:  # noqa: PLR0911  as the real one
        if not self.retention_enabled:
            return web.Response(status=404)
        if self.mode == "disabled":
            return web.Response(status=403, text="deletion is not available for this tenant")
        if request.method == "GET":
            listed = [] if foreign else [_shown(one) for one in self.requests]
            return web.json_response(self._told(request.path, listed))
        if request.method == "DELETE":
            return self._cancelled(request)
        try:
            begins = _millis(request.query["start"])
            ends = _millis(request.query["end"]) if "end" in request.query else self.now() // 1000
        except (KeyError, ValueError):
            return web.Response(status=400, text="start time not set")
        if ends > self.now() // 1000 or begins >= ends:
            return web.Response(status=400)
        self.numbers += 1
        made = Request(
            id=f"{self.numbers:08x}",
            query=request.query["query"],
            begins=begins,
            ends=ends + self.shift_end,
            created=self.now() // 1000 * 1000,
        )
        self.requests.append(made)
        return web.Response(status=204, headers={"X-Delete-Request-ID": made.id} if self.names_ids else {})

    def _cancelled(self, request: web.Request) -> web.Response:
        found = [one for one in self.requests if one.id == request.query.get("request_id")]
        if not found:
            return web.Response(status=404)
        if found[0].processed or found[0].created + self.cancel_period < self.now():
            return web.Response(status=400)
        self.requests.remove(found[0])
        return web.Response(status=204)

    def _query(self, request: web.Request, *, foreign: bool) -> web.Response:
        text = request.query["query"]
        terms = list(_TERM.finditer(text))
        if " or ".join(term.group() for term in terms) != text:
            return web.Response(status=400, text="parse error")
        ranged = request.path.endswith("_range")
        if ranged:
            start, end, step = (int(request.query[name]) for name in ("start", "end", "step"))
            if end - start > LONGEST_QUERY * NANO:
                return web.Response(status=400, text="the query time range exceeds the limit")
            step *= 10**9
            start, end = start // step * step, -(-end // step) * step  # as its frontend aligns them
            times = range(start, end + 1, step)
        else:
            times = range(int(request.query["time"]), int(request.query["time"]) + 1)
        result = []
        for term in terms:
            samples = [] if foreign else self._samples(term, times)
            if samples:
                values = {"values": samples} if ranged else {"value": samples[0]}
                result.append({"metric": {"part": term["part"]}, **values})
        kind = "matrix" if ranged else "vector"
        document = {"status": "success", "data": {"resultType": kind, "result": result, "stats": {}}}
        return web.json_response(self._told(request.path, document))

    def _samples(self, term: re.Match[str], times: range) -> list[list[Any]]:
        """Give a sample for each instant at whose range there is a line."""
        span, offset = _nanos(term["span"]), _nanos(term["offset"]) if term["offset"] else 0
        lines = self.visible(term["selector"], times[0] - offset - span, times[-1] - offset)
        found = []
        for at in times if lines else ():
            until = at - offset
            inside = [line for line in lines if until - span < line.at <= until]
            if inside:
                number = len(inside) if term["how"] == "count" else sum(len(line.text) for line in inside)
                seconds = at / 10**9
                found.append([int(seconds) if seconds.is_integer() else seconds, str(number)])
        return found

    def _told(self, path: str, document: Any) -> Any:
        return document if self.lie is None else self.lie(path, json.loads(json.dumps(document)))


def _shown(one: Request) -> dict[str, Any]:
    return {
        "request_id": one.id,
        "start_time": one.begins / 1000,
        "end_time": one.ends / 1000,
        "query": one.query,
        "status": "processed" if one.processed else "received",
        "created_at": one.created / SECOND,
        "user_id": "",
    }


def _matches(selector: str, labels: dict[str, str]) -> bool:
    for label, how, value in _MATCH.findall(selector):
        has = labels.get(label, "")
        same = re.fullmatch(value, has) is not None if "~" in how else has == value
        if same is how.startswith("!"):
            return False
    return True


def _millis(text: str) -> int:
    if text.isdecimal() and len(text) == len("1700000000"):
        return int(text) * 1000
    return read_iso(text) // 1000


def _nanos(text: str) -> int:
    number = text.rstrip("nmsh")
    return int(number) * _UNITS[text[len(number) :]]


def _text(span: int) -> str:
    hours, rest = divmod(span, HOUR)
    return f"{hours}h{rest // MINUTE}m{rest % MINUTE // SECOND}s"
