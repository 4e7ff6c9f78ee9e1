"""The decision view as arrays: which columns are options and which numbers, and one-hot."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from archbo.arrays import Array, Float
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.part import Kind


@lru_cache(maxsize=256)
def categorical_columns(space: CompiledSpace) -> Array:
    """The columns whose values are options without order, and more than one of them."""
    return np.array(
        [
            d
            for d, decision in enumerate(space.decisions)
            if decision.kind is Kind.CATEGORICAL and decision.options != 1
        ],
        dtype=np.int64,
    )


@lru_cache(maxsize=256)
def numeric_columns(space: CompiledSpace) -> Array:
    """The columns whose values are numbers, and more than one of them."""
    return np.array(
        [
            d
            for d, decision in enumerate(space.decisions)
            if decision.kind is not Kind.CATEGORICAL and decision.options != 1
        ],
        dtype=np.int64,
    )


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
