"""The folder of what the bot keeps: made where it is missing, refused where it is not private enough."""

from pathlib import Path

from bot.settings import Settings
from data.errors import SettingsError, StateError


def state_path(settings: Settings, *, dev: bool) -> Path:
    """Name the folder of what the bot keeps, whether it is there or not."""
    return Path(settings.state.folder) / "dev" if dev else Path(settings.state.folder)


def state_folder(settings: Settings, *, dev: bool) -> Path:
    """Give the folder of what the bot keeps, made where it is missing; raises `SettingsError`, `StateError`."""
    folder = state_path(settings, dev=dev)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"state.folder: {folder}: {error.strerror}"
        raise SettingsError(message) from None
    if folder.stat().st_mode & 0o002:
        message = f"{folder}: everybody may write here; run chmod o-w"
        raise StateError(message)
    return folder


def dsn_of(settings: Settings) -> str:
    """Give the DSN of the database; raises `SettingsError` where none is set."""
    dsn = settings.state.postgres_dsn.get_secret_value()
    if not dsn:
        message = "state.postgres_dsn: is not set: give it as PROCALL_STATE__POSTGRES_DSN"
        raise SettingsError(message)
    return dsn
