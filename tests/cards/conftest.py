"""The fixtures of `tests/domain.py`, for the tests of this floor, and the gallery of all cards."""

import pytest

from data.questions.corpus import load_corpus
from tests.cards.gallery import Studio


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Give the dialogs of three deployments, which make every card of the product."""
    return Studio(load_corpus().clarifying, tmp_path_factory.mktemp("overlay"))
