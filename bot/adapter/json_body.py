"""Bytes from strangers to one JSON object, or a refusal: pure, bounded, strict (RFC 8259 without its leniencies)."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from data.errors import MalformedError, TooLargeError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
_MAX_DIGITS = 64


def read_json_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Refused: more than 256 KiB, anything but UTF-8 without a byte-order mark, duplicate keys, NaN and infinities,
    numbers of more than 64 digits, lone surrogates, nesting deeper than 32, and every value that is not an object.
    Raises `TooLargeError` or `MalformedError`.
    """
    if len(body) > MAX_BYTES:
        raise TooLargeError("too_large")
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except (ValueError, RecursionError):
        raise MalformedError("not_json") from None
    if not isinstance(value, dict):
        raise MalformedError("not_an_object")
    if "\\ud" in text or "\\uD" in text:
        _refuse_lone_surrogates(value)
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _refuse_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("duplicate_key")
    return found


def _refuse_constant(_: str) -> NoReturn:
    raise MalformedError("not_a_number")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise MalformedError("number_too_long")
    return int(digits)


def _number(digits: str) -> float:
    if len(digits) > _MAX_DIGITS:
        raise MalformedError("number_too_long")
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise MalformedError("not_a_number")
    return number


def _refuse_lone_surrogates(value: Mapping[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedError("lone_surrogate") from None


def _refuse_depth(value: Mapping[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise MalformedError("too_deep")
