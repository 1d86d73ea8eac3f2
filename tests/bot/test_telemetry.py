"""Traces: off by default and then not even imported; on, a span for each turn, job and call, with nobody in it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from bot.assembly import at_work
from bot.settings import TelemetrySettings
from bot.source_settings import SourceSettings
from bot.telemetry import ATTRIBUTES, OtelTrace, Trace, Untraced, call_tracing, provider_of, traced, tracing
from data.errors import SettingsError, StateError
from tests.domain import ROOT
from tests.lists.live import PATIENCE, write_logs
from tests.world import ADMIN, APP_SECRET, DPO, EMPLOYEE, OUTGOING_TOKEN, TENANT, World, running_bot, serving

SECRETS = ("Erika", "Mustermann", "hunter2", "eyJhbGciOi", "geheime-Frage", "planted", "a:chat", "29:person")
"""What people of the test are called, write and carry."""
LOOK = """
import asyncio, sys
import app
from bot.settings import load_settings

async def look():
    async with app.built(load_settings(), dev=True):
        print("opentelemetry" in {name.partition(".")[0] for name in sys.modules})

asyncio.run(look())
"""


@pytest.fixture
def memory() -> InMemorySpanExporter:
    """Give a place in memory where spans end."""
    return InMemorySpanExporter()


@pytest.fixture
def trace(memory: InMemorySpanExporter) -> Iterator[Trace]:
    """Give a trace into it, built as the product builds it."""
    with tracing_into(memory) as found:
        yield found


class tracing_into:  # noqa: N801  used as a function
    """Trace into memory until the block ends."""

    def __init__(self, memory: InMemorySpanExporter, share: float = 1.0) -> None:
        settings = TelemetrySettings(sample_share=share)
        self._provider = provider_of(settings, SimpleSpanProcessor(memory), version="1")

    def __enter__(self) -> Trace:
        return OtelTrace(self._provider)

    def __exit__(self, *_: object) -> None:
        self._provider.shutdown()


def said(span: ReadableSpan) -> dict[str, Any]:
    """Give the attributes of a span."""
    return dict(span.attributes or {})


# -- off --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("url", "imported"), [("", "False"), ("http://127.0.0.1:9/v1/traces", "True")])
def test_nothing_is_imported_where_it_is_off(url: str, imported: str, tmp_path: Path) -> None:
    """A whole bot that is built without an address has not imported OpenTelemetry; with one it has."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PROCALL_TELEMETRY__OTLP_URL": url, "PATH": "", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, imported), done.stderr


async def test_without_an_address_there_is_no_trace() -> None:
    """The default settings give the trace that does nothing, and it can be used as any other."""
    async with tracing(TelemetrySettings(), version="1") as found:
        assert isinstance(found, Untraced)
        with found.span("turn", kind="message") as span:
            span.mark(outcome="answer")
        found.begin("call").end()


