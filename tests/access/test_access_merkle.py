"""The tree is RFC 6962's: its published vectors, and each proof beside every one that proves nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.audit.merkle import (
    EMPTY,
    Frontier,
    consistency,
    inclusion,
    leaf_hash,
    node_hash,
    root_of,
)
from access.audit.outside import is_consistent, is_included

# Certificate Transparency's own test vectors (google/certificate-transparency, merkletree/merkle_tree_test.cc).
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
sizes = st.integers(min_value=1, max_value=70)


def tree(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def recursive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root_of(HASHES[:size]).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_published_root() -> None:
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == EMPTY


def test_a_published_inclusion_proof_and_a_published_consistency_proof() -> None:
    assert [each.hex() for each in inclusion(HASHES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [each.hex() for each in consistency(HASHES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(sizes)
def test_the_root_is_the_definitions(size: int) -> None:
    assert root_of(tree(size)) == recursive_root(tree(size))


@given(sizes, st.integers(min_value=0, max_value=70))
def test_a_frontier_that_was_put_away_goes_on_the_same(size: int, more: int) -> None:
    leaves = tree(size + more)
    frontier = Frontier()
    for leaf in leaves[:size]:
        frontier.append(leaf)
    again = Frontier(frontier.size, frontier.hashes)
    for leaf in leaves[size:]:
        again.append(leaf)
    assert (again.size, again.root()) == (size + more, root_of(leaves))


def test_hashes_that_are_no_right_edge_are_refused() -> None:
    with pytest.raises(ValueError, match="2 hashes are no right edge of a tree of 4"):
        Frontier(4, [EMPTY, EMPTY])


@given(sizes, st.data())
def test_a_leaf_is_proved_to_be_where_it_is_and_nowhere_else(size: int, data: st.DataObject) -> None:
    leaves, index = tree(size), data.draw(st.integers(0, size - 1))
    root, proof = root_of(leaves), inclusion(leaves, index)
    assert is_included(leaves[index], index, size, root, proof)
    for other in range(size):
        if other != index:
            assert not is_included(leaves[index], other, size, root, proof)
            assert not is_included(leaves[other], index, size, root, proof)
    assert not is_included(leaves[index], index, size, EMPTY, proof)
    assert not is_included(leaves[index], index, size, root, [*proof, EMPTY])
    assert not proof or not is_included(leaves[index], index, size, root, proof[:-1])
    assert not is_included(leaves[index], size, size, root, proof)


@given(sizes, st.data())
def test_a_tree_is_proved_to_be_the_beginning_of_its_later_self_alone(size: int, data: st.DataObject) -> None:
    leaves, earlier = tree(size), data.draw(st.integers(1, size))
    root, before, proof = root_of(leaves), root_of(leaves[:earlier]), consistency(leaves, earlier)
    assert is_consistent(earlier, before, size, root, proof)
    assert not is_consistent(earlier, leaf_hash(b"another"), size, root, proof)
    assert not is_consistent(earlier, before, size, leaf_hash(b"another"), proof)
    assert not is_consistent(earlier, before, size, root, [*proof, EMPTY])
    forked = [leaf_hash(b"forked"), *leaves[1:]]
    assert not is_consistent(earlier, before, size, root_of(forked), consistency(forked, earlier))
    assert not is_consistent(0, EMPTY, size, root, consistency(leaves, 0))
    assert not is_consistent(size + 1, before, size, root, proof)
