"""A Merkle tree hash as in RFC 6962 section 2.1: leaves and nodes are told apart by a prefix byte."""

import hashlib
from collections.abc import Iterable


def leaf_hash(leaf: bytes) -> bytes:
    """Hash one leaf: 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Hash a sequence of leaves to 32 bytes, in constant memory; no leaves give the hash of nothing."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
    return tree.root()


class MerkleTree:
    """Grows leaf by leaf; keeps one hash for each complete subtree, so its size is the logarithm of the count."""

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def add(self, hashed: bytes) -> None:
        """Append one hashed leaf."""
        full, peaks = self.size, self._peaks
        while full & 1:  # each bit of the size is a complete subtree
            hashed = hashlib.sha256(b"\x01" + peaks.pop() + hashed).digest()
            full >>= 1
        peaks.append(hashed)
        self.size += 1

    def copy(self) -> "MerkleTree":
        """Give a second tree of the same leaves, which grows on its own."""
        other = MerkleTree()
        other._peaks, other.size = list(self._peaks), self.size
        return other

    def root(self) -> bytes:
        """Give the hash over all leaves so far."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        found = self._peaks[-1]
        for left in reversed(self._peaks[:-1]):
            found = _node(left, found)
        return found


def inclusion_proof(leaves: list[bytes], index: int) -> tuple[bytes, ...]:
    """List the hashes that lead from a hashed leaf to the root (RFC 6962 2.1.1); raises `IndexError`."""
    if not 0 <= index < len(leaves):
        message = f"no leaf {index} among {len(leaves)}"
        raise IndexError(message)
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(leaves[:split], index), _root_of(leaves[split:]))
    return (*inclusion_proof(leaves[split:], index - split), _root_of(leaves[:split]))


def proves_inclusion(*, leaf: bytes, index: int, size: int, proof: tuple[bytes, ...], root: bytes) -> bool:
    """Tell whether a hashed leaf stands at this place in a tree of this size and root (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = _node(step, found)
            while place % 2 == 0 and place != 0:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, step)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def _root_of(leaves: list[bytes]) -> bytes:
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
