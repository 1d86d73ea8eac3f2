"""What reading a log means: facts about the file go in, counts and intervals come out, kept bytes stay verbatim."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from data.retention.evidence import Evidence, Span
from data.retention.instants import Instant

Zone = ZoneInfo | None
"""Zone of stamps that name none; None is unknown: from -12 h to +14 h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of a file besides its content."""

    name: bytes
    """Its path below the root, as bytes; the last part may name a period."""
    size: int
    mtime: Instant
    birth: Instant | None = None
    """When the file was made, where the file system tells."""
    zone: Zone = None
    pin: str = ""
    """Id of the format family, or an alias of it, where the operator fixed one; "" lets the content decide."""
    named: Span | None = None
    """The period that its place stands for, where whoever names it knows more than the last part of its name says."""


@unique
class Kind(IntEnum):
    """What a line is."""

    HEAD = 0
    """Begins a record."""
    CONTINUATION = 1
    """Belongs to the record above."""
    DIRECTIVE = 2
    """Belongs to no record and holds no event: `#Fields:`, a CSV header. Always kept in a rewrite."""
    UNPARSED = 3
    """Not understood: a record of its own, dated by its neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One understood line; `lo` and `hi` are None where the record names no believable time of its own."""

    kind: Kind
    lo: Instant | None = None
    hi: Instant | None = None


class Reader(Protocol):
    """Understands the lines of one file, in their order; may remember what it saw above."""

    def line(self, line: bytes) -> Line:
        """Understand one line, without its line end, in an encoding in which ASCII is ASCII."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the deciding time stamp stands in a line that was understood as a head.

    It promises: any line with the same bytes before the stamp (or, with an anchor, whose first `anchor` byte directly
    precedes the stamp), a valid stamp of the same form, and the same byte after it (or the end of the line, where the
    located line ended there), is a head too and means the instant written there, as long as `once` and `never` hold.
    A stamp that is not believed (before `BELIEVABLE`) is outside the promise. The engine may then judge such lines by
    the million without asking the reader.
    """

    start: int
    end: int
    anchor: bytes = b""
    """One byte whose first occurrence in the line directly precedes the stamp; b"" where the bytes before are fixed."""
    once: bytes = b""
    """What must occur exactly once in a line for the promise to hold, such as the key `"@t"`; b"" for nothing."""
    never: tuple[bytes, ...] = ()
    """What must not occur anywhere in a line for the promise to hold: keys that would go before the located one, and
    escapes that could spell them. Where a line breaks `once` or `never` the reader must be asked about that line."""


class LocatingReader(Reader, Protocol):
    """A reader that can tell where the deciding stamp stands; without it every line is read slowly."""

    def locate(self, line: bytes) -> Place | None:
        """Tell where the stamp of this head stands; None where the promise cannot be given."""
        ...


class ContinuingReader(LocatingReader, Protocol):
    """A locating reader that knows first bytes by which a line under a head can only continue it."""

    @property
    def continues(self) -> bytes:
        """Give these bytes, such as blank and tab; without it every line that is no known head is read slowly."""
        ...


class LateReader(Reader, Protocol):
    """A reader of records that are dated below their first line: `{`, then the time; or an entry of key=value lines.

    The engine asks after every line that it gave to `line`, if the reader has this method.
    """

    def late(self) -> Line | None:
        """Date the record that the line just read belongs to; None where that line says nothing new about it.

        Every answer replaces what was known of that record: from its HEAD line or from an earlier answer. An answer
        without `lo` and `hi` takes the time away again. The record ends with the next HEAD, DIRECTIVE or UNPARSED line,
        so it may only be judged then.
        """
        ...


class GuessingReader(Reader, Protocol):
    """A reader that takes whatever looks like no head for more of the record above.

    Where a reader guesses (`getattr(reader, "guesses", False)`), the engine believes it only so far below a head
    (`ladder.Trust`): a writer may have changed its form, and all it wrote since would go with one old record.
    """

    @property
    def guesses(self) -> bool:
        """Tell that a continuation is only likely one."""
        ...


class RawReader(Reader, Protocol):
    """A reader that counts bytes: nothing but the line feed itself may be taken off the lines that it is shown.

    Where such a reader (`getattr(reader, "raw", False)`) would be shown lines without carriage returns or NULs, its
    count would be wrong, and bytes of a value could be taken for fields.
    """

    @property
    def raw(self) -> bool:
        """Tell that every byte counts."""
        ...

    def skipped(self, count: int) -> None:
        """Count bytes that are not shown: more of a very long line read last, or NULs before the next line.

        What `late` says is asked again afterwards.
        """
        ...


class PreparedReader(Reader, Protocol):
    """A reader that must see the whole file before it can date its first line: stamps without a year.

    It may have `turns`, a number of bytes: then it is enough to show it the first of neighbouring lines that begin with
    the same so many bytes. It may have `is_steady`, which tells once it is prepared whether it says of every line what
    it would say without; then it may also be prepared after it was shown lines.
    """

    def prepare(self, lines: Iterable[bytes]) -> None:
        """Look at all lines, as `line` will be shown them; called once, before the first call of `line`."""
        ...


class Family(Protocol):
    """One family of formats.

    It may have `aliases`, other words by which settings pin it (`serilog` is `text`). It may have `begins`: where no
    line of a sample begins with one of these bytes, `reader` would give None without a pin, and need not be called.
    """

    @property
    def id(self) -> str:
        """Give the stable word by which settings pin it: `jsonl`, `logfmt`, `w3c` ..."""
        ...

    def reader(self, facts: FileFacts, sample: tuple[bytes, ...]) -> Reader | None:
        """Give a fresh reader for a file whose first lines are these, or None if it surely is another family."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much."""

    records: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file holds; instants are None where no record has one."""

    family: str
    confidence: float
    """Share of the lines the family explains, 0 to 1."""
    encoding: str
    lines: int
    records: int
    bytes: int
    """Bytes of content; of an archive, of what is inside."""
    lowest_lo: Instant | None
    highest_lo: Instant | None
    lowest_hi: Instant | None
    highest_hi: Instant | None
    expired: Tally
    """Records whose interval ends before the cutoff."""
    overdue: int
    """Records whose interval begins before the limit."""
    oldest_kept: Instant | None
    """Lowest end of an interval among the records that stay."""
    youngest_expired: Instant | None
    """Highest end of an interval among the records that may go."""
    evidence: Mapping[Evidence, int] = field(default_factory=dict)
    unparsed: int = 0
    future: int = 0
    undatable: int = 0
    damaged: str = ""
    """A stable word where the content could not be read to its end: `truncated`, `encrypted`, `too_large` ..."""
    mtime_refuted: bool = False
    """Whether a dated record is later than the file's mtime, so that the mtime proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How far an archive is followed before it is called `too_large` (security.md 8, FS-25)."""

    content_bytes: int = 2 << 30
    """The most content one archive may hold."""
    ratio: int = 200
    """The most bytes of content for one byte of archive, once `free_bytes` have been read."""
    free_bytes: int = 16 << 20
    members: int = 10_000


MOST_RANGES: Final = 4096
"""More ranges than this are not worth keeping: judging the file again is as cheap as carrying them around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a rewrite leaves of a file, and what goes."""

    kept_bytes: int
    """Size of the resulting file."""
    kept_records: int
    sha256: str
    """Of the whole resulting file, hexadecimal."""
    gone: Tally
    """Records that go, and their bytes of content."""
    span: Span | None = None
    """From the lowest beginning to the highest end of what goes; None if nothing does."""
    damaged: str = ""
    """As in `Reading`: where it is not empty, the file is kept or dropped as a whole."""
    ranges: tuple[tuple[int, int], ...] = ()
    """The bytes of a plain file that stay, each from (inclusive) and to (exclusive), in their order, neighbours merged;
    together they are what `sha256` is of. () for archives, where `damaged`, and for more than `MOST_RANGES`."""
