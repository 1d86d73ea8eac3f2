"""Grafana Loki as a kind of source: what an operator says of it, and how one is built.

Proved against a faithful fake only; see `docs/sources/loki.md`.
"""

from itertools import combinations
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import SettingsError
from data.sources.connector import Around, Connector, Named
from data.sources.http_api import checked_url
from data.sources.loki_source import KIND, LokiSource
from data.sources.loki_windows import matched_exactly, surely_apart


class LokiOptions(BaseModel):
    """What an operator says of a source of kind `loki`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str
    """Address that answers queries, such as `https://loki.example.com`."""
    delete_url: str = ""
    """Address of the compactor, where it is another one; empty means the same."""
    tenant: str = Field(default="", pattern=r"^[A-Za-z0-9!_.*'()-]{0,150}$")
    """Value of the header X-Scope-OrgID; empty where Loki has no tenants."""
    user: str = Field(default="", pattern=r"^[^:\x00-\x1f]*$")
    """Name for basic authentication, with `password_file`."""
    password_file: Path | None = None
    """File with the password for `user`."""
    token_file: Path | None = None
    """File with a bearer token."""
    ca_file: Path | None = None
    """File with the certificates that the address is checked by, where they are not the system's."""
    selectors: tuple[str, ...] = Field(min_length=1, max_length=100)
    """Stream selectors of the logs; any two must differ in a label that both fix, so that no line counts twice."""
    control: str
    """Stream selector of lines that are written every day: only where these are seen, does seeing none mean none."""
    rewrite: bool = False
    """Whether the day in which the cutoff falls may be cut there; otherwise it waits until all of it is old."""
    look_back_days: int = Field(default=1095, ge=180, le=3650)
    """How far back is looked; what the 30 days before that hold is told and never deleted."""
    settle_hours: int = Field(default=26, ge=3, le=720)
    """Hours after its end until a day counts as no longer written to."""
    physical_hours: int = Field(default=48, ge=2, le=720)
    """Hours a deletion may take until nothing answers with its lines any more: cancel period, compaction, caches."""

    @field_validator("url", "delete_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return checked_url(value) if value else value
        except SettingsError as error:
            raise ValueError(str(error)) from None

    @field_validator("control")
    @classmethod
    def _selects(cls, value: str) -> str:
        matched_exactly(value)
        return value.strip()

    @field_validator("selectors")
    @classmethod
    def _select_apart(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        cleaned = tuple(value.strip() for value in values)
        for value in cleaned:
            matched_exactly(value)
        for one, other in combinations(cleaned, 2):
            if not surely_apart(one, other):
                raise ValueError(f"{one} and {other} may name the same stream: let both fix one label differently")
        return cleaned

    @model_validator(mode="after")
    def _one_proof(self) -> "LokiOptions":
        if not self.url:
            message = "url: is missing"
            raise ValueError(message)
        if bool(self.user) != (self.password_file is not None):
            message = "user and password_file: one needs the other"
            raise ValueError(message)
        if self.user and self.token_file:
            message = "token_file: not together with user and password_file"
            raise ValueError(message)
        return self


def build(named: Named, options: LokiOptions, around: Around) -> LokiSource:
    """Build a source; asks nothing yet. Raises `SettingsError`."""
    return LokiSource(named, options, around)


def meet(one: LokiOptions, other: LokiOptions) -> bool:
    """Tell whether two may reach the same lines: of one tenant always, because an address proves no other Loki."""
    return one.tenant == other.tenant


CONNECTOR: Final = Connector(kind=KIND, options=LokiOptions, build=build, meet=meet)
