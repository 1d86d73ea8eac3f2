"""The type of a clock and the real one: nothing else in the product asks the machine for the time."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the wall time and a time that never jumps."""

    def now(self) -> datetime:
        """Tell the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Tell seconds since some fixed moment; never goes backwards."""
        ...


class MachineClock(Clock, Protocol):
    """A clock that also knows the machine it runs on, so that a jump of the wall time can be noticed."""

    def boot(self) -> str:
        """Give an id that changes with every boot of the machine."""
        ...

    def since_boot(self) -> int:
        """Tell microseconds since the boot, sleep included; the same count in every process."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Tell the wall time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Tell seconds since some fixed moment; never goes backwards."""
        return time.monotonic()

    def boot(self) -> str:
        """Give an id that changes with every boot of the machine; "" where the system tells none."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def since_boot(self) -> int:
        """Tell microseconds since the boot, sleep included; the same count in every process."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
