"""Tables to try a source of kind `postgres` on: one partitioned, one plain, in a real database, and all that happens.

The plain table has days where the suite speaks of units by name; `Renamed` translates between the two and does nothing
else, so that every step is the real source's.
"""

import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

from data.retention.evidence import Marks
from data.retention.instants import DAY, HOUR, Instant, datetime_of, instant_of, whole_seconds
from data.retention.unit import Planned
from data.sources.connector import Around, Named
from data.sources.interface import Acted, Measured
from data.sources.postgres import CONNECTOR, PostgresSource
from data.sources.postgres_options import PostgresOptions
from tests.data.sources.lab import FREE
from tests.data.sources.renamed import Renamed
from tests.postgres import _free_port
from tests.world import FakeClock

SCHEMA = 'Logs "of" 100%'
TABLE = "app's log"
COLUMN = 'written "at"'
Statement = str | sql.Composed


class PostgresLab:
    """One table in a database of its own, at a moment that stands still."""

    layout = "rows"

    def __init__(self, dsn: str, folder: Path, **options: Any) -> None:
        self.dsn = dsn
        self.state = folder / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.dsn_file = folder / "dsn"
        self.dsn_file.write_text(dsn)
        self.clock = FakeClock()
        self.now: Instant = instant_of(self.clock.now())
        self.marks = Marks(cutoff=whole_seconds(self.now - 83 * DAY), limit=self.now - 90 * DAY, now=self.now)
        self.options = PostgresOptions(
            **{
                "dsn_file": self.dsn_file,
                "table_schema": SCHEMA,
                "table": TABLE,
                "time_column": COLUMN,
                "layout": self.layout,
                "lock_seconds": 1,
                **options,
            }
        )
        self.named = Named(id="lab", title="Lab", data_kind="log")
        self.stack = ExitStack()
        self.connection = self.stack.enter_context(psycopg.connect(dsn, autocommit=True))
        self.run("CREATE SCHEMA {schema}")
        self.run(self.definition())
        self.pg = self.make()

    def close(self) -> None:
        """Let go of everything that is still open."""
        self.stack.close()

    def definition(self) -> str:
        """Give the statement that makes the table."""
        return "CREATE TABLE {table} ({column} timestamptz, message text)"

    def make(self, **options: Any) -> PostgresSource:
        """Build the source as the product does."""
        told = self.options.model_copy(update=options)
        source = CONNECTOR.build(self.named, told, Around(clock=self.clock, state=self.state))
        assert isinstance(source, PostgresSource)
        return source

    # -- statements ---------------------------------------------------------------------------------------------------

    def text(self, query: str, **names: Any) -> sql.Composed:
        """Fill the names of the lab into a statement: `{table}`, `{column}`, `{schema}` and those given."""
        known = {
            "schema": sql.Identifier(SCHEMA),
            "table": sql.Identifier(SCHEMA, TABLE),
            "column": sql.Identifier(COLUMN),
        }
        return sql.SQL(query).format(**known, **names)  # type: ignore[arg-type]  # the tests' own text

    def run(self, query: str, **names: Any) -> list[tuple[Any, ...]]:
        """Run a statement beside the product."""
        cursor = self.connection.execute(self.text(query, **names))
        return cursor.fetchall() if cursor.description else []

    def another(self, *, user: str = "", autocommit: bool = False) -> psycopg.Connection[Any]:
        """Open a session of somebody else's, which lasts as long as the lab."""
        dsn = conninfo.make_conninfo(self.dsn, user=user) if user else self.dsn
        return self.stack.enter_context(psycopg.connect(dsn, autocommit=autocommit))

    def insert(self, instants: Iterable[Instant], into: sql.Identifier | None = None, *, text: str = "record") -> None:
        """Write records of these instants."""
        for number, at in enumerate(instants):
            self.run(
                "INSERT INTO {into} VALUES ({at}, {message})",
                into=into or sql.Identifier(SCHEMA, TABLE),
                at=datetime_of(at),
                message=f"{text} {number}",
            )

    def lose(self) -> None:
        """Let the server be away."""
        self.dsn_file.write_text(conninfo.make_conninfo(self.dsn, port=_free_port()))

    def role(self, *grants: str, limit: int = -1) -> str:
        """Make a role that lasts as long as the lab, with these rights; give its name."""
        name = f"r_{secrets.token_hex(6)}"
        role = sql.Identifier(name)
        self.run("CREATE ROLE {role} LOGIN CONNECTION LIMIT {limit}", role=role, limit=limit)
        self.stack.callback(self.run, "DROP ROLE {role}", role=role)
        self.stack.callback(self.run, "DROP OWNED BY {role}", role=role)
        for grant in ("GRANT USAGE ON SCHEMA {schema} TO {role}", *grants):
            self.run(grant, role=role)
        return name

    def as_role(self, name: str) -> None:
        """Let the source come as this role from now on."""
        self.dsn_file.write_text(conninfo.make_conninfo(self.dsn, user=name))

    # -- what people do -----------------------------------------------------------------------------------------------

    @property
    def source(self) -> Any:
        """Give the source as the suite sees it."""
        return self.pg

    def fresh(self) -> Any:
        """Make the source anew, as after a restart."""
        return self.make()

    def measured(self, *, fresh: bool = False) -> dict[str, Measured]:
        """Measure all units, by name."""
        found = self.source.measure(self.marks, fresh=fresh)
        return {unit.unit.name.decode(): unit for unit in found if isinstance(unit, Measured)}

    def plan(self) -> list[Planned]:
        """Plan everything a purge would touch, by name."""
        rows = self.source.plan(list(self.measured().values()), self.marks)
        return sorted((row for row in rows if row is not None), key=lambda row: row.unit.name)

    def delete(self, planned: list[Planned]) -> list[Acted]:
        """Delete with nothing in the way."""
        return list(self.source.delete(planned, guard=FREE))

    def lines(self, where: sql.Composed, relation: sql.Identifier | None = None) -> list[str]:
        """Give rows as the server writes them."""
        found = self.run(
            "SELECT t::text FROM {relation} AS t WHERE {where} ORDER BY {column}, message",
            relation=relation or sql.Identifier(SCHEMA, TABLE),
            where=where,
        )
        return [row[0] for row in found]


