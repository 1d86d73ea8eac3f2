"""Text logs by the gigabyte: what Serilog, NLog and nginx write, traces included."""

from dataclasses import dataclass
from pathlib import Path

from data.retention.instants import DAY, Instant, datetime_of

FORMS = ("serilog", "nlog", "access")
LINES = 4096
TRACE = "   at Estos.ProCall.Calls.CallService.<Dial>d__7.MoveNext() in CallService.cs:line 118\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written."""

    records: int
    bytes: int


def write_text(path: Path, form: str, size: int, now: Instant) -> Written:
    """Write about so many bytes over the last 120 days; every hundredth Serilog or NLog record has a stack trace."""
    chunk = sum(len(line(form, now, number).encode()) for number in range(LINES))
    chunks = max(1, size // chunk)
    step = 120 * DAY // (chunks * LINES)
    written = 0
    with path.open("wb") as file:
        for number in range(chunks):
            first = now - 120 * DAY + number * LINES * step
            content = "".join(line(form, first + place * step, place) for place in range(LINES)).encode()
            written += file.write(content)
    return Written(records=chunks * LINES, bytes=written)


def line(form: str, at: Instant, number: int) -> str:
    """Write one record."""
    moment = datetime_of(at)
    trace = TRACE * 8 if number % 100 == 0 else ""
    text = f"Call {number:08d} from desk {number % 977} to trunk {number % 13}: state changed after {number % 7919} ms"
    if form == "serilog":
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} +00:00 [INF] {text}\n{trace}"
    if form == "nlog":
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100:04d}|INFO|Estos.ProCall.Calls|{text}\n{trace}"
    client = f"192.0.2.{number % 200}"
    request = f'"GET /api/calls/{number} HTTP/1.1" 200 {number % 9973}'
    return f'{client} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] {request} "-" "ProCall/8.8 (Windows NT 10.0)"\n'
