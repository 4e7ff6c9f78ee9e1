"""Cells: small graphs of operations, on their edges or on their nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from types import EllipsisType
from typing import Any

import numpy as np

from archbo.arrays import Array, Rng
from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.graphs.batch import INPUT, OUTPUT, GraphBatch, from_edge_operations, label
from archbo.spaces.part import INACTIVE, Condition, Decision, Kind, Part


class Cell(Part):
    """A part that is a graph by itself; its id is the canonical form of that graph."""

    ops: tuple[str, ...]

    @abstractmethod
    def graphs(self, values: Array) -> GraphBatch:
        """The graphs of rows [n w] of its numbers, dead vertices included."""

    @abstractmethod
    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        """What stands on each vertex of `graphs`, for people."""

    @cached_property
    def _labels(self) -> Array:
        return np.array([label(op) for op in self.ops], dtype=np.uint64)

    def _check_ops(self, path: str) -> None:
        if not self.ops:
            raise SpaceError("a cell needs at least one operation, got none", path=path)
        for k, op in enumerate(self.ops):
            if not isinstance(op, str):
                raise SpaceError(f"an operation is a name, got {op!r}", path=path)
            if op in self.ops[:k]:
                raise SpaceError(f"duplicate operation {op!r}", path=path)

    def _operation(self, op: Any, path: str) -> float:
        if op not in self.ops:
            raise ArchitectureError(
                f"no operation {op!r}", path=path, hint=nearest(str(op), self.ops)
            )
        return float(self.ops.index(op))


@dataclass(frozen=True, init=False)
class EdgeCell(Cell):
    """Every two nodes are joined by an edge with one operation; a node sums what arrives.

    Its plain value is a list of (source, target, operation), by target, then source. Node 0 is the
    input, the last node the output.
    Source: Dong and Yang 2020 (NAS-Bench-201), section 2.1.

    Args:
        nodes: how many, the input and the output included.
        ops: names of the operations.
        none: the operation that means "no edge"; None if there is none.
        skip: the operation that passes its input on; None if there is none.

    >>> cell = EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
    >>> a = cell.architecture([(0, 1, "conv"), (0, 2, "none"), (1, 2, "skip_connect")])
    >>> b = cell.architecture([(0, 1, "none"), (0, 2, "conv"), (1, 2, "conv")])
    >>> a.id == b.id
    True
    """

    nodes: int
    ops: tuple[str, ...]
    none: str | None
    skip: str | None

    def __init__(
        self,
        nodes: int,
        ops: Sequence[str],
        none: str | EllipsisType | None = ...,
        skip: str | EllipsisType | None = ...,
    ) -> None:
        ops = tuple(ops)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "ops", ops)
        for name, given, usual in (("none", none, "none"), ("skip", skip, "skip_connect")):
            default = usual if usual in ops else None
            object.__setattr__(self, name, default if given is ... else given)

    def check(self, path: str) -> None:
        if not isinstance(self.nodes, int) or isinstance(self.nodes, bool) or self.nodes < 2:
            raise SpaceError(f"nodes must be a whole number from 2, got {self.nodes!r}", path=path)
        self._check_ops(path)
        for name, op in (("none", self.none), ("skip", self.skip)):
            if op is not None and op not in self.ops:
                raise SpaceError(
                    f"{name}={op!r} is not among the operations",
                    path=path,
                    hint=nearest(str(op), self.ops),
                )
        if self.none is not None and self.none == self.skip:
            raise SpaceError(f"none and skip are both {self.none!r}", path=path)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of each edge, by target, then source."""
        return tuple((s, t) for t in range(1, self.nodes) for s in range(t))

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        high = len(self.ops) - 1
        return [
            Decision(f"{path}[{s},{t}]", Kind.CATEGORICAL, 0, high, False, 0, when)
            for s, t in self.edges
        ]

    def encode(self, value: Any, path: str) -> list[float]:
        if not isinstance(value, (list, tuple)):
            raise ArchitectureError(
                f"expected a list of (source, target, operation), got {value!r}", path=path
            )
        found: dict[tuple[int, int], float] = {}
        for item in value:
            if not isinstance(item, (list, tuple)) or len(item) != 3:
                raise ArchitectureError(
                    f"expected (source, target, operation), got {item!r}", path=path
                )
            source, target, op = item
            if (source, target) not in self.edges:
                raise ArchitectureError(
                    f"no edge from {source!r} to {target!r}",
                    path=path,
                    hint=f"Edges go from a lower node to a higher one of 0 to {self.nodes - 1}.",
                )
            if (source, target) in found:
                raise ArchitectureError(f"edge ({source}, {target}) is given twice", path=path)
            found[source, target] = self._operation(op, f"{path}[{source},{target}]")
        for source, target in self.edges:
            if (source, target) not in found:
                raise ArchitectureError("this edge is missing", path=f"{path}[{source},{target}]")
        return [found[edge] for edge in self.edges]

    def decode(self, numbers: Sequence[float]) -> list[tuple[int, int, str]]:
        return [(s, t, self.ops[int(k)]) for (s, t), k in zip(self.edges, numbers, strict=True)]

    @property
    def size(self) -> int:
        return len(self.ops) ** len(self.edges)

    def graphs(self, values: Array) -> GraphBatch:
        sources, targets = np.array(self.edges).T
        return from_edge_operations(
            self._labels[values.astype(np.int64)],
            sources,
            targets,
            nodes=self.nodes,
            none=label(self.none) if self.none is not None else 0,
            skip=label(self.skip) if self.skip is not None else 0,
        )

    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        return ["input", *(self.ops[int(k)] for k in numbers), "output"]

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": "EdgeCell",
            "nodes": self.nodes,
            "ops": list(self.ops),
            "none": self.none,
            "skip": self.skip,
        }


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
    """

    max_nodes: int
    max_edges: int
    ops: tuple[str, ...]

    def __init__(self, max_nodes: int, max_edges: int, ops: Sequence[str]) -> None:
        object.__setattr__(self, "max_nodes", max_nodes)
        object.__setattr__(self, "max_edges", max_edges)
        object.__setattr__(self, "ops", tuple(ops))

    def check(self, path: str) -> None:
        for name, least in (("max_nodes", 2), ("max_edges", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise SpaceError(
                    f"{name} must be a whole number from {least}, got {value!r}", path=path
                )
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
        found = [
            Decision(f"{path}.nodes", Kind.INTEGER, 2, self.max_nodes, False, self.max_nodes, when)
        ]
        exists = {v: Condition(at, v + 2, self.max_nodes) for v in range(1, last)}
        for v in range(1, last):
            high = len(self.ops) - 1
            found.append(
                Decision(f"{path}.ops[{v}]", Kind.CATEGORICAL, 0, high, False, 0, exists[v])
            )
        for s, t in self.pairs:
            inner = s if t == last else t
            default = float((s, t) == (0, last))
            condition = exists.get(inner, when)
            found.append(
                Decision(
                    f"{path}.edges[{s},{t}]", Kind.CATEGORICAL, 0, 1, False, default, condition
                )
            )
        return found

    def encode(self, value: Any, path: str) -> list[float]:
        if not isinstance(value, Mapping) or set(value) != {"ops", "edges"}:
            raise ArchitectureError(
                f'expected {{"ops": […], "edges": [(source, target), …]}}, got {value!r}', path=path
            )
        ops, edges = list(value["ops"]), [tuple(edge) for edge in value["edges"]]
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
            if len(edge) != 2 or not all(isinstance(v, int) for v in edge):
                raise ArchitectureError(
                    f"expected (source, target), got {edge!r}", path=f"{path}.edges"
                )
            source, target = edge
            if not 0 <= source < target < nodes:
                raise ArchitectureError(
                    f"no edge from {source} to {target}",
                    path=f"{path}.edges",
                    hint=f"Edges go from a lower node to a higher one of 0 to {nodes - 1}.",
                )
            slots = (source, self.max_nodes - 1 if target == nodes - 1 else target)
            if slots in taken:
                raise ArchitectureError(f"edge {edge} is given twice", path=f"{path}.edges")
            taken.add(slots)
        numbers = [float(nodes), *chosen, *[INACTIVE] * (self._inner - len(ops))]
        for s, t in self.pairs:
            inner = s if t == self.max_nodes - 1 else t
            numbers.append(float((s, t) in taken) if inner <= len(ops) else INACTIVE)
        if not self.valid(np.nan_to_num(np.array([numbers])))[0]:
            raise ArchitectureError("no path leads from the input to the output", path=path)
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

    @property
    def size(self) -> int:
        """Counted node by node: how many are reachable from the input so far, and how many not."""
        total = 0
        ways = {(1, 0): [1]}  # (reachable, unreachable): number of ways by number of edges
        for inner in range(self.max_nodes - 1):
            for (r, u), counts in ways.items():
                total += sum(self._join(counts, r, u, reached=True)) * len(self.ops) ** inner
            new: dict[tuple[int, int], list[int]] = {}
            for (r, u), counts in ways.items():
                for reached in (True, False):
                    key = (r + reached, u + (not reached))
                    old = new.get(key, [0] * (self.max_edges + 1))
                    added = self._join(counts, r, u, reached=reached)
                    new[key] = [a + b for a, b in zip(old, added, strict=True)]
            ways = new
        return total

    def _join(self, counts: list[int], r: int, u: int, *, reached: bool) -> list[int]:
        """Ways by number of edges after one more node, with or without an edge from the r."""
        result = [0] * (self.max_edges + 1)
        for edges, count in enumerate(counts):
            for a in range(1, r + 1) if reached else (0,):
                for b in range(u + 1):
                    if edges + a + b <= self.max_edges:
                        result[edges + a + b] += count * comb(r, a) * comb(u, b)
        return result

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
