"""People as keyed hashes: the audit names nobody, one table knows who stands behind a hash, and can forget."""

import hmac
import secrets
from pathlib import Path

from data.access import Actor
from data.errors import RefusedError, StateError
from data.stores.durable import flush_folder, make_folder, write_durably
from data.stores.interface import Person, PersonStore

HOST_TENANT = "host"
"""Tenant of the operator who sits at the machine itself; nobody in Teams can have it."""
KEY_BYTES = 32


def load_key(folder: Path, *, fresh: bool) -> bytes:
    """Read the key of the pseudonyms, or make one where nobody has a pseudonym yet (`fresh`).

    A new key over known people would make one person two. Raises `StateError`.
    """
    path = folder / "people.key"
    try:
        return _read(path)
    except FileNotFoundError:
        if not fresh:
            message = f"{path}: is missing, but people have pseudonyms made with it; put it back from a backup"
            raise StateError(message) from None
        make_folder(folder)
        aside = folder / f".people.key.{secrets.token_hex(4)}"
        write_durably(aside, secrets.token_bytes(KEY_BYTES))
        aside.rename(path)
        flush_folder(folder)
        return _read(path)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        message = f"{path}: is damaged; put it back from a backup"
        raise StateError(message)
    return key


class Pseudonyms:
    """Gives people their pseudonyms, the same person always the same one."""

    def __init__(self, key: bytes, people: PersonStore) -> None:
        self._key = key
        self._people = people

    def of(self, actor: Actor) -> str:
        """Give the actor's pseudonym and remember who it is; raises `RefusedError` for nobody in particular."""
        if not actor.object_id:
            raise RefusedError("nobody", "somebody without an id can do nothing here")
        person = Person(pseudonym=self.name(actor), tenant_id=actor.tenant_id, object_id=actor.object_id)
        self._people.remember(person)
        return person.pseudonym

    def name(self, actor: Actor) -> str:
        """Give the actor's pseudonym: `p-` or, for the host's operator, `host-`, and 20 hexadecimal digits."""
        who = f"{actor.tenant_id}/{actor.object_id}".lower()  # ids mean the same person in any case
        digest = hmac.digest(self._key, who.encode(), "sha256").hex()
        return f"{'host' if actor.tenant_id == HOST_TENANT else 'p'}-{digest[:20]}"

    def find(self, pseudonym: str) -> Person | None:
        """Tell who it is, or None if forgotten."""
        return self._people.find(pseudonym)
