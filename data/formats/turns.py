"""Finds in a block the lines that begin unlike the line above, by the million: where a log turns to another day."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data.formats.blocks import Block
from data.formats.encoding import BEFORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINE_FEED = 10


def turns(block: Block, length: int) -> Iterator[bytes]:
    """Give the first line, and each whose first `length` bytes are not those of the line above; maybe a few more."""
    data = np.frombuffer(block.data, np.uint8, block.size)
    ends = np.flatnonzero(data == _LINE_FEED) + 1
    if not len(ends) or ends[-1] < block.size:
        ends = np.append(ends, block.size)
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    inside = max(0, len(block.data) - length + 1)
    windows: NDArray[np.bytes_] = np.ndarray(buffer=block.data, dtype=f"V{length}", shape=(inside,), strides=(1,))
    whole = int(np.searchsorted(starts, inside))
    begins = windows[starts[:whole]].view(np.uint8).reshape(whole, length)
    turned = np.ones(len(starts), np.bool_)
    turned[1:whole] = (begins[1:] != begins[:-1]).any(axis=1)
    for first in BEFORE:  # what is shown of such a line begins further on
        turned |= data[starts] == first[0]
    for row in np.flatnonzero(turned).tolist():
        yield block.data[int(starts[row]) : int(ends[row])]
