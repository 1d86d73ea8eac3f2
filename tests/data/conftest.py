"""The fixtures of `tests/domain.py`, for the tests of this floor."""

from tests.domain import built_router, catalogue, knowledge, matcher, understanding

__all__ = ["built_router", "catalogue", "knowledge", "matcher", "understanding"]
