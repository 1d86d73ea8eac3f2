"""Judges a purge of a lab as the product does: by its own verification, with young units as controls."""

from collections.abc import Sequence
from typing import Any

from data.purge.preview import control_of
from data.purge.verification import Expected, Looked, verify
from data.retention.unit import Planned


def looked(lab: Any, done: Sequence[Planned]) -> Looked:
    """Verify rows that were deleted or rewritten; every unit that is young now is a control, taken before."""
    return verify(
        Expected(
            source=lab.source,
            marks=lab.marks,
            holds=(),
            done=lambda: iter(done),
            rows=len(done),
            left=(),
            spared=(),
            doubtful=False,
            controls=lab.controls,
            unresolved=0,
            since=lab.now,
            physical_delay=lab.source.capabilities().physical_delay,
        ),
        lambda *_: None,
    )


def controls_of(lab: Any) -> list[Planned]:
    """Take the units of which nothing is old."""
    return [control_of(one.unit) for one in lab.measured().values() if not one.reading.expired.records]
