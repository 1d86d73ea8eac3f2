"""What Sentry's answers mean for a unit: times, identity, reading, row. Asks nobody."""

import hashlib
from dataclasses import dataclass
from typing import Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import MINUTE, SECOND, Instant, read_iso
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit, place_of
from data.sources.http_api import ApiError
from data.sources.interface import Acted

KIND: Final = "sentry"
FUTURE: Final = 10 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as Sentry tells it: to the second or finer, an interval in any case."""

    lo: Instant
    hi: Instant


def moment_of(text: object) -> Moment:
    """Read a time; raises `ApiError`."""
    if not isinstance(text, str):
        raise ApiError("broken")
    try:
        lo = read_iso(text)
    except ValueError as error:
        raise ApiError("broken") from error
    return Moment(lo=lo, hi=lo if "." in text else lo + SECOND - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A thing that Sentry lists: an issue, or an attachment."""

    name: str
    """`issue/<id>`, or `attachment/<event id>/<id>`."""
    first: Moment
    last: Moment
    count: int
    """Events, as Sentry counts them; it counts late and does not count down."""
    size: int
    """Bytes where Sentry tells, else events."""
    mark: str = ""
    """What else tells this content from another: a checksum."""
    skipped: str = ""
    """Why it is no unit, in a word; "" where it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """How old the records of a thing are."""

    gone: int
    overdue: int
    young: int
    """Records that do not lie before the cutoff; of an issue as many as Sentry says."""
    lowest: Moment
    highest: Moment
    last_gone: Moment | None
    witness: str
    """Id of the youngest event that goes; "" where none does."""
    digest: str
    """Over all records that go, each with its time: what a restored copy has again, and no other has."""


def unit_of(listed: Listed, *, place: int, ages: Ages | None = None) -> Unit:
    """Make the unit of a thing as it is now."""
    tag = f"{listed.count} {listed.first.lo} {listed.last.lo} {listed.mark}"
    identity = Identity(
        device=place,
        inode=place_of(KIND, listed.name),
        size=listed.size,
        mtime_ns=listed.last.lo * 1000,
        ctime_ns=0,
        digest=ages.digest if ages is not None else "",
        tag=f"{tag} {ages.witness}" if ages is not None else tag,
    )
    return Unit(name=listed.name.encode(), identity=identity)


def witness_of(row: Planned) -> str:
    """Give the id of the event by which a deletion is seen to be done."""
    return row.unit.identity.tag.rpartition(" ")[2]


def digest_of(records: list[tuple[str, Instant]]) -> str:
    """Hash records, in whatever order they came."""
    told = ";".join(f"{name}:{at}" for name, at in sorted(records))
    return hashlib.sha256(f"{KIND} {told}".encode()).hexdigest()


def reading_of(listed: Listed, ages: Ages, marks: Marks) -> Reading:
    """Say what a thing holds."""
    records, whole = ages.gone + ages.young, not ages.young
    future = int(ages.highest.hi > marks.now + FUTURE)
    return Reading(
        family=KIND,
        confidence=1.0,
        encoding="utf-8",
        lines=records,
        records=records,
        bytes=listed.size,
        lowest_lo=ages.lowest.lo,
        highest_lo=ages.highest.lo,
        lowest_hi=ages.lowest.hi,
        highest_hi=ages.highest.hi,
        expired=Tally(records=ages.gone, bytes=listed.size if whole else listed.size * ages.gone // max(records, 1)),
        overdue=ages.overdue,
        oldest_kept=None if whole else ages.highest.hi,
        youngest_expired=ages.last_gone.hi if ages.last_gone is not None else None,
        evidence={Evidence.OWN: records},
        future=future,
    )


def row_of(listed: Listed, ages: Ages, marks: Marks, *, place: int) -> Planned | None:
    """Bind the deletion of a thing of which everything is old; None for any other."""
    if ages.young or not ages.gone or ages.highest.hi >= marks.cutoff:
        return None
    return Planned(
        unit=unit_of(listed, place=place, ages=ages),
        action=Action.DELETE,
        records=ages.gone,
        bytes=listed.size,
        lo=ages.lowest.lo,
        hi=ages.highest.hi,
        cutoff=marks.cutoff,
        now=marks.now,
    )


_CODES: Final = {
    "unreachable": Code.UNREACHABLE,
    "denied": Code.DENIED,
    "throttled": Code.RATE_LIMITED,
}


def outcome_of(error: ApiError) -> Acted:
    """Tell what an error of Sentry means for a unit."""
    return Acted(code=_CODES.get(error.reason, Code.FAILED), reason=error.reason)
