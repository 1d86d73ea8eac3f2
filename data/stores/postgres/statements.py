"""The SQL of the stores, read from `statements.sql`: a name, then the statement, until the next name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from psycopg import sql

_NAME: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, ready to run."""

    name: str
    sql: sql.Composed


def load_statements() -> Mapping[str, str]:
    """Read all statements by name; raises `ValueError` for one that stands twice."""
    text = files("data.stores.postgres").joinpath("statements.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    found = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    if len(found) != len(parts) // 2:
        message = "statements.sql: a name stands twice"
        raise ValueError(message)
    return found


def statement(texts: Mapping[str, str], name: str, **names: str) -> Statement:
    """Give one statement, with names of tables and columns put in, quoted, where it says `{table}`."""
    text = sql.SQL(texts[name])  # our own text, shipped with the code
    return Statement(name=name, sql=text.format(**{key: sql.Identifier(value) for key, value in names.items()}))
