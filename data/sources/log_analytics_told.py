"""What the source has to know of an operator's settings, and how it proves by Microsoft Entra who asks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError, ClientAuthenticationError

from data.sources.http_api import ApiError, read_secret

PURGE: Final = "purge"
DELETE_DATA: Final = "delete-data"
A_HOUR: Final = {PURGE: 50, DELETE_DATA: 10}
"""How many requests Azure takes in an hour for one workspace."""


class WorkspaceTold(Protocol):
    """What an operator said of a source; see `log_analytics.WorkspaceOptions`."""

    @property
    def workspace_id(self) -> str:
        """Give the GUID by which queries name the workspace."""
        ...

    @property
    def resource_id(self) -> str:
        """Give its id in Azure Resource Manager."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """Give the tables."""
        ...

    @property
    def control(self) -> str:
        """Give the table in which rows must be seen."""
        ...

    @property
    def method(self) -> str:
        """Tell by which interface rows are deleted."""
        ...

    @property
    def tried(self) -> bool:
        """Tell whether somebody has seen that both ends of a deletion hold."""
        ...

    @property
    def rewrite(self) -> bool:
        """Tell whether a day may be cut."""
        ...

    @property
    def settle_hours(self) -> int:
        """Tell when a day is no longer written to."""
        ...

    @property
    def physical_days(self) -> int:
        """Tell how long a deletion may take."""
        ...

    @property
    def query_url(self) -> str:
        """Give the address that answers queries."""
        ...

    @property
    def management_url(self) -> str:
        """Give the address of Azure Resource Manager."""
        ...


class GivesTokens(Protocol):
    """What azure-identity calls a credential."""

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        """Give a token; raises `azure.core.exceptions.AzureError`."""
        ...


class SecretCredential:
    """An application with a client secret; the file is read anew, so that a secret can be replaced while the bot runs.

    Usable from several threads.
    """

    def __init__(self, tenant: str, client: str, secret: Path, make: Callable[[str, str, str], GivesTokens]) -> None:
        """`make` makes azure-identity's credential of tenant, client and secret."""
        self._tenant, self._client, self._file, self._make = tenant, client, secret, make
        self._made: tuple[str, GivesTokens] | None = None

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        """Give a token. Raises `ClientAuthenticationError` where the file cannot be read, and what azure-identity does.

        Its message names no secret.
        """
        try:
            secret = read_secret(self._file)
        except ApiError:
            raise ClientAuthenticationError("the file with the secret cannot be read") from None
        made = self._made
        if made is None or made[0] != secret:
            made = self._made = (secret, self._make(self._tenant, self._client, secret))
        return made[1].get_token(*scopes, **more)


def proof_of(credential: GivesTokens, address: str) -> Callable[[], dict[str, str]]:
    """Give what proves to one address who asks, anew for each request; the function raises `ApiError`."""

    def headers() -> dict[str, str]:
        try:
            return {"Authorization": f"Bearer {credential.get_token(f'{address}/.default').token}"}
        except ClientAuthenticationError:
            raise ApiError("denied") from None
        except AzureError:
            raise ApiError("unreachable") from None

    return headers
