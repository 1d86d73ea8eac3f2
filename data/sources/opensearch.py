"""OpenSearch and Elasticsearch as a kind of source: what an operator says of it, and how one is built.

Proved against a faithful fake only, driven by the real client; see `docs/sources/opensearch.md`.
"""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import SettingsError
from data.sources.connector import Around, Connector, Named
from data.sources.http_api import checked_url
from data.sources.opensearch_names import grammar_of, is_index_name
from data.sources.opensearch_source import KIND, SearchSource


class SearchOptions(BaseModel):
    """What an operator says of a source of kind `opensearch`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str
    """Address of the cluster, such as `https://search.example.com:9200`."""
    user: str = Field(default="", pattern=r"^[^:\x00-\x1f]*$")
    """Name for basic authentication, with `password_file`."""
    password_file: Path | None = None
    """File with the password for `user`."""
    api_key_file: Path | None = None
    """File with an API key as Elasticsearch encodes it."""
    ca_file: Path | None = None
    """File with the certificates that the address is checked by, where they are not the system's."""
    indices: tuple[str, ...] = Field(min_length=1, max_length=100)
    """Names of indices, with `{year}`, `{month}`, `{week}`, `{day}`, `{hour}`, `{number}` for what varies in them."""
    control: str
    """Name of an index, alias or data stream that is always there: only where it is seen does absence count."""
    timestamp_field: str = Field(default="@timestamp", pattern=r"^[A-Za-z0-9_@][A-Za-z0-9_@.-]{0,200}$")
    """Field that says when a document's record was written; mapped as `date` or `date_nanos`."""
    quiet_minutes: int = Field(default=60, ge=1)
    """Minutes after its youngest document until an index counts as no longer written to."""
    write_block_holds: bool = True
    """Whether `index.blocks.write` protects an index; policies that make old indices read-only set it."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return checked_url(value)
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("indices")
    @classmethod
    def _are_names(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            grammar_of(value)
        return values

    @field_validator("control")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not is_index_name(value.lstrip(".")):
            raise ValueError(f"{value!r}: must be one name, without wildcards")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "SearchOptions":
        if bool(self.user) != (self.password_file is not None):
            message = "user and password_file: one needs the other"
            raise ValueError(message)
        if self.user and self.api_key_file:
            message = "api_key_file: not together with user and password_file"
            raise ValueError(message)
        for value in self.indices:
            if grammar_of(value).fullmatch(self.control):
                raise ValueError(f"control: {self.control!r} is one of the indices that may be purged")
        return self


def build(named: Named, options: SearchOptions, around: Around) -> SearchSource:
    """Build a source; asks nothing yet. Raises `SettingsError`."""
    return SearchSource(named, options, around)


def meet(one: SearchOptions, other: SearchOptions) -> bool:
    """Tell whether two may reach the same records: always, because an address proves no other cluster."""
    del one, other
    return True


CONNECTOR: Final = Connector(kind=KIND, options=SearchOptions, build=build, meet=meet)
