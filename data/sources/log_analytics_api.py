"""What is said to Log Analytics: counts through the query API, deletion and settings through Azure Resource Manager.

Counting goes through azure-monitor-query. Its sister for management knows no Delete Data API and repeats by itself, so
deletions are asked by plain HTTP, once and never following a redirect. Whatever an answer lacks or has too much is an
error: half an answer is no smaller number.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum, unique
from itertools import count
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.monitor.query import LogsQueryClient, LogsQueryResult

from data.retention.instants import DAY, HOUR, SECOND, Instant, instant_of
from data.sources.http_api import Answered, ApiError, HttpApi
from data.sources.log_analytics_days import COLUMN, Count, Held, Stretch, filters_of, stamp
from data.sources.log_analytics_told import PURGE, GivesTokens, WorkspaceTold, proof_of

VERSION: Final = "2023-09-01"
"""The version of the management API that is spoken."""
TRIES: Final = 3
LONGEST_WAIT: Final = 30.0
_SHORTEST_WAIT: Final = 0.5
_TIMEOUT: Final = 180
_LONGEST_PAUSE: Final = 3600.0
_BEGINNING: Final = -30_610_224_000 * SECOND
"""The year 1000: no row of Azure's is older."""
_END: Final = 253_402_300_799 * SECOND
_COLUMNS: Final = ("Part", "Begins", "Rows", "Size", "First", "Last")
_OPERATION: Final = re.compile(r"/subscriptions/[A-Za-z0-9._()/-]{1,600}")
_REASONS: Final = {401: "denied", 403: "denied", 404: "missing", 429: "throttled", 503: "throttled"}
_OK: Final = 200
_SERVER: Final = 500
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What Azure says of a table."""

    plan: str
    """`Analytics`, `Basic`, `Auxiliary`; "" where it does not say."""
    days: int | None
    """After how many days queries no longer see a row."""
    total_days: int | None
    """After how many days it is gone, long-term retention included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Rows that must be seen, or nothing has been seen: of the day from `begins` on."""

    table: str
    begins: Instant


@unique
class Progress(StrEnum):
    """How an operation stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    FORGOTTEN = "forgotten"
    """Azure does not know it, or no longer."""


_PROGRESS: Final = {
    "pending": Progress.PENDING,
    "completed": Progress.DONE,
    "accepted": Progress.PENDING,
    "inprogress": Progress.PENDING,
    "running": Progress.PENDING,
    "updating": Progress.PENDING,
    "succeeded": Progress.DONE,
    "failed": Progress.FAILED,
    "canceled": Progress.FAILED,
}


