"""What the commands of the retention engine share: their options, what they need, how they print and stop."""

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from data.access import Actor
from data.errors import SettingsError
from data.purge.engine import Engine
from data.purge.parts import Progress as Report
from data.retention.instants import Instant, instant_of, iso
from data.watch import Watch

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Dev = Annotated[bool, typer.Option("--dev", help="Work on sample logs in the state folder's dev part.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the request.")]


class AuditCheck(Protocol):
    """What a verification of the audit came to."""

    @property
    def exit_code(self) -> int:
        """0 intact, 1 broken, 2 not checkable."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Give the report as a JSON object."""
        ...

    def sentences(self) -> list[str]:
        """Give the report in sentences."""
        ...


class Alarm(Protocol):
    """One thing that the watchdog has found."""

    @property
    def code(self) -> str:
        """Give a stable word."""
        ...

    @property
    def found(self) -> str:
        """Say what was found."""
        ...

    @property
    def cure(self) -> str:
        """Say what to do about it."""
        ...


class RetentionServices(Protocol):
    """What these commands need from `app.py`."""

    def watch(self, *, dev: bool) -> AbstractContextManager[Watch]:
        """Open what only looks; works beside a running bot."""
        ...

    def engine(self, *, dev: bool) -> AbstractContextManager[Engine]:
        """Open what changes something; one process at a time. Raises `StateError`."""
        ...

    def operator(self) -> Actor:
        """Tell who sits at this machine."""
        ...

    def now(self) -> Instant:
        """Tell the time."""
        ...

    def verify_audit(self, *, dev: bool, checkpoint: Path | None, key: Path | None) -> AuditCheck:
        """Verify the audit."""
        ...

    def export_audit(self, out: Path, *, dev: bool) -> None:
        """Write the audit with all that is needed to check it elsewhere."""
        ...

    def watchdog(self, *, dev: bool) -> Sequence[Alarm]:
        """Tell what is not as it should be, from the files alone."""
        ...

    def migrate(self, *, grant_to: str) -> Sequence[str]:
        """Bring the database up to date; gives the names of what was applied."""
        ...

    def copy_state(self) -> Sequence[tuple[str, int, str]]:
        """Copy the state folder into the database; gives what, how much, and the digest of both sides."""
        ...

    def write_samples(self) -> Path:
        """Write the sample logs of dev mode anew."""
        ...


Run = Callable[[Callable[[], object]], None]
"""Runs a command's work and turns errors into exit codes."""


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def read_instant(option: str, text: str) -> Instant:
    """Read a day or an instant, UTC where no offset is named; raises `SettingsError` naming the option."""
    try:
        found = datetime.fromisoformat(text)
        instant = instant_of(found if found.tzinfo else found.replace(tzinfo=UTC))
        iso(instant)  # what cannot be shown is not taken
    except (ValueError, OverflowError):
        message = f"{option}: {text[:40]!r} is no day or instant such as 2026-12-24 or 2026-12-24T08:00:00Z"
        raise SettingsError(message) from None
    return instant


@contextmanager
def progress_bar(*, show: bool) -> Iterator[Report]:
    """Show a progress bar on a terminal; elsewhere say nothing."""
    if not show or not sys.stderr.isatty():
        yield lambda _phase, _done, _total: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda phase, done, total: progress.update(task, description=phase, completed=done, total=total or None)


@contextmanager
def stop_switch() -> Iterator[Event]:
    """Let Ctrl+C stop the purge before its next unit instead of tearing it apart."""
    pressed = Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
