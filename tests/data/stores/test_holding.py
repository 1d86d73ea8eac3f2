"""One process holds the database; one that has lost it changes nothing more, whether it knows or not."""

from contextlib import closing

import pytest

from data.errors import StateError
from data.stores.postgres.database import Database
from data.stores.postgres.holding import held
from data.stores.postgres.retention import PostgresRetentionStores
from tests.data.stores.things import a_hold, a_request
from tests.postgres import execute


def cut_keeper(dsn: str) -> None:
    """Cut the connections that hold the lock, as a restart of the server or of a firewall does."""
    execute(
        dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )


def test_a_second_process_is_refused_until_the_first_has_ended(dsn: str) -> None:
    """While one holds the database another is told so; after the first has ended, it may."""
    with closing(Database(dsn)) as one, closing(Database(dsn)) as two:
        with held(one, dsn), pytest.raises(StateError, match="another process"), held(two, dsn):
            pytest.fail("two hold one database")
        with held(two, dsn):
            PostgresRetentionStores(two, host="b").requests.add(a_request())


def test_who_has_lost_the_database_changes_nothing_more(dsn: str) -> None:
    """A holder whose connection was cut goes on until somebody takes over; from then on each change is refused."""
    with closing(Database(dsn)) as one, closing(Database(dsn)) as two:
        mine, other = PostgresRetentionStores(one, host="a"), PostgresRetentionStores(two, host="b")
        with held(one, dsn):
            first = mine.requests.add(a_request())
            cut_keeper(dsn)
            kept = mine.requests.replace(first)
            with held(two, dsn):
                for change in (
                    lambda: mine.requests.replace(kept),
                    lambda: mine.holds.add(a_hold()),
                    lambda: mine.people.forget("p-1"),
                    lambda: mine.manifests.save("r-1", ()),
                ):
                    with pytest.raises(StateError, match="taken over"):
                        change()
                assert mine.requests.get(first.id) == kept  # looking is no change
                assert other.requests.replace(kept).version == kept.version + 1


def test_the_number_only_grows(dsn: str) -> None:
    """Each holder gets a number above all before it."""
    with closing(Database(dsn)) as database:
        seen = []
        for _ in range(3):
            with held(database, dsn):
                seen.append(database.fence)
        assert seen == sorted(set(seen))
        assert database.fence == 0
