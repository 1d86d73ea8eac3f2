"""The office in one hand: what the dialogs and the schedule work with."""

from dataclasses import dataclass

from data.desk.seal import Seal
from data.office.alerts import AlertService
from data.office.outbox import Outbox
from data.office.parts import Jobs, OfficeParts
from data.office.standing import StandingService
from data.office.standing_runs import StandingRuns
from data.office.tickets import TicketService
from data.purge.engine import Engine
from data.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Engine and desk of one bot."""

    parts: OfficeParts
    engine: Engine
    watch: Watch
    alerts: AlertService
    tickets: TicketService
    standing: StandingService
    runs: StandingRuns
    outbox: Outbox
    jobs: Jobs
    seal: Seal


def office_of(parts: OfficeParts, engine: Engine, watch: Watch, *, jobs: Jobs, seal: Seal) -> Office:
    """Build the services over the same parts."""
    return Office(
        parts=parts,
        engine=engine,
        watch=watch,
        alerts=AlertService(parts),
        tickets=TicketService(parts),
        standing=StandingService(parts, engine.purges),
        runs=StandingRuns(parts, engine.purges),
        outbox=Outbox(parts),
        jobs=jobs,
        seal=seal,
    )
