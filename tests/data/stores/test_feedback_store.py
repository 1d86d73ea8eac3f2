"""The feedback stores keep one promise on every engine, and nothing about who said it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from data.errors import StateError
from data.labels import Lang
from data.stores.interface import FeedbackCount, FeedbackStore
from data.stores.memory import MemoryFeedbackStore
from data.stores.postgres.feedback import PostgresFeedbackStore
from data.stores.tinydb_store import TinyFeedbackStore


@pytest_asyncio.fixture(params=["memory", "tinydb", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FeedbackStore]:
    """Give an empty store of each kind."""
    if request.param == "memory":
        yield MemoryFeedbackStore()
        return
    if request.param == "postgres":
        yield PostgresFeedbackStore(request.getfixturevalue("database"))
        return
    embedded = TinyFeedbackStore(tmp_path / "feedback.json")
    yield embedded
    embedded.close()


async def test_an_empty_store_counts_nothing(store: FeedbackStore) -> None:
    """Nothing was said, nothing is counted."""
    assert await store.counts() == ()


async def test_feedback_is_counted_by_answer_and_language(store: FeedbackStore) -> None:
    """Helpful and not helpful are counted for each answer in each language, listed in their order."""
    for answer, lang, helpful in (
        ("push", Lang.EN, True),
        ("push", Lang.DE, True),
        ("journal.retention", Lang.DE, False),
        ("push", Lang.DE, False),
        ("push", Lang.DE, True),
    ):
        await store.add(answer, lang, helpful=helpful)
    assert await store.counts() == (
        FeedbackCount(answer="journal.retention", lang=Lang.DE, not_helpful=1),
        FeedbackCount(answer="push", lang=Lang.DE, helpful=2, not_helpful=1),
        FeedbackCount(answer="push", lang=Lang.EN, helpful=1),
    )


async def test_feedback_at_the_same_time_is_all_counted(store: FeedbackStore) -> None:
    """Of fifty presses at the same instant none is lost."""
    await asyncio.gather(*(store.add("push", Lang.DE, helpful=number % 2 == 0) for number in range(50)))
    assert await store.counts() == (FeedbackCount(answer="push", lang=Lang.DE, helpful=25, not_helpful=25),)


async def test_a_list_that_was_given_does_not_change(store: FeedbackStore) -> None:
    """What was read is a picture of that moment."""
    await store.add("push", Lang.DE, helpful=True)
    before = await store.counts()
    await store.add("push", Lang.DE, helpful=True)
    assert before[0].helpful == 1


async def test_odd_names_are_only_names(store: FeedbackStore) -> None:
    """Whatever an answer is called, it is counted under exactly that name."""
    names = ["", "a" * 500, "ä\u202e\n", "'; --", '{"a": 1}', "../x", "__init__"]
    for name in names:
        await store.add(name, Lang.DE, helpful=True)
    assert {count.answer for count in await store.counts()} == set(names)


async def test_the_embedded_store_remembers_after_a_restart(tmp_path: Path) -> None:
    """What was counted is there when the file is opened again."""
    path = tmp_path / "feedback.json"
    for expected in (1, 2):
        store = TinyFeedbackStore(path)
        await store.add("push", Lang.DE, helpful=True)
        assert (await store.counts())[0].helpful == expected
        store.close()


async def test_no_store_keeps_who_said_it(tmp_path: Path) -> None:
    """The file holds topics, languages and numbers, and nothing else."""
    path = tmp_path / "feedback.json"
    store = TinyFeedbackStore(path)
    await store.add("push", Lang.DE, helpful=True)
    store.close()
    document = json.loads(path.read_bytes().rpartition(b"\n#sha256 ")[0])
    rows = [row for table in document.values() for row in table.values()]
    assert rows == [{"answer": "push", "lang": "de", "helpful": 1, "not_helpful": 0}]


async def test_a_full_disk_is_told_to_whoever_counts(small_disk: Path) -> None:
    """Feedback that cannot be kept is an error of ours and no crash; what was counted before stays."""
    store = TinyFeedbackStore(small_disk / "feedback.json")
    await store.add("push", Lang.DE, helpful=True)
    with pytest.raises(StateError):
        await store.add("x" * 100_000, Lang.DE, helpful=True)
    assert [count.answer for count in await store.counts()] == ["push"]
    store.close()
