"""Cells with operations on their edges: NAS-Bench-201's, DARTS's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb, prod
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from archbo.arrays import Array, Int
from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.graphs.batch import GraphBatch, from_edge_operations, label
from archbo.spaces.cells import MOST_NODES, Cell, edge_ends
from archbo.spaces.part import Condition, Decision, listed, plain, shown

_MOST_INPUTS = 8
_MOST_CHOICES = 10_000  # ways to choose the sources of one node: they are one decision's options


class _Node(NamedTuple):
    """A node into which edges go.

    Attributes:
        target: the node.
        at: the column of its first operation; that of its sources is right before, if they differ.
        sources: [options kept] the sources it may have.
    """

    target: int
    at: int
    sources: Int[Array, "o k"]


@dataclass(frozen=True, init=False)
class EdgeCell(Cell):
    """Edges with one operation each; a node sums what arrives.

    Its plain value is a list of (source, target, operation), by target, then source. Node 0 is the
    input, the last node the output, and every two nodes are joined by an edge; or, with `inputs`
    and `keep`, the first nodes are inputs, each inner node keeps so many incoming edges, and the
    output concatenates all inner nodes.
    Source: Dong and Yang 2020 (NAS-Bench-201), section 2.1; Liu, Simonyan and Yang 2019 (DARTS),
    section 2.1.

    Args:
        nodes: how many, the inputs and the output included.
        ops: names of the operations.
        none: the operation that means "no edge"; None if there is none.
        skip: the operation that passes its input on; None if there is none.
        inputs: so many nodes are inputs, such as the outputs of the last two cells.
        keep: each inner node keeps so many edges, from different nodes; all that there are where
            those are fewer. None for all edges, with the last node as the output.

    >>> cell = EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
    >>> a = cell.architecture([(0, 1, "conv"), (0, 2, "none"), (1, 2, "skip_connect")])
    >>> b = cell.architecture([(0, 1, "none"), (0, 2, "conv"), (1, 2, "conv")])
    >>> a.id == b.id
    True
    >>> EdgeCell(nodes=4, ops=["conv", "pool"], inputs=2, keep=2).architecture(
    ...     [(0, 2, "conv"), (1, 2, "pool")]
    ... ).graph.labels
    ('input', 'input_0', 'input_1', 'conv', 'pool', 'sum', 'output')
    """

    nodes: int
    ops: tuple[str, ...]
    none: str | None
    skip: str | None
    inputs: int
    keep: int | None

    def __init__(
        self,
        nodes: int,
        ops: Sequence[str],
        none: str | EllipsisType | None = ...,
        skip: str | EllipsisType | None = ...,
        inputs: int = 1,
        keep: int | None = None,
    ) -> None:
        object.__setattr__(self, "nodes", plain(nodes))
        object.__setattr__(self, "ops", listed(ops))
        for name, given, usual in (("none", none, "none"), ("skip", skip, "skip_connect")):
            default = usual if isinstance(self.ops, tuple) and usual in self.ops else None
            object.__setattr__(self, name, default if given is ... else given)
        object.__setattr__(self, "inputs", plain(inputs))
        object.__setattr__(self, "keep", plain(keep))

    def check(self, path: str) -> None:
        self._check_whole("inputs", 1, _MOST_INPUTS, path)
        if self.keep is not None:
            self._check_whole("keep", 1, MOST_NODES, path)
        elif self.inputs > 1:
            raise SpaceError(
                f"a cell with {self.inputs} inputs needs keep",
                path=path,
                hint="Say how many edges each inner node keeps: keep=2.",
            )
        self._check_whole("nodes", self.inputs + 1 + self.concatenates, MOST_NODES, path)
        self._check_ops(path)
        for name, op in (("none", self.none), ("skip", self.skip)):
            if op is not None and (not isinstance(op, str) or op not in self.ops):
                raise SpaceError(
                    f"{name}={shown(op)} is not among the operations",
                    path=path,
                    hint=nearest(str(op), self.ops),
                )
        if self.none is not None and self.none == self.skip:
            raise SpaceError(
                f"none and skip are both {self.none!r}",
                path=path,
                hint="Set one of them to None.",
            )
        choices = max(comb(t, self._kept(t)) for t in self.targets)
        if choices > _MOST_CHOICES:
            raise SpaceError(
                f"keep={self.keep} leaves one node {choices} choices of sources, "
                f"at most {_MOST_CHOICES} are possible",
                path=path,
                hint="Use fewer nodes, or keep fewer edges.",
            )

    @property
    def concatenates(self) -> bool:
        """Whether the output is the concatenation of the inner nodes, not the last node's sum."""
        return self.keep is not None

    @property
    def targets(self) -> range:
        """The nodes into which edges go."""
        return range(self.inputs, self.nodes - self.concatenates)

    def _kept(self, target: int) -> int:
        return target if self.keep is None else min(self.keep, target)

    @cached_property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of each possible edge, by target, then source."""
        return tuple((s, t) for t in self.targets for s in range(t))

    @cached_property
    def _nodes(self) -> tuple[_Node, ...]:
        found, at = [], 0
        for t in self.targets:
            sources = np.array(list(combinations(range(t), self._kept(t))))
            at += len(sources) > 1
            found.append(_Node(t, at, sources))
            at += self._kept(t)
        return tuple(found)

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:  # noqa: ARG002 - no decision depends on another
        found = []
        for node in self._nodes:
            names = [f"{path}[{s},{node.target}]" for s in node.sources[0]]
            if len(node.sources) > 1:
                whole = f"{path}[{node.target}]"
                found.append(Decision.categorical(f"{whole}.sources", len(node.sources), when))
                names = [f"{whole}.ops[{k}]" for k in range(len(names))]
            found += [Decision.categorical(name, len(self.ops), when) for name in names]
        return found

    def encode(self, value: Any, path: str) -> list[float]:
        if not isinstance(value, (list, tuple)):
            raise ArchitectureError(
                f"expected a list of (source, target, operation), got {shown(value)}", path=path
            )
        found: dict[int, dict[int, float]] = {t: {} for t in self.targets}
        for item in value:
            if not isinstance(item, (list, tuple)) or len(item) != 3:
                raise ArchitectureError(
                    f"expected (source, target, operation), got {shown(item)}", path=path
                )
            op = item[2]
            source, target = edge_ends(item[:2], self.nodes, path)
            if target not in found:
                what = "an input" if target < self.inputs else "the output, which concatenates"
                raise ArchitectureError(f"no edge goes into node {target}: it is {what}", path=path)
            if source in found[target]:
                raise ArchitectureError(f"edge ({source}, {target}) is given twice", path=path)
            found[target][source] = self._operation(op, f"{path}[{source},{target}]")
        return [number for node in self._nodes for number in self._numbers(node, found, path)]

    def _numbers(self, node: _Node, found: dict[int, dict[int, float]], path: str) -> list[float]:
        """A node's columns, from its operations by source."""
        ops = dict(sorted(found[node.target].items()))
        if len(node.sources) > 1:
            if len(ops) != self._kept(node.target):
                raise ArchitectureError(
                    f"the node keeps {self._kept(node.target)} edges, got {len(ops)}",
                    path=f"{path}[{node.target}]",
                )
            choice = (node.sources == list(ops)).all(axis=1).argmax()
            return [float(choice), *ops.values()]
        for source in range(node.target):
            if source not in ops:
                raise ArchitectureError(
                    "this edge is missing",
                    path=f"{path}[{source},{node.target}]",
                    hint=f"Write ({source}, {node.target}, operation).",
                )
        return list(ops.values())

    def decode(self, numbers: Sequence[float]) -> list[tuple[int, int, str]]:
        sources, columns = self._sources(np.array([numbers], dtype=float)), self._columns
        ops = [self.ops[int(numbers[column])] for column in columns]
        targets = self._targets.tolist()
        return list(zip(sources[0].tolist(), targets, ops, strict=True))

    @cached_property
    def _columns(self) -> list[int]:
        """The columns of the operations."""
        return [node.at + k for node in self._nodes for k in range(node.sources.shape[1])]

    @cached_property
    def _targets(self) -> Int[Array, " e"]:
        """Of the kept edges."""
        return np.array([node.target for node in self._nodes for _ in node.sources[0]])

    def _sources(self, values: Array) -> Int[Array, "n e"]:
        """Of the kept edges."""
        found = []
        for node in self._nodes:
            free = len(node.sources) > 1
            choice = values[:, node.at - 1] if free else np.zeros(len(values))
            found.append(node.sources[choice.astype(np.int64)])
        return np.concatenate(found, axis=1)

    def sources(self, column: int) -> list[list[int]]:
        """What a decision about a node's sources chooses from, in the order of its values."""
        return [s for n in self._nodes if n.at - 1 == column for s in n.sources.tolist()]

    def count(self) -> int:
        ways = [len(node.sources) * len(self.ops) ** node.sources.shape[1] for node in self._nodes]
        return prod(ways)

    def graphs(self, values: Array) -> GraphBatch:
        return from_edge_operations(
            self._labels[values[:, self._columns].astype(np.int64)],
            self._sources(values),
            self._targets,
            nodes=self.nodes,
            none=label(self.none) if self.none is not None else 0,
            skip=label(self.skip) if self.skip is not None else 0,
            inputs=self.inputs,
            concatenate=self.concatenates,
        )

    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        starts = [f"input_{k}" for k in range(self.inputs)] if self.inputs > 1 else []
        ops = [self.ops[int(numbers[column])] for column in self._columns]
        sums = ["sum"] * len(self.targets) if self.concatenates else []
        return ["input", *starts, *ops, *sums, "output"]

    def to_dict(self) -> dict[str, Any]:
        form = {
            "kind": "EdgeCell",
            "nodes": self.nodes,
            "ops": list(self.ops),
            "none": self.none,
            "skip": self.skip,
        }
        return form | ({"inputs": self.inputs, "keep": self.keep} if self.concatenates else {})
