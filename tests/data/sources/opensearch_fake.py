"""An OpenSearch, or an Elasticsearch, as its documentation describes it; the real client library talks to it.

What matters is faithful: search sees only what was refreshed; every write raises the sequence number of its shard; an
index made anew under an old name has another uuid; deletion is by name, refuses aliases, wildcards, write indices of
data streams, blocked indices and those that a snapshot is being taken of; a search may answer for some shards only.
"""

import fnmatch
import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from data.retention.instants import SECOND, Instant, instant_of
from tests.world import FakeClock

DAY_MS = 86_400_000


@dataclass(slots=True, kw_only=True)
class Doc:
    """A document; `at` in milliseconds, None where it has no time."""

    at: int | None
    text: str = ""
    seen: bool = True
    """Whether a refresh has made it visible."""


@dataclass(slots=True, kw_only=True)
class FakeIndex:
    """An index with one shard."""

    name: str
    uuid: str
    docs: list[Doc] = field(default_factory=list)
    operations: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    field_type: str = "date"
    health: str = "green"
    status: str = "open"
    data_stream: str = ""
    policy: str = ""
    created: int = 0
    snapshotting: bool = False
    merged: int = 0
    """Bytes that merging has freed."""


@dataclass(slots=True, kw_only=True)
class FakeSearch:
    """The cluster; `answer` is what an HTTP server is given."""

    clock: FakeClock
    product: str = "opensearch"
    version: str = "3.2.0"
    password: str = ""
    indices: dict[str, FakeIndex] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    """By name: what the engine says of a policy."""
    destructive_requires_name: bool = True
    acknowledges: bool = True
    skew: int = 0
    lie: Callable[[str, str, Any], Any] | None = None
    """Changes an answer before it is sent: method, path and document."""
    plugins: bool = True
    lock: Any = field(default_factory=threading.RLock)

    # -- what happens in it -------------------------------------------------------------------------------------------

    def now(self) -> Instant:
        """Tell its own time."""
        return instant_of(self.clock.now()) + self.skew

    def make(self, name: str, stamps: Iterable[int | None] = (), text: str = "line") -> FakeIndex:
        """Make an index, or write to the one there is; what is written is refreshed."""
        with self.lock:
            index = self.indices.get(name)
            if index is None:
                index = FakeIndex(name=name, uuid=uuid.uuid4().hex[:22], created=self.now() // 1000)
                self.indices[name] = index
            for number, at in enumerate(stamps):
                index.docs.append(Doc(at=at, text=f"{text} {number}\n"))
                index.operations += 1
            return index

    # -- what it says -------------------------------------------------------------------------------------------------

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        body = await request.text()
        if self.password and not request.headers.get("Authorization"):
            return _error(401, "security_exception")
        with self.lock:
            found = self._answered(request, json.loads(body) if body else None)
        if isinstance(found, web.Response):
            return found
        if self.lie is not None:
            found = self.lie(request.method, request.path, json.loads(json.dumps(found)))
        return web.json_response(found)

    def _answered(self, request: web.Request, body: Any) -> Any:
        parts = request.path.strip("/").split("/")
        for pattern, answer in self._routes().items():
            method, _, path = pattern.partition(" ")
            if method == request.method and re.fullmatch(path, request.path):
                return answer(request, parts, body)
        return _error(400, f"no handler found for uri [{request.path}] and method [{request.method}]")

    def _routes(self) -> dict[str, Callable[[web.Request, list[str], Any], Any]]:
        extra: dict[str, Callable[[web.Request, list[str], Any], Any]] = {}
        if self.plugins and self.product == "opensearch":
            extra = {
                "GET /_plugins/_ism/explain/.*": self._ism_explain,
                "GET /_plugins/_ism/policies/.*": lambda _, parts, __: self._policy(parts[-1]),
            }
        if self.plugins and self.product == "elasticsearch":
            extra = {
                "GET /.*/_ilm/explain": self._ilm_explain,
                "GET /_ilm/policy/.*": lambda _, parts, __: self._policy(parts[-1]),
            }
        return extra | {
            "GET /": lambda *_: self._banner(),
            "GET /_cat/health": lambda *_: [{"epoch": str(self.now() // SECOND), "status": "green"}],
            "GET /_cat/indices/.*": self._cat,
            "GET /_resolve/index/.*": self._resolve,
            "GET /_alias/.*": self._alias,
            "GET /[^/_][^/]*/_stats/docs,store": self._stats,
            "GET /[^/_][^/]*/_field_caps": self._field_caps,
            "POST /[^/_][^/]*/_refresh": self._refresh,
            "POST /[^/_][^/]*/_search": self._search,
            "GET /[^/_][^/]*": self._get,
            "DELETE /[^/]+": self._delete,
        }

    def _banner(self) -> Any:
        version = {"number": self.version, "lucene_version": "10.0"}
        if self.product == "opensearch":
            return {"version": version | {"distribution": "opensearch"}, "tagline": "The OpenSearch Project"}
        return {"version": version, "tagline": "You Know, for Search"}

    def _meant(self, request: web.Request, expression: str) -> list[FakeIndex] | web.Response:
        """Give the indices that an expression names, aliases too; a name that is missing is an error."""
        expand = request.query.get("expand_wildcards", "open")
        found: dict[str, FakeIndex] = {}
        for one in expression.split(","):
            if "*" in one:
                hit = [self.indices[name] for name in self.indices if fnmatch.fnmatchcase(name, one)]
                hit = [index for index in hit if expand == "all" or not _hidden(index)]
                found |= {} if expand == "none" else {index.name: index for index in hit}
                continue
            hit = [index for index in self.indices.values() if one in {index.name, *index.aliases}]
            if not hit:
                return _error(404, "index_not_found_exception")
            found |= {index.name: index for index in hit}
        return list(found.values())

    def _cat(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[-1])
        if isinstance(meant, web.Response):
            return meant
        return [{"index": one.name, "uuid": one.uuid, "health": one.health, "status": one.status} for one in meant]

    def _get(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[0])
        if isinstance(meant, web.Response):
            return meant
        return {
            one.name: {
                "aliases": one.aliases,
                "settings": {
                    "index.uuid": one.uuid,
                    "index.creation_date": str(one.created),
                    "index.provided_name": one.name,
                    **one.settings,
                },
                **({"data_stream": one.data_stream} if one.data_stream else {}),
            }
            for one in meant
        }

    def _alias(self, _: web.Request, parts: list[str], __: Any) -> Any:
        names = set(parts[-1].split(","))
        return {
            one.name: {"aliases": {key: value for key, value in one.aliases.items() if key in names}}
            for one in self.indices.values()
            if names & set(one.aliases)
        }

    def _resolve(self, _: web.Request, parts: list[str], __: Any) -> Any:
        patterns = parts[-1].split(",")
        aliases = {alias for one in self.indices.values() for alias in one.aliases}

        def hit(name: str) -> bool:
            return any(fnmatch.fnmatchcase(name, one) for one in patterns)

        return {
            "indices": [{"name": name, "attributes": ["open"]} for name in self.indices if hit(name)],
            "aliases": [{"name": name} for name in sorted(aliases) if hit(name)],
            "data_streams": [],
        }

    def _stats(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[0])
        if isinstance(meant, web.Response):
            return meant
        if any(one.status != "open" for one in meant):
            return _error(400, "index_closed_exception")
        copies = [{"primary": True, "node": "a"}, {"primary": False, "node": "b"}]
        return {
            "_shards": {"total": 2 * len(meant), "successful": len(meant), "failed": 0},
            "indices": {
                one.name: {
                    "primaries": {
                        "docs": {"count": sum(doc.seen for doc in one.docs), "deleted": 0},
                        "store": {"size_in_bytes": sum(len(doc.text) for doc in one.docs) - one.merged},
                    },
                    "shards": {
                        "0": [{"routing": copy, "seq_no": {"max_seq_no": one.operations - 1}} for copy in copies]
                    },
                }
                for one in meant
            },
        }

    def _field_caps(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[0])
        if isinstance(meant, web.Response):
            return meant
        kinds = {one.field_type: {"type": one.field_type, "searchable": True} for one in meant if one.field_type}
        return {"indices": [one.name for one in meant], "fields": {request.query["fields"]: kinds} if kinds else {}}

    def _refresh(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[0])
        if isinstance(meant, web.Response):
            return meant
        for one in meant:
            for doc in one.docs:
                doc.seen = True
        return {"_shards": {"total": 2, "successful": 1, "failed": 0}}

    def _search(self, request: web.Request, parts: list[str], body: Any) -> Any:
        meant = self._meant(request, parts[0])
        if isinstance(meant, web.Response):
            return meant
        if any(one.health == "red" for one in meant):
            return _error(503, "search_phase_execution_exception")
        docs = [doc for one in meant for doc in one.docs if doc.seen]
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": len(meant), "successful": len(meant), "skipped": 0, "failed": 0},
            "hits": {"total": {"value": len(docs), "relation": "eq"}, "hits": []},
            "aggregations": {name: _aggregated(one, docs) for name, one in body["aggs"].items()},
        }

    def _delete(self, request: web.Request, parts: list[str], _: Any) -> Any:
        name = parts[0]
        if "*" in name or name == "_all" or "," in name:
            if self.destructive_requires_name:
                return _error(400, "illegal_argument_exception")
            meant = self._meant(request, name)
            return meant if isinstance(meant, web.Response) else self._gone(meant)
        index = self.indices.get(name)
        if index is None:
            known = any(name in one.aliases for one in self.indices.values())
            return _error(400, "illegal_argument_exception") if known else _error(404, "index_not_found_exception")
        if index.snapshotting:
            return _error(400, "snapshot_in_progress_exception")
        if any(index.settings.get(f"index.blocks.{one}") == "true" for one in ("read_only", "metadata")):
            return _error(403, "cluster_block_exception")
        return self._gone([index])

    def _gone(self, indices: Iterable[FakeIndex]) -> Any:
        for index in indices:
            del self.indices[index.name]
        return {"acknowledged": self.acknowledges}

    def _policy(self, name: str) -> Any:
        found = self.policies.get(name)
        if found is None:
            return _error(404, "status_exception")
        return {"_id": name, "policy": found} if self.product == "opensearch" else {name: {"policy": found}}

    def _ism_explain(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[-1])
        field_name = "index.plugins.index_state_management.policy_id"
        return {one.name: {field_name: one.policy or None} for one in meant} | {"total_managed_indices": 0}

    def _ilm_explain(self, request: web.Request, parts: list[str], _: Any) -> Any:
        meant = self._meant(request, parts[0])
        return {"indices": {one.name: {"managed": True, "policy": one.policy} for one in meant if one.policy}}


def _aggregated(asked: Any, docs: list[Doc]) -> Any:
    """Reckon one aggregation, by the words of the query and nothing else."""
    if "filter" in asked:
        inside = [doc for doc in docs if _meets(asked["filter"], doc)]
        more = {name: _aggregated(one, inside) for name, one in asked.get("aggs", {}).items()}
        return {"doc_count": len(inside), **more}
    stamps = [doc.at for doc in docs if doc.at is not None]
    if "min" in asked:
        return {"value": float(min(stamps)) if stamps else None}
    if "max" in asked:
        return {"value": float(max(stamps)) if stamps else None}
    days = Counter(at // DAY_MS * DAY_MS for at in stamps)
    return {"buckets": [{"key": day, "doc_count": days[day]} for day in sorted(days)]}


def _meets(query: Any, doc: Doc) -> bool:
    if "bool" in query:
        both = query["bool"]
        return all(_meets(one, doc) for one in both["must"]) and not any(_meets(one, doc) for one in both["must_not"])
    ((_, bounds),) = query["range"].items()
    if doc.at is None:
        return False
    tests = {
        "gte": lambda value: doc.at >= value,
        "gt": lambda value: doc.at > value,
        "lt": lambda value: doc.at < value,
        "lte": lambda value: doc.at <= value,
    }
    return all(tests[key](value) for key, value in bounds.items() if key in tests)


def _hidden(index: FakeIndex) -> bool:
    return index.settings.get("index.hidden") == "true" or index.name.startswith(".")


def _error(status: int, kind: str) -> web.Response:
    return web.json_response(
        {"error": {"type": kind, "reason": kind, "root_cause": []}, "status": status}, status=status
    )
