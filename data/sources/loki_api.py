"""What is said to Loki over HTTP: counts by LogQL, deletion requests, settings, its clock.

Counting goes through the queriers, deletion through the compactor; where they have two addresses both are asked at
theirs. Whatever an answer lacks or has too much is an error: a half answer is no smaller number.
"""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

from data.retention.instants import DAY, HOUR, SECOND, Instant, instant_of
from data.sources.http_api import Answered, ApiError, HttpApi
from data.sources.loki_windows import NANO, Count, Held, Stretch, stamp

TRIES: Final = 3
LONGEST_WAIT: Final = 30.0
_SHORTEST_WAIT: Final = 0.5
_DELETE: Final = "/loki/api/v1/delete"
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w|y)")
_MICROSECONDS: Final = {
    "ns": 0.001,
    "us": 1.0,
    "µs": 1.0,
    "ms": 1000.0,
    "s": float(SECOND),
    "m": 60.0 * SECOND,
    "h": float(HOUR),
    "d": float(DAY),
    "w": 7.0 * DAY,
    "y": 365.0 * DAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One deletion request as Loki lists it."""

    id: str
    query: str
    begins: Instant
    ends: Instant
    processed: bool
    created: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Lines that must be seen, or nothing has been seen: of the day after `after`."""

    selector: str
    after: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What Loki says of its own retention; instants are spans in microseconds, None where it does not say."""

    mode: str
    """`filter-and-delete`, `filter-only`, `disabled`; "" where nobody can tell."""
    period: int | None
    streams: tuple[int, ...]
    """The periods of single streams."""
    enforced: bool | None
    delay: int | None
    """How long it takes by the settings until what was asked for has been removed; None where nobody can tell."""


class LokiApi:
    """One tenant of one Loki."""

    def __init__(self, reads: HttpApi, deletes: HttpApi, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._reads, self._deletes, self._wait = reads, deletes, wait

    # -- counting -----------------------------------------------------------------------------------------------------

    def stepwise(self, selector: str, *, after: Instant, until: Instant, step: int, control: Control) -> list[Held]:
        """Count by hours or days, both ends whole ones; steps without lines are left out. Raises `ApiError`.

        In the same read the control lines are counted: the first day or so of the read is moved to where they lie. An
        answer without them is none (`no_control`).
        """
        span, moved = f"{step // HOUR}h", (after - control.after) * NANO
        query = {
            "query": f"{_both('n', selector, span, '')} or {_one('control', control.selector, span, _offset(moved))}",
            "start": str((after + step) * NANO),
            "end": str(until * NANO),
            "step": str(step // SECOND),
        }
        grid = range((after + step) // SECOND, until // SECOND + 1, step // SECOND)
        found: dict[str, dict[int, int]] = {}
        for part, values in _result(self._again(self._reads, "GET", _RANGE, query), "matrix"):
            if part in found:
                raise ApiError("broken")
            found[part] = _samples(values, grid)
        seen = [at for at, lines in found.pop("control", {}).items() if lines and at * SECOND <= after + DAY]
        lines, sizes = found.pop("n", {}), found.pop("n_bytes", {})
        if found or lines.keys() != sizes.keys():
            raise ApiError("broken")
        if not seen:
            raise ApiError("no_control")
        return [Held(ends=at * SECOND, lines=lines[at], size=sizes[at]) for at in sorted(lines) if lines[at]]

    def counted(self, stretches: Mapping[str, Stretch], *, at: int, control: Control) -> dict[str, Count]:
        """Count several stretches and the control lines in one read, at an instant of its own; raises `ApiError`.

        The names are short words of lower-case letters; `at` is in nanoseconds, and moved on where a stretch ends
        later. Only short stretches: Loki takes them apart by the hour.
        """
        wanted = {name: one for name, one in stretches.items() if one.after < one.until}
        at = max(at, *(one.until for one in wanted.values())) if wanted else at
        terms = [
            _both(name, one.selector, _span(one.until - one.after), _offset(at - one.until))
            for name, one in wanted.items()
        ]
        terms.append(_one("control", control.selector, _span(DAY * NANO), _offset(at - (control.after + DAY) * NANO)))
        answered = self._again(self._reads, "GET", _INSTANT, {"query": " or ".join(terms), "time": str(at)})
        found: dict[str, int] = {}
        for part, value in _result(answered, "vector"):
            if part in found or part.removesuffix("_bytes") not in {*wanted, "control"}:
                raise ApiError("broken")
            found[part] = _number(value)
        if not found.get("control"):
            raise ApiError("no_control")
        return {name: Count(lines=found.get(name, 0), size=found.get(f"{name}_bytes", 0)) for name in stretches}

    # -- deleting -----------------------------------------------------------------------------------------------------

    def listed(self) -> list[Listed]:
        """List all deletion requests of this tenant; cancelled ones are no longer there. Raises `ApiError`."""
        document = self._again(self._deletes, "GET", _DELETE, {}).document
        if document is None or not isinstance(document, list):
            raise ApiError("broken")
        return [_listed(one) for one in document]

    def ask_deletion(self, selector: str, *, begins: Instant, ends: Instant) -> str:
        """Ask for a deletion from `begins` to `ends`, both inclusive; give its id, or "" where it names none.

        Never without an end: Loki would take the present moment for it. Raises `ApiError`; without a status nobody
        knows whether it arrived.
        """
        query = {"query": selector, "start": stamp(begins), "end": stamp(ends)}
        answered = self._again(self._deletes, "POST", _DELETE, query)
        return answered.headers.get("x-delete-request-id", "")

    def cancel(self, request: str) -> None:
        """Take a deletion request back; raises `ApiError`."""
        self._again(self._deletes, "DELETE", _DELETE, {"request_id": request})

    # -- its settings -------------------------------------------------------------------------------------------------

    def clock_offset(self, now: Callable[[], Instant]) -> int:
        """Tell how many microseconds its clock is ahead, to half a second; raises `ApiError`."""
        before = now()
        answered = self._again(self._reads, "GET", "/loki/api/v1/status/buildinfo", {})
        try:
            its = instant_of(parsedate_to_datetime(answered.headers.get("date", ""))) + SECOND // 2
        except (TypeError, ValueError) as error:
            raise ApiError("no_clock") from error
        offset = its - (before + now()) // 2
        return 0 if abs(offset) <= SECOND else offset

    def settings(self) -> Settings:
        """Read retention and deletion from its settings, the tenant's own before those for all; raises `ApiError`."""
        text = str(self._again(self._deletes, "GET", "/config", {}, as_text=True).document)
        compactor = block(text, "compactor")
        limits = block(text, "limits_config")
        try:
            own = str(self._again(self._deletes, "GET", "/config/tenant/v1/limits", {}, as_text=True).document)
            limits, streams = limits | block(own, ""), periods(own)
        except ApiError as error:
            if error.reason not in {"missing", "denied", "refused"}:
                raise
            streams = periods(text)
        waits = [compactor.get(name, "") for name in ("delete_request_cancel_period", "retention_delete_delay")]
        spans = [span_of(one) for one in (*waits, compactor.get("compaction_interval", ""))]
        known = [one for one in spans if one is not None]
        enforced = compactor.get("retention_enabled")
        return Settings(
            mode=limits.get("deletion_mode", ""),
            period=span_of(limits.get("retention_period", "")),
            streams=streams,
            enforced=None if enforced is None else enforced == "true",
            delay=sum(known) if len(known) == len(spans) else None,
        )

    def _again(
        self, api: HttpApi, method: str, path: str, query: Mapping[str, str], *, as_text: bool = False
    ) -> Answered:
        """Ask, and ask again a few times where Loki says that it is too busy: it has done nothing then."""
        for tried in range(1, TRIES + 1):
            try:
                return api.ask(method, path, query=query, as_text=as_text)
            except ApiError as error:
                if error.reason != "throttled" or tried == TRIES or error.pause > LONGEST_WAIT:
                    raise
                self._wait(max(error.pause, _SHORTEST_WAIT * 2**tried))
        raise ApiError("throttled")  # never reached; said for the type checker


_RANGE: Final = "/loki/api/v1/query_range"
_INSTANT: Final = "/loki/api/v1/query"


def _both(name: str, selector: str, span: str, offset: str) -> str:
    """Write a query for lines and bytes of one stretch, each under a name of its own."""
    return f"{_one(name, selector, span, offset)} or {_one(f'{name}_bytes', selector, span, offset)}"


def _one(name: str, selector: str, span: str, offset: str) -> str:
    how = "bytes" if name.endswith("_bytes") else "count"
    return f'label_replace(sum({how}_over_time({selector}[{span}]{offset})), "part", "{name}", "part", ".*")'


def _span(nanoseconds: int) -> str:
    return f"{nanoseconds // 1_000_000}ms" if nanoseconds % 1_000_000 == 0 else f"{nanoseconds}ns"


def _offset(nanoseconds: int) -> str:
    return f" offset {_span(nanoseconds)}" if nanoseconds else ""


def _result(answered: Answered, kind: str) -> list[tuple[str, Any]]:
    """Give what a query found by the name of its part; raises `ApiError` where anything about it is odd."""
    document = answered.document
    try:
        if document["status"] != "success" or document.get("warnings") or document["data"]["resultType"] != kind:
            raise ApiError("partial")
        field = "value" if kind == "vector" else "values"
        return [(str(one["metric"]["part"]), one[field]) for one in document["data"]["result"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ApiError("broken") from error


def _samples(values: Any, grid: Sequence[int]) -> dict[int, int]:
    """Read the samples of a series, each at an instant that was asked for, and once."""
    found: dict[int, int] = {}
    if not isinstance(values, list):
        raise ApiError("broken")
    for value in values:
        number = _number(value)
        at = value[0]
        if at != int(at) or int(at) not in grid or int(at) in found:
            raise ApiError("broken")
        found[int(at)] = number
    return found


def _number(value: Any) -> int:
    try:
        at, text = value
        number = float(text)
    except (TypeError, ValueError) as error:
        raise ApiError("broken") from error
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at) or not math.isfinite(number):
        raise ApiError("broken")
    if number < 0 or number != int(number):
        raise ApiError("broken")
    return int(number)


def _listed(one: Any) -> Listed:
    try:
        return Listed(
            id=str(one["request_id"]),
            query=str(one["query"]),
            begins=_seconds(one["start_time"]),
            ends=_seconds(one["end_time"]),
            processed=one["status"] == "processed",
            created=_seconds(one["created_at"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ApiError("broken") from error


def _seconds(value: Any) -> Instant:
    """Read seconds with a fraction of milliseconds."""
    return round(float(value) * 1000) * 1000


def block(text: str, name: str) -> dict[str, str]:
    """Read the plain values of one block of settings in YAML, or those outside any block where the name is ""."""
    found: dict[str, str] = {}
    inside, depth = not name, 0 if not name else -1
    for line in text.splitlines():
        stripped = line.lstrip(" ")
        indent = len(line) - len(stripped)
        if name and indent == 0:
            inside, depth = line.split(":")[0] == name, -1
            continue
        if not inside or not stripped or stripped.startswith(("#", "-")):
            continue
        depth = indent if depth < 0 else depth
        key, colon, value = stripped.partition(":")
        if indent == depth and colon and value.strip():
            found[key] = value.strip().strip("\"'")
    return found


def periods(text: str) -> tuple[int, ...]:
    """Read the retention of single streams, wherever in the settings it stands."""
    found = re.search(r"^( *)retention_stream:[ ]*\n((?:\1(?:-| ).*\n?)*)", text, re.MULTILINE)
    told = re.findall(r"^[ -]*period: *(\S+)", found[2], re.MULTILINE) if found else []
    return tuple(span for span in map(span_of, told) if span is not None)


def span_of(text: str) -> int | None:
    """Read a duration such as `31d`, `744h` or `1h30m0s` in microseconds; None where it is none."""
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        return 0 if text == "0" else None
    return round(sum(float(number) * _MICROSECONDS[unit] for number, unit in parts))