class PartitionsLab(PostgresLab):
    """A table partitioned by days; each unit of the suite is a partition of that very name."""

    layout = "partitions"

    def __init__(self, dsn: str, folder: Path, **options: Any) -> None:
        super().__init__(dsn, folder, **options)
        self.made = 0

    def definition(self) -> str:
        """Give the statement that makes the table."""
        return "CREATE TABLE {table} ({column} timestamptz, message text) PARTITION BY RANGE ({column})"

    def partition(self, name: str) -> sql.Identifier:
        """Spell a partition's name."""
        return sql.Identifier(SCHEMA, name)

    def attach(self, name: str, first: Instant, end: Instant) -> sql.Identifier:
        """Make a partition for a range."""
        spelled = self.partition(name)
        self.run(
            "CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({end})",
            name=spelled,
            first=datetime_of(first),
            end=datetime_of(end),
        )
        return spelled

    def aged(self, name: str, age: int, count: int) -> sql.Identifier:
        """Make a partition of a day of its own, about so old, and fill it."""
        first = (self.now - age - self.made * DAY) // DAY * DAY
        self.made += 1
        made = self.attach(name, first, first + DAY)
        self.insert([first + number * HOUR for number in range(count)], made)
        return made

    def old(self, name: str = "old.log", count: int = 3) -> object:
        """Make a unit of which everything may go; one made again is as it was."""
        if name in self.days:
            self.attach(name, self.days[name], self.days[name] + DAY)
            self.insert([self.days[name] + number * HOUR for number in range(count)], self.partition(name))
        else:
            self.days[name] = (self.now - 100 * DAY - self.made * DAY) // DAY * DAY
            self.aged(name, 100 * DAY, count)
        return name

    def young(self, name: str = "young.log", count: int = 3) -> object:
        """Make a unit of which nothing may go."""
        return self.aged(name, 10 * DAY, count)

    def mixed(self, name: str = "mixed.log") -> object:
        """Make a unit that holds two old records and two young ones."""
        cutoff = self.marks.cutoff
        return self.write(name, [cutoff - 2 * HOUR, cutoff - HOUR, cutoff + HOUR, cutoff + 2 * HOUR])

    def undated(self, name: str = "undated.log") -> object:
        """Make a unit whose record is of 1970: nobody believes that."""
        return self.write(name, [HOUR])

    def write(self, name: str, instants: list[Instant]) -> object:
        """Make a unit of records of these instants."""
        first, end = min(instants) // DAY * DAY, max(instants) // DAY * DAY + DAY
        self.insert(instants, self.attach(name, first, end))
        return name

    @property
    def days(self) -> dict[str, Instant]:
        """Give the days of old units."""
        return self.__dict__.setdefault("_days", {})

    def bounds(self, name: str) -> tuple[Instant, Instant]:
        """Give the first stamp of a partition, and the next after its last."""
        ((first, last),) = self.run("SELECT min({column}), max({column}) FROM {name}", name=self.partition(name))
        return instant_of(first) // DAY * DAY, instant_of(last) // DAY * DAY + DAY

    def drift(self, name: str) -> None:
        """Let a unit get another record, at an instant it has already."""
        first, _ = self.bounds(name)
        self.insert([first + HOUR], self.partition(name), text="late")

    def swap(self, name: str) -> None:
        """Put another partition of the same name, bounds and size in the place of one."""
        first, end = self.bounds(name)
        rows = self.run("SELECT {column}, message FROM {name}", name=self.partition(name))
        self.remove(name)
        self.attach(name, first, end)
        for at, message in rows:
            self.run(
                "INSERT INTO {name} VALUES ({at}, {message})",
                name=self.partition(name),
                at=at,
                message=message.replace("record", "Record"),
            )

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.run("DROP TABLE {name}", name=self.partition(name))

    def occupy(self, name: str) -> None:
        """Let somebody change a unit, who has not committed yet; a DELETE, as it alone leaves the parent free."""
        self.another().execute(self.text("DELETE FROM ONLY {name}", name=self.partition(name)))

    def foreign(self) -> str:
        """Put a detached partition there; give the reason it is skipped for."""
        self.run("CREATE TABLE {name} (LIKE {table})", name=self.partition(f"{TABLE}_p2025"))
        return "set_aside"

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        everything = sql.SQL("true").format()
        ((there,),) = self.run(
            "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = {s} AND tablename = {t})", s=SCHEMA, t=name
        )
        return "".join(self.lines(everything, self.partition(name))).encode() if there else None

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        where = self.text("{column} >= {cutoff}", cutoff=datetime_of(self.marks.cutoff))
        return "".join(self.lines(where, self.partition(name))).encode()

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's content is still there, for everybody else."""
        ((there,),) = self.run("SELECT EXISTS (SELECT FROM pg_class WHERE oid = {oid})", oid=row.unit.identity.inode)
        return bool(there)


