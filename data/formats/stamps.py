"""Time stamps of every form to intervals of instants (purge.md 6.2, 8.5); None where a text is no such stamp.

Nothing here raises, whatever comes in. `where` is the zone of naive stamps (`ZoneInfo`, None for unknown) or a
`ZoneClock` made once a file, which is much faster. Bounds of belief (2000 .. now) are the engine's business.

    iso(text, where)            ISO 8601 / RFC 3339 in all forms that logs use; naive, offset, date only, basic
    local(year, month, day, hour, minute, second, micro, where)
    epoch(value, unit="")       s, ms, us, ns by magnitude, or the unit given; decimals exactly
    clf(text)                   10/Oct/2000:13:55:36 -0700
    asctime(text, where)        Sun Dec 04 04:47:44[.123456] 2005
    slashed(text, where)        2026/11/23 08:00:00[.fff], 26/11/23 08:00:00 (Spark)
    hdfs(text, where)           261123 080000, with a third number as HDFS writes it too
    german(text, where)         23.11.2026 08:00:00[,fff], 23.11.2026 08:00, 23.11.2026, 23.11.26 08:00:00
    english(text, where)        Nov 23, 2026 8:00:00 AM (java.util.logging)
    dashed(text, where)         23-Nov-2026 08:00:00[.fff], with a zone name too (Tomcat, PHP), 23 Nov 2026 ...
    http_date(text)             Mon, 23 Nov 2026 08:00:00 GMT, with an offset too (RFC 9110, RFC 5322)
    tai64n(text)                @400000005...
    month_of(name)              Nov, Mär, août ... to 1..12, or 0

Stamps without a year (`Nov  3 09:23:38`, glog) are in `years.py`, zones and naive wall times in `zones.py`.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from data.formats.zones import LATEST, Where, between, clock_of, instant_of, time_of_day, wall, wall_of
from data.retention.evidence import Span
from data.retention.instants import DAY, HOUR, MINUTE, SECOND, Instant

OFFSET: Final = rb"(?: ?([Zz]|[+-]\d\d(?::?\d\d)?)| (UTC|GMT|CES?T|MES?Z))"
"""How a stamp says how far it is ahead of UTC: a group for the offset itself and one for a zone's short name."""
ISO: Final = rb"(\d{4})-(\d\d)-(\d\d)(?:[Tt _](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?" + OFFSET + rb"?)?"
"""The extended form of ISO 8601, in the nine groups that `iso` takes apart."""
CLOCK: Final = rb"(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?"
"""A time of day with seconds: four groups."""

