"""A Log Analytics workspace as its documents describe it (purge.md 2.8), with a clock that a test moves.

Two faces behind one address: the query API, which understands the one form of query that the product asks, and Azure
Resource Manager. A purge is accepted, `pending` for days, then `completed`; until then its rows are seen as before, and
it reaches what was there when it was asked for. Delete Data is done within minutes, hides the rows and leaves them in
the storage until the table's total retention is over. All filters of a request must hold for a row. Both are limited by
the hour, both refuse tables of another plan than Analytics, and neither lists what was asked of it.
"""

import json
import re
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant_of, read_iso
from tests.world import FakeClock

WORKSPACE = "11111111-2222-4333-8444-555555555555"
RESOURCE = (
    "/subscriptions/99999999-2222-4333-8444-555555555555/resourceGroups/logs"
    "/providers/Microsoft.OperationalInsights/workspaces/shop-logs"
)
TICK = 10
"""Azure keeps tenths of microseconds."""
_TERM = re.compile(
    r"\((?P<table>\w+) \| where TimeGenerated >= datetime\((?P<begins>[^)]+)\) and TimeGenerated < "
    r"datetime\((?P<ends>[^)]+)\) \| summarize Rows=count\(\), Size=tolong\(sum\(_BilledSize\)\), "
    r'First=datetime_diff\("microsecond", min\(TimeGenerated\), datetime\(1970-01-01\)\), '
    r'Last=datetime_diff\("microsecond", max\(TimeGenerated\), datetime\(1970-01-01\)\) '
    r"by Begun=bin\(TimeGenerated, (?P<hours>\d+)h\) "
    r'\| project Part="(?P<part>\w+)", Begins=datetime_diff\("microsecond", Begun, datetime\(1970-01-01\)\), '
    r"Rows, Size, First, Last\)"
)
_COLUMNS = ("Part", "Begins", "Rows", "Size", "First", "Last")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "==": lambda one, other: one == other,
}


@dataclass(slots=True, kw_only=True)
class Row:
    """One row of a table."""

    at: int
    """TimeGenerated in ticks."""
    text: str
    ingested: Instant
    hidden: bool = False
    """Marked as deleted, and stored all the same."""


@dataclass(slots=True, kw_only=True)
class Table:
    """A table and its settings."""

    plan: str = "Analytics"
    days: int | None = 365
    total_days: int | None = 365
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Operation:
    """A deletion that was accepted."""

    id: str
    table: str
    filters: list[dict[str, Any]]
    asked: Instant
    marks_only: bool
    status: str
    stuck: bool = False
    records: int = 0


