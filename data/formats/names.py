"""What a file's name says: the period its records are from, and the roll set it belongs to.

Dates are those that logrotate, Serilog, NLog, log4net, IIS and people write: `20261123`, `2026-11-23`, `2026_11`,
`2026112308`, `2026-11-23_08`; never part of a longer number, never a day that does not exist (purge.md 6.3, step 4).
"""

import re
from typing import Final

from data.formats.zones import Where, ZoneClock, clock_of, wall
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE, DAY, HOUR, MINUTE, SECOND, Instant

LONGEST_ROLL: Final = 31 * DAY
"""How long a file may be written to before it is rolled, where its name does not tell: a month."""
_DATE: Final = re.compile(
    rb"(?<!\d)(?P<year>20\d\d)"
    rb"(?:(?P<mark>[-_.]?)(?P<month>0[1-9]|1[0-2]))"
    rb"(?:(?P=mark)(?P<day>0[1-9]|[12]\d|3[01])"
    rb"(?:[-_.T ]?(?P<hour>[01]\d|2[0-3])(?:[-_.:h]?(?P<minute>[0-5]\d)(?:[-_.:m]?(?P<second>[0-5]\d))?)?)?)?"
    rb"(?!\d)"
)
_PLAIN_DAY: Final = re.compile(rb"(?<!\d)(?:iis_ex|u_ex|ex)(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)(?!\d)")
_MAY_DATE: Final = re.compile(rb"20\d\d|ex\d{6}")
_DATEEXT: Final = re.compile(rb"\S-(?P<day>20\d{6})(?:-?\d{2,10})?(?:\.(?:gz|zst|bz2|xz|zip))?\Z")
_PACKED: Final = re.compile(rb"(?i)(?:\.(?:gz|zst|zip|bz2|xz))+\Z")
_COUNTER: Final = re.compile(rb"[-_.]?(?<![0-9A-Za-z])\d{1,6}(?=\.[A-Za-z]{1,8}\Z|\Z)|[-_.]\d{1,6}(?=[-_.]|\Z)")
_BLANK: Final = b"\0"
_FORMS = 2


def period(name: bytes, where: Where, now: Instant) -> Span | None:
    """Give the interval a file's name stands for, over all dates in its last part; None where it holds no date."""
    last = name.rsplit(b"/", 1)[-1]
    if not _MAY_DATE.search(last):
        return None
    clock = clock_of(where)
    spans = [span for found in _DATE.finditer(last) if (span := _span(found, clock, now)) is not None]
    spans += [span for found in _PLAIN_DAY.finditer(last) if (span := _span(found, clock, now)) is not None]
    if not spans:
        return None
    lo, hi = min(span.lo for span in spans), max(span.hi for span in spans)
    if _DATEEXT.search(last):
        lo -= LONGEST_ROLL  # logrotate names a file after the day it was rolled: what it holds is from before that
    return Span(lo=lo, hi=hi)


def roll_key(name: bytes) -> bytes:
    """Give a name without what changes when a log is rolled: dates, numbers, suffixes of archives; folders stay."""
    folder, slash, last = name.rpartition(b"/")
    last = _PACKED.sub(b"", last)
    last = _PLAIN_DAY.sub(_BLANK, _DATE.sub(_BLANK, last))
    last = _COUNTER.sub(_BLANK, last)
    last = re.sub(rb"[-_. ]*\0[-_.\0 ]*", _BLANK, last)
    return folder + slash + _rejoined(last)


def _rejoined(last: bytes) -> bytes:
    """Close the gaps, so that `app.log.1`, `app20261123.log` and `app.log` meet."""
    parts = [part for part in last.split(_BLANK) if part]
    if len(parts) == _FORMS and parts[1].isalnum() and b"." not in parts[0]:
        return parts[0] + b"." + parts[1]
    return b"".join(parts)


def _span(found: "re.Match[bytes]", clock: ZoneClock, now: Instant) -> Span | None:
    fields = {key: int(value) for key, value in found.groupdict().items() if value is not None and key != "mark"}
    if found.re is _DATE and not _plausible(found):
        return None
    year, month, day = fields["year"] % 100 + 2000, fields["month"], fields.get("day")
    start = wall(year, month, day or 1)
    if start is None:
        return None
    end = start + DAY
    if day is None:
        end = wall(year + month // 12, month % 12 + 1, 1) or end
    for key, length in (("hour", HOUR), ("minute", MINUTE), ("second", SECOND)):
        if key in fields:
            start += fields[key] * length
            end = start + length
    span = clock.span(start, end - 1)
    return span if span.lo >= BELIEVABLE - DAY and span.lo <= now + DAY else None


def _plausible(found: "re.Match[bytes]") -> bool:
    """Six digits in a row are a month only where they stand alone; `2026-1` and `2026.10` of a version are not."""
    if found["day"] is None and found["mark"] == b".":
        return False
    return found["day"] is not None or found["hour"] is None
