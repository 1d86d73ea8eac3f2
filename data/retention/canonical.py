"""One way to write a value as bytes, so that the same value always has the same digest (after RFC 8785)."""

import hashlib
import json
from collections.abc import Mapping


def canonical(value: Mapping[str, object]) -> bytes:
    """Write a mapping of texts, whole numbers, truths, lists and mappings: sorted keys, no blanks, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def digest_of(value: Mapping[str, object]) -> str:
    """Give the SHA-256 of the canonical form, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()
