"""What is asked of a Log Analytics workspace and what its counts mean: days of tables, their hours. Asks nobody.

A day is the half-open range from one midnight (UTC) up to the next, and so are the filters of a purge: `>=` and `<`.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import DAY, MINUTE, Instant, datetime_of, read_iso
from data.retention.unit import Action, Identity, Planned, Unit, place_of

COLUMN: Final = "TimeGenerated"
"""The column by which Azure itself judges age, and this source too."""
FUTURE: Final = 10 * MINUTE
TABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of one table, from `begins` up to and without `ends`."""

    table: str
    begins: Instant
    ends: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The rows of one step of a count, an hour or a day, that has any."""

    begins: Instant
    rows: int
    size: int
    first: Instant
    last: Instant
    """Of its rows, cut off to whole microseconds: Azure keeps tenths of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much a stretch holds."""

    rows: int = 0
    size: int = 0
    first: Instant | None = None
    last: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of one table."""

    table: str
    number: int
    """Days since 1970-01-01, UTC."""

    @property
    def begins(self) -> Instant:
        """Give its first instant."""
        return self.number * DAY

    @property
    def ends(self) -> Instant:
        """Give the first instant that is no longer in it."""
        return self.begins + DAY

    @property
    def name(self) -> bytes:
        """Give the name by which people and manifests know it."""
        return f"{self.table}@{datetime_of(self.begins).date()}".encode()

    def whole(self) -> Stretch:
        """Give all of it."""
        return Stretch(table=self.table, begins=self.begins, ends=self.ends)

    def until(self, instant: Instant) -> Stretch:
        """Give what of it lies before an instant."""
        return Stretch(table=self.table, begins=self.begins, ends=min(max(instant, self.begins), self.ends))

    def since(self, instant: Instant) -> Stretch:
        """Give what of it does not lie before an instant."""
        return Stretch(table=self.table, begins=min(max(instant, self.begins), self.ends), ends=self.ends)

    def is_cut_by(self, instant: Instant) -> bool:
        """Tell whether an instant lies inside, so that some of it may be on either side."""
        return self.begins < instant < self.ends


def day_of(name: bytes, tables: Sequence[str]) -> Day | None:
    """Read a name back; None where it is none of these tables'."""
    try:
        table, _, date = name.decode().rpartition("@")
        begins = read_iso(f"{date}T00:00:00Z")
    except ValueError:
        return None
    found = Day(table=table, number=begins // DAY)
    return found if table in tables and found.name == name else None


def total_of(parts: Sequence[Held]) -> Count:
    """Add up."""
    return Count(
        rows=sum(one.rows for one in parts),
        size=sum(one.size for one in parts),
        first=min((one.first for one in parts), default=None),
        last=max((one.last for one in parts), default=None),
    )


def unit_of(day: Day, held: Count, *, workspace: int, hours: Sequence[Held] = ()) -> Unit:
    """Make the unit of a day as it is now; its digest is over its hours, where they were counted."""
    identity = Identity(
        device=workspace,
        inode=place_of(day.name),
        size=held.size,
        mtime_ns=day.ends * 1000,
        ctime_ns=0,
        digest=fingerprint(day, hours) if hours else "",
        tag=f"{held.rows} {held.first} {held.last}",
    )
    return Unit(name=day.name, identity=identity)


def fingerprint(day: Day, hours: Sequence[Held]) -> str:
    """Hash how many rows and bytes each hour has, and its first and last: late, lost and other rows make another one.

    A restored copy has the same again; the workspace is left out on purpose.
    """
    told = ";".join(f"{one.begins}:{one.rows}:{one.size}:{one.first}:{one.last}" for one in hours)
    return hashlib.sha256(f"log-analytics {day.name!r} {told}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What of a day lies on which side."""

    held: Count
    """All of it, counted in the same read."""
    gone: Count
    """What lies before the cutoff."""
    overdue: int
    """Rows before the limit."""
    ahead: int
    """Rows that nobody believes yet."""
    rest: Count
    """What does not lie before the cutoff."""


def reading_of(split: Split) -> Reading:
    """Say what a day holds: each row lies on one side of the marks for sure, none is without a time."""
    held, gone = split.held, split.gone
    return Reading(
        family="log-analytics",
        confidence=1.0,
        encoding="utf-8",
        lines=held.rows,
        records=held.rows,
        bytes=held.size,
        lowest_lo=held.first,
        highest_lo=held.last,
        lowest_hi=held.first,
        highest_hi=held.last,
        expired=Tally(records=gone.rows, bytes=gone.size),
        overdue=split.overdue,
        oldest_kept=split.rest.first,
        youngest_expired=gone.last,
        evidence={Evidence.OWN: held.rows},
        future=split.ahead,
    )


def row_of(day: Day, hours: Sequence[Held], marks: Marks, split: Split, *, workspace: int) -> Planned:
    """Bind what a purge would do with a day; its interval is what is asked to be deleted, not only what is there."""
    held, gone = total_of(hours), split.gone
    unit = unit_of(day, held, workspace=workspace, hours=hours)
    whole = gone.rows == held.rows
    rest = Count() if whole else split.rest
    return Planned(
        unit=unit,
        action=Action.DELETE if whole else Action.REWRITE,
        records=gone.rows,
        bytes=gone.size,
        lo=day.begins,
        hi=day.until(marks.cutoff).ends - 1,
        kept_bytes=rest.size,
        kept_records=rest.rows,
        kept_digest="" if whole else hashlib.sha256(f"{unit.identity.digest} {rest}".encode()).hexdigest(),
        cutoff=marks.cutoff,
        now=marks.now,
    )


def asked_of(row: Planned, day: Day) -> Stretch:
    """Give the stretch that a row wants deleted: never the cutoff itself or anything after it."""
    return day.until(row.cutoff)


def filters_of(stretch: Stretch) -> list[dict[str, Any]]:
    """Write the filters of a purge; all of them must hold for a row. Raises `ValueError` for an empty stretch."""
    if stretch.begins >= stretch.ends:
        raise ValueError("nothing lies in an empty stretch")
    return [
        {"column": COLUMN, "operator": ">=", "value": stamp(stretch.begins)},
        {"column": COLUMN, "operator": "<", "value": stamp(stretch.ends)},
    ]


def stamp(instant: Instant) -> str:
    """Write an instant to the microsecond, as filters and queries take it."""
    return datetime_of(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
