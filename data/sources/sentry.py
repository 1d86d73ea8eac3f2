"""A self-hosted Sentry as a kind of source: what an operator says of it, and how one is built.

Proved against a faithful fake only; see `docs/sources/sentry.md`.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.errors import SettingsError
from data.sources.connector import Around, Connector, Named
from data.sources.http_api import checked_url
from data.sources.sentry_source import SentrySource
from data.sources.sentry_units import KIND

_SLUG: Final = r"^[a-z0-9][a-z0-9_-]{0,99}$"


class SentryOptions(BaseModel):
    """What an operator says of a source of kind `sentry`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str
    """Address of Sentry, such as `https://sentry.example.com`."""
    organisation: str = Field(pattern=_SLUG)
    """Slug of the organisation, as it stands in addresses."""
    project: str = Field(pattern=_SLUG)
    """Slug of the project; a number would name another one after a copy."""
    token_file: Path
    """File with the token of an internal integration."""
    ca_file: Path | None = None
    """File with the certificates that the address is checked by, where they are not the system's."""
    units: Literal["issues", "attachments"] = "issues"
    """What is deleted: whole issues of which every event is old, or single attachments of events."""
    look_back_days: int = Field(default=400, ge=120, le=3650)
    """How far back events are looked for; Sentry itself looks no further than its own retention."""
    quiet_hours: int = Field(default=24, ge=1, le=720)
    """Hours after its last event until an issue counts as no longer written to."""
    physical_hours: int = Field(default=48, ge=1, le=720)
    """Hours a deletion may take until nothing of it is answered any more."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return checked_url(value)
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("project")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value.isdecimal():
            message = "must be the project's slug, not its number"
            raise ValueError(message)
        return value


def build(named: Named, options: SentryOptions, around: Around) -> SentrySource:
    """Build a source; asks nothing yet. Raises `SettingsError`."""
    return SentrySource(named, options, around)


def meet(one: SentryOptions, other: SentryOptions) -> bool:
    """Tell whether two may reach the same records: those of projects of one name, whatever their addresses."""
    return (one.organisation, one.project) == (other.organisation, other.project)


CONNECTOR: Final = Connector(kind=KIND, options=SentryOptions, build=build, meet=meet)