async def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for traces without the packages is told what is missing; with them nothing is refused."""
    settings = TelemetrySettings(otlp_url="http://127.0.0.1:9/v1/traces")
    async with tracing(settings, version="1") as found:
        assert isinstance(found, OtelTrace)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(SettingsError, match="otel"):
        await tracing(settings, version="1").__aenter__()


@pytest.mark.parametrize("url", ["http://collector.example/v1/traces", "ftp://127.0.0.1/x", "collector"])
def test_spans_go_out_by_https_only(url: str) -> None:
    """An address without TLS is refused unless it is on this machine."""
    with pytest.raises(ValueError, match="otlp_url"):
        TelemetrySettings(otlp_url=url)
    assert TelemetrySettings(otlp_url="https://collector.example/v1/traces").otlp_url


# -- what a span says -------------------------------------------------------------------------------------------------


def test_spans_stand_below_each_other(trace: Trace, memory: InMemorySpanExporter) -> None:
    """What begins inside a block has it as its parent; what begins after it has none."""
    with trace.span("turn", kind="message") as turn:
        trace.begin("call", method="POST", host="smba.trafficmanager.net").end()
        turn.mark(outcome="answer", lang="de")
    trace.begin("call").end()
    call, outer, alone = memory.get_finished_spans()
    assert call.parent is not None
    assert call.parent.span_id == outer.context.span_id
    assert alone.parent is None
    assert said(outer) == {"procall.kind": "message", "procall.outcome": "answer", "procall.lang": "de"}
    assert said(call) == {"http.request.method": "POST", "url.domain": "smba.trafficmanager.net"}


def test_a_failure_is_its_class_only(trace: Trace, memory: InMemorySpanExporter) -> None:
    """An exception that leaves a span marks it as failed by its class; message and stack stay here."""
    with pytest.raises(StateError), trace.span("job", kind="run"):
        raise StateError("hunter2 of Erika")
    (span,) = memory.get_finished_spans()
    assert said(span) == {"procall.kind": "run", "error.type": "StateError"}
    assert (span.status.status_code, span.status.description, list(span.events)) == (StatusCode.ERROR, None, [])
    assert "hunter2" not in span.to_json()


@given(name=st.sampled_from([*ATTRIBUTES, "text", "person"]), value=st.text() | st.uuids().map(str))
def test_no_text_gets_in(name: str, value: str) -> None:
    """An attribute that is not on the list is dropped; one that is holds a single word, a host, or `other`."""
    memory = InMemorySpanExporter()
    with tracing_into(memory) as trace, trace.span("turn", **{name: value}) as span:
        span.mark(**{name: value})
    found = said(memory.get_finished_spans()[0])
    assert set(found) <= set(ATTRIBUTES.values())
    for shown in found.values():
        assert shown == "other" or (shown == value and not set(value) & set(" /@?=<>\n"))
        assert len(shown) <= 100


@pytest.mark.parametrize("value", [EMPLOYEE, f"x{TENANT}", EMPLOYEE.replace("-", ""), "Wie lange?", "a@b.example"])
def test_ids_and_sentences_become_other(value: str, trace: Trace, memory: InMemorySpanExporter) -> None:
    """Object ids in any spelling, sentences and addresses of mail are no stable words, for a host neither."""
    trace.begin("call", outcome=value, host=value).end()
    trace.begin("call", outcome="not_in_terms", host="127.0.0.1").end()
    bad, good = memory.get_finished_spans()
    assert set(said(bad).values()) == {"other"}
    assert set(said(good).values()) == {"not_in_terms", "127.0.0.1"}


def test_a_share_of_nothing_is_not_kept() -> None:
    """The share decides for a span and all below it: of two hundred halves some are kept, and some are not."""
    memory = InMemorySpanExporter()
    with tracing_into(memory, 0.5) as trace:
        for _ in range(200):
            with trace.span("turn"):
                trace.begin("call").end()
    spans = memory.get_finished_spans()
    assert 0 < len(spans) < 400
    assert sum(span.name == "turn" for span in spans) * 2 == len(spans)


# -- calls ------------------------------------------------------------------------------------------------------------


async def test_a_call_says_neither_path_nor_trace(trace: Trace, memory: InMemorySpanExporter) -> None:
    """A request is a span with method, host and status; its path stays here, and no header tells others of a trace."""
    headers: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        headers.extend(name.lower() for name in request.headers)
        return web.Response(status=429)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    async with serving(app) as port, aiohttp.ClientSession(trace_configs=[call_tracing(trace)]) as session:
        with trace.span("turn"):
            async with session.post(f"http://127.0.0.1:{port}/v3/conversations/a:hunter2?code=Erika", data=b"hunter2"):
                pass
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession(trace_configs=[call_tracing(trace)]) as session:
            await session.get("http://127.0.0.1:1/hunter2")
    done, turn, failed = memory.get_finished_spans()
    assert said(done) == {
        "http.request.method": "POST", "url.domain": "127.0.0.1", "http.response.status_code": 429,
    }  # fmt: skip
    assert done.parent is not None
    assert done.parent.span_id == turn.context.span_id
    assert said(failed)["error.type"] == "ClientConnectorError"
    assert not {"traceparent", "tracestate", "baggage"} & set(headers)
    assert "host" in headers, "the positive control"
    assert not [span for span in (done, turn, failed) if "hunter2" in span.to_json() or "Erika" in span.to_json()]


def test_work_can_be_a_span(trace: Trace, memory: InMemorySpanExporter) -> None:
    """What is wrapped gives what it gave, and is a span each time."""
    assert traced(trace, "token", lambda: OUTGOING_TOKEN)() == OUTGOING_TOKEN
    (span,) = memory.get_finished_spans()
    assert (span.name, said(span)) == ("token", {})


# -- the whole product ------------------------------------------------------------------------------------------------


class Collector:
    """Takes spans as a collector of OpenTelemetry does, by OTLP over HTTP."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def running(self, *, status: int = 200) -> AsyncIterator["Collector"]:
        """Serve until the block ends."""

        async def take(request: web.Request) -> web.Response:
            self.bodies.append(await request.read())
            return web.Response(status=status)

        app = web.Application()
        app.router.add_post("/v1/traces", take)
        async with serving(app) as port:
            self.url = f"http://127.0.0.1:{port}/v1/traces"
            yield self

    def spans(self) -> list[Any]:
        """Read all spans that have come."""
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


