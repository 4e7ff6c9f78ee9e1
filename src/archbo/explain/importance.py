"""How much of what the surrogate sees differ between networks comes from which decision.

The variance of the objective over the space's prior is split into that of single decisions, of
pairs beyond their single ones, and a rest. A decision that only some networks take counts by its
variance among these, times their share; a pair among those that take both.

Notation: s functions, n members, l levels, c cells of two decisions' table.
Source: functional ANOVA, Sobol 1993; of surrogates of algorithm configuration, Hutter, Hoos and
Leyton-Brown 2014, section 3 (https://proceedings.mlr.press/v32/hutter14.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Float, Int
from archbo.explain.landscape import Landscape
from archbo.explain.levels import Levels

_PAIRED = 16  # pairs of so many decisions, the most important ones, are looked at


class Importance(NamedTuple):
    """One decision's share of the variance.

    Attributes:
        decision: its path.
        share: of the posterior mean's variance, 0 to 1.
        sd: of the share, over functions from the posterior.
    """

    decision: str
    share: float
    sd: float

    @property
    def name(self) -> str:
        """The decision, as a figure calls it."""
        return self.decision

    @property
    def value(self) -> float:
        """The share, as a figure calls it."""
        return self.share


class Interaction(NamedTuple):
    """What two decisions explain together beyond what each explains by itself."""

    decisions: tuple[str, str]
    share: float
    sd: float


class Decomposition(NamedTuple):
    """Both, the largest first, and what is left.

    Attributes:
        single, pairs: of decisions.
        rest: the share of what more decisions explain together; NaN where not all pairs were looked
            at.
    """

    single: tuple[Importance, ...]
    pairs: tuple[Interaction, ...]
    rest: float


def decompose(landscape: Landscape, decisions: Sequence[Levels]) -> Decomposition:
    """Split the variance over the space."""
    levels = [decision.of(landscape.rows) for decision in decisions]
    single = [
        Importance(d.path, *_shares(landscape, (of,)))
        for d, of in zip(decisions, levels, strict=True)
    ]
    order = sorted(range(len(single)), key=lambda k: -single[k].share)
    looked = sorted(order[:_PAIRED])
    pairs = [
        Interaction(
            (decisions[a].path, decisions[b].path), *_shares(landscape, (levels[a], levels[b]))
        )
        for a, b in combinations(looked, 2)
    ]
    rest = 1.0 - sum(p.share for p in single) - sum(p.share for p in pairs)
    return Decomposition(
        tuple(single[k] for k in order),
        tuple(sorted(pairs, key=lambda pair: -pair.share)),
        float(np.clip(rest, 0.0, 1.0)) if len(decisions) <= _PAIRED else float("nan"),
    )


def _shares(landscape: Landscape, levels: Sequence[Int[Array, " M"]]) -> tuple[float, float]:
    """The share of the mean function's variance, and its sd over the draws."""
    found = [
        variance_share(values, counts, [of[: len(counts)] for of in levels])
        for values, counts in landscape.sides
    ]
    return float(found[0][0]), float(found[1].std())


def variance_share(
    values: Float[Array, "s n"], counts: Float[Array, " n"], levels: Sequence[Int[Array, " n"]]
) -> Float[Array, " s"]:
    """The share of each function's variance that one decision, or two beyond each, explain.

    What chance alone makes of a sample is taken off: of groups whose means are compared, their
    number less that of the effects that are fitted before, times the variance inside over n.

    Args:
        values: of s functions at n members.
        counts: how often each member counts.
        levels: of one decision or of two; -1 where one is not taken.
    """
    total = _variance(values, counts)
    there = np.all([of >= 0 for of in levels], axis=0)
    n, y, of = counts[there], values[:, there], [own[there] for own in levels]
    if len(y[0]) < 2:
        return np.zeros(len(values))
    size = [int(own.max()) + 1 for own in of]
    cell = np.ravel_multi_index(tuple(of), tuple(size))
    cells, cell = np.unique(cell, return_inverse=True)
    onehot = np.zeros((len(n), len(cells)))
    onehot[np.arange(len(n)), cell] = n
    weight = onehot.sum(axis=0)
    means = y @ onehot / weight  # [s c]
    fitted, rank = _additive(means, weight, np.unravel_index(cells, size), size)
    between = (weight * (means - fitted) ** 2).sum(axis=1)
    inside = np.maximum((n * y**2).sum(axis=1) - (weight * means**2).sum(axis=1), 0.0)
    chance = (len(cells) - rank) * inside / max(n.sum() - len(cells), 1.0)
    explained = np.maximum(between - chance, 0.0) / counts.sum()
    return np.divide(explained, total, out=np.zeros(len(total)), where=total > 0)


def _additive(
    means: Float[Array, "s c"],
    weight: Float[Array, " c"],
    levels: Sequence[Int[Array, " c"]],
    size: Sequence[int],
) -> tuple[Float[Array, "s c"], int]:
    """What single decisions make of the cells by least squares, and how many effects that takes.

    Of one decision's cells that is their mean.
    """
    columns = [np.ones((len(weight), 1))]
    if len(levels) > 1:
        columns += [
            (of[:, None] == np.arange(k)).astype(float) for of, k in zip(levels, size, strict=True)
        ]
    X = np.hstack(columns) * np.sqrt(weight)[:, None]
    left, kept, _ = np.linalg.svd(X, full_matrices=False)
    left = left[:, kept > 1e-9 * kept[0]]
    root = np.sqrt(weight)
    return (means * root) @ left @ left.T / root, left.shape[1]


def _variance(values: Float[Array, "s n"], counts: Float[Array, " n"]) -> Float[Array, " s"]:
    share = counts / counts.sum()
    middle = values @ share
    return ((values - middle[:, None]) ** 2) @ share
