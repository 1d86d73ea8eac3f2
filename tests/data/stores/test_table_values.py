"""Each stored value is read once, and what was read never outlives what the file holds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import StateError
from data.retention.request import PurgeRequest
from data.stores.codec import Codec
from data.stores.common import request_codec
from data.stores.tinydb_file import Ceilings, EmbeddedFile, Table
from tests.data.stores.things import a_request

KEYS = ("r-1", "r-2", "r-3")


class Shaky:
    """A storage of bytes whose next write fails if it is told to, before or after the file has changed."""

    def __init__(self) -> None:
        self.content = b"{}"
        self.fails = ""
        self.unsure = False
        self._document: Any = {}
        self._stale = False

    def read(self) -> Any:
        """Give the document, as the file holds it where a write has failed."""
        if self._stale:
            self._document, self._stale = orjson.loads(self.content), False
        return self._document

    def write(self, data: Mapping[str, Any]) -> None:
        """Keep the document, or fail."""
        self._stale, fails, self.fails = True, self.fails, ""
        if fails == "before":
            raise StateError("not written")
        self.content = orjson.dumps(data)
        self.unsure = fails == "after"
        if self.unsure:
            raise StateError("not flushed")
        self._document, self._stale = data, False

    def check_writable(self) -> None:
        """Let everything be written."""

    def close(self) -> None:
        """Do nothing."""


class Counting(Codec[PurgeRequest]):
    """Counts how often something is read."""

    def __init__(self) -> None:
        super().__init__(PurgeRequest, what="request", key="id")
        self.read = 0

    def decode(self, document: Mapping[str, Any]) -> PurgeRequest:
        """Read a document."""
        self.read += 1
        return super().decode(document)


def table_over(storage: Shaky, codec: Codec[PurgeRequest]) -> tuple[EmbeddedFile, Table[PurgeRequest]]:
    """Open a table over a storage."""
    file = EmbeddedFile(storage, Ceilings())  # type: ignore[arg-type]
    return file, Table(file, "requests", codec)


def test_a_value_is_read_once() -> None:
    """However often values are asked for, each is read once; a change reads the changed one only."""
    storage = Shaky()
    _, first = table_over(storage, request_codec())
    first.insert_all({key: a_request(key) for key in KEYS})
    codec = Counting()
    _, table = table_over(storage, codec)
    for _ in range(10):
        assert [value.id for value in table.all()] == list(KEYS)
        assert table.find("r-2") == a_request("r-2")
    assert codec.read == len(KEYS)
    table.put("r-2", a_request("r-2", reason="other"))
    assert [value.reason for value in table.all()] == ["", "other", ""]
    assert codec.read == len(KEYS) + 1


@pytest.mark.parametrize("fails", ["before", "after"])
def test_after_a_failure_everything_is_read_anew(fails: str) -> None:
    """Where a write has failed, what is read is what the file holds: the old value, or the new one if it got there."""
    storage, codec = Shaky(), Counting()
    _, table = table_over(storage, codec)
    table.put("r-1", a_request("r-1"))
    read, storage.fails = codec.read, fails
    with pytest.raises(StateError):
        table.put("r-1", a_request("r-1", reason="new"))
    found = table.find("r-1")
    assert found is not None
    assert found.reason == ("new" if fails == "after" else "")
    assert codec.read == read + 1


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "update", "remove", "remove_all", "again"]),
        st.sampled_from(KEYS),
        st.sampled_from(["", "", "", "before", "after"]),
    ),
    max_size=30,
)


@given(taken=steps)
@settings(max_examples=200)
def test_what_is_read_is_what_the_file_holds(taken: list[tuple[str, str, str]]) -> None:
    """After any changes, some of which fail, every value that is read is the one in the file."""
    storage, codec = Shaky(), request_codec()
    file, table = table_over(storage, codec)
    for number, (what, key, fails) in enumerate(taken):
        value = replace(a_request(key), reason=f"{number}")
        storage.fails = fails
        known = table.find(key) is not None
        try:
            if what == "put":
                table.put(key, value)
            elif what == "insert" and not known:
                table.insert_all({key: value})
            elif what == "update" and known:
                table.update_all({key: value})
            elif what == "remove":
                table.remove(key)
            elif what == "remove_all":
                table.remove_all([key])
            elif what == "again":
                file.write_again()
        except StateError:
            pass
        storage.fails = ""
        stored = orjson.loads(storage.content).get("requests", {})
        assert {one.id: one for one in table.all()} == {name: codec.decode(row) for name, row in stored.items()}
        assert table.find(key) == (codec.decode(stored[key]) if key in stored else None)
