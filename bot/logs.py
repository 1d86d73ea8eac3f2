"""Structured logs: one JSON object a line, allowed fields only, people as keyed hashes, no texts, names or tokens."""

import hmac
import logging
import re
import secrets
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol, TextIO, cast

import structlog

from data.errors import StateError
from data.stores.durable import flush_folder, write_durably

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "action", "reason", "error", "status", "count", "seconds", "outcome",
        "kind", "person", "conversation", "reference", "port", "ops_port", "host", "topics", "lang", "version", "where",
        "path", "digest", "mode", "repeated", "signal", "step",
    },
)  # fmt: skip
"""Fields that may appear; whatever else is bound to a line is dropped."""

_TOKEN = re.compile(r"(eyJ[A-Za-z0-9_-]{5,}[A-Za-z0-9._-]*|(?i:Bearer)\s+\S+)")
_LONGEST = 300
_KEY_BYTES = 32
_KEY_FILE = "person.key"


class PersonHash:
    """A person's id as a keyed hash: the same person is the same within one installation, nobody can tell who."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, tenant_id: str, object_id: str) -> str:
        """Give 16 hexadecimal digits, or "" for nobody in particular."""
        if not object_id:
            return ""
        return hmac.digest(self._key, f"{tenant_id}/{object_id}".encode(), "sha256").hex()[:16]

    def renew(self, folder: Path) -> None:
        """Take a new key: no line written before, wherever it went, leads to anybody any more. Raises `StateError`."""
        key, aside = secrets.token_bytes(_KEY_BYTES), folder / f".{_KEY_FILE}.new"
        try:
            write_durably(aside, key)
            aside.replace(folder / _KEY_FILE)
            flush_folder(folder)
        except OSError as error:
            message = f"{folder / _KEY_FILE}: not written: {error.strerror}"
            raise StateError(message) from error
        self._key = key


class Sink(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> int:
        """Take one whole line."""
        ...

    def flush(self) -> None:
        """Hand on what was taken."""
        ...


class Both:
    """Two places for each line: the first never raises."""

    def __init__(self, first: Sink, second: Sink) -> None:
        self._first, self._second = first, second

    def write(self, text: str) -> int:
        """Take one whole line."""
        self._first.write(text)
        return self._second.write(text)

    def flush(self) -> None:
        """Hand on what was taken."""
        self._first.flush()
        self._second.flush()


def load_person_key(folder: Path) -> bytes:
    """Read the key from the state folder, or make one; deleting the file makes old hashes meaningless."""
    path = folder / _KEY_FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size < _KEY_BYTES:  # a crash may have left it empty
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(_KEY_BYTES))
    return path.read_bytes()


def configure_logs(stream: TextIO | None = None, *, level: int = logging.INFO, kept: Sink | None = None) -> None:
    """Send every log line, the libraries' too, through the allow-list as JSON; `kept` gets each one as well."""
    where = cast("TextIO", Both(kept, stream or sys.stderr)) if kept else stream or sys.stderr
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        only_allowed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(where),  # a whole line at once, where printing would write twice
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(where)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                only_error_class,
                only_allowed,
                structlog.processors.JSONRenderer(),
            ],
        ),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def only_error_class(_: object, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keep of an exception its class only: messages of libraries hold addresses, ids and claims."""
    found = line.pop("exc_info", None)
    if isinstance(found, tuple) and found[0] is not None:
        line["error"] = found[0].__name__
    # A library's sentence may hold anything; its logger's name and level say where to look.
    line["event"] = f"{line.get('logger', 'library')} said something"
    return line


def only_allowed(_: object, __: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop every field that is not on the list, and everything that looks like a token."""
    return {key: _safe(value) for key, value in line.items() if key in ALLOWED}


def _safe(value: object) -> object:
    if isinstance(value, int | float | bool) or value is None:
        return value
    if isinstance(value, list | tuple | frozenset | set):
        return [_safe(item) for item in list(value)[:20]]
    text = str(value)
    if "eyJ" in text or "earer" in text:
        text = _TOKEN.sub("[token]", text)
    return text[:_LONGEST]
