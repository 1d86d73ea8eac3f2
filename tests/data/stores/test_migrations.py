"""The schema: brought up to date in order, refused where the code does not know it, and never half done."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from psycopg import conninfo

from data.errors import StateError
from data.stores.postgres.database import Database
from data.stores.postgres.migrations import Migration, check_schema, known_migrations, migrate
from tests.postgres import execute, new_database

KNOWN = known_migrations()
NEXT = Migration(number=len(KNOWN) + 1, name="more", text="CREATE TABLE more (id int);")
ROLLING = replace(NEXT, text=f"-- serves from: {len(KNOWN)}\nALTER TABLE holds ADD COLUMN more int;")


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """Give the DSN of a database without any schema."""
    with new_database(postgres) as found:
        yield found


def checked(dsn: str, *, migrations: tuple[Migration, ...] = KNOWN) -> None:
    """Look at the schema as the product does before it serves."""
    with closing(Database(dsn)) as database:
        check_schema(database, migrations=migrations)


def numbers(dsn: str) -> list[int]:
    """Give the migrations a database remembers."""
    return [row[0] for row in execute(dsn, "SELECT number FROM schema_migrations ORDER BY number")]


def test_a_new_database_is_brought_up_to_date_once(empty: str) -> None:
    """All migrations are applied in order; a second time there is nothing to do, and the code serves."""
    with pytest.raises(StateError, match=r"schema 0.*app.py migrate"):
        checked(empty)
    assert migrate(empty) == KNOWN
    assert migrate(empty) == ()
    checked(empty)
    assert numbers(empty) == [migration.number for migration in KNOWN]


@pytest.mark.parametrize("count", range(len(KNOWN)))
def test_every_older_schema_is_brought_up_to_date(empty: str, count: int) -> None:
    """From each schema there ever was the rest is applied; until then the code does not serve."""
    migrate(empty, migrations=KNOWN[:count])
    with pytest.raises(StateError, match=f"schema {count}"):
        checked(empty)
    assert migrate(empty) == KNOWN[count:]
    checked(empty)


def test_two_that_migrate_at_once_wait_for_each_other(empty: str) -> None:
    """Of eight at once one does it, and all end well."""
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(migrate, [empty] * 8))
    assert sorted(map(len, done)) == [0] * 7 + [len(KNOWN)]
    checked(empty)


def test_a_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    """What fails in its middle is undone as a whole, and can be tried again when it was mended."""
    broken = replace(NEXT, text=f"{NEXT.text} SELECT 1 / 0;")
    with pytest.raises(StateError, match="DivisionByZero"):
        migrate(empty, migrations=(*KNOWN, broken))
    assert numbers(empty) == [migration.number for migration in KNOWN]
    assert execute(empty, "SELECT to_regclass('more')") == [(None,)]
    assert migrate(empty, migrations=(*KNOWN, NEXT)) == (NEXT,)


def test_a_newer_schema_is_refused_unless_it_says_otherwise(dsn: str) -> None:
    """Code of one version before serves only where the newer migration says that it can."""
    migrate(dsn, migrations=(*KNOWN, NEXT))
    for refused in (checked, migrate):
        with pytest.raises(StateError, match="install the version that migrated it"):
            refused(dsn)


def test_the_version_before_serves_on_a_schema_made_for_both(dsn: str) -> None:
    """With `serves from` the version before goes on, so that machines can be renewed one after the other."""
    migrate(dsn, migrations=(*KNOWN, ROLLING))
    checked(dsn)
    assert migrate(dsn) == ()
    checked(dsn, migrations=(*KNOWN, ROLLING))


def test_a_schema_of_another_text_is_refused(dsn: str) -> None:
    """A migration whose text is not the one that was applied is not taken for it."""
    other = (replace(KNOWN[0], text=KNOWN[0].text + "\n-- changed"), *KNOWN[1:])
    for refused in (checked, migrate):
        with pytest.raises(StateError, match="schema 1 by another text"):
            refused(dsn, migrations=other)
    checked(dsn)


def test_a_role_without_the_right_is_told(empty: str) -> None:
    """Whoever may not change the schema is told so, and nothing is changed."""
    execute(empty, "DO $$ BEGIN CREATE ROLE nobody_much LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    with pytest.raises(StateError, match="InsufficientPrivilege"):
        migrate(conninfo.make_conninfo(empty, user="nobody_much"))
    assert execute(empty, "SELECT to_regclass('schema_migrations')") == [(None,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dbname": "no_such_database"},
        {"user": "no_such_role"},
        {"port": "1"},
        {"host": "no-such-host.invalid"},
    ],
)
def test_a_wrong_dsn_is_an_error_without_its_secrets(dsn: str, wrong: dict[str, str]) -> None:
    """Whatever is wrong with a DSN, the message says that the database cannot be reached, and nothing of the DSN."""
    bad = conninfo.make_conninfo(dsn, password="hunter2", **wrong)
    for attempt in (lambda: Database(bad, wait=0.5), lambda: migrate(bad)):
        with pytest.raises(StateError) as caught:
            attempt()
        text = str(caught.value)
        assert "the database" in text
        assert not {"hunter2", "no_such", "127.0.0.1", "invalid"} & set(text.replace('"', " ").split())
        assert "hunter2" not in text


def test_a_dsn_that_is_none_is_an_error() -> None:
    """A text that no DSN can be is told like a server that is away."""
    for attempt in (lambda: Database("no dsn at all=", wait=0.5), lambda: migrate("no dsn at all=")):
        with pytest.raises(StateError, match="the database"):
            attempt()


def test_migrations_are_numbered_without_a_gap() -> None:
    """The first is 1 and each next one more; none of them says yet that older code works on it."""
    assert [migration.number for migration in KNOWN] == list(range(1, len(KNOWN) + 1))
    assert all(migration.serves_from == migration.number for migration in KNOWN)
