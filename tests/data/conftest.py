"""The fixtures of `tests/domain.py`, for the tests of this floor."""

from tests.domain import catalogue, knowledge, matcher, understanding

__all__ = ["catalogue", "knowledge", "matcher", "understanding"]
