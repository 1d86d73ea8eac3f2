"""Text logs whose records begin with a stamp: Serilog, NLog, log4net, Python, Java, PostgreSQL, Go and their like.

One family, `text`: what differs between those writers is the form of the head, and the file shows it. The commonest
form among the first lines is the file's own, and others that are common and in order with it. A line that begins with
such a form begins a record. Any other line belongs to the record above: stack traces, inner exceptions, blank lines.
So does a line that begins with a stamp of a foreign form, not later than the record above: it is quoted. A later one
may be another writer's: it is dated by its neighbours, so that nothing is taken for older than it is. Lines above the
first head, heads with a date that does not exist and undated heads (`INFO:name:message`) are dated so too.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from data.formats import stamps
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import ZoneClock
from data.retention.evidence import Span
from data.retention.instants import BEGINNING

ALIASES: Final = ("serilog", "nlog", "log4net", "logback", "log4j", "python", "jul", "postgresql", "go")
"""Names that people give such files; each is the family `text`."""

_LEVELS = (
    rb"(?i:trace|debug|info|information|notice|warn|warning|error|err|fatal|critical|crit|severe|config|fine|finer"
    rb"|finest|alert|emerg|verbose|trc|dbg|inf|wrn|ftl|vrb)"
)
_BEFORE = (
    rb"(?P<before>(?:\[|[A-Z], \[|"
    + _LEVELS
    + rb"(?: {1,4}|[:,|] ?| - )\[?|\["
    + _LEVELS
    + rb" {0,4}\][: |]{0,4}\[?)?)"
)
_TIME = rb"\d\d:\d\d(?::\d\d(?P<fraction>[.,]\d{1,9})?)?"
_OFFSET = rb"(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?| [+-]\d\d:?\d\d| (?:UTC|GMT|CES?T|MES?Z|Z)\b)?"
_CLOCK = rb"\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?"
_NAME = rb"[A-Za-z\x80-\xff]{3,9}"
_HEAD = re.compile(
    _BEFORE
    + rb"(?:(?P<iso>\d{4}-\d\d-\d\d(?P<mark>[Tt _])"
    + _TIME
    + _OFFSET
    + rb")|(?P<slashed>(?:\d{4}|\d\d)/\d\d/\d\d[ T-]"
    + _CLOCK
    + rb")|(?P<german>\d{1,2}\.\d{1,2}\.(?:\d{4}|\d\d),? \d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)|(?P<english>"
    + _NAME
    + rb"\.? \d{1,2}, \d{4},? "
    + _CLOCK
    + rb"(?:(?: |\xe2\x80\xaf|\xc2\xa0)(?:[AaPp][Mm]|[Vv]orm\.|[Nn]achm\.))?)|(?P<dashed>\d\d[- ]"
    + _NAME
    + rb"\.?[- ]\d{4} "
    + _CLOCK
    + rb"(?: (?:UTC|GMT|[A-Z][a-z]+/[A-Za-z_/-]{1,40}))?)|(?P<asctime>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d "
    + _CLOCK
    + rb"(?: (?:UTC|GMT|CES?T))? \d{4}))",
)
_UNDATED = re.compile(rb"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):[\w.]{1,200}:|\[" + _LEVELS + rb"\] ")
_OTHERS = (b"{", b"#Fields:", b"#Software:", b"__CURSOR=")
_WEB_ERROR = re.compile(rb"\[[A-Z][a-z]{2} [^\]]{16,32}\] \[|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]{3,7}\] \d{1,10}#\d")
_NO_HEAD = b" \t!\"#$%&'()*+,-./:;<=>?@\\]^_`{|}~"
_SAMPLE = 200
_FIRST = 5
_FEWEST = 5
_COMMON = 0.2

_READ: Mapping[str, Callable[[bytes, ZoneClock], Span | None]] = MappingProxyType(
    {
        "iso": stamps.iso,
        "slashed": stamps.slashed,
        "german": stamps.german,
        "english": stamps.english,
        "dashed": stamps.dashed,
        "asctime": stamps.asctime,
    },
)
_CONTINUATION = Line(kind=Kind.CONTINUATION)
_UNPARSED = Line(kind=Kind.UNPARSED)
_Form = tuple[str, bytes, bytes, bool, bytes]


class PlainFamily:
    """Text whose records begin with a stamp, or with a level or a bracket and then a stamp."""

    id: Final = "text"

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader for the forms of head in the sample; None where no line has a dated head."""
        pinned = facts.pin in (self.id, *ALIASES)
        if not pinned and any(line.startswith(_OTHERS) or _WEB_ERROR.match(line) for line in sample[:_FIRST]):
            return None
        clock = ZoneClock(facts.zone)
        forms = _own_forms(sample[:_SAMPLE], clock)
        return PlainReader(clock, forms) if forms or pinned else None


class PlainReader:
    """Reads one file with its own forms of head; where it has none yet, the first dated head sets it."""

    __slots__ = ("_above", "_begun", "_clock", "_forms")

    def __init__(self, clock: ZoneClock, forms: frozenset[_Form]) -> None:
        self._clock = clock
        self._forms = forms
        self._above = BEGINNING
        self._begun = False

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        found = _HEAD.match(line)
        if found is None:
            return _UNPARSED if not self._begun or _UNDATED.match(line) else _CONTINUATION
        form = _form(found)
        if not self._forms:
            self._forms = frozenset({form})
        span = _READ[form[0]](found[form[0]], self._clock)
        if form not in self._forms:
            quoted = self._begun and (span is None or span.hi <= self._above)
            return _CONTINUATION if quoted else _UNPARSED
        if span is None:
            return _UNPARSED
        self._begun, self._above = True, span.hi
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)

    @property
    def continues(self) -> bytes:
        """Give the bytes with which no head begins, of any form."""
        return _NO_HEAD

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands in a head of one of the file's own forms."""
        found = _HEAD.match(line)
        if found is None or (form := _form(found)) not in self._forms:
            return None
        return Place(start=found.start(form[0]), end=found.end(form[0]))


def _own_forms(lines: tuple[bytes, ...], clock: ZoneClock) -> frozenset[_Form]:
    """Tell the commonest form of dated heads, and those that are a fifth and never older than the head above them."""
    dated = [(form, span) for line in lines if (found := _HEAD.match(line)) for form, span in _dated(found, clock)]
    if not dated:
        return frozenset()
    counts = Counter(form for form, _ in dated)
    main = counts.most_common(1)[0][0]
    above, quoted = BEGINNING, set[_Form]()
    for form, span in dated:
        if form == main:
            above = span.lo
        elif span.hi < above:
            quoted.add(form)
    least = max(_FEWEST, len(dated) * _COMMON)
    return frozenset({main, *(form for form, count in counts.items() if count >= least and form not in quoted)})


def _dated(found: "re.Match[bytes]", clock: ZoneClock) -> list[tuple[_Form, Span]]:
    form = _form(found)
    span = _READ[form[0]](found[form[0]], clock)
    return [] if span is None else [(form, span)]


def _form(found: "re.Match[bytes]") -> _Form:
    """Tell what makes a head of one writer: what stands before the stamp, the kind of stamp and its parts."""
    kind = found.lastgroup or ""
    before = found["before"]
    style = (b"L" if before[:1].isalpha() else before[:1]) + before[-1:]
    offset = found["offset"] or b""
    numeric = offset.strip().startswith((b"+", b"-"))
    zone = b"+" if numeric else offset[:1].upper()  # a blank for names: CET and CEST are one form
    return kind, style, found["mark"] or b"", bool(found["fraction"]), zone
