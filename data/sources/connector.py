"""How a kind of source is known: what an operator has to say of one, how it is built, and when two are the same place.

A connector is one module with a `CONNECTOR` in it. Those of the product are named here; others come from installed
packages by the entry point group `procall.sources`, and touch nothing in this tree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from data.clock import Clock
from data.errors import SettingsError
from data.sources.interface import Source

FILES: Final = "files"
"""Local files: the one kind whose settings stand in the contract itself (design 4.1)."""
ENTRY_POINTS: Final = "procall.sources"
BUILT_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "azure-blob": "data.sources.azure_blob",
        "journald": "data.sources.journald",
        "log-analytics": "data.sources.log_analytics",
        "loki": "data.sources.loki",
        "opensearch": "data.sources.opensearch",
        "postgres": "data.sources.postgres",
        "s3": "data.sources.s3",
        "sentry": "data.sources.sentry",
    }
)
"""Kind to the module that holds its `CONNECTOR`; imported only where a source is of this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What is said of every source."""

    id: str
    title: str
    data_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a source may use of the house."""

    clock: Clock
    state: Path
    """A folder of the bot's own for what a source has to remember, such as `<id>.purged.sqlite`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One kind of source."""

    kind: str
    options: type[BaseModel]
    """What an operator says of a source of this kind, besides id, kind, title and data_kind; unknown keys refused.

    Secrets are named by `*_file` fields only. `zone`, `quiet_minutes` and `rewrite` mean what they mean for files.
    """
    build: Callable[[Named, Any, Around], Source]
    """Builds a source of options that were checked; raises `SettingsError`, `SourceError`; asks no engine yet."""
    meet: Callable[[Any, Any], bool]
    """Tells of the options of two sources whether they can reach the same records: a hold on one protects from both.
    """
    folders: frozenset[str] = frozenset()
    """Names of folders that are the engine's own, though they sound like what is no log of clause 2.7."""


def connector_of(kind: str) -> Connector:
    """Give the connector of a kind; raises `SettingsError` for a kind that nothing here knows."""
    module = BUILT_IN.get(kind)
    if module is not None:
        found: Connector = import_module(module).CONNECTOR
        return found
    for point in entry_points(group=ENTRY_POINTS, name=kind):
        loaded = point.load()
        if not isinstance(loaded, Connector) or loaded.kind != kind:
            message = f"sources: kind {kind!r}: the package that offers it does not keep the contract of a connector"
            raise SettingsError(message)
        return loaded
    message = f"sources: kind {kind!r} is not known; there are: {', '.join(known_kinds())}"
    raise SettingsError(message)


def known_kinds() -> tuple[str, ...]:
    """List the kinds that a source may be of."""
    return tuple(sorted({FILES, *BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINTS))}))
