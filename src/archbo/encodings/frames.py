"""All graphs of a space in one frame: a place for each vertex, in canonical order.

Notation: n rows, v places, l labels.
    adjacency  [n v v]  how many times the first vertex feeds the second
    places     [n v]    the position of a vertex's label among the l, -1 where there is none
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Int, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch
from archbo.graphs.wl import colours
from archbo.spaces import CompiledSpace, Rows

_ROUNDS = 3  # of refinement, for the order of vertices of equal depth and label


@dataclass(frozen=True)
class Frame:
    """The places of the cells and chains of a space, one part after another.

    Attributes:
        sizes: how many places a part has, by its path: the most vertices in the reference.
        labels: the labels of a part's vertices in the reference, sorted, by its path.
    """

    sizes: Mapping[str, int]
    labels: Mapping[str, UInt64[Array, " l"]]

    @classmethod
    def of(cls, space: CompiledSpace, reference: Rows, paths: list[str] | None = None) -> Frame:
        """With room for the graphs of a reference sample; of some parts only, if they are given."""
        graphs = space.graphs(reference)
        sizes, labels = {}, {}
        for path in graphs if paths is None else paths:
            batch = graphs[path]
            sizes[path] = max(2, int(batch.present.sum(axis=1).max(initial=0)))
            found = np.unique(batch.labels)
            labels[path] = found[found != ABSENT]
        return cls(sizes, labels)

    @property
    def places(self) -> int:
        """How many places there are in all."""
        return sum(self.sizes.values())

    @property
    def kinds(self) -> int:
        """How many labels there are in all; parts share none."""
        return sum(len(labels) for labels in self.labels.values())

    def fill(
        self, graphs: Mapping[str, GraphBatch], n: int
    ) -> tuple[Int[Array, "n v v"], Int[Array, "n v"]]:
        """The adjacency and the labels' positions of n rows; see the module's notation.

        A label that the reference lacks has no position; vertices beyond the places are left out.
        """
        adjacency = np.zeros((n, self.places, self.places), dtype=np.int64)
        places = np.full((n, self.places), -1, dtype=np.int64)
        at = kind = 0
        for path, size in self.sizes.items():
            batch, labels = ordered(graphs[path], size), self.labels[path]
            stop = at + size
            adjacency[:, at:stop, at:stop] = batch.adjacency
            if len(labels):
                position = np.minimum(np.searchsorted(labels, batch.labels), len(labels) - 1)
                known = labels[position] == batch.labels
                places[:, at:stop] = np.where(known, position + kind, -1)
            at, kind = stop, kind + len(labels)
        return adjacency, places


def ordered(batch: GraphBatch, size: int) -> GraphBatch:
    """Pruned graphs with so many places, in an order that isomorphic graphs share.

    The input comes first, the output last; between them the inner vertices by depth, label and
    colour, then the free places. Vertices that share all three are almost always symmetric.
    """
    width = batch.labels.shape[1]
    key = depths(batch)
    key[~batch.present] = width + 1
    key[:, 0], key[:, -1] = -1, width + 2
    order = np.lexsort((colours(batch, _ROUNDS)[-1], batch.labels, key), axis=1)
    kept = np.concatenate([order[:, : min(size, width) - 1], order[:, -1:]], axis=1)
    labels = np.take_along_axis(batch.labels, kept, axis=1)
    rows = np.take_along_axis(batch.adjacency, kept[:, :, None], axis=1)
    matrix = np.take_along_axis(rows, kept[:, None, :], axis=2)
    if size > width:
        free = [width - 1] * (size - width)  # before the output
        labels = np.insert(labels, free, ABSENT, axis=1)
        matrix = np.insert(np.insert(matrix, free, 0, axis=1), free, 0, axis=2)
    return GraphBatch(labels, matrix)


def depths(batch: GraphBatch) -> Int[Array, "g v"]:
    """How many edges the longest way from the input to each vertex of pruned graphs has."""
    found = np.zeros(batch.labels.shape, dtype=np.int64)
    for v in range(1, batch.labels.shape[1]):
        linked = batch.adjacency[:, :v, v] > 0
        found[:, v] = (linked * (found[:, :v] + 1)).max(axis=1)
    return found
