"""Logs of Apache and nginx: requests and errors (purge.md 7.1). A request counts from the stamp the server gave it."""

import re

from data.formats import stamps
from data.formats.families.heads import HeadFamily
from data.formats.zones import ZoneClock
from data.retention.evidence import Span

_CLF = rb"\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)"
_ASCTIME = rb"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \d{4}"
_SLASHED = rb"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"


def access() -> HeadFamily:
    """Give the family `access`: common, combined, with virtual host; the stamp stands behind the first `[`."""
    return HeadFamily(
        id="access",
        head=re.compile(rb"[^\[]*\[(" + _CLF + rb"|" + _ISO + rb")"),
        sure=re.compile(rb"\S+ [^\[]*\[[^\]]{20,40}\](?: |$)"),
        read=_request_time,
        anchor=b"[",
        aliases=("apache_access", "nginx_access"),
    )


def apache_error() -> HeadFamily:
    """Give the family `apache_error`: `[Sun Dec 04 04:47:44 2005] [error] ...`, with microseconds since 2.4."""
    return HeadFamily(
        id="apache_error",
        head=re.compile(rb"\[(" + _ASCTIME + rb")"),
        sure=re.compile(rb"\[[^\]]{20,40}\] \["),
        read=stamps.asctime,
        begins=b"[",
    )


def nginx_error() -> HeadFamily:
    """Give the family `nginx_error`: `2026/11/23 08:00:00 [error] 12#12: *1 ...`."""
    return HeadFamily(
        id="nginx_error",
        head=re.compile(rb"(" + _SLASHED + rb")"),
        sure=re.compile(_SLASHED + rb" \[[a-z]{3,7}\] \d{1,10}#\d{1,10}:"),
        read=stamps.slashed,
        begins=b"0123456789",
    )


def _request_time(text: bytes, clock: ZoneClock) -> Span | None:
    return stamps.clf(text) or stamps.iso(text, clock)
