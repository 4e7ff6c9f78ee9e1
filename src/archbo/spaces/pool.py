"""A pool: exactly the graphs that are given, chosen by their position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from archbo.arrays import Array, Float, Int, UInt64, stream
from archbo.errors import ArchitectureError, SpaceError
from archbo.graphs.batch import GraphBatch, label
from archbo.graphs.canonical import canonical_bytes
from archbo.graphs.packed import PackedGraphs
from archbo.graphs.reading import INPUT_NAME, OUTPUT_NAME, line, read_graph
from archbo.graphs.wl import colours, fingerprints
from archbo.spaces.cells import Cell
from archbo.spaces.part import Condition, Decision, is_finite, is_whole, listed, plain, shown

MOST_VERTICES = 4096
"""Of one graph: a matrix of so many rows takes 128 MB."""

_ROUNDS = 2  # of refinement, for the distances between members
_AT_ONCE = 2**21  # entries of adjacency matrices that are in memory when all members are looked at


@dataclass(frozen=True, init=False, eq=False)
class Pool(Cell):
    """Exactly these labelled directed acyclic graphs; a member's plain value is its position.

    A graph is a networkx DiGraph whose vertices hold their operation as an attribute, or a pair
    (operations, edges) with edges between positions of the operations. A search sees the graphs and
    the features, never the position.

    A graph begins at its vertex "input" and ends at its vertex "output"; what no path between them
    passes counts for nothing in the id. Where it has no input, or several, one is joined before all
    that nothing feeds; and so at its end. Isomorphic members are allowed, and have the same id.

    Args:
        graphs: at least one.
        features: numbers known of the members, by name, each a list with one for each graph.
        attribute: of a DiGraph's vertices.
        labels: names of the operations, where the pairs give these by their positions.

    Raises:
        SpaceError: if a graph has a cycle or a vertex without an operation, or a feature has not
            one finite number for each graph; naming it.

    >>> chain = (["input", "conv", "output"], [(0, 1), (1, 2)])
    >>> pool = Pool([chain, (["conv", "pool"], [])], features={"params": [120, 80]})
    >>> str(pool.architecture(0).graph)
    'input → conv → output'
    >>> pool.features(pool.architecture(1))["params"]
    80.0
    """

    ops: tuple[str, ...]
    packed: PackedGraphs
    columns: dict[str, Array]

    def __init__(
        self,
        graphs: Iterable[Any],
        features: Mapping[str, Sequence[float]] | None = None,
        *,
        attribute: str = "op",
        labels: Sequence[str] | None = None,
    ) -> None:
        if isinstance(graphs, (str, bytes, Mapping)) or not isinstance(graphs, Iterable):
            raise SpaceError(f"a pool needs a list of graphs, got {shown(graphs)}", path="pool")
        if labels is not None and not isinstance(listed(labels), tuple):
            raise SpaceError(f"labels are a list, got {shown(labels)}", path="pool")
        read = [
            read_graph(graph, f"pool.graphs[{i}]", attribute=attribute, labels=labels)
            for i, graph in enumerate(graphs)
        ]
        if not read:
            raise SpaceError("a pool needs at least one graph, got none", path="pool")
        ends = (INPUT_NAME, OUTPUT_NAME)
        used = sorted({op for ops, _ in read for op in ops}.difference(ends))
        codes = {op: k for k, op in enumerate((*ends, *used))}
        for i, (ops, _) in enumerate(read):
            if len(ops) > MOST_VERTICES:
                raise SpaceError(
                    f"the graph has {len(ops)} vertices, at most {MOST_VERTICES} are possible",
                    path=f"pool.graphs[{i}]",
                )
        packed = PackedGraphs.of([([codes[op] for op in ops], edges) for ops, edges in read])
        object.__setattr__(self, "ops", tuple(used))
        object.__setattr__(self, "packed", packed)
        object.__setattr__(self, "columns", _checked(features or {}, len(packed)))

    def check(self, path: str) -> None:
        """All was checked when it was made."""

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:  # noqa: ARG002 - one decision, nothing depends on it
        return [Decision.categorical(path, len(self.packed), when, near=self.near)]

    def encode(self, value: Any, path: str) -> list[float]:
        position, last = plain(value), len(self.packed) - 1
        if not is_whole(position) or not 0 <= position <= last:
            raise ArchitectureError(
                f"expected a position, 0 to {last}, got {shown(value)}", path=path
            )
        return [float(position)]

    def decode(self, numbers: Sequence[float]) -> int:
        return int(numbers[0])

    def count(self) -> int:
        return len(self.packed)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of vertices, in the order of their codes."""
        return (INPUT_NAME, OUTPUT_NAME, *self.ops)

    @cached_property
    def _hashes(self) -> Array:
        return np.array([label(name) for name in self.labels], dtype=np.uint64)

    def graphs(self, values: Array) -> GraphBatch:
        return self.packed.batch(_positions(values), self._hashes)

    def forms(self, values: Array) -> list[bytes]:
        return [self._forms[k] for k in _positions(values).tolist()]

    @cached_property
    def _forms(self) -> list[bytes]:
        return [form for batch in self._batches() for form in canonical_bytes(batch)]

    def fingerprints(self, values: Array) -> UInt64[Array, " n"]:
        return self._fingerprints[_positions(values)]

    @cached_property
    def _fingerprints(self) -> UInt64[Array, " g"]:
        return np.concatenate([fingerprints(batch) for batch in self._batches()])

    def _batches(self) -> Iterator[GraphBatch]:
        """All members without dead vertices, in batches of bounded size."""
        step = max(1, _AT_ONCE // self.packed.width**2)
        for start in range(0, len(self.packed), step):
            which = np.arange(start, min(start + step, len(self.packed)))
            yield self.packed.batch(which, self._hashes).pruned()

    def known(self, values: Array) -> dict[str, Float[Array, " n"]]:
        positions = _positions(values)
        return {name: column[positions] for name, column in self.columns.items()}

    def near(self, position: int) -> Int[Array, " k"]:
        """The positions of those with the nearest other networks, by their counts of colours."""
        return self._neighbourhoods.of(position)

    @cached_property
    def _neighbourhoods(self) -> _Neighbourhoods:
        seen = [np.concatenate(colours(batch, _ROUNDS), axis=1) for batch in self._batches()]
        return _Neighbourhoods.among(self._forms, np.concatenate(seen))

    def vertex_names(self, numbers: Sequence[float]) -> list[str]:
        codes, _ = self.packed.one(int(numbers[0]))
        names = [self.labels[code] for code in codes]
        return [*names[:-1], *[""] * (self.packed.width - len(names)), names[-1]]

    def to_dict(self) -> dict[str, Any]:
        graphs = [line(*self.packed.one(k)) for k in range(len(self.packed))]
        form = {"kind": "Pool", "labels": list(self.labels), "graphs": graphs}
        features = {name: column.tolist() for name, column in self.columns.items()}
        return form | ({"features": features} if features else {})

    @cached_property
    def _content(self) -> bytes:
        """Equal for equal pools; differs for others but for a chance of 2^-128."""
        digest = blake2b("\0".join([*self.ops, "", *self.columns]).encode(), digest_size=16)
        digest.update(self.packed.content())
        for column in self.columns.values():
            digest.update(column.tobytes())
        return digest.digest()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Pool):
            return self is other or self._content == other._content
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        features = f", features={list(self.columns)}" if self.columns else ""
        return f"Pool({len(self.packed)} graphs{features})"


