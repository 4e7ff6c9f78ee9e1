"""How many different classes a population has, judged by a random sample of it.

A class whose share of the population is p is seen a Poisson number of times with mean `draws * p`,
where the number of draws is Poisson itself; so the classes are independent of each other. Which
histograms of shares could have given the counts that were seen? Of all that are consistent with
them, the one with the fewest classes and the one with the most are the bounds: two linear programs.
The most needs a smallest share; without one there may always be more classes, too rare to be seen.

Notation: k bins of counts and one for all that were seen, p shares on a grid.
    low, high  [k]    of the mean number of classes in a bin     chance  [k p]  to fall into it
Source: Efron and Thisted 1976, section 5 (the linear programs); Valiant and Valiant 2017,
algorithm 1 (bins, grid); Garwood 1936 (intervals of the means).
"""

from __future__ import annotations

from math import ceil, floor, inf
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.special import gammaincinv, pdtr

from archbo.arrays import Array, Float, Int

_STEP = 1.06  # from one share of the grid to the next: finer changes no bound by a percent
_SINGLE = 24  # multiplicities up to this are on the grid, each
_BIN = 1.4  # from the start of one bin of counts to the next, beyond the first few
_RARE = 1e-4  # draws times share: a class as rare as this is as good as never seen
_NEVER = 1e-9  # smaller coefficients confuse the solver
_ROUNDING = 1e-6  # of the solver, in classes


class Bounds(NamedTuple):
    """A number is at least `low` and at most `high`; None where nothing bounds it from above."""

    low: int
    high: int | None

    @property
    def exact(self) -> bool:
        """Whether the number is known."""
        return self.low == self.high


def class_bounds(
    counts: Int[Array, " s"], *, draws: float, population: int | None, error: float = 0.05
) -> Bounds:
    """Bounds for the number of classes of a population, right with probability 1 - `error`.

    They are conservative: right more often than they promise.

    Args:
        counts: how often each class was seen that was seen at all.
        draws: the mean of the Poisson number of draws, with replacement, that gave the counts.
        population: how many members there are, each as likely to be drawn as any other; None
            where they are infinitely many or unequally likely: then nothing bounds from above.
        error: how often the bounds may be wrong.
    """
    edges = _bins(int(counts.max(initial=1)))
    seen = np.append(np.histogram(counts, bins=edges)[0], len(counts))
    low, high = _means(seen, error / len(seen))
    shares = _grid(draws, population)
    below = pdtr(edges[:, None] - 1, draws * shares)  # [k p]: seen less often than at each edge
    chance = np.vstack([np.diff(below, axis=0), -np.expm1(-draws * shares)])
    least = max(len(counts), ceil(_extreme(chance, low, high, shares, sign=1) - _ROUNDING))
    if population is None:
        return Bounds(least, None)
    most = min(population, _extreme(chance, low, high, shares, sign=-1) + _ROUNDING)
    return Bounds(min(least, population), max(len(counts), floor(most)))


def _bins(largest: int) -> Array:
    """Edges of bins of counts: 1, 2, 3, 4, then wider and wider ones up to the largest count."""
    edges = [1, 2, 3, 4, 5]
    while edges[-1] <= largest:
        edges.append(max(edges[-1] + 1, int(edges[-1] * _BIN)))
    return np.array(edges)


def _means(seen: Int[Array, " k"], error: float) -> tuple[Array, Array]:
    """Between what the mean of each count lies; a sum of indicators varies less than a Poisson."""
    low = np.where(seen > 0, gammaincinv(np.maximum(seen, 1), error / 2), 0.0)
    return low, gammaincinv(seen + 1.0, 1 - error / 2)


def _grid(draws: float, population: int | None) -> Float[Array, " p"]:
    """Shares from the smallest possible to 1."""
    smallest = _RARE / draws if population is None else 1 / population
    grid = smallest * _STEP ** np.arange(np.log(1 / smallest) / np.log(_STEP) + 1)
    if population is not None:
        few = np.arange(1, _SINGLE) / population
        grid = np.concatenate([few, grid[grid > _SINGLE / population]])
    return np.unique(np.minimum(grid, 1.0))


def _extreme(chance: Array, low: Array, high: Array, shares: Array, *, sign: int) -> float:
    """The fewest (sign 1) or most (sign -1) classes of any histogram that gives such means.

    Its variables are the members in the classes of each share; all sizes are near 1.
    """
    size = np.maximum(high, 1.0)
    rows = chance / shares / size[:, None]
    rows = np.where(rows > _NEVER, rows, 0.0)
    result = linprog(
        sign * shares[0] / shares,
        A_ub=np.vstack([rows, -rows]),
        b_ub=np.concatenate([high / size, -low / size]),
        A_eq=np.ones((1, len(shares))),
        b_eq=[1.0],
        bounds=(0, None),
        method="highs",
    )
    if result.status != 0:  # the sample is so unlikely that no histogram fits
        return 0.0 if sign == 1 else inf
    return sign * float(result.fun) / shares[0]
