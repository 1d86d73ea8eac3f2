"""What is asked of OpenSearch or Elasticsearch, through opensearch-py: one call each, half answers are errors."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import opensearchpy
from opensearchpy.exceptions import ConnectionError as NoAnswer
from opensearchpy.exceptions import ImproperlyConfigured, OpenSearchException, SerializationError, TransportError

from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, MINUTE, SECOND, Instant
from data.sources.http_api import ApiError

TRIES: Final = 3
_PAUSE: Final = 1.0
_AT_ONCE: Final = 10
_TIMEOUT: Final = 60
MILLI: Final = 1000
FUTURE: Final = 10 * MINUTE
_REASONS: Final = {401: "denied", 403: "denied", 404: "missing", 409: "conflict", 429: "throttled", 503: "throttled"}
_SERVER: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index as its own settings describe it."""

    name: str
    uuid: str
    created: Instant | None
    hidden: bool
    data_stream: bool
    writable: bool
    """Whether writers reach it through an alias: it is the alias' write index, or its only one."""
    blocks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An index as the listing of the cluster has it."""

    name: str
    uuid: str
    health: str
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How much an index holds, and by how many operations it came to be so."""

    documents: int
    bytes: int
    sequence: str
    """The highest sequence number of each primary shard: every write, update and deletion raises one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """When the documents of an index are from; instants of the believed ones only."""

    total: int
    dated: int
    lowest: Instant | None
    highest: Instant | None
    gone: int
    """Documents wholly before the cutoff."""
    overdue: int
    future: int
    oldest_kept: Instant | None
    """The latest that the oldest document may be from of those that reach to the cutoff or past it."""
    days: tuple[tuple[int, int], ...]
    """Documents by day, in milliseconds."""


class SearchApi:
    """One cluster."""

    def __init__(
        self,
        url: str,
        *,
        authorization: Callable[[], str],
        ca_file: str = "",
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        more: dict[str, Any] = {"ca_certs": ca_file} if ca_file else {}
        self._client = opensearchpy.OpenSearch(
            hosts=[url], max_retries=0, retry_on_timeout=False, timeout=_TIMEOUT, **more
        )
        self._authorization, self._wait = authorization, wait

    def product(self) -> tuple[str, int]:
        """Tell which product it is and its major version; raises `ApiError` for any other."""
        told = self._ask("GET", "/")
        try:
            version = told["version"]
            major = int(str(version["number"]).partition(".")[0])
            if version.get("distribution") == "opensearch":
                return "opensearch", major
            if "lucene_version" in version and told.get("tagline") == "You Know, for Search":
                return "elasticsearch", major
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ApiError("broken") from error
        raise ApiError("other_product")

    def clock(self) -> Instant:
        """Tell the cluster's time, to the second; raises `ApiError`."""
        try:
            return int(self._ask("GET", "/_cat/health", {"format": "json"})[0]["epoch"]) * SECOND
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ApiError("broken") from error

    # -- what is there ------------------------------------------------------------------------------------------------

    def listed(self, expression: str) -> dict[str, Listed]:
        """List indices as the cluster lists them, hidden and closed ones too. Raises `ApiError`."""
        query = {"format": "json", "h": "index,uuid,health,status", "expand_wildcards": "all"}
        rows = self._ask("GET", f"/_cat/indices/{expression}", query)
        try:
            found = [
                Listed(name=row["index"], uuid=row["uuid"], health=row["health"] or "", open=row["status"] == "open")
                for row in rows
            ]
        except (KeyError, TypeError) as error:
            raise ApiError("broken") from error
        return _once({one.name: one for one in found}, len(found))

    def described(self, expression: str, *, exact: bool = False) -> dict[str, Index]:
        """Read settings, aliases and streams of indices; none where there is none. Raises `ApiError`.

        With `exact` the expression is one name, and a wildcard in it would find nothing.
        """
        query = {"expand_wildcards": "none" if exact else "all", "ignore_unavailable": "false", "flat_settings": "true"}
        try:
            told = self._ask("GET", f"/{expression}", query)
        except ApiError as error:
            if error.reason == "missing":
                return {}
            raise
        if not isinstance(told, dict):
            raise ApiError("broken")
        used = self._used_by(told)
        return {name: _index(name, one, used) for name, one in told.items()}

    def _used_by(self, told: Mapping[str, Any]) -> dict[str, int]:
        """Count the indices of each alias that does not say which of them is written to. Raises `ApiError`."""
        try:
            silent = {
                alias
                for one in told.values()
                for alias, its in (one.get("aliases") or {}).items()
                if "is_write_index" not in its
            }
            names = [quote(alias, safe="") for alias in sorted(silent)]
            used: Counter[str] = Counter()
            for place in range(0, len(names), _AT_ONCE):
                path = f"/_alias/{','.join(names[place : place + _AT_ONCE])}"
                found = self._ask("GET", path, {"expand_wildcards": "all"})
                used.update(alias for one in found.values() for alias in one["aliases"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ApiError("broken") from error
        return used

    def state(self, name: str) -> State:
        """Count documents, bytes and operations of one index; raises `ApiError`."""
        query = {"level": "shards", "expand_wildcards": "none", "forbid_closed_indices": "true"}
        told = self._ask("GET", f"/{name}/_stats/docs,store", query)
        try:
            _whole(told["_shards"], every=False)
            its = told["indices"][name]
            shards = {
                str(number): max(int(copy["seq_no"]["max_seq_no"]) for copy in copies if copy["routing"]["primary"])
                for number, copies in its["shards"].items()
            }
            return State(
                documents=int(its["primaries"]["docs"]["count"]),
                bytes=int(its["primaries"]["store"]["size_in_bytes"]),
                sequence=",".join(f"{number}:{shards[number]}" for number in sorted(shards, key=int)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError("broken") from error

    def field_type(self, name: str, field: str) -> str:
        """Tell as what a field is known in one index; "" where it is not, or in more than one way."""
        told = self._ask("GET", f"/{name}/_field_caps", {"fields": field, "expand_wildcards": "none"})
        try:
            kinds = list(told["fields"].get(field, {}))
        except (KeyError, TypeError, AttributeError) as error:
            raise ApiError("broken") from error
        return str(kinds[0]) if len(kinds) == 1 else ""

    def refresh(self, name: str) -> None:
        """Let a search see everything that was written; raises `ApiError`."""
        told = self._ask("POST", f"/{name}/_refresh", {"expand_wildcards": "none"})
        try:
            _whole(told["_shards"], every=False)
        except (KeyError, TypeError) as error:
            raise ApiError("broken") from error

    def ages(self, name: str, field: str, marks: Marks) -> Ages:
        """Ask how old the documents of one index are; raises `ApiError`, above all for less than all shards."""
        query = {"allow_partial_search_results": "false", "expand_wildcards": "none", "ignore_unavailable": "false"}
        told = self._ask("POST", f"/{name}/_search", query, _aggregations(field, marks))
        try:
            if told["timed_out"] is not False or told.get("terminated_early"):
                raise ApiError("partial")
            _whole(told["_shards"], every=True)
            total, found = told["hits"]["total"], told["aggregations"]
            if total["relation"] != "eq":
                raise ApiError("partial")
            believed = found["believed"]
            return Ages(
                total=_count(total["value"]),
                dated=_count(found["dated"]["doc_count"]),
                lowest=_instant(believed["lowest"]["value"]),
                highest=_instant(believed["highest"]["value"], last=MILLI - 1),
                gone=_count(found["gone"]["doc_count"]),
                overdue=_count(found["overdue"]["doc_count"]),
                future=_count(found["future"]["doc_count"]),
                oldest_kept=_instant(found["kept"]["lowest"]["value"], last=MILLI - 1),
                days=tuple((_count(day["key"]), _count(day["doc_count"])) for day in believed["days"]["buckets"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError("broken") from error

    def resolved(self, names: Sequence[str]) -> set[str]:
        """Give which of these names the cluster resolves to indices, aliases or streams. Raises `ApiError`."""
        expression = ",".join(f"{name}*" for name in names)  # a wildcard is never missing; what is longer is left out
        told = self._ask("GET", f"/_resolve/index/{expression}", {"expand_wildcards": "all"})
        try:
            kinds = [told[kind] for kind in ("indices", "aliases", "data_streams")]
            return {str(one["name"]) for kind in kinds for one in kind} & set(names)
        except (KeyError, TypeError) as error:
            raise ApiError("broken") from error

    # -- what is done -------------------------------------------------------------------------------------------------

    def delete(self, name: str) -> None:
        """Delete exactly one index; raises `ApiError`, `unacknowledged` where not all nodes have said so."""
        query = {"expand_wildcards": "none", "ignore_unavailable": "false", "allow_no_indices": "false"}
        told = self._ask("DELETE", f"/{name}", query)
        if not isinstance(told, dict) or told.get("acknowledged") is not True:
            raise ApiError("unacknowledged")

    # -- its own retention --------------------------------------------------------------------------------------------

    def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Ask for a document of an extension; raises `ApiError`."""
        return self._ask("GET", path, query)

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Ask, and ask again a few times where the engine says that it is too busy: it has done nothing then."""
        for tried in range(1, TRIES + 1):
            try:
                return self._once(method, path, query, body)
            except ApiError as error:
                if error.reason != "throttled" or tried == TRIES:
                    raise
                self._wait(_PAUSE * 2 ** (tried - 1))
        raise ApiError("throttled")  # never reached; said for the type checker

    def _once(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Any:
        said = self._authorization()
        headers = {"Authorization": said} if said else {}
        try:
            return self._client.transport.perform_request(
                method, path, params=dict(query or {}), body=body, headers=headers
            )
        except NoAnswer as error:
            raise ApiError("unreachable") from error
        except SerializationError as error:
            raise ApiError("no_json") from error
        except TransportError as error:
            raise _error_of(error) from error
        except (OpenSearchException, ImproperlyConfigured) as error:
            raise ApiError("broken") from error


def _error_of(error: TransportError) -> ApiError:
    """Name what an engine refused: by its own word where that says more than the status."""
    status = error.status_code if isinstance(error.status_code, int) else 0
    kind = str(error.error)
    if "snapshot_in_progress" in kind:
        return ApiError("snapshot_in_progress", status=status)
    if "cluster_block" in kind:
        return ApiError("blocked", status=status)
    if "no handler found" in kind or "unknown_handler" in kind:
        return ApiError("missing", status=status)
    return ApiError(_REASONS.get(status, "broken" if status >= _SERVER else "refused"), status=status)


def _index(name: str, told: Any, used: Mapping[str, int]) -> Index:
    try:
        settings = told["settings"]
        aliases = told.get("aliases") or {}
        created = settings.get("index.creation_date")
        return Index(
            name=name,
            uuid=str(settings["index.uuid"]),
            created=None if created is None else int(created) * MILLI,
            hidden=_true(settings.get("index.hidden")),
            data_stream=bool(told.get("data_stream")),
            writable=any(
                _true(alias["is_write_index"]) if "is_write_index" in alias else used.get(key, 1) == 1
                for key, alias in aliases.items()
            ),
            blocks=frozenset(
                key.removeprefix("index.blocks.")
                for key, value in settings.items()
                if key.startswith("index.blocks.") and _true(value)
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ApiError("broken") from error


def _aggregations(field: str, marks: Marks) -> dict[str, Any]:
    """Write what is asked of an index; instants as milliseconds, rounded so that nothing becomes older."""

    def between(**bounds: Instant) -> dict[str, Any]:
        told = {key: -(-value // MILLI) for key, value in bounds.items()}
        return {"range": {field: {**told, "format": "epoch_millis"}}}

    old = between(gte=BELIEVABLE, lt=marks.cutoff)
    still = between(gte=marks.cutoff)
    believed = between(gte=BELIEVABLE, lte=marks.now + FUTURE)
    inside = {
        "lowest": {"min": {"field": field}},
        "highest": {"max": {"field": field}},
        "days": {"date_histogram": {"field": field, "fixed_interval": "1d", "min_doc_count": 1}},
    }
    return {
        "size": 0,
        "track_total_hits": True,
        "aggs": {
            "dated": {"filter": between(gte=BELIEVABLE)},
            "believed": {"filter": believed, "aggs": inside},
            "gone": {"filter": {"bool": {"must": [old], "must_not": [still]}}},
            "kept": {"filter": still, "aggs": {"lowest": {"min": {"field": field}}}},
            "overdue": {"filter": between(gte=BELIEVABLE, lt=marks.limit)},
            "future": {"filter": between(gt=marks.now + FUTURE)},
        },
    }


def _whole(shards: Mapping[str, Any], *, every: bool) -> None:
    """Refuse an answer of less than all shards; copies that are not there may fail to refresh."""
    total, successful, failed = (_count(shards[key]) for key in ("total", "successful", "failed"))
    if failed or (every and successful != total) or not total:
        raise ApiError("partial")


def _once(found: dict[str, Listed], rows: int) -> dict[str, Listed]:
    if len(found) != rows:
        raise ApiError("broken")
    return found


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
        raise ApiError("broken")
    return int(value)


def _instant(value: Any, *, last: int = 0) -> Instant | None:
    """Read milliseconds; None where no document had one. What is finer was cut off, so the last one may be later."""
    return None if value is None else int(value) * MILLI + last


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
