"""What a store of the desk promises, and how its values are written, whatever engine is behind it."""

from collections.abc import Iterable
from typing import Protocol

from data.desk.alert import Alert
from data.desk.delivery import Delivery, Reference
from data.desk.standing import StandingRule
from data.desk.ticket import Ticket
from data.stores.codec import Codec
from data.stores.common import V


class Shelf(Protocol[V]):
    """Keeps values by id; every change is a compare-and-set on the version."""

    def add(self, value: V) -> V:
        """Keep a new value and give it back with its version; raises `ConflictError` if its id is taken."""
        ...

    def find(self, key: str) -> V | None:
        """Give a value, or None."""
        ...

    def get(self, key: str) -> V:
        """Give a value; raises `UnknownError`."""
        ...

    def replace(self, value: V) -> V:
        """Store the next state if the version is still the stored one; raises `ConflictError`, `UnknownError`."""
        ...

    def remove(self, key: str) -> bool:
        """Remove a value for good, from the generation before too; tells whether it was there."""
        ...

    def add_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Add several, all or none, in one write; raises `ConflictError` if an id is taken."""
        ...

    def replace_all(self, values: Iterable[V]) -> tuple[V, ...]:
        """Store the next states of several, all or none, in one write; raises `ConflictError`, `UnknownError`."""
        ...

    def remove_all(self, keys: Iterable[str]) -> int:
        """Remove several for good in one go; tells how many were there."""
        ...

    def all(self) -> tuple[V, ...]:
        """List all values, by id."""
        ...

    def scrub(self) -> None:
        """Make the generation before hold nothing that the present one does not; raises `StateError`."""
        ...


class DeskStores(Protocol):
    """The stores of the desk, opened together and closed together."""

    @property
    def alerts(self) -> Shelf[Alert]:
        """Give the alerts."""
        ...

    @property
    def deliveries(self) -> Shelf[Delivery]:
        """Give the deliveries."""
        ...

    @property
    def references(self) -> Shelf[Reference]:
        """Give the conversation references."""
        ...

    @property
    def tickets(self) -> Shelf[Ticket]:
        """Give the tickets."""
        ...

    @property
    def standing(self) -> Shelf[StandingRule]:
        """Give the standing rules."""
        ...

    def close(self) -> None:
        """Let another process have them."""
        ...


def alert_codec() -> Codec[Alert]:
    """Give what writes and reads alerts."""
    return Codec(Alert, what="alert", key="id")


def delivery_codec() -> Codec[Delivery]:
    """Give what writes and reads deliveries."""
    return Codec(Delivery, what="delivery", key="id")


def reference_codec() -> Codec[Reference]:
    """Give what writes and reads references."""
    return Codec(Reference, what="reference", key="id")


def ticket_codec() -> Codec[Ticket]:
    """Give what writes and reads tickets."""
    return Codec(Ticket, what="ticket", key="id")


def standing_codec() -> Codec[StandingRule]:
    """Give what writes and reads standing rules."""
    return Codec(StandingRule, what="standing rule", key="id")
