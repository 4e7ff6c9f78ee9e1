"""Patterns of hashed labels in words and as small graphs, read from networks that have them."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from archbo.arrays import Array
from archbo.explain.patterns import Kind, Pattern
from archbo.graphs.batch import GraphBatch
from archbo.graphs.labelled import LabelledGraph
from archbo.graphs.wl import colours
from archbo.spaces import CompiledSpace, Rows

_READ = 4  # networks in which a vertex is looked at: what its name has in common there is its label


class Names:
    """The names of one part's vertices.

    Args:
        compiled: the space.
        path: of the part.
        rows: some networks.
        batch: their pruned graphs of that part.
    """

    def __init__(self, compiled: CompiledSpace, path: str, rows: Rows, batch: GraphBatch) -> None:
        self._structure = compiled.structures[path]
        (block,) = [block for block in compiled.blocks if block.path == path]
        self._values, self._active = rows.values[:, block.columns], rows.active[:, block.columns]
        self._batch = batch
        self._name = cache(self._read)

    def describe(self, pattern: Pattern) -> tuple[str, LabelledGraph]:
        """A pattern in words, and as a graph."""
        if pattern.kind is Kind.NEIGHBOURHOOD:
            return self._neighbourhood(pattern.labels[0])
        name, *feeding = map(self._name, pattern.labels)
        often = f"{pattern.least} or more times " if pattern.least > 1 else ""
        if not feeding:
            words = f"{pattern.least} or more {name}" if pattern.least > 1 else name
            return words, _graph([name] * pattern.least, [])
        before = feeding[0]
        if before == "input":
            words = "input straight to the output" if name == "output" else f"{name} on the input"
        elif name == "output":
            words = f"{before} right before the output"
        else:
            words = f"{name} after {before}"
        return often + words, _often(before, name, pattern.least)

    def _neighbourhood(self, colour: int) -> tuple[str, LabelledGraph]:
        g, v = np.argwhere(self._around == np.uint64(colour))[0]
        labels, adjacency = self._batch.labels[g], self._batch.adjacency[g]
        centre = self._name(int(labels[v]))
        before = self._listed(labels, adjacency[:, v])
        behind = self._listed(labels, adjacency[v])
        names = [*before, centre, *behind]
        at = len(before)
        edges = [(k, at) for k in range(at)] + [(at, k) for k in range(at + 1, len(names))]
        words = f"{centre} between {_together(before)} and {_together(behind)}"
        return words, _graph(names, edges)

    @property
    def _around(self) -> Array:
        return colours(self._batch, 1)[1]

    def _listed(self, labels: Array, times: Array) -> list[str]:
        """The names of neighbours, each as often as it is one."""
        return sorted(
            self._name(int(labels[u])) for u in np.flatnonzero(times) for _ in range(times[u])
        )

    def _read(self, label: int) -> str:
        """What is the same in the names of vertices with a label."""
        found = np.argwhere(self._batch.labels == np.uint64(label))
        few = found[np.linspace(0, len(found) - 1, min(_READ, len(found))).astype(np.int64)]
        names = [self._at(int(g), int(v)).split() for g, v in few]
        others = [set(name) for name in names]
        return " ".join(word for word in names[0] if all(word in other for other in others))

    def _at(self, g: int, v: int) -> str:
        values, active = self._values[g], self._active[g]
        whole = self._structure.graphs(values[None], active[None])
        shown = self._structure.labelled(values.tolist(), active.tolist())
        return shown.labels[int(whole.present[0, :v].sum())]


def _together(names: list[str]) -> str:
    """Names in a list, each once.

    >>> _together(["conv", "conv", "pool"])
    '2 conv, pool'
    """
    counted = Counter(names)
    return ", ".join(f"{n} {name}" if n > 1 else name for name, n in counted.items())


def _often(before: str, name: str, times: int) -> LabelledGraph:
    """One operation after another so many times; the input and the output are there only once."""
    sources = 1 if before == "input" else times
    targets = 1 if name == "output" else times
    edges = [(k % sources, sources + k % targets) for k in range(max(sources, targets))]
    return _graph([before] * sources + [name] * targets, edges)


def _graph(names: list[str], edges: list[tuple[int, int]]) -> LabelledGraph:
    return LabelledGraph(
        tuple(names),
        tuple((s, t, 1) for s, t in edges),
        (True,) * len(names),
        ("",) * len(names),
    )
