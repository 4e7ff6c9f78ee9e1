"""The decision view as arrays: which columns are options and which numbers, and one-hot."""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, Bool, Float
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.part import Kind, Part


def categorical_columns(space: CompiledSpace) -> Array:
    """The columns whose values are options without order, and more than one of them.

    Options that are mere positions, such as those of a pool, have no meaning to encode.
    """
    meaningful = np.array([decision.near is None for decision in space.decisions])
    return np.flatnonzero(_categorical(space) & meaningful & (space.options != 1))


def numeric_columns(space: CompiledSpace) -> Array:
    """The columns whose values are numbers, and more than one of them."""
    return np.flatnonzero(~_categorical(space) & (space.options != 1))


def _categorical(space: CompiledSpace) -> Array:
    return np.array([decision.kind is Kind.CATEGORICAL for decision in space.decisions])


def shown_by_graphs(space: CompiledSpace) -> Bool[Array, " D"]:
    """Which decisions the labels and edges of the graph view tell apart."""
    shown = np.zeros(len(space.decisions), dtype=bool)
    for block in space.blocks:
        if block.path in space.structures:
            shown[block.columns] = space.structures[block.path].shown
    return shown


def alike(space: CompiledSpace, columns: Array) -> tuple[int, ...]:
    """Which group each of these columns is of: decisions of equal parts with as many options.

    The layers of a chain are alike, and so are the edges of all cells of one kind. Groups are
    numbered from 0 in the order of their first columns.
    """
    groups: dict[tuple[Part, int], int] = {}
    found = []
    for d in columns.tolist():
        # blocks come with the outer before the inner: the last one is the innermost
        (*_, inner) = [b for b in space.blocks if b.columns.start <= d < b.columns.stop]
        found.append(groups.setdefault((inner.part, int(space.options[d])), len(groups)))
    return tuple(found)


def one_hot(
    space: CompiledSpace, rows: Rows, which: Bool[Array, " D"] | None = None
) -> Float[Array, "n k"]:
    """A column for each option, one for each number on [0, 1]; all 0 where inactive.

    Args:
        space: of the rows.
        rows: what to encode.
        which: the decisions to encode; all if None.
    """
    chosen = np.ones(len(space.decisions), dtype=bool) if which is None else which
    blocks = []
    for d in categorical_columns(space):
        if chosen[d]:
            options = np.arange(space.decisions[d].options or 0)
            blocks.append((rows.values[:, d, None] == options) & rows.active[:, d, None])
    numeric = numeric_columns(space)
    numeric = numeric[chosen[numeric]]
    blocks.append(space.to_unit(rows)[:, numeric] * rows.active[:, numeric])
    return np.concatenate(blocks, axis=1).astype(float)
