"""The graph view as arrays: multisets of Weisfeiler-Lehman colours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archbo.arrays import Array, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch, label
from archbo.graphs.wl import colours, mix


def weisfeiler_lehman(graphs: Mapping[str, GraphBatch], rounds: int) -> list[UInt64[Array, "n v"]]:
    """The colours of all vertices after 0, 1, …, `rounds` rounds, one array a round.

    Each row is a multiset, padded with 0; the graphs of different parts share no colours.
    """
    levels: list[list[Array]] = [[] for _ in range(rounds + 1)]
    for path, batch in graphs.items():
        for level, found in zip(levels, colours(batch, rounds), strict=True):
            level.append(salted(found, path))
    return [np.concatenate(level, axis=1) for level in levels]


def salted(found: UInt64[Array, ...], path: str) -> UInt64[Array, ...]:
    """The colours of one part's graphs as no other part has them."""
    own = mix(found + np.uint64(label(path))) | np.uint64(1)
    return np.where(found == ABSENT, ABSENT, own)


def counts(
    multisets: UInt64[Array, "n v"], vocabulary: UInt64[Array, " d"] | None = None
) -> tuple[Array, UInt64[Array, " d"]]:
    """How often each colour occurs in each row, [n d], and the colours.

    Args:
        multisets: padded with 0.
        vocabulary: the colours to count, sorted; those that occur if None.
    """
    if vocabulary is None:
        vocabulary = np.unique(multisets)
        vocabulary = vocabulary[vocabulary != ABSENT]
    n, d = len(multisets), len(vocabulary)
    if d == 0:
        return np.zeros((n, 0)), vocabulary
    place = np.minimum(np.searchsorted(vocabulary, multisets), d - 1)
    known = vocabulary[place] == multisets
    flat = (np.arange(n)[:, None] * d + place)[known]
    return np.bincount(flat, minlength=n * d).reshape(n, d).astype(float), vocabulary
