"""The commands on where everything is kept: migrate, state copy."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.commands import RetentionServices, Run


def add_state(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    """Add `migrate`, and `state` with what stands below it."""
    _migrate(cli, services, run)
    state = typer.Typer(help="Move everything the bot keeps.", no_args_is_help=True)
    cli.add_typer(state, name="state")
    _copy(state, services, run)


def _migrate(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    @cli.command()
    def migrate(
        *,
        grant_to: Annotated[
            str, typer.Option(help="The role that the bot signs in with: it gets what it needs, and no more.")
        ] = "",
    ) -> None:
        """Bring the PostgreSQL of PROCALL_STATE__POSTGRES_DSN up to date; needs a role that may change its schema."""

        def work() -> None:
            applied = services.migrate(grant_to=grant_to)
            for name in applied:
                typer.echo(f"applied: {name}")
            if not applied:
                typer.echo("nothing to do: the schema is up to date")

        run(work)


def _copy(state: typer.Typer, services: RetentionServices, run: Run) -> None:
    @state.command()
    def copy() -> None:
        """Copy the state folder into the empty PostgreSQL of PROCALL_STATE__POSTGRES_DSN; stop the bot before."""

        def work() -> None:
            table = Table("what", "count", "SHA-256 of both sides")
            for what, count, digest in services.copy_state():
                table.add_row(what, f"{count:,}", digest[:16])
            Console().print(table)
            typer.echo("copied and compared; the folder is marked as moved. Keep its keys and certificates in place.")

        run(work)
