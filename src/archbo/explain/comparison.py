"""Why one network is expected to be better than another: what each difference is worth.

The worth of a difference is its Shapley value: what changing it adds, averaged over all orders in
which the differences may be changed. So it depends on no order, and all of them add up.

Notation: k differences, p networks between the two.
Source: Shapley 1953; by sampled orders, Castro, Gómez and Tejada 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from archbo.arrays import Array, Bool, Float, Int, Rng
from archbo.explain.levels import option_names
from archbo.explain.models import Model
from archbo.problem import Problem
from archbo.spaces import Architecture, CompiledSpace, Rows
from archbo.spaces.part import Kind

_EXACT = 9  # up to so many differences all 2^k networks between the two are looked at
_NETWORKS = 800  # beyond, about so many along random orders, each forwards and backwards
_MOST = 64  # differences that are told apart; more are taken as one
_DRAWS = 128
_LEAST_SD = 1e-12  # would be divided by


class Difference(NamedTuple):
    """One decision in which two networks differ, with those that it switches on or off.

    Attributes:
        decision: its path.
        here, there: what the network has, and what the other one.
        gain: expected of having it as here; positive is better.
        sd: of the gain, over functions from the posterior.
        certainty: probability that the gain's direction is right, on the model's scale.
    """

    decision: str
    here: str
    there: str
    gain: float
    sd: float
    certainty: float


class Comparison(NamedTuple):
    """What is expected of a network, and why, beside another one.

    Attributes:
        architecture, other: the networks.
        expected, expected_sd: of the network's noise-free result, in units of the objective.
        gain, sd, certainty: by how much it is expected to be better than the other one, as for a
            difference. What is a trained network's own beside its decisions is left out here.
        differences: the largest gain first; their gains add up to the whole.
    """

    architecture: Architecture
    other: Architecture
    expected: float
    expected_sd: float
    gain: float
    sd: float
    certainty: float
    differences: tuple[Difference, ...]


def compare(
    problem: Problem, model: Model, arch: Architecture, other: Architecture, rng: Rng
) -> Comparison:
    """A network beside another one, difference by difference."""
    compiled, a, b = problem.compiled, arch.rows, other.rows
    lists = differing(compiled, a, b)
    if len(lists) > _MOST:
        lists = [[d for columns in lists for d in columns]]
    (mean,), (sd,) = model.expected(a, model.places(a))
    differences = []
    whole = 0.0, 0.0, 0.5
    if lists:
        *each, whole = _worth(compiled, model, a, b, lists, rng)
        differences = [
            Difference(
                compiled.decisions[d].path.removeprefix("space").removeprefix(".") or "space",
                _shown(compiled, a, d),
                _shown(compiled, b, d),
                *numbers,
            )
            for (d, *_), numbers in zip(lists, each, strict=True)
        ]
    differences.sort(key=lambda difference: -difference.gain)
    expected = float(problem.objective.inward(mean))  # turning inward is its own inverse
    return Comparison(arch, other, expected, float(sd), *whole, tuple(differences))


def _worth(
    compiled: CompiledSpace, model: Model, a: Rows, b: Rows, lists: list[list[int]], rng: Rng
) -> list[tuple[float, float, float]]:
    """Gain, sd and certainty of each list of columns, and of all together."""
    k = len(lists)
    subsets, weights = _all_subsets(k) if k <= _EXACT else _along_orders(k, rng)
    weights = np.vstack([weights, weights.sum(axis=0)])
    rows = between(compiled, a, b, lists, subsets)
    levels = model.draws(rows, rng, _DRAWS)
    gain = weights @ model.expected(rows)[0]
    sd = (model.to_objective(levels) @ weights.T).std(axis=0)
    apart = (levels @ weights.T).std(axis=0)
    ahead = np.sign(gain) * (weights @ model.mean(rows))
    certainty = ndtr(ahead / np.maximum(apart, _LEAST_SD))
    return list(zip(gain.tolist(), sd.tolist(), certainty.tolist(), strict=True))


def differing(compiled: CompiledSpace, a: Rows, b: Rows) -> list[list[int]]:
    """The columns in which two rows differ, those that change together in one list.

    What a decision switches on or off changes with it, and so do all columns of a part of which not
    every combination is a member, such as a cell with free edges.
    """
    both = a.active[0] & b.active[0]
    apart = both & (a.values[0] != b.values[0])
    switched = a.active[0] != b.active[0]
    group = np.arange(len(both))
    for block in compiled.constrained:
        group[block.columns] = np.minimum(group[block.columns], block.start)
    found: dict[int, list[int]] = {}
    for d in np.flatnonzero(apart).tolist():
        found.setdefault(int(group[d]), []).append(d)
    for d in np.flatnonzero(switched).tolist():
        parents = np.flatnonzero(compiled.dependents[:, d] & apart)
        found[int(group[parents[0]])].append(d)
    return list(found.values())


def between(
    compiled: CompiledSpace,
    a: Rows,
    b: Rows,
    lists: Sequence[Sequence[int]],
    subsets: Bool[Array, "p k"],
) -> Rows:
    """Networks that have each list of columns as in a where the subset says so, else as in b."""
    values = np.repeat(np.where(b.active, b.values, 0.0), len(subsets), axis=0)
    for columns, chosen in zip(lists, subsets.T, strict=True):
        values[np.ix_(chosen, columns)] = a.values[0, list(columns)]
    # what both leave out may be switched on in between, where it starts from its default
    neither = np.flatnonzero(~(a.active[0] | b.active[0]))
    values[:, neither] = [compiled.decisions[d].default for d in neither]
    # what only one of them takes is what it is there, wherever it is taken
    only = np.flatnonzero(a.active[0] & ~b.active[0])
    values[:, only] = a.values[0, only]
    return compiled.rows(values)


def _all_subsets(k: int) -> tuple[Bool[Array, "p k"], Float[Array, "k p"]]:
    """Every subset, and what its value counts for each difference's worth."""
    subsets = (np.arange(2**k)[:, None] >> np.arange(k) & 1).astype(bool)
    size = subsets.sum(axis=1)
    joined = np.array([0.0, *(1 / (k * comb(k - 1, j - 1)) for j in range(1, k + 1))])
    left = np.array([*(1 / (k * comb(k - 1, j)) for j in range(k)), 0.0])
    return subsets, np.where(subsets.T, joined[size], -left[size])


