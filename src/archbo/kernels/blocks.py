"""Blocks of columns, and arrays of distances between their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from archbo.arrays import Array, Int
from archbo.errors import ProblemError, nearest

Encoded: TypeAlias = Mapping[str, Array]
"""Rows as named blocks of columns, [n d] each."""

Distances: TypeAlias = Array | tuple[Any, ...]
"""A [k n m] array, or a tuple of Distances for a composite kernel."""


def columns(encoded: Encoded, name: str, count: int | None = None) -> Array:
    """A block of an encoding.

    Raises:
        ProblemError: if it is missing or does not have so many columns.
    """
    if name not in encoded:
        hint = nearest(name, encoded)
        raise ProblemError(f"the encoding has no block {name!r} that the kernel needs", hint=hint)
    block = encoded[name]
    if count is not None and block.shape[1] != count:
        found = block.shape[1]
        raise ProblemError(f"the kernel has {count} scales for block {name!r} of {found} columns")
    return block


def by_column(block: Array) -> Array:
    """A block [n d] as contiguous columns [d n], which are quick to compare."""
    return np.ascontiguousarray(block.T)


def rows(encoded: Encoded, which: slice | Int[Array, " m"]) -> Encoded:
    """The rows of an encoding at some positions."""
    return {name: block[which] for name, block in encoded.items()}


def count_rows(encoded: Encoded) -> int:
    """How many rows an encoding has; 0 if it has no blocks."""
    return len(next(iter(encoded.values()), ()))


def join_rows(first: Encoded, second: Encoded) -> Encoded:
    """The rows of two encodings one after another; narrower blocks are padded with 0.

    Only multisets may differ in width, and 0 is their padding.
    """
    return {name: _stack(first[name], second[name]) for name in first}


def _stack(a: Array, b: Array) -> Array:
    if a.shape[1:] == b.shape[1:]:
        return np.concatenate([a, b])
    width = max(a.shape[1], b.shape[1])
    padded = [np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (a, b)]
    return np.concatenate(padded)


def map_distances(change: Callable[[Array], Array], distances: Distances) -> Distances:
    """The same change made to each array of distances."""
    if isinstance(distances, tuple):
        return tuple(map_distances(change, part) for part in distances)
    return change(distances)


def combine(weights: Array, D: Array) -> Array:
    """sum_b weights_b D_b, [n m]; one matrix-vector product."""
    return (weights @ _flat(D)).reshape(D.shape[1:])


def contract(D: Array, W: Array) -> Array:
    """sum_ij W_ij D_bij, [k]; one matrix-vector product."""
    return _flat(D) @ W.reshape(-1)


def squared_euclidean(known: Array) -> Callable[[Array], Array]:
    """What gives the squared distances [m n] of any points [m d] to these, [n d]; never below 0.

    By a matrix product: where points coincide, rounding leaves 1e-16 of their squared length.
    """
    center = known.mean(axis=0) if len(known) else 0.0  # lengths are small around it
    x = known - center
    x_x = np.einsum("nd,nd->n", x, x)
    doubled = 2 * x.T

    def squares(others: Array) -> Array:
        y = others - center
        D = x_x - y @ doubled
        D += np.einsum("md,md->m", y, y)[:, None]
        return np.maximum(D, 0.0, out=D)

    return squares


def _flat(D: Array) -> Array:
    """[k n m] as [k n*m], also where k is 0."""
    return D.reshape(D.shape[0], D.shape[1] * D.shape[2])
