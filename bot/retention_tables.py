"""Scans, previews, results, requests and holds as tables for people at a terminal."""

from collections.abc import Container, Iterable, Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.retention_json import instant, run_json
from data.retention.finding import Finding, FindingKind
from data.retention.hold import Hold
from data.retention.instants import SECOND, Instant
from data.retention.request import PurgeRequest
from data.retention.residue import Code
from data.watch import SourceStatus, Standing

_COLOURS = {Standing.OK: "green", Standing.DUE: "yellow", Standing.OVERDUE: "bold red", Standing.UNKNOWN: "magenta"}
_IDS = {"request", "hold"}
_ID_WIDTH = 16
_VERDICTS = {"PASS": "green", "PENDING": "yellow", "FAIL": "bold red", "UNKNOWN": "magenta"}


def show_scan(console: Console, found: Iterable[SourceStatus]) -> None:
    """Show where every source stands."""
    table = _table()
    table.title, table.title_justify = "Sources", "left"
    for name in ("source", "state", "records", "oldest", "days left", "may go", "overdue"):
        table.add_column(name, justify="left" if name in {"source", "state", "oldest"} else "right", no_wrap=True)
    table.add_column("worst", no_wrap=True, justify="right")
    notes: list[str] = []
    for status in found:
        summary = status.summary
        left = status.days_left
        table.add_row(
            status.source,
            Text(status.standing.value, style=_COLOURS[status.standing]),
            f"{summary.records:,}",
            short(summary.oldest)[:10],
            "-" if left is None else f"{left:.1f}",
            f"{summary.expired_records:,}",
            f"{summary.overdue_records:,}",
            f"{status.worst.days:.1f} d",
        )
        notes += _notes(status)
    console.print(table)
    for note in notes:
        console.print(note, markup=False, highlight=False)


