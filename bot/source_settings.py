"""What an operator says of one source; checked here as far as no file has to be looked at."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.errors import SettingsError
from data.retention.outside import outside_word
from data.sources.connector import FILES, connector_of

OWN_LOGS = "bot-logs"
"""Id of the source over the bot's own logs; no operator's source may have it."""

_OF_ALL = ("id", "kind", "title", "data_kind")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class SourceSettings(BaseModel):
    """One place where logs lie; journals, chats, recordings and call records can never be one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str = Field(pattern=f"^{_SLUG.pattern}$")
    """Short name used in chat and on the command line: lower-case letters, digits and, after the first, hyphens."""
    kind: str
    """The connector: `files`, or another of `docs/sources/`."""
    title: str = ""
    """Name shown on cards."""
    data_kind: Literal["log", "trace", "exception", "stack_trace"]
    """What the records are; only the four kinds of clause 2.7."""
    root: str = Field(default="", pattern=r"^[^\x00]*$")
    """Folder below which files are looked at."""
    include: tuple[str, ...] = ("*.log*",)
    """File name patterns."""
    zone: str = "UTC"
    """Time zone of stamps that name none, such as `Europe/Berlin`; empty is unknown: 26 hours of doubt."""
    format: str = ""
    """Format family of every file here, such as `jsonl`; empty lets each file's content decide."""
    rewrite: bool = True
    """Whether old records may be cut out of a file that also holds young ones."""
    quiet_minutes: int = Field(default=15, ge=1)
    """Minutes without a write after which a file counts as no longer active."""
    owners: tuple[str, ...] = ()
    """Accounts whose files may be deleted, besides the bot's own and the owner of the root: names or numbers."""
    options: Any = Field(default=None, exclude=True)
    """What is said of a source of another kind than `files`, as its connector has it; written beside the other keys."""

    @model_validator(mode="before")
    @classmethod
    def _as_its_connector_has_it(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or value.get("kind", FILES) == FILES:
            if isinstance(value, Mapping) and "options" in value:
                message = "options: is no key of a source"
                raise ValueError(message)
            return value
        try:
            connector = connector_of(str(value["kind"]))
        except SettingsError as error:
            raise ValueError(str(error)) from None
        own = {key: said for key, said in value.items() if key not in _OF_ALL}
        return {key: said for key, said in value.items() if key in _OF_ALL} | {"options": connector.options(**own)}

    @model_validator(mode="after")
    def _only_what_clause_2_7_names(self) -> "SourceSettings":
        for field, value in self._said():
            texts = (Path(value).name,) if field == "root" else value if isinstance(value, tuple) else (value,)
            texts = tuple(text for text in texts if isinstance(text, str))
            word = next(filter(None, map(outside_word, texts)), "")
            if word:
                message = (
                    f"{field} names {word!r}: journals, chats, recordings and call records are no logs "
                    "of clause 2.7 and can never be a source"
                )
                raise ValueError(message)
        return self

    def anchored(self, folder: Path) -> "SourceSettings":
        """Take relative paths from a folder."""
        if self.root:
            return self.model_copy(update={"root": str(folder / self.root)})
        if not isinstance(self.options, BaseModel):
            return self
        told = {field: getattr(self.options, field) for field in type(self.options).model_fields}
        paths = {field: folder / value for field, value in told.items() if isinstance(value, Path)}
        return self.model_copy(update={"options": self.options.model_copy(update=paths)})

    def _said(self) -> Iterator[tuple[str, Any]]:
        """Give everything that may name what a source holds: a journal is none, whatever engine it lies in."""
        yield from ((field, getattr(self, field)) for field in ("id", "title", "root", "include"))
        if isinstance(self.options, BaseModel):
            told = ((field, getattr(self.options, field)) for field in type(self.options).model_fields)
            engines_own = connector_of(self.kind).folders
            for field, value in told:
                named = value.name if isinstance(value, Path) else value
                yield field, "" if isinstance(value, Path) and named in engines_own else named

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                message = f"{value!r} is no time zone; write one such as Europe/Berlin or UTC"
                raise ValueError(message) from None
        return value

    @field_validator("format")
    @classmethod
    def _format_is_known(cls, value: str) -> str:
        if value:
            from data.formats.families.registry import known_pins

            if value not in known_pins():
                message = f"{value!r} is no format; there are: {', '.join(sorted(known_pins()))}"
                raise ValueError(message)
        return value
