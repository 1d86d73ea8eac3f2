"""Whether the facts of a purge bear a certificate; asked by the issuing itself, so that no caller can forget to."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from data.certificate.model import Checked, Doubt, Facts
from data.retention.residue import DONE
from data.retention.verdict import Level, Verdict, judge

_WORSE: Final = (Verdict.PASS, Verdict.PENDING, Verdict.UNKNOWN, Verdict.FAIL)
_MEANS: Final[Mapping[Doubt, Verdict]] = MappingProxyType(
    {
        Doubt.STILL_THERE: Verdict.FAIL,
        Doubt.OLD_LEFT: Verdict.FAIL,
        Doubt.YOUNG_LOST: Verdict.FAIL,
        Doubt.TOO_YOUNG: Verdict.FAIL,
        Doubt.UNRESOLVED: Verdict.FAIL,
    },
)
"""What a doubt makes of a verdict; every other one makes it UNKNOWN."""
_NOTHING_REACHED: Final = frozenset({Level.REQUESTED})
_NOT_REMOVED: Final = frozenset({Level.REQUESTED, Level.HIDDEN})


def judged(facts: Facts, claimed: Verdict) -> tuple[Verdict, tuple[Doubt, ...]]:
    """Give the worst of what is claimed, what the verifier said and what the facts bear, and why it is not better.

    UNKNOWN never becomes PASS, and FAIL stays FAIL whatever else is unknown (purge.md 6.8, lesson 5).
    """
    said = [claimed]
    if facts.checked is not None:
        said += [facts.checked.verdict, judge(facts.checked.found)]
    worst = max(said, key=_WORSE.index)
    doubts = list(dict.fromkeys(_doubts(facts, waiting=worst is Verdict.PENDING)))
    verdict = max([worst, *(_MEANS.get(doubt, Verdict.UNKNOWN) for doubt in doubts)], key=_WORSE.index)
    if not doubts and verdict in {Verdict.FAIL, Verdict.UNKNOWN}:
        doubts.append(Doubt.VERDICT)
    return verdict, tuple(doubts)


def _doubts(facts: Facts, *, waiting: bool) -> Iterator[Doubt]:
    if facts.youngest_deleted is not None and facts.youngest_deleted >= facts.cutoff:
        yield Doubt.TOO_YOUNG
    if facts.checked is None:
        yield Doubt.NOT_VERIFIED
    else:
        yield from _seen(facts.checked)
        yield from _unseen(facts, facts.checked)
    if not _adds_up(facts):
        yield Doubt.COUNTS
    too_low = _NOTHING_REACHED if waiting else _NOT_REMOVED
    undated = waiting and facts.next_level_at is None
    if facts.level in too_low or undated:
        yield Doubt.LEVEL


def _seen(checked: Checked) -> Iterator[Doubt]:
    found = checked.found
    if found.still_there:
        yield Doubt.STILL_THERE
    if found.old_left:
        yield Doubt.OLD_LEFT
    if found.controls_lost or found.wrongly_rewritten:
        yield Doubt.YOUNG_LOST
    if found.unresolved:
        yield Doubt.UNRESOLVED


def _unseen(facts: Facts, checked: Checked) -> Iterator[Doubt]:
    if not checked.found.looked:
        yield Doubt.NOT_VERIFIED
    if facts.kept.units and not checked.control_seen:
        yield Doubt.NO_CONTROL
    if checked.at < facts.ended:
        yield Doubt.LOOKED_EARLY
    touched = facts.deleted.units + facts.rewritten_units
    if (checked.full and checked.sample < touched) or (touched and not checked.sample):
        yield Doubt.NOT_ALL_LOOKED_AT


def _adds_up(facts: Facts) -> bool:
    """Tell whether every selected unit has exactly one final code (P3), and no more is gone than was selected."""
    residue = {**facts.residue, **facts.set_aside}
    if any(code in DONE for code in residue) or any(count < 0 for count in facts.residue.values()):
        return False
    units = facts.deleted.units + facts.rewritten_units + sum(facts.residue.values())
    more = facts.deleted.records > facts.selected.records or facts.deleted.bytes > facts.selected.bytes
    return units == facts.selected.units and not more
