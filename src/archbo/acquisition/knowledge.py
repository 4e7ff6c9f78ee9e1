"""Knowledge gradient on a finite pool: how much better the best expected network will be.

Notation: c candidates, n known rows, l = n + c lines, one for each row that may be named the best.
    level  [l]    posterior mean of each row now
    slope  [c l]  by how much it moves, a training of the candidate ending one sd above its mean
Source: Frazier et al. 2009, equations 13 to 15 and algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from archbo.acquisition.base import Averaging, Outlook, joint_model
from archbo.acquisition.normal import log_h
from archbo.arrays import Array, Float
from archbo.kernels.blocks import count_rows, join_rows

_FARTHEST = 1e150
"""Where two almost parallel lines cross at most: far beyond all that counts, and its square is a
number."""

_LEAST_VARIANCE = 1e-300  # of a measurement, where neither the model nor the noise leaves any


@dataclass(frozen=True, slots=True)
class LogKnowledgeGradient:
    """Log of how much a training is expected to raise the largest posterior mean.

    The largest is taken over all candidates and known rows, whichever they will turn out to be.
    """

    averaging: ClassVar[Averaging] = Averaging.LOGS
    pool_wide: ClassVar[bool] = True

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        model, n = joint_model(outlook, self), count_rows(outlook.known)
        together = model.joint(join_rows(outlook.known, outlook.candidates), observed=n)
        covariance = together.covariance[n:]  # [c l]
        spread = np.maximum(together.variance[n:] + model.noise, _LEAST_VARIANCE)
        return log_expected_rise(together.mean, covariance / np.sqrt(spread)[:, None])


def log_expected_rise(level: Float[Array, " l"], slope: Float[Array, "c l"]) -> Float[Array, " c"]:
    """Log of E max_i (level_i + slope_i Z) - max_i level_i for a standard normal Z; exact.

    The upper envelope of the lines is walked from left to right for all c at once; each of its
    corners z, where the slope grows by b, adds b (phi(z) - |z| Phi(-|z|)).

    Args:
        level: where the lines cross Z = 0.
        slope: of the lines, for each candidate.
    """
    c = len(slope)
    every = np.arange(c)
    total = np.full(c, -np.inf)
    # the leftmost line has the smallest slope, and is the highest of those
    lowest = slope.min(axis=1, keepdims=True)
    line = np.where(slope == lowest, level, -np.inf).argmax(axis=1)
    walking = np.ones(c, dtype=bool)
    while walking.any():
        rows = every[walking]
        current = line[rows]
        steeper = slope[rows] - slope[rows, current][:, None]  # [w l]
        above = steeper > 0
        drop = level[current][:, None] - level
        with np.errstate(over="ignore"):
            corner = np.clip(drop / np.where(above, steeper, 1.0), -_FARTHEST, _FARTHEST)
        corner = np.where(above, corner, np.inf)
        nearest = corner.min(axis=1, keepdims=True)
        # of the lines that cross there the steepest goes on
        following = np.where(corner == nearest, steeper, -np.inf).argmax(axis=1)
        reached = np.isfinite(nearest[:, 0])
        z, growth = nearest[reached, 0], steeper[reached, following[reached]]
        moved = rows[reached]
        total[moved] = np.logaddexp(total[moved], np.log(growth) + log_h(-np.abs(z)))
        line[moved] = following[reached]
        walking[rows[~reached]] = False
    return total


def log_repeat_gain(
    mean: Float[Array, " n"], variance: Float[Array, " n"], noise: float
) -> Float[Array, " n"]:
    """Log of how much one more training of each known row raises the largest mean, in nats.

    Rows are taken for independent: what is learned of one says nothing of the others. -inf where a
    training teaches nothing, or where there is no other row to be named instead.

    >>> log_repeat_gain(np.array([0.0, 0.0]), np.array([1.0, 0.0]), 0.0).round(3).tolist()
    [-0.919, -inf]

    Args:
        mean: of each row's noise-free objective.
        variance: of it.
        noise: variance of one training.
    Source: Frazier et al. 2008, equations 4.8 to 4.10 (https://doi.org/10.1137/070693424).
    """
    gain = np.full(len(mean), -np.inf)
    teaches = variance > 0
    if len(mean) < 2 or not teaches.any():
        return gain
    first, second = np.argsort(-mean, kind="stable")[:2]
    others = np.full(len(mean), mean[first])  # the best of the others
    others[first] = mean[second]
    spread = variance[teaches] / np.sqrt(variance[teaches] + noise)
    gain[teaches] = np.log(spread) + log_h(-np.abs(mean - others)[teaches] / spread)
    return gain
