"""Looks at what the tables of a workspace hold, day by day, and at how the deletions of days stand."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from data.errors import SourceError, StateError
from data.retention.evidence import Marks
from data.retention.instants import DAY, Instant
from data.retention.residue import Code
from data.sources.http_api import ApiError
from data.sources.interface import UNREADABLE, Acted, Release, Skipped
from data.sources.log_analytics_api import Control, Kept, Progress, WorkspaceApi
from data.sources.log_analytics_days import FUTURE, Count, Day, Held, Split, Stretch
from data.sources.log_analytics_jobs import Job, Jobs, Standing, standing_of
from data.sources.log_analytics_told import DELETE_DATA, WorkspaceTold

ANALYTICS: Final = "Analytics"
"""The only plan whose tables can be queried and purged."""


_ENDS: Final = frozenset({Progress.DONE, Progress.FAILED})
"""What is remembered; an operation that Azure does not know now it may know a moment later, so that is asked again."""


class Looking:
    """Looks at the tables of one source."""

    def __init__(self, api: WorkspaceApi, told: WorkspaceTold, source: str, *, now: Callable[[], Instant]) -> None:
        self._api, self._told, self._source, self._now = api, told, source, now

    def days(self) -> Iterator[tuple[Day, Count] | Skipped]:
        """Give the days that hold rows, table by table, oldest first, and what nobody can see. Raises `SourceError`."""
        for table in self._told.tables:
            try:
                kept = self._api.kept(table)
                if kept.plan != ANALYTICS:
                    plan = kept.plan.lower() if kept.plan.isalpha() else "unknown"
                    yield Skipped(name=table.encode(), code=Code.UNSUPPORTED, reason=f"plan_{plan}")
                    continue
                if kept.days is None or kept.total_days is None or kept.total_days > kept.days:
                    yield Skipped(name=table.encode(), code=Code.UNSUPPORTED, reason="long_term")
                for held in self._api.days(table, self._control()):
                    count = Count(rows=held.rows, size=held.size, first=held.first, last=held.last)
                    yield Day(table=table, number=held.begins // DAY), count
            except ApiError as error:
                raise self._broken(error) from error

    def hours(self, day: Day) -> list[Held]:
        """Give the hours of one day that hold rows; none only where there surely are none. Raises `SourceError`."""
        try:
            return self._api.hours(day.whole(), self._control())
        except ApiError as error:
            raise self._broken(error) from error

    def seen(self, stretches: Mapping[str, Stretch]) -> Mapping[str, Count]:
        """Count stretches of single days in one read. Raises `SourceError`."""
        try:
            return self._api.counted(stretches, self._control())
        except ApiError as error:
            raise self._broken(error) from error

    def split(self, day: Day, held: Count, marks: Marks) -> Split:
        """Tell what of a day may go, is over the limit, or lies ahead; counted anew where a mark cuts it.

        Raises `SourceError`.
        """
        marked = {"goes": marks.cutoff, "over": marks.limit, "past": marks.now + FUTURE}
        if any(map(day.is_cut_by, marked.values())):
            parts = {name: day.until(instant) for name, instant in marked.items()}
            parts |= {"held": day.whole(), "rest": day.since(marks.cutoff)}
            found = dict(self.seen(parts))
            held = found["held"]
        else:
            found = {name: held if instant >= day.ends else Count() for name, instant in marked.items()}
            found["rest"] = Count() if marks.cutoff >= day.ends else held
        if any(one.rows > held.rows or one.size > held.size for one in found.values()):
            raise SourceError(f"source {self._source}: a part of a day holds more than the day")
        if found["goes"].rows + found["rest"].rows != held.rows:
            raise SourceError(f"source {self._source}: the parts of a day do not add up")
        return Split(
            held=held,
            gone=found["goes"],
            overdue=found["over"].rows,
            ahead=held.rows - found["past"].rows,
            rest=found["rest"],
        )

    def may_be_purged(self, day: Day) -> bool:
        """Tell whether the plan of its table lets rows be deleted; raises `ApiError`."""
        return self._api.kept(day.table).plan == ANALYTICS

    def _control(self) -> Control:
        """Name the rows that must be seen: those of the day before yesterday."""
        return Control(table=self._told.control, begins=(self._now() // DAY - 2) * DAY)

    def _broken(self, error: ApiError) -> SourceError:
        return SourceError(f"source {self._source}: its rows cannot be counted: {error}")


class Deletions:
    """What this source has asked for, and how it stands."""

    def __init__(self, api: WorkspaceApi, state: Path, *, now: Callable[[], Instant], delay: int) -> None:
        self.jobs = Jobs(state)
        self._api, self._now, self._delay = api, now, delay

    def standing(self, place: int) -> Standing:
        """Tell how the last deletion of a day stands, asking Azure where it was not done. Raises `ApiError`."""
        return self.standing_of(self._asked(self.jobs.last(place)))

    def standing_of(self, job: Job | None) -> Standing:
        """Tell how a deletion stands by what was last told of it."""
        return standing_of(job, now=self._now(), delay=self._delay)

    def made_for(self, place: int, stretch: Stretch, *, since: Instant) -> Job | None:
        """Give the deletion that was asked for exactly this stretch, as it stands now. Raises `ApiError`."""
        return self._asked(self.jobs.made_for(place, stretch.begins, stretch.ends, since=since))

    def _asked(self, job: Job | None) -> Job | None:
        if job is None or job.progress is not Progress.PENDING:
            return job
        progress = self._api.progress(job.operation)
        if progress in _ENDS:
            self.jobs.told(job.number, progress)
        return Job(
            number=job.number,
            place=job.place,
            begins=job.begins,
            ends=job.ends,
            asked_at=job.asked_at,
            operation=job.operation,
            progress=progress,
        )


def released_of(job: Job | None, *, told: WorkspaceTold, kept: Kept | None, hi: Instant, now: Instant) -> Release:
    """Tell whether the storage of one day is released.

    A purge removes rows from the storage and says when it is done. The Delete Data API only marks them: their storage
    goes when the table's total retention is over.
    """
    if job is None or job.progress is Progress.FORGOTTEN:
        return Release.UNKNOWN
    if job.progress is not Progress.DONE:
        return Release.WAITING
    if told.method != DELETE_DATA:
        return Release.RELEASED
    if kept is None or kept.total_days is None:
        return Release.UNKNOWN
    return Release.RELEASED if hi + (kept.total_days + 1) * DAY < now else Release.WAITING


def own_retention(kept: Mapping[str, Kept], workspace: int | None) -> dict[str, str]:
    """Give after how many days Azure itself removes rows: of each table, long-term retention included."""
    days = {"workspace": workspace} | {f"table_{table}": one.total_days for table, one in kept.items()}
    return {name: UNREADABLE if value is None else str(value) for name, value in days.items()}


_CODES: Final = {
    "unreachable": Code.UNREACHABLE,
    "denied": Code.DENIED,
    "missing": Code.UNSUPPORTED,
    "throttled": Code.RATE_LIMITED,
    "conflict": Code.LOCKED,
}


def outcome_of(error: ApiError) -> Acted:
    """Tell what an error of Azure means for a unit."""
    return Acted(code=_CODES.get(error.reason, Code.FAILED), reason=error.reason)


def outcome_behind(error: SourceError | StateError) -> Acted:
    """Tell what an error of this source means for a unit, by what was behind it."""
    behind = error.__cause__
    return outcome_of(behind) if isinstance(behind, ApiError) else Acted(code=Code.FAILED, reason="no_state")
