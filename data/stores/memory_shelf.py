"""Versioned values in memory: the measure for every other engine; keeps only what its codec lets through."""

import threading
from collections.abc import Iterable, Sequence
from typing import Generic

from data.stores.codec import Codec
from data.stores.common import V, check_distinct, overtaken, taken, unknown


class MemoryShelf(Generic[V]):
    """Values by id, changed by compare-and-set."""

    def __init__(self, codec: Codec[V], *, what: str) -> None:
        self._codec, self._what = codec, what
        self._lock = threading.Lock()
        self._values: dict[str, V] = {}

    def add(self, value: V) -> V:
        """Keep a new value and give it back with its version; raises `ConflictError` if its id is taken."""
        with self._lock:
            if value.id in self._values:
                raise taken(self._what, value.id)
            return self._keep(value, version=1)

    def find(self, key: str) -> V | None:
        """Give a value, or None."""
        with self._lock:
            return self._values.get(key)

    def get(self, key: str) -> V:
        """Give a value; raises `UnknownError`."""
        with self._lock:
            if key not in self._values:
                raise unknown(self._what, key)
            return self._values[key]

    def replace(self, value: V) -> V:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        with self._lock:
            present = self._values.get(value.id)
            if present is None:
                raise unknown(self._what, value.id)
            if present.version != value.version:
                raise overtaken(self._what, value.id, read=value.version, stored=present.version)
            return self._keep(value, version=value.version + 1)

    def remove(self, key: str) -> bool:
        """Remove a value for good; tells whether it was there."""
        with self._lock:
            return self._values.pop(key, None) is not None

    def add_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Add several, all or none; raises `ConflictError` if an id is taken."""
        new = tuple(values)
        with self._lock:
            check_distinct(new, what=self._what)
            for value in new:
                if value.id in self._values:
                    raise taken(self._what, value.id)
            return self._keep_all([(value, 1) for value in new])

    def replace_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Store the next states of several, all or none; raises `ConflictError`, `UnknownError`."""
        new = tuple(values)
        with self._lock:
            check_distinct(new, what=self._what)
            for value in new:
                present = self._values.get(value.id)
                if present is None:
                    raise unknown(self._what, value.id)
                if present.version != value.version:
                    raise overtaken(self._what, value.id, read=value.version, stored=present.version)
            return self._keep_all([(value, value.version + 1) for value in new])

    def remove_all(self, keys: Iterable[str]) -> int:
        """Remove several for good; tells how many were there."""
        with self._lock:
            return sum(self._values.pop(key, None) is not None for key in set(keys))

    def all(self) -> tuple[V, ...]:
        """List all values, by id."""
        with self._lock:
            return tuple(self._values[key] for key in sorted(self._values))

    def scrub(self) -> None:
        """Do nothing: there is no generation before."""

    def _keep(self, value: V, *, version: int) -> V:
        return self._keep_all([(value, version)])[0]

    def _keep_all(self, values: Sequence[tuple[V, int]]) -> tuple[V, ...]:
        kept = tuple(self._codec.decode(self._codec.encode(value) | {"version": version}) for value, version in values)
        self._values |= {value.id: value for value in kept}
        return kept
