"""What tests of the domain, the cards and the dialogs share: the real knowledge, loaded once, and what it builds."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import app as application  # noqa: TID251  the tests look at what the product itself builds
from bot.settings import Settings
from cards.texts import load_texts
from data.access import Actor, Role
from data.catalogue.model import Aspect, Catalogue
from data.knowledge import Knowledge
from data.labels import Lang
from data.questions.context import Context, Contexts
from data.questions.matcher import Matcher
from data.questions.understand import Asked, Meaning, Understanding
from data.stores.memory import MemoryFeedbackStore
from dialogs.router import Router
from tests.world import FakeClock

ROOT = Path(__file__).parent.parent
TENANT = "00000000-0000-4000-8000-0000000000f0"


@pytest.fixture(scope="session")
def knowledge(trained: Path) -> Knowledge:
    """Give catalogue, corpus and model as the product has them; trains only where the shipped model is stale."""
    return application.read_knowledge(Settings(), cache=trained)


@pytest.fixture(scope="session")
def catalogue(knowledge: Knowledge) -> Catalogue:
    """Give the shipped catalogue."""
    return knowledge.catalogue


@pytest.fixture(scope="session")
def matcher(knowledge: Knowledge) -> Matcher:
    """Give the trained matcher."""
    return Matcher(knowledge.model, knowledge.corpus.lexicon)


@pytest.fixture(scope="session")
def built_router(knowledge: Knowledge) -> Router:
    """Give a router as the product builds it; tests take its parts, or a fresh one with `fresh_router`."""
    return make_router(knowledge)


@pytest.fixture(scope="session")
def understanding(built_router: Router) -> Understanding:
    """Give what turns sentences into meanings, as the product builds it."""
    return built_router._understanding


def actor(*roles: Role, object_id: str = "00000000-0000-4000-8000-000000000001") -> Actor:
    """Make somebody of the tenant; everybody with an object id is an employee."""
    own = frozenset({Role.EMPLOYEE, *roles}) if object_id else frozenset()
    return Actor(tenant_id=TENANT, object_id=object_id, roles=own)


def understood(
    understanding: Understanding,
    text: str,
    *,
    role: Role = Role.EMPLOYEE,
    context: Context | None = None,
    lang: Lang | None = None,
    fallback: Lang = Lang.DE,
) -> Meaning:
    """Give what an utterance means to the product."""
    operator = role is not Role.EMPLOYEE
    return understanding.understand(
        Asked(text=text, operator=operator, fallback=fallback, context=context, lang=lang),
    )


def answers_of(catalogue: Catalogue) -> Iterator[tuple[str, Aspect]]:
    """Walk through every answer of the catalogue with its label (`topic` or `topic.aspect`)."""
    for topic in catalogue.topics.values():
        for aspect in (topic.general, *topic.aspects.values()):
            yield f"{topic.id}.{aspect.id}" if aspect.id else topic.id, aspect


def make_router(knowledge: Knowledge, *, banner: bool = False) -> Router:
    """Build the router as the product does."""
    feedback, contexts = MemoryFeedbackStore(), Contexts(FakeClock())
    return application.build_router(knowledge, Settings(), feedback, contexts=contexts, banner=banner)


def fresh_router(built: Router, feedback: MemoryFeedbackStore, clock: FakeClock) -> Router:
    """Give a router that has talked to nobody, with the parts of a built one: building takes a second, this nothing."""
    return Router(
        understanding=built._understanding,
        matcher=built._matcher,
        contexts=Contexts(clock),
        ask=built._ask,
        purge=built._purge,
        helper=built._help,
        feedback=feedback,
    )


def said(key: str, lang: Lang = Lang.DE) -> str:
    """Give what a sentence of the cards surely says: its longest part without a placeholder."""
    return max(re.split(r"\{\w+\}", load_texts()[lang](key)), key=len).strip()


def need(found: object, reason: str) -> None:
    """Skip a test that lacks something of the machine; where everything is required (PROCALL_REQUIRE_ALL=1), fail."""
    if found:
        return
    if os.environ.get("PROCALL_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
