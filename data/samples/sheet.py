"""One log file while it is being made, and what it will be found to hold."""

import gzip
import os
from pathlib import Path

from data.retention.instants import SECOND, Instant
from data.samples.truth import TrueRecord


class Sheet:
    """Takes records one after the other and knows where each stands."""

    def __init__(self, name: str, kind: str, *, encoding: str = "utf-8", newline: str = "\n", bom: bytes = b"") -> None:
        self.name = name
        self.records: list[TrueRecord] = []
        self.size = len(bom)
        self._kind = kind
        self._encoding = encoding
        self._newline = newline
        self._parts = [bom]
        self._lines = 0

    def add(self, text: str, at: Instant, span: tuple[Instant, Instant] | None = None) -> None:
        """Append a record; its lines are parted by a line feed, the last one is not ended."""
        content = f"{text}\n".replace("\n", self._newline).encode(self._encoding)
        lines = text.count("\n") + 1
        lo, hi = span or (at, at)
        self.records.append(
            TrueRecord(
                file=self.name,
                line=self._lines + 1,
                lines=lines,
                start=self.size,
                end=self.size + len(content),
                at=at,
                lo=lo,
                hi=hi,
                kind=self._kind,
            ),
        )
        self._parts.append(content)
        self._lines += lines
        self.size += len(content)

    def write(self, folder: Path, *, mtime: Instant | None = None) -> None:
        """Write the file, packed if it is named so, last changed when its last record says or at `mtime`.

        Raises `FileExistsError`: nothing that is there is ever written over.
        """
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        changed = self.records[-1].at if mtime is None else mtime
        content = b"".join(self._parts)
        if path.suffix == ".gz":
            content = gzip.compress(content, compresslevel=6, mtime=changed // SECOND)
        with path.open("xb") as file:
            file.write(content)
        os.utime(path, ns=(changed * 1000, changed * 1000))
