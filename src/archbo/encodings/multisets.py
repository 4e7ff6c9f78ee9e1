"""Graphs as multisets of 64-bit labels, for kernels of histograms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, UInt64
from archbo.encodings.base import Encode
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.errors import ProblemError
from archbo.graphs.batch import ABSENT, GraphBatch, label
from archbo.graphs.wl import mix
from archbo.spaces import CompiledSpace, Rows

_TARGET = np.uint64(0xC2B2AE3D27D4EB4F)
_DISTANCE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class WeisfeilerLehman:
    """The colours of all vertices after some rounds of refinement, a block `wl3` for 3 of them.

    Every search has `wl0` to `wl2` anyway. See `weisfeiler_lehman_to` for several rounds at once.

    Args:
        rounds: how many.

    Raises:
        ProblemError: if it is negative.
    Source: Shervashidze et al. 2011.
    """

    rounds: int = 3

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ProblemError(f"rounds must be at least 0, got {self.rounds}", path="encoding")

    @property
    def name(self) -> str:
        return f"wl{self.rounds}"

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:  # noqa: ARG002 - nothing is learned
        def encode(rows: Rows) -> UInt64[Array, "n w"]:
            graphs = space.graphs(rows)
            if not graphs:
                return np.zeros((len(rows), 0), dtype=np.uint64)
            return weisfeiler_lehman(graphs, self.rounds)[-1]

        return encode


def weisfeiler_lehman_to(rounds: int) -> tuple[WeisfeilerLehman, ...]:
    """The encodings of those rounds that a search does not have anyway: `wl3`, `wl4`, ….

    >>> [encoding.name for encoding in weisfeiler_lehman_to(5)]
    ['wl3', 'wl4', 'wl5']
    """
    return tuple(WeisfeilerLehman(k) for k in range(3, rounds + 1))


@dataclass(frozen=True)
class ShortestPaths:
    """For every two vertices with a way from one to the other: both labels and their distance.

    Args:
        name: of its block.
    Source: Borgwardt and Kriegel 2005, section 4, with the triple's equality as its kernel.
    """

    name: str = "shortest_paths"

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:  # noqa: ARG002 - nothing is learned
        def encode(rows: Rows) -> UInt64[Array, "n w"]:
            found = [np.zeros((len(rows), 0), dtype=np.uint64)]
            for path, batch in space.graphs(rows).items():
                found.append(shortest_paths(batch, np.uint64(label(f"distances of {path}"))))
            return np.concatenate(found, axis=1)

        return encode


def shortest_paths(batch: GraphBatch, salt: np.uint64) -> UInt64[Array, "g w"]:
    """A hash of label, label and distance for each pair of vertices; 0 where there is no way."""
    sources, targets = np.triu_indices(batch.labels.shape[1], 1)
    distance = distances(batch)[:, sources, targets].astype(np.uint64)
    ends = mix(mix(batch.labels[:, sources] + salt) + mix(batch.labels[:, targets] + _TARGET))
    code = mix(ends + distance * _DISTANCE) | np.uint64(1)
    return np.where(distance > 0, code, ABSENT)


def distances(batch: GraphBatch) -> Array:
    """How many edges the shortest way from the first to the second vertex has, [g v v]; 0: none."""
    linked = (batch.adjacency > 0).astype(float)
    found = linked.astype(np.int64)
    ahead = linked
    for step in range(2, batch.labels.shape[1]):
        ahead = (np.matmul(ahead, linked) > 0).astype(float)
        if not ahead.any():
            break
        found = np.where((found == 0) & (ahead > 0), step, found)
    return found
