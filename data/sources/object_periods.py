"""What the path of an object says about when its records are from: `AWSLogs/.../2026/08/01/`, `dt=2026-08-01`.

Log deliveries put the period into folders, and the reader of logs looks for it in the last part of a name. So the date
of the path is written in front of that part, for the reader only, where the part holds none of its own.
"""

import re
from typing import Final

from data.formats.names import period
from data.formats.zones import Where
from data.retention.instants import Instant

_DAY: Final = (
    rb"(?P<year>20\d\d)",
    rb"(?P<month>0[1-9]|1[0-2])",
    rb"(?P<day>0[1-9]|[12]\d|3[01])",
)
_HOUR: Final = rb"(?P<hour>[01]\d|2[0-3])"
_FORMS: Final = tuple(
    re.compile(b"(?:^|/)" + form + b"/")
    for form in (
        b"/".join(_DAY) + b"(?:/" + _HOUR + b")?",
        rb"(?i:y|year)=" + _DAY[0] + rb"/(?i:m|month)=" + _DAY[1] + rb"/(?i:d|day)=" + _DAY[2]
        + rb"(?:/(?i:h|hour)=" + _HOUR + b")?",
        rb"(?:[A-Za-z_]{1,20}=)?" + b"-".join(_DAY) + rb"(?:/(?:(?i:h|hr|hour)=)?" + _HOUR + b")?",
        rb"[A-Za-z_]{1,20}=" + b"".join(_DAY) + rb"(?:/(?:(?i:h|hr|hour)=)?" + _HOUR + b")?",
    )
)  # fmt: skip


def dated_name(name: bytes, where: Where, now: Instant) -> bytes:
    """Give a name whose last part tells the period, if the path does; the name itself where the last part does."""
    folder, slash, last = name.rpartition(b"/")
    if not slash or period(last, where, now) is not None:
        return name
    found = max(filter(None, (_last(form, folder + slash) for form in _FORMS)), key=re.Match.start, default=None)
    if found is None:
        return name
    day = b"-".join(found[part] for part in ("year", "month", "day"))
    hour = b"T" + found["hour"] if found["hour"] else b""
    return folder + slash + day + hour + b"+" + last


def _last(form: "re.Pattern[bytes]", path: bytes) -> "re.Match[bytes] | None":
    """Find the deepest occurrence of a form: what stands further up may be the date of an export."""
    found = None
    for match in form.finditer(path):
        found = match
    return found
