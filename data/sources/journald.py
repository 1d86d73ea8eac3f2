"""Folders of systemd's journal files as a source: archived files go by the times of their own entries, as a whole.

Looking, deleting, recovering and verifying is that of local files; what is different here is what a file holds
(`journald_file`), which files are in use, and what the engine keeps by itself (`journald_conf`).
"""

import hashlib
import pwd
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.clock import Clock
from data.errors import SettingsError
from data.retention.evidence import Marks
from data.retention.instants import MINUTE, Instant
from data.retention.outside import outside_word
from data.retention.residue import Code
from data.retention.unit import Action, Identity, Planned, Unit
from data.sources.activity import DEAD_AFTER, NEWEST, LooksAtOpenFiles, written_files
from data.sources.config import FilesConfig, place_of
from data.sources.connector import Around, Connector, Named
from data.sources.files import FilesSource
from data.sources.interface import (
    Acted,
    Capabilities,
    Copy,
    Guard,
    Measured,
    Probe,
    Reappeared,
    Release,
    Skipped,
    SourceSummary,
)
from data.sources.journald_conf import read_conf
from data.sources.journald_file import READER_VERSION, JournaldReader, State, family_of
from data.sources.reading import to_instant
from data.sources.sums import sum_of

VERSION: Final = "1"
INCLUDE: Final = ("*.journal", "*.journal~")
UNROTATED: Final = "unrotated"
"""By its name its writer may come back to it: only a rotation (`journalctl --rotate`) ends that."""
ONLINE: Final = "online"
"""The file itself says that it is being written to."""

_ARCHIVED: Final = re.compile(rb"@[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{16}\.journal\Z")
"""What journald and systemd-journal-remote call a file that they have done with: sequence, first number, first time."""
_PUT_ASIDE: Final = re.compile(rb"@[0-9a-f]{16}-[0-9a-f]{16}\.journal~\Z")
"""What they call a file that they found damaged or not closed, and never open again."""
_SYSTEMDS_OWN: Final = "journal"
"""The last part of systemd's own folder; only there it is no word for a list of calls."""
_FOLDERS: Final = (
    Path("/etc/systemd"),
    Path("/run/systemd"),
    Path("/usr/local/lib/systemd"),
    Path("/usr/lib/systemd"),
)


class JournaldOptions(BaseModel):
    """One folder of journal files."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    root: Path
    """Folder below which journal files lie, such as `/var/log/journal`."""
    owners: tuple[str, ...] = ()
    """Accounts whose files may be deleted, besides the bot's own and the owner of the root: names or numbers."""
    quiet_minutes: int = Field(default=15, ge=1)
    """Minutes without a write after which a file counts as at rest."""
    settings: tuple[Path, ...] = _FOLDERS
    """Folders of `journald.conf` and `journald.conf.d`, the one that overrules the others first; none to leave the
    engine's own retention unread."""

    @field_validator("root")
    @classmethod
    def _root_is_one(cls, root: Path) -> Path:
        if "\0" in str(root) or ".." in root.parts:
            message = "must be a path without '..'"
            raise ValueError(message)
        word = "" if root.name == _SYSTEMDS_OWN else outside_word(root.name)
        if word:
            message = (
                f"names {word!r}: journals of calls, chats, recordings and call records are no logs of clause 2.7 "
                "and can never be a source"
            )
            raise ValueError(message)
        return root

    @field_validator("settings")
    @classmethod
    def _settings_are_absolute(cls, settings: tuple[Path, ...]) -> tuple[Path, ...]:
        if any("\0" in str(folder) or not folder.is_absolute() for folder in settings):
            message = "must be absolute paths of folders"
            raise ValueError(message)
        return settings


