"""Documents on the disk: written aside, flushed, renamed; the signed JSON last, because with it a document exists."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.audit.keys import Signer
from data.certificate.signing import SignedDocument, sign_files
from data.errors import StateError
from data.labels import Lang
from data.stores.durable import flush_folder, make_folder, write_durably

_LARGEST: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the parts of a document lie."""

    document: Path
    pdfs: Mapping[Lang, Path]
    signature: Path
    """Covers the PDFs."""


def write_documents(folder: Path, document: SignedDocument, pdfs: Mapping[Lang, bytes], signer: Signer) -> Written:
    """Write `<id>.json`, `<id>.<lang>.pdf` and `<id>.sig.json`, readable by the owner only.

    May be repeated after a crash: what is there already with the same content stays. Raises `StateError` if nothing
    can be written, or if another document lies under the same name; then that one is left as it is.
    """
    names = {lang: f"{document.id}.{lang.value}.pdf" for lang in pdfs}
    detached = sign_files({names[lang]: content for lang, content in pdfs.items()}, signer, document=document)
    main = folder / f"{document.id}.json"
    try:
        make_folder(folder)
        _check_free(main, document.content)
        for lang, content in pdfs.items():
            _write(folder, names[lang], content)
        _write(folder, f"{document.id}.sig.json", detached.content)
        flush_folder(folder)
        _write(folder, main.name, document.content)
        flush_folder(folder)
    except OSError as error:
        message = f"{main}: not written: {error.strerror}"
        raise StateError(message) from error
    return Written(
        document=main,
        pdfs={lang: folder / name for lang, name in names.items()},
        signature=folder / f"{document.id}.sig.json",
    )


def _check_free(path: Path, content: bytes) -> None:
    if _read(path) not in {None, content}:
        message = f"{path}: another document has this name; it is left as it is"
        raise StateError(message)


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LARGEST)


def _write(folder: Path, name: str, content: bytes) -> None:
    aside = folder / f".{name}.new"
    write_durably(aside, content)
    aside.replace(folder / name)
