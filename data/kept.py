"""Everything that an installation keeps, wherever that is."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from data.audit.keys import Signer
from data.audit.trail import AuditTrail
from data.stores.desk import DeskStores
from data.stores.interface import FeedbackStore, RetentionStores


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What an installation keeps; one process at a time may change it."""

    retention: RetentionStores
    desk: DeskStores
    audit: AuditTrail


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What an installation keeps, to look at."""

    retention: RetentionStores
    desk: DeskStores


class Keeping(Protocol):
    """Where an installation keeps everything."""

    def open(self, signer: Signer) -> AbstractContextManager[Kept]:
        """Open everything for this process alone; raises `StateError`."""
        ...

    def show(self) -> AbstractContextManager[Shown]:
        """Show what is there at this moment, without a lock and without changing anything; raises `StateError`."""
        ...

    def feedback(self) -> AbstractContextManager[FeedbackStore]:
        """Open the counts of feedback; raises `StateError`."""
        ...

    def audit_files(self) -> AbstractContextManager[Path]:
        """Give the folder of the audit's files, to verify, export and prove; raises `StateError`."""
        ...
