"""Settings to the values the retention engine works with."""

import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.settings import Settings
from bot.source_settings import SourceSettings
from data.errors import SettingsError
from data.retention.instants import DAY, HOUR, MINUTE
from data.retention.rule import Care, DataKind, RetentionRule
from data.sources.config import FilesConfig


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


def care_of(settings: Settings) -> Care:
    """Build how careful a purge is."""
    purge = settings.purge
    return Care(
        approvals=purge.approvals,
        confirm_for=purge.confirm_minutes * MINUTE,
        approve_for=purge.approve_hours * HOUR,
        cooling_for=purge.cooling_minutes * MINUTE,
        max_share=purge.max_share,
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
