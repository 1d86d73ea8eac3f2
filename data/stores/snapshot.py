"""A TinyDB storage that shows one moment of a file that another process may be using, and never writes."""

from typing import NoReturn

from tinydb.storages import Storage

from data.errors import StateError
from data.stores.atomic_storage import Document


class SnapshotStorage(Storage):
    """One JSON document as it was when it was read."""

    unsure = False

    def __init__(self, document: Document | None) -> None:
        self._document = document

    def read(self) -> Document | None:
        """Give the document; None where there was none."""
        return self._document

    def write(self, data: Document) -> NoReturn:
        """Refuse: raises `StateError`."""
        del data
        self.check_writable()

    def check_writable(self) -> NoReturn:
        """Refuse: raises `StateError`."""
        message = "the state was opened for reading only: another process may be using it"
        raise StateError(message)

    def close(self) -> None:
        """Do nothing: nothing is held."""
