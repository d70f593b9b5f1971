"""The Merkle tree of a log: RFC 6962, section 2.1 (the same in RFC 9162), over SHA-256.

A tree of n leaves splits at the largest power of two below n. Leaves and nodes are hashed with different first bytes,
so that no node can be taken for a leaf. All hashes are 32 bytes. What checks the proofs is
`outside`: whoever makes them believes them anyway.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two parts."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: enough to append to it, at most 64 hashes, whatever its size.

    `hashes` are the roots of the whole sub-trees that the tree consists of, from the largest to the smallest: one for
    each bit of its size that is set.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Raises ValueError when so many hashes are no right edge of a tree of that size."""
        self.size, self.hashes = size, list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count():
            raise ValueError(f"{len(self.hashes)} hashes are no right edge of a tree of {size}")

    def append(self, leaf: bytes) -> None:
        """Add one leaf, by its hash."""
        self.hashes.append(leaf)
        joined = self.size
        # Each trailing bit that is set is a whole sub-tree as large as what is added: the two become one.
        while joined & 1:
            right = self.hashes.pop()
            self.hashes.append(node_hash(self.hashes.pop(), right))
            joined >>= 1
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.hashes:
            return EMPTY
        *others, root = self.hashes
        for left in reversed(others):
            root = node_hash(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over these hashes of leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What proves that the leaf `index` is in the tree over `leaves`, from the leaf up. Raises IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)}")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(root_of(leaves[middle:high]))
            high = middle
        else:
            path.append(root_of(leaves[low:middle]))
            low = middle
    return path[::-1]


def consistency(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """What proves that the tree over the first `earlier` leaves is the beginning of the tree over all.

    Empty for the whole tree and for none. Raises IndexError for a size that the tree never had.
    """
    if not 0 <= earlier <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} never had {earlier} leaves")
    if earlier in (0, len(leaves)):
        return []
    path: list[bytes] = []
    low, high, known = 0, len(leaves), True
    # RFC 9162, 2.1.4.1: SUBPROOF, without recursion.
    while earlier != high - low:
        middle = low + _split(high - low)
        if earlier <= middle - low:
            path.append(root_of(leaves[middle:high]))
            high = middle
        else:
            path.append(root_of(leaves[low:middle]))
            earlier -= middle - low
            low, known = middle, False
    if not known:
        path.append(root_of(leaves[low:high]))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`, which is above 1."""
    return 1 << (size - 1).bit_length() - 1
