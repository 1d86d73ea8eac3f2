"""The retention engine in one hand: what the command line and, later, the dialogs work with."""

from dataclasses import dataclass

from data.purge.holds import HoldService
from data.purge.parts import PurgeParts
from data.purge.running import PurgeRunner
from data.purge.service import PurgeService


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Everything that can change something; one process at a time holds it."""

    parts: PurgeParts
    purges: PurgeService
    runner: PurgeRunner
    holds: HoldService


def engine_of(parts: PurgeParts, *, holder: str) -> Engine:
    """Build the services over the same parts."""
    return Engine(
        parts=parts,
        purges=PurgeService(parts),
        runner=PurgeRunner(parts, holder=holder),
        holds=HoldService(parts),
    )
