"""The decision view as arrays: which columns are options and which numbers, and one-hot."""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, Float
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.part import Kind


def categorical_columns(space: CompiledSpace) -> Array:
    """The columns whose values are options without order, and more than one of them."""
    return np.flatnonzero(_categorical(space) & (space.options != 1))


def numeric_columns(space: CompiledSpace) -> Array:
    """The columns whose values are numbers, and more than one of them."""
    return np.flatnonzero(~_categorical(space) & (space.options != 1))


def _categorical(space: CompiledSpace) -> Array:
    return np.array([decision.kind is Kind.CATEGORICAL for decision in space.decisions])


def one_hot(space: CompiledSpace, rows: Rows) -> Float[Array, "n k"]:
    """A column for each option, one for each number on [0, 1]; all 0 where inactive."""
    blocks = []
    for d in categorical_columns(space):
        options = np.arange(space.decisions[d].options or 0)
        chosen = rows.values[:, d, None] == options
        blocks.append(chosen & rows.active[:, d, None])
    numeric = numeric_columns(space)
    blocks.append(space.to_unit(rows)[:, numeric] * rows.active[:, numeric])
    return np.concatenate(blocks, axis=1).astype(float)
