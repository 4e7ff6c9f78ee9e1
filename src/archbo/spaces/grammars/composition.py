"""Rows of a grammar's numbers as graphs, all at once.

Every row's derivation is expanded from the top, one level at a time; then networks are joined from
the bottom. It is known how many ways lead from the input of the network that has been joined so far
to each operation inside, and from there to its output. Where two networks follow each other, every
operation at the end of the first feeds every one at the beginning of the second.

Notation: a level holds m networks, those of a row side by side, from left to right; the two parts
of a network stand next to each other one level below.
    nodes    [m]  of the unrolled tree        labels   [m]  of single operations, else 0
    rows     [m]  that they are part of       through  [m]  ways that pass no operation
    parents  [m]  on the level above          inside   [m]  how many operations there are
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array
from archbo.graphs.batch import ABSENT, INPUT, OUTPUT, GraphBatch
from archbo.spaces.grammars.unrolled import IN_SERIES, LEAF, SLOT, Unrolled


@dataclass(slots=True)
class _Level:
    """See the module's notation."""

    nodes: Array
    rows: Array
    parents: Array
    labels: Array
    through: Array
    inside: Array


@dataclass(slots=True)
class _Operations:
    """The operations of all rows that are inside the networks of one level, from left to right.

    Attributes:
        owner: the network of the level.
        row: the row.
        vertex: its position in the row's graph.
        ways_in, ways_out: how many ways lead from the network's input to it, from it to the output.
    """

    owner: Array
    row: Array
    vertex: Array
    ways_in: Array
    ways_out: Array

    def take(self, which: Array) -> _Operations:
        """Those at these positions."""
        return _Operations(
            self.owner[which],
            self.row[which],
            self.vertex[which],
            self.ways_in[which],
            self.ways_out[which],
        )


def compose(
    tree: Unrolled, values: Array, *, size: int, skip: int, none: int, folded: int = 0
) -> GraphBatch:
    """The graphs of rows [n w] of numbers, 0 where inactive; dead vertices included.

    Args:
        tree: the unrolled tree.
        values: the rows.
        size: how many vertices a graph has room for.
        skip: the label that passes its input on; 0 if there is none.
        none: the label that passes nothing on; 0 if there is none.
        folded: a slot with at most so much depth left is one vertex, whatever is below.
    """
    labels = np.zeros((len(values), size), dtype=np.uint64)
    labels[:, 0], labels[:, -1] = INPUT, OUTPUT
    adjacency = np.zeros((len(values), size, size), dtype=np.int64)
    levels = list(_expand(tree, values.astype(np.int64), folded))
    for level in levels:
        level.through[:] = (level.labels == skip) & (level.labels != ABSENT)
        level.labels[(level.labels == skip) | (level.labels == none)] = ABSENT
        level.inside[:] = level.labels != ABSENT
    for above, below in zip(levels[-2::-1], levels[:0:-1], strict=True):
        _count(tree, above, below)
    starts = _starts(levels)
    nothing = np.zeros(0, dtype=np.int64)
    found = _Operations(nothing, nothing, nothing, nothing, nothing)
    for k in range(len(levels) - 1, -1, -1):
        level = levels[k]
        if k + 1 < len(levels):
            found = _joined(tree, level, levels[k + 1], found, adjacency)
        single = np.flatnonzero(level.labels != ABSENT)
        rows, vertices = level.rows[single], starts[k][single]
        labels[rows, vertices] = level.labels[single]
        found = _merged(found, single, rows, vertices)
    adjacency[found.row, 0, found.vertex] = found.ways_in
    adjacency[found.row, found.vertex, -1] = found.ways_out
    adjacency[:, 0, -1] = levels[0].through
    return GraphBatch(labels, adjacency)


