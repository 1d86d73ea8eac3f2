"""The commands on purges: preview, run, list, show, cancel, trust-clock."""

from typing import Annotated

import typer
from rich.console import Console

from bot import retention_tables as tables
from bot.commands import AsJson, Dev, Reason, RetentionServices, Run, print_json, progress_bar, stop_switch
from bot.retention_json import preview_json, request_json, run_json
from data.purge.clock_trust import trust_clock
from data.purge.executor import left_over
from data.retention.instants import iso


def add_purge(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    """Add `purge` and what stands below it."""
    purge = typer.Typer(help="Preview, run and look at purges.", no_args_is_help=True)
    cli.add_typer(purge, name="purge")
    for add in (_preview, _run, _list, _show, _cancel, _trust_clock):
        add(purge, services, run)


def _preview(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command()
    def preview(
        source: Annotated[str, typer.Argument(help="Id of the source, as the settings name it.")],
        *,
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Tell what a purge of a source would delete; deletes nothing."""

        def work() -> None:
            with services.engine(dev=dev) as engine, progress_bar(show=not as_json) as report:
                request = engine.purges.preview(services.operator(), source, report)
                most = engine.parts.care.max_share
            if as_json:
                print_json(preview_json(request))
            else:
                tables.show_preview(Console(), request, dev=dev)
            if request.preview.share > most:
                share = f"{request.preview.share:.1%} of the records, more than purge.max_share = {most:.0%} allows"
                typer.echo(f"this purge would take {share}: it cannot be run as it is", err=True)

        run(work)


def _run(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command(name="run")
    def run_(
        *,
        request: Annotated[str, typer.Option(help="Id of the request, from the preview.")],
        code: Annotated[str, typer.Option(help="Code of the preview.")],
        reason: Reason,
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Run a preview at once, as the operator of this host: audited, and told to the data protection officers."""

        def work() -> None:
            with services.engine(dev=dev) as engine, progress_bar(show=not as_json) as report, stop_switch() as stop:
                engine.purges.break_glass(services.operator(), request, code, reason)
                by = engine.parts.people.of(services.operator())
                done = engine.runner.run(request, progress=report, stop=stop.is_set, by=by)
                left = left_over(engine.parts, done)
            if as_json:
                print_json(run_json(done))
            else:
                tables.show_result(Console(), done)
                tables.show_left(Console(), left)
            if done.verdict not in {"PASS", "PENDING"}:
                raise typer.Exit(1)

        run(work)


def _list(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command(name="list")
    def list_(*, as_json: AsJson = False, dev: Dev = False) -> None:
        """List requests, newest first."""

        def work() -> None:
            with services.watch(dev=dev) as watch:
                found = watch.requests()
            if as_json:
                print_json({"requests": [request_json(one) for one in found]})
            else:
                tables.show_requests(Console(), found)

        run(work)


def _show(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command()
    def show(
        request: Annotated[str, typer.Argument(help="Id of the request.")], *, as_json: AsJson = False, dev: Dev = False
    ) -> None:
        """Show one request with its whole story."""

        def work() -> None:
            with services.watch(dev=dev) as watch:
                found = watch.request(request)
            if as_json:
                print_json(request_json(found))
            else:
                tables.show_request(Console(), found)

        run(work)


def _cancel(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command()
    def cancel(
        request: Annotated[str, typer.Argument(help="Id of the request.")],
        *,
        reason: Reason = "",
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Cancel a request that has not begun; one that is being run here is stopped with Ctrl+C."""

        def work() -> None:
            with services.engine(dev=dev) as engine:
                done = engine.purges.cancel(services.operator(), request, reason)
            if as_json:
                print_json(request_json(done))
            else:
                typer.echo(f"request {done.id} is {done.state.value}")

        run(work)


def _trust_clock(purge: typer.Typer, services: RetentionServices, run: Run) -> None:
    @purge.command(name="trust-clock")
    def trust_clock_(*, reason: Reason, dev: Dev = False) -> None:
        """Say that the clock is right again after it had jumped; until then nothing is deleted."""

        def work() -> None:
            with services.engine(dev=dev) as engine:
                now = trust_clock(engine.parts, services.operator(), reason)
            typer.echo(f"the clock is trusted from {iso(now)}")

        run(work)