async def test_a_bot_at_work_tells_nobody_of_anybody(
    world: World, new_state: Callable[[], Path], tmp_path: Path
) -> None:
    """Turns full of secrets, jobs and calls arrive at a real collector as spans; not one secret is in its bytes."""
    async with Collector().running() as collector:
        settings = world.settings(new_state(), telemetry={"otlp_url": collector.url})
        source = SourceSettings(id="planted-logs", kind="files", data_kind="log", root=str(write_logs(tmp_path / "x")))
        settings = settings.model_copy(update={"sources": (source,)})
        async with running_bot(settings) as bot, at_work(bot.parts):
            token = world.token()
            for text in ("geheime-Frage von Erika Mustermann: hunter2", "purge planted-logs", "Bearer eyJhbGciOi.x.y"):
                assert (await bot.post(world.message(text), token=token)).status == 201
            purge = world.message("purge planted-logs", **{"from": {"id": "29:person-a", "aadObjectId": ADMIN}})
            assert (await bot.post(purge, token=token)).status == 201
            async with asyncio.timeout(PATIENCE):
                while bot.parts.schedule._office.jobs.board() is None:  # noqa: ASYNC110  it works in threads
                    await asyncio.sleep(0.05)
    spans = collector.spans()
    assert {span.name for span in spans} == {"turn", "job", "call", "token"}
    turns = [{one.key: one.value.string_value for one in span.attributes} for span in spans if span.name == "turn"]
    assert [turn["procall.kind"] for turn in turns] == ["message"] * 4
    assert all(turn["procall.outcome"] and turn["procall.lang"] for turn in turns)
    assert {one.key for span in spans for one in span.attributes} <= set(ATTRIBUTES.values())
    assert any(span.name == "call" and span.parent_span_id for span in spans), "calls stand below their turn"
    everything = b"".join(collector.bodies)
    planted = (*SECRETS, EMPLOYEE, ADMIN, DPO, TENANT, token, OUTGOING_TOKEN, APP_SECRET, "/v3/conversations")
    assert [one for one in planted if one.encode() in everything] == []
    assert b"procall-privacy-bot" in everything, "the positive control"


async def test_a_collector_that_is_away_stops_nobody(world: World, new_state: Callable[[], Path]) -> None:
    """With a collector that refuses everything the bot answers, and ends within seconds."""
    async with Collector().running(status=503) as collector:
        settings = world.settings(new_state(), telemetry={"otlp_url": collector.url})
        async with running_bot(settings) as bot:
            assert (await bot.post(world.message(), token=world.token())).status == 201
            stopped = time.monotonic()
    assert time.monotonic() - stopped < PATIENCE
    assert collector.bodies


@pytest.mark.parametrize("share", [0, -0.5, 1.5])
def test_a_share_is_a_share(share: float) -> None:
    """None of all, and more than all, are no shares; all of them is one."""
    with pytest.raises(ValueError, match="sample_share"):
        TelemetrySettings(sample_share=share)
    assert TelemetrySettings(sample_share=1).sample_share == 1
