"""Which member of a JSON object tells its time (purge.md 7.1), and what the value means.

A JSON object is a tuple of its members in their order, so that no duplicate gets lost; numbers are texts, so that no
digit does. Keys are compared as they are spelled; `of_object` says in which order they decide.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from json import JSONDecoder
from typing import Any, Final, cast

from data.formats.stamps import asctime, clf, english, epoch, german, http_date, iso, slashed, tai64n
from data.formats.zones import Where, clock_of
from data.retention.evidence import Span
from data.retention.instants import BELIEVABLE

TIME_KEYS: Final = tuple(
    "@t Timestamp timestamp @timestamp time ts t datetime date eventTime TimeGenerated timeUnixNano"
    " __REALTIME_TIMESTAMP".split(),
)
"""Names of the event's own time, the first that is there and can be believed decides (purge.md 7.1)."""
HOLDERS: Final = ("log", "fields", "event", "record")
"""Members whose own members are looked at where the object itself names no time: one level, or dotted (`log.time`)."""

Members = tuple[tuple[str, object], ...]
"""A JSON object: its members in their order; the values are text, bool, None, a list or again members."""

Named = dict[str, list[object]]
"""All values of every member, by name."""

_RARE: Final = ("timeMillis", "instant", "asctime", "time_iso8601", "observedTimeUnixNano")
_FOLDED: Final = tuple(dict.fromkeys(key.lower() for key in TIME_KEYS if len(key) > len("@t")))
_BATCHES: Final = ("records", "Records")
_WRAPPERS: Final = ("$date", "$numberLong", "timestamp")
_FRACTIONS: Final = (
    ("seconds", "nanos"),
    ("seconds", "nanoseconds"),
    ("_seconds", "_nanoseconds"),
    ("epochSecond", "nanoOfSecond"),
)
_COMPACT: Final = re.compile(rb"(20[0-9]{6})([0-9]{6})([0-9]{3})?")
"""`20261123080000` and with milliseconds: as an epoch, a number of 14 or 17 digits is centuries ahead."""
_NEWTONSOFT: Final = re.compile(rb"\\?/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)\\?/")
_DATE_ONLY: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}|[0-9]{4}/[0-9]{2}/[0-9]{2}",
)
_TIME_ONLY: Final = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?")
_SHORT: Final = re.compile(rb"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2}")
"""`23.11.20` may be `23.11.2026`, cut off: no day."""
_LONGEST: Final = 80
_LEVELS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What an object's time rests on; `span` is None where it contradicts itself."""

    span: Span | None
    key: str = ""
    """The member of the object itself that decided alone; "" for anything more involved."""


class Moments:
    """Reads the value of a time key: a stamp of any form, or a number since 1970 whose magnitude tells its unit."""

    __slots__ = ("_clock", "_last")

    def __init__(self, where: Where) -> None:
        self._clock = clock_of(where)
        self._last: tuple[str, Span | None] = ("", None)

    def of_value(self, value: object) -> Span | None:
        """Read text, a number, `{"$date": ..}` or `{"seconds": .., "nanos": ..}`; None for what cannot be believed."""
        for _ in range(_LEVELS):
            if isinstance(value, str):
                return self.of_text(value)
            if not isinstance(value, tuple):
                return None
            members = dict(value)
            for whole, part in _FRACTIONS:
                if whole in members and part in members:
                    return self.of_text(_with_nanos(members[whole], members[part]))
            value = next((members[key] for key in _WRAPPERS if key in members), None)
        return None

    def of_text(self, text: str) -> Span | None:
        """Read a stamp of any form; None where it is none, or one before 2000."""
        if text == self._last[0]:
            return self._last[1]
        if len(text) > _LONGEST:
            return None
        found = self._read(text.strip().encode("latin-1", "replace"))
        found = found if found is not None and found.lo >= BELIEVABLE else None
        self._last = (text, found)
        return found

    def of_day(self, day: str, time: str) -> Span | None:
        """Read a date and a time of day that stand apart; None where one of them is something else."""
        day, time = day.strip(), time.strip()
        if not _DATE_ONLY.fullmatch(day) or not _TIME_ONLY.fullmatch(time):
            return None
        return self.of_text(f"{day} {time}")

    def _read(self, text: bytes) -> Span | None:
        if text[4:5] == b"-":
            return iso(text, self._clock)
        if text.replace(b".", b"", 1).isdigit():
            return self._number(text)
        newtonsoft = _NEWTONSOFT.fullmatch(text)
        if newtonsoft:
            return epoch(newtonsoft[1], "ms")
        for read in (iso, german, slashed, asctime, english):
            found = read(text, self._clock)
            if found is not None:
                return None if _SHORT.fullmatch(text) else found
        return epoch(text) or clf(text) or http_date(text) or tai64n(text)

    def _number(self, text: bytes) -> Span | None:
        compact = _COMPACT.fullmatch(text)
        if compact is None:
            return epoch(text)  # 20261123 is rather a number than a day
        day, time, fraction = compact.groups()
        return iso(day + b"T" + time + (b"." + fraction if fraction else b""), self._clock)


