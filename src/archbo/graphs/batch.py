"""A batch of labelled directed acyclic graphs, padded to one size.

Vertices are in topological order; vertex 0 is the input, the last one the output.
    labels     [g v]    hash of the vertex's operation; 0 where there is no vertex
    adjacency  [g v v]  how many times the first vertex feeds the second (an upper triangle)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from archbo.arrays import Array, Bool, Int, UInt64

ABSENT = np.uint64(0)


@lru_cache(maxsize=65536)
def label(name: str) -> int:
    """A stable 64-bit hash of an operation's name, never 0.

    >>> label("conv_3x3") == label("conv_3x3") != label("conv_1x1")
    True
    """
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1


INPUT = np.uint64(label("input"))
OUTPUT = np.uint64(label("output"))


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Padded graphs; see the module's notation."""

    labels: UInt64[Array, "g v"]
    adjacency: Int[Array, "g v v"]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def present(self) -> Bool[Array, "g v"]:
        """Which vertices exist."""
        return self.labels != ABSENT

    def take(self, which: Array) -> GraphBatch:
        """The graphs at these positions, or where a mask is true."""
        return GraphBatch(self.labels[which], self.adjacency[which])

    def where(self, mask: Bool[Array, " g"]) -> GraphBatch:
        """The graphs where a mask is true, graphs without vertices elsewhere."""
        labels = np.where(mask[:, None], self.labels, ABSENT)
        return GraphBatch(labels, self.adjacency * mask[:, None, None])

    def pruned(self) -> GraphBatch:
        """Without the vertices that no path from the input to the output passes.

        A graph without any such path loses all its inner vertices and edges: all dead graphs
        become one.
        """
        alive = alive_vertices(self)
        labels = np.where(alive, self.labels, ABSENT)
        labels[:, 0], labels[:, -1] = self.labels[:, 0], self.labels[:, -1]
        dead = np.flatnonzero((self.present & ~alive).any(axis=1))
        adjacency = self.adjacency
        if len(dead):
            adjacency = adjacency.copy()
            adjacency[dead] *= alive[dead, :, None] & alive[dead, None, :]
        return GraphBatch(labels, adjacency)

    def packed(self) -> GraphBatch:
        """Without room that no graph needs: present vertices first, the output still last."""
        inner = self.present
        inner[:, -1] = False
        order = np.argsort(~inner, axis=1, kind="stable")
        order = order[:, : inner.sum(axis=1).max(initial=0)]
        order = np.column_stack([order, np.full(len(self), inner.shape[1] - 1)])
        rows = np.arange(len(self))[:, None]
        # what comes after a graph's own vertices is absent, and has no edges
        adjacency = self.adjacency[rows[:, :, None], order[:, :, None], order[:, None, :]]
        return GraphBatch(self.labels[rows, order], adjacency)


def alive_vertices(batch: GraphBatch) -> Bool[Array, "g v"]:
    """Which vertices lie on a path from the input to the output."""
    linked = batch.adjacency > 0
    size = linked.shape[1]
    forward = np.zeros(linked.shape[:2], dtype=bool)
    backward = np.zeros_like(forward)
    forward[:, 0] = True
    backward[:, -1] = True
    for v in range(1, size):
        forward[:, v] = (forward[:, :v] & linked[:, :v, v]).any(axis=1)
    for v in range(size - 2, -1, -1):
        backward[:, v] = (backward[:, v + 1 :] & linked[:, v, v + 1 :]).any(axis=1)
    return forward & backward