_EXACT = re.compile(rb"(\d{4}-\d\d-\d\d[Tt _]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: ?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d))?")
"""The commonest stamps, which the standard library reads much faster than one could put their parts together."""
_ISO = re.compile(ISO)
_BASIC = re.compile(rb"(\d{4})(\d\d)(\d\d)(?:[Tt](\d\d)(\d\d)(?:(\d\d)(?:[.,](\d{1,9}))?)?" + OFFSET + rb"?)?")
_NUMBER = re.compile(rb"(\d{1,20})(?:[.,](\d{1,20}))?(?:[eE]\+?(\d\d?))?")
_CLF = re.compile(rb"(\d\d)/([A-Za-z]{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
_ASCTIME = re.compile(
    rb"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) " + CLOCK + rb"(?: (UTC|GMT|CES?T))? (\d{4})",
)
_SLASHED = re.compile(rb"(\d{4}|\d\d)/(\d\d)/(\d\d)[ T-]" + CLOCK)
_HDFS = re.compile(rb"(\d\d)(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)(?: \d{1,9})?")
_GERMAN = re.compile(
    rb"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d\d)(?:,? (\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?: Uhr)?"
    + OFFSET
    + rb"?)?",
)
_ENGLISH = re.compile(
    rb"([A-Za-z\x80-\xff]{3,10}\.?) (\d{1,2}), (\d{4}),? "
    + CLOCK
    + rb"(?:(?: |\xe2\x80\xaf|\xc2\xa0)([AaPpVvNn])(?:[Mm]|orm\.|achm\.))?",
)
_DASHED = re.compile(
    rb"(\d\d)[- ]([A-Za-z\x80-\xff]{3,6}\.?)[- ](\d{4}) " + CLOCK + rb"(?: (UTC|GMT|[A-Za-z][\w+/-]{1,40}))?"
)
_HTTP = re.compile(
    rb"(?:[A-Z][a-z]{2}, ?)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    rb" ([+-]\d{4}|GMT|UTC|Z)(?: \([A-Z]{1,5}\))?",
)
_TAI64N = re.compile(rb"@([0-9A-Fa-f]{16})([0-9A-Fa-f]{8})")

_MONTHS: Mapping[bytes, int] = MappingProxyType(
    {
        name.encode(encoding): number
        for encoding in ("utf-8", "latin-1")
        for number, names in enumerate(
            (
                "jan january januar janv janvier jän jänner",
                "feb february februar fév févr février",
                "mar march mär märz mrz mars",
                "apr april avr avril",
                "may mai",
                "jun june juni juin",
                "jul july juli juil juillet",
                "aug august aoû août",
                "sep september sept septembre",
                "oct october okt oktober octobre",
                "nov november novembre",
                "dec december dez dezember déc décembre",
            ),
            start=1,
        )
        for name in names.split()
    },
)
_UNITS: Mapping[str, int] = MappingProxyType({"s": 6, "ms": 3, "us": 0, "ns": -3})
_EPOCHS = ((10**8, ""), (10**11, "s"), (10**14, "ms"), (10**17, "us"), (10**20, "ns"))
_TAI_START = 1 << 62
_TAI_OLD, _TAI_NEW = 10 * SECOND, 37 * SECOND
_OFFSET_HOURS, _SHORT_OFFSET = 24, 3
_HALF = 12
_CENTURY = 2000
_NAMED: Mapping[bytes, int] = MappingProxyType(
    {b"UTC": 0, b"GMT": 0, b"Z": 0, b"CET": HOUR, b"MEZ": HOUR, b"CEST": 2 * HOUR, b"MESZ": 2 * HOUR},
)


def iso(text: bytes, where: Where = None) -> Span | None:
    """Read ISO 8601 as logs write it: exact from seconds on, else the interval over the minute or the day.

    `T`, `t`, blank or `_` between date and time; a fraction of 1 to 9 digits is cut to microseconds; `Z`, ` UTC`,
    `+01:00`, `+0100`, `+01`, with a blank before it or not (Serilog). Week and ordinal dates are no stamps here.
    """
    exact = _EXACT.fullmatch(text)
    if exact is not None:
        moment, offset = exact.groups()
        first = wall_of(moment) if offset is None else instant_of(moment + offset)
        if first is not None:
            return clock_of(where).span(first) if offset is None else between(first, first)
    found = _ISO.fullmatch(text) or _BASIC.fullmatch(text)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    return _span(where, wall(int(year), int(month), int(day)), *clock)


def local(
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
    micro: int = 0,
    where: Where = None,
) -> Span | None:
    """Read calendar fields in a zone: both readings of a repeated hour, both foldings of a skipped one."""
    date, since = wall(year, month, day), time_of_day(hour, minute, second, micro)
    if date is None or since is None:
        return None
    return clock_of(where).span(date + since)


def epoch(value: float | str | bytes, unit: str = "") -> Span | None:
    """Read seconds, ms, us or ns since 1970 by magnitude (purge.md 6.2), or in the unit given; never rounded up."""
    found = _NUMBER.fullmatch(_digits(value))
    if found is None:
        return None
    whole, fraction, power = found.groups()
    if power is None:
        return _plain_epoch(int(whole), fraction or b"", unit)
    exponent = int(power or 0) - len(fraction or b"")
    number = int(whole + (fraction or b""))
    chosen = unit or _magnitude(_scaled(number, exponent))
    if chosen not in _UNITS:
        return None
    instant = _scaled(number, exponent + _UNITS[chosen])
    return Span(lo=instant, hi=instant) if instant <= LATEST else None


def clf(text: bytes) -> Span | None:
    """Read the stamp of the common log format of web servers: `10/Oct/2000:13:55:36 -0700`."""
    found = _CLF.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, offset = found.groups()
    return _span(None, _date(year, month, day), hour, minute, second, None, offset)


def asctime(text: bytes, where: Where = None) -> Span | None:
    """Read C's asctime: `Sun Dec 04 04:47:44 2005`, with microseconds as Apache 2.4 has them, or a zone (date(1))."""
    found = _ASCTIME.fullmatch(text)
    if found is None:
        return None
    month, day, hour, minute, second, fraction, name, year = found.groups()
    return _span(where, _date(year, month, day), hour, minute, second, fraction, None, name)


def slashed(text: bytes, where: Where = None) -> Span | None:
    """Read `2026/11/23 08:00:00[.fff]` (nginx, Go) and `26/11/23 08:00:00` (Spark); two digits are 2000 to 2099."""
    found = _SLASHED.fullmatch(text)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    return _span(where, wall(_year(year), int(month), int(day)), *clock)


def hdfs(text: bytes, where: Where = None) -> Span | None:
    """Read `261123 080000` of Hadoop's file system."""
    found = _HDFS.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = found.groups()
    return _span(where, wall(_year(year), int(month), int(day)), hour, minute, second)


def german(text: bytes, where: Where = None) -> Span | None:
    """Read `23.11.2026 08:00:00[,fff]`, to the minute or the day too; two-digit years are 2000 to 2099."""
    found = _GERMAN.fullmatch(text)
    if found is None:
        return None
    day, month, year, *clock = found.groups()
    return _span(where, wall(_year(year), int(month), int(day)), *clock)


def english(text: bytes, where: Where = None) -> Span | None:
    """Read `Nov 23, 2026 8:00:00 AM` as java.util.logging has it, with German names and a 24-hour clock too."""
    found = _ENGLISH.fullmatch(text)
    if found is None:
        return None
    month, day, year, hour, minute, second, fraction, half = found.groups()
    if half:
        if not 1 <= int(hour) <= _HALF:
            return None
        hour = b"%d" % (int(hour) % _HALF + _HALF * (half in b"PpNn"))
    return _span(where, _date(year, month, day), hour, minute, second, fraction)


def dashed(text: bytes, where: Where = None) -> Span | None:
    """Read `23-Nov-2026 08:00:00[.fff]` (Tomcat, PHP); a zone's name other than UTC makes it 26 h wide."""
    found = _DASHED.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, fraction, name = found.groups()
    stranger = name is not None and name not in _NAMED
    date = _date(year, month, day)
    return _span(None if stranger else where, date, hour, minute, second, fraction, None, None if stranger else name)


def http_date(text: bytes) -> Span | None:
    """Read `Mon, 23 Nov 2026 08:00:00 GMT` (RFC 9110), or with an offset (RFC 5322)."""
    found = _HTTP.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = found.groups()
    named = zone if zone in _NAMED else None
    return _span(None, _date(year, month, day), hour, minute, second, None, None if named else zone, named)


def tai64n(text: bytes) -> Span | None:
    """Read `@` and 24 hex digits; from 37 s to 10 s behind TAI, as some writers know leap seconds and some do not."""
    found = _TAI64N.fullmatch(text)
    if found is None:
        return None
    seconds, nanos = int(found[1], 16) - _TAI_START, int(found[2], 16)
    if seconds < 0 or nanos >= SECOND * 1000:
        return None
    tai = seconds * SECOND + nanos // 1000
    return between(tai - _TAI_NEW, tai - _TAI_OLD) if tai <= LATEST else None


def month_of(name: bytes) -> int:
    """Tell the number of a month by its English, German or French name, short or long, UTF-8 or Latin-1; 0 for none."""
    return _MONTHS.get(name.rstrip(b".").lower(), 0)


def offset_of(text: bytes) -> int | None:
    """Tell how many microseconds `Z`, `+01:00`, `+0100` or `-01` is ahead of UTC; None for what no offset can be."""
    if text in b"Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:] if len(text) > _SHORT_OFFSET else 0)
    if hours >= _OFFSET_HOURS or minutes >= HOUR // MINUTE:
        return None
    ahead = hours * HOUR + minutes * MINUTE
    return -ahead if text[:1] == b"-" else ahead


def _span(
    where: Where,
    date: Instant | None,
    hour: bytes | None,
    minute: bytes,
    second: bytes | None,
    fraction: bytes | None = None,
    offset: bytes | None = None,
    name: bytes | None = None,
) -> Span | None:
    """Put the parts of a stamp together: the whole day without an hour, the whole minute without a second."""
    if date is None:
        return None
    if hour is None:
        return clock_of(where).span(date, date + DAY - 1)
    micro = int(fraction.ljust(6, b"0")[:6]) if fraction else 0
    since = time_of_day(int(hour), int(minute), int(second) if second else 0, micro)
    ahead = offset_of(offset) if offset else _NAMED[name] if name else 0
    if since is None or ahead is None:
        return None
    first = date + since
    last = first if second else first + MINUTE - 1
    return between(first - ahead, last - ahead) if offset or name else clock_of(where).span(first, last)


def _date(year: bytes, month: bytes, day: bytes) -> Instant | None:
    return wall(int(year), month_of(month), int(day))


def _year(text: bytes) -> int:
    return int(text) if len(text) > len("26") else _CENTURY + int(text)


def _digits(value: float | str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b""
    if isinstance(value, int) and not 0 <= value < _EPOCHS[-1][0] * 1000:
        return b""  # nothing that could be a time, and too long a number cannot even be written down
    text = value if isinstance(value, str) else repr(value)
    return text.encode("ascii", "replace")


def _scaled(number: int, exponent: int) -> int:
    factor: int = 10 ** abs(exponent)
    return number * factor if exponent >= 0 else number // factor


def _plain_epoch(whole: int, fraction: bytes, unit: str) -> Span | None:
    shift = _UNITS.get(unit or _magnitude(whole))
    if shift is None:
        return None
    parts = int(fraction.ljust(shift, b"0")[:shift]) if shift > 0 else 0
    instant = _scaled(whole, shift) + parts
    return Span(lo=instant, hi=instant) if instant <= LATEST else None


def _magnitude(value: int) -> str:
    for bound, unit in _EPOCHS:
        if value < bound:
            return unit
    return ""
