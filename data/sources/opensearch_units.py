"""What the answers of a cluster mean for a unit: identity, reading, outcome. Asks nobody."""

import hashlib
from typing import Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence
from data.retention.residue import Code
from data.retention.unit import Identity, Planned, Unit, place_of
from data.sources.http_api import ApiError
from data.sources.interface import Acted, Skipped
from data.sources.opensearch_api import MILLI, Ages, Index, Listed, State

_KIND: Final = "opensearch"


def unit_of(index: Index, state: State, digest: str = "") -> Unit:
    """Make the unit of an index as it is now.

    Its size is told in documents: bytes become fewer whenever segments are merged, and nothing has been lost then.
    """
    identity = Identity(
        device=place_of(_KIND),
        inode=place_of(index.uuid),
        size=state.documents,
        mtime_ns=0,
        ctime_ns=0,
        digest=digest,
        tag=tag_of(index.uuid, state),
    )
    return Unit(name=index.name.encode(), identity=identity)


def tag_of(uuid: str, state: State) -> str:
    """Name exactly this content: the index, never another of the same name, after exactly these operations."""
    return f"{uuid} {hashlib.sha256(state.sequence.encode()).hexdigest()[:32]}"


def uuid_of(row: Planned) -> str:
    """Give the uuid of the index that a row was planned for."""
    return row.unit.identity.tag.partition(" ")[0]


def digest_of(ages: Ages) -> str:
    """Hash what a restored copy has again, under whatever name and uuid: its documents by day, first and last."""
    told = f"{ages.total} {ages.lowest} {ages.highest} {ages.days}"
    return hashlib.sha256(f"{_KIND} {told}".encode()).hexdigest()


def name_of(unit: Unit) -> str:
    """Give the name of an index; what is no ASCII is no index of ours and stays visibly none."""
    return unit.name.decode("ascii", "backslashreplace")


def undated(total: int) -> Ages:
    """Say that nobody can date anything."""
    return Ages(total=total, dated=0, lowest=None, highest=None, gone=0, overdue=0, future=0, oldest_kept=None, days=())


def reading_of(ages: Ages, state: State) -> Reading:
    """Say what an index holds; documents without a believable time count as undatable and keep it."""
    gone = ages.gone * state.bytes // ages.total if ages.total else 0
    undatable = max(0, ages.total - ages.dated)
    found = {Evidence.OWN: ages.total - undatable, Evidence.NONE: undatable}
    return Reading(
        family=_KIND,
        confidence=1.0,
        encoding="utf-8",
        lines=ages.total,
        records=ages.total,
        bytes=state.bytes,
        lowest_lo=ages.lowest,
        highest_lo=None if ages.highest is None else ages.highest - (MILLI - 1),
        lowest_hi=None if ages.lowest is None else ages.lowest + (MILLI - 1),
        highest_hi=ages.highest,
        expired=Tally(records=ages.gone, bytes=state.bytes if ages.gone == ages.total else gone),
        overdue=ages.overdue,
        oldest_kept=ages.oldest_kept,
        youngest_expired=ages.highest if 0 < ages.gone == ages.total else None,
        evidence={kind: count for kind, count in found.items() if count},
        future=ages.future,
        undatable=undatable,
    )


def unread(listed: Listed, index: Index) -> Skipped | None:
    """Tell why an index is none of ours, or why nobody can look into it; None where it can be read."""
    reasons = {
        "data_stream": (index.data_stream, Code.UNSUPPORTED),
        "hidden": (index.hidden, Code.UNSUPPORTED),
        "closed": (not listed.open, Code.LOCKED),
        "red": (listed.health not in {"green", "yellow"}, Code.LOCKED),
    }
    for reason, (applies, code) in reasons.items():
        if applies:
            return Skipped(name=index.name.encode(), code=code, reason=reason)
    return None


_CODES: Final = {
    "unreachable": Code.UNREACHABLE,
    "denied": Code.DENIED,
    "throttled": Code.RATE_LIMITED,
    "blocked": Code.HELD_NATIVE,
    "snapshot_in_progress": Code.LOCKED,
}


def outcome_of(error: ApiError) -> Acted:
    """Tell what an error of the cluster means for a unit."""
    return Acted(code=_CODES.get(error.reason, Code.FAILED), reason=error.reason)
