"""What the product needs of an audit, whatever it lies in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from data.audit.entry import AuditEntry, Draft


class AuditTrail(Protocol):
    """What the purge needs of the audit."""

    def append(
        self, kind: str, actor: str, about: str, data: Mapping[str, object], /, *, read_back: bool = False
    ) -> AuditEntry:
        """Make an entry durable before anything happens; raises `StateError`."""
        ...

    def append_many(self, drafts: Sequence[Draft], *, allow_backward: bool = False) -> object:
        """Make several entries durable at once; what was done already is told even by a clock that went back."""
        ...

    def acknowledge_clock(self, actor: str) -> AuditEntry:
        """Record that somebody has looked at a clock that went back, and trusts it."""
        ...

    def make_room(self) -> bool:
        """Give the reserve up where the disk is full, so that the stores can note what a purge must note."""
        ...

    def refill_reserve(self) -> bool:
        """Put by the room for a full disk again."""
        ...

    def entries(self, about: str = "", /) -> Iterator[AuditEntry]:
        """Read the entries, of one request, hold or source only where it is named."""
        ...

    @property
    def last(self) -> AuditEntry:
        """Give the last entry."""
        ...

    @property
    def head(self) -> str:
        """Give the hash of the last entry, hexadecimal."""
        ...

    def checkpoint(self) -> object:
        """Seal what is there."""
        ...
