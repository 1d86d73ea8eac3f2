"""Azure Log Analytics as a kind of source: what an operator says of it, and how one is built.

Proved against a faithful fake only, queried by the real client; see `docs/sources/log-analytics.md`.
"""

import re
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import SettingsError
from data.sources.connector import Around, Connector, Named
from data.sources.http_api import checked_url
from data.sources.log_analytics_days import TABLE
from data.sources.log_analytics_source import KIND, WorkspaceSource
from data.sources.log_analytics_told import GivesTokens, SecretCredential

_GUID: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_RESOURCE: Final = re.compile(
    r"(?i)/subscriptions/[0-9a-f-]{36}/resourceGroups/[-\w._()]{1,90}/providers/Microsoft\.OperationalInsights"
    r"/workspaces/[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"
)
_LEAST_PHYSICAL_DAYS: Final = 30
"""In what time Azure says that a purge is done."""


class WorkspaceOptions(BaseModel):
    """What an operator says of a source of kind `log-analytics`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    workspace_id: str = Field(pattern=_GUID)
    """Id of the workspace, a GUID: the page of the workspace shows it."""
    resource_id: str
    """Id of the same workspace in Azure Resource Manager: `/subscriptions/.../workspaces/<name>`."""
    tables: tuple[str, ...] = Field(min_length=1, max_length=100)
    """Tables that hold the logs, such as `AppTraces`; case counts."""
    control: str = "Usage"
    """Table into which something is written every day: only where its rows are seen, does seeing none mean none."""
    method: Literal["purge", "delete-data"] = "purge"
    """`purge` removes rows from the storage, 50 requests an hour; `delete-data` only marks them, 10 an hour."""
    tried: bool = False
    """Whether you have seen, on a workspace of your own, that a row must meet both ends of what is asked for. Microsoft
    does not document it; until you say so everything is counted and nothing is deleted."""
    rewrite: bool = False
    """Whether the day in which the cutoff falls may be cut there; otherwise it waits until all of it is old."""
    settle_hours: int = Field(default=72, ge=24, le=720)
    """Hours after its end until a day counts as no longer written to."""
    physical_days: int = Field(default=31, ge=_LEAST_PHYSICAL_DAYS, le=4400)
    """Days that a deletion may take; Azure promises 30 for a purge, and with `delete-data` rows stay stored until the
    total retention of their table is over."""
    tenant_id: str = Field(default="", pattern=rf"^$|{_GUID}")
    """Tenant of the application that asks, with `client_id` and `client_secret_file`; without them the bot's managed
    identity is used, or whatever else `DefaultAzureCredential` finds."""
    client_id: str = Field(default="", pattern=rf"^$|{_GUID}")
    """Id of the application that asks."""
    client_secret_file: Path | None = None
    """File with its secret."""
    authority_url: str = "https://login.microsoftonline.com"
    """Address of Microsoft Entra; national clouds have their own."""
    query_url: str = "https://api.loganalytics.io"
    """Address that answers queries."""
    management_url: str = "https://management.azure.com"
    """Address of Azure Resource Manager."""

    @field_validator("authority_url", "query_url", "management_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return checked_url(value)
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("resource_id")
    @classmethod
    def _is_a_workspace(cls, value: str) -> str:
        if not _RESOURCE.fullmatch(value):
            message = (
                "must be /subscriptions/.../resourceGroups/.../providers/Microsoft.OperationalInsights/workspaces/..."
            )
            raise ValueError(message)
        return value

    @field_validator("tables")
    @classmethod
    def _are_tables(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not TABLE.fullmatch(value):
                raise ValueError(f"{value!r}: must be the name of a table: letters, digits, underscores")
        if len({value.lower() for value in values}) != len(values):
            message = "names a table twice"
            raise ValueError(message)
        return values

    @field_validator("control")
    @classmethod
    def _is_a_table(cls, value: str) -> str:
        if not TABLE.fullmatch(value):
            raise ValueError(f"{value!r}: must be the name of a table: letters, digits, underscores")
        return value

    @model_validator(mode="after")
    def _whole_proof(self) -> "WorkspaceOptions":
        told = [bool(self.tenant_id), bool(self.client_id), self.client_secret_file is not None]
        if any(told) and not all(told):
            message = "tenant_id, client_id and client_secret_file: one needs the others"
            raise ValueError(message)
        return self


def credential_of(options: WorkspaceOptions) -> GivesTokens:
    """Make what proves by Microsoft Entra who the bot is; asks nobody anything."""
    # Imported here: it takes a third of a second, and few sources need it.
    from azure.identity import ClientSecretCredential, DefaultAzureCredential

    if options.client_secret_file is None:
        default: GivesTokens = DefaultAzureCredential()
        return default

    def make(tenant: str, client: str, secret: str) -> Any:
        return ClientSecretCredential(tenant, client, secret, authority=options.authority_url)

    return SecretCredential(options.tenant_id, options.client_id, options.client_secret_file, make)


def build(named: Named, options: WorkspaceOptions, around: Around) -> WorkspaceSource:
    """Build a source; asks nothing yet. Raises `SettingsError`."""
    return WorkspaceSource(named, options, around, credential_of(options))


def meet(one: WorkspaceOptions, other: WorkspaceOptions) -> bool:
    """Tell whether two may reach the same rows: those that name a table of one workspace."""
    tables = {table.lower() for table in one.tables} & {table.lower() for table in other.tables}
    return bool(tables) and one.workspace_id.lower() == other.workspace_id.lower()


CONNECTOR: Final = Connector(kind=KIND, options=WorkspaceOptions, build=build, meet=meet)
