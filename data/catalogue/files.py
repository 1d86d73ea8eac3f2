"""The shape of the catalogue's TOML files."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from data.catalogue.model import Group, Phrasings, Words
from data.labels import Lang, Outcome

CLAUSES = frozenset(
    ["1.1", "1.2"]
    + [f"2.{n}" for n in range(1, 10)]
    + [f"2.3.{n}" for n in (1, 2, 3)]
    + [f"2.8.{n}" for n in (1, 2, 3, 4)]
    + [f"2.9.{n}" for n in (1, 2, 3, 4, 5, 6)],
)
"""Every clause the terms have."""


def _clause(value: str) -> str:
    if value not in CLAUSES:
        message = f"the terms have no clause {value}"
        raise ValueError(message)
    return value


def _filled(value: str) -> str:
    if not value.strip():
        message = "must not be empty"
        raise ValueError(message)
    return value.strip()


def _https_or_empty(value: str) -> str:
    if value and not value.startswith("https://"):
        message = "must begin with https://"
        raise ValueError(message)
    return value


ClauseId = Annotated[str, AfterValidator(_clause)]
Text = Annotated[str, AfterValidator(_filled)]
Url = Annotated[str, AfterValidator(_https_or_empty)]
TopicId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
NoticeId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WordsTable(_Table):
    """One text in both languages."""

    de: Text
    en: Text

    def words(self) -> Words:
        """Give the texts by language."""
        return {Lang.DE: self.de, Lang.EN: self.en}


class PhrasingsTable(_Table):
    """How people ask, in both languages."""

    de: tuple[Text, ...] = ()
    en: tuple[Text, ...] = ()

    def phrasings(self) -> Phrasings:
        """Give the phrasings by language."""
        return {Lang.DE: self.de, Lang.EN: self.en}


class AspectTable(_Table):
    """A narrower answer inside a topic."""

    id: TopicId
    outcome: Literal[Outcome.ANSWER, Outcome.NOT_IN_TERMS]
    clauses: tuple[ClauseId, ...] = ()
    notices: tuple[NoticeId, ...] = ()
    answer: WordsTable
    phrasings: PhrasingsTable = PhrasingsTable()


class FactTable(_Table):
    """A background sentence with its source."""

    source: str
    aspects: tuple[str, ...] = ()
    de: Text
    en: Text


class TopicFile(_Table):
    """One topic."""

    id: TopicId
    group: Group
    clauses: tuple[ClauseId, ...] = ()
    outcome: Literal[Outcome.ANSWER, Outcome.NOT_IN_TERMS]
    notices: tuple[NoticeId, ...] = ()
    related: tuple[TopicId, ...] = ()
    data_categories: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    title: WordsTable
    answer: WordsTable
    recipients: WordsTable | None = None
    retention: WordsTable | None = None
    phrasings: PhrasingsTable
    aspects: tuple[AspectTable, ...] = ()
    facts: tuple[FactTable, ...] = ()


class WordsPatch(_Table):
    """One text, in the languages an overlay changes it in."""

    de: Text | None = None
    en: Text | None = None


class AspectPatch(_Table):
    """What an overlay may change of an aspect, or give of a new one."""

    id: TopicId
    outcome: Literal[Outcome.ANSWER, Outcome.NOT_IN_TERMS] | None = None
    clauses: tuple[ClauseId, ...] | None = None
    notices: tuple[NoticeId, ...] | None = None
    answer: WordsPatch | None = None
    phrasings: PhrasingsTable | None = None


class TopicPatch(_Table):
    """What an overlay may change of a shipped topic."""

    id: TopicId
    group: Group | None = None
    clauses: tuple[ClauseId, ...] | None = None
    outcome: Literal[Outcome.ANSWER, Outcome.NOT_IN_TERMS] | None = None
    notices: tuple[NoticeId, ...] | None = None
    related: tuple[TopicId, ...] | None = None
    data_categories: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    title: WordsPatch | None = None
    answer: WordsPatch | None = None
    recipients: WordsPatch | None = None
    retention: WordsPatch | None = None
    phrasings: PhrasingsTable | None = None
    aspects: tuple[AspectPatch, ...] | None = None
    facts: tuple[FactTable, ...] | None = None


class NoticeTable(_Table):
    """One notice."""

    id: NoticeId
    clause: ClauseId
    url: Url
    names_itself: bool
    title: WordsTable


class NoticesFile(_Table):
    """All notices."""

    notices: tuple[NoticeTable, ...]


class NoticePatch(_Table):
    """What an overlay may change of a notice, or give of a new one."""

    id: NoticeId
    clause: ClauseId | None = None
    url: Url | None = None
    names_itself: bool | None = None
    title: WordsPatch | None = None


class NoticesPatch(_Table):
    """The notices an overlay changes."""

    notices: tuple[NoticePatch, ...]


class CategoryTable(_Table):
    """One entry of clause 2.8 or 2.9."""

    id: TopicId
    clause: ClauseId
    title: WordsTable


class CategoriesFile(_Table):
    """Clauses 2.8 and 2.9."""

    data_categories: tuple[CategoryTable, ...]
    subjects: tuple[CategoryTable, ...]


class ReferenceTable(_Table):
    """One public document behind background facts."""

    id: str
    title: WordsTable
    url: Url
    date: str
    applies_to: WordsTable


class ReferencesFile(_Table):
    """All documents behind background facts."""

    references: tuple[ReferenceTable, ...]
