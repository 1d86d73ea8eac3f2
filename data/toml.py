"""Reads a TOML file into a checked shape; every problem names file, key and reason."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data.errors import CatalogueError

T = TypeVar("T", bound=BaseModel)


def read_toml(model: type[T], path: Path) -> T:
    """Read and check one file; raises `CatalogueError` with one line for each problem."""
    return check_table(model, read_table(path), path)


def read_table(path: Path) -> dict[str, Any]:
    """Read one file; raises `CatalogueError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: not valid TOML: {error}"
        raise CatalogueError(message) from None
    except UnicodeDecodeError:
        message = f"{path}: not UTF-8"
        raise CatalogueError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise CatalogueError(message) from None


def check_table(model: type[T], table: dict[str, Any], path: Path) -> T:
    """Check a table against its shape; raises `CatalogueError` with one line for each problem."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            key = ".".join(str(part) for part in item["loc"]) or "the file"
            reason = {"extra_forbidden": "unknown key", "missing": "is missing"}.get(
                item["type"],
                item["msg"].removeprefix("Value error, "),
            )
            lines.append(f"{path}: {key}: {reason}")
        raise CatalogueError("\n".join(lines)) from None
