"""What the source has to know of an operator's settings, and how it proves who asks."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from data.sources.http_api import read_secret


class SearchTold(Protocol):
    """What an operator said of a source; see `opensearch.SearchOptions`."""

    @property
    def url(self) -> str:
        """Give the address."""
        ...

    @property
    def user(self) -> str:
        """Give the name for basic authentication."""
        ...

    @property
    def password_file(self) -> Path | None:
        """Give the file with its password."""
        ...

    @property
    def api_key_file(self) -> Path | None:
        """Give the file with an API key."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """Give the file with certificates."""
        ...

    @property
    def indices(self) -> tuple[str, ...]:
        """Give the grammars of names."""
        ...

    @property
    def control(self) -> str:
        """Give the name that must be seen."""
        ...

    @property
    def timestamp_field(self) -> str:
        """Give the field that dates a document."""
        ...

    @property
    def quiet_minutes(self) -> int:
        """Tell how long an index is written to after its youngest document."""
        ...

    @property
    def write_block_holds(self) -> bool:
        """Tell whether a write block protects."""
        ...


def authorization_of(*, user: str, password_file: Path | None, api_key_file: Path | None) -> Callable[[], str]:
    """Give what proves who asks, read anew each time; the function raises `ApiError`."""

    def proof() -> str:
        if api_key_file is not None:
            return f"ApiKey {read_secret(api_key_file)}"
        if password_file is not None:
            return f"Basic {base64.b64encode(f'{user}:{read_secret(password_file)}'.encode()).decode()}"
        return ""

    return proof
