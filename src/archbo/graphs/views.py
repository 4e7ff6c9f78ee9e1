"""What is encoded of graphs: colours of refinement and a few numbers, both of pruned graphs.

Most candidates of a search hold cells that it has met before, and chains are graphs of the simplest
kind: neither needs its adjacency again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archbo.arrays import Array, Float, Int, UInt64
from archbo.graphs.batch import ABSENT, GraphBatch
from archbo.graphs.statistics import statistics
from archbo.graphs.wl import colours, mix, next_colours, seen_from_ahead, seen_from_behind

ROUNDS = 2
"""How many rounds of refinement are encoded."""

SHAPE = ("vertices", "longest", "shortest", "log_paths")
"""The statistics of a graph that tell networks apart from few trainings. Counts of operations are
left to the graph kernels: as features of their own they make the first fits worse."""

_MOST = 20_000  # rows that are remembered, before all but the newest are forgotten


@dataclass(frozen=True, slots=True)
class GraphView:
    """What is encoded of a batch of graphs.

    Attributes:
        colours: after 0, 1, …, `ROUNDS` rounds; 0 where there is no vertex.
        shape: the columns named in `SHAPE`.
    """

    colours: UInt64[Array, "g r v"]
    shape: Float[Array, "g s"]

    def take(self, which: Int[Array, " n"]) -> GraphView:
        """The graphs at these positions."""
        return GraphView(self.colours[which], self.shape[which])

    def where(self, mask: Array) -> GraphView:
        """The graphs where a mask is true, graphs without vertices elsewhere."""
        return GraphView(
            np.where(mask[:, None, None], self.colours, ABSENT),
            np.where(mask[:, None], self.shape, 0.0),
        )


def view(batch: GraphBatch) -> GraphView:
    """Of pruned graphs."""
    found = statistics(batch, {})
    return GraphView(
        np.stack(colours(batch, ROUNDS), axis=1), np.stack([found[name] for name in SHAPE], axis=1)
    )


def view_of_chains(labels: UInt64[Array, "g v"]) -> GraphView:
    """Of graphs that are one path through all their vertices, in order; see `view`.

    Args:
        labels: of the vertices; 0 where there is none, but not at either end.
    """
    present = labels != ABSENT
    count, size = labels.shape
    place = np.arange(size)
    before = np.maximum.accumulate(np.where(present, place, 0), axis=1)
    behind = np.minimum.accumulate(np.where(present, place, size - 1)[:, ::-1], axis=1)[:, ::-1]
    previous, following = np.zeros((2, count, size), dtype=np.int64)
    previous[:, 1:], following[:, :-1] = before[:, :-1], behind[:, 1:]
    current = np.where(present, mix(labels) | np.uint64(1), ABSENT)
    found = [current]
    for _ in range(ROUNDS):
        ahead = np.take_along_axis(seen_from_ahead(current), previous, axis=1)
        back = np.take_along_axis(seen_from_behind(current), following, axis=1)
        ahead[:, 0] = back[:, -1] = 0
        current = next_colours(current, ahead, back)
        found.append(current)
    inner = present[:, 1:-1].sum(axis=1).astype(float)
    paths = np.full(count, np.log1p(1.0))
    return GraphView(np.stack(found, axis=1), np.stack([inner, inner, inner, paths], axis=1))


class Remembered:
    """A function of rows of numbers that is computed once for each row, [n w] to arrays [n ...].

    Rows are told apart by 64-bit hashes. What is remembered changes no result.

    Args:
        function: each row's results are its own, whatever rows are beside it.
    """

    def __init__(self, function: Callable[[Array], tuple[Array, ...]]) -> None:
        self._function = function
        self._keys = np.zeros(0, dtype=np.uint64)
        self._results: tuple[Array, ...] = ()

    def __call__(self, values: Float[Array, "n w"]) -> tuple[Array, ...]:
        """The results of these rows."""
        keys, first, inverse = np.unique(_hashes(values), return_index=True, return_inverse=True)
        at = np.searchsorted(self._keys, keys)
        new = at == len(self._keys)
        new[~new] = self._keys[at[~new]] != keys[~new]
        if not self._results or new.any():
            self._add(keys[new], self._function(values[first[new]]))
            if len(self._keys) > _MOST:
                self._keys, self._results = keys, tuple(self._function(values[first]))
            at = np.searchsorted(self._keys, keys)
        return tuple(result[at[inverse]] for result in self._results)

    def _add(self, keys: Array, results: tuple[Array, ...]) -> None:
        together = np.concatenate([self._keys, keys])
        order = np.argsort(together)
        self._keys = together[order]
        known = self._results or tuple(result[:0] for result in results)
        self._results = tuple(
            np.concatenate(pair)[order] for pair in zip(known, results, strict=True)
        )


def _hashes(values: Float[Array, "n w"]) -> UInt64[Array, " n"]:
    column = mix(np.arange(1, values.shape[1] + 1, dtype=np.uint64))
    bits = np.ascontiguousarray(values, dtype=float).view(np.uint64)
    return mix(bits + column).sum(axis=1, dtype=np.uint64)
