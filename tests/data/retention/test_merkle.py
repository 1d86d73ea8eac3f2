"""The Merkle tree is the one of RFC 6962: its root, its proofs, and nothing else passes for them."""

import hashlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data.retention.merkle import MerkleTree, inclusion_proof, leaf_hash, merkle_root, proves_inclusion

LEAVES = st.lists(st.binary(max_size=8), max_size=70)
SOME = st.lists(st.binary(max_size=8), min_size=1, max_size=70)
VECTORS = [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43"]
VECTORS += [bytes.fromhex("5051525354555657"), bytes.fromhex("606162636465666768696a6b6c6d6e6f")]


def naive(leaves: list[bytes]) -> bytes:
    """Give the root as RFC 6962 section 2.1 defines it, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:split]) + naive(leaves[split:])).digest()


def proof_of(leaves: list[bytes], index: int) -> tuple[bytes, ...]:
    """Prove a leaf."""
    return inclusion_proof([leaf_hash(leaf) for leaf in leaves], index)


def test_known_roots() -> None:
    """The roots of the vectors that the reference implementations of RFC 6962 share come out."""
    roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    assert [merkle_root(VECTORS[:count]).hex() for count in range(9)] == roots


@given(LEAVES)
def test_the_root_is_the_naive_one(leaves: list[bytes]) -> None:
    """Growing leaf by leaf gives the root of the recursive definition, at every size on the way."""
    tree = MerkleTree()
    for count, leaf in enumerate(leaves):
        assert tree.root() == naive(leaves[:count])
        tree.add(leaf_hash(leaf))
    assert (tree.root(), tree.size) == (naive(leaves), len(leaves))
    assert merkle_root(iter(leaves)) == naive(leaves)


@given(LEAVES, LEAVES)
def test_a_copy_grows_on_its_own(leaves: list[bytes], more: list[bytes]) -> None:
    """What is added to a copy leaves the first tree as it was."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
    other = tree.copy()
    for leaf in more:
        other.add(leaf_hash(leaf))
    assert (tree.root(), tree.size) == (naive(leaves), len(leaves))
    assert (other.root(), other.size) == (naive(leaves + more), len(leaves) + len(more))


@given(LEAVES, st.data())
def test_any_change_changes_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    """Another leaf, one more, one less or another order is another root."""
    assume(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.binary(max_size=8))
    changed = [
        [*leaves[:index], other, *leaves[index + 1 :]],
        [*leaves[:index], *leaves[index + 1 :]],
        [*leaves[:index], other, *leaves[index:]],
        leaves[::-1],
    ]
    for one in changed:
        assert (merkle_root(one) == merkle_root(leaves)) is (one == leaves)


@given(SOME, st.data())
def test_every_leaf_can_be_proved(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof has at most log2(n) steps, rounded up, and holds."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = proof_of(leaves, index)
    assert len(proof) <= (len(leaves) - 1).bit_length()
    root = naive(leaves)
    assert proves_inclusion(leaf=leaf_hash(leaves[index]), index=index, size=len(leaves), proof=proof, root=root)


@given(SOME, st.data())
def test_a_forged_proof_fails(leaves: list[bytes], data: st.DataObject) -> None:
    """Another leaf, place, root or path, a step more or less, or a place outside the tree proves nothing."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root, size, leaf = proof_of(leaves, index), naive(leaves), len(leaves), leaf_hash(leaves[index])
    strange = data.draw(st.binary(min_size=32, max_size=32))
    step = data.draw(st.integers(0, len(proof)))
    assert strange != leaf
    forged = [
        (strange, index, size, proof, root),
        (leaf, index, size, proof, strange),
        (leaf, index, size, (*proof[:step], strange, *proof[step:]), root),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
    ]
    if proof:
        step = min(step, len(proof) - 1)
        forged += [
            (leaf, index, size, (*proof[:step], *proof[step + 1 :]), root),
            (leaf, index, size, (*proof[:step], strange, *proof[step + 1 :]), root),
        ]
    elsewhere = data.draw(st.integers(0, size - 1))
    if leaves[elsewhere] != leaves[index]:
        forged.append((leaf, elsewhere, size, proof_of(leaves, elsewhere), root))
    for leaf_, index_, size_, proof_, root_ in forged:
        assert not proves_inclusion(leaf=leaf_, index=index_, size=size_, proof=proof_, root=root_)
    assert proves_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root), "the positive control"


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_proof_is_bound_to_its_place(count: int, index: int) -> None:
    """Among different leaves a proof holds at its own place and at no other."""
    assume(index < count)
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(count)]
    proof = inclusion_proof(leaves, index)
    root = merkle_root(number.to_bytes(2, "big") for number in range(count))
    places = [
        place
        for place in range(count)
        if proves_inclusion(leaf=leaves[index], index=place, size=count, proof=proof, root=root)
    ]
    assert places == [index]


def test_a_node_cannot_pass_for_a_leaf() -> None:
    """The hash of two leaves is no leaf: leaves and nodes have prefixes of their own."""
    leaves = [b"a", b"b", b"c", b"d"]
    left = leaf_hash(b"a") + leaf_hash(b"b")
    right = leaf_hash(b"c") + leaf_hash(b"d")
    assert merkle_root([left, right]) != merkle_root(leaves)
    assert leaf_hash(b"") != hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("count", "index"), [(0, 0), (1, 1), (5, 5), (5, -1)])
def test_a_leaf_that_is_not_there_cannot_be_proved(count: int, index: int) -> None:
    """A place outside the tree is an `IndexError`; the last one inside is proved."""
    leaves = [leaf_hash(bytes([number])) for number in range(count)]
    with pytest.raises(IndexError, match="no leaf"):
        inclusion_proof(leaves, index)
    if leaves:
        assert isinstance(inclusion_proof(leaves, count - 1), tuple)
