"""One entry of the audit log and the one line it is on disk (security.md 4.2, purge.md 6.10).

The hash that chains the lines is taken over the bytes on disk, never over JSON written anew.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from math import isfinite
from typing import Any, Final

from data.retention.canonical import canonical
from data.retention.instants import Instant, datetime_of, read_iso

GENESIS: Final = "0" * 64
"""What stands in place of a hash before the very first entry."""
LONGEST_LINE: Final = 1 << 20
"""Bytes of a line, its newline included."""
SYSTEM: Final = "system"
"""The actor where no person acts."""

SHAPE: Final = re.compile(
    rb'\{"actor":"[^"\\]*","at":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","data":\{.*\},"kind":"[a-z0-9_.]+",'
    rb'"object":"(?:[^"\\]|\\.)*","prev":"([0-9a-f]{64})","seq":([1-9]\d{0,17})\}',
)
"""What every line looks like; the groups are time, previous hash and sequence number."""

FIELDS: Final = frozenset({"actor", "at", "data", "kind", "object", "prev", "seq"})
"""The keys of a line."""

_KIND: Final = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*")
_LONGEST_WORD: Final = 256
_LARGEST_NUMBER: Final = 1 << 63
_DEEPEST: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be recorded: an entry that has no place in the chain yet."""

    kind: str
    """A stable dotted word: `purge.intent`."""
    actor: str = SYSTEM
    """A pseudonym, or `system`."""
    object: str = ""
    """The id of the request, hold or source it is about."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and short words; never names or log text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that happened, at its place in the chain."""

    seq: int
    """From 1, without a gap, over all epochs."""
    at: Instant
    kind: str
    actor: str
    object: str
    data: Mapping[str, Any]
    prev: str
    """SHA-256 of the line before, in hex; 64 zeros for the first."""


def line_of(entry: AuditEntry) -> bytes:
    """Write an entry as its line, without the newline; raises `ValueError` for what may not stand in an audit."""
    _check(entry)
    fields = {
        "actor": entry.actor,
        "at": datetime_of(entry.at).astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": entry.data,
        "kind": entry.kind,
        "object": entry.object,
        "prev": entry.prev,
        "seq": entry.seq,
    }
    line = canonical(fields)
    if len(line) >= LONGEST_LINE or SHAPE.fullmatch(line) is None:
        message = f"an entry of kind {entry.kind} does not fit a line"
        raise ValueError(message)
    return line


def entry_of(line: bytes) -> AuditEntry:
    """Read a line strictly: no key twice, none missing, none more; raises `ValueError`."""
    found = strict_json(line)
    if not isinstance(found, dict) or set(found) != FIELDS or not isinstance(found["data"], dict):
        message = "the line is no audit entry"
        raise ValueError(message)
    words = ("actor", "at", "kind", "object", "prev")
    if not all(isinstance(found[word], str) for word in words) or type(found["seq"]) is not int:
        message = "a field of the line has the wrong type"
        raise ValueError(message)
    return AuditEntry(
        seq=found["seq"],
        at=read_iso(found["at"]),
        kind=found["kind"],
        actor=found["actor"],
        object=found["object"],
        data=found["data"],
        prev=found["prev"],
    )


def strict_json(content: bytes) -> Any:
    """Read JSON in which no key stands twice and no number is NaN or infinite; raises `ValueError`."""
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except RecursionError:
        message = "nested too deeply"
        raise ValueError(message) from None


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key stands twice"
        raise ValueError(message)
    return found


def _no_constant(name: str) -> float:
    message = f"{name} is no number"
    raise ValueError(message)


def _check(entry: AuditEntry) -> None:
    if not _KIND.fullmatch(entry.kind):
        message = f"no kind of an audit entry: {entry.kind!r}"
        raise ValueError(message)
    if not entry.actor or set(entry.actor) & {'"', "\\"}:
        message = "an audit entry needs an actor: a pseudonym, or system"
        raise ValueError(message)
    for word in (entry.kind, entry.actor, entry.object):
        _check_value(word, 0)
    _check_value(entry.data, 0)


def _check_value(value: object, depth: int) -> None:
    """Let numbers, short words and collections of them pass: a line of a log is none of these."""
    if depth > _DEEPEST:
        raise ValueError("data of an audit entry are nested too deeply")
    if isinstance(value, Mapping):
        for name in value:
            _check_word(name)
        _check_all(value.values(), depth + 1)
    elif isinstance(value, list | tuple):
        _check_all(value, depth + 1)
    elif isinstance(value, str):
        _check_word(value)
    else:
        _check_number(value)


def _check_all(values: Iterable[object], depth: int) -> None:
    for value in values:
        _check_value(value, depth)


def _check_number(value: object) -> None:
    whole = isinstance(value, int) and abs(value) < _LARGEST_NUMBER
    if value is not None and not whole and not (isinstance(value, float) and isfinite(value)):
        message = f"data of an audit entry cannot be this {type(value).__name__}"
        raise ValueError(message)


def _check_word(word: object) -> None:
    if not isinstance(word, str) or len(word) > _LONGEST_WORD or not word.isprintable():
        raise ValueError("words of an audit entry are short and hold no control characters")
