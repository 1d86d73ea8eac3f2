"""Feedback counted in PostgreSQL, never on the event loop."""

import asyncio

from data.labels import Lang
from data.stores.interface import FeedbackCount
from data.stores.postgres.database import Database
from data.stores.postgres.statements import load_statements, statement


class PostgresFeedbackStore:
    """Counts feedback."""

    def __init__(self, database: Database) -> None:
        texts = load_statements()
        self._database = database
        self._count, self._counts = statement(texts, "count_feedback"), statement(texts, "feedback")

    async def add(self, answer: str, lang: Lang, *, helpful: bool) -> None:
        """Count one more; durable when it returns. Raises `StateError`."""
        params = {"answer": answer, "lang": lang.value, "helpful": int(helpful), "not_helpful": int(not helpful)}
        await asyncio.to_thread(self._database.run, self._count, params)

    async def counts(self) -> tuple[FeedbackCount, ...]:
        """List all counts, by answer and language."""
        rows = await asyncio.to_thread(self._database.rows, self._counts)
        return tuple(
            FeedbackCount(answer=answer, lang=Lang(lang), helpful=helpful, not_helpful=not_helpful)
            for answer, lang, helpful, not_helpful in rows
        )

    def close(self) -> None:
        """Do nothing: the database is not ours to close."""
