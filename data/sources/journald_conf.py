"""What journald itself would keep, by its settings: `journald.conf` and the drop-ins beside it (journald.conf(5)).

Only an age can be held against the rule. A size or a number of files says nothing of days (purge.md 2.7): it is told as
what it is, so that nobody takes it for a promise.
"""

import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.sources.interface import UNREADABLE

_MAIN: Final = "journald.conf"
_LARGEST: Final = 1024 * 1024
_SECTION: Final = "[Journal]"
_AGES: Final = ("MaxRetentionSec", "MaxFileSec")
_SIZES: Final = tuple(
    f"{where}{what}" for where in ("System", "Runtime") for what in ("MaxUse", "KeepFree", "MaxFileSize")
)
_COUNTS: Final = ("SystemMaxFiles", "RuntimeMaxFiles")
_SIZE: Final = re.compile(r"\d+(?:\.\d+)?[KMGTPE]?")
_SPAN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-zµμ]*)")
_DAY: Final = 86_400.0
_MONTH: Final = 30.44 * _DAY
_YEAR: Final = 365.25 * _DAY
_UNITS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("usec", "us", "µs", "μs"), 1e-6),
    **dict.fromkeys(("msec", "ms"), 1e-3),
    **dict.fromkeys(("", "seconds", "second", "sec", "s"), 1.0),
    **dict.fromkeys(("minutes", "minute", "min", "m"), 60.0),
    **dict.fromkeys(("hours", "hour", "hr", "h"), 3600.0),
    **dict.fromkeys(("days", "day", "d"), _DAY),
    **dict.fromkeys(("weeks", "week", "w"), 7 * _DAY),
    **dict.fromkeys(("months", "month", "M"), _MONTH),
    **dict.fromkeys(("years", "year", "y"), _YEAR),
}
"""Seconds, as systemd.time(7) has them; a number alone is of seconds."""
_OFF: Final = frozenset({"0", "no", "n", "false", "f", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaldConf:
    """The settings that are in force."""

    values: Mapping[str, str]
    """By name, as written; what is not set, or set back to its default, is not here."""
    unread: tuple[str, ...]
    """Names of files that are there and that nobody could read: they may say anything."""
    found: bool
    """Whether there was any file of settings at all."""

    def own_retention(self) -> dict[str, str]:
        """Give what limits how long entries are kept: in days, rounded up, or `UNREADABLE`, or in words of no days."""
        shown = {f"journald {name}": _in_days(self.values[name]) for name in _AGES if name in self.values}
        for names, kind in ((_SIZES, "size"), (_COUNTS, "count")):
            for name in names:
                if name in self.values:
                    value = self.values[name]
                    shown[f"journald {name}"] = f"{kind} {value}" if _SIZE.fullmatch(value) else UNREADABLE
        return shown | {f"journald {ascii(name)[1:-1]}": UNREADABLE for name in self.unread}

    def forwards(self) -> bool:
        """Tell whether a syslog service may get a copy of everything: unless that is switched off, as Debian has it."""
        return self.found and self.values.get("ForwardToSyslog", "yes").lower() not in _OFF


def read_conf(folders: Sequence[Path]) -> JournaldConf:
    """Read the settings of the folders, the one that overrules the others first; never raises."""
    values: dict[str, str] = {}
    unread: list[str] = []
    files = list(_files(folders, unread))
    for file in files:
        try:
            values |= dict(_assignments(_text(file)))
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            unread.append(file.name)
    return JournaldConf(
        values={name: value for name, value in values.items() if value},
        unread=tuple(unread),
        found=bool(files or unread),
    )


def _files(folders: Sequence[Path], unread: list[str]) -> Iterator[Path]:
    """Give the main file and then the drop-ins by name; of files of one name the first folder's hides the others."""
    main = next((folder / _MAIN for folder in folders if _is_there(folder / _MAIN)), None)
    if main is not None:
        yield main
    dropped: dict[str, Path] = {}
    for folder in reversed(folders):
        try:
            dropped |= {file.name: file for file in (folder / f"{_MAIN}.d").iterdir() if file.suffix == ".conf"}
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            unread.append(f"{_MAIN}.d")
    yield from (dropped[name] for name in sorted(dropped))


def _is_there(file: Path) -> bool:
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it may be there: reading it says so
        return True
    return True


def _text(file: Path) -> str:
    """Read a file; what is no file, such as a link to the null device, says nothing. Raises `OSError`, `ValueError`."""
    if not stat.S_ISREG(file.stat().st_mode):
        return ""
    with file.open("rb") as opened:
        content = opened.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("no file of settings is so large")
    return content.decode()


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    section, joined = "", ""
    for line in text.splitlines():
        plain = line.strip()
        if plain.startswith(("#", ";")):
            continue
        if plain.endswith("\\"):
            joined += plain[:-1] + " "
            continue
        plain, joined = (joined + plain).strip(), ""
        if plain.startswith("["):
            section = plain
        elif section == _SECTION and "=" in plain:
            name, _, value = plain.partition("=")
            yield name.strip(), value.strip()


def _in_days(value: str) -> str:
    """Give a span in whole days, rounded up; `off` where there is no limit, `UNREADABLE` where it is no span."""
    if value == "infinity":
        return "off"
    at, seconds = 0, 0.0
    while at < len(value.rstrip()):
        part = _SPAN.match(value, at)
        if part is None or part[2] not in _UNITS:
            return UNREADABLE
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if at == 0:
        return UNREADABLE
    return str(int(-(-seconds // _DAY))) if seconds else "off"
