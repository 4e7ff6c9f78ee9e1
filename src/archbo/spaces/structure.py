"""The graph of a cell or chain: what stands inside a chain becomes vertices of one graph."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from archbo.arrays import Array, Bool, Float, UInt64
from archbo.errors import SpaceError
from archbo.graphs.batch import (
    ABSENT,
    INPUT,
    OUTPUT,
    GraphBatch,
    alive_vertices,
    in_series,
    label,
    single_vertices,
)
from archbo.graphs.labelled import LabelledGraph
from archbo.graphs.views import GraphView, Remembered, view, view_of_chains
from archbo.graphs.wl import mix
from archbo.spaces.cells import Cell
from archbo.spaces.decisions import Bool as BoolPart
from archbo.spaces.decisions import Choice
from archbo.spaces.numbers import Int
from archbo.spaces.part import Part
from archbo.spaces.space import Chain

MOST_VERTICES = 4096
"""Of the graph of a chain: a matrix of so many rows takes 128 MB."""

_FEW = 16
"""An integer with more values than this is a size, not a kind, and labels no vertex."""


class Structure:
    """The graph view of one cell or chain.

    A chain's layers follow each other; a layer without cells is one vertex, labelled by its
    choices, booleans and small integers; a layer with cells is a vertex for its other decisions,
    if it has any, then its cells.
    """

    def __init__(self, part: Part) -> None:
        self.part = part

    def graphs(self, values: Float[Array, "n w"], active: Bool[Array, "n w"]) -> GraphBatch:
        """The graphs of rows of the part's numbers, dead vertices included."""
        if isinstance(self.part, Cell):
            return self.part.graphs(values)
        return _chain(self.part, values, active)

    def view(self, values: Float[Array, "n w"], active: Bool[Array, "n w"]) -> GraphView:
        """What is encoded of the graphs of rows of the part's numbers, dead vertices removed."""
        if isinstance(self.part, Cell):
            return GraphView(*self._remembered(values))
        if _has_cells(self.part):
            return view(self.graphs(values, active).pruned())
        return view_of_chains(_labels_of_chain(self.part, values, active))

    @cached_property
    def _remembered(self) -> Remembered:
        def seen(values: Array) -> tuple[Array, ...]:
            found = view(self.graphs(values, np.ones(values.shape, dtype=bool)).pruned())
            return found.colours, found.shape

        return Remembered(seen)

    def labelled(self, numbers: Sequence[float], active: Sequence[bool]) -> LabelledGraph:
        """One graph for people; `none` edges are left out, dead vertices marked."""
        values = np.array([numbers], dtype=float)
        batch = self.graphs(values, np.array([active], dtype=bool))
        names = _names(self.part, list(numbers))
        alive = alive_vertices(batch)[0]
        shown = np.flatnonzero(batch.present[0])
        place = {int(v): i for i, v in enumerate(shown)}
        matrix = batch.adjacency[0]
        return LabelledGraph(
            labels=tuple(names[v] for v in shown),
            edges=tuple(
                (place[int(s)], place[int(t)], int(matrix[s, t]))
                for s, t in np.argwhere(matrix > 0)
            ),
            alive=tuple(bool(alive[v]) or names[v] in ("input", "output") for v in shown),
            group=("",) * len(shown),
        )

    @cached_property
    def names(self) -> dict[str, int]:
        """The label of each operation by its name; a vertex that mixes decisions has no name."""
        return dict(_operations(self.part))

    @cached_property
    def shown(self) -> Bool[Array, " w"]:
        """Which of the part's decisions the graph tells apart."""
        return _shown(self.part)


def _operations(part: Part) -> list[tuple[str, int]]:
    if isinstance(part, Cell):
        return [(op, label(op)) for op in part.ops]
    if isinstance(part, Chain):
        return _operations(part.block)
    if _has_cells(part):
        children = [child for _, _, child in part.children() if _has_cells(child)]
        return [pair for child in children for pair in _operations(child)]
    return [(str(option), label(str(option))) for option in _options(part)]


def _options(part: Part) -> Sequence[Any]:
    """The values of a layer that is one countable decision; none for all other layers."""
    if isinstance(part, Choice) and part.width == 1:
        return part.options
    if isinstance(part, Int) and part.count() <= _FEW:
        return range(part.low, part.high + 1)
    return (False, True) if isinstance(part, BoolPart) else ()


def _shown(part: Part) -> Array:
    if isinstance(part, Cell):
        return np.ones(part.width, dtype=bool)
    options = [decision.options for decision in part.compiled.decisions]
    shown = np.array([number is not None and number <= _FEW for number in options])
    if isinstance(part, Chain) and part.variable:
        shown[0] = True
    for _, at, child in part.children():
        shown[at : at + child.width] = _shown(child)
    return shown


def _has_cells(part: Part) -> bool:
    return isinstance(part, Cell) or any(_has_cells(child) for _, _, child in part.children())


def _chain(part: Part, values: Array, active: Array) -> GraphBatch:
    everywhere = np.ones(len(values), dtype=bool)
    ends = (np.full(len(values), INPUT), np.full(len(values), OUTPUT))
    layers = _layers(part, values, active)
    _check_vertices(sum(graph.labels.shape[1] for graph, _ in layers))
    return in_series(
        [(single_vertices(ends[0]), everywhere), *layers, (single_vertices(ends[1]), everywhere)]
    )


