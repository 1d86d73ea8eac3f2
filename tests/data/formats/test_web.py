"""Logs of web servers: requests are dated in their first bracket, errors at the beginning of the line."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.formats.families.heads import HeadReader
from data.formats.families.web import access, apache_error, nginx_error
from data.formats.interface import Kind
from data.retention.evidence import Span
from data.retention.instants import instant_of
from tests.data.formats.reading import (
    CONTINUED,
    UNPARSED,
    continues_as_promised,
    facts,
    keeps_its_promises,
    knows,
    read,
    reader_of,
)

ENGLISH = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
COMMON = '192.0.2.7 - - [23/Nov/2026:08:00:00 +0100] "GET /nex/login HTTP/1.1" 200 512'
APACHE = "[Mon Nov 23 08:00:00.123456 2026] [core:error] [pid 7:tid 9] [client 192.0.2.7:50000] File not found"
NGINX = '2026/11/23 08:00:00 [error] 12#12: *1 open() "/srv/x" failed, client: 192.0.2.7'
SLOW_SECONDS = 1.0


@pytest.mark.parametrize(
    "line",
    [
        COMMON,
        COMMON + ' "https://nex.example/" "Mozilla/5.0 [de] (X11)"',
        COMMON.replace("192.0.2.7", "2001:db8::7"),
        COMMON.replace("- -", "- anna.muster@example.org"),
        COMMON.replace("- -", '- "Anna Muster"'),
        "nex.example:443 " + COMMON,
        COMMON.replace("23/Nov/2026:08:00:00 +0100", "22/Nov/2026:23:00:00 -0800"),
        COMMON.replace("23/Nov/2026:08:00:00 +0100", "2026-11-23T08:00:00+01:00"),
    ],
    ids="common combined ipv6 mail quoted vhost west iso".split(),
)
def test_requests_of_every_form(line: str) -> None:
    """Common and combined, with virtual host, over IPv6, for any name of a person: the first bracket dates it."""
    assert read(access(), line) == ["2026-11-23T07:00:00Z"]


def test_a_bracket_before_the_stamp_is_not_understood() -> None:
    """Where the first bracket holds no stamp nothing is guessed, nor where its day does not exist."""
    text = f"{COMMON}\n{COMMON.replace('- -', '- [x]')}\n{COMMON.replace('23/Nov', '31/Nov')}\nrubbish"
    assert read(access(), text) == ["2026-11-23T07:00:00Z", UNPARSED, UNPARSED, UNPARSED]


def test_errors_of_apache() -> None:
    """Both versions of the head; other output of programs below is dated by its neighbours."""
    text = (
        f"[Sun Dec 04 04:47:44 2005] [error] x\n{APACHE}\nsh: not found\n\tat x\n[Mon Nov 31 08:00:00 2026] [error] x"
    )
    expected = ["2005-12-04T03:47:44Z", "2026-11-23T07:00:00.123456Z", UNPARSED, CONTINUED, UNPARSED]
    assert read(apache_error(), text) == expected


def test_errors_of_nginx() -> None:
    """The head of nginx, in both readings of the repeated hour; indented lines continue it."""
    text = f"{NGINX}\n\t[C]: in function\nstack traceback:\n{NGINX.replace('11/23 08', '10/25 02')}"
    expected = ["2026-11-23T07:00:00Z", CONTINUED, UNPARSED, "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z"]
    assert read(nginx_error(), text) == expected


def test_each_takes_only_its_own() -> None:
    """The three families tell each other's lines and those of others apart; a pin beats them."""
    others = ["", "x", "[2026-11-23 08:00:00] x", "2026/11/23 08:00:00 main.go:12: x", "x [y]", '["a","b"]']
    samples = [COMMON, APACHE, NGINX, *others]
    for family, own in ((access(), COMMON), (apache_error(), APACHE), (nginx_error(), NGINX)):
        assert [text for text in samples if knows(family, text)] == [own]
        assert all(knows(family, text, facts(pin=family.id)) for text in samples)


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31))  # noqa: DTZ001  made aware below
NOISE = st.binary(max_size=60).filter(lambda noise: b"\n" not in noise)


@given(MOMENTS, NOISE)
def test_promises_hold(moment: datetime, noise: bytes) -> None:
    """Any stamp of the located form in the same place is a head; what begins with a continuing byte is none (Place)."""
    instant = instant_of(moment.replace(tzinfo=UTC, microsecond=0))
    month, weekday = ENGLISH[moment.month - 1], WEEKDAYS[moment.weekday()]
    for family, head, form in (
        (access(), COMMON, f"%d/{month}/%Y:%H:%M:%S +0000"),
        (access(), "nex.example:443 " + COMMON, f"%d/{month}/%Y:%H:%M:%S +0000"),
        (apache_error(), "[Sun Dec 04 04:47:44 2005] [error] x", f"{weekday} {month} %d %H:%M:%S %Y"),
        (nginx_error(), NGINX, "%Y/%m/%d %H:%M:%S"),
    ):
        reader = reader_of(family, head, facts(zone=None))
        naive = family.id != "access"
        wide = (14 * 3_600_000_000, 12 * 3_600_000_000) if naive else (0, 0)
        span = Span(lo=instant - wide[0], hi=instant + wide[1])
        keeps_its_promises(reader, head.encode(), moment.strftime(form).encode(), span)
        continues_as_promised(reader, noise)


@given(NOISE, NOISE)
def test_any_client_and_person_before_the_bracket(before: bytes, after: bytes) -> None:
    """Whatever stands before the first bracket and after the stamp, the request is dated by the stamp."""
    reader = reader_of(access(), COMMON)
    line = before.replace(b"[", b"") + b"[23/Nov/2026:08:00:00 +0100" + after
    assert reader.line(line).lo == reader.line(COMMON.encode()).lo
    assert isinstance(reader, HeadReader)
    place = reader.locate(line)
    assert place is not None
    assert line.find(place.anchor) == place.start - 1


@given(st.lists(NOISE, max_size=8))
def test_nothing_raises(lines: list[bytes]) -> None:
    """Whatever the lines are, they are read, and the sample may be anything."""
    for family, head in ((access(), COMMON), (apache_error(), APACHE), (nginx_error(), NGINX)):
        family.reader(facts(), tuple(lines))
        reader = reader_of(family, head)
        assert all(reader.line(line).kind in Kind for line in lines)


@pytest.mark.parametrize("piece", [b"[", b"a ", b"] [", b"[Sun Dec 04 ", b"2026/11/23 ", b"[23/Nov/2026:08:00:00 "])
def test_long_lines_take_no_time(piece: bytes) -> None:
    """A line of a megabyte is read in one pass, whatever it is made of."""
    line = piece * (1_000_000 // len(piece))
    for family, head in ((access(), COMMON), (apache_error(), APACHE), (nginx_error(), NGINX)):
        start = time.process_time()
        reader_of(family, head).line(line)
        family.reader(facts(), (line,))
        assert time.process_time() - start < SLOW_SECONDS