class _Neighbourhoods(NamedTuple):
    """Which networks are near each other, and which members each of them has.

    Attributes:
        network: [m] of each member.
        members, first: [m] positions, sorted by network; [n + 1] where each network's begin.
        others, start: [p] near networks, by network; [n + 1] where each network's begin.
    """

    network: Array
    members: Array
    first: Array
    others: Array
    start: Array

    @classmethod
    def among(cls, forms: Sequence[bytes], multisets: Array) -> _Neighbourhoods:
        """Of members by their canonical forms and the colours of their graphs."""
        places = {form: k for k, form in enumerate(dict.fromkeys(forms))}
        network = np.array([places[form] for form in forms])
        members = np.argsort(network, kind="stable")
        bounds = np.arange(len(places) + 1)
        first = np.searchsorted(network[members], bounds)
        from archbo.graphs.nearest import near_pairs  # brings SciPy

        pairs = near_pairs(multisets[members[first[:-1]]], stream(0, "neighbourhoods"))
        return cls(network, members, first, pairs[:, 1], np.searchsorted(pairs[:, 0], bounds))

    def of(self, position: int) -> Array:
        """The members of the networks near this member's."""
        k = self.network[position]
        near = self.others[self.start[k] : self.start[k + 1]]
        found = [self.members[self.first[n] : self.first[n + 1]] for n in near]
        return np.concatenate([self.members[:0], *found])


def _positions(values: Array) -> Array:
    return values[:, 0].astype(np.int64)


def _checked(features: Any, count: int) -> dict[str, Array]:
    """The columns of numbers.

    Raises:
        SpaceError: if one has not one finite number for each graph.
    """
    if not isinstance(features, Mapping):
        raise SpaceError(
            f"expected {{name: a number for each graph}}, got {shown(features)}",
            path="pool.features",
        )
    columns = {}
    for name, given in features.items():
        path = f"pool.features.{name}"
        column = listed(given)
        if not isinstance(name, str) or not isinstance(column, tuple):
            raise SpaceError(f"expected a list of numbers, got {shown(given)}", path=path)
        if len(column) != count:
            raise SpaceError(f"expected {count} numbers, got {len(column)}", path=path)
        for k, number in enumerate(column):
            if not is_finite(number):
                raise SpaceError(
                    f"expected a finite number, got {shown(number)}",
                    path=f"{path}[{k}]",
                    hint="Leave the feature out, or fill its gaps.",
                )
        columns[name] = np.array(column, dtype=float)
    return columns
