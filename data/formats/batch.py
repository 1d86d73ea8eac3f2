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
    """Some of the records of a batch."""

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
    head_end: int
    """Where the first line of the last record ends."""
    continuations: int = 0
    """Lines in there that begin no record."""
    below: int = 0
    """Those of them in the last record."""

    def shares(self, goes: "Mask") -> tuple[Share | None, Share | None]:
        """Sum up the records that go and those that stay."""
        import numpy as np  # heavy, and not needed for a small file

        count, total = int(np.count_nonzero(goes)), len(goes)
        size = self.end - int(self.starts[0])
        if count in (0, total):
            whole = _share(self.lo, self.hi, size)
            return (whole, None) if count else (None, whole)
        lengths = np.diff(self.starts, append=self.end)
        gone = int(lengths[goes].sum())
        stays = ~goes
        return _share(self.lo[goes], self.hi[goes], gone), _share(self.lo[stays], self.hi[stays], size - gone)

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


def _share(lo: "Instants", hi: "Instants", size: int) -> Share:
    return Share(records=len(lo), bytes=size, los=(int(lo.min()), int(lo.max())), his=(int(hi.min()), int(hi.max())))
