"""Many labelled graphs in little memory, any of them a batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archbo.arrays import Array, Int, UInt64
from archbo.graphs.batch import GraphBatch


@dataclass(frozen=True, eq=False)
class PackedGraphs:
    """Graphs as `read_graph` gives them: topological order, one input, one output.

    Attributes:
        codes: [n] the operations of all vertices, graph after graph, as positions in a list.
        edges: [m 2] source and target, graph after graph.
        vertices, links: [g + 1] where each graph's codes and edges begin, and where the last ends.
    """

    codes: Int[Array, " n"]
    edges: Int[Array, "m 2"]
    vertices: Int[Array, " g1"]
    links: Int[Array, " g1"]

    @classmethod
    def of(cls, graphs: Sequence[tuple[Iterable[int], Sequence[tuple[int, int]]]]) -> PackedGraphs:
        """From the codes and edges of each graph."""
        codes = [np.array(codes) for codes, _ in graphs]
        edges = [np.array(edges).reshape(-1, 2) for _, edges in graphs]
        return cls(
            _small(np.concatenate(codes)),
            _small(np.concatenate(edges)),
            np.cumsum([0, *map(len, codes)]),
            np.cumsum([0, *map(len, edges)]),
        )

    def __len__(self) -> int:
        return len(self.vertices) - 1

    @cached_property
    def width(self) -> int:
        """How many vertices the largest graph has."""
        return int(np.diff(self.vertices).max())

    def batch(self, which: Int[Array, " n"], hashes: UInt64[Array, " c"]) -> GraphBatch:
        """The graphs at these positions; `hashes` are the labels by code."""
        labels = np.zeros((len(which), self.width), dtype=np.uint64)
        adjacency = np.zeros((len(which), self.width, self.width), dtype=np.int64)
        last = np.diff(self.vertices)[which] - 1
        row, place, at = _ragged(self.vertices, which)
        labels[row, self._column(place, last[row])] = hashes[self.codes[at]]
        row, _, at = _ragged(self.links, which)
        ends = self.edges[at].astype(np.int64)
        adjacency[row, ends[:, 0], self._column(ends[:, 1], last[row])] = 1
        return GraphBatch(labels, adjacency)

    def _column(self, place: Array, last: Array) -> Array:
        """Where a vertex stands in a batch: the output is always the last column."""
        return np.where(place == last, self.width - 1, place)

    def one(self, k: int) -> tuple[list[int], list[tuple[int, int]]]:
        """The codes and edges of one graph."""
        codes = self.codes[self.vertices[k] : self.vertices[k + 1]]
        edges = self.edges[self.links[k] : self.links[k + 1]]
        return codes.tolist(), [(s, t) for s, t in edges.tolist()]

    def content(self) -> bytes:
        """Equal bytes for equal graphs in equal order."""
        arrays = (self.codes, self.edges, self.vertices, self.links)
        return b"".join(array.astype("<i8").tobytes() for array in arrays)


def _small(numbers: Array) -> Array:
    """In the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _ragged(starts: Array, which: Array) -> tuple[Array, Array, Array]:
    """All items of some groups: the row of each in `which`, its place in the group, where it is."""
    counts = starts[which + 1] - starts[which]
    row = np.repeat(np.arange(len(which)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, place, starts[which][row] + place
