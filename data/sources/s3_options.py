"""What an operator says of a source of kind `s3`; checked here as far as nobody has to be asked."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.errors import SettingsError
from data.formats.families.registry import known_pins
from data.sources.http_api import checked_url

_LONGEST_PATTERN: Final = 200


class S3Options(BaseModel):
    """What is said of a source of kind `s3`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$")
    """Name of the bucket."""
    region: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Region of the bucket, such as `eu-central-1`; never guessed."""
    prefix: str = Field(default="", pattern=r"^[^\x00]*$", max_length=1000)
    """What the keys of the logs begin with, such as `AWSLogs/`; empty is the whole bucket."""
    include: tuple[str, ...] = ("*",)
    """Patterns for the last part of a key; an object that matches none is not looked at."""
    endpoint: str = ""
    """Address of a service that speaks S3, `https:` only except on loopback; empty is AWS itself."""
    owner: str = Field(default="", pattern=r"^(\d{12})?$")
    """Account that owns the bucket: a bucket of the same name that is somebody else's is refused."""
    credentials_file: Path | None = None
    """File as the AWS command line has it, section `default`; without it boto3's own chain looks for credentials."""
    ca_file: Path | None = None
    """Certificates that the endpoint is checked against, where the usual ones do not know it."""
    zone: str = "UTC"
    """Time zone of stamps and paths that name none, such as `Europe/Berlin`; empty is unknown: 26 hours of doubt."""
    format: str = ""
    """Format family of every object here, such as `jsonl`; empty lets each object's content decide."""
    quiet_minutes: int = Field(default=15, ge=1)
    """Minutes after which an object that was written counts as no longer active."""
    largest_mb: int = Field(default=2048, ge=1, le=1 << 20)
    """Megabytes above which an object is not fetched, and so never deleted: it is reported instead."""

    @field_validator("include")
    @classmethod
    def _patterns_can_match(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or any(not one or "/" in one or "\0" in one or len(one) > _LONGEST_PATTERN for one in value):
            message = f"names patterns of 1 to {_LONGEST_PATTERN} characters without a slash, at least one"
            raise ValueError(message)
        return value

    @field_validator("bucket")
    @classmethod
    def _is_a_bucket(cls, value: str) -> str:
        if ".." in value or re.fullmatch(r"[\d.]+", value):
            message = f"{value!r} is no name of a bucket"
            raise ValueError(message)
        if value.endswith("--x-s3"):
            message = "a directory bucket lists in no order and knows no versions: it cannot be a source"
            raise ValueError(message)
        return value

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_safe(cls, value: str) -> str:
        try:
            checked = checked_url(value) if value else ""
        except SettingsError as error:
            raise ValueError(str(error)) from None
        if urlsplit(checked).path:
            message = "must be an address without a path"
            raise ValueError(message)
        return checked

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{value!r} is no time zone; write one such as Europe/Berlin or UTC"
            raise ValueError(message) from None
        return value

    @field_validator("format")
    @classmethod
    def _format_is_known(cls, value: str) -> str:
        if value and value not in known_pins():
            message = f"{value!r} is no format; there are: {', '.join(sorted(known_pins()))}"
            raise ValueError(message)
        return value
