"""How old a record can get at worst before a purge has removed it, and what contributes most (purge.md, column A)."""

from collections.abc import Mapping
from dataclasses import dataclass

from data.retention.instants import DAY
from data.retention.rule import Care, RetentionRule

_ACTING = ("confirmation", "approval", "cooling", "start", "physical_delay", "clock_error")
"""What lies between the decision to purge and the end of the records, if people take all the time they have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """An age in microseconds, made of named contributions."""

    parts: Mapping[str, int]

    @property
    def age(self) -> int:
        """Sum up."""
        return sum(self.parts.values())

    @property
    def days(self) -> float:
        """Give the age in days of 24 h, with two decimals."""
        return round(self.age / DAY, 2)

    @property
    def to_act(self) -> int:
        """Sum up, in microseconds, what a purge may take from its preview to its end: who begins later may be late."""
        return sum(self.parts.get(name, 0) for name in _ACTING)

    @property
    def biggest(self) -> str:
        """Name the biggest contribution after the rule's own period; that is the one to work on."""
        others = {name: part for name, part in self.parts.items() if name != "rule"}
        return max(others, key=lambda name: (others[name], name)) if others else "rule"


def worst_case(
    rule: RetentionRule,
    care: Care,
    *,
    interval: int,
    bucket_span: int,
    physical_delay: int = 0,
    clock_error: int = 0,
    late_by: int = 0,
) -> WorstCase:
    """Add up: the period without its margin, a unit's span, the pause between scans, people, the engine, the clock.

    `bucket_span` is nought where records go one by one; `late_by` is how far the oldest record is past the cutoff
    already because something prevents its deletion. All in microseconds.
    """
    return WorstCase(
        parts={
            "rule": rule.max_age - rule.margin,
            "unit_span": bucket_span,
            "scan_interval": interval,
            "confirmation": care.confirm_for,
            "approval": care.approve_for,
            "cooling": care.cooling_for,
            "start": care.execute_for,
            "physical_delay": physical_delay,
            "clock_error": clock_error,
            "prevented": max(0, late_by),
        },
    )
