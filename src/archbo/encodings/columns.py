"""What encodings share: which columns to keep, and how several become one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archbo.arrays import Array, Float, Int, UInt64
from archbo.encodings.base import Encode
from archbo.encodings.decisions import one_hot, shown_by_graphs
from archbo.errors import ProblemError
from archbo.graphs.batch import ABSENT
from archbo.spaces import CompiledSpace, Rows


def varying(
    encode: Encode, reference: Rows, *, most: int | None = None, beside: Encode | None = None
) -> Encode:
    """The columns that differ somewhere in the reference; those of `beside` follow.

    A column that equals an earlier one there is left out. Where nothing varies there is one column
    of zeros, so that a surrogate has something to read.

    Args:
        encode: gives [n d].
        reference: random rows of the space.
        most: how many of its columns at most, the first ones; all if None.
        beside: gives [n k], all of which are kept if they vary.
    """
    parts = [(encode, _distinct(encode(reference))[:most])]
    if beside is not None:
        parts.append((beside, _distinct(beside(reference))))
    parts = [(part, kept) for part, kept in parts if len(kept)]
    if not parts:
        return lambda rows: np.zeros((len(rows), 1))
    return joined([_chosen(part, kept) for part, kept in parts])


def _distinct(found: Array) -> Int[Array, " k"]:
    """The columns that vary and equal no earlier one."""
    kept: dict[bytes, int] = {}
    for k in np.flatnonzero((found[1:] != found[:-1]).any(axis=0)).tolist():
        kept.setdefault(found[:, k].tobytes(), k)
    return np.array(list(kept.values()), dtype=np.int64)


def _chosen(encode: Encode, kept: Int[Array, " k"]) -> Encode:
    return lambda rows: encode(rows)[:, kept]


def hidden(space: CompiledSpace) -> Encode:
    """The decisions that the graph view does not show, one-hot."""
    unseen = ~shown_by_graphs(space)
    return lambda rows: one_hot(space, rows, unseen)


def joined(encodes: Sequence[Encode]) -> Encode:
    """The columns of several encodings, one after another."""
    return lambda rows: np.concatenate([encode(rows) for encode in encodes], axis=1)


def commonest(
    multisets: UInt64[Array, "n w"], most: int | None = None
) -> tuple[UInt64[Array, " k"], Int[Array, " k"]]:
    """The labels that most rows have, commonest first, and how many rows have each.

    Args:
        multisets: padded with 0.
        most: how many labels at most; all if None.
    """
    ordered = np.sort(multisets, axis=1)
    first = np.ones(ordered.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    labels, rows = np.unique(ordered[first & (ordered != ABSENT)], return_counts=True)
    order = np.lexsort((labels, -rows))[:most]
    return labels[order], rows[order]


def require_positive(name: str, value: int | None) -> None:
    """Refuse settings below 1; None is allowed.

    Raises:
        ProblemError: naming the setting.
    """
    if value is not None and value < 1:
        raise ProblemError(f"{name} must be at least 1, got {value}", path="encoding")


def rounded(columns: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """To 9 decimals: the last digits of a matrix product depend on the rows beside a row."""
    return np.round(columns, 9) + 0.0
