"""Signed checkpoints: what the log was at a moment, in one line that somebody else can keep (security.md 4.2).

A chain alone cannot show a cut tail or a log written anew. A checkpoint can, and one that lies off the host shows it
even where the key has been stolen.
"""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from data.audit.chain import Chain
from data.audit.entry import GENESIS, strict_json
from data.audit.keys import Signer, key_id_of, signature_holds
from data.retention.canonical import canonical
from data.retention.instants import Instant, iso, read_iso

CHECKPOINTS: Final = "checkpoints.jsonl"
"""The file beside the epochs."""
DOMAIN: Final = b"procall-checkpoint-v1\n"
"""Stands before what is signed, so that no other signature of the key can pass for a checkpoint's."""

CHECKPOINT_EVERY: Final = 100
"""Entries after which the log writes a checkpoint unasked."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(r"[0-9a-f]{16}")
_ORIGIN: Final = re.compile(r"[0-9a-f]{16}")
_FIELDS: Final = {"origin", "epoch", "first", "size", "head", "root", "at", "key", "signature"}
_LARGEST: Final = 1 << 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the audit log was at a moment, signed."""

    origin: str
    """Names this very log: drawn when it was begun."""
    epoch: int
    """The year of the file."""
    first: int
    """The sequence number of the first entry of the epoch."""
    size: int
    """The sequence number of the last entry: how many there ever were."""
    head: str
    """SHA-256 of the last line, in hex."""
    root: str
    """Merkle root (RFC 6962) over the SHA-256 of each line of the epoch, in hex."""
    at: Instant
    key: str
    """Which key signed: the first 16 hex digits of the SHA-256 of the raw public key."""
    signature: str
    """Ed25519 over `signed_bytes`, in base64."""


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """Give what the signature is over: the domain, then all other fields in canonical JSON."""
    fields = _fields(checkpoint)
    del fields["signature"]
    return DOMAIN + canonical(fields)


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """Write a checkpoint as one line of JSON, without the newline."""
    return canonical(_fields(checkpoint))


def checkpoint_of(line: bytes) -> Checkpoint:
    """Read one line; raises `ValueError` for anything that no checkpoint can be."""
    found = strict_json(line)
    if not isinstance(found, dict) or set(found) != _FIELDS or not _well_typed(found):
        message = "the line is no checkpoint"
        raise ValueError(message)
    return Checkpoint(**{**found, "at": read_iso(found["at"])})


def find_checkpoint(text: str) -> Checkpoint:
    """Find the last checkpoint in a file, mail or message that the DPO has kept; raises `ValueError`."""
    for line in reversed(text.splitlines()):
        start, end = line.find("{"), line.rfind("}")
        if 0 <= start < end:
            return checkpoint_of(line[start : end + 1].encode("utf-8"))
    message = "no checkpoint stands in it"
    raise ValueError(message)


def read_checkpoint_file(path: Path) -> Checkpoint:
    """Read the last checkpoint of a file that the DPO has kept; raises `ValueError` and `OSError`."""
    return find_checkpoint(path.read_text(encoding="utf-8"))


def sign_checkpoint(signer: Signer, **fields: Any) -> Checkpoint:
    """Make a checkpoint of all fields but key and signature."""
    unsigned = Checkpoint(**fields, key=signer.key_id, signature="")
    signature = base64.b64encode(signer.sign(signed_bytes(unsigned))).decode()
    return replace(unsigned, signature=signature)


def seal_chain(signer: Signer, chain: Chain, now: Instant) -> Checkpoint:
    """Sign what a chain is at this moment."""
    return sign_checkpoint(
        signer,
        origin=chain.origin,
        epoch=chain.epoch,
        first=chain.first,
        size=chain.size,
        head=chain.head,
        root=chain.tree.root().hex(),
        at=max(now, chain.baseline),
    )


def contradiction_of(sealed: Checkpoint, chain: Chain) -> str:
    """Tell in a few words why a log cannot be the one that was signed; "" where it can."""
    if sealed.size > chain.size:
        return f"{sealed.size} entries are signed for, {chain.size} are there"
    if sealed.origin != chain.origin or (sealed.size >= chain.first and sealed.epoch != chain.epoch):
        return "they are of different logs or epochs"
    return ""


def is_genuine(checkpoint: Checkpoint, public: bytes) -> bool:
    """Tell whether this key signed this checkpoint."""
    if checkpoint.key != key_id_of(public):
        return False
    try:
        signature = base64.b64decode(checkpoint.signature, validate=True)
    except binascii.Error:
        return False
    return signature_holds(public, signature, signed_bytes(checkpoint))


def _fields(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "origin": checkpoint.origin,
        "epoch": checkpoint.epoch,
        "first": checkpoint.first,
        "size": checkpoint.size,
        "head": checkpoint.head,
        "root": checkpoint.root,
        "at": iso(checkpoint.at),
        "key": checkpoint.key,
        "signature": checkpoint.signature,
    }


def _well_typed(found: dict[str, Any]) -> bool:
    numbers = [found[name] for name in ("epoch", "first", "size")]
    words = [found[name] for name in ("origin", "head", "root", "at", "key", "signature")]
    return (
        all(type(number) is int and 0 < number < _LARGEST for number in numbers)
        and all(isinstance(word, str) for word in words)
        and found["first"] <= found["size"]
        and _ORIGIN.fullmatch(found["origin"]) is not None
        and _HEX.fullmatch(found["head"]) is not None
        and _HEX.fullmatch(found["root"]) is not None
        and _KEY.fullmatch(found["key"]) is not None
        and found["head"] != GENESIS
    )
