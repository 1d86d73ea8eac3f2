"""Many dated records that follow each other without a gap, as columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.retention.instants import Instant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Instants = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a mask chooses of a batch."""

    records: int
    bytes: int
    los: tuple[Instant, Instant]
    his: tuple[Instant, Instant]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records as columns; never empty."""

    starts: "Instants"
    """Where each record begins in the content; it reaches to the next one."""
    end: int
    """Where the last one ends."""
    lo: "Instants"
    hi: "Instants"
    continuations: int = 0
    """Lines in there that begin no record."""

    def of(self, chosen: "Mask") -> Share:
        """Sum up the chosen records."""
        records = int(chosen.sum())
        if not records:
            return Share(records=0, bytes=0, los=(0, 0), his=(0, 0))
        if records == len(self.lo):
            size, lo, hi = self.end - int(self.starts[0]), self.lo, self.hi
        else:
            size, lo, hi = self._size(chosen), self.lo[chosen], self.hi[chosen]
        return Share(
            records=records, bytes=size, los=(int(lo.min()), int(lo.max())), his=(int(hi.min()), int(hi.max()))
        )

    def before(self, limit: Instant) -> int:
        """Count the records that begin before an instant."""
        return int((self.lo < limit).sum())

    def runs(self, goes: "Mask") -> list[tuple[int, int, bool]]:
        """List from where to where records go or stay, neighbours of a kind joined."""
        import numpy as np  # heavy, and not needed for a small file

        turns = np.flatnonzero(goes[1:] != goes[:-1]) + 1
        edges = [int(self.starts[0]), *self.starts[turns].tolist(), self.end]
        kinds = [bool(goes[0]), *goes[turns].tolist()]
        return list(zip(edges[:-1], edges[1:], kinds, strict=True))

    def _size(self, chosen: "Mask") -> int:
        import numpy as np  # heavy, and not needed for a small file

        lengths = np.empty_like(self.starts)
        np.subtract(self.starts[1:], self.starts[:-1], out=lengths[:-1])
        lengths[-1] = self.end - int(self.starts[-1])
        return int(lengths[chosen].sum())