def from_edge_operations(
    operations: UInt64[Array, "g e"],
    sources: Int[Array, " e"] | Int[Array, "g e"],
    targets: Int[Array, " e"],
    *,
    nodes: int,
    none: int,
    skip: int,
    inputs: int = 1,
    concatenate: bool = False,
) -> GraphBatch:
    """The line graph of cells with operations on their edges.

    A node's value is the sum of its incoming edges' operations. Each operation becomes a vertex
    fed by the terms of its source's sum; `none` edges vanish, `skip` edges pass the source's terms
    on, so that a term that arrives by two ways counts twice. Dead vertices stay: see `pruned`.

    Several inputs are vertices fed by vertex 0. Where the output concatenates the inner nodes, each
    of these has a vertex "sum" that feeds the output: which terms are summed makes a difference,
    the order of the nodes does not.

    Args:
        operations: label hashes; edges sorted by target, then source. 0 marks an absent edge.
        sources: the node that edge e leaves, in all graphs or in each.
        targets: the node that edge e enters.
        nodes: how many nodes a cell has; the last is the output.
        none: the label hash that means "no edge"; 0 if there is none.
        skip: the label hash that passes its input on; 0 if there is none.
        inputs: so many nodes are inputs.
        concatenate: whether the output concatenates all inner nodes; else it is the last one's sum.
    """
    count, edges = operations.shape
    sources = np.broadcast_to(sources, operations.shape)
    starts = inputs if inputs > 1 else 0
    first = starts + 1  # the vertex of the first edge
    last = first + edges
    sums = range(inputs, nodes - 1) if concatenate else range(0)
    size = last + len(sums) + 1
    real = (operations != none) & (operations != ABSENT)
    if skip:
        real &= operations != skip
    # terms[:, t, u]: how many times vertex u (an input, or an edge) is summed into node t
    terms = np.zeros((count, nodes, last), dtype=np.int64)
    terms[:, range(inputs), range(starts and 1, starts + 1)] = 1
    adjacency = np.zeros((count, size, size), dtype=np.int64)
    adjacency[:, 0, 1:first] = 1
    rows = np.arange(count)
    for e in range(edges):
        arriving, target = terms[rows, sources[:, e]], targets[e]
        adjacency[:, :last, first + e] = arriving * real[:, e, None]
        terms[:, target, first + e] += real[:, e]
        if skip:
            terms[:, target] += arriving * (operations[:, e] == skip)[:, None]
    for k, node in enumerate(sums):
        adjacency[:, :last, last + k] = terms[:, node]
        adjacency[:, last + k, -1] = 1
    if not concatenate:
        adjacency[:, :last, -1] = terms[:, nodes - 1]
    labels = np.zeros((count, size), dtype=np.uint64)
    labels[:, 0], labels[:, -1] = INPUT, OUTPUT
    labels[:, 1:first] = np.array([label(f"input_{k}") for k in range(starts)], dtype=np.uint64)
    labels[:, first:last] = np.where(real, operations, ABSENT)
    labels[:, last:-1] = label("sum")
    return GraphBatch(labels, adjacency)


def in_series(blocks: Sequence[tuple[GraphBatch, Bool[Array, " g"]]]) -> GraphBatch:
    """Graphs one after another: the last vertex of each feeds the first of the next present one.

    Args:
        blocks: batches of equal length, each with a mask of the graphs that it is present in.
            The first block is present everywhere.
    """
    count = len(blocks[0][0])
    size = sum(block.labels.shape[1] for block, _ in blocks)
    labels = np.zeros((count, size), dtype=np.uint64)
    adjacency = np.zeros((count, size, size), dtype=np.int64)
    last = np.zeros(count, dtype=np.int64)
    at = 0
    for block, present in blocks:
        stop = at + block.labels.shape[1]
        labels[:, at:stop] = np.where(present[:, None], block.labels, ABSENT)
        adjacency[:, at:stop, at:stop] = block.adjacency * present[:, None, None]
        if at > 0:
            rows = np.flatnonzero(present)
            adjacency[rows, last[rows], at] = 1
        last = np.where(present, stop - 1, last)
        at = stop
    return GraphBatch(labels, adjacency)


def single_vertices(labels: UInt64[Array, " g"]) -> GraphBatch:
    """Graphs of one vertex each."""
    return GraphBatch(labels[:, None].copy(), np.zeros((len(labels), 1, 1), dtype=np.int64))
