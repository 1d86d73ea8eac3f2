"""The rows of a manifest in their order, sorted in bounded memory and hashed on the way."""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from data.retention.manifest import order_of, row_of
from data.retention.merkle import MerkleTree, leaf_hash
from data.retention.unit import Planned

CHUNK_BYTES: Final = 8 << 20
"""How many bytes of rows are sorted in memory at once."""
_MOST_CHUNKS: Final = 64
"""Sorted chunks that are open at once; more are merged into one."""
_SHIFT: Final = 1 << 63
"""Makes every instant of 64 bits positive, so that its digits sort as it does."""


def sorted_rows(
    rows: Iterable[Planned],
    tree: MerkleTree,
    stack: ExitStack,
    *,
    folder: Path | None = None,
    chunk: int = CHUNK_BYTES,
) -> Iterator[bytes]:
    """Give the rows as bytes, in order, and grow the tree by each; raises `OSError`.

    What memory cannot hold lies in `folder` until `stack` ends; in the system's folder for such things where none is
    given.
    """
    for line in _sorted(map(_line_of, rows), folder, chunk, stack):
        row = line.split(b" ", 2)[2][:-1]
        tree.add(leaf_hash(row))
        yield row


def _line_of(planned: Planned) -> bytes:
    """Write a row behind its own order, so that lines sort as bytes; equal orders are told apart by the row itself."""
    lo, name = order_of(planned)
    return b"%020d %b %b\n" % (lo + _SHIFT, name.hex().encode("ascii"), row_of(planned))


def _sorted(lines: Iterable[bytes], folder: Path | None, most: int, stack: ExitStack) -> Iterator[bytes]:
    chunks: list[IO[bytes]] = []
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size >= most:
            chunks.append(_spilled(sorted(batch), folder, stack))
            batch, size = [], 0
        if len(chunks) == _MOST_CHUNKS:
            merged = _spilled(heapq.merge(*chunks), folder, stack)
            for chunk in chunks:
                chunk.close()
            chunks = [merged]
    return heapq.merge(*chunks, sorted(batch))


def _spilled(lines: Iterable[bytes], folder: Path | None, stack: ExitStack) -> IO[bytes]:
    """Put sorted lines into a file without a name: a crash leaves nothing of it."""
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  the stack closes it
    stack.callback(file.close)
    file.writelines(lines)
    file.seek(0)
    return file
