"""Trainings in stages: what one more stage is worth, when each later one can be left out.

A training whose final value is F has stages; after each it can be stopped for good. What is
expected of F after stage k, m_k, moves from stage to stage by independent normal steps, since all
is normal. The rate of a training is the most improvement per cost that a rule of when to stop
reaches,
    max over rules of E[(F - g)+ where all stages were trained] / E[cost of the stages trained],
with g the value to improve on. With one stage it is expected improvement per cost.

Notation: c trainings, K stages, G points of a grid.
    W_k(m)  [c G]  the most improvement less `rate` times cost from stage k on, never negative
Source: backward induction for the rate, which is found as in Dinkelbach 1967; the index of a
training is that of Dumitriu, Tetali and Winkler 2003 and Xie et al. 2024 for boxes that open in
steps, with a price per cost instead of a prize.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from archbo.arrays import Array, Float, Int

_POINTS = 41
"""Of the grid of what may be expected of a training."""

_REACH = 5.0
"""The grid spans so many standard deviations to both sides."""

_ROUNDS = 8
"""Of the iteration for the rate, which gains digits like Newton's."""

_TINY = 1e-12
"""A part of the spread below which a step is none."""


class Rates(NamedTuple):
    """Of c trainings.

    Attributes:
        rate: [c] expected improvement per cost.
        stage: [c] the stage to train up to first, before it is decided again.
    """

    rate: Float[Array, " c"]
    stage: Int[Array, " c"]


def best_rates(
    mean: Float[Array, " c"],
    steps: Float[Array, "c K"],
    costs: Float[Array, "c K"],
    threshold: float,
    *,
    fresh: bool = False,
) -> Rates:
    """The rate of each training.

    Args:
        mean: what is expected of F now.
        steps: standard deviations of what each stage tells of F. Of the last one, of all that is
            not known before it.
        costs: of each stage, positive; infinite for one that there is not.
        threshold: g.
        fresh: whether each stage is a training of its own: then one may be left out, which saves
            its cost, else a later stage passes through it.
    """
    c, K = steps.shape
    spread = np.sqrt((steps**2).sum(axis=1))
    spread = np.where(spread > 0, spread, 1.0)
    half = _POINTS // 2
    unit = np.arange(-half, half + 1) * (_REACH / half)
    grid = mean[:, None] + spread[:, None] * unit  # [c G]
    sds = steps / spread[:, None]
    gain = _improvement(grid - threshold, steps[:, -1:])
    moves: dict[tuple[int, int], Array] = {}
    for k in range(K - 1):
        for j in range(k, K - 1) if fresh else (k,):
            sd = np.sqrt((sds[:, k : j + 1] ** 2).sum(axis=1))
            moves[k, j] = _moves(sd, unit)
    last = {K - 1: gain}
    if fresh:
        for k in range(K - 1):
            rest = np.sqrt((steps[:, k:] ** 2).sum(axis=1))[:, None]
            last[k] = _improvement(grid - threshold, rest)
    first = np.zeros(c, dtype=np.int64)
    total = costs if fresh else np.cumsum(costs, axis=1)
    through = _improvement(mean - threshold, np.sqrt((steps**2).sum(axis=1)))
    rate = through / (costs[:, -1] if fresh else total[:, -1])
    for _ in range(_ROUNDS):
        reward, cost, first = _follow(rate, moves, last, costs, half)
        better = np.divide(reward, cost, out=np.zeros(c), where=cost > 0)
        done = better <= rate * (1 + 1e-6)
        rate = np.maximum(rate, better)
        if done.all():
            break
    return Rates(rate, first)


def _follow(
    rate: Array,
    moves: dict[tuple[int, int], Array],
    last: dict[int, Array],
    costs: Array,
    half: int,
) -> tuple[Array, Array, Array]:
    """Improvement and cost of the best rule at a price, and its first stage; [c] each.

    The first stage is always trained.
    """
    c, K = costs.shape
    rewards: list[Array] = [np.zeros(0)] * K
    spent: list[Array] = [np.zeros(0)] * K
    first = np.zeros(c, dtype=np.int64)
    for k in reversed(range(K)):
        options = []
        for j in range(k, K):
            if j == K - 1 and k in last:
                options.append((j, last[k], np.broadcast_to(costs[:, -1:], last[k].shape)))
            elif (k, j) in moves:
                P = moves[k, j]
                r = np.matmul(P, rewards[j + 1][..., None])[..., 0]
                s = np.matmul(P, spent[j + 1][..., None])[..., 0] + costs[:, j : j + 1]
                options.append((j, r, s))
        worth = np.stack([r - rate[:, None] * s for _, r, s in options])
        which = worth.argmax(axis=0)
        reward = np.choose(which, [r for _, r, _ in options])
        cost = np.choose(which, [s for _, _, s in options])
        if k == 0:
            names = np.array([j for j, _, _ in options])
            return reward[:, half], cost[:, half], names[which[:, half]]
        stop = worth.max(axis=0) <= 0
        rewards[k], spent[k] = np.where(stop, 0.0, reward), np.where(stop, 0.0, cost)
    return np.zeros(c), np.ones(c), first


def _improvement(gap: Array, sd: Array) -> Array:
    """E[(gap + sd x)+] of a standard normal x."""
    safe = np.where(sd > 0, sd, 1.0)
    z = gap / safe
    pdf = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.where(sd > 0, np.maximum(safe * (pdf + z * ndtr(z)), 0.0), np.maximum(gap, 0.0))


def _moves(sd: Float[Array, " c"], unit: Float[Array, " G"]) -> Float[Array, "c G G"]:
    """Weights, from row to column, with which a function on the grid is averaged.

    Exact for what is linear between the points and constant beyond the ends.
    """
    G, step = len(unit), unit[1] - unit[0]
    kinks = np.arange(-G, G + 1) * step
    over = _improvement(-kinks[None], np.maximum(sd, _TINY)[:, None]) / step
    rising = over[:, :-1] - over[:, 1:]  # of what rises from 0 to 1 from a kink to the next
    apart = np.arange(G) - np.arange(G)[:, None] + G
    P = (rising[:, :-1] - rising[:, 1:])[:, apart - 1]
    P[:, :, 0] = 1 - rising[:, apart[:, 0]]
    P[:, :, -1] = rising[:, apart[:, -1] - 1]
    return np.maximum(P, 0.0)
