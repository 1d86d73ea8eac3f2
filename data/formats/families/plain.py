"""Text logs whose records begin with a stamp: Serilog, NLog, log4net, Python, Java, PostgreSQL, Go and their like.

One family, `text`: what differs between those writers is the form of the head, and the file shows it. The commonest
form among its sample that is in order is the file's own, and others that are common and as orderly. A line that
begins so begins a record. Any other line belongs to the record above: stack traces, inner exceptions, blank lines.
So does a line that begins with a stamp of a foreign form from before the file's first record: it is quoted. A later one
may be another writer's: it is dated by its neighbours, so that nothing is taken for older than it is. Lines above the
first head, heads with a date that does not exist and undated heads (`INFO:name:message`) are dated so too.
So are lines of text in a file that hardly has heads, and lines that begin as other families' records do.
Nothing depends on the lines between, so that the engine may pass over heads without showing them.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from data.formats import stamps
from data.formats.families.heads import CONTINUATION, INDENTS, UNPARSED, Read, in_any_order, is_foreign, is_trace
from data.formats.interface import FileFacts, Kind, Line, Place, Reader
from data.formats.zones import Clocks, ZoneClock
from data.retention.evidence import Span
from data.retention.instants import BEGINNING, DAY, Instant

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
_W3C = (b"#Fields:", b"#Software:")
_WEB_ERROR = re.compile(rb"\[[A-Z][a-z]{2} [^\]]{16,32}\] \[|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[[a-z]{3,7}\] \d{1,10}#\d")
_NO_HEAD = b" \t!\"#$%&'()*+,-./;=>?\\]^_`|}~"
_SAMPLE = 300
"""Lines that show the forms of a file: those at its beginning and some from its middle."""
_FIRST = 5
_FEWEST = 5
_COMMON = 0.2
_FEW = 0.1
_MOST_LINES = 20

_READ: Mapping[str, Read] = MappingProxyType(
    {
        "iso": stamps.iso,
        "slashed": stamps.slashed,
        "german": stamps.german,
        "english": stamps.english,
        "dashed": stamps.dashed,
        "asctime": stamps.asctime,
    },
)
_IN_ANY_ORDER: Final = frozenset({"slashed", "german"})
"""Kinds of stamps whose year may have two digits."""
_Form = tuple[str, bytes, bytes, bool, bytes]
_Head = tuple[_Form, bytes, Span | None]
"""The form of a head, its stamp, and what that means."""


class PlainFamily:
    """Text whose records begin with a stamp, or with a level or a bracket and then a stamp."""

    id: Final = "text"
    aliases: Final = ALIASES
    begins: Final = bytes(set(range(256)) - set(_NO_HEAD))

    def __init__(self) -> None:
        self._clocks = Clocks()

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a reader for the forms of head in the sample; None where no line has a dated head."""
        pinned = facts.pin in (self.id, *ALIASES)
        if not pinned and any(line.startswith(_W3C) or _WEB_ERROR.match(line) for line in sample[:_FIRST]):
            return None
        clock, latest = self._clocks.of(facts.zone), facts.mtime + DAY
        first = sample[:_SAMPLE]
        heads = {line: head for line in first if (head := _head(line, clock)) is not None}
        habits = _habits(first, [heads[line] for line in first if line in heads], latest)
        return PlainReader(clock, habits, latest, heads) if habits.forms or pinned else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habits:
    """What the first lines of a file show of its writer."""

    forms: frozenset[_Form] = frozenset()
    """Its own forms of head."""
    since: Instant = BEGINNING
    """Its earliest record."""
    sparse: bool = False
    """Whether most lines are neither heads nor traces: they are hardly all of the few records above them."""


