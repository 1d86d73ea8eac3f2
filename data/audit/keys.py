"""The key that signs checkpoints and certificates: Ed25519, made at first use, kept in a file only the owner reads.

`Signer` is the port: a key in a TPM or a key vault comes in by implementing it.
"""

import hashlib
import os
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from data.errors import StateError
from data.stores.durable import flush_folder, make_folder

_PRIVATE: Final = "audit.key"
PUBLIC: Final = "audit.pub"
"""Name of the file with the public key."""
_OTHERS: Final = 0o077
_LARGEST: Final = 4096
_RAW: Final = 32


class Signer(Protocol):
    """Signs bytes with one Ed25519 key."""

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the raw public key."""
        ...

    @property
    def public(self) -> bytes:
        """The raw public key: 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Give the signature over a message: 64 bytes (RFC 8032)."""
        ...


class Ed25519FileSigner:
    """Signs with the private key in `audit.key` (PEM, 0600); `audit.pub` beside it is for whoever verifies."""

    def __init__(self, folder: Path) -> None:
        """Read the key of a folder, or make one where there has never been any; raises `StateError`."""
        try:
            make_folder(folder)
            self._key = _read_private(folder) or _make_private(folder)
            self._public = _raw(self._key.public_key())
            _keep_public(folder, self._key.public_key())
        except OSError as error:
            message = f"{folder}: the signing key cannot be used: {error.strerror}"
            raise StateError(message) from error

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the raw public key."""
        return key_id_of(self._public)

    @property
    def public(self) -> bytes:
        """The raw public key: 32 bytes."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Give the signature over a message: 64 bytes (RFC 8032)."""
        return self._key.sign(message)


def key_id_of(public: bytes) -> str:
    """Name a raw public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def signature_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Tell whether a signature over a message was made with the private half of a raw public key (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_pem(public: bytes) -> bytes:
    """Write a raw public key as PEM, as other tools read it."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_public(path: Path) -> bytes:
    """Read a public key file (PEM) or the one of a key folder, as 32 raw bytes; raises `StateError`."""
    file = path / PUBLIC if path.is_dir() else path
    try:
        content = _read(file)
        key = load_pem_public_key(content)
    except (OSError, ValueError) as error:
        message = f"{file}: no public key can be read from it"
        raise StateError(message) from error
    if not isinstance(key, Ed25519PublicKey):
        message = f"{file}: is not an Ed25519 key"
        raise StateError(message)
    return _raw(key)


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read_private(folder: Path) -> Ed25519PrivateKey | None:
    path = folder / _PRIVATE
    try:
        content = _read(path, private=True)
    except FileNotFoundError:
        if os.path.lexists(folder / PUBLIC):
            message = f"{path}: the private key is gone, its public half is there; bring it back, or move {PUBLIC} away"
            raise StateError(message) from None
        return None
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        message = f"{path}: is no private key"
        raise StateError(message) from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path}: is not an Ed25519 key"
        raise StateError(message)
    return key


def _make_private(folder: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if _place(folder, _PRIVATE, pem):
        return key
    return _read_private(folder) or _make_private(folder)  # another process was first


def _keep_public(folder: Path, key: Ed25519PublicKey) -> None:
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not os.path.lexists(folder / PUBLIC) and _place(folder, PUBLIC, pem):
        return
    if read_public(folder / PUBLIC) != _raw(key):
        message = f"{folder / PUBLIC}: is not the public half of {_PRIVATE}"
        raise StateError(message)


def _read(path: Path, *, private: bool = False) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if private and os.fstat(descriptor).st_mode & _OTHERS:
            message = f"{path}: others may read it; take their rights away (chmod 600)"
            raise StateError(message)
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)


def _place(folder: Path, name: str, content: bytes) -> bool:
    """Make a file that is either there in full or not at all; False where there is one already."""
    aside = folder / f".{name}.{os.urandom(8).hex()}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(aside, folder / name)  # unlike a rename it never replaces what is there
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    flush_folder(folder)
    return True
