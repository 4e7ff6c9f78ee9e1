"""Paths from the input to the output, as sequences of operations.

Notation: p paths or beginnings of paths of all rows together.
    row     [p]  the row it belongs to
    code    [p]  64-bit hash of the operations on it, in order
    count   [p]  how many ways in the graph have these operations
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float, Int, UInt64
from archbo.encodings.base import Encode
from archbo.encodings.columns import commonest, hidden, require_positive, varying
from archbo.encodings.graphs import counts
from archbo.graphs.batch import GraphBatch, label
from archbo.graphs.wl import mix
from archbo.spaces import CompiledSpace, Rows

_STEP = np.uint64(0x9E3779B97F4A7C15)

Found = tuple[Int[Array, " p"], UInt64[Array, " p"], Int[Array, " p"], Float[Array, " p"]]
"""row, code, number of inner vertices, count."""


@dataclass(frozen=True)
class Paths:
    """How many paths from the input to the output have each sequence of operations.

    The sequences are those of the reference, the shortest first, of equal length the commonest.
    Decisions that the graphs do not show follow, one-hot.

    Args:
        truncate: only so many of the shortest sequences; all if None.
        one_hot: only whether there is such a path, not how many.
        most: paths of a graph at most; of more, a sample that is the same for equal networks.
        name: of its block.

    Raises:
        ProblemError: if a number is not positive.
    Source: White et al. 2021 (BANANAS), section 3.
    """

    truncate: int | None = 512
    one_hot: bool = True
    most: int = 256
    name: str = "paths"

    def __post_init__(self) -> None:
        require_positive("truncate", self.truncate)
        require_positive("most", self.most)

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        codes, lengths = paths_of(space.graphs(reference), len(reference), self.most)
        distinct, first = np.unique(codes, return_index=True)
        common, _ = commonest(codes)
        length = lengths.reshape(-1)[first][np.searchsorted(distinct, common)]
        vocabulary = np.sort(common)
        order = np.searchsorted(vocabulary, common[np.argsort(length, kind="stable")])

        def encode(rows: Rows) -> Float[Array, "n d"]:
            multisets, _ = paths_of(space.graphs(rows), len(rows), self.most)
            found = counts(multisets, vocabulary)[0][:, order]
            return (found > 0).astype(float) if self.one_hot else found

        return varying(encode, reference, most=self.truncate, beside=hidden(space))


@dataclass(frozen=True)
class PathMultiset:
    """The multiset of the paths from the input to the output, for kernels of histograms.

    Args:
        most: paths of a graph at most; of more, a sample that is the same for equal networks.
        name: of its block.

    Raises:
        ProblemError: if most is not positive.
    """

    most: int = 256
    name: str = "path_multiset"

    def __post_init__(self) -> None:
        require_positive("most", self.most)

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:  # noqa: ARG002 - nothing is learned
        return lambda rows: paths_of(space.graphs(rows), len(rows), self.most)[0]


def paths_of(
    graphs: Mapping[str, GraphBatch], n: int, most: int
) -> tuple[UInt64[Array, "n w"], Int[Array, "n w"]]:
    """The paths of all graphs of n rows as multisets of codes, and how long each path is.

    Both are padded with 0; a code is never 0. The graphs of different parts share no paths.
    """
    found = [
        through(batch, np.uint64(label(f"paths of {path}")), most) for path, batch in graphs.items()
    ]
    blocks = [_padded(*paths, n, most) for paths in found]
    if not blocks:
        return np.zeros((n, 0), dtype=np.uint64), np.zeros((n, 0), dtype=np.int64)
    codes, lengths = zip(*blocks, strict=True)
    return np.concatenate(codes, axis=1), np.concatenate(lengths, axis=1)


def through(batch: GraphBatch, salt: np.uint64, most: int) -> Found:
    """The different sequences of operations from the input to the output of pruned graphs.

    Step by step, all rows at once. Beginnings that end at the same vertex after the same operations
    go on as one, so that the work grows with the different sequences, not with the ways. Of more
    than `most` codes in a row the smallest go on.
    """
    last = batch.labels.shape[1] - 1
    row = np.flatnonzero(batch.present[:, 0])
    at = np.zeros(len(row), dtype=np.int64)
    code = mix(batch.labels[row, 0] + salt)
    count = np.ones(len(row))
    done: list[tuple[Array, Array, Array, Array]] = []
    steps = 0
    while len(row):
        ways = batch.adjacency[row, at]  # [p v]
        item, at = np.nonzero(ways)
        count = count[item] * ways[item, at]
        row = row[item]
        code = mix(code[item] * _STEP + batch.labels[row, at])
        row, at, code, count = _merged(row, at, code, count)
        row, at, code, count = _limited(most, row, at, code, count)
        ended = at == last
        length = np.full(int(ended.sum()), steps)
        done.append((row[ended], code[ended] | np.uint64(1), length, count[ended]))
        row, at, code, count = row[~ended], at[~ended], code[~ended], count[~ended]
        steps += 1
    if not done:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty.astype(np.uint64), empty, empty.astype(float)
    row, code, lengths, count = (np.concatenate(parts) for parts in zip(*done, strict=True))
    return row, code, lengths, count


def _merged(row: Array, at: Array, code: Array, count: Array) -> tuple[Array, ...]:
    """Equal beginnings as one, with the sum of their counts; sorted by row, then code."""
    order = np.lexsort((at, code, row))
    row, at, code, count = row[order], at[order], code[order], count[order]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (code[1:] != code[:-1]) | (at[1:] != at[:-1])
    start = np.flatnonzero(new)
    total = np.add.reduceat(count, start) if len(start) else count
    return row[start], at[start], code[start], total


def _limited(most: int, row: Array, at: Array, code: Array, count: Array) -> tuple[Array, ...]:
    """The beginnings with the first so many codes of each row, wherever in the graph they end."""
    new = np.ones(len(row), dtype=np.int64)
    new[1:] = (row[1:] != row[:-1]) | (code[1:] != code[:-1])
    place = np.cumsum(new)
    kept = place - place[np.searchsorted(row, row)] < most
    return row[kept], at[kept], code[kept], count[kept]


def _rank(row: Array) -> Array:
    """The position of each entry among those of its row; rows are sorted."""
    first = np.searchsorted(row, row, side="left")
    return np.arange(len(row)) - first


def _padded(
    row: Array, code: Array, length: Array, count: Array, n: int, most: int
) -> tuple[Array, Array]:
    """Each path as often as there are ways, the shortest first, at most so many a row."""
    order = np.lexsort((code, length, row))
    times = np.minimum(count[order], most).astype(np.int64)
    row, code, length = (np.repeat(part[order], times) for part in (row, code, length))
    rank = _rank(row)
    kept = rank < most
    row, rank, code, length = row[kept], rank[kept], code[kept], length[kept]
    width = int(rank.max(initial=-1)) + 1
    codes = np.zeros((n, width), dtype=np.uint64)
    lengths = np.zeros((n, width), dtype=np.int64)
    codes[row, rank], lengths[row, rank] = code, length
    return codes, lengths
