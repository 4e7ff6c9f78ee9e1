"""Cells: small graphs of operations; those with operations on their nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from math import comb
from typing import Any

import numpy as np

from archbo.arrays import Array, Rng, UInt64
from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.graphs.batch import INPUT, OUTPUT, GraphBatch, label
from archbo.graphs.canonical import canonical_bytes
from archbo.graphs.wl import fingerprints
from archbo.spaces.part import (
    INACTIVE,
    Condition,
    Decision,
    Part,
    is_whole,
    listed,
    plain,
    shown,
)

MOST_NODES = 64
"""With more nodes, the ways through a cell of skips no longer fit into 64 bits."""


class Cell(Part):
    """A part that is a graph by itself; its id is the canonical form of that graph."""

    ops: tuple[str, ...]

    @abstractmethod
    def graphs(self, values: Array) -> GraphBatch:
        """The graphs of rows [n w] of its numbers, dead vertices included."""

    def forms(self, values: Array) -> list[bytes]:
        """The canonical forms of the graphs of rows [n w], dead vertices removed."""
        return canonical_bytes(self.graphs(values).pruned())

    def fingerprints(self, values: Array) -> UInt64[Array, " n"]:
        """A number for the graph of each row, dead vertices removed: see `fingerprints`."""
        return fingerprints(self.graphs(values).pruned())

    @abstractmethod
    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        """What stands on each vertex of `graphs`, for people."""

    @cached_property
    def _labels(self) -> Array:
        return np.array([label(op) for op in self.ops], dtype=np.uint64)

    def _check_whole(self, name: str, least: int, most: int, path: str) -> None:
        value = getattr(self, name)
        if not is_whole(value) or not least <= value <= most:
            raise SpaceError(
                f"{name} must be a whole number from {least} to {most}, got {shown(value)}",
                path=path,
            )

    def _check_ops(self, path: str) -> None:
        if not isinstance(self.ops, tuple) or not self.ops:
            raise SpaceError(
                f"a cell needs a list of operations, got {shown(self.ops)}",
                path=path,
                hint='Write ops=["conv_3x3", …].',
            )
        seen: set[str] = set()
        for op in self.ops:
            if not isinstance(op, str):
                raise SpaceError(f"an operation is a name, got {shown(op)}", path=path)
            if op in seen:
                raise SpaceError(f"duplicate operation {op!r}", path=path)
            seen.add(op)

    def _operation(self, op: Any, path: str) -> float:
        if not isinstance(op, str) or op not in self.ops:
            raise ArchitectureError(
                f"no operation {shown(op)}", path=path, hint=nearest(str(op), self.ops)
            )
        return float(self.ops.index(op))


def edge_ends(edge: Sequence[Any], nodes: int, path: str) -> tuple[int, int]:
    """The source and target of an edge, checked."""
    source, target = map(plain, edge)
    if not (is_whole(source) and is_whole(target) and 0 <= source < target < nodes):
        raise ArchitectureError(
            f"no edge from {shown(source)} to {shown(target)}",
            path=path,
            hint=f"Edges go from a lower node to a higher one of 0 to {nodes - 1}.",
        )
    return source, target


@dataclass(frozen=True, init=False)
class NodeCell(Cell):
    """A graph with one operation on each inner node and free edges.

    Its plain value is `{"ops": [...], "edges": [(source, target), ...]}`: the operations of the
    inner nodes; node 0 is the input, the last one the output. Only cells in which a path leads from
    the input to the output are members. Parts that no such path passes count for nothing in the id.
    Source: Ying et al. 2019 (NAS-Bench-101), section 2.1.

    Args:
        max_nodes: at most so many nodes, the input and the output included.
        max_edges: at most so many edges.
        ops: names of the operations.

    >>> cell = NodeCell(max_nodes=4, max_edges=4, ops=["conv", "pool"])
    >>> a = cell.architecture({"ops": ["conv", "pool"], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]})
    >>> b = cell.architecture({"ops": ["pool", "conv"], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]})
    >>> a.id == b.id
    True
    """

    max_nodes: int
    max_edges: int
    ops: tuple[str, ...]

    def __init__(self, max_nodes: int, max_edges: int, ops: Sequence[str]) -> None:
        object.__setattr__(self, "max_nodes", plain(max_nodes))
        object.__setattr__(self, "max_edges", plain(max_edges))
        object.__setattr__(self, "ops", listed(ops))

    def check(self, path: str) -> None:
        self._check_whole("max_nodes", 2, MOST_NODES, path)
        self._check_whole("max_edges", 1, comb(MOST_NODES, 2), path)
        self._check_ops(path)

    @property
    def _inner(self) -> int:
        """How many inner nodes the largest cell has."""
        return self.max_nodes - 2

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of each possible edge; the output is always the last slot."""
        return tuple((s, t) for t in range(1, self.max_nodes) for s in range(t))

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        last = self.max_nodes - 1
        most = self.max_nodes
        found = [Decision.integer(f"{path}.nodes", 2, most, when, most)]
        exists = {v: Condition(at, v + 2.0, float(most)) for v in range(1, last)}
        for v in range(1, last):
            found.append(Decision.categorical(f"{path}.ops[{v}]", len(self.ops), exists[v]))
        for s, t in self.pairs:
            inner = s if t == last else t
            name, default = f"{path}.edges[{s},{t}]", float((s, t) == (0, last))
            found.append(Decision.categorical(name, 2, exists.get(inner, when), default))
        return found

    def encode(self, value: Any, path: str) -> list[float]:
        if not isinstance(value, Mapping) or set(value) != {"ops", "edges"}:
            raise ArchitectureError(
                f'expected {{"ops": […], "edges": [(0, 1), …]}}, got {shown(value)}', path=path
            )
        ops, edges = value["ops"], value["edges"]
        for name, given in (("ops", ops), ("edges", edges)):
            if not isinstance(given, (list, tuple)):
                raise ArchitectureError(
                    f"expected a list, got {shown(given)}", path=f"{path}.{name}"
                )
        nodes = len(ops) + 2
        if nodes > self.max_nodes:
            raise ArchitectureError(
                f"at most {self._inner} inner nodes, got {len(ops)}", path=f"{path}.ops"
            )
        if len(edges) > self.max_edges:
            raise ArchitectureError(
                f"at most {self.max_edges} edges, got {len(edges)}", path=f"{path}.edges"
            )
        chosen = [self._operation(op, f"{path}.ops[{v}]") for v, op in enumerate(ops, 1)]
        taken: set[tuple[int, int]] = set()
        for edge in edges:
            if not isinstance(edge, (list, tuple)) or len(edge) != 2:
                raise ArchitectureError(
                    f"expected (source, target), got {shown(edge)}", path=f"{path}.edges"
                )
            source, target = edge_ends(edge, nodes, f"{path}.edges")
            slots = (source, self.max_nodes - 1 if target == nodes - 1 else target)
            if slots in taken:
                raise ArchitectureError(
                    f"edge ({source}, {target}) is given twice", path=f"{path}.edges"
                )
            taken.add(slots)
        numbers = [float(nodes), *chosen, *[INACTIVE] * (self._inner - len(ops))]
        for s, t in self.pairs:
            inner = s if t == self.max_nodes - 1 else t
            numbers.append(float((s, t) in taken) if inner <= len(ops) else INACTIVE)
        reached = {0}
        for s, t in sorted(taken):
            if s in reached:
                reached.add(t)
        if self.max_nodes - 1 not in reached:
            raise ArchitectureError(
                "no path leads from the input to the output",
                path=path,
                hint=f"Node 0 is the input, node {nodes - 1} the output.",
            )
        return numbers

    def decode(self, numbers: Sequence[float]) -> dict[str, list[Any]]:
        nodes = int(numbers[0])
        ops = [self.ops[int(k)] for k in numbers[1 : nodes - 1]]
        edges = []
        for (s, t), taken in zip(self.pairs, numbers[1 + self._inner :], strict=True):
            output = t == self.max_nodes - 1
            if (s if output else t) <= len(ops) and taken:
                edges.append((s, nodes - 1 if output else t))
        return {"ops": ops, "edges": sorted(edges, key=lambda edge: (edge[1], edge[0]))}

    def count(self) -> int:
        """Counted node by node: how many are reachable from the input so far, and how many not.

        Of (reachable, unreachable) the ways to get there are a polynomial in q = 1 + x, where x^e
        stands for e edges: a free edge is a factor q, and of r edges at least one is q^r - 1.
        """
        total = 0
        ways: dict[tuple[int, int], list[int]] = {(1, 0): [1]}  # the coefficients of 1, q, q^2, …
        within = self._within_limit
        for inner in range(self.max_nodes - 1):
            new: dict[tuple[int, int], list[int]] = {}
            for (r, u), counts in ways.items():
                free = [0] * u + counts
                joined = [b - a for a, b in zip_longest(free, [0] * r + free, fillvalue=0)]
                closed = sum(c * n for c, n in zip(joined, within, strict=False) if c)
                total += closed * len(self.ops) ** inner  # the output closes it
                for key, more in (((r + 1, u), joined), ((r, u + 1), free)):
                    old = new.get(key, [])
                    new[key] = [a + b for a, b in zip_longest(old, more, fillvalue=0)]
            ways = new
        return total

    @cached_property
    def _within_limit(self) -> list[int]:
        """In how many ways so many free edges are there or not, at most `max_edges` of them."""
        found = [1]
        for free in range(len(self.pairs)):
            # as many again with one edge more, but for those that have as many as is allowed
            found.append(2 * found[-1] - comb(free, self.max_edges))
        return found

    def valid(self, values: Array) -> Array:
        edges = values[:, 1 + self._inner :] > 0
        reached = np.zeros((len(values), self.max_nodes), dtype=bool)
        reached[:, 0] = True
        for e, (s, t) in enumerate(self.pairs):
            reached[:, t] |= reached[:, s] & edges[:, e]
        return reached[:, -1] & (edges.sum(axis=1) <= self.max_edges)

    def draw(self, rng: Rng, count: int) -> Array:
        """Larger cells are likelier, there are more of them; about as many edges as allowed."""
        sizes = np.arange(2, self.max_nodes + 1)
        weights = 2.0**sizes
        nodes = rng.choice(sizes, size=count, p=weights / weights.sum())
        ops = rng.integers(len(self.ops), size=(count, self._inner))
        possible = nodes * (nodes - 1) / 2
        density = np.minimum(0.5, 0.8 * self.max_edges / possible)
        edges = rng.random((count, len(self.pairs))) < density[:, None]
        return np.column_stack([nodes, ops, edges]).astype(float)

    def graphs(self, values: Array) -> GraphBatch:
        count, last = len(values), self.max_nodes - 1
        inner = np.arange(1, last)
        labels = np.zeros((count, self.max_nodes), dtype=np.uint64)
        labels[:, 0], labels[:, -1] = INPUT, OUTPUT
        ops = self._labels[values[:, 1 : 1 + self._inner].astype(np.int64)]
        labels[:, 1:-1] = np.where(inner + 2 <= values[:, :1], ops, np.uint64(0))
        adjacency = np.zeros((count, self.max_nodes, self.max_nodes), dtype=np.int64)
        sources, targets = np.array(self.pairs).T
        adjacency[:, sources, targets] = values[:, 1 + self._inner :]
        return GraphBatch(labels, adjacency)

    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        return ["input", *(self.ops[int(k)] for k in numbers[1 : 1 + self._inner]), "output"]

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "NodeCell",
            "max_nodes": self.max_nodes,
            "max_edges": self.max_edges,
            "ops": list(self.ops),
        }