class Dating:
    """Finds the time of JSON objects; naive stamps are in one zone."""

    __slots__ = ("_moments",)

    def __init__(self, where: Where) -> None:
        self._moments = Moments(where)

    def of_object(self, members: Members) -> Dated | None:
        """Find what dates an object; None where nothing in it is a believable time.

        Its own members in the order of `TIME_KEYS`; then the same inside of `HOLDERS`, then dotted; then names in other
        capitals and a few rare ones; then everything in a batch (`{"records": [..]}`). Several members of one name make
        an interval over all of them; if one of these cannot be read the object contradicts itself.
        """
        named = _by_name(members)
        return self._of_event(named) or self._of_batch(named)

    def of_all(self, items: list[object]) -> Span | None:
        """Give the interval over every object of a list; None where one of them is no object or has no time."""
        spans = []
        for item in items:
            found = self._of_event(_by_name(item)) if isinstance(item, tuple) else None
            if found is None or found.span is None:
                return None
            spans.append(found.span)
        return covering(spans) if spans else None

    def of_named(self, named: Named, keys: Iterable[str]) -> Dated | None:
        """Let the first key decide that is there and can be believed; `named` holds all values of every name."""
        for key in keys:
            if key in named:
                found = self._of_pair(named, key) or self._of_member(key, named[key])
                if found is not None:
                    return found
        return None

    def _of_event(self, named: Named) -> Dated | None:
        own = self.of_named(named, TIME_KEYS)
        if own is not None:
            return own
        inner = self._inside(named) or self.of_named(_folded(named), (*_FOLDED, *_RARE))
        return None if inner is None else Dated(span=inner.span)

    def _of_batch(self, named: Named) -> Dated | None:
        lists = [value for key in _BATCHES for value in named.get(key, ()) if isinstance(value, list)]
        items = list(chain.from_iterable(lists))
        return Dated(span=self.of_all(items)) if items else None

    def _of_member(self, key: str, values: list[object]) -> Dated | None:
        if len(values) == 1:
            span = self._moments.of_value(values[0])
            return None if span is None else Dated(key=key, span=span)
        spans = [self._moments.of_value(value) for value in values if value not in (None, "")]
        sure = [span for span in spans if span is not None]
        if not sure:
            return None
        return Dated(key=key, span=covering(sure) if len(sure) == len(spans) else None)

    def _of_pair(self, named: Named, key: str) -> Dated | None:
        if key != "date":
            return None
        days, times = named[key], named.get("time", [])
        if len(days) != 1 or len(times) != 1:
            return None
        day, time = days[0], times[0]
        span = self._moments.of_day(day, time) if isinstance(day, str) and isinstance(time, str) else None
        return None if span is None else Dated(span=span)

    def _inside(self, named: Named) -> Dated | None:
        for holder in HOLDERS:
            for value in named.get(holder, ()):
                found = self.of_named(_by_name(value), TIME_KEYS) if isinstance(value, tuple) else None
                if found is not None:
                    return found
        return self.of_named(named, (f"{holder}.{key}" for holder in HOLDERS for key in TIME_KEYS))


class Objects:
    """Reads JSON without losing a digit or a duplicate."""

    __slots__ = ("_scan",)

    def __init__(self) -> None:
        decoder = JSONDecoder(
            object_pairs_hook=tuple,
            parse_float=str,
            parse_int=str,
            parse_constant=str,
            strict=False,
        )
        self._scan = cast("Any", decoder).scan_once  # what `decode` itself calls; typeshed does not know it

    def read(self, text: bytes) -> object:
        """Read one JSON value: `Members`, list, text, bool or None; None too for what is no JSON or nested too deep."""
        # Latin-1 never fails and leaves ASCII alone: keys and stamps are nothing else.
        shown = text.strip(b" \t\n\r").decode("latin-1")
        try:
            value, end = self._scan(shown, 0)
        except (ValueError, RecursionError, StopIteration):
            return None
        return value if end == len(shown) else None


def covering(spans: Iterable[Span]) -> Span:
    """Give the interval over all of some intervals; raises `ValueError` for none."""
    every = list(spans)
    return Span(lo=min(span.lo for span in every), hi=max(span.hi for span in every))


def _by_name(members: Members) -> Named:
    named: Named = {key: [value] for key, value in members}
    if len(named) == len(members):
        return named
    named = {}
    for key, value in members:
        named.setdefault(key, []).append(value)
    return named


def _folded(named: Named) -> Named:
    folded: Named = {}
    for key, values in named.items():
        folded.setdefault(key if key in _RARE else key.lower(), []).extend(values)
    return folded


def _with_nanos(seconds: object, nanos: object) -> str:
    if isinstance(seconds, str) and isinstance(nanos, str) and len(nanos) <= len("999999999"):
        return f"{seconds}.{nanos.zfill(9)}"
    return ""
