"""The bot's own log lines on the disk, a file a day, and the source that lets them obey the 90 days (SC-12).

Losing a log line must never cost a turn: whatever the disk does, `write` returns.
"""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Final

from bot.source_settings import OWN_LOGS, SourceSettings
from data.clock import Clock
from data.stores.durable import make_folder

FOLDER: Final = "logs"
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of one day; what a flood brings beyond it goes to standard error only (security.md RL-30)."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE: Final = 0o600


class DailyLog:
    """Appends lines to `bot-YYYY-MM-DD.jsonl` of the UTC day, private; usable from several threads."""

    def __init__(self, folder: Path, clock: Clock, *, most: int = MOST_BYTES) -> None:
        self._folder, self._clock, self._most = folder, clock, most
        self._guard = Lock()
        self._file = -1
        self._day: date | None = None
        self._torn = False
        self.lost = 0
        """How many lines the disk did not take."""

    def write(self, text: str) -> int:
        """Append whole lines; never raises: what cannot be written is counted in `lost`."""
        try:
            with self._guard:
                self._append(text.encode("utf-8", "replace"))
        except OSError:
            self.lost += 1
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are handed to the system as they come."""

    def close(self) -> None:
        """Let go of the file; the next line opens it again."""
        with self._guard:
            self._let_go()

    def _append(self, line: bytes) -> None:
        day = self._clock.now().date()
        if day != self._day or self._is_gone():
            self._open(day)
        if os.fstat(self._file).st_size + len(line) > self._most:
            raise OSError
        whole = b"\n" + line if self._torn else line  # behind half a line, so that this one stays readable
        self._torn = True
        written = os.write(self._file, whole)
        if written < len(whole):
            raise OSError
        self._torn = False

    def _is_gone(self) -> bool:
        """Tell whether the file was deleted or rewritten since it was opened: by a purge, say."""
        return self._file < 0 or os.fstat(self._file).st_nlink == 0

    def _open(self, day: date) -> None:
        self._let_go()
        make_folder(self._folder)
        self._file = os.open(self._folder / f"bot-{day.isoformat()}.jsonl", _FLAGS, _MODE)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            self._let_go()
            raise OSError
        os.fchmod(self._file, _MODE)  # whatever the umask was
        self._torn = found.st_size > 0 and os.pread(self._file, 1, found.st_size - 1) != b"\n"
        self._day = day

    def _let_go(self) -> None:
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
        self._file, self._day = -1, None


def keep_lines(state: Path, clock: Clock) -> None:
    """Send every log line into the state folder too, from now on; never raises.

    The folder is there at once, before the first line: a process that found none would not watch its own logs.
    """
    from bot.logs import configure_logs  # slow to load, and a scan only asks for the source

    with suppress(OSError):
        make_folder(state / FOLDER)
    configure_logs(kept=DailyLog(state / FOLDER, clock))


def own_logs_settings(folder: Path) -> SourceSettings:
    """Give the settings of the source over the bot's own logs; `folder` is that of the logs."""
    return SourceSettings(
        id=OWN_LOGS,
        kind="files",
        title="ProCall Privacy Bot",
        data_kind="log",
        root=str(folder.resolve()),  # a link on the way to the state folder is the operator's own choice
        include=("bot-*.jsonl",),
        zone="UTC",
        format="jsonl",
    )


def with_own_logs(named: Iterable[SourceSettings], state: Path) -> tuple[SourceSettings, ...]:
    """Add the source over the bot's own logs to others, once there are any; `state` is the state folder."""
    folder = state / FOLDER
    return (*named, own_logs_settings(folder)) if folder.is_dir() else tuple(named)
