"""What logrotate would keep of the files below a folder: its settings may contradict the rule (purge.md 2.12)."""

import re
import shlex
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.sources.interface import UNREADABLE

_DAYS: Final[Mapping[str, int]] = {"hourly": 1, "daily": 1, "weekly": 7, "monthly": 31, "yearly": 366}
_LARGEST: Final = 1024 * 1024
_BLOCK: Final = re.compile(r"^(?P<paths>[^{}]*)\{(?P<rules>[^{}]*)\}", re.MULTILINE)
_SCRIPT: Final = re.compile(
    r"^\s*(?:prerotate|postrotate|firstaction|lastaction|preremove)\b.*?^\s*endscript\b", re.MULTILINE | re.DOTALL
)
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One block of a logrotate configuration."""

    file: str
    paths: tuple[str, ...]
    every: str
    """`daily`, `weekly` ...; "" where it rolls by size or at a default we do not know."""
    rotate: int | None
    maxage: int | None

    @property
    def keeps_days(self) -> int | None:
        """Tell for how many days a record can be kept at most; None where the block does not say.

        The live file spans one interval more than the rolled ones; `maxage` is looked at only when the log is rolled.
        """
        return min((days for days in (self._by_count, self._by_age) if days is not None), default=None)

    @property
    def decides(self) -> str:
        """Name the directive that limits how long a record is kept; "" where none does."""
        days = self.keeps_days
        if days is None:
            return ""
        return "maxage" if days == self._by_age else "rotate"

    @property
    def _by_count(self) -> int | None:
        if self.rotate is None or not self.every:
            return None
        return (self.rotate + 1) * _DAYS[self.every]

    @property
    def _by_age(self) -> int | None:
        return None if self.maxage is None else self.maxage + 2 * _DAYS.get(self.every, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Settings that are there and that nobody could read: they may keep anything for any time."""

    file: str


def longest_kept(found: Iterable[Rotation | Unread]) -> dict[str, str]:
    """Give for each file of settings and directive the most days a record can be kept, where there is a limit.

    Settings that could not be read are `UNREADABLE`. Names are printable, whatever the file is called.
    """
    days: dict[str, int] = {}
    unread: dict[str, str] = {}
    for rotation in found:
        shown = f"logrotate {ascii(rotation.file)[1:-1]}"
        if isinstance(rotation, Unread):
            unread[shown] = UNREADABLE
        elif rotation.keeps_days is not None:
            name = f"{shown} {rotation.decides}"
            days[name] = max(rotation.keeps_days, days.get(name, 0))
    return dict(sorted(({name: str(most) for name, most in days.items()} | unread).items()))


def rotations(root: Path, folder: Path) -> Iterator[Rotation | Unread]:
    """Find the blocks that name files below a root, and the files that are there and cannot be read."""
    try:
        files = sorted(folder.iterdir())
    except FileNotFoundError:
        return
    except OSError:
        yield Unread(file=folder.name)
        return
    for file in files:
        try:
            if not stat.S_ISREG(file.stat().st_mode):  # logrotate itself passes it over
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        except OSError:
            yield Unread(file=file.name)
            continue
        if len(text) > _LARGEST:
            yield Unread(file=file.name)
            text = text[:_LARGEST]
        plain = _COMMENT.sub("", _SCRIPT.sub("", text))
        for block in _BLOCK.finditer(plain):
            paths = tuple(path for path in _words(block["paths"]) if _concerns(path, root))
            if paths:
                yield _rotation(file.name, paths, block["rules"])


def _rotation(file: str, paths: tuple[str, ...], rules: str) -> Rotation:
    words = [line.split() for line in rules.splitlines() if line.split()]
    numbers = {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdigit()}
    every = [line[0] for line in words if line[0] in _DAYS]
    return Rotation(
        file=file,
        paths=paths,
        every=every[-1] if every else "",
        rotate=numbers.get("rotate"),
        maxage=numbers.get("maxage"),
    )


def _concerns(path: str, root: Path) -> bool:
    """Tell whether a pattern can name files below a root: the part before its first wildcard decides."""
    if not path.startswith("/"):
        return False
    fixed = Path(re.split(r"[*?\[]", path, maxsplit=1)[0])
    return fixed.is_relative_to(root) or (fixed != Path(path) and root.is_relative_to(fixed.parent))


def _words(text: str) -> list[str]:
    """Split patterns as logrotate does; directives before the first block do not look like paths."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
