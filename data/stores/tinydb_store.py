"""The embedded default: TinyDB on the atomic storage, one writer at a time, never on the event loop."""

import asyncio
from pathlib import Path

from tinydb import TinyDB, where

from data.labels import Lang
from data.stores.atomic_storage import AtomicStorage
from data.stores.interface import FeedbackCount


class TinyFeedbackStore:
    """Counts feedback in one small file."""

    def __init__(self, path: Path) -> None:
        self._database = TinyDB(path, storage=AtomicStorage)
        self._lock = asyncio.Lock()

    async def add(self, answer: str, lang: Lang, *, helpful: bool) -> None:
        """Count one more; raises `StateError`."""
        async with self._lock:
            await asyncio.to_thread(self._add, answer, lang, helpful)

    async def counts(self) -> tuple[FeedbackCount, ...]:
        """List all counts, by answer and language."""
        async with self._lock:
            rows = await asyncio.to_thread(self._database.all)
        found = [
            FeedbackCount(
                answer=row["answer"],
                lang=Lang(row["lang"]),
                helpful=row["helpful"],
                not_helpful=row["not_helpful"],
            )
            for row in rows
        ]
        return tuple(sorted(found, key=lambda count: (count.answer, count.lang)))

    def close(self) -> None:
        """Let another process have the file."""
        self._database.close()

    def _add(self, answer: str, lang: Lang, helpful: bool) -> None:  # noqa: FBT001  runs in a thread, by position
        key = (where("answer") == answer) & (where("lang") == lang.value)
        row = self._database.get(key)
        counts = {"helpful": 0, "not_helpful": 0} if row is None else {k: row[k] for k in ("helpful", "not_helpful")}
        counts["helpful" if helpful else "not_helpful"] += 1
        self._database.upsert({"answer": answer, "lang": lang.value, **counts}, key)
