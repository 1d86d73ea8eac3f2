"""The outbox: what each recipient should have got, what is due to be sent, and what became of it (security.md 5.2)."""

from collections.abc import Iterable

from data.desk.delivery import Delivery, Reference, Want
from data.office.parts import OfficeParts
from data.retention.instants import Instant


class Outbox:
    """The bookkeeping of deliveries and references; sends nothing itself."""

    def __init__(self, parts: OfficeParts) -> None:
        self._parts = parts

    def want(self, wants: Iterable[Want], now: Instant) -> int:
        """Note what should arrive; again is no change. Tells how many deliveries are now waiting that were not."""
        raise NotImplementedError

    def due(self, now: Instant) -> tuple[Delivery, ...]:
        """List what should be sent now, the most urgent first."""
        raise NotImplementedError

    def posted(self, want: Want, *, conversation_id: str, activity_id: str, now: Instant) -> Delivery:
        """Note a card that was sent as a reply: it is the live card of its subject from now on."""
        raise NotImplementedError

    def refer(self, reference: Reference) -> None:
        """Note where a recipient can be reached; what is known already is written again once a day at most."""
        raise NotImplementedError

    def unrefer(self, recipient: str, now: Instant) -> None:
        """Forget where a recipient can be reached."""
        raise NotImplementedError

    def reference_of(self, recipient: str) -> Reference | None:
        """Tell where a recipient can be reached."""
        return self._parts.desk.references.find(recipient)

    def report(self, subject: str) -> tuple[Delivery, ...]:
        """Give what became of a subject at each recipient."""
        raise NotImplementedError

    def dead(self) -> tuple[Delivery, ...]:
        """List what was given up, with the reason."""
        raise NotImplementedError
