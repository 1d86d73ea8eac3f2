"""Deletion trusts no clock blindly: one that went back, jumped or disagrees with the engine's blocks it."""

from dataclasses import replace

from data.clock import MachineClock
from data.errors import ClockError
from data.retention.instants import DAY, MINUTE, SECOND, Instant, instant_of, iso, read_iso
from data.stores.interface import Tick, TickStore

LARGEST_JUMP = 10 * MINUTE
LARGEST_OFFSET = 60 * SECOND
LONGEST_OFF = 14 * DAY
"""How far the time may have moved over a reboot: no machine of ours is off for longer without somebody knowing."""
LARGEST_SLEW = 5 * SECOND
"""How far a clock may go back when it is corrected, without being called wrong."""
ENGINE_OFFSET = "engine_offset"
"""Why deletion is blocked where a storage's clock says otherwise."""
BUILT = read_iso("2026-11-24T00:00:00Z")
"""When this rule was written: a clock before it is wrong."""


def judge_tick(last: Tick | None, new: Tick, *, last_entry: Instant | None) -> str:
    """Give why deletion is blocked, in a stable word, or "" (purge.md 6.2, security.md 5.3)."""
    if new.wall < BUILT:
        return "before_build"
    if last_entry is not None and new.wall < last_entry - LARGEST_SLEW:
        return "behind_audit"
    if last is None or last.blocked:
        return last.blocked if last else ""
    if new.wall < last.wall - LARGEST_SLEW:
        return "backwards"
    moved = new.wall - last.wall
    if last.boot and last.boot == new.boot:
        return "jumped" if abs(moved - (new.elapsed - last.elapsed)) > LARGEST_JUMP else ""
    return "jumped" if moved > LONGEST_OFF else ""


class ClockGuard:
    """Looks at the clocks before anything is previewed or deleted."""

    def __init__(self, clock: MachineClock, ticks: TickStore) -> None:
        self._clock = clock
        self._ticks = ticks

    def now(self) -> Instant:
        """Tell the wall time without judging it."""
        return instant_of(self._clock.now())

    def check(self, *, last_entry: Instant | None, engine_offset: int = 0) -> Instant:
        """Give the time if it can be trusted; raises `ClockError`. A jump stays remembered until acknowledged."""
        if abs(engine_offset) > LARGEST_OFFSET:
            message = f"the clock is {abs(engine_offset) // SECOND} s away from the storage's own clock"
            raise ClockError("engine_offset", message)
        tick = self._tick()
        reason = judge_tick(self._ticks.last(), tick, last_entry=last_entry)
        if reason in {"", "jumped"}:
            self._ticks.put(replace(tick, blocked=reason))
        if reason:
            raise ClockError(reason, _explain(reason, tick, last_entry))
        return tick.wall

    def acknowledge(self) -> Instant:
        """Take the present time for right after somebody looked; raises `ClockError` if it cannot possibly be."""
        tick = self._tick()
        if judge_tick(None, tick, last_entry=None):
            raise ClockError("before_build", _explain("before_build", tick, None))
        self._ticks.put(tick)
        return tick.wall

    def _tick(self) -> Tick:
        return Tick(wall=self.now(), boot=self._clock.boot(), elapsed=self._clock.since_boot())


def _explain(reason: str, tick: Tick, last_entry: Instant | None) -> str:
    wall = iso(tick.wall)
    if reason == "before_build":
        return f"the clock says {wall}, which is before this software was made; nothing is deleted"
    what = {
        "behind_audit": f"the clock says {wall}, but the audit already reaches {iso(last_entry or 0)}",
        "backwards": f"the clock says {wall} and has gone back since the last look",
    }.get(reason, f"the clock has jumped to {wall} since the last look")
    return (
        f"{what}; nothing is deleted until somebody has checked it and said so: "
        "python app.py purge trust-clock --reason TEXT"
    )
