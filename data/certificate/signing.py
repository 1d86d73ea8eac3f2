"""Signed documents as bytes: made here, read here, and checked with nothing but the public key."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from data.audit.keys import Signer, key_id_of, signature_holds
from data.retention.canonical import canonical

CERTIFICATE_DOMAIN: Final = b"procall-certificate-v1\n"
FILES_DOMAIN: Final = b"procall-files-v1\n"
_ALGORITHM: Final = "Ed25519"
_DOMAINS: Final = {"certificate": CERTIFICATE_DOMAIN, "report": CERTIFICATE_DOMAIN, "files": FILES_DOMAIN}
_SIGNATURE: Final = "signature"


@unique
class Trust(StrEnum):
    """What can be said of a document with a public key and nothing else."""

    INTACT = "intact"
    ALTERED = "altered"
    """The signature does not fit these bytes and this key."""
    OTHER_KEY = "other_key"
    """It names another key than the one at hand: nothing is known of it."""
    MALFORMED = "malformed"
    """Not a document of ours, or not written as we write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """A document as it lies on the disk, and what stands in it."""

    kind: str
    """`certificate`, `report` or `files`."""
    body: Mapping[str, Any]
    content: bytes
    """Canonical JSON with the signature, as signed and as kept."""

    @property
    def id(self) -> str:
        """Give its id; "" for a list of files."""
        return str(self.body.get("id", ""))

    @property
    def digest(self) -> str:
        """Give the SHA-256 of its bytes, hexadecimal: by it the next document names this one."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def signature(self) -> Mapping[str, str]:
        """Give algorithm, key id and base64 value of the signature."""
        found: dict[str, str] = json.loads(self.content)[_SIGNATURE]
        return found


def signed(kind: str, body: Mapping[str, object], signer: Signer) -> SignedDocument:
    """Sign a body of one of the three kinds; the kind and the key's id are part of what is signed."""
    body = {**body, "key": signer.key_id}
    value = base64.b64encode(signer.sign(_DOMAINS[kind] + canonical({kind: body}))).decode("ascii")
    signature = {"algorithm": _ALGORITHM, "key": signer.key_id, "value": value}
    return opened(canonical({kind: body, _SIGNATURE: signature}))


def opened(content: bytes) -> SignedDocument:
    """Read a document without believing it; raises `ValueError` if it is none of ours."""
    found = _parsed(content)
    kind = next((name for name in _DOMAINS if name in found), "")
    body, signature = found.get(kind), found.get(_SIGNATURE)
    shaped = set(found) == {kind, _SIGNATURE} and isinstance(body, dict) and isinstance(signature, dict)
    if not shaped or set(signature or ()) != {"algorithm", "key", "value"} or canonical(found) != content:
        message = "not a document of this product"
        raise ValueError(message)
    return SignedDocument(kind=kind, body=body or {}, content=content)


def check(content: bytes, public_key: bytes) -> Trust:
    """Tell whether a document is what the holder of the key signed, to the last byte; needs no network and no state.

    `public_key` are the 32 raw bytes of RFC 8032. Never raises for anything in `content`.
    """
    try:
        document = opened(content)
        signature = document.signature
        value = _decoded(signature["value"])
    except (ValueError, TypeError, RecursionError):
        return Trust.MALFORMED
    if signature["algorithm"] != _ALGORITHM:
        return Trust.ALTERED
    if signature["key"] != key_id_of(public_key):
        return Trust.OTHER_KEY
    spoken = _DOMAINS[document.kind] + canonical({document.kind: document.body})
    return Trust.INTACT if signature_holds(public_key, value, spoken) else Trust.ALTERED


def sign_files(files: Mapping[str, bytes], signer: Signer, *, document: SignedDocument) -> SignedDocument:
    """Sign the digests of files that belong to a document, such as its PDFs, in one detached document."""
    rows: list[dict[str, object]] = [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    ]
    return signed("files", {"schema": "procall-files-1", "document": document.digest, "files": rows}, signer)


def sign_file(name: str, content: bytes, signer: Signer, *, document: SignedDocument) -> SignedDocument:
    """Sign the digest of one file that belongs to a document."""
    return sign_files({name: content}, signer, document=document)


def check_file(name: str, content: bytes, detached: bytes, public_key: bytes) -> Trust:
    """Tell whether a file is the one that a detached document names; never raises for anything in it."""
    trust = check(detached, public_key)
    if trust is not Trust.INTACT:
        return trust
    listed = opened(detached).body.get("files")
    row = {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    if not isinstance(listed, list):
        return Trust.MALFORMED
    return Trust.INTACT if row in listed else Trust.ALTERED


def _parsed(content: bytes) -> dict[str, Any]:
    found = json.loads(content.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
    if not isinstance(found, dict):
        message = "not a JSON object"
        raise ValueError(message)  # noqa: TRY004  whatever is wrong with the bytes is one kind of error
    return found


def _no_float(text: str) -> float:
    message = f"only whole numbers stand in a document, not {text[:20]}"
    raise ValueError(message)


def _decoded(text: str) -> bytes:
    """Decode base64 strictly: a second text for the same signature would be a second document (RFC 4648 3.5)."""
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        message = "not base64"
        raise ValueError(message) from error
    if base64.b64encode(value).decode("ascii") != text:
        message = "not the one base64 of these bytes"
        raise ValueError(message)
    return value