class RowsLab(PostgresLab):
    """A plain table; each unit of the suite is a day of it."""

    def __init__(self, dsn: str, folder: Path, **options: Any) -> None:
        super().__init__(dsn, folder, **options)
        self.days: dict[str, Instant] = {}
        self.renamed = Renamed(self.pg, self.names)

    @property
    def source(self) -> Any:
        """Give the source as the suite sees it."""
        return self.renamed

    def fresh(self) -> Any:
        """Make the source anew, as after a restart."""
        return Renamed(self.make(), self.names)

    def day(self, name: str, age: int) -> Instant:
        """Give a day of its own to a name, the same one every time."""
        if name not in self.days:
            self.days[name] = (self.now - age - len(self.days) * DAY) // DAY * DAY
        return self.days[name]

    def old(self, name: str = "old.log", count: int = 3) -> object:
        """Make a unit of which everything may go."""
        first = self.day(name, 100 * DAY)
        return self.insert([first + number * HOUR for number in range(count)])

    def young(self, name: str = "young.log", count: int = 3) -> object:
        """Make a unit of which nothing may go."""
        first = self.day(name, 10 * DAY)
        return self.insert([first + number * HOUR for number in range(count)])

    def mixed(self, name: str = "mixed.log") -> object:
        """Make a unit that holds two old records and two young ones: the day of the cutoff."""
        cutoff = self.marks.cutoff
        return self.write(name, [cutoff - 2 * HOUR, cutoff - HOUR, cutoff + HOUR, cutoff + 2 * HOUR])

    def undated(self, name: str = "undated.log") -> object:
        """Make a row without a time."""
        assert name == "undated.log", "there is one unit of undatable rows"
        return self.run("INSERT INTO {table} VALUES (NULL, 'nobody knows')")

    def write(self, name: str, instants: list[Instant]) -> object:
        """Make a unit of records of these instants, which are of one day."""
        (self.days[name],) = {at // DAY * DAY for at in instants}
        return self.insert(instants)

    def within(self, name: str) -> sql.Composed:
        """Write which rows are of a unit."""
        first = self.days[name]
        return self.text(
            "{column} >= {first} AND {column} < {end}", first=datetime_of(first), end=datetime_of(first + DAY)
        )

    def drift(self, name: str) -> None:
        """Let a unit get another record, at an instant it has already."""
        self.insert([self.days[name] + HOUR], text="late")

    def swap(self, name: str) -> None:
        """Put other rows, of the same instants and lengths, in the place of a unit's."""
        query = "UPDATE {table} SET message = replace(message, 'record', 'Record') WHERE {where}"
        self.run(query, where=self.within(name))

    def remove(self, name: str) -> None:
        """Take a unit away."""
        self.run("DELETE FROM {table} WHERE {where}", where=self.within(name))

    def occupy(self, name: str) -> None:
        """Let somebody change a row of a unit, who has not committed yet."""
        writer = self.another()
        writer.execute(self.text("UPDATE {table} SET message = 'mine' WHERE {where}", where=self.within(name)))

    def foreign(self) -> str:
        """A plain table holds nothing but rows: there is nothing to skip."""
        return ""

    def content(self, name: str) -> bytes | None:
        """Give what a unit holds now, to the byte; None where there is none."""
        return "".join(self.lines(self.within(name))).encode() or None if name in self.days else None

    def expected(self, name: str) -> bytes:
        """Give what of a unit has to stay, reckoned without the product."""
        late = self.text("{where} AND {column} >= {at}", where=self.within(name), at=datetime_of(self.marks.cutoff))
        return "".join(self.lines(late)).encode()

    def names(self) -> dict[bytes, bytes]:
        """Give for the name of each unit the one of the lab."""
        days = {datetime_of(day).strftime("%Y-%m-%d"): name for name, day in self.days.items()}
        return {day.encode(): name.encode() for day, name in {**days, "undated": "undated.log"}.items()}

    def survives(self, row: Planned) -> bool:
        """Tell whether a unit's rows are still there, for everybody else."""
        return self.content(row.unit.name.decode()) is not None
