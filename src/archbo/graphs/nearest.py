"""Which of many graphs are near each other: a symmetric relation, found in blocks.

All pairs of tens of thousands of graphs are too many to look at. The set is cut in two between two
random graphs, and again, into blocks of graphs that are alike; only the pairs of a block are
compared. Several such cuttings make up for what one of them tears apart.
Source: Dasgupta and Freund 2008, "Random projection trees and low dimensional manifolds", section
2, with the difference of two members as the direction: one in which the set extends.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from archbo.arrays import Array, Int, Rng, UInt64
from archbo.graphs.batch import ABSENT

_NEAREST = 10  # of each graph in each of its blocks
_BLOCK = 256  # graphs that are compared all with all, at most
_CUTTINGS = 3


def near_pairs(multisets: UInt64[Array, "g w"], rng: Rng) -> Int[Array, "p 2"]:
    """Pairs of graphs that are near each other, both ways round, sorted; none with itself.

    Two graphs are near if one is among the nearest of the other in a block, by the Euclidean
    distance of their counts. Besides, all graphs are strung on a line, so that a walk from any of
    them can reach every other.

    Args:
        multisets: the colours of each graph, padded with 0.
        rng: of the cuttings.
    """
    counts, graphs = _counts(multisets), len(multisets)
    found = []
    for _ in range(_CUTTINGS if graphs > _BLOCK else 1):
        blocks = _blocks(counts, rng)
        found += [_nearest(counts, block) for block in blocks]
    line = np.concatenate(blocks)
    a, b = np.concatenate([*found, np.stack([line[:-1], line[1:]])], axis=1)
    keys = np.unique(np.concatenate([a * graphs + b, b * graphs + a]))
    return np.stack(np.divmod(keys, graphs), axis=1)


def _counts(multisets: UInt64[Array, "g w"]) -> csr_array:
    """How often each colour occurs in each graph, sparse [g c]."""
    rows, columns = np.nonzero(multisets != ABSENT)
    colours, places = np.unique(multisets[rows, columns], return_inverse=True)
    shape = (len(multisets), len(colours))
    return csr_array((np.ones(len(rows)), (rows, places)), shape=shape)


def _blocks(counts: csr_array, rng: Rng) -> list[Int[Array, " b"]]:
    """The graphs, cut in halves again and again."""
    blocks = [np.arange(counts.shape[0])]
    while len(blocks[0]) > _BLOCK:
        blocks = [half for block in blocks for half in _halves(counts, block, rng)]
    return blocks


def _halves(counts: csr_array, block: Array, rng: Rng) -> list[Array]:
    own = counts[block]
    a, b = rng.choice(len(block), size=2, replace=False)
    along = own @ (own[[a]] - own[[b]]).toarray()[0]
    return np.array_split(block[np.argsort(along, kind="stable")], 2)


def _nearest(counts: csr_array, block: Array) -> Int[Array, "2 p"]:
    """Each graph of a block, and those nearest to it."""
    own = counts[block]
    products = (own @ own.T).toarray()
    norms = products.diagonal()
    distances = norms[:, None] + norms - 2 * products
    np.fill_diagonal(distances, np.inf)
    most = min(_NEAREST, len(block) - 1)
    near = np.argpartition(distances, max(most - 1, 0), axis=1)[:, :most]
    return np.stack([np.repeat(block, most), block[near].reshape(-1)])
