"""What a purge does with one unit: the whole rule in one function (purge.md 6.4)."""

from data.retention.residue import Code
from data.retention.unit import Action


def decide(
    *, records: int, expired: int, active: bool, held: bool, held_native: bool, rewrites: bool
) -> Action | Code | None:
    """Give what happens to a unit, or the code why nothing may, or None where nothing in it is old.

    Old is what the reading counted as expired: `t_hi < cutoff`, strictly. A hold is named before anything else that
    prevents the deletion, so that nobody takes it for a passing obstacle.
    """
    if not expired:
        return None
    if held:
        return Code.HELD
    if held_native:
        return Code.HELD_NATIVE
    if active:
        return Code.ACTIVE
    if expired == records:
        return Action.DELETE
    return Action.REWRITE if rewrites else Code.UNSUPPORTED
