"""The commands of the retention engine: scan, samples, purge, hold, audit; every decision is the engine's."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot import retention_tables as tables
from bot.commands import AsJson, Dev, RetentionServices, Run, print_json, progress_bar
from bot.hold_console import add_hold
from bot.purge_console import add_purge
from bot.retention_json import scan_json
from bot.state_console import add_state
from bot.watchdog_console import add_watchdog
from data.purge.forgetting import forget_person


def add_retention(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    """Add the commands to the command line."""
    _scan(cli, services, run)
    _samples(cli, services, run)
    _forget(cli, services, run)
    add_purge(cli, services, run)
    add_hold(cli, services, run)
    add_watchdog(cli, services, run)
    add_state(cli, services, run)
    audit = typer.Typer(help="Check and hand out the audit.", no_args_is_help=True)
    cli.add_typer(audit, name="audit")
    _verify(audit, services, run)
    _export(audit, services, run)


def _scan(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    @cli.command()
    def scan(*, as_json: AsJson = False, dev: Dev = False) -> None:
        """Tell what every source holds, its oldest record, and the days that are left."""

        def work() -> None:
            with services.watch(dev=dev) as watch, progress_bar(show=not as_json) as report:
                report("scan", 0, 0)
                now = services.now()
                found = watch.scan(now)
                wrong = () if as_json else watch.findings(found, now)
            if as_json:
                print_json(scan_json(now, found))
            else:
                tables.show_scan(Console(), found)
                tables.show_findings(Console(), wrong)
                if not found:
                    typer.echo("no source is configured: the settings have no [[sources]]")
            unread = [status for status in found if status.reason]
            for status in unread:
                typer.echo(status.explained, err=True)
            if unread:
                raise typer.Exit(2)

        run(work)


def _forget(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    @cli.command()
    def forget(
        tenant: Annotated[str, typer.Argument(help="Tenant id, or `host` for an account of this machine.")],
        object_id: Annotated[str, typer.Argument(help="Entra object id, or `uid-1000` for an account.")],
        *,
        dev: Dev = False,
    ) -> None:
        """Forget who stands behind a person's pseudonym, for good; requests, holds and audit stay valid."""

        def work() -> None:
            with services.engine(dev=dev) as engine:
                known = forget_person(engine.parts, services.operator(), tenant=tenant, object_id=object_id)
            typer.echo("forgotten" if known else "nobody of this id was known")

        run(work)


def _samples(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    @cli.command()
    def samples() -> None:
        """Write the sample logs for `--dev` anew."""
        run(lambda: typer.echo(f"sample logs written to {services.write_samples()}"))


def _verify(audit: typer.Typer, services: RetentionServices, run: Run) -> None:
    @audit.command()
    def verify(
        *,
        key: Annotated[
            Path | None, typer.Option(help="The public key, kept elsewhere; default is the state's own.")
        ] = None,
        checkpoint: Annotated[
            Path | None, typer.Option(help="A checkpoint kept elsewhere: it shows what was cut off or written anew.")
        ] = None,
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Verify the audit: exit code 0 intact, 1 broken, 2 not checkable."""

        def work() -> None:
            report = services.verify_audit(dev=dev, checkpoint=checkpoint, key=key)
            if as_json:
                print_json(report.as_json())
            else:
                for sentence in report.sentences():
                    typer.echo(sentence)
            raise typer.Exit(report.exit_code)

        run(work)


def _export(audit: typer.Typer, services: RetentionServices, run: Run) -> None:
    @audit.command()
    def export(
        out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="Where the archive goes.")], *, dev: Dev = False
    ) -> None:
        """Write the audit, its checkpoints and the public key into one archive."""

        def work() -> None:
            services.export_audit(out, dev=dev)
            typer.echo(f"{out} written")

        run(work)
