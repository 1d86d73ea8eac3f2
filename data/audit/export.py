"""Packs an audit log for whoever checks it elsewhere: the same log gives the same bytes."""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, BinaryIO, Final

from data.audit.checkpoint import CHECKPOINTS
from data.audit.keys import public_pem
from data.audit.reading import epoch_files, open_plain
from data.errors import StateError

MANIFEST: Final = "manifest.json"
"""The file that lists size and SHA-256 of all others."""

_ALWAYS: Final = (1980, 1, 1, 0, 0, 0)
_BLOCK: Final = 1 << 20
_READABLE: Final = 0o100644 << 16


def export(folder: Path, out: BinaryIO, *, public_key: bytes | None, texts: Mapping[str, str]) -> str:
    """Write epochs, checkpoints, public key and texts as a zip, and give the SHA-256 of its manifest in hex.

    `texts` are further files by name: what explains the rest to people. Works while the log is in use: what was signed
    when the export began is in it, and no half of a line. Raises `StateError` where there is no log or a file cannot be
    read, and whatever writing to `out` raises.
    """
    try:
        lengths = _lengths(folder)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not lengths:
        message = f"{folder}: there is no audit log"
        raise StateError(message)
    listed: dict[str, dict[str, int | str]] = {}
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in sorted(texts.items()):
            listed[name] = _add(packed, name, text.encode("utf-8"))
        if public_key is not None:
            listed["audit.pub"] = _add(packed, "audit.pub", public_pem(public_key))
        for path, length in sorted(lengths.items()):
            listed[path.name] = _copy(packed, path, length)
        manifest = json.dumps({"files": listed}, indent=2, sort_keys=True, ensure_ascii=False).encode("utf-8") + b"\n"
        _add(packed, MANIFEST, manifest)
    return hashlib.sha256(manifest).hexdigest()


def _lengths(folder: Path) -> dict[Path, int]:
    """Measure what belongs to the log; the checkpoints first, so that none is of entries that are not measured."""
    checkpoints, epochs = folder / CHECKPOINTS, []
    lengths = {checkpoints: _whole(checkpoints)} if os.path.lexists(checkpoints) else {}
    epochs = list(epoch_files(folder).values())
    return {**lengths, **{path: _whole(path) for path in epochs}}


def _whole(path: Path) -> int:
    """Measure a file up to its last newline."""
    with open_plain(path) as file:
        end = os.fstat(file.fileno()).st_size
        while end:
            start = max(0, end - _BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _copy(packed: zipfile.ZipFile, path: Path, length: int) -> dict[str, int | str]:
    digest, left = hashlib.sha256(), length
    with packed.open(_named(path.name), "w", force_zip64=True) as target:
        try:
            with open_plain(path) as source:
                while left and (block := source.read(min(_BLOCK, left))):
                    digest.update(block)
                    left -= _give(target, block)
        except OSError as error:
            raise _unreadable(path, error) from error
    if left:
        message = f"{path}: became shorter while it was read"
        raise StateError(message)
    return {"bytes": length, "sha256": digest.hexdigest()}


def _give(target: IO[bytes], block: bytes) -> int:
    target.write(block)
    return len(block)


def _add(packed: zipfile.ZipFile, name: str, content: bytes) -> dict[str, int | str]:
    packed.writestr(_named(name), content)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_ALWAYS)
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, _READABLE
    return info


def _unreadable(path: Path, error: OSError) -> StateError:
    return StateError(f"{path}: the audit log cannot be read: {error.strerror}")
