"""A seeded family of large spaces that no table covers, whose optimum is known.

A network is a chain of layers and some cells, every decision one of five. Its value is a sum of
    additive    an effect of each layer's option, in part the same at each layer
    pairwise    an effect of each two options of layers that are linked, which form a tree; and of a
                layer's option with the longest path in the cell that is linked to it
    graph       an effect of each cell, by how a signal passes its graph
scaled so that random networks have mean 0 and standard deviation 1, in which values are given. The
optimum is exact: cells are enumerated, the tree is solved by dynamic programming.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Float, Int, Rng, stream
from archbo.bench.benchmark import full_fidelity
from archbo.graphs.batch import GraphBatch, label
from archbo.problem import Feature
from archbo.spaces import Architecture, Chain, Choice, EdgeCell, Space
from archbo.spaces.moves import sample

OPS = ("none", "skip", "conv_1x1", "conv_3x3", "pool")
CELL = EdgeCell(nodes=4, ops=OPS, none="none", skip="skip")
_EDGES = 6
_OPTIONS = 5
_LONGEST = 4  # longest paths pass 0 to 3 operations
_CHANNELS = 3  # of the signal
_SHARES = {"additive": 0.35, "pairwise": 0.35, "graph": 0.3}  # of the variance
_SAMPLE = 4000  # random networks that scale the parts


class _Terms(NamedTuple):
    """The effects; l layers and c cells, o options, r rows of a cell.

    Attributes:
        additive: [l o].
        pairs: [l o o] of each layer's parent's option and its own; 0 for the first layer.
        couplings: [c p o] of a cell's longest path and its layer's option.
        graph: [c r] of each cell.
    """

    additive: Array
    pairs: Array
    couplings: Array
    graph: Array


@dataclass(frozen=True)
class Synthetic:
    """One of the family: `6 * cells + layers` decisions.

    Attributes:
        cells: how many cells, at most as many as layers.
        layers: how many layers.
        seed: which one of the family.
        noise: standard deviation of a training.
    """

    cells: int
    layers: int
    seed: int = 0
    noise: float = 0.2
    maximize: bool = True
    unit: str = "standard deviations"
    fidelities: tuple[int, ...] = (1,)
    continued: bool = False

    @property
    def name(self) -> str:
        """Its number of decisions, and its seed but for 0."""
        number = _EDGES * self.cells + self.layers
        return f"synthetic/{number}/{self.seed}" if self.seed else f"synthetic/{number}"

    @cached_property
    def space(self) -> Space:
        """What can be built."""
        cells = {f"cell{c}": CELL for c in range(self.cells)}
        return Space(**cells, body=Chain(Choice(list("abcde")), length=self.layers))

    @property
    def features(self) -> Mapping[str, Feature]:
        """Nothing is known before training."""
        return {}

    @property
    def measured(self) -> Mapping[str, Feature]:
        """There are no other results."""
        return {}

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        """The truth with normal noise."""
        full_fidelity(self, fidelity)
        rng = stream(seed, "noise", arch.id, repeat)
        return self.truth(arch) + self.noise * float(rng.standard_normal())

    def truth(self, arch: Architecture) -> float:
        """The value without noise."""
        return float(self.values(np.array([arch.numbers]))[0])

    def test(self, arch: Architecture) -> None:
        """There is no test value."""

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> None:
        """There is no time."""

    @cached_property
    def best(self) -> float:
        """The best truth."""
        return float(self.values(self._optimum)[0])

    @property
    def average(self) -> float:
        """Random networks have mean 0."""
        return 0.0

    @cached_property
    def optima(self) -> frozenset[str]:
        """The id of the optimum."""
        compiled = self.space.compiled
        return frozenset(compiled.ids(compiled.rows(self._optimum)))

    def values(self, numbers: Float[Array, "n D"]) -> Float[Array, " n"]:
        """The truth of rows, to nine digits: isomorphic cells are equal."""
        return _parts(self._terms, self._parents, *self._split(numbers)).sum(axis=0).round(9)

    def _split(self, numbers: Array) -> tuple[Array, Array]:
        """Positions of cells among all cells, [n c]; options of layers, [n l]."""
        whole = numbers.astype(np.int64)
        edges = whole[:, : _EDGES * self.cells].reshape(len(whole), self.cells, _EDGES)
        places = _OPTIONS ** np.arange(_EDGES - 1, -1, -1)
        return edges @ places, whole[:, _EDGES * self.cells :]

    @cached_property
    def _parents(self) -> Array:
        """The layer that each layer is linked to, before it; the first one to itself."""
        draws = stream(self.seed, "tree").random(self.layers)
        return np.maximum(0, np.floor(draws * np.arange(self.layers))).astype(np.int64)

    @cached_property
    def _terms(self) -> _Terms:
        rng = stream(self.seed, "effects")
        layers, cells = self.layers, self.cells
        shared, own = rng.standard_normal(_OPTIONS), rng.standard_normal((layers, _OPTIONS))
        pairs = rng.standard_normal((layers, _OPTIONS, _OPTIONS))
        pairs -= pairs.mean(axis=1, keepdims=True)
        pairs -= pairs.mean(axis=2, keepdims=True)  # of two options together, of none alone
        pairs[0] = 0
        couplings = rng.standard_normal((cells, _LONGEST, _OPTIONS))
        couplings -= couplings.mean(axis=2, keepdims=True)
        graph = np.stack([_signal(rng) for _ in range(cells)]) if cells else np.zeros((0, 1))
        terms = _Terms(shared + own, pairs, couplings, graph)
        # each part to its share of the variance
        rows = sample(self.space.compiled, stream(self.seed, "scale"), _SAMPLE)
        parts = _parts(terms, self._parents, *self._split(rows.values))
        means, sds = parts.mean(axis=1), parts.std(axis=1)
        given = np.sqrt(list(_SHARES.values())) * (sds > 0)
        additive, pairwise, effect = given / np.where(sds > 0, sds, 1.0) / np.sqrt((given**2).sum())
        shift = means @ [additive, pairwise, effect]
        return _Terms(
            additive * terms.additive - shift / layers,
            pairwise * pairs,
            pairwise * couplings,
            effect * graph,
        )

    @cached_property
    def _optimum(self) -> Float[Array, "1 D"]:
        """The best row: the best cell for each longest path, then the tree from its leaves up."""
        terms, parents = self._terms, self._parents
        longest = _longest_paths()
        gain = terms.additive.copy()  # [l o] of a layer's option and all that hangs on it
        rows = np.zeros((self.cells, _LONGEST), dtype=np.int64)
        for c in range(self.cells):
            effects = np.where(longest == np.arange(_LONGEST)[:, None], terms.graph[c], -np.inf)
            rows[c] = effects.argmax(axis=1)
            gain[c] += (effects.max(axis=1)[:, None] + terms.couplings[c]).max(axis=0)
        choice = np.zeros((self.layers, _OPTIONS), dtype=np.int64)  # by the parent's option
        for k in range(self.layers - 1, 0, -1):
            through = terms.pairs[k] + gain[k]  # [parent's option, own]
            choice[k] = through.argmax(axis=1)
            gain[parents[k]] += through.max(axis=1)
        options = np.zeros(self.layers, dtype=np.int64)
        options[0] = gain[0].argmax()
        for k in range(1, self.layers):
            options[k] = choice[k, options[parents[k]]]
        chosen = []
        for c in range(self.cells):
            effects = terms.graph[c, rows[c]] + terms.couplings[c, :, options[c]]
            chosen += list(np.unravel_index(rows[c, effects.argmax()], (_OPTIONS,) * _EDGES))
        return np.array([[*chosen, *options]], dtype=float)


def synthetic(decisions: int, seed: int = 0) -> Synthetic:
    """A member of the family with a cell for every ten decisions.

    >>> synthetic(20).space.size == 5**20
    True
    """
    cells = decisions // 10
    return Synthetic(cells, decisions - _EDGES * cells, seed)


def _parts(terms: _Terms, parents: Array, cells: Array, options: Array) -> Float[Array, "3 n"]:
    """The additive, the pairwise and the graph part of rows."""
    layer, cell = np.arange(options.shape[1]), np.arange(cells.shape[1])
    pairwise = terms.pairs[layer, options[:, parents], options].sum(axis=1)
    paths = _longest_paths()[cells]
    pairwise += terms.couplings[cell, paths, options[:, cell]].sum(axis=1)
    return np.stack(
        [
            terms.additive[layer, options].sum(axis=1),
            pairwise,
            terms.graph[cell, cells].sum(axis=1),
        ]
    )


@cache
def _all_cells() -> GraphBatch:
    """The graphs of all cells in the order of their rows."""
    rows = np.indices((_OPTIONS,) * _EDGES).reshape(_EDGES, -1).T
    return CELL.graphs(rows.astype(float)).pruned()


@cache
def _longest_paths() -> Int[Array, " r"]:
    """How many operations the longest path of each cell passes; 0 where none leads through."""
    batch = _all_cells()
    passed: Array = np.full(batch.labels.shape, -1)
    passed[:, 0] = 0
    for v in range(1, passed.shape[1]):
        before = np.where(batch.adjacency[:, :v, v] > 0, passed[:, :v], -1).max(axis=1)
        inner = v < passed.shape[1] - 1
        passed[:, v] = np.where(before >= 0, before + inner, -1)
    return np.maximum(passed[:, -1], 0)


def _signal(rng: Rng) -> Float[Array, " r"]:
    """The effect of each cell: what is left of a signal where it leaves, in several channels.

    A vertex passes on a multiple, by its operation, of s / (1 + s), where s is the sum that it
    gets. Cells that nothing passes are as bad as the worst other.
    """
    batch = _all_cells()
    total = np.zeros(len(batch))
    for weight in rng.standard_normal(_CHANNELS):
        gains = dict(zip(OPS, np.exp(rng.standard_normal(_OPTIONS)), strict=True))
        heights: Array = np.zeros(batch.labels.shape)
        heights[:, 0] = 1
        for v in range(1, heights.shape[1]):
            heights[:, v] = (heights[:, :v] * batch.adjacency[:, :v, v]).sum(axis=1)
            if v < heights.shape[1] - 1:
                gain = sum(g * (batch.labels[:, v] == label(op)) for op, g in gains.items())
                heights[:, v] = gain * heights[:, v] / (1 + heights[:, v])
        leaving = np.log1p(heights[:, -1])
        total += weight * leaving / leaving.std()
    return np.where(heights[:, -1] > 0, total, total[heights[:, -1] > 0].min())
