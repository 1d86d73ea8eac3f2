"""What an operator says of a container of Azure Blob Storage, and how the bot proves there who it is."""

import base64
import binascii
import fnmatch
import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from azure.storage.blob import BlobServiceClient
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import SettingsError
from data.formats.families.registry import known_pins
from data.sources.blob_service import TRANSPORT
from data.sources.http_api import checked_url

_CONTAINER: Final = re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")
_LONGEST_PATTERN: Final = 200
_LONGEST_CONTAINER: Final = 63
_RESOURCE: Final = re.compile(
    r"(?i)/subscriptions/[0-9a-f-]{36}/resourceGroups/[-\w._()]{1,90}/providers/Microsoft\.Storage"
    r"/storageAccounts/[a-z0-9]{3,24}"
)


class BlobOptions(BaseModel):
    """One `[[sources]]` block of kind `azure-blob`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    account_url: str = ""
    """Address of the account, such as `https://<account>.blob.core.windows.net`; the bot then proves who it is by its
    managed identity, or by whatever else `DefaultAzureCredential` finds."""
    connection_string_file: Path | None = None
    """File with a connection string, where there is no managed identity; either this or `account_url`."""
    container: str
    """Name of the container; `$logs` and the other containers of Azure's own are refused."""
    prefix: str = ""
    """What the names of the blobs begin with; empty is the whole container."""
    include: tuple[str, ...] = ("*",)
    """Patterns (fnmatch, case counts) for the last part of a name."""
    zone: str = "UTC"
    """Time zone of stamps that name none, such as `Europe/Berlin`; empty is unknown: 26 hours of doubt."""
    format: str = ""
    """Format family of every blob here, such as `jsonl`; empty lets each blob's content decide."""
    quiet_minutes: int = Field(default=120, ge=1)
    """Minutes without a change after which a blob counts as no longer written to; diagnostic settings write for up to
    an hour."""
    largest_mib: int = Field(default=4096, ge=1)
    """Blobs above so many MiB are not read, but judged as a whole by their path and their last change."""
    soft_delete_days: int | None = Field(default=None, ge=0, le=365)
    """Days for which the account keeps deleted blobs, where the bot may not read that setting."""
    resource_id: str = ""
    """Id of the account in Azure Resource Manager, for the check of lifecycle rules; empty leaves it out."""
    management_url: str = "https://management.azure.com"
    """Address of Azure Resource Manager."""

    @field_validator("account_url", "management_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        try:
            return checked_url(value) if value else ""
        except SettingsError:  # its words repeat the address, and a signature may stand in it
            message = "must be https:, without a name, a password or a query"
            raise ValueError(message) from None

    @field_validator("container")
    @classmethod
    def _is_a_container_of_theirs(cls, value: str) -> str:
        if value.startswith("$"):
            message = f"{value!r} is one of Azure's own containers and can never be a source"
            raise ValueError(message)
        if not _CONTAINER.fullmatch(value) or len(value) > _LONGEST_CONTAINER:
            message = f"{value!r} is no container: 3 to 63 lower-case letters, digits and single hyphens"
            raise ValueError(message)
        return value

    @field_validator("prefix")
    @classmethod
    def _is_a_beginning(cls, value: str) -> str:
        if "\0" in value or value.startswith("/"):
            message = "must not begin with a slash"
            raise ValueError(message)
        return value

    @field_validator("include")
    @classmethod
    def _can_be_matched(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern or "/" in pattern or "\0" in pattern or len(pattern) > _LONGEST_PATTERN:
                message = f"{pattern[:_LONGEST_PATTERN]!r} must have 1 to {_LONGEST_PATTERN} characters and no slash"
                raise ValueError(message)
            re.compile(fnmatch.translate(pattern))
        if not value:
            message = "names no pattern"
            raise ValueError(message)
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            if value:
                ZoneInfo(value)
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

    @field_validator("resource_id")
    @classmethod
    def _is_a_storage_account(cls, value: str) -> str:
        if value and not _RESOURCE.fullmatch(value):
            message = "must be /subscriptions/.../resourceGroups/.../providers/Microsoft.Storage/storageAccounts/..."
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> "BlobOptions":
        if bool(self.account_url) == (self.connection_string_file is not None):
            message = "exactly one of account_url and connection_string_file must be given"
            raise ValueError(message)
        return self


def account_of(options: BlobOptions) -> BlobServiceClient:
    """Make the client of the account; raises `SettingsError`; asks nobody anything."""
    if options.connection_string_file is None:
        return BlobServiceClient(options.account_url, credential=credential(), **TRANSPORT)
    return _by_connection_string(options.connection_string_file)


def credential() -> Any:
    """Give what proves by Microsoft Entra who the bot is."""
    # Imported here: it takes a third of a second, and no other source needs it.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _by_connection_string(path: Path) -> BlobServiceClient:
    """Read the file and check what it says; no message repeats any of it. Raises `SettingsError`."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise SettingsError(f"connection_string_file: {path}: {why}") from None
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    try:
        base64.b64decode(parts.get("AccountKey", ""), validate=True)
        client = BlobServiceClient.from_connection_string(text, **TRANSPORT)
        checked_url(client.primary_endpoint.partition("?")[0])
    except SettingsError:
        raise SettingsError(f"connection_string_file: {path}: must name an address with https:") from None
    except (ValueError, KeyError, binascii.Error):
        raise SettingsError(f"connection_string_file: {path}: is no connection string of a storage account") from None
    if not (client.credential or "SharedAccessSignature" in parts):
        raise SettingsError(f"connection_string_file: {path}: holds neither a key nor a signature")
    return client


def may_meet(one: BlobOptions, other: BlobOptions) -> bool:
    """Tell whether two sources may reach the same blobs; where nobody can tell, they do: a hold protects too much."""
    if one.container != other.container:
        return False
    if not (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)):
        return False
    accounts = [_account(options.account_url) for options in (one, other)]
    return "" in accounts or accounts[0] == accounts[1]


def _account(url: str) -> str:
    """Give the account that an address of Azure's own names; "" where it may be any: a file, an own domain."""
    account, mark, _ = (urlsplit(url).hostname or "").partition(".blob.core.")
    return account.removesuffix("-secondary") if mark else ""
