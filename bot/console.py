"""The command line: thin; every command hands plain values to what `app.py` has built.

Exit codes: 0 done, 1 failed or not clean, 2 bad input or settings, 3 refused by a rule.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, Protocol

import typer
from rich.console import Console
from rich.table import Table

from bot.commands import RetentionServices
from bot.retention_console import add_retention
from data.access import Role
from data.errors import CatalogueError, ProcallError, RefusedError, SettingsError, SourceError, UnknownError
from data.labels import Lang

DONE, FAILED, BAD_INPUT, REFUSED = 0, 1, 2, 3
BAD_INPUT_REASONS = frozenset({"no_reason", "bad_text", "bad_review_date", "empty_range"})
"""Refusals that a better command line would mend."""


class Check(Protocol):
    """One line of the doctor's report."""

    @property
    def name(self) -> str:
        """Give what was looked at."""
        ...

    @property
    def ok(self) -> bool:
        """Tell whether it is as it should be."""
        ...

    @property
    def detail(self) -> str:
        """Say what was found, and what to do about it."""
        ...


class Services(RetentionServices, Protocol):
    """What the commands need from `app.py`."""

    def serve(self, *, dev: bool) -> None:
        """Run until stopped."""
        ...

    def asker(self) -> "Asker":
        """Build what answers questions."""
        ...

    def doctor(self, *, url: str) -> Iterable[Check]:
        """Examine this deployment."""
        ...

    def pack(self, path: Path) -> None:
        """Write the Teams app package."""
        ...

    def train(self) -> str:
        """Train the shipped matcher anew; gives a sentence about it."""
        ...


Asker = Callable[..., Mapping[str, Any]]
"""Answers `(turns, role, lang)` with the JSON object of `ask --json`, without the id."""


def build_cli(services: Services) -> typer.Typer:
    """Build the command line around the services."""
    cli = typer.Typer(add_completion=False, no_args_is_help=False, help="ProCall NEX privacy bot for Microsoft Teams.")

    @cli.callback(invoke_without_command=True)
    def _default(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            _run(lambda: services.serve(dev=False))

    @cli.command()
    def serve(
        *,
        dev: Annotated[bool, typer.Option(help="Loopback only, sample people, no tokens.")] = False,
    ) -> None:
        """Answer Teams until stopped; the same as no command at all."""
        _run(lambda: services.serve(dev=dev))

    @cli.command()
    def ask(
        text: Annotated[str, typer.Argument(help="The question.")] = "",
        *,
        role: Annotated[Role, typer.Option(help="Who asks.")] = Role.EMPLOYEE,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object a question.")] = False,
        batch: Annotated[str, typer.Option(help="A file of JSON lines, or - for standard input.")] = "",
    ) -> None:
        """Answer a question as the card would."""
        if bool(text) == bool(batch):
            _stop("give either a question or --batch FILE")
        _run(lambda: _ask_batch(services, batch) if batch else _ask_one(services, text, role, as_json=as_json))

    @cli.command()
    def doctor(
        *,
        url: Annotated[
            str, typer.Option(help="Probe a bot that is running, instead of one started for the test.")
        ] = "",
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Tell whether this deployment is safe to run."""
        _run(lambda: _doctor(services, url, as_json=as_json))

    @cli.command()
    def pack(out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="Where the package goes.")]) -> None:
        """Write the Teams app package."""

        def work() -> None:
            services.pack(out)
            typer.echo(f"{out} written; upload it in the Teams admin center.")

        _run(work)

    @cli.command()
    def train() -> None:
        """Train the shipped matcher after the catalogue was changed (for developers)."""
        _run(lambda: typer.echo(services.train()))

    add_retention(cli, services, _run)
    return cli


def _run(work: Callable[[], object]) -> None:
    try:
        work()
    except (SettingsError, CatalogueError, SourceError, UnknownError) as error:
        _stop(str(error))
    except RefusedError as error:
        _stop(str(error), BAD_INPUT if error.reason in BAD_INPUT_REASONS else REFUSED)
    except ProcallError as error:
        _stop(str(error), FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        _stop(f"{error.filename or 'the machine'}: {error.strerror}", FAILED)


def _stop(message: str, code: int = BAD_INPUT) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _ask_one(services: Services, text: str, role: Role, *, as_json: bool) -> None:
    found = services.asker()(turns=[text], role=role, lang=None)
    if as_json:
        typer.echo(json.dumps({"id": "", **found}, ensure_ascii=False))
        return
    Console().print(found["answer"], markup=False, highlight=False)


def _ask_batch(services: Services, path: str) -> None:
    """Answer line by line; a line that cannot be read is answered with an error and makes the exit code 2."""
    asker = services.asker()
    bad = False
    with sys.stdin if path == "-" else _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                question = _read_question(line)
            except ValueError as error:
                bad = True
                typer.echo(json.dumps({"id": "", "line": number, "error": str(error)}, ensure_ascii=False))
                continue
            found = asker(turns=question["turns"], role=question["role"], lang=question["lang"])
            typer.echo(json.dumps({"id": question["id"], **found}, ensure_ascii=False))
    if bad:
        raise typer.Exit(BAD_INPUT)


def _open(path: str) -> Any:
    try:
        return Path(path).open(encoding="utf-8")
    except OSError as error:
        message = f"--batch: {path}: {error.strerror}"
        raise SettingsError(message) from None


def _read_question(line: str) -> Mapping[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        message = "not a JSON object"
        raise ValueError(message)  # noqa: TRY004  a wrong line of input, not a wrong type in the program
    turns, role, lang = value.get("turns"), value.get("role", Role.EMPLOYEE), value.get("lang")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
        message = "turns: must be a list of at least one text"
        raise ValueError(message)
    return {
        "id": value.get("id", ""),
        "turns": turns,
        "role": Role(role),
        "lang": Lang(lang) if lang else None,
    }


def _doctor(services: Services, url: str, *, as_json: bool) -> None:
    checks = list(services.doctor(url=url))
    well = all(check.ok for check in checks)
    if as_json:
        report = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
        typer.echo(json.dumps({"ok": well, "checks": report}, ensure_ascii=False))
    else:
        table = Table("", "check", "found")
        for check in checks:
            table.add_row("ok" if check.ok else "NO", check.name, check.detail)
        Console().print(table)
    if not well:
        raise typer.Exit(FAILED)
