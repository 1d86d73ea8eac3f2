"""A folder of logs as the ProCall programs might leave them, good and bad habits included, and the truth beside."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.retention.instants import DAY, HOUR, MINUTE, Instant, whole_seconds
from data.samples import records
from data.samples.dice import Dice
from data.samples.moments import ZONE, local, moments, nightly, readings
from data.samples.sheet import Sheet
from data.samples.truth import TRUTH_FILE, SourceTruth, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSource:
    """What the settings of a source over a sample folder would say."""

    id: str
    title: str
    data_kind: str
    """`log`, `trace`, `exception` or `stack_trace`."""
    root: str
    """Folder below the samples."""
    include: tuple[str, ...]
    """Patterns for the last part of a name, in any folder below the root."""
    zone: str = ZONE


SAMPLE_SOURCES: Final = (
    SampleSource(id="desktop-logs", title="ProCall Desktop", data_kind="log", root="desktop", include=("*.log",)),
    SampleSource(id="mobile-logs", title="ProCall Mobile", data_kind="log", root="mobile/logs", include=("*.clef",)),
    SampleSource(
        id="mobile-traces",
        title="ProCall Mobile, traces",
        data_kind="trace",
        root="mobile/traces",
        include=("*.jsonl",),
    ),
    SampleSource(id="web-logs", title="ProCall Web", data_kind="log", root="web", include=("*.log*",)),
    SampleSource(id="ucserver-logs", title="UCServer", data_kind="log", root="ucserver", include=("*.log",)),
    SampleSource(id="exceptions", title="Exceptions", data_kind="exception", root="exceptions", include=("*.txt",)),
    SampleSource(
        id="stack-traces", title="Stack traces", data_kind="stack_trace", root="stack_traces", include=("*.txt",)
    ),
)
"""The sources of dev mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """What everything is made from."""

    start: Instant
    now: Instant
    seed: int
    scale: float

    def dice(self, purpose: str) -> Dice:
        return Dice(self.seed, purpose)

    def some(self, number: int) -> int:
        return max(round(number * self.scale), 1)

    def ago(self, days: float) -> Instant:
        return self.now - int(days * DAY)


Made = tuple[Sheet, Instant | None]
"""A file and its last change, where that is not its last record."""


def write_samples(folder: Path, *, now: Instant, seed: int, days: int = 120, scale: float = 1.0) -> Truth:
    """Write about four megabytes of logs of so many days below the folder, and `truth.jsonl` beside them.

    The same `now` and seed write the same bytes. `scale` multiplies the records. Raises `FileExistsError` before a
    file would be written over, and `OSError`.
    """
    span = _Range(start=now - days * DAY, now=now, seed=seed, scale=scale)
    makers: dict[str, Callable[[_Range], Iterator[Made]]] = {
        "desktop-logs": _desktop,
        "mobile-logs": _mobile,
        "mobile-traces": _traces,
        "web-logs": _web,
        "ucserver-logs": _server,
        "exceptions": _exceptions,
        "stack-traces": _stack_traces,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / TRUTH_FILE).open("x", encoding="utf-8") as file:
        truth = Truth(sources=tuple(_write(folder, source, maker(span)) for source, maker in makers.items()))
        for found in truth.sources:
            file.writelines(f"{record.as_json()}\n" for record in found.records)
    return truth


def _write(folder: Path, source_id: str, made: Iterator[Made]) -> SourceTruth:
    sheets = []
    for sheet, mtime in made:
        if sheet.records:
            sheet.write(folder, mtime=mtime)
            sheets.append(sheet)
    return SourceTruth(
        id=source_id,
        files=tuple(sheet.name for sheet in sheets),
        records=tuple(record for sheet in sheets for record in sheet.records),
        bytes=sum(sheet.size for sheet in sheets),
    )


def _desktop(span: _Range) -> Iterator[Made]:
    """One file a day, as Serilog rolls; the one of today is being written."""
    dice = span.dice("desktop")
    for day, instants in _by(lambda at: f"{local(at):%Y%m%d}", moments(dice, span.start, span.now, span.some(40))):
        sheet = Sheet(f"desktop/ProCallDesktop{day}.log", "log", newline="\r\n")
        for at in instants:
            sheet.add(records.desktop(dice, at), at)
        yield sheet, _written_now(span, day)


def _mobile(span: _Range) -> Iterator[Made]:
    dice = span.dice("mobile")
    for day, instants in _by(lambda at: f"{local(at):%Y%m%d}", moments(dice, span.start, span.now, span.some(24))):
        sheet = Sheet(f"mobile/logs/procall-mobile-{day}.clef", "log")
        for at in instants:
            sheet.add(records.mobile(dice, at), at)
        yield sheet, _written_now(span, day)