@dataclass(slots=True, kw_only=True)
class FakeWorkspace:
    """The workspace; `answer` is what an HTTP server is given."""

    clock: FakeClock
    tables: dict[str, Table] = field(default_factory=lambda: defaultdict(Table))
    operations: dict[str, Operation] = field(default_factory=dict)
    takes: int = 3 * DAY
    """How long a purge takes; Azure promises 30 days."""
    marking_takes: int = 5 * MINUTE
    per_hour: int | None = None
    """Requests in an hour; by default what Azure takes."""
    asked: list[Instant] = field(default_factory=list)
    retention: int | None = 90
    skew: int = 0
    tokens: tuple[str, str] = ("query-token", "management-token")
    lie: Callable[[str, Any], Any] | None = None
    """Changes an answer before it is sent: path and document."""
    fails: bool = False
    """Whether an accepted deletion comes to nothing."""
    base: str = ""
    lock: Any = field(default_factory=threading.RLock)

    def now(self) -> Instant:
        """Tell its own time."""
        return instant_of(self.clock.now()) + self.skew

    def push(self, table: str, instants: list[Instant], text: str = "row") -> None:
        """Take rows in."""
        with self.lock:
            self.tables[table].rows += [
                Row(at=at * TICK, text=f"{text} {number}\n", ingested=self.now()) for number, at in enumerate(instants)
            ]

    def advance(self, span: int) -> None:
        """Let time pass, and everything that is due in it happen."""
        self.clock.advance(span / SECOND)
        with self.lock:
            for one in self.operations.values():
                self._go_on(one)
            for table in self.tables.values():
                if table.total_days is not None:
                    gone = (self.now() - table.total_days * DAY) * TICK
                    table.rows[:] = [row for row in table.rows if row.at >= gone]

    def _go_on(self, one: Operation) -> None:
        takes = self.marking_takes if one.marks_only else self.takes
        if one.status not in {"pending", "InProgress"} or one.stuck or one.asked + takes > self.now():
            return
        if self.fails:
            one.status = "Failed"
            return
        rows = self.tables[one.table].rows
        chosen = [row for row in rows if row.ingested <= one.asked and _meets(row, one.filters) and not row.hidden]
        one.records = len(chosen)
        if one.marks_only:
            for row in chosen:
                row.hidden = True
            one.status = "Succeeded"
        else:
            rows[:] = [row for row in rows if row not in chosen]
            one.status = "completed"

    def visible(self, table: str) -> list[Row]:
        """Give the rows that queries see."""
        its = self.tables[table]
        seen = -(2**62) if its.days is None else (self.now() - its.days * DAY) * TICK
        return [row for row in its.rows if row.at >= seen and not row.hidden]

    # -- what it says -------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.base = f"{request.scheme}://{request.host}"
        body = await request.read()
        with self.lock:
            response = self._answered(request, json.loads(body) if body else None)
        response.headers["Date"] = formatdate(self.now() / SECOND, usegmt=True)
        return response

    def _answered(self, request: web.Request, body: Any) -> web.Response:
        queried = request.path.startswith("/v1/")
        if request.headers.get("Authorization") != f"Bearer {self.tokens[not queried]}":
            return _error(401, "InvalidAuthenticationToken")
        if queried:
            wanted = request.path == f"/v1/workspaces/{WORKSPACE}/query" and request.method == "POST"
            return self._query(request.path, body) if wanted else _error(404, "PathNotFoundError")
        if not request.query.get("api-version"):
            return _error(400, "MissingApiVersionParameter")
        place = request.path.removeprefix(RESOURCE)
        return self._managed(request.method, place, request.path, body)

    def _managed(self, method: str, place: str, path: str, body: Any) -> web.Response:
        parts = place.strip("/").split("/")
        if method == "GET" and not place:
            properties = {"customerId": WORKSPACE, "retentionInDays": self.retention, "sku": {"name": "pergb2018"}}
            return self._told(path, {"id": path, "name": "shop-logs", "properties": properties})
        if method == "POST" and parts == ["purge"]:
            return self._accept(body.get("table", ""), body, marks_only=False)
        if method == "POST" and parts[0] == "tables" and parts[2:] == ["deleteData"]:
            return self._accept(parts[1], body, marks_only=True)
        if method == "GET" and parts[0] == "tables" and parts[1] in self.tables:
            its = self.tables[parts[1]]
            told = {"plan": its.plan, "retentionInDays": its.days, "totalRetentionInDays": its.total_days}
            return self._told(path, {"id": path, "name": parts[1], "properties": told})
        found = self.operations.get(path.rpartition("/")[2])
        if method == "GET" and found is not None:
            more = {"properties": {"RecordCount": found.records}} if found.marks_only else {}
            return self._told(path, {"status": found.status, **more})
        return _error(404, "ResourceNotFound")

    def _accept(self, table: str, body: Any, *, marks_only: bool) -> web.Response:
        filters = body.get("filters")
        if table not in self.tables or self.tables[table].plan != "Analytics" or not filters:
            return _error(400, "InvalidParameter")
        if any(one["column"] != "TimeGenerated" or one["operator"] not in _COMPARE for one in filters):
            return _error(400, "InvalidParameter")
        self.asked[:] = [at for at in self.asked if at > self.now() - HOUR]
        if len(self.asked) >= (self.per_hour or (10 if marks_only else 50)):
            return _error(429, "TooManyRequests", {"Retry-After": "600"})
        self.asked.append(self.now())
        made = Operation(
            id=str(uuid.UUID(int=len(self.operations) + 1)) if marks_only else f"purge-{len(self.operations) + 1:08x}",
            table=table,
            filters=filters,
            asked=self.now(),
            marks_only=marks_only,
            status="InProgress" if marks_only else "pending",
        )
        self.operations[made.id] = made
        if not marks_only:
            return web.json_response({"operationId": made.id}, status=202)
        place = f"{RESOURCE.partition('/resourceGroups')[0]}/providers/Microsoft.OperationalInsights/locations/west"
        where = f"{self.base}{place}/operationstatuses/{made.id}?api-version=2023-09-01"
        return web.Response(status=202, headers={"Azure-AsyncOperation": where})

    def _query(self, path: str, body: Any) -> web.Response:
        text = body["query"]
        terms = list(_TERM.finditer(text))
        if f"union {', '.join(term.group() for term in terms)} | project {', '.join(_COLUMNS)}" != text:
            return _error(400, "BadArgumentError")
        if any(term["table"] not in self.tables or self.tables[term["table"]].plan != "Analytics" for term in terms):
            return _error(400, "SemanticError")
        rows = [row for term in terms for row in self._counted(term)]
        kinds = ("string", "long", "long", "long", "long", "long")
        columns = [{"name": name, "type": kind} for name, kind in zip(_COLUMNS, kinds, strict=True)]
        return self._told(path, {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})

    def _counted(self, term: re.Match[str]) -> list[list[Any]]:
        begins, ends = read_iso(term["begins"]) * TICK, read_iso(term["ends"]) * TICK
        step = int(term["hours"]) * HOUR * TICK
        bins: dict[int, list[Row]] = defaultdict(list)
        for row in self.visible(term["table"]):
            if begins <= row.at < ends:
                bins[row.at // step * step].append(row)
        return [
            [
                term["part"],
                at // TICK,
                len(rows),
                sum(len(row.text) for row in rows),
                min(row.at for row in rows) // TICK,
                max(row.at for row in rows) // TICK,
            ]
            for at, rows in bins.items()
        ]

    def _told(self, path: str, document: Any) -> web.Response:
        return web.json_response(document if self.lie is None else self.lie(path, json.loads(json.dumps(document))))


def _meets(row: Row, filters: list[dict[str, Any]]) -> bool:
    return all(_COMPARE[one["operator"]](row.at, read_iso(one["value"]) * TICK) for one in filters)


def _error(status: int, code: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"code": code, "message": code}}, status=status, headers=headers)