def _table(*names: str, whole: Container[str] = ()) -> Table:
    """Give an empty table; the columns of `whole` are never cut or wrapped, for people type what stands in them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for name in names:
        table.add_column(name, no_wrap=name in whole, min_width=_ID_WIDTH if name in _IDS else None, overflow="fold")
    return table


def _notes(status: SourceStatus) -> list[str]:
    summary = status.summary
    counted = {
        "in use, not to be touched": ("unit", summary.active),
        "held": ("unit", status.held),
        "dated in the future, not believed": ("record", summary.future),
        "undatable, never deleted": ("record", summary.undatable),
        "not understood": ("line", summary.unparsed),
        "damaged": ("unit", summary.damaged),
        "that cannot be read": ("unit", summary.unreadable),
        "that nobody writes to any more": ("roll set", summary.dead),
    }
    notes = [f"{status.source}: {several(count, thing)} {what}" for what, (thing, count) in counted.items() if count]
    notes += [
        f"{status.source}: {count:,} skipped ({reason.replace('_', ' ')})" for reason, count in summary.skipped.items()
    ]
    if status.reason:
        notes.insert(0, f"{status.source}: cannot be read ({status.reason.replace('_', ' ')})")
    return notes


def show_findings(console: Console, found: Iterable[Finding]) -> None:
    """Say what is not as it should be, one line each."""
    for finding in found:
        since = (
            f", {'by' if finding.kind is FindingKind.DUE else 'since'} {short(finding.since)}" if finding.since else ""
        )
        cause = f" ({finding.cause.replace('_', ' ')})" if finding.cause else ""
        line = f"{finding.kind.value.replace('_', ' ')}: {finding.about}: {finding.count:,}{since}{cause}"
        console.print(line, markup=False, highlight=False)


def show_preview(console: Console, request: PurgeRequest, *, dev: bool) -> None:
    """Show what a purge would do, and how it is run."""
    if not request.preview.selected.units:
        left = _codes(request.preview.residue)
        console.print(f"Nothing in {request.source} is to be deleted{f'; left on purpose: {left}' if left else ''}.")
        return
    _show_scope(console, request)
    console.print(
        "Nothing was deleted. These are the logs in your own folders: never those at estos, never journals.",
        highlight=False,
    )
    console.print(
        f"To run it: python app.py purge run{' --dev' if dev else ''} --request {request.id} --code {request.code} "
        '--reason "..."',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _show_scope(console: Console, request: PurgeRequest) -> None:
    selected, kept = request.preview.selected, request.preview.kept
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("request", request.id),
        ("source", request.source),
        ("records older than", instant(request.cutoff) or "-"),
        (
            "would go",
            f"{several(selected.records, 'record')} in {several(selected.units, 'unit')}, {size(selected.bytes)}",
        ),
        (
            "dated",
            f"from {short(selected.oldest)} to {short(selected.youngest)}",
        ),
        ("of these rewritten", f"{several(request.preview.rewritten_units, 'unit')} with younger records too"),
        (
            "would stay",
            f"{several(kept.records, 'record')} in {several(kept.units, 'unit')}, the oldest from {short(kept.oldest)}",
        ),
        ("left on purpose", _codes(request.preview.residue) or "nothing"),
        ("share of the source", f"{request.preview.share:.1%}"),
        ("code", request.code),
        ("good until", short(request.expires_at)),
    ):
        table.add_row(f"{name}:", Text(value))
    console.print(table)


def show_result(console: Console, request: PurgeRequest) -> None:
    """Show what a purge came to."""
    found = run_json(request)
    table = Table.grid(padding=(0, 2))
    table.add_row("request:", request.id)
    table.add_row("verdict:", Text(request.verdict, style=_VERDICTS.get(request.verdict, "")))
    gone = found["deleted"]
    table.add_row(
        "deleted:",
        f"{several(gone['records'], 'record')}, {several(gone['units'], 'whole unit')}, {size(gone['bytes'])}",
    )
    table.add_row("rewritten:", several(found["rewritten_units"], "unit"))
    table.add_row("left:", _codes(found["residue"]) or "nothing")
    table.add_row("certificate:" if request.verdict in {"PASS", "PENDING"} else "report:", Text(request.certificate))
    console.print(table)


def show_left(console: Console, left: Iterable[tuple[bytes, Code]]) -> None:
    """Name what was planned and is still there; names are shown with everything odd in them escaped."""
    for name, code in left:
        shown = name.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
        console.print(f"left: {shown} ({code.value.replace('_', ' ')})", markup=False, highlight=False)


def show_requests(console: Console, found: Iterable[PurgeRequest]) -> None:
    """List requests."""
    table = _table("request", "source", "state", "made", "records", "verdict", whole=("request", "made", "records"))
    for request in found:
        records = request.gone.records or request.preview.selected.records
        table.add_row(
            request.id,
            request.source,
            request.state.value.replace("_", " "),
            short(request.created_at)[:10],
            f"{records:,}",
            request.verdict,
        )
    console.print(table)


def show_request(console: Console, request: PurgeRequest) -> None:
    """Show one request with its story."""
    _show_scope(console, request)
    if request.break_glass:
        console.print(Text(f"run by one person on the host, because: {request.reason}"))
    if request.standing:
        console.print(Text(f"run by the standing rule {request.standing.partition(':')[0]}"))
    table = _table("when", "state", "who", "why", whole=("when",))
    for step in request.story:
        table.add_row(short(step.at), step.state.value.replace("_", " "), step.by, Text(step.reason))
    console.print(table)
    if request.verdict:
        show_result(console, request)


def show_holds(console: Console, found: Iterable[Hold]) -> None:
    """List holds."""
    table = _table("hold", "sources", "from", "to", "reason", "review", "state", whole=("hold", "review"))
    for hold in found:
        state = "in force" if hold.active else "released"
        if hold.active and hold.release_asked_by:
            state = "in force, release asked"
        table.add_row(
            hold.id,
            ", ".join(hold.sources) or "all",
            _day(hold.begins),
            _day(hold.ends),
            Text(hold.reason),
            short(hold.review_at)[:10],
            state,
        )
    console.print(table)


def _day(moment: Instant) -> str:
    return (instant(moment) or "-").removesuffix("T00:00:00Z")


def _codes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {code.replace('_', ' ')}" for code, count in counts.items())


def several(count: int, thing: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def short(moment: Instant | None) -> str:
    """Write an instant to the second."""
    return "-" if moment is None else (instant(moment // SECOND * SECOND) or "-")


def size(count: int) -> str:
    """Write a number of bytes so that people can read it."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
