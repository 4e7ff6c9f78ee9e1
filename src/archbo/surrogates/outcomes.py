"""Transforms of the objective that a Gaussian process can learn from, and back.

Notation: n observations, u different values among them, c predictions.
    y  [n]  the objective, larger is better               z  [n]  transformed, mean 0 and sd 1
    values, scores  [u]  the different y, ascending, and their z
A transform is monotone. The way back is the piecewise-linear function through (scores, values).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtr, ndtri

from archbo.arrays import Array, Float, Int
from archbo.surrogates.gp import require_finite

_TAIL = 4
"""Beyond the observed, the way back goes on with the mean slope of the outermost 1 / _TAIL."""

_LEAST_SD = 1e-12
"""Of a prediction, in units of z: an sd of 0 would be divided by."""

_CHUNK = 64  # predictions turned back at once: bounds the memory

_SQRT_2PI = float(np.sqrt(2 * np.pi))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Transformed observations, and the way back.

    Attributes:
        z: [n] transformed; mean 0, and standard deviation 1 unless all are equal.
        values: [u] the different observations, ascending.
        scores: [u] what each is transformed to.
    """

    z: Float[Array, " n"]
    values: Float[Array, " u"] = field(repr=False)
    scores: Float[Array, " u"] = field(repr=False)

    def to_objective(
        self, mean: Float[Array, " c"], sd: Float[Array, " c"]
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and standard deviation in the objective's units of normal z; exact.

        After a single observed value y nothing is known of the scale: an sd of 1 is taken for |y|
        (for 1 if y is 0). Without any, z itself is given back.
        """
        if len(self.values) == 0:
            return mean, sd
        parts = [
            self._moments(mean[k : k + _CHUNK], sd[k : k + _CHUNK])
            for k in range(0, len(mean), _CHUNK)
        ] or [(mean, sd)]
        expected, deviation = (np.concatenate(found) for found in zip(*parts, strict=True))
        return expected, deviation

    def _moments(self, mean: Array, sd: Array) -> tuple[Array, Array]:
        anchors, heights, slopes = self._pieces()
        sd = np.maximum(sd, _LEAST_SD)
        edges = np.concatenate([[-np.inf], self.scores, [np.inf]])
        # Piece i is heights_i + slopes_i (z - anchors_i) between edges i and i + 1. With
        # z = mean + sd v, its moments are those of a standard normal v cut at t.
        t = (edges[:, None] - mean) / sd  # [u+2 c]
        density = np.exp(-0.5 * t * t) / _SQRT_2PI
        weighted = np.where(np.isinf(t), 0.0, t) * density
        mass = np.diff(ndtr(t), axis=0)
        first = -np.diff(density, axis=0)  # of v
        second = mass - np.diff(weighted, axis=0)  # of v²
        rise = slopes[:, None] * sd
        level = heights[:, None] + slopes[:, None] * (mean - anchors[:, None])
        expected = (level * mass + rise * first).sum(axis=0)
        level -= expected  # before squaring, so that a small deviation keeps its digits
        parts = level * level * mass + 2 * level * rise * first + rise * rise * second
        deviation = np.sqrt(np.maximum(parts.sum(axis=0), 0.0))
        return self.values[0] + self._span * expected, self._span * deviation

    @property
    def slope(self) -> float:
        """How much z grows with the objective among the best quarter; 0 for a single value."""
        if len(self.values) < 2:
            return 0.0
        k = max(1, (len(self.values) - 1) // _TAIL)
        return float(
            (self.scores[-1] - self.scores[-1 - k]) / (self.values[-1] - self.values[-1 - k])
        )

    @property
    def _span(self) -> float:
        """The unit in which the way back is computed, so that 1e12 and 1e-12 are alike."""
        if len(self.values) > 1:
            return float(self.values[-1] - self.values[0])
        return abs(float(self.values[0])) or 1.0

    def _pieces(self) -> tuple[Array, Array, Array]:
        """Anchor, height there and slope of each of the u + 1 pieces, heights from 0 to 1."""
        heights = (self.values - self.values[0]) / self._span
        scores, last = self.scores, len(self.scores) - 1
        if last == 0:
            low = high = 1.0
        else:
            k = max(1, last // _TAIL)
            low = (heights[k] - heights[0]) / (scores[k] - scores[0])
            high = (heights[-1] - heights[-1 - k]) / (scores[-1] - scores[-1 - k])
        slopes = np.concatenate([[low], np.diff(heights) / np.diff(scores), [high]])
        first = [0, *range(last + 1)]  # each piece but the first starts at its anchor
        return scores[first], heights[first], slopes


@runtime_checkable
class OutcomeTransform(Protocol):
    """A monotone transform that is fitted to what was observed."""

    def __call__(self, y: Float[Array, " n"]) -> Outcomes:
        """The transformed observations, and the way back."""
        ...


@dataclass(frozen=True, slots=True)
class RankTransform:
    """Normal scores of the ranks, standardised: only the order of the objective counts.

    Equal values share their mean rank r of 1 to n, whose score is that of (r - 1/2) / n.

    >>> outcomes = RankTransform()(np.array([0.1, 0.9, 0.94]))
    >>> outcomes.z.round(3).tolist()
    [-1.225, 0.0, 1.225]
    >>> mean, sd = outcomes.to_objective(np.array([1.0]), np.array([0.1]))
    >>> float(mean[0].round(3)), float(sd[0].round(3))
    (0.933, 0.003)
    """

    def __call__(self, y: Float[Array, " n"]) -> Outcomes:
        """Transform observations.

        Raises:
            NumericalError: if one is not finite.
        """
        values, which, counts = _unique(y)
        rank = np.cumsum(counts) - (counts - 1) / 2
        return _standardise(values, ndtri((rank - 0.5) / max(1, len(y))), which)


@dataclass(frozen=True, slots=True)
class HalfRank:
    """Keeps the upper half as it is and gives the lower half normal scores, standardised.

    Differences among the good then count by their size, and how bad the bad are does not. The
    lower half follows the lower half of a normal distribution around the median whose standard
    deviation is that of the upper half.
    Source: Song et al. 2024, "The Vizier Gaussian Process Bandit Algorithm"
    (https://arxiv.org/abs/2408.11527), and Vizier's HalfRankComponent.
    """

    def __call__(self, y: Float[Array, " n"]) -> Outcomes:
        """Transform observations.

        Raises:
            NumericalError: if one is not finite.
        """
        values, which, _ = _unique(y)
        if len(y) == 0:
            return _standardise(values, values, which)
        above = values - np.median(y)
        below = int((above < 0).sum())
        good = above[below:]
        # If the upper half is all equal, the whole gives the standard deviation.
        sd = _root_mean_square(good) or _root_mean_square(above)
        quantile = 0.5 * (np.arange(below) + 0.5) / (below + (0.5 if good[0] == 0 else 0.0))
        return _standardise(values, np.concatenate([sd * ndtri(quantile), good]), which)


def _unique(y: Float[Array, " n"]) -> tuple[Array, Int[Array, " n"], Int[Array, " u"]]:
    """The different values, ascending; which one each is; how often each occurs."""
    require_finite(y)
    return np.unique(np.asarray(y, dtype=float), return_inverse=True, return_counts=True)


def _root_mean_square(x: Float[Array, " n"]) -> float:
    largest = float(np.abs(x).max())  # divided out, so that squares cannot under- or overflow
    return largest * float(np.sqrt(np.mean((x / largest) ** 2))) if largest else 0.0


def _standardise(
    values: Float[Array, " u"], scores: Float[Array, " u"], which: Int[Array, " n"]
) -> Outcomes:
    """Shift and scale the scores so that the observations have mean 0 and sd 1."""
    z = scores[which]
    if len(values) > 1:
        scores = scores - z.mean()
        scores = scores / _root_mean_square(scores[which])
    else:
        scores = np.zeros(len(values))
    # Values that differ by rounding error only may share a score: the way back needs one of them.
    kept = np.diff(scores, prepend=-np.inf) > 0
    return Outcomes(scores[which], values[kept], scores[kept])
