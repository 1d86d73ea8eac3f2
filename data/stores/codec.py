"""Frozen dataclasses as JSON documents and back: every field by its type, nothing missing, nothing extra.

What a document says decides what is deleted, so nothing is guessed: a text is no number, 1 is no truth, and a document
of a newer or older version of the product is refused by name of the thing and of the field.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from data.errors import StateError

T = TypeVar("T")
Convert = Callable[[Any, str], Any]
"""Turns one value into another; the text says where it stands, for the message."""

_LEAST, _MOST = -(2**63), 2**63 - 1
"""What every engine can store."""


class Codec(Generic[T]):
    """Writes and reads values of one dataclass; `what` names it in messages, `key` is the field that names a value.

    `added` gives, by field, what documents mean that were written before there was this field.
    """

    def __init__(self, of: type[T], *, what: str, key: str, added: Mapping[str, Any] | None = None) -> None:
        self._what, self._key, self._added = what, key, dict(added or {})
        self._encode, self._decode = _record(of)

    def encode(self, value: T) -> dict[str, Any]:
        """Write a value as a document; raises `StateError` for one that would not come back the same."""
        document: dict[str, Any] = self._encode(value, f"{self._what} {getattr(value, self._key)}")
        return document

    def decode(self, document: Mapping[str, Any]) -> T:
        """Read a document; raises `StateError` for anything that `encode` did not write."""
        value: T = self._decode(
            {**self._added, **document}, f"{self._what} {document.get(self._key, 'without a name')}"
        )
        return value


def _record(of: Any) -> tuple[Convert, Convert]:
    hints = get_type_hints(of)
    parts = {field.name: _pair(hints[field.name]) for field in fields(of)}

    def encode(value: Any, where: str) -> dict[str, Any]:
        if type(value) is not of:
            raise _wrong(value, where, of.__name__)
        return {name: part[0](getattr(value, name), f"{where}: {name}") for name, part in parts.items()}

    def decode(document: Any, where: str) -> Any:
        if not isinstance(document, dict):
            raise _wrong(document, where, "a mapping")
        if document.keys() != parts.keys():
            odd = ", ".join(sorted(document.keys() ^ parts.keys()))
            message = f"{where}: fields missing or unknown to this version: {odd}"
            raise StateError(message)
        return of(**{name: part[1](document[name], f"{where}: {name}") for name, part in parts.items()})

    return encode, decode


def _pair(hint: Any) -> tuple[Convert, Convert]:
    """Give what writes and what reads a value of this type; raises `TypeError` for a type nobody has thought of."""
    if get_origin(hint) is UnionType:
        (inner,) = (part for part in get_args(hint) if part is not NoneType)
        return tuple(_optional(convert) for convert in _pair(inner))  # type: ignore[return-value]
    if get_origin(hint) is tuple:
        inner, _ = get_args(hint)  # always `tuple[X, ...]`
        encode, decode = _pair(inner)
        return _sequence(tuple, list, encode), _sequence(list, tuple, decode)
    if get_origin(hint) is Mapping:
        _, inner = get_args(hint)  # keys are always texts
        encode, decode = _pair(inner)
        return _mapping(encode), _mapping(decode)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return lambda value, where: _plain(hint)(value, where).value, _member(hint)
    plain = {str: _text, int: _whole, bool: _plain(bool), float: _fraction}.get(hint)
    return (plain, plain) if plain else _record(hint)


def _optional(convert: Convert) -> Convert:
    return lambda value, where: None if value is None else convert(value, where)


def _sequence(given: type[Any], wanted: type[Any], convert: Convert) -> Convert:
    def through(value: Any, where: str) -> Any:
        if type(value) is not given:
            raise _wrong(value, where, given.__name__)
        return wanted(convert(item, f"{where}[{place}]") for place, item in enumerate(value))

    return through


def _mapping(convert: Convert) -> Convert:
    def through(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(value, where, "a mapping")
        return {_text(key, where): convert(item, f"{where}.{key}") for key, item in value.items()}

    return through


def _member(of: type[Enum]) -> Convert:
    known = {member.value: member for member in of}

    def read(value: Any, where: str) -> Enum:
        if not isinstance(value, str) or value not in known:
            raise _wrong(value, where, f"one of {', '.join(sorted(known))}")
        return known[value]

    return read


def _plain(of: type) -> Convert:
    def same(value: Any, where: str) -> Any:
        if type(value) is not of:
            raise _wrong(value, where, of.__name__)
        return value

    return same


def _text(value: Any, where: str) -> str:
    """Refuse what is no text, and lone surrogates, which UTF-8 cannot hold. An enum that is a text counts as one."""
    if not isinstance(value, str):
        raise _wrong(value, where, "a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"{where}: holds half a character"
        raise StateError(message) from error
    return str(value)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not _LEAST <= value <= _MOST:
        raise _wrong(value, where, "a whole number of 64 bits")
    return value


def _fraction(value: Any, where: str) -> float:
    if type(value) not in {float, int} or not math.isfinite(value):
        raise _wrong(value, where, "a finite number")
    return float(value)


def _wrong(value: object, where: str, wanted: str) -> StateError:
    return StateError(f"{where}: {type(value).__name__} instead of {wanted}")
