"""What an operator says of a source of kind `postgres`, and what of it decides what is selected."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.formats.zones import ZoneClock
from data.sources.postgres_table import PARTITIONS, ROWS, Layout, Named

KIND: Final = "postgres"
VERSION: Final = "1"
_LONGEST_NAME: Final = 63
_SYSTEM: Final = ("pg_", "information_schema")
_OF_ROWS: Final = ("rewrite", "bucket_hours", "release_days")
_SPANS: Final = (1, 2, 3, 4, 6, 8, 12, 24)


class PostgresOptions(BaseModel):
    """One table; the address of its database stands in a file of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dsn_file: Path
    """File with the DSN of the primary server, such as `host=db dbname=logs user=purger password=...`."""
    table_schema: str = "public"
    """Schema of the table, letter for letter, without quotes."""
    table: str
    """Name of the table, letter for letter, without quotes."""
    time_column: str
    """Column that says when a record was written; `timestamptz`, or `timestamp` where `zone` is said."""
    layout: Layout
    """`partitions` for a table partitioned by ranges of its time, whose partitions go as a whole; `rows` for a plain
    table, whose rows go."""
    zone: str = ""
    """Time zone of stamps without one, such as `Europe/Berlin`; a column of such stamps is refused without it."""
    rewrite: bool = True
    """Of `rows`: whether old rows may go from a unit that also holds young ones."""
    bucket_hours: int = 24
    """Of `rows`: how many hours make one unit, which is one transaction; one of 1, 2, 3, 4, 6, 8, 12, 24."""
    release_days: int = Field(default=1, ge=1, le=90)
    """Of `rows`: days until VACUUM has surely been over the table, as you know it; a purge is pending so long."""
    quiet_minutes: int = Field(default=15, ge=1)
    """Minutes after the end of a partition or a span of rows in which it counts as still being written."""
    lock_seconds: int = Field(default=3, ge=1, le=60)
    """Seconds to wait for a lock; while a partition waits for its table's, new queries of that table wait too."""

    @field_validator("table_schema", "table", "time_column")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not value or "\0" in value or len(value.encode("utf-8", "replace")) > _LONGEST_NAME:
            message = f"must have 1 to {_LONGEST_NAME} bytes"
            raise ValueError(message)
        return value

    @field_validator("table_schema")
    @classmethod
    def _is_not_the_systems(cls, value: str) -> str:
        if value.startswith(_SYSTEM):
            message = f"{value!r} is PostgreSQL's own"
            raise ValueError(message)
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            return value and ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = f"{value!r} is no time zone; write one such as Europe/Berlin or UTC"
            raise ValueError(message) from None

    @field_validator("bucket_hours")
    @classmethod
    def _divides_a_day(cls, value: int) -> int:
        if value not in _SPANS:
            message = f"must be one of {', '.join(map(str, _SPANS))}"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        senseless = [name for name in _OF_ROWS if name in self.model_fields_set]
        if self.layout == PARTITIONS and senseless:
            message = f"{senseless[0]}: means something for layout `rows` only"
            raise ValueError(message)
        return self


def named_of(options: PostgresOptions) -> Named:
    """Give what is said of the table itself."""
    return Named(
        schema=options.table_schema,
        table=options.table,
        column=options.time_column,
        layout=options.layout,
        clock=ZoneClock(ZoneInfo(options.zone)) if options.zone else None,
    )


def digest_of(source: str, data_kind: str, options: PostgresOptions) -> str:
    """Hash everything that decides what is selected; what the DSN leads to is bound by the identity of each unit."""
    deciding = {"connector": f"{KIND} {VERSION}", "id": source, "data_kind": data_kind}
    said = options.model_dump(mode="json", exclude={"lock_seconds", "release_days"})
    return sha256(json.dumps({**deciding, **said}, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def can_meet(one: PostgresOptions, other: PostgresOptions) -> bool:
    """Tell whether two sources can reach the same rows: a table named twice, or a partition named as a table.

    Two databases are never told apart by their DSNs: one server has many names.
    """
    same = (one.table_schema, one.table) == (other.table_schema, other.table)
    return same or {one.layout, other.layout} == {PARTITIONS, ROWS}
