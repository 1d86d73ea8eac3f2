"""The commands on holds: list, add, release."""

from typing import Annotated

import typer
from rich.console import Console

from bot import retention_tables as tables
from bot.commands import AsJson, Dev, Reason, RetentionServices, Run, print_json, read_instant
from bot.retention_json import hold_json
from data.purge.holds import Wish
from data.retention.hold import END
from data.retention.instants import BEGINNING, DAY, iso


def add_hold(cli: typer.Typer, services: RetentionServices, run: Run) -> None:
    """Add `hold` and what stands below it."""
    hold = typer.Typer(help="Keep records from being deleted.", no_args_is_help=True)
    cli.add_typer(hold, name="hold")
    for add in (_list, _add, _release):
        add(hold, services, run)


def _list(hold: typer.Typer, services: RetentionServices, run: Run) -> None:
    @hold.command(name="list")
    def list_(*, as_json: AsJson = False, dev: Dev = False) -> None:
        """List holds, oldest first, released ones too."""

        def work() -> None:
            with services.watch(dev=dev) as watch:
                found = watch.holds()
            if as_json:
                print_json({"holds": [hold_json(one) for one in found]})
            else:
                tables.show_holds(Console(), found)

        run(work)


def _add(hold: typer.Typer, services: RetentionServices, run: Run) -> None:
    @hold.command()
    def add(
        sources: Annotated[list[str] | None, typer.Argument(help="Ids of the sources; none means all.")] = None,
        *,
        reason: Reason,
        review: Annotated[str, typer.Option(help="Day or instant of the review, ISO 8601; default in 30 days.")] = "",
        begins: Annotated[str, typer.Option("--from", help="Hold records from this instant on.")] = "",
        ends: Annotated[str, typer.Option("--to", help="Hold records before this instant.")] = "",
        case: Annotated[str, typer.Option(help="Your own tag of the case; no names.")] = "",
        legal_basis: Annotated[str, typer.Option(help="What it rests on.")] = "",
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Hold records: nothing of them is deleted until two people have released the hold."""

        def work() -> None:
            in_a_month = services.now() + 30 * DAY
            wish = Wish(
                sources=tuple(sources or ()),
                reason=reason,
                review_at=read_instant("--review", review) if review else in_a_month,
                begins=read_instant("--from", begins) if begins else BEGINNING,
                ends=read_instant("--to", ends) if ends else END,
                case=case,
                legal_basis=legal_basis,
            )
            with services.engine(dev=dev) as engine:
                placed = engine.holds.place(services.operator(), wish)
            if as_json:
                print_json(dict(hold_json(placed)))
            else:
                typer.echo(f"hold {placed.id} is in force; review it by {iso(placed.review_at)}")

        run(work)


def _release(hold: typer.Typer, services: RetentionServices, run: Run) -> None:
    @hold.command()
    def release(
        hold_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the hold.")],
        *,
        as_json: AsJson = False,
        dev: Dev = False,
    ) -> None:
        """Ask for the release of a hold; a second person's call releases it."""

        def work() -> None:
            with services.engine(dev=dev) as engine:
                found = engine.holds.release(services.operator(), hold_id)
            if as_json:
                print_json(dict(hold_json(found)))
            elif found.active:
                typer.echo(f"hold {found.id} stays in force until another person releases it too")
            else:
                typer.echo(f"hold {found.id} is released")

        run(work)
