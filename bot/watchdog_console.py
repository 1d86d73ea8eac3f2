"""The command `watchdog`: exit code 0 well, 1 not; for cron and systemd timers."""

import typer

from bot.commands import AsJson, Dev, RetentionServices, Run, print_json
from data.retention.instants import iso


def add_watchdog(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    """Add `watchdog`."""

    @cli.command()
    def watchdog(*, as_json: AsJson = False, dev: Dev = False) -> None:
        """Tell from outside whether the bot watches, sends and records; exit code 1 if not."""

        def work() -> None:
            now = services.now()
            found = services.watchdog(dev=dev)
            if as_json:
                listed = [{"code": one.code, "found": one.found, "do": one.cure} for one in found]
                print_json({"at": iso(now), "ok": not found, "troubles": listed})
            else:
                for one in found:
                    typer.echo(f"{one.code}: {one.found}\n  do: {one.cure}")
                if not found:
                    typer.echo("well")
            if found:
                raise typer.Exit(1)

        run(work)