class JournaldSource:
    """The journal files below one folder, with the ways of a source of files.

    `settings` are the folders of journald's own settings; `look` tells which files somebody has open to write to them:
    whoever only reads a journal file, as `journalctl --follow` does for months, loses nothing when it goes.
    """

    def __init__(
        self,
        config: FilesConfig,
        *,
        clock: Clock,
        state: Path | None = None,
        settings: tuple[Path, ...] = (),
        look: LooksAtOpenFiles = written_files,
    ) -> None:
        self._files = FilesSource(
            replace(config, rewrite=False),
            reader=JournaldReader(),
            clock=clock,
            state=state,
            reader_version=f"journald {READER_VERSION}",
            look=look,
        )
        self._settings = settings

    @property
    def id(self) -> str:
        """Give the id people use."""
        return self._files.id

    @property
    def config_digest(self) -> str:
        """Give a digest of everything in the configuration that decides what is selected."""
        deciding = f"journald {VERSION} {READER_VERSION} {self._files.config_digest}"
        return hashlib.sha256(deciding.encode()).hexdigest()

    def capabilities(self) -> Capabilities:
        """Tell what this connector can do."""
        return replace(self._files.capabilities(), kind="journald", version=f"{VERSION}.{READER_VERSION}")

    def probe(self) -> Probe:
        """Look whether the root can be used, at the file system's clock and at journald's own settings."""
        return replace(self._files.probe(), own_retention=read_conf(self._settings).own_retention())

    def list_units(self) -> Iterator[Unit | Skipped]:
        """List what is there now, in bounded memory. Raises `SourceError`."""
        return self._files.list_units()

    def measure(self, marks: Marks, *, fresh: bool = False) -> Iterator[Measured | Skipped]:
        """Read what is there, unchanged files from the scan index unless `fresh`. Raises `SourceError`."""
        for found in self._files.measure(marks, fresh=fresh):
            yield found if isinstance(found, Skipped) else _judged(found)

    def summarise(self, marks: Marks) -> SourceSummary:
        """Add up what `measure` gives; `dead` counts files that hold old records and that nobody has rotated for long.

        Raises `SourceError`.
        """
        dead = 0

        def noticed() -> Iterator[Measured | Skipped]:
            nonlocal dead
            for found in self.measure(marks):
                dead += isinstance(found, Measured) and _is_dead(found, marks.now)
                yield found

        return replace(sum_of(noticed()), dead=dead)

    def reappeared(self, marks: Marks, *, purged_until: Instant, purged_at: Instant) -> Reappeared:
        """Count entries older than the last purge's cutoff. Raises `SourceError`, `StateError`."""
        return self._files.reappeared(marks, purged_until=purged_until, purged_at=purged_at)

    def remember_purged(self, rows: Iterable[Planned], *, at: Instant) -> None:
        """Remember what a purge removed; without a state folder nothing is remembered. Raises `StateError`."""
        self._files.remember_purged(rows, at=at)

    def identity(self, unit: Unit) -> Identity | None:
        """Tell which content stands at a unit's place now; None if there is none. Raises `SourceError`."""
        return self._files.identity(unit)

    def plan(self, batch: Sequence[Measured], marks: Marks) -> Iterator[Planned | None]:
        """Bind what would happen to units to exactly their present content; one answer each, in order.

        None for a file that has changed since it was measured, that is in use, or of which not everything may go.
        Raises `SourceError`.
        """
        return self._files.plan([_judged(measured) for measured in batch], marks)

    def delete(self, batch: Sequence[Planned], *, guard: Guard) -> Iterator[Acted]:
        """Delete files that still are what was planned; one outcome each, in order; never raises `OSError`.

        A row for a file that has the name of one in use, or for a rewrite, was never planned here: it is left alone.
        """
        refused = [_refused(planned) for planned in batch]
        rows = [planned for planned, outcome in zip(batch, refused, strict=True) if outcome is None]
        acted = self._files.delete(rows, guard=guard)
        yield from [next(acted) if outcome is None else outcome for outcome in refused]

    def recover(self, planned: Planned, *, guard: Guard) -> Acted | None:
        """Tell what a crash left of an intended action, and end it under the guard; None if it has not happened."""
        return _refused(planned) or self._files.recover(planned, guard=guard)

    def verify(self, planned: Planned) -> Code | None:
        """Look by path whether an action has held; None if so, else what is wrong."""
        return self._files.verify(planned)

    def released(self, rows: Iterable[Planned], *, removed_at: Instant) -> Release:
        """Tell that a file's storage is released with its last name."""
        del rows, removed_at
        return Release.RELEASED

    def holds_native(self, unit: Unit) -> bool:
        """Tell whether the file system itself protects a unit: never; an immutable file says so when it is deleted."""
        return self._files.holds_native(unit)

    def copies(self) -> tuple[Copy, ...]:
        """List known copies: what a syslog service was given, unless journald's settings say that none is."""
        return (Copy(kind="syslog"),) if read_conf(self._settings).forwards() else ()


