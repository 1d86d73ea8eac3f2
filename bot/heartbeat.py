"""The heartbeat of the schedule: when it last finished a round, in a file that the watchdog reads."""

import json
import os
from pathlib import Path
from typing import Final

from data.retention.instants import Instant, iso, read_iso
from data.stores.durable import write_durably

FILE: Final = "schedule.json"
_LARGEST: Final = 1024


def beat(folder: Path, now: Instant) -> bool:
    """Note that a round is finished; never raises: a disk that takes no note is what the watchdog is to find."""
    aside = folder / f".{FILE}.new"
    try:
        write_durably(aside, json.dumps({"at": iso(now)}).encode() + b"\n")
        aside.replace(folder / FILE)
    except OSError:
        return False
    return True


def last_beat(folder: Path) -> Instant | None:
    """Tell when a round was last finished; None where none ever was, or the note cannot be read."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return read_iso(json.loads(file.read(_LARGEST))["at"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