def _layers(part: Part, values: Array, active: Array) -> list[tuple[GraphBatch, Array]]:
    """The graphs that follow each other inside a part, each with where it is present."""
    present = active[:, 0]
    if isinstance(part, Cell):
        return [(part.graphs(values), present)]
    if not isinstance(part, Chain) and not _has_cells(part):
        return [(single_vertices(_vertex(part, values, active)), present)]
    found = []
    own = _own_columns(part)
    if len(own) and not isinstance(part, Chain):
        found.append((single_vertices(_mixture(part, values, active, own)), present))
    for _, at, child in part.children():
        columns = slice(at, at + child.width)
        if isinstance(part, Chain) or _has_cells(child):
            found += _layers(child, values[:, columns], active[:, columns])
    if isinstance(part, Chain) and part.shared:
        _check_vertices(len(found) * part.length[1])
        long = values[:, :1] > np.arange(part.length[1]) if part.variable else None
        return [
            (graph, there if long is None else there & long[:, i])
            for i in range(part.length[1])
            for graph, there in found
        ]
    return found


def _check_vertices(count: int) -> None:
    """Refuse a graph whose adjacency matrix would not fit into memory."""
    if count > MOST_VERTICES:
        raise SpaceError(
            f"the graph of a chain may have {count} vertices, at most {MOST_VERTICES} are possible",
            path="space",
            hint="Use fewer layers, or smaller ones.",
        )


def _labels_of_chain(part: Part, values: Array, active: Array) -> UInt64[Array, "n v"]:
    """What stands on each vertex of a chain without cells; 0 where there is no vertex."""
    ends = (np.full(len(values), INPUT), np.full(len(values), OUTPUT))
    assert isinstance(part, Chain)
    if not part.shared and part.block.width == 1 and _options(part.block):
        layers = slice(part.width - part.length[1], None)
        inner = _codes(part.block, values[:, layers], active[:, layers])
        inner = np.where(active[:, layers], inner, ABSENT)
    else:
        found = _layers(part, values, active)
        inner = np.column_stack([np.where(there, g.labels[:, 0], ABSENT) for g, there in found])
    return np.column_stack([ends[0], inner, ends[1]])


def _codes(part: Part, values: Array, active: Array) -> UInt64[Array, ...]:
    """The labels of layers that are one countable decision; any where they are not active."""
    options = _options(part)
    first = part.low if isinstance(part, Int) else 0
    codes = np.array([label(str(option)) for option in options], dtype=np.uint64)
    return codes[np.where(active, values - first, 0).astype(np.int64)]


def _own_columns(part: Part) -> list[int]:
    """The columns of a part that belong to no child with cells."""
    inside = [range(at, at + child.width) for _, at, child in part.children() if _has_cells(child)]
    return [d for d in range(part.width) if not any(d in columns for columns in inside)]


def _vertex(part: Part, values: Array, active: Array) -> Array:
    """The labels of layers without cells: a plain choice by its name, all else by a mixture."""
    if not _options(part):
        return _mixture(part, values, active, list(range(part.width)))
    return _codes(part, values[:, 0], active[:, 0])


def _mixture(part: Part, values: Array, active: Array, columns: list[int]) -> Array:
    """Labels that tell apart all settings of the countable decisions among the columns, [n]."""
    decisions = part.compiled.decisions
    found = np.full(len(values), np.uint64(label("layer")))
    for d in columns:
        options = decisions[d].options
        if options is not None and options <= _FEW:
            code = np.where(active[:, d], values[:, d] - decisions[d].low + 1, 0)
            found = mix(found * np.uint64(31) + code.astype(np.uint64))
    return found | np.uint64(1)


def _names(part: Part, numbers: list[float]) -> list[str]:
    """What stands on each vertex of the graph, in the order of `Structure.graphs`."""
    if isinstance(part, Cell):
        return part.vertex_names(numbers)
    return ["input", *_layer_names(part, numbers), "output"]


def _layer_names(part: Part, numbers: list[float]) -> list[str]:
    if isinstance(part, Cell):
        return part.vertex_names(numbers)
    if not isinstance(part, Chain) and not _has_cells(part):
        return [_readable(part.decode(numbers))]
    found = []
    if _own_columns(part) and not isinstance(part, Chain):
        found.append("layer")
    for _, at, child in part.children():
        if isinstance(part, Chain) or _has_cells(child):
            found += _layer_names(child, numbers[at : at + child.width])
    return found * part.length[1] if isinstance(part, Chain) and part.shared else found


def _readable(value: Any) -> str:
    """A layer's settings in a few characters.

    >>> _readable({"conv": {"width": 64, "kernel": 3}})
    'conv width=64 kernel=3'
    """
    if isinstance(value, dict):
        parts = []
        for name, inner in value.items():
            if isinstance(inner, dict):
                parts.append(f"{name} {_readable(inner)}")
            else:
                parts.append(f"{name}={_readable(inner)}")
        return " ".join(parts)
    return f"{value:.3g}" if isinstance(value, float) else str(value)
