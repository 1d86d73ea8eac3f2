"""Topic, Aspect, Notice, Reference: frozen values, German and English side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

from data.labels import Lang, Outcome

TERMS_VERSION = "05-2025"
"""Version folder of the service description these clauses are quoted from."""


@unique
class Group(StrEnum):
    """Where a topic's answer comes from."""

    TERMS = "terms"
    OPEN = "open"
    PRODUCT = "product"
    OWN = "own"


Words = Mapping[Lang, str]
"""One text in both languages."""
Phrasings = Mapping[Lang, tuple[str, ...]]
"""How people ask, in both languages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A document people can be sent to; `url` is empty where none is certain and none was configured."""

    id: str
    clause: str
    title: Words
    url: str
    names_itself: bool
    """False where the terms say only "the privacy notice" without naming which one (N6 to N8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A public document that background facts come from; it is not part of the terms."""

    id: str
    title: Words
    url: str
    date: str
    applies_to: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A background sentence beside the terms, with its source; shown with the named aspects only, or always."""

    text: Words
    reference: Reference
    aspects: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One answer: the general one of a topic (id "") or a narrower one."""

    id: str
    outcome: Outcome
    answer: Words
    clauses: tuple[str, ...]
    notices: tuple[str, ...]
    phrasings: Phrasings


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What people ask about, with every answer the product has to it."""

    id: str
    group: Group
    title: Words
    general: Aspect
    aspects: Mapping[str, Aspect]
    related: tuple[str, ...]
    data_categories: tuple[str, ...]
    subjects: tuple[str, ...]
    recipients: Words | None
    retention: Words | None
    facts: tuple[Fact, ...]
    changed_by_overlay: bool
    """True where the operator's overlay gave the topic or changed its words."""

    def aspect(self, aspect_id: str) -> Aspect:
        """Give one answer of the topic; the general one for an id the topic does not have."""
        return self.aspects.get(aspect_id, self.general)

    def facts_for(self, aspect_id: str) -> tuple[Fact, ...]:
        """List the background facts that belong to one answer."""
        return tuple(fact for fact in self.facts if not fact.aspects or aspect_id in fact.aspects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything the product can say about ProCall NEX."""

    topics: Mapping[str, Topic]
    notices: Mapping[str, Notice]
    data_categories: Mapping[str, Words]
    subjects: Mapping[str, Words]
    digest: str
    """SHA-256 over the files it was read from: the same digest means the same answers."""

    def topic_of_clause(self) -> Mapping[str, str]:
        """Give for each clause the topic that answers it; a topic's first clause is its own."""
        return {topic.general.clauses[0]: topic.id for topic in self.topics.values() if topic.general.clauses}
