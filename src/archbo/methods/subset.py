"""Which observations a Gaussian process learns from where there are too many for all of them.

Notation: n observations, f networks in focus, m positions.
What is predicted is mostly near the best, so what is near in the prior covariance decides; the best
and the newest are always in, and some of the rest, spread over the time of the search, say what is
usual elsewhere. All is a function of the data alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archbo.arrays import Array, Bool, Float, Int
from archbo.kernels import Encoded, Found, Kernel
from archbo.kernels.blocks import count_rows, rows

ALL = 600
"""Up to so many observations are all learned from."""

FITTED = 300
"""Hyperparameters are fitted to at most so many: more hardly change them, and cost their cube."""

_GROWTH = 16
"""Beyond `ALL`, one of so many more is learned from."""

_RECHOSEN = 32
"""The subset is chosen again after so many more."""

BEST, NEWEST, SPREAD = 1 / 6, 1 / 12, 1 / 3
"""Parts of those that are learned from; the others are the nearest."""

_GOLDEN = 0.6180339887498949

_CHUNK = 1024  # rows compared at once: bounds the memory


def learned(n: int) -> int:
    """How many of n observations are learned from."""
    return n if n <= ALL else ALL + (n - ALL) // _GROWTH


def anchor(n: int, fitted: int) -> int:
    """From so many of n observations the subset is chosen; those after them are added.

    Args:
        n: how many there are.
        fitted: how many there were when the hyperparameters were fitted.
    """
    return fitted if n <= ALL else n - (n - fitted) % _RECHOSEN


def local(z: Float[Array, " n"], near: Float[Array, " n"], m: int) -> Int[Array, " m"]:
    """Positions of m observations, ascending: the best, the newest, some spread, the nearest.

    Args:
        z: what was observed, larger is better.
        near: how near each is to what will be predicted, larger is nearer.
        m: how many; all if there are not more.
    """
    n = len(z)
    if n <= m:
        return np.arange(n)
    chosen = np.zeros(n, dtype=bool)
    chosen[np.argsort(-z, kind="stable")[: int(m * BEST)]] = True
    chosen[n - int(m * NEWEST) :] = True
    chosen[np.linspace(0, n - 1, int(m * SPREAD)).astype(np.int64)] = True
    return np.flatnonzero(_filled(chosen, near, m))


def spread(z: Float[Array, " n"], m: int) -> Int[Array, " m"]:
    """Positions of m observations, ascending: the best quarter of them, the others spread.

    Args:
        z: what was observed, larger is better.
        m: how many; all if there are not more.
    """
    n = len(z)
    if n <= m:
        return np.arange(n)
    chosen = np.zeros(n, dtype=bool)
    chosen[np.argsort(-z, kind="stable")[: m // 4]] = True
    # the golden ratio's multiples spread evenly, however many there are
    return np.flatnonzero(_filled(chosen, -(np.arange(n) * _GOLDEN % 1.0), m))


def _filled(chosen: Bool[Array, " n"], merit: Float[Array, " n"], m: int) -> Bool[Array, " n"]:
    """Those that are chosen, and the others of most merit, m together."""
    order = np.argsort(-merit, kind="stable")
    chosen[order[~chosen[order]][: m - int(chosen.sum())]] = True
    return chosen


def nearness(
    kernels: Sequence[Kernel],
    thetas: Sequence[Float[Array, " p"]],
    encoded: Encoded,
    focus: Encoded,
) -> Float[Array, " n"]:
    """The largest prior correlation of each row with one in focus, averaged over the kernels."""
    n = count_rows(encoded)
    correlation = np.zeros((n, count_rows(focus)))
    against = [k.against(theta, focus) for k, theta in zip(kernels, thetas, strict=True)]
    priors = [k.diagonal(theta, 1)[0] for k, theta in zip(kernels, thetas, strict=True)]
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        found: Found = {}
        for covariance, prior in zip(against, priors, strict=True):
            correlation[part] += covariance(rows(encoded, part), found) / prior
    return correlation.max(axis=1, initial=0.0)
