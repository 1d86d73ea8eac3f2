"""The fixtures of `tests/domain.py`, for the tests of this floor."""

from tests.domain import catalogue as catalogue
from tests.domain import knowledge as knowledge
from tests.domain import matcher as matcher
from tests.domain import understanding as understanding