def _expand(tree: Unrolled, numbers: Array, folded: int) -> Iterator[_Level]:
    """All networks, level by level, as far as they can be told from above."""
    columns, weights = tree.parameters
    ranks = np.zeros((len(numbers), len(columns) + 1), dtype=np.int64)
    np.cumsum(weights[np.arange(len(columns)), numbers[:, columns]], axis=1, out=ranks[:, 1:])
    rows = np.arange(len(numbers))
    nodes, parents = np.zeros_like(rows), rows
    while True:
        nodes = _resolved(tree, numbers, nodes, rows, folded)
        labels = np.full(len(nodes), ABSENT)
        kind = tree.kind[nodes]
        which = np.flatnonzero(kind == LEAF)
        leaves, owners = nodes[which], rows[which]
        rank = ranks[owners, tree.end[leaves]] - ranks[owners, tree.begin[leaves]]
        labels[which] = tree.labels[tree.first[leaves] + rank]
        which = np.flatnonzero(kind == SLOT)  # those that stand for all below
        slots, owners = nodes[which], rows[which]
        labels[which] = tree.fold_labels[tree.first[slots] + _options(tree, numbers, slots, owners)]
        zeros = np.zeros(len(nodes), dtype=np.int64)
        yield _Level(nodes, rows, parents, labels, zeros, zeros.copy())
        parents = np.repeat(np.flatnonzero(kind >= IN_SERIES), 2)
        if not len(parents):
            return
        joined = nodes[parents]
        left = np.arange(len(parents)) % 2 == 0
        nodes, rows = np.where(left, tree.left[joined], tree.right[joined]), rows[parents]


def _resolved(tree: Unrolled, numbers: Array, nodes: Array, rows: Array, folded: int) -> Array:
    """The nodes that slots lead to, by the rows' decisions."""
    nodes = nodes.copy()
    going = np.arange(len(nodes))
    while len(going):
        going = going[(tree.kind[nodes[going]] == SLOT) & (tree.depth[nodes[going]] > folded)]
        slots = nodes[going]
        option = _options(tree, numbers, slots, rows[going])
        nodes[going] = tree.targets[tree.first[slots] + option]
    return nodes


def _options(tree: Unrolled, numbers: Array, slots: Array, rows: Array) -> Array:
    """Which option each slot has in its row."""
    columns = tree.column[slots]
    return np.where(columns < 0, 0, numbers[rows, columns])


def _count(tree: Unrolled, above: _Level, below: _Level) -> None:
    """Ways through, and operations inside, of what is joined from two parts on the level below."""
    joined = below.parents[::2]
    left, right = below.through[::2], below.through[1::2]
    in_series = tree.kind[above.nodes[joined]] == IN_SERIES
    above.through[joined] = np.where(in_series, left * right, left + right)
    above.inside[joined] = below.inside[::2] + below.inside[1::2]


def _starts(levels: list[_Level]) -> list[Array]:
    """The vertex of each network's first operation, on each level; vertex 0 is the input."""
    found = [np.ones(len(levels[0].nodes), dtype=np.int64)]
    for level in levels[1:]:
        starts = found[-1][level.parents]
        starts[1::2] += level.inside[::2]
        found.append(starts)
    return found


def _joined(
    tree: Unrolled, above: _Level, below: _Level, found: _Operations, adjacency: Array
) -> _Operations:
    """The operations inside the level above, once edges lead from part to part."""
    parents = below.parents[found.owner]
    in_series = tree.kind[above.nodes[parents]] == IN_SERIES
    right = found.owner % 2 == 1
    other = below.through[found.owner ^ 1]  # the ways through the part beside
    ends = found.take(np.flatnonzero(in_series & ~right & (found.ways_out > 0)))
    begins = found.take(np.flatnonzero(in_series & right & (found.ways_in > 0)))
    sources, targets = _pairs(below.parents[ends.owner], below.parents[begins.owner])
    adjacency[ends.row[sources], ends.vertex[sources], begins.vertex[targets]] = (
        ends.ways_out[sources] * begins.ways_in[targets]
    )
    return _Operations(
        parents,
        found.row,
        found.vertex,
        np.where(in_series & right, found.ways_in * other, found.ways_in),
        np.where(in_series & ~right, found.ways_out * other, found.ways_out),
    )


def _pairs(a: Array, b: Array) -> tuple[Array, Array]:
    """The positions of all pairs of equal numbers from two sorted arrays."""
    first = np.searchsorted(b, a, side="left")
    many = np.searchsorted(b, a, side="right") - first
    before = np.cumsum(many) - many
    left = np.repeat(np.arange(len(a)), many)
    return left, np.arange(len(left)) - before[left] + first[left]


def _merged(found: _Operations, owner: Array, row: Array, vertex: Array) -> _Operations:
    """With the level's single operations, from left to right."""
    once = np.ones(len(owner), dtype=np.int64)
    both = _Operations(
        np.concatenate([found.owner, owner]),
        np.concatenate([found.row, row]),
        np.concatenate([found.vertex, vertex]),
        np.concatenate([found.ways_in, once]),
        np.concatenate([found.ways_out, once]),
    )
    return both.take(np.argsort(both.owner, kind="stable"))
