"""What a range of rows holds: counted by the server in one pass, told apart by a hash that no order changes."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from psycopg import sql

from data.formats.interface import Reading, Tally
from data.retention.evidence import Evidence, Marks
from data.retention.instants import BELIEVABLE
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.postgres_session import Query, Row
from data.sources.postgres_table import SKEW, Table

_TEXT: Final = sql.SQL("ROW(q.*)::text")
"""A row as the server writes it: `q.*` means the table, whatever a column may be called."""
EVERYTHING: Final = sql.SQL("true").format()
_OF_EACH: Final = sql.SQL("octet_length({0}) AS size, hashtextextended({0}, 0) AS hash").format(_TEXT)

_ROWS: Final = """
SELECT q.{column} AS stamp, {of_each},
    (q.{column} >= {believed} AND q.{column} <= {until}) IS TRUE AS dated,
    (q.{column} > {until}) IS TRUE AS future,
    (q.{column} >= {believed} AND q.{column} <= {until} AND q.{column} < {cutoff}) IS TRUE AS gone
FROM {relation} AS q WHERE {where}
"""
_SUMS: Final = """
count(*), coalesce(sum(size), 0)::bigint, coalesce(sum(hash), 0)::text,
count(*) FILTER (WHERE dated), count(*) FILTER (WHERE future), count(*) FILTER (WHERE dated AND stamp < {limit}),
(extract(epoch FROM min(stamp) FILTER (WHERE dated)) * 1000000)::bigint,
(extract(epoch FROM max(stamp) FILTER (WHERE dated)) * 1000000)::bigint,
count(*) FILTER (WHERE gone),
coalesce(sum(size) FILTER (WHERE gone), 0)::bigint, coalesce(sum(hash) FILTER (WHERE gone), 0)::text,
(extract(epoch FROM max(stamp) FILTER (WHERE gone)) * 1000000)::bigint,
(extract(epoch FROM min(stamp) FILTER (WHERE dated AND NOT gone)) * 1000000)::bigint
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What some rows are, whatever order they lie in: how many, how long as text, and the sum of their hashes."""

    records: int
    bytes: int
    hash: str

    def __str__(self) -> str:
        return f"{self.records} {self.bytes} {self.hash}"

    def digest(self, table: Table) -> str:
        """Hash it with the table it belongs to: restored rows have the same again, wherever they lie in it."""
        named = (table.named.schema, table.named.table, table.named.column, str(self))
        return sha256("\0".join(("postgres 1", *named)).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the rows of one unit come to; instants are None where no record has one."""

    all: Content
    expired: Content
    dated: int
    future: int
    overdue: int
    lowest: int | None
    """Stamps in the column's own terms, as the four that follow."""
    highest: int | None
    highest_expired: int | None
    lowest_kept: int | None

    def reading(self, table: Table, marks: Marks) -> Reading:
        """Say the same as a source says it of a file."""
        undated = self.all.records - self.dated
        evidence = {Evidence.OWN: self.dated, Evidence.NONE: undated}
        youngest = None if self.highest_expired is None else table.latest(self.highest_expired)
        return Reading(
            family="postgres",
            confidence=1.0,
            encoding="utf-8",
            lines=self.all.records,
            records=self.all.records,
            bytes=self.all.bytes,
            lowest_lo=None if self.lowest is None else table.earliest(self.lowest),
            highest_lo=None if self.highest is None else table.earliest(self.highest),
            lowest_hi=None if self.lowest is None else table.latest(self.lowest),
            highest_hi=None if self.highest is None else table.latest(self.highest),
            expired=Tally(records=self.expired.records, bytes=self.expired.bytes),
            overdue=self.overdue,
            oldest_kept=None if self.lowest_kept is None else table.latest(self.lowest_kept),
            youngest_expired=None if youngest is None else min(youngest, marks.cutoff - 1),
            evidence={kind: count for kind, count in evidence.items() if count},
            future=self.future,
            undatable=undated,
        )

    def wholly_old(self) -> bool:
        """Tell whether all of it may go."""
        return 0 < self.all.records == self.expired.records

    def kept(self) -> Content:
        """Give what stays if everything expired goes."""
        return Content(
            records=self.all.records - self.expired.records,
            bytes=self.all.bytes - self.expired.bytes,
            hash=str(int(self.all.hash) - int(self.expired.hash)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A unit as a look at the table found it."""

    unit: Unit
    figures: Figures
    goes: str
    """The tag that a deletion of its expired rows is bound to."""
    active: str = ""

    def planned(self, table: Table, marks: Marks) -> Planned | None:
        """Bind what would happen to exactly what is there; None where nothing may go."""
        figures, found = self.figures, self.unit.identity
        reading = figures.reading(table, marks)
        if self.active or not figures.expired.records or reading.youngest_expired is None or reading.lowest_lo is None:
            return None
        whole = figures.wholly_old()
        kept = figures.kept()
        identity = Identity(
            device=found.device,
            inode=found.inode,
            size=found.size,
            mtime_ns=found.mtime_ns,
            ctime_ns=found.ctime_ns,
            digest=figures.expired.digest(table),
            tag=self.goes,
        )
        return Planned(
            unit=Unit(name=self.unit.name, identity=identity),
            action=Action.DELETE if whole else Action.REWRITE,
            records=figures.expired.records,
            bytes=figures.expired.bytes,
            lo=min(reading.lowest_lo, reading.youngest_expired),
            hi=reading.youngest_expired,
            kept_bytes=0 if whole else kept.bytes,
            kept_records=0 if whole else kept.records,
            kept_digest="" if whole else kept.digest(table),
            cutoff=marks.cutoff,
            now=marks.now,
        )


def identity_of(table: Table, *, place: int, figures: Figures, tag: str) -> Identity:
    """Name which content stands at a place."""
    newest = 0 if figures.highest is None else table.latest(figures.highest)
    return Identity(
        device=table.server, inode=place, size=figures.all.bytes, mtime_ns=newest * 1000, ctime_ns=0, tag=tag
    )


def counting(table: Table, marks: Marks, relation: Query, where: Query = EVERYTHING) -> Query:
    """Write the query of what rows come to; `relation` says whether those of its partitions count too."""
    return sql.SQL("SELECT {} FROM ({}) AS counted").format(sums(table, marks), rows(table, marks, relation, where))


def only(relation: sql.Identifier) -> Query:
    """Name a relation without what inherits from it."""
    return sql.SQL("ONLY {}").format(relation)


def sums(table: Table, marks: Marks) -> Query:
    """Write the sums over what `rows` gives."""
    return sql.SQL(_SUMS).format(limit=table.own(table.maybe_before(marks.limit)))


def rows(table: Table, marks: Marks, relation: Query, where: Query = EVERYTHING) -> Query:
    """Write what is asked of every row."""
    return sql.SQL(_ROWS).format(
        column=table.column,
        of_each=_OF_EACH,
        believed=table.own(BELIEVABLE),
        until=until(table, marks),
        cutoff=table.own(table.surely_before(marks.cutoff)),
        relation=relation,
        where=where,
    )


def figures_of(row: Row) -> Figures:
    """Read what the server counted."""
    records, size, hashed, dated, future, overdue, lowest, highest, gone, gone_size, gone_hash, last, kept = row
    return Figures(
        all=Content(records=records, bytes=size, hash=hashed),
        expired=Content(records=gone, bytes=gone_size, hash=gone_hash),
        dated=dated,
        future=future,
        overdue=overdue,
        lowest=lowest,
        highest=highest,
        highest_expired=last,
        lowest_kept=kept,
    )


def until(table: Table, marks: Marks) -> sql.Literal:
    """Write the last stamp that is believed."""
    return table.own(table.maybe_before(marks.now + SKEW))


def removing(table: Table, where: Query) -> Query:
    """Write the deletion of a table's own rows that tells, of exactly the rows it removed, what `Content` holds."""
    return sql.SQL(
        "WITH gone AS (DELETE FROM {relation} AS q WHERE {where} RETURNING {of_each}) "
        "SELECT count(*), coalesce(sum(size), 0)::bigint, coalesce(sum(hash), 0)::text FROM gone"
    ).format(relation=table.spelled, where=where, of_each=_OF_EACH)


def between(table: Table, first: int, end: int) -> Query:
    """Write the half-open range of stamps, in the column's own terms."""
    return sql.SQL("q.{0} >= {1} AND q.{0} < {2}").format(table.column, table.own(first), table.own(end))