def _traces(span: _Range) -> Iterator[Made]:
    dice = span.dice("traces")
    for day, instants in _by(lambda at: f"{local(at):%Y%m%d}", moments(dice, span.start, span.now, span.some(8))):
        sheet = Sheet(f"mobile/traces/otlp-{day}.jsonl", "trace")
        for at in instants:
            line, first = records.trace(dice, at)
            sheet.add(line, at, (first, at))
        yield sheet, _written_now(span, day)


def _web(span: _Range) -> Iterator[Made]:
    """Access and error log, rotated each week as logrotate does: `.1` plain, older ones packed."""
    for name, per_day in (("access", 26), ("error", 4)):
        dice = span.dice(name)
        seconds = [whole_seconds(at) for at in moments(dice, span.start, span.now, span.some(per_day))]
        weeks = list(_by(lambda at: f"{local(at):%G%V}", [at for at in seconds if at >= span.start]))
        for age, (_, instants) in enumerate(reversed(weeks)):
            suffix = ("", ".1")[age] if age <= 1 else f".{age}.gz"
            sheet = Sheet(f"web/{name}.log{suffix}", "log")
            for at in instants:
                if name == "access":
                    sheet.add(records.access(dice, at), at)
                else:
                    sheet.add(records.web_error(dice, at), at, readings(at))
            yield sheet, None if age else span.now


def _server(span: _Range) -> Iterator[Made]:
    """A big file that is written, one rolled too late, an archive nobody clears, a service nobody stopped mourning."""
    dice = span.dice("ucserver")
    yield _nlog(dice, "ucserver/ucserver.log", _with_nights(span, dice, 0, 14)), span.now
    yield _nlog(dice, "ucserver/ucserver.1.log", _with_nights(span, dice, 10, 14)), None
    archive = moments(dice, span.start, span.ago(21), span.some(5))
    for number, (day, instants) in enumerate(_by(lambda at: f"{local(at):%Y-%m-%d}", archive)):
        if number % 4 == 0:
            yield _nlog(dice, f"ucserver/_archive/ucserver_{day}.log", instants), None
    dead = moments(dice, span.start, span.ago(100), span.some(6))
    sheet = Sheet("ucserver/ctiserver.log", "log", encoding="cp1252", newline="\r\n")
    yield _filled(dice, sheet, dead), None
    exported = moments(dice, span.ago(40), span.ago(35), span.some(6))
    bom = "\ufeff".encode("utf-16-le")
    sheet = Sheet("ucserver/_archive/Export-Ereignisse.log", "log", encoding="utf-16-le", newline="\r\n", bom=bom)
    yield _filled(dice, sheet, [at for at in exported if at >= span.start]), None


def _exceptions(span: _Range) -> Iterator[Made]:
    dice = span.dice("exceptions")
    for at in _sparse(span, dice, 60):
        sheet = Sheet(f"exceptions/exception-{local(at):%Y%m%d-%H%M%S}-{dice.hexadecimal(4)}.txt", "exception")
        sheet.add(records.exception(dice, at), at)
        yield sheet, None


def _stack_traces(span: _Range) -> Iterator[Made]:
    dice = span.dice("stack traces")
    for at in _sparse(span, dice, 40):
        sheet = Sheet(f"stack_traces/stack-{local(at):%Y%m%d-%H%M%S}-{dice.hexadecimal(4)}.txt", "stack_trace")
        sheet.add(records.stack_dump(dice, at), at, readings(at))
        yield sheet, None


def _with_nights(span: _Range, dice: Dice, ago: float, per_day: int) -> list[Instant]:
    """Give the instants of a server that is up day and night until so many days ago; now it last wrote just before."""
    end = span.ago(ago) - MINUTE
    days = moments(dice, span.start, end, span.some(per_day))
    return sorted([*days, *nightly(span.start, end, 2.5)])


def _sparse(span: _Range, dice: Dice, number: int) -> list[Instant]:
    """Give single instants, not in the last hour: a file that was written once is complete."""
    found = moments(dice, span.start, span.now - HOUR, 24)
    step = max(len(found) // span.some(number), 1)
    return sorted(set(found[dice.below(step) :: step]))


def _nlog(dice: Dice, name: str, instants: Iterable[Instant]) -> Sheet:
    return _filled(dice, Sheet(name, "log", newline="\r\n"), instants)


def _filled(dice: Dice, sheet: Sheet, instants: Iterable[Instant]) -> Sheet:
    for at in instants:
        sheet.add(records.server(dice, at), at, readings(at))
    return sheet


def _by(key: Callable[[Instant], str], instants: Iterable[Instant]) -> Iterator[tuple[str, list[Instant]]]:
    """Group instants that are in order."""
    groups: dict[str, list[Instant]] = {}
    for at in instants:
        groups.setdefault(key(at), []).append(at)
    yield from groups.items()


def _written_now(span: _Range, day: str) -> Instant | None:
    return span.now if day == f"{local(span.now):%Y%m%d}" else None
