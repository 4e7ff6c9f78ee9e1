"""Weisfeiler-Lehman refinement of a batch of graphs by commutative 64-bit hashing.

A vertex's colour after k rounds says what its neighbourhood of radius k looks like, in and out
apart. Equal neighbourhoods have equal colours; different ones collide with probability 2^-64.
Source: Shervashidze et al. 2011, algorithm 1, with the sorted multiset of neighbour labels
replaced by a sum of mixed hashes.
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch

_FORWARD = np.uint64(0x9E3779B97F4A7C15)
_BACKWARD = np.uint64(0xC2B2AE3D27D4EB4F)


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
    ahead = np.matmul(mix(colours + _FORWARD)[:, None, :], adjacency)[:, 0]
    behind = np.matmul(adjacency, mix(colours + _BACKWARD)[:, :, None])[:, :, 0]
    new = mix(mix(colours) + ahead * _FORWARD + behind * _BACKWARD)
    return np.where(colours == ABSENT, ABSENT, new | np.uint64(1))


def colours(batch: GraphBatch, rounds: int) -> list[UInt64[Array, "g v"]]:
    """The colours after 0, 1, …, `rounds` rounds; 0 where there is no vertex.

    The rounds do not share colours, so that their union is the multiset that a kernel compares.
    """
    adjacency = batch.adjacency.astype(np.uint64)
    current = np.where(batch.present, mix(batch.labels) | np.uint64(1), ABSENT)
    found = [current]
    for _ in range(rounds):
        current = refine(current, adjacency)
        found.append(current)
    return found