class WorkspaceApi:
    """One workspace."""

    def __init__(
        self, told: WorkspaceTold, credential: GivesTokens, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        """Asks nothing yet. Raises `SettingsError`."""
        self._workspace, self._resource, self._method = told.workspace_id, told.resource_id, told.method
        self._wait = wait
        self._manages = HttpApi(told.management_url, headers=proof_of(credential, told.management_url))
        # The client sends tokens over https: only; http: is let through by the settings for loopback alone.
        self._how: dict[str, Any] = {"enforce_https": False} if told.query_url.startswith("http:") else {}
        self._queries = LogsQueryClient(
            credential,
            endpoint=told.query_url,
            retry_total=0,
            permit_redirects=False,
            connection_timeout=5,
            read_timeout=_TIMEOUT,
            logging_enable=False,
        )

    # -- counting -----------------------------------------------------------------------------------------------------

    def days(self, table: str, control: Control) -> list[Held]:
        """Count a table day by day, from its first row on; raises `ApiError`, without the control too."""
        return self._stepwise(Stretch(table=table, begins=_BEGINNING, ends=_END), DAY, control)

    def hours(self, day: Stretch, control: Control) -> list[Held]:
        """Count a day hour by hour; raises `ApiError`."""
        return self._stepwise(day, HOUR, control)

    def counted(self, stretches: Mapping[str, Stretch], control: Control) -> dict[str, Count]:
        """Count several stretches of single days, and the control, in one read; raises `ApiError`."""
        wanted = {name: one for name, one in stretches.items() if one.begins < one.ends}
        found = self._read([_term(name, one, DAY) for name, one in wanted.items()], control)
        if set(found) - set(wanted) or any(len(parts) > 1 for parts in found.values()):
            raise ApiError("broken")
        counts = {name: Count() for name in stretches}
        for name, (one,) in found.items():
            counts[name] = Count(rows=one.rows, size=one.size, first=one.first, last=one.last)
        return counts

    def _stepwise(self, stretch: Stretch, step: int, control: Control) -> list[Held]:
        found = self._read([_term("steps", stretch, step)], control)
        steps = found.pop("steps", [])
        inside = all(stretch.begins <= one.begins < stretch.ends and one.begins % step == 0 for one in steps)
        if found or not inside or len({one.begins for one in steps}) != len(steps):
            raise ApiError("broken")
        return sorted(steps, key=lambda one: one.begins)

    def _read(self, terms: Sequence[str], control: Control) -> dict[str, list[Held]]:
        """Ask one query that also counts the control; raises `ApiError`."""
        seen = Stretch(table=control.table, begins=control.begins, ends=control.begins + DAY)
        text = f"union {', '.join([*terms, _term('control', seen, DAY)])} | project {', '.join(_COLUMNS)}"
        answered = self._again(lambda: self._queried(text))
        found: dict[str, list[Held]] = {}
        for row in answered:
            part, held = _held(row)
            found.setdefault(part, []).append(held)
        if not found.pop("control", None):
            raise ApiError("no_control")
        return found

    def _queried(self, text: str) -> list[Sequence[Any]]:
        """Ask a query; raises `ApiError`, for half a result too."""
        answers: list[Any] = []  # the client reads an answer that is no JSON before it looks at its status
        try:
            found = self._queries.query_workspace(
                self._workspace,
                text,
                timespan=None,
                raw_response_hook=lambda answer: answers.append(answer.http_response),
                **self._how,
            )
        except (AzureError, KeyError, TypeError, ValueError, AttributeError) as error:
            if answers and answers[-1].status_code != _OK:
                raise _refused(answers[-1].status_code, answers[-1].headers) from error
            if isinstance(error, ClientAuthenticationError):
                raise ApiError("denied") from error
            lost = isinstance(error, AzureError) and not answers
            raise ApiError("unreachable" if lost else "broken") from error
        if not isinstance(found, LogsQueryResult):
            raise ApiError("partial")
        if len(found.tables) != 1 or tuple(found.tables[0].columns) != _COLUMNS:
            raise ApiError("broken")
        return [list(row) for row in found.tables[0].rows]

    # -- deleting -----------------------------------------------------------------------------------------------------

    def ask_deletion(self, stretch: Stretch) -> str:
        """Ask once for the deletion of a stretch; give the path by which Azure tells how it stands.

        Raises `ApiError`; without a status nobody knows whether it arrived.
        """
        if self._method == PURGE:
            body = {"table": stretch.table, "filters": filters_of(stretch)}
            answered = self._once("POST", f"{self._resource}/purge", body)
            try:
                path = f"{self._resource}/operations/{answered.document['operationId']}"
            except (KeyError, TypeError) as error:
                raise ApiError("broken", status=answered.status) from error
        else:
            place = f"{self._resource}/tables/{stretch.table}/deleteData"
            answered = self._once("POST", place, {"filters": filters_of(stretch)})
            said = answered.headers.get("azure-asyncoperation") or answered.headers.get("location", "")
            path = urlsplit(said).path
        if not _OPERATION.fullmatch(path):
            raise ApiError("broken", status=answered.status)
        return path

    def progress(self, operation: str) -> Progress:
        """Tell how an operation stands; raises `ApiError`."""
        try:
            answered = self._managed("GET", operation)
        except ApiError as error:
            if error.reason == "missing":
                return Progress.FORGOTTEN
            raise
        try:
            return _PROGRESS[str(answered.document["status"]).lower()]
        except (KeyError, TypeError) as error:
            raise ApiError("broken", status=answered.status) from error

    # -- its settings -------------------------------------------------------------------------------------------------

    def clock_and_retention(self, now: Callable[[], Instant]) -> tuple[int, int | None]:
        """Tell how far its clock is ahead, to a second, and how many days the workspace keeps; raises `ApiError`."""
        before = now()
        answered = self._managed("GET", self._resource)
        try:
            its = instant_of(parsedate_to_datetime(answered.headers.get("date", ""))) + SECOND // 2
        except (TypeError, ValueError) as error:
            raise ApiError("no_clock") from error
        try:
            properties = answered.document["properties"]
            if str(properties["customerId"]).lower() != self._workspace.lower():
                raise ApiError("other_workspace")
            days = _days(properties.get("retentionInDays"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ApiError("broken") from error
        offset = its - (before + now()) // 2
        return (0 if abs(offset) <= SECOND else offset), days

    def kept(self, table: str) -> Kept:
        """Read plan and retention of a table; raises `ApiError`."""
        answered = self._managed("GET", f"{self._resource}/tables/{table}")
        try:
            told = answered.document["properties"]
            if answered.document["name"] != table:
                raise ApiError("broken")
            return Kept(
                plan=str(told.get("plan") or ""),
                days=_days(told.get("retentionInDays")),
                total_days=_days(told.get("totalRetentionInDays")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ApiError("broken") from error

    # -- the way to it ------------------------------------------------------------------------------------------------

    def pause_after(self, error: ApiError, tried: int) -> bool:
        """Wait for as long as Azure wants where it says that it is too busy; tell whether to ask again.

        It has done nothing then.
        """
        if error.reason != "throttled" or tried >= TRIES or error.pause > LONGEST_WAIT:
            return False
        self._wait(max(error.pause, _SHORTEST_WAIT * 2**tried))
        return True

    def _once(self, method: str, path: str, body: Any = None) -> Answered:
        return self._manages.ask(method, path, query={"api-version": VERSION}, body=body)

    def _managed(self, method: str, path: str) -> Answered:
        return self._again(lambda: self._once(method, path))

    def _again(self, ask: Callable[[], _T]) -> _T:
        """Ask, and ask again a few times where Azure says that it is too busy."""
        for tried in count(1):
            try:
                return ask()
            except ApiError as error:
                if not self.pause_after(error, tried):
                    raise
        raise AssertionError  # never reached; said for the type checker


def _term(part: str, stretch: Stretch, step: int) -> str:
    """Write what counts one stretch by hours or days, its rows under a name of their own."""
    micros = f'datetime_diff("microsecond", {{}}({COLUMN}), datetime(1970-01-01))'
    return (
        f"({stretch.table} "
        f"| where {COLUMN} >= datetime({stamp(stretch.begins)}) and {COLUMN} < datetime({stamp(stretch.ends)}) "
        f"| summarize Rows=count(), Size=tolong(sum(_BilledSize)), First={micros.format('min')}, "
        f"Last={micros.format('max')} by Begun=bin({COLUMN}, {step // HOUR}h) "
        f'| project Part="{part}", Begins=datetime_diff("microsecond", Begun, datetime(1970-01-01)), '
        "Rows, Size, First, Last)"
    )


def _held(row: Sequence[Any]) -> tuple[str, Held]:
    if len(row) != len(_COLUMNS):
        raise ApiError("broken")
    part, begins, rows, size, first, last = row
    held = Held(begins=_whole(begins), rows=_whole(rows), size=_whole(size), first=_whole(first), last=_whole(last))
    if not isinstance(part, str) or held.rows < 1 or held.size < 0 or not held.begins <= held.first <= held.last:
        raise ApiError("broken")
    return part, held


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiError("broken")
    return value


def _days(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _refused(status: int, headers: Mapping[str, str]) -> ApiError:
    try:
        pause = min(max(0.0, float(headers.get("retry-after", "0"))), _LONGEST_PAUSE)
    except ValueError:  # a date: rare, and a pause of our own is as good
        pause = 0.0
    return ApiError(_REASONS.get(status, "broken" if status >= _SERVER else "refused"), status=status, pause=pause)
