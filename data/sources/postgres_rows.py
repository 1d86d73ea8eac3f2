"""Rows of a plain table as units: those of one day, or of some hours, go in one transaction each.

A deletion counts and hashes exactly the rows that it removes; where these are not the planned ones, it is undone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from data.retention.evidence import Marks
from data.retention.instants import BELIEVABLE, HOUR, Instant, datetime_of, read_iso
from data.retention.residue import Code
from data.retention.unit import Action, Planned, Unit, place_of
from data.sources.interface import Acted, Skipped
from data.sources.postgres_figures import (
    Content,
    Figures,
    Seen,
    between,
    counting,
    figures_of,
    identity_of,
    only,
    removing,
    rows,
    sums,
    until,
)
from data.sources.postgres_session import Connection, one
from data.sources.postgres_table import Named, Table

UNDATED: Final = b"undated"
"""The unit of all rows that nobody can date: NULL, infinite, before 2000, or later than now."""
_DAY_HOURS: Final = 24
_BUCKETS: Final = """
SELECT (extract(epoch FROM bucket) * 1000000)::bigint, {sums} FROM (
    SELECT *, CASE WHEN dated THEN date_bin({span}, stamp, {origin}) END AS bucket FROM ({rows}) AS each
) AS counted GROUP BY bucket ORDER BY bucket
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """Stamps from (inclusive) and to (exclusive), in the column's own terms."""

    first: int
    end: int


class Rows:
    """The rows of one table, by equal spans of time."""

    def __init__(self, named: Named, *, hours: int, quiet: int) -> None:
        self._named = named
        self._hours = hours
        self._quiet = quiet

    # -- looking ------------------------------------------------------------------------------------------------------

    def seen(self, connection: Connection, table: Table, marks: Marks) -> Iterator[Seen | Skipped]:
        """Look at all rows in one pass; there are as many units as spans of time since 2000. Raises `psycopg.Error`."""
        query = sql.SQL(_BUCKETS).format(
            sums=sums(table, marks),
            span=sql.SQL("make_interval(hours => {})").format(self._hours),
            origin=table.own(BELIEVABLE),
            rows=rows(table, marks, only(table.spelled)),
        )
        for first, *counted in connection.execute(query).fetchall():
            name = UNDATED if first is None else self._name_of(first)
            yield self._seen(table, name, figures_of(tuple(counted)), marks)

    def find(self, connection: Connection, table: Table, name: bytes, marks: Marks) -> Seen | None:
        """Look at the rows of one span; None where there are none. Raises `psycopg.Error`."""
        if name == UNDATED:
            where = sql.SQL("(q.{0} >= {1} AND q.{0} <= {2}) IS NOT TRUE").format(
                table.column, table.own(BELIEVABLE), until(table, marks)
            )
        else:
            span = self._range_of(name)
            if span is None:
                return None
            where = sql.SQL("{} AND q.{} <= {}").format(
                between(table, span.first, span.end), table.column, until(table, marks)
            )
        figures = figures_of(one(connection, counting(table, marks, only(table.spelled), where)))
        return self._seen(table, name, figures, marks) if figures.all.records else None

    def _seen(self, table: Table, name: bytes, figures: Figures, marks: Marks) -> Seen:
        place = place_of(str(table.oid), name)
        span = self._range_of(name)
        goes, tag, active = "", f"rows {table.oid} {figures.all}", ""
        if span is not None:
            tag = _tag(table, span, figures.all)
            goes = _tag(table, _going(table, span, marks.cutoff), figures.expired)
            active = self._active(table, span, marks.now)
        unit = Unit(name=name, identity=identity_of(table, place=place, figures=figures, tag=tag))
        return Seen(unit=unit, figures=figures, goes=goes, active=active)

    def _active(self, table: Table, span: _Range, now: Instant) -> str:
        return "newest" if table.latest(span.end) > now - self._quiet else ""

    # -- deleting -----------------------------------------------------------------------------------------------------

    def remove(self, connection: Connection, table: Table, planned: Planned, now: Instant) -> Acted:
        """Delete the rows that were planned and no others, uncommitted; raises `psycopg.Error`."""
        span = self._range_of(planned.unit.name)
        if span is None:
            return Acted(code=Code.DRIFTED)
        if self._active(table, span, now):
            return Acted(code=Code.ACTIVE, reason="newest")
        going = _going(table, span, planned.cutoff)
        records, size, hashed = one(connection, removing(table, between(table, going.first, going.end)))
        if not records:
            return Acted(code=Code.TARGET_ABSENT)
        if _tag(table, going, Content(records=records, bytes=size, hash=hashed)) != planned.unit.identity.tag:
            return Acted(code=Code.DRIFTED)
        connection.execute(sql.SQL("SET CONSTRAINTS ALL IMMEDIATE"))  # what would refuse the commit refuses here
        code = Code.DELETED if planned.action is Action.DELETE else Code.REWRITTEN
        return Acted(code=code, bytes=size, records=records)

    def left(self, connection: Connection, table: Table, planned: Planned) -> Acted | None:
        """Tell what a crash left of a removal; None where nothing has happened. Raises `psycopg.Error`."""
        span = self._range_of(planned.unit.name)
        if span is None:
            return Acted(code=Code.DRIFTED)
        going = _going(table, span, planned.cutoff)
        content = self._content(connection, table, going, planned)
        if not content.records:
            return Acted(code=Code.ABSENT if planned.action is Action.DELETE else Code.REWRITTEN)
        return None if _tag(table, going, content) == planned.unit.identity.tag else Acted(code=Code.DRIFTED)

    def verify(self, connection: Connection, table: Table, planned: Planned) -> Code | None:
        """Look in a session of its own that no planned row is left, and that what had to stay is there.

        Raises `psycopg.Error`.
        """
        span = self._range_of(planned.unit.name)
        if span is None:
            return Code.FAILED
        going = _going(table, span, planned.cutoff)
        if self._content(connection, table, going, planned).records:
            return Code.FAILED
        kept = self._content(connection, table, _Range(first=going.end, end=span.end), planned)
        short = kept.records < planned.kept_records or kept.bytes < planned.kept_bytes
        return Code.DRIFTED if short else None

    def _content(self, connection: Connection, table: Table, span: _Range, planned: Planned) -> Content:
        marks = Marks(cutoff=planned.cutoff, limit=planned.cutoff, now=planned.now)
        where = between(table, span.first, span.end)
        return figures_of(one(connection, counting(table, marks, only(table.spelled), where))).all

    # -- names --------------------------------------------------------------------------------------------------------

    def _name_of(self, first: int) -> bytes:
        form = "%Y-%m-%d" if self._hours == _DAY_HOURS else "%Y-%m-%dT%H"
        return datetime_of(first).strftime(form).encode()

    def _range_of(self, name: bytes) -> _Range | None:
        """Read back which stamps a unit holds; None for the undated ones, and for what is no name of ours."""
        try:
            text = name.decode("ascii")
            first = read_iso(f"{text}:00Z" if "T" in text else f"{text}T00:00Z")
        except ValueError:
            return None
        span = self._hours * HOUR
        if (first - BELIEVABLE) % span or self._name_of(first) != name:
            return None
        return _Range(first=first, end=first + span)


def _going(table: Table, span: _Range, cutoff: Instant) -> _Range:
    """Cut a span at the cutoff."""
    return _Range(first=span.first, end=max(span.first, min(span.end, table.surely_before(cutoff))))


def _tag(table: Table, span: _Range, content: Content) -> str:
    return f"rows {table.oid} {span.first} {span.end} {content}"