def _is_unrotated(name: bytes) -> bool:
    """Tell by its name whether the writer of a file may come back to it: only what has an archive's name is done with.

    Of what does not end as journal files do its state alone decides.
    """
    leaf = name.rpartition(b"/")[2]
    return leaf.endswith((b".journal", b".journal~")) and not (_ARCHIVED.search(leaf) or _PUT_ASIDE.search(leaf))


def _judged(measured: Measured) -> Measured:
    """Say why a file must not be touched now; roll sets, by which other logs are judged, say nothing of these."""
    active = "" if measured.active == NEWEST else measured.active
    name, family = measured.unit.name, measured.reading.family
    if not active and _is_unrotated(name):
        active = UNROTATED
    elif not active and family == family_of(State.ONLINE) and not _PUT_ASIDE.search(name):
        active = ONLINE
    return replace(measured, active=active)


def _is_dead(measured: Measured, now: Instant) -> bool:
    """Tell whether a file waits for a rotation that nobody makes: at rest for two days, and old records in it."""
    at_rest = to_instant(measured.unit.identity.mtime_ns) <= now - DEAD_AFTER
    return measured.active in {UNROTATED, ONLINE} and bool(measured.reading.expired.records) and at_rest


def _refused(planned: Planned) -> Acted | None:
    if planned.action is not Action.DELETE:
        return Acted(code=Code.UNSUPPORTED)
    return Acted(code=Code.ACTIVE, reason=UNROTATED) if _is_unrotated(planned.unit.name) else None


def _build(named: Named, options: JournaldOptions, around: Around) -> JournaldSource:
    """Build a source of checked options; raises `SettingsError` for an account that this machine does not know."""
    config = FilesConfig(
        id=named.id,
        title=named.title,
        data_kind=named.data_kind,
        root=options.root.absolute(),
        include=INCLUDE,
        rewrite=False,
        quiet=options.quiet_minutes * MINUTE,
        owners=tuple(_uid(named.id, owner) for owner in options.owners),
        forbidden=(around.state, Path(__file__).resolve().parents[2]),
    )
    return JournaldSource(config, clock=around.clock, state=around.state, settings=options.settings)


def _uid(source: str, owner: str) -> int:
    try:
        return int(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
    except (KeyError, ValueError):
        raise SettingsError(f"sources: {source}: owners: this machine knows no account {owner!r}") from None


def _meet(one: JournaldOptions, other: JournaldOptions) -> bool:
    """Tell whether one folder is the other or lies in it, by whatever path; what cannot be looked at goes by name."""
    if one.root.is_relative_to(other.root) or other.root.is_relative_to(one.root):
        return True
    places = [_places(options.root) for options in (one, other)]
    return all(places) and (places[0][0] in places[1] or places[1][0] in places[0])


def _places(root: Path) -> list[tuple[int, int] | None]:
    try:
        found = [place_of(path) for path in (root, *root.absolute().parents)]
    except OSError:
        return []
    return [] if found[0] is None else found


CONNECTOR: Final = Connector(
    kind="journald", options=JournaldOptions, build=_build, meet=_meet, folders=frozenset({_SYSTEMDS_OWN})
)
