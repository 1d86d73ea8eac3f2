"""What is asked of Loki and what its counts mean: selectors, day windows, hours. Asks nobody.

A window is the half-open range after its beginning up to and with its end: so LogQL counts (`count_over_time` leaves
the beginning out and takes the end in), and so the windows of a selector follow each other without gap or overlap.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import DAY, MINUTE, Instant, datetime_of, read_iso
from data.retention.unit import Action, Identity, Planned, Unit, place_of

TICK: Final = 1000
"""Loki's deletion goes by milliseconds: one of them in microseconds."""
NANO: Final = 1000
"""Nanoseconds in a microsecond: by them Loki keeps its lines."""
FUTURE: Final = 10 * MINUTE
_LONGEST: Final = 1000
_MATCHER: Final = re.compile(
    r"""\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<how>=~|!~|!=|=)\s*"(?P<value>(?:[^"\\\n]|\\["\\])*)"\s*"""
)


def matched_exactly(selector: str) -> dict[str, str]:
    """Give the labels that a stream selector fixes; raises `ValueError` unless it is one, and fixes at least one.

    Only what names streams is let through: a filter behind it would make Loki delete by text, and would be slow.
    """
    text = selector.strip()
    if len(text) > _LONGEST or not (text.startswith("{") and text.endswith("}")):
        raise ValueError(f"{selector!r}: must be a stream selector in braces, without a filter behind it")
    fixed: dict[str, str] = {}
    place, last = 1, len(text) - 1
    while place < last:
        found = _MATCHER.match(text, place, last)
        if found is None or (found.end() < last and text[found.end()] != ","):
            raise ValueError(f'{selector!r}: must be a list of matchers such as {{app="shop", level!="debug"}}')
        if found["how"] == "=" and found["value"]:
            fixed[found["label"]] = found["value"]
        place = found.end() + 1
    if not fixed:
        raise ValueError(f"{selector!r}: must fix at least one label with '=', or it may name every stream")
    return fixed


def surely_apart(one: str, other: str) -> bool:
    """Tell whether two selectors can never name the same stream: they fix one label to different values."""
    left, right = matched_exactly(one), matched_exactly(other)
    return any(label in right and right[label] != value for label, value in left.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The lines of one step of a count, an hour or a day, that has any."""

    ends: Instant
    lines: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of one selector: after `after` up to and with `until`, in nanoseconds as Loki counts."""

    selector: str
    after: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much a stretch holds."""

    lines: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One day of one selector."""

    selector: str
    day: int
    """Days since 1970-01-01, UTC."""

    @property
    def begins(self) -> Instant:
        """Give the instant after which it begins."""
        return self.day * DAY

    @property
    def ends(self) -> Instant:
        """Give its last instant."""
        return self.begins + DAY

    @property
    def name(self) -> bytes:
        """Give the name by which people and manifests know it."""
        return f"{self.selector}@{datetime_of(self.begins).date()}".encode()

    def whole(self) -> Stretch:
        """Give all of it."""
        return Stretch(selector=self.selector, after=self.begins * NANO, until=self.ends * NANO)

    def until(self, nanoseconds: int) -> Stretch:
        """Give what of it is not later than this."""
        until = min(max(nanoseconds, self.begins * NANO), self.ends * NANO)
        return Stretch(selector=self.selector, after=self.begins * NANO, until=until)

    def goes(self, cutoff: Instant) -> Stretch:
        """Give what of it a deletion reaches that ends one of Loki's ticks before the cutoff."""
        return self.until((cutoff - TICK) * NANO)

    def is_cut_by(self, nanoseconds: int) -> bool:
        """Tell whether this lies inside, so that some of it may be on either side."""
        return self.begins * NANO < nanoseconds < self.ends * NANO


def window_of(name: bytes, selectors: Sequence[str]) -> Window | None:
    """Read a name back; None where it is none of these selectors'."""
    try:
        selector, _, day = name.decode().rpartition("@")
        begins = read_iso(f"{day}T00:00:00Z")
    except ValueError:
        return None
    found = Window(selector=selector, day=begins // DAY)
    return found if selector in selectors and found.name == name else None


def unit_of(window: Window, held: Count, *, engine: int, hours: Sequence[Held] = ()) -> Unit:
    """Make the unit of a window as it is now; its digest is over its hours, where they were counted."""
    identity = Identity(
        device=engine,
        inode=place_of(window.name),
        size=held.size,
        mtime_ns=window.ends * NANO,
        ctime_ns=0,
        digest=fingerprint(window, hours) if hours else "",
        tag=str(held.lines),
    )
    return Unit(name=window.name, identity=identity)


def fingerprint(window: Window, hours: Sequence[Held]) -> str:
    """Hash how many lines and bytes each hour has: late lines, lost lines and other lines make another one."""
    told = ";".join(f"{hour.ends}:{hour.lines}:{hour.size}" for hour in hours)
    return hashlib.sha256(f"loki {window.name!r} {told}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What of a window lies on which side."""

    gone: Count
    """What ends a tick before the cutoff."""
    overdue: int
    """Lines before the limit."""
    ahead: int
    """Lines that nobody believes yet."""


def reading_of(window: Window, held: Count, marks: Marks, split: Split) -> Reading:
    """Say what a window holds: each line lies somewhere in its day, and on one side of the marks for sure."""
    gone, cut = split.gone, window.goes(marks.cutoff)
    newest = window.ends if split.ahead else min(window.ends, max(marks.now + FUTURE, window.begins))
    return Reading(
        family="loki",
        confidence=1.0,
        encoding="utf-8",
        lines=held.lines,
        records=held.lines,
        bytes=held.size,
        lowest_lo=window.begins,
        highest_lo=window.begins,
        lowest_hi=newest,
        highest_hi=newest,
        expired=Tally(records=gone.lines, bytes=gone.size),
        overdue=split.overdue,
        oldest_kept=newest if gone.lines < held.lines else None,
        youngest_expired=cut.until // NANO if gone.lines else None,
        evidence={Evidence.OWN: held.lines},
        future=split.ahead,
    )


def row_of(window: Window, hours: Sequence[Held], marks: Marks, split: Split, *, engine: int) -> Planned:
    """Bind what a purge would do with a window; its interval begins with the window, because the deletion does."""
    held, gone = total_of(hours), split.gone
    unit = unit_of(window, held, engine=engine, hours=hours)
    whole = gone.lines == held.lines
    rest = Count(lines=held.lines - gone.lines, size=held.size - gone.size)
    return Planned(
        unit=unit,
        action=Action.DELETE if whole else Action.REWRITE,
        records=gone.lines,
        bytes=gone.size,
        lo=window.begins,
        hi=window.goes(marks.cutoff).until // NANO,
        kept_bytes=rest.size,
        kept_records=rest.lines,
        kept_digest="" if whole else hashlib.sha256(f"{unit.identity.digest} {rest}".encode()).hexdigest(),
        cutoff=marks.cutoff,
        now=marks.now,
    )


def total_of(parts: Sequence[Held]) -> Count:
    """Add up."""
    return Count(lines=sum(one.lines for one in parts), size=sum(one.size for one in parts))


def stamp(instant: Instant) -> str:
    """Write an instant as Loki's deletion reads it, in whole milliseconds."""
    return datetime_of(instant).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1_000_000 // TICK:03d}Z"
