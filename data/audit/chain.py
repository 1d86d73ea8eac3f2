"""The chain of entries as it stands: what the next line must hold, and what a checkpoint is signed over."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from data.audit.entry import GENESIS, AuditEntry, Draft, entry_of, line_of
from data.errors import ClockError
from data.retention.instants import BEGINNING, SECOND, Instant, iso
from data.retention.merkle import MerkleTree, leaf_hash

OPENED: Final = "audit.opened"
"""The kind of the first entry of every epoch; its data tell how the epoch before it closed."""
ACKNOWLEDGED: Final = "clock.acknowledged"
"""The kind of an entry by which somebody trusts a clock that had jumped: times are measured from it on."""


BACKWARD: Final = 5 * SECOND
"""How far the wall time may stand behind the last entry before nothing is recorded (purge.md 6.2)."""


@dataclass(slots=True, kw_only=True)
class Chain:
    """Where the chain is now; grows line by line."""

    origin: str
    epoch: int
    first: int
    """The sequence number of the epoch's first entry, which may still be to come."""
    size: int
    head: str
    last: AuditEntry | None
    baseline: Instant
    """The time that the clock must not stand behind."""
    tree: MerkleTree = field(default_factory=MerkleTree)

    def opening(self) -> Draft:
        """Give the first entry of the epoch: how the one before closed."""
        return Draft(kind=OPENED, data={"head": self.head, "size": self.size, "origin": self.origin})

    def lines(self, drafts: Iterable[Draft], at: Instant) -> list[tuple[bytes, AuditEntry]]:
        """Write the next entries and their lines, newlines included; raises `ValueError`. Changes nothing."""
        head, made = self.head, []
        for seq, draft in enumerate(drafts, self.size + 1):
            entry = AuditEntry(
                seq=seq,
                at=at,
                kind=draft.kind,
                actor=draft.actor,
                object=draft.object,
                data=draft.data,
                prev=head,
            )
            line = line_of(entry)
            head = sha256(line).hexdigest()
            made.append((line + b"\n", entry_of(line)))
        return made

    def grow(self, line: bytes, entry: AuditEntry) -> None:
        """Take up one line that is on the disk."""
        digest = sha256(line[:-1])
        self.size, self.head, self.last = entry.seq, digest.hexdigest(), entry
        self.baseline = entry.at if entry.kind == ACKNOWLEDGED else max(self.baseline, entry.at)
        self.tree.add(leaf_hash(digest.digest()))

    def time_for(self, now: Instant, *, allow_backward: bool) -> Instant:
        """Give the time of the next entry; raises `ClockError` where the clock stands too far behind the last one."""
        if now >= self.baseline or self.baseline - now <= BACKWARD:
            return max(now, self.baseline)
        if allow_backward:
            return now
        message = f"the clock says {iso(now)}, the last audit entry {iso(self.baseline)}"
        raise ClockError("clock_backward", message)

    def copy(self) -> "Chain":
        """Give a second chain that stands at the same place and grows on its own."""
        return replace(self, tree=self.tree.copy())

    def next_epoch(self, epoch: int) -> "Chain":
        """Give the chain as it goes on in a new file."""
        return Chain(
            origin=self.origin,
            epoch=epoch,
            first=self.size + 1,
            size=self.size,
            head=self.head,
            last=self.last,
            baseline=self.baseline,
        )


def begin_chain(epoch: int) -> Chain:
    """Give a chain without entries, with a name of its own."""
    origin = os.urandom(8).hex()
    return Chain(origin=origin, epoch=epoch, first=1, size=0, head=GENESIS, last=None, baseline=BEGINNING)