def _along_orders(k: int, rng: Rng) -> tuple[Bool[Array, "p k"], Float[Array, "k p"]]:
    """The subsets along random orders, each forwards and backwards, and their weights."""
    pairs = max(1, _NETWORKS // (2 * (k + 1)))
    orders = [order for _ in range(pairs) for order in _both_ways(rng.permutation(k))]
    subsets = np.zeros((len(orders) * (k + 1), k), dtype=bool)
    weights = np.zeros((k, len(subsets)))
    for i, order in enumerate(orders):
        start = i * (k + 1)
        for step, j in enumerate(order.tolist(), start=1):
            subsets[start + step :][: k + 1 - step, j] = True
            weights[j, start + step] += 1 / len(orders)
            weights[j, start + step - 1] -= 1 / len(orders)
    different, place = np.unique(subsets, axis=0, return_inverse=True)
    merged = np.zeros((k, len(different)))
    np.add.at(merged.T, place.ravel(), weights.T)
    return different, merged


def _both_ways(order: Int[Array, " k"]) -> tuple[Int[Array, " k"], Int[Array, " k"]]:
    return order, order[::-1]


def _shown(compiled: CompiledSpace, row: Rows, d: int) -> str:
    """A decision's value as people read it."""
    value = row.values[0, d]
    decision = compiled.decisions[d]
    if decision.near is not None or decision.kind is not Kind.CATEGORICAL:
        return f"{value:.4g}"
    return option_names(compiled, d)[int(value)]
