"""Weisfeiler-Lehman refinement of a batch of graphs by commutative 64-bit hashing.

A vertex's colour after k rounds says what its neighbourhood of radius k looks like, in and out
apart. Equal neighbourhoods have equal colours; different ones collide with probability 2^-64.
Source: Shervashidze et al. 2011, algorithm 1, with the sorted multiset of neighbour labels
replaced by a sum of mixed hashes.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from archbo.arrays import Array, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch

_FORWARD = np.uint64(0x9E3779B97F4A7C15)
_BACKWARD = np.uint64(0xC2B2AE3D27D4EB4F)

_DENSE = 16  # up to so many vertices sums over all pairs are quicker than over edges


def mix(x: UInt64[Array, ...]) -> UInt64[Array, ...]:
    """Scramble 64-bit integers, one to one. Source: the finaliser of SplitMix64."""
    x = x ^ (x >> np.uint64(30))
    x = x * np.uint64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> np.uint64(27))
    x = x * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def refine(colours: UInt64[Array, "g v"], adjacency: UInt64[Array, "g v v"]) -> Array:
    """One round: each vertex's colour becomes that of itself and its neighbours, [g v].

    Args:
        colours: the present ones; 0 where there is no vertex.
        adjacency: multiplicities, as unsigned integers so that the sums wrap around.
    """
    ahead = np.matmul(seen_from_ahead(colours)[:, None, :], adjacency)[:, 0]
    behind = np.matmul(adjacency, seen_from_behind(colours)[:, :, None])[:, :, 0]
    return next_colours(colours, ahead, behind)


def seen_from_ahead(colours: UInt64[Array, "g v"]) -> UInt64[Array, "g v"]:
    """What each vertex adds to the sums of those that it feeds."""
    return mix(colours + _FORWARD)


def seen_from_behind(colours: UInt64[Array, "g v"]) -> UInt64[Array, "g v"]:
    """What each vertex adds to the sums of those that feed it."""
    return mix(colours + _BACKWARD)


def next_colours(colours: Array, ahead: Array, behind: Array) -> Array:
    """The colours of the next round from the sums over the vertices before and behind each."""
    new = mix(mix(colours) + ahead * _FORWARD + behind * _BACKWARD)
    return np.where(colours == ABSENT, ABSENT, new | np.uint64(1))


def colours(batch: GraphBatch, rounds: int) -> list[UInt64[Array, "g v"]]:
    """The colours after 0, 1, …, `rounds` rounds; 0 where there is no vertex.

    The rounds do not share colours, so that their union is the multiset that a kernel compares.
    """
    current = np.where(batch.present, mix(batch.labels) | np.uint64(1), ABSENT)
    found = [current]
    sparse = rounds > 0 and batch.labels.shape[1] > _DENSE
    adjacency = _block_diagonal(batch) if sparse else batch.adjacency.astype(np.uint64)
    for _ in range(rounds):
        current = _refine_sparse(current, adjacency) if sparse else refine(current, adjacency)
        found.append(current)
    return found


def fingerprints(batch: GraphBatch) -> UInt64[Array, " g"]:
    """A number for each graph: equal for isomorphic ones in batches of the same width.

    Other graphs share one only where refinement cannot tell them apart.
    """
    last = mix(colours(batch, batch.labels.shape[1] // 2)[-1])
    return np.where(batch.present, last, ABSENT).sum(axis=1, dtype=np.uint64)


def _block_diagonal(batch: GraphBatch) -> csr_array:
    """All graphs of a batch as one: large ones have few edges for their size."""
    count, size = batch.labels.shape
    g, s, t = np.nonzero(batch.adjacency)
    many = batch.adjacency[g, s, t].astype(np.uint64)
    shape = (count * size, count * size)
    return csr_array((many, (g * size + s, g * size + t)), shape=shape)


def _refine_sparse(colours: UInt64[Array, "g v"], adjacency: csr_array) -> Array:
    """The same as `refine`, in time that grows with the edges."""
    ahead = adjacency.T @ seen_from_ahead(colours).ravel()
    behind = adjacency @ seen_from_behind(colours).ravel()
    return next_colours(colours, ahead.reshape(colours.shape), behind.reshape(colours.shape))
