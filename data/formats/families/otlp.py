"""OpenTelemetry's JSON files: a line is a whole batch of spans, log records or data points (purge.md 7.1)."""

from collections.abc import Iterator
from typing import Final

from data.formats.families.json_keys import Dating, Objects, covering
from data.formats.families.json_lines import CONTAINERS, PADDING, head
from data.formats.interface import FileFacts, Kind, Line, Reader, Zone
from data.formats.stamps import epoch
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE

_KEYS: Final = ("timeUnixNano", "startTimeUnixNano", "endTimeUnixNano", "observedTimeUnixNano")
_UNIT: Final = "ns"


class OtlpFamily:
    """What the OpenTelemetry Collector's file exporter writes: OTLP/JSON, one message a line."""

    id: Final = "otlp"
    begins: Final = b"{" + PADDING

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader; None where no line is such a batch."""
        likely = [line for line in sample if b'"resource' in line or b"\\u" in line]
        objects = Objects() if likely else None
        found = (objects.read(line.strip(PADDING)) for line in likely if objects is not None)
        if facts.pin == self.id or any(isinstance(one, tuple) and _is_batch(one) for one in found):
            return OtlpReader(facts.zone)
        return None


class OtlpReader:
    """Reads one batch a line as one record: its interval is that over everything inside that names a time."""

    __slots__ = ("_dating", "_objects")

    def __init__(self, zone: Zone) -> None:
        self._dating, self._objects = Dating(zone), Objects()

    def line(self, line: bytes) -> Line:
        """Understand one line; an object that is no batch is dated as in `json_lines`."""
        text = line.strip(PADDING)
        if not text:
            return Line(kind=Kind.CONTINUATION)
        members = self._objects.read(text)
        if not isinstance(members, tuple):
            return Line(kind=Kind.UNPARSED)
        if not _is_batch(members):
            found = self._dating.of_object(members)
            return head(None if found is None else found.span)
        spans = list(_times(members))
        return head(covering(spans) if spans else None)


def _is_batch(members: tuple[tuple[str, object], ...]) -> bool:
    return not CONTAINERS.isdisjoint(key for key, _ in members)


def _times(batch: object) -> Iterator[Span]:
    """Walk through everything inside, however deep."""
    waiting = [batch]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, tuple):
            waiting.extend(value for _, value in found if not isinstance(value, str))
            yield from _of_item(found)


def _of_item(members: tuple[tuple[str, object], ...]) -> Iterator[Span]:
    """Give the times of one span, log record, event or data point; where a metric began to count is no event."""
    spans = [(key, span) for key, value in members if key in _KEYS and (span := _nanos(value)) is not None]
    own = [span for key, span in spans if key == "timeUnixNano"]
    ends = [span for key, span in spans if key in ("startTimeUnixNano", "endTimeUnixNano")]
    yield from own or ends or (span for _, span in spans)


def _nanos(value: object) -> Span | None:
    """Read nanoseconds since 1970, as text or as a number; 0 means that nobody set it."""
    span = epoch(value, _UNIT) if isinstance(value, str) else None
    return span if span is not None and span.lo >= BELIEVABLE else None