class PlainReader:
    """Reads one file with its own forms of head; where it has none yet, the first dated head sets it."""

    __slots__ = ("_begun", "_clock", "_habits", "_heads", "_latest")

    guesses: Final = True

    def __init__(self, clock: ZoneClock, habits: _Habits, latest: Instant, heads: dict[bytes, _Head]) -> None:
        """Know the heads of the sample, which need not be understood twice."""
        self._clock = clock
        self._heads = heads
        self._habits = habits
        self._latest = latest
        self._begun = False

    def line(self, line: bytes) -> Line:
        """Tell whether a line begins a record, and when."""
        head = self._heads.pop(line, None) if self._heads else None
        head = head or _head(line, self._clock)
        if head is None:
            return self._rest(line)
        form, text, span = head
        if span is not None and form[0] in _IN_ANY_ORDER:
            span = in_any_order(_READ[form[0]], text, self._clock, self._latest)
        if not self._habits.forms and span is not None:
            self._habits = _Habits(forms=frozenset({form}), since=span.lo)
        if form not in self._habits.forms:
            quoted = self._begun and (span is None or span.hi < self._habits.since)
            return CONTINUATION if quoted else UNPARSED
        if span is None:
            return UNPARSED
        self._begun = True
        return Line(kind=Kind.HEAD, lo=span.lo, hi=span.hi)

    def _rest(self, line: bytes) -> Line:
        if not self._begun or _UNDATED.match(line) or is_foreign(line):
            return UNPARSED
        return UNPARSED if self._habits.sparse and not is_trace(line) else CONTINUATION

    @property
    def continues(self) -> bytes:
        """Give the bytes with which no head begins, of any form."""
        return INDENTS if self._habits.sparse else _NO_HEAD

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp stands in a head of one of the file's own forms."""
        found = _HEAD.match(line)
        if found is None or (form := _form(found)) not in self._habits.forms:
            return None
        return Place(start=found.start(form[0]), end=found.end(form[0]))


def _habits(lines: tuple[bytes, ...], heads: list[_Head], latest: Instant) -> _Habits:
    """Tell what the first lines show.

    Heads are in order, and not from after the file's last change; quoted dates are neither. The commonest form that is
    so leads; others count that are a fifth of the dated lines and wholly so.
    """
    dated = [(form, span) for form, _, span in heads if span is not None]
    if len({form for form, _ in dated}) == 1:
        return _kept(frozenset({dated[0][0]}), dated, lines)
    counts: Counter[_Form] = Counter()
    strays: Counter[_Form] = Counter()
    newest = BEGINNING
    for form, span in dated:
        counts[form] += 1
        stray = span.lo > latest or span.hi < newest - DAY
        strays[form] += stray
        newest = newest if stray else max(newest, span.lo)
    if not counts:
        return _Habits()
    main = max(counts, key=lambda form: (strays[form] <= counts[form] * _FEW, counts[form]))
    least = max(_FEWEST, len(dated) * _COMMON)
    own = {main, *(form for form, count in counts.items() if count >= least and not strays[form])}
    return _kept(frozenset(own), dated, lines)


def _kept(own: frozenset[_Form], dated: list[tuple[_Form, Span]], lines: tuple[bytes, ...]) -> _Habits:
    """Sum up, with the forms of head that count."""
    records = [span for form, span in dated if form in own]
    most = len(records) * _MOST_LINES
    sparse = len(lines) - len(dated) > most and sum(not is_trace(line) for line in lines) - len(dated) > most
    return _Habits(forms=own, since=min(span.lo for span in records), sparse=sparse)


def _head(line: bytes, clock: ZoneClock) -> _Head | None:
    found = _HEAD.match(line)
    if found is None:
        return None
    form = _form(found)
    text = found[form[0]]
    return form, text, _READ[form[0]](text, clock)


def _form(found: "re.Match[bytes]") -> _Form:
    """Tell what makes a head of one writer: what stands before the stamp, the kind of stamp and its parts."""
    before, mark, fraction, offset = found.group("before", "mark", "fraction", "offset")
    kind = found.lastgroup or ""
    style = (b"L" if before[:1].isalpha() else before[:1]) + before[-1:] if before else b""
    if kind != "iso":
        return kind, style, b"", False, b""
    if offset is None:
        return kind, style, mark, bool(fraction), b""
    numeric = offset.lstrip().startswith((b"+", b"-"))
    zone = b"+" if numeric else offset[:1].upper()  # a blank for names: CET and CEST are one form
    return kind, style, mark, bool(fraction), zone
