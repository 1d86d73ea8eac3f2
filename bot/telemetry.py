"""Traces, where the settings ask for them: a span for each turn, job and call out, with nobody in it.

OpenTelemetry is an extra, imported only where `telemetry.otlp_url` is set. Spans go through an allow-list as log lines
do: seven attributes, each a stable word, a host or a number. What somebody wrote, names, ids, tokens, addresses with
their paths and messages of exceptions have no way in, and no header of a trace is sent to Microsoft.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import aiohttp

from bot.settings import TelemetrySettings
from data.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span as OtelSpan

T = TypeVar("T")
Value = str | int

SERVICE: Final = "procall-privacy-bot"
EXPORT_SECONDS: Final = 5
"""A collector that is silent for longer loses spans: the bot waits for none."""
ATTRIBUTES: Final[Mapping[str, str]] = {
    "kind": "procall.kind",
    "outcome": "procall.outcome",
    "lang": "procall.lang",
    "error": "error.type",
    "method": "http.request.method",
    "status": "http.response.status_code",
    "host": "url.domain",
}
"""What a span may say, by the name that the product gives it; whatever else is dropped."""
_STABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,100}")
_ID: Final = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}")


class Span(Protocol):
    """One thing that is under way."""

    def mark(self, **attributes: Value) -> None:
        """Say more of it; an `error` makes it a failed one."""
        ...

    def end(self) -> None:
        """Say that it is over."""
        ...


class Trace(Protocol):
    """Where spans begin."""

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[Span]:
        """Begin a span that ends with the block; what begins inside stands below it."""
        ...

    def begin(self, name: str, **attributes: Value) -> Span:
        """Begin a span that whoever asked for it ends."""
        ...


class Untraced:
    """No trace at all: the default."""

    @contextmanager
    def span(self, name: str, **attributes: Value) -> Iterator[Span]:
        """Begin nothing."""
        del name, attributes
        yield self

    def begin(self, name: str, **attributes: Value) -> Span:
        """Begin nothing."""
        del name, attributes
        return self

    def mark(self, **attributes: Value) -> None:
        """Say nothing."""

    def end(self) -> None:
        """End nothing."""


class OtelTrace:
    """Spans of OpenTelemetry, cleaned before they are made."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry import trace

        self._use = trace.use_span
        self._tracer = provider.get_tracer(SERVICE)

    @contextmanager
    def span(self, name: str, **attributes: Value) -> Iterator[Span]:
        """Begin a span that ends with the block; an exception that leaves it is named by its class only."""
        found = self.begin(name, **attributes)
        try:
            # Not recorded by the library: it would take the message and the stack along.
            with self._use(found.inner, record_exception=False, set_status_on_exception=False):
                yield found
        except BaseException as error:
            found.mark(error=type(error).__name__)
            raise
        finally:
            found.end()

    def begin(self, name: str, **attributes: Value) -> "_Span":
        """Begin a span that whoever asked for it ends."""
        return _Span(self._tracer.start_span(name, attributes=cleaned(attributes)))


class _Span:
    """A span of OpenTelemetry that takes only what is on the list."""

    def __init__(self, inner: "OtelSpan") -> None:
        self.inner = inner

    def mark(self, **attributes: Value) -> None:
        """Say more of it."""
        from opentelemetry.trace import StatusCode

        self.inner.set_attributes(cleaned(attributes))
        if "error" in attributes:
            self.inner.set_status(StatusCode.ERROR)

    def end(self) -> None:
        """Say that it is over."""
        self.inner.end()


def cleaned(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Give what may be said, under the names of OpenTelemetry; a word that is none becomes `other`."""
    return {ATTRIBUTES[name]: _clean(name, value) for name, value in attributes.items() if name in ATTRIBUTES}


def _clean(name: str, value: Value) -> Value:
    if isinstance(value, int):
        return value
    shape = _HOST if name == "host" else _STABLE
    return value if shape.fullmatch(value) and not _ID.search(value) else "other"


@asynccontextmanager
async def tracing(settings: TelemetrySettings, *, version: str) -> AsyncIterator[Trace]:
    """Trace until the block ends, where the settings ask for it; raises `SettingsError` if the extra is missing."""
    if not settings.otlp_url:
        yield Untraced()
        return
    try:
        provider = provider_of(settings, _to_collector(settings), version=version)
    except ImportError:
        message = "telemetry.otlp_url: needs the packages of the extra `otel`, which are not installed"
        raise SettingsError(message) from None
    try:
        yield OtelTrace(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)  # sends what is left; a silent collector must not stop the loop


def provider_of(settings: TelemetrySettings, processor: "SpanProcessor", *, version: str) -> "TracerProvider":
    """Build what makes spans, of so many turns and jobs as the settings say."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.sample_share)),
        resource=Resource({"service.name": SERVICE, "service.version": version}),  # nothing of the machine
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    return provider


def _to_collector(settings: TelemetrySettings) -> "SpanProcessor":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_url, timeout=EXPORT_SECONDS))


def traced(trace: Trace, name: str, work: Callable[[], T]) -> Callable[[], T]:
    """Give the same work, as a span."""

    def do() -> T:
        with trace.span(name):
            return work()

    return do


def call_tracing(trace: Trace) -> aiohttp.TraceConfig:
    """Give what makes a span of each request of an HTTP session: method, host and status, never path or body."""
    config: aiohttp.TraceConfig = aiohttp.TraceConfig()

    async def begin(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams) -> None:
        context.span = trace.begin("call", method=params.method, host=params.url.host or "")

    async def end(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
        context.span.mark(status=params.response.status)
        context.span.end()

    async def fail(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams) -> None:
        context.span.mark(error=type(params.exception).__name__)
        context.span.end()

    config.on_request_start.append(begin)
    config.on_request_end.append(end)
    config.on_request_exception.append(fail)
    return config
