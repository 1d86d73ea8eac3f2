"""Numbers that look random and are the same on every machine for the same seed."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15


class Dice:
    """Steele, Lea and Flood's SplitMix64: short, fast enough, and no secret depends on it."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._state = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8], "big")

    def below(self, limit: int) -> int:
        """Throw a whole number from 0 to below the limit."""
        self._state = mixed = (self._state + _STEP) & _MASK
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ mixed >> 31) % limit

    def pick(self, things: Sequence[T]) -> T:
        """Choose one of them."""
        return things[self.below(len(things))]

    def share(self, percent: int) -> bool:
        """Say yes in so many of a hundred cases."""
        return self.below(100) < percent

    def hexadecimal(self, digits: int) -> str:
        """Throw so many hexadecimal digits, at most 16."""
        return f"{self.below(1 << 4 * digits):0{digits}x}"
