"""What exactly was approved, in one digest, and the short code by which people name it (purge.md 6.6)."""

import base64
import unicodedata
from dataclasses import dataclass

from data.retention.canonical import digest_of
from data.retention.instants import Instant

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Everything whose change makes an approval worthless."""

    request: str
    source: str
    rule_digest: str
    care_digest: str
    cutoff: Instant
    root: str
    """Merkle root of the manifest, hexadecimal."""
    holds_digest: str
    connector: str
    """Kind and version."""
    config_digest: str
    requester: str
    created_at: Instant
    expires_at: Instant

    @property
    def digest(self) -> str:
        """Give the SHA-256 over all of it, hexadecimal."""
        return digest_of({name: getattr(self, name) for name in self.__slots__})


def code_of(digest: str) -> str:
    """Give the code that people see and type: two groups of four, without 0, O, 1 and I."""
    letters = base64.b32encode(bytes.fromhex(digest)).decode("ascii")[:_LENGTH]
    code = letters.translate(str.maketrans(_BASE32, _ALPHABET))
    return f"{code[:4]}-{code[4:]}"


def same_code(typed: str, digest: str) -> bool:
    """Tell whether somebody typed the code of this digest: case, blanks and dashes do not matter, look-alikes do."""
    folded = unicodedata.normalize("NFKC", typed).upper() if typed.isascii() else ""
    return "".join(folded.replace("-", "").split()) == code_of(digest).replace("-", "")
