"""Small subgraphs, and which graphs of a batch have them.

A pattern is an operation; an operation that another one feeds; or a whole neighbourhood, which is
what one round of Weisfeiler-Lehman refinement tells apart. The first two may have to occur several
times.

Notation: n graphs, v vertices, e edges, L labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from archbo.arrays import Array, Bool, Float, Int, UInt64
from archbo.graphs.batch import ABSENT, INPUT, OUTPUT, GraphBatch
from archbo.graphs.wl import colours

_RARE = 0.03  # what fewer graphs have, or fewer lack, is no pattern
_LABELS = 24  # the commonest; pairs are looked for among these
_NEIGHBOURHOODS = 200  # the commonest


class Kind(StrEnum):
    """Of a pattern."""

    OPERATION = "operation"
    PAIR = "pair"
    NEIGHBOURHOOD = "neighbourhood"


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to look for.

    Attributes:
        kind: of the pattern.
        labels: that of the operation, and of a pair that of the one that feeds it; of a
            neighbourhood the colour.
        least: so many times.
    """

    kind: Kind
    labels: tuple[int, ...]
    least: int = 1

    def present(self, batch: GraphBatch) -> Bool[Array, " n"]:
        """Which of some pruned graphs have it."""
        if self.kind is Kind.OPERATION:
            return _operations(batch, self.labels)[:, 0] >= self.least
        if self.kind is Kind.NEIGHBOURHOOD:
            return (_around(batch) == np.uint64(self.labels[0])).any(axis=1)
        fed, feeding = self.labels
        if fed == feeding:
            return _pairs(batch, [fed])[:, 0] >= self.least
        return _pairs(batch, [fed, feeding])[:, 1] >= self.least


def patterns(
    batch: GraphBatch, counts: Float[Array, " n"]
) -> Iterator[tuple[Pattern, Bool[Array, " n"]]]:
    """All that are neither rare nor nearly everywhere, the simplest first, and where they are.

    Args:
        batch: pruned graphs.
        counts: how often each graph counts.
    """
    share = counts / counts.sum()
    labels = _commonest(batch.labels, share, _LABELS)
    inner = [x for x in labels if x not in (INPUT, OUTPUT)]
    numbered: list[tuple[Kind, list[tuple[int, ...]], Array]] = [
        (Kind.OPERATION, [(x,) for x in inner], _operations(batch, inner)),
        (Kind.PAIR, [(x, y) for x in labels for y in labels], _pairs(batch, labels)),
    ]
    for kind, names, numbers in numbered:
        for name, column in zip(names, numbers.T, strict=True):
            for least in range(1, int(column.max(initial=0)) + 1):
                if _tells(column >= least, share):
                    yield Pattern(kind, name, least), column >= least
    around = _around(batch)
    for colour in _commonest(around, share, _NEIGHBOURHOODS):
        has = (around == np.uint64(colour)).any(axis=1)
        if _tells(has, share):
            yield Pattern(Kind.NEIGHBOURHOOD, (colour,)), has


def _operations(batch: GraphBatch, labels: Sequence[int]) -> Int[Array, "n L"]:
    """How many vertices of each graph have each label."""
    found = [(batch.labels == np.uint64(x)).sum(axis=1) for x in labels]
    return np.stack(found, axis=1) if found else np.zeros((len(batch), 0), dtype=np.int64)


def _pairs(batch: GraphBatch, labels: Sequence[int]) -> Int[Array, "n LL"]:
    """How many edges lead to each label from each label, the latter running fastest."""
    L = len(labels)
    order = np.argsort(np.array(labels, dtype=np.uint64))
    known = np.array(labels, dtype=np.uint64)[order]
    graph, source, target = np.nonzero(batch.adjacency)

    def place(vertex: Int[Array, " e"]) -> tuple[Array, Array]:
        own = batch.labels[graph, vertex]
        at = np.minimum(np.searchsorted(known, own), L - 1)
        return order[at], known[at] == own

    (fed, known_fed), (feeding, known_feeding) = place(target), place(source)
    kept = known_fed & known_feeding
    code = (graph * L * L + fed * L + feeding)[kept]
    return np.bincount(code, minlength=len(batch) * L * L).reshape(len(batch), L * L)


def _around(batch: GraphBatch) -> UInt64[Array, "n v"]:
    """The colour of each inner vertex's neighbourhood; 0 for others."""
    found = colours(batch, 1)[1]
    ends = (batch.labels == INPUT) | (batch.labels == OUTPUT)
    return np.where(ends, ABSENT, found)


def _commonest(found: UInt64[Array, "n v"], share: Float[Array, " n"], most: int) -> list[int]:
    """The values that occur in the largest parts of the graphs, in a fixed order."""
    values, place = np.unique(found, return_inverse=True)
    graph = np.repeat(np.arange(len(found)), found.shape[1])
    first = np.unique(graph * len(values) + place.ravel())  # once for each graph
    part = np.bincount(first % len(values), share[first // len(values)], minlength=len(values))
    part[values == ABSENT] = 0.0
    order = np.lexsort((values, -part))
    return [int(values[k]) for k in order[:most] if part[k] >= _RARE]


def _tells(has: Bool[Array, " n"], share: Float[Array, " n"]) -> bool:
    return _RARE <= float(share[has].sum()) <= 1.0 - _RARE
