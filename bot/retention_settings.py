"""Settings to the values the retention engine works with."""

import pwd
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.settings import Settings
from bot.source_settings import SourceSettings
from data.access import Role
from data.errors import SettingsError
from data.retention.instants import DAY, HOUR, MINUTE, SECOND
from data.retention.rule import Care, DataKind, RetentionRule
from data.sources.config import FilesConfig
from data.sources.connector import FILES, Around, Named, connector_of
from data.sources.interface import Source

DEV_COOLING = 20 * SECOND
_WILD = re.compile(r"[*?\[\]]")


def rules_of(settings: Settings, named: Iterable[SourceSettings]) -> Mapping[str, RetentionRule]:
    """Build the rule of each source."""
    retention = settings.retention
    return {
        source.id: RetentionRule(
            data_kind=DataKind(source.data_kind),
            max_age=retention.max_age_days * DAY,
            margin=retention.margin_days * DAY,
        )
        for source in named
    }


def care_of(settings: Settings, *, dev: bool = False) -> Care:
    """Build how careful a purge is; in dev mode nobody waits for long, unless the settings say so."""
    purge = settings.purge
    hasty = dev and "cooling_minutes" not in purge.model_fields_set
    return Care(
        approvals=purge.approvals,
        confirm_for=purge.confirm_minutes * MINUTE,
        approve_for=purge.approve_hours * HOUR,
        cooling_for=DEV_COOLING if hasty else purge.cooling_minutes * MINUTE,
        max_share=purge.max_share,
        approval_roles=tuple(Role(role) for role in purge.approval_roles),
    )


def kin_of(configs: Iterable[FilesConfig]) -> dict[str, frozenset[str]]:
    """Give for each source itself and all others that can reach the same files: a hold on one protects from all.

    Told by the folders themselves, so that neither a link nor a second mount of a folder makes another source of it.
    """
    configs = list(configs)
    places = {config.id: _places(config.root) for config in configs}
    return {
        one.id: frozenset(
            other.id
            for other in configs
            if other.id == one.id
            or (_nested(places[one.id], places[other.id]) and _may_meet(one.include, other.include))
        )
        for one in configs
    }


def all_sources(named: Iterable[SourceSettings], files: Mapping[str, Source], around: Around) -> Mapping[str, Source]:
    """Give all sources in the order of the settings; what is no local file is built as its connector has it.

    Raises `SettingsError`, `SourceError`.
    """
    return {one.id: files.get(one.id) or _built(one, around) for one in named}


def _built(one: SourceSettings, around: Around) -> Source:
    named = Named(id=one.id, title=one.title or one.id, data_kind=one.data_kind)
    return connector_of(one.kind).build(named, one.options, around)


def all_kin(named: Iterable[SourceSettings], files: Iterable[FilesConfig]) -> Mapping[str, frozenset[str]]:
    """Give what `kin_of` gives, for all sources: of what is no local file only its connector can tell."""
    others = [one for one in named if one.kind != FILES]
    return kin_of(files) | {
        one.id: frozenset({one.id, *(other.id for other in others if _meet(one, other))}) for one in others
    }


def _meet(one: SourceSettings, other: SourceSettings) -> bool:
    return one.kind == other.kind and connector_of(one.kind).meet(one.options, other.options)


def _places(root: Path) -> tuple[tuple[int, int], ...]:
    """List device and inode of a folder and of all above it, itself first; nothing where it cannot be looked at."""
    try:
        found = [path.stat() for path in (root, *root.parents)]
    except OSError:
        return ()
    return tuple((place.st_dev, place.st_ino) for place in found)


def _nested(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> bool:
    return bool(one and other) and (one[0] in other or other[0] in one)


def _may_meet(left: Iterable[str], right: Iterable[str]) -> bool:
    """Tell whether one name could match a pattern of each, judged by what stands before and after their wildcards."""
    ends = [[(_WILD.split(pattern)[0], _WILD.split(pattern)[-1]) for pattern in patterns] for patterns in (left, right)]
    return any(
        (a.startswith(b) or b.startswith(a)) and (c.endswith(d) or d.endswith(c))
        for a, c in ends[0]
        for b, d in ends[1]
    )


def files_config(source: SourceSettings, *, forbidden: tuple[Path, ...]) -> FilesConfig:
    """Build what a source of local files is told; raises `SettingsError`, `SourceError`."""
    if not source.root:
        raise SettingsError(f"sources: {source.id}: root: is missing; it names the folder with the logs")
    return FilesConfig(
        id=source.id,
        title=source.title or source.id,
        data_kind=source.data_kind,
        root=Path(source.root) if ".." in Path(source.root).parts else Path(source.root).absolute(),
        include=source.include,
        zone=ZoneInfo(source.zone) if source.zone else None,
        pin=source.format,
        rewrite=source.rewrite,
        quiet=source.quiet_minutes * MINUTE,
        owners=tuple(_uid(source.id, owner) for owner in source.owners),
        forbidden=forbidden,
    )


def _uid(source: str, owner: str) -> int:
    try:
        return int(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise SettingsError(f"sources: {source}: owners: this machine knows no account {owner!r}") from None
