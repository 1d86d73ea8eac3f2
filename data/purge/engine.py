"""The retention engine in one hand: what the command line and, later, the dialogs work with."""

from dataclasses import dataclass

from data.errors import StateError
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


def check_whole(parts: PurgeParts) -> None:
    """Refuse store and audit that do not belong together: holds or evidence were lost. Raises `StateError`.

    An audit that begins at 1 and does not know the newest request is not the one in which that request was recorded
    before it was stored: it was erased. Deleting old epochs leaves a first entry with a higher number.
    """
    holds = {hold.id for hold in parts.stores.holds.all()}
    known = {request.id for request in parts.stores.requests.newest(most=1_000_000)}
    newest = next((request.id for request in parts.stores.requests.newest(most=1)), None)
    first, told = 0, newest is None
    for entry in parts.audit.entries():
        first, told = first or entry.seq, told or entry.object == newest
        lost = entry.object not in (holds if entry.kind == "hold.in_force" else known)
        if lost and entry.kind in {"hold.in_force", "request.previewed"}:
            message = (
                f"the audit knows {entry.object} ({entry.kind}), the store does not: retention.json was lost or is an "
                "old copy; put the right one back, holds may be missing in it"
            )
            raise StateError(message)
    if first == 1 and not told:
        message = "the store knows purges of which this audit knows nothing: the audit was erased; put it back"
        raise StateError(message)


def engine_of(parts: PurgeParts, *, holder: str) -> Engine:
    """Build the services over the same parts."""
    return Engine(
        parts=parts,
        purges=PurgeService(parts),
        runner=PurgeRunner(parts, holder=holder),
        holds=HoldService(parts),
    )
